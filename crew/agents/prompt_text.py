"""Renders values as short text for a prompt; ticket text stays inside its fence."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from crew.artifacts import (
    DocSet,
    Evidence,
    Finding,
    ModelDraft,
    Question,
    Request,
    RequirementSpec,
    TestSuite,
)
from crew.drafting.questions import asked_stems
from crew.drafting.vocabulary import stems

MAX_TICKET = 12_000
MAX_TEXT = 16_000
MAX_VALUES = 12
_UNSAID = {
    "questions", "assumptions", "examples", "given", "owner", "acceptance", "followed", "question",
}  # fmt: skip
MAX_SOURCES = 4_000
"""Characters of descriptions that come with questions, whatever the size of the project."""


def request_text(request: Request) -> str:
    parts = [f"Title: {request.title}", request.body]
    parts += [f"Comment by {c.author}: {c.body}" for c in request.comments if not c.ours]
    return fenced("\n\n".join(parts)[:MAX_TICKET])


def fenced(text: str) -> str:
    """Untrusted text that cannot close the fence it stands in."""
    return text.replace("</", "<\\/")


def finding_text(finding: Finding | None) -> str:
    if finding is None:
        return ""
    return (
        f"The check “{finding.check}” found:\n<finding>\n{fenced(finding.text[:4000])}\n</finding>"
    )


def specification_text(spec: RequirementSpec) -> str:
    """What a specification says, as JSON without its groundings."""
    said = spec.model_dump(mode="json", exclude_defaults=True, exclude=_UNSAID)
    said["assumptions"] = [a.text for a in spec.assumptions]
    return fenced(json.dumps(_without_grounding(said), ensure_ascii=False)[:MAX_TEXT])


def relations_text(draft: ModelDraft, evidence: Evidence) -> str:
    """What the models of a draft read: columns with types, keys and frequent values."""
    used = {key for m in draft.models for key in m.relations}
    lines = []
    for card in (c for c in evidence.relations if c.key in used):
        lines.append(f"{card.key} ({card.row_count} rows)")
        for column in card.columns:
            values = f" values: {', '.join(column.values[:MAX_VALUES])}" if column.values else ""
            unique = " unique" if column.is_unique else ""
            nulls = f" {column.nulls} nulls" if column.nulls else ""
            lines.append(f"  {column.name} {column.data_type}{unique}{nulls}{values}")
    lines += [
        f"join: {e.left}.{e.left_column} -> {e.right}.{e.right_column} ({e.match_share})"
        for e in evidence.joins
        if {e.left, e.right} <= used
    ]
    return fenced("\n".join(lines)[:MAX_TEXT])


def models_text(draft: ModelDraft) -> str:
    """The SQL of each model of a draft."""
    return fenced("\n\n".join(f"-- {m.name}\n{m.sql.strip()}" for m in draft.models)[:MAX_TEXT])


def columns_text(draft: ModelDraft) -> str:
    """Each model of a draft with its columns."""
    return fenced("\n".join(f"{m.name}: {', '.join(m.columns)}" for m in draft.models)[:MAX_TEXT])


def tests_text(suite: TestSuite) -> str:
    """The tests of a suite, a line each."""
    lines = [f"{t.test} on {t.model}.{t.column or 'the model'}" for t in suite.generic]
    lines += [f"{t.name}: {t.reason}" for t in suite.singular]
    return fenced("\n".join(lines)[:MAX_TEXT])


def docs_text(docs: DocSet) -> str:
    """The descriptions of models and columns, a line each."""
    lines = []
    for doc in docs.models:
        lines.append(f"{doc.model}: {doc.description}")
        lines += [f"{doc.model}.{c.name}: {c.description}" for c in doc.columns]
    return fenced("\n".join(lines)[:MAX_TEXT])


def questions_text(questions: Sequence[Question]) -> str:
    """Each question by its id, its options with what they would give."""
    lines = []
    for question in questions:
        lines.append(f"{question.id}: {question.text}")
        for option in question.options:
            gives = f" (gives {option.effect})" if option.effect else ""
            lines.append(f"  {option.label}: {option.meaning}{gives}")
    return fenced("\n".join(lines))


def sources_text(questions: Sequence[Question], evidence: Evidence) -> str:
    """What may settle questions: the glossary, descriptions of what they offer, then of what they ask
    about."""
    about = {s for q in questions for s in asked_stems(q)}
    offered = {n for q in questions for o in q.options for n in re.findall(r"`([^`]+)`", o.meaning)}
    told = [(card.key, card.description) for card in evidence.relations]
    told += [(f"{card.key}.{c.name}", c.told) for card in evidence.relations for c in card.columns]
    told = [(name, text) for name, text in told if text]
    lines = [f"glossary: {t.name}: {t.definition}" for t in evidence.glossary if t.definition]
    lines += [f"{name}: {text}" for name, text in told if name in offered]
    lines += [
        f"{name}: {text}" for name, text in told
        if name not in offered and about & set(stems(f"{name} {text}"))
    ]  # fmt: skip
    return fenced("\n".join(lines)[:MAX_SOURCES])


def _without_grounding(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_grounding(v) for k, v in value.items() if k != "grounding"}
    return [_without_grounding(v) for v in value] if isinstance(value, list) else value
