"""What the codes in a column mean: by its description, or by codes that everybody uses."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale

from crew.artifacts import ColumnCard
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import stem, stems, vocabulary

_COUNTRY = {stem("country"), stem("nation"), stem("land")}
_SEX = {stem("sex"), stem("gender")}


def code_meanings(column: ColumnCard) -> dict[str, list[list[str]]]:
    """The meanings of each value, as stems of words; values that speak for themselves have none."""
    found: dict[str, list[list[str]]] = {}
    own = set(column_stems(column))
    for value in column.values:
        meanings = _told(value, column.told)
        if own & _COUNTRY and re.fullmatch(r"[A-Z]{2}", value):
            meanings += _country(value)
        if own & _SEX and len(value) == 1:
            meanings += [stems(w) for w in vocabulary()["sexes"].get(value.lower(), ())]
        if meanings:
            found[value] = meanings
    return found


def _told(value: str, description: str) -> list[list[str]]:
    """`C cancelled, S = shipped`."""
    if not re.fullmatch(r"[A-Z0-9]{1,5}", value) or not description:
        return []
    told = re.search(
        rf"(?<![\w]){re.escape(value)}(?![\w])\s*(?:=|:|-|–|means|is|for|\()?\s*(?P<what>[^\W\d_][\w -]{{2,40}}?)"
        r"(?=[,;.)/]|$|\s+(?:or|and)\b|\s+[A-Z0-9]{1,5}\b)",
        description,
    )
    return [stems(told["what"])] if told else []


@cache
def _country(code: str) -> list[list[str]]:
    """The names of a country by its ISO 3166 code, and what its people and things are called."""
    names = [Locale(language).territories.get(code, "") for language in ("en", "de", "fr", "es")]
    names += vocabulary()["countries"].get(code, ())
    return [stems(name) for name in names if name]
