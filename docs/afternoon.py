"""A team's afternoon: from 30 experiments that nobody thought of again to a tuned model on new data.

    python docs/afternoon.py FOLDER          # all of it, nine minutes of a core's time; two are used
    python docs/afternoon.py FOLDER --small  # the same road, with next to nothing on it

Told in docs/afternoon.md. The training script (`afternoon_train.py`) knows MLflow and nothing of forerun; what forerun
sees of the past is the MLflow store alone.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# before NumPy is imported: one thread a training, for two trainings at a time
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import optuna
import pandas as pd
from afternoon_train import train

from forerun import ForerunSampler, History
from forerun.space import Integer, SearchSpace
from forerun.tasks.builtin import RECIPES

NEW = ("breast_cancer", "cars_mpg", "fair_affair")
"""Data sets that are held out; nothing of their families is in the past."""
SLOW = ("digits", "digits_lower_half", "digits_coarse", "anes96_party", "grunfeld_firm")
"""Left out of the past: many classes take long."""
LEAST_ROWS, MOST_ROWS = 60, 1000
FLAGS = {
    "learning_rate": "--learning-rate",
    "iterations": "--iterations",
    "leaves": "--leaves",
    "leaf_size": "--leaf-size",
    "l2": "--l2",
}


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    experiments: int = 30
    runs: int = 20
    new: int = 3
    seeds: int = 10
    trainings: int = 20
    budget: int = 8


SMALL = Size(experiments=3, runs=6, new=1, seeds=1, trainings=3, budget=1)


# -- the past ---------------------------------------------------------------------------------------


def write_data(folder: Path, size: Size) -> tuple[list[str], list[str]]:
    """Write the data sets as CSV files; returns the names of the past ones and of the new ones."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    new = list(NEW[: size.new])
    held_out = {RECIPES[name].family for name in NEW}
    past: list[str] = []
    for name in [n for n in RECIPES if RECIPES[n].family not in held_out and n not in SLOW] + new:
        frame = frame_of(name)
        if name not in new and (len(past) == size.experiments or len(frame) < LEAST_ROWS):
            continue
        past += [] if name in new else [name]
        frame.to_csv(folder / "data" / f"{name}.csv", index=False)
    return past, new


def frame_of(name: str) -> pd.DataFrame:
    """One data set, its target called so; classes are words, and rare ones are left out."""
    recipe = RECIPES[name]
    frame = recipe.load().rename(columns={recipe.target: "target"}).dropna(subset="target")
    if recipe.kind != "regression":
        frame["target"] = frame["target"].astype(str).radd("class ")
        frame = frame[frame.groupby("target")["target"].transform("size") >= 10]
    return frame.sample(min(len(frame), MOST_ROWS), random_state=0).reset_index(drop=True)


def habits(rng: np.random.Generator) -> dict[str, Any]:
    """What people who tune by hand and by luck try, to two digits."""
    return {
        "learning_rate": float(f"{10 ** rng.uniform(-2.3, 0):.2g}"),
        "iterations": round(10 ** rng.uniform(1, 2.18)),
        "leaves": round(2 ** rng.uniform(1, 6)),
        "leaf_size": round(2 ** rng.uniform(0, 6)),
        "l2": float(f"{10 ** rng.uniform(-3, 2):.2g}"),
    }


def train_in_the_past(folder: Path, names: list[str], size: Size) -> None:
    """One experiment a data set, as the script logs it."""
    import mlflow

    mlflow.set_tracking_uri(uri(folder))
    jobs = [(folder, n, habits(np.random.default_rng([i, k]))) for i, n in enumerate(names) for k in range(size.runs)]
    with ProcessPoolExecutor(2) as pool:
        losses = list(pool.map(loss_of, *zip(*jobs, strict=True), chunksize=10))
    for (_, name, configuration), loss in zip(jobs, losses, strict=True):
        mlflow.set_experiment(name)
        with mlflow.start_run():  # as `main` of the script does, without starting Python 600 times
            mlflow.log_params({"data": f"data/{name}.csv", "seed": 0, **configuration})
            mlflow.log_metric("val_loss", loss)


def loss_of(folder: Path, name: str, configuration: dict[str, Any], seed: int = 0) -> float:
    """Train once."""
    return train(pd.read_csv(folder / "data" / f"{name}.csv"), seed, **configuration)


def uri(folder: Path) -> str:
    """Of the team's MLflow store."""
    return f"sqlite:///{folder}/team.db"


# -- the afternoon ----------------------------------------------------------------------------------


def forerun(folder: Path, *arguments: str) -> str:
    """Type a command; returns what it said."""
    print("$ forerun " + " ".join(arguments), flush=True)
    command = [sys.executable, "-m", "forerun.cli", *arguments]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def tune(folder: Path, name: str, budget: int) -> str:
    """`forerun tune` on new data."""
    placeholders = [text for domain, flag in FLAGS.items() for text in (flag, f"{{{domain}}}")]
    program = [sys.executable, "train.py", f"data/{name}.csv", *placeholders]
    options = ["--history", "history", "--name", f"tune-{name}", "--budget", str(budget), "--parallel", "2"]
    return forerun(folder, "tune", *options, "--", *program)


# -- what it was worth ------------------------------------------------------------------------------


