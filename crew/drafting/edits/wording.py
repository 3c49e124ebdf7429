"""How names, pairs of names and columns are written in sentences that ask for edits."""

from __future__ import annotations

import re

QUOTE = "[`\"'“‘]?"
END = "[`\"'”’]?"
IDENTIFIER = r"[A-Za-z_]\w*"
ARROW = (
    r"(?:\s*(?:->|=>|→|➔)\s*|\s+(?:(?:should|must|shall|needs? to|has to|have to|is to) (?:now )?be"
    r" (?:called|named|renamed(?: to| into)?)|to|into|as|zu|nach|in|en|a|como|por|be(?: called| named)?"
    r"|(?:be )?renamed to|read|called)\s+)"
)
PAIR = re.compile(
    rf"{QUOTE}(?P<old>{IDENTIFIER}){END}{ARROW}{QUOTE}(?P<new>{IDENTIFIER}){END}", re.I
)
NOUN = re.compile(
    r"\b(?:(?:the|a|an|our|all|both|unused|old|die|der|das|la|le|el|les|los|las)\s+)*"
    r"(?:columns?|fields?|attributes?|spalten?|feld(?:er)?|colonnes?|champs?|columnas?|campos?)\b"
    r"(?:\s+(?:called|named))?",
    re.I,
)
ARTICLES = re.compile(r"^(?:(?:the|a|an|our|its|die|der|das|la|le|el|please|bitte)\s+)+", re.I)
COLUMN_DROP = re.compile(r"\b(?:column|field|spalte|colonne|columna)s?\b", re.I)
PRONOUNS = {"it", "this", "that", "them", "these", "those", "this column", "this one"}
