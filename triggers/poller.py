"""The poller: asks the doors what changed, and reads it. The cursor moves only afterwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from crew.delivery.pulls import Pull
from crew.errors import FirstmileError, HostUnavailable, TransientError
from triggers.desk import Desk, Record
from triggers.door import Door
from triggers.orchestrator import Orchestrator

_FIRST_SECONDS = 30 * 86_400.0
_WAITING = 10
_CHECKS_SECONDS = 6 * 3600.0
_AGAIN_SECONDS = 300.0
_BATCH = 200
_FAILURES = 5
_ASIDE_SECONDS = 120.0
_LOG = logging.getLogger(__name__)


class Pulls(Protocol):
    """Our pull requests at a code host."""

    def changed(self, seconds: float) -> Iterator[int]: ...

    def read(self, number: int) -> Pull | None: ...


@dataclass(frozen=True)
class Poller:
    """Brings the desk up to date with what stands at the doors."""

    desk: Desk
    orchestrator: Orchestrator

    def poll(self, door: Door) -> int:
        """One cycle; gives how many tickets were read. A ticket that cannot be read is put aside
        and read again later, so that it holds up no other. Raises what the door raises where
        nothing could be asked, or one ticket after another failed: then the cursor stays."""
        began = self.desk.now()
        cursor = self.desk.cursor(door.name)
        seconds = began - cursor if cursor is not None else _FIRST_SECONDS
        waiting = self.desk.waiting(door.name, _WAITING)
        read, failures = 0, 0
        for address in self.desk.take_aside(door.name, _WAITING):
            read += self._read(door, address)
        heads = door.changed(seconds if seconds > 0 else _FIRST_SECONDS, waiting)
        while batch := list(islice(heads, _BATCH)):
            known = self.desk.known_version(door.name, [h.address for h in batch])
            for head in batch:
                if head.only_known and head.address not in known:
                    continue
                if head.version and known.get(head.address) == head.version:
                    continue
                done = self._read(door, head.address)
                read, failures = read + done, 0 if done else failures + 1
                if failures >= _FAILURES:
                    raise HostUnavailable(f"{door.name}: no ticket can be read.")
        self.desk.note_waiting_read(door.name, waiting)
        self.desk.move_cursor(door.name, began)
        return read

    def _read(self, door: Door, address: str) -> bool:
        """Read one ticket, or put it aside. Raises TransientError where the door asks to wait."""
        try:
            self.read(door, address)
        except FirstmileError as error:
            asked = error.retry_after if isinstance(error, TransientError) else None
            if asked:
                raise
            _LOG.error("%s %s: %s", door.name, address, error.message)
            self.desk.put_aside(door.name, address, _ASIDE_SECONDS)
            return False
        self.desk.not_aside(door.name, address)
        return True

    def read(self, door: Door, address: str) -> Record | None:
        """Read one ticket and hand it on; a part of another brings that one instead."""
        ticket = door.read(address)
        if ticket is None:
            return self._gone(door, address)
        record = self.orchestrator.receive(ticket)
        if ticket.part_of and ticket.part_of != address:
            return self.read(door, ticket.part_of)
        return record

    def _gone(self, door: Door, address: str) -> Record | None:
        known = self.desk.ticket_at(door.name, address)
        return self.orchestrator.cancel(known.id, "the ticket being deleted") if known else None

    def poll_pulls(self, repository: str, pulls: Pulls) -> int:
        """One cycle over our pull requests in a repository. Checks that end do not change a pull
        request, so a few of those delivered lately are read again each time."""
        began, name = self.desk.now(), f"github {repository}"
        cursor = self.desk.cursor(name)
        seconds = began - cursor if cursor is not None else _FIRST_SECONDS
        numbers = dict.fromkeys(pulls.changed(max(seconds, 0.0)))
        lately = self.desk.delivered(began - _CHECKS_SECONDS, began - _AGAIN_SECONDS, _WAITING)
        numbers |= dict.fromkeys(
            r.number for r in lately if r.number and repository in r.pull_request
        )
        self.read_pulls(pulls, list(numbers))
        self.desk.move_cursor(name, began)
        return len(numbers)

    def read_pulls(self, pulls: Pulls, numbers: Sequence[int]) -> None:
        """Read pull requests; one that cannot be read holds up no other. Raises TransientError."""
        for number in numbers:
            try:
                if pull := pulls.read(number):
                    self.orchestrator.follow(pull)
            except TransientError:
                raise
            except FirstmileError as error:
                _LOG.error("pull request %d: %s %s", number, error.message, error.cure)
