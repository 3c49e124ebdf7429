"""Proposes tests from evidence: keys, values, references and totals that the data bears out."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from crew.artifacts import (
    ColumnCard,
    Dimension,
    DraftModel,
    Evidence,
    GenericTest,
    ModelDraft,
    RelationCard,
    RequirementSpec,
    SingularTest,
    StagedColumn,
    TestSuite,
    UnitTest,
)
from crew.drafting.figure_tests import bare, figure_tests
from crew.drafting.habit_tests import MAX_VALUES, NewColumn, habit_tests
from crew.drafting.history_tests import history_tests
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.sql_layout import ref_sql
from crew.drafting.unit_test_writer import request_unit_test, write_unit_test
from crew.drafting.vocabulary import stem_set, stems
from crew.verification.related_relations import with_related
from crew.verification.source_totals import SourceTotals

_STATES = {
    s for w in ("status", "state", "type", "kind", "level", "priority", "tier") for s in stems(w)
}


def suggest_tests(spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> TestSuite:
    """Tests for the models of a draft, or those that the request itself asks for."""
    planner = JoinPlanner(evidence)
    generic: list[GenericTest] = _wanted(spec, evidence)
    singular: list[SingularTest] = []
    unit: list[UnitTest] = []
    dropped: list[str] = []
    for model in draft.models:
        if spec.kind == "stage_source":
            generic += _staging_tests(spec, model, evidence)
            together = _unique_together(spec, model, evidence)
            generic += together[0]
            singular += together[1]
            generic += habit_tests(
                evidence.habits, spec.target.split(".")[0], model.name, _staged(spec, evidence)
            )
        elif spec.history:
            of_periods = history_tests(spec, model, evidence)
            together = _unique_together(spec, model, evidence)
            generic += [*of_periods[0], *together[0]]
            singular += [*of_periods[1], *together[1]]
        elif spec.extends:
            generic += _counts_are_there(spec, model)
            singular += _totals_test(spec, model, evidence, planner)
        elif spec.kind == "change_model":
            generic += _change_tests(spec, model, evidence)
        else:
            generic += _mart_tests(spec, model, evidence, planner)
            generic += habit_tests(
                evidence.habits, "", model.name, _dimensions(spec, model, evidence)
            )
            together = _unique_together(spec, model, evidence)
            generic += together[0]
            singular += together[1]
            singular += _totals_test(spec, model, evidence, planner)
            of_figures = figure_tests(spec, model, evidence)
            generic += of_figures[0]
            singular += of_figures[1]
            if spec.given:
                unit.append(request_unit_test(spec, model, evidence))
            test = write_unit_test(spec, model, evidence)
            if isinstance(test, UnitTest):
                unit.append(test)
            else:
                dropped.append(f"No unit test of {model.name}: {test}.")
    return TestSuite(
        generic=_once(generic),
        singular=tuple(singular),
        unit=tuple(unit),
        freshness=spec.freshness,
        dropped=tuple(dropped),
    )


def _once(tests: list[GenericTest]) -> tuple[GenericTest, ...]:
    """The first of the tests of one name on a column."""
    first: dict[tuple[str, str, str], GenericTest] = {}
    for test in tests:
        first.setdefault((test.model, test.column, test.test), test)
    return tuple(first.values())


def _wanted(spec: RequirementSpec, evidence: Evidence) -> list[GenericTest]:
    found = []
    card = evidence.relation(spec.target)
    for wanted in spec.wanted_tests:
        column = card.column(wanted.column) if card else None
        arguments = (
            {"values": list(column.values)} if wanted.test == "accepted_values" and column else {}
        )
        found.append(
            GenericTest(
                model=spec.target,
                column=wanted.column,
                test=wanted.test,
                arguments=arguments,
                reason="asked for in the request",
            )
        )
    return found


# --- marts -----------------------------------------------------------------------------------


def _mart_tests(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence, planner: JoinPlanner
) -> list[GenericTest]:
    found = []
    if spec.time:
        found.append(
            GenericTest(
                model=model.name,
                column=spec.time.column,
                test="not_null",
                reason="part of the row's grain",
            )
        )
    for dimension in spec.dimensions:
        card = evidence.relation(dimension.relation)
        column = card.column(dimension.column) if card else None
        ranges = _labels(dimension, evidence.dialect)
        complete = not any(
            _loses(evidence, e.left, e.left_column, e.match_share) for e in model.joins
        )
        if column and not column.nulls and complete and not ranges:
            found.append(
                GenericTest(
                    model=model.name,
                    column=dimension.name,
                    test="not_null",
                    reason="part of the row's grain",
                )
            )
        if ranges:
            found.append(
                GenericTest(
                    model=model.name,
                    column=dimension.name,
                    test="accepted_values",
                    arguments={"values": list(ranges)},
                    reason="the ranges asked for",
                )
            )
        if (
            column
            and not dimension.expression
            and not column.is_personal
            and _is_state(column.name)
            and 1 < len(column.values) <= MAX_VALUES
            and len(column.values) == column.distinct
        ):
            found.append(
                GenericTest(
                    model=model.name,
                    column=dimension.name,
                    test="accepted_values",
                    arguments={"values": sorted(column.values)},
                    reason=f"the values of {dimension.relation}.{dimension.column} today",
                )
            )
    if len(spec.row_grain) == 1:
        found.append(
            GenericTest(
                model=model.name,
                column=spec.row_grain[0],
                test="unique",
                reason="one row per " + spec.row_grain[0],
            )
        )
    return found + _counts_are_there(spec, model)


def _labels(dimension: Dimension, dialect: str) -> tuple[str, ...]:
    """The names of the ranges that a dimension puts its values into; none where it does not."""
    if not dimension.expression:
        return ()
    tree = sqlglot.parse_one(dimension.expression, read=dialect)
    if not isinstance(tree, exp.Case):
        return ()
    return tuple(branch.args["true"].name for branch in tree.args["ifs"])


def _counts_are_there(spec: RequirementSpec, model: DraftModel) -> list[GenericTest]:
    counts = [
        m
        for m in spec.metrics
        if m.formula == m.measures[0].name
        and m.measures[0].aggregation in {"count", "count_distinct"}
    ]
    return [
        GenericTest(
            model=model.name, column=m.name, test="not_null", reason="a count is never empty"
        )
        for m in counts
    ]


def _unique_together(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence
) -> tuple[list[GenericTest], list[SingularTest]]:
    """Uniqueness of rows that several columns tell apart: as the project tests it, else by SQL."""
    if len(spec.row_grain) < 2:
        return [], []
    reason = "one row per " + " and ".join(spec.row_grain)
    if evidence.conventions.unique_combination:
        test, argument = evidence.conventions.unique_combination
        arguments = {argument: list(spec.row_grain)}
        return [GenericTest(model=model.name, test=test, arguments=arguments, reason=reason)], []
    name = f"assert_{model.name}_is_unique"
    columns = ", ".join(bare(c) for c in spec.row_grain)
    sql = (
        f"-- One row per {' and '.join(spec.row_grain)}.\n"
        f"select {columns}, count(*) as row_count\nfrom {ref_sql(model.name)}\n"
        f"group by {columns}\nhaving count(*) > 1\n"
    )
    path = f"{evidence.conventions.tests_folder}/{name}.sql"
    return [], [SingularTest(name=name, path=path, sql=sql, reason=reason)]


def _totals_test(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence, planner: JoinPlanner
) -> list[SingularTest]:
    """A test that goes on comparing the model's totals with its sources after the merge."""
    if spec.look_back or spec.date_range or spec.top:
        return []
    marked = evidence.model_copy(
        update={
            "relations": tuple(
                c.model_copy(update={"relation_name": f"ref_{n}"})
                for n, c in enumerate(evidence.relations)
            )
        }
    )
    known = {c.key for c in evidence.relations} - {r.key for r in spec.related}
    own = tuple(c for c in marked.relations if c.key in known)
    related = with_related(marked.model_copy(update={"relations": own}), spec.related)
    totals = SourceTotals(related, planner)
    filters = [f.condition for f in spec.filters]
    parts = []
    figures = {
        (metric.name if metric.formula == m.name else m.name): m
        for metric in spec.metrics
        for m in metric.measures
    }
    for column, measure in figures.items():
        if (
            measure.is_stock
            or measure.aggregation not in {"count", "sum"}
            or column not in model.columns
        ):
            continue
        span = "{moment} is not null" if spec.time else ""
        try:
            sql = totals.overall(measure, filters, span)
        except (NoJoin, AmbiguousJoin):
            return []
        parts.append(_comparison(column, sql, model.name, marked))
    if not parts:
        return []
    added = f"_{spec.metrics[0].name}" if spec.extends else ""  # the model may have such a test
    name = f"assert_{model.name}{added}_matches_its_sources"
    text = (
        "-- Totals of the model against those of its sources; a row is a difference.\n"
        + "\nunion all\n".join(parts)
        + "\n"
    )
    return [
        SingularTest(
            name=name,
            path=f"{evidence.conventions.tests_folder}/{name}.sql",
            sql=text,
            reason="no row is lost or counted twice on the way",
        )
    ]


