"""A page on a result: for each benchmark a table with intervals, and the regret curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import gmean

from judging.figures import Scores, draw
from judging.registry import OURS

TOLD = ("1", "3", "5", "10", "25")


def write(found: Mapping[str, Scores], folder: Path) -> Path:
    """Write quality.md and its pictures into a folder."""
    pictures = draw(found, folder)
    parts = ["# How good the recommendations are", "", INTRODUCTION, "", *_summary(found)]
    for name, scores in found.items():
        parts += ["", f"## {name}", "", _sentence(scores), "", *_regrets(scores), ""]
        parts += [f"![regret curves on {name}]({pictures[name].name})", "", *_predictions(scores)]
    path = folder / "quality.md"
    path.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
    return path


INTRODUCTION = (
    "Recorded evaluations are replayed: groups of alike data sets are held out, each method learns from the others, "
    "then chooses one training after the other among those that were recorded. Regret is the distance of the best "
    "training so far from the best recorded, as a share of the way to the worst; ranks are among the methods listed. "
    "In brackets 95 % bootstrap intervals over groups of data sets. Lower is better, the lowest is bold."
)


def _summary(found: Mapping[str, Scores]) -> list[str]:
    """Ours over the best peer, per benchmark and on average; nothing where there are no two to compare."""
    compared = {name: scores for name, scores in found.items() if OURS in scores and len(scores) > 1}
    if not compared:
        return []
    at = [t for t in TOLD if all(t in s[OURS]["regret"] for s in compared.values())]
    rows, ratios = [], {t: [] for t in at}
    for name, scores in compared.items():
        cells = []
        for t in at:
            peer = min((m for m in scores if m != OURS), key=lambda m: scores[m]["regret"][t])
            ours, theirs = scores[OURS]["regret"][t], scores[peer]["regret"][t]
            if theirs > 0:
                ratios[t].append(max(ours / theirs, 1e-3))
            cells.append(f"{ours / theirs:.2f} ({peer})" if theirs > 0 else f"both 0 ({peer})" if ours == 0 else "∞")
        rows.append([name, *cells])
    rows.append(["**geometric mean**", *(f"**{gmean(ratios[t]):.2f}**" if ratios[t] else "" for t in at)])
    return [f"Regret of `{OURS}` over that of the best peer after so many trials:", "", *_table(["", *at], rows)]


def _sentence(scores: Scores) -> str:
    first = next(iter(scores.values()))
    return f"{first['tasks']} data sets in {first['groups']} groups, {first['seeds']} seeds."


def _regrets(scores: Scores) -> list[str]:
    first = next(iter(scores.values()))
    at = [t for t in TOLD if t in first["regret"]]
    best = {t: min(s["regret"][t] for s in scores.values()) for t in at}
    rows = []
    for method, found in sorted(scores.items(), key=lambda item: item[1]["auc"]):
        cells = []
        for t in at:
            value, (low, high) = found["regret"][t], found["interval"][t]
            text = f"**{value:.4f}**" if value == best[t] else f"{value:.4f}"
            cells.append(f"{text} [{low:.3f}, {high:.3f}] rank {found['rank'][t]:.2f}")
        rows.append([f"`{method}`", *cells, f"{found['auc']:.4f}", f"{found['seconds']:.3f}"])
    return _table(["method", *(f"after {t}" for t in at), "mean of all", "s / trial"], rows)


def _predictions(scores: Scores) -> list[str]:
    """Of the methods that say what they expect."""
    rows = []
    for method, found in scores.items():
        for moment, spearman in found.get("spearman", {}).items():
            shares = found["coverage"][moment]
            rows.append([f"`{method}`", moment, _told(spearman), *(_told(shares[p]) for p in ("50", "80", "95"))])
    if not rows:
        return []
    head = ["predictions of", "after", "rank correlation", "in the 50 % interval", "80 %", "95 %"]
    return _table(head, rows)


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
