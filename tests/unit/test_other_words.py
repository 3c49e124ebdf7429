"""Ways of saying the same: each reading is drafted and run over real rows, or asked about."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from tests.small_warehouse import SmallWarehouse

RAW = {
    "clubs": "select * from (values (1, 'Altona', 'DE'), (2, 'Prater', 'AT')) as t(club_id, club_name, country)",
    "members": "select * from (values (1, 'f', 1985, 1, date '2025-01-10'), (2, 'm', 1991, 1, date '2025-02-03'),"
    " (3, 'f', 1999, 2, date '2025-02-20')) as t(member_id, sex, birth_year, club_id, joined_on)",
    "contracts": "select * from (values (1, 1, 'VIP', 80.0, 12, date '2025-01-10', null),"
    " (2, 2, 'BASIC', 20.0, 1, date '2025-02-03', date '2025-02-20'),"
    " (3, 3, 'BASIC', 30.0, 12, date '2025-02-20', null))"
    " as t(contract_id, member_id, tariff, monthly_fee, term_months, begins_on, ends_on)",
    "classes": "select * from (values (1, 'Yoga', timestamp '2025-02-03 18:00'), (2, 'Spin', timestamp '2025-02-04 09:00'),"
    " (3, 'Box', timestamp '2025-02-04 10:00')) as t(class_id, class_kind, starts_at)",
    "bookings": "select * from (values (1, 1, 1, timestamp '2025-02-01 18:00', 'attended'),"
    " (2, 1, 2, timestamp '2025-02-03 17:00', 'no_show'), (3, 2, 3, timestamp '2025-02-04 08:00', 'attended'),"
    " (4, 3, 3, timestamp '2025-02-04 09:00', 'attended')) as t(booking_id, class_id, member_id, booked_at, outcome)",
}  # fmt: skip
JOINS = [("members", "club_id", "clubs", "club_id"), ("contracts", "member_id", "members", "member_id"),
         ("bookings", "class_id", "classes", "class_id"), ("bookings", "member_id", "members", "member_id")]  # fmt: skip
KEYS = {"clubs": "club_id", "members": "member_id", "contracts": "contract_id", "classes": "class_id", "bookings": "booking_id"}  # fmt: skip


@pytest.fixture(scope="module")
def company() -> SmallWarehouse:
    return SmallWarehouse(RAW, JOINS, keys=KEYS)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Number of yoga and spin bookings per month", {("2025-02-01", "3")}),
        ("Number of contracts over 25 EUR monthly fee by tariff", {("VIP", "1"), ("BASIC", "1")}),
        ("Average monthly fee of contracts with a term of 12 months or more, by tariff",
         {("VIP", "80.0"), ("BASIC", "30.0")}),
        ("Number of BASIC contracts begun per month", {("2025-02-01", "2")}),
        ("Share of female members by club", {("1", "Altona", "1", "2", "0.5"), ("2", "Prater", "1", "1", "1.0")}),
        ("Number of members by decade of birth", {("1980", "1"), ("1990", "2")}),
        ("Number of members in Austria", {("1",)}),
        ("Monthly fee: min, max and average per tariff",
         {("VIP", "80.0", "80.0", "80.0"), ("BASIC", "20.0", "30.0", "25.0")}),
        ("Average hours between booking and class start, by class kind",
         {("Yoga", "24.5"), ("Spin", "1.0"), ("Box", "1.0")}),
        ("Number of attended bookings by weekday of the class", {("1", "1"), ("2", "2")}),
        ("Number of running contracts at the end of each month by tariff",
         {("2025-01-01", "VIP", "1"), ("2025-02-01", "VIP", "1"), ("2025-02-01", "BASIC", "1"),
          ("2025-01-01", "BASIC", "0")}),
        ("Share of members by club", {("1", "Altona", "2", "0.6666666666666666"), ("2", "Prater", "1", "0.3333333333333333")}),
    ],
)  # fmt: skip
def test_it_means_the_same(
    company: SmallWarehouse,
    body: str,
    expected: set[tuple[str, ...]],
) -> None:
    assert company.texts("Figures", body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "How long before the class do people book? Average hours, by class kind",
        "Number of cancelled members per month",
        "Number of bookings per month where method is sepa",
        "Number of contracts (status platinum) per month",
    ],
)
def test_what_the_data_does_not_say_is_asked(company: SmallWarehouse, body: str) -> None:
    assert company.spec("Figures", body).questions


@pytest.mark.parametrize(
    "rule",
    [
        "We never count test bookings.",
        "Internal bookings should be ignored.",
        "A booking counts when it has been paid.",
        "Only big ones.",
        "Terms below 3 are errors.",
        "It should be the date of payment.",
        "Except Sundays.",
        "So: between 1 and 14 February 2025, bookings that were not moved.",
        "Columns: month, bookings, splendour.",
        "Month, number, splendour, rank.",
    ],
)
def test_rules_told_in_passing_are_asked(company: SmallWarehouse, rule: str) -> None:
    wish = "Number of contracts" if "Terms" in rule else "Number of bookings"
    assert company.spec("Figures", f"{wish} per month. {rule}").questions


def test_rules_told_beside_a_table_of_entities_are_asked(company: SmallWarehouse) -> None:
    body = "One row per member with the number of bookings. We never count test bookings."
    assert any("test bookings" in q.text for q in company.spec("Figures", body).questions)


@pytest.mark.parametrize(
    "told",
    [
        "The board meets on Thursday.",
        "Marketing says it went down.",
        "Columns: month, bookings.",
        "The old report is slow.",
    ],
)
def test_what_is_told_without_a_rule_is_not_asked(company: SmallWarehouse, told: str) -> None:
    assert not company.spec("Figures", f"Number of bookings per month. {told}").questions


def test_leaving_out_rows_without_is_counting_those_with(company: SmallWarehouse) -> None:
    body = "Number of contracts by tariff. Contracts without end date do not count."
    assert company.texts("Figures", body) == {("BASIC", "1")}


def test_list_items_below_a_wish_are_not_lost(company: SmallWarehouse) -> None:
    body = "For the dashboard I need per month\n* number of bookings\n* splendour of bookings\n"
    assert any("splendour" in q.text for q in company.spec("Figures", body).questions)


def test_the_period_of_the_text_counts_not_that_of_the_title(company: SmallWarehouse) -> None:
    spec = company.spec("Figures for the annual meeting", "Number of bookings per week")
    assert spec.time and spec.time.grain == "week"


def test_options_say_what_the_figure_would_be(company: SmallWarehouse) -> None:
    body = "Number of bookings per month, without the weird ones"
    questions = company.spec("Figures", body).questions
    effects = {o.meaning: o.effect for q in questions for o in q.options}
    assert effects["leave out rows with bookings.outcome = 'attended'"] == "1 in all"
    assert effects["leave out rows with bookings.outcome = 'no_show'"] == "3 in all"
    assert effects["none: it changes nothing"] == "4 in all"


def test_all_but_some_leaves_them_out(company: SmallWarehouse) -> None:
    body = "Number of bookings by outcome. Please take all bookings but the attended ones."
    assert company.texts("Figures", body) == {("no_show", "1")}
