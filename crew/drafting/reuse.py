"""Does an existing model answer this already, or all but some numbers? Judged by grain, dimensions
and the numbers, never by words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crew.artifacts import (
    Assumption,
    ColumnCard,
    DraftModel,
    Evidence,
    Grounding,
    Metric,
    RelationCard,
    RequirementSpec,
)
from crew.catalog.warehouse_profile import is_numeric, is_temporal, quoted
from crew.drafting.extension_compiler import compile_extension
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.model_text import CannotEdit, masked
from crew.drafting.scope import UnknownColumn
from crew.drafting.sql_layout import ref_sql
from crew.drafting.vocabulary import stems
from crew.errors import InvalidInput
from crew.ports import Warehouse

MIN_CELLS = 3
MIN_MATCHED = 0.8


@dataclass(frozen=True)
class Existing:
    """`exact`: every cell of every metric is equal; else `missing` names what the model lacks, and
    `extend` is the specification that adds it, where the model has just our rows."""

    model: str
    explanation: str
    exact: bool
    missing: tuple[str, ...] = ()
    extend: RequirementSpec | None = None


def find_existing(
    spec: RequirementSpec, draft: DraftModel, evidence: Evidence, warehouse: Warehouse
) -> Existing | None:
    """The mart that answers the specification, or nearly. The draft's own rows are the measure.

    A model counts only if it has the same grain and every number is the same in every row.
    """
    if spec.look_back or spec.derived or spec.top or spec.spine or not spec.metrics:
        return None
    if any(d.expression for d in spec.dimensions):
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
            found = _Comparison(spec, card, keys, ours, evidence, warehouse).judge()
        except InvalidInput:
            continue
        if found and found.exact:
            return found
        if near is None or (found and found.extend and not near.extend):
            near = found
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


@dataclass(frozen=True)
class _Comparison:
    """Our rows `ours`, a SELECT, beside those of a model; `keys`: our grain columns -> its own."""

    spec: RequirementSpec
    card: RelationCard
    keys: dict[str, str]
    ours: str
    evidence: Evidence
    warehouse: Warehouse

    def judge(self) -> Existing | None:
        theirs = self.card.relation_name
        if not self.keys:
            return None
        rows, matched = self._rows()
        if matched < MIN_MATCHED * rows or not self._unique(theirs, [*self.keys.values()]):
            return None
        if not self._unique(f"({self.ours})", [*self.keys]):
            return None
        same, cells = self._numbers()
        missing = tuple(m for m in self.spec.metrics if m.name not in same)
        said = "; ".join(f"{m.label} is `{same[m.name]}`" for m in self.spec.metrics
                         if m.name in same)  # fmt: skip
        key, grain = self.card.key, ", ".join(f"`{c}`" for c in self.keys.values())
        if not missing:
            text = f"`{key}` holds this already, one row per {grain}: {said}."
            text += f" All {cells:,} numbers are equal to what the request asks for."
            return Existing(key, text, exact=True)
        names = ", ".join(m.name for m in missing)
        if rows == matched and (extending := self._extending(missing, same)):
            text = f"`{key}` has just the rows that are asked for, one per {grain}"
            text += f" ({said})" if said else ""
            text += f", but not {names}."
            notes = (*self.spec.notes, f"{text} So it is extended.")
            extending = extending.model_copy(update={"notes": notes})
            return Existing(key, text, False, tuple(m.name for m in missing), extending)
        text = f"`{key}` has the same grain ({grain}) but not {names}."
        return Existing(key, text, exact=False, missing=tuple(m.name for m in missing))

    def _numbers(self) -> tuple[dict[str, str], int]:
        """Our metrics -> columns of the model with the same numbers, and how many cells that is."""
        same: dict[str, str] = {}
        cells = 0
        numbers = [c.name for c in self.card.columns if is_numeric(c)]
        for metric in self.spec.metrics:
            for number in numbers:
                if number in self.keys.values():
                    continue
                compared, different = self._cells(metric.name, number)
                if compared >= MIN_CELLS and different == 0:
                    same[metric.name], cells = number, cells + compared
                    break
        return same, cells

    # --- extending -----------------------------------------------------------------------------

    def _extending(
        self, missing: tuple[Metric, ...], same: dict[str, str]
    ) -> RequirementSpec | None:
        """The specification that adds the missing metrics to the model, if that is what it is for:
        it has our rows and no others, and shows another of our numbers or reads what they count."""
        spec, card = self.spec, self.card
        if spec.related or spec.spine_filters:
            return None
        is_ours = card.unique_id.startswith(f"model.{self.evidence.project}.")
        is_plain = card.materialization in {"table", "view"} and card.path.endswith(".sql")
        if not is_ours or card.layer != "mart" or not is_plain:
            return None
        if spec.standalone or spec.date_range or (spec.filters and not same):
            return None
        if not same:
            return None  # only a number that agrees in each row shows that the keys mean the same
        if self._is_taken(missing):
            return None
        news = {"kind": "change_model", "model": card.key, "target": card.key, "metrics": missing,
                "extends": self.keys, "row_grain": (*self.keys.values(),), "fill_gaps": False,
                "assumptions": (*spec.assumptions, *self._own_conditions(missing))}  # fmt: skip
        extending = spec.model_copy(update=news)
        try:
            planner = JoinPlanner(self.evidence)
            draft = compile_extension(extending, self.evidence, planner, card)
        except (CannotEdit, NoJoin, AmbiguousJoin, UnknownColumn, ValueError):
            return None
        cards = [c for c in self.evidence.relations if c.key in draft.relations]
        in_circles = any(card.key in {c.key, *_read_by(c, self.evidence)} for c in cards)
        return None if in_circles else extending

    def _own_conditions(self, missing: tuple[Metric, ...]) -> list[Assumption]:
        """What people have to know where the model leaves rows out by itself."""
        key = self.card.key
        if not re.search(r"\bwhere\b", masked(self.evidence.sql.get(key, "")), re.I):
            return []
        names = ", ".join(m.label for m in missing)
        text = f"Rows that `{key}` leaves out by conditions of its own are counted in {names}."
        return [Assumption(text=text, grounding=Grounding(source="rule", text=f"SQL of {key}"))]

    def _is_taken(self, missing: tuple[Metric, ...]) -> bool:
        """Whether a column to be added is there already, with other numbers."""
        for metric in missing:
            if self.card.column(metric.name):
                return True
            for measure in metric.measures:
                own = self.card.column(measure.name)
                if (
                    own
                    and metric.formula != measure.name
                    and self._cells(measure.name, own.name)[1]
                ):
                    return True
        return False

    # --- asking --------------------------------------------------------------------------------

    def _rows(self) -> tuple[int, int]:
        """Rows of both sides, and those with a counterpart: where few have one the grain is another
        one, or what the rows stand for."""
        sql = (
            "select count(*), count(case when a is not null and b is not null then 1 end)"
            f" from ({self._paired('1', '1')}) as x"
        )
        rows, matched = self.warehouse.query(sql).rows[0]
        return int(rows), int(matched)

    def _unique(self, relation: str, columns: list[str]) -> bool:
        keys = ", ".join(self._quoted(c) for c in columns)
        different = f"select count(*) from (select distinct {keys} from {relation} as r) as d"
        sql = f"select count(*), ({different}) from {relation} as r"
        rows, different = self.warehouse.query(sql).rows[0]
        return int(rows) == int(different)

    def _cells(self, ours: str, theirs: str) -> tuple[int, int]:
        """Cells compared and cells that differ; a row that one side lacks counts as zero there."""
        sql = (
            "select count(*), count(case when abs(a - b)"
            " > least(0.005, 0.0005 * greatest(abs(a), abs(b))) then 1 end) from"
            " (select coalesce(a, 0) as a, coalesce(b, 0) as b"
            f" from ({self._paired(self._quoted(ours), self._quoted(theirs))}) as y) as x"
        )
        compared, different = self.warehouse.query(sql).rows[0]
        return int(compared), int(different)

    def _paired(self, ours: str, theirs: str) -> str:
        """A row per key of either side: a is `ours` and b `theirs`, empty where a side lacks the
        key. No full join: some warehouses have none over keys that may be empty."""
        places = range(len(self.keys))
        own = ", ".join(f"{self._quoted(k)} as k{n}" for n, k in enumerate(self.keys))
        other = ", ".join(f"{self._quoted(k)} as k{n}" for n, k in enumerate(self.keys.values()))
        return (
            f"select max(a) as a, max(b) as b from (select {own}, {ours} as a, null as b"
            f" from ({self.ours}) as o union all select {other}, null as a, {theirs} as b"
            f" from {self.card.relation_name} as t) as u group by"
            f" {', '.join(f'k{n}' for n in places)}"
        )

    def _quoted(self, column: str) -> str:
        return quoted(column, self.evidence.dialect)


def _read_by(card: RelationCard, evidence: Evidence) -> set[str]:
    """What a model reads, directly or through others, as far as the evidence goes."""
    known = {c.unique_id: c for c in evidence.relations}
    found: set[str] = set()
    waiting = [card]
    while waiting:
        for parent in waiting.pop().parents:
            above = known.get(parent)
            if above and above.key not in found:
                found.add(above.key)
                waiting.append(above)
    return found
