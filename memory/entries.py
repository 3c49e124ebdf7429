"""What long-term memory holds: entries, and the words they are found by."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import snowballstemmer

from crew.artifacts import MemoryKind

SCHEMA = "2"
"""Changes when the texts of entries or the tables are made otherwise: then all is indexed anew."""

KINDS: tuple[MemoryKind, ...] = get_args(MemoryKind)
MAX_TEXT = 1_500

_STOP_WORDS = (
    "a an and are as at be been by can could do does for from get give had has have how i "
    "if in into is it its let like me my need of on or our please see show so some that "
    "the their them there these they this to us want was we were what when where which "
    "who will with would you your "
)
_STOP = frozenset(_STOP_WORDS.split())
_STEMMER = snowballstemmer.stemmer("english")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered: a stable `id` (`model:fct_orders`), the text it is found by, and where it
    comes from. `layer` is a model's own."""

    kind: MemoryKind
    id: str
    name: str
    text: str
    provenance: str
    layer: str = ""

    def digest(self) -> str:
        """Changes whenever what is remembered does; 16 hex digits."""
        content = "\0".join([SCHEMA, self.name, self.text, self.provenance, self.layer])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


def search_words(text: str) -> list[str]:
    """Stems of a text's words, identifiers split (`fctOrder_items` gives fct, order, item), without
    words that say nothing."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).lower().replace("_", " ")
    return [_stem(w) for w in re.findall(r"[^\W_]+", parted) if w not in _STOP]
