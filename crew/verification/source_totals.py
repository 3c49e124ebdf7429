"""Totals of a measure straight from its source, in another way than the model computes them.

The model joins and aggregates in steps; here each foreign value is a scalar subquery over the
key, so that a join that loses or multiplies rows shows as a difference (or as an error).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp, parse_one

from crew.artifacts import Calendar, ColumnCard, DateRange, Evidence, LookBack, Measure
from crew.drafting.aggregates import aggregate
from crew.drafting.dialects import in_dialect
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.period_sql import EVERYONES, interval
from crew.drafting.scope import key_of, qualified
from crew.drafting.zones import column_type, in_zone, is_moved, stored_zone
from crew.verification.counted_periods import first_day
from crew.verification.counted_zones import by_clock, by_clocks, years_of

ROWS = "counted"
COUNTED, UNDATED, OUTSIDE = 0, 1, 2
FILTERED, LOST, UNKNOWN = 100, 200, 300  # plus the number of the condition
_STATE = ("begin_at", "end_at")
_NAME = ("this", "db", "catalog")


@dataclass(frozen=True)
class Cut:
    """Which rows of a measure count, and how they are split: by expressions over qualified columns
    and, with a `grain`, by period. `as_of` is a scalar query of the day a look-back counts from."""

    filters: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    grain: str = ""
    look_back: LookBack | None = None
    date_range: DateRange | None = None
    as_of: str = ""
    calendar: Calendar = EVERYONES

    @property
    def is_timed(self) -> bool:
        return bool(self.grain or self.look_back or self.date_range)

    def conditions(self, measure: Measure) -> tuple[str, ...]:
        """Every condition that a counted row meets, once."""
        return tuple(dict.fromkeys((*measure.filters, *self.filters)))


class SourceTotals:
    """Builds SQL over the real names of relations."""

    def __init__(self, evidence: Evidence, planner: JoinPlanner) -> None:
        self._evidence = evidence
        self._planner = planner

    def over_time(self, measure: Measure, grain: str, calendar: Calendar = EVERYONES) -> str:
        """Rows (period, value) of a flow measure."""
        return self.cells(measure, Cut(grain=grain, calendar=calendar))

    def at_moments(self, measure: Measure, filters: Sequence[str], grain: str, periods: str) -> str:
        """Rows (period, value) of a stock measure at the periods that a SELECT `periods` gives."""
        active = self._sql(_active(measure, grain))
        lines = self.lines(measure, Cut(tuple(filters), grain=grain))
        value = self._aggregated(measure)
        return (
            f"select p.period, (select {value} from ({lines}) as l "
            f"where l.reason = {COUNTED} and {active}) as value from ({periods}) as p"
        )

    def _aggregated(self, measure: Measure) -> str:
        """The aggregate of the lines `l`; those that few warehouses spell alike as the dialect has
        them."""
        own = measure.aggregation in {"median", "percentile", "first", "last"}
        if own and self._evidence.dialect != "duckdb":
            value, place = exp.column("value", table="l"), exp.column("place", table="l")
            return self._sql(aggregate(measure, value, place))
        return _aggregation(measure, "l.value")

    def overall(self, measure: Measure, filters: Sequence[str], span: str = "") -> str:
        """One row, one value: the measure over all its rows, or those in `span` (a condition on
        `{moment}`)."""
        value = exp.alias_(self._aggregate(measure), "value")
        query = exp.select(value).from_(self._table(measure), dialect=self._evidence.dialect)
        for text in dict.fromkeys((*measure.filters, *filters)):
            query = query.where(exp.paren(self._tree(measure, text)))
        if span and measure.time:
            moment = self._sql(self._plain(measure.time, self._tree(measure, measure.time)))
            query = query.where(span.replace("{moment}", moment), dialect=self._evidence.dialect)
        return self._sql(query)

    def newest_day(self, measure: Measure, calendar: Calendar = EVERYONES) -> str:
        """One row, one date: the latest day of the measure's time column that is not ahead."""
        assert measure.time is not None
        tree = parse_one(measure.time, read=self._evidence.dialect)
        column = next(iter(tree.find_all(exp.Column)))
        card = self._evidence.relation(key_of(column))
        name = card.relation_name if card else key_of(column)
        moment: exp.Expr = exp.column(column.name, quoted=True)
        if not is_moved(measure.time, calendar, self._evidence) or calendar.zone_column:
            moment = self._plain(measure.time, moment)
        else:
            moment = self._in_utc(measure.time, moment, calendar)
            moment = by_clock(moment, calendar.zone, years_of(self._column(measure.time)))
        newest = exp.cast(moment, "date").sql(dialect=self._evidence.dialect)
        return f"select least(max({newest}), current_date) as day from {name}"

    def lines(self, measure: Measure, cut: Cut) -> str:
        """Every row of the measure's relation: (moment or begin_at and end_at, d0, d1, …, value,
        reason), where `reason` says why it does not count: no date, outside the dates, the first
        condition that is false, else the first that is unknown (LOST: a key leads nowhere)."""
        columns = self._moments(measure, cut)
        for n, text in enumerate(cut.dimensions):
            columns[f"d{n}"] = self._tree(measure, text)
        one = measure.expression == "*"
        columns["value"] = exp.Literal.number(1) if one else self._tree(measure, measure.expression)
        if measure.order_by:
            columns["place"] = self._tree(measure, measure.order_by)
        for n, text in enumerate(cut.conditions(measure)):
            columns[f"f{n}"] = exp.paren(self._tree(measure, text))
            columns[f"k{n}"] = self._leads_nowhere(measure, text)
        inner = exp.select(*(exp.alias_(t, name) for name, t in columns.items()))
        inner = _read_once(inner.from_(self._table(measure), dialect=self._evidence.dialect))
        inner = self._by_clocks(measure, cut.calendar, inner, list(columns))
        shown = [c for c in columns if c[0] not in "fkz"]
        return (
            f"select {', '.join(shown)}, {self._reason(measure, cut)} as reason "
            f"from ({self._sql(inner)}) as l"
        )

    def cells(self, measure: Measure, cut: Cut, periods: str = "") -> str:
        """Rows (period, d0, d1, …, value) of the rows that count; a stock is counted at each of
        the `periods` that a SELECT gives."""
        dims = [f"l.d{n}" for n in range(len(cut.dimensions))]
        value, source = self._aggregated(measure), f"({self.lines(measure, cut)}) as l"
        keys = list(dims)
        if measure.is_stock and cut.grain:
            active = self._sql(_active(measure, cut.grain))
            source = f"({periods}) as p inner join {source} on {active}"
            keys.insert(0, "p.period")
        elif cut.grain:
            keys.insert(0, self._sql(first_day(exp.column("moment", "l"), cut.grain, cut.calendar)))
        names = (["period"] if cut.grain else []) + [d[2:] for d in dims]
        columns = [f"{key} as {name}" for key, name in zip(keys, names, strict=True)]
        positions = ", ".join(str(n + 1) for n in range(len(keys)))
        grouped = f" group by {positions}" if keys else ""
        return (
            f"select {', '.join([*columns, f'{value} as value'])} from {source} "
            f"where l.reason = {COUNTED}{grouped}"
        )

    def span(self, moment: str, cut: Cut, is_period: bool = False) -> list[str]:
        """Conditions of look-back and fixed dates on a moment, or on the first day of periods."""
        found: list[exp.Expr] = []
        column, cast = exp.column(moment), exp.cast(exp.column(moment), "date")
        day: exp.Expr = column if is_period else cast
        since, limit = day, day
        if back := cut.look_back:
            newest = exp.select("day").from_(f"({cut.as_of}) as newest").subquery()
            if back.calendar:
                return [self._sql(c) for c in _by_calendar(back, day, newest, cut, is_period)]
            if is_period:
                since, limit = day, first_day(newest, cut.grain, cut.calendar)
            elif cut.grain == back.unit:
                since = first_day(column, cut.grain, cut.calendar)
                limit = first_day(newest, cut.grain, cut.calendar)
            else:
                since, limit = day, newest
            found.append(since > limit - interval(back.count, back.unit))
            found.append(day <= newest.copy())
        if fixed := cut.date_range:
            found += [day >= exp.cast(exp.Literal.string(fixed.start), "date")] * bool(fixed.start)
            found += [day < exp.cast(exp.Literal.string(fixed.end), "date")] * bool(fixed.end)
        return [self._sql(condition) for condition in found]

    def _moments(self, measure: Measure, cut: Cut) -> dict[str, exp.Expr]:
        calendar = cut.calendar
        columns: dict[str, exp.Expr] = {}
        if measure.is_stock:
            begin = measure.active_from or "null"
            columns["begin_at"] = self._state(begin, self._tree(measure, begin), calendar)
            end = self._end(measure)
            columns["end_at"] = self._state(measure.active_to or "null", end, calendar)
        elif measure.time and cut.is_timed:
            moment = self._tree(measure, measure.time)
            columns["moment"] = self._in_utc(measure.time, moment, calendar)
        if calendar.zone_column and columns:
            columns["zone_of"] = self._tree(measure, calendar.zone_column)
        return columns

    def _state(self, text: str, tree: exp.Expr, calendar: Calendar) -> exp.Expr:
        """The moment that a state begins or ends at, in UTC where it is to be moved."""
        moved = is_moved(text, calendar, self._evidence)
        return self._in_utc(text, tree, calendar) if moved else tree

    def _reason(self, measure: Measure, cut: Cut) -> str:
        whens = []
        if measure.is_stock and cut.grain:
            whens.append(f"when begin_at is null then {UNDATED}")
        elif measure.time and not measure.is_stock and cut.is_timed:
            whens.append(f"when moment is null then {UNDATED}")
            whens += [f"when not ({c}) then {OUTSIDE}" for c in self.span("moment", cut)]
        count = len(cut.conditions(measure))
        whens += [f"when not f{n} then {FILTERED + n}" for n in range(count)]
        whens += [f"when f{n} is null and k{n} then {LOST + n}" for n in range(count)]
        whens += [f"when f{n} is null then {UNKNOWN + n}" for n in range(count)]
        return f"case {' '.join(whens)} else {COUNTED} end" if whens else str(COUNTED)

    def _leads_nowhere(self, measure: Measure, text: str) -> exp.Expr:
        """Whether a relation that the condition is about has no row for this one."""
        tree = parse_one(text, read=self._evidence.dialect)
        keys = dict.fromkeys(key_of(c) for c in tree.find_all(exp.Column))
        found = []
        for key in keys:
            if key not in {measure.relation, ""}:
                edge = self._planner.path(measure.relation, key, measure.keys)[-1]
                end = self._value(measure, qualified(key, edge.right_column))
                found.append(end.is_(exp.null()))
        return exp.or_(*found) if found else exp.false()

    def _end(self, measure: Measure) -> exp.Expr:
        return self._tree(measure, measure.active_to or "cast(null as timestamp)")

    def _plain(self, text: str, moment: exp.Expr) -> exp.Expr:
        """A moment as it is; one with a zone of its own by the clocks of UTC."""
        zoned = column_type(text, self._evidence) in {"timestamp with time zone", "timestamptz"}
        utc = exp.Literal.string("UTC")
        return exp.AtTimeZone(this=exp.paren(moment), zone=utc) if zoned else moment

    def _in_utc(self, text: str, moment: exp.Expr, calendar: Calendar) -> exp.Expr:
        """A moment that is to be moved, by the clocks of UTC; others as they are."""
        if not is_moved(text, calendar, self._evidence):
            return self._plain(text, moment)
        stored, utc = stored_zone(text, calendar), exp.Literal.string("UTC")
        if stored == "UTC":
            return moment
        return in_zone(exp.paren(moment), utc, stored, self._evidence.dialect)

    def _by_clocks(
        self, measure: Measure, calendar: Calendar, inner: exp.Select, names: Sequence[str]
    ) -> exp.Select:
        """The lines with their moments, so far in UTC, as the clocks of the zone show them."""
        times = dict(zip(_STATE, (measure.active_from, measure.active_to), strict=True))
        texts = {n: t for n, t in {"moment": measure.time, **times}.items() if t and n in names}
        moved = [n for n, t in texts.items() if is_moved(t, calendar, self._evidence)]
        if not moved:
            return inner
        columns: list[exp.Expr] = []
        for name in names:
            value: exp.Expr = exp.column(name, table="u")
            if name in moved:
                years = years_of(self._column(texts[name]))
                if calendar.zone_column:
                    known = self._column(calendar.zone_column)
                    zones = [z for z in (known.values if known else ()) if z]
                    value = by_clocks(value, exp.column("zone_of", table="u"), zones, years)
                else:
                    value = by_clock(value, calendar.zone, years)
            columns.append(exp.alias_(value, name))
        return exp.select(*columns).from_(inner.subquery("u"))

    def _column(self, text: str) -> ColumnCard | None:
        tree = parse_one(text, read=self._evidence.dialect)
        column = next(iter(tree.find_all(exp.Column)), None)
        card = self._evidence.relation(key_of(column)) if column is not None else None
        return card.column(column.name) if card and column is not None else None

    def _table(self, measure: Measure) -> str:
        card = self._evidence.relation(measure.relation)
        name = card.relation_name if card else measure.relation
        return f"{name} as {ROWS}"

    def _aggregate(self, measure: Measure) -> exp.Expr:
        if measure.expression == "*":
            return exp.Count(this=exp.Star())
        value = self._tree(measure, measure.expression)
        order = self._tree(measure, measure.order_by) if measure.order_by else None
        return aggregate(measure, value, order)

    def _tree(self, measure: Measure, text: str) -> exp.Expr:
        tree = parse_one(text, read=self._evidence.dialect)

        def own(node: exp.Expr) -> exp.Expr:
            return self._value(measure, node) if isinstance(node, exp.Column) else node

        return tree.transform(own)

    def _value(self, measure: Measure, column: exp.Column) -> exp.Expr:
        """The column itself, or nested scalar subqueries that look it up key by key."""
        key = key_of(column)
        if key in {measure.relation, ""}:
            return exp.column(column.name, table=ROWS)
        path = self._planner.path(measure.relation, key, measure.keys)
        value: exp.Expr = exp.column(column.name, table=f"k{len(path) - 1}")
        for n, edge in reversed(list(enumerate(path))):
            card = self._evidence.relation(edge.right)
            left = exp.column(edge.left_column, table=f"k{n - 1}" if n else ROWS)
            value = (
                exp.select(value)
                .from_(
                    f"{card.relation_name if card else edge.right} as k{n}",
                    dialect=self._evidence.dialect,
                )
                .where(exp.column(edge.right_column, table=f"k{n}").eq(left))
                .subquery()
            )
        return value

    def _sql(self, query: exp.Expr) -> str:
        dialect = self._evidence.dialect
        return in_dialect(query, dialect).sql(dialect=dialect)