def losses_of(sampler: optuna.samplers.BaseSampler, folder: Path, name: str, seed: int, trainings: int) -> list[float]:
    """Losses in the order of a study of Optuna's; the seed says too how the data is split."""
    space = space_of(folder)

    def objective(trial: optuna.Trial) -> float:
        found: dict[str, Any] = {}
        for domain, range_ in space.domains.items():
            suggest = trial.suggest_int if isinstance(range_, Integer) else trial.suggest_float
            found[domain] = suggest(domain, range_.low, range_.high, log=range_.log)  # type: ignore[attr-defined]
        return loss_of(folder, name, found, seed)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=trainings)
    return [float(t.value) for t in study.trials if t.value is not None]


METHODS: dict[str, Callable[[Path, int], optuna.samplers.BaseSampler]] = {
    "forerun, taught by the history": lambda folder, seed: ForerunSampler(folder / "history", seed=seed),
    "Optuna's TPE from scratch": lambda _, seed: optuna.samplers.TPESampler(seed=seed),
}
FORERUN, TPE = METHODS
Found = dict[str, dict[str, list[list[float]]]]
"""Losses by method, data set, repeat and training."""


def space_of(folder: Path) -> SearchSpace:
    """What was mined."""
    (space,) = History.load(folder / "history").spaces.values()
    return space


def run_one(folder: Path, method: str, name: str, seed: int, trainings: int) -> tuple[str, str, list[float]]:
    """One method on one new data set, with one split of it; kept, so that a walk that is broken off goes on."""
    kept = folder / "compared" / f"{name}-{list(METHODS).index(method)}-{seed}-{trainings}.json"
    if not kept.exists():
        losses = losses_of(METHODS[method](folder, seed), folder, name, seed, trainings)
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(losses))
    return method, name, json.loads(kept.read_text())


def compare(folder: Path, new: list[str], size: Size) -> Found:
    """The losses of every method: by data set, seed and training."""
    jobs = [(folder, m, n, s, size.trainings) for s in range(size.seeds) for n in new for m in METHODS]
    found: Found = {m: {n: [] for n in new} for m in METHODS}
    with ProcessPoolExecutor(2) as pool:
        for method, name, losses in pool.map(run_one, *zip(*jobs, strict=True)):
            found[method][name].append(losses)
    return found


def saved(found: Found) -> dict[str, Any]:
    """After how many trainings forerun is as good as TPE is after all of its own, repeat by repeat.

    A repeat in which it never is counts with all trainings, plus one.
    """
    by_name = {
        name: [needed(ours, min(theirs)) for ours, theirs in zip(found[FORERUN][name], found[TPE][name], strict=True)]
        for name in found[TPE]
    }
    every = [n for each in by_name.values() for n in each]
    total = len(next(iter(found[TPE].values()))[0])
    return {
        "trainings": total,
        "needed": by_name,
        "median_needed": float(np.median(every)),
        "never": sum(n > total for n in every),
        "repeats": len(every),
        "loss": {m: {n: x.mean(axis=0).round(4).tolist() for n, x in e.items()} for m, e in best_so_far(found).items()},
    }


def needed(losses: list[float], goal: float) -> int:
    """How many trainings reach a loss."""
    reached = np.flatnonzero(np.array(losses) <= goal)
    return int(reached[0]) + 1 if len(reached) else len(losses) + 1


def best_so_far(found: Found) -> dict[str, dict[str, np.ndarray]]:
    """The lowest loss so far (repeats, trainings) of every method on every data set."""
    return {m: {n: np.minimum.accumulate(np.array(x), axis=1) for n, x in each.items()} for m, each in found.items()}


def draw(found: Found, path: Path) -> None:
    """The figure: a panel for each data set, means over the repeats with their standard errors."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = list(found[TPE])
    figure, panels = plt.subplots(1, len(names), figsize=(3 * len(names), 3.2), layout="constrained", squeeze=False)
    for (method, each), colour in zip(best_so_far(found).items(), ("#1a6", "#c53"), strict=True):
        for name, axes in zip(names, panels[0], strict=True):
            x, mean = np.arange(1, each[name].shape[1] + 1), each[name].mean(axis=0)
            error = each[name].std(axis=0) / max(np.sqrt(len(each[name]) - 1), 1)
            axes.plot(x, mean, color=colour, label=method)
            axes.fill_between(x, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)
            axes.set(title=name, xlabel="trainings", xticks=[1, *range(5, len(x) + 1, 5)])
            axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].set_ylabel("lowest validation loss so far")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), frameon=False, loc="outside upper center", ncols=2)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Walk the whole road."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    folder, size = options.folder.resolve(), SMALL if options.small else Size()
    past, new = write_data(folder, size)
    shutil.copy(Path(__file__).with_name("afternoon_train.py"), folder / "train.py")
    if not (folder / "team.db").exists():
        train_in_the_past(folder, past, size)
    forerun(folder, "mine", "--from", uri(folder), "--to", "history", *(f"--experiment={name}" for name in past))
    tune(folder, new[0], size.budget)
    found = compare(folder, new, size)
    numbers = saved(found)
    (folder / "afternoon.json").write_text(json.dumps(numbers, indent=1) + "\n")
    draw(found, folder / "afternoon.png")
    print(
        f"forerun is as good after {numbers['median_needed']:g} trainings (median of {numbers['repeats']} repeats) as "
        f"TPE from scratch after {numbers['trainings']}; in {numbers['never']} repeats it never was"
    )


if __name__ == "__main__":
    main()
