"""A branch on GitHub, read and written by the Git Data API.

Every write is preceded by a look at what is there, so that a run repeated after a lost reply, a
crash or by accident writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crew.artifacts import ChangeSet
from crew.delivery.branch_plan import Branch, BranchCommit, Entry, Plan, Planning, file_mode
from crew.delivery.delivery_rules import blob_names, change_key, conflicting, merge_message
from crew.delivery.github_calls import GitHubCalls, Missing
from crew.errors import HostUnavailable

if TYPE_CHECKING:
    from github.Comparison import Comparison
    from github.GitCommit import GitCommit
    from github.GitRef import GitRef
    from github.Repository import Repository


class GitHubReader:
    """Looks into commits, folder by folder; equal folders of several commits are read once."""

    def __init__(self, calls: GitHubCalls) -> None:
        self._calls = calls
        self._roots: dict[str, str] = {}
        self._trees: dict[str, dict[str, Entry]] = {}
        self._changed: dict[str, frozenset[str]] = {}

    def entry(self, commit: str, path: str) -> Entry | None:
        """What stands at a path; None if nothing does."""
        if commit not in self._roots:
            self._roots[commit] = self.commit(commit).tree.sha
        found: Entry | None = Entry("040000", self._roots[commit])
        for part in path.split("/"):
            if found is None or found.mode != "040000":
                return None
            found = self._tree(found.blob).get(part)
        return found

    def changed(self, commit: BranchCommit) -> frozenset[str]:
        """Paths that differ from the commit's first parent."""
        if commit.sha not in self._changed:
            repository = self._calls.repository()

            def look() -> frozenset[str]:
                files = list(repository.get_commit(commit.sha).files)
                moved = (f.previous_filename for f in files if f.status == "renamed")
                return frozenset([*(f.filename for f in files), *moved])

            self._changed[commit.sha] = self._calls.read(f"read the commit {commit.sha}", look)
        return self._changed[commit.sha]

    def commit(self, sha: str) -> GitCommit:
        repository = self._calls.repository()
        return self._calls.read(f"read the commit {sha}", lambda: repository.get_git_commit(sha))

    def _tree(self, sha: str) -> dict[str, Entry]:
        if sha not in self._trees:
            repository = self._calls.repository()
            self._trees[sha] = self._calls.read(
                f"read the folder {sha}",
                lambda: {e.path: Entry(e.mode, e.sha) for e in repository.get_git_tree(sha).tree},
            )
        return self._trees[sha]


class GitHubBranch:
    """The branch of one change."""

    def __init__(
        self, calls: GitHubCalls, change: ChangeSet, files: Mapping[str, bytes | None]
    ) -> None:
        self._calls = calls
        self._change = change
        self._files = files
        self._key = change_key(change)
        self._reader = GitHubReader(calls)

    def ensure_commit(self) -> tuple[str, bool]:
        """The last commit of this request on the branch, and whether it was written now."""
        change = self._change
        self._reader.commit(change.base_commit)
        planning = Planning(self._reader, self._key, change.base_commit, blob_names(self._files))
        ref, branch = self._look()
        plan = planning.plan(branch)
        if plan and plan.merge_first:
            self._merge_base()
            ref, branch = self._look()
            plan = planning.plan(branch)
        if plan is None and branch is not None:
            return branch.last_of(self._key), False
        if plan is None or plan.merge_first:
            raise self._moved()
        return self._write(plan, ref), True

    def _write(self, plan: Plan, ref: GitRef | None) -> str:
        from github import InputGitTreeElement

        entry = self._reader.entry
        elements = []
        for path, content in self._files.items():
            if content is None:
                if entry(plan.onto, path):
                    elements.append(InputGitTreeElement(path, "100644", "blob", sha=None))
                continue
            mode = file_mode(path, entry(plan.onto, path))
            elements.append(InputGitTreeElement(path, mode, "blob", content=content.decode()))
        for path, before in plan.restored.items():
            mode, blob = (before.mode, before.blob) if before else ("100644", None)
            elements.append(InputGitTreeElement(path, mode, "blob", sha=blob))
        onto = self._reader.commit(plan.onto)
        parents = [self._reader.commit(parent) for parent in plan.parents]
        repository = self._calls.repository()
        with self._calls.writing("write the commit"):
            tree = repository.create_git_tree(elements, onto.tree)
            commit = repository.create_git_commit(self._change.message, tree, parents)
        self._point(repository, ref, commit.sha)
        return str(commit.sha)

    def _point(self, repository: Repository, ref: GitRef | None, sha: str) -> None:
        """The branch to the commit; never by force, so that a push meanwhile is not lost."""
        from github import GithubException

        with self._calls.writing("move the branch"):
            try:
                if ref:
                    ref.edit(sha, force=False)
                else:
                    repository.create_git_ref(f"refs/heads/{self._change.branch}", sha)
            except GithubException as error:
                told = str(error.data).lower()
                if error.status == 422 and ("fast" in told or "already exists" in told):
                    raise self._moved() from error
                raise

    def _merge_base(self) -> None:
        from github import GithubException

        change = self._change
        message = merge_message(change.base, change.branch, self._key)
        repository = self._calls.repository()
        with self._calls.writing("merge the base into the branch"):
            try:
                repository.merge(change.branch, change.base_commit, message)
            except GithubException as error:
                if error.status == 409:
                    raise conflicting(change.base, change.branch) from error
                raise

    def _look(self) -> tuple[GitRef | None, Branch | None]:
        name, start = self._change.branch, self._change.base_commit
        ref = branch_ref(self._calls, name)
        if ref is None:
            return None, None
        tip, repository = ref.object.sha, self._calls.repository()

        def look() -> Branch:
            compared = repository.compare(start, tip)
            return Branch(
                name=name,
                tip=tip,
                fork=compared.merge_base_commit.sha,
                behind=compared.behind_by > 0,
                commits=tuple(_commit(c) for c in compared.commits),
                changed=_changed(compared),
            )

        return ref, self._calls.read("compare the branch", look)

    def _moved(self) -> HostUnavailable:
        return HostUnavailable(
            f"Somebody else wrote to the branch {self._change.branch!r} meanwhile.",
            "It is tried again on top of what they pushed.",
        )


def branch_ref(calls: GitHubCalls, branch: str) -> GitRef | None:
    """The branch's reference; None if there is no such branch."""
    repository = calls.repository()

    def look() -> GitRef | None:
        ref = repository.get_git_ref(f"heads/{branch}")
        return ref if ref.object.sha and ref.ref == f"refs/heads/{branch}" else None

    try:
        return calls.read(f"read the branch {branch!r}", look)
    except Missing:
        return None


def _commit(commit: Any) -> BranchCommit:
    """A commit as GitHub compares it; its author by account, else by name."""
    author = commit.author.login if commit.author else commit.commit.author.name
    return BranchCommit(
        sha=commit.sha,
        message=commit.commit.message or "",
        author=author or "somebody",
        parents=tuple(p.sha for p in commit.parents),
    )


def _changed(compared: Comparison) -> dict[str, str]:
    return {f.filename: "" if f.status == "removed" else f.sha for f in compared.files}