def _read_once(query: exp.Select) -> exp.Select:
    """Every relation as a CTE: a view that is looked up often would be computed as often."""
    names: dict[str, str] = {}
    inner = {cte.alias for cte in query.find_all(exp.CTE)}  # steps of a related relation
    for table in list(query.find_all(exp.Table)):
        if table.name in inner or table.find_ancestor(exp.CTE):
            continue
        alias, bare = table.alias, exp.Table(**{k: table.args.get(k) for k in _NAME}).copy()
        name = names.setdefault(bare.sql(), f"source_{len(names)}")
        if name not in [cte.alias for cte in query.ctes]:
            query = query.with_(name, as_=exp.select("*").from_(bare), copy=False)
        table.replace(exp.to_table(name, alias=alias))
    return query


def _aggregation(measure: Measure, value: str) -> str:
    """The aggregate of a value's text."""
    if measure.expression == "*":
        return "count(*)"
    if measure.aggregation == "percentile":
        return f"percentile_cont({measure.fraction}) within group (order by {value})"
    if measure.aggregation in {"first", "last"}:
        way = "asc" if measure.aggregation == "first" else "desc"
        place = f"{value.removesuffix('value')}place"
        known = f"filter (where {value} is not null and {place} is not null)"
        return f"(array_agg({value} order by {place} {way}) {known})[1]"
    names = {"average": "avg", "count_distinct": "count"}
    distinct = "distinct " if measure.aggregation == "count_distinct" else ""
    return f"{names.get(measure.aggregation, measure.aggregation)}({distinct}{value})"


def _active(measure: Measure, grain: str) -> exp.Expr:
    """Whether a line `l` is active at the measure's moment of the period `p.period`."""
    begin, end = exp.column("begin_at", table="l"), exp.column("end_at", table="l")
    far = exp.cast(exp.Literal.string("9999-12-31"), "timestamp")
    until = exp.Coalesce(this=end, expressions=[far])
    period: exp.Expr = exp.column("period", table="p")
    if measure.at == "period_end":
        period = period + interval(1, grain)
        return exp.and_(begin < period, until >= period.copy())
    return exp.and_(begin <= period, until > period.copy())


def _by_calendar(
    back: LookBack, day: exp.Expr, newest: exp.Expr, cut: Cut, is_period: bool
) -> list[exp.Expr]:
    """Whether a day lies in the calendar periods that the newest day tells."""
    now = first_day(newest.copy(), back.unit, cut.calendar)
    then = first_day(day.copy(), back.unit, cut.calendar)
    first = now - interval(back.count, back.unit) if back.calendar == "previous" else now
    # A week that a month begins in belongs to it.
    since = day >= first_day(first, cut.grain, cut.calendar) if is_period else then >= first
    return [since, then < now if back.calendar == "previous" else day.copy() <= newest.copy()]
