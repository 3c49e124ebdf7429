"""Renames: a column of a model with all that passes it on, or a model with all that reads it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from sqlglot import exp

from crew.artifacts import RenameColumn, RenameModel
from crew.drafting.edits import yaml_edits
from crew.drafting.edits.column_lineage import ColumnFlow, Uses, follow, is_star, renamed, span
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.sql_edits import Splice, SqlSource, spliced
from crew.drafting.edits.steps import with_select
from crew.drafting.model_text import CannotEdit


def rename_column(bench: Workbench, edit: RenameColumn) -> None:
    """The column and, as far as models pass it on under its name, theirs. Raises CannotEdit."""
    old, new = edit.column, edit.to
    kept = _kept(edit.model, old)
    bench.notes[:] = [n for n in bench.notes if n != kept]
    rename_output(bench, edit.model, old, new)
    spread(bench, edit.model, old, new)


def _kept(model: str, column: str) -> str:
    return f"`{model}.{column}` keeps its name: it is computed there, not passed on as it is."


def spread(bench: Workbench, model: str, old: str, new: str) -> None:
    """All models further on, and YAML, after an output column of `model` was renamed."""
    known = {k: bench.columns(k) for k in bench.view.nodes}
    carriers = {model}
    bench.set_columns(model, _swapped(known[model], old, new))
    for key in bench.view.below(model):
        uses = _uses(bench, key, old, carriers, known)
        if uses is None:
            continue
        source, found = uses
        if found.passed:
            if new.lower() in {c.lower() for c in known[key]}:
                raise CannotEdit(f"{key} has a column {new} already, beside {old}")
            carriers.add(key)
            bench.set_columns(key, _swapped(known[key], old, new))
        elif found.named and old.lower() in {c.lower() for c in known[key]}:
            bench.notes.append(_kept(key, old))
        if found.named:
            bench.write_sql(key, spliced(source.text, renamed(found.named, new)))
    for path in bench.paths(".yml", ".yaml"):
        text = bench.text(path) or ""
        if old.lower() in text.lower():
            bench.write(path, yaml_edits.rename_columns(text, path, old, new, carriers))
    _rename_in_tests(bench, old, new, carriers, known)


def rename_output(bench: Workbench, model: str, old: str, new: str) -> None:
    """The output column `old` of one model, and what its own SQL says of it afterwards."""
    columns = bench.columns(model)
    known = {k: bench.columns(k) for k in bench.view.nodes}
    source = bench.source(model)
    places: list[Splice] = []
    for tree in source.trees:
        flow = ColumnFlow(source, tree, old, (), known)
        for scope, item in flow.definitions():
            if is_star(item):
                names = {c: (new if c.lower() == old.lower() else "") for c in columns}
                with_select(bench, model, names, f"renamed_{new}")
                return
            flow.forced.add(id(scope))
            places.append(_definition(bench, source, item, new))
        if flow.forced:
            places += renamed(flow.read().named - {(p.start, p.end) for p in places}, new)
    if not places:
        raise CannotEdit(f"where {model} gives {old} was not found in its SQL")
    for block in source.blocks():
        if "config" in block.text:
            places += renamed({(a, b) for a, b, _ in source.literals(block, [old])}, new)
    bench.write_sql(model, spliced(source.text, places))


def _definition(bench: Workbench, source: SqlSource, item: exp.Expr, new: str) -> Splice:
    """The splice that gives a select item another name."""
    alias = item.args.get("alias")
    if isinstance(item, exp.Alias) and isinstance(alias, exp.Identifier):
        return Splice(*span(alias), new)
    list_, n = source.item_at(span(item.this)[0])
    end = list_.items[n][1]
    return Splice(end, end, f" {bench.keyword('as')} {new}")


Columns = Mapping[str, Collection[str]]


def _uses(
    bench: Workbench, key: str, old: str, carriers: set[str], known: Columns
) -> tuple[SqlSource, Uses] | None:
    """What a model does with the column; None if it reads no carrier."""
    node = bench.view.nodes[key]
    if not node.own or not set(node.parents) & carriers:
        return None
    try:
        source = bench.source(key)
        return source, follow(source, old, carriers, known)
    except CannotEdit as error:
        raise CannotEdit(f"{key}: {error}") from error


def _rename_in_tests(
    bench: Workbench, old: str, new: str, carriers: set[str], known: Columns
) -> None:
    """Singular tests, and other SQL that is no model, that read one of the carriers."""
    models = {n.path for n in bench.view.nodes.values()}
    for path in bench.paths(".sql"):
        text = bench.text(path) or ""
        if path in models or old.lower() not in text.lower() or "endmacro" in text:
            continue
        source = SqlSource(text, bench.view.dialect)
        if source.relations & carriers:
            found = follow(source, old, carriers, known)
            bench.write(path, spliced(text, renamed(found.named, new)))


def _swapped(columns: tuple[str, ...], old: str, new: str) -> list[str]:
    return [new if c.lower() == old.lower() else c for c in columns]


def rename_model(bench: Workbench, edit: RenameModel) -> None:
    """The file, the entry and every `ref()`. Raises CannotEdit."""
    old, new = edit.model, edit.to
    path = bench.path_of(old)
    if new in bench.view.nodes:
        raise CannotEdit(f"there is a {new} already")
    text = bench.sql(old)
    bench.write(path, None)
    bench.write_sql(new, "", str(PurePosixPath(path).with_name(f"{new}.sql")))
    bench.write_sql(new, text)
    bench.set_columns(new, bench.columns(old))
    reference = re.compile(rf"(\bref\(\s*(?:['\"]\w+['\"]\s*,\s*)?['\"]){re.escape(old)}(['\"])")
    paths = {n.path: k for k, n in bench.view.nodes.items() if n.own}
    for other in bench.paths(".sql"):
        before = bench.text(other) or ""
        after = reference.sub(rf"\g<1>{new}\g<2>", before)
        if other in paths and after != before:
            bench.write_sql(paths[other], after)
        elif after != before:
            bench.write(other, after)
    for other in bench.paths(".yml", ".yaml"):
        before = bench.text(other) or ""
        if old in before and not other.endswith("dbt_project.yml"):
            bench.write(other, yaml_edits.rename_model(before, other, old, new))
    schema = bench.view.nodes[old].schema_path
    if PurePosixPath(schema).stem in {old, f"_{old}"} and bench.text(schema) is not None:
        moved = PurePosixPath(schema)
        content = bench.text(schema) or ""
        bench.write(str(moved.with_name(moved.name.replace(old, new))), content)
        bench.write(schema, None)
    if re.search(rf"\b{re.escape(old)}\b", bench.text("dbt_project.yml") or ""):
        bench.notes.append(
            f"`dbt_project.yml` names `{old}`: look whether its setting must follow."
        )
