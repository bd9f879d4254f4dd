"""Optuna's distributions as domains, and values from one to the other."""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from forerun.errors import SpaceError
from forerun.space import Categorical, Domain, Integer, Ordinal, Real, SearchSpace, Value

STEPS = 64
"""A range with steps has its values listed up to so many; with more it is a range, and values are rounded."""


def space_of(name: str, distributions: Mapping[str, BaseDistribution]) -> SearchSpace | None:
    """The space of some distributions; None where nothing is left to choose. What has one value is left out."""
    domains = {
        n: domain for n, d in sorted(distributions.items()) if (domain := domain_of(d)) is not None and _named(n)
    }
    return SearchSpace(name, domains) if domains else None


def _named(name: str) -> bool:
    """Whether a domain may have this name."""
    return bool(name) and "=" not in name


def domain_of(distribution: BaseDistribution) -> Domain | None:
    """The domain of a distribution; None for one with a single value, or beyond what floats tell apart."""
    if distribution.single():
        return None
    try:
        if isinstance(distribution, CategoricalDistribution):
            return Categorical(_labels(distribution))
        assert isinstance(distribution, (FloatDistribution, IntDistribution))  # noqa: S101 - there are no others
        low, high, step = distribution.low, distribution.high, distribution.step
        if step not in (None, 1):
            count = round((high - low) / step) + 1
            if count <= STEPS:
                return Ordinal(tuple(param_of(distribution, low + i * step) for i in range(count)))
        kind = Integer if isinstance(distribution, IntDistribution) else Real
        return kind(low, high, distribution.log)  # type: ignore[arg-type]
    except SpaceError:
        return None


def _labels(distribution: CategoricalDistribution) -> tuple[Value, ...]:
    """The choices as values that a domain may have: as they are, or as text, told apart by their number."""
    choices = distribution.choices
    if all(isinstance(c, (bool, int, float, str)) for c in choices):
        try:
            return Categorical(tuple(choices)).values  # type: ignore[arg-type]
        except SpaceError:
            pass  # 1 and '1', say
    texts = [str(c) for c in choices]
    return tuple(text if texts.count(text) == 1 else f"{text} ({i})" for i, text in enumerate(texts))


def value_of(distribution: BaseDistribution, param: Any) -> Value:
    """What Optuna suggested as a value of the distribution's domain."""
    if isinstance(distribution, CategoricalDistribution):
        return _labels(distribution)[int(distribution.to_internal_repr(param))]
    return param  # type: ignore[no-any-return]


def param_of(distribution: BaseDistribution, value: Any) -> Any:
    """A value as Optuna wants it: of its own type, within its range and on its steps; None where it has none such."""
    if isinstance(distribution, CategoricalDistribution):
        found = Categorical(_labels(distribution))
        if found.check(value):
            return None
        # equal and of one type: True is not 1
        wanted = found.restore(value)
        places = [i for i, v in enumerate(found.values) if v == wanted and type(v) is type(wanted)]
        return distribution.choices[places[0]]
    assert isinstance(distribution, (FloatDistribution, IntDistribution))  # noqa: S101 - there are no others
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if distribution.step is not None and not distribution.log:
        steps = round((number - distribution.low) / distribution.step)
        # what was added up is off by a rounding error
        number = float(f"{distribution.low + steps * distribution.step:.15g}")
    number = min(max(number, distribution.low), distribution.high)
    return round(number) if isinstance(distribution, IntDistribution) else float(number)
