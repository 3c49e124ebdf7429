"""Dates that are said of one figure among several of an entity: `number of invoices in 2025, last login`.

`number of orders and their revenue in 2025` limits both. `number of orders and the last order before
2025` limits the last one, `number of orders in 2025 and the last order` may mean either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crew.artifacts import Metric
from crew.drafting.date_words import DateSpan
from crew.drafting.interpretation import Interpretation
from crew.drafting.their_rows import place_of
from crew.drafting.time_reader import TimeReader
from crew.drafting.wish import Phrase, Wish

_ONE = re.compile(r"\b(?:first|earliest|oldest|initial|last|latest|most recent|newest)\b", re.I)


def with_own_dates(
    wish: Wish,
    spoken: Mapping[str, Phrase],
    metrics: Sequence[Metric],
    times: TimeReader,
    context: Interpretation,
) -> list[Metric]:
    """The metrics, one of them limited where the dates of a wish are its alone, which then are those
    of the wish no more. `spoken` are the phrases by the names of their metrics."""
    said = wish.date_span or wish.look_back
    if said is None or len(metrics) < 2:
        return list(metrics)
    own = _said_of(said.quote, spoken, metrics, wish, context)
    if own is None:
        return list(metrics)
    metric, is_last = own
    quote = context.linker.figures.readable(spoken[metric.name].text)
    span = wish.date_span
    if span is None or span.fiscal:
        context.asking.ask(
            f"dates:{metric.name}",
            f"“{said.quote}” stands beside “{quote}” alone. Does it limit all figures?",
            [("yes: all figures", "")],
        )
        return list(metrics)
    if not (is_last and _ONE.search(quote)):
        index = context.asking.ask(
            f"dates:{metric.name}",
            f"“{said.quote}” stands beside “{quote}” alone. What does it limit?",
            [(f"only “{quote}”", ""), ("all figures", "")],
        )
        if index != 0:
            return list(metrics)
    timed = times.timed(metric, wish)
    if not all(m.time for m in timed.measures):
        return list(metrics)  # its date is asked about
    wish.date_span = None
    context.assume(f"“{said.quote}” limits “{quote}” alone.")
    return [_within(timed, span) if m is metric else m for m in metrics]


def _said_of(
    quote: str,
    spoken: Mapping[str, Phrase],
    metrics: Sequence[Metric],
    wish: Wish,
    context: Interpretation,
) -> tuple[Metric, bool] | None:
    """The metric beside which dates stand, where they are of it alone, and whether it is the last
    one; none where they stand before or behind all of them."""
    clause = next((c.quote for c in wish.clauses if quote.lower() in c.quote.lower()), "").lower()
    at = clause.find(quote.lower())
    phrases = {n: p for n, p in spoken.items() if any(m.name == n for m in metrics)}
    readable = context.linker.figures.readable
    places = {
        n: place_of(readable(p.text), clause)
        for n, p in phrases.items()
        if readable(p.quote).lower() == clause or p.quote.lower() == clause
    }
    before = [n for n, (begin, _) in places.items() if 0 <= begin < at]
    if not before:
        return None
    name = max(before, key=lambda n: places[n][0])
    metric = next(m for m in metrics if m.name == name)
    follow = [n for n, (begin, _) in places.items() if begin > at]
    apart = [n for n in phrases if n not in places]
    if follow or (apart and len(places) == 1):
        return metric, False
    words = clause[places[name][1] : at]
    return (metric, True) if _ONE.search(phrases[name].text) and not words.strip() else None


def _within(metric: Metric, span: DateSpan) -> Metric:
    measures = []
    for measure in metric.measures:
        day = f"CAST({measure.time} AS DATE)"
        limits = [
            *([f"{day} >= CAST('{span.start}' AS DATE)"] if span.start else []),
            *([f"{day} < CAST('{span.end}' AS DATE)"] if span.end else []),
        ]
        measures.append(
            measure.model_copy(update={"filters": (*measure.filters, *limits), "time": None})
        )
    return metric.model_copy(update={"measures": tuple(measures)})
