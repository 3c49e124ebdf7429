"""The rows that measures count: one relation, joined to what they need, filtered once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp

from crew.artifacts import Dimension, Evidence, JoinEdge, Measure, RequirementSpec
from crew.catalog.dbt_project import entity_of
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.scope import Scope, key_of, qualified, relations_of
from crew.drafting.vocabulary import snake


def parse_sql(text: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(text, read=dialect)


@dataclass
class Aliases:
    """Names of import CTEs: the entity of a relation, unique within one model."""

    taken: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str:
        if key not in self.names:
            self.names[key] = self.fresh(snake(entity_of(key)))
        return self.names[key]

    def fresh(self, wanted: str) -> str:
        """A name not used yet in this model."""
        name, n = wanted, 2
        while name in self.taken:
            name, n = f"{wanted}_{n}", n + 1
        self.taken.add(name)
        return name


@dataclass
class RowSet:
    """Rows of `relation` under `filters`, shared by all measures that count them."""

    relation: str
    filters: tuple[str, ...]
    measures: list[Measure]
    joins: list[JoinEdge]
    evidence: Evidence
    aliases: Aliases
    name: str = ""
    columns: dict[tuple[str, str], str] = field(default_factory=dict)
    computed: dict[str, str] = field(default_factory=dict)
    """Expressions of the specification that become a column of their own, by its name."""

    @property
    def is_plain(self) -> bool:
        return not self.joins and not self.filters and not self.computed

    def expose(self, tree: exp.Expr, preferred: str = "") -> None:
        """Make the columns of an expression available under unique names."""
        for column in tree.find_all(exp.Column):
            place = (key_of(column), column.name)
            if place in self.columns:
                continue
            name = preferred if preferred and isinstance(tree, exp.Column) else column.name
            if name in self.columns.values() or name in self.computed:
                name = f"{self.aliases.of(place[0])}_{column.name}"
            self.columns[place] = name

    def local(self, text: str, qualifier: str = "") -> exp.Expr:
        """An expression of the specification over this row set's own column names."""
        tree = parse_sql(text, self.evidence.dialect)

        def own(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                name = self.columns.get((key_of(node), node.name), node.name)
                return exp.column(name, table=qualifier or None)
            return node

        return tree.transform(own)

    def aliased(self, text: str) -> exp.Expr:
        """An expression over the import CTEs, as used inside this row set."""
        tree = parse_sql(text, self.evidence.dialect)

        def own(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                return exp.column(node.name, table=self.aliases.of(key_of(node)))
            return node

        return tree.transform(own)

    def select(self, extra: Sequence[exp.Expr] = ()) -> exp.Select:
        """The CTE's body: exposed columns, left joins over keys, filters."""
        columns = []
        for (key, column), name in self.columns.items():
            source = exp.column(column, table=self.aliases.of(key))
            columns.append(source if name == column else exp.alias_(source, name))
        columns += [exp.alias_(self.aliased(text), name) for name, text in self.computed.items()]
        query = exp.select(*columns).from_(self.aliases.of(self.relation))
        for edge in self.joins:
            left = exp.column(edge.left_column, table=self.aliases.of(edge.left))
            right = exp.column(edge.right_column, table=self.aliases.of(edge.right))
            query = query.join(self.aliases.of(edge.right), on=left.eq(right), join_type="left")
        for text in self.filters:
            query = query.where(_grouped(self.aliased(text)))
        for condition in extra:
            query = query.where(condition)
        return query


def _grouped(condition: exp.Expr) -> exp.Expr:
    return exp.paren(condition) if isinstance(condition, exp.Or) else condition


def row_sets(
    spec: RequirementSpec, evidence: Evidence, planner: JoinPlanner, aliases: Aliases
) -> list[RowSet]:
    """Row sets of all measures of a specification, in the order of the measures.

    Raises NoJoin, AmbiguousJoin, UnknownColumn where a dimension or filter cannot be reached.
    """
    found: dict[tuple[str, tuple[str, ...]], RowSet] = {}
    for metric in spec.metrics:
        for measure in metric.measures:
            filters = tuple(dict.fromkeys((*measure.filters, *(f.condition for f in spec.filters))))
            key = (measure.relation, (*sorted(filters), *measure.keys))
            if key not in found:
                found[key] = RowSet(measure.relation, filters, [], [], evidence, aliases)
            if all(m.name != measure.name for m in found[key].measures):
                found[key].measures.append(measure)
    for row_set in found.values():
        _plan(row_set, spec, planner)
    return list(found.values())


def _plan(row_set: RowSet, spec: RequirementSpec, planner: JoinPlanner) -> None:
    evidence = row_set.evidence
    trees = [parse_sql(f, evidence.dialect) for f in row_set.filters]
    targets = relations_of(trees)
    exposed: list[exp.Expr] = []
    for measure in row_set.measures:
        texts = (
            measure.expression, measure.time, measure.active_from, measure.active_to, measure.order_by
        )  # fmt: skip
        exposed += [parse_sql(t, evidence.dialect) for t in texts if t and t != "*"]
        if spec.calendar.zone_column and (measure.time or measure.is_stock):
            exposed.append(parse_sql(spec.calendar.zone_column, evidence.dialect))
    dimensions = [(d, parse_sql(dimension_sql(d), evidence.dialect)) for d in spec.dimensions]
    targets |= relations_of(exposed) | relations_of(tree for _, tree in dimensions)
    keys = row_set.measures[0].keys
    row_set.joins = planner.plan(row_set.relation, targets, keys)
    row_set.computed = {d.name: d.expression for d, _ in dimensions if d.expression}
    for dimension, tree in dimensions:
        if not dimension.expression:
            row_set.expose(tree, preferred=dimension.name)
    for tree in exposed:
        row_set.expose(tree)


def dimension_sql(dimension: Dimension) -> str:
    """What a dimension is, as SQL over qualified columns."""
    return dimension.expression or qualified(dimension.relation, dimension.column).sql()


def scope_of(relation: str, evidence: Evidence, planner: JoinPlanner) -> Scope:
    return Scope(relation, evidence, planner)
