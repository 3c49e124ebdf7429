"""What a ticket asks for, in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from crew.drafting.calendar_words import CalendarWish
from crew.drafting.date_words import DateSpan
from crew.drafting.figures import FigureWishes
from crew.drafting.zone_words import ZoneWish

Place = Literal["title", "wish", "acceptance", "answer", "aside"]


@dataclass(frozen=True)
class Phrase:
    """Words that ask for one thing, where they stand and the sentence they come from.

    `added` words were said with `include`: rows or a number that are to come in, never a limit;
    an `item` is a line of a list of what is wanted.
    """

    text: str
    place: Place
    quote: str
    added: bool = False
    item: bool = False


@dataclass(frozen=True)
class LookBackWish:
    """The last `count` `unit`s; by the calendar, the previous ones or the current one."""

    count: int
    unit: str
    quote: str
    calendar: str = ""


@dataclass
class Wish:
    """What a ticket asks for, in its own words.

    `answers` are sentences of comments; those in `directed` came after a question of ours;
    `asked_us` are questions that people asked there.
    `leftovers` are the words of wishes that no other field took, prepositions included: each is
    a condition, or something to ask about, but never passed over. `kept` are rows that must not be
    left out; `denied` are wishes for the absence of something, which nothing follows; `passed_over`
    are words around a wish that no other field took, mostly prose. `row_per` is what the result
    has a row for, in so many words; `dated_by` the date that puts a row into a period;
    `said_later` are the sentences of comments that are read like the ticket's own.
    `sources` are the relations that it names as the place of its figures.
    `tags` stand in square brackets before the title;
    `prose` are sentences of the body that wish for nothing; `scopes` are the rows that all figures are about.
    """

    metrics: list[Phrase] = field(default_factory=list)
    dimensions: list[Phrase] = field(default_factory=list)
    grain: tuple[str, str] | None = None
    said_later: frozenset[str] = frozenset()
    look_back: LookBackWish | None = None
    date_span: DateSpan | None = None
    exclusions: list[Phrase] = field(default_factory=list)
    inclusions: list[Phrase] = field(default_factory=list)
    kept: list[Phrase] = field(default_factory=list)
    denied: list[Phrase] = field(default_factory=list)
    passed_over: list[Phrase] = field(default_factory=list)
    fill_gaps: bool = False
    acceptance: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    clauses: list[Phrase] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    directed: set[str] = field(default_factory=set)
    asked_us: list[str] = field(default_factory=list)
    leftovers: list[Phrase] = field(default_factory=list)
    other_grains: list[tuple[str, str]] = field(default_factory=list)
    unclear_dates: list[str] = field(default_factory=list)
    figures: FigureWishes = field(default_factory=FigureWishes)
    calendar: CalendarWish = field(default_factory=CalendarWish)
    zones: ZoneWish = field(default_factory=ZoneWish)
    language: str = ""
    prose: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    scopes: list[Phrase] = field(default_factory=list)
    row_per: Phrase | None = None
    dated_by: Phrase | None = None
    sources: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.clauses
