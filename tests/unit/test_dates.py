"""Dates as people write them: read exactly or asked about, never passed over."""

from __future__ import annotations

import pytest

from crew.drafting.date_points import in_title, plain_dates, unclear_points
from tests.unit.test_calendars import interpret


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ("since March 3rd 2025", "2025-03-03", None),
        ("since the 3rd of March 2025", "2025-03-03", None),
        ("from 3 March 2025 to 2025-04-15", "2025-03-03", "2025-04-16"),
        ("since 25/04/2025", "2025-04-25", None),
        ("since 04/25/2025", "2025-04-25", None),
        ("between 03/04/2025 and 25/04/2025", "2025-04-03", "2025-04-26"),
        ("between 01.04.2025 and 30.06.2025", "2025-04-01", "2025-07-01"),
        ("in KW 12 2025", "2025-03-17", "2025-03-24"),
        ("in week 12 of 2025", "2025-03-17", "2025-03-24"),
        ("in the first half of 2025", "2025-01-01", "2025-07-01"),
        ("in the 2nd quarter of 2025", "2025-04-01", "2025-07-01"),
        ("in Q2 2025", "2025-04-01", "2025-07-01"),
        ("in 2025Q2", "2025-04-01", "2025-07-01"),
        (", Q1-Q3 2025", "2025-01-01", "2025-10-01"),
        (", Jan-Mar 2025", "2025-01-01", "2025-04-01"),
        ("from 1 to 15 March 2025", "2025-03-01", "2025-03-16"),
        ("in January and February 2025", "2025-01-01", "2025-03-01"),
        ("in 2024 and 2025", "2024-01-01", "2026-01-01"),
        ("on 1 May 2025", "2025-05-01", "2025-05-02"),
        ("in 03/2025", "2025-03-01", "2025-04-01"),
        ("after March 2025", "2025-04-01", None),
        ("before March 2025", None, "2025-03-01"),
        ("since the beginning of 2025", "2025-01-01", None),
        ("until the end of June 2025", None, "2025-07-01"),
        ("since March 2025 until May 2025", "2025-03-01", "2025-06-01"),
        (", 2025", "2025-01-01", "2026-01-01"),
        ("in '25", "2025-01-01", "2026-01-01"),
    ],
)
def test_dates_are_read(said: str, start: str | None, end: str | None) -> None:
    spec = interpret(f"number of visits per month {said}")
    assert not spec.questions and spec.date_range is not None
    assert (spec.date_range.start, spec.date_range.end) == (start, end)


@pytest.mark.parametrize(
    ("body", "start", "end"),
    [
        ("Bitte die Anzahl der visits pro Monat seit dem 3. März 2025.", "2025-03-03", None),
        ("Bitte die Anzahl der visits pro Monat seit dem 03.04.2025.", "2025-04-03", None),
        ("Bitte die Anzahl der visits pro Monat ab Mai 2025 bis Ende Oktober 2025.", "2025-05-01", "2025-11-01"),
        ("Bitte die Anzahl der visits pro Monat im Jahr 2025.", "2025-01-01", "2026-01-01"),
        ("Il nous faut le nombre de visites par mois depuis le 3 mars 2025.", "2025-03-03", None),
        ("Il nous faut le nombre de visites par mois depuis le 03/04/2025.", "2025-04-03", None),
        ("Necesitamos el número de visitas por mes desde el 3 de marzo de 2025.", "2025-03-03", None),
        ("Necesitamos el número de visitas por mes en enero de 2025.", "2025-01-01", "2025-02-01"),
    ],
)  # fmt: skip
def test_dates_of_other_languages_are_read(body: str, start: str, end: str | None) -> None:
    spec = interpret("Visits", body=body)
    assert not spec.questions and spec.date_range is not None
    assert (spec.date_range.start, spec.date_range.end) == (start, end)


@pytest.mark.parametrize(
    "said",
    [
        "since 03/04/2025", "since last Easter", "before Christmas", "during summer 2025",
        "in mid March 2025", "since mid-2024", "in early 2025", "around June 2025",
        "in the last week of March 2025", "in Q2", "in KW 12", "from 2025-02-30", "since 31/02/2025",
        "in January and March 2025", "since March", "in 2024 but since March 2025",
        "in KW 60 2025", "since the end of 2024", "except in 2024",
    ],
)  # fmt: skip
def test_dates_that_are_not_clear_are_asked(said: str) -> None:
    spec = interpret(f"number of visits per month {said}")
    assert any("which dates" in q.text for q in spec.questions)


def test_two_spans_hold_both_and_none_in_common_is_asked() -> None:
    spec = interpret("Visits 2025", body="Number of visits per month since March 2025.")
    assert spec.date_range
    assert (spec.date_range.start, spec.date_range.end) == ("2025-03-01", "2026-01-01")
    assert interpret("Visits 2024", body="Number of visits per month since March 2025.").questions


@pytest.mark.parametrize(
    "text",
    ["price over 2000", "version 1.2.2025.3", "we may 2 of them", "May orders", "code 2025-1234",
     "the campaign 'March 2025'", "named \"Summer 2025\"", "`Jan 2025`"],
)  # fmt: skip
def test_what_is_no_date_stays(text: str) -> None:
    assert plain_dates(text) == text
    assert unclear_points(text) == ([], text)


def test_dates_in_one_form_stay_as_they_are() -> None:
    text = "from 2025-03-03 to 2025-04, in 2025-Q2, in 2025-W12, FY2025-Q3 and FY2025/26"
    assert plain_dates(text) == text


@pytest.mark.parametrize(
    ("title", "read"),
    [("Invoices 2025", "Invoices in 2025"), ("Orders over 2000", "Orders over 2000"),
     ("Invoices 2024 vs 2025", "Invoices 2024 vs 2025"), ("Top 2000", "Top 2000")],
)  # fmt: skip
def test_a_title_may_end_with_its_dates(title: str, read: str) -> None:
    assert in_title(title) == read


@pytest.mark.parametrize(
    "title",
    [
        "number of visits per month for clinics opened in 2024",
        "number of visits per month of clinics that opened in 2024",
        "total fee per month from clinics which joined us before March 2025",
    ],
)
def test_a_date_of_something_else_is_not_taken_for_one_of_the_rows_counted(title: str) -> None:
    assert interpret(title).questions


def test_a_date_of_what_is_counted_is_read() -> None:
    spec = interpret("number of visits in 2024, per month")
    assert spec.date_range and spec.date_range.start == "2024-01-01"
