"""Changes of a small made-up ferry line, in other people's words: what is read, and what is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crew.artifacts import (
    AddColumn,
    AddFilter,
    AddTests,
    ColumnCard,
    CompanyCalendar,
    DropColumn,
    Evidence,
    JoinEdge,
    MakeUnique,
    Materialize,
    RelationCard,
    RenameColumn,
    RenameModel,
    Request,
    RequirementSpec,
    Retype,
    Split,
)
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.edits.reader import read_edit
from crew.drafting.interpreter import interpret
from crew.errors import InvalidInput
from crew.ports import Rows

TABLES = {
    "sailings": "select 1 as sailing_id, 'north' as route, timestamp '2025-03-01 08:00' as sails_at,"
    " date '2025-03-01' as due_on, 40 as seats, 30 as sold, 75 as minutes_at_sea"
    " union all select 2, 'south', timestamp '2025-03-02 09:00', date '2025-03-02', 60, 60, 130",
    "tickets": "select 1 as ticket_id, 1 as sailing_id, date '2025-02-01' as bought_on, 12.5 as price,"
    " 'used' as state, false as is_return union all select 2, 1, date '2025-02-02', 10.0, 'no_show', true"
    " union all select 3, 2, date '2025-02-05', 20.25, 'used', false",
    "tickets_twice": "select 1 as ticket_id, 1 as leg, timestamp '2025-02-01' as seen_at"
    " union all select 1, 1, timestamp '2025-02-02' union all select 1, 2, timestamp '2025-02-02'",
    "tickets_seen": "select ticket_id, sailing_id from tickets",
    "port_fees": "select 1 as fee_id, 'note' as port, 'by hand' as note, 3.5 as price, 1 as version",
    "ticket_sums": "select sailing_id, sum(price) as price from tickets group by 1",
}
ABOVE = {"tickets_seen": ["tickets"], "ticket_sums": ["tickets"]}
RAW = {"ticket_sums": "select sailing_id, sum(price) as price from {{ ref('tickets') }} group by 1"}


class DuckDb:
    """The tables in memory, as a warehouse."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for name, sql in TABLES.items():
            self.connection.execute(f"create table {name} as {sql}")

    def query(self, sql: str, limit: int = 1000) -> Rows:
        try:
            found = self.connection.execute(sql)
        except duckdb.Error as error:
            raise InvalidInput(str(error)) from error
        names = tuple(d[0] for d in found.description or ())
        return Rows(columns=names, rows=tuple(found.fetchmany(limit)))

    def columns(self, name: str) -> list[tuple[str, str]]:
        rows = self.connection.execute(f"describe {name}").fetchall()
        return [(str(r[0]), str(r[1]).lower()) for r in rows]

    def card(self, name: str) -> RelationCard:
        columns = []
        for column, type_ in self.columns(name):
            values = self.connection.execute(
                f"select distinct {column} from {name} order by 1"
            ).fetchall()
            texts = tuple(str(v[0]) for v in values) if type_ == "varchar" else ()
            columns.append(ColumnCard(name=column, data_type=type_, values=texts, nulls=0))
        return RelationCard(
            key=name, unique_id=f"model.ferry.{name}", kind="model", layer="mart", relation_name=name,
            path=f"models/{name}.sql", columns=tuple(columns), row_count=2,
        )  # fmt: skip


class Ferry:
    def __init__(self, folder: Path) -> None:
        self.warehouse = DuckDb()
        nodes: dict[str, Any] = {}
        for name in TABLES:
            nodes[f"model.ferry.{name}"] = {
                "unique_id": f"model.ferry.{name}", "resource_type": "model", "name": name,
                "package_name": "ferry", "raw_code": RAW.get(name, f"select * from raw.{name}"),
                "relation_name": name, "original_file_path": f"models/{name}.sql",
                "depends_on": {"nodes": [f"model.ferry.{up}" for up in ABOVE.get(name, ())]},
            }  # fmt: skip
        self.view = ProjectView(
            folder=folder, name="ferry", dialect="duckdb",
            manifest={"nodes": nodes, "sources": {}, "macros": {}, "exposures": {}},
            columns_of=lambda id_: self.warehouse.columns(id_.split(".")[-1]) if id_ else [],
            relations={}, writable=("models", "tests"),
        )  # fmt: skip
        edge = JoinEdge(
            left="tickets", left_column="sailing_id", right="sailings", right_column="sailing_id"
        )
        self.evidence = Evidence(
            project="ferry", dialect="duckdb", joins=(edge,), model_names=tuple(TABLES),
            relations=tuple(self.warehouse.card(name) for name in TABLES),
            sql={name: RAW.get(name, f"select * from raw.{name}") for name in TABLES},
        )  # fmt: skip

    def read(self, body: str, title: str = "A change") -> RequirementSpec | None:
        request = Request(source="cli", key="FER-1", title=title, body=body)
        return read_edit(request, self.evidence, self.view, self.warehouse)

    def edits(self, body: str, title: str = "A change") -> tuple[Any, ...]:
        spec = self.read(body, title)
        assert spec is not None and not spec.questions, spec and spec.questions
        return spec.edits

    def questions(self, body: str) -> str:
        spec = self.read(body)
        assert spec is not None
        return " ".join(q.text for q in spec.questions)


