"""Requests to an MLflow server: authenticated, paced, and made again where the network or the server failed.

MLflow's own `http_request` reads its environment variables (user, password, token, certificates, time-outs) and
repeats what a server refuses for the moment (408, 429 with its Retry-After, 5xx) and connections that fail. A
connection that ends in the middle of an answer is left to us.
"""

import json
import re
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR
from mlflow.exceptions import MlflowException, RestException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import MlflowHostCreds, http_request, verify_rest_response

CUT_OFF = 3
"""How often an answer is asked for that ended in the middle."""
BROKEN = "Connection (broken|aborted)|IncompleteRead|ChunkedEncoding"
OK = 200
PER_SECOND = 50
"""Requests at most, so that reading does not starve the people who work with the server."""


@dataclass
class Server:
    """An MLflow server. May be used by many threads."""

    uri: str
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free: float = 0.0

    @cached_property
    def _credentials(self) -> MlflowHostCreds:
        return get_default_host_creds(self.uri)

    def ask(self, endpoint: str, method: str = "POST", **values: Any) -> dict[str, Any]:
        """Ask one thing; `values` are the body of a POST or the query of a GET. Raises MlflowException."""
        path = f"/api/2.0/mlflow/{endpoint}"
        content = {"json": values} if method == "POST" else {"params": values}
        for attempt in range(CUT_OFF):
            self._wait()
            try:
                answer = http_request(self._credentials, path, method, **content)
                if answer.status_code == OK and not _whole(answer.text):
                    raise MlflowException("Connection aborted in the middle of an answer")
                verify_rest_response(answer, path)
            except RestException:
                raise  # the server understood, and said no
            except MlflowException as error:
                if not re.search(BROKEN, str(error)):
                    raise
                if attempt == CUT_OFF - 1:
                    raise MlflowException(f"Connection aborted: {error}") from error
                time.sleep(MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.get() * 2**attempt)
            else:
                found: dict[str, Any] = answer.json()
                return found
        raise AssertionError

    def _wait(self) -> None:
        """Until a request may be made."""
        with self._lock:
            now = time.monotonic()
            self._free = max(self._free, now) + 1 / PER_SECOND
            pause = self._free - 1 / PER_SECOND - now
        if pause > 0:
            time.sleep(pause)


def _whole(text: str) -> bool:
    """False for the beginning of an answer; what is no answer of MLflow's at all is for others to judge."""
    if not text.startswith("{"):
        return bool(text)
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
