"""Architectures that share their weights, so that one training tells of all. A new family is one file and a line."""

from forerun.supernets.base import Architecture, Family, FittedArchitecture
from forerun.supernets.cells import Cells
from forerun.supernets.dense import Dense
from forerun.supernets.supernet import SuperNet
from forerun.supernets.teaching import Given, recorded, shortlist, stand_alone, task_table, with_shared
from forerun.supernets.training import Recipe, Sandwich

FAMILIES: dict[str, Family] = {"dense": Dense(), "cells": Cells()}
"""Its line here enrols a family in every promise of `checks.supernets`."""

__all__ = [
    "FAMILIES",
    "Architecture",
    "Family",
    "FittedArchitecture",
    "Given",
    "Recipe",
    "Sandwich",
    "SuperNet",
    "recorded",
    "shortlist",
    "stand_alone",
    "task_table",
    "with_shared",
]
