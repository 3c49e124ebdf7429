"""GitHub's events: only signed ones count, and of those only numbers and names of branches."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from crew.errors import InvalidInput, PolicyViolation
from triggers.github_webhook import numbers_of

SECRET = "s3cret"
OURS = {"ref": "firstmile/data-1"}


def signed(body: bytes, event: str = "", secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "x-github-event": event}


def read(event: str, payload: Any) -> tuple[tuple[int, ...], tuple[str, ...]]:
    body = json.dumps(payload).encode()
    return numbers_of(signed(body, event), body, SECRET)


@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ("pull_request", {"pull_request": {"number": 3, "head": OURS}}, ((3,), ())),
        ("pull_request_review", {"pull_request": {"number": 3, "head": OURS}}, ((3,), ())),
        ("pull_request_review_comment", {"pull_request": {"number": 3, "head": OURS}}, ((3,), ())),
        ("pull_request", {"pull_request": {"number": 3, "head": {"ref": "mine"}}}, ((), ())),
        ("issue_comment", {"issue": {"number": 4, "pull_request": {}}}, ((4,), ())),
        ("issue_comment", {"issue": {"number": 4}}, ((), ())),
        (
            "check_run",
            {"check_run": {"pull_requests": [{"number": 5, "head": OURS}] * 2,
                           "check_suite": {"head_branch": "firstmile/x"}}},
            ((5,), ("firstmile/x",)),
        ),
        ("check_suite", {"check_suite": {"head_branch": "firstmile/x"}}, ((), ("firstmile/x",))),
        ("workflow_run", {"workflow_run": {"head_branch": "firstmile/x"}}, ((), ("firstmile/x",))),
        ("workflow_run", {"workflow_run": {"head_branch": "main"}}, ((), ())),
        ("status", {"branches": [{"name": "main"}, {"name": "firstmile/x"}]},
         ((), ("firstmile/x",))),
        ("push", {"ref": "refs/heads/firstmile/x"}, ((), ("firstmile/x",))),
        ("ping", {"zen": "Keep it logically awesome."}, ((), ())),
        ("star", {"pull_request": {"number": 3, "head": OURS}}, ((), ())),
        ("pull_request", {"pull_request": {"number": True, "head": OURS}}, ((), ())),
        ("pull_request", {"pull_request": {"number": "3", "head": OURS}}, ((), ())),
        ("pull_request", {"pull_request": {"number": -3, "head": OURS}}, ((), ())),
        ("pull_request", {"pull_request": ["x"], "head": None}, ((), ())),
        ("check_run", {"check_run": {"pull_requests": "x", "check_suite": 4}}, ((), ())),
        ("status", {"branches": {"name": "firstmile/x"}}, ((), ())),
    ],
)  # fmt: skip
def test_an_event_names_what_it_is_about(event: str, payload: Any, expected: Any) -> None:
    assert read(event, payload) == expected


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff", b"[" * 100_000, b"a=1"])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="JSON"):
        numbers_of(signed(body, "pull_request"), body, SECRET)


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Hub-Signature-256": ""}, {"X-Hub-Signature-256": "sha256=ü\udcff"},
     {"X-Hub-Signature": "sha1=x"}, signed(b"{}", secret="other"), signed(b"{} ")],
)  # fmt: skip
def test_a_bad_signature_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(PolicyViolation, match="signature"):
        numbers_of(headers, b"{}", SECRET)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(PolicyViolation):
        numbers_of(signed(b"{}", secret=""), b"{}", "")
