"""Edits that decide which rows a model keeps: a condition, or the last row of each key."""

from __future__ import annotations

import re

from sqlglot import exp

from crew.artifacts import AddFilter, MakeUnique
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.sql_edits import Splice, SqlSource, spliced
from crew.drafting.edits.steps import with_step
from crew.drafting.model_text import CannotEdit

QUALIFY = {"duckdb", "snowflake", "bigquery", "databricks", "redshift", "spark", "teradata"}
_ALIAS = re.compile(
    r"(?:as\s+)?(?!(?:where|on|join|left|right|inner|group|order|using|full|cross|limit|qualify|union"
    r"|having)\b)\w",
    re.I,
)
_IMPORT = re.compile(r"select\s+\*\s+from\s*$", re.I)


def add_filter(bench: Workbench, edit: AddFilter) -> None:
    """The rows of the model, or of what it reads, for which the condition holds."""
    if edit.relation:
        _filter_input(bench, edit)
        return
    body = f"select * from {{base}}\nwhere {edit.condition}"
    with_step(bench, edit.model, "filtered", body)


def _filter_input(bench: Workbench, edit: AddFilter) -> None:
    source = bench.source(edit.model)
    found = [(n, s) for n, s in source.stand_ins.items() if s.relation == edit.relation]
    if not found:
        raise CannotEdit(f"{edit.model} does not read {edit.relation} by name")
    _refuse_outer_joins(source, [n for n, _ in found])
    where = f"{bench.keyword('where')} {edit.condition}"
    splices = []
    for _, stand_in in found:
        before = source.masked[: stand_in.start].rstrip()
        after = source.masked[stand_in.end :].lstrip()
        if _IMPORT.search(before) and after.startswith(")"):
            splices.append(Splice(stand_in.end, stand_in.end, f"\n    {where}"))
            continue
        inner = f"({bench.keyword('select')} * {bench.keyword('from')} {stand_in.text} {where})"
        named = _ALIAS.match(after)
        alias = "" if named else f" {bench.keyword('as')} {edit.relation.split('.')[-1]}"
        splices.append(Splice(stand_in.start, stand_in.end, inner + alias))
    bench.write_sql(edit.model, spliced(source.text, splices))


def _refuse_outer_joins(source: SqlSource, names: list[str]) -> None:
    """A row that an outer join does not find stays, without values: that would be no filter."""
    for tree in source.trees:
        imported = {
            c.alias for c in tree.find_all(exp.CTE)
            if isinstance(c.this, exp.Select) and c.this.args.get("from_")
            and c.this.args["from_"].this.name in names
        }  # fmt: skip
        for join in tree.find_all(exp.Join):
            if join.side and join.this.name in {*names, *imported}:
                raise CannotEdit(
                    "the rows meant are looked up by an outer join, so that leaving them out there "
                    "would only empty their columns"
                )


def make_unique(bench: Workbench, edit: MakeUnique) -> None:
    """One row for each key, the last by a column; rows without it come last."""
    keys = ", ".join(edit.key)
    rank = f"row_number() over (partition by {keys} order by {edit.latest_by} desc nulls last)"
    if bench.view.dialect in QUALIFY:
        body = f"select * from {{base}}\nqualify {rank} = 1"
    else:
        columns = ",\n    ".join(bench.columns(edit.model))
        body = (
            f"select\n    {columns}\nfrom (\n    select *, {rank} as row_rank\n    from {{base}}\n"
            ") as ranked\nwhere row_rank = 1"
        )
    with_step(bench, edit.model, "deduplicated", body)
