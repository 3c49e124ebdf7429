"""Keys of JSON that a ticket names, for figures and splits as if they were columns.

The interpreter sees them as columns of a relation; the specification that comes of it holds SQL
that reads them where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from crew.artifacts import (
    Assumption,
    ColumnCard,
    Evidence,
    Grounding,
    RelationCard,
    RequirementSpec,
)
from crew.catalog.warehouse_profile import quoted
from crew.drafting.json_paths import json_value
from crew.drafting.row_sets import parse_sql
from crew.drafting.scope import key_of
from crew.drafting.vocabulary import name_stems, snake, stems

Keys = dict[tuple[str, str], str]
"""SQL over qualified columns of (relation, name of the key)."""
_SQL = {"expression", "time", "active_from", "active_to", "order_by", "filters", "condition", "by",
        "spine_filters"}  # fmt: skip


def with_named_keys(evidence: Evidence, text: str) -> tuple[Evidence, Keys]:
    """The evidence with the keys that a text names and no column is called like, and their SQL;
    none of personal data.

    Such a relation is a query that holds them, so that figures of options can be asked for.
    """
    said = set(stems(text))
    taken = {tuple(name_stems(c.name)) for r in evidence.relations for c in r.columns}
    relations, keys = [], Keys()
    for card in evidence.relations:
        named: dict[str, ColumnCard] = {}
        for field in (f for c in card.columns for f in c.fields if not f.is_personal):
            own = name_stems(field.path[-1])
            name = snake(field.path[-1])
            near = any(set(own) <= set(name_stems(c.name)) for c in card.columns)
            if not own or near or tuple(own) in taken or field.data_type == "json":
                continue
            if set(own) <= said:
                named.setdefault(name, field)
        relations.append(_with(card, named, evidence.dialect, keys))
    if not keys:
        return evidence, keys
    return evidence.model_copy(update={"relations": tuple(relations)}), keys


def _with(
    card: RelationCard, named: Mapping[str, ColumnCard], dialect: str, keys: Keys
) -> RelationCard:
    if not named:
        return card
    columns, shown = list(card.columns), []
    for name, field in named.items():
        holder = card.column(field.path[0])
        assert holder is not None
        sql = json_value(holder, field.path[1:], field.data_type, dialect)
        shown.append(f"{sql} as {quoted(name, dialect)}")
        tree = parse_sql(sql, dialect)
        for column in tree.find_all(exp.Column):
            column.set("table", exp.to_identifier(card.key))
        keys[card.key, name] = tree.sql(dialect=dialect)
        told = f"Key `{'.'.join(field.path[1:])}` of `{field.path[0]}`"
        columns.append(field.model_copy(update={"name": name, "description": told}))
    query = f"(select *, {', '.join(shown)} from {card.relation_name})"
    return card.model_copy(update={"columns": tuple(columns), "relation_name": query})


def read_in_place(spec: RequirementSpec, keys: Keys, evidence: Evidence) -> RequirementSpec:
    """The specification with SQL in place of keys that it took for columns, which is stated."""
    if not keys or spec.questions:
        return spec
    used: dict[tuple[str, str], None] = {}

    def rewrite(text: str) -> str:
        tree = parse_sql(text, evidence.dialect)
        found = [c for c in tree.find_all(exp.Column) if (key_of(c), c.name) in keys]
        if not found:
            return text
        used.update(dict.fromkeys((key_of(c), c.name) for c in found))

        def replaced(node: exp.Expr) -> exp.Expr:
            sql = keys.get((key_of(node), node.name)) if isinstance(node, exp.Column) else None
            return exp.paren(parse_sql(sql, evidence.dialect)) if sql else node

        made = tree.transform(replaced)
        return str((made.unnest() if isinstance(made, exp.Paren) else made).sql(evidence.dialect))

    def walk(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            if {"column", "relation", "expression"} <= value.keys():  # a dimension
                place = (value["relation"], value["column"])
                if place in keys and not value["expression"]:
                    used[place] = None
                    holder = next(parse_sql(keys[place], evidence.dialect).find_all(exp.Column))
                    return {**value, "column": holder.name, "expression": keys[place]}
            return {k: walk(v, k) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return tuple(walk(v, name) for v in value)
        return (
            rewrite(value)
            if name in _SQL and isinstance(value, str) and value not in ("", "*")
            else value
        )

    content = walk(spec.model_dump())
    if not used:
        return spec
    made = RequirementSpec.model_validate(content)
    assumptions = tuple(_assumption(place, keys[place], evidence) for place in used)
    return made.model_copy(update={"assumptions": (*assumptions, *made.assumptions)})


def _assumption(place: tuple[str, str], sql: str, evidence: Evidence) -> Assumption:
    relation, name = place
    text = f"`{name}` is a key in the JSON of `{relation}`, read as `{sql}`."
    return Assumption(
        text=text, grounding=Grounding(source="assumption", text=text, confidence=0.7)
    )
