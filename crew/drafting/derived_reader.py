"""Settles what derived columns, top rows and rows per entity are about."""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Derived, DerivedKind, Dimension, Grounding, Metric, Top
from crew.drafting.figures import DerivedWish, TopWish
from crew.drafting.interpretation import Interpretation
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import name_stems, snake, stems
from crew.drafting.wish import Wish

_LENGTHS = ("hour", "day", "week", "month", "quarter", "year")
_PER_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}
_PER_QUARTER = {"month": 3, "week": 13, "quarter": 1}
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
            if not dimensions:
                return []
            self.context.assume(
                "A share is a fraction (0..1) of all rows"
                + (f" of the same {grain}." if grain else " of the result.")
            )
            return [column("share", f"{name} share")]
        return [column("rank", f"{name} rank")]

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


def _adds_up(metric: Metric) -> bool:
    return (
        len(metric.measures) == 1
        and metric.measures[0].aggregation in _ADDS_UP
        and not (metric.measures[0].is_stock)
    )
