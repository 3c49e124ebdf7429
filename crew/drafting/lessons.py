"""Follows what reviewers taught: lessons change a draft by rule, each time said with its source.

A lesson gives way to the request's own words, and outranks an earlier answer or the project's
habits: it is what a reviewer last accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import (
    ColumnDoc,
    ColumnNamed,
    Correction,
    DocSet,
    DraftModel,
    Evidence,
    Followed,
    GenericTest,
    Lesson,
    Materialized,
    Measure,
    MeasureChanged,
    Metric,
    ModelDraft,
    ModelNamed,
    ModelPlaced,
    Request,
    RequirementSpec,
    RowsLeftOut,
    TestChanged,
    TestSuite,
    Worded,
)
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_temporal
from crew.drafting.scope import key_of
from crew.drafting.vocabulary import stems

C = TypeVar("C", bound=Correction)
_PERIODS = set(stems("daily weekly monthly quarterly yearly total number sum of the"))
_DROPPABLE = {"not_null", "accepted_values", "relationships"}


def follow_in_spec(spec: RequirementSpec, request: Request, evidence: Evidence) -> RequirementSpec:
    """The specification with the lessons on its numbers, rows and names."""
    if spec.questions or spec.kind not in {"new_model", "change_model", "stage_source"}:
        return spec
    said = set(
        stems(f"{request.title} {request.body} {' '.join(c.body for c in request.comments)}")
    )
    for lesson, measured in _about(evidence, MeasureChanged):
        spec = _measured(spec, lesson, measured, evidence)
    for lesson, left_out in _about(evidence, RowsLeftOut):
        spec = _without_rows(spec, lesson, left_out, said, evidence)
    for lesson, named in _about(evidence, ColumnNamed):
        spec = _named(spec, lesson, named, said)
    for lesson, model in _about(evidence, ModelNamed):
        spec = _model_named(spec, lesson, model, evidence)
    return spec


def follow_in_draft(draft: ModelDraft, spec: RequirementSpec, evidence: Evidence) -> ModelDraft:
    """The draft with the lessons on where new models lie and how they are materialized."""
    followed: list[Followed] = []
    models = []
    for model in draft.models:
        if model.action == "create":
            for lesson, placed in _about(evidence, ModelPlaced):
                path = f"{placed.folder.rstrip('/')}/{PurePosixPath(model.path).name}"
                if placed.relation in _counted(spec) and path != model.path:
                    model = model.model_copy(update={"path": path})
                    followed.append(_followed(lesson))
                    break
            for lesson, made in _about(evidence, Materialized):
                if _applies(made, model):
                    changed = {"materialization": made.materialization}
                    model = model.model_copy(update=changed)
                    followed.append(_followed(lesson))
                    break
        models.append(model)
    return draft.model_copy(update={"models": tuple(models), "followed": tuple(followed)})


def follow_in_tests(suite: TestSuite, spec: RequirementSpec, evidence: Evidence) -> TestSuite:
    """The suite without the tests that reviewers took out, and softer where they made it so. What
    proves the grain and the totals stays."""
    followed, dropped = list(suite.followed), list(suite.dropped)
    kept: list[GenericTest] = []
    for test in suite.generic:
        lesson, change = next(
            (
                (x, c)
                for x, c in _about(evidence, TestChanged)
                if (c.column.lower(), c.test) == (test.column.lower(), test.test)
                and test.test in _DROPPABLE
                and _is_in_scope(x, _counted(spec))
            ),
            (None, None),
        )
        if lesson is None or change is None:
            kept.append(test)
            continue
        if _followed(lesson) not in followed:
            followed.append(_followed(lesson))
        if change.change == "warn":
            kept.append(test.model_copy(update={"severity": "warn"}))
        else:
            told = f"{test.test} on {test.model}.{test.column}: {lesson.sentence}"
            if told not in dropped:
                dropped.append(told)
    news = {"generic": tuple(kept), "dropped": tuple(dropped), "followed": tuple(followed)}
    return suite.model_copy(update=news)


def follow_in_docs(docs: DocSet, spec: RequirementSpec, evidence: Evidence) -> DocSet:
    """The docs in the words that reviewers chose for columns of the same name."""
    followed = list(docs.followed)
    words = {
        c.column.lower(): (x, c)
        for x, c in _about(evidence, Worded)
        if _is_in_scope(x, _counted(spec))
    }

    def worded(column: ColumnDoc) -> ColumnDoc:
        lesson, correction = words.get(column.name.lower(), (None, None))
        if lesson is None or correction is None or correction.description == column.description:
            return column
        if column.grounding.source == "glossary":
            return column  # agreed words outrank one reviewer's
        followed.append(_followed(lesson))
        grounding = column.grounding.model_copy(
            update={"source": "precedent", "text": lesson.learned_from}
        )
        return column.model_copy(
            update={"description": correction.description, "grounding": grounding}
        )

    models = [m.model_copy(update={"columns": tuple(map(worded, m.columns))}) for m in docs.models]
    return docs.model_copy(update={"models": tuple(models), "followed": tuple(followed)})


# --- the specification -----------------------------------------------------------------------


def _measured(
    spec: RequirementSpec, lesson: Lesson, change: MeasureChanged, evidence: Evidence
) -> RequirementSpec:
    """A metric computed the way a reviewer had it, where it is the same one over the same rows."""
    wanted, was = set(stems(change.label)) - _PERIODS, _sql(change.was, evidence)

    def changed(measure: Measure, metric: Metric) -> Measure:
        same = measure.relation == change.relation and _sql(measure.expression, evidence) == was
        if not same or wanted != set(stems(metric.label)) - _PERIODS:
            return measure
        return measure.model_copy(
            update={"aggregation": change.aggregation, "expression": change.expression}
        )

    metrics = []
    for metric in spec.metrics:
        measures = tuple(changed(m, metric) for m in metric.measures)
        if measures != metric.measures and metric.grounding.source == "glossary":
            spec = _noted(spec, lesson, f"the glossary defines “{metric.label}”")
        elif measures != metric.measures:
            outranked = metric.grounding.source == "precedent"
            grounding = metric.grounding.model_copy(
                update={"source": "precedent", "text": f"{lesson.learned_from}: {lesson.sentence}"}
            )
            metric = metric.model_copy(
                update={"measures": measures, "definition": "", "grounding": grounding}
            )
            spec = _with(spec, lesson, outranks="an earlier definition" if outranked else "")
        metrics.append(metric)
    return spec.model_copy(update={"metrics": tuple(metrics)})


def _without_rows(
    spec: RequirementSpec,
    lesson: Lesson,
    change: RowsLeftOut,
    said: set[str],
    evidence: Evidence,
) -> RequirementSpec:
    """The condition on every measure over the relation, unless the request speaks of it itself."""
    card = evidence.relation(change.relation)
    columns = _columns(change.condition, evidence)
    if card is None or not columns or any(card.column(c) is None for c in columns):
        return spec
    measures = [m for metric in spec.metrics for m in metric.measures]
    if all(m.relation != change.relation for m in measures):
        return spec
    conditions = [f.condition for f in spec.filters] + [f for m in measures for f in m.filters]
    own = {c for condition in conditions for c in _columns(condition, evidence)}
    own |= {d.column for d in spec.dimensions if d.relation == change.relation}
    named = {c for c in columns if _telling(c, change.relation) & said}
    spoken = (
        named | (columns & own) | (columns if _values(change.condition, evidence) & said else set())
    )
    if spoken:
        told = ", ".join(f"`{c}`" for c in sorted(spoken))
        return _noted(spec, lesson, f"the request itself speaks of {told}")
    if any(is_temporal(column) for c in columns if (column := card.column(c))):
        return spec  # a cut of dates belongs to one report

    def left_out(measure: Measure) -> Measure:
        there = {_sql(f, evidence) for f in measure.filters}
        if measure.relation != change.relation or _sql(change.condition, evidence) in there:
            return measure
        return measure.model_copy(update={"filters": (*measure.filters, change.condition)})

    metrics = []
    for metric in spec.metrics:
        kept = tuple(map(left_out, metric.measures))
        if kept != metric.measures and metric.grounding.source == "glossary":
            spec = _noted(spec, lesson, f"the glossary defines “{metric.label}”")
            kept = metric.measures
        metrics.append(metric.model_copy(update={"measures": kept}))
    if tuple(metrics) == spec.metrics:
        return spec
    return _with(spec.model_copy(update={"metrics": tuple(metrics)}), lesson)


def _named(
    spec: RequirementSpec, lesson: Lesson, change: ColumnNamed, said: set[str]
) -> RequirementSpec:
    if not _is_in_scope(lesson, _counted(spec)):
        return spec
    taken = {m.name for m in spec.metrics} | {d.name for d in spec.dimensions}
    taken |= {spec.time.column} if spec.time else set()
    if change.was not in taken or change.name in taken:
        return spec
    if set(stems(change.was)) <= said and f"`{change.was}`" in spec.question:
        return spec  # the request gives the name itself

    def other(name: str) -> str:
        return change.name if name == change.was else name

    time = spec.time and spec.time.model_copy(update={"column": other(spec.time.column)})
    renamed = spec.model_copy(
        update={
            "metrics": tuple(called(m, other(m.name)) for m in spec.metrics),
            "dimensions": tuple(
                d.model_copy(update={"name": other(d.name)}) for d in spec.dimensions
            ),
            "time": time,
            "row_grain": tuple(map(other, spec.row_grain)),
        }
    )
    return _with(renamed, lesson)


def called(metric: Metric, name: str) -> Metric:
    """The metric under another name; its only measure goes by the metric's name."""
    if len(metric.measures) != 1 or metric.formula != metric.measures[0].name != name:
        return metric.model_copy(update={"name": name})
    measures = (metric.measures[0].model_copy(update={"name": name}),)
    return metric.model_copy(update={"name": name, "formula": name, "measures": measures})


