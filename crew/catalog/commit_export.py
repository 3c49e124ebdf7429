"""Writes the files of a commit as they are stored, without attributes, filters or hooks.

`git archive` leaves out what `export-ignore` names and a checkout may change line ends; a change
that is built on the copy must differ from the stored bytes in its own lines only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crew.errors import InvalidProject
from crew.git import GitFailed, git_bytes

_SECONDS = 300


def export_commit(repository: Path, commit: str, prefix: str, target: Path) -> None:
    """Write the files below `prefix` into the new folder `target`. Submodules stay out, so do
    links that lead out of it. Raises InvalidProject if git cannot read the commit."""
    target.mkdir(parents=True)
    try:
        for path, mode, content in _stored(repository, commit, prefix):
            _write(target, path, mode, content)
    except (GitFailed, OSError, ValueError) as error:
        raise InvalidProject(
            f"The commit {commit[:12]} of {str(repository)!r} could not be copied: {error}",
            "Run `git fsck` there, and check the space left on disk.",
        ) from error


def _stored(repository: Path, commit: str, prefix: str) -> Iterator[tuple[str, str, bytes]]:
    tree = f"{commit}:{prefix}" if prefix else commit
    listed = git_bytes(repository, "ls-tree", "-r", "-z", "--full-tree", tree, seconds=_SECONDS)
    entries = []
    for line in listed.split(b"\0"):
        if line:
            about, _, path = line.decode("utf-8", "surrogateescape").partition("\t")
            mode, kind, name = about.split()
            if kind == "blob":
                entries.append((path, mode, name))
    names = "".join(f"{name}\n" for _, _, name in entries).encode()
    stream = git_bytes(repository, "cat-file", "--batch", stdin=names, seconds=_SECONDS)
    position = 0
    for path, mode, _ in entries:
        line_end = stream.index(b"\n", position)
        size = int(stream[position:line_end].split()[2])
        yield path, mode, stream[line_end + 1 : line_end + 1 + size]
        position = line_end + 1 + size + 1


def _write(target: Path, path: str, mode: str, content: bytes) -> None:
    file = target / path
    if not file.resolve().is_relative_to(target):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if mode == "120000":
        aim = content.decode("utf-8", "surrogateescape")
        if (file.parent / aim).resolve().is_relative_to(target):
            file.symlink_to(aim)
        return
    file.write_bytes(content)
