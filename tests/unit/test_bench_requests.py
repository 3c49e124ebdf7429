"""How the benchmark of requests compares rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from bench.requests.compare import Rows, difference
from bench.requests.score import score


def table(columns: str, *rows: tuple[Any, ...]) -> Rows:
    return Rows(tuple(columns.split()), rows)


MONTHS = table("m n", (dt.date(2025, 1, 1), 3), (dt.date(2025, 2, 1), 5))


def test_rows_are_equal_in_any_order_and_under_any_names() -> None:
    other = table("extra count month", ("x", 5, dt.date(2025, 2, 1)), ("y", 3, dt.date(2025, 1, 1)))
    assert difference(MONTHS, other) == ""
    assert "no column" in difference(MONTHS, other, by_name=True)


def test_columns_alike_are_told_apart_by_their_rows() -> None:
    wanted = table("k a b", (1, 1, 2), (2, 2, 1), (3, 3, 3))
    assert difference(wanted, table("k b a", (1, 2, 1), (2, 1, 2), (3, 3, 3))) == ""
    assert "other rows" in difference(wanted, table("x y z", (1, 1, 1), (2, 2, 2), (3, 3, 3)))


def test_more_rows_are_not_equal_unless_they_are_spare() -> None:
    more = Rows(MONTHS.columns, (*MONTHS.rows, (dt.date(2025, 3, 1), 0)))
    assert "3 rows instead of 2" in difference(MONTHS, more)
    assert difference(MONTHS, more, spare=lambda row: row[1] == 0) == ""
    twice = Rows(MONTHS.columns, (*MONTHS.rows, MONTHS.rows[0]))
    assert difference(MONTHS, twice, spare=lambda row: row[1] == 0) != ""


def test_numbers_are_equal_within_a_millionth() -> None:
    wanted = table("x", (Decimal("0.333333333"),), (1_000_000,), (1_000_001,))
    assert difference(wanted, table("x", (1 / 3,), (1_000_000.0,), (Decimal(1_000_001),))) == ""
    assert difference(wanted, table("x", (0.3334,), (1_000_000,), (1_000_001,))) != ""
    assert difference(wanted, table("x", (1 / 3,), (1_000_000,), (1_000_000,))) != ""


def test_dates_equal_midnights_and_times_are_read_in_utc() -> None:
    midnight = table("d", (dt.datetime(2025, 1, 1),))
    assert difference(midnight, table("d", (dt.date(2025, 1, 1),))) == ""
    cet = dt.timezone(dt.timedelta(hours=1))
    assert difference(midnight, table("d", (dt.datetime(2025, 1, 1, 1, tzinfo=cet),))) == ""
    assert difference(midnight, table("d", (dt.datetime(2025, 1, 1, 1),))) != ""


def test_null_equals_null_only_and_booleans_are_no_numbers() -> None:
    assert difference(table("a b", (None, True)), table("a b", (None, True))) == ""
    assert difference(table("a", (None,)), table("a", (0,))) != ""
    assert difference(table("a", (True,)), table("a", (1,))) != ""


def test_a_key_may_be_text() -> None:
    assert difference(table("k", (7,), (None,)), table("k", ("7",), (None,))) == ""
    assert difference(table("k", ("007",)), table("k", ("7",))) != ""


def test_what_should_have_been_asked_is_shown_only_where_an_assumption_says_it() -> None:
    entry = {"id": "x", "expect": "ask", "about": "gross|net", "new": True}
    result = {"outcome": "delivered", "assumptions": ["net it is"], "notes": [], "reason": ""}
    assert score(entry, result, "")[0] == "wrong_shown"
    assert score(entry, {**result, "assumptions": []}, "")[0] == "wrong_silently"
    question = {"text": "Gross?", "options": []}
    asked = {**result, "outcome": "needs_answers", "questions": [question]}
    assert score(entry, asked, "")[0] == "asked_rightly"
    assert score({**entry, "about": "city"}, asked, "")[0] == "asked_otherwise"
    assert score({**entry, "expect": "rows"}, asked, "")[0] == "asked_needlessly"
