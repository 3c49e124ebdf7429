"""The Jira door when Jira is down, slow, forgetful or locked."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from crew.errors import HostRefused, HostUnavailable, InvalidSettings
from tests.servers.contract import Contract
from tests.servers.jira_case import ALLOWED, DOCUMENT, PULL, door, served, settings, status
from tests.servers.jira_server import Answer, Fault, JiraServer, problem
from triggers.jira_calls import JiraCalls

BOTH = pytest.mark.parametrize("kind", ["cloud", "server"])


@pytest.fixture
def kind() -> str:
    return "cloud"


@pytest.fixture
def jira(kind: str) -> Iterator[JiraServer]:
    with served(kind) as server:
        yield server


PAGE = {"Content-Type": "text/html"}
UNAVAILABLE = {
    "500": problem(500, "Internal server error"),
    "500 odd": Answer(500, [1]),
    "502 page": Answer(502, "<html>Bad gateway</html>", PAGE),
    "503 null": Answer(503, b"null"),
    "404 page": Answer(404, "<html>Site unavailable</html>", PAGE),
    "404 gateway": Answer(404, {"errorMessage": "Site temporarily unavailable"}),
    "200 page": Answer(200, "<html>Log in</html>", PAGE),
}


@BOTH
@pytest.mark.parametrize("name", UNAVAILABLE)
def test_a_service_that_is_down_is_tried_later_and_no_ticket_is_gone(
    jira: JiraServer, name: str
) -> None:
    jira.add("DATA-1")
    jira.faults = [Fault(".*", UNAVAILABLE[name], times=9)]
    ours = door(jira)
    for call in (
        lambda: ours.read("DATA-1"),
        lambda: list(ours.changed(60)),
        lambda: ours.show("DATA-1", "queued"),
        lambda: ours.write("DATA-1", status()),
        ours.check,
    ):
        count = len(jira.calls)
        with pytest.raises(HostUnavailable):
            call()  # type: ignore[no-untyped-call]
        assert len(jira.calls) == count + 1


@BOTH
@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("date", 30.0), (None, None), ("soon", None), ("-3", None),
     ("nan", None), ("1e99", 86_400.0)],
)  # fmt: skip
def test_the_wish_to_wait_is_passed_on(
    jira: JiraServer, value: str | None, seconds: float | None
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)  # not our clock's time
    if value == "date":
        value = format_datetime(now + timedelta(seconds=30), usegmt=True)
    headers = {"Date": format_datetime(now, usegmt=True)}
    headers |= {"Retry-After": value} if value else {}
    jira.add("DATA-1")
    jira.faults = [Fault("POST .*", Answer(429, {"errorMessages": ["Slow down"]}, headers))]
    with pytest.raises(HostUnavailable, match="429") as caught:
        door(jira).write("DATA-1", status())
    assert caught.value.retry_after == (pytest.approx(seconds) if seconds else None)
    assert jira.writes == ["POST /issue/DATA-1/comment"]


@BOTH
@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_lost_connection_makes_no_second_comment(jira: JiraServer, takes_effect: bool) -> None:
    jira.add("DATA-1")
    jira.faults = [Fault("POST .*/comment", takes_effect=takes_effect)]
    with pytest.raises(HostUnavailable, match="no answer"):
        door(jira).write("DATA-1", status())
    assert len(jira.comments["DATA-1"]) == int(takes_effect)
    assert sum(call.startswith("POST") for call in jira.calls) == 1
    made = door(jira).write("DATA-1", status())
    assert [c["id"] for c in jira.comments["DATA-1"]] == [made]


@BOTH
@pytest.mark.parametrize("call", ["PUT .*", "POST .*remotelink", "POST .*transitions"])
@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_lost_reply_to_showing_is_made_up_for_by_showing_again(
    jira: JiraServer, call: str, takes_effect: bool
) -> None:
    jira.add("DATA-1")
    jira.ways = {"To Do": ("Review",)}
    jira.faults = [Fault(call, takes_effect=takes_effect)]
    ours = door(jira, statuses={"delivered": "Review"})
    with pytest.raises(HostUnavailable):
        ours.show("DATA-1", "delivered", PULL)
    ours.show("DATA-1", "delivered", PULL)
    assert jira.field("DATA-1", "labels") == ["firstmile", "firstmile-claimed"]
    assert jira.field("DATA-1", "status")["name"] == "Review"
    assert len(jira.links) == 1


@BOTH
def test_half_a_page_is_no_page(jira: JiraServer) -> None:
    jira.add("DATA-1")
    jira.attach("DATA-1", "a.csv", b"a,b\n" * 1000)
    for call in ("GET /search.*", "GET /issue/DATA-1", "GET .*attachment.*"):
        jira.faults = [Fault(call, half=True)]
        with pytest.raises(HostUnavailable):
            [door(jira).read(h.address) for h in door(jira).changed(60)]
    assert door(jira).read("DATA-1")


@BOTH
@pytest.mark.parametrize("visitors_see_nothing", [False, True])
def test_an_expired_token_never_looks_like_a_deleted_ticket(
    jira: JiraServer, visitors_see_nothing: bool
) -> None:
    jira.add("DATA-1")
    jira.visitors_see_nothing = visitors_see_nothing
    ours = door(jira, token="expired-token-123")
    for call in (lambda: ours.read("DATA-1"), lambda: list(ours.changed(60)), ours.check):
        with pytest.raises(InvalidSettings, match="not accepted") as caught:
            call()  # type: ignore[no-untyped-call]
        assert "FIRSTMILE_JIRA_TOKEN" in caught.value.cure
        assert "expired-token-123" not in "".join(traceback.format_exception(caught.value))


@BOTH
def test_a_lacking_permission_is_named(jira: JiraServer) -> None:
    jira.add("DATA-1")
    jira.permissions = {"BROWSE_PROJECTS"}
    with pytest.raises(HostRefused, match="permission to comment"):
        door(jira).write("DATA-1", status())
    with pytest.raises(InvalidSettings, match="label DATA-1: 403") as caught:
        door(jira).show("DATA-1", "queued")
    assert "permissions" in caught.value.cure
    jira.faults = [Fault("GET /issue.*", Answer(403, "<html>forbidden</html>", PAGE))]
    with pytest.raises(InvalidSettings, match="403"):
        door(jira).read("DATA-1")


def test_a_dead_or_silent_server_holds_nobody_up(jira: JiraServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        slow = door(jira, url=f"http://127.0.0.1:{port}", timeout_seconds=0.3)
        with pytest.raises(HostUnavailable, match="no answer"):
            slow.read("DATA-1")
    with pytest.raises(HostUnavailable, match="no answer"):
        slow.read("DATA-1")
    assert time.monotonic() - began < 3


@BOTH
def test_a_write_is_not_sent_on_to_another_address(jira: JiraServer) -> None:
    jira.add("DATA-1")
    moved = Answer(302, None, {"Location": f"{jira.url}/rest/api/{jira.version}/myself"})
    jira.faults = [Fault("POST .*", moved)]
    with pytest.raises(InvalidSettings, match="another address"):
        door(jira).write("DATA-1", status())
    assert jira.comments["DATA-1"] == []


def test_what_strays_from_the_contract_is_found() -> None:
    contract = Contract(DOCUMENT, ALLOWED)
    with JiraServer() as jira, contract.watching(jira.url):
        jira.add("DATA-1", reporter=5)
        calls = JiraCalls(settings(jira))
        calls.get("try", "issue/DATA-1", fields="summary", nope="1")
        calls.put("try", "issue/DATA-1", {"update": {"labels": []}, "fields": []})
        jira.faults = [Fault("GET /myself", Answer(200, {"accountId": 5}))]
        calls.get("try", "myself")
        httpx.get(f"{jira.url}/rest/api/3/nowhere", auth=(jira.user, jira.token))
    assert [f.split(": ")[0] for f in contract.findings] == [
        "request GET /rest/api/3/issue/DATA-1",
        "request PUT /rest/api/3/issue/DATA-1",
        "reply 200 to GET /rest/api/3/myself",
        "request GET /rest/api/3/nowhere",
        "reply 404 to GET /rest/api/3/nowhere",
    ]
    assert contract.used >= {"GET /rest/api/3/issue/{issueIdOrKey}", "GET /rest/api/3/myself"}
