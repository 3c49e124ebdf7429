"""Reads tickets that ask for a type-2 history: which rows tell it, by which moment, of which values.

A history can only be made of rows that repeat their key: re-delivered ones, snapshots, changes. What
the data leave open (which moment counts, which of two states at one moment holds) is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from crew.artifacts import (
    Assumption,
    ColumnCard,
    Dimension,
    Evidence,
    Grounding,
    History,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import (
    is_arrival,
    is_boolean,
    is_numeric,
    is_temporal,
    quoted,
)
from crew.drafting.clause_reader import is_courtesy
from crew.drafting.history_words import HistoryWish, history_wishes, items_of, names_of_period
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.questions import Asking
from crew.drafting.row_hygiene import REMOVED
from crew.drafting.schema_linker import KEY_STEMS, SchemaLinker, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.staging_wishes import row_wishes
from crew.drafting.ticket_reader import read_ticket
from crew.drafting.vocabulary import (
    alike,
    name_stems,
    snake,
    stem,
    stem_set,
    stems,
    word_set,
    words,
)
from crew.ports import Warehouse

_CHANGED = {stem(w) for w in ("changed", "updated", "modified", "effective", "valid", "change")}
_SEEN = {stem(w) for w in ("snapshot", "snap", "asof", "observed", "recorded")}
_LOGS = {stem(w) for w in ("change", "history", "log", "event", "version", "audit", "transition")}
_NEW = {stem(w) for w in ("new", "after", "current")}
_OLD = {stem(w) for w in ("old", "previous", "prev", "before")}
_ENDS = (stem_set("ends") | {"to", "until"}) - {"valid", "effect", "check"}
_WORDLESS = {stem(w) for w in ("name", "code", "is", "has", "flag", "level", "type")}
_CALLED = re.compile(
    r"\b(?:called|named|call it|name it|namens|nenne sie)\s+[`\"']?(?P<name>[a-z][a-z0-9]*(?:_\w+)+)"
)
_CLAUSE = re.compile(r"[,;]\s|[.:!?](?:\s|$)|\n|\s-\s|\bbut\b|\baber\b")
_LIMITS = re.compile(
    r"\b(?:only|just the|without|exclud\w+|except|filter\w*|join\w*|look ?up|unless|since|before|after|newer|older"
    r"|between|\d{4}|sum|count|average|divided|minus|plus|replace|map(?:ped)?|combine\w*|concat\w*|no|not|never|skip\w*"
    r"|leave out|ignor\w+|drop|remove|kein\w*|nicht|nur|ohne|außer|seit|ab|ne|pas|sauf|sans|seulement|depuis|uniquement"
    r"|ningún|solo|sin|excepto|desde)\b",
    re.I,
)


@dataclass(frozen=True)
class _Candidate:
    """Rows of `card` that tell the values of each key."""

    card: RelationCard
    keys: tuple[ColumnCard, ...]
    values: tuple[ColumnCard, ...]
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def history_request(
    request: Request, evidence: Evidence, warehouse: Warehouse | None
) -> RequirementSpec | None:
    """The specification of a history; None for a request that asks for something else."""
    text = f"{request.title}.\n{request.body}"
    wishes = [w for w in history_wishes(text) if not _names_a_model(w, evidence)]
    if not wishes:
        return None
    return _HistoryReader(request, evidence, warehouse, text).read(wishes)


def _names_a_model(wish: HistoryWish, evidence: Evidence) -> bool:
    """Whether a sentence is about a model that exists, other than what the history is to be made of."""
    named = {w.lower() for w in re.findall(r"\w+", wish.quote) if "_" in w}
    return bool(named & {n.lower() for n in evidence.model_names} - {wish.relation.lower()})


@dataclass
class _HistoryReader:
    request: Request
    evidence: Evidence
    warehouse: Warehouse | None
    text: str
    assumptions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        wish = read_ticket(self.request)
        self.asking = Asking(wish.answers, wish.directed, self.request.choices)
        self.linker = SchemaLinker(self.evidence, JoinPlanner(self.evidence))

    def read(self, wishes: Sequence[HistoryWish]) -> RequirementSpec | None:
        named = next((w.relation for w in wishes if w.relation), "")
        found = [c for w in wishes for c in [self._candidate(w, named)] if c]
        if not found or (not any(w.is_sure for w in wishes) and not self._repeats(found[0])):
            return self._unclear(wishes, named)
        best = max(found, key=lambda c: len(c.values))
        for other in found:
            same = other.keys == best.keys or not other.values
            if not (same and {v.name for v in other.values} <= {v.name for v in best.values}):
                self.asking.ask(
                    "history:which", "The ticket speaks of two histories. Which one is wanted?",
                    [(f"{_listed(c.values)} per {_listed(c.keys)}", "") for c in (best, other)],
                )  # fmt: skip
                return self._spec(best, None, wishes)
        return self._spec(best, self._history(best), wishes)

    # --- of what -------------------------------------------------------------------------------

    def _candidate(self, wish: HistoryWish, named: str) -> _Candidate | None:
        """The rows that a sentence speaks of: such as repeat the key, the project's own first."""
        order = {"staging": 0, "intermediate": 1, "mart": 2, "source": 3}
        cards = [c for c in self.evidence.relations if not named or _is_named(c, named)]
        cards.sort(key=lambda c: order[c.layer])
        near: _Candidate | None = None
        for values, entity in wish.ways:
            for card in cards:
                for keys in self._keys(entity, card):
                    columns, notes = self._values(values, card, keys)
                    if not columns:
                        continue
                    if not (
                        wish.is_sure
                        or all(_is_meant(v, c) for v, c in zip(values, columns, strict=True))
                    ):
                        continue
                    made = _Candidate(card, keys, columns, (*values, entity), notes)
                    if self._repeats(made) and not self._conflicts(made):
                        return made
                    if near is None or (self._repeats(made) and not self._repeats(near)):
                        near = made
        return near

    def _keys(self, entity: str, card: RelationCard) -> Iterator[tuple[ColumnCard, ...]]:
        found = []
        for item in items_of(entity):
            said = content_stems(item)
            whole = [c for c in card.columns if c.name.lower() == snake(item)]
            own = [
                c for c in card.columns
                if set(column_stems(c)) & KEY_STEMS and said
                and all(alike(s) & (set(name_stems(c.name)) | KEY_STEMS) for s in said)
                and set(name_stems(c.name)) - KEY_STEMS
                and set(name_stems(c.name)) - KEY_STEMS <= {x for s in said for x in alike(s)}
            ]  # fmt: skip
            ways = [
                c for e in self.evidence.joins
                if e.left == card.key and (right := self.evidence.relation(e.right))
                and _speaks_of(said, right) and (c := card.column(e.left_column))
            ]  # fmt: skip
            mine = []
            if _speaks_of(said, card) and (key := self.linker.key_column(card)):
                mine = [c for c in (card.column(key),) if c]
            columns = whole or own or ways or mine
            if not columns:
                return
            found.append(columns[0])
        if found:
            yield tuple(found)

    def _values(
        self, values: Sequence[str], card: RelationCard, keys: Sequence[ColumnCard]
    ) -> tuple[tuple[ColumnCard, ...], tuple[str, ...]]:
        """A column for each value, or none at all."""
        found: list[ColumnCard] = []
        notes: list[str] = []
        entity = {x for s in entity_stems(card) for x in alike(s)}
        entity |= {s for k in keys for s in name_stems(k.name)} - KEY_STEMS
        for value in values:
            said = [s for s in content_stems(value) if s not in entity] or content_stems(value)
            own_key = [c for c in card.columns if c.is_unique and set(column_stems(c)) & KEY_STEMS]
            usable = [c for c in card.columns if c not in keys and c not in own_key]
            links = [c for c in usable if c.name.lower() == snake(value)]
            links = links or [c for c in usable if said and set(said) <= set(column_stems(c))]
            if len(links) > 1:
                links = [c for c in links if not is_temporal(c)] or links
                fresh = [c for c in links if set(name_stems(c.name)) & _NEW]
                old = [c for c in links if set(name_stems(c.name)) & _OLD]
                whole = [c for c in links if set(column_stems(c)) - KEY_STEMS - entity <= set(said)]
                if len(fresh) == 1 and len(fresh) + len(old) == len(links):
                    links = fresh
                    notes.append(
                        f"`{fresh[0].name}` is the value from a change on; what was before the first"
                        " change of a key is not shown."
                    )
                elif len(whole) == 1:
                    links = whole
            if not links:
                spoken = [x for x in self.linker.lookups(said, card.key) if x.hops == 0]
                links = [x.column for x in spoken[:1] if x.column in usable]
            if len(links) != 1:
                return (), ()
            found.append(links[0])
        return tuple({c.name: c for c in found}.values()), tuple(notes)

    def _repeats(self, made: _Candidate) -> bool:
        rows = made.card.row_count or 0
        if len(made.keys) == 1 and (one := made.keys[0]).distinct is not None:
            return one.distinct < rows - (one.nulls or 0)
        return self._count_distinct(made.card, [k.name for k in made.keys]) < rows

    def _conflicts(self, made: _Candidate, then_by: str = "") -> int:
        """How many keys have two states at one moment."""
        at = self._moments(made.card)[:1]
        if not at:
            return 0
        return self._states(made, at[0].name, then_by)

    def _states(self, made: _Candidate, at: str, then_by: str = "") -> int:
        by = [*(k.name for k in made.keys), at, *([then_by] if then_by else [])]
        values = [v.name for v in made.values]
        removed = _removed(made.card)
        whole = [*by, *(v for v in values if v not in by), *([removed.name] if removed else [])]
        missing = " and ".join(f"{self._quoted(c)} is not null" for c in by)
        return self._count_distinct(made.card, whole, missing) - self._count_distinct(
            made.card, by, missing
        )

    def _count_distinct(self, card: RelationCard, names: Sequence[str], where: str = "") -> int:
        if self.warehouse is None:
            return 0
        listed = ", ".join(self._quoted(n) for n in names)
        told = f" where {where}" if where else ""
        sql = (
            f"select count(*) from (select distinct {listed} from {card.relation_name}{told}) as d"
        )
        return int(self.warehouse.query(sql, limit=1).rows[0][0])

    # --- when ----------------------------------------------------------------------------------

    def _moments(self, card: RelationCard) -> list[ColumnCard]:
        """Columns that may tell since when a row holds, of the best kind that there is."""
        times = [c for c in card.columns if is_temporal(c) and not REMOVED.match(c.name)]
        times = [c for c in times if not set(name_stems(c.name)) & _ENDS]
        kinds = [
            [c for c in times if set(name_stems(c.name)) & _CHANGED],
            [c for c in times if set(name_stems(c.name)) & _SEEN],
            [c for c in times if is_arrival(c.name)],
        ]
        if set(name_stems(entity_of(card.key))) & _LOGS:
            kinds.append([c for c, _ in self.linker.times(card)[:1]])
        return next((k for k in kinds if k), [])

    def _history(self, made: _Candidate) -> History | None:
        card = made.card
        rows = card.row_count or 0
        if not self._repeats(made):
            self.asking.ask(
                "history:none",
                f"`{card.key}` has but one row per {_listed(made.keys)}: what was before is not there."
                " Which table holds the earlier states? (From now on they could be kept by a dbt snapshot.)",
                [],
            )
            return None
        times = self._moments(card)
        if len(times) != 1:
            every = times or [c for c in card.columns if is_temporal(c)]
            chosen = self.asking.ask(
                "history:moment", f"Which column of `{card.key}` tells since when a row holds?",
                [(f"`{c.name}`", "") for c in every],
            )  # fmt: skip
            if chosen is None:
                return None
            times = [every[chosen]]
        at = times[0]
        if self._has_gaps(made, at):
            return None
        then_by = ""
        if clashes := self._states(made, at.name):
            settling = [c for c in self._tie_breaks(card, at) if not self._states(made, at.name, c)]
            if not settling:
                self.asking.ask(
                    "history:ties",
                    f"{clashes:,} times `{card.key}` has two states of a {_listed(made.keys)} at one"
                    f" `{at.name}`. Which one holds?",
                    [],
                )
                return None
            then_by = settling[0]
            self.assumptions.append(
                f"Of states with one `{at.name}` the last by `{then_by}` holds."
            )
        removed = self._removed_sql(card)
        missing = [
            f"{c.nulls:,} without `{c.name}`" for c in (*made.keys, at) if c.nulls
        ]  # fmt: skip
        if missing:
            self.notes.append(f"Rows of `{card.key}` that are left out: {', '.join(missing)}.")
        begins, ends, current = names_of_period(self.text)
        self.assumptions.append(
            f"A state of `{card.key}` holds from its `{at.name}` until the next one of the same"
            f" {_listed(made.keys)} that differs; {rows:,} rows are compared. `{ends}` is empty for"
            " what holds now."
        )
        return History(
            relation=card.key, key=tuple(k.name for k in made.keys),
            values=tuple(v.name for v in made.values), at=at.name, then_by=then_by, removed=removed,
            valid_from=begins, valid_to=ends, is_current=current,
        )  # fmt: skip

    def _has_gaps(self, made: _Candidate, at: ColumnCard) -> bool:
        """Rows that end before the next one begins are no states that hold until then: asked."""
        card = made.card
        bounds = [c for c in card.columns if is_temporal(c) and set(name_stems(c.name)) & _ENDS]
        if not bounds or self.warehouse is None:
            return False
        keys = " and ".join(
            f"n.{self._quoted(k.name)} = p.{self._quoted(k.name)}" for k in made.keys
        )
        end, name = self._quoted(bounds[0].name), card.relation_name
        sql = (
            f"select count(*) from {name} as p where p.{end} is not null and not exists (select 1"
            f" from {name} as n where {keys} and n.{self._quoted(at.name)} = p.{end})"
        )
        gaps = self.warehouse.query(sql, limit=1).rows[0][0]
        if gaps:
            self.asking.ask(
                "history:gaps",
                f"{gaps:,} rows of `{card.key}` end (`{bounds[0].name}`) without a next one that begins"
                " then. Is there a row for the time between, and what does it show?",
                [],
            )
        return bool(gaps)

    def _tie_breaks(self, card: RelationCard, at: ColumnCard) -> list[str]:
        loads = [c.name for c in card.columns if is_temporal(c) and is_arrival(c.name) and c != at]
        numbers = [c.name for c in card.columns if is_numeric(c) and c.is_unique]
        return [*loads, *numbers]

    def _removed_sql(self, card: RelationCard) -> str:
        column = _removed(card)
        if column is None or row_wishes(self.text).keeps_removed:
            return ""
        self.assumptions.append(
            f"A row that is marked as removed (`{column.name}`) ends a period and begins none."
        )
        name = self._quoted(column.name)
        return f"coalesce({name}, false)" if is_boolean(column) else f"{name} is not null"

    def _quoted(self, column: str) -> str:
        return quoted(column, self.evidence.dialect)

    # --- what comes of it ------------------------------------------------------------------------

    def _spec(
        self, made: _Candidate, history: History | None, wishes: Sequence[HistoryWish]
    ) -> RequirementSpec:
        if personal := [v.name for v in made.values if v.is_personal]:
            return RequirementSpec(
                kind="refuse", question=self.request.title,
                reason=f"A history of {_names(personal)} would list personal data of single people: ask"
                " those who answer for the data.",
            )  # fmt: skip
        said = Grounding(source="ticket", text=wishes[0].quote)
        dimensions = tuple(
            Dimension(name=snake(c.name), relation=made.card.key, column=c.name, grounding=said)
            for c in (*made.keys, *made.values)
        )
        if not made.values and not self.asking.open:
            self.asking.ask("history:values", f"Which columns of `{made.card.key}` is it a history of?",
                            [])  # fmt: skip
        if all(q.id != "history:which" for q in self.asking.open):
            self._leftovers(made, wishes)
        keys = tuple(snake(k.name) for k in made.keys)
        return RequirementSpec(
            kind="new_model",
            model=self._name(made),
            question=self.request.title.strip() or wishes[0].quote,
            dimensions=dimensions,
            history=history,
            row_grain=(*keys, history.valid_from) if history else keys,
            assumptions=tuple(_assumed(a) for a in self.assumptions),
            questions=tuple(self.asking.open[:3]),
            notes=(*made.notes, *dict.fromkeys(self.notes)),
            settled=self.asking.settled,
        )

    def _leftovers(self, made: _Candidate, wishes: Sequence[HistoryWish]) -> None:
        """Ask about what may narrow or compute something, note other words that went nowhere."""
        names = [made.card.key, *(c.name for c in (*made.keys, *made.values))]
        names += [*names_of_period(self.text), *(w.relation for w in wishes)]
        known = {w for n in names for w in (n.lower(), *words(n))} | word_set("ordinary_in_history")
        known |= {w for t in made.said for w in words(t)}
        told = {s for c in (*made.keys, *made.values) for s in column_stems(c)}
        told |= {x for s in entity_stems(made.card) for x in alike(s)}

        def left_of(clause: str) -> list[str]:
            said = words(_CALLED.sub(" ", clause))
            return [w for w in said if w not in known and not set(stems(w)) <= told]

        rest = _CALLED.sub(" ", self.text)
        for wish in wishes:
            rest = rest.replace(wish.quote, " ")
            if left := left_of(wish.quote):
                self._ask_about(wish.quote, left)
        for clause in _CLAUSE.split(rest):
            left = left_of(clause)
            if left and _LIMITS.search(clause):
                self._ask_about(clause.strip(), left)
            elif left and not is_courtesy(clause):
                self.notes.append(f"Not read: “{clause.strip()[:160]}”.")

    def _ask_about(self, clause: str, left: Sequence[str]) -> None:
        self.asking.ask(
            f"history:clause:{clause[:60]}",
            f"“{clause[:160]}”: what does “{' '.join(left[:8])}” change about the history?",
            [("nothing: it is told by the way", "")],
        )

    def _name(self, made: _Candidate) -> str:
        if named := _CALLED.search(self.text):
            return named["name"]
        one = "_".join(re.sub(r"_(?:id|key|no|nr|code)$", "", snake(k.name)) for k in made.keys)
        what = "_and_".join(snake(v.name) for v in made.values[:3])
        what = what.removeprefix(f"{one}_")
        base = self.evidence.conventions.mart_pattern.replace("{name}", f"{one}_{what}_history")[
            :60
        ]
        name, n = base, 2
        while name in self.evidence.model_names:
            name, n = f"{base}_{n}", n + 1
        return name

    def _unclear(self, wishes: Sequence[HistoryWish], named: str) -> RequirementSpec | None:
        """A question where the ticket surely asks for a history; else None, others may read it."""
        if not any(w.is_sure for w in wishes):
            return None
        cards = [c.key for c in self.evidence.relations if not named or _is_named(c, named)]
        place = f"`{cards[0]}`" if named and cards else "the data"
        told = " / ".join(dict.fromkeys(
            f"{', '.join(v) or 'all'} per {e}" for w in wishes for v, e in w.ways[:1]
        ))  # fmt: skip
        self.asking.ask(
            "history:unclear",
            f"“{wishes[0].quote[:160]}” reads as a history of {told}. Which table of {place} holds one row for each"
            " state, and which of its columns are the key and the values?",
            [],
        )
        return RequirementSpec(
            kind="new_model", question=self.request.title.strip() or wishes[0].quote,
            questions=tuple(self.asking.open[:3]),
        )  # fmt: skip


