"""Joins lose as few rows as possible and never multiply them."""

from __future__ import annotations

import pytest

from crew.artifacts import ColumnCard, Evidence, JoinEdge, RelationCard
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin


def relation(key: str, rows: int = 100, **nulls: int) -> RelationCard:
    columns = tuple(ColumnCard(name=c, nulls=n) for c, n in nulls.items())
    return RelationCard(
        key=key, unique_id=f"m.{key}", kind="model", layer="staging", relation_name=key,
        row_count=rows, columns=columns,
    )  # fmt: skip


def edge(left: str, column: str, right: str, share: float = 1.0) -> JoinEdge:
    return JoinEdge(
        left=left, left_column=column, right=right, right_column="id", match_share=share
    )


def planner(relations: list[RelationCard], edges: list[JoinEdge]) -> JoinPlanner:
    return JoinPlanner(
        Evidence(project="p", dialect="duckdb", relations=tuple(relations), joins=tuple(edges))
    )


def test_the_way_that_keeps_the_rows_beats_the_short_one() -> None:
    payments = relation("payments", order_id=90, item_id=0)
    plan = planner(
        [payments, relation("items", order_id=0), relation("orders")],
        [
            edge("payments", "order_id", "orders"),
            edge("payments", "item_id", "items"),
            edge("items", "order_id", "orders"),
        ],
    ).plan("payments", ["orders"])
    assert [e.right for e in plan] == ["items", "orders"]


def test_a_relation_is_joined_once() -> None:
    edges = [
        edge("items", "order_id", "orders"),
        edge("orders", "customer_id", "customers"),
        edge("customers", "region_id", "regions"),
    ]
    cards = [
        relation("items", order_id=0),
        relation("orders", customer_id=0),
        relation("customers", region_id=0),
        relation("regions"),
    ]
    plan = planner(cards, edges).plan("items", ["regions", "customers"])
    assert [e.right for e in plan] == ["orders", "customers", "regions"]


def test_parallel_keys_are_asked_about() -> None:
    cards = [relation("shipments", origin_id=0, target_id=0), relation("depots")]
    edges = [edge("shipments", "origin_id", "depots"), edge("shipments", "target_id", "depots")]
    with pytest.raises(AmbiguousJoin) as caught:
        planner(cards, edges).path("shipments", "depots")
    assert {e.left_column for e in caught.value.edges} == {"origin_id", "target_id"}
    assert (
        planner(cards, edges).path("shipments", "depots", ["target_id"])[0].left_column
        == "target_id"
    )


def test_no_way_is_said() -> None:
    with pytest.raises(NoJoin):
        planner([relation("a"), relation("b")], [edge("b", "a_id", "a")]).path("a", "b")
