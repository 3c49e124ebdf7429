"""Small tables of rows in a ticket: given rows of inputs, and rows that the result must show.

Tables are Markdown, Jira's markup (`||month||revenue||`) or columns of text set apart by blanks. One
where a column holds numbers only is a table of values; tables that describe columns are read
elsewhere. `Given orders:` above a table says of what its rows are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crew.artifacts import Evidence, ExampleRows, RelationCard, Request, RequirementSpec
from crew.catalog.evidence import contains, mentions
from crew.drafting.schema_linker import entity_stems
from crew.drafting.vocabulary import name_stems, stems

_RULE = re.compile(r"^[\s|:+=-]*[-=]{2,}[\s|:+=-]*$")
_NUMBER = re.compile(r"-?[\d,]*\.?\d+\s*%?")
_GIVEN = re.compile(
    r"\b(?:given|inputs?|source rows|before|rows (?:in|of)|with these|from these|eingabe|ausgehend|gegeben"
    r"|entrée|entrada|données)\b", re.I
)  # fmt: skip
_EXPECTED = re.compile(
    r"\b(?:expect\w*|results?|outputs?|then|should|must|gives?|we want|erwart\w*|ergebnis|attendu\w*|esperad\w*|"
    r"resultado|example|for instance|e\.g)\b", re.I
)  # fmt: skip
_NOTHING = {"", "-", "null", "none", "(null)", "(empty)", "(none)", "empty"}


@dataclass(frozen=True)
class Table:
    """A table of values with the line above it (`lead`); `is_given` says that its rows are of an
    input."""

    lead: str
    rows: ExampleRows
    is_given: bool


def take_examples(request: Request) -> tuple[Request, tuple[Table, ...]]:
    """The request without its tables of values, and these."""
    lines = request.body.splitlines()
    kept: list[str] = []
    found: list[Table] = []
    at = 0
    while at < len(lines):
        end, rows = _table_at(lines, at)
        if rows is None:
            kept += lines[at : max(end, at + 1)]
            at = max(end, at + 1)
            continue
        lead, above = _lead(kept)
        given = bool(_GIVEN.search(lead)) and not _EXPECTED.search(_GIVEN.sub("", lead))
        found.append(Table(lead, rows, given))
        kept = [*above, ""]
        at = end
    if not found:
        return request, ()
    return request.model_copy(update={"body": "\n".join(kept)}), tuple(found)


def _lead(kept: Sequence[str]) -> tuple[str, list[str]]:
    """The line above a table where it only introduces it, and what is before that line."""
    above = list(kept)
    while above and (not above[-1].strip() or above[-1].strip().startswith("```")):
        above.pop()
    line = above[-1].strip(" *_#") if above else ""
    short = len(line.split()) <= 9 and (line.endswith(":") or len(line.split()) <= 4)
    if short and (_GIVEN.search(line) or _EXPECTED.search(line)):
        return line, above[:-1]
    return line, above


def _table_at(lines: Sequence[str], at: int) -> tuple[int, ExampleRows | None]:
    """Where the table that begins at a line ends, and its rows; None where it is none of values."""
    cells = _cells(lines[at])
    if len(cells) < 2:
        return at + 1, None
    end, rows = at + 1, []
    while end < len(lines) and lines[end].strip():
        if not _RULE.match(lines[end]):
            row = _cells(lines[end])
            if len(row) != len(cells):
                break
            rows.append(row)
        end += 1
    bordered = lines[at].lstrip().startswith("|")
    if not rows or not (bordered or _is_aligned(lines[at:end])):
        return at + 1, None
    if bordered and not lines[at].lstrip().startswith("||") and not _RULE.match(lines[at + 1]):
        return at + 1, None
    columns = list(zip(*rows, strict=True))
    if not any(all(_NUMBER.fullmatch(cell) for cell in column) for column in columns):
        return end, None
    if all(_NUMBER.fullmatch(c) for c in cells):
        return end, None
    return end, ExampleRows(columns=cells, rows=tuple(rows))


def _cells(line: str) -> tuple[str, ...]:
    plain = line.strip()
    if plain.startswith("||"):
        parts = plain.strip("|").split("||")
    elif plain.startswith("|"):
        parts = plain.removeprefix("|").removesuffix("|").split("|")
    else:
        parts = re.split(r"\t+|\s{2,}", plain)
    return tuple(part.strip().strip("`*") for part in parts)


def _is_aligned(lines: Sequence[str]) -> bool:
    """Whether lines are set in columns: a heading of words over rows of as many cells."""
    return len(lines) > 1 and all(
        re.fullmatch(r"[A-Za-zÀ-ÿ_][\w À-ÿ]*", c) for c in _cells(lines[0])
    )


def named_by(table: ExampleRows, spec: RequirementSpec) -> ExampleRows | None:
    """The table with the result's own column names; None unless every heading is one."""
    outputs = [*([spec.time.column] if spec.time else []), *(d.name for d in spec.dimensions)]
    outputs += [*(m.name for m in spec.metrics), *(d.name for d in spec.derived)]
    columns = [_column(heading, outputs, spec) for heading in table.columns]
    free = [o for o in outputs if o not in columns]
    for n, heading in enumerate(table.columns):
        near = [o for o in free if columns[n] is None and _shares(heading, o)]
        if len(near) == 1:
            columns[n] = near[0]
            free.remove(near[0])
    numbers = {*(m.name for m in spec.metrics), *(d.name for d in spec.derived)}
    if columns.count(None) == 1 and len(free) == 1 and free[0] in numbers:  # nothing else is left
        columns[columns.index(None)] = free[0]
    if None in columns or len(set(columns)) < len(columns):
        return None
    return ExampleRows(columns=tuple(str(c) for c in columns), rows=table.rows)


