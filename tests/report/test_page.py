import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from forerun.report import Past, Story, render, write
from tests.report import example

pytestmark = pytest.mark.slow  # it draws every page

NAN = float("nan")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """What a reader's browser would make of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: render(story()) for name, story in example.STORIES.items()}


@pytest.mark.parametrize("name", example.STORIES)
def test_every_tag_is_closed(pages, name):
    assert Page(pages[name]).open == []


@pytest.mark.parametrize("name", example.STORIES)
def test_page_asks_the_network_for_nothing(pages, name):
    page = Page(pages[name])
    assert not {"script", "link", "img", "iframe", "object", "embed", "image", "form"} & set(page.tags)
    links = [value for key, value in page.attributes if key in ("src", "href", "xlink:href", "action", "data")]
    assert all(link.startswith("#") for link in links)
    style = pages[name].split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert any(key == "content" and value.startswith("default-src 'none'") for key, value in page.attributes)


@pytest.mark.parametrize("name", example.STORIES)
def test_ids_are_unique_and_every_reference_has_its_target(pages, name):
    attributes = Page(pages[name]).attributes
    ids = [value for key, value in attributes if key == "id"]
    drawn = " ".join(value for key, value in attributes if key in ("clip-path", "href", "style", "fill"))
    wanted = set(re.findall(r"(?:url\(|^|\s)#([\w.-]+)", drawn))
    assert len(ids) == len(set(ids))
    assert wanted
    assert {w for w in wanted if not re.fullmatch(r"[0-9a-f]{3,8}", w)} <= set(ids)


@pytest.mark.parametrize("name", example.STORIES)
def test_page_stays_small(pages, name):
    assert len(pages[name].encode()) < 400_000


def test_page_of_a_hundred_trainings_stays_below_its_limit():
    story = example.tuned()
    many = replace(story.tuning, trainings=[*story.tuning.trainings] * 13)
    assert len(render(replace(story, tuning=many)).encode()) < 1_500_000


def test_same_story_gives_the_same_page_to_the_byte(pages):
    assert render(example.tuned()) == pages["tuned"]


def test_hostile_names_are_shown_and_not_run(pages):
    page = Page(pages["hostile"])
    assert set(page.tags) == set(Page(pages["tuned"]).tags)
    ordinary = {key for key, _ in Page(pages["tuned"]).attributes}
    assert {key for key, _ in page.attributes} == ordinary | {"title"}  # the whole of a name that was cut
    for told in ('<script>alert("x")</script>', "<img src=x onerror=alert(1)>", "{{ 7 * 7 }} {% raw %}", "$unbalanced"):
        assert told in page.text


def test_control_characters_and_direction_marks_do_not_reach_the_page(pages):
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", pages["hostile"])


def test_very_long_names_are_cut(pages):
    told = re.sub(r"<pre>.*?</pre>", "", pages["hostile"], flags=re.DOTALL)  # what is to be copied is kept whole
    assert max(map(len, re.findall(r"x+", told))) <= 600


def test_answer_comes_before_why_how_sure_how_found_history_and_reproduction(pages):
    headings = re.findall(r"<h[12]>(.*?)</h[12]>", pages["tuned"])
    assert headings[0].startswith("Train <em>gradient boosting</em> on ")
    assert headings[1:] == [
        "Why this one",
        "How sure",
        "How it was found",
        "If time counts",
        "The history behind it",
        "Do it again",
    ]


def test_page_of_a_fine_tuned_story_tells_its_numbers(pages):
    text = Page(pages["tuned"]).text
    for told in ("0.2915", "± 0.0184", "3.1 × 10²⁰", "timed out after 30 s", "forerun-fair-affairs", "version 3",
                 "md5:8c1f2f0be6f24c1b9a4c71b5f4a0d7ae.dir", "16,420 trainings", "0.2944 to 0.3151"):  # fmt: skip
        assert told.replace(" ", "") in text.replace("\u00a0", " ").replace(" ", ""), told


def test_zero_shot_page_says_that_nothing_was_trained(pages):
    text = Page(pages["zero_shot"]).text
    assert "Zero-shot." in text
    assert "no real loss, no test score and no comparison" in text
    for absent in ("Real loss", "Trainings in order", "random search (", "fine-tuning", "nan", "None"):
        assert absent not in text


def test_page_says_which_searches_were_proven_and_what_time_buys(pages):
    text = Page(pages["zero_shot"]).text.replace("\xa0", " ")
    assert "No configuration has a better score by the meta-learner's prediction; that is proven" in text
    assert "These are 4 of 40 choices between a low loss and a short training" in text
    text = Page(pages["tuned"]).text.replace("\xa0", " ")
    assert "Proven in search 1 (by the meta-learner's prediction)" in text
    assert "No proof in searches 2, 3 and 4 (by expected improvement)" in text
    assert "(certified, ascent)" in text


def test_story_with_nothing_optional_says_so():
    story = replace(example.zero_shot(), explanation=None, neighbours=(), past=None, front=None)
    text = Page(render(story)).text
    assert "If time counts" not in text
    assert "carries no explanation" in text
    assert "No past data set was compared" in text
    assert "without leave-one-task-out scores" in text


def test_page_is_made_when_every_training_failed():
    story = example.tuned()
    failed = [replace(t, loss=NAN, curve=(), reason="diverged at epoch 1: loss is nan") for t in story.tuning.trainings]
    progress = replace(story.tuning.progress, forerun=[NAN] * 8)
    tuning = replace(story.tuning, trainings=failed, progress=progress, comparison=())
    found = replace(story.recommendation, validation_loss=NAN, test_loss=NAN, test_metrics={})
    text = Page(render(replace(story, tuning=tuning, recommendation=found))).text
    assert "No training ended with a loss" in text
    assert "of which 8 failed" in text
    assert "nan " not in text.replace("loss is nan", "")


def test_page_is_made_of_a_single_training_and_of_first_trainings_that_failed():
    story = example.tuned()
    late = replace(story.tuning.progress, forerun=[NAN, NAN, 0.3])
    for tuning in (
        replace(story.tuning, trainings=story.tuning.trainings[:1], progress=None),
        replace(story.tuning, trainings=story.tuning.trainings[:3], progress=late),
    ):
        assert "How it was found" in render(replace(story, tuning=tuning))


def test_methods_without_coverage_or_intervals_are_told():
    past = example.past()
    bare = Past(100, 5, 5, [replace(m, coverage={}) for m in past.methods], "linear", "it is the only one")
    text = Page(render(replace(example.zero_shot(), past=bare))).text
    assert "In 80" not in text


def test_exploding_learning_curve_does_not_break_the_page():
    story: Story = example.tuned()
    curve = [(1, 0.4), (2, 1e12), (3, float("inf")), (4, NAN)]
    exploded = [replace(story.tuning.trainings[3], curve=curve), *story.tuning.trainings]
    assert "diverg" not in render(replace(story, tuning=replace(story.tuning, trainings=exploded)))


def test_write_leaves_one_complete_utf8_file(tmp_path):
    write(example.hostile(), tmp_path / "deep" / "report.html")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["report.html"]
    assert (tmp_path / "deep" / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
