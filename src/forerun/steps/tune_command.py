"""`forerun tune ... -- python train.py --lr {lr}`: tune a program that is not forerun's."""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from forerun.errors import SettingsError
from forerun.mining.targets import direction
from forerun.space import SearchSpace
from forerun.steps.calls import Plan, Tuning
from forerun.steps.interruption import heard
from forerun.steps.study import Study, open_tracking
from forerun.steps.target import read_task
from forerun.tracking.studies import Entry, StudyLog
from forerun.tracking.subject import Subject
from forerun.trials import History
from forerun.tuning.external import Template, encoder_of

SHOWN = 5
"""Trials in the table at the end."""


def command(options: argparse.Namespace) -> None:
    """`forerun tune`: tune the program, then tell what was best."""
    template = Template(tuple(options.program))
    _check(options, template)
    history = History.load(options.history) if options.history else None
    store = open_tracking(None)
    name = options.name or _name(template)
    known = StudyLog.find(store, name)
    space = _space(options.space, template, history, known)
    template.check(space)
    metric, maximize, why = _metric(options, history, known)
    task = read_task(options.data, options.target) if options.data else None
    study = Study(
        name,
        space,
        options.history,
        direction="maximize" if maximize else "minimize",
        metric=metric,
        task=task,
        seed=options.seed,
        command=template.arguments,
    )
    print(f"Study {name!r}: {'maximises' if maximize else 'minimises'} {metric} ({why}), {options.budget} trials.")
    with tempfile.TemporaryDirectory(prefix="forerun-") as folder, heard() as check:
        plan = Plan(template, options.budget, options.environment, options.parallel, options.timeout)
        Tuning(study, plan, Path(folder), check).run()
    print(told(study, template))


def _check(options: argparse.Namespace, template: Template) -> None:
    for name in ("budget", "parallel"):
        if getattr(options, name) < 1:
            raise SettingsError(f"--{name} must be at least 1; got {getattr(options, name)}")
    if options.timeout is not None and not options.timeout > 0:
        raise SettingsError(f"--timeout must be above 0 s; got {options.timeout}. Leave it out for no limit")
    if options.target and not options.data:
        raise SettingsError("--target names a column of --data FILE; got no --data")
    program = template.arguments[0]
    if not Template((program,)).names and shutil.which(program) is None:
        raise SettingsError(f"the command must begin with a program that can be run; {program!r} cannot be found")


def _name(template: Template) -> str:
    """The script's name, or the program's: what is tuned."""
    scripts = [Path(a).name for a in template.arguments[1:] if Path(a).is_file()]
    return (scripts or [Path(template.arguments[0]).name])[0]


def _space(given: Path | None, template: Template, history: History | None, known: Subject | None) -> SearchSpace:
    """The space that is named, or that of the study as it was begun, or the history's part that the command names."""
    if given is not None:
        return SearchSpace.from_yaml(given)
    if known is not None:
        return known.space
    if history is None:
        raise SettingsError(
            "a new tuning must have a search space, --space FILE, or a history that has one, --history FOLDER; "
            "got neither"
        )
    used = [history.spaces[str(name)] for name in sorted(history.trials["space"].unique())]
    whole = encoder_of(used[1:], used[0])
    named = [name for name in template.names if name in whole.domains]
    if not named:
        template.check(whole)
    conditions = {n: whole.condition(n) for n in named if set(whole.condition(n).parents) <= set(named)}
    return SearchSpace("history", {name: whole.domains[name] for name in named}, conditions)


def _metric(options: argparse.Namespace, history: History | None, known: Subject | None) -> tuple[str, bool, str]:
    """The metric, whether higher is better, and how we know."""
    if known is not None and not options.metric and options.maximize is None:
        return known.metric, known.maximize, "as the study was begun"
    metric = options.metric or (known.metric if known else _of_history(history))
    if options.maximize is not None:
        return metric, options.maximize, "as stated"
    if (told := _direction(history, metric)) is not None:
        return metric, told == "maximize", "as the history was judged"
    lower = direction(metric)
    if lower is None:
        raise SettingsError(f"the name of metric {metric!r} does not tell what is good. Add --minimize or --maximize")
    return metric, not lower, "by its name"


def _of_history(history: History | None) -> str:
    metrics = set() if history is None else set(history.tasks["metric"].astype(str)) - {""}
    if len(metrics) != 1:
        said = f"the history knows {', '.join(sorted(metrics)[:5])}" if metrics else "nothing else tells it"
        raise SettingsError(f"--metric must name what the command logs and is to be good; {said}. Add --metric NAME")
    return str(metrics.pop())


def _direction(history: History | None, metric: str) -> str | None:
    """'minimize' or 'maximize', where the tasks of a mined history that were judged by this metric agree."""
    if history is None or "direction" not in history.tasks:
        return None
    said = set(history.tasks["direction"][history.tasks["metric"] == metric].astype(str)) & {"minimize", "maximize"}
    return said.pop() if len(said) == 1 else None


def told(study: Study, template: Template) -> str:
    """The best trials as a table, and how to run the best again."""
    entries, log = study.entries(), study.log
    metric, names = log.subject.metric, list(study.space.domains)
    finished = sorted((e for e in entries if e.status == "finished"), key=lambda e: log.loss(e.value))
    failed = [e for e in entries if e.status == "failed"]
    rows = [[metric, "s", *names, "run"]] + [_row(entry, names) for entry in finished[:SHOWN]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["", *("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows), ""]
    if failed:
        lines.append(f"{len(failed)} of {len(finished) + len(failed)} trials failed, the last one: {failed[-1].reason}")
    lines.append(f"All of them are runs of experiment {study.name!r} in {study.store.label}")
    lines += ["The best again:", f"  {in_shell(template.filled(finished[0].configuration))}"] if finished else []
    return "\n".join(lines)


def _row(entry: Entry, names: Sequence[str]) -> list[str]:
    values = [_short(entry.configuration[n]) if n in entry.configuration else "-" for n in names]
    return [f"{entry.value:.6g}", f"{entry.seconds:.1f}", *values, entry.run_id[:8]]


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= 24 else f"{plain[:23]}…"


def in_shell(arguments: Sequence[str]) -> str:
    """A command line that a shell reads as these arguments."""
    import shlex

    return shlex.join(arguments)
