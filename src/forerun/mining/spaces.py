"""The search spaces of runs: one for each set of parameters that runs have together.

What a run's program never had is absent from its space; what a condition switched off is inactive in it. The
name of a space is made of its content, so that equal ones have one name wherever they were mined.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from forerun.errors import HistoryError
from forerun.mining.parameters import Parameter
from forerun.mining.runs import Texts
from forerun.space import SearchSpace


def spaces_of(parameters: Sequence[Parameter], rows: npt.NDArray[np.int64]) -> tuple[Texts, dict[str, SearchSpace]]:
    """The name of each run's space (n,), None where it has no parameter left, and the spaces by name."""
    if not parameters:
        raise HistoryError("runs must have at least one parameter that varies within a task; these have none")
    given = np.stack([p.given[rows] for p in parameters], axis=1)
    sets, place = np.unique(given, axis=0, return_inverse=True)
    found: dict[str, SearchSpace] = {}
    names: list[str | None] = []
    for has in sets:
        space = _space([p for p, there in zip(parameters, has, strict=True) if there])
        names.append(space.name if space else None)
        if space:
            found[space.name] = space
    of_run = np.full(len(parameters[0].column), None, dtype=object)
    of_run[rows] = np.array(names, dtype=object)[np.ravel(place)]
    return of_run, found


def _space(parameters: Sequence[Parameter]) -> SearchSpace | None:
    if not parameters:
        return None
    domains = {p.name: p.domain for p in parameters}
    conditions = {p.name: p.condition for p in parameters if all(parent in domains for parent in p.condition.parents)}
    text = json.dumps(SearchSpace("", domains, conditions).to_dict(), sort_keys=True)
    return SearchSpace(f"mined-{hashlib.sha256(text.encode()).hexdigest()[:8]}", domains, conditions)
