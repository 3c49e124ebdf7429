"""The last look at a ticket: a name in it that went nowhere is asked about, or noted.

Every reader takes the words that it knows. A name such as `Dublin` narrows what is counted wherever
it stands, so one that is in no condition, split, question or note has been lost on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from crew.artifacts import Dimension, Filter, Metric
from crew.drafting.figures import is_mark
from crew.drafting.interpretation import Interpretation
from crew.drafting.name_words import ITS_VALUES
from crew.drafting.row_sets import dimension_sql
from crew.drafting.schema_linker import ConditionLink, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import name_stems, snake, stem_set, stems, vocabulary, word_set
from crew.drafting.wish import Wish

_NAME = re.compile(r"(?<![\w'’`/.-])[^\W\d_a-zß-ÿ][\w-]*\w(?:\s+[^\W\d_a-zß-ÿ][\w-]*\w)*")
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_READ_AS = re.compile(r"“[^”]*” is read as")
_SURE = 1.2
"""Score from which a condition is one of a value that is called so."""


class LostNames:
    """The names in one ticket, beside what was read of it."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def read(
        self,
        wish: Wish,
        bases: Sequence[str],
        metrics: Sequence[Metric],
        dimensions: Sequence[Dimension],
        filters: Sequence[Filter],
    ) -> list[Filter]:
        """Ask about names that are values of the counted rows, and note other ones; the filters
        that answers make of them."""
        found: list[Filter] = []
        seen: set[str] = set()
        told = self._told(wish, metrics, dimensions, filters)
        known = self._known(told)
        around = (p.text for p in (*wish.passed_over, *wish.denied))
        loose = dict.fromkeys((*wish.tags, *around, *wish.prose))
        values, small = self._values(bases), word_set("stops") | word_set("articles")
        sentences = dict.fromkeys((*(c.quote for c in wish.clauses), *loose))
        for text in (*wish.tags, *(p.text for p in wish.denied)):
            if re.search(r"\b\d+\b", text):  # `[2025] …`, `we don't want trips over 10 km`
                self.context.notes.append(f"Not read: “{text[:200]}”.")
        for sentence in sentences:
            is_loose = sentence in loose
            plain = re.findall(r"[^\W\d][\w-]{2,}", sentence) if is_loose else []
            names = [
                *_names(sentence),
                *((w, True) for w in plain if w in values and w not in small),
            ]
            listed = " ".join(m.group() for m in ITS_VALUES.finditer(sentence))
            for name, opens in names:
                opens = opens and not (is_loose and name[0].isupper())
                if name.lower() in seen | word_set("currencies") or _says(told, name):
                    continue
                seen.add(name.lower())
                link = values.get(name) or self._value(name, bases)
                if link and name in listed and _is_split_by(link, dimensions):
                    continue  # `by plan (Basic, Pro)`
                if link and is_loose and any(d.column == link.column for d in dimensions):
                    self.context.notes.append(f"Not read: “{name}” in “{sentence[:200]}”.")
                    continue  # `refunds by payment method, we suspect paypal`: it has its rows
                if link and not _says(told, *_LITERAL.findall(link.condition)):
                    found += self._asked(name, sentence, link, metrics)
                loud = opens or bool(wish.language) or _is_headline(sentence)
                if not (link or loud or set(stems(name)) & known):
                    self.context.notes.append(f"Not read: “{name}” in “{sentence[:200]}”.")
        return found

    def _told(
        self,
        wish: Wish,
        metrics: Sequence[Metric],
        dimensions: Sequence[Dimension],
        filters: Sequence[Filter],
    ) -> str:
        """All that is counted, split by, asked, noted or assumed, in lower case."""
        asking, measures = self.context.asking, [m for metric in metrics for m in metric.measures]
        texts = [
            *(f.condition for f in filters), *(c for m in measures for c in m.filters),
            *(m.expression for m in measures), *(m.definition for m in metrics),
            *(f"{d.name} {dimension_sql(d)}" for d in dimensions), *self.context.notes,
            *(_READ_AS.sub("", a.text) for a in self.context.assumptions),
            *(f"{q.text} {' '.join(o.meaning for o in q.options)}" for q in asking.open),
            *(f"{c.question} {c.meaning} {c.said}" for c in asking.settled),
            *(p.text for p in (*wish.exclusions, *wish.inclusions, *wish.scopes, *wish.kept)),
            *wish.answers, *wish.sources,
        ]  # fmt: skip
        return self.context.linker.figures.readable(" | ".join(texts)).lower()

    def _known(self, told: str) -> set[str]:
        """Stems that are no names: the project's own and those of the vocabulary."""
        relations = self.context.evidence.relations
        own = {s for r in relations for s in (*entity_stems(r), *stems(r.key))}
        own |= {s for r in relations for c in r.columns for s in column_stems(c)}
        return own | set(stems(told)) | _common_stems()

    def _values(self, bases: Sequence[str]) -> dict[str, ConditionLink]:
        """The conditions of all values that the counted rows have or reach, by the value."""
        found: dict[str, ConditionLink] = {}
        for key in self.context.linker.reach(bases):
            card = self.context.evidence.relation(key)
            if card is None:
                continue
            for column in card.columns:
                for link, _ in self.context.linker.value_conditions(card, column):
                    for value in _LITERAL.findall(link.condition):
                        found.setdefault(value, link)
        return found

    def _value(self, name: str, bases: Sequence[str]) -> ConditionLink | None:
        """The condition of the value of this name, where it is of one column alone."""
        said = [s for s in content_stems(name) if not is_mark(s)]
        links = self.context.linker.conditions(said, bases) if said else []
        links = [k for k in links if k.score >= _SURE and k.column]
        proper = [k for k in links if any(v[:1].isupper() for v in _LITERAL.findall(k.condition))]
        return proper[0] if proper else None

    def _asked(
        self, name: str, sentence: str, link: ConditionLink, metrics: Sequence[Metric]
    ) -> list[Filter]:
        first = metrics[0].measures[0] if metrics else None
        conditions = (link.condition, link.negated)
        gives = [
            self.context.probe.overall(first, *c) if first else "" for c in ((), *zip(conditions))
        ]
        index = self.context.asking.ask(
            f"name:{snake(name)}",
            f"“{name}” in “{sentence[:200]}”: does it say which rows count?",
            [
                ("no: it changes nothing", gives[0]),
                (f"only rows with {link.condition}", gives[1]),
                (f"rows without {link.condition}", gives[2]),
            ],
            raised_by=sentence,
        )
        if not index:
            return []
        chosen = conditions[index - 1]
        return [Filter(condition=chosen, label=name, grounding=self.context.answered())]


