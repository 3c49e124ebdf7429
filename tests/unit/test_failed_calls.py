"""When a failed call of a language model is worth another try, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from crew.agents.failed_calls import may_be_paid, pause_before_retry, refused_option


class Failed(Exception):
    """As providers' clients raise it."""

    def __init__(self, status: int | None, headers: Any = None, text: str = "") -> None:
        super().__init__(text)
        self.status_code = status
        self.response = SimpleNamespace(status_code=status, headers=headers or {})


def soon(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("status", "headers", "low", "high"),
    [
        (429, {"retry-after": "7"}, 7, 7),
        (429, {"retry-after-ms": "250"}, 0.25, 0.25),
        (503, {"retry-after": "a date"}, 18, 20),
        (429, {"x-ratelimit-reset-requests": "1m2s"}, 60, 62),
        (429, {"x-ratelimit-reset-tokens": "850ms"}, 0.85, 0.85),
        (429, {"retry-after": "garbage"}, 0.5, 1.5),
        (500, {"x-ratelimit-reset-requests": "30s"}, 0.5, 1.5),
        (529, {}, 0.5, 1.5),
    ],
)
def test_a_busy_server_is_asked_again_when_it_says(
    status: int, headers: dict[str, str], low: float, high: float
) -> None:
    told = {name: soon(20) if value == "a date" else value for name, value in headers.items()}
    pause = pause_before_retry(Failed(status, told), 0)
    if headers.get("x-ratelimit-reset-requests") == "1m2s":
        assert pause is None, "more than a minute is not waited for"
    else:
        assert pause is not None and low <= pause <= high


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_another_try_cannot_cure_is_not_tried_again(status: int) -> None:
    assert pause_before_retry(Failed(status), 0) is None


def test_pauses_grow_and_have_jitter() -> None:
    pauses = [[pause_before_retry(Failed(500), n) or 0 for _ in range(20)] for n in (0, 3)]
    assert max(pauses[0]) < 1.6 < 3.9 < min(pauses[1])
    assert len(set(pauses[0])) > 10


def test_a_lost_connection_is_tried_again_and_only_an_answer_is_paid() -> None:
    class ConnectError(Exception):
        """As httpx calls it."""

    unreached = ConnectionError("connection error")
    unreached.__cause__ = ConnectError("refused")
    assert pause_before_retry(unreached, 0) and not may_be_paid(unreached)
    assert pause_before_retry(TimeoutError("no answer within 2 seconds"), 0)
    assert may_be_paid(TimeoutError("no answer within 2 seconds"))
    assert not may_be_paid(Failed(500))
    assert pause_before_retry(ValueError("strange"), 0) is None


def test_botocore_tells_its_status_in_a_mapping() -> None:
    error: Any = Exception("throttled")
    error.response = {"ResponseMetadata": {"HTTPStatusCode": 429}}
    assert pause_before_retry(error, 0)


def test_an_option_that_a_model_does_not_take_is_known() -> None:
    assert refused_option(Failed(400, text="'temperature' does not support 0")) == "temperature"
    assert refused_option(Failed(500, text="'temperature' does not support 0")) == ""
    assert refused_option(Failed(400, text="no such model")) == ""
