"""Splits by a state that changes: looked up in a type-2 relation by key and moment, never by key
alone, so that each row finds one state or none.

The phrase of the ticket becomes the name of a column of a relation that is made for the result; where
no such column is found, the ticket is read as it stands, and what it leaves open is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crew.artifacts import (
    Assumption,
    ColumnCard,
    Evidence,
    Grounding,
    Question,
    Related,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.catalog.dbt_project import entity_of
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.parent_reader import (
    Parent,
    assumed,
    chains,
    parent_wishes,
    parents_in,
    unexplained,
)
from crew.drafting.schema_linker import KEY_STEMS, SchemaLinker, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.state_words import StateWish, moment_of_period, state_wishes
from crew.drafting.versions import Versions, by_their_names, versions_in
from crew.drafting.vocabulary import alike, name_stems, singular, snake
from crew.errors import InvalidInput
from crew.ports import Warehouse
from crew.verification.related_relations import with_related

_TOLD = {"text", "question", "label", "quote", "definition", "notes", "meaning", "acceptance"}
_NAMES = {"name", "model", "row_grain", "formula", "key", "of", "by"}
_LAYERS = ("staging", "intermediate", "mart", "source")


@dataclass(frozen=True)
class States:
    """A ticket with a column's name in the place of each phrase in `said`; `made` are the relations
    that have these columns, `found` what is taken for granted of them."""

    request: Request
    evidence: Evidence
    made: tuple[Related, ...] = ()
    said: tuple[tuple[str, str], ...] = ()
    found: tuple[Assumption, ...] = ()
    parents: tuple[Parent, ...] = ()
    chain: Question | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.made or self.parents)

    def settled(self, spec: RequirementSpec) -> RequirementSpec:
        """The specification with these relations and the ticket's own words."""
        if self.chain and spec.kind == "new_model":
            return spec.model_copy(update={"questions": (self.chain,)})
        if self.is_empty or spec.kind != "new_model":
            return spec
        content = spec.model_dump()
        used = _texts(content)
        lost = [phrase for name, phrase in self.said if " " not in name and name not in used]
        spec = RequirementSpec.model_validate(_in_own_words(content, self.said))
        if spec.questions:
            return spec
        text = f"{self.request.title} {self.request.body}"
        if role := unexplained(spec, text, used, self.parents):
            asked = Question(
                id=f"parent:{role}", text=f"“{role}”: what does it change about the rows that count, or"
                " what they are split by? I found no column that says so.",
            )  # fmt: skip
            return spec.model_copy(update={"questions": (asked,)})
        if lost:
            asked = Question(
                id="state:lost",
                text=f"“{lost[0]}”: what is to be shown of that, and of which rows?",
            )
            return spec.model_copy(update={"questions": (asked,)})
        return spec.model_copy(
            update={
                "related": (*(m for m in self.made if m.key in used), *spec.related),
                "assumptions": (*self.found, *spec.assumptions),
            }
        )


def with_states(request: Request, evidence: Evidence, warehouse: Warehouse | None) -> States:
    """The ticket and the evidence with what it says of states that change."""
    text = f"{request.title}\n{request.body}"
    wishes, versions = list(state_wishes(text)), versions_in(evidence, warehouse)
    counted = _counted_by_versions(text, evidence, versions) if moment_of_period(text) else {}
    evidence = by_their_names(evidence, versions, counted)
    states = States(request, evidence)
    for wish in wishes if versions else ():
        made = _Lookup(states.evidence, versions, text).made(wish)
        if made is None:
            continue
        name, found = made.shows[0][1], _assumed(wish, made, evidence, warehouse)
        by = wish.whole.split()[0].lower()
        named = (
            f", split by {name}" if by in {"by", "per"} else wish.whole.replace(wish.phrase, name)
        )
        title = request.title.replace(wish.whole, named)
        body = request.body.replace(wish.whole, named)
        request = request.model_copy(update={"title": title, "body": body})
        kept = {m.key: m for m in states.made}
        if before := kept.get(made.key):
            shows = tuple(dict.fromkeys((*before.shows, *made.shows)))
            made = made.model_copy(update={"shows": shows})
        kept[made.key] = made
        states = States(
            request=request,
            evidence=with_related(evidence, list(kept.values())),
            made=tuple(kept.values()),
            said=(*states.said, (named, wish.whole), (name, wish.phrase)),
            found=(*states.found, found),
        )
    return _with_parents(states, warehouse)


