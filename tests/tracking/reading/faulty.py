"""A server that plays MLflow's REST API from a list of runs, as well or badly as it is told to."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

Fault = Callable[[BaseHTTPRequestHandler, bytes], None]
"""Answers a request badly; gets the answer that would have been right."""


def run(i: int, experiment: str = "1", **info: Any) -> dict[str, Any]:
    """Run number i, as the API tells it."""
    return {
        "info": {
            "run_id": f"{i:032x}",
            "run_name": f"run {i}",
            "experiment_id": experiment,
            "status": "FINISHED",
            "start_time": 1_000 + i,
            "end_time": 2_000 + i,
            "lifecycle_stage": "active",
            "user_id": "ada",
            **info,
        },
        "data": {
            "params": [{"key": "lr", "value": str(i)}],
            "metrics": [{"key": "loss", "value": i / 8, "timestamp": 5, "step": 1}],
        },
        "inputs": {},
    }


@dataclass
class Faulty:
    """What the server holds, and what it does wrong."""

    runs: list[dict[str, Any]]
    experiments: dict[str, str] = field(default_factory=lambda: {"1": "one", "2": "two"})
    faults: list[Fault | None] = field(default_factory=list)
    """For the first requests, in order."""
    before: Callable[["Faulty", int], None] = lambda server, i: None
    """Called before each search of runs, with its number."""
    seen: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    """Path, values and headers of all requests."""
    at: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    uri: str = ""

    def answer(self, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and content of a right answer."""
        what = path.removeprefix("/api/2.0/mlflow/")
        if what == "experiments/search":
            return 200, {"experiments": [{"experiment_id": k, "name": v} for k, v in self.experiments.items()]}
        if what == "runs/get":
            found = [each for each in self.runs if each["info"]["run_id"] == asked["run_id"]]
            return (200, {"run": found[0]}) if found else (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})
        if what == "metrics/get-history":
            first = int(asked.get("page_token") or 0)
            points = [{"key": "loss", "value": v, "timestamp": v, "step": v} for v in (1, 2, 3)]
            return 200, {"metrics": points[first : first + 2], **({"next_page_token": "2"} if first == 0 else {})}
        self.before(self, sum(each[0].endswith("runs/search") for each in self.seen))
        return 200, self.search(asked)

    def search(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A page of runs by offset, as MLflow pages them."""
        stage = "active" if asked["run_view_type"] == "ACTIVE_ONLY" else "deleted"
        bounds = re.findall(r"attributes\.(\w+) >= (-?\d+)", asked["filter"])
        assert asked["order_by"] == ["attributes.start_time ASC"]
        found = [
            each
            for each in sorted(self.runs, key=lambda each: (each["info"]["start_time"], each["info"]["run_id"]))
            if each["info"]["experiment_id"] in asked["experiment_ids"]
            and each["info"]["lifecycle_stage"] == stage
            and all(each["info"].get(name, -1) >= int(value) for name, value in bounds)
        ]
        first, size = int(asked.get("page_token") or 0), asked["max_results"]
        more = {"next_page_token": str(first + size)} if first + size < len(found) else {}
        return {"runs": found[first : first + size], **more}


@contextmanager
def serving(server: Faulty) -> Iterator[Faulty]:
    """Let it answer at its `uri`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # header and content are two packets: the second would wait for 40 ms

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.reply(json.loads(self.rfile.read(length)))

        def do_GET(self) -> None:
            self.reply({k: v[0] for k, v in parse_qs(urlparse(self.path).query).items()})

        def reply(self, asked: dict[str, Any]) -> None:
            with server.lock:
                path = urlparse(self.path).path
                server.seen.append((path, asked, dict(self.headers)))
                server.at.append(time.monotonic())
                fault = server.faults.pop(0) if server.faults else None
                status, content = server.answer(path, asked)
            body = json.dumps(content).encode()
            if fault is not None:
                fault(self, body)
            else:
                send(self, status, body)

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    server.uri = f"http://127.0.0.1:{httpd.server_port}"
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def says(status: int, **headers: str) -> Fault:
    return lambda handler, body: send(handler, status, b'{"error_code": "INTERNAL_ERROR", "message": "no"}', **headers)


def refuses(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """As MLflow's own authentication does."""
    send(handler, 401, b"You are not authenticated.", WWW_Authenticate='Basic realm="mlflow"')


def hangs_up(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.close_connection = True
    handler.connection.shutdown(2)


def dies_in_the_middle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def half_without_a_length(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def slowly(seconds: float) -> Fault:
    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        time.sleep(seconds)
        send(handler, 200, body)

    return answer


def web_page(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """As a proxy's login page does."""
    send(handler, 200, b"<html>Please log in</html>", Content_Type="text/html")
