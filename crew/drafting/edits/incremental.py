"""Says how a model is built: as a table or view, or incrementally, where late rows of a window come
again and a key replaces what was there."""

from __future__ import annotations

import re

import sqlglot

from crew.artifacts import MakeIncremental, Materialize
from crew.drafting.edits.project_view import Workbench, bracketed
from crew.drafting.edits.steps import with_step

_CONFIG = re.compile(r"\{\{-?\s*config\s*\(")


def make_incremental(bench: Workbench, edit: MakeIncremental) -> None:
    """The config, and a last step that keeps what is new."""
    dialect = bench.view.dialect
    late = sqlglot.parse_one(
        f"max({edit.time}) - interval '{edit.days}' day", read="duckdb"
    ).sql(dialect=dialect, normalize_functions="lower")  # fmt: skip
    body = (
        "select * from {base}\n{% if is_incremental() %}\n"
        f"where {edit.time} >= (select {late} from {{{{ this }}}})\n"
        "{% endif %}"
    )
    with_step(bench, edit.model, "new_rows", body)
    key = f"'{edit.key[0]}'" if len(edit.key) == 1 else str(list(edit.key))
    text = _configured(bench.sql(edit.model), "unique_key", key)
    bench.write_sql(edit.model, _configured(text, "materialized", "'incremental'"))


def materialize(bench: Workbench, edit: Materialize) -> None:
    """The config alone; in the model's own file it goes before that of folders and YAML."""
    text = _configured(bench.sql(edit.model), "materialized", f"'{edit.materialized}'")
    bench.write_sql(edit.model, text)


def _configured(text: str, name: str, value: str) -> str:
    """The text with an argument of its config set."""
    found = _CONFIG.search(text)
    if found is None:
        return f"{{{{ config({name}={value}) }}}}\n\n{text}"
    arguments = bracketed(text, found.end() - 1)
    setting = re.compile(rf"(?<!\w){name}\s*=\s*(?:'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\w+)")
    if setting.search(arguments):
        after = setting.sub(f"{name}={value}", arguments)
    else:
        lead = re.match(r"\s*", arguments)
        space = lead.group() if lead else ""
        after = (
            f"{space}{name}={value}, {arguments.lstrip()}"
            if arguments.strip()
            else f"{name}={value}"
        )
    return text[: found.end()] + after + text[found.end() + len(arguments) :]
