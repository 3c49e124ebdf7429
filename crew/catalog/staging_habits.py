"""What the project's staging models do alike: names they give to raw columns, the clock they use."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

MAX_NAMES = 400
_RENAMED = re.compile(r"(?:^|,|\bselect)\s*\"?(\w+)\"?\s+as\s+\"?(\w+)\"?", re.I | re.M)
_KEY = re.compile(r"\w(?:_id|_no|_nr|_key|_code|Id|No|Nr|Key|Code)$")
_ZONE = re.compile(
    r"at\s+time\s+zone\s+'([^']+)'(?!\s*at\s+time)|convert_timezone\(\s*(?:'[^']+'\s*,\s*)?'([^']+)'\s*,",
    re.I,
)


def staged_names(sqls: Iterable[str]) -> dict[str, str]:
    """Lower-case raw column -> what all staging models that have it call it: keys, and what is
    called so more than once."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    keys = set()
    for sql in sqls:
        for raw, name in _RENAMED.findall(sql):
            found[raw.lower()][name.lower()] += 1
            if _KEY.search(raw):
                keys.add(raw.lower())
    alike = {
        raw: next(iter(names))
        for raw, names in found.items()
        if len(names) == 1 and (raw in keys or names.total() > 1)
    }
    return dict(list(alike.items())[:MAX_NAMES])


def staged_zone(sqls: Iterable[str]) -> str:
    """The one time zone that staging models bring moments to; empty if they do not."""
    found = {a or b for sql in sqls for a, b in _ZONE.findall(sql)}
    return found.pop() if len(found) == 1 else ""
