"""Somebody's training script: it knows MLflow and scikit-learn, and nothing of forerun.

python train.py data/wine.csv --learning-rate 0.1 --iterations 100 --leaves 31 --leaf-size 20 --l2 0
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split


def train(
    data: pd.DataFrame, seed: int, *, learning_rate: float, iterations: int, leaves: int, leaf_size: int, l2: float
) -> float:
    """The validation loss over that of a constant prediction: log loss of classes, mean square error of numbers."""
    X, y = data.drop(columns="target"), data["target"]
    for column in X.select_dtypes(exclude="number"):
        X[column] = X[column].astype("category").cat.codes
    classes = not pd.api.types.is_numeric_dtype(y)
    X_train, X_val, y_train, y_val = train_test_split(
        X, y, test_size=0.3, random_state=seed, stratify=y if classes else None
    )
    sort = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    model = sort(
        learning_rate=learning_rate,
        max_iter=iterations,
        max_leaf_nodes=leaves,
        min_samples_leaf=leaf_size,
        l2_regularization=l2,
        early_stopping=False,
        random_state=seed,
    ).fit(X_train, y_train)
    if not classes:
        return float(np.mean((model.predict(X_val) - y_val) ** 2) / np.mean((y_train.mean() - y_val) ** 2))
    constant = np.tile(y_train.value_counts(normalize=True).sort_index().to_numpy(), (len(y_val), 1))
    said = model.predict_proba(X_val)
    return float(log_loss(y_val, said, labels=model.classes_) / log_loss(y_val, constant, labels=model.classes_))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train once, as an MLflow run."""
    import mlflow

    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--leaf-size", type=int, default=20)
    parser.add_argument("--l2", type=float, default=0.0)
    given = vars(parser.parse_args(arguments))
    with mlflow.start_run():
        mlflow.log_params(given)
        data, seed = pd.read_csv(given.pop("data")), given.pop("seed")
        mlflow.log_metric("val_loss", train(data, seed, **given))


if __name__ == "__main__":
    main()
