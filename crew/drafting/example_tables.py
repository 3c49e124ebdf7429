"""Small tables of expected result rows in a ticket: values that the built model must show.

A Markdown table is one where a column holds numbers only and every heading is a column of the
result. Tables that describe columns are read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crew.artifacts import ExampleRows, Request, RequirementSpec
from crew.drafting.vocabulary import name_stems

_TABLE = re.compile(r"(?:^[ \t]*\|.+\|[ \t]*(?:\n|\Z)){3,}", re.M)
_RULE = re.compile(r"^\s*\|[\s|:-]+\|\s*$")
_NUMBER = re.compile(r"-?[\d,]*\.?\d+\s*%?")


def take_examples(request: Request) -> tuple[Request, tuple[ExampleRows, ...]]:
    """The request without its tables of values, and these."""
    found: list[ExampleRows] = []

    def take(matched: re.Match[str]) -> str:
        table = _table(matched.group())
        if table is None:
            return matched.group()
        found.append(table)
        return "\n"

    body = _TABLE.sub(take, request.body)
    return request.model_copy(update={"body": body}), tuple(found)


def named_by(table: ExampleRows, spec: RequirementSpec) -> ExampleRows | None:
    """The table with the result's own column names; None unless every heading is one."""
    outputs = [*([spec.time.column] if spec.time else []), *(d.name for d in spec.dimensions)]
    outputs += [*(m.name for m in spec.metrics), *(d.name for d in spec.derived)]
    columns = [_column(heading, outputs, spec) for heading in table.columns]
    if None in columns or len(set(columns)) < len(columns):
        return None
    return ExampleRows(columns=tuple(str(c) for c in columns), rows=table.rows)


def _table(text: str) -> ExampleRows | None:
    lines = [line for line in text.splitlines() if line.strip()]
    if not _RULE.match(lines[1]):
        return None
    header, *rows = [_cells(line) for line in (lines[0], *lines[2:])]
    if len(header) < 2 or not rows or any(len(row) != len(header) for row in rows):
        return None
    columns = list(zip(*rows, strict=True))
    if not any(all(_NUMBER.fullmatch(cell) for cell in column) for column in columns[1:]):
        return None
    return ExampleRows(columns=header, rows=tuple(rows))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().strip("`*") for cell in line.strip().strip("|").split("|"))


def _column(heading: str, outputs: Sequence[str], spec: RequirementSpec) -> str | None:
    said = set(name_stems(heading))
    exact = [o for o in outputs if set(name_stems(o)) == said]
    labelled = [m.name for m in spec.metrics if set(name_stems(m.label)) == said]
    if spec.time and said == set(name_stems(spec.time.grain)):
        return spec.time.column
    found = list(dict.fromkeys([*exact, *labelled]))
    return found[0] if len(found) == 1 else None