def _with_parents(states: States, warehouse: Warehouse | None) -> States:
    """The ticket with columns of parents in the place of what it says of them."""
    request, base = states.request, states.evidence
    text = f"{request.title}\n{request.body}"
    parents = parents_in(base, warehouse)
    if not parents:
        return states
    kept = {m.key: m for m in states.made}
    said, found = list(states.said), list(states.found)
    for wish in parent_wishes(text, parents, warehouse):
        title = request.title.replace(wish.whole, wish.named)
        body = request.body.replace(wish.whole, wish.named)
        request = request.model_copy(update={"title": title, "body": body})
        before = kept.get(wish.made.key)
        shows = tuple(dict.fromkeys((*(before.shows if before else ()), *wish.made.shows)))
        kept[wish.made.key] = wish.made.model_copy(update={"shows": shows})
        said += [(wish.named, wish.whole)]
        said += [(n, wish.phrase) for _, n in wish.made.shows if n in wish.named]
        found.append(assumed(wish.told))
    return States(
        request, with_related(base, list(kept.values())), tuple(kept.values()), tuple(said),
        tuple(found), tuple(parents), chains(text, parents),
    )  # fmt: skip


def _counted_by_versions(
    text: str, evidence: Evidence, versions: Sequence[Versions]
) -> dict[str, str]:
    """What versions are of (`member`), by their relation, where a ticket counts it at a moment by
    what but its versions tell."""
    said = {x for s in content_stems(text) for x in alike(s)}
    found = {}
    for version in versions:
        card = evidence.relation(version.relation)
        own = set(name_stems(version.key)) - KEY_STEMS
        told = [
            c for c in (card.columns if card else ())
            if not _is_own_key(c) and c.name not in {version.key, version.begins, version.ends}
            and (words_ := set(name_stems(c.name)) - KEY_STEMS) and words_ <= said
        ]  # fmt: skip
        owners = [
            c for c in evidence.relations
            if c.key != version.relation and (k := c.column(version.key)) and k.is_unique
        ]  # fmt: skip
        if told and own <= said and not any(o.column(c.name) for o in owners for c in told):
            found[version.relation] = re.sub(r"_(?:id|key|no|nr|code)$", "", snake(version.key))
    return found


