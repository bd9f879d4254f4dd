"""The report: one self-contained page that tells what was recommended, why, and how sure that is.

`Story` holds what there is to tell (plain values), `render` makes the page of it, `final_table` the few
lines for the terminal. Nothing here computes a result; it only tells one.
"""

from forerun.report.front import front_table
from forerun.report.page import render, write
from forerun.report.story import (
    Architectures,
    Comparison,
    Drift,
    Estimate,
    Front,
    Grounds,
    Lineage,
    Making,
    MethodScore,
    Neighbour,
    Option,
    Past,
    Progress,
    Recommendation,
    SearchFacts,
    Story,
    TaskFacts,
    Training,
    Tuning,
)
from forerun.report.terminal import final_table

__all__ = [
    "Architectures",
    "Comparison",
    "Drift",
    "Estimate",
    "Front",
    "Grounds",
    "Lineage",
    "Making",
    "MethodScore",
    "Neighbour",
    "Option",
    "Past",
    "Progress",
    "Recommendation",
    "SearchFacts",
    "Story",
    "TaskFacts",
    "Training",
    "Tuning",
    "final_table",
    "front_table",
    "render",
    "write",
]
