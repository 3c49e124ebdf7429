"""Calls to GitHub through PyGithub, and what their errors mean: try later, or tell somebody."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from crew.delivery.github_settings import PRIVATE_KEY, TOKEN, GitHubSettings
from crew.errors import HostRefused, HostUnavailable, InvalidSettings, TerminalError, TransientError

if TYPE_CHECKING:
    from github.Auth import AppAuth, Auth
    from github.Repository import Repository

T = TypeVar("T")
PAUSES_SECONDS = (1.0, 4.0)
_PATIENCE_SECONDS = 10.0
_NEXT = re.compile(r'<([^<>]+)>;\s*rel="next"')
_CURES = {
    401: f"The credentials are wrong or expired: export {TOKEN} with a valid token, or "
    f"{PRIVATE_KEY} with the key of the App.",
    403: "Give the token, or the App, read and write access to contents and pull requests of the "
    "repository; docs/github.md lists all permissions.",
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
        self, settings: GitHubSettings, pauses_seconds: tuple[float, ...] = PAUSES_SECONDS
    ) -> None:
        self._settings = settings
        self._name = settings.repository
        self._pauses = pauses_seconds
        self._opened: Repository | None = None

    def repository(self) -> Repository:
        """The repository, opened once. Raises InvalidSettings, HostRefused, HostUnavailable."""
        if self._opened is None:
            from github import Github

            client = Github(auth=self._auth(), **self._options())
            self._opened = self.read("open the repository", lambda: client.get_repo(self._name))
        return self._opened

    def app_permissions(self) -> dict[str, str] | None:
        """What the App's installation may do, such as `contents: write`; None for a token."""
        if self._settings.app_id is None:
            return None
        from github import GithubIntegration

        integration = GithubIntegration(auth=self._app(), **self._options())
        number = self._settings.installation_id or 0
        return self.read(
            f"look at the installation {number}",
            lambda: dict(integration.get_app_installation(number).permissions),
        )

    def get(self, what: str, path: str) -> dict[str, Any]:
        """The JSON object at a path below the repository's address."""
        data = self._json(what, path)[1]
        return data if isinstance(data, dict) else {}

    def pages(
        self, what: str, path: str, key: str = "", **query: str
    ) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Headers and objects of each page of a list below the repository's address, one call a
        page; `key` is where an answer that is an object holds the list.

        Objects of PyGithub would ask again for each field that an answer leaves out.
        """
        address: str | None = f"{path}?{urlencode({'per_page': '100', **query})}"
        while address:
            headers, data = self._json(what, address)
            found = data.get(key) if isinstance(data, dict) else data
            items = found if isinstance(found, list) else []
            yield headers, [item for item in items if isinstance(item, dict)]
            link = _NEXT.search(str(headers.get("link", "")))
            address = link[1] if link else None

    def listed(self, what: str, path: str, key: str = "") -> list[dict[str, Any]]:
        """All objects of a list, at most a thousand."""
        pages = islice(self.pages(what, path, key), 10)
        return [item for _, items in pages for item in items]

    def write(self, method: str, what: str, path: str, body: dict[str, Any]) -> None:
        """One write below the repository's address, tried once."""
        repository = self.repository()
        with self.writing(what):
            repository.requester.requestJsonAndCheck(method, f"{repository.url}{path}", input=body)

    def _json(self, what: str, path: str) -> tuple[dict[str, Any], Any]:
        repository = self.repository()
        address = path if path.startswith("http") else f"{repository.url}{path}"
        return self.read(what, lambda: repository.requester.requestJsonAndCheck("GET", address))

    def read(self, what: str, function: Callable[[], T]) -> T:
        """The result of a function that only reads; tried again while GitHub is unavailable, unless
        it asks for more patience than a moment."""
        for pause in self._pauses:
            try:
                with self.writing(what):
                    return function()
            except HostUnavailable as error:
                wished = error.retry_after or 0.0
                if wished > _PATIENCE_SECONDS:
                    raise
                time.sleep(max(pause, wished))
        with self.writing(what):
            return function()

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turns the vendor's errors into ours; nothing is tried again. Half an answer is a
        ValueError of the JSON parser."""
        from github import BadAttributeException, GithubException
        from requests import RequestException

        try:
            yield
        except (GithubException, RequestException, BadAttributeException, ValueError) as error:
            raise told(error, what, self._name) from error

    def _options(self) -> dict[str, Any]:
        """PyGithub's own retry repeats POST, which makes doubles; its pauses are not needed."""
        return {
            "base_url": self._settings.url,
            "timeout": self._settings.timeout_seconds,
            "retry": None,
            "seconds_between_requests": 0,
            "seconds_between_writes": 0,
            "per_page": 100,
            "user_agent": "firstmile",
        }

    def _auth(self) -> Auth:
        from github import Auth

        if self._settings.app_id is not None:
            return self._app().get_installation_auth(self._settings.installation_id or 0)
        token = self._settings.token
        return Auth.Token(token.get_secret_value() if token else "")

    def _app(self) -> AppAuth:
        from github import Auth
        from jwt import PyJWTError

        key = self._settings.private_key
        app = Auth.AppAuth(self._settings.app_id or 0, key.get_secret_value() if key else "")
        try:
            app.create_jwt()
        except (ValueError, TypeError, PyJWTError):
            raise InvalidSettings(
                f"{PRIVATE_KEY} holds no private key.",
                "Export the whole .pem file that GitHub gave for the App, its first and last line "
                "included.",
            ) from None
        return app


