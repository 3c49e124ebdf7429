"""Delivery into a repository somebody works in: they notice nothing but the new branch."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from crew.artifacts import ChangeSet, Check, FileChange, ValidationReport, files_digest
from crew.delivery.local_git_host import LocalGitHost
from crew.errors import HostRefused

BRANCH = "firstmile/data-1"


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ("git", *who, "-C", str(folder), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "models").mkdir(parents=True)
    (folder / "models/a.sql").write_text("select 1\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def change(repository: Path, path: str = "models/a.sql", text: str = "select 2\n") -> ChangeSet:
    files = (FileChange(path=path, text=text, action="update"),)
    checks = (Check(name="build", status="passed"),)
    return ChangeSet(
        files=files, message="Change a\n\nFirstmile-Request: DATA-1", branch=BRANCH, base="main",
        base_commit=git(repository, "rev-parse", "main").strip(), title="DATA-1: a",
        report=ValidationReport(files=files_digest(files), checks=checks),
    )  # fmt: skip


def test_work_tree_index_and_current_branch_stay_as_they_are(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "models/a.sql").write_text("half done\n")
    (repository / "models/b.sql").write_text("staged\n")
    git(repository, "add", "models/b.sql")
    before = git(repository, "status", "--porcelain", "--branch")
    LocalGitHost(repository, "", tmp_path / "state").ensure_pull_request(change(repository), "why")
    assert git(repository, "status", "--porcelain", "--branch") == before
    assert git(repository, "show", f"{BRANCH}:models/a.sql") == "select 2\n"
    assert git(repository, "log", "-1", "--format=%an <%ae>", BRANCH).strip() == (
        "Firstmile <firstmile@localhost>"
    )


def test_the_text_lies_beside_its_metadata(repository: Path, tmp_path: Path) -> None:
    host = LocalGitHost(repository, "", tmp_path / "state")
    made = host.ensure_pull_request(change(repository), "# Why\n")
    assert Path(made.location) == tmp_path / "state/pull_requests/firstmile__data-1.md"
    assert Path(made.location).read_text() == "# Why\n"
    assert sorted(f.name for f in Path(made.location).parent.iterdir()) == [
        "firstmile__data-1.json", "firstmile__data-1.md",
    ]  # fmt: skip


def test_a_checked_out_branch_is_refused(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", BRANCH, str(tmp_path / "other"))
    with pytest.raises(HostRefused, match="checked-out"):
        host = LocalGitHost(repository, "", tmp_path / "state")
        host.ensure_pull_request(change(repository), "why")


def test_a_change_that_changes_nothing_is_refused(repository: Path, tmp_path: Path) -> None:
    host = LocalGitHost(repository, "", tmp_path / "state")
    with pytest.raises(HostRefused, match="nothing that the base does not have"):
        host.ensure_pull_request(change(repository, text="select 1\n"), "why")
    assert BRANCH not in git(repository, "branch")


def test_a_link_is_not_written_through(repository: Path, tmp_path: Path) -> None:
    (repository / "models/link.sql").symlink_to("/etc/passwd")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "link")
    host = LocalGitHost(repository, "", tmp_path / "state")
    with pytest.raises(HostRefused, match="a link"):
        host.ensure_pull_request(change(repository, "models/link.sql"), "why")


def test_a_deleted_branch_is_delivered_anew(repository: Path, tmp_path: Path) -> None:
    host = LocalGitHost(repository, "", tmp_path / "state")
    host.ensure_pull_request(change(repository), "why")
    git(repository, "branch", "-D", BRANCH)
    assert host.find_pull_request(BRANCH) is None
    assert host.ensure_pull_request(change(repository), "why").created
