"""Resolves column names of metrics, filters and dimensions over many-to-one keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import Evidence, Measure
from crew.drafting.join_planner import JoinPlanner


class UnknownColumn(Exception):
    """A column that neither the relation nor what it reaches has (`options`: more than one has)."""

    def __init__(self, column: str, relation: str, options: tuple[str, ...] = ()) -> None:
        super().__init__(f"{column} is not a column of {relation} or of what it points at")
        self.column, self.relation, self.options = column, relation, options


def key_of(column: exp.Column) -> str:
    """The relation key that qualifies a column, empty if none."""
    return f"{column.db}.{column.table}" if column.db else column.table


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_RESERVED = {
    "_", "all", "analyze", "and", "any", "array", "as", "asc", "between", "both", "by", "case",
    "cast", "check", "collate", "column", "constraint", "create", "cross", "current_date",
    "current_time", "current_timestamp", "default", "desc", "distinct", "do", "else", "end",
    "except", "exists", "false", "fetch", "for", "foreign", "from", "full", "grant", "group",
    "having", "in", "inner", "intersect", "into", "is", "join", "lateral", "leading", "left",
    "like", "limit", "natural", "not", "null", "offset", "on", "only", "or", "order", "outer",
    "pivot", "primary", "qualify", "references", "returning", "right", "rows", "select", "some",
    "table", "then", "to", "trailing", "true", "union", "unique", "unpivot", "user", "using",
    "values", "when", "where", "window", "with",
}  # fmt: skip


_FOLDING = {"postgres"}
"""Dialects that read a bare `ticketNo` as `ticketno`."""


def needs_quotes(name: str, dialect: str = "") -> bool:
    """Whether an identifier cannot stand bare in SQL."""
    if dialect in _FOLDING and name != name.lower() and name != name.upper():
        return True
    return not _PLAIN.match(name) or name.lower() in _RESERVED


def qualified(relation: str, column: str) -> exp.Column:
    """A column with its relation key as qualifier."""
    name = exp.to_identifier(column, quoted=needs_quotes(column))
    parts = relation.split(".", 1)
    if len(parts) == 2:
        return exp.column(name, table=parts[1], db=parts[0])
    return exp.column(name, table=relation)


@dataclass(frozen=True)
class Scope:
    """What can be said about the rows of `relation`: its columns and those it points at."""

    relation: str
    evidence: Evidence
    planner: JoinPlanner

    def resolve(self, expression: str) -> exp.Expr:
        """Parse and qualify every column. Raises UnknownColumn, or ValueError if it is no SQL."""
        try:
            tree = sqlglot.parse_one(expression, read=self.evidence.dialect)
        except SqlglotError as error:
            told = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0]
            raise ValueError(f"{expression!r} is not a SQL expression: {told}") from error
        if isinstance(tree, exp.Column):
            return self._qualify(tree)
        for column in list(tree.find_all(exp.Column)):
            column.replace(self._qualify(column))
        return tree

    def resolve_text(self, expression: str) -> str:
        return self.resolve(expression).sql(dialect=self.evidence.dialect)

    def _qualify(self, column: exp.Column) -> exp.Column:
        if key := key_of(column):
            card = self.evidence.relation(key)
            if card is None or card.column(column.name) is None:
                raise UnknownColumn(column.name, key)
            return column
        hops = self.planner.hops(self.relation)
        own = self._layer(self.relation)
        holders = [k for k in hops if (c := self.evidence.relation(k)) and c.column(column.name)]
        holders = [k for k in holders if self._layer(k) == own] or holders
        if not holders:
            raise UnknownColumn(column.name, self.relation)
        near = min(hops[k] for k in holders)
        nearest = self._same_meaning(column.name, sorted(k for k in holders if hops[k] == near))
        if len(nearest) > 1:
            raise UnknownColumn(column.name, self.relation, tuple(nearest))
        return qualified(nearest[0], column.name)

    def _same_meaning(self, column: str, keys: list[str]) -> list[str]:
        """One of each group of relations that hold the same values in that column."""
        groups: dict[object, str] = {}
        for key in keys:
            card = self.evidence.relation(key)
            found = card.column(column) if card else None
            if found:
                groups.setdefault((found.distinct, found.minimum, found.maximum, found.values), key)
        return list(groups.values())

    def _layer(self, key: str) -> str:
        card = self.evidence.relation(key)
        return card.layer if card else ""


def relations_of(trees: Iterable[exp.Expr]) -> set[str]:
    """Keys of all relations that the expressions use."""
    return {key_of(c) for tree in trees for c in tree.find_all(exp.Column)} - {""}


def qualify_measure(measure: Measure, evidence: Evidence, planner: JoinPlanner) -> Measure:
    """The measure with every column qualified. Raises UnknownColumn or ValueError."""
    scope = Scope(measure.relation, evidence, planner)

    def maybe(text: str | None) -> str | None:
        return scope.resolve_text(text) if text else None

    return measure.model_copy(
        update={
            "expression": measure.expression
            if measure.expression == "*"
            else scope.resolve_text(measure.expression),
            "time": maybe(measure.time),
            "active_from": maybe(measure.active_from),
            "active_to": maybe(measure.active_to),
            "filters": tuple(scope.resolve_text(f) for f in measure.filters),
        }
    )
