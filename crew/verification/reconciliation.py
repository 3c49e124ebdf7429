"""Do the model's figures equal those of the sources? Computed twice, in two ways, and compared.

The sources' side comes from `SourceTotals`: no joins, a scalar subquery for each foreign value.
Additive figures are compared per period, then per cell (period and dimension values), others per
cell alone. A dimension value that the sources do not know counts as none, so that
`coalesce(region, 'unknown')` is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlglot import exp, parse_one

from crew.artifacts import (
    Check,
    Dimension,
    Measure,
    Metric,
    RelationCard,
    StagedColumn,
    Staging,
    Table,
)
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.scope import qualified
from crew.drafting.sql_compiler import formula_tree
from crew.verification.check_context import CheckContext, cell, skipped
from crew.verification.source_totals import (
    COUNTED,
    LOST,
    OUTSIDE,
    UNDATED,
    UNKNOWN,
    Cut,
    SourceTotals,
)

_COLUMNS = ("figure", "in the sources", "in the model", "difference", "explanation")
_ADDITIVE, _ZERO_IS_NONE = {"count", "sum"}, {"count", "sum", "count_distinct"}
_NUMBERS = ("int", "decimal", "numeric", "double", "float", "real", "hugeint", "bigint", "number")
_SHOWN, _WHOLE, _RATIO = 3, "0.005", "0.0005"


def reconciliation(context: CheckContext) -> Check:
    """Figures of the built model beside those of its sources, and why rows were left out."""
    kinds: dict[str, Callable[[_Card], None]] = {
        "new_model": _new_model, "stage_source": _staged, "change_model": _changed,
    }  # fmt: skip
    kind, model = context.spec.kind, context.main_model
    if kind not in kinds:
        return skipped("reconciliation", f"nothing is counted for {kind.replace('_', ' ')}")
    relation = context.relation_names.get(model.name) if model else None
    if not relation:
        return skipped("reconciliation", "no model was built")
    card = _Card(context, relation)
    try:
        kinds[kind](card)
    except (NoJoin, AmbiguousJoin) as error:
        card.warned.append(f"The sources cannot be asked in a second way: {error}.")
    return card.check()


@dataclass(frozen=True)
class _Figure:
    """`cells` is SQL of rows (period, d0, …, value); `value` aggregates the model's rows `r`."""

    name: str
    cells: str
    value: str
    adds_up: bool
    is_number: bool = True
    zero_is_none: bool = True
    tolerance: str = _WHOLE

    @property
    def differs(self) -> str:
        if not self.is_number:
            return "((s is null) <> (m is null) or s <> m)"
        limit = f"greatest({self.tolerance}, 0.000000001 * abs(coalesce(s, 0)))"
        far = f"abs(coalesce(s, 0) - coalesce(m, 0)) > {limit}"
        return far if self.zero_is_none else f"((s is null) <> (m is null) or {far})"


@dataclass(frozen=True)
class _Keys:
    """What the model's rows are split by: expressions over its rows `r`, by words for them."""

    period: tuple[str, str] | None = None
    dimensions: dict[str, str] = field(default_factory=dict)

    def names(self, with_dimensions: bool = True) -> list[str]:
        dims = [f"d{n}" for n in range(len(self.dimensions))] if with_dimensions else []
        return [*(["period"] if self.period else []), *dims]

    def words(self, with_dimensions: bool = True) -> str:
        dims = list(self.dimensions) if with_dimensions else []
        names = [*([self.period[0]] if self.period else []), *dims]
        return f"by {' and '.join(names)}" if names else "in all"


