"""Training one architecture from scratch."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

from forerun.learners.architectures.architecture import Architecture

LEAST_STEPS = 10
"""In an epoch: small data sets are learned in smaller batches."""

SHARPNESS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Factors that turn regressed classes into logits."""
RIDGE = 3e-3
"""Penalty on the weights of a head that is fitted anew, in mean squares of the features."""

Watch = Callable[[int, Tensor], None]
"""Called once an epoch with the epoch (from 1) and the validation scores (n, outputs)."""


@dataclass(frozen=True)
class Recipe:
    """AdamW with a cosine schedule."""

    epochs: int = 12
    batch_size: int = 128
    """At most, see LEAST_STEPS."""
    learning_rate: float = 0.01
    weight_decay: float = 0.01


@dataclass(frozen=True)
class Rows:
    """What networks learn from, and are watched on."""

    X: Tensor
    """(n, ...)."""
    y: Tensor
    """(n,) class codes (int64), or standardised targets (float32)."""
    X_validation: Tensor
    y_validation: Tensor
    weights: Tensor | None
    """(classes,) of the classes; None for regression."""

    def loss(self, scores: Tensor, y: Tensor) -> Tensor:
        """Weighted cross entropy, or the mean squared error of standardised targets."""
        if self.weights is None:
            return F.mse_loss(scores[:, 0], y)
        return F.cross_entropy(scores, y, self.weights)

    def distilled(self, scores: Tensor, teacher: Tensor) -> Tensor:
        """How far scores are from the teacher's: cross entropy with its probabilities, or squared error."""
        if self.weights is None:
            return F.mse_loss(scores, teacher)
        return F.cross_entropy(scores, teacher.softmax(dim=1))


def initial(shapes: Mapping[str, tuple[int, ...]], generator: torch.Generator) -> dict[str, Tensor]:
    """Draw weights with variance 1 / inputs (LeCun et al. 1998); gains are one, biases and shifts zero.

    What a layer adds to a residual stream ('added') starts at zero, too (Goyal et al. 2017).
    """
    found = {}
    for name, shape in shapes.items():
        if len(shape) == 1 or name.startswith("added"):
            found[name] = torch.ones(shape) if name.startswith("gain") else torch.zeros(shape)
        else:
            bound = (3 / max(torch.Size(shape[1:]).numel(), 1)) ** 0.5
            found[name] = torch.empty(shape).uniform_(-bound, bound, generator=generator)
    return {name: p.requires_grad_() for name, p in found.items()}


def refitted_head(features: Tensor, rows: Rows) -> dict[str, Tensor]:
    """The linear head that ridge regression fits to features (m, w) of the first m training rows.

    One head cannot serve all architectures, and the best one for each is a closed form away. Classes are regressed as
    one-hot targets, every class weighing the same, and the temperature of their softmax is the likeliest of a few.
    """
    m, y = len(features), rows.y[: len(features)]
    Phi = torch.cat([features.double(), torch.ones(m, 1, dtype=torch.float64)], dim=1)
    if rows.weights is None:
        target, weights = y.double()[:, None], torch.ones(m, 1, dtype=torch.float64)
    else:
        target, weights = F.one_hot(y, len(rows.weights)).double(), rows.weights[y].double()[:, None]
    gram = Phi.T @ (weights * Phi)
    gram += RIDGE * gram.trace() / len(gram) * torch.eye(len(gram), dtype=torch.float64)
    solved = torch.linalg.solve(gram, Phi.T @ (weights * target)).float()
    if rows.weights is not None:
        said = (Phi @ solved.double()).float()
        solved *= min(SHARPNESS, key=lambda sharp: float(F.cross_entropy(sharp * said, y, rows.weights)))
    return {"weight_head": solved[:-1].T.contiguous(), "bias_head": solved[-1]}


def train_alone(
    architecture: Architecture, rows: Rows, recipe: Recipe, epochs: int, *, seed: int, watch: Watch
) -> dict[str, Tensor]:
    """Train one architecture from scratch; return its parameters.

    As where weights are inherited, the head is fitted anew at the end of every epoch: narrow networks would else be
    judged by how slowly their heads learn. It is watched, and the last one is returned; the gradients have their own.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = found = initial(architecture.shapes, generator)
    for epoch, batches in epochs_of(parameters, rows, recipe, epochs, generator):
        for chosen in batches:
            rows.loss(architecture.scores(parameters, rows.X[chosen]), rows.y[chosen]).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            found = {name: p.detach() for name, p in parameters.items()}
            found |= refitted_head(architecture.features(found, rows.X), rows)
            watch(epoch, architecture.scores(found, rows.X_validation))
    return found


def epochs_of(
    parameters: dict[str, Tensor],
    rows: Rows,
    recipe: Recipe,
    epochs: int,
    generator: torch.Generator,
    *,
    turns: int = 1,
) -> Iterator[tuple[int, Iterator[Tensor]]]:
    """Epochs from 1, each with its mini-batches; gradients that a batch leaves behind are stepped down.

    Each mini-batch comes in so many turns, with a step after every one.
    The parameters of the dictionary become views of one vector: a step then costs the same for any number of them.
    """
    n = len(rows.X)
    b = max(1, min(recipe.batch_size, n // LEAST_STEPS))
    flat = _as_views(parameters)
    optimizer = torch.optim.AdamW([flat], lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (n // b) * turns)

    def batches() -> Iterator[Tensor]:
        # a last mini-batch that is not full is left out, every epoch another one
        for chosen in torch.randperm(n, generator=generator)[: n // b * b].view(-1, b):
            for _ in range(turns):
                yield chosen
                torch.nn.utils.clip_grad_norm_([flat], 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=False)  # the parameters' gradients are views of it
                schedule.step()

    for epoch in range(1, epochs + 1):
        yield epoch, batches()


def _as_views(parameters: dict[str, Tensor]) -> Tensor:
    """Lay parameters out in one vector with one gradient, of which they and their gradients become views."""
    flat = torch.cat([p.detach().flatten() for p in parameters.values()]).requires_grad_()
    flat.grad = torch.zeros_like(flat)
    sizes = [p.numel() for p in parameters.values()]
    parts = (torch.split_with_sizes(vector, sizes) for vector in (flat.detach(), flat.grad))
    for (name, p), own, gradient in zip(list(parameters.items()), *parts, strict=True):
        parameters[name] = own.view(p.shape).requires_grad_()
        parameters[name].grad = gradient.view(p.shape)
    return flat
