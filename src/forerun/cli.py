"""`forerun ...`: thin commands over the steps. Nothing heavy is imported until a command needs it."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from forerun import __version__
from forerun.errors import ForerunError, SettingsError

QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "1",
    # errors are raised, and told once by `guarded`; Prefect would print their tracebacks for every flow they pass
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    # two threads on the small matrices of this process take four times as long as one while the workers
    # use the cores; read once, when torch or NumPy is imported
    "OMP_NUM_THREADS": "1",
}
"""Private, quiet and single-threaded by default; what the user has set goes before."""

DESCRIPTION = "Know how good a model will be before you train it."

COMMAND = "COMMAND ..."
EPILOG = """\
first steps:
  forerun run                                   the whole pipeline, from trainings to a registered model
  forerun recommend churn.csv --target churn    what to train on your data, in seconds, nothing trained
  forerun recommend churn.csv --target churn --budget 8
                                                the same after eight real trainings, winner registered
  forerun ui                                    look at every training in MLflow's UI
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, 2 for what the user can mend, 130 when interrupted."""
    options = parser().parse_args(arguments)
    options.environment = dict(os.environ)  # the user's, for programs that are not ours
    return guarded(lambda: options.command(options))


def guarded(command: Callable[[], int | None]) -> int:
    """Run a command in a quiet environment, what goes wrong told in a line. Returns the exit code."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        code = int(command() or 0)
        sys.stdout.flush()
        return code
    except ForerunError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        print("forerun: interrupted; what was finished is kept, start again to go on", file=sys.stderr)
        return 130
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            return 141
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _refuse(
                f"the disk is full ({error.filename or 'while writing'}). Free some space and start again: "
                "what was finished is kept"
            )
        if error.errno in (errno.EACCES, errno.EROFS):
            return _refuse(f"{error.filename} must be writable; {error.strerror}")
        raise


