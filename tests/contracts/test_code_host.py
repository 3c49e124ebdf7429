"""What every code host promises: one branch, one commit per content, nobody else's work touched."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from crew.artifacts import ChangeSet, Check, FileChange, ValidationReport, files_digest
from crew.delivery.github_host import GitHubHost, GitHubSettings
from crew.delivery.local_git_host import LocalGitHost
from crew.errors import HostRefused
from crew.ports import CodeHost
from tests.servers.github_server import GitHubServer

BRANCH = "firstmile/data-1-weekly-churn"
PATH = "models/marts/größe.sql"


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ("git", *who, "-c", "core.quotePath=false", "-C", str(folder), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Place:
    """A host under test, and the repository behind it to look into."""

    host: CodeHost
    repository: Path
    count_pull_requests: Callable[[], int]

    def commits(self) -> int:
        return int(git(self.repository, "rev-list", "--count", "main.." + BRANCH))

    def base(self) -> str:
        return git(self.repository, "rev-parse", "main")

    def push(self, work: Path, branch: str, path: str) -> None:
        """Somebody else's commit on a branch."""
        git(work.parent, "clone", "-q", "-b", branch, str(self.repository), str(work))
        (work / path).write_text("theirs\n")
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", "My own work\n\nFirstmile-Request: OTHER-9")
        git(work, "push", "-q", "origin", branch)


