"""A datasheet: what a meta-dataset holds, where it came from and what is missing in it, as Markdown."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forerun.metadata.dataset import MetaDataset
from forerun.trials import History

MANY = 20
"""Reasons and columns beyond this many are counted, not listed."""


def datasheet(meta: MetaDataset, history: History) -> str:
    """Describe a meta-dataset and the history it was made of."""
    parts = [
        _overview(meta, history),
        _families(meta, history),
        _space(meta),
        _features(meta, history),
        _failures(history),
    ]
    return "\n\n".join(["# Datasheet of the meta-dataset", *parts]) + "\n"


def _overview(meta: MetaDataset, history: History) -> str:
    low = int((history.trials["fidelity"] != 1.0).sum())
    few = len(set(history.trials["task"])) - len(set(meta.data_sets))
    sizes = f"{len(meta.tasks)} (data set x hardware), {len(set(meta.data_sets))} data sets"
    rows = {
        "trials": f"{len(meta):,}",
        "of which failed": f"{int(meta.failed.sum()):,}, {int(meta.censored.sum()):,} of them at their time limit",
        "left out": f"{low:,} trials at a lower fidelity; {few} tasks with too few finished trials",
        "tasks": f"{sizes}, {len(set(meta.families))} families",
        "encoded columns": f"{meta.X.shape[1]} of {len(meta.space.domains)} domains",
        "task features": f"{meta.features.shape[1]}",
        "search spaces": ", ".join(sorted(history.trials["space"].unique())),
        "recorded": _when(history),
        "hardware": _machines(history) or "unknown",
    }
    return table(["what", "value"], [[k, v] for k, v in rows.items()])


def _when(history: History) -> str:
    started = history.trials.get("started", pd.Series(dtype=float)).dropna().astype(float)
    days = pd.to_datetime(started, unit="s")
    return f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}" if len(days) else "unknown"


def _machines(history: History) -> str:
    models = history.trials.get("hw_cpu_model", pd.Series(dtype=str)).dropna()
    return ", ".join(sorted(map(str, models.unique())))


def _families(meta: MetaDataset, history: History) -> str:
    rows: list[list[object]] = []
    for i, name in enumerate(meta.tasks):
        about = history.tasks.loc[meta.data_sets[i]]
        mine = meta.task == i
        loss = meta.loss[mine]
        standard = (
            (f"{np.nanmin(loss):.4g}", f"{meta.location[i]:.4g}", f"{meta.scale[i]:.3g}")
            if np.isfinite(loss).any()
            else ("", "", "")
        )
        counts = (f"{mine.sum():,}", f"{np.isnan(loss).sum():,}")
        described = (about.get("kind", ""), about.get("metric", ""))
        rows.append([meta.families[i], name, *described, *counts, *standard, about.get("source", "")])
    head = ["family", "task", "kind", "metric", "trials", "failed", "best loss", "quartile", "scale", "source"]
    return "## Tasks\n\n" + table(head, sorted(rows, key=lambda row: (str(row[0]), str(row[1]))))


def _space(meta: MetaDataset) -> str:
    rows: list[list[object]] = []
    for name, group in meta.space.groups.items():
        off = meta.X[:, group][:, -2:].mean(axis=0)
        domain = meta.space.domains[name]
        rows.append([f"`{name}`", domain.type, group.stop - group.start, f"{off[0]:.0%}", f"{off[1]:.0%}"])
    return "## Domains\n\n" + table(["domain", "type", "columns", "inactive", "absent"], rows)


def _features(meta: MetaDataset, history: History) -> str:
    known = history.tasks.reindex(meta.data_sets)
    rows: list[list[object]] = []
    for column in meta.scaler.columns:
        missing = f"{known[column.name].isna().mean():.0%}" if column.name in known else ""
        rows.append(
            [
                f"`{column.name}`",
                "logarithm" if column.log else "",
                f"{column.center:.4g}",
                f"{column.spread:.3g}",
                missing,
            ]
        )
    return "## Task features\n\n" + table(["feature", "taken to", "center", "spread", "missing"], rows)


def _failures(history: History) -> str:
    failed = history.trials[history.trials["status"] == "failed"]
    if failed.empty or "reason" not in failed:
        return "## Failures\n\nNone."
    # 'diverged at epoch 3' and 'at epoch 4' are one reason
    kinds = failed["reason"].astype(str).str.replace(r"\d+(\.\d+)?", "N", regex=True).str.slice(0, 120)
    counts = kinds.value_counts()
    rows: list[list[object]] = [[reason, f"{count:,}"] for reason, count in counts.head(MANY).items()]
    if len(counts) > MANY:
        rows.append([f"{len(counts) - MANY} other reasons", f"{int(counts.iloc[MANY:].sum()):,}"])
    return "## Failures\n\n" + table(["reason", "trials"], rows)


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a Markdown table; bars and line breaks in cells are replaced."""
    lines = [[str(cell).replace("|", "/").replace("\n", " ") for cell in line] for line in (head, *rows)]
    lines.insert(1, ["---"] * len(head))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
