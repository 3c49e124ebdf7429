"""The agents' tools: read-only looks at the evidence and the warehouse, bounded in size."""

from __future__ import annotations

from typing import Self

from crewai.tools import BaseTool
from pydantic import PrivateAttr

from crew.agents.prompt_text import fenced
from crew.artifacts import Evidence
from crew.errors import FirstmileError
from crew.ports import Recall, Warehouse
from crew.verification.sql_policy import check_sql

MAX_ANSWER = 3000


class _EvidenceTool(BaseTool):
    """Shared: the evidence it may speak of."""

    _evidence: Evidence = PrivateAttr()
    _warehouse: Warehouse | None = PrivateAttr(default=None)

    @classmethod
    def over(cls, evidence: Evidence, warehouse: Warehouse | None = None) -> Self:
        """The tool for one task."""
        tool = cls.model_validate({})
        tool._evidence, tool._warehouse = evidence, warehouse
        return tool


class LookUpRelation(_EvidenceTool):
    name: str = "look_up_relation"
    description: str = "Columns, types, docs and row count of a relation, by its key."

    def _run(self, key: str) -> str:
        card = self._evidence.relation(key)
        if card is None:
            return f"There is no {key!r}; there are {', '.join(c.key for c in self._evidence.relations)}."
        return fenced(card.model_dump_json(exclude_defaults=True)[:MAX_ANSWER])


class ProfileColumn(_EvidenceTool):
    name: str = "profile_column"
    description: str = "Counts, range and frequent values of one column of a relation."

    def _run(self, key: str, column: str) -> str:
        card = self._evidence.relation(key)
        found = card.column(column) if card else None
        if found is None:
            return f"There is no column {key}.{column}."
        return fenced(found.model_dump_json(exclude_defaults=True)[:MAX_ANSWER])


class TryDraft(_EvidenceTool):
    name: str = "try_draft"
    description: str = (
        "Counts the rows of a SELECT over relation keys, or says what is wrong with it."
    )

    def _run(self, sql: str) -> str:
        if self._warehouse is None:
            return "There is no warehouse at hand."
        names = {c.key: c.relation_name for c in self._evidence.relations}
        for key, name in sorted(names.items(), key=lambda i: -len(i[0])):
            sql = sql.replace(f"{{{{ ref('{key}') }}}}", name)
        if problems := check_sql(sql, self._evidence.dialect, set(names.values())):
            return problems[0]
        try:
            rows = self._warehouse.query(
                f"select count(*) from ({sql.strip().rstrip(';')}) as t"
            ).rows
        except FirstmileError as error:
            return fenced(error.message[:MAX_ANSWER])
        return f"{rows[0][0]} rows."


class RecallPrecedents(BaseTool):
    name: str = "recall_precedents"
    description: str = "Earlier requests and existing models that are like a text."
    _recall: Recall = PrivateAttr()

    @classmethod
    def over(cls, recall: Recall) -> Self:
        """The tool for one task."""
        tool = cls()
        tool._recall = recall
        return tool

    def _run(self, text: str) -> str:
        found = self._recall.recall(text, limit=5)
        lines = [f"{p.kind} {p.name} ({p.likeness:.2f}): {p.text[:200]}" for p in found]
        return fenced("\n".join(lines) or "Nothing like it.")[:MAX_ANSWER]
