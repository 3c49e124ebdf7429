"""What a reader would see of a text that others wrote: no markup, and nothing hidden in it."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
_UNSEEN = {"script", "style", "template", "head", "title", "noscript"}
_VOID = {
    "br",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "wbr",
    "area",
    "base",
    "col",
    "embed",
    "source",
}
_HIDING = re.compile(r"display:none|visibility:hidden|font-size:0|opacity:0(?!\.)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|^\[[^\]\n]*\]:[ \t]*(?:#|<>)[^\n]*", re.S | re.M)
_MAX_READ = 8_000


def shown_text(text: str, limit: int) -> str:
    """The visible words on one line, cut at a word where they are longer than `limit` characters."""
    reader = _Reader()
    reader.feed(_COMMENT.sub("", _visible(text[:_MAX_READ])))
    reader.close()
    line = " ".join(_visible("".join(reader.words)).split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " …"


def _visible(text: str) -> str:
    return "".join(c for c in text if c in "\n\t" or _is_visible(c))


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] != "C" and character not in _BLANK_LETTERS


class _Reader(HTMLParser):
    """Collects the words of HTML, or of Markdown with HTML in it, that are not hidden."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: (value or "").lower().replace(" ", "") for name, value in attrs}
        hides = tag in _UNSEEN or "hidden" in given or _HIDING.search(given.get("style", ""))
        if tag not in _VOID and (self._hidden or hides):
            self._hidden.append(tag)
        self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        while tag in self._hidden and self._hidden.pop() != tag:
            pass
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
