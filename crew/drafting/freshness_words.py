"""Words that ask for a warning when rows stop arriving."""

from __future__ import annotations

import re

_WORD = re.compile(
    r"\bfreshness\b|\bsource freshness\b|\bfraîcheur\b|\bfrescura\b|\baktualität\b", re.I
)
_ALARM = (
    r"\b(?:warn\w*|alert\w*|notif\w*|tell us|let us know|alarm\w*|monitor\w*|fail|error|benachrichtig\w*"
    r"|prévenir|avert\w*|avis\w*)\b"
)
_STOPS = (
    r"\b(?:stop(?:s|ped)?\s+(?:arriving|coming|loading|being (?:loaded|delivered)|updating)"
    r"|not (?:arriv\w+|loaded|updated|delivered)|no (?:new )?(?:\w+ ){0,2}(?:arriv\w+|com(?:e|es|ing) in"
    r"|delivered|loaded)|stale|outdated|too old|late|ausbleib\w*|nicht mehr (?:kommen|geliefert|ankommen)"
    r"|n'arrivent plus|dejan de llegar)\b"
)
_BOTH = re.compile(rf"{_ALARM}.{{0,80}}{_STOPS}|{_STOPS}.{{0,60}}{_ALARM}", re.I | re.S)


def wants_freshness(text: str) -> bool:
    return bool(_WORD.search(text) or _BOTH.search(text))
