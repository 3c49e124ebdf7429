"""A request given in a sentence on the command line."""

from __future__ import annotations

from hashlib import sha256

from crew.artifacts import Request
from crew.errors import InvalidInput


def request_of_sentence(sentence: str) -> Request:
    """The same sentence is the same request. Raises InvalidInput for an empty one."""
    text = " ".join(sentence.split())
    if not text:
        raise InvalidInput("The question is empty.", 'Ask for instance "weekly churn by region".')
    digest = sha256(text.lower().encode()).hexdigest()[:8]
    return Request(source="cli", key=f"ask-{digest}", title=text, body="")
