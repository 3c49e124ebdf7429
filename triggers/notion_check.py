"""Tries what the Notion door needs, for `firstmile doctor`, and says exactly what lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crew.errors import InvalidSettings
from triggers.notion_calls import NotionCalls
from triggers.notion_schema import NotionSchema, read_properties
from triggers.notion_settings import NotionSettings
from triggers.notion_source import identity
from triggers.payload import mapping, mappings, text
from triggers.rich_text import one_line

_TYPES = {
    "status_property": ("status", "select"),
    "link_property": ("url",),
    "priority_property": ("number", "select", "status", "rich_text"),
    "project_property": ("select", "status", "multi_select", "rich_text"),
    "requester_property": ("people", "created_by", "email"),
}


def checked(settings: NotionSettings, calls: NotionCalls, schema: NotionSchema) -> tuple[str, ...]:
    """What works, in words. Raises InvalidSettings with everything that lacks. Nothing is written,
    so that the capabilities to insert comments and to update content show at the first write."""
    bot = calls.send("read our own account", lambda c: c.users.me())
    source = schema.data_source()
    lacks = [*_lacking(settings, schema.properties(fresh=True)), *_no_options(settings, schema)]
    query: dict[str, Any] = {"page_size": 1}
    found = calls.send("read a row", lambda c: c.data_sources.query(source, **query))
    row = next((identity(r.get("id")) for r in mappings(found.get("results"))), "")
    if row:
        try:
            calls.send("list comments", lambda c: c.comments.list(block_id=row, page_size=1))
        except InvalidSettings:
            lacks.append("The connection lacks the capability Read comments.")
    if settings.glossary:
        lacks += _glossary_lacking(settings, read_properties(calls, settings.glossary))
    if lacks:
        raise InvalidSettings(
            f"Notion: {' '.join(lacks)}",
            "docs/notion.md says step by step what the connection needs.",
        )
    return (
        f"Notion {settings.version} answers; the connection is "
        f"{one_line(text(bot.get('name'))) or identity(bot.get('id'))}.",
        f"The data source {source} and its properties can be read{', comments too' if row else ''}.",
        "Whether comments may be inserted and content updated shows when the first is written.",
    )


def _lacking(settings: NotionSettings, properties: dict[str, Any]) -> Iterator[str]:
    for setting, types in _TYPES.items():
        name = getattr(settings, setting)
        kind = text(mapping(properties.get(name)).get("type"))
        if name and not kind:
            yield f"There is no property {name!r} (notion.{setting})."
        elif name and kind not in types:
            yield (
                f"The property {name!r} (notion.{setting}) is of type {kind}; it must be "
                f"{' or '.join(types)}."
            )


def _no_options(settings: NotionSettings, schema: NotionSchema) -> Iterator[str]:
    if not schema.status_type():
        return
    known = schema.options()
    wanted = [("requested", v) for v in settings.requested]
    wanted += [("statuses", v) for v in settings.statuses.values()]
    for setting, value in dict.fromkeys(wanted):
        if value.casefold() not in (option.casefold() for option in known):
            yield (
                f"{settings.status_property!r} has no option {value!r} (notion.{setting}); "
                f"it has: {', '.join(known) or 'none'}."
            )


def _glossary_lacking(settings: NotionSettings, properties: dict[str, Any]) -> Iterator[str]:
    for name in settings.glossary_properties.values():
        if name not in properties:
            yield f"The glossary has no property {name!r} (notion.glossary_properties)."
