"""Compiles a specification into the SQL of a new aggregate model.

Each set of rows is joined and filtered once, each measure is aggregated on its own rows to the
result's grain, and only then are measures brought together: nothing can fan out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from crew.artifacts import (
    Calendar,
    Dimension,
    DraftModel,
    Evidence,
    LookBack,
    Measure,
    RequirementSpec,
)
from crew.drafting.aggregates import aggregate
from crew.drafting.derived_columns import with_derived
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.period_series import FIRST, LAST, period_series
from crew.drafting.period_sql import interval, period_of
from crew.drafting.related_rows import read_by_related, related_ctes
from crew.drafting.row_sets import Aliases, RowSet, dimension_sql, parse_sql, row_sets
from crew.drafting.scope import relations_of
from crew.drafting.sql_layout import FINAL, Cte, import_cte, write_model
from crew.drafting.vocabulary import singular
from crew.drafting.zones import column_type, in_zone, is_moved, stored_zone, zone_sql

AS_OF = "as_of"
_ADDITIVE = {"count", "count_distinct", "sum"}


@dataclass
class Group:
    """Measures that one GROUP BY yields: same rows, same time."""

    rows: RowSet
    measures: list[Measure]
    name: str = ""


@dataclass
class AggregateCompiler:
    """One compilation of one specification; use `compile` once. `aliases` are names in use."""

    spec: RequirementSpec
    evidence: Evidence
    planner: JoinPlanner
    aliases: Aliases = field(default_factory=lambda: Aliases({FINAL, AS_OF, "bounds", "grid"}))
    ctes: list[Cte] = field(default_factory=list)

    def compile(self, path: str) -> DraftModel:
        """The model. Raises NoJoin, AmbiguousJoin or UnknownColumn."""
        spec = self.spec
        grouped = spec.model_copy(update={"dimensions": self._split_by})
        self.sets = row_sets(grouped, self.evidence, self.planner, self.aliases)
        used = self._relations()
        self.ctes = [import_cte(self.aliases.of(key), key) for key in used]
        self.ctes += related_ctes(spec.related, self.evidence, self.planner, self.aliases)
        self._add_as_of()
        for rows in self.sets:
            self._add_rows(rows)
        groups = self._groups()
        if len(groups) == 1 and not self._needs_grid(groups) and not spec.spine:
            self._add_single(groups[0])
        else:
            self._add_combined(groups)
        self.ctes = with_derived(spec, self.ctes, self._figure_names(), self.aliases.fresh)
        return DraftModel(
            name=spec.model,
            path=path,
            sql=write_model(self.ctes, self.evidence.conventions, self.evidence.dialect),
            layer="mart",
            materialization=self.evidence.conventions.mart_materialization,
            relations=tuple(used),
            joins=tuple(dict.fromkeys(e for rows in self.sets for e in rows.joins)),
            columns=tuple(self._output_names()),
        )

    # --- what is used ------------------------------------------------------------------------

    def _measures(self) -> list[Measure]:
        return list({m.name: m for metric in self.spec.metrics for m in metric.measures}.values())

    def _relations(self) -> list[str]:
        keys: dict[str, None] = {self.spec.spine: None} if self.spec.spine else {}
        for rows in self.sets:
            keys[rows.relation] = None
        for rows in self.sets:
            for edge in rows.joins:
                keys[edge.right] = None
        if self.spec.spine:
            own = {d.relation for d in self.spec.dimensions}
            for edge in self.planner.plan(self.spec.spine, own | self._spine_needs()):
                keys[edge.right] = None
        related = {r.key for r in self.spec.related}
        for key in read_by_related(self.spec.related, self.evidence, self.planner):
            keys[key] = None
        return [key for key in keys if key not in related]

    def _spine_needs(self) -> set[str]:
        """Relations that the conditions on rows of the spine are about."""
        return relations_of(parse_sql(f, self.evidence.dialect) for f in self.spec.spine_filters)

    def _figure_names(self) -> list[str]:
        return [*self._keys(), *(name for name, _ in self._values({}))]

    def _output_names(self) -> list[str]:
        return [*self._figure_names(), *(d.name for d in self.spec.derived)]

    def _keys(self) -> list[str]:
        time = [self.spec.time.column] if self.spec.time else []
        return [*time, *(d.name for d in self.spec.dimensions)]

    @property
    def _split_by(self) -> tuple[Dimension, ...]:
        """What measures are split by: for entities their key says the rest."""
        return self.spec.dimensions[:1] if self.spec.spine else self.spec.dimensions

    def _group_keys(self) -> list[str]:
        time = [self.spec.time.column] if self.spec.time else []
        return [*time, *(d.name for d in self._split_by)]

    # --- row sets ----------------------------------------------------------------------------

    def _add_as_of(self) -> None:
        """The latest day in the data that is not ahead: what a look-back counts back from."""
        if self.spec.look_back is None:
            return
        for rows in self.sets:
            for measure in rows.measures:
                if measure.time is None:
                    continue
                tree = parse_sql(measure.time, self.evidence.dialect)
                column = next(iter(tree.find_all(exp.Column)))
                key = f"{column.db}.{column.table}" if column.db else column.table
                day = exp.cast(self._newest(exp.column(column.name), measure.time), "date")
                newest = exp.Least(
                    this=exp.Max(this=day), expressions=[exp.CurrentDate()], ignore_nulls=True
                )
                query = exp.select(exp.alias_(newest, "as_of_date")).from_(self.aliases.of(key))
                self.ctes.append(
                    Cte(AS_OF, query, "the latest day in the data, never one ahead of today")
                )
                return

    def _add_rows(self, rows: RowSet) -> None:
        if rows.is_plain:
            rows.name = self.aliases.of(rows.relation)
            for place in list(rows.columns):
                if rows.columns[place] != place[1]:
                    rows.columns[place] = place[1]
            return
        suffix = (
            "in_scope"
            if rows.filters
            else "with_" + "_and_".join(d.name for d in self.spec.dimensions)
        )
        if len(suffix) > 40 or suffix == "with_":
            suffix = "joined"
        rows.name = self.aliases.fresh(f"{self.aliases.of(rows.relation)}_{suffix}")
        self.ctes.append(Cte(rows.name, rows.select()))

    # --- groups ------------------------------------------------------------------------------

    def _groups(self) -> list[Group]:
        found: dict[tuple[int, str], Group] = {}
        for n, rows in enumerate(self.sets):
            for measure in rows.measures:
                stock = (
                    f"{measure.active_from} {measure.active_to} {measure.at}"
                    if measure.is_stock
                    else ""
                )
                when = stock or (measure.time if self._is_timed else "") or ""
                found.setdefault((n, when), Group(rows, [])).measures.append(measure)
        for group in found.values():
            every = f"_per_{self.spec.time.grain}" if self.spec.time else "_totals"
            names = "_and_".join(m.name for m in group.measures)
            group.name = self.aliases.fresh(
                (names if len(names) < 40 else f"{group.rows.name}_measures") + every
            )
        return list(found.values())

    @property
    def _is_timed(self) -> bool:
        return bool(self.spec.time or self.spec.look_back or self.spec.date_range)

    def _needs_grid(self, groups: list[Group]) -> bool:
        stock = any(m.is_stock for g in groups for m in g.measures)
        return bool(self.spec.time) and (stock or self.spec.fill_gaps)

    def _flow_select(self, group: Group) -> exp.Select:
        """GROUP BY of flow measures over their rows."""
        rows = group.rows
        keys = self._key_columns(group)
        values = [exp.alias_(self._aggregate(rows, m), m.name) for m in group.measures]
        query = exp.select(*keys, *values).from_(rows.name)
        time = group.measures[0].time
        if time and self._is_timed:
            if self.spec.time:
                query = query.where(rows.local(time).is_(exp.null()).not_())
            for condition in self._span(rows, time):
                query = query.where(condition)
        return self._group_by(query)

    def _group_by(self, query: exp.Select) -> exp.Select:
        keys = self._group_keys()
        if not keys:
            return query
        style = self.evidence.conventions.group_by
        if style == "all" and self.evidence.dialect in {
            "duckdb",
            "snowflake",
            "databricks",
            "bigquery",
        }:
            query.set("group", exp.Group(all=True))
            return query
        if style == "positions":
            return query.group_by(*(exp.Literal.number(n + 1) for n in range(len(keys))))
        return query.group_by(*(column.unalias() for column in query.selects[: len(keys)]))

    def _key_columns(self, group: Group) -> list[exp.Expr]:
        keys: list[exp.Expr] = []
        if self.spec.time:
            time = group.measures[0].time
            assert time is not None
            keys.append(exp.alias_(self._period(group.rows, time), self.spec.time.column))
        return keys + self._dimension_columns(group.rows)

    def _dimension_columns(self, rows: RowSet, qualifier: str = "") -> list[exp.Expr]:
        found: list[exp.Expr] = []
        for dimension in self._split_by:
            name = (
                dimension.name
                if dimension.expression
                else rows.columns[(dimension.relation, dimension.column)]
            )
            column = exp.column(name, table=qualifier or None)
            found.append(column if name == dimension.name else exp.alias_(column, dimension.name))
        return found

    def _aggregate(self, rows: RowSet, measure: Measure, qualifier: str = "") -> exp.Expr:
        if measure.expression == "*":
            return exp.Count(this=exp.Star())
        order = rows.local(measure.order_by, qualifier) if measure.order_by else None
        return aggregate(measure, rows.local(measure.expression, qualifier), order)

    # --- time --------------------------------------------------------------------------------

    def _period(self, rows: RowSet, time: str) -> exp.Expr:
        """The first day of the period a moment belongs to (a timestamp for hours)."""
        assert self.spec.time is not None
        return period_of(self._moment(rows, time), self.spec.time.grain, self.spec.calendar)

    def _moment(self, rows: RowSet, time: str, qualifier: str = "") -> exp.Expr:
        """A moment of the rows, by the clocks of the zone whose days are meant, else of UTC."""
        column, calendar = rows.local(time, qualifier), self.spec.calendar
        if is_moved(time, calendar, self.evidence):
            zone = zone_sql(calendar, self.evidence.dialect)
            if calendar.zone_column:
                zone = rows.local(calendar.zone_column, qualifier)
            return in_zone(column, zone, stored_zone(time, calendar), self.evidence.dialect)
        return self._utc(column, time)

    def _newest(self, column: exp.Expr, time: str) -> exp.Expr:
        """A moment that the latest day is taken of: where each row has a zone of its own, by UTC."""
        calendar, dialect = self.spec.calendar, self.evidence.dialect
        if calendar.zone_column or not is_moved(time, calendar, self.evidence):
            return self._utc(column, time)
        zone = exp.Literal.string(calendar.zone)
        return in_zone(column, zone, stored_zone(time, calendar), dialect)

    def _utc(self, column: exp.Expr, time: str) -> exp.Expr:
        if column_type(time, self.evidence) in {"timestamp with time zone", "timestamptz"}:
            return exp.AtTimeZone(this=column, zone=exp.Literal.string("UTC"))
        return column

    def _span(self, rows: RowSet, time: str) -> list[exp.Expr]:
        """Conditions of look-back and fixed dates on a moment."""
        day = exp.cast(self._moment(rows, time), "date")
        found: list[exp.Expr] = []
        if self.spec.look_back:
            found += self._since_as_of(rows, time, day.copy())
        if self.spec.date_range:
            read = self.spec.date_range.read
            for bound, kind in ((read.start, exp.GTE), (read.end, exp.LT)):
                if bound:
                    limit = exp.cast(exp.Literal.string(bound), "date")
                    found.append(kind(this=day.copy(), expression=limit))
        return found

    def _since_as_of(self, rows: RowSet, time: str, day: exp.Expr) -> list[exp.Expr]:
        back = self.spec.look_back
        assert back is not None
        until = exp.LTE(this=day.copy(), expression=_as_of(exp.column("as_of_date")))
        if back.calendar:
            first, following = _calendar(back, self.spec.calendar)
            since = exp.GTE(this=day.copy(), expression=_as_of(first))
            return [since, exp.LT(this=day, expression=_as_of(following)) if following else until]
        newest: exp.Expr = exp.column("as_of_date")
        whole = self.spec.time is not None and self.spec.time.grain == back.unit
        if whole:
            assert self.spec.time is not None
            newest = period_of(newest, self.spec.time.grain, self.spec.calendar)
            day = self._period(rows, time)
        limit = newest - interval(back.count, back.unit)
        return [exp.GT(this=day, expression=_as_of(limit)), until]

    # --- endings -----------------------------------------------------------------------------

    def _add_single(self, group: Group) -> None:
        if self._is_simple(group):
            self.ctes.append(Cte(FINAL, self._flow_select(group)))
            return
        self.ctes.append(Cte(group.name, self._flow_select(group)))
        columns = [exp.column(k) for k in self._keys()]
        values = [
            named(tree, name)
            for name, tree in self._values({m.name: exp.column(m.name) for m in group.measures})
        ]
        self.ctes.append(Cte(FINAL, exp.select(*columns, *values).from_(group.name)))

    def _is_simple(self, group: Group) -> bool:
        names = [m.name for m in group.measures]
        return [m.formula for m in self.spec.metrics] == names and [
            m.name for m in self.spec.metrics
        ] == names

    def _add_combined(self, groups: list[Group]) -> None:
        """Measures side by side on a grid of all periods and dimension values."""
        if self.spec.time:
            self._add_periods(groups)
        for group in groups:
            select = (
                self._stock_select(group)
                if group.measures[0].is_stock
                else self._flow_select(group)
            )
            self.ctes.append(Cte(group.name, select))
        grid = self._add_grid(groups)
        values = [named(self._filled(m, g.name), m.name) for g in groups for m in g.measures]
        if grid is None:
            query = exp.select(*values).from_(groups[0].name)
            for group in groups[1:]:
                query = query.join(group.name, join_type="cross")
        else:
            query = exp.select(*(exp.column(k, table=grid) for k in self._keys()), *values).from_(
                grid
            )
            for group in groups:
                query = query.join(
                    group.name, on=self._same_keys(grid, group.name), join_type="left"
                )
        if all(m.formula == m.name for m in self.spec.metrics):
            self.ctes.append(Cte(FINAL, query))
            return
        combined = self.aliases.fresh("combined")
        self.ctes.append(Cte(combined, query))
        columns = [exp.column(k) for k in self._keys()]
        outputs = [named(tree, name) for name, tree in self._values({})]
        self.ctes.append(Cte(FINAL, exp.select(*columns, *outputs).from_(combined)))

    def _filled(self, measure: Measure, group: str) -> exp.Expr:
        column = exp.column(measure.name, table=group)
        if measure.aggregation in _ADDITIVE:
            return exp.Coalesce(this=column, expressions=[exp.Literal.number(0)])
        return column

    def _same_keys(self, left: str, right: str) -> exp.Expr:
        conditions: list[exp.Expr] = []
        for key in self._group_keys():
            a, b = exp.column(key, table=left), exp.column(key, table=right)
            conditions.append(
                exp.NullSafeEQ(this=a, expression=b) if self._may_be_null(key) else a.eq(b)
            )
        return exp.and_(*conditions)

    def _may_be_null(self, key: str) -> bool:
        dimension = next((d for d in self.spec.dimensions if d.name == key), None)
        if dimension is None:
            return False
        card = self.evidence.relation(dimension.relation)
        column = card.column(dimension.column) if card else None
        is_joined = any(rows.relation != dimension.relation for rows in self.sets)
        return column is None or bool(column.nulls) or is_joined  # a key may lead nowhere one day

    def _add_periods(self, groups: list[Group]) -> None:
        assert self.spec.time is not None
        grain = self.spec.time.grain
        spans = []
        for group in groups:
            for measure in {
                (m.time, m.active_from, m.active_to): m for m in group.measures
            }.values():
                texts = [t for t in (measure.time, measure.active_from, measure.active_to) if t]
                for text in texts:
                    column = self._period(group.rows, text)
                    query = exp.select(
                        exp.alias_(exp.Min(this=column), FIRST),
                        exp.alias_(exp.Max(this=column.copy()), LAST),
                    ).from_(group.rows.name)
                    if not measure.is_stock:
                        for condition in self._span(group.rows, text):
                            query = query.where(condition)
                    spans.append(query)
        spans = list({q.sql(): q for q in spans}.values())
        union: exp.Expr = spans[0]
        for query in spans[1:]:
            union = exp.union(union, query, distinct=False)
        self.ctes.append(Cte("bounds", union))
        named = self.spec.time.column
        self.periods = self.aliases.fresh(f"{grain}s")
        conditions = self._period_span()
        every = self.aliases.fresh(f"every_{grain}") if conditions else self.periods
        self.ctes += period_series("bounds", every, named, grain, self.evidence.dialect)
        if conditions:
            query = exp.select(exp.column(named)).from_(every)
            self.ctes.append(Cte(self.periods, query.where(*conditions)))

    def _period_span(self) -> list[exp.Expr]:
        assert self.spec.time is not None
        column = exp.column(self.spec.time.column)
        found: list[exp.Expr] = []
        if back := self.spec.look_back:
            until: exp.Expr = exp.LTE(
                this=column.copy(), expression=_as_of(exp.column("as_of_date"))
            )
            if back.calendar:
                first, following = _calendar(back, self.spec.calendar)
                since = period_of(first, self.spec.time.grain, self.spec.calendar)
                found.append(exp.GTE(this=column.copy(), expression=_as_of(since)))
                if following:
                    until = exp.LT(this=column.copy(), expression=_as_of(following))
            else:
                as_of = exp.column("as_of_date")
                newest = period_of(as_of, self.spec.time.grain, self.spec.calendar)
                limit = newest - interval(back.count, back.unit)
                found.append(exp.GT(this=column, expression=_as_of(limit)))
            found.append(until)
        if span := self.spec.date_range:
            for bound, kind in ((span.read.start, exp.GTE), (span.end, exp.LT)):
                if bound:
                    limit_date = exp.cast(exp.Literal.string(bound), "date")
                    found.append(kind(this=column.copy(), expression=limit_date))
        return found

    def _stock_select(self, group: Group) -> exp.Select:
        """Counts of what is active at a moment of each period."""
        assert self.spec.time is not None
        rows, measure = group.rows, group.measures[0]
        assert measure.active_from is not None
        period: exp.Expr = exp.column(self.spec.time.column, table=self.periods)
        begin = self._state(rows, measure.active_from)
        if measure.at == "period_end":
            period = period + interval(1, self.spec.time.grain)
        ends = measure.at == "period_end"
        begun = (exp.LT if ends else exp.LTE)(this=begin, expression=period)
        ongoing = exp.GTE if ends else exp.GT
        condition: exp.Expr = begun
        if measure.active_to:
            end = self._state(rows, measure.active_to)
            still = exp.or_(end.is_(exp.null()), ongoing(this=end.copy(), expression=period.copy()))
            condition = exp.and_(begun, exp.paren(still))
        values = [exp.alias_(self._aggregate(rows, m, rows.name), m.name) for m in group.measures]
        keys = [
            exp.column(self.spec.time.column, table=self.periods),
            *self._dimension_columns(rows, rows.name),
        ]
        query = (
            exp.select(*keys, *values)
            .from_(self.periods)
            .join(rows.name, on=condition, join_type="inner")
        )
        return self._group_by(query)

    def _state(self, rows: RowSet, time: str) -> exp.Expr:
        """A moment at which a state begins or ends."""
        if is_moved(time, self.spec.calendar, self.evidence):
            return self._moment(rows, time, rows.name)
        return rows.local(time, rows.name)

    def _add_grid(self, groups: list[Group]) -> str | None:
        """All combinations that a result row exists for; None where there is but one row."""
        if not self._keys():
            return None
        if self.spec.time and not self.spec.dimensions:
            return self.periods
        if self.spec.spine:
            return self._add_spine()
        selects = {
            g.rows.name: exp.select(*self._dimension_columns(g.rows)).distinct().from_(g.rows.name)
            for g in groups
        }
        union: exp.Expr
        first, *others = selects.values()
        union = first
        for query in others:
            union = exp.union(union, query, distinct=True)
        if not self.spec.time:
            self.ctes.append(Cte("grid", union))
            return "grid"
        values = self.aliases.fresh("_and_".join(d.name for d in self.spec.dimensions) + "_values")
        self.ctes.append(Cte(values, union))
        columns = [exp.column(self.spec.time.column, table=self.periods)]
        columns += [exp.column(d.name, table=values) for d in self.spec.dimensions]
        query = exp.select(*columns).from_(self.periods).join(values, join_type="cross")
        self.ctes.append(Cte("grid", query))
        return "grid"

    def _add_spine(self) -> str:
        """Every row of the spine, whether or not anything points at it."""
        spine = self.spec.spine
        rows = RowSet(spine, self.spec.spine_filters, [], [], self.evidence, self.aliases)
        trees = [parse_sql(dimension_sql(d), self.evidence.dialect) for d in self.spec.dimensions]
        rows.joins = self.planner.plan(spine, relations_of(trees) | self._spine_needs())
        name = self.aliases.of(spine)
        columns = [named(rows.aliased(dimension_sql(d)), d.name) for d in self.spec.dimensions]
        query = rows.select().select(*columns, append=False)
        grid = self.aliases.fresh(f"every_{singular(name)}")
        self.ctes.append(Cte(grid, query))
        return grid

    def _values(self, names: dict[str, exp.Expr]) -> list[tuple[str, exp.Expr]]:
        """Output columns after the keys: the measures behind a formula, then the metric."""
        found: dict[str, exp.Expr] = {}
        for metric in self.spec.metrics:
            for measure in metric.measures:
                if metric.formula != measure.name:
                    found.setdefault(
                        measure.name, names.get(measure.name, exp.column(measure.name))
                    )
            found[metric.name] = formula_tree(metric.formula, names)
        return list(found.items())


def named(tree: exp.Expr, name: str) -> exp.Expr:
    if isinstance(tree, exp.Column) and tree.name == name:
        return tree
    return exp.alias_(tree, name)


def formula_tree(formula: str, names: Mapping[str, exp.Expr]) -> exp.Expr:
    """A metric's arithmetic; dividing by zero gives null, and integers divide as decimals."""
    tree = parse_sql(formula, "duckdb")

    def own(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and node.name in names:
            return names[node.name].copy()
        return node

    tree = tree.transform(own)
    for division in list(tree.find_all(exp.Div)):
        by = division.expression
        if not isinstance(by, exp.Literal):
            division.set("expression", exp.Nullif(this=by.copy(), expression=exp.Literal.number(0)))
    return tree


def _as_of(value: exp.Expr) -> exp.Expr:
    """A value of the one row that holds the latest day in the data."""
    return exp.select(value).from_(AS_OF).subquery()


def _calendar(back: LookBack, calendar: Calendar) -> tuple[exp.Expr, exp.Expr | None]:
    """The first day of a look-back by the calendar, and the day after its last; none: up to now."""
    current = period_of(exp.column("as_of_date"), back.unit, calendar)
    if back.calendar == "current":
        return current, None
    return current - interval(back.count, back.unit), current.copy()
