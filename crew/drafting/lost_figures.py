"""The last look at what a ticket says of shares, totals and ranks over its rows.

A wish for such a column has many wordings. Where one of their words stands in a ticket and the
result has no column of that kind, it went nowhere: it is asked about, as is what no column can do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crew.artifacts import Derived, Dimension, Metric, Top
from crew.drafting.interpretation import Interpretation
from crew.drafting.row_sets import dimension_sql
from crew.drafting.vocabulary import name_stems, stems
from crew.drafting.wish import Wish

_UNIT = r"(?:day|week|month|quarter|year|period)"


@dataclass(frozen=True)
class Kind:
    """Words that wish for a column of one of `kinds`, called `told` in a question; no kinds: for
    one that there is not."""

    told: str
    words: re.Pattern[str]
    kinds: frozenset[str]


def _kind(told: str, words: str, *kinds: str) -> Kind:
    return Kind(told, re.compile(words, re.I), frozenset(kinds))


_KINDS = [
    _kind(
        "share",
        r"\b(?:share|percentage|proportion)s?\s+(?:of|in|within)\b",
        "share", "of_first", "ratio",
    ),
    _kind(
        "running total",
        r"\b(?:cumulative(?:ly)?|cumulated|accumulated|running\s+(?:total|sum|count|number)|year[\s-]to[\s-]date|ytd)\b",
        "running_total", "to_date",
    ),
    _kind(
        "running total that begins anew",
        r"\b(?:re-?set(?:s|ting)?|restart(?:s|ing)?|start(?:s|ing)?\s+(?:again|over|anew|from\s+zero|afresh))\b",
        "reset",
    ),
    _kind("moving average or sum", r"\b(?:moving|rolling|trailing)\b", "moving_average", "moving_sum"),
    _kind(
        "average or sum of the last periods for each row",
        rf"(?:,|\b(?:and|with|plus))\s*(?:the\s+|its\s+)?(?:total|sum|average|mean)\s+(?:of|over|for|in)\s+the\s+"
        rf"(?:last|past|previous|preceding)\s+(?:\w+\s+)?{_UNIT}s\b",
        "moving_average", "moving_sum",
    ),
    _kind(
        "comparison with another period",
        rf"\b(?:growth|(?:previous|prior|preceding)\s+{_UNIT}|{_UNIT}\s+(?:before|earlier)\b(?!\s+(?:\d|the|that|it)\b)"
        rf"|{_UNIT}[\s-]over[\s-]{_UNIT}|[ymqwd]o[ymqwd]|same\s+{_UNIT}\s+(?:of\s+)?(?:the\s+|a\s+|one\s+)?(?:last|previous)?\s*year)\b",
        "growth", "change", "previous",
    ),
    _kind("rank", r"\brank(?:s|ed|ing)?\b", "rank", "top"),
    _kind(
        "choice of the highest or lowest rows",
        r"\b(?:top|bottom)[\s-]+(?:\d+|three|five|ten)\b"
        r"|\b(?:\d+|three|five|ten)\s+\w+\s+with\s+the\s+(?:most|highest|lowest|fewest|least)\b",
        "top",
    ),
    _kind(
        "row for the rest",
        r"\b(?:as|into|in|called|named)\s+(?:an?\s+|one\s+)?[\"'“]?others?[\"'”]?(?=\W*(?:$|row|line|group|bucket|[.,;)]))"
        r"|\b(?:the\s+rest|all\s+others?|everything\s+else|the\s+remaining)\b[^.;]{0,30}\b(?:as|together|summed|grouped|lumped|combined)\b",
    ),
    _kind(
        "window that is not the current period and those before it",
        r"\bcent(?:er|re)d\b|\bweighted\b"
        rf"|\b(?:excluding|without|not\s+(?:including|counting))\s+(?:the\s+)?(?:current|this|today['’]?s?)\s*(?:one|{_UNIT})?\b",
    ),
    _kind(
        "rank that begins with the lowest",
        r"\brank\s+(?:1|one|first)\b[^.;]{0,40}\b(?:least|lowest|smallest|fewest|cheapest|worst)\b"
        r"|\b(?:least|lowest|smallest|fewest|cheapest|worst)\b[^.;]{0,40}\brank\s+(?:1|one|first)\b"
        r"|\branked?\b[^.;]{0,60}\b(?:ascending|lowest\s+first|from\s+(?:the\s+)?lowest)\b",
    ),
]  # fmt: skip


class LostFigures:
    """Columns over the rows of one result, beside what its ticket says of such."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def ask(
        self,
        wish: Wish,
        metrics: Sequence[Metric],
        dimensions: Sequence[Dimension],
        derived: Sequence[Derived],
        top: Top | None,
    ) -> None:
        """Ask about words of wishes of which no column came."""
        if self.context.asking.open:
            return  # what was asked about may be just that
        have = _have(wish, metrics, derived, top)
        named = _named(metrics, dimensions)
        told = [(c.text, c.quote) for c in wish.clauses if c.place != "title"]
        for text, quote in [*told, *((s, s) for s in wish.prose)]:
            for kind in _KINDS:
                said = kind.words.search(text)
                if said is None or kind.kinds & have or set(stems(said.group())) & named:
                    continue
                self.context.asking.ask(
                    f"figure:{kind.told.replace(' ', '_')}",
                    f"“{quote[:200]}”: I found no {kind.told} that “{said.group().strip(' ,')}”"
                    " could be. Which figure should be shown, and over which rows?",
                    [("it is only wording: no such figure is wanted", "")],
                    default=None,
                )


def _have(
    wish: Wish, metrics: Sequence[Metric], derived: Sequence[Derived], top: Top | None
) -> set[str]:
    """The kinds of columns that a result has."""
    found: set[str] = {d.kind for d in derived} | {"reset" for d in derived if d.reset}
    found |= {"ratio" for m in metrics if "/" in m.formula}
    found |= {"top"} if top else set()
    if wish.look_back and wish.look_back.calendar == "current":
        found.add("to_date")
    return found


def _named(metrics: Sequence[Metric], dimensions: Sequence[Dimension]) -> set[str]:
    """Words of the columns and agreed figures that a result is made of."""
    texts = [f"{x.expression} {' '.join(x.filters)}" for m in metrics for x in m.measures]
    texts += [dimension_sql(d) for d in dimensions]
    texts += [m.label for m in metrics if m.grounding.source == "glossary"]
    return {s for text in texts for s in (*stems(text), *name_stems(text))}
