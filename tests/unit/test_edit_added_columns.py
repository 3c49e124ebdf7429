"""Columns that are added to the models of a small made-up parcel firm: what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crew.artifacts import (
    ColumnCard,
    Evidence,
    JoinEdge,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.drafting.edits.definitions import defined
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.edits.reader import read_edit
from crew.drafting.languages import in_english
from crew.errors import InvalidInput
from crew.ports import Rows

TABLES = {
    "hubs": "select 1 as hub_id, 'North' as hub_name, 'Lund' as hub_town"
    " union all select 2, 'South', 'Ystad'",
    "stg_drivers": "select 1 as driver_id, null::int as trained_by_driver_id, false as is_trainee"
    " union all select 2, 1, true union all select 3, 1, false",
    "drivers": "select 1 as driver_id, 'Ida' as first_name union all select 2, 'Bo' union all select 3, 'Ulf'",
    "parcels": "select 1 as parcel_id, 1 as hub_id, 2 as target_hub_id, 1 as driver_id, 12.5 as weight_kg,"
    " 5 as volume_l, 90 as minutes_on_road, 'sent' as state"
    " union all select 2, 1, null, 2, 3.0, 0, 0, 'lost' union all select 3, 2, 1, 1, 1.0, 2, 30, 'sent'",
    "charges": "select 1 as charge_id, 1 as parcel_id, 10.0 as amount, 'paid' as charge_state"
    " union all select 2, 1, -4.0, 'returned' union all select 3, 3, 7.0, 'failed'",
}
JOINS = [
    ("parcels", "hub_id", "hubs", "hub_id"),
    ("parcels", "target_hub_id", "hubs", "hub_id"),
    ("parcels", "driver_id", "drivers", "driver_id"),
    ("charges", "parcel_id", "parcels", "parcel_id"),
    ("stg_drivers", "trained_by_driver_id", "drivers", "driver_id"),
]
TOLD = {("parcels", "target_hub_id"): "Hub it goes to, empty while it waits for an address"}


class Parcels:
    """The firm's tables in memory, as project and warehouse."""

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect()
        for name, sql in TABLES.items():
            self.connection.execute(f"create table {name} as {sql}")
        nodes: dict[str, Any] = {}
        for name in TABLES:
            nodes[f"model.parcels.{name}"] = {
                "unique_id": f"model.parcels.{name}", "resource_type": "model", "name": name,
                "package_name": "parcels", "raw_code": f"select * from raw.{name}",
                "relation_name": name, "original_file_path": f"models/{name}.sql",
                "depends_on": {"nodes": []},
            }  # fmt: skip
        self.view = ProjectView(
            folder=folder, name="parcels", dialect="duckdb",
            manifest={"nodes": nodes, "sources": {}, "macros": {}, "exposures": {}},
            columns_of=lambda id_: self._columns(id_.split(".")[-1]) if id_ else [],
            relations={}, writable=("models", "tests"),
        )  # fmt: skip
        joins = tuple(
            JoinEdge(left=a, left_column=b, right=c, right_column=d) for a, b, c, d in JOINS
        )
        self.evidence = Evidence(
            project="parcels", dialect="duckdb", joins=joins, model_names=tuple(TABLES),
            relations=tuple(self._card(name) for name in TABLES),
            sql={name: f"select * from raw.{name}" for name in TABLES},
        )  # fmt: skip

    def query(self, sql: str, limit: int = 1000) -> Rows:
        try:
            found = self.connection.execute(sql)
        except duckdb.Error as error:
            raise InvalidInput(str(error)) from error
        names = tuple(d[0] for d in found.description or ())
        return Rows(columns=names, rows=tuple(found.fetchmany(limit)))

    def _columns(self, name: str) -> list[tuple[str, str]]:
        rows = self.connection.execute(f"describe {name}").fetchall()
        return [(str(r[0]), str(r[1]).lower()) for r in rows]

    def _card(self, name: str) -> RelationCard:
        columns = []
        for column, type_ in self._columns(name):
            rows = self.connection.execute(f"select {column} from {name}").fetchall()
            values = sorted({str(r[0]) for r in rows if r[0] is not None})
            columns.append(
                ColumnCard(
                    name=column, data_type=type_, values=tuple(values) if type_ == "varchar" else (),
                    nulls=sum(r[0] is None for r in rows), description=TOLD.get((name, column), ""),
                )
            )  # fmt: skip
        return RelationCard(
            key=name, unique_id=f"model.parcels.{name}", kind="model", layer="mart", relation_name=name,
            path=f"models/{name}.sql", columns=tuple(columns), row_count=3,
        )  # fmt: skip

    def read(self, body: str, title: str = "A change") -> RequirementSpec:
        request = Request(source="cli", key="P-1", title=title, body=body)
        spec = read_edit(request, self.evidence, self.view, self)  # type: ignore[arg-type]
        assert spec is not None
        return spec

    def edit(self, body: str, title: str = "A change") -> Any:
        spec = self.read(body, title)
        assert not spec.questions and len(spec.edits) == 1, (spec.questions, spec.edits)
        return spec.edits[0]

    def questions(self, body: str) -> str:
        return " ".join(q.text for q in self.read(body).questions)


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parcels]:
    yield Parcels(tmp_path_factory.mktemp("parcels"))