def _is_split_by(link: ConditionLink, dimensions: Sequence[Dimension]) -> bool:
    """Whether a value is one of a column that is split by, or of its name where that is a key."""
    labels = stem_set("labels")
    return any(
        d.relation == link.relation
        and (d.column == link.column or set(name_stems(link.column)) & labels)
        for d in dimensions
    )


def _names(sentence: str) -> Iterator[tuple[str, bool]]:
    """Capitalized words that stand together, and whether they open the sentence."""
    for matched in _NAME.finditer(sentence):
        opens = not re.search(r"\w", sentence[: matched.start()])
        yield matched.group(), opens
        if len(parts := matched.group().split()) > 1:
            yield from ((part, opens and not n) for n, part in enumerate(parts))


def _says(told: str, *names: str) -> bool:
    """Whether a text holds one of these names as a word of its own."""
    return any(re.search(rf"(?<!\w){re.escape(n.lower())}(?!\w)", told) for n in names)


def _is_headline(sentence: str) -> bool:
    """Whether hardly a word of a sentence is written small: `Number Of Trips Per Month`."""
    longer = [w for w in re.findall(r"[^\W\d_]{4,}", sentence)]
    return 2 < len(longer) < 2 * len([w for w in longer if w[0].isupper()])


@cache
def _common_stems() -> frozenset[str]:
    """Stems of all words of the vocabulary."""
    lists = [v for v in vocabulary().values() if isinstance(v, list)]
    return frozenset(s for group in lists for w in group if isinstance(w, str) for s in stems(w))
