"""Looks for rows that would count twice or should not count, where no agreed definition says so."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from crew.artifacts import ColumnCard, Dimension, Filter, Measure, Metric, RelationCard
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_boolean, is_numeric, is_temporal
from crew.drafting.interpretation import Interpretation
from crew.drafting.row_sets import parse_sql
from crew.drafting.scope import key_of, qualified
from crew.drafting.vocabulary import name_stems, singular, spelt_out, stem_set

REMOVED = re.compile(
    r"^_?(?:is_|was_)?(?:soft_)?(?:deleted|removed)(?:_at|_on|_flag)?$|^_fivetran_deleted$", re.I
)


_CURRENCY = re.compile(r"^(?:\w+_)?currency(?:_code|_iso)?$|^\w*Currency(?:Code)?$")


class RowHygiene:
    """Removed and repeated rows under the metrics of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context
        self._split_by: set[str] = set()

    def check(
        self, metrics: Sequence[Metric], filters: Sequence[Filter], dimensions: Sequence[Dimension]
    ) -> list[Metric]:
        """The metrics, narrowed where an answer says so; what is not answered stays a question."""
        self._split_by = {d.column for d in dimensions}
        return [
            self._metric(m, filters) if m.grounding.source != "glossary" else m for m in metrics
        ]

    def _metric(self, metric: Metric, filters: Sequence[Filter]) -> Metric:
        measures = []
        for measure in metric.measures:
            card = self.context.evidence.relation(measure.relation)
            said = " ".join([*measure.filters, *(f.condition for f in filters)])
            if card is not None:
                measure = self._removed(measure, card, said)
                held = self._held(measure, card, said)
                measure = self._repeated(measure, card) if held is None else held
                measure = self._mixed_currencies(measure, card, said)
            measures.append(measure)
        return metric.model_copy(update={"measures": tuple(measures)})

    def _removed(self, measure: Measure, card: RelationCard, said: str) -> Measure:
        column = next(
            (c for c in card.columns if REMOVED.match(c.name) and _marks_some(c, card)), None
        )
        if column is None or column.name in said:
            return measure
        name = qualified(card.key, column.name).sql(dialect=self.context.evidence.dialect)
        keep = f"{name} IS NULL" if is_temporal(column) else f"NOT COALESCE({name}, FALSE)"
        without = measure.model_copy(update={"filters": (*measure.filters, keep)})
        removed = _removed_rows(column, card)
        said_of = f"{removed:,} of {card.row_count:,}" if removed and card.row_count else "Some"
        self.context.assume(
            f"{said_of} rows of `{card.key}` are marked as removed (`{column.name}`): they are left out.",
            f"select count(*) from {card.relation_name} where not ({keep.replace(name, column.name)})",
        )
        return without

    def _held(self, measure: Measure, card: RelationCard, said: str) -> Measure | None:
        """The measure over what holds now, where rows are periods; None where they are none."""
        version = self.context.versions.get(card.key)
        if version is None:
            return None
        told = f"{card.row_count:,} rows of `{card.key}` are periods of {version.keys:,} `{version.key}`"
        split = {version.begins, version.ends, version.flag} & self._split_by
        if measure.is_stock or measure.time or split or version.is_told(said):
            return measure
        counts = measure.aggregation in {"count", "count_distinct"}
        if counts and not version.is_of_key:
            self.context.assume(f"{told}: all of them count, those that have ended too.")
            return measure
        now = measure.model_copy(update={"filters": (*measure.filters, version.now)})
        if version.is_of_key:
            self.context.assume(
                f"{told}: only the {version.current:,} that hold now count (`{version.now}`)."
            )
            return now
        options = [
            (f"those that hold now (`{version.now}`)", self.context.probe.overall(now)),
            ("all of them, those that have ended too", self.context.probe.overall(measure)),
        ]
        index = self.context.asking.ask(
            f"versions:{card.key}", f"{told}. Which ones count?", options
        )
        return now if index == 0 else measure

    def _mixed_currencies(self, measure: Measure, card: RelationCard, said: str) -> Measure:
        """Amounts of several currencies do not add up."""
        column = next((c for c in card.columns if _CURRENCY.match(c.name)), None)
        counts = measure.aggregation in {"count", "count_distinct"}
        if column is None or counts or len(column.values) < 2 or not self._is_money(measure):
            return measure
        if column.name in said or column.name in self._split_by:
            return measure
        name = qualified(card.key, column.name).sql(dialect=self.context.evidence.dialect)
        only = [
            measure.model_copy(update={"filters": (*measure.filters, f"{name} = '{v}'")})
            for v in column.values[:4]
        ]
        gives = self.context.probe.overall
        options = [(f"only {v}", gives(m)) for v, m in zip(column.values[:4], only, strict=True)]
        options.append(("all of them, added up as they are", gives(measure)))
        index = self.context.asking.ask(
            f"currency:{card.key}",
            f"`{card.key}` holds amounts in {', '.join(column.values[:6])}. Which ones count?",
            options,
        )
        return only[index] if index is not None and index < len(only) else measure

    def _is_money(self, measure: Measure) -> bool:
        """Whether a measure may be an amount: kilometres, dates and keys are in no currency."""
        tree = parse_sql(measure.expression, self.context.evidence.dialect)
        columns = list(tree.find_all(exp.Column))
        cards = [
            card.column(c.name)
            for c in columns
            if (card := self.context.evidence.relation(key_of(c) or measure.relation))
        ]
        if cards and not any(c is None or (is_numeric(c) and not c.is_unique) for c in cards):
            return False
        said = {s for c in columns for s in name_stems(c.name)}
        return not said & (stem_set("units") | stem_set("measuring")) or bool(
            said & stem_set("money")
        )

    def _repeated(self, measure: Measure, card: RelationCard) -> Measure:
        """Rows that share a key: counted once or as often as they were delivered?"""
        one = singular(entity_of(card.key))
        ends = ("id", "key", "code", "no", "number")
        names = {"id", f"{one.split('_')[-1]}_id", *(f"{one}_{end}" for end in ends)}
        key = next((c for c in card.columns if spelt_out(c.name) in names), None)
        if key is None or not key.distinct or card.row_count is None:
            return measure
        again = card.row_count - (key.nulls or 0) - key.distinct
        if again <= 0:
            return measure
        name = qualified(card.key, key.name).sql(dialect=self.context.evidence.dialect)
        told = f"`{card.key}` holds {again:,} rows more than it has different `{key.name}`"
        if measure.aggregation != "count":
            self.context.assume(
                f"{told}: they are all in `{measure.name}`.",
                f"select {key.name}, count(*) from {card.relation_name} group by 1 having count(*) > 1",
            )
            return measure
        distinct = measure.model_copy(update={"aggregation": "count_distinct", "expression": name})
        options = [
            (f"each `{key.name}` once", self.context.probe.latest(distinct, "month")),
            ("every row", self.context.probe.latest(measure, "month")),
        ]
        index = self.context.asking.ask(f"repeated:{card.key}", f"{told}. What counts?", options)
        return distinct if index == 0 else measure


def _removed_rows(column: ColumnCard, card: RelationCard) -> int | None:
    """How many rows are marked, where the column itself tells."""
    if is_temporal(column) and card.row_count is not None and column.nulls is not None:
        return card.row_count - column.nulls
    return None


def _marks_some(column: ColumnCard, card: RelationCard) -> bool:
    if is_boolean(column):
        return "true" in {v.lower() for v in column.values}
    return is_temporal(column) and column.nulls is not None and column.nulls < (card.row_count or 0)