class _Card:
    """The reconciliation card as it fills."""

    def __init__(self, context: CheckContext, relation: str) -> None:
        self.context, self.relation, self.spec = context, relation, context.spec
        cards = [
            c.model_copy(update={"relation_name": context.relation(c.key) or c.relation_name})
            for c in context.evidence.relations
        ]
        self.evidence = context.evidence.model_copy(update={"relations": tuple(cards)})
        self.planner = JoinPlanner(self.evidence)
        self.totals = SourceTotals(self.evidence, self.planner)
        self.columns = {c.lower(): c for c in context.columns(relation)}
        self.rows: list[tuple[str, ...]] = []
        self.failed: list[str] = []
        self.warned: list[str] = []

    def column(self, name: str) -> str | None:
        """The model's column of that name over its rows `r`."""
        found = self.columns.get(name.lower())
        return f"r.{self.context.quote(found)}" if found else None

    def ask(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        return self.context.worker.query(sql).rows

    def add(self, name: str, source: Any, model: Any, words: str) -> None:
        """One line of the card, by itself no finding."""
        is_number = _is_number(source) and (model is None or _is_number(model))
        gap = float(model or 0) - float(source) if is_number else None
        gap = int(gap) if gap is not None and gap == int(gap) else gap
        self.rows.append((name, *(_shown(v) for v in (source, model, gap)), words))

    def equal(self, name: str, source: Any, model: Any, words: str) -> None:
        """One line whose two numbers must be the same."""
        self.add(name, source, model, words)
        gap = abs(float(source or 0) - float(model or 0))
        if gap > max(float(_WHOLE), 1e-9 * abs(float(source or 0))):
            self.failed.append(f"{name}: {_shown(source)} in the sources, {_shown(model)} in "
                               f"the model ({words}).")  # fmt: skip

    def check(self) -> Check:
        table = Table(columns=_COLUMNS, rows=tuple(self.rows))
        good = f"{len(self.rows)} figures agree with the sources"
        return Check(
            name="reconciliation",
            status="failed" if self.failed else "warned" if self.warned else "passed",
            finding="\n".join([*self.failed, *self.warned]) or good,
            table=table,
            blame="model" if self.failed else "",
        )

    def compare(self, figure: _Figure, keys: _Keys, ledger: str = "") -> None:
        """The figure in the sources beside that in the model, cell by cell."""
        start, text = self._cells(figure, keys), "cast(null as integer)"
        levels = [True] if not (figure.adds_up and keys.dimensions) else [False, True]
        numbers = ["(select count(*) from cells)"]
        numbers += [f"(select sum({c}) from cells)" if figure.is_number else text for c in "sm"]
        for level in levels:
            rows = f"from ({_level(figure, keys.names(level))}) as t"
            numbers += [f"(select count(*) {rows})"]
            numbers += [f"(select count(*) {rows} where {figure.differs})"]
        _, source, model, *counts = self.ask(f"{start} select {', '.join(numbers)}")[0]
        words, lost = [], False
        for n, level in enumerate(levels):
            total, differing = counts[2 * n : 2 * n + 2]
            words.append(f"{keys.words(level)}: {differing:,} of {total:,} differ")
            if differing and not lost:
                lost = True
                self.failed.append(self._difference(figure, keys, level, start, words[-1]))
        self.add(figure.name, source, model, "; ".join([ledger, *words] if ledger else words))

    def _cells(self, figure: _Figure, keys: _Keys) -> str:
        names = keys.names()
        kind = exp.DataType.build("text").sql(dialect=self.context.info.dialect)
        own = [f"cast({d} as {kind}) as {d}" if d != "period" else d for d in names]
        theirs = [f"{keys.period[1]} as period"] if keys.period else []
        for n, column in enumerate(keys.dimensions.values()):
            known = f"select d{n} from source_cells"
            value = f"cast({column} as {kind})"
            theirs.append(f"case when {value} in ({known}) then {value} end as d{n}")
        grouped = _grouped(names)
        pair = [", ".join([*names, f"{s} as s", f"{m} as m"])
                for s, m in (("value", "null"), ("null", "value"))]  # fmt: skip
        return (
            f"with source_cells as (select {', '.join([*own, 'value'])} from ({figure.cells}) "
            f"as c), model_cells as (select {', '.join([*theirs, f'{figure.value} as value'])} "
            f"from {self.relation} as r{grouped}), cells as (select "
            f"{', '.join([*names, 'max(s) as s', 'max(m) as m'])} from (select {pair[0]} from "
            f"source_cells union all select {pair[1]} from model_cells) as u{grouped})"
        )

    def _difference(self, figure: _Figure, keys: _Keys, level: bool, start: str, words: str) -> str:
        names = keys.names(level)
        order = f" order by {', '.join(str(n + 1) for n in range(len(names)))}" if names else ""
        found = self.context.worker.query(
            f"{start} select * from ({_level(figure, names)}) as t where {figure.differs}{order}",
            limit=_SHOWN,
        )
        hidden = [self.context.is_personal(n) for n in ["", *keys.dimensions]]
        hidden = hidden if keys.period else hidden[1:]
        shown = []
        for *key, s, m in found.rows:
            place = ", ".join("•••" if h else cell(v) for v, h in zip(key, hidden, strict=False))
            numbers = f"{_shown(s or 0)} in the sources, {_shown(m or 0)} in the model"
            shown.append(f"{place or 'in all'}: {numbers}")
        return f"{figure.name}: {words}. First: {'; '.join(shown)}."


def _level(figure: _Figure, names: list[str]) -> str:
    how = "sum" if figure.adds_up else "max"
    columns = ", ".join([*names, f"{how}(s) as s", f"{how}(m) as m"])
    return f"select {columns} from cells{_grouped(names)}"


def _grouped(names: list[str]) -> str:
    return f" group by {', '.join(str(n + 1) for n in range(len(names)))}" if names else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if not _is_number(value):
        return "" if value is None else cell(value)
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,.2f}"


