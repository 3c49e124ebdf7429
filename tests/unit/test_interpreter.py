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
        "number of visits per city except for 2024",
        "number of visits per city next year",
        "number of visits per city in March",
        "number of visits per city in 2024 vs 2025",
        "number of visits per week, Monday to Friday weeks",
        "number of visits per month and hour",
        "total fee per month in thousands",
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


def test_removed_rows_are_left_out_and_said() -> None:
    columns = (*VISITS.columns, column("is_deleted", "boolean", values=("false", "true")))
    visits = VISITS.model_copy(update={"columns": columns})
    spec = interpret("number of visits per month", visits=visits)
    assert "NOT COALESCE(stg_visits.is_deleted, FALSE)" in spec.metrics[0].measures[0].filters
    assert any("marked as removed" in a.text for a in spec.assumptions)


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


@pytest.mark.parametrize(
    ("said", "look_back"),
    [
        ("this year", (1, "year", "current")),
        ("last month", (1, "month", "previous")),
        ("over the past month", (1, "month", "")),
        ("in the last 3 months", (3, "month", "")),
        ("quarter to date", (1, "quarter", "current")),
    ],
)
def test_a_period_of_the_calendar_is_no_rolling_one(
    said: str, look_back: tuple[int, str, str]
) -> None:
    spec = interpret(f"number of visits per city {said}")
    assert not spec.questions and spec.look_back
    back = spec.look_back
    assert (back.count, back.unit, back.calendar) == look_back


def test_an_answer_may_state_the_dates() -> None:
    spec = interpret("number of visits per city this year", "from 2025-01-01 to 2025-12-31")
    assert not spec.questions
    assert spec.date_range is not None and spec.look_back is None
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


# --- every clause counts --------------------------------------------------------------------------

WEEKLY = "number of visits per week"
NOT_CANCELLED = "stg_visits.status <> 'cancelled'"
COMPLETED = "stg_visits.status = 'completed'"


def said_or_written(text: str, title: str = WEEKLY) -> list[RequirementSpec]:
    """The specification with the text as a comment after ours, and with it as the body."""
    return [interpret(title, text), interpret(title, body=text)]


def conditions(spec: RequirementSpec) -> list[str]:
    return [f.condition for f in spec.filters]


@pytest.mark.parametrize(
    "text",
    [
        "leave out cancelled visits, split by city",
        "split by city and leave out cancelled visits",
        "please split by city as well, and leave out cancelled visits",
        "We also want it by city, leave out cancelled visits",
        "Please leave cancelled visits out; break it down by city",
        "Could you please exclude cancelled visits and also split it by city",
        "split by city but skip cancelled visits",
        "split by city without cancelled visits",
        "please drop cancelled visits and group by city",
    ],
)
def test_a_split_and_an_exclusion_in_one_sentence_are_both_done(text: str) -> None:
    for spec in said_or_written(text):
        assert not spec.questions and not spec.notes
        assert [d.name for d in spec.dimensions] == ["city"]
        assert conditions(spec) == [NOT_CANCELLED]
        assert len(spec.metrics) == 1


@pytest.mark.parametrize(
    "text", ["only the city Vienna and only completed visits", "only Vienna, only completed visits"]
)
def test_two_limits_in_one_sentence_both_hold(text: str) -> None:
    for spec in said_or_written(text):
        assert conditions(spec) == ["stg_clinics.city = 'Vienna'", COMPLETED]


@pytest.mark.parametrize(
    "text",
    [
        "leave out cancelled visits",
        "Skip cancelled visits",
        "Please remove cancelled visits.",
        "For this report, ignore cancelled visits.",
        "Do not count cancelled visits",
        "Cancelled visits should be left out.",
    ],
)
def test_commands_to_leave_rows_out_are_followed(text: str) -> None:
    for spec in said_or_written(text):
        assert conditions(spec) == [NOT_CANCELLED]
        assert len(spec.metrics) == 1 and not spec.metrics[0].measures[0].filters


def test_another_grain_beside_an_exclusion_is_asked() -> None:
    spec = interpret(WEEKLY, "leave out cancelled visits and do it per month")
    assert "per week or per month" in spec.questions[0].text
    assert conditions(spec) == [NOT_CANCELLED]


@pytest.mark.parametrize(
    "text",
    [
        "leave out cancelled visits and visits of the night shift",
        "please split by city as well, and leave out test visits",
    ],
)
def test_an_exclusion_that_is_not_understood_is_asked(text: str) -> None:
    for spec in said_or_written(text):
        assert "which rows are these" in spec.questions[0].text


@pytest.mark.parametrize(
    "text",
    ["leave out visits below 10 euro", "leave out visits with a fee below 10 euro, split by city"],
)
def test_a_comparison_leaves_rows_out(text: str) -> None:
    for spec in said_or_written(text):
        assert conditions(spec) == ["NOT COALESCE(stg_visits.fee < 10, FALSE)"]


def test_what_narrows_an_exclusion_is_never_a_limit() -> None:
    for spec in said_or_written("leave out visits from Berlin"):
        assert conditions(spec) == ["stg_clinics.city <> 'Berlin'"]


