"""What is said beside a figure: whose it is, what is shown with it, and rows that count or do not."""

from __future__ import annotations

import pytest

from tests.small_warehouse import SmallWarehouse


@pytest.fixture(scope="module")
def shop() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "stg_clients": "select i as client_id, 'Client ' || i as client_name,"
            " case when i % 3 = 0 then null else ['North', 'South'][1 + i % 2] end as region,"
            " ['DE', 'FR'][1 + i % 2] as country from range(1, 9) t(i)",
            "stg_bills": "select i as bill_id, 1 + i % 8 as client_id, ['paid', 'open', 'void'][1 + i % 3]"
            " as bill_status, i * 2.5 as total_amount, date '2025-01-05' +"
            " (i * 3)::int as billed_on, case when i % 3 = 0 then date '2025-02-01' + (i * 4)::int end"
            " as paid_on from range(1, 91) t(i)",
            "stg_receipts": "select i as receipt_id, i as bill_id, i * 1.0 as receipt_amount from range(1, 31) t(i)",
        },
        joins=[
            ("stg_bills", "client_id", "stg_clients", "client_id"),
            ("stg_receipts", "bill_id", "stg_bills", "bill_id"),
        ],
        keys={"stg_clients": "client_id", "stg_bills": "bill_id", "stg_receipts": "receipt_id"},
    )


@pytest.mark.parametrize(
    ("ticket", "rows"),
    [
        ("number of open bills and their total amount", "bill_status = 'open'"),
        ("number of open bills, their total amount", "bill_status = 'open'"),
        ("number of void bills with their total amount", "bill_status = 'void'"),
    ],
)
def test_their_figure_is_of_the_rows_counted_before(
    shop: SmallWarehouse, ticket: str, rows: str
) -> None:
    expected = shop.fetch(f"select count(*), sum(total_amount) from stg_bills where {rows}")
    assert shop.rows(ticket) == expected


def test_their_rows_are_found_by_what_they_point_at(shop: SmallWarehouse) -> None:
    assert shop.rows("number of DE clients and the number of their bills") == shop.fetch(
        "select count(distinct client_id), count(bill_id) from stg_clients join stg_bills"
        " using (client_id) where country = 'DE'"
    )


def test_a_figure_of_its_own_keeps_its_own_rows(shop: SmallWarehouse) -> None:
    found = shop.rows("number of open bills, their total amount and the number of void bills")
    assert (
        found[0][2] == shop.fetch("select count(*) from stg_bills where bill_status = 'void'")[0][0]
    )


def test_a_state_before_an_amount_of_several_is_not_lost(shop: SmallWarehouse) -> None:
    open_ = "select country, count(*), sum(total_amount) filter (where bill_status = 'open')"
    assert shop.rows("number of bills and open amount per country") == shop.fetch(
        f"{open_} from stg_bills join stg_clients using (client_id) group by 1"
    )


@pytest.mark.parametrize(
    "joint", [", with the", ", together with the", " with the", " along with the"]
)
def test_with_a_figure_is_another_figure(shop: SmallWarehouse, joint: str) -> None:
    found = shop.rows(f"total amount per country{joint} number of bills")
    assert found == shop.fetch(
        "select country, sum(total_amount), count(*) from stg_bills join stg_clients using (client_id) group by 1"
    )


def test_a_ranking_shows_what_it_is_said_to_show(shop: SmallWarehouse) -> None:
    found = shop.rows("top 3 clients by total amount, with country and number of bills")
    assert {row[2] for row in found} <= {"DE", "FR"}


def test_with_a_column_beside_a_split_is_asked_about(shop: SmallWarehouse) -> None:
    assert "with region" in shop.asked("total amount per client, with region")


@pytest.mark.parametrize("words", ["No open or void bills, please.", "No open or void ones please"])
def test_no_such_rows_are_left_out(shop: SmallWarehouse, words: str) -> None:
    expected = shop.fetch(
        "select country, avg(total_amount) from stg_bills join stg_clients using (client_id)"
        " where bill_status not in ('open', 'void') group by 1"
    )
    assert shop.rows("Bills", f"average total amount per country. {words}") == expected


def test_only_rows_that_are_in_a_state_count(shop: SmallWarehouse) -> None:
    found = shop.rows("average total amount per country, only bills that are paid")
    assert found == shop.rows("average total amount per country, only paid bills")


@pytest.mark.parametrize(
    ("ticket", "quoted"),
    [
        ("number of bills per country that were void", "void"),
        ("number of open bills per country, incl. the void ones", "void"),
    ],
)
def test_a_state_behind_the_split_is_applied_or_asked(
    shop: SmallWarehouse, ticket: str, quoted: str
) -> None:
    spec = shop.spec(ticket)
    asked = [f"{q.text} {[o.meaning for o in q.options]}" for q in spec.questions]
    assert any(quoted in text for text in asked) or any(quoted in f.condition for f in spec.filters)


def test_what_happened_in_a_span_of_dates_is_dated_by_it(shop: SmallWarehouse) -> None:
    assert shop.rows("number of paid bills in March 2025") == shop.fetch(
        "select count(*) from stg_bills where paid_on >= '2025-03-01' and paid_on < '2025-04-01'"
    )
