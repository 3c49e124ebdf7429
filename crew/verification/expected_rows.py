"""The result rows of a specification over a few given rows, without the model's SQL.

Cells of every measure come from `SourceTotals` over an in-memory DuckDB that holds the given rows;
which rows there are, formulas and columns over rows are plain Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import sqlglot
from sqlglot import exp

from crew.artifacts import Derived, Dimension, Evidence, Measure, Metric, RequirementSpec, TimeGrain
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.row_sets import dimension_sql
from crew.verification.counted_periods import counted_sql, first_day, first_of
from crew.verification.related_relations import with_related
from crew.verification.source_totals import COUNTED, Cut, SourceTotals

Given = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by the key of a relation; values are texts, numbers, booleans or None."""
Row = dict[str, Any]

_ZERO_IS_NONE = {"count", "count_distinct", "sum"}
_MONTHS: dict[TimeGrain, int] = {"month": 1, "quarter": 3, "year": 12}
_STEPS: dict[TimeGrain, timedelta] = {
    "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7),
}  # fmt: skip
_MOST_PERIODS = 400
KEEPS_SCALE = {"postgres", "redshift"}
"""Dialects whose exact decimals differ from one another by their scale alone."""
_NO_SCALE = re.compile(r"numeric|decimal", re.I)
_OPERATIONS: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.Add: lambda a, b: a + b,
    exp.Sub: lambda a, b: a - b,
    exp.Mul: lambda a, b: a * b,
    exp.Div: lambda a, b: float(a) / float(b) if b else None,
}


class CannotExpect(Exception):
    """The specification has something that is not computed here, in words."""


def expected_rows(spec: RequirementSpec, evidence: Evidence, given: Given) -> list[Row]:
    """All rows of the result with every column, in the order of their keys.

    Raises CannotExpect, also where the given rows do not fit the columns' types; NoJoin and
    AmbiguousJoin as the model would.
    """
    with _database() as database:
        return _Expectation(spec, evidence, given, database).rows()


def holding(
    types: Sequence[str], rows: Sequence[Sequence[Any]], conditions: Sequence[str]
) -> list[tuple[bool | None, ...]]:
    """Which conditions (DuckDB's SQL over columns c0, c1, …) hold for each row. Raises
    CannotExpect."""
    columns = ", ".join(f"c{n} {type_}" for n, type_ in enumerate(types))
    marks = ", ".join("?" for _ in range(len(types) + 1))
    with _database() as database:
        database.execute(f"create table tried (n integer, {columns})")
        numbered = [(n, *row) for n, row in enumerate(rows)]
        database.executemany(f"insert into tried values ({marks})", numbered)
        holds = ", ".join(f"({c})" for c in conditions)
        found: list[tuple[bool | None, ...]] = database.execute(
            f"select {holds} from tried order by n"
        ).fetchall()
        return found


@contextmanager
def _database() -> Iterator[Any]:
    import duckdb

    try:
        with duckdb.connect(config={"enable_external_access": False, "threads": 1}) as database:
            yield database
    except duckdb.Error as error:
        raise CannotExpect(f"rows like these ({str(error).splitlines()[0]})") from error


def in_memory(evidence: Evidence, given: Given, database: Any) -> Evidence:
    """Make a table of each given relation; the evidence names these tables."""
    cards = []
    for n, card in enumerate(evidence.relations):
        if card.key in given:
            rows = given[card.key]
            names = list(dict.fromkeys(name for row in rows for name in row))
            names = names or [c.name for c in card.columns]
            types = {c.name: c.data_type or "varchar" for c in card.columns}
            if evidence.dialect in KEEPS_SCALE:
                types |= {
                    n: _whole(n, rows) for n in names if _NO_SCALE.fullmatch(types.get(n, ""))
                }
            columns = ", ".join(f'"{name}" {types.get(name, "varchar")}' for name in names)
            database.execute(f"create table given_{n} ({columns})")
            for row in rows:
                marks = ", ".join("?" for _ in names)
                values = [row.get(name) for name in names]
                database.execute(f"insert into given_{n} values ({marks})", values)
            card = card.model_copy(update={"relation_name": f"given_{n}"})
        cards.append(card)
    return evidence.model_copy(update={"relations": tuple(cards)})


