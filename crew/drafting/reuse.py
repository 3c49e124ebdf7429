"""Does an existing model answer this already? Judged by grain, dimensions and the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from crew.artifacts import ColumnCard, DraftModel, Evidence, RelationCard, RequirementSpec
from crew.catalog.warehouse_profile import is_numeric, is_temporal, quoted
from crew.drafting.sql_layout import ref_sql
from crew.drafting.vocabulary import stems
from crew.errors import InvalidInput
from crew.ports import Warehouse

MIN_CELLS = 3
MIN_MATCHED = 0.8


@dataclass(frozen=True)
class Existing:
    """`exact`: every cell of every metric is equal; else `missing` names what the model lacks."""

    model: str
    explanation: str
    exact: bool
    missing: tuple[str, ...] = ()


def find_existing(
    spec: RequirementSpec, draft: DraftModel, evidence: Evidence, warehouse: Warehouse
) -> Existing | None:
    """The mart that answers the specification, or nearly. The draft's own rows are the measure.

    A model counts only if it has the same grain and every number is the same in every row.
    """
    if spec.look_back or not spec.metrics:
        return None
    ours = runnable(draft, evidence)
    near: Existing | None = None
    for card in evidence.relations:
        if card.kind != "model" or card.layer == "staging" or not card.row_count:
            continue
        keys = _keys(spec, card, evidence)
        if keys is None:
            continue
        try:
            found = _compare(spec, card, keys, ours, warehouse)
        except InvalidInput:
            continue
        if found and found.exact:
            return found
        near = near or found
    return near


def runnable(draft: DraftModel, evidence: Evidence) -> str:
    """The draft's SQL over the real names of its relations."""
    text = draft.sql
    for key in draft.relations:
        card = evidence.relation(key)
        if card:
            text = text.replace(ref_sql(key), card.relation_name)
    return text.strip().rstrip(";")


def _keys(spec: RequirementSpec, card: RelationCard, evidence: Evidence) -> dict[str, str] | None:
    """Our grain columns -> the model's, or None if one has no counterpart."""
    found: dict[str, str] = {}
    if spec.time:
        temporal = [c for c in card.columns if is_temporal(c)]
        if len(temporal) != 1:
            temporal = [c for c in temporal if spec.time.grain in stems(c.name)]
        if len(temporal) != 1:
            return None
        found[spec.time.column] = temporal[0].name
    for dimension in spec.dimensions:
        origin = evidence.relation(dimension.relation)
        column = origin.column(dimension.column) if origin else None
        match = next((c for c in card.columns if column and _alike(column, c)), None)
        if match is None:
            return None
        found[dimension.name] = match.name
    return found


def _alike(a: ColumnCard, b: ColumnCard) -> bool:
    if a.values and b.values:
        return set(b.values) <= set(a.values) and (a.name == b.name or len(b.values) > 1)
    return a.name == b.name


def _compare(
    spec: RequirementSpec, card: RelationCard, keys: dict[str, str], ours: str, warehouse: Warehouse
) -> Existing | None:
    if not keys or not _same_rows(keys, card, ours, warehouse):
        return None
    theirs = ", ".join(quoted(c) for c in keys.values())
    rows = warehouse.query(
        f"select count(*), count(distinct ({theirs})) from {card.relation_name}"
    ).rows
    if rows[0][0] != rows[0][1]:
        return None
    numbers = [c for c in card.columns if is_numeric(c) and c.name not in keys.values()]
    mapping: dict[str, str] = {}
    cells = 0
    for metric in spec.metrics:
        for number in numbers:
            compared, different = _cells(metric.name, number.name, keys, card, ours, warehouse)
            if compared >= MIN_CELLS and different == 0:
                mapping[metric.name], cells = number.name, cells + compared
                break
    missing = tuple(m.name for m in spec.metrics if m.name not in mapping)
    grain = ", ".join(f"`{c}`" for c in keys.values())
    if not missing:
        said = "; ".join(f"{m.label} is `{mapping[m.name]}`" for m in spec.metrics)
        text = f"`{card.key}` holds this already, one row per {grain}: {said}."
        text += f" All {cells:,} numbers are equal to what the request asks for."
        return Existing(card.key, text, exact=True)
    text = f"`{card.key}` has the same grain ({grain}) but not {', '.join(missing)}."
    return Existing(card.key, text, exact=False, missing=missing)


def _same_rows(keys: dict[str, str], card: RelationCard, ours: str, warehouse: Warehouse) -> bool:
    """Whether most rows of both sides have a counterpart: else the grain is another one, or what
    the rows stand for."""
    sql = (
        f"select count(*), count(*) filter (where o.ours is not null and t.theirs is not null)"
        f" from (select *, 1 as ours from ({ours}) as x) as o"
        f" full outer join (select *, 1 as theirs from {card.relation_name}) as t on {_on(keys)}"
    )
    rows, matched = warehouse.query(sql).rows[0]
    return int(matched) >= MIN_MATCHED * int(rows)


def _on(keys: dict[str, str]) -> str:
    return " and ".join(
        f"o.{quoted(a)} is not distinct from t.{quoted(b)}" for a, b in keys.items()
    )


def _cells(
    ours_column: str,
    theirs_column: str,
    keys: dict[str, str],
    card: RelationCard,
    ours: str,
    warehouse: Warehouse,
) -> tuple[int, int]:
    """Cells compared and cells that differ; a row that one side lacks counts as zero there."""
    sql = (
        f"select count(*), count(*) filter (where abs(coalesce(o.{quoted(ours_column)}, 0)"
        f" - coalesce(t.{quoted(theirs_column)}, 0)) > 0.005)"
        f" from ({ours}) as o full outer join {card.relation_name} as t on {_on(keys)}"
    )
    compared, different = warehouse.query(sql).rows[0]
    return int(compared), int(different)
