"""Staging models that are loaded incrementally: wished for, or of many rows; and what is asked."""

from __future__ import annotations

import re

import pytest

from crew.artifacts import Increment, RequirementSpec
from crew.drafting.engine import DraftingEngine
from crew.drafting.staging_increments import increment_wish
from tests.small_warehouse import SmallWarehouse

# Every tenth scan comes 50 hours late; every 25th is delivered again a day later, with other words.
SCANS = """select * from (
 select i as scan_id, 'g' || i % 3 as gate, moment as scanned_at,
  moment + case when i % 10 = 0 then interval 50 hour else interval 1 hour end as _loaded_at
 from (select i, timestamp '2025-01-01' + to_hours(i::int) as moment from range(1, 401) as t(i)) as s
 union all
 select i, 'again', timestamp '2025-01-01' + to_hours(i::int), timestamp '2025-01-02 02:00' + to_hours(i::int)
 from range(25, 401, 25) as t(i))"""
BARE = f"select * exclude (_loaded_at) from ({SCANS}) where gate <> 'again'"
MARKED = f"select *, scan_id % 7 = 0 as is_deleted from ({SCANS})"
WISH = "Stage door.scans incrementally"


@pytest.fixture(scope="module")
def door() -> SmallWarehouse:
    return SmallWarehouse({"door.scans": SCANS})


def loaded(spec: RequirementSpec) -> Increment | None:
    assert not spec.questions, [q.text for q in spec.questions]
    assert spec.staging is not None
    return spec.staging.increment


@pytest.mark.parametrize(
    "title",
    [
        WISH, "Stage door.scans, incremental please, it is big", "Stage door.scans. Load only new rows each run.",
        "Bitte door.scans stagen (stg_door__scans), inkrementell laden", "stg for door.scans: delta load, it is huge",
        "Stage door.scans. Chargement incrémental svp.", "Stage door.scans, carga incremental por favor",
    ],
)  # fmt: skip
def test_the_look_back_is_how_late_rows_came(title: str, door: SmallWarehouse) -> None:
    spec = door.spec(title)
    assert loaded(spec) == Increment(at="loaded_at", days=3, key=("scan_id",), event="scanned_at")
    said = [a.text for a in spec.assumptions if a.text.startswith("Loaded incrementally")]
    assert len(said) == 1 and "at most 3 days older" in said[0] and "`scanned_at`" in said[0]


def test_the_model_keeps_what_tells_the_arrival_and_replaces_by_key(door: SmallWarehouse) -> None:
    model = DraftingEngine(door).model(door.spec(WISH), door.evidence).models[0]
    assert model.materialization == "incremental" and "loaded_at" in model.columns
    assert re.match(
        r"\{\{ config\(materialized='incremental', unique_key='scan_id'\) \}\}", model.sql
    )
    assert "{% if is_incremental() %}" in model.sql and "interval '3' day" in model.sql.lower()


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("Not incremental please", "no"), ("no incremental loading needed", "no"),
        ("incremental is not needed", "no"), ("nicht inkrementell", "no"),
        ("We can make it incremental later.", "later"), ("incremental if it gets slow", "unclear"),
        ("The old view was incremental", "unclear"), ("maybe incremental?", "unclear"),
        ("Can you make it incremental?", "yes"), ("key is incremental_id", ""),
        ("incremental, not a full refresh", "yes"), ("Only new customers", ""),
    ],
)  # fmt: skip
def test_wishes_are_told_from_what_is_none(said: str, wish: str) -> None:
    assert increment_wish(said).wish == wish


def test_many_rows_are_loaded_incrementally_unless_the_ticket_says_no(door: SmallWarehouse) -> None:
    big = SmallWarehouse({"door.scans": SCANS})
    few = big.evidence.conventions.model_copy(update={"staging_incremental_rows": 400})
    big.evidence = big.evidence.model_copy(update={"conventions": few})
    spec = big.spec("Stage door.scans")
    assert loaded(spec) and any("416 rows, more than 400" in a.text for a in spec.assumptions)
    assert loaded(big.spec("Stage door.scans, not incremental")) is None
    assert loaded(door.spec("Stage door.scans")) is None
    later = door.spec("Stage door.scans. It will be incremental later.")
    assert loaded(later) is None and any("is not done" in n for n in later.notes)


