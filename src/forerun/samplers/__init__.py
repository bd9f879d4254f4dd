"""forerun inside Optuna: a sampler that a history teaches, and histories made of Optuna's studies.

Optuna is imported here and nowhere else; install it with `pip install 'forerun[optuna]'`.
"""

from forerun.samplers.sampler import ForerunSampler
from forerun.samplers.studies import history_of_studies

__all__ = ["ForerunSampler", "history_of_studies"]
