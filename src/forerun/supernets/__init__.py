"""Architectures that share their weights, so that one training tells of all of a family."""

from forerun.supernets.supernet import SuperNet
from forerun.supernets.teaching import (
    Given,
    Shared,
    recorded,
    shared_history,
    shortlist,
    stand_alone,
    task_table,
    with_shared,
)
from forerun.supernets.training import SANDWICHES, Sandwich

__all__ = [
    "SANDWICHES",
    "Given",
    "Sandwich",
    "Shared",
    "SuperNet",
    "recorded",
    "shared_history",
    "shortlist",
    "stand_alone",
    "task_table",
    "with_shared",
]
