"""What the words leave open is asked; nothing in a wish is passed over silently."""

from __future__ import annotations

import pytest

from crew.artifacts import (
    ColumnCard,
    Comment,
    Evidence,
    JoinEdge,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.drafting.interpreter import interpret as interpret_request


def column(name: str, type_: str = "varchar", **more: object) -> ColumnCard:
    return ColumnCard.model_validate({"name": name, "data_type": type_, "nulls": 0, **more})


def relation(key: str, *columns: ColumnCard, rows: int = 100) -> RelationCard:
    return RelationCard(
        key=key, unique_id=f"model.p.{key}", kind="model", layer="staging",
        relation_name=key, row_count=rows, columns=columns,
    )  # fmt: skip


VISITS = relation(
    "stg_visits",
    column("visit_id", "bigint", distinct=100, is_unique=True),
    column("clinic_id", "bigint", distinct=5),
    column("status", values=("completed", "cancelled")),
    column("fee", "decimal(18,2)"),
    column("visited_at", "timestamp"),
)
CLINICS = relation(
    "stg_clinics",
    column("clinic_id", "bigint", distinct=5, is_unique=True),
    column("city", values=("Vienna", "Berlin", "Hamburg")),
    rows=5,
)
EDGE = JoinEdge(
    left="stg_visits", left_column="clinic_id", right="stg_clinics",
    right_column="clinic_id", match_share=1.0,
)  # fmt: skip


def interpret(
    title: str, *answers: str, visits: RelationCard = VISITS, body: str = ""
) -> RequirementSpec:
    evidence = Evidence(project="p", dialect="duckdb", relations=(visits, CLINICS), joins=(EDGE,))
    asked = (Comment(author="Firstmile", body="", ours=True),)
    said = (*asked, *(Comment(author="a", body=a) for a in answers))
    request = Request(source="x", key="k", title=title, body=body, comments=said)
    return interpret_request(request, evidence)


@pytest.mark.parametrize(
    ("title", "condition"),
    [
        ("number of visits per month in Hamburg", "stg_clinics.city = 'Hamburg'"),
        ("number of visits per month, not in Berlin", "stg_clinics.city <> 'Berlin'"),
        ("total fee for completed visits per city", "stg_visits.status = 'completed'"),
        ("number of visits per month, excluding Hamburg", "stg_clinics.city <> 'Hamburg'"),
    ],
)
def test_what_restricts_becomes_a_condition(title: str, condition: str) -> None:
    spec = interpret(title)
    assert not spec.questions
    assert [f.condition for f in spec.filters] == [condition]
    assert len(spec.metrics) == 1


@pytest.mark.parametrize(
    "title",
    [
        "number of visits per month for Narnia",
        "number of visits per month with a fee over 100",
        "number of visits per city except for 2024",
        "number of visits per city this year",
        "number of visits per city in March",
        "number of visits per city in 2024 vs 2025",
        "number of visits per week starting on Sunday",
        "number of visits per month and hour",
        "total fee per month in thousands",
        "number of distinct visits per month",
        "top 5 visits by fee",
    ],
)
def test_what_is_not_understood_is_asked_and_never_dropped(title: str) -> None:
    assert interpret(title).questions


def test_the_purpose_of_a_request_is_no_condition() -> None:
    spec = interpret("number of visits per month for the board deck")
    assert not spec.questions and not spec.filters


def test_a_leftover_is_left_out_once_somebody_says_so() -> None:
    spec = interpret(
        "number of visits per month for Narnia", "It is only wording, it changes nothing"
    )
    assert not spec.questions


def test_removed_rows_are_asked_about() -> None:
    columns = (*VISITS.columns, column("is_deleted", "boolean", values=("false", "true")))
    visits = VISITS.model_copy(update={"columns": columns})
    asked = interpret("number of visits per month", visits=visits)
    assert [q.id for q in asked.questions] == ["removed:stg_visits"]
    settled = interpret("number of visits per month", "A", visits=visits)
    assert "NOT COALESCE(stg_visits.is_deleted, FALSE)" in settled.metrics[0].measures[0].filters


def test_amounts_of_several_currencies_are_not_added_up_unasked() -> None:
    columns = (*VISITS.columns, column("currency", values=("EUR", "USD")))
    visits = VISITS.model_copy(update={"columns": columns})
    assert interpret("total fee per month", visits=visits).questions
    assert not interpret("total fee per month and currency", visits=visits).questions


def test_cents_become_units() -> None:
    columns = (*VISITS.columns, column("tax_cents", "bigint"))
    spec = interpret("total tax per month", visits=VISITS.model_copy(update={"columns": columns}))
    assert spec.metrics[0].measures[0].expression == "stg_visits.tax_cents / 100.0"
    assert any("cents" in a.text for a in spec.assumptions)


def test_an_answer_may_state_the_dates() -> None:
    spec = interpret("number of visits per city this year", "from 2025-01-01 to 2025-12-31")
    assert not spec.questions
    assert spec.date_range is not None
    assert (spec.date_range.start, spec.date_range.end) == ("2025-01-01", "2026-01-01")


def test_an_answer_may_state_the_condition_in_the_datas_words() -> None:
    spec = interpret("number of visits per month for the capital", "I mean the ones in Vienna")
    assert not spec.questions
    assert [f.condition for f in spec.filters] == ["stg_clinics.city = 'Vienna'"]


@pytest.mark.parametrize(
    "remark",
    ["Sounds good!", "1. we need it by Friday", "A, B and C are our regions", "Vienna says hello."],
)
def test_a_remark_that_nobody_asked_for_answers_nothing(remark: str) -> None:
    evidence = Evidence(project="p", dialect="duckdb", relations=(VISITS, CLINICS), joins=(EDGE,))
    request = Request(
        source="x", key="k", title="number of visits per month for Narnia", body="",
        comments=(Comment(author="a", body=remark),),
    )  # fmt: skip
    assert interpret_request(request, evidence).questions


# --- what is said after we spoke ------------------------------------------------------------------


@pytest.mark.parametrize("said", ["please also per city", "Can you split it by city as well"])
def test_a_follow_up_is_read_like_the_ticket(said: str) -> None:
    assert [d.name for d in interpret("number of visits per month").dimensions] == []
    assert [d.name for d in interpret("number of visits per month", said).dimensions] == ["city"]


def test_another_grain_in_a_follow_up_is_asked() -> None:
    spec = interpret("number of visits per week", "Should be monthly, not weekly")
    assert "per week or per month" in spec.questions[0].text
    spec = interpret("number of visits per week", "Should be monthly, not weekly", "B")
    assert spec.time and spec.time.grain == "month" and not spec.questions


@pytest.mark.parametrize(
    "said",
    ["The number for Berlin is wrong, I expected about 40", "It must exclude the staff of Narnia"],
)
def test_a_follow_up_that_is_not_understood_is_asked_or_noted(said: str) -> None:
    spec = interpret("number of visits per month", said)
    assert spec.questions or any(said in note for note in spec.notes)


@pytest.mark.parametrize("said", ["Thanks, looks good!", "Great work", "Approved"])
def test_pleasantries_change_nothing(said: str) -> None:
    assert interpret("number of visits per month", said) == interpret("number of visits per month")


def test_a_colleague_s_wish_that_was_not_said_to_us_is_noted() -> None:
    evidence = Evidence(project="p", dialect="duckdb", relations=(VISITS, CLINICS), joins=(EDGE,))
    said = (Comment(author="a", body="and please per city too"),)
    request = Request(
        source="x", key="k", title="number of visits per month", body="", comments=said
    )
    spec = interpret_request(request, evidence)
    assert any("per city too" in note for note in spec.notes)


@pytest.mark.parametrize("said", ["A", "a.", "Please take A", "option A please", "I'd go with A"])
def test_letters_answer_in_many_words(said: str) -> None:
    spec = interpret("number of visits per week", "Should be monthly", said)
    assert not spec.questions and spec.time and spec.time.grain == "week"
