"""Words that nothing in the data explains and that may say which rows count are asked about or noted,
wherever they stand: a number over all rows is never delivered in their place without a word."""

from __future__ import annotations

import pytest

from tests.small_warehouse import SmallWarehouse

_BEHIND = (
    "that were zorped", "which are zorped", "where the zorp is high", "with a purple zorp", ", zorped ones only",
    ", only zorped ones", "without zorps", "excluding zorped ones", ", not the zorped ones", ", no zorps please",
    "made by the night zorp", "handled by zorps", "from the zorp desk", "in the zorp programme",
    "under zorp",
    "outside zorp hours", "on zorp days", "older than the zorp", "for new zorps", "among the zorp ones",
    "except the zorp ones", ", not yet zorped", "over the zorp", "via zorp", "through the zorp", "(zorp only)",
    "(zorped)",
    "(no zorps)", "- zorp only -", "; zorps out", "if zorped", "when zorped", "unless zorped", "whose zorp is high",
    "having zorps", "belonging to zorp", "after the zorp", "before the zorp", "since the zorp", "during the zorp",
    "within zorp", "at zorp level", ", zorp included", ", mainly the zorp ones", "but not zorp", "rather than zorp",
    "like zorp", "against zorp", "for zorp's team", ", that is the zorp ones", ", i.e. zorp ones",
    ". Only zorps count.", ". We only look at zorps here.", ". Please restrict it to zorps.", ". Zorps don't count.",
    ". Without the zorps.", ". Ignore zorps.", ". No zorps.", ". Just orders that took a zorp.",
)  # fmt: skip
_BEFORE = (
    "Only zorped orders: number per region", "Number of zorped orders per region",
    "For zorps, number of orders per region",
    "For all zorp orders: number per region", "Of the zorp orders, how many per region?",
    "How many orders per region were zorped?", "How many orders did we zorp per region?",
    "How many orders per region have a zorp?", "Number of orders (zorp) per region",
)  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "orders": "select i as order_id, ['north', 'south'][1 + i % 2] as region,"
            " ['open', 'paid', 'void'][1 + i % 3] as order_status,"
            " date '2025-01-01' + i::int as ordered_on, i * 2.5 as amount from range(1, 61) t(i)"
        },
        keys={"orders": "order_id"},
    )


@pytest.mark.parametrize(
    "ticket", [*(f"Number of orders per region {said}".replace(" ,", ",").replace(" .", ".").replace(" ;", ";")
                 for said in _BEHIND), *_BEFORE]
)  # fmt: skip
@pytest.mark.parametrize("in_title", [True, False])
def test_what_may_limit_the_rows_is_asked_or_noted(
    shop: SmallWarehouse, ticket: str, in_title: bool
) -> None:
    spec = shop.spec(ticket) if in_title else shop.spec("Orders", ticket)
    told = (*spec.notes, *(a.text for a in spec.assumptions))
    assert spec.questions or any("zorp" in t.lower() for t in told)


@pytest.mark.parametrize(
    "ticket",
    [
        "Number of orders per region, please, for the board deck. Thanks a lot!",
        "The board asks for the number of orders per region and month.",
        "Number of paid orders per region that were ordered in 2025",
        "We want to follow the number of orders per region (status paid only).",
        "Number of orders per month. Months without any order appear with 0.",
    ],
)
def test_nothing_is_asked_of_what_is_read_or_only_told(shop: SmallWarehouse, ticket: str) -> None:
    assert not shop.spec("Orders", ticket).questions


@pytest.mark.parametrize(
    ("ticket", "condition"),
    [
        ("Number of orders per region, but not the ones before February 2025", ">="),
        ("Number of orders per region. Nothing before February 2025 please.", ">="),
        ("Number of orders per region, ignore everything before February 2025", ">="),
        ("Number of orders per region, no orders since February 2025", "<"),
    ],
)
def test_dates_that_are_denied_are_left_out(
    shop: SmallWarehouse, ticket: str, condition: str
) -> None:
    side = shop.fetch(
        f"select region, count(*) from orders where ordered_on {condition} '2025-02-01' group by 1"
    )
    assert shop.rows("Orders", ticket) == side


def test_a_type_is_no_name_of_the_thing() -> None:
    shop = SmallWarehouse(
        {
            "customers": "select i as customer_id, 'C' || i as customer_name from range(1, 9) t(i)",
            "orders": "select i as order_id, 1 + i % 8 as customer_id, ['card', 'cash'][1 + i % 2] as"
            " payment from range(1, 61) t(i)",
        },
        joins=[("orders", "customer_id", "customers", "customer_id")],
        keys={"orders": "order_id", "customers": "customer_id"},
    )
    assert shop.asked("Orders", "Number of orders per type of customer")
    spec = shop.spec("Orders", "Number of orders per type of payment")
    assert [d.column for d in spec.dimensions] == ["payment"]
    assert any("type of payment" in a.text for a in spec.assumptions)
