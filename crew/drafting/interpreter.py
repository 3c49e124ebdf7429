"""Drafts the requirement specification of a request from its evidence.

What the words leave open is asked, with options from the data; what is nearly certain is assumed
and said. Nothing in a metric phrase is passed over: a word that nothing explains is a question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from crew.artifacts import (
    DateRange,
    Dimension,
    Evidence,
    Filter,
    Grounding,
    LookBack,
    Metric,
    Related,
    RelationCard,
    Request,
    RequirementSpec,
    TimeAxis,
)
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_numeric
from crew.drafting import part_rows
from crew.drafting.calendar_reader import CalendarReader
from crew.drafting.change_reader import ChangeReader
from crew.drafting.clause_reader import is_courtesy
from crew.drafting.derived_reader import DerivedReader
from crew.drafting.dialects import APPROXIMATE
from crew.drafting.dimension_reader import DimensionReader
from crew.drafting.entity_reader import EntityReader
from crew.drafting.entity_words import keeps_all
from crew.drafting.figures import PerUnit, Quotient, is_limit
from crew.drafting.filter_reader import FilterReader, content_words
from crew.drafting.follow_up_reader import unread_commands, unread_follow_ups
from crew.drafting.interpretation import Interpretation
from crew.drafting.join_chooser import JoinChooser
from crew.drafting.leftover_reader import LeftoverReader
from crew.drafting.lexicon import Lexicon
from crew.drafting.lexicon_reader import lexicon_of
from crew.drafting.likeness import Similar, nothing_similar
from crew.drafting.lost_figures import LostFigures
from crew.drafting.lost_limits import LostLimits
from crew.drafting.lost_names import LostNames
from crew.drafting.metric_questions import ask_undefined, ask_which_column
from crew.drafting.metric_reader import MetricReader
from crew.drafting.metric_reading import Reading, split_aggregation
from crew.drafting.model_namer import asks_for_its_own, model_name
from crew.drafting.own_dates import with_own_dates
from crew.drafting.per_row import with_row_quotients
from crew.drafting.prose_reader import ProseReader
from crew.drafting.questions import Asking, is_option, names_an_option
from crew.drafting.reading_chooser import ReadingChooser
from crew.drafting.related_filters import RelatedFilters
from crew.drafting.row_hygiene import RowHygiene
from crew.drafting.row_sets import dimension_sql, parse_sql
from crew.drafting.schema_linker import KEY_STEMS, content_stems, entity_stems
from crew.drafting.shape_wishes import ask_shapes
from crew.drafting.state_words import moment_of_period, without_moment
from crew.drafting.their_rows import with_their_rows
from crew.drafting.ticket_reader import asks_for_a_change, read_text, read_ticket
from crew.drafting.time_reader import TimeReader
from crew.drafting.vocabulary import (
    alike,
    name_stems,
    singular,
    snake,
    stem_set,
    stems,
    vocabulary,
)
from crew.drafting.wish import Phrase, Wish
from crew.drafting.zone_reader import ZoneReader
from crew.ports import Warehouse

_GRAINS = ("hour", "day", "week", "month", "quarter", "year")


def interpret(
    request: Request,
    evidence: Evidence,
    warehouse: Warehouse | None = None,
    similar: Similar = nothing_similar,
) -> RequirementSpec:
    """The specification of a request. What comments wish for that answers no question of ours is
    read like the ticket's own words, or noted as not read."""
    first = Interpreter(evidence, warehouse, similar)
    spec = first.interpret(request)
    asking = first.context.asking
    if asking.letters_left and asking.letters_used == 1:  # somebody thought better of it
        first = Interpreter(evidence, warehouse, similar)
        first.skipped_letters = asking.letters_left
        spec = first.interpret(request)
    if spec.questions:
        return spec
    unused = [s for s in first.unused if not is_courtesy(s) and not is_option(s)]
    follow_ups = [s for s in unused if asks_for_a_change(s) and not names_an_option(s)]
    unread: list[str] = []
    last = first
    if follow_ups:
        last = Interpreter(evidence, warehouse, similar)
        spec = last.interpret(request, follow_ups)
        read = [s for s in last.unread if s not in last.taken]
        unread = read if spec.kind == "new_model" else _idle(request, evidence, follow_ups)
    idle = [s for s in unused if s not in follow_ups and s not in first.taken | last.settled]
    idle = [s for s in idle if names_an_option(s) or content_words(s)]
    said = dict.fromkeys((*unread, *idle, *first.overheard))
    notes = tuple(f"Not read, a comment: “{s[:200]}”." for s in said)
    return spec.model_copy(update={"notes": (*spec.notes, *notes)})


def _idle(request: Request, evidence: Evidence, follow_ups: Sequence[str]) -> list[str]:
    """The sentences without which a change of a model would be the same."""
    found: list[str] = []
    before = Interpreter(evidence).interpret(request)
    for n, sentence in enumerate(follow_ups, start=1):
        spec = Interpreter(evidence).interpret(request, follow_ups[:n])
        if spec.model_copy(update={"notes": ()}) == before.model_copy(update={"notes": ()}):
            found.append(sentence)
        before = spec
    return found


