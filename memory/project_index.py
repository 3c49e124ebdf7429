"""What of a project, and of what was learned, enters memory. No rows and no values of data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from crew.artifacts import GlossaryTerm, Lesson, TestHabit
from memory.entries import MAX_TEXT, Entry
from memory.learned import Remembered
from memory.redaction import redacted

_AGGREGATE = re.compile(r"\b(sum|count|avg|median|min|max)\s*\([^()]*\)\s+as\s+(\w+)", re.I)
_MAX_NAMED = 8


class DocumentedColumn(Protocol):
    """A column as the project documents it."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...


class DocumentedModel(Protocol):
    """A model as the project documents it; `columns` by lower-case name."""

    @property
    def key(self) -> str: ...
    @property
    def layer(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def raw_sql(self) -> str: ...
    @property
    def parents(self) -> tuple[str, ...]: ...
    @property
    def columns(self) -> Mapping[str, DocumentedColumn]: ...


def model_entries(models: Iterable[DocumentedModel]) -> Iterator[Entry]:
    """An entry per model: its name, docs and columns, what it aggregates and reads."""
    for model in models:
        columns = ", ".join(_plain(c.name) for c in model.columns.values())
        reads = ", ".join(_plain(p.split(".", 2)[-1]) for p in model.parents[:_MAX_NAMED])
        figures = ", ".join(
            f"{f.lower()} {_plain(n)}" for f, n in _AGGREGATE.findall(model.raw_sql)[:12]
        )
        parts = [
            f"{_plain(model.key)}. {model.description}",
            f"Columns: {columns}." if columns else "",
            f"Figures: {figures}." if figures else "",
            f"From {reads}." if reads else "",
        ]
        yield _entry("model", model.key, model.key, parts, model.path, model.layer)


def column_entries(models: Iterable[DocumentedModel]) -> Iterator[Entry]:
    """An entry per column and wording: what several models describe alike, or not at all, is one."""
    alike: dict[tuple[str, str], list[str]] = {}
    for model in models:
        for column in model.columns.values():
            alike.setdefault((column.name, column.description), []).append(model.key)
    for (name, description), keys in alike.items():
        named = ", ".join(keys[:_MAX_NAMED])
        told = f": {description.rstrip('. ')}." if description else "."
        parts = [f"{_plain(name)}{told}", f"In {_plain(named)}."]
        yield _entry("column", f"{keys[0]}.{name}", name, parts, named)


def term_entries(terms: Iterable[GlossaryTerm]) -> Iterator[Entry]:
    """An entry per agreed word: a metric where it has a formula, else a term."""
    for term in terms:
        also = f"Also {', '.join(term.synonyms)}." if term.synonyms else ""
        parts = [f"{term.name}: {term.definition}", also, _plain(term.formula or "")]
        kind = "metric" if term.formula else "term"
        yield _entry(kind, f"{term.origin}:{term.name}", term.name, parts, term.origin)


def convention_entries(conventions: Iterable[tuple[str, str]]) -> Iterator[Entry]:
    """An entry per habit of the project: (name, sentence)."""
    for name, sentence in conventions:
        yield _entry("convention", name, name.replace("_", " "), [sentence], "mined of the project")


def habit_entries(habits: Iterable[TestHabit]) -> Iterator[Entry]:
    """An entry per test that columns of a kind carry."""
    for habit in habits:
        of = f" of {habit.source}" if habit.source else ""
        told = (
            f"{habit.test} on {habit.column_kind} columns{of}: {habit.with_test} of {habit.seen}."
        )
        name = f"{habit.test} on {habit.column_kind}"
        id_ = f"{habit.source}:{habit.column_kind}:{habit.test}"
        yield _entry("test", id_, name, [told], "mined of the project")


def learned_entries(requests: Iterable[Remembered], lessons: Iterable[Lesson]) -> Iterator[Entry]:
    """An entry per delivered request, and per lesson that is not retired."""
    for remembered in requests:
        spec = remembered.spec
        metrics = "; ".join(f"{m.label}: {m.definition}" for m in spec.metrics)
        split = ", ".join(_plain(d.name) for d in spec.dimensions)
        grain = f"per {spec.time.grain}" if spec.time else ""
        parts = [f"{remembered.title}. {spec.question}.", metrics, f"by {split}" if split else "",
                 grain]  # fmt: skip
        name = spec.model or spec.target
        told = f"{remembered.request}, {remembered.state}"
        if remembered.location:
            told += f", {remembered.location}"
        yield _entry("request", remembered.request, name, parts, told)
    for lesson in lessons:
        if lesson.state != "retired":
            told = f"{lesson.learned_from}, {lesson.state}"
            yield _entry("lesson", lesson.id, lesson.id, [lesson.sentence], told)


def _entry(
    kind: str, id_: str, name: str, parts: list[str], provenance: str, layer: str = ""
) -> Entry:
    text = redacted(" ".join(" ".join(p for p in parts if p).split())[:MAX_TEXT])
    return Entry(kind, f"{kind}:{id_}", name, text, provenance[:300], layer)  # type: ignore[arg-type]


def _plain(name: str) -> str:
    return name.replace("_", " ")
