"""A code host on a local git repository: a branch, and the pull request as a text beside it.

Plumbing only: the work tree, the index and the current branch are never touched.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from crew.artifacts import ChangeSet, PullRequest
from crew.delivery.delivery_rules import (
    AUTHOR,
    EMAIL,
    check_branch,
    check_commits,
    repository_files,
)
from crew.errors import HostRefused, HostUnavailable
from crew.git import GitFailed, git

_NOTHING = "0" * 40


class LocalGitHost:
    """Pull requests of the project at `prefix` in `repository`; their texts lie in `state`."""

    def __init__(self, repository: Path, prefix: str, state: Path) -> None:
        self._repository = repository
        self._prefix = prefix
        self._folder = state / "pull_requests"

    def find_pull_request(self, branch: str) -> PullRequest | None:
        """What was delivered on the branch, as long as the branch is there."""
        about = self._file(branch, ".json")
        tip = self._commit(f"refs/heads/{branch}")
        if not tip or not about.is_file():
            return None
        known = json.loads(about.read_text("utf-8"))
        return PullRequest(
            branch=branch,
            base=known["base"],
            commit=tip,
            location=str(self._file(branch, ".md")),
            created=False,
        )

    def ensure_pull_request(self, change: ChangeSet, text: str) -> PullRequest:
        """One branch, one commit for each content, one text. Raises HostRefused for a branch that
        is not ours, HostUnavailable if somebody else wrote it meanwhile."""
        files = repository_files(change, self._prefix)
        known = self.find_pull_request(change.branch)
        try:
            check_branch(change.branch, self._protected(change))
            commit = self._ensure_commit(change, files)
        except GitFailed as error:
            raise HostUnavailable(
                f"The branch {change.branch!r} could not be written: {error}",
                "Try again; if it stays, look at the repository with `git fsck`.",
            ) from error
        self._write(change, text, commit)
        return PullRequest(
            branch=change.branch,
            base=change.base,
            commit=commit,
            location=str(self._file(change.branch, ".md")),
            created=known is None,
        )

    def _ensure_commit(self, change: ChangeSet, files: dict[str, bytes]) -> str:
        base = self._commit(change.base_commit)
        if not base:
            raise HostRefused(
                f"The commit {change.base_commit!r} is not in {str(self._repository)!r}.",
                "Start the request again on the commit that is there now.",
            )
        tip = self._commit(f"refs/heads/{change.branch}")
        fork, parents = base, [base]
        if tip:
            fork = self._git("merge-base", base, tip)
            between = self._git("rev-list", tip, f"^{base}").split()
            messages = [self._git("log", "-1", "--format=%B", c) for c in between]
            check_commits(change.branch, messages, change)
            parents = [tip] if fork == base else [tip, base]
        else:
            check_commits(change.branch, [], change)
        if tip and self._git("rev-parse", f"{tip}^{{tree}}") == self._tree(files, fork):
            return tip
        tree = self._tree(files, base)
        if tree == self._git("rev-parse", f"{base}^{{tree}}"):
            raise HostRefused(
                "The change holds nothing that the base does not have.", "There is nothing to do."
            )
        flags = [part for parent in parents for part in ("-p", parent)]
        commit = self._git(
            "commit-tree", tree, *flags, "-F", "-", stdin=change.message.encode(), extra=_WHO
        )
        ref = f"refs/heads/{change.branch}"
        self._git("update-ref", "-m", "firstmile", ref, commit, tip or _NOTHING)
        return commit

    def _tree(self, files: dict[str, bytes], base: str) -> str:
        """The tree of a commit with the files of the change in it."""
        with tempfile.TemporaryDirectory(prefix="firstmile-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git("read-tree", base, extra=index)
            lines = []
            for path, content in files.items():
                blob = self._git("hash-object", "-w", "--stdin", stdin=content)
                lines.append(f"{self._mode(base, path)} {blob}\t{path}\0")
            stdin = "".join(lines).encode()
            self._git("update-index", "-z", "--index-info", stdin=stdin, extra=index)
            return self._git("write-tree", extra=index)

    def _mode(self, base: str, path: str) -> str:
        mode = self._git("ls-tree", base, "--", path).partition(" ")[0] or "100644"
        if not mode.startswith("100"):
            raise HostRefused(
                f"{path!r} is a folder, a link or a submodule in the repository.",
                "Choose another path for the file.",
            )
        return mode

    def _protected(self, change: ChangeSet) -> set[str]:
        """The base, the default branch, and what any work tree has checked out."""
        names = {change.base}
        for ref in ("HEAD", "refs/remotes/origin/HEAD"):
            try:
                names.add(self._git("symbolic-ref", "--quiet", ref))
            except GitFailed:
                continue
        trees = self._git("worktree", "list", "--porcelain").splitlines()
        names |= {line.removeprefix("branch ") for line in trees if line.startswith("branch ")}
        heads = ("refs/heads/", "refs/remotes/origin/")
        return {n.removeprefix(heads[0]).removeprefix(heads[1]) for n in names}

    def _commit(self, name: str) -> str:
        try:
            wanted = f"{name}^{{commit}}"
            return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
        except GitFailed:
            return ""

    def _git(self, *arguments: str, stdin: bytes = b"", extra: dict[str, str] | None = None) -> str:
        return git(self._repository, *arguments, stdin=stdin, extra=extra)

    def _file(self, branch: str, suffix: str) -> Path:
        return self._folder / (branch.replace("/", "__") + suffix)

    def _write(self, change: ChangeSet, text: str, commit: str) -> None:
        about = {
            "branch": change.branch, "base": change.base, "base_commit": change.base_commit,
            "commit": commit, "title": change.title, "labels": change.labels,
            "files": [file.path for file in change.files],
        }  # fmt: skip
        _write_atomically(self._file(change.branch, ".md"), text)
        _write_atomically(self._file(change.branch, ".json"), json.dumps(about, indent=2) + "\n")


_WHO = {
    "GIT_AUTHOR_NAME": AUTHOR,
    "GIT_AUTHOR_EMAIL": EMAIL,
    "GIT_COMMITTER_NAME": AUTHOR,
    "GIT_COMMITTER_EMAIL": EMAIL,
}


def _write_atomically(file: Path, text: str) -> None:
    content = text.encode()
    if file.is_file() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(name, file)
