"""Proves derived columns, top rows and spines, by another way than the model computes them.

The model uses window functions; here each value is looked up among the rows of the result by
scalar subqueries, and where only the top rows were kept, among the cells of the sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import parse_one

from crew.artifacts import Derived, Measure
from crew.drafting.dialects import alike
from crew.drafting.period_sql import interval
from crew.drafting.row_sets import dimension_sql
from crew.verification.counted_periods import first_day
from crew.verification.reconciliation_card import RATIO, Card, Figure, Keys
from crew.verification.source_totals import Cut


def derived(card: Card, keys: Keys, cells: Mapping[str, str]) -> None:
    """Compare every derived column; `cells` is SQL of rows (period, d0, …, value) of each figure."""
    for column in card.spec.derived:
        _derived(card, keys, column, cells[column.of])
    if card.spec.top:
        _top(card, keys, cells[card.spec.top.by])


def _derived(card: Card, keys: Keys, derived: Derived, cells: str) -> None:
    own, of = card.column(derived.name), card.column(derived.of)
    if own is None or of is None:
        card.failed.append(f"The model has no column {derived.name} over {derived.of}.")
        return
    rows = cells if card.spec.top else _own_rows(card, keys, of)
    expected = _expected(card, keys, derived, of)
    limit = f"greatest({RATIO}, 0.000000001 * abs(wanted))"
    sql = (
        f"with f as (select * from ({rows}) as x) select count(*), sum(case when (have is null) <> "
        f"(wanted is null) or abs(have - wanted) > {limit} then 1 else 0 end) from (select {own} "
        f"as have, {expected} as wanted from {card.relation} as r{_known(card, keys, derived)}) as c"
    )
    total, differing = card.ask(sql)[0]
    words = (
        f"{derived.kind.replace('_', ' ')} looked up in {total:,} rows, {differing or 0:,} differ"
    )
    card.add(derived.name, None, None, words)
    if differing:
        card.failed.append(f"{derived.name} is not the {words}.")


def _known(card: Card, keys: Keys, derived: Derived) -> str:
    """Where periods that are not shown are compared with: the rows that need none of them."""
    span, time = card.spec.date_range, card.spec.time
    if not (span and span.read_from and time and keys.period):
        return ""
    kinds = {"growth", "change", "previous", "moving_average", "moving_sum"}
    if derived.kind not in kinds:
        return ""
    back = _back(time.grain, derived.periods, card.context.info.dialect)
    return f" where {keys.period[1]} {back} >= cast('{span.start}' as date)"


def _own_rows(card: Card, keys: Keys, of: str) -> str:
    columns = [f"{keys.period[1]} as period"] if keys.period else []
    columns += [f"{c} as d{n}" for n, c in enumerate(keys.dimensions.values())]
    return f"select {', '.join([*columns, f'{of} as value'])} from {card.relation} as r"


def _expected(card: Card, keys: Keys, derived: Derived, of: str) -> str:
    period = keys.period[1] if keys.period else ""
    dialect = card.context.info.dialect
    back = _back(card.spec.time.grain, derived.periods, dialect) if card.spec.time else ""
    same = _same(keys, list(keys.dimensions), dialect)
    match derived.kind:
        case "running_total":
            since = ""
            if derived.reset:
                now = parse_one(period, read=dialect)
                begin = first_day(now, derived.reset, card.spec.calendar)
                since = f" and f.period >= {begin.sql(dialect=dialect)}"
            return f"(select sum(f.value) from f where {same} and f.period <= {period}{since})"
        case "moving_average" | "moving_sum":
            how = "avg" if derived.kind == "moving_average" else "sum"
            span = f"f.period > {period} {back} and f.period <= {period}"
            return f"(select {how}(f.value) from f where {same} and {span})"
        case "previous" | "change" | "growth":
            before = f"(select max(f.value) from f where {same} and f.period = {period} {back})"
            change = f"({of} - {before})"
            growth = f"({change} * 1.0 / nullif({before}, 0))"
            return {"previous": before, "change": change, "growth": growth}[derived.kind]
        case "share":
            there = _when(keys, derived.within, dialect)
            if derived.reset:
                ends = (parse_one(p, read=dialect) for p in ("f.period", period))
                days = (first_day(e, derived.reset, card.spec.calendar) for e in ends)
                longer = " = ".join(day.sql(dialect=dialect) for day in days)
                there = f"{_same(keys, derived.within, dialect)} and {longer}"
            return f"({of} * 1.0 / nullif((select sum(f.value) from f where {there}), 0))"
        case "rank":
            there = _when(keys, derived.within, dialect)
            return f"(select 1 + count(*) from f where {there} and f.value > {of})"
        case "of_first":
            there, last = _when(keys, derived.within, dialect), len(keys.dimensions) - 1
            first = f"(select min(g.d{last}) from f as g where {there.replace('f.', 'g.')})"
            return (
                f"({of} * 1.0 / nullif((select max(f.value) from f where {there} "
                f"and f.d{last} = {first}), 0))"
            )


def _back(grain: str, periods: int, dialect: str) -> str:
    """What goes back so many periods, for behind a moment."""
    step = interval(3, "month") if grain == "quarter" else interval(1, grain)
    return " ".join([f"- {step.sql(dialect=dialect)}"] * periods)


def _same(keys: Keys, names: Sequence[str], dialect: str) -> str:
    places = {name: (n, column) for n, (name, column) in enumerate(keys.dimensions.items())}
    found = [alike(f"f.d{places[n][0]}", places[n][1], dialect) for n in names]
    return " and ".join(found) or "true"


def _when(keys: Keys, names: Sequence[str], dialect: str) -> str:
    now = f" and {alike('f.period', keys.period[1], dialect)}" if keys.period else ""
    return _same(keys, names, dialect) + now


def _top(card: Card, keys: Keys, cells: str) -> None:
    """The rows kept are those that fewer than `count` others of the sources beat."""
    top = card.spec.top
    assert top is not None
    names = list(keys.dimensions)
    group = [f"d{names.index(w)}" for w in top.within] + (["period"] if keys.period else [])
    same = (
        " and ".join(alike(f"b.{g}", f"a.{g}", card.context.info.dialect) for g in group) or "true"
    )
    beats = f"b.value {'<' if top.lowest else '>'} a.value"
    none = "(a.value is null and b.value is not null)"
    sql = (
        f"with f as (select * from ({cells}) as x) select count(*) from f as a where (select count(*)"
        f" from f as b where {same} and ({beats} or {none})) < {top.count}"
    )
    expected, rows = (
        card.ask(sql)[0][0],
        card.ask(f"select count(*) from {card.relation} as r")[0][0],
    )
    card.equal(f"rows of the top {top.count}", expected, rows, f"by {top.by}")


def spine(card: Card, keys: Keys) -> None:
    """Every row of the spine that meets the conditions is there once, with what it shows."""
    key = card.spec.dimensions[0]
    column = card.column(key.name)
    every = Measure(name="rows", relation=card.spec.spine, aggregation="count", expression="*")
    rows = card.ask(card.totals.overall(every, card.spec.spine_filters))[0][0]
    shown = Cut(card.spec.spine_filters, tuple(dimension_sql(d) for d in card.spec.dimensions))
    figure = Figure("what each row shows", card.totals.cells(every, shown), "count(*)", True)
    card.compare(figure, keys)
    ours, different = card.ask(
        f"select count(*), count(distinct {column}) from {card.relation} as r"
    )[0]
    asked = " that was asked for" if card.spec.spine_filters else ""
    card.equal(f"rows of {card.spec.spine}", rows, ours, f"each{asked} has one row in the model")
    card.equal(f"different {key.name}", rows, different, "each once")
