"""Which columns are about what words say, by the vectors of long-term memory.

Likeness alone decides nothing: it ranks what a question offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from crew.ports import Recall

Similar = Callable[[str], Mapping[str, float]]
"""Names of columns, in lower case, with their likeness (0..1) to a text."""

_MANY = 12


def nothing_similar(text: str) -> Mapping[str, float]:
    """No column: there is no memory to ask."""
    return {}


def similar_columns(recall: Recall) -> Similar:
    """What memory holds that is like a text, each text asked once."""

    @cache
    def similar(text: str) -> Mapping[str, float]:
        found = recall.recall(text, ("column",), _MANY)
        return {p.name.lower(): p.likeness for p in found}

    return similar
