"""Search spaces that Optuna's callback wrote into tags.

The tag `lr_distribution` holds 'FloatDistribution(high=0.1, log=True, low=1e-05, step=None)'. It is parsed, never
executed.
"""

import ast
from collections.abc import Iterator
from typing import Any

from forerun.errors import SpaceError
from forerun.mining.domains import MANY_WORDS, word
from forerun.mining.rules import Rules
from forerun.mining.sample import Sample
from forerun.mining.values import Settings, read
from forerun.space import Categorical, Domain, Integer, Real, Value

DISTRIBUTION = "_distribution"
"""Ends the names of the tags."""


def stated_domains(sample: Sample, settings: Settings, rules: Rules) -> Iterator[tuple[str, Domain]]:
    """The domains that Optuna's callback wrote into tags, those of several studies joined."""
    for tag, texts in sample.runs.tags.items():
        logged = tag.removesuffix(DISTRIBUTION)
        name = rules.renames.get(logged, logged)
        if logged == tag or name not in settings.columns or name in rules.without:
            continue
        domains = [from_optuna(text) for text in dict.fromkeys(texts[sample.rows]) if text is not None]
        known = [domain for domain in domains if domain is not None]
        try:
            if known:
                joined = known[0]
                for domain in known[1:]:
                    joined = joined.join(domain)
                yield name, joined
        except SpaceError:
            continue  # two studies gave one name to things of two sorts: told from the values then


def from_optuna(text: str) -> Domain | None:
    """The domain that Optuna's callback wrote into a tag, as 'FloatDistribution(high=1.0, log=True, low=0.001, ...)'.

    None where it is something else, or has one value only.
    """
    try:
        call = ast.parse(text, mode="eval").body if len(text) < 8_000 else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        given = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
        kind = call.func.id.removesuffix("Distribution")
        if kind == "Categorical":
            words = dict.fromkeys(word(v) for v in map(_choice, given["choices"]) if v is not None)
            return Categorical(tuple(words)) if 1 < len(words) <= MANY_WORDS else None
        log = bool(given.get("log", False)) or kind == "LogUniform"
        if kind in ("Float", "Uniform", "LogUniform", "DiscreteUniform"):
            return Real(given["low"], given["high"], log)
        if kind in ("Int", "IntUniform", "IntLogUniform"):
            return Integer(given["low"], given["high"], log)
    except (SyntaxError, ValueError, TypeError, KeyError, MemoryError, RecursionError, SpaceError):
        pass
    return None


def _choice(value: Any) -> Value | None:
    found = read(str(value))
    return found if isinstance(found, (bool, int, float, str, tuple)) else None
