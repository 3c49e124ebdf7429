"""Opens a dbt project, local or remote, as a private copy at one commit.

The repository it comes from is only read: no index, work tree or branch of it is touched.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from crew.catalog.commit_export import export_commit
from crew.errors import HostUnavailable, InvalidInput, InvalidProject
from crew.git import GitFailed, git, without_secrets
from crew.ports import Checkout

_URL = re.compile(r"^(https?|ssh|git|file)://|^[\w.-]+@[\w.-]+:|^[\w-]+(\.[\w-]+)+:(?!\\)")
_LEFT_OUT = {"target", "logs", ".venv", "venv", ".git", "node_modules", "__pycache__"}
_DATABASES = (".duckdb", ".duckdb.wal", ".sqlite", ".db")
_CLONE_SECONDS = 600


def open_project(where: str, subfolder: str, workspace: Path, commit: str = "") -> Checkout:
    """The private copy of the dbt project at `where`, a path or a git address, at its last commit
    or the one given.

    Raises InvalidInput for a place that is not there, InvalidProject for one without exactly one
    dbt project or without a commit, HostUnavailable for a clone that fails.
    """
    top = Path(where).expanduser().resolve()
    remote = _is_bare(top) or (not top.exists() and bool(_URL.match(where)))
    if remote:
        top = _clone(str(top) if top.exists() else where, (workspace / "clone").resolve())
    if not top.is_dir():
        raise InvalidInput(
            f"There is no folder {str(top)!r}.",
            "Give the folder of a dbt project, or the address of its git repository.",
        )
    origin = _project_folder(top, subfolder)
    name, packages = _read_project(origin)
    folder = (workspace / "project").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    found = _find_repository(origin)
    if found is None:
        _copy(origin, folder)
        checkout = Checkout(folder, origin, name, None, "", "", "")
    else:
        checkout = _at_commit(*found, origin, folder, name, remote, commit)
    _link_packages(origin, folder, packages)
    return checkout


def head_of(where: str) -> str:
    """The last commit of the project at `where` as it is now; empty where there is no git.

    Raises HostUnavailable for an address that does not answer.
    """
    top = Path(where).expanduser().resolve()
    try:
        if top.exists():
            found = None if _is_bare(top) else _find_repository(top)
            return _head(found[0]) if found else _head(top) if _is_bare(top) else ""
        return git(Path.cwd(), "ls-remote", "--", where, "HEAD").partition("\t")[0]
    except GitFailed as error:
        raise HostUnavailable(
            f"{without_secrets(where)!r} does not answer: {str(error).splitlines()[0]}",
            "Check the address and the network; it is tried again.",
        ) from None


def _at_commit(
    repository: Path,
    prefix: str,
    origin: Path,
    folder: Path,
    name: str,
    remote: bool,
    commit: str,
) -> Checkout:
    given, commit = commit, commit or _head(repository)
    try:
        git(repository, "cat-file", "-e", f"{commit}:{prefix and prefix + '/'}dbt_project.yml")
    except GitFailed:
        if given:
            raise InvalidProject(
                f"{str(repository)!r} has no dbt project at the recorded commit {given[:12]!r}.",
                "Give the project that was recorded, with --project; fetch the commit if it lacks.",
            ) from None
        raise InvalidProject(
            f"{str(origin / 'dbt_project.yml')!r} is not in the last commit.",
            "Commit the dbt project, then try again.",
        ) from None
    export_commit(repository, commit, prefix, folder)
    base = _default_branch(repository) if remote else _branch(repository)
    changed = _changed(repository, prefix)
    return Checkout(folder, origin, name, repository, prefix, base or commit, commit, changed)


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


def _clone(url: str, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ("clone", "--quiet", "--no-tags", "--template=", "--", url, str(target))
    try:
        git(target.parent, *command, timeout_seconds=_CLONE_SECONDS)
    except GitFailed as error:
        shutil.rmtree(target, ignore_errors=True)
        words = str(error).splitlines()
        told = next((line for line in words if line.startswith(("fatal", "error"))), words[0])
        raise HostUnavailable(
            f"{without_secrets(url)!r} could not be cloned: {told}",
            "Check the address, the network, and that git may read it here without a prompt "
            "(with an SSH key or a credential helper).",
        ) from None
    return target


def _project_folder(top: Path, subfolder: str) -> Path:
    if subfolder:
        folder = (top / subfolder).resolve()
        if not folder.is_relative_to(top) or not _is_project(folder):
            raise InvalidProject(
                f"There is no dbt_project.yml in {subfolder!r}.",
                f"Give a folder below {top.name!r} that holds one.",
            )
        return folder
    found = [top] if _is_project(top) else _projects_below(top)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(f.relative_to(top)) for f in found)
        raise InvalidProject(
            f"{top.name!r} holds several dbt projects: {listed}.", "Choose one with --subfolder."
        )
    raise InvalidProject(
        f"No dbt_project.yml was found in {top.name!r} or three levels below.",
        "Give the folder of the dbt project, or name it with --subfolder.",
    )


def _is_project(folder: Path) -> bool:
    return (folder / "dbt_project.yml").is_file()


def _projects_below(top: Path) -> list[Path]:
    found: list[Path] = []
    for folder, names, files in os.walk(top):
        path = Path(folder)
        if "dbt_project.yml" in files:
            found.append(path)
        deep = "dbt_project.yml" in files or len(path.relative_to(top).parts) >= 3
        skipped = _LEFT_OUT | {"dbt_packages", "dbt_modules"}
        names[:] = sorted(n for n in names if not (deep or n in skipped or n.startswith(".")))
    return found


def _read_project(folder: Path) -> tuple[str, str]:
    """The project's name and the folder of its packages."""
    path = folder / "dbt_project.yml"
    try:
        content: Any = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        words = " ".join(str(error).split())
        raise InvalidProject(
            f"{str(path)!r} cannot be read: {words}", "Mend the file; dbt cannot read it either."
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise InvalidProject(f"{str(path)!r} names no project.", "Add `name:` to it.")
    packages = content.get("packages-install-path")
    return content["name"], packages if isinstance(packages, str) else "dbt_packages"


def _find_repository(folder: Path) -> tuple[Path, str] | None:
    """The work tree that holds a folder, and the folder's path in it; None if there is none."""
    try:
        top = git(folder, "rev-parse", "--show-toplevel")
        prefix = git(folder, "rev-parse", "--show-prefix").rstrip("/")
    except GitFailed:
        return None
    try:
        # A repository around it that ignores the folder (a home under git) does not hold it.
        git(folder, "check-ignore", "--quiet", "--", str(folder))
    except GitFailed:
        return Path(top), prefix
    return None


def _head(repository: Path) -> str:
    try:
        return git(repository, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitFailed:
        raise InvalidProject(
            f"The git repository {str(repository)!r} has no commit yet.",
            "Commit the project, then try again.",
        ) from None


def _branch(repository: Path) -> str:
    """The branch that is checked out; with a detached head the default branch."""
    try:
        return git(repository, "symbolic-ref", "--quiet", "--short", "HEAD")
    except GitFailed:
        return _default_branch(repository)


def _default_branch(repository: Path) -> str:
    """The remote's default branch, else the usual name that exists, else the only branch."""
    try:
        head = git(repository, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
        return head.removeprefix("origin/")
    except GitFailed:
        listed = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads")
        names = listed.splitlines()
    usual = [name for name in ("main", "master") if name in names]
    return (usual or (names if len(names) == 1 else [""]))[0]


def _changed(repository: Path, prefix: str) -> tuple[str, ...]:
    """Paths in the repository of uncommitted changes below the project's folder."""
    listed = git(repository, "status", "--porcelain", "--untracked-files=all", "-z",
                 "--no-renames", "--ignore-submodules=all", "--", prefix or ".")  # fmt: skip
    return tuple(entry[3:] for entry in listed.split("\0") if entry)


def _copy(origin: Path, folder: Path) -> None:
    """Copy the project without what is built, and without our own folder where it lies inside."""
    chain = [p for p in (folder.parent, *folder.parent.parents) if p.is_relative_to(origin)]
    hidden = [p for p in chain if p.name.startswith(".") and p != origin]
    ours = (hidden or chain[:1] or [folder])[-1]

    def left_out(inside: str, names: list[str]) -> set[str]:
        return {
            n
            for n in names
            if n in _LEFT_OUT
            or n.endswith(_DATABASES)
            or (Path(inside) / n).is_symlink()
            or Path(inside) / n == ours
        }

    shutil.copytree(origin, folder, ignore=left_out)


def _link_packages(origin: Path, folder: Path, packages: str) -> None:
    """Installed packages are not in git; the copy sees those of the original."""
    source, link = origin / packages, folder / packages
    inside = not packages.startswith(("/", "..")) and os.path.normpath(packages) == packages
    if inside and packages != "." and source.is_dir() and not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.resolve(), target_is_directory=True)
