"""Calls to Notion's API, and what its errors mean.

They go through the package `notion_client`, each of them once: its own tries sleep inside a call
and stumble over a `Retry-After` with a fraction. It keeps no limit of calls a second, and gives
no header of an answer, so both are done here.
"""

from __future__ import annotations

import datetime
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crew.errors import FirstmileError, HostRefused, HostUnavailable, InvalidSettings
from triggers.notion_settings import TOKEN, NotionSettings
from triggers.notion_source import identity
from triggers.payload import mapping, mappings, text
from triggers.retry_after import retry_after_seconds
from triggers.rich_text import one_line

if TYPE_CHECKING:
    import httpx
    from notion_client import Client
    from notion_client.errors import HTTPResponseError

_PAGE = 100
_PASSING = {408, 409, 425, 429}
Call = Callable[["Client"], Any]


class Missing(HostRefused):
    """Notion answered 404: it is not there, or not shared with the connection."""


class NotionCalls:
    """One connection to one workspace; opened at the first call. Threads may share it."""

    def __init__(self, settings: NotionSettings) -> None:
        self._settings = settings
        self._host = urlsplit(settings.url).netloc
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._ahead: float | None = None
        self._account = ""
        self._opened: Client | None = None

    def account(self) -> str:
        """The id of our own bot user; asked for once."""
        if not self._account:
            found = self.send("read our own account", lambda c: c.users.me())
            self._account = identity(found.get("id"))
        return self._account

    def now(self) -> datetime.datetime:
        """The time by Notion's own clock, as its last answer told it."""
        if self._ahead is None:
            self.account()
        ahead = time.time() if self._ahead is None else time.monotonic() + self._ahead
        return datetime.datetime.fromtimestamp(ahead, datetime.UTC)

    def send(self, what: str, call: Call) -> dict[str, Any]:
        """The answer to one call. `what` completes "could not"."""
        import httpx
        from notion_client.errors import HTTPResponseError, RequestTimeoutError

        about = f"Notion ({self._host!r}) could not {what}"
        client = self._client()
        self._wait()
        try:
            found = call(client)
        except HTTPResponseError as error:
            raise _problem(about, error) from error
        except (httpx.HTTPError, RequestTimeoutError) as error:
            raise HostUnavailable(
                f"{about}: no answer ({type(error).__name__}).",
                "Check the network; it is tried again later.",
            ) from error
        except (ValueError, RecursionError) as error:
            raise _no_data(about) from error
        if not isinstance(found, dict):
            raise _no_data(about)
        return found

    def pages(
        self, what: str, call: Callable[[Client, dict[str, Any]], Any], cursor: str = ""
    ) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Lists of results, each with the cursor that it begins at. `call` gets what tells the
        page, to be passed on."""
        while True:
            where = {"page_size": _PAGE, **({"start_cursor": cursor} if cursor else {})}
            found = self.send(what, lambda c, w=where: call(c, w))  # type: ignore[misc]
            if not isinstance(found.get("results"), list):
                raise _no_data(f"Notion ({self._host!r}) could not {what}")
            yield cursor, mappings(found["results"])
            before, cursor = cursor, text(found.get("next_cursor"))
            if not cursor or cursor == before or not found.get("has_more"):
                return

    def comments(self, page: str, cursor: str = "") -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """The open comments of a page in lists, the oldest first."""
        what = f"list the comments of {page}"
        return self.pages(what, lambda c, w: c.comments.list(block_id=page, **w), cursor)

    def _wait(self) -> None:
        """Until another call may begin."""
        with self._lock:
            begins = max(time.monotonic(), self._free_at)
            self._free_at = begins + 1 / self._settings.requests_per_second
        time.sleep(max(0.0, begins - time.monotonic()))

    def _note_time(self, answer: httpx.Response) -> None:
        try:
            told = parsedate_to_datetime(answer.headers.get("Date", ""))
        except (ValueError, TypeError, IndexError, OverflowError):
            return
        self._ahead = told.timestamp() - time.monotonic()

    def _client(self) -> Client:
        with self._lock:
            if self._opened is None:
                import httpx
                from notion_client import Client

                settings = self._settings
                self._opened = Client(
                    client=httpx.Client(event_hooks={"response": [self._note_time]}),
                    auth=settings.token.get_secret_value(),
                    base_url=settings.url.rstrip("/"),
                    timeout_ms=int(settings.timeout_seconds * 1000),
                    notion_version=settings.version,
                    retry=False,
                    logger=logging.getLogger(f"{__name__}.client"),
                    log_level=logging.CRITICAL,
                )
            return self._opened


def _no_data(about: str) -> HostUnavailable:
    return HostUnavailable(
        f"{about}: it answered with a page, no data.", "It is tried again later."
    )


def _problem(about: str, error: HTTPResponseError) -> FirstmileError:
    """The error of ours that an answer stands for."""
    status, said = error.status, _words(error.body)
    if status == 401:
        return InvalidSettings(
            f"{about}: the token was not accepted (401).",
            f"It is wrong or was revoked: export {TOKEN} with the connection's secret.",
        )
    if status == 403:
        return InvalidSettings(
            f"{about}: 403 {said or 'forbidden'}",
            "Give the connection the capabilities that docs/notion.md lists.",
        )
    if 300 <= status < 400:
        return InvalidSettings(
            f"{about}: it has moved to another address.", "Take notion.url out of the settings."
        )
    if status in _PASSING or status >= 500 or said is None:
        return HostUnavailable(
            f"{about}: {status} {said or ''}".rstrip(),
            "It is tried again later.",
            retry_after_seconds(error.headers),
        )
    cure = "Check that it is there and shared with the connection."
    return (Missing if status == 404 else HostRefused)(f"{about}: {status} {said}", cure)


def _words(body: str) -> str | None:
    """What Notion said; None if the answer is another's, such as a proxy's page."""
    try:
        said = mapping(json.loads(body))
    except (ValueError, RecursionError):
        return None
    return one_line(text(said.get("message")), 500) if said.get("object") == "error" else None
