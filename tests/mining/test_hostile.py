"""Names and values that want to be executed, to break out or to be lost: nothing is run, nothing is lost."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forerun.errors import ForerunError
from forerun.metadata import featurize
from forerun.mining import DataSet, Rules, Understood, as_text, datasheet, understand
from forerun.mining.words import utf8
from forerun.trials import History
from tests.mining.making import Run, runs_of, sweep

HOSTILE = (
    "'; DROP TABLE runs; --",
    '<script>alert("x")</script>',
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(2)) ![i](http://evil/x.png) <http://evil>",
    "../../../../etc/passwd",
    "bell\x07 escape\x1b[31m null\x00 \x9b31m",
    "right-to-left \u202egnp.exe",
    "half a character \ud800",
    "two\nlines\u2028three | `code` $(id) ${HOME}",
    "数据集 🚲 données",
    "a=b",
    "x" * 6000,
)


def hostile() -> Understood:
    """Hostile words wherever a word can stand; every value of `choice` in two runs."""
    rng = np.random.default_rng(0)
    evil = DataSet(HOSTILE[1], HOSTILE[5], HOSTILE[4], HOSTILE[3], HOSTILE[0], HOSTILE[2])
    made = []
    for experiment in HOSTILE[:6]:
        for i, word in enumerate(HOSTILE * 2):
            params = {
                "lr": float(rng.random()),
                "choice": word,
                HOSTILE[1]: i % 3,
                HOSTILE[5]: word,
                HOSTILE[10]: i % 2,
            }
            metrics = {"val_acc": float(rng.random()), HOSTILE[2]: 1.0, HOSTILE[7]: 2.0}
            tags = {"error": word, "gpu_name": HOSTILE[5], HOSTILE[0]: word, "mlflow.source.name": HOSTILE[3]}
            failed = i == 5
            made.append(
                Run(
                    params,
                    {} if failed else metrics,
                    tags,
                    experiment,
                    "FAILED" if failed else "FINISHED",
                    inputs=(evil,),
                )
            )
    return understand(runs_of(made), Rules(origin=HOSTILE[5]))


@pytest.fixture(scope="module")
def found() -> Understood:
    return hostile()


def test_every_run_and_every_readable_value_is_kept(found: Understood, tmp_path: Path) -> None:
    findings = found.findings
    assert findings.used + sum(map(len, findings.left_out.values())) == findings.runs == 6 * 24
    assert findings.used == 6 * 24
    assert set(found.history.tasks.index) == {utf8(name).strip() for name in HOSTILE[:6]}
    found.history.save(tmp_path)
    loaded = History.load(tmp_path)
    assert loaded.configurations() == found.history.configurations()
    chosen = {c["choice"] for c in loaded.configurations() if "choice" in c}
    assert chosen == {utf8(word) for word in HOSTILE[:-1]}  # of 6,000 characters, no setting is made
    assert any("choice: 12 runs have a value of more than 500 characters" in told for told in findings.told)
    assert "a≡b" in {name for space in loaded.spaces.values() for name in space.domains}
    assert featurize(loaded).X.shape[0] == findings.used


def test_the_table_cannot_steer_a_terminal(found: Understood) -> None:
    text = as_text(found.findings)
    assert all(c.isprintable() for c in text.replace("\n", ""))
    assert max(map(len, text.splitlines())) < 400
    assert "\\x1b[31m" in text


def test_the_datasheet_shows_words_and_runs_none(found: Understood) -> None:
    sheet = datasheet(found)
    assert all(c.isprintable() for c in sheet.replace("\n", ""))
    markdown = pytest.importorskip("markdown_it")
    page = markdown.MarkdownIt("commonmark", {"html": True}).enable("table").render(sheet)
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z]+)", page))
    assert tags <= {"h1", "h2", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "h"}
    assert "alert(" in page  # it is told


def test_ten_thousand_parameters_on_one_run_are_told_and_cost_nothing() -> None:
    made = sweep()
    made[0] = replace(made[0], params={**made[0].params, **{f"p{i}": i for i in range(10_000)}})
    result = understand(runs_of(made), Rules())
    assert {p.name for p in result.findings.parameters} == {"lr", "depth", "act"}
    assert len(result.findings.parameters_left_out) == 10_001
    assert len(as_text(result.findings).splitlines()) < 60
    assert result.findings.used == 12


words = st.text(max_size=12) | st.sampled_from(HOSTILE)
numbers = st.floats() | st.floats(0, 1)


@st.composite
def strange_runs(draw: st.DrawFn) -> list[Run]:
    names = draw(st.lists(words, min_size=1, max_size=3, unique=True))
    metrics = draw(st.lists(words | st.sampled_from(["loss", "epoch"]), min_size=1, max_size=2, unique=True))
    values = st.sampled_from(draw(st.lists(words | numbers.map(str) | st.integers().map(str), min_size=2, max_size=5)))
    return [
        Run(
            draw(st.dictionaries(st.sampled_from(names), values, min_size=1, max_size=3)),
            {"val_acc": draw(numbers), **draw(st.dictionaries(st.sampled_from(metrics), numbers, max_size=1))},
            draw(st.dictionaries(words, words, max_size=2)),
            draw(st.sampled_from(names)),
            draw(st.sampled_from(["FINISHED", "FINISHED", "FINISHED", "FAILED", "RUNNING", "KILLED"])),
        )
        for _ in range(draw(st.integers(2, 10)))
    ]


@pytest.mark.slow
@settings(max_examples=20)
@given(strange_runs(), st.sampled_from(["last", "best"]), st.sampled_from([None, "dataset", "parent", "param:lr"]))
def test_any_runs_are_understood_or_refused_with_a_reason(made: list[Run], value: str, task_by: str | None) -> None:
    runs = runs_of(made)
    try:
        result = understand(runs, Rules(value=value, task_by=task_by))
    except ForerunError as refusal:
        said = str(refusal)
    else:
        check(result, len(runs))
        return
    assert said.isprintable()


def check(result: Understood, runs: int) -> None:
    findings = result.findings
    assert findings.used + sum(map(len, findings.left_out.values())) == runs
    assert len(result.history) == findings.used > 0
    for told in (as_text(findings), datasheet(result)):
        assert all(c.isprintable() for c in told.replace("\n", ""))
    for configuration, space in zip(result.history.configurations(), result.history.trials["space"], strict=True):
        active = result.history.spaces[space].active(configuration)
        assert set(active) == set(configuration)


@settings(max_examples=5)
@given(strange_runs())
def test_what_was_understood_survives_being_saved(tmp_path_factory: pytest.TempPathFactory, made: list[Run]) -> None:
    try:
        history = understand(runs_of([*made, *sweep("sure", 6)]), Rules()).history
    except ForerunError:
        return
    folder = tmp_path_factory.mktemp("mined")
    history.save(folder)
    assert History.load(folder).configurations() == history.configurations()


@pytest.mark.slow
def test_the_report_page_shows_what_was_mined_and_runs_none_of_it(found: Understood) -> None:
    from forerun.report import Neighbour, render
    from tests.report import example
    from tests.report.test_page import Page

    story = example.tuned()
    (configuration,) = found.history.configurations()[1:2]
    names = found.history.tasks.index
    neighbours = [Neighbour(name, name, 1.0, {"rows": 3.0}, configuration, 0.1) for name in names]
    page = Page(
        render(
            replace(
                story,
                neighbours=neighbours,
                recommendation=replace(story.recommendation, configuration=configuration),
            )
        )
    )
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert '<script>alert("x")</script>' in page.text
