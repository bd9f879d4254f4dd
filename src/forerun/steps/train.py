"""Step 2: judge every meta-learner on tasks left out, fit the one that is chosen, on all that is not forgotten."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd

from forerun.evaluation import TRIALS, Evaluation, Summary, evaluate
from forerun.metadata import MetaDataset
from forerun.metalearners import METALEARNERS, Forecaster
from forerun.report import Drift
from forerun.report.drifting import told
from forerun.steps.forgetting import numbers, save_drift, to_learn_from
from forerun.steps.progress import bar
from forerun.steps.project import Project
from forerun.tracking import names
from forerun.tracking.log import log_summary
from forerun.tracking.store import open_store


def run(project: Project) -> None:
    """Write data/models, the evaluation and the drift in data/reports; log both as an MLflow run."""
    settings = project.settings.train
    meta, drift = to_learn_from(MetaDataset.load(project.meta / "meta.parquet"), settings.drift)
    print(told(drift))
    with bar(desc="leave tasks out", unit="fold") as shown:

        def progress(done: int, of: int) -> None:
            shown.total = of
            shown.update(done - shown.n)

        found = evaluate(
            meta,
            settings.candidates,
            folds=settings.folds or None,
            seeds=settings.seeds,
            most=settings.candidates_per_task,
            progress=progress,
        )
    found = replace(found, best=choose_default(found, settings.candidates[0]))
    clock = choose_clock(found.summary, settings.candidates, found.best)
    Forecaster(METALEARNERS[found.best](), METALEARNERS[clock]()).fit(meta).save(project.models)
    write(project, found, clock, drift)
    mean = found.summary[found.best]["regret"]["mean"]
    print(
        f"{found.best} predicts losses (mean regret over {TRIALS} trials {mean:.3f} on tasks left out), {clock} times"
    )


def choose_default(found: Evaluation, default: str) -> str:
    """The default, unless the best has a mean regret that is lower by more than a standard error of the difference.

    On fifty tasks the lowest mean of several is luck in part (the one-standard-error rule: Breiman et al. 1984).
    """
    by_family = found.scores.pivot_table(index="family", columns="method", values="regret")
    ahead = by_family[default].to_numpy(dtype=float) - by_family[found.best].to_numpy(dtype=float)
    error = ahead.std(ddof=1) / np.sqrt(len(ahead)) if len(ahead) > 1 else np.inf
    return found.best if ahead.mean() > error else default


def choose_clock(summary: Summary, candidates: tuple[str, ...], fallback: str) -> str:
    """The meta-learner that tells training times best; `fallback` where the history knows no times."""
    timed = [name for name in candidates if "seconds_factor" in summary[name]]
    return min(timed, key=lambda name: summary[name]["seconds_factor"]["mean"], default=fallback)


def write(project: Project, found: Evaluation, clock: str, drift: Drift) -> None:
    """Write the scores as DVC's metrics and plots, and as an MLflow run."""
    project.reports.mkdir(parents=True, exist_ok=True)
    found.scores.to_parquet(project.reports / "evaluation.parquet", index=False)
    metrics = project.reports / "evaluation.json"
    metrics.write_text(json.dumps({"best": found.best, "clock": clock, "methods": found.summary}, indent=1) + "\n")
    rows = [
        {"method": name, "trials": t, **{"regret" if k == "mean" else k: v for k, v in scores[f"regret_{t}"].items()}}
        for name, scores in found.summary.items()
        for t in range(1, TRIALS + 1)
    ]
    plot = project.reports / "regret.csv"
    pd.DataFrame(rows).to_csv(plot, index=False)
    save_drift(drift, project.drift)
    log_summary(
        open_store(project.settings.store.uri, project.root),
        names.META,
        "evaluation",
        params={"best": found.best, "clock": clock, "folds": str(project.settings.train.folds)},
        metrics={f"{m}.{s}": v["mean"] for m, scores in found.summary.items() for s, v in scores.items()}
        | numbers(drift),
        files=[metrics, plot, project.drift],
    )
