"""What a check may look at, and the small tools all checks share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from sqlglot import exp

from crew.artifacts import (
    Blame,
    Check,
    DraftModel,
    Evidence,
    FileChange,
    ModelDraft,
    RequirementSpec,
    Table,
    TestSuite,
)
from crew.ports import Rows
from crew.verification.dbt_worker import DbtWorker
from crew.verification.worker_values import NodeResult, ProjectInfo

_MAX_CELL = 60
_PERSONAL = re.compile(
    r"e?mail|phone|mobile|address|street|postcode|zip_?code|birth|ssn|passport|iban|card_?number"
    r"|password|token|ip_addr|latitude|longitude|(first|last|full|sur|middle|user|customer)_?name"
    r"|^name$"
)
_FOLDING = {"snowflake", "postgres", "redshift", "oracle"}


@dataclass(frozen=True)
class BaseState:
    """What the untouched project gives: compiled SQL by unique id, deprecations, test failures."""

    compiled: Mapping[str, str] = field(default_factory=dict)
    deprecations: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CheckContext:
    """One attempt. `compiled`, `base_compiled` and `relation_names` go by model name.

    `relation_names` holds the relations that were built in scratch; `located` where any node can
    be read now, by unique id; `worker.query(sql)` asks the data. `originals` holds the text each
    changed file had before.
    """

    spec: RequirementSpec
    draft: ModelDraft
    tests: TestSuite
    evidence: Evidence
    files: tuple[FileChange, ...]
    worker: DbtWorker
    info: ProjectInfo
    project: Path
    originals: Mapping[str, str] = field(default_factory=dict)
    base: BaseState = BaseState()
    compiled: Mapping[str, str] = field(default_factory=dict)
    base_compiled: Mapping[str, str] = field(default_factory=dict)
    relation_names: Mapping[str, str] = field(default_factory=dict)
    located: Mapping[str, str] = field(default_factory=dict)
    results: tuple[NodeResult, ...] = ()
    manifest: Path | None = None
    allow_macros: tuple[str, ...] = ()

    @property
    def changed_models(self) -> tuple[DraftModel, ...]:
        """Models of the draft that exist already."""
        return tuple(m for m in self.draft.models if m.action == "update")

    @property
    def main_model(self) -> DraftModel | None:
        """The model whose row grain the specification states."""
        named = [m for m in self.draft.models if m.name == self.spec.model]
        return named[0] if named else next(iter(reversed(self.draft.models)), None)

    @property
    def touched(self) -> tuple[str, ...]:
        """Names of what is to be built: the models drafted, else those whose tests change."""
        drafted = [m.name for m in self.draft.models]
        tested = [t.model for t in self.tests.generic] + [t.model for t in self.tests.unit]
        return tuple(dict.fromkeys(drafted or tested))

    def unique_id(self, key: str) -> str | None:
        """unique id of a model, seed or snapshot by name, or of `source.table`."""
        ends = [u for u in self.located if u.endswith(f".{key}")]
        kinds = ("model.", "seed.", "snapshot.") if "." not in key else ("source.",)
        own = [u for u in ends if u.startswith(kinds)]
        return next((u for u in own if u.split(".")[1] == self.info.name), next(iter(own), None))

    def relation(self, key: str) -> str | None:
        """The relation that holds the rows of `key` now."""
        return self.located.get(self.unique_id(key) or "") or self.relation_names.get(key)

    def quote(self, column: str) -> str:
        """A column's name in SQL; left bare where quoting would change its case."""
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column) is not None
        quoted = not (plain and self.info.dialect in _FOLDING)
        return str(exp.to_identifier(column, quoted=quoted).sql(dialect=self.info.dialect))

    def columns(self, relation: str) -> tuple[str, ...]:
        """The columns of a relation or of a subquery in brackets, in order."""
        return self.worker.query(f"select * from {relation} as r where 1 = 0").columns

    def is_personal(self, column: str) -> bool:
        """Whether values of an output column should not be shown."""
        known = {
            c.name.lower() for r in self.evidence.relations for c in r.columns if c.is_personal
        }
        return column.lower() in known or _PERSONAL.search(column.lower()) is not None

    def table(self, rows: Rows, limit: int) -> Table:
        """Rows as text, personal values masked."""
        hidden = [self.is_personal(c) for c in rows.columns]
        shown = tuple(
            tuple(
                "•••" if h and v is not None else cell(v) for v, h in zip(row, hidden, strict=True)
            )
            for row in rows.rows[:limit]
        )
        return Table(columns=rows.columns, rows=shown)


CheckFunction: TypeAlias = Callable[[CheckContext], Check]


def cell(value: Any) -> str:
    """A value as a short text."""
    text = "null" if value is None else str(value)
    return text if len(text) <= _MAX_CELL else text[: _MAX_CELL - 1] + "…"


def passed(name: str, finding: str = "", table: Table | None = None) -> Check:
    return Check(name=name, status="passed", finding=finding, table=table)


def skipped(name: str, reason: str) -> Check:
    return Check(name=name, status="skipped", finding=reason)


def verdict(name: str, findings: Sequence[str], blame: Blame, good: str = "") -> Check:
    """Failed with all findings, or passed."""
    if not findings:
        return passed(name, good)
    return Check(name=name, status="failed", finding="\n".join(findings), blame=blame)


def read_manifest(context: CheckContext) -> dict[str, Any]:
    """dbt's manifest of the change."""
    assert context.manifest is not None
    content: dict[str, Any] = json.loads(context.manifest.read_text())
    return content
