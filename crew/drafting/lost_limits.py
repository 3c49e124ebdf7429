"""The last look at what a ticket says to limit the rows: `only visits that were paid in cash`.

Whichever reader was to take such words, where one of them stands in nothing that was read, told or
asked, the limit was lost on the way, and a number over all rows would be delivered for some of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache

from crew.artifacts import Dimension, Filter, Metric
from crew.drafting.date_words import find_date_span
from crew.drafting.figures import is_mark
from crew.drafting.interpretation import Interpretation
from crew.drafting.leftover_reader import LeftoverReader
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
        r"\b(?:only|just|solely|exclusively)\b\s+(?!(?:as|like|so)\b|\w+\s+(?:me|us|it|you|them)\b)"
        rf"(?P<said>\w[^.;:()|]*?){_END}",
        re.I,
    ),
    re.compile(
        r"\b(?P<rows>\w+s)\s+(?P<said>(?:where|whose|having|without|except|excluding|but\s+not|not\s+in|unless|if|when)\s+"
        rf"[^.;:()|]*?)(?:{_END}|(?=\s+(?:may|can|could|should|shall|must|stays?|remains?|keeps?|appears?|shows?"
        r"|counts?|do(?:es)?|don['’]t|doesn['’]t|are|is)\b))",
        re.I,
    ),
    re.compile(
        rf"\b(?P<rows>\w+s)\s+(?P<said>(?:that|which|who)\s+(?!(?:is|are|was)\s+(?:why|how|what|all)\b)[^.;:()|]*?){_END}",
        re.I,
    ),
]
_NOISE = (
    "stops", "openers", "fillers", "wrapping_nouns", "articles", "splitters", "wishes", "strong_wishes",
    "greetings", "signatures", "finite_verbs", "courtesies", "joints", "politeness", "row_rules", "units",
    "commands", "exclusions", "counting_commands", "labels", "holders", "people", "currencies",
)  # fmt: skip


_PLAIN = frozenset(
    s for w in ("no", "or", "and", "least", "most", "once", "more", "less", "any", "there", "stay", "remain", "appear",
                "visible", "empty", "zero", "none", "line", "gap", "gaps") for s in stems(w)
)  # fmt: skip
# `status X (cancelled)`: what a code means.
_MEANING = re.compile(r"(?P<code>\b[A-Z][A-Z0-9_]{0,14})\s*\([^()]{1,40}\)")
_ALL_PERIODS = re.compile(r"\bfrom\s+the\s+first\s+to\s+the\s+last\s+\w+", re.I)
# What stands before the words that narrow rows down, or is such a word itself.
_NARROWS = re.compile(
    r"(?:and\s+)?(?:that|which|who|whose|where|with|without|from|in|at|on|via|through|by|for|of|under|over|outside|inside"
    r"|within|among|amongst|after|before|since|until|during|if|when|unless|but|not|no|except|excluding|only|just|rather"
    r"|like|against|to|having|older|younger|larger|smaller|higher|lower|longer|shorter|whose|are|was|were|have|has|had"
    r"|did|do|made|i\.?e|meaning|[a-z]+ed|ones|those|never|yet)\b",
    re.I,
)


_ALL = re.compile(
    r"\b(?:every|all|any|too|also|as\s+well|included|including|regardless|whether)\b", re.I
)


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
        conditions: Sequence[str] = (),
    ) -> None:
        """Ask about limits of which a word went nowhere; `conditions` say which entities have a row."""
        told = self._told(wish, bases, metrics, dimensions, filters)
        told |= {x for text in conditions for s in stems(text) for x in alike(s)}
        asked = " ".join(q.text for q in self.context.asking.open)
        counted = {s for m in metrics for s in stems(m.label)}
        counted |= {s for d in dimensions for s in name_stems(d.column)}
        texts = (*wish.prose, *(c.text for c in wish.clauses))
        limits = [s for text in texts for s in limits_of(text)]
        own = [c for c in wish.clauses if c.quote not in wish.said_later]
        own = [c for c in own if c.place != "title"] or own
        behind = [s for c in own for s in _behind(c.text, counted)]
        for said in dict.fromkeys([*limits, *behind]):
            lost = [s for s in _said(said) if not (alike(s) | {s}) & told]
            if not lost or said in asked:
                continue
            is_limit = _NARROWS.match(said) and not _ALL.search(said) and not _is_purpose(said)
            if said not in limits and not is_limit:
                self.context.notes.append(f"Not read: “{said}”.")
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
            *(p.text for p in (*wish.dimensions, *wish.kept)),
            *(n for n in self.context.notes if not n.startswith("Not read")),
            *(a.text for a in self.context.assumptions),
            *(f"{q.text} {' '.join(o.meaning for o in q.options)}" for q in asking.open),
            *(f"{c.question} {c.meaning} {c.said}" for c in asking.settled),
            *wish.sources, *wish.answers, wish.dated_by.text if wish.dated_by else "",
            wish.look_back.quote if wish.look_back else "",
            *(d.quote for d in wish.figures.derived), wish.figures.top.quote if wish.figures.top else "",
        ]  # fmt: skip
        text = self.context.linker.figures.readable(" ".join(texts))
        found = {*stems(text), *name_stems(text)} | LeftoverReader(self.context).always_there(bases)
        found |= {s for c in cards for s in entity_stems(c)}
        return found | {x for s in found for x in alike(s)}


def limits_of(text: str) -> Iterator[str]:
    """What a sentence says of the rows that count, in its own words."""
    text, seen = _without_dates(text), ""
    for pattern in _LIMITS:
        for matched in pattern.finditer(text):
            said = " ".join(matched["said"].split())
            rows = matched.groupdict().get("rows", "")  # `weeks without any as 0` are no rows
            of_periods = rows and (says_gaps(text) or rows.lower() in grain_words())
            if said not in seen and not of_periods:
                yield said
            seen += f" | {said}"


def _behind(text: str, counted: AbstractSet[str]) -> Iterator[str]:
    """The parts of a sentence behind the first word of what is counted, from their first joint on."""
    text = _without_dates(text)
    first = next(
        (m for m in re.finditer(r"[\w'’-]+", text) if set(stems(m.group())) & counted), None
    )
    for part in (
        re.split(r"[,;:()|.?!\[\]]|\s[-–—]\s|\s(?=(?:for|to|as)\s)", text[first.end() :])
        if first
        else ()
    ):
        if part.strip():
            yield " ".join(part.split())


def _is_purpose(text: str) -> bool:
    """`for the board deck` says what it is for, not which rows."""
    return bool(re.match(r"(?:for|to|as)\b", text) and set(stems(text)) & stem_set("purposes"))


def _without_dates(text: str) -> str:
    text = _MEANING.sub(r"\g<code>", _ALL_PERIODS.sub("|", text))
    while (span := find_date_span(text))[0] is not None:
        text = span[1]
    return text


def _said(text: str) -> list[str]:
    """The stems of a limit that may say which rows."""
    noise = _noise()
    found = (s for s in content_stems(text) if s not in noise and not is_mark(s))
    return [s for s in found if s not in _PLAIN and not re.fullmatch(r"[\d.,%]+", s)]


def _words_of(text: str, lost: Sequence[str]) -> list[str]:
    return [w for w in re.findall(r"[\w'’-]+", text) if set(stems(w)) & set(lost)]


@cache
def _noise() -> frozenset[str]:
    return frozenset(
        {s for name in _NOISE for s in stem_set(name)}
        | {s for word in grain_words() for s in stems(word)}
    )
