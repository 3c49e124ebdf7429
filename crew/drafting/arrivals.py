"""When rows of a source arrive: the column that tells, and the gaps between arrivals so far."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from crew.artifacts import ColumnCard, Freshness, RelationCard
from crew.catalog.warehouse_profile import is_arrival, is_temporal, quoted
from crew.drafting.dialects import said_in
from crew.drafting.vocabulary import stem_set, stems
from crew.errors import InvalidInput
from crew.ports import Warehouse

MOST_HOURS = 10_000
"""Hours with an arrival that are looked at, the newest first."""
FEWEST_DAYS = 5
_USUAL = 0.95
_TOLD = re.compile(
    r"\b(?:load(?:ed)?|sync(?:ed)?|ingest\w*|arriv\w+|row was (?:loaded|written|inserted))\b", re.I
)


@dataclass(frozen=True)
class Arrivals:
    """Hours between arrivals: the middle and the longest usual one; `newest` is the last arrival."""

    column: str
    middle_hours: float
    longest_hours: float
    newest: datetime

    def freshness(
        self, source: RelationCard, warn_hours: int = 0, error_hours: int = 0
    ) -> Freshness:
        """What to expect: warn above the longest usual gap, an error above twice that."""
        warn = warn_hours or max(math.ceil(self.longest_hours) + 1, 2)
        system, table = source.key.split(".", 1)
        return Freshness(
            source=system,
            table=table,
            loaded_at_field=self.column,
            warn_after_hours=warn,
            error_after_hours=error_hours or 2 * warn,
        )

    def told(self) -> str:
        """Evidence in words."""
        return (
            f"rows arrive every {_days(self.middle_hours)}, the longest usual gap is"
            f" {_days(self.longest_hours)}"
        )

    def age_hours(self, now: datetime | None = None) -> float:
        return ((now or datetime.now(UTC)).replace(tzinfo=None) - self.newest) / timedelta(hours=1)


def arrival_column(source: RelationCard) -> ColumnCard | None:
    """The column that says when a row was loaded, a moment rather than a day."""
    found = arrival_columns(source)
    return min(found, key=lambda c: not c.data_type.startswith("timestamp"), default=None)


def arrival_columns(source: RelationCard) -> list[ColumnCard]:
    """Columns that say when a row was loaded: by their name or their description, never the time
    of an event or of a change."""
    not_loads = stem_set("changed_words")
    return [
        c
        for c in source.columns
        if is_temporal(c)
        and ((is_arrival(c.name) and not set(stems(c.name)) & not_loads) or _TOLD.search(c.told))
    ]


def arrivals(
    source: RelationCard, column: ColumnCard, warehouse: Warehouse, dialect: str
) -> Arrivals | None:
    """The observed gaps; None where rows arrived on fewer than a handful of days."""
    name = quoted(column.name, dialect)
    sql = said_in(
        dialect,
        f"select distinct date_trunc('hour', {name}) as h from {source.relation_name}"
        f" where {name} is not null order by h desc limit {MOST_HOURS}",
    )
    try:
        rows = warehouse.query(sql, limit=MOST_HOURS).rows
        newest = _moment(
            warehouse.query(f"select max({name}) from {source.relation_name}", limit=1).rows[0][0]
        )
    except InvalidInput:
        return None
    moments = sorted(_moment(row[0]) for row in rows)
    ends: dict[date, float] = {}
    gaps = []
    for before, after in pairwise(moments):
        gap = (after - before) / timedelta(hours=1)
        gaps.append(gap)
        ends[after.date()] = max(ends.get(after.date(), 0.0), gap)
    if len(ends) < FEWEST_DAYS:
        return None
    longest = sorted(ends.values())[math.ceil(_USUAL * len(ends)) - 1]
    return Arrivals(column.name, sorted(gaps)[len(gaps) // 2], longest, newest)


def _moment(value: Any) -> datetime:
    """A moment without a zone, in UTC where it had one."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    return _moment(datetime.fromisoformat(str(value)))


def _days(hours: float) -> str:
    if hours < 24:
        whole = round(hours)
        return f"{whole} hour{'s' * (whole != 1)}"
    return f"{hours / 24:.1f} days"
