"""What a score can say of itself, so that its best configuration is found without enumerating a space.

The encoding x (d,) of a configuration is a sum of one table row per axis (see `grid`), so every affine map
of it is one too. A score of this kind is known everywhere once it is known on the rows:

    Additive     f(x) = A_m(max(0, ... max(0, A_1(x)) ...)), affine maps with ReLU units between
    Quadratic    f(x) = z Q z + q z + c, z = x A + a

Both are optional talents; lower is better.
"""

from typing import Protocol, runtime_checkable

from forerun.space.domains import Floats

Layers = list[tuple[Floats, Floats]]
"""Affine maps (weights (inputs, outputs), offsets (outputs,)), first to last."""


@runtime_checkable
class Additive(Protocol):
    """A score whose mean is a small ReLU network over a sum of tables."""

    def layers(self) -> Layers:
        """Affine maps with max(0, .) between each two.

        The first one's inputs are encoded configurations, the last one has one output: the mean.
        """
        ...


@runtime_checkable
class Quadratic(Protocol):
    """A score with a term for every pair of axes."""

    def quadratic(self) -> tuple[tuple[Floats, Floats], Floats, Floats, float]:
        """((A, a), Q, q, c): A (d, s) and a (s,) of z = X @ A + a, symmetric Q (s, s), q (s,) and c.

        The score of z is z @ Q @ z + q @ z + c.
        """
        ...
