"""Relations made for one result alone, asked for in another way than the model computes them.

Where the model joins, here foreign values are scalar subqueries; where it numbers rows, here each
row is compared with the others of its entity.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from crew.artifacts import ColumnCard, Evidence, JoinEdge, Measure, Related, RelationCard
from crew.drafting.dialects import alike
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.row_sets import parse_sql
from crew.drafting.scope import key_of, qualified
from crew.verification.source_totals import COUNTED, Cut, SourceTotals


def with_related(evidence: Evidence, related: Sequence[Related]) -> Evidence:
    """The evidence with these relations and the keys that lead to and from them; `relation_name`
    of each is the query of its rows. Raises NoJoin or AmbiguousJoin."""
    for one in related:
        if evidence.relation(one.key) is None:
            evidence = _with(evidence, one)
    return evidence


def edges_of(related: Related, evidence: Evidence) -> list[JoinEdge]:
    """Keys that lead to the relation, and those that its picked rows have themselves."""
    by = _column(related.by, evidence)
    origin = "one row each"
    found = [
        JoinEdge(left=left, left_column=column, right=related.key,
                 right_column=related.to_column, origin=origin)
        for left, column in dict.fromkeys([(related.to, related.to_column), (key_of(by), by.name)])
        if left
    ]  # fmt: skip
    if related.value is None and not related.match:
        found += [
            e.model_copy(update={"left": related.key, "match_share": None})
            for e in evidence.joins
            if e.left == related.relation and e.right != related.to
        ]
    return found


def _with(evidence: Evidence, related: Related) -> Evidence:
    source, by = evidence.relation(related.relation), _column(related.by, evidence)
    owner = evidence.relation(key_of(by))
    key = (owner.column(by.name) if owner else None) or ColumnCard(name=by.name)
    key = key.model_copy(update={"name": related.to_column, "is_unique": True, "nulls": 0})
    if related.match and source:
        shown = ((source.column(c), name) for c, name in related.shows)
        columns = [key, *(c.model_copy(update={"name": name, "is_unique": False, "tests": ()})
                          for c, name in shown if c)]  # fmt: skip
    elif related.value is not None:
        columns = [key, ColumnCard(name=related.value.name, data_type=_type(related, evidence))]
    else:
        every = source.columns if source else ()
        columns = [key, *(c.model_copy(update={"is_unique": False}) for c in every
                          if c.name != key.name)]  # fmt: skip
    card = RelationCard(
        key=related.key, unique_id=f"related.{related.key}", kind="model",
        layer=source.layer if source else "staging", columns=tuple(columns),
        relation_name=_rows_sql(related, evidence),
        called=related.key.replace("_", "") if related.match else "",  # nobody's word
    )  # fmt: skip
    joins = dict.fromkeys((*evidence.joins, *edges_of(related, evidence)))
    relations = (*evidence.relations, card)
    return evidence.model_copy(update={"relations": relations, "joins": tuple(joins)})


def _type(related: Related, evidence: Evidence) -> str:
    assert related.value is not None
    if related.value.aggregation in {"count", "count_distinct"}:
        return "bigint"
    tree = parse_sql(related.value.expression, evidence.dialect)
    owner = evidence.relation(key_of(tree)) if isinstance(tree, exp.Column) else None
    column = owner.column(tree.name) if owner else None
    return column.data_type if column else ""


def _column(text: str, evidence: Evidence) -> exp.Column:
    tree = parse_sql(text, evidence.dialect)
    assert isinstance(tree, exp.Column)
    return tree


def _rows_sql(related: Related, evidence: Evidence) -> str:
    """The rows as a query in brackets, over the real names of relations."""
    if related.match:
        return _then_sql(related, evidence)
    totals = SourceTotals(evidence, JoinPlanner(evidence))
    if related.value is not None:
        measure = related.value.model_copy(update={"filters": ()})
        cells = totals.cells(measure, Cut(related.filters, (related.by,)))
        return (
            f"(select d0 as {_name(related.to_column)}, value as {_name(related.value.name)} "
            f"from ({cells}) as x where d0 is not null)"
        )
    return _picked_sql(related, evidence, totals)


def _picked_sql(related: Related, evidence: Evidence, totals: SourceTotals) -> str:
    """Rows that no other row of their entity comes before: compared one with another."""
    every = Measure(name="row", relation=related.relation, aggregation="count", expression="*")
    source = evidence.relation(related.relation)
    names = [c.name for c in source.columns] if source else []
    columns = [qualified(related.relation, n).sql(dialect=evidence.dialect) for n in names]
    cut = Cut(related.filters, (related.by, *related.order_by, *columns))
    kept = f"select * from ({totals.lines(every, cut)}) as l where reason = {COUNTED}"
    sign = ">" if related.pick == "last" else "<"
    earlier = []
    for n in range(1, len(related.order_by) + 1):
        same = "".join(f"{alike(f'o.d{k}', f'p.d{k}', evidence.dialect)} and " for k in range(1, n))
        earlier.append(f"({same}(o.d{n} {sign} p.d{n} or (p.d{n} is null and o.d{n} is not null)))")
    start = 1 + len(related.order_by)
    shown = [f"p.d0 as {_name(related.to_column)}"]
    shown += [f"p.d{start + n} as {_name(c)}" for n, c in enumerate(names)
              if c != related.to_column]  # fmt: skip
    return (
        f"(select distinct {', '.join(shown)} from ({kept}) as p where p.d0 is not null and not exists "
        f"(select 1 from ({kept}) as o where o.d0 = p.d0 and ({' or '.join(earlier) or 'false'})))"
    )


def _then_sql(related: Related, evidence: Evidence) -> str:
    """The state of each row: the one begun last by its moment, unless that has ended by then; of now
    the one that meets the conditions."""
    own, states = evidence.relation(related.to), evidence.relation(related.relation)
    assert own is not None and states is not None
    dialect = evidence.dialect

    def aliased(text: str, alias: str) -> str:
        tree = parse_sql(text, dialect)
        for column in tree.find_all(exp.Column):
            column.set("table", exp.to_identifier(alias))
            column.set("db", None)
        return str(tree.sql(dialect=dialect))

    def column(alias: str, name: str) -> str:
        return str(exp.column(name, table=alias, quoted=None).sql(dialect=dialect))

    mine, theirs = related.match
    kept = [aliased(f, "p") for f in related.filters]
    conditions = [f"{column('p', theirs)} = {column('o', mine)}", *kept]
    if related.at:
        begins, ends = related.valid
        moment = column("o", related.at)
        last = (
            f"(select max({column('q', begins)}) from {states.relation_name} as q where"
            f" {column('q', theirs)} = {column('o', mine)} and not {column('q', begins)} > {moment})"
        )
        conditions += [
            f"{column('p', begins)} = {last}",
            f"not coalesce({column('p', ends)} <= {moment}, false)",
        ]
    shown = [f"{column('o', related.to_column)} as {_name(related.to_column)}"]
    shown += [f"{column('p', c)} as {_name(n)}" for c, n in related.shows]
    return (
        f"(select {', '.join(shown)}"
        f" from {own.relation_name} as o cross join {states.relation_name} as p"
        f" where {' and '.join(conditions)})"
    )


def _name(column: str) -> str:
    return qualified("x", column).this.sql()  # type: ignore[no-any-return]
