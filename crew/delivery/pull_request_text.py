"""What reviewers read: branch, commit message, title and text of a pull request.

All of it can be computed again from the same values and comes out the same, so that a repeated
delivery finds what it wrote before.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
import unicodedata

from crew.artifacts import (
    Cost,
    Evidence,
    ModelDraft,
    Request,
    RequirementSpec,
    TestSuite,
    ValidationReport,
)
from crew.delivery import pull_request_sections as sections
from crew.delivery.delivery_rules import MARKER, TRAILER
from crew.delivery.pull_request_sections import Limits
from crew.delivery.safe_markdown import code, link, one_line, shown

MAX_BYTES = 60_000
_MAX_CHANGED = 20
_LIMITS = (
    Limits(),
    Limits(text=2000, items=30, rows=20, cell=120),
    Limits(text=1000, items=15, rows=8, cell=80),
    Limits(text=500, items=8, rows=3, cell=60),
)
_VERBS = {
    "new_model": "Add",
    "change_model": "Change",
    "stage_source": "Stage",
    "tests": "Test",
    "documentation": "Describe",
    "edit": "Change",
}


def pull_request_title(request: Request, spec: RequirementSpec) -> str:
    """Key, what it is, and the model; at most 120 characters."""
    model = spec.model or spec.target
    end = f" ({model})" if re.fullmatch(r"[\w.]{1,60}", model) else ""
    return f"{_key(request)}: {one_line(request.title, 118 - len(_key(request)) - len(end))}{end}"


def commit_message(request: Request, spec: RequirementSpec, changed: tuple[str, ...] = ()) -> str:
    """Subject, question, for a rework what `changed` in the request, and the trailer by which
    Firstmile knows its own commits."""
    subject = f"{_verb(spec)} {spec.model or spec.target}".strip()
    if len(subject) < 55:
        subject += f": {one_line(request.title, 70 - len(subject))}"
    body = "\n".join(textwrap.wrap(one_line(spec.question or request.title, 600), 72))
    lines = [f"- {one_line(line, 200)}" for line in changed[:_MAX_CHANGED] if line.strip()]
    news = "\n".join(["Changed in the request:", *lines]) + "\n\n" if lines else ""
    return f"{one_line(subject, 72)}\n\n{body}\n\n{news}{TRAILER}: {_key(request)}\n"


def branch_name(request: Request, spec: RequirementSpec) -> str:
    """`firstmile/<key>-<model>`: at most 60 characters, the same for the same key and model."""
    key, model = _slug(request.key), _slug(spec.model or spec.target)
    if key != request.key.lower() or len(key) > 34:
        key = f"{key[:27].strip('-')}-{_digest(request.key)}".strip("-")
    room = 60 - len(f"firstmile/{key}-")
    if len(model) > room:
        model = f"{model[: room - 7].strip('-')}-{_digest(model)}"
    return f"firstmile/{key}-{model}".rstrip("-")


def pull_request_text(
    request: Request,
    spec: RequirementSpec,
    draft: ModelDraft,
    report: ValidationReport,
    suite: TestSuite,
    evidence: Evidence,
    cost: Cost,
) -> str:
    """The whole text in Markdown, below 60 kB."""
    parts: list[str] = []
    for limits in _LIMITS:
        parts = [
            f"{MARKER} {_digest(request.key)} {report.files[:12]} -->",
            sections.too_large(draft, suite),
            sections.asked(request, limits),
            sections.understood(spec, limits),
            sections.edits(spec, limits),
            sections.notes(spec, evidence, limits),
            sections.assumptions(spec, limits),
            sections.from_memory(spec, evidence, limits),
            sections.lineage(draft, evidence, limits),
            sections.evidence_sheet(report, limits),
            sections.dropped_tests(suite, limits),
            sections.how_to_review(spec, draft, report),
            sections.acceptance(spec, limits),
            sections.spent(cost),
        ]
        if _size(parts) <= MAX_BYTES:
            return joined(parts)
    return joined(shortened(parts, MAX_BYTES))


def pull_request_summary(request: Request, spec: RequirementSpec) -> str:
    """What the pull request is for, in a sentence with a link to the ticket."""
    model = spec.model or spec.target
    what = f"{_verb(spec)} {code(model, 120)}" if model else "Change"
    asked = link(request.key, request.url)
    return f"{what} for {asked}: {shown(spec.question or request.title, 500)}"


def shortened(parts: list[str], max_bytes: int) -> list[str]:
    """The parts with the longest ones cut to their heads, until they fit as far as they can."""
    parts, cut = list(parts), "_Too long to be shown here._"
    while _size(parts) > max_bytes:
        longest = max(range(len(parts)), key=lambda i: len(parts[i]))
        head = parts[longest].partition("\n")[0]
        short = f"{head[:200]}\n\n{cut}"
        if len(short) >= len(parts[longest]):
            break
        parts[longest] = short
    return parts


def joined(parts: list[str]) -> str:
    """The parts that say something, as one text."""
    return "\n\n".join(part for part in parts if part) + "\n"


def _size(parts: list[str]) -> int:
    return len(joined(parts).encode())


def _verb(spec: RequirementSpec) -> str:
    return "Extend" if spec.extends else _VERBS.get(spec.kind, "Change")


def _key(request: Request) -> str:
    return one_line(request.key, 60)


def _slug(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
