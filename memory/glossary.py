"""Agreed business words: a `glossary.yml` of the project, the metrics of its semantic layer, and
its docs blocks.

A term is a metric (`formula` over named measures), a named condition, or words alone: those explain
and are found, and decide nothing. The file's format is described in `docs/glossary.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from crew.artifacts import GlossaryTerm, Measure
from crew.errors import InvalidProject

NAMES = ("glossary.yml", "glossary.yaml", "docs/glossary.yml", "metrics/glossary.yml")


def find_glossary(project: Path) -> Path | None:
    """The project's glossary file, where it has one."""
    return next((project / n for n in NAMES if (project / n).is_file()), None)


def read_glossary(path: Path) -> tuple[GlossaryTerm, ...]:
    """Terms of a glossary file. Raises InvalidProject naming the term that cannot be read."""
    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidProject(
            f"The glossary {path.name!r} is not valid YAML: {error}", "Mend the line it names."
        ) from error
    terms = content.get("terms") if isinstance(content, dict) else None
    if not isinstance(terms, list):
        raise InvalidProject(
            f"The glossary {path.name!r} has no list `terms`.",
            "See docs/glossary.md for the format.",
        )
    return tuple(_term(entry, path.name) for entry in terms)


def _term(entry: Any, file: str) -> GlossaryTerm:
    name = entry.get("name", "?") if isinstance(entry, dict) else str(entry)
    try:
        metric = entry.get("metric") or {}
        return GlossaryTerm(
            name=entry["name"],
            synonyms=tuple(entry.get("synonyms") or ()),
            definition=" ".join(str(entry.get("definition") or "").split()),
            owner=entry.get("owner") or "",
            origin=file,
            formula=metric.get("formula"),
            unit=metric.get("unit") or "",
            measures=tuple(_measure(n, m) for n, m in (metric.get("measures") or {}).items()),
            condition=entry.get("condition"),
            relation=entry.get("relation"),
        )
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise InvalidProject(
            f"The glossary {file!r} has a term {name!r} that cannot be read: {error}",
            "See docs/glossary.md for the format.",
        ) from error


def _measure(name: str, entry: dict[str, Any]) -> Measure:
    return Measure(
        name=name,
        relation=entry["relation"],
        aggregation=entry["aggregation"],
        expression=str(entry["expression"]),
        time=entry.get("time"),
        active_from=entry.get("active_from"),
        active_to=entry.get("active_to"),
        at=entry.get("at"),
        filters=tuple(entry.get("filters") or ()),
    )


_AGGREGATIONS = {
    "sum": "sum",
    "sum_boolean": "sum",
    "count": "count",
    "count_distinct": "count_distinct",
    "average": "average",
    "median": "median",
    "min": "min",
    "max": "max",
}


def semantic_terms(
    semantic_models: list[dict[str, Any]], metrics: list[dict[str, Any]]
) -> tuple[GlossaryTerm, ...]:
    """Simple and ratio metrics of dbt's semantic layer; others are left to people."""
    measures = {
        m["name"]: found
        for model in semantic_models
        for m in model.get("measures", ())
        if (found := _semantic_measure(m, model)) is not None
    }
    terms = []
    for metric in metrics:
        parameters = metric.get("type_params") or {}
        filtered = metric.get("filter") is not None
        if metric.get("type") == "simple":
            parts = [parameters.get("measure")]
        elif metric.get("type") == "ratio":
            parts = [parameters.get("numerator"), parameters.get("denominator")]
        else:
            continue
        names = [p.get("name") for p in parts if p]
        if (
            filtered
            or any(p.get("filter") for p in parts if p)
            or not all(n in measures for n in names)
        ):
            continue
        terms.append(
            GlossaryTerm(
                name=str(metric.get("label") or metric["name"]).replace("_", " "),
                synonyms=(metric["name"].replace("_", " "),),
                definition=metric.get("description") or "",
                origin="semantic layer",
                formula=" / ".join(names),
                measures=tuple(measures[n] for n in dict.fromkeys(names)),
            )
        )
    return tuple(terms)


def docs_terms(blocks: Iterable[tuple[str, str]]) -> tuple[GlossaryTerm, ...]:
    """Docs blocks, (name, text), as words without a rule: `active_customer` is “active customer”."""
    return tuple(
        GlossaryTerm(name=_spoken(name), definition=text, origin=f"docs block {name}")
        for name, text in blocks
        if text
    )


def with_words(
    agreed: Iterable[GlossaryTerm], further: Iterable[GlossaryTerm]
) -> tuple[GlossaryTerm, ...]:
    """The agreed terms, and those of the further ones that are called like none of them."""
    terms = list(agreed)
    taken = {_spoken(n).casefold() for t in terms for n in (t.name, *t.synonyms)}
    for term in further:
        if _spoken(term.name).casefold() not in taken:
            taken.add(_spoken(term.name).casefold())
            terms.append(term)
    return tuple(terms)


def _spoken(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip()


def _semantic_measure(measure: dict[str, Any], model: dict[str, Any]) -> Measure | None:
    aggregation = _AGGREGATIONS.get(str(measure.get("agg")))
    relation = (model.get("node_relation") or {}).get("alias")
    time = measure.get("agg_time_dimension") or (model.get("defaults") or {}).get(
        "agg_time_dimension"
    )
    dimension = next((d for d in model.get("dimensions", ()) if d["name"] == time), None)
    if aggregation is None or not relation:
        return None
    return Measure.model_validate(
        {
            "name": measure["name"],
            "relation": relation,
            "aggregation": aggregation,
            "expression": str(measure.get("expr") or measure["name"]),
            "time": (dimension.get("expr") or dimension["name"]) if dimension else None,
        }
    )
