"""CrewAI's embedding providers, for memory that is set up with one of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crew.agents.crewai_environment import import_crewai


def crewai_embedding(by: Mapping[str, Any], home: Path) -> Any:
    """The embedding function of a setting: `crewai` names the provider, `config` is its own
    configuration, as CrewAI documents it. Raises ValueError for one that it does not know."""
    import_crewai(home)
    from crewai.rag.embeddings.factory import build_embedder

    spec: Any = {"provider": by["crewai"], "config": dict(by.get("config") or {})}
    return build_embedder(spec)
