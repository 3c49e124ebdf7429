"""Delivery to, and pull requests of, the npm package `emulate`: a GitHub that is not ours."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from crew.artifacts import ChangeSet, Check, FileChange, ValidationReport, files_digest
from crew.delivery.github_host import GitHubHost
from crew.delivery.github_pulls import GitHubPulls
from crew.delivery.github_settings import PRIVATE_KEY, GitHubSettings
from crew.errors import HostRefused, HostUnavailable, InvalidSettings
from tests.servers.emulate import emulated
from tests.servers.faulty_proxy import HTML, Fault, FaultyProxy
from tests.servers.github_contract import github_contract
from triggers.github_webhook import numbers_of

BRANCH = "firstmile/data-1"
SECRET = "hook-secret"
TOKENS = {
    "shop-token": "shop",
    "bot-token": "firstmile-bot",
    "mara-token": "mara",
    "eve-token": "eve",
}


@dataclass
class Hook:
    """Receives webhooks: headers and raw bytes."""

    events: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __enter__(self) -> Hook:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.events.append((dict(self.headers), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/github/events"


@dataclass
class Place:
    proxy: FaultyProxy
    key: str
    hook: Hook

    def settings(self, **values: Any) -> GitHubSettings:
        known = {"repository": "shop/dbt", "url": self.proxy.url, "token": SecretStr("bot-token")}
        return GitHubSettings.model_validate(known | values)

    def app(self, **values: Any) -> GitHubSettings:
        known = {"app_id": 7, "installation_id": 70, "private_key": SecretStr(self.key)}
        return self.settings(token=None, **(known | values))

    def call(self, token: str, method: str, where: str, **body: Any) -> Any:
        """A call by a person, past the proxy's faults."""
        answer = requests.request(
            method, f"http://{self.proxy.target}/repos/shop/dbt{where}",
            json=None if method == "GET" else body,
            headers={"Authorization": f"Bearer {token}"}, timeout=10,
        )  # fmt: skip
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def main(self) -> str:
        return str(self.call("mara-token", "GET", "/git/ref/heads/main")["object"]["sha"])


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def place(tmp_path: Path, key: str) -> Iterator[Place]:
    with Hook() as hook:
        all_ = {"contents": "write", "pull_requests": "write", "issues": "write",
                "metadata": "read", "checks": "read", "statuses": "read"}  # fmt: skip
        app = {
            "app_id": 7, "slug": "firstmile", "name": "Firstmile", "private_key": key,
            "permissions": all_, "events": ["*"], "webhook_url": hook.url, "webhook_secret": SECRET,
            "installations": [
                {"installation_id": 70, "account": "shop", "permissions": all_},
                {"installation_id": 71, "account": "shop", "permissions": {"contents": "read",
                 "metadata": "read", "pull_requests": "write"}},
            ],
        }  # fmt: skip
        seed = {
            "tokens": {t: {"login": login, "scopes": ["repo"]} for t, login in TOKENS.items()},
            "github": {
                "users": [{"login": login} for login in TOKENS.values()],
                "repos": [{"owner": "shop", "name": "dbt", "auto_init": True}],
                "apps": [app],
            },
        }
        with emulated("github", seed, tmp_path) as proxy:
            place = Place(proxy, key, hook)
            for login in ("mara", "firstmile-bot"):
                place.call("shop-token", "PUT", f"/collaborators/{login}", permission="admin")
            yield place


def change(place: Place, text: str = "select 1\n") -> ChangeSet:
    files = (FileChange(path="models/größe.sql", text=text, action="create"),)
    checks = (Check(name="build", status="passed"),)
    return ChangeSet(
        files=files, message="Add a\n\nFirstmile-Request: DATA-1", branch=BRANCH, base="main",
        base_commit=place.main(), title="DATA-1: a", labels=("new model",),
        report=ValidationReport(files=files_digest(files), checks=checks),
    )  # fmt: skip


def host(settings: GitHubSettings) -> GitHubHost:
    return GitHubHost(settings, "dbt", (0.0, 0.0))


@pytest.mark.parametrize("way", ["token", "app"])
def test_a_change_is_delivered_once(place: Place, way: str) -> None:
    settings = place.settings(reviewers=("mara",))
    if way == "app":
        settings = place.app(reviewers=("mara",))
    first = host(settings).ensure_pull_request(change(place), "# Why")
    writes = place.proxy.count("(POST|PATCH) .*")
    again = host(settings).ensure_pull_request(change(place), "# Why")
    tokens = 1 if way == "app" else 0
    assert again == first.model_copy(update={"created": False})
    assert place.proxy.count("(POST|PATCH) .*") == writes + tokens
    [pull] = place.call("mara-token", "GET", "/pulls?state=all")
    assert (pull["draft"], pull["title"], pull["body"]) == (True, "DATA-1: a", "# Why")
    assert [u["login"] for u in pull["requested_reviewers"]] == ["mara"]
    more = host(settings).ensure_pull_request(change(place, "select 2\n"), "# Why")
    commits = place.call("mara-token", "GET", f"/compare/main...{BRANCH}")["commits"]
    assert [c["sha"] for c in commits] == [first.commit, more.commit]


