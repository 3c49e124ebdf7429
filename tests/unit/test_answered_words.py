"""Answers in people's own words: each is read in the place of what was asked about, or asked again."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from crew.artifacts import PastAnswer
from tests.small_warehouse import SmallWarehouse

RAW = {
    "depots": "select * from (values ('HAM', 'Hamburg', 'DE'), ('GRZ', 'Graz', 'AT')) as t(depot, city, country)",
    "clients": "select * from (values (1, 'Hansen', 'DE', 400.0), (2, 'Urban', 'AT', 100.0), (3, 'Prinz', 'AT', 350.0))"
    " as t(client_id, client_name, country, amount_spent)",
    "shipments": "select * from (values (1, 1, 'HAM', 'GRZ', 700, 90.0, 'DLV', date '2025-01-10', date '2025-02-02'),"
    " (2, 1, 'HAM', 'GRZ', 200, 40.0, 'CAN', date '2025-01-12', null),"
    " (3, 2, 'GRZ', 'HAM', 900, 60.0, 'CAN', date '2025-02-03', null),"
    " (4, 3, 'GRZ', 'HAM', 500, 50.0, 'DLV', date '2025-02-05', date '2025-02-06'))"
    " as t(shipment_id, client_id, origin_depot, destination_depot, weight_kg, price, state, booked_on, delivered_on)",
}  # fmt: skip
KEYS = {"depots": "depot", "clients": "client_id", "shipments": "shipment_id"}
JOINS = [("shipments", "client_id", "clients", "client_id"), ("shipments", "origin_depot", "depots", "depot"), ("shipments", "destination_depot", "depots", "depot")]  # fmt: skip


@pytest.fixture(scope="module")
def company() -> SmallWarehouse:
    return SmallWarehouse(RAW, JOINS, keys=KEYS)


HEAVY = "How many heavy shipments per month of booking?"
OVER_500 = {("2025-01-01", "1"), ("2025-02-01", "1")}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("heavy means over 500 kg", OVER_500),
        ("more than 500 kg", OVER_500),
        ("Anything above 500kg I guess", OVER_500),
        ("those with weight_kg > 500", OVER_500),
        ("heavy = weight_kg > 500", OVER_500),
        ("We call a shipment heavy when it weighs more than 500 kg.", OVER_500),
        ("at least 500 kg", {("2025-01-01", "1"), ("2025-02-01", "2")}),
        ("over 500 kg and not in state CAN", {("2025-01-01", "1")}),
        ("over 500 kg. Leave out state CAN please.", {("2025-01-01", "1")}),
        ("over 500 kg unless the state is CAN", None),
    ],
)
def test_a_defined_word_is_read_as_defined(
    company: SmallWarehouse, answer: str, expected: set[tuple[str, ...]] | None
) -> None:
    if expected is None:
        spec = company.spec("Figures", HEAVY, answers=[answer])
        assert spec.questions or any("CAN" in n for n in spec.notes)
    else:
        assert company.texts("Figures", HEAVY, answers=[answer]) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know, ask Tom", "not the light ones", "the ones that need two people", "no idea",
        "shipments over half a ton", "we had a long talk about heavy shipments",        "declared volume over 500 kg", "what would you suggest?",
    ],
)  # fmt: skip
def test_what_defines_nothing_is_asked_again(company: SmallWarehouse, answer: str) -> None:
    assert company.spec("Figures", HEAVY, answers=[answer]).questions


def test_every_sentence_of_an_answer_counts(company: SmallWarehouse) -> None:
    answers = ["heavy is more than 100 kg, by date of booking", "Please leave out state CAN"]
    rows = company.texts("Figures", "How many heavy shipments per month?", answers=answers)
    assert rows == {("2025-01-01", "1"), ("2025-02-01", "1")}


def test_a_figure_stands_for_the_word_that_nobody_defined(company: SmallWarehouse) -> None:
    wish = "Throughput per origin depot would help."
    assert company.spec("Figures", wish).questions
    told = company.texts("Figures", wish, answers=["the sum of price of the shipments"])
    assert told == {("GRZ", "110.0"), ("HAM", "130.0")}


def test_what_is_a_kind_of_something_else_is_counted_there(company: SmallWarehouse) -> None:
    wish = "Number of VIP clients by country"
    answer = "A VIP is a client whose amount_spent is above 300"
    spec = company.spec("VIPs", wish, [answer])
    assert company.texts("VIPs", wish, [answer]) == {("DE", "1"), ("AT", "1")}
    assert spec.metrics[0].name == "vip_clients"
    assert any("whose amount_spent" in a.text for a in spec.assumptions)
    assert [c.said for c in spec.settled] == [answer]
    assert spec.metrics[0].grounding.source in {"answer", "column"}


def test_an_answer_of_an_earlier_request_is_followed_and_said(company: SmallWarehouse) -> None:
    spec = company.spec("Figures", HEAVY, answers=["more than 500 kg"])
    (choice,) = spec.settled
    past = PastAnswer(
        question=choice.question, meaning=choice.meaning, said=choice.said, said_by="Ada", request="T-1"
    )  # fmt: skip
    remembered = company.evidence.remembered.model_copy(update={"answers": (past,)})
    again = SmallWarehouse(RAW, JOINS, keys=KEYS)
    again.evidence = company.evidence.model_copy(update={"remembered": remembered})
    assert again.texts("Figures", HEAVY) == OVER_500
    assert "T-1" in again.spec("Figures", HEAVY).followed[0].id


def test_what_a_title_is_about_holds_for_the_answered_figure(company: SmallWarehouse) -> None:
    wish = ("Shipments in state DLV", "Throughput per origin depot would help.")
    assert company.spec(*wish).questions
    answers = ["the sum of price of the shipments"]
    assert company.texts(*wish, answers=answers) == {("GRZ", "50.0"), ("HAM", "90.0")}