@pytest.mark.parametrize(
    ("body", "days", "event"),
    [
        ("Look back 7 days.", 7, "scanned_at"), ("Rows may arrive up to two weeks late.", 14, "scanned_at"),
        ("With a look-back of 72 hours", 3, "scanned_at"),
    ],
)  # fmt: skip
def test_a_longer_look_back_is_the_tickets(
    body: str, days: int, event: str, door: SmallWarehouse
) -> None:
    found = loaded(door.spec(WISH, body))
    assert found and (found.days, found.event) == (days, event)


def test_a_look_back_that_the_data_contradict_is_asked_about(door: SmallWarehouse) -> None:
    body = "Rows may come one day late."
    assert "up to 3 days late" in door.asked(WISH, body)
    found = loaded(door.spec(WISH, body, ["A"]))
    assert found and (found.days, found.event) == (3, "scanned_at")
    found = loaded(door.spec(WISH, body, ["B"]))
    assert found and (found.days, found.event) == (1, "")
    assert loaded(door.spec(WISH, body, ["C"])) is None


def test_what_tells_the_arrival_is_never_guessed() -> None:
    bare = SmallWarehouse({"door.scans": BARE})
    assert "No column tells when a row of `door.scans` arrived" in bare.asked(WISH)
    found = loaded(bare.spec(WISH, "", ["by scanned_at"]))
    assert found and (found.at, found.days, found.event) == ("scanned_at", 1, "")
    assert loaded(bare.spec(WISH, "", ["B"])) is None
    assert loaded(bare.spec(f"{WISH} by scanned_at")) == found
    two = SmallWarehouse({"door.scans": f"select *, _loaded_at as _synced_at from ({SCANS})"})
    assert "Several columns tell" in two.asked(WISH)
    found = loaded(two.spec(f"{WISH} by _synced_at"))
    assert found and found.at == "synced_at"


def test_rows_that_change_after_what_happened_are_looked_back_for() -> None:
    """Nothing tells an arrival, and a gate is closed up to ten days after its scan."""
    closed = f"select *, scanned_at + to_days((scan_id % 11)::int) as closed_at from ({BARE})"
    door = SmallWarehouse({"door.scans": closed})
    spec = door.spec(f"{WISH} by scanned_at")
    found = loaded(spec)
    assert found and (found.days, found.event) == (10, "")
    assert any("not when a row arrived or changed" in n for n in spec.notes)
    longer = SmallWarehouse({"door.scans": closed.replace("% 11", "% 51")})
    assert "up to 50 days after `scanned_at`" in longer.asked(WISH, "New rows by scanned_at.")


def test_rows_that_may_be_removed_later_are_asked_about() -> None:
    marked = SmallWarehouse({"door.scans": MARKED})
    assert "`is_deleted` marks rows" in marked.asked(WISH)
    kept = marked.spec(WISH, "", ["A"])
    assert loaded(kept) and kept.staging and not kept.staging.keep
    assert "is_deleted" in {c.name for c in kept.staging.columns}
    whole = marked.spec(WISH, "", ["B"])
    assert loaded(whole) is None and whole.staging and whole.staging.keep
    assert loaded(marked.spec(WISH, "Keep deleted rows.")) is not None
    assert "no longer meets it" in marked.asked(
        WISH, "Keep deleted rows. Only rows where gate is g1"
    )


def test_rows_without_a_key_are_asked_about() -> None:
    loose = SmallWarehouse({"door.scans": f"select gate, _loaded_at from ({SCANS})"})
    assert "tells all rows apart" in loose.asked(WISH)


def test_the_first_delivery_holds_in_later_runs_too(door: SmallWarehouse) -> None:
    found = loaded(door.spec(WISH, "Only the first delivery of each scan."))
    assert found and found.whole_keys
