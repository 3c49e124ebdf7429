"""Links words of a request to relations, columns, values and agreed conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from crew.artifacts import ColumnCard, Evidence, GlossaryTerm, Measure, RelationCard
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_arrival, is_boolean, is_numeric, is_temporal, is_text
from crew.drafting.code_meanings import code_meanings
from crew.drafting.figures import Comparison, Figure, FigureWishes, Named, Order, Quoted, is_mark
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.period_sql import EVERYONES
from crew.drafting.periods import is_too_coarse
from crew.drafting.related_words import Having
from crew.drafting.scope import Scope, UnknownColumn, qualified
from crew.drafting.spoken_names import column_stems, described_name, entity_names, told_stems
from crew.drafting.spoken_names import entity_stems as entity_stems
from crew.drafting.vocabulary import (
    alike,
    literal_stems,
    name_stems,
    names_event,
    stem,
    stem_set,
    stems,
    vocabulary,
    words,
)

_LABELS = ("name", "title", "label", "description")
_NEUTRAL = {
    stem(w)
    for w in (
        "qm",
        "sqm",
        "m2",
        "eur",
        "usd",
        "gbp",
        "chf",
        "kg",
        "km",
        "ct",
        "cent",
        "pct",
        "name",
        "title",
        "label",
        "is",
        "has",
        "at",
        "date",
        "value",
        "code",
        "type",
        "dim",
        "flag",
    )
}
KEY_STEMS = {stem(w) for w in ("id", "key", "sk", "uuid", "code", "hash", "no")}
_CREATED = {stem(w) for w in ("signup", "registration", "creation", "opening", "start")}
_FLAG = {stem(w) for w in ("is", "has", "was", "flag", "did")}
EVENT_STEMS = {
    stem(w) for w in ("at", "on", "date", "time", "ts", "timestamp", "datetime", "utc", "dt")
}
_LAYER_ORDER = {"staging": 0, "mart": 1, "intermediate": 2, "source": 3}


@dataclass(frozen=True)
class EntityLink:
    """A relation whose rows a phrase names, and the stems it leaves unexplained."""

    card: RelationCard
    rest: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class ColumnLink:
    """A column a phrase may mean; `exact` if no synonym or description was needed."""

    relation: str
    column: ColumnCard
    score: float
    hops: int
    exact: bool

    @property
    def name(self) -> str:
        return f"{self.relation}.{self.column.name}"


@dataclass(frozen=True)
class ConditionLink:
    """A condition a phrase may mean, as qualified SQL; `negated` is its exact opposite."""

    condition: str
    negated: str
    relation: str
    origin: str
    score: float
    column: str = ""


def _is_value(name: str, value: str, column: ColumnCard) -> tuple[str, str]:
    """The condition that a column has a value, in whatever case it is written there, and its exact
    opposite."""
    plain = value.strip().casefold()
    same = [v for v in column.values if v.strip().casefold() == plain] or [value]
    literals = ["'" + v.replace("'", "''") + "'" for v in same]
    if len(literals) == 1:
        condition, negated = f"{name} = {literals[0]}", f"{name} <> {literals[0]}"
    else:
        listed = ", ".join(literals)
        condition, negated = f"{name} in ({listed})", f"{name} not in ({listed})"
    return condition, f"({negated} or {name} is null)" if column.nulls else negated


def _names_what(phrase: Sequence[str], column: ColumnCard) -> bool:
    """Whether a phrase says more of a column than that it counts something: `number of flats` is
    not the `number_of_rooms`."""
    own = set(column_stems(column))
    shared = {s for s in phrase if alike(s) & own}
    return not shared or shared != {"count"} or own == {"count"}


def content_stems(phrase: str) -> list[str]:
    """Stems that carry meaning, in order."""
    skip = {str(w) for w in vocabulary()["fillers"]} | {str(w) for w in vocabulary()["articles"]}
    said = words(phrase)
    plain = [w for w in said if not is_mark(w)]
    if plain and plain[-1] == "total" and len(said) > 1:
        skip -= {"total"}  # `invoice total` names an amount, `total of invoices` adds up
    kept = (w.removesuffix("'s") for w in said if w not in skip and w != "s")
    found = [s for w in kept for s in ([stem(w)] if is_mark(w) else stems(w))]
    return sorted(found, key=lambda s: not is_mark(s))  # a mark is never the head of a phrase


FIGURE_MARGIN = 0.15
_TOLD = 0.7
"""What a column scores that only its description names."""
_SECONDS = {stem(unit): seconds for unit, seconds in
            (("seconds", 1), ("minutes", 60), ("hours", 3_600), ("days", 86_400), ("weeks", 604_800))}  # fmt: skip
"""Units of time, by their stems, in seconds."""


class SchemaLinker:
    """Links over one evidence. `grain` is the period that is asked for, empty if none is; `figures`
    are what the marks in its phrases stand for, `said` the stems of all that the ticket wishes, `clauses`
    its sentences, `sources` are the relations that it says its figures come from,
    `is_dated` where it says itself which date puts a row into a period, `limits` what it says of
    the rows that count. `having` links what is said of related rows, `cohort` dates entities by an
    event of theirs."""

    def __init__(self, evidence: Evidence, planner: JoinPlanner) -> None:
        self.evidence = evidence
        self.planner = planner
        self.grain = ""
        self.calendar = EVERYONES
        self.figures = FigureWishes()
        self.said: frozenset[str] = frozenset()
        self.is_dated = False
        self.sources: Sequence[str] = ()
        self.clauses: Sequence[str] = ()
        self.having: Callable[[Having, Sequence[str], Sequence[str]], list[ConditionLink]] = (
            lambda figure, rest, bases: []
        )
        self.cohort: Callable[[RelationCard, Measure], Measure | None] = lambda card, measure: None
        self.limits: list[list[str]] = []

    # --- relations -------------------------------------------------------------------------

    def entities(self, phrase: Sequence[str]) -> list[EntityLink]:
        """Relations whose entity is the head of the phrase, the most specific and cleanest first."""
        found = []
        if phrase and phrase[-1] in stem_set("people"):
            persons = {
                s
                for c in self.evidence.relations
                for s in entity_stems(c)
                if s in stem_set("persons")
            }
            phrase = [*phrase[:-1], *persons] if len(persons) == 1 else phrase
        for card in self.evidence.relations:
            for entity in entity_names(card):
                if not phrase or not (alike(phrase[-1]) & set(entity)):
                    continue
                rest = [s for s in phrase if not (alike(s) & set(entity))]
                covered = [e for e in entity if any(e in alike(s) for s in phrase)]
                if len(covered) == len(entity):
                    found.append(EntityLink(card, tuple(rest), len(entity)))
                    break
        found = found or self._by_head(phrase)
        order = {c.key: n for n, c in enumerate(self.evidence.relations)}
        return sorted(found, key=lambda e: (-e.size, _LAYER_ORDER[e.card.layer], order[e.card.key]))

    def _by_head(self, phrase: Sequence[str]) -> list[EntityLink]:
        """`results` of lab results: the only ones that are called so."""
        said = alike(phrase[-1]) if phrase else set()
        found = [
            (name, card)
            for card in self.evidence.relations
            for name in entity_names(card)
            if len(name) > 1 and name[-1] in said
        ]
        if len({tuple(name) for name, _ in found}) != 1:
            return []
        known = {x for s in found[0][0] for x in alike(s)}
        rest = tuple(s for s in phrase if s not in known)
        return [EntityLink(card, rest, 1) for _, card in found]

    def agreed_rows(self, card: RelationCard) -> RelationCard | None:
        """The one mart of the same things that is made of these rows and leaves some of them out:
        what the project has agreed to count."""
        key = self.key_column(card)
        found = [
            c
            for c in self.evidence.relations
            if c.layer == "mart" and card.layer != "mart" and key
            and entity_of(c.key) == entity_of(card.key) and self.key_column(c) == key
            and c.row_count is not None and card.row_count is not None
            and 0 < c.row_count < card.row_count and card.key in self._lineage(c.key)
        ]  # fmt: skip
        return found[0] if len(found) == 1 else None

    def key_column(self, card: RelationCard) -> str | None:
        """The primary key: unique and not null in the data, named like one."""
        unique = [c for c in card.columns if c.is_unique]
        tested = [c for c in unique if "unique" in c.tests]
        named = [c for c in unique if set(column_stems(c)) & KEY_STEMS]
        for group in (tested, named, unique):
            if group:
                return group[0].name
        return None

    # --- columns ---------------------------------------------------------------------------

    def dimensions(self, phrase: Sequence[str], bases: Sequence[str]) -> list[ColumnLink]:
        """Columns to split by that every base reaches, best first; all words must be explained, but
        for the `type` of a `type of insurance`."""
        found = self._columns(phrase, bases, _splittable, labels=True)
        bare = [s for s in phrase if s not in stem_set("classifiers")]
        if not found and 0 < len(bare) < len(phrase):
            # A type is a column of few values, never the name or the key of the thing itself.
            things = KEY_STEMS | stem_set("labels")
            links = self._columns(bare, bases, _splittable, labels=False)
            found = [
                replace(k, exact=False)
                for k in links
                if k.column.values and not set(column_stems(k.column)) & things
            ]
        return found

    def lookups(self, phrase: Sequence[str], base: str) -> list[ColumnLink]:
        """Columns of any type that `base` has or reaches, best first."""
        return self._columns(phrase, [base], lambda column: True, labels=True)

    def lookups_anywhere(self, phrase: Sequence[str]) -> list[ColumnLink]:
        """Columns of any type in all models of the evidence, best first."""
        found = self._columns(phrase, None, lambda column: True, labels=True)
        layers = {c.key: c.layer for c in self.evidence.relations}
        return [k for k in found if layers[k.relation] != "source"] or found

    def numbers(self, phrase: Sequence[str]) -> list[ColumnLink]:
        """Numeric columns that may be added up to the grain, in all the evidence, best first."""
        links = self._columns(phrase, None, _summable, labels=False)
        cards, calendar = self.evidence.relations, self.calendar
        coarse = {c.key for c in cards if is_too_coarse(c, self.grain, calendar)}
        links = [
            k for k in links
            if k.column.is_additive and k.relation not in coarse and _names_what(phrase, k.column)
        ]  # fmt: skip
        raw = [k for k in links if not k.column.is_figure]
        best = max((k.score for k in raw), default=0.0)
        # A figure that another request made of a column is no other meaning of its words.
        return [k for k in links if not k.column.is_figure or k.score > best + FIGURE_MARGIN]

    def measurable(self, phrase: Sequence[str], bases: Sequence[str]) -> list[ColumnLink]:
        """Numeric columns that the bases have or reach, best first."""
        return self._columns(phrase, bases, _summable, labels=False)

    def amounts(self, bases: Sequence[str]) -> list[ColumnLink]:
        """The bases' own columns of money, where nothing says which number is meant."""
        return [
            ColumnLink(b, c, 0.6, 0, False)
            for b in bases
            if (card := self.evidence.relation(b))
            for c in card.columns
            if _summable(c) and set(column_stems(c)) & stem_set("money")
        ]

    def _columns(
        self,
        phrase: Sequence[str],
        bases: Sequence[str] | None,
        fits: Callable[[ColumnCard], bool],
        labels: bool,
    ) -> list[ColumnLink]:
        found = []
        phrase = self.resolved(phrase)
        for key, hops in self.reach(bases).items():
            card = self.evidence.relation(key)
            near = self._passed_entities(bases, key)
            for column in card.columns if card else ():
                if (
                    card
                    and fits(column)
                    and (link := _score(phrase, card, column, hops, labels, near))
                ):
                    found.append(link)
        order = {c.key: _LAYER_ORDER[c.layer] for c in self.evidence.relations}
        other = self._other_layers(bases)
        keyless = {c.key for c in self.evidence.relations if not self.key_column(c)}
        return sorted(
            found,
            key=lambda k: (
                -round(k.score, 2),
                k.relation in other,
                k.hops,
                k.relation in keyless,
                order[k.relation],
                k.name,
            ),
        )

    def resolved(self, phrase: Sequence[str]) -> list[str]:
        """The phrase with `col:name` for the name of a column that stands in it as such; a name
        that no column has is read as words."""
        found: list[str] = []
        for word in phrase:
            figure = self.figures.marks.get(word)
            if not isinstance(figure, Named):
                found.append(word)
            elif any(c.column(figure.name) for c in self.evidence.relations):
                found.append(f"col:{figure.name.lower()}")
            else:
                found += content_stems(figure.name)
        return found

    def _passed_entities(self, bases: Sequence[str] | None, key: str) -> set[str]:
        """Words for what lies on the way: `region of the customer` passes the customers."""
        keys = {k for b in bases or () for k in self.planner.passed(b, key)}
        found = {s for c in self.evidence.relations if c.key in keys for s in entity_stems(c)}
        leading = [
            e for e in self.planner.edges if e.right == key and e.left in {*keys, *(bases or ())}
        ]
        return found | {s for e in leading for s in name_stems(e.left_column)}

    def _other_layers(self, bases: Sequence[str] | None) -> set[str]:
        """Relations of another layer than the bases: of equal columns, the own layer's is taken."""
        layers = {c.layer for c in self.evidence.relations if c.key in (bases or ())}
        return {c.key for c in self.evidence.relations if layers and c.layer not in layers}

    def reach(self, bases: Sequence[str] | None) -> dict[str, int]:
        """Relations that all bases are or lead to, with the distance of the farthest."""
        if bases is None:
            return {c.key: 0 for c in self.evidence.relations}
        reaches = [self.planner.hops(b) for b in bases]
        common = set(reaches[0]).intersection(*reaches[1:]) if reaches else set()
        return {k: max(r[k] for r in reaches) for k in common}

    def distinct_meanings(
        self, links: Sequence[ColumnLink], margin: float = 0.1
    ) -> list[ColumnLink]:
        """The best link of each meaning that scores about as well as the best: one if it is clear.

        Copies of a column along the lineage (same name and values) are one meaning.
        """
        best: list[ColumnLink] = []
        for link in links:
            if link.score < links[0].score - margin or link.exact != links[0].exact:
                continue
            if not any(self._same(link, other) for other in best):
                best.append(link)
        nearest = [b for b in best if b.hops == min(x.hops for x in best)]
        named = {b.column.name for b in best}
        return nearest[:1] if len(named) == 1 and len(nearest) == 1 else best

    def _same(self, a: ColumnLink, b: ColumnLink) -> bool:
        one, two = set(a.column.values), set(b.column.values)
        if one and two:
            alike = one == two or (a.column.name == b.column.name and (one <= two or two <= one))
            return alike and self.is_copy(a, b)
        same = (a.column.distinct, a.column.minimum, a.column.maximum) == (
            b.column.distinct,
            b.column.minimum,
            b.column.maximum,
        )
        return a.column.name == b.column.name and (
            same
            or entity_of(a.relation) == entity_of(b.relation)
            or self.is_handed_down(a.relation, b.relation)
        )

    def is_handed_down(self, a: str, b: str) -> bool:
        """Whether one of two relations is made of the other, row by row."""
        keys = {(c := self.evidence.relation(k)) and self.key_column(c) for k in (a, b)}
        return (
            len(keys) == 1 and None not in keys and (a in self._lineage(b) or b in self._lineage(a))
        )

    def is_copy(self, a: ColumnLink, b: ColumnLink) -> bool:
        """Whether two columns hold the same thing: of one entity, or handed down the lineage. The
        country of a client and the country of a depot are none, whatever values they share."""
        if entity_of(a.relation) == entity_of(b.relation):
            return True
        shared = self._lineage(a.relation) & self._lineage(b.relation)
        names = {a.column.name.lower(), b.column.name.lower()}
        if len(names) > 1 and self._begins_apart(a, b) and self._begins_apart(b, a):
            return False
        cards = (self.evidence.relation(k) for k in shared)
        return any(c and any(x.name.lower() in names for x in c.columns) for c in cards)

    def _begins_apart(self, a: ColumnLink, b: ColumnLink) -> bool:
        """Whether a column has its name from above its relation, and not from where the other is:
        `station_city` of trips comes from stations, though trips and members share bookings."""
        own, other = a.column.name, b.column.name
        cards = (self.evidence.relation(k) for k in self._lineage(a.relation) - {a.relation})
        return any(c and c.column(own) and not c.column(other) for c in cards)

    def _lineage(self, key: str) -> set[str]:
        """A relation and all above it, as far as the evidence goes."""
        by_id = {c.unique_id: c for c in self.evidence.relations}
        found, waiting = set(), [self.evidence.relation(key)]
        while waiting:
            card = waiting.pop()
            if card and card.key not in found:
                found.add(card.key)
                waiting += [by_id.get(p) for p in card.parents]
        return found

    # --- conditions ------------------------------------------------------------------------

    def conditions(self, phrase: Sequence[str], bases: Sequence[str]) -> list[ConditionLink]:
        """Conditions that explain all words of the phrase, on rows the bases reach; best first."""
        phrase = self.resolved(phrase)
        marks = [w for w in phrase if w in self.figures.marks]
        if marks:
            rest = [w for w in phrase if w not in marks]
            if len(marks) > 1:
                return []
            figure = self.figures.marks[marks[0]]
            return self._marked(figure, rest, bases) or self._both(figure, rest, bases)
        if "or" in phrase[1:-1]:
            return self._either(phrase, bases)
        found = [*self._agreed(phrase, bases), *self._filled(phrase, bases)]
        for key, hops in self.reach(bases).items():
            card = self.evidence.relation(key)
            if card is None:
                continue
            entity = set(entity_stems(card))
            for column in card.columns:
                found += self._column_conditions(list(phrase), card, column, entity, hops)
        found = self._without_code_tables(found)
        other = self._other_layers(bases)
        return sorted(
            found,
            key=lambda c: (-round(c.score, 1), c.relation in other, -c.score, c.relation, c.column),
        )

    def _either(self, phrase: Sequence[str], bases: Sequence[str]) -> list[ConditionLink]:
        """`completed or expired bookings`: one value of a column or another."""
        at = list(phrase).index("or")
        sides = [self.conditions(part, bases) for part in (phrase[:at], phrase[at + 1 :])]
        return [
            replace(
                a, condition=f"({a.condition} or {b.condition})",
                negated=f"({a.negated} and {b.negated})", score=min(a.score, b.score),
            )
            for a in sides[0][:3] for b in sides[1][:3]
            if (a.relation, a.column) == (b.relation, b.column) and a.condition != b.condition
        ]  # fmt: skip

    def own_first(self, links: list[ConditionLink], bases: Sequence[str]) -> list[ConditionLink]:
        """Without conditions on a copy of a column that the counted rows have themselves."""
        own = [k for k in links if k.relation in bases]
        columns = {k.column for k in own}
        return own + [
            k for k in links
            if k.relation not in bases
            and not (
                k.column in columns and any(self.is_handed_down(k.relation, b) for b in bases)
            )
        ]  # fmt: skip

    def _filled(self, phrase: Sequence[str], bases: Sequence[str]) -> list[ConditionLink]:
        """`with unit_id`: a column of the rows by its very name, which not all of them have."""
        own = {s for b in bases if (c := self.evidence.relation(b)) for s in entity_stems(c)}
        named = [s.removeprefix("col:") for s in phrase if s not in own]
        if len(named) != 1 or f"col:{named[0]}" not in phrase:
            return []
        found = []
        for base in bases:
            card = self.evidence.relation(base)
            column = (
                next((c for c in card.columns if c.name.lower() == named[0]), None)
                if card
                else None
            )
            if column and column.nulls and not is_boolean(column):
                name = qualified(base, column.name).sql(dialect=self.evidence.dialect)
                found.append(
                    ConditionLink(f"{name} is not null", f"{name} is null", base,
                                  f"column {column.name}", 1.2, column.name)
                )  # fmt: skip
        return found

    def _marked(
        self, figure: Figure, rest: Sequence[str], bases: Sequence[str]
    ) -> list[ConditionLink]:
        """Conditions of a comparison or a quoted value, on the columns that the other words name."""
        skip = stem_set("stops") | stem_set("currencies") | stem_set("joints")
        own = {s for b in bases if (c := self.evidence.relation(b)) for s in entity_stems(c)}
        said = [s for s in rest if s not in skip]
        named = [s for s in said if not (alike(s) & own)]
        if isinstance(figure, Comparison):
            return self._compared(figure, named or said, bool(named), bases)
        if isinstance(figure, Quoted):
            return self._quoted(figure, named or said, bool(named), bases)
        if isinstance(figure, Order):
            return [] if named else self._ordered(figure, bases)
        if isinstance(figure, Having):
            return self.having(figure, rest, bases)
        return []

    def _ordered(self, figure: Order, bases: Sequence[str]) -> list[ConditionLink]:
        """`delivered before the promised time`: two moments of the same row."""
        found = []
        for key, hops in self.reach(bases).items():
            card = self.evidence.relation(key)
            if card is None or hops > 1:
                continue
            first, second = (self.moments(card, words) for words in (figure.first, figure.second))
            if len(first) != 1 or len(second) != 1 or first[0].name == second[0].name:
                continue
            a, b = (
                qualified(key, c.name).sql(dialect=self.evidence.dialect)
                for c in (first[0], second[0])
            )
            if second[0].data_type == "date" and first[0].data_type != "date":
                a = f"cast({a} as date)"
            if figure.within:
                b = f"{b} + interval '{figure.within}'"
            sql = f"{a} {figure.operator} {b}"
            found.append(
                ConditionLink(sql, f"not coalesce({sql}, false)", key, "order of dates", 1.5 - 0.05 * hops,
                              first[0].name)
            )  # fmt: skip
        return sorted(found, key=lambda c: -c.score)

    def moments(self, card: RelationCard, text: str) -> list[ColumnCard]:
        """Columns of a relation that date an event, in words of the ticket."""
        said = [s for s in self.resolved(content_stems(text)) if s not in stem_set("stops")]
        entity = set(entity_stems(card))
        temporal = [c for c in card.columns if is_temporal(c)]
        if named := [w.removeprefix("col:") for w in said if w.startswith("col:")]:
            return [c for c in temporal if c.name.lower() == named[0]]
        if called := [c for c in temporal if c.name.lower() in words(text)]:
            return called
        exact = []
        for column in temporal:
            own = set(column_stems(column))
            told = _with_joined(stems(column.told))
            if (
                said
                and all(
                    names_event(s, own) or s in entity or s in told or s in EVENT_STEMS
                    for s in said
                )
                and (
                    any(names_event(s, own - EVENT_STEMS) or s in told - EVENT_STEMS for s in said)
                )
            ):
                exact.append(column)
        if exact:
            fewest = min(len(column_stems(c)) for c in exact)
            direct = [c for c in exact if any(names_event(s, set(column_stems(c))) for s in said)]
            return [c for c in direct or exact if len(column_stems(c)) == fewest] or exact
        begins = [c for c in temporal if set(column_stems(c)) & stem_set("begins") - EVENT_STEMS]
        if begins and set(said) & stem_set("begins"):
            return begins
        if set(said) <= entity | EVENT_STEMS | _CREATED:
            times = self.times(card)
            return [times[0][0]] if times and (len(times) == 1 or times[0][1] > times[1][1]) else []
        return []

    def _both(
        self, figure: Figure, rest: Sequence[str], bases: Sequence[str]
    ) -> list[ConditionLink]:
        """`paid invoices over 50 EUR`: what the words say, and what the number says."""
        found = []
        for said in self.conditions(rest, bases)[:1] if rest else ():
            for other in self._marked(figure, (), bases):
                both = f"{said.condition} and {other.condition}"
                found.append(
                    ConditionLink(both, f"not coalesce({both}, false)", said.relation, "two conditions",
                                  min(said.score, other.score), f"{said.column} and {other.column}")
                )  # fmt: skip
        return found

    def _compared(
        self, figure: Comparison, said: Sequence[str], is_named: bool, bases: Sequence[str]
    ) -> list[ConditionLink]:
        if (unit := stem(figure.unit)) in stem_set("units"):
            return self._compared_in(figure, unit, said if is_named else [], bases)
        links = self.measurable(said, bases) if said else []
        if not links and not is_named:
            links = self.amounts(bases)
        found = []
        for link in self.distinct_meanings(links) if links else []:
            sql = self._comparison(figure, link)
            found.append(
                ConditionLink(
                    sql, f"not coalesce({sql}, false)", link.relation, f"number {link.column.name}",
                    link.score, link.column.name,
                )
            )  # fmt: skip
        return found

    def _compared_in(
        self, figure: Comparison, unit: str, said: Sequence[str], bases: Sequence[str]
    ) -> list[ConditionLink]:
        """`over 90 minutes`: the number whose column is in that very unit, by name or description."""
        links = self.measurable([*said, unit], bases)
        if not links and set(said) <= stem_set("measuring"):
            links = self.measurable([unit], bases)
        told = self.measurable(said, bases) if said else []
        links = links or [k for k in told if unit in stems(k.column.told)]
        if not links and (other := self._in_other_unit(figure, unit, said, bases)):
            figure, links = other
        return [
            ConditionLink(
                sql := self._comparison(figure, link), f"not coalesce({sql}, false)", link.relation,
                f"number {link.column.name}", link.score, link.column.name,
            )
            for link in (self.distinct_meanings(links) if links else ())
        ]  # fmt: skip

    def _in_other_unit(
        self, figure: Comparison, unit: str, said: Sequence[str], bases: Sequence[str]
    ) -> tuple[Comparison, list[ColumnLink]] | None:
        """`longer than 4 hours` of a number in minutes: the comparison in the unit of the column."""
        if not set(said) <= stem_set("measuring") or unit not in _SECONDS:
            return None
        for other, seconds in _SECONDS.items():
            if other != unit and (links := self.measurable([other], bases)):
                times = _SECONDS[unit] / seconds
                low, high = (None if n is None else n * times for n in (figure.low, figure.high))
                return replace(figure, low=low, high=high, unit=other), links
        return None

    def _comparison(self, figure: Comparison, link: ColumnLink) -> str:
        name = qualified(link.relation, link.column.name).sql(dialect=self.evidence.dialect)
        factor = 1.0
        if figure.unit in {"%", "percent"} and float(link.column.maximum or 0) <= 1:
            factor = 0.01
        elif figure.unit and re.search(r"(?:^|_)cents?$", link.column.name, re.I):
            factor = 100.0
        low, high = (None if n is None else f"{n * factor:.10g}" for n in (figure.low, figure.high))
        if low is not None and low == high:
            return f"{name} = {low}"
        parts = [f"{name} {'>=' if figure.includes_low else '>'} {low}"] if low is not None else []
        if high is not None:
            parts.append(f"{name} {'<=' if figure.includes_high else '<'} {high}")
        return " and ".join(parts)

    def _quoted(
        self, figure: Quoted, said: Sequence[str], is_named: bool, bases: Sequence[str]
    ) -> list[ConditionLink]:
        links = self._columns(said, bases, is_text, labels=True) if said else []
        wanted = {v.lower() for v in figure.values}
        if not any(wanted <= {v.lower() for v in k.column.values} for k in links):
            holding = [
                ColumnLink(key, c, 0.6 - 0.05 * hops, hops, False)
                for key, hops in self.reach(bases).items()
                if (card := self.evidence.relation(key))
                for c in card.columns
                if is_text(c) and wanted <= {v.lower() for v in c.values}
            ]
            near = [k for k in holding if k.hops == min(x.hops for x in holding)]
            links = near or [k for k in links if k.exact and not k.column.values]
        found = []
        for link in self.distinct_meanings(links) if links else []:
            name = qualified(link.relation, link.column.name).sql(dialect=self.evidence.dialect)
            known = {v.lower(): v for v in link.column.values}
            values = [known.get(v.lower(), v).replace("'", "''") for v in figure.values]
            listed = ", ".join(f"'{v}'" for v in values)
            one = len(values) == 1
            positive = f"{name} = {listed}" if one else f"{name} in ({listed})"
            negative = f"({name} <> {listed}" if one else f"({name} not in ({listed})"
            negative += f" or {name} is null)"
            pair = (negative, positive) if figure.negated else (positive, negative)
            found.append(
                ConditionLink(*pair, link.relation, f"value of {link.column.name}", link.score,
                              link.column.name)
            )  # fmt: skip
        return found

    def _agreed(self, phrase: Sequence[str], bases: Sequence[str]) -> Iterable[ConditionLink]:
        reach = self.reach(bases)
        for term in self.evidence.glossary:
            if not term.condition or not term.relation or term.relation not in reach:
                continue
            if any(list(phrase) == content_stems(n) for n in (term.name, *term.synonyms)):
                try:
                    sql = Scope(term.relation, self.evidence, self.planner).resolve_text(
                        term.condition
                    )
                except (UnknownColumn, ValueError):
                    continue
                yield ConditionLink(
                    sql, f"not ({sql})", term.relation, f"glossary: {term.name}", 2.0
                )

    def _column_conditions(
        self, phrase: list[str], card: RelationCard, column: ColumnCard, entity: set[str], hops: int
    ) -> Iterable[ConditionLink]:
        name = qualified(card.key, column.name).sql(dialect=self.evidence.dialect)
        own = set(column_stems(column))
        near = -0.05 * hops
        if is_boolean(column):
            core = own - _FLAG
            things = entity | {w for e in entity for w in alike(e)} | self._holders()
            if core & set(phrase) and set(phrase) <= core | things:
                score = 1.0 + 0.5 * len(core & set(phrase)) / len(core) + near
                named = core | entity | {w for e in entity for w in alike(e)}
                score -= 0.0 if set(phrase) <= named else 0.2
                positive = name if not column.nulls else f"coalesce({name}, false)"
                yield ConditionLink(
                    positive,
                    f"not {positive}",
                    card.key,
                    f"column {column.name}",
                    score,
                    column.name,
                )
        if is_text(column):
            meanings = code_meanings(column)
            for value in column.values:
                wanted = next(
                    (m for m in meanings.get(value, ()) if set(m) <= set(phrase)), stems(value)
                )
                plain = re.sub(r"[\W_]", "", value.lower())
                if len(plain) > 3 and plain in _squeezed(phrase, entity | own):
                    wanted = list(phrase)  # `add-on` is `addon`
                rest = [s for s in phrase if s not in wanted]
                if (
                    wanted
                    and set(wanted) <= set(phrase)
                    and set(rest) <= entity | own | {w for e in entity for w in alike(e)}
                ):
                    condition, negated = _is_value(name, value, column)
                    score = 1.4 + near - (0.1 if rest and not (set(rest) & entity) else 0.0)
                    yield ConditionLink(
                        condition,
                        negated,
                        card.key,
                        f"value of {column.name}",
                        score,
                        column.name,
                    )
        reference = own & KEY_STEMS and not is_temporal(column) and bool(column.nulls)
        if reference and column.nulls != card.row_count:
            core = own - KEY_STEMS
            rest = [s for s in phrase if not (alike(s) & (core | KEY_STEMS))]
            if core and any(alike(s) & core for s in phrase) and set(rest) <= entity:
                yield ConditionLink(
                    f"{name} is not null",
                    f"{name} is null",
                    card.key,
                    f"column {column.name}",
                    1.05 + near,
                    column.name,
                )
        if is_temporal(column) and not is_arrival(column.name):
            core = own - EVENT_STEMS
            rest = [s for s in phrase if s not in core | EVENT_STEMS]
            if core and core <= set(phrase) and column.nulls and set(rest) <= entity:
                yield ConditionLink(
                    f"{name} is not null",
                    f"{name} is null",
                    card.key,
                    f"column {column.name}",
                    1.1 + near,
                    column.name,
                )

    def _holders(self) -> set[str]:
        """Words such as `test accounts` has for whatever is marked as a test, where nothing in the
        data is called so."""
        called = {s for c in self.evidence.relations for s in entity_stems(c)}
        return set(stem_set("holders") - called)

    def value_conditions(
        self, card: RelationCard, column: ColumnCard
    ) -> list[tuple[ConditionLink, list[str]]]:
        """The conditions that a flag or each known value of a column gives, with the stems of what
        the value means."""
        name = qualified(card.key, column.name).sql(dialect=self.evidence.dialect)
        if is_boolean(column):
            positive = name if not column.nulls else f"coalesce({name}, false)"
            link = ConditionLink(
                positive, f"not {positive}", card.key, f"column {column.name}", 0.0, column.name
            )
            return [(link, column_stems(column))]
        found = []
        meanings = code_meanings(column)
        for value in column.values:
            literal = value.replace("'", "''")
            negated = f"{name} <> '{literal}'"
            negated = f"({negated} or {name} is null)" if column.nulls else negated
            link = ConditionLink(
                f"{name} = '{literal}'", negated, card.key, f"value of {column.name}", 0.0,
                column.name,
            )  # fmt: skip
            told = [s for words_ in meanings.get(value, ()) for s in words_]
            found.append((link, [*stems(value), *told]))
        return found

    def _without_code_tables(self, found: list[ConditionLink]) -> list[ConditionLink]:
        """Without conditions on what a column of another one points at: the same said twice."""
        own = {(c.relation, c.column) for c in found}
        pointed = {e.right for e in self.planner.edges if (e.left, e.left_column) in own}
        kept = [c for c in found if c.relation not in pointed or c.origin.startswith("glossary")]
        return kept or found

    def rows_with(self, phrase: Sequence[str]) -> list[ConditionLink]:
        """Conditions on a relation's own columns that a word such as `refund` names; staged before
        sources, one of each entity and column."""
        found: dict[tuple[str, str], ConditionLink] = {}
        for card in sorted(self.evidence.relations, key=lambda c: _LAYER_ORDER[c.layer]):
            for said in (list(phrase), [*phrase, *entity_stems(card)]):
                for link in self.conditions(said, [card.key]):
                    if link.relation == card.key:
                        found.setdefault((entity_of(card.key), link.column), link)
        return list(found.values())

    # --- time ------------------------------------------------------------------------------

    def times(self, card: RelationCard) -> list[tuple[ColumnCard, float]]:
        """Columns that say when a row happened, with how likely each is meant; best first."""
        entity = set(entity_stems(card))
        scored = []
        for column in card.columns:
            if not is_temporal(column) or is_arrival(column.name):
                continue
            own, told = set(column_stems(column)), set(stems(column.told))
            score = 0.0
            if own & entity or any(shares_root(s, e) for s in own - EVENT_STEMS for e in entity):
                score += 2.0
            if own & stem_set("creation_words") - EVENT_STEMS:
                score += 1.2
            elif told & stem_set("creation_words") - EVENT_STEMS and told & entity:
                score += 1.2  # `when the patient was registered`
            if own <= EVENT_STEMS:
                score += 1.5
            if own & (stem_set("begins") | stem_set("early_events")):
                score += 0.5
            if own & (stem_set("ends") | stem_set("late_events")):
                score -= 0.5
            if column.nulls == 0:
                score += 0.3
            if (own | told) & {stem("birth"), stem("birthday")} or own & {
                stem(w)
                for w in (
                    "valid",
                    "due",
                    "expected",
                    "planned",
                    "estimated",
                    "deleted",
                )
            }:
                score -= 2.0
            scored.append((column, score))
        return sorted(scored, key=lambda t: (-t[1], t[0].name))

    def interval(self, card: RelationCard) -> tuple[str, str] | None:
        """Columns where a state begins and where it ends, if the rows have a duration."""
        temporal = [c for c in card.columns if is_temporal(c) and not is_arrival(c.name)]
        begins = [
            c
            for c in temporal
            if set(column_stems(c)) & stem_set("begins")
            and not set(column_stems(c)) & stem_set("ends")
        ]
        ends = [c for c in temporal if set(column_stems(c)) & stem_set("ends") and c.nulls]
        return (begins[0].name, ends[0].name) if begins and ends else None


