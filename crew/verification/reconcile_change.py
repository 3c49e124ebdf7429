"""Reconciles a changed model: rows kept, totals kept, what was added."""

from __future__ import annotations

from crew.artifacts import (
    Dimension,
    Measure,
    RelationCard,
)
from crew.drafting.row_sets import dimension_sql
from crew.drafting.scope import qualified
from crew.verification.reconcile_new_model import aggregated, figures
from crew.verification.reconciliation_card import NUMBERS, Card, Figure, Keys
from crew.verification.source_totals import (
    Cut,
)


def changed(card: Card) -> None:
    """Rows and totals that were there stay; what is added equals the sources."""
    model = card.context.main_model
    assert model is not None
    target = card.evidence.relation(card.spec.target or model.name)
    if target is None:
        card.warned.append("The model that changes is not known, so nothing could be compared.")
        return
    if base := card.context.base_compiled.get(model.name):
        _kept(card, target, f"({base.rstrip().rstrip(';')}\n)")
    if card.spec.extends:
        aggregated(card)
        return
    for metric in card.spec.metrics:
        edge = card.planner.path(metric.measures[0].relation, target.key)[-1]
        there = f"{_sql(target.key, edge.right_column)} IS NOT NULL"
        filters = (*(f.condition for f in card.spec.filters), there)
        cut = Cut(filters=filters, dimensions=(_sql(target.key, edge.right_column),))
        key = card.column(edge.right_column)
        figures(card, [metric], cut, Keys(dimensions={edge.right_column: key or "null"}))
    for dimension in card.spec.dimensions:
        _looked_up(card, target, dimension)


def _kept(card: Card, target: RelationCard, base: str) -> None:
    names = [c.name for c in target.columns
             if c.data_type.lower().startswith(NUMBERS) and card.column(c.name)]  # fmt: skip
    sums = ", ".join(["count(*)", *(f"sum({card.column(n)})" for n in names)])
    before, after = (card.ask(f"select {sums} from {r} as r")[0] for r in (base, card.relation))
    for name, old, new in zip(["rows", *names], before, after, strict=True):
        card.equal(name, old, new, "before the change and after it")


def _looked_up(card: Card, target: RelationCard, dimension: Dimension) -> None:
    """Every row has the value that its key leads to."""
    column = card.column(dimension.name)
    if column is None:
        card.failed.append(f"The model has no column {dimension.name}.")
        return
    key = next((c.name for c in target.columns if c.is_unique or "unique" in c.tests), "")
    places = [_sql(target.key, key)] * bool(key) + [dimension_sql(dimension)]
    names = {key: card.column(key) or "null"} if key else {}
    every = Measure(name=dimension.name, relation=target.key, aggregation="count", expression="*")
    cells = card.totals.cells(every, Cut(dimensions=tuple(places)))
    missing = card.ask(f"select count(*) from {card.relation} as r where {column} is null")[0][0]
    figure = Figure(dimension.name, cells, "count(*)", True)
    keys = Keys(dimensions={**names, dimension.name: column})
    card.compare(figure, keys, f"{missing:,} rows without a value")


def _sql(relation: str, column: str) -> str:
    return qualified(relation, column).sql()
