"""Compiles a type-2 history: one row per key and period in which its values did not change."""

from __future__ import annotations

import sqlglot

from crew.artifacts import DraftModel, Evidence, RequirementSpec
from crew.catalog.warehouse_profile import quoted
from crew.drafting.sql_layout import FINAL, Cte, import_cte, write_model

_REMOVED, _PLACE, _CHANGES = "is_removed", "place", "is_change"


def compile_history(spec: RequirementSpec, evidence: Evidence, path: str) -> DraftModel:
    """The model of `spec.history`: states, those that differ from the one before, their periods."""
    history = spec.history
    assert history is not None
    dialect = evidence.dialect

    def q(name: str) -> str:
        return quoted(name, dialect)

    names = {d.column: d.name for d in spec.dimensions}
    keys, values = [names[k] for k in history.key], [names[v] for v in history.values]
    by = ", ".join(map(q, keys))
    window = f"(partition by {by} order by {q(history.valid_from)})"
    shown = [f"{q(c)} as {q(n)}" for c, n in names.items()]
    shown.append(f"{q(history.at)} as {q(history.valid_from)}")
    removed = [q(_REMOVED)] if history.removed else []
    if history.removed:
        shown.append(f"case when {history.removed} then true else false end as {q(_REMOVED)}")
    told = " and ".join(f"{q(c)} is not null" for c in (*history.key, history.at))
    rows = f"from changes where {told}"
    columns = [*map(q, (*keys, *values, history.valid_from)), *removed]
    if history.then_by:
        place = (
            f"row_number() over (partition by {', '.join(map(q, (*history.key, history.at)))}"
            f" order by {q(history.then_by)} desc) as {_PLACE}"
        )
        ctes = [
            ("numbered", f"select {', '.join([*shown, place])} {rows}", ""),
            ("states", f"select {', '.join(columns)} from numbered where {_PLACE} = 1",
             f"of several rows of one moment the last by {history.then_by} holds"),
        ]  # fmt: skip
    else:
        ctes = [("states", f"select distinct {', '.join(shown)} {rows}", "")]
    compared = [*map(q, values), *removed]
    differs = [f"{c} is distinct from lag({c}) over {window}" for c in compared]
    first = f"lag({q(history.valid_from)}) over {window} is null"
    changes = f"case when {' or '.join([first, *differs])} then 1 else 0 end as {_CHANGES}"
    following = f"lead({q(history.valid_from)}) over {window} as {q(history.valid_to)}"
    kept = f" where not {q(_REMOVED)}" if history.removed else ""
    last = f"{q(history.valid_to)} is null as {q(history.is_current)}"
    result = [*map(q, (*keys, *values, history.valid_from, history.valid_to))]
    ctes += [
        ("compared", f"select {', '.join([*columns, changes])} from states", ""),
        ("periods", f"select {', '.join([*columns, following])} from compared where {_CHANGES} = 1",
         "rows that tell the same as the one before begin no period"),
        (FINAL, f"select {', '.join([*result, last])} from periods{kept}",
         "what was removed has no period, and ends the one before" if kept else ""),
    ]  # fmt: skip
    steps = [import_cte("changes", history.relation)]
    steps += [Cte(n, sqlglot.parse_one(sql, read=dialect), told) for n, sql, told in ctes]
    return DraftModel(
        name=spec.model,
        path=path,
        sql=write_model(steps, evidence.conventions, dialect),
        layer="mart",
        materialization=evidence.conventions.mart_materialization,
        relations=(history.relation,),
        columns=(*keys, *values, history.valid_from, history.valid_to, history.is_current),
        reads_source="." in history.relation,
    )
