"""Reading what people wrote: a search space's YAML, one domain at a time, with words for every mistake."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forerun.errors import SpaceError
from forerun.space.choices import Categorical, Ordinal, Subset
from forerun.space.conditions import Condition
from forerun.space.domains import Domain
from forerun.space.ranges import Integer, Real

DOMAINS: dict[str, type[Domain]] = {d.type: d for d in (Real, Integer, Ordinal, Categorical, Subset)}


def read_yaml(path: Path) -> Any:
    """Parse a YAML file; unlike plain PyYAML, 1e-4 is a number and a key given twice an error."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise SpaceError(f"keys of {path} must differ from each other; {key!r} stands there twice")
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    number = _exponent_without_a_point()
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), Loader)  # noqa: S506 (a SafeLoader with two rules more)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
        raise SpaceError(f"{path} must be a readable YAML file: {error}") from error


def _exponent_without_a_point() -> Any:
    """What YAML 1.2 calls a float and PyYAML, which reads 1.1, a string."""
    import re

    return re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$")


def read_domain(name: str, entry: Any, origin: str) -> tuple[Domain, Condition]:
    """Read one entry of `domains`. Raises SpaceError that names the domain and what is wrong."""
    where = f"domain {name!r} of {origin}"
    if not isinstance(entry, Mapping):
        raise SpaceError(f"{where} must be a mapping with a type; got {entry!r}")
    fields = {str(k): v for k, v in entry.items()}
    kind = fields.pop("type", None)
    if not isinstance(kind, str) or kind not in DOMAINS:
        raise SpaceError(f"type of {where} must be one of {', '.join(DOMAINS)}; got {kind!r}")
    when = fields.pop("when", {})
    if not isinstance(when, Mapping):
        raise SpaceError(f"'when' of {where} must be a mapping of parents to values; got {when!r}")
    allowed = set(DOMAINS[kind].__dataclass_fields__) - {"type"}  # type: ignore[attr-defined]
    unknown = set(fields) - allowed
    if unknown:
        raise SpaceError(f"keys of {where} must be among {sorted(allowed | {'type', 'when'})}; got {sorted(unknown)}")
    try:
        return DOMAINS[kind](**fields), Condition.of(when)
    except TypeError as error:
        needed = ", ".join(sorted(allowed))
        raise SpaceError(f"{where} must give {needed}; got {sorted(fields)}") from error
    except SpaceError as error:
        raise SpaceError(f"{where}: {error}") from error
