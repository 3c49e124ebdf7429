"""Names in SQL: quoted where the warehouse would read them otherwise."""

from __future__ import annotations

import pytest
import sqlglot

from crew.artifacts import Conventions
from crew.drafting.sql_layout import tree_sql


@pytest.mark.parametrize(
    ("dialect", "wanted"),
    [
        ("postgres", 'select "ticketNo" as ticket_no, order_id, "order" from t'),
        ("duckdb", 'select ticketno as ticket_no, order_id, "order" from t'),
    ],
)
def test_mixed_case_is_quoted_where_bare_names_are_folded(dialect: str, wanted: str) -> None:
    tree = sqlglot.parse_one('select "ticketNo" as ticket_no, ORDER_ID, "order" from t')
    assert " ".join(tree_sql(tree, Conventions(), dialect).split()) == wanted
