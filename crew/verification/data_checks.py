"""Checks on the rows that the built models hold: grain, joins, a sample."""

from __future__ import annotations

from collections.abc import Iterable

from crew.artifacts import Check, JoinEdge, Table
from crew.verification.check_context import CheckContext, cell, passed, skipped, verdict
from crew.verification.related_relations import with_related

_SAMPLE_ROWS, _DUPLICATES = 8, 5


def grain_is_unique(context: CheckContext) -> Check:
    """One row for each combination of the grain's columns, as the specification says."""
    model = context.main_model
    relation = context.relation_names.get(model.name) if model else None
    if not relation or not context.spec.row_grain:
        return skipped("grain", "the specification states no row grain for a built model")
    grain = context.spec.row_grain
    columns = {c.lower() for c in context.columns(relation)}
    missing = [c for c in grain if c.lower() not in columns]
    if missing:
        words = f"The grain's columns {', '.join(missing)} are not among: {', '.join(columns)}."
        return verdict("grain", [words], "model")
    keys = ", ".join(context.quote(c) for c in grain)
    duplicates = context.worker.query(
        f"select {keys}, count(*) as row_count from {relation} as r group by {keys} "
        "having count(*) > 1 order by row_count desc",
        limit=_DUPLICATES,
    )
    total = context.worker.query(f"select count(*) from {relation} as r").rows[0][0]
    if not duplicates.rows:
        return passed("grain", f"{total} rows, one per {', '.join(grain)}")
    return Check(
        name="grain",
        status="failed",
        finding=f"More than one row for the same {', '.join(grain)}.",
        table=context.table(duplicates, _DUPLICATES),
        blame="model",
    )


def joins_do_not_fan_out(context: CheckContext) -> Check:
    """The right side of each join is unique by its key, so that no row of the left multiplies."""
    edges = list(_edges(context))
    if not edges:
        return skipped("join fan-out", "the models join nothing")
    findings: list[str] = []
    rows: list[tuple[str, ...]] = []
    located = related_relations(context)
    for edge in edges:
        left, right = (located.get(k) or context.relation(k) for k in (edge.left, edge.right))
        if left is None or right is None:
            findings.append(f"{_words(edge)} cannot be checked: a side is not known.")
            continue
        before, after, repeated = _counts(context, edge, left, right)
        rows.append((_words(edge), cell(before), cell(after), cell(repeated)))
        if repeated or before != after:
            findings.append(
                f"{_words(edge)} multiplies rows: {before} become {after}, "
                f"{repeated} keys repeat on the right."
            )
    table = Table(columns=("join", "rows before", "rows after", "repeated keys"), rows=tuple(rows))
    good = f"{len(edges)} joins keep the rows of their left side"
    return verdict("join fan-out", findings, "model", good).model_copy(update={"table": table})


def related_relations(context: CheckContext) -> dict[str, str]:
    """The rows of each relation that is made for this result alone, as a query in brackets."""
    cards = [
        c.model_copy(update={"relation_name": context.relation(c.key) or c.relation_name})
        for c in context.evidence.relations
    ]
    located = context.evidence.model_copy(update={"relations": tuple(cards)})
    known = {c.key: c.relation_name for c in with_related(located, context.spec.related).relations}
    return {r.key: known[r.key] for r in context.spec.related}


def sample_rows(context: CheckContext) -> Check:
    """A few rows as they were built, personal values masked."""
    model = context.main_model
    relation = context.relation_names.get(model.name) if model else None
    if not relation:
        return skipped("sample rows", "no model was built")
    names = {c.lower(): c for c in context.columns(relation)}
    grain = [names[c.lower()] for c in context.spec.row_grain if c.lower() in names]
    order = f" order by {', '.join(context.quote(c) for c in grain)}" if grain else ""
    found = context.worker.query(f"select * from {relation} as r{order}", limit=_SAMPLE_ROWS)
    if not found.rows:
        empty = f"{relation} has no rows on today's data."
        return Check(name="sample rows", status="warned", finding=empty)
    return passed("sample rows", table=context.table(found, _SAMPLE_ROWS))


def _edges(context: CheckContext) -> Iterable[JoinEdge]:
    seen: set[tuple[str, str, str, str]] = set()
    for model in context.draft.models:
        for edge in model.joins:
            key = (edge.left, edge.left_column, edge.right, edge.right_column)
            if key not in seen:
                seen.add(key)
                yield edge


def _counts(context: CheckContext, edge: JoinEdge, left: str, right: str) -> tuple[int, int, int]:
    """Rows of the left side before and after the join, and how many keys repeat on the right."""
    left_column, right_column = context.quote(edge.left_column), context.quote(edge.right_column)
    sql = (
        f"select (select count(*) from {left} as l), "
        f"(select count(*) from {left} as l left join {right} as r "
        f"on l.{left_column} = r.{right_column}), "
        f"(select count(*) from (select {right_column} from {right} as r "
        f"where {right_column} is not null group by {right_column} having count(*) > 1) as d)"
    )
    before, after, repeated = context.worker.query(sql).rows[0]
    return before, after, repeated


def _words(edge: JoinEdge) -> str:
    return f"{edge.left}.{edge.left_column} = {edge.right}.{edge.right_column}"
