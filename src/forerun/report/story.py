"""What the page tells, as plain values. Whoever has the results fills it; the page only reads it.

Losses are raw (the unit of the task's metric, lower is better), times are seconds. A number that is not
known is NaN, a part that did not happen is None or empty, and the page says so in words.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from forerun.metalearners import NORMAL
from forerun.space import Configuration

NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A number and the interval around it; the ends are NaN where no interval is known."""

    mean: float
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class TaskFacts:
    """The data set that the recommendation is for."""

    name: str
    kind: str
    """'binary', 'multiclass' or 'regression'."""
    target: str
    rows: int
    columns: int
    metric: str
    higher_is_better: bool = False
    """Direction of the metric; where True, the loss is 1 - metric."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Rows by part: train, validation, test."""
    classes: Sequence[str] = ()
    source: str = ""


@dataclass(frozen=True)
class Making:
    """When, with what and on what the story came about."""

    date: str
    """As it is to be read: '2026-05-04 13:37 UTC'."""
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: str = ""


@dataclass(frozen=True)
class Recommendation:
    """What to train, what was expected of it before, and what came of it."""

    configuration: Configuration
    loss: float
    """Predicted validation loss; mean."""
    std: float
    """Standard deviation of that prediction."""
    seconds: Estimate
    """Predicted training time."""
    learner: str = ""
    """Its name in words, 'gradient boosting'; empty takes the configuration's 'learner' entry."""
    validation_loss: float = NAN
    test_loss: float = NAN
    fit_seconds: float = NAN
    test_metrics: Mapping[str, float] = field(default_factory=dict)
    widths: Mapping[int, float] = field(default_factory=lambda: NORMAL)
    """Half widths of the central intervals of the prediction in stds, by percent (50, 80, 95)."""
    """The usual metrics on the test part, each in its own direction."""


@dataclass(frozen=True)
class SearchFacts:
    """How the space was searched without training anything."""

    space: str
    size: int
    """Configurations on its grid; exact, often beyond 10^20."""
    scored: int
    """Candidates that the meta-learner was asked about."""
    seconds: float
    proven: bool
    """Whether the answer is the best of *all* allowed configurations of the grid by the score, for certain."""
    strategy: str = ""
    acquisition: str = ""
    """The score: 'mean', 'lcb', 'ei', 'thompson', or 'improvement' as a mixture tells it."""
    limited: bool = False
    """Whether some of the grid was not allowed: forbidden, too long to train, or tried before."""
    gap: float = math.inf
    """By how much an unseen configuration could score better than the best one, at most; without a proof."""


@dataclass(frozen=True)
class Comparison:
    """One line of the table of results. Losses of a single run have no interval; means over seeds have one."""

    name: str
    """As it stands in a sentence: 'the learner's defaults', 'random search'."""
    validation: Estimate | None
    test: Estimate | None
    trainings: int | None
    """Real trainings on the target spent to find it."""
    note: str = ""
    """What stands behind the number, or why there is none: 'mean of 5 seeds', 'timed out after 30 s'."""


@dataclass(frozen=True)
class Training:
    """One real training of the fine-tuning."""

    configuration: Configuration
    predicted: float
    """Mean of the loss predicted when it was chosen, before it was trained."""
    std: float
    loss: float
    """Real validation loss; NaN when it failed."""
    seconds: float
    reason: str = ""
    """Why it failed; empty when it did not."""
    curve: Sequence[tuple[int, float]] = ()
    """(epoch, validation loss)."""
    widths: Mapping[int, float] = field(default_factory=lambda: NORMAL)
    """As those of a recommendation."""

    @property
    def spread(self) -> float:
        """Half width of the interval that was to hold the loss with 80 %."""
        return self.widths[80] * self.std


@dataclass(frozen=True)
class Progress:
    """Best validation loss so far; entry i of a sequence is after i + 1 trainings on the target."""

    forerun: Sequence[float]
    random: Sequence[Estimate] = ()
    """Mean over seeds with its band."""
    defaults: float = NAN
    """Validation loss of the learner's defaults."""
    average_best: float = NAN
    """Validation loss of the configuration that is best on average in the history."""


@dataclass(frozen=True)
class Tuning:
    """The real trainings on the target and what they were worth."""

    comparison: Sequence[Comparison]
    """Ours first."""
    trainings: Sequence[Training]
    """In the order in which they were run."""
    progress: Progress | None = None
    stopped: str = ""
    """Why it ended: 'the budget of 8 trainings is spent'."""
    seconds: float = NAN
    """Wall clock of the whole fine-tuning."""
    searches: Sequence[SearchFacts] = ()
    """One before each batch of trainings, in order."""


@dataclass(frozen=True)
class Neighbour:
    """A past data set, and what worked best there."""

    name: str
    family: str
    distance: float
    """In the space of standardised meta-features; smaller is more alike."""
    facts: Mapping[str, float | str]
    """A few facts a person can compare: rows, columns, classes."""
    best: Configuration
    loss: float


