"""Calls of a program that is not forerun's, several at a time, each of them a trial of a study.

Every call is an MLflow run of the study: it finds MLFLOW_TRACKING_URI and MLFLOW_RUN_ID in its environment, so that
what it logs with MLflow lands in that run. Its result is the last value of the metric that it logged there; where it
logged none, the last line of its output that says one (`tuning.external.output`).
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forerun.errors import ForerunError, TrainingError
from forerun.steps.progress import bar
from forerun.steps.study import Asked, Study
from forerun.tuning.external import Template
from forerun.tuning.external.output import printed
from forerun.tuning.external.processes import Running, stop

POLL_S = 0.05
"""Between two looks at the programs."""
PATIENCE = 3
"""Calls that may fail before any has ended well: then something other than the configuration is wrong."""


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
    check: Callable[[], None] = lambda: None
    """Called where nothing is half written; raises to end the tuning (see `interruption`)."""
    running: dict[str, tuple[Asked, Running]] = field(default_factory=dict)

    def run(self) -> None:
        """Call the program until the budget is spent. Raises TrainingError where every call fails."""
        with bar(desc=self.study.name, unit="trial", total=self.plan.budget, leave=True) as shown:
            try:
                while True:
                    self.check()
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
            self.check()
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
