"""Notion's webhooks: whether one is genuine, and which pages it is about.

https://developers.notion.com/reference/webhooks says how they are signed, and how a new
subscription is verified: by a token that is sent once, and signs every event from then on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crew.errors import InvalidInput, PolicyViolation
from triggers.notion_source import identity
from triggers.payload import mapping, text

SECRET = "FIRSTMILE_NOTION_WEBHOOK_SECRET"
TOKEN_FILE = "notion-verification-token"


def addresses_of(headers: Mapping[str, str], body: bytes, secret: str) -> tuple[str, ...]:
    """Ids of the page that an event is about; empty for one about none. Raises PolicyViolation if
    it was not signed with the secret, InvalidInput if it cannot be read."""
    given = next((v for k, v in headers.items() if k.lower() == "x-notion-signature"), "")
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(given.strip().encode(), f"sha256={signed}".encode()):
        raise PolicyViolation(
            "A webhook of Notion was not signed with our secret.",
            f"Set {SECRET} to the verification token of the subscription.",
        )
    event = _event(body)
    entity = mapping(event.get("entity"))
    kind = text(event.get("type")).partition(".")[0]
    if kind == "page" and entity.get("type") == "page":
        page = identity(entity.get("id"))
    else:
        page = identity(mapping(event.get("data")).get("page_id")) if kind == "comment" else ""
    return (page,) if page else ()


def keep_verification_token(body: bytes, state: Path) -> Path | None:
    """Keep the token of a new subscription in a file that only the operator can read; gives the
    file, or None for a body that holds none. To be called only while no secret is set, for these
    requests are not signed. Raises InvalidInput if the body cannot be read."""
    token = text(_event(body).get("verification_token"))
    if not token or len(token) > 500 or not token.isprintable():
        return None
    file = state / TOKEN_FILE
    if file.exists():
        return None  # the first one counts: whoever sends another must not replace it
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{token}\n")
    return file


def _event(body: bytes) -> dict[str, Any]:
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "A webhook of Notion holds no JSON.", "Look at the subscription in Notion."
        ) from error
