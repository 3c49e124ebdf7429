"""Gives an output column another type, where its value is made."""

from __future__ import annotations

import re

from sqlglot import exp

from crew.artifacts import Retype
from crew.drafting.edits import yaml_edits
from crew.drafting.edits.column_lineage import ColumnFlow, is_star, span
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.sql_edits import SelectList, Splice, spliced
from crew.drafting.edits.steps import with_select
from crew.drafting.model_text import CannotEdit

_AS = re.compile(r"\s+as\s*[\"`]?$", re.I)


def retype(bench: Workbench, edit: Retype) -> None:
    """A cast around what the column is made of; its name stays. Raises CannotEdit."""
    known = {k: bench.columns(k) for k in bench.view.nodes}
    source = bench.source(edit.model)
    splices: list[Splice] = []
    for tree in source.trees[:1]:
        flow = ColumnFlow(source, tree, edit.column, (), known)
        root = flow.scopes[-1]
        found = list(flow.definitions())
        if not found:
            raise CannotEdit(f"where {edit.model} gives {edit.column} was not found in its SQL")
        inner = any(scope is not root and not scope.is_set_operation for scope, _ in found)
        if inner or any(is_star(item) for _, item in found):
            cast = f"cast({edit.column} as {edit.data_type})"
            names = {c: cast if c.lower() == edit.column.lower() else "" for c in known[edit.model]}
            with_select(bench, edit.model, names, f"typed_{edit.column}")
            splices = []
            break
        for _, item in found:
            splices += _cast(bench, source.text, source.item_at(_place(item)), item, edit)
    if splices:
        bench.write_sql(edit.model, spliced(source.text, splices))
    for path in bench.paths(".yml", ".yaml"):
        text = bench.text(path) or ""
        if edit.model in text and "data_type" in text:
            after = yaml_edits.set_data_type(text, path, edit.model, edit.column, edit.data_type)
            bench.write(path, after)


def _place(item: exp.Expr) -> int:
    alias = item.args.get("alias")
    return span(alias if isinstance(alias, exp.Identifier) else item.this)[0]


def _cast(
    bench: Workbench, text: str, at: tuple[SelectList, int], item: exp.Expr, edit: Retype
) -> list[Splice]:
    list_, n = at
    start, end = list_.items[n]
    as_ = bench.keyword("as")
    alias = item.args.get("alias")
    if isinstance(item, exp.Alias) and isinstance(alias, exp.Identifier):
        head = text[start : span(alias)[0]]
        gap = _AS.search(head)
        end = start + (gap.start() if gap else len(head.rstrip(' "`')))
        closing = f" {as_} {edit.data_type})" + ("" if gap else f" {as_}")
        return [Splice(start, start, f"{bench.keyword('cast')}("), Splice(end, end, closing)]
    closing = f" {as_} {edit.data_type}) {as_} {edit.column}"
    return [Splice(start, start, f"{bench.keyword('cast')}("), Splice(end, end, closing)]
