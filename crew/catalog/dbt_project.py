"""What a dbt project says of itself, read from its manifest: relations, keys, tests, metrics.

Nothing here touches the warehouse; `warehouse_profile` adds what the data says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from crew.artifacts import JoinEdge, Layer, RelationKind
from crew.catalog.shown_text import shown_text
from crew.drafting.vocabulary import singular

_STAGING = re.compile(r"^(stg|staging|base|src)_|_(stg|staging)$", re.I)
MAX_BLOCK = 600
_FROM_PLACE = {"column_name", "model"}
"""Arguments that a generic test gets from where it stands."""
_INTERMEDIATE = re.compile(r"^(int|intermediate)_", re.I)


@dataclass(frozen=True)
class ProjectColumn:
    """A documented or tested column."""

    name: str
    data_type: str
    description: str
    tests: tuple[str, ...]
    meta: dict[str, Any]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class ColumnTest:
    """A generic test on a column: its name as YAML has it, and its own arguments."""

    column: str
    test: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ProjectRelation:
    """A model, seed, snapshot or source table of the manifest; columns as far as documented."""

    key: str
    unique_id: str
    kind: RelationKind
    layer: Layer
    relation_name: str
    database: str
    schema: str
    identifier: str
    description: str
    path: str
    schema_path: str
    materialization: str
    raw_sql: str
    parents: tuple[str, ...]
    source_name: str = ""
    has_freshness: bool = False
    columns: dict[str, ProjectColumn] = field(default_factory=dict)

    @property
    def entity(self) -> str:
        """What one row is about, from the name: `stg_shop__order_items` -> `order_items`."""
        name = self.identifier if self.kind == "source" else self.key
        return entity_of(name)


_LAYER_PREFIX = (
    r"(?:stg|stage|staging|base|core|src|raw|ods|lnd|clean|prep|int|intermediate|dim|fct|facts?|mart|mrt"
    r"|rpt|rep|report|reporting|agg|bi|dm|dw|dwh|edw|seed|map|tbl|vw|view|snap|snapshot|hist)"
)


def entity_of(name: str) -> str:
    """The business noun in a relation's name, without layer and source prefixes."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.split(".")[-1]).lower()
    if "__" in name:
        name = name.rsplit("__", 1)[1]
    name = re.sub(rf"^(?:{_LAYER_PREFIX}|[a-z]{{1,2}})_(?=[a-z]{{3}})", "", name)
    return re.sub(
        r"_(stg|staging|raw|seed|v\d+|view|tbl|table|facts?|dim|dimension|mart|base)$", "", name
    )


