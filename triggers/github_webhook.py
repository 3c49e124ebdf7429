"""GitHub's webhook: which pull requests and branches an event is about, once its signature fits.

An event only hints that something changed; what changed is read from GitHub. So what lies in it
beside numbers and names does not matter.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

from crew.errors import InvalidInput, PolicyViolation
from triggers.payload import mapping, mappings, text

_BRANCHES = "firstmile/"
_CHECKS = ("check_run", "check_suite", "workflow_run", "workflow_job")
_PULLS = ("pull_request", "pull_request_review", "pull_request_review_comment")
_SIGNATURE = "x-hub-signature-256"


def numbers_of(
    headers: Mapping[str, str], body: bytes, secret: str
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Numbers of the pull requests, and names of our branches, that an event is about; both empty
    for an event about nothing of ours.

    Raises PolicyViolation for a bad signature, InvalidInput for what is no event.
    """
    named = {name.lower(): value for name, value in headers.items()}
    _verify(named.get(_SIGNATURE, ""), body, secret)
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise InvalidInput(
            "The event of GitHub is not a JSON object.",
            "Set the webhook's content type to application/json.",
        )
    event = named.get("x-github-event", "")
    return tuple(dict.fromkeys(_numbers(event, payload))), tuple(
        dict.fromkeys(name for name in _branches(event, payload) if name.startswith(_BRANCHES))
    )


def _verify(signature: str, body: bytes, secret: str) -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(
        expected.encode(), signature.encode("utf-8", "replace")
    ):
        raise PolicyViolation(
            "An event that says it comes from GitHub has no valid signature.",
            "Give the webhook the secret that FIRSTMILE_GITHUB_WEBHOOK_SECRET holds.",
        )


def _numbers(event: str, payload: dict[str, Any]) -> Iterator[int]:
    if event in _PULLS:
        pull = mapping(payload.get("pull_request"))
        if text(mapping(pull.get("head")).get("ref")).startswith(_BRANCHES):
            yield from _number(pull)
    elif event == "issue_comment":
        issue = mapping(payload.get("issue"))
        if "pull_request" in issue:
            yield from _number(issue)
    elif event in _CHECKS:
        for pull in mappings(mapping(payload.get(event)).get("pull_requests")):
            if text(mapping(pull.get("head")).get("ref")).startswith(_BRANCHES):
                yield from _number(pull)


def _branches(event: str, payload: dict[str, Any]) -> Iterator[str]:
    if event in _CHECKS:
        about = mapping(payload.get(event))
        yield text(about.get("head_branch"))
        yield text(mapping(about.get("check_suite")).get("head_branch"))
    elif event == "status":
        for branch in mappings(payload.get("branches")):
            yield text(branch.get("name"))
    elif event == "push":
        yield text(payload.get("ref")).removeprefix("refs/heads/")


def _number(value: dict[str, Any]) -> Iterator[int]:
    number = value.get("number")
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        yield number
