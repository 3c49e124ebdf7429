"""The recording of a run: its request, what memory gave it, each call of a language model.

A file of YAML documents, fit to be read, reviewed and tested with (docs/recordings.md): first the
head, then one document for each call in the order they were made. Texts are redacted. A killed run
finds its answers here again and pays for none twice; a replayed one finds nothing else.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from crew.artifacts import (
    Cost,
    GlossaryTerm,
    MemoryKind,
    Outcome,
    Precedent,
    Recollection,
    Request,
    Rework,
    Value,
)
from crew.errors import InvalidInput, NotRecorded
from crew.ports import Recall

FORMAT: Literal["firstmile-recording-1"] = "firstmile-recording-1"
_MAX_DIFFERENCE = 30
_NEXT_LINE = "\x85"
_END = "...\n"
"""YAML's own mark of a document's end: what comes after the last one was cut off by a kill."""


class Message(Value):
    """A part of a prompt."""

    role: str
    content: str


class RecordedCall(Value):
    """What was sent, and what came back: an `answer`, what is `wrong` with the form of one, an `error`
    in words, or why it was not sent as it might have gone `over_budget`. `schema_digest` is that of the
    answer's JSON schema. A call with none of them is still to be answered."""

    agent: str
    task: str
    schema_digest: str = ""
    model: str = ""
    prompt: tuple[Message, ...]
    answer: str | None = None
    wrong: str = ""
    error: str = ""
    over_budget: str = ""
    cost: Cost = Cost()

    @property
    def is_answered(self) -> bool:
        return self.answer is not None or bool(self.wrong or self.error or self.over_budget)

    def is_like(self, other: RecordedCall) -> bool:
        """Whether the same is asked."""
        return (self.agent, self.task, self.schema_digest, self.prompt) == (
            other.agent,
            other.task,
            other.schema_digest,
            other.prompt,
        )


class RecordingHead(Value):
    """What a run began with. `models` are the language models by agent, in words."""

    format: Literal["firstmile-recording-1"] = FORMAT
    request: Request
    commit: str = ""
    routing: str = "auto"
    models: dict[str, str] = Field({})
    rework: Rework = Rework()
    memory: Recollection | None = None


@dataclass
class Recording:
    """The calls of one request. `known` are those of an earlier attempt; a `strict` recording is
    replayed: what it does not hold is an error, and never asked."""

    file: Path | None = None
    known: list[RecordedCall] = field(default_factory=list)
    strict: bool = False
    redact: Callable[[str], str] = str

    @property
    def spent(self) -> Cost:
        """What the calls of the earlier attempt cost; a replay spends as it goes."""
        return Cost() if self.strict else sum((c.cost for c in self.known), Cost())

    def begin(self, head: RecordingHead) -> None:
        """Write the head, unless an earlier attempt did."""
        if self.file is not None and not self.file.exists():
            body = head.model_dump(mode="json", exclude_defaults=True, exclude={"request"})
            request = _redacted(head.request.model_dump(mode="json"), self.redact)
            self._append({"format": FORMAT, **_redacted(body, self.redact), "request": request})

    def find(self, call: RecordedCall) -> RecordedCall | None:
        """The recorded call that asks the same, taken out; None where the model is to be asked.

        Raises NotRecorded in a replay that does not hold it: with the difference to the call that
        is next, which is also written as a call still to be answered.
        """
        call = self.redacted(call)
        for n, known in enumerate(self.known):
            if known.is_answered and known.is_like(call):
                if self.strict:
                    self.keep(known)
                return self.known.pop(n)
        if self.strict:
            self._append(call.model_dump(exclude_defaults=True))
            raise self._missing(call)
        return None

    def keep(self, call: RecordedCall) -> None:
        """Write a call down."""
        self._append(self.redacted(call).model_dump(mode="json", exclude_defaults=True))

    def redacted(self, call: RecordedCall) -> RecordedCall:
        fields = _redacted(call.model_dump(exclude={"answer"}), self.redact)
        answer = None if call.answer is None else self.as_kept(call.answer)
        return RecordedCall.model_validate({**fields, "answer": answer})

    def as_kept(self, answer: str) -> str:
        """An answer as it is written down: JSON stays JSON, the texts in it are redacted. It is used so
        too, that a run gives the same when it goes on or is replayed."""
        try:
            value = json.loads(answer)
        except (ValueError, RecursionError):
            return self.redact(answer)
        kept = _redacted(value, self.redact)
        return answer if kept == value else json.dumps(kept, ensure_ascii=False)

    def _missing(self, call: RecordedCall) -> NotRecorded:
        same = [c for c in self.known if (c.agent, c.task) == (call.agent, call.task)]
        told = f"The recording has no answer to what the {call.agent} asks for {call.task!r}"
        if not same:
            told += ", and no such call is left in it."
        elif same[0].prompt == call.prompt:
            told += (
                ": the form of the answer has changed."
                if same[0].schema_digest != (call.schema_digest)
                else ": it was never answered."
            )
        else:
            told += ". The prompt has changed:\n" + _difference(same[0].prompt, call.prompt)
        where = f" The call is in {self.file} now." if self.file else ""
        return NotRecorded(told, f"Record the run again, or write its `answer`.{where}")

    def _append(self, document: dict[str, Any]) -> None:
        if self.file is None:
            return
        text = yaml.dump(
            document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000
        )
        with self.file.open("a", encoding="utf-8") as out:
            out.write(f"---\n{text}{_END}")


