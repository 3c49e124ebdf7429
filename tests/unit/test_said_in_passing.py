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


@pytest.mark.parametrize(
    ("said", "rows"),
    [
        ("Only those that are open.", "bill_status = 'open'"),
        ("Only that are open.", "bill_status = 'open'"),
        ("Only the ones with status open.", "bill_status = 'open'"),
        ("Only those over 100.", "total_amount > 100"),
        ("Without those that are open.", "bill_status <> 'open'"),
        ("Without those in state open.", ""),
        ("Leave out those over 100.", "total_amount <= 100"),
        (
            "Only those of DE clients.",
            "client_id in (select client_id from stg_clients where country = 'DE')",
        ),
        ("Only in case of rain.", ""),
    ],
)
def test_what_is_said_of_those_rows_is_applied_or_asked(
    shop: SmallWarehouse, said: str, rows: str
) -> None:
    spec = shop.spec("Bills", f"Number of bills per month of billing. {said}")
    if not rows:
        assert spec.questions
        return
    assert shop.fetch(shop.sql(spec)) == shop.fetch(
        f"select date_trunc('month', billed_on)::date, count(*) from stg_bills where {rows} group by 1"
    )


def test_two_states_that_no_row_has_at_once_are_asked_about(shop: SmallWarehouse) -> None:
    wish = ("Number of void bills", "Show the number of void bills per country. Only open ones.")
    (question,) = shop.spec(*wish).questions
    assert [o.effect for o in question.options] == ["30 in all", "30 in all", "60 in all"]
    told = {option.label: shop.rows(*wish, answers=[option.label]) for option in question.options}
    assert sum(row[1] for row in told["C"]) == 60
    assert told["A"] == shop.fetch(
        "select country, count(*) from stg_bills join stg_clients using (client_id)"
        " where bill_status = 'void' group by 1"
    )


def test_an_hour_beside_a_weekday_is_one_of_the_day() -> None:
    visits = SmallWarehouse(
        {"visits": "select i as visit_id, timestamp '2025-01-06 08:00:00' + to_hours(i * 24)"
         " as visited_at from range(15) t(i)"},
        keys={"visits": "visit_id"},
    )  # fmt: skip
    assert visits.rows("Number of visits per weekday and hour") == [
        (1, 8, 3), *((day, 8, 2) for day in range(2, 8)),
    ]  # fmt: skip


def test_a_state_counts_beside_a_date_that_is_only_like_it() -> None:
    leases = SmallWarehouse(
        {"leases": "select i as lease_id, ['active', 'terminated'][1 + i % 2] as lease_state,"
         " date '2020-01-01' as lease_start, date '2025-01-01' + (i * 20)::int as lease_end from range(8) t(i)"},
        keys={"leases": "lease_id"},
    )  # fmt: skip
    spec = leases.spec("Number of terminated leases per month")
    assert spec.questions or sum(r[1] for r in leases.fetch(leases.sql(spec))) == 4


def test_a_value_counts_in_whatever_case_it_is_written() -> None:
    claims = SmallWarehouse(
        {"claims": "select i as claim_id, ['paid', 'Paid', 'open'][1 + i % 3] as claim_state from range(9) t(i)"},
        keys={"claims": "claim_id"},
    )  # fmt: skip
    assert claims.rows("Number of paid claims") == [(6,)]
    assert claims.rows("Number of claims without paid ones") == [(3,)]


@pytest.mark.parametrize(
    "words",
    [
        "that were paid more than 30 days after the end of the reminder",
        "of more than 30 in the eyes of our clients",
    ],
)
def test_a_number_is_not_read_without_what_it_is_compared_to(
    shop: SmallWarehouse, words: str
) -> None:
    assert shop.spec("Bills", f"Number of bills {words}, per country").questions


def test_a_share_holds_every_with(shop: SmallWarehouse) -> None:
    asked = shop.spec("Share of bills with paid on with crowns").questions
    told = shop.spec("Share of bills with receipts with status open")
    assert asked
    assert told.questions or shop.fetch(shop.sql(told)) == shop.fetch(
        "select count(*) filter (where bill_status = 'open' and bill_id <= 30) / count(*) from stg_bills"
    )


def test_states_in_more_than_one_case_exclude_each_other_too() -> None:
    claims = SmallWarehouse(
        {"claims": "select i as claim_id, ['paid', 'Paid', 'open', 'Open'][1 + i % 4]"
         " as claim_state from range(8) t(i)"},
        keys={"claims": "claim_id"},
    )  # fmt: skip
    (question,) = claims.spec("Paid claims", "Number of paid claims. Only open ones.").questions
    assert [o.effect for o in question.options] == ["4 in all", "4 in all", "8 in all"]
