"""Questions about metrics: which number column is meant, and what an undefined word means."""

from __future__ import annotations

from crew.artifacts import Measure, Metric
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_numeric
from crew.drafting.likeness import Similar
from crew.drafting.measure_probe import MeasureProbe
from crew.drafting.metric_reading import Reading, split_aggregation
from crew.drafting.questions import MAX_OPTIONS, Asking
from crew.drafting.schema_linker import KEY_STEMS, SchemaLinker, content_stems, entity_stems
from crew.drafting.scope import qualified
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import plural, snake, stem_set, stems
from crew.drafting.wish import Wish

_NEAR = 0.3
"""How much a column must be like a phrase to be offered for it, 0 to 1."""


def ask_which_column(asking: Asking, reading: Reading, probe: MeasureProbe) -> Metric | None:
    """More than one number column fits the phrase about equally."""
    text = reading.shown
    aggregation, rest = split_aggregation(text)
    limits = [_limit(reading, k.relation) for k in reading.columns[:MAX_OPTIONS]]
    measures = [
        Measure(
            name=snake(rest if aggregation is None else text),
            relation=link.relation,
            aggregation=aggregation or "sum",
            expression=qualified(link.relation, link.column.name).sql(),
            filters=conditions,
        )
        for link, (conditions, _) in zip(reading.columns, limits, strict=False)
    ]
    options = [
        (f"`{link.name}`{told}", probe.overall(measure))
        for link, measure, (_, told) in zip(reading.columns, measures, limits, strict=False)
    ]
    index = asking.ask(
        f"metric:{snake(text)}", f"“{text}” fits more than one column. Which one is meant?", options
    )
    return None if index is None else _answered_metric(asking, reading, measures[index])


def _limit(reading: Reading, relation: str) -> tuple[tuple[str, ...], str]:
    """The condition that words before an amount are on the rows of a relation, and how it is told."""
    if not reading.limits:
        return (), ""
    limit = reading.limits.get(relation, "")
    return ((limit,), f" where {limit}") if limit else ((), " of all rows")


def ask_undefined(
    asking: Asking,
    reading: Reading,
    linker: SchemaLinker,
    probe: MeasureProbe,
    wish: Wish,
    similar: Similar,
) -> Metric | None:
    """A business word that nothing defines: what the data offers, each with its number."""
    text = reading.shown
    if reading.problem:
        asking.ask(
            f"metric:{snake(text)}",
            f"I can't compute “{text}”: {reading.problem}. What should it be?",
            [],
        )
        return None
    measures = (
        _events_of(reading, linker) if reading.entity else _columns_for(reading, linker, similar)
    )
    grain = wish.grain[0] if wish.grain else "month"
    options = [(meaning, probe.figure(measure, grain)) for meaning, measure in measures]
    words = ", ".join(f"“{linker.figures.readable(w)}”" for w in _plain(reading))
    asked = f"What does {words} mean in “{text}”?" if words else f"What does “{text}” mean?"
    question = f"{asked} Nothing in the glossary or the data defines it."
    index = asking.ask(f"metric:{snake(text)}", question, options)
    return None if index is None else _answered_metric(asking, reading, measures[index][1])


def _plain(reading: Reading) -> list[str]:
    """The unexplained words as they were written."""
    return [
        w.strip(",.")
        for w in reading.phrase.text.split()
        if set(stems(w)) & set(reading.unexplained)
    ]


def _answered_metric(asking: Asking, reading: Reading, measure: Measure) -> Metric:
    option, _ = list(asking.answered.values())[-1]
    return Metric(
        name=measure.name,
        label=reading.phrase.text,
        definition=option.meaning,
        formula=measure.name,
        measures=(measure,),
        grounding=asking.grounding(),
    )


