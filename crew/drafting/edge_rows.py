"""A few rows for each input of a model, chosen so that they pin the edges of its specification.

Per set of rows counted: two plain rows that share what is counted once, the last moment of a
period and the first of the next, an amount that is null, one that is zero, a row that each
condition leaves out, a key that leads nowhere, rows on both sides of the dates asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, product
from typing import Any

import sqlglot
from sqlglot import exp

from crew.artifacts import Evidence, JoinEdge, Measure, RequirementSpec
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.row_sets import dimension_sql
from crew.drafting.scope import key_of
from crew.verification.expected_rows import after, holding

MAX_ROWS = 10
_MAX_TRIED = 3000
_FARTHEST = 30
_NOWHERE, _LONELY, _OWN = 99, 50, 20
"""Numbers of keys: that lead nowhere, that nothing leads to, of rows counted."""
_START = {"hour": datetime(2024, 1, 10, 9), "day": datetime(2024, 1, 10),
          "week": datetime(2024, 1, 8)}  # fmt: skip
_ADDITIVE = {"count", "count_distinct", "sum", "min", "max"}
_AMOUNTS = (10, 25, 40, 75, 110, 160, 230, 310, 450)
_UNITS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}

Place = tuple[str, str]
"""The key of a relation and one of its columns."""


class CannotMakeUp(Exception):
    """Rows for these inputs cannot be made up, in words."""


@dataclass
class Scenario:
    """A row of the relation counted, with the rows it leads to; `nowhere` are keys without one,
    `entity` tells rows apart by which rows they lead to."""

    values: dict[Place, Any]
    entity: int = 0
    nowhere: tuple[JoinEdge, ...] = ()


@dataclass
class EdgeRows:
    """Makes the rows for one specification; `relations` are the model's inputs."""

    spec: RequirementSpec
    evidence: Evidence
    relations: Sequence[str]
    planner: JoinPlanner = field(init=False)

    def __post_init__(self) -> None:
        self.planner = JoinPlanner(self.evidence)

    def given(self) -> dict[str, list[dict[str, Any]]]:
        """Rows by relation. Raises CannotMakeUp; NoJoin and AmbiguousJoin as the model would."""
        tables: dict[str, _Table] = {key: _Table() for key in self.relations}
        for measures in self._sets():
            set_ = _RowSet(self.spec, self.evidence, self.planner, measures)
            for scenario in set_.scenarios():
                self._add(tables, scenario, set_)
        if self.spec.spine:
            self._add_lonely(tables)
        return {key: self._with_columns(key, table.rows) for key, table in tables.items()}

    def _with_columns(self, key: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows; where nothing of them matters but that they are there, with some column."""
        if any(rows) or not rows:
            return rows
        card = self.evidence.relation(key)
        for column in card.columns if card else ():
            if _kind(self.evidence, key, column.name) in {"number", "text"}:
                numbers = range(1, len(rows) + 1)
                return [{column.name: self._key(key, column.name, n)} for n in numbers]
        raise CannotMakeUp(f"rows of {key}")

    def _sets(self) -> Iterator[list[Measure]]:
        found: dict[tuple[Any, ...], list[Measure]] = {}
        for measure in {m.name: m for x in self.spec.metrics for m in x.measures}.values():
            key = (measure.relation, tuple(sorted(measure.filters)), measure.keys)
            found.setdefault(key, []).append(measure)
        yield from found.values()

    def _add(self, tables: dict[str, _Table], scenario: Scenario, set_: _RowSet) -> None:
        """Rows of the relations that a scenario leads to first, then its own."""
        values = dict(scenario.values)
        for edge in reversed(set_.joins):
            place = (edge.left, edge.left_column)
            if place in values and values[place] is None:
                continue
            if edge in scenario.nowhere:
                values[place] = self._key(*place, _NOWHERE)
                continue
            own = {c: v for (key, c), v in values.items() if key == edge.right}
            own.pop(edge.right_column, None)
            table = tables.setdefault(edge.right, _Table())
            told_apart = scenario.entity if edge.right in set_.told_apart else 0
            number = table.number((own, told_apart))
            values[place] = key = self._key(*place, number)
            table.put(number, own | {edge.right_column: key})
        own = {c: v for (key, c), v in values.items() if key == set_.relation}
        table = tables.setdefault(set_.relation, _Table())
        if len(table.rows) < (3 * MAX_ROWS if self.spec.top else MAX_ROWS):
            for column in set_.unique_columns:
                own[column] = self._key(set_.relation, column, len(table.rows) + _OWN)
            table.rows.append(own)

    def _add_lonely(self, tables: dict[str, _Table]) -> None:
        """A row of the spine that nothing leads to."""
        table = tables[self.spec.spine]
        names = {d.column: d for d in self.spec.dimensions if d.relation == self.spec.spine}
        if not table.rows or not names:
            raise CannotMakeUp(f"rows of {self.spec.spine}")
        keys = {e.right_column for e in self.evidence.joins if e.right == self.spec.spine}
        row = dict(table.rows[-1])
        for name in row:
            if name in keys:
                row[name] = self._key(self.spec.spine, name, _LONELY)
        table.rows.append(row)

    def _key(self, relation: str, column: str, number: int) -> Any:
        kind = _kind(self.evidence, relation, column)
        if kind == "number":
            return number
        if kind == "uuid":
            return f"00000000-0000-0000-0000-{number:012d}"
        if kind != "text":
            raise CannotMakeUp(f"keys like {relation}.{column}")
        return f"k{number}"


@dataclass
class _Table:
    rows: list[dict[str, Any]] = field(default_factory=list)
    _numbers: list[tuple[dict[str, Any], int]] = field(default_factory=list)

    def number(self, own: tuple[dict[str, Any], int]) -> int:
        """The number of the row with these values besides its key."""
        if own not in self._numbers:
            self._numbers.append(own)
        return self._numbers.index(own) + 1

    def put(self, number: int, row: dict[str, Any]) -> None:
        if row not in self.rows:
            self.rows.append(row)


@dataclass
class _RowSet:
    """Rows that some measures count."""

    spec: RequirementSpec
    evidence: Evidence
    planner: JoinPlanner
    measures: list[Measure]

    def __post_init__(self) -> None:
        first = self.measures[0]
        self.relation = first.relation
        self.filters = list(
            dict.fromkeys((*first.filters, *(f.condition for f in self.spec.filters)))
        )
        self.dims = [dimension_sql(d) for d in self.spec.dimensions]
        self.amounts = self._places(m.expression for m in self.measures if m.expression != "*")
        self.filtered = self._places(self.filters)
        split = self._places(self.dims)
        dates = self._places(
            t for m in self.measures for t in (m.time, m.active_from, m.active_to, m.order_by) if t
        )
        zones = self._places(
            [self.spec.calendar.zone_column] if self.spec.calendar.zone_column else []
        )
        places = list(dict.fromkeys([*self.filtered, *split, *self.amounts, *dates, *zones]))
        self.joins = self.planner.plan(self.relation, {p[0] for p in places}, first.keys)
        keys = {(e.left, e.left_column) for e in self.joins}
        keys |= {(e.right, e.right_column) for e in self.joins}
        self.keys = keys
        self.split = [p for p in split if p not in keys]
        self.told_apart = {
            e.right
            for e in self.joins
            if {(e.left, e.left_column), (e.right, e.right_column)} & set(split)
        }
        self.places = [p for p in places if p not in keys]
        counted = {
            p for m in self.measures if m.aggregation == "count_distinct"
            for p in self._places([m.expression])
        }  # fmt: skip
        self.counted_once = [p for p in counted if p in self.places]
        self.unique_columns = [
            p[1] for p in self.places if p[0] == self.relation and self._is_key(p)
        ]

    def scenarios(self) -> list[Scenario]:
        """At most MAX_ROWS; what matters most first."""
        allowed, left_out = self._by_conditions()
        moments = _moments(self.spec, self.measures)
        base = {p: self._plain(p, 0) for p in self.places} | allowed
        found: list[Scenario] = []

        def add(n: int, changes: dict[Place, Any], when: int, nowhere: Any = ()) -> None:
            own = dict(base)
            for place in self.amounts:
                if place not in self.filtered and place not in self.counted_once:
                    own[place] = self._plain(place, len(found))
            own |= {p: self._split_value(p, n) for p in self.split if p not in self.filtered}
            own |= self._dated(moments[when % len(moments)]) | changes
            found.append(Scenario(own, n, tuple(nowhere)))

        free = [p for p in self.amounts if p not in self.filtered and p not in self.counted_once]
        add(0, {}, 0)
        add(1, {}, 0)
        add(0, {p: None for p in free if not self._is_key(p)}, 1)
        add(0, {p: self._plain(p, 50) for p in self.counted_once}, 2)
        for changes in left_out[:3]:
            add(0, changes, 0)
        for edge in [e for e in self.joins if e.left == self.relation][:1]:
            add(1, {}, 2, [edge])
        if any("/" in m.formula for m in self.spec.metrics):
            zero = {p: 0 for p in free if self._kind(p) == "number" and not self._is_key(p)}
            add(2, zero, 2)
        if self.spec.top or any(d.kind == "rank" for d in self.spec.derived):
            tied = {p: self._plain(p, 3) for p in free}
            add(1, tied, 2)
        for when in range(3, len(moments)):
            add(0, {}, when)
        if any(m.aggregation not in _ADDITIVE for m in self.measures):
            add(0, {}, 0)
            add(0, {}, 0)
        for n in range(2, 2 * max((len(self._borders(p)) for p in self.split), default=0)):
            add(n, {}, 0)
        if self.spec.top and self.spec.top.count <= MAX_ROWS:
            for n in range(2, self.spec.top.count + 2):
                add(n, {}, 0)
            return found
        return found[:MAX_ROWS]

    # --- values --------------------------------------------------------------------------------

    def _plain(self, place: Place, n: int) -> Any:
        kind = self._kind(place)
        if kind == "number":
            return _AMOUNTS[n % len(_AMOUNTS)] + n // len(_AMOUNTS)
        if kind == "boolean":
            return n % 2 == 0
        if kind == "date":
            apart = self.places.index(place) if place in self.places else 0
            day = datetime(2024, 1, 10) + timedelta(days=n * (1 + 2 * apart))
            return _text(day, self._type(place))
        if kind == "uuid":
            return f"00000000-0000-0000-0000-{n:012d}"
        known = self._known(place)
        return known[n] if n < len(known) else f"{place[1][:12]} {n + 1}"

    def _split_value(self, place: Place, n: int) -> Any:
        """The n-th value to split by: where ranges are asked for, one on their borders."""
        borders = self._borders(place)
        options = [v for border in borders for v in (border - 1, border)]
        return options[n % len(options)] if options else self._plain(place, n)

    def _borders(self, place: Place) -> list[int | float]:
        """The numbers between the ranges asked for."""
        found = [v for text in self.dims for v in _literals(text, place, self.evidence.dialect)]
        return list(dict.fromkeys(v for v in found if isinstance(v, int | float)))

    def _dated(self, moment: tuple[datetime, datetime | None]) -> dict[Place, Any]:
        """The dates of a row: its moment, and where it was active until then."""
        begin, end = moment
        found: dict[Place, Any] = {}
        for measure in self.measures:
            for text, value in (
                (measure.active_to, end), (measure.active_from, begin), (measure.time, begin)
            ):  # fmt: skip
                for place in self._places([text]) if text else ():
                    if place not in self.filtered:
                        found[place] = _text(value, self._type(place)) if value else None
        return found

    def _by_conditions(self) -> tuple[dict[Place, Any], list[dict[Place, Any]]]:
        """Values of which every condition holds, and for each condition such that it alone does
        not. Raises CannotMakeUp where none are found."""
        if not self.filters:
            return {}, []
        if any(
            sqlglot.parse_one(f, read=self.evidence.dialect).find(exp.Query) for f in self.filters
        ):
            raise CannotMakeUp("a condition over other rows")
        places = self.filtered
        options = [self._candidates(p) for p in places]
        tried = list(islice(product(*options), _MAX_TRIED))
        conditions = [self._local(f, places) for f in self.filters]
        holds = holding([self._type(p) for p in places], tried, conditions)
        answers = list(zip(tried, holds, strict=True))
        good = next((values for values, row in answers if all(row)), None)
        if good is None:
            raise CannotMakeUp("rows of which all conditions hold")
        left_out = []
        for n in range(len(self.filters)):
            others = [
                values for values, row in answers
                if not row[n] and all(v for k, v in enumerate(row) if k != n)
            ]  # fmt: skip
            if others:
                near = min(others, key=lambda values: _changes(values, good))
                left_out.append(self._kept(dict(zip(places, near, strict=True))))
        return self._kept(dict(zip(places, good, strict=True))), left_out

    def _kept(self, values: dict[Place, Any]) -> dict[Place, Any]:
        """Without the keys that lead somewhere: those are made as the rows are."""
        return {p: v for p, v in values.items() if p not in self.keys or v is None}

    def _candidates(self, place: Place) -> list[Any]:
        kind = self._kind(place)
        if place in self.keys:
            return [self._plain(place, 0), None]
        said = [
            v for f in self.filters for v in _literals(f, place, self.evidence.dialect)
        ]  # fmt: skip
        if kind == "boolean":
            return [True, False, None]
        if kind == "number":
            near = [x for v in said if isinstance(v, int | float) for x in (v, v + 1, v - 1)]
            return list(dict.fromkeys([*near, 10, 0, None]))
        if kind == "date":
            middle = datetime(2024, 1, 10, 12)
            dates = [d for v in said if (d := _moment(v))]
            near_dates = [
                x for d in dates for x in (d, d - timedelta(seconds=1), d + timedelta(days=1))
            ]
            every = [*near_dates, middle, middle + timedelta(days=5), middle - timedelta(days=5)]
            return [*dict.fromkeys(_text(d, self._type(place)) for d in every), None]
        texts = [str(v).replace("%", "").replace("_", "x") if "%" in str(v) else v for v in said]
        other = [v for v in self._known(place) if v not in texts][:2] or ["other"]
        return list(dict.fromkeys([*texts, *other, None]))

    # --- what is known of columns ------------------------------------------------------------------

    def _places(self, texts: Any) -> list[Place]:
        found: dict[Place, None] = {}
        for text in texts:
            for column in sqlglot.parse_one(text, read=self.evidence.dialect).find_all(exp.Column):
                found[key_of(column) or self.relation, column.name] = None
        return list(found)

    def _local(self, text: str, places: Sequence[Place]) -> str:
        names = {p: f"c{n}" for n, p in enumerate(places)}

        def own(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                return exp.column(names[key_of(node) or self.relation, node.name])
            return node

        tree = sqlglot.parse_one(text, read=self.evidence.dialect).transform(own)
        return tree.sql(dialect="duckdb")

    def _kind(self, place: Place) -> str:
        kind = _kind(self.evidence, *place)
        if not kind:
            raise CannotMakeUp(f"values like {place[0]}.{place[1]} ({self._type(place)})")
        return kind

    def _type(self, place: Place) -> str:
        card = self.evidence.relation(place[0])
        column = card.column(place[1]) if card else None
        return column.data_type if column and column.data_type else "varchar"

    def _known(self, place: Place) -> list[str]:
        card = self.evidence.relation(place[0])
        column = card.column(place[1]) if card else None
        return [v for v in column.values if v] if column and not column.is_personal else []

    def _is_key(self, place: Place) -> bool:
        card = self.evidence.relation(place[0])
        column = card.column(place[1]) if card else None
        return bool(column and column.is_unique and self._kind(place) != "date")


def _kind(evidence: Evidence, relation: str, column: str) -> str:
    card = evidence.relation(relation)
    found = card.column(column) if card else None
    type_ = (found.data_type if found else "").lower()
    if type_.endswith("]"):
        return ""
    if re.match(r"(tiny|small|big|huge|u\w*)?int|decimal|numeric|number|double|float|real", type_):
        return "number"
    if type_.startswith(("timestamp", "date")):
        return "date"
    if type_.startswith("bool"):
        return "boolean"
    if type_.startswith(("varchar", "char", "text", "string")):
        return "text"
    return "uuid" if type_ == "uuid" else ""


def _changes(row: Sequence[Any], base: Sequence[Any]) -> tuple[int, int]:
    """How far a row of values is from another one; nulls are farther."""
    return sum(a != b for a, b in zip(row, base, strict=True)), sum(a is None for a in row)


def _literals(text: str, place: Place, dialect: str) -> list[Any]:
    """What a column is compared with in an expression."""
    tree = sqlglot.parse_one(text, read=dialect)
    found: dict[Any, None] = {}
    for column in tree.find_all(exp.Column):
        if (key_of(column), column.name) != place:
            continue
        node: exp.Expr | None = column
        while node is not None and not isinstance(node, exp.Predicate | exp.In | exp.Between):
            node = node.parent
        for literal in node.find_all(exp.Literal) if node is not None else ():
            found[literal.name if literal.is_string else _number(literal.name)] = None
    return list(found)


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() else float(text)


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _text(moment: datetime, type_: str) -> str:
    if type_.lower() == "date":
        return moment.date().isoformat()
    return moment.isoformat(sep=" ") + ("+00" if "zone" in type_ or type_.endswith("tz") else "")


def _moments(
    spec: RequirementSpec, measures: Sequence[Measure]
) -> list[tuple[datetime, datetime | None]]:
    """(begin, end) of rows: inside a period, its last moment, the first of the next, then those on
    the borders of the dates asked for, or of a stock's moments."""
    grain = spec.time.grain if spec.time else "month"
    later = spec.calendar.offset(grain)
    start = _START.get(grain, datetime(2024, 1 + (0 if grain == "week" else later), 1))
    start += timedelta(days=later if grain == "week" else 0)
    if spec.date_range and (bound := spec.date_range.start or spec.date_range.end):
        start = datetime.fromisoformat(bound)
        if not spec.date_range.start:
            start = after(start, grain, -2) if start.day == 1 else start - timedelta(days=40)
    second = timedelta(seconds=1)
    following = (
        after(start, grain) if start.day == 1 or grain in _START else start + timedelta(days=31)
    )
    inside = start + (following - start) / 3
    inside = inside.replace(microsecond=0, second=0)
    found: list[tuple[datetime, datetime | None]]
    if any(m.is_stock for m in measures):
        last = after(following, grain)
        return [(inside - (following - start), None), (inside, following), (start, following - second),
                (following, None), (inside, last), (following - second, following + second)]  # fmt: skip
    found = [(inside, None), (following - second, None), (following, None)]
    if spec.fill_gaps and (start.day == 1 or grain in _START):
        found.append((after(following, grain, 2), None))  # the period between them has no row
    far = max((d.periods for d in spec.derived), default=1)
    if 1 < far <= _FARTHEST and not spec.dimensions and (start.day == 1 or grain in _START):
        found.append((after(following, grain, far), None))
    if back := spec.look_back:
        span = timedelta(days=back.count * _UNITS[back.unit])
        newest = following + timedelta(days=2)
        if back.calendar:
            span = timedelta(days=newest.day - 1 if back.unit == "month" else 7 * back.count)
        found += [(newest, None), (newest - span, None), (newest - span + timedelta(days=1), None)]
    if spec.date_range:
        bounds = (spec.date_range.start, spec.date_range.end)
        for border in [datetime.fromisoformat(b) for b in bounds if b]:
            found += [(border - second, None), (border, None)]
    return found
