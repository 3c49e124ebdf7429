"""What is said about figures, as values: comparisons, shares, orders of dates, ranges, top rows.

Each stands in the phrases of a wish as a mark, a plain word such as `cmp0`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crew.artifacts import DerivedKind
from crew.drafting.lexicon import Lexicon
from crew.drafting.related_words import Having, Those

MARK = re.compile(r"\b(?:cmp|lit|dur|ratio|unit|quot|ord|col|range|rel|some)\d+\b")


@dataclass(frozen=True)
class Comparison:
    """`low` inclusive or not, `high` likewise; a number without its own unit."""

    low: float | None
    high: float | None
    includes_low: bool
    includes_high: bool
    unit: str
    quote: str


@dataclass(frozen=True)
class Quoted:
    """A value that stands in quotes, and whether it is the one that is left out."""

    values: tuple[str, ...]
    negated: bool
    quote: str


@dataclass(frozen=True)
class Duration:
    """The time from one event to another, in words of the ticket."""

    begin: str
    end: str
    unit: str
    quote: str


@dataclass(frozen=True)
class Share:
    """The part of `whole` that meets `part`; with no part, `whole` says it (`refund rate`)."""

    whole: str
    part: str
    quote: str


@dataclass(frozen=True)
class PerUnit:
    """How much of `what` there is for each `unit`."""

    what: str
    unit: str
    quote: str


@dataclass(frozen=True)
class Quotient:
    """One figure divided by another, in words of the ticket."""

    above: str
    below: str
    quote: str
    operator: str = "/"


@dataclass(frozen=True)
class Order:
    """One moment of a row against another: `first` `operator` `second`, plus `within` if given."""

    first: str
    operator: str
    second: str
    within: str
    quote: str


@dataclass(frozen=True)
class Named:
    """A column by its very name."""

    name: str
    quote: str


@dataclass(frozen=True)
class Ranges:
    """Ranges to put numbers into: bounds [a, b), the first and last perhaps open; or `step` wide."""

    what: str
    bounds: tuple[tuple[float | None, float | None], ...]
    step: float | None
    quote: str
    labels: tuple[str, ...] = ()
    includes_high: bool = False


Figure = (
    Comparison
    | Quoted
    | Duration
    | Share
    | PerUnit
    | Quotient
    | Order
    | Named
    | Ranges
    | Having
    | Those
)


@dataclass(frozen=True)
class DerivedWish:
    """A derived column; `unit` is the period it speaks of, empty for the one of the result,
    `within` what a share is one of the total of, empty for all rows."""

    kind: DerivedKind
    periods: int
    unit: str
    quote: str
    within: str = ""


@dataclass(frozen=True)
class TopWish:
    """The `count` highest (or lowest) `what`; `by` is the figure that decides, perhaps empty."""

    count: int
    what: str
    by: str
    lowest: bool
    within: str
    quote: str


@dataclass
class FigureWishes:
    """Everything said about figures in one ticket. `marks` are words that stand in its phrases,
    `counted` the noun that was counted last: what `them` means, if it was `counted_twice`."""

    marks: dict[str, Figure] = field(default_factory=dict)
    derived: list[DerivedWish] = field(default_factory=list)
    top: TopWish | None = None
    grain: str = ""
    counted: str = ""
    counted_twice: bool = False
    moment: str = ""
    """At which moment of each period a state is counted: `period_start` or `period_end`."""
    lexicon: Lexicon = field(default_factory=Lexicon)

    def mark(self, kind: str, figure: Figure) -> str:
        """A word that stands for a figure from now on."""
        for known, other in self.marks.items():
            if other == figure:
                return known
        name = f"{kind}{len(self.marks)}"
        self.marks[name] = figure
        return name

    @property
    def quotes(self) -> set[str]:
        """The words that marks stand for."""
        return {self.readable(name) for name in self.marks}

    def readable(self, text: str) -> str:
        """The text with every mark replaced by the words it stands for."""
        for _ in range(3):  # a mark may stand in the words of another
            text = MARK.sub(
                lambda m: self.marks[m.group()].quote if m.group() in self.marks else m.group(),
                text,
            )
        return text


def is_limit(figure: Figure) -> bool:
    """Whether a figure says which rows count or names a column, rather than what is measured."""
    return isinstance(figure, Comparison | Quoted | Order | Named)


def is_mark(word: str) -> bool:
    return bool(MARK.fullmatch(word))


def add_derived(wishes: FigureWishes, wish: DerivedWish) -> None:
    """Wish for a derived column, once for each sentence and total."""
    said = (wish.kind, wish.quote, wish.within)
    if all((w.kind, w.quote, w.within) != said for w in wishes.derived):
        wishes.derived.append(wish)
