"""Follows a source whose columns are called otherwise: read by the new name, given by the old."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from crew.artifacts import FollowSource
from crew.drafting.edits.column_lineage import ColumnFlow, is_star, span
from crew.drafting.edits.columns import joint
from crew.drafting.edits.project_view import ProjectView, Workbench
from crew.drafting.edits.sql_edits import Splice, SqlSource, spliced
from crew.drafting.edits.steps import with_select
from crew.drafting.model_text import CannotEdit
from crew.drafting.scope import needs_quotes


def follow_source(bench: Workbench, edit: FollowSource) -> None:
    """Each old column by its new name, wherever the model reads it. Raises CannotEdit."""
    for old, new in edit.columns:
        if old.lower() not in {c.lower() for c in bench.columns(edit.model)} and (
            old.lower()
            not in {c.lower() for c in columns_named(bench.view, edit.model, edit.source)}
        ):
            hand_on(bench, edit.model, edit.source, old, new)
            continue
        _follow(bench, edit.model, edit.source, old, new)


class _Reading(ColumnFlow):
    """Where a model reads a column of its source: not what hands it on under the old name."""

    def is_column(self, scope: object, item: exp.Expr) -> bool:
        bare = item.this if isinstance(item, exp.Alias) else item
        is_plain = isinstance(bare, exp.Column) and not isinstance(bare.this, exp.Star)
        stand_in = self.source.stand_ins.get(bare.name) if is_plain else None
        if is_plain and not (stand_in and stand_in.star_of):
            return False
        return super().is_column(scope, item)  # type: ignore[arg-type]


def _follow(bench: Workbench, model: str, source: str, old: str, new: str) -> None:
    text = bench.source(model)
    have = [*bench.view.columns(source), old]
    splices: list[Splice] = []
    for tree in text.trees:
        flow = _Reading(text, tree, old, {source}, {source: have})
        uses = flow.read()
        if uses.passed:
            outputs = {c: "" for c in bench.view.columns(source)}
            renamed = {c: (old if c == new else "") for c in outputs}
            with_select(bench, model, renamed, f"as_{old}")
            return
        for start, end in uses.named:
            splices.append(Splice(start, end, new + _kept_name(bench, tree, (start, end), old)))
    if not splices:
        raise CannotEdit(f"{model} does not name {old}")
    bench.write_sql(model, spliced(text.text, splices))


def _kept_name(bench: Workbench, tree: exp.Expr, place: tuple[int, int], old: str) -> str:
    """` as old` where the column itself is selected, without a name of its own."""
    for column in tree.find_all(exp.Column):
        if "start" in column.this.meta and span(column.this) == place:
            is_item = isinstance(column.parent, exp.Select) and column.arg_key == "expressions"
            return f" {bench.keyword('as')} {old}" if is_item else ""
    return ""


def columns_named(view: ProjectView, model: str, source: str) -> list[str]:
    """Columns of a source that a model's SQL names; none where it cannot be read."""
    try:
        text = SqlSource(view.nodes[model].raw, view.dialect)
        trees = text.trees
    except CannotEdit:
        return []
    names = {c.name for t in trees for c in t.find_all(exp.Column) if c.name not in text.stand_ins}
    made = {a.alias.lower() for t in trees for a in t.find_all(exp.Alias)}
    have = list(view.columns(source))
    found = []
    for name in sorted(n for n in names if n and n != "*"):
        aliased = any(
            isinstance(c.parent, exp.Alias) and c.parent.alias.lower() != name.lower()
            for t in trees for c in t.find_all(exp.Column) if c.name == name
        )  # fmt: skip
        if name.lower() in made and name.lower() not in {c.lower() for c in have} and not aliased:
            continue
        uses = [_Reading(text, t, name, {source}, {source: [*have, name]}).read() for t in trees]
        if any(u.named for u in uses):
            found.append(name)
    return found


def hand_on(bench: Workbench, model: str, source: str, given: str, read: str) -> None:
    """A further column of a model: `read` of what it reads, called `given`. Raises CannotEdit."""
    text = bench.source(model)
    have = {source: [*bench.columns(source), read]}
    flow = ColumnFlow(text, text.trees[0], read, {source}, have)
    flow.read()
    splices: list[Splice] = []
    _through(bench, flow, flow.scopes[-1], source, (read, given), splices)
    bench.write_sql(model, spliced(text.text, splices))
    bench.set_columns(model, [*bench.columns(model), given])


def _through(
    bench: Workbench,
    flow: ColumnFlow,
    scope: Scope,
    source: str,
    names: tuple[str, str],
    splices: list[Splice],
) -> str:
    """Makes a select give the column; what it is called there. Raises CannotEdit."""
    read, given = names
    select = scope.expression
    if flow.gives[id(scope)]:
        return read
    if (
        not isinstance(select, exp.Select)
        or select.args.get("group")
        or select.args.get("distinct")
    ):
        raise CannotEdit(f"{source} is read where rows are grouped or put together")
    for alias, (_, inner) in scope.selected_sources.items():
        if isinstance(inner, exp.Table) and flow.key_of(inner) == source:
            called = read
        elif isinstance(inner, Scope) and _leads_to(flow, inner, source):
            called = _through(bench, flow, inner, source, names, splices)
        else:
            continue
        stars = [i for i in select.selects if is_star(i)]
        if any(not isinstance(i, exp.Column) or i.table.lower() == alias.lower() for i in stars):
            return called
        last = select.selects[-1]
        name = last.args.get("alias")
        at = span(name if isinstance(name, exp.Identifier) else last.this)[0]
        list_, n = flow.source.item_at(at)
        start, end = list_.items[n]
        table = f"{alias}." if len(scope.selected_sources) > 1 else ""
        as_ = "" if called == given else f" {bench.keyword('as')} {given}"
        between = joint(flow.source.text, start)
        spelt = f'"{called}"' if needs_quotes(called, bench.view.dialect) else called
        splices.append(Splice(end, end, f"{between}{table}{spelt}{as_}"))
        return given
    raise CannotEdit(f"where {source} is read was not found")


def _leads_to(flow: ColumnFlow, scope: Scope, source: str) -> bool:
    return any(
        (isinstance(s, exp.Table) and flow.key_of(s) == source)
        or (isinstance(s, Scope) and _leads_to(flow, s, source))
        for _, s in scope.selected_sources.values()
    )
