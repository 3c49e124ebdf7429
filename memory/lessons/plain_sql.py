"""Conditions and aggregates over columns of relations: plain ones only, as text and to compare.

Two expressions are the same if their canonical forms are: sides swapped, `count(1)`, `x = true`,
`between` and the like make no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import get_args

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.simplify import simplify

from crew.artifacts import Aggregation

_PLAIN = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike,
    exp.NullSafeEQ, exp.NullSafeNEQ, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Cast,
    exp.DataType, exp.DataTypeParam, exp.Coalesce, exp.Nullif, exp.Lower, exp.Upper, exp.Trim, exp.Abs,
    exp.Round, exp.Length, exp.Date, exp.DateTrunc, exp.TimestampTrunc, exp.Year, exp.Month, exp.Var,
)  # fmt: skip
_COMMUTING = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Mul)
_QUOTED = re.compile(r"""('(?:[^']|'')*'|"[^"]*")""")
_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*")
_AGGREGATES: dict[type[exp.Expr], Aggregation] = {
    exp.Count: "count", exp.Sum: "sum", exp.Avg: "average", exp.Median: "median",
    exp.Min: "min", exp.Max: "max",
}  # fmt: skip
assert {*_AGGREGATES.values(), "count_distinct"} <= set(get_args(Aggregation))


@dataclass(frozen=True)
class Condition:
    """A condition over `columns` of one relation; equal if the canonical forms are. `text` is how
    it was written, columns qualified by the relation's key."""

    relation: str
    canonical: str
    text: str = field(compare=False)
    columns: frozenset[str] = field(compare=False)


@dataclass(frozen=True)
class Aggregate:
    """An aggregate over columns of one relation; `expression` is `*` for rows. `essence` is the
    canonical form without casts, rounding and fallbacks for null."""

    aggregation: Aggregation
    relation: str
    expression: str
    essence: str = field(compare=False)
    columns: frozenset[str] = field(compare=False)


def relation_of(column: exp.Column) -> str:
    """The key of the relation that a resolved column is of."""
    return f"{column.db}.{column.table}" if column.db else column.table


def column_of(key: str, name: exp.Expr) -> exp.Column:
    """A column of a relation; unquoted names are lower case."""
    quoted = bool(name.args.get("quoted")) and not _SIMPLE.fullmatch(name.name)
    identifier = exp.to_identifier(name.name if quoted else name.name.lower(), quoted=quoted)
    source, _, table = key.rpartition(".")
    return exp.column(identifier, table=table, db=source or None)


def conjuncts(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The parts that AND joins."""
    tree = tree.unnest()
    if isinstance(tree, exp.And):
        yield from conjuncts(tree.left)
        yield from conjuncts(tree.right)
    else:
        yield tree


def condition_of(tree: exp.Expr, dialect: str) -> Condition | None:
    """The condition, if it is plain, about one relation, and reads back as itself."""
    relations = {relation_of(column) for column in tree.find_all(exp.Column)}
    if len(relations) != 1 or not _is_plain(tree):
        return None
    text = sql_of(tree, dialect)
    if not text:
        return None
    columns = frozenset(column.name for column in tree.find_all(exp.Column))
    return Condition(relations.pop(), canonical(tree, dialect), text, columns)


def aggregate_of(tree: exp.Expr, driver: str, dialect: str) -> Aggregate | None:
    """The one aggregate that an expression is, but for what fills, casts or rounds its result;
    `driver` is the relation whose rows `count(*)` counts."""
    tree = _bare(tree)
    aggregation = _AGGREGATES.get(type(tree))
    if aggregation is None or tree.args.get("expressions"):
        return None
    value = tree.this
    if isinstance(value, exp.Star | exp.Literal):
        whole = aggregation == "count" and driver
        return Aggregate("count", driver, "*", "*", frozenset()) if whole else None
    if isinstance(value, exp.Distinct):
        if aggregation != "count" or len(value.expressions) != 1 or value.args.get("on"):
            return None
        aggregation, value = "count_distinct", value.expressions[0]
    relations = {relation_of(column) for column in value.find_all(exp.Column)}
    if len(relations) != 1 or not _is_plain(value) or not (text := sql_of(value, dialect)):
        return None
    bare = value.copy().transform(_bare)
    columns = frozenset(column.name for column in value.find_all(exp.Column))
    return Aggregate(aggregation, relations.pop(), text, canonical(bare, dialect), columns)


def columns_in(condition: str, dialect: str) -> set[str]:
    """Names of the columns of a condition, in lower case; empty if it cannot be read."""
    try:
        tree = sqlglot.parse_one(condition, dialect=dialect)
    except (SqlglotError, ValueError, RecursionError):
        return set()
    return {column.name.lower() for column in tree.find_all(exp.Column)}


def sql_of(tree: exp.Expr, dialect: str) -> str:
    """The expression as SQL in lower case; empty if it does not read back as itself."""
    written = tree.sql(dialect=dialect, normalize_functions="lower", comments=False)
    text = "".join(p if n % 2 else p.lower() for n, p in enumerate(_QUOTED.split(written)))
    try:
        again = sqlglot.parse_one(text, dialect=dialect)
    except SqlglotError:
        return ""
    return text if again.sql(dialect=dialect) == tree.sql(dialect=dialect, comments=False) else ""


def canonical(tree: exp.Expr, dialect: str) -> str:
    """The form to compare by; not for use as SQL."""
    tree = simplify(tree.copy().transform(_plainer), dialect=dialect)
    for node in reversed(list(tree.walk())):
        if isinstance(node, _COMMUTING):
            left, right = sorted((node.left, node.right), key=lambda side: side.sql())
            node.set("this", left)
            node.set("expression", right)
        elif isinstance(node, exp.In):
            node.set("expressions", sorted(node.expressions, key=lambda item: item.sql()))
    return tree.sql(comments=False)


def _plainer(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Paren):
        return _plainer(node.this) if not isinstance(node.this, exp.Connector) else node
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Literal):
        return exp.Count(this=exp.Star(), big_int=True)
    if isinstance(node, exp.EQ | exp.Is):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, exp.Boolean):
                return one if other.this else exp.Not(this=exp.paren(one, copy=False))
    if isinstance(node, exp.In) and len(node.expressions) == 1 and not node.args.get("query"):
        return exp.EQ(this=node.this, expression=node.expressions[0])
    return node


def _bare(node: exp.Expr) -> exp.Expr:
    """What is inside of brackets, casts, rounding, and zeros for null."""
    zero = isinstance(node, exp.Coalesce) and [e.sql() for e in node.expressions] == ["0"]
    if zero or isinstance(node, exp.Paren | exp.Cast | exp.Round):
        return _bare(node.this)
    return node


def _is_plain(tree: exp.Expr) -> bool:
    return all(isinstance(node, _PLAIN) for node in tree.walk())
