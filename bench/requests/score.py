"""What an outcome is worth: one word for each request, and why.

`right` · `asked_rightly` · `refused_rightly` are what is wanted. `asked_otherwise` asked about
something else, `asked_needlessly` and `refused_needlessly` where an engineer would have gone on.
`wrong_shown` is a wrong delivery whose assumptions or notes say what was taken for granted,
`wrong_silently` one that does not say it, `failed` a crash.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Protocol

from bench.requests.compare import Rows, difference

SCORES = (
    "right", "asked_rightly", "refused_rightly", "asked_otherwise", "asked_needlessly",
    "refused_needlessly", "wrong_shown", "wrong_silently", "failed",
)  # fmt: skip
Entry = dict[str, Any]
Verdict = tuple[str, str]


class Delivery(Protocol):
    """What was delivered, built: its tables, and the models of its manifest."""

    def rows(self, relation: str) -> Rows | None: ...

    def type_of(self, relation: str, column: str) -> str: ...

    def expected(self, sql: str) -> Rows: ...

    @property
    def manifest(self) -> dict[str, Any]: ...


def score(entry: Entry, result: dict[str, Any], delivery: Delivery | str) -> Verdict:
    """The verdict on a request. `delivery` is a text where nothing stands to be looked at: what went
    wrong, for instance that it does not build."""
    outcome, expect = result["outcome"], entry["expect"]
    if outcome == "needs_answers":
        return _asked(entry, result)
    if outcome in ("refused", "failed") or (outcome == "already_exists" and not entry.get("rows")):
        return _declined(expect, result)
    if expect != "rows":
        return _wrong(entry, result, f"{outcome} where it should {expect}")
    wrong = delivery if isinstance(delivery, str) else _faults(entry, result, delivery)
    if not wrong:
        return "right", ""
    if outcome == "already_exists" and not entry["new"]:
        return "refused_needlessly", result["reason"]
    return _wrong(entry, result, wrong)


def _asked(entry: Entry, result: dict[str, Any]) -> Verdict:
    text = questions_of(result)
    if entry["expect"] == "rows":
        return "asked_needlessly", text
    if entry.get("about") and re.search(entry["about"], text, re.I):
        return "asked_rightly", ""
    return "asked_otherwise", text


def _declined(expect: str, result: dict[str, Any]) -> Verdict:
    if expect == "refuse":
        return "refused_rightly", ""
    return "refused_needlessly", f"{result['outcome']}: {result['reason']}"


def _wrong(entry: Entry, result: dict[str, Any], why: str) -> Verdict:
    trap = entry.get("trap") if entry["expect"] == "rows" else entry.get("about")
    told = "\n".join([*result["assumptions"], *result["notes"], result["reason"]])
    is_shown = bool(trap) and re.search(str(trap), told, re.I) is not None
    return ("wrong_shown" if is_shown else "wrong_silently"), why


def questions_of(result: dict[str, Any]) -> str:
    parts = []
    for question in result["questions"]:
        parts.append(question["text"])
        parts += [f"{o['label']}: {o['meaning']}" for o in question["options"]]
    return "\n".join(parts)


# --- what was delivered ----------------------------------------------------------------------


def _faults(entry: Entry, result: dict[str, Any], delivery: Delivery) -> str:
    """The first thing in which the delivery is not as expected; empty where it is."""
    for relation, sql in (entry.get("rows") or {}).items():
        model = (result["models"] or [""])[-1] if relation == "result" else relation
        found = delivery.rows(model)
        if found is None:
            return f"there is no {model!r}"
        readings = [sql] if isinstance(sql, str) else sql
        by_name = not entry["new"]
        spare = None if by_name else _is_filler
        told = [difference(delivery.expected(s), found, by_name, spare) for s in readings]
        if all(told):
            return f"{model}: {told[0]}"
    for model, wanted in (entry.get("types") or {}).items():
        for column, type_ in wanted.items():
            if (is_ := delivery.type_of(model, column)) != type_:
                return f"{model}.{column} is {is_} instead of {type_}"
    return _gone(entry, delivery) or _schema_faults(entry, delivery.manifest)


def _is_filler(row: tuple[Any, ...]) -> bool:
    """A row that only fills a gap: a period or a combination in which every number is zero or
    null. In a new model it is as good there as not."""
    rest = [v for v in row if not isinstance(v, str | bool | datetime.date)]
    return bool(rest) and not any(rest)


def _gone(entry: Entry, delivery: Delivery) -> str:
    """`gone` names columns that must not be there any more; no columns: the model itself."""
    for model, columns in (entry.get("gone") or {}).items():
        found = delivery.rows(model)
        if found is not None and not columns:
            return f"{model} is still there"
        left = {c.lower() for c in columns} & {c.lower() for c in (found.columns if found else ())}
        if left:
            return f"{model} still has {', '.join(sorted(left))}"
    return ""


def _schema_faults(entry: Entry, manifest: dict[str, Any]) -> str:
    nodes = manifest["nodes"]
    models = {n["name"]: n for n in nodes.values() if n["resource_type"] == "model"}
    tests = [n for n in nodes.values() if n["resource_type"] == "test"]
    for macro in entry.get("unused") or ():
        using = [m for m, n in models.items() if re.search(rf"\b{macro}\b", n["raw_code"])]
        if using:
            return f"{macro} is still used by {', '.join(using)}"
    for model, kind in (entry.get("materialized") or {}).items():
        if models[model]["config"]["materialized"] != kind:
            return f"{model} is {models[model]['config']['materialized']}"
    for wanted in entry.get("tests") or ():
        if not any(_is_test(t, wanted) for t in tests):
            return f"no test {wanted}"
    for wanted in entry.get("described") or ():
        node = models.get(wanted["model"], {"columns": {}, "description": ""})
        name = wanted.get("column", "")
        text = node["columns"].get(name, {}).get("description", "") if name else node["description"]
        if not _says_something(text, name or wanted["model"]):
            return f"{wanted} is described as {text!r}"
    return ""


def _is_test(test: dict[str, Any], wanted: dict[str, Any]) -> bool:
    metadata = test.get("test_metadata") or {}
    return (
        str(test.get("attached_node", "")).endswith(f".{wanted['model']}")
        and (test.get("column_name") or "").lower() == wanted.get("column", "").lower()
        and re.search(wanted["test"], metadata.get("name", "")) is not None
    )


def _says_something(text: str, name: str) -> bool:
    """Whether a description holds more than the words of the name."""
    small = {"the", "a", "an", "of", "is", "for", "this", "column", "model", "in", "and"}
    return bool(set(re.findall(r"[a-z]+", text.lower())) - set(name.lower().split("_")) - small)
