"""Base learners: train one configuration for real. A new learner is one file and one line here."""

from collections import ChainMap
from collections.abc import Mapping

from forerun.learners.architectures import ARCHITECTURES
from forerun.learners.base import BaseLearner, Model, Outcome, Report
from forerun.learners.boosting import Boosting
from forerun.learners.forest import Forest
from forerun.learners.knn import Knn
from forerun.learners.linear import Linear
from forerun.learners.mlp import Mlp
from forerun.learners.svm import Svm

LEARNERS: dict[str, BaseLearner] = {
    "mlp": Mlp(),
    "linear": Linear(),
    "svm": Svm(),
    "knn": Knn(),
    "forest": Forest(),
    "boosting": Boosting(),
}
"""Those of the joint space (`learners.joint`)."""

TRAINABLE: Mapping[str, BaseLearner] = ChainMap(LEARNERS, ARCHITECTURES)  # type: ignore[arg-type]
"""All that a configuration's `learner` may name: families of architectures have spaces of their own."""

__all__ = ["ARCHITECTURES", "LEARNERS", "TRAINABLE", "BaseLearner", "Model", "Outcome", "Report"]
