"""Which columns are about a person: marked so in the project, or named like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crew.drafting.vocabulary import word_set


def looks_personal(column: str, meta: dict[str, Any], tags: Sequence[str] = ()) -> bool:
    """Marked as personal data in the project, or named like it."""
    marks = {str(t).lower() for t in tags} | {str(k).lower() for k, v in meta.items() if v}
    if marks & {"pii", "personal", "sensitive", "contains_pii", "gdpr"}:
        return True
    name = column.lower()
    return any(
        name == p or name.endswith(f"_{p}") or name.startswith(f"{p}_")
        for p in word_set("personal")
    )
