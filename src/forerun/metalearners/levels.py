"""Heads for networks that adapt themselves: one for every size of context, honest about what the network has read.

Notation: k trials of a context, p basis functions, q task coordinates, S contexts that networks read at once.

A network that adapts itself to a target (`incontext`) brings basis functions that change with the context. The
`Head` learns how far they can be trusted, as it does of a network that does not adapt, with two differences:

    levels       what is left to doubt shrinks with the trials read, so there is a head for every size in SIZES,
                 learned from contexts of the history, by members that did not see the family
    left out     a network that has read a trial knows its result; of each trial of the context the head is told
                 what a network says that read the others (in PARTS, where there are many)

The head uses trials again that the network has used, and would doubt too little: its doubt is measured end to end,
on contexts of the history.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch

from forerun.metadata import LOSS, MetaDataset
from forerun.metadata.targets import WORST
from forerun.metalearners.adapted import Adapted
from forerun.metalearners.base import Context, Floats
from forerun.metalearners.body import Body
from forerun.metalearners.calibration import widening
from forerun.metalearners.episodes import Trials
from forerun.metalearners.head import Head
from forerun.metalearners.shallow import Ensemble

SIZES = (3, 9)
"""Of contexts; between two of them the smaller one's head is asked."""
PARTS = 8
"""A context is left out in so many parts at most."""
DRAWS = 2
"""Contexts of every size and task that heads are learned from; the first is adapted to end to end."""
QUERIES = 64
"""Other trials of the task that are predicted from each."""
AT_ONCE = 256
"""Networks that are made at once."""

Rows = npt.NDArray[np.int64]
Reading = Callable[[Trials], list[Ensemble]]
"""Makes the networks of S contexts."""
Make = Callable[[Floats, MetaDataset], Head]
"""Learns a head from the basis functions (n, p) of trials."""


class Told(NamedTuple):
    """A context as networks read it: as a whole first, then without each of its parts."""

    context: Context
    c: Floats
    """(q,)"""
    part: Rows
    """(k,) of each trial."""
    trials: Trials
    """S = 1 + parts of them, of k trials."""


class Voice(NamedTuple):
    """Whom to listen to: a body, and which of its members, -1 for all."""

    body: Body
    member: int = -1

    def basis(self, X: Floats, c: Floats, net: Ensemble | None = None) -> Floats:
        """Basis functions (n, p) of encoded configurations, of a network made for a context or the first one."""
        net = net or self.body.ensemble
        hidden = net.hidden(X, c)
        said = net.outputs(hidden)
        return self.body.join(said.mean(axis=1) if self.member < 0 else said[:, self.member], hidden)


class Draw(NamedTuple):
    """A context of a known task, and what is asked for."""

    voice: Voice
    """That did not see the task's family."""
    context: Context
    asked: Rows
    """Trials of the same task."""


