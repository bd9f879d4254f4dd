"""Whatever is wrong, the command line says what, where, what is allowed and what to do; and nothing is lost."""

import errno
import hashlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, event

from forerun.cli import main
from forerun.steps.collect import Campaign
from forerun.steps.plan import Chunk
from forerun.tracking.log import recorded
from forerun.tracking.store import open_store
from forerun.trials import Trial
from tests.tracking.test_store import free_port, server

pytestmark = pytest.mark.slow  # it goes through the command line a hundred times

Make = Callable[[Path], list[str]]
"""Makes something bad in a trained project and returns the command that meets it."""

N = 60
GOOD = pd.DataFrame({"x": np.arange(N) * 0.5, "c": ["a", "b", None] * 20, "y": ["no", "yes"] * 30})


@dataclass(frozen=True)
class Bad:
    """A kind of bad input."""

    name: str
    make: Make
    words: tuple[str, ...]
    """What the message must contain: the value, its owner, what is allowed, what to do."""


# -- ways to make something bad ---------------------------------------------------------------------


def command(*arguments: str) -> Make:
    return lambda root: list(arguments)


def data(content: bytes | str | pd.DataFrame, name: str = "churn.csv", *options: str) -> Make:
    """A data file, and a recommendation asked for it."""

    def make(root: Path) -> list[str]:
        path = root / name
        if isinstance(content, pd.DataFrame):
            content.to_csv(path, index=False)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return ["recommend", str(path), *(options or ("--target", "y"))]

    return make


def options(*given: str) -> Make:
    """Good data with bad options."""
    return data(GOOD, "churn.csv", "--target", "y", *given)


def settings(text: str | bytes, *run: str) -> Make:
    """Bad params.yaml, met by a command."""

    def make(root: Path) -> list[str]:
        (root / "params.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(run)

    return make


def space(text: str) -> Make:
    """A bad search space."""

    def make(root: Path) -> list[str]:
        (root / "space.yaml").write_text(text)
        return ["space", str(root / "space.yaml")]

    return make


def domains(text: str) -> Make:
    return space(f"name: mine\ndomains: {text}")


def damaged(path: str, content: bytes | None, *run: str) -> Make:
    """A file of the project overwritten, or deleted where content is None."""

    def make(root: Path) -> list[str]:
        file = root / path
        if content is not None:
            file.write_bytes(content)
        elif file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()
        return list(run) or options()(root)

    return make


def edited(path: str, old: str, new: str) -> Make:
    """A text file of the project with something replaced, met by a recommendation."""

    def make(root: Path) -> list[str]:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new, 1))
        return options()(root)

    return make


def newer(path: str) -> Make:
    """A Parquet file that a forerun of the future wrote."""

    def make(root: Path) -> list[str]:
        table = pq.read_table(root / path)
        pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"forerun.format": b"99"}), root / path)
        return options()(root)

    return make


def folder(root: Path) -> list[str]:
    (root / "many.csv").mkdir()
    return ["recommend", str(root / "many.csv"), "--target", "y"]


def no_target(root: Path) -> list[str]:
    return data(GOOD)(root)[:2]


def duplicates(root: Path) -> list[str]:
    return data("x,x,y\n" + "1,2,a\n3,4,b\n" * 20)(root)


def cut_parquet(root: Path) -> list[str]:
    GOOD.to_parquet(root / "whole.parquet")
    return data((root / "whole.parquet").read_bytes()[:-40], "churn.parquet")(root)


