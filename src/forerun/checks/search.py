"""The promises of search strategies. Each takes a function that makes one, and raises PromiseBroken.

Those of a learned optimizer of black boxes take a function that teaches one: on `family` or on `strangers`, in the
space PLAIN, with seed 0. They look at functions that it never saw.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

from forerun.checks.broken import require
from forerun.checks.world import SPACE
from forerun.search import Problem, SearchStrategy
from forerun.search.base import Ranked, Score
from forerun.space import Categorical, Floats, Grid, Layers, Levels, Real, SearchSpace

if TYPE_CHECKING:
    from forerun.search.recurrent import RecurrentOptimizer

Make = Callable[[], SearchStrategy]
Draw = Callable[[Grid, int, int], Sequence[Score]]
"""Draws functions on a grid, with a seed, so many."""
Teach = Callable[[Draw], "RecurrentOptimizer"]
Promise = Callable[[Make], None]
SEEDS = 4


@dataclass(frozen=True)
class Layered:
    """A ReLU network given by its affine maps, as a score that says what it is made of."""

    maps: Layers

    def __call__(self, X: Floats) -> Floats:
        """Score encoded rows (n, d)."""
        weights, offset = self.maps[0]
        z = X @ weights + offset
        for weights, offset in self.maps[1:]:
            z = np.maximum(z, 0) @ weights + offset
        return np.asarray(z[:, 0])

    def layers(self) -> Layers:
        """As `Additive.layers`."""
        return self.maps


class RandomNetwork(Layered):
    """One with random weights over encoded rows: no axis is independent of the others."""

    @classmethod
    def drawn(cls, columns: int, seed: int, widths: Sequence[int] = (8,)) -> Self:
        """Draw one for encodings of so many columns; without widths it is linear."""
        rng = np.random.default_rng(seed)
        sizes = [columns, *widths, 1]
        return cls([(rng.normal(size=(i, o)), rng.normal(size=o)) for i, o in pairwise(sizes)])


@dataclass
class Counting:
    """A network that remembers what it was asked."""

    network: RandomNetwork
    asked: int = 0
    """Rows that were scored."""
    read: bool = False
    """Whether someone looked at the layers."""

    def __call__(self, X: Floats) -> Floats:
        """Score encoded rows."""
        self.asked += len(X)
        return self.network(X)

    def layers(self) -> Layers:
        """As `Additive.layers`."""
        self.read = True
        return self.network.layers()


def network(grid: Grid, seed: int) -> RandomNetwork:
    """A random network over the grid's encoded rows."""
    return RandomNetwork.drawn(len(grid.encoder.columns), seed)


def finds_the_optimum_of_a_small_space(make: Make) -> None:
    """On a space small enough to enumerate, the first candidate is the optimum."""
    grid = SPACE.grid(6)
    for seed in range(SEEDS):
        _, scores = _all(grid, network(grid, seed))
        found = _search(make, grid, 1, seed)
        require(
            np.isclose(found.scores[0], scores.min()),
            f"the optimum of {grid.size} configurations scores {scores.min():.6g}; got {found.scores[0]:.6g}",
        )


def claims_no_more_than_is_true(make: Make) -> None:
    """Where it says that nothing scores better, nothing does; and it scored no more than it says."""
    grid = SPACE.grid(4)
    for seed in range(SEEDS):
        score = network(grid, seed)
        counting = Counting(score)
        found = make().search(Problem(counting, grid), 1, np.random.default_rng(seed))
        if found.proven:
            best = _all(grid, score)[1].min()
            require(np.isclose(found.scores[0], best), f"it claims a proof, and {best} is better")
        # who knows the layers can score everything without asking, once
        most = counting.asked + (grid.size if counting.read else 0)
        require(found.scored <= most, f"it claims to have scored {found.scored} candidates; it can have scored {most}")


def candidates_are_distinct_sorted_and_canonical(make: Make) -> None:
    """k distinct configurations, best first, with their true scores."""
    grid = SPACE.grid(5)
    found = _search(make, grid, 20, 0)
    require(len(found.L) == 20, f"20 candidates were asked for; got {len(found.L)}")
    require(len(np.unique(found.L, axis=0)) == 20, "candidates must be distinct")
    require((grid.canonical(found.L) == found.L).all(), "candidates must be canonical: inactive axes at level 0")
    require((np.diff(found.scores) >= 0).all(), f"candidates must come best first; got {found.scores}")
    true = network(grid, 0)(grid.encode(found.L))
    require(np.allclose(true, found.scores), "the scores of candidates must be theirs")


