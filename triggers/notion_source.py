"""Requests from Notion pages: page, blocks and comments together, a page alone, or a webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crew.artifacts import Request
from crew.errors import InvalidInput
from triggers.notion_text import blocks_to_markdown, rich_text_to_markdown
from triggers.payload import comment, mapping, mappings, text, titled
from triggers.rich_text import one_line


def recognizes(payload: Any) -> bool:
    """Whether this is a page, alone or in a wrapper, or an event about one."""
    values = mapping(payload)
    return _page(values) is not None or mapping(values.get("entity")).get("type") == "page"


def to_request(payload: dict[str, Any]) -> Request:
    """The request of a page. Raises InvalidInput for an event, which carries no content."""
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
    key = _key(page, properties)
    title, body = titled(_title(properties), said, f"The Notion page {key}")
    comments = [
        comment(_author(c), rich_text_to_markdown(c.get("rich_text")), text(c.get("created_time")))
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


def _key(page: dict[str, Any], properties: dict[str, Any]) -> str:
    for _, value in _of(properties, "unique_id"):
        number, prefix = mapping(value).get("number"), text(mapping(value).get("prefix"))
        if isinstance(number, int):
            return f"{prefix}-{number}" if prefix else f"notion-{number}"
    return "notion-" + text(page.get("id")).replace("-", "")[:12]


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


def _author(value: dict[str, Any]) -> str:
    shown = text(mapping(value.get("display_name")).get("resolved_name"))
    return one_line(shown or text(mapping(value.get("created_by")).get("name")))
