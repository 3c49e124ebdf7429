"""Why a call of a language model failed: whether another try is worth it, when, and what it cost.

Every provider's client raises its own kinds; status, headers and causes are read from where each has
them.
"""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import ValidationError

from crew.language_models import LanguageModel

_LONGEST_WAIT = 60.0
"""Seconds: a server that asks for more is given up."""
_BUSY = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_LOST = ("connect", "timeout", "timed out", "disconnected", "transport", "protocol error")
_RESETS = (
    "retry-after-ms",
    "retry-after",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-reset",
)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:(\d+)ms)?\Z")
_REFUSED_OPTION = re.compile(r"\b(temperature|seed)\b", re.I)


class CallFailed(Exception):
    """`told` says why. The exception's own text says nothing: CrewAI reads texts, and takes some for a
    wish to wait, to summarise, or to leave the process."""

    def __init__(self, told: str) -> None:
        super().__init__(type(self).__name__)
        self.told = told


class NoAnswer(CallFailed):
    """No model of the chain answered."""


class WrongForm(CallFailed):
    """What came back is not of the form that was asked for; it is told as the correction."""


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _status(error: BaseException) -> int | None:
    """The HTTP status that a provider's client tells, each in its own place."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if isinstance(response, dict):  # botocore
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        else:
            status = getattr(cause, "status_code", None) or getattr(response, "status_code", None)
            status = status or getattr(cause, "code", None)
        if isinstance(status, int):
            return status
    return None


def may_be_paid(error: BaseException) -> bool:
    """Whether a failed call may have used tokens: no error of the server, and it was reached."""
    unreached = any(type(c).__name__ == "ConnectError" for c in _causes(error))
    return _status(error) is None and not unreached


def told_tokens(error: BaseException) -> tuple[int, int]:
    """Tokens sent and received that an error carries, as OpenAI's does for an answer cut off."""
    for cause in _causes(error):
        usage = getattr(getattr(cause, "completion", None), "usage", None)
        if usage is not None:
            return int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0)
    return 0, 0


def wrong_form(error: BaseException, model: LanguageModel) -> str:
    """The correction to an answer whose form the provider's client itself found wrong."""
    for cause in _causes(error):
        if isinstance(cause, ValidationError):
            return f"The answer does not fit the schema: {problems(cause)}"
        if "LengthFinishReason" in type(cause).__name__:
            return f"The answer was cut off after {model.answer_tokens} tokens; keep it short."
    return ""


def problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors()[:3]
    )


def refused_option(error: BaseException) -> str:
    """The option of the call that a model does not take, as some take no temperature."""
    found = _REFUSED_OPTION.search(str(error)) if _status(error) == 400 else None
    return found.group(1).lower() if found else ""


def pause_before_retry(error: BaseException, attempt: int) -> float | None:
    """Seconds until another try is worth it; None if it is not."""
    status = _status(error)
    lost = status is None and any(
        sign in f"{type(c).__name__} {c}".lower() for c in _causes(error) for sign in _LOST
    )
    if status not in _BUSY and not lost:
        return None
    wished = _wished_pause(error)
    if wished is not None:
        return wished if wished <= _LONGEST_WAIT else None
    return float(min(2**attempt, 20) * random.uniform(0.5, 1.5))


def _wished_pause(error: BaseException) -> float | None:
    """What the server's headers ask for."""
    names = _RESETS if _status(error) == 429 else _RESETS[:2]
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None) or {}
        for name in names:
            if (value := headers.get(name)) is not None:
                seconds = _seconds(value)
                if seconds is not None:
                    return seconds / 1000 if name.endswith("-ms") else seconds
    return None


def _seconds(value: str) -> float | None:
    """Seconds of a header: a number, a duration as `1m30s`, or a date."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    if (found := _DURATION.match(value)) and any(found.groups()):
        hours, minutes, seconds, milliseconds = (float(g or 0) for g in found.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value)
        except (ValueError, TypeError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None


def first_line(error: BaseException) -> str:
    told = error.told if isinstance(error, CallFailed) else str(error)
    text = told.strip() or type(error).__name__
    return text.splitlines()[0][:300]
