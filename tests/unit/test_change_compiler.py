"""Columns are added by text: every line that was there stays."""

from __future__ import annotations

import pytest

from crew.artifacts import (
    ColumnCard,
    Dimension,
    Evidence,
    Grounding,
    JoinEdge,
    RelationCard,
    RequirementSpec,
)
from crew.drafting.change_compiler import compile_change
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.model_text import CannotEdit


def card(key: str, *columns: str) -> RelationCard:
    return RelationCard(
        key=key,
        unique_id=f"model.p.{key}",
        kind="model",
        layer="mart",
        relation_name=key,
        path=f"models/{key}.sql",
        columns=tuple(ColumnCard(name=c, data_type="varchar") for c in columns),
    )


def changed(sql: str) -> str:
    edge = JoinEdge(
        left="orders", left_column="customer_id", right="customers",
        right_column="customer_id", match_share=1.0,
    )  # fmt: skip
    evidence = Evidence(
        project="p",
        dialect="duckdb",
        relations=(
            card("orders", "order_id", "customer_id"),
            card("customers", "customer_id", "region"),
        ),
        joins=(edge,),
        sql={"orders": sql},
    )
    said = Grounding(source="ticket", text="region")
    spec = RequirementSpec(
        kind="change_model",
        model="orders",
        target="orders",
        question="add the region",
        dimensions=(
            Dimension(name="region", relation="customers", column="region", grounding=said),
        ),
    )
    target = evidence.relation("orders")
    assert target is not None
    return compile_change(spec, evidence, JoinPlanner(evidence), target).sql


SHAPES = [
    "with a as (\n    select * from {{ ref('x') }}\n)\n\nselect * from a\n",
    "select order_id, customer_id from {{ ref('x') }}\n",
    "{{ config(materialized='table') }}\n\nselect order_id, customer_id -- both\nfrom {{ ref('x') }}",
    "with a as (select 1 as order_id, 2 as customer_id)\nselect distinct * from a union all select * from a\n",
    "{% set n = ['a'] %}\nselect order_id, {% for i in n %}'{{ i }}', {% endfor %}customer_id\n"
    "from {{ ref('x') }}\n",
]


@pytest.mark.parametrize("sql", [s for s in SHAPES if "{% for" not in s])
def test_every_line_that_was_there_stays(sql: str) -> None:
    after = changed(sql)
    for line in sql.splitlines():
        kept = line.strip() in after or line.strip() == "select * from a"
        assert kept, (line, after)
    assert "left join customers" in after
    assert after.rstrip().endswith("select * from with_region")


def test_windows_line_ends_survive() -> None:
    after = changed("with a as (\r\n    select * from {{ ref('x') }}\r\n)\r\nselect * from a\r\n")
    assert "\n" not in after.replace("\r\n", "")


def test_a_select_that_jinja_builds_is_not_edited_blindly() -> None:
    with pytest.raises(CannotEdit):
        changed(SHAPES[-1])
