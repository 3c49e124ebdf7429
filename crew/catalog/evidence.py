"""Gathers the slice of a project that matters for one request, bounded whatever its size."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from crew.artifacts import (
    ColumnCard,
    CompanyCalendar,
    Conventions,
    Evidence,
    GlossaryTerm,
    JoinEdge,
    Recollection,
    RelationCard,
    Request,
    TestHabit,
    Wording,
)
from crew.catalog.dbt_project import DbtProject, ProjectRelation, entity_of, key_names
from crew.catalog.warehouse_profile import WarehouseProfile, is_numeric
from crew.drafting.freshness_words import wants_freshness
from crew.drafting.spoken_names import column_words, entity_words
from crew.drafting.vocabulary import alike, name_stems, singular, spelt_out, stems
from crew.ports import Recall

MAX_RELATIONS = 24
MAX_SEEDS = 10
MIN_SEEDS = 5
MAX_TERMS = 12
MAX_SQL = 20_000
MIN_INCLUDED = 0.5
"""Of the values of a column that is a key by its name alone, the share that must be found there."""
_BARE = ("id", "key", "code", "uuid")
_RUN = re.compile(r"\w+")
RECALLED = 6.0
"""What a model that memory finds wholly like the request scores: as much as a named entity."""


@dataclass(frozen=True)
class _Index:
    """The words of a project, gathered once, so that a request looks up only its own.

    Lists of keys are in the project's order: by a stem of the entity or of a column, by the first
    word of the name as written, and by a column spelt out. `places` is that order.
    """

    places: dict[str, int] = field(default_factory=dict)
    entities: dict[str, frozenset[str]] = field(default_factory=dict)
    by_stem: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_name: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_column: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


_KEY_WORDS = frozenset(
    ["id", "key", "code", "sk", "no", "nr", "num", "number", "nummer", "uuid", "numero"]
)


@dataclass(frozen=True)
class _Keyed:
    """A relation as what a column may point at by its name. `known`: spelt out -> its column."""

    key: str
    names: tuple[str, ...]
    known: dict[str, str]

    @classmethod
    def of(cls, relation: ProjectRelation, card: RelationCard, names: Sequence[str]) -> _Keyed:
        names = tuple(n for n in names if n not in _BARE)
        return cls(relation.key, names, {spelt_out(c.name): c.name for c in card.columns})

    def edge_from(self, left: str, column: str) -> JoinEdge | None:
        """`orders.customer_id` points at `customers.customer_id` or `customers.id`, by name."""
        name = spelt_out(column)
        if name not in self.names:
            # `billing_customer_id` plays a role: its tail is the key's name.
            name = next((n for n in self.names if name.endswith(f"_{n}")), "")
        own = next((n for n in (name, *_BARE) if n in self.known), None) if name else None
        if own is None:
            return None
        return JoinEdge(
            left=left,
            left_column=column,
            right=self.key,
            right_column=self.known[own],
            origin="name",
        )


@dataclass(frozen=True)
class ProjectEvidence:
    """EvidenceSource over a parsed project and its warehouse. `notes` are said on each request."""

    project: DbtProject
    profile: WarehouseProfile
    conventions: Conventions
    dialect: str
    habits: tuple[TestHabit, ...] = ()
    wordings: tuple[Wording, ...] = ()
    calendar: CompanyCalendar = field(default_factory=CompanyCalendar)
    notes: tuple[str, ...] = ()

    def gather(self, request: Request, recall: Recall) -> Evidence:
        text = "\n".join(
            [request.title, request.title, request.body, *(c.body for c in request.comments)]
        )[:20_000]
        terms = matching_terms(text, recall.terms())
        remembered = recall.recollect(request)
        chosen = self._choose(text, terms, remembered)
        cards = [self._with_inherited(c) for c in self.profile.cards(chosen)]
        edges = self._edges(chosen, {c.key: c for c in cards})
        return Evidence(
            project=self.project.name,
            dialect=self.dialect,
            relations=tuple(cards),
            joins=tuple(edges),
            glossary=tuple(terms),
            remembered=_bearing_on(remembered, cards),
            habits=self.habits,
            wordings=_wordings_for(cards, self.wordings),
            conventions=self.conventions,
            calendar=self.calendar,
            model_names=self.project.model_names,
            sql=self._sql(text, chosen),
            notes=self.notes,
        )

    def _columns(self, relation: ProjectRelation) -> list[str]:
        """Column names of the warehouse, else those that the project documents."""
        actual = [c for c, _ in self.profile.columns_of(relation)]
        return actual or [c.name for c in relation.columns.values()]

    # --- choosing ------------------------------------------------------------------------

    def _choose(
        self, text: str, terms: Sequence[GlossaryTerm], remembered: Recollection
    ) -> list[ProjectRelation]:
        """Relations by their words and by what memory finds like the request, with what they can
        reach many-to-one, and who points there."""
        relations = self.project.relations
        scores = self._scores(text)
        for precedent in remembered.precedents:
            if precedent.kind == "model" and precedent.name in relations:
                known = scores.get(precedent.name, 0.0)
                scores[precedent.name] = known + RECALLED * precedent.likeness
        for term in terms:
            for key in {m.relation for m in term.measures} | {term.relation}:
                if key in relations:
                    scores[str(key)] = scores.get(str(key), 0.0) + 100
        ranked = sorted((k for k in scores if scores[k] > 0), key=lambda k: -scores[k])
        usable = (k for k in ranked if not self._is_staged_source(relations[k], text))
        chosen = dict.fromkeys(islice(usable, MAX_SEEDS))
        for central in self._central if len(chosen) < MIN_SEEDS else ():
            if len(chosen) == MIN_SEEDS:
                break
            chosen.setdefault(central.key)
        for reached in self._reachable(list(chosen), depth=4):
            if len(chosen) >= MAX_RELATIONS - 6:
                break
            chosen.setdefault(reached)
        for child in self._pointing_at(list(chosen)[:4]):
            if len(chosen) >= MAX_RELATIONS:
                break
            chosen.setdefault(child)
        return [relations[k] for k in chosen]

    @cached_property
    def _central(self) -> list[ProjectRelation]:
        """What most of the project builds on: there questions about unknown words find options."""
        children = self.project.children
        usable = [r for r in self.project.relations.values() if not self._is_staged_source(r, "")]
        return sorted(
            usable, key=lambda r: (r.layer == "source", -len(children.get(r.unique_id, ())), r.key)
        )

    def _scores(self, text: str) -> dict[str, float]:
        """Relations that share a word with the text or are named in it, in the project's order."""
        wanted, lowered, index = set(stems(text)), text.lower(), self._index
        total = len(index.places) or 1
        scores: dict[str, float] = defaultdict(float)
        widened = {w for s in wanted for w in alike(s)}
        for s in sorted(widened & index.by_stem.keys()):
            having = index.by_stem[s]
            weight = math.log(1 + total / len(having)) * (1 if s in wanted else 0.5)
            for key in having:
                scores[key] += weight * (3.0 if s in index.entities[key] else 1.0)
        for key in scores:
            if index.entities[key] and index.entities[key] <= widened:
                scores[key] += 3.0
        for key in {k for word in set(_RUN.findall(lowered)) for k in index.by_name.get(word, ())}:
            if mentions(lowered, key) or mentions(lowered, self.project.relations[key].identifier):
                scores[key] += 50
        return {k: scores[k] for k in sorted(scores, key=index.places.__getitem__)}

    @cached_property
    def _index(self) -> _Index:
        index, known = _Index(), dict[str, list[str]]()
        for place, (key, relation) in enumerate(self.project.relations.items()):
            index.places[key] = place
            entity = index.entities[key] = frozenset(stems(relation.entity))
            columns = self._columns(relation)
            for column in columns:
                if column not in known:
                    known[column] = name_stems(column)
            told = [
                column_words(c.name, c.description)
                for c in relation.columns.values()
                if c.description
            ]
            called = entity_words(relation.entity, relation.description)[0]
            for s in entity.union(called, *(known[c] for c in columns), *told):
                index.by_stem[s].append(key)
            for name in {relation.identifier.lower(), key.lower()}:
                index.by_name[next(iter(_RUN.findall(name)), "")].append(key)
            for column in {spelt_out(c) for c in columns}:
                index.by_column[column].append(key)
        return index

    def _is_staged_source(self, relation: ProjectRelation, text: str) -> bool:
        """A source that a model reads is left to that model, unless the request names it."""
        if relation.kind != "source" or mentions(text.lower(), relation.key):
            return False
        if re.search(r"\b(raw|stag\w+|source)\b", text, re.I) or wants_freshness(text):
            return False
        return self.project.is_staged(relation)

    def _reachable(self, keys: Sequence[str], depth: int) -> Iterable[str]:
        """Keys that the given relations point at by a key, near ones first."""
        frontier, seen = list(keys), set(keys)
        for _ in range(depth):
            following = []
            for right in self._pointed_at(frontier):
                if right not in seen:
                    seen.add(right)
                    following.append(right)
                    yield right
            frontier = following

    def _pointed_at(self, keys: Sequence[str]) -> Iterable[str]:
        """What tests declare that the given relations point at, then what names suggest."""
        declared = sorted({place for k in keys for place in self._tested_from.get(k, ())})
        yield from (self.project.tested_joins[place].right for place in declared)
        for key in keys:
            left = self.project.relations[key]
            for column in self._columns(left):
                for right in self._relations_by_key_name.get(spelt_out(column), ()):
                    if right.key != key and right.layer == left.layer:
                        yield right.key

    def _pointing_at(self, keys: Sequence[str]) -> Iterable[str]:
        """Relations with a column that is the key of one of the given ones."""
        index = self._index
        wanted: dict[str, list[str]] = {}
        for key in keys:
            relation = self.project.relations[key]
            for name in (*key_names(relation)[:3], *self._tested_keys(relation)):
                wanted.setdefault(name, []).append(key)
        found = {k for n, own in wanted.items() for k in index.by_column.get(n, ()) if k not in own}
        for key in sorted(found, key=index.places.__getitem__):
            relation = self.project.relations[key]
            if not self._is_staged_source(relation, "") and relation.layer != "intermediate":
                yield key

    def _with_inherited(self, card: RelationCard) -> RelationCard:
        """The card with descriptions from the nearest relation above that has the same column."""
        if all(c.description for c in card.columns):
            return card
        told: dict[str, str] = {}
        by_id = self._relations_by_id
        waiting, seen = list(card.parents), set(card.parents)
        while waiting and len(seen) < 60:
            above = by_id.get(waiting.pop(0))
            if above is None:
                continue
            for name, column in above.columns.items():
                if column.description:
                    told.setdefault(name.lower(), column.description)
            waiting += [p for p in above.parents if p not in seen]
            seen.update(above.parents)
        columns = tuple(
            c if c.description else c.model_copy(update={"inherited": told.get(c.name.lower(), "")})
            for c in card.columns
        )
        return card.model_copy(update={"columns": columns})

    @cached_property
    def _relations_by_id(self) -> dict[str, ProjectRelation]:
        return {r.unique_id: r for r in self.project.relations.values()}

    # --- joins ---------------------------------------------------------------------------

    @cached_property
    def _tested_from(self) -> dict[str, list[int]]:
        """Key of a left side -> places of its edges among the tested joins."""
        found: dict[str, list[int]] = {}
        for place, edge in enumerate(self.project.tested_joins):
            found.setdefault(edge.left, []).append(place)
        return found

    @cached_property
    def _declared(self) -> dict[tuple[str, str, str], JoinEdge]:
        return {(e.left, e.left_column.lower(), e.right): e for e in self.project.tested_joins}

    @cached_property
    def _key_names(self) -> dict[str, tuple[str, ...]]:
        """Names of the key of each relation: by habit, and those that a test says are unique."""
        relations = self.project.relations.values()
        return {r.key: (*self._tested_keys(r), *key_names(r)) for r in relations}

    def _tested_keys(self, relation: ProjectRelation) -> tuple[str, ...]:
        """Columns that a test says are unique and that are called like keys, spelt out."""
        tested = self.project.unique_combinations(relation.unique_id)
        alone = (spelt_out(names[0]) for names in tested if len(names) == 1)
        return tuple(n for n in alone if set(n.split("_")) & _KEY_WORDS)

    @cached_property
    def _relations_by_key_name(self) -> dict[str, list[ProjectRelation]]:
        found: dict[str, list[ProjectRelation]] = {}
        for relation in self.project.relations.values():
            if relation.kind == "source" and self.project.is_staged(relation):
                continue
            for name in self._key_names[relation.key]:
                if name not in _BARE:
                    found.setdefault(name, []).append(relation)
        return found

    def _edges(
        self, chosen: Sequence[ProjectRelation], cards: dict[str, RelationCard]
    ) -> list[JoinEdge]:
        """Edges among the chosen whose right side is unique in the data, with what they match."""
        found: dict[tuple[str, str, str], JoinEdge] = {}
        keyed = [(r, _Keyed.of(r, cards[r.key], self._key_names[r.key])) for r in chosen]
        for left in chosen:
            for column in cards[left.key].columns:
                for right, key_of in keyed:
                    place = (left.key, column.name.lower(), right.key)
                    edge = self._declared.get(place) or key_of.edge_from(left.key, column.name)
                    if edge is None or edge.right == edge.left:
                        continue
                    key = cards[right.key].column(edge.right_column)
                    if (
                        key is None
                        or not key.is_unique
                        or (edge.origin == "name" and _is_amount(key))
                        or _is_own_key(left, right, column.name, cards)
                    ):
                        continue
                    found[(edge.left, edge.left_column, edge.right)] = edge
        measured = [
            e.model_copy(
                update={"match_share": self.profile.match_share(e, cards[e.left], cards[e.right])}
            )
            for e in found.values()
        ]
        return [
            e
            for e in measured
            if e.origin != "name" or e.match_share is None or e.match_share >= MIN_INCLUDED
        ]

    def _sql(self, text: str, chosen: Sequence[ProjectRelation]) -> dict[str, str]:
        """The SQL of models that may change: those that the request names, and marts."""
        said = set(re.findall(r"\w+", text.lower()))
        models = [r for r in chosen if r.kind == "model"]
        return {
            r.key: r.raw_sql
            for r in models
            if r.key.lower() in said or (r.layer == "mart" and len(r.raw_sql) <= MAX_SQL)
        }


