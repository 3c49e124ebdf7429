"""What each kind of payload of Slack means for us. Knows nothing of how it came in.

Everything in a payload that a person wrote is untrusted; ids are Slack's own, and signed.
"""

from __future__ import annotations

import re
from typing import Any

from crew.errors import FirstmileError, HostRefused
from triggers.desk import Desk
from triggers.orchestrator import Orchestrator
from triggers.payload import mapping, mappings, text
from triggers.rich_text import one_line, slack_to_markdown
from triggers.slack_address import Place
from triggers.slack_answers import SlackAnswers
from triggers.slack_blocks import OTHER, answer_form, carried, form_values, request_form
from triggers.slack_calls import SlackCalls
from triggers.slack_people import SlackPeople
from triggers.slack_requests import SlackRequests
from triggers.slack_settings import SlackSettings

_SUBTYPES = ("", "thread_broadcast", "file_share")
_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^<>]*)?>")
_EXTRAS = {"why": "What it is for", "when": "Wanted until"}


class SlackHandlers:
    """Each gives what to say to the person, in mrkdwn; nothing where the thread shows it.
    Raises the errors of `crew.errors`."""

    def __init__(self, settings: SlackSettings, orchestrator: Orchestrator, desk: Desk) -> None:
        self._settings, self._projects = settings, orchestrator.settings.projects
        self._default_project = orchestrator.settings.default_project
        self.calls = SlackCalls(settings)
        people = self._people = SlackPeople(settings, self.calls)
        self._requests = SlackRequests(settings, orchestrator, desk, people.name_of)
        self._answers = SlackAnswers(desk, orchestrator)

    def command(self, payload: dict[str, Any]) -> str:
        """A slash command, https://docs.slack.dev/interactivity/implementing-slash-commands."""
        named = text(payload.get("command"))
        if named != self._settings.command:
            return f"I answer to `{self._settings.command}` alone (slack.command)."
        user, channel = text(payload.get("user_id")), text(payload.get("channel_id"))
        if refusal := self._refusal(text(payload.get("team_id")), channel):
            return refusal
        said = text(payload.get("text")).strip()
        word, _, rest = said.partition(" ")
        key = rest.strip(" `*_")
        match word.lower():
            case "":
                return self._open_request_form(payload, channel)
            case "help" if not key:
                return self._requests.help()
            case "status" if " " not in key:
                return self._requests.status(user, channel, key)
            case "cancel" if " " not in key:
                return self._requests.cancel(user, key)
        return self._requests.take(payload, said)

    def request(self, payload: dict[str, Any]) -> str:
        """The form of a new request was sent."""
        view, user = mapping(payload.get("view")), mapping(payload.get("user"))
        channel = carried(view.get("private_metadata")).get("channel", "")
        team = _id(payload, "team")
        if refusal := self._refusal(team, channel):
            return refusal
        given = form_values(view)
        needed = "## What is needed\n\n" if given.get("title") else ""
        extras = [f"{name}: {given[field]}" for field, name in _EXTRAS.items() if given.get(field)]
        if needed and extras:
            extras.insert(0, "## Background")
        said = "\n\n".join([needed + given.get("what", ""), *extras])
        as_command = {
            "command": self._settings.command,
            "trigger_id": text(view.get("id")),
            "team_id": team,
            "channel_id": channel,
            "user_id": user.get("id"),
            "user_name": _name(user),
        }
        return self._requests.take(
            as_command, said, given.get("title", ""), given.get("project", "")
        )

    def press(self, payload: dict[str, Any]) -> str:
        """A button below a question was pressed."""
        # Where it stands is our own choice; who may ask elsewhere may answer there.
        if refusal := self._refusal(_id(payload, "team"), ""):
            return refusal
        action = next(iter(mappings(payload.get("actions"))), {})
        behind = carried(action.get("value"))
        ticket, question = behind.get("ticket", ""), behind.get("question", "")
        if action.get("action_id") == OTHER:
            asked = self._answers.question(ticket, question)
            self._open(payload, answer_form(ticket, asked))
        else:
            who = _name(mapping(payload.get("user")))
            answer, shape = behind.get("answer", ""), behind.get("shape", "")
            self._answers.choose(ticket, question, answer, shape, who)
        return ""

    def answer(self, payload: dict[str, Any]) -> str:
        """The form of an answer was sent."""
        if refusal := self._refusal(_id(payload, "team"), ""):
            return refusal
        view = mapping(payload.get("view"))
        about = carried(view.get("private_metadata"))
        said, who = form_values(view).get("answer", ""), _name(mapping(payload.get("user")))
        self._answers.say(about.get("ticket", ""), about.get("question", ""), said, who)
        return ""

    def message(self, payload: dict[str, Any]) -> str:
        """Something was said in a thread, or to us: the events `message` and `app_mention`."""
        event = mapping(payload.get("event"))
        channel, ts = text(event.get("channel")), text(event.get("ts"))
        thread, user = text(event.get("thread_ts")), text(event.get("user"))
        addressed = event.get("type") == "app_mention" or event.get("channel_type") == "im"
        if not user or event.get("bot_id") or text(event.get("subtype")) not in _SUBTYPES:
            return ""
        inside = "" if thread and thread != ts else channel
        if refusal := self._refusal(text(payload.get("team_id")), inside):
            return refusal if addressed else ""
        if not thread or thread == ts:
            return self._requests.help() if addressed else ""
        words = text(event.get("text"))
        if addressed:
            words = _MENTION.sub("", words, count=1)
        return self._answers.reply(
            Place(channel, thread),
            slack_to_markdown(words),
            user,
            f"slack:{channel}:{ts}",
            addressed,
            self._people.name_of(user) if addressed else "",
        )

    def _refusal(self, team: str, channel: str) -> str:
        """Why a workspace or a channel is not to ask here; empty if it may."""
        teams, channels = self._settings.teams, self._settings.channels
        if teams and team not in teams:
            return "Requests are not taken from this workspace (slack.teams)."
        if not channel or not channels or channel in (*channels, self._settings.channel):
            return ""
        return f"Requests are not taken here, but in {', '.join(f'<#{c}>' for c in channels)}."

    def _open_request_form(self, payload: dict[str, Any], channel: str) -> str:
        form = request_form(channel, sorted(self._projects), self._default_project)
        try:
            self._open(payload, form)
        except FirstmileError as error:
            raise HostRefused(
                f"The form could not be opened. {error.message}",
                f"Write what you need behind the command: {self._settings.command} Weekly churn …",
            ) from error
        return ""

    def _open(self, payload: dict[str, Any], form: dict[str, Any]) -> None:
        trigger = text(payload.get("trigger_id"))
        self.calls.call("open the form", "views_open", trigger_id=trigger, view=form)


def _id(payload: dict[str, Any], name: str) -> str:
    return text(mapping(payload.get(name)).get("id"))


def _name(user: dict[str, Any]) -> str:
    named = text(user.get("username")) or text(user.get("name")) or text(user.get("id"))
    return one_line(named, 80)
