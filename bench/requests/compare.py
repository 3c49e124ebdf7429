"""Whether two tables hold the same rows, whatever their columns are called.

Columns are matched by content: an assignment of the expected columns to delivered ones is looked
for under which both tables are the same multiset of rows. Names only break ties, unless they are
asked for. More delivered columns are fine, more rows are not.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

RELATIVE = 1e-6
Cell = tuple[str, Hashable]
Column = tuple[Cell, ...]
Spare = Callable[[tuple[Any, ...]], bool]


@dataclass(frozen=True)
class Rows:
    """A table: names of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def difference(
    expected: Rows, delivered: Rows, by_name: bool = False, spare: Spare | None = None
) -> str:
    """What keeps `delivered` from being `expected`, in words; empty where nothing does.

    Numbers are equal within a millionth of their size, a date equals the timestamp of its
    midnight, null equals null, and text that holds a whole number equals that number. Rows of
    `delivered` that are `spare` may be there besides.
    """
    more = len(delivered.rows) - len(expected.rows)
    if more < 0 or more > sum(map(spare or _never, delivered.rows)):
        return f"{len(delivered.rows)} rows instead of {len(expected.rows)}"
    wanted, found = _cells(expected, delivered)
    candidates: list[list[int]] = []
    for n, column in enumerate(wanted):
        name = expected.columns[n].lower()
        fitting = [m for m, other in enumerate(found) if Counter(column) <= Counter(other)]
        named = [m for m in fitting if delivered.columns[m].lower() == name]
        rest = [] if by_name else [m for m in fitting if m not in named]
        if not named and not rest:
            return f"no column holds `{expected.columns[n]}`"
        candidates.append(named + rest)
    is_spare = [(spare or _never)(row) for row in delivered.rows]
    if _assign(wanted, found, candidates, is_spare, []):
        return ""
    return "the columns are there, but in other rows"


def _never(row: tuple[Any, ...]) -> bool:
    return False


def _assign(
    wanted: Sequence[Column],
    found: Sequence[Column],
    candidates: list[list[int]],
    is_spare: list[bool],
    taken: list[int],
) -> bool:
    """Whether the columns not yet taken can be chosen so that all rows are equal, spare ones
    aside."""
    depth = len(taken)
    if taken:
        rows = list(zip(*(found[m] for m in taken), strict=True))
        there = Counter(rows)
        there.subtract(zip(*wanted[:depth], strict=True))
        spare = Counter(row for row, free in zip(rows, is_spare, strict=True) if free)
        if any(count < 0 or count > spare[row] for row, count in there.items()):
            return False
    if depth == len(wanted):
        return True
    return any(
        _assign(wanted, found, candidates, is_spare, [*taken, m])
        for m in candidates[depth]
        if m not in taken
    )


def _cells(expected: Rows, delivered: Rows) -> tuple[list[Column], list[Column]]:
    """Both tables by column, each cell as a kind and a value that is equal where cells are."""
    numbers = _Numbers([*expected.rows, *delivered.rows])
    return tuple(  # type: ignore[return-value]
        [_column(numbers, [row[n] for row in table.rows]) for n in range(len(table.columns))]
        for table in (expected, delivered)
    )


def _column(numbers: _Numbers, values: list[Any]) -> Column:
    if all(v is None or _whole(v) for v in values):
        values = [None if v is None else int(v) for v in values]
    return tuple(map(numbers.cell, values))


def _whole(value: Any) -> bool:
    """Whether it is text that spells a whole number as that number is written."""
    return isinstance(value, str) and value.isdecimal() and str(int(value)) == value


class _Numbers:
    """Numbers that are nearly equal stand for each other: each by the smallest of its cluster."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        values = sorted({_number(v) for row in rows for v in row if _is_number(v)})
        self._stand: dict[float, float] = {}
        for before, value in zip([None, *values], values, strict=False):
            near = before is not None and _near(before, value)
            self._stand[value] = self._stand[before] if near and before is not None else value

    def cell(self, value: Any) -> Cell:
        if value is None:
            return ("null", None)
        if isinstance(value, bool):
            return ("boolean", value)
        if _is_number(value):
            number = _number(value)
            return (
                ("null", None)
                if math.isnan(number)
                else ("number", self._stand.get(number, number))
            )
        if isinstance(value, datetime.datetime):
            if value.tzinfo is not None:
                value = value.astimezone(datetime.UTC).replace(tzinfo=None)
            return ("time", value)
        if isinstance(value, datetime.date):
            return ("time", datetime.datetime(value.year, value.month, value.day))
        return ("text", value if isinstance(value, str) else repr(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _number(value: Any) -> float:
    return float(value)


def _near(one: float, other: float) -> bool:
    """Two different whole numbers are never near each other."""
    if one.is_integer() and other.is_integer():
        return False
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=1e-9)
