"""What the drafting engine gives for edits of existing models: specification, draft and tests."""

from __future__ import annotations

import re

from crew.artifacts import (
    AddTests,
    ColumnDoc,
    DocSet,
    Evidence,
    GenericTest,
    Grounding,
    MakeUnique,
    ModelDoc,
    ModelDraft,
    Question,
    Request,
    RequirementSpec,
    TestSuite,
)
from crew.drafting.edits.column_docs import added_columns
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.edits.reader import read_edit
from crew.drafting.edits.writer import write_edits
from crew.drafting.model_text import CannotEdit
from crew.drafting.questions import Asking
from crew.drafting.ticket_reader import read_ticket
from crew.ports import Warehouse
from crew.verification.documentation_checks import is_filler


def edit_spec(
    request: Request, evidence: Evidence, view: ProjectView, warehouse: Warehouse | None
) -> RequirementSpec | None:
    """The specification of an edit; None for another request. One that no rule can carry out becomes
    a question, with the reason."""
    spec = read_edit(request, evidence, view, warehouse)
    if spec is None or spec.kind != "edit" or spec.questions:
        return spec
    if texts := unread_texts(request, evidence):
        return spec.model_copy(update={"questions": (texts,)})
    try:
        draft = write_edits(spec, view, evidence)
    except CannotEdit as error:
        text = f"This cannot be carried out as it is asked: {error}. How should it be done?"
        return spec.model_copy(update={"questions": (Question(id="edit:how", text=text),)})
    told = [draft.rationale] if draft.rationale else []
    return spec.model_copy(update={"notes": tuple(dict.fromkeys((*spec.notes, *told)))})


def unread_texts(request: Request, evidence: Evidence) -> Question | None:
    """Asks about texts for descriptions, which an edit of anything else does not write."""
    given = re.search(
        r"[^.;,\n]*\b(?:descri(?:be|ption|bed)\w*|document\w*|beschreib\w*|dokumentier\w*)\b[^.;\n]*",
        f"{request.title}\n{request.body}", re.I,
    )  # fmt: skip
    said = given.group().strip() if given else ""
    if not re.search(r"[\"“:(→]|\bas\b|\bals\b|\bto say\b", said):
        return None
    asking = Asking(
        read_ticket(request).answers,
        read_ticket(request).directed,
        request.choices,
        evidence.remembered.answers,
    )
    asking.ask(
        "edit:docs",
        f"“{said}”: descriptions are not written together with such a change. Is a ticket of their own as"
        " good?",
        [("yes: leave them out here", "")],
    )
    return asking.open[0] if asking.open else None


def edit_draft(spec: RequirementSpec, view: ProjectView | None, evidence: Evidence) -> ModelDraft:
    """All files of the edit. Raises CannotEdit."""
    if view is None:
        raise CannotEdit("the project's own files are not at hand")
    return write_edits(spec, view, evidence)


def edit_docs(spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> DocSet:
    """Descriptions of added columns, and of models that an edit makes out of others: as those
    describe their columns."""
    found = added_columns(spec, evidence)
    for model in draft.models:
        if model.action != "create":
            continue
        cards = [c for r in model.relations if (c := evidence.relation(r))]
        columns = []
        for name in model.columns:
            known = [
                d
                for c in cards
                if (x := c.column(name)) and (d := x.description) and not is_filler(name, d)
            ]
            text = (
                known[0] if known else f"As in {' and '.join(f'`{r}`' for r in model.relations)}."
            )
            grounding = Grounding(source="column", text=f"{model.relations[0]}.{name}")
            columns.append(ColumnDoc(name=name, description=text, grounding=grounding))
        read = " and ".join(f"`{r}`" for r in model.relations)
        found.append(
            ModelDoc(model=model.name, description=f"Rows of {read}.", columns=tuple(columns))
        )
    return DocSet(models=tuple(found))


def edit_tests(spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> TestSuite:
    """Tests that an edit brings: a key that is made unique is tested to be."""
    found: list[GenericTest] = []
    singular = [t for e in spec.edits if isinstance(e, AddTests) for t in e.singular]
    for edit in spec.edits:
        if isinstance(edit, AddTests):
            found += edit.tests
        if isinstance(edit, MakeUnique) and len(edit.key) == 1:
            card = evidence.relation(edit.model)
            column = card.column(edit.key[0]) if card else None
            if column is None or "unique" not in column.tests:
                found.append(
                    GenericTest(
                        model=edit.model, column=edit.key[0], test="unique",
                        reason="one row for each key is what was asked for",
                    )
                )  # fmt: skip
    return TestSuite(generic=tuple(found), singular=tuple(singular))
