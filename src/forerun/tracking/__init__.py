"""The only MLflow in the package: runs are written, mined and registered here.

This file imports nothing heavy, because the loaders of registered models (`champion`, `metalearner`) are
imported by MLflow's own servers. It only settles how MLflow behaves, before any module imports it.
"""

import os

# MLflow reads DO_NOT_TRACK only where it equals 'true'; checking pip requirements at load costs seconds
# and a network; its own retries of a dead server would take minutes. A user's setting goes before ours.
for _name, _value in {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)
