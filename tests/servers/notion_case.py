"""A Notion door before a Notion server whose traffic is held to the published contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.servers.contract import Contract
from tests.servers.notion_server import NotionServer
from triggers.door import Message
from triggers.notion_door import NotionDoor
from triggers.notion_settings import NotionSettings

_PATH = Path(__file__).parents[1] / "data/contracts/notion-2026-03.json"
VERSIONS = ("2025-09-03", "2026-03-11")
ALLOWED = {
    r"^reply (302|408|502) .*Unknown response http status": "gateways and proxies answer so",
    r"^reply \d+ .*mimetype not found: text/html": "the page of a gateway",
    r"^reply 50[03] .*(\[1\]|None) is not of type 'object'": "gateways answer in JSON too",
}
PULL = "https://github.com/shop/dbt/pull/7"


@cache
def document(version: str) -> dict[str, Any]:
    """The contract, as that version of the API has it."""
    found: dict[str, Any] = json.loads(_PATH.read_text("utf-8"))
    # The document asks for dates where the guide on filters gives and Notion takes times as well.
    _replace(found["components"]["schemas"]["datePropertyFilter"], "date", "date-time")
    if version < "2026-03-11":
        found["components"]["parameters"]["notionVersion"]["schema"]["enum"] = [version]
        for name in ("page", "dataSource", "database"):
            schema = found["components"]["schemas"][f"{name}ObjectResponse"]
            schema["properties"]["archived"] = {"type": "boolean"}
            schema["required"].append("archived")
    return found


@contextmanager
def served(version: str = VERSIONS[0], watched: bool = True) -> Iterator[NotionServer]:
    """A server; nothing may go over the wire that the contract does not know."""
    with NotionServer(version) as server:
        if not watched:
            yield server
            return
        contract = Contract(document(version), ALLOWED)
        with contract.watching(server.url):
            yield server
        assert contract.findings == [], contract.findings


def settings(notion: NotionServer, **values: Any) -> NotionSettings:
    known = {"url": notion.url, "version": notion.version, "timeout_seconds": 30,
             "requests_per_second": 10_000, "data_source": notion.source}  # fmt: skip
    if "database" in values:
        del known["data_source"]
    token = SecretStr(values.pop("token", notion.token))
    return NotionSettings.model_validate({**known, "token": token, **values})


def door(notion: NotionServer, **values: Any) -> NotionDoor:
    return NotionDoor(settings(notion, **values))


def status(text: str = "**Queued**") -> Message:
    return Message("status", text)


def _replace(node: Any, old: str, new: str) -> None:
    if isinstance(node, dict):
        if node.get("format") == old:
            node["format"] = new
        for value in node.values():
            _replace(value, old, new)
    elif isinstance(node, list):
        for value in node:
            _replace(value, old, new)
