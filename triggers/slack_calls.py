"""Calls to Slack's Web API, each of them once, and what its errors mean.

https://docs.slack.dev/apis/web-api/using-the-slack-web-api#responses: an error is mostly an answer
200 with a code. The client's own second tries are off: they post a message twice.
"""

from __future__ import annotations

import re
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from crew.errors import FirstmileError, HostRefused, HostUnavailable, InvalidSettings
from triggers.payload import mapping, text
from triggers.retry_after import retry_after_seconds
from triggers.slack_settings import BOT_TOKEN, SlackSettings

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

_PASSING = {
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
    "request_timeout", "team_added_to_org", "message_limit_exceeded",
}  # fmt: skip
_ACCOUNT = {
    "invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive",
    "not_allowed_token_type", "org_login_required", "app_missing_action_url",
}  # fmt: skip
_PERMISSION = {"no_permission", "access_denied", "ekm_access_denied", "team_access_not_granted"}


class Refusal(HostRefused):
    """Slack refused a call; `code` is its own word for it, such as `not_in_channel`."""

    def __init__(self, message: str, cure: str, code: str) -> None:
        super().__init__(message, cure)
        self.code = code


class LacksScope(InvalidSettings):
    """The app was not given a scope."""


class SlackCalls:
    """The app in its workspace; opened at the first call."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self._opened: WebClient | None = None

    def call(self, what: str, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a method, by its name in the client (`chat_postMessage`). `what` completes
        "could not"."""
        return self.answer(what, method, **arguments)[0]

    def answer(self, what: str, method: str, **arguments: Any) -> tuple[dict[str, Any], str]:
        """The answer, and the scopes that the token has."""
        from slack_sdk.errors import SlackApiError, SlackClientError

        about = f"Slack could not {what}"
        try:
            reply = getattr(self._client(), method)(**arguments)
            scopes = {k.lower(): v for k, v in reply.headers.items()}.get("x-oauth-scopes", "")
            return mapping(reply.data), text(scopes)
        except SlackApiError as error:
            raise problem(about, error) from None
        except (OSError, HTTPException, SlackClientError) as error:
            raise HostUnavailable(
                f"{about}: no answer ({type(error).__name__}).",
                "Check the network and slack.url; it is tried again later.",
            ) from error
        except (AttributeError, TypeError, ValueError, LookupError, RecursionError) as error:
            # The client reads an answer as if it could only be an object.
            raise HostUnavailable(
                f"{about}: its answer cannot be read.", "It is tried again later."
            ) from error

    def _client(self) -> WebClient:
        if self._opened is None:
            self._opened = web_client(self._settings, self._settings.bot_token.get_secret_value())
        return self._opened


def web_client(settings: SlackSettings, token: str | None) -> WebClient:
    """Slack's client, without tries of its own."""
    from slack_sdk import WebClient

    seconds = max(1, round(settings.timeout_seconds))
    return WebClient(token, base_url=settings.url, timeout=seconds, retry_handlers=[])


def problem(about: str, error: SlackApiError) -> FirstmileError:
    """The error of ours that an answer of Slack stands for."""
    reply: Any = error.response
    said, status = mapping(reply.data), reply.status_code
    code = text(said.get("error"))
    known = re.fullmatch(r"[a-z0-9_]{1,60}", code)
    if status == 429 or status >= 500 or not known or code in _PASSING:
        words = code if known else "its answer is a page, no data"
        return HostUnavailable(
            f"{about}: {'' if status == 200 else f'{status} '}{words}.",
            "It is tried again later.",
            retry_after_seconds(reply.headers),
        )
    if code in _ACCOUNT:
        return InvalidSettings(
            f"{about}: the token was not accepted ({code}).",
            f"Install the app again and export {BOT_TOKEN} with the token shown then.",
        )
    if code == "missing_scope":
        return LacksScope(
            f"{about}: the app lacks the scope {text(said.get('needed')) or 'for it'}.",
            "Add it under OAuth & Permissions and install the app again; docs/slack.md lists all.",
        )
    if code in _PERMISSION:
        return InvalidSettings(
            f"{about}: {code}.", "Ask an administrator of the workspace to allow the app this."
        )
    return Refusal(f"{about}: {code}.", "docs/slack.md says what helps.", code)