@pytest.fixture(scope="module")
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ferry]:
    yield Ferry(tmp_path_factory.mktemp("ferry"))


def made(edit: Any) -> tuple[str, str, str, str]:
    assert isinstance(edit, AddColumn)
    return edit.column, edit.expression, edit.relation, edit.where


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("sailings: add load = sold / seats", ("load", "sold / nullif(seats, 0)", "", "")),
        ("Add load (sold / seats) to sailings.", ("load", "sold / nullif(seats, 0)", "", "")),
        (
            "Add the weekday of sails_at to sailings",
            ("weekday", "extract(isodow from sails_at)", "", ""),
        ),
        (
            "Add a flag is_long to sailings: more than 90 minutes at sea",
            ("is_long", "minutes_at_sea > 90", "", ""),
        ),
        ("Add is_big to sailings if seats is over 50", ("is_big", "seats > 50", "", "")),
        (
            "Add is_late to sailings: sails_at after due_on",
            ("is_late", "cast(sails_at as date) > due_on", "", ""),
        ),
        (
            "tickets: add net_price = price * 0.8 rounded to 2 decimals",
            ("net_price", "round(price * 0.8, 2)", "", ""),
        ),
        (
            "can you add the number of no-show tickets to sailings?",
            ("no_show_ticket_count", "count(*)", "tickets", "state = 'no_show'"),
        ),
        (
            "sailings should also have the date of the first ticket",
            ("first_ticket_date", "min(bought_on)", "tickets", ""),
        ),
        (
            "Add the number of tickets to sailings. Only count those that were used.",
            ("ticket_count", "count(*)", "tickets", "state = 'used'"),
        ),
    ],
)
def test_a_column_is_added_in_many_words(
    ferry: Ferry, body: str, wanted: tuple[str, str, str, str]
) -> None:
    assert [made(e) for e in ferry.edits(body)] == [wanted]


def test_what_limits_one_figure_does_not_limit_the_other(ferry: Ferry) -> None:
    body = "Add last ticket date and total price (without no_show tickets) to sailings"
    last, total = (made(e) for e in ferry.edits(body))
    assert last == ("last_ticket_date", "max(bought_on)", "tickets", "")
    assert total == ("total_price", "sum(price)", "tickets", "state is distinct from 'no_show'")


def test_columns_of_a_table_are_read_row_by_row(ferry: Ferry) -> None:
    body = (
        "Add these columns to sailings:\n\n| column | meaning |\n|---|---|\n"
        "| takings | sum of the price of the tickets |\n| mood | how the crew felt |\n"
    )
    assert "`mood`" in ferry.questions(body) and "takings" not in ferry.questions(body)


def test_two_commands_of_a_sentence_are_both_carried_out(ferry: Ferry) -> None:
    rename, drop = ferry.edits("sailings: rename sold to sold_seats and drop due_on")
    assert isinstance(rename, RenameColumn) and (rename.column, rename.to) == ("sold", "sold_seats")
    assert isinstance(drop, DropColumn) and (drop.model, drop.column) == ("sailings", "due_on")


def test_a_column_beside_a_test_is_no_test(ferry: Ferry) -> None:
    column, tests = ferry.edits(
        "sailings:\n- add is_big: seats at least 50\n- test that route is never empty"
    )
    assert made(column) == ("is_big", "seats >= 50", "", "")
    assert [(t.column, t.test) for t in tests.tests] == [("route", "not_null")]


def test_a_dotted_name_is_a_column_and_never_drops_its_model(ferry: Ferry) -> None:
    edits = ferry.edits("The column state in tickets is not needed, drop it", "drop tickets.state")
    assert edits == (DropColumn(model="tickets", column="state"),)


