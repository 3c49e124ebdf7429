"""What happens on our pull requests on GitHub: remarks, failed checks, further commits, the end.

Always read from GitHub; a webhook only hints that something changed. A check that ends does not
update its pull request: without a webhook, open pull requests must be read now and then.
"""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Literal
from urllib.parse import quote

from crew.delivery.delivery_rules import BRANCHES, MARKER, is_of_others
from crew.delivery.github_access import check_access
from crew.delivery.github_calls import PAUSES_SECONDS, GitHubCalls, Missing
from crew.delivery.github_pull import close_pull, find_pull
from crew.delivery.github_remarks import Json, login_of, remarks_of, text_of
from crew.delivery.github_settings import GitHubSettings
from crew.delivery.pulls import CheckFailure, Pull
from crew.delivery.safe_markdown import quoted, without_hidden
from crew.errors import TerminalError

_LOG = logging.getLogger(__name__)
_FAILED = ("failure", "timed_out", "startup_failure")
_WRITERS = ("admin", "maintain", "write")
_MAX_SUMMARY = 2_000
_MAX_FAILURES = 10
_MAX_ANSWER = 60_000


class GitHubPulls:
    """Our pull requests: those from branches `firstmile/…` of the repository itself. All methods
    raise TransientError for what may be tried later, TerminalError with what to do."""

    def __init__(
        self, settings: GitHubSettings, pauses_seconds: tuple[float, ...] = PAUSES_SECONDS
    ) -> None:
        self._settings = settings
        self._calls = GitHubCalls(settings, pauses_seconds)

    def changed(self, seconds: float) -> Iterator[int]:
        """Numbers of our pull requests updated within the last `seconds` by GitHub's clock, the
        latest first. Reads one page of a list, more only if all of it is that new."""
        since: datetime.datetime | None = None
        order = {"state": "all", "sort": "updated", "direction": "desc"}
        for headers, page in self._calls.pages("list pull requests", "/pulls", **order):
            since = since or _now(headers) - datetime.timedelta(seconds=seconds + 1)
            for pull in page:
                updated = _moment(pull.get("updated_at"))
                if updated and updated < since:
                    return
                if _is_ours(pull):
                    yield int(pull["number"])

    def read(self, number: int) -> Pull | None:
        """The pull request; None if it is gone or none of ours. One that has ended comes without
        remarks and failures."""
        try:
            payload = self._calls.get(f"read pull request {number}", f"/pulls/{number}")
        except Missing:
            return None
        if not _is_ours(payload):
            return None
        commits = self._calls.listed("list commits", f"/pulls/{number}/commits")
        state = _state(payload)
        head = text_of(payload["head"].get("sha"))
        others = [text_of(c.get("sha")) for c in commits if is_of_others(_message(c))]
        is_open = state == "open"
        return Pull(
            number=number,
            branch=payload["head"]["ref"],
            state=state,
            draft=payload.get("draft") is True,
            head=head,
            base=text_of(payload["base"].get("ref")),
            url=text_of(payload.get("html_url")),
            updated_at=text_of(payload.get("updated_at")),
            remarks=remarks_of(
                *self._said(number), self._settings.mention, cache(self._may_write)
            ) if is_open else (),
            failures=self._failures(head) if is_open and head not in others else (),
            conflicts=payload.get("mergeable") is False,
            human_commits=tuple(others),
        )  # fmt: skip

    def answer(self, number: int, remark: str, author: str, text: str) -> None:
        """Answer a remark, once: in its thread, or with a comment that quotes it. The same again
        changes nothing; another text edits the answer."""
        marker = f"{MARKER}:answer:{remark} -->"
        comments, reviews, threads = self._said(number)
        kind, _, id_ = remark.partition("-")
        said = {"thread": threads, "review": reviews}.get(kind, comments)
        found = next((p for p in said if str(p.get("id")) == id_), None)
        if kind == "thread" and found:
            # GitHub takes replies to the first comment of a thread only.
            root = found.get("in_reply_to_id") or found["id"]
            path, head = f"/pulls/{number}/comments/{root}/replies", ""
        else:
            path, head = f"/issues/{number}/comments", _address(found, author)
        body = f"{marker}\n{head}{text[:_MAX_ANSWER]}"
        for place, there in (("issues", comments), ("pulls", threads)):
            for payload in there:
                before = text_of(payload.get("body")).replace("\r\n", "\n")
                if before.startswith(marker):
                    if before.strip() != body.strip():
                        mine = f"/{place}/comments/{payload['id']}"
                        self._calls.write("PATCH", "edit an answer", mine, {"body": body})
                    return
        self._calls.write("POST", "answer a remark", path, {"body": body})

    def note(self, branch: str, text: str) -> None:
        """The one comment of ours on a branch's pull request that tells its state; edited."""
        if found := find_pull(self._calls, branch):
            self.answer(found.number, "note", "", text)

    def close_pull_request(self, branch: str, reason: str) -> bool:
        """As of the port `CodeHost`."""
        return close_pull(self._calls, branch, reason)

    def check(self) -> tuple[str, ...]:
        """What was found to work, in words. Raises TerminalError with what lacks."""
        return check_access(self._calls, self._settings)

    def _said(self, number: int) -> tuple[list[Json], list[Json], list[Json]]:
        """Comments, reviews and review comments."""
        read = self._calls.listed
        return (
            read("list comments", f"/issues/{number}/comments"),
            read("list reviews", f"/pulls/{number}/reviews"),
            read("list review comments", f"/pulls/{number}/comments"),
        )

    def _may_write(self, login: str) -> bool:
        path = f"/collaborators/{quote(login, safe='')}/permission"
        try:
            found = self._calls.get(f"look up what {login!r} may do", path)
        except Missing:
            return False
        return found.get("permission") in _WRITERS

    def _failures(self, head: str) -> tuple[CheckFailure, ...]:
        """Failed checks and statuses of a commit; without the permission to see them, none."""
        found: list[CheckFailure] = []
        try:
            runs = self._calls.listed("list checks", f"/commits/{head}/check-runs", "check_runs")
            found += [self._of_run(run) for run in runs if run.get("conclusion") in _FAILED]
            statuses = self._calls.listed("list statuses", f"/commits/{head}/status", "statuses")
            found += [_of_status(s) for s in statuses if s.get("state") in ("failure", "error")]
        except TerminalError as error:
            _LOG.warning("%s", error.message)
        return tuple(found[:_MAX_FAILURES])

    def _of_run(self, run: Json) -> CheckFailure:
        output = run["output"] if isinstance(run.get("output"), dict) else {}
        parts = [text_of(output.get(key)) for key in ("title", "summary", "text")]
        if output.get("annotations_count"):
            path = f"/check-runs/{run.get('id')}/annotations"
            for note in self._calls.listed("list annotations", path)[:20]:
                place = f"{text_of(note.get('path'))}:{note.get('start_line')}"
                parts.append(f"{place}: {text_of(note.get('message'))}")
        summary = without_hidden("\n\n".join(p for p in parts if p), _MAX_SUMMARY)
        name = without_hidden(text_of(run.get("name")), 200)
        return CheckFailure(f"check-{run.get('id')}", name, summary)


