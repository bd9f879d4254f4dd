"""The peers by name: ways to choose that others published, each run by its own package where there is one.

    gp         BoTorch's GP with log expected improvement                        no history
    tpe        Optuna's tree-structured Parzen estimator                         no history
    smac       SMAC3's random forest with log expected improvement               no history
    rgpe       ranking-weighted ensemble of BoTorch's GPs (Feurer et al. 2018)   transfers
    quantile   Syne Tune's copula transfer (Salinas et al. 2020)                 transfers
    fsbo       deep-kernel GP meta-trained across tasks (Wistuba & Grabocka 2021; no package: written here)

What a peer needs is imported when it is made, so that those that are installed run without the others.
"""

from collections.abc import Callable
from importlib.util import find_spec

from judging.base import Method


def _gp() -> Method:
    from judging.peers_gp import GaussianProcess

    return GaussianProcess()


def _tpe() -> Method:
    from judging.peers_tpe import ParzenEstimator

    return ParzenEstimator()


def _smac() -> Method:
    from judging.peers_smac import Smac

    return Smac()


def _rgpe() -> Method:
    from judging.peers_rgpe import RankingWeighted

    return RankingWeighted()


def _quantile() -> Method:
    from judging.peers_quantile import Quantile

    return Quantile()


def _fsbo() -> Method:
    from judging.peers_fsbo import FewShot

    return FewShot()


PEERS: dict[str, Callable[[], Method]] = {
    "gp": _gp,
    "tpe": _tpe,
    "smac": _smac,
    "rgpe": _rgpe,
    "quantile": _quantile,
    "fsbo": _fsbo,
}
NEEDS = {
    "gp": ("botorch",),
    "tpe": ("optuna",),
    "smac": ("smac", "ConfigSpace"),
    "rgpe": ("botorch",),
    "quantile": ("syne_tune", "xgboost", "huggingface_hub"),
    "fsbo": (),
}
"""Packages, by the name that is imported, beyond those of the project itself."""


def available(name: str) -> bool:
    """Whether the packages of a peer are installed."""
    return all(find_spec(package) is not None for package in NEEDS[name])
