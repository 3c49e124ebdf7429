"""What the data says: types, row counts, distinct values, uniqueness, and shares that join.

Every figure is exact and asked of the warehouse through dbt's own connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlglot import exp

from crew.artifacts import ColumnCard, JoinEdge, RelationCard
from crew.catalog.aggregates import figures
from crew.catalog.dbt_project import ProjectRelation
from crew.catalog.json_fields import SAMPLE, json_fields, json_text, may_hold_json, struct_fields
from crew.catalog.personal import looks_personal
from crew.drafting.dialects import said_in
from crew.drafting.vocabulary import stem_set, stems
from crew.errors import InvalidInput
from crew.ports import Warehouse

MAX_COLUMNS = 80
MAX_VALUES = 50
MAX_TEXT = 200
_COLUMNS = "information_schema.columns"
_TEXT = ("char", "text", "string", "varchar", "enum", "bool")
_UNCOUNTABLE = ("json", "struct", "map", "[]", "list", "array", "blob", "variant", "super", "geo")
_UNORDERED = ("bool", "uuid")
"""Types that have no least value everywhere."""


class WarehouseProfile:
    """Profiles relations. `relation_names` maps a unique id to the name to select from; `dialect`
    is sqlglot's name for what the warehouse speaks."""

    def __init__(
        self, warehouse: Warehouse, relation_names: dict[str, str], dialect: str = "duckdb"
    ) -> None:
        self._warehouse, self._dialect = warehouse, dialect
        self._names = relation_names
        self._cards: dict[str, RelationCard] = {}
        self._shares: dict[tuple[str, str, str, str], float | None] = {}

    def cards(self, relations: Sequence[ProjectRelation]) -> list[RelationCard]:
        """A card per relation; one that cannot be read has no row count and documented columns."""
        for relation in relations:
            if relation.key not in self._cards:
                self._cards[relation.key] = self._profile(relation)
        return [self._cards[r.key] for r in relations]

    def match_share(self, edge: JoinEdge, left: RelationCard, right: RelationCard) -> float | None:
        """Share of the non-null left values that are found right; None if nothing to compare."""
        key = (edge.left, edge.left_column, edge.right, edge.right_column)
        if key not in self._shares:
            self._shares[key] = self._match_share(edge, left, right)
        return self._shares[key]

    def _match_share(self, edge: JoinEdge, left: RelationCard, right: RelationCard) -> float | None:
        ours, theirs = (quoted(c, self._dialect) for c in (edge.left_column, edge.right_column))
        sql = (
            f"select count(*), count(r.k) from (select {ours} as k"
            f" from {left.relation_name} where {ours} is not null) as l"
            f" left join (select distinct {theirs} as k"
            f" from {right.relation_name}) as r on l.k = r.k"
        )
        try:
            total, found = self._warehouse.query(sql).rows[0]
        except InvalidInput:
            return None
        return round(found / total, 6) if total else None

    def _profile(self, relation: ProjectRelation) -> RelationCard:
        name = self._names.get(relation.unique_id) or relation.relation_name
        try:
            columns = self._columns(relation, name)
            row_count, cards = self._figures(relation, name, columns)
        except InvalidInput:
            row_count, cards = None, [_documented(relation, c, "") for c in relation.columns]
        adds_up = figures(relation.raw_sql)
        cards = [
            c.model_copy(update={"is_figure": True, "is_additive": adds_up[c.name.lower()]})
            if c.name.lower() in adds_up
            else c
            for c in cards
        ]
        return RelationCard(
            key=relation.key,
            unique_id=relation.unique_id,
            kind=relation.kind,
            layer=relation.layer,
            relation_name=name,
            description=relation.description[:600],
            path=relation.path,
            schema_path=relation.schema_path,
            row_count=row_count,
            columns=tuple(cards),
            materialization=relation.materialization,
            parents=relation.parents,
            has_freshness=relation.has_freshness,
        )

    def _columns(self, relation: ProjectRelation, name: str) -> list[tuple[str, str]]:
        columns = self.columns_of(relation)
        if not columns:
            raise InvalidInput(f"{name} is not in the warehouse")
        return columns

    def columns_of(self, relation: ProjectRelation) -> list[tuple[str, str]]:
        """Names and types of a relation's columns in the warehouse; nothing if it is not there."""
        name = self._names.get(relation.unique_id) or relation.relation_name
        parts = tuple(p.strip('"`').lower() for p in name.split("."))
        return self._schema.get(parts) or self._schema.get(parts[-2:]) or []

    @cached_property
    def _schema(self) -> dict[tuple[str, ...], list[tuple[str, str]]]:
        """Columns of everything in the warehouse, by (database, schema, name) and (schema, name)."""
        rows = [
            row
            for place in self._places()
            for row in self._listed(place, ", numeric_precision, numeric_scale")
            or self._listed(place, "")
        ]
        found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for catalog, schema, table, column, type_, *size in rows:
            key: tuple[str, ...] = (str(catalog).lower(), str(schema).lower(), str(table).lower())
            scale = (
                f"({size[0]},{size[1]})" if type_ == "numeric" and size and None not in size else ""
            )
            found.setdefault(key, []).append((str(column), str(type_).lower() + scale))
        for key in list(found):
            found.setdefault(key[1:], found[key])
        return found

    def _places(self) -> list[str]:
        """What lists columns: one view for all, of each data set in BigQuery, of each database in
        Snowflake and Databricks."""
        if self._dialect not in {"bigquery", "snowflake", "databricks"}:
            return [_COLUMNS]
        found: dict[str, None] = {}
        for name in self._names.values():
            parts = [p.sql(self._dialect) for p in exp.to_table(name, dialect=self._dialect).parts]
            place = parts[:-1] if self._dialect == "bigquery" else parts[:-2]
            found[".".join([*place, _COLUMNS])] = None
        return [*found] or [_COLUMNS]

    def _listed(self, place: str, more: str) -> Sequence[Sequence[Any]]:
        """All columns with their types and `more`; nothing where the warehouse does not tell."""
        try:
            return self._warehouse.query(
                f"select table_catalog, table_schema, table_name, column_name, data_type{more}"
                f" from {place}"
                " order by table_catalog, table_schema, table_name, ordinal_position",
                limit=1_000_000,
            ).rows
        except InvalidInput:
            return ()

    def _figures(
        self, relation: ProjectRelation, name: str, columns: list[tuple[str, str]]
    ) -> tuple[int, list[ColumnCard]]:
        rest = columns[MAX_COLUMNS:]  # their figures are not asked for, but they are there
        columns = columns[:MAX_COLUMNS]
        parts = ["count(*)"]
        for column, type_ in columns:
            c = quoted(column, self._dialect)
            if any(t in type_ for t in _UNCOUNTABLE):
                parts += [f"count({c})", "null", "null", "null"]
            else:
                ends = [as_text(f"{f}({c})", type_) for f in ("min", "max")]
                if any(t in type_ for t in _UNORDERED):
                    ends = [f"{f}({as_text(c, type_)})" for f in ("min", "max")]
                parts += [f"count({c})", f"count(distinct {c})", *ends]
        row = self._ask(f"select {', '.join(parts)} from {name}")[0]
        total = int(row[0])
        values = self._values(name, relation, columns, row)
        cards = []
        for n, (column, type_) in enumerate(columns):
            filled, distinct, low, high = row[1 + 4 * n : 5 + 4 * n]
            card = _documented(relation, column, type_)
            personal = card.is_personal
            cards.append(
                card.model_copy(
                    update={
                        "distinct": distinct,
                        "nulls": total - int(filled),
                        "minimum": None if personal or low is None else str(low)[:60],
                        "maximum": None if personal or high is None else str(high)[:60],
                        "is_unique": bool(total) and distinct == total == int(filled),
                        "values": () if personal else values.get(column, ()),
                    }
                )
            )
        cards = [self._with_fields(name, card, total) for card in cards]
        return total, cards + [_documented(relation, column, type_) for column, type_ in rest]

    def _with_fields(self, name: str, card: ColumnCard, total: int) -> ColumnCard:
        """The card with the keys of its JSON; of the objects themselves nothing is shown, but an
        empty text as the least value."""
        if fields := struct_fields(card):
            return card.model_copy(update={"fields": tuple(fields)})
        if not may_hold_json(card):
            return card
        text = json_text(card, quoted(card.name, self._dialect))
        try:
            rows = self._ask(f"select {text} from {name} limit {SAMPLE}", limit=SAMPLE)
        except InvalidInput:
            return card
        texts = [None if row[0] is None else str(row[0]) for row in rows]
        fields = json_fields(card, texts, whole=len(texts) == total)
        if not fields:
            return card
        least = "" if "" in texts else None
        hidden = {"values": (), "minimum": least, "maximum": None, "fields": tuple(fields)}
        return card.model_copy(update=hidden)

    def _values(
        self,
        name: str,
        relation: ProjectRelation,
        columns: list[tuple[str, str]],
        row: tuple[Any, ...],
    ) -> dict[str, tuple[str, ...]]:
        """The values of columns that hold few, most frequent first."""
        few = [
            (n, quoted(column, self._dialect), type_)
            for n, (column, type_) in enumerate(columns)
            if any(t in type_ for t in _TEXT)
            and row[2 + 4 * n] is not None
            and 0 < row[2 + 4 * n] <= MAX_VALUES
            and not _documented(relation, column, type_).is_personal
        ]
        if not few:
            return {}
        union = " union all ".join(
            f"select {n} as c, {as_text(c, type_)} as v, count(*) as n"
            f" from {name} where {c} is not null group by 2"
            for n, c, type_ in few
        )
        rows = self._ask(f"select c, v, n from ({union}) as u order by 1, 3 desc, 2")
        names = {n: columns[n][0] for n, _, _ in few}
        found: dict[str, list[str]] = {}
        for n, value, _ in rows:
            found.setdefault(names[n], []).append(str(value))
        return {c: tuple(v) for c, v in found.items()}

    def _ask(self, sql: str, limit: int = 1000) -> tuple[tuple[Any, ...], ...]:
        return self._warehouse.query(said_in(self._dialect, sql), limit=limit).rows


