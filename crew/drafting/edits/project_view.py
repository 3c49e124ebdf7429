"""The whole project as an edit needs it: every model's text, every YAML file, who reads whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from crew.artifacts import DraftModel, Evidence, FileChange
from crew.drafting.edits.sql_edits import SqlSource
from crew.drafting.model_text import CannotEdit

_KINDS = {"model", "seed", "snapshot", "source"}


@dataclass(frozen=True)
class Node:
    """A model, seed, snapshot or source table; `parents` and `children` are keys."""

    key: str
    kind: str
    path: str
    schema_path: str
    raw: str
    materialization: str
    relation_name: str
    description: str
    own: bool
    parents: tuple[str, ...]
    children: tuple[str, ...]
    documented: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProjectView:
    """A parsed project at its base; `folder` is the private copy and is only read, once.

    `columns_of(unique_id)` gives (name, type) of a relation as the warehouse has it.
    """

    folder: Path
    name: str
    dialect: str
    manifest: Mapping[str, Any]
    columns_of: Callable[[str], Sequence[tuple[str, str]]]
    relations: Mapping[str, str]
    """Unique id → the relation to read it from."""
    writable: tuple[str, ...]
    """Folders whose files may change."""

    @cached_property
    def nodes(self) -> dict[str, Node]:
        raw = [*self.manifest["nodes"].values(), *self.manifest["sources"].values()]
        keys = {n["unique_id"]: key_of(n) for n in raw if n["resource_type"] in _KINDS}
        parents = {
            n["unique_id"]: [keys[p] for p in n.get("depends_on", {}).get("nodes", ()) if p in keys]
            for n in raw
            if n["unique_id"] in keys
        }
        children: dict[str, list[str]] = {}
        for unique_id, above in parents.items():
            for parent in above:
                children.setdefault(parent, []).append(keys[unique_id])
        return {
            keys[n["unique_id"]]: Node(
                key=keys[n["unique_id"]],
                kind=n["resource_type"],
                path=n.get("original_file_path") or "",
                schema_path=str(n.get("patch_path") or "").split("://")[-1],
                raw=n.get("raw_code") or "",
                materialization=n.get("config", {}).get("materialized") or "",
                relation_name=n.get("relation_name") or "",
                description=n.get("description") or "",
                own=n.get("package_name") == self.name,
                parents=tuple(parents[n["unique_id"]]),
                children=tuple(dict.fromkeys(children.get(keys[n["unique_id"]], ()))),
                documented=tuple(n.get("columns", {})),
                config=n.get("config", {}),
            )
            for n in raw
            if n["unique_id"] in keys
        }

    @cached_property
    def models(self) -> dict[str, Node]:
        return {k: n for k, n in self.nodes.items() if n.kind == "model" and n.own}

    @cached_property
    def _unique_ids(self) -> dict[str, str]:
        raw = [*self.manifest["nodes"].values(), *self.manifest["sources"].values()]
        return {key_of(n): n["unique_id"] for n in raw if n["resource_type"] in _KINDS}

    def typed_columns(self, key: str) -> dict[str, str]:
        """Column → type as the warehouse has it, in order; empty if it is not there."""
        found = self.columns_of(self._unique_ids.get(key, ""))
        return {name: type_ for name, type_ in found}

    def located(self, key: str) -> str:
        """The relation that holds its rows today."""
        unique_id = self._unique_ids.get(key, "")
        return self.relations.get(unique_id) or self.nodes[key].relation_name

    def columns(self, key: str) -> tuple[str, ...]:
        """Columns of a relation: the warehouse's, else those documented."""
        node = self.nodes.get(key)
        return tuple(self.typed_columns(key)) or (node.documented if node else ())

    def below(self, key: str) -> list[str]:
        """All models further on, near ones first, each after all that it reads of them."""
        seen: dict[str, None] = {}
        for child in self.nodes[key].children if key in self.nodes else ():
            if self.nodes[child].kind == "model":
                seen.setdefault(child)
                seen |= dict.fromkeys(self.below(child))
        order = self.order
        return sorted(seen, key=lambda k: order[k])

    @cached_property
    def order(self) -> dict[str, int]:
        """Key → depth: how far from a source, at most."""
        depth: dict[str, int] = {}

        def of(key: str) -> int:
            if key not in depth:
                depth[key] = 0
                depth[key] = 1 + max((of(p) for p in self.nodes[key].parents), default=0)
            return depth[key]

        for key in self.nodes:
            of(key)
        return depth

    @cached_property
    def files(self) -> dict[str, str]:
        """Path → text of all SQL, YAML and Markdown of the project itself."""
        skipped = {"target", "logs", "dbt_packages", "dbt_modules", "node_modules"}
        found = {}
        for file in sorted(self.folder.rglob("*")):
            path = file.relative_to(self.folder)
            if skipped & set(path.parts[:-1]) or any(p.startswith(".") for p in path.parts):
                continue
            if file.suffix in {".sql", ".yml", ".yaml", ".md"} and file.is_file():
                try:
                    found[path.as_posix()] = file.read_bytes().decode("utf-8")
                except UnicodeDecodeError:
                    continue
        return found

    def may_write(self, path: str) -> bool:
        return any(path.startswith(f"{folder.rstrip('/')}/") for folder in self.writable)

    @cached_property
    def macros(self) -> dict[str, str]:
        """Name → its arguments as written, of the project's and its packages' macros; those of
        packages by `package.name` too."""
        found: dict[str, str] = {}
        for macro in self.manifest["macros"].values():
            text = re.search(
                rf"\{{%-?\s*macro\s+{re.escape(macro['name'])}\s*\(", macro["macro_sql"]
            )
            arguments = bracketed(macro["macro_sql"], text.end() - 1) if text else ""
            if macro["package_name"] == self.name:
                found[macro["name"]] = arguments
            else:
                found[f"{macro['package_name']}.{macro['name']}"] = arguments
        return found

    @cached_property
    def exposures(self) -> list[tuple[str, tuple[str, ...]]]:
        """(name, keys of what it reads)."""
        ids = {u: k for k, u in self._unique_ids.items()}
        return [
            (e["name"], tuple(ids[n] for n in e["depends_on"]["nodes"] if n in ids))
            for e in self.manifest.get("exposures", {}).values()
        ]


