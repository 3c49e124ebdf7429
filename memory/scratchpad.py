"""Short-term memory: what the planner knows, decided and tried for one request.

It is written with each step, shown by `firstmile show` and in traces, and stays short: what is old
is summed up by rule, open findings and decisions last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from crew.artifacts import Jotting, JottingKind

MAX_JOTTINGS = 60
MAX_TEXT = 400
_SUMMED_FIRST: tuple[JottingKind, ...] = ("fact", "attempt", "decision")


class Scratchpad:
    """The jottings of one request, in order; `keep` gets all of them, and those that are new since
    it was called last, after each step."""

    def __init__(
        self, keep: Callable[[Sequence[Jotting], Sequence[Jotting]], None] | None = None
    ) -> None:
        self._jottings: list[Jotting] = []
        self._summed: Counter[tuple[str, JottingKind]] = Counter()
        self._told: list[Jotting] = []
        self._keep = keep

    @property
    def jottings(self) -> tuple[Jotting, ...]:
        """What is known now; older jottings that were summed up come first."""
        summed = [
            Jotting(kind=kind, step=step, text=f"{n} older {kind}s of this step, summed up")
            for (step, kind), n in self._summed.items()
        ]
        return (*summed, *self._jottings)

    def jot(self, kind: JottingKind, step: str, text: str, reason: str = "") -> None:
        """Write down a fact, a decision with its reason, a finding or an attempt; once."""
        new = Jotting(kind=kind, step=step, text=_short(text), reason=_short(reason))
        if new not in self._jottings:
            self._jottings.append(new)
            self._sum_up()

    def settle(self, how: str) -> None:
        """Close all open findings: they are mended."""
        self._jottings = [
            j.model_copy(update={"settled": how}) if j.kind == "finding" and not j.settled else j
            for j in self._jottings
        ]

    def save(self) -> None:
        news = [j for j in self._jottings if j not in self._told]
        self._told = list(self._jottings)
        if self._keep is not None:
            self._keep(self.jottings, news)

    def _sum_up(self) -> None:
        """Above the limit, the oldest jotting of the kind that matters least is only counted."""
        while len(self._jottings) > MAX_JOTTINGS:
            settled = (j for j in self._jottings if j.settled)
            by_kind = (j for kind in _SUMMED_FIRST for j in self._jottings if j.kind == kind)
            oldest = next(settled, None) or next(by_kind, self._jottings[0])
            self._jottings.remove(oldest)
            self._summed[oldest.step, oldest.kind] += 1


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_TEXT else flat[: MAX_TEXT - 1] + "…"
