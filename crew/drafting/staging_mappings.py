"""Codes that a staging ticket puts into words: `W -> Wohnung, G -> Gewerbe`, `map s: 1=open, 2=closed`.

The words become a column beside the code, or in its place where the ticket says so. What the data have
and the list lacks is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crew.artifacts import ColumnCard, RelationCard
from crew.catalog.warehouse_profile import is_numeric, is_text, quoted
from crew.drafting.dialects import said_in
from crew.drafting.staging_words import unwrapped
from crew.errors import InvalidInput
from crew.ports import Warehouse

_ARROW = (
    r"(?:->|→|=>|⇒|==?|:|\bmeans\b|\bstands\s+for\b|\bbedeutet\b|\bsteht\s+für\b|\bheißt\b|\bsignifie\b"
    r"|\bsignifica\b)"
)
_CODE = r"[\"'“`]?(?P<code>[\w.+-]{1,20}?)[\"'”`]?"
_LABEL = r"[\"'“`]?(?P<label>[^\W\d_][\w /&-]{0,40}?)[\"'”`]?"
_PAIR = re.compile(
    rf"(?<![\w>]){_CODE}\s*{_ARROW}\s*{_LABEL}\s*(?=,|;|\)|\.(?:\s|$)|\n|\band\b|\bund\b|\bet\b"
    r"|\binstead\b|\bin place\b|\bstatt\b|\banstelle\b|$)",
    re.I,
)
_INSTEAD = re.compile(
    r"\b(?:instead of|in place of|replac\w+|ersetz\w+|statt|anstelle|overwrite)\b", re.I
)
_LINE = re.compile(r"\n|(?<=[.!?])\s+(?=[A-Z])|;\s")


@dataclass(frozen=True)
class CodeList:
    """`pairs` of codes of the column and words for them; `clause` says so, `instead` of the code."""

    column: str
    pairs: tuple[tuple[str, str], ...]
    clause: str
    instead: bool = False


def mappings(text: str, source: RelationCard, names: Mapping[str, str]) -> list[CodeList]:
    """The lists of codes in a text whose codes a column of the source has."""
    found = []
    called = {c.lower(): c for c in names} | {n.lower(): c for c, n in names.items()}
    called |= {c.name.lower(): c.name for c in source.columns}
    for line in _LINE.split(unwrapped(text)):
        head, pairs = _head_and_pairs(line, called, source)
        if len(pairs) < 2:
            continue
        named = [called[w.lower()] for w in re.findall(r"\w+", head) if w.lower() in called]
        column = named[-1] if named else _only_one_with([c for c, _ in pairs], source)
        if column:
            found.append(CodeList(column, tuple(pairs), line.strip(), bool(_INSTEAD.search(line))))
    return found


def _head_and_pairs(
    line: str, called: Mapping[str, str], source: RelationCard
) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the pairs, and the pairs: codes are short, or values that the data have."""
    values = {v.strip() for c in source.columns for v in c.values}
    matches = [
        m for m in _PAIR.finditer(line)
        if m["code"].lower() not in called and (len(m["code"]) <= 4 or m["code"] in values)
    ]  # fmt: skip
    pairs = {m["code"]: m["label"].strip() for m in matches}
    return line[: matches[0].start()] if matches else line, list(pairs.items())


def _only_one_with(codes: Sequence[str], source: RelationCard) -> str:
    having = [c.name for c in source.columns if set(codes) <= {v.strip() for v in c.values}]
    return having[0] if len(having) == 1 else ""


def counted(
    column: ColumnCard, source: RelationCard, dialect: str, warehouse: Warehouse | None
) -> dict[str, int]:
    """How many rows have each value, as text and without blanks; nothing where it is not known."""
    if warehouse is None:
        return {}
    name = quoted(column.name, dialect)
    sql = said_in(
        dialect,
        f"select trim(cast({name} as text)) as v, count(*) as n from {source.relation_name}"
        f" where {name} is not null group by 1 order by 2 desc",
    )
    try:
        return {str(v): int(n) for v, n in warehouse.query(sql, limit=200).rows}
    except InvalidInput:
        return {}


def case(column: ColumnCard, mapping: CodeList, others: str, dialect: str) -> str:
    """SQL for the words; `others` is SQL for what the list lacks, empty for nothing."""
    name = quoted(column.name, dialect)
    key = f"trim({name})" if is_text(column) else name

    def literal(code: str) -> str:
        return code if is_numeric(column) else "'" + code.replace("'", "''") + "'"

    whens = " ".join(
        f"when {key} = {literal(code)} then '{label.replace(chr(39), chr(39) * 2)}'"
        for code, label in mapping.pairs
    )
    return f"case {whens}{f' else {others}' if others else ''} end"
