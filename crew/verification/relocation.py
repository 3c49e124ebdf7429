"""Deferral by hand: each node of a parsed project is read from where its data lies.

dbt's own `--defer --state` loads a second manifest on every call and asks the database for each
parent. Here the parsed project itself is told: a relation that the warehouse has keeps its real
name, one that it lacks or that the change builds gets its place in scratch. Hooks are taken out,
as they may write elsewhere than into the relation that is built.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

from crew.verification.scratch import Scratch

Where: TypeAlias = tuple[str, str, str]  # database, schema, identifier
BUILDABLE = ("seed", "model", "snapshot")


class Relocation:
    """The places of one parsed manifest. `existing` is what the warehouse has, in lower case."""

    def __init__(self, manifest: Any, scratch: Scratch, existing: Collection[Where]) -> None:
        self.manifest = manifest
        self._scratch = scratch
        self._existing = existing
        self._parsed: dict[str, tuple[str, str]] = {}
        for node in self._relations():
            self._parsed[node.unique_id] = (node.database or "", node.schema)
            for hooks in ("pre_hook", "post_hook"):
                if getattr(node.config, hooks, None):
                    setattr(node.config, hooks, [])
        for unique_id in [u for u, n in manifest.nodes.items() if n.resource_type == "operation"]:
            del manifest.nodes[unique_id]
        self._seeds = {
            self._home(n)[1:]: n for n in manifest.nodes.values() if n.resource_type == "seed"
        }

    def exists(self, unique_id: str) -> bool:
        """Whether the warehouse has it."""
        node = self._node(unique_id)
        return node is not None and self._home(node) in self._existing

    def seed_behind(self, unique_id: str) -> str | None:
        """The seed that makes this source's table, if one does."""
        seed = self._seeds.get(self._home(self._node(unique_id))[1:])
        return seed.unique_id if seed else None

    def apply(self, adapter: Any, in_scratch: Collection[str]) -> None:
        """Set database, schema and relation name of every node; `in_scratch` overrides."""
        for node in self._relations():
            parsed = self._parsed[node.unique_id]
            if node.resource_type == "source":
                node.database, node.schema = self._source_place(node, parsed, in_scratch)
            elif self._home(node) in self._existing and node.unique_id not in in_scratch:
                node.database, node.schema = self._scratch.home(*parsed)
            else:
                node.database, node.schema = self._scratch.place(*parsed)
            if getattr(node, "relation_name", None):
                node.relation_name = str(adapter.Relation.create_from(adapter.config, node))
            for name, fresh in (("extra_ctes_injected", False), ("compiled", False)):
                if getattr(node, name, False):
                    setattr(node, name, fresh)
                    node.extra_ctes = []

    def homes(self) -> set[tuple[str, str]]:
        """(database, schema) of everything the project names."""
        return {self._scratch.home(*parsed) for parsed in self._parsed.values()}

    def _source_place(
        self, node: Any, parsed: tuple[str, str], in_scratch: Collection[str]
    ) -> tuple[str, str]:
        if self._home(node) in self._existing:
            return self._scratch.home(*parsed)
        seed = self._seeds.get(self._home(node)[1:])
        if seed is None:
            return parsed if is_external(node) else self._scratch.home(*parsed)
        return self._scratch.place(*self._parsed[seed.unique_id])

    def _node(self, unique_id: str) -> Any:
        return self.manifest.nodes.get(unique_id) or self.manifest.sources.get(unique_id)

    def _home(self, node: Any) -> Where:
        database, schema = self._scratch.home(*self._parsed[node.unique_id])
        name = getattr(node, "identifier", None) or node.alias
        return database.lower(), schema.lower(), str(name).lower()

    def _relations(self) -> Iterable[Any]:
        for node in self.manifest.nodes.values():
            if node.resource_type in (*BUILDABLE, "test"):
                yield node
        yield from self.manifest.sources.values()


def is_external(source: Any) -> bool:
    """Whether a source is a file or a plugin's table, not a relation of the database."""
    settings: dict[str, Any] = {}
    for owner in (source.source_meta, source.meta, source.config.meta):
        settings |= owner or {}
    return any(key in settings for key in ("external_location", "plugin"))
