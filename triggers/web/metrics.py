"""Metrics for Prometheus, read from the desk when they are asked for: right in every process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from crew.artifacts import Cost

if TYPE_CHECKING:
    from triggers.serve import Service


def registry_of(service: Service) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Desk(service))
    return registry


class _Desk(Collector):
    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        desk = self._service.desk
        tickets = GaugeMetricFamily("firstmile_tickets", "Tickets by state.", labels=["state"])
        for state, count in desk.counts().items():
            tickets.add_metric([state], count)
        yield tickets
        runs = CounterMetricFamily("firstmile_runs", "Runs by outcome.", labels=["outcome"])
        for outcome, count in desk.outcomes().items():
            runs.add_metric([outcome or "open"], count)
        yield runs
        used = sum(desk.usage().values(), Cost())
        tokens = CounterMetricFamily(
            "firstmile_llm_tokens", "Tokens of language models; cached ones are of the prompt too.",
            labels=["kind"],
        )  # fmt: skip
        tokens.add_metric(["prompt"], used.prompt_tokens)
        tokens.add_metric(["cached"], used.cached_tokens)
        tokens.add_metric(["completion"], used.completion_tokens)
        yield tokens
        yield CounterMetricFamily("firstmile_llm_calls", "Calls of them.", used.llm_calls)
        unpriced = "Calls of models whose price nobody knows."
        yield CounterMetricFamily("firstmile_llm_unpriced_calls", unpriced, used.unpriced_calls)
        yield CounterMetricFamily("firstmile_llm_usd", "What the others cost.", used.usd)
        count, oldest = desk.untold()
        yield GaugeMetricFamily("firstmile_untold", "Notices not delivered yet.", count)
        given_up = desk.given_up()
        yield GaugeMetricFamily("firstmile_given_up", "Notices nobody could be told.", given_up)
        age = max(0.0, time.time() - oldest) if count else 0.0
        yield GaugeMetricFamily("firstmile_untold_seconds", "Age of the oldest of them.", age)
        beats = GaugeMetricFamily(
            "firstmile_last_success_seconds", "Time of a loop's last success.", labels=["loop"]
        )
        for name, at in self._service.beats.items():
            beats.add_metric([name], at)
        yield beats

    def describe(self) -> list[Metric]:
        return []
