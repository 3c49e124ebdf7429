"""Tests that are proposed for what a result's figures must obey, run on right and wrong rows."""

from __future__ import annotations

import re

import duckdb
import pytest

from crew.artifacts import (
    ColumnCard,
    Derived,
    DerivedKind,
    Dimension,
    DraftModel,
    Evidence,
    Grounding,
    Measure,
    Metric,
    RelationCard,
    RequirementSpec,
    TestHabit,
    TimeAxis,
    Top,
)
from crew.drafting.figure_tests import figure_tests

SAID = Grounding(source="ticket", text="as said")
MODEL = DraftModel(name="m", path="m.sql", sql="", columns=("month", "plan", "n", "rate", "x"))


def count(name: str, *filters: str) -> Measure:
    return Measure(name=name, relation="invoices", aggregation="count", expression="*",
                   filters=filters)  # fmt: skip


N = Metric(name="n", label="n", formula="n", measures=(count("n"),), grounding=SAID)
RATE = Metric(name="rate", label="rate", formula="paid / n", grounding=SAID,
              measures=(count("paid", "invoices.is_paid"), count("n")))  # fmt: skip
SPEC = RequirementSpec(
    kind="new_model", model="m", question="", metrics=(N, RATE),
    dimensions=(Dimension(name="plan", relation="invoices", column="plan", grounding=SAID),),
    time=TimeAxis(grain="month", column="month", grounding=SAID),
)  # fmt: skip
EVIDENCE = Evidence(project="p", dialect="duckdb")


def derived(kind: DerivedKind) -> Derived:
    return Derived(name="x", label="x", kind=kind, of="n", grounding=SAID)


def failures(spec: RequirementSpec, name: str, rows: str) -> int:
    """How many rows the singular test whose name holds `name` finds over these rows."""
    _, singular = figure_tests(spec, MODEL, EVIDENCE)
    (test,) = [t for t in singular if name in t.name]
    sql = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", test.sql)
    with duckdb.connect() as database:
        database.execute(
            f"create table m as select * from (values {rows}) as v(month, plan, n, rate, x)"
        )
        return len(database.execute(sql).fetchall())


@pytest.mark.parametrize(
    ("kind", "name", "good", "bad"),
    [
        ("share", "adds_up", "(1, 'a', 3, 0.5, 0.75), (1, 'b', 1, 1, 0.25)",
         "(1, 'a', 3, 0.5, 0.75), (1, 'b', 1, 1, 0.5)"),
        ("running_total", "never_falls", "(1, 'a', 3, 0.5, 3), (2, 'a', 1, 1, 4)",
         "(1, 'a', 3, 0.5, 3), (2, 'a', 1, 1, 1)"),
        ("rank", "is_a_fraction", "(1, 'a', 3, 0.5, 1)", "(1, 'a', 3, 1.5, 1)"),
    ],
)  # fmt: skip
def test_wrong_figures_are_found_and_right_ones_pass(
    kind: DerivedKind, name: str, good: str, bad: str
) -> None:
    spec = SPEC.model_copy(update={"derived": (derived(kind),)})
    assert failures(spec, name, good) == 0
    assert failures(spec, name, bad) > 0


def test_ties_may_be_more_than_the_top_rows() -> None:
    spec = SPEC.model_copy(update={"top": Top(count=1, by="n", grounding=SAID)})
    assert failures(spec, "top_rows", "(1, 'a', 3, 1, 1), (1, 'b', 3, 1, 1)") == 0
    assert failures(spec, "top_rows", "(1, 'a', 3, 1, 1), (1, 'b', 2, 1, 1)") == 1


def test_a_total_that_may_fall_gets_no_such_test() -> None:
    amount = Measure(name="n", relation="invoices", aggregation="sum", expression="invoices.amount")
    metric = N.model_copy(update={"measures": (amount,)})
    spec = SPEC.model_copy(update={"metrics": (metric,), "derived": (derived("running_total"),)})
    for minimum, expected in (("-5", 0), ("0", 1), (None, 0)):
        column = ColumnCard(name="amount", minimum=minimum)
        card = RelationCard(key="invoices", unique_id="model.p.invoices", kind="model",
                            layer="staging", relation_name="invoices", columns=(column,))  # fmt: skip
        evidence = EVIDENCE.model_copy(update={"relations": (card,)})
        assert len(figure_tests(spec, MODEL, evidence)[1]) == expected


def test_a_quotient_of_other_rows_is_no_fraction() -> None:
    other = RATE.model_copy(update={"measures": (count("paid", "x"), count("n", "y"))})
    assert not figure_tests(SPEC.model_copy(update={"metrics": (other,)}), MODEL, EVIDENCE)[1]


def test_the_projects_own_range_test_is_used() -> None:
    habit = TestHabit(
        source="", column_kind="rate", test="dbt_utils.accepted_range", with_test=3, seen=3
    )
    generic, singular = figure_tests(SPEC, MODEL, EVIDENCE.model_copy(update={"habits": (habit,)}))
    assert [(t.test, t.column, t.arguments["max_value"]) for t in generic] == [
        ("dbt_utils.accepted_range", "rate", 1)
    ]
    assert not singular


def test_every_row_of_a_spine_is_asked_for() -> None:
    key = Dimension(name="plan", relation="plans", column="plan_id", grounding=SAID)
    spec = SPEC.model_copy(update={"spine": "plans", "dimensions": (key,), "time": None})
    generic, singular = figure_tests(spec, MODEL, EVIDENCE)
    assert [(t.column, t.test) for t in generic] == [
        ("plan", "unique"), ("plan", "not_null"), ("plan", "relationships")
    ]  # fmt: skip
    assert "has_every_row_of_plans" in [t.name for t in singular][-1]