def _bearing_on(remembered: Recollection, cards: Sequence[RelationCard]) -> Recollection:
    """Without the lessons about relations that are not of the evidence."""
    keys = {None, *(c.key for c in cards)}
    lessons = [x for x in remembered.lessons if getattr(x.correction, "relation", None) in keys]
    return remembered.model_copy(update={"lessons": tuple(lessons)})


def _is_own_key(
    left: ProjectRelation, right: ProjectRelation, column: str, cards: dict[str, RelationCard]
) -> bool:
    """Two relations of one entity share a key: that is the same thing twice, not a reference."""
    card = cards[left.key].column(column)
    return bool(card and card.is_unique) and singular(left.entity) == singular(right.entity)


def _is_amount(card: ColumnCard) -> bool:
    """Whether a column that is called like what its rows are (`carrier_cost.cost`) holds numbers
    with fractions: two amounts that are alike point at nothing."""
    fractional = is_numeric(card) and re.match(
        r"double|float|real|(?:decimal|numeric|number)\(\d+, *[1-9]", card.data_type
    )
    return bool(fractional) and not set(spelt_out(card.name).split("_")) & _KEY_WORDS


def _wordings_for(
    cards: Sequence[RelationCard], wordings: Sequence[Wording]
) -> tuple[Wording, ...]:
    """Those of columns that the given relations have without a description."""
    bare = {c.name.lower() for card in cards for c in card.columns if not c.description}
    entities = {singular(entity_of(card.key)) for card in cards}
    return tuple(w for w in wordings if w.column in bare and w.entity in {"", *entities})


