"""Markdown as Notion's rich text, for comments, which hold no blocks.

https://developers.notion.com/reference/rich-text, and /reference/request-limits for the limits.
Text stays text: nothing in it can become a mention.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from triggers.adf_writer import is_web_address, parsed

_MAX_UNITS = 2000
_MAX_PARTS = 100
_MAX_ADDRESS = 2000
_STYLES = {"strong": "bold", "em": "italic", "s": "strikethrough"}


@dataclass(frozen=True)
class _Piece:
    text: str
    styles: frozenset[str] = frozenset()
    address: str = ""


def markdown_to_rich_text(markdown: str, sign: str = "") -> list[dict[str, Any]]:
    """At most 100 parts of at most 2,000 characters, as Notion counts them. `sign`, a link in
    Markdown, becomes the last part. What needs more parts loses its styles first, then its links;
    a text beyond that, which is longer than 190,000 characters, is cut."""
    said = list(_lines(parsed(markdown).children, ""))
    signed = list(_line(parsed(sign), frozenset(), ""))
    room = _MAX_PARTS - len(signed) - bool(signed)
    plain = [replace(p, styles=frozenset()) for p in said]
    bare = [replace(p, address="") for p in plain]
    parts = next((m for v in (said, plain) if len(m := _merged(v)) <= room), _merged(bare)[:room])
    gap = [_Piece("\n\n")] if parts and signed else []
    return [_part(p) for p in (*parts, *gap, *signed)]


def _lines(nodes: list[SyntaxTreeNode], indent: str, tight: bool = False) -> Iterator[_Piece]:
    """Blocks one below the other, an empty line between them unless they are items of a list."""
    for number, node in enumerate(nodes):
        if number:
            yield _Piece(("\n" if tight else "\n\n") + indent)
        yield from _block(node, indent)


def _block(node: SyntaxTreeNode, indent: str) -> Iterator[_Piece]:
    if node.type in ("bullet_list", "ordered_list"):
        yield from _list(node, indent)
    elif node.type == "blockquote":
        yield _Piece("> ")
        yield from _lines(node.children, f"{indent}> ")
    elif node.type in ("fence", "code_block"):
        yield _Piece(node.content.rstrip("\n").replace("\n", f"\n{indent}"), frozenset({"code"}))
    elif node.type == "hr":
        yield _Piece("———")
    elif node.type == "table":
        yield from _table(node, indent)
    else:
        styles = frozenset({"bold"} if node.type == "heading" else ())
        yield from _line(node, styles, indent)


def _list(node: SyntaxTreeNode, indent: str) -> Iterator[_Piece]:
    start = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children):
        if number:
            yield _Piece(f"\n{indent}")
        mark = f"{start + number}. " if node.type == "ordered_list" else "• "
        yield _Piece(mark)
        yield from _lines(item.children, indent + " " * len(mark), tight=True)


def _table(node: SyntaxTreeNode, indent: str) -> Iterator[_Piece]:
    rows = [row for part in node.children for row in part.children]
    for number, row in enumerate(rows):
        if number:
            yield _Piece(f"\n{indent}")
        styles = frozenset({"bold"} if number == 0 else ())
        for column, cell in enumerate(row.children):
            yield _Piece(" | " if column else "")
            yield from _line(cell, styles, indent)


def _line(node: SyntaxTreeNode, styles: frozenset[str], indent: str) -> Iterator[_Piece]:
    for child in node.children:
        yield from _inline(child, styles, "", indent)


def _inline(
    node: SyntaxTreeNode, styles: frozenset[str], address: str, indent: str
) -> Iterator[_Piece]:
    if node.type in ("hardbreak", "softbreak"):
        yield _Piece(f"\n{indent}" if node.type == "hardbreak" else " ")
    elif node.type == "code_inline":
        yield _Piece(node.content, styles | {"code"}, address)
    elif node.type in ("text", "image"):
        yield _Piece(node.content, styles, address)
    else:
        if node.type in _STYLES:
            styles |= {_STYLES[node.type]}
        href = str(node.attrs.get("href", "")) if node.type == "link" else ""
        if is_web_address(href) and len(href) <= _MAX_ADDRESS:
            address = href
        for child in node.children:
            yield from _inline(child, styles, address, indent)


def _merged(pieces: list[_Piece]) -> list[_Piece]:
    """Neighbours of one look together, then split where Notion does not take more."""
    merged: list[_Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last and (last.styles, last.address) == (piece.styles, piece.address):
            merged[-1] = replace(last, text=last.text + piece.text)
        elif piece.text:
            merged.append(piece)
    return [replace(p, text=chunk) for p in merged for chunk in _chunks(p.text)]


def _chunks(text: str) -> Iterator[str]:
    """Notion counts an emoji as two."""
    begin = units = 0
    for end, character in enumerate(text):
        width = 2 if ord(character) > 0xFFFF else 1
        if units + width > _MAX_UNITS:
            yield text[begin:end]
            begin, units = end, 0
        units += width
    yield text[begin:]


def _part(piece: _Piece) -> dict[str, Any]:
    content: dict[str, Any] = {"content": piece.text}
    if piece.address:
        content["link"] = {"url": piece.address}
    part: dict[str, Any] = {"type": "text", "text": content}
    if piece.styles:
        part["annotations"] = {style: True for style in sorted(piece.styles)}
    return part
