"""The promises that every plug-in keeps, as plain functions that a plug-in is handed to.

A promise is broken by raising PromiseBroken, which says in words what came instead. Tests run them all over
every entry of the registries; the author of a plug-in that is not registered can run them too:

    for promise in METALEARNER_PROMISES.values():
        promise(MyMetaLearner)

Meta-learners are taught anew by every promise; `Shared(MyMetaLearner)` in its place is taught once, and much faster.
Form is not enough: a method that ranks at random has the right shapes. So promises include what a method
achieves.
"""

from forerun.checks.broken import PromiseBroken
from forerun.checks.drift import DRIFT_PROMISES
from forerun.checks.forgetting import FORGETTING_PROMISES
from forerun.checks.learners import LEARNER_PROMISES
from forerun.checks.metalearners import METALEARNER_PROMISES
from forerun.checks.optimizers import OPTIMIZER_PROMISES
from forerun.checks.search import BLACK_BOX_PROMISES, SEARCH_PROMISES
from forerun.checks.supernets import SUPERNET_PROMISES
from forerun.checks.teaching import Shared

__all__ = [
    "BLACK_BOX_PROMISES",
    "DRIFT_PROMISES",
    "FORGETTING_PROMISES",
    "LEARNER_PROMISES",
    "METALEARNER_PROMISES",
    "OPTIMIZER_PROMISES",
    "SEARCH_PROMISES",
    "SUPERNET_PROMISES",
    "PromiseBroken",
    "Shared",
]
