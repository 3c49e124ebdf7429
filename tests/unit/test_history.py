"""Type-2 histories: periods out of rows that repeat their key, and their second computation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from crew.drafting.engine import DraftingEngine
from crew.drafting.history_words import history_wishes
from crew.verification.reconcile_history import history
from tests.small_warehouse import SmallWarehouse

CHANGES = """select * from (values
 (1, 10, 'basic', 'AT', date '2024-01-01'), (2, 10, 'basic', 'AT', date '2024-02-01'),
 (3, 10, 'pro', 'AT', date '2024-03-01'), (4, 10, 'basic', 'AT', date '2024-04-01'),
 (5, 11, null, 'DE', date '2024-01-15'), (6, 11, 'pro', 'DE', date '2024-05-01'),
 (7, null, 'pro', 'DE', date '2024-05-02')) as t(change_id, account_id, plan, country, changed_at)"""
DELIVERED = """select * from (values
 (1, 'Graz', false, date '2024-01-01', 7), (1, 'Linz', false, date '2024-02-01', 7),
 (1, 'Linz', true, date '2024-03-01', 7), (1, 'Linz', true, date '2024-04-01', 7),
 (2, 'Wels', false, date '2024-01-01', 9)) as t(contract_no, city, is_deleted, loaded_at, tariff)"""


@pytest.fixture(scope="module")
def shop() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "stg_account_changes": CHANGES,
            "stg_accounts": "select * from (values (10, 'x'), (11, 'y')) as t(account_id, tier)",
            "stg_contracts": DELIVERED,
        }
    )


def d(text: str) -> date:
    return date.fromisoformat(f"2024-{text}")


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("History of the plan of each account with valid_from and valid_to", ""),
        ("One row per account and plan with from/to dates", ""),
        ("Slowly changing dimension type 2 of plan per account out of stg_account_changes", ""),
        ("SCD2 of plan per account", "Adjacent equal values are merged; is_current please."),
        ("Plans", "We need a history of the plan for each account, with valid_from / valid_to."),
        ("Historie des Plans je Account mit gueltig_von und gueltig_bis", ""),
        ("Type 2 dimension of accounts with plan", ""),
    ],
)
def test_equal_neighbours_are_one_period(title: str, body: str, shop: SmallWarehouse) -> None:
    assert shop.rows(title, body) == [
        (10, "basic", d("01-01"), d("03-01"), False),
        (10, "basic", d("04-01"), None, True),
        (10, "pro", d("03-01"), d("04-01"), False),
        (11, "pro", d("05-01"), None, True),
        (11, None, d("01-15"), d("05-01"), False),
    ]


def test_the_names_of_the_period_are_those_of_the_ticket(shop: SmallWarehouse) -> None:
    spec = shop.spec(
        "History of the plan and country of each account with active_from and active_to"
    )
    assert spec.row_grain == ("account_id", "active_from")
    assert DraftingEngine(shop).model(spec, shop.evidence).models[0].columns == (
        "account_id", "plan", "country", "active_from", "active_to", "is_current",
    )  # fmt: skip
    assert any("without `account_id`" in n for n in spec.notes)


def test_removal_ends_a_period_and_begins_none(shop: SmallWarehouse) -> None:
    assert shop.rows("History of the city of each contract with valid_from and valid_to") == [
        (1, "Graz", d("01-01"), d("02-01"), False),
        (1, "Linz", d("02-01"), d("03-01"), False),
        (2, "Wels", d("01-01"), None, True),
    ]


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("History of the tier of each account with valid_from and valid_to", "but one row per"),
        ("SCD2 of the colour per account", "reads as a history"),
        ("SCD2 of plan per account, only accounts of Austria", "only .*austria"),
        ("SCD2 of plan per account. No test accounts.", "test"),
        ("For paying customers, the history of the plan per account, with valid_from and valid_to",
         "paying customers"),
        ("SCD2 of plan per account since 2024", "2024"),
    ],
)  # fmt: skip
def test_what_is_not_there_or_may_narrow_is_asked(
    title: str, asked: str, shop: SmallWarehouse
) -> None:
    import re

    assert re.search(asked, shop.asked(title), re.I), shop.asked(title)


@pytest.mark.parametrize(
    "title",
    ["Order history per customer", "Number of plan changes per account",
     "History of revenue per month", "Number of accounts per plan", "Sales history",
     "stg_accounts should have one row per account and plan (valid_from, valid_to)"],
)  # fmt: skip
def test_other_tickets_are_no_history(title: str, shop: SmallWarehouse) -> None:
    assert shop.spec(title).history is None
    assert not any(w.is_sure for w in history_wishes(title)) or "stg_" in title


@pytest.mark.parametrize(
    "title",
    ["Start tracking changes of the tier of accounts", "Keep history of the tier of accounts",
     "We need a dbt snapshot of the account tier",
     "Änderungen der Tier der Accounts ab jetzt verfolgen"],
)  # fmt: skip
def test_history_from_now_on_is_told_how_to_keep(title: str, shop: SmallWarehouse) -> None:
    spec = shop.spec(title)
    assert spec.kind == "refuse"
    assert "relation: ref('stg_accounts')" in spec.reason
    assert "strategy: check\n      check_cols: [tier]" in spec.reason


@pytest.mark.parametrize(
    "title",
    ["Start tracking the number of accounts per month", "Keep track of revenue per week",
     "We do not keep history of accounts: number of accounts per plan"],
)  # fmt: skip
def test_figures_are_no_snapshots(title: str, shop: SmallWarehouse) -> None:
    spec = shop.spec(title)
    assert "snapshot" not in spec.reason


def test_a_moment_of_change_is_used_by_snapshots() -> None:
    rows = "(1, 'a', date '2024-01-01'), (2, 'b', date '2024-01-02')"
    sql = f"select * from (values {rows}) as t(seat_id, state, updated_at)"
    spec = SmallWarehouse({"stg_seats": sql}).spec("Start tracking changes of the state of seats")
    assert "strategy: timestamp\n      updated_at: updated_at" in spec.reason


def test_two_states_at_one_moment_are_settled_or_asked() -> None:
    rows = "(1, 'a', date '2024-01-01', {0}), (1, 'b', date '2024-01-01', {1}), (1, 'b', date '2024-02-01', 3)"
    sql = f"select * from (values {rows}) as t(seat_id, state, changed_on, entry_no)"
    told = SmallWarehouse({"stg_seat_states": sql.format(1, 2)})
    assert told.rows("SCD2 of state per seat") == [(1, "b", d("01-01"), None, True)]
    unclear = SmallWarehouse({"stg_seat_states": sql.format(1, 1)})
    assert "two states" in unclear.asked("SCD2 of state per seat")


def test_gaps_between_given_periods_are_asked() -> None:
    rows = "(1, 5, date '2024-01-01', date '2024-02-01'), (1, 6, date '2024-03-01', null)"
    sql = f"select * from (values {rows}) as t(carrier_id, rate, valid_from, valid_to)"
    shop = SmallWarehouse({"stg_rates": sql})
    assert "without a next one" in shop.asked("SCD2 of the rate per carrier")


@dataclass
class _Context:
    info: Any = field(default_factory=lambda: SimpleNamespace(dialect="duckdb"))

    def quote(self, name: str) -> str:
        return f'"{name}"'


class _Card:
    """The card of a reconciliation over a small warehouse."""

    def __init__(self, shop: SmallWarehouse, title: str, change: str = "") -> None:
        self.spec, self.evidence, self.context = shop.spec(title), shop.evidence, _Context()
        sql = shop.sql(self.spec)
        shop.database.execute(f"create or replace table built as {sql}")
        if change:
            shop.database.execute(change)
        self.relation, self.shop = "built", shop
        self.columns = {c[0]: c[0] for c in shop.database.execute("describe built").fetchall()}
        self.failed: list[str] = []

    def column(self, name: str) -> str | None:
        return f'r."{name}"' if name in self.columns else None

    def ask(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        return self.shop.query(sql).rows

    def equal(self, name: str, source: Any, model: Any, words: str) -> None:
        if source != model:
            self.failed.append(f"{name}: {source}, {model}")


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("", ""),
        ("update built set plan = 'pro' where valid_from = date '2024-01-01'", "states that"),
        ("update built set valid_to = null where valid_from = date '2024-03-01'", "states|current"),
        ("delete from built where plan = 'pro'", "states that"),
        ("update built set valid_from = date '2023-12-31' where plan is null", "begin with no row"),
        ("insert into built select 10, 'basic', date '2024-02-01', date '2024-03-01', false", "states"),
        ("update built set is_current = true", "current"),
    ],
)  # fmt: skip
def test_the_second_computation_sees_a_wrong_history(
    change: str, finding: str, shop: SmallWarehouse
) -> None:
    import re

    card = _Card(shop, "SCD2 of plan per account", change)
    history(card)  # type: ignore[arg-type]
    assert bool(card.failed) == bool(finding), card.failed
    assert re.search(finding, "\n".join(card.failed))


def test_its_tests_hold_and_fail_on_overlaps(shop: SmallWarehouse) -> None:
    spec = shop.spec("SCD2 of plan per account")
    engine = DraftingEngine(shop)
    draft = engine.model(spec, shop.evidence)
    suite = engine.tests(spec, draft, shop.evidence, None, None)
    assert {(t.column, t.test) for t in suite.generic} >= {
        ("account_id", "not_null"), ("valid_from", "not_null"),
    }  # fmt: skip
    shop.database.execute(f"create or replace table built as {shop.sql(spec)}")
    name = draft.models[0].name
    found = {t.name: t.sql.replace(f"{{{{ ref('{name}') }}}}", "built") for t in suite.singular}
    assert set(found) == {f"assert_{name}_never_overlaps", f"assert_{name}_is_unique"}
    assert all(shop.query(sql).rows == () for sql in found.values())
    shop.database.execute("update built set valid_to = date '2024-12-01' where plan is null")
    assert shop.query(found[f"assert_{name}_never_overlaps"]).rows