def respects_fixed_values(make: Make) -> None:
    """What the user fixed is in every candidate."""
    grid = SPACE.grid(5, fixed={"learner": "mlp", "mlp.depth": 3})
    found = _search(make, grid, 5, 1)
    for configuration in grid.configurations(found.L):
        kept = configuration["learner"] == "mlp" and configuration["mlp.depth"] == 3
        require(kept, f"learner is fixed to mlp and mlp.depth to 3; got {configuration}")


def proposes_nothing_forbidden(make: Make) -> None:
    """What is not feasible is never proposed, also when it would score best."""
    grid = SPACE.grid(5)
    column = grid.encoder.columns.index("learner=svm")
    (weights, offset), (outer, constant) = network(grid, 2).maps
    # one more unit, which is on for svm only, and tempts
    tempting = np.eye(len(weights))[:, column]
    hidden = (np.column_stack([weights, tempting]), np.append(offset, 0.0))
    score = RandomNetwork([hidden, (np.vstack([outer, [[-100.0]]]), constant)])
    problem = Problem(score, grid, (lambda X: X[:, column] == 0,))
    found = make().search(problem, 10, np.random.default_rng(0))
    require(len(found.L) == 10, f"there are more than 10 feasible configurations; got {len(found.L)}")
    require((grid.encode(found.L)[:, column] == 0).all(), "svm is forbidden, and was proposed")


def the_same_generator_gives_the_same_answer(make: Make) -> None:
    """Randomness comes from the generator that is handed in, and from nowhere else."""
    grid = SPACE.grid(6)
    one, two = (_search(make, grid, 8, 3) for _ in range(2))
    require(one.L.shape == two.L.shape and (one.L == two.L).all(), "the same seed must find the same candidates")


SEARCH_PROMISES: dict[str, Promise] = {
    promise.__name__: promise
    for promise in (
        finds_the_optimum_of_a_small_space,
        claims_no_more_than_is_true,
        candidates_are_distinct_sorted_and_canonical,
        respects_fixed_values,
        proposes_nothing_forbidden,
        the_same_generator_gives_the_same_answer,
    )
}


PLAIN = SearchSpace(
    "plain",
    {**{f"c{i}": Categorical(("a", "b", "c", "d")) for i in range(5)}, **{f"x{i}": Real(0, 1) for i in range(4)}},
    {},
)
"""Where learned optimizers are taught: no setting is much more important than the others."""
UNSEEN = 24
"""Functions that a learned optimizer is tried on."""
TRIALS = 10


def family(grid: Grid, seed: int, count: int) -> list[Layered]:
    """Draw functions that are alike: one network's hidden units, weighed differently by each function."""
    (weights, offset), (outer, constant) = RandomNetwork.drawn(len(grid.encoder.columns), 0, (16,)).maps
    rng = np.random.default_rng([1, seed])
    drawn = [outer / 3 + rng.normal(size=outer.shape) for _ in range(count)]
    return [Layered([(weights, offset), (other, constant)]) for other in drawn]


def strangers(grid: Grid, seed: int, count: int) -> list[RandomNetwork]:
    """Draw functions that have nothing in common: only its results tell what a function is like."""
    return [RandomNetwork.drawn(len(grid.encoder.columns), 1_000 * seed + i, (16,)) for i in range(count)]


def starts_better_than_chance(teach: Teach) -> None:
    """Before it was told anything of a function, its proposal is better than a random one, on average."""
    taught = teach(family)
    first = float(np.mean(_trajectories(taught, 1, family(taught.grid_, 1, UNSEEN))))
    require(first < -0.5, f"the first proposal must be 0.5 deviations below the mean of the function; got {first:.2f}")


def gets_better_with_trials(teach: Teach) -> None:
    """After ten trials the best is better than the first, and than the best of ten random ones, on average."""
    taught = teach(family)
    unseen = family(taught.grid_, 1, UNSEEN)
    curve, chance = np.mean(_trajectories(taught, TRIALS, unseen), axis=0), np.mean(_random_bests(taught, unseen))
    first, best = float(curve[0]), float(curve[-1])
    require(best < first - 0.2, f"after {TRIALS} trials the best must be below the first, {first:.2f}; got {best:.2f}")
    require(best < chance - 0.1, f"after {TRIALS} trials it must be better than {chance:.2f}, chance; got {best:.2f}")


