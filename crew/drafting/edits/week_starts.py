"""Weeks and fiscal periods in edits: weeks begin where the settings or the ticket say, or it is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot

from crew.artifacts import AddColumn, AddToGrain, Calendar, ChangeGrain, Edit
from crew.drafting.calendar_words import WEEKDAYS, take_calendar
from crew.drafting.dialects import in_dialect
from crew.drafting.period_sql import period_of

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_WEEK = re.compile(r"^cast\(date_trunc\('week', (?P<of>.+)\) as date\)$")
_PERIOD = re.compile(r"date_trunc\('(week|quarter|year)'|extract\((year|quarter|week) from")


def settle_weeks(reader: EditReader) -> None:
    """Puts the first days of added weeks where they are meant; asks where a model's own rows are to be
    other weeks than those from Monday, or fiscal periods."""
    edits = reader.reading.edits
    if not any(_is_of_a_period(e) for e in edits):
        return
    said, _ = take_calendar(reader.text)
    if said.fiscal:
        reader.ask(
            "calendar:change",
            f"“{said.fiscal}”: in an existing model I count by the calendar alone. Which column or"
            " expression gives the period?",
            [("calendar years and quarters", "")],
        )
    house = WEEKDAYS[reader.evidence.calendar.week_starts]
    day = house if reader.week_starts is None else reader.week_starts
    if day == 0:
        return
    name = next(n for n, d in WEEKDAYS.items() if d == day).capitalize()
    for n, edit in enumerate(edits):
        if isinstance(edit, ChangeGrain) and edit.grain == "week":
            reader.ask(
                f"calendar:weeks:{edit.model}",
                f"Weeks begin on {name}; the rows of `{edit.model}` I can only put into weeks from Monday to"
                " Sunday. Which are meant?",
                [("weeks from Monday to Sunday", "")],
            )
        elif isinstance(edit, AddColumn | AddToGrain) and (week := _WEEK.match(edit.expression)):
            dialect = reader.view.dialect
            moment = sqlglot.parse_one(week["of"], read=dialect)
            first = period_of(moment, "week", Calendar(week_starts=day))
            sql = in_dialect(first, dialect).sql(dialect=dialect, normalize_functions="lower")
            edits[n] = edit.model_copy(update={"expression": sql})
            reader.assume(f"Weeks begin on {name}.")


def _is_of_a_period(edit: Edit) -> bool:
    if isinstance(edit, ChangeGrain):
        return edit.grain in {"week", "quarter", "year"}
    return isinstance(edit, AddColumn | AddToGrain) and bool(_PERIOD.search(edit.expression))
