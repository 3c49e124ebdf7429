"""A branch of a local git repository, read and written by plumbing alone: the work tree, the index
and the current branch are never touched."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from crew.delivery.branch_plan import Branch, BranchCommit, Entry, Plan, file_mode
from crew.delivery.delivery_rules import AUTHOR, EMAIL
from crew.git import GitFailed, git

_NOTHING = "0" * 40
_WHO = {
    "GIT_AUTHOR_NAME": AUTHOR,
    "GIT_AUTHOR_EMAIL": EMAIL,
    "GIT_COMMITTER_NAME": AUTHOR,
    "GIT_COMMITTER_EMAIL": EMAIL,
}


class LocalBranches:
    """Reads and writes the branches of `repository`. Raises GitFailed."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    def commit(self, name: str) -> str:
        """The commit that a name stands for; empty if there is none."""
        try:
            wanted = f"{name}^{{commit}}"
            return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
        except GitFailed:
            return ""

    def branch(self, name: str, base: str) -> Branch | None:
        """The branch as it stands beside a base commit; None if there is none."""
        tip = self.commit(f"refs/heads/{name}")
        if not tip:
            return None
        fork = self.git("merge-base", base, tip)
        return Branch(
            name=name,
            tip=tip,
            fork=fork,
            behind=fork != base,
            commits=self._between(base, tip),
            changed=self._changed(fork, tip),
        )

    def entry(self, commit: str, path: str) -> Entry | None:
        """What stands at a path of a commit; None if nothing does."""
        line = self.git("ls-tree", "-z", commit, "--", path).rstrip("\0")
        if not line:
            return None
        mode, _, blob = line.partition("\t")[0].split(" ")
        return Entry(mode, blob)

    def changed(self, commit: BranchCommit) -> frozenset[str]:
        """Paths that differ from the commit's first parent."""
        before = commit.parents[0] if commit.parents else _EMPTY_TREE
        return frozenset(self._changed(before, commit.sha))

    def tree(self, plan: Plan, files: Mapping[str, bytes | None]) -> str:
        """The tree that a plan describes, with the files in it."""
        with tempfile.TemporaryDirectory(prefix="firstmile-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.git("read-tree", plan.onto, extra=index)
            lines = []
            for path, content in files.items():
                if content is None:
                    lines.append(f"0 {_NOTHING}\t{path}\0")
                    continue
                mode = file_mode(path, self.entry(plan.onto, path))
                blob = self.git("hash-object", "-w", "--stdin", stdin=content)
                lines.append(f"{mode} {blob}\t{path}\0")
            for path, before in plan.restored.items():
                mode, blob = (before.mode, before.blob) if before else ("0", _NOTHING)
                lines.append(f"{mode} {blob}\t{path}\0")
            stdin = "".join(lines).encode()
            self.git("update-index", "-z", "--index-info", stdin=stdin, extra=index)
            return self.git("write-tree", extra=index)

    def write(
        self, name: str, tree: str, parents: Sequence[str], message: str, expected: str
    ) -> str:
        """A commit as the new tip of a branch, if that is still at `expected` (empty: is new)."""
        flags = [part for parent in parents for part in ("-p", parent)]
        commit = self.git(
            "commit-tree", tree, *flags, "-F", "-", stdin=message.encode(), extra=_WHO
        )
        ref = f"refs/heads/{name}"
        self.git("update-ref", "-m", "firstmile", ref, commit, expected or _NOTHING)
        return commit

    def merge(self, branch: Branch, base: str, message: str) -> bool:
        """Merge the base into the branch; false, and nothing written, if they conflict.

        https://git-scm.com/docs/git-merge-tree: ends with 1, and says nothing, for a conflict.
        """
        try:
            tree = self.git("merge-tree", "--write-tree", branch.tip, base)
        except GitFailed as error:
            if str(error) == "exit 1":
                return False
            raise
        self.write(branch.name, tree, (branch.tip, base), message, branch.tip)
        return True

    def messages(self, branch: str, base: str) -> list[str]:
        """The messages of the branch's own commits, the newest first."""
        told = self.git("log", "-z", "--format=%B", f"refs/heads/{branch}", f"^{base}")
        return [message for message in told.split("\0") if message.strip()]

    def git(self, *arguments: str, stdin: bytes = b"", extra: dict[str, str] | None = None) -> str:
        return git(self._repository, *arguments, stdin=stdin, extra=extra)

    def _between(self, base: str, tip: str) -> tuple[BranchCommit, ...]:
        told = self.git(
            "log", "-z", "--reverse", "--topo-order", "--format=%H%n%P%n%an%n%B", tip, f"^{base}"
        )
        commits = []
        for part in told.split("\0"):
            if part:
                sha, parents, author, message = part.split("\n", 3)
                commits.append(BranchCommit(sha, message, author, tuple(parents.split())))
        return tuple(commits)

    def _changed(self, before: str, after: str) -> dict[str, str]:
        """Path → name of the content; empty where it is gone."""
        told = self.git("diff-tree", "-r", "-z", "--no-renames", before, after).split("\0")
        found = {}
        for about, path in zip(told[::2], told[1::2], strict=False):
            blob = about.split(" ")[3]
            found[path] = "" if blob == _NOTHING else blob
        return found


_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
