"""Writes a further column of a model: computed from its own, looked up, or added up per row."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from crew.artifacts import AddColumn
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.sql_edits import Splice, spliced
from crew.drafting.edits.steps import with_step
from crew.drafting.model_text import CannotEdit
from crew.drafting.sql_layout import ref_sql

_ENDS = ("min", "max"), ("max", "min"), ("first", "last"), ("last", "first")


def add_column(bench: Workbench, edit: AddColumn) -> None:
    """A last step that adds the column; beside `like`, where that is made. Raises CannotEdit."""
    if edit.column.lower() in {c.lower() for c in bench.columns(edit.model)}:
        raise CannotEdit(f"{edit.model} has a column {edit.column} already")
    if edit.like:
        _beside(bench, edit)
    elif edit.relation:
        with_step(bench, edit.model, f"with_{edit.column}", _joined(bench, edit))
    else:
        body = f"select\n    *,\n    {edit.expression} as {edit.column}\nfrom {{base}}"
        with_step(bench, edit.model, f"with_{edit.column}", body)
    bench.set_columns(edit.model, (*bench.columns(edit.model), edit.column))


def is_aggregate(expression: str, dialect: str) -> bool:
    return sqlglot.parse_one(expression, read=dialect).find(exp.AggFunc) is not None


def _joined(bench: Workbench, edit: AddColumn) -> str:
    """The step: all rows of `{base}`, and what belongs to each of them."""
    reads, dialect = ref_sql(edit.relation), bench.view.dialect
    value, where = edit.expression, f"\n    where {edit.where}" if edit.where else ""
    if is_aggregate(value, dialect):
        keys = ",\n        ".join(theirs for _, theirs in edit.keys)
        groups = ", ".join(str(n + 1) for n in range(len(edit.keys)))
        rows = f"(\n    select\n        {keys},\n        {value} as {edit.column}\n    from {reads}"
        rows += f"{where}\n    group by {groups}\n)"
        value = f"found.{edit.column}"
    else:
        tree = sqlglot.parse_one(value, read=dialect)
        for column in tree.find_all(exp.Column):
            column.set("table", exp.to_identifier("found"))
        value = tree.sql(dialect=dialect)
        rows = f"(select * from {reads} where {edit.where})" if edit.where else reads
    conditions = [f"{{base}}.{own} = found.{theirs}" for own, theirs in edit.keys]
    if edit.valid:
        moment, start, end = edit.valid
        conditions += [
            f"{{base}}.{moment} >= found.{start}",
            f"({{base}}.{moment} < found.{end} or found.{end} is null)",
        ]
    if edit.empty:
        value = f"coalesce({value}, {edit.empty})"
    on = "\n    and ".join(conditions)
    return (
        f"select\n    {{base}}.*,\n    {value} as {edit.column}\nfrom {{base}}\n"
        f"left join {rows} as found\n    on {on}"
    )


def _beside(bench: Workbench, edit: AddColumn) -> None:
    """Each selected item that is called `like` once more, with the other end of its values."""
    source = bench.source(edit.model)
    name = re.compile(rf"(?<!\w){re.escape(edit.like)}(?!\w)", re.I)
    splices, turned = [], 0
    for list_ in source.select_lists:
        for start, end in list_.items:
            text = source.text[start:end]
            if not re.search(rf"(?<!\w){re.escape(edit.like)}$", text, re.I):
                continue
            new, n = _turned(name.sub(edit.column, text))
            turned += n
            splices.append(Splice(end, end, f"{joint(source.text, start)}{new}"))
    if turned != 1:
        raise CannotEdit(f"{edit.model} does not make {edit.like} of a first or a last value")
    bench.write_sql(edit.model, spliced(source.text, splices))


def _turned(text: str) -> tuple[str, int]:
    for word, other in _ENDS:
        if re.search(rf"\b{word}\s*\(", text, re.I):
            return re.subn(rf"\b{word}(?=\s*\()", other, text, flags=re.I)
    return text, 0


def joint(text: str, start: int) -> str:
    """What stands between an item that begins at `start` and a further one: as the list is written."""
    line = text.rfind("\n", 0, start) + 1
    gap = text[line:start]
    if gap.strip() == "," and line:
        return f"\n{gap}"
    return f",\n{gap}" if line and not gap.strip() else ", "
