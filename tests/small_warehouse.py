"""A few rows in DuckDB, as evidence for drafts and to run what is drafted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from crew.artifacts import (
    ColumnCard,
    Comment,
    Evidence,
    JoinEdge,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.catalog.json_fields import json_fields, may_hold_json
from crew.catalog.personal import looks_personal
from crew.drafting.engine import DraftingEngine
from crew.errors import InvalidInput
from crew.ports import Rows


@dataclass
class SmallWarehouse:
    """Tables by name (SQL each, `source.table` for a source), joins as (left, column, right, its
    column). `keys` names the unique column of a table; without it the data tell, where few rows
    make other columns unique by chance. What is written in another `dialect` is translated to run."""

    tables: Mapping[str, str]
    joins: Sequence[tuple[str, str, str, str]] = ()
    descriptions: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    dialect: str = "duckdb"

    def __post_init__(self) -> None:
        self.database: Any = duckdb.connect()
        for key, sql in self.tables.items():
            self.database.execute(f"create table {_name(key)} as {sql}")
        edges = tuple(
            JoinEdge(left=a, left_column=b, right=c, right_column=d, match_share=1.0)
            for a, b, c, d in self.joins
        )
        cards = tuple(self._card(key) for key in self.tables)
        self.evidence = Evidence(
            project="p", dialect=self.dialect, relations=cards, joins=edges,
            model_names=tuple(k for k in self.tables if "." not in k),
        )  # fmt: skip

    def query(self, sql: str, limit: int = 1000) -> Rows:
        try:
            found = self.database.execute(self._translated(sql))
        except duckdb.Error as error:
            raise InvalidInput(str(error)) from error
        names = tuple(d[0] for d in found.description)
        rows = found.fetchmany(limit)
        return Rows(columns=names, rows=tuple(rows))

    def spec(self, title: str, body: str = "", answers: Sequence[str] = ()) -> RequirementSpec:
        """The specification of a ticket, with what was said after we asked."""
        said = [Comment(author="r", body=a) for a in answers]
        comments = (Comment(author="firstmile", body="?", ours=True), *said) if said else ()
        request = Request(source="test", key="T-1", title=title, body=body, comments=comments)
        return DraftingEngine(self).spec(request, self.evidence)

    def asked(self, title: str, body: str = "") -> str:
        """The questions, one a line; nothing where none is open."""
        return "\n".join(q.text for q in self.spec(title, body).questions)

    def sql(self, spec: RequirementSpec) -> str:
        assert not spec.questions, [q.text for q in spec.questions]
        assert spec.kind not in {"refuse", "nothing"}, spec.reason
        text = DraftingEngine(self).model(spec, self.evidence).models[0].sql
        text = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", text)
        return re.sub(r"\{\{ source\('(\w+)', '(\w+)'\) \}\}", r"\1__\2", text)

    def rows(
        self, title: str, body: str = "", answers: Sequence[str] = ()
    ) -> list[tuple[Any, ...]]:
        """What the drafted model gives, in order."""
        return self.fetch(self.sql(self.spec(title, body, answers)))

    def texts(
        self, title: str, body: str = "", answers: Sequence[str] = ()
    ) -> set[tuple[str, ...]]:
        """Those rows, every value as text."""
        return {tuple(map(str, row)) for row in self.rows(title, body, answers)}

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        sql = self._translated(sql.strip().rstrip(";"))
        found: list[tuple[Any, ...]] = self.database.execute(
            f"select * from ({sql}) order by all"
        ).fetchall()
        return found

    def _translated(self, sql: str) -> str:
        if self.dialect == "duckdb":
            return sql
        tree = sqlglot.parse_one(sql, read=self.dialect)
        if self.dialect == "snowflake":  # its cast of a text in JSON takes the quotes off
            for found in list(tree.find_all(exp.JSONExtract)):
                if isinstance(found.parent, exp.Cast):
                    found.replace(exp.JSONExtractScalar(**found.args))
        made = tree.sql(dialect="duckdb")
        return made.replace("TEXT(MAX)", "TEXT")  # Redshift's, which sqlglot hands on

    def _with_keys(self, name: str, card: ColumnCard) -> ColumnCard:
        """The card with the keys of its JSON."""
        if not may_hold_json(card):
            return card
        rows = self.database.execute(f'select "{card.name}" from {name}').fetchall()
        fields = json_fields(card, [r[0] for r in rows], whole=True)
        return card.model_copy(update={"fields": tuple(fields), "values": ()})

    def _quoted(self, name: str) -> str:
        """A table's name as dbt writes it for the dialect; bare for DuckDB, as tests read it."""
        if self.dialect == "duckdb":
            return name
        return exp.to_table(exp.to_identifier(name, quoted=True)).sql(dialect=self.dialect)

    def _card(self, key: str) -> RelationCard:
        name = _name(key)
        columns = []
        for named, type_, *_ in self.database.execute(f"describe {name}").fetchall():
            column = f'"{named}"'
            rows, known, distinct, low, high = self.database.execute(
                f"select count(*), count({column}), count(distinct {column}), min({column})::varchar,"
                f" max({column})::varchar from {name}"
            ).fetchone()
            found = self.database.execute(
                f"select distinct {column}::varchar from {name} where {column} is not null"
            )
            personal = looks_personal(named, {})
            values = () if personal else tuple(sorted(r[0] for r in found.fetchall()))
            low, high = (None, None) if personal else (low, high)
            columns.append(
                ColumnCard(name=named, data_type=type_.lower(), distinct=distinct,
                           is_personal=personal, nulls=rows - known, minimum=low, maximum=high,
                           values=values if type_ in {"VARCHAR", "BOOLEAN"} else (),
                           is_unique=named == self.keys[key] if key in self.keys
                           else distinct == rows > 0)
            )  # fmt: skip
        columns = [self._with_keys(name, card) for card in columns]
        source = "." in key
        return RelationCard(
            key=key, unique_id=f"{'source' if source else 'model'}.p.{key}",
            kind="source" if source else "model",
            layer="source" if source else "mart" if key.startswith(("dim_", "fct_")) else "staging",
            relation_name=self._quoted(name), row_count=rows, columns=tuple(columns),
            description=self.descriptions.get(key, ""),
        )  # fmt: skip


def _name(key: str) -> str:
    return key.replace(".", "__")