@pytest.mark.parametrize(
    "body",
    [
        "Drop sailing_id from tickets_seen, but keep it in tickets.",
        "Please remove sailing_id from tickets_seen, in tickets it can stay.",
        "Remove sailing_id from tickets_seen (not from tickets)",
        "sailing_id bitte aus tickets_seen löschen, nicht aus tickets",
        "sailing_id aus tickets_seen, aber nicht aus tickets löschen",
        "sailing_id aus tickets_seen entfernen. In tickets bleibt sie, wie sie ist.",
        "Keep sailing_id in tickets, but drop it from tickets_seen",
        "Drop sailing_id from tickets_seen but keep ticket_id",
        "tickets_seen: sailing_id entfernen, ticket_id behalten",
        "Remove sailing_id from tickets_seen, but not ticket_id",
    ],
)
def test_what_is_to_be_kept_is_not_dropped(ferry: Ferry, body: str) -> None:
    assert ferry.edits(body) == (DropColumn(model="tickets_seen", column="sailing_id"),)


def test_a_model_that_stays_and_would_follow_is_asked_about(ferry: Ferry) -> None:
    body = "Rename sailing_id to trip_id in tickets, tickets_seen should stay as it is"
    assert "tickets_seen` is to stay" in ferry.questions(body)
    (edit,) = ferry.edits("Rename sailing_id to trip_id in tickets_seen but not in tickets")
    assert isinstance(edit, RenameColumn) and edit.model == "tickets_seen"


@pytest.mark.parametrize(
    "body",
    [
        "In tickets the column bought_on should be called sold_on from now on, nobody understood it.",
        "Please call bought_on sold_on instead in tickets",
        "In tickets soll die Spalte bought_on ab sofort sold_on heißen.",
        "Die Spalte bought_on in tickets soll künftig sold_on heißen, weil das alle so nennen.",
        "bought_on in tickets heißt künftig sold_on",
        "La colonne bought_on dans tickets devrait s'appeler sold_on",
        "The column bought_on in tickets is a bad name. Please call it sold_on going forward.",
    ],
)
def test_a_new_name_ends_where_the_sentence_goes_on(ferry: Ferry, body: str) -> None:
    assert ferry.edits(body) == (RenameColumn(model="tickets", column="bought_on", to="sold_on"),)


@pytest.mark.parametrize(
    "body",
    [
        "ticket_id in tickets_twice muss eindeutig sein und darf nie leer sein. Bitte Tests anlegen.",
        "ticket_id in tickets_twice darf nicht leer sein und muss eindeutig sein, bitte testen",
        "Tests: ticket_id in tickets_twice must be unique and never be empty",
        "ticket_id in tickets_twice muss eindeutig und nicht leer sein (Tests)",
        "ticket_id de tickets_twice doit être unique et ne doit jamais être vide, ajouter des tests",
    ],
)
def test_unique_and_filled_are_two_tests_in_any_order(ferry: Ferry, body: str) -> None:
    (edit,) = ferry.edits(body)
    assert isinstance(edit, AddTests)
    assert {(t.column, t.test) for t in edit.tests} == {
        ("ticket_id", "unique"),
        ("ticket_id", "not_null"),
    }


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("Rename seen_at to scanned_at in tickets_twice, and only show 2024", "only show 2024"),
        ("Rename seen_at to scanned_at in tickets_twice and materialize it as a dream", "dream"),
        ("tickets_twice: seen_at in scanned_at umbenennen, außer für Route 3", "Route 3"),
        ("Drop seen_at from tickets_twice once the dashboard no longer shows it", "dashboard"),
        ("Drop seen_at from tickets_twice und die Beträge auf ganze Euro runden", "runden"),
    ],
)
def test_a_clause_that_nothing_read_is_asked_about(ferry: Ferry, body: str, asked: str) -> None:
    assert asked in ferry.questions(body)


@pytest.mark.parametrize(
    "tail",
    [", it is not needed any more", ", not used anymore", ", since nobody reads it", ", if possible", " and thanks"],
)  # fmt: skip
def test_reasons_and_politeness_ask_for_nothing(ferry: Ferry, tail: str) -> None:
    assert len(ferry.edits(f"Drop seen_at from tickets_twice{tail}")) == 1


