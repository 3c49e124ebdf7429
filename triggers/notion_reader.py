"""Reads a Notion page whole: its properties, all blocks below it, its open comments."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crew.errors import HostRefused, InvalidSettings
from triggers.door import Ticket
from triggers.notion_blocks import NotionBlocks
from triggers.notion_calls import Missing, NotionCalls
from triggers.notion_schema import NotionSchema
from triggers.notion_settings import NotionSettings
from triggers.notion_source import author_of, identity, kind_of, to_request
from triggers.notion_text import rich_text_to_markdown
from triggers.payload import mapping, mappings, text
from triggers.rich_text import one_line

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Reading:
    """What a poll must remember of a page that was read, to tell whether it has to be read again.

    `edited` is the page's time of change, which Notion rounds down to the minute: `settled` tells
    that this minute was over. `cursor` is where the last list of comments begins.
    """

    version: str
    edited: str
    settled: bool
    cursor: str
    ours: bool
    wanted: bool


class NotionReader:
    """Pages as tickets; what belongs to the workspace is asked for once."""

    def __init__(self, settings: NotionSettings, calls: NotionCalls, schema: NotionSchema) -> None:
        self._settings = settings
        self._calls = calls
        self._schema = schema
        self._blocks = NotionBlocks(calls)
        self._people: dict[str, tuple[str, str]] = {}

    def page(self, address: str) -> dict[str, Any] | None:
        """A page with its properties; None if it is gone or is no row of the data source."""
        try:
            found = self._calls.send(
                f"read the page {address}", lambda c: c.pages.retrieve(address)
            )
        except Missing:
            return None
        parent = identity(mapping(found.get("parent")).get("data_source_id"))
        return found if parent == self._schema.data_source() else None

    def ticket(self, address: str, known: Reading | None) -> tuple[Ticket, Reading] | None:
        """The whole ticket, and what to remember of it. One that is not wanted comes without its
        blocks, which nobody will read."""
        page = self.page(address)
        if page is None:
            return None
        edited, now = text(page.get("last_edited_time")), self._calls.now()
        lists = [("", [])] if in_trash(page) else [*self._calls.comments(address)]
        comments = [comment for _, found in lists for comment in found]
        cursor, fresh = lists[-1]
        ours = any(self.is_ours(c) for c in comments) or bool(known and known.ours)
        why_not = self.why_not(page, ours)
        blocks = [] if why_not else self._blocks.below(address)
        request = to_request(
            {"page": page, "blocks": blocks, "comments": comments}, self._calls.account()
        )
        name, person = ("", "") if why_not else self._requester(page)
        settled = _is_over(edited, now)
        version = f"{edited}{'' if settled else now.strftime('@%H:%M:%S')}|{self.mark(fresh)}"
        ticket = Ticket(
            request=request.model_copy(update={"requester": request.requester or name}),
            address=address,
            version=version,
            wanted=not why_not,
            why_not=why_not,
            person=person,
            priority=self._priority(page),
            project=_words_of(self._property(page, self._settings.project_property)),
        )
        return ticket, Reading(version, edited, settled, cursor, ours, not why_not)

    def is_ours(self, comment: dict[str, Any]) -> bool:
        """Whether our own account wrote and signed it."""
        return author_of(comment) == self._calls.account() and bool(kind_of(comment))

    def mark(self, comments: Iterable[dict[str, Any]]) -> str:
        """Changes with each comment of others that comes, goes or is edited."""
        theirs = [
            f"{c.get('id')} {c.get('last_edited_time')} {rich_text_to_markdown(c.get('rich_text'))}"
            for c in comments
            if not self.is_ours(c)
        ]
        return hashlib.sha256("\n".join(theirs).encode()).hexdigest()[:12] if theirs else "-"

    def status(self, page: dict[str, Any]) -> str:
        """The value of the status property."""
        return _words_of(self._property(page, self._settings.status_property))

    def why_not(self, page: dict[str, Any], ours: bool) -> str:
        """Why a page is not to be worked, in words; empty if it is. With a status that says
        nothing to us only a page is wanted on which we wrote before (`ours`)."""
        settings, status = self._settings, self.status(page)
        if in_trash(page):
            return "It is in the trash."
        if settings.cancels(status):
            return f"Its status is {status}."
        if settings.requests(status) or settings.shows(status):
            return ""
        if status and self._schema.closes(status):
            return f"It is done: its status is {status}."
        if ours:
            return ""
        return f"Its status is {status or 'empty'}, not {' or '.join(settings.requested)}."

    def _property(self, page: dict[str, Any], name: str) -> dict[str, Any]:
        return mapping(mapping(page.get("properties")).get(name)) if name else {}

    def _requester(self, page: dict[str, Any]) -> tuple[str, str]:
        """Name and account (e-mail address where Notion tells it) of who asks."""
        value = self._property(page, self._settings.requester_property)
        kind = text(value.get("type"))
        if kind == "email":
            return "", one_line(text(value.get("email")))
        people = mappings(value.get("people")) if kind == "people" else []
        if kind == "created_by":
            people = [mapping(value.get(kind))]
        # A property that is set up but empty names nobody; the author must not stand in for them.
        if not people and not self._settings.requester_property:
            people = [mapping(page.get("created_by"))]
        return self._person(people[0]) if people else ("", "")

    def _person(self, user: dict[str, Any]) -> tuple[str, str]:
        """Name and account of a user, who is looked up if Notion gave the id alone."""
        id_ = identity(user.get("id"))
        if id_ and "name" not in user and id_ not in self._people:
            # A guest, or the connection may not see people.
            with suppress(HostRefused, InvalidSettings):
                user = self._calls.send(f"read the user {id_}", lambda c: c.users.retrieve(id_))
            self._people[id_] = _named(user)
        return self._people.get(id_) or _named(user)

    def _priority(self, page: dict[str, Any]) -> int:
        value = self._property(page, self._settings.priority_property)
        number = value.get("number")
        if isinstance(number, int | float) and math.isfinite(number):
            return min(max(round(number), 1), 5)
        known = {n.casefold(): p for n, p in self._settings.priorities.items()}
        return known.get(_words_of(value).casefold(), 3)


def in_trash(page: dict[str, Any]) -> bool:
    """Whether a page was thrown away, in the words of either version of the API."""
    return page.get("in_trash") is True or page.get("archived") is True


def _words_of(value: dict[str, Any]) -> str:
    """The text of a property: of an option, the first of several options, a text or a title."""
    content = value.get(text(value.get("type")))
    if isinstance(content, list) and value.get("type") in ("rich_text", "title"):
        return one_line(rich_text_to_markdown(content))
    if isinstance(content, list):
        content = next(iter(mappings(content)), {})
    return one_line(text(mapping(content).get("name")))


def _named(user: dict[str, Any]) -> tuple[str, str]:
    email = one_line(text(mapping(user.get("person")).get("email")))
    return one_line(text(user.get("name"))), email or identity(user.get("id"))


def _is_over(edited: str, now: datetime) -> bool:
    """Whether the minute of the last change has passed, so that another would show."""
    try:
        began = datetime.fromisoformat(edited)
    except ValueError:
        return True
    return began.tzinfo is not None and now - began >= _MINUTE
