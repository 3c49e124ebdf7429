"""`firstmile serve` as a team runs it: a real process, Jira over HTTP, the example's dbt project."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import TICKETS, Shop
from tests.orchestrator.stub_crew import git
from tests.servers.github_server import GitHubServer
from tests.servers.jira_server import JiraServer
from triggers.adf_text import adf_to_markdown
from triggers.rich_text import signed_kind

FIRSTMILE = Path(sys.executable).parent / "firstmile"
PORT = 8700 + os.getpid() % 290


@dataclass
class Team:
    jira: JiraServer
    folder: Path
    shop: Shop
    process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        variables = {"FIRSTMILE_JIRA_TOKEN": self.jira.token,
                     "SHOP_WAREHOUSE": str(self.shop.warehouse)}  # fmt: skip
        self.process = subprocess.Popen(
            [str(FIRSTMILE), "serve", *arguments], cwd=self.folder, env={**os.environ, **variables}
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(40)

    def comments(self, key: str) -> dict[str, str]:
        """Our comments by kind; two of one kind fail the test."""
        found: dict[str, str] = {}
        for comment in self.jira.comments[key]:
            text = adf_to_markdown(comment["body"])
            if kind := signed_kind(text).partition("-")[0]:
                assert kind not in found, f"two comments of kind {kind}: {text}"
                found[kind] = text
        return found

    def wait_for(self, key: str, words: str, kind: str = "status", seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while words not in (text := self.comments(key).get(kind, "")):
            assert time.monotonic() < end, f"{key} still says: {text}"
            time.sleep(0.1)
        return text

    def wait_for_state(self, wanted: str) -> None:
        """Until `firstmile tickets` shows the only ticket in this state."""
        end, state = time.monotonic() + 60, ""
        while state != wanted:
            assert time.monotonic() < end, f"still {state}"
            listed = subprocess.run(
                [str(FIRSTMILE), "tickets", "--json"], cwd=self.folder, capture_output=True
            )
            found = json.loads(listed.stdout)["tickets"] if listed.returncode == 0 else []
            state = found[0]["state"] if found else ""

    def post(self, path: str, content: Any, secret: str) -> int:
        """Send a signed event of GitHub's."""
        body = json.dumps(content).encode()
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": "pull_request",
                   "Content-Type": "application/json"}  # fmt: skip
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def team(shop: Shop, tmp_path: Path) -> Iterator[Team]:
    with JiraServer("cloud") as jira:
        settings: dict[str, Any] = {
            "project": str(shop.repository),
            "jira": {"url": jira.url, "kind": "cloud", "user": jira.user},
            "queue": {"poll_seconds": 0.5},
            "serve": {"port": PORT},
        }
        (tmp_path / "firstmile.yml").write_text(yaml.safe_dump(settings))
        team = Team(jira, tmp_path, shop)
        yield team
        if team.process and team.process.poll() is None:
            team.process.kill()


def payload(name: str) -> dict[str, Any]:
    content = json.loads((TICKETS / name).read_text("utf-8"))
    fields: dict[str, Any] = content.get("issue", content)["fields"]
    return fields


@pytest.mark.timeout(180)
def test_tickets_come_back_as_branches_questions_and_answers(team: Team) -> None:
    fields = payload("jira_weekly_churn.json")
    team.jira.add("DATA-141", fields["summary"], description=fields["description"])
    team.jira.add("DATA-142", "Track active customers per month")
    began = time.monotonic()
    team.start()
    team.wait_for("DATA-141", "Queued", seconds=20)
    assert time.monotonic() - began < 15, "acknowledged late"
    assert "Checks: " in team.wait_for("DATA-141", "Ready for review")
    asked = team.wait_for("DATA-142", "Please decide", "question")
    assert "**A**" in asked and "→" in asked
    team.wait_for("DATA-142", "Waiting for an answer")
    status, body = team.get("/metrics")
    assert status == 200 and 'firstmile_tickets{state="delivered"} 1.0' in body
    assert team.get("/healthz")[0] == 200
    assert team.get("/readyz")[0] == 200, team.get("/readyz")

    team.jira.say("DATA-142", "A")
    team.wait_for("DATA-142", "Ready for review")
    branches = git(team.shop.repository, "for-each-ref", "--format=%(refname:short)",
                   "refs/heads/firstmile").split()  # fmt: skip
    for key in ("data-141", "data-142"):
        assert len([b for b in branches if b.startswith(f"firstmile/{key}-")]) == 1
    assert team.comments("DATA-142").keys() == {"status", "question"}

    team.jira.issues["DATA-142"]["fields"]["labels"].remove("firstmile")
    team.jira.touch("DATA-142")
    team.wait_for("DATA-142", "Cancelled")
    calls = len(team.jira.writes)
    time.sleep(2)
    assert len(team.jira.writes) <= calls + 2, "it goes on writing on a ticket that is cancelled"
    assert team.stop() == 0