@dataclass(frozen=True)
class _Lookup:
    evidence: Evidence
    versions: Sequence[Versions]
    text: str

    def made(self, wish: StateWish) -> Related | None:
        """The relation that a phrase names a column of; None where that is not clear."""
        found = [
            (v, c) for v in self.versions if self._is_owner(wish.owner, v)
            if (c := self._value(wish.value, v)) is not None
        ]  # fmt: skip
        if len(found) != 1:
            return None
        version, column = found[0]
        if wish.is_now:
            return self._now(version, column)
        return self._then(wish, version, column)

    def _is_owner(self, owner: str, version: Versions) -> bool:
        said = content_stems(owner)
        if not said:
            return True
        card = self.evidence.relation(version.relation)
        own = {*name_stems(version.key), *(entity_stems(card) if card else ())}
        own |= {
            s for e in self.evidence.joins if (e.left, e.left_column) == (version.relation, version.key)
            for s in name_stems(entity_of(e.right))
        }  # fmt: skip
        return all(alike(s) & own for s in said)

    def _value(self, value: str, version: Versions) -> ColumnCard | None:
        card = self.evidence.relation(version.relation)
        technical = {version.key, version.begins, version.ends}
        own = {*name_stems(version.key)} - KEY_STEMS
        said = [s for s in content_stems(value) if s not in own]
        columns = [
            c for c in (card.columns if card else ())
            if c.name not in technical and said and set(said) <= set(column_stems(c))
        ]  # fmt: skip
        columns = [c for c in columns if not _is_own_key(c)] or columns
        exact = [c for c in columns if set(column_stems(c)) - own <= {*said, *KEY_STEMS}]
        columns = exact if len(exact) == 1 else columns
        return columns[0] if len(columns) == 1 and not columns[0].is_personal else None

    def _then(self, wish: StateWish, version: Versions, column: ColumnCard) -> Related | None:
        linker = SchemaLinker(self.evidence, JoinPlanner(self.evidence))
        said = content_stems(wish.event)
        found: list[tuple[RelationCard, str, str, str]] = []
        whole = {x for s in said for x in alike(s)}

        def strange(card: RelationCard) -> tuple[int, int]:
            own = set(entity_stems(card))
            return (len(own - whole) if own & whole else 9, _LAYERS.index(card.layer))

        for card in sorted(self.evidence.relations, key=strange):
            mine, key = self._pointer(card, version), linker.key_column(card)
            if mine is None or key is None or card.key == version.relation:
                continue
            times = linker.times(card)
            is_named = bool(said) and all(alike(s) & set(entity_stems(card)) for s in said)
            if said and not is_named:
                moments = linker.moments(card, wish.event)
            else:
                clear = len(times) == 1 or (times and times[0][1] >= times[1][1] + 0.7)
                moments = [times[0][0]] if clear else []
            spoken = {x for s in content_stems(self.text) for x in alike(s)}
            if not said and not set(entity_stems(card)) <= spoken:
                continue
            if len(moments) == 1 and moments[0].nulls != card.row_count:
                found.append((card, mine, key, moments[0].name))
        nearest = [f for f in found if strange(f[0]) == strange(found[0][0])]
        if len(nearest) != 1:
            return None
        card, mine, key, at = nearest[0]
        return Related(
            key=snake(f"{singular(entity_of(card.key))} with {entity_of(version.relation)} then"),
            relation=version.relation, by=f"{card.key}.{key}", to=card.key, to_column=key,
            match=(mine, version.key), shows=((column.name, f"{snake(column.name)}_then"),), at=at,
            valid=(version.begins, version.ends),
        )  # fmt: skip

    def _now(self, version: Versions, column: ColumnCard) -> Related | None:
        linker = SchemaLinker(self.evidence, JoinPlanner(self.evidence))
        owners = [
            (c, mine) for c in sorted(self.evidence.relations, key=lambda c: _LAYERS.index(c.layer))
            if c.key != version.relation and (mine := self._pointer(c, version))
            and linker.key_column(c) == mine and not c.column(column.name)
        ]  # fmt: skip
        name = f"current_{snake(column.name)}"
        if not owners or any(c.column(name) for c in self.evidence.relations):
            return None
        card, mine = owners[0]
        return Related(
            key=snake(f"{singular(entity_of(card.key))} with current {entity_of(version.relation)}"),
            relation=version.relation, by=f"{card.key}.{mine}", to=card.key, to_column=mine,
            match=(mine, version.key), filters=(version.now,),
            shows=((column.name, f"current_{snake(column.name)}"),),
        )  # fmt: skip

    def _pointer(self, card: RelationCard, version: Versions) -> str | None:
        """The column of a relation that names what has versions."""
        ends = {
            (e.right, e.right_column) for e in self.evidence.joins
            if (e.left, e.left_column) == (version.relation, version.key)
        }  # fmt: skip
        ways = [
            e.left_column for e in self.evidence.joins
            if e.left == card.key and (e.right, e.right_column) in ends
        ]  # fmt: skip
        same = card.column(version.key)
        own = [column for relation, column in ends if relation == card.key]
        if same or own:
            return same.name if same else own[0]
        return ways[0] if len(set(ways)) == 1 else None


def _is_own_key(column: ColumnCard) -> bool:
    return column.is_unique and bool(set(column_stems(column)) & KEY_STEMS)


def _assumed(
    wish: StateWish, made: Related, evidence: Evidence, warehouse: Warehouse | None
) -> Assumption:
    when = f"at `{made.to}.{made.at}`" if made.at else "now"
    bounds = f" (`{made.valid[0]}` included, `{made.valid[1]}` excluded)" if made.at else ""
    text = f"“{wish.phrase}” is `{made.shows[0][0]}` of the row of `{made.relation}` that holds"
    text += f" {when}{bounds}"
    card, there = evidence.relation(made.to), with_related(evidence, [made]).relation(made.key)
    check = f"select count(*) from {there.relation_name} as r" if there else ""
    if card and there and warehouse:
        try:
            known = warehouse.query(check, limit=1).rows[0][0]
            text += f"; {(card.row_count or 0) - known:,} of {card.row_count or 0:,} rows have none"
        except InvalidInput:
            check = ""
    grounding = Grounding(source="assumption", text=text, confidence=0.7)
    return Assumption(text=f"{text}.", check_sql=check, grounding=grounding)


def _texts(content: Any) -> str:
    """All columns and SQL of a specification, without what is told of them."""
    if isinstance(content, dict):
        return " ".join(_texts(v) for k, v in content.items() if k not in _TOLD | _NAMES)
    if isinstance(content, list | tuple):
        return " ".join(map(_texts, content))
    return content if isinstance(content, str) else ""


def _in_own_words(content: Any, said: Sequence[tuple[str, str]], name: str = "") -> Any:
    """What is told, with the phrases of the ticket in the place of our names for them."""
    if isinstance(content, dict):
        return {k: _in_own_words(v, said, k) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return tuple(_in_own_words(v, said, name) for v in content)
    if isinstance(content, str) and name in _TOLD:
        for column, phrase in said:
            content = content.replace(column, phrase)
    return content
