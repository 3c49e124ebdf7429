"""What is drafted for another warehouse gives the same rows, once sqlglot has translated it back."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
import sqlglot

from crew.artifacts import Measure
from crew.drafting.dialects import alike, differ, in_dialect
from crew.drafting.join_planner import JoinPlanner
from crew.verification.source_totals import Cut, SourceTotals
from tests.small_warehouse import SmallWarehouse

RAW = {
    "customers": "select * from (values (1, 'Dublin', 'gold'), (2, 'Cork', 'basic'), (3, 'Dublin', 'basic')) as t(customer_id, city, tier)",
    "orders": "select i as order_id, 1 + i % 3 as customer_id, 10.0 * (i % 7) as amount, i % 4 = 0 as is_gift,"
    " timestamp '2025-01-05 08:30:00' + to_hours(i * 61) as ordered_at from range(40) as t(i) where i not between 9 and 22",
}
JOINS = [("orders", "customer_id", "customers", "customer_id")]
KEYS = {"customers": "customer_id", "orders": "order_id"}
DIALECTS = ["postgres", "snowflake", "bigquery", "redshift", "databricks"]
TICKETS = {
    "grouped over a join": "Number of orders and total amount per city and month of ordering",
    "a series without gaps": "Number of orders per week, show weeks without orders as zero",
    "days of fixed dates": "Number of orders per day between 2025-01-10 and 2025-02-20, no gaps",
    "hours": "Number of orders per hour in January 2025, fill the gaps with zero",
    "a look-back": "Total amount per month for the last 2 months",
    "a quarter": "Average amount of orders per quarter",
    "median": "Median amount of orders per tier",
    "a flag": "Number of gift orders per month",
    "a share": "Share of gift orders per city",
    "running": "Running total of amount of orders per month",
    "against the period before": "Number of orders per month with the change against the previous month",
    "moving": "3 month moving average of number of orders per month",
    "ranges": "Number of orders by amount range: under 20, 20-40, over 40",
    "the highest": "Top 2 cities by total amount",
    "weekdays": "Number of orders per weekday",
    "entities": "One row per customer with city, number of orders, total amount and the date of the last order",
}
INEXACT = {("bigquery", "median")}
"""sqlglot translates an approximate percentile to one of other rows."""


def company(dialect: str) -> SmallWarehouse:
    return SmallWarehouse(RAW, JOINS, keys=KEYS, dialect=dialect)


@pytest.fixture(scope="module")
def here() -> SmallWarehouse:
    return company("duckdb")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("about", TICKETS)
def test_the_rows_are_the_same(here: SmallWarehouse, dialect: str, about: str) -> None:
    there = company(dialect)
    want, got = here.rows("Figures", TICKETS[about]), there.rows("Figures", TICKETS[about])
    assert want
    if (dialect, about) in INEXACT:
        spec = there.spec("Figures", TICKETS[about])
        assert any("approximate" in a.text for a in spec.assumptions)
    else:
        assert [_told(row) for row in got] == [_told(row) for row in want]


RAW_ORDERS = """select * from (values
 (1, ' Open', 1250, '{"gate": "A", "wait": 3}', 'W', null, timestamp '2025-01-01 08:00', timestamp '2025-01-01 09:00'),
 (1, 'open ', 1350, '{"gate": "B"}', 'W', null, timestamp '2025-01-01 08:00', timestamp '2025-01-03 09:00'),
 (2, 'Shut', null, '{"gate": "A", "wait": 5}', 'G', null, timestamp '2025-01-02 08:00', timestamp '2025-01-02 09:00'),
 (3, 'shut', 900, '{"gate": null}', 'X', timestamp '2025-02-01', timestamp '2025-01-04 08:00', timestamp '2025-02-02 09:00'))
 as t("orderId", "Status", "amountCents", "payload", "group", "deletedAt", "placedAt", "_loadedAt")"""
STATES = """select * from (values
 (1, 'Graz', false, date '2024-01-01', 7, 1), (1, 'Linz', false, date '2024-02-01', 7, 2),
 (1, 'Linz', false, date '2024-02-15', 7, 3), (1, 'Linz', true, date '2024-03-01', 7, 4),
 (2, 'Wels', false, date '2024-01-01', 9, 5), (2, null, false, date '2024-01-05', 9, 6))
 as t("contractNo", "group", "isDeleted", "loadedAt", tariff, "entryNo")"""
VERSIONS = """select * from (values (1, 'basic', date '2024-01-01', date '2024-03-01'), (1, 'pro', date '2024-03-01', null),
 (2, 'basic', date '2024-01-15', null)) as t("accountId", plan, "validFrom", "validTo")"""
STAFF = """select * from (values (1, 'Ann', null, 10), (2, 'Bob', 1, 20), (3, 'Cy', 1, 30), (4, 'Di', 2, 40))
 as t("employeeId", "employeeName", "managerId", salary)"""
NAMED = {
    "shop.orders": RAW_ORDERS,
    "stg_contract_states": STATES,
    "dim_accounts": VERSIONS,
    "stg_employees": STAFF,
}
ASKED = [
    ("Stage shop.orders", ""),
    ("Stage shop.orders", "Keep the amount in cents. Keep every delivery."),
    ("Stage shop.orders", "Unnest payload: gate, wait. Only rows where amountCents >= 900."),
    ("Stage shop.orders", "Only rows where group is not X. Rename orderId to order_no."),
    ("Stage shop.orders", "group codes: W = Winter, G = Garden, X = Extra"),
    ("Stage shop.orders", "Leave out rows without amountCents. Only rows placed since 2025-01-02."),
    ("Average wait of orders per gate", ""),
    ("SCD2 of the group of each contract with valid_from and valid_to", ""),
    ("Number of accounts per plan", ""),
    ("Sum of salary per manager", ""),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("title", "body"), ASKED)
def test_names_that_need_quotes_are_columns_everywhere(title: str, body: str, dialect: str) -> None:
    """In BigQuery and Databricks what stands in double quotes is a text."""
    want = SmallWarehouse(NAMED).rows(title, body)
    there = SmallWarehouse(NAMED, dialect=dialect)
    assert want
    assert [_told(r) for r in there.rows(title, body)] == [_told(r) for r in want]


@pytest.mark.parametrize("dialect", ["duckdb", *DIALECTS])
@pytest.mark.parametrize("aggregation", ["median", "percentile", "first", "last"])
def test_totals_from_the_source_are_said_in_each_dialect(aggregation: str, dialect: str) -> None:
    there = company(dialect)
    measure = Measure(name="m", relation="orders", aggregation=aggregation, expression="orders.amount",
                      fraction=0.5, time="orders.ordered_at", order_by="orders.ordered_at")  # fmt: skip
    totals = SourceTotals(there.evidence, JoinPlanner(there.evidence))
    sql = totals.cells(measure, Cut(dimensions=("orders.is_gift",)))
    if (dialect, "median") in INEXACT and aggregation in {"median", "percentile"}:
        assert "approx_quantiles" in sql.lower()
        return
    found = {d: float(v) for d, v in there.query(sql).rows}
    assert found == {"median": {True: 10.0, False: 30.0}, "percentile": {True: 10.0, False: 30.0},
                     "first": {True: 0.0, False: 10.0}, "last": {True: 10.0, False: 40.0}}[aggregation]  # fmt: skip


@pytest.mark.parametrize("dialect", ["duckdb", *DIALECTS])
def test_empty_values_are_alike_in_each_dialect(dialect: str) -> None:
    rows = "select * from (values (1, 1), (1, 2), (1, null), (null, null)) as t(a, b)"
    sql = f"select {alike('a', 'b', dialect)}, {differ('a', 'b', dialect)} from t"
    there = SmallWarehouse({"t": rows}, dialect=dialect)
    unknown = {(False, True), (None, True)}  # where a condition is asked for both are no
    assert there.query(sql).rows[0] == (True, False) and there.query(sql).rows[3] == (True, False)
    assert there.query(sql).rows[1] == (False, True) and there.query(sql).rows[2] in unknown
    tree = sqlglot.parse_one("select a is not distinct from b, a is distinct from b from t")
    assert there.query(in_dialect(tree, dialect).sql(dialect)).rows == there.query(sql).rows


def _told(row: tuple[object, ...]) -> list[str]:
    return [f"{float(v):.6f}" if _is_number(v) else str(v).removesuffix(" 00:00:00") for v in row]


def _is_number(value: object) -> bool:
    return not isinstance(value, bool | str) and hasattr(value, "__float__")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_function_of_another_dialect_is_left(dialect: str) -> None:
    """What sqlglot hands on as it was is no function that the dialect has."""
    there = company(dialect)
    alien = {
        "postgres": {"arg_min", "arg_max", "median", "unnest"},
        "snowflake": {"generate_series", "unnest", "quantile_cont"},
        "bigquery": {"median", "percentile_cont", "generate_series"},
        "redshift": {"generate_series", "unnest", "quantile_cont"},
        "databricks": {"generate_series", "unnest", "percentile_approx"},
    }[dialect]
    for text in TICKETS.values():
        sql = there.sql(there.spec("Figures", text))
        assert dialect != "redshift" or "distinct from" not in sql  # it has no such words
        tokens = {t.text.lower() for t in sqlglot.tokenize(sql, read=dialect)}
        assert not tokens & alien
