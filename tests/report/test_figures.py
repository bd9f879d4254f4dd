import itertools
import xml.etree.ElementTree as ET

import hypothesis.strategies as st
import matplotlib as mpl
import pytest
from hypothesis import given

from forerun.report import drawing, figures
from forerun.report.labels import spread
from tests.report import example

levels = st.lists(st.floats(0, 1), min_size=1, max_size=8).map(sorted)


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  our own


def figure_svg() -> str:
    tuning = example.tuning()
    return drawing.svg(figures.progress_figure(tuning.progress, "cost in $ and 1 $"), "one", 'a "title" <b>')


def test_svg_keeps_text_as_text_in_the_font_of_the_page():
    root = parsed(figure_svg())
    texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Best validation loss so far (cost in $ and 1 $)" in texts
    assert {"forerun", "random search", "learner's defaults", "best on average"} <= set(texts)
    assert "font-family" not in figure_svg()


def test_svg_carries_its_title_for_those_who_cannot_see_it():
    assert parsed(figure_svg()).get("aria-label") == 'a "title" <b>'


def test_svg_is_the_same_every_time():
    assert figure_svg() == figure_svg()


def test_style_of_the_caller_is_neither_used_nor_changed():
    with mpl.rc_context({"font.size": 40, "axes.facecolor": "red"}):
        assert figure_svg() == figure_svg()
        assert mpl.rcParams["font.size"] == 40
        loud = figure_svg()
    assert loud == figure_svg()


def test_figure_can_be_saved_as_png(tmp_path):
    drawing.save_png(figures.regret_figure(example.past()), tmp_path / "regret.png")
    assert (tmp_path / "regret.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["数据集 🚲", "$\\frac{1}{0}", "<b>&amp;"])
def test_any_name_can_be_a_label(name):
    past = example.past()
    renamed = type(past)(1, 1, 1, [type(m)(name, m.rank_correlation, m.regret) for m in past.methods], name, "")
    root = parsed(drawing.svg(figures.regret_figure(renamed), "r", name))
    assert name in {"".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")}


@given(levels)
def test_labels_stand_clear_of_each_other_inside_the_axes(places):
    found = spread(places, 0.1, 0.0, 1.0)
    assert all(b - a >= 0.1 - 1e-9 for a, b in itertools.pairwise(found))
    assert min(found) >= -1e-9
    assert max(found) <= 1 + 1e-9


@given(levels)
def test_labels_that_are_clear_already_stay_where_they_are(places):
    apart = [0.125 * i + 0.02 * level for i, level in enumerate(places)]
    assert spread(apart, 0.1, 0.0, 1.0) == pytest.approx(apart)
