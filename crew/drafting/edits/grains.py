"""Rows per coarser or finer period: the period is computed otherwise, the figures from the inputs."""

from __future__ import annotations

import re

from sqlglot import exp

from crew.artifacts import ChangeGrain, RenameColumn
from crew.drafting.edits.column_lineage import ColumnFlow, is_star, span
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.renames import rename_column
from crew.drafting.edits.steps import with_step
from crew.drafting.model_text import CannotEdit

_TRUNC = re.compile(r"(\w*trunc\s*\(\s*['\"])(\w+)(['\"])", re.I)
_ORDER = ("hour", "day", "week", "month", "quarter", "year")
_PERIODS = tuple(
    dict(zip(_ORDER, words, strict=True))
    for words in (
        _ORDER,
        ("stunde", "tag", "woche", "monat", "quartal", "jahr"),
        ("heure", "jour", "semaine", "mois", "trimestre", "annee"),
    )
)
"""What columns of periods are called, in one language each."""
_NUMBERS = ("int", "bigint", "hugeint", "double", "float", "decimal", "numeric", "smallint", "real")


def change_grain(bench: Workbench, edit: ChangeGrain) -> None:
    """The period's expression where the model groups by it; a last step that adds up where it does
    not. A column that is called like the old period gets a new name. Raises CannotEdit."""
    known = {k: bench.columns(k) for k in bench.view.nodes}
    source = bench.source(edit.model)
    tree = source.trees[0]
    flow = ColumnFlow(source, tree, edit.column, (), known)
    found = [f for f in flow.definitions() if not is_star(f[1])]
    if len(found) != 1:
        raise CannotEdit(f"where {edit.model} gives {edit.column} was not found in its SQL")
    scope, item = found[0]
    alias = item.args.get("alias")
    list_, n = source.item_at(span(alias if isinstance(alias, exp.Identifier) else item.this)[0])
    start, end = list_.items[n]
    text = source.text[start:end]
    if scope.expression.args.get("group"):
        if _TRUNC.search(text):
            new = _TRUNC.sub(rf"\g<1>{edit.grain}\g<3>", text)
            old_call, new_call = _call(text), _call(new)
            after = source.text[:start] + new + source.text[end:].replace(old_call, new_call)
            bench.write_sql(edit.model, after)
        else:
            _wrap(bench, edit, source.text, (start, end), item)
    else:
        _add_up(bench, edit)
    _rename(bench, edit)


def _call(text: str) -> str:
    """The trunc call in a text, whole."""
    found = _TRUNC.search(text)
    if found is None:
        return text
    depth = 0
    for at in range(found.start(), len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0 and text[at] == ")":
            return text[found.start() : at + 1]
    return text


def _wrap(
    bench: Workbench, edit: ChangeGrain, text: str, at: tuple[int, int], item: exp.Expr
) -> None:
    start, end = at
    alias = item.args.get("alias")
    head = text[start : span(alias)[0]] if isinstance(alias, exp.Identifier) else text[start:end]
    inner = re.sub(r"\s+as\s*[\"`]?$", "", head, flags=re.I).rstrip()
    period = f"cast(date_trunc('{edit.grain}', {inner}) as date)"
    name = item.alias_or_name
    before, after = text[:start], text[end:]
    if not re.match(r"\w+$", inner):
        after = after.replace(inner, period)
    elif grouped := re.search(
        rf"(group\s+by\s[^()]*?)(?<![\w.]){re.escape(inner)}(?!\w)", after, re.I
    ):
        after = after[: grouped.end(1)] + period + after[grouped.end() :]
    bench.write_sql(edit.model, f"{before}{period} as {name}{after}")


def _add_up(bench: Workbench, edit: ChangeGrain) -> None:
    """Rows of the model added up; only where every figure may be."""
    card = bench.evidence.relation(edit.model)
    typed = bench.view.typed_columns(edit.model)
    items, keys = [], []
    for name in bench.columns(edit.model):
        column = card.column(name) if card else None
        key = re.search(r"_(?:id|key|code|no)$|^id$", name, re.I)
        figure = typed.get(name, "").startswith(_NUMBERS) and not key
        if name.lower() == edit.column.lower():
            items.append(f"cast(date_trunc('{edit.grain}', {name}) as date) as {name}")
            keys.append(str(len(items)))
        elif not figure:
            items.append(name)
            keys.append(str(len(items)))
        elif column is None or not column.is_additive:
            raise CannotEdit(f"{name} does not add up over periods: how is it to be computed?")
        else:
            items.append(f"sum({name}) as {name}")
    listed = ",\n    ".join(items)
    body = f"select\n    {listed}\nfrom {{base}}\ngroup by {', '.join(keys)}"
    with_step(bench, edit.model, f"per_{edit.grain}", body)


def _rename(bench: Workbench, edit: ChangeGrain) -> None:
    name = edit.column
    for periods in _PERIODS:
        words = "|".join(periods.values())
        name = re.sub(rf"(?<![a-z])(?:{words})(?![a-z])", periods[edit.grain], name)
    if name != edit.column and name not in bench.columns(edit.model):
        rename_column(bench, RenameColumn(model=edit.model, column=edit.column, to=name))
        bench.notes.append(f"`{edit.column}` is called `{name}` now.")