# --- new models ------------------------------------------------------------------------------


def _new_model(card: _Card) -> None:
    spec = card.spec
    wanted = [*([spec.time.column] if spec.time else []), *(d.name for d in spec.dimensions)]
    missing = [name for name in wanted if card.column(name) is None]
    if missing:
        card.failed.append(f"The model has no column {', '.join(missing)} to compare by.")
        return
    keys = _Keys(dimensions={d.name: card.column(d.name) or "" for d in spec.dimensions})
    if spec.time:
        kind = "timestamp" if spec.time.grain == "hour" else "date"
        period = f"cast({card.column(spec.time.column)} as {kind})"
        keys = replace(keys, period=(spec.time.column, period))
    dated = [m for metric in spec.metrics for m in metric.measures if m.time]
    cut = Cut(
        filters=tuple(f.condition for f in spec.filters),
        dimensions=tuple((d.relation, d.column) for d in spec.dimensions),
        grain=spec.time.grain if spec.time else "",
        look_back=spec.look_back,
        date_range=spec.date_range,
        as_of=card.totals.newest_day(dated[0]) if dated and spec.look_back else "",
    )
    _figures(card, spec.metrics, cut, keys)
    if keys.period and spec.fill_gaps:
        _no_gaps(card, keys.period[1], cut.grain)


def _figures(card: _Card, metrics: Sequence[Metric], cut: Cut, keys: _Keys) -> None:
    """Compare every measure, then every metric's formula over them."""
    measures = {m.name: m for metric in metrics for m in metric.measures}
    lost = [m.name for m in measures.values() if cut.grain and not (m.time or m.is_stock)]
    if lost:
        card.warned.append(f"Not compared, as they have no date: {', '.join(lost)}.")
        return
    periods = _periods(card, measures.values(), cut, keys)
    cells = {m.name: card.totals.cells(m, cut, periods) for m in measures.values()}
    plain = {metric.formula.strip(): metric.name for metric in metrics}
    for measure in measures.values():
        words = _left_out(card, measure, cut)
        column = card.column(measure.name) or card.column(plain.get(measure.name, ""))
        if column is None:
            card.add(measure.name, None, None, words)
            continue
        figure = _figure(card, measure, cells[measure.name], column)
        card.compare(figure, keys, words)
    for metric in metrics:
        _formula(card, metric, cells, keys)


