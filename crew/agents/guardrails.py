"""Judges what an agent answered before anything runs; each message is the correction to make."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import (
    Dimension,
    DocSet,
    Evidence,
    Filter,
    Metric,
    ModelDraft,
    Request,
    RequirementSpec,
    TestSuite,
)
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.lexicon_reader import lexicon_of
from crew.drafting.schema_linker import SchemaLinker
from crew.drafting.scope import key_of
from crew.drafting.ticket_reader import as_read
from crew.drafting.vocabulary import words
from crew.verification.documentation_checks import is_filler
from crew.verification.jinja_policy import check_jinja
from crew.verification.related_relations import with_related


def spec_problem(spec: RequirementSpec, request: Request, evidence: Evidence) -> str:
    """What is wrong with a specification, or nothing."""
    for related in spec.related:
        columns = (related.by, *related.order_by, *related.filters)
        columns += (related.value.expression,) if related.value else ()
        for text in columns:
            if text != "*" and (problem := _columns_problem(text, evidence)):
                return f"{related.key}: {problem}"
        try:
            evidence = with_related(evidence, [related])
        except (NoJoin, AmbiguousJoin) as error:
            return f"{related.key} cannot be made: {error}."
    empty = not spec.metrics and not spec.questions and not (spec.spine and spec.dimensions)
    empty = empty and not spec.history
    if spec.kind == "new_model" and empty:
        return "A new model needs at least one metric, or a question that says what is unclear."
    if (
        spec.kind in {"change_model", "tests", "documentation"}
        and evidence.relation(spec.target) is None
    ):
        return f"The target {spec.target!r} is not in the evidence."
    if spec.extends:
        return "Leave `extends` empty: whether a model is extended is decided by its numbers."
    linker = SchemaLinker(evidence, JoinPlanner(evidence))
    read = as_read(request, lexicon_of(evidence.relations, linker))
    texts = [request.title, request.body, *(c.body for c in request.comments), read]
    said = _plain(" ".join(texts))
    elements: list[Metric | Dimension | Filter] = [*spec.metrics, *spec.dimensions, *spec.filters]
    for grounding in (e.grounding for e in elements):
        if grounding.source in {"ticket", "answer"} and _plain(grounding.text) not in said:
            return (
                f"The grounding {grounding.text!r} does not stand in the request; quote its words."
            )
    for dimension in spec.dimensions:
        card = evidence.relation(dimension.relation)
        if card is None or card.column(dimension.column) is None:
            return f"{dimension.relation}.{dimension.column} is not a column of the evidence."
    return _measures_problem(spec, evidence)


def _measures_problem(spec: RequirementSpec, evidence: Evidence) -> str:
    for metric in spec.metrics:
        names = {m.name for m in metric.measures}
        try:
            used = {c.name for c in sqlglot.parse_one(metric.formula).find_all(exp.Column)}
        except SqlglotError as error:
            return f"The formula {metric.formula!r} cannot be read: {error}"
        if used - names:
            return f"The formula of {metric.name!r} uses {sorted(used - names)}, which are no measures of it."
        for measure in metric.measures:
            for text in (measure.expression, measure.time, measure.active_from, *measure.filters):
                if text and text != "*" and (problem := _columns_problem(text, evidence)):
                    return f"{measure.name}: {problem}"
    return ""


def _columns_problem(text: str, evidence: Evidence) -> str:
    try:
        tree = sqlglot.parse_one(text, read=evidence.dialect)
    except SqlglotError as error:
        return f"{text!r} is not SQL: {error}"
    for column in tree.find_all(exp.Column):
        card = evidence.relation(key_of(column))
        if card is None or card.column(column.name) is None:
            return f"{column.sql()} is not a column of the evidence; qualify it with its relation's key."
    return ""


def draft_problem(draft: ModelDraft, spec: RequirementSpec, evidence: Evidence) -> str:
    """What is wrong with a model draft, or nothing."""
    if spec.kind in {"tests", "documentation"}:
        return ""
    if not draft.models:
        return "There is no model in the draft."
    if all(m.name != spec.model for m in draft.models):
        return f"The draft has no model {spec.model!r}."
    known = {c.key for c in evidence.relations} | {m.name for m in draft.models}
    for model in draft.models:
        base = evidence.sql.get(model.name, "") if model.action == "update" else ""
        verdict = check_jinja(model.sql, base)
        if verdict.findings:
            return f"{model.name}: {verdict.findings[0]}"
        refs = re.findall(r"ref\(\s*['\"]([\w.]+)['\"]\s*\)", model.sql)
        sources = re.findall(r"source\(\s*['\"](\w+)['\"]\s*,\s*['\"](\w+)['\"]\s*\)", model.sql)
        used = set(refs) | {f"{a}.{b}" for a, b in sources}
        strange = {u for u in used - known - set(evidence.model_names) if u not in base}
        strange = {u for u in strange if "." not in u or u.split(".")[1] not in base}
        if strange:
            return f"{model.name} reads {sorted(strange)}, which the evidence does not hold."
        if not used:
            return f"{model.name} reads no ref() and no source()."
    return ""


def tests_problem(suite: TestSuite, draft: ModelDraft, evidence: Evidence) -> str:
    """What is wrong with a test suite, or nothing."""
    columns = {m.name: set(m.columns) for m in draft.models}
    columns |= {
        c.key: {x.name for x in c.columns} for c in evidence.relations if c.key not in columns
    }
    for test in suite.generic:
        if test.model not in columns:
            return f"There is no model {test.model!r} to test."
        if test.column and columns[test.model] and test.column not in columns[test.model]:
            return (
                f"{test.model} has no column {test.column!r}; it has {sorted(columns[test.model])}."
            )
    return ""


def docs_problem(docs: DocSet, draft: ModelDraft) -> str:
    """What is wrong with a doc set, or nothing."""
    described = {d.model: {c.name for c in d.columns} for d in docs.models}
    for model in draft.models:
        missing = set(model.columns) - described.get(model.name, set())
        if model.action == "create" and missing:
            return f"{model.name}: describe {sorted(missing)} too."
    for doc in docs.models:
        for column in doc.columns:
            if is_filler(column.name, column.description):
                return (
                    f"{doc.model}.{column.name}: {column.description!r} says no more than the name."
                )
    return ""


def _plain(text: str) -> str:
    return " ".join(words(text))
