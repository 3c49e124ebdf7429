"""Which nodes a name means (worker process only).

To dbt `customers` means a model of that name and every model in a folder of that name; here it
means the model alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from crew.verification.relocation import BUILDABLE

_NAMED = re.compile(r"([\w-]+)(\+1)?")


def named_nodes(manifest: Any, term: str) -> list[str]:
    """Unique ids that `name` or `name+1` (it and its direct children) means; none if unknown."""
    match = _NAMED.fullmatch(term)
    if match is None:
        return []
    nodes = manifest.nodes.values()
    own = [n.unique_id for n in nodes if n.resource_type in BUILDABLE and n.name == match[1]]
    if not match[2]:
        return own
    children = [child for unique_id in own for child in manifest.child_map.get(unique_id, ())]
    return own + [c for c in children if c.split(".", 1)[0] in BUILDABLE]


def precise_terms(manifest: Any, select: Sequence[str]) -> Iterable[str]:
    """dbt selectors: names made precise, all other selectors as they are."""
    for term in select:
        found = named_nodes(manifest, term)
        yield from (precise_term(manifest.nodes[u]) for u in found) if found else (term,)


def precise_term(node: Any) -> str:
    """The selector of exactly this node."""
    return f"{'.'.join(node.fqn)},file:{PurePosixPath(node.original_file_path).name}"
