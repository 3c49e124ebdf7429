"""What the orchestrator asks of a place where tickets come from and outcomes go back to.

A webhook or a poll only says *that* a ticket changed; what it says is always read from the vendor.
So the same event ten times, events out of order and forged contents all come to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from crew.artifacts import Question, Request

Phase = Literal[
    "queued", "working", "waiting", "delivered", "answered", "refused", "failed", "cancelled",
    "laid_aside", "merged", "closed",
]  # fmt: skip
"""Where a ticket stands. `answered`: a model that exists already answers it; `merged` and `closed`
are the ends of its pull request."""


@dataclass(frozen=True)
class Head:
    """What a poll sees of a ticket cheaply: enough to tell whether it must be read.

    `address` is what the door needs to read and write the ticket (an issue key, a page id);
    `version` changes with each save and is only compared for being equal. `only_known`: it can
    matter only if it was taken up before.
    """

    address: str
    version: str
    only_known: bool = False


@dataclass(frozen=True)
class Ticket:
    """A ticket as it stands now.

    `wanted` is false once it lost its label or status, was closed or cancelled; `why_not` says so
    in words. `person` is the account that asked, as the setting `allowed` names people.
    `priority` runs from 1 (urgent) to 5. `project` names the dbt project it asks for; empty for
    the only one. A part of another ticket (a subtask) names that one's address in `part_of` and
    is not worked by itself.
    """

    request: Request
    address: str
    version: str
    wanted: bool = True
    why_not: str = ""
    person: str = ""
    priority: int = 3
    project: str = ""
    part_of: str = ""


@dataclass(frozen=True)
class Message:
    """A comment to write, in Markdown. A ticket has one comment of each kind (`status`,
    `question-1a2b3c4d`): writing the kind again edits it. Doors with buttons show `questions`."""

    kind: str
    text: str
    questions: tuple[Question, ...] = ()


class Door(Protocol):
    """One vendor. Every method may raise the errors of `crew.errors`: TransientError where trying
    later may help, TerminalError with what the operator must do. No method tries a write twice by
    itself; writing twice gives what writing once gives."""

    @property
    def name(self) -> str:
        """As in `Request.source`: `jira`, `notion`, `slack`."""
        ...

    def changed(self, seconds: float, waiting: Sequence[str]) -> Iterator[Head]:
        """Tickets of ours that changed within the last `seconds`, as the vendor's own clock
        counts, and a bounded number of those `waiting` for an answer (addresses, longest
        unread first) where the vendor cannot tell that a comment came."""
        ...

    def read(self, address: str) -> Ticket | None:
        """The ticket; None if it is gone or is none of ours."""
        ...

    def write(self, address: str, message: Message, known: str = "") -> str:
        """Write or edit the comment of this kind. `known` is what an earlier call gave; without
        it the comment is looked for by its hidden marker first. Gives what names the comment."""
        ...

    def show(self, address: str, phase: Phase, pull_request: str = "", title: str = "") -> None:
        """Show where it stands in the vendor's own way: claim label, status, link."""
        ...

    def check(self) -> tuple[str, ...]:
        """What was found to work, in words. Raises TerminalError with what lacks."""
        ...
