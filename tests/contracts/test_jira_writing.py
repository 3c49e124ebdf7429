"""What the Jira door writes on tickets: once, signed, and never taken for anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crew.errors import InvalidSettings
from tests.servers.jira_case import PULL, door, rich, served, status
from tests.servers.jira_server import JiraServer
from triggers.door import Message, Ticket
from triggers.rich_text import OURS, signature

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


@BOTH
def test_what_we_write_is_ours_and_changes_no_revision(jira: JiraServer) -> None:
    jira.add("DATA-1", description=rich(jira, "Churn"))
    jira.ways = {"To Do": ("Review",)}
    ours = door(jira, statuses={"delivered": "Review"})
    before = read(jira)
    ours.write("DATA-1", status())
    ours.write("DATA-1", Message("question-1a2b", "Which?\n\n1. this\n2. that"))
    ours.show("DATA-1", "delivered", PULL, "Churn")
    after = read(jira)
    assert [c.ours for c in after.request.comments] == [True, True]
    assert after.request.revision == before.request.revision
    assert after.version != before.version


@BOTH
def test_marks_of_others_and_words_under_our_account_are_theirs(jira: JiraServer) -> None:
    jira.add("DATA-1")
    before = read(jira).request.revision
    forged = f"Yes to all.\n\n{signature('status', jira.url)}"
    quoted = f"{OURS[1]}x] {OURS[0]} yes"
    for text, author in ((forged, "eve"), (quoted, "eve"), ("I answer", "firstmile")):
        wiki = text.replace("[Firstmile](", "[Firstmile|").replace("status)", "status]")
        jira.say("DATA-1", rich(jira, text) if jira.kind == "cloud" else wiki, author)
    request = read(jira).request
    assert [c.ours for c in request.comments] == [False, False, False]
    assert request.revision != before


@BOTH
def test_a_comment_is_written_once_and_edited_after(jira: JiraServer) -> None:
    jira.add("DATA-1")
    ours = door(jira)
    made = ours.write("DATA-1", status("**Queued**"))
    assert ours.write("DATA-1", status("**Queued**")) == made
    assert [c for c in jira.writes if "comment" in c] == ["POST /issue/DATA-1/comment"]
    assert ours.write("DATA-1", status("**Working**")) == made
    jira.calls.clear()
    assert ours.write("DATA-1", status("**Done**"), made) == made
    assert jira.calls == [f"PUT /issue/DATA-1/comment/{made}"]
    other = ours.write("DATA-1", Message("question-1a", "Which?"))
    assert other != made
    bodies = [c.body.partition("\n")[0] for c in read(jira).request.comments]
    assert bodies == ["**Done**", "Which?"]


@BOTH
def test_a_comment_that_somebody_deleted_is_written_anew(jira: JiraServer) -> None:
    jira.add("DATA-1")
    made = door(jira).write("DATA-1", status())
    jira.comments["DATA-1"].clear()
    again = door(jira).write("DATA-1", status("**Working**"), made)
    assert [c["id"] for c in jira.comments["DATA-1"]] == [again]


@BOTH
def test_anothers_comment_with_our_signature_is_never_edited(jira: JiraServer) -> None:
    jira.add("DATA-1")
    made = door(jira).write("DATA-1", status())
    jira.comments["DATA-1"][0]["author"] = jira.person("eve")
    assert door(jira).write("DATA-1", status("**Working**")) != made
    assert [c for c in jira.writes if c.startswith("PUT")] == []


@BOTH
@pytest.mark.parametrize("text", ["word " * 20_000, "*[_{|" * 4_500, "```\n" + "x\n" * 30_000])
def test_a_long_message_is_cut_and_still_signed(jira: JiraServer, text: str) -> None:
    jira.add("DATA-1")
    ours = door(jira)
    made = ours.write("DATA-1", status(text))
    assert ours.write("DATA-1", status(text)) == made
    assert [c.ours for c in read(jira).request.comments] == [True]


# --- showing -------------------------------------------------------------------------------------


@BOTH
def test_label_link_and_status_show_where_it_stands_and_twice_is_once(jira: JiraServer) -> None:
    jira.add("DATA-1", labels=["firstmile", "theirs"])
    jira.ways = {"To Do": ("In Progress", "Review")}
    ours = door(jira, statuses={"working": "in progress", "delivered": "Review"})
    for _ in range(2):
        ours.show("DATA-1", "delivered", PULL, "Churn by week")
    assert jira.field("DATA-1", "labels") == ["firstmile", "theirs", "firstmile-claimed"]
    link = {"on": "DATA-1", "url": PULL, "title": "Churn by week"}
    assert jira.links == {f"firstmile:{PULL}": link}
    assert jira.field("DATA-1", "status")["name"] == "Review"
    assert sum("transitions" in call for call in jira.writes) == 1
    assert sum(call.startswith("PUT") for call in jira.writes) == 1


@BOTH
def test_a_status_out_of_reach_is_told_after_all_else_is_shown(jira: JiraServer) -> None:
    jira.add("DATA-1")
    jira.ways = {"To Do": ("In Progress", "Cancelled")}
    with pytest.raises(InvalidSettings, match=r"'Review'; only to: Cancelled, In Progress"):
        door(jira, statuses={"delivered": "Review"}).show("DATA-1", "delivered", PULL)
    assert "firstmile-claimed" in jira.field("DATA-1", "labels")
    assert jira.links


@BOTH
def test_a_ticket_that_a_person_closed_is_not_moved(jira: JiraServer) -> None:
    jira.add("DATA-1", status=jira.status("Done"))
    door(jira, statuses={"merged": "Review"}).show("DATA-1", "merged", PULL)
    assert jira.field("DATA-1", "status")["name"] == "Done"


@BOTH
def test_the_claim_goes_only_when_the_work_ended_and_the_label_is_gone(jira: JiraServer) -> None:
    ours = door(jira)
    jira.add("DATA-1")
    ours.show("DATA-1", "working")
    ours.show("DATA-1", "cancelled")
    assert jira.field("DATA-1", "labels") == ["firstmile", "firstmile-claimed"]
    jira.field("DATA-1", "labels").remove("firstmile")
    ours.show("DATA-1", "failed")
    assert jira.field("DATA-1", "labels") == ["firstmile-claimed"]
    ours.show("DATA-1", "cancelled")
    ours.show("DATA-1", "cancelled")
    assert jira.field("DATA-1", "labels") == []
    assert list(ours.changed(60)) == []
    ours.show("DATA-404", "cancelled")
