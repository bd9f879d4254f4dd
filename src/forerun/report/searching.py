"""What a search promises, in sentences: 'proven' is said exactly where it was proven.

A search looks at a grid. Proven is that no configuration of the grid scores better than the best one found;
without a proof, a finite gap says by how much an unseen one could be better at most.
"""

import math
from collections.abc import Sequence

from forerun.report.story import SearchFacts
from forerun.report.wording import count, listing, number, seconds, shorten

BY = {
    "mean": "the meta-learner's prediction",
    "ei": "expected improvement",
    "improvement": "what a training is expected to gain",
    "lcb": "the lower confidence bound",
    "thompson": "a random draw of what is plausible",
    "recurrent_optimizer": "what an optimizer that learned on the history would try",
}
"""Acquisitions in words."""


def score(search: SearchFacts) -> str:
    """Name the score that was searched by."""
    return BY.get(search.acquisition, shorten(search.acquisition, 40) or "the same score")


def doubt(search: SearchFacts) -> str:
    """Say what is not known without a proof; empty with one."""
    if search.proven:
        return ""
    if search.gap == 0:
        return "no proof for all of them: an unseen one could be better than the last, but not than the first"
    if math.isfinite(search.gap):
        return f"no proof: an unseen one could be better by at most {number(search.gap)} in the score"
    return "no proof: a better one by the same score may exist"


def best_of(search: SearchFacts, *, first: bool = False) -> str:
    """Say of what the recommendation is the best, and how long the search took; for the terminal.

    first: of several recommendations, the first is meant.
    """
    start = "The first is the best" if first else "Best"
    if search.proven:
        start += " allowed one" if search.limited else ""
        return (
            f"{start} of {count(search.size)} configurations by {score(search)}, proven, in {seconds(search.seconds)}"
        )
    return (
        f"{start} of {count(search.scored)} scored among {count(search.size)} configurations by {score(search)}, "
        f"in {seconds(search.seconds)}"
    )


def batches(searches: Sequence[SearchFacts]) -> str:
    """Say of the searches before batches of trainings which ended with a proof; for the terminal."""
    proven, unproven = _apart(searches)
    times = {1: "once", 2: "twice"}.get(len(searches), f"{len(searches)} times")
    times += ", before each batch of trainings" if len(searches) > 1 else ""
    parts = [f"the best, proven, in {_named(proven)}"] if proven else []
    parts += [f"no proof in {_named(unproven)}"] if unproven else []
    return f"Searched {count(searches[-1].size)} configurations {times}: {'; '.join(parts)}"


def told(search: SearchFacts) -> str:
    """Say how the space was searched and what that is worth; for the page."""
    if not search.proven:
        return f"{_asked([search])} There is {doubt(search)}."
    allowed = " that is allowed" if search.limited else ""
    others = ": bounds rule out all others" if search.scored < search.size else ""
    return (
        f"{_asked([search])} No configuration{allowed} has a better score by {score(search)}; that is proven{others}."
    )


def all_told(searches: Sequence[SearchFacts]) -> str:
    """Say how the space was searched before each batch of trainings, and what that is worth; for the page."""
    proven, unproven = _apart(searches)
    said = [_asked(searches)]
    if proven:
        said.append(f"Proven in {_named(proven)}: nothing that was allowed has a better score.")
    if unproven:
        gap = max(s.gap for _, s in unproven)
        more = f" by at most {number(gap)}" if math.isfinite(gap) else ""
        said.append(f"No proof in {_named(unproven)}: one with a score that is better{more} may exist.")
    return " ".join(said)


Numbered = list[tuple[int, SearchFacts]]


def _apart(searches: Sequence[SearchFacts]) -> tuple[Numbered, Numbered]:
    """Those with a proof and those without, numbered from 1."""
    numbered = list(enumerate(searches, 1))
    return [p for p in numbered if p[1].proven], [p for p in numbered if not p[1].proven]


def _named(found: Numbered) -> str:
    numbers = listing([str(n) for n, _ in found])
    scores = listing(list(dict.fromkeys(score(s) for _, s in found)))
    return f"search{'es' if len(found) > 1 else ''} {numbers} (by {scores})"


def _asked(searches: Sequence[SearchFacts]) -> str:
    space, size = shorten(searches[-1].space, 60), count(searches[-1].size)
    scored, took = sum(s.scored for s in searches), sum(s.seconds for s in searches)
    times = f" in {len(searches)} searches, one before each batch of trainings" if len(searches) > 1 else ""
    return (
        f"Discretised for the search, the space {space!r} holds {size} configurations. The meta-learner was asked "
        f"about {count(scored)} of them in {seconds(took)}{times}, without training any."
    )