@pytest.mark.timeout(180)
def test_a_reviewer_s_remark_becomes_a_further_commit_and_a_merge_is_told(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(team.shop.repository, tmp_path / "github.git")
    monkeypatch.setenv("FIRSTMILE_GITHUB_WEBHOOK_SECRET", "hush")
    with GitHubServer(tmp_path / "github.git") as github:
        monkeypatch.setenv("FIRSTMILE_GITHUB_TOKEN", github.token)
        file = tmp_path / "firstmile.yml"
        settings = yaml.safe_load(file.read_text())
        settings |= {"project": str(github.repository), "to": "github"}
        settings["github"] = {"repository": "shop/dbt", "url": github.url}
        file.write_text(yaml.safe_dump(settings))
        github.roles["mara"] = "write"

        def nudge() -> None:
            ref = {"ref": github.pulls[0]["head"]["ref"]}
            content = {"number": 1, "pull_request": {"number": 1, "head": ref},
                       "repository": {"full_name": "shop/dbt"}}  # fmt: skip
            assert team.post("/github/events", content, "hush") == 202

        fields = payload("jira_weekly_churn.json")
        team.jira.add("DATA-144", fields["summary"], description=fields["description"])
        team.start()
        team.wait_for("DATA-144", "Ready for review")
        assert len(team.jira.links) == 1
        branch = github.pulls[0]["head"]["ref"]
        assert len(git(github.repository, "rev-list", f"main..{branch}").split()) == 1

        github.say(1, "mara", "@firstmile please also break it down by plan")
        nudge()
        assert "Done in" in wait_for_answer(github, "mara")
        commits = git(github.repository, "log", "--format=%B", f"main..{branch}")
        assert commits.count("Firstmile-Request: DATA-144") == 2
        assert "please also break it down by plan" in commits
        files = git(github.repository, "diff", "--name-only", f"main...{branch}")
        assert "plan" in git(github.repository, "grep", "-i", "plan", branch, "--", *files.split())
        assert len(github.pulls) == 1

        github.say(1, "eve", "@firstmile drop it all")
        nudge()
        assert "may write" in wait_for_answer(github, "eve")

        github.pulls[0] |= {"state": "closed", "merged": True,
                            "merged_at": "2026-01-01T00:00:00Z"}  # fmt: skip
        nudge()
        team.wait_for("DATA-144", "Merged")
        assert team.comments("DATA-144").keys() == {"status"}
        assert team.stop() == 0


def wait_for_answer(github: GitHubServer, author: str) -> str:
    """Our answer to a person on the pull request."""
    end = time.monotonic() + 40
    while time.monotonic() < end:
        for comment in github.comments.get(1, []):
            body = str(comment["body"])
            if body.startswith("<!-- firstmile:answer") and f"@{author}" in body:
                return body
        time.sleep(0.2)
    raise AssertionError(f"{author} was not answered: {github.comments}")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_run_that_was_stopped_or_killed_goes_on_after_the_next_start(team: Team) -> None:
    fields = payload("jira_weekly_churn.json")
    team.jira.add("DATA-143", fields["summary"], description=fields["description"])
    team.start()
    team.wait_for("DATA-143", "Queued", seconds=20)
    for how in (signal.SIGTERM, signal.SIGKILL):
        team.wait_for_state("working")
        team.stop(how)
        assert "Ready" not in team.comments("DATA-143")["status"]
        team.start("--only", "worker")
    team.wait_for_state("delivered")
    team.stop()
    team.start("--only", "pollers")
    team.wait_for("DATA-143", "Ready for review")
    assert team.comments("DATA-143").keys() == {"status"}
    assert team.stop() == 0
