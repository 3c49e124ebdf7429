"""Gives an output column another type, or a value where it is empty, where its value is made."""

from __future__ import annotations

import re

from sqlglot import exp

from crew.artifacts import FillEmpty, Retype
from crew.drafting.edits import yaml_edits
from crew.drafting.edits.column_lineage import ColumnFlow, is_star, span
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.sql_edits import SelectList, Splice, spliced
from crew.drafting.edits.steps import with_select
from crew.drafting.model_text import CannotEdit

_AS = re.compile(r"\s+as\s*[\"`]?$", re.I)


def retype(bench: Workbench, edit: Retype) -> None:
    """A cast around what the column is made of; its name stays. Raises CannotEdit."""
    _wrap(
        bench, edit.model, edit.column, "cast", f" {bench.keyword('as')} {edit.data_type})", "typed"
    )
    for path in bench.paths(".yml", ".yaml"):
        text = bench.text(path) or ""
        if edit.model in text and "data_type" in text:
            after = yaml_edits.set_data_type(text, path, edit.model, edit.column, edit.data_type)
            bench.write(path, after)


def fill_empty(bench: Workbench, edit: FillEmpty) -> None:
    """The value wherever what the column is made of is empty. Raises CannotEdit."""
    if edit.blanks:
        _wrap(bench, edit.model, edit.column, "coalesce(nullif", f", ''), {edit.value})", "filled")
    else:
        _wrap(bench, edit.model, edit.column, "coalesce", f", {edit.value})", "filled")


def _wrap(
    bench: Workbench, model: str, column: str, function: str, closing: str, step: str
) -> None:
    """`function(what the column is made of closing`, in its place or in a last step."""
    known = {k: bench.columns(k) for k in bench.view.nodes}
    source = bench.source(model)
    splices: list[Splice] = []
    for tree in source.trees[:1]:
        flow = ColumnFlow(source, tree, column, (), known)
        root = flow.scopes[-1]
        found = list(flow.definitions())
        if not found:
            raise CannotEdit(f"where {model} gives {column} was not found in its SQL")
        inner = any(scope is not root and not scope.is_set_operation for scope, _ in found)
        if inner or any(is_star(item) for _, item in found):
            value = f"{function}({column}{closing}"
            names = {c: value if c.lower() == column.lower() else "" for c in known[model]}
            with_select(bench, model, names, f"{step}_{column}")
            splices = []
            break
        for _, item in found:
            at = source.item_at(_place(item))
            splices += _around(bench, source.text, at, item, column, (function, closing))
    if splices:
        bench.write_sql(model, spliced(source.text, splices))


def _place(item: exp.Expr) -> int:
    alias = item.args.get("alias")
    return span(alias if isinstance(alias, exp.Identifier) else item.this)[0]


def _around(
    bench: Workbench,
    text: str,
    at: tuple[SelectList, int],
    item: exp.Expr,
    column: str,
    wrapping: tuple[str, str],
) -> list[Splice]:
    list_, n = at
    start, end = list_.items[n]
    as_ = bench.keyword("as")
    function, closing = wrapping
    alias = item.args.get("alias")
    opening = Splice(start, start, f"{bench.keyword(function)}(")
    if isinstance(item, exp.Alias) and isinstance(alias, exp.Identifier):
        head = text[start : span(alias)[0]]
        gap = _AS.search(head)
        end = start + (gap.start() if gap else len(head.rstrip(' "`')))
        return [opening, Splice(end, end, closing + ("" if gap else f" {as_}"))]
    return [opening, Splice(end, end, f"{closing} {as_} {column}")]
