"""A model's SQL as it is written, parsed with its Jinja masked, so that text is edited in place.

Every piece of Jinja is replaced by a name of just its length (or blanks), so that a position in the
parsed SQL is a position in the file: what is not edited stays byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from crew.drafting.model_text import CannotEdit

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)
_REF = re.compile(
    r"\{\{-?\s*ref\(\s*(?:['\"]\w+['\"]\s*,\s*)?['\"](?P<name>\w+)['\"]\s*(?:,[^)]*)?\)\s*-?\}\}"
)
_SOURCE = re.compile(
    r"\{\{-?\s*source\(\s*['\"](?P<source>[\w ]+)['\"]\s*,\s*['\"](?P<table>[\w ]+)['\"]\s*\)\s*-?\}\}"
)
_THIS = re.compile(r"\{\{-?\s*this\s*-?\}\}")
_CONFIG = re.compile(r"\{\{-?\s*config\s*\(")
_STAR_OF = re.compile(r"\bstar\s*\(.*?\bref\(\s*['\"](?P<name>\w+)['\"]", re.S)
_WORD = re.compile(r"\{%-?\s*(if|elif|else|endif|for|endfor|set)\b")
THIS = "this"
_ENDS = {
    TokenType.FROM, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.WHERE,
    TokenType.ORDER_BY, TokenType.GROUP_BY, TokenType.LIMIT, TokenType.SEMICOLON,
    TokenType.QUALIFY, TokenType.HAVING,
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Splice:
    """The text from `start` to `end` gives way to `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class StandIn:
    """A piece of Jinja: where it stands, and the relation it is (`star_of`: all columns of it)."""

    start: int
    end: int
    text: str
    relation: str = ""
    star_of: str = ""


@dataclass(frozen=True)
class SelectList:
    """What one SELECT gives: offsets of its keyword, and of each item's first and last character
    (end exclusive)."""

    start: int
    items: tuple[tuple[int, int], ...]
    end: int


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made. Raises CannotEdit where two of them overlap."""
    before = len(text) + 1
    for splice in sorted(set(splices), reverse=True):
        if splice.end > before:
            raise CannotEdit("two changes fall on the same words")
        text = text[: splice.start] + splice.text + text[splice.end :]
        before = splice.start
    return text


class SqlSource:
    """One model's text. `variants` are its readings: the first branches of its Jinja conditions, and
    the other ones where there are any. Raises CannotEdit where none can be parsed."""

    def __init__(self, text: str, dialect: str) -> None:
        self.text, self.dialect = text, dialect
        self.stand_ins: dict[str, StandIn] = {}
        self.masked = _JINJA.sub(self._stand_in, text)

    @property
    def relations(self) -> set[str]:
        """Keys of the relations it names in Jinja."""
        keys = {s.relation or s.star_of for s in self.stand_ins.values()}
        return keys - {"", THIS}

    @cached_property
    def trees(self) -> tuple[exp.Expr, ...]:
        found, problem = [], ""
        for masked in dict.fromkeys(self._readings()):
            try:
                tree = sqlglot.parse_one(masked, read=self.dialect)
            except (SqlglotError, RecursionError) as error:
                problem = problem or str(error).splitlines()[0]
                continue
            if isinstance(tree, exp.Query):
                found.append(tree)
        if not found:
            raise CannotEdit(f"its SQL cannot be read with its Jinja left out ({problem})")
        return tuple(found)

    @cached_property
    def select_lists(self) -> tuple[SelectList, ...]:
        """All lists of selected items, inner ones too."""
        try:
            tokens = sqlglot.tokenize(self.masked, read=self.dialect)
        except SqlglotError as error:
            raise CannotEdit(f"its SQL cannot be read ({error})") from error
        return tuple(_select_lists(tokens))

    def item_at(self, position: int) -> tuple[SelectList, int]:
        """The innermost list with an item at a position, and which one. Raises CannotEdit."""
        found = [
            (list_, n)
            for list_ in self.select_lists
            for n, (start, end) in enumerate(list_.items)
            if start <= position < end
        ]
        if not found:
            raise CannotEdit("a selected column was not found in its text")
        return max(found, key=lambda f: f[0].start)

    def literals(self, stand_in: StandIn, names: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """(start, end, name) of string literals inside a piece of Jinja that are one of `names`,
        alone or behind a table's alias."""
        wanted = "|".join(map(re.escape, names))
        pattern = re.compile(rf"(['\"])(?:\w+\.)?({wanted})\1", re.I)
        for found in pattern.finditer(stand_in.text):
            yield stand_in.start + found.start(2), stand_in.start + found.end(2), found.group(2)

    def blocks(self) -> Iterator[StandIn]:
        """Pieces of Jinja that stand for no value: `{% … %}` and the model's config."""
        for found in _JINJA.finditer(self.text):
            if found.group().startswith("{%") or _CONFIG.match(found.group()):
                yield StandIn(found.start(), found.end(), found.group())

    # --- masking -----------------------------------------------------------------------------

    def _stand_in(self, found: re.Match[str]) -> str:
        text = found.group()
        if not text.startswith("{{") or _CONFIG.match(text):
            return " " * len(text)
        name = f"j{len(self.stand_ins)}"
        name += "_" * (len(text) - len(name))
        relation = star = ""
        if ref := _REF.fullmatch(text):
            relation = ref["name"]
        elif source := _SOURCE.fullmatch(text):
            relation = f"{source['source']}.{source['table']}"
        elif _THIS.fullmatch(text):
            relation = THIS
        elif of := _STAR_OF.search(text):
            star = of["name"]
        stand_in = StandIn(found.start(), found.end(), text, relation, star)
        self.stand_ins[name] = stand_in
        return name

    def _readings(self) -> Iterator[str]:
        first, other, bare = (self._branches(kept) for kept in ("first", "other", "none"))
        yield first
        yield other
        yield bare

    def _branches(self, kept: str) -> str:
        """The masked text with one side of each `{% if %}` left: the first, the other or none."""
        out, stack = list(self.masked), []
        for found in _JINJA.finditer(self.text):
            word = _WORD.match(found.group())
            if not word:
                continue
            if word[1] == "if":
                stack.append([found.end()])
            elif word[1] in {"elif", "else"} and stack:
                stack[-1].append(found.end())
            elif word[1] == "endif" and stack:
                marks = stack.pop()
                edges = [*marks, found.start()]
                for n, (start, end) in enumerate(pairwise(edges)):
                    stays = (n == 0) if kept == "first" else (n > 0 or len(marks) == 1)
                    if kept == "none" or not stays:
                        out[start:end] = " " * (end - start)
        return "".join(out)


def _select_lists(tokens: Sequence[Token]) -> Iterator[SelectList]:
    """By brackets: an item ends at a comma, the list at a keyword of the same depth."""
    lists: list[tuple[int, list[tuple[int, int]], int]] = []
    current: list[_Open | None] = [None]
    before: Token | None = None
    for token in tokens:
        kind = token.token_type
        here = current[-1]
        if kind in {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}:
            if here:
                here.take(token)
            current.append(None)
        elif kind in {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}:
            if here and len(current) > 1:
                lists.append(here.closed(token.start))
            if len(current) > 1:
                current.pop()
            if current[-1]:
                current[-1].take(token)
        elif kind == TokenType.SELECT:
            if here:
                lists.append(here.closed(token.start))
            current[-1] = _Open(token.end + 1)
        elif here and kind == TokenType.COMMA:
            here.cut()
        elif (
            here
            and kind in _ENDS
            and not (before and before.token_type == TokenType.DISTINCT and here.has_item)
        ):
            lists.append(here.closed(token.start))
            current[-1] = None
        elif here and not (kind in {TokenType.DISTINCT, TokenType.ALL} and not here.has_item):
            here.take(token)
        before = token
    for left in current:
        if left:
            lists.append(left.closed(tokens[-1].end + 1))
    return (SelectList(start, tuple(items), end) for start, items, end in lists)


class _Open:
    """A select list while it is read."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.items: list[tuple[int, int]] = []
        self._from: int | None = None
        self._to = start

    @property
    def has_item(self) -> bool:
        return bool(self.items) or self._from is not None

    def take(self, token: Token) -> None:
        self._from = token.start if self._from is None else self._from
        self._to = token.end + 1

    def cut(self) -> None:
        if self._from is not None:
            self.items.append((self._from, self._to))
        self._from = None

    def closed(self, end: int) -> tuple[int, list[tuple[int, int]], int]:
        self.cut()
        return self.start, self.items, end
