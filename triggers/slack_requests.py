"""What people ask for in Slack: a request, how it stands, or that it be stopped. Each is answered
in a few words of mrkdwn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crew.artifacts import Request
from crew.errors import InvalidInput
from triggers import slack_command
from triggers.desk import Desk, Record, ticket_id
from triggers.door import Ticket
from triggers.orchestrator import Orchestrator
from triggers.payload import text
from triggers.rich_text import one_line
from triggers.slack_address import SlackAddress
from triggers.slack_settings import SlackSettings
from triggers.slack_text import escaped

# Slack's own editors make a dash out of two hyphens.
_PROJECT = re.compile(r"(?:^|\s)(?:(?:--|[—–])project[ =:]\s*|project:)([\w.-]+)(?=\s|$)")
_LISTED = 15
_DONE = {"merged", "closed", "cancelled", "answered"}
_STATES = {
    "queued": "in the queue", "working": "being worked", "waiting": "waiting for your answer",
    "delivered": "ready for review", "answered": "answered by a model that is there",
    "refused": "not taken up", "failed": "failed", "cancelled": "cancelled", "merged": "merged",
    "closed": "closed", "laid_aside": "laid aside until it is answered",
}  # fmt: skip


@dataclass(frozen=True)
class SlackRequests:
    """`person_of` gives the name of a Slack user as the setting `allowed` and the limits know it."""

    settings: SlackSettings
    orchestrator: Orchestrator
    desk: Desk
    person_of: Callable[[str], str]

    def help(self) -> str:
        command = self.settings.command
        return "\n".join([
            "I turn a request into a tested and documented dbt model, as a pull request.",
            f"• `{command} Weekly churn by region, for the last two years` asks for one",
            f"• `{command}` alone opens a form",
            f"• `{command} --project finance Revenue per month` names the dbt project",
            f"• `{command} status` lists your requests, `{command} status KEY` tells of one",
            f"• `{command} cancel KEY` stops one of yours",
            "Questions come with buttons; an answer in any words below them does as well. To have "
            "something changed later, mention me in the thread.",
        ])  # fmt: skip

    def take(self, payload: dict[str, Any], said: str, title: str = "", project: str = "") -> str:
        """Take up a request. `payload` holds `trigger_id`, `team_id`, `channel_id`, `user_id` and
        `user_name`; the same trigger again is the same request. Raises InvalidInput."""
        words, named = _without_project(said)
        request = slack_command.to_request({**payload, "text": words})
        if title:
            request = request.model_copy(update={"title": one_line(title)})
        known = self.desk.ticket(ticket_id(request.source, request.key))
        if known:
            return self._taken_before(known, request)
        user, channel = text(payload.get("user_id")), text(payload.get("channel_id"))
        address = SlackAddress(
            self.settings.channel or channel, user, request.key, int(self.desk.now())
        )
        ticket = Ticket(
            request,
            str(SlackAddress.parse(str(address))),
            request.revision,
            person=self.person_of(user),
            project=project or named,
        )
        record = self.orchestrator.receive(ticket)
        assert record is not None  # it is wanted, and no part of another
        return self._taken(record, address.channel)

    def status(self, user: str, channel: str, key: str) -> str:
        """One request, for who asked or whoever is in its channel; or all open ones of a person."""
        if key:
            record = self._named(key)
            mine = record and (record.person == self.person_of(user))
            if record is None or not (mine or _address(record).channel == channel):
                return f"There is no request `{escaped(key)}` of yours, or of this channel."
            return _line(record)
        person = self.person_of(user)
        found = self.desk.tickets_of("slack", person, 4 * _LISTED)
        lines = [_line(r) for r in found if r.state not in _DONE][:_LISTED]
        if not lines:
            return (
                f"You have no open request. `{self.settings.command} help` shows how to make one."
            )
        return "\n".join(["Your open requests:", *(f"• {line}" for line in lines)])

    def cancel(self, user: str, key: str) -> str:
        """Stop a request; only who asked may."""
        if not key:
            return (
                f"Which one? `{self.settings.command} cancel KEY`; `{self.settings.command} status` "
                "shows the keys."
            )
        record = self._named(key)
        if record is None:
            return f"There is no request `{escaped(key)}`; nothing was stopped."
        address = _address(record)
        if address.user != user:
            return (
                f"`{record.request.key}` was asked for by <@{address.user}>, who alone may stop it."
            )
        if record.state in _DONE:
            return (
                f"`{record.request.key}` is {_STATES[record.state]} already; nothing was stopped."
            )
        self.orchestrator.cancel(record.id, record.request.requester or user)
        return f"`{record.request.key}` is stopped."

    def _taken(self, record: Record, channel: str) -> str:
        key, command = record.request.key, self.settings.command
        if record.state == "refused":
            return f"Not taken up: {escaped(record.reason)}"
        late = f" {escaped(record.reason)} It begins when that allows." if record.reason else ""
        return (
            f"Taken up as `{key}`.{late} I report in <#{channel}>. "
            f"`{command} status {key}` tells how it stands, `{command} cancel {key}` stops it."
        )

    def _taken_before(self, known: Record, request: Request) -> str:
        if (known.request.title, known.request.body) != (request.title, request.body):
            raise InvalidInput("This could not be given a key of its own.", "Please send it again.")
        return f"This was taken up already: {_line(known)}"

    def _named(self, key: str) -> Record | None:
        return self.desk.ticket(ticket_id("slack", key))


def _without_project(said: str) -> tuple[str, str]:
    """The text without the option that names the dbt project, and that name."""
    found = _PROJECT.search(said)
    if found is None:
        return said, ""
    return f"{said[: found.start()]} {said[found.end() :]}".strip(), found[1]


def _address(record: Record) -> SlackAddress:
    return SlackAddress.parse(record.address)


def _line(record: Record) -> str:
    title = escaped(one_line(record.request.title, 80))
    link = f" · <{escaped(record.pull_request)}|pull request>" if _is_link(record) else ""
    why = f" · {escaped(one_line(record.reason, 200))}" if record.reason else ""
    return f"`{record.request.key}` {title} · *{_STATES[record.state]}*{link}{why}"


def _is_link(record: Record) -> bool:
    return bool(re.fullmatch(r"https?://[^\s|<>]+", record.pull_request))
