"""The small part of JQL that Firstmile writes: conditions, AND, OR, brackets, ORDER BY."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Issue = dict[str, Any]
Condition = Callable[[Issue], bool]
_TOKENS = re.compile(r'\s*(\(|\)|>=|!=|=|"(?:[^"\\]|\\.)*"|[\w.-]+)')


class BadQuery(Exception):
    """The query cannot be read, as Jira would say it."""


class Query:
    """`matches(issue)` and `newest_first`, by the server's clock."""

    def __init__(self, jql: str, now: datetime) -> None:
        condition, _, order = jql.partition("ORDER BY")
        self.newest_first = "DESC" in order
        self._now = now
        self._tokens = self._split(condition)
        self.matches = self._any()
        if self._tokens:
            raise BadQuery(
                f"Error in the JQL Query: Expecting the end but got {self._tokens[0]!r}."
            )

    def _split(self, text: str) -> list[str]:
        found, at = [], 0
        text = text.strip()
        while at < len(text):
            match = _TOKENS.match(text, at)
            if not match:
                raise BadQuery(f"Error in the JQL Query at {text[at : at + 9]!r}.")
            found.append(match[1])
            at = match.end()
        return found

    def _take(self) -> str:
        if not self._tokens:
            raise BadQuery("Error in the JQL Query: it ends too early.")
        return self._tokens.pop(0)

    def _follows(self, word: str) -> bool:
        if self._tokens and self._tokens[0].upper() == word:
            self._tokens.pop(0)
            return True
        return False

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._follows("OR"):
            parts.append(self._all())
        return lambda issue: any(p(issue) for p in parts)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._follows("AND"):
            parts.append(self._one())
        return lambda issue: all(p(issue) for p in parts)

    def _one(self) -> Condition:
        if self._follows("("):
            inner = self._any()
            if not self._follows(")"):
                raise BadQuery("Error in the JQL Query: Expecting ')'.")
            return inner
        field, operator, value = self._take(), self._take(), self._take().strip('"')
        if field == "updated" and operator == ">=" and re.fullmatch(r"-\d+m", value):
            since = self._now - timedelta(minutes=int(value[1:-1]))
            return lambda issue: datetime.fromisoformat(issue["fields"]["updated"]) >= since
        if operator != "=" or field not in ("labels", "key", "project"):
            raise BadQuery(
                f"Field '{field}' does not exist or you do not have permission to view it."
            )
        if field == "labels":
            return lambda issue: value in issue["fields"].get("labels", ())
        if field == "project":
            return lambda issue: issue["key"].startswith(f"{value}-")
        return lambda issue: issue["key"] == value
