"""CrewAI's events as happenings for a trace: agents at work, and calls of language models."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from crewai.events import crewai_event_bus
from crewai.events.base_events import BaseEvent
from crewai.events.types.agent_events import (
    AgentExecutionCompletedEvent,
    AgentExecutionErrorEvent,
    AgentExecutionStartedEvent,
)
from crewai.events.types.llm_events import (
    LLMCallCompletedEvent,
    LLMCallFailedEvent,
    LLMCallStartedEvent,
)
from crewai.types.usage_metrics import UsageMetrics

from crew.agents.llm import DRAFTING
from crew.ports import Happening, See

MAX_TEXT = 20_000
"""Characters of one message, where what is said is wanted."""

Say = Callable[[str], str]
Reader = Callable[[Any, Any, Say | None], Happening | None]
_WAIT_SECONDS = 2.0
_WATCHER: ContextVar[tuple[See, Say | None] | None] = ContextVar("watcher", default=None)
_PROVIDERS = {
    "claude": "anthropic", "gemini": "gcp.gemini", "google": "gcp.gemini", "bedrock": "aws.bedrock",
    "aws": "aws.bedrock", "azure": "azure.ai.inference", "azure_openai": "azure.ai.openai",
}  # fmt: skip
_ERRORS = (
    (r"Error code: (\d{3})", r"\1"),
    (r"timed out|timeout", "timeout"),
    (r"length limit", "length"),
    (r"connect", "connection"),
    (r"validation error|invalid json", "invalid_answer"),
    (r"not found", "404"),
)


def watch(see: See, say: Say | None) -> Callable[[], None]:
    """Show `see` what happens in this context from now on; the port `crew.ports.Watch`.

    CrewAI calls handlers in a pool, with the context of whoever made the event: so that each
    request is shown its own.
    """
    _register()
    _WATCHER.set((see, say))

    def stop() -> None:
        crewai_event_bus.flush(_WAIT_SECONDS)
        _WATCHER.set(None)

    return stop


@cache
def _register() -> None:
    """Once in a process."""
    for kind, reader in _READERS.items():
        crewai_event_bus.register_handler(kind, _handler(reader))


def _handler(reader: Reader) -> Callable[[Any, Any], None]:
    def handle(source: Any, event: Any) -> None:
        watcher = _WATCHER.get()
        happening = reader(source, event, watcher[1]) if watcher else None
        if watcher and happening:
            watcher[0](happening)

    return handle


def _agent_began(source: Any, event: AgentExecutionStartedEvent, say: Say | None) -> Happening:
    name = event.agent.role.strip()
    facts = {"gen_ai.agent.name": name, "gen_ai.agent.id": str(event.agent.id)}
    return _happening("agent", str(event.agent.id), "", event, name=name, facts=facts)


def _agent_ended(source: Any, event: Any, say: Say | None) -> Happening:
    error = _kind_of(getattr(event, "error", ""))
    return _happening("agent", str(event.agent.id), "", event, ends=True, error=error)


def _call_began(source: Any, event: LLMCallStartedEvent, say: Say | None) -> Happening | None:
    if event.model == DRAFTING:
        return None
    provider = str(getattr(source, "provider", "") or "")
    address = urlsplit(str(getattr(source, "base_url", "") or ""))
    facts = {
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": event.model,
        "gen_ai.request.temperature": event.temperature,
        "gen_ai.request.top_p": event.top_p,
        "gen_ai.request.seed": event.seed,
        "gen_ai.request.max_tokens": event.max_tokens and int(event.max_tokens),
        "gen_ai.request.stop_sequences": event.stop_sequences or None,
        "gen_ai.request.stream": event.stream or None,
        "gen_ai.agent.name": (event.agent_role or "").strip() or None,
        "server.address": address.hostname,
        "server.port": address.hostname and (address.port or {"http": 80}.get(address.scheme, 443)),
    }
    if say:
        facts["gen_ai.input.messages"] = json.dumps(_messages(event.messages, say))
    return _happening("chat", event.call_id, event.agent_id, event, name=event.model, facts=facts)


def _call_ended(source: Any, event: LLMCallCompletedEvent, say: Say | None) -> Happening:
    used = UsageMetrics.from_provider_dict(event.usage)
    facts: dict[str, Any] = {
        "gen_ai.response.id": event.response_id,
        "gen_ai.response.finish_reasons": event.finish_reason and [event.finish_reason],
    }
    if used:
        facts |= {
            "gen_ai.usage.input_tokens": used.prompt_tokens,
            "gen_ai.usage.output_tokens": used.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": used.cached_prompt_tokens,
            "gen_ai.usage.cache_creation.input_tokens": used.cache_creation_tokens,
            "gen_ai.usage.reasoning.output_tokens": used.reasoning_tokens,
        }
    if say:
        said = {"role": "assistant", "content": event.response}
        message = {**_message(said, say), "finish_reason": event.finish_reason or "stop"}
        facts["gen_ai.output.messages"] = json.dumps([message])
    return _happening("chat", event.call_id, event.agent_id, event, ends=True, facts=facts)


def _call_failed(source: Any, event: LLMCallFailedEvent, say: Say | None) -> Happening:
    error = _kind_of(event.error)
    return _happening("chat", event.call_id, event.agent_id, event, ends=True, error=error)


_READERS: dict[type[BaseEvent], Reader] = {
    AgentExecutionStartedEvent: _agent_began,
    AgentExecutionCompletedEvent: _agent_ended,
    AgentExecutionErrorEvent: _agent_ended,
    LLMCallStartedEvent: _call_began,
    LLMCallCompletedEvent: _call_ended,
    LLMCallFailedEvent: _call_failed,
}


def _happening(kind: Any, key: str, agent: str | None, event: BaseEvent, **more: Any) -> Happening:
    facts = {k: v for k, v in more.pop("facts", {}).items() if v is not None}
    order = event.emission_sequence or 0
    return Happening(kind, key, agent or "", event.timestamp, order, facts=facts, **more)


def _kind_of(error: str) -> str:
    """A kind of error, as `error.type` wants it: few, and nothing of what was said."""
    for pattern, kind in _ERRORS:
        if found := re.search(pattern, error, re.I):
            return found.expand(kind)
    return "_OTHER" if error else ""


def _messages(messages: Any, say: Say) -> list[dict[str, Any]]:
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return [_message(m, say) for m in messages or ()]


def _message(message: dict[str, Any], say: Say) -> dict[str, Any]:
    """As gen-ai-input-messages.json of the conventions has it; agents have no tools."""
    parts = [{"type": "text", "content": _told(message.get("content"), say)}]
    return {"role": str(message.get("role")), "parts": parts}


def _told(value: Any, say: Say) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return say(text[:MAX_TEXT])
