"""Databases, a door of paper and a desk for the tests of the orchestrator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crew.records.database import address_of, open_database
from crew.settings import Settings
from tests.orchestrator.paper import Clock, PaperDoor, QueueOfPaper
from tests.servers.postgres import new_database, running_postgres
from triggers.desk import Desk
from triggers.durable_queue import make_tables
from triggers.orchestrator import Orchestrator
from triggers.poller import Poller
from triggers.postman import Postman


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_postgres(tmp_path_factory.mktemp("pg")) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that is supported."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'desk.sqlite'}"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(address_of(database_url, tmp_path))
    make_tables(engine)
    Desk.prepare(engine)
    yield engine
    engine.dispose()


@dataclass
class Office:
    """Everything between a door and the queue, with a clock that is set by hand."""

    desk: Desk
    orchestrator: Orchestrator
    door: PaperDoor
    postman: Postman
    poller: Poller
    clock: Clock
    queue: QueueOfPaper
    told: list[tuple[Any, ...]] = field(default_factory=list)

    def close_pull_request(self, branch: str, reason: str) -> bool:
        self.told.append(("close", branch, reason))
        return True

    def answer(self, number: int, remark: str, author: str, text: str) -> None:
        self.told.append(("answer", number, remark, author, text))

    def note(self, branch: str, text: str) -> None:
        self.told.append(("note", branch, text))

    def post(self) -> None:
        for door in ("paper", "github"):
            while self.postman.deliver(door):
                pass

    def run(self, id_: str = "paper:T-1") -> str:
        record = self.desk.ticket(id_)
        assert record is not None
        return record.run


def make_office(engine: sa.Engine, **settings: Any) -> Office:
    clock, queue, door = Clock(), QueueOfPaper(), PaperDoor()
    desk = Desk(engine, queue, clock)
    orchestrator = Orchestrator(
        desk, Settings(to="github", github={"repository": "firm/shop"}, **settings)
    )
    office = Office(
        desk, orchestrator, door, Postman(desk, {"paper": door}), Poller(desk, orchestrator),
        clock, queue,
    )  # fmt: skip
    office.postman = Postman(desk, {"paper": door}, {"firm/shop": office})
    return office


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return make_office(engine)
