"""What people do in Slack: signed calls to the real web application, the real desk, and messages
written to the npm package `emulate`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from httpx import Response
from pydantic import SecretStr

from crew.artifacts import Option, Question
from crew.errors import HostUnavailable, InvalidSettings
from crew.records.database import address_of, open_database
from crew.result import empty_result
from crew.settings import LimitSettings, ProjectSettings, Settings
from tests.orchestrator.paper import QueueOfPaper
from tests.servers.faulty_proxy import Fault
from tests.servers.slack_case import Workspace, body_of, signed, workspace
from tests.servers.slack_server import SlackServer
from triggers.desk import Desk, Record
from triggers.doors import Doors, open_doors
from triggers.durable_queue import Entries, make_tables
from triggers.orchestrator import Orchestrator
from triggers.postman import Postman
from triggers.serve import Service
from triggers.slack_app import SlackApp
from triggers.slack_door import SlackDoor
from triggers.slack_settings import BOT_TOKEN, SIGNING_SECRET
from triggers.web.app import make_app

ASKED = (
    Question(
        id="q1",
        text="What does `active` mean?",
        options=(
            Option(label="A", meaning="ordered within 90 days", effect="412 customers"),
            Option(label="B", meaning="has a running subscription"),
        ),
        default="A",
    ),
    Question(id="q2", text="Which date?", options=(Option(label="A", meaning="created at"),)),
)


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace(tmp_path_factory.mktemp("slack")) as found:
        yield found


@pytest.fixture(scope="module")
def server() -> Iterator[SlackServer]:
    with SlackServer() as found:
        yield found


@pytest.fixture(autouse=True)
def afresh(slack: Workspace, server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    slack.proxy.faults.clear()
    server.said.clear()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


class Office:
    """Firstmile at the other end of Slack's calls."""

    def __init__(
        self, slack: Workspace, server: SlackServer, folder: Path, ours: Any = None, **settings: Any
    ) -> None:
        self.slack, self.server = slack, server
        given = slack.settings(**(ours or {}))
        self.engine = open_database(address_of("", folder))
        make_tables(self.engine)
        Desk.prepare(self.engine)
        self.queue = QueueOfPaper()
        self.desk = Desk(self.engine, self.queue)
        self.orchestrator = Orchestrator(self.desk, Settings(**settings))
        self.app = SlackApp(given, self.orchestrator, self.desk)
        door = SlackDoor(given, self.desk.remote_of)
        self.postman = Postman(self.desk, {"slack": door})
        doors = Doors({"slack": door}, slack=self.app)
        service = Service(
            self.orchestrator.settings,
            self.desk,
            Entries(self.engine),
            doors,
            self.orchestrator,
            "w",
        )
        self.web = TestClient(make_app(service))
        self.channel = slack.new_channel()

    def post(self) -> None:
        while self.postman.deliver("slack"):
            pass

    def send(self, payload: dict[str, Any]) -> Response:
        body, kind = body_of(payload)
        return self.web.post("/slack/events", content=body, headers=signed(body, kind))

    def command(self, text: str, user: str = "ada", trigger: str = "", **more: Any) -> str:
        """What a slash command is answered at once."""
        payload = {
            "command": "/datarequest", "text": text, "team_id": "T1", "channel_id": self.channel,
            "user_id": self.slack.user(user), "user_name": user,
            "trigger_id": trigger or f"1.{time.monotonic_ns()}",
            "response_url": self.server.response_url, **more,
        }  # fmt: skip
        answer = self.send(payload)
        assert answer.status_code == 200
        return answer.text

    def view(self, form: dict[str, Any], user: str = "ada", **values: str) -> dict[str, Any]:
        """What the sending of a form is answered."""
        state = {
            name: {"value": {"type": "plain_text_input", "value": v}} for name, v in values.items()
        }
        if project := values.get("project"):
            state["project"] = {"value": {"selected_option": {"value": project}}}  # type: ignore[dict-item]
        view = {
            **form,
            "type": "modal",
            "id": f"V{time.monotonic_ns()}",
            "state": {"values": state},
        }
        payload = {"type": "view_submission", "team": {"id": "T1"}, "view": view,
                   "user": {"id": self.slack.user(user), "name": user}}  # fmt: skip
        answer = self.send(payload)
        assert answer.status_code == 200
        return json.loads(answer.text) if answer.text else {}

    def press(self, button: dict[str, Any], user: str = "ada", trigger: str = "") -> Response:
        return self.send({
            "type": "block_actions", "team": {"id": "T1"}, "channel": {"id": self.channel},
            "user": {"id": self.slack.user(user), "username": user}, "trigger_id": trigger,
            "response_url": self.server.response_url,
            "actions": [{**button, "block_id": "b", "action_ts": "1.2"}],
        })  # fmt: skip

    def event(self, ts: str, said: str, kind: str = "message", **more: Any) -> Response:
        place = self.desk.remote_of(self.record().id, "status") or "/"
        channel, _, head = place.partition("/")
        event = {"type": kind, "channel": channel, "ts": ts, "thread_ts": head, "text": said,
                 "user": self.slack.user("ada"), **more}  # fmt: skip
        return self.send(
            {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{ts}", "event": event}
        )

    def trigger(self) -> str:
        found = self.slack.call("views.generateTriggerId", "xoxb-bot-token",
                                user_id=self.slack.user("ada"))  # fmt: skip
        return str(found["trigger_id"])

    def record(self) -> Record:
        (found,) = self.desk.tickets()
        return found

    def ask(self, *questions: Question) -> list[dict[str, Any]]:
        """A run asks; gives the buttons as they stand in Slack."""
        record = self.record()
        asking = empty_result() | {
            "outcome": "needs_answers", "run": record.run,
            "questions": [q.model_dump(mode="json") for q in questions],
        }  # fmt: skip
        self.orchestrator.begin(record.id, record.run)
        self.orchestrator.finish(record.id, record.run, asking)
        self.post()
        return self.buttons()

    def thread(self) -> list[dict[str, Any]]:
        channel, _, ts = (self.desk.remote_of(self.record().id, "status") or "/").partition("/")
        return self.slack.thread(channel, ts)

    def buttons(self) -> list[dict[str, Any]]:
        blocks = [b for m in self.thread() for b in m["blocks"] if b["type"] == "actions"]
        return [e for b in blocks for e in b["elements"]]

    def wait_for_buttons(self, count: int) -> None:
        """Until what was answered is shown: the message is written after the answer is stored."""

        def shown() -> bool:
            self.post()
            return len(self.buttons()) == count

        self.server.wait(shown)

    def wait_for_comments(self, count: int) -> list[str]:
        self.server.wait(lambda: len(self.comments()) >= count)
        return self.comments()

    def said_in_thread(self) -> str:
        return json.dumps([m["blocks"] for m in self.thread()], ensure_ascii=False)

    def comments(self) -> list[str]:
        return [c.body for c in self.record().request.comments if not c.ours]

    def told(self, count: int = 1) -> list[str]:
        """What was said to the person after the call, once so much was."""
        self.server.wait(lambda: len(self.server.said) >= count)
        assert all(s["response_type"] == "ephemeral" for s in self.server.said)
        return [s["text"] for s in self.server.said]


@pytest.fixture
def office(slack: Workspace, server: SlackServer, tmp_path: Path) -> Office:
    return Office(slack, server, tmp_path)


# --- signatures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"x-slack-signature": "v0=" + "0" * 64},
        {"x-slack-signature": ""},
        {"x-slack-signature": "v0=" + "é" * 64},
        {"x-slack-request-timestamp": "yesterday"},
        {"x-slack-request-timestamp": ""},
        {"x-slack-request-timestamp": "9" * 5_000},
        {"x-slack-request-timestamp": "nan"},
    ],
)
def test_what_slack_did_not_sign_is_refused(office: Office, change: dict[str, str]) -> None:
    body, kind = body_of({"command": "/datarequest", "text": "orders per week"})
    headers = {**signed(body, kind), **change}
    raw = {k: v.encode("latin-1") for k, v in headers.items()}
    assert office.web.post("/slack/events", content=body, headers=raw).status_code == 401
    assert office.desk.tickets() == []


