"""Tasks from OpenML by id, through scikit-learn; needs a network.

Vanschoren, van Rijn, Bischl & Torgo: OpenML, SIGKDD Explorations 15, 2013. Licences differ by data set.
"""

import warnings
from pathlib import Path
from typing import Any, Unpack
from urllib.error import URLError

import pandas as pd

from forerun.errors import DataError
from forerun.tasks.loading import plain
from forerun.tasks.making import TaskOptions, make_task
from forerun.tasks.task import Task


def fetch_openml_task(data_id: int, *, data_home: Path | None = None, **options: Unpack[TaskOptions]) -> Task:
    """The task of an OpenML data set: its default target from its other columns.

    scikit-learn keeps the download in data_home (None: ~/scikit_learn_data), so a second call needs no network.
    options are those of `make_task`; family defaults to the name of the data set without its version.
    Raises DataError without a network, for an unknown id and for data without one default target.
    """
    bunch = fetch(data_id, data_home)
    options.setdefault("source", citation(data_id, bunch))
    options.setdefault("family", plain(bunch.details["name"]))
    return make_task(bunch.frame, target_of(data_id, bunch), name=f"openml_{data_id}", **options)


def save_openml(data_id: int, folder: Path, *, data_home: Path | None = None) -> Path:
    """Download an OpenML data set into folder as `openml_ID.parquet`, and enter it in the folder's manifest.

    The folder is then one for `folder_tasks`. Returns the file. Raises DataError as `fetch_openml_task` does, and
    if the data set cannot be made into a task; then nothing is written.
    """
    bunch = fetch(data_id, data_home)
    target, name = target_of(data_id, bunch), f"openml_{data_id}"
    task = make_task(bunch.frame, target, name=name)
    entry = {"name": name, "task": task.kind, "target": target, "family": plain(bunch.details["name"])}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.parquet"
        bunch.frame.to_parquet(path, index=False)
        enter(folder / "manifest.csv", entry | {"source": citation(data_id, bunch)})
    except OSError as error:
        raise DataError(f"cannot write into {str(folder)!r}: {error.strerror or error}. Name another folder") from error
    return path


def enter(manifest: Path, entry: dict[str, str]) -> None:
    """Add a row to a manifest, in place of an older one of the same name."""
    row = pd.DataFrame([entry])
    if manifest.exists():
        older = pd.read_csv(manifest)
        row = pd.concat([older[older["name"] != entry["name"]], row], ignore_index=True)
    # Written beside and moved, so that a full disk or a kill leaves the older manifest whole.
    unfinished = manifest.with_suffix(".unfinished")
    row.to_csv(unfinished, index=False)
    unfinished.replace(manifest)


def fetch(data_id: int, data_home: Path | None) -> Any:
    """What scikit-learn makes of an OpenML data set (a Bunch with frame, target_names, details)."""
    from sklearn.datasets import fetch_openml

    try:
        with warnings.catch_warnings():
            # Each retry warns; the error at the end tells it all.
            warnings.filterwarnings("ignore", "A network error occurred", UserWarning)
            return fetch_openml(data_id=data_id, as_frame=True, parser="pandas", data_home=data_home, n_retries=1)
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(
            f"cannot download data set {data_id} from openml.org: {reason}. Check the network, "
            "or download a CSV or ARFF file elsewhere and name that"
        ) from error
    except ValueError as error:
        raise DataError(
            f"data set {data_id} of openml.org cannot be used: {error}. Choose a dense, active one"
        ) from error


def target_of(data_id: int, bunch: Any) -> str:
    """The one default target of a data set."""
    if len(bunch.target_names) != 1:
        raise DataError(
            f"data set {data_id} of openml.org must have one default target; it has {list(bunch.target_names)}"
        )
    return str(bunch.target_names[0])


def citation(data_id: int, bunch: Any) -> str:
    """Name, version, address, licence and citation as OpenML gives them."""
    details = bunch.details
    parts = [f"OpenML {details['name']} (version {details['version']})", f"https://www.openml.org/d/{data_id}"]
    return "; ".join([*parts, *(str(details[key]) for key in ("licence", "citation") if details.get(key))])
