"""Figures as people write them: what they become in the specification and in the SQL."""

from __future__ import annotations

import pytest
from test_interpreter import CLINICS, EDGE, VISITS, column, interpret, relation

from crew.artifacts import Evidence, Request, RequirementSpec
from crew.drafting.engine import DraftingEngine
from crew.drafting.figure_words import take_figures
from crew.drafting.figures import FigureWishes
from crew.drafting.interpreter import interpret as interpret_request
from crew.drafting.languages import in_english, language_of


def sql(spec: RequirementSpec) -> str:
    evidence = Evidence(project="p", dialect="duckdb", relations=(VISITS, CLINICS), joins=(EDGE,))
    return " ".join(DraftingEngine().model(spec, evidence).models[0].sql.split())


@pytest.mark.parametrize(
    ("title", "kind", "periods"),
    [
        ("running total of visits per month", "running_total", 1),
        ("cumulative number of visits per month", "running_total", 1),
        ("3-month moving average of visits per month", "moving_average", 3),
        ("number of visits per month compared to the previous month", "previous", 1),
        ("number of visits per month, year over year", "previous", 12),
        ("MoM growth of visits", "growth", 1),
    ],
)
def test_columns_along_time(title: str, kind: str, periods: int) -> None:
    spec = interpret(title)
    assert not spec.questions
    assert (kind, periods) in [(d.kind, d.periods) for d in spec.derived]
    assert spec.time and spec.time.grain == "month"


def test_a_moving_average_needs_every_period() -> None:
    spec = interpret("3-month moving average of visits per month")
    assert spec.fill_gaps
    assert "avg(visits) over (order by month rows between 2 preceding and current row)" in sql(spec)


def test_what_does_not_add_up_has_no_running_total() -> None:
    assert interpret("running total of the average fee per month").questions


@pytest.mark.parametrize(
    "title",
    ["share of total visits by city", "total fee by city as a percentage of the total"],
)
def test_a_share_is_a_fraction_of_all_rows(title: str) -> None:
    spec = interpret(title)
    assert [d.kind for d in spec.derived] == ["share"]
    assert any("fraction" in a.text for a in spec.assumptions)


@pytest.mark.parametrize(
    ("title", "count", "lowest"),
    [
        ("top 5 cities by number of visits", 5, False),
        ("the three cities with the most visits", 3, False),
        ("bottom 2 cities by total fee", 2, True),
    ],
)
def test_top_rows(title: str, count: int, lowest: bool) -> None:
    spec = interpret(title)
    assert not spec.questions
    assert spec.top and (spec.top.count, spec.top.lowest) == (count, lowest)
    assert "rank() over" in sql(spec)


def test_a_top_without_a_number_is_asked() -> None:
    assert interpret("top 5 cities").questions


@pytest.mark.parametrize(
    ("title", "formula"),
    [
        ("share of visits that were cancelled per month", "cancelled_visits / visits"),
        ("percentage of cancelled visits per month", "cancelled_visits / visits"),
        ("average number of visits per clinic", "visits / clinics"),
        ("total fee divided by number of visits per month", "(total_fee) / (visits)"),
    ],
)
def test_ratios(title: str, formula: str) -> None:
    spec = interpret(title)
    assert not spec.questions
    assert [m.formula for m in spec.metrics] == [formula]


@pytest.mark.parametrize(
    ("title", "condition"),
    [
        ("number of visits over 100 EUR per month", "stg_visits.fee > 100"),
        ("number of visits with a fee of at least 1,000 per month", "stg_visits.fee >= 1000"),
        ("number of visits with a fee between 10 and 20 per month",
         "stg_visits.fee >= 10 and stg_visits.fee <= 20"),
        ("number of visits where the city is not 'Vienna' per month",
         "(stg_clinics.city <> 'Vienna' or stg_clinics.city is null)"),
    ],
)  # fmt: skip
def test_comparisons_and_quoted_values(title: str, condition: str) -> None:
    spec = interpret(title)
    assert not spec.questions
    measures = [f for m in spec.metrics for x in m.measures for f in x.filters]
    assert [f.condition for f in spec.filters] + measures == [condition]


