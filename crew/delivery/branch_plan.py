"""What to write on a branch, whatever the code host: what others did there is kept.

A branch of nobody but us is written as the base with our files. Once others have commits on it,
our files alone change on top of what they left; and a file of ours that they changed since is
theirs, until somebody decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from crew.delivery.delivery_rules import is_merge_of_ours, request_key
from crew.errors import HostRefused


@dataclass(frozen=True)
class Entry:
    """What stands at a path in a commit: git's mode and the name (SHA-1) of the content."""

    mode: str
    blob: str


@dataclass(frozen=True)
class BranchCommit:
    """A commit of the branch that its base does not have."""

    sha: str
    message: str
    author: str
    parents: tuple[str, ...]


class BranchReader(Protocol):
    """Looks into commits."""

    def entry(self, commit: str, path: str) -> Entry | None: ...

    def changed(self, commit: BranchCommit) -> frozenset[str]:
        """Paths that differ from the commit's first parent."""
        ...


@dataclass(frozen=True)
class Branch:
    """The branch as it stands: `commits` from old to new, those of the base left out; `fork` is
    where it left the base, `behind` whether the base went on since, `changed` what differs from
    the fork (path → content's name, empty where it was removed)."""

    name: str
    tip: str
    fork: str
    behind: bool
    commits: tuple[BranchCommit, ...]
    changed: Mapping[str, str]

    def last_of(self, key: str) -> str:
        """The last commit of a request, whatever others or merges put on top; else the tip."""
        ours = [c.sha for c in self.commits if request_key(c.message) == key]
        return ours[-1] if ours else self.tip


@dataclass(frozen=True)
class Plan:
    """What to write: the wanted files on top of the tree of `onto`, as a child of `parents`;
    `restored` are files that go back to what they are in the base (None: to nothing). With
    `merge_first` the base has to be merged into the branch before, then planned again."""

    onto: str = ""
    parents: tuple[str, ...] = ()
    restored: Mapping[str, Entry | None] = field(default_factory=dict)
    merge_first: bool = False


class Planning:
    """Plans one delivery: `blobs` are the wanted files (path → content's name, empty: to delete), for
    request `key` on the base commit `start`."""

    def __init__(
        self, reader: BranchReader, key: str, start: str, blobs: Mapping[str, str]
    ) -> None:
        self._reader = reader
        self._key = key
        self._start = start
        self._blobs = blobs

    def plan(self, branch: Branch | None) -> Plan | None:
        """None if all is there already. Raises HostRefused where others' work stands in the way,
        or nothing would change."""
        if branch is None or not branch.commits:
            self._check_change()
            return Plan(self._start, (self._start,))
        ours = [c for c in branch.commits if request_key(c.message) == self._key]
        if not ours:
            first = branch.commits[0]
            raise HostRefused(
                f"The branch {branch.name!r} holds only commits that are not of this request: "
                f"{_subject(first)!r} by {first.author}.",
                f"Merge, rename or delete the branch {branch.name!r}, then start the request "
                "again.",
            )
        if len(ours) == len(branch.commits):
            return self._plan_alone(branch)
        return _Shared(self._reader, self._start, self._blobs, branch, ours).plan()

    def _plan_alone(self, branch: Branch) -> Plan | None:
        """Nobody else was there: the branch is the base and our files."""
        reader = self._reader
        wanted = {
            path: blob
            for path, blob in self._blobs.items()
            if _blob(reader.entry(branch.fork, path)) != blob
        }
        if branch.changed == wanted:
            return None
        self._check_change()
        parents = (branch.tip, self._start) if branch.behind else (branch.tip,)
        return Plan(self._start, parents)

    def _check_change(self) -> None:
        entry = self._reader.entry
        if all(_blob(entry(self._start, path)) == blob for path, blob in self._blobs.items()):
            raise HostRefused(
                "The change holds nothing that the base does not have.", "There is nothing to do."
            )


@dataclass
class _Shared:
    """A branch that holds commits of others too."""

    reader: BranchReader
    start: str
    blobs: Mapping[str, str]
    branch: Branch
    ours: list[BranchCommit]

    def plan(self) -> Plan | None:
        entry, tip = self.reader.entry, self.branch.tip
        changed = [path for path, blob in self.blobs.items() if _blob(entry(tip, path)) != blob]
        restored = {p: entry(self.start, p) for p in self._left_over() if not self._theirs(p)}
        if not changed and not restored:
            return None
        for path in changed:
            if commit := self._theirs(path):
                raise HostRefused(
                    f"{path!r} on the branch {self.branch.name!r} was changed by "
                    f"{_subject(commit)!r} ({commit.sha[:10]}) of {commit.author}, and the new "
                    "change wants it otherwise: theirs is kept; nothing was overwritten.",
                    "Say on the ticket or the pull request how the two belong together, or take "
                    "that commit back, then ask again.",
                )
        if self.branch.behind:
            return Plan(merge_first=True)
        return Plan(tip, (tip,), restored)

    def _left_over(self) -> list[str]:
        """Files that our earlier commits brought and the change no longer holds."""
        entry = self.reader.entry
        brought = {p for c in self.ours for p in self.reader.changed(c) if self._made(c, p)}
        return sorted(
            path
            for path in brought - set(self.blobs)
            if entry(self.branch.tip, path) != entry(self.start, path)
        )

    def _theirs(self, path: str) -> BranchCommit | None:
        """The commit of somebody else that changed the path since our last one, if there is."""
        entry = self.reader.entry
        if entry(self.branch.tip, path) == entry(self.ours[-1].sha, path):
            return None
        return next((c for c in self._others if self._made(c, path)), None)

    @cached_property
    def _others(self) -> list[BranchCommit]:
        """Commits of others, the newest first. A merge of the base by us is nobody's work."""
        mine = {c.sha for c in self.ours}
        return [
            c
            for c in reversed(self.branch.commits)
            if c.sha not in mine and not is_merge_of_ours(c.message)
        ]

    def _made(self, commit: BranchCommit, path: str) -> bool:
        """Whether the commit itself made what stands there; a merge may just have taken a side."""
        entry = self.reader.entry
        stands = entry(commit.sha, path)
        return all(entry(parent, path) != stands for parent in commit.parents)


def file_mode(path: str, entry: Entry | None) -> str:
    """The mode to write a file with: as it is. Raises HostRefused for what is no plain file."""
    if entry is None:
        return "100644"
    if not entry.mode.startswith("100"):
        raise HostRefused(
            f"{path!r} is a folder, a link or a submodule in the repository.",
            "Choose another path for the file.",
        )
    return entry.mode


def _blob(entry: Entry | None) -> str:
    return entry.blob if entry else ""


def _subject(commit: BranchCommit) -> str:
    return commit.message.strip().partition("\n")[0][:100]
