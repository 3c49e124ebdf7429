"""Runs on disk: the request, each finished step with its result, the outcome, a trace.

A run is a folder of JSON files below `runs/`. A step's result is written before the next begins,
so that a killed run goes on where it was; a finished run starts anew when it is asked for again.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from crew.artifacts import Cost, Jotting, Outcome, Request
from crew.errors import InvalidInput, TransientError

T = TypeVar("T")
RECORDING = "recording.yml"
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)


def run_name(request: Request, *conditions: str) -> str:
    """The same request under the same conditions (commit, project, LLM) is the same run."""
    digest = sha256(
        "\0".join([request.source, request.key, request.revision, *conditions]).encode()
    )
    slug = re.sub(r"[^A-Za-z0-9]+", "-", request.key).strip("-")[:40] or "request"
    return f"{slug}-{digest.hexdigest()[:8]}"


@dataclass
class Run:
    """One run being worked. `resumed` counts steps taken over from an earlier, killed attempt."""

    name: str
    folder: Path
    cost: Callable[[], Cost] = Cost
    resumed: int = 0
    _number: int = 0

    def step(self, name: str, type_: type[T], function: Callable[[], T]) -> T:
        """The stored result of the step, or the function's, stored."""
        self._number += 1
        slug = re.sub(r"\W+", "-", name).strip("-")
        file = self.folder / "steps" / f"{self._number:02}-{slug}.json"
        adapter: TypeAdapter[T] = TypeAdapter(type_)
        if file.is_file():
            self.resumed += 1
            return adapter.validate_json(json.loads(file.read_text("utf-8"))["result"])
        began = time.time()
        result = function()
        stored = {
            "name": name,
            "seconds": round(time.time() - began, 3),
            "result": adapter.dump_json(result).decode(),
        }
        write_atomically(file, json.dumps(stored))
        return result

    @property
    def recording(self) -> Path:
        """The file that holds what language models were asked and answered."""
        return self.folder / RECORDING

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The trace's events of a kind, in order."""
        return _events(self.folder, kind)

    def finish(self, outcome: Outcome, summary: dict[str, Any]) -> None:
        """Store the outcome; the run is then finished."""
        write_atomically(
            self.folder / "outcome.json", _OUTCOME.dump_json(outcome, indent=1).decode()
        )
        write_atomically(self.folder / "summary.json", json.dumps(summary, indent=1, default=str))

    def keep_scratchpad(self, jottings: Sequence[Jotting], news: Sequence[Jotting]) -> None:
        """Replace the planner's scratchpad; what is new goes into the trace, too."""
        rows = [j.model_dump(exclude_defaults=True) for j in jottings]
        write_atomically(self.folder / "scratchpad.json", json.dumps(rows))
        if news:
            self.trace({"jotted": [j.model_dump(exclude_defaults=True) for j in news]})

    def trace(self, event: dict[str, Any]) -> None:
        """Append one event to the run's trace."""
        with (self.folder / "trace.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": round(time.time(), 3), **event}, default=str) + "\n")


@dataclass(frozen=True)
class RunStore:
    """All runs below a state folder."""

    state: Path
    _runs: str = field(default="runs")

    @property
    def folder(self) -> Path:
        return self.state / self._runs

    @contextmanager
    def open(self, name: str, request: Request, anew: bool = False) -> Iterator[Run]:
        """Begin or resume a run, or begin it `anew`. Raises TransientError while another process works
        on it."""
        folder = self.folder / name
        (folder / "steps").mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise TransientError(
                    f"Run {name!r} is being worked on by another process.", "Wait until it ends."
                ) from error
            if anew or (folder / "outcome.json").is_file():
                _forget(folder)
            write_atomically(folder / "request.json", request.model_dump_json(indent=1))
            yield Run(name, folder)

    def summaries(self) -> list[dict[str, Any]]:
        """What is known of each run, newest first; one without an outcome is `unfinished`."""
        found = []
        if self.folder.is_dir():
            for folder in sorted(self.folder.iterdir(), key=lambda f: -f.stat().st_mtime):
                if (folder / "request.json").is_file():
                    found.append(self.summary(folder.name))
        return found

    def summary(self, name: str) -> dict[str, Any]:
        """The JSON object of a finished run. Raises InvalidInput for a run that is not there."""
        folder = self._folder(name)
        file = folder / "summary.json"
        if file.is_file():
            summary: dict[str, Any] = json.loads(file.read_text("utf-8"))
            return summary
        steps = sorted(p.stem for p in (folder / "steps").glob("*.json"))
        return {"run": folder.name, "outcome": "unfinished", "steps": steps}

    def request(self, name: str) -> Request:
        return Request.model_validate_json((self._folder(name) / "request.json").read_text("utf-8"))

    def requests(self) -> Iterator[tuple[str, Request]]:
        """Each run's name and request, the oldest first."""
        folders = self.folder.iterdir() if self.folder.is_dir() else ()
        for folder in sorted(folders, key=lambda f: f.stat().st_mtime):
            if (folder / "request.json").is_file():
                yield folder.name, self.request(folder.name)

    def outcome(self, name: str) -> Outcome | None:
        file = self._folder(name) / "outcome.json"
        return _OUTCOME.validate_json(file.read_text("utf-8")) if file.is_file() else None

    def steps(self, name: str) -> list[dict[str, Any]]:
        """Trace events of the run's steps, in order."""
        return _events(self._folder(name), "step")

    def calls(self, name: str) -> list[dict[str, Any]]:
        """Calls of language models, and why there was none, in order."""
        return [event["call"] for event in _events(self._folder(name), "call")]

    def recording(self, name: str) -> Path:
        """The file of the run's recording."""
        return self._folder(name) / RECORDING

    def scratchpad(self, name: str) -> list[dict[str, Any]]:
        """The planner's jottings, in order."""
        file = self._folder(name) / "scratchpad.json"
        found: list[dict[str, Any]] = json.loads(file.read_text("utf-8")) if file.is_file() else []
        return found

    def _folder(self, name: str) -> Path:
        matches = [f for f in self.folder.glob("*") if f.name == name or f.name.startswith(name)]
        exact = [f for f in matches if f.name == name] or matches
        if len(exact) != 1:
            raise InvalidInput(
                f"There is no run {name!r}."
                if not exact
                else f"More than one run begins with {name!r}.",
                "`firstmile runs` lists them.",
            )
        return exact[0]


def _events(folder: Path, kind: str) -> list[dict[str, Any]]:
    file = folder / "trace.jsonl"
    if not file.is_file():
        return []
    events = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [event for event in events if kind in event]


def _forget(folder: Path) -> None:
    recording = folder / RECORDING
    for file in [*(folder / "steps").glob("*.json"), *folder.glob("*.json*"), recording]:
        file.unlink(missing_ok=True)


def write_atomically(file: Path, text: str) -> None:
    """Write so that a reader, or the next start, sees all of it or nothing."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(text, "utf-8")
    temporary.replace(file)


def dumped(value: BaseModel) -> dict[str, Any]:
    """A value as plain JSON data."""
    data: dict[str, Any] = json.loads(value.model_dump_json())
    return data
