"""What a dbt model's SQL gives, led back to the columns of the relations it reads.

Read without a database: what is not certain (other Jinja than `ref`, `source` and `config`, columns
of several possible tables, sub-queries) is left out, never guessed. A relation is named by its key,
as in `crew.artifacts`: `stg_orders`, or `source.table`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from memory.lessons.plain_sql import Condition, column_of, condition_of, conjuncts

_COMMENT = re.compile(r"\{#.*?#\}", re.S)
_CONFIG = re.compile(r"\{\{-?\s*config\s*\((.*?)\)\s*-?\}\}", re.S)
_MATERIALIZED = re.compile(r"\bmaterialized\s*=\s*(['\"])(\w{1,40})\1")
_NAME = r"(['\"])([A-Za-z_]\w*)\%d"
_REF = re.compile(
    r"\{\{-?\s*(ref|source)\s*\(\s*" + _NAME % 2 + r"(?:\s*,\s*" + _NAME % 4 + r")?\s*\)\s*-?\}\}"
)
_STAND_IN = "firstmile_relation_"
_MAX_CHARACTERS = 100_000
_MAX_NODES = 500
"""Of an expression: names that stand for names may double it at every step."""


@dataclass(frozen=True)
class Counted:
    """The rows an aggregate is over: those of `driver`, with the conditions that surely hold for
    the rows of each relation that is joined."""

    driver: str
    relations: Mapping[str, frozenset[Condition]]


@dataclass(frozen=True)
class Output:
    """A column: its expression over columns of relations (None: not understood), and the rows of
    every aggregate in it."""

    tree: exp.Expr | None
    counted: tuple[Counted, ...] = ()


@dataclass(frozen=True)
class Rows:
    """What a step of a query gives. `base` is the relation whose columns all pass through;
    `doubled` are relations that come in more than once."""

    columns: Mapping[str, Output] = field(default_factory=dict)
    base: str = ""
    driver: str = ""
    relations: Mapping[str, frozenset[Condition]] = field(default_factory=dict)
    doubled: frozenset[str] = frozenset()
    is_open: bool = True
    """May have columns that are not known."""


@dataclass(frozen=True)
class ModelShape:
    """`columns` of the result by name, `rows` they come from, and the `materialization` that the
    SQL itself sets (empty: none)."""

    rows: Rows
    materialization: str = ""

    @property
    def columns(self) -> Mapping[str, Output]:
        return self.rows.columns


def materialization_of(sql: str) -> str:
    """What the model's own `config` says; empty if nothing."""
    found = [m[2] for block in _CONFIG.findall(sql) for m in _MATERIALIZED.finditer(block)]
    return found[0] if len(found) == 1 else ""


def read_shape(sql: str, dialect: str) -> ModelShape | None:
    """The shape of a model; None if it is not one plain query."""
    if len(sql) > _MAX_CHARACTERS:
        return None
    keys: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:
        kind, first, second = found[1], found[3], found[5]
        if kind == "source" and not second:
            return found[0]  # no such call: refused below
        key = f"{first}.{second}" if kind == "source" else second or first
        name = f"{_STAND_IN}{len(keys)}"
        keys[name] = key
        return name

    plain = _REF.sub(stand_in, _CONFIG.sub("", _COMMENT.sub("", sql)))
    if any(mark in plain for mark in ("{{", "{%", "{#")):
        return None
    try:
        trees = [tree for tree in sqlglot.parse(plain, dialect=dialect) if tree is not None]
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            return None
        rows = _Reader(keys, dialect).rows(trees[0], {})
    except (SqlglotError, ValueError, RecursionError):
        return None
    return ModelShape(rows, materialization_of(sql))


