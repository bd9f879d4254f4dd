"""Five programs that know nothing of forerun, as people write them: each leaves its runs in one MLflow store.

    python -m tests.mining.foreign sqlite:////tmp/team.db

A process of their own, for autologging patches the libraries for good.
"""

import logging
import sys
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import mlflow
import numpy as np
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sqlalchemy import event
from sqlalchemy.engine import Engine

Arrays = tuple[Any, Any, Any, Any]

DATA = {"iris": load_iris, "wine": load_wine}


def tables() -> Iterator[tuple[str, Arrays]]:
    """Two small classification tasks with names of columns, split as ever."""
    for name, load in DATA.items():
        X, y = load(return_X_y=True, as_frame=True)
        yield name, tuple(train_test_split(X, y, test_size=0.4, random_state=0, stratify=y))


def sklearn_autolog() -> None:
    """A script that fits forests and scores them, and a grid search; one experiment, many data sets."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    mlflow.sklearn.autolog(log_models=False, silent=True, max_tuning_runs=None)
    mlflow.set_experiment("forests")
    rng = np.random.default_rng(0)
    for name, (X_train, X_test, y_train, y_test) in tables():
        for i in range(5):
            model = RandomForestClassifier(
                n_estimators=int(rng.choice([2, 4, 8])),
                max_depth=[None, 1, 3][i % 3],
                max_features=float(rng.uniform(0.2, 1)),
                random_state=i,
            )
            with mlflow.start_run():
                mlflow.set_tag("data", name)
                model.fit(X_train, y_train)
                model.score(X_test, y_test)
    mlflow.set_experiment("svm grid")
    X_train, _, y_train, _ = dict(tables())["iris"]
    grid = {"C": [0.01, 0.1, 1, 10], "kernel": ["rbf", "linear"]}
    GridSearchCV(SVC(), grid, cv=3).fit(X_train, y_train)
    mlflow.sklearn.autolog(disable=True)


def lightgbm_autolog() -> None:
    """Boosted trees, an experiment per data set."""
    import lightgbm

    mlflow.lightgbm.autolog(log_models=False, silent=True)
    rng = np.random.default_rng(1)
    for name, (X_train, X_test, y_train, y_test) in tables():
        mlflow.set_experiment(f"boosting {name}")
        classes = int(y_train.max()) + 1
        for i in range(5):
            params = {
                "objective": "multiclass",
                "num_class": classes,
                "learning_rate": float(10 ** rng.uniform(-2, 0)),
                "num_leaves": int(rng.integers(2, 16)),
                "feature_fraction": float(rng.uniform(0.4, 1)),
                "min_data_in_leaf": 5,
                "verbosity": -1,
                "num_threads": 1,
                "seed": i,
            }
            train = lightgbm.Dataset(X_train, y_train)
            with mlflow.start_run():
                lightgbm.train(params, train, 4, valid_sets=[lightgbm.Dataset(X_test, y_test, reference=train)])
    mlflow.lightgbm.autolog(disable=True)


def lightning_autolog() -> None:
    """A LightningModule that logs its losses; an experiment per data set."""
    import pytorch_lightning as lightning
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    class Net(lightning.LightningModule):
        def __init__(self, inputs: int, hidden: int, lr: float, dropout: float) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = torch.nn.Sequential(
                torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Dropout(dropout), torch.nn.Linear(hidden, 3)
            )

        def _loss(self, batch: Any, name: str) -> Any:
            X, y = batch
            loss = torch.nn.functional.cross_entropy(self.net(X), y)
            self.log(name, loss)
            return loss

        def training_step(self, batch: Any, _: int) -> Any:
            return self._loss(batch, "train_loss")

        def validation_step(self, batch: Any, _: int) -> None:
            self._loss(batch, "val_loss")

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    mlflow.pytorch.autolog(log_models=False, silent=True, checkpoint=False)
    rng = np.random.default_rng(2)
    for name, (X_train, X_test, y_train, y_test) in tables():
        mlflow.set_experiment(f"lightning {name}")
        scale = X_train.std()
        train, test = (
            TensorDataset(torch.tensor((X / scale).to_numpy(dtype="float32")), torch.tensor(y.to_numpy()))
            for X, y in ((X_train, y_train), (X_test, y_test))
        )
        for i in range(5):
            torch.manual_seed(i)
            lr, dropout = float(10 ** rng.uniform(-4, -1)), float(rng.uniform(0, 0.6))
            net = Net(X_train.shape[1], int(rng.choice([4, 8, 16, 32])), lr, dropout)
            trainer = lightning.Trainer(
                max_epochs=2,
                accelerator="cpu",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            with mlflow.start_run():
                # autologging records the optimizer and the trainer; the net's own size is the author's to log
                mlflow.log_params({"hidden": net.hparams["hidden"], "dropout": dropout})
                trainer.fit(net, DataLoader(train, batch_size=32), DataLoader(test, batch_size=128))
    mlflow.pytorch.autolog(disable=True)


def optuna_callback() -> None:
    """A study per data set, its trials logged by Optuna's own callback; the space has a condition."""
    import optuna
    from optuna_integration.mlflow import MLflowCallback
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    callback = MLflowCallback(tracking_uri=mlflow.get_tracking_uri(), metric_name="quality")
    for name, arrays in tables():

        def objective(trial: optuna.Trial, arrays: Arrays = arrays) -> float:
            X_train, X_test, y_train, y_test = arrays
            if trial.suggest_categorical("model", ["knn", "logistic"]) == "knn":
                model: Any = KNeighborsClassifier(trial.suggest_int("k", 1, 30))
            else:
                model = LogisticRegression(C=trial.suggest_float("C", 1e-3, 1e3, log=True), max_iter=50)
            if trial.number == 5:
                raise optuna.TrialPruned
            return float(make_pipeline(StandardScaler(), model).fit(X_train, y_train).score(X_test, y_test))

        study = optuna.create_study(
            study_name=f"study {name}", direction="maximize", sampler=optuna.samplers.RandomSampler(seed=len(name))
        )
        study.optimize(objective, n_trials=10, callbacks=[callback])


