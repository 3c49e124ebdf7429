"""The first day of a period, counted in days and months: another way than the model's truncation."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlglot import exp

from crew.artifacts import Calendar, Dimension, Evidence
from crew.drafting.period_sql import period_of
from crew.drafting.row_sets import dimension_sql
from crew.drafting.scope import qualified
from crew.drafting.zones import is_moved

_MONDAY = date(1, 1, 1)
"""Before every day in any data, so that no remainder is negative."""
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def first_day(moment: exp.Expr, grain: str, calendar: Calendar) -> exp.Expr:
    """The first day of the period that a moment lies in; an hour stays a timestamp."""
    if grain == "week":
        first = _MONDAY + timedelta(days=calendar.week_starts)
        day = exp.cast(moment.copy(), "date")
        anchor = exp.cast(exp.Literal.string(first.isoformat()), "date")
        since = exp.DateDiff(this=day, expression=anchor, unit=exp.var("DAY"))
        return _earlier(day, since, 7, "DAY")
    if grain in _MONTHS and calendar.offset(grain):
        day = exp.cast(moment.copy(), "date")
        parts = [exp.Extract(this=exp.var(p), expression=day.copy()) for p in ("year", "month")]
        before = exp.Literal.number(calendar.year_starts)
        months = parts[0] * 12 + parts[1] - before
        return _earlier(period_of(day.copy(), "month"), months, _MONTHS[grain], "MONTH")
    return period_of(moment, grain)


def counted_sql(dimension: Dimension, evidence: Evidence, calendar: Calendar) -> str:
    """What a dimension is, as SQL over qualified columns; a period that begins at another day than
    everyone's is counted, unless it is by the clocks of another zone."""
    sql = qualified(dimension.relation, dimension.column).sql(dialect=evidence.dialect)
    moved = is_moved(sql, calendar, evidence)
    if not dimension.grain or not calendar.offset(dimension.grain) or moved:
        return dimension_sql(dimension)
    column = qualified(dimension.relation, dimension.column)
    return first_day(column, dimension.grain, calendar).sql(dialect=evidence.dialect)


def _earlier(day: exp.Expr, count: exp.Expr, length: int, unit: str) -> exp.Expr:
    """The day earlier by what is left of a count when whole periods are taken away."""
    left = exp.Mod(this=exp.paren(count), expression=exp.Literal.number(length))
    back = exp.DateAdd(
        this=day.copy(), expression=exp.Neg(this=exp.paren(left)), unit=exp.var(unit)
    )
    return exp.cast(back, "date")


def first_of(moment: Any, unit: str, calendar: Calendar) -> Any:
    """As `first_day`, for a date or datetime of Python and months, quarters or years."""
    later = (moment.month - calendar.year_starts) % _MONTHS[unit]
    months = moment.year * 12 + moment.month - 1 - later
    return moment.replace(year=months // 12, month=months % 12 + 1, day=1)
