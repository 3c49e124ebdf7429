"""What must not be kept of what people wrote: personal data, secrets; and what says nothing."""

from __future__ import annotations

import re

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?\b")
_UNSAFE = re.compile(
    r"[\w.+-]+@[\w-]+\.\w"  # an e-mail address
    r"|\+?\d(?:[ ()./-]{0,2}\d){6}"  # a telephone or account number
    r"|\b(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|sk-|AKIA|eyJ)\w*"  # a token by its prefix
    r"|-----BEGIN|(?i:password|passwd|secret|api[_ -]?key|token)\s*[:=]"
    r"|://[^/\s@]+@"  # credentials in an address
)
_WORD = re.compile(r"[A-Za-z0-9+/_-]{24,}")
_PERSONAL = re.compile(
    r"(^|_)(e_?mail|phone|mobile|fax|iban|ssn|passport|street|address|birth\w*|dob|surname"
    r"|(first|last|full|given|family|customer|user|contact|person)_?name|ip)(_|$)"
)
_APPROVAL = """
lgtm looks look good great to me nice work job well done thanks thank thx you ty very much all perfect
approved approve approving ship it merging merged merge awesome cool ok okay fine yes so and for this
the a i 1 excellent love like cheers ta team fantastic super bot firstmile
"""
_APPROVING = frozenset(_APPROVAL.split())


def is_unsafe(text: str) -> bool:
    """Whether the text seems to hold personal data, or a secret."""
    plain = _DATE.sub(" ", text)
    return bool(_UNSAFE.search(plain)) or any(map(_is_token, _WORD.findall(plain)))


def is_personal_column(name: str) -> bool:
    """Whether a column's name says that it holds data of persons."""
    return bool(_PERSONAL.search(name.lower()))


def is_approval(text: str) -> bool:
    """Whether a remark says no more than that all is well."""
    return set(re.findall(r"\w+", text.lower())) <= _APPROVING


def _is_token(word: str) -> bool:
    """Long, with letters and digits mixed as no name has them."""
    changes = len(re.findall(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", word))
    return changes >= 4
