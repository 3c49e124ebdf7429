"""Columns over the rows of a result (running totals, growth, shares, ranks), and its top rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from crew.artifacts import Derived, RequirementSpec
from crew.drafting.period_sql import period_of
from crew.drafting.sql_layout import FINAL, Cte

_FRAMED = {"moving_average": exp.Avg, "moving_sum": exp.Sum}


def with_derived(
    spec: RequirementSpec, ctes: Sequence[Cte], columns: Sequence[str], fresh: Callable[[str], str]
) -> list[Cte]:
    """The steps of a model, whose last one gives `columns`, with those that derive from them."""
    if not spec.derived and not spec.top:
        return list(ctes)
    *before, last = ctes
    figures = fresh("figures")
    steps = [*before, Cte(figures, last.body, last.comment)]
    outputs: list[exp.Expr] = [exp.column(c) for c in columns]
    windows = [exp.alias_(window(spec, d), d.name) for d in spec.derived]
    if early := _since(spec):
        seen = fresh("compared")
        steps.append(Cte(seen, exp.select(*outputs, *windows).from_(figures)))
        windows = [exp.column(d.name) for d in spec.derived]
        figures = fresh("shown")
        steps.append(Cte(figures, exp.select(*outputs, *windows).from_(seen).where(early)))
        if spec.top is None:
            return [*steps[:-1], Cte(FINAL, steps[-1].body)]
    if spec.top is None:
        steps.append(Cte(FINAL, exp.select(*outputs, *windows).from_(figures)))
        return steps
    ranked, place = fresh("ranked"), fresh("place")
    order = exp.alias_(_place(spec, spec.top.by, spec.top.within, spec.top.lowest), place)
    steps.append(Cte(ranked, exp.select(*outputs, *windows, order).from_(figures)))
    shown = [exp.column(c) for c in (*columns, *(d.name for d in spec.derived))]
    limit = exp.LTE(this=exp.column(place), expression=exp.Literal.number(spec.top.count))
    steps.append(Cte(FINAL, exp.select(*shown).from_(ranked).where(limit)))
    return steps


def _since(spec: RequirementSpec) -> exp.Expr | None:
    """The periods that are shown, where earlier ones are there to be compared with."""
    span = spec.date_range
    if not (spec.time and span and span.start and span.read_from):
        return None
    start = exp.cast(exp.Literal.string(span.start), "date")
    return exp.GTE(this=_period(spec), expression=start)


def window(spec: RequirementSpec, derived: Derived) -> exp.Expr:
    """The expression of a derived column over the columns of the result."""
    value = exp.column(derived.of)
    dimensions = [d.name for d in spec.dimensions]
    match derived.kind:
        case "running_total":
            total = _over(exp.Sum(this=value), dimensions, _period(spec), preceding="UNBOUNDED")
            if derived.reset:
                anew = period_of(_period(spec), derived.reset, spec.calendar)
                total.set("partition_by", [*total.args["partition_by"], anew])
            return total
        case "moving_average" | "moving_sum":
            preceding = exp.Literal.number(derived.periods - 1)
            kind = _FRAMED[derived.kind](this=value)
            return _over(kind, dimensions, _period(spec), preceding=preceding)
        case "previous":
            return _before(spec, derived)
        case "change":
            return value - _before(spec, derived)
        case "growth":
            change = exp.paren(value - _before(spec, derived))
            return _ratio(change, _before(spec, derived))
        case "share":
            if not derived.reset:
                total = _over(exp.Sum(this=value.copy()), [*_when(spec), *derived.within])
                return _ratio(value, total)
            total = _over(exp.Sum(this=value.copy()), derived.within)
            longer = period_of(_period(spec), derived.reset, spec.calendar)
            total.set("partition_by", [*total.args["partition_by"], longer])
            return _ratio(value, total)
        case "rank":
            return _place(spec, derived.of, derived.within)
        case "of_first":
            order = exp.column(next(d for d in dimensions[::-1] if d not in derived.within))
            return _ratio(value, _over(exp.FirstValue(this=value.copy()), derived.within, order))


def _ratio(part: exp.Expr, whole: exp.Expr) -> exp.Expr:
    return exp.Div(this=part, expression=exp.Nullif(this=whole, expression=exp.Literal.number(0)))


def _when(spec: RequirementSpec) -> list[str]:
    return [spec.time.column] if spec.time else []


def _period(spec: RequirementSpec) -> exp.Expr:
    assert spec.time is not None
    return exp.column(spec.time.column)


def _before(spec: RequirementSpec, derived: Derived) -> exp.Expr:
    lag = exp.Lag(this=exp.column(derived.of), offset=exp.Literal.number(derived.periods))
    return _over(lag, [d.name for d in spec.dimensions], _period(spec))


def _place(spec: RequirementSpec, by: str, within: Sequence[str], lowest: bool = False) -> exp.Expr:
    order = exp.Ordered(this=exp.column(by), desc=not lowest, nulls_first=False)
    return _over(exp.Rank(), [*_when(spec), *within], order)


def _over(
    function: exp.Expr,
    partition: Sequence[str],
    order: exp.Expr | None = None,
    preceding: exp.Expr | str | None = None,
) -> exp.Expr:
    window = exp.Window(this=function, partition_by=[exp.column(p) for p in partition])
    if order is not None:
        ordered = order if isinstance(order, exp.Ordered) else exp.Ordered(this=order)
        window.set("order", exp.Order(expressions=[ordered]))
    if preceding is not None:
        frame = {
            "kind": "ROWS",
            "start": preceding,
            "start_side": "PRECEDING",
            "end": "CURRENT ROW",
        }
        window.set("spec", exp.WindowSpec(**frame))
    return window
