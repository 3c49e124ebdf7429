"""A door of paper: tickets in memory, with faults on demand. And a clock set by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from crew.artifacts import Comment, Request
from triggers.door import Head, Message, Phase, Ticket


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class QueueOfPaper:
    """Notes what was queued; delays by run."""

    runs: dict[str, float] = field(default_factory=dict)

    def __call__(
        self, connection: sa.Connection, run: str, ticket: str, priority: int, delay: float
    ) -> None:
        assert run not in self.runs, f"{run} was queued twice"
        self.runs[run] = delay


@dataclass
class Sheet:
    """One ticket as its vendor keeps it."""

    ticket: Ticket
    comments: dict[str, tuple[str, str]] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    edits: int = 0


@dataclass
class PaperDoor:
    """`fault` is called before each call with its name, and after each write with `after …`."""

    name: str = "paper"
    sheets: dict[str, Sheet] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fault: Callable[[str], None] = lambda _: None
    changed_addresses: list[str] | None = None

    def put(self, key: str, title: str = "Orders per week", **more: Any) -> Ticket:
        """Put or replace a ticket; its comments stay."""
        said = tuple(Comment(author="Ada", body=c) for c in more.pop("said", ()))
        request = Request(source=self.name, key=key, title=title, body=more.pop("body", ""),
                          comments=said)  # fmt: skip
        old = self.sheets.get(key)
        version = str(int(old.ticket.version) + 1) if old else "1"
        ticket = Ticket(request=request, address=key, version=version, **more)
        if old:
            old.ticket = ticket
        else:
            self.sheets[key] = Sheet(ticket)
        return ticket

    def change(self, key: str, **more: Any) -> Ticket:
        sheet = self.sheets[key]
        version = str(int(sheet.ticket.version) + 1)
        sheet.ticket = replace(sheet.ticket, version=version, **more)
        return sheet.ticket

    def changed(self, seconds: float, waiting: Sequence[str]) -> Iterator[Head]:
        self._call("changed")
        for key, sheet in self.sheets.items():
            if self.changed_addresses is None or key in self.changed_addresses:
                yield Head(key, sheet.ticket.version)

    def read(self, address: str) -> Ticket | None:
        self._call(f"read {address}")
        sheet = self.sheets.get(address)
        return sheet.ticket if sheet else None

    def write(self, address: str, message: Message, known: str = "") -> str:
        self._call(f"write {address} {message.kind}")
        comments = self.sheets[address].comments
        same = [i for i, (kind, _) in comments.items() if kind == message.kind]
        id_ = known if known in comments else same[0] if same else str(len(comments) + 1)
        self.sheets[address].edits += id_ in comments
        comments[id_] = (message.kind, message.text)
        self.fault(f"after write {address} {message.kind}")
        return id_

    def show(self, address: str, phase: Phase, pull_request: str = "", title: str = "") -> None:
        self._call(f"show {address} {phase}")
        self.sheets[address].phases.append(phase)

    def check(self) -> tuple[str, ...]:
        return ("paper",)

    def text(self, key: str, kind: str = "status") -> str:
        found = [t for k, t in self.sheets[key].comments.values() if k == kind]
        assert len(found) == 1, f"{len(found)} comments of kind {kind}"
        return found[0]

    def kinds(self, key: str) -> list[str]:
        return sorted(k.partition("-")[0] for k, _ in self.sheets[key].comments.values())

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.fault(name)
