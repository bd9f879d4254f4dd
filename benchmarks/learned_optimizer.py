"""Learned optimizers against Adam, AdamW and SGD with momentum, each at the best of seven learning rates a task.

    python benchmarks/learned_optimizer.py --json OUT                    everything, about 15 minutes on one core
    python benchmarks/learned_optimizer.py --json OUT --only overhead    some sections
    python benchmarks/learned_optimizer.py --json OUT --quick            one small case, in seconds
    python benchmarks/learned_optimizer.py --json OUT --development --rules DIR mlp    how settings were chosen
    python benchmarks/learned_optimizer.py --json OUT --figures DIR      draws the result in OUT; nothing is measured

Data sets and networks are those of `optimized/cases.py`, which no rule practised on. docs/learned-optimizer.md tells
what came out. One thread; progress goes to standard error.
"""

import argparse
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from forerun.metatraining import Table
from forerun.optimizers import RULES
from forerun.tasks import builtin_task
from optimized import figures, summary, unseen
from optimized.cases import DEVELOPMENT, REPORTED, SHAPES, TASKS
from optimized.measure import Contender, curves, tuned
from optimized.overhead import overhead
from searching.tell import tell

Cases = Sequence[tuple[str, str]]
"""Task and network."""
Known = Mapping[str, Any]
"""What was measured before, by case."""
SECTIONS = ("losses", "long", "overhead")
SHOWN = (0, 5, 10, 15, 20, 30, 40, 60, 80, 100, 120, 140, 160, 180, 200)
"""Steps after which losses on all training rows are taken."""
LONG = tuple(range(0, 2_001, 50))


def measured(task: str, shape: str, rules: Sequence[str], seeds: int, shown: Sequence[int]) -> dict[str, Any]:
    """Losses of every optimizer, learning rate and seed on one data set with one network, on rows seen and unseen."""
    made = builtin_task(task)
    tables = [Table.of(made, part) for part in (made.train, made.validation, made.test)]
    contenders = [*tuned(), *(Contender("learned", rule=rule) for rule in rules)]
    found = curves(tables, SHAPES[shape].architecture(tables[0]), contenders, range(seeds), shown).tolist()
    case: dict[str, Any] = {"family": made.family, "blind": tables[0].blind, "shown": list(shown)}
    case |= _named(found[0], rules) | {"unseen": [_named(losses, rules) for losses in found[1:]]}
    best = {name: f"{loss:.4f} at {rate:g}" for name, (rate, loss) in summary.best_tuned(case).items()}
    ours = {rule: f"{sum(losses[-1] for losses in case['learned'][rule]) / seeds:.4f}" for rule in rules}
    tell(f"  {task}, {shape}: {ours}; tuned {best}; blind {tables[0].blind:.4f}")
    return case


def _named(found: Sequence[Any], rules: Sequence[str]) -> dict[str, Any]:
    """Losses on a part of a data set, by what trained: optimizers with their learning rates, then rules."""
    others = tuned()
    return {
        "tuned": [(c.optimizer, c.rate, losses) for c, losses in zip(others, found, strict=False)],
        "learned": dict(zip(rules, found[len(others) :], strict=True)),
    }


def losses(cases: Cases, rules: Sequence[str], seeds: int, last: int, known: Known) -> Iterator[dict[str, Any]]:
    """The first steps, and what they add up to."""
    shown, found = [step for step in SHOWN if step <= last], dict(known)
    for task, shape in cases:
        if f"{task}/{shape}" not in found:
            found[f"{task}/{shape}"] = measured(task, shape, rules, seeds, shown)
        told = {rule: summary.compared(found, rule) for rule in rules}
        yield {"cases": found, "summary": told, "fixed": summary.fixed(found), "unseen": unseen.compared(found)}


def long(cases: Cases, rules: Sequence[str], seeds: int, last: int, known: Known) -> Iterator[dict[str, Any]]:
    """Ten times as many steps; the learned ones alone."""
    shown, found = [step for step in LONG if step <= last], dict(known)
    for task, shape in cases:
        if f"{task}/{shape}" not in found:
            table = Table.of(builtin_task(task))
            contenders = [Contender("learned", rule=rule) for rule in rules]
            reached = curves([table], SHAPES[shape].architecture(table), contenders, range(seeds), shown)[0]
            reached /= table.blind
            found[f"{task}/{shape}"] = {"shown": shown, "relative": dict(zip(rules, reached.tolist(), strict=True))}
            tell(
                f"  {task}, {shape}: {dict(zip(rules, reached[:, :, -1].mean(axis=1).round(4).tolist(), strict=True))}"
            )
        yield {"cases": found, "summary": {rule: summary.stability(found, rule) for rule in rules}}


def sections(given: argparse.Namespace, found: dict[str, Any]) -> dict[str, Callable[[], Iterable[Any]]]:
    """What each section does, in the size that is asked for; what is known already is not measured again."""
    cases, rules, seeds = DEVELOPMENT if given.development else REPORTED, given.rules, given.seeds
    first, more = (found.get(name, {}).get("cases", {}) for name in ("losses", "long"))
    if given.quick:
        tiny = (("barley_yield", "wide"),)
        return {
            "losses": lambda: losses(tiny, rules, 1, 20, first),
            "long": lambda: long(tiny, rules, 1, 100, more),
            "overhead": lambda: [overhead((8,), 2)],
        }
    return {
        "losses": lambda: losses(cases, rules, seeds, SHOWN[-1], first),
        "long": lambda: long(cases[len(TASKS) - 4 : len(TASKS)], rules, min(seeds, 2), LONG[-1], more),
        "overhead": lambda: [overhead()],
    }


def main() -> None:
    """Measure, or draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--json", type=Path, required=True, metavar="OUT", help="the result; one that is there is added to"
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--rules", nargs="+", default=list(RULES), help="learned optimizers: names or folders")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--development", action="store_true", help="on the data sets that settings were chosen on")
    parser.add_argument("--quick", action="store_true", help="one small case")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the result in OUT; nothing is measured")
    given = parser.parse_args()
    found = json.loads(given.json.read_text()) if given.json.is_file() else {}
    if given.figures:
        figures.draw(found, given.figures)
        return
    torch.set_num_threads(1)
    found["machine"] = {
        "processor": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    for name, work in sections(given, found).items():
        if name in given.only:
            tell(name)
            for found[name] in work():
                given.json.write_text(json.dumps(found) + "\n")  # also what came so far, should it be stopped


if __name__ == "__main__":
    main()