@dataclass
class _Expectation:
    spec: RequirementSpec
    evidence: Evidence
    given: Given
    database: Any
    cut: Cut = field(init=False)
    totals: SourceTotals = field(init=False)

    def __post_init__(self) -> None:
        spec = self.spec
        marked = with_related(
            in_memory(self.evidence, self.given, self.database), self.spec.related
        )
        self.totals = SourceTotals(marked, JoinPlanner(marked))
        self.measures = {m.name: m for metric in spec.metrics for m in metric.measures}
        dated = [m for m in self.measures.values() if m.time]
        self.cut = Cut(
            filters=tuple(f.condition for f in spec.filters),
            dimensions=tuple(counted_sql(d, self.evidence, spec.calendar) for d in self._split_by),
            grain=spec.time.grain if spec.time else "",
            look_back=spec.look_back,
            date_range=spec.date_range.read if spec.date_range else None,
            as_of=self.totals.newest_day(dated[0], spec.calendar)
            if dated and spec.look_back
            else "",
            calendar=spec.calendar,
        )

    def rows(self) -> list[Row]:
        spec = self.spec
        if spec.spine and spec.time:
            raise CannotExpect("rows per entity and period")
        if self.evidence.dialect in KEEPS_SCALE and self._has_endless_digits():
            raise CannotExpect(f"the digits of an average in {self.evidence.dialect}")
        combined = len(self._groups()) > 1 or self._fills_periods or bool(spec.spine)
        periods = self._periods() if spec.time and combined else []
        cells = {name: self._cells(m, periods) for name, m in self.measures.items()}
        keys = (
            self._all_keys(periods)
            if combined
            else dict.fromkeys(k for c in cells.values() for k in c)
        )
        names = [*([spec.time.column] if spec.time else []), *(d.name for d in spec.dimensions)]
        rows = []
        for key in keys if names else [()]:
            row = dict(zip(names, key, strict=True))
            for name, measure in self.measures.items():
                value = cells[name].get(key[:1] if spec.spine else key)
                none_is_zero = combined or measure.aggregation in {"count", "count_distinct"}
                if value is None and none_is_zero and measure.aggregation in _ZERO_IS_NONE:
                    value = 0
                row[name] = value
            rows.append(row | {m.name: formula_value(m, row) for m in spec.metrics})
        rows.sort(key=lambda row: [_sortable(row[n]) for n in names])
        for derived in spec.derived:
            values = [_derived_value(spec, derived, row, rows) for row in rows]
            for row, value in zip(rows, values, strict=True):
                row[derived.name] = value
        if spec.time and spec.date_range and spec.date_range.read_from and spec.date_range.start:
            start = date.fromisoformat(spec.date_range.start)
            rows = [row for row in rows if row[spec.time.column] >= start]
        return _top(spec, rows)

    def _has_endless_digits(self) -> bool:
        """Whether exact decimals are divided: the warehouse chooses how many digits are kept."""
        return (
            any(d.kind == "moving_average" for d in self.spec.derived)
            or any(m.aggregation == "average" for m in self.measures.values())
            or any(
                sqlglot.parse_one(m.expression, read=self.evidence.dialect).find(exp.Div)
                for m in self.measures.values()
                if m.expression != "*"
            )
        )

    @property
    def _split_by(self) -> tuple[Dimension, ...]:
        """What measures are split by: for entities their key says the rest."""
        return self.spec.dimensions[:1] if self.spec.spine else self.spec.dimensions

    @property
    def _fills_periods(self) -> bool:
        stock = any(m.is_stock for m in self.measures.values())
        return bool(self.spec.time) and (stock or self.spec.fill_gaps)

    def _groups(self) -> set[tuple[Any, ...]]:
        """Measures differ in the rows they count, or in what dates these."""
        return {
            (m.relation, frozenset(self.cut.conditions(m)), m.keys, m.active_from, m.active_to, m.at,
             m.time if self.cut.is_timed else "")
            for m in self.measures.values()
        }  # fmt: skip

    def _cells(self, measure: Measure, periods: Sequence[Any]) -> dict[tuple[Any, ...], Any]:
        listed = f"select unnest({_list(periods)}) as period"
        sql = self.totals.cells(measure, self.cut, listed)
        rows = self._ask(sql)
        return {row[:-1]: row[-1] for row in rows if not self.cut.grain or row[0] is not None}

    def _all_keys(self, periods: Sequence[Any]) -> dict[tuple[Any, ...], None]:
        """Every combination that a result row exists for, whether or not something is counted."""
        if self.spec.spine:
            every = Measure(
                name="every", relation=self.spec.spine, aggregation="count", expression="*"
            )
            shown = tuple(dimension_sql(d) for d in self.spec.dimensions)
            cut = Cut(filters=self.spec.spine_filters, dimensions=shown)
            return dict.fromkeys(self._values(every, cut))
        cut = Cut(filters=self.cut.filters, dimensions=self.cut.dimensions)
        found: dict[tuple[Any, ...], None] = {}
        for measure in self.measures.values() if self.cut.dimensions else ():
            found |= dict.fromkeys(self._values(measure, cut))
        if not self.cut.dimensions:
            found = {(): None}
        if not self.spec.time:
            return found
        return {(period, *values): None for period, values in product(periods, found)}

    def _values(self, measure: Measure, cut: Cut) -> list[tuple[Any, ...]]:
        names = ", ".join(f"d{n}" for n in range(len(cut.dimensions)))
        lines = self.totals.lines(measure, cut)
        return self._ask(f"select {names} from ({lines}) as l where reason = {COUNTED}")

    def _periods(self) -> list[Any]:
        """Every period from the first to the last that the data has, inside the dates asked for."""
        assert self.spec.time is not None
        grain = self.spec.time.grain
        moments: list[Any] = []
        for measure in self.measures.values():
            names = ["begin_at", "end_at"] if measure.is_stock else ["moment"]
            lines = self.totals.lines(measure, self.cut)
            where = f"where reason = {COUNTED}"
            for name in names:
                tree = first_day(exp.column(name), grain, self.spec.calendar)
                period = tree.sql(dialect=self.evidence.dialect)
                moments += [r[0] for r in self._ask(f"select {period} from ({lines}) as l {where}")]
        known = sorted(m for m in moments if m is not None)
        found = known[:1]
        while found and found[-1] < known[-1]:
            found.append(after(found[-1], grain))
            if len(found) > _MOST_PERIODS:
                raise CannotExpect(f"more than {_MOST_PERIODS} {grain}s")
        conditions = self.totals.span("period", self.cut, is_period=True)
        if not found or not conditions:
            return found
        listed = f"select unnest({_list(found)}) as period"
        sql = f"select period from ({listed}) as p where {' and '.join(conditions)} order by 1"
        return [row[0] for row in self._ask(sql)]

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        if self.evidence.dialect != "duckdb":
            sql = sqlglot.transpile(sql, read=self.evidence.dialect, write="duckdb")[0]
        found: list[tuple[Any, ...]] = self.database.execute(sql).fetchall()
        return found