def test_a_key_that_is_none_is_told(place: Place) -> None:
    with pytest.raises(InvalidSettings, match=PRIVATE_KEY):
        host(place.app(private_key=SecretStr("rubbish"))).find_pull_request(BRANCH)


def test_an_installation_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(HostRefused, match="404"):
        host(place.app(installation_id=99)).find_pull_request(BRANCH)


def test_what_the_app_lacks_is_told(place: Place) -> None:
    assert any("main" in words for words in GitHubPulls(place.app()).check())
    with pytest.raises(InvalidSettings) as caught:
        GitHubPulls(place.app(installation_id=71)).check()
    for words in ("contents: write", "checks: read", "statuses: read"):
        assert words in caught.value.message
    assert "pull_requests" not in caught.value.message


def test_a_pull_request_is_read_with_what_people_said(place: Place) -> None:
    host(place.settings()).ensure_pull_request(change(place), "# Why")
    place.call("mara-token", "POST", "/issues/1/comments", body="@firstmile per <!-- no --> week")
    place.call("eve-token", "POST", "/issues/1/comments", body="@firstmile drop it all")
    place.call("mara-token", "POST", "/issues/1/comments", body="nice")
    thread = place.call("mara-token", "POST", "/pulls/1/comments", body="@firstmile rename it",
                        path="dbt/models/größe.sql", line=1, side="RIGHT")  # fmt: skip
    place.call("mara-token", "POST", "/pulls/1/reviews", body="Too slow", event="REQUEST_CHANGES")
    pulls = GitHubPulls(place.settings(), (0.0,))
    assert list(pulls.changed(600)) == [1]
    found = pulls.read(1)
    assert found and (found.state, found.draft, found.branch) == ("open", True, BRANCH)
    told = {(r.author, r.kind, r.text): (r.addressed, r.may_write) for r in found.remarks}
    assert told == {
        ("mara", "comment", "@firstmile per  week"): (True, True),
        ("eve", "comment", "@firstmile drop it all"): (True, False),
        ("mara", "comment", "nice"): (False, False),
        ("mara", "thread", "@firstmile rename it"): (True, True),
        ("mara", "review", "Too slow"): (True, True),
    }
    for _ in range(2):
        pulls.answer(1, f"thread-{thread['id']}", "mara", "Renamed in abc.")
    answers = place.call("mara-token", "GET", "/pulls/1/comments")[1:]
    assert [(a["in_reply_to_id"], "Renamed in abc." in a["body"]) for a in answers] == [
        (thread["id"], True)
    ]
    again = pulls.read(1)
    assert again and len(again.remarks) == len(found.remarks)


def test_a_failed_check_is_read_and_a_merge_is_seen(place: Place) -> None:
    made = host(place.settings(draft=False)).ensure_pull_request(change(place), "# Why")
    output = {"title": "dbt build", "summary": "1 of 9 failed: " + "x" * 5000}
    place.call("mara-token", "POST", "/check-runs", name="ci", head_sha=made.commit,
               status="completed", conclusion="failure", output=output)  # fmt: skip
    pulls = GitHubPulls(place.settings(), (0.0,))
    found = pulls.read(1)
    assert found and [f.name for f in found.failures] == ["ci"]
    assert "1 of 9 failed" in found.failures[0].summary
    assert len(found.failures[0].summary) < 2100
    place.call("mara-token", "POST", "/issues/1/comments", body="Next time per day")
    merge = place.call("mara-token", "PUT", "/pulls/1/merge")["sha"]
    verdict = host(place.settings()).verdict(change(place))
    assert (verdict.state, verdict.commit) == ("merged", merge)
    assert [(r.author, r.text, r.may_write) for r in verdict.remarks] == [
        ("mara", "Next time per day", True)
    ]
    ended = pulls.read(1)
    assert ended and (ended.state, ended.failures) == ("merged", ())


def test_webhooks_carry_a_signature_that_fits(place: Place) -> None:
    host(place.settings()).ensure_pull_request(change(place), "# Why")
    place.call("mara-token", "POST", "/pulls/1/comments", body="@firstmile more", line=1)
    until = time.monotonic() + 10
    seen: set[str] = set()
    while time.monotonic() < until and not {"pull_request", "pull_request_review_comment"} <= seen:
        seen = {headers["X-GitHub-Event"] for headers, _ in place.hook.events}
        time.sleep(0.05)
    named = [(h["X-GitHub-Event"], *numbers_of(h, b, SECRET)) for h, b in place.hook.events]
    assert ("pull_request", (1,), ()) in named
    assert ("pull_request_review_comment", (1,), ()) in named


