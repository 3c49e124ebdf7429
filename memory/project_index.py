"""What of a project enters memory: each model's name, docs and columns. No rows, no values."""

from __future__ import annotations

from collections.abc import Iterable

from crew.ports import DocumentedModel
from memory.long_term import Entry


def entries(models: Iterable[DocumentedModel]) -> list[Entry]:
    """One entry per model, found by its words."""
    return [
        Entry(
            id=m.unique_id,
            name=m.key,
            text=f"{m.key.replace('_', ' ')}. {m.description} Columns: {', '.join(m.columns)}",
            provenance=m.path,
        )
        for m in models
    ]
