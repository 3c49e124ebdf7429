"""The durable queue with its workers: real DBOS, on SQLite and on Postgres."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from crew.settings import QueueSettings, Settings
from tests.orchestrator.paper import PaperDoor
from tests.orchestrator.stub_crew import StubPlace, StubProjects, git, make_repository
from triggers.desk import Desk
from triggers.durable_queue import Entries, QueueWorker, wait_until
from triggers.orchestrator import Orchestrator
from triggers.postman import Postman
from triggers.worker import Worker


@dataclass
class Shop:
    desk: Desk
    orchestrator: Orchestrator
    entries: Entries
    door: PaperDoor
    place: StubPlace
    worker: Worker

    def receive(self, key: str, **more: str) -> str:
        record = self.orchestrator.receive(self.door.put(key, **more))
        assert record
        return record.run

    def settled(self) -> bool:
        return not {"queued", "working"} & set(self.desk.counts())

    def post(self) -> None:
        postman = Postman(self.desk, {"paper": self.door})
        while postman.deliver("paper"):
            pass


@pytest.fixture
def shop(engine: sa.Engine, tmp_path: Path) -> Iterator[Shop]:
    entries = Entries(engine)
    settings = Settings(queue=QueueSettings(per_worker=4))
    desk = Desk(engine, entries)
    orchestrator = Orchestrator(desk, settings)
    place = StubPlace(make_repository(tmp_path / "repository"))
    worker = Worker(desk, orchestrator, StubProjects(place), "worker-0")
    queue = QueueWorker(engine, settings.queue, "worker-0", worker, polling_seconds=0.05)
    queue.start()
    yield Shop(desk, orchestrator, entries, PaperDoor(), place, worker)
    queue.stop()
    worker.gone.set()


def test_each_ticket_gives_one_branch_and_one_comment(shop: Shop) -> None:
    keys = [f"T-{n}" for n in range(12)]
    for key in keys * 3:
        shop.receive(key, title=f"Orders of {key}")
    assert wait_until(shop.settled, 60)
    shop.post()
    assert shop.desk.counts() == {"delivered": len(keys)}
    repository = shop.place.repository
    assert repository
    branches = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/firstmile")
    assert branches.split() == sorted(f"firstmile/{k.lower()}" for k in keys)
    assert max(Counter(shop.place.worked).values()) == 1, "a step ran twice"
    assert {tuple(shop.door.kinds(k)) for k in keys} == {("status",)}


def test_two_runs_of_one_ticket_never_overlap(shop: Shop) -> None:
    shop.place.pause = 0.05
    overlaps, active, lock = [], Counter[str](), threading.Lock()
    work = shop.place.work

    def watched(request, listener, rework, durable, run_id):  # type: ignore[no-untyped-def]
        with lock:
            active[request.key] += 1
            overlaps.append(active[request.key])
        try:
            return work(request, listener, rework, durable, run_id)
        finally:
            with lock:
                active[request.key] -= 1

    shop.place.work = watched  # type: ignore[method-assign]
    for number in range(6):
        shop.receive("T-1", title=f"Orders {number}")
        time.sleep(0.15)
    assert wait_until(shop.settled, 60)
    assert max(overlaps) == 1
    repository = shop.place.repository
    assert repository
    assert git(repository, "show", "firstmile/t-1:models/fct_orders.sql") == "select 'Orders 5'"


def test_a_cancelled_run_stops_before_its_next_step(shop: Shop) -> None:
    shop.place.pause = 0.3
    shop.receive("T-1")
    assert wait_until(lambda: bool(shop.place.worked), 20)
    shop.orchestrator.cancel("paper:T-1", "Ada")
    time.sleep(1.5)
    assert len(shop.place.worked) <= 2
    assert shop.desk.counts() == {"cancelled": 1}
    assert wait_until(lambda: shop.worker.busy == 0, 10)


def test_urgent_requests_come_first(shop: Shop) -> None:
    shop.place.pause = 0.05
    for number in range(12):
        shop.receive(f"T-{number}")
    ticket = shop.door.put("U-1", priority=1)
    shop.orchestrator.receive(ticket)
    assert wait_until(shop.settled, 60)
    order = list(dict.fromkeys(w.split()[0] for w in shop.place.worked))
    assert order.index("U-1") < len(order) - 1, order


def test_a_stopped_worker_leaves_its_run_for_the_next_start(
    shop: Shop, engine: sa.Engine, tmp_path: Path
) -> None:
    shop.place.pause = 0.2
    run = shop.receive("T-1")
    assert wait_until(lambda: len(shop.place.worked) >= 2, 20)
    shop.worker.stopping.set()
    assert wait_until(lambda: shop.worker.busy == 0, 10)
    done = list(shop.place.worked)
    time.sleep(0.5)
    assert shop.place.worked == done and shop.entries.alive([run]) == {run}
    assert shop.entries.take_over(lambda worker: True) == [run]
    shop.worker.stopping.clear()
    assert wait_until(shop.settled, 30)
    assert shop.desk.counts() == {"delivered": 1}
    assert max(Counter(shop.place.worked).values()) == 1


def test_runs_that_ended_long_ago_are_forgotten(shop: Shop) -> None:
    shop.receive("T-1")
    assert wait_until(lambda: shop.settled() and not shop.entries.unfinished(), 30)
    assert shop.entries.forget(time.time() - 60) == 0
    assert shop.entries.forget(time.time() + 60) == 1
    assert shop.entries.forget(time.time() + 60) == 0
