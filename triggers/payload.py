"""Reads values out of a vendor's payload, which may hold anything."""

from __future__ import annotations

from typing import Any

from crew.artifacts import Comment
from crew.errors import InvalidInput
from triggers.rich_text import clean, is_ours, one_line


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings in a list, if it is one."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def texts(value: Any) -> tuple[str, ...]:
    """The texts in a list, each on one line."""
    found = [one_line(v) for v in value if isinstance(v, str)] if isinstance(value, list) else []
    return tuple(v for v in found if v)


def comment(author: str, body: str, created_at: str) -> Comment | None:
    """A comment, cleaned; None if nothing of it is left."""
    ours, cleaned = is_ours(body), clean(body, 20_000)
    if not cleaned and not ours:
        return None
    return Comment(author=one_line(author), body=cleaned, created_at=created_at, ours=ours)


def titled(title: str, body: str, where: str) -> tuple[str, str]:
    """Title and body, cleaned. Raises InvalidInput if the ticket says nothing."""
    title, body = one_line(title), clean(body)
    if not title and not body:
        raise InvalidInput(f"{where} is empty.", "Describe in it what is to be built.")
    return title or one_line(body.lstrip("#> ").partition("\n")[0], 100), body
