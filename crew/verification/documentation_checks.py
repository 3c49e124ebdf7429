"""Names as the layers have them, every column documented, a test on the key."""

from __future__ import annotations

import re
from typing import Any

from crew.artifacts import Check, DraftModel
from crew.verification.check_context import CheckContext, read_manifest, skipped, verdict

_SNAKE = re.compile(r"[a-z][a-z0-9_]*")
_FILLER = re.compile(
    r"(?i)^(todo|tbd|tba|n/?a|none|description|desc|column|field|xxx+|\.+|-+"
    r"|(the )?\w+ (column|field|value)|(this is )?(the|a) \w+)\.?$"
)
_SHORTEST = 8


def names_follow_conventions(context: CheckContext) -> Check:
    """snake_case, and the prefix of the layer where the project has one."""
    findings: list[str] = []
    staging = context.evidence.conventions.staging_pattern.split("{")[0]
    for model in context.draft.models:
        new = model.action == "create"
        if new and not _SNAKE.fullmatch(model.name):
            findings.append(f"The model name {model.name!r} is not snake_case.")
        if new and model.layer == "staging" and not model.name.startswith(staging):
            findings.append(f"{model.name} is staging; its name must begin with {staging!r}.")
        if new and model.layer == "intermediate" and not model.name.startswith("int_"):
            findings.append(f"{model.name} is intermediate; its name must begin with 'int_'.")
        if new and model.layer == "mart" and model.name.startswith((staging or "stg_", "int_")):
            findings.append(f"{model.name} is a mart but is named like another layer.")
        for column in _new_columns(context, model):
            plain = column.lower() if column.isupper() else column
            if not _SNAKE.fullmatch(plain):
                findings.append(f"The column {model.name}.{column} is not snake_case.")
    return verdict("names", findings, "model")


def docs_are_complete(context: CheckContext) -> Check:
    """A description of each model and of each column that is new, none of them filler."""
    if not context.draft.models:
        return skipped("docs", "no model is drafted")
    nodes = read_manifest(context)["nodes"]
    findings: list[str] = []
    for model in context.draft.models:
        node = nodes.get(f"model.{context.info.name}.{model.name}", {})
        told = str(node.get("description", ""))
        # A change is answerable for what it adds: a terse description that was there may stay.
        poor = not told.strip() if model.action == "update" else is_filler(model.name, told)
        if poor:
            findings.append(f"The model {model.name} has no description that says anything.")
        described = {k.lower(): v for k, v in node.get("columns", {}).items()}
        for column in _new_columns(context, model):
            text = str(described.get(column.lower(), {}).get("description", ""))
            if is_filler(column, text):
                findings.append(f"The column {model.name}.{column} is not described ({text!r}).")
        present = {c.lower() for c in context.columns(context.relation_names[model.name])}
        for column in sorted(set(described) - present):
            findings.append(f"{model.name}.{column} is described but not in the model.")
    return verdict("docs", findings, "docs", "every model and new column is described")


def keys_are_tested(context: CheckContext) -> Check:
    """Each new model has a uniqueness test."""
    new = [m.name for m in context.draft.models if m.action == "create"]
    if not new:
        return skipped("key tests", "no model is new")
    if context.spec.kind == "new_model" and not context.spec.row_grain:
        return skipped("key tests", "the model is a single row")
    manifest = read_manifest(context)
    findings = [
        f"{name} has no uniqueness test on its key."
        for name in new
        if not _has_key_test(manifest, f"model.{context.info.name}.{name}")
    ]
    return verdict("key tests", findings, "tests", "every new model has its key tested")


_REPEATED = re.compile(r"\bgroup\s+by\b.*\bhaving\s+count\(\s*\*?\s*\)\s*>\s*1\b", re.I | re.S)
"""A singular test that looks for rows which share a key."""


def is_filler(name: str, text: str) -> bool:
    """Whether a description says no more than the name does."""
    plain = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
    same = plain.removeprefix("the ") == name.lower().replace("_", " ")
    return len(text.strip()) < _SHORTEST or same or _FILLER.match(text.strip()) is not None


def _has_key_test(manifest: dict[str, Any], unique_id: str) -> bool:
    for child in manifest.get("child_map", {}).get(unique_id, []):
        node = manifest["nodes"].get(child) or {}
        test = (node.get("test_metadata") or {}).get("name", "")
        if node.get("attached_node", unique_id) == unique_id and "unique" in test:
            return True
        counted = not test and _REPEATED.search(node.get("raw_code") or "")
        if counted and node.get("resource_type") == "test":
            return True
    return False


def _new_columns(context: CheckContext, model: DraftModel) -> list[str]:
    relation = context.relation_names.get(model.name)
    if relation is None:
        return []
    before: set[str] = set()
    if sql := context.base_compiled.get(model.name):
        old = context.columns(f"({sql.rstrip().rstrip(';')}\n)")
        before = {c.lower() for c in old}
    return [c for c in context.columns(relation) if c.lower() not in before]