@pytest.mark.parametrize(
    ("body", "column", "expression", "key"),
    [
        ("Add the name of the target hub to parcels as target_hub_name.",
         "target_hub_name", "hub_name", "target_hub_id"),
        ("Add the town of the target hub to parcels.",
         "target_hub_town", "hub_town", "target_hub_id"),
        ("The model parcels needs the town of the target hub (goes_to).",
         "goes_to", "hub_town", "target_hub_id"),
        ("Please add the hub's town to parcels as hub_town.", "hub_town", "hub_town", "hub_id"),
    ],
)  # fmt: skip
def test_of_two_keys_the_words_choose(
    parcels: Parcels, body: str, column: str, expression: str, key: str
) -> None:
    edit = parcels.edit(body)
    assert (edit.column, edit.expression, edit.relation) == (column, expression, "hubs")
    assert edit.keys == ((key, "hub_id"),)


def test_where_a_column_is_empty_is_proven_by_what_is_documented(parcels: Parcels) -> None:
    body = "Add the name of the target hub to parcels as target_hub_name."
    spec = parcels.read(f"{body} Leave it empty for parcels waiting for an address.")
    assert not spec.questions and any("`target_hub_id`" in a.text for a in spec.assumptions)
    assert "heavy parcels" in parcels.questions(f"{body} Leave it empty for heavy parcels.")


@pytest.mark.parametrize(
    ("body", "column", "expression"),
    [
        ("Add kg_per_hour to parcels: kilos divided by hours (minutes_on_road / 60). Empty if it took 0 minutes.",
         "kg_per_hour", "weight_kg / nullif((minutes_on_road / 60), 0)"),
        ("Add is_moved to parcels: true if target_hub_id is another hub than hub_id, otherwise false;"
         " empty while it waits for an address (no target_hub_id).",
         "is_moved", "target_hub_id <> hub_id"),
        ("Add is_lost to parcels: true if state = 'lost', false otherwise",
         "is_lost", "coalesce(state = 'lost', false)"),
        ("Add is_moved to parcels: target_hub_id differs from hub_id. Leave it empty if minutes_on_road is 0.",
         "is_moved", "case when minutes_on_road is distinct from 0 then target_hub_id <> hub_id end"),
    ],
)  # fmt: skip
def test_truths_and_formulas_are_told_in_prose(
    parcels: Parcels, body: str, column: str, expression: str
) -> None:
    edit = parcels.edit(body)
    assert (edit.column, edit.expression, edit.relation) == (column, expression, "")


@pytest.mark.parametrize(
    ("said", "language", "plain"),
    [
        ("wahr, wenn a_id eine andere Station ist als b_id, sonst falsch", "german",
         "true if a_id <> b_id, otherwise false"),
        ("que sea verdadera si el coche es rojo (farbe = 'E') y falsa en los demás casos", "spanish",
         ": true if el coche es rojo (farbe = 'E') y false otherwise"),
        ("vrai si a_id est différent de b_id, sinon faux", "french",
         "true if a_id <> b_id, otherwise false"),
    ],
)  # fmt: skip
def test_truth_is_told_alike_in_other_languages(said: str, language: str, plain: str) -> None:
    assert defined(said, language) == plain