def with_examples(
    spec: RequirementSpec, tables: Sequence[Table], inputs: Sequence[str], evidence: Evidence
) -> RequirementSpec:
    """The specification with the rows that the request gives; `inputs` are what the model reads.
    A table that is of neither is not used, which is said."""
    found, given, notes = [], [], []
    for table in tables:
        rows = given_by(table, inputs, evidence) if table.is_given else named_by(table.rows, spec)
        if rows is None:
            whole = "one of the inputs" if table.is_given else "the result"
            headings = ", ".join(f"`{c}`" for c in table.rows.columns)
            notes.append(
                f"Not checked: a table with the columns {headings}, which {whole} has not."
            )
        elif table.is_given:
            given.append(rows)
        else:
            found.append(rows)
    if any(t.is_given for t in tables) and not (given and found):
        notes.append(
            "Not tested: given rows and expected rows belong together, and one is missing."
        )
        found, given = [], []
    changed = {"examples": tuple(found), "given": tuple(given), "notes": (*spec.notes, *notes)}
    return spec.model_copy(update=changed)


def given_by(table: Table, inputs: Sequence[str], evidence: Evidence) -> ExampleRows | None:
    """The input of the model that a table's rows are of, with its own column names; None unless it
    is one alone that has all of them."""
    fitting = []
    for key in inputs:
        card = evidence.relation(key)
        names = [_own(heading, card) for heading in table.rows.columns] if card else [""]
        if card and all(names):
            rows = ExampleRows(columns=tuple(names), rows=table.rows.rows, relation=key)
            fitting.append((card, rows))
    said = stems(table.lead)
    named = [f for f in fitting if mentions(table.lead.lower(), f[0].key.lower())]
    named = named or [f for f in fitting if contains(said, entity_stems(f[0]))]
    chosen = named or fitting
    return chosen[0][1] if len(chosen) == 1 else None


def value_of(text: str, data_type: str) -> object:
    """A cell as a value of a row: numbers where the column has some, None for nothing."""
    plain = text.strip()
    if plain.lower() in _NOTHING:
        return None
    if data_type.startswith("bool"):
        return plain.lower() in {"true", "yes", "y", "1", "t"}
    if not _NUMBER.fullmatch(plain) or "char" in data_type or "text" in data_type:
        return plain
    number = float(plain.rstrip("% ").replace(",", "")) / (100 if plain.endswith("%") else 1)
    return int(number) if number == int(number) else number


def _own(heading: str, card: RelationCard) -> str:
    exact = card.column(heading.replace(" ", "_"))
    if exact:
        return exact.name
    said = set(name_stems(heading))
    found = [c.name for c in card.columns if set(name_stems(c.name)) == said]
    found = found or [c.name for c in card.columns if said and said <= set(name_stems(c.name))]
    return found[0] if len(found) == 1 else ""


def _shares(heading: str, output: str) -> bool:
    """`Number of invoices` and `invoices`."""
    said, own = set(name_stems(heading)), set(name_stems(output))
    return bool(own) and (own <= said or said <= own)


def _column(heading: str, outputs: Sequence[str], spec: RequirementSpec) -> str | None:
    said = set(name_stems(heading))
    exact = [o for o in outputs if set(name_stems(o)) == said]
    labelled = [m.name for m in spec.metrics if set(name_stems(m.label)) == said]
    if spec.time and said == set(name_stems(spec.time.grain)):
        return spec.time.column
    found = list(dict.fromkeys([*exact, *labelled]))
    return found[0] if len(found) == 1 else None