def _model_named(
    spec: RequirementSpec, lesson: Lesson, change: ModelNamed, evidence: Evidence
) -> RequirementSpec:
    layer = {"new_model": "mart", "stage_source": "staging"}.get(spec.kind)
    name = spec.model
    usual = re.fullmatch(r"([a-z]{1,5}_)?", change.prefix) and re.fullmatch(
        r"(_[a-z]{1,5})?", change.suffix
    )
    if layer != change.layer or not name or not usual:
        return spec  # what is more than a sign of the layer belongs to one model
    if not name.startswith(change.prefix):
        name = change.prefix + name
    if not name.endswith(change.suffix):
        name += change.suffix
    if name == spec.model or name in evidence.model_names:
        return spec
    return _with(spec.model_copy(update={"model": name}), lesson)


# --- what they share -------------------------------------------------------------------------


def _about(evidence: Evidence, kind: type[C]) -> Iterator[tuple[Lesson, C]]:
    """The active lessons with a correction of a kind, the most trusted first."""
    for lesson in evidence.remembered.lessons:
        if lesson.state == "active" and isinstance(lesson.correction, kind):
            yield lesson, lesson.correction


def _followed(lesson: Lesson, outranks: str = "") -> Followed:
    text = lesson.sentence + (f" It outranks {outranks}." if outranks else "")
    return Followed(id=lesson.id, text=text, provenance=lesson.learned_from)


