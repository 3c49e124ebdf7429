"""What a ticket for one row per customer says of one figure alone is of that figure, or asked about."""

from __future__ import annotations

import pytest

from crew.artifacts import MakeIncremental
from tests.small_warehouse import SmallWarehouse
from tests.unit.test_edit_wordings import Ferry

PER_CLIENT = (
    "select client_id, {} from stg_clients c left join stg_parcels p using (client_id) group by 1"
)


@pytest.fixture(scope="module")
def parcels() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "stg_clients": "select i as client_id, 'Client ' || i as client_name from range(1, 9) t(i)",
            "stg_parcels": "select i as parcel_id, 1 + (i * 3) % 7 as client_id, (i * 7) % 40 + 0.5 as weight_kg,"
            " i * 1.5 as price, case when i % 3 > 0 then 'N' || i end as note,"
            " case when i % 4 = 0 then 'lost' else 'done' end as state,"
            " date '2024-06-01' + (i * 5)::int as sent_on from range(1, 101) t(i)",
            "stg_fees": "select i as fee_id, 1 + i % 7 as client_id, i * 2.5 as amount,"
            " ['EUR', 'GBP'][1 + i % 2] as currency, date '2025-01-01' + i::int as paid_on"
            " from range(1, 51) t(i)",
        },
        joins=[
            ("stg_parcels", "client_id", "stg_clients", "client_id"),
            ("stg_fees", "client_id", "stg_clients", "client_id"),
        ],
        keys={"stg_clients": "client_id", "stg_parcels": "parcel_id", "stg_fees": "fee_id"},
    )


@pytest.mark.parametrize(
    ("body", "figures"),
    [
        (
            "One row per client with number of parcels over 20 kg and the sum of price of those",
            "count(*) filter (weight_kg > 20), coalesce(sum(price) filter (weight_kg > 20), 0)",
        ),
        (
            "One row per client:\n- number of parcels over 20 kg\n- sum of their prices",
            "count(*) filter (weight_kg > 20), coalesce(sum(price) filter (weight_kg > 20), 0)",
        ),
        (
            "One row per client with the number of parcels and the date of the last parcel before 2025",
            "count(parcel_id), max(sent_on) filter (sent_on < '2025-01-01')",
        ),
        (
            "One row per client: number of parcels and total price in 2025",
            "count(parcel_id) filter (year(sent_on) = 2025),"
            " coalesce(sum(price) filter (year(sent_on) = 2025), 0)",
        ),
        (
            "One row per client: number of parcels, number of lost ones",
            "count(parcel_id), count(*) filter (state = 'lost')",
        ),
        (
            "One row per client with their latest parcel: parcel number, note",
            "max_by(parcel_id, sent_on), arg_max_null(note, sent_on)",
        ),
    ],
)
def test_limits_are_of_what_they_are_said_of(
    parcels: SmallWarehouse, body: str, figures: str
) -> None:
    assert parcels.rows("Clients", body) == parcels.fetch(PER_CLIENT.format(figures))


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ("One row per client: number of parcels in 2025, last parcel date", "in 2025"),
        ("One row per client: number of parcels, average price. If it is null show 0.", "null show 0"),
        ("One row per client: name, average price. Price as integer please.", "as integer"),
        ("One row per client: name, number of parcels. Names in upper case please.", "upper case"),
        ("One row per client with number of fees, last fee date, total amount of fees", "EUR, GBP"),
    ],
)  # fmt: skip
def test_what_may_limit_or_change_values_is_asked(
    parcels: SmallWarehouse, body: str, about: str
) -> None:
    assert about in parcels.asked("Clients", body)


def test_an_answer_says_what_dates_limit(parcels: SmallWarehouse) -> None:
    body = "One row per client: number of parcels in 2025, last parcel date"
    figures = "count(*) filter (year(sent_on) = 2025), max(sent_on)"
    assert parcels.rows("Clients", body, ["A"]) == parcels.fetch(PER_CLIENT.format(figures))


def test_zero_is_what_counts_show_anyway(parcels: SmallWarehouse) -> None:
    body = "One row per client: name, number of parcels. If it is null show 0."
    assert parcels.asked("Clients", body) == ""


def test_a_title_alone_is_no_figure_where_the_text_says_more(parcels: SmallWarehouse) -> None:
    assert parcels.asked("Price", "Usual price of what is lost, split the way we always do")


@pytest.fixture(scope="module")
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Ferry:
    return Ferry(tmp_path_factory.mktemp("ferry"))


def test_a_model_is_built_in_one_way(ferry: Ferry) -> None:
    wish = "Make tickets incremental by bought_on, key is ticket_id."
    assert "one way only" in ferry.questions(f"{wish} Make it a table.")
    (edit,) = ferry.edits(f"{wish} It is built as a table every night. Reload the last two weeks.")
    assert isinstance(edit, MakeIncremental) and edit.days == 14


def test_german_limits_are_of_what_they_are_said_of(parcels: SmallWarehouse) -> None:
    body = "Bitte eine Zeile je Client: Anzahl Parcels, letzter Parcel vor 2025"
    figures = "count(parcel_id), max(sent_on) filter (sent_on < '2025-01-01')"
    assert parcels.rows("Clients", body) == parcels.fetch(PER_CLIENT.format(figures))
