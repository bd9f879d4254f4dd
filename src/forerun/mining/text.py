"""Findings as a table for a terminal: what a person can act on, and with which option."""

from collections.abc import Sequence

from forerun.mining.findings import Findings, ParameterFound, TaskFound
from forerun.mining.targets import Target
from forerun.mining.words import shown

MOST = 12
"""Rows of each part; the datasheet has all."""


def as_text(findings: Findings) -> str:
    """Lay out all findings; safe to print, whatever the runs' names are."""
    parts = [_runs(findings), _targets(findings), _tasks(findings), _parameters(findings), _left_out(findings)]
    parts += [_renames(findings), _list("Also:", findings.told)]
    return "\n\n".join(part for part in parts if part)


def target_in_words(target: Target) -> str:
    """What runs are judged by, and why."""
    way = "lower" if target.minimise else "higher"
    return f"{shown(target.metric)}, {way} is better {target.why}"


def _runs(findings: Findings) -> str:
    origin = f" of {shown(findings.origin, 80)}" if findings.origin else ""
    failed = sum(findings.failed.values())
    lines = [
        f"{_count(findings.runs, 'runs')}{origin}: {findings.used:,} used"
        + (f", {failed:,} of them failed" if failed else "")
    ]
    rows = [[f"{len(ids):,}", f"left out: {reason}"] for reason, ids in findings.left_out.items()]
    rows += [[f"{n:,}", f"failed: {shown(reason, 80)}"] for reason, n in list(findings.failed.items())[:MOST]]
    return "\n".join([*lines, *_rows(rows, "rl")])


def _targets(findings: Findings) -> str:
    lines = ["Judged by (--metric NAME --minimize or --maximize to change it):"]
    for target in findings.targets:
        others = f"; next best: {', '.join(shown(name, 30) for name in target.others)}" if target.others else ""
        lines.append(f"  {target_in_words(target)}; {len(target.rows):,} runs{others}")
    return "\n".join(lines)


def _tasks(findings: Findings) -> str:
    head = f"{_count(len(findings.tasks), 'tasks')}, {findings.task_rule} (--task-by to change it):"
    rows = [["task", "runs", "failed", "metric", "best", "median"], *map(_task, findings.tasks[:MOST])]
    return "\n".join([head, *_rows(rows, "lrrlrr"), *_more(len(findings.tasks), "tasks")])


def _task(task: TaskFound) -> list[str]:
    numbers = [f"{task.best:.4g}", f"{task.middle:.4g}"]
    return [
        shown(task.name, 40),
        f"{task.runs:,}",
        f"{task.failed:,}" if task.failed else "",
        shown(task.metric, 30),
        *numbers,
    ]


def _parameters(findings: Findings) -> str:
    head = f"{_count(len(findings.parameters), 'parameters')} to choose (--without PARAM to leave one out):"
    rows = [["parameter", "domain", "runs", "tasks", ""], *map(_parameter, findings.parameters[: 2 * MOST])]
    return "\n".join([head, *_rows(rows, "llrrl"), *_more(len(findings.parameters), "parameters", 2 * MOST)])


def _parameter(found: ParameterFound) -> list[str]:
    notes = [f"if {shown(found.when, 50)}" if found.when else "", found.note]
    notes += [f"SUSPICIOUS: {found.suspicious}" if found.suspicious else ""]
    told = "; ".join(filter(None, notes))
    return [shown(found.name, 32), shown(found.domain, 44), f"{found.coverage:.0%}", f"{found.tasks:,}", told]


def _left_out(findings: Findings) -> str:
    constant = {
        name: reason for name, reason in findings.parameters_left_out.items() if reason.startswith("it is always")
    }
    others = {name: reason for name, reason in findings.parameters_left_out.items() if name not in constant}
    lines = []
    if others:
        lines += [f"No settings: {_count(len(others), 'parameters')} (--with PARAM to keep one all the same):"]
        lines += _rows([[shown(name, 32), shown(reason, 100)] for name, reason in list(others.items())[:MOST]], "ll")
        lines += _more(len(others), "such parameters")
    if constant:
        some = ", ".join(
            f"{shown(n, 24)} {shown(r.removeprefix('it is always '), 16)}" for n, r in list(constant.items())[:5]
        )
        lines += [f"Never varied: {_count(len(constant), 'parameters')}, {some}{', ...' if len(constant) > 5 else ''}"]
    return "\n".join(lines)


def _renames(findings: Findings) -> str:
    rows = [[f"--rename '{shown(r.old, 32)}={shown(r.new, 32)}'", r.why] for r in findings.renames[:MOST]]
    return "\n".join(["Perhaps one parameter under two names:", *_rows(rows, "ll")]) if rows else ""


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n != 1 else f"1 {what[:-1]}"


def _list(head: str, sentences: Sequence[str]) -> str:
    return "\n".join([head, *(f"  {sentence}" for sentence in sentences[:MOST])]) if sentences else ""


def _more(n: int, what: str, most: int = MOST) -> list[str]:
    return [f"  ... and {n - most:,} more {what}; all are in the datasheet"] if n > most else []


def _rows(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Align columns, each to the left (l) or to the right (r)."""
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(sides))]
    return [
        "  "
        + "  ".join(c.ljust(w) if s == "l" else c.rjust(w) for c, w, s in zip(row, widths, sides, strict=True)).rstrip()
        for row in rows
    ]
