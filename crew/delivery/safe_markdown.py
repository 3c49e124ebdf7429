"""Untrusted text inside Markdown for GitHub: shown as written, without any effect.

No HTML, no mentions, no links, no references to issues (which `fixes #1` would close), no way out
of a table cell, a quote or a code block. A zero-width space breaks what GitHub would act upon.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from crew.artifacts import Table

_BREAK = "\u200b"
_COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.S)
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]*\]:.*$", re.M)
_SHAPELESS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_ESCAPED = re.compile(r"([\\`*_\[\]|~$])")


def without_hidden(text: str, limit: int) -> str:
    """What a reader of the Markdown sees of it: no HTML comments, no link definitions that serve
    as comments, no characters without a shape; cut at `limit`."""
    text = _visible(_COMMENT.sub("", text[: 4 * limit]))
    text = "".join(c for c in text if c not in _SHAPELESS)
    return _cut(re.sub(r"\n{3,}", "\n\n", _DEFINITION.sub("", text)).strip(), limit)


def shown(text: str, limit: int = 300) -> str:
    """The text on one line, inert, for running text and table cells."""
    line = " ".join(_visible(text).split())
    return _inert_start(_escaped(_cut(line, limit)))


def quoted(text: str, limit: int) -> str:
    """The text as a block quote, line by line; lists stay lists."""
    lines = []
    for line in _cut(_visible(text).strip(), limit).split("\n"):
        item = re.match(r"[ ]*(- (?:\[[ x]\] )?|\d{1,3}\. )?(.*)", line)
        lines.append(
            "> " + (item[1] or "") + _inert_start(_escaped(item[2].strip())) if item else ""
        )
    return "\n".join(line.rstrip() for line in lines)


def code(text: str, limit: int = 300) -> str:
    """The text as inline code, also inside a table."""
    line = _unreferenced(" ".join(_cut(_visible(text), limit).split())).replace("|", "\\|")
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}" if line else ""


def code_block(text: str, language: str, limit: int = 4000) -> str:
    """The text as a code block, behind a fence longer than any in it."""
    body = _unreferenced(_cut(_visible(text).strip("\n"), limit))
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", body)), default=0))
    return f"{ticks}{language}\n{body}\n{ticks}"


def link(text: str, address: str) -> str:
    """A link to a web address, or the mere text where it is none."""
    sound = re.fullmatch(r"https?://[\w.-]+(:\d+)?(/[\w./~%+=&?,:;#-]*)?", address)
    return f"[{shown(text)}]({address})" if sound and len(address) < 500 else shown(text)


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are safe already."""
    head = list(columns)
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def evidence_table(content: Table, max_rows: int, cell_limit: int) -> str:
    """A check's table, cut at `max_rows` with a note."""
    rows = [[shown(c, cell_limit) for c in row] for row in content.rows[:max_rows]]
    text = table([shown(c, cell_limit) or " " for c in content.columns], rows)
    left = len(content.rows) - len(rows)
    return f"{text}\n\n_{left} more rows are not shown._" if left else text


def details(summary: str, body: str) -> str:
    """A collapsed section; `summary` is plain text of ours or shown before."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def one_line(text: str, limit: int) -> str:
    """Text for a title or commit message, where nothing invisible should stand."""
    line = " ".join(_visible(text).split())
    line = re.sub(r"([#@])(?=[\w-])", r"\1 ", line)
    line = re.sub(r"\b(gh)-(?=\d)", r"\1 ", line, flags=re.I).replace("://", ": //")
    return line if len(line) <= limit else line[: limit - 2].rsplit(" ", 1)[0] + " …"


def _visible(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(c for c in text if c == "\n" or unicodedata.category(c)[0] != "C")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit].rstrip() + " … (cut)"


def _unreferenced(text: str) -> str:
    text = re.sub(r"#(?=\w)", f"#{_BREAK}", text).replace("://", f":{_BREAK}//")
    text = re.sub(r"@(?=[\w-])", f"@{_BREAK}", text)
    return re.sub(r"\b(gh-|www\.)(?=\w)", rf"\1{_BREAK}", text, flags=re.I)


def _inert_start(line: str) -> str:
    """A line that begins no heading, list, rule or underlined heading."""
    return re.sub(r"^(?=[#=+-])", r"\\", re.sub(r"^(\d+)(?=[.)])", r"\1\\", line))


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _ESCAPED.sub(r"\\\1", _unreferenced(text))
