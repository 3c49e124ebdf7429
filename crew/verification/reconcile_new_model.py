"""Reconciles a new aggregate model, per period and per cell, and its formulas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlglot import exp, parse_one

from crew.artifacts import (
    Measure,
    Metric,
)
from crew.drafting.sql_compiler import formula_tree
from crew.verification.counted_periods import counted_sql
from crew.verification.reconcile_derived import derived, spine
from crew.verification.reconciliation_card import (
    NUMBERS,
    RATIO,
    WHOLE,
    Card,
    Figure,
    Keys,
    grouped,
    shown,
)
from crew.verification.source_totals import (
    COUNTED,
    LOST,
    OUTSIDE,
    UNDATED,
    UNKNOWN,
    Cut,
)

_ADDITIVE, _ZERO_IS_NONE = {"count", "sum"}, {"count", "sum", "count_distinct"}


def new_model(card: Card) -> None:
    keys = aggregated(card)
    if keys and keys.period and card.spec.fill_gaps:
        _no_gaps(card, keys.period[1], card.spec.time.grain if card.spec.time else "")


def aggregated(card: Card) -> Keys | None:
    """Compare all metrics by period and dimensions; what the model's rows are split by, unless a
    column of that is not there. A spec that extends the model says what these are called."""
    spec = card.spec
    wanted = [*([spec.time.column] if spec.time else []), *(d.name for d in spec.dimensions)]
    names = {name: spec.extends.get(name, name) for name in wanted}
    missing = [name for name in names.values() if card.column(name) is None]
    if missing:
        card.failed.append(f"The model has no column {', '.join(missing)} to compare by.")
        return None
    dims = [names[d.name] for d in spec.dimensions]
    every = Keys(dimensions={name: card.column(name) or "" for name in dims})
    split_by = spec.dimensions[:1] if spec.spine else spec.dimensions  # a key says the rest
    keys = replace(every, dimensions=dict([*every.dimensions.items()][: len(split_by)]))
    if spec.time:
        kind = "timestamp" if spec.time.grain == "hour" else "date"
        name = names[spec.time.column]
        keys = replace(keys, period=(name, f"cast({card.column(name)} as {kind})"))
    dated = [m for metric in spec.metrics for m in metric.measures if m.time]
    cut = Cut(
        filters=tuple(f.condition for f in spec.filters),
        dimensions=tuple(counted_sql(d, card.evidence, spec.calendar) for d in split_by),
        grain=spec.time.grain if spec.time else "",
        look_back=spec.look_back,
        date_range=spec.date_range,
        as_of=card.totals.newest_day(dated[0], spec.calendar) if dated and spec.look_back else "",
        calendar=spec.calendar,
    )
    cells = figures(card, spec.metrics, cut, keys)
    if cells:
        derived(card, keys, cells)
    if spec.spine:
        spine(card, every)
    return keys


def figures(card: Card, metrics: Sequence[Metric], cut: Cut, keys: Keys) -> dict[str, str]:
    """Compare every measure, then every metric's formula over them. Returns the SQL of the cells of
    each, by name; none where they cannot be compared."""
    measures = {m.name: m for metric in metrics for m in metric.measures}
    lost = [m.name for m in measures.values() if cut.grain and not (m.time or m.is_stock)]
    if lost:
        card.warned.append(f"Not compared, as they have no date: {', '.join(lost)}.")
        return {}
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
    dialect = card.context.info.dialect
    return cells | {m.name: _combined(m, cells, keys, dialect) for m in metrics}


def _figure(card: Card, measure: Measure, cells: str, column: str) -> Figure:
    adds_up = measure.aggregation in _ADDITIVE
    is_number = True
    if measure.aggregation in {"min", "max", "first", "last"}:
        key, _, name = measure.expression.rpartition(".")
        relation = card.evidence.relation(key)
        known = relation.column(name) if relation else None
        is_number = bool(known and known.data_type.lower().startswith(NUMBERS))
    return Figure(
        name=measure.name,
        cells=cells,
        value=f"{'sum' if adds_up else 'max'}({column})",
        adds_up=adds_up,
        is_number=is_number,
        zero_is_none=measure.aggregation in _ZERO_IS_NONE,
    )


def _formula(card: Card, metric: Metric, cells: dict[str, str], keys: Keys) -> None:
    """The metric's column equals its formula over the model's own columns; where these are not
    there, over the sources' cells."""
    own = {m.name: card.column(m.name) for m in metric.measures}
    column, dialect = card.column(metric.name), card.context.info.dialect
    is_plain = metric.formula.strip() in own
    if column is None and not (is_plain and own[metric.formula.strip()]):
        card.failed.append(f"The model has no column for the metric {metric.name}.")
    if column is None or (is_plain and own[metric.formula.strip()] in {None, column}):
        return
    tolerance = RATIO if "/" in metric.formula else WHOLE
    if not all(own.values()):
        figure = Figure(metric.name, _combined(metric, cells, keys, dialect), f"max({column})",
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


def _combined(metric: Metric, cells: dict[str, str], keys: Keys, dialect: str) -> str:
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
    return f"select {columns} from ({' union all '.join(parts)}) as u{grouped(names)}"


def _periods(card: Card, measures: Iterable[Measure], cut: Cut, keys: Keys) -> str:
    """SELECT of the periods that stocks are counted at: the model's and those of the flows."""
    if keys.period is None:
        return ""
    parts = [f"select {keys.period[1]} as period from {card.relation} as r"]
    flows = [card.totals.cells(m, cut) for m in measures if not m.is_stock]
    parts += [f"select period from ({cells}) as f" for cells in flows]
    conditions = ["period is not null", *card.totals.span("period", cut, is_period=True)]
    return f"select distinct period from ({' union '.join(parts)}) as e where {' and '.join(conditions)}"


def _left_out(card: Card, measure: Measure, cut: Cut) -> str:
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
            sum_ = f" ({shown(value)})" if value is not None else ""
            words.append(f"{rows:,} {_why(reason, measure, conditions)}{sum_}")
        if LOST <= reason < UNKNOWN:
            said = f"{measure.name}: {words[-1]}; they are silently left out."
            (card.warned if counted[1] else card.failed).append(said)
    words.append(f"{counted[1]:,} counted")
    for n, missing in enumerate(counted[3:]):
        if missing:
            words.append(f"{missing:,} of them without {card.spec.dimensions[n].name}")
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


def _no_gaps(card: Card, period: str, grain: str) -> None:
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
