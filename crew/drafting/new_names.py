"""Names that a ticket gives to what does not exist yet: `column referral_count`."""

from __future__ import annotations

import re
from collections.abc import Collection

_NAMED = re.compile(
    r"\b(?:columns?|fields?|flags?|attributes?|spalten?|colonnes?|columnas?|called|named|namens|as|als|add|adds|adding)\s+"
    r"(?:(?:an?|the|new|boolean|called|named|eine?|die)\s+)*[`\"'“]?(?P<name>[a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?![\w.(])"
    r"|\(\s*(?P<inside>[a-z][a-z0-9]*(?:_[a-z0-9]+)+)\s*[,)]",
)


def new_names(text: str, known: Collection[str]) -> list[str]:
    """Names in snake case, each once, that are written as those of columns and are none of the
    known ones (in lower case)."""
    found = [m["name"] or m["inside"] for m in _NAMED.finditer(text)]
    return [n for n in dict.fromkeys(found) if n not in known]