def _comparison(column: str, source_sql: str, model: str, marked: Evidence) -> str:
    text = re.sub(
        r"\bref_(\d+)\b", lambda m: ref_sql(marked.relations[int(m.group(1))].key), source_sql
    )
    return (
        f"select '{column}' as figure, expected.value as in_sources, actual.value as in_model\n"
        f"from ({text}) as expected\n"
        f"cross join (select sum({bare(column)}) as value from {ref_sql(model)}) as actual\n"
        "where abs(coalesce(expected.value, 0) - coalesce(actual.value, 0)) > 0.005"
    )


def _dimensions(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> list[NewColumn]:
    """The columns of a mart of which the data behind them is known."""
    lossy = any(_loses(evidence, e.left, e.left_column, e.match_share) for e in model.joins)
    found = []
    for dimension in spec.dimensions:
        relation = evidence.relation(dimension.relation)
        card = relation.column(dimension.column) if relation else None
        if card and not dimension.expression:
            is_key = spec.row_grain == (dimension.name,)
            values = card.values if card.distinct == len(card.values) else ()
            found.append(
                NewColumn(
                    dimension.name, card, values, is_key, may_be_null=lossy, repeats=not is_key
                )
            )
    return found


def _loses(evidence: Evidence, left: str, column: str, match_share: float | None) -> bool:
    card = evidence.relation(left)
    found = card.column(column) if card else None
    return match_share != 1.0 or found is None or bool(found.nulls)


def _is_state(name: str) -> bool:
    return bool(set(stems(name)) & stem_set("states")) and not set(stems(name)) & stem_set(
        "personal"
    )


# --- staging and changes ---------------------------------------------------------------------


def _staging_tests(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence
) -> list[GenericTest]:
    staging = spec.staging
    source = evidence.relation(spec.target)
    assert staging is not None and source is not None
    found = []
    if staging.key:
        for test in ("unique", "not_null"):
            found.append(
                GenericTest(
                    model=model.name, column=staging.key, test=test, reason="the key of the table"
                )
            )
    for column in staging.columns:
        card = column.behind(source)
        if card is None or column.name == staging.key:
            continue
        if not column.path:
            found += _reference(model.name, column.name, column.source, source, evidence)
        values = _all_values(column, card)
        if _is_state(column.name) and 1 < len(values) <= MAX_VALUES:
            found.append(
                GenericTest(
                    model=model.name,
                    column=column.name,
                    test="accepted_values",
                    arguments={"values": list(values)},
                    reason="the values today",
                )
            )
    return found


def is_in_words(column: StagedColumn) -> bool:
    """Whether a staged column says codes in words, so that the source's values are not its own."""
    return column.expression.lower().startswith("case ")


def _all_values(column: StagedColumn, card: ColumnCard) -> tuple[str, ...]:
    """The values that a staged column has today; none where they are not all known, or personal."""
    if card.is_personal or card.distinct != len(card.values) or is_in_words(column):
        return ()
    lowered = "lower(" in column.expression
    return tuple(sorted({v.strip().lower() if lowered else v.strip() for v in card.values}))


def _staged(spec: RequirementSpec, evidence: Evidence) -> list[NewColumn]:
    """The columns of a staging model with what is known of the source's."""
    staging, source = spec.staging, evidence.relation(spec.target)
    assert staging is not None and source is not None
    found = []
    for column in staging.columns:
        if card := column.behind(source):
            as_it_is = column.expression.strip('"').lower() == column.source.lower()
            found.append(
                NewColumn(
                    column.name,
                    card,
                    values=_all_values(column, card),
                    is_own_key=column.name == staging.key,
                    is_changed=not as_it_is,
                )
            )
    return found


def _reference(
    model: str, name: str, column: str, source: RelationCard, evidence: Evidence
) -> list[GenericTest]:
    for edge in evidence.joins:
        right = evidence.relation(edge.right)
        if (
            edge.left != source.key
            or edge.left_column != column
            or right is None
            or right.layer != "staging"
        ):
            continue
        if edge.match_share is not None and edge.match_share < 1.0:
            continue
        arguments = {"to": f"ref('{edge.right}')", "field": edge.right_column}
        return [
            GenericTest(
                model=model,
                column=name,
                test="relationships",
                arguments=arguments,
                reason=f"points at {edge.right}",
            )
        ]
    return []


def _change_tests(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence
) -> list[GenericTest]:
    found = []
    for dimension in spec.dimensions:
        card = evidence.relation(dimension.relation)
        column = card.column(dimension.column) if card else None
        complete = not any(
            _loses(evidence, e.left, e.left_column, e.match_share) for e in model.joins
        )
        if column and column.nulls == 0 and complete:
            found.append(
                GenericTest(
                    model=model.name,
                    column=dimension.name,
                    test="not_null",
                    reason="every row has one today",
                )
            )
    for metric in spec.metrics:
        if metric.measures[0].aggregation in {"count", "count_distinct", "sum"}:
            found.append(
                GenericTest(
                    model=model.name,
                    column=metric.name,
                    test="not_null",
                    reason="zero where there is none",
                )
            )
    return found
