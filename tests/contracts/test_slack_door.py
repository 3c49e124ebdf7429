"""Writing to Slack: the real client against the npm package `emulate`, through a proxy with faults."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from crew.artifacts import Option, Question
from crew.errors import HostRefused, HostUnavailable, InvalidInput, InvalidSettings
from tests.servers.faulty_proxy import HTML, Fault
from tests.servers.slack_case import POOR, SCOPES, SECRET, Workspace, workspace
from triggers import messages
from triggers.door import Message
from triggers.slack_address import Place, SlackAddress
from triggers.slack_blocks import shape_of
from triggers.slack_door import SlackDoor
from triggers.slack_settings import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackSettings
from triggers.slack_text import markdown_to_mrkdwn, mrkdwn_pieces

QUESTIONS = (
    Question(
        id="q1",
        text="What does `active` mean?",
        options=(
            Option(label="A", meaning="ordered within 90 days", effect="412 customers"),
            Option(label="B", meaning="has a running subscription"),
        ),
        default="A",
    ),
    Question(id="q2", text="Which date?", options=(Option(label="A", meaning="created"),)),
)
HOSTILE = "<!channel> <@U1> *b* ‮abc‬ שלום عربي 🧑‍🚀 & </a> `x` <https://evil.example|shop.example>"
POST = "POST /api/chat.postMessage"


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace(tmp_path_factory.mktemp("slack")) as found:
        yield found


@pytest.fixture(autouse=True)
def no_faults(slack: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    slack.proxy.faults.clear()
    slack.proxy.calls.clear()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


class Case:
    """A door and what it wrote, as the desk would remember it."""

    def __init__(self, slack: Workspace, private: bool = False, **settings: Any) -> None:
        self.slack, self.remotes = slack, dict[str, str]()
        self.channel = slack.new_channel(private)
        self.key = f"slack-T1-{time.monotonic_ns():x}"
        self.address = str(
            SlackAddress(self.channel, slack.user("ada"), self.key, int(time.time()))
        )
        self.door = SlackDoor(
            slack.settings(**settings), lambda ticket, kind: self.remotes.get(f"{ticket} {kind}")
        )

    def write(self, text: str = "**Queued**", kind: str = "status", known: str = "",
              questions: tuple[Question, ...] = ()) -> Place:  # fmt: skip
        place = self.door.write(self.address, Message(kind, text, questions), known)
        self.remotes[f"slack:{self.key} {kind}"] = place
        return Place.parse(place)

    def show(self, phase: Any) -> None:
        self.door.show(self.address, phase)

    def reactions(self, place: Place) -> list[str]:
        found = self.slack.thread(place.channel, place.ts)[0]
        return sorted(r["name"] for r in found.get("reactions", []))


def shown(message: dict[str, Any]) -> str:
    """The texts of a message's sections and notes."""
    parts = []
    for block in message["blocks"]:
        parts += [e["text"] for e in block["elements"]] if block["type"] == "context" else []
        parts += [block["text"]["text"]] if block["type"] == "section" else []
    return "\n".join(parts)


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]


def test_a_request_is_one_thread_whose_head_is_edited(slack: Workspace) -> None:
    case = Case(slack)
    head = case.write("**Queued** · `K`")
    case.write("**Please decide**", "question-1")
    assert case.write("**Working**", known=str(head)) == head
    case.write("**Still waiting**", "reminder-1")
    case.write(
        "**Please decide now**", "question-1", known=case.remotes[f"slack:{case.key} question-1"]
    )
    messages_there = slack.thread(head.channel, head.ts)
    assert [shown(m) for m in messages_there] == [
        "*Working*",
        "*Please decide now*",
        "*Still waiting*",
    ]
    assert len(slack.heads(case.channel)) == 1
    assert messages_there[0]["metadata"]["event_payload"] == {"ticket": case.key, "kind": "status"}


