"""Figures and splits by keys of JSON: read out of the column that holds them, over real rows."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from crew.artifacts import ColumnCard, Evidence, RelationCard, Request, RequirementSpec
from crew.catalog.json_fields import json_fields
from crew.drafting.engine import DraftingEngine
from crew.drafting.reuse import runnable

READINGS = [
    (1, "SAMPLE", {"probe": "tide", "depth": 2.5}),
    (2, "SAMPLE", {"probe": "wind", "depth": 7}),
    (3, "SAMPLE", {"probe": "wind", "depth": 9}),
    (4, "START", {"operator_email": "a@b.example"}),
]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    log = ColumnCard(name="log", data_type="json", nulls=0)
    texts = [json.dumps(r[2]) for r in READINGS]
    columns = (
        ColumnCard(name="reading_id", data_type="bigint", distinct=4, nulls=0, is_unique=True),
        ColumnCard(
            name="kind", data_type="varchar", distinct=2, nulls=0, values=("SAMPLE", "START")
        ),
        log.model_copy(update={"fields": tuple(json_fields(log, texts, whole=True))}),
    )
    card = RelationCard(key="stg_readings", unique_id="model.p.stg_readings", kind="model",
                        layer="staging", relation_name="stg_readings", row_count=4,
                        columns=columns)  # fmt: skip
    return Evidence(project="p", dialect="duckdb", relations=(card,))


def drafted(body: str, evidence: Evidence) -> tuple[RequirementSpec, list[tuple[Any, ...]]]:
    engine = DraftingEngine()
    request = Request(source="test", key="T-1", title="Readings", body=body)
    spec = engine.spec(request, evidence)
    if spec.questions:
        return spec, []
    sql = runnable(engine.model(spec, evidence).models[0], evidence)
    with duckdb.connect() as database:
        database.execute("create table stg_readings (reading_id bigint, kind varchar, log json)")
        rows = [(n, kind, json.dumps(log)) for n, kind, log in READINGS]
        database.executemany("insert into stg_readings values (?, ?, ?)", rows)
        return spec, sorted(database.execute(sql).fetchall(), key=str)


def test_a_figure_and_a_split_are_keys_of_json(evidence: Evidence) -> None:
    spec, rows = drafted("Average depth of SAMPLE readings per probe.", evidence)
    assert rows == [("tide", 2.5), ("wind", 8.0)]
    said = " ".join(a.text for a in spec.assumptions)
    assert "`depth` is a key in the JSON of `stg_readings`" in said and "`probe`" in said


def test_a_condition_may_be_on_a_key(evidence: Evidence) -> None:
    _, rows = drafted("Number of readings with a depth over 5, by probe.", evidence)
    assert rows == [("wind", 2)]


def test_a_key_that_no_row_has_is_asked_about(evidence: Evidence) -> None:
    spec, _ = drafted("Number of readings per harbour.", evidence)
    assert "harbour" in spec.questions[0].text


def test_a_key_of_personal_data_is_no_split(evidence: Evidence) -> None:
    spec, _ = drafted("Number of readings per operator email.", evidence)
    assert "operator email" in spec.questions[0].text
