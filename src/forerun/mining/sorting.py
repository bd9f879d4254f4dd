"""Which of the logged parameters are settings that a next training may choose, and what their domains are.

Left out, and told: what never varies, what never varies within a task (then it belongs to the task), seeds,
hardware, identifiers, paths and times, words without end, and what gives the metric away. A person may overrule
each of these (`Rules.keep`, `Rules.without`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from forerun.errors import SpaceError
from forerun.mining.domains import IS, is_number
from forerun.mining.hardware import HARDWARE
from forerun.mining.optuna import stated_domains
from forerun.mining.parameters import Parameter, of_values
from forerun.mining.rules import Rules
from forerun.mining.runs import Floats, Texts
from forerun.mining.sample import Rows, Sample
from forerun.mining.suspicion import SEED, leak, looks_like_no_setting
from forerun.mining.values import MOST_NAMES, Settings

MOST = 300
"""Parameters that one history holds; of more, those that the most runs have."""


@dataclass
class Found:
    """All parameters, sorted out."""

    parameters: list[Parameter] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """Name to the reason."""
    facts: dict[str, Floats] = field(default_factory=dict)
    """Numbers (n,) that never vary within a task, but between tasks: what they tell is about the task."""
    seeds: list[str] = field(default_factory=list)


def sort_out(sample: Sample, settings: Settings, rules: Rules) -> Found:
    """Find the settings among the parameters of the runs that count."""
    found = Found()
    rows = sample.rows
    for name, runs in settings.too_many.items():
        found.left_out[name] = f"more than {MOST_NAMES:,} parameters; this one is in {runs:,} runs"
    optuna = dict(stated_domains(sample, settings, rules))
    by_coverage = sorted(settings.columns, key=lambda name: (-_count(settings.columns[name], rows), name))
    for name in by_coverage:
        values = settings.columns[name]
        mine = rows[values[rows] != None]  # noqa: E711 - by element
        if not len(mine):
            continue
        if len(found.parameters) >= MOST:
            found.left_out[name] = f"more than {MOST} parameters; this one is in {len(mine):,} runs"
            continue
        suspicious = ""
        if name not in rules.keep and name not in optuna:
            reason, suspicious = _reason(name, values, mine, sample, rules)
            if reason == SEED:
                found.seeds.append(name)
            if reason == SAME_IN_TASK and all(map(is_number, values[mine])):
                found.facts[name] = np.array([v if is_number(v) else np.nan for v in values], dtype=float)
            if reason:
                found.left_out[name] = reason
                continue
        try:
            fine = mine[sample.failure[mine] == ""]
            stated, alone = optuna.get(name), name + IS in settings.columns
            parts = of_values(name, values, mine, fine, stated=stated, alone=alone)
            found.parameters += [replace(part, suspicious=suspicious, stated=stated is not None) for part in parts]
        except SpaceError as error:
            found.left_out[name] = str(error)
    return found


SAME_IN_TASK = "it never varies within a task: what it tells is about the task"


def _reason(name: str, values: Texts, mine: Rows, sample: Sample, rules: Rules) -> tuple[str, str]:
    """Why a parameter is no setting, and why it is suspicious; both empty where there is nothing to say."""
    reason, suspicious = "", ""
    if name in rules.without:
        reason = "as stated"
    elif rules.task_by == f"param:{name}":
        reason = "it makes the tasks"
    elif name.lower() in HARDWARE:
        reason = "it tells of the hardware"
    elif len({(isinstance(v, bool), v) for v in values[mine]}) == 1:
        reason = f"it is always {_short(values[mine[0]])}"
    else:
        reason, suspicious = looks_like_no_setting(name, values[mine].tolist())
    if not reason and len(set(sample.task[mine])) > 1 and not _varies_within(values, mine, sample.task):
        reason = SAME_IN_TASK
    if reason:
        return reason, ""
    leaks, sure = leak(values, mine, sample.task, sample.loss)
    return (leaks, "") if sure else ("", leaks or suspicious)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _count(values: Texts, rows: Rows) -> int:
    return int((values[rows] != None).sum())  # noqa: E711 - by element


def _varies_within(values: Texts, mine: Rows, task: Texts) -> bool:
    first: dict[object, object] = {}
    return any(first.setdefault(task[row], values[row]) != values[row] for row in mine)


def renamed(params: Mapping[str, Texts], names: Mapping[str, str]) -> tuple[Mapping[str, Texts], dict[str, int]]:
    """Parameters under their new names, and how many runs had the old name and the new one: there the new one holds."""
    if not set(names) & set(params):
        return params, {}
    found = {name: params[name] for name in params if name not in names}
    both: dict[str, int] = {}
    for old, new in names.items():
        if old not in params:
            continue
        texts = params[old]
        if new in found:
            doubled = int(((texts != None) & (found[new] != None)).sum())  # noqa: E711 - by element
            if doubled:
                both[old] = doubled
            texts = np.where(found[new] == None, texts, found[new])  # noqa: E711
        found[new] = texts
    return found, both
