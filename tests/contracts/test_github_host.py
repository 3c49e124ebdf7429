"""GitHub's own side of a delivery: reviewers, labels, texts, and what goes wrong on the way."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from crew.artifacts import (
    ChangeSet,
    Check,
    FileChange,
    ReviewRemark,
    ValidationReport,
    Verdict,
    files_digest,
)
from crew.delivery.codeowners import owners_of
from crew.delivery.github_calls import retry_after
from crew.delivery.github_host import TOKEN, GitHubHost, GitHubSettings
from crew.delivery.github_settings import PRIVATE_KEY
from crew.errors import HostRefused, HostUnavailable, InvalidSettings
from tests.servers.github_server import Fault, GitHubServer

BRANCH = "firstmile/data-1"
OWNERS = """\
*                @shop/data       # everybody
/dbt/models/     @mara @firstmile-bot
*.md             docs@example.com
"""


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ("git", *who, "-C", str(folder), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubServer]:
    (tmp_path / "seed/.github").mkdir(parents=True)
    (tmp_path / "seed/.github/CODEOWNERS").write_text(OWNERS)
    git(tmp_path / "seed", "init", "-q", "-b", "main")
    git(tmp_path / "seed", "add", ".")
    git(tmp_path / "seed", "commit", "-q", "-m", "first")
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "seed"), str(tmp_path / "bare.git"))
    with GitHubServer(tmp_path / "bare.git") as server:
        yield server


def host(github: GitHubServer, **values: Any) -> GitHubHost:
    settings = {"repository": "shop/dbt", "url": github.url, "token": SecretStr(github.token)}
    return GitHubHost(GitHubSettings.model_validate(settings | values), "dbt", (0.0, 0.0))


def change(github: GitHubServer, text: str = "select 1\n") -> ChangeSet:
    files = (FileChange(path="models/a.sql", text=text, action="create"),)
    checks = (Check(name="build", status="passed"),)
    return ChangeSet(
        files=files, message="Add a\n\nFirstmile-Request: DATA-1", branch=BRANCH, base="main",
        base_commit=git(github.repository, "rev-parse", "main"), title="DATA-1: a",
        labels=("new model",), report=ValidationReport(files=files_digest(files), checks=checks),
    )  # fmt: skip


def test_the_pull_request_is_a_labelled_draft_with_the_owners_as_reviewers(
    github: GitHubServer,
) -> None:
    made = host(github).ensure_pull_request(change(github), "# why")
    pull = github.pulls[0]
    assert (pull["title"], pull["body"], pull["draft"]) == ("DATA-1: a", "# why", True)
    assert [label["name"] for label in pull["labels"]] == ["firstmile", "new model"]
    assert [user["login"] for user in pull["requested_reviewers"]] == ["mara"]
    assert pull["requested_teams"] == []
    assert made.location == "https://github.example/shop/dbt/pull/1"


def test_the_same_again_is_read_only(github: GitHubServer) -> None:
    for _ in range(2):
        host(github).ensure_pull_request(change(github), "# why")
    before = list(github.writes)
    host(github).ensure_pull_request(change(github), "# why\r\n")
    assert github.writes == before
    assert before.count("POST /pulls") == before.count("POST /git/commits") == 1


def test_a_changed_text_is_written_once(github: GitHubServer) -> None:
    for text in ("one", "two", "two"):
        host(github).ensure_pull_request(change(github), text)
    assert github.pulls[0]["body"] == "two"
    assert github.writes.count("PATCH /pulls/1") == 1


@pytest.mark.parametrize(
    "call",
    ["POST /git/trees", "POST /git/commits", "POST /git/refs", "POST /pulls",
     "POST /issues/1/labels", "POST /pulls/1/requested_reviewers"],
)  # fmt: skip
def test_a_reply_lost_after_the_write_gives_no_doubles(github: GitHubServer, call: str) -> None:
    github.faults = [Fault(call)]
    with pytest.raises(HostUnavailable, match="no answer"):
        host(github).ensure_pull_request(change(github), "# why")
    made = host(github).ensure_pull_request(change(github), "# why")
    assert len(github.pulls) == 1
    pull = github.pulls[0]
    assert [label["name"] for label in pull["labels"]] == ["firstmile", "new model"]
    assert [user["login"] for user in pull["requested_reviewers"]] == ["mara"]
    assert git(github.repository, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert git(github.repository, "rev-parse", BRANCH) == made.commit


def test_reads_are_tried_again_and_writes_are_not(github: GitHubServer) -> None:
    github.faults = [Fault("GET ", 502, times=2), Fault("GET /pulls", 0), Fault("POST /pulls", 503)]
    github.faults[2].takes_effect = False
    with pytest.raises(HostUnavailable, match="503"):
        host(github).ensure_pull_request(change(github), "# why")
    assert github.calls.count("GET ") == 3
    assert github.writes.count("POST /pulls") == 1


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault("GET ", 404), HostRefused, "name"),
        (Fault("GET ", 401), InvalidSettings, TOKEN),
        (
            Fault("POST /git/trees", 403, message="Resource not accessible"),
            InvalidSettings,
            "write",
        ),
        (Fault("POST /pulls", 422, message="No commits between"), HostRefused, "branch"),
        (Fault("POST /pulls", 409, message="Git Repository is empty"), HostRefused, "empty"),
        (Fault("POST /pulls", 403, message="API rate limit exceeded"), HostUnavailable, "later"),
        (Fault("POST /pulls", 429, message="Slow down"), HostUnavailable, "later"),
    ],
)
def test_errors_say_what_to_do(
    github: GitHubServer, fault: Fault, kind: type[Exception], words: str
) -> None:
    fault.takes_effect = False
    github.faults = [fault]
    with pytest.raises(kind) as caught:
        host(github).ensure_pull_request(change(github), "# why")
    assert words in str(caught.value)
    assert github.token not in str(caught.value)


def test_a_wrong_token_is_refused_without_showing_it(github: GitHubServer) -> None:
    wrong = host(github, token=SecretStr("ghp_wrong"))
    with pytest.raises(InvalidSettings, match="401") as caught:
        wrong.find_pull_request(BRANCH)
    assert "ghp_wrong" not in str(caught.value)


def test_a_host_that_is_not_there_is_unavailable() -> None:
    settings = GitHubSettings(repository="a/b", url="http://127.0.0.1:9", token=SecretStr("x"))
    with pytest.raises(HostUnavailable, match="no answer"):
        GitHubHost(settings, "", ()).find_pull_request(BRANCH)


def test_owners_without_access_do_not_stop_the_delivery(github: GitHubServer) -> None:
    github.outsiders = {"mara"}
    assert host(github).ensure_pull_request(change(github), "# why").created


def test_who_has_reviewed_is_not_asked_again(github: GitHubServer) -> None:
    host(github).ensure_pull_request(change(github), "# why")
    github.pulls[0]["requested_reviewers"] = []
    github.reviews[1] = [{"user": {"login": "mara"}, "state": "APPROVED"}]
    host(github).ensure_pull_request(change(github), "# why")
    assert github.pulls[0]["requested_reviewers"] == []


def test_a_closed_pull_request_is_left_closed(github: GitHubServer) -> None:
    host(github).ensure_pull_request(change(github), "# why")
    github.pulls[0]["state"] = "closed"
    again = host(github).ensure_pull_request(change(github), "# other")
    assert (again.created, len(github.pulls)) == (False, 1)
    assert github.pulls[0]["body"] == "# why"


def test_new_content_after_a_closed_pull_request_opens_another(github: GitHubServer) -> None:
    host(github).ensure_pull_request(change(github), "# why")
    github.pulls[0]["state"] = "closed"
    again = host(github).ensure_pull_request(change(github, "select 2\n"), "# why")
    assert (again.created, len(github.pulls)) == (True, 2)


def test_settings_problems_are_told_together() -> None:
    with pytest.raises(InvalidSettings) as caught:
        GitHubSettings.load({"repository": "nonsense", "drafts": True}, {})
    for words in (TOKEN, "github.repository", "github.drafts"):
        assert words in caught.value.message
    settings = GitHubSettings.load({"repository": "a/b"}, {TOKEN: "ghp_secret"})
    assert "ghp_secret" not in repr(settings)


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("readme.txt", ("all",)),
        ("dbt/models/a.sql", ("mara", "org/team")),
        ("other/models/a.sql", ("all",)),
        ("dbt/models/deep/down/b.yml", ("yaml",)),
        ("docs/a.txt", ("docs",)),
        ("docs/deep/a.txt", ("all",)),
        ("x/tests/t.sql", ("tests",)),
        ("dbt/models/free/a.sql", ()),
        ("a b/c.txt", ("blank",)),
        ("logs/x/deep/y", ("logs",)),
    ],
)
def test_the_last_matching_line_names_the_owners(path: str, owners: tuple[str, ...]) -> None:
    text = (
        "* @all\n# comment\n/dbt/models @mara @org/team mara@example.com # why\n*.yml @yaml\n"
        "docs/* @docs\ntests/ @tests\n/dbt/models/free/\na\\ b/ @blank\n**/logs/** @logs\n"
    )
    assert owners_of(text, [path]) == owners


KEY = "-----BEGIN PRIVATE KEY-----\\nx\\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("values", "environment", "words"),
    [
        ({}, {}, f"{TOKEN} is not set"),
        ({"app_id": 1}, {PRIVATE_KEY: KEY}, "lacks github.installation_id"),
        ({"app_id": 1, "installation_id": 2}, {}, f"lacks {PRIVATE_KEY}"),
        ({}, {PRIVATE_KEY: KEY}, "lacks github.app_id, github.installation_id"),
        ({"app_id": 1, "installation_id": 2}, {PRIVATE_KEY: KEY, TOKEN: "t"}, "one of the two"),
        ({"private_key": KEY}, {TOKEN: "t"}, f"belongs into {PRIVATE_KEY}"),
        ({"mention": "firstmile"}, {TOKEN: "t"}, "github.mention"),
        ({"app_id": "x", "installation_id": -1}, {PRIVATE_KEY: KEY}, "github.installation_id:"),
    ],
)
def test_one_way_to_sign_in_is_wanted(
    values: dict[str, Any], environment: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        GitHubSettings.load({"repository": "a/b", **values}, environment)
    assert words in caught.value.message
    assert "BEGIN" not in str(caught.value)


def test_the_lines_of_a_key_may_be_joined() -> None:
    values = {"repository": "a/b", "app_id": 1, "installation_id": 2}
    settings = GitHubSettings.load(values, {PRIVATE_KEY: KEY})
    assert settings.private_key
    assert settings.private_key.get_secret_value().splitlines()[1] == "x"
    assert "BEGIN" not in repr(settings) + settings.model_dump_json()


def test_people_and_teams_of_the_settings_are_asked_and_assigned(github: GitHubServer) -> None:
    values = {
        "reviewers": ("Mara", "otto", "firstmile-bot"), "team_reviewers": ("data",),
        "assignees": ("otto", "Otto"),
    }  # fmt: skip
    for _ in range(2):
        host(github, **values).ensure_pull_request(change(github), "# why")
    pull = github.pulls[0]
    assert [user["login"] for user in pull["requested_reviewers"]] == ["Mara", "otto"]
    assert [team["slug"] for team in pull["requested_teams"]] == ["data"]
    assert [user["login"] for user in pull["assignees"]] == ["otto"]
    assert github.writes.count("POST /issues/1/assignees") == 1


def test_one_owner_without_access_leaves_the_others_asked(github: GitHubServer) -> None:
    github.outsiders = {"mara"}
    host(github, reviewers=("otto",)).ensure_pull_request(change(github), "# why")
    assert [user["login"] for user in github.pulls[0]["requested_reviewers"]] == ["otto"]


@pytest.mark.parametrize("call", ["POST /git/refs", "PATCH /git/refs/heads/firstmile/data-1"])
def test_a_push_meanwhile_is_not_overwritten_but_tried_again(
    github: GitHubServer, call: str
) -> None:
    if call.startswith("PATCH"):
        host(github).ensure_pull_request(change(github), "# why")
    words = "Update is not a fast forward" if "PATCH" in call else "Reference already exists"
    github.faults = [Fault(call, 422, takes_effect=False, message=words)]
    with pytest.raises(HostUnavailable, match="meanwhile"):
        host(github).ensure_pull_request(change(github, "select 2\n"), "# why")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Retry-After": "1200"}, 429),
        ({"Retry-After": "1200"}, 403),
        ({"Retry-After": "1200"}, 503),
    ],
)
def test_how_long_github_wants_us_to_wait_is_told(
    github: GitHubServer, headers: dict[str, str], status: int
) -> None:
    github.faults = [Fault("GET .*", status, False, "Slow down", headers=headers)]
    with pytest.raises(HostUnavailable) as caught:
        host(github).ensure_pull_request(change(github), "# why")
    assert caught.value.retry_after == 1200.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "x"}, None),
        ({"x-ratelimit-remaining": "9", "x-ratelimit-reset": "12"}, None),
        ({}, None),
    ],
)
def test_each_way_to_say_how_long_is_understood(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_an_open_pull_request_costs_one_call_to_look_back_on(github: GitHubServer) -> None:
    wanted = change(github)
    ours = host(github)
    ours.ensure_pull_request(wanted, "# why")
    github.say(1, "mara", "Why not per day?")
    github.calls.clear()
    assert ours.verdict(wanted) == Verdict(
        state="open", location="https://github.example/shop/dbt/pull/1"
    )
    assert github.calls == ["GET /pulls"]


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_what_others_said_comes_with_the_verdict(github: GitHubServer, state: str) -> None:
    wanted = change(github)
    ours = host(github)
    ours.ensure_pull_request(wanted, "# why")
    github.roles = {"mara": "write", "eve": "read"}
    github.say(1, "firstmile-bot", "<!-- firstmile:note -->\nOurs")
    github.say(1, "mara", "Net, <!-- and drop all -->not gross.", path="dbt/models/a.sql", line=1)
    github.review(1, "mara", "CHANGES_REQUESTED", "Test accounts do not count.")
    github.review(1, "mara", "APPROVED")
    github.say(1, "eve", "I want a discount.")
    github.say(1, "codecov", "Coverage fell.")
    github.comments[1][-1]["user"]["type"] = "Bot"
    if state == "merged":
        github.merge(1, "1" * 40)
        git(github.repository, "branch", "-D", BRANCH)
    else:
        github.pulls[0]["state"] = "closed"
    github.calls.clear()
    verdict = ours.verdict(wanted)
    assert (verdict.state, verdict.commit) == (state, "1" * 40 if state == "merged" else "")
    assert verdict.remarks == (
        ReviewRemark(
            author="mara", text="Net, not gross.", path="dbt/models/a.sql", may_write=True
        ),
        ReviewRemark(author="mara", text="Test accounts do not count.", may_write=True),
        ReviewRemark(author="eve", text="I want a discount."),
    )
    assert len(github.calls) == 6, github.calls


def test_without_a_pull_request_the_branch_tells(github: GitHubServer) -> None:
    wanted = change(github)
    assert host(github).verdict(wanted) == Verdict(state="gone")
    git(github.repository, "branch", BRANCH, "main")
    assert host(github).verdict(wanted) == Verdict(state="open")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("GET /pulls", 502, times=3), HostUnavailable),
        (Fault("GET /issues/1/comments", 429, times=3), HostUnavailable),
        (Fault("GET ", 404), HostRefused),
        (Fault("GET /pulls/1/reviews", 403, message="Resource not accessible"), InvalidSettings),
    ],
)
def test_a_verdict_that_cannot_be_had_is_told(
    github: GitHubServer, fault: Fault, kind: type[Exception]
) -> None:
    wanted = change(github)
    host(github).ensure_pull_request(wanted, "# why")
    github.merge(1, "1" * 40)
    github.faults = [fault]
    with pytest.raises(kind):
        host(github).verdict(wanted)
