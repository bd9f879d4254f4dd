"""Shared by all tests: how Hypothesis searches (`pytest --hypothesis-profile deep` looks harder), and projects."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from forerun.trials import Trial

# read once, when NumPy or torch is imported: threads on small matrices only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

# no deadline: the machines that run this are shared; derandomized: a build that passed once passes again
settings.register_profile("steady", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=1_000, deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained project. Not to be changed: ask for `project` instead."""
    from tests.projects import train  # heavy: only for the tests that need it

    return train(tmp_path_factory.mktemp("trained") / "project").root


@pytest.fixture
def project(trained: Path, tmp_path: Path) -> Path:
    """A trained project of the test's own; its store moves along."""
    return Path(shutil.copytree(trained, tmp_path / "project"))


@pytest.fixture
def trained_here(monkeypatch: pytest.MonkeyPatch) -> "list[Trial]":
    """Train in this process; returns the list of what was really trained."""
    from tests.projects import Here

    Here.trained = []
    monkeypatch.setattr("forerun.steps.training.TrainingPool", Here)
    monkeypatch.setattr("forerun.steps.collect.TrainingPool", Here)
    return Here.trained