def _with(spec: RequirementSpec, lesson: Lesson, outranks: str = "") -> RequirementSpec:
    if any(f.id == lesson.id for f in spec.followed):
        return spec
    return spec.model_copy(update={"followed": (*spec.followed, _followed(lesson, outranks))})


def _applies(made: Materialized, model: DraftModel) -> bool:
    folder = str(PurePosixPath(model.path).parent)
    usable = made.materialization in {"table", "view"}  # others need more than a name
    other = made.materialization != model.materialization
    return usable and other and folder == made.folder.rstrip("/")


def _counted(spec: RequirementSpec) -> set[str]:
    """The relations whose rows a specification counts."""
    return {m.relation for metric in spec.metrics for m in metric.measures}


def _is_in_scope(lesson: Lesson, counted: set[str]) -> bool:
    return not lesson.scope or bool(set(lesson.scope) & counted)


def _noted(spec: RequirementSpec, lesson: Lesson, why: str) -> RequirementSpec:
    """The specification with a note that a lesson gives way."""
    note = f"Not followed, as {why}: {lesson.sentence} ({lesson.learned_from})"
    return spec.model_copy(update={"notes": (*spec.notes, note)})


def _telling(column: str, relation: str) -> set[str]:
    """Stems of a column's name that say what it is about: `is_test` is about tests."""
    plain = set(stems("is has was flag at on date status state type kind"))
    own = set(stems(column)) - set(stems(entity_of(relation)))
    return own - plain or own


def _values(condition: str, evidence: Evidence) -> set[str]:
    """Stems of the texts that a condition compares with."""
    tree = _parsed(condition, evidence)
    texts = [x.this for x in tree.find_all(exp.Literal) if x.is_string] if tree else []
    return {s for text in texts for s in stems(text)}


def _columns(condition: str, evidence: Evidence) -> set[str]:
    tree = _parsed(condition, evidence)
    return {c.name for c in tree.find_all(exp.Column) if key_of(c)} if tree else set()


def _sql(text: str, evidence: Evidence) -> str:
    """An expression in one way of writing it, so that equal ones are equal."""
    tree = _parsed(text, evidence)
    return tree.sql(dialect=evidence.dialect, normalize=True).lower() if tree else text


def _parsed(text: str, evidence: Evidence) -> exp.Expr | None:
    try:
        return sqlglot.parse_one(text, read=evidence.dialect)
    except SqlglotError:
        return None
