"""Mines which tests the project's columns of one kind carry, by source system."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from typing import Any

from crew.artifacts import TestHabit
from crew.catalog.dbt_project import ColumnTest, DbtProject, ProjectRelation, key_names

MIN_COLUMNS = 3
MIN_SHARE = 0.6
_ARGUED = {"accepted_values", "relationships"}
"""dbt's own tests whose arguments belong to the single column."""
_KINDS = (
    ("foreign key", re.compile(r"(^|_)(id|key|uuid|sk)$")),
    ("flag", re.compile(r"^(is|has|was|did)_")),
    ("timestamp", re.compile(r"(^|_)(at|on|date|ts|timestamp|datetime)$")),
    ("state", re.compile(r"(^|_)(status|state|type)$")),
    ("amount", re.compile(r"(^|_)(amount|price|cost|fee|total|count|quantity)$")),
    ("email", re.compile(r"(^|_)e_?mail$")),
    ("code", re.compile(r"(^|_)code$")),
)


def column_kind(name: str, data_type: str = "", is_own_key: bool = False) -> str:
    """What kind of column that is, by its name, else its type; else the name itself, in backticks.

    `is_own_key`: it identifies the rows of the relation that it stands in.
    """
    if is_own_key:
        return "own key"
    lowered = name.lower()
    for kind, pattern in _KINDS:
        if pattern.search(lowered):
            return kind
    if data_type.lower().startswith("bool"):
        return "flag"
    if data_type.lower().startswith(("date", "timestamp")):
        return "timestamp"
    return f"`{lowered}`"


def mine_habits(project: DbtProject) -> tuple[TestHabit, ...]:
    """Tests that most described or tested columns of a kind carry, for each source system and,
    with the source "", for the marts; at least three columns and 60 % of them.

    Tests of packages, and the project's own, count where their arguments are the same everywhere.
    """
    seen: Counter[tuple[str, str]] = Counter()
    tested: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for relation in project.relations.values():
        source = _source(relation, project)
        if source is None:
            continue
        kinds = {
            name: column_kind(name, column.data_type, name in key_names(relation))
            for name, column in relation.columns.items()
        }
        seen.update((source, kind) for kind in kinds.values())
        for test in _once(project.column_tests(relation.unique_id)):
            kind = kinds[test.column.lower()]
            tested[source, kind, test.test].append(test.arguments)
    habits = []
    for (source, kind, test_name), arguments in sorted(tested.items()):
        total = seen[source, kind]
        usual = _usual(test_name, arguments)
        if total < MIN_COLUMNS or len(arguments) < MIN_SHARE * total or usual is None:
            continue
        habits.append(
            TestHabit(
                source=source,
                column_kind=kind,
                test=test_name,
                arguments=usual,
                with_test=len(arguments),
                seen=total,
            )
        )
    return tuple(habits)


def _source(relation: ProjectRelation, project: DbtProject) -> str | None:
    """The source system that a staging model reads, over base models too; "" for a mart."""
    if relation.kind != "model":
        return None
    if relation.layer == "mart":
        return ""
    if relation.layer != "staging":
        return None
    systems, waiting, met = set(), list(relation.parents), set()
    while waiting:
        key = waiting.pop()
        parent = project.by_id.get(key)
        if parent is None or key in met:
            continue
        met.add(key)
        if parent.kind == "source":
            systems.add(parent.source_name)
        elif parent.layer == "staging":
            waiting += parent.parents
    return systems.pop() if len(systems) == 1 else None


def _once(tests: tuple[ColumnTest, ...]) -> list[ColumnTest]:
    """One test of a name for each column: a column with two ranges is still one column."""
    return list({(t.column.lower(), t.test): t for t in reversed(tests)}.values())


def _usual(test: str, arguments: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The arguments that all have; none of its own where they belong to the column; None: they
    differ, or could not be written into another model's YAML."""
    if test in _ARGUED:
        return {}
    forms = {json.dumps(a, sort_keys=True, default=str) for a in arguments}
    text = forms.pop()
    return None if forms or "{{" in text or "{%" in text else arguments[0]