def reads_results(teach: Teach) -> None:
    """On functions with nothing in common it ends better than told random numbers, and than random search.

    That cannot be said of a fixed sequence of configurations, however good it is on functions that are alike.
    """
    taught = teach(strangers)
    unseen = strangers(taught.grid_, 1, UNSEEN)
    true, deaf = (np.array(_trajectories(taught, TRIALS, unseen, deaf=deaf))[:, -1] for deaf in (False, True))
    chance, gained = float(np.mean(_random_bests(taught, unseen))), deaf - true
    least = 3 * gained.std(ddof=1) / np.sqrt(UNSEEN)
    told = f"told the truth {true.mean():.2f}, told random numbers {deaf.mean():.2f}, random search {chance:.2f}"
    require(gained.mean() > least, f"the truth must be worth more than {least:.2f}, three standard errors; got {told}")
    require(true.mean() < chance - 0.1, f"told the truth it must be better than random search; got {told}")


def unit_of_the_loss_changes_no_proposal(teach: Teach) -> None:
    """Losses times and plus something are the same results."""
    taught, rng = teach(family), np.random.default_rng(0)
    X, losses = taught.grid_.encode(taught.grid_.sample(rng, 6)), rng.normal(size=6)
    one, two = (taught.logits(X, y).numpy() for y in (losses, 1e4 * losses - 5e5))
    require(np.allclose(one, two, atol=1e-3), "losses in another unit must lead to the same proposal")


def proposes_nothing_twice(teach: Teach) -> None:
    """Trials of one function differ, and the same generator leads to the same trials."""
    taught = teach(family)
    score = family(taught.grid_, 1, 1)[0]
    one, two = (_trials(taught, score, TRIALS, np.random.default_rng(3))[0] for _ in range(2))
    require(len(np.unique(one, axis=0)) == TRIALS, "trials must differ from each other")
    require((one == two).all(), "the same seed must lead to the same trials")


BLACK_BOX_PROMISES: dict[str, Callable[[Teach], None]] = {
    promise.__name__: promise
    for promise in (
        starts_better_than_chance,
        gets_better_with_trials,
        reads_results,
        unit_of_the_loss_changes_no_proposal,
        proposes_nothing_twice,
    )
}


def _trajectories(
    taught: "RecurrentOptimizer", trials: int, unseen: Sequence[Score], *, deaf: bool = False
) -> list[Floats]:
    """The best so far (trials,) on each of some functions, in its deviations from its mean."""
    found = []
    for i, score in enumerate(unseen):
        drawn = _drawn(taught.grid_, score, i)
        values = _trials(taught, score, trials, np.random.default_rng(i), deaf=deaf)[1]
        found.append((np.minimum.accumulate(values) - drawn.mean()) / drawn.std())
    return found


def _random_bests(taught: "RecurrentOptimizer", unseen: Sequence[Score]) -> list[float]:
    """The best of TRIALS random configurations on each of some functions, expected, in the same deviations."""
    found = []
    for i, score in enumerate(unseen):
        drawn = _drawn(taught.grid_, score, i)
        bests = drawn[: len(drawn) // TRIALS * TRIALS].reshape(-1, TRIALS).min(axis=1)
        found.append(float((bests.mean() - drawn.mean()) / drawn.std()))
    return found


def _drawn(grid: Grid, score: Score, seed: int) -> Floats:
    """Values of random configurations."""
    return score(grid.encode(grid.sample(np.random.default_rng(seed), 500)))


def _trials(
    taught: "RecurrentOptimizer", score: Score, trials: int, rng: np.random.Generator, *, deaf: bool = False
) -> tuple[Floats, Floats]:
    """Encoded trials (trials, d) and their values; a deaf optimizer was told random numbers in place of them."""
    X, values, told = np.zeros((0, len(taught.grid_.encoder.columns))), np.zeros(0), np.zeros(0)
    for _ in range(trials):
        row = taught.propose(X, told, rng)
        X = np.vstack([X, taught.grid_.encode(row[None])])
        values = np.append(values, score(X[-1:]))
        told = np.append(told, rng.normal() if deaf else values[-1])
    return X, values


def _search(make: Make, grid: Grid, k: int, seed: int) -> Ranked:
    return make().search(Problem(network(grid, seed), grid), k, np.random.default_rng(seed))


def _all(grid: Grid, score: Score) -> tuple[Levels, Floats]:
    L = grid.levels_at(np.arange(grid.size))
    return L, score(grid.encode(L))
