"""Requests from Notion pages: page, blocks and comments together, a page alone, or a webhook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from crew.artifacts import Comment, Request
from crew.errors import InvalidInput
from triggers.notion_text import address_of, blocks_to_markdown, rich_text_to_markdown
from triggers.payload import comment, mapping, mappings, text, titled
from triggers.rich_text import clean, one_line, signed_kind

_IDENTITY = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def identity(value: Any) -> str:
    """An id of Notion as the API writes it, with dashes; empty for what is none."""
    lower = text(value).strip().lower()
    if not _IDENTITY.fullmatch(lower):
        return ""
    digits = lower.replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def author_of(raw: dict[str, Any]) -> str:
    """The account that wrote a comment or made a page."""
    return identity(mapping(raw.get("created_by")).get("id"))


def kind_of(raw: dict[str, Any]) -> str:
    """The kind of comment that the link at its end names; empty for one that is not signed. Notion
    may give the link without its host."""
    parts = mappings(raw.get("rich_text"))
    return signed_kind(address_of(parts[-1])) if parts else ""


def recognizes(payload: Any) -> bool:
    """Whether this is a page, alone or in a wrapper, or an event about one."""
    values = mapping(payload)
    return _page(values) is not None or mapping(values.get("entity")).get("type") == "page"


def to_request(payload: dict[str, Any], account: str = "") -> Request:
    """The request of a page. Raises InvalidInput for an event, which carries no content.

    Where our own `account` is known, a comment counts as ours by it and the signature together,
    and a page that says nothing is called by its key. That holds the whole id then, because pages
    of one workspace may begin with the same digits.
    """
    page = _page(payload)
    if page is None:
        raise InvalidInput(
            "This Notion event names a page but does not hold it.",
            'Give the page itself: {"page": …, "blocks": […], "comments": […]}.',
        )
    properties = mapping(page.get("properties"))
    blocks = payload.get("blocks") or payload.get("children") or page.get("children")
    if isinstance(blocks, dict):
        blocks = blocks.get("results")
    listed = payload.get("comments")
    if isinstance(listed, dict):
        listed = listed.get("results")
    said = "\n\n".join([*_described(properties), blocks_to_markdown(blocks)])
    key = _key(page, properties, 32 if account else 12)
    title = _title(properties)
    if account and not one_line(title) and not clean(said):
        title = key
    title, body = titled(title, said, f"The Notion page {key}")
    comments = [
        _comment(c, account)
        for c in sorted(mappings(listed), key=lambda c: text(c.get("created_time")))
    ]
    return Request(
        source="notion",
        key=key,
        title=title,
        body=body,
        comments=tuple(c for c in comments if c),
        labels=tuple(_labels(properties)),
        requester=_requester(properties) or _author(page),
        links=tuple(url for _, v in _of(properties, "url") if (url := one_line(text(v)))),
        url=one_line(text(page.get("url"))),
    )


def _page(payload: dict[str, Any]) -> dict[str, Any] | None:
    for page in (payload.get("page"), payload.get("data"), payload):
        values = mapping(page)
        is_page = values.get("object", "page") == "page" and isinstance(values.get("id"), str)
        if is_page and isinstance(values.get("properties"), dict):
            return values
    return None


def _of(properties: dict[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    """Names and values of the properties of one type."""
    for name, value in properties.items():
        if mapping(value).get("type") == kind:
            yield name, value.get(kind)


def _key(page: dict[str, Any], properties: dict[str, Any], digits: int) -> str:
    for _, value in _of(properties, "unique_id"):
        number, prefix = mapping(value).get("number"), text(mapping(value).get("prefix"))
        if isinstance(number, int):
            return f"{prefix}-{number}" if prefix else f"notion-{number}"
    return "notion-" + text(page.get("id")).replace("-", "")[:digits]


def _title(properties: dict[str, Any]) -> str:
    return next((rich_text_to_markdown(v) for _, v in _of(properties, "title")), "")


def _described(properties: dict[str, Any]) -> Iterator[str]:
    """Texts that stand in columns of the table rather than on the page."""
    for name, value in _of(properties, "rich_text"):
        if said := rich_text_to_markdown(value).strip():
            yield f"**{one_line(name)}**: {said}"


def _labels(properties: dict[str, Any]) -> Iterator[str]:
    for _, options in _of(properties, "multi_select"):
        yield from (one_line(text(o.get("name"))) for o in mappings(options) if o.get("name"))


def _requester(properties: dict[str, Any]) -> str:
    people = [(name.lower(), mappings(value)) for name, value in _of(properties, "people")]
    people += [(name.lower(), [mapping(v)]) for name, v in _of(properties, "created_by")]
    people.sort(key=lambda p: "request" not in p[0])
    names = [text(person.get("name")) for _, listed in people for person in listed]
    return one_line(next((n for n in names if n), ""))


def _comment(raw: dict[str, Any], account: str) -> Comment | None:
    said = rich_text_to_markdown(raw.get("rich_text"))
    found = comment(_author(raw), said, text(raw.get("created_time")))
    if not found or not account:
        return found
    return found.model_copy(update={"ours": author_of(raw) == account and bool(kind_of(raw))})


def _author(value: dict[str, Any]) -> str:
    shown = text(mapping(value.get("display_name")).get("resolved_name"))
    return one_line(shown or text(mapping(value.get("created_by")).get("name")))
