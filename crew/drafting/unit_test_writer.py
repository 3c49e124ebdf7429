"""Writes one dbt unit test for a new aggregate model: rows that pin the edges of its specification.

The expected rows are computed from the specification, never from the model's SQL: where the two
differ the model is wrong, and dbt's unit test says so.
"""

from __future__ import annotations

from typing import Any

from crew.artifacts import DraftModel, Evidence, RequirementSpec, UnitTest
from crew.drafting.edge_rows import CannotMakeUp, EdgeRows
from crew.drafting.join_planner import AmbiguousJoin, NoJoin
from crew.drafting.sql_layout import ref_sql
from crew.verification.expected_rows import CannotExpect, expected_rows, plain

MAX_EXPECTED = 40
MAX_NAME = 63


def write_unit_test(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> UnitTest | str:
    """The test, or in words why there is none. Values are made up: none is anybody's own."""
    if not spec.metrics:
        return "nothing is counted"
    if spec.related:
        return "conditions on related rows and rows picked among them cannot be made up yet"
    cards = [evidence.relation(key) for key in model.relations]
    if any(card is None or card.materialization == "ephemeral" for card in cards):
        return "an input is not known as a table"
    try:
        given = EdgeRows(spec, evidence, model.relations).given()
        rows = expected_rows(spec, evidence, given)
    except (CannotMakeUp, CannotExpect) as error:
        return f"{error} cannot be made up"
    except (NoJoin, AmbiguousJoin) as error:
        return str(error)
    return unit_test(model, given, rows, evidence.dialect)


def _name(model: str) -> str:
    """dbt makes a table of this name, and some warehouses take no more than 63 characters."""
    name = f"test_{model}_at_its_edges"
    return name if len(name) <= MAX_NAME else f"test_{model}"[:MAX_NAME]


def unit_test(
    model: DraftModel,
    given: dict[str, list[dict[str, Any]]],
    rows: list[dict[str, Any]],
    dialect: str = "duckdb",
) -> UnitTest | str:
    """The test of these rows, or why it cannot be."""
    columns = [c for c in model.columns if rows and c in rows[0]]
    if not columns or len(rows) > MAX_EXPECTED:
        return f"{len(rows)} rows would be expected"
    return UnitTest(
        name=_name(model.name),
        model=model.name,
        description="Rows made up for the borders of what was asked for; what is expected of them"
        " is computed from the request, not from the model.",
        given=tuple(
            {"input": ref_sql(key).strip("{} "), "rows": rows} for key, rows in given.items()
        ),
        expect=tuple({c: plain(row[c], dialect) for c in columns} for row in rows),
    )
