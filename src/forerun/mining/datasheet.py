"""The datasheet of a mined history: everything that was found, as Markdown that executes nothing."""

import re
from collections.abc import Sequence

from forerun.mining.findings import Findings
from forerun.mining.text import target_in_words
from forerun.mining.understand import Understood
from forerun.mining.words import shown

LONGEST = 300
MOST_IDS = 5
"""Runs that are named for each reason."""
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~$:.@-])")
_ENTITIES = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def datasheet(understood: Understood) -> str:
    """Describe a mined history."""
    findings, history = understood.findings, understood.history
    overview = [
        ["mined from", findings.origin or "runs in memory"],
        ["runs read", f"{findings.runs:,}"],
        ["runs used", f"{findings.used:,}"],
        ["of which failed", f"{sum(findings.failed.values()):,}"],
        ["tasks", f"{len(findings.tasks):,}, {findings.task_rule}"],
        ["search spaces", f"{len(history.spaces):,}"],
        ["written by", "; ".join(findings.programs)],
    ]
    tasks = [[t.name, t.runs, t.failed, t.metric, f"{t.best:.6g}", f"{t.middle:.6g}", t.data] for t in findings.tasks]
    space = [
        [p.name, p.domain, f"{p.coverage:.0%}", p.tasks, p.when, "; ".join(filter(None, (p.note, p.suspicious)))]
        for p in findings.parameters
    ]
    parts = [
        "# Datasheet of a mined history",
        _table(["what", "value"], overview),
        "## Judged by\n\n"
        + "\n".join(f"- {inert(target_in_words(t))}; {len(t.rows):,} runs" for t in findings.targets),
        "## Tasks\n\n" + _table(["task", "runs", "failed", "metric", "best", "median", "data set"], tasks),
        "## Parameters\n\n" + _table(["parameter", "domain", "runs", "tasks", "active if", "remark"], space),
        _section("## Parameters left out", ["parameter", "reason"], list(findings.parameters_left_out.items())),
        _section("## Runs left out", ["runs", "reason", "such as"], _left_out(findings)),
        _section("## Failures", ["trials", "reason"], [[f"{n:,}", reason] for reason, n in findings.failed.items()]),
        _section(
            "## Perhaps one parameter under two names",
            ["rarer", "other", "why"],
            [[r.old, r.new, r.why] for r in findings.renames],
        ),
        "## Also\n\n" + "\n".join(f"- {inert(sentence)}" for sentence in findings.told) if findings.told else "",
        WORDS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


WORDS = """\
## How to read the files

`trials.parquet` has one row a run: `task`, `loss` (lower is better; 1 − metric, or −metric, where higher values of the
metric are better), `status` and `reason`, `hp_*` (parameters; empty where a run's program did not have one, or a
condition switched it off), `metric_*` as they were logged, `hw_*`, and where it comes from: `run`, `experiment`,
`user`, `program`, `commit`. `tasks.parquet` has one row a task, with meta-features `mf_*` as far as the logged data
sets tell. `spaces.json` has the search spaces: one for each set of parameters that runs have together."""


def _left_out(findings: Findings) -> list[list[object]]:
    return [
        [f"{len(ids):,}", reason, ", ".join(ids[:MOST_IDS]) + (", ..." if len(ids) > MOST_IDS else "")]
        for reason, ids in findings.left_out.items()
    ]


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return f"{title}\n\n{_table(head, rows)}" if rows else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [list(head), ["---"] * len(head), *([inert(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def inert(text: object) -> str:
    r"""A text that Markdown and HTML show as it is, in one line.

    >>> inert("<script>alert(1)</script> [a](javascript:b)")
    '&lt;script&gt;alert\\(1\\)&lt;/script&gt; \\[a\\]\\(javascript\\:b\\)'
    """
    plain = shown(text, LONGEST).translate(_ENTITIES)
    # names and numbers stay legible: only what could begin or end a mark is escaped
    return plain if re.fullmatch(r"[\w .,;%/-]*", plain) else _MARKS.sub(r"\\\1", plain)
