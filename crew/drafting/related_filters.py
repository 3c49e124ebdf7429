"""Settles which conditions and dates of a ticket are about related rows, not about those counted."""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Metric
from crew.drafting.filter_reader import content_words
from crew.drafting.interpretation import Interpretation
from crew.drafting.related_reader import is_first
from crew.drafting.schema_linker import ConditionLink, entity_stems
from crew.drafting.time_reader import TimeReader
from crew.drafting.vocabulary import alike, snake
from crew.drafting.wish import Phrase, Wish


class RelatedFilters:
    """Conditions on related rows of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context, self.related = context, context.related

    def read(self, wish: Wish, bases: Sequence[str], metrics: Sequence[Metric]) -> None:
        """Take from the wish the conditions that only related rows can meet, and ask which date
        lies in a span that is said; the made relations are narrowed."""
        self._ask_whose_first(wish, metrics)
        texts = [x.model_dump_json() for m in metrics for x in m.measures]
        sources = self.related.sources(texts)
        if not sources:
            return
        wish.exclusions = [
            p for p in wish.exclusions if not self._narrows(p, bases, sources, False)
        ]
        wish.inclusions = [p for p in wish.inclusions if not self._narrows(p, bases, sources, True)]
        self._ask_dates(wish, metrics)

    def narrow_picked(self, wish: Wish, bases: Sequence[str], texts: Sequence[str]) -> None:
        """Conditions of a table of entities hold for the rows that are picked, too."""
        own = [r.relation for r in self.related.used(texts) if r.to]
        sources = [k for k in dict.fromkeys(own)]
        for phrases, wanted in ((wish.exclusions, False), (wish.inclusions, True)):
            for phrase in list(phrases):
                said = content_words(phrase.text)
                near = [k for k in sources if self._names(said, [k], [])]
                if (
                    said
                    and near
                    and self._narrows(phrase, [], near, wanted)
                    and near[0] not in bases
                ):
                    phrases.remove(phrase)
        span = wish.date_span or wish.look_back
        if sources and span:
            self.context.asking.ask(
                f"picked:{sources[0]}",
                f"“{span.quote}”: must the row that is picked from `{sources[0]}` lie in that time?",
                [("no: it changes nothing there", "")],
            )

    def _ask_whose_first(self, wish: Wish, metrics: Sequence[Metric]) -> None:
        """`by month of the first order` of what has no first order of its own."""
        if wish.dated_by is None or not is_first(wish.dated_by.text):
            return
        times = TimeReader(self.context)
        for measure in (x for m in metrics for x in m.measures):
            if not measure.time and not times.hinted(measure, wish):
                self.context.asking.ask(
                    f"first:{snake(wish.dated_by.text)}",
                    f"“{wish.dated_by.text}”: whose is that? Rows of `{measure.relation}` have no such"
                    " date of their own.",
                    [],
                )
                return

    def _narrows(
        self, phrase: Phrase, bases: Sequence[str], sources: Sequence[str], wanted: bool
    ) -> bool:
        said = content_words(phrase.text)
        if not said or (
            bases and self._links(said, bases) and not self._names(said, sources, bases)
        ):
            return False
        for source in sources:
            links = self._links(said, [source])
            best = [k for k in links if k.score >= links[0].score - 0.04]
            if best and len({k.column for k in best}) == 1:
                condition = best[0].condition if wanted else best[0].negated
                if any(condition.lower() == f"{by} is null".lower() for by in self._keys(source)):
                    return True  # `orders without a customer` belong to nobody anyway
                self.related.narrow(source, condition)
                self.context.assume(
                    f"“{phrase.text}”: rows of `{source}` count only with {condition}."
                )
                return True
        return False

    def _keys(self, source: str) -> set[str]:
        """Columns that say whose a row is."""
        return {r.by for r in self.related.made.values() if r.relation == source}

    def _links(self, said: Sequence[str], bases: Sequence[str]) -> list[ConditionLink]:
        linker = self.context.linker
        known = {s for b in bases for s in self._entity(b)}
        if not bases:
            return []
        return linker.conditions(said, bases) or linker.conditions(
            [s for s in said if s not in known], bases
        )

    def _names(self, said: Sequence[str], sources: Sequence[str], bases: Sequence[str]) -> bool:
        """Whether the words name the related rows: `cancelled orders` of customers."""
        theirs = {s for k in sources for s in self._entity(k)}
        own = {s for k in bases for s in self._entity(k)}
        return bool(set(said) & theirs - own)

    def _entity(self, key: str) -> set[str]:
        card = self.context.evidence.relation(key)
        return {x for s in entity_stems(card) for x in alike(s)} if card else set()

    def _ask_dates(self, wish: Wish, metrics: Sequence[Metric]) -> None:
        """A period may be meant of the entity or of what happened to it."""
        made = self.related.made
        counted = [x for m in metrics for x in m.measures if self.related.used(x.filters)]
        if not counted or any(x.time and x.time.split(".")[0] in made for x in counted):
            return
        spans = [q for q in (wish.look_back and wish.look_back.quote,
                             wish.date_span and wish.date_span.quote) if q]  # fmt: skip
        if wish.grain and wish.dated_by is None and not wish.figures.counted_twice:
            spans.append(wish.grain[1])
        relation = counted[0].relation
        happened = self.related.used(counted[0].filters)[0].relation
        for quote in spans[:1]:
            self.context.asking.ask(
                f"related:{relation}",
                f"“{quote}”: rows of `{relation}` are counted by what `{happened}` says of them. Which"
                " date is meant?",
                [(f"the date of `{relation}`; what happened to them may lie at any time", "")],
            )
