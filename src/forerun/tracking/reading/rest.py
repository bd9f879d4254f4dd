"""Reading an MLflow server through its REST API, some experiments at once.

A server cannot be asked what has changed since a time: see `RestReader.increment` for what goes unseen.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from mlflow.exceptions import MlflowException, RestException

from forerun.errors import StoreError
from forerun.mining.runs import Curve, DataSet
from forerun.tracking.reading.base import CONTEXT, Known, Logged, Reader, Reading, chosen, curve, hide, together
from forerun.tracking.reading.http import Server
from forerun.tracking.reading.paging import ORDER, PAGE, listed
from forerun.tracking.store import advise

CONNECTIONS = 4
CLOCKS_MS = 3_600_000
"""How far the clocks of those who log runs may be apart."""
ENDED = ("FINISHED", "FAILED", "KILLED")
ACTIVE, DELETED = "ACTIVE_ONLY", "DELETED_ONLY"

Item = TypeVar("Item")


@dataclass(frozen=True)
class RestReader(Reader):
    """Reads a server.

    A run that has not ended when its page comes is asked for again at the end, for it may have changed since.
    """

    uri: str

    def read(self, experiments: Sequence[str] | None, metrics: Sequence[str], *, resumable: bool = False) -> Reading:
        """Read all pages of all experiments; each curve takes a request."""
        with _Visit.to(self.uri) as visit:
            places = chosen(visit.experiments(), experiments, visit.label)
            runs = visit.gather(places, lambda place: visit.runs(place, places[place]))
            visit.renew(runs, places)
            visit.add_curves(runs, metrics)
            deleted = visit.gather(places, lambda place: visit.runs(place, "", view=DELETED)) if resumable else {}
        return _reading(runs.values(), metrics, places, deleted.keys(), 0)

    def increment(
        self, experiments: Sequence[str] | None, metrics: Sequence[str], known: Known, state: Mapping[str, Any]
    ) -> Reading | None:
        """Read the runs that began or ended since, or had not ended; see which were deleted or restored.

        What a server cannot be asked for is not seen: tags, parameters and metrics that were logged to a run after
        its end, and runs that were logged with an old start and end.
        """
        with _Visit.to(self.uri) as visit:
            places = chosen(visit.experiments(), experiments, visit.label)
            if places != state["experiments"]:
                return None
            since = state["last"] - CLOCKS_MS
            found = visit.gather(
                [(place, at) for place in places for at in ("start_time", "end_time")],
                lambda each: visit.runs(each[0], places[each[0]], f"attributes.{each[1]} >= {since}"),
            )
            deleted = visit.gather(places, lambda place: visit.runs(place, "", view=DELETED)).keys()
            open_ = {run for run, status in known.status.items() if status not in ENDED}
            lost = visit.renew(found, places, (open_ | set(state["deleted"])) - deleted)
            visit.add_curves(found, metrics)
        gone = frozenset(known.status) & (deleted | lost)
        return replace(_reading(found.values(), metrics, places, deleted, state["last"]), gone=gone)


def _reading(
    runs: Iterable[Logged], metrics: Sequence[str], places: Mapping[str, str], deleted: Iterable[str], last: int
) -> Reading:
    read = together(runs, metrics)
    last = max([last, *read.start.tolist(), *read.end.tolist()])
    return Reading(read, {"experiments": dict(places), "last": last, "deleted": sorted(deleted)})


@dataclass
class _Visit:
    """One reading of a server, and how far it got."""

    server: Server
    label: str
    pool: ThreadPoolExecutor
    got: dict[str, int] = field(default_factory=lambda: {"runs": 0, "experiments": 0})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def to(cls, uri: str) -> Iterator["_Visit"]:
        """Visit a server. Raises StoreError, which says how far it got."""
        pool = ThreadPoolExecutor(CONNECTIONS)
        visit = cls(Server(uri.rstrip("/")), hide(uri), pool)
        try:
            yield visit
        except MlflowException as error:
            raise StoreError(
                f"cannot read {visit.label}: {advise(error)}. It stopped after {visit.got['runs']} runs of "
                f"{visit.got['experiments']} whole experiments; nothing of them is used"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)

    def experiments(self) -> dict[str, str]:
        """Undeleted experiments: id to name."""
        found: dict[str, str] = {}
        token = ""
        while True:
            answer = self.server.ask("experiments/search", max_results=PAGE, view_type=ACTIVE, page_token=token)
            found |= {str(each["experiment_id"]): str(each["name"]) for each in answer.get("experiments", [])}
            token = answer.get("next_page_token", "")
            if not token:
                return found

    def gather(self, items: Iterable[Item], read: Callable[[Item], dict[str, Logged]]) -> dict[str, Logged]:
        """Read some things at once and put them together."""
        found: dict[str, Logged] = {}
        for part in self.pool.map(read, items):
            self.got["experiments"] += 1
            found |= part
        return found

    def runs(self, experiment: str, name: str, condition: str = "", view: str = ACTIVE) -> dict[str, Logged]:
        """Runs of an experiment by id; of two answers about a run the later one counts."""

        def page(condition: str, token: str | None) -> tuple[list[Logged], str | None]:
            answer = self.server.ask(
                "runs/search",
                experiment_ids=[experiment],
                filter=condition,
                run_view_type=view,
                max_results=PAGE,
                order_by=[ORDER],
                page_token=token or "",
            )
            runs = [logged(run, name) for run in answer.get("runs", [])]
            with self._lock:
                self.got["runs"] += len(runs)
            return runs, answer.get("next_page_token") or None

        return {run.id: run for run in listed(page, condition)}

    def renew(self, runs: dict[str, Logged], places: Mapping[str, str], also: Iterable[str] = ()) -> set[str]:
        """Ask again for runs that had not ended, and for some more; returns the ids of those that are gone."""
        wanted = {run.id for run in runs.values() if run.status not in ENDED} | (set(also) - runs.keys())
        lost: set[str] = set()
        for identity, run in zip(sorted(wanted), self.pool.map(self._run, sorted(wanted)), strict=True):
            info = run.get("info", {})
            if info.get("lifecycle_stage") == "active" and str(info["experiment_id"]) in places:
                runs[identity] = logged(run, places[str(info["experiment_id"])])
            else:
                runs.pop(identity, None)
                lost.add(identity)
        return lost

    def _run(self, identity: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.server.ask("runs/get", "GET", run_id=identity)["run"]
        except RestException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return {}
        return found

    def add_curves(self, runs: Mapping[str, Logged], metrics: Sequence[str]) -> None:
        """Read the curves of some metrics."""
        wanted = [(run, metric) for run in runs.values() for metric in metrics if metric in run.metrics]
        for (run, metric), points in zip(wanted, self.pool.map(self._curve, wanted), strict=True):
            run.curves[metric] = points

    def _curve(self, which: tuple[Logged, str]) -> Curve:
        points: list[tuple[int, int, float]] = []
        query: dict[str, Any] = {"run_id": which[0].id, "metric_key": which[1], "max_results": 25_000}
        while True:
            answer = self.server.ask("metrics/get-history", "GET", **query)
            found = answer.get("metrics", [])
            points += [(int(m.get("step", 0)), int(m["timestamp"]), float(m["value"])) for m in found]
            if not answer.get("next_page_token"):
                return curve(points)
            query["page_token"] = answer["next_page_token"]


def logged(run: Mapping[str, Any], experiment: str) -> Logged:
    """A run as the API gives it."""
    info, data = run["info"], run.get("data", {})
    return Logged(
        id=info["run_id"],
        experiment=experiment,
        name=info.get("run_name", ""),
        status=info["status"],
        start=int(info.get("start_time", 0)),
        end=int(info.get("end_time", 0)),
        user=info.get("user_id", ""),
        params={each["key"]: each.get("value", "") for each in data.get("params", [])},
        tags={each["key"]: each.get("value", "") for each in data.get("tags", [])},
        metrics={each["key"]: float(each.get("value", 0)) for each in data.get("metrics", [])},
        inputs=[_dataset(each) for each in run.get("inputs", {}).get("dataset_inputs", [])],
    )


def _dataset(found: Mapping[str, Any]) -> DataSet:
    name, digest, source, schema, profile = (
        found["dataset"].get(fact, "") for fact in ("name", "digest", "source", "schema", "profile")
    )
    context = next((tag["value"] for tag in found.get("tags", []) if tag["key"] == CONTEXT), "")
    return DataSet(name, digest, source, schema, profile, context)
