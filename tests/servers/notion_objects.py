"""Notion's objects as its API gives them: users, rich text, properties and blocks."""

from __future__ import annotations

import uuid
from typing import Any

BOT = "firstmile"
_ANNOTATIONS = ("bold", "italic", "strikethrough", "underline", "code")


def identifier(number: int) -> str:
    return str(uuid.UUID(int=(number << 64) | 0x4000_8000_0000_0000_0000, version=4))


def user(name: str, whole: bool = False) -> dict[str, Any]:
    """A user: the id alone, as most objects name them, or the whole of it."""
    found = {"object": "user", "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name))}
    if not whole:
        return found
    found |= {"name": name.title(), "avatar_url": None}  # type: ignore[dict-item]
    if name != BOT:
        return {**found, "type": "person", "person": {"email": f"{name}@example.com"}}
    bot = {
        "owner": {"type": "workspace", "workspace": True}, "workspace_id": identifier(9),
        "workspace_name": "Shop", "workspace_limits": {"max_file_upload_size_in_bytes": 5_000_000},
    }  # fmt: skip
    return {**found, "type": "bot", "bot": bot}


def edited_by(name: str) -> dict[str, Any]:
    return {"created_by": user(name), "last_edited_by": user(name)}


def rich(text: str, link: str = "", **annotations: bool) -> list[dict[str, Any]]:
    """A text as one part."""
    content = {"content": text, **({"link": {"url": link}} if link else {})}
    return [rich_text({"text": content, "annotations": annotations})] if text else []


def rich_text(part: dict[str, Any], relative_links: bool = False) -> dict[str, Any]:
    """A part of a rich text as it is given, from how it was asked for."""
    link = part["text"].get("link")
    if link and relative_links:
        link = {"url": link["url"].removeprefix("https://www.notion.so")}
    given = part.get("annotations", {})
    return {
        "type": "text", "text": {"content": part["text"]["content"], "link": link},
        "annotations": {**{a: given.get(a, False) for a in _ANNOTATIONS}, "color": "default"},
        "plain_text": part["text"]["content"], "href": link["url"] if link else None,
    }  # fmt: skip


def mention(name: str) -> dict[str, Any]:
    """Somebody is named within a text."""
    part = rich_text({"text": {"content": f"@{name.title()}"}})
    del part["text"]
    return {**part, "type": "mention", "mention": {"type": "user", "user": user(name)}}


def property_value(kind: str, name: str, value: Any) -> dict[str, Any]:
    """A property of a page; what is no text stands as it is."""
    content: Any = value
    if kind in ("title", "rich_text"):
        content = rich(value or "") if isinstance(value or "", str) else value
    elif kind in ("status", "select"):
        content = _option(value) if isinstance(value, str) and value else value or None
    elif kind == "multi_select":
        content = [_option(v) for v in value or ()]
    elif kind == "people":
        content = [user(v, whole=True) for v in value or ()]
    elif kind == "unique_id":
        content = {"prefix": "DR", "number": value}
    return {"id": _id(name), "type": kind, kind: content}


def configured(kind: str, name: str, statuses: dict[str, str]) -> dict[str, Any]:
    """A property as its data source describes it."""
    content: dict[str, Any] = {}
    if kind in ("status", "select", "multi_select"):
        content["options"] = [{**_option(s), "description": None} for s in statuses]
    if kind == "status":
        groups = dict.fromkeys(statuses.values())
        content["groups"] = [
            {"id": _id(g), "name": g, "color": "gray",
             "option_ids": [_id(s) for s in statuses if statuses[s] == g]}
            for g in groups
        ]  # fmt: skip
    if kind == "unique_id":
        content["prefix"] = "DR"
    if kind == "number":
        content["format"] = "number"
    return {"id": _id(name), "name": name, "description": None, "type": kind, kind: content}


def block(
    id_: str, parent: str, on_page: bool, kind: str, said: Any, content: dict[str, Any], at: str
) -> dict[str, Any]:
    """A block; `said` is its text, if its kind has any."""
    inner = dict(content)
    if said:
        inner["rich_text"] = rich(said) if isinstance(said, str) else said
    if "rich_text" in inner and kind != "code":
        inner.setdefault("color", "default")
    if kind.startswith("heading"):
        inner.setdefault("is_toggleable", False)
    above = "page_id" if on_page else "block_id"
    return {
        "object": "block", "id": id_, "parent": {"type": above, above: parent}, "type": kind,
        kind: inner, "created_time": at, "last_edited_time": at, "has_children": False,
        "in_trash": False, **edited_by("mara"),
    }  # fmt: skip


def _option(name: str) -> dict[str, Any]:
    return {"id": _id(name), "name": name, "color": "default"}


def _id(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_DNS, name).hex[:8]
