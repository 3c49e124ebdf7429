"""A handful of real rows as a dbt project would show them, to draft over and to run the draft on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from crew.artifacts import (
    ColumnCard,
    Comment,
    Evidence,
    JoinEdge,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.drafting.engine import DraftingEngine


class SmallCompany:
    """Tables by name and the SQL of their rows; `keys` names the unique column of each, `values`
    the closed lists, `joins` (table, column, other table), `told` the descriptions of tables."""

    def __init__(
        self,
        raw: Mapping[str, str],
        keys: Mapping[str, str],
        values: Mapping[str, tuple[str, ...]],
        joins: Sequence[tuple[str, str, str]],
        told: Mapping[str, str] | None = None,
    ) -> None:
        self.raw, self.keys, self.values, self.told = raw, keys, values, told or {}
        self.warehouse = duckdb.connect()
        for name, sql in raw.items():
            self.warehouse.execute(f"create table {name} as {sql}")
        edges = (
            JoinEdge(left=a, left_column=c, right=b, right_column=keys[b], match_share=1.0)
            for a, c, b in joins
        )
        self.evidence = Evidence(
            project="p", dialect="duckdb", joins=tuple(edges),
            relations=tuple(self._card(name) for name in raw),
        )  # fmt: skip

    def _card(self, name: str) -> RelationCard:
        columns = []
        for column, type_, *_ in self.warehouse.execute(f"describe {name}").fetchall():
            distinct, nulls, low, high = self.warehouse.execute(
                f"select count(distinct {column}), count(*) - count({column}),"
                f" min({column})::varchar, max({column})::varchar from {name}"
            ).fetchall()[0]
            columns.append(
                ColumnCard(
                    name=column, data_type=type_.lower(), distinct=distinct, nulls=nulls,
                    minimum=low, maximum=high, values=self.values.get(column, ()),
                    is_unique=column == self.keys[name],
                )
            )  # fmt: skip
        rows = self.warehouse.execute(f"select count(*) from {name}").fetchall()[0][0]
        return RelationCard(
            key=name, unique_id=f"model.p.{name}", kind="model", layer="staging",
            relation_name=name, row_count=rows, columns=tuple(columns),
            description=self.told.get(name, ""),
        )  # fmt: skip

    def spec(
        self, body: str, title: str = "Figures", answers: Sequence[str] = ()
    ) -> RequirementSpec:
        """The specification of a ticket, with what was said after we asked."""
        said = [Comment(author="r", body=a) for a in answers]
        comments = (Comment(author="firstmile", body="?", ours=True), *said) if said else ()
        request = Request(source="x", key="k", title=title, body=body, comments=comments)
        return DraftingEngine().spec(request, self.evidence)

    def rows(
        self, body: str, title: str = "Figures", answers: Sequence[str] = ()
    ) -> set[tuple[str, ...]]:
        """The rows of the drafted model, every value as text; no question may be open."""
        spec = self.spec(body, title, answers)
        assert not spec.questions, [q.text for q in spec.questions]
        sql = DraftingEngine().model(spec, self.evidence).models[0].sql
        for name in self.raw:
            sql = sql.replace(f"{{{{ ref('{name}') }}}}", name)
        return {tuple(str(v) for v in row) for row in self.warehouse.execute(sql).fetchall()}
