"""Notion as a place where requests come from and outcomes go back to.

A row of a data source is handed over by its status. What we write there are comments, which are no
part of the page, and properties that nothing is read from: so it never comes back to us as news.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Any

from crew.errors import HostRefused, InvalidInput, InvalidSettings
from triggers.door import Head, Message, Phase, Ticket
from triggers.notion_calls import Missing, NotionCalls
from triggers.notion_check import checked
from triggers.notion_reader import NotionReader, Reading, in_trash
from triggers.notion_schema import NotionSchema, not_shared
from triggers.notion_settings import NotionSettings
from triggers.notion_source import identity, kind_of
from triggers.notion_text import rich_text_to_markdown
from triggers.notion_writer import markdown_to_rich_text
from triggers.payload import mapping, text
from triggers.rich_text import clean, signature

# The time of a change is rounded down to the minute, and queries lag behind a little.
_OVERLAP = timedelta(minutes=2)
_MOST_SECONDS = 10 * 365 * 86_400.0
_MAX_COMMENT = 30_000
_MAX_REMEMBERED = 20_000


class NotionDoor:
    """Rows of one data source."""

    name = "notion"

    def __init__(self, settings: NotionSettings) -> None:
        self._settings = settings
        self._calls = NotionCalls(settings)
        self._schema = NotionSchema(settings, self._calls)
        self._reader = NotionReader(settings, self._calls, self._schema)
        self._read: dict[str, Reading] = {}
        self._lock = threading.Lock()

    def changed(self, seconds: float, waiting: Sequence[str] = ()) -> Iterator[Head]:
        """Rows that changed, thrown away ones too, the oldest change first; then those `waiting`
        on which somebody wrote, because a comment is no change of a page in Notion. Rows that
        were found to be none of ours are left out until they change again."""
        since = (
            self._calls.now() - timedelta(seconds=min(max(seconds, 0), _MOST_SECONDS)) - _OVERLAP
        )
        begins = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
        found = {**self._rows(begins, in_trash=False), **self._rows(begins, in_trash=True)}
        for address, (edited, foreign) in sorted(found.items(), key=lambda row: row[1]):
            known = self._known(address, edited)
            if known is None:
                yield Head(address, edited, only_known=foreign)
            elif address not in waiting and (known.wanted or known.ours):
                yield Head(address, known.version)
        for address in waiting:
            if address not in found or self._known(address, found[address][0]):
                yield Head(address, self._version(address))

    def read(self, address: str) -> Ticket | None:
        """The ticket; None if it is gone or is no row of the data source. Raises InvalidInput for
        what is no page id."""
        address = _identity(address)
        found = self._reader.ticket(address, self._read.get(address))
        if found is None:
            return None
        ticket, reading = found
        with self._lock:
            self._read.pop(address, None)
            self._read[address] = reading
            if len(self._read) > _MAX_REMEMBERED:
                del self._read[next(iter(self._read))]
        return ticket

    def write(self, address: str, message: Message, known: str = "") -> str:
        """Write or edit the comment of this kind; gives its id."""
        address = _identity(address)
        page = f"https://www.notion.so/{address.replace('-', '')}"
        body = markdown_to_rich_text(
            clean(message.text, _MAX_COMMENT), signature(message.kind, page)
        )
        if known:
            try:
                return self._edit(address, known, body)
            except Missing:
                pass  # somebody deleted it
        said = rich_text_to_markdown(body)
        for _, comments in self._calls.comments(address):
            for raw in comments:
                if self._reader.is_ours(raw) and kind_of(raw) == message.kind:
                    id_ = identity(raw.get("id"))
                    same = rich_text_to_markdown(raw.get("rich_text")) == said
                    return id_ if same else self._edit(address, id_, body)
        made = self._calls.send(
            f"comment on {address}",
            lambda c: c.comments.create(parent={"page_id": address}, rich_text=body),
        )
        return identity(made.get("id"))

    def show(self, address: str, phase: Phase, pull_request: str = "", title: str = "") -> None:
        """The status and the link to the pull request, where they are configured. Raises
        InvalidSettings, after the link was written, for a status that is no option."""
        address, settings = _identity(address), self._settings
        target = settings.statuses.get(phase, "")
        link = pull_request if pull_request.startswith(("https://", "http://")) else ""
        if not target and not (link and settings.link_property):
            return
        page = self._reader.page(address)
        if page is None or in_trash(page):
            return  # there is nothing left to show it on
        change: dict[str, Any] = {}
        if link and settings.link_property:
            value = mapping(mapping(page.get("properties")).get(settings.link_property))
            if value.get("url") != link:
                change[settings.link_property] = {"url": link}
        options = self._schema.options(target) if target else []
        option = next((o for o in options if o.casefold() == target.casefold()), "")
        if option and self._may_move(self._reader.status(page), option):
            kind = self._schema.status_type()
            change[settings.status_property] = {kind: {"name": option}}
        if change:
            self._calls.send(
                f"show on {address} that it is {phase}",
                lambda c: c.pages.update(address, properties=change),
            )
        if target and not option:
            raise InvalidSettings(
                f"The property {settings.status_property!r} has no option {target!r}; it has: "
                f"{', '.join(options) or 'none'}.",
                "Name one of these in notion.statuses, or add the option in Notion.",
            )

    def check(self) -> tuple[str, ...]:
        """What works, in words. Raises InvalidSettings with everything that lacks."""
        return checked(self._settings, self._calls, self._schema)

    def _rows(self, since: str, in_trash: bool) -> dict[str, tuple[str, bool]]:
        """Address → time of the last change, and whether its status says nothing to us, of rows
        that changed since then. The newest first: what changes between two pages moves to the
        front, and pushes nothing out."""
        source, stamp = self._schema.data_source(), "last_edited_time"
        query = {
            "filter": {"timestamp": stamp, stamp: {"on_or_after": since}},
            "sorts": [{"timestamp": stamp, "direction": "descending"}],
            **({"in_trash": True} if in_trash else {}),
        }
        found: dict[str, tuple[str, bool]] = {}
        pages = self._calls.pages(
            "search for changed rows", lambda c, w: c.data_sources.query(source, **query, **w)
        )
        try:
            for _, rows in pages:
                for row in rows:
                    if address := identity(row.get("id")):
                        status = self._reader.status(row)
                        ours = self._settings.requests(status) or self._settings.shows(status)
                        found.setdefault(address, (text(row.get(stamp)), in_trash or not ours))
        except Missing as error:
            raise not_shared(f"data source {source}") from error
        return found

    def _known(self, address: str, edited: str) -> Reading | None:
        """What was read of a page, if it cannot have changed since."""
        known = self._read.get(address)
        return known if known and known.settled and known.edited == edited else None

    def _version(self, address: str) -> str:
        """The version of a page that did not change, with the comments of now; empty if it has to
        be read to tell. Only the last list of comments is asked for."""
        known = self._read.get(address)
        if known is None or not known.settled:
            return ""
        try:
            lists = self._calls.comments(address, known.cursor)
            comments = [c for _, found in lists for c in found]
        except HostRefused:
            return ""  # the page is gone, or the cursor is not valid any more
        return f"{known.edited}|{self._reader.mark(comments)}"

    def _may_move(self, status: str, option: str) -> bool:
        """A row that a person cancelled or closed stays where it is."""
        settings = self._settings
        if status == option or settings.cancels(status):
            return False
        ours = settings.shows(status) or settings.requests(status)
        return ours or not status or not self._schema.closes(status)

    def _edit(self, address: str, identifier: str, body: list[dict[str, Any]]) -> str:
        self._calls.send(
            f"edit our comment on {address}",
            lambda c: c.comments.update(identifier, rich_text=body),
        )
        return identifier


def _identity(address: str) -> str:
    """Raises InvalidInput for what cannot be an id, before it gets into an address."""
    if not identity(address):
        raise InvalidInput(f"{address!r} is no Notion page.", "Give the page's id.")
    return identity(address)