@dataclass(frozen=True)
class _Reader:
    """Reads queries; `keys` are the relations behind stand-ins."""

    keys: Mapping[str, str]
    dialect: str

    def rows(self, query: exp.Expr, known: Mapping[str, Rows]) -> Rows:
        """What a query gives, `known` being the steps before it."""
        steps = dict(known)
        with_ = query.args.get("with_")
        for cte in with_.expressions if with_ and not with_.args.get("recursive") else ():
            steps[cte.alias.lower()] = (
                Rows() if cte.args["alias"].columns else self.rows(cte.this, steps)
            )
        if isinstance(query, exp.Select):
            return _SelectReader(self, query, steps).rows()
        if isinstance(query, exp.Union):
            return _union(self.rows(query.left, steps), self.rows(query.right, steps))
        if isinstance(query, exp.Subquery):
            return self.rows(query.this, steps)
        return Rows()

    def source(self, node: exp.Expr, steps: Mapping[str, Rows]) -> Rows:
        """What stands behind FROM or JOIN."""
        if any(node.args.get(part) for part in ("pivots", "sample", "joins", "laterals")):
            return Rows()
        if isinstance(node, exp.Subquery):
            return self.rows(node.this, steps)
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier) or node.db:
            return Rows()
        name = node.name.lower()
        if key := self.keys.get(name):
            return Rows(base=key, driver=key, relations={key: frozenset()}, is_open=False)
        return steps.get(name, Rows())


class _SelectReader:
    """Reads one SELECT."""

    def __init__(self, reader: _Reader, select: exp.Select, steps: Mapping[str, Rows]) -> None:
        self._select = select
        self._dialect = reader.dialect
        self._sources: dict[str, Rows] = {}
        self._relations: dict[str, frozenset[Condition]] = {}
        self._doubled: set[str] = set()
        self._driver = ""
        self._aliases = {e.alias.lower() for e in select.expressions if isinstance(e, exp.Alias)}
        from_ = select.args.get("from_")
        for node in [from_.this] if from_ else []:
            rows = reader.source(node, steps)
            self._driver = rows.driver
            self._add(node, rows, holds=True)
        for join in select.args.get("joins") or ():
            self._join(join, reader.source(join.this, steps))
        if select.args.get("laterals"):
            self._sources[""] = Rows()

    def rows(self) -> Rows:
        where = self._select.args.get("where")
        for part in conjuncts(where.this) if where else ():
            self._restrict(part)
        columns: dict[str, Output] = {}
        base, is_open = "", False
        for node in self._select.expressions:
            passed = self._passed(node)
            if passed is None:
                name = node.alias_or_name.lower()
                columns[name] = self._resolve(node.unalias(), own=name)
                continue
            for rows in passed:
                columns.update(rows.columns)
                is_open = is_open or rows.is_open or bool(base and rows.base)
                base = rows.base or base
            if is_open:
                base = ""
        if self._is_grouped:
            return Rows(columns, is_open=is_open)
        relations, doubled = self._relations, frozenset(self._doubled)
        return Rows(columns, base, self._driver, relations, doubled, is_open)

    @property
    def _is_grouped(self) -> bool:
        select = self._select
        return bool(
            select.args.get("group")
            or select.args.get("distinct")
            or any(_has_aggregate(e) for e in select.expressions)
        )

    def _join(self, join: exp.Join, rows: Rows) -> None:
        if join.kind in ("SEMI", "ANTI"):
            return
        if join.side in ("RIGHT", "FULL"):
            self._relations = {key: frozenset() for key in self._relations}
        self._add(join.this, rows, holds=join.side not in ("LEFT", "FULL"))

    def _add(self, node: exp.Expr, rows: Rows, holds: bool) -> None:
        """`holds`: whatever the source left out is left out of the result as well."""
        name = node.alias_or_name.lower()
        self._sources[name if name not in self._sources else ""] = rows
        self._doubled |= rows.doubled
        for key, conditions in rows.relations.items():
            kept = conditions if holds else frozenset()
            if key in self._relations:
                self._doubled.add(key)
                kept &= self._relations[key]
            self._relations[key] = kept

    def _restrict(self, part: exp.Expr) -> None:
        tree = self._resolve(part).tree
        found = condition_of(tree, self._dialect) if tree is not None else None
        if found and found.relation in self._relations and found.relation not in self._doubled:
            self._relations[found.relation] |= {found}

    def _passed(self, node: exp.Expr) -> list[Rows] | None:
        """The sources that `*` or `x.*` lets through; None for any other expression."""
        star = node.this if isinstance(node, exp.Column) else node
        if not isinstance(star, exp.Star):
            return None
        if any(star.args.get(part) for part in ("except_", "replace", "rename")):
            return [Rows()]
        if isinstance(node, exp.Column):
            return [self._sources.get(node.table.lower(), Rows())]
        return list(self._sources.values())

    def _resolve(self, node: exp.Expr, own: str = "") -> Output:
        """The expression, that the select calls `own`, over columns of relations."""
        if node.find(exp.Query, exp.Placeholder, exp.Parameter):
            return Output(None)
        counted: dict[int, Counted] = {}
        wrapper = exp.Paren(this=node.copy())
        for column in list(wrapper.find_all(exp.Column)):
            found = self._column(column, own)
            if found is None or found.tree is None:
                return Output(None)
            counted |= {id(c): c for c in found.counted}
            plain = isinstance(found.tree, exp.Column | exp.Func | exp.Paren | exp.Literal)
            column.replace(found.tree.copy() if plain else exp.Paren(this=found.tree.copy()))
        if sum(1 for _ in islice(wrapper.walk(), _MAX_NODES + 1)) > _MAX_NODES:
            return Output(None)
        rows = tuple(counted.values())
        if _has_aggregate(node):
            rows += (Counted(self._driver, dict(self._relations)),)
        return Output(wrapper.this, rows)

    def _column(self, column: exp.Column, own: str) -> Output | None:
        name = column.name.lower()
        if isinstance(column.this, exp.Star) or column.db:
            return None
        if column.table:
            source = self._sources.get(column.table.lower())
            return _column_in(source, column) if source else None
        having = [rows for rows in self._sources.values() if name in rows.columns]
        if len(having) == 1 and not any(r.base or r.is_open for r in self._sources.values()):
            return having[0].columns[name]
        # Some databases let a select use its own names: then it may be that, or the source's.
        if len(self._sources) != 1 or (name in self._aliases - {own} and not having):
            return None
        return _column_in(next(iter(self._sources.values())), column)


