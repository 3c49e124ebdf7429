"""Reads what a ticket says of columns: lists, tables, and sentences that name one after another."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LINE = re.compile(
    r"^\s*(?:[-*•|]|\d+[.)])?\s*[`\"']?(?P<name>\w+)[`\"']?\s*(?::|\||–|—|=|\s-\s)\s*(?P<text>[^|]{4,}?)\s*\|?\s*$"
)
_IS = re.compile(r"^[`\"']?\s*(?:is|are|means|shows|holds|stands for)\s+", re.I)
_MIN_CHARACTERS = 8


def told_of_columns(body: str, columns: Sequence[str]) -> dict[str, str]:
    """Column → its description as a sentence. A sentence counts where it says what the first column
    named `is`; what follows the next names is said of those."""
    known = {c.lower(): c for c in columns}
    found = written_of_columns(body, columns)
    if found or not columns:
        return found
    name = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, columns))})(?!\w)", re.I)
    for sentence in re.split(r"(?<=[.!?])\s+", " ".join(body.split())):
        named = [m for m in name.finditer(sentence) if "_" in m.group()]
        if not named or not _IS.match(sentence[named[0].end() :]):
            continue
        ends = [m.start() for m in named[1:]] + [len(sentence)]
        for match, end in zip(named, ends, strict=True):
            text = re.sub(r"(?:,|;|\band\b|[`\"'])+\s*$", "", sentence[match.end() : end].strip())
            text = _IS.sub("", text).strip(" `,;.")
            if len(text) >= _MIN_CHARACTERS:
                found.setdefault(known[match.group().lower()], _sentence(text))
    return found


def written_of_columns(body: str, columns: Sequence[str]) -> dict[str, str]:
    """Column → the description that stands beside it in a list or table, or in quotes."""
    known = {c.lower(): c for c in columns}
    found: dict[str, str] = {}
    if not columns:
        return found
    for line in body.splitlines():
        match = _LINE.match(line)
        if match and match["name"].lower() in known:
            found[known[match["name"].lower()]] = _sentence(match["text"].strip('"“”'))
    name = rf"(?<!\w)(?:{'|'.join(map(re.escape, columns))})(?!\w)"
    for match in re.finditer(
        rf"(?P<name>{name})(?P<between>[^\"“”.;\n]{{0,40}})[\"“](?P<text>[^\"“”]{{4,}})[\"”]",
        body,
        re.I,
    ):
        if not re.search(name, match["between"], re.I):
            found[known[match["name"].lower()]] = _sentence(match["text"])
    return found


def _sentence(text: str) -> str:
    text = text.strip(" .;,")
    return f"{text[:1].upper()}{text[1:]}."
