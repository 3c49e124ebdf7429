"""The labelled retrieval set: projects as teams keep them, questions as stakeholders ask them.

Each file of `bench/memory_set/` is one project: models with columns, metrics, earlier requests, and
queries written before any retriever was run on them. They are never changed to suit a figure; a
query with no relevant entry is about nothing the project has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "memory_set"
KINDS = ("model", "column", "metric", "request")


@dataclass(frozen=True)
class Labelled:
    """Something to find. `id` is `kind:name`; `text` holds identifiers split into words."""

    id: str
    kind: str
    name: str
    text: str


@dataclass(frozen=True)
class Query:
    """What is asked of one kind of entry, and the ids that answer it: none to three."""

    text: str
    kind: str
    relevant: tuple[str, ...]


@dataclass(frozen=True)
class Project:
    name: str
    entries: tuple[Labelled, ...]
    queries: tuple[Query, ...]

    def of(self, kind: str) -> tuple[Labelled, ...]:
        return tuple(e for e in self.entries if e.kind == kind)


def load(folder: Path = FOLDER) -> tuple[Project, ...]:
    """All projects by name. Raises ValueError for a query whose answer is not in its project."""
    return tuple(
        _project(yaml.safe_load(f.read_text("utf-8"))) for f in sorted(folder.glob("*.yml"))
    )


def _project(content: dict[str, Any]) -> Project:
    entries = tuple(_entries(content))
    queries = tuple(Query(q["text"], q["kind"], tuple(q["relevant"])) for q in content["queries"])
    known = {e.id: e.kind for e in entries}
    if len(known) != len(entries):
        raise ValueError(f"{content['project']!r} has an id twice.")
    for query in queries:
        if any(known.get(i) != query.kind for i in query.relevant):
            raise ValueError(f"{content['project']!r}: {query!r} names no {query.kind} of it.")
    return Project(content["project"], entries, queries)


def _entries(content: dict[str, Any]) -> Iterator[Labelled]:
    for model in content["models"]:
        key, columns = model["key"], model["columns"]
        names = ", ".join(_words(c) for c in columns)
        text = f"{_words(key)}. {model['description'] or ''} Columns: {names}"
        yield Labelled(f"model:{key}", "model", key, text)
        for column, described in columns.items():
            text = f"{_words(column)}. {described or ''} In {_words(key)}"
            yield Labelled(f"column:{key}.{column}", "column", column, text)
    for metric in content["metrics"]:
        text = ". ".join(
            (", ".join((metric["name"], *metric.get("synonyms", ()))), metric["definition"])
        )
        yield Labelled(f"metric:{metric['name']}", "metric", metric["name"], text)
    for request in content["requests"]:
        shown = "; ".join((*request["metrics"], *request["dimensions"]))
        text = f"{request['title']}. {request['question']} {shown}"
        yield Labelled(f"request:{request['key']}", "request", request["title"], text)


def _words(identifier: str) -> str:
    return " ".join(identifier.replace(".", "_").split("_")).strip()
