"""Whatever figure, split and dates a ticket is put together of, each is in the SQL, asked or noted.

Parts × layouts over one small warehouse: how a ticket was built tells what its SQL has to hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest

from tests.small_warehouse import SmallWarehouse

Part = tuple[str, str]
"""Words of a ticket, and a pattern that stands in the SQL where they are followed."""

FIGURES: tuple[Part, ...] = (
    ("number of trips", r"count\("),
    ("total distance of trips", r"sum\(distance_km\)"),
    ("number of different members with trips", r"count\(distinct (\w+\.)?member_id\)"),
    ("average number of trips per member", r"count\(distinct (\w+\.)?member_id\)"),
    ("share of cancelled trips", r"'cancelled'"),
    ("longest distance of trips", r"max\(distance_km\)"),
    ("total fee of trips over 20 km", r"distance_km > 20"),
    ("share of cancelled trips over 20 km", r"distance_km > 20"),
    ("total fee divided by number of trips over 20 km", r"distance_km > 20"),
    ("average number of trips per member over 20 km", r"distance_km > 20"),
    ("sum of fee_amount of cancelled trips", r"'cancelled'"),
)
SPLITS: tuple[tuple[Part, ...], ...] = (
    (("vehicle kind", r"vehicle_kind"),),
    (("member country", r"country"), ("month", r"date_trunc\('month'")),
    (("city of the start station", r"start_station_id = "),),
    (("city of the end station", r"end_station_id = "), ("quarter", r"date_trunc\('quarter'")),
    (("plan", r"plan"), ("vehicle kind", r"vehicle_kind"), ("week", r"date_trunc\('week'")),
    (("vehicle kind", r"vehicle_kind"), ("plan", r"plan")),
)
LAYOUTS = (
    "{f} by {and}", "{f} for each {each}", "{f} by {then}", "{f} || Split it by {and}.",
    "Report || Please build the {f} for each {each}.", "{f} || Split by:\n- {lines}",
    "{f} || Please show it per {per}.", "{f} || Broken down by {and}.", "{f} || I need it by:\n- {lines}",
    "By {and}: {f}", "{f} || One row per {and}, please.", "{f} || Dimensions:\n- {lines}",
)  # fmt: skip
RANGES: tuple[tuple[str, str, str], ...] = (
    ("since March 2025", "2025-03-01", ""), ("in Q1 2025", "2025-01-01", "2025-04-01"),
    ("in 2025", "2025-01-01", "2026-01-01"), ("before 2025", "", "2025-01-01"),
    ("between 1 March 2025 and 30 June 2025", "2025-03-01", "2025-07-01"),
    ("H1 2025", "2025-01-01", "2025-07-01"), ("after 2024", "2025-01-01", ""),
    ("Jan-Mar 2025", "2025-01-01", "2025-04-01"), ("until June 2025", "", "2025-07-01"),
    ("2025", "2025-01-01", "2026-01-01"), ("from 2025 on", "2025-01-01", ""),
)  # fmt: skip
DATED = (
    "{f} {r}", "{f} ({r})", "{r}: {f}", "{f} || {R}.", "{f} || Only {r}.", "{f} || Period: {r}",
    "{f} || The figures should be {r}.", "{f} || This is about {r}.", "{f} || Please restrict it to {r}.",
)  # fmt: skip


def _split_tickets() -> Iterator[tuple[str, tuple[Part, ...], int]]:
    """Tickets with the parts that they name, and by how many columns they are split."""
    for n, (layout, splits) in enumerate(product(LAYOUTS, SPLITS)):
        figure, said = FIGURES[n % len(FIGURES)], [words for words, _ in splits]
        joints = {"and": " and ", "each": " and each ", "then": ", then by ", "per": " and per "}
        told = {name: joint.join(said) for name, joint in joints.items()}
        ticket = layout.format(f=figure[0], lines="\n- ".join(said), **told)
        yield ticket, (figure, *splits), sum("date_trunc" not in p for _, p in splits)


def _dated_tickets() -> Iterator[tuple[str, str, str, str]]:
    for n, (layout, (words, first, after)) in enumerate(product(DATED, RANGES)):
        figure = FIGURES[n % 6][0] + (" per month" if n % 2 else "")
        text = layout.format(f=figure, r=words, R=words[0].upper() + words[1:])
        yield text, words, first, after


@pytest.fixture(scope="module")
def trips() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "stg_members": "select i as member_id, ['gold', 'silver', 'basic'][1 + i % 3] as plan,"
            " ['Ireland', 'Spain'][1 + i % 2] as country from range(1, 41) t(i)",
            "stg_stations": "select i as station_id, 'Station ' || i as station_name,"
            " ['Dublin', 'Cork'][1 + i % 2] as city from range(1, 9) t(i)",
            "stg_trips": "select i as trip_id, 1 + (i * 7) % 40 as member_id,"
            " 1 + i % 8 as start_station_id, 1 + (i * 3) % 8 as end_station_id,"
            " ['van', 'scooter', 'ebike'][1 + (i // 2) % 3] as vehicle_kind,"
            " case when i % 5 = 0 then 'cancelled' else 'completed' end as state,"
            " (i % 37) + 0.5 as distance_km, 3 + (i % 50) * 1.25 as fee_amount,"
            " date '2024-06-01' + ((i * 2) % 500)::int as started_on from range(1, 301) t(i)",
        },
        joins=[
            ("stg_trips", "member_id", "stg_members", "member_id"),
            ("stg_trips", "start_station_id", "stg_stations", "station_id"),
            ("stg_trips", "end_station_id", "stg_stations", "station_id"),
        ],
        keys={"stg_members": "member_id", "stg_trips": "trip_id", "stg_stations": "station_id"},
    )


@pytest.mark.parametrize(("ticket", "parts", "columns"), list(_split_tickets()))
def test_figure_and_splits_are_built_asked_or_noted(
    trips: SmallWarehouse, ticket: str, parts: tuple[Part, ...], columns: int
) -> None:
    title, _, body = ticket.partition(" || ")
    spec = trips.spec(title, body)
    if spec.questions:
        return
    sql, said = " ".join(trips.sql(spec).lower().split()), " ".join(spec.notes)
    assert [words for words, sign in parts if not re.search(sign, sql) and words not in said] == []
    assert len(spec.dimensions) <= columns
    assert len(spec.metrics) == 1


@pytest.mark.parametrize(("ticket", "words", "first", "after"), list(_dated_tickets()))
def test_dates_are_limits_or_asked(
    trips: SmallWarehouse, ticket: str, words: str, first: str, after: str
) -> None:
    title, _, body = ticket.partition(" || ")
    spec = trips.spec(title, body)
    if spec.questions:
        return
    limits = re.findall(r"started_on as date\) (>=|<) cast\('([\d-]+)'", trips.sql(spec).lower())
    expected = [(sign, day) for sign, day in ((">=", first), ("<", after)) if day]
    assert sorted(set(limits)) == sorted(expected), (words, spec.notes)


def test_a_value_of_small_words_is_no_filler() -> None:
    """`no show` holds a negation and a word that wishes: as a value it says which rows count."""
    company = SmallWarehouse(
        {
            "stg_bookings": "select i as booking_id, ['no_show', 'done'][1 + i % 2] as status,"
            " ['app', 'web'][1 + i % 2] as channel from range(1, 41) t(i)"
        },
        keys={"stg_bookings": "booking_id"},
    )
    spec = company.spec("Report", "I need the number of no show bookings by channel.")
    assert "status = 'no_show'" in company.sql(spec)


def test_what_lies_on_the_way_to_a_table_names_none_of_its_rows() -> None:
    """`vehicle` is not the name of the station at which vehicles stand."""
    company = SmallWarehouse(
        {
            "stg_stations": "select i as station_id, 'S' || i as station_name from range(1, 9) t(i)",
            "stg_vehicles": "select i as vehicle_id, 'P' || i as plate, 1 + i % 8 as station_id"
            " from range(1, 30) t(i)",
            "stg_damages": "select i as damage_id, 1 + i % 29 as vehicle_id from range(1, 80) t(i)",
        },
        joins=[
            ("stg_damages", "vehicle_id", "stg_vehicles", "vehicle_id"),
            ("stg_vehicles", "station_id", "stg_stations", "station_id"),
        ],
        keys={
            "stg_stations": "station_id",
            "stg_vehicles": "vehicle_id",
            "stg_damages": "damage_id",
        },
    )
    spec = company.spec("number of damages by vehicle")
    assert all(d.relation != "stg_stations" for d in spec.dimensions)


def test_different_things_with_others_are_not_the_others() -> None:
    """`different customers with orders` are no orders, even where customers have no key."""
    company = SmallWarehouse(
        {
            "stg_customers": "select 1 + i % 20 as cust_no, 'x' as city from range(1, 31) t(i)",
            "stg_orders": "select i as ord_no, 1 + i % 20 as cust_no from range(1, 61) t(i)",
            "stg_lines": "select i as line_no, 1 + i % 60 as ord_no from range(1, 99) t(i)",
        },
        joins=[("stg_lines", "ord_no", "stg_orders", "ord_no")],
        keys={"stg_orders": "ord_no", "stg_lines": "line_no", "stg_customers": ""},
    )
    spec = company.spec("number of different customers with orders")
    assert spec.questions or "ord_no" not in company.sql(spec)
