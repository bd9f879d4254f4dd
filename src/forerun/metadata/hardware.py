"""Hardware facts of a trial as numbers: what training times depend on.

The facts are those of `Trial.hardware` ('cpu_model', 'logical_cores', 'memory_gb', 'gpu', ...), from forerun's
own trials or from the tags of programs that other people wrote, so none of them is certain to be there.
"""

import re
from collections.abc import Mapping

CORES = ("cores", "logical_cores", "physical_cores", "cpu_count", "threads")
MEMORY = ("memory_gb", "ram_gb", "memory")
NONE = ("", "none", "nan", "no", "false", "0")
"""How the absence of a GPU is spelled."""

IDENTITY = ("cpu_model", *CORES, "gpu", "gpu_model")
"""Facts that tell one environment from another.

Versions, the momentary clock and the memory do not: a container's memory differs from one start to the next.
"""


def hardware_features(facts: Mapping[str, object]) -> dict[str, float]:
    """Read numbers from hardware facts (keys without `hw_`); only what is known is in the result."""
    found = {
        "cores": _first(facts, CORES),
        "memory_gb": _first(facts, MEMORY),
        "cpu_ghz": _clock(facts),
        "gpu": _gpu(facts),
        "cpu_server": _server(facts),
    }
    return {name: value for name, value in found.items() if value is not None}


def environment(facts: Mapping[str, object]) -> str:
    """Name the environment in a few words, the same for the same machine; empty when nothing is known."""
    known = ((k, facts.get(k)) for k in IDENTITY)
    return ", ".join(f"{k}={_neat(v)}" for k, v in known if not _missing(v))


def _neat(value: object) -> str:
    """Spell 2, 2.0 and '2.0' (from a tag) alike."""
    try:
        return f"{float(str(value)):g}"
    except ValueError:
        return str(value)


def _missing(value: object) -> bool:
    return str(value).strip().lower() in ("", "nan", "none", "<na>")


def _number(value: object) -> float | None:
    if _missing(value):
        return None
    found = re.search(r"\d+(\.\d+)?", str(value))
    return float(found.group()) if found else None


def _first(facts: Mapping[str, object], names: tuple[str, ...]) -> float | None:
    numbers = (_number(facts.get(name)) for name in names)
    return next((n for n in numbers if n is not None), None)


def _clock(facts: Mapping[str, object]) -> float | None:
    megahertz = _number(facts.get("cpu_mhz"))
    if megahertz is not None:
        return megahertz / 1000
    # 'Intel(R) Xeon(R) CPU @ 2.20GHz'
    stated = re.search(r"([\d.]+)\s*GHz", str(facts.get("cpu_model")), re.IGNORECASE)
    return float(stated.group(1)) if stated else None


def _gpu(facts: Mapping[str, object]) -> float | None:
    for name in ("gpu", "gpu_model"):
        # an empty string is an answer: there is none
        if name in facts and (facts[name] == "" or not _missing(facts[name])):
            return float(str(facts[name]).strip().lower() not in NONE)
    return None


def _server(facts: Mapping[str, object]) -> float | None:
    model = facts.get("cpu_model")
    if _missing(model):
        return None
    return float(bool(re.search(r"xeon|epyc|graviton|neoverse|altra", str(model), re.IGNORECASE)))
