"""The search space: what may be tried, and the one bridge between configurations and arrays.

People write configurations (mappings; inactive domains are left out), models see arrays. Every domain
owns a group of columns: its encoded value, then `inactive` and `absent`. A domain is inactive when a
condition switched it off, absent when the program that ran never had it, and both differ from a value
of zero. Each group depends on its own domain alone, so any model whose first layer is linear sees a
configuration as a sum of one table row per domain.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from forerun.errors import FormatError, SpaceError
from forerun.space.choices import Subset
from forerun.space.conditions import ALWAYS, Clause, Condition
from forerun.space.domains import Domain, Floats, Value
from forerun.space.reading import read_domain, read_yaml

if TYPE_CHECKING:
    from forerun.space.grid import Grid

Configuration = Mapping[str, Value]

FORMAT_VERSION = 1
"""Of a space saved as JSON."""


@dataclass(frozen=True)
class SearchSpace:
    """Named domains, some active only under a condition; parents stand before their children."""

    name: str
    domains: Mapping[str, Domain]
    conditions: Mapping[str, Condition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.domains:
            raise SpaceError(f"space {self.name!r} must have at least one domain; got none")
        for name in self.domains:
            if not isinstance(name, str) or not name or "=" in name:
                raise SpaceError(f"a domain's name in space {self.name!r} must be text without '='; got {name!r}")
        conditions = {child: self._fitted(child, condition) for child, condition in self.conditions.items()}
        object.__setattr__(self, "conditions", conditions)
        order = self._parents_first()
        object.__setattr__(self, "domains", {name: self.domains[name] for name in order})
        object.__setattr__(self, "conditions", {n: conditions[n] for n in order if self.condition(n).clauses})

    def _fitted(self, child: str, condition: Condition) -> Condition:
        """The condition with its values in the types of the parents. Raises SpaceError when it does not fit them."""
        if child not in self.domains:
            raise SpaceError(f"conditions of space {self.name!r} must be on its domains; got one on {child!r}")
        return self.fitted(condition, f"the condition on {child!r}")

    def fitted(self, condition: Condition, where: str) -> Condition:
        """Return a condition with its values in the types of the domains that it speaks of.

        Raises SpaceError, which begins with `where`, when it does not fit them.
        """
        return Condition(tuple(self._fitted_clause(where, clause) for clause in condition.clauses))

    def _fitted_clause(self, where: str, clause: Clause) -> Clause:
        name, test = clause.parent, clause.test
        if name not in self.domains:
            raise SpaceError(f"{where} must name a domain of {self.name!r} ({', '.join(self.domains)}); got {name!r}")
        parent = self.domains[name]
        if isinstance(parent, Subset):
            if clause.relation != "has" or clause.operand not in parent.values:
                raise SpaceError(f"{where} on {name!r} must be 'has' and one of {list(parent.values)}; got {test!r}")
            return clause
        if clause.relation == "has":
            raise SpaceError(f"{where} asks for an element, which only a subset has; {name!r} is {parent.type}")
        if clause.relation != "in":
            if any(isinstance(v, (str, bool)) for v in parent.levels(2)):
                raise SpaceError(f"{where} compares {name!r} with a number ({test!r}), but its values are not numbers")
            return clause
        for value in clause.operand:  # type: ignore[union-attr]
            if allowed := parent.check(value):
                raise SpaceError(f"{where} compares {name!r} with {value!r}; it is {allowed}")
        return Clause(name, "in", tuple(parent.restore(v) for v in clause.operand))  # type: ignore[union-attr]

    def _parents_first(self) -> list[str]:
        order: list[str] = []
        open_: list[str] = []

        def visit(name: str) -> None:
            if name in order:
                return
            if name in open_:
                cycle = " -> ".join([*open_[open_.index(name) :], name])
                raise SpaceError(f"conditions of space {self.name!r} must not form a cycle; got {cycle}")
            open_.append(name)
            for parent in self.condition(name).parents:
                visit(parent)
            open_.pop()
            order.append(name)

        for name in self.domains:
            visit(name)
        return order

    def condition(self, name: str) -> Condition:
        """When the domain is active."""
        return self.conditions.get(name, ALWAYS)

    # -- configurations ----------------------------------------------------------------------------

    def active(self, configuration: Configuration) -> list[str]:
        """The domains that a configuration must give a value, by the values of their parents."""
        known: dict[str, Value] = {}
        for name in self.domains:
            if self.condition(name).holds(known):
                if name not in configuration:
                    raise SpaceError(
                        f"{name!r} of space {self.name!r} must have a value, as it is active; got {dict(configuration)}"
                    )
                known[name] = configuration[name]
        return list(known)

    def check(self, configuration: Configuration) -> None:
        """Raise SpaceError unless the configuration gives every active domain, and nothing else, an allowed value."""
        for name, value in configuration.items():
            if allowed := self._domain(name).check(value):
                raise SpaceError(f"{name!r} of space {self.name!r} must be {allowed}; got {value!r}")
        extra = set(configuration) - set(self.active(configuration))
        if extra:
            name = min(extra)
            when = self.condition(name).to_dict()
            raise SpaceError(
                f"{name!r} of space {self.name!r} must be left out unless {when}; got {configuration[name]!r}"
            )

    def restore(self, row: Mapping[str, Any]) -> dict[str, Value]:
        """Give loosely typed values (from YAML, Parquet, MLflow's strings) the types of their domains."""
        return {name: self._restored(name, value) for name, value in row.items()}

    def _restored(self, name: str, value: Any) -> Value:
        try:
            return self._domain(name).restore(value)
        except (TypeError, ValueError, OverflowError) as error:
            kind = self.domains[name].type
            raise SpaceError(f"{name!r} of space {self.name!r} must be {kind}; got {value!r}") from error

    def _domain(self, name: str) -> Domain:
        if name not in self.domains:
            known = ", ".join(self.domains)
            raise SpaceError(f"a configuration of space {self.name!r} must name its domains ({known}); got {name!r}")
        return self.domains[name]

    def prune(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Drop the values of inactive domains from a full assignment."""
        known: dict[str, Value] = {}
        for name in self.domains:
            if name in values and self.condition(name).holds(known):
                known[name] = values[name]
        return known

    def sample(self, rng: np.random.Generator, n: int) -> list[dict[str, Value]]:
        """Draw n configurations: every domain on its own scale, then conditions."""
        columns = {name: domain.sample(rng, n) for name, domain in self.domains.items()}
        return [self.prune({name: values[i] for name, values in columns.items()}) for i in range(n)]

    # -- arrays ------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> dict[str, slice]:
        """The columns of each domain."""
        found, start = {}, 0
        for name, domain in self.domains.items():
            width = len(domain.columns) + 2
            found[name] = slice(start, start + width)
            start += width
        return found

    @cached_property
    def columns(self) -> list[str]:
        """Names of the encoded columns: 'domain=column', then 'domain is inactive' and 'domain is absent'."""
        return [
            text
            for name, domain in self.domains.items()
            for text in (*(f"{name}={c}" for c in domain.columns), f"{name} is inactive", f"{name} is absent")
        ]

    def encode(self, configurations: Sequence[Configuration], own: "SearchSpace | None" = None) -> Floats:
        """Encode configurations as (n, len(columns)).

        `own` is the space they were drawn from, when it is not this one (a union of many): what it does
        not have is absent, not inactive. Values are not checked (`check` does), so that histories encode.
        """
        X = np.zeros((len(configurations), len(self.columns)))
        for name, domain in self.domains.items():
            group = X[:, self.groups[name]]
            if own is not None and name not in own.domains:
                group[:, -1] = 1
                continue
            given = np.array([name in c for c in configurations], dtype=bool)
            if given.any():
                group[given, :-2] = domain.encode([c[name] for c in configurations if name in c])
            group[~given, -2] = 1
        return X

    def decode(self, X: Floats) -> list[dict[str, Value]]:
        """Return the configurations nearest to encoded rows."""
        columns = {name: domain.decode(X[:, self.groups[name]][:, :-2]) for name, domain in self.domains.items()}
        on = {name: X[:, group][:, -2:].max(axis=1) < 0.5 for name, group in self.groups.items()}
        return [{n: columns[n][i] for n in self.domains if on[n][i]} for i in range(len(X))]

    def grid(
        self, resolution: int = 12, fixed: Configuration | None = None, encoder: "SearchSpace | None" = None
    ) -> "Grid":
        """Return the discretised view, with at most `resolution` levels a numeric domain (see `space.grid`)."""
        from forerun.space.grid import Grid

        return Grid(self, resolution, dict(fixed or {}), encoder or self)

    # -- other spaces ------------------------------------------------------------------------------

    def with_domain(self, name: str, domain: Domain, condition: Condition = ALWAYS) -> "SearchSpace":
        """Return this space with one more domain."""
        if name in self.domains:
            raise SpaceError(f"a new domain of space {self.name!r} must have a new name; got {name!r}")
        return SearchSpace(self.name, {**self.domains, name: domain}, {**self.conditions, name: condition})

    @classmethod
    def union(cls, spaces: Iterable["SearchSpace"], name: str = "union") -> Self:
        """Join spaces domain by domain, to encode trials of many programs in one array.

        Where two spaces disagree on a condition the union has none: it is there to encode, and each
        configuration already says what was active in it.
        """
        domains: dict[str, Domain] = {}
        conditions: dict[str, Condition] = {}
        for space in spaces:
            for key, domain in space.domains.items():
                condition = space.condition(key)
                if key in domains:
                    domains[key] = domains[key].join(domain)
                    condition = condition if conditions[key] == condition else ALWAYS
                else:
                    domains[key] = domain
                conditions[key] = condition
        return cls(name, domains, conditions)

    # -- files -------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the space as JSON holds it; `from_dict` reads it back."""
        domains = {}
        for name, domain in self.domains.items():
            when = self.condition(name).to_dict()
            domains[name] = {**domain.to_dict(), **({"when": when} if when else {})}
        return {"format": FORMAT_VERSION, "name": self.name, "domains": domains}

    @classmethod
    def from_dict(cls, raw: Any, origin: str = "a search space") -> Self:
        """Read a mapping as in YAML or JSON. Raises SpaceError that names the domain and what is wrong."""
        if not isinstance(raw, Mapping):
            raise SpaceError(f"{origin} must be a mapping with name and domains; got {type(raw).__name__}")
        version = raw.get("format", FORMAT_VERSION)
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise FormatError(
                f"format of {origin} must be at most {FORMAT_VERSION}; got {version!r}. Upgrade forerun to read it"
            )
        unknown = set(raw) - {"format", "name", "domains"}
        if unknown:
            raise SpaceError(f"keys of {origin} must be name and domains; got {sorted(map(str, unknown))}")
        domains = raw.get("domains")
        if not isinstance(domains, Mapping) or not domains:
            raise SpaceError(f"domains of {origin} must be a mapping with at least one domain; got {domains!r}")
        read = {str(name): read_domain(str(name), entry, origin) for name, entry in domains.items()}
        return cls(
            str(raw.get("name", "space")),
            {name: domain for name, (domain, _) in read.items()},
            {name: condition for name, (_, condition) in read.items()},
        )

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read a space that a person wrote."""
        return cls.from_dict(read_yaml(path), str(path))

    def save(self, path: Path) -> None:
        """Write as JSON with a format version."""
        path.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SpaceError(f"{path} must be a readable JSON file: {error}") from error
        return cls.from_dict(raw, str(path))
