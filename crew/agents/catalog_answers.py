"""What OpenMetadata, Atlan, DataHub and others answer over MCP, as business words. All untrusted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from crew.artifacts import GlossaryTerm
from crew.catalog.shown_text import shown_text

MAX_NAME, MAX_DEFINITION, MAX_SYNONYMS = 80, 600, 10
_LISTS = ("results", "searchResults", "entities", "assets", "terms", "glossaryTerms", "items",
          "result", "data")  # fmt: skip
_TYPES = ("entityType", "typeName", "__typename")
_STATES = ("entityStatus", "status", "certificateStatus")
_NOT_AGREED = {"draft", "in review", "rejected", "deprecated"}
_MAX_DEPTH = 6


@dataclass(frozen=True)
class Product:
    """How a product's MCP server is asked for its terms.

    `size` and `offset` name the arguments that page; `details` is a second tool, and its argument,
    that takes the `urn`s found and answers the terms in full.
    """

    name: str
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    size: str = ""
    offset: str = ""
    details: tuple[str, str] | None = None


PRODUCTS = {
    # openmetadata-mcp, tools.json and SearchMetadataTool.java; at most 50 at once
    "openmetadata": Product(
        "OpenMetadata",
        "search_metadata",
        {"query": "*", "entityType": "glossaryTerm", "fields": "synonyms,entityStatus"},
        "size",
        "from",
    ),
    # atlanhq/agent-toolkit, modelcontextprotocol/server.py and utils/search.py
    "atlan": Product(
        "Atlan", "search_assets_tool", {"asset_type": "AtlasGlossaryTerm"}, "limit", "offset"
    ),
    # acryldata/mcp-server-datahub, tools/search.py and tools/entities.py: a search tells the names
    "datahub": Product(
        "DataHub",
        "search",
        {"query": "*", "filter": "entity_type = glossaryTerm"},
        "num_results",
        "offset",
        ("get_entities", "urns"),
    ),
    "other": Product("catalog"),
}


class Unreadable(Exception):
    """An answer that holds no terms, or says that something failed."""


def records_of(value: Any, depth: int = 0) -> list[dict[str, Any]]:
    """The records of an answer, in whatever envelope. Raises Unreadable if there is none."""
    if depth > _MAX_DEPTH:
        raise Unreadable("its answer is nested too deeply")
    if isinstance(value, str):
        try:
            return records_of(json.loads(value), depth + 1)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"its answer is no JSON: {shown_text(value, 100)!r}") from error
    if isinstance(value, list):
        return [r for item in value for r in _records_in(item, depth)]
    if not isinstance(value, dict):
        raise Unreadable("its answer holds no terms")
    if value.get("error"):
        raise Unreadable(f"it answered {shown_text(str(value['error']), 200)!r}")
    for key in _LISTS:
        if isinstance(value.get(key), list | dict | str):
            return records_of(value[key], depth + 1)
    if not _field(value, "name", "displayName", "urn"):
        raise Unreadable("its answer holds no terms")
    return [value]


def _records_in(item: Any, depth: int) -> list[dict[str, Any]]:
    """Of an item of a list: itself, or what its envelope holds; a record that failed is none."""
    if not isinstance(item, dict):
        return records_of(item, depth + 1)
    if _field(item, "name", "displayName", "urn"):
        return [] if item.get("error") else [item]
    return records_of(item, depth + 1)


def urns_of(records: Iterable[dict[str, Any]]) -> list[str]:
    """What names the records in DataHub."""
    found = (_field(r, "urn") for r in records)
    return [urn for urn in found if isinstance(urn, str)]


def terms_of(
    records: Iterable[dict[str, Any]], origin: str, limit: int
) -> tuple[GlossaryTerm, ...]:
    """Words without a rule: they explain, and cannot change a number. Other kinds of records, and
    words that are not agreed (drafts, rejected, deprecated ones), are left out."""
    terms: dict[str, GlossaryTerm] = {}
    for record in records:
        term = _term(record, origin)
        if term and len(terms) < limit:
            terms.setdefault(term.name.casefold(), term)
    return tuple(terms.values())


def _term(record: dict[str, Any], origin: str) -> GlossaryTerm | None:
    urn = str(_field(record, "urn") or "")
    kinds = [str(_field(record, key) or "term") for key in _TYPES]
    state = {str(_field(record, key) or "").lower() for key in _STATES}
    other = urn.startswith("urn:li:") and not urn.startswith("urn:li:glossaryTerm:")
    if other or not all("term" in k.lower() for k in kinds):
        return None
    if state & _NOT_AGREED or _field(record, "deleted") is True:
        return None
    name = shown_text(_text(record, "displayName", "name"), MAX_NAME)
    if not name:
        return None
    definition = _text(record, "userDescription", "description", "definition", "longDescription")
    owners = _names(_field(record, "owners", "ownership", "ownerGroups", "ownerUsers", "owner"))
    return GlossaryTerm(
        name=name,
        synonyms=tuple(_names(_field(record, "synonyms", "aliases")))[:MAX_SYNONYMS],
        definition=shown_text(definition, MAX_DEFINITION),
        owner=owners[0] if owners else "",
        origin=origin,
    )


def _field(record: dict[str, Any], *names: str) -> Any:
    """The first of the fields that says something, in the record or in what wraps it."""
    entity = record["entity"] if isinstance(record.get("entity"), dict) else record
    inner = (entity.get(k) for k in ("properties", "attributes"))
    layers = [record, entity, *(x for x in inner if isinstance(x, dict))]
    return next((x[n] for n in names for x in layers if x.get(n)), None)


def _text(record: dict[str, Any], *names: str) -> str:
    found = (_field(record, n) for n in names)
    return next((f for f in found if isinstance(f, str)), "")


def _names(value: Any) -> list[str]:
    """Names out of texts, of things with a name, or of DataHub's `{owners: [{owner: …}]}`."""
    if isinstance(value, dict):
        value = value["owners"] if isinstance(value.get("owners"), list) else [value]
    found = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            inner = item["owner"] if isinstance(item.get("owner"), dict) else item
            item = _text(inner, "displayName", "name")
        if isinstance(item, str) and (name := shown_text(item, MAX_NAME)):
            found.append(name.removesuffix(" (inherited)"))
    return found
