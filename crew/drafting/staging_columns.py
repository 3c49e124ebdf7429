"""Reads which columns of a source a staging model is to go without: `keep the emails out`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crew.artifacts import ColumnCard
from crew.drafting.edits.removal_reader import names_rows
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import name_stems, stems

_END = (
    r"(?=[.;\n]|$|\s[-–]\s|[,)]\s*(?:only|and (?:only|rename|call|cast|add|keep)\b)|\s*[)]|\bbut\b)"
)
_OUT = r"(?:\s+(?:out(?:\s+of\s+(?:it|there|the \w+))?|away|there|please|pls|too|as well|altogether|entirely))*"
_LEAVE = re.compile(
    r"\b(?:leave|leaving|keep|keeping|take|throw)\s+(?P<kept>[^.;\n]{2,80}?)\s+out\b"
    r"|\b(?:leave\s+out|leaving\s+out|drop|dropping|omit|omitting|skip|skipping|remove|removing|exclude|excluding"
    rf"|hide|without|except(?:\s+for)?|but\s+not|minus|ohne|sauf|sin)\s+(?P<what>[^.;\n]{{2,80}}?){_OUT}\s*{_END}"
    r"|(?:^|[.;,\n]\s*|\b(?:and|but)\s+)(?P<gone>[^.;\n]{2,60}?)\s+(?:can go"
    r"|(?:is|are)\s+not\s+(?:needed|wanted|required)|(?:is|are)n['’]t needed"
    r"|(?:can|should|must)\s+be\s+(?:dropped|left out|removed|omitted)"
    r"|should\s+not\s+be\s+in\s+(?:it|there)|stays?\s+out)\b",
    re.I,
)
_PLAIN = re.compile(
    r"\b(?:the|a|an|all|any|our|its|their|columns?|fields?|attributes?|please|pls|we|do|also|and|spalten?|die|der|das)\b",
    re.I,
)


def left_out(text: str, columns: Sequence[ColumnCard]) -> dict[str, list[str]]:
    """Clause → the columns it leaves out, for clauses that name columns and nothing else."""
    found: dict[str, list[str]] = {}
    for match in _LEAVE.finditer(text):
        said = match["kept"] or match["what"] or match["gone"] or ""
        if names_rows(said):
            continue
        parts = [p.strip(" `\"'()") for p in re.split(r",|&|\band\b|\bor\b|\bund\b|/", said)]
        parts = [p for p in parts if _PLAIN.sub("", p).strip()]
        named = [_column(p, columns) for p in parts]
        if named and all(named):
            found[match.group().strip(" .,;\n")] = [c for c in named if c]
    return found


def _column(said: str, columns: Sequence[ColumnCard]) -> str:
    """The one column that words name, by its name or all its words; empty if none or several."""
    plain = _PLAIN.sub(" ", said).strip(" `\"'")
    exact = [c.name for c in columns if c.name.lower() == plain.lower()]
    words = set(stems(plain))
    told = [
        c.name
        for c in columns
        if words and words in (set(name_stems(c.name)), set(column_stems(c)))
    ]
    names = exact or told
    return names[0] if len(names) == 1 else ""
