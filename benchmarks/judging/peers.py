"""The peers by name: ways to choose that others published, each run by its own package where there is one.

    gp         BoTorch's GP with log expected improvement                        no history
    tpe        Optuna's tree-structured Parzen estimator                         no history
    smac       SMAC3's random forest with log expected improvement               no history
    rgpe       ranking-weighted ensemble of BoTorch's GPs (Feurer et al. 2018)   transfers
    quantile   Syne Tune's copula transfer (Salinas et al. 2020)                 transfers
    fsbo       deep-kernel GP meta-trained across tasks (Wistuba & Grabocka 2021; no package: written here)

What a peer needs is imported when it is made, so that those that are installed run without the others.
"""

import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from judging.base import Method

NEEDS: dict[str, tuple[str, ...]] = {
    "gp": ("botorch",),
    "tpe": ("optuna",),
    "smac": ("ConfigSpace", "smac"),
    "rgpe": ("botorch",),
    "quantile": ("huggingface_hub", "xgboost", "syne_tune"),
    "fsbo": (),
}
"""Packages, by the name that is imported, beyond those of the project itself."""


def available(name: str) -> bool:
    """Whether the packages of a peer are installed."""
    return all(find_spec(package) is not None for package in NEEDS[name])


def _make(name: str, file: str, method: str) -> Method:
    with warnings.catch_warnings():
        # what packages say of each other while they are imported is for their authors
        warnings.simplefilter("ignore")
        for package in NEEDS[name]:
            import_module(package)
        made: Method = getattr(import_module(f"judging.{file}"), method)()
    return made


PEERS: dict[str, Callable[[], Method]] = {
    "gp": partial(_make, "gp", "peers_gp", "GaussianProcess"),
    "tpe": partial(_make, "tpe", "peers_tpe", "ParzenEstimator"),
    "smac": partial(_make, "smac", "peers_smac", "Smac"),
    "rgpe": partial(_make, "rgpe", "peers_rgpe", "RankingWeighted"),
    "quantile": partial(_make, "quantile", "peers_quantile", "Quantile"),
    "fsbo": partial(_make, "fsbo", "peers_fsbo", "FewShot"),
}
