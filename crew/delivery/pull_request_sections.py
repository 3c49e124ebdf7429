"""The parts of a pull request's text, each complete by itself; empty where there is nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crew.artifacts import (
    Check,
    Cost,
    Evidence,
    Grounding,
    Measure,
    ModelDraft,
    Request,
    RequirementSpec,
    TestSuite,
    ValidationReport,
)
from crew.delivery.safe_markdown import (
    code,
    code_block,
    details,
    evidence_table,
    link,
    quoted,
    shown,
    table,
)
from crew.drafting.column_words import derived_words, top_words

_ICONS = {"passed": "✅", "failed": "❌", "warned": "⚠️", "skipped": "⏭️"}
_SOURCES = {
    "ticket": "ticket",
    "glossary": "glossary",
    "column": "column",
    "precedent": "precedent",
    "answer": "answer",
    "rule": "rule",
    "assumption": "**assumption**",
}


_SURE = 0.9
"""Below it what was read is told to be likely: no percentages, which no measurement bears out."""
_MAX_FILES, _MAX_LINES = 15, 800


@dataclass(frozen=True)
class Limits:
    """How much of what is shown."""

    text: int = 4000
    items: int = 60
    rows: int = 40
    cell: int = 200


def asked(request: Request, limits: Limits) -> str:
    by = f", asked by {shown(request.requester, 80)}" if request.requester else ""
    head = f"{link(request.key, request.url)}: **{shown(request.title, 200)}**{by}"
    return f"## The request\n\n{head}\n\n{quoted(request.body, limits.text)}"


def too_large(draft: ModelDraft, suite: TestSuite) -> str:
    """Says so where the change is more than somebody can review with care; else empty."""
    texts = {m.path: m.sql if m.action == "create" else "" for m in draft.models}
    texts |= {test.path: test.sql for test in suite.singular}
    lines = sum(text.count("\n") + 1 for text in texts.values() if text)
    if len(texts) <= _MAX_FILES and lines <= _MAX_LINES:
        return ""
    return (
        f"> [!WARNING]\n> This change is large for one review: {len(texts)} files of SQL, {lines} "
        "lines. To split it, ask on the ticket for one model at a time, the staging models first; "
        "each then gets a pull request of its own."
    )


def understood(spec: RequirementSpec, limits: Limits) -> str:
    rows = [[shown(a), b, _ground(g, limits)] for a, b, g in _elements(spec, limits)]
    lines = [shown(spec.question, 500)] if spec.question else []
    if spec.spine:
        lines.append(f"Each row of {code(spec.spine, 80)} is there, counted or not.")
    if spec.history:
        lines.append(
            f"A row of {code(spec.history.relation, 80)} holds from its"
            f" {code(spec.history.at, 80)} until the next one of its key that differs."
        )
    if spec.row_grain:
        columns = ", ".join(code(c, 80) for c in spec.row_grain[: limits.items])
        lines.append(f"One row per {columns}.")
    if rows:
        left = len(rows) - limits.items
        body = table(("", "as understood", "where it comes from"), rows[: limits.items])
        lines.append(body + (f"\n\n_{left} more are not shown._" if left > 0 else ""))
    return "## What was understood\n\n" + "\n\n".join(lines) if lines else ""


def _measure(measure: Measure, limits: Limits) -> str:
    """What is aggregated, when it counts and under which conditions."""
    told = f"{code(measure.name, 80)}: {measure.aggregation.replace('_', ' ')} of "
    if measure.fraction is not None:
        told = told.replace("percentile", f"percentile {measure.fraction:g}")
    told += code(measure.expression, limits.cell) + f" in {code(measure.relation, 80)}"
    if measure.is_stock:
        moment = (measure.at or "period_start").replace("period_", "the period's ")
        told += f", active at {moment}: {code(measure.active_from or '', 80)}"
        told += f" until before {code(measure.active_to or '', 80)}"
    elif measure.time:
        told += f", dated by {code(measure.time, 80)}"
    if measure.filters:
        told += ", where " + " and ".join(code(f, limits.cell) for f in measure.filters)
    return told


def _elements(spec: RequirementSpec, limits: Limits) -> Iterator[tuple[str, str, Grounding]]:
    for metric in spec.metrics:
        unit = f" ({shown(metric.unit, 30)})" if metric.unit else ""
        told = shown(metric.definition or metric.label, limits.cell)
        yield "metric", f"{code(metric.name, 80)}{unit}: {told}", metric.grounding
        for measure in metric.measures:
            yield "counted", _measure(measure, limits), metric.grounding
        if metric.formula != metric.name:
            yield "formula", code(metric.formula, limits.cell), metric.grounding
    for dimension in spec.dimensions:
        column = code(f"{dimension.relation}.{dimension.column}", 120)
        told = f"{code(dimension.name, 80)} from {column}"
        if dimension.expression:
            told += f": {code(dimension.expression, limits.cell)}"
        yield "dimension", told, dimension.grounding
    for derived in spec.derived:
        told = f"{code(derived.name, 80)}: {derived_words(derived, spec)}"
        yield "over rows", told, derived.grounding
    if spec.top:
        yield (
            "rows",
            top_words(spec.top, spec.time.grain if spec.time else None),
            spec.top.grounding,
        )
    if spec.time:
        yield "time", f"per {spec.time.grain}, as {code(spec.time.column)}", spec.time.grounding
    for filter_ in spec.filters:
        told = f"{shown(filter_.label, limits.cell)} {code(filter_.condition, limits.cell)}"
        yield "filter", told, filter_.grounding
    if spec.look_back:
        back = spec.look_back
        yield "look-back", back.words, back.grounding
    if spec.date_range:
        span = spec.date_range
        told = f"from {shown(span.start or 'the first day')} to {shown(span.end or 'today')}"
        yield "span", f"{told} (end exclusive)", span.grounding


def _ground(grounding: Grounding, limits: Limits) -> str:
    sure = "" if grounding.confidence >= _SURE else " (likely)"
    return f"{_SOURCES[grounding.source]}: “{shown(grounding.text, limits.cell)}”{sure}"


def edits(spec: RequirementSpec, limits: Limits) -> str:
    """What is edited, step by step."""
    steps = []
    for edit in spec.edits:
        told = [
            f"{name.replace('_', ' ')} {code(_plain(value), limits.cell)}"
            for name, value in edit.model_dump(exclude={"kind"}, exclude_defaults=True).items()
        ]
        steps.append(f"{edit.kind.replace('_', ' ')}: {', '.join(told)}")
    return _listed("## What is edited", steps, limits)


def _plain(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(_plain, value))
    return str(value)


def notes(spec: RequirementSpec, evidence: Evidence, limits: Limits) -> str:
    told = (*spec.notes, *evidence.notes)
    return _listed("## Notes", (shown(note, limits.cell * 2) for note in told), limits)


def from_memory(spec: RequirementSpec, evidence: Evidence, limits: Limits) -> str:
    """Lessons and earlier answers that were followed, and what was recalled beside them."""
    items = [
        f"- [ ] {shown(f.text, limits.cell * 2)} _({shown(f.provenance, 120)}; {code(f.id, 80)})_"
        for f in spec.followed[: limits.items]
    ]
    memory = evidence.remembered
    like = [
        f"{p.kind} {code(p.name, 80)} ({p.likeness:.2f}, {shown(p.provenance, 80)})"
        for p in memory.precedents[: min(limits.items, 8)]
    ]
    lines = ["Followed; say on the ticket or in a review if it does not hold here:", *items]
    parts = ["\n".join(lines)] if items else []
    if like:
        parts.append("Recalled as like this request: " + "; ".join(like) + ".")
    if memory.missing:
        parts.append(f"⚠️ Memory went on {shown(memory.missing, limits.cell * 2)}.")
    return "## From memory\n\n" + "\n\n".join(parts) if parts else ""


def assumptions(spec: RequirementSpec, limits: Limits) -> str:
    items = []
    for assumption in spec.assumptions:
        told = shown(assumption.text, limits.cell * 2)
        if assumption.check_sql and limits.rows:
            sql = code_block(assumption.check_sql, "sql", limits.text // 2)
            told += "\n  " + details("how to check", sql).replace("\n", "\n  ")
        items.append(told)
    return _listed("## Assumptions to confirm", items, limits, "- [ ]")


def lineage(draft: ModelDraft, evidence: Evidence, limits: Limits) -> str:
    """Relations that are read, one level above them, and the models of the change."""
    names = {m.name for m in draft.models}
    edges = dict.fromkeys((r, m.name) for m in draft.models for r in m.relations)
    known = {r.unique_id: r.key for r in evidence.relations}
    for read in dict.fromkeys(r for m in draft.models for r in m.relations):
        card = evidence.relation(read)
        for parent in card.parents if card and read not in names else ():
            edges[known.get(parent, parent.split(".", 2)[-1]), read] = None
    shown_edges = list(edges)[: limits.items]
    nodes = list(dict.fromkeys(n for edge in shown_edges for n in edge))
    if not nodes:
        return ""
    numbers = {name: f"n{i}" for i, name in enumerate(nodes)}
    lines = ["flowchart LR"]
    for name, id_ in numbers.items():
        label = re.sub(r"[^\w. -]", "", name)[:80]
        lines.append(f'  {id_}["{label}"]' + (":::changed" if name in names else ""))
    lines += [f"  {numbers[a]} --> {numbers[b]}" for a, b in shown_edges]
    lines.append("  classDef changed stroke-width:3px")
    return "## Lineage\n\n```mermaid\n" + "\n".join(lines) + "\n```"


def evidence_sheet(report: ValidationReport, limits: Limits) -> str:
    rows = [
        [_ICONS[c.status], shown(c.name, 60), shown(c.finding, limits.cell)]
        for c in report.checks[: limits.items]
    ]
    parts = ["## Evidence", table(("", "check", "finding"), rows)]
    if len(report.checks) > len(rows):
        parts.append(f"_{len(report.checks) - len(rows)} more checks are not shown._")
    with_table = [c for c in report.checks if c.table and c.table.columns][: limits.items]
    for check in sorted(with_table, key=_rank):
        title = shown(check.name[:1].upper() + check.name[1:], 60)
        if check.table is None:
            continue
        body = evidence_table(check.table, limits.rows, limits.cell)
        if _rank(check) < 2:
            parts.append(f"### {title}\n\n{body}")
        else:
            parts.append(details(f"{title} ({len(check.table.rows)} rows)", body))
    return "\n\n".join(parts)


def _rank(check: Check) -> int:
    """The proof that numbers agree first, what was lost on the way next, samples last."""
    words = ("reconcil", "ledger", "", "sample")
    name = check.name.lower()
    return next((i for i in (0, 1, 3) if words[i] in name), 2)


def dropped_tests(suite: TestSuite, limits: Limits) -> str:
    items = (shown(reason, limits.cell * 2) for reason in suite.dropped)
    return _listed("## Tests proposed and dropped", items, limits)


def how_to_review(spec: RequirementSpec, draft: ModelDraft, report: ValidationReport) -> str:
    models = draft.models[:10]
    steps = []
    if models:
        steps.append("Read " + ", ".join(code(m.path, 200) for m in models) + ".")
    names = [m.name for m in models] or [spec.model or spec.target]
    selected = " ".join(f"{name}+" for name in names if re.fullmatch(r"\w+", name))
    if selected:
        steps.append(f"Run {code(f'dbt build --select {selected}')}; it builds and tests them.")
    if any(_rank(c) == 0 and c.table for c in report.checks):
        steps.append("Compare the reconciliation above with a figure you trust.")
    if spec.assumptions:
        steps.append("Confirm the assumptions, or answer on the ticket what is meant instead.")
    warned = ", ".join(shown(c.name, 60) for c in report.checks if c.status == "warned")
    if warned:
        steps.append(f"Look at the warnings: {warned[:300]}.")
    return "## How to review\n\n" + "\n".join(f"{i}. {s}" for i, s in enumerate(steps[:5], 1))


def acceptance(spec: RequirementSpec, limits: Limits) -> str:
    items = (shown(criterion, limits.cell * 2) for criterion in spec.acceptance)
    return _listed("## Acceptance criteria, in the ticket's words", items, limits, "- [ ]")


def spent(cost: Cost) -> str:
    if not cost.llm_calls:
        return "---\n\nMade by Firstmile, without any call of a language model."
    calls = f"{cost.llm_calls} call{'s' * (cost.llm_calls > 1)} of a language model"
    cached = f" ({cost.cached_tokens:,} of them cached)" if cost.cached_tokens else ""
    tokens = f"{cost.prompt_tokens:,} tokens sent{cached}, {cost.completion_tokens:,} received"
    return f"---\n\nMade by Firstmile with {calls}: {tokens}, {money(cost)}."


def money(cost: Cost) -> str:
    """What calls cost, and of how many nobody knows it."""
    usd = f"{cost.usd:.4f} USD"
    if not cost.unpriced_calls:
        return usd
    unknown = f"the price of {cost.unpriced_calls} calls is not known"
    return unknown if cost.unpriced_calls == cost.llm_calls else f"{usd}, and {unknown}"


def _listed(head: str, items: Iterable[str], limits: Limits, bullet: str = "-") -> str:
    listed = list(items)
    lines = [f"{bullet} {item}" for item in listed[: limits.items]]
    if len(listed) > limits.items:
        lines.append(f"- _{len(listed) - limits.items} more are not shown._")
    return f"{head}\n\n" + "\n".join(lines) if lines else ""
