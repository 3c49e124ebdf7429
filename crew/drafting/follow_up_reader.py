"""Tells which clauses of a wish no reader made anything of, so that they can be noted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from crew.drafting.clause_reader import is_command, split_clauses
from crew.drafting.ticket_reader import read_text
from crew.drafting.vocabulary import grain_words, stem_set, stems
from crew.drafting.wish import Phrase, Wish

_NOISE = (
    "stops", "openers", "fillers", "wrapping_nouns", "articles", "splitters", "wishes",
    "strong_wishes", "greetings", "signatures", "courtesies", "before_commands",
)  # fmt: skip


def unread_follow_ups(
    follow_ups: Sequence[str], wish: Wish, dropped: Collection[Phrase]
) -> list[str]:
    """The follow-ups of which some words went nowhere; `dropped` are metrics not built."""
    lost = {p.quote for p in wish.passed_over if _says_more(p.text)} | {p.quote for p in dropped}
    return [s for s in follow_ups if s in lost or _is_lost(read_text(s, "wish"), wish)]


def unread_commands(clauses: Iterable[Phrase]) -> list[str]:
    """The commands in wishes that no field of a wish took."""
    wishes = [c for c in clauses if c.place in {"title", "wish"}]
    parts = [p for c in wishes for p in split_clauses(c.text) if is_command(p) and _says_more(p)]
    return [p for p in parts if _says_nothing(said := read_text(p, "wish")) or said.denied]


def _says_more(text: str) -> bool:
    """Whether a text has words beside courtesies, periods and the words that open a wish."""
    noise = {s for name in _NOISE for s in stem_set(name)}
    noise |= {s for word in grain_words() for s in stems(word)}
    return any(s not in noise for s in stems(text))


def _is_lost(said: Wish, wish: Wish) -> bool:
    """Whether what a sentence said is not what the wish came to say."""
    look_backs = [(b.count, b.unit, b.calendar) for b in (said.look_back, wish.look_back) if b]
    spans = [(s.start, s.end) for s in (said.date_span, wish.date_span) if s]
    return (
        (said.look_back is not None and look_backs[0] != look_backs[-1])
        or (said.date_span is not None and spans[0] != spans[-1])
        or (bool(said.denied) and said.grain is None)
        or _says_nothing(said)
    )


def _says_nothing(said: Wish) -> bool:
    phrases = (said.metrics, said.dimensions, said.exclusions, said.inclusions, said.kept)
    dates = (said.grain, said.look_back, said.date_span, said.unclear_dates)
    return not (any(phrases) or any(dates) or said.leftovers or said.fill_gaps)
