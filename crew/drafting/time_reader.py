"""Chooses the column that dates a measure, or asks for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from crew.artifacts import ColumnCard, Measure, Metric, RelationCard
from crew.catalog.warehouse_profile import is_temporal
from crew.drafting.figures import is_mark
from crew.drafting.interpretation import Interpretation
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import EVENT_STEMS, content_stems, entity_stems
from crew.drafting.scope import qualified
from crew.drafting.spoken_names import column_stems
from crew.drafting.state_words import moment_of_period
from crew.drafting.versions import Versions
from crew.drafting.vocabulary import alike, names_event, stem, stem_set, stems
from crew.drafting.wish import Wish

_ALIKE = 0.6
"""Share of the rows without a number up from which the rows without a date are about the same."""
_NARROWED = re.compile(r"\w\s+(?:from|in|with|at|for|without)\s+\w", re.I)
_LIKELIER = 0.7
"""How much likelier a date must be than the next one to be taken."""
_RARELY = 0.02
"""Share of rows up to which another date is no other result to speak of."""


_SELDOM = 0.1
"""Likewise of what is counted and lasts for a while, such as trips: by its beginning."""


class TimeReader:
    """Times of the measures of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def timed(self, metric: Metric, wish: Wish) -> Metric:
        """Measures with the column that dates them, where a period or a look-back needs one."""
        if not (wish.grain or wish.look_back or wish.date_span):
            return metric
        measures = []
        for measure in metric.measures:
            if not measure.time and not measure.is_stock:
                column = self._time_column(measure, metric, wish)
                measure = measure.model_copy(update=column or {})
            elif measure.time and wish.dated_by:
                said = self.hinted(measure, wish)
                if not said:
                    self.context.notes.append(
                        f"“{wish.dated_by.text}” is no date that I found: `{metric.name}` is dated by"
                        f" `{measure.time}`, as its definition says."
                    )
                    said = measure.time
                if said != measure.time:
                    self.context.assume(
                        f"`{metric.name}` is dated by `{said}`, as the ticket says, not by `{measure.time}`."
                    )
                measure = measure.model_copy(update={"time": said})
            measures.append(measure)
        return metric.model_copy(update={"measures": tuple(measures)})

    def _time_column(self, measure: Measure, metric: Metric, wish: Wish) -> dict[str, str] | None:
        owner, times = measure.relation, []
        hops = self.context.planner.hops(measure.relation)
        layers = {c.key: c.layer for c in self.context.evidence.relations}
        own = layers.get(measure.relation)
        for key in sorted(hops, key=lambda k: (hops[k], layers.get(k) != own, k)):
            card = self.context.evidence.relation(key)
            times = self.context.linker.times(card) if card else []
            if times:
                owner = key
                break
        if not times:
            self.context.asking.ask(
                f"time:{measure.relation}",
                f"Which date puts a row of `{measure.relation}` into a period? I found none.",
                [],
            )
            return None
        card = self.context.evidence.relation(owner)
        hints = self._hints(measure, wish)
        if len(hints) == 1:
            return {"time": hints[0]}
        if not hints and wish.dated_by and self._is_told(wish.dated_by.text):
            self.context.notes.append(f"“{wish.dated_by.text}” is no date that I found.")
        if hints and wish.dated_by:
            index = self.context.asking.ask(
                f"time:{owner}",
                f"“{wish.dated_by.text}”: which date is that?",
                self._dates_shown(measure, hints, wish),
            )
            return None if index is None else {"time": hints[index]}
        if version := self.context.versions.get(measure.relation):
            return self._held(measure, version, wish)
        names = [
            qualified(owner, c.name).sql(dialect=self.context.evidence.dialect) for c, _ in times
        ]
        lasting = self.context.linker.interval(card) if card and owner == measure.relation else None
        counts = measure.aggregation == "count" and not self._is_event(metric, names)
        both = [t for t in times if lasting and t[0].name in lasting]
        # `created_at` of a booking that is planned to begin at some time.
        made_before = bool(both and times[0][1] >= both[0][1] + _LIKELIER)
        made_before = made_before or self._takes_place_later(times)
        if lasting and counts and not made_before:
            grain = wish.grain[0] if wish.grain else "month"
            if early := self._short_event(owner, both, grain, _SELDOM):
                return {"time": early}
            return self._ask_lasting(measure, lasting, wish)
        grain = wish.grain[0] if wish.grain else "month"
        ends = self._ends(measure, times) if owner == measure.relation else []
        if len(ends) == 2:
            if early := self._short_event(owner, ends, grain):
                return {"time": early}
            times = ends
            names = [
                qualified(owner, c.name).sql(dialect=self.context.evidence.dialect) for c, _ in ends
            ]
        likely = len(times) == 1 or times[0][1] >= times[1][1] + _LIKELIER
        clear = likely and (wish.dated_by is None or len(times) == 1)
        clear = clear and not ends and not (counts and made_before)
        clear = clear and not self._comes_with(measure, card, times)
        if clear:
            if len(times) > 1:
                self.context.assume(
                    f"`{metric.name}` is dated by `{names[0]}`, not by {', '.join(f'`{n}`' for n in names[1:3])}.",
                    "",
                )
            return {"time": names[0]}
        if early := self._short_event(owner, times, grain):
            return {"time": early}
        options = self._dates_shown(measure, names, wish)
        index = self.context.asking.ask(
            f"time:{owner}", f"Which date counts for “{metric.label}”?", options
        )
        return None if index is None else {"time": names[index]}

    def _dates_shown(
        self, measure: Measure, names: Sequence[str], wish: Wish
    ) -> list[tuple[str, str]]:
        """Dates to choose from, each with the newest figure by it."""
        grain = wish.grain[0] if wish.grain else "month"
        return [
            (f"by `{n}`", self.context.probe.latest(measure.model_copy(update={"time": n}), grain))
            for n in names[:4]
        ]

    def give_back(self, wish: Wish) -> None:
        """What is said to date rows and is called like no date says something else: `orders per
        month of customers from Cork`."""
        if wish.dated_by is None or is_mark(wish.dated_by.text):
            return
        said = wish.dated_by.text
        if self._can_date(said) or (not _NARROWED.search(said) and self._names_a_date(said)):
            return
        text = f"of {wish.dated_by.text}"
        wish.leftovers.append(replace(wish.dated_by, text=text, item=True))
        wish.dated_by = None

    def _names_a_date(self, text: str) -> bool:
        """Whether a word of a text is what happens, or stands in a date's name or description."""
        said = self.context.linker.resolved(content_stems(text))
        events = ("happenings", "creation_words", "begins", "ends", "early_events", "late_events")
        if any(s in stem_set(name) for s in said for name in events):
            return True
        columns = (c for card in self.context.evidence.relations for c in card.columns)
        return any(
            names_event(s, {*column_stems(c), *stems(c.told), f"col:{c.name.lower()}"})
            for c in columns if is_temporal(c) for s in said
        )  # fmt: skip

    def _can_date(self, text: str) -> bool:
        """Whether words may name a moment, or what has one."""
        linker = self.context.linker
        said = [s for s in linker.resolved(content_stems(text)) if s not in EVENT_STEMS]
        for card in self.context.evidence.relations:
            known = {s for n in entity_stems(card) for s in alike(n)}
            for column in (c for c in card.columns if is_temporal(c)):
                have = {*column_stems(column), f"col:{column.name.lower()}"} | known
                if all(names_event(s, have) for s in said):
                    return True
        return not said

    def _takes_place_later(self, times: Sequence[tuple[ColumnCard, float]]) -> bool:
        """Whether rows are dated by when they are made, and by when they take place as well: the
        booking of a stay and the arrival."""
        made = set(column_stems(times[0][0])) & {
            stem("booked"),
            stem("reserved"),
            stem("scheduled"),
        }
        later = stem_set("begins") | stem_set("taking_place")
        return bool(made) and any(
            not c.nulls and set(column_stems(c)) & later for c, _ in times[1:]
        )

    def _named(self, measure: Measure) -> set[str]:
        """The columns that a measure is computed of, in lower case."""
        tree = parse_sql(measure.expression, self.context.evidence.dialect)
        return {c.name.lower() for c in tree.find_all(exp.Column)}

    def _ends(
        self, measure: Measure, times: Sequence[tuple[ColumnCard, float]]
    ) -> list[tuple[ColumnCard, float]]:
        """The two moments that a duration lies between, by which alone it may be dated."""
        named = self._named(measure)
        found = [t for t in times if t[0].name.lower() in named]
        return found if len(found) == 2 and measure.aggregation != "count" else []

    def _comes_with(
        self, measure: Measure, card: RelationCard | None, times: Sequence[tuple[ColumnCard, float]]
    ) -> bool:
        """Whether what is measured is there for about the rows that have a later date: costs that
        are known when a repair is done may well be dated by that."""
        names = self._named(measure)
        columns = [c for n in names if card and (c := card.column(n))]
        lacking = max((c.nulls or 0 for c in columns), default=0)
        later = [c.nulls for c, _ in times[1:] if c.nulls]
        return not times[0][0].nulls and any(_ALIKE * lacking <= n <= lacking for n in later)

    def _short_event(
        self,
        owner: str,
        times: Sequence[tuple[ColumnCard, float]],
        grain: str,
        rarely: float = _RARELY,
    ) -> str:
        """The beginning of what begins and ends in the same period all but `rarely` (a share of
        the rows): by which of the two it is dated makes hardly a difference."""
        rivals = [c for c, score in times if score > times[0][1] - _LIKELIER or len(times) == 2]
        if len(rivals) != 2:
            return ""
        first, last = sorted(rivals, key=lambda c: c.nulls or 0)
        names = [
            qualified(owner, c.name).sql(dialect=self.context.evidence.dialect)
            for c in (first, last)
        ]
        apart = self.context.probe.apart(owner, first.name, last.name, grain)
        if apart is None or apart > rarely:
            return ""
        self.context.assume(
            f"Dated by `{names[0]}`; by `{names[1]}` {apart:.1%} of the rows would be in another {grain}."
        )
        return names[0]

    def hinted(self, measure: Measure, wish: Wish) -> str:
        """The column that the ticket itself says dates a row: `by month of the invoice date`."""
        hints = self._hints(measure, wish)
        return hints[0] if len(hints) == 1 else ""

    def _hints(self, measure: Measure, wish: Wish) -> list[str]:
        """The columns that what the ticket says of the date fits best, several where none is best."""
        if wish.dated_by is None:
            return []
        words = self.context.linker.resolved(content_stems(wish.dated_by.text))
        said = [s for s in words if s not in EVENT_STEMS]
        hops = self.context.planner.hops(measure.relation)
        layers = {c.key: c.layer for c in self.context.evidence.relations}
        own = layers.get(measure.relation)
        found: list[tuple[float, str]] = []
        for key, steps in hops.items():
            card = self.context.evidence.relation(key)
            for column, likely in self.context.linker.times(card) if card else []:
                have = {*column_stems(column), f"col:{column.name.lower()}"} - EVENT_STEMS
                entity = set(entity_stems(card)) if card else set()
                told = set(stems(column.told))
                if said and not all(names_event(s, have | entity | told) for s in said):
                    continue
                direct = sum(names_event(s, have) or 0.8 * names_event(s, told) for s in said)
                score = 10 * direct - len(have - set(said)) - steps - 2 * (layers.get(key) != own)
                name = qualified(key, column.name).sql(dialect=self.context.evidence.dialect)
                found.append((score + 0.1 * likely, name))
        found.sort(reverse=True)
        best = [name for score, name in found if said and found[0][0] - score < 0.05]
        linker = self.context.linker
        alike_ = [
            n for k, n in enumerate(best)
            if not any(
                n.rpartition(".")[2] == m.rpartition(".")[2]
                and linker.is_handed_down(n.rpartition(".")[0], m.rpartition(".")[0])
                for m in best[:k]
            )
        ]  # fmt: skip
        return alike_ or [name for _, name in found if len(found) == 1]

    def _is_told(self, text: str) -> bool:
        """Whether words say more than that something began or is a date."""
        plain = EVENT_STEMS | stem_set("begins") | stem_set("creation_words")
        plain |= stem_set("happenings") | stem_set("early_events")
        plain -= stem_set("ends") | stem_set("late_events")
        return any(s not in plain for s in self.context.linker.resolved(content_stems(text)))

    def _is_event(self, metric: Metric, names: Sequence[str]) -> bool:
        said = set(stems(metric.label))
        return any(said & (set(stems(n.split(".")[-1])) - {"at", "date", "on"}) for n in names)

    def _held(self, measure: Measure, version: Versions, wish: Wish) -> dict[str, str] | None:
        """Rows that are periods: those that hold at a moment of each period, else asked."""
        at = next((m for c in wish.clauses if (m := moment_of_period(c.quote))), "")
        if at and wish.grain:
            begin, end = (
                qualified(version.relation, c).sql(dialect=self.context.evidence.dialect)
                for c in (version.begins, version.ends)
            )
            if version.far:  # no end yet: periods are not listed up to that day
                until = f"CAST('{version.far}' AS DATE)"
                end = f"CASE WHEN {end} < {until} THEN {end} END"
            self.context.assume(
                f"A row of `{version.relation}` counts where `{version.begins}` lies before, and"
                f" `{version.ends}` not before, the {at.removeprefix('period_')} of the {wish.grain[0]}."
            )
            return {"active_from": begin, "active_to": end, "at": at}
        return self._ask_lasting(measure, (version.begins, version.ends), wish)

    def _ask_lasting(
        self, measure: Measure, lasting: tuple[str, str], wish: Wish
    ) -> dict[str, str] | None:
        begin, end = (
            qualified(measure.relation, c).sql(dialect=self.context.evidence.dialect)
            for c in lasting
        )
        grain = wish.grain[0] if wish.grain else "month"
        choices: list[tuple[str, dict[str, str]]] = [
            (f"begun in the {grain} (`{begin}`)", {"time": begin}),
            (
                f"running at the end of the {grain} (begun, and `{end}` empty or later)",
                {"active_from": begin, "active_to": end, "at": "period_end"},
            ),
            (f"ended in the {grain} (`{end}`)", {"time": end}),
        ]
        if not wish.grain:
            choices = [choices[0], choices[2]]
        options = [
            (meaning, self.context.probe.latest(measure.model_copy(update=u), grain))
            for meaning, u in choices
        ]
        index = self.context.asking.ask(
            f"time:{measure.relation}",
            f"`{measure.relation}` have a beginning and an end. Which ones count in a {grain}?",
            options,
        )
        return None if index is None else choices[index][1]

    def newest_sql(self, metrics: Sequence[Metric]) -> str:
        flow = next((m for metric in metrics for m in metric.measures if m.time), None)
        return self.context.probe.newest_sql(flow) if flow else ""
