"""A code host on GitHub: one commit by the Git Data API, one branch, one pull request.

Every write is preceded by a look at what is there, so that a run repeated after a lost reply, a
crash or by accident writes nothing twice. Reads are tried again, writes never are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from crew.artifacts import ChangeSet, PullRequest
from crew.delivery.codeowners import PLACES, owners_of
from crew.delivery.delivery_rules import (
    blob_names,
    check_branch,
    check_commits,
    repository_files,
)
from crew.delivery.github_calls import GitHubCalls, Missing
from crew.errors import HostRefused, InvalidSettings

if TYPE_CHECKING:
    from github.Comparison import Comparison
    from github.PullRequest import PullRequest as GitHubPullRequest
    from github.Repository import Repository

TOKEN = "FIRSTMILE_GITHUB_TOKEN"
_LOG = logging.getLogger(__name__)


class GitHubSettings(BaseModel):
    """Where pull requests go. The token comes from the environment alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """The repository, as owner/name."""
    base: str = ""
    """The branch to merge into; empty for the repository's default branch."""
    url: str = Field(default="https://api.github.com", pattern=r"^https?://")
    """The API's address; https://<host>/api/v3 for GitHub Enterprise Server."""
    draft: bool = True
    """Open pull requests as drafts."""
    labels: tuple[str, ...] = ("firstmile",)
    """Labels of every pull request, beside those of the change."""
    reviewers_from_codeowners: bool = True
    """Ask the owners of the changed files for review."""
    timeout_seconds: int = 30
    """How long one call may take."""
    token: SecretStr
    """Access token with read and write on contents and pull requests."""

    @classmethod
    def load(cls, values: Mapping[str, Any], environment: Mapping[str, str]) -> GitHubSettings:
        """Settings with the token of the environment. Raises InvalidSettings with all problems."""
        token = environment.get(TOKEN, "")
        problems = [] if token else [f"{TOKEN} is not set."]
        if "token" in values:
            problems.append(f"github.token stands among the settings; it belongs into {TOKEN}.")
        try:
            settings = cls.model_validate({**values, "token": SecretStr(token)})
        except ValidationError as error:
            problems += [
                f"github.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
            ]
        if problems:
            raise InvalidSettings(
                " ".join(problems), f"Mend firstmile.yml, and export {TOKEN} with an access token."
            )
        return settings


