"""The data of a project, as far as the reading of an edit looks at it."""

from __future__ import annotations

from typing import Any

from crew.drafting.edits.project_view import ProjectView
from crew.errors import InvalidInput
from crew.ports import Warehouse


class Data:
    """Queries; each gives nothing where there is no warehouse or it knows no answer."""

    def __init__(self, view: ProjectView, warehouse: Warehouse | None) -> None:
        self.view, self.warehouse = view, warehouse

    def at(self, key: str) -> str:
        """The relation that holds the rows of a model today."""
        return self.view.located(key)

    def one(self, sql: str) -> Any:
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def values(self, model: str, column: str) -> list[Any]:
        """Distinct values, at most eight."""
        rows = self.rows(f"select distinct {column} from {self.at(model)} order by 1 limit 8")
        return [row[0] for row in rows or []]

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...] | None:
        if self.warehouse is None:
            return None
        try:
            return self.warehouse.query(sql, limit=20).rows
        except InvalidInput:
            return None
