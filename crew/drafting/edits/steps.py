"""Edits that add a last step to a model: what was its result becomes a CTE, which is selected from."""

from __future__ import annotations

import re
from collections.abc import Mapping

from crew.drafting.edits.project_view import Workbench
from crew.drafting.model_text import CannotEdit, ModelText, masked
from crew.drafting.sql_layout import Cte

_OPENS = re.compile(r"\{%-?\s*(?:if|for)\b")
_CLOSES = re.compile(r"\{%-?\s*(?:endif|endfor)\b")


def with_step(bench: Workbench, model: str, name: str, body: str) -> None:
    """A last step; `{base}` in its body is the step that held the rows before. Raises CannotEdit."""
    sql = bench.sql(model)
    try:
        text = ModelText(sql, bench.evidence)
    except CannotEdit:
        bench.write_sql(model, _behind_blocks(bench, sql, name[:40].strip("_"), body))
        return
    step = text.aliases.fresh(name[:40].strip("_"))
    cte = Cte(step, body.replace("{base}", text.base))
    bench.write_sql(model, text.with_steps([cte]))


def with_select(bench: Workbench, model: str, columns: Mapping[str, str], name: str) -> None:
    """A last step that lists the columns, each by the name or expression `columns` gives it (empty:
    as it is; an expression keeps the column's name)."""
    lines = []
    for column, wanted in columns.items():
        if not wanted:
            lines.append(column)
        elif wanted.isidentifier():
            lines.append(f"{column} as {wanted}")
        else:
            lines.append(f"{wanted} as {column}")
    with_step(bench, model, name, "select\n    " + ",\n    ".join(lines) + "\nfrom {base}")


def _behind_blocks(bench: Workbench, sql: str, name: str, body: str) -> str:
    """As `with_step`, where the last select holds whole Jinja blocks. Raises CannotEdit."""
    plain, depth, start, has_with = masked(sql), 0, -1, False
    for found in re.finditer(r"[()]|\bselect\b|\bwith\b", plain, re.I):
        word = found.group().lower()
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word == "select" and start < 0:
            start = found.start()
        has_with = has_with or (depth == 0 and word == "with" and start < 0)
    tail = sql[start:].rstrip(" \t\r\n;")
    if start < 0 or len(_OPENS.findall(tail)) != len(_CLOSES.findall(tail)):
        raise CannotEdit("the model's last select is built by Jinja blocks")
    indent = " " * bench.evidence.conventions.indent
    as_, with_, select = (bench.keyword(w) for w in ("as", "with", "select * from"))
    inner = "\n".join(f"{indent}{line}".rstrip() for line in tail.splitlines())
    step = "\n".join(f"{indent}{line}" for line in body.replace("{base}", "base").splitlines())
    opening = f"{sql[:start].rstrip()},\n\n" if has_with else f"{sql[:start]}{with_}\n\n"
    taken = {m.lower() for m in re.findall(r"(\w+)\s+as\s*\(", plain, re.I)}
    if taken & {"base", name}:
        raise CannotEdit(f"it has a step called base or {name} already")
    return f"{opening}base {as_} (\n{inner}\n),\n\n{name} {as_} (\n{step}\n)\n\n{select} {name}\n"
