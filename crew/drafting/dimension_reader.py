"""Finds the columns to split by, or asks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from crew.artifacts import Dimension, Grounding, Measure, Metric
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_boolean, is_numeric, is_text
from crew.drafting.computed_dimensions import ComputedDimensions
from crew.drafting.figures import Named, Ranges
from crew.drafting.interpretation import Interpretation
from crew.drafting.schema_linker import KEY_STEMS, ColumnLink, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import (
    alike,
    grain_words,
    name_stems,
    singular,
    snake,
    stem_set,
    stems,
    word_set,
    words,
)
from crew.drafting.wish import Phrase, Wish

_FEW = 24
"""Different numbers up to which a column that is called just so is one to split by."""


class DimensionReader:
    """Dimensions of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context
        self.computed = ComputedDimensions(context)
        self._said_below = False
        self._dated_by: Phrase | None = None
        self._measure: Measure | None = None

    def cut(self, wish: Wish) -> None:
        """Take out of what is split by what is said of the rows behind it: `per city on holidays`."""
        for n, phrase in enumerate(wish.dimensions):
            said = phrase.text.split()
            for end in range(len(said) - 1, 0, -1):
                head, rest = " ".join(said[:end]), " ".join(said[end:])
                if not _SAYS_ROWS.match(rest) or self._links(phrase.text):
                    continue
                grain = grain_words().get(head.lower())
                if grain or self._links(head):
                    wish.leftovers.append(replace(phrase, text=rest, item=True))
                    wish.dimensions[n] = replace(phrase, text=head)
                    if grain and wish.grain is None:
                        wish.grain = (grain, phrase.quote)
                    break
        wish.dimensions = [d for d in wish.dimensions if d.text.lower() not in grain_words()]

    def _links(self, text: str) -> bool:
        """Whether a phrase names a column or what there are rows of."""
        linker, said = self.context.linker, content_stems(text)
        named = any(not e.rest for e in linker.entities(said))
        return bool(said) and (named or bool(linker.lookups_anywhere(said)))

    def read(
        self, wish: Wish, bases: Sequence[str], metrics: Sequence[Metric] = ()
    ) -> list[Dimension]:
        """The columns to split `metrics` by, which are counted in `bases`."""
        self._measure = next((x for m in metrics for x in m.measures), None)
        found: dict[tuple[str, str, str], Dimension] = {}
        self._dated_by = wish.dated_by
        self._said_below = any(p.place != "title" for p in (*wish.dimensions, *wish.metrics))
        for phrase in wish.dimensions:
            if self._is_range(phrase) or self._is_told_below(phrase, wish):
                continue
            computed = self.computed.read(phrase, bases)
            dimension = self._dimension(phrase, bases) if computed is None else computed
            for each in (
                self._with_key(dimension, phrase, bases) if isinstance(dimension, Dimension) else ()
            ):
                found.setdefault((each.relation, each.column, each.expression), each)
        return unique_names(list(found.values()))

    def _is_range(self, phrase: Phrase) -> bool:
        """`per class` where ranges are told elsewhere in the ticket."""
        told = any(isinstance(f, Ranges) for f in self.context.linker.figures.marks.values())
        return told and bool(_RANGE_WORDS.fullmatch(phrase.text))

    def _is_told_below(self, phrase: Phrase, wish: Wish) -> bool:
        """Whether the text says more closely what a title splits by: `weekday of the class`; the
        city of a member is no closer word for the member."""
        said = set(content_stems(phrase.text))
        if phrase.place != "title" or any(
            not e.rest for e in self.context.linker.entities(list(said))
        ):
            return False
        below = (p for p in wish.dimensions if p.place != "title")
        return any(said < set(content_stems(p.text)) for p in below)

    def _with_key(
        self, dimension: Dimension, phrase: Phrase, bases: Sequence[str]
    ) -> list[Dimension]:
        """A name that two rows share would add up what is apart: then the key is there too."""
        if dimension.relation in bases:
            return [dimension]
        card = self.context.evidence.relation(dimension.relation)
        column = card.column(dimension.column) if card else None
        key = self.context.linker.key_column(card) if card else None
        called = entity_of(card.key).split("_with_") if card else []
        own = stems(called[0]) if len(called) > 1 else entity_stems(card) if card else []
        names_entity = card and all(
            any(s in alike(e) for e in own) for s in content_stems(phrase.text)
        )  # `bookings_with_plan` are bookings
        if (
            not (card and column and key and names_entity)
            or key == column.name
            or dimension.expression
        ):
            return [dimension]
        by_key = Dimension(name=snake(key), relation=card.key, column=key,
                           grounding=dimension.grounding)  # fmt: skip
        if key.lower() in {"id", "key", "code", "uuid"}:
            by_key = by_key.model_copy(
                update={"name": f"{snake(singular(entity_of(card.key)))}_{key}"}
            )
        if column.is_personal:
            self.context.assume(
                f"“{phrase.text}” is split by `{card.key}.{key}`: `{column.name}` is personal data."
            )
            return [by_key]
        return [by_key, dimension]

    def _dimension(self, phrase: Phrase, bases: Sequence[str]) -> Dimension | None:
        said = content_stems(phrase.text)
        if self._is_date(said, bases):
            return None
        if not said or all(
            w in grain_words() or w in word_set("articles") for w in words(phrase.text)
        ):
            return None
        links = self.context.linker.dimensions(said, bases) or self._without_one(
            phrase, said, bases
        )
        meanings = (
            self._without_keys(said, self.context.linker.distinct_meanings(links)) if links else []
        )
        called = [k for k in links if set(column_stems(k.column)) == set(said)]
        if sum(k.hops == 0 for k in called) == 1:
            meanings = [k for k in called if k.hops == 0]  # it is called just so
        if len(meanings) == 1 and not self._names_owner(said, meanings[0]):
            meanings += self._out_of_reach(meanings[0], bases) or self._own_like(
                said, meanings[0], bases
            )
        counted = (
            meanings
            and is_numeric(meanings[0].column)
            and not _is_key(meanings[0])
            and not (called and 0 < (meanings[0].column.distinct or 0) <= _FEW)
            and not any(isinstance(self.context.linker.figures.marks.get(s), Named) for s in said)
        )
        if not counted and (len(meanings) == 1 or (meanings and self._settled(meanings))):
            link = meanings[0]
            confidence = 1.0 if link.exact else 0.7
            if not link.exact:
                self.context.assume(f"“{phrase.text}” is read as `{link.name}`.", "")
            return _dimension_of(
                link, Grounding(source="ticket", text=phrase.quote, confidence=confidence)
            )
        if (phrase.place in {"acceptance", "aside"} or self._is_headline(phrase)) and not meanings:
            self.context.notes.append(f"Not read as a column: “{phrase.text}”.")
            return None
        return self._ask_dimension(phrase, meanings, bases)

    def _names_owner(self, said: Sequence[str], link: ColumnLink) -> bool:
        card = self.context.evidence.relation(link.relation)
        owner = {x for s in (entity_stems(card) if card else ()) for x in alike(s)}
        return bool(owner & set(said))

    def _out_of_reach(self, link: ColumnLink, bases: Sequence[str]) -> list[ColumnLink]:
        """The same column of something else that the rows point at, though by no unique key: the
        city may be the store's or the customer's, even where customers are there twice."""
        if link.hops == 0:
            return []
        cards = [c for b in bases if (c := self.context.evidence.relation(b))]
        pointers = {
            column.name.lower() for card in cards for column in card.columns
            if set(column_stems(column)) & KEY_STEMS
        }  # fmt: skip
        entities = {entity_of(c.key) for c in cards} | {entity_of(link.relation)}
        reached = {k for b in bases for k in self.context.planner.hops(b)}
        found = []
        for card in self.context.evidence.relations:
            column = card.column(link.column.name)
            keys = {c.name.lower() for c in card.columns} & pointers
            named = any(
                {x for s in entity_stems(card) for x in alike(s)} & set(name_stems(k)) for k in keys
            )
            is_new = card.key not in reached and entity_of(card.key) not in entities
            if not (column and named and is_new and card.layer != "source"):
                continue
            other = ColumnLink(card.key, column, link.score, link.hops, link.exact)
            if not self.context.linker.is_copy(link, other):
                entities.add(entity_of(card.key))
                found.append(other)
        return found

    def _own_like(
        self, said: Sequence[str], link: ColumnLink, bases: Sequence[str]
    ) -> list[ColumnLink]:
        """Columns of the counted rows that are called so and a little more: `city` of what a row
        points at may as well be the `station_city` that it holds itself."""
        if link.hops == 0:
            return []
        found = []
        for card in (c for b in bases if (c := self.context.evidence.relation(b))):
            for column in card.columns:
                parts = {x for s in column_stems(column) for x in alike(s)}
                other = ColumnLink(card.key, column, link.score, 0, link.exact)
                more = set(column_stems(column)) - set(said) - KEY_STEMS - stem_set("labels")
                named = is_text(column) and set(said) <= parts and more
                if named and not self.context.linker.is_copy(link, other):
                    found.append(other)
        return found[:3]

    def _without_one(
        self, phrase: Phrase, said: Sequence[str], bases: Sequence[str]
    ) -> list[ColumnLink]:
        """`mode of transport of the carrier` where the column is but called `mode`."""
        if len(said) < 3:
            return []
        head = len(content_stems(re.split(r"\s+of\s+", phrase.text)[0])) - 1
        found = [
            link
            for n in range(len(said))
            if n != head
            for link in self.context.linker.dimensions([*said[:n], *said[n + 1 :]], bases)[:1]
            if not is_boolean(link.column)
        ]
        if len({(k.relation, k.column.name) for k in found}) != 1:
            return []
        self.context.assume(f"“{phrase.text}” is read as `{found[0].name}`.")
        return found[:1]

    def _without_keys(self, said: Sequence[str], meanings: list[ColumnLink]) -> list[ColumnLink]:
        """Without columns that are but the key of what another meaning is the name of, unless the
        key itself is asked for."""
        if set(said) & KEY_STEMS:
            return meanings
        edges = {(e.left, e.left_column.lower(), e.right) for e in self.context.planner.edges}
        targets = {m.relation for m in meanings}
        keys = {c.key: self.context.linker.key_column(c) for c in self.context.evidence.relations}
        labelled = {m.relation for m in meanings if keys.get(m.relation) != m.column.name}
        kept = [
            m for m in meanings
            if not (m.relation in labelled and keys.get(m.relation) == m.column.name)
            and not any((m.relation, m.column.name.lower(), t) in edges for t in targets)
        ]  # fmt: skip
        return kept or meanings

    def _is_date(self, said: Sequence[str], bases: Sequence[str]) -> bool:
        """Whether a phrase names the date that puts rows into a period, read as such elsewhere."""
        if self._dated_by is None or not said:
            return False
        return set(said) <= set(content_stems(self._dated_by.text))

    def _is_headline(self, phrase: Phrase) -> bool:
        """Whether the words of a title are said again, or otherwise, below it."""
        return phrase.place == "title" and self._said_below

    def _settled(self, meanings: Sequence[ColumnLink]) -> bool:
        """Two links of equal score are settled where one is much nearer than the others."""
        near = min(m.hops for m in meanings)
        return (
            sum(m.hops == near for m in meanings) == 1
            and meanings[0].hops == near
            and meanings[0].score > meanings[1].score
        )

    def _ask_dimension(
        self, phrase: Phrase, meanings: Sequence[ColumnLink], bases: Sequence[str]
    ) -> Dimension | None:
        options = list(meanings)
        if not options:
            options = self._guesses(content_stems(phrase.text), bases)
        said = self.context.linker.figures.readable(phrase.text)
        text = (
            f"“{said}” could be more than one column. Which one?"
            if meanings
            else (
                f"“{said}” is not a column that {', '.join(f'`{b}`' for b in bases)}"
                " can be split by. What should be used?"
            )
        )
        shown = [(f"`{o.name}`", self._gives(o)) for o in options[:5]]
        index = self.context.asking.ask(f"dimension:{snake(phrase.text)}", text, shown)
        return None if index is None else _dimension_of(options[index], self.context.answered())

    def _gives(self, link: ColumnLink) -> str:
        """What is counted first, by that column; else the values that the column has."""
        if self._measure and (figures := self.context.probe.split(self._measure, link)):
            return figures
        values = ", ".join(link.column.values[:5])
        return f"{values}{' …' if len(link.column.values) > 5 else ''}"

    def _guesses(self, said: Sequence[str], bases: Sequence[str]) -> list[ColumnLink]:
        """Columns that explain at least one of the words, else the usual ones to split by."""
        partial = [k for s in said for k in self.context.linker.dimensions([s], bases)]
        if partial:
            return self.context.linker.distinct_meanings(partial, margin=1.0)
        cards = [self.context.evidence.relation(b) for b in bases]
        return [
            ColumnLink(c.key, column, 0.1, 0, False)
            for c in cards
            if c
            for column in c.columns
            if column.values and 1 < len(column.values) <= 20
        ][:4]