@dataclass(frozen=True)
class Levels:
    """Heads by size of context; 0 is always there."""

    heads: dict[int, Head]

    @classmethod
    def fit(cls, body: Body, bag: Rows, meta: MetaDataset, read: Reading, make: Make) -> Self:
        """Learn from a canonical meta-dataset, of whose trials (n,) one member each knows nothing, -1 for none."""
        Phi = np.empty((len(meta), 2 + body.units.size))
        C = body.tasks.cut(meta.features)
        for t, rows in _tasks(meta):
            Phi[rows] = Voice(body, int(bag[rows[0]])).basis(meta.X[rows], C[t])
        found = cls({0: make(Phi, meta)})
        rng = np.random.default_rng(0)
        for size in SIZES:
            drawn = list(_draws(body, bag, meta, size, rng))
            if not drawn:
                break
            found = cls(found.heads | {size: found._level(drawn, meta, read, make)})
        return found

    def _level(self, drawn: list[Draw], meta: MetaDataset, read: Reading, make: Make) -> Head:
        told = [self.tell(draw.voice, draw.context) for draw in drawn]
        # of most only the whole is read
        nets = _read(read, [one.trials if i % DRAWS == 0 else one.trials.of(1) for i, one in enumerate(told)])
        rows = np.concatenate([draw.asked for draw in drawn])
        parts = zip(drawn, told, nets, strict=True)
        Phi = np.vstack([draw.voice.basis(meta.X[draw.asked], one.c, made[0]) for draw, one, made in parts])
        head = make(Phi, meta.of_rows(rows).of_tasks(np.unique(meta.task[rows])))
        head = replace(head, scales=self.heads[0].scales)
        ratios = []
        for draw, one, made in list(zip(drawn, told, nets, strict=True))[::DRAWS]:
            mean, std = condition(head, draw.voice, one, made).predict(meta.X[draw.asked])
            ratios.append(np.abs(meta.y[draw.asked] - mean) / std)
        return replace(head, temperature=head.temperature * widening(np.concatenate(ratios)))

    def adapt(self, body: Body, context: Context, read: Reading) -> tuple[Adapted, Ensemble]:
        """The surrogate of a context, and the network that was made for it."""
        voice = Voice(body)
        told = self.tell(voice, context)
        nets = read(told.trials)
        head = self.heads[max(size for size in self.heads if size <= len(told.context.y))]
        return condition(head, voice, told, nets), nets[0]

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """As `MetaLearner.state`."""
        states = {size: head.state() for size, head in self.heads.items()}
        arrays = {f"head{size}_{name}": a for size, (_, own) in states.items() for name, a in own.items()}
        return {str(size): settings for size, (settings, _) in states.items()}, arrays

    @classmethod
    def from_state(cls, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """The inverse of `state`."""
        heads = {}
        for size, own in settings.items():
            start = f"head{size}_"
            mine = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            heads[int(size)] = Head.from_state(own, mine)
        return cls(heads)

    def tell(self, voice: Voice, context: Context) -> Told:
        """Bring the results of a context into target units, by what was expected of them without any."""
        head = self.heads[0]
        c = voice.body.tasks.cut(context.features[None])[0]
        standard = head.scales.predict(context.features)
        if not standard.bent:  # a failed training says nothing about its time
            known = np.isfinite(context.y)
            context = Context(context.features, context.X[known], context.y[known])
        X, losses = context.X, context.y
        if len(losses):
            expected = head.adapt(
                lambda rows: voice.basis(rows, c), Context.empty(context.features, X.shape[1])
            ).predict(X)
            standard = head.scales.update(standard, losses, expected.mean, expected.std)
        told = standard.forward(losses)
        if standard.bent:
            # few results may place their unit badly; how good a result is, is cut where how bad it is ends
            told = np.maximum(told, -WORST)
        part = _parts(context)
        seen = np.arange(-1, part.max(initial=-1) + 1)[:, None] != part
        each = (voice.body.ensemble.inputs.of(X), told, np.isfinite(losses).astype(float))
        inputs, results, finished, coordinates = (torch.from_numpy(a).expand(len(seen), *a.shape) for a in (*each, c))
        trials = Trials(inputs, results, finished, torch.from_numpy(seen.astype(float)), coordinates, standard.bent)
        return Told(context, c, part, trials)


def condition(head: Head, voice: Voice, told: Told, nets: list[Ensemble]) -> Adapted:
    """The surrogate of a context that networks have read."""
    context, c = told.context, told.c
    left_out = np.empty((len(context.y), 2 + voice.body.units.size))
    for part, net in enumerate(nets[1:]):
        rows = told.part == part
        left_out[rows] = voice.basis(context.X[rows], c, net)
    adapted = head.adapt(lambda _: left_out, context)
    return replace(adapted, basis=lambda X: voice.basis(X, c, nets[0]))


def _parts(context: Context) -> Rows:
    """(k,) in which part each trial is left out; by its value, so that the order of trials does not matter."""
    k = len(context.y)
    order = np.lexsort((np.round(context.X @ np.cos(np.arange(context.X.shape[1])), 9), context.y))
    part = np.empty(k, dtype=np.int64)
    part[order] = np.arange(k) % max(min(k, PARTS), 1)
    return part


def _tasks(meta: MetaDataset) -> Iterator[tuple[int, Rows]]:
    """The tasks and their trials."""
    bounds = np.searchsorted(meta.task, np.arange(len(meta.tasks) + 1))
    for t, (start, stop) in enumerate(pairwise(bounds)):
        yield t, np.arange(start, stop)


def _draws(body: Body, bag: Rows, meta: MetaDataset, size: int, rng: np.random.Generator) -> Iterator[Draw]:
    """DRAWS contexts of every task that has more trials."""
    raw = meta.loss if meta.target == LOSS else meta.y
    for t, rows in _tasks(meta):
        for _ in range(DRAWS if len(rows) > size else 0):
            seen, asked = np.split(rng.permutation(rows)[: size + QUERIES], [size])
            context = Context(meta.features[t], meta.X[seen], raw[seen])
            yield Draw(Voice(body, int(bag[rows[0]])), context, asked)


def _read(read: Reading, told: list[Trials]) -> list[list[Ensemble]]:
    """The networks of several contexts of one size, many at once."""
    joined = Trials.joined(told)
    nets = [net for start in range(0, len(joined.c), AT_ONCE) for net in read(joined.of(AT_ONCE, start))]
    ends = np.cumsum([len(t.c) for t in told])
    return [nets[end - len(t.c) : end] for t, end in zip(told, ends, strict=True)]
