"""REINFORCE: a policy draws configurations, and makes likelier what scores well.

Williams 1992; Zoph and Le, ICLR 2017. Batch by batch: draw rows, score them, turn the scores into rewards whose mean
over the batch is the baseline, and climb the gradient of the expected reward with a bonus for entropy. When the policy
hardly varies any more, or nothing better came for long, another one begins. Nothing is proven.

Of a batch the best TOP are rewarded, all alike (Petersen et al., "Deep symbolic regression: recovering mathematical
expressions from data via risk-seeking policy gradients", ICLR 2021): a policy is judged by the best that it finds and
not by what it draws on average. So the unit of a score does not matter, and what is forbidden is as bad as the worst.
"""

from dataclasses import dataclass

import numpy as np

from forerun.search.base import Floats, Problem, Ranked, SearchStrategy
from forerun.search.policy.controllers import Controller, Independent
from forerun.search.policy.layout import Layout
from forerun.search.policy.scoring import Scorer

TOP = 0.05
"""Share of a batch."""
AGAIN = 5
"""As often as this, every candidate of a small space may be scored."""


@dataclass
class Reinforce(SearchStrategy):
    """Each axis has probabilities of its own."""

    batch: int = 2048
    rate: float = 0.05
    """Of Adam, on logits."""
    entropy: float = 0.05
    """Weight of the bonus."""
    patience: int = 50
    """Batches without anything better, after which a policy is given up."""
    settled: float = 0.5
    """So is one that has fewer bits to choose."""
    limit: int = 1_000_000
    """Stop when this many candidates were scored."""

    def search(self, problem: Problem, m: int, rng: np.random.Generator) -> Ranked:
        """Return the m best rows among all that were drawn, or handed in to start from."""
        scorer, layout = Scorer(problem, m), Layout(problem.grid)
        if problem.starts is not None:
            scorer.board.score(problem.starts)
        limit = min(self.limit, AGAIN * problem.grid.size)
        while scorer.board.scored < limit:
            self._run(scorer, self._controller(layout, rng), limit)
        return scorer.board.ranked(proven=False)

    def _controller(self, layout: Layout, rng: np.random.Generator) -> Controller:
        return Independent(layout, rng, rate=self.rate, entropy=self.entropy)

    def _run(self, scorer: Scorer, policy: Controller, limit: int) -> None:
        """Train one policy until it is given up."""
        best, stale = np.inf, 0
        while stale < self.patience and scorer.board.scored < limit:
            rows = policy.draw(self.batch)
            scores = scorer.score(rows)
            stale = 0 if scores.min() < best else stale + 1
            best = min(best, float(scores.min()))
            if policy.learn(rows, advantages(scores)) < self.settled:
                break


@dataclass
class ReinforceRecurrent(Reinforce):
    """Each axis knows the choices before it."""

    batch: int = 256
    rate: float = 0.01
    limit: int = 50_000

    def _controller(self, layout: Layout, rng: np.random.Generator) -> Controller:
        from forerun.search.policy.recurrent import Recurrent

        return Recurrent(layout, rng, rate=self.rate, entropy=self.entropy)


def advantages(scores: Floats) -> Floats:
    """Rewards (n,) of scores (n,), lower is better: 1 for the best TOP of them, with mean 0 and deviation 1."""
    bar = np.partition(scores, int(TOP * len(scores)))[int(TOP * len(scores))]
    rewards = (scores <= bar) & np.isfinite(scores)
    return np.asarray((rewards - rewards.mean()) / max(rewards.std(), 1e-9))
