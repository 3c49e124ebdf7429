"""Finds the columns to split by, or asks for them."""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Dimension, Grounding
from crew.catalog.warehouse_profile import is_numeric
from crew.drafting.interpretation import Interpretation
from crew.drafting.schema_linker import ColumnLink, content_stems
from crew.drafting.vocabulary import grain_words, singular, snake, stems, word_set, words
from crew.drafting.wish import Phrase, Wish


class DimensionReader:
    """Dimensions of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def read(self, wish: Wish, bases: Sequence[str]) -> list[Dimension]:
        found: dict[tuple[str, str], Dimension] = {}
        for phrase in wish.dimensions:
            if dimension := self._dimension(phrase, bases):
                found.setdefault((dimension.relation, dimension.column), dimension)
        return _unique_names(list(found.values()))

    def _dimension(self, phrase: Phrase, bases: Sequence[str]) -> Dimension | None:
        said = content_stems(phrase.text)
        if not said or all(
            w in grain_words() or w in word_set("articles") for w in words(phrase.text)
        ):
            return None
        links = self.context.linker.dimensions(said, bases)
        meanings = self.context.linker.distinct_meanings(links) if links else []
        counted = meanings and is_numeric(meanings[0].column) and not _is_key(meanings[0])
        if not counted and (len(meanings) == 1 or (meanings and self._settled(meanings))):
            link = meanings[0]
            confidence = 1.0 if link.exact else 0.7
            if not link.exact:
                self.context.assume(f"“{phrase.text}” is read as `{link.name}`.", "")
            return _dimension_of(
                link, Grounding(source="ticket", text=phrase.quote, confidence=confidence)
            )
        if phrase.place in {"acceptance", "aside"} and not meanings:
            self.context.notes.append(f"Not read as a column: “{phrase.text}”.")
            return None
        return self._ask_dimension(phrase, meanings, bases)

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
        text = (
            f"“{phrase.text}” could be more than one column. Which one?"
            if meanings
            else (
                f"“{phrase.text}” is not a column that {', '.join(f'`{b}`' for b in bases)}"
                " can be split by. What should be used?"
            )
        )
        shown = [(f"`{o.name}`", _values_shown(o)) for o in options[:5]]
        index = self.context.asking.ask(f"dimension:{snake(phrase.text)}", text, shown)
        return None if index is None else _dimension_of(options[index], self.context.answered())

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


def _is_key(link: ColumnLink) -> bool:
    """A number that names something rather than measures it."""
    return bool(set(stems(link.column.name)) & set(stems("id key code no number year zip")))


def _dimension_of(link: ColumnLink, grounding: Grounding) -> Dimension:
    name = snake(link.column.name)
    if name in {"name", "title", "label", "id", "code", "type", "description"}:
        name = f"{snake(singular(link.relation.split('.')[-1].split('__')[-1].removeprefix('stg_')))}_{name}"
    return Dimension(
        name=name, relation=link.relation, column=link.column.name, grounding=grounding
    )


def _unique_names(dimensions: list[Dimension]) -> list[Dimension]:
    named: list[Dimension] = []
    for dimension in dimensions:
        while any(d.name == dimension.name for d in named):
            dimension = dimension.model_copy(
                update={"name": f"{snake(dimension.relation)}_{dimension.name}"}
            )
        named.append(dimension)
    return named


def _values_shown(link: ColumnLink) -> str:
    values = ", ".join(link.column.values[:5])
    return f"{values}{' …' if len(link.column.values) > 5 else ''}"