def _of_status(status: Json) -> CheckFailure:
    name = without_hidden(text_of(status.get("context")), 200)
    summary = without_hidden(text_of(status.get("description")), _MAX_SUMMARY)
    return CheckFailure(f"status-{status.get('id')}", name, summary)


def _is_ours(pull: Json) -> bool:
    head, base = pull.get("head"), pull.get("base")
    if not isinstance(head, dict) or not isinstance(base, dict):
        return False
    there, here = head.get("repo"), base.get("repo")
    if not isinstance(there, dict) or not isinstance(here, dict):
        return False
    return text_of(head.get("ref")).startswith(BRANCHES) and there.get("id") == here.get("id")


def _state(pull: Json) -> Literal["open", "merged", "closed"]:
    if pull.get("merged") or pull.get("merged_at"):
        return "merged"
    return "open" if pull.get("state") == "open" else "closed"


def _message(commit: Json) -> str:
    about: Any = commit.get("commit")
    return text_of(about.get("message")) if isinstance(about, dict) else ""


def _address(remark: Json | None, author: str) -> str:
    """Whom an answer is for, and what it answers."""
    name = login_of(remark) if remark else author
    head = f"@{name}\n" if re.fullmatch(r"[A-Za-z0-9-]{1,39}", name) else ""
    words = without_hidden(text_of(remark.get("body")), 300) if remark else ""
    return f"{head}{quoted(words, 300)}\n\n" if words else head


def _moment(value: Any) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(text_of(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _now(headers: dict[str, Any]) -> datetime.datetime:
    """By GitHub's own clock, where it tells."""
    try:
        moment = parsedate_to_datetime(text_of(headers.get("date")))
    except (ValueError, TypeError):
        return datetime.datetime.now(datetime.UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
