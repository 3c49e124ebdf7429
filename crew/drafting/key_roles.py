"""Which of several keys to the same relation the words mean: `return station`, not `station`."""

from __future__ import annotations

from collections.abc import Sequence, Set

from crew.artifacts import JoinEdge
from crew.drafting.vocabulary import name_stems


def meant_keys(edges: Sequence[JoinEdge], said: Set[str]) -> list[JoinEdge]:
    """Of parallel edges those that the stems mean by what no other key is called: one where that is
    clear, the one without a word of its own where no other is named, else all that compete."""
    own = [set(name_stems(e.left_column)) for e in edges]
    shared = set[str].intersection(*own) if own else set()
    named = [
        (len((words - shared) & said), e)
        for e, words in zip(edges, own, strict=True)
        if (words - shared) & said
    ]
    if named:
        most = max(n for n, _ in named)
        return [e for n, e in named if n == most]
    plain = [e for e, words in zip(edges, own, strict=True) if words == shared]
    return plain or list(edges)
