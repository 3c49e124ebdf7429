"""The Notion door when Notion is down, slow, forgetful or locked."""

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
from tests.servers.notion_case import (
    ALLOWED,
    PULL,
    VERSIONS,
    document,
    door,
    served,
    settings,
    status,
)
from tests.servers.notion_server import NotionServer
from tests.servers.notion_wire import Answer, Fault, problem
from triggers.notion_calls import NotionCalls


@pytest.fixture
def notion() -> Iterator[NotionServer]:
    with served() as server:
        yield server


PAGE = {"Content-Type": "text/html"}
BUSY = problem(429, "rate_limited", "You have been rate limited.").answer
UNAVAILABLE = {
    "429": BUSY,
    "500": problem(500, "internal_server_error", "Unexpected.").answer,
    "500 odd": Answer(500, [1]),
    "502 page": Answer(502, "<html>Bad gateway</html>", PAGE),
    "503 null": Answer(503, "null"),
    "404 page": Answer(404, "<html>Site unavailable</html>", PAGE),
    "409": problem(409, "conflict_error", "Conflict occurred while saving.").answer,
    "200 page": Answer(200, "<html>Log in</html>", PAGE),
    "200 list": Answer(200, [], PAGE),
}


@pytest.mark.parametrize("name", UNAVAILABLE)
def test_a_service_that_is_down_is_tried_later_and_no_page_is_gone(
    notion: NotionServer, name: str
) -> None:
    page = notion.add()
    ours = door(notion, statuses={"queued": "Building"})
    ours.read(page)
    notion.faults = [Fault(".*", UNAVAILABLE[name], times=9)]
    for call in (
        lambda: ours.read(page),
        lambda: list(ours.changed(60)),
        lambda: ours.show(page, "queued"),
        lambda: ours.write(page, status()),
        ours.check,
    ):
        count = len(notion.calls)
        with pytest.raises(HostUnavailable):
            call()  # type: ignore[no-untyped-call]
        assert len(notion.calls) == count + 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("date", 30.0), (None, None), ("soon", None), ("-3", None),
     ("1e99", 86_400.0)],
)  # fmt: skip
def test_the_wish_to_wait_is_passed_on(
    notion: NotionServer, value: str | None, seconds: float | None
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)  # not our clock's time
    if value == "date":
        value = format_datetime(now + timedelta(seconds=30), usegmt=True)
    headers = {"Date": format_datetime(now, usegmt=True)}
    headers |= {"Retry-After": value} if value else {}
    page = notion.add()
    notion.faults = [Fault("POST /comments", Answer(429, BUSY.body, headers))]
    with pytest.raises(HostUnavailable, match="429 You have been") as caught:
        door(notion).write(page, status())
    assert caught.value.retry_after == (pytest.approx(seconds) if seconds else None)
    assert notion.writes == ["POST /comments"]


@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_lost_connection_makes_no_second_comment(
    notion: NotionServer, takes_effect: bool
) -> None:
    page = notion.add()
    notion.faults = [Fault("POST /comments", takes_effect=takes_effect)]
    with pytest.raises(HostUnavailable, match="no answer"):
        door(notion).write(page, status())
    assert len(notion.comments[page]) == int(takes_effect)
    assert notion.writes == ["POST /comments"]
    made = door(notion).write(page, status())
    assert [c["id"] for c in notion.comments[page]] == [made]


@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_lost_reply_to_an_edit_is_made_up_for(notion: NotionServer, takes_effect: bool) -> None:
    page, ours = notion.add(), door(notion)
    made = ours.write(page, status())
    notion.faults = [Fault("PATCH /comments/.*", takes_effect=takes_effect)]
    for known in (made, ""):
        try:
            assert ours.write(page, status("**Working**"), known) == made
        except HostUnavailable:
            assert known
    assert notion.said(page) == ["Working\n\nFirstmile"]


@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_lost_reply_to_showing_is_made_up_for_by_showing_again(
    notion: NotionServer, takes_effect: bool
) -> None:
    page = notion.add()
    notion.faults = [Fault("PATCH /pages/.*", takes_effect=takes_effect)]
    ours = door(notion, statuses={"delivered": "In review"}, link_property="Pull request")
    with pytest.raises(HostUnavailable):
        ours.show(page, "delivered", PULL)
    for _ in range(2):
        ours.show(page, "delivered", PULL)
    assert (notion.value(page, "Status"), notion.value(page, "Pull request")) == ("In review", PULL)
    assert len(notion.writes) == (1 if takes_effect else 2)


