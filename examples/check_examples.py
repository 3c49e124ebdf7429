"""Check that the built example project agrees with the truth, table by table and ticket by ticket.

Each table of `truth` must equal its staging view, and each query in `expected/` must give the same rows over
staging as over the truth. The help desk tickets are left out: staging them is one of the example tickets.
"""

import argparse
import sys
from pathlib import Path

import duckdb

EXPECTED = Path(__file__).parent / "expected"
NOT_STAGED = "support_tickets"


def names(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """Return the first column of a query's rows."""
    return [name for (name,) in connection.execute(sql).fetchall()]


def compare_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return one finding for each truth table that differs from its staging view."""
    findings = []
    tables = names(connection, "select table_name from duckdb_tables() where schema_name = 'truth'")
    for table in sorted(set(tables) - {NOT_STAGED}):
        columns = ", ".join(
            names(connection, f"select column_name from (describe clean.truth.{table})")
        )
        truth = f"select {columns} from clean.truth.{table}"
        staged = f"select {columns} from analytics.stg_shop__{table}"
        for title, left, right in (("missing from", truth, staged), ("wrong in", staged, truth)):
            rows = len(connection.execute(f"({left}) except all ({right})").fetchall())
            if rows:
                findings.append(f"{rows} rows are {title} stg_shop__{table}")
        connection.execute(f"create temp view {table} as {staged}")
    return findings


def compare_expected(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return one finding for each expected query that depends on which of the two databases it reads."""
    findings = []
    for path in sorted(EXPECTED.glob("*.sql")):
        query = path.read_text(encoding="utf-8")
        if NOT_STAGED in query:
            continue
        truth = connection.execute(query.replace("truth.", "clean.truth.")).fetchall()
        staged = connection.execute(query.replace("truth.", "temp.main.")).fetchall()
        if not truth or truth != staged:
            findings.append(
                f"{path.name}: {len(truth)} rows over the truth, {len(staged)} over staging, not the same"
            )
    return findings


def main() -> None:
    """Read the command line, print what differs, exit with 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--warehouse", type=Path, required=True, help="DuckDB file after `dbt build`"
    )
    parser.add_argument("--truth", type=Path, required=True, help="DuckDB file of the truth")
    options = parser.parse_args()
    with duckdb.connect(str(options.warehouse), read_only=True) as connection:
        quoted_path = str(options.truth).replace("'", "''")
        connection.execute(f"attach '{quoted_path}' as clean (read_only)")
        findings = compare_tables(connection) + compare_expected(connection)
    print("\n".join(findings) or "staging and truth agree")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