def _reader_is_gone() -> bool:
    """Whether what reads our output has ended, as `head` does; Python would complain of it once more at its end."""
    import select

    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)  # errors are told without being asked for
    gone = any(event & select.POLLERR for _, event in pipe.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return gone


def _refuse(message: str) -> int:
    print(f"forerun: error: {message}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(
        prog="forerun",
        usage=f"forerun [-h] [--version] {COMMAND}",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"forerun {__version__}")
    top.set_defaults(command=lambda _: _help(top))
    commands = top.add_subparsers(title="commands", metavar=COMMAND, prog="forerun")

    _command(commands, "run", _run, "run the pipeline: only what is not done yet")
    _recommend_command(commands)
    _mine_command(commands)
    _tune_command(commands)

    space = _command(commands, "space", _space, "show what may be tried, and how much that is")
    space.add_argument("file", nargs="?", type=Path, help="a search space in YAML; by default the built-in one")
    space.add_argument(
        "--kind", choices=["binary", "multiclass", "regression"], default="binary", help="of the built-in space"
    )
    space.add_argument("--resolution", type=int, default=12, metavar="N", help="levels of a numeric domain (12)")

    report = _command(commands, "report", _report, "make the report page again and say where it is")
    report.add_argument("--open", action="store_true", help="open it in the browser")

    ui = _command(commands, "ui", _ui, "open MLflow's UI on the project's store, on this machine only")
    ui.add_argument("--port", type=int, default=5000, help="(5000)")

    data = _command(commands, "data", _data, "list the built-in tasks, or fetch a data set from OpenML")
    data.add_argument("source", nargs="?", choices=["builtin", "openml"], default="builtin")
    data.add_argument("id", nargs="?", type=int, help="OpenML's number of the data set")
    data.add_argument("--to", type=Path, default=Path("data/raw"), metavar="DIR", help="where to save it (data/raw)")

    step = _command(commands, "step", _step, "run one step of the pipeline, as dvc.yaml does")
    step.add_argument(
        "name", metavar="NAME", help="collect, fingerprint, mine, featurize, train, tune, register or report"
    )
    return top


def _recommend_command(commands: Any) -> None:
    recommend = _command(
        commands, "recommend", _recommend, "say what to train on a data set, before anything is trained"
    )
    recommend.add_argument("data", metavar="DATA", help="a CSV, Parquet or ARFF file, or the name of a built-in task")
    recommend.add_argument("--target", metavar="COLUMN", help="the column to predict")
    recommend.add_argument(
        "--budget", type=int, default=0, metavar="N", help="real trainings to spend; without one nothing is trained"
    )
    recommend.add_argument(
        "--kind", choices=["binary", "multiclass", "regression"], help="by default told from the target column"
    )
    recommend.add_argument("--metric", help="by default balanced_accuracy, or nrmse for regression")
    recommend.add_argument(
        "--fix",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a value that must be used, as learner=mlp; repeatable",
    )
    recommend.add_argument(
        "--forbid",
        action="append",
        default=[],
        metavar="'NAME=VALUE,...'",
        help="a combination that must not be used, in quotes: 'learner=svm', 'learner=mlp,mlp.depth>=3', "
        "'learner=[knn,svm]', 'preprocessing has interactions'; forbidden is what fits all of its parts; repeatable",
    )
    recommend.add_argument(
        "--seconds", type=float, metavar="S", help="recommend only what is predicted to train in this time"
    )
    recommend.add_argument(
        "--front", action="store_true", help="also show what a lower loss costs in training time (up to a minute)"
    )
    recommend.add_argument("--top", type=int, default=3, metavar="K", help="recommendations to show (3)")
    recommend.add_argument("--max-rows", type=int, metavar="N", help="sample a larger data set to this many rows")
    recommend.add_argument("--seed", type=int, default=0, help="of the split and the trainings (0)")
    recommend.add_argument("--report", type=Path, metavar="FILE", help="also write the report page")


def _mine_command(commands: Any) -> None:
    mine = commands.add_parser(
        "mine",
        help="make a history of the runs that any programs logged with MLflow",
        description="Make a history of the runs that any programs logged with MLflow, and tell what was found in them.",
        epilog="example: forerun mine --from http://mlflow.our-team:5000 --to history",
    )
    mine.set_defaults(command=_mine)
    mine.add_argument("--from", dest="uri", required=True, metavar="URI", help="a tracking URI; it is only read")
    mine.add_argument("--to", type=Path, default=Path("history"), metavar="FOLDER", help="where to write it (history)")
    several: Any = {"action": "append", "default": []}
    mine.add_argument("--experiment", metavar="NAME", help="an experiment to read (all of them); repeatable", **several)
    mine.add_argument("--metric", metavar="NAME", help="what is to be good; by default guessed, and told")
    way = mine.add_mutually_exclusive_group()
    way.add_argument("--minimize", dest="minimize", action="store_true", default=None, help="lower is better")
    way.add_argument("--maximize", dest="minimize", action="store_false", help="higher is better")
    mine.add_argument(
        "--value", default="last", metavar="WHICH", help="of what a run logged: last, best, step:N or mean:K (last)"
    )
    mine.add_argument(
        "--task-by", metavar="RULE", help="what makes a task: experiment, dataset, parent, tag:NAME or param:NAME"
    )
    mine.add_argument(
        "--fresh", action="store_true", help="read everything anew, not only what is new or changed since the last time"
    )
    mine.add_argument("--rename", metavar="OLD=NEW", help="one parameter under two names; repeatable", **several)
    mine.add_argument("--without", metavar="PARAM", help="a parameter to leave out; repeatable", **several)
    mine.add_argument(
        "--with", dest="keep", metavar="PARAM", help="a parameter to keep all the same; repeatable", **several
    )


def _tune_command(commands: Any) -> None:
    tune = commands.add_parser(
        "tune",
        help="tune any program, taught by a history",
        description="Tune any program: its arguments in braces are tried, every call is an MLflow run.",
        usage="forerun tune --budget N [OPTION ...] -- PROGRAM ARGUMENT {name} ...",
        epilog="example: forerun tune --budget 20 --space space.yaml --metric val_loss -- python train.py --lr {lr}",
    )
    tune.set_defaults(command=_tune)
    tune.add_argument("program", nargs="+", metavar="PROGRAM ...", help="the command, with {placeholders}, after --")
    tune.add_argument("--budget", type=int, required=True, metavar="N", help="trials, those of earlier starts included")
    tune.add_argument("--space", type=Path, metavar="FILE", help="what may be tried, in YAML; by default the history's")
    tune.add_argument(
        "--history", type=Path, metavar="FOLDER", help="what to learn from (see forerun mine --from URI --to FOLDER)"
    )
    tune.add_argument(
        "--metric", metavar="NAME", help="what the program logs and is to be good; by default the history's"
    )
    way = tune.add_mutually_exclusive_group()
    way.add_argument("--maximize", dest="maximize", action="store_true", default=None, help="higher is better")
    way.add_argument("--minimize", dest="maximize", action="store_false", help="lower is better")
    tune.add_argument("--parallel", type=int, default=1, metavar="N", help="programs at the same time (1)")
    tune.add_argument("--timeout", type=float, metavar="S", help="seconds after which a call is ended, and failed")
    tune.add_argument("--name", help="of the study, and of its experiment in MLflow (by default the script's)")
    tune.add_argument("--data", metavar="DATA", help="the data set at hand, whose meta-features the history may know")
    tune.add_argument("--target", metavar="COLUMN", help="its column to predict")
    tune.add_argument("--seed", type=int, default=0, help="of the choices (0)")


def _command(commands: Any, name: str, function: Callable[[argparse.Namespace], Any], text: str) -> Any:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument(
        "--project", type=Path, metavar="DIR", help="the project (by default the one around this folder)"
    )
    command.set_defaults(command=function)
    return command


def _help(top: argparse.ArgumentParser) -> int:
    top.print_help()
    return 0


def _project(options: argparse.Namespace) -> Any:
    from forerun.steps.project import Project

    return Project.find(options.project)


def _run(options: argparse.Namespace) -> None:
    root = _project(options).root
    if not (root / "flows" / "__main__.py").is_file():
        raise SettingsError(f"{root} must hold the folder flows/, which chains the steps. Copy it, or run: dvc repro")
    # the flows belong to the project, not to the package: a user chains and schedules them as they like;
    # they take this process over, so that a signal to it reaches them
    os.chdir(root)
    os.execv(sys.executable, [sys.executable, "-m", "flows"])  # noqa: S606 - no shell is meant


def _step(options: argparse.Namespace) -> None:
    from forerun.steps import run_step

    run_step(options.name, _project(options))


def _recommend(options: argparse.Namespace) -> None:
    from forerun.steps.recommend import command

    command(_project(options), options)


def _mine(options: argparse.Namespace) -> None:
    from forerun.steps.mine_from import command

    command(options)


def _tune(options: argparse.Namespace) -> None:
    from forerun.steps.tune_command import command

    command(options)


def _space(options: argparse.Namespace) -> None:
    from forerun.steps.describe import describe_space

    print(describe_space(options.file, options.kind, options.resolution))


def _report(options: argparse.Namespace) -> None:
    from forerun.steps import run_step

    project = _project(options)
    run_step("report", project)
    page = project.reports / "report.html"
    print(page)
    if options.open:
        import webbrowser

        webbrowser.open(page.as_uri())


def _ui(options: argparse.Namespace) -> int:
    from forerun.tracking.ui import serve

    project = _project(options)
    return serve(project.settings.store.uri, project.root, options.port)


def _data(options: argparse.Namespace) -> None:
    from forerun.steps.describe import describe_tasks, fetch_openml

    print(describe_tasks() if options.source == "builtin" else fetch_openml(options.id, options.to))


if __name__ == "__main__":
    sys.exit(main())