def plain_torch_loop() -> None:
    """A hand-written loop with log_param and log_metric, a run that diverges and one that is still running."""
    import torch

    rng = np.random.default_rng(3)
    X, y = load_diabetes(return_X_y=True)
    for fold in range(2):
        mlflow.set_experiment(f"my net {fold}")
        part = np.arange(len(X)) % 2 == fold
        inputs, targets = (torch.tensor(a, dtype=torch.float32) for a in (X[part] * 20, y[part] / 100))
        n = len(inputs) * 2 // 3
        for i in range(7):
            lr = 1e9 if i == 6 else float(10 ** rng.uniform(-3, -0.5))
            config = {
                "lr": lr,
                "optim": str(rng.choice(["SGD", "Adam"])) if i < 6 else "SGD",
                "layers": str([[8], [16], [8, 8]][i % 3]),
                "batch_norm": bool(rng.integers(2)),
                "clip": None if i % 2 else 1.0,
                "epochs": 4,
                "seed": i,
                "out_dir": f"/scratch/me/{fold}/{i}",
            }
            torch.manual_seed(i)
            sizes = [inputs.shape[1], *[[8], [16], [8, 8]][i % 3]]
            parts: list[Any] = []
            for a, b in pairwise(sizes):
                parts += [torch.nn.Linear(a, b), torch.nn.BatchNorm1d(b) if config["batch_norm"] else torch.nn.Tanh()]
            net = torch.nn.Sequential(*parts, torch.nn.Linear(sizes[-1], 1))
            optimizer = getattr(torch.optim, config["optim"])(net.parameters(), lr=lr)
            with mlflow.start_run():
                mlflow.set_tags({"gpu_name": "none", "num_cpus": "2", "ram": "24 GB"})
                mlflow.log_params(config)
                for epoch in range(config["epochs"]):
                    optimizer.zero_grad()
                    loss = ((net(inputs[:n])[:, 0] - targets[:n]) ** 2).mean()
                    loss.backward()
                    optimizer.step()
                    with torch.no_grad():
                        rmse = float(((net(inputs[n:])[:, 0] - targets[n:]) ** 2).mean().sqrt())
                    mlflow.log_metrics({"train_loss": float(loss), "val_rmse": rmse}, step=epoch)
    mlflow.MlflowClient().create_run(mlflow.get_experiment_by_name("my net 0").experiment_id)


def hurried(connection: Any, _: Any) -> None:
    """Let SQLite not wait for the disk at each of thousands of small writes."""
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA journal_mode=WAL")


PROGRAMS = (sklearn_autolog, lightgbm_autolog, lightning_autolog, optuna_callback, plain_torch_loop)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    mpl.use("agg")
    mpl.rcParams.update({"figure.dpi": 10, "savefig.dpi": 10})  # autologging draws; nobody looks
    event.listen(Engine, "connect", hurried)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(sys.argv[1])
    for program in PROGRAMS:
        program()
