"""Families of network architectures, each a base learner. A new family is one file and one line here."""

from forerun.learners.architectures.architecture import Architecture
from forerun.learners.architectures.base import Family
from forerun.learners.architectures.cells import Cells
from forerun.learners.architectures.dense import Dense
from forerun.learners.architectures.fitted import FittedArchitecture
from forerun.learners.architectures.training import Recipe

ARCHITECTURES: dict[str, Family] = {"dense": Dense(), "cells": Cells()}
"""Its line here enrols a family in every promise of `checks.learners` and `checks.supernets`."""

__all__ = ["ARCHITECTURES", "Architecture", "Family", "FittedArchitecture", "Recipe"]
