"""What the penalty that makes search easy costs in accuracy, and what it brings (`metalearners.gap`).

For some weights of the penalty: how well the product's ensemble ranks the configurations of tasks left out, the
regret of recommending by it, and how soon its best of 10^12 is certified.
"""

from forerun.evaluation import evaluate_makers
from forerun.metadata import MetaDataset
from forerun.metalearners import Network
from forerun.metalearners.shallow import Settings
from searching.certified import Entry, certified
from searching.tell import tell

WEIGHTS = (0.0, 0.003, 0.01, 0.03, 0.1)
SHOWN = ("spearman", "regret_1", "regret_5", "regret")
ENTRY = {"1e12_ensemble5": Entry("1e12", 32, members=5)}


def trade(meta: MetaDataset, *, folds: int, count: int, limit: float) -> list[dict[str, float]]:
    """One row for each weight."""
    makers = {str(weight): (lambda weight=weight: Network(Settings(gap=weight))) for weight in WEIGHTS}
    summary = evaluate_makers(meta, makers, folds=folds).summary
    rows = []
    for weight in WEIGHTS:
        proof = certified(meta, ENTRY, count=count, limit=limit, gap=weight)["1e12_ensemble5"]
        scores = {name: float(summary[str(weight)][name]["mean"]) for name in SHOWN if name in summary[str(weight)]}
        rows.append({"weight": weight, **scores, **{k: proof[k] for k in ("median_s", "worst_s", "share", "gap")}})
        tell("  " + " ".join(f"{k} {v:.3g}" for k, v in rows[-1].items()))
    return rows
