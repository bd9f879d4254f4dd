"""Which metric is to be good, in which direction, and what value of it a run counts with.

A guess goes by the name and by what is common to the most runs: what was measured on data held out goes before
what was measured anywhere, that before what was measured on the training data; scores that people decide by
(accuracy, AUC, RMSE) go before losses that networks are trained by. The guess is always told.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forerun.errors import HistoryError
from forerun.mining.grouping import by_name
from forerun.mining.rules import Rules
from forerun.mining.runs import Floats, Runs, cells
from forerun.mining.words import joined, listed, shown, words

Rows = npt.NDArray[np.int64]

HELD_OUT = frozenset(listed("val valid validation eval evaluation cv dev holdout heldout oof"))
TESTED = frozenset(["test", "testing"])
TRAINED = frozenset(["train", "training", "fit"])
NO_METRIC = frozenset(
    listed(
        "time seconds sec secs ms duration epoch epochs step steps iteration iterations lr rank std memory mb gb kb "
        "cpu gpu count num n size samples throughput system timestamp grad norm params parameters best_iteration"
    )
)
"""Words of what is measured and yet no target."""
REGRESSION = ("rmse", "mae", "mse", "r2", "mape", "rmsle", "mean_squared_error", "mean_absolute_error", "l2", "l1")
CLASSIFICATION = ("accuracy", "acc", "auc", "auroc", "f1", "logloss", "log_loss", "error_rate", "precision", "recall")

BETTER_HIGH = listed(
    "balanced_accuracy accuracy acc auroc auc auprc map ndcg mrr f1 fbeta r2 miou iou dice jaccard mcc matthews kappa "
    "gini precision recall sensitivity specificity bleu rouge meteor psnr ssim sharpe reward return correlation "
    "pearson spearman explained_variance elbo likelihood hit topk score"
)
BETTER_LOW = listed(
    "rmse nrmse rmsle mae mape smape mse wer cer perplexity ppl brier fid crps ece logloss log_loss nll bpb bpc "
    "cross_entropy crossentropy xent merror deviance hinge kl pinball quantile l2 l1 regret cost distance divergence "
    "absolute_error squared_error error err loss"
)
"""Phrases of names, those that people decide by first."""


@dataclass(frozen=True)
class Target:
    """The metric that some runs are judged by."""

    metric: str
    minimise: bool
    bounded: bool
    """Whether it is to be maximised and never above 1: then the loss is 1 - value, else -value."""
    why: str
    rows: Rows
    """The runs that it is the target of."""
    others: tuple[str, ...] = ()
    """The next best guesses."""

    def loss(self, values: Floats) -> Floats:
        """Turn values into losses, lower is better."""
        if self.minimise:
            return values
        return 1.0 - values if self.bounded else -values

    @property
    def kind(self) -> str:
        """'regression' or 'classification', where the metric tells."""
        name = joined(self.metric)
        if any(f"_{each}_" in name for each in REGRESSION):
            return "regression"
        return "classification" if any(f"_{each}_" in name for each in CLASSIFICATION) else ""


def direction(name: str) -> bool | None:
    """Whether lower values of a metric are better, by its name; None where that does not tell.

    >>> direction("val_loss"), direction("neg_mean_squared_error"), direction("quality")
    (True, False, None)
    """
    phrase = joined(name)
    if "_neg_" in phrase or "_negative_" in phrase:
        return False
    if any(f"_{each}_" in phrase for each in BETTER_LOW):
        return True
    return False if any(f"_{each}_" in phrase for each in BETTER_HIGH) else None


def guess(runs: Runs, rows: Rows) -> list[Target]:
    """The targets of some runs (rows): one metric for as many as have it, another for the experiments that do not.

    Raises HistoryError where no metric has a name or a direction that tells what is good.
    """
    found: list[Target] = []
    rest = rows
    while len(rest):
        ranked = _ranked(runs, rest)
        known = [(name, way) for name in ranked if (way := _way(runs, rest, name)) is not None]
        if not known:
            if not found:
                names = ", ".join(shown(name) for name in (ranked or sorted(runs.metrics))[:8]) or "none"
                raise HistoryError(
                    f"a metric must tell by its name what is good; the runs have {names}. "
                    "State it: --metric NAME --minimize (or --maximize)"
                )
            break
        name, way = known[0]
        mine = _those_that_have(runs, rest, name)
        found.append(_target(runs, name, mine, way, tuple(each for each, _ in known[1:4])))
        rest = np.setdiff1d(rest, mine)
    return found


def stated(runs: Runs, rows: Rows, rules: Rules) -> Target:
    """The target that the rules state, for all rows. Raises HistoryError where no run has it, or no direction."""
    metric = str(rules.metric)
    if not has(runs, metric)[rows].any():
        known = ", ".join(shown(name) for name in (_ranked(runs, rows) or sorted(runs.metrics))[:8]) or "none"
        raise HistoryError(f"the metric must be one that runs logged ({known}); got {shown(metric)!r}")
    if rules.minimise is not None:
        return _target(runs, metric, rows, (rules.minimise, "as stated"))
    way = _way(runs, rows, metric)
    if way is None:
        raise HistoryError(
            f"the direction of a metric must be known; the name {shown(metric)!r} does not tell. "
            "Add --minimize or --maximize"
        )
    return _target(runs, metric, rows, (way[0], f"as stated; the direction {way[1]}"))


def has(runs: Runs, metric: str) -> npt.NDArray[np.bool_]:
    """(n,) whether a run logged the metric, if only as NaN."""
    found = np.zeros(len(runs), dtype=bool)
    if metric in runs.metrics:
        found[cells(runs.metrics, metric)[0]] = True
    found[runs.logged_nan.get(metric, np.array([], dtype=np.int64))] = True
    return found


def _target(runs: Runs, name: str, rows: Rows, way: tuple[bool, str], others: tuple[str, ...] = ()) -> Target:
    minimise, why = way
    values = runs.metric(name)
    finite = values[np.isfinite(values)]
    return Target(name, minimise, not minimise and len(finite) > 0 and float(finite.max()) <= 1, why, rows, others)


def _ranked(runs: Runs, rows: Rows) -> list[str]:
    """Metrics that may be the target of some runs, best guess first."""
    scored: list[tuple[float, int, str]] = []
    for name in runs.metrics:
        share = float(has(runs, name)[rows].mean())
        said = words(name)
        if share == 0 or (NO_METRIC & set(said)) or name.startswith("system/"):
            continue
        if len(np.unique(runs.metrics[name][rows])) < 2:
            continue
        scored.append((-share * _trust(set(said)), _preference(name), name))
    return [name for *_, name in sorted(scored)]


def _trust(said: set[str]) -> float:
    """How well a metric tells what is good, by what it was measured on."""
    if said & HELD_OUT:
        return 4.0
    if said & TESTED:
        return 3.5
    return 1.0 if said & TRAINED else 3.0


def _preference(name: str) -> int:
    phrase = joined(name)
    order = BETTER_HIGH[:-1] + BETTER_LOW + BETTER_HIGH[-1:]
    return next((i for i, each in enumerate(order) if f"_{each}_" in phrase), len(order))


def _way(runs: Runs, rows: Rows, name: str) -> tuple[bool, str] | None:
    """Whether lower is better, and why: by the name, else by what Optuna's callback says of its only objective."""
    by_name = direction(name)
    if by_name is not None:
        return by_name, "by its name"
    tags = runs.tag("direction")
    said = {tags[row] for row in rows[has(runs, name)[rows]]}
    if len(said) == 1 and (word := str(next(iter(said))).upper()) in ("MINIMIZE", "MAXIMIZE"):
        return word == "MINIMIZE", "by Optuna's tag 'direction'"
    return None


def _those_that_have(runs: Runs, rows: Rows, name: str) -> Rows:
    """All rows of the experiments in which half of the rows that have any metric have this one."""
    mine = has(runs, name)
    any_metric = np.zeros(len(runs), dtype=bool)
    for each in runs.metrics:
        any_metric |= has(runs, each)
    experiments = np.array(runs.experiment, dtype=object)
    chosen: list[int] = []
    for part in by_name(experiments, rows).values():
        measured = part[any_metric[part]]
        if mine[part].any() and 2 * int(mine[part].sum()) >= len(measured):
            chosen.extend(part.tolist())
    return np.array(sorted(chosen) or rows[mine[rows]].tolist(), dtype=np.int64)