def after(period: Any, grain: TimeGrain, count: int = 1) -> Any:
    """The period `count` later (earlier where it is negative)."""
    if grain in _STEPS:
        return period + count * _STEPS[grain]
    months = period.year * 12 + period.month - 1 + count * _MONTHS[grain]
    return period.replace(year=months // 12, month=months % 12 + 1)


def formula_value(metric: Metric, row: Mapping[str, Any]) -> Any:
    """A metric's arithmetic over a row; dividing by zero gives None. Raises CannotExpect."""
    return _value(sqlglot.parse_one(metric.formula, read="duckdb"), row)


def _value(tree: exp.Expr, row: Mapping[str, Any]) -> Any:
    tree = tree.unnest()
    if isinstance(tree, exp.Column) and tree.name in row:
        return row[tree.name]
    if isinstance(tree, exp.Literal) and not tree.is_string:
        return Decimal(tree.name)
    if operation := _OPERATIONS.get(type(tree)):
        left, right = _value(tree.this, row), _value(tree.expression, row)
        if left is None or right is None:
            return None
        if isinstance(left, float) or isinstance(right, float):
            left, right = float(left), float(right)
        return operation(left, right)
    raise CannotExpect(f"the formula {tree.sql()}")


def _derived_value(spec: RequirementSpec, derived: Derived, row: Row, rows: list[Row]) -> Any:
    own = row[derived.of]
    if derived.kind in {"share", "rank", "of_first"}:
        return _within_value(spec, derived, row, rows)
    assert spec.time is not None
    period, grain = spec.time.column, spec.time.grain
    same = [r for r in rows if all(r[d.name] == row[d.name] for d in spec.dimensions)]
    if derived.kind == "running_total":
        begin = date.min
        if derived.reset:
            begin = first_of(row[period], derived.reset, spec.calendar)
        return _sum(r[derived.of] for r in same if begin <= r[period] <= row[period])
    if derived.kind in {"moving_average", "moving_sum"}:
        begin = after(row[period], grain, -derived.periods)
        span = [r[derived.of] for r in same if begin < r[period] <= row[period]]
        known = [v for v in span if v is not None]
        if derived.kind == "moving_sum" or not known:
            return _sum(known)
        return float(_sum(known)) / len(known)
    there = after(row[period], grain, -derived.periods)
    before = next((r[derived.of] for r in same if r[period] == there), None)
    if derived.kind == "previous" or before is None or own is None:
        return before if derived.kind == "previous" else None
    if derived.kind == "change":
        return own - before
    return float(own - before) / float(before) if before else None


def _within_value(spec: RequirementSpec, derived: Derived, row: Row, rows: list[Row]) -> Any:
    own = row[derived.of]
    inside = _together(spec, derived.within, row, rows)
    if derived.kind == "share" and derived.reset:
        assert spec.time is not None
        period = spec.time.column
        begins = {r[period]: first_of(r[period], derived.reset, spec.calendar) for r in rows}
        same = [r for r in rows if begins[r[period]] == begins[row[period]]]
        inside = [r for r in same if all(r[w] == row[w] for w in derived.within)]
    if derived.kind == "share":
        total = _sum(r[derived.of] for r in inside)
        return float(own) / float(total) if total and own is not None else None
    if derived.kind == "rank":
        if own is None:
            return 1 + sum(r[derived.of] is not None for r in inside)
        return 1 + sum(r[derived.of] is not None and r[derived.of] > own for r in inside)
    order = next(d.name for d in reversed(spec.dimensions) if d.name not in derived.within)
    same = [r for r in rows if all(r[w] == row[w] for w in derived.within)]
    first = min(same, key=lambda r: _sortable(r[order]))[derived.of]
    return float(own) / float(first) if first and own is not None else None


def _top(spec: RequirementSpec, rows: list[Row]) -> list[Row]:
    top = spec.top
    if top is None:
        return rows

    def beaten_by(row: Row) -> int:
        own = row[top.by]
        values = [r[top.by] for r in _together(spec, top.within, row, rows)]
        known = [v for v in values if v is not None]
        if own is None:
            return len(known)
        return sum(v < own if top.lowest else v > own for v in known)

    return [row for row in rows if beaten_by(row) < top.count]


def _together(spec: RequirementSpec, within: Sequence[str], row: Row, rows: list[Row]) -> list[Row]:
    """The rows of the same period and the same values of `within`."""
    names = [*([spec.time.column] if spec.time else []), *within]
    return [r for r in rows if all(r[n] == row[n] for n in names)]


def _sum(values: Iterable[Any]) -> Any:
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value


def _list(periods: Sequence[Any]) -> str:
    if not periods:
        return "cast([] as date[])"
    type_ = "timestamp" if isinstance(periods[0], datetime) else "date"
    return "[" + ", ".join(f"cast('{p}' as {type_})" for p in periods) + "]"


def _whole(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The type of a decimal that keeps the scale it is written with. Raises CannotExpect for
    fractions: each result would have a scale of its own."""
    if any(isinstance(row.get(name), float) for row in rows):
        raise CannotExpect(f"fractions of `{name}`, which has no scale of its own,")
    return "decimal(38, 0)"


def plain(value: Any, dialect: str = "duckdb") -> Any:
    """A value as it stands in YAML: dates as ISO text, whole numbers without a point. Where the
    warehouse shows 10 and 10.00 apart, as dbt then compares them, decimals are texts."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal) and dialect in KEEPS_SCALE:
        return f"{value:f}"
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) else float(value)
    return value
