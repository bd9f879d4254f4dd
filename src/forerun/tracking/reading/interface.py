"""Reading through MLflow's own client: what is left for stores that nothing else here reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from forerun.mining.runs import Curve, DataSet
from forerun.tracking.reading.base import (
    CONTEXT,
    Known,
    Logged,
    Reader,
    Reading,
    chosen,
    curve,
    explained,
    hide,
    together,
)
from forerun.tracking.reading.paging import ORDER, PAGE, listed

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(frozen=True)
class InterfaceReader(Reader):
    """Reads whatever MLflow itself can open; forty times slower than SQL, and never in increments."""

    uri: str

    @cached_property
    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def read(self, experiments: Sequence[str] | None, metrics: Sequence[str], *, resumable: bool = False) -> Reading:
        """Read all pages; each curve takes a request."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        with explained(self.uri, MlflowException, SQLAlchemyError, ImportError):
            return self._read(experiments, metrics)

    def _read(self, experiments: Sequence[str] | None, metrics: Sequence[str]) -> Reading:
        known: dict[str, str] = {}
        token = None
        while True:
            found = self._client.search_experiments(max_results=PAGE, page_token=token)
            known |= {str(each.experiment_id): str(each.name) for each in found}
            token = found.token
            if not token:
                break
        runs: dict[str, Logged] = {}
        for identity, name in chosen(known, experiments, hide(self.uri)).items():
            runs |= {run.id: run for run in self._runs(identity, name)}
        for run in runs.values():
            run.curves = {metric: self._curve(run.id, metric) for metric in metrics if metric in run.metrics}
        return Reading(together(runs.values(), metrics), {})

    def increment(
        self, experiments: Sequence[str] | None, metrics: Sequence[str], known: Known, state: Mapping[str, Any]
    ) -> Reading | None:
        """Cannot tell."""
        return None

    def _runs(self, experiment: str, name: str) -> list[Logged]:
        def page(condition: str, token: str | None) -> tuple[list[Logged], str | None]:
            found = self._client.search_runs([experiment], condition, 1, PAGE, [ORDER], token)
            return [logged(run, name) for run in found], found.token or None

        return list(listed(page))

    def _curve(self, run: str, metric: str) -> Curve:
        return curve((m.step, m.timestamp, m.value) for m in self._client.get_metric_history(run, metric))


def logged(run: "Run", experiment: str) -> Logged:
    """A run as MLflow's client gives it."""
    return Logged(
        id=run.info.run_id,
        experiment=experiment,
        name=run.info.run_name or "",
        status=run.info.status,
        start=run.info.start_time or 0,
        end=run.info.end_time or 0,
        user=run.info.user_id or "",
        params=dict(run.data.params),
        tags={name: value or "" for name, value in run.data.tags.items()},
        metrics=dict(run.data.metrics),
        inputs=[
            DataSet(
                each.dataset.name,
                each.dataset.digest,
                each.dataset.source or "",
                each.dataset.schema or "",
                each.dataset.profile or "",
                next((tag.value for tag in each.tags if tag.key == CONTEXT), ""),
            )
            for each in (run.inputs.dataset_inputs if run.inputs else ())
        ],
    )
