"""Time zones that tickets name, what columns are written in, and the SQL that moves them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest

from crew.artifacts import ColumnCard, RelationCard
from crew.drafting.staging_zones import MOMENT, in_zone, without_zone, zone_of, zone_wishes

NAMES = {"leftAt": "left_at", "seen_at_utc": "seen_at_utc"}


@pytest.mark.parametrize(
    ("text", "written", "wished"),
    [
        ("All times in UTC.", "", {"": "UTC"}),
        ("Times should be in Berlin time.", "", {"": "Europe/Berlin"}),
        ("Times are UTC; please convert them to Europe/Berlin.", "UTC", {"": "Europe/Berlin"}),
        ("They are stored in UTC, we need New York time", "UTC", {"": "America/New_York"}),
        ("convert from CET to UTC", "CET", {"": "UTC"}),
        ("convert UTC times to Madrid time", "UTC", {"": "Europe/Madrid"}),
        ("left_at in UTC, seen_at_utc in Berliner Zeit", "",
         {"leftAt": "UTC", "seen_at_utc": "Europe/Berlin"}),
        ("keep the times in UTC", "UTC", {}),
        ("We load it in time for the board meeting.", "", {}),
        ("Delivery Time in hours", "", {}),
    ],
)  # fmt: skip
def test_a_ticket_names_the_zone_of_the_source_and_the_one_it_wants(
    text: str, written: str, wished: dict[str, str]
) -> None:
    found = zone_wishes(text, NAMES)
    assert (found.written, found.wished, found.unclear) == (written, wished, "")


def test_a_zone_that_is_none_is_unclear() -> None:
    assert zone_wishes("convert to our local time", NAMES).unclear
    assert zone_wishes("seen_at_utc in Hamburg time", NAMES).unclear == "Hamburg"


def test_what_a_column_is_written_in_is_told_by_type_name_or_description() -> None:
    source = RelationCard(
        key="a.b", unique_id="s", kind="source", layer="source", relation_name="b"
    )
    told = source.model_copy(update={"description": "Arrivals. All times in UTC."})
    column = ColumnCard(name="left", data_type="timestamp")
    assert zone_of(column, source, "duckdb") == "" and zone_of(column, told, "duckdb") == "UTC"
    utc = column.model_copy(update={"name": "leftAtUtc"})
    assert zone_of(utc, source, "duckdb") == "UTC"
    local = column.model_copy(update={"description": "Local time of Berlin"})
    assert zone_of(local, told, "duckdb") == "Europe/Berlin"
    zoned = column.model_copy(update={"data_type": "timestamp with time zone"})
    assert zone_of(zoned, source, "duckdb") == MOMENT


@pytest.mark.parametrize("day", ["2026-01-15 23:30:00", "2026-07-15 23:30:00"])
def test_moments_are_moved_as_the_calendar_of_the_zone_says(day: str) -> None:
    expected = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("UTC"))
    berlin = expected.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    sql = in_zone(f"timestamp '{day}'", "UTC", "Europe/Berlin", "duckdb")
    assert duckdb.sql(f"select {sql}").fetchall() == [(berlin,)]
    zoned = in_zone(f"timestamptz '{day}+00:00'", MOMENT, "Europe/Berlin", "duckdb")
    assert duckdb.sql(f"select {zoned}").fetchall() == [(berlin,)]


@pytest.mark.parametrize(
    ("dialect", "known", "moment"),
    [
        ("postgres", "x at time zone 'UTC' at time zone 'CET'", "x at time zone 'CET'"),
        ("redshift", "convert_timezone('UTC', 'CET', x)", "x at time zone 'CET'"),
        ("snowflake", "convert_timezone('UTC', 'CET', x)",
         "cast(convert_timezone('CET', x) as timestamp_ntz)"),
        ("bigquery", "datetime(timestamp(x, 'UTC'), 'CET')", "datetime(x, 'CET')"),
        ("databricks", "convert_timezone('UTC', 'CET', x)",
         "convert_timezone('CET', x)"),
    ],
)  # fmt: skip
def test_each_warehouse_moves_them_in_its_own_way(dialect: str, known: str, moment: str) -> None:
    assert in_zone("x", "UTC", "CET", dialect) == known
    assert in_zone("x", MOMENT, "CET", dialect) == moment


def test_the_zone_leaves_the_name() -> None:
    assert without_zone("created_at_utc") == "created_at"
    assert without_zone("utc_offset") == "utc_offset"
