"""What clocks in a zone show, by the offsets that Python knows: another way than the warehouse's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from sqlglot import exp

from crew.artifacts import ColumnCard
from crew.drafting.period_sql import interval

_MADE_UP = (2023, 2026)
"""Years of rows that are made up for unit tests."""
_UNKNOWN = (1990, 2038)


def years_of(column: ColumnCard | None) -> tuple[int, int]:
    """The years that the moments of a column may lie in."""
    ends = [column.minimum, column.maximum] if column else []
    known = [int(e[:4]) for e in ends if e and e[:4].isdigit()]
    if len(known) < 2:
        return _UNKNOWN
    return max(min(known[0], _MADE_UP[0]), 1900) - 1, min(max(known[1], _MADE_UP[1]), 2100) + 1


def by_clock(utc: exp.Expr, zone: str, years: tuple[int, int]) -> exp.Expr:
    """The moment `utc`, which is in UTC, as the clocks of a zone show it in these years."""
    (_, first), *changes = offsets(zone, *years)
    shown = exp.Case(default=_plus(utc, first))
    for moment, minutes in reversed(changes):
        limit = exp.cast(exp.Literal.string(moment.strftime("%Y-%m-%d %H:%M:%S")), "timestamp")
        shown = shown.when(utc.copy() >= limit, _plus(utc, minutes))
    return shown if changes else _plus(utc, first)


def by_clocks(
    utc: exp.Expr, zone: exp.Expr, zones: Sequence[str], years: tuple[int, int]
) -> exp.Expr:
    """As `by_clock`, by the zone of each row."""
    shown = exp.Case()
    for name in zones:
        shown = shown.when(zone.copy().eq(exp.Literal.string(name)), by_clock(utc, name, years))
    return shown


@cache
def offsets(zone: str, first: int, last: int) -> tuple[tuple[datetime, int], ...]:
    """Minutes that a zone is ahead of UTC: at the beginning of a year, then from each change (in
    UTC) on, up to the end of the last year."""
    start, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    found = [(start, _minutes(start, zone))]
    for day in _days(start, end):
        if _minutes(day + timedelta(days=1), zone) != found[-1][1]:
            low, high = 0, 24 * 60  # minutes of the day in between which the change lies
            while high - low > 1:
                middle = (low + high) // 2
                same = _minutes(day + timedelta(minutes=middle), zone) == found[-1][1]
                low, high = (middle, high) if same else (low, middle)
            moment = day + timedelta(minutes=high)
            found.append((moment, _minutes(moment, zone)))
    return tuple(found)


def _days(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += timedelta(days=1)


def _minutes(moment: datetime, zone: str) -> int:
    ahead = moment.astimezone(ZoneInfo(zone)).utcoffset()
    return round(ahead.total_seconds() / 60) if ahead else 0


def _plus(utc: exp.Expr, minutes: int) -> exp.Expr:
    if not minutes:
        return utc.copy()
    way = exp.Add if minutes > 0 else exp.Sub
    return way(this=utc.copy(), expression=interval(abs(minutes), "minute"))
