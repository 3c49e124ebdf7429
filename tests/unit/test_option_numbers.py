"""Each option of a question says what it would give, counted in the data."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from tests.small_warehouse import SmallWarehouse

RAW = {
    "depots": "select * from (values ('HAM', 'Hamburg', 'north'), ('GRZ', 'Graz', 'south'), ('LYS', 'Lyon', 'south')) as t(depot, city, area)",
    "shipments": "select * from (values (1, 'HAM', 'GRZ', 90.0, 100.0, 'DLV', 'road', date '2025-01-10', date '2025-02-02'),"
    " (2, 'HAM', 'GRZ', 40.0, 300.0, 'CAN', null, date '2025-01-12', null),"
    " (3, 'GRZ', 'LYS', 60.0, 500.0, 'CAN', 'air', date '2025-02-03', null),"
    " (4, 'GRZ', 'LYS', 50.0, 700.0, 'DLV', 'road', date '2025-02-05', date '2025-02-06'))"
    " as t(shipment_id, origin_depot, destination_depot, list_price, net_price, state_kind, mode_kind, booked_on, delivered_on)",
}
JOINS = [
    ("shipments", "origin_depot", "depots", "depot"),
    ("shipments", "destination_depot", "depots", "depot"),
]
KEYS = {"depots": "depot", "shipments": "shipment_id"}


@pytest.fixture(scope="module")
def company() -> SmallWarehouse:
    return SmallWarehouse(RAW, JOINS, keys=KEYS)


def offered(company: SmallWarehouse, body: str) -> dict[str, str]:
    """What the options of the only question mean, and what each would give."""
    spec = company.spec("Figures", body)
    (question,) = spec.questions
    return {o.meaning: o.effect for o in question.options}


def test_number_columns_are_shown_with_their_sums(company: SmallWarehouse) -> None:
    assert offered(company, "What is the total price of shipments?") == {
        "`shipments.list_price`": "240.00 in all",
        "`shipments.net_price`": "1,600.00 in all",
    }


def test_columns_to_split_by_are_shown_with_the_figure_by_them(company: SmallWarehouse) -> None:
    assert offered(company, "Number of shipments per kind") == {
        "`shipments.state_kind`": "CAN: 2, DLV: 2",
        "`shipments.mode_kind`": "road: 2, air: 1, empty: 1",
    }


def test_ways_of_joining_are_shown_with_what_each_leads_to(company: SmallWarehouse) -> None:
    assert offered(company, "Number of shipments per city") == {
        "through `shipments.origin_depot`": "Graz: 2, Hamburg: 2",
        "through `shipments.destination_depot`": "Graz: 2, Lyon: 2",
    }


def test_values_of_one_column_are_shown_alone_and_together(company: SmallWarehouse) -> None:
    shown = offered(
        company, "Number of shipments. Only shipments in state CAN. Only shipments in state DLV."
    )
    assert set(shown.values()) == {"2 in all", "4 in all"}


def test_of_personal_data_only_the_count_is_told() -> None:
    emails = "select 1 as visit_id, 'a@b.example' as visitor_email, 'c@d.example' as sender_email union all select 2, 'e@f.example', null"
    company = SmallWarehouse({"visits": emails}, keys={"visits": "visit_id"})
    spec = company.spec("Figures", "Number of visits per email")
    told = " ".join(o.meaning + o.effect for q in spec.questions for o in q.options)
    assert spec.questions and "@" not in told


def test_of_rows_that_nothing_names_no_option_is_suggested(company: SmallWarehouse) -> None:
    spec = company.spec("Figures", "Number of shipments, only glorious ones")
    assert [q.default for q in spec.questions] == [""]
    assert company.spec(
        "Figures", "Number of shipments, only glorious ones", ["the default"]
    ).questions
