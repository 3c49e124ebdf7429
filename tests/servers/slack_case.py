"""A workspace of the npm package `emulate`, behind the proxy with faults, and calls as Slack signs
them. Channels and people are found by name."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from pydantic import SecretStr

from tests.servers.emulate import emulated
from tests.servers.faulty_proxy import FaultyProxy
from triggers.slack_settings import SlackSettings

BOT, ADA, BO = "xoxb-bot-token", "xoxp-ada-token", "xoxp-bo-token"
POOR = "xoxb-poor-token"  # may write, and nothing else
SECRET = "signing-secret"
SCOPES = ("commands", "chat:write", "app_mentions:read", "channels:history", "groups:history", "im:history", "im:write",
          "reactions:write", "users:read", "users:read.email")  # fmt: skip
ALL = (*SCOPES, "channels:read", "groups:read", "im:read", "users:read", "reactions:read")


@dataclass(frozen=True)
class Workspace:
    """What tests ask of it beside what Firstmile does."""

    proxy: FaultyProxy

    def call(self, method: str, token: str = ADA, **arguments: Any) -> dict[str, Any]:
        address = f"http://{self.proxy.target}/api/{method}"
        headers = {"Authorization": f"Bearer {token}"}
        found: dict[str, Any] = requests.post(
            address, json=arguments, headers=headers, timeout=10
        ).json()
        assert found["ok"], (method, found)
        return found

    def channel(self, name: str) -> str:
        listed = self.call("conversations.list", types="public_channel,private_channel", limit=999)
        return next(c["id"] for c in listed["channels"] if c["name"] == name)

    def user(self, name: str) -> str:
        return next(u["id"] for u in self.call("users.list")["members"] if u["name"] == name)

    def new_channel(self, private: bool = False) -> str:
        """A channel of Ada's; the app may write in public ones."""
        name = f"c{time.monotonic_ns()}"
        made = self.call("conversations.create", name=name, is_private=private)
        return str(made["channel"]["id"])

    def heads(self, channel: str, token: str = ADA) -> list[dict[str, Any]]:
        """The messages of a channel that are no replies, the oldest first."""
        found = self.call("conversations.history", token, channel=channel, limit=999)
        return [m for m in reversed(found["messages"]) if "subtype" not in m]

    def thread(self, channel: str, ts: str, token: str = ADA) -> list[dict[str, Any]]:
        """A head and its replies."""
        found: list[dict[str, Any]] = self.call(
            "conversations.replies", token, channel=channel, ts=ts
        )["messages"]
        return found

    def direct(self, token: str = ADA) -> str:
        """The direct channel with the app."""
        opened = self.call("conversations.open", token, users=self.user("firstmile"))
        return str(opened["channel"]["id"])

    def settings(self, **values: Any) -> SlackSettings:
        token = SecretStr(values.pop("token", BOT))
        known = {"url": f"{self.proxy.url}/api/", "timeout_seconds": 5, "bot_token": token}
        return SlackSettings.model_validate(
            {**known, "signing_secret": SecretStr(SECRET), **values}
        )


@contextmanager
def workspace(folder: Path) -> Iterator[Workspace]:
    """One whose scopes count."""
    app = {"client_id": "1.2", "client_secret": "s", "name": "Firstmile", "redirect_uris": [],
           "bot_name": "firstmile", "bot_user_id": "UFIRSTMILE", "app_id": "A1"}  # fmt: skip
    people = [("ada", ADA, (*ALL, "channels:manage", "groups:write")),
              ("bo", BO, ALL)]  # fmt: skip
    tokens = [{"token": t, "user": u, "scopes": list(s)} for u, t, s in people]
    for token, scopes in ((BOT, SCOPES), (POOR, ("chat:write",))):
        tokens.append(
            {"token": token, "user": "UFIRSTMILE", "scopes": list(scopes), "app_id": "A1"}
        )
    slack = {
        "team": {"name": "Shop", "domain": "shop"},
        "users": [{"name": name, "email": f"{name}@shop.example"} for name in ("ada", "bo")],
        "channels": [{"name": "data"}],
        "oauth_apps": [app],
        "tokens": tokens,
        "signing_secret": SECRET,
        "strict_scopes": True,
    }
    with emulated("slack", {"slack": slack}, folder) as proxy:
        yield Workspace(proxy)


def body_of(payload: dict[str, Any]) -> tuple[bytes, str]:
    """A payload as Slack sends it: commands as fields, forms and buttons as JSON in a field,
    events as JSON."""
    if "command" in payload:
        return urlencode(payload).encode(), "application/x-www-form-urlencoded"
    if payload.get("type") in ("event_callback", "url_verification"):
        return json.dumps(payload).encode(), "application/json"
    return urlencode({"payload": json.dumps(payload)}).encode(), "application/x-www-form-urlencoded"


def signed(body: bytes, kind: str, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers of a call that Slack made then."""
    stamp = str(int(time.time() if at is None else at))
    base = b"v0:" + stamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "content-type": kind,
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
    }
