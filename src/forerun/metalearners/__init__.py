"""Learn across tasks, adapt to one."""

from forerun.metalearners.base import Additive, Context, MetaLearner, Prediction, Surrogate
from forerun.metalearners.linear import Linear

METALEARNERS: dict[str, type[MetaLearner]] = {"linear": Linear}

__all__ = ["METALEARNERS", "Additive", "Context", "Linear", "MetaLearner", "Prediction", "Surrogate"]