def test_a_chosen_row_set_is_left_out() -> None:
    asked = interpret(WEEKLY, "leave out test visits").questions[0]
    cancelled = next(o.label for o in asked.options if "cancelled" in o.meaning)
    assert conditions(interpret(WEEKLY, "leave out test visits", cancelled)) == [NOT_CANCELLED]
    nothing = asked.options[-1].label
    spec = interpret(WEEKLY, "leave out test visits", nothing)
    assert not spec.questions and not spec.filters


@pytest.mark.parametrize(
    "text",
    [
        "do not leave out cancelled visits",
        "don't exclude cancelled visits",
        "no need to exclude the cancelled visits",
        "Cancelled visits should not be excluded",
    ],
)
def test_a_denied_exclusion_excludes_nothing(text: str) -> None:
    for spec in said_or_written(text):
        assert not spec.filters and not spec.metrics[0].measures[0].filters
        assert any(text in note for note in spec.notes)
    spec = interpret(f"{WEEKLY} without cancelled visits", text)
    assert not spec.filters and not spec.questions


@pytest.mark.parametrize(
    "text", ["Include cancelled visits", "please include the cancelled ones too"]
)
def test_what_is_included_is_never_all_that_counts(text: str) -> None:
    for spec in said_or_written(text):
        assert "no condition leaves these rows out" in spec.questions[0].text
        assert [m.name for m in spec.metrics] == ["visits"]
        assert not spec.filters and not spec.metrics[0].measures[0].filters
    assert not interpret(f"{WEEKLY} without cancelled visits", text).filters
    assert interpret(f"{WEEKLY} including cancelled ones").questions


def test_what_is_said_last_about_the_same_rows_holds() -> None:
    keep, leave_out = "Include cancelled visits", "leave out cancelled visits"
    assert conditions(interpret(WEEKLY, leave_out, body=keep)) == [NOT_CANCELLED]
    assert conditions(interpret(WEEKLY, leave_out, "do not leave out cancelled visits")) == []


@pytest.mark.parametrize(
    "text",
    ["don't split by city", "we don't need a split by city", "no longer per city", "not only Vienna",
     "we no longer want cancelled visits", "don't add the fee"],
)  # fmt: skip
def test_a_denied_wish_is_noted_and_not_done(text: str) -> None:
    spec = interpret(WEEKLY, text)
    assert not spec.dimensions and not spec.filters
    assert [m.name for m in spec.metrics] == ["visits"]
    assert spec.notes == (f"Not read, a comment: “{text}”.",)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("split by city and make the dots blue", None),
        ("use the color blue and split by city", "use the color blue"),
        ("split by city with two decimals", "split by city with two decimals"),
    ],
)
def test_a_clause_without_effect_is_noted_beside_one_with_effect(
    text: str, unread: str | None
) -> None:
    spec = interpret(WEEKLY, text)
    assert spec.questions or [d.name for d in spec.dimensions] == ["city"]
    if unread:
        assert f"Not read, a comment: “{unread}”." in spec.notes
    assert spec.questions or spec.notes


def test_dates_that_differ_from_those_of_the_ticket_are_noted() -> None:
    spec = interpret("number of visits per week in 2025", "only in 2024")
    assert any("only in 2024" in note for note in spec.notes)


def test_two_values_of_one_column_are_asked() -> None:
    asked = interpret(f"{WEEKLY} in Hamburg", "only Berlin")
    assert "no row is both" in asked.questions[0].text
    either = interpret(f"{WEEKLY} in Hamburg", "only Berlin", "B")
    assert len(either.filters) == 1 and " or " in either.filters[0].condition


@pytest.mark.parametrize("text", ["A, but by city", "option A and please split by city"])
def test_a_wish_beside_an_option_is_done(text: str) -> None:
    assert [d.name for d in interpret(WEEKLY, text).dimensions] == ["city"]


@pytest.mark.parametrize(
    "text",
    [
        "Great, we need it by Friday", "asap please", "until end of month", "tomorrow",
        "We need it until end of the month", "thanks, please merge", "This is urgent", "Looks good",
        "Could we have it by tomorrow?",
    ],
)  # fmt: skip
def test_deadlines_and_courtesies_in_comments_change_nothing(text: str) -> None:
    assert interpret(WEEKLY, text) == interpret(WEEKLY)


def test_a_deadline_beside_a_wish_is_no_wish() -> None:
    for text in ("split by city by Friday", "split by city, we need it by end of month"):
        spec = interpret(WEEKLY, text)
        assert [d.name for d in spec.dimensions] == ["city"]
        assert not spec.questions and not spec.notes and not spec.date_range


@pytest.mark.parametrize(
    "text",
    ["🎉 ; , and , ; but", "‏اترك الملغاة", "leave out", "only", "split by", "do not leave out",
     "x" * 100_000, "leave out and " * 3_000],
)  # fmt: skip
def test_odd_comments_are_read_without_harm(text: str) -> None:
    assert [m.name for m in interpret(WEEKLY, text).metrics] == ["visits"]
