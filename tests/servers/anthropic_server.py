"""Anthropic's Messages, https://docs.claude.com/en/api/messages, by a played model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.servers.model_server import Reply, Wire, model_server
from tests.servers.played_model import Fault, Heard, Mode, PlayedModel, Turn, token_count

_ERRORS: dict[Fault, tuple[int, str]] = {
    "malformed_request": (400, "invalid_request_error"),
    "too_long": (400, "invalid_request_error"),
    "out_of_quota": (400, "invalid_request_error"),
    "unauthorized": (401, "authentication_error"),
    "unknown_model": (404, "not_found_error"),
    "rate_limited": (429, "rate_limit_error"),
    "error": (500, "api_error"),
    "overloaded": (529, "overloaded_error"),
}
_STOPS = {"end": "end_turn", "length": "max_tokens", "refusal": "refusal", "tool": "tool_use"}
_OWN_WORDS = {
    "too_long": "prompt is too long: 210000 tokens > 200000 maximum",
    "out_of_quota": "Your credit balance is too low to access the Anthropic API.",
    "overloaded": "Overloaded",
}


@contextmanager
def anthropic_server(
    mode: Mode = "good", says: str | Callable[[Heard], str | Turn] = "", **how: Any
) -> Iterator[PlayedModel]:
    """Serve on a free port of loopback until the block ends; `how` as in `PlayedModel`."""
    wire = Wire("", "/v1/messages", _reply, _beside)
    with model_server(wire, PlayedModel(mode, says, **how)) as model:
        yield model


def _beside(path: str, payload: dict[str, Any]) -> Reply:
    """https://docs.claude.com/en/docs/build-with-claude/token-counting"""
    if path == "/v1/messages/count_tokens":
        return Reply(200, {"input_tokens": token_count(_heard(payload).text)})
    return Reply(404, {"type": "error", "error": {"type": "not_found_error", "message": path}})


def _reply(
    headers: Mapping[str, str], payload: dict[str, Any], model: PlayedModel, mode: Mode
) -> Reply:
    if not headers.get("x-api-key", "").startswith("sk-"):
        return _error(Turn(fault="unauthorized", message="invalid x-api-key"), model)
    if problem := _problem(headers, payload):
        return _error(Turn(fault="malformed_request", message=problem), model)
    turn = model.take(_heard(payload), mode)
    if turn.fault:
        return _error(turn, model)
    message = {
        "id": f"msg_{len(model.usages)}",
        "type": "message",
        "role": "assistant",
        "model": payload["model"],
        "content": _content(payload, turn),
        "stop_reason": _STOPS[turn.stop],
        "stop_sequence": None,
        "usage": _usage(turn),
    }
    if payload.get("stream") or mode == "streaming":
        return Reply(200, events=tuple(_events(message)))
    return Reply(200, message)


def _forced(payload: dict[str, Any]) -> str:
    """The tool that the model has to call, if it has to."""
    choice = payload.get("tool_choice") or {}
    return str(choice["name"]) if choice.get("type") == "tool" else ""


def _heard(payload: dict[str, Any]) -> Heard:
    """Tools come first, then the system's text, then the messages,
    https://docs.claude.com/en/docs/build-with-claude/prompt-caching."""
    tools = {t["name"]: t["input_schema"] for t in payload.get("tools", [])}
    form = payload.get("output_format") or (payload.get("output_config") or {}).get("format")
    schema = form["schema"] if form else tools.get(_forced(payload))
    marked = [(json.dumps(t), "cache_control" in t) for t in payload.get("tools", [])]
    if form:
        marked.append((json.dumps(schema), False))
    for content in (payload.get("system", ""), *(m["content"] for m in payload["messages"])):
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        marked += [(_text(block), "cache_control" in block) for block in blocks]
    cacheable = max((i + 1 for i, (_, mark) in enumerate(marked) if mark), default=0)
    offered = {} if _forced(payload) else tools
    return Heard(tuple(text for text, _ in marked), offered, schema, cacheable)


def _text(block: dict[str, Any]) -> str:
    if block["type"] == "text":
        return str(block["text"])
    return json.dumps(block.get("input") or block.get("content"))


def _problem(headers: Mapping[str, str], payload: dict[str, Any]) -> str:
    """Why the API would not take the request, as far as it concerns us."""
    if not headers.get("anthropic-version"):
        return "anthropic-version: header is required"
    if not isinstance(payload.get("max_tokens"), int):
        return "max_tokens: Field required"
    if "output_format" in payload and "structured-outputs" not in headers.get("anthropic-beta", ""):
        return "output_format: Extra inputs are not permitted"
    if unknown := payload.keys() & {"seed", "response_format", "frequency_penalty"}:
        return f"{sorted(unknown)[0]}: Extra inputs are not permitted"
    called: set[str] = set()
    for number, message in enumerate(payload["messages"]):
        if message["role"] not in {"user", "assistant"} or (
            not number and message["role"] != "user"
        ):
            return (
                f"messages.{number}: use the user role first, and the top-level `system` parameter"
            )
        blocks = message["content"] if isinstance(message["content"], list) else []
        if not message["content"]:
            return f"messages.{number}: all messages must have non-empty content"
        results = {b["tool_use_id"] for b in blocks if b["type"] == "tool_result"}
        if results - called or (called and message["role"] == "user" and called - results):
            return f"messages.{number}: each `tool_use` needs its `tool_result` in the next message"
        called = {b["id"] for b in blocks if b["type"] == "tool_use"}
    return ""


def _content(payload: dict[str, Any], turn: Turn) -> list[dict[str, Any]]:
    call = turn.call
    if turn.stop in {"end", "length"} and (tool := _forced(payload)):
        try:
            call = (tool, json.loads(turn.text))
        except ValueError:
            call = (tool, {})
    if call:
        return [{"type": "tool_use", "id": "toolu_1", "name": call[0], "input": call[1]}]
    return [{"type": "text", "text": turn.text}] if turn.text else []


def _usage(turn: Turn) -> dict[str, Any]:
    used = turn.usage
    return {
        "input_tokens": used.prompt - used.cached - used.kept,
        "cache_read_input_tokens": used.cached,
        "cache_creation_input_tokens": used.kept,
        "output_tokens": used.completion,
        "service_tier": "standard",
    }


def _events(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """https://docs.claude.com/en/docs/build-with-claude/streaming"""

    def event(name: str, **data: Any) -> tuple[str, Any]:
        return name, {"type": name, **data}

    begun = {**message, "content": [], "stop_reason": None}
    yield event("message_start", message=begun)
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty, kind, key, text = {**block, "text": ""}, "text_delta", "text", block["text"]
        else:
            empty, kind, key = {**block, "input": {}}, "input_json_delta", "partial_json"
            text = json.dumps(block["input"])
        yield event("content_block_start", index=index, content_block=empty)
        step = max(20, len(text) // 200)
        for start in range(0, len(text), step):
            delta = {"type": kind, key: text[start : start + step]}
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    used = {"output_tokens": message["usage"]["output_tokens"]}
    yield event("message_delta", delta=delta, usage=used)
    yield event("message_stop")


def _error(turn: Turn, model: PlayedModel) -> Reply:
    """https://docs.claude.com/en/api/errors"""
    status, kind = _ERRORS[turn.fault]
    text = _OWN_WORDS.get(turn.fault, turn.message)
    headers = {}
    if turn.fault == "rate_limited":
        headers = {
            "retry-after": f"{model.retry_after:g}",
            "anthropic-ratelimit-requests-remaining": "0",
        }
    return Reply(status, {"type": "error", "error": {"type": kind, "message": text}}, headers)