@pytest.mark.parametrize(("seconds", "status"), [(-290, 200), (-310, 401), (310, 401), (290, 200)])
def test_the_clocks_may_differ_by_five_minutes(office: Office, seconds: int, status: int) -> None:
    body, kind = body_of({"command": "/datarequest", "text": "help", "team_id": "T1"})
    headers = signed(body, kind, at=time.time() + seconds)
    assert office.web.post("/slack/events", content=body, headers=headers).status_code == status


def test_another_secret_or_none_lets_nobody_in(
    slack: Workspace, server: SlackServer, tmp_path: Path
) -> None:
    office = Office(slack, server, tmp_path)
    body, kind = body_of({"command": "/datarequest", "text": "help"})
    headers = signed(body, kind, secret="another")
    assert office.web.post("/slack/events", content=body, headers=headers).status_code == 401
    without = SlackApp(
        slack.settings(signing_secret=SecretStr("")), office.orchestrator, office.desk
    )
    assert without.respond(signed(body, kind, secret=""), body).status_code == 401


def test_the_address_can_be_verified_and_odd_calls_break_nothing(office: Office) -> None:
    found = office.send({"type": "url_verification", "challenge": "abc"})
    assert found.json() == {"challenge": "abc"}
    odd = (b"[]", b"{", b"{}", b"null", b"\xff", b"", b"payload=%5B1%5D", b"payload=x",
           b'{"type": "event_callback"}', b'{"type": "event_callback", "event": {"type": "message"}}',
           b'{"type": "event_callback", "event": {"type": "emoji_changed"}}',
           b"payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A%5B%7B%22action_id%22%3A"
           b"%22firstmile_other%22%7D%5D%7D",
           b"command=%2Fdatarequest", b"command=%2Fdatarequest&text=status&user_id=%00")  # fmt: skip
    for body in odd:
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            answer = office.web.post("/slack/events", content=body, headers=signed(body, kind))
            assert answer.status_code in (200, 400, 401, 404), body
    assert office.desk.tickets() == []


