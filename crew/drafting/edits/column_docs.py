"""Describes the columns that an edit adds: in the words of where they come from, else by how they
are made."""

from __future__ import annotations

from collections.abc import Iterator

from crew.artifacts import (
    AddColumn,
    AddToGrain,
    ColumnDoc,
    DropModel,
    Evidence,
    FollowSource,
    Grounding,
    ModelDoc,
    RenameModel,
    RequirementSpec,
    Split,
)
from crew.drafting.edits.columns import is_aggregate
from crew.verification.documentation_checks import is_filler


def added_columns(spec: RequirementSpec, evidence: Evidence) -> list[ModelDoc]:
    """What is said of added columns, for models that stand in a schema file."""
    found: dict[str, list[ColumnDoc]] = {}
    gone = {e.model for e in spec.edits if isinstance(e, RenameModel | DropModel | Split)}
    for edit in spec.edits:
        if isinstance(edit, AddColumn | AddToGrain | FollowSource) and edit.model not in gone:
            card = evidence.relation(edit.model)
            if card is not None and card.schema_path:
                there = {c.name.lower() for c in card.columns}
                new = [d for d in _docs(edit, evidence) if d.name.lower() not in there]
                found.setdefault(edit.model, []).extend(new)
    return [ModelDoc(model=m, description="", columns=tuple(d)) for m, d in found.items() if d]


def _docs(edit: AddColumn | AddToGrain | FollowSource, evidence: Evidence) -> Iterator[ColumnDoc]:
    if isinstance(edit, FollowSource):
        for given, read in edit.columns:
            text = _told(edit.source, read, evidence) or f"`{read}` of `{edit.source}`."
            yield _doc(given, text, f"{edit.source}.{read}")
    elif isinstance(edit, AddToGrain):
        yield _doc(edit.column, f"Computed as `{edit.expression}`.", edit.expression)
    else:
        text = edit.description or _made_of(edit, evidence)
        yield _doc(edit.column, text, f"{edit.relation or edit.model}.{edit.column}")


def _doc(name: str, text: str, source: str) -> ColumnDoc:
    grounding = Grounding(source="column", text=source)
    return ColumnDoc(name=name, description=text, grounding=grounding)


def _made_of(edit: AddColumn, evidence: Evidence) -> str:
    if edit.like:
        return f"As `{edit.like}`, from the other end."
    if not edit.relation:
        return f"Computed as `{edit.expression}`."
    keys = " and ".join(f"`{own}`" for own, _ in edit.keys)
    where = f" where `{edit.where}`" if edit.where else ""
    empty = f"; {edit.empty} where there are none" if edit.empty else ""
    if is_aggregate(edit.expression, evidence.dialect):
        return f"`{edit.expression}` of `{edit.relation}` with the same {keys}{where}{empty}."
    told = _told(edit.relation, edit.expression, evidence)
    if told and not (edit.where or edit.valid or edit.empty):
        return told
    held = f" that held at `{edit.valid[0]}`" if edit.valid else ""
    return f"`{edit.expression}` of `{edit.relation}` by {keys}{where}{held}{empty}."


def _told(relation: str, column: str, evidence: Evidence) -> str:
    """What the project says of a column, unless that is no more than its name."""
    card = evidence.relation(relation)
    found = card.column(column) if card else None
    text = (found.description or found.inherited) if found else ""
    return "" if is_filler(column, text) else text