@dataclass(frozen=True)
class Replayed:
    """A recording that a run repeats."""

    head: RecordingHead
    calls: tuple[RecordedCall, ...]


@dataclass(frozen=True)
class RecordedRecall:
    """Long-term memory with what it gave written into the recording; in a replay it is as it was, and
    learns nothing."""

    memory: Recall
    recording: Recording
    head: RecordingHead
    replayed: Replayed | None = None

    def recollect(self, request: Request) -> Recollection:
        known = self.replayed.head.memory if self.replayed else self.memory.recollect(request)
        found = known or Recollection()
        self.recording.begin(self.head.model_copy(update={"memory": found}))
        return found

    def recall(
        self, text: str, kinds: Sequence[MemoryKind] = (), limit: int = 5
    ) -> Sequence[Precedent]:
        return self.memory.recall(text, kinds, limit)

    def terms(self) -> Sequence[GlossaryTerm]:
        return self.memory.terms()

    def remember(self, request: Request, outcome: Outcome) -> None:
        if self.replayed is None:
            self.memory.remember(request, outcome)


def read_recording(file: Path) -> Replayed:
    """The recording in a file. Raises InvalidInput for a file that is no recording, or of another format."""
    try:
        documents = [d for d in yaml.safe_load_all(file.read_text("utf-8")) if d is not None]
        head = RecordingHead.model_validate(documents[0])
        return Replayed(head, tuple(RecordedCall.model_validate(d) for d in documents[1:]))
    except (OSError, ValueError, RecursionError, yaml.YAMLError, IndexError) as error:
        raise InvalidInput(
            f"{file} is no recording that can be read: {str(error).splitlines()[0]}",
            "docs/recordings.md says what one holds; `firstmile runs` lists runs that have one.",
        ) from error


def resume_recording(file: Path) -> Replayed | None:
    """The recording of a run that was killed, cut where its last call was not written whole; None if
    there is none. Raises InvalidInput as `read_recording`."""
    text = file.read_text("utf-8", "ignore") if file.is_file() else ""
    whole = text[: text.rfind(f"\n{_END}") + 1 + len(_END)] if f"\n{_END}" in text else ""
    if whole != text:
        file.write_text(whole, "utf-8")
    if not whole:
        file.unlink(missing_ok=True)
        return None
    return read_recording(file)


def digest(schema: dict[str, Any]) -> str:
    """Twelve hex digits of a JSON schema."""
    return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:12]


def _difference(old: Sequence[Message], new: Sequence[Message]) -> str:
    before, after = ("\n".join(m.content for m in p).splitlines() for p in (old, new))
    lines = list(difflib.unified_diff(before, after, "recorded", "now", lineterm="", n=1))
    more = f"\n… and {len(lines) - _MAX_DIFFERENCE} more lines" * (len(lines) > _MAX_DIFFERENCE)
    return "\n".join(lines[:_MAX_DIFFERENCE]) + more


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {k: _redacted(v, redact) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(v, redact) for v in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, as people read them."""


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if _NEXT_LINE in text:  # which YAML reads as any other end of a line, unless it is escaped
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _as_block)
