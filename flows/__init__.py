"""The pipeline's steps as Prefect flows, chained, scheduled, deployed; nothing is computed here."""

import os

from forerun.cli import QUIET

# here, because it has to come before Prefect and torch are imported
for _name, _value in QUIET.items():
    os.environ.setdefault(_name, _value)
