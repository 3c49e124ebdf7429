"""What the Notion door makes of a page, whatever stands on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from crew.errors import InvalidInput, InvalidSettings
from tests.servers.notion_case import PULL, VERSIONS, door, served, status
from tests.servers.notion_objects import BOT, identifier, mention, rich
from tests.servers.notion_server import NotionServer
from triggers.door import Head, Ticket
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


# --- reading -------------------------------------------------------------------------------------


@BOTH
def test_every_kind_of_block_that_carries_words_is_read(notion: NotionServer) -> None:
    page = notion.add("Churn")
    notion.put(page, "heading_2", "Why")
    notion.put(page, "paragraph", [*rich("Ask "), mention("mara"), *rich(" first", bold=True)])
    outer = notion.put(page, "bulleted_list_item", "by region")
    inner = notion.put(outer, "numbered_list_item", "north")
    notion.put(inner, "to_do", "and south", checked=True)
    toggle = notion.put(page, "toggle", "Details")
    notion.put(toggle, "code", "select 1", language="sql", caption=[])
    notion.put(page, "callout", "Until Friday", icon=None)
    columns = notion.put(page, "column_list")
    column = notion.put(columns, "column")
    notion.put(column, "quote", "said the boss")
    table = notion.put(page, "table", table_width=2, has_column_header=True, has_row_header=False)
    for cells in (("plan", "price"), ("basic", "5")):
        notion.put(table, "table_row", cells=[rich(cell) for cell in cells])
    original = notion.put(page, "synced_block", synced_from=None)
    notion.put(original, "paragraph", "Shared words")
    notion.put(page, "synced_block", synced_from={"type": "block_id", "block_id": original})
    notion.put(page, "equation", expression="a/b")
    child = notion.put(page, "child_page", title="Elsewhere")
    notion.put(child, "paragraph", "not of this request")
    assert read(notion, page).request.body == "\n\n".join(
        [
            "## Why",
            "Ask @Mara **first**",
            "- by region\n  1. north\n     - [x] and south",
            "Details",
            "```sql\nselect 1\n```",
            "> Until Friday",
            "> said the boss",
            "| plan | price |\n| --- | --- |\n| basic | 5 |",
            "Shared words",
            "Shared words",
            "`a/b`",
            "Elsewhere",
        ]
    )


def test_a_block_that_stands_in_itself_is_read_once(notion: NotionServer) -> None:
    page = notion.add()
    original = notion.put(page, "synced_block", synced_from=None)
    notion.put(original, "paragraph", "Round")
    notion.put(original, "synced_block", synced_from={"type": "block_id", "block_id": original})
    gone = {"type": "block_id", "block_id": identifier(77)}
    notion.put(page, "synced_block", synced_from=gone)
    assert read(notion, page).request.body == "Round"


@BOTH
def test_a_plain_row_costs_three_calls_once_the_people_are_known(notion: NotionServer) -> None:
    page, ours = notion.add(Priority="High", Project="shop"), door(
        notion, priority_property="Priority", project_property="Project"
    )  # fmt: skip
    notion.put(page, "paragraph", "Track churn")
    notion.say(page, "By region, please")
    read(notion, page, ours)
    notion.calls.clear()
    ticket = read(notion, page, ours)
    assert len(notion.calls) == 3
    assert (ticket.person, ticket.priority, ticket.project) == ("mara@example.com", 2, "shop")
    assert (ticket.request.key, ticket.request.requester) == ("DR-1", "Mara")
    assert ticket.request.comments[0].body == "By region, please"
    assert ticket.request.url == notion.pages[page]["url"]


def test_who_asks_is_told_by_the_property_that_says_so(notion: NotionServer) -> None:
    named, empty = notion.add(**{"Asked by": ["omar"]}), notion.add()
    ours = door(notion, requester_property="Asked by")
    assert read(notion, named, ours).person == "omar@example.com"
    assert read(notion, empty, ours).person == ""
    notion.capabilities.discard("read users")
    other = door(notion)
    assert read(notion, named, other).person == notion.pages[named]["created_by"]["id"]


def test_pages_without_a_number_or_a_word_are_told_apart_and_read(notion: NotionServer) -> None:
    notion.sources[notion.source] = {"Name": "title", "Status": "status"}
    first, second = (read(notion, notion.add("")) for _ in range(2))
    assert first.request.key == "notion-" + first.address.replace("-", "")
    assert first.request.title == first.request.key != second.request.key


def test_a_row_of_another_data_source_is_none_of_ours(notion: NotionServer) -> None:
    notion.sources[identifier(5)] = {"Name": "title"}
    assert door(notion).read(notion.add(source=identifier(5))) is None
    assert door(notion).read(identifier(6)) is None
    for address in ("", "DATA-1", "../users/me", "x" * 32):
        with pytest.raises(InvalidInput, match="no Notion page"):
            door(notion).read(address)


def test_a_database_stands_for_its_only_data_source(notion: NotionServer) -> None:
    page = notion.add()
    assert read(notion, page, door(notion, database=notion.database)).address == page
    notion.databases[notion.database] = [identifier(5), identifier(6)]
    with pytest.raises(InvalidSettings, match=f"2 data sources: 'Requests 1' .{identifier(5)}"):
        door(notion, database=notion.database).read(page)


# --- whether it is wanted ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written", "why_not"),
    [
        ("Requested", False, ""),
        ("Building", False, ""),
        ("Idea", False, "Its status is Idea, not Requested."),
        ("In review", False, "Its status is In review, not Requested."),
        ("In review", True, ""),
        ("Cancelled", True, "Its status is Cancelled."),
        ("Done", True, "It is done: its status is Done."),
        ("", False, "Its status is empty, not Requested."),
    ],
)
def test_what_people_make_of_the_status(
    notion: NotionServer, value: str, written: bool, why_not: str
) -> None:
    page, ours = notion.add(), door(notion, statuses={"working": "Building"})
    if written:
        ours.write(page, status())
    notion.set(page, "Status", value)
    ticket = read(notion, page, ours)
    assert (ticket.wanted, ticket.why_not) == (not why_not, why_not)


@BOTH
def test_a_row_in_the_trash_is_found_and_not_wanted(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion)
    ours.write(page, status())
    notion.pages[page]["in_trash"] = True
    assert [h.address for h in ours.changed(60)] == [page]
    ticket = read(notion, page, ours)
    assert (ticket.wanted, ticket.why_not) == (False, "It is in the trash.")


def test_a_comment_of_ours_that_was_resolved_does_not_stop_the_work(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion)
    ours.write(page, status())
    read(notion, page, ours)
    notion.comments[page].clear()  # the API shows open comments only
    notion.set(page, "Status", "In review")
    assert read(notion, page, ours).wanted


def test_what_we_write_is_no_news(notion: NotionServer) -> None:
    page = notion.add()
    ours = door(notion, statuses={"working": "Building"}, link_property="Pull request")
    notion.put(page, "paragraph", "Track churn")
    notion.say(page, "By region, please")
    before = read(notion, page, ours).request.revision
    ours.write(page, status())
    ours.show(page, "working", PULL)
    ticket = read(notion, page, ours)
    assert ticket.request.revision == before
    assert [c.ours for c in ticket.request.comments] == [False, True]
    settled(notion)
    version = read(notion, page, ours).version
    ours.write(page, status("**Working**"))
    assert list(ours.changed(60, [page])) == [Head(page, version)]


def test_nobody_passes_for_us(notion: NotionServer) -> None:
    page, ours = notion.add(), door(notion)
    ours.write(page, status())
    signed = notion.comments[page][0]["rich_text"]
    notion.say(page, [*rich("ignore this "), *signed])
    notion.say(page, "unsigned", BOT)
    assert [c.ours for c in read(notion, page, ours).request.comments] == [True, False, False]


# --- what cannot be relied on --------------------------------------------------------------------


def test_content_of_any_shape_crashes_nothing() -> None:
    with served(watched=False) as odd:
        for broken in (None, 5, "x", [], [None], {}, {"type": "status"}, {"type": [], "x": {}}):
            id_ = odd.add()
            odd.put(id_, "paragraph", "x")
            odd.say(id_, "x")
            odd.pages[id_]["properties"] |= {"Name": broken, "Status": broken, "ID": broken}
            odd.pages[id_] |= {"url": broken, "last_edited_time": broken, "created_by": broken}
            odd.blocks[id_][0] |= {"paragraph": broken, "type": broken or "paragraph"}
            odd.comments[id_][0] |= {"rich_text": broken, "created_by": broken, "id": broken}
            ours = door(odd, priority_property="Name", requester_property="Status",
                        project_property="ID")  # fmt: skip
            ticket = ours.read(id_)
            assert ticket is not None and ticket.request.title
            ours.write(id_, status())
            list(ours.changed(60, [id_]))
            odd.pages.clear()


def test_a_page_of_a_megabyte_is_cut_and_not_read_to_its_end(notion: NotionServer) -> None:
    page = notion.add()
    for _ in range(550):
        notion.put(page, "paragraph", "churn " * 333)
    body = read(notion, page).request.body
    assert 100_000 < len(body) < 100_100
    assert body.endswith("was cut.]")
    assert sum("/blocks/" in call for call in notion.calls) == 1


def test_a_page_of_endless_toggles_ends() -> None:
    with served(watched=False) as notion:
        page = notion.add()
        for number in range(250):
            toggle = notion.put(page, "toggle", f"T{number}")
            notion.put(toggle, "paragraph", "inside")
        body = read(notion, page).request.body
        assert body.endswith("[The rest of this page was not read.]")
        assert sum("/blocks/" in call for call in notion.calls) == 200


def test_five_thousand_comments_are_read() -> None:
    with served(watched=False) as many:
        page = many.add()
        for number in range(5000):
            many.say(page, f"Thought {number}")
        ours = door(many)
        ticket = read(many, page, ours)
        assert [c.body for c in ticket.request.comments][::4999] == ["Thought 0", "Thought 4999"]
        assert many.calls.count("GET /comments") == 50
        ours.write(page, status())
        assert len(many.comments[page]) == 5001


def test_emoji_and_right_to_left_words_arrive_as_they_are(notion: NotionServer) -> None:
    words = "مرحبا 👩‍👩‍👧 נטישה لكل منطقة"
    page = notion.add(words)
    notion.put(page, "paragraph", "\u202eevil\u202c " + words)
    notion.say(page, words)
    ours = door(notion)
    ours.write(page, status(words))
    request = read(notion, page, ours).request
    shown = words.replace("\u200d", "")
    assert (request.title, request.comments[0].body) == (shown, shown)
    assert request.body == f"evil {shown}"
    assert [c.ours for c in request.comments] == [False, True]
