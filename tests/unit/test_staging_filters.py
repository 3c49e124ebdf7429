"""Staging tickets that leave rows out, rename columns and put codes into words."""

from __future__ import annotations

import pytest

from crew.drafting.engine import DraftingEngine
from tests.small_warehouse import SmallWarehouse

RAW = """select * from (values
 (1, 'W', true, date '2022-05-01', date '2022-05-03', 10, 1, timestamp '2024-01-01'),
 (2, 'G', false, date '2023-02-01', date '2023-02-03', 20, 2, timestamp '2024-01-01'),
 (3, 'W', null, date '2024-02-01', date '2024-02-03', 30, 1, timestamp '2024-01-01'),
 (4, 'X', false, date '2023-01-01', null, 40, 3, timestamp '2024-01-01'))
 as t(unit_id, art, is_test, booked_on, paid_on, amt, s, _loaded_at)"""


@pytest.fixture(scope="module")
def port() -> SmallWarehouse:
    return SmallWarehouse({"port.units": RAW})


def staged(port: SmallWarehouse, body: str) -> list[dict[str, object]]:
    spec = port.spec("Stage port.units", body)
    columns = DraftingEngine(port).model(spec, port.evidence).models[0].columns
    return [dict(zip(columns, row, strict=True)) for row in port.fetch(port.sql(spec))]


@pytest.mark.parametrize(
    ("body", "units"),
    [
        ("Leave out test rows.", [2, 3, 4]),
        ("Without test units", [2, 3, 4]),
        ("Where is_test is false.", [2, 3, 4]),
        ("Only rows where is_test is true", [1]),
        ("Only rows booked since 2023.", [2, 3, 4]),
        ("Only units with art W.", [1, 3]),
        ("Nur Zeilen mit art = G", [2]),
        ("Exclude rows where art is W", [2, 4]),
        ("Only rows where art is W or X", [1, 3, 4]),
        ("Only rows where art is not W", [2, 4]),
        ("Leave out rows where amt is below 20.", [2, 3, 4]),
        ("Only rows where amt >= 30", [3, 4]),
        ("No rows without paid_on", [1, 2, 3]),
        ("Only rows where paid_on is not empty", [1, 2, 3]),
        ("Only rows where paid_on is null. Leave out test rows.", [4]),
    ],
)
def test_conditions_that_read_exactly_are_applied(
    body: str, units: list[int], port: SmallWarehouse
) -> None:
    assert [r["unit_id"] for r in staged(port, body)] == units
    said = port.spec("Stage port.units", body).assumptions
    assert any(f"{4 - len(units)} of 4 are not" in a.text or ". " in body for a in said)


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("Only rows since 2023.", "by which date"),
        ("Leave out internal rows.", "internal"),
        ("Only units of the northern harbour", "northern"),
        ("Only rows where art is Q", "art is Q"),
        ("Leave out test rows and rows before 2023", "before 2023"),
        ("Only paid units unless they are small", "unless"),
        ("Skip the ones we never billed", "never billed"),
        ("W -> Wohnung, G -> Gewerbe", "`X` (1 rows)"),
        ("map s: 1=open, 2=closed", "`3` (1 rows)"),
    ],
)
def test_what_does_not_read_exactly_is_asked(body: str, asked: str, port: SmallWarehouse) -> None:
    assert asked in port.asked("Stage port.units", body)


def test_removed_rows_go_by_rules_of_their_own() -> None:
    sql = "select * from (values (1, false), (2, true), (3, null)) as t(unit_id, is_deleted)"
    port = SmallWarehouse({"port.units": sql})
    assert [r["unit_id"] for r in staged(port, "Without deleted rows")] == [1, 3]
    assert [r["unit_id"] for r in staged(port, "Keep deleted rows")] == [1, 2, 3]


def test_columns_get_the_names_and_types_that_the_ticket_gives(port: SmallWarehouse) -> None:
    for body in ("rename s to state_code and amt to price", "s -> state_code, amt -> price",
                 "call s state_code. amt should be called price."):  # fmt: skip
        [first, *_] = staged(port, body)
        assert (first["state_code"], first["price"]) == (1, 10), body
    [first, *_] = staged(port, "call amt amount_eur, s as text")
    assert (first["amount_eur"], first["s"]) == (10, "1")


@pytest.mark.parametrize(
    "body",
    [
        "W -> Wohnung, G -> Gewerbe, X -> andere",
        "Map art: W=Wohnung, G=Gewerbe, X=andere",
        "Columns: unit_id, art (W = Wohnung, G = Gewerbe, X = andere), amt",
        "art: W means Wohnung; art: W = Wohnung, G = Gewerbe and X = andere",
    ],
)
def test_codes_in_words_stand_beside_them(body: str, port: SmallWarehouse) -> None:
    found = {(r["art"], r["art_text"]) for r in staged(port, body)}
    assert found == {("W", "Wohnung"), ("G", "Gewerbe"), ("X", "andere")}


def test_codes_of_numbers_and_words_in_their_place(port: SmallWarehouse) -> None:
    rows = staged(port, "map s: 1=open, 2=closed, 3=lost, 4=sold")
    assert [r["s_text"] for r in rows] == ["open", "closed", "open", "lost"]
    notes = port.spec("Stage port.units", "map s: 1=open, 2=closed, 3=lost, 4=sold").notes
    assert any("has `4`" in n for n in notes)
    body = "art: W = Wohnung, G = Gewerbe, X = andere instead of the code"
    assert [r["art"] for r in staged(port, body)] == ["Wohnung", "Gewerbe", "Wohnung", "andere"]


def test_words_are_not_tested_by_the_codes(port: SmallWarehouse) -> None:
    spec = port.spec("Stage port.units", "map s: 1=open, 2=closed, 3=lost. call s state")
    engine = DraftingEngine(port)
    suite = engine.tests(spec, engine.model(spec, port.evidence), port.evidence, None, None)
    assert all(t.column != "state_text" or t.test != "accepted_values" for t in suite.generic)
