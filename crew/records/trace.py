"""Traces for OpenTelemetry: whether a request has one, and where it goes.

Switched off, which it is unless an endpoint is given, nothing of OpenTelemetry is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from crew.artifacts import Outcome, Request
from crew.ports import Listener, Watch


class TraceSettings(BaseModel):
    """Where traces go, over OTLP (HTTP, protobuf)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    endpoint: str = Field("", description="address of the collector; empty for no traces")
    headers_env: str = Field(
        "", description="the variable that holds its headers, as `name=value,…`"
    )
    content: bool = Field(False, description="whether prompts and answers are sent, too")

    @field_validator("endpoint")
    @classmethod
    def _address(cls, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        if endpoint and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("an address begins with http:// or https://")
        if "@" in parts.netloc:
            raise ValueError("keep user and password out of it; name a variable in headers_env")
        return endpoint


class Trace(Protocol):
    """The trace of one request."""

    @property
    def listener(self) -> Listener:
        """Takes what the planner tells."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """How the request ended."""
        ...


@dataclass(frozen=True)
class NoTrace:
    """Leaves no trace."""

    listener: Listener

    def ended(self, outcome: Outcome) -> None:
        return None


@contextmanager
def traced(
    settings: TraceSettings,
    run: str,
    request: Request,
    listener: Listener,
    watch: Callable[[], Watch],
    redacted: Callable[[str], str],
) -> Iterator[Trace]:
    """The trace of a request, while it is worked. What the planner tells goes on to `listener`.

    `watch` gives what shows the agents' doings; it is asked for only if there is a trace. A
    collector that is away costs the request two seconds at most, and nothing else.
    Raises InvalidSettings if the variable with its headers is not set.
    """
    if not settings.endpoint:
        yield NoTrace(listener)
        return
    from crew.records.spans import RequestSpans, exporting

    with (
        exporting(settings) as tracer,
        RequestSpans(tracer, run, request, listener, watch(), redacted, settings.content) as spans,
    ):
        yield spans
