"""Settles whether an average is over parts or over what they make up: legs or shipments."""

from __future__ import annotations

from crew.artifacts import JoinEdge, Metric
from crew.catalog.dbt_project import entity_of
from crew.drafting.interpretation import Interpretation
from crew.drafting.schema_linker import content_stems, entity_stems
from crew.drafting.scope import qualified
from crew.drafting.vocabulary import alike, plural, singular, snake, stem_set


def settled(metric: Metric, context: Interpretation) -> Metric:
    """The average of a number that parts of something have (the distance of legs), over the parts
    or over the wholes; asked where the ticket names neither."""
    measure = metric.measures[0]
    part = context.evidence.relation(measure.relation)
    if part is None or len(metric.measures) > 1 or measure.aggregation != "average":
        return metric
    if not set(entity_stems(part)) & stem_set("part_rows"):
        return metric
    said = set(content_stems(metric.label)) | context.linker.said
    edges = [e for e in context.planner.edges if e.left == part.key and _is_whole(e, context)]
    cards = [part, *(c for e in edges if (c := context.evidence.relation(e.right)))]
    if not edges or any(alike(s) & said for c in cards for s in entity_stems(c)):
        return metric
    edge = edges[0]
    one, other = (plural(singular(entity_of(k))) for k in (part.key, edge.right))
    index = context.asking.ask(
        f"average:{snake(metric.label)}",
        f"“{metric.label}”: the average over {one}, or of the sum of each of the {other}?",
        [(f"over `{part.key}`: one value per {singular(one)}", ""),
         (f"the sum per {singular(other)}, averaged over {other}", "")],
    )  # fmt: skip
    if index != 1:
        return metric
    column = qualified(part.key, edge.left_column).sql(dialect=context.evidence.dialect)
    total = measure.model_copy(update={"aggregation": "sum", "name": f"total_{measure.name}"[:60]})
    wholes = measure.model_copy(
        update={"aggregation": "count_distinct", "name": other, "expression": column}
    )
    return metric.model_copy(
        update={
            "measures": (total, wholes),
            "formula": f"{total.name} / {wholes.name}",
            "definition": f"{total.name} divided by the different {other}",
            "grounding": context.answered(),
        }
    )


def _is_whole(edge: JoinEdge, context: Interpretation) -> bool:
    """Whether several rows make up one of the others: more parts than wholes, and many of these."""
    part, whole = (context.evidence.relation(k) for k in (edge.left, edge.right))
    if part is None or whole is None or whole.layer == "source":
        return False
    counts = (part.row_count or 0, whole.row_count or 0)
    return counts[0] > counts[1] > 0.1 * counts[0]
