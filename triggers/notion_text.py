"""Notion blocks and rich text as Markdown, https://developers.notion.com/reference/block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from triggers.rich_text import fence, indented, linked, marked, quoted, table

_MAX_DEPTH = 40
_SILENT = {"image", "video", "audio", "file", "pdf", "breadcrumb", "table_of_contents"}
_ANNOTATIONS = {"code": "`", "bold": "**", "italic": "_", "strikethrough": "~~"}
_ADDRESSES = {"bookmark", "embed", "link_preview"}


def blocks_to_markdown(blocks: Any) -> str:
    """The text of blocks in order; children stand in them or point at them by `parent`."""
    listed = [b for b in blocks if isinstance(b, dict)] if isinstance(blocks, list) else []
    known = {str(b["id"]) for b in listed if b.get("id")}
    below: dict[str, list[dict[str, Any]]] = {}
    tops = []
    for block in listed:
        parent = block.get("parent")
        owner = str(parent.get("block_id")) if isinstance(parent, dict) else ""
        if owner in known and owner != str(block.get("id")):
            below.setdefault(owner, []).append(block)
        else:
            tops.append(block)
    return _Reader(below).blocks(tops, 0)


def rich_text_to_markdown(rich_text: Any) -> str:
    """The text of a rich text array."""
    parts = rich_text if isinstance(rich_text, list) else []
    return "".join(_part(p) for p in parts if isinstance(p, dict))


def rich_text_to_plain(rich_text: Any) -> str:
    """The same without marks and links, where a text is data, such as YAML."""
    parts = rich_text if isinstance(rich_text, list) else []
    return "".join(_plain(p) for p in parts if isinstance(p, dict))


def _plain(part: dict[str, Any]) -> str:
    content = part.get("text")
    inner = content.get("content") if isinstance(content, dict) else ""
    return str(part.get("plain_text") or inner or "")


def _part(part: dict[str, Any]) -> str:
    text = _plain(part)
    annotations = part.get("annotations")
    for name, mark in _ANNOTATIONS.items():
        if isinstance(annotations, dict) and annotations.get(name):
            text = marked(text, mark)
    return linked(text, address_of(part))


def address_of(part: dict[str, Any]) -> str:
    """Where a part of a rich text leads to; empty for one without a link."""
    content = part.get("text")
    link = content.get("link") if isinstance(content, dict) else None
    url = link.get("url") if isinstance(link, dict) else None
    found = part.get("href") or url
    return found if isinstance(found, str) else ""


class _Reader:
    """Blocks with their children, which the API gives in lists of their own."""

    def __init__(self, below: dict[str, list[dict[str, Any]]]) -> None:
        self._below = below

    def blocks(self, blocks: Iterable[dict[str, Any]], depth: int) -> str:
        text, number, last = "", 0, ""
        for block in blocks:
            kind = str(block.get("type"))
            number = number + 1 if kind == last == "numbered_list_item" else 1
            found = self._block(block, kind, number, depth)
            if not found.strip():
                continue
            close = kind == last and kind.endswith(("list_item", "to_do"))
            text += ("" if not text else "\n" if close else "\n\n") + found
            last = kind
        return text

    def _children(self, block: dict[str, Any], content: dict[str, Any]) -> list[dict[str, Any]]:
        inside = content.get("children") or block.get("children")
        listed = inside if isinstance(inside, list) else []
        found = [c for c in listed if isinstance(c, dict)]
        return found or self._below.get(str(block.get("id")), [])

    def _block(self, block: dict[str, Any], kind: str, number: int, depth: int) -> str:
        if depth > _MAX_DEPTH or kind in _SILENT:
            return ""
        value = block.get(kind)
        content: dict[str, Any] = value if isinstance(value, dict) else {}
        children = self._children(block, content)
        if kind == "table":
            return self._table(children)
        text = rich_text_to_markdown(content.get("rich_text"))
        below = self.blocks(children, depth + 1)
        if kind.endswith("list_item") or kind == "to_do":
            return indented(_marker(kind, number, content), f"{text}\n{below}".rstrip())
        both = "\n\n".join(part for part in (_styled(kind, text, content), below) if part)
        return quoted(both) if kind in ("quote", "callout") else both

    def _table(self, rows: list[dict[str, Any]]) -> str:
        cells = [r.get("table_row") for r in rows]
        listed = [c.get("cells") for c in cells if isinstance(c, dict)]
        return table(
            [[rich_text_to_markdown(cell) for cell in r] for r in listed if isinstance(r, list)]
        )


def _marker(kind: str, number: int, content: dict[str, Any]) -> str:
    if kind == "to_do":
        return "- [x]" if content.get("checked") else "- [ ]"
    return f"{number}." if kind == "numbered_list_item" else "-"


def _styled(kind: str, text: str, content: dict[str, Any]) -> str:
    if kind.startswith("heading_") and kind[-1].isdigit():
        return f"{'#' * int(kind[-1])} {text}" if text else ""
    if kind == "code":
        return fence(text, str(content.get("language") or "").replace("plain text", ""))
    if kind == "divider":
        return "---"
    if kind == "equation":
        return f"`{content.get('expression') or ''}`"
    if kind in _ADDRESSES:
        return linked("", str(content.get("url") or ""))
    if kind in ("child_page", "child_database"):
        return str(content.get("title") or "")
    return text
