"""What the transform of losses is worth: regret of a search that only knows other data sets' targets.

    python benchmarks/targets.py --data FOLDER [--json OUT]

FOLDER holds recorded evaluations, NAME.parquet with columns `dataset`, `hp_*` (or `config_id`) and an accuracy,
of the same configurations on many data sets. One data set at a time is left out and searched among its recorded
configurations: a Gaussian over configurations, mean and covariance those of the other data sets' targets, with
expected improvement. Shown is the mean normalised regret after 1, 2, 3, 5, 10 and 20 trials for each transform.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from forerun.metadata import standardise

Floats = np.ndarray
RECORDED = {
    "pmlb_sklearn": "metric_balanced_accuracy",
    "hylap_svm": "metric_accuracy",
    "text_workflows": "metric_accuracy",
}
SHOWN = (1, 2, 3, 5, 10, 20)


def ours(losses: Floats) -> Floats:
    return standardise(losses)[0]


def z_score(losses: Floats) -> Floats:
    return (losses - losses.mean()) / losses.std()


def share_of_range(losses: Floats) -> Floats:
    return (losses - losses.min()) / np.ptp(losses)


def normal_ranks(losses: Floats) -> Floats:
    """Salinas, Shen & Perrone, A quantile-based approach for hyperparameter transfer learning, ICML 2020."""
    return norm.ppf((rankdata(losses) - 0.5) / len(losses))


def log_regret(losses: Floats) -> Floats:
    return np.log10(share_of_range(losses) + 0.01)


TRANSFORMS: dict[str, Callable[[Floats], Floats]] = {
    f.__name__: f for f in (ours, z_score, share_of_range, normal_ranks, log_regret)
}


def recorded(path: Path, metric: str) -> Floats:
    """Losses (data sets, configurations) of the configurations that nearly all data sets have, gaps at their worst."""
    frame = pd.read_parquet(path)
    if "config_id" not in frame:
        frame["config_id"] = frame.filter(like="hp_").astype(str).agg("|".join, axis=1)
    table = frame.pivot_table(index="dataset", columns="config_id", values=metric, aggfunc="first")
    table = table.loc[:, table.notna().mean() >= 0.9]
    losses = 1 - table[table.notna().mean(axis=1) > 0.9].to_numpy(dtype=float)
    losses = np.where(np.isnan(losses), np.nanmax(losses, axis=1, keepdims=True), losses)
    return losses[np.ptp(losses, axis=1) > 1e-6]


def search(Y: Floats, y: Floats, trials: int) -> list[int]:
    """Positions of the configurations tried on a data set with targets y (n,), knowing those of others Y (T, n)."""
    mean = Y.mean(axis=0)
    R = (Y - mean) / np.sqrt(len(Y))
    variance = (R**2).sum(axis=0)
    tried = [int(np.argmin(mean))]
    while len(tried) < trials:
        A = R[:, tried]
        K = A.T @ A + 0.05 * np.eye(len(tried))
        gain = np.linalg.solve(K, A.T @ R)
        guess = mean + (y[tried] - mean[tried]) @ gain
        std = np.sqrt(np.maximum(variance - np.sum((A.T @ R) * gain, axis=0), 1e-9))
        u = (y[tried].min() - guess) / std
        improvement = std * (u * norm.cdf(u) + norm.pdf(u))
        improvement[tried] = -1
        tried.append(int(np.argmax(improvement)))
    return tried


def regret(losses: Floats, transform: Callable[[Floats], Floats]) -> Floats:
    """Mean normalised regret after 1, 2, ... trials, over data sets each left out once."""
    Y = np.stack([transform(row) for row in losses])
    curves = []
    for t, row in enumerate(losses):
        tried = search(np.delete(Y, t, axis=0), Y[t], max(SHOWN))
        curves.append(np.minimum.accumulate(share_of_range(row)[tried]))
    return np.mean(curves, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of recorded evaluations")
    parser.add_argument("--json", type=Path, help="where to write the result")
    given = parser.parse_args()
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, metric in RECORDED.items():
        losses = recorded(given.data / f"{name}.parquet", metric)
        print(f"{name}: {losses.shape[0]} data sets, {losses.shape[1]} configurations")
        found[name] = {}
        for label, transform in TRANSFORMS.items():
            curve = regret(losses, transform)
            found[name][label] = {str(k): float(curve[k - 1]) for k in SHOWN}
            print(f"  {label:15}", " ".join(f"{v:.4f}" for v in found[name][label].values()), flush=True)
    for label in TRANSFORMS:
        ratios = [found[n][label][k] / found[n]["ours"][k] for n in found for k in map(str, SHOWN)]
        print(f"regret of {label} over ours, geometric mean: {np.exp(np.mean(np.log(ratios))):.3f}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
