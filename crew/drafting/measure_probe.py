"""Asks the data what an option would give, and which keys the counted rows really have."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlglot import exp

from crew.artifacts import Calendar, Dimension, Evidence, Filter, JoinEdge, Measure
from crew.catalog.warehouse_profile import quoted
from crew.drafting.dialects import said_in
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.period_sql import EVERYONES
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import ColumnLink
from crew.drafting.scope import key_of, qualified, relations_of
from crew.errors import InvalidInput
from crew.ports import Warehouse
from crew.verification.source_totals import Cut, SourceTotals

_SHOWN = 4
"""Figures that tell what a column to split by would give."""
_MOSTLY = 0.5
"""A key that is empty on so much more of the rows than another is not the one they are joined by."""


class MeasureProbe:
    """Small read-only questions; without a warehouse it knows nothing and says nothing."""

    def __init__(
        self, evidence: Evidence, planner: JoinPlanner, warehouse: Warehouse | None
    ) -> None:
        self._evidence = evidence
        self._planner = planner
        self._warehouse = warehouse
        self._totals = SourceTotals(evidence, planner)

    def latest(self, measure: Measure, grain: str, calendar: Calendar = EVERYONES) -> str:
        """The measure in the last whole period of the data, in words; empty if unknown."""
        if self._warehouse is None:
            return ""
        try:
            if measure.is_stock:
                day = said_in(
                    self._evidence.dialect, f"cast(date_trunc('{grain}', current_date) as date)"
                )
                moments = {
                    "time": measure.active_from,
                    "active_from": None,
                    "active_to": None,
                    "at": None,
                }
                newest = measure.model_copy(update=moments)
                rows = self._query(self._newest_period(newest, grain))
                day = f"date '{rows[0][0]}'" if rows else day
                rows = self._query(
                    self._totals.at_moments(measure, (), grain, f"select {day} as period")
                )
            else:
                sql = self._totals.over_time(measure, grain, calendar)
                rows = self._query(
                    f"select period, value from ({sql}) as t where period <= current_date order by 1 desc limit 2"
                )
                rows = rows[1:] or rows
        except (InvalidInput, NoJoin, AmbiguousJoin):
            return ""
        if not rows or rows[0][1] is None:
            return ""
        return f"{_shown(rows[0][1])} in the {grain} of {str(rows[0][0])[:10]}"

    def overall(self, measure: Measure, *conditions: str) -> str:
        """The measure over all dates where the conditions hold, in words; empty if unknown."""
        if self._warehouse is None or measure.is_stock:
            return ""
        try:
            value = self._query(self._totals.overall(measure, conditions))[0][0]
        except (InvalidInput, NoJoin, AmbiguousJoin):
            return ""
        return f"{_shown(value)} in all" if value is not None else "none at all"

    def figure(self, measure: Measure, grain: str) -> str:
        """The measure in the last whole period, or over all dates where it has none."""
        return (
            self.latest(measure, grain)
            if measure.time or measure.is_stock
            else self.overall(measure)
        )

    def split(self, measure: Measure, link: ColumnLink, keys: tuple[str, ...] = ()) -> str:
        """The measure by a column, reached through `keys`: its highest figures, in words; empty if
        unknown. Of personal data and of many values only how many there are."""
        if self._warehouse is None or measure.is_stock:
            return ""
        text = qualified(link.relation, link.column.name).sql(dialect=self._evidence.dialect)
        joined = measure.model_copy(update={"keys": (*measure.keys, *keys)})
        try:
            cells = self._totals.cells(joined, Cut(dimensions=(text,)))
            rows = self._query(
                f"select d0, value, count(*) over () from ({cells}) as t"
                f" order by value is null, value desc, d0 limit {_SHOWN}"
            )
        except (InvalidInput, NoJoin, AmbiguousJoin):
            return ""
        if not rows:
            return "no row at all"
        count = f"{rows[0][2]:,} values" if rows[0][2] > 1 else "1 value"
        if link.column.is_personal or not link.column.values:
            return count
        figures = ", ".join(
            f"{_value(v)}: {'nothing' if n is None else _shown(n)}" for v, n, _ in rows
        )
        return figures if rows[0][2] <= _SHOWN else f"{figures} … ({count})"

    def _newest_period(self, measure: Measure, grain: str) -> str:
        sql = self._totals.over_time(measure, grain)
        return f"select period from ({sql}) as t where period <= current_date order by 1 desc limit 1 offset 1"

    def newest_sql(self, measure: Measure) -> str:
        return self._totals.newest_day(measure)

    def targets(
        self, measure: Measure, dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> set[str]:
        """Relations that the measure must reach."""
        texts = [measure.expression, measure.time, measure.active_from, measure.active_to]
        texts += [*measure.filters, *(f.condition for f in filters)]
        trees = [parse_sql(t, self._evidence.dialect) for t in texts if t and t != "*"]
        return (relations_of(trees) | {d.relation for d in dimensions}) - {measure.relation}

    def keys(
        self, measure: Measure, dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> tuple[tuple[str, ...], str]:
        """Columns the joins must start from where several lead to the same place, and a remark.

        The rows that the measure counts decide: a key that is empty on just those rows would
        lose them silently.
        """
        forks: dict[str, list[list[JoinEdge]]] = {}
        for target in self.targets(measure, dimensions, filters):
            ways = self._planner.ways(measure.relation, target)
            if len(ways) > 1:
                forks[target] = ways
        forks = {t: ways for t, ways in forks.items() if not self._are_parts(measure, ways)}
        if not forks or self._warehouse is None:
            return (), ""
        columns = sorted({w[0].left_column for ways in forks.values() for w in ways})
        filled = self._filled(measure, columns)
        if filled is None or len({filled[c] for c in columns}) == 1:
            return (), ""
        chosen: dict[str, None] = {}
        for ways in forks.values():
            way = max(ways, key=lambda w: (round(filled[w[0].left_column], 3), -len(w)))
            chosen[way[0].left_column] = None
        for target in self.targets(measure, dimensions, filters) - set(forks):
            for way in self._planner.ways(measure.relation, target)[:1]:
                chosen[way[0].left_column] = None
        shares = ", ".join(f"`{c}` is filled on {filled[c]:.1%}" for c in columns)
        through = ", ".join(f"`{c}`" for c in chosen)
        said = (
            f"The rows counted as `{measure.name}` are joined through {through}: {shares} of them."
        )
        return tuple(chosen), said

    def apart(self, relation: str, first: str, last: str, grain: str) -> float | None:
        """The share of rows, among those with both, whose two moments lie in different periods;
        None if unknown."""
        card = self._evidence.relation(relation)
        if card is None or self._warehouse is None:
            return None
        dialect = self._evidence.dialect
        a, b = quoted(first, dialect), quoted(last, dialect)
        try:
            sql = (
                f"select count(*), sum(case when date_trunc('{grain}', {a}) <> date_trunc('{grain}', {b})"
                f" then 1 else 0 end)"
                f" from {card.relation_name} where {a} is not null and {b} is not null"
            )
            rows = self._query(said_in(dialect, sql))
        except InvalidInput:
            return None
        total, differing = rows[0]
        return float(differing) / total if total else None

    def _are_parts(self, measure: Measure, ways: Sequence[Sequence[JoinEdge]]) -> bool:
        """Whether rows point at the same place for several reasons, each on about all of them: the
        data does not tell which one is meant."""
        direct = sorted({w[0].left_column for w in ways if len(w) == 1})
        if len(direct) < 2 or self._warehouse is None:
            return False
        filled = self._filled(measure, direct)
        return filled is not None and max(filled.values()) - min(filled.values()) < _MOSTLY

    def _filled(self, measure: Measure, columns: Sequence[str]) -> dict[str, float] | None:
        card = self._evidence.relation(measure.relation)
        if card is None:
            return None
        own = [f for f in measure.filters if self._is_own(measure.relation, f)]
        conditions = [self._bare(f) for f in own] or ["true"]
        counts = ", ".join(f"count({quoted(c, self._evidence.dialect)})" for c in columns)
        try:
            rows = self._query(
                f"select count(*), {counts} from {card.relation_name}"
                f" where {' and '.join(f'({c})' for c in conditions)}"
            )
        except InvalidInput:
            return None
        total, *filled = rows[0]
        return {c: (n / total if total else 0.0) for c, n in zip(columns, filled, strict=True)}

    def _is_own(self, relation: str, condition: str) -> bool:
        tree = parse_sql(condition, self._evidence.dialect)
        return all(key_of(c) in {relation, ""} for c in tree.find_all(exp.Column))

    def _bare(self, condition: str) -> str:
        tree = parse_sql(condition, self._evidence.dialect)

        def own(node: exp.Expr) -> exp.Expr:
            return exp.column(node.name) if isinstance(node, exp.Column) else node

        return tree.transform(own).sql(dialect=self._evidence.dialect)

    def _query(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        assert self._warehouse is not None
        return self._warehouse.query(sql).rows


def _value(value: Any) -> str:
    if value is None:
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Any) -> str:
    if not isinstance(value, int | float | Decimal):
        return _value(value)
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,.2f}"
