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
    tell_merged: Callable[[str], None] = lambda commit: None

    def commits(self) -> int:
        return int(git(self.repository, "rev-list", "--count", "main.." + BRANCH))

    def base(self) -> str:
        return git(self.repository, "rev-parse", "main")

    def push(
        self,
        work: Path,
        branch: str,
        path: str,
        text: str = "theirs\n",
        message: str = "My own work",
    ) -> None:
        """Somebody else's commit on a branch."""
        if not work.exists():
            git(work.parent, "clone", "-q", str(self.repository), str(work))
        git(work, "fetch", "-q")
        git(work, "checkout", "-q", branch)
        git(work, "pull", "-q", "--ff-only")
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", message)
        git(work, "push", "-q", "origin", branch)

    def show(self, path: str) -> str:
        return git(self.repository, "show", f"{BRANCH}:{path}")

    def paths(self) -> list[str]:
        """What the branch changes in the base."""
        return git(self.repository, "diff", "--name-only", f"main..{BRANCH}").splitlines()


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
        yield Place(host, bare, lambda: len(server.pulls), lambda sha: server.merge(1, sha))


def change(
    place: Place,
    text: str = "select 2\n",
    path: str = PATH,
    also: str = "select 1, 1\r\n",
    **other: str,
) -> ChangeSet:
    """A change that creates the file at `path` and, with `also`, updates another."""
    files = [FileChange(path=path, text=text, action="create")]
    if also:
        files.append(FileChange(path="models/a.sql", text=also, action="update"))
    files = tuple(files)
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


def test_a_branch_of_somebody_else_is_not_built_upon(place: Place, tmp_path: Path) -> None:
    git(place.repository, "branch", BRANCH, "main")
    place.push(
        tmp_path / "work", BRANCH, "note.md", message="My own work\n\nFirstmile-Request: OTHER-9"
    )
    tip = git(place.repository, "rev-parse", BRANCH)
    with pytest.raises(HostRefused, match="not of this request: 'My own work' by Ada") as caught:
        place.host.ensure_pull_request(change(place), "why")
    assert BRANCH in caught.value.cure
    assert git(place.repository, "rev-parse", BRANCH) == tip


def test_commits_of_others_on_the_branch_are_kept(place: Place, tmp_path: Path) -> None:
    ours = place.host.ensure_pull_request(change(place), "why").commit
    place.push(tmp_path / "work", BRANCH, "note.md")
    theirs = git(place.repository, "rev-parse", BRANCH)
    unchanged = place.host.ensure_pull_request(change(place), "why")
    assert unchanged.commit == ours, "nothing new is told as somebody else's commit"
    made = place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    assert git(place.repository, "rev-parse", f"{BRANCH}^") == theirs
    assert (place.show("note.md"), place.show(f"dbt/{PATH}")) == ("theirs", "select 3")
    assert place.host.ensure_pull_request(change(place, "select 3\n"), "why") == made
    assert place.commits() == 3


def test_a_file_of_ours_that_somebody_changed_is_never_overwritten(
    place: Place, tmp_path: Path
) -> None:
    ours = place.host.ensure_pull_request(change(place), "why").commit
    place.push(tmp_path / "work", BRANCH, f"dbt/{PATH}", "select 99\n")
    theirs = git(place.repository, "rev-parse", BRANCH)
    for again in (change(place), change(place, "select 3\n")):
        with pytest.raises(HostRefused) as caught:
            place.host.ensure_pull_request(again, "why")
        for words in (
            f"dbt/{PATH}",
            "'My own work'",
            theirs[:10],
            "Ada",
            "nothing was overwritten",
        ):
            assert words in caught.value.message
    assert git(place.repository, "rev-parse", BRANCH) == theirs
    same = place.host.ensure_pull_request(change(place, "select 99\n"), "why")
    assert same.commit == ours


