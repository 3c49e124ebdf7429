"""Calls to GitHub through PyGithub, and what their errors mean: try later, or tell somebody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from crew.errors import HostRefused, HostUnavailable, TransientError

if TYPE_CHECKING:
    from github.Repository import Repository

T = TypeVar("T")
_CURES = {
    401: "The token is wrong or expired: export FIRSTMILE_GITHUB_TOKEN with a valid one.",
    403: "Give the token read and write access to contents and pull requests of the repository.",
    404: "Check the repository's name and that the token may see it; push the base commit if the "
    "project was opened from a local folder.",
    409: "The repository is empty or being changed; look at it, then start the request again.",
    422: "Look at the branch and the pull request on GitHub, then start the request again.",
}


class Missing(HostRefused):
    """GitHub answered 404: it is not there, or not for this token."""


class GitHubCalls:
    """Reads with a few tries, writes with one; opened at the first call."""

    def __init__(
        self,
        url: str,
        repository: str,
        token: str,
        timeout_seconds: int,
        pauses_seconds: tuple[float, ...],
    ) -> None:
        self._url = url
        self._name = repository
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._pauses = pauses_seconds
        self._opened: Repository | None = None

    def repository(self) -> Repository:
        if self._opened is None:
            from github import Auth, Github

            # PyGithub's own retry repeats POST, which makes doubles; its pauses are not needed.
            client = Github(
                auth=Auth.Token(self._token),
                base_url=self._url,
                timeout=self._timeout_seconds,
                retry=None,
                seconds_between_requests=0,
                seconds_between_writes=0,
                user_agent="firstmile",
            )
            self._opened = self.read("open the repository", lambda: client.get_repo(self._name))
        return self._opened

    def read(self, what: str, function: Callable[[], T]) -> T:
        """The result of a function that only reads; tried again while GitHub is unavailable."""
        for pause in self._pauses:
            try:
                with self.writing(what):
                    return function()
            except HostUnavailable:
                time.sleep(pause)
        with self.writing(what):
            return function()

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turns the vendor's errors into ours; nothing is tried again."""
        from github import GithubException
        from requests import RequestException

        try:
            yield
        except (GithubException, RequestException) as error:
            raise told(error, what, self._name) from error


def told(error: Exception, what: str, repository: str) -> HostRefused | TransientError:
    """The error of ours for an error of PyGithub or requests, without the token in it."""
    status = int(getattr(error, "status", 0) or 0)
    about = f"GitHub ({repository!r}) could not {what}"
    if status == 0:
        return HostUnavailable(
            f"{about}: no answer ({type(error).__name__}).", "Check the network; it is tried again."
        )
    words = _words(error)
    limited = status == 429 or (status == 403 and "rate limit" in words.lower())
    if status >= 500 or limited:
        return HostUnavailable(f"{about}: {status} {words}", "It is tried again later.")
    kind = Missing if status == 404 else HostRefused
    return kind(f"{about}: {status} {words}", _CURES.get(status, _CURES[422]))


def _words(error: Exception) -> str:
    data: Any = getattr(error, "data", None)
    if not isinstance(data, dict):
        return str(data or "")[:200]
    details = [
        str(e.get("message") or f"{e.get('field', '')} {e.get('code', '')}").strip()
        if isinstance(e, dict)
        else str(e)
        for e in data.get("errors") or ()
    ]
    return "; ".join([str(data.get("message", "")), *details])[:500]
