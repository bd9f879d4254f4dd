"""Hypothesis strategies: domains, spaces with conditions, and configurations of them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from forerun.space import Categorical, Condition, Domain, Integer, Ordinal, Real, SearchSpace, Subset

words = st.text("abcdeinacvtbs .:<>=-_1", min_size=1, max_size=6).map(str.strip).filter(bool)
numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: float(f"{v:.9g}"))


@st.composite
def ranges(draw: Any, kind: type[Real] | type[Integer]) -> Domain:
    log = draw(st.booleans())
    value = st.integers(1, 10_000) if kind is Integer else st.floats(1e-6, 1e6).map(lambda v: float(f"{v:.9g}"))
    if not log:
        value = st.integers(-1_000, 1_000) if kind is Integer else numbers
    low, high = sorted(draw(st.lists(value, min_size=2, max_size=2, unique=True)))
    return kind(low, high, log)


def distinct(values: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=most, unique_by=str).map(tuple)


reals = ranges(Real)
integers = ranges(Integer)
ordinals = distinct(st.integers(-50, 50), 5).map(lambda v: Ordinal(tuple(sorted(v)))) | distinct(words).map(Ordinal)
categoricals = distinct(words | st.booleans() | st.integers(-5, 5)).map(Categorical)
subsets = distinct(words).map(Subset)
discrete = ordinals | categoricals | subsets
domains = reals | integers | discrete


@st.composite
def conditions(draw: Any, parents: dict[str, Domain]) -> Condition:
    """A condition on one or two of the parents."""
    when = {}
    for name in draw(st.lists(st.sampled_from(sorted(parents)), min_size=1, max_size=2, unique=True)):
        parent = parents[name]
        if isinstance(parent, Subset):
            when[name] = f"has {draw(st.sampled_from(parent.values))}"
        elif isinstance(parent, (Real, Integer)):
            bound = draw(st.sampled_from(parent.levels(4)))
            when[name] = f"{draw(st.sampled_from(['>=', '<=', '>', '<']))} {bound}"
        else:
            when[name] = draw(st.lists(st.sampled_from(parent.values), min_size=1, max_size=2))
    return Condition.of(when)


@st.composite
def spaces(draw: Any, kinds: st.SearchStrategy[Domain] = domains, most: int = 5, name: str = "drawn") -> SearchSpace:
    """A space of up to `most` domains; about half of those that can have a condition do."""
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=most, unique=True))
    found: dict[str, Domain] = {}
    when: dict[str, Condition] = {}
    for key in names:
        if found and draw(st.booleans()):
            when[key] = draw(conditions(found))
        found[key] = draw(kinds)
    return SearchSpace(name, found, when)


def drawn(space: SearchSpace, n: int = 8, seed: int = 0) -> list[dict[str, Any]]:
    """A few configurations of a space."""
    return space.sample(np.random.default_rng(seed), n)
