"""Edits that add a last step to a model: what was its result becomes a CTE, which is selected from."""

from __future__ import annotations

from collections.abc import Mapping

from crew.drafting.edits.project_view import Workbench
from crew.drafting.model_text import ModelText
from crew.drafting.sql_layout import Cte


def with_step(bench: Workbench, model: str, name: str, body: str) -> None:
    """A last step; `{base}` in its body is the step that held the rows before. Raises CannotEdit."""
    text = ModelText(bench.sql(model), bench.evidence)
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