# --- requests ------------------------------------------------------------------------------------


def test_a_command_becomes_a_request_that_is_shown_in_a_thread(office: Office) -> None:
    said = office.command("Hi all! How many <https://shop.example|orders> per week & region?")
    record = office.record()
    assert record.state == "queued" and list(office.queue.runs) == [record.run]
    assert f"`{record.request.key}`" in said and f"<#{office.channel}>" in said
    assert record.request.title == "How many [orders](https://shop.example) per week & region?"
    assert (record.person, record.request.requester) == (office.slack.user("ada"), "ada")
    office.post()
    (head,) = office.slack.heads(office.channel)
    assert "Queued" in json.dumps(head["blocks"])


def test_the_same_command_ten_times_at_once_is_one_request(office: Office) -> None:
    with ThreadPoolExecutor(10) as pool:
        said = list(
            pool.map(lambda _: office.command("orders per week", trigger="13.1"), range(10))
        )
    record = office.record()
    assert all(record.request.key in s for s in said)
    assert list(office.queue.runs) == [record.run]
    office.orchestrator.cancel(record.id, "Ada")
    assert "cancelled" in office.command("orders per week", trigger="13.1")
    assert office.record().state == "cancelled"
    office.command("orders per week", trigger="13.2")
    assert len(office.desk.tickets()) == 2


def test_texts_of_any_script_and_length_are_taken(office: Office) -> None:
    for text in ("📈 طلبات per week ‮drow‬?", "x" * 900_000, "\x00 orders", "*bold* <@U1> <!here>"):
        assert "Taken up as" in office.command(text)
    assert len(office.desk.tickets()) == 4
    office.post()
    assert len(office.slack.heads(office.channel)) == 4


def test_help_status_and_cancel(office: Office) -> None:
    assert "`/datarequest cancel KEY`" in office.command("help")
    assert "no open request" in office.command("status")
    office.command("orders per week")
    key = office.record().request.key
    assert key in office.command("status") and "in the queue" in office.command(f"status `{key}`")
    assert "in the queue" in office.command(f"status {key}", user="bo")  # the same channel
    assert "no request" in office.command(f"status {key}", user="bo", channel_id="C2")
    assert "no open request" in office.command("status", user="bo")
    assert "alone may stop it" in office.command(f"cancel {key}", user="bo")
    assert office.record().state == "queued"
    assert "Which one?" in office.command("cancel") and "no request" in office.command("cancel x")
    assert "is stopped" in office.command(f"cancel {key}")
    assert office.record().state == "cancelled"
    assert "already" in office.command(f"cancel {key}")
    assert "no open request" in office.command("status")
    assert "alone" in office.command("help", command="/other")