def test_what_somebody_took_back_is_ours_again(place: Place, tmp_path: Path) -> None:
    place.host.ensure_pull_request(change(place), "why")
    work = tmp_path / "work"
    place.push(work, BRANCH, f"dbt/{PATH}", "select 99\n")
    git(work, "revert", "--no-edit", "HEAD")
    git(work, "push", "-q", "origin", BRANCH)
    place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    assert place.show(f"dbt/{PATH}") == "select 3"


def test_a_moved_base_is_merged_into_a_branch_that_others_work_on(
    place: Place, tmp_path: Path
) -> None:
    place.host.ensure_pull_request(change(place), "why")
    work = tmp_path / "work"
    place.push(work, BRANCH, "note.md")
    place.push(work, "main", "README.md")
    for _ in range(2):
        place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    assert place.paths() == ["dbt/models/a.sql", f"dbt/{PATH}", "note.md"]
    assert place.show(f"dbt/{PATH}") == "select 3"
    merges = git(place.repository, "rev-list", "--count", "--merges", f"main..{BRANCH}")
    assert (merges, place.commits()) == ("1", 4)
    place.host.ensure_pull_request(change(place, "select 4\n"), "why")
    assert (place.show("note.md"), place.commits()) == ("theirs", 5)


def test_a_moved_base_that_conflicts_with_others_work_is_refused(
    place: Place, tmp_path: Path
) -> None:
    place.host.ensure_pull_request(change(place), "why")
    work = tmp_path / "work"
    place.push(work, BRANCH, "note.md")
    place.push(work, "main", "note.md", "something else\n")
    tip = git(place.repository, "rev-parse", BRANCH)
    with pytest.raises(HostRefused, match="conflicts") as caught:
        place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    assert "by hand" in caught.value.cure
    assert git(place.repository, "rev-parse", BRANCH) == tip


def test_a_base_that_somebody_merged_in_is_no_change_of_theirs(
    place: Place, tmp_path: Path
) -> None:
    place.host.ensure_pull_request(change(place), "why")
    work = tmp_path / "work"
    place.push(work, "main", "dbt/models/b.sql")
    git(work, "checkout", "-q", BRANCH)
    git(work, "merge", "-q", "--no-edit", "main")
    git(work, "push", "-q", "origin", BRANCH)
    place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    assert place.paths() == ["dbt/models/a.sql", f"dbt/{PATH}"]


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "with others"])
def test_files_that_the_change_no_longer_holds_go(
    place: Place, tmp_path: Path, shared: bool
) -> None:
    """A model renamed in a rework, on the branch of before; and a file left as the base has it."""
    place.host.ensure_pull_request(change(place), "why")
    if shared:
        place.push(tmp_path / "work", BRANCH, "note.md")
    again = change(place, path="models/marts/other.sql", also="")
    made = place.host.ensure_pull_request(again, "why")
    assert place.paths() == ["dbt/models/marts/other.sql", *(["note.md"] if shared else [])]
    assert place.host.ensure_pull_request(again, "why") == made
    assert place.count_pull_requests() == 1


def test_a_file_no_longer_held_stays_if_somebody_changed_it(place: Place, tmp_path: Path) -> None:
    place.host.ensure_pull_request(change(place), "why")
    place.push(tmp_path / "work", BRANCH, f"dbt/{PATH}", "select 99\n")
    place.host.ensure_pull_request(change(place, path="models/marts/other.sql", also=""), "why")
    assert place.paths() == [f"dbt/{PATH}", "dbt/models/marts/other.sql"]
    assert place.show(f"dbt/{PATH}") == "select 99"


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "with others"])
def test_a_file_keeps_its_mode(place: Place, tmp_path: Path, shared: bool) -> None:
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(place.repository), str(work))
    (work / "dbt/models/a.sql").chmod(0o755)
    git(work, "commit", "-qam", "executable")
    git(work, "push", "-q", "origin", "main")
    place.host.ensure_pull_request(change(place), "why")
    if shared:
        place.push(work, BRANCH, "note.md")
        place.host.ensure_pull_request(change(place, also="select 5\n"), "why")
    for path, mode in (("dbt/models/a.sql", "100755"), (f"dbt/{PATH}", "100644")):
        assert git(place.repository, "ls-tree", BRANCH, "--", path).startswith(mode)