def _column_in(rows: Rows, column: exp.Column) -> Output | None:
    found = rows.columns.get(column.name.lower())
    if found is None and rows.base:
        return Output(column_of(rows.base, column.this))
    return found


def _has_aggregate(node: exp.Expr) -> bool:
    return any(not isinstance(f.parent, exp.Window) for f in node.find_all(exp.AggFunc))


def _union(left: Rows, right: Rows) -> Rows:
    """Columns by position; one that comes from two places is known as the pair of them."""
    if left.base or right.base or left.is_open or right.is_open:
        return Rows()
    if len(left.columns) != len(right.columns):
        return Rows()
    columns = {}
    for name, one, other in zip(left.columns, *_outputs(left, right), strict=False):
        trees = [one.tree, other.tree]
        both = [tree.copy() for tree in trees if tree is not None]
        tree = exp.Anonymous(this="either", expressions=both) if len(both) == 2 else None
        columns[name] = Output(tree, one.counted + other.counted)
    relations = dict(left.relations)
    for key, conditions in right.relations.items():
        relations[key] = conditions & relations[key] if key in relations else conditions
    driver = left.driver if left.driver == right.driver else ""
    return Rows(columns, "", driver, relations, left.doubled | right.doubled, is_open=False)


def _outputs(*sides: Rows) -> Iterator[list[Output]]:
    for side in sides:
        yield list(side.columns.values())
