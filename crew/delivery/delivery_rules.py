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
from crew.delivery.safe_markdown import shown
from crew.errors import HostRefused

TRAILER = "Firstmile-Request"
MERGE_TRAILER = "Firstmile-Merge"
BRANCHES = "firstmile/"
MARKER = "<!-- firstmile"
AUTHOR, EMAIL = "Firstmile", "firstmile@localhost"
_SUFFIXES = (".sql", ".yml", ".yaml", ".md")
_SETTINGS = {"dbt_project", "profiles", "packages", "dependencies", "selectors", "package-lock"}
_BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|$)|@\{))[A-Za-z0-9][\w./-]*(?<![./])")


def request_key(message: str) -> str:
    """The key in the trailer of a commit message of ours; empty for anyone else's."""
    return _trailer(message, TRAILER)


def _trailer(message: str, name: str) -> str:
    lines = message.rstrip().split("\n\n")[-1].splitlines()
    found = [line.partition(": ")[2].strip() for line in lines if line.startswith(f"{name}: ")]
    return found[-1] if found else ""


def repository_files(change: ChangeSet, prefix: str) -> dict[str, bytes | None]:
    """Path in the repository → bytes, None for a file to delete. Raises HostRefused for a path that
    is not the project's."""
    files: dict[str, bytes | None] = {}
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
        content = None if file.action == "delete" else file.text.encode()
        files[str(PurePosixPath(prefix) / path)] = content
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


def change_key(change: ChangeSet) -> str:
    """The key of the request that a change is for. Raises HostRefused if its message names none."""
    key = request_key(change.message)
    if not key:
        raise HostRefused(
            "The commit message names no request.", f"End it with the line `{TRAILER}: <key>`."
        )
    return key


def merge_message(base: str, branch: str, key: str) -> str:
    """The message of a merge of the base into a branch by us."""
    return f"Merge {base} into {branch}\n\n{MERGE_TRAILER}: {key}\n"


def is_merge_of_ours(message: str) -> bool:
    """Whether Firstmile merged the base there: no work of anybody's own."""
    return bool(_trailer(message, MERGE_TRAILER))


def is_of_others(message: str) -> bool:
    """Whether a commit is somebody else's work."""
    return not request_key(message) and not is_merge_of_ours(message)


def marker_of(text: str) -> str:
    """The hidden line by which a text of ours names what it is about; all of it without one."""
    plain = text.replace("\r\n", "\n").strip()
    return next((line for line in plain.splitlines() if line.startswith(MARKER)), plain)


def closing_text(reason: str, keep: bool) -> str:
    """The comment that says why a pull request is closed, or why it stays open all the same. Its
    first line marks it."""
    kind = "left-open" if keep else "closed"
    digest = hashlib.sha256(reason.encode()).hexdigest()[:6]
    end = (
        "It stays open, because others have committed to it or approved it: merge or close it."
        if keep
        else "The branch is kept."
    )
    return f"{MARKER}:{kind}-{digest} -->\n{shown(reason, 500)}\n\n{end}"


def conflicting(base: str, branch: str) -> HostRefused:
    """The base went on and cannot be merged into a branch on which others have worked."""
    return HostRefused(
        f"{base!r} has moved on and conflicts with {branch!r}, where others have commits too; "
        "nothing was written.",
        f"Merge {base!r} into {branch!r} by hand, or close the pull request and delete the branch "
        "to start over; then ask again.",
    )


def blob_names(files: Mapping[str, bytes | None]) -> dict[str, str]:
    """Path → git's name (SHA-1) for the content, empty for a file to delete,
    https://git-scm.com/book/en/v2/Git-Internals."""
    return {path: "" if c is None else _blob_name(c) for path, c in files.items()}


def _blob_name(content: bytes) -> str:
    whole = b"blob %d\0" % len(content) + content
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()
