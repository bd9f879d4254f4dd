"""What the runs of programs that we did not write mean; nothing in here knows where they were read."""

from forerun.mining.datasheet import datasheet
from forerun.mining.findings import Findings
from forerun.mining.rules import Rules
from forerun.mining.runs import Columns, DataSet, Runs
from forerun.mining.text import as_text
from forerun.mining.understand import Understood, targets_of, understand

__all__ = [
    "Columns",
    "DataSet",
    "Findings",
    "Rules",
    "Runs",
    "Understood",
    "as_text",
    "datasheet",
    "targets_of",
    "understand",
]