def test_every_refusal_has_its_words(slack: Workspace, server: SlackServer, tmp_path: Path) -> None:
    closed = Office(slack, server, tmp_path / "a", ours={"teams": ["T2"]})
    assert "workspace" in closed.command("orders per week")
    closed = Office(slack, server, tmp_path / "b", ours={"channels": ["C0DATA"]})
    assert "<#C0DATA>" in closed.command("orders per week")
    assert closed.desk.tickets() == []
    bo = slack.user("bo")
    some = Office(slack, server, tmp_path / "c", allowed=(bo,), projects={"shop": ProjectSettings(project=".")},
                  default_project="shop", limits=LimitSettings(per_person_per_day=1))  # fmt: skip
    assert "may not ask here" in some.command("orders per week")
    assert "no dbt project" in some.command("orders --project nope per week", user="bo")
    assert "Over the limit" not in some.command("orders —project shop per week", user="bo")
    assert "Over the limit of 1" in some.command("project:shop churn per week", user="bo")
    assert "came without a text" in some.command("--project shop", user="bo")
    titles = {r.request.body for r in some.desk.tickets("queued")}
    assert titles == {"orders  per week", "churn per week"}
    some.post()
    heads = json.dumps([h["blocks"] for h in slack.heads(some.channel)])
    assert "may not ask here" in heads and "no dbt project" in heads and "Over the limit" in heads


def test_people_are_known_by_their_address_if_so_set(
    slack: Workspace, server: SlackServer, tmp_path: Path
) -> None:
    office = Office(slack, server, tmp_path, ours={"emails": True}, allowed=("@shop.example",))
    slack.proxy.faults = [Fault("POST /api/users.info", 500)]
    assert "could not look up who you are" in office.command("orders per week")
    assert "Taken up" in office.command("orders per week")
    assert office.record().person == "ada@shop.example"
    assert office.record().request.key in office.command("status")


def test_all_requests_can_be_reported_in_one_channel(
    slack: Workspace, server: SlackServer, tmp_path: Path
) -> None:
    channel = slack.new_channel()
    office = Office(slack, server, tmp_path, ours={"channel": channel})
    assert f"<#{channel}>" in office.command("orders per week")
    office.post()
    assert len(slack.heads(channel)) == 1 and slack.heads(office.channel) == []


def test_without_a_text_a_form_opens(slack: Workspace, server: SlackServer, tmp_path: Path) -> None:
    projects = {n: ProjectSettings(project=".") for n in ("finance", "shop")}
    office = Office(slack, server, tmp_path, projects=projects)
    opened = slack.proxy.count("POST /api/views.open")
    assert office.command("  ", trigger=office.trigger()) == ""
    assert slack.proxy.count("POST /api/views.open") == opened + 1
    form = {"callback_id": "firstmile_request",
            "private_metadata": json.dumps({"channel": office.channel})}  # fmt: skip
    answer = office.view(form, title="Orders", what="Orders per week", why="The board meeting",
                         when="Friday", project="finance")  # fmt: skip
    record = office.record()
    assert record.request.key in json.dumps(answer) and answer["response_action"] == "update"
    assert (record.project, record.request.title) == ("finance", "Orders")
    assert (
        record.request.body == "## What is needed\n\nOrders per week\n\n"
        "## Background\n\nWhat it is for: The board meeting\n\nWanted until: Friday"
    )
    assert "could not be opened" in office.command("", trigger="1.2.expired")
    assert "came without a text" in json.dumps(office.view(form, what="   ", project="shop"))
    assert "one of: finance, shop" in json.dumps(office.view(form, what="Churn per month"))