def test_questions_have_a_button_for_each_answer_and_one_for_any_other(slack: Workspace) -> None:
    case = Case(slack)
    case.write()
    place = case.write(messages.question(QUESTIONS).text, "question-1", questions=QUESTIONS)
    message = slack.thread(case.channel, place.ts)[-1]
    words = shown(message)
    assert words.count("What does `active` mean?") == 1
    assert "• *A*: ordered within 90 days → 412 customers _(suggested)_" in words
    found = buttons(message)
    assert [b["text"]["text"] for b in found] == ["A", "B", "Other answer…", "A", "Other answer…"]
    assert [b.get("style") for b in found] == ["primary", None, None, None, None]
    value = json.loads(found[1]["value"])
    assert (value["ticket"], value["question"]) == (f"slack:{case.key}", "q1")
    assert (value["answer"], value["shape"]) == ("B", shape_of(QUESTIONS[0]))
    case.write("✔ answered: A", "question-1", known=str(place), questions=QUESTIONS[1:])
    message = slack.thread(case.channel, place.ts)[-1]
    assert shown(message).startswith("✔ answered: A") and "active" not in shown(message)
    assert len(buttons(message)) == 2


def test_replies_wait_for_the_head(slack: Workspace) -> None:
    case = Case(slack, reactions=True)
    for call in (lambda: case.write("?", "question-1"), lambda: case.show("queued")):
        with pytest.raises(HostUnavailable, match="no thread") as caught:
            call()  # type: ignore[no-untyped-call]
        assert caught.value.retry_after
    case.remotes[f"slack:{case.key} status"] = ""
    with pytest.raises(HostRefused, match="could not be written"):
        case.write("?", "question-1")
    assert slack.proxy.count(POST) == 0


@pytest.mark.parametrize("kind", ["status", "question-1"])
@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_lost_reply_makes_no_second_message(slack: Workspace, kind: str, drop: Any) -> None:
    case = Case(slack)
    head = case.write("head") if kind != "status" else None
    calls = slack.proxy.count(POST)
    slack.proxy.faults = [Fault(POST, drop=drop)]
    with pytest.raises(HostUnavailable, match="no answer"):
        case.write("first", kind)
    assert slack.proxy.count(POST) == calls + 1
    place = case.write("second", kind)
    found = slack.thread(case.channel, head.ts)[1:] if head else slack.heads(case.channel)
    assert [(m["ts"], shown(m)) for m in found] == [(place.ts, "second")]


def test_a_lost_reply_to_an_edit_is_made_up_for(slack: Workspace) -> None:
    case = Case(slack)
    head = case.write()
    slack.proxy.faults = [Fault("POST /api/chat.update", drop="after")]
    with pytest.raises(HostUnavailable):
        case.write("**Working**", known=str(head))
    assert case.write("**Working**", known=str(head)) == head
    assert [shown(m) for m in slack.heads(case.channel)] == ["*Working*"]


def test_a_message_that_somebody_deleted_is_written_again(slack: Workspace) -> None:
    case = Case(slack)
    head = case.write()
    slack.call("chat.delete", "xoxb-bot-token", channel=head.channel, ts=head.ts)
    again = case.write("**Working**", known=str(head))
    assert again != head and [m["ts"] for m in slack.heads(case.channel)] == [again.ts]


DOWN = {
    "500": Fault(POST, 500),
    "502 page": Fault(POST, 502, {"Content-Type": "text/html"}, HTML),
    "200 page": Fault(POST, 200, {"Content-Type": "text/html"}, HTML),
    "a list": Fault(POST, 200, body=b"[1]"),
    "null": Fault(POST, 200, body=b"null"),
    "no text": Fault(POST, 200, body=b"\xff\xfe"),
    "internal": Fault(POST, 200, body=b'{"ok": false, "error": "internal_error"}'),
    "half": Fault(POST, half=True),
}


@pytest.mark.parametrize("name", DOWN)
def test_a_slack_that_is_down_is_tried_later(slack: Workspace, name: str) -> None:
    case = Case(slack)
    fault = DOWN[name]
    slack.proxy.faults = [Fault(POST, fault.status, fault.headers, fault.body, half=fault.half)]
    with pytest.raises(HostUnavailable):
        case.write()
    assert slack.proxy.count(POST) == 1
    case.write("second")
    assert [shown(m) for m in slack.heads(case.channel)] == ["second"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("date", 30.0), (None, None), ("soon", None)],
)
def test_the_wish_to_wait_is_passed_on(
    slack: Workspace, value: str | None, seconds: float | None
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)  # not our clock's time
    value = format_datetime(now + timedelta(seconds=30), usegmt=True) if value == "date" else value
    headers = {"Date": format_datetime(now, usegmt=True)} | (
        {"Retry-After": value} if value else {}
    )
    slack.proxy.faults = [Fault(POST, 429, headers, b'{"ok": false, "error": "ratelimited"}')]
    with pytest.raises(HostUnavailable, match="429 ratelimited") as caught:
        Case(slack).write()
    assert caught.value.retry_after == seconds


