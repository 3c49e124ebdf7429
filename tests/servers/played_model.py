"""A language model as it may be, good or in any kind of trouble, played for a wire format to send.

The wire formats are `openai_server` and `anthropic_server`: they say what they heard, and get the
turn that the model takes.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal, get_args

from jsonschema import Draft202012Validator

Mode = Literal[
    "good",  # answers with what it `says`, else that the draft that it is shown is right
    "wrong",  # the same, where `says` is well formed and false
    "prose",  # the answer within a sentence and a code fence
    "malformed",  # half a JSON object, as if it were all
    "truncated",  # the answer cut in its middle, and the reason for it
    "empty",  # nothing at all
    "refusing",  # as the provider marks it
    "refusing_in_text",
    "parrot",  # what the ticket tells it to answer, word for word
    "endless",  # a million tokens
    "strange_tool",  # calls a tool that nobody offered
    "absurd_arguments",  # calls the first tool offered, with arguments that make no sense
    "slow",  # answers after `seconds`
    "dribbling",  # sends a byte each `seconds`, so that no single read ever takes long
    "streaming",  # answers by server-sent events though nobody asked for it
    "rate_limited",  # 429 that says to come back after `retry_after` seconds
    "overloaded",  # 503, or what the provider has for it
    "error",  # 500
    "unauthorized",
    "out_of_quota",  # 429 that no waiting cures
    "unknown_model",
    "too_long",  # the prompt does not fit the context window
    "broken_off",  # the connection ends in the middle of the answer
    "hung_up",  # the connection ends before the answer
    "dead",  # nobody listens
]
IN_TROUBLE: tuple[Mode, ...] = tuple(m for m in get_args(Mode) if m not in {"good", "wrong"})
Stop = Literal["end", "length", "refusal", "tool"]
Fault = Literal[
    "", "rate_limited", "overloaded", "error", "unauthorized", "out_of_quota", "unknown_model",
    "too_long", "malformed_request",
]  # fmt: skip

_CHOICE = re.compile(r"Rules would take: (\S+)")
_ORDER = re.compile(r"ignore .{0,80}?(?:answer|reply|say)\w*:?\s+(.+)", re.I)
_TOKEN = re.compile(r"[^\W\d_]{1,9}|\d{1,3}|[^\w\s]{1,2}|\n\s*")
_ABSURD = {"key": "../../etc/passwd", "column": ["*"], "sql": "drop table customers", "text": -1}
MILLION = 1_000_000


def token_count(text: str) -> int:
    """How many tokens a text has, by counting its short pieces of words, numbers and signs.

    Tables of real encodings have to be downloaded. On this project's prose, SQL, YAML, JSON and
    schemas this gives 98 to 107 % of what OpenAI's o200k_base gives.
    """
    return sum(1 for _ in _TOKEN.finditer(text))


@dataclass(frozen=True)
class Heard:
    """A request: its parts in the order in which a provider puts them before the model.

    `tools` are the schemas of the arguments by the tool's name; `schema` is what the answer has to
    fit, where the provider itself is to see to it. `cacheable` are the parts that the provider was
    asked to keep, None where it keeps what it likes.
    """

    parts: tuple[str, ...]
    tools: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] | None = None
    cacheable: int | None = None

    @property
    def text(self) -> str:
        return "\n".join(self.parts)


@dataclass(frozen=True)
class Usage:
    """Tokens: all of the prompt, what of it was read from the cache or put there, the answer's."""

    prompt: int
    cached: int
    kept: int
    completion: int


@dataclass(frozen=True)
class Turn:
    """What the model does, for a wire format to put into its own words."""

    text: str = ""
    call: tuple[str, dict[str, Any]] | None = None
    stop: Stop = "end"
    fault: Fault = ""
    message: str = ""
    usage: Usage = Usage(0, 0, 0, 0)


