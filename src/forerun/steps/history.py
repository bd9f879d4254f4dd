"""Write the history that a recording made: the folder that ships in `data/history`."""

from pathlib import Path

from forerun.metadata import featurize
from forerun.metadata.datasheet import datasheet
from forerun.tracking import names
from forerun.tracking.mine import mine
from forerun.tracking.store import Store
from forerun.trials import Status

HEAD = """\
# Datasheet of the shipped history

{trials:,} real trainings of {tasks} public data sets, recorded by forerun's own collecting flow. A source of
meta-data beside MLflow stores, a zero-shot prior for a first data set, and a benchmark that can be replayed.

- `trials.parquet`: one row a training: what was tried (`hp_*`), how it ended (`status`, `reason`), its validation
  loss, the usual metrics on train and validation (`metric_*`), seconds, memory, size, learning curve, hardware (`hw_*`)
- `tasks.parquet`: one row a data set: kind, metric, meta-features (`mf_*`), origin and citation
- `spaces.json`: the search spaces

## How it was recorded

Every data set was sampled to at most {rows:,} rows and split by seed into train, validation and test (60/20/20);
losses are of the validation part, the test part was never touched. {shared} configurations are shared by all data
sets of a kind (each learner's defaults first), {own} more were drawn for each data set alone. One core a training.
Trainings over {timeout:g} s were ended and are failed trials.

    python -m flows.record FOLDER      # FOLDER holds the data sets as Parquet files and a manifest.csv

## Data sets
"""


def export(store: Store, folder: Path, **facts: float) -> None:
    """Mine the recording's runs and write the history with its datasheet into `folder`.

    facts: rows, shared, own, timeout, as the recording was set.
    """
    history = mine(store, [names.COLLECT])
    history.save(folder)
    head = HEAD.format(trials=len(history), tasks=len(history.tasks), **facts)
    lines = ["| data set | kind | family | trainings | failed | origin and citation |", "|---|---|---|---|---|---|"]
    failed = (history.trials["status"] == Status.FAILED).groupby(history.trials["task"]).agg(["size", "sum"])
    for row in history.tasks.reset_index().to_dict(orient="records"):
        name, (size, bad) = row["task"], failed.loc[row["task"], ["size", "sum"]]
        source = str(row["source"]).replace("|", "/").replace("\n", " ")
        lines.append(f"| {name} | {row['kind']} | {row['family']} | {size} | {bad} | {source} |")
    rest = datasheet(featurize(history), history).partition("\n")[2]
    (folder / "DATASHEET.md").write_text(
        head + "\n" + "\n".join(lines) + "\n\n## What it teaches\n" + rest, encoding="utf-8"
    )