def told(error: Exception, what: str, repository: str) -> TerminalError | TransientError:
    """The error of ours for an error of PyGithub or requests, without the token in it."""
    status = int(getattr(error, "status", 0) or 0)
    about = f"GitHub ({repository!r}) could not {what}"
    if status == 0:
        return HostUnavailable(
            f"{about}: no answer ({type(error).__name__}).", "Check the network; it is tried again."
        )
    words, headers = _words(error), getattr(error, "headers", None) or {}
    used_up = str(headers.get("x-ratelimit-remaining")) == "0" or "retry-after" in headers
    limited = status == 429 or (status == 403 and (used_up or "rate limit" in words.lower()))
    if status >= 500 or limited or _is_page(error):
        wait = retry_after(headers)
        return HostUnavailable(f"{about}: {status} {words}", "It is tried again later.", wait)
    kind: type[TerminalError] = HostRefused
    if status in (401, 403):
        kind = InvalidSettings
    elif status == 404:
        kind = Missing
    return kind(f"{about}: {status} {words}", _CURES.get(status, _CURES[422]))


def retry_after(headers: dict[str, Any]) -> float | None:
    """Seconds to wait by `Retry-After` (a number or a date), else until the rate limit resets.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    wished, reset = headers.get("retry-after"), headers.get("x-ratelimit-reset")
    if wished is not None:
        if (seconds := _number(wished)) is not None:
            return max(0.0, seconds)
        try:
            return max(0.0, parsedate_to_datetime(str(wished)).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None
    if str(headers.get("x-ratelimit-remaining")) == "0" and (moment := _number(reset)) is not None:
        return max(0.0, moment - time.time())
    return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _is_page(error: Exception) -> bool:
    """Whether an HTML page came, from something before GitHub's API; PyGithub wraps its text."""
    data: Any = getattr(error, "data", None)
    text = data.get("data") if isinstance(data, dict) else data
    return isinstance(text, str) and text.lstrip()[:1] == "<"


def _words(error: Exception) -> str:
    data: Any = getattr(error, "data", None)
    if _is_page(error):
        return "an HTML page"
    if not isinstance(data, dict):
        return str(data or "")[:200]
    errors = data.get("errors")
    details = [
        str(e.get("message") or f"{e.get('field', '')} {e.get('code', '')}").strip()
        if isinstance(e, dict)
        else str(e)
        for e in (errors if isinstance(errors, list) else ())
    ]
    return "; ".join([str(data.get("message", "")), *details])[:500]
