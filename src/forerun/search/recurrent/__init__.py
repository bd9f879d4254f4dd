"""An optimizer of black boxes that was learned: it sees results and proposes what to try next."""

from forerun.search.recurrent.optimizer import RecurrentOptimizer
from forerun.search.recurrent.saved import load, save

__all__ = ["RecurrentOptimizer", "load", "save"]
