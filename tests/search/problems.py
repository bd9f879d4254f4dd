"""Small problems with known answers."""

import itertools
from collections.abc import Callable

import numpy as np

from forerun.checks.search import RandomNetwork
from forerun.search.tables.products import products
from forerun.search.tables.structure import Structure
from forerun.space import Categorical, Condition, Floats, Grid, Integer, Real, SearchSpace, Subset

SPACE = SearchSpace(
    "small",
    {
        "learner": Categorical(("svm", "knn", "mlp")),
        "svm.kernel": Categorical(("linear", "rbf")),
        "svm.C": Real(1e-3, 1e3, log=True),
        "svm.gamma": Real(1e-4, 1e1, log=True),
        "knn.k": Integer(1, 50, log=True),
        "mlp.depth": Integer(1, 3),
        "mlp.width2": Integer(8, 128, log=True),
        "features": Subset(("a", "b", "c")),
    },
    {
        "svm.kernel": Condition.of({"learner": "svm"}),
        "svm.C": Condition.of({"learner": "svm"}),
        "svm.gamma": Condition.of({"learner": "svm", "svm.kernel": "rbf"}),
        "knn.k": Condition.of({"learner": "knn"}),
        "mlp.depth": Condition.of({"learner": "mlp"}),
        "mlp.width2": Condition.of({"mlp.depth": ">= 2"}),
    },
)


def large(domains: int = 16) -> SearchSpace:
    """A space of more than 10^9 configurations."""
    extra = {f"x{i}": Real(0, 1) for i in range(domains)}
    return SearchSpace("large", {**SPACE.domains, **extra}, SPACE.conditions)


def network(grid: Grid, seed: int, *widths: int) -> RandomNetwork:
    """A random ReLU network over encoded rows, of one layer with eight units unless told otherwise."""
    return RandomNetwork.drawn(len(grid.encoder.columns), seed, widths or (8,))


def additive(grid: Grid, seed: int) -> RandomNetwork:
    """A sum of one weight per encoded column: solved by one minimum per axis of each block."""
    return RandomNetwork.drawn(len(grid.encoder.columns), seed, ())


def brute_force(grid: Grid, score: Callable[[Floats], Floats]) -> list[tuple[float, dict[str, object]]]:
    """All configurations with their scores, best first, by the obvious loop."""
    found = []
    for i in range(grid.size):
        configuration = grid.configuration(i)
        X = grid.encoder.encode([configuration], own=grid.space)
        found.append((float(score(X)[0]), configuration))
    return sorted(found, key=lambda pair: pair[0])


def check_bounds(structure: Structure, grid: Grid, rng: np.random.Generator) -> None:
    """No completion of a few partial choices is below its bound, by looking at all completions."""
    for product in products(grid) or []:
        if product.size > 2_000:
            continue
        bounds, sizes = structure.on(product), [len(f) for f in product.factors]
        everything = np.array(list(itertools.product(*map(range, sizes))), dtype=np.int32)
        values = bounds.value(everything)
        for t in range(len(sizes)):
            choice = everything[rng.integers(0, len(everything), 4), :t]
            children, completion = bounds.below(choice)
            for i, row in enumerate(choice):
                under = (everything[:, :t] == row).all(axis=1)
                for child in range(sizes[t]):
                    least = values[under & (everything[:, t] == child)].min()
                    assert children[i, child] <= least + structure.slack
            assert completion.shape == (1, len(sizes))
