"""What a ticket wants of the rows of a staging model, and which of its clauses nothing reads.

Removed rows stay or go, amounts stay in cents, deliveries stay or the first one holds. A clause that
may narrow or compute something and that no reader takes is asked about; others are noted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from crew.drafting.edits.phrases import phrases
from crew.drafting.staging_increments import WORDS as INCREMENT
from crew.drafting.staging_words import unwrapped, without_colons
from crew.drafting.vocabulary import name_stems, stem_set, stems, word_set, words

_REMOVED_WORDS = r"(?:soft[- ]?)?(?:deleted|removed|deletions|deletes|gelöscht\w*|supprim\w+|borrad\w+|eliminad\w+)"
_KEEP_REMOVED = re.compile(
    r"\b(?:keep|include|including|leave in|retain|also|with|flag|mark|behalt\w*|mit|auch|avec|con|incl\w*)"
    rf"\b[^.;,\n]{{0,30}}\b{_REMOVED_WORDS}\b"
    r"|\b(?:do not|don't|never|nicht)\s+(?:drop|remove|filter|exclude|leave out)"
    rf"\b[^.;,\n]{{0,30}}\b{_REMOVED_WORDS}\b"
    rf"|\b{_REMOVED_WORDS}\b[^.;,\n]{{0,30}}\b(?:stay|remain|too|as well|behalten|flagged|marked|included)\b",
    re.I,
)  # fmt: skip
_NOT = re.compile(r"^(?:do not|don't|never|nicht)\b", re.I)
_DROP_REMOVED = re.compile(
    rf"\b(?:without|exclud\w+|drop|remove|filter|no|not|out|ohne|sans|sin)\b[^.;,\n]{{0,30}}\b{_REMOVED_WORDS}\b"
    rf"|\b{_REMOVED_WORDS}\b[^.;,\n]{{0,30}}\b(?:out|excluded|dropped|weg\w*|raus|left out|filtered)\b", re.I
)  # fmt: skip
_CENTS_STAY = re.compile(
    r"\b(?:keep|leave|stay|remain)\w*\b[^.;,\n]{0,30}\bcents?\b"
    r"|\bcents?\b[^.;,\n]{0,15}\b(?:as (?:it|they) (?:is|are)|stay|remain)\b"
    r"|\bin cents\b(?![^.;\n]{0,30}\b(?:to|into|→)\b)", re.I
)  # fmt: skip
_CENTS_GO = re.compile(r"\b(?:euros?|dollars?|units|eur|usd|pounds|chf|francs|€|\$)(?!\w)", re.I)
_ALL_DELIVERIES = re.compile(
    r"\b(?:keep|with|all|every|each|alle|jede)\b[^.;,\n]{0,15}\b(?:deliver(?:y|ies)|versions?|re-?deliver\w+|lieferung(?:en)?|duplicates)\b"
    r"|\b(?:do not|don't|no|never|without|nicht)\s+de-?dup\w*", re.I
)  # fmt: skip
_LATEST = re.compile(
    r"\b(?:latest|last|newest|most recent|letzte\w*|dernière|última)\b|\bde-?dup\w*|\bduplicates\b", re.I
)  # fmt: skip
_LATEST_BY = re.compile(
    r"\b(?:latest|last|newest|most recent|letzte\w*|neueste\w*)\s+[`\"']?(?P<column>\w+)", re.I
)
_ABOUT_ROWS = frozenset(
    ["only", "line", "lines", "record", "records", "entry", "entries", "version", "versions",
     "latest", "last", "newest", "most", "recent", "wins", "holds", "counts", "kept", "duplicates",
     "dedupe", "deduplicate", "nur", "zeile", "letzte", "neueste"]
)  # fmt: skip
_FIRST = re.compile(
    r"\b(?:first|earliest|oldest|erste\w*)\b[^.;,\n]{0,20}\b(?:deliver\w*|versions?|rows?|records?|load\w*)\b", re.I
)  # fmt: skip
_NARROWS = re.compile(
    r"\b(?:leav\w+\b[^.;\n]{1,30}\bout|leave out|skip(?:s|ped|ping)?|ignor\w+|omit(?:s|ted|ting)?|only"
    r"|just the|without|exclud\w+|except|where|filter\w*|join\w*|look ?up|unless|newer than|older"
    r" than|since|before|after|sum|count|average|divided|minus|plus|times the|if|when|first|latest|last|"
    r"replace|map(?:ped)?|combine\w*|concat\w*|calculat\w+|comput\w+|deriv\w+|de-?dup\w*|nur|ohne|außer|wenn|falls|"
    r"solo|sin|excepto|cuando|sauf|seulement|hors|sans|uniquement)\b", re.I
)  # fmt: skip
_CLAUSE = re.compile(r"[,;]\s|[.:!?](?:\s|$)|\n|\s-\s|\bbut\b|\baber\b")


@dataclass(frozen=True)
class RowWishes:
    """`latest_by` is what stands after “latest”."""

    keeps_removed: bool = False
    in_cents: bool = False
    every_delivery: bool = False
    first_delivery: bool = False
    latest_by: tuple[str, ...] = ()


def row_wishes(text: str) -> RowWishes:
    text = unwrapped(text)
    return RowWishes(
        keeps_removed=_keeps_removed(text),
        in_cents=_CENTS_STAY.search(text) is not None and not _CENTS_GO.search(text),
        every_delivery=_ALL_DELIVERIES.search(text) is not None,
        first_delivery=_FIRST.search(text) is not None,
        latest_by=tuple(m["column"].lower() for m in _LATEST_BY.finditer(text)),
    )


def _keeps_removed(text: str) -> bool:
    kept = _KEEP_REMOVED.search(text)
    return kept is not None and (bool(_NOT.search(kept.group())) or not _DROP_REMOVED.search(text))


def unread(
    text: str, known: Collection[str], taken: Collection[str], columns: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Clauses that no reader takes: those that may narrow or compute something, and others.

    `known` are names of tables and columns, `taken` clauses (or parts) that another reader read. Of
    what a staging model has no place for (masks, groups, tests, tags), that which is about one of its
    `columns` is asked about, the rest noted.
    """
    ordinary = word_set("ordinary_in_staging") | stem_set("ordinary_in_staging")
    named = {s for n in known for s in (*words(n), *stems(n), *_parts(n))} | ordinary | type_words()
    read = {f" {' '.join(words(t))} " for t in taken}
    lowered = {c.lower() for c in columns}
    own_words = {s for c in columns for s in (*stems(c), *name_stems(c))} - ordinary
    asked: list[str] = []
    noted: list[str] = []
    for clause in _CLAUSE.split(unwrapped(without_colons(text, known))):
        plain = clause.strip(" -*•()`\"'")
        own = f" {' '.join(words(plain))} "
        if own in read or any(r in own for r in read if len(r) > 5):
            continue
        narrows = _NARROWS.search(plain)
        patterns = (_KEEP_REMOVED, _DROP_REMOVED, _CENTS_STAY, _ALL_DELIVERIES, _FIRST, INCREMENT)
        if any(p.search(plain) for p in patterns) or (_CENTS_GO.search(plain) and not narrows):
            continue
        left = [w for w in words(plain) if w not in named and not set(stems(w)) <= named]
        per = _ROW_PER.search(plain)
        if _WANTS.search(plain) and not (per and per["what"].lower() not in lowered):
            about = _NOT_IN.search(plain) or set(stems(plain)) & own_words
            is_asked = (about and not _TESTS.search(plain)) or (narrows and left)
            (asked if is_asked else noted).append(plain)
            continue
        if _LATEST.search(plain) and not set(left) - _ABOUT_ROWS:
            continue
        if narrows and (left or _QUOTED.search(plain)):
            asked.append(plain)
        elif len(left) > 1 and not re.search(r"\bstag(?:e|ing)\b", plain, re.I):
            noted.append(plain)
    return asked, noted


