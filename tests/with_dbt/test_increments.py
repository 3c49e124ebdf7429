"""The proof of an incremental staging model: dbt builds it over half of the rows, then over all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest
from projects import private_copy, write

from crew.artifacts import (
    Check,
    DraftModel,
    FileChange,
    ModelDraft,
    RequirementSpec,
    TestSuite,
    ValidationReport,
)
from crew.drafting.engine import DraftingEngine
from crew.verification.checks import ProjectVerifier
from crew.verification.dbt_worker import DbtWorker
from crew.verification.increment_proof import increments
from crew.verification.reconciliation import reconciliation
from tests.small_warehouse import SmallWarehouse
from tests.unit.test_staging_increments import SCANS

PROJECT = {
    "dbt_project.yml": """
        name: door
        profile: door
        models: {door: {+materialized: view}}
    """,
    "profiles.yml": """
        door:
          target: dev
          outputs:
            dev: {type: duckdb, path: warehouse.duckdb, schema: main}
    """,
    "models/sources.yml": """
        sources: [{name: door, schema: door, tables: [{name: scans}]}]
    """,
}
WISH = "Stage door.scans incrementally"


@pytest.fixture(scope="module")
def door() -> SmallWarehouse:
    return SmallWarehouse({"door.scans": SCANS})


@pytest.fixture(scope="module")
def verify(
    tmp_path_factory: pytest.TempPathFactory, other_worker: DbtWorker
) -> Iterator[Callable[[RequirementSpec, DraftModel, SmallWarehouse], ValidationReport]]:
    folder = tmp_path_factory.mktemp("door")
    origin = write(folder / "origin", PROJECT)
    with duckdb.connect(str(origin / "warehouse.duckdb")) as connection:
        connection.execute("create schema door")
        connection.execute(f"create table door.scans as {SCANS}")
    copy = private_copy(origin, folder / "copy")
    info = other_worker.open(copy, None, None, origin, folder / "scratch")
    verifier = ProjectVerifier(other_worker, copy, info, extra=[increments, reconciliation])

    def run(spec: RequirementSpec, model: DraftModel, door: SmallWarehouse) -> ValidationReport:
        files = (FileChange(path=model.path, text=model.sql, action="create"),)
        draft = ModelDraft(models=(model,))
        return verifier.verify(spec, draft, TestSuite(), door.evidence, files)

    yield run
    verifier.restore()


def named(report: ValidationReport, name: str) -> Check:
    return next(c for c in report.checks if c.name == name)


@pytest.mark.parametrize("body", ["", "Only the first delivery of each scan."])
def test_two_runs_give_the_rows_of_one(
    body: str, verify: Callable[..., ValidationReport], door: SmallWarehouse
) -> None:
    spec = door.spec(WISH, body)
    model = DraftingEngine(door).model(spec, door.evidence).models[0]
    report = verify(spec, model, door)
    check = named(report, "increments")
    assert check.status == "passed" and check.finding.count("rows of a full build") == 2, check
    assert named(report, "reconciliation").status == "passed"
    assert [
        c for c in report.checks if c.status == "failed" and c.name not in {"docs", "key tests"}
    ] == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("interval '3' day", "interval '1' day", "Split by `scanned_at`"),
        (", unique_key='scan_id'", "", "should not be there"),
        ("unique_key='scan_id'", "unique_key='_loaded_at'", ""),
        ("where _loaded_at >=", "where scanned_at = _loaded_at and _loaded_at >=", "missing"),
    ],
)  # fmt: skip
def test_what_loses_or_doubles_rows_is_found(
    old: str, new: str, words: str, verify: Callable[..., ValidationReport], door: SmallWarehouse
) -> None:
    spec = door.spec(WISH)
    model = DraftingEngine(door).model(spec, door.evidence).models[0]
    assert old in model.sql
    spoiled = model.model_copy(update={"sql": model.sql.replace(old, new)})
    check = named(verify(spec, spoiled, door), "increments")
    assert check.status == "failed" and words in check.finding, check


def test_a_condition_that_rows_cease_to_meet_is_found(
    verify: Callable[..., ValidationReport], door: SmallWarehouse
) -> None:
    spec = door.spec(WISH, "Only rows where gate is not again.", ["A"])
    assert spec.staging and spec.staging.increment
    model = DraftingEngine(door).model(spec, door.evidence).models[0]
    check = named(verify(spec, model, door), "increments")
    assert check.status == "failed" and "should not be there" in check.finding, check
