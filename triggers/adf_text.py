"""Atlassian Document Format as Markdown.

https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from triggers.rich_text import fence, indented, linked, marked, quoted, table

_MAX_DEPTH = 40
_SILENT = {"media", "mediaSingle", "mediaGroup", "mediaInline", "placeholder"}
_MARKS = {"strong": "**", "em": "_", "strike": "~~", "code": "`"}
_INLINE = {"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status"}


def adf_to_markdown(document: Any) -> str:
    """The text of a document or a part of it; what is unknown gives the text inside it."""
    return _block(document, 0)


def _children(node: Any) -> list[Any]:
    content = node.get("content") if isinstance(node, dict) else None
    return [c for c in content if isinstance(c, dict)] if isinstance(content, list) else []


def _attribute(node: Any, name: str) -> str:
    attributes = node.get("attrs")
    value = attributes.get(name) if isinstance(attributes, dict) else None
    return str(value) if isinstance(value, str | int | float) else ""


def _block(node: Any, depth: int) -> str:
    if not isinstance(node, dict) or depth > _MAX_DEPTH or str(node.get("type")) in _SILENT:
        return ""
    kind = str(node.get("type"))
    if kind in _INLINE:
        return _inline(node, depth)
    return _BLOCKS.get(kind, _unknown)(node, depth)


def _blocks(node: Any, depth: int) -> str:
    return "\n\n".join(text for c in _children(node) if (text := _block(c, depth + 1)).strip())


def _line(node: Any, depth: int) -> str:
    return "".join(_inline(c, depth + 1) for c in _children(node))


def _unknown(node: Any, depth: int) -> str:
    children = _children(node)
    if any(str(c.get("type")) in _INLINE for c in children):
        return _line(node, depth)
    return _blocks(node, depth) or _attribute(node, "text")


def _inline(node: Any, depth: int) -> str:
    kind = str(node.get("type"))
    if kind in _SILENT or depth > _MAX_DEPTH:
        return ""
    if kind == "text":
        return _text(node)
    if kind == "hardBreak":
        return "\n"
    if kind == "date":
        return _date(_attribute(node, "timestamp"))
    for name in ("text", "shortName", "url"):
        if kind in _INLINE and _attribute(node, name):
            return _attribute(node, name)
    return _line(node, depth) if _children(node) else _attribute(node, "text")


def _text(node: Any) -> str:
    text = str(node.get("text") or "")
    listed = node.get("marks")
    marks = [m for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []
    for mark in sorted(marks, key=lambda m: m.get("type") != "code"):
        text = marked(text, _MARKS.get(str(mark.get("type")), ""))
    link = next((m for m in marks if m.get("type") == "link"), None)
    return linked(text, _attribute(link, "href")) if link else text


def _date(milliseconds: str) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(int(milliseconds) / 1000, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.date().isoformat()


def _heading(node: Any, depth: int) -> str:
    level = _attribute(node, "level")
    marks = "#" * (int(level) if level in list("123456") else 2)
    return f"{marks} {_line(node, depth)}"


def _list(node: Any, depth: int) -> str:
    start = _attribute(node, "order")
    number = int(start) if start.isdigit() else 1
    lines = []
    for i, item in enumerate(_children(node)):
        marker = f"{number + i}." if node["type"] == "orderedList" else "-"
        lines.append(_item(marker, item, depth))
    return "\n".join(lines)


def _item(marker: str, item: Any, depth: int) -> str:
    parts = [_block(c, depth + 2) for c in _children(item)]
    return indented(marker, "\n".join(p for p in parts if p.strip()))


def _tasks(node: Any, depth: int) -> str:
    lines = []
    for item in _children(node):
        if str(item.get("type")) in ("taskList", "decisionList"):
            lines.append(indented(" ", _tasks(item, depth + 1)))
            continue
        done = "x" if _attribute(item, "state") == "DONE" else " "
        marker = f"- [{done}]" if item.get("type") in ("taskItem", "blockTaskItem") else "-"
        lines.append(f"{marker} {_unknown(item, depth + 1)}")
    return "\n".join(lines) if depth <= _MAX_DEPTH else ""


def _table(node: Any, depth: int) -> str:
    return table(
        [
            [_blocks(cell, depth + 2) for cell in _children(row)]
            for row in _children(node)
            if row.get("type") == "tableRow"
        ]
    )


def _expand(node: Any, depth: int) -> str:
    title = _attribute(node, "title")
    return "\n\n".join(p for p in (marked(title, "**"), _blocks(node, depth)) if p)


def _code(node: Any, depth: int) -> str:
    code = "".join(str(c.get("text") or "") for c in _children(node))
    return fence(code, _attribute(node, "language"))


def _quote(node: Any, depth: int) -> str:
    return quoted(_blocks(node, depth))


def _card(node: Any, depth: int) -> str:
    return linked("", _attribute(node, "url"))


def _rule(node: Any, depth: int) -> str:
    return "---"


_BLOCKS: dict[str, Callable[[Any, int], str]] = {
    "doc": _blocks,
    "paragraph": _line,
    "heading": _heading,
    "bulletList": _list,
    "orderedList": _list,
    "taskList": _tasks,
    "decisionList": _tasks,
    "codeBlock": _code,
    "blockquote": _quote,
    "panel": _quote,
    "expand": _expand,
    "nestedExpand": _expand,
    "table": _table,
    "rule": _rule,
    "blockCard": _card,
    "embedCard": _card,
}
