"""The machine that a run was on, from tags, parameters and system metrics, in the many spellings of each.

What comes out are the facts that `metadata.hardware` knows: cpu_model, cores, memory_gb, gpu, cpu_mhz.
"""

import re
from collections.abc import Callable

import numpy as np

from forerun.mining.runs import Floats, Runs, Texts

SPELLINGS = {
    "cpu_model": "cpu_model cpu_name cpu cpu_type processor hw.cpu_model hw.cpu system.cpu_model machine.cpu cpu_brand",
    "cores": "cores cpu_cores n_cores num_cores cpu_count num_cpus n_cpus ncpus cpus logical_cores physical_cores "
    "hw.cores hw.logical_cores hw.cpu_count system.cpu_count vcpus num_vcpus nproc",
    "memory_gb": "memory_gb ram_gb ram memory mem_gb total_memory total_memory_gb memory_total system_memory "
    "hw.memory_gb hw.ram_gb hw.memory system.memory_gb",
    "gpu": "gpu gpu_name gpu_model gpu_type cuda_device cuda_device_name device_name accelerator_name hw.gpu "
    "hw.gpu_model system.gpu device accelerator cuda use_cuda use_gpu hw.device",
    "gpus": "gpus n_gpus num_gpus gpu_count ngpus hw.gpu_count world_size_gpus",
    "cpu_mhz": "cpu_mhz cpu_freq cpu_frequency hw.cpu_mhz",
    "host": "host hostname node machine node_name hw.host instance_type hw.instance_type",
}
"""Fact to the names of tags and parameters that tell it, in lower case; those that say it best come first."""

NAMES = {name: fact for fact, names in SPELLINGS.items() for name in names.split()}
HARDWARE = frozenset(NAMES)
NO_GPU = ("", "none", "no", "false", "0", "cpu", "nan", "mps", "off", "n/a")
SYSTEM = "system/"
"""Begins the names of MLflow's own system metrics."""


def hardware(runs: Runs) -> dict[str, Texts]:
    """Facts (n,) by name, without the prefix `hw_`; None where a run does not tell."""
    found: dict[str, Texts] = {}
    for fact, names in SPELLINGS.items():
        column = _first(runs, names.split())
        if column is not None:
            found[fact] = np.array([None if text is None else READERS[fact](text) for text in column], dtype=object)
    _count_as_gpu(found)
    _from_system_metrics(runs, found)
    return {fact: column for fact, column in found.items() if any(value is not None for value in column)}


def _first(runs: Runs, names: list[str]) -> Texts | None:
    """The first of several tags, then parameters, that a run has; names in any case."""
    tags, params = ({key.lower(): key for key in columns} for columns in (runs.tags, runs.params))
    known = [runs.tags[tags[name]] for name in names if name in tags]
    known += [runs.params[params[name]] for name in names if name in params]
    if not known:
        return None
    column = known[0].copy()
    for other in known[1:]:
        column = np.where(column == None, other, column)  # noqa: E711 - by element
    return column


def _text(text: str) -> object:
    return text.strip() or None


def _number(text: str) -> object:
    found = re.search(r"\d+(\.\d+)?", text.replace(",", ""))
    return float(found.group()) if found else None


def _gigabytes(text: str) -> object:
    """Gigabytes of '24 GB', '24576 MB', '25,000,000,000' (bytes) or '24'."""
    found = re.search(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", text.replace(",", "").lower())
    if not found:
        return None
    number, unit = float(found[1]), found[2]
    if unit:
        return number * {"k": 1e-6, "m": 1e-3, "g": 1.0, "t": 1e3}[unit]
    # without a unit it can be gigabytes, megabytes or bytes: a machine has between 0.25 and 24,000 of the first
    return number / 1e9 if number > 1e8 else number / 1e3 if number > 24_000 else number


def _gpu(text: str) -> object:
    """The GPU's name, '' where there is none (which is an answer), 'gpu' where one is there without a name."""
    plain = text.strip().lower()
    if plain in NO_GPU:
        return ""
    return "gpu" if plain in ("1", "true", "yes", "on", "gpu") or plain.startswith("cuda") else text.strip()


READERS: dict[str, Callable[[str], object]] = {
    "cpu_model": _text,
    "cores": _number,
    "memory_gb": _gigabytes,
    "gpu": _gpu,
    "gpus": _number,
    "cpu_mhz": _number,
    "host": _text,
}


def _count_as_gpu(found: dict[str, Texts]) -> None:
    """Where only their number is known, that says whether there is one."""
    count = found.pop("gpus", None)
    if count is None:
        return
    said = np.array([None if n is None else ("gpu" if n else "") for n in count], dtype=object)
    known = found.get("gpu")
    found["gpu"] = said if known is None else np.where(known == None, said, known)  # noqa: E711 - by element


def _from_system_metrics(runs: Runs, found: dict[str, Texts]) -> None:
    """Total memory from what was used of it, in megabytes and in per cent; a GPU where one was watched."""
    used = runs.metric(f"{SYSTEM}system_memory_usage_megabytes")
    share = runs.metric(f"{SYSTEM}system_memory_usage_percentage")
    with np.errstate(divide="ignore", invalid="ignore"):
        total: Floats = used / share / 10
    _fill(found, "memory_gb", [round(float(t), 1) if np.isfinite(t) and t > 0 else None for t in total])
    watched = [m for name, m in runs.metrics.items() if name.startswith(f"{SYSTEM}gpu_")]
    seen = np.any([~np.isnan(m) for m in watched], axis=0) if watched else np.zeros(len(runs), dtype=bool)
    _fill(found, "gpu", ["gpu" if each else None for each in seen])


def _fill(found: dict[str, Texts], fact: str, values: list[object]) -> None:
    if any(value is not None for value in values):
        column = np.array(values, dtype=object)
        known = found.get(fact)
        found[fact] = column if known is None else np.where(known == None, column, known)  # noqa: E711 - by element
