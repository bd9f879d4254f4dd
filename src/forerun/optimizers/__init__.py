"""Learned optimizers: rules that were themselves trained, and train any torch model with nothing to tune.

    from forerun.optimizers import Learned
    optimizer = Learned(model.parameters(), "lstm")

How rules are trained is told in `forerun.metatraining`.
"""

from forerun.optimizers.learned import Learned
from forerun.optimizers.rule import Rule, State
from forerun.optimizers.saved import RULES, Trained, load, save

__all__ = ["RULES", "Learned", "Rule", "State", "Trained", "load", "save"]
