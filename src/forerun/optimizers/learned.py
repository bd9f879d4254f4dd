"""A learned rule as an ordinary `torch.optim.Optimizer`.

optimizer = Learned(model.parameters())            # nothing to tune
loss.backward()
optimizer.step()
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from forerun.errors import FormatError, SettingsError
from forerun.optimizers.moments import Moments
from forerun.optimizers.rule import SMALLEST, SPREAD, STEP, State
from forerun.optimizers.saved import Trained, load

BLOCK = 1 << 15
"""Coordinates that are told about at once: what lies between stays in a processor's cache."""


class Learned(Optimizer):
    """Trains any parameters by a learned rule.

    `rule` is the name of one that comes with forerun, the folder of one that was saved, or a rule.
    `lr` (at least 0, default 1) multiplies the update, so that torch's schedulers work; the rule has a schedule of its
    own. `weight_decay` (at least 0) is decoupled (Loshchilov & Hutter, ICLR 2019), at the step that the rule starts
    from (`rule.STEP` sizes of the parameters) times `lr`. A parameter without a gradient is left alone. All parameters
    must be on one device; what is computed of them is float32. Raises SettingsError for a name that is no rule, or
    options out of range.
    """

    def __init__(
        self, params: ParamsT, rule: str | Path | Trained = "mlp", *, lr: float = 1.0, weight_decay: float = 0.0
    ) -> None:
        for option, value in (("lr", lr), ("weight_decay", weight_decay)):
            if not value >= 0:
                raise SettingsError(f"{option} of a learned optimizer must be at least 0; got {value}")
        self.trained = rule if isinstance(rule, Trained) else load(rule)
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "form": self.trained.rule.form})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from another's state. Raises FormatError for that of another form."""
        own = self.trained.rule.form
        for group in state_dict["param_groups"]:
            if group.get("form") != own:
                raise FormatError(f"the state must be of a learned optimizer {own!r}; got {group.get('form')!r}")
        super().load_state_dict(state_dict)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move the parameters by one step; a closure is called once, before it, and its loss returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        moving = [(p, group) for group in self.param_groups for p in group["params"] if p.grad is not None]
        for parameter, _ in moving:
            if not self.state[parameter]:
                self._begin(parameter)
        # sorting is stable; parameters that joined later have an earlier time of their own
        moving.sort(key=lambda pair: int(self.state[pair[0]]["step"]))
        for _, together in groupby(moving, key=lambda pair: int(self.state[pair[0]]["step"])):
            self._move(list(together))
        return loss

    def _begin(self, parameter: Tensor) -> None:
        if parameter.is_complex() or parameter.grad.is_sparse:  # type: ignore[union-attr]
            raise SettingsError(
                "parameters of a learned optimizer must be real, with dense gradients; "
                f"got a {parameter.dtype} of shape {tuple(parameter.shape)}. Give it to another optimizer"
            )
        state, begun = self.state[parameter], self.trained.rule.begin(parameter.flatten()[None].float())
        # a tensor on the processor, as torch's own optimizers keep it, and float, so that nothing casts it
        state["step"] = torch.tensor(0.0)
        state["momenta"], state["squares"] = begun.moments.momenta, begun.moments.squares
        state["hidden"], state["size"] = begun.hidden, parameter.abs().float().mean()

    def _move(self, moving: list[tuple[Tensor, dict[str, Any]]]) -> None:
        """One step of parameters that have made as many."""
        states = [self.state[p] for p, _ in moving]
        moments = Moments(
            torch.cat([s["momenta"] for s in states], dim=2).float(),  # load_state_dict casts it
            torch.cat([s["squares"] for s in states], dim=2).float(),
            int(states[0]["step"]),
        )
        sizes = [p.numel() for p, _ in moving]
        state = State(moments, self._size(states, sizes), torch.cat([s["hidden"] for s in states], dim=2).float())
        gradient = torch.cat([p.grad.flatten() for p, _ in moving])[None].float()  # type: ignore[union-attr]
        rule, flat = self.trained.rule, self.trained.weights.to(gradient.device)
        update = rule.update(rule.views(flat), state, gradient, block=BLOCK)
        pieces = zip(
            *(torch.split(t, sizes, dim=-1) for t in (update, moments.momenta, moments.squares, state.hidden)),
            strict=True,
        )
        for (parameter, group), own, (piece, momenta, squares, hidden) in zip(moving, states, pieces, strict=True):
            own["step"] += 1
            own["momenta"], own["squares"], own["hidden"] = momenta, squares, hidden
            if group["weight_decay"]:
                parameter.mul_(1 - group["lr"] * STEP * state.size[0, 0] * group["weight_decay"])
            parameter.add_(piece.view_as(parameter), alpha=group["lr"])

    def _size(self, states: list[dict[str, Any]], counts: list[int]) -> Tensor:
        """Size (1, 1) of all parameters at the beginning."""
        own = torch.stack([s["size"].float() for s in states])
        return (SPREAD * (own @ own.new_tensor(counts)) / sum(counts)).clamp_min(SMALLEST).view(1, 1)
