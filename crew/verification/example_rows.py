"""Rows that the ticket itself gives as expected: the built model must show these values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crew.artifacts import Check, ExampleRows
from crew.verification.check_context import CheckContext, cell, skipped, verdict

_MOST_ROWS = 20_000


def example_rows(context: CheckContext) -> Check:
    """Each row is found by its keys, its numbers compared as exactly as they are written."""
    model, spec = context.main_model, context.spec
    if not spec.examples or model is None or model.name not in context.relation_names:
        return skipped("example rows", "the request gives none")
    if spec.given:
        return skipped("example rows", "they are of the rows that the request gives: a unit test")
    relation = context.relation_names[model.name]
    found = context.worker.query(f"select * from {relation}", limit=_MOST_ROWS)
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    keys = {d.name for d in spec.dimensions} | ({spec.time.column} if spec.time else set())
    findings = [f for table in spec.examples for f in findings_of(table, rows, keys)]
    count = sum(len(table.rows) for table in spec.examples)
    return verdict("example rows", findings, "requirement", f"{count} rows are as the request says")


def findings_of(table: ExampleRows, rows: list[dict[str, Any]], keys: set[str]) -> list[str]:
    found = []
    for wanted in table.rows:
        cells = dict(zip(table.columns, wanted, strict=True))
        own = {k: v for k, v in cells.items() if k in keys}
        words = ", ".join(f"{k} {v}" for k, v in own.items()) or "the row"
        there = [row for row in rows if has_keys(row, own)]
        if len(there) != 1:
            found.append(f"{words}: {'no row' if not there else 'more than one row'} in the model.")
            continue
        for name, text in cells.items():
            if name not in own and not _agrees(there[0][name], text):
                value = cell(there[0][name])
                found.append(f"{words}: {name} is {text} in the request, {value} in the model.")
    return found


def has_keys(row: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
    """Dates may be told by their beginning: 2024-01 is the month."""
    for name, text in keys.items():
        value = str(row[name])
        is_date = hasattr(row[name], "year") and len(text) >= 4
        if value.lower() != text.lower() and not (is_date and value.startswith(text)):
            return False
    return True


def _agrees(value: Any, text: str) -> bool:
    percent, plain = text.endswith("%"), text.rstrip("% ").replace(",", "")
    try:
        wanted = float(plain)
    except ValueError:
        return str(value).lower() == text.lower()
    if value is None:
        return False
    decimals = len(plain.partition(".")[2])
    have = float(value) * (100 if percent else 1)
    return bool(abs(have - wanted) <= 0.5 / 10**decimals + 1e-9)
