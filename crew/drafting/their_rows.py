"""`number of paid invoices and their total amount`: a figure of the rows that another one counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from crew.artifacts import Measure, Metric
from crew.drafting.interpretation import Interpretation
from crew.drafting.metric_reading import Reading, split_aggregation

_THEIR = re.compile(r"\b(?:their|its|the\s+sum\s+of\s+(?:them|these|those))\b", re.I)
_TAIL = re.compile(r"\s*\b(?:of|from|for)\s+(?:those|these)\b(?!\s+\w)", re.I)
_OF_THOSE = re.compile(rf"{_THEIR.pattern}|{_TAIL.pattern}", re.I)


def with_their_rows(
    read: Sequence[tuple[Reading, Metric]], context: Interpretation
) -> list[Metric]:
    """The metrics, those that are `their` figures with the conditions and the date of the rows
    counted before; where these rows cannot be told from what they are of, that is asked."""
    return [_narrowed(reading, metric, read, context) for reading, metric in read]


def _narrowed(
    reading: Reading,
    metric: Metric,
    read: Sequence[tuple[Reading, Metric]],
    context: Interpretation,
) -> Metric:
    quote = _spaced(context.linker.figures.readable(reading.phrase.quote))
    at, end = place_of(context.linker.figures.readable(reading.phrase.text), quote)
    counts_its_own = split_aggregation(reading.phrase.text)[0] == "count"
    pattern = _THEIR if counts_its_own else _OF_THOSE
    if tail := _TAIL.match(quote, end):
        end = tail.end()
    said = list(pattern.finditer(quote, 0, end))
    if not said or (counts_its_own and not _THEIR.search(quote[max(at - 7, 0) : end])):
        return metric
    before = [
        m
        for r, m in read
        if r is not reading
        and r.phrase.quote == reading.phrase.quote
        and 0
        <= place_of(context.linker.figures.readable(r.phrase.text), quote)[0]
        < said[-1].start()
    ]
    if not before and reading.phrase.item:  # a line of a list: of those of the line above
        above = [
            m for r, m in takewhile(lambda pair: pair[0] is not reading, read) if r.phrase.item
        ]
        before = above[-1:]
    owner = before[-1].measures[0] if before else None
    if owner is None or owner.aggregation != "count" or before[-1].grounding.source == "glossary":
        return metric
    measures = tuple(_of_rows(m, owner, context) for m in metric.measures)
    if any(m is None for m in measures):
        context.asking.ask(
            f"their:{metric.name}",
            f"“{reading.phrase.text}” in “{quote[:160]}”: I cannot tell which rows of"
            f" `{metric.measures[0].relation}` belong to what is counted. Which ones count?",
            [],
        )
        return metric
    return metric.model_copy(update={"measures": measures})


def place_of(text: str, sentence: str) -> tuple[int, int]:
    """Where words begin and end in a sentence, by the last of them where the first ones were put in
    others' place; before the sentence where they are not found."""
    words = text.lower().split()
    for first in range(len(words)):
        part = " ".join(words[first:])
        if (at := sentence.lower().find(part)) >= 0:
            return at, at + len(part)
    return -1, 0


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _of_rows(measure: Measure, owner: Measure, context: Interpretation) -> Measure | None:
    """A measure of the rows that `owner` counts; none where it does not reach them."""
    fresh = tuple(f for f in owner.filters if f not in measure.filters)
    is_same = measure.relation == owner.relation
    if fresh and not is_same and owner.relation not in context.planner.hops(measure.relation):
        return None
    time = owner.time if is_same and not measure.time else measure.time
    return measure.model_copy(update={"filters": (*measure.filters, *fresh), "time": time})