_ASKS = re.compile(
    r"\?|\b(?:add|build|show|need|want|would like|give|list|report|create|make|rename|how|numbers?|count|sum|total"
    r"|average|per|by|each|track|want|change|drop|rate|share|revenue|brauche\w*|möchte\w*|zeig\w*|anzahl|summe|je|pro|voudr\w+|nombre"
    r"|par|quer\w+|número|por|necesit\w+|besoin)\b",
    re.I,
)


class Interpreter:
    """One interpretation of one request. Afterwards `unused` are sentences said to us that nothing
    took, `overheard` wishes in comments that were not said to us."""

    def __init__(
        self,
        evidence: Evidence,
        warehouse: Warehouse | None = None,
        similar: Similar = nothing_similar,
    ) -> None:
        self.evidence = evidence
        self.context = context = Interpretation.over(evidence, warehouse, similar)
        self.reader = MetricReader(evidence, context.linker, context.planner)
        self.readings = ReadingChooser(self.reader)
        self.times, self.joins = TimeReader(context), JoinChooser(context)
        self.dimensions, self.filters = DimensionReader(context), FilterReader(context)
        self.leftovers, self.hygiene = LeftoverReader(context), RowHygiene(context)
        self.derived, self.entities = DerivedReader(context), EntityReader(context, self.reader)
        self.related_filters = RelatedFilters(context)
        self.calendars, self.zones = CalendarReader(context), ZoneReader(context)
        self.taken: set[str] = set()
        self.skipped_letters = 0
        self._wish = Wish()
        self._follow_ups: Sequence[str] = ()

    @property
    def settled(self) -> set[str]:
        """Sentences that answered what was open."""
        return {choice.said for choice in self.context.asking.settled} | self.context.told

    @property
    def unused(self) -> list[str]:
        """Sentences said after we spoke that settled no question."""
        wish = self._wish
        return [s for s in wish.answers if s in wish.directed and s not in self.settled]

    @property
    def overheard(self) -> list[str]:
        """Wishes in comments that were not said to us, and that settled nothing."""
        wish = self._wish
        used = self.settled | self.taken | wish.directed
        said = [s for s in wish.answers if s not in used and not is_courtesy(s)]
        return [s for s in said if asks_for_a_change(s)]

    @property
    def unread(self) -> list[str]:
        """Sentences to be read like the ticket's own of which some words went nowhere."""
        return unread_follow_ups(self._follow_ups, self._wish, self.readings.dropped)

    def interpret(self, request: Request, follow_ups: Sequence[str] = ()) -> RequirementSpec:
        """The specification, with the words of the ticket in the place of our marks."""
        spec = self._interpreted(request, follow_ups)
        told = self._wish.figures.readable
        return spec.model_copy(
            update={
                "questions": tuple(
                    q.model_copy(update={"text": told(q.text)}) for q in spec.questions
                ),
                "assumptions": tuple(
                    a.model_copy(update={"text": told(a.text)}) for a in spec.assumptions
                ),
                "notes": tuple(told(n) for n in spec.notes),
            }
        )

    def _interpreted(self, request: Request, follow_ups: Sequence[str]) -> RequirementSpec:
        lexicon = lexicon_of(self.evidence.relations, self.context.linker)
        wish = self._listen(request, follow_ups, replace(lexicon, relations=frozenset()))
        if wish.language:
            self.context.assume(f"The ticket is read as {wish.language.capitalize()}.")
        if personal := _personal_wish(wish):
            return RequirementSpec(
                kind="refuse",
                question=request.title,
                reason=f"“{personal[:200]}” asks for personal data of single people. That is not put into"
                " a model by a ticket: ask those who answer for the data, or for a number over them.",
                notes=tuple(self.context.notes),
            )
        if wish.is_empty or _only_asks_for_forbidden(wish):
            return self._nothing_to_read(request, wish)
        self.context.calendar = self.calendars.settled(wish)
        self.context.linker.calendar = self.context.calendar
        change = ChangeReader(
            self.evidence,
            self.context.linker,
            self.context.planner,
            self.reader,
            self.context.asking,
        ).read(request, wish)
        if change is not None:
            zoned = wish.zones.quote if wish.zones.zone or wish.zones.is_local else ""
            if (quote := wish.calendar.fiscal or zoned) and change.kind == "change_model":
                self.context.asking.ask(
                    "calendar:change",
                    f"“{quote}”: in an existing model I count by the calendar and the days of the data"
                    " alone. Which dates are meant?",
                    [],
                )
            questions = (*change.questions, *self.context.asking.open)
            return change.model_copy(
                update={
                    "notes": (*change.notes, *self.context.notes),
                    "questions": tuple({q.id: q for q in questions}.values()),
                    "settled": self.context.asking.settled,
                    "followed": self.context.asking.followed,
                }
            )
        if any(r in f"{request.title} {request.body}" for r in lexicon.relations):
            wish = self._listen(request, follow_ups, lexicon)
            self.context.calendar = self.calendars.settled(wish)
            self.context.linker.calendar = self.context.calendar
        self._add_answers(wish)
        self.times.give_back(wish)
        self.context.linker.is_dated = wish.dated_by is not None
        spine = self.entities.spine(wish)
        if spine is not None:
            return self._entity_model(request, wish, spine)
        self._ask_untold(wish)
        if named := self._only_names_a_model(wish):
            self.context.asking.ask(
                f"change:{named}",
                f"What is to change in `{named}`? I cannot carry it out as it is written: name the"
                " columns, rows or figures that it is about, and what they are to be.",
                [],
            )
            return self._unready(request)
        return self._new_model(request, wish)

    def _listen(self, request: Request, follow_ups: Sequence[str], lexicon: Lexicon) -> Wish:
        """What a ticket asks for, with everything set that depends on its words."""
        wish = self._wish = read_ticket(request, follow_ups, lexicon)
        self._follow_ups = follow_ups
        for sentence in follow_ups:
            said = read_text(sentence, "wish").grain
            if said and wish.grain and said[0] != wish.grain[0]:
                wish.other_grains.append((said[0], sentence))
        self.context.asking = Asking(
            wish.answers,
            wish.directed,
            request.choices,
            self.evidence.remembered.answers,
            letters_used=self.skipped_letters,
        )
        if wish.grain is None and wish.figures.grain:
            wish.grain = (wish.figures.grain, wish.figures.derived[0].quote)
        back, resets = wish.look_back, {d.unit for d in wish.figures.derived if d.unit}
        if back and back.calendar == "current" and wish.grain and back.unit in resets:
            wish.look_back = None  # `year to date` is the running total that the text tells
        self.context.linker.grain = wish.grain[0] if wish.grain else ""
        self.context.linker.figures = wish.figures
        self.context.linker.is_dated = wish.dated_by is not None
        self.context.related.cohort = wish.dated_by.text if wish.dated_by else ""
        self.context.linker.said = frozenset(s for c in wish.clauses for s in stems(c.quote))
        self.context.linker.clauses = [c.quote for c in wish.clauses]
        self.context.linker.sources = wish.sources
        self.context.notes[:] = [f"Not followed: {text}." for text in wish.ignored]
        self.context.notes += [f"Not answered, a comment: “{s[:200]}”." for s in wish.asked_us]
        return wish

    def _ask_untold(self, wish: Wish) -> None:
        """Asks about a sentence that wants something and gave nothing, where the only figure is a word
        of the title (`clients` over `for each client: first order date, last order date`)."""
        if any(p.place != "title" for p in wish.metrics):
            return
        told = [p.quote for p in (*wish.dimensions, *wish.exclusions, *wish.inclusions)]
        told += [p.quote for p in (*wish.scopes, *wish.leftovers, *wish.passed_over, *wish.kept)]
        told += [wish.grain[1]] if wish.grain else []
        figures = any(split_aggregation(p.text)[0] for p in wish.metrics)
        nothing_else = not any(told) and not wish.figures.derived
        spoken = {s for p in wish.metrics for s in content_stems(p.text)}
        told_of = [s for s in wish.prose if nothing_else and spoken & set(stems(s))]
        clauses = [c.quote for c in wish.clauses if c.place == "wish"]
        for said in [*clauses, *told_of] if wish.metrics and not figures else ():
            if any(t in said or said in t for t in told if t):
                continue
            self.context.asking.ask(
                f"untold:{snake(said)[:50]}",
                f"“{said[:200]}”: I read nothing of this. Which figures or columns are wanted, one row"
                " per what?",
                [],
            )

    def _ask_unshown(self, wish: Wish, dimensions: Sequence[Dimension]) -> None:
        """Asks about what `one row per x` is to show and nothing was read of; notes names that are to
        stand beside a key, and do not."""
        for phrase in self.readings.unread if wish.row_per else ():
            is_shown = phrase.item or (wish.row_per and phrase.quote == wish.row_per.quote)
            note = f"Not read: “{phrase.text}”."
            if is_shown and phrase.place == "wish" and note in self.context.notes:
                self.context.notes.remove(note)
                text = self.context.linker.figures.readable(phrase.text)
                self.context.asking.ask(
                    f"column:{snake(phrase.text)}", f"“{text}”: which column or number is that?", []
                )
        labels = stem_set("labels") - KEY_STEMS
        shown = {s for d in dimensions for s in name_stems(d.column or d.name)}
        for phrase in wish.leftovers:
            is_label = set(content_stems(phrase.text)) & labels
            if phrase.text.startswith("with ") and is_label and not shown & labels:
                self.context.notes.append(f"Not read: “{phrase.text}”.")

    def _only_names_a_model(self, wish: Wish) -> str:
        """The existing model that a ticket speaks of by name without asking for any figure, split
        or period: it wants a change of that, in words that are not understood."""
        text = " ".join((*(c.quote for c in wish.clauses), *wish.prose))
        asks = (
            wish.grain
            or wish.dimensions
            or wish.row_per
            or wish.figures.derived
            or wish.figures.top
        )
        figures = any(split_aggregation(p.text)[0] for p in wish.metrics)
        marks = any(not is_limit(f) for f in wish.figures.marks.values())
        if asks or figures or marks or wish.answers:
            return ""
        names = (n for n in self.evidence.model_names if "_" in n)
        return next(
            (n for n in names if re.search(rf"(?<![\w.]){re.escape(n)}(?!\w)", text, re.I)), ""
        )

    def _nothing_to_read(self, request: Request, wish: Wish) -> RequirementSpec:
        if wish.ignored:
            reason = f"This request asks to {_forbidden_kinds(wish)}, which is never done, and for no data."
            return RequirementSpec(
                kind="refuse",
                question=request.title,
                reason=reason,
                notes=tuple(self.context.notes),
            )
        self.context.asking.ask("wish", "Which number should be shown, and split by what?", [])
        return self._unready(request)

    def _unready(self, request: Request) -> RequirementSpec:
        if not self.context.asking.open:
            self.context.asking.ask("wish", "What should be measured, and of which rows?", [])
        return RequirementSpec(
            kind="new_model",
            question=request.title.strip() or request.body[:100],
            questions=tuple(self.context.asking.open[:3]),
            assumptions=(*self.context.asking.read_by_model, *self.context.assumptions),
            notes=tuple(self.context.notes),
        )

    def _add_answers(self, wish: Wish) -> None:
        """Answers may also say filters, dimensions and a grain in passing."""
        for sentence in wish.answers:
            said = read_text(sentence, "answer", wish.figures, wish.grain)
            before = (wish.look_back, wish.date_span, wish.grain, wish.fill_gaps, wish.dated_by)
            wish.inclusions += said.inclusions
            wish.exclusions += said.exclusions
            wish.kept += said.kept
            wish.leftovers += [
                p for p in said.leftovers if re.match(r"(?:but|except)\b", p.text, re.I)
            ]
            wish.look_back = wish.look_back or said.look_back
            if wish.unclear_dates and (said.date_span or said.look_back):
                wish.unclear_dates.clear()  # that is what was asked
                self.context.told.add(sentence)
            if said.date_span and wish.look_back and not said.look_back:
                wish.look_back = None  # fixed dates, said later, are what is meant by `this year`
                self.context.told.add(sentence)
            wish.date_span = wish.date_span or said.date_span
            wish.grain = wish.grain or said.grain
            wish.fill_gaps = wish.fill_gaps or said.fill_gaps
            wish.dated_by = wish.dated_by or said.dated_by
            self.context.linker.is_dated = wish.dated_by is not None
            after = (wish.look_back, wish.date_span, wish.grain, wish.fill_gaps, wish.dated_by)
            if before != after:
                self.taken.add(sentence)

    # --- new models --------------------------------------------------------------------------

    def _new_model(self, request: Request, wish: Wish) -> RequirementSpec:
        self._drop_units(wish)
        self.dimensions.cut(wish)
        wanted = list(dict.fromkeys(p.text for p in wish.dimensions))
        limits = [content_words(p.text) for p in (*wish.exclusions, *wish.inclusions, *wish.scopes)]
        self.context.linker.limits = [said for said in limits if said]
        readings = self.readings.choose(wish, wanted)
        if not readings and not self.context.asking.open:
            return self._not_understood(request, wish)
        readings = self._without_splits(readings, wish)
        read = [(r, m) for r in readings if (m := self._metric(r, wish)) is not None]
        metrics = with_their_rows(read, self.context)
        if not metrics:
            return self._unready(request)
        bases = list(dict.fromkeys(m.relation for metric in metrics for m in metric.measures))
        metrics = with_row_quotients(wish, metrics, self.context)
        self.zones.settle(wish, bases)
        dimensions = self.dimensions.read(wish, bases, metrics)
        self._keep_added(wish, bases)
        self.related_filters.read(wish, bases, metrics)
        filters = self.filters.read(wish, bases, metrics)
        if any(b in self.context.versions for b in bases):
            wish.leftovers = [p for p in wish.leftovers if without_moment(p.text)]
        filters += self.leftovers.read(wish, self.readings.unread, metrics, bases)
        self._ask_unshown(wish, dimensions)
        filters += self._scopes(bases, filters)
        filters = self.filters.settle_alternatives(filters, metrics)
        filters, metrics = self.filters.settle_against(filters, metrics)
        spoken = [c for m in metrics for x in m.measures for c in x.filters]
        conditions = [*spoken, *(f.condition for f in filters)]
        filters += ProseReader(self.context).read(wish, bases, metrics, conditions)
        filters += LostNames(self.context).read(wish, bases, metrics, dimensions, filters)
        self._settle_grain(wish)
        metrics = [self.times.timed(metric, wish) for metric in metrics]
        self._ask_moment(metrics, wish)
        self._say_approximate(metrics)
        self.calendars.with_effects(metrics, wish)
        self.zones.store(metrics)
        metrics = self.hygiene.check(metrics, filters, dimensions)
        metrics = [part_rows.settled(metric, self.context) for metric in metrics]
        metrics = [self.joins.keyed(metric, dimensions, filters) for metric in metrics]
        self.joins.check(metrics, dimensions, filters)
        derived, top = self.derived.read(wish, metrics, dimensions)
        if top or any(d.kind == "rank" for d in derived):
            filters += self._named_only(dimensions, filters)
        own = [c for c in wish.clauses if c.quote not in self._follow_ups]
        self.context.notes += [f"Not read: “{p[:200]}”." for p in unread_commands(own)]
        self._note_sources(wish, bases)
        LostFigures(self.context).ask(wish, metrics, dimensions, derived, top)
        ask_shapes(self.context, wish, metrics, every=False)
        LostLimits(self.context).ask(wish, bases, metrics, dimensions, filters)
        self.taken |= {f.grounding.text for f in filters}
        spec = self._assemble(request, wish, readings, metrics, dimensions, filters)
        grain = wish.grain[0] if wish.grain else ""
        span = self.derived.compared_from(derived, grain, spec.date_range)
        told = (*self.context.asking.read_by_model, *self.context.assumptions)
        update = {"derived": tuple(derived), "top": top, "date_range": span, "assumptions": told}
        return spec.model_copy(update=update)

    def _note_sources(self, wish: Wish, bases: Sequence[str]) -> None:
        """What the ticket names as the place of its figures and nothing is counted in."""
        for source in wish.sources:
            if source not in bases:
                told = ", ".join(f"`{b}`" for b in bases)
                self.context.notes.append(f"`{source}` is named, but what is counted is in {told}.")

    def _say_approximate(self, metrics: Sequence[Metric]) -> None:
        kinds = {x.aggregation for m in metrics for x in m.measures} & {"median", "percentile"}
        if kinds and self.context.evidence.dialect in APPROXIMATE:
            told = " and ".join(sorted(kinds))
            self.context.assume(
                f"The {told} is approximate: {self.context.evidence.dialect} has no exact one of groups."
            )

    def _ask_moment(self, metrics: Sequence[Metric], wish: Wish) -> None:
        """Ask what counts at the end of each period, where only what happens within it is counted."""
        measures = [m for metric in metrics for m in metric.measures]
        told = [c.quote for c in wish.clauses if moment_of_period(c.quote)]
        lasting = any(m.is_stock for m in measures)
        if told and wish.grain and measures and not lasting and not self.context.asking.open:
            self.context.asking.ask(
                "moment",
                f"“{told[0][:160]}”: I count what happens within each {wish.grain[0]} by"
                f" `{measures[0].time}`. Which rows are there at that moment of it, by which columns?",
                [(f"what happens within each {wish.grain[0]} is meant", "")],
            )

    def _without_splits(self, readings: Sequence[Reading], wish: Wish) -> list[Reading]:
        """Without phrases among the figures that are but a column to split by, such as `hall name`
        where what is counted has or reaches just one; these are split by, and that is said."""
        bases = [m.relation for r in readings if r.is_full and r.metric for m in r.metric.measures]
        resolved = self.context.linker.resolved
        spoken = [set(resolved(content_stems(d.text))) for d in wish.dimensions]
        spoken += [self._stems_of(r) for r in readings if r.is_full]
        if wish.figures.top or any(d.kind == "rank" for d in wish.figures.derived):
            spoken.append(set(stem_set("places")))
        kept = []
        for reading in readings:
            phrase = reading.phrase
            said = self.context.linker.resolved(content_stems(phrase.text))
            if said and not reading.metric and any(set(said) <= other for other in spoken):
                continue  # `orders per client country … columns: country, orders, rank`
            is_figure = reading.metric or reading.columns or reading.conditions or reading.term
            plain = not is_figure and split_aggregation(phrase.text)[0] is None
            links = self.context.linker.dimensions(said, bases) if bases and plain else []
            links = [
                k for k in links
                if k.exact
                and (not is_numeric(k.column) or set(name_stems(k.column.name)) & KEY_STEMS)
            ]  # fmt: skip
            meanings = self.context.linker.distinct_meanings(links) if links else []
            if len(meanings) != 1 or phrase.place == "title" or not bases:
                kept.append(reading)
                continue
            self.context.assume(f"“{phrase.text}” is no figure: the rows are split by it.")
            wish.dimensions.append(phrase)
        return kept or list(readings)

    def _stems_of(self, reading: Reading) -> set[str]:
        """The words of a figure and of the columns that it is made of."""
        assert reading.metric is not None
        columns = [
            c.name
            for m in reading.metric.measures
            for c in parse_sql(m.expression, self.evidence.dialect).find_all(exp.Column)
        ]
        named = {s for c in columns for s in (f"col:{c.lower()}", *name_stems(c))} - KEY_STEMS
        return {*content_stems(reading.phrase.text)} | named

    def _named_only(
        self, dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> list[Filter]:
        """What has no name is in no ranking."""
        found = []
        for dimension in dimensions[:1]:
            card = self.evidence.relation(dimension.relation)
            column = card.column(dimension.column) if card else None
            sql = dimension_sql(dimension)
            if column and not dimension.expression and all(sql not in f.condition for f in filters):
                self.context.assume(f"Rows without `{dimension.name}` are in no ranking.")
                found.append(
                    Filter(condition=f"{sql} IS NOT NULL", label=f"with {dimension.name}",
                           grounding=dimension.grounding)
                )  # fmt: skip
        return found

    def _scopes(self, bases: Sequence[str], filters: Sequence[Filter]) -> list[Filter]:
        """What a title says of the rows that the text below it counts."""
        have = {f.condition for f in filters}
        found = {}
        for relation, condition, phrase in [*self.readings.scopes, *self.readings.leading]:
            if relation not in bases and condition not in have:
                self.context.notes.append(f"Not read: “{phrase.text}” ({condition}).")
            elif condition not in have and not self._narrows(phrase, relation):
                index = self.context.asking.ask(
                    f"scope:{snake(phrase.text)}",
                    f"“{phrase.text}”: does it say which rows count?",
                    [("no: it changes nothing", ""), (f"only rows with {condition}", "")],
                )
                if index == 1:
                    grounding = self.context.answered()
                    found[condition] = Filter(
                        condition=condition, label=phrase.text, grounding=grounding
                    )
            elif condition not in have:
                self.context.assume(f"“{phrase.text}”: only rows with {condition} count.")
                grounding = Grounding(source="ticket", text=phrase.quote)
                found[condition] = Filter(
                    condition=condition, label=phrase.text, grounding=grounding
                )
        return list(found.values())

    def _narrows(self, phrase: Phrase, relation: str) -> bool:
        """Whether a heading speaks of rows as such (`Completed visits`), not of a value alone (`Cash`)."""
        card = self.evidence.relation(relation)
        own = {x for s in (entity_stems(card) if card else ()) for x in alike(s)}
        return bool(own & set(content_stems(phrase.text)))

    def _drop_units(self, wish: Wish) -> None:
        """`pieces per order` over `average pieces per order` names the figure, no split."""
        units = [
            {
                x
                for s in content_stems(f.unit if isinstance(f, PerUnit) else f.below)
                for x in alike(s)
            }
            for f in wish.figures.marks.values()
            if isinstance(f, PerUnit | Quotient)
        ]
        wish.dimensions = [
            p for p in wish.dimensions
            if not (p.place == "title" and any(set(content_stems(p.text)) <= u for u in units))
        ]  # fmt: skip

    def _entity_model(self, request: Request, wish: Wish, spine: RelationCard) -> RequirementSpec:
        """One row for each row of the spine, whether or not anything happened to it."""
        metrics, dimensions, unread = self.entities.read(wish, spine)
        version = self.context.versions.get(spine.key)
        if version and version.is_of_key:
            self.entities.filters.append(version.now)
            self.context.assume(
                f"Of the {spine.row_count:,} rows of `{spine.key}` the {version.current:,} that hold now are"
                f" there (`{version.now}`)."
            )
        wish.fill_gaps = False
        bases = list(dict.fromkeys(m.relation for metric in metrics for m in metric.measures))
        for phrase in unread:
            self.context.asking.ask(
                f"column:{snake(phrase.text)}",
                f"“{self.context.linker.figures.readable(phrase.text)}”: which column or number per"
                f" row of `{spine.key}` is that?",
                [],
            )
        made = self.context.related.made.get(spine.key)
        if not metrics and (len(dimensions) < 2 or not self.entities.is_told):
            if not self.context.asking.open:
                self.context.asking.ask("wish", f"What should a row of `{spine.key}` show?", [])
            return self._unready(request)
        texts = [d.model_dump_json(exclude={"grounding"}) for d in dimensions]
        self.related_filters.narrow_picked(wish, bases, texts)
        bases = bases or [made.relation if made else spine.key]
        filters = self.filters.read(wish, bases, metrics)
        filters += self.leftovers.read(wish, [], metrics, bases)
        wish.prose = [s for s in wish.prose if not keeps_all(s)]
        spoken = [c for m in metrics for x in m.measures for c in x.filters]
        conditions = [*spoken, *(f.condition for f in filters)]
        filters += ProseReader(self.context).read(wish, bases, metrics, conditions)
        filters += LostNames(self.context).read(wish, bases, metrics, dimensions, filters)
        filters = self.entities.settled(filters, spine)
        metrics = with_own_dates(wish, self.entities.spoken, metrics, self.times, self.context)
        metrics = [self.times.timed(metric, wish) for metric in metrics]
        self.zones.settle(wish, bases)
        self.zones.store(metrics)
        metrics = self.hygiene.check(metrics, filters, dimensions)
        metrics = [self.joins.keyed(metric, dimensions[:1], filters) for metric in metrics]
        self.joins.check(metrics, dimensions[:1], filters)
        ask_shapes(self.context, wish, metrics, every=True)
        spine_limits = self.entities.filters
        LostLimits(self.context).ask(wish, bases, metrics, dimensions, filters, spine_limits)
        self.taken |= {f.grounding.text for f in filters}
        self.context.assume(
            f"Each row of `{spine.key}` has a row, with zero where nothing was counted."
        )
        spec = self._assemble(request, wish, [], metrics, dimensions, filters)
        name = self.evidence.conventions.mart_pattern.replace(
            "{name}", f"{snake(singular(entity_of(spine.key)))}_facts"
        )
        name = name if name not in self.evidence.model_names else spec.model
        return spec.model_copy(
            update={
                "spine": spine.key,
                "row_grain": (dimensions[0].name,),
                "model": name,
                "spine_filters": tuple(self.entities.filters),
                "related": tuple(
                    self._related(metrics, dimensions, filters, [spine.key, *self.entities.filters])
                ),
            }
        )

    def _settle_grain(self, wish: Wish) -> None:
        """Two grains in one sentence: the finer one where it lies within the other, else asked."""
        if wish.grain is None:
            return
        for other, quote in wish.other_grains:
            both = {wish.grain[0], other}
            if quote not in self._follow_ups and both in (
                {"year", "month"},
                {"year", "quarter"},
                {"quarter", "month"},
                {"month", "day"},
            ):
                finer = min(both, key=_GRAINS.index)
                wish.grain = (finer, quote)
                self.context.assume(
                    f"A row per {finer}; the {max(both, key=_GRAINS.index)} is part of its date."
                )
                continue
            index = self.context.asking.ask(
                f"grain:{other}",
                f"“{quote}”: one row per {wish.grain[0]} or per {other}?",
                [(f"one row per {wish.grain[0]}", ""), (f"one row per {other}", "")],
            )
            if index == 1:
                wish.grain = (other, quote)

    def _assemble(
        self,
        request: Request,
        wish: Wish,
        readings: Sequence[Reading],
        metrics: list[Metric],
        dimensions: list[Dimension],
        filters: list[Filter],
    ) -> RequirementSpec:
        time = None
        if wish.grain:
            grain, quote = wish.grain
            column = self.context.calendar.name_of(grain)
            if any(d.name == column for d in dimensions):
                column = f"{column}_start"
            time = TimeAxis.model_validate(
                {"grain": grain, "column": column, "grounding": _said(quote)}
            )
        look_back = None
        if wish.look_back:
            back = wish.look_back
            look_back = LookBack.model_validate(
                {
                    "count": back.count,
                    "unit": back.unit,
                    "calendar": back.calendar,
                    "grounding": _said(back.quote),
                }
            )
            assert look_back is not None
            words = look_back.words
            newest = "the latest day in the data that is not ahead of today"
            how = f"is the one of {newest}" if back.calendar else f"end with {newest}"
            now = f"; the current {back.unit} {how}" if back.calendar else f" {how}"
            self.context.assume(
                f"{words[0].upper()}{words[1:]}{now}.", self.times.newest_sql(metrics)
            )
        date_range = None
        if wish.date_span:
            span = wish.date_span
            date_range = DateRange(
                start=span.start.isoformat() if span.start else None,
                end=span.end.isoformat() if span.end else None,
                grounding=_said(span.quote),
            )
        grain_columns = ([time.column] if time else []) + [d.name for d in dimensions]
        flows = [m for metric in metrics for m in metric.measures if not m.is_stock]
        if (
            time
            and len({(m.relation, m.time) for m in flows}) <= 1
            and len(flows) == sum(len(m.measures) for m in metrics)
            and not wish.fill_gaps
        ):
            self.context.assume(
                f"A {time.grain} without any row to count has no row in the result.", ""
            )
        return RequirementSpec(
            kind="new_model",
            model=model_name(self.evidence, metrics, dimensions, time, look_back),
            standalone=asks_for_its_own([*(c.quote for c in wish.clauses), *wish.answers]),
            question=request.title.strip() or wish.clauses[0].text,
            metrics=tuple(metrics),
            dimensions=tuple(dimensions),
            filters=tuple(filters),
            time=time,
            calendar=self.context.calendar,
            look_back=look_back,
            date_range=date_range,
            fill_gaps=wish.fill_gaps,
            related=tuple(self._related(metrics, dimensions, filters)),
            row_grain=tuple(grain_columns),
            owner=next((r.term.owner for r in readings if r.term and r.term.owner), ""),
            acceptance=tuple(wish.acceptance),
            assumptions=(*self.context.asking.read_by_model, *self.context.assumptions),
            questions=tuple(self.context.asking.open[:3]),
            notes=tuple(self.context.notes),
            settled=self.context.asking.settled,
            followed=self.context.asking.followed,
        )

    def _related(
        self,
        metrics: Sequence[Metric],
        dimensions: Sequence[Dimension],
        filters: Sequence[Filter],
        further: Sequence[str] = (),
    ) -> list[Related]:
        """The relations made for this result that something in it is about."""
        elements: list[Metric | Dimension | Filter] = [*metrics, *dimensions, *filters]
        texts = [e.model_dump_json(exclude={"grounding"}) for e in elements]
        made = self.context.related.used([*texts, *further])
        for one in made:
            limits = f" with {' and '.join(one.filters)}" if one.filters else ""
            self.context.assume(f"`{one.key}` is made of the rows of `{one.relation}`{limits}.")
        return made

    def _not_understood(self, request: Request, wish: Wish) -> RequirementSpec:
        said = set(stems(" ".join(c.text for c in wish.clauses)))
        known = {s for c in self.evidence.relations for s in entity_stems(c)}
        if not (said & known) and not wish.grain and not wish.dimensions:
            reason = "I found nothing in this request that is about the data of this project."
            if wish.ignored:
                reason += f" It asks to {_forbidden_kinds(wish)}, which is never done."
            return RequirementSpec(
                kind="refuse",
                question=request.title,
                reason=reason,
                notes=tuple(self.context.notes),
            )
        entities = [
            entity_stems(c) and c.key
            for c in self.evidence.relations
            if set(entity_stems(c)) & said
        ][:4]
        hint = f" I see {', '.join(f'`{e}`' for e in entities)}." if entities else ""
        self.context.asking.ask(
            "wish", f"Which number should be shown, and split by what?{hint}", []
        )
        return self._unready(request)

    # --- metrics -----------------------------------------------------------------------------

    def _keep_added(self, wish: Wish, bases: Sequence[str]) -> None:
        """`including cancelled ones` names rows that are to count, not the only ones that do."""
        for phrases in (wish.leftovers, self.readings.unread):
            for phrase in [p for p in phrases if p.added]:
                if self.context.linker.conditions(content_words(phrase.text), bases):
                    phrases.remove(phrase)
                    wish.kept.append(phrase)

    def _metric(self, reading: Reading, wish: Wish) -> Metric | None:
        for text in reading.assumptions:
            self.context.assume(text, "")
        if reading.is_full:
            return reading.metric
        if reading.columns:
            return ask_which_column(self.context.asking, reading, self.context.probe)
        if reading.conditions and reading.metric:
            return self._ask_condition(reading)
        return ask_undefined(
            self.context.asking,
            reading,
            self.context.linker,
            self.context.probe,
            wish,
            self.context.similar,
        )

    def _ask_condition(self, reading: Reading) -> Metric | None:
        assert reading.metric is not None
        links = reading.conditions
        index = self.context.asking.ask(
            f"condition:{snake(reading.phrase.text)}",
            f"“{reading.phrase.text}”: which column decides?",
            [(c.condition, self._gives(reading.metric, c.condition)) for c in links],
        )
        if index is None:
            return None
        measures = tuple(
            m.model_copy(update={"filters": (*m.filters, links[index].condition)})
            for m in reading.metric.measures
        )
        return reading.metric.model_copy(
            update={"measures": measures, "grounding": self.context.answered()}
        )

    def _gives(self, metric: Metric, condition: str) -> str:
        return self.context.probe.overall(metric.measures[0], condition)


def _personal_wish(wish: Wish) -> str:
    """The clause that wishes for personal data row by row, none if there is none."""
    pattern = re.compile(rf"\b(?:{vocabulary()['personal_wishes']})\b", re.I)
    left_out = " ".join(p.text for p in (*wish.exclusions, *wish.denied))
    for clause in wish.clauses:
        figures = split_aggregation(clause.text)[0] or re.search(
            r"\bhow many\b|\bnumber of\b|\bshare of\b", clause.text, re.I
        )
        listed = re.search(
            r"\b(?:list|export|dump|table|mart|model|names?|all|every|each)\b", clause.text, re.I
        )
        found = pattern.search(clause.text)
        if (
            clause.place == "wish"
            and found
            and listed
            and not figures
            and found.group() not in left_out
        ):
            return clause.text
    return ""


def _only_asks_for_forbidden(wish: Wish) -> bool:
    """Whether what is left of a ticket besides what is never done asks for nothing."""
    said = " ".join(c.quote for c in wish.clauses)
    asks = wish.grain or wish.dimensions or wish.row_per or _ASKS.search(said)
    return bool(wish.ignored) and not asks


def _forbidden_kinds(wish: Wish) -> str:
    """What the ignored sentences ask for, each kind once."""
    kinds = dict.fromkeys(t.split(" asks to ", 1)[-1].split(": “")[0] for t in wish.ignored)
    return ", ".join(kinds)


def _said(quote: str) -> Grounding:
    return Grounding(source="ticket", text=quote)