class GitHubHost:
    """Pull requests on GitHub for the dbt project at `prefix` of the repository."""

    def __init__(
        self, settings: GitHubSettings, prefix: str, pauses_seconds: tuple[float, ...] = (1.0, 4.0)
    ) -> None:
        self._settings = settings
        self._prefix = prefix
        self._calls = GitHubCalls(
            settings.url,
            settings.repository,
            settings.token.get_secret_value(),
            settings.timeout_seconds,
            pauses_seconds,
        )

    def find_pull_request(self, branch: str) -> PullRequest | None:
        """The open pull request of the branch, else the last one that was closed."""
        repository = self._calls.repository()
        found = self._find(repository, branch)
        return self._value(found, found.head.sha, created=False) if found else None

    def ensure_pull_request(self, change: ChangeSet, text: str) -> PullRequest:
        """One branch, one commit for each content, one pull request. Raises HostRefused with what
        GitHub said, HostUnavailable if it did not answer."""
        repository = self._calls.repository()
        base = self._settings.base or repository.default_branch
        files = repository_files(change, self._prefix)
        check_branch(change.branch, {base, repository.default_branch, change.base})
        commit, written = self._ensure_commit(repository, change, files)
        found = self._find(repository, change.branch)
        if found and found.state == "closed" and written:
            found = None
        if found and found.state == "closed":
            return self._value(found, commit, created=False)
        created = found is None
        pull = found or self._create(repository, base, change, text)
        if _normal(pull.body) != _normal(text):
            with self._calls.writing("update the pull request's text"):
                pull.edit(body=text)
        self._ensure_labels(pull, change)
        if self._settings.reviewers_from_codeowners:
            self._ensure_reviewers(repository, pull, tuple(files))
        return self._value(pull, commit, created)

    def _ensure_commit(
        self, repository: Repository, change: ChangeSet, files: dict[str, bytes]
    ) -> tuple[str, bool]:
        """The commit that holds the files, and whether it was written now."""
        from github import InputGitTreeElement

        start = change.base_commit
        base = self._calls.read(
            f"read the base commit {start}", lambda: repository.get_git_commit(start)
        )
        ref = self._branch(repository, change.branch)
        compared: Comparison | None = None
        messages: list[str] = []
        if ref:
            tip = ref.object.sha
            compared = self._calls.read(
                "compare the branch", lambda: _compared(repository, start, tip)
            )
            messages = self._calls.read(
                "list commits", lambda: [c.commit.message for c in compared.commits]
            )
        check_commits(change.branch, messages, change)
        if ref and compared and _holds(compared, files):
            return ref.object.sha, False
        elements = [
            InputGitTreeElement(path, "100644", "blob", content=content.decode())
            for path, content in files.items()
        ]
        with self._calls.writing("write the commit"):
            tree = repository.create_git_tree(elements, base.tree)
            parents = [base]
            if ref and compared:
                on_branch = repository.get_git_commit(ref.object.sha)
                if compared.behind_by == 0 and on_branch.tree.sha == tree.sha:
                    return ref.object.sha, False
                parents = [on_branch, base] if compared.behind_by else [on_branch]
            commit = repository.create_git_commit(change.message, tree, parents)
            if ref:
                ref.edit(commit.sha, force=False)
            else:
                repository.create_git_ref(f"refs/heads/{change.branch}", commit.sha)
        return commit.sha, True

    def _create(
        self, repository: Repository, base: str, change: ChangeSet, text: str
    ) -> GitHubPullRequest:
        with self._calls.writing("open the pull request"):
            return repository.create_pull(
                base, change.branch, title=change.title, body=text, draft=self._settings.draft
            )

    def _ensure_labels(self, pull: GitHubPullRequest, change: ChangeSet) -> None:
        there = {label.name.lower() for label in pull.labels}
        wanted = dict.fromkeys((*self._settings.labels, *change.labels))
        if missing := [label for label in wanted if label.lower() not in there]:
            with self._calls.writing("label the pull request"):
                pull.add_to_labels(*missing)

    def _ensure_reviewers(
        self, repository: Repository, pull: GitHubPullRequest, paths: tuple[str, ...]
    ) -> None:
        owners = owners_of(self._codeowners(repository, pull.base.ref), paths)
        reviews = self._calls.read("list reviews", lambda: list(pull.get_reviews()))
        there = {r.user.login for r in reviews if r.user} | {pull.user.login}
        there |= {user.login for user in pull.requested_reviewers}
        asked = {team.slug for team in pull.requested_teams}
        users = [o for o in owners if "/" not in o and o not in there]
        teams = [t for o in owners if "/" in o and (t := o.partition("/")[2]) not in asked]
        if not users and not teams:
            return
        try:
            with self._calls.writing("ask for reviews"):
                pull.create_review_request(users, teams)
        except HostRefused as error:
            # Owners without access to the repository do not stop a delivery.
            _LOG.warning("%s", error.message)

    def _codeowners(self, repository: Repository, branch: str) -> str:
        for place in PLACES:
            look = partial(repository.get_contents, place, branch)
            try:
                found: Any = self._calls.read(f"read {place}", look)
            except Missing:
                continue
            return str(found.decoded_content.decode("utf-8", "replace"))
        return ""

    def _branch(self, repository: Repository, branch: str) -> Any:
        def look() -> Any:
            ref = repository.get_git_ref(f"heads/{branch}")
            return ref if ref.object.sha and ref.ref == f"refs/heads/{branch}" else None

        try:
            return self._calls.read(f"read the branch {branch!r}", look)
        except Missing:
            return None

    def _find(self, repository: Repository, branch: str) -> GitHubPullRequest | None:
        """Open before closed, later before earlier."""
        head = f"{repository.owner.login}:{branch}"
        pulls = self._calls.read(
            "list pull requests", lambda: list(repository.get_pulls(state="all", head=head))
        )
        ours = [p for p in pulls if p.head.ref == branch and p.head.repo is not None]
        return max(ours, key=lambda p: (p.state == "open", p.number), default=None)

    def _value(self, pull: GitHubPullRequest, commit: str, created: bool) -> PullRequest:
        return PullRequest(
            branch=pull.head.ref,
            base=pull.base.ref,
            commit=commit,
            location=pull.html_url,
            created=created,
        )


def _compared(repository: Repository, base: str, tip: str) -> Comparison:
    compared = repository.compare(base, tip)
    compared.complete()
    return compared


def _holds(compared: Comparison, files: dict[str, bytes]) -> bool:
    """Whether the branch differs from where it began by exactly these files."""
    there = {f.filename: "" if f.status == "removed" else f.sha for f in compared.files}
    return there == blob_names(files)


def _normal(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").strip()
