"""What the files of a change became in the base: merged as they were, edited, moved, or dropped.

A file that is no longer at its place is looked for among those that the base gained since the
change was made: first one of the same name, then the one with the most lines in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from crew.artifacts import ChangeSet, FileChange
from crew.errors import HostUnavailable
from crew.git import GitFailed, git, git_bytes

LIKE = 0.5
"""Share of common lines from which two texts count as one file, as `git diff --find-renames`."""
_MAX_CANDIDATES = 200


class MergedFile(NamedTuple):
    """A file as the base has it: its path in the project, and its text."""

    path: str
    text: str


def merged_files(
    repository: Path, prefix: str, change: ChangeSet, commit: str
) -> dict[str, MergedFile | None]:
    """Path of each file of the change → what it is at `commit`; None: it was dropped.

    `repository` is a work tree or bare; `prefix` the project's folder in it. Empty if the commit is
    not there. Raises HostUnavailable if git fails otherwise.
    """
    look = Looking(repository, prefix)
    try:
        if not (sha := look.commit(commit)):
            return {}
        return found_in(look, change, sha)
    except GitFailed as error:
        raise HostUnavailable(
            f"What became of {change.branch!r} could not be read: {error}",
            "Try again; if it stays, look at the repository with `git fsck`.",
        ) from error


class Looking:
    """Reads files of the project at `prefix` in commits of a repository. Raises GitFailed."""

    def __init__(self, repository: Path, prefix: str) -> None:
        self._repository = repository
        self._prefix = PurePosixPath(prefix)
        self._texts: dict[str, str] = {}

    def commit(self, name: str) -> str:
        """The commit that a name stands for; empty if there is none."""
        wanted = f"{name}^{{commit}}"
        try:
            return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
        except GitFailed:
            return ""

    def blobs(self, commit: str) -> dict[str, str]:
        """Path in the project → name of the content, of all plain files of a commit."""
        # The folder's own tree gives paths below it.
        tree = f"{commit}:{self._prefix}" if self._prefix.parts else commit
        try:
            told = self.git("ls-tree", "-r", "-z", tree)
        except GitFailed:
            return {}  # the project was not there then, or is no longer
        found = {}
        for line in told.split("\0"):
            about, _, path = line.partition("\t")
            if about.startswith("100"):
                found[path] = about.split(" ")[2]
        return found

    def text(self, blob: str) -> str:
        if blob not in self._texts:
            content = git_bytes(self._repository, "cat-file", "blob", blob)
            self._texts[blob] = content.decode("utf-8", "replace")
        return self._texts[blob]

    def git(self, *arguments: str) -> str:
        return git(self._repository, *arguments)


def found_in(look: Looking, change: ChangeSet, commit: str) -> dict[str, MergedFile | None]:
    """As `merged_files`, for a commit that is there. Raises GitFailed."""
    there = look.blobs(commit)
    start = look.commit(change.base_commit)
    before = look.blobs(start) if start else there
    gained = sorted(set(there) - set(before) - {f.path for f in change.files})
    found: dict[str, MergedFile | None] = {f.path: None for f in change.files}
    for file in change.files:
        if file.path in there:
            found[file.path] = MergedFile(file.path, look.text(there[file.path]))
    lost = [f for f in change.files if found[f.path] is None]
    if not lost or not gained:
        return found
    texts = {path: look.text(there[path]) for path in _likely(gained, lost)}
    pairs = [(_likeness(f, p, t), f.path, p) for f in lost for p, t in texts.items()]
    for score, path, other in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        if score >= LIKE and found[path] is None and other in texts:
            found[path] = MergedFile(other, texts.pop(other))
    return found


def _likely(gained: Iterable[str], lost: list[FileChange]) -> list[str]:
    """Files worth reading: of a suffix that is looked for, those of a lost file's name first."""
    names = {PurePosixPath(f.path).name for f in lost}
    suffixes = {PurePosixPath(f.path).suffix for f in lost}
    fit = [path for path in gained if PurePosixPath(path).suffix in suffixes]
    fit.sort(key=lambda path: PurePosixPath(path).name not in names)
    return fit[:_MAX_CANDIDATES]


def _likeness(file: FileChange, path: str, text: str) -> float:
    """How sure it is that `path` is the file: dbt has a model of a name once, whatever is in it;
    names of other files come again in many folders."""
    here, there = PurePosixPath(file.path), PurePosixPath(path)
    if here.suffix != there.suffix:
        return 0.0
    same_name = here.name == there.name
    if same_name and here.suffix == ".sql":
        return 2.0
    return likeness(file.text, text) + (1.0 if same_name else 0.0) * bool(_common(file.text, text))


def likeness(left: str, right: str) -> float:
    """The share 0..1 of lines that two texts have in common, blanks aside."""
    size = sum(lines_of(left).values()) + sum(lines_of(right).values())
    return 2 * _common(left, right) / size if size else 1.0


def _common(left: str, right: str) -> int:
    return (lines_of(left) & lines_of(right)).total()


@lru_cache(maxsize=1000)
def lines_of(text: str) -> Counter[str]:
    """The lines that say something, without indent, final comma and case."""
    lines = (line.strip().rstrip(",").lower() for line in text.splitlines())
    return Counter(line for line in lines if any(c.isalnum() for c in line))
