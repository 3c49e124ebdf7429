"""What the data tells about words of a ticket that could be read in two ways.

`monthly fee` is a column where one is called so, and no fee per month of the result; `average stay
per club` is split by club where there are few, while `average revenue per account` is a quotient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lexicon:
    """`names` are columns by the words that name them, `values` are values by theirs, `is_split`
    tells whether `per X` splits."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    is_split: Callable[[str], bool] = lambda unit: False

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """Any of the names and values, longest first."""
        known = {**self.values, **self.names}
        if not known:
            return None
        longest = sorted(known, key=len, reverse=True)
        spaced = (re.escape(n).replace(r"\ ", r"[\s-]+") for n in longest)
        return re.compile(rf"(?<![\w`])(?P<name>{'|'.join(spaced)})(?:e?s)?(?![\w`])", re.I)
