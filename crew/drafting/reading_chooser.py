"""Chooses which readings of metric phrases are built, asked about, or passed over as prose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from crew.artifacts import Measure, RelationCard
from crew.catalog.dbt_project import entity_of
from crew.drafting.figures import Named, is_mark
from crew.drafting.metric_reader import MetricReader
from crew.drafting.metric_reading import (
    Reading,
    fraction_of,
    simple_metric,
    split_aggregation,
)
from crew.drafting.schema_linker import content_stems
from crew.drafting.scope import qualified
from crew.drafting.vocabulary import snake, stem, stem_set, stems, word_set, words
from crew.drafting.wish import Phrase, Wish


class ReadingChooser:
    """The readings of one interpretation. Afterwards `unread` are phrases that say nothing of the
    data, `dropped` those that do and are neither built nor asked about."""

    def __init__(self, reader: MetricReader) -> None:
        self.reader = reader
        self.unread: list[Phrase] = []
        self.dropped: list[Phrase] = []
        self.scopes: list[tuple[str, str, Phrase]] = []
        """Conditions that a title alone says: of a relation, with the words that say it."""
        self.leading: list[tuple[str, str, Phrase]] = []
        """Likewise conditions of the rows that a text speaks of first."""

    def choose(self, wish: Wish, wanted: Sequence[str]) -> list[Reading]:
        """The readings to build: all that are clear, and those that need an answer first."""
        self.leading = []
        timed = bool(wish.grain or wish.date_span or wish.look_back)
        read = [self.reader.read(p, wanted, timed=timed) for p in wish.metrics]
        read = self._with_all_values(read)
        read = self._of_counted_rows(read)
        clear = self._without_headlines([r for r in read if r.is_full])
        clear = self._without_leading_rows(clear)
        added = [r for r in clear if r.phrase.added and any(_narrows(r, o) for o in clear)]
        wish.kept += [r.phrase for r in added]
        read = [r for r in read if r not in added]
        clear = [r for r in clear if r not in added]
        told = [r for r in read if r.phrase.place != "title"]  # a title is but a headline then
        unclear = [
            r
            for r in read
            if not r.is_full
            and self._matters(r, clear, wish)
            and not (told and r.phrase.place == "title" and not self._is_loaded(r, clear))
        ]
        only_titles = clear and all(r.phrase.place == "title" for r in clear)
        if only_titles and any(r.phrase.place == "wish" for r in unclear):
            # What the text wishes for is not what its title says; whom that is about holds.
            self.scopes = _limits_of(clear)
            clear = []
        telling = [r for r in unclear if self._tells(r)]
        if telling and not clear:  # `nobody has numbers` beside a figure that is but not settled
            unclear = telling
        quotes = {r.phrase.quote for r in clear}
        listed = [
            r
            for r in read
            if r not in clear and r not in unclear and r.phrase.place == "wish"
            and r.phrase.quote in quotes and self._is_item(r, clear)
        ]  # fmt: skip
        unclear += listed
        self.unread = [
            r.phrase for r in read if r not in clear and r not in unclear and not r.says_something
        ]
        built = [*clear, *unclear]
        self.dropped = [
            r.phrase
            for r in read
            if r not in built and r.phrase not in self.unread and not _is_said(r, clear)
        ]
        found: list[Reading] = []
        named_below = any(_narrows(a, b) for a in told for b in told)
        for reading in sorted(built, key=lambda r: named_below and r.phrase.place == "title"):
            if not any(_covers(other, reading) for other in found):
                found = [f for f in found if not _covers(reading, f)]
                found.append(reading)
        return found[:12]

    def _of_counted_rows(self, read: list[Reading]) -> list[Reading]:
        """`number of payments and amount`: of the columns that an amount may be, the only one of the
        rows that the ticket names as such or counts beside it."""
        linker = self.reader.linker
        marks = (m for m in linker.figures.marks.values() if isinstance(m, Named))
        named = {c.key for m in marks if (c := linker.evidence.relation(m.name))}
        counted = {m.relation for r in read if r.is_full and r.metric for m in r.metric.measures}
        settled = []
        for reading in read:
            aggregation, said = split_aggregation(reading.phrase.text)
            own = [k for k in reading.columns if k.relation in (named or counted)]
            is_plain = not reading.metric and not reading.term and not reading.unexplained
            loaded = set(content_stems(said)) & stem_set("loaded")
            limit = reading.limits.get(own[0].relation, "") if own else ""
            is_plain = is_plain and (bool(limit) or not reading.limits)
            if len(own) != 1 or not is_plain or loaded or reading.phrase.place == "title":
                settled.append(reading)
                continue
            measure = Measure(
                name=snake(said if aggregation is None else reading.phrase.text)[:55],
                relation=own[0].relation,
                aggregation=aggregation or "sum",
                expression=qualified(own[0].relation, own[0].column.name).sql(
                    dialect=linker.evidence.dialect
                ),
                fraction=fraction_of(reading.phrase.text),
                filters=(limit,) if limit else (),
            )
            others = ", ".join(f"`{k.name}`" for k in reading.columns if k not in own)
            rows = f"where {limit}" if limit else "of the same rows"
            told = f"“{reading.shown}” is `{own[0].name}`, {rows}; not {others}."
            settled.append(
                replace(
                    reading,
                    columns=[],
                    metric=simple_metric(measure, reading.phrase, own[0].name),
                    assumptions=[*reading.assumptions, told],
                )
            )
        return settled

    def _without_leading_rows(self, clear: list[Reading]) -> list[Reading]:
        """`Sold tickets by price …. Per band the number of tickets`: the rows that a sentence
        begins with are those that the figures of the next ones count, and of those behind its colon."""
        below = [r for r in clear if r.phrase.place != "title"]
        if len(below) < 2:
            return clear
        first = below[0]
        is_heading = ":" in first.phrase.quote.partition(first.phrase.text.split()[0])[2]
        rest = [r for r in below[1:] if is_heading or r.phrase.quote != first.phrase.quote]
        measure = first.metric.measures[0] if first.metric else None
        if (
            measure is None
            or first.term
            or not measure.filters
            or measure.aggregation != "count"
            or split_aggregation(first.phrase.text)[0] is not None
            or first.phrase.item
        ):
            return clear
        narrowed = [r for r in rest if _narrows(first, r) and split_aggregation(r.phrase.text)[0]]
        if not narrowed:
            return clear
        self.leading = [(measure.relation, f, first.phrase) for f in measure.filters]
        return [r for r in clear if r is not first]

    def _with_all_values(self, read: list[Reading]) -> list[Reading]:
        """`yoga and pilates bookings` are the bookings of either: what stands before `and` is but
        a value of the column that the last one tells a value of."""
        kept = list(read)
        for value, counted in pairwise(read):
            if value.phrase.quote != counted.phrase.quote or not counted.is_full:
                continue
            measure = counted.metric.measures[0] if counted.metric else None
            if measure is None or counted.term or len(measure.filters) != 1:
                continue
            words = content_stems(split_aggregation(value.phrase.text)[1])
            links = self.reader.linker.conditions(words, [measure.relation])
            column = measure.filters[0].split(" = ")[0]
            same = [k for k in links if k.condition.startswith(f"{column} = ")]
            is_value = value.metric is None or len(words) == 1
            if (
                not same
                or not is_value
                or same[0].condition == measure.filters[0]
                or value not in kept
            ):
                continue
            either = f"({same[0].condition} or {measure.filters[0]})"
            assert counted.metric is not None
            both = counted.metric.model_copy(
                update={
                    "measures": (
                        measure.model_copy(
                            update={
                                "filters": (either,),
                                "name": snake(f"{words[0]} {measure.name}"),
                            }
                        ),
                    ),
                    "formula": snake(f"{words[0]} {measure.name}"),
                    "name": snake(f"{words[0]} {measure.name}"),
                }
            )
            kept.remove(value)
            kept[kept.index(counted)] = replace(
                counted,
                metric=both,
                assumptions=[
                    *counted.assumptions,
                    f"“{value.phrase.text} and {counted.phrase.text}”: rows of either, {either}.",
                ],
            )
        return kept

    def _without_headlines(self, clear: list[Reading]) -> list[Reading]:
        """Without the figures of a title where the text below names its own; the conditions that
        such a title says hold for those."""
        below = [r for r in clear if r.phrase.place != "title"]
        if not below or any(r.phrase.added for r in below):
            return clear
        self.scopes = []
        kept = list(below)
        have = {f for r in below if r.metric for m in r.metric.measures for f in m.filters}
        for reading in (r for r in clear if r.phrase.place == "title"):
            if any(_covers(b, reading) or _covers(reading, b) for b in below):
                kept.append(reading)
            else:  # `women` over `share of women`
                self.scopes += [scope for scope in _limits_of([reading]) if scope[1] not in have]
        return [r for r in clear if r in kept]

    def _is_item(self, reading: Reading, clear: Sequence[Reading]) -> bool:
        """Whether a phrase stands in a list of figures as one of them, though nothing explains it."""
        words = reading.phrase.text.split()
        noise = (
            stem_set("stops")
            | stem_set("labels")
            | stem_set("wrapping_nouns")
            | stem_set("fillers")
        )
        clearly = {s for c in clear for s in content_stems(c.phrase.text)}
        fresh = [s for s in content_stems(reading.phrase.text) if s not in noise | clearly]
        opens = words[0].lower() in {
            "including",
            "excluding",
            "incl",
            "then",
            "so",
            "thanks",
            "everything",
        }
        return len(words) <= 4 and bool(fresh) and not opens

    def _is_loaded(self, reading: Reading, clear: Sequence[Reading]) -> bool:
        """Whether a phrase has a word with a definition of its own that no clear reading has."""
        said = set(content_stems(reading.phrase.text))
        below = [c for c in clear if c.phrase.place != "title"]
        clearly = {
            s for c in below for s in (*content_stems(c.phrase.text), *stems(c.phrase.quote))
        }
        if any(c.metric and c.metric.unit == "ratio" for c in below) or any(
            d.kind in {"share", "growth"} for d in self.reader.linker.figures.derived
        ):
            clearly |= stem_set("parts")
        if self.reader.linker.figures.derived:
            clearly.add(stem("growth"))
        same = any(reading.entity and c.entity and _alike(reading.entity, c.entity) for c in below)
        return bool(said & stem_set("loaded") - clearly) and (same or not below)

    def _tells(self, reading: Reading) -> bool:
        """Whether an unclear phrase is about the data, or stands where a figure is asked for."""
        said = set(content_stems(reading.phrase.text))
        aggregation, rest = split_aggregation(reading.phrase.text)
        counts = aggregation is not None and not set(words(rest)) <= word_set("finite_verbs")
        marked = any(map(is_mark, reading.phrase.text.split()))
        return bool(
            reading.problem or reading.says_something or reading.conditions or reading.phrase.item
            or counts or marked or said & stem_set("loaded")
        )  # fmt: skip

    def _matters(self, reading: Reading, clear: list[Reading], wish: Wish) -> bool:
        """Whether an unclear phrase must be asked about rather than passed over as prose."""
        said = set(content_stems(reading.phrase.text))
        if not said or _is_said(reading, clear):
            return False
        clearly = {s for c in clear for s in content_stems(c.phrase.text)}
        marks = self.reader.linker.figures.quotes
        if reading.phrase.place != "title" and (
            split_aggregation(reading.phrase.text)[0] is not None
            or reading.phrase.text in marks
            or any(map(is_mark, reading.phrase.text.split()))
            or reading.phrase.item
        ):
            return True  # a figure was asked for in so many words
        if reading.term or reading.columns or reading.conditions:
            return True
        loaded = said & stem_set("loaded") - clearly
        if said <= stem_set("wrapping_nouns"):
            return False
        if not clear:
            about_data = wish.grain or wish.dimensions or wish.look_back
            return bool(reading.says_something or loaded or about_data)
        if reading.phrase.place == "title":
            return bool(reading.says_something or loaded)
        if all(c.phrase.place == "title" for c in clear) and said - clearly:
            return True  # what the text wishes for is not what its title alone says
        return bool(reading.says_something and loaded)


def _limits_of(readings: Sequence[Reading]) -> list[tuple[str, str, Phrase]]:
    """The conditions that readings put on the rows they count, with the words that say them."""
    return [
        (m.relation, f, r.phrase)
        for r in readings
        if r.metric and not r.term
        for m in r.metric.measures
        for f in m.filters
    ]


_GENERIC = frozenset(("amounts", "values", "figures", "numbers", "in", "as", "euros", "eur", "€"))


def _alike(a: RelationCard, b: RelationCard) -> bool:
    return entity_of(a.key) == entity_of(b.key)


def _is_said(reading: Reading, clear: Sequence[Reading]) -> bool:
    """Whether the clear readings use every word of a phrase."""
    said = set(content_stems(reading.phrase.text))
    if clear and not reading.phrase.item and set(words(reading.phrase.text)) <= _GENERIC:
        return True  # `amounts in euros` says how the figures are to look
    return any(said <= set(content_stems(c.phrase.text)) for c in clear)


def _covers(a: Reading, b: Reading) -> bool:
    """Whether reading `a` says all that `b` says about the same thing, and perhaps more."""
    if a is b:
        return True
    if a.metric is None or b.metric is None:
        return bool(set(content_stems(b.phrase.text)) <= set(content_stems(a.phrase.text)))
    if a.term and b.term:
        return a.term.name == b.term.name
    if a.term or b.term:
        longer, shorter = a.metric.measures, b.metric.measures
        return (
            bool(a.term)
            and len(shorter) == 1
            and any(_same_measure(x, y) for x in longer for y in shorter)
        )
    if (a.unexplained or a.columns) and not (b.unexplained or b.columns):
        return False
    if not set(b.unexplained) <= set(content_stems(a.phrase.text)):
        return False  # it has a word that nothing explains
    if b.conditions and not a.conditions:
        return False  # it has rows of its own that are not settled
    if len(a.metric.measures) > 1 or len(b.metric.measures) > 1:
        same = [x.model_copy(update={"name": ""}) for x in a.metric.measures]
        return same == [x.model_copy(update={"name": ""}) for x in b.metric.measures]
    if a.phrase.place == b.phrase.place and _narrows(a, b):
        return split_aggregation(b.phrase.text)[0] is None  # both are asked for in so many words
    return _same_measure(a.metric.measures[0], b.metric.measures[0])


def _narrows(a: Reading, b: Reading) -> bool:
    """Whether reading `a` is reading `b` over fewer rows."""
    if a.metric is None or b.metric is None or a.term or b.term:
        return False
    one, other = a.metric.measures[0], b.metric.measures[0]
    return _same_measure(one, other) and set(one.filters) > set(other.filters)


def _same_measure(a: Measure, b: Measure) -> bool:
    same = (a.relation, a.aggregation, a.expression, a.time, a.fraction) == (
        b.relation, b.aggregation, b.expression, b.time, b.fraction
    )  # fmt: skip
    return same and set(b.filters) <= set(a.filters)
