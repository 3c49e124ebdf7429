"""Says how a model is built: as a table or view, or incrementally, where late rows of a window come
again and a key replaces what was there."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlglot

from crew.artifacts import MakeIncremental, Materialize
from crew.drafting.edits.project_view import Workbench, bracketed
from crew.drafting.edits.steps import with_step

_CONFIG = re.compile(r"\{\{-?\s*config\s*\(")


def make_incremental(bench: Workbench, edit: MakeIncremental) -> None:
    """The config, and a last step that keeps what is new."""
    since = since_newest(edit.time, edit.days, bench.view.dialect)
    body = (
        f"select * from {{base}}\n{{% if is_incremental() %}}\nwhere {edit.time} >= {since}\n"
        "{% endif %}"
    )
    with_step(bench, edit.model, "new_rows", body)
    bench.write_sql(edit.model, incremental_by(bench.sql(edit.model), edit.key))


def since_newest(time: str, days: int, dialect: str) -> str:
    """SQL for the newest `time` (a column) that the model holds, less some days, in brackets."""
    tree = sqlglot.parse_one(f"max({time}) - interval '{days}' day", read="duckdb")
    late = tree.sql(dialect=dialect, normalize_functions="lower")
    return f"(select {late} from {{{{ this }}}})"


def incremental_by(text: str, key: Sequence[str]) -> str:
    """The text of a model with the config of one whose rows are replaced by their key."""
    listed = f"'{key[0]}'" if len(key) == 1 else str(list(key))
    text = _configured(text, "unique_key", listed)
    return _configured(text, "materialized", "'incremental'")


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
