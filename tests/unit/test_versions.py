"""Reading type-2 relations: current rows, states at a moment of a period, states at an event."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crew.drafting.engine import DraftingEngine
from crew.drafting.versions import versions_in
from crew.verification.related_relations import with_related
from tests.small_warehouse import SmallWarehouse

PERIODS = """(1, 'basic', 'AT', 5, date '2024-01-01', {0} '2024-03-01'), (1, 'pro', 'AT', 7, date '2024-03-01', {1}),
 (2, 'basic', 'DE', 9, date '2024-01-15', {1}), (3, 'pro', 'DE', 11, date '2024-02-01', {0} '2024-05-01')"""
ROWS = f"select * from (values {PERIODS}) as t(account_id, plan, country, seats, {{2}}, {{3}})"
ORDERS = """select * from (values (10, 1, timestamp '2024-02-29 23:00', 5), (11, 1, timestamp '2024-03-01 00:00', 7),
 (12, 2, timestamp '2024-04-01', 11), (13, 3, timestamp '2024-06-01', 13), (14, 1, timestamp '2023-12-01', 17))
 as t(order_id, account_id, ordered_at, amount)"""
ACCOUNTS = "select * from (values (1, 'x'), (2, 'y'), (3, 'z')) as t(account_id, account_name)"
OPEN = ROWS.format("date", "null", "valid_from", "valid_to")


def shop(sql: str = OPEN, name: str = "dim_accounts") -> SmallWarehouse:
    return SmallWarehouse({name: sql, "stg_orders": ORDERS})


def beside() -> SmallWarehouse:
    """Versions beside the relation of what they are versions of."""
    return SmallWarehouse(
        {"stg_accounts_history": OPEN, "stg_orders": ORDERS, "stg_accounts": ACCOUNTS},
        joins=[("stg_orders", "account_id", "stg_accounts", "account_id"),
               ("stg_accounts_history", "account_id", "stg_accounts", "account_id")],
    )  # fmt: skip


FAR = ROWS.format("date", "date '9999-12-31'", "effective_from", "effective_to")
SNAPSHOT = ROWS.format("date", "null", "dbt_valid_from", "dbt_valid_to")
FLAGGED = f"select *, end_date is null as is_current from ({ROWS.format('date', 'null', 'start_date', 'end_date')})"


@pytest.mark.parametrize("sql", [OPEN, FAR, SNAPSHOT, FLAGGED])
@pytest.mark.parametrize("name", ["dim_accounts", "accounts_snapshot", "accounts_history"])
def test_only_what_holds_now_counts(sql: str, name: str) -> None:
    told = shop(sql, name)
    assert told.rows("Number of accounts per plan") == [("basic", 1), ("pro", 1)]
    assert told.rows("Sum of seats of accounts") == [(16,)]
    said = told.spec("Number of accounts per plan").assumptions
    assert any("periods of 3 `account_id`: only the 2" in a.text for a in said)


@pytest.mark.parametrize("sql", [OPEN, FAR])
@pytest.mark.parametrize(
    "title",
    [
        "Per month: the number of accounts by the plan they had at the end of that month",
        "Number of accounts per plan at the end of each month",
        "Number of accounts per month and plan at month-end",
    ],
)
def test_states_at_the_end_of_a_month(sql: str, title: str) -> None:
    found = {(m.month, p): n for m, p, n in shop(sql).rows(title)}
    assert [found[1, "basic"], found[2, "basic"], found[3, "basic"]] == [2, 2, 1]
    assert [found[1, "pro"], found[2, "pro"], found[3, "pro"]] == [0, 1, 2]
    assert max(m for m, _ in found) <= 6


def test_states_of_what_has_a_relation_of_its_own() -> None:
    title = "Per month: the number of accounts by the plan they had at the end of that month"
    assert beside().rows(title) == shop().rows(title)


@pytest.mark.parametrize(
    "title",
    [
        "Sum of amount by the plan the account had at the time of the order",
        "Total amount of orders by plan of the account when ordered",
        "Sum of the order amount per plan valid at the time of the order",
        "Amount of orders, summed, by the plan the account was on at that time",
    ],
)
@pytest.mark.parametrize("make", [shop, lambda: shop(FAR), beside])
def test_a_state_at_an_event_never_multiplies_rows(
    make: Callable[[], SmallWarehouse], title: str
) -> None:
    told = make()
    assert told.rows(title) == [("basic", 16), ("pro", 7), (None, 30)]
    spec = told.spec(title)
    assert any("2 of 5 rows have none" in a.text for a in spec.assumptions)
    made = with_related(told.evidence, spec.related).relation(spec.related[0].key)
    assert made is not None
    shown = f"select order_id, plan_then from {made.relation_name} as r"
    assert told.fetch(shown) == [(10, "basic"), (11, "pro"), (12, "basic")]


def test_the_quotes_are_those_of_the_ticket() -> None:
    title = "Number of orders by the plan the account had at the time of the order"
    spec = beside().spec(title)
    assert all(d.grounding.text in title for d in spec.dimensions)
    docs = DraftingEngine().docs(
        spec, DraftingEngine().model(spec, beside().evidence), beside().evidence
    )
    assert "plan_then" in {c.name for c in docs.models[0].columns}


def test_the_current_state() -> None:
    title = "Number of orders by current plan of the account"
    assert beside().rows(title) == [("basic", 1), ("pro", 3), (None, 1)]


@pytest.mark.parametrize(
    "title",
    [
        "Number of orders per plan of the account",
        "Sum of amount by country",
        "Number of accounts per month",
        "Sum of amount by the colour the account had at the time of the order",
        "Sum of amount by the plan the account had at the time of the refund",
        "Number of accounts that ever had plan basic",
        "Bestellsumme (amount) nach Plan des Accounts zum Zeitpunkt der Bestellung",
    ],
)
def test_what_a_key_alone_would_multiply_is_asked(title: str) -> None:
    assert beside().asked(title)


def test_averages_over_periods_of_something_else_are_asked() -> None:
    rates = """select * from (values (1, 'K1', 5, date '2024-01-01', date '2024-03-01'),
      (1, 'K2', 6, date '2024-03-01', null), (2, 'K3', 9, date '2024-01-15', null))
      as t(carrier_id, contract_no, rate, valid_from, valid_to)"""
    told = SmallWarehouse({"stg_carrier_contracts": rates})
    assert "Which ones count" in told.asked("Average rate per carrier id")
    assert told.rows("Number of carrier contracts per carrier id") == [(1, 2), (2, 1)]


@pytest.mark.parametrize(
    "change",
    [
        "(4, 'x', 'y', 1, date '2024-01-01', date '2024-04-01'), (4, 'z', 'y', 1, date '2024-03-01', null)",
        "(4, 'x', 'y', 1, date '2024-01-01', null), (4, 'z', 'y', 1, date '2024-03-01', null)",
        "(4, 'x', 'y', 1, date '2024-01-01', null), (4, 'z', 'y', 1, date '2024-01-01', null)",
    ],
)
def test_periods_that_overlap_are_no_versions(change: str) -> None:
    sql = OPEN.replace("(values ", f"(values {change}, ")
    told = shop(sql)
    assert versions_in(told.evidence, told) == []
    assert told.asked("Number of orders by the plan the account had at the time of the order")


def test_events_with_a_duration_are_no_versions() -> None:
    sql = ROWS.format("date", "null", "started_on", "cancelled_on")
    told = SmallWarehouse({"stg_subscriptions": sql})
    assert versions_in(told.evidence, told) == []


def test_an_end_of_month_is_never_dropped() -> None:
    sql = "select * from (values (1, date '2024-01-05', 'a'), (2, date '2024-02-05', 'b')) as t(seat_id, sold_on, kind)"
    told = SmallWarehouse({"stg_seats": sql})
    assert "at that moment" in told.asked("Number of seats per kind at the end of each month")


def test_periods_of_something_else_count_what_they_are_of() -> None:
    plans = """select * from (values (1, 1, 'basic', date '2024-01-01', date '2024-03-01'),
      (2, 1, 'pro', date '2024-03-01', null), (3, 2, 'basic', date '2024-01-15', null))
      as t(account_plan_id, account_id, plan_code, valid_from, valid_to)"""
    told = SmallWarehouse(
        {"stg_account_plans": plans, "stg_accounts": ACCOUNTS, "stg_orders": ORDERS},
        joins=[("stg_account_plans", "account_id", "stg_accounts", "account_id"),
               ("stg_orders", "account_id", "stg_accounts", "account_id")],
    )  # fmt: skip
    found = told.rows("Number of accounts per plan at the end of each month")
    assert [(m.month, p, n) for m, p, n in found if m.month == 3] == [
        (3, "basic", 1),
        (3, "pro", 1),
    ]
    title = "Number of orders by the plan the account had at the time of the order"
    assert told.rows(title) == [("basic", 2), ("pro", 1), (None, 2)]
