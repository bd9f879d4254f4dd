"""MLflow's UI on a project's store, reachable from this machine only."""

import os
import subprocess
import sys
from pathlib import Path

from forerun.errors import StoreError
from forerun.tracking.store import open_store


def serve(uri: str | None, root: Path, port: int) -> int:
    """Serve until interrupted; returns the server's exit code. Raises StoreError where there is nothing to serve."""
    store = open_store(uri, root)
    if store.database is None:
        raise StoreError(f"the store {store.label} is a server with a UI of its own; open it in a browser")
    print(f"MLflow on http://127.0.0.1:{port} - Ctrl-C ends it")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", store.uri]
    if store.artifacts is not None:
        command += ["--default-artifact-root", str(store.artifacts)]
    # without its job consumers the server is two processes instead of ten
    return subprocess.call(command, env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})
