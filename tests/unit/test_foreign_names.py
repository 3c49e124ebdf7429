"""A project whose tables and columns are named in German, asked about in German and in English."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from tests.small_warehouse import SmallWarehouse

RAW = {
    "stg_haeuser": "select * from (values (1, 'Lindenhof', 'Bergheim'), (2, 'Seeblick', 'Grünau')) as t(haus_nr, haus_name, ort)",
    "stg_vertraege": "select * from (values (10, 1, 'aktiv', 500.0, date '2025-01-01'), (11, 1, 'storniert', 700.0, date '2025-01-15'),"
    " (12, 2, 'aktiv', 900.0, date '2025-04-01'), (13, null, 'gekuendigt', 400.0, date '2025-05-01'))"
    " as t(vertrag_nr, haus_nr, vertragsstatus, kaltmiete, vertragsbeginn)",
    "stg_zahlungen": "select * from (values (100, 10, 500.0, 'N', date '2025-01-03', date '2025-01-04'),"
    " (101, 10, 500.0, 'J', date '2025-02-03', date '2025-02-04'), (102, 12, 900.0, 'N', date '2025-02-28', date '2025-03-01'))"
    " as t(zahlung_nr, vertrag_nr, betrag, ruecklast_kz, buchungsdatum, wertstellung)",
    "stg_auftraege": "select * from (values (1, 1, 'OFFEN', null, timestamp '2025-01-30', null),"
    " (2, 1, 'ERLEDIGT', 80.0, timestamp '2025-01-30', timestamp '2025-02-02'), (3, 2, 'STORNO', null, timestamp '2025-02-10', null))"
    " as t(auftrag_nr, haus_nr, auftragsstatus, kosten_netto, gemeldet_am, erledigt_am)",
}  # fmt: skip
KEYS = {"stg_haeuser": "haus_nr", "stg_vertraege": "vertrag_nr", "stg_zahlungen": "zahlung_nr", "stg_auftraege": "auftrag_nr"}  # fmt: skip
JOINS = [("stg_vertraege", "haus_nr", "stg_haeuser", "haus_nr"), ("stg_zahlungen", "vertrag_nr", "stg_vertraege", "vertrag_nr"),
         ("stg_auftraege", "haus_nr", "stg_haeuser", "haus_nr")]  # fmt: skip


@pytest.fixture(scope="module")
def company() -> SmallWarehouse:
    return SmallWarehouse(RAW, JOINS, {"stg_vertraege": "One row per lease"}, KEYS)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Anzahl der Verträge je Vertragsstatus", {("aktiv", "2"), ("storniert", "1"), ("gekuendigt", "1")}),
        ("Anzahl der Verträge je Quartal des Vertragsbeginns. Nur nicht stornierte.", {("2025-01-01", "1"), ("2025-04-01", "2")}),
        ("Summe der Kaltmieten je Hausname", {("Lindenhof", "1200.0"), ("Seeblick", "900.0"), ("None", "400.0")}),
        ("number of leases by town", {("Bergheim", "2"), ("Grünau", "1"), ("None", "1")}),
        ("Number of leases. Only leases with vertragsstatus aktiv or gekuendigt, the others are over.", {("3",)}),
        ("nr of payments and total betrag per month (wertstellung), w/o the returned ones (ruecklast_kz J) pls",
         {("2025-01-01", "1", "500.0"), ("2025-03-01", "1", "900.0")}),
        ("Per month of buchungsdatum:\n- number of payments\n- amount", {("2025-01-01", "1", "500.0"), ("2025-02-01", "2", "1400.0")}),
        ("Number of payments and sum of betrag from stg_zahlungen per month of wertstellung, only where ruecklast_kz = 'N'",
         {("2025-01-01", "1", "500.0"), ("2025-03-01", "1", "900.0")}),
        ("Average number of calendar days between gemeldet_am and erledigt_am. Only finished orders (ERLEDIGT).", {("3.0",)}),
        ("Number of leases without haus_nr", {("1",)}),
    ],
)  # fmt: skip
def test_names_of_another_language_are_read(
    company: SmallWarehouse,
    body: str,
    expected: set[tuple[str, ...]],
) -> None:
    assert company.texts("Figures", body) == expected


def test_costs_known_when_the_work_is_done_may_be_dated_by_either(company: SmallWarehouse) -> None:
    questions = company.spec("Figures", "Summe der Kosten (kosten_netto) pro Monat").questions
    options = {o.meaning for q in questions for o in q.options}
    assert options == {"by `stg_auftraege.gemeldet_am`", "by `stg_auftraege.erledigt_am`"}


def test_options_of_an_exclusion_say_what_is_left_out(company: SmallWarehouse) -> None:
    questions = company.spec("Figures", "Number of payments without the bounced ones").questions
    meanings = [o.meaning for q in questions for o in q.options]
    assert "leave out rows with stg_zahlungen.ruecklast_kz = 'J'" in meanings
    assert "leave out rows with stg_zahlungen.ruecklast_kz = 'N'" in meanings


def test_no_question_shows_a_mark_of_ours(company: SmallWarehouse) -> None:
    for body in (
        "Splendour of gemeldet_am",
        "Number of payments by glimmer_code",
        "Total shine from stg_haeuser",
    ):
        for question in company.spec("Figures", body).questions:
            assert "col0" not in question.text
