"""A Prefect server for as long as one run lasts, for who has none.

Prefect can start such a server by itself, but leaves it running when the run is killed. Ours ends with the
process that started it, however that ends: it watches a pipe that breaks with it.
`python -m flows.server` is the server.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from forerun.errors import SettingsError

STARTUP_SECONDS = 240
"""A first start makes the database: 10 s on an idle core, over 90 s on a busy machine."""
SETTLING_SECONDS = 1.0
"""Records of tasks travel in the background; a server that ends at once loses the last of them."""
ENDING_SECONDS = 10


@contextmanager
def a_server() -> Iterator[str]:
    """Yield the URL of the Prefect server that is configured, or of one that lasts as long as the context."""
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    configured = get_current_settings().api.url
    if configured:
        yield configured
        return
    with _own() as url:
        os.environ["PREFECT_API_URL"] = url
        refresh_global_settings_context()
        yield url
        time.sleep(SETTLING_SECONDS)


@contextmanager
def _own() -> Iterator[str]:
    # in a session of its own: Ctrl-C is for the run, which then ends the server
    server = subprocess.Popen(
        [sys.executable, "-m", "flows.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert server.stdin is not None  # noqa: S101 - a pipe
    assert server.stdout is not None  # noqa: S101 - a pipe
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline() or 0)}/api"
        _wait_for(url, server)
        yield url
    finally:
        server.stdin.close()
        server.stdout.close()
        try:
            server.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + STARTUP_SECONDS
    while server.poll() is None and time.monotonic() < end:
        try:
            with urlopen(f"{url}/health", timeout=STARTUP_SECONDS):  # noqa: S310 - http, on this machine
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise SettingsError(
        f"a temporary Prefect server must start within {STARTUP_SECONDS} s; it did not. Start one with `prefect server "
        "start` and set PREFECT_API_URL=http://127.0.0.1:4200/api, or do without Prefect: dvc repro"
    )


def main() -> None:
    """Serve on a free port of this machine, said on standard output, until standard input ends."""
    # as Prefect's own temporary server: no UI, no scheduler
    os.environ |= {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    os.environ.pop("PREFECT_API_URL", None)
    door = socket.create_server(("127.0.0.1", 0))
    print(door.getsockname()[1], flush=True)

    import uvicorn

    app = "prefect.server.api.server:create_app"
    server = uvicorn.Server(
        uvicorn.Config(app, factory=True, log_level="error", lifespan="on", timeout_graceful_shutdown=3)
    )

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True
        time.sleep(ENDING_SECONDS)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.run(sockets=[door])


if __name__ == "__main__":
    main()
