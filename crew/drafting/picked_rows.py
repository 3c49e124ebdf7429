"""Entities and their rows that are picked among several: the newest delivery, the latest order."""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import ColumnCard, Dimension, Grounding, Measure, Related, RelationCard
from crew.catalog.warehouse_profile import is_arrival, is_numeric, is_temporal
from crew.drafting.entity_words import EntityWish, Pick
from crew.drafting.interpretation import Interpretation
from crew.drafting.related_words import Having
from crew.drafting.schema_linker import EVENT_STEMS, KEY_STEMS, content_stems, entity_stems
from crew.drafting.scope import qualified
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import alike, name_stems, singular, snake, stem, stem_set, words
from crew.drafting.wish import Phrase
from crew.verification.related_relations import with_related

_EARLY = {"first", "earliest", "oldest", "initial"}
_PLACES = frozenset(
    stem(w) for w in ("no", "number", "seq", "sequence", "position", "index", "step")
)


class PickedRows:
    """Rows picked for one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context, self.linker, self.related = context, context.linker, context.related
        self.evidence = context.evidence

    # --- whose rows ----------------------------------------------------------------------------

    def made_spine(self, found: EntityWish) -> RelationCard | None:
        """Entities that no relation has one row each of: those of events that name them, or the
        newest delivery of each."""
        links = [k.card for k in self.linker.entities(content_stems(found.entity)) if not k.rest]
        for card in links:
            key = _own_key(card)
            if key is None:
                continue
            if found.who:
                if (made := self._of_events(found.who, key)) is not None:
                    return self._card(made)
            elif newest := [c for c in card.columns if is_temporal(c) and is_arrival(c.name)]:
                made = Related(
                    key=f"newest_{snake(singular(found.entity))}", relation=card.key,
                    by=self._sql(card.key, key.name), to="", to_column=key.name,
                    order_by=(self._sql(card.key, newest[0].name),),
                )  # fmt: skip
                self.context.assume(
                    f"Of several rows of `{card.key}` with one `{key.name}` the last by "
                    f"`{newest[0].name}` holds."
                )
                return self._card(self.related.keep(made))
        return None

    def _of_events(self, who: str, key: ColumnCard) -> Related | None:
        """Whoever stands in the rows of an event: `who has ordered`."""
        cards = [k.card for k in self.linker.entities(content_stems(who)) if not k.rest]
        cards = [c for c in cards if c.column(key.name)]
        cards.sort(key=lambda c: (c.layer == "source", not self.linker.key_column(c)))
        if not cards:
            return None
        source = cards[0]
        value = Measure(name="row_count", relation=source.key, aggregation="count", expression="*")
        made = Related(
            key=f"{snake(source.key.split('.')[-1])}_per_{key.name}".lower(), relation=source.key,
            by=self._sql(source.key, key.name), to="", to_column=key.name, value=value,
        )  # fmt: skip
        self.context.assume(f"A row for each `{key.name}` of `{source.key}`.")
        return self.related.keep(made)

    def _card(self, made: Related) -> RelationCard | None:
        return with_related(self.evidence, list(self.related.made.values())).relation(made.key)

    # --- which row -----------------------------------------------------------------------------

    def pick(self, pick: Pick, spine: RelationCard) -> Related | None:
        """The row that is picked for each row of the spine; None where it is not clear."""
        said = content_stems(pick.what)
        cards = [c for c in self._named(said, spine) if self._is_of(c, spine)]
        cards.sort(key=lambda c: (c.layer == "source", c.layer != spine.layer, c.layer == "mart"))
        for card in cards:
            by = self.related.place(card, spine.key)
            if by is None:
                continue
            filters: tuple[str, ...] = ()
            if pick.is_current:
                lasting = self._lasting(card, pick)
                if lasting is None:
                    continue
                order, filters = self._sql(card.key, lasting[0]), (lasting[1],)
            else:
                column = self.order(card, pick.by)
                if column is None:
                    continue
                order = self._sql(card.key, column)
            key = self.linker.key_column(card)
            made = Related(
                key=snake(f"{pick.way.split()[-1]} {pick.what} of {singular(entity_name(spine))}"),
                relation=card.key, by=by[0], to=spine.key, to_column=by[1],
                pick="first" if pick.way in _EARLY else "last", filters=filters,
                order_by=(order, *([self._sql(card.key, key)] if key else [])),
            )  # fmt: skip
            told = f" with {filters[0]}" if filters else ""
            self.context.assume(
                f"“{pick.quote}” is the {made.pick} row of `{card.key}`{told} by `{order}`."
            )
            return self.related.keep(made)
        return None

    def _named(self, said: Sequence[str], spine: RelationCard) -> list[RelationCard]:
        """Relations of that name, the spine's own name left out: `contract` of carrier contracts."""
        whole = {x for e in entity_stems(spine) for x in alike(e)}
        found = []
        for card in self.evidence.relations:
            own = entity_stems(card)
            told = all(any(s in alike(e) for e in own) for s in said)
            if said and told and all(any(e in alike(s) for s in said) or e in whole for e in own):
                found.append(card)
        return found

    def _is_of(self, card: RelationCard, spine: RelationCard) -> bool:
        return card.key != spine.key and self.related.place(card, spine.key) is not None

    def _lasting(self, card: RelationCard, pick: Pick) -> tuple[str, str] | None:
        """Where a state begins, and the condition that it has not ended."""
        begins, ends = self._bounds(card)
        if begins is None or ends is None:
            return None
        told = set(name_stems(ends.told)) if ends.told else set()
        says = pick.open_end or bool(told & {stem("empty"), stem("null"), stem("open")})
        if not says:
            self.context.assume(f"A row of `{card.key}` is current while `{ends.name}` is empty.")
        return begins.name, f"{self._sql(card.key, ends.name)} is null"

    def _bounds(self, card: RelationCard) -> tuple[ColumnCard | None, ColumnCard | None]:
        temporal = [c for c in card.columns if is_temporal(c) and not is_arrival(c.name)]
        ends = [
            c for c in temporal
            if c.nulls and set(column_stems(c)) & (stem_set("ends") | {"to", "until"})
        ]  # fmt: skip
        begins = [
            c for c in temporal
            if c not in ends and set(column_stems(c)) & (stem_set("begins") | {"from"})
        ]  # fmt: skip
        return (begins[0] if len(begins) == 1 else None, ends[0] if len(ends) == 1 else None)

    def order(self, card: RelationCard, by: str) -> str | None:
        """The column that says which row comes first: as named, a place in a row, else the time."""
        if by:
            named = self.linker.moments(card, by)
            if not named:
                near = [
                    c for c in card.columns
                    if is_temporal(c) and set(content_stems(by)) & _begun(c)
                ]  # fmt: skip
                named = near
            return named[0].name if len(named) == 1 else None
        places = [
            c for c in card.columns
            if is_numeric(c) and not c.is_unique and not c.nulls
            and set(column_stems(c)) & _PLACES
            and set(column_stems(c)) - _PLACES <= {x for e in entity_stems(card) for x in alike(e)}
        ]  # fmt: skip
        if len(places) == 1:
            return places[0].name
        times = self.linker.times(card)
        clear = len(times) == 1 or (times and times[0][1] >= times[1][1] + 0.7)
        return times[0][0].name if clear else None

    # --- what is shown of it -------------------------------------------------------------------

    def shown(self, phrase: Phrase, made: Related, said: Sequence[str]) -> Dimension | None:
        """A column of the picked row, or of what it leads to."""
        source = self.evidence.relation(made.relation)
        if source is None or not said:
            return None
        entity = {x for e in entity_stems(source) for x in alike(e)}
        bare = [s for s in said if s not in entity] or list(said)
        links = self.linker.lookups(said, source.key) or self.linker.lookups(bare, source.key)
        links = [k for k in links if k.hops <= 1 and k.relation != made.to]
        own = [k for k in links if k.hops == 0]
        best = self.linker.distinct_meanings(own or links) if links else []
        if not best:
            times = [c for c in source.columns if is_temporal(c) and _tells(c, bare)]
            if len(times) != 1:
                return None
            return self._dimension(phrase, made.key, times[0].name)
        if len(best) > 1 and best[0].score <= best[1].score:
            return None
        link = best[0]
        relation = made.key if link.hops == 0 else link.relation
        return self._dimension(phrase, relation, link.column.name)

    def _dimension(self, phrase: Phrase, relation: str, column: str) -> Dimension:
        grounding = Grounding(source="ticket", text=phrase.quote)
        return Dimension(name=snake(column), relation=relation, column=column, grounding=grounding)

    # --- who is there --------------------------------------------------------------------------

    def present(self, what: str, spine: RelationCard, made: Related | None) -> str:
        """The condition that an entity has such a row; empty where none is known."""
        source = self.evidence.relation(made.relation) if made else None
        said = content_stems(what)
        if made and source and source in self._named(said, spine):
            return f"{self._sql(made.key, made.to_column)} is not null"
        having = Having(what, 1, None, "", "", "", False, False, "", what)
        links = self.related.conditions(having, [], [spine.key])
        return links[0].condition if links else ""

    def _sql(self, relation: str, column: str) -> str:
        return qualified(relation, column).sql(dialect=self.evidence.dialect)


def entity_name(card: RelationCard) -> str:
    return " ".join(entity_stems(card)) or card.key


def _own_key(card: RelationCard) -> ColumnCard | None:
    """The column that names the entity of a relation though its rows repeat."""
    words = {x for e in entity_stems(card) for x in alike(e)}
    named = [
        c for c in card.columns
        if set(column_stems(c)) & KEY_STEMS and set(column_stems(c)) - KEY_STEMS <= words
        and set(column_stems(c)) - KEY_STEMS and not c.nulls
    ]  # fmt: skip
    return named[0] if len(named) == 1 else None


def _tells(column: ColumnCard, said: Sequence[str]) -> bool:
    """Whether words name a moment, perhaps cut short: `reg_dt` is the registration date."""
    own = words(column.name)
    fresh = [s for s in said if s not in EVENT_STEMS]
    return bool(fresh) and all(
        s in _begun(column) or any(len(o) >= 3 and s.startswith(o) for o in own) for s in fresh
    )


def _begun(column: ColumnCard) -> set[str]:
    """Words for a moment: its own, and those alike."""
    return {x for s in column_stems(column) for x in alike(s)}
