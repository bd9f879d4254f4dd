"""Training learned optimizers: on which problems, and by which outer gradients.

    python -m forerun.metatraining FOLDER --form mlp

It stands above `forerun.learners`, whose networks are what rules practise on, and `forerun.optimizers` below them, as
learners use the rules that come out.
"""

from forerun.metatraining.outer import OUTER
from forerun.metatraining.problems import Problem, Table, draw
from forerun.metatraining.training import FAMILIES, Settings, meta_train, tables

__all__ = ["FAMILIES", "OUTER", "Problem", "Settings", "Table", "draw", "meta_train", "tables"]