@dataclass(frozen=True)
class MethodScore:
    """How one method did on past tasks that it had not seen (leave-one-task-out)."""

    name: str
    rank_correlation: Estimate
    """Spearman's, between predicted and real losses before any trial on the task."""
    regret: Mapping[int, Estimate]
    """Normalised regret by number of trials; 0 is the best configuration known."""
    coverage: Mapping[float, float] = field(default_factory=dict)
    """Share of real losses inside the predicted interval, by the interval's nominal share (0.5, 0.8, 0.95)."""
    baseline: bool = False


@dataclass(frozen=True)
class Drift:
    """Whether what the past taught still holds for the latest trials, and what was done about it."""

    cost: Estimate
    """What remembering everything costs on the latest trials, in rank correlation; NaN where that cannot be told."""
    usual: float
    """Error (1 - rank correlation) on the past of a meta-learner taught by the past, on data sets left out."""
    now: float
    """The same on the latest trials."""
    since: str
    """When the latest trials begin, as it is to be read."""
    families: int
    """Those the latest trials are of."""
    threshold: float
    """NaN where nothing is ever forgotten."""
    half_life_days: float
    """With which old trials were forgotten; NaN where none were."""
    trials: int
    """Before anything was forgotten."""
    kept: int
    untold: str = ""
    """Why nothing can be told; empty where something is."""


@dataclass(frozen=True)
class Past:
    """The history behind the recommendation, and how far it can be trusted."""

    trials: int
    tasks: int
    families: int
    methods: Sequence[MethodScore]
    chosen: str
    """Name of the method that made the recommendation."""
    why: str
    """Why that one."""
    intervals: str = "95 % bootstrap intervals over tasks"
    drift: Drift | None = None
    """None where it was not measured."""


@dataclass(frozen=True)
class Option:
    """One choice between a low loss and a short training, both predicted."""

    configuration: Configuration
    loss: float
    std: float
    seconds: float


@dataclass(frozen=True)
class Front:
    """The choices of which no other is predicted to be both better and faster."""

    options: Sequence[Option]
    """A few of them, fastest first."""
    curve: Sequence[tuple[float, float]]
    """(seconds, loss) of all of them, fastest first."""
    proven: bool
    """Whether they are all there are."""
    size: int
    """Configurations on the grid."""
    seconds: float
    """Wall clock it took to find them."""


@dataclass(frozen=True)
class Grounds:
    """What the prediction rests on: how likely each hypothesis of what the data set may be was, trial by trial."""

    shares: Sequence[Mapping[str, float]]
    """Entry k by hypothesis after k trials on the data set, summing to 1: 'tasks' for being like one of the past data
    sets, 'scratch' for being like none, else the family of meta-learners that predicts it."""
    alike: Mapping[str, float] = field(default_factory=dict)
    """How likely the likeliest past data sets were after the last, parts of 'tasks'; empty where that is not told."""


@dataclass(frozen=True)
class Architectures:
    """A family of architectures, and what a super-network, in which all of them share weights, was worth there."""

    family: str
    size: int
    """Architectures in the space."""
    scored: int
    """Those that it found best, and random ones; trainings were chosen among them."""
    seconds: float
    """Wall clock that the super-network, the search in it and the scores took."""
    pairs: Sequence[tuple[float, float]]
    """Score, and validation loss of the real training, of each that ended well."""
    agreement: float
    """Rank correlation of these; NaN of fewer than three."""
    earlier: int
    """Trainings of the family on other data sets, from which was learned too."""


@dataclass(frozen=True)
class Lineage:
    """What is needed to come back to this result."""

    commands: Sequence[str] = ()
    """Shell lines, in order."""
    run_id: str = ""
    """MLflow run of the recommendation."""
    meta_hash: str = ""
    """DVC hash of the meta-dataset."""
    model: str = ""
    """Name of the registered model; empty where nothing was registered."""
    version: str = ""
    alias: str = ""
    tracking_uri: str = ""


@dataclass(frozen=True)
class Story:
    """Everything that the page tells. Without `tuning` it is a zero-shot recommendation: nothing was trained."""

    task: TaskFacts
    making: Making
    recommendation: Recommendation
    search: SearchFacts
    lineage: Lineage
    explanation: pd.DataFrame | None = None
    """One row a level of a domain: domain, level, position, mean, std, importance (see tuning.explanation)."""
    neighbours: Sequence[Neighbour] = ()
    past: Past | None = None
    tuning: Tuning | None = None
    front: Front | None = None
    architectures: Architectures | None = None
    """None where all learners were searched."""
    grounds: Grounds | None = None
    """None for a meta-learner that weighs no hypotheses."""

    @property
    def shares(self) -> dict[str, float]:
        """How likely each hypothesis was after the last trial, named as the metrics of a run."""
        last = self.grounds.shares[-1] if self.grounds else {}
        return {f"share.{name}": share for name, share in last.items()}