def _with_joined(said: Sequence[str]) -> set[str]:
    """The words, and each two in a row as one: `signed up` is `signup`."""
    return {*said, *(a + b for a, b in pairwise(said))}


def _squeezed(phrase: Sequence[str], known: set[str]) -> set[str]:
    """The words of a phrase as one, with and without those that are known otherwise."""
    return {"".join(phrase), "".join(s for s in phrase if s not in known)}


def term_for(
    phrase: Sequence[str], terms: Sequence[GlossaryTerm]
) -> tuple[GlossaryTerm, list[str]] | None:
    """The metric term with the longest name in a phrase that ends it, and the stems left over."""
    best: tuple[int, GlossaryTerm, list[str]] | None = None
    for term in terms:
        if not term.formula:
            continue
        for name in (term.name, *term.synonyms):
            wanted = content_stems(name)
            n = len(wanted)
            for start in range(len(phrase) - n + 1):
                if (
                    n
                    and list(phrase[start : start + n]) == wanted
                    and (best is None or n > best[0])
                ):
                    rest = [*phrase[:start], *phrase[start + n :]]
                    best = (n, term, rest)
    return (best[1], best[2]) if best else None


def _score(
    phrase: Sequence[str],
    card: RelationCard,
    column: ColumnCard,
    hops: int,
    labels: bool,
    near: set[str],
) -> ColumnLink | None:
    """How well a column explains all words of a phrase, by its name or by what its description
    calls it; None if a word stays unexplained."""
    if not phrase:
        return None
    if named := [w.removeprefix("col:") for w in phrase if w.startswith("col:")]:
        return (
            ColumnLink(card.key, column, 2.0, hops, True)
            if named[0] == column.name.lower()
            else None
        )
    return _score_name(phrase, card, column, hops, labels, near) or _score_told(
        phrase, card, column, hops, labels, near
    )


