"""`kill -9` at every point on Postgres, where another worker takes over from the dead one."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from crew.records.database import address_of, open_database
from tests.orchestrator.test_crashes import check, lab
from triggers.desk import Desk
from triggers.durable_queue import make_tables


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


@pytest.mark.parametrize("stride", [53, pytest.param(23, marks=pytest.mark.slow)])
def test_a_sample_of_deaths_on_postgres_with_another_worker(
    template: str, tmp_path: Path, stride: int
) -> None:
    check(lab(template, tmp_path, stride), stride)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_every_death_on_postgres(template: str, tmp_path: Path) -> None:
    check(lab(template, tmp_path, 1), 1)
