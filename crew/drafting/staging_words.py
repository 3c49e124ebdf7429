"""Reads how the columns of a staging model are to be cleaned: types, formats, case, blanks, nothing.

`opened/closed as timestamps, amount as a number (decimal comma), empty strings as null`: each clause
is about the columns whose names it speaks of; one that names none is about all texts. Formats are
those of the data.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import sqlglot

from crew.artifacts import ColumnCard
from crew.catalog.warehouse_profile import is_text, quoted
from crew.drafting.edits.phrases import named
from crew.drafting.vocabulary import words

_CLAUSE = re.compile(r"[,;]\s|[.:](?:\s|$)|\n\s*(?:[-*•]|\n)|\s-\s")
_LOWER = re.compile(r"\blower[ -]?case[d]?\b|\bin lower\b|\bkleingeschrieben\b", re.I)
_UPPER = re.compile(r"\bupper[ -]?case[d]?\b|\bcapitals?\b|\bgroßgeschrieben\b", re.I)
_TRIM = re.compile(
    r"\btrim(?:med)?\b|\b(?:without|no|remove) (?:any )?(?:blanks|spaces|whitespace)\b", re.I
)
_NULLS = re.compile(
    r"\b(?:empty|blank)(?: strings?| texts?| values?)?\s+(?:as|to|become|are|into|=)\s+null\b"
    r"|\bnull (?:for|instead of) (?:empty|blank)",
    re.I,
)
_MISSING = r"(?:missing|empty|null|blank|not set|not known|not there|fehlt|fehlen|leer|vacío|vide|manqu\w+)"
_QUOTED = r"[\"“”'‘]([^\"“”'’]+)[\"“”'’]"
_FALLBACK = re.compile(
    rf"{_QUOTED}\s+(?:where|if|when|for|instead of|wenn|falls|wo|si|cuando)\s+(?:\w+\s+){{0,4}}?{_MISSING}"
    rf"|\b{_MISSING}(?:\s+\w+)?\s+(?:as|to|is|are|becomes?|=|→|als|wird)\s+{_QUOTED}"
    rf"|\bdefault(?:s|ing)?(?:\s+(?:to|value|is))?\s+{_QUOTED}", re.I
)  # fmt: skip
_AS = re.compile(r"\b(?:as|to|into|als|en|be|real)\b", re.I)
_COMMA = re.compile(r"^-?\d[\d.]*,\d+$")
_POINT = re.compile(r"^-?\d+\.\d+$")
_DAYS = (
    (re.compile(r"^\d{8}$"), "%Y%m%d"),
    (re.compile(r"^\d{4}-\d\d-\d\d"), ""),
    (re.compile(r"^\d\d\.\d\d\.\d{4}$"), "%d.%m.%Y"),
    (re.compile(r"^\d\d\.\d\d\.\d{4} \d\d:\d\d$"), "%d.%m.%Y %H:%M"),
    (re.compile(r"^\d{14}$"), "%Y%m%d%H%M%S"),
)
_PLURAL = re.compile(r"\b(timestamp|date|integer|number|boolean|decimal|text)s\b", re.I)
_WORDLESS = {"at", "on", "dt", "ts", "id", "no", "is", "flg", "flag", "nr"}


@dataclass(frozen=True)
class Cleaning:
    """What is to be done to a column; `type` is a name of the list of types in `phrases.yml`."""

    type: str = ""
    case: str = ""
    trim: bool = False
    nulls: bool = False
    fallback: str = ""


def unwrapped(text: str) -> str:
    """The text with each paragraph and each item of a list on a line of its own."""
    return re.sub(r"(?<!\n)\n(?!\s*[-*•\n])", " ", text)


def without_colons(text: str, names: Collection[str]) -> str:
    """The text where what is said of a column after a colon belongs to its name."""
    listed = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if n)
    return re.sub(rf"(?<!\w)({listed})`?\s*:(?=\s)", r"\1", text, flags=re.I) if listed else text


def cleanings(
    text: str, names: Mapping[str, str], taken: list[str] | None = None
) -> dict[str, Cleaning]:
    """Source column → cleaning, for `names` (source column → name in the model). Clauses that say
    so are added to `taken`."""
    found = dict.fromkeys(names, Cleaning())
    text = unwrapped(without_colons(text, [*names, *names.values()]))
    plain = re.sub(r"\(([^()]*)\)", lambda m: " " + re.sub(r"[,;.]", " ", m[1]) + " ", text)
    for clause in _CLAUSE.split(plain):
        clause = _PLURAL.sub(r"\1", clause)
        types = [t for t, at in named("types", clause) if _AS.search(clause[:at])]
        case = "lower" if _LOWER.search(clause) else "upper" if _UPPER.search(clause) else ""
        said = Cleaning(
            types[-1] if types else "",
            case,
            _TRIM.search(clause) is not None,
            _NULLS.search(clause) is not None,
            _fallback(clause),
        )
        if said == Cleaning():
            continue
        meant = [c for c, own in names.items() if _is_named(clause, c, own)]
        meant = meant or [c for c in names if _is_spoken_of(clause, c)]
        meant = meant or _only_one(clause, names)
        whole = not meant and not said.type and not case and not said.fallback
        if taken is not None and (meant or whole):
            taken.append(clause.strip())
        for column in names if whole else meant:
            old = found[column]
            found[column] = replace(
                old,
                type=said.type or old.type,
                case=said.case or old.case,
                trim=old.trim or said.trim,
                nulls=old.nulls or said.nulls,
                fallback=said.fallback or old.fallback,
            )
    return found


def _is_named(clause: str, column: str, own: str) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", clause, re.I) for n in (column, own))


def _is_spoken_of(clause: str, column: str) -> bool:
    """Whether a clause has a word like each of a column's name."""
    said = words(clause)
    parts = [w for w in words(column) if w not in _WORDLESS]
    return bool(parts) and all(any(_alike(p, s) for s in said) for p in parts)