def test_a_quoted_value_is_no_word() -> None:
    assert in_english("una columna que es verdadera si fuel = 'E' y 'y'", "spanish").count("'") == 4
    assert "'E'" in in_english("fuel = 'E' y no", "spanish")


TABLE = (
    "Please add a column effort to parcels.\n\n{0} | effort\n{1} | none\n{2} | some\n{3} | much\n"
)


@pytest.mark.parametrize(
    ("rows", "conditions"),
    [
        (("minutes_on_road", "0", "1 to 59", "60 or more"), ("= 0", "between 1 and 59", ">= 60")),
        (("minutes on road", "0", "1 - 59", "60+"), ("= 0", "between 1 and 59", ">= 60")),
        (("minutes_on_road", "< 1", "from 1 to 59 minutes", "more than 59"), ("< 1", "between 1 and 59", "> 59")),
    ],
)  # fmt: skip
def test_a_table_of_ranges_is_a_column(
    parcels: Parcels, rows: tuple[str, ...], conditions: tuple[str, ...]
) -> None:
    edit = parcels.edit(TABLE.format(*rows))
    cases = [
        f"when minutes_on_road {c} then '{v}'"
        for c, v in zip(conditions, ("none", "some", "much"), strict=True)
    ]
    assert edit.expression == f"case {' '.join(cases)} end"


def test_ranges_with_a_gap_or_an_overlap_are_asked_about(parcels: Parcels) -> None:
    assert "between 59 and 61" in parcels.questions(
        TABLE.format("minutes_on_road", "0", "1 to 59", "more than 60")
    )
    assert "30 is in two" in parcels.questions(
        TABLE.format("minutes_on_road", "0", "1 to 59", "30 or more")
    )
    assert "none of the cases (such as 90)" in parcels.questions(
        TABLE.format("minutes_on_road", "0", "1 to 59", "60")
    )


def test_cases_are_told_in_a_sentence_or_a_list(parcels: Parcels) -> None:
    edit = parcels.edit("Add load_class to parcels: 'none' if volume_l = 0, otherwise 'some'")
    assert edit.expression == "case when volume_l = 0 then 'none' else 'some' end"
    edit = parcels.edit(
        "Add a column drive to parcels.\n- 0 minutes: none\n- 1 or more minutes: some"
    )
    assert edit.expression == (
        "case when minutes_on_road = 0 then 'none' when minutes_on_road >= 1 then 'some' end"
    )


@pytest.mark.parametrize(
    "body",
    [
        "Replace empty target_hub_id in the model parcels by 0.",
        "In the model parcels target_hub_id is empty now and then. Can you put 0 there instead?",
        "Where target_hub_id is empty, the model parcels should show 0.",
        "Leere target_hub_id in der Tabelle parcels bitte durch 0 ersetzen.",
    ],
)
def test_what_is_empty_gets_a_value(parcels: Parcels, body: str) -> None:
    edit = parcels.edit(body)
    assert (edit.kind, edit.column, edit.value) == ("fill_empty", "target_hub_id", "0")


def test_a_value_for_some_empty_rows_or_of_another_type_is_not_filled(parcels: Parcels) -> None:
    for more in (" by 0, but only for heavy ones.", " by 'none'."):
        request = Request(
            source="cli", key="P-2", title="x",
            body=f"Replace empty target_hub_id in the model parcels{more}",
        )  # fmt: skip
        spec = read_edit(request, parcels.evidence, parcels.view, parcels)  # type: ignore[arg-type]
        assert spec is None or spec.questions


