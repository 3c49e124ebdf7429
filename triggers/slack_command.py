"""Requests from a Slack slash command, https://docs.slack.dev/interactivity/implementing-slash-commands."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from crew.artifacts import Request
from crew.errors import InvalidInput
from triggers.payload import mapping, text, titled
from triggers.rich_text import one_line, slack_to_markdown


def recognizes(payload: Any) -> bool:
    """Whether these are the fields of a slash command."""
    values = mapping(payload)
    return text(values.get("command")).startswith("/") and isinstance(values.get("text"), str)


def to_request(payload: dict[str, Any]) -> Request:
    """The request of a command. The same command sent again by Slack has the same key."""
    said = text(payload.get("text"))
    if not said.strip():
        raise InvalidInput(
            f"The command {payload.get('command')!r} came without a text.",
            "Write behind it what is to be built.",
        )
    title, body = titled(_title(slack_to_markdown(said)), slack_to_markdown(said), "The command")
    team = re.sub(r"\W", "", text(payload.get("team_id"))) or "team"
    content = said + text(payload.get("trigger_id"))
    return Request(
        source="slack",
        key=f"slack-{team}-{hashlib.sha256(content.encode()).hexdigest()[:8]}",
        title=title,
        body=body,
        requester=one_line(text(payload.get("user_name")) or text(payload.get("user_id"))),
    )


def _title(said: str) -> str:
    """The first question, else the first sentence that is more than a greeting."""
    sentences = re.split(r"(?<=[.!?])\s+|\n+", said.strip())
    question = next((s for s in sentences if s.endswith("?")), "")
    told = next((s for s in sentences if len(s.split()) > 3), sentences[0])
    return one_line(question or told, 120)