def test_half_a_page_is_no_page(notion: NotionServer) -> None:
    page = notion.add()
    notion.put(page, "paragraph", "Track churn")
    for call in (".*/query", "GET /pages/.*", "GET /blocks/.*", "GET /comments"):
        notion.faults = [Fault(call, half=True)]
        with pytest.raises(HostUnavailable):
            [door(notion).read(h.address) for h in door(notion).changed(60)]
    assert door(notion).read(page)


def test_where_one_list_of_rows_fails_none_is_given(notion: NotionServer) -> None:
    notion.page_limit = 2
    for _ in range(5):
        notion.add()
    notion.faults = [Fault(".*/query", UNAVAILABLE["500"], spared=1)]
    with pytest.raises(HostUnavailable, match="500 Unexpected"):
        next(door(notion).changed(60))


def test_an_expired_token_never_looks_like_a_deleted_page(notion: NotionServer) -> None:
    page = notion.add()
    ours = door(notion, token="ntn_expired_123")
    for call in (lambda: ours.read(page), lambda: list(ours.changed(60)), ours.check):
        with pytest.raises(InvalidSettings, match="not accepted") as caught:
            call()  # type: ignore[no-untyped-call]
        assert "FIRSTMILE_NOTION_TOKEN" in caught.value.cure
        assert "ntn_expired_123" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("capability", "what"),
    [
        ("read comments", "list the comments of"),
        ("insert comments", "comment on"),
        ("update content", "show on"),
    ],
)
def test_a_lacking_capability_is_named(notion: NotionServer, capability: str, what: str) -> None:
    page = notion.add()
    notion.capabilities.discard(capability)
    ours = door(notion, statuses={"queued": "Building"})
    with pytest.raises(InvalidSettings, match=f"{what}.*403 .*{capability}") as caught:
        ours.write(page, status())
        ours.show(page, "queued")
    assert "docs/notion.md" in caught.value.cure


def test_what_notion_does_not_take_is_said_in_its_words(notion: NotionServer) -> None:
    page = notion.add()
    ours = door(notion, link_property="Homepage")
    with pytest.raises(HostRefused, match="400 Homepage is not a property that exists"):
        ours.show(page, "delivered", PULL)


def test_a_dead_or_silent_server_holds_nobody_up(notion: NotionServer) -> None:
    page = notion.add()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        slow = door(notion, url=f"http://127.0.0.1:{port}", timeout_seconds=0.3)
        with pytest.raises(HostUnavailable, match="no answer"):
            slow.read(page)
    with pytest.raises(HostUnavailable, match="no answer"):
        slow.read(page)
    assert time.monotonic() - began < 3


def test_a_write_is_not_sent_on_to_another_address(notion: NotionServer) -> None:
    page = notion.add()
    notion.faults = [Fault("POST .*", Answer(302, None, {"Location": f"{notion.url}/v1/users/me"}))]
    with pytest.raises(InvalidSettings, match="another address"):
        door(notion).write(page, status())
    assert notion.comments[page] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_strays_from_the_contract_is_found(version: str) -> None:
    contract = Contract(document(version), ALLOWED)
    with NotionServer(version) as notion, contract.watching(notion.url):
        page = notion.add()
        calls = NotionCalls(settings(notion))
        calls.send("try", lambda c: c.comments.list(block_id=page, page_size=1))
        assert contract.findings == []
        notion.pages[page]["surprise"] = 1
        calls.send("try", lambda c: c.pages.retrieve(page))
        wrong = {"Status": {"status": {"name": "Idea"}, "colour": "red"}}
        calls.send("try", lambda c: c.pages.update(page, properties=wrong))
        many = [{"text": {"content": "x"}}] * 101
        calls.send("try", lambda c: c.comments.create(parent={"page_id": page}, rich_text=many))
        httpx.get(f"{notion.url}/v1/nowhere")
    said = " | ".join(contract.findings)
    for words in (
        f"reply 200 to GET /v1/pages/{page}",
        f"request PATCH /v1/pages/{page}",
        "request POST /v1/comments",
        "request GET /v1/nowhere",
    ):
        assert words in said
