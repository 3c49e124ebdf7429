"""Asks about what a ticket says of how values are to look: types, empty ones, letters, decimals, masks.

A new model shows values as they are and figures as they come out, so each of these is told apart
from what is counted, lest it be taken for something that was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crew.artifacts import Metric
from crew.drafting.interpretation import Interpretation
from crew.drafting.vocabulary import snake
from crew.drafting.wish import Wish

Shape = Literal["type", "empty", "look"]
_NONE = r"(?:nulls?|empty|blank|missing|leer\w*|none|nothing|nichts|keine?|fehl\w+|n/a)"
_ZERO = re.compile(r"(?<![\w.])(?:0|zeros?)(?!\w)", re.I)
_VALUE = (
    r"(?:an?\s+)?(?:0(?:[.,]0+)?|zeros?|['\"“‘][^'\"”’]{1,20}['\"”’]|unknown|unbekannt|others?|sonstige\w*|n/a"
    r"|false|no)(?!\w)"
)
_PATTERNS: tuple[tuple[Shape, re.Pattern[str]], ...] = (
    (
        "type",
        re.compile(
            r"\b(?:as|als|cast(?:\s+\w+){0,3}\s+(?:to|as)|convert(?:ed)?(?:\s+\w+){0,3}\s+(?:to|into))\s+(?:an?\s+|eine?\s+)?"
            r"(?:integers?|int|bigint|whole\s+numbers?|ganze\s+zahl(?:en)?|ganzzahl(?:en)?|text|strings?|varchar|floats?"
            r"|double|decimals?|numeric|boolean)\b",
            re.I,
        ),
    ),
    (
        "empty",
        re.compile(
            rf"\b(?:if|when|where|whenever|wenn|falls|wo)\b[^,.;]{{0,40}}\b{_NONE}\b[^.;]{{0,12}}?\b(?:show|use|put|write|give|set|say|print"
            rf"|zeig\w*|dann|then|als)\b\s+{_VALUE}"
            rf"|\b(?:show|use|put|write|give|set|say|treat\w*|zeig\w*|fill)\b\s+(?:\w+\s+){{0,2}}?{_VALUE}\s+(?:if|when|where|for|instead\s+of|wenn"
            rf"|falls|statt)\b[^,.;]{{0,30}}\b{_NONE}\b"
            rf"|(?<![\w.]){_VALUE}\s+(?:if|when|where|instead\s+of|wenn|falls|statt)\s+(?:it\s+is\s+|it['’]s\s+|there\s+(?:is|are)\s+|es\s+)?{_NONE}\b"
            rf"|\b(?:wenn|falls|wo)\b[^,.;]{{0,40}}\b{_NONE}\b[^.;]{{0,16}}?\s{_VALUE}"
            rf"|\b{_NONE}(?:\s+\w+){{0,2}}?\s+(?:as|to|into|becomes?|=|->|→|:=|als|zu)\s+{_VALUE}(?!\w)",
            re.I,
        ),
    ),
    (
        "look",
        re.compile(
            r"\b(?:upper|lower)[\s-]?case[d]?\b|\b(?:groß|gross|klein)(?:buchstaben|schreibung|geschrieben)\b"
            r"|\b(?:capital\s+letters|capitali[sz]ed)\b"
            r"|\b(?:rounded|gerundet\w*|arrondi\w*|redonde\w*)\b|\bround\s+(?:it|them|to|up|down|off|the|all|everything)\b"
            r"|\b(?:bitte\s+)?(?:auf\s+\w+\s+(?:nachkomma|dezimal)?stellen?)\b|\b(?:no|without|zero|one|two|three|\d)\s+decimals?\b"
            r"|\bohne\s+(?:nachkomma|dezimal)stellen\b|\b(?:masked?|hashed?|pseudonymi[sz]ed?|anonymi[sz]ed?|maskiert|anonymisiert)\b",
            re.I,
        ),
    ),
)
_FILLED = {"count", "count_distinct", "sum"}
_WHOLE = re.compile(r"int|whole|ganz", re.I)


@dataclass(frozen=True)
class ShapeWish:
    """What is said of the look of values; `is_zero` where nothing is to be shown as zero."""

    kind: Shape
    words: str
    is_zero: bool = False


def shape_wishes(sentence: str) -> list[ShapeWish]:
    """What one sentence says of the look of values, each kind once."""
    found = []
    for kind, pattern in _PATTERNS:
        if said := pattern.search(sentence):
            words = said.group().strip()
            found.append(ShapeWish(kind, words, kind == "empty" and bool(_ZERO.search(words))))
    return found


def ask_shapes(context: Interpretation, wish: Wish, metrics: Sequence[Metric], every: bool) -> None:
    """Asks about the look of values, where it is not what a new model shows anyway; `every` entity
    has a row, with zero where nothing was counted."""
    kinds = {m.aggregation for metric in metrics for m in metric.measures}
    are_counts = kinds <= {"count", "count_distinct"}
    are_zero = wish.fill_gaps or are_counts or (every and kinds <= _FILLED)
    told = [q.text for q in context.asking.open] + context.notes
    sentences = [c.quote for c in wish.clauses if c.place != "acceptance"] + wish.prose
    for sentence in dict.fromkeys(sentences):
        for said in shape_wishes(context.linker.figures.readable(sentence)):
            is_so = (said.is_zero and are_zero) or (
                said.kind == "type" and are_counts and bool(_WHOLE.search(said.words))
            )
            if is_so or any(said.words.lower() in t.lower() for t in told):
                continue
            context.asking.ask(
                f"shape:{snake(said.words)[:50]}",
                f"“{said.words}”: a new model shows values as they are, figures unrounded, and nothing where"
                " nothing is known. Is that as good?",
                [("yes: as they are", "")],
                raised_by=sentence,
            )
