"""What to split by that is no column as it is: ranges of a number, parts of a date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import sqlglot
from sqlglot import exp

from crew.artifacts import Dimension, Grounding
from crew.catalog.warehouse_profile import is_arrival, is_numeric, is_temporal
from crew.drafting.figures import Ranges
from crew.drafting.interpretation import Interpretation
from crew.drafting.period_sql import period_of
from crew.drafting.schema_linker import EVENT_STEMS, ColumnLink, content_stems, entity_stems
from crew.drafting.scope import qualified
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import (
    alike,
    grain_words,
    snake,
    stem,
    stems,
    word_set,
    words,
)
from crew.drafting.wish import Phrase
from crew.drafting.zone_reader import moved

_PARTS = {"weekday": "isodow", "hourofday": "hour", "monthofyear": "month"}
_PART_NAMES = {"weekday": "weekday", "hourofday": "hour_of_day", "monthofyear": "month_of_year"}
_PART_TOLD = {
    "weekday": "`weekday` is 1 for Monday to 7 for Sunday",
    "hourofday": "`hour_of_day` is 0 to 23",
    "monthofyear": "`month_of_year` is 1 to 12",
}


class ComputedDimensions:
    """Computed dimensions of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def read(self, phrase: Phrase, bases: Sequence[str]) -> Dimension | Literal["asked"] | None:
        """The dimension that a phrase computes; None if it computes none."""
        said = words(phrase.text)
        for word in said:
            figure = self.context.linker.figures.marks.get(word)
            if isinstance(figure, Ranges):
                return self._ranges(phrase, figure, bases)
            if word in _PARTS:
                return self._part(phrase, word, bases, [w for w in said if w not in {word, "of"}])
        if "decade" in said or "decades" in said:
            words_ = [w for w in said if not w.startswith("decade") and w != "of"]
            return self._decade(phrase, words_, bases)
        if len(said) > 1 and said[-1] in grain_words() and grain_words()[said[-1]] != "hour":
            return self._period(phrase, said[:-1], grain_words()[said[-1]], bases)
        return None

    # --- dates ---------------------------------------------------------------------------------

    def _part(
        self, phrase: Phrase, part: str, bases: Sequence[str], of: Sequence[str]
    ) -> Dimension | Literal["asked"]:
        """The weekday, hour or month of the moment that dates a row, or of one that is named."""
        of = [w for w in of if w not in word_set("articles")]
        column = self._named(of, bases) if of else self._dating(bases)
        if column is None:
            self.context.asking.ask(
                f"dimension:{part}",
                f"“{_PART_NAMES[part]}” of which date? No single one dates a row.",
                [],
            )
            return "asked"
        relation, name = column
        sql = qualified(relation, name).sql(dialect=self.context.evidence.dialect)
        if part == "weekday":
            tree: exp.Expr = sqlglot.parse_one(f"isodow({sql})", read="duckdb")
            tree = exp.Extract(this=exp.var("isodow"), expression=moved(self.context, sql))
        else:
            tree = exp.Extract(this=exp.var(_PARTS[part]), expression=moved(self.context, sql))
        self.context.assume(f"{_PART_TOLD[part]}, by `{relation}.{name}`.")
        return Dimension(
            name=_PART_NAMES[part],
            relation=relation,
            column=name,
            expression=tree.sql(dialect=self.context.evidence.dialect),
            grounding=Grounding(source="ticket", text=phrase.quote),
        )

    def _named(self, words_: Sequence[str], bases: Sequence[str]) -> tuple[str, str] | None:
        """The moment of the rows, or of what they point at, that words name: `of the class`."""
        reaches = [self.context.planner.hops(b) for b in bases]
        common = set(reaches[0]).intersection(*reaches[1:]) if reaches else set()
        found = {
            (key, column.name): sum(r[key] for r in reaches)
            for key in common
            if (card := self.context.evidence.relation(key))
            for column in self.context.linker.moments(card, " ".join(words_))
        }
        nearest = [k for k, hops in found.items() if hops == min(found.values())]
        return nearest[0] if len(nearest) == 1 else None

    def _dating(self, bases: Sequence[str]) -> tuple[str, str] | None:
        """The column that dates the rows of the only base, if it is clear which one does."""
        if len(set(bases)) != 1:
            return None
        card = self.context.evidence.relation(bases[0])
        times = self.context.linker.times(card) if card else []
        if not times:
            return None
        lasting = self.context.linker.interval(card) if card else None
        if lasting and times[0][0].name in lasting:
            return bases[0], lasting[0]  # what lasts is placed by its beginning, which is said
        if len(times) > 1 and times[0][1] < times[1][1] + 0.7:
            return None
        return bases[0], times[0][0].name

    def _period(
        self, phrase: Phrase, event: Sequence[str], grain: str, bases: Sequence[str]
    ) -> Dimension | None:
        """`signup month`: the period of a date that is looked up."""
        said = [s for s in content_stems(" ".join(event)) if s not in {"cohort"}]
        linker = self.context.linker
        found: list[ColumnLink] = []
        reaches = [self.context.planner.hops(b) for b in bases]
        common = set(reaches[0]).intersection(*reaches[1:]) if reaches else set()
        for key in common:
            card = self.context.evidence.relation(key)
            for column in card.columns if card else ():
                own = set(column_stems(column)) - EVENT_STEMS
                entity = set(entity_stems(card)) if card else set()
                if not is_temporal(column) or is_arrival(column.name) or not said:
                    continue
                if any(alike(s) & own for s in said) and all(
                    alike(s) & (own | entity) for s in said
                ):
                    strange = len([s for s in own if not any(s in alike(x) for x in said)])
                    hops = max(r[key] for r in reaches)
                    found.append(ColumnLink(key, column, 1.0 - 0.2 * strange, hops, True))
        found.sort(key=lambda k: (-k.score, k.hops, k.name))
        meanings = linker.distinct_meanings(found) if found else []
        if len(meanings) != 1:
            return None
        link = meanings[0]
        sql = qualified(link.relation, link.column.name).sql(dialect=self.context.evidence.dialect)
        truncated = period_of(moved(self.context, sql), grain, self.context.calendar)
        return Dimension(
            name=snake(phrase.text),
            relation=link.relation,
            column=link.column.name,
            expression=truncated.sql(dialect=self.context.evidence.dialect),
            grain=grain,
            grounding=Grounding(source="ticket", text=phrase.quote),
        )

    def _decade(
        self, phrase: Phrase, event: Sequence[str], bases: Sequence[str]
    ) -> Dimension | None:
        """`decade of birth`: 1980 for the years 1980 to 1989, of a date or of a year."""
        said = [s for s in content_stems(" ".join(event)) if s != stem("year")]
        linker, dialect = self.context.linker, self.context.evidence.dialect
        found: list[ColumnLink] = []
        for key, hops in linker.reach(bases).items():
            card = self.context.evidence.relation(key)
            for column in card.columns if card else ():
                own = set(column_stems(column))
                is_year = is_numeric(column) and stem("year") in own
                if said and all(alike(s) & own for s in said) and (is_year or is_temporal(column)):
                    found.append(ColumnLink(key, column, 1.0 - 0.05 * hops, hops, True))
        found.sort(key=lambda k: (-k.score, k.name))
        meanings = linker.distinct_meanings(found) if found else []
        if len(meanings) != 1:
            return None
        link = meanings[0]
        sql = qualified(link.relation, link.column.name).sql(dialect=dialect)
        if is_temporal(link.column):
            sql = exp.Extract(this=exp.var("year"), expression=self._tree(sql)).sql(dialect=dialect)
        self.context.assume("A decade is its first year: 1980 for 1980 to 1989.")
        return Dimension(
            name=snake(phrase.text), relation=link.relation, column=link.column.name,
            expression=f"cast(floor({sql} / 10.0) * 10 as integer)",
            grounding=Grounding(source="ticket", text=phrase.quote),
        )  # fmt: skip

    # --- ranges --------------------------------------------------------------------------------

    def _ranges(
        self, phrase: Phrase, ranges: Ranges, bases: Sequence[str]
    ) -> Dimension | Literal["asked"]:
        """`order size: under 50, 50-100, over 100`."""
        linker = self.context.linker
        own = {
            s for b in bases if (c := self.context.evidence.relation(b)) for s in entity_stems(c)
        }
        neutral = {*stems("size group bucket range band bracket class value level"), *own}
        said = [s for s in content_stems(ranges.what) if s not in neutral]
        links = linker.measurable(said, bases) if said else linker.amounts(bases)
        meanings = linker.distinct_meanings(links) if links else []
        if not meanings:
            self.context.asking.ask(
                f"dimension:{snake(ranges.what)}",
                f"“{ranges.what}”: which number is put into these ranges?",
                [(f"`{k.name}`", _extent(k)) for k in linker.amounts(bases)[:4]],
            )
            return "asked"
        link = meanings[0]
        if len(meanings) > 1:
            options = [(f"`{m.name}`", _extent(m)) for m in meanings[:4]]
            index = self.context.asking.ask(
                f"dimension:{snake(ranges.what)}",
                f"“{ranges.what}”: which number is put into these ranges?",
                options,
            )
            if index is None:
                return "asked"
            link = meanings[index]
        if not said or not link.exact:
            self.context.assume(f"“{ranges.what}” is `{link.name}`.")
        expression = self._range_sql(ranges, link)
        name = snake(ranges.what)
        name = (
            name if name.endswith(("range", "group", "bucket", "band", "size")) else f"{name}_range"
        )
        return Dimension(
            name=name,
            relation=link.relation,
            column=link.column.name,
            expression=expression,
            grounding=Grounding(source="ticket", text=phrase.quote),
        )

    def _range_sql(self, ranges: Ranges, link: ColumnLink) -> str:
        dialect = self.context.evidence.dialect
        column = qualified(link.relation, link.column.name).sql(dialect=dialect)
        if link.column.name.lower().endswith(("_cents", "_cent")):
            column = f"({column} / 100.0)"
        if ranges.step:
            step = f"{ranges.step:.10g}"
            self.context.assume(
                f"A range begins at a multiple of {step} and ends before the next one."
            )
            return f"floor({column} / {step}) * {step}"
        if ranges.labels:
            return self._labelled(ranges, column)
        whens = []
        for low, high in ranges.bounds:
            parts = [f"{column} >= {low:.10g}"] if low is not None else []
            parts += [f"{column} < {high:.10g}"] if high is not None else []
            whens.append(f"when {' and '.join(parts)} then '{_label(low, high)}'")
        self.context.assume("A range includes its lower bound and ends before its upper bound.")
        return f"case {' '.join(whens)} end"

    def _labelled(self, ranges: Ranges, column: str) -> str:
        """Ranges that the ticket itself names; what is empty stays so."""
        below = "<=" if ranges.includes_high else "<"
        whens = []
        for label, (_, high) in zip(ranges.labels, ranges.bounds, strict=True):
            condition = (
                f"{column} {below} {high:.10g}" if high is not None else f"{column} is not null"
            )
            whens.append(f"when {condition} then '{label}'")
        bound = "includes" if ranges.includes_high else "ends before"
        self.context.assume(f"A range {bound} its upper bound.")
        return f"case {' '.join(whens)} end"

    def _tree(self, sql: str) -> exp.Expr:
        return sqlglot.parse_one(sql, read=self.context.evidence.dialect)


def _label(low: float | None, high: float | None) -> str:
    if low is None:
        return f"under {high:.10g}"
    return f"{low:.10g} and more" if high is None else f"{low:.10g} to under {high:.10g}"


def _extent(link: ColumnLink) -> str:
    known = is_numeric(link.column) and link.column.minimum is not None
    return f"between {link.column.minimum} and {link.column.maximum}" if known else ""
