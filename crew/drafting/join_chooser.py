"""Settles which keys lead from a measure to what it needs, by the data or by asking."""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Dimension, Filter, Measure, Metric
from crew.drafting.interpretation import Interpretation
from crew.drafting.join_planner import AmbiguousJoin, NoJoin


class JoinChooser:
    """Joins of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def keyed(
        self, metric: Metric, dimensions: Sequence[Dimension], filters: Sequence[Filter]
    ) -> Metric:
        measures = []
        for measure in metric.measures:
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
                options = [(f"through `{e.left}.{e.left_column}`", "") for e in fork.edges]
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

    def _settle(self, metrics: Sequence[Metric], measure: Measure, column: str) -> None:
        assert isinstance(metrics, list)
        for n, metric in enumerate(metrics):
            measures = tuple(
                m.model_copy(update={"keys": (*m.keys, column)}) if m == measure else m
                for m in metric.measures
            )
            metrics[n] = metric.model_copy(update={"measures": measures})
