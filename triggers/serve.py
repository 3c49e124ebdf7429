"""`firstmile serve`: pollers, web endpoints, postmen, sweeper and workers in one process, or each
in its own. Everything that threads share is the database; any of them may die at any time."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from crew.artifacts import Cost
from crew.errors import FirstmileError, InvalidInput, InvalidSettings, TransientError
from crew.records.database import address_of, open_database
from crew.records.run_store import dumped
from crew.settings import Settings
from triggers.desk import Desk
from triggers.doors import Doors, open_doors
from triggers.durable_queue import Entries, QueueWorker, make_tables
from triggers.orchestrator import Orchestrator
from triggers.poller import Poller
from triggers.postman import Postman
from triggers.worker import Worker
from triggers.workplaces import Workplaces

if TYPE_CHECKING:
    import uvicorn

PARTS = ("pollers", "web", "worker")
_DEAD_SECONDS = 120.0
_KEEP_SECONDS = 30 * 86_400.0
_SWEEP_SECONDS = 20.0
_POST_SECONDS = 0.5
_PULLS_SECONDS = 60.0
_SOCKET_SECONDS = 1.0
_STOP_SECONDS = 25.0
_LOG = logging.getLogger("firstmile")


@dataclass
class Service:
    """A running process. `parts` of it are on: pollers (with postmen and sweeper), web, worker."""

    settings: Settings
    desk: Desk
    entries: Entries
    doors: Doors
    orchestrator: Orchestrator
    name: str
    stopping: threading.Event = field(default_factory=threading.Event)
    beats: dict[str, float] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)
    worker: Worker | None = None

    @property
    def poller(self) -> Poller:
        return Poller(self.desk, self.orchestrator)

    def repeat(self, name: str, seconds: float, function: Callable[[], object]) -> None:
        """Run a function again and again in a thread of its own; whatever it raises is logged."""

        def loop() -> None:
            wait = seconds
            while not self.stopping.is_set():
                try:
                    function()
                    self.beats[name] = time.time()
                    wait = seconds
                except TransientError as error:
                    asked = error.retry_after or 0.0
                    wait = max(min(max(2 * wait, 1.0), 300.0), min(asked, 3600.0))
                    _LOG.warning("%s: %s Again in %.0f s.", name, error.message, wait)
                except FirstmileError as error:
                    wait = max(seconds, 60.0)
                    _LOG.error("%s: %s %s", name, error.message, error.cure)
                except Exception:
                    wait = max(seconds, 5.0)
                    _LOG.exception("%s", name)
                self.stopping.wait(wait)

        self.beats[name] = 0.0
        threading.Thread(target=loop, name=name, daemon=True).start()

    def sweep(self) -> None:
        """Take over from dead workers, remind of questions, queue again what was lost."""
        now = self.desk.now()

        def is_dead(worker: str) -> bool:
            seen = self.desk.cursor(f"worker:{worker}")
            return seen is None or now - seen > _DEAD_SECONDS

        self.entries.take_over(is_dead)
        self.orchestrator.sweep(self.entries.alive)
        self.entries.forget(now - _KEEP_SECONDS)

    def beat(self) -> None:
        """Tell the others that this worker lives."""
        self.desk.move_cursor(f"worker:{self.name}", self.desk.now())


def open_service(settings: Settings, with_doors: bool = True) -> Service:
    """The service with its database, nothing running yet. Raises the errors of `crew.errors`."""
    state = settings.state.expanduser().resolve()
    state.mkdir(parents=True, exist_ok=True)
    engine = open_database(address_of(settings.database_url, state))
    make_tables(engine)
    Desk.prepare(engine)
    entries = Entries(engine)
    desk = Desk(engine, entries)
    stack = ExitStack()
    name = stack.enter_context(_worker_name(state))
    orchestrator = Orchestrator(desk, settings)
    doors = open_doors(settings, desk, orchestrator) if with_doors else Doors()
    return Service(settings, desk, entries, doors, orchestrator, name, stack=stack)


def ticket_summaries(settings: Settings) -> list[dict[str, Any]]:
    """The tickets on the desk, the latest changed first, with what language models were used."""
    service = open_service(settings, with_doors=False)
    records, used = service.desk.tickets(limit=10_000), service.desk.usage()
    service.stack.close()
    return [
        {
            "ticket": r.id,
            "state": r.state,
            "since": datetime.fromtimestamp(r.since, UTC).isoformat(timespec="seconds"),
            "title": r.request.title,
            "reason": r.reason,
            "pull_request": r.pull_request,
            "cost": dumped(used.get(r.id, Cost())),
        }
        for r in reversed(records)
    ]


def cancel_ticket(settings: Settings, id_: str) -> dict[str, str]:
    """Stop the work on a ticket. Raises InvalidInput for one that nobody knows."""
    service = open_service(settings, with_doors=False)
    record = service.orchestrator.cancel(id_, "the operator")
    service.stack.close()
    if record is None:
        raise InvalidInput(f"There is no ticket {id_!r}.", "`firstmile tickets` lists them.")
    return {"ticket": record.id, "state": record.state, "reason": record.reason}


def serve(settings: Settings, only: Sequence[str] = ()) -> None:
    """Serve until SIGTERM or SIGINT. Raises InvalidSettings if there is nothing to serve."""
    if unknown := set(only) - set(PARTS):
        raise InvalidSettings(
            f"There is no part {sorted(unknown)[0]!r} to serve.", f"Parts are {', '.join(PARTS)}."
        )
    parts = tuple(only) or PARTS
    service = open_service(settings, with_doors=bool({"pollers", "web"} & set(parts)))
    if not service.doors.by_name and "pollers" in parts:
        raise InvalidSettings(
            "No door is configured, so no request can come in.",
            "Add a section jira, notion or slack to firstmile.yml; docs/ shows each step by step.",
        )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stopping.set())
    server = start(service, parts)
    _LOG.info("serving %s as %s", ", ".join(parts), service.name)
    service.stopping.wait()
    stop(service, server)


def start(service: Service, parts: Sequence[str]) -> uvicorn.Server | None:
    """Start the parts; gives the web server if it is one of them."""
    if "pollers" in parts:
        _start_pollers(service)
    if "worker" in parts:
        _start_worker(service)
    if "web" not in parts:
        return None
    from triggers.web.app import start_web

    return start_web(service)


def _start_pollers(service: Service) -> None:
    doors, poller = service.doors, service.poller
    every = service.settings.queue.poll_seconds
    for name, door in doors.by_name.items():
        if name in doors.polled:
            service.repeat(f"poll {name}", every, partial(poller.poll, door))
    if (slack := doors.slack) and slack.socket_mode:
        service.stack.callback(slack.stop)
        service.repeat("slack", _SOCKET_SECONDS, slack.start_socket_mode)
    for name, pulls in doors.pulls.items():
        slower = max(every, _PULLS_SECONDS)
        service.repeat(f"poll {name}", slower, partial(poller.poll_pulls, name, pulls))
    postman = Postman(service.desk, doors.by_name, doors.pulls)
    for name in postman.reachable:
        service.repeat(f"post {name}", _POST_SECONDS, partial(_post, service, postman, name))
    service.repeat("sweep", _SWEEP_SECONDS, service.sweep)


def _post(service: Service, postman: Postman, door: str) -> None:
    while postman.deliver(door) and not service.stopping.is_set():
        continue


def _start_worker(service: Service) -> None:
    settings = service.settings
    places = Workplaces(settings, settings.queue.per_worker)
    service.stack.callback(places.close)
    service.worker = Worker(
        service.desk, service.orchestrator, places, service.name, stopping=service.stopping
    )
    for name in settings.projects or ("",):
        try:
            places.head(name)
        except FirstmileError as error:
            _LOG.error("dbt project %s: %s %s", name, error.message, error.cure)
    service.beat()
    queue = QueueWorker(service.desk.engine, settings.queue, service.name, service.worker)
    queue.start()
    service.repeat("worker", 15.0, service.beat)


def stop(service: Service, server: Any = None) -> None:
    """End: steps that run may end, up to a limit; what does not end is resumed by the next start."""
    service.stopping.set()
    if server is not None:
        server.should_exit = True
    worker, limit = service.worker, time.monotonic() + _STOP_SECONDS
    while worker and worker.busy and time.monotonic() < limit:
        time.sleep(0.1)
    service.stack.close()
    _LOG.info("stopped")


class _worker_name:
    """A name that no other worker has and that is the same after a restart: the machine's and the
    first number free in the state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._lock: TextIO | None = None

    def __enter__(self) -> str:
        machine = socket.gethostname()
        for number in range(1000):
            lock = (self._state / f"worker-{number}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            lock.write(str(os.getpid()))
            lock.flush()
            self._lock = lock
            return f"{machine}-{number}"
        raise InvalidSettings("A thousand workers share this state folder.", "Give each its own.")

    def __exit__(self, *_: object) -> None:
        if self._lock:
            self._lock.close()
