"""How a model's SQL makes its figures: what is summed again must have been a sum."""

from __future__ import annotations

import re

_CALL = re.compile(r"\b(count|sum|avg|median|min|max|percentile_\w+|approx_\w+)\s*\(", re.I)
_ALIAS = re.compile(r"\bas\s+[\"`]?(\w+)[\"`]?\s*(?:,|\n|$|\bfrom\b)", re.I)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/|\{#.*?#\}", re.S)
_ADDITIVE = {"sum", "count"}


def figures(sql: str) -> dict[str, bool]:
    """Lower-case names of the columns that a model's SQL aggregates, and whether they may be added
    up: counts of different things, averages, ratios and the like may not. Figures that it only
    takes from elsewhere are not known here."""
    text = _COMMENT.sub(" ", sql)
    found: dict[str, bool] = {}
    for alias in _ALIAS.finditer(text):
        expression = _expression_before(text, alias.start())
        calls = [(c.group(1).lower(), expression[c.end() :]) for c in _CALL.finditer(expression)]
        if not calls or re.search(r"\bover\s*\(", expression, re.I):
            continue
        distinct = any(re.match(r"\s*distinct\b", rest, re.I) for _, rest in calls)
        kinds = {name for name, _ in calls}
        adds_up = not distinct and kinds <= _ADDITIVE and not _is_ratio(expression)
        found[alias.group(1).lower()] = adds_up
    return found


def _expression_before(text: str, end: int) -> str:
    """What stands before an alias, back to the comma or keyword that begins it."""
    depth, start = 0, end
    while start > 0:
        start -= 1
        char = text[start]
        if char == ")":
            depth += 1
        elif char == "(":
            if depth == 0:
                return text[start + 1 : end]
            depth -= 1
        elif depth == 0 and (char == "," or re.match(r"(?i)(?<!\w)select\b", text[start:end])):
            break
    return text[start:end].lstrip(",")


def _is_ratio(expression: str) -> bool:
    """Whether a figure is divided by another one, rather than by a number."""
    return bool(re.search(r"/\s*(?!\s*\d+(?:\.\d+)?\b)", expression))
