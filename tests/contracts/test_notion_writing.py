"""What the Notion door writes: comments within the limits, the status, the link."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from crew.errors import HostRefused, InvalidSettings
from tests.servers.notion_case import PULL, VERSIONS, door, served, status
from tests.servers.notion_objects import BOT
from tests.servers.notion_server import NotionServer
from triggers.door import Message
from triggers.notion_text import rich_text_to_markdown
from triggers.notion_writer import markdown_to_rich_text

BOTH = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def version() -> str:
    return VERSIONS[0]


@pytest.fixture
def notion(version: str) -> Iterator[NotionServer]:
    with served(version) as server:
        yield server


@BOTH
def test_each_kind_has_one_comment_which_is_edited(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion)
    first = ours.write(page, status())
    question = ours.write(page, Message("question-1a2b3c4d", "Which region?"))
    assert ours.write(page, status("**Working**"), first) == first
    assert ours.write(page, status("**Ready**")) == first
    assert ours.write(page, status("**Ready**")) == first
    assert notion.said(page) == ["Ready\n\nFirstmile", "Which region?\n\nFirstmile"]
    assert question != first
    assert sum(call.startswith("PATCH") for call in notion.calls) == 2


def test_a_comment_that_somebody_deleted_is_written_anew(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion)
    known = ours.write(page, status())
    notion.comments[page].clear()
    again = ours.write(page, status(), known)
    assert again != known
    assert [c["id"] for c in notion.comments[page]] == [again]


def test_comments_of_others_are_never_edited(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion)
    ours.write(page, status())
    signed = notion.comments[page].pop()["rich_text"]
    notion.say(page, signed)
    notion.say(page, "of another tool", BOT)
    ours.write(page, status("**Working**"))
    assert notion.said(page) == ["Queued\n\nFirstmile", "of another tool", "Working\n\nFirstmile"]


def test_our_comment_is_known_by_a_link_without_its_host_too(notion: NotionServer) -> None:
    notion.relative_links = True
    page, ours = notion.add(), door(notion)
    made = ours.write(page, status())
    assert ours.write(page, status("**Working**")) == made
    ticket = ours.read(page)
    assert ticket is not None and [c.ours for c in ticket.request.comments] == [True]


def test_a_page_that_is_gone_takes_no_comment(notion: NotionServer) -> None:
    page = notion.add()
    del notion.pages[page]
    with pytest.raises(HostRefused, match="404"):
        door(notion).write(page, status())
    door(notion, statuses={"queued": "Building"}).show(page, "queued")
    assert notion.writes == []


@pytest.mark.parametrize(
    "text",
    [
        "churn " * 20_000,
        "😀" * 29_999,
        "**a** b " * 3000,
        "[a](https://example.com/x) " * 1000,
        "`x` " * 7000,
        "- **n**: [l](https://example.com)\n" * 60,
        "| a | b |\n| --- | --- |\n" + "| **1** | `2` |\n" * 300,
        "مرحبا **עולם**",
        "x" * 100_000,
    ],
    ids=["words", "emoji", "styles", "links", "code", "list", "table", "rtl", "megabyte"],
)
def test_a_comment_of_any_size_fits(notion: NotionServer, text: str) -> None:
    page = notion.add()
    door(notion).write(page, status(text))
    (comment,) = notion.comments[page]
    assert len(comment["rich_text"]) <= 100
    assert comment["rich_text"][-1]["plain_text"] == "Firstmile"
    if len(text) < 20_000:
        shown = {c for p in comment["rich_text"] for c in p["plain_text"]}
        assert {c for c in text if c.isalpha()} - {*"htpsexamplcom"} <= shown


@pytest.mark.parametrize(
    ("markdown", "plain", "again"),
    [
        ("# Title\n\nwords", "Title\n\nwords", "**Title**\n\nwords"),
        ("a **b** _c_ ~~d~~ `e`", "a b c d e", "a **b** _c_ ~~d~~ `e`"),
        ("- a\n- b\n  - c", "• a\n• b\n  • c", "• a\n• b\n  • c"),
        ("3. a\n4. b", "3. a\n4. b", "3. a\n4. b"),
        ("> a\n> b", "> a b", "> a b"),
        ("```sql\nselect 1\nfrom x\n```", "select 1\nfrom x", "select 1\nfrom x"),
        ("[x](https://a.b/c)", "x", "[x](https://a.b/c)"),
        ("[x](javascript:alert) <b>", "[x](javascript:alert) <b>", "[x](javascript:alert) <b>"),
        ("@everyone ![i](https://a.b/c.png)", "@everyone i", "@everyone i"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb", "a\n\n———\n\nb"),
        ("| a | b |\n| --- | --- |\n| 1 | 2 |", "a | b\n1 | 2", "**a** | **b**\n1 | 2"),
        ("", "", ""),
    ],
)
def test_markdown_becomes_rich_text(markdown: str, plain: str, again: str) -> None:
    parts = markdown_to_rich_text(markdown)
    assert "".join(p["text"]["content"] for p in parts) == plain
    assert rich_text_to_markdown(parts) == again


def test_status_and_link_are_shown_once(notion: NotionServer) -> None:
    page = notion.add()
    ours = door(notion, statuses={"delivered": "in review"}, link_property="Pull request")
    for _ in range(2):
        ours.show(page, "delivered", PULL, "Churn")
    assert (notion.value(page, "Status"), notion.value(page, "Pull request")) == ("In review", PULL)
    assert len(notion.writes) == 1
    ours.show(page, "working")
    assert notion.value(page, "Status") == "In review"


def test_nothing_is_shown_where_nothing_is_configured(notion: NotionServer) -> None:
    page = notion.add()
    door(notion).show(page, "delivered", PULL)
    door(notion, link_property="Pull request").show(page, "delivered", "/tmp/pull-request.md")
    assert notion.calls == []


def test_a_select_gets_no_new_option(notion: NotionServer) -> None:
    notion.sources[notion.source]["Status"] = "select"
    page = notion.add()
    ours = door(
        notion, statuses={"working": "Building", "delivered": "Cooking"},
        link_property="Pull request",
    )  # fmt: skip
    ours.show(page, "working")
    assert notion.value(page, "Status") == "Building"
    with pytest.raises(InvalidSettings, match="no option 'Cooking'; it has: Idea, Requested"):
        ours.show(page, "delivered", PULL)
    assert (notion.value(page, "Status"), notion.value(page, "Pull request")) == ("Building", PULL)


@pytest.mark.parametrize("value", ["Cancelled", "Done"])
def test_a_row_that_a_person_ended_stays_where_it_is(notion: NotionServer, value: str) -> None:
    page = notion.add(status=value)
    ours = door(notion, statuses={"cancelled": "Idea", "working": "Building"})
    ours.show(page, "cancelled")
    ours.show(page, "working")
    assert notion.value(page, "Status") == value
    notion.pages[page]["in_trash"] = True
    ours.show(page, "working")
    assert notion.writes == []


def test_what_is_set_on_cancelled_rows_does_not_bring_them_back(notion: NotionServer) -> None:
    page = notion.add()
    ours = door(notion, statuses={"cancelled": "Idea"})
    ours.write(page, status())
    ours.show(page, "cancelled")
    assert notion.value(page, "Status") == "Idea"
    ticket = ours.read(page)
    assert ticket is not None and not ticket.wanted
    notion.set(page, "Status", "Requested")
    ticket = ours.read(page)
    assert ticket is not None and ticket.wanted


def test_threads_share_the_limit_of_calls(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion, requests_per_second=50)
    ours.check()
    count, began = len(notion.calls), time.monotonic()
    threads = [threading.Thread(target=ours.read, args=(page,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= (len(notion.calls) - count - 1) / 50 * 0.95
