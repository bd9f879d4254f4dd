"""`forerun tune ... -- python train.py --lr {lr}`: tune a program that is not forerun's.

Every call of the program is an MLflow run of the study: it finds MLFLOW_TRACKING_URI and MLFLOW_RUN_ID in its
environment, so that what it logs with MLflow lands in that run. Its result is the last value of the metric that it
logged there; where it logged none, the last line of its output that says one (`tuning.external.output`).
"""

import argparse
import math
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from forerun.errors import ForerunError, SettingsError, TrainingError
from forerun.mining.targets import direction
from forerun.space import SearchSpace
from forerun.steps.progress import bar
from forerun.steps.study import Asked, Study, open_tracking
from forerun.steps.target import read_task
from forerun.tracking.studies import Entry, StudyLog, Subject
from forerun.trials import History
from forerun.tuning.external import Template, encoder_of
from forerun.tuning.external.output import printed
from forerun.tuning.external.processes import Running, stop

POLL_S = 0.05
"""Between two looks at the programs."""
PATIENCE = 3
"""Calls that may fail before any has ended well: then something other than the configuration is wrong."""
SHOWN = 5
"""Trials in the table at the end."""


@dataclass(frozen=True)
class Plan:
    """What a tuning is to do."""

    template: Template
    budget: int
    environment: Mapping[str, str]
    """Of the user, without what forerun sets for itself."""
    parallel: int = 1
    timeout_s: float | None = None


@dataclass
class Tuning:
    """Calls of a program, several at a time, each of them a trial of a study."""

    study: Study
    plan: Plan
    folder: Path
    """For the programs' output while they run."""
    running: dict[str, tuple[Asked, Running]] = field(default_factory=dict)

    def run(self) -> None:
        """Call the program until the budget is spent. Raises TrainingError where every call fails."""
        with bar(desc=self.study.name, unit="trial", total=self.plan.budget, leave=True) as shown:
            try:
                while True:
                    ended, pending = self._count()
                    shown.update(ended - shown.n)
                    if ended >= self.plan.budget:
                        return
                    if ended + pending < self.plan.budget and len(self.running) < self.plan.parallel:
                        self._begin()
                    else:
                        self._wait()
            finally:
                self._give_up()

    def _count(self) -> tuple[int, int]:
        """How many trials have ended, and how many have not. A program may end its run itself before it ends."""
        judged = [e for e in self.study.entries() if e.run_id not in self.running]
        pending = sum(e.status == "pending" for e in judged) + len(self.running)
        ended = [e for e in judged if e.status in ("finished", "failed")]
        if len(ended) >= PATIENCE and all(e.status == "failed" for e in ended):
            reasons = "; ".join(dict.fromkeys(e.reason for e in ended[-PATIENCE:]))
            raise TrainingError(
                f"at least one of the first {PATIENCE} calls of the command must end well; none did: {reasons}. "
                f"Mend it and start again under another --name, or look at the runs of {self.study.name!r} in MLflow"
            )
        return len(ended), pending

    def _begin(self) -> None:
        asked = self.study.ask()
        try:
            program = Running.start(
                self.plan.template.filled(asked.configuration),
                self.folder / f"{asked.run_id}.txt",
                {
                    **self.plan.environment,
                    "MLFLOW_TRACKING_URI": self.study.store.uri,
                    "MLFLOW_RUN_ID": asked.run_id,
                    "MLFLOW_EXPERIMENT_ID": self.study.log.place,
                    "PYTHONUNBUFFERED": "1",  # of a program that is killed, what it said would be lost
                },
                self.plan.timeout_s,
            )
        except ForerunError:
            self.study.log.give_up(asked.run_id)
            raise
        self.running[asked.run_id] = asked, program
        # it works on, and its run stays pending, where this process is killed
        self.study.log.hand_over(asked.run_id, program.process.pid)

    def _wait(self) -> None:
        """Until one of ours has ended; or, where only others' are left, for a moment."""
        while True:
            done = [run for run, (_, program) in self.running.items() if program.ended or program.late]
            for run in done:
                self._end(*self.running[run])
                del self.running[run]
            if done or not self.running:
                time.sleep(0 if done else 1)
                return
            time.sleep(POLL_S)

    def _end(self, asked: Asked, program: Running) -> None:
        log, metric = self.study.log, self.study.log.subject.metric
        if not program.ended:
            program.stop()
            log.fail(asked.run_id, f"timed out after {self.plan.timeout_s:g} s", program.tail(), (program.output,))
            return
        reason = program.outcome()
        logged = log.metrics(asked.run_id)
        value = logged.get(metric, printed(program.tail(), metric))
        if not reason and value is None:
            reason = self._silent(asked, sorted(logged))
        elif not reason and not math.isfinite(value or 0.0):
            reason = f"{metric} is {value}"
        if reason or value is None:
            log.fail(asked.run_id, reason, program.tail(), (program.output,))
        else:
            log.tell(asked.run_id, value)

    def _silent(self, asked: Asked, logged: Sequence[str]) -> str:
        """What to say of a call that ended well without a result. Raises TrainingError where none ever had one."""
        metric = self.study.log.subject.metric
        known = f"; it logged {', '.join(logged[:8])}" if logged else ""
        reason = f"it ended well and said no {metric}{known}"
        if self.study.best is None:
            self.study.log.give_up(asked.run_id)
            raise TrainingError(
                f"a call of the command must say {metric!r}: log it with MLflow to the run that MLFLOW_RUN_ID names, "
                f"or print a line {metric}=VALUE; {reason}. Mend the command, or name what it says with --metric"
            )
        return reason

    def _give_up(self) -> None:
        """End what still runs, as if it had not been asked for."""
        stop([program for _, program in self.running.values()])
        for run in self.running:
            self.study.log.give_up(run)
        self.running.clear()


# -- command line -----------------------------------------------------------------------------------


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
    with tempfile.TemporaryDirectory(prefix="forerun-") as folder, _ended_by_signal():
        plan = Plan(template, options.budget, options.environment, options.parallel, options.timeout)
        Tuning(study, plan, Path(folder)).run()
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


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Being asked to end is being interrupted: the programs that run are ended too."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