def _score_told(
    phrase: Sequence[str],
    card: RelationCard,
    column: ColumnCard,
    hops: int,
    labels: bool,
    near: set[str],
) -> ColumnLink | None:
    """The same by the noun phrase that its description opens with (`Medical specialty`)."""
    told = described_name(column)
    entity = {x for e in entity_stems(card) for x in alike(e)} | near
    own = [w for w in phrase if alike(w) & set(told)]
    if not own or any(w not in own and not alike(w) & entity for w in phrase):
        return None
    explained = {x for w in phrase for x in alike(w)} | entity
    strange = len([s for s in told if s not in explained | _NEUTRAL | KEY_STEMS])
    if strange and is_numeric(column) and labels:
        return None
    score = _TOLD - 0.12 * strange - (0.5 if labels and column.is_personal else 0.0)
    return ColumnLink(card.key, column, score, hops, False)


def _score_name(
    phrase: Sequence[str],
    card: RelationCard,
    column: ColumnCard,
    hops: int,
    labels: bool,
    near: set[str],
) -> ColumnLink | None:
    own, entity = column_stems(column), entity_stems(card)
    called = told_stems(column) or own
    literal = literal_stems(column.name)  # others are told by a description, or translated
    described = set(stems(column.told))
    total, exact = 0.0, True
    for word in phrase:
        if word in own:
            total, exact = total + 1.0, exact and word in literal
        elif word in entity:
            total += 0.9
        elif alike(word) & set(own):
            total, exact = total + 0.8, False
        elif alike(word) & set(entity):
            total, exact = total + 0.7, False
        elif word in near or alike(word) & near:
            total += 0.9
        elif word in described:
            total, exact = total + 0.5, False
        else:
            return None
    if not any(alike(w) & set(own) for w in phrase) and not (
        labels and _is_label(column, own) and any(alike(w) & set(entity) for w in phrase)
    ):
        return None  # what lies on the way to a table names none of its rows
    score = total / len(phrase)
    explained = {w for p in phrase for w in alike(p)} | set(entity)
    strange = len([s for s in called if s not in explained and s not in _NEUTRAL | KEY_STEMS])
    score -= (0.25 if labels and not _is_label(column, own) else 0.12) * strange
    if labels:
        if strange and is_numeric(column):
            return None
        if set(own) & KEY_STEMS and not set(phrase) & KEY_STEMS:
            score -= 0.3
        elif _is_label(column, own):
            score += 0.1
        if column.is_personal:
            score -= 0.5
    return ColumnLink(card.key, column, score, hops, exact)


def _is_label(column: ColumnCard, own: Sequence[str]) -> bool:
    return is_text(column) and any(stem(label) in own for label in _LABELS)


def _splittable(column: ColumnCard) -> bool:
    return not is_temporal(column) and not column.data_type.startswith(("json", "struct", "map"))


def _summable(column: ColumnCard) -> bool:
    return is_numeric(column) and not set(column_stems(column)) & KEY_STEMS


def shares_root(a: str, b: str) -> bool:
    n = min(len(a), len(b))
    return n >= 4 and a[: max(4, n - 1)] == b[: max(4, n - 1)]
