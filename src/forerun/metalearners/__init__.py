"""Learn across tasks, adapt to one."""

from forerun.metalearners.base import NORMAL, Context, MetaLearner, Prediction, Surrogate, widths
from forerun.metalearners.deep_kernel import DeepKernel
from forerun.metalearners.forecaster import Forecast, Forecaster
from forerun.metalearners.last_layer import LastLayer
from forerun.metalearners.linear import Linear
from forerun.metalearners.maml import Maml
from forerun.metalearners.metric import Metric
from forerun.metalearners.mixture import Mixture
from forerun.metalearners.network import Network
from forerun.metalearners.quadratic import Interactions
from forerun.metalearners.recurrent import Recurrent
from forerun.metalearners.relative import Comparison, Relative
from forerun.metalearners.saved import load, save

METALEARNERS: dict[str, type[MetaLearner]] = {
    "linear": Linear,
    "mixture": Mixture,
    "network": Network,
    "quadratic": Interactions,
    "relative": Relative,
    "last_layer": LastLayer,
    "deep_kernel": DeepKernel,
    "metric": Metric,
    "maml": Maml,
    "recurrent": Recurrent,
}
"""Its line here enrols a meta-learner in every promise of `checks`."""

__all__ = [
    "METALEARNERS",
    "NORMAL",
    "Comparison",
    "Context",
    "DeepKernel",
    "Forecast",
    "Forecaster",
    "Interactions",
    "LastLayer",
    "Linear",
    "Maml",
    "MetaLearner",
    "Metric",
    "Mixture",
    "Network",
    "Prediction",
    "Recurrent",
    "Relative",
    "Surrogate",
    "load",
    "save",
    "widths",
]
