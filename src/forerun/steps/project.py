"""A forerun project: a folder with `params.yaml`, and where its files lie. Every path is absolute."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from forerun.errors import SettingsError
from forerun.steps.settings import Settings, load_settings


@dataclass(frozen=True)
class Project:
    """Where a project's files lie."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Project":
        """Find the project that holds a folder. Raises SettingsError when there is none."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "params.yaml").is_file() and (folder / "dvc.yaml").is_file():
                return cls(folder)
        raise SettingsError(
            f"a forerun project is a folder with params.yaml and dvc.yaml; neither {here} nor a folder above it is. "
            "Run inside the project, or name it with --project DIR"
        )

    @cached_property
    def settings(self) -> Settings:
        """The project's params.yaml."""
        return load_settings(self.root / "params.yaml")

    @property
    def collected(self) -> Path:
        """What collecting planned and did, JSON."""
        return self.root / "data" / "collected.json"

    @property
    def fingerprint(self) -> Path:
        """What mining would find, JSON."""
        return self.root / "data" / "fingerprint.json"

    @property
    def trials(self) -> Path:
        """The mined history, a folder."""
        return self.root / "data" / "trials"

    @property
    def meta(self) -> Path:
        """The meta-dataset with its datasheet, a folder."""
        return self.root / "data" / "meta"

    @property
    def supernets(self) -> Path:
        """What super-networks said of targets, a folder each; made again where it is missing."""
        return self.root / "data" / "supernets"

    @property
    def optimizers(self) -> Path:
        """Learned optimizers of trainings, a folder each; taught again where one is missing."""
        return self.root / "data" / "optimizers"

    @property
    def models(self) -> Path:
        """The fitted meta-learner, a folder."""
        return self.root / "data" / "models"

    @property
    def reports(self) -> Path:
        """Evaluation, recommendation, registration and the page, a folder."""
        return self.root / "data" / "reports"

    def path(self, relative: str) -> Path:
        """Resolve a path from the settings against the root."""
        return (self.root / relative).resolve()

    @property
    def recommendation(self) -> Path:
        """The recommendation for the target: story, configuration, model; a folder."""
        return self.reports / "recommendation"

    @property
    def registered(self) -> Path:
        """What was registered, JSON."""
        return self.reports / "registered.json"

    @property
    def drift(self) -> Path:
        """Whether the history has drifted, and what was forgotten, JSON."""
        return self.reports / "drift.json"

    @property
    def page(self) -> Path:
        """The report page."""
        return self.reports / "report.html"