def test_the_settings_open_the_door_which_nobody_polls(office: Office) -> None:
    secrets = {BOT_TOKEN: "xoxb-1", SIGNING_SECRET: "s"}
    doors = open_doors(
        Settings(slack={"reactions": True}), office.desk, office.orchestrator, secrets
    )
    assert list(doors.by_name) == ["slack"] and doors.polled == frozenset()
    assert doors.slack and not doors.slack.socket_mode
    with pytest.raises(InvalidSettings, match=SIGNING_SECRET):
        open_doors(Settings(slack={}), office.desk, office.orchestrator, {BOT_TOKEN: "xoxb-1"})


# --- the database --------------------------------------------------------------------------------


def test_a_slow_database_is_told_in_time_and_the_end_afterwards(office: Office) -> None:
    lock = office.engine.connect()
    lock.execute(sa.text("BEGIN IMMEDIATE"))
    began = time.monotonic()
    said = office.command("orders per week")
    assert time.monotonic() - began < 3
    assert "not certain yet" in said and "Taken" not in said
    lock.rollback()
    lock.close()
    (told,) = office.told()
    assert f"Taken up as `{office.record().request.key}`" in told


def test_a_broken_database_is_no_silence(office: Office) -> None:
    with office.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE firstmile_tickets"))
    assert "database does not answer" in office.command("orders per week")
    assert "database does not answer" in office.command("status")


# --- answers -------------------------------------------------------------------------------------


def test_a_button_answers_once_and_the_message_shows_who_did(office: Office) -> None:
    office.command("orders per week")
    before = office.record().run
    a, b, _ = office.ask(ASKED[0])
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: office.press(b, "bo").status_code, range(10)))
    assert answers == [200] * 10
    assert office.wait_for_comments(1) == ["B: has a running subscription"]
    record = office.record()
    assert (record.state, record.request.comments[-1].author) == ("queued", "bo")
    assert record.run != before and len(office.queue.runs) == 2
    assert all("answered already" in t for t in office.told(9))
    office.press(a)
    assert "answered already" in office.told(10)[-1]
    office.wait_for_buttons(0)
    shown = office.said_in_thread()
    assert "✔" in shown and "*bo*: B: has a running subscription" in shown
    assert office.comments() == ["B: has a running subscription"]


def test_two_questions_are_answered_one_by_one(office: Office) -> None:
    office.command("orders per week")
    first, _, _, second, _ = office.ask(*ASKED)
    office.press(first)
    assert len(office.wait_for_comments(1)) == 1
    office.wait_for_buttons(2)
    office.press(second)
    assert office.wait_for_comments(2) == ["A: ordered within 90 days", "A: created at"]
    office.wait_for_buttons(0)
    shown = office.said_in_thread()
    assert "A: ordered within 90 days" in shown and "A: created at" in shown


def test_a_question_asked_again_can_be_answered_again(office: Office) -> None:
    office.command("orders per week")
    first = office.ask(ASKED[0])
    office.press(first[0])
    office.wait_for_comments(1)
    office.wait_for_buttons(0)
    again = office.ask(ASKED[0])
    assert len(again) == 3
    office.press(again[1])
    assert office.wait_for_comments(2)[1] == "B: has a running subscription"


def test_an_answer_in_ones_own_words(office: Office) -> None:
    office.command("orders per week")
    *_, other = office.ask(ASKED[0])
    opened = office.slack.proxy.count("POST /api/views.open")
    office.press(other, trigger=office.trigger())
    office.server.wait(lambda: office.slack.proxy.count("POST /api/views.open") > opened)
    carried = {k: v for k, v in json.loads(other["value"]).items() if k != "answer"}
    form = {"callback_id": "firstmile_answer", "private_metadata": json.dumps(carried)}
    assert "is empty" in json.dumps(office.view(form, answer=" "))
    assert office.view(form, answer="Whoever paid, עברית 🙂") == {}
    assert office.comments() == ["Whoever paid, עברית 🙂"]
    assert "answered already" in json.dumps(office.view(form, answer="Again"))
    office.press(other, trigger="1.2")
    assert "answered already" in office.told()[0]


def test_what_is_over_cannot_be_answered(office: Office) -> None:
    office.command("orders per week")
    first, *_ = office.ask(ASKED[0])
    office.orchestrator.cancel(office.record().id, "Ada")
    office.press(first)
    assert "is cancelled; nothing was changed" in office.told()[0]
    office.press({**first, "value": "{not json"})
    assert "not known here" in office.told(2)[1]
    assert office.comments() == [] and office.record().state == "cancelled"


