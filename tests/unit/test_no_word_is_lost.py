"""Wherever a condition stands in a ticket, it is in the SQL, in a question or in a note.

Templates × fillers over one small warehouse: the same wish with its condition before, within and
after it, in brackets, as a sentence, a bullet or a tag, known to the data or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp

from tests.small_warehouse import SmallWarehouse

FIGURES = (
    "number of trips", "total fee of trips", "average fee", "share of cancelled trips",
    "number of trips and total distance", "number of different members with trips",
    "trips per member", "top 3 vehicle kinds by number of trips",
)  # fmt: skip
SPLITS = ("per month", "by vehicle kind", "by vehicle kind and month", "", "per day")
KEPT = (
    "{f} {s} in {v}", "{f} in {v} {s}", "In {v}, {f} {s}", "For {v}: {f} {s}", "{v}: {f} {s}",
    "{v} – {f} {s}", "{f} {s} ({v})", "{f} {s} (only {v})", "{f} ({v}) {s}", "{f} {s}, {v} only",
    "{f} {s} — in {v}", "{f} {s} for {v} only", "{f} from {v} {s}", "{f} {s} [{v}]", "[{v}] {f} {s}",
    "{f} {s} || Only {v}.", "{f} {s} || Just {v}.", "{f} {s} || {v} please.", "{f} {s} || Scope: {v}",
    "{f} {s} || {v} is all we need.", "{f} {s} || I mean {v}.", "{f} {s} || Nothing but {v}.",
    "Report || I need:\n- {f} {s}\n- only {v}", "Report || I need:\n- {f} {s}\n- {v}",
    "Report || Please build {f} {s}.\n\nConditions:\n- {v}", "{v} || {f} {s}", "{f} in {v} || {f} {s}",
    "Report for {v} || Please show {f} {s}.", "Report || Our manager in {v} needs the {f} {s}.",
    "Report || The {v} team asks for {f} {s}.", "{f} {s} via {v}", "only {v}: {f} {s}",
)  # fmt: skip
LEFT_OUT = (
    "{f} {s} excluding {v}", "{f} without {v} {s}", "{f} {s} (not {v})", "{f} {s}, no {v}",
    "{f} {s} except {v}", "{f} {s} save for {v}", "{f} {s} with the exception of {v}",
    "{f} {s} apart from {v}", "{f} {s} outside {v}", "{f} {s} but not {v}", "Except {v}: {f} {s}",
    "{f} {s} not in {v}", "{f} {s} || Leave out {v}.", "{f} {s} || {v} does not count.",
    "{f} {s} || We don't want {v} in there.", "{f} {s} || {v} is not relevant.",
    "{f} {s} || Everything but {v}.", "{f} {s} || Not {v}.", "Report without {v} || {f} {s}",
    "Report || I need:\n- {f} {s}\n- without {v}", "{f} {s} || {v} has its own report.",
)  # fmt: skip
TWO = (
    ("{f} {s} in Dublin and Cork", True), ("{f} {s} (Dublin, Cork)", True),
    ("In Dublin and Cork, {f} {s}", True), ("{f} {s} || Only Dublin and Cork.", True),
    ("{f} {s} for Dublin as well as Cork", True), ("{f} {s} except Dublin and Cork", False),
    ("{f} {s} || Dublin and Cork are excluded.", False), ("{f} {s}, neither Dublin nor Cork", False),
)  # fmt: skip
GERMAN = (
    ("Anzahl Fahrten pro Monat in Dublin", True), ("Nur Dublin: Anzahl Fahrten pro Monat", True),
    ("Für Dublin: Anzahl der Fahrten pro Monat", True), ("Anzahl Fahrten pro Monat ohne Dublin", False),
    ("Anzahl Fahrten pro Monat || Nur Dublin bitte.", True),
    ("Anzahl Fahrten pro Monat, außer Dublin", False),
)  # fmt: skip


def _tickets() -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Tickets with the values that they name, and whether these are the rows that count."""
    forms = [*((k, True) for k in KEPT), *((o, False) for o in LEFT_OUT)]
    for n, (form, wanted) in enumerate(forms):
        yield form.format(f=FIGURES[0], s=SPLITS[0], v="Galway"), ("Galway",), wanted
        yield form.format(f=FIGURES[n % 8], s=SPLITS[n % 5], v="Cork"), ("Cork",), wanted
        yield form.format(f=FIGURES[0], s=SPLITS[0], v="Atlantis"), ("Atlantis",), wanted
    for n, (form, wanted) in enumerate(TWO):
        yield form.format(f=FIGURES[n % 3], s=SPLITS[n % 3]), ("Dublin", "Cork"), wanted
    for ticket, wanted in GERMAN:
        yield ticket, ("Dublin",), wanted


