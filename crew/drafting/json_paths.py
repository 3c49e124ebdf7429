"""SQL that reads a key out of a column of JSON, in the dialect of the warehouse."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlglot
from sqlglot import exp

from crew.artifacts import ColumnCard
from crew.catalog.warehouse_profile import is_text

_PLAIN = re.compile(r"[A-Za-z_]\w*")


def json_value(column: ColumnCard, path: Sequence[str], data_type: str, dialect: str) -> str:
    """The value of the key at `path` below a column, as `data_type` (DuckDB's name for it).

    Text stays text, and `json` is what an array or a deeper object is kept as. The keys of a
    STRUCT have types of their own, so that nothing is cast; its brackets keep the column from being
    read as a table, and a key of Redshift's SUPER is read from its text for the same reason.
    """
    base = exp.column(exp.to_identifier(column.name, quoted=True))
    if column.data_type.startswith("struct"):
        keys = [exp.to_identifier(k, quoted=True) for k in path]
        return str(exp.Dot.build([exp.paren(base), *keys]).sql(dialect=dialect))
    text: exp.Expr = base
    if is_text(column) and column.minimum == "":  # an empty text is no JSON
        text = exp.func("nullif", base, exp.Literal.string(""))
    inner = text.sql(dialect=dialect)
    sql = _as_json(column, inner, path, dialect) if data_type == "json" else ""
    if sql or data_type == "json":
        return _parsed(sql, dialect).sql(dialect=dialect)
    tree = _parsed(_as_text(column, inner, path, dialect), dialect)
    if data_type != "varchar":
        tree = exp.cast(tree, exp.DataType.build(data_type, dialect="duckdb"))
    elif not tree.find(exp.JSONExtractScalar):
        tree = exp.cast(tree, exp.DataType.build("varchar"))
    return str(tree.sql(dialect=dialect))


def _parsed(sql: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read=dialect)


def _as_text(column: ColumnCard, base: str, path: Sequence[str], dialect: str) -> str:
    match dialect:
        case "postgres":
            return _arrows(column, base, path, "->>")
        case "snowflake":
            return _get_path(column, base, path)
        case "bigquery":
            return f"json_value({base}, '{_dollar(path)}')"
        case "redshift":
            keys = ", ".join(f"'{k}'" for k in path)
            text = base if is_text(column) else f"json_serialize({base})"
            return f"nullif(json_extract_path_text({text}, {keys}), '')"
        case "databricks" | "spark" if is_text(column):
            return f"get_json_object({base}, '{_dollar(path)}')"
        case "databricks" | "spark":
            return f"{base}:{'.'.join(f'`{k}`' for k in path)}"
    return _transpiled(f"x ->> '{_dollar(path)}'", base, dialect)


def _as_json(column: ColumnCard, base: str, path: Sequence[str], dialect: str) -> str:
    match dialect:
        case "postgres":
            return _arrows(column, base, path, "->")
        case "bigquery":
            return f"json_query({base}, '{_dollar(path)}')"
        case "redshift" if not is_text(column):
            return ".".join([base, *(f'"{k}"' for k in path)])
        case "snowflake" | "redshift" | "databricks" | "spark":
            return _as_text(column, base, path, dialect)
    return _transpiled(f"x -> '{_dollar(path)}'", base, dialect)


def _transpiled(sql: str, base: str, dialect: str) -> str:
    """DuckDB's way to say it, over `base` for x."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    inner = _parsed(base, dialect)
    made = tree.transform(lambda n: inner.copy() if isinstance(n, exp.Column) else n)
    return str(made.sql(dialect=dialect))


def _arrows(column: ColumnCard, base: str, path: Sequence[str], last: str) -> str:
    base = f"cast({base} as jsonb)" if is_text(column) else base
    steps = [f" -> '{k}'" for k in path[:-1]]
    return f"{base}{''.join(steps)} {last} '{path[-1]}'"


def _get_path(column: ColumnCard, base: str, path: Sequence[str]) -> str:
    base = f"parse_json({base})" if is_text(column) else base
    parts = [k if _PLAIN.fullmatch(k) else f'["{k}"]' for k in path]
    return f"get_path({base}, '{'.'.join(parts).replace('.[', '[')}')"


def _dollar(path: Sequence[str]) -> str:
    return "$." + ".".join(k if _PLAIN.fullmatch(k) else f'"{k}"' for k in path)
