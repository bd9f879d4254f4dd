"""Other scores that are searched with proof, what has no proof, and whether all engines agree."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from forerun.learners import LEARNERS
from forerun.learners.joint import default_space
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Linear, MetaLearner, Network, Surrogate
from forerun.metalearners.shallow import Settings
from forerun.search import Certified, CoordinateAscent, Enumeration, Evolution, Exhaustive, Score, search
from forerun.search.proof.pareto import pareto
from forerun.space import Condition, Grid
from forerun.tuning.acquisition import acquisition_score, mean_score
from searching import networks
from searching.certified import summary, timed
from searching.spaces import KIND, SPACES, described
from searching.tell import tell
from searching.threads import one_thread_each

SPACE = "1e12"


def others(meta: MetaDataset, *, count: int, limit: float) -> dict[str, Any]:
    """Sums of tables, pairwise terms, Thompson draws of a linear model and of a network; doubt; two objectives."""
    grid = SPACES[SPACE].grid(meta.space)
    rng = np.random.default_rng(0)
    made: dict[str, tuple[Callable[[int], MetaLearner], Callable[[Surrogate], Score]]] = {
        "linear": (lambda _: Linear(), mean_score),
        "pairwise": (lambda _: METALEARNERS["quadratic"](), mean_score),
        "thompson_linear": (lambda _: Linear(), lambda s: mean_score(s.draw(rng))),  # type: ignore[attr-defined]
        "thompson_h32": (_network, lambda s: mean_score(s.draw(rng))),  # type: ignore[attr-defined]
    }
    found: dict[str, Any] = {}
    for name, (learner, score) in made.items():
        runs = [timed(score(surrogate), grid, 1, limit) for surrogate in _surrogates(meta, learner, count)]
        found[name] = described(grid) | summary(runs, limit)
        tell(f"  {name:16} {' '.join(f'{k} {v:.3g}' for k, v in found[name].items())}")
    for name, strategy in (("lcb_ascent", CoordinateAscent()), ("lcb_evolution", Evolution())):
        seconds = [_doubt(s, grid, strategy) for s in _surrogates(meta, _network, min(count, 4))]
        found[name] = described(grid) | {"median_s": float(np.median(seconds)), "share": 0.0, "networks": len(seconds)}
        tell(f"  {name:16} {' '.join(f'{k} {v:.3g}' for k, v in found[name].items())}")
    return found | {"front": front(meta, limit)}


def _network(seed: int) -> Network:
    return Network(Settings(members=1, seed=seed))


def _surrogates(meta: MetaDataset, made: Callable[[int], MetaLearner], count: int) -> list[Surrogate]:
    found: list[Surrogate] = []
    for group in networks.cases(count):
        learner = made(group[0].seed).fit(networks.unseen(meta, group))
        found += [learner.adapt(case.context(meta)) for case in group]
    return found


def _doubt(surrogate: Surrogate, grid: Grid, strategy: CoordinateAscent | Evolution) -> float:
    """Processor seconds of a search by mean - std, which has no structure that could be bounded."""
    columns = len(grid.encoder.columns)
    score = acquisition_score("lcb", surrogate, bar=None, columns=columns, rng=np.random.default_rng(0))
    with one_thread_each():
        began = time.process_time()
        search(score, grid, 1, np.random.default_rng(0), strategy=strategy)
        return time.process_time() - began


def front(meta: MetaDataset, limit: float) -> dict[str, Any]:
    """All configurations of 10^9 that no other beats in both predicted loss and predicted seconds."""
    grid, group = SPACES["1e9"].grid(meta.space), networks.cases(1)[0]
    known, context = networks.unseen(meta, group), group[0].context(meta)
    loss = mean_score(Network(Settings(members=1)).fit(known).adapt(context))
    slow = Linear().fit(known.for_seconds()).adapt(context.empty(context.features, meta.X.shape[1]))
    with one_thread_each():
        result = pareto((loss, mean_score(slow)), grid, np.random.default_rng(0), seconds=6 * limit)
    found = described(grid) | {"points": len(result.scores), "proven": result.proven, "seconds": result.seconds}
    tell(f"  front            {' '.join(f'{k} {v:.3g}' for k, v in found.items())}")
    return found


def agreement(meta: MetaDataset, *, count: int) -> dict[str, int]:
    """Random small spaces with conditions and forbidden combinations, 16 units: how often do all three agree?

    Spaces of one learner, of at most 20,000 configurations; compared are the ten best scores.
    """
    surrogate = next(networks.surrogates(meta, Settings(members=1, units=16), 1))[1]
    rng, agreed = np.random.default_rng(0), 0
    for _ in range(count):
        grid, forbidden = _small(meta, rng)
        tops = []
        for strategy in (Certified(60), Exhaustive(), Enumeration()):
            seeded = np.random.default_rng(0)
            found = search(mean_score(surrogate), grid, 10, seeded, strategy=strategy, forbidden=forbidden)
            tops.append([candidate.score for candidate in found.candidates])
        agreed += all(len(top) == len(tops[0]) and np.allclose(top, tops[0], rtol=0, atol=2e-9) for top in tops)
    tell(f"  {agreed} of {count} agree")
    return {"spaces": count, "agree": agreed}


def _small(meta: MetaDataset, rng: np.random.Generator) -> tuple[Grid, list[Condition]]:
    """A learner's own space with random values fixed until it is small, and two pairs of values forbidden."""
    space = default_space(KIND)
    fixed: dict[str, Any] = {"learner": str(rng.choice(list(LEARNERS))), "preprocessing": ()}
    resolution = int(rng.integers(2, 5))
    while (grid := space.grid(resolution, fixed, meta.space)).size > 20_000:
        name = str(rng.choice([d for d in space.domains if d not in fixed and d.startswith(fixed["learner"])]))
        fixed[name] = space.domains[name].levels(resolution)[0]
    free = [axis for axis in grid.axes if len(axis.levels) > 1 and axis.domain.startswith(fixed["learner"])]
    forbidden = []
    for _ in range(2):
        i, j = rng.choice(len(free), 2, replace=False)
        pair = {free[i].domain: free[i].levels[0], free[j].domain: free[j].levels[-1]}
        forbidden.append(space.fitted(Condition.of(pair), "what is forbidden"))
    return grid, forbidden
