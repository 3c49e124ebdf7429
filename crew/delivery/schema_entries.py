"""What goes into a schema file for a model: its entry, or what an existing entry still lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from crew.artifacts import DocSet, Freshness, GenericTest, ModelDoc, TestSuite, UnitTest
from crew.delivery.yaml_edit import Place, YamlEdit
from crew.delivery.yaml_style import TESTS_KEYS
from crew.errors import PolicyViolation


def new_entry(
    name: str, columns: tuple[str, ...], materialized: str, tests: TestSuite, docs: DocSet, key: str
) -> dict[str, Any]:
    """The whole entry of a new model; `key` is the file's word for tests."""
    doc = _doc(docs, name)
    entry: dict[str, Any] = {"name": name}
    if doc and doc.description.strip():
        entry["description"] = _words(doc.description)
    if materialized:
        entry["config"] = {"materialized": materialized}
    if found := _tests(tests, name, ""):
        entry[key] = [_test(t) for t in found]
    described = {c.name: _words(c.description) for c in doc.columns} if doc else {}
    tested = [t.column for t in tests.generic if t.model == name and t.column]
    names = dict.fromkeys([*columns, *described, *tested])
    listed = [_column(n, described.get(n, ""), _tests(tests, name, n), key) for n in names]
    if listed:
        entry["columns"] = listed
    return entry


def extend_entry(edit: YamlEdit, place: Place, name: str, tests: TestSuite, docs: DocSet) -> None:
    """Add to the entry at `place` what is new: descriptions it lacks, columns, tests."""
    doc = _doc(docs, name)
    entry = edit.get(place)
    if doc and doc.description.strip() and not entry.get("description"):
        edit.set(place, "description", _words(doc.description), after=("name",))
    for test in _tests(tests, name, ""):
        _add_test(edit, place, test, ("config", "description", "name"))
    described = {c.name: _words(c.description) for c in doc.columns} if doc else {}
    tested = [t.column for t in tests.generic if t.model == name and t.column]
    listed = {str(c.get("name")).lower(): c for c in entry.get("columns") or ()}
    for column in dict.fromkeys([*described, *tested]):
        text, found = described.get(column, ""), _tests(tests, name, column)
        if column.lower() not in listed:
            edit.append(place, "columns", _column(column, text, found, edit.style.tests_key))
            continue
        here: Place = (*place, "columns", ("name", str(listed[column.lower()]["name"])))
        if text and not listed[column.lower()].get("description"):
            edit.set(here, "description", text, after=("name",))
        for test in found:
            _add_test(edit, here, test, ())


def add_unit_test(edit: YamlEdit, test: UnitTest) -> None:
    """Add a unit test at the end of the file. Raises PolicyViolation if the name means another."""
    entry: dict[str, Any] = {"name": test.name}
    if test.description.strip():
        entry["description"] = _words(test.description)
    entry["model"] = test.model
    entry["given"] = [dict(g) for g in test.given]
    entry["expect"] = {"rows": [dict(r) for r in test.expect]}
    there = edit.get(("unit_tests", ("name", test.name)))
    if there is None:
        edit.append((), "unit_tests", entry)
    elif {**there, "description": ""} != {**entry, "description": ""}:
        raise PolicyViolation(
            f"The unit test {test.name!r} stands in {edit.path!r} already, with other content.",
            "Give the new unit test a name of its own.",
        )


def add_freshness(edit: YamlEdit, freshness: Freshness) -> None:
    """Give a source table an expectation of arrival, if it has none."""
    source: Place = ("sources", ("name", freshness.source))
    place: Place = (*source, "tables", ("name", freshness.table))
    table, above = edit.get(place) or {}, edit.get(source) or {}
    if table.get("freshness") or (table.get("config") or {}).get("freshness"):
        return
    limits = {"warn_after": {"count": freshness.warn_after_hours, "period": "hour"}}
    if freshness.error_after_hours:
        limits["error_after"] = {"count": freshness.error_after_hours, "period": "hour"}
    config: dict[str, Any] = {"freshness": limits}
    known = [
        place.get("loaded_at_field") for owner in (table, above)
        for place in (owner, owner.get("config") or {})
    ]  # fmt: skip
    if next((k for k in known if k), None) != freshness.loaded_at_field:
        config["loaded_at_field"] = freshness.loaded_at_field
    if not table.get("config"):
        edit.set(place, "config", config, after=("description", "name"))
        return
    for key, value in config.items():
        edit.set((*place, "config"), key, value)


def _doc(docs: DocSet, model: str) -> ModelDoc | None:
    return next((d for d in docs.models if d.model == model), None)


def _tests(tests: TestSuite, model: str, column: str) -> list[GenericTest]:
    found: list[GenericTest] = []
    for test in tests.generic:
        if (test.model, test.column) == (model, column) and not any(
            _same(test, f.test, _limited(f.arguments, f.where)) for f in found
        ):
            found.append(test)
    return found


def _column(name: str, text: str, tests: list[GenericTest], key: str) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name}
    if text:
        column["description"] = text
    if tests:
        column[key] = [_test(t) for t in tests]
    return column


def _test(test: GenericTest) -> Any:
    content: dict[str, Any] = {}
    if test.arguments:
        content["arguments"] = dict(test.arguments)
    config = {"where": test.where} if test.where else {}
    if test.severity != "error":
        config["severity"] = test.severity
    if config:
        content["config"] = config
    return {test.test: content} if content else test.test


def _add_test(edit: YamlEdit, place: Place, test: GenericTest, after: tuple[str, ...]) -> None:
    entry = edit.get(place)
    if any(_same(test, *there) for key in TESTS_KEYS for there in _listed(entry.get(key))):
        return
    key = next((k for k in TESTS_KEYS if k in entry), edit.style.tests_key)
    if entry.get(key):
        edit.append(place, key, _test(test))
    else:
        edit.set(place, key, [_test(test)], after=after)


def _listed(tests: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for test in tests if isinstance(tests, list) else ():
        if isinstance(test, str):
            yield test, {}
        elif isinstance(test, dict) and test:
            name, content = next(iter(test.items()))
            content = content if isinstance(content, dict) else {}
            rest = {k: v for k, v in content.items() if k not in _NOT_ARGUMENTS}
            where = content.get("where") or (content.get("config") or {}).get("where")
            rest |= content.get("arguments") or {}
            yield str(content.get("test_name", name)), _limited(rest, str(where or ""))


_NOT_ARGUMENTS = {
    "arguments", "config", "name", "description", "severity", "where", "tags", "meta", "test_name",
}  # fmt: skip


def _same(test: GenericTest, name: str, arguments: dict[str, Any]) -> bool:
    return test.test == name and _limited(test.arguments, test.where) == arguments


def _limited(arguments: dict[str, Any], where: str) -> dict[str, Any]:
    return {**arguments, "where": where} if where else arguments


def _words(text: str) -> str:
    """A description without runs of blanks and blank lines at its ends, paragraphs kept."""
    lines = [re.sub(r"[ \t\r\f\v]+", " ", line).strip() for line in text.strip().splitlines()]
    return "\n".join(lines)
