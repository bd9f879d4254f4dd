"""One encoding for a history and for the space of a program that is to be tuned.

People write a space as they like: where the history's runs had widths 32, 64 and 128, the new space may say any
whole number up to 512. What is numbers on both sides is joined as numbers. A domain that the history never had is
in the encoding too, absent in all of the history's trials, so that it can be learned from the program's own.
"""

from collections.abc import Sequence

from forerun.errors import SpaceError
from forerun.space import ALWAYS, Categorical, Condition, Domain, Integer, Ordinal, Real, SearchSpace
from forerun.space.domains import is_number
from forerun.space.ranges import Range


def encoder_of(past: Sequence[SearchSpace], own: SearchSpace) -> SearchSpace:
    """Join the spaces of a history and the program's own. Raises SpaceError where a name means two things."""
    domains: dict[str, Domain] = {}
    conditions: dict[str, Condition] = {}
    for space in [*past, own]:
        for name, domain in space.domains.items():
            known = name in domains
            condition = space.condition(name)
            domains[name] = common(name, domains[name], domain) if known else domain
            conditions[name] = condition if not known or conditions[name] == condition else ALWAYS
    return SearchSpace("encoder", domains, {n: c for n, c in conditions.items() if _still_fits(c, domains)})


def common(name: str, one: Domain, other: Domain) -> Domain:
    """The smallest domain that holds both, numbers joined as numbers however they are listed."""
    try:
        return one.join(other)
    except SpaceError as error:
        found = _numbers(one), _numbers(other)
        if found[0] and found[1]:
            return _joined(one, other, found[0] + found[1])
        if isinstance(one, (Ordinal, Categorical)) and isinstance(other, (Ordinal, Categorical)):
            return Categorical(one.values).join(Categorical(other.values))
        raise SpaceError(
            f"{name!r} must be of one sort in the history and in the search space; the history's is {one.type}, "
            f"the space's {other.type}. Write it as the history does (forerun mine shows how), or rename it"
        ) from error


def _numbers(domain: Domain) -> list[float]:
    """What spans a numeric domain; empty for others."""
    if isinstance(domain, Range):
        return [domain.low, domain.high]
    if isinstance(domain, (Ordinal, Categorical)) and all(map(is_number, domain.values)):
        return list(domain.values)  # type: ignore[arg-type]
    return []


def _joined(one: Domain, other: Domain, numbers: list[float]) -> Domain:
    ranges = [d for d in (one, other) if isinstance(d, Range)]
    low, high = min(numbers), max(numbers)
    if not ranges:
        return Ordinal(tuple(sorted(set(numbers))))
    whole = all(float(v) == int(v) for v in numbers) and not any(isinstance(d, Real) for d in ranges)
    return (Integer if whole else Real)(low, high, log=any(d.log for d in ranges) and low > 0)  # type: ignore[arg-type]


def _still_fits(condition: Condition, domains: dict[str, Domain]) -> bool:
    """Whether a condition speaks of domains as they are now."""
    try:
        SearchSpace("parents", {p: domains[p] for p in condition.parents}).fitted(condition, "a condition")
    except (KeyError, SpaceError):
        return False
    return True
