"""A model's SQL as text, to which steps are added so that every line that was there stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crew.artifacts import Evidence
from crew.drafting.row_sets import Aliases
from crew.drafting.sql_layout import Cte, cased, tree_sql

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)
_QUIET = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.S)
_STAR = re.compile(r"select\s+\*\s+from\s+(\w+)\s*;?\s*\Z", re.I)
_IMPORT = re.compile(
    r"(\w+)\s+as\s*\(\s*select\s+\*\s+from\s+\{\{\s*ref\(\s*['\"](\w+)['\"]\s*\)\s*\}\}\s*\)", re.I
)


class CannotEdit(Exception):
    """The model's SQL has a shape that this editor does not know."""


@dataclass(frozen=True)
class _Ending:
    """Where the model's last select begins and ends, and what it selects from if it is a star."""

    start: int
    end: int
    star_of: str | None
    has_with: bool


class ModelText:
    """The text of a model; `base` names the step that holds its rows, `aliases` the steps that are
    there, `imported` those that are a relation as it is, by its key.

    Raises CannotEdit.
    """

    def __init__(self, text: str, evidence: Evidence) -> None:
        self._text, self._conventions, self._dialect = text, evidence.conventions, evidence.dialect
        self._ending = find_ending(text)
        taken = {m.lower() for m in re.findall(r"(\w+)\s+as\s*\(", masked(text), re.I)}
        self.aliases = Aliases(taken=taken)
        self.base = self._ending.star_of or self.aliases.fresh("base")
        for name, model in _IMPORT.findall(text):
            self.aliases.names.setdefault(model, name)
        self.imported = dict(self.aliases.names)

    def with_steps(self, ctes: Sequence[Cte]) -> str:
        """The text with further steps, the last of which is its result."""
        conventions, dialect, base = self._conventions, self._dialect, self.base
        indent = " " * conventions.indent
        blank = "\n" if re.search(r"as\s*\(\s*?\n\s*?\n", self._text, re.I) else ""
        newline = "\r\n" if "\r\n" in self._text else "\n"
        blocks = []
        for cte in ctes:
            body = (
                cased(cte.body, conventions)
                if isinstance(cte.body, str)
                else tree_sql(cte.body, conventions, dialect)
            )
            lines = "\n".join(f"{indent}{line}" if line else "" for line in body.splitlines())
            blocks.append(f"{cte.name} {cased('as', conventions)} (\n{blank}{lines}\n{blank})")
        added = ",\n\n".join(blocks)
        final = f"{cased('select', conventions)} * {cased('from', conventions)} {ctes[-1].name}"
        head, tail = self._text[: self._ending.start], self._text[self._ending.end :]
        if self._ending.star_of:
            text = f"{head.rstrip()},\n\n{added}\n\n{final}"
        else:
            old = self._text[self._ending.start : self._ending.end].splitlines()
            inner = "\n".join(f"{indent}{line}".rstrip() for line in old)
            opening = (
                f"{head.rstrip()},\n\n"
                if self._ending.has_with
                else f"{head}{cased('with', conventions)}\n\n"
            )
            text = (
                f"{opening}{base} {cased('as', conventions)} (\n{inner}\n),\n\n{added}\n\n{final}"
            )
        ending = tail if tail.strip(" \r\n") == "" else ""
        return re.sub(r"\r?\n", newline, text) + (ending or newline)


def masked(text: str) -> str:
    """The text with Jinja, comments and strings blanked out, length and lines kept."""
    for pattern in (_JINJA, _QUIET):
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    return text


def find_ending(text: str) -> _Ending:
    """The last select at the outermost level. Raises CannotEdit where there is none."""
    plain = masked(text)
    depth, starts = 0, []
    for matched in re.finditer(r"[()]|\bselect\b|\bwith\b", plain, re.I):
        token = matched.group().lower()
        if token == "(":
            depth += 1
        elif token == ")":
            depth -= 1
        elif depth == 0:
            starts.append((token, matched.start()))
    selects = [at for token, at in starts if token == "select"]
    if not selects:
        raise CannotEdit("the model has no select at its outermost level")
    start = selects[0]
    end = len(text.rstrip(" \t\r\n;"))
    after = text[end:]
    if "{%" in text[start:end] or "{%" in after:
        raise CannotEdit("the model's last select is built by Jinja blocks")
    star = _STAR.match(text[start:])
    return _Ending(start, end, star.group(1) if star else None, any(t == "with" for t, _ in starts))