@pytest.fixture(params=["local", "github"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    seed, bare = tmp_path / "seed", tmp_path / "bare.git"
    (seed / "dbt/models").mkdir(parents=True)
    (seed / "dbt/models/a.sql").write_text("select 1\n")
    git(seed, "init", "-q", "-b", "main")
    git(seed, "add", ".")
    git(seed, "commit", "-q", "-m", "first")
    git(tmp_path, "clone", "-q", "--bare", str(seed), str(bare))
    if request.param == "local":
        state = tmp_path / "state"
        texts = state / "pull_requests"
        yield Place(LocalGitHost(bare, "dbt", state), bare, lambda: len([*texts.glob("*.md")]))
        return
    with GitHubServer(bare) as server:
        settings = GitHubSettings(
            repository="shop/dbt", url=server.url, token=SecretStr(server.token)
        )
        host = GitHubHost(settings, "dbt", pauses_seconds=(0.0,))
        yield Place(host, bare, lambda: len(server.pulls))


def change(place: Place, text: str = "select 2\n", **other: str) -> ChangeSet:
    files = (
        FileChange(path=PATH, text=text, action="create"),
        FileChange(path="models/a.sql", text="select 1, 1\r\n", action="update"),
    )
    report = ValidationReport(
        files=files_digest(files), checks=(Check(name="build", status="passed"),)
    )
    values = {
        "message": "Add weekly churn\n\nFirstmile-Request: DATA-1", "branch": BRANCH,
        "base": "main", "base_commit": place.base(), "title": "DATA-1: weekly churn", **other,
    }  # fmt: skip
    return ChangeSet.model_validate({"files": files, "report": report, **values})


def test_a_change_becomes_one_branch_with_one_commit(place: Place) -> None:
    base = place.base()
    made = place.host.ensure_pull_request(change(place), "why")
    assert made.created
    assert (made.branch, made.base) == (BRANCH, "main")
    assert git(place.repository, "rev-parse", BRANCH) == made.commit
    assert place.commits() == 1
    assert place.base() == base
    changed = git(place.repository, "diff", "--name-only", f"main..{BRANCH}").splitlines()
    assert changed == ["dbt/models/a.sql", f"dbt/{PATH}"]
    content = subprocess.run(
        ("git", "-C", str(place.repository), "show", f"{BRANCH}:dbt/models/a.sql"),
        capture_output=True, check=True,
    )  # fmt: skip
    assert content.stdout == b"select 1, 1\r\n"
    assert place.count_pull_requests() == 1


def test_the_same_again_writes_nothing(place: Place) -> None:
    first = place.host.ensure_pull_request(change(place), "why")
    second = place.host.ensure_pull_request(change(place), "why")
    assert second == first.model_copy(update={"created": False})
    assert place.commits() == 1
    assert place.count_pull_requests() == 1


def test_other_content_becomes_one_further_commit(place: Place) -> None:
    place.host.ensure_pull_request(change(place), "why")
    made = place.host.ensure_pull_request(change(place, "select 3\n"), "why else")
    assert not made.created
    assert place.commits() == 2
    assert git(place.repository, "show", f"{BRANCH}:dbt/{PATH}") == "select 3"
    assert place.count_pull_requests() == 1


def test_the_same_content_stays_when_the_base_has_moved_on(place: Place, tmp_path: Path) -> None:
    first = place.host.ensure_pull_request(change(place), "why")
    place.push(tmp_path / "work", "main", "README.md")
    second = place.host.ensure_pull_request(change(place), "why")
    assert second.commit == first.commit


def test_other_content_takes_the_moved_base_in(place: Place, tmp_path: Path) -> None:
    place.host.ensure_pull_request(change(place), "why")
    place.push(tmp_path / "work", "main", "README.md")
    place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    changed = git(place.repository, "diff", "--name-only", f"main..{BRANCH}").splitlines()
    assert changed == ["dbt/models/a.sql", f"dbt/{PATH}"]
    assert place.commits() == 2


def test_a_pull_request_is_found_by_its_branch(place: Place) -> None:
    assert place.host.find_pull_request(BRANCH) is None
    made = place.host.ensure_pull_request(change(place), "why")
    assert place.host.find_pull_request(BRANCH) == made.model_copy(update={"created": False})


def test_somebody_elses_commits_are_not_built_upon(place: Place, tmp_path: Path) -> None:
    place.host.ensure_pull_request(change(place), "why")
    place.push(tmp_path / "work", BRANCH, "note.md")
    tip = git(place.repository, "rev-parse", BRANCH)
    with pytest.raises(HostRefused, match="not of this request: 'My own work'") as caught:
        place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    assert BRANCH in caught.value.cure
    assert git(place.repository, "rev-parse", BRANCH) == tip


def test_the_default_branch_is_refused(place: Place) -> None:
    base = place.base()
    for other in ({"branch": "main"}, {"branch": "main", "base": "release"}):
        with pytest.raises(HostRefused, match="base, the default"):
            place.host.ensure_pull_request(change(place, **other), "why")
    assert place.base() == base


@pytest.mark.parametrize("branch", ["", "-x", "a..b", "a b", "x.lock", "refs@{1}", "a/", "x:y"])
def test_what_is_no_branch_name_is_refused(place: Place, branch: str) -> None:
    with pytest.raises(HostRefused, match="no branch name"):
        place.host.ensure_pull_request(change(place, branch=branch), "why")


@pytest.mark.parametrize(
    "path",
    ["../models/a.sql", "/models/a.sql", "dbt_project.yml", "models/x.py", ".github/w.yml",
     "models/../../a.sql", "models/.git/a.sql", "models/profiles.yml", "a.sql"],
)  # fmt: skip
def test_a_path_that_is_not_the_projects_is_refused(place: Place, path: str) -> None:
    files = (FileChange(path=path, text="x", action="create"),)
    report = change(place).report.model_copy(update={"files": files_digest(files)})
    sealed = change(place).model_dump(exclude={"files", "report"})
    bad = ChangeSet.model_validate({**sealed, "files": files, "report": report})
    with pytest.raises(HostRefused, match="may not write"):
        place.host.ensure_pull_request(bad, "why")
    assert place.count_pull_requests() == 0


def test_a_message_that_names_no_request_is_refused(place: Place) -> None:
    with pytest.raises(HostRefused, match="names no request"):
        place.host.ensure_pull_request(change(place, message="Add churn"), "why")


def test_a_base_commit_that_is_not_there_is_refused(place: Place) -> None:
    with pytest.raises(HostRefused):
        place.host.ensure_pull_request(change(place, base_commit="1" * 40), "why")
