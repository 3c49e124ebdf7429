"""Health, metrics and webhooks, through the real application."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from crew.artifacts import Cost, Request
from crew.delivery.pulls import Pull
from crew.settings import Settings
from tests.orchestrator.paper import PaperDoor
from triggers.desk import Record
from triggers.doors import Doors
from triggers.durable_queue import wait_until
from triggers.serve import Service, open_service
from triggers.web.app import MAX_BYTES, make_app

SECRET = "hush"


class ReadPulls:
    """Notes which pull requests were read."""

    def __init__(self) -> None:
        self.read_numbers: list[int] = []

    def changed(self, seconds: float) -> Iterator[int]:
        return iter(())

    def read(self, number: int) -> Pull | None:
        self.read_numbers.append(number)
        return None

    def close_pull_request(self, branch: str, reason: str) -> bool:
        return True

    def answer(self, number: int, remark: str, author: str, text: str) -> None:
        return None

    def note(self, branch: str, text: str) -> None:
        return None

    def check(self) -> tuple[str, ...]:
        return ()


@pytest.fixture
def door() -> PaperDoor:
    return PaperDoor(name="jira")


@pytest.fixture
def pulls() -> ReadPulls:
    return ReadPulls()


@pytest.fixture
def service(tmp_path: Path, door: PaperDoor, pulls: ReadPulls) -> Iterator[Service]:
    service = open_service(Settings(state=tmp_path), with_doors=False)
    doors = Doors({"jira": door}, frozenset({"jira"}), {"firm/shop": pulls})
    yield replace(service, doors=doors)
    service.stack.close()


@pytest.fixture
def client(service: Service, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("FIRSTMILE_JIRA_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("FIRSTMILE_GITHUB_WEBHOOK_SECRET", SECRET)
    return TestClient(make_app(service))


def post(client: TestClient, path: str, body: Any, header: str, secret: str, **more: str) -> int:
    content = json.dumps(body).encode()
    signed = "sha256=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    headers = {header: signed, "content-type": "application/json", **more}
    return client.post(path, content=content, headers=headers).status_code


def jira_event(client: TestClient, secret: str = SECRET) -> int:
    body = {"webhookEvent": "jira:issue_updated", "issue": {"key": "T-1", "fields": {}}}
    return post(client, "/jira/events", body, "x-hub-signature", secret)


def test_a_jira_event_ten_times_queues_its_ticket_once(
    client: TestClient, service: Service, door: PaperDoor
) -> None:
    door.put("T-1")
    assert {jira_event(client) for _ in range(10)} == {202}
    assert wait_until(lambda: service.desk.ticket("jira:T-1") is not None, 10)
    assert service.desk.counts() == {"queued": 1}
    assert service.desk.outcomes() == {"": 1}


def test_nobody_unknown_is_let_in(
    client: TestClient, service: Service, door: PaperDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.put("T-1")
    assert jira_event(client, "guess") == 401
    assert client.post("/jira/events", content=b"{}").status_code == 401
    monkeypatch.delenv("FIRSTMILE_JIRA_WEBHOOK_SECRET")
    assert jira_event(client, "") == 401
    assert client.post("/jira/events", content=b"x" * (MAX_BYTES + 1)).status_code in (401, 413)
    assert door.calls == [] and service.desk.counts() == {}


def test_an_event_of_github_reads_the_pull_request_of_its_repository(
    client: TestClient, pulls: ReadPulls
) -> None:
    body: dict[str, Any] = {
        "action": "edited",
        "pull_request": {"number": 7, "head": {"ref": "firstmile/t-1-x"}},
        "number": 7,
        "repository": {"full_name": "firm/shop"},
    }
    event = {"x-github-event": "pull_request", "x-github-delivery": "1"}
    assert post(client, "/github/events", body, "x-hub-signature-256", SECRET, **event) == 202
    assert wait_until(lambda: pulls.read_numbers == [7], 10)
    other = {**body, "repository": {"full_name": "evil/shop"}}
    assert post(client, "/github/events", other, "x-hub-signature-256", SECRET, **event) == 202
    assert post(client, "/github/events", body, "x-hub-signature-256", "guess", **event) == 401
    assert pulls.read_numbers == [7]


def test_readiness_says_what_lacks_and_metrics_what_is(
    client: TestClient, service: Service
) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"ready": True, "problems": []}
    service.beats["poll jira"] = 0.0
    late = client.get("/readyz")
    assert late.status_code == 503 and "poll jira" in late.json()["problems"][0]
    assert "firstmile_untold 0.0" in client.get("/metrics").text


def test_metrics_say_what_language_models_were_used(client: TestClient, service: Service) -> None:
    request = Request(source="jira", key="D-1", title="Orders", body="")
    cost = Cost(
        llm_calls=3, unpriced_calls=1, prompt_tokens=900, cached_tokens=128, completion_tokens=40,
        usd=0.25,
    )  # fmt: skip
    ticket = Record(id="jira:D-1", source="jira", address="D-1", request=request)
    with service.desk.change() as change:
        queued = change.enqueue(ticket)
        change.end_run(queued.run, "delivered", cost)
        change.end_run(queued.run, "delivered", cost)  # told twice, it counts once
    told = client.get("/metrics").text
    for line in (
        'firstmile_llm_tokens_total{kind="prompt"} 900.0',
        'firstmile_llm_tokens_total{kind="cached"} 128.0',
        'firstmile_llm_tokens_total{kind="completion"} 40.0',
        "firstmile_llm_calls_total 3.0",
        "firstmile_llm_unpriced_calls_total 1.0",
        "firstmile_llm_usd_total 0.25",
    ):
        assert line in told
    assert service.desk.usage() == {"jira:D-1": cost}
