"""`kilometres per trip by month`: what stands behind `per` and is the counted row itself is divided by.

To split by it would show the rows themselves. Where it is something else that there is nearly as
much of, a row each is hardly meant either, and it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Measure, Metric
from crew.catalog.dbt_project import entity_of
from crew.drafting.interpretation import Interpretation
from crew.drafting.schema_linker import EntityLink, content_stems
from crew.drafting.scope import qualified
from crew.drafting.vocabulary import plural, snake, words
from crew.drafting.wish import Phrase, Wish

_NEARLY = 0.3
"""Share of the counted rows from which on a row for each of something else is hardly a split."""


def with_row_quotients(
    wish: Wish, metrics: Sequence[Metric], context: Interpretation
) -> list[Metric]:
    """The metrics, those divided that are said to be per counted row; `wish` is split by the rest."""
    found = list(metrics)
    for phrase in list(wish.dimensions):
        others = [p for p in wish.dimensions if p is not phrase and p.place != "title"]
        if phrase.place == "title" or not (wish.grain or others):
            continue
        if not _is_per(phrase, context):
            continue
        for n, metric in enumerate(found):
            measure = metric.measures[0]
            unit = _unit(phrase, measure, context)
            if len(metric.measures) > 1 or measure.aggregation != "sum" or unit is None:
                continue
            if not unit.rest and entity_of(unit.card.key) == entity_of(measure.relation):
                found[n] = _divided(metric, phrase, context)
                same = set(content_stems(phrase.text))
                wish.dimensions = [p for p in wish.dimensions if set(content_stems(p.text)) != same]
                continue
            context.asking.ask(
                f"per:{snake(phrase.text)}",
                f"“{metric.label} per {phrase.text}”: a row for each {phrase.text}, or one figure"
                " divided by another? For the latter, name both.",
                [(f"a row for each {phrase.text}", "")],
                default=None,
            )
    return found


def _is_per(phrase: Phrase, context: Interpretation) -> bool:
    """Whether a ticket says `per trip`."""
    said = phrase.text.lower()
    return any(
        f"per {said}" in text.lower() or f"for each {said}" in text.lower()
        for text in context.linker.clauses
    )


def _unit(phrase: Phrase, measure: Measure, context: Interpretation) -> EntityLink | None:
    """What the phrase names, if there is nearly as much of it as is counted."""
    base = context.evidence.relation(measure.relation)
    for link in context.linker.entities(content_stems(phrase.text)):
        if link.rest and not context.linker.conditions(list(link.rest), [link.card.key]):
            continue
        rows = (link.card.row_count or 0, (base.row_count if base else 0) or 0)
        own = entity_of(link.card.key) == entity_of(measure.relation)
        if own or (rows[1] and rows[0] >= _NEARLY * rows[1]):
            return link
    return None


def _divided(metric: Metric, phrase: Phrase, context: Interpretation) -> Metric:
    (measure,) = metric.measures
    card = context.evidence.relation(measure.relation)
    key = context.linker.key_column(card) if card else None
    column = qualified(measure.relation, key).sql(dialect=context.evidence.dialect) if key else "*"
    name = snake(plural(words(phrase.text)[-1]))
    rows = measure.model_copy(update={"name": name, "aggregation": "count", "expression": column})
    label = f"{metric.label} per {phrase.text}"
    context.assume(f"“{label}” is divided by the number of rows of `{measure.relation}`.")
    return metric.model_copy(
        update={
            "name": snake(f"{metric.name} per {phrase.text}"),
            "label": label,
            "definition": f"{metric.definition}, divided by the number of rows",
            "formula": f"{measure.name} / {name}",
            "measures": (measure, rows),
        }
    )
