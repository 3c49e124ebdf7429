"""What a change does to a model that exists: its rows and columns before and after.

Both versions are asked on today's data: the old one from the SQL that the untouched project
compiles to, the new one as it was built in scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crew.artifacts import Check, DraftModel, Table
from crew.drafting.dialects import differ
from crew.verification.check_context import CheckContext, cell, skipped

_FLOATS = ("double", "float", "real")


@dataclass(frozen=True)
class Difference:
    """Columns by name, rows by count. `changed` counts rows per kept column; `key` is what rows
    were matched by, empty where rows could only be compared as a whole."""

    model: str
    key: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: tuple[str, ...]
    rows_before: int
    rows_after: int
    rows_added: int
    rows_lost: int
    changed: dict[str, int]


def model_diff(context: CheckContext) -> Check:
    """Kept columns keep their values and rows stay, unless the specification says otherwise."""
    changed = [m for m in context.changed_models if context.base_compiled.get(m.name)]
    if not changed:
        return skipped("model diff", "no existing model changes")
    differences = [compare(context, model) for model in changed]
    findings = [f for d in differences for f in _unwanted(context, d)]
    wanted = [f for d in differences for f in _wanted(context, d)]
    text = "\n".join(findings or wanted or [_summary(d) for d in differences])
    status = "failed" if findings else "warned" if wanted else "passed"
    return Check(
        name="model diff",
        status=status,
        finding=text,
        table=_table(differences),
        blame="model" if findings else "",
    )


def compare(context: CheckContext, model: DraftModel) -> Difference:
    """Old and new version of one model, on today's data."""
    old = f"({context.base_compiled[model.name].rstrip().rstrip(';')}\n)"
    new = context.relation_names[model.name]
    before, after = _types(context, old), _types(context, new)
    kept = [c for c in before if c in after]
    key = _key(context, model, old, new, kept)
    counts = context.worker.query(
        f"select (select count(*) from {old} as o), (select count(*) from {new} as n)"
    ).rows[0]
    rows = _by_key if key else _as_a_whole
    gained, lost, changed = rows(context, old, new, kept, key, before)
    return Difference(
        model=model.name,
        key=key,
        added=tuple(c for c in after if c not in before),
        removed=tuple(c for c in before if c not in after),
        retyped=tuple(f"{c}: {before[c]} to {after[c]}" for c in kept if before[c] != after[c]),
        rows_before=counts[0],
        rows_after=counts[1],
        rows_added=gained,
        rows_lost=lost,
        changed=changed,
    )


def _types(context: CheckContext, relation: str) -> dict[str, str]:
    """column -> type; types are empty where the database has no simple way to tell."""
    if context.info.dialect != "duckdb":
        return {c.lower(): "" for c in context.columns(relation)}
    rows = context.worker.query(f"describe select * from {relation} as r").rows
    return {str(row[0]).lower(): str(row[1]) for row in rows}


def _key(
    context: CheckContext, model: DraftModel, old: str, new: str, kept: list[str]
) -> tuple[str, ...]:
    """The first candidate that is unique in both versions."""
    card = context.evidence.relation(model.name)
    unique = [(c.name,) for c in card.columns if c.is_unique or "unique" in c.tests] if card else []
    for candidate in [*unique, tuple(context.spec.row_grain)]:
        columns = tuple(c.lower() for c in candidate)
        if (
            columns
            and all(c in kept for c in columns)
            and all(_is_key(context, relation, columns) for relation in (old, new))
        ):
            return columns
    return ()


def _is_key(context: CheckContext, relation: str, columns: tuple[str, ...]) -> bool:
    keys = ", ".join(context.quote(c) for c in columns)
    nulls = " or ".join(f"{context.quote(c)} is null" for c in columns)
    sql = (
        f"select 1 from {relation} as r group by {keys} having count(*) > 1 "
        f"union all select 1 from {relation} as r where {nulls}"
    )
    return not context.worker.query(sql, limit=1).rows


def _by_key(
    context: CheckContext,
    old: str,
    new: str,
    kept: list[str],
    key: tuple[str, ...],
    types: dict[str, str],
) -> tuple[int, int, dict[str, int]]:
    names = [context.quote(c) for c in key]
    others = [c for c in kept if c not in key]
    matched = " and ".join(f"o.{k} = n.{k}" for k in names)
    sums = [f"sum(case when o.{names[0]} is null then 1 else 0 end)"]
    sums.append(f"sum(case when n.{names[0]} is null then 1 else 0 end)")
    both = f"o.{names[0]} is not null and n.{names[0]} is not null"
    for column in others:
        differs = _differs(context.quote(column), types[column], context.info.dialect)
        sums.append(f"sum(case when {both} and {differs} then 1 else 0 end)")
    sql = f"select {', '.join(sums)} from {old} as o full outer join {new} as n on {matched}"
    row = [int(v or 0) for v in context.worker.query(sql).rows[0]]
    changed = {c: n for c, n in zip(others, row[2:], strict=True) if n}
    return row[0], row[1], changed