def matching_terms(text: str, terms: Sequence[GlossaryTerm]) -> list[GlossaryTerm]:
    """Terms whose name or a synonym stands in the text, those with a rule before those that only
    explain, longest name first; at most twelve."""
    said = stems(text)
    found = [t for t in terms if any(contains(said, stems(n)) for n in (t.name, *t.synonyms))]
    return sorted(found, key=lambda t: (not (t.formula or t.condition), -len(t.name)))[:MAX_TERMS]


def contains(said: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the stems `wanted` stand in `said` one after another."""
    n = len(wanted)
    return n > 0 and any(list(said[i : i + n]) == list(wanted) for i in range(len(said) - n + 1))


def mentions(lowered: str, name: str, *also: str) -> bool:
    """Whether an identifier that is not a plain English word stands in a text as such."""
    name = name.lower()
    if name not in lowered:
        return False
    if not re.search(r"[_.\d]", name):
        return (
            f"`{name}`" in lowered
            or f'"{name}"' in lowered
            or bool(
                re.search(
                    rf"\b(?:table|model|mart|view|seed|source)\s+{re.escape(name)}\b", lowered
                )
                or re.search(rf"\b{re.escape(name)}\s+(?:table|model|mart|view|seed)\b", lowered)
            )
        )
    return bool(re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", lowered))
