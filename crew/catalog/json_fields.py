"""What the objects in a column of JSON hold: a card for each key, as if it were a column.

Objects within an object are opened one level; what lies deeper, and arrays, are JSON themselves.
Types are those of the rows that were looked at, the figures of a card only where these were all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlglot
from sqlglot import exp

from crew.artifacts import ColumnCard
from crew.catalog.personal import looks_personal
from crew.drafting.vocabulary import snake

SAMPLE = 10_000
"""Rows that are looked at."""
MAX_FIELDS = 200
MAX_VALUES = 50
_JSON = re.compile(r"^(?:jsonb?|variant|super|object)\b")
_PLAIN_KEY = re.compile(r"[^\"'\\\]\[`$]+")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(?P<zone>Z|[+-]\d\d:?\d\d)?")

Path = tuple[str, ...]


def may_hold_json(card: ColumnCard) -> bool:
    """A column of a type for JSON, or of texts that all may be objects."""
    if _JSON.match(card.data_type):
        return True
    low, high = card.minimum, card.maximum
    return (
        "char" in card.data_type or card.data_type in {"text", "string"}
    ) and bool(high and high.startswith("{") and (not low or low.startswith("{")))  # fmt: skip


def json_text(card: ColumnCard, name: str) -> str:
    """SQL for the JSON of a column as text; `name` is the column, quoted."""
    if card.data_type.startswith("super"):
        return f"json_serialize({name})"
    return f"cast({name} as text)"


def json_fields(card: ColumnCard, texts: Iterable[str | None], whole: bool) -> list[ColumnCard]:
    """Cards of the keys, those that most rows have first; none where some text is no object."""
    found: dict[Path, list[Any]] = {}
    rows = 0
    for text in texts:
        rows += 1
        if text is None or not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return []
        if isinstance(value, dict):
            _gather(value, found)
        elif value is not None and not _JSON.match(card.data_type):
            return []
    for path in [p for p in found if len(p) == 2 and any(_has(found.get(p[:1], ())))]:
        found[path[:1]] += found.pop(path)  # now an object, now something else: JSON as it is
        found[path[:1]].append({})
    paths = [p for p in found if all(_PLAIN_KEY.fullmatch(k) for k in p)]
    kept = sorted(paths, key=lambda p: -len(found[p]))[:MAX_FIELDS]
    return [_field(card, p, found[p], rows if whole else None) for p in kept]


def struct_fields(card: ColumnCard) -> list[ColumnCard]:
    """Cards of the fields of a STRUCT, from its type alone; none for any other column."""
    if not re.match(r"struct\b", card.data_type):
        return []
    try:
        dialect = "duckdb" if "(" in card.data_type.partition("<")[0] else "bigquery"
        type_ = exp.DataType.build(card.data_type, dialect=dialect)
    except (sqlglot.ParseError, ValueError):
        return []
    return [
        _card(card, path, kind)
        for path, kind in _struct(type_, dialect)
        if all(_PLAIN_KEY.fullmatch(k) for k in path)
    ][:MAX_FIELDS]


def _struct(type_: exp.DataType, dialect: str) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for part in type_.expressions:
        kind = part.args.get("kind") if isinstance(part, exp.ColumnDef) else None
        if kind is None:
            continue
        if kind.is_type("struct") and kind.expressions:
            inner = _struct(kind, dialect)
            found += [((part.name, *p), k) for p, k in inner if len(p) == 1]
        else:
            found.append(((part.name,), str(kind.sql(dialect="duckdb")).lower()))
    return found


def _gather(value: dict[str, Any], found: dict[Path, list[Any]]) -> None:
    for key, inner in value.items():
        if isinstance(inner, dict):
            for k, v in inner.items():
                found.setdefault((key, k), []).append(v)
        else:
            found.setdefault((key,), []).append(inner)


def _has(values: Iterable[Any]) -> list[bool]:
    return [v is not None for v in values]


def _field(card: ColumnCard, path: Path, values: list[Any], rows: int | None) -> ColumnCard:
    there = [v for v in values if v is not None]
    field = _card(card, path, _type(there))
    if rows is None:
        return field
    if field.data_type == "json":
        return field.model_copy(update={"nulls": rows - len(there)})
    counted = Counter(_shown(v) for v in there)
    ordered = sorted(set(there)) if there and field.data_type != "varchar" else sorted(counted)
    hidden = field.is_personal or not there
    few = len(counted) <= MAX_VALUES and field.data_type in {"varchar", "boolean"}
    return field.model_copy(
        update={
            "distinct": len(counted),
            "nulls": rows - len(there),
            "minimum": None if hidden else _shown(ordered[0])[:60],
            "maximum": None if hidden else _shown(ordered[-1])[:60],
            "is_unique": bool(rows) and len(counted) == rows == len(there),
            "values": tuple(v for v, _ in counted.most_common()) if few and not hidden else (),
        }
    )


def _card(card: ColumnCard, path: Path, type_: str) -> ColumnCard:
    personal = card.is_personal or any(looks_personal(snake(k), {}) for k in path)
    name = ".".join((card.name, *path))
    return ColumnCard(name=name, data_type=type_, is_personal=personal, path=(card.name, *path))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(values: list[Any]) -> str:
    kinds = {type(v) for v in values}
    if kinds & {dict, list}:
        return "json"
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "bigint" if all(abs(v) < 2**63 for v in values) else "varchar"
    if kinds and kinds <= {int, float}:
        return "double"
    if kinds == {str}:
        return _type_of_texts(values)
    return "varchar"


def _type_of_texts(values: list[str]) -> str:
    found = set()
    for value in values:
        moment = _MOMENT.fullmatch(value)
        if not (moment or _DAY.fullmatch(value)) or not _is_valid(value):
            return "varchar"
        zoned = moment is not None and moment["zone"]
        found.add("timestamp with time zone" if zoned else "timestamp" if moment else "date")
    return found.pop() if len(found) == 1 else "varchar"


def _is_valid(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
