"""Splits by what stands above a row in its own table: the manager of an employee, a parent category.

The parent is looked up by the key that the row names, so that each row finds one or none. What stands
above the parent in turn (root, top level) is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crew.artifacts import (
    Assumption,
    ColumnCard,
    Evidence,
    Grounding,
    Option,
    Question,
    Related,
    RelationCard,
    RequirementSpec,
)
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import quoted
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.schema_linker import KEY_STEMS, SchemaLinker, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import alike, name_stems, singular, snake, stem, stems, words
from crew.errors import InvalidInput
from crew.ports import Warehouse

_ROLES = (
    "parent", "manager", "supervisor", "boss", "superior", "leader", "lead", "mentor", "referrer", "owner",
    "uebergeordnet", "übergeordnet", "uebergeordnete", "übergeordnete", "vorgesetzter", "vorgesetzte",
    "vorgesetzten", "mutter", "ober", "padre", "jefe", "parent", "superviseur", "responsable",
)  # fmt: skip
_LABELS = {stem(w) for w in ("name", "title", "label")}
_CHAIN = re.compile(
    r"\b(?:root|top[- ]?(?:most|level)|ultimate|highest|grand-?parent|all levels|whole (?:hierarchy|tree)"
    r"|oberste\w*|wurzel\w*|racine|ra[ií]z)\b", re.I
)  # fmt: skip
_SPLIT = r"(?P<by>\b(?:by|per|and|nach|je|pro|und|par|et|por|y)\s+|,\s*)(?:(?:the|their|its|der|des|dem)\s+)?"
_HAVING = (
    r"\b(?:without|with|no|not|have|has|having|had|lack\w*|missing|ohne|mit|keinen?|kein|sans|avec|sin|con)\s+"
    r"(?:(?:an?|any|the|their|a\s+direct|direct|einen?|un|una)\s+)?"
)
_MATCHED = 0.95


@dataclass(frozen=True)
class Parent:
    """`column` of `relation` names the row above by its `key`; `role` is the word for that."""

    card: RelationCard
    column: ColumnCard
    key: str
    role: str


@dataclass(frozen=True)
class ParentWish:
    """`whole` is what a ticket says, `named` what it becomes; `made` shows that of the parent."""

    whole: str
    phrase: str
    named: str
    made: Related
    told: str


def parents_in(evidence: Evidence, warehouse: Warehouse | None) -> list[Parent]:
    """Columns that lead to another row of their own relation, as the data bear out."""
    found: list[Parent] = []
    linker = SchemaLinker(evidence, JoinPlanner(evidence))
    for card in evidence.relations if warehouse else ():
        key = linker.key_column(card)
        for column in card.columns if key else ():
            role = _role(column, card)
            if (
                role
                and key
                and column.name != key
                and _leads(card, column, key, evidence.dialect, warehouse)
            ):
                found.append(Parent(card, column, key, role))
    return found


def _role(column: ColumnCard, card: RelationCard) -> str:
    """`manager` of `manager_id`, `parent` of `parent_cat_no`; empty for other columns."""
    entity = {x for s in entity_stems(card) for x in alike(s)}
    own = [
        w
        for w in words(column.name)
        if not set(name_stems(w)) & (entity | KEY_STEMS | {"to", "by"})
    ]
    is_key = bool(set(column_stems(column)) & KEY_STEMS) or "reports" in own
    if not is_key or len(own) != 1:
        return ""
    role = {"reports": "manager"}.get(own[0], own[0])
    return role if role in _ROLES else ""


def _leads(
    card: RelationCard, column: ColumnCard, key: str, dialect: str, warehouse: Warehouse | None
) -> bool:
    p, k, name = quoted(column.name, dialect), quoted(key, dialect), card.relation_name
    sql = (
        f"select count({p}), sum(case when {p} in (select {k} from {name}) then 1 else 0 end)"
        f" from {name} where {p} is not null and {p} <> {k}"
    )
    try:
        known, there = warehouse.query(sql, limit=1).rows[0] if warehouse else (0, 0)
    except InvalidInput:
        return False
    return bool(known) and (there or 0) >= _MATCHED * known


def parent_wishes(
    text: str, parents: Sequence[Parent], warehouse: Warehouse | None
) -> Iterator[ParentWish]:
    """The splits of a text by something of a parent, in order; each phrase once."""
    for parent in parents:
        role = _spoken(parent)
        entity = _entity(parent)
        patterns = (
            rf"{_SPLIT}(?P<phrase>(?P<what>\w+(?:\s\w+)?)\s+(?:of|des|der|de)\s+(?:the\s+|their\s+|its\s+)?{role}"
            rf"(?:\s+{entity}|\s+of\s+(?:the\s+|its\s+|each\s+)?{entity})?)(?![\w-])",
            rf"{_SPLIT}(?P<phrase>(?:direct\s+)?{role}(?:[\s-]+{entity})?(?:['’]s?)?"
            r"\s+(?P<what>(?!(?:and|or|in|with|for|over|per|by|since|where|without|who|that)\b)\w+))(?![\w-])",
            rf"{_SPLIT}(?P<phrase>(?:main|upper|higher)\s+{entity},?\s*\(?(?:i\.?e\.?|that\s+is|d\.\s?h\.)\s*,?\s*(?:the\s+)?"
            rf"(?:(?P<what>\w+)\s+of\s+the\s+)?{role}(?:\s+of\s+the\s+(?:\w+['’]s\s+)?{entity})?\)?)(?![\w-])",
            rf"{_SPLIT}(?P<phrase>(?:direct\s+)?{role}(?P<what>)(?:[\s-]+{entity})?)(?![\w-])",
        )
        taken: set[str] = set()
        for pattern in patterns:
            for match in re.finditer(pattern, text, re.I):
                if any(match["phrase"] in t or t in match["phrase"] for t in taken):
                    continue
                before = text[: match.start()]
                if _CHAIN.search(match["what"] or "") or re.search(
                    r"\b(?:row|line)\s+$", before, re.I
                ):
                    continue
                wish = _wish(match, parent, warehouse)
                if wish:
                    taken.add(match["phrase"])
                    yield wish


def _wish(match: re.Match[str], parent: Parent, warehouse: Warehouse | None) -> ParentWish | None:
    card, what = parent.card, match["what"] or ""
    entity = {x for s in entity_stems(card) for x in alike(s)}
    said = [s for s in content_stems(what) if s not in entity] or ([stem("name")] if what else [])
    labels = [c for c in card.columns if set(column_stems(c)) & _LABELS]
    labels = [c for c in labels if set(column_stems(c)) - _LABELS <= entity] or labels
    columns = [c for c in card.columns if c.name.lower() == what.lower()]
    columns = columns or [
        c for c in card.columns if said and set(said) <= set(column_stems(c)) - KEY_STEMS
    ]
    if not what or set(said) <= _LABELS:
        columns = labels
    if len(columns) != 1 or columns[0].name == parent.column.name:
        return None
    column, role = columns[0], parent.role
    is_label = column in labels
    if column.is_personal or (is_label and not what and not column.is_unique):
        if not is_label:
            return None
        shown, told = (
            [parent.column.name],
            f"; `{column.name}` is personal data" * column.is_personal,
        )
    else:
        name = f"{role}_{snake(column.name)}"
        both = is_label and (not what or not column.is_unique)
        shown = [*([parent.column.name] if both else []), name]
        told = ""
    made = Related(
        key=f"{snake(singular(entity_of(card.key)))}_{role}_row", relation=card.key, by=f"{card.key}.{parent.key}",
        to=card.key, to_column=parent.key, match=(parent.column.name, parent.key),
        shows=((column.name, f"{role}_{snake(column.name)}"),),
    )  # fmt: skip
    by = match["by"].strip()
    listed = " and ".join(shown)
    named = f", split by {listed}" if by.lower() in {"by", "per"} else f"{match['by']}{listed}"
    what_of = (
        column.name if len(shown) > 1 or shown[0] != parent.column.name else parent.column.name
    )
    text = f"“{match['phrase']}” is `{what_of}` of the row of `{card.key}` that `{parent.column.name}` names"
    if what_of == parent.column.name:
        text = f"“{match['phrase']}” is split by `{card.key}.{parent.column.name}`"
    rows, without = card.row_count or 0, parent.column.nulls or 0
    return ParentWish(match.group(), match["phrase"], named, made,
                      f"{text}{told}; {without:,} of {rows:,} rows name none.")  # fmt: skip


def _spoken(parent: Parent) -> str:
    """A pattern of the words for the role."""
    forms = {parent.role, *(r for r in _ROLES if stem(r) == stem(parent.role))}
    if parent.role == "manager" or parent.role.startswith("vorgesetzt"):
        forms |= {"vorgesetzte[nr]?"}
    if parent.role == "parent" or "bergeordnet" in parent.role:
        forms |= {"übergeordnete[mnrs]?", "uebergeordnete[mnrs]?"}
    return "(?:" + "|".join(sorted(forms, key=len, reverse=True)) + ")"


def _entity(parent: Parent) -> str:
    """A pattern of the words for what the relation holds."""
    told = [w for w in words(parent.card.key.split("__")[-1].split(".")[-1]) if len(w) > 2]
    own = {x for s in entity_stems(parent.card) for x in alike(s)}
    forms = {w for w in told if set(stems(w)) & own} | {s for s in own if len(s) > 3}
    return "(?:" + "|".join(rf"{re.escape(f[:-1])}\w{{1,4}}" for f in sorted(forms)) + ")"


def chains(text: str, parents: Sequence[Parent]) -> Question | None:
    """The question about what stands above the parents, where a ticket speaks of it."""
    for parent in parents:
        role = _spoken(parent)
        twice = rf"(?<!\w){role}(?:['’]?s)?\s+(?:of\s+(?:the|their|its)\s+)?{role}(?!\w)"
        match = re.search(twice, text, re.I) or _CHAIN.search(text)
        if match is None:
            continue
        near = text[match.start() : match.end() + 40]
        if re.search(_entity(parent), near, re.I) or re.search(_spoken(parent), near, re.I):
            return Question(
                id="parent:chain",
                text=f"“{near.split('.')[0].strip()}”: `{parent.card.key}` names the row above each one"
                f" (`{parent.column.name}`), and I follow that one step. Is the direct {parent.role} meant?",
                options=(Option(label="A", meaning=f"the direct {parent.role}"),
                         Option(label="B", meaning="another column says it: …")),
            )  # fmt: skip
    return None


def unexplained(spec: RequirementSpec, text: str, used: str, parents: Sequence[Parent]) -> str:
    """The word for a parent that a ticket says and nothing in its specification is about; columns
    and SQL of that are `used`."""
    names = {s for w in re.findall(r"\w+", used) for s in name_stems(w)}
    for parent in parents:
        role = _spoken(parent)
        if several := re.search(rf"(?<![\w-]){role}s(?!\w)", text, re.I):
            return several.group()  # those that are named, not those that name one
        said = re.search(rf"(?<![\w-]){role}(?![\w-])", text, re.I)
        if said is None:
            continue
        if not {*stems(parent.role), *stems(said.group())} & names:
            return said.group()
        column = re.escape(parent.column.name)
        filled = re.search(rf"\b{column}[`\"]? is (?:not )?null", used, re.I)
        if filled and not re.search(rf"{_HAVING}{role}", text, re.I):
            return said.group()
    return ""


def assumed(text: str) -> Assumption:
    return Assumption(
        text=text, grounding=Grounding(source="assumption", text=text, confidence=0.8)
    )
