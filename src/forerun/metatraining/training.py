"""Meta-training: Adam on the weights of a rule, along outer gradients, first truncated and then persistent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from forerun.metatraining.outer import OUTER, Outer
from forerun.metatraining.problems import Table, draw
from forerun.optimizers import RULES, Trained
from forerun.tasks import builtin_tasks

FAMILIES = (
    *("cancer", "elnino", "engel", "grunfeld", "interest_inflation", "iris", "macrodata"),
    *("seattle_temps", "seattle_weather", "sf_temps", "star98"),
)
"""Of built-in data sets, to practise on; what is reported is measured on others (docs/learned-optimizer.md)."""


@dataclass(frozen=True)
class Settings:
    """Of a meta-training."""

    form: str = "mlp"
    units: int = 8
    truncated: int = 400
    """Outer steps along truncated gradients, which come first: with little noise and some bias."""
    persistent: int = 500
    """Outer steps along persistent evolution strategies: with much noise and no bias."""
    truncated_rate: float = 5e-3
    persistent_rate: float = 1e-3
    """Of Adam, each falling to zero by a cosine."""
    seed: int = 0


def tables(families: Sequence[str] = FAMILIES) -> list[Table]:
    """The training parts of all built-in tasks of some families."""
    tasks = [make() for make in builtin_tasks().values()]
    return [Table.of(task) for task in tasks if task.family in families]


def meta_train(
    practised: Sequence[Table],
    settings: Settings,
    *,
    watch: Callable[[int, Trained], None] | None = None,
    progress: bool = False,
) -> Trained:
    """Train a rule. `watch` is called with the number of outer steps and the rule so far, after every hundred.

    The same settings, tables and version of torch give the same weights.
    """
    rule, rng = RULES[settings.form](settings.units), np.random.default_rng(settings.seed)
    weights = rule.initial(torch.Generator().manual_seed(settings.seed))
    made: dict[str, Any] = {**asdict(settings), "families": sorted({t.family for t in practised})}
    done = 0
    for name in OUTER:
        steps, rate = getattr(settings, name), getattr(settings, f"{name}_rate")
        outer = OUTER[name](rule, partial(draw, practised, rng), rng)
        path = _descend(outer, weights, steps, rate)
        for reached in tqdm(path, name, steps, disable=not progress, mininterval=30):
            weights, done = reached, done + 1
            if watch is not None and done % 100 == 0:
                watch(done, Trained(rule, weights, made))
    return Trained(rule, weights, made)


def _descend(outer: Outer, weights: Tensor, steps: int, rate: float) -> Iterator[Tensor]:
    """Yield the weights after each of some steps of Adam."""
    leaf = weights.clone()
    adam = torch.optim.Adam([leaf], lr=rate, betas=(0.9, 0.99))
    usual = None
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate * (1 + cos(pi * step / steps)) / 2
        gradient, _ = outer.gradient(leaf)
        # tails are heavy: no estimate counts more than the usual one
        norm = gradient.norm().item()
        usual = norm if usual is None else 0.95 * usual + 0.05 * min(norm, 3 * usual)
        leaf.grad = gradient * min(1.0, usual / max(norm, 1e-30))
        adam.step()
        yield leaf.clone()