class DbtProject:
    """The parsed manifest of one project."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self._manifest = self.manifest = manifest
        self.name: str = manifest["metadata"].get("project_name") or ""
        self.adapter: str = manifest["metadata"].get("adapter_type") or ""

    @classmethod
    def load(cls, manifest: Path) -> DbtProject:
        return cls(json.loads(manifest.read_text("utf-8")))

    @cached_property
    def relations(self) -> dict[str, ProjectRelation]:
        """All relations that a query may use, by key; ephemeral and disabled ones are left out."""
        tests = self._tests_by_node
        found: dict[str, ProjectRelation] = {}
        nodes = [*self._manifest["nodes"].values(), *self._manifest["sources"].values()]
        for node in nodes:
            if node["resource_type"] not in {"model", "seed", "snapshot", "source"}:
                continue
            if node.get("config", {}).get("materialized") == "ephemeral":
                continue
            relation = _relation(node, tests.get(node["unique_id"], []))
            found[relation.key] = relation
        return found

    @cached_property
    def by_id(self) -> dict[str, ProjectRelation]:
        return {r.unique_id: r for r in self.relations.values()}

    @cached_property
    def model_names(self) -> tuple[str, ...]:
        return tuple(sorted(r.key for r in self.relations.values() if r.kind == "model"))

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """Unique id -> unique ids of the models that read it."""
        below: dict[str, list[str]] = {}
        for relation in self.relations.values():
            for parent in relation.parents:
                below.setdefault(parent, []).append(relation.unique_id)
        return {k: tuple(v) for k, v in below.items()}

    def is_staged(self, relation: ProjectRelation) -> bool:
        """Whether a staging model, or one that reads nothing else, stands for this source."""
        below = [
            self.by_id[c] for c in self.children.get(relation.unique_id, ()) if c in self.by_id
        ]
        return any(c.layer == "staging" or len(c.parents) == 1 for c in below)

    @cached_property
    def _tests_by_node(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for node in self._manifest["nodes"].values():
            if node["resource_type"] == "test" and node.get("test_metadata"):
                attached = node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), "")
                found.setdefault(attached, []).append(node)
        return found

    @cached_property
    def tested_joins(self) -> tuple[JoinEdge, ...]:
        """Edges that `relationships` tests declare."""
        edges = []
        for left_id, tests in self._tests_by_node.items():
            left = self.by_id.get(left_id)
            for test in tests:
                metadata = test["test_metadata"]
                if metadata["name"] != "relationships" or left is None:
                    continue
                arguments = metadata.get("kwargs", {})
                others = [n for n in test["depends_on"]["nodes"] if n != left_id]
                right = self.by_id.get(others[0]) if others else left
                column = test.get("column_name") or arguments.get("column_name")
                if right is None or not column or not arguments.get("field"):
                    continue
                edges.append(
                    JoinEdge(
                        left=left.key,
                        left_column=str(column),
                        right=right.key,
                        right_column=str(arguments["field"]),
                        origin="relationships test",
                    )
                )
        return tuple(edges)

    def unique_combinations(self, unique_id: str) -> tuple[tuple[str, ...], ...]:
        """Column lists that a test declares unique together, single columns included."""
        found = []
        for test in self._tests_by_node.get(unique_id, []):
            metadata = test["test_metadata"]
            if metadata["name"] == "unique" and test.get("column_name"):
                found.append((str(test["column_name"]),))
            if metadata["name"] == "unique_combination_of_columns":
                found.append(tuple(metadata["kwargs"].get("combination_of_columns", ())))
        return tuple(found)

    def column_tests(self, unique_id: str) -> tuple[ColumnTest, ...]:
        """Tests that every row of a relation must pass: none with a `where`, none that only warn."""
        found = []
        for test in self._tests_by_node.get(unique_id, []):
            metadata, config = test["test_metadata"], test.get("config") or {}
            warns = str(config.get("severity", "error")).lower() == "warn"
            if not test.get("column_name") or config.get("where") or warns:
                continue
            package = metadata.get("namespace")
            arguments = {
                k: v for k, v in metadata.get("kwargs", {}).items() if k not in _FROM_PLACE
            }
            name = f"{package}.{metadata['name']}" if package else str(metadata["name"])
            found.append(ColumnTest(str(test["column_name"]), name, arguments))
        return tuple(found)

    @cached_property
    def docs_blocks(self) -> tuple[tuple[str, str], ...]:
        """The project's own docs blocks, (name, what a reader sees) by name: no overviews, and none
        that is about the column or relation it is named after."""
        nodes = [*self._manifest["nodes"].values(), *self._manifest["sources"].values()]
        named: dict[str, set[str]] = {}
        for node in nodes:
            for described in (node, *node.get("columns", {}).values()):
                for block in described.get("doc_blocks") or ():
                    named.setdefault(block, set()).add(described["name"].lower())
        return tuple(
            sorted(
                (block["name"], shown_text(block["block_contents"], MAX_BLOCK))
                for key, block in self._manifest.get("docs", {}).items()
                if block["package_name"] == self.name
                and not block["name"].startswith("__")
                and not any(_named_after(block["name"].lower(), n) for n in named.get(key, ()))
            )
        )

    @property
    def macros_packages(self) -> frozenset[str]:
        """Names of the installed packages, the project's own name left out."""
        names = {m["package_name"] for m in self._manifest["macros"].values()}
        return frozenset(
            n for n in names if n != self.name and n != "dbt" and not n.startswith("dbt_duckdb")
        )

    @property
    def unique_combination_test(self) -> tuple[str, str] | None:
        """The generic test for keys of several columns: its name and its argument's name."""
        for macro in self._manifest["macros"].values():
            found = re.search(
                r"{%-?\s*test\s+(\w*unique\w*comb\w*)\s*\(\s*model\s*,\s*(\w+)", macro["macro_sql"]
            )
            if found:
                own = macro["package_name"] == self.name
                prefix = "" if own else f"{macro['package_name']}."
                return prefix + found.group(1), found.group(2)
        return None

    @property
    def semantic_models(self) -> list[dict[str, Any]]:
        return list(self._manifest.get("semantic_models", {}).values())

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return list(self._manifest.get("metrics", {}).values())