def _figure(card: _Card, measure: Measure, cells: str, column: str) -> _Figure:
    adds_up = measure.aggregation in _ADDITIVE
    is_number = True
    if measure.aggregation in {"min", "max"}:
        key, _, name = measure.expression.rpartition(".")
        relation = card.evidence.relation(key)
        known = relation.column(name) if relation else None
        is_number = bool(known and known.data_type.lower().startswith(_NUMBERS))
    return _Figure(
        name=measure.name,
        cells=cells,
        value=f"{'sum' if adds_up else 'max'}({column})",
        adds_up=adds_up,
        is_number=is_number,
        zero_is_none=measure.aggregation in _ZERO_IS_NONE,
    )


def _formula(card: _Card, metric: Metric, cells: dict[str, str], keys: _Keys) -> None:
    """The metric's column equals its formula over the model's own columns; where these are not
    there, over the sources' cells."""
    own = {m.name: card.column(m.name) for m in metric.measures}
    column, dialect = card.column(metric.name), card.context.info.dialect
    is_plain = metric.formula.strip() in own
    if column is None and not (is_plain and own[metric.formula.strip()]):
        card.failed.append(f"The model has no column for the metric {metric.name}.")
    if column is None or (is_plain and own[metric.formula.strip()] in {None, column}):
        return
    tolerance = _RATIO if "/" in metric.formula else _WHOLE
    if not all(own.values()):
        figure = _Figure(metric.name, _combined(metric, cells, keys, dialect), f"max({column})",
                         False, tolerance=tolerance)  # fmt: skip
        card.compare(figure, keys, f"{metric.formula} over the sources")
        return
    trees: dict[str, exp.Expression] = {}
    trees |= {name: exp.paren(parse_one(str(c), read=dialect)) for name, c in own.items()}
    formula = formula_tree(metric.formula, trees).sql(dialect=dialect)
    limit = f"greatest({tolerance}, 0.000000001 * abs({formula}))"
    wrong = f"({column} is null) <> ({formula} is null) or abs({column} - ({formula})) > {limit}"
    sql = f"select count(*), sum(case when {wrong} then 1 else 0 end) from {card.relation} as r"
    total, differing = card.ask(sql)[0]
    words = f"{metric.formula} recomputed in {total:,} rows, {differing or 0:,} differ"
    card.add(metric.name, None, None, words)
    if differing:
        card.failed.append(f"{metric.name} is not {metric.formula}: {words}.")


def _combined(metric: Metric, cells: dict[str, str], keys: _Keys, dialect: str) -> str:
    """Cells of a metric: its formula over the cells of its measures."""
    names, measures = keys.names(), metric.measures
    parts: list[str] = []
    trees: dict[str, exp.Expression] = {}
    for n, measure in enumerate(measures):
        values = [f"{'value' if n == k else 'null'} as m{k}" for k in range(len(measures))]
        parts.append(f"select {', '.join([*names, *values])} from ({cells[measure.name]}) as c{n}")
        value = f"max(m{n})"
        if measure.aggregation in _ZERO_IS_NONE:
            value = f"coalesce({value}, 0)"
        trees[measure.name] = exp.paren(parse_one(value, read=dialect))
    formula = formula_tree(metric.formula, trees).sql(dialect=dialect)
    columns = ", ".join([*names, f"{formula} as value"])
    return f"select {columns} from ({' union all '.join(parts)}) as u{_grouped(names)}"


def _periods(card: _Card, measures: Iterable[Measure], cut: Cut, keys: _Keys) -> str:
    """SELECT of the periods that stocks are counted at: the model's and those of the flows."""
    if keys.period is None:
        return ""
    parts = [f"select {keys.period[1]} as period from {card.relation} as r"]
    flows = [card.totals.cells(m, cut) for m in measures if not m.is_stock]
    parts += [f"select period from ({cells}) as f" for cells in flows]
    conditions = ["period is not null", *card.totals.span("period", cut, is_period=True)]
    return f"select period from ({' union '.join(parts)}) as e where {' and '.join(conditions)}"


