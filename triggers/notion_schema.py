"""The data source of a Notion door: which it is, its properties and the options of its status."""

from __future__ import annotations

from typing import Any

from crew.errors import InvalidSettings
from triggers.notion_calls import Missing, NotionCalls
from triggers.notion_settings import NotionSettings
from triggers.notion_source import identity
from triggers.payload import mapping, mappings, text
from triggers.rich_text import one_line


class NotionSchema:
    """Asked for once, and again when a status turns up that was not known."""

    def __init__(self, settings: NotionSettings, calls: NotionCalls) -> None:
        self._settings = settings
        self._calls = calls
        self._found = settings.data_source
        self._properties: dict[str, Any] = {}

    def data_source(self) -> str:
        """The id. Raises InvalidSettings where the database has not exactly one."""
        if not self._found:
            database = self._settings.database
            try:
                answer = self._calls.send(
                    f"read the database {database}", lambda c: c.databases.retrieve(database)
                )
            except Missing as error:
                raise not_shared(f"database {database}") from error
            listed = mappings(answer.get("data_sources"))
            if len(listed) != 1:
                names = (f"{one_line(text(d.get('name')))!r} ({d.get('id')})" for d in listed)
                raise InvalidSettings(
                    f"The database {database} has {len(listed)} data sources: "
                    f"{', '.join(names) or 'none that the connection may see'}.",
                    "Set notion.data_source to the id of one, in place of notion.database.",
                )
            self._found = identity(listed[0].get("id"))
        return self._found

    def properties(self, fresh: bool = False) -> dict[str, Any]:
        """Name → property, as the data source has them."""
        if fresh or not self._properties:
            self._properties = read_properties(self._calls, self.data_source())
        return self._properties

    def options(self, status: str = "") -> list[str]:
        """Names of the options of the status property; asked for anew if `status` is none."""
        names = [text(o.get("name")) for o in self._options()]
        if status and status.casefold() not in (name.casefold() for name in names):
            self.properties(fresh=True)
            names = [text(o.get("name")) for o in self._options()]
        return names

    def closes(self, status: str) -> bool:
        """Whether the status belongs to the last group, Complete, of a status property."""
        self.options(status)
        groups = mappings(self._status().get("groups"))
        closed = groups[-1].get("option_ids") if groups else []
        ids = closed if isinstance(closed, list) else []
        return any(o.get("id") in ids and text(o.get("name")) == status for o in self._options())

    def status_type(self) -> str:
        """`status` or `select`; empty where the property is of another type or not there."""
        kind = text(mapping(self.properties().get(self._settings.status_property)).get("type"))
        return kind if kind in ("status", "select") else ""

    def _options(self) -> list[dict[str, Any]]:
        return mappings(self._status().get("options"))

    def _status(self) -> dict[str, Any]:
        value = mapping(self.properties().get(self._settings.status_property))
        return mapping(value.get(self.status_type()))


def read_properties(calls: NotionCalls, data_source: str) -> dict[str, Any]:
    """Name → property of a data source. Raises InvalidSettings if it is not there."""
    try:
        found = calls.send(
            f"read the data source {data_source}", lambda c: c.data_sources.retrieve(data_source)
        )
    except Missing as error:
        raise not_shared(f"data source {data_source}") from error
    return mapping(found.get("properties"))


def not_shared(what: str) -> InvalidSettings:
    return InvalidSettings(
        f"There is no {what} for the connection.",
        "Check the id; in Notion open the database, ··· → Connections, and add the connection.",
    )
