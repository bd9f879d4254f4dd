"""Tasks from a folder of Parquet files that a manifest describes.

    folder/manifest.csv     name, task, target; and if wanted family, source, licence_note, origin
    folder/NAME.parquet     one data set, its target among the columns

`task` is 'binary', 'multiclass' or 'regression'. The folder is only read.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from forerun.errors import DataError
from forerun.tasks.loading import load_table
from forerun.tasks.making import make_task
from forerun.tasks.task import KINDS, Task

MANIFEST = "manifest.csv"

FAMILIES = {
    # Garavan Institute thyroid data (UCI id 102): the same patients, another diagnosis.
    "sick": "thyroid",
    "hypothyroid": "thyroid",
}
"""Well-known data sets that share rows; any other is a family of its own unless the manifest says so."""


def folder_tasks(folder: str | Path, max_rows: int | None = None, seed: int = 0) -> dict[str, Callable[[], Task]]:
    """Every task of a folder by name, to be called when it is wanted; the manifest is read now, data then.

    Larger data sets are sampled to max_rows. Raises DataError for a folder without a manifest, and for a
    manifest that lacks a column, names a data set twice, or one that has no file or an unknown kind.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    return {row["name"]: partial(folder_task, folder, row, max_rows, seed) for row in manifest}


def folder_task(folder: Path, row: dict[str, str], max_rows: int | None, seed: int) -> Task:
    """The task that one row of the manifest describes."""
    name = row["name"]
    cited = [row[column] for column in ("origin", "licence_note", "source") if row.get(column)]
    return make_task(
        load_table(folder / f"{name}.parquet"),
        row["target"],
        name=name,
        family=row.get("family") or FAMILIES.get(name, name),
        kind=row["task"],
        seed=seed,
        max_rows=max_rows,
        source="; ".join(cited),
    )


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """Rows of the manifest, checked; empty cells are empty text."""
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(f"a folder of tasks must have a {MANIFEST}; {str(folder)!r} has none. Check the path")
    table = load_table(path)
    lacking = [column for column in ("name", "task", "target") if column not in table]
    if lacking:
        raise DataError(f"{str(path)!r} must have columns name, task and target; it lacks {', '.join(lacking)}")
    text = table.astype(object).where(table.notna(), "").map(str)
    rows = [{str(column): value for column, value in row.items()} for row in text.to_dict(orient="records")]
    for row in rows:
        check_row(path, row)
    names = pd.Series([row["name"] for row in rows])
    if names.duplicated().any():
        raise DataError(f"names in {str(path)!r} must differ; {names[names.duplicated()].iloc[0]!r} is there twice")
    return rows


def check_row(path: Path, row: dict[str, str]) -> None:
    """A row must name a known kind and a file that is there."""
    if row["task"] not in KINDS:
        raise DataError(
            f"task of {row['name']!r} in {str(path)!r} must be one of {', '.join(KINDS)}; got {row['task']!r}"
        )
    if not (path.parent / f"{row['name']}.parquet").is_file():
        raise DataError(f"{str(path)!r} names {row['name']!r}, but there is no {row['name']}.parquet beside it")
