"""Write the history that a recording made: the folder that ships in `data/history`."""

from pathlib import Path

from forerun.tracking.store import Store


def export(store: Store, folder: Path) -> None:
    """Mine the recording's runs and write the history with its datasheet into `folder`."""
    raise NotImplementedError((store, folder))
