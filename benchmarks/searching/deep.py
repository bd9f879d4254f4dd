"""Two hidden layers: no meta-learner of the project has them, so they are trained here, on the same history.

The inputs are those of the meta-learner `Network`: components of the encoded configuration, and task coordinates.
Nothing is adapted to the trials of a task. The penalty is the one of `metalearners.gap`, for both layers: boxes of
the second one come from those of the first by interval arithmetic.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch

from forerun.checks.search import Layered
from forerun.metadata import MetaDataset
from forerun.metalearners.body import task_coordinates
from forerun.metalearners.components import Components
from forerun.metalearners.gap import Boxes
from forerun.metalearners.shallow import EVERY, Settings
from forerun.space import Floats, Layers
from searching.networks import cases, unseen
from searching.threads import one_thread_each

EPOCHS = 20
RATE = 0.01


def two_layers(meta: MetaDataset, widths: tuple[int, int], count: int, gap: float = 0.0) -> Iterator[Layered]:
    """Networks of these widths, one for each case; `gap` is the weight of the penalty."""
    for group in cases(count):
        known = unseen(meta, group)
        inputs, tasks = Components.fit(known.X, 64), task_coordinates(known, Settings())
        with one_thread_each():
            maps = _trained(known, inputs, tasks.cut(known.features)[known.task], widths, gap=gap, seed=group[0].seed)
        for case in group:
            yield _folded(maps, inputs, tasks.cut(case.context(meta).features[None])[0])


def _trained(
    known: MetaDataset, inputs: Components, C: Floats, widths: tuple[int, int], *, gap: float, seed: int
) -> Layers:
    """Affine maps of [components, C] fitted to the targets by Adam, as the meta-learners' own networks are."""
    torch.manual_seed(seed)
    data = torch.from_numpy(np.hstack([inputs.of(known.X), C]).astype(np.float32))
    scale, target = data.std(dim=0).clamp_min(0.1), torch.from_numpy(known.y.astype(np.float32))
    data /= scale
    seen = Components(inputs.center, inputs.axes / scale[: inputs.size].numpy())
    boxes = Boxes.of(known.space, known.X, seen)
    linear = [torch.nn.Linear(i, o) for i, o in pairwise([data.shape[1], *widths, 1])]
    net = torch.nn.Sequential(linear[0], torch.nn.ReLU(), linear[1], torch.nn.ReLU(), linear[2])
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for step, rows in enumerate(torch.split(torch.randperm(len(data)), 1024)):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(net(data[rows])[:, 0], target[rows])
            if gap and step % EVERY == 0:
                loss = loss + EVERY * gap * _gap(boxes, linear)
            loss.backward()
            optimizer.step()
        schedule.step()
    maps = [(m.weight.detach().double().numpy().T, m.bias.detach().double().numpy()) for m in linear]
    return [(maps[0][0] / scale.double().numpy()[:, None], maps[0][1]), *maps[1:]]


def _gap(boxes: Boxes, linear: list[torch.nn.Linear]) -> torch.Tensor:
    """What chords are off by in both layers, each weighed by what hangs on it."""
    first, second, last = (m.weight.T for m in linear)
    rows, rest = boxes.rows @ first[: boxes.rows.shape[1]], boxes.rest @ first[: boxes.rows.shape[1]] + linear[0].bias
    low, high = (torch.segment_reduce(rows, end, lengths=boxes.levels, axis=0) for end in ("min", "max"))
    low, high = boxes.active @ low + rest, boxes.active @ high + rest
    found = _chords(low, high) @ (second.abs() @ last.abs())
    low, high = torch.relu(low), torch.relu(high)
    up, down = torch.relu(second), -torch.relu(-second)
    low, high = low @ up + high @ down + linear[1].bias, high @ up + low @ down + linear[1].bias
    return boxes.share @ (found + _chords(low, high) @ last.abs())[:, 0]


def _chords(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """How far chords of max(0, z) are above the kink, for z between low and high."""
    below, above = torch.relu(-low), torch.relu(high)
    return below * above / (below + above + 1e-9)


def _folded(maps: Layers, inputs: Components, coordinates: Floats) -> Layered:
    """The maps of encoded configurations (n, d) on a task with these coordinates."""
    weights, offset = maps[0]
    first = inputs.axes @ weights[: inputs.size]
    return Layered([(first, offset + coordinates @ weights[inputs.size :] - inputs.center @ first), *maps[1:]])