def quoted(column: str, dialect: str) -> str:
    """A column's name as the warehouse spells it, quoted: it may be a word of SQL."""
    return str(exp.to_identifier(column, quoted=True).sql(dialect=dialect))


def as_text(value: str, data_type: str) -> str:
    """SQL for the beginning of a value as text; Redshift casts no boolean."""
    if "bool" in data_type:
        return f"case when {value} then 'true' when not {value} then 'false' end"
    return f"left(cast({value} as text), {MAX_TEXT})"


def _documented(relation: ProjectRelation, column: str, data_type: str) -> ColumnCard:
    known = relation.columns.get(column.lower())
    meta = known.meta if known else {}
    return ColumnCard(
        name=known.name if known and not data_type else column,
        data_type=data_type or (known.data_type if known else ""),
        description=known.description[:300] if known else "",
        tests=known.tests if known else (),
        is_personal=looks_personal(column, meta, known.tags if known else ()),
        meta=meta,
    )


def is_arrival(column: str) -> bool:
    """Whether a column says when a row was loaded, not when something happened."""
    return bool(set(stems(column)) & stem_set("arrival_words"))


def is_temporal(card: ColumnCard) -> bool:
    return card.data_type.startswith(("date", "timestamp", "datetime"))


def is_numeric(card: ColumnCard) -> bool:
    return card.data_type.startswith(
        (
            "int",
            "bigint",
            "smallint",
            "tinyint",
            "hugeint",
            "decimal",
            "numeric",
            "double",
            "float",
            "real",
            "number",
            "uint",
            "ubig",
            "usmall",
        )
    )


def is_boolean(card: ColumnCard) -> bool:
    return card.data_type.startswith("bool")


def is_text(card: ColumnCard) -> bool:
    return any(t in card.data_type for t in ("char", "text", "string", "enum"))
