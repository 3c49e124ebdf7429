"""What computed columns are called in words."""

from __future__ import annotations

import pytest

from crew.artifacts import (
    Derived,
    DerivedKind,
    Dimension,
    DraftModel,
    Evidence,
    Grounding,
    Measure,
    Metric,
    ModelDraft,
    RequirementSpec,
    TimeAxis,
    Top,
)
from crew.drafting.column_words import (
    computed_words,
    derived_words,
    formula_words,
    measure_words,
    top_words,
)
from crew.drafting.doc_writer import write_docs
from crew.verification.documentation_checks import is_filler

SAID = Grounding(source="ticket", text="as said")
AMOUNT = Measure(
    name="revenue", relation="payments", aggregation="sum", expression="payments.amount",
    time="payments.paid_at",
)  # fmt: skip
SPEC = RequirementSpec(
    kind="new_model",
    model="revenue_per_month",
    question="revenue per month and country",
    metrics=(Metric(name="revenue", label="revenue", formula="revenue", measures=(AMOUNT,),
                    grounding=SAID),),
    dimensions=(Dimension(name="country", relation="payments", column="country", grounding=SAID),),
    time=TimeAxis(grain="month", column="paid_month", grounding=SAID),
    row_grain=("paid_month", "country"),
)  # fmt: skip


def derived(kind: DerivedKind, periods: int = 1, within: tuple[str, ...] = ()) -> Derived:
    return Derived(name=f"revenue_{kind}", label=kind, kind=kind, of="revenue", periods=periods,
                   within=within, grounding=SAID)  # fmt: skip


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (
            derived("running_total"),
            "Running total of `revenue` from the first month on, per `country`.",
        ),
        (
            derived("previous", 12),
            "`revenue` of the 12 months before, per `country`; empty where there is none.",
        ),
        (
            derived("share"),
            "`revenue` as a fraction of its total within the month: 0.1 is ten percent."
            " Empty where the total is zero.",
        ),
        (
            derived("rank", within=("country",)),
            "Rank by `revenue` within the month and its `country`: 1 is the highest, rows that tie"
            " share a rank.",
        ),
    ],
)
def test_a_column_over_rows_says_of_what_and_over_which_rows(column: Derived, words: str) -> None:
    assert derived_words(column, SPEC) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("extract(isodow from o.at)", "Weekday of `at` of `o`: 1 is Monday, 7 is Sunday."),
        ("cast(date_trunc('month', o.at) as date)", "First day of the month of `at` of `o`."),
        (
            "case when o.at < 50 then 'under 50' when o.at >= 50 then '50 and more' end",
            "Range of `at` of `o`, lower bound included: 'under 50', '50 and more'.",
        ),
        (
            "floor(o.at / 10) * 10",
            "Range of `at` of `o`: its lower bound, a multiple of 10, included in the range.",
        ),
    ],
)
def test_a_computed_dimension_says_what_its_values_are(expression: str, words: str) -> None:
    dimension = Dimension(
        name="x", relation="o", column="at", expression=expression, grounding=SAID
    )
    assert computed_words(dimension, "duckdb") == words


def test_a_percentile_says_which_and_the_last_value_by_what() -> None:
    slow = AMOUNT.model_copy(update={"aggregation": "percentile", "fraction": 0.92})
    assert measure_words(slow, SPEC).startswith("92nd percentile of `amount` in `payments`")
    last = AMOUNT.model_copy(update={"aggregation": "last", "order_by": "payments.paid_at"})
    assert "in the order of `paid_at`" in measure_words(last, SPEC)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("revenue / orders", "`revenue` divided by `orders`"),
        ("(a - b) / c", "(`a` minus `b`) divided by `c`"),
        ("a + b / c", "`a` plus (`b` divided by `c`)"),
        ("100.0 * a / b", "(100.0 times `a`) divided by `b`"),
    ],
)
def test_a_formula_is_read_aloud(formula: str, words: str) -> None:
    assert formula_words(formula) == words


def test_every_column_of_a_result_is_described_and_the_model_says_its_rows() -> None:
    kinds: list[DerivedKind] = [
        "running_total", "moving_average", "moving_sum", "previous", "change", "growth", "share",
        "rank", "of_first",
    ]  # fmt: skip
    spec = SPEC.model_copy(
        update={
            "derived": tuple(derived(k, 3) for k in kinds),
            "top": Top(count=5, by="revenue", within=("country",), grounding=SAID),
            "spine": "accounts",
        }
    )
    model = DraftModel(name=spec.model, path="x.sql", sql="")
    (doc,) = write_docs(
        spec, ModelDraft(models=(model,)), Evidence(project="p", dialect="duckdb")
    ).models
    assert [c.name for c in doc.columns] == [
        "paid_month", "country", "revenue", *(f"revenue_{k}" for k in kinds)
    ]  # fmt: skip
    assert not [c for c in doc.columns if is_filler(c.name, c.description)]
    assert "Each row of `accounts` is there" in doc.description
    assert top_words(spec.top, "month") in doc.description if spec.top else False