def test_a_reply_in_the_thread_is_an_answer_while_one_is_waited_for(office: Office) -> None:
    office.command("orders per week")
    office.post()
    assert office.event("5.1", "hurry up").status_code == 200
    assert office.comments() == []
    office.ask(*ASKED)
    with ThreadPoolExecutor(10) as pool:
        said = ["order date", "orders only"] * 5
        answers = list(
            pool.map(lambda n: office.event(f"6.{n % 2}", said[n]).status_code, range(10))
        )
    assert answers == [200] * 10
    # A second thought counts for as long as nothing came of the first.
    assert sorted(office.comments()) == ["order date", "orders only"]
    office.post()
    assert office.buttons() == [] and "Answered below" in office.said_in_thread()


def test_a_mention_in_the_thread_changes_what_was_asked(office: Office) -> None:
    office.command("orders per week")
    office.post()
    for _ in range(3):
        office.event("7.1", "<@UFIRSTMILE> by region *too*", "app_mention")
        office.event("7.1", "<@UFIRSTMILE> by region *too*")
    assert office.comments() == ["by region **too**"]
    office.event("7.2", "our own words", bot_id="B1")
    office.event("7.3", "edited", subtype="message_changed")
    office.event("7.4", "elsewhere", thread_ts="1.000001")
    assert len(office.comments()) == 1
    count = office.slack.proxy.count("POST /api/chat.postEphemeral")
    office.event("7.5", "<@UFIRSTMILE> hello", "app_mention", thread_ts="")
    office.server.wait(lambda: office.slack.proxy.count("POST /api/chat.postEphemeral") > count)


def test_an_event_that_cannot_be_stored_is_sent_again_by_slack(office: Office) -> None:
    office.command("orders per week")
    office.ask(ASKED[0])
    lock = office.engine.connect()
    lock.execute(sa.text("BEGIN IMMEDIATE"))
    began = time.monotonic()
    assert office.event("8.1", "order date").status_code == 503
    assert time.monotonic() - began < 3
    lock.rollback()
    lock.close()
    assert office.event("8.1", "order date").status_code == 200
    assert office.wait_for_comments(1) == ["order date"]


# --- Socket Mode ---------------------------------------------------------------------------------


def test_socket_mode_takes_commands_and_comes_back_after_a_break(
    slack: Workspace, tmp_path: Path
) -> None:
    with SlackServer() as server:
        socket = {"socket_mode": True, "app_token": SecretStr(server.app_token),
                  "signing_secret": SecretStr("")}  # fmt: skip
        office = Office(slack, server, tmp_path, ours=socket | {"url": f"{server.url}/api/"})
        office.app.start_socket_mode()
        office.app.start_socket_mode()
        assert server.opened == 1
        payload = {"command": "/datarequest", "text": "orders per week", "team_id": "T1",
                   "channel_id": "C1", "user_id": "U1", "user_name": "ada", "trigger_id": "1.1"}  # fmt: skip
        for envelope in ("E1", "E2"):
            server.send(envelope, "slash_commands", payload)
        server.wait(lambda: len(server.acks) == 2)
        key = office.record().request.key
        assert {a["envelope_id"] for a in server.acks} == {"E1", "E2"}
        assert all(key in a["payload"]["text"] for a in server.acks)
        server.sockets[-1].close()
        server.wait(lambda: office.app.start_socket_mode() or len(server.sockets) > 1)
        server.send("E3", "slash_commands", {**payload, "text": "help"})
        server.wait(lambda: len(server.acks) == 3)
        office.app.stop()
        wrong = {**socket, "app_token": SecretStr("xapp-wrong"), "url": f"{server.url}/api/"}
        refused = SlackApp(slack.settings(**wrong), office.orchestrator, office.desk)
        with pytest.raises(InvalidSettings, match="not accepted"):
            refused.start_socket_mode()
    gone = SlackApp(slack.settings(**wrong), office.orchestrator, office.desk)
    with pytest.raises(HostUnavailable):
        gone.start_socket_mode()
