"""Candidates a second: REINFORCE as a whole (draw, score, reward, learn) and scoring alone, against encoded rows.

One thread, the best of REPEATS, since other work on the machine can only slow it down; seconds of the processor.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from competing.wide import problems
from forerun.metadata import MetaDataset
from forerun.search import Problem, Reinforce
from forerun.search.policy.controllers import Independent
from forerun.search.policy.reinforce import advantages
from forerun.search.policy.scoring import Scorer
from searching import networks
from searching.spaces import SPACES
from searching.tell import tell
from searching.threads import one_thread_each

REPEATS = 12
BATCHES = 15


def rates(meta: MetaDataset, *, repeats: int = REPEATS) -> dict[str, dict[str, float]]:
    """By space: candidates a second of the whole loop, of tables alone, and of encoding rows and scoring them."""
    known = networks.one(meta, 32)
    spaces = {"1e12": (known, SPACES["1e12"].grid(meta.space)), **problems(meta)}
    found = {}
    with one_thread_each():
        for name, (score, grid) in spaces.items():
            problem, given = Problem(score, grid), Reinforce()
            scorer = Scorer(problem, 1)
            policy = Independent(scorer.layout, np.random.default_rng(0), rate=0.0, entropy=0.0)
            rows = policy.draw(given.batch)
            L = np.maximum(rows, 0).astype(np.int64)

            def loop(scorer: Scorer = scorer, policy: Independent = policy, n: int = given.batch) -> None:
                drawn = policy.draw(n)
                policy.learn(drawn, advantages(scorer.score(drawn)))

            tables = scorer.tabled.score
            works: dict[str, Callable[[], Any]] = {
                "reinforce": loop,
                "tables": lambda tables=tables, rows=rows: tables(rows),
                "encoded": lambda problem=problem, L=L: problem.values(L),
            }
            found[name] = {key: given.batch / fastest(work, repeats) for key, work in works.items()}
            tell(f"  {name}: {found[name]}")
    return found


def fastest(work: Callable[[], Any], repeats: int) -> float:
    """Seconds of the processor for once, in the best of some series."""
    work()  # compiles
    best = np.inf
    for _ in range(repeats):
        began = time.process_time()
        for _ in range(BATCHES):
            work()
        best = min(best, (time.process_time() - began) / BATCHES)
    return float(best)
