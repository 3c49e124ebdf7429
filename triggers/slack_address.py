"""Where a request of Slack is answered, and where one of our messages stands, as one word each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crew.errors import InvalidInput

_ADDRESS = re.compile(r"([A-Z0-9]+)/([A-Z0-9]+)/([\w.-]+)/(\d+)", re.A)
_PLACE = re.compile(r"([A-Z0-9]+)/(\d+\.\d+)", re.A)


@dataclass(frozen=True)
class SlackAddress:
    """The address of a ticket: the channel to report in, who asked, the request's key, and since
    when (Unix seconds) there can be messages about it."""

    channel: str
    user: str
    key: str
    since: int

    def __str__(self) -> str:
        return f"{self.channel}/{self.user}/{self.key}/{self.since}"

    @classmethod
    def parse(cls, address: str) -> SlackAddress:
        """Raises InvalidInput for what is none."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise InvalidInput(f"{address!r} is no address in Slack.", "Send the request again.")
        return cls(found[1], found[2], found[3], int(found[4]))


@dataclass(frozen=True)
class Place:
    """A message: its channel and its timestamp, which Slack uses as its name."""

    channel: str
    ts: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.ts}"

    @classmethod
    def parse(cls, place: str) -> Place:
        """Raises InvalidInput for what is none."""
        found = _PLACE.fullmatch(place)
        if found is None:
            raise InvalidInput(f"{place!r} is no message in Slack.", "Send the request again.")
        return cls(found[1], found[2])
