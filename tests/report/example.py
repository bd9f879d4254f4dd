"""Stories to look at and to test with. `python -m tests.report.example FOLDER` writes their pages."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from forerun.report import (
    Comparison,
    Drift,
    Estimate,
    Front,
    Grounds,
    Lineage,
    Making,
    MethodScore,
    Neighbour,
    Option,
    Past,
    Progress,
    Recommendation,
    SearchFacts,
    Story,
    TaskFacts,
    Training,
    Tuning,
    write,
)

HOSTILE = (
    '<script>alert("x")</script>',
    "<img src=x onerror=alert(1)>",
    "]]><svg onload=alert(2)>",
    "$\\frac{1}{0}$ and $unbalanced",
    "bell\x07 escape\x1b[31m null\x00",
    "right-to-left \u202egnp.exe",
    "lone surrogate \ud800",
    "two\nlines\u2028three",
    "{{ 7 * 7 }} {% raw %}",
    "&amp; url(#m1) href='#x' \" onload=\"",
    "数据集 🚲 données",
    "x" * 6000,
)

BOOSTING = {
    "learner": "boosting",
    "boosting.max_iter": 128,
    "boosting.learning_rate": 0.08254042,
    "boosting.max_leaf_nodes": 23,
    "boosting.min_samples_leaf": 9,
    "boosting.l2_regularization": 1.2e-5,
    "boosting.max_features": 0.55,
    "boosting.class_weight": "balanced",
    "preprocessing": ("impute_indicator", "drop_rare"),
    "sample_fraction": 1.0,
}
MLP = {
    "learner": "mlp",
    "mlp.depth": 2,
    "mlp.width_1": 64,
    "mlp.width_2": 32,
    "mlp.activation": "silu",
    "mlp.optimizer": "adamw",
    "mlp.learning_rate": 0.0041,
    "mlp.epochs": 24,
    "preprocessing": ("standardise",),
    "sample_fraction": 1.0,
}
SVM = {
    "learner": "svm",
    "svm.kernel": "rbf",
    "svm.C": 12.5,
    "svm.gamma": 0.031,
    "preprocessing": ("standardise", "pca"),
}
FOREST = {"learner": "forest", "forest.n_estimators": 160, "forest.max_features": 0.42, "preprocessing": ()}


def zero_shot() -> Story:
    """A recommendation without any training on the target."""
    return Story(
        task=TaskFacts(
            name="fair-affairs",
            kind="binary",
            target="affairs > 0",
            rows=6366,
            columns=8,
            metric="balanced_accuracy",
            higher_is_better=True,
            parts={"train": 1800, "validation": 600, "test": 600},
            classes=("no", "yes"),
            source="Fair, R. (1978). A theory of extramarital affairs. Journal of Political Economy 86, 45-61.",
        ),
        making=Making(
            "2026-05-04 13:37 UTC",
            {"forerun": "0.1.0", "scikit-learn": "1.9.1", "torch": "2.13.0", "mlflow": "3.17.2", "python": "3.11.7"},
            "AMD EPYC 7B13, 2 cores, 24 GB memory, no GPU",
        ),
        recommendation=Recommendation(
            BOOSTING, 0.2963, 0.0184, Estimate(0.62, 0.31, 1.25), learner="gradient boosting"
        ),
        search=SearchFacts("forerun-classification-v1", 314159265358979323846, 48_300, 3.4, True, "certified", "mean"),
        lineage=Lineage(
            commands=("git checkout 2220690", "dvc repro", "forerun recommend fair.csv --target affairs"),
            run_id="6f1c0e5b2a7d4c3f9b8e1d2c3b4a5968",
            meta_hash="md5:8c1f2f0be6f24c1b9a4c71b5f4a0d7ae.dir",
            tracking_uri="sqlite:///mlruns/mlflow.db",
        ),
        explanation=explanation(),
        neighbours=neighbours(),
        past=past(),
        front=front(),
    )


def tuned() -> Story:
    """The whole story: fine-tuned, compared and registered."""
    story = zero_shot()
    climbed = replace(story.search, proven=False, strategy="ascent", acquisition="ei", limited=True)
    return replace(
        story,
        recommendation=replace(
            story.recommendation,
            validation_loss=0.2871,
            test_loss=0.2915,
            fit_seconds=0.71,
            test_metrics={
                "balanced_accuracy": 0.7085,
                "accuracy": 0.7133,
                "f1_macro": 0.6921,
                "log_loss": 0.5512,
                "roc_auc": 0.7702,
            },
        ),
        lineage=replace(story.lineage, model="forerun-fair-affairs", version="3", alias="champion"),
        tuning=replace(tuning(), searches=[story.search, climbed, climbed, climbed]),
        grounds=grounds(),
    )


def regression() -> Story:
    """A fine-tuned story in large units, with a default that failed."""
    story = tuned()
    assert story.tuning is not None
    scaled = [
        replace(
            t, predicted=t.predicted * 1e4, std=t.std * 1e4, loss=t.loss * 1e4, curve=[(e, v * 1e4) for e, v in t.curve]
        )
        for t in story.tuning.trainings
    ]
    frame = explanation()
    frame[["mean", "std"]] *= 1e4
    rows = (
        Comparison("forerun", Estimate(2871.31), Estimate(2915.92), 8),
        Comparison("the learner's defaults", None, None, 1, "failed: timed out after 30 s"),
    )
    return replace(
        story,
        task=replace(story.task, kind="regression", metric="rmse", higher_is_better=False, classes=()),
        recommendation=replace(
            story.recommendation, loss=2963.0, std=184.0, validation_loss=2871.31, test_loss=2915.92, test_metrics={}
        ),
        explanation=frame,
        neighbours=[replace(n, loss=n.loss * 1e4) for n in story.neighbours],
        tuning=replace(story.tuning, comparison=rows, trainings=scaled, progress=None),
    )


def hostile() -> Story:
    """Names, values and reasons that try to break out of the page, the figures and the terminal."""
    names = HOSTILE
    story = tuned()
    assert story.tuning is not None
    assert story.past is not None
    evil = {name: names[-1 - i] for i, name in enumerate(names[:8])} | {"learner": names[0]}
    frame = story.explanation
    assert frame is not None
    domains = dict(zip(dict.fromkeys(frame["domain"]), names, strict=False))
    frame = frame.assign(  # object: pandas' own text cannot hold a lone surrogate
        domain=pd.Series([domains[d] for d in frame["domain"]], dtype=object),
        level=pd.Series([names[i % 12] for i in range(len(frame))], dtype=object),
    )
    return replace(
        story,
        task=replace(
            story.task,
            name=names[0],
            target=names[1],
            source=names[2] + names[11],
            classes=names,
            kind=names[4],
            metric=names[3],
        ),
        making=Making(names[4], {names[5]: names[6]}, names[7]),
        recommendation=replace(
            story.recommendation, configuration=evil, learner=names[9], test_metrics=dict.fromkeys(names, 0.5)
        ),
        lineage=Lineage(names, *names[:6]),
        search=replace(story.search, space=names[0], strategy=names[5], acquisition=names[8]),
        explanation=frame,
        neighbours=[
            Neighbour(n, names[0], 1.0, {names[1]: names[2], names[3]: 3.0}, {names[4]: (names[5], names[6])}, 0.1)
            for n in names
        ],
        past=replace(
            story.past,
            methods=[replace(m, name=n) for m, n in zip(story.past.methods, names, strict=False)],
            chosen=names[0],
            why=names[6],
            intervals=names[8],
            drift=replace(drifted(), since=names[2], untold=names[0]),
        ),
        tuning=replace(
            story.tuning,
            comparison=[Comparison(n, Estimate(0.3), Estimate(0.3), 3, n) for n in names],
            trainings=[
                replace(t, configuration=evil, reason=t.reason and names[i])
                for i, t in enumerate(story.tuning.trainings)
            ],
            stopped=names[7],
            searches=[
                replace(s, space=names[0], strategy=n) for s, n in zip(story.tuning.searches, names, strict=False)
            ],
        ),
        front=replace(front(), options=[replace(o, configuration=evil) for o in front().options]),
        grounds=Grounds([dict.fromkeys(names, 1 / 12), dict.fromkeys(names, 1 / 12)], {names[0]: 0.1}),
    )


def explanation() -> pd.DataFrame:
    """What tuning.explanation gives."""
    ordered = {
        "boosting.learning_rate": (
            0.013,
            [0.01, 0.0215, 0.0464, 0.1, 0.215, 0.464, 1.0],
            [4, 2.2, 0.9, 0, 0.6, 2.3, 5.5],
        ),
        "boosting.max_iter": (0.009, [10, 20, 39, 77, 150], [4.2, 2.5, 1.2, 0.3, 0]),
        "sample_fraction": (0.12, [0.1, 0.22, 0.46, 1.0], [3.1, 1.9, 0.8, 0]),
        "boosting.l2_regularization": (0.0, [1e-8, 1e-5, 1e-2, 10], [0.1, 0, 0.1, 0.3]),
    }
    named = {
        "learner": (0.41, ["boosting", "forest", "mlp", "linear", "svm", "knn"], [0, 0.8, 1.9, 3.3, 2.2, 6.1]),
        "preprocessing": (
            0.06,
            ["as recommended", "with standardise", "without drop_rare", "with pca"],
            [0, 0, 0.3, 2],
        ),
        "boosting.class_weight": (0.032, ["none", "balanced"], [2.4, 0]),
    }
    rows = []
    for domain, (share, levels, effect) in ordered.items():
        for place, (level, e) in enumerate(zip(levels, effect, strict=True)):
            rows.append((domain, f"{level:g}", place / (len(levels) - 1), 0.31 + 0.012 * e, 0.008 + 0.001 * e, share))
    for domain, (share, names, effect) in named.items():
        rows += [(domain, n, np.nan, 0.31 + 0.012 * e, 0.009, share) for n, e in zip(names, effect, strict=True)]
    return pd.DataFrame(rows, columns=["domain", "level", "position", "mean", "std", "importance"])


def neighbours() -> Sequence[Neighbour]:
    """Four past data sets."""
    rows = (
        ("spector", "spector", 1.82, 2000, 9, BOOSTING, 0.281),
        ("adult-census-income", "adult", 2.05, 5000, 14, FOREST, 0.1934),
        ("heart-disease (Cleveland)", "heart", 2.61, 303, 13, SVM, 0.162),
        ("german-credit-with-a-very-long-name-v2", "credit", 2.90, 1000, 20, MLP, 0.2712),
    )
    return [
        Neighbour(name, family, distance, {"rows": n, "columns": d, "classes": 2, "missing": "0 %"}, best, loss)
        for name, family, distance, n, d, best, loss in rows
    ]


def front() -> Front:
    """Forty choices between a low loss and a short training."""
    times = np.geomspace(0.011, 0.62, 40)
    curve = [(float(t), float(0.2963 + 0.15 * np.exp(-3 * i / 39))) for i, t in enumerate(times)]
    options = [Option((MLP, FOREST, BOOSTING)[i % 3], loss, 0.02, s) for i, (s, loss) in enumerate(curve[::13])]
    return Front(options, curve, True, 314159265358979323846, 21.0)


def grounds() -> Grounds:
    """A target that turns out to be like a few of the past data sets, and not as its features say."""
    trials = np.arange(9)
    scratch = 0.06 + 0.08 * trials / 8
    linear = (1 - scratch) * (0.3 * np.exp(-trials / 2) + 0.02)
    shares = [
        {"tasks": 1 - s - f, "linear": f, "scratch": s} for s, f in zip(scratch.tolist(), linear.tolist(), strict=True)
    ]
    return Grounds(shares, {"adult-census-income": 0.41, "spector": 0.22, "heart-disease (Cleveland)": 0.06})


def past() -> Past:
    """Leave-one-task-out scores of three methods and two baselines."""
    measured = {
        "relative": (0.71, (0.142, 0.081, 0.055, 0.034), (0.52, 0.79, 0.93)),
        "network": (0.68, (0.158, 0.089, 0.061, 0.041), (0.44, 0.71, 0.88)),
        "linear": (0.57, (0.201, 0.118, 0.082, 0.053), (0.58, 0.86, 0.97)),
        "average best": (0.49, (0.213, 0.164, 0.127, 0.091), ()),
        "random": (0.0, (0.472, 0.291, 0.214, 0.142), ()),
    }
    methods = [
        MethodScore(
            name,
            Estimate(rank, rank - 0.05, rank + 0.04),
            {k: Estimate(r, 0.84 * r, 1.19 * r) for k, r in zip((1, 3, 5, 10), regret, strict=True)},
            dict(zip((0.5, 0.8, 0.95), held, strict=False)),
            baseline=not held,
        )
        for name, (rank, regret, held) in measured.items()
    ]
    return Past(16_420, 71, 58, methods, "relative", "lowest mean regret over 1, 3, 5 and 10 trials", drift=drifted())


def drifted() -> Drift:
    """A history that drifted: a third of its trials are left."""
    cost = Estimate(0.312, 0.204, 0.431)
    return Drift(cost, 0.29, 0.71, "2026-04-02 03:00 UTC", 12, 0.1, 9.4, 16_420, 5_301)


def tuning() -> Tuning:
    """Eight trainings, one of them failed."""
    rng = np.random.default_rng(7)
    chosen = (BOOSTING, SVM, MLP, FOREST, BOOSTING | {"boosting.max_iter": 60}, MLP | {"mlp.depth": 3}, BOOSTING, MLP)
    losses = (0.3021, 0.3254, 0.3112, np.nan, 0.2958, 0.3067, 0.2871, 0.3094)
    predicted = np.nan_to_num(losses, nan=0.31) + rng.normal(0, 0.010, 8)
    trainings = [
        Training(
            configuration=configuration,
            predicted=float(p),
            std=0.0184 - 0.0011 * i,
            loss=float(loss),
            seconds=float(rng.uniform(0.2, 3)),
            reason="" if np.isfinite(loss) else "timed out after 30 s",
            curve=curve(float(loss), rng) if configuration["learner"] in ("mlp", "boosting") else (),
        )
        for i, (configuration, loss, p) in enumerate(zip(chosen, losses, predicted, strict=True))
    ]
    mean = 0.2955 + 0.045 * np.exp(-np.arange(8) / 3.2)
    progress = Progress(
        forerun=np.fmin.accumulate(np.array(losses)).tolist(),
        random=[Estimate(m, m - 0.011, m + 0.014) for m in mean],
        defaults=0.3139,
        average_best=0.3041,
    )
    rows = (
        Comparison("forerun", Estimate(0.2871), Estimate(0.2915), 8),
        Comparison("the learner's defaults", Estimate(0.3139), Estimate(0.3202), 1, "scikit-learn's gradient boosting"),
        Comparison("the best on average in the history", Estimate(0.3041), Estimate(0.3088), 1),
        Comparison(
            "random search",
            Estimate(0.3001, 0.2889, 0.3102),
            Estimate(0.3049, 0.2944, 0.3151),
            8,
            "mean of 5 seeds, lowest to highest",
        ),
    )
    return Tuning(rows, trainings, progress, "the budget of 8 trainings is spent", 23.0)


def curve(loss: float, rng: np.random.Generator) -> list[tuple[int, float]]:
    """A learning curve that ends at a loss."""
    epochs = np.arange(1, 25)
    level = loss + 0.17 * (np.exp(-epochs / 5) - np.exp(-24 / 5)) + rng.normal(0, 0.002, 24) * (epochs < 24)
    return [(int(e), float(v)) for e, v in zip(epochs, level, strict=True)]


STORIES = {"tuned": tuned, "zero_shot": zero_shot, "regression": regression, "hostile": hostile}


if __name__ == "__main__":
    for name, story in STORIES.items():
        write(story(), Path(sys.argv[1]) / f"{name}.html")
