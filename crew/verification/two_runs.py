"""One incremental model built twice over a part of its source (worker process only).

The model gets another name and its source a table of our own in scratch, by what the manifest says
of them, so that dbt's own incremental run is what is tried.
"""

from __future__ import annotations

from typing import Any

from crew.errors import InvalidInput
from crew.verification.dbt_calls import DbtCalls
from crew.verification.session_values import node_result
from crew.verification.warehouse_queries import fetch

_PLACE = ("database", "schema", "relation_name")


class TwoRuns:
    """`model` and `source` are unique ids; the model lies in scratch. `restore` undoes all but the
    tables."""

    def __init__(self, calls: DbtCalls, manifest: Any, model: str, source: str) -> None:
        self._calls, self._manifest = calls, manifest
        self._model, self._source = manifest.nodes[model], manifest.sources[source]
        places = ((self._model, (*_PLACE, "alias")), (self._source, (*_PLACE, "identifier")))
        self._before = [(node, k, getattr(node, k)) for node, keys in places for k in keys]

    def run(self, rows: str, first: str) -> dict[str, Any]:
        """The relations of the model built whole and in two runs, and dbt's results."""
        name = self._model.alias
        self._source.database, self._source.schema = self._model.database, self._model.schema
        self._source.identifier = f"{name}__rows"
        table = self._named(self._source)
        whole, results = self._build(f"{name}__whole", table, rows, full_refresh=True)
        if all(r["status"] == "success" for r in results):
            twice, more = self._build(f"{name}__twice", table, first, full_refresh=True)
            again = self._build(f"{name}__twice", table, rows, full_refresh=False)[1]
            return {"whole": whole, "twice": twice, "results": [*results, *more, *again]}
        return {"whole": whole, "twice": whole, "results": results}

    def restore(self) -> None:
        for node, key, value in self._before:
            setattr(node, key, value)

    def _build(
        self, alias: str, table: str, rows: str, full_refresh: bool
    ) -> tuple[str, list[dict[str, Any]]]:
        fetch(self._calls.adapter, f"create or replace table {table} as {rows}", 0)
        self._model.alias, self._model.compiled = alias, False
        self._model.extra_ctes_injected, self._model.extra_ctes = False, []
        relation = self._named(self._model)
        arguments = ["--select", self._model.name, *(["--full-refresh"] if full_refresh else [])]
        answer = self._calls.call("run", arguments, self._manifest)
        if answer.error:
            raise InvalidInput(answer.error)
        return relation, [node_result(r) for r in answer.value.results]

    def _named(self, node: Any) -> str:
        adapter = self._calls.adapter
        node.relation_name = str(adapter.Relation.create_from(adapter.config, node))
        return str(node.relation_name)
