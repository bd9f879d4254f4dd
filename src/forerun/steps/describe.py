"""What may be tried, and on what: texts for `forerun space` and `forerun data`."""

from pathlib import Path

from forerun.errors import DataError


def describe_space(file: Path | None, kind: str, resolution: int) -> str:
    """Return a search space as a table of domains, and its size on a grid."""
    from forerun.learners.joint import default_space
    from forerun.space import SearchSpace

    space = default_space(kind) if file is None else SearchSpace.from_yaml(file)
    width = max(map(len, space.domains))
    lines = [f"{space.name}: {len(space.domains)} domains"]
    for name, domain in space.domains.items():
        facts = {k: v for k, v in domain.to_dict().items() if k != "type" and v is not False}
        said = ", ".join(f"{k} {v}" if k != "log" else "log" for k, v in facts.items())
        when = space.condition(name).to_dict()
        suffix = "   when " + ", ".join(f"{k} {v}" for k, v in when.items()) if when else ""
        lines.append(f"  {name:<{width}}  {domain.type:<11}  {said}{suffix}")
    size = space.grid(resolution).size
    lines.append(f"{size:,} configurations with {resolution} levels a number ({float(size):.3g}).")
    return "\n".join(lines)


def describe_tasks() -> str:
    """Return the built-in tasks, one a line."""
    from forerun.tasks.builtin import RECIPES

    width = max(map(len, RECIPES))
    return "\n".join(f"{name:<{width}}  {r.kind:<10}  {r.family}" for name, r in RECIPES.items())


def fetch_openml(number: int | None, folder: Path) -> str:
    """Fetch a data set from OpenML into a folder; says where it is."""
    from forerun.tasks import save_openml

    if number is None:
        raise DataError("the number of a data set on openml.org must be given, as: forerun data openml 31")
    return f"saved {save_openml(number, folder)}; every data set of {folder} can be collected on with collect.folder"
