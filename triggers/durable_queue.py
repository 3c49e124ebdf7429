"""The durable queue: DBOS, whose workflow is one run of one request, and whose steps are the planner's.

A run is put into the queue within the transaction that changes its ticket. A worker that dies
leaves its runs where they were: it, or another one once it has not been seen for a while, goes on
after the last finished step.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig

from crew.ports import Durable
from crew.settings import QueueSettings

NAME = "firstmile"
_QUEUE = "requests"
_WORKFLOW = "request"
# Runs belong to the queue's own layout, not to a release of ours: a new release goes on with them.
_VERSION = "1"
_ALIVE = ("ENQUEUED", "DELAYED", "PENDING")
_LOG = logging.getLogger(__name__)
logging.getLogger("dbos").setLevel(logging.WARNING)


class Work(Protocol):
    """Works a run of a ticket and says in a word how it ended."""

    def __call__(self, ticket: str, run: str, durable: Durable) -> str: ...


class Entries:
    """The queue seen from outside: puts runs in, looks at them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._client = DBOSClient(
            system_database_engine=engine,
            application_name=NAME,
            lazy=True,
            retry_connection_errors=False,
        )

    def __call__(
        self, connection: sa.Connection, run: str, ticket: str, priority: int, delay: float
    ) -> None:
        """Put a run in; it is there once the transaction is committed."""
        options: Any = {
            "queue_name": _QUEUE,
            "workflow_name": _WORKFLOW,
            "workflow_id": run,
            "priority": priority,
            "app_version": _VERSION,
        }
        if delay > 0:
            options["delay_seconds"] = delay
        self._client.enqueue_in_transaction(connection, options, ticket)

    def alive(self, runs: Sequence[str]) -> set[str]:
        """Which of the runs wait or are worked on."""
        found: set[str] = set()
        for start in range(0, len(runs), 500):
            listed = self._client.list_workflows(
                workflow_ids=list(runs[start : start + 500]), load_input=False, load_output=False
            )
            found |= {w.workflow_id for w in listed if w.status in _ALIVE}
        return found

    def take_over(self, is_dead: Callable[[str], bool]) -> list[str]:
        """Queue again the runs of workers that are dead; gives the runs."""
        pending = self._client.list_workflows(status="PENDING", load_input=False)
        lost = [w.workflow_id for w in pending if w.executor_id and is_dead(w.executor_id)]
        if lost:
            _LOG.warning("taking over from a dead worker: %s", ", ".join(lost))
            self._client.resume_workflows(lost, queue_name=_QUEUE)
        return lost

    def unfinished(self) -> int:
        """How many runs wait or are worked on."""
        return len(self._client.list_workflows(status=list(_ALIVE), load_input=False))

    def forget(self, before: float, limit: int = 500) -> int:
        """Delete a number of the runs that ended before then; gives how many."""
        until = datetime.fromtimestamp(before, UTC).isoformat()
        old = self._client.list_workflows(
            completed_before=until, limit=limit, load_input=False, load_output=False
        )
        ended = [w.workflow_id for w in old if w.status not in _ALIVE]
        if ended:
            self._client.delete_workflows(ended)
        return len(ended)

    def close(self) -> None:
        self._client.destroy()


def make_tables(engine: sa.Engine) -> None:
    """The queue's tables; several processes may do so at once."""
    client = DBOSClient(system_database_engine=engine, lazy=True)
    client._sys_db.run_migrations()


class QueueWorker:
    """Takes runs out of the queue, in this process, from `start` until `stop`."""

    def __init__(
        self,
        engine: sa.Engine,
        settings: QueueSettings,
        name: str,
        work: Work,
        polling_seconds: float = 0.2,
    ) -> None:
        """`name` is unique among workers and the same after a restart."""
        config = DBOSConfig(
            name=NAME,
            system_database_engine=engine,
            application_version=_VERSION,
            executor_id=name,
            log_level="WARNING",
            use_listen_notify=False,
        )
        DBOS(config=config)
        self._engine, self._settings, self._polling_seconds = engine, settings, polling_seconds

        @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=20)
        def request(ticket: str) -> str:
            run = DBOS.workflow_id
            assert run is not None
            return work(ticket, run, _durable)

    def start(self) -> None:
        """Go on with what this worker left, then take new runs."""
        # Known before the launch, the queue is read at once and not a second later.
        settings = self._settings
        hourly = {"limit": settings.per_hour, "period": 3600.0} if settings.per_hour else None
        client = DBOSClient(system_database_engine=self._engine, application_name=NAME)
        client.register_queue(
            _QUEUE,
            worker_concurrency=settings.per_worker,
            global_concurrency=settings.total,
            limiter=hourly,  # type: ignore[arg-type]
            polling_interval_sec=self._polling_seconds,
        )
        DBOS.launch()

    def stop(self) -> None:
        DBOS.destroy(workflow_completion_timeout_sec=0)


def _durable(name: str, function: Callable[[], str]) -> str:
    """A step of the workflow: run once, its text kept."""
    return DBOS.run_step({"name": name}, function)


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