def _events_of(reading: Reading, linker: SchemaLinker) -> list[tuple[str, Measure]]:
    """Readings of `<word> customers`: those with at least one row of what points at them."""
    entity = reading.entity
    assert entity is not None
    name = snake(split_aggregation(reading.phrase.text)[1])
    found: dict[str, list[tuple[str, Measure]]] = {}
    family = set(entity_stems(entity))
    targets = [c.key for c in linker.evidence.relations if set(entity_stems(c)) == family]
    order = {"staging": 0, "mart": 1, "intermediate": 2, "source": 3}
    edges = sorted(
        (e for e in linker.planner.edges if e.right in targets and e.left not in targets),
        key=lambda e: (
            order[_layer(e.left, linker)],
            _layer(e.left, linker) != _layer(e.right, linker),
        ),
    )
    people = plural(entity_of(entity.key))
    for edge in edges:
        card = linker.evidence.relation(edge.left)
        agreed = linker.agreed_rows(card) if card else None
        card = agreed if agreed and agreed.column(edge.left_column) else card
        what = " ".join(entity_stems(card)) if card else ""
        seen = (o[1].relation for options in found.values() for o in options)
        if card is None or what in found or any(linker.is_handed_down(card.key, k) for k in seen):
            continue
        counted = Measure(
            name=name,
            relation=card.key,
            aggregation="count_distinct",
            expression=qualified(card.key, edge.left_column).sql(dialect=linker.evidence.dialect),
        )
        if options := _moments(card.key, counted, linker, people):
            found[what] = options
    depth = max(map(len, found.values()), default=0)
    every = [options[n] for n in range(depth) for options in found.values() if n < len(options)]
    modelled = [o for o in every if _layer(o[1].relation, linker) != "source"]
    return (modelled or every)[:5]


def _layer(key: str, linker: SchemaLinker) -> str:
    card = linker.evidence.relation(key)
    return card.layer if card else "source"


def _moments(
    key: str, counted: Measure, linker: SchemaLinker, people: str
) -> list[tuple[str, Measure]]:
    card = linker.evidence.relation(key)
    assert card is not None
    sql = linker.evidence.dialect
    if lasting := linker.interval(card):
        begin, end = (qualified(key, c).sql(dialect=sql) for c in lasting)
        running = f"{people} with a running row in `{key}` at the end of the period (`{lasting[0]}` to `{lasting[1]}`)"
        begun = f"{people} with at least one row in `{key}` begun in the period (`{lasting[0]}`)"
        state = {"active_from": begin, "active_to": end, "at": "period_end"}
        return [
            (begun, counted.model_copy(update={"time": begin})),
            (running, counted.model_copy(update=state)),
        ]
    times = linker.times(card)
    if not times:
        return []
    time = qualified(key, times[0][0].name).sql(dialect=sql)
    meaning = f"{people} with at least one row in `{key}` in the period (by `{times[0][0].name}`)"
    return [(meaning, counted.model_copy(update={"time": time}))]


def _columns_for(
    reading: Reading, linker: SchemaLinker, similar: Similar
) -> list[tuple[str, Measure]]:
    """Number columns that share a word with the phrase, else those that are about the same, summed."""
    text = reading.phrase.text
    aggregation, _ = split_aggregation(text)
    found = []
    for word in content_stems(text):
        for link in (
            linker.distinct_meanings(linker.numbers([word]) or [], margin=1.0)
            if linker.numbers([word])
            else []
        ):
            measure = Measure(
                name=snake(text),
                relation=link.relation,
                aggregation=aggregation
                if aggregation in {"sum", "average", "median", "min", "max"}
                else "sum",
                expression=qualified(link.relation, link.column.name).sql(
                    dialect=linker.evidence.dialect
                ),
            )
            found.append((f"the {measure.aggregation} of `{link.name}`", measure))
    return found[:4] or _numbers_like(text, linker, similar)


def _numbers_like(text: str, linker: SchemaLinker, similar: Similar) -> list[tuple[str, Measure]]:
    """Number columns that are about what a phrase says; amounts, where it speaks of money."""
    name = snake(text)
    close = similar(text)
    money = stem_set("money") if set(stems(text)) & stem_set("money") else frozenset()
    found: list[tuple[str, Measure]] = []
    cards = [c for c in linker.evidence.relations if c.layer != "source"]
    ranked = sorted(
        ((card, column) for card in cards for column in card.columns),
        key=lambda pair: -close.get(pair[1].name.lower(), 0.0),
    )
    for card, column in ranked:
        near = close.get(column.name.lower(), 0.0) >= _NEAR or set(column_stems(column)) & money
        is_key = set(column_stems(column)) & KEY_STEMS
        known = {m.expression.rpartition(".")[2].strip('"') for _, m in found}
        if is_numeric(column) and near and not is_key and column.name not in known:
            measure = Measure(
                name=name,
                relation=card.key,
                aggregation="sum",
                expression=qualified(card.key, column.name).sql(dialect=linker.evidence.dialect),
            )
            found.append((f"the sum of `{card.key}.{column.name}`", measure))
    return found[:4]
