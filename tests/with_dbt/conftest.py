"""Warm workers, shared: importing dbt costs seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from projects import Opened, private_copy, standard_project

from crew.verification.dbt_worker import DbtWorker


@pytest.fixture(scope="session")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The standard project, open for all tests; a test restores what it writes."""
    folder = tmp_path_factory.mktemp("standard")
    worker = DbtWorker(folder / "home", timeout_seconds=120)
    worker.start()
    origin = standard_project(folder / "origin")
    copy = private_copy(origin, folder / "copy")
    info = worker.open(copy, None, None, origin, folder / "scratch")
    yield Opened(worker, info, copy, origin)
    worker.close()


@pytest.fixture(scope="session")
def other_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbtWorker]:
    """A warm worker to open whatever a test wants."""
    worker = DbtWorker(tmp_path_factory.mktemp("other"), timeout_seconds=120)
    worker.start()
    yield worker
    worker.close()
