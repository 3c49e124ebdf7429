"""A code host on GitHub: one commit by the Git Data API, one branch, one pull request.

Reads are tried again, writes never are; each write is preceded by a look at what is there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from crew.artifacts import ChangeSet, PullRequest, Verdict
from crew.delivery.codeowners import PLACES, owners_of
from crew.delivery.delivery_rules import check_branch, marker_of, repository_files
from crew.delivery.github_branch import GitHubBranch
from crew.delivery.github_calls import PAUSES_SECONDS, GitHubCalls, Missing
from crew.delivery.github_pull import close_pull, find_pull, pull_verdict
from crew.delivery.github_settings import TOKEN, GitHubSettings
from crew.errors import TerminalError

if TYPE_CHECKING:
    from github.PullRequest import PullRequest as GitHubPullRequest
    from github.Repository import Repository

__all__ = ["TOKEN", "GitHubHost", "GitHubSettings"]
_LOG = logging.getLogger(__name__)


class GitHubHost:
    """Pull requests on GitHub for the dbt project at `prefix` of the repository."""

    def __init__(
        self,
        settings: GitHubSettings,
        prefix: str,
        pauses_seconds: tuple[float, ...] = PAUSES_SECONDS,
    ) -> None:
        self._settings = settings
        self._prefix = prefix
        self._calls = GitHubCalls(settings, pauses_seconds)

    def find_pull_request(self, branch: str) -> PullRequest | None:
        """The open pull request of the branch, else the last one that was closed."""
        found = find_pull(self._calls, branch)
        return self._value(found, found.head.sha, created=False) if found else None

    def ensure_pull_request(self, change: ChangeSet, text: str) -> PullRequest:
        """One branch, one commit for each content, one pull request. Raises HostRefused with what
        stands in the way, InvalidSettings for credentials, HostUnavailable to be tried again."""
        repository = self._calls.repository()
        base = self._settings.base or repository.default_branch
        files = repository_files(change, self._prefix)
        check_branch(change.branch, {base, repository.default_branch, change.base})
        commit, written = GitHubBranch(self._calls, change, files).ensure_commit()
        found = find_pull(self._calls, change.branch)
        if found and found.state == "closed" and change.reopen and found.merged_at is None:
            self._reopen(found)
        if found and found.state == "closed" and written:
            found = None
        if found and found.state == "closed":
            return self._value(found, commit, created=False)
        created = found is None
        pull = found or self._create(repository, base, change, text)
        # What people wrote into the text stays for as long as it is about the same files.
        if marker_of(text) not in (pull.body or "").replace("\r\n", "\n"):
            with self._calls.writing("update the pull request's text"):
                pull.edit(title=change.title, body=text)
        self._ensure_labels(pull, change)
        self._ensure_assignees(pull)
        self._ensure_reviewers(repository, pull, tuple(files))
        return self._value(pull, commit, created)

    def close_pull_request(self, branch: str, reason: str) -> bool:
        """Close the open pull request of a branch of ours and say why, once. One that somebody
        else has committed to or approved stays open, with the same words. Whether it was closed."""
        return close_pull(self._calls, branch, reason)

    def verdict(self, change: ChangeSet) -> Verdict:
        """What became of the pull request of the change's branch; one call while it is open. Raises
        as `ensure_pull_request`."""
        return pull_verdict(self._calls, change.branch)

    def _reopen(self, pull: GitHubPullRequest) -> None:
        """Open a pull request again that was closed; one whose branch is gone stays closed."""
        with self._advising("open the pull request again"):
            pull.edit(state="open")

    def _create(
        self, repository: Repository, base: str, change: ChangeSet, text: str
    ) -> GitHubPullRequest:
        with self._calls.writing("open the pull request"):
            return repository.create_pull(
                base, change.branch, title=change.title, body=text, draft=self._settings.draft
            )

    def _ensure_labels(self, pull: GitHubPullRequest, change: ChangeSet) -> None:
        there = [label.name for label in pull.labels]
        if missing := _missing((*self._settings.labels, *change.labels), there):
            with self._calls.writing("label the pull request"):
                pull.add_to_labels(*missing)

    def _ensure_assignees(self, pull: GitHubPullRequest) -> None:
        there = [user.login for user in pull.assignees]
        if missing := _missing(self._settings.assignees, there):
            with self._advising("assign the pull request"):
                pull.add_to_assignees(*missing)

    def _ensure_reviewers(
        self, repository: Repository, pull: GitHubPullRequest, paths: tuple[str, ...]
    ) -> None:
        owners: tuple[str, ...] = ()
        if self._settings.reviewers_from_codeowners:
            owners = owners_of(self._codeowners(repository, pull.base.ref), paths)
        users = (*self._settings.reviewers, *(o for o in owners if "/" not in o))
        teams = (
            *self._settings.team_reviewers, *(o.partition("/")[2] for o in owners if "/" in o)
        )  # fmt: skip
        if not users and not teams:
            return
        reviews = self._calls.read("list reviews", lambda: list(pull.get_reviews()))
        there = [r.user.login for r in reviews if r.user] + [pull.user.login]
        there += [user.login for user in pull.requested_reviewers]
        asked = [team.slug for team in pull.requested_teams]
        # One owner without access would have the whole request refused.
        for name in _missing(users, there):
            with self._advising(f"ask {name!r} for a review"):
                pull.create_review_request([name], [])
        for name in _missing(teams, asked):
            with self._advising(f"ask the team {name!r} for a review"):
                pull.create_review_request([], [name])

    @contextmanager
    def _advising(self, what: str) -> Iterator[None]:
        """A write without which the delivery is complete: refused, it is logged."""
        try:
            with self._calls.writing(what):
                yield
        except TerminalError as error:
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

    def _value(self, pull: GitHubPullRequest, commit: str, created: bool) -> PullRequest:
        return PullRequest(
            branch=pull.head.ref,
            base=pull.base.ref,
            commit=commit,
            location=pull.html_url,
            created=created,
        )


def _missing(wanted: Iterable[str], there: Iterable[str]) -> list[str]:
    """Each wanted name once that is not there, upper and lower case alike."""
    known = {name.lower() for name in there}
    missing = []
    for name in wanted:
        if name.lower() not in known:
            known.add(name.lower())
            missing.append(name)
    return missing
