"""Settings of the Slack door: which command, which channels, by which way Slack reaches us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from crew.errors import InvalidSettings

BOT_TOKEN = "FIRSTMILE_SLACK_BOT_TOKEN"
SIGNING_SECRET = "FIRSTMILE_SLACK_SIGNING_SECRET"
APP_TOKEN = "FIRSTMILE_SLACK_APP_TOKEN"
_SECRETS = {"bot_token": BOT_TOKEN, "signing_secret": SIGNING_SECRET, "app_token": APP_TOKEN}
_CHANNEL = r"^([CDG][A-Z0-9]{2,})?$"


class SlackSettings(BaseModel):
    """Where requests come from in Slack. Tokens and the secret come from the environment alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    command: str = Field(default="/datarequest", pattern=r"^/[^\s/A-Z]{1,31}$")
    """The slash command."""
    socket_mode: bool = False
    """Connect to Slack instead of waiting for its calls: no public address is needed."""
    channel: str = Field(default="", pattern=_CHANNEL)
    """The id of the channel to report in; empty for the one where the command was typed."""
    teams: tuple[str, ...] = ()
    """Ids of the workspaces that may ask; empty for any where the app is installed."""
    channels: tuple[str, ...] = ()
    """Ids of the channels to ask in; empty for any."""
    emails: bool = False
    """Know people by their e-mail address, as `allowed` may name them, and not by their id."""
    reactions: bool = False
    """Show where a request stands by an emoji on its message."""
    url: str = Field(default="https://slack.com/api/", pattern=r"^https?://[^\s?#@]+$")
    """Where Slack's API is."""
    timeout_seconds: float = Field(default=10, gt=0)
    """How long one call may take."""
    bot_token: SecretStr
    """The token of the installed app, xoxb-…"""
    signing_secret: SecretStr = SecretStr("")
    """What Slack signs its calls with; without Socket Mode only."""
    app_token: SecretStr = SecretStr("")
    """App-level token with connections:write, xapp-…; for Socket Mode only."""

    @field_validator("url")
    @classmethod
    def _with_slash(cls, url: str) -> str:
        return url.rstrip("/") + "/"

    @classmethod
    def load(cls, values: Mapping[str, Any], environment: Mapping[str, str]) -> SlackSettings:
        """Settings with the secrets of the environment. Raises InvalidSettings with all problems."""
        problems = _problems(values, environment)
        secrets = {
            field: SecretStr(environment.get(name, "").strip()) for field, name in _SECRETS.items()
        }
        try:
            settings = cls.model_validate({**values, **secrets})
        except ValidationError as error:
            problems += [
                f"{'.'.join(['slack', *map(str, e['loc'])])}: {e['msg']}." for e in error.errors()
            ]
        if problems:
            raise InvalidSettings(
                " ".join(problems),
                "Mend firstmile.yml and the environment; docs/slack.md shows where each is found.",
            )
        return settings


def _problems(values: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the secrets; never what they are."""
    problems = [
        f"slack.{field} stands among the settings; it belongs into {name}."
        for field, name in _SECRETS.items()
        if field in values
    ]
    socket = values.get("socket_mode") is True
    needed = {BOT_TOKEN: "xoxb-", **({APP_TOKEN: "xapp-"} if socket else {SIGNING_SECRET: ""})}
    for name, prefix in needed.items():
        given = environment.get(name, "").strip()
        if not given:
            problems.append(f"{name} is not set.")
        elif not given.startswith(prefix):
            problems.append(f"{name} holds another kind of token; it begins with {prefix}.")
    return problems
