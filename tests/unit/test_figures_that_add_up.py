"""What an existing model offers to be summed again, and what not."""

from __future__ import annotations

import pytest

from crew.artifacts import ColumnCard, RelationCard
from crew.catalog.aggregates import figures
from crew.drafting.periods import is_too_coarse, period_of

SQL = """
with orders as (select * from {{ ref('stg_orders') }}),
final as (
    select
        date_trunc('month', placed_at) as month,  -- sum(x) as commented
        count(distinct customer_id) as buyers,
        count(*) as orders, sum(amount) as revenue, sum(cents) / 100.0 as euros,
        sum(amount) / nullif(count(*), 0) as average_value,
        round(avg(amount), 2) as mean_value, max(placed_at) as last_order,
        sum(amount) over (partition by channel) as channel_revenue,
        amount * 2 as doubled
    from orders group by 1
)
select * from final
"""


def test_counts_of_different_things_averages_and_ratios_do_not_add_up() -> None:
    found = figures(SQL)
    assert {n for n, adds_up in found.items() if not adds_up} == {
        "buyers", "average_value", "mean_value", "last_order",
    }  # fmt: skip
    assert {n for n, adds_up in found.items() if adds_up} == {"orders", "revenue", "euros"}
    assert figures("select a, b as c from {{ source('x', 'y') }}") == {}


def column(minimum: str, maximum: str, distinct: int, **more: bool) -> ColumnCard:
    return ColumnCard(name="d", minimum=minimum, maximum=maximum, distinct=distinct, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "last", "distinct", "period"),
    [
        ("2024-01-01", "2026-05-01", 29, "month"),
        ("2024-01-01 00:00:00", "2026-05-01 00:00:00", 29, "month"),
        ("2025-01-06", "2025-12-29", 52, "week"),
        ("2020-01-01", "2025-10-01", 24, "quarter"),
        ("2015-01-01", "2025-01-01", 11, "year"),
        ("2024-01-01", "2024-12-31", 366, ""),
        ("2024-01-01 10:11:12", "2026-05-01 09:00:00", 29, ""),
        ("2024-01-03", "2026-05-09", 29, ""),
        ("2024-01-01", "2024-03-01", 3, ""),
    ],
)
def test_periods_are_told_by_their_values(
    first: str, last: str, distinct: int, period: str
) -> None:
    assert period_of(column(first, last, distinct)) == period


def test_no_finer_grain_is_had_from_periods() -> None:
    months = RelationCard(
        key="m", unique_id="m", kind="model", layer="mart", relation_name="m",
        columns=(column("2024-01-01", "2026-05-01", 29), ColumnCard(name="revenue")),
    )  # fmt: skip
    assert [is_too_coarse(months, g) for g in ("day", "week", "month", "quarter", "year", "")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    keyed = months.model_copy(
        update={"columns": (*months.columns, ColumnCard(name="invoice_id", is_unique=True))}
    )
    assert not is_too_coarse(keyed, "day"), "events that are dated by the month"
