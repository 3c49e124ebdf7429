"""Slack as a place where outcomes go back to. Slack keeps no ticket: the desk does.

The status of a request is the head of a thread; questions, reminders and answers are replies in
it. A message whose reply was lost is found again by the metadata it carries, before another is
posted: Slack has no way to post a message at most once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from crew.errors import HostRefused, HostUnavailable, InvalidSettings
from triggers.desk import ticket_id
from triggers.door import Head, Message, Phase, Ticket
from triggers.messages import STATUS
from triggers.payload import mapping, mappings, text
from triggers.slack_address import Place, SlackAddress
from triggers.slack_blocks import blocks_of, notification
from triggers.slack_calls import LacksScope, Refusal, SlackCalls
from triggers.slack_settings import APP_TOKEN, SlackSettings

EVENT = "firstmile"
_CLOSED = {"not_in_channel", "channel_not_found", "is_archived", "restricted_action",
           "restricted_action_read_only_channel", "restricted_action_thread_only_channel"}  # fmt: skip
_GONE = {"message_not_found", "cant_update_message", "edit_window_closed", *_CLOSED}
_UNSEEN = {"thread_not_found", *_CLOSED}
_PAGE = 200
_PAGES = 5
_SKEW_SECONDS = 300
_FIRST_SECONDS = 2.0
_EMOJI: dict[Phase, str] = {
    "queued": "eyes", "working": "eyes", "waiting": "question", "delivered": "white_check_mark",
    "answered": "white_check_mark", "merged": "white_check_mark", "refused": "x", "failed": "x",
    "cancelled": "x", "closed": "x", "laid_aside": "x",
}  # fmt: skip
_SCOPES = {
    "commands": "the slash command",
    "chat:write": "writing messages",
    "app_mentions:read": "being mentioned in a thread",
    "channels:history": "finding its own messages in public channels",
    "groups:history": "the same in private channels",
    "im:history": "the same in direct messages",
    "im:write": "a direct message where it may not write in the channel",
}
_LOG = logging.getLogger(__name__)


class SlackDoor:
    """Messages in one workspace. `remote_of(ticket, kind)` tells what `write` gave for a message:
    None while it is still to be written, empty if it could not be."""

    name = "slack"

    def __init__(
        self, settings: SlackSettings, remote_of: Callable[[str, str], str | None]
    ) -> None:
        self._settings = settings
        self._remote_of = remote_of
        self._calls = SlackCalls(settings)

    def changed(self, seconds: float, waiting: Sequence[str] = ()) -> Iterator[Head]:
        """Nothing: what is said in Slack comes as events."""
        return iter(())

    def read(self, address: str) -> Ticket | None:
        """None: Slack keeps no ticket. The poller leaves this door out."""
        return None

    def write(self, address: str, message: Message, known: str = "") -> str:
        """Post or edit the message of this kind; gives its place."""
        at = SlackAddress.parse(address)
        if known:
            try:
                return self._edit(at, Place.parse(known), message)
            except Refusal as error:
                if error.code not in _GONE:
                    raise
        if message.kind == STATUS:
            return self._write_head(at, message)
        head = self._head(at)
        return self._put(at, head.channel, head.ts, message)

    def show(self, address: str, phase: Phase, pull_request: str = "", title: str = "") -> None:
        """An emoji on the head, in place of the one before; nothing without the scope for it."""
        if not self._settings.reactions:
            return
        head, wanted = self._head(SlackAddress.parse(address)), _EMOJI[phase]
        try:
            self._react("add", head, wanted)
            for other in sorted(set(_EMOJI.values()) - {wanted}):
                self._react("remove", head, other)
        except LacksScope as error:
            _LOG.warning("%s", error.message)

    def check(self) -> tuple[str, ...]:
        """What works, in words. Raises InvalidSettings with everything that lacks."""
        settings = self._settings
        about, scopes = self._calls.answer("say who the app is", "auth_test")
        given = {s.strip() for s in scopes.split(",")}
        lacks = [
            f"The app lacks the scope {scope} ({purpose})."
            for scope, purpose in self._needed().items()
            if scope not in given
        ]
        if settings.teams and text(about.get("team_id")) not in settings.teams:
            lacks.append("The workspace of the token is not in slack.teams.")
        for name, problem in (("channel", self._closed_channel()), ("socket", self._no_socket())):
            if problem:
                lacks.append(f"{name.capitalize()}: {problem}")
        if lacks:
            raise InvalidSettings(
                f"Slack ({settings.url}): {' '.join(lacks)}",
                "docs/slack.md says step by step what the app needs; install it again afterwards.",
            )
        way = (
            "connects to Slack (Socket Mode)" if settings.socket_mode else "waits for Slack's calls"
        )
        people = "e-mail addresses" if settings.emails else "ids, such as U012AB3CD"
        return (
            f"Slack answers; the app is {text(about.get('user'))} in {text(about.get('team'))}, "
            "with the scopes it needs.",
            f"{settings.command} {way}.",
            f"People are known by their {people}.",
        )

    # --- messages ----------------------------------------------------------------------------

    def _write_head(self, at: SlackAddress, message: Message) -> str:
        try:
            return self._put(at, at.channel, "", message)
        except Refusal as error:
            if error.code not in _CLOSED:
                raise
            why = error
        try:
            opened = self._calls.call(
                "open a direct message", "conversations_open", users=[at.user]
            )
        except (Refusal, LacksScope) as error:
            raise HostRefused(
                f"{why.message} Nor directly to who asked: {error.message}",
                f"Invite the app into the channel {at.channel}, or give it the scope im:write.",
            ) from error
        return self._put(at, text(mapping(opened.get("channel")).get("id")), "", message)

    def _head(self, at: SlackAddress) -> Place:
        remote = self._remote_of(ticket_id(self.name, at.key), STATUS)
        if remote is None:
            raise HostUnavailable(
                f"{at.key} has no thread in Slack yet.", "It is tried again.", _FIRST_SECONDS
            )
        if not remote:
            raise HostRefused(
                f"{at.key} has no thread in Slack: its first message could not be written.",
                "See above why; docs/slack.md says what helps.",
            )
        return Place.parse(remote)

    def _put(self, at: SlackAddress, channel: str, thread: str, message: Message) -> str:
        """Edit the message if it is there, else post it."""
        if found := self._find(at, channel, thread, message.kind):
            return self._edit(at, found, message)
        more = {"thread_ts": thread} if thread else {}
        posted = self._calls.call(
            f"post in {channel}", "chat_postMessage", channel=channel,
            unfurl_links=False, unfurl_media=False, **more, **self._body(at, channel, message),
        )  # fmt: skip
        return str(Place(text(posted.get("channel")) or channel, text(posted.get("ts"))))

    def _edit(self, at: SlackAddress, place: Place, message: Message) -> str:
        body = self._body(at, place.channel, message)
        what = f"edit a message in {place.channel}"
        self._calls.call(what, "chat_update", channel=place.channel, ts=place.ts, **body)
        return str(place)

    def _body(self, at: SlackAddress, channel: str, message: Message) -> dict[str, Any]:
        moved = channel != at.channel and message.kind == STATUS
        note = (
            f"I may not write in <#{at.channel}>, so I answer here. Type `/invite` there to let me "
            "in for the next time."
        )
        return {
            "text": notification(message),
            "blocks": blocks_of(message, ticket_id(self.name, at.key), note if moved else ""),
            "metadata": _mark(at.key, message.kind),
        }

    def _find(self, at: SlackAddress, channel: str, thread: str, kind: str) -> Place | None:
        """Our message of this kind, if one can be seen."""
        method, where = "conversations_history", {"oldest": str(at.since - _SKEW_SECONDS)}
        if thread:
            method, where = "conversations_replies", {"ts": thread}
        wanted, cursor = _mark(at.key, kind)["event_payload"], ""
        for _ in range(_PAGES):
            try:
                page = self._calls.call(
                    f"look for our message in {channel}", method, channel=channel, limit=_PAGE,
                    include_all_metadata=True, **where, **({"cursor": cursor} if cursor else {}),
                )  # fmt: skip
            except LacksScope as error:
                _LOG.warning("%s", error.message)
                return None
            except Refusal as error:
                if error.code not in _UNSEEN:
                    raise
                return None
            for found in mappings(page.get("messages")):
                said = mapping(found.get("metadata"))
                if said.get("event_type") == EVENT and said.get("event_payload") == wanted:
                    return Place(channel, text(found.get("ts")))
            cursor = text(mapping(page.get("response_metadata")).get("next_cursor"))
            if not cursor:
                break
        return None

    def _react(self, verb: str, head: Place, emoji: str) -> None:
        try:
            self._calls.call(
                f"{verb} an emoji", f"reactions_{verb}", channel=head.channel, timestamp=head.ts,
                name=emoji,
            )  # fmt: skip
        except Refusal as error:
            if error.code not in {"already_reacted", "no_reaction", *_GONE}:
                raise

    # --- checks ------------------------------------------------------------------------------

    def _needed(self) -> dict[str, str]:
        more = {}
        if self._settings.reactions:
            more["reactions:write"] = "the emoji; slack.reactions"
        if self._settings.emails:
            more |= dict.fromkeys(("users:read", "users:read.email"), "slack.emails")
        return {**_SCOPES, **more}

    def _closed_channel(self) -> str:
        """Why the channel of the settings cannot be used; empty if it can."""
        channel = self._settings.channel
        if not channel:
            return ""
        try:
            self._calls.call(
                f"look into {channel}", "conversations_history", channel=channel, limit=1
            )
        except LacksScope:
            return ""  # named among the scopes
        except Refusal as error:
            return f"{error.message} Type /invite and the app's name there (slack.channel)."
        return ""

    def _no_socket(self) -> str:
        """Why Socket Mode cannot be used; empty if it can, or is not wanted."""
        if not self._settings.socket_mode:
            return ""
        try:
            SlackCalls(self._settings).call(
                "open a connection", "apps_connections_open",
                app_token=self._settings.app_token.get_secret_value(),
            )  # fmt: skip
        except (Refusal, InvalidSettings) as error:
            return f"{error.message} {APP_TOKEN} needs the scope connections:write."
        return ""


def _mark(key: str, kind: str) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"ticket": key, "kind": kind}}
