"""What the data tells about words of a ticket that could be read in two ways.

`monthly fee` is a column where one is called so, and no fee per month of the result; `average stay
per club` is split by club where there are few, while `average revenue per account` is a quotient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from rapidfuzz.distance import Prefix

_ENDINGS = frozenset(
    ("", "e", "n", "s", "en", "es", "er", "ern", "nen", "innen", "x", "o", "a", "os", "as")
)
_FOLDED = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "é": "e", "è": "e", "ê": "e", "à": "a",
                         "á": "a", "í": "i", "ó": "o", "ú": "u", "ñ": "n", "ç": "c"})  # fmt: skip


@dataclass(frozen=True)
class Lexicon:
    """`names` are columns by the words that name them, `values` are values by theirs, `is_split`
    tells whether `per X` splits, `words` are those that names are made of."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    is_split: Callable[[str], bool] = lambda unit: False
    words: frozenset[str] = frozenset()
    held: dict[str, dict[str, str]] = field(default_factory=dict)
    """Values by their words in lower case, of each column by its name in lower case."""
    relations: frozenset[str] = frozenset()
    """Models and source tables by their very names."""

    def in_own_words(self, text: str) -> str:
        """The text with words of the project in the form they have there: `Kaltmieten` as
        `kaltmiete`, `Priorität` as `prioritaet`. For languages other than English."""
        return re.sub(r"[^\W\d_]{4,}", lambda m: self._own_form(m.group()), text)

    def _own_form(self, word: str) -> str:
        said = _folded(word)
        forms = [w for w in self.words if _folded(w) == said]
        forms = forms or [w for w in self.words if _is_form(said, _folded(w))]
        return min(forms, key=lambda w: (abs(len(w) - len(word)), w)) if forms else word

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """Any of the names and values, longest first."""
        known = {**self.values, **self.names}
        if not known:
            return None
        longest = sorted(known, key=len, reverse=True)
        spaced = (re.escape(n).replace(r"\ ", r"[\s-]+") for n in longest)
        return re.compile(rf"(?<![\w`])(?P<name>{'|'.join(spaced)})(?:e?s)?(?![\w`])", re.I)


def _folded(word: str) -> str:
    plain = word.lower().translate(_FOLDED)
    return re.sub(r"([aou])e", r"\1", plain)


def _is_form(a: str, b: str) -> bool:
    shared = int(Prefix.similarity(a, b))
    return shared >= 4 and a[shared:] in _ENDINGS and b[shared:] in _ENDINGS
