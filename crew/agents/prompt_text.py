"""Renders values as short text for a prompt; ticket text stays inside its fence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crew.artifacts import Evidence, Finding, Question, Request
from crew.drafting.questions import asked_stems
from crew.drafting.vocabulary import stems

MAX_TICKET = 12_000
MAX_VALUES = 12
MAX_REMEMBERED = 20
MAX_SOURCES = 5_000
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
    return f"\nThe last attempt failed at “{finding.check}”. Mend exactly this:\n{fenced(finding.text[:4000])}\n"


def evidence_text(evidence: Evidence) -> str:
    """Relations with types and values, joins and glossary: a line each."""
    lines = [f"dialect: {evidence.dialect}"]
    for card in evidence.relations:
        lines.append(
            f"{card.key} ({card.layer} {card.kind}, {card.row_count} rows): {card.description[:160]}"
        )
        for column in card.columns:
            values = f" values: {', '.join(column.values[:MAX_VALUES])}" if column.values else ""
            unique = " unique" if column.is_unique else ""
            nulls = f" {column.nulls} nulls" if column.nulls else ""
            lines.append(
                f"  {column.name} {column.data_type}{unique}{nulls}{values} {column.description[:100]}".rstrip()
            )
    lines += [
        f"join: {e.left}.{e.left_column} -> {e.right}.{e.right_column} ({e.match_share})"
        for e in evidence.joins
    ]
    for term in evidence.glossary:
        rule = f" = {term.formula or term.condition}" if term.formula or term.condition else ""
        lines.append(f"glossary: {term.name}{rule}: {term.definition}")
    memory = evidence.remembered
    lines += [f"precedent: {p.kind} {p.name}: {p.text[:200]}" for p in memory.precedents]
    answers, lessons = memory.answers[:MAX_REMEMBERED], memory.lessons[:MAX_REMEMBERED]
    lines += [f"answered before: {a.question}: {a.meaning} ({a.request})" for a in answers]
    lines += [f"lesson of reviewers: {x.sentence}" for x in lessons]
    return fenced("\n".join(lines))


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
    """What may settle questions: the glossary, and descriptions of what they ask about or offer."""
    about = {s for q in questions for s in asked_stems(q)}
    offered = {n for q in questions for o in q.options for n in re.findall(r"`([^`]+)`", o.meaning)}
    lines = [f"glossary: {t.name}: {t.definition}" for t in evidence.glossary if t.definition]
    for card in evidence.relations:
        told = [(card.key, card.description)]
        told += [(f"{card.key}.{c.name}", c.told) for c in card.columns]
        lines += [
            f"{name}: {text}" for name, text in told
            if text and (name in offered or about & set(stems(f"{name} {text}")))
        ]  # fmt: skip
    return fenced("\n".join(lines)[:MAX_SOURCES])
