"""Tests of what a result's figures must obey: rates, shares, running totals, top rows, spines.

Proposed only where the rule follows from the specification, or from it and today's data.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from crew.artifacts import (
    Derived,
    DraftModel,
    Evidence,
    GenericTest,
    Measure,
    Metric,
    RequirementSpec,
    SingularTest,
)
from crew.drafting.period_sql import period_of
from crew.drafting.scope import key_of, needs_quotes
from crew.drafting.sql_layout import ref_sql

RANGE_TESTS = {
    "dbt_utils.accepted_range",
    "dbt_expectations.expect_column_values_to_be_between",
}
_COUNTS = {"count", "count_distinct"}


def figure_tests(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence
) -> tuple[list[GenericTest], list[SingularTest]]:
    """Generic and singular tests of a new aggregate model."""
    generic: list[GenericTest] = []
    singular = [
        *_shares(spec, model, evidence),
        *_running(spec, model, evidence),
        *_top(spec, model),
    ]
    ranged = next((h.test for h in evidence.habits if h.test in RANGE_TESTS), "")
    for metric in spec.metrics:
        if not is_part_of_whole(metric) or metric.name not in model.columns:
            continue
        reason = "a part is never more than the whole"
        if ranged:
            arguments = {"min_value": 0, "max_value": 1}
            generic.append(
                GenericTest(model=model.name, column=metric.name, test=ranged, arguments=arguments,
                            reason=reason)
            )  # fmt: skip
        else:
            column = bare(metric.name)
            body = f"select * from {ref_sql(model.name)}\nwhere {column} < 0 or {column} > 1"
            name = f"{metric.name}_is_a_fraction"
            singular.append((name, f"{metric.name} is between 0 and 1", body, reason))
    if spec.spine and not spec.top:
        generic += _spine_generic(spec, model, evidence)
        singular += _spine_rows(spec, model, evidence)
    folder = evidence.conventions.tests_folder
    return generic, [_written(model, folder, *parts) for parts in singular]


def is_part_of_whole(metric: Metric) -> bool:
    """Whether a metric is one count by another one of the same rows, with more conditions."""
    tree = sqlglot.parse_one(metric.formula, read="duckdb").unnest()
    if not isinstance(tree, exp.Div):
        return False
    by_name = {m.name: m for m in metric.measures}
    part, whole = (by_name.get(side.unnest().name) for side in (tree.this, tree.expression))
    if part is None or whole is None or part.aggregation not in _COUNTS:
        return False
    told = {"name", "filters"}
    same = part.model_dump(exclude=told) == whole.model_dump(exclude=told)
    return same and set(part.filters) >= set(whole.filters)


def bare(column: str) -> str:
    """A column in SQL, quoted only where it must be."""
    return f'"{column}"' if needs_quotes(column) else column


_Parts = tuple[str, str, str, str]


def _written(
    model: DraftModel, folder: str, name: str, head: str, sql: str, why: str
) -> SingularTest:
    name = f"assert_{model.name}_{name}"
    return SingularTest(
        name=name, path=f"{folder}/{name}.sql", sql=f"-- {head}; a row is a failure.\n{sql}\n",
        reason=why,
    )  # fmt: skip


def _period(spec: RequirementSpec) -> list[str]:
    return [bare(spec.time.column)] if spec.time else []


def _shares(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> Iterator[_Parts]:
    """Shares of a total add up to one; where only the top rows are kept, to no more."""
    for derived in _columns(spec, model, "share"):
        when = _period(spec)
        if derived.reset and spec.time:
            longer = period_of(exp.column(spec.time.column), derived.reset, spec.calendar)
            when = [longer.sql(dialect=evidence.dialect, normalize_functions="lower")]
        group = ", ".join([*when, *map(bare, derived.within)])
        total = f"sum({bare(derived.name)})"
        wrong = f"{total} > 1.0001" if spec.top else f"abs({total} - 1) > 0.0001"
        begin = f"select {group}, " if group else "select "
        by = f"\ngroup by {group}" if group else ""
        sql = f"{begin}{total} as total\nfrom {ref_sql(model.name)}{by}\nhaving {wrong}"
        yield f"{derived.name}_adds_up", f"{derived.name} adds up to 1", sql, "shares of one total"


def _running(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> Iterator[_Parts]:
    for derived in _columns(spec, model, "running_total"):
        if not _never_negative(spec, derived.of, evidence) or spec.time is None or spec.top:
            continue
        column, period = bare(derived.name), bare(spec.time.column)
        keys = [bare(d.name) for d in spec.dimensions]
        if derived.reset:
            anew = period_of(exp.column(spec.time.column), derived.reset, spec.calendar)
            keys.append(anew.sql(dialect=evidence.dialect, normalize_functions="lower"))
        each = ", ".join(keys)
        by = f"partition by {each} order by {period}" if each else f"order by {period}"
        sql = (
            f"select * from (\n    select *, lag({column}) over ({by}) as before\n"
            f"    from {ref_sql(model.name)}\n) as numbered\nwhere {column} < before"
        )
        why = "what is added is never negative"
        yield f"{derived.name}_never_falls", f"{derived.name} never falls", sql, why


def _top(spec: RequirementSpec, model: DraftModel) -> Iterator[_Parts]:
    top = spec.top
    if top is None or top.by not in model.columns:
        return
    group = ", ".join([*_period(spec), *map(bare, top.within)])
    by = f"partition by {group} " if group else ""
    way = "asc" if top.lowest else "desc"
    sql = (
        f"select * from (\n    select *, rank() over ({by}order by {bare(top.by)} {way} nulls last)"
        f" as place\n    from {ref_sql(model.name)}\n) as ranked\nwhere place > {top.count}"
    )
    yield "has_top_rows_only", f"No more than {top.count} rows, but for ties", sql, "as asked for"


def _spine_generic(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence
) -> Iterator[GenericTest]:
    """The key is there, once a row, and leads to the spine."""
    key = spec.dimensions[0]
    for test in ("unique", "not_null"):
        yield GenericTest(
            model=model.name, column=key.name, test=test, reason=f"one row per row of {spec.spine}"
        )
    related = {r.key for r in spec.related}
    if key.relation == spec.spine and not key.expression and spec.spine not in related:
        to = ref_sql(spec.spine).strip("{} ")
        yield GenericTest(
            model=model.name, column=key.name, test="relationships",
            arguments={"to": to, "field": key.column}, reason=f"each is a row of {spec.spine}",
        )  # fmt: skip
    if _has_dbt_utils(evidence) and not spec.spine_filters and spec.spine not in related:
        yield GenericTest(
            model=model.name, test="dbt_utils.equal_rowcount",
            arguments={"compare_model": ref_sql(spec.spine).strip("{} ")},
            reason=f"as many rows as {spec.spine}",
        )  # fmt: skip


def _spine_rows(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> Iterator[_Parts]:
    if (
        _has_dbt_utils(evidence)
        or spec.spine_filters
        or spec.spine in {r.key for r in spec.related}
    ):
        return
    sql = (
        f"select expected.value as in_{spec.spine.replace('.', '_')}, actual.value as in_model\n"
        f"from (select count(*) as value from {ref_sql(spec.spine)}) as expected\n"
        f"cross join (select count(*) as value from {ref_sql(model.name)}) as actual\n"
        "where expected.value <> actual.value"
    )
    name, head = f"has_every_row_of_{spec.spine.replace('.', '_')}", f"As many rows as {spec.spine}"
    yield name, head, sql, f"one row per row of {spec.spine}"


def _has_dbt_utils(evidence: Evidence) -> bool:
    combination = evidence.conventions.unique_combination
    own = [h.test for h in evidence.habits] + ([combination[0]] if combination else [])
    return any(test.startswith("dbt_utils.") for test in own)


def _columns(spec: RequirementSpec, model: DraftModel, kind: str) -> list[Derived]:
    return [d for d in spec.derived if d.kind == kind and d.name in model.columns]


def _never_negative(spec: RequirementSpec, name: str, evidence: Evidence) -> bool:
    metric = next((m for m in spec.metrics if m.name == name), None)
    if metric is None or metric.formula.strip() != metric.measures[0].name:
        return False
    measure = metric.measures[0]
    return measure.aggregation in _COUNTS or (
        measure.aggregation == "sum" and _smallest(measure, evidence) >= 0
    )


def _smallest(measure: Measure, evidence: Evidence) -> float:
    """The smallest value of a plain column today; below every number where it is not known."""
    tree = sqlglot.parse_one(measure.expression, read=evidence.dialect)
    card = evidence.relation(key_of(tree)) if isinstance(tree, exp.Column) else None
    column = card.column(tree.name) if card else None
    try:
        return float(column.minimum or "") if column else float("-inf")
    except ValueError:
        return float("-inf")