def _named_after(block: str, name: str) -> bool:
    """Whether `orders__status` or `status` is the name of a block about `status`."""
    return block == name or block.endswith(f"_{name}")


def _relation(node: dict[str, Any], tests: list[dict[str, Any]]) -> ProjectRelation:
    kind: RelationKind = node["resource_type"]
    key = f"{node['source_name']}.{node['name']}" if kind == "source" else node["name"]
    return ProjectRelation(
        key=key,
        unique_id=node["unique_id"],
        kind=kind,
        layer=_layer(node, kind),
        relation_name=node.get("relation_name") or "",
        database=node.get("database") or "",
        schema=node.get("schema") or "",
        identifier=node.get("identifier") or node.get("alias") or node["name"],
        description=(node.get("description") or "").strip(),
        path=node.get("original_file_path") or "",
        schema_path=_schema_path(node),
        materialization=node.get("config", {}).get("materialized") or "",
        raw_sql=node.get("raw_code") or "",
        parents=tuple(node.get("depends_on", {}).get("nodes", ())),
        source_name=node.get("source_name") or "",
        has_freshness=_has_freshness(node),
        columns=_columns(node, tests),
    )


def _has_freshness(node: dict[str, Any]) -> bool:
    """Whether a source says after which time it warns or fails."""
    limits = (node.get("freshness") or {}).values()
    return any(isinstance(limit, dict) and limit.get("count") for limit in limits)


def _schema_path(node: dict[str, Any]) -> str:
    if node["resource_type"] == "source":
        return str(node.get("original_file_path") or "")
    return str(node.get("patch_path") or "").split("://")[-1]


def _columns(node: dict[str, Any], tests: list[dict[str, Any]]) -> dict[str, ProjectColumn]:
    names: dict[str, list[str]] = {c: [] for c in node.get("columns", {})}
    for test in tests:
        if column := test.get("column_name"):
            names.setdefault(str(column), []).append(str(test["test_metadata"]["name"]))
    documented = {c.lower(): d for c, d in node.get("columns", {}).items()}
    found = {}
    for name, its_tests in names.items():
        doc = documented.get(name.lower(), {})
        found[name.lower()] = ProjectColumn(
            name=name,
            data_type=doc.get("data_type") or "",
            description=(doc.get("description") or "").strip(),
            tests=tuple(its_tests),
            meta={**(doc.get("meta") or {}), **(doc.get("config", {}).get("meta") or {})},
            tags=tuple(doc.get("tags") or doc.get("config", {}).get("tags") or ()),
        )
    return found


def _layer(node: dict[str, Any], kind: RelationKind) -> Layer:
    if kind in {"source", "seed"}:
        return "source"
    folders = [f.lower() for f in (node.get("original_file_path") or "").split("/")[:-1]]
    if _STAGING.search(node["name"]) or any(f in {"staging", "stg", "base"} for f in folders):
        return "staging"
    if _INTERMEDIATE.search(node["name"]) or any(f.startswith("intermediate") for f in folders):
        return "intermediate"
    parents = node.get("depends_on", {}).get("nodes") or []
    from_one_source = len(parents) == 1 and parents[0].startswith(("source.", "seed."))
    if from_one_source and not re.search(r"\bgroup\s+by\b", node.get("raw_code") or "", re.I):
        return "staging"
    return "mart"


def key_names(relation: ProjectRelation) -> tuple[str, ...]:
    """Names that the primary key of a relation would have by habit, likeliest first."""
    one = singular(relation.entity)
    last = one.rsplit("_", 1)[-1]
    ends = ("id", "key", "code", "sk", "no", "nr", "number", "nummer")
    names = [f"{n}_{s}" for n in (one, last) for s in ends]
    names += [n.replace("_", "") for n in names]  # AccountKey, lower-cased
    names += [n for n in (one, last) if len(n) > 3]  # `depot`, a code that names the row itself
    return (*names, "id", "key", "code", "uuid")
