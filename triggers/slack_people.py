"""Who somebody in Slack is, by the name that the setting `allowed` and the limits go by."""

from __future__ import annotations

from crew.errors import InvalidSettings
from triggers.payload import mapping, text
from triggers.slack_calls import SlackCalls
from triggers.slack_settings import SlackSettings

_MOST = 10_000


class SlackPeople:
    """People by their id, or by their e-mail address if the settings say so."""

    def __init__(self, settings: SlackSettings, calls: SlackCalls) -> None:
        self._by_email = settings.emails
        self._calls = calls
        self._known: dict[str, str] = {}

    def name_of(self, user: str) -> str:
        """Raises TransientError if Slack does not answer, InvalidSettings if it shows no address."""
        if not self._by_email:
            return user
        if user not in self._known:
            found = self._calls.call("look up who you are", "users_info", user=user)
            profile = mapping(mapping(found.get("user")).get("profile"))
            email = text(profile.get("email"))
            if not email:
                raise InvalidSettings(
                    "Slack does not show your e-mail address.",
                    "The app needs the scope users:read.email (slack.emails); guests have none.",
                )
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[user] = email
        return self._known[user]
