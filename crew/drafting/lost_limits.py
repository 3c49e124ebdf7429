"""The last look at what a ticket says to limit the rows: `only visits that were paid in cash`.

Whichever reader was to take such words, where one of them stands in nothing that was read, told or
asked, the limit was lost on the way, and a number over all rows would be delivered for some of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from crew.artifacts import Dimension, Filter, Metric
from crew.drafting.date_words import find_date_span
from crew.drafting.figures import is_mark
from crew.drafting.interpretation import Interpretation
from crew.drafting.phrase_reader import says_gaps
from crew.drafting.row_sets import dimension_sql
from crew.drafting.schema_linker import content_stems, entity_stems
from crew.drafting.vocabulary import alike, grain_words, name_stems, snake, stem_set, stems
from crew.drafting.wish import Wish

_END = (
    r"(?=\s*(?:[.,;:()!?|]|$|\s[-–—]\s"
    r"|\b(?:per|by|for\s+each|each|every|and\s+the|and\s+(?:per|by)|so\s+that|because|please)\b))"
)
_LIMITS = [
    re.compile(
        r"\b(?:only|just|solely|exclusively)\b\s+(?!\w+\s+(?:me|us|it|you|them)\b)"
        rf"(?P<said>\w[^.;:()|]*?){_END}",
        re.I,
    ),
    re.compile(
        r"\b\w+s\s+(?P<said>(?:where|whose|having|without|except|excluding|but\s+not|not\s+in|unless|if|when)\s+"
        rf"[^.;:()|]*?)(?:{_END}|(?=\s+(?:may|can|could|should|shall|must|stays?|remains?|keeps?|appears?|shows?"
        r"|counts?|do(?:es)?|don['’]t|doesn['’]t|are|is)\b))",
        re.I,
    ),
    re.compile(
        rf"\b\w+s\s+(?P<said>(?:that|which|who)\s+(?!(?:is|are|was)\s+(?:why|how|what|all)\b)[^.;:()|]*?){_END}",
        re.I,
    ),
]
_NOISE = (
    "stops", "openers", "fillers", "wrapping_nouns", "articles", "splitters", "wishes", "strong_wishes",
    "greetings", "signatures", "finite_verbs", "courtesies", "joints", "politeness", "row_rules", "units",
    "commands", "exclusions", "counting_commands", "labels", "holders", "people",
)  # fmt: skip


class LostLimits:
    """The limits of one ticket, beside what was read of it."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def ask(
        self,
        wish: Wish,
        bases: Sequence[str],
        metrics: Sequence[Metric],
        dimensions: Sequence[Dimension],
        filters: Sequence[Filter],
    ) -> None:
        """Ask about limits of which a word went nowhere."""
        told = self._told(wish, bases, metrics, dimensions, filters)
        asked = " ".join(q.text for q in self.context.asking.open)
        sentences = (*(c.text for c in wish.clauses), *wish.prose)
        for said in dict.fromkeys(s for text in sentences for s in limits_of(text)):
            if lost := [s for s in _said(said) if not (alike(s) | {s}) & told]:
                if said in asked:
                    continue
                self.context.asking.ask(
                    f"limit:{snake(said)[:40]}",
                    f"“{said}”: which rows are these? I found no column or value that says"
                    f" {', '.join(f'“{w}”' for w in _words_of(said, lost))}.",
                    [("it is only wording: it changes nothing that is counted", "")],
                    default=None,
                )

    def _told(
        self,
        wish: Wish,
        bases: Sequence[str],
        metrics: Sequence[Metric],
        dimensions: Sequence[Dimension],
        filters: Sequence[Filter],
    ) -> set[str]:
        """Stems of all that is counted, split by, asked, noted or assumed, and of what lasts so."""
        measures = [m for metric in metrics for m in metric.measures]
        cards = [c for b in bases if (c := self.context.evidence.relation(b))]
        asking = self.context.asking
        texts = [
            *(f"{f.label} {f.condition}" for f in filters),
            *(f"{m.label} {m.definition}" for m in metrics),
            *(f"{m.expression} {m.time} {' '.join(m.filters)}" for m in measures),
            *(f"{d.name} {dimension_sql(d)}" for d in dimensions),
            *(p.text for p in wish.dimensions),
            *(n for n in self.context.notes if not n.startswith("Not read")),
            *(a.text for a in self.context.assumptions),
            *(f"{q.text} {' '.join(o.meaning for o in q.options)}" for q in asking.open),
            *(f"{c.question} {c.meaning} {c.said}" for c in asking.settled),
            *wish.sources, *wish.answers, wish.look_back.quote if wish.look_back else "",
            *(d.quote for d in wish.figures.derived), wish.figures.top.quote if wish.figures.top else "",
        ]  # fmt: skip
        text = self.context.linker.figures.readable(" ".join(texts))
        found = {*stems(text), *name_stems(text)} | {s for c in cards for s in entity_stems(c)}
        return found | {x for s in found for x in alike(s)}


def limits_of(text: str) -> Iterator[str]:
    """What a sentence says of the rows that count, in its own words."""
    while (span := find_date_span(text))[0] is not None:
        text = span[1]
    seen = ""
    for pattern in _LIMITS:
        for matched in pattern.finditer(text):
            said = " ".join(matched["said"].split())
            of_gaps = pattern is not _LIMITS[0] and says_gaps(text)  # `weeks without any as 0`
            if said not in seen and not of_gaps:
                yield said
            seen += f" | {said}"


def _said(text: str) -> list[str]:
    """The stems of a limit that may say which rows."""
    noise = _noise()
    found = (s for s in content_stems(text) if s not in noise and not is_mark(s))
    return [s for s in found if s not in {"or", "and"} and not re.fullmatch(r"[\d.,%]+", s)]


def _words_of(text: str, lost: Sequence[str]) -> list[str]:
    return [w for w in re.findall(r"[\w'’-]+", text) if set(stems(w)) & set(lost)]


@cache
def _noise() -> frozenset[str]:
    return frozenset(
        {s for name in _NOISE for s in stem_set(name)}
        | {s for word in grain_words() for s in stems(word)}
    )