@pytest.fixture(scope="module")
def trips() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "stg_members": "select i as member_id, ['gold', 'silver', 'basic'][1 + i % 3] as plan,"
            " ['Ireland', 'Spain'][1 + i % 2] as country from range(1, 41) t(i)",
            "stg_trips": "select i as trip_id, 1 + (i * 7) % 40 as member_id,"
            " ['Dublin', 'Cork', 'Galway', 'Limerick'][1 + (i * i + i // 3) % 4] as city,"
            " ['van', 'scooter', 'ebike'][1 + (i // 2) % 3] as vehicle_kind,"
            " case when i % 5 = 0 then 'cancelled' else 'completed' end as state,"
            " (i % 37) + 0.5 as distance_km, 3 + (i % 50) * 1.25 as fee,"
            " date '2024-06-01' + ((i * 2) % 500)::int as started_on from range(1, 301) t(i)",
        },
        joins=[("stg_trips", "member_id", "stg_members", "member_id")],
        keys={"stg_members": "member_id", "stg_trips": "trip_id"},
    )


@pytest.mark.parametrize(("ticket", "values", "wanted"), list(_tickets()))
def test_a_condition_is_applied_asked_or_noted(
    trips: SmallWarehouse, ticket: str, values: tuple[str, ...], wanted: bool
) -> None:
    title, _, body = ticket.partition(" || ")
    spec = trips.spec(title, body)
    said = [*spec.notes, *(f"{q.text} {[o.meaning for o in q.options]}" for q in spec.questions)]
    signs = {} if spec.questions else {v: _signs(trips.sql(spec), v) for v in values}
    for value in values:
        quoted = any(re.search(value, text, re.I) for text in said)
        wordless = spec.questions and not spec.filters  # asked from scratch: nothing is built
        assert quoted or wordless or signs.get(value) == {wanted}, said
        assert (not wanted) not in signs.get(value, set())


@pytest.mark.parametrize(
    "ticket",
    [
        "number of trips for plan", "number of trips excluding OTHER", "number of trips || Only OTHER.",
        "number of trips || past_due please.", "number of trips || Scope: past_due",
        "number of trips || We don't want past_due in there.",
    ],
)  # fmt: skip
def test_values_that_look_like_other_words_are_not_lost(ticket: str) -> None:
    company = SmallWarehouse(
        {
            "stg_plans": "select i as plan_id, 'p' || i as title from range(1, 5) t(i)",
            "stg_trips": "select i as trip_id, 1 + i % 4 as plan_id, ['OTHER', 'plan'][1 + i % 2] as"
            " reason, ['past_due', 'paid'][1 + i % 2] as state from range(1, 60) t(i)",
        },
        joins=[("stg_trips", "plan_id", "stg_plans", "plan_id")],
        keys={"stg_plans": "plan_id", "stg_trips": "trip_id"},
    )
    title, _, body = ticket.partition(" || ")
    spec = company.spec(title, body)
    value = next(v for v in ("OTHER", "past_due", "plan") if v in ticket)
    texts = [*spec.notes, *(q.text for q in spec.questions), *(f.condition for f in spec.filters)]
    assert any(value in text for text in texts)


@pytest.mark.parametrize(
    ("ticket", "quoted"),
    [
        ("[2025] number of trips per month", "2025"),
        ("number of trips per month || We don't want trips over 10 km in there.", "10 km"),
    ],
)
def test_numbers_that_nothing_reads_are_noted(
    trips: SmallWarehouse, ticket: str, quoted: str
) -> None:
    title, _, body = ticket.partition(" || ")
    assert any(quoted in note for note in trips.spec(title, body).notes)


def _signs(sql: str, value: str) -> set[bool]:
    """For each comparison with a value whether it keeps (true) or leaves out such rows."""
    found = set()
    for literal in sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Literal):
        if literal.this == value:
            above: list[exp.Expr] = [literal]
            while above[-1].parent and not isinstance(above[-1].parent, exp.Select | exp.Where):
                above.append(above[-1].parent)
            turns = sum(isinstance(e, exp.NEQ | exp.Not | exp.NullSafeNEQ) for e in above)
            found.add(turns % 2 == 0)
    return found
