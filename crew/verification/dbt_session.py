"""One open dbt project inside the worker: the calls of `DbtWorker`, answered."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crew.errors import InvalidInput
from crew.verification.dbt_calls import Answer, DbtCalls
from crew.verification.parse_cache import Deprecations, restore_parse, store_parse
from crew.verification.profile_choice import read_profile
from crew.verification.relocation import BUILDABLE, Relocation, Where, is_external
from crew.verification.scratch import DuckDBScratch, Scratch, Seal, make_scratch
from crew.verification.selection import named_nodes, precise_term, precise_terms
from crew.verification.session_values import (
    invalid_base,
    link_packages,
    node_result,
    project_info,
    require_warehouse,
)
from crew.verification.two_runs import TwoRuns
from crew.verification.warehouse_queries import existing_relations, fetch, require_one_select

_DIALECTS = {"sqlserver": "tsql", "synapse": "tsql", "fabric": "fabric", "glue": "spark"}


class DbtSession:
    """State: the manifest as parsed last, where its relations lie, what was built in scratch.

    `_base` are nodes of the untouched project that scratch holds because the warehouse lacks
    them; `_fresh` are those built since the last parse.
    """

    def __init__(self) -> None:
        self._scratch: Scratch | None = None
        self._base: set[str] = set()
        self._fresh: set[str] = set()
        self._existing: set[Where] = set()
        self._listed = False

    def open(
        self,
        project: str,
        profiles: str,
        target: str | None,
        origin: str,
        scratch: str,
        cache: str | None,
        here: str,
        home: str,
        env: dict[str, str],
    ) -> dict[str, Any]:
        self._leave()
        os.environ.update(env)
        self._project, self._folder = Path(project), Path(scratch)
        self._folder.mkdir(parents=True, exist_ok=True)
        os.chdir(self._folder)
        choice = read_profile(self._project, Path(profiles), target)
        link_packages(self._project, Path(origin))
        self._scratch = make_scratch(
            choice, self._folder, Path(origin), self._project, Path(here), Path(home)
        )
        self._calls = DbtCalls(
            self._project, self._scratch.profiles, choice.target, choice.adapter, self._folder
        )
        self._deprecations = Deprecations(self._project)
        cache_folder = Path(cache) if cache else None
        restore_parse(cache_folder, self._calls.target_path, self._deprecations)
        answer = self._calls.call("parse")
        if answer.error:
            raise invalid_base(answer.error)
        self._deprecations.update(answer.spoken.deprecations)
        store_parse(cache_folder, self._calls.target_path, self._deprecations)
        self._adopt(answer)
        require_warehouse(self._scratch, self._relocation, self._manifest)
        self._write_manifest()
        return project_info(self._calls.adapter, self._scratch, choice, self._existing) | {
            "dialect": self._dialect
        }

    def parse(self) -> dict[str, Any]:
        answer = self._calls.call("parse")
        if answer.error:
            return {"manifest": str(self._manifest_file), "errors": [answer.error],
                    "deprecations": []}  # fmt: skip
        self._deprecations.update(answer.spoken.deprecations)
        self._adopt(answer)
        self._write_manifest()
        lines = self._deprecations.lines()
        return {"manifest": str(self._manifest_file), "errors": [], "deprecations": lines}

    def compile(self, select: Sequence[str]) -> dict[str, Any]:
        self._relocate()
        terms = precise_terms(self._manifest, select)
        # In full: an incremental model's new rows alone could not be compared with anything.
        arguments = ["--select", *terms, "--full-refresh"]
        answer = self._calls.call("compile", arguments, self._manifest)
        results = getattr(answer.value, "results", [])
        compiled = {r.node.unique_id: getattr(r.node, "compiled_code", None) for r in results}
        errors = [answer.error] if answer.error else []
        errors += [str(r.message) for r in results if str(r.status) == "error"]
        return {"compiled": {k: v for k, v in compiled.items() if v}, "errors": errors}

    def build(self, select: Sequence[str], full_refresh: bool) -> list[dict[str, Any]]:
        chosen = self._selected(select)
        needed = {parent for node in chosen for parent in self._parents(node)}
        tests = {t for node in chosen for t in self._manifest.child_map.get(node, ())}
        needed |= {p for t in tests if _kind(t) == "test" for p in self._parents(t)}
        self.ensure_built(sorted(needed - chosen))
        relations = {node for node in chosen if _kind(node) in BUILDABLE}
        full_refresh = full_refresh or not relations <= self._fresh
        self._fresh |= relations
        self._base -= relations
        return self._run([*precise_terms(self._manifest, select)], [], full_refresh)

    def build_in_two(self, model: str, source: str, rows: str, first: str) -> dict[str, Any]:
        if not isinstance(self._scratch, DuckDBScratch) or is_external(
            self._manifest.sources[source]
        ):
            raise InvalidInput("A source's rows can be split in DuckDB tables only.")
        for sql in (rows, first):
            require_one_select(sql, self._dialect)
        self._fresh.add(model)
        self._relocate()
        runs = TwoRuns(self._calls, self._manifest, model, source)
        try:
            return runs.run(rows, first)
        finally:
            runs.restore()
            self._relocate()

    def ensure_built(self, unique_ids: Sequence[str] | None) -> list[dict[str, Any]]:
        wanted = list(self._manifest.nodes) if unique_ids is None else unique_ids
        lacking: set[str] = set()
        for unique_id in wanted:
            self._add_lacking(unique_id, lacking)
        if not lacking:
            return []
        seeds = {u for u in lacking if _kind(u) == "seed"}  # sources have no edge to their seeds
        results = [r for part in (seeds, lacking - seeds) if part for r in self._make(part)]
        bad = [r for r in results if r["status"] not in ("success", "no-op")]
        self._base |= lacking - {r["unique_id"] for r in bad}
        return bad

    def relation_names(self) -> dict[str, str]:
        self._relocate()
        nodes = [*self._manifest.nodes.values(), *self._manifest.sources.values()]
        kinds = (*BUILDABLE, "source")
        return {
            n.unique_id: n.relation_name
            for n in nodes
            if n.resource_type in kinds and n.relation_name
        }

    def query(self, sql: str, limit: int) -> dict[str, Any]:
        require_one_select(sql, self._dialect)
        return fetch(self._calls.adapter, sql, limit)

    def close(self) -> None:
        """Drop the scratch schema; the files are the client's."""
        self._leave()

    def _leave(self) -> None:
        drop = self._scratch.to_drop() if self._scratch else None
        if drop and (self._base or self._fresh):
            adapter = self._calls.adapter
            with adapter.connection_named("firstmile_drop"):
                adapter.drop_schema(adapter.Relation.create(database=drop[0], schema=drop[1]))
                adapter.commit_if_has_connection()
        self._scratch, self._listed = None, False
        self._base, self._fresh = set(), set()
        self._existing.clear()

    def _adopt(self, answer: Answer) -> None:
        """Take over a fresh manifest; what the last change built is forgotten."""
        assert self._scratch is not None
        self._manifest = answer.value
        self._manifest.build_parent_and_child_maps()
        self._fresh = set()
        self._dialect = _DIALECTS.get(self._calls.adapter.type(), self._calls.adapter.type())
        self._relocation = Relocation(self._manifest, self._scratch, self._existing)
        if not self._listed:
            self._list_warehouse()
        self._base &= set(self._manifest.nodes)
        self._relocate()

    def _list_warehouse(self) -> None:
        assert self._scratch is not None
        found = existing_relations(self._calls.adapter, self._relocation.homes())
        self._existing.update(w for w in found if w[0] != self._scratch.database or w[0] == "")
        self._listed = True
        self._seal()

    def _relocate(self) -> None:
        self._relocation.apply(self._calls.adapter, self._fresh)

    def _seal(self) -> None:
        if isinstance(self._scratch, DuckDBScratch) and self._scratch.sealable:
            sources = self._manifest.sources.values()
            if not any(is_external(source) for source in sources):
                for statement in Seal(self._scratch.readable).statements():
                    fetch(self._calls.adapter, statement, 0)

    def _selected(self, select: Sequence[str]) -> set[str]:
        known = [named_nodes(self._manifest, term) for term in select]
        if all(known):
            return {unique_id for found in known for unique_id in found}
        keys = ["--output", "json", "--output-keys", "unique_id", "--quiet"]
        answer = self._calls.call("ls", ["--select", *select, *keys], self._manifest)
        return {json.loads(line)["unique_id"] for line in answer.value or []}

    def _parents(self, unique_id: str) -> list[str]:
        return list(self._manifest.parent_map.get(unique_id, ()))

    def _add_lacking(self, unique_id: str, lacking: set[str]) -> None:
        if unique_id in lacking or unique_id in self._base or unique_id in self._fresh:
            return
        if _kind(unique_id) == "source":
            seed = self._relocation.seed_behind(unique_id)
            if seed and not self._relocation.exists(unique_id):
                self._add_lacking(seed, lacking)
            return
        node = self._manifest.nodes.get(unique_id)
        if node is None or _kind(unique_id) not in BUILDABLE:
            return
        if not node.is_ephemeral_model:
            if self._relocation.exists(unique_id):
                return
            if getattr(node, "language", "sql") == "sql":  # Python models run no code of theirs
                lacking.add(unique_id)
        for parent in self._parents(unique_id):
            self._add_lacking(parent, lacking)

    def _make(self, unique_ids: set[str]) -> list[dict[str, Any]]:
        select = [precise_term(self._manifest.nodes[u]) for u in sorted(unique_ids)]
        no_tests = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
        return self._run(select, no_tests, full_refresh=True)

    def _run(
        self, select: Sequence[str], options: Sequence[str], full_refresh: bool
    ) -> list[dict[str, Any]]:
        self._relocate()
        arguments = ["--select", *select, *options, *(["--full-refresh"] if full_refresh else [])]
        answer = self._calls.call("build", arguments, self._manifest)
        if answer.error:
            raise InvalidInput(answer.error)
        return [node_result(r) for r in answer.value.results]

    def _write_manifest(self) -> None:
        digest = hashlib.sha256(str(self._project).encode()).hexdigest()[:8]
        self._manifest_file = self._folder / f"manifest_{digest}.json"
        self._manifest.write(str(self._manifest_file))


def _kind(unique_id: str) -> str:
    return unique_id.split(".", 1)[0]
