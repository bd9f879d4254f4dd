"""How fast everything is scored: 10^9 configurations, against peers on the same network and against the machine.

Ours and the peers take turns, several times over, and the best of each counts: what else the machine does then
hurts all of them alike. Rates are candidates a second of the clock, on all cores. `peak_share` is ours as a share
of the arithmetic that is left of a candidate at the machine's best (see `peak`).
"""

import time
from typing import Any

import numpy as np

from forerun.checks.search import Layered
from forerun.metadata import MetaDataset
from forerun.search import Exhaustive, search
from forerun.space import Grid
from searching import networks, peak, peers
from searching.deep import two_layers
from searching.spaces import SPACES, described
from searching.tell import tell

PEERS = ("torch", "numpy", "pandas", "optuna")
UNITS = {"linear": 0, "h16": 16, "h32": 32, "h64": 64}
DEEP = {"h32x32": (32, 32)}


def exhaustive(meta: MetaDataset, *, space: str, larger: str, repeats: int, seconds: float) -> dict[str, Any]:
    """All networks over one space; peers are timed for so many seconds each time.

    Ten times as many linear candidates are measured too: of a billion, preparations take most of the time.
    """
    grid = SPACES[space].grid(meta.space)
    compile_all(meta)
    tell(f"exhaustive: {grid.size:,} configurations")
    found: dict[str, Any] = {"space": described(grid)}
    for name, network in chosen(meta).items():
        turns = repeats if len(network.maps) < 3 else -(-repeats // 2)  # two hidden layers take a minute each time
        found[name] = _measured(grid, network, turns, seconds)
        shown = " ".join(f"{k} {v:.3g}" for k, v in found[name].items())
        tell(f"  {name:7} {shown}")
    large = SPACES[larger].grid(meta.space)
    rate = max(ours(large, networks.one(meta, 0))[0] for _ in range(repeats))
    found["linear"] |= {"rate_larger": rate, "peak_share_larger": rate / found["linear"]["peak"], "larger": large.size}
    tell(f"  linear, {large.size:,} configurations: {rate:.3g} a second")
    return found


def chosen(meta: MetaDataset) -> dict[str, Layered]:
    """The first network of every size."""
    found = {name: networks.one(meta, units) for name, units in UNITS.items()}
    return found | {name: next(two_layers(meta, widths, 1)) for name, widths in DEEP.items()}


def ours(grid: Grid, network: Layered) -> tuple[float, float]:
    """Candidates a second of the clock, and a second of one core."""
    began, used = time.perf_counter(), time.process_time()
    found = search(network, grid, 1, np.random.default_rng(0), strategy=Exhaustive())
    spent, used = time.perf_counter() - began, time.process_time() - used
    if not found.proven or found.scored != grid.size:
        raise RuntimeError(f"all {grid.size} configurations must be scored; got {found.scored}")
    return grid.size / spent, grid.size / used


def compile_all(meta: MetaDataset) -> None:
    """Compile what is compiled at first use, on a small space."""
    grid = SPACES["1e6"].grid(meta.space)
    for network in chosen(meta).values():
        ours(grid, network)


def _measured(grid: Grid, network: Layered, repeats: int, seconds: float) -> dict[str, float]:
    rng = np.random.default_rng(0)
    ways = peers.ways(grid, network, rng)
    best = dict.fromkeys(("ours", "core", "peak", *PEERS), 0.0)
    for _ in range(repeats):
        clock, core = ours(grid, network)
        best["ours"], best["core"] = max(best["ours"], clock), max(best["core"], core)
        for name in PEERS:
            best[name] = max(best[name], peers.rate(ways[name], seconds))
        best["peak"] = max(best["peak"], peak.candidates([len(offset) for _, offset in network.maps[:-1]]))
    ratios = {f"ratio_{name}": best["ours"] / best[name] for name in PEERS}
    own = {"rate": best["ours"], **ratios, "peak_share": best["ours"] / best["peak"], "per_core_second": best["core"]}
    return own | {"peak": best["peak"]} | {f"{name}_rate": best[name] for name in PEERS}
