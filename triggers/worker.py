"""A worker: takes a run from the queue, has the crew work it, and hands its outcome back.

It holds the ticket while it works, so that two runs of one ticket never overlap, and shows a sign
of life. Between two steps it stops if its run does not count any more, or the process is to end.
"""

from __future__ import annotations

import difflib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from crew.artifacts import Cost, Outcome, Request, Rework
from crew.errors import FirstmileError, TransientError
from crew.ports import Durable, Listener
from crew.result import empty_result
from triggers.desk import Desk, Record
from triggers.orchestrator import Orchestrator, Superseded

_LOG = logging.getLogger(__name__)


class Place(Protocol):
    """An open project."""

    def work(
        self, request: Request, listener: Listener, rework: Rework, durable: Durable, run_id: str
    ) -> tuple[Outcome, dict[str, Any]]: ...


class Projects(Protocol):
    """Opens projects."""

    def head(self, project: str) -> str: ...

    def at(self, project: str, commit: str) -> AbstractContextManager[Place]: ...


@dataclass
class Worker:
    """Works runs. Once it is `stopping` each waits at its next step until the process is `gone`.

    A run holds its ticket for `hold_seconds` at a time under this worker's name, so that a worker
    that was taken for dead and wakes up again does not work beside the one that took over.
    """

    desk: Desk
    orchestrator: Orchestrator
    projects: Projects
    name: str
    hold_seconds: float = 60.0
    busy: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, ticket: str, run: str, durable: Durable) -> str:
        """Work a run; how it ended, in a word."""
        with self._lock:
            self.busy += 1
        try:
            self._pause_if_stopping(ticket, run)
            record = self.orchestrator.begin(ticket, run)
            with self._holding(ticket, run) as pulse:
                result = self._result(record, run, pulse, durable)
            self.orchestrator.finish(ticket, run, result)
            return str(result["outcome"])
        except Superseded:
            self.orchestrator.superseded(ticket, run)
            return "superseded"
        except TransientError as error:
            return self._later(ticket, run, error)
        finally:
            with self._lock:
                self.busy -= 1

    def _result(self, record: Record, run: str, pulse: Pulse, durable: Durable) -> dict[str, Any]:
        """The outcome as a JSON object, whatever happens, unless trying later may help."""
        wanted = record.wanted
        try:
            commit = durable("commit", lambda: self.projects.head(record.project))
            changed = changes(record.delivered, wanted) if record.delivered else ()
            rework = Rework(
                branch=record.branch,
                reopen=record.reopen,
                changed=changed,
                finding=record.finding,
            )
            with self.projects.at(record.project, commit) as place:
                return place.work(wanted, pulse, rework, durable, run)[1]
        except TransientError:
            raise
        except FirstmileError as error:
            reason = f"{error.message} {error.cure}".strip()
        except (Superseded, SystemExit):
            raise
        except Exception as error:
            _LOG.exception("run %s failed", run)
            reason = (
                f"Something went wrong that should not: {type(error).__name__}. "
                "The log of the worker has the details."
            )
        asked = {"source": wanted.source, "key": wanted.key, "title": wanted.title}
        return empty_result() | {"run": run, "request": asked, "reason": reason}

    def _later(self, ticket: str, run: str, error: TransientError) -> str:
        if self.orchestrator.postpone(ticket, run, error.message):
            return "postponed"
        reason = f"{error.message} It was tried several times. {error.cure}".strip()
        self.orchestrator.finish(ticket, run, empty_result() | {"run": run, "reason": reason})
        return "failed"

    @contextmanager
    def _holding(self, ticket: str, run: str) -> Iterator[Pulse]:
        """The ticket, ours alone; waits for an older run of it to end its step."""
        while not self.hold(ticket, run):
            self._pause_if_stopping(ticket, run)
            self.orchestrator.progress(ticket, run, "wait for the earlier run", 0, {})
            time.sleep(1)
        pulse = Pulse(self, ticket, run)
        pulse.start()
        try:
            yield pulse
        finally:
            pulse.ended.set()
            self.desk.let_go(ticket, self._holder(run))

    def hold(self, ticket: str, run: str) -> bool:
        """Take or renew the ticket for a run; false while somebody else has it."""
        return self.desk.hold(ticket, self._holder(run), self.hold_seconds)

    def _holder(self, run: str) -> str:
        return f"{run} {self.name}"

    def _pause_if_stopping(self, ticket: str, run: str) -> None:
        """The end of the process finds nothing running; the run goes on at the next start."""
        if self.stopping.is_set():
            self.desk.let_go(ticket, self._holder(run))
            with self._lock:
                self.busy -= 1
            self.gone.wait()
            raise SystemExit


class Pulse(threading.Thread):
    """The listener of a run: renews the hold, shows progress, stops what does not count."""

    def __init__(self, worker: Worker, ticket: str, run: str) -> None:
        super().__init__(name=f"pulse-{run}", daemon=True)
        self.ended = threading.Event()
        self._worker, self._ticket, self._run = worker, ticket, run
        self._step, self._cost, self._began = "open the project", Cost(), time.monotonic()

    def step_started(self, name: str) -> None:
        """Raises Superseded; waits for ever when the process is to end."""
        self._step = name
        self._worker._pause_if_stopping(self._ticket, self._run)
        self._progress()

    def delivering(self, branch: str) -> None:
        """Raises Superseded for a run that must not write any more."""
        self._worker.orchestrator.will_deliver(self._ticket, self._run, branch)

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        self._cost = self._cost + cost

    def run(self) -> None:
        while not self.ended.wait(self._worker.hold_seconds / 6):
            try:
                self._worker.hold(self._ticket, self._run)
                self._progress()
            except Superseded:
                return  # the next step stops it
            except Exception:
                _LOG.warning("no sign of life of %s could be written", self._run, exc_info=True)

    def _progress(self) -> None:
        seconds = time.monotonic() - self._began
        self._worker.orchestrator.progress(
            self._ticket, self._run, self._step, seconds, self._cost.model_dump()
        )


def changes(before: Request, now: Request) -> tuple[str, ...]:
    """What a ticket says now that it did not say when it was delivered, in a few lines."""
    lines = []
    if now.title != before.title:
        lines.append(f"title: {now.title}")
    old, new = before.body.splitlines(), now.body.splitlines()
    for line in difflib.ndiff(old, new):
        if line[:2] in ("+ ", "- ") and line[2:].strip():
            lines.append(f"{'added' if line[0] == '+' else 'removed'}: {line[2:].strip()}")
    said = [(c.author, c.body) for c in before.comments]
    lines += [
        f"{c.author}: {' '.join(c.body.split())}"
        for c in now.comments
        if not c.ours and (c.author, c.body) not in said
    ]
    return tuple(line[:300] for line in lines[:20])
