"""Markdown as Jira's wiki markup, for comments on Data Center.

https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
What looks like markup in a text is escaped, so that it can call nobody and run no macro.
"""

from __future__ import annotations

import re

from markdown_it.tree import SyntaxTreeNode

from triggers.adf_writer import is_web_address, parsed

_ALWAYS = re.compile(r"([{\[|])")
_OPENING = re.compile(r"(?<!\w)([*_+\-^~!])(?=\S|\Z)|\?(?=\?)")
_LANGUAGES = {"bash", "json", "none", "python", "sql", "xml", "yaml"}
_MARKS = {"strong": "*", "em": "_", "s": "-"}


def markdown_to_wiki(text: str) -> str:
    """Wiki markup that shows what the Markdown shows."""
    return _blocks(parsed(text), "")


def _blocks(node: SyntaxTreeNode, bullets: str) -> str:
    return "\n\n".join(part for child in node.children if (part := _block(child, bullets)))


def _block(node: SyntaxTreeNode, bullets: str) -> str:
    if node.type == "heading":
        return _line(node) if bullets else f"{node.tag}. {_line(node)}"
    if node.type in ("bullet_list", "ordered_list"):
        marks = bullets + ("*" if node.type == "bullet_list" else "#")
        return "\n".join(_item(item, marks) for item in node.children)
    if node.type == "blockquote":
        return f"{{quote}}\n{_blocks(node, '')}\n{{quote}}"
    if node.type in ("fence", "code_block"):
        return _code(node.content.rstrip("\n"), node.info.strip().lower())
    if node.type == "hr":
        return "" if bullets else "----"
    if node.type == "table":
        return "\n".join(_row(row) for part in node.children for row in part.children)
    return _line(node)


def _item(node: SyntaxTreeNode, bullets: str) -> str:
    """A list item; an empty line would end the list."""
    inner = re.sub(r"\n{2,}", "\n", _blocks(node, bullets))
    nested = bool(node.children) and node.children[0].type.endswith("_list")
    return inner if nested else f"{bullets} {inner}"


def _code(code: str, language: str) -> str:
    macro = "noformat" if "{code" in code else "code"
    shown = code.replace("{noformat", "{ noformat") if macro == "noformat" else code
    of = f":{language}" if macro == "code" and language in _LANGUAGES else ""
    return f"{{{macro}{of}}}\n{shown}\n{{{macro}}}"


def _row(node: SyntaxTreeNode) -> str:
    mark = "||" if node.children and node.children[0].type == "th" else "|"
    return mark + mark.join(_line(cell) or " " for cell in node.children) + mark


def _line(node: SyntaxTreeNode) -> str:
    return "".join(_inline(child) for child in node.children)


def _inline(node: SyntaxTreeNode) -> str:
    if node.type == "hardbreak":
        return "\\\\ "
    if node.type == "softbreak":
        return " "
    if node.type == "code_inline":
        return f"{{{{{_escaped(node.content)}}}}}"
    if node.type in ("text", "image"):
        return _escaped(node.content)
    inner = _line(node)
    if node.type == "link" and is_web_address(address := str(node.attrs.get("href", ""))):
        target = address.replace("|", "%7C").replace("]", "%5D").replace("}", "%7D")
        return f"[{inner.replace(']', '&#93;') or target}|{target}]"
    mark = _MARKS.get(node.type, "") if inner.strip() else ""
    return f"{mark}{inner}{mark}"


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("\\", "&#92;").replace("`", "&#96;")
    parts = re.split(r"(https?://[^\s\[\]{}|]+)", text)
    for i in range(0, len(parts), 2):
        marked = _OPENING.sub(r"\\\g<0>", parts[i])
        parts[i] = _ALWAYS.sub(r"\\\1", marked)
    return "".join(parts)