_SAYS_ROWS = re.compile(
    r"(?:on|in|at|outside|inside|older|younger|larger|smaller|bigger|higher|lower|longer|shorter|made|bought|sold|paid|sent"
    r"|begun|held|won|lost|left|who|that|which|whose|where|with|without|[a-z]{3,}ed)\b",
    re.I,
)
_RANGE_WORDS = re.compile(
    r"(?:\w+\s)?(?:class|bucket|group|size|band|range|bin|bracket)(?:e?s)?", re.I
)


def _is_key(link: ColumnLink) -> bool:
    """A number that names something rather than measures it."""
    return bool(set(column_stems(link.column)) & set(stems("id key code no number year zip")))


def _dimension_of(link: ColumnLink, grounding: Grounding) -> Dimension:
    name = snake(link.column.name)
    if name in {"name", "title", "label", "id", "code", "type", "description"}:
        name = f"{snake(singular(link.relation.split('.')[-1].split('__')[-1].removeprefix('stg_')))}_{name}"
    return Dimension(
        name=name, relation=link.relation, column=link.column.name, grounding=grounding
    )


def unique_names(dimensions: list[Dimension]) -> list[Dimension]:
    named: list[Dimension] = []
    for dimension in dimensions:
        while any(d.name == dimension.name for d in named):
            dimension = dimension.model_copy(
                update={"name": f"{snake(dimension.relation)}_{dimension.name}"}
            )
        named.append(dimension)
    return named
