"""Keeps secrets and personal data out of what is remembered."""

from __future__ import annotations

import re
from typing import TypeVar

from pydantic import BaseModel

V = TypeVar("V", bound=BaseModel)

_KEY = r"[A-Za-z0-9_\-]{12,}"
_NAME = r"(?:[a-z]{1,14}\d?_)*[a-z]{1,14}\d?(?![\w-])"
"""What follows in the name of a column: `sk_customer_region_id` is a surrogate key, and no secret."""
_PASSWORD = r"password|passwort|passwd|pwd|\bpw"
_NAMED = rf"{_PASSWORD}|secret(?:[_ -]?key)?|token|(?:api|access|account)[_ -]?key"
_PATTERNS = (
    ("[private key]", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*KEY-----|\Z)"),
    (
        "[secret]",
        rf"\b(?:gh[opsu]|github_pat|glpat|xox[abprs]|[spr]k|ntn|secret|dapi|hf|npm|glsa)[-_](?!{_NAME}){_KEY}",
    ),
    ("[secret]", rf"\bya29\.{_KEY}"),
    (r"\1[secret]", r"(?i)\b(bearer\s+)[^\s\"',;]{8,}"),
    ("[secret]", rf"\b(?:AKIA|ASIA|AIza|ATATT){_KEY}"),
    ("[secret]", r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?"),
    (r"\1[secret]", rf"(?i)((?:{_PASSWORD})\s+is\s+[\"']?)[^\s\"',;]{{4,}}"),
    (r"\1[secret]", rf"(?i)((?:{_NAMED})\b[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]{{4,}}"),
    (
        r"\1[secret]",
        rf"(?i)((?:{_NAMED})\s+is\s+[\"']?)(?=[^\s\"',;]*[\d!#$%&*])[^\s\"',;]{{4,}}",
    ),
    (r"\1[secret]@", r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/]+@"),
    ("[number]", r"\b\d{3}-\d{2}-\d{4}\b"),
    ("[e-mail]", r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
    ("[account]", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?\b"),
    ("[number]", r"(?<![\w.-])(?!\d{4}-\d{2}-\d{2}\b)\+?\d(?:[ ()./-]{0,2}\d){9,18}(?![\w-])"),
)
_COMPILED = tuple((new, re.compile(pattern)) for new, pattern in _PATTERNS)


_SIGNS = re.compile(
    r"@|://|eyJ|ya29|A(?:KIA|SIA|Iza|TATT)|-----BEGIN|[-_][A-Za-z0-9_-]{12}|\d[ ()./-]{0,2}\d"
)
_NAMES = ("pass", "pw", "secret", "token", "bearer", "i key", "ikey", "i_key", "i-key", "s key",
          "skey", "s_key", "s-key", "t key", "tkey", "t_key", "t-key")  # fmt: skip


def redacted(text: str) -> str:
    """The text with keys, passwords, e-mail addresses, account and telephone numbers taken out."""
    lowered = text.lower()
    if not _SIGNS.search(text) and not any(name in lowered for name in _NAMES):
        return text  # most texts; the rest of this costs twenty times as much
    for new, pattern in _COMPILED:
        text = pattern.sub(new, text)
    return text


def redacted_value(value: V) -> V:
    """The value with every text in it redacted."""
    return type(value).model_validate(_walk(value.model_dump(mode="json")))


def _walk(value: object) -> object:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {k: _walk(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(v) for v in value]
    return value
