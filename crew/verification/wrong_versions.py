"""Wrong versions of a model's SQL: one plausible mistake each, said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from sqlglot import exp

_BOUNDARIES: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GTE: exp.GT, exp.GT: exp.GTE, exp.LTE: exp.LT, exp.LT: exp.LTE,
}  # fmt: skip
_EQUALITIES: dict[type[exp.Expr], type[exp.Expr]] = {exp.EQ: exp.NEQ, exp.NEQ: exp.EQ}
_AGGREGATES: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.Sum: exp.Avg, exp.Avg: exp.Sum, exp.Min: exp.Max, exp.Max: exp.Min, exp.Median: exp.Avg,
}  # fmt: skip
_OTHER_GRAIN = {"hour": "day", "day": "week", "week": "month", "month": "quarter",
                "quarter": "year", "year": "quarter"}  # fmt: skip
_LONGEST = 70


@dataclass(frozen=True)
class WrongVersion:
    """`words` say the mistake, `step` is the CTE it is in."""

    words: str
    step: str
    tree: exp.Expr


def wrong_versions(tree: exp.Expr, dialect: str) -> Iterator[WrongVersion]:
    """Versions with one mistake each: one of every kind first, then the second of every kind…"""
    nodes = list(tree.walk())
    kinds = [
        [
            (n, words, change)
            for n, node in enumerate(nodes)
            for words, change in mistake(node, dialect)
        ]
        for mistake in _MISTAKES
    ]
    if (other := _other_grain(tree)) is not None:
        yield other
    for found in chain.from_iterable(zip_longest(*kinds)):
        if found is not None:
            n, words, change = found
            copy = tree.copy()
            change(list(copy.walk())[n])
            yield WrongVersion(words, _step(nodes[n]), copy)


Change = Callable[[exp.Expr], object]
Mistakes = Iterator[tuple[str, Change]]


def _inner_join(node: exp.Expr, dialect: str) -> Mistakes:
    if isinstance(node, exp.Join) and node.side == "LEFT":
        yield f"rows without {node.alias_or_name} are left out", lambda n: n.set("side", None)


def _joined_twice(node: exp.Expr, dialect: str) -> Mistakes:
    if isinstance(node, exp.Join) and node.args.get("on") and isinstance(node.this, exp.Table):

        def double(join: exp.Expr) -> None:
            table = join.this
            name, bare = table.alias_or_name, table.copy()
            bare.set("alias", None)
            both = exp.union(
                exp.select("*").from_(bare), exp.select("*").from_(bare), distinct=False
            )
            join.set("this", both.subquery(name))

        yield f"each row of {node.alias_or_name} is joined twice", double


def _condition_dropped(node: exp.Expr, dialect: str) -> Mistakes:
    if not isinstance(node, exp.Where):
        return
    parts = _conjuncts(node.this)
    for n, part in enumerate(parts):

        def drop(where: exp.Expr, n: int = n) -> None:
            rest = [p.copy() for k, p in enumerate(_conjuncts(where.this)) if k != n]
            where.set("this", exp.and_(*rest) if rest else exp.true())

        yield f"without the condition {_short(part, dialect)}", drop


def _boundary_moved(node: exp.Expr, dialect: str) -> Mistakes:
    if other := _BOUNDARIES.get(type(node)):
        yield f"{_short(_as(node, other), dialect)}", lambda n: n.replace(_as(n, other))


def _negated(node: exp.Expr, dialect: str) -> Mistakes:
    other = _EQUALITIES.get(type(node))
    if other and node.find_ancestor(exp.Where, exp.If, exp.Join) and not _in_join(node):
        yield f"{_short(_as(node, other), dialect)}", lambda n: n.replace(_as(n, other))


def _not_distinct(node: exp.Expr, dialect: str) -> Mistakes:
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        yield (
            f"duplicates are counted in {_short(node, dialect)}",
            lambda n: n.set("this", n.this.expressions[0].copy()),
        )


def _other_aggregate(node: exp.Expr, dialect: str) -> Mistakes:
    if other := _AGGREGATES.get(type(node)):
        yield (
            f"{other.key} instead of {_short(node, dialect)}",
            lambda n: n.replace(other(this=n.this.copy())),
        )
    elif isinstance(node, exp.Count) and isinstance(node.this, exp.Column):
        yield (
            f"rows without a value are counted in {_short(node, dialect)}",
            lambda n: n.set("this", exp.Star()),
        )


def _no_default(node: exp.Expr, dialect: str) -> Mistakes:
    if isinstance(node, exp.Coalesce) and node.expressions:
        yield f"no default: {_short(node.this, dialect)}", lambda n: n.replace(n.this.copy())


def _key_dropped(node: exp.Expr, dialect: str) -> Mistakes:
    """Grouped by one column less, of which any value is shown."""
    group = node.args.get("group") if isinstance(node, exp.Select) else None
    if not isinstance(node, exp.Select) or group is None:
        return
    for n, column in enumerate(node.selects):
        if column.find(exp.AggFunc):
            continue

        def drop(select: exp.Expr, n: int = n) -> None:
            assert isinstance(select, exp.Select)
            shown = select.selects[n]
            plain, name = shown.unalias(), shown.alias_or_name
            group = select.args["group"]
            kept = [
                e for e in group.expressions
                if e.sql() not in {str(n + 1), plain.sql(), shown.sql(), name}
            ]  # fmt: skip
            group.set("expressions", kept)
            if not kept and not group.args.get("all"):
                select.set("group", None)
            shown.replace(exp.alias_(exp.Min(this=plain.copy()), name))

        yield f"not split by {column.alias_or_name}", drop


def _other_window(node: exp.Expr, dialect: str) -> Mistakes:
    if not isinstance(node, exp.Window):
        return
    if node.args.get("partition_by"):
        yield (
            f"over all rows: {_short(node.this, dialect)} without its groups",
            lambda n: n.set("partition_by", None),
        )
    if isinstance(node.this, exp.Lag):
        yield (
            f"one row further back: {_short(node.this, dialect)}",
            lambda n: n.this.set("offset", exp.Literal.number(int(_offset(n)) + 1)),
        )
    order = node.args.get("order")
    if order is not None:

        def turn(window: exp.Expr) -> None:
            for ordered in window.args["order"].find_all(exp.Ordered):
                ordered.set("desc", not ordered.args.get("desc"))

        yield f"the other way round: {_short(node, dialect)}", turn


_MISTAKES: tuple[Callable[[exp.Expr, str], Mistakes], ...] = (
    _condition_dropped, _inner_join, _boundary_moved, _joined_twice, _key_dropped, _not_distinct,
    _other_aggregate, _no_default, _negated, _other_window,
)  # fmt: skip


def _other_grain(tree: exp.Expr) -> WrongVersion | None:
    """All periods of another length."""
    copy = tree.copy()
    words = ""
    for node in copy.find_all(exp.DateTrunc, exp.TimestampTrunc):
        unit = node.args["unit"].name.lower()
        if other := _OTHER_GRAIN.get(unit):
            node.set("unit", exp.Literal.string(other.upper()))
            words = f"per {other} instead of {unit}"
    return WrongVersion(words, _step(tree), copy) if words else None


def _conjuncts(tree: exp.Expr) -> list[exp.Expr]:
    return list(tree.flatten()) if isinstance(tree, exp.And) else [tree]


def _as(node: exp.Expr, other: type[exp.Expr]) -> exp.Expr:
    return other(this=node.this.copy(), expression=node.expression.copy())


def _in_join(node: exp.Expr) -> bool:
    return isinstance(node.find_ancestor(exp.Where, exp.If, exp.Join, exp.Select), exp.Join)


def _offset(window: exp.Expr) -> str:
    offset = window.this.args.get("offset")
    return offset.name if isinstance(offset, exp.Literal) else "1"


def _step(node: exp.Expr) -> str:
    step = node.find_ancestor(exp.CTE)
    return step.alias if step is not None else "the end"


def _short(node: exp.Expr, dialect: str) -> str:
    text = " ".join(node.sql(dialect=dialect).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
