"""The result as a table of text."""

from collections.abc import Mapping
from typing import Any

COLUMNS = ("1", "3", "5", "10", "25")


def table(name: str, scores: Mapping[str, Mapping[str, Any]]) -> str:
    """Regret with its interval, and rank, of each method, the lowest area under the curve first."""
    first = next(iter(scores.values()))
    at = [t for t in COLUMNS if t in first["regret"]]
    width = 1 + max(len(method) for method in scores)
    lines = [
        f"{name}: {first['tasks']} tasks in {first['groups']} groups, {first['seeds']} seeds; "
        "mean normalised regret [95 % interval] and (mean rank)",
        " " * width + "".join(f"{'after ' + t:>28}" for t in at) + f"{'area':>8}{'s/trial':>9}",
    ]
    for method, found in sorted(scores.items(), key=lambda item: item[1]["auc"]):
        cells = [_cell(found, t) for t in at]
        lines.append(
            f"{method:<{width}}" + "".join(f"{c:>28}" for c in cells) + f"{found['auc']:8.4f}{found['seconds']:9.4f}"
        )
    return "\n".join(lines)


def _cell(found: Mapping[str, Any], t: str) -> str:
    low, high = found["interval"][t]
    return f"{found['regret'][t]:.4f} [{low:.3f}, {high:.3f}] ({found['rank'][t]:.2f})"
