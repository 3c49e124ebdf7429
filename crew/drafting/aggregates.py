"""The SQL of a measure's aggregate."""

from __future__ import annotations

from sqlglot import exp

from crew.artifacts import Measure


def aggregate(measure: Measure, value: exp.Expr, order: exp.Expr | None = None) -> exp.Expr:
    """The aggregate of a value's expression; `order` is what decides which one is first or last."""
    match measure.aggregation:
        case "count":
            return exp.Count(this=value)
        case "count_distinct":
            return exp.Count(this=exp.Distinct(expressions=[value]))
        case "sum":
            return exp.Sum(this=value)
        case "average":
            return exp.Avg(this=value)
        case "median":
            return exp.Median(this=value)
        case "min":
            return exp.Min(this=value)
        case "max":
            return exp.Max(this=value)
        case "percentile":
            fraction = exp.Literal.number(measure.fraction or 0.5)
            return exp.WithinGroup(
                this=exp.PercentileCont(this=fraction),
                expression=exp.Order(expressions=[exp.Ordered(this=value)]),
            )
        case "first" | "last":
            kind = exp.ArgMin if measure.aggregation == "first" else exp.ArgMax
            return kind(this=value, expression=order or value.copy())
