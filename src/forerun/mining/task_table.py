"""The tasks of a history: family, kind, metric, direction, source, digest and meta-features of each."""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from forerun.mining.inputs import metafeatures, middle, uses
from forerun.mining.runs import DataSet, Floats
from forerun.mining.sample import Rows, Sample
from forerun.mining.targets import Target
from forerun.mining.tasks import data_set
from forerun.mining.words import shown, utf8

SOURCE_LENGTH = 500


def task_table(sample: Sample, facts: Mapping[str, Floats], origin: str) -> pd.DataFrame:
    """One row a task of the runs that count, indexed by task.

    facts are parameters (n,) that tell of the task; they become meta-features `mf_param NAME`.
    Tasks on the same data set are of one family, so that no split parts them.
    """
    records: dict[str, dict[str, object]] = {}
    used: dict[str, list[DataSet]] = {}
    for name, mine in sample.by_task().items():
        used[name] = [found for row in mine if (found := data_set(sample.runs, int(row))) is not None]
        numbers = _numbers(used[name], facts, mine)
        records[name] = _facts(name, used[name], sample.target(mine), origin) | {
            f"mf_{k}": v for k, v in numbers.items()
        }
    table = pd.DataFrame.from_dict(records, orient="index").rename_axis("task")
    shared = uses(used).add_prefix("mf_")
    return pd.concat([table, shared], axis=1) if len(shared.columns) else table


def _facts(name: str, used: list[DataSet], target: Target | None, origin: str) -> dict[str, object]:
    digests = {data.digest for data in used} - {""}
    digest = digests.pop() if len(digests) == 1 else ""
    own = hashlib.sha256(f"{origin}\n{name}".encode("utf-8", "replace")).hexdigest()[:16]
    return {
        "family": f"data {digest}" if digest else name,
        "kind": target.kind if target else "",
        "metric": utf8(target.metric) if target else "",
        "direction": ("minimize" if target.minimise else "maximize") if target else "",
        "source": shown(used[0].source or used[0].name, SOURCE_LENGTH) if used else shown(origin, SOURCE_LENGTH),
        "digest": digest or own,
    }


def _numbers(used: list[DataSet], facts: Mapping[str, Floats], mine: Rows) -> dict[str, float]:
    found = middle(metafeatures(data) for data in used)
    for name, values in facts.items():
        known = values[mine][np.isfinite(values[mine])]
        if len(known):
            found[f"param {name}"] = float(known[0])
    return found
