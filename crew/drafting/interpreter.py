"""Drafts the requirement specification of a request from its evidence.

What the words leave open is asked, with options from the data; what is nearly certain is assumed
and said. Nothing in a metric phrase is passed over: a word that nothing explains is a question.
"""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import (
    Assumption,
    DateRange,
    Dimension,
    Evidence,
    Filter,
    Grounding,
    LookBack,
    Measure,
    Metric,
    Request,
    RequirementSpec,
    TimeAxis,
)
from crew.drafting.change_reader import ChangeReader
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.measure_probe import MeasureProbe
from crew.drafting.metric_questions import ask_undefined, ask_which_column
from crew.drafting.metric_reader import MetricReader, Reading
from crew.drafting.questions import Asking
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import (
    ColumnLink,
    ConditionLink,
    SchemaLinker,
    content_stems,
    entity_stems,
)
from crew.drafting.scope import qualified
from crew.drafting.ticket_reader import Phrase, Wish, read_text, read_ticket
from crew.drafting.vocabulary import grain_words, singular, snake, stem_set, stems, words
from crew.ports import Warehouse


class Interpreter:
    """One interpretation of one request."""

    def __init__(self, evidence: Evidence, warehouse: Warehouse | None = None) -> None:
        self.evidence = evidence
        self.planner = JoinPlanner(evidence)
        self.linker = SchemaLinker(evidence, self.planner)
        self.reader = MetricReader(evidence, self.linker, self.planner)
        self.probe = MeasureProbe(evidence, self.planner, warehouse)
        self.assumptions: list[Assumption] = []
        self.notes: list[str] = []

    def interpret(self, request: Request) -> RequirementSpec:
        wish = read_ticket(request)
        self.asking = Asking(wish.answers)
        self.notes += [f"Not followed: {text}." for text in wish.ignored]
        if wish.is_empty:
            return self._nothing_to_read(request, wish)
        change = ChangeReader(
            self.evidence, self.linker, self.planner, self.reader, self.asking
        ).read(request, wish)
        if change is not None:
            return change.model_copy(
                update={"notes": (*change.notes, *self.notes), "questions": tuple(self.asking.open)}
            )
        self._add_answers(wish)
        return self._new_model(request, wish)

    def _nothing_to_read(self, request: Request, wish: Wish) -> RequirementSpec:
        if wish.ignored:
            reason = f"This request asks to {_forbidden_kinds(wish)}, which is never done, and for no data."
            return RequirementSpec(
                kind="refuse", question=request.title, reason=reason, notes=tuple(self.notes)
            )
        self.asking.ask("wish", "Which number should be shown, and split by what?", [])
        return self._unready(request)

    def _unready(self, request: Request) -> RequirementSpec:
        return RequirementSpec(
            kind="new_model",
            question=request.title.strip() or request.body[:100],
            questions=tuple(self.asking.open[:3]),
            assumptions=tuple(self.assumptions),
            notes=tuple(self.notes),
        )

    def _add_answers(self, wish: Wish) -> None:
        """Answers may also say filters, dimensions and a grain in passing."""
        for sentence in wish.answers:
            said = read_text(sentence, "answer")
            wish.inclusions += said.inclusions
            wish.exclusions += said.exclusions
            wish.look_back = wish.look_back or said.look_back
            wish.date_span = wish.date_span or said.date_span
            wish.grain = wish.grain or said.grain
            wish.fill_gaps = wish.fill_gaps or said.fill_gaps

    # --- new models --------------------------------------------------------------------------

    def _new_model(self, request: Request, wish: Wish) -> RequirementSpec:
        wanted = list(dict.fromkeys(p.text for p in wish.dimensions))
        readings = self._readings(wish, wanted)
        if not readings and not self.asking.open:
            return self._not_understood(request, wish)
        metrics = [m for r in readings if (m := self._metric(r, wish)) is not None]
        if not metrics:
            return self._unready(request)
        bases = list(dict.fromkeys(m.relation for metric in metrics for m in metric.measures))
        dimensions = self._dimensions(wish, bases)
        filters = self._filters(wish, bases, metrics)
        metrics = [self._timed(metric, wish) for metric in metrics]
        metrics = [self._keyed(metric, dimensions, filters) for metric in metrics]
        self._check_joins(metrics, dimensions, filters)
        return self._assemble(request, wish, readings, metrics, dimensions, filters)

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
            column = grain if all(d.name != grain for d in dimensions) else f"{grain}_start"
            time = TimeAxis.model_validate(
                {"grain": grain, "column": column, "grounding": _said(quote)}
            )
        look_back = None
        if wish.look_back:
            back = wish.look_back
            look_back = LookBack.model_validate(
                {"count": back.count, "unit": back.unit, "grounding": _said(back.quote)}
            )
            self._assume(
                f"The last {back.count} {back.unit}s end with the latest day in the data that is not ahead of today.",
                self._newest_sql(metrics),
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
            self._assume(f"A {time.grain} without any row to count has no row in the result.", "")
        return RequirementSpec(
            kind="new_model",
            model=self._model_name(metrics, dimensions, time, look_back),
            question=request.title.strip() or wish.clauses[0].text,
            metrics=tuple(metrics),
            dimensions=tuple(dimensions),
            filters=tuple(filters),
            time=time,
            look_back=look_back,
            date_range=date_range,
            fill_gaps=wish.fill_gaps,
            row_grain=tuple(grain_columns),
            owner=next((r.term.owner for r in readings if r.term and r.term.owner), ""),
            acceptance=tuple(wish.acceptance),
            assumptions=tuple(self.assumptions),
            questions=tuple(self.asking.open[:3]),
            notes=tuple(self.notes),
        )

    def _not_understood(self, request: Request, wish: Wish) -> RequirementSpec:
        said = set(stems(" ".join(c.text for c in wish.clauses)))
        known = {s for c in self.evidence.relations for s in entity_stems(c)}
        if not (said & known) and not wish.grain and not wish.dimensions:
            reason = "I found nothing in this request that is about the data of this project."
            if wish.ignored:
                reason += f" It asks to {_forbidden_kinds(wish)}, which is never done."
            return RequirementSpec(
                kind="refuse", question=request.title, reason=reason, notes=tuple(self.notes)
            )
        entities = [
            entity_stems(c) and c.key
            for c in self.evidence.relations
            if set(entity_stems(c)) & said
        ][:4]
        hint = f" I see {', '.join(f'`{e}`' for e in entities)}." if entities else ""
        self.asking.ask("wish", f"Which number should be shown, and split by what?{hint}", [])
        return self._unready(request)

    # --- metrics -----------------------------------------------------------------------------

    def _readings(self, wish: Wish, wanted: Sequence[str]) -> list[Reading]:
        """The readings to build: all that are clear, and those that need an answer first."""
        read = [self.reader.read(p, wanted, timed=wish.grain is not None) for p in wish.metrics]
        clear = [r for r in read if r.is_full]
        titles = [r for r in read if r.phrase.place == "title"]
        unclear = [r for r in read if not r.is_full and self._matters(r, clear, wish)]
        self._title_conditions(titles, clear, wish)
        found: list[Reading] = []
        for reading in [*clear, *unclear]:
            if not any(_covers(other, reading) for other in found):
                found = [f for f in found if not _covers(reading, f)]
                found.append(reading)
        return found[:6]

    def _matters(self, reading: Reading, clear: list[Reading], wish: Wish) -> bool:
        """Whether an unclear phrase must be asked about rather than passed over as prose."""
        said = set(content_stems(reading.phrase.text))
        if not said or any(said <= set(content_stems(c.phrase.text)) for c in clear):
            return False
        clearly = {s for c in clear for s in content_stems(c.phrase.text)}
        if reading.term or reading.columns or reading.conditions:
            return True
        loaded = said & stem_set("loaded") - clearly
        if not clear:
            about_data = wish.grain or wish.dimensions or wish.look_back
            return bool(reading.says_something or loaded or about_data)
        if reading.phrase.place == "title":
            return bool(reading.says_something or loaded)
        return bool(reading.says_something and loaded)

    def _title_conditions(self, titles: list[Reading], clear: list[Reading], wish: Wish) -> None:
        """`orders per week for Germany`: what is no metric in a title may be a condition."""
        bases = list(
            dict.fromkeys(m.relation for r in clear if r.metric for m in r.metric.measures)
        )
        for reading in titles:
            said = content_stems(reading.phrase.text)
            if (
                clear
                and not reading.says_something
                and said
                and self.linker.conditions(said, bases)
            ):
                wish.inclusions.append(reading.phrase)

    def _metric(self, reading: Reading, wish: Wish) -> Metric | None:
        for text in reading.assumptions:
            self._assume(text, "")
        if reading.is_full:
            return reading.metric
        if reading.columns:
            return ask_which_column(self.asking, reading)
        if reading.conditions and reading.metric:
            return self._ask_condition(reading)
        return ask_undefined(self.asking, reading, self.linker, self.probe, wish)

    def _ask_condition(self, reading: Reading) -> Metric | None:
        assert reading.metric is not None
        links = reading.conditions
        index = self.asking.ask(
            f"condition:{snake(reading.phrase.text)}",
            f"“{reading.phrase.text}”: which column decides?",
            [(f"{c.condition}", "") for c in links],
        )
        if index is None:
            return None
        measures = tuple(
            m.model_copy(update={"filters": (*m.filters, links[index].condition)})
            for m in reading.metric.measures
        )
        return reading.metric.model_copy(
            update={"measures": measures, "grounding": self._answered()}
        )

    def _answered(self) -> Grounding:
        _, quote = list(self.asking.answered.values())[-1]
        return Grounding(source="answer", text=quote)

    # --- time --------------------------------------------------------------------------------

    def _timed(self, metric: Metric, wish: Wish) -> Metric:
        """Measures with the column that dates them, where a period or a look-back needs one."""
        if not (wish.grain or wish.look_back or wish.date_span):
            return metric
        measures = []
        for measure in metric.measures:
            if not measure.time and not measure.is_stock:
                column = self._time_column(measure, metric, wish)
                measure = measure.model_copy(update=column or {})
            measures.append(measure)
        return metric.model_copy(update={"measures": tuple(measures)})

    def _time_column(self, measure: Measure, metric: Metric, wish: Wish) -> dict[str, str] | None:
        owner, times = measure.relation, []
        hops = self.planner.hops(measure.relation)
        layers = {c.key: c.layer for c in self.evidence.relations}
        own = layers.get(measure.relation)
        for key in sorted(hops, key=lambda k: (hops[k], layers.get(k) != own, k)):
            card = self.evidence.relation(key)
            times = self.linker.times(card) if card else []
            if times:
                owner = key
                break
        if not times:
            self.asking.ask(
                f"time:{measure.relation}",
                f"Which date puts a row of `{measure.relation}` into a period? I found none.",
                [],
            )
            return None
        card = self.evidence.relation(owner)
        names = [qualified(owner, c.name).sql(dialect=self.evidence.dialect) for c, _ in times]
        lasting = self.linker.interval(card) if card and owner == measure.relation else None
        if lasting and measure.aggregation == "count" and not self._is_event(metric, names):
            return self._ask_lasting(measure, lasting, wish)
        clear = len(times) == 1 or times[0][1] >= times[1][1] + 0.7
        if clear:
            if len(times) > 1:
                self._assume(
                    f"`{metric.name}` is dated by `{names[0]}`, not by {', '.join(f'`{n}`' for n in names[1:3])}.",
                    "",
                )
            return {"time": names[0]}
        grain = wish.grain[0] if wish.grain else "month"
        options = [
            (f"by `{n}`", self.probe.latest(measure.model_copy(update={"time": n}), grain))
            for n in names[:4]
        ]
        index = self.asking.ask(
            f"time:{owner}", f"Which date counts for “{metric.label}”?", options
        )
        return None if index is None else {"time": names[index]}

    def _is_event(self, metric: Metric, names: Sequence[str]) -> bool:
        said = set(stems(metric.label))
        return any(said & (set(stems(n.split(".")[-1])) - {"at", "date", "on"}) for n in names)

    def _ask_lasting(
        self, measure: Measure, lasting: tuple[str, str], wish: Wish
    ) -> dict[str, str] | None:
        begin, end = (
            qualified(measure.relation, c).sql(dialect=self.evidence.dialect) for c in lasting
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
            (meaning, self.probe.latest(measure.model_copy(update=u), grain))
            for meaning, u in choices
        ]
        index = self.asking.ask(
            f"time:{measure.relation}",
            f"`{measure.relation}` have a beginning and an end. Which ones count in a {grain}?",
            options,
        )
        return None if index is None else choices[index][1]

    def _newest_sql(self, metrics: Sequence[Metric]) -> str:
        flow = next((m for metric in metrics for m in metric.measures if m.time), None)
        return self.probe.newest_sql(flow) if flow else ""

    # --- dimensions --------------------------------------------------------------------------

    def _dimensions(self, wish: Wish, bases: Sequence[str]) -> list[Dimension]:
        found: dict[tuple[str, str], Dimension] = {}
        for phrase in wish.dimensions:
            if dimension := self._dimension(phrase, bases):
                found.setdefault((dimension.relation, dimension.column), dimension)
        return _unique_names(list(found.values()))

    def _dimension(self, phrase: Phrase, bases: Sequence[str]) -> Dimension | None:
        said = content_stems(phrase.text)
        if not said or words(phrase.text)[-1] in grain_words():
            return None
        links = self.linker.dimensions(said, bases)
        meanings = self.linker.distinct_meanings(links) if links else []
        if len(meanings) == 1 or (meanings and self._settled(meanings)):
            link = meanings[0]
            confidence = 1.0 if link.exact else 0.7
            if not link.exact:
                self._assume(f"“{phrase.text}” is read as `{link.name}`.", "")
            return _dimension_of(
                link, Grounding(source="ticket", text=phrase.quote, confidence=confidence)
            )
        if phrase.place in {"acceptance", "aside"} and not meanings:
            self.notes.append(f"Not read as a column: “{phrase.text}”.")
            return None
        return self._ask_dimension(phrase, meanings, bases)

    def _settled(self, meanings: Sequence[ColumnLink]) -> bool:
        """Two links of equal score are settled where one is much nearer than the others."""
        near = min(m.hops for m in meanings)
        return (
            sum(m.hops == near for m in meanings) == 1
            and meanings[0].hops == near
            and meanings[0].score > meanings[1].score
        )

    def _ask_dimension(
        self, phrase: Phrase, meanings: Sequence[ColumnLink], bases: Sequence[str]
    ) -> Dimension | None:
        options = list(meanings)
        if not options:
            options = self._guesses(content_stems(phrase.text), bases)
        text = (
            f"“{phrase.text}” could be more than one column. Which one?"
            if meanings
            else (
                f"“{phrase.text}” is not a column that {', '.join(f'`{b}`' for b in bases)}"
                " can be split by. What should be used?"
            )
        )
        shown = [(f"`{o.name}`", _values_shown(o)) for o in options[:5]]
        index = self.asking.ask(f"dimension:{snake(phrase.text)}", text, shown)
        return None if index is None else _dimension_of(options[index], self._answered())

    def _guesses(self, said: Sequence[str], bases: Sequence[str]) -> list[ColumnLink]:
        """Columns that explain at least one of the words, else the usual ones to split by."""
        partial = [k for s in said for k in self.linker.dimensions([s], bases)]
        if partial:
            return self.linker.distinct_meanings(partial, margin=1.0)
        cards = [self.evidence.relation(b) for b in bases]
        return [
            ColumnLink(c.key, column, 0.1, 0, False)
            for c in cards
            if c
            for column in c.columns
            if column.values and 1 < len(column.values) <= 20
        ][:4]

    # --- filters -----------------------------------------------------------------------------

    def _filters(self, wish: Wish, bases: Sequence[str], metrics: Sequence[Metric]) -> list[Filter]:
        found: dict[str, Filter] = {}
        have = {self._normal(f) for metric in metrics for m in metric.measures for f in m.filters}
        for phrase, wanted in [
            *((p, False) for p in wish.exclusions),
            *((p, True) for p in wish.inclusions),
        ]:
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
        return list(found.values())

    def _normal(self, condition: str) -> str:
        return parse_sql(condition, self.evidence.dialect).sql(dialect=self.evidence.dialect)

    def _condition(
        self, phrase: Phrase, bases: Sequence[str], metrics: Sequence[Metric], wanted: bool
    ) -> ConditionLink | None:
        said = content_stems(phrase.text)
        if not said:
            return None
        if wanted and any(set(said) <= set(content_stems(m.label)) for m in metrics):
            return None
        links = self.linker.conditions(said, bases)
        if links:
            best = [k for k in links if k.score >= max(x.score for x in links) - 0.04]
            same = [k for k in links if k.column == best[0].column and k.origin == best[0].origin]
            if len({k.column for k in best}) == 1:
                return same[0]
            if len({k.column for k in best}) == 1 or best[0].origin.startswith("glossary"):
                return best[0]
            index = self.asking.ask(
                f"filter:{snake(phrase.text)}",
                f"“{phrase.text}”: which column decides?",
                [(k.condition, "") for k in best],
            )
            return None if index is None else best[index]
        if self._is_defined_away(said, metrics):
            return None
        if phrase.place == "aside" or (phrase.place == "answer" and wanted):
            self.notes.append(f"Not read as a condition: “{phrase.quote}”.")
            return None
        what = "only" if wanted else "without"
        self.asking.ask(
            f"filter:{snake(phrase.text)}",
            f"“{what} {phrase.text}”: which rows are these? No column, value or glossary entry says so.",
            self._flag_options(bases),
        )
        return None

    def _is_defined_away(self, said: Sequence[str], metrics: Sequence[Metric]) -> bool:
        """The metric's own agreed definition already speaks of it."""
        definitions = {
            s for m in metrics if m.grounding.source == "glossary" for s in stems(m.definition)
        }
        return set(said) <= definitions

    def _flag_options(self, bases: Sequence[str]) -> list[tuple[str, str]]:
        found = []
        for base in bases:
            card = self.evidence.relation(base)
            for column in card.columns if card else ():
                if column.data_type.startswith("bool") or 1 < len(column.values) <= 12:
                    found.append((f"by `{base}.{column.name}`", ", ".join(column.values[:6])))
        return found[:4]

    # --- joins -------------------------------------------------------------------------------

    def _keyed(
        self, metric: Metric, dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> Metric:
        measures = []
        for measure in metric.measures:
            keys, said = self.probe.keys(measure, dimensions, filters)
            if said:
                self._assume(said, "")
            measures.append(measure.model_copy(update={"keys": keys}) if keys else measure)
        return metric.model_copy(update={"measures": tuple(measures)})

    def _check_joins(
        self, metrics: Sequence[Metric], dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> None:
        """Ask where parallel keys compete or nothing leads to what is wanted."""
        for measure in (m for metric in metrics for m in metric.measures):
            try:
                self.planner.plan(
                    measure.relation, self.probe.targets(measure, dimensions, filters), measure.keys
                )
            except AmbiguousJoin as fork:
                options = [(f"through `{e.left}.{e.left_column}`", "") for e in fork.edges]
                index = self.asking.ask(
                    f"join:{fork.base}:{fork.target}",
                    f"`{fork.base}` points at `{fork.target}` in more than one way. Which one counts?",
                    options,
                )
                if index is not None:
                    self._settle(metrics, measure, fork.edges[index].left_column)
            except NoJoin as missing:
                self.asking.ask(
                    f"join:{missing.base}:{missing.target}",
                    f"No key leads from `{missing.base}` to `{missing.target}`. By what are they connected?",
                    [],
                )

    def _settle(self, metrics: Sequence[Metric], measure: Measure, column: str) -> None:
        assert isinstance(metrics, list)
        for n, metric in enumerate(metrics):
            measures = tuple(
                m.model_copy(update={"keys": (*m.keys, column)}) if m == measure else m
                for m in metric.measures
            )
            metrics[n] = metric.model_copy(update={"measures": measures})

    # --- names -------------------------------------------------------------------------------

    def _assume(self, text: str, check_sql: str) -> None:
        if all(a.text != text for a in self.assumptions):
            grounding = Grounding(source="assumption", text=text, confidence=0.7)
            self.assumptions.append(Assumption(text=text, check_sql=check_sql, grounding=grounding))

    def _model_name(
        self,
        metrics: Sequence[Metric],
        dimensions: Sequence[Dimension],
        time: TimeAxis | None,
        back: LookBack | None,
    ) -> str:
        adjective = {
            "hour": "hourly",
            "day": "daily",
            "week": "weekly",
            "month": "monthly",
            "quarter": "quarterly",
            "year": "yearly",
        }
        name = (
            "_and_".join(m.name for m in metrics[:2])
            if len(metrics) < 3
            else f"{metrics[0].name}_and_more"
        )
        parts = (
            [adjective[time.grain]] if time and not name.startswith(adjective[time.grain]) else []
        )
        parts.append(name)
        if dimensions:
            parts.append("by_" + "_and_".join(d.name.removesuffix("_name") for d in dimensions[:3]))
        if back and not time:
            parts.append(f"last_{back.count}_{back.unit}s")
        base = self.evidence.conventions.mart_pattern.replace("{name}", "_".join(parts))[:60].strip(
            "_"
        )
        name, n = base, 2
        while name in self.evidence.model_names:
            name, n = f"{base}_{n}", n + 1
        return name


def _forbidden_kinds(wish: Wish) -> str:
    """What the ignored sentences ask for, each kind once."""
    kinds = dict.fromkeys(t.split(" asks to ", 1)[-1].split(": “")[0] for t in wish.ignored)
    return ", ".join(kinds)


def _said(quote: str) -> Grounding:
    return Grounding(source="ticket", text=quote)


def _covers(a: Reading, b: Reading) -> bool:
    """Whether reading `a` says all that `b` says about the same thing, and perhaps more."""
    if a is b:
        return True
    if a.metric is None or b.metric is None:
        return bool(set(content_stems(b.phrase.text)) <= set(content_stems(a.phrase.text)))
    if a.term and b.term:
        return a.term.name == b.term.name
    if a.term or b.term:
        longer, shorter = a.metric.measures, b.metric.measures
        return bool(a.term) and any(_same_measure(x, y) for x in longer for y in shorter)
    if (a.unexplained or a.columns) and not (b.unexplained or b.columns):
        return False
    return _same_measure(a.metric.measures[0], b.metric.measures[0])


def _same_measure(a: Measure, b: Measure) -> bool:
    same = (a.relation, a.aggregation, a.expression) == (b.relation, b.aggregation, b.expression)
    return same and set(b.filters) <= set(a.filters)


def _dimension_of(link: ColumnLink, grounding: Grounding) -> Dimension:
    name = snake(link.column.name)
    if name in {"name", "title", "label", "id", "code", "type", "description"}:
        name = f"{snake(singular(link.relation.split('.')[-1].split('__')[-1].removeprefix('stg_')))}_{name}"
    return Dimension(
        name=name, relation=link.relation, column=link.column.name, grounding=grounding
    )


def _unique_names(dimensions: list[Dimension]) -> list[Dimension]:
    named: list[Dimension] = []
    for dimension in dimensions:
        while any(d.name == dimension.name for d in named):
            dimension = dimension.model_copy(
                update={"name": f"{snake(dimension.relation)}_{dimension.name}"}
            )
        named.append(dimension)
    return named


def _values_shown(link: ColumnLink) -> str:
    values = ", ".join(link.column.values[:5])
    return f"{values}{' …' if len(link.column.values) > 5 else ''}"
