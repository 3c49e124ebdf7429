"""What a change may add to YAML: models, tests, docs and freshness; no hooks, no other Jinja."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

TOP_KEYS = frozenset(
    {"version", "models", "sources", "seeds", "snapshots", "exposures", "unit_tests", "data_tests",
     "anchors"}
)  # fmt: skip
_DENIED_KEYS = frozenset(
    {"pre_hook", "post_hook", "sql_header", "grants", "database", "catalog", "overrides",
     "external_location", "plugin", "loader", "packages", "query_tag", "copy_grants",
     "full_refresh",
     "store_failures", "store_failures_as", "enabled", "loaded_at_query", "column_types"}
)  # fmt: skip
_MAX_VALUES = 100_000
_DOC = re.compile(r"""\{\{\s*doc\(\s*(['"])[\w.]+\1\s*(,\s*(['"])[\w.]+\3\s*)?\)\s*\}\}""")
_REF = re.compile(
    r"""(\{\{\s*)?(ref|source)\(\s*(['"])[\w.]+\3\s*(,\s*(['"])[\w. ]+\5\s*)?\)(\s*\}\})?"""
)


def check_yaml(text: str, base: str = "") -> list[str]:
    """Findings in words; of a changed file (`base`) only what it adds is judged."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        return [f"The YAML cannot be read: {' '.join(str(error).split())}"]
    if content is None:
        return []
    if not isinstance(content, dict):
        return ["The YAML is not a mapping."]
    try:
        before = yaml.safe_load(base) if base else {}
    except yaml.YAMLError:
        before = {}
    had = Counter(_findings(before if isinstance(before, dict) else {}))
    return sorted((Counter(_findings(content)) - had).elements())


def _findings(content: dict[Any, Any]) -> Iterator[str]:
    for key in content:
        if key not in TOP_KEYS:
            yield f"The key {key!r} is not allowed at the top of a generated YAML file."
    budget = [_MAX_VALUES]
    yield from _below(content, "", budget)
    if budget[0] < 0:
        yield "The YAML holds too many values (aliases multiply them)."


def _below(value: Any, path: str, budget: list[int]) -> Iterator[str]:
    budget[0] -= 1
    if budget[0] < 0:
        return
    if isinstance(value, dict):
        for key, child in value.items():
            name = str(key).replace("-", "_")
            if name in _DENIED_KEYS and not path.endswith(".rows"):
                yield f"The setting {key!r} is not allowed in generated YAML (at {path or 'top'})."
            yield from _below(child, f"{path}.{key}", budget)
    elif isinstance(value, list):
        for child in value:
            yield from _below(child, path, budget)
    elif isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value):
        left = _DOC.sub("", value) if path.endswith("description") else _REF.sub("", value)
        if "{{" in left or "{%" in left or "{#" in left:
            yield f"Jinja other than doc() in a description is not allowed in YAML: {value[:80]!r}."
