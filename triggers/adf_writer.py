"""Markdown as Atlassian Document Format, for comments on Jira Cloud.

https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
Text stays text: nothing in it can become a mention, a macro or HTML.
"""

from __future__ import annotations

import re
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]
Marks = tuple[Node, ...]

_ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?'()\[\]]")
_MARKS = {"strong": "strong", "em": "em", "s": "strike"}
_LISTS = {"bullet_list": "bulletList", "ordered_list": "orderedList"}


def markdown_to_adf(text: str) -> Node:
    """A document that is valid by the schema of ADF's version 1."""
    return {"type": "doc", "version": 1, "content": _blocks(parsed(text))}


def parsed(text: str) -> SyntaxTreeNode:
    """Markdown with tables and strikethrough, without HTML."""
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return SyntaxTreeNode(reader.parse(text))


def is_web_address(address: str) -> bool:
    """Whether a link may lead there: the web or mail, nothing relative and no script."""
    return bool(re.match(r"(https?://|mailto:)\S+$", address))


def _blocks(node: SyntaxTreeNode) -> list[Node]:
    return [_block(child) for child in node.children]


def _block(node: SyntaxTreeNode) -> Node:
    if node.type == "heading":
        return {"type": "heading", "attrs": {"level": int(node.tag[1])}, "content": _line(node)}
    if node.type in _LISTS:
        return _list(node)
    if node.type == "blockquote":
        return {"type": "blockquote", "content": _plain(_blocks(node))}
    if node.type in ("fence", "code_block"):
        return _code(node)
    if node.type == "hr":
        return {"type": "rule"}
    if node.type == "table":
        return {
            "type": "table",
            "content": [_row(r) for part in node.children for r in part.children],
        }
    return {"type": "paragraph", "content": _line(node)}


def _list(node: SyntaxTreeNode) -> Node:
    items = []
    for item in node.children:
        content = _plain(_blocks(item))
        if content[0]["type"] not in ("paragraph", "codeBlock"):
            content.insert(0, {"type": "paragraph", "content": []})
        items.append({"type": "listItem", "content": content})
    if node.type == "bullet_list":
        return {"type": "bulletList", "content": items}
    order = int(node.attrs.get("start", 1))
    return {"type": "orderedList", "attrs": {"order": order}, "content": items}


def _plain(blocks: list[Node]) -> list[Node]:
    """The blocks that a list item or a quote may hold, at least one; others as paragraphs."""
    found: list[Node] = []
    for block in blocks:
        if block["type"] == "blockquote":
            found += block["content"]
        elif block["type"] == "heading":
            found.append({"type": "paragraph", "content": block["content"]})
        elif block["type"] == "table":
            found += [_flat(row) for row in block["content"]]
        elif block["type"] != "rule":
            found.append(block)
    return found or [{"type": "paragraph", "content": []}]


def _flat(row: Node) -> Node:
    """A row of a table as a paragraph."""
    content: list[Node] = []
    for cell in row["content"]:
        content += [{"type": "text", "text": " | "}] if content else []
        content += cell["content"][0]["content"]
    return {"type": "paragraph", "content": content}


def _code(node: SyntaxTreeNode) -> Node:
    code, language = node.content.rstrip("\n"), node.info.strip()
    block: Node = {"type": "codeBlock", "content": [{"type": "text", "text": code}] if code else []}
    return {**block, "attrs": {"language": language}} if language.isalnum() else block


def _row(node: SyntaxTreeNode) -> Node:
    cells = []
    for cell in node.children:
        kind = "tableHeader" if cell.type == "th" else "tableCell"
        cells.append({"type": kind, "content": [{"type": "paragraph", "content": _line(cell)}]})
    return {"type": "tableRow", "content": cells}


def _line(node: SyntaxTreeNode) -> list[Node]:
    """The inline content of a block."""
    return [piece for child in node.children for piece in _inline(child, ())]


def _inline(node: SyntaxTreeNode, marks: Marks) -> list[Node]:
    if node.type == "hardbreak":
        return [{"type": "hardBreak"}]
    if node.type == "softbreak":
        return [_text(" ", marks)]
    if node.type == "code_inline":
        kept = tuple(m for m in marks if m["type"] == "link")
        return [_text(node.content, (*kept, {"type": "code"}))]
    if node.type in ("text", "image"):
        return _with_links(node.content, marks)
    if node.type == "link" and is_web_address(address := str(node.attrs.get("href", ""))):
        marks = (*marks, {"type": "link", "attrs": {"href": address}})
    elif node.type in _MARKS:
        mark = {"type": _MARKS[node.type]}
        marks = marks if mark in marks else (*marks, mark)
    return [piece for child in node.children for piece in _inline(child, marks)]


def _with_links(content: str, marks: Marks) -> list[Node]:
    """Text, in which bare addresses become links."""
    if any(m["type"] == "link" for m in marks):
        return [_text(content, marks)] if content else []
    found, end = [], 0
    for match in _ADDRESS.finditer(content):
        link = {"type": "link", "attrs": {"href": match[0]}}
        found += [(content[end : match.start()], marks), (match[0], (*marks, link))]
        end = match.end()
    found.append((content[end:], marks))
    return [_text(part, by) for part, by in found if part]


def _text(content: str, marks: Marks) -> Node:
    node: Node = {"type": "text", "text": content}
    return {**node, "marks": list(marks)} if marks else node
