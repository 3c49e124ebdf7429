"""Which embedding a setting asks for: the local one, or any that Chroma knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chromadb.api.types import EmbeddingFunction

from memory.embedding import VERSION, LocalEmbedding


def make_embedding(by: Mapping[str, Any]) -> EmbeddingFunction[Any]:
    """The embedding function of a setting: the local one, or Chroma's of that `provider` with the
    other keys as its configuration. Raises ValueError for one that Chroma does not know."""
    if not by:
        return LocalEmbedding()
    from chromadb.utils.embedding_functions import known_embedding_functions

    provider = str(by.get("provider"))
    if provider not in known_embedding_functions:
        known = ", ".join(sorted(known_embedding_functions))
        raise ValueError(f"there is no embedding provider {provider!r}; there are {known}")
    configuration = {k: v for k, v in by.items() if k != "provider"}
    return known_embedding_functions[provider].build_from_config(configuration)


def version_of(by: Mapping[str, Any]) -> str:
    """Names an embedding: vectors of two versions never meet."""
    return json.dumps(dict(by), sort_keys=True) if by else VERSION
