"""A Jira door before a Jira server whose traffic is held to the published contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.servers.contract import Contract
from tests.servers.jira_server import JiraServer
from triggers.adf_writer import markdown_to_adf
from triggers.door import Message
from triggers.jira_door import JiraDoor
from triggers.jira_settings import JiraSettings

DOCUMENT = json.loads((Path(__file__).parents[1] / "data/contracts/jira-v3.json").read_text())
ALLOWED = {
    r"\+0000' is not a 'date-time'$": "Jira's own dates lack the colon that RFC 3339 asks for",
    r"^reply 204 .*Missing response data$": "an answer without content, declared as one with any",
    r"^reply (302|403|404|429|5\d\d) .*Unknown response http status": "limits and gateways answer so",
    r"^reply 200 .*mimetype not found: text/html": "the page of a gateway or a login",
}
PULL = "https://github.com/shop/dbt/pull/7"


@contextmanager
def served(kind: str) -> Iterator[JiraServer]:
    """A server; on Cloud nothing may go over the wire that its contract does not know."""
    contract = Contract(DOCUMENT, ALLOWED)
    with JiraServer(kind) as server:
        with contract.watching(server.url) if kind == "cloud" else nullcontext():
            yield server
        assert contract.findings == []


def settings(jira: JiraServer, **values: Any) -> JiraSettings:
    known = {"url": jira.url, "kind": jira.kind, "user": jira.user, "timeout_seconds": 30}
    token = SecretStr(values.pop("token", jira.token))
    return JiraSettings.model_validate({**known, "token": token, **values})


def door(jira: JiraServer, **values: Any) -> JiraDoor:
    return JiraDoor(settings(jira, **values))


def rich(jira: JiraServer, text: str) -> Any:
    """Text as this kind of Jira stores it."""
    return markdown_to_adf(text) if jira.kind == "cloud" else text


def status(text: str = "**Queued**") -> Message:
    return Message("status", text)