def _as_a_whole(
    context: CheckContext,
    old: str,
    new: str,
    kept: list[str],
    key: tuple[str, ...],
    types: dict[str, str],
) -> tuple[int, int, dict[str, int]]:
    columns = [context.quote(c) for c in kept]
    if not columns:
        return 0, 0, {}
    sql = apart((columns, new), (columns, old))
    gained, lost = map(int, context.worker.query(sql).rows[0])
    return gained, lost, {}


def apart(one: tuple[Sequence[str], str], other: tuple[Sequence[str], str]) -> str:
    """SQL for how many rows (their columns, the relation) only one side has, and only the other:
    not every warehouse can subtract rows that repeat."""
    sides = []
    for sign, (columns, relation) in ((1, one), (-1, other)):
        named = ", ".join(f"{c} as c{n}" for n, c in enumerate(columns))
        sides.append(f"select {named}, {sign} as s from {relation} as r")
    keys = ", ".join(f"c{n}" for n in range(len(one[0])))
    return (
        "select coalesce(sum(case when n > 0 then n else 0 end), 0),"
        " coalesce(sum(case when n < 0 then -n else 0 end), 0) from"
        f" (select sum(s) as n from ({' union all '.join(sides)}) as u group by {keys}) as g"
    )


def _differs(column: str, type_: str, dialect: str) -> str:
    if not type_.lower().startswith(_FLOATS):
        return differ(f"o.{column}", f"n.{column}", dialect)
    tolerance = f"0.000000001 * (1 + abs(o.{column}))"  # sums of floats depend on their order
    return (
        f"((o.{column} is null) <> (n.{column} is null) "
        f"or abs(o.{column} - n.{column}) > {tolerance})"
    )


def _effects(difference: Difference) -> list[tuple[str, str]]:
    """(column or "" for rows, words) of everything but added columns."""
    d = difference
    found = [(c, f"{d.model}: column {c} is removed") for c in d.removed]
    found += [(t.split(":")[0], f"{d.model}: column {t}") for t in d.retyped]
    found += [(c, f"{d.model}: {n} rows change in {c}") for c, n in d.changed.items()]
    if d.rows_added:
        found.append(("", f"{d.model}: {d.rows_added} rows are added or differ"))
    if d.rows_lost:
        found.append(("", f"{d.model}: {d.rows_lost} rows are lost or differ"))
    return found


def _unwanted(context: CheckContext, difference: Difference) -> list[str]:
    """Effects that no element of the specification asks for."""
    asked = {m.name.lower() for m in context.spec.metrics}
    asked |= {d.name.lower() for d in context.spec.dimensions}
    filtered = bool(context.spec.filters or context.spec.look_back)
    found = _effects(difference)
    return [words for column, words in found if column not in asked and (column or not filtered)]


def _wanted(context: CheckContext, difference: Difference) -> list[str]:
    unwanted = _unwanted(context, difference)
    return [words for _, words in _effects(difference) if words not in unwanted]


def _summary(difference: Difference) -> str:
    added = ", ".join(difference.added) or "none"
    matched = f"matched by {', '.join(difference.key)}" if difference.key else "as a whole"
    return (
        f"{difference.model}: columns added: {added}; the {difference.rows_before} rows and all "
        f"values of the columns before are the same ({matched})"
    )


def _table(differences: list[Difference]) -> Table:
    rows = []
    for d in differences:
        rows += [
            (d.model, "rows", cell(d.rows_before), cell(d.rows_after)),
            (d.model, "rows added", "", cell(d.rows_added)),
            (d.model, "rows lost", "", cell(d.rows_lost)),
            (d.model, "columns added", "", ", ".join(d.added)),
            (d.model, "columns removed", "", ", ".join(d.removed)),
            (d.model, "columns retyped", "", "; ".join(d.retyped)),
            (d.model, "rows with changed values", "", cell(sum(d.changed.values()))),
        ]
    return Table(columns=("model", "what", "before", "after"), rows=tuple(rows))
