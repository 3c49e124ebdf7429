"""The Notion door on both versions of the API, against a server held to the published contract."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from crew.errors import FirstmileError, InvalidSettings
from tests.servers.notion_case import VERSIONS, door, served
from tests.servers.notion_objects import identifier
from tests.servers.notion_server import NotionServer
from triggers.door import Door, Head, Ticket
from triggers.notion_door import NotionDoor

BOTH = pytest.mark.parametrize("version", VERSIONS)
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def version() -> str:
    return VERSIONS[0]


@pytest.fixture
def notion(version: str) -> Iterator[NotionServer]:
    with served(version) as server:
        yield server


def read(notion: NotionServer, page: str, ours: NotionDoor | None = None) -> Ticket:
    ticket = (ours or door(notion)).read(page)
    assert ticket is not None
    return ticket


def settled(notion: NotionServer) -> None:
    """The minute of the last change passes."""
    notion.clock_ahead += timedelta(minutes=1)


# --- what changed --------------------------------------------------------------------------------


def test_a_poll_costs_what_changed_and_not_what_waits(notion: NotionServer) -> None:
    for number in range(10_000):
        page = notion.add(f"Wish {number}")
        notion.touch(page, ago=LONG_AGO)
    new = notion.add("New")
    ours = door(notion)
    assert list(ours.changed(60)) == [Head(new, notion.pages[new]["last_edited_time"])]
    notion.calls.clear()
    list(ours.changed(60))
    assert notion.calls == [f"POST /data_sources/{notion.source}/query"] * 2


def test_all_pages_of_rows_are_read_the_oldest_change_first(notion: NotionServer) -> None:
    notion.page_limit = 7
    pages = [notion.add() for _ in range(30)]
    for minutes, page in enumerate(reversed(pages)):
        notion.touch(page, ago=timedelta(minutes=minutes))
    assert [h.address for h in door(notion).changed(3600)] == pages


def test_a_row_is_read_again_until_no_change_can_hide_in_its_minute(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion)
    for _ in range(2):
        ticket = read(notion, page, ours)
        (head,) = ours.changed(60)
        assert head.version != ticket.version
    settled(notion)
    ticket = read(notion, page, ours)
    assert list(ours.changed(60)) == [Head(page, ticket.version)]
    notion.set(page, "Name", "Churn by region")
    (head,) = ours.changed(60)
    assert head.version != ticket.version


@pytest.mark.parametrize("ahead", [timedelta(hours=9), timedelta(days=-2)])
def test_no_clock_but_notions_counts(notion: NotionServer, ahead: timedelta) -> None:
    notion.clock_ahead = ahead
    new, old = notion.add(), notion.add()
    notion.touch(old, ago=timedelta(minutes=10))
    ours = door(notion)
    assert [h.address for h in ours.changed(30)] == [new]
    assert [h.address for h in ours.changed(900)] == [old, new]


def test_a_comment_is_seen_only_where_an_answer_is_waited_for(notion: NotionServer) -> None:
    page, quiet = notion.add(), notion.add()
    notion.touch(page, ago=LONG_AGO)
    notion.touch(quiet, ago=LONG_AGO)
    ours = door(notion)
    before = {p: read(notion, p, ours).version for p in (page, quiet)}
    assert list(ours.changed(60)) == []
    notion.calls.clear()
    assert list(ours.changed(60, [page, quiet])) == [Head(p, before[p]) for p in (page, quiet)]
    assert notion.calls.count("GET /comments") == 2
    notion.say(page, "By region, please")
    versions = {h.address: h.version for h in ours.changed(60, [page, quiet])}
    assert versions[page] != before[page]
    assert versions[quiet] == before[quiet]
    assert read(notion, page, ours).version == versions[page]


def test_an_answer_is_seen_at_once_even_if_the_row_changed_just_before(
    notion: NotionServer,
) -> None:
    page, ours = notion.add(), door(notion)
    settled(notion)
    version = read(notion, page, ours).version
    assert list(ours.changed(60, [page])) == [Head(page, version)]
    notion.say(page, "By region, please")
    (head,) = ours.changed(60, [page])
    assert (head.address, head.version == version) == (page, False)


def test_of_many_comments_a_poll_reads_the_last_list_alone(notion: NotionServer) -> None:
    notion.page_limit = 5
    page, ours = notion.add(), door(notion)
    for number in range(23):
        notion.say(page, f"Thought {number}")
    settled(notion)
    version = read(notion, page, ours).version
    notion.calls.clear()
    assert list(ours.changed(60, [page])) == [Head(page, version)]
    assert notion.calls.count("GET /comments") == 1
    notion.say(page, "And one more")
    (head,) = ours.changed(60, [page])
    assert head.version != version
    notion._cursors.clear()
    assert [h.version for h in ours.changed(60, [page])] == [""]


def test_after_a_restart_what_waits_is_read_once(notion: NotionServer) -> None:
    page = notion.add()
    notion.touch(page, ago=LONG_AGO)
    version = read(notion, page).version
    ours = door(notion)
    assert list(ours.changed(60, [page])) == [Head(page, "")]
    assert read(notion, page, ours).version == version
    assert list(ours.changed(60, [page])) == [Head(page, version)]


def test_rows_of_others_are_looked_at_once_for_each_change(notion: NotionServer) -> None:
    page, ours = notion.add(status="Idea"), door(notion)
    settled(notion)
    assert [h.address for h in ours.changed(60)] == [page]
    notion.put(page, "paragraph", "Not yet")
    notion.calls.clear()
    assert read(notion, page, ours).wanted is False
    assert not [c for c in notion.calls if "/blocks/" in c]
    assert list(ours.changed(60)) == []
    notion.set(page, "Status", "Requested")
    assert [h.address for h in ours.changed(60)] == [page]


def test_calls_keep_to_three_a_second(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion, requests_per_second=3)
    began = time.monotonic()
    read(notion, page, ours)
    assert len(notion.calls) >= 4
    assert time.monotonic() - began >= (len(notion.calls) - 1) / 3 * 0.99


# --- whether it works at all ---------------------------------------------------------------------


@BOTH
def test_a_door_that_works_says_so(notion: NotionServer) -> None:
    notion.add()
    ours: Door = door(notion, statuses={"working": "Building"}, link_property="Pull request")
    said = " ".join(ours.check())
    assert notion.version in said
    assert "the connection is Firstmile" in said
    assert notion.writes == []


def test_everything_that_lacks_is_named_at_once(notion: NotionServer) -> None:
    notion.add()
    notion.capabilities.discard("read comments")
    ours = door(
        notion, link_property="Priority", priority_property="Urgency", requested=["Wanted"],
        statuses={"working": "Cooking"}, glossary=notion.source,
        glossary_properties={"definition": "Meaning"},
    )  # fmt: skip
    with pytest.raises(InvalidSettings) as caught:
        ours.check()
    for words in (
        "'Priority' (notion.link_property) is of type select; it must be url",
        "no property 'Urgency' (notion.priority_property)",
        "no option 'Wanted' (notion.requested); it has: Idea, Requested",
        "no option 'Cooking' (notion.statuses)",
        "capability Read comments",
        "no property 'Meaning'",
    ):
        assert words in caught.value.message


def test_a_data_source_that_is_not_shared_is_said_to_be_so(notion: NotionServer) -> None:
    ours = door(notion, data_source=identifier(8))
    for call in (ours.check, lambda: list(ours.changed(60))):
        with pytest.raises(InvalidSettings, match="no data source") as caught:
            call()  # type: ignore[operator]
        assert "Connections" in caught.value.cure
    with pytest.raises(FirstmileError, match="no database"):
        door(notion, database=identifier(8)).check()
