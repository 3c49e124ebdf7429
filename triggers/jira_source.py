"""Requests from Jira issues: the REST API's (version 2 and 3) and webhooks' payloads."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from crew.artifacts import Comment, Request
from crew.errors import InvalidInput
from triggers.adf_text import adf_to_markdown
from triggers.payload import comment, mapping, mappings, text, texts, titled
from triggers.rich_text import one_line, wiki_to_markdown

_KEY = re.compile(r"[A-Z][A-Z0-9_]*-\d+")


def recognizes(payload: Any) -> bool:
    """Whether this is an issue, alone or in a webhook."""
    issue = _issue(mapping(payload))
    return isinstance(issue.get("fields"), dict) and isinstance(issue.get("key"), str)


def to_request(payload: dict[str, Any]) -> Request:
    """The request of an issue. Raises InvalidInput for one without key or text."""
    issue = _issue(payload)
    key, fields = text(issue.get("key")), mapping(issue.get("fields"))
    if not _KEY.fullmatch(key):
        raise InvalidInput(f"{key!r} is no Jira issue key.", "Give an issue such as DATA-141.")
    body = _markdown(fields.get("description"))
    title, body = titled(text(fields.get("summary")), body, f"The issue {key}")
    site = _site(text(issue.get("self")))
    linked = [
        mapping(link.get("outwardIssue") or link.get("inwardIssue"))
        for link in mappings(fields.get("issuelinks"))
    ]
    keys = [k for other in linked if _KEY.fullmatch(k := text(other.get("key")))]
    return Request(
        source="jira",
        key=key,
        title=title,
        body=body,
        comments=_comments(payload, fields),
        labels=texts(fields.get("labels")),
        requester=_name(fields.get("reporter")) or _name(fields.get("creator")),
        links=tuple(f"{site}/browse/{k}" if site else k for k in keys),
        url=f"{site}/browse/{key}" if site else "",
    )


def _issue(payload: dict[str, Any]) -> dict[str, Any]:
    return mapping(payload.get("issue")) or payload


def _comments(payload: dict[str, Any], fields: dict[str, Any]) -> tuple[Comment, ...]:
    listed = {str(c.get("id")): c for c in mappings(mapping(fields.get("comment")).get("comments"))}
    event, new = text(payload.get("webhookEvent")), mapping(payload.get("comment"))
    if event == "comment_deleted":
        listed.pop(str(new.get("id")), None)
    elif new:
        listed[str(new.get("id"))] = new
    ordered = sorted(listed.values(), key=lambda c: text(c.get("created")))
    found = [
        comment(_name(c.get("author")), _markdown(c.get("body")), text(c.get("created")))
        for c in ordered
    ]
    return tuple(c for c in found if c)


def _markdown(value: Any) -> str:
    """Version 3 gives a document, version 2 wiki markup."""
    if isinstance(value, str):
        return wiki_to_markdown(value.replace("\r\n", "\n"))
    return adf_to_markdown(value)


def _name(person: Any) -> str:
    values = mapping(person)
    return one_line(text(values.get("displayName")) or text(values.get("name")))


def _site(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return ""
    context = parts.path.partition("/rest/")[0]
    return one_line(f"{parts.scheme}://{parts.netloc}{context}")