def _is_meant(value: str, column: ColumnCard) -> bool:
    """Whether words are all that a column is called, and it is no key of something else."""
    own = set(name_stems(column.name))
    said = {x for s in content_stems(value) for x in alike(s)}
    return not own & KEY_STEMS - {stem("code")} and own - _WORDLESS <= said


def _is_named(card: RelationCard, name: str) -> bool:
    return name.lower() in {card.key.lower(), card.key.split(".")[-1].lower()}


def _speaks_of(said: Sequence[str], card: RelationCard) -> bool:
    own = [s for s in entity_stems(card) if s not in _LOGS]
    return bool(own) and bool(said) and all(any(s in alike(e) for e in own) for s in said)


def _removed(card: RelationCard) -> ColumnCard | None:
    """The column that marks rows as removed, where it marks some."""
    for column in card.columns:
        if REMOVED.match(column.name):
            if is_boolean(column) and "true" in {v.lower() for v in column.values}:
                return column
            if is_temporal(column) and (column.nulls or 0) < (card.row_count or 0):
                return column
    return None


def _listed(columns: Sequence[ColumnCard]) -> str:
    return _names([c.name for c in columns])


def _names(names: Sequence[str]) -> str:
    return " and ".join(f"`{n}`" for n in names) or "nothing"


def _assumed(text: str) -> Assumption:
    return Assumption(
        text=text, grounding=Grounding(source="assumption", text=text, confidence=0.8)
    )
