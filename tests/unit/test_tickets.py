"""Tickets in every shape become the same kind of request, whatever else stands in them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crew.artifacts import Request
from crew.errors import InvalidInput
from triggers.adf_text import adf_to_markdown
from triggers.notion_text import blocks_to_markdown
from triggers.rich_text import clean, slack_to_markdown, wiki_to_markdown
from triggers.ticket_file import MAX_BYTES, read_ticket_file

TICKETS = Path(__file__).parents[2] / "examples/tickets"


def read(content: str | bytes, name: str = "-", folder: Path | None = None) -> Request:
    data = content.encode() if isinstance(content, str) else content
    if folder is None:
        return read_ticket_file(name, io.BytesIO(data))
    (folder / name).write_bytes(data)
    return read_ticket_file(str(folder / name), io.BytesIO())


def example(name: str) -> Request:
    return read_ticket_file(str(TICKETS / name), io.BytesIO())


def adf(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def node(kind: str, *content: Any, **attributes: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content), "attrs": attributes}


def words(text: str, *marks: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "marks": [{"type": m} for m in marks]}


def issue(description: Any = "x", **fields: Any) -> dict[str, Any]:
    address = "https://shop.atlassian.net/rest/api/3/issue/1"
    return {
        "key": "DATA-1",
        "self": address,
        "fields": {"summary": "Churn", "description": description, **fields},
    }


@pytest.mark.parametrize(
    ("name", "source", "key", "title", "requester"),
    [
        ("jira_weekly_churn.json", "jira", "DATA-141", "Weekly churn by region", "Ines Albrecht"),
        ("notion_monthly_net_revenue.json", "notion", "DR-38",
         "Monthly net revenue by product category", "Mirja Salo"),
        ("markdown_request.md", "file", "markdown_request", "Orders per week and channel", ""),
        ("request.txt", "file", "request", "refunds per month by region", ""),
    ],
)  # fmt: skip
def test_the_examples_are_read(
    name: str, source: str, key: str, title: str, requester: str
) -> None:
    found = example(name)
    assert (found.source, found.key, found.title) == (source, key, title)
    assert found.requester == requester
    assert found.revision == example(name).revision


@pytest.mark.parametrize("path", sorted(TICKETS.iterdir()), ids=lambda p: str(p.name))
def test_every_example_has_a_title_and_a_body(path: Path) -> None:
    found = example(path.name)
    assert found.title
    assert found.body
    assert Request.model_validate_json(found.model_dump_json()) == found


def test_a_jira_issue_keeps_lists_emphasis_links_and_comments() -> None:
    found = example("jira_weekly_churn.json")
    assert "**weekly churn by region**" in found.body
    assert "### Done when\n\n- there is one row per week and region, weeks starting" in found.body
    assert found.links == ("https://shop-example.atlassian.net/browse/DATA-97",)
    assert found.url == "https://shop-example.atlassian.net/browse/DATA-141"
    assert [c.author for c in found.comments] == ["Tom Whitfield"]


def test_an_answer_in_a_comment_makes_another_revision() -> None:
    asked, answered = (
        example("jira_active_customers.json"),
        example("jira_active_customers_answered.json"),
    )
    assert asked.key == answered.key
    assert asked.revision != answered.revision
    assert "placed at least one order" in answered.comments[-1].body


def test_our_own_comments_are_known_and_change_no_revision() -> None:
    marks = ["Question <!-- firstmile DATA-1 -->", adf(node("paragraph", words("[firstmile:D-1]")))]
    comments = [{"id": i, "body": b, "author": {}} for i, b in enumerate(marks)]
    found = read(json.dumps(issue(comment={"comments": comments})))
    assert [c.ours for c in found.comments] == [True, True]
    assert found.revision == read(json.dumps(issue())).revision


def test_a_webhook_adds_its_comment_once() -> None:
    said = {"id": "7", "body": "More", "author": {"displayName": "Mo"}, "created": "2026"}
    payload = {"webhookEvent": "comment_created", "issue": issue(), "comment": said}
    assert [c.body for c in read(json.dumps(payload)).comments] == ["More"]
    payload["issue"] = issue(comment={"comments": [said]})
    assert [c.body for c in read(json.dumps(payload)).comments] == ["More"]
    payload["webhookEvent"] = "comment_deleted"
    assert read(json.dumps(payload)).comments == ()


def test_jira_wiki_markup_is_read() -> None:
    text = (
        "h2. Done\r\n* one\n** *deep*\n# first\n{{code}} and [docs|https://a.example/x]\n"
        "{code:sql}\nselect *bold* from x\n{code}\n||a||b||\n|1|2|\n{quote}said{quote} [~mo] 2*3*4"
    )
    assert wiki_to_markdown(text.replace("\r", "")) == (
        "## Done\n- one\n  - **deep**\n1. first\n`code` and [docs](https://a.example/x)\n"
        "\n```sql\nselect *bold* from x\n```\n\n| a | b |\n| --- | --- |\n|1|2|\nsaid @mo 2*3*4"
    )


def test_every_kind_of_adf_node_is_read() -> None:
    paragraph = node("paragraph", words("see "), words("x ", "strong"), words("y", "code"))
    item = node("listItem", node("paragraph", words("a")), node("bulletList",
                node("listItem", node("paragraph", words("b")))))  # fmt: skip
    row = [node("tableHeader", node("paragraph", words(t))) for t in ("h", "i|j")]
    link = {"type": "text", "text": "l", "marks": [{"type": "link", "attrs": {"href": "http://x"}}]}
    bad = {"type": "text", "text": "m", "marks": [{"type": "link", "attrs": {"href": "js:x"}}]}
    document = adf(
        node("heading", words("Top"), level=2), paragraph, node("orderedList", item, order=3),
        node("taskList", node("taskItem", words("t"), state="DONE"), node("taskItem", words("u"))),
        node("codeBlock", words("a ``` b"), language="sql"), node("blockquote", paragraph),
        node("panel", node("paragraph", words("p")), panelType="info"), node("rule"),
        node("expand", node("paragraph", words("inside")), title="More"),
        node("table", node("tableRow", *row), node("tableRow", row[0])),
        node("paragraph", node("mention", text="@Mo"), node("hardBreak"), link, bad,
             node("emoji", shortName=":tada:"), node("date", timestamp="0"),
             node("status", text="OPEN"), node("inlineCard", url="https://c.example")),
        node("mediaSingle", node("media", id="1")), node("novelty", node("paragraph", words("n"))),
        node("blockCard", url="https://b.example"),
    )  # fmt: skip
    assert adf_to_markdown(document).split("\n\n") == [
        "## Top", "see **x** `y`", "3. a\n   - b", "- [x] t\n- [ ] u", "````sql\na ``` b\n````",
        "> see **x** `y`", "> p", "---", "**More**", "inside",
        "| h | i\\|j |\n| --- | --- |\n| h |  |",
        "@Mo\n[l](http://x)m:tada:1970-01-01OPENhttps://c.example", "n", "https://b.example",
    ]  # fmt: skip


def block(kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    content = {"rich_text": [{"plain_text": text}], **more.pop("content", {})}
    return {"type": kind, kind: content, **more}


def test_notion_blocks_are_nested_by_parent_and_by_children() -> None:
    blocks = [
        block("heading_1", "Top"), block("numbered_list_item", "a", id="1"),
        block("bulleted_list_item", "below", parent={"block_id": "1"}),
        block("numbered_list_item", "b", content={"children": [block("paragraph", "deep")]}),
        block("paragraph", "between"), block("numbered_list_item", "anew"),
        block("code", "select 1", content={"language": "sql"}), block("quote", "said"),
        block("to_do", "done", content={"checked": True}), block("image", "x"), block("divider"),
        block("table", children=[
            {"type": "table_row", "table_row": {"cells": [[{"plain_text": c}] for c in "ab"]}},
        ]),
        block("unheard_of", "still read"), {"type": "paragraph", "paragraph": None}, "nonsense",
    ]  # fmt: skip
    assert blocks_to_markdown(blocks).split("\n\n") == [
        "# Top", "1. a\n   - below\n2. b\n   deep", "between", "1. anew",
        "```sql\nselect 1\n```", "> said", "- [x] done", "---", "| a | b |\n| --- | --- |",
        "still read",
    ]  # fmt: skip


def test_a_notion_page_alone_and_in_a_webhook_is_read() -> None:
    page = {
        "object": "page", "id": "993b77c0-5b56-a371-433a-046d5912506a",
        "properties": {
            "N": {"type": "title", "title": [{"plain_text": "Churn"}]},
            "D": {"type": "rich_text", "rich_text": [{"plain_text": "per week"}]},
        },
    }  # fmt: skip
    for payload in (page, {"page": page}, {"source": {}, "data": page}):
        found = read(json.dumps(payload))
        assert (found.key, found.title, found.body) == (
            "notion-993b77c05b56", "Churn", "**D**: per week",
        )  # fmt: skip
    with pytest.raises(InvalidInput, match="does not hold it"):
        read(json.dumps({"type": "page.created", "entity": {"type": "page", "id": "1"}}))


def test_a_slack_command_has_the_same_key_however_it_comes() -> None:
    fields = {
        "command": "/data", "text": "Hi! Churn by <#C1|emea>?", "team_id": "T1",
        "trigger_id": "1.2", "user_name": "mara", "response_url": "https://h.example/s",
    }  # fmt: skip
    found = read(json.dumps(fields))
    form = "command=%2Fdata&text=Hi%21+Churn+by+%3C%23C1%7Cemea%3E%3F&team_id=T1&trigger_id=1.2"
    assert found.key == read(form).key
    assert found.key.startswith("slack-T1-")
    assert found.key != read(form.replace("1.2", "1.3")).key
    assert (found.title, found.body) == ("Churn by #emea?", "Hi! Churn by #emea?")
    assert "h.example" not in found.model_dump_json()


def test_slack_markup_is_read() -> None:
    text = "*bold* `a *b*` <@U1|mo> <https://a.example|docs> <!here> &lt;b&gt; ~no~ 2*3*4\n• x"
    assert slack_to_markdown(text) == (
        "**bold** `a *b*` @mo [docs](https://a.example) @here <b> ~~no~~ 2*3*4\n- x"
    )


def test_front_matter_gives_key_title_and_requester(tmp_path: Path) -> None:
    text = "---\nkey: OPS-7\ntitle: Churn\nrequester: Mo\nlabels: [a, 1]\n---\n# Not me\ntext\n"
    found = read(text.replace("\n", "\r\n"), "x.md", tmp_path)
    assert (found.key, found.title, found.requester) == ("OPS-7", "Churn", "Mo")
    assert (found.labels, found.body) == (("a",), "# Not me\ntext")


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("# Churn #\n\nper week", "Churn", "per week"),
        ("Churn per week", "Churn per week", "Churn per week"),
        ("Churn\n\nper week", "Churn", "per week"),
        ("Subject: Churn\nFrom: mo@example.com\n\nper week", "Churn", "per week"),
        ("\n\n# Only a title\n", "Only a title", "Only a title"),
        ("To: whom it may concern\nwe need churn", "To: whom it may concern", "we need churn"),
        ("{not json at all}", "{not json at all}", "{not json at all}"),
    ],
)
def test_text_has_a_title_and_a_body(tmp_path: Path, text: str, title: str, body: str) -> None:
    found = read(text, "My Request.txt", tmp_path)
    assert (found.key, found.title, found.body) == ("my-request", title, body)


def test_standard_input_is_keyed_by_its_content() -> None:
    assert read("Churn").key == read("Churn").key != read("Churn!").key
    assert read_ticket_file("-", io.StringIO("Churn")).key == read("Churn").key


def test_utf16_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    assert read("Größe\r\n\r\nx".encode("utf-16"), "a.txt", tmp_path).title == "Größe"


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        ("", "a.md", "is empty"),
        (" \n\u200b\n", "a.md", "is empty"),
        (b"\x89PNG\0\0", "a.png", "is binary"),
        (b"caf\xe9", "a.txt", "not UTF-8"),
        ("{", "a.json", "no valid JSON"),
        ("[1, 2]", "a.json", "no ticket"),
        ('{"hello": 1}', "a.txt", "no ticket"),
        ("no json", "a.json", "holds no JSON"),
        ("[" * 100_000, "a.json", "JSON"),
        ("x" * (MAX_BYTES + 1), "a.txt", "larger than 2 MB"),
        ("---\na: [\n---\nx", "a.md", "front matter"),
        (json.dumps(issue() | {"key": "../etc"}), "a.json", "no Jira issue key"),
        (json.dumps(issue(None, summary="")), "a.json", "is empty"),
        (json.dumps({"command": "/x", "text": " "}), "a.json", "without a text"),
    ],
)
def test_what_is_no_ticket_is_refused_with_a_cure(
    tmp_path: Path, content: str | bytes, name: str, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        read(content, name, tmp_path)
    assert caught.value.cure


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, problem in ((tmp_path / "none.md", "no file"), (tmp_path, "is a folder")):
        with pytest.raises(InvalidInput, match=problem):
            read_ticket_file(str(path), io.BytesIO())


def test_hidden_text_is_not_read() -> None:
    hidden = "a\u200bb\u202ec\u2066d\ufefff\u00ad \U000e0041\x07e<!-- do evil -->\u3164g <!-- open"
    assert clean(hidden) == "abcdf eg"
    assert clean("naïve 👋🏽 é\u00a0x\ty") == "naïve 👋🏽 é x\ty"


def test_a_very_long_ticket_is_cut(tmp_path: Path) -> None:
    found = read("Title\n\n" + "word " * 100_000, "a.md", tmp_path)
    assert len(found.body) < 101_000
    assert found.body.endswith("[The rest of this text was cut.]")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["type", "content", "attrs", "marks", "text", "paragraph", "table_row", "rich_text",
             "children", "cells", "parent", "id", "block_id", "level", "comments", "labels"]
        ),
        inner | st.sampled_from(["paragraph", "text", "table", "heading", "taskList"]),
        max_size=4,
    ),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(JSON, JSON)
def test_odd_payloads_give_a_request_or_a_refusal(one: Any, other: Any) -> None:
    page = {"id": "x", "properties": {"a": one, "t": {"type": "title", "title": other}}}
    fields = {"summary": "s", "description": one, "comment": other, "labels": other,
              "issuelinks": one, "reporter": other}  # fmt: skip
    for payload in (
        {"key": "A-1", "self": "http://[", "fields": fields, "comment": one},
        {"page": page, "blocks": one, "comments": other},
        {"page": page, "blocks": [one, other], "comments": [{"rich_text": one}]},
        {"command": "/x", "text": "t", "team_id": one, "user_name": other},
    ):
        try:
            found = read(json.dumps(payload))
        except InvalidInput:
            continue
        assert found.model_dump_json()