def _left_out(card: _Card, measure: Measure, cut: Cut) -> str:
    """All rows of the relation, those left out and why, those counted; in words."""
    dims = [f"sum(case when d{n} is null then 1 else 0 end)" for n in range(len(cut.dimensions))]
    amount = "sum(value)" if measure.aggregation == "sum" else "cast(null as integer)"
    columns = ", ".join(["reason", "count(*)", amount, *dims])
    lines = card.totals.lines(measure, cut)
    found = sorted(card.ask(f"select {columns} from ({lines}) as l group by reason"))
    labels = {f.condition: f.label for f in card.spec.filters}
    conditions = [labels.get(c, c) for c in cut.conditions(measure)]
    words = [f"{sum(r[1] for r in found):,} rows of {measure.relation}"]
    counted = next((r for r in found if r[0] == COUNTED), (COUNTED, 0, None, *[0] * len(dims)))
    for reason, rows, value, *_ in found:
        if reason != COUNTED:
            sum_ = f" ({_shown(value)})" if value is not None else ""
            words.append(f"{rows:,} {_why(reason, measure, conditions)}{sum_}")
        if LOST <= reason < UNKNOWN:
            said = f"{measure.name}: {words[-1]}; they are silently left out."
            (card.warned if counted[1] else card.failed).append(said)
    words.append(f"{counted[1]:,} counted")
    for n, missing in enumerate(counted[3:]):
        if missing:
            words.append(f"{missing:,} of them without {cut.dimensions[n][1]}")
    return "; ".join(words)


def _why(reason: int, measure: Measure, conditions: list[str]) -> str:
    if reason == UNDATED:
        return f"without {measure.time or measure.active_from}"
    if reason == OUTSIDE:
        return "outside the dates asked for"
    condition = f"“{conditions[reason % 100]}”"
    if reason >= UNKNOWN:
        return f"where {condition} is unknown"
    if reason >= LOST:
        return f"whose key leads nowhere, so that {condition} is unknown"
    return f"left out by {condition}"


def _no_gaps(card: _Card, period: str, grain: str) -> None:
    sql = f"select count(distinct {period}), min({period}), max({period}) from {card.relation} as r"
    count, first, last = card.ask(sql)[0]
    if first is None:
        return
    months = {"month": 1, "quarter": 3, "year": 12}
    if grain in months:
        steps = ((last.year - first.year) * 12 + last.month - first.month) // months[grain]
    else:
        hours = {"hour": 1, "day": 24, "week": 168}[grain]
        steps = round((last - first).total_seconds() / 3600) // hours
    if count != steps + 1:
        card.failed.append(f"{steps + 1 - count} {grain}s between {first} and {last} have no row.")


# --- staging models --------------------------------------------------------------------------


def _staged(card: _Card) -> None:
    """Source rows, less repeated deliveries, less removed rows, are the staged rows."""
    staging, source = card.spec.staging, card.evidence.relation(card.spec.target)
    if staging is None or source is None:
        card.warned.append("The source is not known, so that nothing could be compared.")
        return
    missing = [c.name for c in staging.columns if card.column(c.name) is None]
    if missing:
        card.failed.append(f"The model has no column {', '.join(missing)}.")
    columns = [c for c in staging.columns if c.name not in missing]
    numbers = [_is_amount(c, staging.key, source, card.context.info.dialect) for c in columns]
    how = ["sum" if n else "count" for n in numbers]
    kept = f"case when {staging.keep or '1 = 1'} then 1 end"
    theirs = [f"{h}(case when {kept} = 1 then {c.expression} end)"
              for h, c in zip(how, columns, strict=True)]  # fmt: skip
    latest = _latest(card, staging, source)
    rows = card.ask(f"select count(*) from {source.relation_name} as s")[0][0]
    last, staged, *sums = card.ask(
        f"select {', '.join(['count(*)', f'count({kept})', *theirs])} from ({latest}) as l"
    )[0]
    own = [f"{h}({card.column(c.name)})" for h, c in zip(how, columns, strict=True)]
    sql = f"select {', '.join(['count(*)', *own])} from {card.relation} as r"
    built, *totals = card.ask(sql)[0]
    words = f"{rows:,} rows of {source.key}; {rows - last:,} repeated deliveries; "
    card.equal("rows", staged, built, f"{words}{last - staged:,} removed; {staged:,} staged")
    for column, h, theirs_, ours in zip(columns, how, sums, totals, strict=True):
        card.equal(column.name, theirs_, ours, "sum" if h == "sum" else "rows with a value")


