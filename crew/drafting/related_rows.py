"""Compiles relations made for one result alone: what is known of an entity from rows about it.

Each has one row per entity, so that joining it cannot multiply rows: a customer's number of orders,
the day of the first one, the latest subscription.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from crew.artifacts import Evidence, Measure, Related
from crew.drafting.aggregates import aggregate
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.row_sets import Aliases, RowSet, parse_sql
from crew.drafting.scope import key_of, relations_of
from crew.drafting.sql_layout import Cte

_PLACE = "place"


def read_by_related(
    related: Sequence[Related], evidence: Evidence, planner: JoinPlanner
) -> Iterator[str]:
    """Keys of all relations that these are made of."""
    for one in related:
        yield one.relation
        if one.match:
            yield one.to
            continue
        yield from (e.right for e in planner.plan(one.relation, _needs(one, evidence)))


def related_ctes(
    related: Sequence[Related], evidence: Evidence, planner: JoinPlanner, aliases: Aliases
) -> list[Cte]:
    """The steps that make these relations, in order."""
    found: list[Cte] = []
    for one in related:
        if one.match:
            found.append(_then(one, evidence, aliases))
            continue
        joins = planner.plan(one.relation, _needs(one, evidence))
        rows = RowSet(one.relation, one.filters, [], joins, evidence, aliases)
        by = rows.aliased(one.by)
        query = rows.select().where(by.is_(exp.null()).not_())
        name = aliases.of(one.key)
        shown = by if by.name == one.to_column else exp.alias_(by, one.to_column)
        if one.value is not None:
            value = exp.alias_(_aggregated(rows, one.value), one.value.name)
            query = query.select(shown, value, append=False).group_by(by.copy())
            found.append(Cte(name, query))
            continue
        columns: list[exp.Expr] = [exp.column(exp.Star(), table=aliases.of(one.relation))]
        columns += [shown] * (
            by.name != one.to_column or key_of(_column(one.by, evidence)) != one.relation
        )
        place = exp.alias_(_place(one, rows, by), _PLACE)
        numbered = aliases.fresh(f"{name}_numbered")
        found.append(Cte(numbered, query.select(*columns, place, append=False)))
        first = exp.select("*").from_(numbered).where(exp.column(_PLACE).eq(1))
        found.append(Cte(name, first, f"the {one.pick} row per {one.to_column}"))
    return found


def _then(one: Related, evidence: Evidence, aliases: Aliases) -> Cte:
    """Each row of `to` with the state that held at its moment: none or one."""
    own, state = aliases.of(one.to), aliases.of(one.relation)
    states: exp.Expr = exp.to_table(state)
    if one.to == one.relation:  # rows of one relation, each beside another one
        state = aliases.fresh(f"{state}_named")
        states = exp.alias_(states, state, table=True)

    def aliased(text: str) -> exp.Expr:
        tree = parse_sql(text, evidence.dialect)
        for column in tree.find_all(exp.Column):
            column.set("table", exp.to_identifier(aliases.of(key_of(column))))
            column.set("db", None)
        return tree

    on: exp.Expr = exp.column(one.match[0], table=own).eq(exp.column(one.match[1], table=state))
    if one.at:
        moment = exp.column(one.at, table=own)
        begins, ends = (exp.column(c, table=state) for c in one.valid)
        on = exp.and_(on, begins <= moment, exp.paren(exp.or_(ends.is_(exp.null()), moment < ends)))
    columns: list[exp.Expr] = [exp.column(one.to_column, table=own)]
    columns += [exp.alias_(exp.column(c, table=state), name) for c, name in one.shows]
    on = exp.and_(on, *(aliased(text) for text in one.filters))
    query = exp.select(*columns).from_(own).join(states, on=on, join_type="left")
    when = f"at its {one.at}" if one.at else "now"
    told = f"that holds {when}" if one.to != one.relation else f"that {one.match[0]} names"
    return Cte(aliases.of(one.key), query, f"the row of {one.relation} {told}, if any")


def _aggregated(rows: RowSet, value: Measure) -> exp.Expr:
    if value.expression == "*":
        return exp.Count(this=exp.Star())
    order = rows.aliased(value.order_by) if value.order_by else None
    return aggregate(value, rows.aliased(value.expression), order)


def _place(related: Related, rows: RowSet, by: exp.Expr) -> exp.Expr:
    """The number of a row among those of its entity, 1 for the one that is picked."""
    last = related.pick == "last"
    order = [exp.Ordered(this=rows.aliased(o), desc=last, nulls_first=False)
             for o in related.order_by]  # fmt: skip
    return exp.Window(
        this=exp.RowNumber(), partition_by=[by.copy()], order=exp.Order(expressions=order)
    )


def _needs(related: Related, evidence: Evidence) -> set[str]:
    texts = [related.by, *related.filters, *related.order_by]
    if related.value is not None and related.value.expression != "*":
        texts += [related.value.expression, *filter(None, [related.value.order_by])]
    return relations_of(parse_sql(t, evidence.dialect) for t in texts)


def _column(text: str, evidence: Evidence) -> exp.Column:
    tree = parse_sql(text, evidence.dialect)
    assert isinstance(tree, exp.Column)
    return tree