def test_added_weeks_begin_where_the_settings_or_the_ticket_say(ferry: Ferry) -> None:
    body = "Add the week of sails_at to sailings"
    plain = ferry.edits(body)[0].expression
    assert plain == "cast(date_trunc('week', sails_at) as date)"
    told = ferry.edits(f"{body}, weeks start on Sunday.")[0].expression
    house = CompanyCalendar(week_starts="sunday")
    evidence = ferry.evidence.model_copy(update={"calendar": house})
    request = Request(source="cli", key="FER-1", title="A change", body=body)
    spec = read_edit(request, evidence, ferry.view, ferry.warehouse)
    assert spec is not None and not spec.questions
    (edit,) = spec.edits
    assert isinstance(edit, AddColumn) and edit.expression == told
    first = ferry.warehouse.query(f"select {edit.expression} from sailings where sailing_id = 2")
    assert str(first.rows[0][0]) == "2025-03-02"  # a Sunday


@pytest.mark.parametrize(
    "body",
    [
        "Please materialize tickets_seen as a table",
        "tickets_seen ist zu langsam, bitte als Tabelle materialisieren.",
        "tickets_seen should be a table, not a view",
        "tickets_seen is slow, can you make it a table?",
    ],
)
def test_a_model_becomes_a_table(ferry: Ferry, body: str) -> None:
    assert ferry.edits(body) == (Materialize(model="tickets_seen", materialized="table"),)


def test_another_wish_beside_a_table_is_not_lost(ferry: Ferry) -> None:
    both = "Rename sailing_id to trip_id in tickets_seen and materialize it as a table"
    assert [e.kind for e in ferry.edits(both)] == ["rename_column", "materialize"]


def test_each_test_is_for_the_column_it_stands_beside(ferry: Ferry) -> None:
    body = "Add a not_null test on seen_at and a unique test on ticket_id in tickets_twice"
    (edit,) = ferry.edits(body)
    assert {(t.column, t.test) for t in edit.tests} == {
        ("seen_at", "not_null"),
        ("ticket_id", "unique"),
    }
    (edit,) = ferry.edits("In tickets_twice, test that every column except leg is never null")
    assert {t.column for t in edit.tests} == {"ticket_id", "seen_at"}
    body = "In tickets_twice dürfen keine leeren Werte in ticket_id vorkommen und keine Duplikate, Tests bitte"
    (edit,) = ferry.edits(body)
    assert {t.test for t in edit.tests} == {"not_null", "unique"}


def test_rows_to_keep_are_read_with_the_verb_at_the_end(ferry: Ferry) -> None:
    (edit,) = ferry.edits(
        "Bitte im Modell tickets nur noch Zeilen mit state = 'used' berücksichtigen."
    )
    assert isinstance(edit, AddFilter) and edit.condition == "state = 'used'"


def test_only_behind_a_model_is_a_filter(ferry: Ferry) -> None:
    (edit,) = ferry.edits("tickets: only used tickets please")
    assert isinstance(edit, AddFilter) and edit.condition == "state = 'used'"


def test_a_list_of_key_columns_is_one_key(ferry: Ferry) -> None:
    body = "tickets_twice: one row per ticket_id, leg (the latest seen_at), it has duplicates"
    (edit,) = ferry.edits(body)
    assert isinstance(edit, MakeUnique)
    assert (edit.key, edit.latest_by) == (("ticket_id", "leg"), "seen_at")


def test_parts_get_the_rows_that_their_names_tell(ferry: Ferry) -> None:
    body = "Split tickets by is_return into tickets_return and tickets_single"
    (edit,) = ferry.edits(body)
    assert isinstance(edit, Split) and edit.conditions == ("is_return = true", "is_return = false")
    assert "Which rows" in ferry.questions(
        "Split tickets by is_return into tickets_a and tickets_b"
    )


def test_ranges_and_lists_are_tested_without_a_package(ferry: Ferry) -> None:
    body = "Test that tickets.state is one of used, no_show and that price is positive."
    (edit,) = ferry.edits(body)
    assert isinstance(edit, AddTests)
    assert [(t.column, t.arguments["values"]) for t in edit.tests] == [
        ("state", ["used", "no_show"])
    ]
    assert "where price <= 0" in edit.singular[0].sql
    (numbers,) = ferry.edits("Test: seats in sailings is one of 40, 60")
    assert numbers.tests[0].arguments == {"values": [40, 60], "quote": False}


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("Add the number of tickets to sailings. Only count the golden ones.", "golden"),
        ("Aggregate sailings per month", "one `sailing_id`"),
        ("remove promo_code from tickets", "promo_code"),
        ("price in tickets should become an integer", "would not survive"),
        ("Add takings (sum of the price of tickets) and the captain's mood to sailings", "mood"),
        ("Rename sold to sold_seats in sailings.\n\n- add the tides to it", "tides"),
    ],
)
def test_what_is_not_clear_is_asked(ferry: Ferry, body: str, asked: str) -> None:
    assert asked in ferry.questions(body)