def test_what_the_base_has_already_is_no_change(place: Place, tmp_path: Path) -> None:
    place.push(tmp_path / "work", "main", f"dbt/{PATH}", "select 2\n")
    with pytest.raises(HostRefused, match="nothing that the base does not have"):
        place.host.ensure_pull_request(change(place, also=""), "why")
    assert git(place.repository, "branch", "--list", BRANCH) == ""


def test_a_pull_request_is_closed_once_and_its_branch_kept(place: Place) -> None:
    assert place.host.close_pull_request(BRANCH, "The ticket was cancelled.") is False
    place.host.ensure_pull_request(change(place), "why")
    assert place.host.close_pull_request(BRANCH, "The ticket was cancelled.") is True
    assert place.host.close_pull_request(BRANCH, "The ticket was cancelled.") is False
    assert place.commits() == 1
    place.host.ensure_pull_request(change(place), "why")
    assert place.host.close_pull_request(BRANCH, "The ticket was cancelled.") is False
    place.host.ensure_pull_request(change(place, "select 3\n"), "why")
    assert place.host.close_pull_request(BRANCH, "The ticket was cancelled.") is True


def test_a_pull_request_with_others_work_stays_open(place: Place, tmp_path: Path) -> None:
    place.host.ensure_pull_request(change(place), "why")
    place.push(tmp_path / "work", BRANCH, "note.md")
    assert place.host.close_pull_request(BRANCH, "The ticket was cancelled.") is False


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


def merge(place: Place, work: Path, way: str) -> str:
    """Somebody merges the branch into the base, deletes it, and works on. Gives the merge."""
    if not work.exists():
        git(work.parent, "clone", "-q", str(place.repository), str(work))
    git(work, "fetch", "-q")
    git(work, "checkout", "-q", "main")
    git(work, "pull", "-q", "--ff-only")
    if way == "squash":
        git(work, "merge", "-q", "--squash", f"origin/{BRANCH}")
        git(work, "commit", "-q", "-m", "Weekly churn (1)")
    else:
        git(work, "merge", "-q", way, "--no-edit", f"origin/{BRANCH}")
    git(work, "push", "-q", "origin", "main", f":{BRANCH}")
    commit = place.base()
    place.tell_merged(commit)
    place.push(work, "main", "dbt/models/later.sql")
    return commit


def test_a_change_is_open_until_somebody_decides(place: Place, tmp_path: Path) -> None:
    wanted = change(place)
    assert place.host.verdict(wanted).state == "gone"
    made = place.host.ensure_pull_request(wanted, "why")
    place.push(tmp_path / "work", BRANCH, "note.md")
    place.push(tmp_path / "work", "main", "dbt/models/other.sql")
    verdict = place.host.verdict(wanted)
    assert (verdict.state, verdict.location, verdict.commit) == ("open", made.location, "")


@pytest.mark.parametrize("way", ["--no-ff", "--ff-only", "squash"])
@pytest.mark.parametrize("edited", [False, True], ids=["as it was", "edited"])
def test_a_merged_change_names_its_commit(
    place: Place, tmp_path: Path, way: str, edited: bool
) -> None:
    wanted = change(place)
    made = place.host.ensure_pull_request(wanted, "why")
    work = tmp_path / "work"
    if edited:
        place.push(work, BRANCH, f"dbt/{PATH}", "select 2 -- where it is\n")
    if way == "--no-ff":
        place.push(work, "main", "README.md")
    commit = merge(place, work, way)
    verdict = place.host.verdict(wanted)
    assert (verdict.state, verdict.commit) == ("merged", commit)
    assert verdict.location == made.location


def test_a_closed_change_is_closed(place: Place) -> None:
    wanted = change(place)
    place.host.ensure_pull_request(wanted, "why")
    place.host.close_pull_request(BRANCH, "The ticket was cancelled.")
    assert place.host.verdict(wanted).state == "closed"
