"""Removes a column or a model, and what YAML says of it."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from crew.artifacts import DropColumn, DropModel
from crew.drafting.edits import yaml_edits
from crew.drafting.edits.column_lineage import ColumnFlow, follow, is_star, span
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.sql_edits import Splice, SqlSource, spliced
from crew.drafting.edits.steps import with_select
from crew.drafting.model_text import CannotEdit


def drop_column(bench: Workbench, edit: DropColumn) -> None:
    """The column; `everywhere`: also what models further on pass on or make of it. Raises
    CannotEdit where it decides which rows a model has."""
    _drop(bench, edit.model, edit.column, edit.everywhere, {k: bench.columns(k) for k in bench.view.nodes})  # fmt: skip


def drop_model(bench: Workbench, edit: DropModel) -> None:
    """The file and its entry. Raises CannotEdit where something reads it."""
    if children := bench.view.nodes[edit.model].children:
        raise CannotEdit(f"{edit.model} is read by {', '.join(children)}")
    bench.write(bench.path_of(edit.model), None)
    for path in bench.paths(".yml", ".yaml"):
        text = bench.text(path) or ""
        if edit.model in text:
            after = yaml_edits.remove_entries(text, path, edit.model)
            bench.write(path, after if yaml_edits.says_anything(after) else None)


def _drop(
    bench: Workbench, model: str, column: str, everywhere: bool, known: dict[str, tuple[str, ...]]
) -> None:
    _drop_output(bench, model, column, known)
    bench.set_columns(model, [c for c in bench.columns(model) if c.lower() != column.lower()])
    _forget(bench, model, column)
    for key in bench.view.below(model):
        if model not in bench.view.nodes[key].parents:
            continue
        source = bench.source(key)
        uses = follow(source, column, {model}, known)
        if not uses.any:
            continue
        if not everywhere and uses.named:
            raise CannotEdit(f"{key} uses {model}.{column}")
        if uses.elsewhere:
            raise CannotEdit(f"{key} decides by {column} which rows it has, so it cannot go there")
        outputs = [column] if uses.passed else []
        given = {c.lower() for c in bench.columns(key)}
        outputs += [c for c in uses.computed if c and c.lower() in given and c != column]
        for output in outputs:
            if output != column:
                bench.notes.append(f"`{key}.{output}` is made of it and goes too.")
            _drop(bench, key, output, everywhere, known)
        _cut(bench, key, column, model, known)


def _drop_output(
    bench: Workbench, model: str, column: str, known: dict[str, tuple[str, ...]]
) -> None:
    source = bench.source(model)
    splices: list[Splice] = []
    for tree in source.trees[:1]:
        flow = ColumnFlow(source, tree, column, (), known)
        found = list(flow.definitions())
        if not found:
            raise CannotEdit(f"where {model} gives {column} was not found in its SQL")
        root = flow.scopes[-1]
        plain = len(found) == 1 and not is_star(found[0][1]) and not _decides(*found[0])
        if plain and found[0][0] is not root:
            flow.forced = {id(found[0][0])}
            plain = not flow.read().named
        if not plain:
            columns = [c for c in bench.columns(model) if c.lower() != column.lower()]
            with_select(bench, model, dict.fromkeys(columns, ""), f"without_{column}")
            return
        splices.append(without_item(source, _position(found[0][1])))
    bench.write_sql(model, spliced(source.text, splices))


def _cut(
    bench: Workbench, model: str, column: str, parent: str, known: dict[str, tuple[str, ...]]
) -> None:
    """What is left of a column of `parent` in CTEs of a model: items that hand it on."""
    source = bench.source(model)
    uses = follow(source, column, {parent}, known)
    if uses.named - uses.items:
        raise CannotEdit(f"{model} still uses {column}")
    bench.write_sql(
        model, spliced(source.text, [without_item(source, start) for start, _ in uses.items])
    )


def without_item(source: SqlSource, position: int) -> Splice:
    """The splice that takes the select item at a position out of its list. Raises CannotEdit."""
    list_, n = source.item_at(position)
    if len(list_.items) == 1:
        raise CannotEdit("nothing would be left to select")
    start, end = list_.items[n]
    if n + 1 < len(list_.items):
        return Splice(start, list_.items[n + 1][0], "")
    return Splice(list_.items[n - 1][1], end, "")


def _position(item: exp.Expr) -> int:
    alias = item.args.get("alias")
    return span(alias if isinstance(alias, exp.Identifier) else item.this)[0]


def _decides(scope: Scope, item: exp.Expr) -> bool:
    """Whether a select gives other rows with this item less."""
    select = scope.expression
    if select.args.get("distinct") or scope.set_operation_scopes:
        return True
    group = select.args.get("group")
    if group is None:
        return False
    places = [int(g.name) for g in group.expressions if isinstance(g, exp.Literal) and g.is_int]
    behind = item.index is None or any(place > item.index for place in places)
    return behind or item.find(exp.AggFunc) is None


def _forget(bench: Workbench, model: str, column: str) -> None:
    models: Collection[str] = {model}
    for path in bench.paths(".yml", ".yaml"):
        text = bench.text(path) or ""
        if column.lower() in text.lower() and model in text:
            bench.write(
                path, yaml_edits.remove_column(text, path, column, models, bench.notes.append)
            )
