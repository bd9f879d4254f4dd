"""What is said of a search is what it proved, no less and no more."""

from dataclasses import replace

import pytest

from forerun.report import SearchFacts, searching

PROVEN = SearchFacts("s", 22 * 10**12, 12_345, 0.8, True, "certified", "mean")
BOUNDED = replace(PROVEN, proven=False, gap=0.12345)
CLIMBED = replace(PROVEN, proven=False, strategy="ascent", acquisition="ei")


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


def test_a_proof_is_told_with_its_size_and_time():
    said = plain(searching.best_of(PROVEN))
    assert said == "Best of 2.2 × 10¹³ configurations by the meta-learner's prediction, proven, in 0.8 s"
    assert searching.doubt(PROVEN) == ""
    assert plain(searching.best_of(PROVEN, first=True)).startswith("The first is the best of 2.2 × 10¹³")
    assert plain(searching.best_of(replace(PROVEN, limited=True))).startswith("Best allowed one of 2.2 × 10¹³")


def test_without_a_proof_the_gap_is_told_where_one_is_known():
    said = plain(searching.best_of(BOUNDED))
    assert said.startswith("Best of 12,345 scored among 2.2 × 10¹³ configurations by the meta-learner's prediction")
    assert searching.doubt(BOUNDED) == "no proof: an unseen one could be better by at most 0.1235 in the score"
    assert searching.doubt(CLIMBED) == "no proof: a better one by the same score may exist"
    assert "not than the first" in searching.doubt(replace(BOUNDED, gap=0.0))
    assert "by expected improvement" in searching.best_of(CLIMBED)


@pytest.mark.parametrize("facts", [PROVEN, BOUNDED, CLIMBED, replace(BOUNDED, gap=0.0)])
@pytest.mark.parametrize("limited", [False, True])
def test_proven_is_said_exactly_where_it_is_so(facts, limited):
    facts = replace(facts, limited=limited)
    for said in (searching.best_of(facts), searching.told(facts), searching.batches([facts])):
        assert ("proven" in said) == facts.proven
    for said in (searching.told(facts), searching.all_told([facts])):
        assert ("Proven" in said or "proven" in said) == facts.proven
        assert ("no proof" in said.lower()) == (not facts.proven)
        assert "exhaustive" not in said


def test_what_was_proven_is_proven_of_what_was_allowed():
    assert "No configuration has a better score" in searching.told(PROVEN)
    assert "No configuration that is allowed has a better score" in searching.told(replace(PROVEN, limited=True))
    assert "bounds rule out all others" in searching.told(PROVEN)
    assert "bounds" not in searching.told(replace(PROVEN, scored=PROVEN.size, strategy="enumeration"))


def test_of_several_searches_it_is_said_which_are_proven():
    searches = [PROVEN, CLIMBED, CLIMBED]
    assert plain(searching.batches(searches)) == (
        "Searched 2.2 × 10¹³ configurations 3 times, before each batch of trainings: "
        "the best, proven, in search 1 (by the meta-learner's prediction); "
        "no proof in searches 2 and 3 (by expected improvement)"
    )
    told = plain(searching.all_told(searches))
    assert "about 37,035 of them in 2.4 s in 3 searches" in told
    assert "Proven in search 1 (by the meta-learner's prediction)" in told
    assert "No proof in searches 2 and 3 (by expected improvement): one with a score that is better may exist" in told
    assert "better by at most 0.1235 may exist" in searching.all_told([BOUNDED])
    assert "once: " in searching.batches([PROVEN])


def test_a_score_of_ones_own_has_its_name():
    assert "by ucb," in searching.best_of(replace(PROVEN, acquisition="ucb"))
    assert "by the same score," in searching.best_of(replace(PROVEN, acquisition=""))


def test_what_a_mixture_expects_to_gain_is_named_and_not_called_a_prediction():
    said = searching.best_of(replace(CLIMBED, acquisition="improvement"))
    assert "by what a training is expected to gain" in said
