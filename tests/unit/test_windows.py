"""Columns over the rows of a result: what they are over is what the ticket says, else it is asked."""

from __future__ import annotations

import re

import pytest

from tests.small_warehouse import SmallWarehouse

PER_MONTH = (
    "select date_trunc('month', due_on)::date as month, sum(fee) as due from stg_bills group by all"
)


@pytest.fixture(scope="module")
def kiosks() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "stg_sales": "select i as sale_id, ['north', 'south'][1 + i % 2] as region, 'S' || i % 5 as shop,"
            " ['sold', 'returned', 'sold'][1 + i % 3] as state,"
            " date '2024-10-03' + (i * 4)::int as sold_on from range(1, 131) t(i)",
            "stg_bills": "select i as bill_id, i % 90 + 0.5 as fee, i % 7 + 0.25 as rebate,"
            " (i % 90 + 0.5) * 1.2 as list_price, ['open', 'paid', 'void'][1 + i % 3] as status,"
            " date '2024-10-01' + (i * 3)::int as due_on from range(1, 171) t(i)",
        },
        keys={"stg_sales": "sale_id", "stg_bills": "bill_id"},
    )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            "Share of each region in the sales of the same month.",
            "n, n / sum(n) over (partition by month) from (select month_ as month, region, count(*) as n"
            " from sales group by all)",
        ),
        (
            "Number of sales by region and shop with the share of its region",
            "n, n / sum(n) over (partition by region) from (select region, shop, count(*) as n"
            " from sales group by all)",
        ),
        (
            "Sum of fees per month and the share of the whole year",
            "due, due / sum(due) over (partition by year(month)) from bills",
        ),
        (
            "Sum of fees per month, with the total of the last 3 months including the current one",
            "due, sum(due) over (order by month rows 2 preceding) from bills",
        ),
        (
            "Summe von fee je Monat und kumuliert seit Jahresbeginn",
            "due, sum(due) over (partition by year(month) order by month) from bills",
        ),
        (
            "Sum of fees per month in 2025 with the change against the previous month",
            "due, due - before from (select *, lag(due) over (order by month) as before from bills)"
            " where year(month) = 2025",
        ),
        (
            "Rebate as percentage of list price per month",
            "sum(rebate) / sum(list_price) from stg_bills group by date_trunc('month', due_on)",
        ),
        (
            "Open bills as a percentage of all bills, per month",
            "count(*) filter (status = 'open') / count(*) from stg_bills group by date_trunc('month', due_on)",
        ),
        (
            "Fees per bill by status and month",
            "sum(fee) / count(*) from stg_bills group by status, date_trunc('month', due_on)",
        ),
    ],
)
def test_a_window_is_over_what_the_ticket_says(
    kiosks: SmallWarehouse, body: str, shown: str
) -> None:
    sql = (
        "with sales as (select *, date_trunc('month', sold_on)::date as month_ from stg_sales),"
        f" bills as ({PER_MONTH}) select {shown}"
    )
    wanted = sorted(_numbers(row) for row in kiosks.database.execute(sql).fetchall())
    given = [_numbers(row) for row in kiosks.rows("Figures", body)]
    assert len(given) == len(wanted)
    assert all(any(set(w) <= set(g) for g in given) for w in wanted)


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ("Number of sales per month, cumulative, show only 2025", "begin at zero on 2025-01-01"),
        ("Top 2 shops by number of sales, all others summed up as other", "others summed up"),
        ("Number of sales per week and the average of the previous 4 weeks", "average"),
        ("Rank shops by number of sales; the one with the fewest gets rank 1", "rank that begins"),
        ("Number of sales per month with a centered moving average over 3 months", "centered"),
        ("Number of sales per shop with the share of its district", "district"),
    ],
)
def test_what_no_column_shows_is_asked(kiosks: SmallWarehouse, body: str, about: str) -> None:
    assert re.search(about, kiosks.asked("Figures", body)), kiosks.asked("Figures", body)


def _numbers(row: tuple[object, ...]) -> tuple[float, ...]:
    return tuple(
        round(float(v), 6) for v in row if isinstance(v, int | float) or hasattr(v, "real")
    )
