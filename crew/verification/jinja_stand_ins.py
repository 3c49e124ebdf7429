"""Harmless stand-ins for what generated Jinja may call, so that the SQL policy sees SQL."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

# Macro -> the SQL that stands for it while the policy looks.
MACROS = {
    "dbt_utils.generate_surrogate_key": "md5('x')",
    "dbt_utils.star": "*",
    "dbt_utils.safe_divide": "1.0",
    "dbt_utils.safe_add": "1",
    "dbt_utils.safe_subtract": "1",
    "dbt_utils.date_spine": "select 1 as date_day",
    "dbt_utils.generate_series": "select 1 as generated_number",
    "dbt_utils.width_bucket": "1",
    "dbt_utils.group_by": "group by 1",
    "dbt.date_trunc": "current_date",
    "dbt.dateadd": "current_date",
    "dbt.datediff": "1",
    "dbt.date_spine": "select 1 as date_day",
    "dbt.last_day": "current_date",
    "dbt.current_timestamp": "current_timestamp",
    "dbt.safe_cast": "null",
    "dbt.cast": "null",
    "dbt.concat": "'x'",
    "dbt.hash": "md5('x')",
    "dbt.length": "1",
    "dbt.replace": "'x'",
    "dbt.right": "'x'",
    "dbt.split_part": "'x'",
    "dbt.listagg": "'x'",
    "dbt.any_value": "null",
    "dbt.bool_or": "true",
    "dbt.position": "1",
    "dbt.string_literal": "'x'",
    "dbt.escape_single_quotes": "x",
    "dbt.type_string": "varchar",
    "dbt.type_int": "int",
    "dbt.type_bigint": "bigint",
    "dbt.type_float": "double",
    "dbt.type_numeric": "numeric",
    "dbt.type_boolean": "boolean",
    "dbt.type_timestamp": "timestamp",
}


@dataclass(frozen=True)
class JinjaVerdict:
    """`masked` is the SQL by stand-ins: one text, or two where is_incremental() is asked.

    `relations` are the names that stand in it for what ref() and source() name. `masked` is empty
    where findings, or constructs the file had before, forbid rendering.
    """

    findings: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    refs: frozenset[str] = frozenset()
    sources: frozenset[tuple[str, str]] = frozenset()
    relations: frozenset[str] = frozenset()


@dataclass
class _Seen:
    """What rendering named; `asked` says that is_incremental() was."""

    refs: set[str] = field(default_factory=set)
    sources: set[tuple[str, str]] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    asked: bool = False

    def mask(self, name: str) -> str:
        safe = re.sub(r"\W", "_", name)
        self.relations.add(safe)
        return safe


def rendered(text: str, macros: Collection[str]) -> JinjaVerdict:
    """Render a text whose Jinja the policy has passed."""
    seen = _Seen()
    texts = []
    for incremental in (False, True):
        try:
            template = SandboxedEnvironment().from_string(text)
            texts.append(template.render(_stand_ins(seen, incremental, macros)))
        except (TemplateError, TypeError, ValueError, IndexError) as error:
            return JinjaVerdict((f"The Jinja cannot be rendered: {error}",))
        if not seen.asked:
            break
    return JinjaVerdict(
        (), tuple(texts), frozenset(seen.refs), frozenset(seen.sources), frozenset(seen.relations)
    )


def _stand_ins(seen: _Seen, incremental: bool, macros: Collection[str]) -> dict[str, Any]:
    def ref(*names: str, **_: Any) -> str:
        seen.refs.add(names[-1])
        return seen.mask(f"ref__{names[-1]}")

    def source(name: str, table: str) -> str:
        seen.sources.add((name, table))
        return seen.mask(f"source__{name}__{table}")

    def is_incremental() -> bool:
        seen.asked = True
        return incremental

    stand_ins: dict[str, Any] = {
        "ref": ref,
        "source": source,
        "is_incremental": is_incremental,
        "config": lambda **_: "",
        "var": lambda *_: "1",
        "this": _This(seen.mask("this__model")),
    }
    for name, sql in [*MACROS.items(), *((name, "null") for name in macros)]:
        package, _, macro = name.rpartition(".")
        place = stand_ins.setdefault(package, {}) if package else stand_ins
        place[macro] = lambda *_, sql=sql, **__: sql
    return stand_ins


class _This(str):
    """`{{ this }}` and its parts."""

    schema = identifier = name = table = "this__model"
