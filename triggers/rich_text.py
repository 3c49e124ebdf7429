"""Vendors' text as plain Markdown: what a human would have read there, and no more.

Characters that show nothing or turn the reading direction are removed, so that nobody can hide
words from the people on a ticket that the crew would read.
"""

from __future__ import annotations

import re
import unicodedata

# What stands in a comment that Firstmile wrote where comments are Markdown or HTML, or plain.
OURS = ("<!-- firstmile", "[firstmile:")
_SIGNATURE = re.compile(r"#firstmile:([a-z0-9-]+)\)?\s*\Z")
MAX_BODY = 100_000
MAX_TITLE = 300
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
_COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.S)
_WIKI_CODE = re.compile(
    r"(?<![{\\])\{(code|noformat)(?::(\w+))?[^{}\n]*\}(?!\})\n?((?:(?!\{\1[:}]).)*?)\n?\{\1\}", re.S
)
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.S)


def is_ours(text: str) -> bool:
    """Whether Firstmile wrote this comment."""
    return any(mark in text for mark in OURS) or bool(signed_kind(text))


def signature(kind: str, url: str) -> str:
    """The last line of a comment of ours, in Markdown: a link to the ticket itself, whose fragment
    tells the kind without showing it."""
    return f"[Firstmile]({url.partition('#')[0]}#firstmile:{kind})"


def signed_kind(markdown: str) -> str:
    """The kind that the signature at the end names; empty for a comment that is not ours. A
    comment that quotes one of ours ends in words of its own."""
    found = _SIGNATURE.search(markdown)
    return found[1] if found else ""


def clean(text: str, limit: int = MAX_BODY) -> str:
    """The text without hidden characters and HTML comments, cut at `limit` characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _COMMENT.sub("", "".join(_seen(c) for c in text[: 4 * limit]))
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    if len(text) <= limit:
        return text
    return text[:limit].rstrip() + "\n\n[The rest of this text was cut.]"


def one_line(text: str, limit: int = MAX_TITLE) -> str:
    """A title: cleaned, on one line, cut at a word."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " …"


def slack_to_markdown(text: str) -> str:
    """Slack's mrkdwn, https://docs.slack.dev/messaging/formatting-message-text."""
    parts = _CODE.split(text)
    for i in range(0, len(parts), 2):
        part = re.sub(r"<([^<>]+)>", _slack_reference, parts[i])
        part = re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"**\1**", part)
        parts[i] = re.sub(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])", r"~~\1~~", part)
        parts[i] = re.sub(r"^• ?", "- ", parts[i], flags=re.M)
    text = "".join(parts)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def wiki_to_markdown(text: str) -> str:
    """The common part of Jira's wiki markup, as version 2 of its API and Data Center give it. No
    pattern reads past the next opening mark, so that hostile text takes no longer than any."""
    parts, end = [], 0
    for block in _WIKI_CODE.finditer(text):
        parts += [_wiki_words(text[end : block.start()]), _fence(block)]
        end = block.end()
    return "".join([*parts, _wiki_words(text[end:])])


def quoted(text: str) -> str:
    """Each line behind a quote mark."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def indented(marker: str, text: str) -> str:
    """A list item: the marker, then the text, its further lines indented."""
    return f"{marker} {text}".replace("\n", "\n" + " " * (len(marker) + 1)).rstrip()


def fence(code: str, language: str = "") -> str:
    """A code block whose fence is longer than any in the code."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    ticks = "`" * (longest + 1)
    return f"{ticks}{language if language.isalnum() else ''}\n{code}\n{ticks}"


def table(rows: list[list[str]]) -> str:
    """A Markdown table, the first row as its head."""
    width = max((len(row) for row in rows), default=0)
    if not width:
        return ""
    cells = [[_cell(c) for c in row] + [""] * (width - len(row)) for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def marked(text: str, mark: str) -> str:
    """Text in emphasis marks; blanks at its ends stay outside."""
    inner = text.strip()
    if not inner or "\n" in inner:
        return text
    start = text.index(inner)
    return f"{text[:start]}{mark}{inner}{mark}{text[start + len(inner) :]}"


def linked(text: str, address: str) -> str:
    """A link, if its address is one of the web or of mail."""
    if not re.match(r"(https?://|mailto:)[^\s<>()]+$", address):
        return text
    if not text.strip() or text.strip() == address:
        return address
    return f"[{text}]({address})"


def _seen(character: str) -> str:
    if character in "\n\t" or character == "\ufe0f":
        return character
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn")
    selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    if hidden or selector or character in _FILLERS:
        return ""
    return " " if unicodedata.category(character) == "Zs" else character


def _cell(text: str) -> str:
    return " ".join(text.replace("\\|", "|").replace("|", "\\|").split())


def _slack_reference(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    if target[0] in "@#":
        return target[0] + (label or target[1:])
    if target[0] == "!":
        return "@" + (label or target[1:]).lstrip("@")
    return linked(label, target) if label else target


def _fence(match: re.Match[str]) -> str:
    return "\n" + fence(match[3], match[2] or "") + "\n"


def _wiki_words(text: str) -> str:
    """Wiki markup without blocks of code."""
    parts = _CODE.split(text)
    for i in range(0, len(parts), 2):
        part = re.sub(r"^([*#-]+)[ \t]+", _wiki_item, parts[i], flags=re.M)
        part = re.sub(r"^h([1-6])\.[ \t]+", lambda m: "#" * int(m[1]) + " ", part, flags=re.M)
        part = re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"**\1**", part)
        part = re.sub(r"\{\{([^{\n]+?)\}\}", r"`\1`", part)
        part = re.sub(r"\[([^|\[\]\n]+)\|(https?://[^|\[\]\s]+)[^\[\]]*\]", r"[\1](\2)", part)
        part = re.sub(r"\[(https?://[^|\[\]\s]+)\]", r"\1", part)
        part = re.sub(r"\[~(?:accountid:)?([^\[\]\n]+)\]", r"@\1", part)
        part = re.sub(r"\{(?:quote|panel|color|info|note|warning|tip)(?::[^{}\n]*)?\}", "", part)
        parts[i] = re.sub(r"^\|\|(.+?)\|\|\s*$", _wiki_head, part, flags=re.M)
    return "".join(parts)


def _wiki_item(match: re.Match[str]) -> str:
    marks = match[1]
    if set(marks) == {"-"} and len(marks) > 3:
        return match[0]
    return "  " * (len(marks) - 1) + ("1. " if marks[-1] == "#" else "- ")


def _wiki_head(match: re.Match[str]) -> str:
    cells = match[1].split("||")
    return "| " + " | ".join(c.strip() for c in cells) + " |\n|" + " --- |" * len(cells)
