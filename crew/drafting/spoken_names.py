"""What people call a relation or a column: by its name, or by its description where the name is in
another language or an abbreviation that nobody could guess."""

from __future__ import annotations

import re
from functools import cache

from crew.artifacts import ColumnCard, RelationCard
from crew.catalog.dbt_project import entity_of
from crew.drafting.vocabulary import (
    alike,
    common_nouns,
    literal_stems,
    name_stems,
    singular,
    stem,
    stem_set,
    stems,
    words,
)

_OPENS = re.compile(
    r"^\W*(?:(?:one|1|each|every|a\s+single)\s+(?:row|line|record|entry)\s+(?:is|per|for\s+each|for\s+every|for|=|represents)"
    r"|(?:list|table|history|log|master\s+data|overview|register)\s+of)\s+",
    re.I,
)
_ENDS = re.compile(
    r"[,.;:()=–—]|\s-\s|\b(?:of|with|in|from|per|that|which|and|or|is|are|was|were|as|by|for|who|whose|where|at|on|to|the|when|if|only|without|including|charged|paid|booked|made)\b",
    re.I,
)
_FILLING = frozenset(
    stem(w)
    for w in ("row", "record", "table", "raw", "staging", "cleaned", "clean", "current", "all", "what", "whether",
              "how", "when", "true", "false", "see", "deprecated", "old", "new", "text", "list", "unique")
)  # fmt: skip


def entity_stems(card: RelationCard) -> list[str]:
    """Stems of what a row of a relation is called; those of its name first."""
    return entity_words(card.called or entity_of(card.key), card.description)[0]


def entity_names(card: RelationCard) -> list[list[str]]:
    """Every name of what a row is: by the relation's name, and by its description."""
    name, told = entity_words(card.called or entity_of(card.key), card.description)[1:]
    return [n for n in (name, told) if n]


def column_stems(column: ColumnCard) -> list[str]:
    """Stems of the words that a column is called by."""
    return column_words(column.name, column.told)


def told_stems(column: ColumnCard) -> list[str]:
    """Stems that only the description calls a column by; empty where its name speaks."""
    return [s for s in column_stems(column) if s not in name_stems(column.name)]


def described_name(column: ColumnCard) -> list[str]:
    """Stems of the noun phrase that a column's description opens with; empty where there is none."""
    return _head(column.told)


@cache
def entity_words(name: str, description: str) -> tuple[list[str], list[str], list[str]]:
    """(all stems, those of the name, those of the description where the name says nothing)."""
    own = name_stems(name)
    told = _head(_OPENS.sub("", description))[-2:] if description else []
    foreign = not literal_stems(name) & common_nouns() and set(own) & common_nouns()
    if not told or set(told) & set(own) or (_speaks(own, stems(description)) and not foreign):
        return own, own, []
    return [*own, *(s for s in told if s not in own)], own, told


@cache
def column_words(name: str, description: str) -> list[str]:
    """Stems of a column's name, and of its description where the name says nothing."""
    own = name_stems(name)
    if not description or _speaks(own, stems(description)):
        return own
    return [*own, *(s for s in _first_clause(description) if s not in own)]


def _speaks(own: list[str], described: list[str]) -> bool:
    """Whether a name and a description have a word in common, or the name is made of plain ones."""
    said = {x for s in described for x in alike(s)}
    return any(
        s in said or any(_is_short_for(s, d) for d in described) or s in _plain_words() for s in own
    )


def _is_short_for(token: str, word: str) -> bool:
    return len(token) >= 2 and word.startswith(token)


@cache
def _plain_words() -> frozenset[str]:
    """Words of the vocabulary that name columns: a name with one of them is plain English."""
    lists = (
        "creation_words",
        "begins",
        "ends",
        "early_events",
        "late_events",
        "states",
        "money",
        "loaded",
    )
    known = frozenset().union(*(stem_set(n) for n in lists)) - {stem("at"), stem("on")}
    return known | common_nouns()


def _first_clause(description: str) -> list[str]:
    """The stems of the words that a description begins with, up to its first comma or bracket."""
    first = re.split(r"[,;:(=]|(?<=[.!?])\s|\.$|\n", description.strip(), maxsplit=1)[0]
    noise = stem_set("stops") | stem_set("articles") | stem_set("currencies") | _FILLING
    said = [stem(singular(w)) for part in words(first) for w in part.split("-")]
    said = [s for s in said if s not in noise and not s.isdigit()]
    return said if len(said) <= 5 else []


def _head(description: str) -> list[str]:
    """The stems of the noun phrase that a description opens with, three at most."""
    first = re.split(r"(?<=[.!?])\s|\n", description.strip())[0]
    head = _ENDS.split(first.strip(), maxsplit=1)[0] if first else ""
    said = [stem(singular(w)) for w in words(head) if w not in {"a", "an", "the", "each", "every"}]
    said = [s for s in said if s not in _FILLING and not s.isdigit()]
    return said[:3] if 0 < len(said) <= 4 else []
