"""What tickets want of the rows of a staging model, and clauses that nothing reads."""

from __future__ import annotations

import duckdb
import pytest

from crew.artifacts import ColumnCard, Evidence, RelationCard, Request, RequirementSpec
from crew.catalog.staging_habits import staged_names, staged_zone
from crew.drafting.engine import DraftingEngine
from crew.drafting.staging_wishes import RowWishes, row_wishes

ROWS = (
    "(values (1, 'B', 250, timestamp '2026-01-02 10:00', null, timestamp '2026-01-03'),"
    " (1, 'C', 260, timestamp '2026-01-02 10:00', null, timestamp '2026-01-04'),"
    " (2, null, 99, timestamp '2026-01-05 10:00', timestamp '2026-01-06', timestamp '2026-01-06'))"
    " as t(berth_no, pier, fee_cents, moored_at, deleted_at, _loaded_at)"
)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    ts = "timestamp"
    columns = (
        ColumnCard(name="berth_no", data_type="integer", distinct=2, nulls=0),
        ColumnCard(name="pier", data_type="varchar", distinct=2, nulls=1, values=("B", "C")),
        ColumnCard(name="fee_cents", data_type="integer", distinct=3, nulls=0),
        ColumnCard(name="moored_at", data_type=ts, distinct=2, nulls=0),
        ColumnCard(name="deleted_at", data_type=ts, distinct=1, nulls=2),
        ColumnCard(name="_loaded_at", data_type=ts, distinct=3, nulls=0),
    )
    card = RelationCard(key="port.berth", unique_id="source.p.port.berth", kind="source",
                        layer="source", relation_name="port.berth", row_count=3, columns=columns)  # fmt: skip
    habits = Evidence(project="p", dialect="duckdb").conventions.model_copy(
        update={"staged_names": {"berth_no": "berth_id"}}
    )
    return Evidence(project="p", dialect="duckdb", relations=(card,), conventions=habits)


def staged(body: str, evidence: Evidence) -> tuple[RequirementSpec, list[dict[str, object]]]:
    engine = DraftingEngine()
    request = Request(source="test", key="T-1", title="Stage port.berth", body=body)
    spec = engine.spec(request, evidence)
    if spec.questions:
        return spec, []
    sql = engine.model(spec, evidence).models[0].sql
    found = duckdb.sql(sql.replace("{{ source('port', 'berth') }}", ROWS))
    return spec, [dict(zip(found.columns, r, strict=True)) for r in found.fetchall()]


def test_the_last_delivery_holds_and_removed_rows_go(evidence: Evidence) -> None:
    spec, rows = staged("Like the other staging models.", evidence)
    assert [(r["berth_id"], r["pier"], float(str(r["fee"]))) for r in rows] == [(1, "C", 2.6)]
    assert not spec.notes


def test_removed_rows_cents_and_deliveries_stay_where_the_ticket_says_so(
    evidence: Evidence,
) -> None:
    _, rows = staged("Keep deleted rows, too.", evidence)
    assert len(rows) == 2 and any(r["deleted_at"] for r in rows)
    _, rows = staged("Leave the fee in cents.", evidence)
    assert [r["fee_cents"] for r in rows] == [260]
    _, rows = staged("Only the first delivery of each berth.", evidence)
    assert [r["pier"] for r in rows] == ["B"]
    spec, rows = staged("Keep all deliveries.", evidence)
    assert len(rows) == 2 and spec.staging is not None and not spec.staging.key


def test_names_and_the_column_of_the_latest_row_are_the_tickets(evidence: Evidence) -> None:
    wished = "With pier as pier_code. Some are there twice: keep only the line with the latest moored_at."
    spec, rows = staged(wished, evidence)
    assert not spec.questions and spec.staging is not None
    assert spec.staging.latest_by == "moored_at" and "pier_code" in rows[0]


def test_what_is_missing_gets_the_value_that_the_ticket_gives(evidence: Evidence) -> None:
    wished = (
        'Columns: berth_id, pier ("none" where the pier is missing),\nmoored_at. Keep deleted rows.'
    )
    spec, rows = staged(wished, evidence)
    assert sorted(str(r["pier"]) for r in rows) == ["C", "none"], spec.questions


@pytest.mark.parametrize(
    "body",
    [
        "Only berths of the northern harbour.",
        "Join the owner's name to it.",
        "Without berths that are rented out.",
        "Nur Liegeplätze mit Strom.",
    ],
)
def test_a_clause_that_may_narrow_or_join_is_asked_about(body: str, evidence: Evidence) -> None:
    spec, _ = staged(body, evidence)
    assert len(spec.questions) == 1 and body.rstrip(".") in spec.questions[0].text


def test_listed_columns_that_the_source_lacks_are_asked_about(evidence: Evidence) -> None:
    spec, _ = staged("Columns: berth_id, pier, skipper_name", evidence)
    assert ["skipper_name" in q.text for q in spec.questions] == [True]


def test_words_by_the_way_are_noted(evidence: Evidence) -> None:
    spec, rows = staged("The harbour master complained loudly again.", evidence)
    assert rows and "harbour master" in spec.notes[0]


def test_negated_words_are_not_taken_for_their_opposite() -> None:
    assert row_wishes("Leave deleted rows out.") == RowWishes()
    assert row_wishes("Do not drop deleted rows").keeps_removed
    assert not row_wishes("amounts from cents to euros").in_cents


def test_names_and_zones_are_those_of_the_other_staging_models() -> None:
    sqls = [
        'select bth_no as berth_id, "id" as boat, x as y from a',
        "select bth_no as berth_id, s at time zone 'UTC' at time zone 'Europe/Rome' as s from b",
    ]
    assert staged_names(sqls) == {"bth_no": "berth_id"}
    assert staged_zone(sqls) == "Europe/Rome"
