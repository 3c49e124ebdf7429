"""The database of the orchestrator, its queue and what memory learned: SQLite beside the state, or
Postgres by address."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from crew.errors import HostUnavailable, InvalidSettings

_POOL = 20
_CLOCK_SECONDS = 60.0


def address_of(database_url: str, state: Path) -> str:
    """The SQLAlchemy address; without one a SQLite file in the state folder.

    Raises InvalidSettings for anything but SQLite and Postgres.
    """
    if not database_url:
        return f"sqlite:///{state / 'firstmile.sqlite'}"
    scheme, _, rest = database_url.partition("://")
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite":
        return database_url
    raise InvalidSettings(
        f"The database address begins with {scheme!r}.",
        "FIRSTMILE_DATABASE_URL takes postgresql://… or sqlite:////absolute/path.",
    )


def open_database(address: str) -> sa.Engine:
    """An engine whose transactions are safe between processes. Raises HostUnavailable."""
    if address.startswith("sqlite"):
        engine = _sqlite(address)
    else:
        engine = sa.create_engine(address, pool_size=_POOL, max_overflow=_POOL, pool_pre_ping=True)
    try:
        with engine.connect():
            return engine
    except sa.exc.OperationalError as error:
        words = str(error.orig).strip().splitlines()
        raise HostUnavailable(
            f"The database does not answer: {words[0] if words else 'no reason given'}",
            "Check FIRSTMILE_DATABASE_URL and that the server is up.",
        ) from None


def _sqlite(address: str) -> sa.Engine:
    file = sa.make_url(address).database
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, pool_size=_POOL, max_overflow=_POOL)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL",
                       "foreign_keys=ON"):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")

    return engine


def database_clock(engine: sa.Engine) -> Callable[[], float]:
    """Seconds since 1970 by the database's clock, so that machines whose clocks differ agree. How
    far ours is off is asked once a minute. SQLite is on our own machine."""
    if engine.dialect.name == "sqlite":
        return time.time
    asked, ahead = float("-inf"), 0.0

    def now() -> float:
        nonlocal asked, ahead
        if time.monotonic() - asked > _CLOCK_SECONDS:
            with engine.connect() as connection:
                query = sa.text("SELECT extract(epoch FROM clock_timestamp())")
                ahead = float(connection.execute(query).scalar_one()) - time.time()
            asked = time.monotonic()
        return time.time() + ahead

    return now


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that holds the write lock from its first read on (SQLite takes it only at the
    first write otherwise); on Postgres rows are locked by those who read them to change them."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(sa.text("BEGIN IMMEDIATE"))
        yield connection
