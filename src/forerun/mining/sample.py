"""The runs that count, and how each did."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from forerun.mining.counting import Reasons, failures
from forerun.mining.curves import values
from forerun.mining.grouping import by_name
from forerun.mining.runs import Floats, Runs, Texts
from forerun.mining.targets import Target

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Some of n runs; the columns are of all n."""

    runs: Runs
    rows: Rows
    """Those that count, rising."""
    targets: Sequence[Target]
    task: Texts
    """(n,) names; None where a run has no task."""
    loss: Floats
    """(n,) lower is better; NaN where there is none."""
    value: Floats
    """(n,) of the target metric, in its own direction."""
    failure: Texts
    """(n,) why it is a failed trial; '' where it is not."""

    @classmethod
    def judge(cls, runs: Runs, rows: Rows, targets: Sequence[Target], rule: str) -> Self:
        """Judge some runs by their targets, with the value that the rule says (see `Rules.value`); tasks come later."""
        loss, value = np.full(len(runs), np.nan), np.full(len(runs), np.nan)
        why = np.full(len(runs), "", dtype=object)
        for target in targets:
            found = values(runs, target, rule)
            value[target.rows] = found[target.rows]
            loss[target.rows] = target.loss(found)[target.rows]
            for row in target.rows[~np.isfinite(found[target.rows])]:
                why[row] = f"diverged: {target.metric} is {found[row]}"
        failed = rows[np.array(runs.status, dtype=object)[rows] == "FAILED"]
        why[failed] = failures(runs, failed)
        loss[why != ""] = np.nan
        return cls(runs, rows, targets, np.full(len(runs), None, dtype=object), loss, value, why)

    def of(self, why_not: Reasons) -> Self:
        """The same, with those rows that no reason speaks against."""
        return replace(self, rows=np.flatnonzero(why_not == None))  # noqa: E711 - by element

    def by_task(self) -> dict[str, Rows]:
        """The rows that count of each task, by name."""
        return dict(sorted(by_name(self.task, self.rows).items()))

    def target(self, rows: Rows) -> Target | None:
        """What the first of some rows that is judged at all is judged by."""
        found = (target for row in rows for target in self.targets if row in target.rows)
        return next(found, None)
