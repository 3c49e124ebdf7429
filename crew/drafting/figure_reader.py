"""Turns the marks of figures into metrics: shares of rows, amounts per unit, times between events."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp, parse_one

from crew.artifacts import Aggregation, ColumnCard, Grounding, Measure, Metric, RelationCard
from crew.catalog.dbt_project import entity_of
from crew.drafting.figures import (
    Comparison,
    DerivedWish,
    Duration,
    Figure,
    FigureWishes,
    Order,
    PerUnit,
    Quoted,
    Quotient,
    Share,
    add_derived,
    is_mark,
)
from crew.drafting.metric_reading import Reading, fraction_of, simple_metric, split_aggregation
from crew.drafting.related_words import Having, Those
from crew.drafting.schema_linker import ColumnLink, SchemaLinker, content_stems, entity_stems
from crew.drafting.scope import qualified
from crew.drafting.vocabulary import alike, plural, singular, snake, stem_set
from crew.drafting.wish import Phrase

Read = Callable[[Phrase], Reading]


class FigureReader:
    """Marks of one interpretation; `read` reads a plain metric phrase."""

    def __init__(self, linker: SchemaLinker, read: Read, is_split: bool = False) -> None:
        self.linker, self.read_plain, self.is_split = linker, read, is_split
        self.evidence, self.planner = linker.evidence, linker.planner

    @property
    def figures(self) -> FigureWishes:
        return self.linker.figures

    def read(self, phrase: Phrase) -> Reading | None:
        """The reading of a phrase with a mark that is a metric; None if it has none."""
        for word in content_stems(phrase.text):
            if (reading := self._read(phrase, word)) is not None:
                beside = self._beside(phrase, word, reading)
                reading.unexplained = [*reading.unexplained, *beside]
                return reading
        return None

    def _beside(self, phrase: Phrase, mark: str, reading: Reading) -> list[str]:
        """The words beside the mark of a figure that neither it nor its rows explain."""
        known = {mark}.union(*(stem_set(n) for n in ("stops", "joints", "wrapping_nouns", "parts")))
        keys = {m.relation for m in reading.metric.measures} if reading.metric else set()
        cards = [c for k in keys if (c := self.evidence.relation(k))]
        known |= {x for c in cards for s in entity_stems(c) for x in alike(s)}
        figure = self.figures.marks[mark]
        known |= set(content_stems(self.figures.readable(figure.quote)))
        said = content_stems(split_aggregation(phrase.text)[1])
        marks = self.figures.marks
        return [
            s for s in said
            if s not in known
            and not (is_mark(s) and (s in figure.quote or not _is_condition(marks.get(s))))
        ]  # fmt: skip

    def _read(self, phrase: Phrase, word: str) -> Reading | None:
        figure = self.figures.marks.get(word)
        shown = replace(phrase, text=self.figures.readable(phrase.text))
        if isinstance(figure, Share):
            return self._share(shown, figure)
        if isinstance(figure, Those):
            return self._those(shown, figure)
        if isinstance(figure, PerUnit):
            return self._per_unit(shown, figure)
        if isinstance(figure, Quotient):
            return self._quotient(shown, figure)
        if isinstance(figure, Duration):
            return self._duration(shown, figure, split_aggregation(phrase.text)[0])
        return None

    # --- shares ------------------------------------------------------------------------------

    def _share(self, phrase: Phrase, share: Share) -> Reading:
        if share.part and share.whole:
            return self._part_of(phrase, share)
        if share.part:
            return self._rate(phrase, share)
        counted = self.read_plain(replace(phrase, text=f"number of {share.whole}"))
        if self.is_split and not (counted.metric and counted.metric.measures[0].filters):
            whole = (
                counted if counted.is_full else self.read_plain(replace(phrase, text=share.whole))
            )
            if whole.is_full:  # `share of visits by club`: of all visits
                add_derived(self.figures, DerivedWish("share", 1, "", phrase.quote))
                return replace(whole, phrase=phrase)
        measure = counted.metric.measures[0] if counted.metric and counted.is_full else None
        if measure is None or not measure.filters:
            return replace(
                counted, phrase=phrase, metric=None, unexplained=content_stems(share.whole)
            )
        every = measure.model_copy(update={"filters": (), "name": self._rows_name(measure)})
        return self._ratio(phrase, counted, measure, every)

    def _part_of(self, phrase: Phrase, share: Share) -> Reading:
        """`share of orders that were refunded`."""
        counted = self.read_plain(replace(phrase, text=f"number of {share.whole}"))
        if counted.metric is None or not counted.is_full:
            return replace(counted, phrase=phrase)
        every = counted.metric.measures[0]
        words = [
            s for s in content_stems(share.part) if s not in stem_set("joints") | stem_set("stops")
        ]
        tail = entity_stems(counted.entity) if counted.entity else []
        links = self.linker.conditions(words, [every.relation]) or self.linker.conditions(
            [*words, *tail], [every.relation]
        )
        if not links:
            return Reading(phrase, metric=None, entity=counted.entity, unexplained=words)
        best = [c for c in links if c.score >= links[0].score - 0.05]
        having = next(
            (f for w in words if isinstance(f := self.figures.marks.get(w), Having)), None
        )
        name = snake(f"{share.part} {plural(entity_of(every.relation))}")
        if having:
            name = snake(f"{share.whole} {having.words}")[:55].rstrip("_")
        part = every.model_copy(
            update={"name": name, "filters": (*every.filters, links[0].condition)}
        )
        reading = self._ratio(phrase, counted, part, every)
        if len({c.column for c in best}) > 1:
            reading.conditions = best
            reading.metric = self._ratio(
                phrase, counted, every.model_copy(update={"name": name}), every
            ).metric
        return reading

    def _those(self, phrase: Phrase, those: Those) -> Reading:
        """`how many of them were refunded`: some of the rows that are counted."""
        counted = self.read_plain(replace(phrase, text=f"number of {those.whole}"))
        if counted.metric is None or not counted.is_full:
            return replace(counted, phrase=phrase)
        every = counted.metric.measures[0]
        noise = stem_set("joints") | stem_set("stops") | stem_set("belonging")
        noise |= {"never", "no", "without", "t"}
        words = [s for s in content_stems(those.part) if s not in noise]
        tail = entity_stems(counted.entity) if counted.entity else []
        links = self.linker.conditions(words, [every.relation]) or self.linker.conditions(
            [*words, *tail], [every.relation]
        )
        if not links:
            return Reading(phrase, entity=counted.entity, unexplained=words or ["them"])
        best = [c for c in links if c.score >= links[0].score - 0.05]
        having = next(
            (f for w in words if isinstance(f := self.figures.marks.get(w), Having)), None
        )
        said = having.words if having else self.figures.readable(those.part)
        name = snake(f"{those.whole} {said}")[:55].rstrip("_")
        is_clear = len({c.column for c in best}) == 1
        negative = re.search(r"\b(?:not|never|no|without)\b|n['’]t\b", those.part, re.I)
        condition = links[0].negated if negative else links[0].condition
        filters = (*every.filters, condition) if is_clear else every.filters
        if negative and not is_clear:
            return Reading(phrase, entity=counted.entity, unexplained=words)
        part = every.model_copy(update={"name": name, "filters": filters})
        metric = simple_metric(part, phrase, f"{those.whole}: {said}")
        conditions = [] if is_clear else best
        return Reading(phrase, metric=metric, entity=counted.entity, conditions=conditions,
                       assumptions=[*counted.assumptions])  # fmt: skip

    def _rate(self, phrase: Phrase, share: Share) -> Reading:
        """`refund rate`: the rows with that value or flag, out of all rows of their relation."""
        said = content_stems(share.part)
        if set(said) & stem_set("loaded"):
            return Reading(phrase, unexplained=said)
        found = self.linker.rows_with(said)
        if not found:
            return Reading(phrase, unexplained=said)
        names = {(entity_of(k.relation), k.column) for k in found}
        link = found[0]
        card = self.evidence.relation(link.relation)
        assert card is not None
        key = self.linker.key_column(card)
        rows = plural(singular(entity_of(card.key)))
        every = Measure(
            name=snake(rows),
            relation=card.key,
            aggregation="count",
            expression=self._sql(card.key, key) if key else "*",
        )
        part = every.model_copy(
            update={"name": snake(f"{share.part} {rows}"), "filters": (link.condition,)}
        )
        reading = self._ratio(phrase, Reading(phrase, entity=card), part, every)
        if len(names) > 1:
            reading.conditions = found
            reading.metric = self._ratio(
                phrase,
                Reading(phrase, entity=card),
                every.model_copy(update={"name": part.name}),
                every,
            ).metric
        reading.assumptions.append(
            f"“{phrase.text}” is the share of rows of `{card.key}` with {link.condition}."
        )
        return reading

    def _ratio(self, phrase: Phrase, counted: Reading, part: Measure, whole: Measure) -> Reading:
        if part.name == whole.name:
            part = part.model_copy(update={"name": f"{part.name}_of_these"})
        name = f"{part.name}_share"
        metric = Metric(
            name=name,
            label=phrase.text,
            definition=f"{part.name} out of {whole.name}",
            formula=f"{part.name} / {whole.name}",
            unit="ratio",
            measures=(part, whole),
            grounding=Grounding(source="column", text=phrase.text, confidence=0.9),
        )
        return Reading(
            phrase, metric=metric, entity=counted.entity, assumptions=[*counted.assumptions]
        )

    def _rows_name(self, measure: Measure) -> str:
        return snake(plural(singular(entity_of(measure.relation))))

    def _quotient(self, phrase: Phrase, figure: Quotient) -> Reading:
        """`revenue divided by the number of accounts`."""
        above, below = (
            self.read(part) or self.read_plain(part)
            for part in (replace(phrase, text=figure.above), replace(phrase, text=figure.below))
        )
        if above.metric and below.columns:
            same = [k for k in below.columns if k.relation == above.metric.measures[0].relation]
            below = self._chosen(below, same) if len(same) == 1 else below
        above, below = self._on_same_rows(above, below), self._on_same_rows(below, above)
        for part in (above, below):
            if part.metric is None or not part.is_full:
                return replace(part, phrase=phrase)
        assert above.metric is not None and below.metric is not None
        joint = "per" if figure.operator == "/" else "minus"
        metric = Metric(
            name=snake(
                f"{above.metric.name} {joint} {below.metric.name.removeprefix('distinct_')}"
            )[:55],
            label=phrase.text,
            definition=f"{above.metric.label} {figure.operator} {below.metric.label}",
            formula=f"({above.metric.formula}) {figure.operator} ({below.metric.formula})",
            measures=tuple(dict.fromkeys((*above.metric.measures, *below.metric.measures))),
            grounding=Grounding(source="ticket", text=phrase.quote),
        )
        told = [*above.assumptions, *below.assumptions]
        return Reading(phrase, metric=metric, entity=above.entity, assumptions=told)

    def _on_same_rows(self, reading: Reading, other: Reading) -> Reading:
        """The reading of a number on the rows of the other part, where these have it too: booked
        places and capacity are of the same classes."""
        if (
            not (reading.metric and other.metric)
            or reading.term
            or len(reading.metric.measures) > 1
        ):
            return reading
        base, own = other.metric.measures[0].relation, reading.metric.measures[0]
        if own.relation == base or own.aggregation == "count" or own.filters:
            return reading
        said = content_stems(split_aggregation(reading.phrase.text)[1])
        links = [k for k in self.linker.numbers(said) if k.relation == base and k.exact]
        return self._chosen(reading, links) if len(links) == 1 else reading

    def _chosen(self, reading: Reading, links: list[ColumnLink]) -> Reading:
        """The reading with its column settled: the one on the rows that are counted above."""
        aggregation, rest = split_aggregation(reading.phrase.text)
        measure = Measure(
            name=snake(rest),
            relation=links[0].relation,
            aggregation=aggregation or "sum",
            expression=self._sql(links[0].relation, links[0].column.name),
        )
        metric = simple_metric(measure, reading.phrase, f"column {links[0].name}")
        told = [f"“{rest}” is `{links[0].name}`, of the same rows as what it is set against."]
        return Reading(reading.phrase, metric=metric, assumptions=told)

    # --- per unit ------------------------------------------------------------------------------

    def _per_unit(self, phrase: Phrase, figure: PerUnit) -> Reading:
        reading = self.read_plain(replace(phrase, text=figure.what))
        if reading.metric is None or not reading.is_full:
            return replace(reading, phrase=phrase)
        above = reading.metric.measures[0]
        units = self._units(above, figure.unit)
        if not units or len(reading.metric.measures) > 1 or above.is_stock:
            return Reading(phrase, unexplained=content_stems(figure.unit))
        below = units[0].model_copy(update={"filters": above.filters, "time": above.time})
        name = snake(f"average {split_aggregation(figure.what)[1]} per {figure.unit}")
        metric = Metric(
            name=name,
            label=phrase.text,
            definition=f"{above.name} divided by {below.name}",
            formula=f"{above.name} / {below.name}",
            measures=(above, below),
            grounding=Grounding(source="column", text=phrase.text, confidence=0.9),
        )
        found = Reading(
            phrase, metric=metric, entity=reading.entity, assumptions=reading.assumptions
        )
        if below.aggregation == "count_distinct":
            unit = plural(singular(figure.unit.lower()))
            found.assumptions.append(
                f"“{phrase.text}” divides by the {unit} that have at least one such row."
            )
        return found

    def _units(self, above: Measure, unit: str) -> list[Measure]:
        """How many units there are among the counted rows."""
        name = snake(plural(singular(unit.lower())))
        for link in self.linker.entities(content_stems(unit)):
            if link.rest:
                continue
            card = link.card
            key = self.linker.key_column(card)
            if card.key == above.relation and key:
                return [Measure(name=name, relation=card.key, aggregation="count",
                                expression=self._sql(card.key, key))]  # fmt: skip
            edge = next(
                (e for e in self.planner.edges if (e.left, e.right) == (above.relation, card.key)),
                None,
            )
            relation, column = (above.relation, edge.left_column) if edge else (card.key, key)
            if column and card.key in self.planner.hops(above.relation):
                return [Measure(name=name, relation=above.relation, aggregation="count_distinct",
                                expression=self._sql(relation, column))]  # fmt: skip
        return []

    # --- durations -----------------------------------------------------------------------------

    def _duration(
        self, phrase: Phrase, figure: Duration, aggregation: Aggregation | None
    ) -> Reading:
        """The time from one event to another on the same row."""
        found = []
        for card in self.evidence.relations:
            begin, end = (self.linker.moments(card, words) for words in (figure.begin, figure.end))
            if len(begin) == 1 and len(end) == 1 and begin[0].name != end[0].name:
                found.append((card, begin[0], end[0]))
        if not found:
            return self._duration_across(phrase, figure, aggregation)
        modelled = [f for f in found if f[0].layer != "source"] or found
        order = {"staging": 0, "mart": 1, "intermediate": 2, "source": 3}
        modelled.sort(key=lambda f: order[f[0].layer])
        card, first, last = modelled[0]
        return self._elapsed(phrase, figure, aggregation, card, (card, first), (card, last))

    def _duration_across(
        self, phrase: Phrase, figure: Duration, aggregation: Aggregation | None
    ) -> Reading:
        """The time from an event of a row to one of what the row points at, or the other way."""
        found = []
        for card in (c for c in self.evidence.relations if c.layer == "staging"):
            for key in self.planner.hops(card.key):
                other = self.evidence.relation(key)
                if other is None or key == card.key or other.layer != "staging":
                    continue
                for here, there, forth in (
                    (figure.begin, figure.end, True), (figure.end, figure.begin, False)
                ):  # fmt: skip
                    own, looked_up = (
                        self.linker.moments(card, here),
                        self.linker.moments(other, there),
                    )
                    if len(own) == 1 and len(looked_up) == 1:
                        pair = ((card, own[0]), (other, looked_up[0]))
                        found.append(pair if forth else pair[::-1])
        bases = {frozenset((a[0].key, b[0].key)) for a, b in found}
        if len(found) != 1 or len(bases) != 1:
            return Reading(phrase, unexplained=content_stems(f"{figure.begin} {figure.end}"))
        (first, begin), (last, end) = found[0]
        base = first if last.key in self.planner.hops(first.key) else last
        return self._elapsed(phrase, figure, aggregation, base, (first, begin), (last, end))

    def _elapsed(
        self,
        phrase: Phrase,
        figure: Duration,
        aggregation: Aggregation | None,
        base: RelationCard,
        begin: tuple[RelationCard, ColumnCard],
        end: tuple[RelationCard, ColumnCard],
    ) -> Reading:
        """The time between two moments of the rows of `base`, or of what they point at."""
        begin_sql, end_sql = (self._sql(card.key, column.name) for card, column in (begin, end))
        # The hour of a date is not known; calendar days have none.
        types = {begin[1].data_type, end[1].data_type}
        are_dates = "date" in types or "calendar" in figure.quote.lower()
        first, last = begin[1].name, end[1].name
        name = snake(f"{aggregation or 'average'} {figure.unit}s from {first} to {last}")
        measure = Measure(
            name=name[:55], relation=base.key, aggregation=aggregation or "average",
            expression=elapsed(begin_sql, end_sql, figure.unit, are_dates, self.evidence.dialect),
            fraction=fraction_of(phrase.text),
            filters=(f"{end_sql} is not null", f"{begin_sql} is not null"),
        )  # fmt: skip
        reading = Reading(phrase, entity=base)
        reading.metric = simple_metric(measure, phrase, f"{begin_sql} to {end_sql}")
        reading.assumptions.append(
            f"“{phrase.text}” is from `{begin_sql}` to `{end_sql}`, in {figure.unit}s"
            f"{'' if are_dates else ' with fractions'}; rows without either are left out."
        )
        return reading

    def _sql(self, relation: str, column: str) -> str:
        return qualified(relation, column).sql(dialect=self.evidence.dialect)


def _is_condition(figure: Figure | None) -> bool:
    """Whether a mark says which rows count: `share of paid invoices over 100 EUR`."""
    return isinstance(figure, Comparison | Quoted | Order | Having)


def elapsed(begin: str, end: str, unit: str, are_dates: bool, dialect: str) -> str:
    """SQL of the time between two moments, in units; whole days between dates."""
    seconds = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_629_746}
    a, b = (parse_one(text, read=dialect) for text in (begin, end))
    if are_dates and unit == "day":
        days = [exp.cast(tree, "date") for tree in (b, a)]
        return exp.DateDiff(this=days[0], expression=days[1], unit=exp.var("DAY")).sql(
            dialect=dialect
        )
    if dialect in {"duckdb", "postgres", "redshift"}:
        return f"extract(epoch from ({end} - {begin})) / {seconds[unit]}.0"
    difference = exp.TimestampDiff(this=b, expression=a, unit=exp.var("SECOND")).sql(
        dialect=dialect
    )
    return f"{difference} / {seconds[unit]}.0"
