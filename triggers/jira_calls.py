"""Calls to Jira's REST API (version 3 on Cloud, 2 on Data Center), and what its errors mean.

They go through the session of the package `jira`, each of them once: that session's own tries
repeat POST, which makes doubles, and stumble over a `Retry-After` that is no whole number. The
answers stay as they came, because the package's objects lose what they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from crew.errors import FirstmileError, HostRefused, HostUnavailable, InvalidSettings
from triggers.jira_settings import TOKEN, JiraSettings
from triggers.payload import mapping, mappings, text
from triggers.retry_after import retry_after_seconds
from triggers.rich_text import one_line

if TYPE_CHECKING:
    from jira.resilientsession import ResilientSession
    from requests import Response

_PAGE = 100
_COMMENTS_PAGE = 1000
_PASSING = {408, 409, 425, 429}


class Missing(HostRefused):
    """Jira answered 404: it is not there, or not for this account."""


class JiraCalls:
    """One account on one site; opened at the first call."""

    def __init__(self, settings: JiraSettings) -> None:
        self._settings = settings
        self._host = urlsplit(settings.url).netloc
        self._api = f"{settings.url}/rest/api/{3 if settings.is_cloud else 2}"
        self._opened: ResilientSession | None = None

    def get(self, what: str, path: str, **parameters: str | int) -> Any:
        """What stands at a path below the API. `what` completes "could not"."""
        return self._json(what, "GET", path, params=parameters)

    def post(self, what: str, path: str, body: dict[str, Any]) -> Any:
        return self._json(what, "POST", path, json=body)

    def put(self, what: str, path: str, body: dict[str, Any]) -> Any:
        return self._json(what, "PUT", path, json=body)

    def search(self, jql: str, fields: str, **parameters: str | int) -> Iterator[dict[str, Any]]:
        """The issues that match, page after page."""
        query = {"jql": jql, "fields": fields, "maxResults": _PAGE, **parameters}
        if not self._settings.is_cloud:
            yield from self._numbered("search for tickets", "search", "issues", query)
            return
        token = None
        while True:
            page = mapping(self.get("search for tickets", "search/jql", **query))
            yield from mappings(page.get("issues"))
            before, token = token, text(page.get("nextPageToken"))
            if not token or token == before:
                return
            query["nextPageToken"] = token

    def comments(self, key: str, order: str) -> Iterator[dict[str, Any]]:
        """All comments of an issue, by `created` or, the newest first, `-created`."""
        query: dict[str, str | int] = {"orderBy": order, "maxResults": _COMMENTS_PAGE}
        path = f"issue/{key}/comment"
        yield from self._numbered(f"list the comments of {key}", path, "comments", query)

    def attachment(self, identifier: str, name: str, limit: int) -> bytes:
        """The first `limit` bytes of an attachment. Its address is built here rather than taken
        from the ticket, so that the token goes nowhere else."""
        what, content = f"read the attachment {name!r}", b""
        cloud = f"{self._api}/attachment/content/{quote(identifier, safe='')}?redirect=false"
        server = f"{self._settings.url}/secure/attachment/{quote(identifier, safe='')}"
        address = cloud if self._settings.is_cloud else f"{server}/{quote(name, safe='')}"
        from requests import RequestException

        with self._send(what, "GET", address, stream=True, headers={"Accept": "*/*"}) as answer:
            try:
                for chunk in answer.iter_content(limit):
                    content += chunk
                    if len(content) >= limit:
                        break
            except RequestException as error:
                raise self._silent(what, error) from error
        return content[:limit]

    def _numbered(
        self, what: str, path: str, items: str, query: dict[str, str | int]
    ) -> Iterator[dict[str, Any]]:
        """Items of pages that are counted; a page may hold fewer than was asked for."""
        start = 0
        while True:
            page = mapping(self.get(what, path, **query, startAt=start))
            found = mappings(page.get(items))
            yield from found
            start += len(found)
            total = page.get("total")
            if not found or not isinstance(total, int) or start >= total:
                return

    def _json(self, what: str, method: str, path: str, **more: Any) -> Any:
        answer = self._send(what, method, f"{self._api}/{path}", **more)
        if not answer.content:
            return None
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:
            raise HostUnavailable(
                f"Jira ({self._host!r}) could not {what}: it answered with a page, no data.",
                "Check jira.url if this goes on; it is tried again later.",
            ) from error

    def _send(self, what: str, method: str, address: str, **more: Any) -> Response:
        from requests import RequestException

        # A hook sees the answer before the package reads its errors, which fails on odd bodies.
        hooks = {"response": partial(_judge, f"Jira ({self._host!r}) could not {what}")}
        # A write that is sent elsewhere would arrive there as a read.
        more |= {"hooks": hooks, "allow_redirects": method == "GET"}
        try:
            answer = self._session().request(method, address, **more)
        except RequestException as error:
            raise self._silent(what, error) from error
        if answer.is_redirect:
            raise InvalidSettings(
                f"Jira ({self._host!r}) could not {what}: it has moved to another address.",
                "Set jira.url to the address that a browser ends up at, https included.",
            )
        return answer

    def _silent(self, what: str, error: Exception) -> HostUnavailable:
        return HostUnavailable(
            f"Jira ({self._host!r}) could not {what}: no answer ({type(error).__name__}).",
            "Check jira.url and the network; it is tried again later.",
        )

    def _session(self) -> ResilientSession:
        if self._opened is None:
            from jira.client import TokenAuth
            from jira.resilientsession import ResilientSession

            session = ResilientSession(timeout=self._settings.timeout_seconds, max_retries=0)
            token = self._settings.token.get_secret_value()
            cloud = self._settings.is_cloud
            session.auth = (self._settings.user, token) if cloud else TokenAuth(token)
            session.headers["User-Agent"] = "firstmile"
            self._opened = session
        return self._opened


def _judge(about: str, answer: Response, *_: Any, **__: Any) -> None:
    """Raises the error of ours that an answer stands for, if it stands for one."""
    if problem := _problem(about, answer):
        raise problem


def _problem(about: str, answer: Response) -> FirstmileError | None:
    status, login = answer.status_code, answer.headers.get("X-Seraph-LoginReason", "")
    # Cloud takes a wrong token for a visitor, to whom tickets only seem to be gone.
    if status == 401 or "FAILED" in login or "DENIED" in login:
        return InvalidSettings(
            f"{about}: the account was not accepted ({status}).",
            f"The token is wrong or expired: export {TOKEN} with a valid one. After many wrong "
            "tries, log in once with a browser.",
        )
    if status < 400:
        return None
    said = _words(answer)
    if status == 403:
        return InvalidSettings(
            f"{about}: {status} {said or 'forbidden'}",
            "Give the account the permissions that docs/jira.md lists.",
        )
    if status in _PASSING or status >= 500 or said is None:
        return HostUnavailable(
            f"{about}: {status} {said or answer.reason or ''}".rstrip(),
            "It is tried again later.",
            retry_after_seconds(answer.headers),
        )
    cure = "Check that the ticket is there and that the account may see and edit it."
    return (Missing if status == 404 else HostRefused)(f"{about}: {status} {said}", cure)


def _words(answer: Response) -> str | None:
    """What Jira said; None if the answer is another's, such as a proxy's page."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    said = mapping(body)
    if not said.keys() & {"errorMessages", "errors"}:
        return None
    listed = said.get("errorMessages")
    words = [m for m in listed if isinstance(m, str)] if isinstance(listed, list) else []
    words += [f"{k}: {v}" for k, v in mapping(said.get("errors")).items()]
    return one_line("; ".join(words), 500)
