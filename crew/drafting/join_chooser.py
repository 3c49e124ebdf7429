"""Settles which keys lead from a measure to what it needs, by the data or by asking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from crew.artifacts import Dimension, Filter, JoinEdge, Measure, Metric
from crew.drafting.interpretation import Interpretation
from crew.drafting.join_planner import AmbiguousJoin, NoJoin
from crew.drafting.key_roles import meant_keys
from crew.drafting.schema_linker import KEY_STEMS, ColumnLink, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import name_stems, stems


class JoinChooser:
    """Joins of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def keyed(
        self, metric: Metric, dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> Metric:
        measures = []
        for measure in metric.measures:
            if roles := self._roles(measure, dimensions, filters):
                measures.append(measure.model_copy(update={"keys": roles}))
                continue
            keys, said = self.context.probe.keys(measure, dimensions, filters)
            if said:
                self.context.assume(said, "")
            measures.append(measure.model_copy(update={"keys": keys}) if keys else measure)
        return metric.model_copy(update={"measures": tuple(measures)})

    def check(
        self, metrics: Sequence[Metric], dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> None:
        """Ask where parallel keys compete or nothing leads to what is wanted."""
        for measure in (m for metric in metrics for m in metric.measures):
            try:
                self.context.planner.plan(
                    measure.relation,
                    self.context.probe.targets(measure, dimensions, filters),
                    measure.keys,
                )
            except AmbiguousJoin as fork:
                if (said := self._said(fork)) is not None:
                    self._settle(metrics, measure, said.left_column)
                    continue
                options = [
                    (f"through `{e.left}.{e.left_column}`", self._gives(measure, e, dimensions))
                    for e in fork.edges
                ]
                index = self.context.asking.ask(
                    f"join:{fork.base}:{fork.target}",
                    f"`{fork.base}` points at `{fork.target}` in more than one way. Which one counts?",
                    options,
                )
                if index is not None:
                    self._settle(metrics, measure, fork.edges[index].left_column)
            except NoJoin as missing:
                self.context.asking.ask(
                    f"join:{missing.base}:{missing.target}",
                    f"No key leads from `{missing.base}` to `{missing.target}`. By what are they connected?",
                    [],
                )

    def _gives(self, measure: Measure, edge: JoinEdge, dimensions: Sequence[Dimension]) -> str:
        """The measure by the first dimension that this way leads to."""
        for dimension in dimensions:
            card = self.context.evidence.relation(dimension.relation)
            column = card.column(dimension.column) if card else None
            if column and dimension.relation != measure.relation:
                link = ColumnLink(dimension.relation, column, 1.0, 1, True)
                return self.context.probe.split(measure, link, (edge.left_column,))
        return ""

    def _roles(
        self, measure: Measure, dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> tuple[str, ...]:
        """The keys that the ticket names by their part: `city of the return station` is reached by
        `return_station_id`, though `station_id` leads to stations too."""
        chosen = []
        for target in sorted(self.context.probe.targets(measure, dimensions, filters)):
            card = self.context.evidence.relation(target)
            edges = [
                e for e in self.context.planner.edges
                if e.left == measure.relation and e.right == target
            ]  # fmt: skip
            own = {e.left_column: set(name_stems(e.left_column)) for e in edges}
            if card is None or len(own) < 2:
                continue
            things = {*entity_stems(card), *(s for c in card.columns for s in column_stems(c))}
            shared = set.intersection(*own.values()) | things | KEY_STEMS
            named = [c for c, said in own.items() if self._is_part_said(said - shared, things)]
            if len(named) == 1:
                chosen.append(named[0])
                self.context.assume(
                    f"`{target}` is reached through `{measure.relation}.{named[0]}`."
                )
        return tuple(chosen)

    def _is_part_said(self, part: set[str], things: set[str]) -> bool:
        """Whether words stand right before what they are a part of: `return station`."""
        if not part:
            return False
        for clause in self.context.linker.clauses:
            said = stems(clause)
            if any(a in part and b in things for a, b in pairwise(said)):
                return True
        return False

    def _said(self, fork: AmbiguousJoin) -> JoinEdge | None:
        """The key that the ticket names by the word that no other has: `city of the origin depot`."""
        named = meant_keys(fork.edges, self.context.linker.said)
        if len(named) != 1:
            return None
        self.context.assume(
            f"`{fork.target}` is reached through `{named[0].left}.{named[0].left_column}`."
        )
        return named[0]

    def _settle(self, metrics: Sequence[Metric], measure: Measure, column: str) -> None:
        assert isinstance(metrics, list)
        for n, metric in enumerate(metrics):
            measures = tuple(
                m.model_copy(update={"keys": (*m.keys, column)}) if m == measure else m
                for m in metric.measures
            )
            metrics[n] = metric.model_copy(update={"measures": measures})
