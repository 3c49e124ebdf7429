"""Settles in which time zone the days of a request are: its own words, a column, the settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import available_timezones

from sqlglot import exp

from crew.artifacts import ColumnCard, Measure, Metric
from crew.catalog.warehouse_profile import is_temporal
from crew.drafting.interpretation import Interpretation
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import entity_stems
from crew.drafting.scope import key_of, qualified
from crew.drafting.vocabulary import stems
from crew.drafting.wish import Phrase, Wish
from crew.drafting.zone_words import ZoneWish, take_zones
from crew.drafting.zones import column_type, in_zone, is_moved, is_zoned, stored_zone, zone_sql

_IN_UTC = re.compile(r"\bUTC\b|\bGMT\b")


class ZoneReader:
    """Time zones of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def settle(self, wish: Wish, bases: Sequence[str]) -> None:
        """Put the zone into the calendar of the context; what is open is asked."""
        for sentence in wish.answers:
            said, _ = take_zones(sentence)
            if said.zone or said.stored:
                wish.zones = replace(wish.zones.and_also(said), unclear=())
                self.context.told.add(sentence)
        self.context.zones = said = wish.zones
        for quote in said.unclear:
            self.context.asking.ask(
                f"zone:{quote}",
                f"“{quote}”: which time zone is meant? Name it as in Europe/Berlin.",
                [],
            )
        if said.zone:
            self._set(zone=said.zone)
        elif said.is_local:
            self._settle_local(wish, bases)
        elif self.context.evidence.calendar.time_zone and self._is_timed(wish):
            self._set_house()

    def store(self, metrics: Sequence[Metric]) -> None:
        """Settle in which zone the moments that date the measures are written."""
        for measure in (m for metric in metrics for m in metric.measures):
            for text in _moments(measure):
                store(self.context, text)

    def _settle_local(self, wish: Wish, bases: Sequence[str]) -> None:
        quote = wish.zones.quote
        cards = [self.context.evidence.relation(b) for b in bases]
        named = [c.name for card in cards if card for c in card.columns
                 if is_temporal(c) and "local" in c.name.lower().split("_")]  # fmt: skip
        if named:
            wish.dated_by = wish.dated_by or Phrase("local", "wish", quote)
            return
        found = self._zone_columns(bases)
        if len(found) == 1 and self._is_at(wish.zones.place, found[0]):
            self.context.assume(f"“{quote}” is by the time zone that `{found[0]}` holds.")
            self._set(zone_column=found[0])
        elif self.context.evidence.calendar.time_zone and not found and not wish.zones.place:
            self._set_house()
        else:
            options = [(f"by `{f}`", "") for f in found[:3]]
            options.append(("as the data has them: nothing is converted", ""))
            index = self.context.asking.ask(
                "calendar:zone", f"“{quote}”: in which time zone?", options
            )
            if index is not None and index < len(found):
                self._set(zone_column=found[index])

    def _zone_columns(self, bases: Sequence[str]) -> list[str]:
        """Columns of what is counted, else of the nearest that it points at, whose values are
        names of zones."""
        reaches = [self.context.planner.hops(b) for b in bases]
        common = set(reaches[0]).intersection(*reaches[1:]) if reaches else set()
        found: dict[str, int] = {}
        for key in common:
            card = self.context.evidence.relation(key)
            if any(key != b and len(self.context.planner.ways(b, key)) != 1 for b in bases):
                continue  # of which of them?
            for column in card.columns if card else ():
                if _holds_zones(column):
                    name = qualified(key, column.name).sql(dialect=self.context.evidence.dialect)
                    found[name] = sum(r[key] for r in reaches)
        return sorted(f for f, hops in found.items() if hops == min(found.values()))

    def _is_at(self, place: str, column: str) -> bool:
        """Whether a place that is named is what has the column."""
        tree = parse_sql(column, self.context.evidence.dialect)
        card = self.context.evidence.relation(key_of(next(iter(tree.find_all(exp.Column)))))
        return not place or bool(card and set(entity_stems(card)) & set(stems(place)))

    def _set(self, **told: str) -> None:
        self.context.calendar = self.context.calendar.model_copy(update=told)

    def _set_house(self) -> None:
        zone = self.context.evidence.calendar.time_zone
        self.context.assume(f"Days are those of {zone}, as the settings say.")
        self._set(zone=zone)

    def _is_timed(self, wish: Wish) -> bool:
        return bool(wish.grain or wish.look_back or wish.date_span or wish.dimensions)


def moved(context: Interpretation, text: str) -> exp.Expr:
    """A moment of the specification by the clocks of the zone whose days are meant."""
    store(context, text)
    dialect, calendar = context.evidence.dialect, context.calendar
    tree = parse_sql(text, dialect)
    if not is_moved(text, calendar, context.evidence):
        return tree
    return in_zone(tree, zone_sql(calendar, dialect), stored_zone(text, calendar), dialect)


def store(context: Interpretation, text: str) -> None:
    """Settle the zone that a moment is written in, where its type does not tell."""
    calendar = context.calendar
    asked = calendar.zone or calendar.zone_column
    if not asked or is_zoned(text, context.evidence) or stored_zone(text, calendar):
        return
    said: ZoneWish = context.zones
    told = bool(said.zone or said.is_local)
    if not column_type(text, context.evidence).startswith(("timestamp", "datetime")):
        if told:
            context.assume(f"`{text}` is a day without a time: it is taken as it is.")
        return
    zone = said.stored or _described(context, text)
    if not zone and not told:
        context.assume(
            f"Nothing says in which time zone `{text}` is: its days are taken as they are."
        )
    elif not zone and calendar.zone == "UTC":
        context.assume(f"Nothing says in which time zone `{text}` is: it is taken to be in UTC.")
    elif not zone:
        index = context.asking.ask(
            f"calendar:stored:{text}",
            f"In which time zone is `{text}` written? Its days are to be those of {asked}.",
            [("in UTC", ""), (f"in {asked} already: nothing is converted", "")],
        )
        zone = "UTC" if index == 0 else ""
    if zone and zone != calendar.zone:
        stored = (*calendar.stored, (text, zone))
        context.calendar = calendar.model_copy(update={"stored": stored})


def _described(context: Interpretation, text: str) -> str:
    """The zone that the name or the description of a moment's column tells."""
    tree = next(iter(parse_sql(text, context.evidence.dialect).find_all(exp.Column)), None)
    card = context.evidence.relation(key_of(tree)) if tree is not None else None
    column = card.column(tree.name) if card and tree is not None else None
    if column is None:
        return ""
    told = card.description if card else ""  # `one row per shipment, all times in UTC`
    words = f"{column.description} {column.inherited} {told}"
    named = re.findall(r"\b[A-Z]\w+/[A-Z]\w+(?:/\w+)?\b", words)
    zones = {n for n in named if n in available_timezones()}
    if "utc" in column.name.lower().split("_") or _IN_UTC.search(words):
        zones.add("UTC")
    return zones.pop() if len(zones) == 1 else ""


def _holds_zones(column: ColumnCard) -> bool:
    known = [v for v in column.values if v]
    return (
        bool(known)
        and all("/" in v or v == "UTC" for v in known)
        and (set(known) <= available_timezones())
    )


def _moments(measure: Measure) -> list[str]:
    return [t for t in (measure.time, measure.active_from, measure.active_to) if t]
