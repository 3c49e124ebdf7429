"""What a computed column of a result is, in words: measures, formulas, ranges, columns over rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import Derived, Dimension, Measure, RequirementSpec, TimeGrain, Top

_AGGREGATES = {
    "count": "Number of",
    "count_distinct": "Number of different",
    "sum": "Sum of",
    "average": "Average of",
    "median": "Median of",
    "min": "Smallest",
    "max": "Largest",
    "first": "First",
    "last": "Last",
}
_ZERO_IS_NONE = {"count", "count_distinct", "sum"}
_OPERATIONS: dict[type[exp.Expr], str] = {
    exp.Div: "divided by",
    exp.Mul: "times",
    exp.Add: "plus",
    exp.Sub: "minus",
}
_PARTS = {
    "isodow": "Weekday of {column}: 1 is Monday, 7 is Sunday.",
    "dayofweekiso": "Weekday of {column}: 1 is Monday, 7 is Sunday.",
    "hour": "Hour of the day of {column}: 0 to 23.",
    "month": "Month of the year of {column}: 1 to 12.",
    "year": "Year of {column}.",
    "quarter": "Quarter of the year of {column}: 1 to 4.",
    "day": "Day of the month of {column}: 1 to 31.",
    "week": "Week of the year of {column}.",
}


def measure_words(measure: Measure, spec: RequirementSpec) -> str:
    """For instance: Number of stg_orders rows by ordered_at, where status = 'completed'."""
    what = (
        f"`{measure.relation}` rows"
        if measure.expression == "*"
        else f"`{bare(measure.expression)}` in `{measure.relation}`"
    )
    if measure.aggregation == "count":
        what = f"rows of `{measure.relation}`"
        if measure.expression != "*":
            what += f" where `{bare(measure.expression)}` is not empty"
    text = f"{_aggregate(measure)} {what}"
    if measure.order_by:
        text += f", in the order of `{bare(measure.order_by)}`"
    if measure.is_stock:
        moment = "beginning" if measure.at == "period_start" else "end"
        begin, end = bare(measure.active_from or ""), bare(measure.active_to or "")
        text += f", active at the {moment} of the period (`{begin}` until before `{end}`)"
    elif measure.time and (spec.time or spec.look_back or spec.date_range):
        text += f", dated by `{bare(measure.time)}`"
    if measure.filters:
        text += ", where " + " and ".join(bare(f) for f in measure.filters)
    if spec.spine and measure.aggregation in _ZERO_IS_NONE:
        return text + "; zero where there is none."
    return text + ("; empty where there is none." if spec.spine else ".")


def formula_words(formula: str) -> str:
    """Arithmetic read aloud: `revenue` divided by `orders`."""
    try:
        tree = sqlglot.parse_one(formula, read="duckdb")
    except SqlglotError:
        return formula
    return _read_aloud(tree.unnest())


def derived_words(derived: Derived, spec: RequirementSpec) -> str:
    """What a column over the rows of the result shows, and where it is empty."""
    of, unit = f"`{derived.of}`", spec.time.grain if spec.time else "period"
    each = _each([d.name for d in spec.dimensions])
    before = f"{unit} before" if derived.periods == 1 else f"{derived.periods} {unit}s before"
    span = f"over {derived.periods} {unit}s with the row's own{each}; at the beginning over fewer."
    inside = _inside(derived.within, spec)
    match derived.kind:
        case "running_total":
            since = (
                f"the first {unit} of the {derived.reset}" if derived.reset else f"the first {unit}"
            )
            return f"Running total of {of} from {since} on{each}."
        case "moving_average":
            return f"Moving average of {of} {span}"
        case "moving_sum":
            return f"Moving sum of {of} {span}"
        case "previous":
            return f"{of} of the {before}{each}; empty where there is none."
        case "change":
            return f"{of} minus that of the {before}{each}; empty where there is none."
        case "growth":
            return (
                f"Change of {of} against the {before}{each}, as a fraction: 0.1 is ten percent."
                " Empty where there is none before, or zero."
            )
        case "share":
            return (
                f"{of} as a fraction of its total {inside}: 0.1 is ten percent."
                " Empty where the total is zero."
            )
        case "rank":
            return f"Rank by {of} {inside}: 1 is the highest, rows that tie share a rank."
        case "of_first":
            last = next(d.name for d in reversed(spec.dimensions) if d.name not in derived.within)
            return (
                f"{of} as a fraction of the value in the first row by `{last}`"
                f"{_each(derived.within)}: 0.1 is ten percent."
            )


def computed_words(dimension: Dimension, dialect: str) -> str:
    """What an expression over a column gives: a range, a part of a date, a period."""
    column = f"`{dimension.column}` of `{dimension.relation}`"
    tree = sqlglot.parse_one(dimension.expression, read=dialect)
    if isinstance(tree, exp.Case):
        labels = [f"'{b.args['true'].name}'" for b in tree.args["ifs"]]
        return f"Range of {column}, lower bound included: {', '.join(labels)}."
    if isinstance(tree, exp.Extract) and (words := _PARTS.get(tree.name.lower())):
        return words.format(column=column)
    if grain := _truncated(tree):
        return f"First day of the {grain} of {column}."
    if isinstance(tree, exp.Mul) and tree.find(exp.Floor):
        step = tree.expression.sql()
        return f"Range of {column}: its lower bound, a multiple of {step}, included in the range."
    return f"{column}, as `{bare(dimension.expression)}`."


def top_words(top: Top, grain: TimeGrain | None) -> str:
    """Which rows are kept, as a sentence."""
    way = "lowest" if top.lowest else "highest"
    inside = [f"each {grain}"] if grain else []
    inside += [f"each `{w}`" for w in top.within]
    where = f" in {' and '.join(inside)}" if inside else ""
    return f"Only the {top.count} rows with the {way} `{top.by}`{where}; rows that tie stay."


def bare(expression: str) -> str:
    """An expression without the relation in front of its columns."""
    return re.sub(r"\b[a-z_][\w]*\.(?=[a-z_])", "", expression, flags=re.I)


def _aggregate(measure: Measure) -> str:
    if measure.aggregation == "percentile":
        return f"{_ordinal(round((measure.fraction or 0.5) * 100, 2))} percentile of"
    return _AGGREGATES[measure.aggregation]


def _ordinal(number: float) -> str:
    text = f"{number:g}"
    if "." in text or text[-2:] in {"11", "12", "13"}:
        return f"{text}th"
    return text + {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")


def _read_aloud(tree: exp.Expr) -> str:
    if isinstance(tree, exp.Column):
        return f"`{tree.name}`"
    if words := _OPERATIONS.get(type(tree)):
        parts = [tree.this.unnest(), tree.expression.unnest()]
        told = [
            f"({_read_aloud(p)})" if isinstance(p, exp.Binary) else _read_aloud(p) for p in parts
        ]
        return f"{told[0]} {words} {told[1]}"
    return tree.sql(dialect="duckdb")


def _each(names: Sequence[str]) -> str:
    return ", per " + " and ".join(f"`{n}`" for n in names) if names else ""


def _inside(within: Sequence[str], spec: RequirementSpec) -> str:
    places = [f"the {spec.time.grain}"] if spec.time else []
    places += [f"its `{w}`" for w in within]
    return f"within {' and '.join(places)}" if places else "over all rows"


def _truncated(tree: exp.Expr) -> str:
    inner = tree.this if isinstance(tree, exp.Cast) else tree
    if isinstance(inner, exp.DateTrunc | exp.TimestampTrunc):
        return str(inner.args["unit"].name).lower()
    return ""
