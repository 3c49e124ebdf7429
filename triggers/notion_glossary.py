"""A glossary kept in Notion: the rows of a data source as the terms of a `glossary.yml`."""

from __future__ import annotations

import re
from typing import Any

import yaml
from pydantic import ValidationError

from crew.artifacts import GlossaryTerm, Measure
from crew.errors import InvalidInput, InvalidSettings
from triggers.notion_calls import Missing, NotionCalls
from triggers.notion_schema import not_shared
from triggers.notion_settings import GlossaryField, NotionSettings
from triggers.notion_text import rich_text_to_plain
from triggers.payload import mapping, mappings, text
from triggers.rich_text import clean, one_line

_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\Z", re.S)


def glossary_yaml(settings: NotionSettings) -> str:
    """The terms of the data source `glossary`, by name, as docs/glossary.md describes them.

    Raises InvalidSettings without such a data source, InvalidInput naming every row that cannot
    be read, and what Notion's calls raise.
    """
    if not settings.glossary:
        raise InvalidSettings(
            "No glossary of Notion is set.", "Set notion.glossary to the id of its data source."
        )
    terms, problems = [], []
    for row in _rows(settings):
        try:
            if term := _term(row, settings):
                terms.append(term)
        except _Unreadable as error:
            problems.append(str(error))
    if problems:
        raise InvalidInput(
            f"The glossary in Notion has {len(problems)} rows that cannot be read: "
            f"{' '.join(problems)}",
            "Mend them in Notion; docs/notion.md describes the properties.",
        )
    terms.sort(key=lambda term: str(term["name"]).casefold())
    content = {"version": 1, "terms": terms}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


class _Unreadable(Exception):
    """A row, and why it is no term."""


def _rows(settings: NotionSettings) -> list[dict[str, Any]]:
    source, what = settings.glossary, "read the glossary"
    calls = NotionCalls(settings)
    try:
        pages = calls.pages(what, lambda c, w: c.data_sources.query(source, **w))
        return [row for _, rows in pages for row in rows]
    except Missing as error:
        raise not_shared(f"data source {source}") from error


def _term(row: dict[str, Any], settings: NotionSettings) -> dict[str, Any] | None:
    """A term without its empty parts; None for a row without a name."""
    properties = mapping(row.get("properties"))

    def of(field: GlossaryField) -> dict[str, Any]:
        return mapping(properties.get(settings.glossary_property(field)))

    def line(field: GlossaryField) -> str:
        return one_line(_words(of(field)), 2000)

    titles = [mapping(v) for v in properties.values() if mapping(v).get("type") == "title"]
    name = line("name") or one_line(_words(titles[0]) if titles else "")
    if not name:
        return None
    measures = _measures(name, _words(of("measures")))
    metric = {"formula": line("formula"), "unit": line("unit"), "measures": measures}
    term = {
        "name": name,
        "synonyms": _listed(of("synonyms")),
        "definition": line("definition"),
        "owner": line("owner"),
        "metric": {k: v for k, v in metric.items() if v} if measures else {},
        "relation": line("relation"),
        "condition": line("condition"),
    }
    _validate(term, metric)
    return {key: value for key, value in term.items() if value}


def _validate(term: dict[str, Any], metric: dict[str, Any]) -> None:
    """Raises _Unreadable for what is no term of ours."""
    try:
        measures = [Measure.model_validate(m | {"name": n}) for n, m in metric["measures"].items()]
        shared = {k: term[k] or None for k in ("relation", "condition")}
        GlossaryTerm(name=term["name"], synonyms=tuple(term["synonyms"]), **shared)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise _Unreadable(f"{term['name']!r}: {said}.") from error
    if bool(measures) != bool(metric["formula"]):
        raise _Unreadable(f"{term['name']!r}: a formula needs measures, and measures a formula.")
    if term["condition"] and not term["relation"]:
        raise _Unreadable(f"{term['name']!r}: a condition needs a relation.")


def _measures(name: str, said: str) -> dict[str, dict[str, Any]]:
    """The measures, written as YAML in a text: name → relation, aggregation, expression, …"""
    fenced = _FENCE.match(said.strip())
    said = fenced[1] if fenced else said
    try:
        # What is named once and used often may be small to write and endless to read.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(said)):
            raise _Unreadable(f"{name!r}: its measures use YAML's aliases.")
        found = yaml.safe_load(said) or {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _Unreadable(f"{name!r}: its measures are not valid YAML.") from error
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise _Unreadable(f"{name!r}: its measures are no mapping of names.")
    for measure in found.values():
        if isinstance(measure.get("expression"), int | float):
            measure["expression"] = str(measure["expression"])
    return {str(k): v for k, v in found.items()}


def _words(value: dict[str, Any]) -> str:
    """The text of a property of any type that can hold words."""
    content = value.get(text(value.get("type")))
    if isinstance(content, list) and value.get("type") in ("rich_text", "title"):
        return clean(rich_text_to_plain(content))
    if isinstance(content, list):
        return ", ".join(text(c.get("name")) for c in mappings(content))
    return text(content) or text(mapping(content).get("name"))


def _listed(value: dict[str, Any]) -> list[str]:
    """Options, or a text that names several with commas between."""
    content = value.get("multi_select")
    names = [text(o.get("name")) for o in mappings(content)] or _words(value).split(",")
    return [name for found in names if (name := one_line(found))]
