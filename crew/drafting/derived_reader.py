"""Settles what derived columns, top rows and rows per entity are about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from crew.artifacts import (
    DateRange,
    Derived,
    DerivedKind,
    Dimension,
    Grounding,
    Metric,
    TimeGrain,
    Top,
)
from crew.drafting.figures import DerivedWish, TopWish
from crew.drafting.interpretation import Interpretation
from crew.drafting.schema_linker import content_stems, entity_stems
from crew.drafting.vocabulary import alike, name_stems, snake, stems
from crew.drafting.wish import Wish
from crew.verification.counted_periods import first_of
from crew.verification.expected_rows import after

_LENGTHS = ("hour", "day", "week", "month", "quarter", "year")
_SHOWN_ONLY = re.compile(
    r"\b(?:show|display|list|output|see)\w*\s+(?:only|just)\b|\b(?:only|just)\s+(?:show|display|list)",
    re.I,
)
_PER_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}
_PER_QUARTER = {"month": 3, "week": 13, "quarter": 1}
_WHOLE: dict[str, TimeGrain] = {"month": "month", "quarter": "quarter", "year": "year"}
"""Grains whose periods hardly begin in the midst of the dates asked for."""
_RESETS = {"month", "quarter", "year"}
_TIMED = {"running_total", "moving_average", "moving_sum", "growth", "change", "previous"}
_ADDS_UP = {"count", "sum"}


class DerivedReader:
    """Derived columns of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def read(
        self, wish: Wish, metrics: Sequence[Metric], dimensions: Sequence[Dimension]
    ) -> tuple[list[Derived], Top | None]:
        found: list[Derived] = []
        for said in wish.figures.derived:
            if said.kind in _TIMED and wish.grain is None:
                self.context.asking.ask(
                    "grain:derived",
                    f"“{said.quote}” needs periods that follow each other. A row per what?",
                    [(f"one row per {g}", "") for g in ("day", "week", "month")],
                )
                continue
            for metric in self._about(said, metrics):
                found += self._columns(said, metric, wish, dimensions)
        top = self._top(wish.figures.top, metrics, dimensions) if wish.figures.top else None
        if top and top.within:  # the place that decides is the one that is shown
            found = [
                d.model_copy(update={"within": top.within}) if d.kind == "rank" else d
                for d in found
            ]
        unique = {d.name: d for d in found}
        return list(unique.values()), top

    def compared_from(
        self, derived: Sequence[Derived], grain: str, span: DateRange | None
    ) -> DateRange | None:
        """The dates asked for, with as many periods before them as the first ones need."""
        back = max((_reach(d) for d in derived), default=0)
        if not (span and span.start and back):
            return span
        start, length = date.fromisoformat(span.start), _WHOLE.get(grain)
        if length is None or first_of(start, length, self.context.calendar) != start:
            return span
        self.context.assume(
            f"The first {grain}s are compared with those before {start}, which are not shown."
        )
        return span.model_copy(update={"read_from": after(start, length, -back).isoformat()})

    def _about(self, said: DerivedWish, metrics: Sequence[Metric]) -> list[Metric]:
        """The metrics that the sentence names, else all."""
        words = set(stems(said.quote))
        named = [m for m in metrics if set(content_stems(m.label)) <= words]
        return named or list(metrics)

    def _columns(
        self, said: DerivedWish, metric: Metric, wish: Wish, dimensions: Sequence[Dimension]
    ) -> list[Derived]:
        grain = wish.grain[0] if wish.grain else ""
        of, name = metric.name, metric.name
        grounding = Grounding(source="ticket", text=said.quote)
        if said.kind in {"running_total", "moving_sum", "share"} and not _adds_up(metric):
            self.context.asking.ask(
                f"derived:{said.kind}:{name}",
                f"“{metric.label}” does not add up over rows, so it has no {said.kind.replace('_', ' ')}."
                " What should be shown?",
                [],
            )
            return []

        def column(kind: DerivedKind, called: str, periods: int = 1) -> Derived:
            return Derived(name=snake(called), label=said.quote, kind=kind, of=of, periods=periods,
                           grounding=grounding)  # fmt: skip

        if said.kind == "running_total":
            self._say_begin(said, wish)
            return self._running_total(said, grain, column(said.kind, f"{name} running total"))
        if said.kind in {"moving_average", "moving_sum"}:
            periods = self._periods(said, grain)
            if periods is None:
                return []
            what = "average" if said.kind == "moving_average" else "sum"
            self.context.assume(
                f"The moving {what} is over {periods} {grain}s with the current one; the first"
                f" {periods - 1} have fewer."
            )
            wish.fill_gaps = True
            return [column(said.kind, f"{name} {periods} {grain} moving {what}", periods)]
        if said.kind in {"growth", "change", "previous"}:
            back = self._back(said.unit or grain, grain)
            if back is None:
                self.context.asking.ask(
                    f"derived:{said.kind}",
                    f"“{said.quote}”: a {said.unit} cannot be compared in rows per {grain}. Which rows?",
                    [
                        (f"one row per {said.unit}", ""),
                        (f"one row per {grain}, against the one before", ""),
                    ],
                )
                return []
            wish.fill_gaps = True
            unit = said.unit or grain
            self.context.assume(
                f"Compared with the {unit} before; growth is a fraction (0.1 is ten percent), empty"
                " where nothing came before. Periods without rows count as zero."
            )
            return [
                column("previous", f"{name} previous {unit}", back),
                column("change", f"{name} change", back),
                column("growth", f"{name} growth", back),
            ]
        if said.kind == "share":
            if not dimensions and not said.within:
                return []
            return self._share(said, grain, metric, column("share", f"{name} share"), dimensions)
        return [column("rank", f"{name} rank")]

    def _say_begin(self, said: DerivedWish, wish: Wish) -> None:
        """Whether a running total over some dates begins with these or counted before."""
        begin = wish.date_span.start if wish.date_span else None
        if begin is None or said.unit:
            return
        if any(_SHOWN_ONLY.search(c.quote) for c in wish.clauses):
            self.context.asking.ask(
                "derived:running_total:begin",
                f"“{said.quote}”: does the running total begin at zero on {begin}?",
                [(f"yes: nothing before {begin} counts", "")],
            )
        self.context.assume(f"The running total begins on {begin}: nothing before counts.")

    def _running_total(self, said: DerivedWish, grain: str, whole: Derived) -> list[Derived]:
        """From the first period on, or anew with each period that is said: `year to date`."""
        if not said.unit:
            return [whole]
        if _LENGTHS.index(grain) >= _LENGTHS.index(said.unit):
            self.context.asking.ask(
                "derived:running_total",
                f"“{said.quote}”: rows per {grain} do not add up within a {said.unit}. What should?",
                [(f"one row per {_LENGTHS[_LENGTHS.index(said.unit) - 1]}", "")],
            )
            return []
        name = f"{whole.of} {said.unit} to date"
        return [whole.model_copy(update={"name": snake(name), "reset": said.unit})]

    def _share(
        self,
        said: DerivedWish,
        grain: str,
        metric: Metric,
        whole: Derived,
        dimensions: Sequence[Dimension],
    ) -> list[Derived]:
        """Of all rows of a period, or of those that `within` says: `of its region`, `of the year`."""
        unit = said.within.lower()
        if unit in _LENGTHS:
            if grain == unit or not grain:
                unit = ""
            elif unit not in _RESETS or _LENGTHS.index(grain) > _LENGTHS.index(unit):
                return self._ask_share(said)
        within = () if unit in _LENGTHS else self._named(said.within, metric, dimensions)
        if said.within and unit and not within and unit not in _LENGTHS:
            return self._ask_share(said)
        told = [f"the same {grain}"] if grain and unit not in _LENGTHS else []
        told += [f"the same {unit}"] if unit in _LENGTHS else [f"the same `{w}`" for w in within]
        of = " and ".join(told) or "the result"
        self.context.assume(f"A share is a fraction (0..1) of all rows of {of}.")
        if not said.within or not unit:
            return [whole]
        reset = unit if unit in _LENGTHS else ""
        update = {"name": snake(f"{whole.name} of {said.within}"), "within": within, "reset": reset}
        return [whole.model_copy(update=update)]

    def _ask_share(self, said: DerivedWish) -> list[Derived]:
        self.context.asking.ask(
            f"derived:share:{snake(said.within)}",
            f"“{said.quote}”: the share of which total? I found no column of the result that says"
            f" “{said.within}”.",
            [],
        )
        return []

    def _named(self, said: str, metric: Metric, dimensions: Sequence[Dimension]) -> tuple[str, ...]:
        """The columns of the result that are called so, or are what these words mean elsewhere."""
        wanted = set(content_stems(said))
        if named := [d.name for d in dimensions if wanted and wanted <= set(name_stems(d.name))]:
            return tuple(named)
        bases = [m.relation for m in metric.measures]
        links = self.context.linker.dimensions(content_stems(said), bases)
        meant = {(k.relation, k.column.name) for k in links}
        for link in links:
            card = self.context.evidence.relation(link.relation)
            key = self.context.linker.key_column(card) if card else None
            if card and key and wanted <= {x for s in entity_stems(card) for x in alike(s)}:
                meant.add((link.relation, key))
        return tuple(d.name for d in dimensions if (d.relation, d.column) in meant)

    def _periods(self, said: DerivedWish, grain: str) -> int | None:
        unit = {"d": "day"}.get(said.unit, said.unit) or grain
        if unit == grain:
            return said.periods
        table = {("week", "day"): 7, ("year", "month"): 12, ("quarter", "month"): 3}
        factor = table.get((unit, grain))
        if factor is None:
            self.context.asking.ask(
                f"derived:{said.kind}",
                f"“{said.quote}”: {said.periods} {unit}s are no whole number of rows per {grain}."
                " Over how many rows?",
                [],
            )
            return None
        return said.periods * factor

    def _back(self, unit: str, grain: str) -> int | None:
        if unit == grain:
            return 1
        if unit == "year" and grain in {"month", "quarter"}:
            return _PER_YEAR[grain]
        if unit == "quarter" and grain == "month":
            return _PER_QUARTER[grain]
        if unit == "week" and grain == "day":
            return 7
        return None

    # --- top rows ------------------------------------------------------------------------------

    def _top(
        self, said: TopWish, metrics: Sequence[Metric], dimensions: Sequence[Dimension]
    ) -> Top | None:
        words = set(content_stems(said.by))
        named = [m for m in metrics if words and words <= set(content_stems(m.label))]
        by = (named or list(metrics))[0] if named or len(metrics) == 1 else None
        if by is None or not dimensions:
            self.context.asking.ask(
                "top", f"“{said.quote}”: the top {said.count} of what, by which number?",
                [(f"by {m.label}", "") for m in metrics[:4]],
            )  # fmt: skip
            return None
        within: tuple[str, ...] = ()
        if said.within:
            wanted = set(content_stems(said.within))
            within = tuple(
                d.name for d in dimensions if wanted & (set(name_stems(d.name)) | set(stems(d.grounding.text)))
                and not set(content_stems(said.what)) & set(name_stems(d.name))
            )  # fmt: skip
        lowest = "lowest" if said.lowest else "highest"
        self.context.assume(
            f"The {said.count} with the {lowest} `{by.name}`; rows that tie with the last one stay."
        )
        return Top(count=said.count, by=by.name, lowest=said.lowest, within=within,
                   grounding=Grounding(source="ticket", text=said.quote))  # fmt: skip


def _reach(derived: Derived) -> int:
    """How many periods before its own a derived column looks at."""
    if derived.kind in {"growth", "change", "previous"}:
        return derived.periods
    return derived.periods - 1 if derived.kind in {"moving_average", "moving_sum"} else 0


def _adds_up(metric: Metric) -> bool:
    return (
        len(metric.measures) == 1
        and metric.measures[0].aggregation in _ADDS_UP
        and not (metric.measures[0].is_stock)
    )
