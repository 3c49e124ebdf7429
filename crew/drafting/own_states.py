"""Whose state a word tells: `cancelled invoices` are hardly those of cancelled subscriptions.

A condition that is only found on other rows that the counted ones point at, while these have a
state of their own, is one meaning among several. It is asked with the own states beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from crew.catalog.dbt_project import entity_of
from crew.drafting.schema_linker import ConditionLink, SchemaLinker, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import alike, name_stems, stem, stems

_STATE = {stem("status"), stem("state")}
_MOST = 4


def rivals(
    linker: SchemaLinker, link: ConditionLink, said: Sequence[str], bases: Sequence[str]
) -> list[ConditionLink]:
    """The own states of the counted rows, where `link` tells the state of others that the words
    `said` do not name; empty where nothing else can be meant."""
    if not link.column or not set(name_stems(link.column)) & _STATE:
        return []
    if entity_of(link.relation) in {entity_of(b) for b in bases}:
        return []
    looked_up = {
        e.left_column for e in linker.planner.edges if e.right == link.relation and e.left in bases
    }
    if any(set(name_stems(c)) & _STATE for c in looked_up):
        return []  # the table that tells what the own states mean
    owner = linker.evidence.relation(link.relation)
    named = {x for s in (entity_stems(owner) if owner else ()) for x in alike(s)}
    if named & set(said):
        return []
    found: list[ConditionLink] = []
    for base in bases:
        card = linker.evidence.relation(base)
        for column in card.columns if card else ():
            if not set(column_stems(column)) & _STATE or len(column.values) < 2:
                continue
            for value in column.values:
                links = linker.conditions(stems(value), [base])
                found += [k for k in links if (k.relation, k.column) == (base, column.name)][:1]
    return found[:_MOST]
