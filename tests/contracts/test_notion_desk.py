"""Notion with a real desk behind it: what is read, queued, told and shown, again and again."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from crew.artifacts import Option, Question
from crew.records.database import address_of, open_database
from crew.result import empty_result
from crew.settings import Settings
from tests.orchestrator.paper import QueueOfPaper
from tests.servers.notion_case import PULL, door, served
from tests.servers.notion_server import NotionServer
from triggers.desk import Desk, Record
from triggers.doors import Doors
from triggers.durable_queue import make_tables, wait_until
from triggers.notion_door import NotionDoor
from triggers.notion_webhook import SECRET, TOKEN_FILE
from triggers.orchestrator import Orchestrator
from triggers.poller import Poller
from triggers.postman import Postman
from triggers.serve import open_service
from triggers.web.app import make_app

STATUSES = {"working": "Building", "delivered": "In review", "cancelled": "Cancelled"}
ASKED = Question(id="q", text="Which date?", options=(Option(label="A", meaning="created"),))


@dataclass
class Office:
    notion: NotionServer
    door: NotionDoor
    desk: Desk
    queue: QueueOfPaper

    @property
    def orchestrator(self) -> Orchestrator:
        return Orchestrator(self.desk, Settings())

    def poll(self) -> int:
        """A cycle, and what is told after it; gives how many pages were read."""
        read = Poller(self.desk, self.orchestrator).poll(self.door)
        while Postman(self.desk, {"notion": self.door}).deliver("notion"):
            pass
        return read

    def settle(self) -> None:
        """Time passes until nothing is read any more."""
        self.notion.clock_ahead += timedelta(minutes=1)
        self.poll()
        assert self.poll() == 0

    def record(self) -> Record:
        (record,) = self.desk.tickets()
        return record

    def finish(self, **result: object) -> None:
        record = self.record()
        self.orchestrator.begin(record.id, record.run)
        self.poll()
        self.orchestrator.finish(record.id, record.run, empty_result() | result)
        self.poll()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    engine = open_database(address_of("", tmp_path))
    make_tables(engine)
    Desk.prepare(engine)
    queue = QueueOfPaper()
    with served() as notion:
        ours = door(notion, statuses=STATUSES, link_property="Pull request")
        yield Office(notion, ours, Desk(engine, queue), queue)
    engine.dispose()


def test_a_row_is_worked_once_whatever_we_write_on_it(office: Office) -> None:
    page = office.notion.add()
    office.notion.put(page, "paragraph", "Orders per week")
    office.poll()
    assert office.notion.said(page)[0].startswith("Queued · DR-1")
    office.finish(
        outcome="delivered", branch="firstmile/x", commit="c1", pull_request=PULL, models=["x"]
    )
    office.settle()
    assert len(office.queue.runs) == 1
    assert len(office.notion.comments[page]) == 1
    assert office.notion.value(page, "Status") == "In review"
    assert office.notion.value(page, "Pull request") == PULL
    assert office.record().state == "delivered"


def test_an_answer_below_our_question_queues_the_work_again(office: Office) -> None:
    page = office.notion.add()
    office.poll()
    questions = [ASKED.model_dump(mode="json")]
    office.finish(outcome="needs_answers", questions=questions)
    office.settle()
    assert office.record().state == "waiting"
    assert [c.split(":")[0] for c in office.notion.said(page)][1] == "Please decide"
    office.notion.say(page, "A")
    assert office.poll() == 1
    assert len(office.queue.runs) == 2
    assert office.record().request.comments[-1].body == "A"


@pytest.mark.parametrize("way", ["status", "trash", "closed"])
def test_whatever_ends_a_row_stops_its_work(office: Office, way: str) -> None:
    page = office.notion.add()
    office.poll()
    if way == "trash":
        office.notion.pages[page]["in_trash"] = True
        office.notion.touch(page)
    else:
        office.notion.set(page, "Status", "Done" if way == "closed" else "Cancelled")
    office.poll()
    assert office.record().state == "cancelled"
    office.settle()
    assert len(office.queue.runs) == 1
    office.notion.pages[page]["in_trash"] = False
    office.notion.set(page, "Status", "Requested")
    office.poll()
    assert len(office.queue.runs) == 2


def test_an_edit_of_the_page_queues_it_anew_and_a_property_does_not(office: Office) -> None:
    page = office.notion.add()
    office.poll()
    office.notion.set(page, "Priority", "Done")
    office.settle()
    assert len(office.queue.runs) == 1
    office.notion.put(page, "paragraph", "By region")
    office.notion.touch(page)
    office.poll()
    assert len(office.queue.runs) == 2


def test_webhooks_bring_a_page_once_their_token_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.delenv(SECRET, raising=False)
    with served() as notion:
        page = notion.add()
        opened = open_service(Settings(state=tmp_path), with_doors=False)
        service = replace(opened, doors=Doors({"notion": door(notion)}, frozenset({"notion"})))
        client = TestClient(make_app(service))
        event = {"type": "page.created", "entity": {"type": "page", "id": page}}
        content = json.dumps(event).encode()
        signed = hmac.new(b"secret_token", content, hashlib.sha256).hexdigest()
        headers = {"X-Notion-Signature": f"sha256={signed}"}
        try:
            assert (
                client.post("/notion/events", content=content, headers=headers).status_code == 401
            )
            token = {"verification_token": "secret_token"}
            assert client.post("/notion/events", json=token).status_code == 202
            assert (tmp_path / TOKEN_FILE).read_text() == "secret_token\n"
            assert TOKEN_FILE in caplog.text and "secret_token" not in caplog.text
            monkeypatch.setenv(SECRET, "secret_token")
            assert (
                client.post("/notion/events", json={"verification_token": "x"}).status_code == 401
            )
            assert (tmp_path / TOKEN_FILE).read_text() == "secret_token\n"
            for _ in range(3):
                answer = client.post("/notion/events", content=content, headers=headers)
                assert answer.status_code == 202
            assert wait_until(lambda: bool(service.desk.tickets()), 5)
            assert [t.address for t in service.desk.tickets()] == [page]
        finally:
            service.stack.close()
