"""Takes out of a ticket where it says that its figures come from: `use fct_trips`, `from dim_members`."""

from __future__ import annotations

import re
from collections.abc import Collection

_OPENS = r"(?:taken\s+from|coming\s+from|out\s+of|based\s+on|from|in|using|use|take|via|see|off)"
_THE = r"(?:the\s+)?(?:(?:model|table|mart|view|relation|source)\s+)?"
_COUNTED = r"(?<!rows\s)(?<!records\s)(?<!entries\s)(?<!lines\s)(?<!number\s)(?<!count\s)"
_HAS = (
    r"(?:should\s+|already\s+|must\s+|probably\s+)*(?:has|have|contains?|holds?|includes?|knows?)\s+"
    r"(?:everything|all|both|them|it|that|what)\b[^.!?;\n]{0,60}"
)


def take_sources(text: str, relations: Collection[str]) -> tuple[list[str], str]:
    """The relations that a text names as the place of its figures, and the text without saying so.

    `number of rows in stg_payments` names what is counted: it stays.
    """
    named = [r for r in relations if r.lower() in text.lower()]
    if not named:
        return [], text
    either = "|".join(re.escape(n) for n in sorted(named, key=len, reverse=True))
    name = rf"`?(?<![\w.])(?P<name>{either})(?![\w]|\.\w)`?(?:\s+(?:model|table|mart|view))?"
    patterns = (
        rf"(?:^|(?<=[.!?;\n]))\s*(?:i\s+think\s+)?{name}\s+{_HAS}[.!?;]?",
        rf"(?:^|(?<=[.!?;\n]))\s*(?:please\s+)?(?:use|take|see)\s+{_THE}{name}(?:\s+(?:please|for\s+(?:it|this|that)))?\s*[.!;]?(?=\s|$)",
        rf"\s*\(\s*{_OPENS}\s+{_THE}{name}\s*\)",
        rf"{_COUNTED}\b{_OPENS}\s+{_THE}{name}\s*,?",
    )
    found: list[str] = []
    for pattern in patterns:
        for matched in list(re.finditer(pattern, text, re.I)):
            found.append(next(n for n in named if n.lower() == matched["name"].lower()))
        text = re.sub(pattern, " ", text, flags=re.I)
    return list(dict.fromkeys(found)), text
