"""Time zones: read, asked about, and computed by the warehouse and by Python's offsets alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from crew.artifacts import (
    ColumnCard,
    Comment,
    CompanyCalendar,
    Evidence,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.drafting.dialects import in_dialect
from crew.drafting.interpreter import interpret as interpret_request
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.sql_compiler import AggregateCompiler
from crew.drafting.unit_test_writer import write_unit_test
from crew.drafting.zone_words import take_zones
from crew.drafting.zones import in_zone
from crew.verification.counted_zones import by_clock, offsets, years_of
from crew.verification.expected_rows import expected_rows, in_memory
from tests.unit.test_interpreter import CLINICS, EDGE, VISITS, column

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
)
AWARE = "timestamp with time zone"


def visits(type_: str = "timestamp", **more: object) -> RelationCard:
    *others, _ = VISITS.columns
    return VISITS.model_copy(update={"columns": (*others, column("visited_at", type_, **more))})


PLACED = CLINICS.model_copy(
    update={
        "columns": (*CLINICS.columns, column("zone", values=("Asia/Tokyo", "America/New_York")))
    }
)


def evidence(card: RelationCard, clinics: RelationCard = CLINICS, zone: str = "") -> Evidence:
    return Evidence(
        project="p", dialect="duckdb", relations=(card, clinics), joins=(EDGE,),
        calendar=CompanyCalendar(time_zone=zone),
    )  # fmt: skip


def interpret(given: Evidence, title: str, *answers: str, body: str = "") -> RequirementSpec:
    said = (Comment(author="Firstmile", body="", ours=True),)
    said += tuple(Comment(author="a", body=a) for a in answers)
    request = Request(source="x", key="k", title=title, body=body, comments=said)
    return interpret_request(request, given)


# --- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "zone", "stored"),
    [
        ("visits per day in Berlin time", "Europe/Berlin", ""),
        ("visits per day (Europe/Paris)", "Europe/Paris", ""),
        ("visits per UTC day", "UTC", ""),
        ("visits per hour in US Eastern", "America/New_York", ""),
        ("visits per day, CET, not UTC", "Europe/Berlin", ""),
        ("visited_at is stored in UTC, we want New York time", "America/New_York", "UTC"),
        ("The times are UTC but the days have to be those of Hamburg (Europe/Berlin).", "Europe/Berlin", "UTC"),
        ("visits per day, converted from UTC to Asia/Tokyo", "Asia/Tokyo", "UTC"),
        ("Besuche pro Tag in Berliner Zeit, die Zeiten sind UTC", "Europe/Berlin", "UTC"),
        ("visites par jour, heure de Paris", "Europe/Paris", ""),
        ("visitas por día en hora de Madrid", "Europe/Madrid", ""),
    ],
)  # fmt: skip
def test_zones_are_read(text: str, zone: str, stored: str) -> None:
    said, _ = take_zones(text)
    assert (said.zone, said.stored, said.unclear) == (zone, stored, ())


@pytest.mark.parametrize(
    "text",
    ["average delivery time in Berlin", "bookings in real time", "pacific salmon and others et al",
     "orders in Berlin per day", "mean time between orders"],
)  # fmt: skip
def test_other_words_name_no_zone(text: str) -> None:
    said, left = take_zones(text)
    assert (said.zone, said.stored, said.is_local, said.unclear, left) == ("", "", False, (), text)


@pytest.mark.parametrize(
    "title",
    [
        "number of visits per day in UTC+2",
        "number of visits per day in Narnia time",
        "number of visits per day, IST",
        "number of visits per day in Berlin time and in Tokyo time",
        "number of visits per day for clinics with time zone Europe/Berlin",
        "number of visits per local day",
    ],
)
def test_zones_that_are_not_clear_are_asked(title: str) -> None:
    assert interpret(evidence(visits(AWARE)), title).questions


# --- where a moment is from --------------------------------------------------------------------


def test_a_moment_that_says_no_zone_is_asked_about_only_where_the_ticket_names_one() -> None:
    title = "number of visits per day in Berlin time"
    asked = interpret(evidence(visits()), title)
    assert [q.id for q in asked.questions] == ["calendar:stored:stg_visits.visited_at"]
    assert interpret(evidence(visits()), title, "A").calendar.stored == (
        ("stg_visits.visited_at", "UTC"),
    )
    assert interpret(evidence(visits()), title, "B").calendar.stored == ()
    assert not interpret(evidence(visits()), "number of visits per day").questions
    house = interpret(evidence(visits(), zone="Europe/Berlin"), "number of visits per day")
    assert not house.questions and house.calendar.stored == ()
    assert any("Nothing says in which time zone" in a.text for a in house.assumptions)


@pytest.mark.parametrize(
    "card",
    [visits(description="When it began (UTC)"), visits(inherited="in UTC"),
     visits().model_copy(update={"description": "Visits; all times in UTC."})],
)  # fmt: skip
def test_a_description_says_the_zone(card: RelationCard) -> None:
    spec = interpret(evidence(card), "number of visits per day in Berlin time")
    assert not spec.questions and spec.calendar.stored == (("stg_visits.visited_at", "UTC"),)


def test_the_zone_of_the_settings_is_an_assumption() -> None:
    spec = interpret(evidence(visits(AWARE), zone="Europe/Berlin"), "number of visits per day")
    assert spec.calendar.zone == "Europe/Berlin"
    assert any("Days are those of Europe/Berlin" in a.text for a in spec.assumptions)


def test_a_day_without_a_time_is_taken_as_it_is() -> None:
    spec = interpret(evidence(visits("date")), "number of visits per month in Berlin time")
    assert not spec.questions and spec.calendar.stored == ()
    assert any("is a day without a time" in a.text for a in spec.assumptions)


def test_local_days_are_by_the_column_that_holds_zones() -> None:
    given = evidence(visits(AWARE), PLACED)
    spec = interpret(given, "number of visits per local day")
    assert spec.calendar.zone_column == "stg_clinics.zone"
    assert interpret(given, "number of visits per local day of the clinic").calendar.zone_column
    assert interpret(given, "number of visits per local day of the supplier").questions


# --- SQL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_offsets_are_those_of_every_hour(zone: str) -> None:
    changes = offsets(zone, 2023, 2026)
    hour = datetime(2023, 1, 1, tzinfo=UTC)
    while hour.year < 2027:
        ahead = [minutes for moment, minutes in changes if moment <= hour][-1]
        assert hour.astimezone(ZoneInfo(zone)).utcoffset() == timedelta(minutes=ahead)
        hour += timedelta(hours=1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "redshift", "snowflake"])
def test_both_ways_to_what_clocks_show_agree(zone: str, dialect: str) -> None:
    moments = [datetime(2024, 1, 1) + timedelta(minutes=30 * n) for n in range(48 * 366)]
    at, years = exp.column("moment"), (2023, 2025)
    trees = (in_zone(at, exp.Literal.string(zone), "UTC", dialect), by_clock(at, zone, years))
    shown = [
        sqlglot.transpile(t.sql(dialect=dialect), read=dialect, write="duckdb")[0] for t in trees
    ]
    with duckdb.connect() as database:
        database.execute("create table t as select unnest(?)::timestamp as moment", [moments])
        differing = database.execute(f"select * from t where {shown[0]} <> {shown[1]}").fetchall()
    assert differing == []


@pytest.mark.parametrize(
    ("dialect", "stored", "sql"),
    [
        ("snowflake", "UTC", "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', moment)"),
        ("snowflake", "", "CONVERT_TIMEZONE('Europe/Berlin', moment)"),
        ("databricks", "UTC", "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', moment)"),
        ("redshift", "UTC", "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', moment)"),
        ("bigquery", "UTC", "DATETIME(TIMESTAMP(moment, 'UTC'), 'Europe/Berlin')"),
        ("bigquery", "", "DATETIME(moment, 'Europe/Berlin')"),
        ("postgres", "", "moment AT TIME ZONE 'Europe/Berlin'"),
    ],
)
def test_each_warehouse_has_its_own_words(dialect: str, stored: str, sql: str) -> None:
    tree = in_zone(exp.column("moment"), exp.Literal.string("Europe/Berlin"), stored, dialect)
    assert in_dialect(tree, dialect).sql(dialect=dialect).lower() == sql.lower()


def test_the_years_of_a_column_are_those_of_its_values() -> None:
    known = ColumnCard(name="at", minimum="2019-05-01 10:00:00", maximum="2025-01-01 00:00:00")
    assert years_of(known) == (2018, 2027)
    assert years_of(ColumnCard(name="at")) == (1990, 2038)


@pytest.mark.parametrize(
    ("title", "card", "clinics"),
    [
        ("number of visits per day in Berlin time", visits(AWARE), CLINICS),
        ("number of visits per day in New York time", visits(description="UTC"), CLINICS),
        ("number of visits per week and city, Tokyo time, weeks starting on Sunday", visits(AWARE), CLINICS),
        ("number of visits per hour in Berlin time, last 5 days", visits(AWARE), CLINICS),
        ("number of visits per month in 2024, New York time, no gaps", visits(AWARE), CLINICS),
        ("number of visits per local day", visits(AWARE), PLACED),
        ("number of visits per month, local time", visits(description="in UTC"), PLACED),
        ("number of visits by hour of the day in Berlin time", visits(AWARE), CLINICS),
    ],
)  # fmt: skip
def test_the_model_gives_what_is_counted_another_way(
    title: str, card: RelationCard, clinics: RelationCard
) -> None:
    given_evidence = evidence(card, clinics)
    spec = interpret(given_evidence, title)
    assert not spec.questions and (spec.calendar.zone or spec.calendar.zone_column)
    model = AggregateCompiler(spec, given_evidence, JoinPlanner(given_evidence)).compile("m.sql")
    aware = "+00" if card.columns[-1].data_type == AWARE else ""
    moments = [datetime(2024, 1, 1) + timedelta(hours=7 * n) for n in range(1300)]
    given: dict[str, list[dict[str, Any]]] = {
        "stg_visits": [
            {"visit_id": n, "clinic_id": n % 2, "status": "completed", "fee": n,
             "visited_at": f"{moment}{aware}"} for n, moment in enumerate(moments)
        ],
        "stg_clinics": [
            {"clinic_id": n, "city": c, "zone": z} for n, (c, z) in enumerate(
                [("Vienna", "Asia/Tokyo"), ("Berlin", "America/New_York")])
        ],
    }  # fmt: skip
    expected = expected_rows(spec, given_evidence, given)
    with duckdb.connect() as database:
        located = in_memory(given_evidence, given, database)
        sql = model.sql
        for relation in located.relations:
            sql = sql.replace(f"{{{{ ref('{relation.key}') }}}}", relation.relation_name)
        found = database.execute(sql)
        names = [d[0] for d in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        wrong = sql.replace("'Europe/Berlin'", "'UTC'").replace("'America/New_York'", "'UTC'")
        if wrong != sql:
            assert database.execute(wrong).fetchall() != [tuple(r.values()) for r in rows]
    assert expected and sorted(map(str, rows)) == sorted(map(str, expected))
    assert not isinstance(write_unit_test(spec, model, given_evidence), str)