@pytest.mark.parametrize(
    ("body", "column", "where"),
    [
        ("Add trained_count to the model drivers: how many other drivers each driver has trained.",
         "trained_count", ""),
        ("The model drivers should show how many other drivers each driver has trained (column trained_count,"
         " 0 if none). Trained trainees don't count.", "trained_count", "not coalesce(is_trainee, false)"),
        ("We want to see in the model drivers how many drivers each of them has trained (column trained_count), so"
         " that they get a bonus. Trainees don't earn a bonus.", "trained_count", "not coalesce(is_trainee, false)"),
        ("Add trained_n, the number of drivers trained, to the model drivers. Don't count trainees.",
         "trained_n", "not coalesce(is_trainee, false)"),
    ],
)  # fmt: skip
def test_rows_that_point_at_rows_of_their_own_kind_are_counted(
    parcels: Parcels, body: str, column: str, where: str
) -> None:
    edit = parcels.edit(body)
    assert (edit.column, edit.expression, edit.relation) == (column, "count(*)", "stg_drivers")
    assert edit.keys == (("driver_id", "trained_by_driver_id"),)
    assert (edit.where, edit.empty) == (where, "0")


def test_a_limit_that_is_no_condition_is_asked_about(parcels: Parcels) -> None:
    body = "Add trained_count to the model drivers: how many other drivers each driver has trained."
    assert "Lazy drivers" in parcels.questions(f"{body} Lazy drivers don't count.")


def test_what_is_paid_less_what_is_returned_minds_the_sign_in_the_data(parcels: Parcels) -> None:
    body = "Please add kept_amount to the model parcels: everything paid for the parcel less what was returned."
    spec = parcels.read(f"{body} Failed charges don't count. 0 where nothing was paid.")
    assert not spec.questions
    edit: Any = spec.edits[0]
    assert (edit.expression, edit.relation, edit.empty) == ("sum(amount)", "charges", "0")
    assert edit.where == "charge_state in ('paid', 'returned')"
    assert any("negative in the data" in a.text for a in spec.assumptions)
    edit = parcels.edit(
        "Add open_amount to the model parcels: everything paid less what was failed."
    )
    assert edit.expression == "sum(case when charge_state = 'failed' then -amount else amount end)"


def test_a_name_that_nothing_was_made_of_is_asked_about(parcels: Parcels) -> None:
    body = "Rename weight_kg to kilos in the model parcels. We also want the flag mood_text."
    assert "mood_text" in parcels.questions(body)


def test_rows_told_before_the_command_are_left_out(parcels: Parcels) -> None:
    for body in (
        "Parcels without a place to go (no target_hub_id yet) confuse us, please leave them out of the model"
        " parcels.",
        "Leave out of the model parcels the rows without target_hub_id.",
    ):
        edit = parcels.edit(body)
        assert (edit.kind, edit.condition) == ("add_filter", "target_hub_id is not null")


def test_a_column_is_taken_out_and_rows_are_not(parcels: Parcels) -> None:
    edit = parcels.edit("So please take state out of the model parcels.")
    assert (edit.kind, edit.column) == ("drop_column", "state")


def test_a_model_that_is_not_there_is_asked_about(parcels: Parcels) -> None:
    asked = parcels.questions("Please add the VAT amount to stg_invoices.")
    assert "no model `stg_invoices`" in asked


def test_a_column_is_unique_among_some_rows(parcels: Parcels) -> None:
    edit = parcels.edit(
        "I want a test on the model parcels that fails if a hub_id occurs more than once among the rows"
        " without target_hub_id."
    )
    (test,) = edit.tests
    assert (test.column, test.test, test.where) == ("hub_id", "unique", "target_hub_id is null")
    asked = parcels.questions(
        "Add a test to the model parcels: fail if a hub_id appears twice among the rows of sad people."
    )
    assert "sad people" in asked


def test_rows_move_into_a_model_of_their_own(parcels: Parcels) -> None:
    edit = parcels.edit(
        "Move parcels without target_hub_id from the model parcels into a separate model parcels_waiting."
    )
    assert (edit.kind, edit.model, edit.to) == ("move_rows", "parcels", "parcels_waiting")
    assert (edit.condition, edit.rest) == ("target_hub_id is null", "target_hub_id is not null")
    asked = parcels.questions(
        "Move lucky ones from the model parcels into a separate model parcels_lucky."
    )
    assert "lucky" in asked
