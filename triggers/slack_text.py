"""Markdown as Slack's mrkdwn, https://docs.slack.dev/messaging/formatting-message-text.

What looks like a mention or a link in a text is escaped, so that it can call nobody.
"""

from __future__ import annotations

import re

from markdown_it.tree import SyntaxTreeNode

from triggers.adf_writer import is_web_address, parsed

_MARKS = {"strong": "*", "em": "_", "s": "~"}
_TOKEN = re.compile(r"<[^<>]*>|&\w+;|\s+|[^\s<&]+|.", re.S)
_FENCE = "```"


def escaped(text: str) -> str:
    """Text as mrkdwn that shows it as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_to_mrkdwn(text: str) -> str:
    """All of it as one text."""
    return _blocks(parsed(text), "\n\n")


def mrkdwn_pieces(text: str, limit: int) -> list[str]:
    """Markdown as mrkdwn, in pieces of at most `limit` characters that each stand for themselves:
    paragraphs stay whole where they fit."""
    pieces: list[str] = []
    for block in (b for child in parsed(text).children if (b := _block(child))):
        for part in _cut(block, limit):
            if pieces and len(pieces[-1]) + len(part) + 2 <= limit:
                pieces[-1] += f"\n\n{part}"
            else:
                pieces.append(part)
    return pieces


def _cut(block: str, limit: int) -> list[str]:
    """A block in parts: of code at line ends, each fenced again; else never within a link."""
    if len(block) <= limit:
        return [block]
    fenced = block.startswith(_FENCE)
    room = limit - 2 * len(_FENCE) - 2 if fenced else limit
    body = block[len(_FENCE) + 1 : -len(_FENCE) - 1] if fenced else block
    tokens = body.splitlines(keepends=True) if fenced else _TOKEN.findall(body)
    parts = [""]
    for token in (t[i : i + room] for t in tokens for i in range(0, len(t), room)):
        if len(parts[-1]) + len(token) > room:
            parts.append("")
        parts[-1] += token
    if fenced:
        return [f"{_FENCE}\n{part.rstrip(chr(10))}\n{_FENCE}" for part in parts]
    return [part.strip() for part in parts if part.strip()]


def _blocks(node: SyntaxTreeNode, between: str) -> str:
    return between.join(part for child in node.children if (part := _block(child)))


def _block(node: SyntaxTreeNode) -> str:
    if node.type == "heading":
        return _marked(_plain(node), "*")
    if node.type in ("bullet_list", "ordered_list"):
        return _list(node)
    if node.type == "blockquote":
        return "\n".join(f"> {line}".rstrip() for line in _blocks(node, "\n").split("\n"))
    if node.type in ("fence", "code_block"):
        return _fenced(escaped(node.content.rstrip("\n")))
    if node.type == "hr":
        return "———"
    if node.type == "table":
        rows = [row for part in node.children for row in part.children]
        return _fenced("\n".join(" | ".join(_plain(cell) for cell in r.children) for r in rows))
    return _line(node)


def _list(node: SyntaxTreeNode) -> str:
    first = int(node.attrs.get("start", 1))
    lines = []
    for number, item in enumerate(node.children, start=first):
        mark = f"{number}. " if node.type == "ordered_list" else "• "
        lines.append((mark + _blocks(item, "\n")).replace("\n", "\n    "))
    return "\n".join(lines)


def _fenced(code: str) -> str:
    """Code; what would end it in its middle is broken by a character without width."""
    return f"{_FENCE}\n{code.replace(_FENCE, '`' + chr(0x200B) + '``')}\n{_FENCE}"


def _line(node: SyntaxTreeNode) -> str:
    return "".join(_inline(child) for child in node.children)


def _plain(node: SyntaxTreeNode) -> str:
    """The words of a block without any marks."""
    if node.type in ("text", "code_inline", "image"):
        return escaped(node.content)
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(_plain(child) for child in node.children)


def _inline(node: SyntaxTreeNode) -> str:
    if node.type == "hardbreak":
        return "\n"
    if node.type == "softbreak":
        return " "
    if node.type == "code_inline":
        return f"`{escaped(node.content).replace('`', 'ˋ')}`"
    if node.type in ("text", "image"):
        return escaped(node.content)
    if node.type == "link" and is_web_address(address := str(node.attrs.get("href", ""))):
        target = escaped(address).replace("|", "%7C")
        label = _plain(node).replace("|", "¦")
        return f"<{target}|{label}>" if label.strip() else f"<{target}>"
    return _marked(_line(node), _MARKS.get(node.type, ""))


def _marked(inner: str, mark: str) -> str:
    return f"{mark}{inner}{mark}" if inner.strip() else inner
