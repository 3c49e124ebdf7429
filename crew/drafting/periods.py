"""Which relations hold a row per period, and of which: none finer can be had from them."""

from __future__ import annotations

from datetime import date

from crew.artifacts import Calendar, ColumnCard, RelationCard
from crew.drafting.period_sql import EVERYONES

_DAYS = {"week": (6.9, 7.3), "month": (28.0, 31.8), "quarter": (89.0, 93.0), "year": (360.0, 370.0)}
_FINER = {
    "hour": set(_DAYS), "day": set(_DAYS), "week": {"month", "quarter", "year"},
    "month": {"week", "quarter", "year"}, "quarter": {"week", "year"}, "year": {"week"},
}  # fmt: skip
MIN_PERIODS = 4


def period_of(column: ColumnCard) -> str:
    """`month` for a column whose values are the first days of months, one about every month, whenever
    years and weeks begin there; empty for moments, days, and what holds too few values to tell."""
    first, last = _day(column.minimum), _day(column.maximum)
    if first is None or last is None or (column.distinct or 0) < MIN_PERIODS:
        return ""
    apart = (last - first).days / ((column.distinct or 2) - 1)
    for period, (least, most) in _DAYS.items():
        if least <= apart <= most and _begins(first, period) and _begins(last, period):
            same = first.weekday() == last.weekday() if period == "week" else True
            return period if same and (period != "year" or first.month == last.month) else ""
    return ""


def is_too_coarse(card: RelationCard, grain: str, calendar: Calendar = EVERYONES) -> bool:
    """Whether a relation holds rows of periods that the wanted grain would have to cut."""
    cut = any(
        p in _FINER.get(grain, set()) or _begins_otherwise(c, p, grain, calendar)
        for c in card.columns
        if (p := period_of(c))
    )
    return cut and not any(c.is_unique and not period_of(c) for c in card.columns)


def _begins_otherwise(column: ColumnCard, period: str, grain: str, calendar: Calendar) -> bool:
    """Whether the periods of a column, no longer than those wanted, do not lie within them."""
    first = _day(column.minimum)
    if first is None or period not in {"week", "quarter", "year"}:
        return False
    if period == "week":
        return grain == "week" and first.weekday() != calendar.week_starts
    months = 3 if period == "quarter" else 12
    return grain in {"quarter", "year"} and (first.month - calendar.year_starts) % months != 0


def _begins(day: date, period: str) -> bool:
    if period == "week":
        return True
    return day.day == 1


def _day(text: str | None) -> date | None:
    """The day of a date, or of a moment at midnight."""
    if text is None or text[10:].strip(" T0:.+Z"):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