SOON = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


# Tests are named by numbers: a name with the time in it differs between two test workers.


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET .*", 429, {"Retry-After": "0"}),
        Fault("GET .*", 429, {"Retry-After": "0.1"}),
        Fault("GET .*", 429, {"Retry-After": SOON}),
        Fault("GET .*", 429),
        Fault("GET .*", 403, {"Retry-After": "0"}),
        Fault("GET .*", 500),
        Fault("GET .*", 502, {"Content-Type": "text/html"}, HTML),
        Fault("GET .*", drop="before"),
        Fault("GET .*/pulls.*", half=True),
    ],
    ids=range(9),
)
def test_a_read_is_tried_again(place: Place, fault: Fault) -> None:
    place.proxy.faults = [fault]
    assert host(place.settings()).find_pull_request(BRANCH) is None
    assert place.proxy.faults == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [(lambda: {"Retry-After": "1200"}, 1200.0), (lambda: {"Retry-After": in_an_hour()}, 3600.0),
     (lambda: {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 900)}, 900.0)],
    ids=["seconds", "date", "reset"],
)  # fmt: skip
def test_a_long_wait_is_left_to_the_caller(
    place: Place, headers: Callable[[], dict[str, str]], seconds: float
) -> None:
    place.proxy.faults = [Fault("GET .*", 403, headers())]
    with pytest.raises(HostUnavailable) as caught:
        host(place.settings()).find_pull_request(BRANCH)
    assert caught.value.retry_after == pytest.approx(seconds, abs=120)
    assert len(place.proxy.calls) == 1


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize(
    "path", ["git/trees", "git/commits", "git/refs", "pulls", "issues/1/labels"]
)
def test_a_dropped_write_gives_no_doubles(place: Place, drop: Any, path: str) -> None:
    place.proxy.faults = [Fault(f"POST /repos/shop/dbt/{path}", drop=drop)]
    with pytest.raises(HostUnavailable):
        host(place.settings()).ensure_pull_request(change(place), "# Why")
    assert place.proxy.count(f"POST /repos/shop/dbt/{path}") == 1
    host(place.settings()).ensure_pull_request(change(place), "# Why")
    assert len(place.call("mara-token", "GET", "/pulls?state=all")) == 1
    assert len(place.call("mara-token", "GET", f"/compare/main...{BRANCH}")["commits"]) == 1


def test_an_answer_whose_reply_was_lost_is_not_written_twice(place: Place) -> None:
    host(place.settings()).ensure_pull_request(change(place), "# Why")
    said = place.call("mara-token", "POST", "/issues/1/comments", body="@firstmile per week")
    pulls = GitHubPulls(place.settings(), (0.0,))
    place.proxy.faults = [Fault("POST .*/comments", drop="after")]
    with pytest.raises(HostUnavailable):
        pulls.answer(1, f"comment-{said['id']}", "mara", "Done.")
    pulls.answer(1, f"comment-{said['id']}", "mara", "Done.")
    bodies = [c["body"] for c in place.call("mara-token", "GET", "/issues/1/comments")]
    assert len(bodies) == 2
    assert bodies[1].endswith("@mara\n> @\u200bfirstmile per week\n\nDone.")


def test_an_expired_token_is_told_without_being_shown(place: Place) -> None:
    place.proxy.faults = [Fault("GET .*", 401, body=json.dumps({"message": "Bad credentials"}).encode())]  # fmt: skip
    with pytest.raises(InvalidSettings) as caught:
        GitHubPulls(place.settings()).check()
    assert "expired" in str(caught.value) and "bot-token" not in str(caught.value)


def test_what_goes_over_the_wire_keeps_githubs_contract(place: Place) -> None:
    contract = github_contract()
    with contract.watching(place.proxy.url):
        for way in (place.settings(reviewers=("mara",), assignees=("mara",)), place.app()):
            host(way).ensure_pull_request(change(place), "# Why")
        host(place.settings()).ensure_pull_request(change(place, "select 2\n"), "# Because")
        said = place.call("mara-token", "POST", "/issues/1/comments", body="@firstmile go")
        pulls = GitHubPulls(place.settings(), (0.0,))
        assert list(pulls.changed(600)) == [1] and pulls.read(1)
        for text in ("Done.", "Done and tested."):
            pulls.answer(1, f"comment-{said['id']}", "mara", text)
        assert host(place.settings()).verdict(change(place)).state == "open"
        pulls.close_pull_request(BRANCH, "The ticket was cancelled.")
        ended = pulls.read(1)
        assert ended and host(place.settings()).verdict(change(place)).state == ended.state
        GitHubPulls(place.app(), (0.0,)).check()
    assert contract.findings == []
    assert len(contract.used) > 20