_ROW_PER = re.compile(r"\bone row per (?:the )?[`\"']?(?P<what>\w+)", re.I)
_TESTS = re.compile(r"\btests?\b", re.I)
_NOT_IN = re.compile(
    r"\b(?:should|must|shall|may|can|do|does|are|is)\s*(?:not|n['’]t)\s+(?:be|stay|appear|belong|show|go)\b"
    r"|\bnot\s+be\s+in\b|\bstays?\s+out\b|\b(?:from|in|of|ab|seit|until|bis)\s+(?:\w+\s+)?\d{4}\b",
    re.I,
)
_WANTS = re.compile(
    rf"{_NOT_IN.pattern}"
    r"|\b(?:mask\w*|hash\w*|anonymi\w+|pseudonymi\w+|encrypt\w*"
    r"|sort(?:ed)?|ordered by|group(?:ed)?(?: it)? by|split\w*|partition\w*"
    r"|cluster\w*|not[ _-]null|(?:must|should) (?:always )?be (?:filled|unique|complete|set)|tests?"
    r"|materiali[sz]e\w*|(?:be|as) a(?: real)? (?:table|view)|tag(?:ged)?|owner|one row per|can go|blanks?|nulls?"
    r"|failures|all other models"
    r"|round\w*|aggregat\w+|accepted values?)\b"
    r"|\bkeep\b[^.,;]+\bout\b",
    re.I,
)
_QUOTED = re.compile(r"[\"“'‘][^\"”'’]+[\"”'’]|\b\d+\b")


def _parts(name: str) -> list[str]:
    return [p for w in words(name) for p in w.split("_")]


def type_words() -> set[str]:
    return {w for forms in phrases()["types"].values() for f in forms for w in words(f)}
