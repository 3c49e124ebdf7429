"""Settles when the periods of a request begin: by its own words, else by the settings, else asked."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from crew.artifacts import Calendar, Metric, Option
from crew.drafting.calendar_words import MONTHS, WEEKDAYS, take_calendar
from crew.drafting.date_words import DateSpan
from crew.drafting.interpretation import Interpretation
from crew.drafting.wish import Wish

_USUAL = (1, 4, 7, 10)
_QUESTION = "calendar:fiscal_year"
_MONTH_ALONE = re.compile(
    r"\W*(?:(?:it|that|ours)\s+)?(?:starts?\s+|begins?\s+)?(?:in\s+|on\s+)?(?:1(?:st)?\s+(?:of\s+)?)?"
    r"(?P<month>[^\W\d]+)\W*",
    re.I,
)
_UNITS = {"quarter", "year"}


class CalendarReader:
    """The calendar of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def settled(self, wish: Wish) -> Calendar:
        """The calendar of a wish, whose fiscal dates become plain ones; what is open is asked."""
        for sentence in wish.answers:
            said, _ = take_calendar(sentence)
            if said.week_starts is not None or said.year_starts is not None:
                wish.calendar = wish.calendar.and_also(said)
                self.context.told.add(sentence)
        wish.unclear_dates += wish.calendar.unclear
        week, year = self._week(wish), self._year(wish)
        if wish.date_span and wish.date_span.fiscal:
            wish.date_span = self._dated(wish, year)
        return Calendar(week_starts=week, year_starts=year or 1)

    def with_effects(self, metrics: Sequence[Metric], wish: Wish) -> None:
        """Put beside each beginning of a fiscal year what it would give."""
        asked = next((q for q in self.context.asking.open if q.id == _QUESTION), None)
        grain = wish.grain[0] if wish.grain and wish.grain[0] in _UNITS else "year"
        if asked is None or not metrics:
            return
        options: list[Option] = []
        for option, month in zip(asked.options, _USUAL, strict=True):
            calendar = Calendar(year_starts=month)
            effect = self.context.probe.latest(metrics[0].measures[0], grain, calendar)
            options.append(option.model_copy(update={"effect": effect}))
        place = self.context.asking.open.index(asked)
        self.context.asking.open[place] = asked.model_copy(update={"options": tuple(options)})

    def _week(self, wish: Wish) -> int:
        house = WEEKDAYS[self.context.evidence.calendar.week_starts]
        if wish.calendar.week_starts is not None:
            return wish.calendar.week_starts
        if house and _units(wish) & {"week"}:
            day = self.context.evidence.calendar.week_starts.capitalize()
            self.context.assume(f"Weeks begin on {day}, as the settings say.")
        return house

    def _year(self, wish: Wish) -> int | None:
        """The month that the years of the wish begin in; None where that is open."""
        said, house = wish.calendar, self.context.evidence.calendar.fiscal_year_starts
        known = said.year_starts or (MONTHS[house] if house else None)
        if not said.fiscal:
            if known not in {None, 1} and _units(wish) & _UNITS:
                self.context.assume(
                    f"Years and quarters are those of the calendar; fiscal years, which begin in"
                    f" {month_name[known or 1]}, are not asked for."
                )
            return 1
        if said.everyones:
            self.context.asking.ask(
                "calendar:both",
                f"“{said.fiscal}” and “{said.everyones}”: I can count by one of them. By which?",
                [],
            )
            return None
        if known is None:
            known = self._answered()
        if known is None:
            index = self.context.asking.ask(
                _QUESTION,
                f"“{said.fiscal}”: when does the fiscal year begin?",
                [
                    ("as the calendar year, in January", ""),
                    *((f"in {month_name[m]}", "") for m in _USUAL[1:]),
                ],
            )
            return None if index is None else _USUAL[index]
        if said.year_starts is None and house:
            self.context.assume(f"Fiscal years begin in {month_name[known]}, as the settings say.")
        return known

    def _answered(self) -> int | None:
        """The month that an answer consists of: `in February`."""
        asking = self.context.asking
        for sentence in asking.answers:
            said = _MONTH_ALONE.fullmatch(sentence) if sentence in asking.directed else None
            if said and (month := MONTHS.get(said["month"].lower())):
                self.context.told.add(sentence)
                return month
        return None

    def _dated(self, wish: Wish, year: int | None) -> DateSpan:
        """The span of dates in everyone's calendar; as it is while it is open what is meant."""
        span = wish.date_span
        assert span is not None
        named_by = "start" if span.fiscal == "begins" or year == 1 else self._named_by(wish, year)
        if year is None or not named_by:
            return span
        later = year - 1 - (12 if named_by == "end" else 0)
        moved = replace(
            span, start=_later(span.start, later), end=_later(span.end, later), fiscal=""
        )
        bounds = [
            f"from {moved.start}" if moved.start else "",
            f"before {moved.end}" if moved.end else "",
        ]
        self.context.assume(f"“{span.quote}” is {' '.join(b for b in bounds if b)}.")
        return moved

    def _named_by(self, wish: Wish, year: int | None) -> str:
        house = self.context.evidence.calendar.fiscal_year_named_by
        if house is not None:
            return house
        quote = wish.date_span.quote if wish.date_span else ""
        index = self.context.asking.ask(
            "calendar:named_by",
            f"“{quote}”: after which year is a fiscal year named?",
            [("the year in which it ends", ""), ("the year in which it starts", "")],
        )
        return "" if index is None else ("end", "start")[index]


def _units(wish: Wish) -> set[str]:
    """The lengths of the periods that a wish is about."""
    found = {wish.grain[0]} if wish.grain else set()
    if wish.look_back:
        found.add(wish.look_back.unit)
    return found | {d.unit for d in wish.figures.derived if d.unit}


def _later(day: date | None, months: int) -> date | None:
    if day is None:
        return None
    count = day.year * 12 + day.month - 1 + months
    return day.replace(year=count // 12, month=count % 12 + 1)
