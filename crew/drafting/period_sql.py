"""The SQL of periods: the first day of one, and spans of them."""

from __future__ import annotations

from sqlglot import exp

from crew.artifacts import Calendar

EVERYONES = Calendar()


def period_of(column: exp.Expr, grain: str, calendar: Calendar = EVERYONES) -> exp.Expr:
    """The first day of the period a moment lies in, as a date; hours stay timestamps.

    Where periods begin later than `date_trunc` says, the moment is moved back by as much, and the
    first day forth again.
    """
    later = calendar.offset(grain) if grain in {"week", "quarter", "year"} else 0
    if later:
        unit = "day" if grain == "week" else "month"
        back, forth = (exp.Sub, exp.Add) if later > 0 else (exp.Add, exp.Sub)
        step = interval(abs(later), unit)
        column = exp.cast(back(this=exp.cast(column, "date"), expression=step), "date")
        return exp.cast(forth(this=_truncated(column, grain), expression=step.copy()), "date")
    truncated = _truncated(column, grain)
    return truncated if grain == "hour" else exp.cast(truncated, "date")


def _truncated(column: exp.Expr, grain: str) -> exp.Expr:
    return exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(grain), column])


def interval(count: int, unit: str) -> exp.Interval:
    return exp.Interval(this=exp.Literal.string(str(count)), unit=exp.var(unit))
