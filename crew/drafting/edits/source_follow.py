"""Follows a source whose columns are called otherwise: read by the new name, given by the old."""

from __future__ import annotations

from sqlglot import exp

from crew.artifacts import FollowSource
from crew.drafting.edits.column_lineage import ColumnFlow, span
from crew.drafting.edits.project_view import ProjectView, Workbench
from crew.drafting.edits.sql_edits import Splice, SqlSource, spliced
from crew.drafting.edits.steps import with_select
from crew.drafting.model_text import CannotEdit


def follow_source(bench: Workbench, edit: FollowSource) -> None:
    """Each old column by its new name, wherever the model reads it. Raises CannotEdit."""
    for old, new in edit.columns:
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
        if name.lower() in made and name.lower() not in {c.lower() for c in have}:
            if not any(
                isinstance(c.parent, exp.Alias) and c.parent.alias.lower() != name.lower()
                for t in trees for c in t.find_all(exp.Column) if c.name == name
            ):  # fmt: skip
                continue
        uses = [_Reading(text, t, name, {source}, {source: [*have, name]}).read() for t in trees]
        if any(u.named for u in uses):
            found.append(name)
    return found
