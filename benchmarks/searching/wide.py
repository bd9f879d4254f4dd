"""Memory against the size of the space, and a space of 10^40.

Every size is searched exhaustively by a process of its own, which reports the most memory it ever held and how much
it held when everything was loaded: the difference is what the search took.
"""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from forerun.checks.search import Layered
from forerun.metadata import MetaDataset
from forerun.metalearners import Linear, Network
from forerun.metalearners.shallow import Settings
from forerun.search import Certified, CoordinateAscent, Evolution, Exhaustive, SearchStrategy, search
from forerun.space import SearchSpace
from forerun.tuning.acquisition import mean_score
from searching import networks
from searching.spaces import SPACES, described, widest
from searching.tell import tell

COMPONENTS = 192
"""Of the encoding, so that the 89 columns of the widest space are among them."""


def memory(meta: MetaDataset, spaces: list[str]) -> dict[str, Any]:
    """MiB and candidates a second for each space, 32 units."""
    found = {}
    with TemporaryDirectory() as folder:
        path = Path(folder)
        meta.space.save(path / "space.json")
        (first, offset), (last, constant) = networks.one(meta, 32).maps
        np.savez(path / "network.npz", first, offset, last, constant)
        for name in spaces:
            command = [sys.executable, sys.argv[0], "--measure-memory", name, folder]
            found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            tell(f"  {name:5} {' '.join(f'{k} {v:.4g}' for k, v in found[name].items())}")
    return found


def measure_memory(name: str, folder: Path) -> dict[str, float]:
    """What the process of its own does."""
    arrays = list(np.load(folder / "network.npz").values())
    network = Layered([(arrays[0], arrays[1]), (arrays[2], arrays[3])])
    encoder = SearchSpace.load(folder / "space.json")
    search(network, SPACES["1e6"].grid(encoder), 1, np.random.default_rng(0), strategy=Exhaustive())  # compiles
    grid = SPACES[name].grid(encoder)
    before = _peak_mib()
    found = search(network, grid, 1, np.random.default_rng(0), strategy=Exhaustive())
    return {
        "configurations": grid.size,
        "seconds": found.seconds,
        "rate": found.scored / found.seconds,
        "before_mib": before,
        "peak_mib": _peak_mib(),
    }


def _peak_mib() -> float:
    """Most memory that was held so far; `getrusage` would count what the parent process held, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def huge(meta: MetaDataset, limit: float) -> dict[str, Any]:
    """The best of 10^40 by the linear meta-learner and by a network of 32 units."""
    known = networks.with_features(meta)
    grid = widest(known.space)
    case = networks.cases(1)[0][0]
    context = case.context(known)
    linear = Linear(columns=COMPONENTS).fit(known).adapt(context)
    settings = Settings(members=1, columns=COMPONENTS)
    net = Network(settings).fit(known).adapt(context)
    plain = Network(replace(settings, gap=0.0)).fit(known).adapt(context)
    found: dict[str, Any] = {"space": described(grid)}
    tries: list[tuple[str, Any, SearchStrategy]] = [
        ("linear", linear, Certified(limit)),
        ("h32", net, Certified(limit)),
        ("h32_ascent", net, CoordinateAscent()),
        ("h32_evolution", net, Evolution()),
        ("plain_h32", plain, Certified(limit)),
        ("plain_h32_ascent", plain, CoordinateAscent()),
    ]
    for name, surrogate, strategy in tries:
        began = time.perf_counter()
        result = search(mean_score(surrogate), grid, 1, np.random.default_rng(0), strategy=strategy)
        found[name] = {
            "seconds": time.perf_counter() - began,
            "proven": result.proven,
            "score": result.candidates[0].score,
            "gap": result.gap if np.isfinite(result.bound) else None,
            "scored": result.scored,
        }
        tell(f"  1e40 {name}: {found[name]}")
    return found