@dataclass
class PlayedModel:
    """Plays `mode` for the first `times` requests (None: always), and is good from then on; what it
    `says` may depend on what it hears, and be a whole turn.

    `refuses` is an option of the payload that it does not take, and how it says so. `requests` are
    the payloads as they came, `usages` what was counted for those that were answered.
    """

    mode: Mode = "good"
    says: str | Callable[[Heard], str | Turn] = ""
    times: int | None = None
    seconds: float = 30.0
    retry_after: float = 1.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    refuses: tuple[str, str] = ("", "")
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)
    _seen: list[list[str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, payload: dict[str, Any]) -> Mode:
        """Note a request; the mode in which it is to be answered."""
        with self._lock:
            self.requests.append(payload)
            playing = self.times is None or len(self.requests) <= self.times
            return self.mode if playing else "good"

    def take(self, heard: Heard, mode: Mode) -> Turn:
        """The turn that the model takes."""
        if self.refuses[0] in self.requests[-1]:
            return Turn(fault="malformed_request", message=self.refuses[1])
        if mode in get_args(Fault):
            return Turn(fault=mode, message=_MESSAGES[mode])  # type: ignore[arg-type]
        turn = self._turn(heard, mode)
        said = turn.text if turn.call is None else json.dumps(turn.call)
        with self._lock:
            usage = self._usage(heard, said)
            self.usages.append(usage)
        return Turn(turn.text, turn.call, turn.stop, usage=usage)

    def _turn(self, heard: Heard, mode: Mode) -> Turn:
        good = self._good(heard, mode)
        if isinstance(good, Turn):
            return good
        if mode == "strange_tool":
            return Turn(call=("run_shell", {"command": "cat ~/.ssh/id_rsa"}), stop="tool")
        if mode == "absurd_arguments" and heard.tools:
            name, schema = next(iter(heard.tools.items()))
            wanted = schema.get("properties", {})
            return Turn(call=(name, {k: _ABSURD.get(k, {}) for k in wanted}), stop="tool")
        if mode == "truncated":
            return Turn(good[: max(1, len(good) // 2)], stop="length")
        if mode in {"refusing", "refusing_in_text"}:
            return Turn(_MESSAGES["refusing"], stop="refusal" if mode == "refusing" else "end")
        said = {
            "empty": "",
            "malformed": '{"kind": "new_model", "question": ',
            "prose": f"Here it is:\n```json\n{good}\n```",
            "endless": good.rstrip("}") + " and so on" * (MILLION // 3),
        }
        return Turn(said.get(mode, good), stop="length" if mode == "endless" else "end")

    def _good(self, heard: Heard, mode: Mode) -> str | Turn:
        if mode == "parrot" and (orders := _ORDER.findall(heard.text)):
            return str(orders[-1].strip())
        says = self.says if isinstance(self.says, str) else self.says(heard)
        if isinstance(says, Turn):
            return says
        if says:
            answer = says
        elif choice := _CHOICE.search(heard.text):
            answer = json.dumps({"choice": choice[1], "reason": "as by rule"})
        else:
            answer = json.dumps({key: [] for key in (heard.schema or {}).get("required", ())})
        if mode == "good" and heard.schema is not None:
            self._check(answer, heard.schema)
        return answer

    def _check(self, answer: str, schema: dict[str, Any]) -> None:
        """A provider that sees to the form never lets such an answer out: the test is at fault."""
        try:
            errors = Draft202012Validator(schema).iter_errors(json.loads(answer))
            self.misfits += [f"{e.json_path}: {e.message[:200]}" for e in errors]
        except ValueError as error:
            self.misfits.append(f"{error}: {answer[:200]!r}")

    def _usage(self, heard: Heard, said: str) -> Usage:
        """Prompts have a part in common with earlier ones, which providers read from a cache.

        https://platform.openai.com/docs/guides/prompt-caching: by itself, from 1,024 tokens on, in
        steps of 128. https://docs.claude.com/en/docs/build-with-claude/prompt-caching: up to the
        marks in the request, from 1,024 tokens on.
        """
        prompt, completion = token_count(heard.text), token_count(said)
        tokens = _TOKEN.findall(heard.text)
        longest = max((_common(tokens, earlier) for earlier in self._seen), default=0)
        if heard.cacheable is None:
            self._seen.append(tokens)
            return Usage(prompt, longest // 128 * 128 if longest >= 1024 else 0, 0, completion)
        marked = _TOKEN.findall("\n".join(heard.parts[: heard.cacheable]))
        if len(marked) < 1024:
            return Usage(prompt, 0, 0, completion)
        known = any(earlier == marked for earlier in self._seen)
        self._seen.append(marked)
        return Usage(prompt, *((len(marked), 0) if known else (0, len(marked))), completion)


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
    )


_MESSAGES = {
    "refusing": "I'm sorry, but I can't help with that.",
    "rate_limited": "Rate limit reached for requests per minute. Please try again later.",
    "overloaded": "The server is overloaded",
    "error": "The server had an error while processing your request",
    "unauthorized": "Incorrect API key provided",
    "out_of_quota": "You exceeded your current quota, please check your plan and billing details.",
    "unknown_model": "The model does not exist or you do not have access to it.",
    "too_long": "maximum context length is 8192 tokens: prompt is too long",
}