def _latest(card: _Card, staging: Staging, source: RelationCard) -> str:
    """The last delivery of each key; what is delivered twice in the same way counts once."""
    key = next((c.source for c in staging.columns if c.name == staging.key), "")
    if not (staging.latest_by and key):
        return f"select * from {source.relation_name} as s"
    k, last = card.context.quote(key), card.context.quote(staging.latest_by)
    newest = f"select {k} as k, max({last}) as l from {source.relation_name} as s group by 1"
    return (
        f"select distinct s.* from {source.relation_name} as s inner join ({newest}) as n "
        f"on s.{k} is not distinct from n.k and s.{last} is not distinct from n.l"
    )


def _is_amount(column: StagedColumn, key: str, source: RelationCard, dialect: str) -> bool:
    """Whether a sum of the column means something to a reader."""
    found = source.column(column.source)
    if found is None or not found.data_type.lower().startswith(_NUMBERS) or column.name == key:
        return False
    tree = parse_one(column.expression, read=dialect)
    kept = not isinstance(tree, exp.Cast) or tree.to.this in exp.DataType.NUMERIC_TYPES
    return kept and not column.name.lower().endswith("_id")


# --- changed models --------------------------------------------------------------------------


def _changed(card: _Card) -> None:
    """Rows and totals that were there stay; what is added equals the sources."""
    model = card.context.main_model
    assert model is not None
    target = card.evidence.relation(card.spec.target or model.name)
    if target is None:
        card.warned.append("The model that changes is not known, so nothing could be compared.")
        return
    if base := card.context.base_compiled.get(model.name):
        _kept(card, target, f"({base.rstrip().rstrip(';')}\n)")
    for metric in card.spec.metrics:
        edge = card.planner.path(metric.measures[0].relation, target.key)[-1]
        there = f"{qualified(target.key, edge.right_column).sql()} IS NOT NULL"
        filters = (*(f.condition for f in card.spec.filters), there)
        cut = Cut(filters=filters, dimensions=((target.key, edge.right_column),))
        key = card.column(edge.right_column)
        _figures(card, [metric], cut, _Keys(dimensions={edge.right_column: key or "null"}))
    for dimension in card.spec.dimensions:
        _looked_up(card, target, dimension)


def _kept(card: _Card, target: RelationCard, base: str) -> None:
    names = [c.name for c in target.columns
             if c.data_type.lower().startswith(_NUMBERS) and card.column(c.name)]  # fmt: skip
    sums = ", ".join(["count(*)", *(f"sum({card.column(n)})" for n in names)])
    before, after = (card.ask(f"select {sums} from {r} as r")[0] for r in (base, card.relation))
    for name, old, new in zip(["rows", *names], before, after, strict=True):
        card.equal(name, old, new, "before the change and after it")


def _looked_up(card: _Card, target: RelationCard, dimension: Dimension) -> None:
    """Every row has the value that its key leads to."""
    column = card.column(dimension.name)
    if column is None:
        card.failed.append(f"The model has no column {dimension.name}.")
        return
    key = next((c.name for c in target.columns if c.is_unique or "unique" in c.tests), "")
    places = [(target.key, key)] * bool(key) + [(dimension.relation, dimension.column)]
    names = {key: card.column(key) or "null"} if key else {}
    every = Measure(name=dimension.name, relation=target.key, aggregation="count", expression="*")
    cells = card.totals.cells(every, Cut(dimensions=tuple(places)))
    missing = card.ask(f"select count(*) from {card.relation} as r where {column} is null")[0][0]
    figure = _Figure(dimension.name, cells, "count(*)", True)
    keys = _Keys(dimensions={**names, dimension.name: column})
    card.compare(figure, keys, f"{missing:,} rows without a value")
