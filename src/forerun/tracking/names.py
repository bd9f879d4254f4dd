"""The names of things in the store, in one place: whoever mines runs by other means finds them here.

A trial is one run of an experiment like `forerun/collect`:

    params    one per active domain of the configuration (a set as a JSON list), `seed`, `fidelity`
    metrics   loss, fit_seconds, predict_seconds, peak_memory_mb, model_kb, train_*, validation_*;
              curve_loss with one step per epoch
    tags      forerun.* below, hw.* (hardware and software), mlflow.source.git.commit
    inputs    the data set, under the task's name
    status    FINISHED, or FAILED with tags forerun.reason and forerun.error

A task is one run of `forerun/tasks` (facts as tags, meta-features as metrics mf.*), a search space one
run of `forerun/spaces` (its JSON in numbered tags, for a tag holds 8,000 characters).
"""

COLLECT = "forerun/collect"
TUNE = "forerun/tune"
BASELINES = "forerun/baselines"
META = "forerun/meta"
TASKS = "forerun/tasks"
SPACES = "forerun/spaces"

TRIAL = "forerun.trial"
CAMPAIGN = "forerun.campaign"
"""Which fine-tuning a training belongs to: the same task, data, settings and meta-learner."""
TASK = "forerun.task"
FAMILY = "forerun.family"
KIND = "forerun.kind"
SPACE = "forerun.space"
REASON = "forerun.reason"
ERROR = "forerun.error"
WRITER = "forerun.writer"
METRIC = "forerun.metric"
SOURCE = "forerun.source"
DIGEST = "forerun.digest"
SPACE_JSON = "forerun.space.json."
"""Prefix; three digits follow."""

HARDWARE = "hw."
"""Prefix of hardware tags."""
METAFEATURE = "mf."
"""Prefix of meta-feature metrics."""

SEED = "seed"
FIDELITY = "fidelity"
LOSS = "loss"
CURVE = "curve_loss"

TAG_LIMIT = 8000
PARAM_LIMIT = 6000
"""Characters; MLflow cuts longer values."""
