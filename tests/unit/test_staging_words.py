"""How columns are to be cleaned, and what is said of them, read out of made-up tickets."""

from __future__ import annotations

import duckdb

from crew.artifacts import ColumnCard
from crew.drafting.described_columns import told_of_columns
from crew.drafting.staging_words import cleanings, expression


def card(name: str, *values: str) -> ColumnCard:
    return ColumnCard(name=name, data_type="varchar", values=values, minimum=values[0])


COLUMNS = {
    "FestivalDay": card("FestivalDay", "20260701", ""),
    "fee": card("fee", "1.250,50", ""),
    "prio": card("prio", " High", "low"),
    "openedAt": card("openedAt", "2026-01-02 03:04:05", ""),
    "seats": card("seats", "12", ""),
}
TICKET = """festival_day as a real date, fee as a number (mind the decimal comma), seats as integer.
Priority in lower case
without blanks; opened as timestamps, empty strings as null"""


def test_each_clause_is_about_the_columns_that_it_speaks_of() -> None:
    names = {c: "festival_day" if c == "FestivalDay" else c.lower() for c in COLUMNS}
    wanted = cleanings(TICKET, names)
    made = {c: expression(COLUMNS[c], wanted[c], "duckdb") for c in COLUMNS}
    listed = ", ".join(f"{sql} as x{n}" for n, sql in enumerate(made.values()))
    rows = (
        "(select '20260701' as FestivalDay, '1.250,50' as fee, ' High ' as prio,"
        " '2026-01-02 03:04:05' as openedAt, '12' as seats union all select '', '', '', '', '')"
    )
    first, second = sorted(duckdb.sql(f"select {listed} from {rows}").fetchall(), key=str)[::-1]
    first, second = (second, first) if first[0] is None else (first, second)
    assert [str(v) for v in first] == ["2026-07-01", "1250.50", "high", "2026-01-02 03:04:05", "12"]
    assert second == (None,) * 5


def test_columns_are_described_by_lists_tables_and_sentences() -> None:
    columns = ["boat_no", "left_at", "crew_size"]
    assert told_of_columns("Please:\n- boat_no: number on the hull\n", columns) == {
        "boat_no": "Number on the hull."
    }
    assert told_of_columns("| column | text |\n| crew_size | people aboard |", columns) == {
        "crew_size": "People aboard."
    }
    said = "Describe the columns. boat_no is the number on the hull, left_at when it put to sea."
    assert told_of_columns(said, columns) == {
        "boat_no": "The number on the hull.",
        "left_at": "When it put to sea.",
    }
    assert told_of_columns("Add tests to boat_no, crew_size is odd sometimes", columns) == {}
