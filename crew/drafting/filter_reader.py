"""Turns `only …` and `without …` into conditions, or asks which rows are meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from rapidfuzz import fuzz
from sqlglot import exp

from crew.artifacts import Filter, Grounding, Metric, RowsLeftOut
from crew.catalog.warehouse_profile import is_boolean
from crew.drafting import own_states
from crew.drafting.figures import is_mark
from crew.drafting.interpretation import Interpretation
from crew.drafting.phrase_reader import listed
from crew.drafting.questions import MAX_OPTIONS
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import ConditionLink, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import snake, stem_set, stems
from crew.drafting.wish import Phrase, Wish


class _Kept:
    """Rows that are not to be left out, against the exclusions said before."""

    def __init__(self, wish: Wish) -> None:
        said = (*(c.quote for c in wish.clauses), *wish.answers)
        self._order = {quote: n for n, quote in enumerate(said)}
        self.unsettled = list(wish.kept)

    def is_later(self, phrase: Phrase, quote: str) -> bool:
        return self._order.get(phrase.quote, 0) >= self._order.get(quote, 0)

    def takes_back(self, exclusion: Phrase) -> bool:
        """Whether the very words of an exclusion were taken back later."""
        same = [p for p in self.unsettled if content_words(p.text) == content_words(exclusion.text)]
        later = [p for p in same if self.is_later(p, exclusion.quote)]
        self.unsettled = [p for p in self.unsettled if p not in same]
        return bool(later)


_LACKING = re.compile(
    r"\b(?:without|lacking|with\s+no|having\s+no)\s+(?:an?\s+|any\s+)?(?P<what>\w.*)$", re.I
)
_JOINTS = {"from", "in", "with", "who", "that", "which", "where", "whose", "at", "over"}


def _without_joints(text: str) -> list[str]:
    return [s for s in content_stems(text) if s not in _JOINTS]


def content_words(text: str) -> list[str]:
    """Stems of a phrase without the words that open or join it."""
    noise = (stem_set("stops") | stem_set("wishes") | stem_set("fillers")) - {"test"}
    return [s for s in content_stems(text) if s not in noise]


class FilterReader:
    """Filters of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def read(self, wish: Wish, bases: Sequence[str], metrics: Sequence[Metric]) -> list[Filter]:
        found: dict[str, Filter] = {}
        own = [{self._normal(f) for f in m.filters} for metric in metrics for m in metric.measures]
        have = set.intersection(*own) if own else set()
        kept = _Kept(wish)
        for phrase, wanted in [
            *((p, False) for p in wish.exclusions if not kept.takes_back(p)),
            *((p, True) for w in (*wish.inclusions, *wish.scopes) for p in self._parts(w, bases)),
        ]:
            phrase, wanted = self._turned(phrase, wanted, bases)
            link = self._condition(phrase, bases, metrics, wanted)
            if link is None:
                continue
            condition = self._normal(link.condition if wanted else link.negated)
            if condition not in have:
                grounding = Grounding(
                    source="answer" if phrase.place == "answer" else "ticket", text=phrase.quote
                )
                label = phrase.text if wanted else f"without {phrase.text}"
                found.setdefault(
                    condition, Filter(condition=condition, label=label, grounding=grounding)
                )
        for phrase in kept.unsettled:
            self._keep(phrase, bases, found, have, kept)
        return list(found.values())

    def _turned(self, phrase: Phrase, wanted: bool, bases: Sequence[str]) -> tuple[Phrase, bool]:
        """Leaving out `products without category` is counting those with one, and the reverse."""
        lacking = _LACKING.search(phrase.text)
        if lacking and self.context.linker.conditions(_without_joints(lacking["what"]), bases):
            return replace(phrase, text=lacking["what"]), not wanted
        return phrase, wanted

    def _parts(self, phrase: Phrase, bases: Sequence[str]) -> list[Phrase]:
        """`Vienna and Berlin` as two phrases, where each is a condition and the whole is none."""
        linker = self.context.linker
        parts = [replace(phrase, text=p) for p in listed(phrase.text)]
        if len(parts) < 2 or linker.conditions(_without_joints(phrase.text), bases):
            return [phrase]
        known = all(linker.conditions(_without_joints(p.text), bases) for p in parts)
        return parts if known else [phrase]

    def settle_alternatives(
        self, filters: Sequence[Filter], metrics: Sequence[Metric]
    ) -> list[Filter]:
        """No row has two values of one column: whether either or the last one is meant is asked."""
        gives = partial(self._with, metrics)
        settled: list[Filter] = []
        for filter_ in filters:
            column, values = self._equated(filter_.condition)
            others = ((f, self._equated(f.condition)) for f in settled)
            rival = next(
                (f for f, (c, known) in others if column and c == column and not values & known),
                None,
            )
            if rival is None:
                settled.append(filter_)
                continue
            either = f"({rival.condition}) or ({filter_.condition})"
            if rival.grounding.text == filter_.grounding.text:  # named in one breath: any of them
                both = {"condition": either, "label": f"{rival.label} or {filter_.label}"}
                settled[settled.index(rival)] = filter_.model_copy(update=both)
                self.context.assume(f"“{filter_.grounding.text}”: rows of either count ({either}).")
                continue
            index = self.context.asking.ask(
                f"either:{snake(rival.label)}-{snake(filter_.label)}"[:60],
                f"“{rival.label}” and “{filter_.label}”: no row is both. Which rows count?",
                [
                    (f"rows with {filter_.condition} alone", gives(filter_.condition)),
                    (f"rows of either: {either}", gives(either)),
                ],
            )
            if index == 1:
                filter_ = filter_.model_copy(update={"condition": either})
            settled[settled.index(rival)] = filter_
        return settled

    def settle_against(
        self, filters: Sequence[Filter], metrics: Sequence[Metric]
    ) -> tuple[list[Filter], list[Metric]]:
        """As `settle_alternatives`, for a condition that a figure brings along: `cancelled
        contracts` of which `terminated ones` are to be shown."""
        kept, settled = list(filters), list(metrics)
        for filter_ in filters:
            column, values = self._equated(filter_.condition)
            for n, metric in enumerate(settled):
                conditions = [f for m in metric.measures for f in m.filters]
                own = next((f for f in conditions if self._equated(f)[0] == column), "")
                if not column or not own or values & self._equated(own)[1]:
                    continue
                either = f"({own}) or ({filter_.condition})"
                bare = _with_filter(metric, own, "")
                index = self.context.asking.ask(
                    f"either:{snake(metric.label)}-{snake(filter_.label)}"[:60],
                    f"“{metric.label}” and “{filter_.label}”: no row is both. Which rows count?",
                    [
                        (f"rows with {c}", self._with([bare], c))
                        for c in (own, filter_.condition, either)
                    ],
                )
                if index is not None:
                    settled[n] = _with_filter(metric, own, (own, filter_.condition, either)[index])
                    kept = [f for f in kept if f is not filter_]
        return kept, settled

    def _equated(self, condition: str) -> tuple[str, set[str]]:
        """The column that a condition sets equal to one value, or to one of some, and these; nothing
        for any other condition."""
        sql = parse_sql(condition, self.context.evidence.dialect)
        parts = [p.unnest() for p in (sql.flatten() if isinstance(sql, exp.Or) else [sql])]
        told = [p for p in parts if isinstance(p, exp.EQ | exp.In)]
        values = [v for p in told for v in (p.expressions or [p.expression])]
        columns = {p.this.sql() for p in told}
        if len(columns) != 1 or len(told) < len(parts):
            return "", set()
        if not all(isinstance(v, exp.Literal) for v in values):
            return "", set()
        return columns.pop(), {v.name for v in values}

    def _keep(
        self,
        phrase: Phrase,
        bases: Sequence[str],
        found: dict[str, Filter],
        have: Collection[str],
        kept: _Kept,
    ) -> None:
        """Take back what leaves these rows out; where nothing does, say so or ask what is meant."""
        links = self.context.linker.conditions(content_words(phrase.text), bases)
        opposite = self._normal(links[0].negated) if links else ""
        if opposite in found and kept.is_later(phrase, found[opposite].grounding.text):
            del found[opposite]
        elif opposite in found:
            return  # they were left out by what was said later
        elif links and phrase.added and self._is_taught(links[0].condition):
            return  # a lesson leaves them out, and gives way to these words
        elif links and phrase.added and opposite not in have:
            self.context.asking.ask(
                f"include:{snake(phrase.text)}",
                f"“{phrase.quote}”: no condition leaves these rows out. What should change?",
                [
                    ("nothing: they are counted already", ""),
                    (f"count only rows with {links[0].condition}", ""),
                ],
            )
        else:
            why = (
                "the definition leaves them out" if opposite in have else "nothing leaves them out"
            )
            self.context.notes.append(f"Not read: “{phrase.quote}”; {why}.")

    def _is_taught(self, condition: str) -> bool:
        """Whether a lesson of reviewers decides by the same columns which rows count."""
        columns = self._columns(condition)
        return any(
            isinstance(lesson.correction, RowsLeftOut)
            and columns == self._columns(lesson.correction.condition)
            for lesson in self.context.evidence.remembered.lessons
        )

    def _columns(self, condition: str) -> set[str]:
        tree = parse_sql(condition, self.context.evidence.dialect)
        return {c.sql().lower() for c in tree.find_all(exp.Column)}

    def _normal(self, condition: str) -> str:
        return parse_sql(condition, self.context.evidence.dialect).sql(
            dialect=self.context.evidence.dialect
        )

    def _condition(
        self, phrase: Phrase, bases: Sequence[str], metrics: Sequence[Metric], wanted: bool
    ) -> ConditionLink | None:
        said = _without_joints(phrase.text)
        if not said:
            return None
        if wanted and self._is_said_by(metrics, said):
            return None
        cards = [self.context.evidence.relation(b) for b in bases]
        entities = {s for c in cards if c for s in entity_stems(c)}
        apart = [s for s in said if s not in entities]
        links = self.context.linker.conditions(said, bases)
        stated = [s for s in said if is_mark(s)]
        if (
            not links
            and len(stated) > 1
            and (links := self.context.linker.conditions(stated, bases))
        ):
            text = self.context.linker.figures.readable(phrase.text)
            self.context.assume(f"“{text}” is read as the rows with {links[0].condition}.")
        if not links and apart and (links := self.context.linker.conditions(apart, bases)):
            self.context.assume(f"“{phrase.text}” is read as the rows with {links[0].condition}.")
        if links:
            best = [k for k in links if k.score >= max(x.score for x in links) - 0.04]
            own = own_states.rivals(self.context.linker, best[0], said, bases)
            best += [k for k in own if k not in best]
            same = [k for k in links if k.column == best[0].column and k.origin == best[0].origin]
            if len({k.column for k in best}) == 1 and not own:
                return same[0]
            if best[0].origin.startswith("glossary"):
                return best[0]
            index = self.context.asking.ask(
                f"filter:{snake(phrase.text)}",
                f"“{self.context.linker.figures.readable(phrase.text)}”: which column decides?",
                [(k.condition, self._gives(metrics, k, wanted)) for k in best],
            )
            return None if index is None else best[index]
        if self._is_defined_away(said, metrics) or (wanted and entities and not apart):
            return None
        if phrase.place == "answer" and wanted:
            self.context.notes.append(f"Not read as a condition: “{phrase.quote}”.")
            return None
        if wanted and said[-1] in stem_set("purposes"):
            self.context.notes.append(f"Read as what it is for, not which rows: “{phrase.text}”.")
            return None
        text = self.context.linker.figures.readable(phrase.text)
        what, keep = ("only", "count only") if wanted else ("without", "leave out")
        rows = self._rows(bases, said, text)
        index = self.context.asking.ask(
            f"filter:{snake(phrase.text)}",
            f"“{what} {text}”: which rows are these? No column, value or glossary entry says so.",
            [
                *(
                    (f"{keep} rows with {k.condition}", self._gives(metrics, k, wanted))
                    for k in rows
                ),
                ("none: it changes nothing", self._gives(metrics, None, wanted)),
            ],
            default=None,
            raised_by=phrase.quote,
        )
        return rows[index] if index is not None and index < len(rows) else None

    def _is_said_by(self, metrics: Sequence[Metric], said: Sequence[str]) -> bool:
        """Whether every figure says itself that just these rows count, or one is a part of them."""
        saying = [m for m in metrics if set(said) <= set(content_stems(m.label))]
        return bool(saying) and (
            len(saying) == len(metrics) or any(len(m.measures) > 1 for m in saying)
        )

    def _gives(self, metrics: Sequence[Metric], link: ConditionLink | None, wanted: bool) -> str:
        """What the first figure is with a condition, or without any, over all of the data."""
        return self._with(metrics, *([link.condition if wanted else link.negated] if link else []))

    def _with(self, metrics: Sequence[Metric], *conditions: str) -> str:
        measures = [m for metric in metrics for m in metric.measures]
        return self.context.probe.overall(measures[0], *conditions) if measures else ""

    def _is_defined_away(self, said: Sequence[str], metrics: Sequence[Metric]) -> bool:
        """The metric's own agreed definition already speaks of it."""
        definitions = {
            s for m in metrics if m.grounding.source == "glossary" for s in stems(m.definition)
        }
        return set(said) <= definitions

    def _rows(self, bases: Sequence[str], said: Sequence[str], text: str) -> list[ConditionLink]:
        """Conditions to choose from: flags and values that sound like the words, or are of columns
        that are about the same, most like them first; any where none does."""
        close = self.context.similar(text)
        found: list[tuple[float, ConditionLink]] = []
        for card in (c for b in bases if (c := self.context.evidence.relation(b))):
            for column in card.columns:
                few = 1 < len(column.values) <= 12
                if is_boolean(column) or few:
                    own = [*column_stems(column), *stems(column.told)]
                    for link, value in self.context.linker.value_conditions(card, column):
                        near = 100 * close.get(column.name.lower(), 0.0)
                        found.append((max(near, _sounds_like(said, [*own, *value])), link))
        found.sort(key=lambda f: -f[0])
        like = [f for f in found if f[0] >= _LIKE]
        return [link for _, link in (like or found)[: MAX_OPTIONS - 1]]


_LIKE = 55.0
"""How much a condition must be like the words to be offered alone, 0 to 100."""


def _sounds_like(said: Sequence[str], own: Sequence[str]) -> float:
    """How much the words sound like each other, 0 to 100."""
    return max((fuzz.ratio(a, b) for a in said for b in own if len(a) > 2 < len(b)), default=0.0)


def _with_filter(metric: Metric, own: str, other: str) -> Metric:
    """The metric with another condition in the place of one of its own, or with none."""
    measures = tuple(
        m.model_copy(
            update={"filters": tuple(x for f in m.filters if (x := other if f == own else f))}
        )
        for m in metric.measures
    )
    return metric.model_copy(update={"measures": measures})
