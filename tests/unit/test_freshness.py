"""Expectations of arrival: which column tells, what is usual, and tickets that ask for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from crew.artifacts import ColumnCard, Evidence, RelationCard, Request, RequirementSpec
from crew.drafting.arrivals import arrival_column, arrivals
from crew.drafting.freshness_reader import freshness_request, late
from crew.drafting.freshness_words import wants_freshness
from crew.ports import Rows

COLUMNS = (
    ColumnCard(name="parcel_id", data_type="integer"),
    ColumnCard(name="sent_at", data_type="timestamp"),
    ColumnCard(name="_loaded_at", data_type="timestamp"),
)
START = datetime(2026, 1, 5, 4)


class Database:
    """A warehouse of one table `parcels`, loaded at the given moments."""

    def __init__(self, moments: list[datetime]) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(
            'create table parcels (parcel_id integer, sent_at timestamp, "_loaded_at" timestamp)'
        )
        rows = [(n, m, m) for n, m in enumerate(moments)]
        self.connection.executemany("insert into parcels values (?, ?, ?)", rows)

    def query(self, sql: str, limit: int = 1000) -> Rows:
        found = self.connection.execute(sql)
        names = tuple(d[0] for d in found.description or ())
        return Rows(names, tuple(tuple(r) for r in found.fetchmany(limit)))


def source(**changes: Any) -> RelationCard:
    card = RelationCard(key="post.parcels", unique_id="source.p.post.parcels", kind="source",
                        layer="source", relation_name="parcels", columns=COLUMNS)  # fmt: skip
    return card.model_copy(update=changes)


def read(
    text: str, card: RelationCard, database: Database, title: str = "Parcels"
) -> RequirementSpec | None:
    request = Request(source="test", key="T-1", title=title, body=text)
    evidence = Evidence(project="p", dialect="duckdb", relations=(card,))
    return freshness_request(request, evidence, database)


@pytest.fixture(scope="module")
def daily() -> Database:
    """Every night but on Sundays and Mondays, and once not for nine days."""
    days = [START + timedelta(days=n) for n in range(200) if n % 7 < 5 and not 100 < n < 108]
    return Database(days)


def test_the_longest_usual_gap_counts_weekends_but_no_outage(daily: Database) -> None:
    found = arrivals(source(), COLUMNS[2], daily, "duckdb")
    assert found is not None
    assert (found.middle_hours, found.longest_hours) == (24.0, 72.0)
    proposed = found.freshness(source())
    assert (proposed.warn_after_hours, proposed.error_after_hours) == (73, 146)


def test_a_stream_that_rests_at_night_is_judged_by_its_nights() -> None:
    minutes = [
        START + timedelta(days=d, hours=h, minutes=m)
        for d in range(30) for h in range(12) for m in (0, 20, 40)
    ]  # fmt: skip
    found = arrivals(source(), COLUMNS[2], Database(minutes), "duckdb")
    assert found is not None and found.longest_hours == 13.0


def test_arrivals_on_few_days_tell_nothing() -> None:
    moments = [START + timedelta(hours=n) for n in range(30)]
    assert arrivals(source(), COLUMNS[2], Database(moments), "duckdb") is None


def test_the_time_of_an_event_or_a_change_is_no_arrival() -> None:
    found = arrival_column(source())
    assert found is not None and found.name == "_loaded_at"
    changed = ColumnCard(name="updated_at", data_type="timestamp")
    assert arrival_column(source(columns=(*COLUMNS[:2], changed))) is None
    told = ColumnCard(name="ts", data_type="timestamp", description="When the row was loaded.")
    assert arrival_column(source(columns=(*COLUMNS[:2], told))) == told


@pytest.mark.parametrize(
    "text",
    [
        "Please add source freshness for post.parcels.",
        "Warn us when parcels stop arriving.",
        "We want an alert if no new parcels come in.",
        "Bitte warnen, wenn die parcels nicht mehr kommen.",
    ],
)
def test_a_ticket_that_asks_for_it_gets_what_was_observed(text: str, daily: Database) -> None:
    spec = read(text, source(), daily)
    assert spec is not None and not spec.questions
    assert [f.warn_after_hours for f in spec.freshness] == [73]
    assert "every 1.0 days, the longest usual gap is 3.0 days" in spec.assumptions[0].text


def test_limits_that_the_ticket_names_hold(daily: Database) -> None:
    spec = read(
        "Freshness of post.parcels: warn after 2 days, error after 5 days.", source(), daily
    )
    assert spec is not None
    assert [(f.warn_after_hours, f.error_after_hours) for f in spec.freshness] == [(48, 120)]


def test_words_may_be_the_limit(daily: Database) -> None:
    spec = read("We want a warning when no new parcels come in for a day.", source(), daily)
    assert spec is not None and [f.warn_after_hours for f in spec.freshness] == [24]


def test_a_source_that_nothing_names_is_asked_about(daily: Database) -> None:
    spec = read("Add source freshness for letters.", source(), daily, title="Letters")
    assert spec is not None and "Which source" in spec.questions[0].text


def test_without_a_column_for_it_it_is_asked(daily: Database) -> None:
    spec = read("Freshness of post.parcels", source(columns=COLUMNS[:2]), daily)
    assert spec is not None and "tells when a row was loaded" in spec.questions[0].text


def test_what_is_expected_already_stays(daily: Database) -> None:
    spec = read("Freshness of post.parcels", source(has_freshness=True), daily)
    assert spec is not None and spec.kind == "nothing" and "already" in spec.reason


def test_a_source_that_is_late_today_is_a_finding(daily: Database) -> None:
    found = arrivals(source(), COLUMNS[2], daily, "duckdb")
    assert found is not None
    proposed = found.freshness(source())
    age = found.age_hours(found.newest + timedelta(days=10))
    assert "10.0 days ago" in late(source(), proposed, age) and "an error" in late(
        source(), proposed, age
    )
    assert late(source(), proposed, 5.0) == ""


def test_marts_about_lateness_are_no_freshness() -> None:
    assert not wants_freshness("Number of parcels that arrived late, per month")
    assert not wants_freshness("Average age of stale carts")
