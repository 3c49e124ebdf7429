"""Writes the edits of a specification into the project's texts: one draft of whole files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crew.artifacts import (
    AddColumn,
    AddFilter,
    AddTests,
    AddToGrain,
    ChangeGrain,
    DraftModel,
    DropColumn,
    DropModel,
    Evidence,
    FillEmpty,
    FollowSource,
    MakeIncremental,
    MakeUnique,
    Materialize,
    Merge,
    ModelDraft,
    MoveRows,
    RenameColumn,
    RenameModel,
    ReplaceMacro,
    RequirementSpec,
    Retype,
    Split,
)
from crew.drafting.edits.columns import add_column
from crew.drafting.edits.drops import drop_column, drop_model
from crew.drafting.edits.filters import add_filter, make_unique
from crew.drafting.edits.finer_grain import add_to_grain
from crew.drafting.edits.grains import change_grain
from crew.drafting.edits.incremental import make_incremental, materialize
from crew.drafting.edits.macros import replace_macro
from crew.drafting.edits.parts import merge, move_rows, split
from crew.drafting.edits.project_view import ProjectView, Workbench
from crew.drafting.edits.renames import rename_column, rename_model
from crew.drafting.edits.retypes import fill_empty, retype
from crew.drafting.edits.source_follow import follow_source
from crew.drafting.model_text import CannotEdit

_WRITERS: dict[type, Callable[[Workbench, Any], None]] = {
    RenameColumn: rename_column,
    RenameModel: rename_model,
    Retype: retype,
    FillEmpty: fill_empty,
    DropColumn: drop_column,
    DropModel: drop_model,
    AddFilter: add_filter,
    ChangeGrain: change_grain,
    Split: split,
    MoveRows: move_rows,
    Merge: merge,
    ReplaceMacro: replace_macro,
    MakeUnique: make_unique,
    FollowSource: follow_source,
    MakeIncremental: make_incremental,
    Materialize: materialize,
    AddColumn: add_column,
    AddToGrain: add_to_grain,
    AddTests: lambda bench, edit: None,
}


def write_edits(spec: RequirementSpec, view: ProjectView, evidence: Evidence) -> ModelDraft:
    """The draft: `models` are those whose SQL is new, `files` all that changes. Raises CannotEdit."""
    bench = Workbench(view, evidence)
    for edit in spec.edits:
        _WRITERS[type(edit)](bench, edit)
    files = bench.changes()
    tested = any(isinstance(e, AddTests) for e in spec.edits)
    if not files and not bench.created and not tested:
        raise CannotEdit("the project says so already: nothing would change")
    actions = {f.path: f.action for f in files}
    models = list(bench.created)
    built_as = {e.model: e.materialized for e in spec.edits if isinstance(e, Materialize)}
    for name in bench.touched:
        path = bench.path_of(name)
        text = bench.text(path)
        if text is None or path not in actions:
            continue
        source = bench.source(name)
        models.append(
            DraftModel(
                name=name,
                path=path,
                sql=text,
                action="update",
                layer="mart",
                relations=tuple(sorted(source.relations)),
                materialization=built_as.get(name) or bench.materialization(name),
                columns=bench.columns(name),
            )
        )
    rationale = " ".join(bench.notes)
    return ModelDraft(models=tuple(models), files=files, rationale=rationale)
