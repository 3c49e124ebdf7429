"""OpenAI's chat completions, https://platform.openai.com/docs/api-reference/chat, by a played model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.servers.model_server import Reply, Wire, model_server
from tests.servers.played_model import Fault, Heard, Mode, PlayedModel, Turn

_ERRORS: dict[Fault, tuple[int, str, str | None]] = {
    "malformed_request": (400, "invalid_request_error", None),
    "too_long": (400, "invalid_request_error", "context_length_exceeded"),
    "unauthorized": (401, "invalid_request_error", "invalid_api_key"),
    "unknown_model": (404, "invalid_request_error", "model_not_found"),
    "rate_limited": (429, "requests", "rate_limit_exceeded"),
    "out_of_quota": (429, "insufficient_quota", "insufficient_quota"),
    "error": (500, "server_error", None),
    "overloaded": (503, "server_error", None),
}
_STOPS = {"end": "stop", "length": "length", "refusal": "stop", "tool": "tool_calls"}
_STRICT = {
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const",
    "$ref", "$defs", "title", "description", "pattern", "format", "multipleOf", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems",
}  # fmt: skip


@contextmanager
def openai_server(
    mode: Mode = "good",
    says: str | Callable[[Heard], str | Turn] = "",
    strict: bool = True,
    **how: Any,
) -> Iterator[PlayedModel]:
    """Serve on a free port of loopback until the block ends; `how` as in `PlayedModel`.

    Not `strict` is a compatible server that takes schemas as they come.
    """

    def reply(
        headers: Mapping[str, str], payload: dict[str, Any], model: PlayedModel, mode: Mode
    ) -> Reply:
        if problem := _schema_problem(payload) if strict else "":
            return _error(Turn(fault="malformed_request", message=problem), model)
        return _reply(headers, payload, model, mode)

    wire = Wire("/v1", "/chat/completions", reply, _beside)
    with model_server(wire, PlayedModel(mode, says, **how)) as model:
        yield model


def _beside(path: str, payload: dict[str, Any]) -> Reply:
    message = f"Unknown request URL: POST {path}"
    return Reply(
        404, {"error": {"message": message, "type": "invalid_request_error", "code": None}}
    )


def _reply(
    headers: Mapping[str, str], payload: dict[str, Any], model: PlayedModel, mode: Mode
) -> Reply:
    if not headers.get("Authorization", "").startswith("Bearer sk-"):
        return _error(Turn(fault="unauthorized", message="Incorrect API key provided"), model)
    if problem := _order_problem(payload):
        return _error(Turn(fault="malformed_request", message=problem), model)
    turn = model.take(_heard(payload), mode)
    if turn.fault:
        return _error(turn, model)
    limits = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499"}
    if payload.get("stream") or mode == "streaming":
        return Reply(200, None, limits, tuple(_chunks(payload, turn)))
    choice = {"index": 0, "message": _message(turn), "finish_reason": _STOPS[turn.stop]}
    return Reply(
        200,
        {
            "id": f"chatcmpl-{len(model.usages)}",
            "object": "chat.completion",
            "created": 0,
            "model": payload["model"],
            "choices": [choice],
            "usage": _usage(turn),
        },
        limits,
    )


def _heard(payload: dict[str, Any]) -> Heard:
    """The form of the answer is put before the messages, https://platform.openai.com/docs/guides/structured-outputs."""
    tools = {t["function"]["name"]: t["function"] for t in payload.get("tools", [])}
    form = payload.get("response_format") or {}
    schema = form["json_schema"]["schema"] if form.get("type") == "json_schema" else None
    parts = [json.dumps(schema)] if schema else []
    parts += [json.dumps(tool) for tool in tools.values()]
    for message in payload["messages"]:
        parts.append(f"{message['role']}: {_text(message.get('content'))}")
        parts += [json.dumps(c["function"]) for c in message.get("tool_calls") or []]
    return Heard(tuple(parts), {n: t.get("parameters", {}) for n, t in tools.items()}, schema)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(block.get("text", "")) for block in content)
    return content or ""


def _schema_problem(payload: dict[str, Any]) -> str:
    form = (payload.get("response_format") or {}).get("json_schema") or {}
    problem = _strict_problem(form["schema"], ()) if form.get("strict") else ""
    return f"Invalid schema for response_format {form['name']!r}: {problem}" if problem else ""


def _order_problem(payload: dict[str, Any]) -> str:
    called: set[str] = set()
    for message in payload["messages"]:
        if message["role"] == "tool" and message.get("tool_call_id") not in called:
            return "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
        called |= {call["id"] for call in message.get("tool_calls") or []}
    return ""


def _strict_problem(schema: dict[str, Any], at: tuple[str, ...]) -> str:
    """https://platform.openai.com/docs/guides/structured-outputs#supported-schemas"""
    if unknown := sorted(schema.keys() - _STRICT):
        return f"In context={at}, {unknown[0]!r} is not permitted."
    properties = schema.get("properties", {})
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return f"In context={at}, 'additionalProperties' is required to be supplied and to be false."
        if set(schema.get("required", [])) != set(properties):
            return f"In context={at}, 'required' is required to include every key in properties."
    below = [(n, s, "properties") for n, s in properties.items()]
    below += [(n, s, "$defs") for n, s in schema.get("$defs", {}).items()]
    below += [(str(n), s, "anyOf") for n, s in enumerate(schema.get("anyOf", []))]
    below += [("items", schema["items"], "")] if "items" in schema else []
    return next(filter(None, (_strict_problem(s, (*at, kind, n)) for n, s, kind in below)), "")


def _message(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.text, "refusal": None}
    if turn.stop == "refusal":
        message |= {"content": None, "refusal": turn.text}
    if turn.call:
        name, arguments = turn.call
        function = {"name": name, "arguments": json.dumps(arguments)}
        message |= {
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        }
    return message


def _usage(turn: Turn) -> dict[str, Any]:
    used = turn.usage
    return {
        "prompt_tokens": used.prompt,
        "completion_tokens": used.completion,
        "total_tokens": used.prompt + used.completion,
        "prompt_tokens_details": {"cached_tokens": used.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _chunks(payload: dict[str, Any], turn: Turn) -> Iterator[tuple[str, Any]]:
    """https://platform.openai.com/docs/api-reference/chat-streaming"""
    base = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": payload["model"],
    }

    def chunk(delta: dict[str, Any], stop: str | None = None) -> tuple[str, Any]:
        return "", {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": stop}]}

    message = _message(turn)
    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for kind in ("content", "refusal"):
        text = message[kind] or ""
        step = max(20, len(text) // 200)
        yield from (chunk({kind: text[i : i + step]}) for i in range(0, len(text), step))
    for index, call in enumerate(message.get("tool_calls", [])):
        yield chunk({"tool_calls": [{"index": index, **call}]})
    yield chunk({}, _STOPS[turn.stop])
    if (payload.get("stream_options") or {}).get("include_usage"):
        yield "", {**base, "choices": [], "usage": _usage(turn)}
    yield "", "[DONE]"


def _error(turn: Turn, model: PlayedModel) -> Reply:
    """https://platform.openai.com/docs/guides/error-codes"""
    status, kind, code = _ERRORS[turn.fault]
    headers = {}
    if turn.fault == "rate_limited":
        headers = {
            "retry-after": f"{model.retry_after:g}",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": f"{model.retry_after:g}s",
        }
    return Reply(
        status,
        {"error": {"message": turn.message, "type": kind, "param": None, "code": code}},
        headers,
    )
