"""The SQL of periods: the first day of one, and spans of them."""

from __future__ import annotations

from sqlglot import exp


def period_of(column: exp.Expr, grain: str) -> exp.Expr:
    """`date_trunc` as a date; hours stay timestamps."""
    truncated = exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(grain), column])
    return truncated if grain == "hour" else exp.cast(truncated, "date")


def interval(count: int, unit: str) -> exp.Interval:
    return exp.Interval(this=exp.Literal.string(str(count)), unit=exp.var(unit))
