"""`kill -9` at every point where a worker can die: exactly one of everything is there afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from triggers.database import address_of, open_database
from triggers.desk import Desk
from triggers.durable_queue import make_tables

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def template(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Postgres database with all tables, to be copied for each life."""
    folder = tmp_path_factory.mktemp("template")
    admin = sa.create_engine(address_of(postgres, folder), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE template_lab"))
    admin.dispose()
    url = postgres.replace("/postgres?", "/template_lab?")
    engine = open_database(address_of(url, folder))
    make_tables(engine)
    Desk.prepare(engine)
    engine.dispose()
    return url


def lab(database: str, folder: Path, stride: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.orchestrator.crash_lab", database, str(folder / "lab"),
               str(stride), "0"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def check(found: dict[str, Any], stride: int) -> None:
    assert found["wrong"] == {}
    assert found["points"] > 150
    assert found["deaths"] >= 0.9 * len(range(1, found["points"] + 1, stride)) - 1


def test_a_sample_of_deaths_on_sqlite(tmp_path: Path) -> None:
    check(lab("sqlite", tmp_path, 17), 17)


def test_a_sample_of_deaths_on_postgres_with_another_worker(template: str, tmp_path: Path) -> None:
    check(lab(template, tmp_path, 23), 23)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_death_on_sqlite(tmp_path: Path) -> None:
    check(lab("sqlite", tmp_path, 1), 1)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_every_death_on_postgres(template: str, tmp_path: Path) -> None:
    check(lab(template, tmp_path, 1), 1)
