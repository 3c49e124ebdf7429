"""A model's entry in a dbt schema file: how columns are described and tested."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_CHARACTERS = 1_000_000


@dataclass(frozen=True)
class Entry:
    """A column: its description on one line, its generic tests with their severity, and the types
    of its constraints."""

    description: str = ""
    tests: Mapping[str, str] = field(default_factory=dict)
    constraints: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ModelEntry:
    """A model: its columns by name, and the materialization that its `config` sets."""

    columns: Mapping[str, Entry]
    materialization: str = ""


def names_of_models(text: str) -> tuple[str, ...]:
    """The models that a schema file describes; none if it cannot be read."""
    return tuple(str(entry["name"]) for entry in _models(text))


def model_entry(text: str, model: str) -> ModelEntry | None:
    """The entry of a model; None if there is none, or several, or the file cannot be read."""
    found = [entry for entry in _models(text) if entry["name"] == model]
    if len(found) != 1:
        return None
    columns = {str(c["name"]): _column(c) for c in _named(found[0].get("columns"))}
    wanted = _mapping(found[0].get("config")).get("materialized")
    known = isinstance(wanted, str) and re.fullmatch(r"\w{1,40}", wanted)
    return ModelEntry(columns, str(wanted) if known else "")


def _models(text: str) -> Iterator[dict[str, Any]]:
    if len(text) > _MAX_CHARACTERS:
        return
    try:
        page = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    yield from _named(_mapping(page).get("models"))


def _column(column: dict[str, Any]) -> Entry:
    description = column.get("description")
    tests: dict[str, str] = {}
    for key in ("data_tests", "tests"):
        for name, severity in map(_test, _list(column.get(key))):
            # Two of one name, with other arguments: the stricter one counts.
            if name and tests.get(name) != "error":
                tests[name] = severity
    constraints = {_mapping(c).get("type") for c in _list(column.get("constraints"))}
    return Entry(
        description=" ".join(description.split()) if isinstance(description, str) else "",
        tests=tests,
        constraints=frozenset(c for c in constraints if isinstance(c, str)),
    )


def _test(item: Any) -> tuple[str, str]:
    """Name and severity of a generic test in any of the ways dbt takes."""
    if isinstance(item, str):
        return item, "error"
    about = _mapping(item)
    name = about.get("test_name") or next(iter(about), "")
    inner = _mapping(about.get(name)) if isinstance(name, str) else {}
    places = [about, _mapping(about.get("config")), inner, _mapping(inner.get("config"))]
    warns = any(str(place.get("severity")).lower() == "warn" for place in places)
    return str(name), "warn" if warns else "error"


def _named(value: Any) -> Iterator[dict[str, Any]]:
    for item in _list(value):
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            yield item


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
