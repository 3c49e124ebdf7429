"""Opening a project gives a private copy of the last commit and leaves the original alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from crew.catalog.checkout import open_project
from crew.errors import HostUnavailable, InvalidInput, InvalidProject

NAME = "name: shop\npackages-install-path: packages\n"


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(
        ("git", *who, "-C", str(folder), *arguments), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def write(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a dbt project in `dbt/`."""
    folder = write(
        tmp_path / "repository",
        {
            "dbt/dbt_project.yml": NAME,
            "dbt/models/a.sql": "select 1\r\n",
            "dbt/models/größe.sql": "select 2\n",
            ".gitattributes": "*.sql export-ignore text eol=lf\n",
            ".gitignore": "packages/\n",
            "README.md": "hello\n",
        },
    )
    git(folder, "init", "-q", "-b", "trunk")
    git(folder, "-c", "core.autocrlf=false", "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_copy_holds_the_last_commit_and_not_the_work_tree(
    repository: Path, tmp_path: Path
) -> None:
    stored = git(repository, "rev-parse", "HEAD:dbt/models/a.sql")
    write(repository, {"dbt/models/a.sql": "select 9", "dbt/models/new.sql": "x", "other": "y"})
    before = git(repository, "status", "--porcelain")
    opened = open_project(str(repository), "", tmp_path / "work")
    assert opened.folder != opened.origin == repository / "dbt"
    copied = opened.folder / "models/a.sql"
    assert git(repository, "hash-object", "--no-filters", str(copied)) == stored
    assert (opened.folder / "models/größe.sql").read_text() == "select 2\n"
    assert not (opened.folder / "models/new.sql").exists()
    assert (opened.name, opened.prefix, opened.base) == ("shop", "dbt", "trunk")
    assert opened.repository == repository
    assert opened.base_commit == git(repository, "rev-parse", "HEAD")
    assert opened.changed == ("dbt/models/a.sql", "dbt/models/new.sql")
    assert git(repository, "status", "--porcelain") == before


def test_opening_twice_starts_afresh(repository: Path, tmp_path: Path) -> None:
    first = open_project(str(repository), "dbt", tmp_path / "work")
    (first.folder / "left_over.sql").write_text("x")
    second = open_project(str(repository / "dbt"), "", tmp_path / "work")
    assert first == second
    assert not (second.folder / "left_over.sql").exists()


def test_installed_packages_are_seen_from_the_copy(repository: Path, tmp_path: Path) -> None:
    write(repository, {"dbt/packages/utils/dbt_project.yml": "name: utils\n"})
    opened = open_project(str(repository), "", tmp_path / "work")
    assert (opened.folder / "packages/utils/dbt_project.yml").is_file()
    assert opened.changed == ()


