"""Write the example warehouse (messy, schema `raw`) and the truth behind it (clean, schema `truth`).

Facts are drawn first, by MD5 of a key, so that every run on every machine gives the same rows. The truth
is written from the facts, and so is the warehouse, with the mess added: neither is made from the other.
"""

import argparse
from pathlib import Path

import duckdb

SQL = Path(__file__).parent / "warehouse"


def create_empty(path: Path, schema: str) -> None:
    """Replace `path` by a DuckDB file that holds one empty schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in (path, path.with_name(path.name + ".wal")):
        stale.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create schema {schema}")


def write_schema(facts: duckdb.DuckDBPyConnection, path: Path, schema: str) -> dict[str, int]:
    """Run `<schema>.sql` with its tables going to `path`; return the rows of each table."""
    create_empty(path, schema)
    script = (SQL / f"{schema}.sql").read_text(encoding="utf-8")
    quoted_path = str(path).replace("'", "''")
    facts.execute(f"attach '{quoted_path}' as target")
    facts.execute(script.replace(f"create table {schema}.", f"create table target.{schema}."))
    tables = facts.execute(
        "select table_name from duckdb_tables() where database_name = 'target' order by table_name"
    ).fetchall()
    rows = {name: count(facts, f"target.{schema}.{name}") for (name,) in tables}
    facts.execute("detach target")
    return rows


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return the number of rows in `table`."""
    row = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def generate(warehouse: Path, truth: Path, scale: float = 1.0) -> dict[str, int]:
    """Write both databases, replacing what is there; return the rows of each raw table."""
    with duckdb.connect() as facts:
        facts.execute(f"create macro scaled(number) as cast(number * {scale:.6f} as bigint)")
        for script in sorted((SQL / "facts").glob("*.sql")):
            facts.execute(script.read_text(encoding="utf-8"))
        write_schema(facts, truth, "truth")
        return write_schema(facts, warehouse, "raw")


def main() -> None:
    """Read the command line and report what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--warehouse", type=Path, required=True, help="DuckDB file for the schema raw"
    )
    parser.add_argument(
        "--truth", type=Path, required=True, help="DuckDB file for the schema truth"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 gives about 300,000 raw rows")
    options = parser.parse_args()
    if options.scale <= 0:
        parser.error("--scale must be above 0")
    if options.warehouse.stem == "raw" or options.truth.stem == "truth":
        parser.error(
            "a DuckDB file must not be named as the schema in it: 'truth.orders' would be ambiguous"
        )
    rows = generate(options.warehouse, options.truth, options.scale)
    for table, number in rows.items():
        print(f"raw.{table:<16} {number:>8,}")
    print(f"{'in all':<20} {sum(rows.values()):>8,}")


if __name__ == "__main__":
    main()
