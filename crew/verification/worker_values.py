"""What the dbt worker says, and how it goes over the wire.

One JSON object per line. Values of a database that JSON does not know travel as
`{"$": kind, "v": text}`, so that the other side gets the same Python value back.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ProjectInfo:
    """The opened project. `relations` holds (schema, identifier) of what the warehouse has."""

    name: str
    adapter: str
    dialect: str
    schema: str
    database: str
    warehouse: str
    profile: str
    target: str
    relations: frozenset[tuple[str, str]]
    model_paths: tuple[str, ...]
    test_paths: tuple[str, ...]
    seed_paths: tuple[str, ...]
    macro_paths: tuple[str, ...]
    docs_paths: tuple[str, ...]
    scratch_database: str
    vars: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParseResult:
    """`manifest` is a manifest.json whose relation names say where the data can be read now.

    A deprecation is a line `<file>: <dbt's words>`; the file is empty where dbt names none.
    """

    manifest: Path
    errors: tuple[str, ...] = ()
    deprecations: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.errors


@dataclass(frozen=True)
class CompileResult:
    """`compiled` maps unique ids to SQL; `errors` are dbt's words."""

    compiled: dict[str, str]
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeResult:
    """One node of a build. `failures` counts the failing rows of a test."""

    unique_id: str
    resource_type: str
    status: str
    message: str
    failures: int | None
    seconds: float
    compiled_sql: str
    relation_name: str

    @property
    def ok(self) -> bool:
        return self.status in ("success", "pass", "warn", "no-op")


def encode(value: Any) -> Any:
    """`value` as JSON can carry it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$": "float", "v": repr(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"$": "map", "v": [[encode(k), encode(v)] for k, v in value.items()]}
    if isinstance(value, dt.timedelta):
        return {"$": "timedelta", "v": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$": "bytes", "v": base64.b64encode(bytes(value)).decode()}
    for kind, type_ in (("decimal", Decimal), ("uuid", uuid.UUID)):
        if isinstance(value, type_):
            return {"$": kind, "v": str(value)}
    for kind, temporal in (("datetime", dt.datetime), ("date", dt.date), ("time", dt.time)):
        if isinstance(value, temporal):
            return {"$": kind, "v": value.isoformat()}
    return str(value)


def decode(value: Any) -> Any:
    """The opposite of `encode`; tuples come back as lists."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        return _decode_tagged(value)
    return value


def _decode_tagged(value: dict[str, Any]) -> Any:
    kind, content = value.get("$"), value.get("v")
    if kind == "map":
        return {decode(k): decode(v) for k, v in content or []}
    if kind == "timedelta":
        days, seconds, microseconds = content or (0, 0, 0)
        return dt.timedelta(days=days, seconds=seconds, microseconds=microseconds)
    text = str(content)
    readers: dict[str, Any] = {
        "float": float,
        "bytes": base64.b64decode,
        "decimal": Decimal,
        "uuid": uuid.UUID,
        "datetime": dt.datetime.fromisoformat,
        "date": dt.date.fromisoformat,
        "time": dt.time.fromisoformat,
    }
    return readers[str(kind)](text)


def to_line(message: Mapping[str, Any]) -> bytes:
    """One message as a line."""
    return json.dumps({k: encode(v) for k, v in message.items()}).encode() + b"\n"


def from_line(line: bytes) -> dict[str, Any]:
    """The message of a line."""
    return {str(k): decode(v) for k, v in json.loads(line).items()}