def test_a_detached_head_is_based_on_the_default_branch(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert open_project(str(repository), "", tmp_path / "work").base == "trunk"
    git(repository, "branch", "-D", "trunk")
    opened = open_project(str(repository), "", tmp_path / "work")
    assert opened.base == opened.base_commit


@pytest.mark.parametrize("form", ["file://{0}", "{0}/.git"])
def test_an_address_is_cloned(repository: Path, tmp_path: Path, form: str) -> None:
    git(repository, "checkout", "-q", "-b", "elsewhere")
    git(repository, "checkout", "-q", "trunk")
    opened = open_project(form.format(repository), "", tmp_path / "work")
    assert opened.base == "trunk"
    assert opened.origin == tmp_path / "work/clone/dbt"
    assert opened.repository == tmp_path / "work/clone"
    assert (opened.folder / "models/a.sql").is_file()


def test_a_clone_that_fails_tells_no_secret(tmp_path: Path) -> None:
    address = "http://ada:geheim@127.0.0.1:9/x.git"
    with pytest.raises(HostUnavailable, match="could not be cloned") as caught:
        open_project(address, "", tmp_path / "work")
    assert "geheim" not in str(caught.value)
    assert "ada" not in str(caught.value)
    assert not (tmp_path / "work/clone").exists()


def test_hooks_of_the_repository_do_not_run(repository: Path, tmp_path: Path) -> None:
    hook = write(repository, {".git/hooks/post-checkout": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
    (hook / ".git/hooks/post-checkout").chmod(0o755)
    git(repository, "config", "core.fsmonitor", f"touch {tmp_path}/ran")
    open_project(f"file://{repository}", "", tmp_path / "one")
    open_project(str(repository), "", tmp_path / "two")
    assert not (tmp_path / "ran").exists()


def test_links_out_of_the_project_are_left_out(repository: Path, tmp_path: Path) -> None:
    (repository / "dbt/inside").symlink_to("models/a.sql")
    (repository / "dbt/outside").symlink_to("../README.md")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "links")
    opened = open_project(str(repository), "", tmp_path / "work")
    assert (opened.folder / "inside").read_text().startswith("select 1")
    assert "outside" not in [f.name for f in opened.folder.iterdir()]


def test_a_folder_without_git_is_copied_without_what_runs_leave(tmp_path: Path) -> None:
    origin = write(
        tmp_path / "shop",
        {"dbt_project.yml": "name: shop\n", "models/a.sql": "1", "target/x": "", "shop.duckdb": ""},
    )
    opened = open_project(str(origin), "", tmp_path / "work")
    assert opened.repository is None
    assert (opened.base, opened.prefix) == ("", "")
    assert sorted(f.name for f in opened.folder.iterdir()) == ["dbt_project.yml", "models"]


def test_a_project_that_a_repository_around_it_ignores_is_copied(
    repository: Path, tmp_path: Path
) -> None:
    write(repository, {"packages/mine/dbt_project.yml": "name: mine\n"})
    opened = open_project(str(repository / "packages/mine"), "", tmp_path / "work")
    assert opened.repository is None
    assert opened.name == "mine"


def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "new", {"dbt_project.yml": "name: new\n"})
    git(folder, "init", "-q")
    with pytest.raises(InvalidProject, match="has no commit yet"):
        open_project(str(folder), "", tmp_path / "work")


def test_an_uncommitted_project_is_refused(repository: Path, tmp_path: Path) -> None:
    write(repository, {"other/dbt_project.yml": "name: other\n"})
    with pytest.raises(InvalidProject, match="not in the last commit"):
        open_project(str(repository), "other", tmp_path / "work")


@pytest.mark.parametrize(
    ("files", "subfolder", "words"),
    [
        ({"a/dbt_project.yml": "name: a", "b/dbt_project.yml": "name: b"}, "", "several.*: a, b"),
        ({"readme.md": ""}, "", "No dbt_project.yml"),
        ({"a/b/c/d/dbt_project.yml": "name: a"}, "", "No dbt_project.yml"),
        ({"a/dbt_project.yml": "name: a"}, "b", "no dbt_project.yml in 'b'"),
        ({"a/dbt_project.yml": "name: a"}, "..", "no dbt_project.yml in"),
        ({"dbt_project.yml": "name: ["}, "", "cannot be read"),
        ({"dbt_project.yml": "profile: x"}, "", "names no project"),
    ],
)
def test_what_is_no_single_project_is_refused(
    tmp_path: Path, files: dict[str, str], subfolder: str, words: str
) -> None:
    with pytest.raises(InvalidProject, match=words) as caught:
        open_project(str(write(tmp_path / "p", files)), subfolder, tmp_path / "work")
    assert caught.value.cure


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no folder"):
        open_project(str(tmp_path / "nowhere"), "", tmp_path / "work")


def test_a_workspace_inside_the_project_is_not_copied_into_itself(tmp_path: Path) -> None:
    origin = write(tmp_path / "shop", {"dbt_project.yml": "name: shop\n"})
    workspace = origin / ".state" / "work"
    workspace.mkdir(parents=True)
    checkout = open_project(str(origin), "", workspace)
    assert [p.name for p in checkout.folder.iterdir()] == ["dbt_project.yml"]