@pytest.mark.parametrize(
    "body",
    ["round the price in tickets to whole euros", "tickets: mask the price", "make route in sailings lower case"],
)  # fmt: skip
def test_a_command_to_an_existing_model_is_never_a_new_one(ferry: Ferry, body: str) -> None:
    request = Request(source="cli", key="FER-2", title=body, body="")
    spec = interpret(request, ferry.evidence)
    assert spec.kind == "refuse" or spec.questions


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("Rename price to fare in tickets and in ticket_sums.", ["tickets", "ticket_sums"]),
        ("price should be called fare in ticket_sums and in the model tickets", ["tickets", "ticket_sums"]),
    ],
)  # fmt: skip
def test_of_two_models_that_are_named_each_gets_the_new_name(
    ferry: Ferry, body: str, wanted: list[str]
) -> None:
    edits = ferry.edits(body)
    assert [(e.model, e.column, e.to) for e in edits] == [(m, "price", "fare") for m in wanted]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("port_fees should be named port_charges, also in the exposure. Content stays.",
         RenameModel(model="port_fees", to="port_charges")),
        ("In port_fees, please rename fee_id to charge_id. ticket_sums has to go on working.",
         RenameColumn(model="port_fees", column="fee_id", to="charge_id")),
        ("The note in port_fees is never up to date, drop the column there.",
         DropColumn(model="port_fees", column="note")),
        ("The accountants need price in port_fees as a double (floating point), not as a decimal.",
         Retype(model="port_fees", column="price", data_type="double")),
        ("tickets_seen is about what was used. Exclude tickets of state no_show from it.",
         AddFilter(model="tickets_seen", relation="tickets", condition="state is distinct from 'no_show'")),
    ],
)  # fmt: skip
def test_what_stands_behind_a_name_is_no_part_of_it(ferry: Ferry, body: str, wanted: Any) -> None:
    assert ferry.edits(body) == (wanted,)


def test_a_value_in_a_list_is_no_column_to_be_tested(ferry: Ferry) -> None:
    edits = ferry.edits("Test that port_fees.fee_id is never null and port one of Kiel, note.")
    assert [t.test for e in edits for t in e.tests] == ["not_null", "accepted_values"]


def test_words_are_no_value_of_a_number(ferry: Ferry) -> None:
    assert "which rows" in ferry.questions("Exclude tickets of price class two from tickets_seen.")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("tickets: add fare_cents, price times 100, as integer",
         ("fare_cents", "cast(price * 100 as integer)", "", "")),
        ("Add load to sailings: sold / seats, rounded to 2 decimals",
         ("load", "round(sold / nullif(seats, 0), 2)", "", "")),
        ("Add avg_price to sailings, the average price of its used tickets, two decimals.",
         ("avg_price", "round(avg(price), 2)", "tickets", "state = 'used'")),
        ("sailings should have last_bought_on, the date of the latest ticket that is not used.",
         ("last_bought_on", "max(bought_on)", "tickets", "state is distinct from 'used'")),
        ("tickets_seen: add seen_route, the route of the sailing, 'none' if missing", None),
    ],
)  # fmt: skip
def test_how_a_column_is_to_look_goes_around_it(
    ferry: Ferry, body: str, wanted: tuple[str, str, str, str] | None
) -> None:
    spec = ferry.read(body)
    assert spec is None or spec.questions if wanted is None else spec
    if wanted and spec:
        assert not spec.questions and [made(e) for e in spec.edits] == [wanted]


@pytest.mark.parametrize(
    "body",
    [
        "Add speed to sailings: seats divided by the hours from sails_at to due_on.",
        "Add is_full to sailings: sold over 30 seats and not north.",
        "Add the route of the first ticket to sailings as first_route.",
    ],
)
def test_what_a_definition_says_besides_is_not_lost(ferry: Ferry, body: str) -> None:
    spec = ferry.read(body)
    assert spec is None or spec.questions