def test_where_the_app_may_not_write_who_asked_is_told_directly_and_why(slack: Workspace) -> None:
    case = Case(slack, private=True)
    head = case.write("**Queued**")
    assert head.channel == slack.direct()
    case.write("**Please decide**", "question-1")
    case.write("**Working**", known=str(head))
    thread = slack.thread(head.channel, head.ts)
    assert [shown(m).split("\n")[-1] for m in thread] == ["*Working*", "*Please decide*"]
    assert f"<#{case.channel}>" in shown(thread[0]) and "/invite" in shown(thread[0])
    assert slack.heads(case.channel) == []


def test_who_cannot_be_told_at_all_is_an_error_that_names_both_reasons(slack: Workspace) -> None:
    with pytest.raises(HostRefused, match=r"not_in_channel.*scope .*im:write") as caught:
        Case(slack, private=True, token=POOR).write()
    assert "Invite the app" in caught.value.cure


def test_without_the_scopes_for_looking_and_reacting_it_still_writes(
    slack: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case(slack, token=POOR, reactions=True)
    with caplog.at_level(logging.WARNING):
        case.write()
        case.show("queued")
    assert len(slack.heads(case.channel)) == 1
    assert "channels:history" in caplog.text and "reactions:write" in caplog.text


@pytest.mark.parametrize("code", ["invalid_auth", "token_expired", "token_revoked"])
def test_an_expired_token_is_the_operators_business_and_never_shown(
    slack: Workspace, code: str
) -> None:
    body = json.dumps({"ok": False, "error": code}).encode()
    slack.proxy.faults = [Fault("POST .*", 200, body=body, times=9)]
    case = Case(slack, token="xoxb-expired-token-123")
    for call in (case.write, case.door.check):
        with pytest.raises(InvalidSettings, match=f"not accepted .{code}") as caught:
            call()  # type: ignore[operator]
        assert BOT_TOKEN in caught.value.cure
        assert "expired-token-123" not in "".join(traceback.format_exception(caught.value))


def test_emoji_show_the_phase_once(slack: Workspace) -> None:
    case = Case(slack, reactions=True)
    head = case.write()
    for phase, emoji in (("queued", "eyes"), ("working", "eyes"), ("waiting", "question"),
                         ("delivered", "white_check_mark"), ("failed", "x")):  # fmt: skip
        case.show(phase)
        case.show(phase)
        assert case.reactions(head) == [emoji]
    silent = Case(slack)
    head = silent.write()
    silent.show("queued")
    assert silent.reactions(head) == []


def test_hostile_and_huge_texts_are_shown_within_slacks_limits(slack: Workspace) -> None:
    case = Case(slack)
    case.write(HOSTILE)
    assert "<!channel>" not in shown(slack.heads(case.channel)[0])
    assert "<@U1>" not in shown(slack.heads(case.channel)[0])
    huge = Question(
        id="q" * 300, text=HOSTILE * 9_000,
        options=tuple(Option(label=f"{n}{HOSTILE}" * 60, meaning="m" * 5_000) for n in range(40)),
    )  # fmt: skip
    many = (huge.model_copy(update={"text": HOSTILE * 40}),) * 40
    for text, questions in ((HOSTILE * 12_000, ()), ("ok", many), ("x" * 1_000_000, (huge,))):
        place = case.write(text, f"question-{len(text)}", questions=questions)
        message = slack.thread(place.channel, place.ts)[0]
        assert 0 < len(message["blocks"]) <= 50
        assert len(message["text"]) < 4_000
        for block in message["blocks"]:
            if block["type"] == "section":
                assert len(block["text"]["text"]) <= 3_000 and block["text"]["verbatim"] is True
        for button in buttons(message):
            assert len(button["text"]["text"]) <= 75 and len(button["value"]) <= 2_000


def test_the_doctor_says_what_works_and_exactly_what_lacks(slack: Workspace) -> None:
    case = Case(slack)

    def check(scopes: str, **settings: Any) -> tuple[str, ...]:
        body = json.dumps({"ok": True, "user": "firstmile", "team": "Shop", "team_id": "T1"})
        found = Fault("POST /api/auth.test", 200, {"X-OAuth-Scopes": scopes}, body.encode())
        slack.proxy.faults = [found]
        return SlackDoor(slack.settings(**settings), lambda *_: None).check()

    every = ",".join(SCOPES)
    assert "firstmile in Shop" in check(every)[0]
    assert "e-mail" in check(every, emails=True, reactions=True, channel=case.channel)[2]
    with pytest.raises(InvalidSettings) as caught:
        check("commands,chat:write, im:write", emails=True, teams=["T9"])
    for word in (
        "channels:history",
        "groups:history",
        "im:history",
        "users:read.email",
        "slack.teams",
    ):
        assert word in caught.value.message
    assert "chat:write " not in caught.value.message and "reactions" not in caught.value.message
    with pytest.raises(InvalidSettings, match=r"channel_not_found.*/invite"):
        check(every, channel="C0UNKNOWN")


def test_a_dead_slack_holds_nobody_up(slack: Workspace) -> None:
    case = Case(slack, url="http://127.0.0.1:9/api", timeout_seconds=1)
    began = time.monotonic()
    with pytest.raises(HostUnavailable, match="no answer"):
        case.write()
    assert time.monotonic() - began < 3


def test_slack_keeps_no_tickets(slack: Workspace) -> None:
    door = Case(slack).door
    assert list(door.changed(60)) == [] and door.read("C1/U1/k/1") is None
    for address in ("", "C1", "C1/U1/k/x", "C1/../k/1", "C1/U1/k/1\n"):
        with pytest.raises(InvalidInput):
            door.write(address, Message("status", "x"))


def test_settings_name_all_problems_and_no_secret() -> None:
    good = {BOT_TOKEN: "xoxb-1", SIGNING_SECRET: SECRET, APP_TOKEN: "xapp-1"}
    assert SlackSettings.load({}, good).command == "/datarequest"
    assert SlackSettings.load({"socket_mode": True}, {**good, SIGNING_SECRET: ""}).socket_mode
    for values, environment, expected in (
        ({}, {}, [f"{BOT_TOKEN} is not set", f"{SIGNING_SECRET} is not set"]),
        ({"socket_mode": True}, {BOT_TOKEN: "xoxb-1"}, [f"{APP_TOKEN} is not set"]),
        ({}, {**good, BOT_TOKEN: "xoxp-my-own-token"}, ["begins with xoxb-"]),
        ({"command": "datarequest", "chanel": "C1"}, good, ["slack.command", "slack.chanel"]),
        ({"bot_token": "xoxb-my-own-token"}, good, [f"belongs into {BOT_TOKEN}"]),
        ({"channel": "#data"}, good, ["slack.channel"]),
    ):
        with pytest.raises(InvalidSettings) as caught:
            SlackSettings.load(values, environment)
        assert all(words in caught.value.message for words in expected)
        assert "my-own-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("# Hello **you**", "*Hello you*"),
        ("**a** _b_ ~~c~~ `d`", "*a* _b_ ~c~ `d`"),
        ("[pull request](https://h/x?a=1&b=2)", "<https://h/x?a=1&amp;b=2|pull request>"),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ("- a\n- b\n  1. c\n  2. d", "• a\n• b\n    1. c\n    2. d"),
        ("> a\n>\n> b", "> a\n> b"),
        ("```sql\nselect '<b>'\n```", "```\nselect '&lt;b&gt;'\n```"),
        ("| a | b |\n| --- | --- |\n| 1 | **2** |", "```\na | b\n1 | 2\n```"),
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
        ("a\n\nb", "a\n\nb"),
        ("", ""),
    ],
)
def test_markdown_becomes_mrkdwn(markdown: str, mrkdwn: str) -> None:
    assert markdown_to_mrkdwn(markdown) == mrkdwn


@pytest.mark.parametrize(
    "text", ["word & more " * 900, "x" * 9_000, "&" * 4_000, "a b\n\n" * 3_000]
)
def test_long_texts_are_split_and_nothing_is_lost(text: str) -> None:
    pieces = mrkdwn_pieces(text, 500)
    assert all(0 < len(piece) <= 500 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(markdown_to_mrkdwn(text).split())
    assert all(p.count("&") == p.count("&amp;") for p in pieces)


def test_long_code_is_fenced_in_every_piece() -> None:
    lines = [f"select {n} from t" for n in range(200)]
    pieces = mrkdwn_pieces("```\n" + "\n".join(lines) + "\n```", 500)
    assert all(p.startswith("```\n") and p.endswith("\n```") and len(p) <= 500 for p in pieces)
    assert "\n".join(p[4:-4] for p in pieces).split("\n") == lines
