"""Turns a phrase such as `number of completed orders` into a metric over real columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from crew.artifacts import (
    Aggregation,
    Evidence,
    GlossaryTerm,
    Grounding,
    Measure,
    Metric,
    RelationCard,
)
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_numeric
from crew.drafting import own_states
from crew.drafting.figure_reader import FigureReader
from crew.drafting.figures import Quoted, is_mark
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.metric_reading import Reading, fraction_of, simple_metric, split_aggregation
from crew.drafting.schema_linker import (
    KEY_STEMS,
    ColumnLink,
    SchemaLinker,
    content_stems,
    entity_stems,
    shares_root,
    term_for,
)
from crew.drafting.scope import UnknownColumn, qualified, qualify_measure
from crew.drafting.spoken_names import column_stems, entity_names
from crew.drafting.vocabulary import (
    alike,
    is_foreign,
    name_stems,
    plural,
    snake,
    stem,
    stem_set,
    stems,
    vocabulary,
    words,
)
from crew.drafting.wish import Phrase

_WAY_BEHIND = re.compile(
    r"(?<=\w)\s+(?P<way>average|mean|median|maximum|minimum|highest|lowest|largest|smallest)\b",
    re.I,
)


class MetricReader:
    """Reads metric phrases over one evidence; `wanted` are the dimension phrases to be reachable."""

    def __init__(self, evidence: Evidence, linker: SchemaLinker, planner: JoinPlanner) -> None:
        self.evidence = evidence
        self.linker = linker
        self.planner = planner

    def read(self, phrase: Phrase, wanted: Sequence[str], timed: bool) -> Reading:
        """The reading of a phrase, marks of figures included."""
        shown = self.linker.figures.readable(phrase.text)
        if told := self._told_in_words(content_stems(shown)):
            reading = Reading(phrase, unexplained=content_stems(told.name), told=shown)
            reading.problem = f"the glossary defines it in words alone, as: {told.definition}"
            return reading
        if shown != phrase.text and term_for(content_stems(shown), self.evidence.glossary):
            agreed = self._plain(replace(phrase, text=shown), wanted, timed)
            if agreed.term:
                return agreed
        figures = FigureReader(self.linker, lambda p: self._plain(p, wanted, timed), bool(wanted))
        reading = figures.read(phrase) or self._plain(phrase, wanted, timed)
        if shown != phrase.text:
            readable = self.linker.figures.readable
            reading.told = shown
            reading.assumptions = [readable(a) for a in reading.assumptions]
            if reading.metric:
                reading.metric = reading.metric.model_copy(
                    update={"label": readable(reading.metric.label)}
                )
        return reading

    def _plain(self, phrase: Phrase, wanted: Sequence[str], timed: bool) -> Reading:
        aggregation, rest_text = split_aggregation(phrase.text)
        if aggregation is None and (way := _WAY_BEHIND.search(phrase.text)):
            # `amount average booked_amount`: in other languages the way stands behind.
            behind = f"{phrase.text[: way.start()]} {phrase.text[way.end() :]}"
            aggregation, rest_text = split_aggregation(f"{way['way']} {behind.strip()}")
        if "~" in rest_text:
            having = self._count_having(phrase, rest_text)
            if having is not None:
                return having
            phrase = replace(phrase, text=phrase.text.replace("~", " with "))
            aggregation, rest_text = split_aggregation(phrase.text)
        full, rest = content_stems(phrase.text), content_stems(rest_text)
        if not rest:
            return Reading(phrase)
        agreed = self._agreed(phrase, aggregation, full, rest)
        if agreed is not None:
            return agreed
        partial: Reading | None = None
        if aggregation in {None, "count", "count_distinct"}:
            counted = self._count(phrase, aggregation, rest_text, rest, wanted, timed)
            if counted.is_full:
                return counted
            partial = counted if counted.says_something else None
        number = self._number(phrase, aggregation, rest_text, rest, wanted, timed)
        if not (number.metric or number.columns) and (turned := _turned(rest_text)):
            number = self._number(phrase, aggregation, turned, content_stems(turned), wanted, timed)
        if not (number.metric or number.columns) and len(rest) > 1:
            # `amount paid`, `places booked`: what happened to it is said after it.
            done = " ".join([words(rest_text)[-1], *words(rest_text)[:-1]])
            number = self._number(phrase, aggregation, done, content_stems(done), wanted, timed)
        if number.metric or number.columns:
            return number
        if not (partial and partial.metric) and (happened := self._happenings(rest, rest_text)):
            return self._count(
                phrase, aggregation or "count", happened, content_stems(happened), wanted, timed
            )
        if aggregation in {None, "count"}:
            valued = self._count_value(phrase, rest)
            if valued is not None and (partial is None or not partial.metric):
                return valued
        return partial or Reading(phrase, unexplained=rest)

    def _happenings(self, rest: Sequence[str], text: str) -> str:
        """`member signups` as `signup members`: rows by what happens to each of them; empty where
        the words name no such thing."""
        if len(rest) < 2 or rest[-1] not in stem_set("happenings"):
            return ""
        said = words(text)
        owners = self.linker.entities(list(rest[:-1]))
        return f"{said[-1]} {' '.join(said[:-2])} {plural(said[-2])}" if owners else ""

    def _told_in_words(self, said: Sequence[str]) -> GlossaryTerm | None:
        """The agreed rate or share in a phrase that has a definition and nothing to compute it by:
        what the phrase would be otherwise is not what was agreed."""
        things = {s for c in self.evidence.relations for s in entity_stems(c)}
        for term in self.evidence.glossary:
            if term.formula or term.condition or not term.definition:
                continue
            for name in (term.name, *term.synonyms):
                wanted = content_stems(name)
                starts = range(len(said) - len(wanted) + 1)
                stands = any(list(said[n : n + len(wanted)]) == wanted for n in starts)
                if stands and set(wanted) & stem_set("parts") and not set(wanted) <= things:
                    return term
        return None

    # --- agreed terms ----------------------------------------------------------------------

    def _agreed(
        self, phrase: Phrase, aggregation: Aggregation | None, full: list[str], rest: list[str]
    ) -> Reading | None:
        found = term_for(full, self.evidence.glossary)
        if found is None:
            return None
        term, left = found
        if aggregation == "sum":  # `sum of revenue` is revenue
            left = [s for s in left if s in rest]
        names = [content_stems(n) for n in (term.name, *term.synonyms)]
        opens = rest if aggregation else full
        covers_head = any((n and opens[-len(n) :] == n) or full[-len(n) :] == n for n in names)
        said_aggregation = aggregation not in {None, "sum"} and term_for(rest, [term]) is not None
        if not covers_head or said_aggregation:
            return None
        try:
            measures = tuple(qualify_measure(m, self.evidence, self.planner) for m in term.measures)
        except (UnknownColumn, ValueError) as error:
            return Reading(
                phrase,
                term=term,
                problem=f"the definition of “{term.name}” does not fit the data: {error}",
            )
        reading = Reading(phrase, term=term)
        reading.metric = Metric(
            name=snake(term.name),
            label=term.name,
            definition=term.definition,
            formula=str(term.formula),
            unit=term.unit,
            measures=measures,
            grounding=Grounding(source="glossary", text=f"{term.name} ({term.origin})"),
        )
        bases = list(dict.fromkeys(m.relation for m in measures))
        near = {s for b in bases for s in self._entity_words(b)}
        defined = set(stems(term.definition))
        left = [s for s in left if not (alike(s) & near) and s not in defined]
        self._explain(reading, left, bases)
        return reading

    def _entity_words(self, key: str) -> set[str]:
        card = self.evidence.relation(key)
        return set(entity_stems(card)) if card else set()

    # --- counts ----------------------------------------------------------------------------

    def _count(
        self,
        phrase: Phrase,
        aggregation: Aggregation | None,
        text: str,
        rest: list[str],
        wanted: Sequence[str],
        timed: bool,
    ) -> Reading:
        links = self.linker.entities(rest)
        head = next(
            (n for n in range(len(rest) - 2, -1, -1) if self._names_relation(rest[n])), None
        )
        if not links and head is not None:
            # `shipments booked`: what happened to them is said after them.
            rest = [*rest[:head], *rest[head + 1 :], rest[head]]
            links = self.linker.entities(rest)
            text = next((w for w in words(text) if stem(w) == rest[-1]), text)
        last = words(text)[-1]
        plural_said = aggregation is not None or last == plural(last) or is_foreign(last)
        if not links or not plural_said:
            return Reading(phrase)
        size = links[0].size
        links = [k for k in links if k.size == size]
        readings = []
        for link in links:
            card = link.card
            if aggregation is None and self._names_number(link.rest, card):
                return Reading(phrase)  # `rent of the active contracts` counts none
            key = self.linker.key_column(card)
            reading = Reading(phrase, entity=card)
            said = {x for s in rest for x in alike(s)}
            if not any(set(name) <= said for name in entity_names(card)):
                reading.assumptions.append(f"“{text}” are the rows of `{card.key}`.")
            measure = Measure(
                name=_name(self.linker.figures.readable(text), aggregation),
                relation=card.key,
                aggregation="count",
                expression=qualified(card.key, key).sql(dialect=self.evidence.dialect)
                if key
                else "*",
            )
            measure = self.linker.cohort(card, measure) or measure
            reading.metric = simple_metric(measure, phrase, f"rows of {measure.relation}")
            self._explain(reading, list(link.rest), [measure.relation], timed)
            if aggregation == "count_distinct" and not link.rest:
                # Rows of their own relation are different by nature: somebody means elsewhere.
                reading.unexplained = ["distinct", "unique", "different"]
            readings.append(reading)
        return self._best(readings, wanted)

    def _names_number(self, said: Sequence[str], card: RelationCard) -> bool:
        """Whether one of some words is all that an amount of a relation is called."""
        amounts = (
            c for c in card.columns if is_numeric(c) and not KEY_STEMS & {*name_stems(c.name)}
        )
        names = [name_stems(c.name) for c in amounts]
        return any([s] in names for s in said)

    def _count_having(self, phrase: Phrase, text: str) -> Reading | None:
        """`customers~orders`: how many different customers the orders have."""
        who, what = (content_stems(part) for part in text.split("~", 1))
        owners = {e.card.key for e in self.linker.entities(who) if not e.rest}
        for link in self.linker.entities(what):
            edge = next(
                (e for e in self.planner.edges if e.left == link.card.key and e.right in owners),
                None,
            )
            if edge is None or link.card.layer == "source":
                continue
            shown = text.replace("~", " with ")
            measure = Measure(
                name=snake(shown),
                relation=link.card.key,
                aggregation="count_distinct",
                expression=qualified(link.card.key, edge.left_column).sql(
                    dialect=self.evidence.dialect
                ),
            )
            reading = Reading(replace(phrase, text=shown), entity=link.card)
            reading.metric = simple_metric(
                measure, reading.phrase, f"different {edge.left_column} in {link.card.key}"
            )
            self._explain(reading, list(link.rest), [link.card.key])
            return reading
        return None

    def _best(self, readings: list[Reading], wanted: Sequence[str]) -> Reading:
        """The reading that explains most and reaches the wanted dimensions; like ones compared."""

        def rank(reading: Reading) -> tuple[int, int, int, int, int]:
            assert reading.metric is not None
            bases = [m.relation for m in reading.metric.measures]
            missed = sum(not self.linker.dimensions(content_stems(w), bases) for w in wanted)
            missed += self._unsaid(bases)
            card = self.evidence.relation(bases[0])
            has_time = bool(card and self.linker.times(card))
            has_key = bool(card and self.linker.key_column(card))
            elsewhere = bool(self.linker.sources) and bases[0] not in self.linker.sources
            known = (len(reading.unexplained), missed)
            return (elsewhere, *known, 0 if has_key else 1, 0 if has_time else 1)

        ranked = sorted(readings, key=rank)
        agreed = ranked[0].entity and self.linker.agreed_rows(ranked[0].entity)
        ranked.sort(key=lambda r: (rank(r), r.entity != agreed))
        best = ranked[0]
        for other in ranked[1:]:
            if best.entity and other.entity and rank(other) == rank(best):
                a, b = best.entity, other.entity
                if b.layer == "source" and a.layer != "source":
                    continue
                if a == agreed and b.layer != "staging":
                    continue
                if (
                    a.row_count is not None
                    and b.row_count is not None
                    and a.row_count != b.row_count
                ):
                    best.assumptions.append(
                        f"Counted in `{a.key}` ({a.row_count:,} rows), not in `{b.key}` ({b.row_count:,} rows)."
                    )
        return best

    def _count_value(self, phrase: Phrase, rest: list[str]) -> Reading | None:
        """`refunds` where a column holds the value `refund`: rows with that value are counted."""
        links = [
            c
            for card in self.evidence.relations
            for c in self.linker.conditions(rest, [card.key])
            if c.relation == card.key and c.origin.startswith("value of")
        ]
        if not links or self._is_named(rest):
            return None
        order = {c.key: n for n, c in enumerate(self.evidence.relations)}
        staged = [
            k for k in links if (c := self.evidence.relation(k.relation)) and c.layer != "source"
        ] or links
        link = sorted(staged, key=lambda k: (-k.score, order[k.relation]))[0]
        card = self.evidence.relation(link.relation)
        assert card is not None
        key = self.linker.key_column(card)
        measure = Measure(
            name=snake(split_aggregation(phrase.text)[1]),
            relation=card.key,
            aggregation="count",
            expression=qualified(card.key, key).sql(dialect=self.evidence.dialect) if key else "*",
            filters=(link.condition,),
        )
        reading = Reading(phrase, entity=card)
        reading.metric = simple_metric(
            measure, phrase, f"rows of {card.key} where {link.condition}"
        )
        reading.assumptions.append(
            f"“{phrase.text}” are the rows of `{card.key}` with {link.condition}."
        )
        return reading

    # --- numbers ---------------------------------------------------------------------------

    def _number(
        self,
        phrase: Phrase,
        aggregation: Aggregation | None,
        text: str,
        rest: list[str],
        wanted: Sequence[str],
        timed: bool,
    ) -> Reading:
        if aggregation == "count" or aggregation == "count_distinct":
            return self._distinct(phrase, aggregation, text, rest)
        links, left = self._number_links(rest, text)
        if not links and aggregation in {"sum", "average", "median", "max", "min"}:
            links, left = self._only_amount(rest), []
        if not links:
            return Reading(phrase, unexplained=rest)
        reaching = [
            k
            for k in links
            if all(self.linker.dimensions(content_stems(w), [k.relation]) for w in wanted)
        ]
        usable = reaching or links
        usable = [k for k in usable if k.relation in self.linker.sources] or usable
        if left:  # `captured amount`: of the rows that can be captured
            usable = [k for k in usable if self.linker.conditions(left, [k.relation])] or usable
        if timed:
            usable = [k for k in usable if self._is_dated(k.relation)] or usable
        fewest = min(self._unsaid([k.relation]) for k in usable)
        usable = [k for k in usable if self._unsaid([k.relation]) == fewest]
        meanings = self.linker.distinct_meanings(self._agreed_rows(usable))
        called = [
            k for k in meanings if all(self._is_said(s, rest) for s in column_stems(k.column))
        ]
        meanings = called if len(called) == 1 else meanings
        left = left if not self._always_so(left, meanings[0].relation) else []
        left += self._told_values(meanings[0], [s for s in rest if s not in left])
        if left and not self.linker.conditions(left, [meanings[0].relation]):
            return Reading(phrase, unexplained=left, columns=[])
        if len({(m.relation, m.column.name) for m in meanings}) > 1 or (
            aggregation is None and set(rest) & _loaded() and not meanings[0].exact
        ):
            columns = meanings + self._other_amounts(meanings)
            return Reading(phrase, columns=columns, limits=self._limits(left, columns))
        rates = set(column_stems(meanings[0].column)) & stem_set("not_additive")
        if aggregation in {None, "sum"} and rates:
            return Reading(phrase, unexplained=rest)
        if rivals := self._rivals(meanings[0], rest):
            return Reading(phrase, columns=rivals)
        link = meanings[0]
        expression = qualified(link.relation, link.column.name).sql(dialect=self.evidence.dialect)
        in_cents = re.search(r"(?:^|_)cents?$", link.column.name, re.I)
        measure = Measure(
            name=_name(self.linker.figures.readable(text), aggregation),
            relation=link.relation,
            aggregation=aggregation or "sum",
            expression=f"{expression} / 100.0" if in_cents else expression,
            fraction=fraction_of(phrase.text),
        )
        reading = Reading(phrase)
        if in_cents:
            reading.assumptions.append(f"`{link.name}` is in cents; the result is in whole units.")
        reading.metric = simple_metric(measure, phrase, f"column {link.name}")
        if aggregation is None:
            reading.assumptions.append(f"“{phrase.text}” is `{link.name}`, summed.")
        elif not link.exact:
            reading.assumptions.append(f"“{text}” is read as `{link.name}`.")
        self._explain(reading, left, [link.relation])
        return reading

    def _limits(self, left: Sequence[str], columns: Sequence[ColumnLink]) -> dict[str, str]:
        """The condition that the words before an amount are on the rows of each column."""
        if not left:
            return {}
        found = {k.relation: self.linker.conditions(left, [k.relation]) for k in columns}
        return {
            relation: links[0].condition if len({k.column for k in links}) == 1 else ""
            for relation, links in found.items()
        }

    def _told_values(self, link: ColumnLink, said: Sequence[str]) -> list[str]:
        """Words that only a column's description has, and that say which rows count as well:
        `refunded amount` of an amount that is `positive also for refunds`."""
        own = {x for s in name_stems(link.column.name) for x in alike(s)}
        own |= {x for s in self._entity_words(link.relation) for x in alike(s)}
        return [
            s for s in said
            if not alike(s) & own
            and any(k.relation == link.relation for k in self.linker.conditions([s], [link.relation]))
        ]  # fmt: skip

    def _other_amounts(self, meanings: Sequence[ColumnLink]) -> list[ColumnLink]:
        """Amounts beside the one that a word such as `revenue` is but much like, for a choice."""
        if len(meanings) > 1 or not _summable_money(meanings[0]):
            return []
        known, found = {meanings[0].column.name}, []
        for card in (c for c in self.evidence.relations if c.layer != "source"):
            for link in self.linker.amounts([card.key]):
                if link.column.name not in known:
                    known.add(link.column.name)
                    found.append(link)
        return found[:4]

    def _only_amount(self, rest: Sequence[str]) -> list[ColumnLink]:
        """`sum of payments`: the one amount that they have."""
        found = [
            amounts[0]
            for owner in self.linker.entities(rest)
            if not owner.rest and owner.card.layer != "source"
            and len(amounts := self.linker.amounts([owner.card.key])) == 1
            and amounts[0].hops == 0 and set(column_stems(amounts[0].column)) & stem_set("money")
        ]  # fmt: skip
        return [replace(found[0], exact=False)] if found else []

    def _rivals(self, link: ColumnLink, rest: Sequence[str]) -> list[ColumnLink]:
        """The amounts of a relation where a phrase says no more than `value`, and none is called so."""
        said = [s for s in rest if s not in self._entity_words(link.relation)]
        if (
            not said
            or not set(said) <= stem_set("money")
            or set(column_stems(link.column)) <= set(rest)
        ):
            return []
        amounts = self.linker.amounts([link.relation])
        called = [a for a in amounts if set(said) & set(column_stems(a.column))]
        if [a.column.name for a in called] == [link.column.name]:
            return []  # `invoice total` where but one of them is called a total
        return amounts if len(amounts) > 1 else []

    def _is_said(self, part: str, rest: Sequence[str]) -> bool:
        return any(part in alike(s) for s in rest)

    def _unsaid(self, bases: Sequence[str]) -> int:
        """How many of the conditions that the ticket says the rows of some relations cannot meet."""
        return sum(not self.linker.conditions(said, bases) for said in self.linker.limits)

    def _is_dated(self, relation: str) -> bool:
        """Whether anything that the rows of a relation reach says when they happened."""
        cards = (self.evidence.relation(k) for k in self.planner.hops(relation))
        return any(card and self.linker.times(card) for card in cards)

    def _number_links(self, rest: list[str], text: str) -> tuple[list[ColumnLink], list[str]]:
        """Number columns for the phrase, or for its tail with the words before it left over."""
        is_named = any(s.startswith("col:") for s in self.linker.resolved(rest))
        if is_named and (links := self.linker.numbers(rest)):
            beside = [(k, self._beside_name(k, rest, text)) for k in links]
            rows = [k for k, left in beside if left and self.linker.conditions(left, [k.relation])]
            return rows or links, self._beside_name((rows or links)[0], rest, text)
        for start in range(len(rest)):
            if links := self.linker.numbers(rest[start:]):
                return links, rest[:start]
        return [], rest

    def _beside_name(self, link: ColumnLink, rest: Sequence[str], text: str) -> list[str]:
        """The words beside the very name of a column that say more than it: `fee_amount of lost`.
        Words before it are but another name for it (`transport time transit_hours`), unless they
        say which rows count."""
        known = {*column_stems(link.column), *stems(link.column.told)}
        known |= self._entity_words(link.relation) | stem_set("wrapping_nouns") | stem_set("money")
        name = f"col:{link.column.name.lower()}"
        mark = next((s for s in rest if name in self.linker.resolved([s])), "")
        after = content_stems(text.split(mark, 1)[-1]) if mark else rest
        return [
            s for s in rest
            if s != mark and not alike(s) & known
            and (s in after or self.linker.conditions([s], [link.relation]))
        ]  # fmt: skip

    def _distinct(
        self, phrase: Phrase, aggregation: Aggregation, text: str, rest: list[str]
    ) -> Reading:
        """`different products`: of the rows that the ticket speaks of, by the column that names them."""
        if aggregation != "count_distinct":
            return Reading(phrase, unexplained=rest)
        rest = [s for s in rest if s not in _DOING] or rest
        found: list[tuple[ColumnLink, list[str]]] = []
        head = _counted(text)
        for owner in self.linker.entities([s for s in rest if self._names_relation(s)] or rest):
            if head and not any(alike(s) & set(entity_stems(owner.card)) for s in head):
                continue  # `different customers with orders` are no orders
            for edge in self.planner.edges:
                card = self.evidence.relation(edge.left)
                column = card.column(edge.left_column) if card else None
                is_own = card and (
                    entity_of(card.key) == entity_of(owner.card.key)
                    or self.linker.key_column(card) == edge.left_column
                )
                if (
                    edge.right == owner.card.key
                    and card
                    and column
                    and not is_own
                    and (card.layer != "source")
                ):
                    left = [s for s in rest if not alike(s) & set(entity_stems(owner.card))]
                    found.append((ColumnLink(edge.left, column, 1.0, 0, True), left))
        if not found:
            found = [
                (link, [])
                for link in self.linker.lookups_anywhere(rest)
                if not is_numeric(link.column)
            ]
        said = {x for s in self.linker.said for x in alike(s)}
        counted = {x for s in rest for x in alike(s)}  # they are in all of these rows
        near = [f for f in found if set(self._entity_words(f[0].relation)) - counted & said] or [
            f for f in found if set(self._entity_words(f[0].relation)) & said
        ]
        near = [f for f in found if f[0].relation in self.linker.sources] or near or found
        best = self._agreed_rows(
            self.linker.distinct_meanings([f[0] for f in near]) if near else []
        )
        places = {entity_of(k.relation): k for k in reversed(best)}
        if len(places) != 1:
            return Reading(
                phrase, columns=list(places.values()), unexplained=[] if places else rest
            )
        link = next(iter(places.values()))
        left = next(unexplained for k, unexplained in near if k.relation == link.relation)
        roots = self._entity_words(link.relation)
        left = [s for s in left if s not in _DOING and not any(shares_root(s, r) for r in roots)]
        measure = Measure(
            name=_name(self.linker.figures.readable(text), aggregation),
            relation=link.relation,
            aggregation="count_distinct",
            expression=qualified(link.relation, link.column.name).sql(
                dialect=self.evidence.dialect
            ),
        )
        reading = Reading(phrase, entity=self.evidence.relation(link.relation))
        reading.metric = simple_metric(measure, phrase, f"different {link.name}")
        reading.assumptions.append(f"“{phrase.text}” are the different `{link.name}`.")
        self._explain(reading, left, [link.relation])
        return reading

    def _agreed_rows(self, links: list[ColumnLink]) -> list[ColumnLink]:
        """Without those of rows that the project has agreed to count elsewhere."""
        there = {k.relation for k in links}

        def is_elsewhere(link: ColumnLink) -> bool:
            card = self.evidence.relation(link.relation)
            agreed = self.linker.agreed_rows(card) if card else None
            return agreed is not None and agreed.key in there

        return [k for k in links if not is_elsewhere(k)] or links

    def _names_relation(self, word: str) -> bool:
        return any(alike(word) & set(entity_stems(c)) for c in self.evidence.relations)

    def _is_named(self, rest: Sequence[str]) -> bool:
        """Whether a relation or a number is called so too: then a value is but one reading."""
        for card in self.evidence.relations:
            numbers = [c.name for c in card.columns if is_numeric(c)]
            for name in (card.key, *numbers):
                if set(rest) <= set(name_stems(name)):
                    return True
        return False

    # --- modifiers -------------------------------------------------------------------------

    def _explain(
        self, reading: Reading, left: list[str], bases: list[str], timed: bool = False
    ) -> None:
        """Account for the words before the head: conditions, events, or nothing found."""
        metric = reading.metric
        if not left or metric is None:
            return
        if timed and not self.linker.is_dated and (moment := self._event(left, reading.entity)):
            told = {"time": moment}
            states = self._states_of(left, moment, bases)
            measures = tuple(
                m.model_copy(update={**told, "filters": (*m.filters, *states)})
                for m in metric.measures
            )
            reading.metric = metric.model_copy(update={"measures": measures})
            which = f" and have {states[0]}" if states else ""
            reading.assumptions.append(f"“{reading.phrase.text}” are dated by `{moment}`{which}.")
            return
        if timed and not self.linker.is_dated and len(left) > 1:
            for word in reversed(left):  # `gold contracts started`: when, and which ones
                moment = self._event([word], reading.entity)
                others = [w for w in left if w != word]
                if any(word in self._quoted_stems(w) for w in others):
                    continue  # `sold tickets (SOLD)`: the state is meant, not the moment
                if moment and self.linker.conditions(others, bases):
                    self._explain(reading, [word], bases, timed)
                    return self._explain(reading, others, bases)
        if self._stands(reading, left):
            return
        # Longest run of words first, so that `not shipped` is not read as two conditions.
        wider = [*left, *self._tail(reading)]
        ways = (left, wider) if any(map(is_mark, left)) else (wider, left)
        conditions = next((c for way in ways if (c := self.linker.conditions(way, bases))), [])
        if not conditions and reading.entity and self._is_always(left, reading.entity):
            return
        if not conditions:
            reading.unexplained = [w for w in left if not self._is_noise(w)] or []
            return
        best = self.linker.own_first(
            [c for c in conditions if c.score >= conditions[0].score - 0.05], bases
        )
        if timed and set(left) & stem_set("standing") and not best[0].origin.startswith("glossary"):
            # `active users per month`: who is active now says nothing of the months before.
            reading.unexplained = left
            return
        best += own_states.rivals(self.linker, best[0], left, bases)
        if len({(c.relation, c.column) for c in best}) > 1:
            reading.conditions = best
            return
        measures = tuple(
            m.model_copy(update={"filters": (*m.filters, best[0].condition)})
            if best[0].condition not in m.filters
            else m
            for m in metric.measures
        )
        reading.metric = metric.model_copy(update={"measures": measures})

    def _states_of(self, said: list[str], moment: str, bases: list[str]) -> list[str]:
        """The condition that words name beside the date that is only like them: contracts have an
        end whether or not they were `terminated`, where a status says so."""
        links = [k for k in self.linker.conditions(said, bases) if k.relation in bases]
        own = moment.rpartition(".")[2].strip('"`')
        sure = [k for k in links if k.column and k.column != own and k.score >= 1]
        return [sure[0].condition] if len({k.condition for k in sure}) == 1 else []

    def _quoted_stems(self, word: str) -> list[str]:
        """The words of the values that a mark stands for."""
        said = self.linker.figures.marks.get(word)
        return [s for v in said.values for s in stems(v)] if isinstance(said, Quoted) else []

    def _stands(self, reading: Reading, left: Sequence[str]) -> bool:
        """`running contracts at the end of each month`: begun by then, and not ended."""
        card, moment = reading.entity, self.linker.figures.moment
        lasting = self.linker.interval(card) if card and moment else None
        if card is None or lasting is None or reading.metric is None:
            return False
        if not set(left) <= stem_set("valid_words"):
            return False
        begin, end = (qualified(card.key, c).sql(dialect=self.evidence.dialect) for c in lasting)
        state = {"time": None, "active_from": begin, "active_to": end, "at": moment}
        measures = tuple(m.model_copy(update=state) for m in reading.metric.measures)
        reading.metric = reading.metric.model_copy(update={"measures": measures})
        when = moment.removeprefix("period_")
        reading.assumptions.append(
            f"“{reading.phrase.text}” at the {when} of a period: `{begin}` not later, and `{end}` empty or later."
        )
        return True

    def _is_always(self, left: Sequence[str], card: RelationCard) -> bool:
        """Whether words name an event that every row of a relation has: `registered customers`."""
        times = self.linker.times(card)
        if (
            stem("".join(left)) in _CREATION | stem_set("early_events")
            and times
            and times[0][0].nulls == 0
        ):
            return len(times) == 1 or times[0][1] > times[1][1] + 0.9
        for column, _ in self.linker.times(card):
            own = {x for s in column_stems(column) for x in alike(s)}
            if column.nulls == 0 and _same_end(left, own):
                return True
            if column.nulls == 0 and all(
                s in own or any(shares_root(s, o) for o in own) for s in left
            ):
                return True
        return False

    def _always_so(self, left: Sequence[str], relation: str) -> bool:
        """Whether words say no more than the moment that all rows of a relation have: `paid`."""
        card = self.evidence.relation(relation)
        return bool(left and card) and any(
            column.nulls == 0 and set(left) <= set(column_stems(column))
            for column, _ in (self.linker.times(card) if card else ())
        )

    def _tail(self, reading: Reading) -> list[str]:
        return entity_stems(reading.entity) if reading.entity else []

    def _is_noise(self, word: str) -> bool:
        return word in stem_set("wrapping_nouns") and word not in _loaded()

    def _event(self, left: list[str], card: RelationCard | None) -> str | None:
        """`cancelled` subscriptions per week happen at `cancelled_at`; `new` ones at creation."""
        if card is None or not left or len(left) > 2:
            return None
        times = self.linker.times(card)
        joined = stem("".join(left))
        for column, _ in times:
            own = set(column_stems(column))
            if set(left) <= own or alike(joined) & own or _same_end(left, own):
                return qualified(card.key, column.name).sql(dialect=self.evidence.dialect)
        creates = {joined, *left} & (_CREATION | stem_set("early_events"))
        if creates and times and (len(times) == 1 or times[0][1] > times[1][1] + 0.9):
            return qualified(card.key, times[0][0].name).sql(dialect=self.evidence.dialect)
        return None


def _same_end(left: Sequence[str], own: set[str]) -> bool:
    """Whether words and a column speak of the beginning, or both of the end."""
    return any(set(left) <= stem_set(n) and own & stem_set(n) for n in ("begins", "ends"))


_CREATION = frozenset(stem(w) for w in ("new", "signup", "created"))
_DOING = frozenset(stem(w) for w in ("used", "have", "had", "made", "did", "with", "seen", "there"))


def _counted(text: str) -> list[str]:
    """The words for what is counted where more is said of it: `customers` with orders."""
    before = re.split(r"\s+(?:with|who|that|which|having|without)\s+", text, maxsplit=1, flags=re.I)
    return content_stems(before[0]) if len(before) > 1 else []


def _turned(text: str) -> str:
    """`amounts of add-on items` as `add-on items amounts`, so that the number comes last."""
    matched = re.match(
        r"^(?P<what>[\w\s`-]+?)\s+(?:(?:of|for)\s+(?:the\s+|all\s+)?|the\s+)(?P<whose>[\w\s-]+)$",
        text,
    )
    return f"{matched['whose']} {matched['what']}" if matched else ""


def _summable_money(link: ColumnLink) -> bool:
    return bool(set(column_stems(link.column)) & stem_set("money"))


def _loaded() -> frozenset[str]:
    return stem_set("loaded")


def _name(text: str, aggregation: Aggregation | None) -> str:
    """A column name for a measure: `completed_orders`, `average_order_value`."""
    tokens = [w for w in words(text) if w not in vocabulary()["articles"]][:5]
    if aggregation in {"count", None} and tokens:
        tokens[-1] = plural(tokens[-1]) if aggregation == "count" else tokens[-1]
    prefix = {"sum": "total", "count_distinct": "distinct"}.get(
        aggregation or "", aggregation or ""
    )
    if prefix and prefix != "count" and tokens[:1] != [prefix]:
        tokens = [prefix, *tokens]
    return snake(" ".join(tokens))