def test_several_values_of_a_column_are_any_of_them() -> None:
    spec = interpret("number of visits per month, only Vienna and Berlin")
    assert not spec.questions
    condition = spec.filters[0].condition
    assert "Vienna" in condition and "Berlin" in condition and " or " in condition


def test_ranges_and_parts_of_dates() -> None:
    spec = interpret("number of visits by fee (under 50, 50-100, over 100)")
    assert not spec.questions
    assert "stg_visits.fee >= 50 and stg_visits.fee < 100" in spec.dimensions[0].expression
    spec = interpret("number of visits by weekday")
    assert spec.dimensions[0].expression and spec.dimensions[0].name == "weekday"


def test_percentiles_and_times_between_events() -> None:
    visits = VISITS.model_copy(
        update={"columns": (*VISITS.columns, column("booked_at", "timestamp"))}
    )
    spec = interpret("90th percentile of fee per city")
    assert spec.metrics[0].measures[0].fraction == 0.9
    spec = interpret("median number of days from booked to visited per city", visits=visits)
    measure = spec.metrics[0].measures[0]
    assert measure.aggregation == "median" and "booked_at" in measure.expression


def test_a_row_per_entity_has_those_too_that_nothing_points_at() -> None:
    spec = interpret(
        "Clinic overview",
        body="One row per clinic with the city, the number of visits and the last visit date.",
    )
    assert not spec.questions
    assert spec.spine == "stg_clinics" and spec.row_grain == ("clinic_id",)
    assert [d.name for d in spec.dimensions] == ["clinic_id", "city"]
    assert "every_clinic" in sql(spec)


def test_a_sentence_that_names_values_is_never_passed_over() -> None:
    spec = interpret("number of visits per month", body="We had many cancelled visits this summer.")
    assert any("does it say which rows count" in q.text for q in spec.questions)


def test_codes_are_read_by_what_the_docs_say_of_them() -> None:
    state = column("state", values=("C", "X"))
    state = state.model_copy(update={"inherited": "C completed, X cancelled"})
    visits = VISITS.model_copy(
        update={"columns": (*VISITS.columns[:2], state, *VISITS.columns[3:])}
    )
    spec = interpret("number of visits per month without cancelled visits", visits=visits)
    assert [f.condition for f in spec.filters] == ["stg_visits.state <> 'X'"]


def test_abbreviated_names_are_understood() -> None:
    orders = relation(
        "s_orders", column("ord_no", "bigint", distinct=100, is_unique=True),
        column("ord_dt", "timestamp"), column("amt_gross", "decimal(18,2)"), column("chan"),
    )  # fmt: skip
    evidence = Evidence(project="p", dialect="duckdb", relations=(orders,))
    request = Request(source="x", key="k", title="gross amount of orders per month and channel",
                      body="")  # fmt: skip
    spec = interpret_request(request, evidence)
    assert not spec.questions
    assert spec.metrics[0].measures[0].expression == "s_orders.amt_gross"
    assert spec.dimensions[0].column == "chan"


@pytest.mark.parametrize(
    ("text", "language", "english"),
    [
        (
            "Wir brauchen die Anzahl der Rechnungen pro Monat",
            "german",
            "number of invoices per month",
        ),
        ("Il nous faut le nombre de commandes par mois", "french", "number of orders per month"),
        ("Necesitamos el número de pedidos por mes", "spanish", "number of orders per month"),
        ("We need the number of orders per month", "", "number of orders per month"),
    ],
)
def test_other_languages(text: str, language: str, english: str) -> None:
    assert language_of(text) == language
    assert english in " ".join(in_english(text, language).split())


def test_long_texts_are_left_alone() -> None:
    text = "1 'a' " * 2_000
    assert take_figures(text, text, FigureWishes()) == text
