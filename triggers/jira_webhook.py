"""Jira's webhooks: whether one is genuine, and which tickets it is about.

https://developer.atlassian.com/cloud/jira/platform/webhooks/ says how they are signed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

from crew.errors import InvalidInput, PolicyViolation
from triggers.jira_source import is_key
from triggers.payload import mapping, text

SECRET = "FIRSTMILE_JIRA_WEBHOOK_SECRET"


def addresses_of(headers: Mapping[str, str], body: bytes, secret: str) -> tuple[str, ...]:
    """Keys of the issue and of its parent; empty for an event about none. Raises PolicyViolation
    if it was not signed with the secret, InvalidInput if it cannot be read."""
    given = next((v for k, v in headers.items() if k.lower() == "x-hub-signature"), "")
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    expected = f"sha256={signed}".encode()
    if not secret or not hmac.compare_digest(given.strip().encode(), expected):
        raise PolicyViolation(
            "A webhook of Jira was not signed with our secret.",
            f"Set the same secret in Jira's webhook and in {SECRET}.",
        )
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "A webhook of Jira holds no JSON.", "Look at the webhook's settings in Jira."
        ) from error
    issue = mapping(mapping(event).get("issue"))
    parent = mapping(mapping(issue.get("fields")).get("parent"))
    keys = (text(issue.get("key")), text(parent.get("key")))
    return tuple(key for key in keys if is_key(key))
