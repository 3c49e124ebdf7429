"""Links what a ticket says of related rows to relations made for the result: how often something
happened to an entity, and when it did first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlglot import exp

from crew.artifacts import Measure, Related, RelationCard
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_temporal
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.related_words import Having
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import (
    KEY_STEMS,
    ConditionLink,
    SchemaLinker,
    content_stems,
    entity_stems,
)
from crew.drafting.scope import key_of, qualified
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import alike, plural, singular, snake, stem_set
from crew.verification.related_relations import edges_of

_FIRST = re.compile(
    r"^(?:the\s+|their\s+|its\s+)?(?P<way>first|initial|earliest|last|latest|most\s+recent)\s+(?P<what>.+?)(?:\s+date)?$",
    re.I,
)
_EARLY = {"first", "initial", "earliest"}
_CLEAR = 0.7


class RelatedReader:
    """Related relations of one interpretation. `cohort` says in words of the ticket by whose first
    (or last) event entities are dated; `sources` are relations that made ones are of."""

    def __init__(self, linker: SchemaLinker, planner: JoinPlanner) -> None:
        self.linker, self.planner = linker, planner
        self.evidence = linker.evidence
        self.made: dict[str, Related] = {}
        self.cohort = ""

    # --- how often -----------------------------------------------------------------------------

    def conditions(
        self, figure: Having, rest: Sequence[str], bases: Sequence[str]
    ) -> list[ConditionLink]:
        """Conditions of entities that the bases are or lead to; else what the words say otherwise."""
        own = self._otherwise(figure, rest, bases) if figure.is_vague else []
        if own:
            return own
        found = []
        for hops, owner in self._owners(rest, bases):
            made = self._counted(figure, owner)
            if made is not None:
                found.append(self._condition(figure, made, owner, hops))
        return found[:1] or self._otherwise(figure, rest, bases)

    def _otherwise(
        self, figure: Having, rest: Sequence[str], bases: Sequence[str]
    ) -> list[ConditionLink]:
        said = [s for s in content_stems(figure.otherwise) if s not in stem_set("joints")]
        if figure.span or figure.again or not said:
            return []
        links = self.linker.conditions([*said, *rest], bases)
        links = links or self._with_rest(self.linker.conditions(said, bases), rest, bases)
        if figure.high != 0:
            return links
        return [ConditionLink(k.negated, k.condition, k.relation, k.origin, k.score, k.column)
                for k in links]  # fmt: skip

    def _with_rest(
        self, links: list[ConditionLink], rest: Sequence[str], bases: Sequence[str]
    ) -> list[ConditionLink]:
        """Conditions that hold together with what else is said: `with a code, with electric cars`;
        none where that is not understood."""
        cards = [c for b in bases if (c := self.evidence.relation(b))]
        own = {x for c in cards for s in entity_stems(c) for x in alike(s)}
        plain = stem_set("stops") | stem_set("joints") | stem_set("articles")
        further = [s for s in rest if s not in plain and not alike(s) & own]
        if not further:
            return links
        others = self.linker.conditions(further, bases)[:1]
        found = []
        for a, b in ((a, b) for a in links for b in others):
            both = f"({a.condition}) and ({b.condition})"
            none, score = f"not coalesce({both}, false)", min(a.score, b.score)
            found.append(ConditionLink(both, none, a.relation, a.origin, score, a.column))
        return found

    def _owners(self, rest: Sequence[str], bases: Sequence[str]) -> list[tuple[int, str]]:
        """Whose rows are meant: those that the words name, nearest first; the bases' own, if none."""
        said = [s for s in rest if s not in stem_set("stops") | stem_set("joints")]
        reach = self.linker.reach(bases)
        if not said:
            return [(0, b) for b in bases] if len(set(bases)) == 1 else []
        named = {k.card.key for k in self.linker.entities(said) if not k.rest}
        cohorts = {k for k in bases if k in self.made}
        return sorted((hops, key) for key, hops in reach.items() if key in named | cohorts)

    def _condition(self, figure: Having, made: Related, owner: str, hops: int) -> ConditionLink:
        assert made.value is not None
        count = self._sql(made.key, made.value.name)
        count = f"coalesce({count}, 0)"
        low, high = figure.low, figure.high
        if low is not None and low == high:
            positive, negative = f"{count} = {low}", f"{count} <> {low}"
        elif high is None:
            positive, negative = f"{count} >= {low}", f"{count} < {low}"
        elif high == 0:
            positive, negative = f"{count} = 0", f"{count} > 0"
        else:
            positive, negative = f"{count} <= {high}", f"{count} > {high}"
        return ConditionLink(
            positive, negative, owner, f"rows of {made.relation}", 1.6 - 0.05 * hops, made.key
        )

    def _counted(self, figure: Having, owner: str) -> Related | None:
        """How many such rows each entity has, as a relation of its own; None if it is not clear."""
        for source, filters in self._rows(figure.what, owner):
            conditions = list(filters)
            if figure.span or figure.again:
                within = self._within(figure, source, owner)
                if within is None:
                    continue
                conditions += within
            key = self.linker.key_column(source)
            value = Measure(
                name="row_count", relation=source.key, aggregation="count",
                expression=self._sql(source.key, key) if key else "*",
            )  # fmt: skip
            again = " again" if figure.again else ""
            span = f" within {figure.span}s" if figure.span else ""
            noun = snake(plural(singular(entity_of(source.key)))) if figure.again else figure.what
            return self._make(f"{noun}{again}{span}", source, owner, value, tuple(conditions))
        return None

    def _within(self, figure: Having, source: RelationCard, owner: str) -> list[str] | None:
        """Conditions that a row lies in the time after a moment of its entity."""
        happens = self._moment(source, figure.dated)
        begins = self._since(figure.since, source, owner)
        if happens is None or begins is None:
            return None
        (time, is_day), (start, start_is_day) = happens, begins
        if is_day or start_is_day:
            time = time if is_day else f"cast({time} as date)"
            start = start if start_is_day else f"cast({start} as date)"
        after = ">" if figure.again else ">="
        found = [f"{time} {after} {start}"]
        if figure.span:
            found.append(f"{time} <= {start} + interval '{figure.span}'")
        return found

    def _since(self, since: str, source: RelationCard, owner: str) -> tuple[str, bool] | None:
        matched = _FIRST.match(since.strip())
        if matched and matched["way"].lower() in _EARLY:
            if not self._names(matched["what"], source):
                return None
            first = self._first(source, owner, True)
            return None if first is None else (self._value(first), self._is_day(first))
        if owner in self.made:
            return None if since else self._of(self.made[owner])
        card = self.evidence.relation(owner)
        return self._moment(card, since) if card else None

    def _of(self, made: Related) -> tuple[str, bool] | None:
        return (self._value(made), self._is_day(made)) if made.value else None

    def _moment(self, card: RelationCard, said: str) -> tuple[str, bool] | None:
        """The column that dates a row, in words of the ticket or the one that is clear by itself."""
        if said:
            columns = self.linker.moments(card, said)
        else:
            times = self.linker.times(card)
            clear = len(times) == 1 or (times and times[0][1] >= times[1][1] + _CLEAR)
            columns = [times[0][0]] if clear else []
        if len(columns) != 1 or not is_temporal(columns[0]):
            return None
        return self._sql(card.key, columns[0].name), columns[0].data_type.lower() == "date"

    # --- which rows ----------------------------------------------------------------------------

    def _rows(self, what: str, owner: str) -> list[tuple[RelationCard, tuple[str, ...]]]:
        """Relations whose rows the words name and that lead to the owner, best first, and what else
        the words say of them."""
        said = self.linker.resolved(content_stems(what))
        found: list[tuple[tuple[bool, bool, int], RelationCard, tuple[str, ...]]] = []
        order = {"staging": 0, "intermediate": 1, "mart": 2, "source": 3}
        for link in self.linker.entities(said):
            card = link.card
            if self.place(card, owner) is None or card.key == owner:
                continue
            filters = self._filters(link.rest, card)
            if filters is not None:
                rank = (card.layer == "source", not self.linker.key_column(card), order[card.layer])
                found.append((rank, card, filters))
        if not found:
            for condition in self.linker.rows_with(said):
                holder = self.evidence.relation(condition.relation)
                if holder and holder.key != owner and self.place(holder, owner) is not None:
                    rank = (holder.layer == "source", False, order[holder.layer])
                    found.append((rank, holder, (condition.condition,)))
            if len({entity_of(card.key) for _, card, _ in found}) > 1:
                return []
        return [(card, filters) for _, card, filters in sorted(found, key=lambda f: f[0])]

    def _filters(self, rest: Sequence[str], card: RelationCard) -> tuple[str, ...] | None:
        """What adjectives say of the rows; None where it is not clear."""
        said = [s for s in rest if s not in stem_set("stops") | stem_set("joints")]
        if not said:
            return ()
        links = self.linker.conditions([*said, *entity_stems(card)], [card.key])
        links = links or self.linker.conditions(said, [card.key])
        best = [k for k in links if k.score >= links[0].score - 0.05]
        return (best[0].condition,) if len({k.column for k in best}) == 1 else None

    def _names(self, text: str, card: RelationCard) -> bool:
        said = content_stems(text)
        return bool(said) and all(
            any(s in alike(e) or e in alike(s) for e in entity_stems(card)) for s in said
        )

    def place(self, source: RelationCard, owner: str) -> tuple[str, str] | None:
        """The column that says whose a row is, and the owner's column that it leads to."""
        if owner in self.made:
            made = self.made[owner]
            return (made.by, made.to_column) if source.key == made.relation else None
        if owner not in self.planner.hops(source.key):
            return None
        try:
            edge = self.planner.path(source.key, owner)[-1]
        except (NoJoin, AmbiguousJoin, IndexError):
            return None
        if edge.match_share is not None and edge.match_share < 0.5:
            return None
        return self._sql(edge.left, edge.left_column), edge.right_column

    # --- when first ----------------------------------------------------------------------------

    def dated(self, card: RelationCard, measure: Measure) -> Measure | None:
        """The count of a relation's rows, dated by the first event of each as the ticket asks; None
        where nothing such is asked for, or it is not clear which event is meant."""
        matched = _FIRST.match(self.cohort.strip())
        if matched is None or measure.aggregation != "count":
            return None
        is_first = matched["way"].lower() in _EARLY
        sources = [
            k.card for k in self.linker.entities(content_stems(matched["what"])) if not k.rest
        ]
        sources.sort(key=lambda c: (c.layer == "source", not self.linker.key_column(c)))
        for source in sources:
            first = self._first(source, card.key, is_first)
            if first is not None:
                return measure.model_copy(update={"time": self._value(first)})
            column = self._naming(source, card)
            if column and not self.linker.key_column(card):
                first = self._first(source, "", is_first, column, card.key)
                if first is not None:
                    key = self._sql(first.key, first.to_column)
                    update = {"relation": first.key, "expression": key, "time": self._value(first)}
                    return measure.model_copy(update=update)
        return None

    def _naming(self, source: RelationCard, card: RelationCard) -> str:
        """The column of a relation that names rows of another one, which has no unique key."""
        words = {s for e in entity_stems(card) for s in alike(e)}
        named = [
            c.name for c in source.columns
            if set(column_stems(c)) & KEY_STEMS and set(column_stems(c)) - KEY_STEMS <= words
            and set(column_stems(c)) - KEY_STEMS and card.column(c.name)
        ]  # fmt: skip
        return named[0] if len(named) == 1 else ""

    def _first(
        self, source: RelationCard, owner: str, is_first: bool, column: str = "", entity: str = ""
    ) -> Related | None:
        """The day of each entity's first row. A cohort that is dated by it is the answer itself."""
        made = self.made.get(owner)
        if made and made.relation == source.key and made.value:
            return made if made.value.aggregation == "min" else None
        moment = self._moment(source, "")
        if moment is None:
            return None
        name = f"{'first' if is_first else 'last'}_{snake(singular(entity_of(source.key)))}"
        value = Measure(
            name=f"{name}_date", relation=source.key, expression=moment[0],
            aggregation="min" if is_first else "max",
        )  # fmt: skip
        by = (self._sql(source.key, column), column) if column else None
        return self._make(name, source, owner, value, (), by, entity)

    def _value(self, made: Related) -> str:
        assert made.value is not None
        return self._sql(made.key, made.value.name)

    def _is_day(self, made: Related) -> bool:
        assert made.value is not None
        tree = parse_sql(made.value.expression, self.evidence.dialect)
        card = self.evidence.relation(key_of(tree)) if isinstance(tree, exp.Column) else None
        column = card.column(tree.name) if card else None
        return bool(column and column.data_type.lower() == "date")

    # --- keeping -------------------------------------------------------------------------------

    def _make(
        self,
        words: str,
        source: RelationCard,
        owner: str,
        value: Measure,
        filters: tuple[str, ...],
        by: tuple[str, str] | None = None,
        entity: str = "",
    ) -> Related | None:
        place = by or self.place(source, owner)
        if place is None:
            return None
        entity = entity or (owner if owner not in self.made else place[1])
        name = snake(f"{words} per {singular(entity_of(entity))}")[:60]
        made = Related(
            key=name, relation=source.key, by=place[0], to=owner, to_column=place[1], value=value,
            filters=filters,
        )  # fmt: skip
        return self.keep(made)

    def keep(self, made: Related) -> Related:
        """The relation, under a name that no other one has."""
        taken = {c.key for c in self.evidence.relations}
        name, n = made.key, 2
        while name in taken or (name in self.made and not _same(self.made[name], made)):
            name, n = f"{made.key}_{n}", n + 1
        if name not in self.made:
            self.made[name] = made = made.model_copy(update={"key": name})
            self.planner.add(edges_of(made, self.evidence))
        return self.made[name]

    def sources(self, texts: Iterable[str]) -> list[str]:
        """Relations that the made ones in these expressions are of."""
        return list(dict.fromkeys(r.relation for r in self.used(texts)))

    def used(self, texts: Iterable[str]) -> list[Related]:
        """The made relations that expressions, and one another, are about; in the order made."""
        waiting, found = " ".join(texts), set[str]()
        while True:
            named = {k for k in self.made if re.search(rf"\b{re.escape(k)}\b", waiting)} - found
            if not named:
                return [r for k, r in self.made.items() if k in found]
            found |= named
            waiting = " ".join(self.made[k].model_dump_json() for k in named)

    def narrow(self, relation: str, condition: str) -> None:
        """Only rows of a relation that meet a condition are related at all."""
        for key, made in self.made.items():
            if made.relation == relation and condition not in made.filters:
                self.made[key] = made.model_copy(update={"filters": (*made.filters, condition)})

    def _sql(self, relation: str, column: str) -> str:
        return qualified(relation, column).sql(dialect=self.evidence.dialect)


def is_first(text: str) -> bool:
    """Whether words name the first or last of some events."""
    return bool(_FIRST.match(text.strip()))


def _same(a: Related, b: Related) -> bool:
    return a.model_copy(update={"key": ""}) == b.model_copy(update={"key": ""})
