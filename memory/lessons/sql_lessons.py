"""What two shapes of one model, as proposed and as merged, say about rows, numbers and names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from sqlglot import exp

from crew.artifacts import Aggregation, Correction, MeasureChanged, RequirementSpec, RowsLeftOut
from memory.lessons.model_shape import Counted, ModelShape, Output
from memory.lessons.plain_sql import Aggregate, Condition, aggregate_of, canonical
from memory.lessons.unsafe_text import is_personal_column, is_unsafe

Told = tuple[str, Correction]
"""A sentence in plain English, and the correction it stands for."""

_PHRASES: dict[Aggregation, str] = {
    "count": "the number of",
    "count_distinct": "the number of different",
    "sum": "the sum of",
    "average": "the average of",
    "median": "the median of",
    "min": "the smallest",
    "max": "the largest",
}


def rows_left_out(ours: ModelShape, theirs: ModelShape) -> Iterator[Told]:
    """Conditions that hold for all rows counted now, and held for none before. One that stands in
    for another on the same columns is not surely narrower, and none."""
    before, after = _counted(ours), _counted(theirs)
    if before is None or after is None:
        return
    known = {(c.driver, key) for c in before for key in c.relations}
    for key in sorted({key for c in after for key in c.relations}):
        over = [c for c in after if key in c.relations]
        held = frozenset().union(*(c.relations.get(key, frozenset()) for c in before))
        hold = frozenset.intersection(*(c.relations[key] for c in over))
        gone = {column for condition in held - hold for column in condition.columns}
        if not all(any(c.driver == driver for driver, _ in known) for c in over):
            continue
        for condition in sorted(hold - held, key=lambda c: c.text):
            if not condition.columns & gone and _is_safe(condition):
                shown = condition.text.replace(f"{key}.", "")
                yield (
                    f"Rows of `{key}` are counted only where `{shown}`.",
                    RowsLeftOut(relation=key, condition=condition.text),
                )


def _counted(shape: ModelShape) -> list[Counted] | None:
    """The rows behind each aggregate, or all rows of a model without any; None if not sure."""
    found: list[Counted] = []
    for output in shape.columns.values():
        if output.tree is None:
            return None
        # Series of periods are made of bounds, they count nothing.
        if not output.tree.find(exp.GenerateSeries, exp.Explode, exp.Unnest, exp.Anonymous):
            found += output.counted
    return found or [Counted(shape.rows.driver, shape.rows.relations)]


def _is_safe(condition: Condition) -> bool:
    return not is_unsafe(condition.text) and not any(map(is_personal_column, condition.columns))


def measures_changed(
    ours: ModelShape, theirs: ModelShape, spec: RequirementSpec | None, dialect: str
) -> Iterator[Told]:
    for name, output in ours.columns.items():
        was = _aggregate(output, dialect)
        now = _aggregate(theirs.columns.get(name), dialect)
        if not was or not now or was.relation != now.relation or not _differ(was, now):
            continue
        label = _label(name, spec)
        if (
            is_unsafe(now.expression)
            or is_unsafe(label)
            or any(map(is_personal_column, now.columns))
        ):
            continue
        yield (
            f"“{label[:1].upper()}{label[1:]}” is {_phrase(now)}, not {_phrase(was)}.",
            MeasureChanged(
                label=label,
                relation=now.relation,
                was=was.expression,
                aggregation=now.aggregation,
                expression=now.expression,
            ),
        )


def _aggregate(output: Output | None, dialect: str) -> Aggregate | None:
    if output is None or output.tree is None or len(output.counted) != 1:
        return None
    return aggregate_of(output.tree, output.counted[0].driver, dialect)


def _differ(was: Aggregate, now: Aggregate) -> bool:
    """Whether they surely are different numbers: rows and a column that may be always filled are
    not."""
    if was.aggregation == now.aggregation == "count" and "*" in (was.expression, now.expression):
        return False
    return (was.aggregation, was.essence) != (now.aggregation, now.essence)


def _phrase(aggregate: Aggregate) -> str:
    what = aggregate.expression
    if what == "*":
        return f"the number of rows of `{aggregate.relation}`"
    return f"{_PHRASES[aggregate.aggregation]} `{what}`"


def _label(name: str, spec: RequirementSpec | None) -> str:
    """What the number is called: by the metric if it is all of it, else by the measure."""
    for metric in spec.metrics if spec else ():
        if metric.name == name and [m.name for m in metric.measures] == [metric.formula]:
            return metric.label
    return name


def renamed_columns(ours: ModelShape, theirs: ModelShape, dialect: str) -> dict[str, str]:
    """Old name → new name of columns that are the same but for the name."""

    def plain(output: Output) -> str:
        return canonical(output.tree, dialect) if output.tree is not None else ""

    def exact(output: Output) -> str:
        rows = sorted(
            f"{c.driver} {key} {sorted(x.canonical for x in held)}"
            for c in output.counted
            for key, held in c.relations.items()
        )
        return f"{plain(output)} {rows}" if output.tree is not None else ""

    return _matched(ours, theirs, plain) or _matched(ours, theirs, exact)


def _matched(ours: ModelShape, theirs: ModelShape, form: Callable[[Output], str]) -> dict[str, str]:
    old = {name: form(output) for name, output in ours.columns.items()}
    new = {name: form(output) for name, output in theirs.columns.items()}
    seen = Counter(old.values()), Counter(new.values())
    places = {f: name for name, f in new.items() if f and seen[0][f] == seen[1][f] == 1}
    return {
        name: places[f]
        for name, f in old.items()
        if name not in new and f in places and places[f] not in old
    }