def _only_one(clause: str, names: Mapping[str, str]) -> list[str]:
    """The one column of which the clause has a word that no other has: `qty` for `qty_on_hand`."""
    said = set(words(clause))
    found = [c for c in names if said & {w for w in words(c) if w not in _WORDLESS}]
    return found if len(found) == 1 else []


def _fallback(clause: str) -> str:
    match = _FALLBACK.search(clause)
    return next((g for g in match.groups() if g), "") if match else ""


def _alike(one: str, other: str) -> bool:
    """`prio` and `priority`; `opened` itself."""
    short, long = sorted((one, other), key=len)
    return short == long or (len(short) >= 4 and long.startswith(short))


def expression(column: ColumnCard, cleaning: Cleaning, dialect: str) -> str:
    """SQL for a source column; empty where nothing is to be done."""
    name = quoted(column.name, "duckdb")
    sql, text = name, is_text(column)
    if text and (cleaning.trim or cleaning.case):
        sql = f"trim({sql})" if cleaning.trim else sql
        sql = f"{cleaning.case}({sql})" if cleaning.case else sql
    if text and (cleaning.nulls or (cleaning.type and cleaning.type != "varchar")):
        sql = f"nullif({sql}, '')"
    if cleaning.type:
        sql = (
            _typed(sql, cleaning.type, column)
            if text
            else f"cast({sql} as {_sql_type(cleaning.type)})"
        )
    if cleaning.fallback:
        given = cleaning.fallback.replace("'", "''")
        sql = f"nullif({sql}, '')" if text and sql == name and column.minimum == "" else sql
        sql = f"coalesce({sql}, '{given}')"
    return "" if sql == name else sqlglot.transpile(sql, read="duckdb", write=dialect)[0]


def _typed(sql: str, type_: str, column: ColumnCard) -> str:
    values = [v for v in (*column.values, column.minimum, column.maximum) if v]
    if type_ in {"date", "timestamp"}:
        forms = [f for pattern, f in _DAYS if any(pattern.match(v) for v in values)]
        told = column.description.upper()
        form = forms[0] if forms else "%Y%m%d" if "YYYYMMDD" in told else ""
        return f"cast(strptime({sql}, '{form}') as {type_})" if form else f"cast({sql} as {type_})"
    if type_ in {"decimal", "double", "integer", "bigint"}:
        comma = (
            any(_COMMA.match(v) for v in values) or "decimal comma" in column.description.lower()
        )
        if comma:
            dotted = any("." in v for v in values)
            sql = f"replace({sql}, '.', '')" if dotted else sql
            sql = f"replace({sql}, ',', '.')"
    return f"cast({sql} as {_sql_type(type_)})"


def _sql_type(type_: str) -> str:
    return "decimal(18, 2)" if type_ == "decimal" else type_
