"""What holds on every code host: which files may be written, on which branch, over whose commits.

The report that seals a change has judged its files before; this is the last door, and it judges
by itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from crew.artifacts import ChangeSet
from crew.errors import HostRefused

TRAILER = "Firstmile-Request"
AUTHOR, EMAIL = "Firstmile", "firstmile@localhost"
_SUFFIXES = (".sql", ".yml", ".yaml", ".md")
_SETTINGS = {"dbt_project", "profiles", "packages", "dependencies", "selectors", "package-lock"}
_BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|$)|@\{))[A-Za-z0-9][\w./-]*(?<![./])")


def request_key(message: str) -> str:
    """The key in the trailer of a commit message of ours; empty for anyone else's."""
    lines = message.rstrip().split("\n\n")[-1].splitlines()
    found = [line.partition(": ")[2].strip() for line in lines if line.startswith(f"{TRAILER}: ")]
    return found[-1] if found else ""


def repository_files(change: ChangeSet, prefix: str) -> dict[str, bytes]:
    """Path in the repository → bytes. Raises HostRefused for a path that is not the project's."""
    files: dict[str, bytes] = {}
    for file in change.files:
        path = PurePosixPath(file.path)
        plain = str(path) == file.path and not path.is_absolute() and "\\" not in file.path
        hidden = any(part.startswith(".") for part in path.parts)
        setting = path.suffix != ".sql" and path.stem.lower() in _SETTINGS
        if not plain or hidden or setting or path.suffix not in _SUFFIXES or len(path.parts) < 2:
            raise HostRefused(
                f"A change may not write {file.path!r}.",
                f"Only {', '.join(_SUFFIXES)} in folders of the dbt project are delivered.",
            )
        files[str(PurePosixPath(prefix) / path)] = file.text.encode()
    return files


def check_branch(branch: str, protected: Iterable[str]) -> None:
    """Raises HostRefused for a branch that is not ours to write, or no branch name at all."""
    if not _BRANCH.fullmatch(branch) or len(branch) > 200:
        raise HostRefused(f"{branch!r} is no branch name.", "Name it firstmile/<something>.")
    if branch in set(protected):
        raise HostRefused(
            f"The branch {branch!r} is the base, the default or a checked-out branch.",
            "Firstmile writes to branches of its own only; choose another name.",
        )


def check_commits(branch: str, messages: Iterable[str], change: ChangeSet) -> None:
    """Raises HostRefused if the branch holds commits that are not of this very request."""
    key = request_key(change.message)
    if not key:
        raise HostRefused(
            "The commit message names no request.", f"End it with the line `{TRAILER}: <key>`."
        )
    for message in messages:
        if request_key(message) != key:
            first = message.strip().splitlines()[0] if message.strip() else ""
            raise HostRefused(
                f"The branch {branch!r} holds a commit that is not of this request: {first!r}.",
                f"Merge, rename or delete the branch {branch!r}, then start the request again.",
            )


def blob_names(files: Mapping[str, bytes]) -> dict[str, str]:
    """Path → git's name (SHA-1) for the content, https://git-scm.com/book/en/v2/Git-Internals."""
    return {
        path: hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        for path, content in files.items()
    }
