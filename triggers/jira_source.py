"""Requests from Jira issues: the REST API's (version 2 and 3) and webhooks' payloads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from crew.artifacts import Comment, Request
from crew.errors import InvalidInput
from triggers.adf_text import adf_to_markdown
from triggers.payload import comment, mapping, mappings, text, texts, titled
from triggers.rich_text import (
    MAX_BODY,
    clean,
    fence,
    one_line,
    quoted,
    signed_kind,
    wiki_to_markdown,
)

_MAX_SECTION = 10_000
_KEY = re.compile(r"[A-Z][A-Z0-9_]*-\d+")


def recognizes(payload: Any) -> bool:
    """Whether this is an issue, alone or in a webhook."""
    issue = _issue(mapping(payload))
    return isinstance(issue.get("fields"), dict) and isinstance(issue.get("key"), str)


@dataclass(frozen=True)
class Surroundings:
    """What the API tells beside the issue itself; nothing in it may change by what we write.

    `account` is our own identity: only its signed comments are ours. `site` is the address people
    use. `fields` are headings with the raw values of custom fields, `parts` the subtasks,
    `parent` the epic or other issue above, `tables` the names and texts of CSV attachments.
    """

    account: str
    site: str
    fields: tuple[tuple[str, Any], ...] = ()
    parts: tuple[dict[str, Any], ...] = ()
    parent: dict[str, Any] = field(default_factory=dict)
    tables: tuple[tuple[str, str], ...] = ()


def to_request(payload: dict[str, Any], around: Surroundings | None = None) -> Request:
    """The request of an issue; with its surroundings, those as sections of the body. Raises
    InvalidInput for one without key or text."""
    issue = _issue(payload)
    key, fields = text(issue.get("key")), mapping(issue.get("fields"))
    if not is_key(key):
        raise InvalidInput(f"{key!r} is no Jira issue key.", "Give an issue such as DATA-141.")
    body = _markdown(fields.get("description"))
    if around:
        body = "\n\n".join(part for part in (clean(body), *_sections(fields, around)) if part)
    title, body = titled(text(fields.get("summary")), body, f"The issue {key}")
    site = around.site if around else _site(text(issue.get("self")))
    keys = [k for _, other in _linked(fields) if is_key(k := text(other.get("key")))]
    return Request(
        source="jira",
        key=key,
        title=title,
        body=body,
        comments=_comments(payload, fields, around),
        labels=texts(fields.get("labels")),
        requester=_name(fields.get("reporter")) or _name(fields.get("creator")),
        links=tuple(f"{site}/browse/{k}" if site else k for k in keys),
        url=f"{site}/browse/{key}" if site else "",
    )


def is_key(value: str) -> bool:
    """Whether this is the key of an issue, such as DATA-141."""
    return bool(_KEY.fullmatch(value))


def identity(person: Any) -> str:
    """What tells an account from all others: Cloud's account id, Data Center's key or name."""
    values = mapping(person)
    return next((i for n in ("accountId", "key", "name") if (i := text(values.get(n)))), "")


def comment_text(raw: dict[str, Any]) -> str:
    """The text of a comment as Markdown."""
    return _markdown(raw.get("body"))


def _issue(payload: dict[str, Any]) -> dict[str, Any]:
    return mapping(payload.get("issue")) or payload


def _linked(fields: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Linked issues, each with how it is linked, in words."""
    found = []
    for link in mappings(fields.get("issuelinks")):
        side = "outward" if link.get("outwardIssue") else "inward"
        words = one_line(text(mapping(link.get("type")).get(side)))
        found.append((words, mapping(link.get(f"{side}Issue"))))
    return found


def _comments(
    payload: dict[str, Any], fields: dict[str, Any], around: Surroundings | None
) -> tuple[Comment, ...]:
    listed = {str(c.get("id")): c for c in mappings(mapping(fields.get("comment")).get("comments"))}
    event, new = text(payload.get("webhookEvent")), mapping(payload.get("comment"))
    if event == "comment_deleted":
        listed.pop(str(new.get("id")), None)
    elif new:
        listed[str(new.get("id"))] = new
    ordered = sorted(listed.values(), key=lambda c: text(c.get("created")))
    found = [_comment(c, around) for c in ordered]
    return tuple(c for c in found if c)


def _comment(raw: dict[str, Any], around: Surroundings | None) -> Comment | None:
    """A comment. Where our account is known, the marks alone prove nothing: anyone can copy them,
    and people may write under our account."""
    body = comment_text(raw)
    found = comment(_name(raw.get("author")), body, text(raw.get("created")))
    if found is None or around is None:
        return found
    mine = around.account != "" and identity(raw.get("author")) == around.account
    ours = mine and bool(signed_kind(body))
    return found.model_copy(update={"ours": ours}) if found.body or ours else None


def _sections(fields: dict[str, Any], around: Surroundings) -> list[str]:
    """What stands around the description: custom fields and subtasks as wishes, the rest quoted
    under a heading that says it is only context."""
    found = []
    for heading, value in around.fields:
        if shown := clean(_shown(value), _MAX_SECTION):
            found.append(f"## {one_line(heading, 40)}\n\n{shown}")
    for part in around.parts:
        values = mapping(part.get("fields"))
        title = one_line(text(values.get("summary")))
        told = clean(_markdown(values.get("description")), _MAX_SECTION)
        found.append("\n\n".join(p for p in (f"## Subtask {part['key']}", title, told) if p))
    context = [p for p in (_above(around.parent), *_beside(fields)) if p]
    if context or around.tables:
        found.append("\n\n".join(["## Context", *map(quoted, context)]))
    for name, content in around.tables:
        found.append(f"Attached {_plain_name(name)}:\n\n{fence(content, 'csv')}")
    return found


def _above(parent: dict[str, Any]) -> str:
    fields = mapping(parent.get("fields"))
    title = one_line(text(fields.get("summary")))
    if not title:
        return ""
    told = clean(_markdown(fields.get("description")), _MAX_SECTION)
    return f"Part of {text(parent.get('key'))}: {title}\n\n{told}".strip()


def _beside(fields: dict[str, Any]) -> list[str]:
    """Linked issues and the names of attachments, in an order of their own."""
    links = sorted(
        f"- {words} {key}: {one_line(text(mapping(other.get('fields')).get('summary')))}"
        for words, other in _linked(fields)
        if is_key(key := text(other.get("key")))
    )
    names = sorted(_plain_name(text(a.get("filename"))) for a in mappings(fields.get("attachment")))
    attached = f"Attached: {', '.join(n for n in names if n)}" if any(names) else ""
    return ["\n".join(links), attached]


def _plain_name(name: str) -> str:
    return one_line(name, 120).replace("`", "'")


def _shown(value: Any, depth: int = 0) -> str:
    """The text of a custom field of any type: text, number, document, option, person, list."""
    if isinstance(value, bool) or value is None or depth > 3:
        return ""
    if isinstance(value, str):
        return _markdown(value)
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(v for v in (_shown(item, depth + 1) for item in value) if v)
    values = mapping(value)
    if values.get("type") == "doc":
        return _markdown(values)
    names = ("value", "displayName", "name", "key")
    own = next((n for k in names if (n := one_line(text(values.get(k))))), "")
    return " / ".join(v for v in (own, _shown(values.get("child"), depth + 1)) if v)


def _markdown(value: Any) -> str:
    """Version 3 gives a document, version 2 wiki markup."""
    if isinstance(value, str):
        return wiki_to_markdown(value[: 2 * MAX_BODY].replace("\r\n", "\n"))
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
