"""Makes the lexicon of one evidence: what the data tells about words that read in two ways."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crew.artifacts import RelationCard
from crew.catalog.warehouse_profile import is_temporal
from crew.drafting.lexicon import Lexicon
from crew.drafting.schema_linker import SchemaLinker, content_stems
from crew.drafting.spoken_names import told_stems
from crew.drafting.vocabulary import grain_words, literal_stems, stems, word_set, words

_FEW = 50
"""Rows of a relation up to which `per` one of them is a split rather than a quotient."""


def lexicon_of(relations: Sequence[RelationCard], linker: SchemaLinker) -> Lexicon:
    """The lexicon of the relations of one evidence."""
    names, values = {}, {}
    held: dict[str, dict[str, str]] = {}
    taken = word_set("wishes") | {"no", "not"}  # `no_show`
    for card in relations:
        for column in card.columns:
            held.setdefault(column.name.lower(), {}).update({v.lower(): v for v in column.values})
            for value in column.values:
                said = re.split(r"[\s_-]+", value.lower())
                if len(said) > 1 and any(w in grain_words() or w in taken for w in said):
                    values[" ".join(said)] = value
            parts = column.name.lower().split("_")
            if _is_compound(parts):
                names["".join(parts)] = column.name
            if len(parts) > 1 and len(literal_stems(column.name)) < len(parts):
                names[" ".join(parts)] = column.name  # `Einheit-Nr`, `Betrag netto`
            timed = any(p in grain_words() for p in parts)
            if timed and len(parts) > 1 and not is_temporal(column):
                names[" ".join(parts)] = column.name
            if told_stems(column) and not is_temporal(column):
                said = re.split(r"[,;:(.=]|\sin\s", column.told)[0].lower().split()
                if 1 < len(said) < 5 and any(w in grain_words() for w in said):
                    names[" ".join(said)] = column.name
    spoken = {w for c in relations for n in (c.key, *(x.name for x in c.columns)) for w in words(n)}
    own = frozenset(w for w in spoken if len(w) >= 4)
    keys = frozenset(c.key for c in relations if re.search(r"[_.]", c.key))
    return Lexicon(names, values, lambda unit: _is_split(unit, linker), own, held, keys)


def _is_compound(parts: Sequence[str]) -> bool:
    """Whether people may write a column's name as one word of their own: `Objektname` for
    `objekt_name`, `Vertragsbeginn`; not where it is plain English."""
    whole = "".join(parts)
    if not whole.isalpha() or len(whole) < 8:
        return False
    return len(parts) > 1 or len(stems(whole)) > 1


def _is_split(unit: str, linker: SchemaLinker) -> bool:
    said = content_stems(unit)
    named = [e.card for e in linker.entities(said) if not e.rest]
    if named:
        return all(0 < (card.row_count or 0) <= _FEW for card in named)
    columns = linker.lookups_anywhere(said)
    return bool(columns) and columns[0].exact and set(said) <= set(stems(columns[0].name))
