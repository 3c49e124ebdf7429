"""Every period from the first to the last, as each dialect makes rows out of nothing.

DuckDB and Postgres have `generate_series`, BigQuery and Databricks arrays of dates. Elsewhere a step
that reads itself adds a period at a time, which any dialect with recursive steps understands.
"""

from __future__ import annotations

from sqlglot import exp, parse_one

from crew.drafting.period_sql import interval
from crew.drafting.sql_layout import Cte

FIRST, LAST = "first_period", "last_period"
_ARRAYS = {"bigquery": "unnest", "databricks": "explode", "spark": "explode"}


def period_series(bounds: str, name: str, column: str, grain: str, dialect: str) -> list[Cte]:
    """Steps of which the last, `name`, has a row for each `grain` in `column`: from the lowest
    `first_period` of the step `bounds` to its highest `last_period`."""
    first, last = exp.Min(this=exp.column(FIRST)), exp.Max(this=exp.column(LAST))
    told = f"every {grain} from the first to the last in the data"
    type_ = "timestamp" if grain == "hour" else "date"
    if dialect in {"duckdb", "postgres"}:
        series = exp.GenerateSeries(start=first, end=last, step=interval(1, grain))
        is_set = dialect == "postgres"  # a set of rows there, no array
        every = exp.cast(series if is_set else exp.Unnest(expressions=[series]), type_)
        return [Cte(name, exp.select(exp.alias_(every, column)).from_(bounds), told)]
    span = f"{bounds}_in_all"
    ends = exp.select(exp.alias_(first, FIRST), exp.alias_(last, LAST)).from_(bounds)
    steps = [Cte(span, ends)]
    match _ARRAYS.get(dialect):
        case "unnest":
            kind = "timestamp" if grain == "hour" else "date"
            array = f"generate_{kind}_array({FIRST}, {LAST}, interval 1 {grain})"
            text = f"select {column} from {span} cross join unnest({array}) as {column}"
        case "explode":
            array = f"sequence({FIRST}, {LAST}, interval 1 {grain})"
            text = f"select explode({array}) as {column} from {span}"
        case _:
            following = exp.cast(
                exp.Add(this=exp.column(column), expression=interval(1, grain)), type_
            )
            begin = exp.select(exp.alias_(exp.column(FIRST), column), LAST).from_(span)
            go_on = exp.select(exp.alias_(following, column), LAST).from_(name)
            go_on = go_on.where(exp.column(column) < exp.column(LAST))
            every_ = exp.union(begin, go_on, distinct=False)
            return [*steps, Cte(name, every_, told, columns=(column, LAST))]
    return [*steps, Cte(name, parse_one(text, read=dialect), told)]