def key_of(node: Mapping[str, Any]) -> str:
    """The relation's key: `source.table` for a source, else the name."""
    if node["resource_type"] == "source":
        return f"{node['source_name']}.{node['name']}"
    return str(node["name"])


def bracketed(text: str, start: int) -> str:
    """What stands between the bracket at `start` and the one that closes it."""
    depth = 0
    for n in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[n], 0)
        if depth == 0:
            return text[start + 1 : n]
    return ""


class Workbench:
    """The project's texts while edits are made to them, one after another."""

    def __init__(self, view: ProjectView, evidence: Evidence) -> None:
        self.view, self.evidence = view, evidence
        self.notes: list[str] = []
        self.created: list[DraftModel] = []
        self.touched: dict[str, None] = {}
        """Models whose SQL changed, by their name now."""
        self._texts: dict[str, str | None] = {}
        self._paths: dict[str, str] = {}
        self._columns: dict[str, tuple[str, ...]] = {}

    # --- texts -------------------------------------------------------------------------------

    def text(self, path: str) -> str | None:
        """The text of a file now; None where there is none."""
        return self._texts[path] if path in self._texts else self.view.files.get(path)

    def write(self, path: str, text: str | None) -> None:
        """A file's new text; None removes it. Raises CannotEdit where it may not be written."""
        if text == self.text(path):
            return
        if not self.view.may_write(path):
            raise CannotEdit(f"{path} would have to change, which lies outside what may be written")
        self._texts[path] = text

    def paths(self, *suffixes: str) -> list[str]:
        """Paths of all files that are there now."""
        every = dict.fromkeys([*self.view.files, *self._texts])
        return [p for p in every if p.endswith(suffixes) and self.text(p) is not None]

    # --- models ------------------------------------------------------------------------------

    def path_of(self, model: str) -> str:
        if model in self._paths:
            return self._paths[model]
        node = self.view.nodes.get(model)
        if node is None or not node.path.endswith(".sql") or not node.own:
            raise CannotEdit(f"{model} is not a SQL model of this project")
        return node.path

    def sql(self, model: str) -> str:
        text = self.text(self.path_of(model))
        if text is None:
            raise CannotEdit(f"the SQL of {model} is not there")
        return text

    def source(self, model: str) -> SqlSource:
        return SqlSource(self.sql(model), self.view.dialect)

    def write_sql(self, model: str, text: str, path: str = "") -> None:
        if path:
            self._paths[model] = path
        if text != self.text(self.path_of(model)):
            self.write(self.path_of(model), text)
            self.touched.setdefault(model)

    def columns(self, key: str) -> tuple[str, ...]:
        """Its columns now, in order."""
        return self._columns.get(key) or self.view.columns(key)

    def set_columns(self, key: str, columns: Sequence[str]) -> None:
        self._columns[key] = tuple(columns)

    def materialization(self, model: str) -> str:
        node = self.view.nodes.get(model)
        return node.materialization if node else "table"

    def keyword(self, text: str) -> str:
        return text.upper() if self.evidence.conventions.upper_keywords else text

    def changes(self) -> tuple[FileChange, ...]:
        """What differs from the project."""
        found = []
        for path, text in self._texts.items():
            before = self.view.files.get(path)
            if text == before:
                continue
            action = "delete" if text is None else "create" if before is None else "update"
            found.append(FileChange.model_validate(dict(path=path, text=text or "", action=action)))
        return tuple(found)