def newer_schema(root: Path) -> list[str]:
    with closing(sqlite3.connect(root / "mlruns" / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    return options()(root)


def stranger(root: Path) -> list[str]:
    with closing(sqlite3.connect(root / "x.db")) as connection, connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    return settings("store: {uri: 'sqlite:///x.db'}", "step", "fingerprint")(root)


def unreachable(root: Path) -> list[str]:
    return settings(f"store: {{uri: 'http://me:secret@127.0.0.1:{free_port()}'}}", "step", "fingerprint")(root)


def outside(root: Path) -> list[str]:
    (root / "dvc.yaml").unlink()
    return options()(root)


def untrained(root: Path) -> list[str]:
    with closing(sqlite3.connect(root / "mlruns" / "mlflow.db")) as connection, connection:
        for table in ("registered_model_aliases", "registered_models"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
    shutil.rmtree(root / "data")
    return options()(root)


DATA = [
    Bad(
        "missing file", command("recommend", "nothere.csv", "--target", "y"), ("CSV, Parquet or ARFF", "'nothere.csv'")
    ),
    Bad("directory", folder, ("must be one file", "many.csv", "is a folder")),
    Bad("unknown suffix", data("a,b\n1,2\n", "churn.xlsx"), (".csv, .tsv, .parquet, .arff", "'churn.xlsx'", "Convert")),
    Bad("empty file", data(b""), ("'churn.csv' must have names and rows", "empty")),
    Bad("names alone", data("x,y\n"), ("'churn.csv' must have at least one row", "(0, 2)")),
    Bad("no such column", data(GOOD, "churn.csv", "--target", "z"), ("one of the columns 'x', 'c', 'y'", "got 'z'")),
    Bad("no target given", no_target, ("column to predict", "churn.csv", "--target COLUMN")),
    Bad("one class", data(GOOD.assign(y="yes")), ("two classes", "only 'yes' in 60 rows")),
    Bad("target all missing", data(GOOD.assign(y=None)), ("at least 10 rows", "'y'", "got 0 of 60")),
    Bad("features all missing", data(GOOD.assign(x=None, c=None)), ("at least one column that varies", "'y'")),
    Bad("infinities", data(GOOD.assign(x=np.inf)), ("must be finite or missing", "'x'", "Leave those cells empty")),
    Bad("one row", data(GOOD.head(1)), ("at least 10 rows", "got 1 of 1", "Add rows")),
    Bad("text in a numeric target", data(GOOD.assign(y=[*map(str, np.arange(59) + 0.5), "n/k"])), ("'y'", "text in 1")),
    Bad("text to regress on", options("--kind", "regression"), ("numbers alone", "'y' has text in 60 of 60")),
    Bad("columns of one name", duplicates, ("different names", "'x'", "Rename")),
    Bad("not UTF-8", data("x,y\nÄ,ü\n".encode("latin1") * 20), ("'churn.csv' must be UTF-8", "iconv")),
    Bad("ragged rows", data("x,y\n1,a\n1,2,b\n"), ("'churn.csv' must have 2 fields", "line 3 has 3", "Mend")),
    Bad("open quotes", data('x,y\n1,"a\n2,b\n'), ("'churn.csv' is not CSV", "near line 3", "quotes")),
    Bad("broken Parquet", data(b"PAR1 and then something", "churn.parquet"), ("'churn.parquet'", "Parquet", "anew")),
    Bad("half of a Parquet file", cut_parquet, ("'churn.parquet'", "not a Parquet file")),
    Bad("broken ARFF", data("@relation x\n@attribute y {a\n@data\n", "churn.arff"), ("'churn.arff'", "ARFF", "Mend")),
    Bad("another target for a built-in task", command("recommend", "iris", "--target", "y"), ("'iris'", "got 'y'")),
]
OPTIONS = [
    Bad("unknown metric", options("--metric", "fun"), ("must be one of balanced_accuracy", "got 'fun'")),
    Bad("metric of another kind", options("--metric", "rmse"), ("must be one of balanced_accuracy", "got 'rmse'")),
    Bad("--max-rows too small", options("--max-rows", "3"), ("max_rows must be at least 10", "got 3")),
    Bad("--fix without '='", options("--fix", "learner"), ("--fix must be NAME=VALUE", "learner=mlp", "got 'learner'")),
    Bad("--fix that is no YAML", options("--fix", "learner=[mlp"), ("--fix", "one of YAML", "'learner=[mlp'")),
    Bad("--fix of an unknown domain", options("--fix", "depht=3"), ("got 'depht'", "learner")),
    Bad("--fix to what is not allowed", options("--fix", "learner=gpt"), ("learner", "mlp", "got 'gpt'")),
    Bad("--fix to a number out of range", options("--fix", "mlp.dropout=7"), ("mlp.dropout", "got 7")),
    Bad(
        "--fix to what excludes another",
        options("--fix", "learner=mlp", "--fix", "svm.C=1"),
        ("'svm.C'", "only when learner is svm", "learner=mlp"),
    ),
    Bad("--forbid without a test", options("--forbid", "mlp.depth"), ("--forbid", "in quotes", "got 'mlp.depth'")),
    Bad("--forbid of nothing", options("--forbid", ""), ("--forbid must be NAME=VALUE", "got ''")),
    Bad("--forbid that is no YAML", options("--forbid", "learner=[mlp"), ("--forbid", "one of YAML", "'learner=[mlp'")),
    Bad("--forbid twice the same", options("--forbid", "svm.C>1,svm.C<9"), ("'svm.C' once", "'svm.C>1,svm.C<9'")),
    Bad("--forbid of an unknown domain", options("--forbid", "depht>=3"), ("forbidden", "learner", "got 'depht'")),
    Bad("--forbid of a value nobody has", options("--forbid", "learner=gpt"), ("'learner': 'gpt'", "one of ['mlp'")),
    Bad("--forbid beyond the range", options("--forbid", "mlp.depth=9"), ("'mlp.depth'", "9", "[1, 4]")),
    Bad("--forbid names above 3", options("--forbid", "learner>3"), ("'learner'", "not numbers")),
    Bad("--forbid more than no number", options("--forbid", "mlp.depth>=x"), ("compare with a number", "'>= x'")),
    Bad("--forbid one of a set", options("--forbid", "preprocessing=pca"), ("'preprocessing'", "'has'", "'pca'")),
    Bad("--forbid everything", options("--forbid", "sample_fraction>0"), ("something to try", "'sample_fraction'")),
    Bad(
        "--forbid everything in two goes",
        options("--forbid", "learner=[mlp,svm,knn]", "--forbid", "learner=[linear,forest,boosting]"),
        ("something to try", "'svm'", "'forest'"),
    ),
    Bad(
        "--forbid what is fixed",
        options("--fix", "learner=mlp", "--forbid", "learner=mlp"),
        ("something to try", "with {'learner': 'mlp'} fixed", "nothing is left by {'learner': 'mlp'}"),
    ),
    Bad(
        "--forbid what is fixed, with a budget",
        options("--fix", "learner=mlp", "--forbid", "learner=mlp", "--budget", "2"),
        ("something to try", "with {'learner': 'mlp'} fixed"),
    ),
    Bad(
        "--forbid with too little time",
        options("--forbid", "learner=mlp", "--seconds", "1e-9"),
        ("nothing that may be used is predicted to train in 1e-09 s",),
    ),
    Bad("negative --budget", options("--budget", "-1"), ("budget of a recommendation must be at least 0", "got -1")),
    Bad("--top 0", options("--top", "0"), ("top of a recommendation must be at least 1", "got 0")),
    Bad("--seconds too small", options("--seconds", "1e-9"), ("seconds", "nothing is predicted to train in 1e-09 s")),
    Bad("--seconds 0", options("--seconds", "0"), ("seconds", "above 0", "got 0")),
    Bad("negative --seconds with a budget", options("--seconds", "-3", "--budget", "2"), ("seconds", "above 0", "-3")),
    Bad("--seconds nan", options("--seconds", "nan"), ("seconds", "above 0", "nan")),
    Bad("negative --seed", options("--seed", "-1"), ("seed", "at least 0", "-1")),
    Bad("--report into a folder", options("--report", "."), ("--report must be a file", "got '.'")),
    Bad(
        "no time for any training", options("--seconds", "1e-9", "--budget", "2"), ("no configuration is left", "time")
    ),
    Bad("project without flows", command("run"), ("flows/", "dvc repro")),
    Bad("openml without a number", command("data", "openml"), ("number of a data set", "forerun data openml 31")),
    Bad("unknown step", command("step", "trian"), ("a step must be one of collect", "got 'trian'")),
    Bad("--resolution 1", command("space", "--resolution", "1"), ("resolution of a grid must be at least 2", "got 1")),
]
SETTINGS = [
    Bad("unknown key", settings("tune: {trails: 3}", "step", "tune"), ("params.yaml: tune", "trials", "got trails")),
    Bad("unknown stage", settings("tuning: {}", "step", "tune"), ("params.yaml", "collect", "got tuning")),
    Bad("wrong type", settings("tune: {trials: many}", "step", "tune"), ("tune: trials must be a whole", "'many'")),
    Bad("half a training", settings("tune: {trials: 2.5}", "step", "tune"), ("trials must be a whole number", "2.5")),
    Bad(
        "an endless number", settings("tune: {trials: .inf}", "step", "tune"), ("trials must be a whole number", "inf")
    ),
    Bad("no number", settings("tune: {timeout_s: .nan}", "step", "tune"), ("timeout_s must", "got nan")),
    Bad("negative number", settings("tune: {trials: -3}", "step", "tune"), ("trials must not be negative", "got -3")),
    Bad("text for a list", settings("mine: {experiments: a}", "step", "mine"), ("must be a list of names", "got 'a'")),
    Bad("broken YAML", settings("tune: {trials: [", "step", "tune"), ("params.yaml must be a readable YAML", "line 1")),
    Bad(
        "settings not UTF-8", settings(b"tune: \xff", "step", "tune"), ("params.yaml must be a readable YAML", "utf-8")
    ),
    Bad("a list of settings", settings("- tune", "step", "tune"), ("params.yaml must be a mapping", "['tune']")),
    Bad("unknown task", settings("collect: {tasks: [irsi]}", "step", "collect"), ("collect.tasks", "iris", "'irsi'")),
    Bad("no folder of tasks", settings("collect: {folder: raw}", "step", "collect"), ("raw", "folder")),
    Bad(
        "no workers",
        settings("collect: {workers: 0, tasks: [iris]}", "step", "collect"),
        ("workers must be at least 1",),
    ),
    Bad(
        "no time", settings("collect: {timeout_s: 0, tasks: [iris]}", "step", "collect"), ("timeout_s must be above 0",)
    ),
    Bad("unknown meta-learner", settings("train: {candidates: [deep]}", "step", "train"), ("linear", "got ['deep']")),
    Bad("one fold", settings("train: {folds: 1}", "step", "train"), ("folds must be at least 2", "got 1")),
    Bad("no seeds", settings("train: {seeds: 0}", "step", "train"), ("seeds must be at least 1", "got 0")),
    Bad("unknown acquisition", settings("tune: {acquisition: ucb}", "step", "tune"), ("mean, lcb, ei", "got 'ucb'")),
    Bad("no trainings", settings("tune: {trials: 0}", "step", "tune"), ("trials", "at least 1", "got 0")),
    Bad("no batch", settings("tune: {batch: 0}", "step", "tune"), ("batch", "at least 1", "got 0")),
    Bad("too coarse", settings("tune: {resolution: 1}", "step", "tune"), ("resolution", "at least 2", "got 1")),
    Bad("unknown target", settings("target: {data: cats}", "step", "tune"), ("CSV, Parquet or ARFF", "cats")),
    Bad(
        "unknown target, before collecting",
        settings("target: {data: cats}", "step", "collect"),
        ("cats", "forerun data"),
    ),
    Bad("target without a column", settings("target: {data: dvc.yaml}", "step", "collect"), ("target.column",)),
    Bad("fixed to nonsense", settings("tune: {fixed: {learner: gpt}}", "step", "tune"), ("learner", "got 'gpt'")),
    Bad("forbidden as one", settings("tune: {forbidden: {learner: mlp}}", "step", "tune"), ("list of mappings",)),
    Bad("forbidden nonsense", settings("tune: {forbidden: [{learner: gpt}]}", "step", "tune"), ("learner", "'gpt'")),
    Bad("forbidden nothing", settings("tune: {forbidden: [{}]}", "step", "tune"), ("must name a domain", "got {}")),
    Bad(
        "experiments nobody has",
        settings("mine: {experiments: [x], history: null}", "step", "mine"),
        ("x", "mine.history"),
    ),
]
FILES = [
    Bad("outside of a project", outside, ("params.yaml and dvc.yaml", "--project DIR")),
    Bad("before anything was trained", untrained, ("none yet", "forerun run")),
    Bad("no history", settings("mine: {history: old}", "step", "mine"), ("trials.parquet", "old", "missing")),
    Bad("history of a newer format", newer("data/trials/trials.parquet"), ("trials.parquet has format 99", "Upgrade")),
    Bad("meta-dataset of a newer format", newer("data/meta/meta.parquet"), ("meta.parquet", "'99'", "Upgrade")),
    Bad("damaged history", damaged("data/trials/trials.parquet", b"PAR1"), ("trials.parquet", "not a Parquet file")),
    Bad("damaged spaces", damaged("data/trials/spaces.json", b"{"), ("spaces.json is not JSON",)),
    Bad("spaces of nothing", damaged("data/trials/spaces.json", b"[]"), ("spaces.json",)),
    Bad("damaged meta-dataset", damaged("data/meta/meta.parquet", b"x"), ("meta.parquet must be a Parquet file",)),
    Bad("no meta-dataset", damaged("data/meta", None), ("data/meta is missing", "forerun run")),
    Bad("featurize before mine", damaged("data/trials", None, "step", "featurize"), ("trials.parquet", "missing")),
    Bad("train before featurize", damaged("data/meta", None, "step", "train"), ("meta.parquet", "step featurize")),
    Bad("tune before train", damaged("data/models", None, "step", "tune"), ("data/models is missing", "forerun run")),
    Bad("register before tune", command("step", "register"), ("story.json", "forerun run")),
    Bad("report before tune", command("report"), ("story.json", "forerun run")),
    Bad(
        "damaged meta-learner", damaged("data/models/metalearner.json", b"{", "step", "tune"), ("data/models", "again")
    ),
    Bad(
        "half of a meta-learner",
        damaged("data/models/metalearner.safetensors", b"12", "step", "tune"),
        ("Train it again",),
    ),
    Bad(
        "empty meta-learner", damaged("data/models/metalearner.json", b"{}", "step", "tune"), ("metalearner.json", "1")
    ),
    Bad("no evaluation", damaged("data/reports/evaluation.json", None), ("evaluation.json", "forerun run")),
    Bad("damaged evaluation", damaged("data/reports/evaluation.json", b"{}"), ("evaluation.json", "forerun run")),
]
SPACES = [
    Bad("no such space", command("space", "nothere.yaml"), ("nothere.yaml must be a readable YAML", "No such file")),
    Bad("space that is no YAML", space("a: [b"), ("space.yaml must be a readable YAML file", "line")),
    Bad("space that is a list", space("- a"), ("space.yaml must be a mapping with name and domains", "list")),
    Bad("space without domains", domains("{}"), ("at least one domain", "got {}")),
    Bad("unknown sort of domain", domains("{a: {type: float}}"), ("domain 'a'", "real, integer", "got 'float'")),
    Bad("empty domain", domains("{a: {type: categorical, values: []}}"), ("domain 'a'", "empty", "got []")),
    Bad("turned range", domains("{a: {type: real, low: 2, high: 1}}"), ("domain 'a'", "low", "2", "1")),
    Bad("log from 0", domains("{a: {type: real, low: 0, high: 1, log: true}}"), ("domain 'a'", "log", "0")),
    Bad("half a range", domains("{a: {type: real, low: 0}}"), ("domain 'a'", "high", "['low']")),
    Bad(
        "condition on nobody",
        domains("{a: {type: real, low: 0, high: 1, when: {b: 1}}}"),
        ("'a'", "'b'"),
    ),
    Bad(
        "conditions in a cycle",
        domains("{a: {type: ordinal, values: [1, 2], when: {b: 1}}, b: {type: ordinal, values: [1, 2], when: {a: 1}}}"),
        ("cycle", "'mine'"),
    ),
]
STORES = [
    Bad("store of a newer schema", newer_schema, ("'ffffffffffff'", "newer MLflow", "Upgrade")),
    Bad("store that is no database", damaged("mlruns/mlflow.db", b"a,b\n"), ("must be a SQLite database", "Restore")),
    Bad("store of another program", stranger, ("database of MLflow", "['customers']")),
    Bad("URI of no store", settings("store: {uri: nonsense}", "step", "mine"), ("http, https, sqlite", "'nonsense'")),
    Bad("unreachable server", unreachable, ("http://***@127.0.0.1", "does not answer", "Check the URI")),
    Bad("UI of a server", settings("store: {uri: 'http://h'}", "ui"), ("http://h",)),
]
ALL = {bad.name: bad for bad in [*DATA, *OPTIONS, *SETTINGS, *FILES, *SPACES, *STORES]}


# -- what every one of them must keep to ------------------------------------------------------------


def contents(root: Path) -> dict[str, str]:
    """What the pipeline made, file by file, and the runs of the store."""
    files = [f for f in sorted((root / "data").rglob("*")) if f.is_file()]
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def runs(root: Path) -> list[tuple[str, str]]:
    try:
        with closing(sqlite3.connect(f"file:{root}/mlruns/mlflow.db?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT run_uuid, status FROM runs ORDER BY run_uuid").fetchall()
    except sqlite3.Error:
        return []


def refused(arguments: list[str], root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must be refused; returns what it says."""
    code = main([*arguments, "--project", str(root)])
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert code == 2, error
    line = error[error.index("forerun: error: ") :]
    assert line.count("\n") < 10  # YAML's own messages show where
    return line


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ALL)
def test_bad_input_is_named_and_nothing_is_lost(name: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = ALL[name]
    arguments = bad.make(project)
    before, recorded = contents(project), runs(project)
    message = refused(arguments, project, capsys)
    for word in bad.words:
        assert word in message
    assert "secret" not in message
    after = contents(project)
    assert {path: after.get(path) for path in before} == before
    assert set(recorded) <= set(runs(project))


def test_there_are_many_kinds_of_bad_input() -> None:
    assert len(ALL) == len([*DATA, *OPTIONS, *SETTINGS, *FILES, *SPACES, *STORES]) > 100


# -- what goes wrong around the program -------------------------------------------------------------


def pragma(statement: str) -> Callable[[sqlite3.Connection, object], None]:
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA {statement}")

    return connected


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("max_page_count = 1", ("the disk is full", "Free some space", "what was finished is kept")),
        ("query_only = 1", ("not writable",)),
    ],
)
def test_a_store_that_cannot_be_written_is_named_and_loses_nothing(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    trained_here: list[Trial],
    statement: str,
    words: tuple[str, ...],
) -> None:
    settings("collect: {tasks: [iris], shared: 9, random: 0}")(project)
    open_store(None, project)  # at its new place, so that only the collection writes
    before = contents(project), runs(project)
    hinder = pragma(statement)
    event.listen(Engine, "connect", hinder)
    try:
        message = refused(["step", "collect"], project, capsys)
    finally:
        event.remove(Engine, "connect", hinder)
    for word in (*words, "mlflow.db"):
        assert word in message
    assert contents(project) == before[0]
    assert set(before[1]) <= set(runs(project))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, ("the disk is full", "trials.partial", "what was finished is kept")),
        (errno.EROFS, ("trials.partial", "must be writable", "Read-only file system")),
    ],
)
def test_a_disk_that_refuses_a_file_is_named_and_the_old_file_kept(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: tuple[str, ...],
) -> None:
    def refuse(table: object, path: Path, **_: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    shutil.copytree(project / "data" / "trials", project / "data" / "history")
    before = contents(project)
    monkeypatch.setattr("forerun.trials.pq.write_table", refuse)
    message = refused(["step", "mine"], project, capsys)
    for word in words:
        assert word in message
    assert contents(project) == before


def test_openml_without_a_network_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(**_: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", unreachable)
    message = refused(["data", "openml", "31", "--to", str(project / "raw")], project, capsys)
    assert "cannot download data set 31 from openml.org: Name or service not known. Check the network" in message
    assert not (project / "raw").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recomend"], "invalid choice: 'recomend'"),
        (["recommend"], "the following arguments are required: DATA"),
        (["recommend", "a.csv", "--budget", "many"], "invalid int value: 'many'"),
        (["recommend", "a.csv", "--kind", "ranking"], "invalid choice: 'ranking'"),
        (["space", "--verbose"], "unrecognized arguments: --verbose"),
    ],
)
def test_a_command_line_that_is_none_ends_with_the_same_exit_code(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.slow
def test_a_server_that_goes_away_in_the_middle_is_named_and_what_was_finished_is_kept(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(project) as (uri, process):
        plan = "collect: {tasks: [iris], shared: 4, random: 0, chunk: 2, workers: 1}"
        settings(f"store: {{uri: '{uri}'}}\n{plan}")(project)
        train = Campaign.train

        def then_die(self: Campaign, chunk: Chunk) -> int:
            done = train(self, chunk)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            return done

        monkeypatch.setattr(Campaign, "train", then_die)
        assert "the server does not answer" in refused(["step", "collect"], project, capsys)
    monkeypatch.undo()
    assert len(recorded(open_store(None, project), "forerun/collect")) == 2
    settings(plan)(project)
    assert main(["step", "collect", "--project", str(project)]) == 0
    assert len(recorded(open_store(None, project), "forerun/collect")) == 4
