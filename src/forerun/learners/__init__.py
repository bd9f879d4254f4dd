"""Base learners: train one configuration for real. A new learner is one file and one line here."""

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

__all__ = ["LEARNERS", "BaseLearner", "Model", "Outcome", "Report"]
