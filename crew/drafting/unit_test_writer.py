"""Writes one dbt unit test for a new aggregate model: rows that pin the edges of its specification.

The expected rows are computed from the specification, never from the model's SQL: where the two
differ the model is wrong, and dbt's unit test says so.
"""

from __future__ import annotations

from typing import Any

from crew.artifacts import DraftModel, Evidence, ExampleRows, RequirementSpec, UnitTest
from crew.drafting.edge_rows import CannotMakeUp, EdgeRows
from crew.drafting.example_tables import value_of
from crew.drafting.join_planner import AmbiguousJoin, NoJoin
from crew.drafting.sql_layout import ref_sql
from crew.verification.example_rows import findings_of
from crew.verification.expected_rows import CannotExpect, expected_rows, plain

MAX_EXPECTED = 40
MAX_NAME = 63
OF_THE_REQUEST = "_as_requested"


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


def request_unit_test(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> UnitTest:
    """The test of the rows that the request gives: of the inputs, and of the result for them.

    Numbers that are rounded there are those of the specification, where these round to them; else
    they stand as they are written, so that the test shows the difference.
    """
    given: dict[str, list[dict[str, Any]]] = {key: [] for key in model.relations}
    for table in spec.given:
        card = evidence.relation(table.relation)
        types = {c.name: c.data_type for c in card.columns} if card else {}
        given[table.relation] += [
            {c: value_of(v, types.get(c, "")) for c, v in zip(table.columns, row, strict=True)}
            for row in table.rows
        ]
    rows = [row for table in spec.examples for row in _expected(table, spec, evidence, given)]
    name = f"test_{model.name}"[: MAX_NAME - len(OF_THE_REQUEST)] + OF_THE_REQUEST
    return UnitTest(
        name=name,
        model=model.name,
        description="The rows that the request gives, and what it expects of them.",
        given=tuple(
            {"input": ref_sql(key).strip("{} "), "rows": rows} for key, rows in given.items()
        ),
        expect=tuple(rows),
    )


def _expected(
    table: ExampleRows, spec: RequirementSpec, evidence: Evidence, given: dict[str, Any]
) -> list[dict[str, Any]]:
    keys = {d.name for d in spec.dimensions} | ({spec.time.column} if spec.time else set())
    whole = {}
    for key, rows in given.items():  # as dbt does: what is not given is null
        card = evidence.relation(key)
        empty = dict.fromkeys(c.name for c in card.columns) if card else {}
        whole[key] = [{**empty, **row} for row in rows]
    try:
        computed = expected_rows(spec, evidence, whole)
    except (CannotExpect, NoJoin, AmbiguousJoin):
        computed = []
    if computed and len(computed) == len(table.rows) and not findings_of(table, computed, keys):
        return [{c: plain(row[c], evidence.dialect) for c in table.columns} for row in computed]
    numbers = {m.name for m in spec.metrics} | {d.name for d in spec.derived}
    return [
        {
            c: _day(v) if spec.time and c == spec.time.column
            else value_of(v, "double" if c in numbers else "varchar")
            for c, v in zip(table.columns, row, strict=True)
        }
        for row in table.rows
    ]  # fmt: skip


def _day(text: str) -> str:
    """`2024-01` and `2024` as their first day."""
    return text + {4: "-01-01", 7: "-01"}.get(len(text), "")


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
