"""Looks through the sentences of a ticket that were read as telling, not asking, for rules.

`We never count test shipments` asks for nothing, and passing over it would deliver another number
than the one that is wanted. What such a sentence says about rows, splits or dates is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from crew.artifacts import Filter, Metric
from crew.drafting.date_words import find_date_span
from crew.drafting.interpretation import Interpretation
from crew.drafting.schema_linker import ConditionLink, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import alike, phrase_pattern, snake, stem_set, stems
from crew.drafting.wish import Wish

_NOISE = (
    "stops", "openers", "fillers", "wrapping_nouns", "articles", "splitters", "wishes",
    "strong_wishes", "greetings", "signatures",
)  # fmt: skip
_ALL_OF_THEM = re.compile(
    r"\W*(?:(?:in|of|with)\s+)?(?:all|any|every)\s+(?:\w+\s+)?(?:states?|status(?:es)?|kinds?|types?)\b"
    r"(?!.*\b(?:but|except|without|only|not|no|excluding)\b)",
    re.I,
)
_THEM = re.compile(r"\b(?:it|they|them|these|those|ones?|rows?|records?)\b", re.I)
_AMOUNT = re.compile(
    r"\b(?:below|under|over|above|less than|more than|at least|at most)\s+\W?\d", re.I
)


class ProseReader:
    """The prose of one ticket, beside what was read."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def read(
        self, wish: Wish, bases: Sequence[str], metrics: Sequence[Metric], conditions: Sequence[str]
    ) -> list[Filter]:
        """Ask about sentences that may say which rows count, how they are split or dated; the
        filters that answers make of them. `conditions` are those that were read already."""
        text, found = " ".join(conditions), []
        self._unsplit(wish, bases)
        known = self._spoken_of(wish, bases, metrics)
        measured = {s for p in wish.metrics for s in content_stems(p.text)}
        around = (p for p in wish.passed_over if p.place == "wish")
        for sentence in dict.fromkeys(p.text for p in around if p.text not in wish.prose):
            link = self._unspoken_value(sentence, wish, bases, text, measured)
            if link and not self._splits_by(link, wish, bases):
                found += self._asked(sentence, link, metrics)
        for sentence in wish.prose:
            self._unknown_items(sentence, known)
            if _ALL_OF_THEM.match(sentence):
                self.context.notes.append(f"Read as leaving nothing out: “{sentence}”.")
                continue
            link = self._unspoken_value(sentence, wish, bases, text)
            if not link and not _is_rule(sentence, known):
                self.context.notes.append(f"Not read: “{sentence[:200]}”.")
                continue
            found += self._asked(sentence, link, metrics)
        return found

    def _asked(
        self, sentence: str, link: ConditionLink | None, metrics: Sequence[Metric]
    ) -> list[Filter]:
        """Ask whether words say which rows count; the filter that an answer makes of them."""
        gives = partial(self._gives, metrics)
        options = [("no: it changes nothing", gives())]
        if link:
            options.append((f"rows without {link.condition}", gives(link.negated)))
            options.append((f"only rows with {link.condition}", gives(link.condition)))
        index = self.context.asking.ask(
            f"prose:{snake(sentence)[:50]}",
            f"“{sentence}”: does it say which rows count, or how?",
            options,
            raised_by=sentence,
        )
        if not index or not link:
            return []
        chosen = link.negated if index == 1 else link.condition
        return [Filter(condition=chosen, label=sentence, grounding=self.context.answered())]

    def _gives(self, metrics: Sequence[Metric], *conditions: str) -> str:
        """What the first figure would be with conditions, where there is one."""
        first = metrics[0].measures[0] if metrics else None
        return self.context.probe.overall(first, *conditions) if first else ""

    def _unspoken_value(
        self,
        sentence: str,
        wish: Wish,
        bases: Sequence[str],
        text: str,
        measured: AbstractSet[str] = frozenset(),
    ) -> ConditionLink | None:
        """The condition on the counted rows that a word of the sentence names and no other has;
        `measured` are stems of the figures that are asked for."""
        for said in dict.fromkeys(content_stems(sentence)):
            if said in stem_set("stops") | accounted_for(wish, ()) | measured:
                continue
            links = self.context.linker.conditions([said], bases)
            links = [k for k in links if k.score >= 1.2 and k.column and k.column not in text]
            if links and all(k.column == links[0].column for k in links):
                return links[0]
        return None

    def _splits_by(self, link: ConditionLink, wish: Wish, bases: Sequence[str]) -> bool:
        """Whether a value has its rows in the result: `by method, we suspect paypal`."""
        dimensions = self.context.linker.dimensions
        columns = (dimensions(content_stems(d.text), bases)[:1] for d in wish.dimensions)
        return any(k.column.name == link.column for found in columns for k in found)

    def _unknown_items(self, sentence: str, known: set[str]) -> None:
        """Ask about the items of `name, amount, footprint` that nothing of the request explains."""
        items = [i.strip() for i in re.sub(r"\([^)]*\)", "", sentence).split(",")]
        if len(items) < 3 or any(len(i.split()) > 3 for i in items):
            return
        told = known.union(*(stem_set(n) for n in ("labels", "money", "parts", "places")))
        for item in items:
            said = [s for s in content_stems(item) if s not in stem_set("stops")]
            if said and not any(alike(s) & told for s in said):
                self.context.asking.ask(
                    f"item:{snake(item)}", f"“{item}” in “{sentence}”: which column is that?", []
                )

    def _spoken_of(self, wish: Wish, bases: Sequence[str], metrics: Sequence[Metric]) -> set[str]:
        """Stems of what is counted, how it is split, and of the columns of the counted rows."""
        cards = [c for b in bases if (c := self.context.evidence.relation(b))]
        known = {s for c in cards for s in entity_stems(c)}
        known |= {s for c in cards for column in c.columns for s in column_stems(column)}
        known |= {s for m in metrics for s in content_stems(m.label)}
        return known | {s for d in wish.dimensions for s in content_stems(d.text)}

    def _unsplit(self, wish: Wish, bases: Sequence[str]) -> None:
        """Ask about a split that stands in a sentence that was read as prose."""
        have = {s for p in wish.dimensions for s in content_stems(p.text)}
        for sentence in wish.prose:
            for matched in re.finditer(r"\b(?:by|per|for each)\s+(\w+)", sentence, re.I):
                said = content_stems(matched.group(1))
                links = self.context.linker.dimensions(said, bases) if said else []
                if links and links[0].exact and not set(said) <= have:
                    self.context.asking.ask(
                        f"split:{snake(matched.group(1))}",
                        f"“{sentence}”: is the result to be split by `{links[0].name}`?",
                        [("no: it is only said in passing", "")],
                        raised_by=sentence,
                    )


def _is_rule(sentence: str, known: set[str]) -> bool:
    """Whether a sentence lays down something about what is counted: a word of rules or an amount,
    together with a word for what the request is about."""
    plain = stem_set("stops") | stem_set("articles") | stem_set("labels")
    for clause in re.split(r"[,;]\s+", sentence):
        ruled = (
            phrase_pattern("row_rules").search(clause)
            or _AMOUNT.search(clause)
            or find_date_span(clause)[0]
        )
        if ruled and (set(stems(clause)) & known - plain or _THEM.search(clause)):
            return True
    return False


def accounted_for(wish: Wish, metrics: Sequence[Metric]) -> set[str]:
    """Stems that something has read: of metrics, dimensions and filters, and fillers."""
    texts = [m.label for m in metrics]
    texts += [p.text for p in (*wish.dimensions, *wish.inclusions, *wish.exclusions)]
    known = {s for t in texts for s in stems(t)}
    return known.union(*(stem_set(n) for n in _NOISE))
