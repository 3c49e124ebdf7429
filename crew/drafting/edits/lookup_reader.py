"""Reads columns that a key of a model leads to: `the name of the return station`.

Every word has to be explained by the column, by what the relation is about or by the key. Of
several keys to the same relation the words choose; where they do not, it is asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import AddColumn, JoinEdge
from crew.catalog.dbt_project import entity_of
from crew.drafting.key_roles import meant_keys
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import name_stems, stem, stem_set, words

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_PRONOUN = re.compile(r"\b(?:its|their|his|her|dessen|deren|seine[nrms]?|ihre[nrms]?)\b", re.I)
_FILLERS = {stem(w) for w in ("the", "it", "its", "their", "each", "every", "also", "please", "id")}


class LookupReader:
    """Lookups of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view = reader, reader.view

    def read(self, name: str, phrase: str, model: str) -> AddColumn | None:
        """The column that a phrase names as one of what a key leads to; called `name`, or, where that
        is empty, as there, with the word that the key has of its own."""
        required = set(content_stems(_PRONOUN.sub(" ", phrase))) - stem_set("stops") - _FILLERS
        hints = set(name_stems(name))
        if _PRONOUN.search(phrase):
            hints |= set(content_stems(self.reader.title))
        if not required or any(len(s) < 2 for s in required):
            return None
        found: dict[tuple[str, str], list[JoinEdge]] = {}
        for edge in self.reader.evidence.joins:
            if edge.left == model and edge.right in self.view.models:
                for column in self._columns(edge, required, hints, bool(_PRONOUN.search(phrase))):
                    found.setdefault((edge.right, column), []).append(edge)
        barred = {model, *self.view.below(model)}
        found = {k: e for k, e in found.items() if k[0] not in barred}
        if not found or len({column for _, column in found}) > 1:
            return None
        parents = self.view.nodes[model].parents
        relation, column = min(found, key=lambda f: (f[0] not in parents, self.view.order[f[0]]))
        by = self._edge(found[relation, column], required | hints, phrase)
        if by is None:
            return None
        new = name or _called(by, column)
        self.reader.assume(f"`{new}` is `{relation}.{column}` by `{by.left_column}`.")
        return AddColumn(
            model=model, column=new, expression=column, relation=relation,
            keys=((by.left_column, by.right_column),),
        )  # fmt: skip

    def _columns(
        self, edge: JoinEdge, required: set[str], hints: set[str], is_pronoun: bool
    ) -> list[str]:
        entity = {stem(w) for w in words(entity_of(edge.right))}
        entity |= set(name_stems(edge.right_column)) - _FILLERS
        key = set(name_stems(edge.left_column)) - _FILLERS
        spoken = required | hints if is_pronoun else required
        if not spoken & (entity | key):
            return []
        found = []
        for column in self.view.columns(edge.right):
            own = set(name_stems(column))
            own = own - entity or own
            if column != edge.right_column and own <= required <= own | entity | key:
                found.append(column)
        return found

    def _edge(self, edges: list[JoinEdge], said: set[str], phrase: str) -> JoinEdge | None:
        meant = meant_keys(edges, said)
        if len(meant) == 1:
            return meant[0]
        index = self.reader.ask(
            f"edit:by:{edges[0].left}:{edges[0].right}",
            f"“{phrase}”: `{edges[0].left}` points at `{edges[0].right}` by more than one key. Which one"
            " is meant?",
            [(f"by `{e.left_column}`", "") for e in meant],
        )
        return meant[index] if index is not None else None


def _called(edge: JoinEdge, column: str) -> str:
    """As it is called there, with the word of its own that the key has: `return_station_name`."""
    own, theirs = edge.left_column.lower(), edge.right_column.lower()
    role = own.removesuffix(theirs) if own.endswith(f"_{theirs}") else ""
    return f"{role}{column}"
