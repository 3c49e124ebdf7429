"""Keys of columns that hold JSON: found in the rows, read in SQL of six warehouses, named in tickets."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from crew.artifacts import ColumnCard
from crew.catalog.json_fields import json_fields, may_hold_json, struct_fields
from crew.drafting.json_paths import json_value
from crew.drafting.staging_json import unnested

ROWS: list[dict[str, Any]] = [
    {"gate": "A", "wait": 3, "toll": 1.5, "night": True, "left": "2026-03-01T05:00:00Z",
     "boat": {"id": 7, "owner_email": "a@b.example"}, "crew": ["x"], "mixed": 1, "odd key": "1"},
    {"gate": "B", "wait": None, "toll": 2, "night": False, "left": "2026-03-02T05:00:00+01:00",
     "boat": {"id": 8, "owner_email": None}, "crew": [], "mixed": "one", "due": "2026-03-09"},
]  # fmt: skip
LOG = ColumnCard(name="log", data_type="json")


def fields(card: ColumnCard = LOG, *texts: str | None) -> dict[str, ColumnCard]:
    found = json_fields(card, texts or [json.dumps(r) for r in ROWS], whole=True)
    return {".".join(f.path[1:]): f for f in found}


def test_keys_have_the_type_of_all_their_values() -> None:
    found = fields()
    assert {k: f.data_type for k, f in found.items()} == {
        "gate": "varchar", "wait": "bigint", "toll": "double", "night": "boolean",
        "left": "timestamp with time zone", "boat.id": "bigint", "boat.owner_email": "varchar",
        "crew": "json", "mixed": "varchar", "odd key": "varchar", "due": "date",
    }  # fmt: skip
    assert (found["gate"].values, found["gate"].nulls, found["due"].nulls) == (("A", "B"), 0, 1)


def test_keys_of_personal_data_show_nothing_of_it() -> None:
    email = fields()["boat.owner_email"]
    assert email.is_personal and not email.values and email.minimum is None


def test_text_holds_json_only_where_every_row_is_an_object() -> None:
    text = ColumnCard(name="log", data_type="varchar", minimum="", maximum='{"a": 1}')
    assert may_hold_json(text) and set(fields(text, '{"a": 1}', "", None)) == {"a"}
    assert not fields(text, '{"a": 1}', "{broken")
    assert not may_hold_json(text.model_copy(update={"maximum": "~"}))


def test_what_is_now_an_object_and_now_a_number_stays_json() -> None:
    found = fields(LOG, '{"a": {"b": 1}}', '{"a": 2}')
    assert {k: f.data_type for k, f in found.items()} == {"a": "json"}


def test_fields_of_a_struct_are_those_of_its_type() -> None:
    for type_ in ("struct(a bigint, b struct(c varchar))", "struct<a int64, b struct<c string>>"):
        found = struct_fields(ColumnCard(name="log", data_type=type_))
        assert [f.path for f in found] == [("log", "a"), ("log", "b", "c")]


def test_sql_reads_every_key_of_every_row() -> None:
    for made in ("json", "varchar"):
        card = LOG.model_copy(update={"data_type": made, "minimum": ""})
        columns = [json_value(card, f.path[1:], f.data_type, "duckdb") for f in fields().values()]
        rows = " union all ".join(f"select '{json.dumps(r)}'::{made} as log" for r in ROWS)
        read = duckdb.sql(f"select {', '.join(columns)} from ({rows})").fetchall()
        have = dict(zip(fields(), read[0], strict=True))
        assert (have["gate"], have["wait"], have["toll"], have["night"]) == ("A", 3, 1.5, True)
        assert (have["boat.id"], have["odd key"], have["crew"]) == (7, "1", '["x"]')
        assert str(have["due"]) == "None" and read[1][1] is None


@pytest.mark.parametrize(
    ("dialect", "data_type", "sql"),
    [
        ("duckdb", "json", """CAST("log" ->> '$.boat.id' AS BIGINT)"""),
        ("snowflake", "variant", """CAST(GET_PATH("log", 'boat.id') AS BIGINT)"""),
        ("snowflake", "varchar", """CAST(GET_PATH(PARSE_JSON("log"), 'boat.id') AS BIGINT)"""),
        ("bigquery", "json", "CAST(JSON_VALUE(`log`, '$.boat.id') AS INT64)"),
        ("postgres", "jsonb", """CAST("log" -> 'boat' ->> 'id' AS BIGINT)"""),
        ("postgres", "text", """CAST(CAST("log" AS JSONB) -> 'boat' ->> 'id' AS BIGINT)"""),
        ("redshift", "super",
         """CAST(NULLIF(JSON_EXTRACT_PATH_TEXT(JSON_SERIALIZE("log"), 'boat', 'id'), '') AS BIGINT)"""),
        ("redshift", "varchar",
         """CAST(NULLIF(JSON_EXTRACT_PATH_TEXT("log", 'boat', 'id'), '') AS BIGINT)"""),
        ("databricks", "string", "CAST(GET_JSON_OBJECT(`log`, '$.boat.id') AS BIGINT)"),
        ("databricks", "variant", """CAST(`log`:["boat"]["id"] AS BIGINT)"""),
        ("databricks", "struct<boat:struct<id:int>>", "(`log`).`boat`.`id`"),
    ],
)  # fmt: skip
def test_each_warehouse_reads_a_key_in_its_own_way(dialect: str, data_type: str, sql: str) -> None:
    card = ColumnCard(name="log", data_type=data_type)
    assert json_value(card, ("boat", "id"), "bigint", dialect) == sql


COLUMNS = (ColumnCard(name="gate_no"), LOG.model_copy(update={"fields": tuple(fields().values())}))


@pytest.mark.parametrize(
    ("text", "keys", "missing"),
    [
        ("Stage the gates.", 11, ()),
        ("Unnest log: gate, wait", {"gate", "wait"}, ()),
        ("Please flatten the log (gate and wait)", {"gate", "wait"}, ()),
        ("We want gate, wait and the boat's id out of the log", {"gate", "wait", "boat_id"}, ()),
        ("gate und wait aus dem log entpacken", {"gate", "wait"}, ()),
        ("flatten log, e.g. gate and wait", 11, ()),
        ("Unnest log: gate, weather", {"gate"}, ("weather",)),
        ("Keep the log as it is", 0, ()),
        ("the log must not be unnested, log as is", 0, ()),
    ],
)
def test_a_ticket_may_name_the_keys(
    text: str, keys: set[str] | int, missing: tuple[str, ...]
) -> None:
    found = unnested(COLUMNS, text)
    names = {c.name for c in found.cards}
    assert (len(names) if isinstance(keys, int) else names) == keys
    assert found.missing == missing
