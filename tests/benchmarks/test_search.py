"""The benchmark of search runs, and its result has the keys that people read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "search.py"
RATES = {"rate", "ratio_torch", "ratio_numpy", "ratio_pandas", "ratio_optuna", "peak_share"}
PROOFS = {"median_s", "worst_s", "share", "networks"}


def quick(section: str, folder: Path) -> dict[str, dict[str, float]]:
    """Run one section at its smallest."""
    out = folder / "search.json"
    command = [sys.executable, str(SCRIPT), "--quick", "--only", section, "--json", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=800)
    return dict(json.loads(out.read_text())[section])


@pytest.mark.slow
@pytest.mark.long
def test_every_entry_says_how_soon_the_best_was_certified(tmp_path: Path):
    found = quick("certified", tmp_path)
    assert set(found) == {"1e9_h32", "1e12_h32", "1e12_h64", "1e15_h32", "1e20_h32", "top100", "ensemble5"}
    for name, entry in found.items():
        assert set(entry) >= PROOFS
        size = float(name.split("_")[0]) if name.startswith("1e") else 1e12
        assert size <= entry["configurations"] <= 1.2 * size


@pytest.mark.slow
@pytest.mark.long
def test_every_network_is_compared_with_all_peers(tmp_path: Path):
    pytest.importorskip("smac", reason="a minute, for who has the group bench")
    found = quick("exhaustive", tmp_path)
    assert set(found) == {"space", "linear", "h16", "h32", "h64", "h32x32"}
    for name in set(found) - {"space"}:
        assert set(found[name]) >= RATES
        assert min(found[name][key] for key in RATES) > 0


@pytest.mark.slow
@pytest.mark.long
def test_all_engines_agree_on_small_spaces(tmp_path: Path):
    found = quick("agreement", tmp_path)
    assert found["agree"] == found["spaces"] > 0
