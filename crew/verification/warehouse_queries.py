"""Questions to the database over dbt's own connection (worker process only)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crew.errors import InvalidInput
from crew.verification.relocation import Where

_DUCKDB_RELATIONS = """
select database_name, schema_name, table_name from duckdb_tables()
union all
select database_name, schema_name, view_name from duckdb_views() where not internal
"""


def fetch(adapter: Any, sql: str, limit: int) -> dict[str, Any]:
    """Names and up to `limit` rows. Raises InvalidInput with the database's words."""
    from dbt_common.exceptions import DbtBaseException

    try:
        with adapter.connection_named("firstmile_query"):
            _, cursor = adapter.connections.add_query(sql, auto_begin=False)
            columns = [str(column[0]) for column in cursor.description or ()]
            rows = [list(row) for row in cursor.fetchmany(limit)] if limit else []
    except DbtBaseException as error:
        words = str(error).strip().removeprefix("Runtime Error").strip()
        raise InvalidInput(f"The database refused a query: {words}") from error
    return {"columns": columns, "rows": rows}


def require_one_select(sql: str, dialect: str) -> None:
    """Raises InvalidInput unless `sql` is exactly one SELECT."""
    if not (_one_select_duckdb(sql) if dialect == "duckdb" else _one_select(sql, dialect)):
        raise InvalidInput("Only a single SELECT can be asked of the warehouse.")


def _one_select_duckdb(sql: str) -> bool:
    import duckdb

    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise InvalidInput(f"The database refused a query: {error}") from error
    return len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT


def _one_select(sql: str, dialect: str) -> bool:
    import sqlglot
    from sqlglot import exp

    try:
        statements = sqlglot.parse(sql, read=dialect)
    except sqlglot.errors.SqlglotError as error:
        raise InvalidInput(f"The query cannot be read: {error}") from error
    return len(statements) == 1 and isinstance(statements[0], exp.Query)


def existing_relations(adapter: Any, homes: Iterable[tuple[str, str]]) -> set[Where]:
    """(database, schema, identifier) in lower case of what the warehouse has."""
    if adapter.type() == "duckdb":
        rows = fetch(adapter, _DUCKDB_RELATIONS, 1_000_000)["rows"]
        return {(d.lower(), s.lower(), t.lower()) for d, s, t in rows}
    from dbt_common.exceptions import DbtBaseException

    found: set[Where] = set()
    with adapter.connection_named("firstmile_relations"):
        for database, schema in homes:
            try:
                relations = adapter.list_relations(database, schema)
            except DbtBaseException:  # a schema that does not exist yet
                continue
            found |= {(database.lower(), schema.lower(), r.identifier.lower()) for r in relations}
    return found
