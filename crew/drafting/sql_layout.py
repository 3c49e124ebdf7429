"""Writes syntax trees as the project writes SQL: import CTEs, logical CTEs, `final`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from crew.artifacts import Conventions
from crew.drafting.dialects import in_dialect
from crew.drafting.scope import needs_quotes

FINAL = "final"
_OUTSIDE_QUOTES = re.compile(r"""('(?:[^']|'')*'|"[^"]*"|\{\{.*?\}\}|--[^\n]*)""", re.S)


@dataclass(frozen=True)
class Cte:
    """A named step: a syntax tree, or the text of an import; `comment` says what is not plain.
    `columns` are named where a step reads itself."""

    name: str
    body: exp.Expr | str
    comment: str = ""
    columns: tuple[str, ...] = ()


def ref_sql(key: str) -> str:
    """`{{ ref('x') }}`, or `{{ source('s', 't') }}` for a key with a dot."""
    if "." in key:
        source, table = key.split(".", 1)
        return f"{{{{ source('{source}', '{table}') }}}}"
    return f"{{{{ ref('{key}') }}}}"


def import_cte(name: str, key: str) -> Cte:
    return Cte(name, f"select * from {ref_sql(key)}")


def write_model(ctes: Sequence[Cte], conventions: Conventions, dialect: str) -> str:
    """The model's text; the last CTE is the result."""
    indent = " " * conventions.indent
    blocks = []
    for n, cte in enumerate(ctes):
        body = (
            cased(cte.body, conventions)
            if isinstance(cte.body, str)
            else tree_sql(cte.body, conventions, dialect)
        )
        lines = [f"{indent}{line}" if line else "" for line in body.splitlines()]
        comma = "," if n < len(ctes) - 1 else ""
        note = "".join(f"-- {line}\n" for line in cte.comment.splitlines())
        name = f"{cte.name} ({', '.join(cte.columns)})" if cte.columns else cte.name
        opening = f"{name} {cased('as', conventions)} ("
        blocks.append(f"{note}{opening}\n" + "\n".join(lines) + f"\n){comma}")
    last = ctes[-1].name
    opening = "with recursive" if any(cte.columns for cte in ctes) else "with"
    text = cased(opening, conventions) + "\n\n" + "\n\n".join(blocks)
    return f"{text}\n\n{cased(f'select * from {last}', conventions)}\n"


def tree_sql(tree: exp.Expr, conventions: Conventions, dialect: str) -> str:
    """A tree as text, in the project's case, indent and comma style."""
    tree = in_dialect(tree.copy(), dialect)
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("quoted", needs_quotes(identifier.name, dialect))
    text = tree.sql(
        dialect=dialect,
        pretty=True,
        indent=conventions.indent,
        pad=conventions.indent,
        leading_comma=not conventions.trailing_commas,
        normalize_functions="upper" if conventions.upper_keywords else "lower",
        max_text_width=100,
    )
    text = re.sub(r"\bNOT ([\w.]+) IS NULL\b", r"\1 IS NOT NULL", text)
    return cased(text, conventions)


def cased(text: str, conventions: Conventions) -> str:
    """Keywords in the project's case; what is quoted or Jinja stays as it is."""
    if conventions.upper_keywords:
        parts = _OUTSIDE_QUOTES.split(text)
        words = r"\b(select|from|with|recursive|as|union all|distinct)\b"
        return "".join(
            p if n % 2 else re.sub(words, lambda m: m.group().upper(), p)
            for n, p in enumerate(parts)
        )
    parts = _OUTSIDE_QUOTES.split(text)
    return "".join(p if n % 2 else p.lower() for n, p in enumerate(parts))
