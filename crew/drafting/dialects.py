"""What dialects spell in another way than sqlglot writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

APPROXIMATE = frozenset({"bigquery"})
"""Dialects that have no exact median or percentile of a group."""


class _EitherQuote(DuckDB):
    """DuckDB's words, where a name may stand in backticks as well."""

    class Tokenizer(DuckDB.Tokenizer):
        IDENTIFIERS: ClassVar = ['"', "`"]


def said_in(dialect: str, sql: str) -> str:
    """SQL in DuckDB's words as `dialect` says it; names may be quoted as either does."""
    if dialect == "duckdb":
        return sql
    tree = sqlglot.parse_one(sql, read=_EitherQuote)
    for node in list(tree.find_all(exp.DateTrunc, exp.TimestampTrunc)):
        grain = exp.Literal.string(node.args["unit"].name.lower())
        node.replace(exp.Anonymous(this="date_trunc", expressions=[grain, node.this.copy()]))
    return str(in_dialect(tree, dialect).sql(dialect=dialect))


def in_dialect(tree: exp.Expr, dialect: str) -> exp.Expr:
    """The tree as `dialect` has it, changed in place where its root stays."""
    own = _OWN.get(dialect)
    if own is None:
        return tree
    for node in reversed(list(tree.walk())):
        made = own(node)
        if made is None:
            continue
        if node is tree:
            tree = made
        else:
            node.replace(made)
    return tree


def _in_bigquery(node: exp.Expr) -> exp.Expr | None:
    """The unit of `date_trunc` comes last, and a week that begins on Monday has a name of its own;
    percentiles of a group are approximate."""
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "date_trunc":
        return _truncated(*node.expressions)
    if isinstance(node, exp.Median):
        return _quantile(node.this, 0.5)
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        return _quantile(node.expression.expressions[0].this, float(str(node.this.this)))
    return None


def _truncated(grain: exp.Expr, value: exp.Expr) -> exp.Expr:
    unit = exp.var("ISOWEEK" if grain.name == "week" else grain.name.upper())
    if grain.name == "hour":
        return exp.TimestampTrunc(this=value.copy(), unit=unit)
    day = exp.cast(value.copy(), "date")
    return exp.DateTrunc(this=day, unit=unit)  # type: ignore[no-untyped-call]


def _quantile(value: exp.Expr, fraction: float) -> exp.Expr:
    parts = 100 if (fraction * 100).is_integer() else 1000
    steps, place = exp.Literal.number(parts), exp.Literal.number(round(fraction * parts))
    quantiles = exp.Anonymous(this="approx_quantiles", expressions=[value.copy(), steps])
    return exp.Bracket(this=quantiles, expressions=[place], offset=0, safe=False)


def _in_databricks(node: exp.Expr) -> exp.Expr | None:
    """sqlglot would write the approximate percentile."""
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        exact = exp.Anonymous(this="percentile_cont", expressions=[node.this.this.copy()])
        value = exp.Ordered(this=node.expression.expressions[0].this.copy(), nulls_first=True)
        return exp.WithinGroup(this=exact, expression=exp.Order(expressions=[value]))
    return None


def _in_postgres(node: exp.Expr) -> exp.Expr | None:
    """It has no value at the lowest or highest of another; rows without either do not count."""
    if not isinstance(node, exp.ArgMin | exp.ArgMax):
        return None
    value, order = node.this, node.expression
    ordered = exp.Ordered(this=order.copy(), desc=isinstance(node, exp.ArgMax), nulls_first=False)
    listed = exp.ArrayAgg(this=exp.Order(this=value.copy(), expressions=[ordered]))
    known = exp.and_(value.copy().is_(exp.null()).not_(), order.copy().is_(exp.null()).not_())
    kept = exp.Filter(this=listed, expression=exp.Where(this=known))
    return exp.Bracket(this=exp.paren(kept), expressions=[exp.Literal.number(1)], offset=1)


def _in_redshift(node: exp.Expr) -> exp.Expr | None:
    """It compares no empty values."""
    if not isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        return None
    a, b = node.this, node.expression
    both = exp.and_(a.copy().is_(exp.null()), b.copy().is_(exp.null()))
    equal = exp.EQ(this=a.copy(), expression=b.copy())
    if isinstance(node, exp.NullSafeEQ):
        return exp.paren(exp.or_(equal, both))
    return exp.not_(exp.Coalesce(this=equal, expressions=[both]))


def alike(a: str, b: str, dialect: str) -> str:
    """SQL that says whether two values are equal or both empty."""
    if dialect == "redshift":
        return f"({a} = {b} or ({a} is null and {b} is null))"
    return f"{a} is not distinct from {b}"


def differ(a: str, b: str, dialect: str) -> str:
    """SQL that says whether two values are neither equal nor both empty."""
    if dialect == "redshift":
        return f"not coalesce({a} = {b}, {a} is null and {b} is null)"
    return f"{a} is distinct from {b}"


_OWN: dict[str, Callable[[exp.Expr], exp.Expr | None]] = {
    "bigquery": _in_bigquery,
    "databricks": _in_databricks,
    "spark": _in_databricks,
    "postgres": _in_postgres,
    "redshift": _in_redshift,
}
