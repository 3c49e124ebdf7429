"""A code host on a local git repository: a branch, and the pull request as a text beside it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from crew.artifacts import ChangeSet, PullRequest, Verdict
from crew.delivery.branch_plan import Planning
from crew.delivery.delivery_rules import (
    blob_names,
    change_key,
    check_branch,
    conflicting,
    is_of_others,
    merge_message,
    repository_files,
)
from crew.delivery.local_branch import LocalBranches
from crew.delivery.local_merge import LocalMerges
from crew.errors import HostRefused, HostUnavailable
from crew.git import GitFailed


class LocalGitHost:
    """Pull requests of the project at `prefix` in `repository`; their texts lie in `state`."""

    def __init__(self, repository: Path, prefix: str, state: Path) -> None:
        self._repository = repository
        self._branches = LocalBranches(repository)
        self._merges = LocalMerges(repository, prefix)
        self._prefix = prefix
        self._folder = state / "pull_requests"

    def find_pull_request(self, branch: str) -> PullRequest | None:
        """What was delivered on the branch, as long as the branch is there."""
        about = self._file(branch, ".json")
        tip = self._branches.commit(f"refs/heads/{branch}")
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
            raise _unavailable(change.branch, error) from error
        self._write(change, text, commit)
        return PullRequest(
            branch=change.branch,
            base=change.base,
            commit=commit,
            location=str(self._file(change.branch, ".md")),
            created=known is None,
        )

    def close_pull_request(self, branch: str, reason: str) -> bool:
        """Mark the pull request as closed, with the reason; one that somebody else has committed to
        stays open. Whether it was closed now."""
        if self.find_pull_request(branch) is None:
            return False
        about = self._file(branch, ".json")
        known = json.loads(about.read_text("utf-8"))
        try:
            messages = self._branches.messages(branch, known["base_commit"])
        except GitFailed as error:
            raise _unavailable(branch, error) from error
        if "closed" in known or any(map(is_of_others, messages)):
            return False
        _write_atomically(about, json.dumps({**known, "closed": reason}, indent=2) + "\n")
        return True

    def verdict(self, change: ChangeSet) -> Verdict:
        """What became of the change's branch, by the base's history; nobody remarks anything here.
        Raises HostUnavailable if the repository cannot be read."""
        about = self._file(change.branch, ".json")
        known = json.loads(about.read_text("utf-8")) if about.is_file() else {}
        tip = self._branches.commit(f"refs/heads/{change.branch}")
        text = self._file(change.branch, ".md")
        location = str(text) if text.is_file() else ""
        try:
            commit = self._merges.merge_of(change, tip, known.get("commit", ""))
        except GitFailed as error:
            raise _unavailable(change.branch, error) from error
        if commit:
            return Verdict(state="merged", commit=commit, location=location)
        if "closed" in known:
            return Verdict(state="closed", location=location)
        return Verdict(state="open" if tip else "gone", location=location)

    def _ensure_commit(self, change: ChangeSet, files: dict[str, bytes | None]) -> str:
        branches, key = self._branches, change_key(change)
        base = branches.commit(change.base_commit)
        if not base:
            raise HostRefused(
                f"The commit {change.base_commit!r} is not in {str(self._repository)!r}.",
                "Start the request again on the commit that is there now.",
            )
        planning = Planning(branches, key, base, blob_names(files))
        branch = branches.branch(change.branch, base)
        plan = planning.plan(branch)
        if branch and plan and plan.merge_first:
            message = merge_message(change.base, change.branch, key)
            if not branches.merge(branch, base, message):
                raise conflicting(change.base, change.branch)
            branch = branches.branch(change.branch, base)
            plan = planning.plan(branch)
        tip = branch.tip if branch else ""
        if branch and plan is None:
            return branch.last_of(key)
        assert plan is not None  # without a branch there is something to write
        tree = branches.tree(plan, files)
        return branches.write(change.branch, tree, plan.parents, change.message, tip)

    def _protected(self, change: ChangeSet) -> set[str]:
        """The base, the default branch, and what any work tree has checked out."""
        names = {change.base}
        for ref in ("HEAD", "refs/remotes/origin/HEAD"):
            try:
                names.add(self._branches.git("symbolic-ref", "--quiet", ref))
            except GitFailed:
                continue
        trees = self._branches.git("worktree", "list", "--porcelain").splitlines()
        names |= {line.removeprefix("branch ") for line in trees if line.startswith("branch ")}
        heads = ("refs/heads/", "refs/remotes/origin/")
        return {n.removeprefix(heads[0]).removeprefix(heads[1]) for n in names}

    def _file(self, branch: str, suffix: str) -> Path:
        return self._folder / (branch.replace("/", "__") + suffix)

    def _write(self, change: ChangeSet, text: str, commit: str) -> None:
        about = {
            "branch": change.branch, "base": change.base, "base_commit": change.base_commit,
            "commit": commit, "title": change.title, "labels": change.labels,
            "files": [file.path for file in change.files],
        }  # fmt: skip
        known = self._file(change.branch, ".json")
        before = json.loads(known.read_text("utf-8")) if known.is_file() else {}
        if "closed" in before and before.get("commit") == commit:
            return
        _write_atomically(self._file(change.branch, ".md"), text)
        _write_atomically(self._file(change.branch, ".json"), json.dumps(about, indent=2) + "\n")


def _unavailable(branch: str, error: GitFailed) -> HostUnavailable:
    return HostUnavailable(
        f"The branch {branch!r} could not be read or written: {error}",
        "Try again; if it stays, look at the repository with `git fsck`.",
    )


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
