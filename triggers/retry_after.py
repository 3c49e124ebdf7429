"""How long a vendor asks to wait, from the headers of its answer.

https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_LONGEST_SECONDS = 86_400.0


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds from now, at most a day; None where the header lacks or says nothing that counts.

    Beside the standard's seconds and dates fractions of a second are read, which vendors send.
    A date counts from the answer's own `Date`, so that no clock of ours matters.
    """
    value = (headers.get("Retry-After") or headers.get("retry-after") or "").strip()
    try:
        seconds = float(value)
    except ValueError:
        until = _moment(value)
        if until is None:
            return None
        answered = _moment(headers.get("Date") or headers.get("date") or "")
        now = answered or datetime.datetime.now(datetime.UTC)
        seconds = max((until - now).total_seconds(), 0.0)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_SECONDS)


def _moment(value: str) -> datetime.datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
