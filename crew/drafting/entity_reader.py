"""Reads requests for one row per customer, account or product: what it is, and what happened to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from crew.artifacts import (
    ColumnCard,
    Dimension,
    Filter,
    Grounding,
    Measure,
    Metric,
    Related,
    RelationCard,
)
from crew.catalog.warehouse_profile import is_arrival, is_temporal
from crew.drafting.dimension_reader import unique_names
from crew.drafting.entity_words import EntityWish, Pick, entity_wish, take
from crew.drafting.figures import Named, is_mark
from crew.drafting.interpretation import Interpretation
from crew.drafting.metric_reader import MetricReader
from crew.drafting.metric_reading import Reading, simple_metric, split_aggregation
from crew.drafting.picked_rows import PickedRows
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import EVENT_STEMS, EntityLink, content_stems, entity_stems
from crew.drafting.scope import qualified, relations_of
from crew.drafting.spoken_names import column_stems
from crew.drafting.their_rows import with_their_rows
from crew.drafting.vocabulary import alike, name_stems, snake, stem, stem_set, stems
from crew.drafting.wish import Phrase, Wish

_FIRST = re.compile(
    r"^\W*(?:the\s+)?(?:(?:date|day|time|month)\s+of\s+(?:the\s+|their\s+|its\s+)?)?"
    r"(?P<way>first|earliest|oldest|initial|last|latest|most\s+recent|newest)\s+(?P<what>.+)$",
    re.I,
)
_OF_FIRST = re.compile(
    r"^(?!(?:the\s+)?(?:date|day|time|month)\s+of\b)(?P<shown>.+?)\s+(?:of|on|from|in)\s+(?:the\s+|their\s+|its\s+)?"
    r"(?P<way>first|earliest|oldest|initial|last|latest|most\s+recent|newest)\s+(?P<what>[\w ]+)$",
    re.I,
)
_FIGURE = re.compile(
    r"\s*(?:the\s+)?(?:number|count|how\s+many|sum|total|average|mean|median|share|different|some\d|ratio\d)\b"
    r"|\s*(?:the\s+)?(?:some|ratio|unit|quot|dur)\d",
    re.I,
)
_CLEARLY = 0.7
"""How much likelier than any other a date is to be meant, not to be asked about."""
_EARLY = {"first", "earliest", "oldest", "initial"}


class EntityReader:
    """Rows per entity of one interpretation."""

    def __init__(self, context: Interpretation, reader: MetricReader) -> None:
        self.context, self.reader = context, reader
        self.picked = PickedRows(context)
        self.filters: list[str] = []
        self.spoken: dict[str, Phrase] = {}
        self._found: EntityWish | None = None

    def spine(self, wish: Wish) -> RelationCard | None:
        """The relation whose rows the result has one each of, if the ticket says so."""
        if wish.grain is not None:
            return None
        self._found = found = entity_wish(wish)
        made = self.picked.made_spine(found) if found and self._is_repeated(found) else None
        if made is not None and found is not None:
            take(found, wish)
            wish.row_per = Phrase(found.entity, "wish", found.quote)
            return made
        if wish.row_per is None:
            return None
        said = content_stems(wish.row_per.text)
        links = self._named_spine(wish.row_per) or [
            k for k in self.context.linker.entities(said) if not k.rest
        ]
        links = links or self._of_layer(said)
        pointed = {e.right for e in self.context.planner.edges}
        links = [k for k in links if self.context.linker.key_column(k.card)]
        links.sort(key=lambda k: (k.card.key not in pointed, k.card.layer == "source"))
        card = links[0].card if links else None
        keyed = card if card and self.context.linker.key_column(card) else None
        if keyed and found and found.items and found.quote == wish.row_per.quote:
            take(found, wish)
        else:
            self._found = None
        return keyed

    def _named_spine(self, row_per: Phrase) -> list[EntityLink]:
        """The relation that stands by its very name in `one row per house (stg_objekte)`."""
        marks = self.context.linker.figures.marks
        named = [m.name for w in row_per.text.split() if isinstance(m := marks.get(w), Named)]
        cards = [c for n in named if (c := self.context.evidence.relation(n))]
        return [EntityLink(c, (), 1) for c in cards]

    def _of_layer(self, said: Sequence[str]) -> list[EntityLink]:
        """Relations called so behind a word that begins the names of their whole layer."""
        cards = self.context.evidence.relations
        begins = Counter((c.layer, c.key.split("_")[0]) for c in cards if "_" in c.key)
        sizes = Counter(c.layer for c in cards)
        return [
            EntityLink(c, (), 1)
            for c in cards
            if said and entity_stems(c)[1:] == list(said)
            and begins[c.layer, c.key.split("_")[0]] >= max(2, sizes[c.layer] / 2)
        ]  # fmt: skip

    def _is_repeated(self, found: EntityWish) -> bool:
        """Whether rows of the entity repeat in all relations that are called so."""
        links = [k for k in self.context.linker.entities(content_stems(found.entity)) if not k.rest]
        return bool(links) and not any(self.context.linker.key_column(k.card) for k in links)

    def read(
        self, wish: Wish, spine: RelationCard
    ) -> tuple[list[Metric], list[Dimension], list[Phrase]]:
        """What each row shows: figures, attributes, and phrases that nothing explains."""
        own = self.context.related.made.get(spine.key)
        key = own.to_column if own else self.context.linker.key_column(spine)
        assert key is not None and wish.row_per is not None
        said = Grounding(source="ticket", text=wish.row_per.quote)
        attributes = [Dimension(name=snake(key), relation=spine.key, column=key, grounding=said)]
        metrics: list[Metric] = []
        counted: list[tuple[Reading, Metric]] = []
        unread: list[Phrase] = []
        latest: tuple[RelationCard, str, str] | None = None
        made = self._picked(spine)
        items = self._items(wish)
        for n, phrase in enumerate(items):
            if self._is_spine(phrase, spine) or self._is_key(phrase, spine, key):
                continue
            if (column := self._of_picked(phrase, spine, made)) is not None:
                attributes.append(column)
                continue
            have = len(metrics)
            if (moment := self._of_first(phrase, spine)) is not None:
                metrics.append(moment)
            elif (column := self._of_first_row(phrase, spine)) is not None:
                attributes.append(column)
            elif (row := self._row_of(phrase, spine)) and self._shows_more(row, items[n + 1 :]):
                latest = row
                metrics += self._shown(phrase, latest, [])
            elif latest is not None and (column := self._empty_in_row(phrase, latest, spine)):
                attributes.append(column)
            elif latest is not None and (shown := self._shown(phrase, latest, metrics)):
                metrics += shown
            elif (moment := self._first_or_last(phrase, spine)) is not None:
                metrics.append(moment)
            elif (attribute := self._attribute(phrase, spine)) is not None:
                attributes.append(attribute)
            elif (figure := self._figure(phrase, spine)) is not None:
                counted.append(figure)
                metrics.append(with_their_rows(counted, self.context)[-1])
            elif phrase.place != "title":
                unread.append(phrase)
            self.spoken |= {m.name: phrase for m in metrics[have:]}
        for phrase in wish.exclusions:
            if content_stems(phrase.text) and self._is_spine(phrase, spine):
                self.context.asking.ask(
                    f"gone:{snake(phrase.text)}",
                    f"“{phrase.quote[:160]}”: which rows of `{spine.key}` are to be left out?",
                    [("none: each has a row", "")],
                )
        places = {(d.relation, d.column): d for d in reversed(attributes)}
        kept = [d for d in attributes if places[d.relation, d.column] is d]
        figures = list({m.name: m for m in metrics}.values())
        return [self._known(m, spine, key) for m in figures], unique_names(kept), unread

    @property
    def is_told(self) -> bool:
        """Whether the ticket says in so many words what a row shows."""
        return self._found is not None

    def settled(self, filters: Sequence[Filter], spine: RelationCard) -> list[Filter]:
        """Conditions on what is counted; those on the entities themselves go to `filters`."""
        dialect = self.context.evidence.dialect
        made, kept = self.context.related.made.get(spine.key), []
        for condition in filters:
            places = relations_of([parse_sql(condition.condition, dialect)])
            if made and made.value is None and places == {made.relation}:
                theirs = re.escape(made.relation) + r"\."
                self.filters.append(re.sub(rf"\b{theirs}", f"{made.key}.", condition.condition))
            elif made and places == {made.relation}:
                self.context.related.narrow(made.relation, condition.condition)
                kept.append(condition)
            elif places == {spine.key}:
                self.filters.append(condition.condition)
            else:
                kept.append(condition)
        return kept

    def _picked(self, spine: RelationCard) -> Related | None:
        """The row that is picked for each entity; what leaves entities out becomes `filters`."""
        found, made = self._found, None
        if found is None:
            return None
        if found.pick:
            made = self.picked.pick(found.pick, spine)
            if made is None:
                self.context.asking.ask(
                    f"pick:{snake(found.pick.what)}",
                    f"“{found.pick.quote}”: which row is that? I found no column that says so.",
                    [],
                )
        present = [*found.gone, *([found.who] if found.who else [])]
        for what in present if spine.key not in self.context.related.made else ():
            if condition := self.picked.present(what, spine, made):
                self.filters.append(condition)
                self.context.assume(f"Only rows of `{spine.key}` with {condition} are there.")
            else:
                self.context.asking.ask(
                    f"present:{snake(what)}",
                    f"“{found.quote}”: how do I know which have “{what}”?",
                    [],
                )
        return made

    def _is_key(self, phrase: Phrase, spine: RelationCard, key: str) -> bool:
        """`customer number`, `account id`: the key that is there anyway."""
        if _FIGURE.match(phrase.text):
            return False
        return self._names_key(phrase, self._entity(spine), key)

    def _names_key(self, phrase: Phrase, entity_said: Sequence[str], key: str) -> bool:
        said = self.context.linker.resolved(content_stems(phrase.text))
        if said == [f"col:{key.lower()}"]:
            return True
        if stem("number") in (plain := stems(phrase.text))[1:]:  # `booking number`, no figure
            said = plain
        entity = {x for s in (*entity_said, *name_stems(key)) for x in alike(s)}
        words = {stem(w) for w in ("id", "number", "no", "key", "code")}
        return bool(said) and set(said) <= entity | words and bool(set(said) & words)

    def _entity(self, spine: RelationCard) -> list[str]:
        """Words for what a row of the result is."""
        if spine.key in self.context.related.made and self._found:
            return content_stems(self._found.entity)
        return entity_stems(spine)

    def _of_picked(
        self, phrase: Phrase, spine: RelationCard, made: Related | None
    ) -> Dimension | None:
        """A column of the row that is picked, or of the spine where it is a picked row itself."""
        said = content_stems(phrase.text)
        if _FIGURE.match(phrase.text) or _FIRST.match(phrase.text):
            return None
        own = self.context.related.made.get(spine.key)
        if own is not None and own.value is None:
            return self.picked.shown(phrase, own, said)
        source = self.context.evidence.relation(made.relation) if made else None
        key = self.context.linker.key_column(source) if source else None
        if made and source and key and self._names_key(phrase, entity_stems(source), key):
            grounding = Grounding(source="ticket", text=phrase.quote)
            return Dimension(name=snake(key), relation=made.key, column=key, grounding=grounding)
        if made is None or any(s in alike(e) for s in said for e in self._entity(spine)):
            return None
        return self.picked.shown(phrase, made, said)

    def _items(self, wish: Wish) -> list[Phrase]:
        below = [p for p in wish.metrics if p.place != "title"]
        items = below or list(wish.metrics)
        return [*items, *(p for p in wish.dimensions if p.place != "title")]

    def _is_spine(self, phrase: Phrase, spine: RelationCard) -> bool:
        said = [s for s in content_stems(phrase.text) if s not in stem_set("wrapping_nouns")]
        if not said and split_aggregation(phrase.text)[0] is not None:
            return False  # `its first invoice: date, total`
        return all(any(s in alike(e) for e in self._entity(spine)) for s in said)

    # --- what it is ----------------------------------------------------------------------------

    def _attribute(self, phrase: Phrase, spine: RelationCard) -> Dimension | None:
        marks = [w for w in phrase.text.split() if is_mark(w) and not w.startswith("col")]
        if split_aggregation(phrase.text)[0] is not None or marks:
            return None
        said = content_stems(phrase.text)
        links = [k for k in self.context.linker.lookups(said, spine.key) if k.hops <= 2]
        meanings = self.context.linker.distinct_meanings(links) if links else []
        own = [m for m in meanings if m.hops == 0] or meanings
        if not own or (len(own) > 1 and own[0].score <= own[1].score):
            return None
        link = own[0]
        if not link.exact:
            self.context.assume(f"“{phrase.text}” is `{link.name}`.")
        grounding = Grounding(source="ticket", text=phrase.quote)
        return Dimension(name=snake(link.column.name), relation=link.relation, column=link.column.name,
                         grounding=grounding)  # fmt: skip

    # --- what happened to it -------------------------------------------------------------------

    def _figure(self, phrase: Phrase, spine: RelationCard) -> tuple[Reading, Metric] | None:
        reading = self.reader.read(phrase, [], timed=False)
        metric = reading.metric
        if metric is None or not reading.is_full or not self._reaches(metric.measures, spine):
            metric, reading = self._own_figure(reading, phrase, spine)
        if metric is None:
            return None
        for text in reading.assumptions:
            self.context.assume(text)
        return reading, metric

    def _own_figure(
        self, reading: Reading, phrase: Phrase, spine: RelationCard
    ) -> tuple[Metric | None, Reading]:
        """A number column that fits about as well, among those that belong to the spine's rows."""
        aggregation, _ = split_aggregation(phrase.text)
        for link in reading.columns:
            measure = Measure(
                name=snake(phrase.text), relation=link.relation, aggregation=aggregation or "sum",
                expression=qualified(link.relation, link.column.name).sql(
                    dialect=self.context.evidence.dialect
                ),
            )  # fmt: skip
            fitting = [k for k in reading.columns if self._reaches([measure], spine)]
            if len(fitting) == 1:
                return simple_metric(measure, phrase, f"column {link.name}"), reading
        return None, reading

    def _first_or_last(self, phrase: Phrase, spine: RelationCard) -> Metric | None:
        """`first invoice date`, `last login`, `latest status`: by the time of what points at it."""
        matched = _FIRST.match(phrase.text)
        if matched is None:
            return None
        early = matched["way"].lower() in _EARLY
        said = content_stems(re.sub(r"\b(?:date|day|time)\b", " ", matched["what"], flags=re.I))
        for card in self._pointing(spine):
            times = [t for t in self.context.linker.times(card)]
            named = [
                c for c in card.columns
                if is_temporal(c) and not is_arrival(c.name) and said
                and set(said) <= set(column_stems(c)) - EVENT_STEMS | set(entity_stems(card))
            ]  # fmt: skip
            is_entity = bool(said) and all(
                any(s in alike(e) for e in entity_stems(card)) for s in said
            )
            if not times:
                continue
            if is_entity:
                named = [self._date_of(card, phrase)]
            if len(named) == 1:
                time = self._sql(card, named[0].name)
                return self._moment(phrase, card, "min" if early else "max", time, None)
            values = [
                c for c in card.columns if said and set(said) == set(column_stems(c)) - {"id"}
            ]
            values = values or [
                c for c in card.columns
                if said and set(said) <= set(column_stems(c)) | set(entity_stems(card))
                and set(said) & (set(column_stems(c)) - set(entity_stems(card)))
            ]  # fmt: skip
            if len(values) == 1:
                order = self._sql(card, times[0][0].name)
                how = "first" if early else "last"
                return self._moment(phrase, card, how, self._sql(card, values[0].name), order)
        return None

    def _date_of(self, card: RelationCard, phrase: Phrase) -> ColumnCard:
        """The date of a row of which the ticket says no more than that it is the first or last."""
        times = self.context.linker.times(card)
        if len(times) < 2 or times[0][1] >= times[1][1] + _CLEARLY:
            return times[0][0]
        names = [self._sql(card, column.name) for column, _ in times[:4]]
        index = self.context.asking.ask(
            f"time:{card.key}:{snake(phrase.text)}",
            f"“{phrase.text}”: by which date of `{card.key}`?",
            [(f"by `{name}`", "") for name in names],
        )
        return times[index or 0][0]

    def _of_first(self, phrase: Phrase, spine: RelationCard) -> Metric | None:
        """`name of the carrier of the first leg`: a value of the row that comes first."""
        matched = _OF_FIRST.match(phrase.text)
        if matched is None:
            return None
        said = [s for s in content_stems(matched["what"]) if s not in EVENT_STEMS]
        shown = [s for s in content_stems(matched["shown"]) if s not in stem_set("stops")]
        found = []
        for card in self._pointing(spine):
            if not said or not all(any(s in alike(e) for e in entity_stems(card)) for s in said):
                continue
            order = self.picked.order(card, "")
            links = [k for k in self.context.linker.lookups(shown, card.key) if k.hops <= 1]
            # A value that is empty in the last row would be taken from the one before.
            links = [k for k in links if not k.column.nulls]
            if order and links and len(entity_stems(card)) == len(said):
                found.append((links[0].hops, card, links[0], order))
        if not found:
            return None
        _, card, link, order = min(found, key=lambda f: f[0])
        way = "first" if matched["way"].lower() in _EARLY else "last"
        metric = self._moment(
            phrase,
            card,
            way,
            qualified(link.relation, link.column.name).sql(dialect=self.context.evidence.dialect),
            self._sql(card, order),
        )
        name = snake(f"{way} {matched['what']} {link.column.name}")
        measure = metric.measures[0].model_copy(update={"name": name})
        return metric.model_copy(update={"name": name, "formula": name, "measures": (measure,)})

    def _of_first_row(self, phrase: Phrase, spine: RelationCard) -> Dimension | None:
        """The same where the value may be empty: then the very row is picked."""
        matched = _OF_FIRST.match(phrase.text)
        if matched is None or spine.key in self.context.related.made:
            return None
        way = matched["way"].lower()
        made = self.picked.pick(Pick(way, matched["what"], "", False, False, phrase.text), spine)
        shown = self.picked.shown(phrase, made, content_stems(matched["shown"])) if made else None
        if made is None or shown is None or shown.relation != made.key:
            return None
        return shown.model_copy(update={"name": snake(f"{way} {matched['what']} {shown.column}")})

    def _shows_more(self, row: tuple[RelationCard, str, str], following: Sequence[Phrase]) -> bool:
        """Whether what follows `latest subscription` is of that row; else its date is meant."""
        figures = (p for p in following[:1] if not _FIGURE.match(p.text))
        return any(
            not _FIRST.match(p.text)
            and self.context.linker.lookups(content_stems(p.text), row[0].key)
            for p in figures
        )

    def _row_of(self, phrase: Phrase, spine: RelationCard) -> tuple[RelationCard, str, str] | None:
        """`latest subscription`: the relation, the time by which it is the last one, and the way."""
        matched = _FIRST.match(phrase.text)
        if matched is None or re.search(r"\b(?:date|day|time)\b", phrase.text, re.I):
            return None
        said = content_stems(matched["what"])
        for card in self._pointing(spine):
            if said and all(any(s in alike(e) for e in entity_stems(card)) for s in said):
                times = self.context.linker.times(card)
                if times and len(entity_stems(card)) == len(said):
                    way = "first" if matched["way"].lower() in _EARLY else "last"
                    return card, times[0][0].name, way
        return None

    def _shown(
        self, phrase: Phrase, row: tuple[RelationCard, str, str], have: Sequence[Metric]
    ) -> list[Metric]:
        """What a phrase names of the latest row; its key where the row itself is named."""
        card, time, way = row
        said = [s for s in content_stems(phrase.text) if s not in EVENT_STEMS | {"latest", "last"}]
        key = self.context.linker.key_column(card)
        if _FIRST.match(phrase.text):
            names = [key] if key else []
            links = [(card.key, n) for n in names]
        else:
            found = [k for k in self.context.linker.lookups(said, card.key) if k.hops <= 2]
            own = [k for k in found if k.hops == 0] or found
            links = [(own[0].relation, own[0].column.name)] if own else []
        metrics = []
        for relation, column in links:
            name = snake(column)
            if all(m.name != name for m in have):
                metric = self._moment(
                    phrase, card, way, qualified(relation, column).sql(
                        dialect=self.context.evidence.dialect
                    ), self._sql(card, time),
                )  # fmt: skip
                measure = metric.measures[0].model_copy(update={"name": name})
                metrics.append(
                    metric.model_copy(
                        update={"name": name, "formula": name, "measures": (measure,)}
                    )
                )
        return metrics

    def _empty_in_row(
        self, phrase: Phrase, row: tuple[RelationCard, str, str], spine: RelationCard
    ) -> Dimension | None:
        """What a phrase names of the latest row, where it may be empty: then the very row is picked."""
        card, _, way = row
        said = [s for s in content_stems(phrase.text) if s not in EVENT_STEMS]
        found = [k for k in self.context.linker.lookups(said, card.key) if k.hops <= 2]
        if _FIRST.match(phrase.text) or not found or not found[0].column.nulls:
            return None
        what = " ".join(entity_stems(card))
        made = self.picked.pick(Pick(way, what, "", False, False, phrase.quote[:80]), spine)
        return self.picked.shown(phrase, made, said) if made else None

    def _moment(
        self, phrase: Phrase, card: RelationCard, how: str, expression: str, order: str | None
    ) -> Metric:
        measure = Measure.model_validate(
            {"name": snake(phrase.text), "relation": card.key, "aggregation": how,
             "expression": expression, "order_by": order}
        )  # fmt: skip
        self.context.assume(
            f"“{phrase.text}” is `{expression}` of `{card.key}`"
            + (f", by `{order}`." if order else ".")
        )
        return simple_metric(measure, phrase, f"{how} {expression}")

    def _pointing(self, spine: RelationCard) -> list[RelationCard]:
        """Relations that lead to the spine, modelled ones first, near ones first."""
        order = {"staging": 0, "mart": 1, "intermediate": 2, "source": 3}
        made = self.context.related.made.get(spine.key)
        if made is not None:
            source = self.context.evidence.relation(made.relation)
            return [source] if source else []
        found = [
            (order[c.layer], hops[spine.key], c)
            for c in self.context.evidence.relations
            if c.key != spine.key and spine.key in (hops := self.context.planner.hops(c.key))
        ]
        return [c for *_, c in sorted(found, key=lambda f: (f[0], f[1], f[2].key))]

    # --- rows ------------------------------------------------------------------------------------

    def _reaches(self, measures: Sequence[Measure], spine: RelationCard) -> bool:
        planner = self.context.planner
        return all(
            m.relation != spine.key and spine.key in planner.hops(m.relation) for m in measures
        )

    def _known(self, metric: Metric, spine: RelationCard, key: str) -> Metric:
        """Rows that belong to none of the entities are of no use here."""
        there = (
            f"{qualified(spine.key, key).sql(dialect=self.context.evidence.dialect)} is not null"
        )
        measures = tuple(
            m.model_copy(update={"filters": (*m.filters, there)}) for m in metric.measures
        )
        return metric.model_copy(update={"measures": measures})

    def _sql(self, card: RelationCard, column: str) -> str:
        return qualified(card.key, column).sql(dialect=self.context.evidence.dialect)
