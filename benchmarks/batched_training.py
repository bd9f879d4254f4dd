"""How many more small networks a second train as one stack than one by one, with equal results?

    python benchmarks/batched_training.py [--json OUT] [--groups 1 5 20 50] [--repeats 3]

Three ways to train the same networks on the same data, on one thread:

    one by one   `Mlp.train`, a stack of one after the other
    stacked      `Mlp.train_many`, what forerun does (`baddbmm` over parameters (B, P))
    torch.func   the same loop with `vmap(grad(...))` of one network's loss, per-member random
                 numbers drawn alike; written here only, to know what it would cost

`difference` is the largest difference between any two validation losses of the same network in the same
epoch, one by one against stacked. Times are processor seconds of the one thread (wall
clock seconds on an idle machine), the best of the repeats.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as torch names it everywhere

from forerun.learners.base import Outcome
from forerun.learners.joint import default_configuration
from forerun.learners.mlp import Mlp, _Stack
from forerun.learners.network import Architecture
from forerun.learners.stacked import _learning_rates, _optimizers
from forerun.tasks import Task, builtin_task


def configurations(n: int, epochs: int) -> list[dict[str, Any]]:
    """Return n training settings of one architecture (two layers of 64), dropout and three optimizers included."""
    rng = np.random.default_rng(0)
    base = default_configuration("mlp", "multiclass") | {"mlp.epochs": epochs}
    found = []
    for i in range(n):
        own = {
            "mlp.optimizer": ("sgd", "adam", "adamw")[i % 3],
            "mlp.learning_rate": float(10 ** rng.uniform(-3.5, -1.5)),
            "mlp.dropout": float(rng.uniform(0, 0.5)),
        }
        momentum = {"mlp.momentum": 0.9} if own["mlp.optimizer"] == "sgd" else {}
        found.append({**base, **own, **momentum})
    return found


def one_by_one(settings: list[dict[str, Any]], task: Task) -> list[Outcome]:
    """Train each alone."""
    return [Mlp().train(c, task, seed=i) for i, c in enumerate(settings)]


def stacked(settings: list[dict[str, Any]], task: Task) -> list[Any]:
    """Train all at once."""
    return Mlp().train_many(settings, task, list(range(len(settings))))


def with_torch_func(settings: list[dict[str, Any]], task: Task) -> Tensor:
    """Train all at once by `vmap`; returns the parameters."""
    settings = sorted(settings, key=lambda c: c["mlp.optimizer"])
    stack = _Stack(settings, task, list(range(len(settings))))
    rows, members = stack.rows, stack.members
    architecture = Architecture(rows.X.shape[1], max(len(task.classes), 2), (64, 64), "relu", "none", residual=False)
    generators = [torch.Generator().manual_seed(m.seed) for m in members]
    flat = architecture.initial(generators)
    optimizers = _optimizers(members, flat)
    rates = torch.tensor([[m.dropout] for m in members])
    b, epochs = settings[0]["mlp.batch_size"], settings[0]["mlp.epochs"]
    steps = len(rows.X) // b
    learning_rates = _learning_rates(members, epochs * steps)

    def loss_of_one(own: Tensor, X: Tensor, y: Tensor, masks: Tensor) -> Tensor:
        p = {name: view[0] for name, view in architecture.views(own[None]).items()}
        h = torch.relu(X @ p["weight_0"] + p["bias_0"]) * masks[0]
        h = torch.relu(h @ p["weight_1"] + p["bias_1"]) * masks[1]
        return F.cross_entropy(h @ p["weight_2"] + p["bias_2"], y)

    gradients_of = torch.func.vmap(torch.func.grad(loss_of_one))
    for epoch in range(epochs):
        order = torch.stack([torch.randperm(len(rows.X), generator=g) for g in generators])
        for step in range(steps):
            chosen = order[:, step * b : (step + 1) * b]
            drawn = torch.stack([torch.rand(2, b, 64, generator=g) for g in generators])
            masks = (drawn >= rates[:, :, None, None]).float() / (1 - rates[:, :, None, None])
            gradient = gradients_of(flat, rows.X[chosen], rows.y[chosen], masks)
            for part, optimizer in optimizers:
                optimizer.step(flat[part], gradient[part], learning_rates[epoch * steps + step][part])
    return flat


def best_time(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the shortest of several times in seconds, and what the work returned."""
    times, result = [], None
    for _ in range(repeats):
        started = time.process_time()
        result = work()
        times.append(time.process_time() - started)
    return min(times), result


def measure(group: int, task: Task, epochs: int, repeats: int) -> dict[str, float]:
    """Return trainings a second of the three ways for a group of networks, and the largest difference."""
    settings = configurations(group, epochs)
    alone_s, alone = best_time(lambda: one_by_one(settings, task), repeats)
    together_s, together = best_time(lambda: stacked(settings, task), repeats)
    func_s, _ = best_time(lambda: with_torch_func(settings, task), repeats)
    difference = max(
        float(np.abs(np.array(a.curve) - np.array(b.curve)).max()) for a, b in zip(alone, together, strict=True)
    )
    return {
        "group": group,
        "one_by_one": group / alone_s,
        "stacked": group / together_s,
        "torch_func": group / func_s,
        "speedup": alone_s / together_s,
        "difference": difference,
    }


def main() -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description="batched against one by one training of small networks")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 5, 20, 50])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--task", default="digits")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = builtin_task(options.task)
    print(f"{task.name}: {len(task.train)} rows, {len(task.columns)} columns, {options.epochs} epochs of 32 rows")
    print(
        f"{'group':>5} {'one by one/s':>13} {'stacked/s':>10} {'torch.func/s':>13} {'speed-up':>9} {'difference':>11}"
    )
    rows = []
    for group in options.groups:
        row = measure(group, task, options.epochs, options.repeats)
        rows.append(row)
        print(
            f"{group:>5} {row['one_by_one']:>13.1f} {row['stacked']:>10.1f} {row['torch_func']:>13.1f}"
            f" {row['speedup']:>8.1f}x {row['difference']:>11.1e}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps({"task": task.name, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
