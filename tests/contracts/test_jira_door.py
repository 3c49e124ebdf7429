"""The Jira door on Cloud and Data Center, against a server held to the published contract."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from crew.errors import FirstmileError, InvalidInput, InvalidSettings
from tests.servers.jira_case import door, rich, served, settings, status
from tests.servers.jira_server import JiraServer
from triggers.door import Door, Ticket
from triggers.jira_calls import JiraCalls

BOTH = pytest.mark.parametrize("kind", ["cloud", "server"])


@pytest.fixture
def kind() -> str:
    return "cloud"


@pytest.fixture
def jira(kind: str) -> Iterator[JiraServer]:
    with served(kind) as server:
        yield server


def read(jira: JiraServer, key: str = "DATA-1", **values: Any) -> Ticket:
    ticket = door(jira, **values).read(key)
    assert ticket is not None
    return ticket


# --- what changed --------------------------------------------------------------------------------


@BOTH
def test_a_poll_finds_what_changed_in_one_call_however_much_waits(jira: JiraServer) -> None:
    for number in range(1, 60):
        jira.add(f"DATA-{number}")
        jira.touch(f"DATA-{number}", ago=timedelta(hours=1))
    jira.touch("DATA-7")
    jira.touch("DATA-3")
    heads = list(door(jira).changed(60, [f"DATA-{n}" for n in range(1, 60)]))
    assert [h.address for h in heads] == ["DATA-7", "DATA-3"]
    assert heads[0].version == jira.field("DATA-7", "updated")
    assert len(jira.calls) == 1


@BOTH
def test_all_pages_are_read_oldest_change_first(jira: JiraServer) -> None:
    jira.page_limit = 7
    for number in range(1, 31):
        jira.add(f"DATA-{number}")
    assert [h.address for h in door(jira).changed(0)] == [f"DATA-{n}" for n in range(1, 31)]
    assert len(jira.calls) == 5


@BOTH
def test_what_changes_while_pages_are_read_hides_no_other(jira: JiraServer) -> None:
    jira.page_limit = 5
    for number in range(1, 16):
        jira.add(f"DATA-{number}")
    ordered = 'labels = "firstmile" ORDER BY updated DESC'
    issues = JiraCalls(settings(jira)).search(ordered, "updated")
    first = [next(issues)["key"] for _ in range(5)]
    jira.touch("DATA-2")
    assert {*first, *(i["key"] for i in issues)} >= {f"DATA-{n}" for n in range(1, 16) if n != 2}


@BOTH
@pytest.mark.parametrize("ahead", [timedelta(hours=9), timedelta(days=-2)])
def test_no_clock_but_jiras_counts(jira: JiraServer, ahead: timedelta) -> None:
    jira.clock_ahead = ahead
    jira.add("DATA-1")
    jira.add("DATA-2")
    jira.touch("DATA-2", ago=timedelta(minutes=10))
    assert [h.address for h in door(jira).changed(30)] == ["DATA-1"]
    assert [h.address for h in door(jira).changed(600)] == ["DATA-2", "DATA-1"]


@BOTH
def test_a_ticket_that_lost_its_label_is_still_found_by_the_claim(jira: JiraServer) -> None:
    jira.add("DATA-1", labels=["firstmile-claimed"])
    jira.add("DATA-2", labels=[])
    assert [h.address for h in door(jira).changed(60)] == ["DATA-1"]


# --- reading -------------------------------------------------------------------------------------


@BOTH
def test_a_plain_ticket_costs_one_call_once_the_site_is_known(jira: JiraServer) -> None:
    jira.add("DATA-1", description=rich(jira, "Track **churn**"), labels=["firstmile", "dbt:shop"])
    jira.say("DATA-1", rich(jira, "By region please"))
    ours = door(jira)
    ours.read("DATA-1")
    jira.calls.clear()
    ticket = ours.read("DATA-1")
    assert jira.calls == ["GET /issue/DATA-1"]
    assert ticket is not None
    assert (ticket.request.title, ticket.request.body) == ("Churn", "Track **churn**")
    assert [(c.author, c.body, c.ours) for c in ticket.request.comments] == [
        ("Mara", "By region please", False)
    ]
    assert (ticket.person, ticket.priority, ticket.project) == ("mara@example.com", 2, "shop")
    assert (ticket.wanted, ticket.part_of) == (True, "")
    assert ticket.request.url == f"{jira.url}/browse/DATA-1"


@BOTH
def test_a_parent_with_subtasks_is_one_piece_of_work(jira: JiraServer) -> None:
    jira.add("DATA-1", description=rich(jira, "Churn, please"))
    above = {"key": "DATA-1"}
    for number, text in ((10, "Per week"), (9, "By region")):
        key = f"DATA-{number}"
        part = {"name": "Sub-task", "subtask": True}
        jira.add(key, text, description=rich(jira, f"{text}!"), parent=above, issuetype=part,
                 labels=[])  # fmt: skip
        jira.field("DATA-1", "subtasks").append({"key": key, "fields": {"summary": text}})
    ticket = read(jira)
    assert ticket.request.body == (
        "Churn, please\n\n## Subtask DATA-9\n\nBy region\n\nBy region!"
        "\n\n## Subtask DATA-10\n\nPer week\n\nPer week!"
    )
    part = read(jira, "DATA-9")
    assert (part.part_of, part.wanted) == ("DATA-1", False)
    jira.field("DATA-1", "labels").clear()
    assert read(jira, "DATA-9").part_of == ""


@BOTH
def test_epic_links_fields_and_files_are_context(jira: JiraServer) -> None:
    epic_field = {"id": "customfield_10008", "name": "Epic Link",
                  "schema": {"type": "any", "custom": "com.pyxis.greenhopper.jira:gh-epic-link"}}  # fmt: skip
    jira.custom_fields = [epic_field, {"id": "customfield_7", "name": "Acceptance"}]
    jira.add("DATA-5", "Retention", description=rich(jira, "Keep\n\nthem"), labels=[])
    above = (
        {"parent": {"key": "DATA-5"}} if jira.kind == "cloud" else {"customfield_10008": "DATA-5"}
    )
    link = {"type": {"outward": "blocks", "inward": "is blocked by"},
            "inwardIssue": {"key": "DATA-6", "fields": {"summary": "Orders"}}}  # fmt: skip
    where = [{"value": "EMEA", "child": {"value": "DE"}}, {"displayName": "Mo"}, 3]
    jira.add("DATA-1", description=rich(jira, "Churn"), issuelinks=[link],
             customfield_7=rich(jira, "weekly"), customfield_9=where, **above)  # fmt: skip
    jira.attach("DATA-1", "shot.png", b"\x89PNG")
    jira.attach("DATA-1", "numbers.CSV", "\ufeffa,b\r\n1,ü\r\n".encode())
    ticket = read(jira, fields={"Acceptance": "Acceptance", "Where": "customfield_9", "No": "Nope"})
    assert ticket.request.body == (
        "Churn\n\n## Acceptance\n\nweekly\n\n## Where\n\nEMEA / DE, Mo, 3\n\n## Context\n\n"
        "> Part of DATA-5: Retention\n>\n> Keep\n>\n> them\n\n> - is blocked by DATA-6: Orders\n\n"
        "> Attached: numbers.CSV, shot.png\n\nAttached numbers.CSV:\n\n```csv\na,b\n1,ü\n```"
    )
    assert ticket.request.links == (f"{jira.url}/browse/DATA-6",)
    assert sum("attachment" in call for call in jira.calls) == 1


@BOTH
def test_of_a_long_csv_file_whole_lines_of_its_beginning_are_read(jira: JiraServer) -> None:
    jira.add("DATA-1")
    jira.attach("DATA-1", "long file #1.csv", b"a,b\n" + b"12345,67890\n" * 100_000)
    body = read(jira).request.body
    assert 19_000 < len(body) < 21_000
    assert body.endswith("12345,67890\n[The rest of this file was cut.]\n```")


@BOTH
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": ["other"]}, "does not have the label firstmile"),
        ({"status": {"name": "Done", "statusCategory": {"key": "done"}}}, "It is done"),
        (
            {"status": {"name": "CANCELLED", "statusCategory": {"key": "new"}}},
            "status is CANCELLED",
        ),
        ({"resolution": {"name": "Duplicate"}}, "resolved as Duplicate"),
    ],
)
def test_a_ticket_closed_cancelled_or_without_its_label_is_not_wanted(
    jira: JiraServer, change: dict[str, Any], words: str
) -> None:
    jira.add("DATA-1", **change)
    ticket = read(jira)
    assert not ticket.wanted
    assert words in ticket.why_not


def test_a_status_that_we_set_ourselves_while_underway_does_not_stop_the_work(
    jira: JiraServer,
) -> None:
    jira.add("DATA-1", status=jira.status("Done"))
    assert read(jira, statuses={"delivered": "Done"}).wanted
    assert not read(jira, statuses={"merged": "Done"}).wanted


@BOTH
def test_a_condition_of_ones_own_decides_in_place_of_the_label(jira: JiraServer) -> None:
    jira.add("DATA-1", labels=[])
    jira.add("OTHER-1")
    own = {"jql": 'project = DATA AND labels = "ask" OR key = "DATA-1"'}
    assert [h.address for h in door(jira, **own).changed(60)] == ["DATA-1"]
    assert read(jira, **own).wanted
    assert "condition" in read(jira, "OTHER-1", **own).why_not


@BOTH
def test_a_deleted_ticket_is_gone_and_odd_addresses_are_refused(jira: JiraServer) -> None:
    assert door(jira).read("DATA-404") is None
    calls = len(jira.calls)
    for odd in ("", "../myself", "DATA-1/comment", "data 1", "DATA-1?x=1", "DATA-1\n"):
        with pytest.raises(InvalidInput, match="no Jira issue key"):
            door(jira).read(odd)
    assert len(jira.calls) == calls


def test_a_ticket_that_says_nothing_or_is_of_wrong_types_is_read(jira: JiraServer) -> None:
    jira.add("DATA-1", summary="\u200b")
    assert read(jira).request.title == "DATA-1"
    odd: dict[str, Any] = {"status": 5, "labels": "x", "priority": [], "reporter": 7, "parent": 1,
           "issuelinks": {}, "subtasks": [None], "attachment": "a", "issuetype": None}  # fmt: skip
    jira.add("DATA-2", description={"type": "doc", "content": [1, None, {"type": []}]}, **odd)
    jira.comments["DATA-2"] = [{"id": 1, "author": None, "body": 5, "created": []}]
    assert not read(jira, "DATA-2").wanted


@BOTH
def test_emoji_and_right_to_left_text_survive_hidden_characters_do_not(jira: JiraServer) -> None:
    text = "תנועה שבועית 👋🏽 مرحبا 日本"
    jira.add("DATA-1", text, description=rich(jira, f"{text}\u202ehidden\u2066"))
    jira.say("DATA-1", rich(jira, text))
    ticket = read(jira)
    assert (ticket.request.title, ticket.request.body) == (text, f"{text}hidden")
    assert ticket.request.comments[0].body == text
    door(jira).write("DATA-1", status(text))
    assert read(jira).request.comments[1].body.startswith(text)


@BOTH
@pytest.mark.parametrize("piece", ["words and more ", "[", "{code:sql}", "{{a", "*a ", "\u202e"])
def test_a_ticket_of_a_megabyte_is_read_in_a_moment(jira: JiraServer, piece: str) -> None:
    huge = piece * (1_000_000 // len(piece))
    plain = {"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": huge}]}]}  # fmt: skip
    jira.add("DATA-1", description=plain if jira.kind == "cloud" else huge)
    began = time.monotonic()
    assert len(read(jira).request.body) < 101_000
    assert time.monotonic() - began < 5


@BOTH
def test_five_thousand_comments_are_all_read(jira: JiraServer) -> None:
    jira.add("DATA-1")
    for number in range(5_000):
        jira.say("DATA-1", rich(jira, f"No {number}"))
    comments = read(jira).request.comments
    assert [c.body for c in comments] == [f"No {n}" for n in range(5_000)]
    assert sum(call.endswith("/comment") for call in jira.calls) == 5


# --- the doctor ----------------------------------------------------------------------------------


@BOTH
def test_the_doctor_says_what_works(jira: JiraServer) -> None:
    ours: Door = door(jira, statuses={"delivered": "Review"})
    assert "none is there" in ours.check()[2]
    jira.add("DATA-1")
    site, account, tickets = ours.check()
    assert site == f"Jira 10.3.0 at {jira.url} answers."
    assert account == "The account is Firstmile, with the permissions it needs on DATA-1."
    assert 'labels = "firstmile"; some are there' in tickets
    assert jira.writes == []


@BOTH
def test_the_doctor_lists_everything_that_lacks(jira: JiraServer) -> None:
    jira.permissions = {"BROWSE_PROJECTS", "EDIT_ISSUES", "EDIT_OWN_COMMENTS", "LINK_ISSUES"}
    wrong = {"jql": "(((", "statuses": {"working": "Doing"}, "fields": {"A": "Goal"}}
    with pytest.raises(InvalidSettings) as caught:
        door(jira, **wrong).check()
    assert [w for w in ("Add Comments", "Transition Issues", "'Doing'", "'Goal'", "'((('")
            if w not in caught.value.message] == []  # fmt: skip
    assert "Edit Issues" not in caught.value.message
    assert "docs/jira.md" in caught.value.cure


@BOTH
def test_the_doctor_tells_a_wrong_kind(jira: JiraServer) -> None:
    jira.kind = "server" if jira.kind == "cloud" else "cloud"
    with pytest.raises(FirstmileError):
        other = "cloud" if jira.kind == "server" else "server"
        door(jira, kind=other).check()
