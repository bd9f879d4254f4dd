"""The hardware and software that a training ran on: MLflow records none of it, so we do."""

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import psutil


@cache
def hardware_facts() -> dict[str, str | float]:
    """Return what is known of this machine, limits of the container included.

    Keys: platform, cpu_model, physical_cores, logical_cores (those we may use), cpu_mhz (where known),
    memory_gb (that we may use), gpu ('' without one), python, torch, sklearn, numpy, torch_threads.
    """
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    facts: dict[str, str | float] = {
        "platform": f"{platform.system()}-{platform.machine()}".lower(),
        "cpu_model": _cpu_model(),
        "physical_cores": float(min(psutil.cpu_count(logical=False) or usable_cores(), usable_cores())),
        "logical_cores": float(usable_cores()),
        "memory_gb": round(_memory_bytes() / 2**30, 1),
        "gpu": gpu,
        "python": platform.python_version(),
        "torch": version("torch"),
        "sklearn": version("scikit-learn"),
        "numpy": version("numpy"),
        "torch_threads": float(torch.get_num_threads()),
    }
    mhz = _cpu_mhz()
    return {**facts, "cpu_mhz": mhz} if mhz else facts


@cache
def usable_cores() -> int:
    """Cores that this process may use: its affinity, bounded by the container's CPU quota; at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return max(1, min(affinity, int(quota)) if quota else affinity)


def _read(path: str) -> str:
    """The content of a file of the kernel; empty where this system does not have it."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _cpu_quota() -> float:
    """Cores' worth of time that the control group grants (versions 2 and 1); 0 where there is no limit."""
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    if not quota:
        quota, period = _read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), _read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else 0.0


def _memory_bytes() -> float:
    total = float(psutil.virtual_memory().total)
    limit = _read("/sys/fs/cgroup/memory.max") or _read("/sys/fs/cgroup/memory/memory.limit_in_bytes")
    return min(total, float(limit)) if limit.isdigit() else total


def _cpu_model() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith(("model name", "Model")):
            return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def _cpu_mhz() -> float:
    """The highest clock rate that the system tells of, else the present one; 0 where it tells none."""
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return 0.0
    return float(round(frequency.max or frequency.current)) if frequency else 0.0
