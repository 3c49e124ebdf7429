"""Finds the commit by which a branch came into its base in a local repository: by a merge, or
squashed or rebased, when only the content tells."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from crew.artifacts import ChangeSet
from crew.delivery.merged_files import Looking, MergedFile, found_in, lines_of

_MOST = 0.6
"""Share of a change's lines that the base must have gained for the change to be in it."""


@dataclass
class LocalMerges:
    """Looks for changes of the project at `prefix` in `repository`. Raises GitFailed."""

    repository: Path
    prefix: str
    _look: Looking = field(init=False)

    def __post_init__(self) -> None:
        self._look = Looking(self.repository, self.prefix)

    def merge_of(self, change: ChangeSet, tip: str, delivered: str) -> str:
        """The first commit of the base, by first parents, that has the change; empty if none.

        `tip` is the branch as it stands (empty: deleted), `delivered` the last commit of ours."""
        look = self._look = Looking(self.repository, self.prefix)
        base = look.commit(f"refs/heads/{change.base}") or look.commit(change.base)
        start = look.commit(change.base_commit)
        if not base or not start:
            return ""
        found = ""
        for sha in dict.fromkeys(look.commit(name) for name in (tip, delivered) if name):
            if not found and sha and self._has(base, sha) and not self._has(start, sha):
                found = self._first_with(start, base, sha)
        found = found or self._first_like(change, start, base, tip)
        return found if tip or not found else self._with_edits(change, base, found)

    def _has(self, commit: str, sha: str) -> bool:
        """Whether `sha` is the commit or one before it."""
        return not self._look.git("rev-list", "--max-count=1", sha, f"^{commit}")

    def _line(self, start: str, base: str) -> list[str]:
        """The base's own commits since `start`, the oldest first."""
        told = self._look.git("rev-list", "--first-parent", "--reverse", base, f"^{start}")
        return told.split()

    def _first_with(self, start: str, base: str, sha: str) -> str:
        # A commit once merged stays, so that the first one with it can be found by halving.
        line = self._line(start, base)
        place = bisect_left(line, True, key=lambda commit: self._has(commit, sha))
        return line[place] if place < len(line) else base

    def _first_like(self, change: ChangeSet, start: str, base: str, tip: str) -> str:
        """The first commit that brought the content in: all of what stands on the branch, else most
        of it. Rebased commits end with the one that completes the branch."""
        commits = self._candidates(change, start, base)
        if tip:
            fork = self._look.git("merge-base", start, tip)
            wanted = self._wanted(change, fork, tip)
            for commit in commits:
                there = self._look.blobs(commit)
                if wanted and all(there.get(path) == blob for path, blob in wanted.items()):
                    return commit
        return next((c for c in commits if self._is_in(change, start, c, tip)), "")

    def _wanted(self, change: ChangeSet, fork: str, tip: str) -> dict[str, str]:
        """What the branch makes of files: new ones, or all that it changed if none is new."""
        before, after = self._look.blobs(fork), self._look.blobs(tip)
        new = {path: blob for path, blob in after.items() if path not in before}
        return new or {path: blob for path, blob in after.items() if before[path] != blob}

    def _with_edits(self, change: ChangeSet, base: str, found: str) -> str:
        """Where our own commit stands in the base as it was, fast-forwarded or rebased, those that
        follow at once on the same files are what reviewers put on top of it."""
        if self._look.git("log", "-1", "--format=%s", found) != change.message.partition("\n")[0]:
            return found
        editing = self._editing(change, found, base)
        for commit in self._line(found, base):
            if commit not in editing:
                break
            found = commit
        return found

    def _candidates(self, change: ChangeSet, start: str, base: str) -> list[str]:
        """Commits of the base, the oldest first, that touch a file of the change or add one that
        may be a renamed one."""
        kinds = {f":(top,glob)**/*{PurePosixPath(file.path).suffix}" for file in change.files}
        told = self._look.git(
            "log", "--first-parent", "-m", "--no-renames", "--diff-filter=A", "--name-only",
            "--format=%H", base, f"^{start}", "--", *sorted(kinds),
        )  # fmt: skip
        wanted = self._editing(change, start, base) | set(told.splitlines())
        return [commit for commit in self._line(start, base) if commit in wanted]

    def _editing(self, change: ChangeSet, start: str, base: str) -> set[str]:
        """Commits of the base since `start` that touch a file of the change."""
        paths = [f":(top,literal){PurePosixPath(self.prefix) / f.path}" for f in change.files]
        told = self._look.git("rev-list", "--first-parent", base, f"^{start}", "--", *paths)
        return set(told.split())

    def _is_in(self, change: ChangeSet, start: str, commit: str, tip: str) -> bool:
        """Whether the base at `commit` has the change. While the branch is there a created file must
        still go by its name, as models that are alike are made by other requests too, and most of
        its lines must be there; once it is gone, created models that are there are enough."""
        became = found_in(self._look, change, commit)
        created = [file for file in change.files if file.action == "create"]
        kept = [file for file in created if became.get(file.path)]
        if created and not kept:
            return False
        if created and tip and not any(_same_name(f.path, became[f.path]) for f in kept):
            return False
        if created and not tip and len(kept) == len(created):
            return True
        before = self._look.blobs(start)
        stands = found_in(self._look, change, tip) if tip else {}
        brought: Counter[str] = Counter()
        gained: Counter[str] = Counter()
        for file in change.files:
            old = self._look.text(before[file.path]) if file.path in before else ""
            ours = stands.get(file.path)
            there = became.get(file.path)
            brought += _difference(file.path, old, ours.text if ours else file.text)
            gained += _difference(file.path, old, there.text if there else old)
        return (brought & gained).total() >= _MOST * max(1, brought.total())


def _same_name(path: str, became: MergedFile | None) -> bool:
    """Whether a file goes by its name, or by one that holds it whole."""
    return became is not None and PurePosixPath(path).stem in PurePosixPath(became.path).stem


def _difference(path: str, old: str, new: str) -> Counter[str]:
    """Lines that came (+) and went (-), as a bag."""
    before, after = lines_of(old), lines_of(new)
    came = {f"{path}+{line}": count for line, count in (after - before).items()}
    went = {f"{path}-{line}": count for line, count in (before - after).items()}
    return Counter(came) + Counter(went)
