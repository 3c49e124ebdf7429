"""Traces of real CrewAI agents with played models, as a collector gets them over OTLP."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from crew.agents.crewai_environment import import_crewai
from crew.artifacts import Cost, Evidence, Failed, NeedsAnswers, Request
from crew.records.trace import Trace, TraceSettings, traced
from memory.redaction import redacted
from tests.fakes import FakeListener
from tests.played_crew import crew, crew_of, model_of, played
from tests.servers.otlp_receiver import Received, otlp_receiver
from tests.servers.played_model import Mode
from tests.small_warehouse import SmallWarehouse

if TYPE_CHECKING:
    from crew.agents.design_crew import DesignCrew

NOTHING = '{"answers": []}'
SECRET = "Write to ann.onymous@example.com, password: hunter22"
pytestmark = pytest.mark.xdist_group("crewai")


@pytest.fixture(scope="module", autouse=True)
def crewai(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_crewai(tmp_path_factory.mktemp("crewai"))


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return SmallWarehouse(
        {
            "customers": "select i as customer_id, 'C' || i as label from range(1, 5) t(i)",
            "orders": "select i as order_id, 1 + i % 3 as customer_id, date '2025-01-03' + (i * 9)::int"
            " as ordered_on from range(12) t(i)",
        },
        joins=[("orders", "customer_id", "customers", "customer_id")],
        keys={"customers": "customer_id", "orders": "order_id"},
    ).evidence  # fmt: skip


def asks(key: str = "DATA-7", body: str = "") -> Request:
    title = "Number of active customers per month"
    return Request(source="jira", key=key, title=title, body=body)


@contextmanager
def trace_of(settings: TraceSettings, request: Request) -> Iterator[Trace]:
    from crew.agents.crew_events import watch

    with traced(settings, "run-1", request, FakeListener(), lambda: watch, redacted) as trace:
        yield trace


def interpreted(trace: Trace, agents: DesignCrew, request: Request, evidence: Evidence) -> None:
    """What the planner does for a step."""
    trace.listener.step_started("interpret")
    before = agents.cost()
    spec = agents.interpret(request, evidence, None)
    trace.listener.step_finished("interpret", "asked", 0.1, agents.cost())
    assert before == Cost() and spec.questions
    trace.ended(NeedsAnswers(questions=spec.questions, spec=spec))


def tree(spans: list[Received]) -> list[tuple[str, str]]:
    return [(s.parent, s.name) for s in spans]


def named(spans: list[Received], name: str) -> list[Received]:
    return [s for s in spans if s.name == name]


@pytest.mark.parametrize(
    ("provider", "model_name"), [("openai", "gpt-4o-mini"), ("anthropic", "claude-haiku-4-5")]
)
def test_a_request_is_one_trace_down_to_the_call(
    evidence: Evidence, provider: str, model_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLECTOR", "Authorization=Bearer%20of-the-collector,x-project=data")
    with otlp_receiver() as collector, crew("good", NOTHING, provider) as (agents, model):
        settings = TraceSettings(endpoint=collector.url, headers_env="COLLECTOR")
        with trace_of(settings, asks()) as trace:
            interpreted(trace, agents, asks(), evidence)
    root, step, agent, call = spans = collector.spans
    assert tree(spans) == [
        ("", "invoke_workflow firstmile"),
        ("invoke_workflow firstmile", "step interpret"),
        ("step interpret", "invoke_agent Requirements interpreter"),
        ("invoke_agent Requirements interpreter", f"chat {model_name}"),
    ]
    assert len({s.trace for s in spans}) == 1 and not any(s.failed for s in spans)
    assert [s.kind for s in spans] == ["internal", "internal", "internal", "client"]
    assert root.began <= step.began <= agent.began <= call.began
    assert call.ended <= agent.ended <= step.ended <= root.ended
    [used] = model.usages
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model_name,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.usage.input_tokens": used.prompt,
        "gen_ai.usage.output_tokens": used.completion,
        "gen_ai.conversation.id": "jira:DATA-7",
        "gen_ai.agent.name": "Requirements interpreter",
    }
    assert expected.items() <= call.facts.items()
    assert call.facts["gen_ai.response.finish_reasons"] in (["stop"], ["end_turn"])
    assert agent.facts["gen_ai.operation.name"] == "invoke_agent"
    assert step.facts["firstmile.prompt_tokens"] == root.facts["firstmile.prompt_tokens"]
    assert step.facts["firstmile.prompt_tokens"] == used.prompt
    assert root.facts["firstmile.outcome"] == "needs_answers"
    assert collector.resources[0]["service.name"] == "firstmile"
    assert collector.headers[0]["authorization"] == "Bearer of-the-collector"
    assert collector.headers[0]["x-project"] == "data"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("content", [False, True])
def test_what_is_said_is_sent_only_if_wanted_and_never_a_secret(
    evidence: Evidence, provider: str, content: bool
) -> None:
    request = asks(body=SECRET)
    with otlp_receiver() as collector, crew("good", NOTHING, provider) as (agents, _):
        settings = TraceSettings(endpoint=collector.url, content=content)
        with trace_of(settings, request) as trace:
            interpreted(trace, agents, request, evidence)
    everything = json.dumps([s.facts for s in collector.spans])
    assert "onymous" not in everything and "hunter22" not in everything
    assert (request.title in everything) is content
    if content:
        facts = collector.spans[-1].facts
        asked = json.loads(facts["gen_ai.input.messages"])
        assert [m["role"] for m in asked] == ["system", "user"]
        assert "Write to [e-mail]" in asked[-1]["parts"][0]["content"]
        [told] = json.loads(facts["gen_ai.output.messages"])
        assert told["role"] == "assistant" and "answers" in told["parts"][0]["content"]


@pytest.mark.parametrize(
    ("provider", "mode", "error"),
    [
        ("openai", "malformed", "invalid_answer"),
        ("anthropic", "malformed", "invalid_answer"),
        ("openai", "dead", "connection"),
        ("anthropic", "error", "500"),
    ],
)
def test_each_failed_call_is_one_failed_span(
    evidence: Evidence, provider: str, mode: Mode, error: str
) -> None:
    with (
        otlp_receiver() as collector,
        crew(mode, NOTHING, provider) as (agents, _),
        trace_of(TraceSettings(endpoint=collector.url), asks()) as trace,
    ):
        interpreted(trace, agents, asks(), evidence)
    spans = collector.spans
    calls = [s for s in spans if s.facts.get("gen_ai.operation.name") == "chat"]
    tried = [s for s in spans if s.facts.get("gen_ai.operation.name") == "invoke_agent"]
    assert len(calls) == 3 >= len(tried) and all(s.failed for s in (*calls, *tried))
    assert {s.facts["error.type"] for s in calls} == {error}
    assert not named(spans, "step interpret")[0].failed  # people are asked, as without a model


def test_requests_worked_at_once_do_not_mix(evidence: Evidence) -> None:
    def work(key: str) -> None:
        with trace_of(settings, asks(key)) as trace:
            interpreted(trace, crew_of([own]), asks(key), evidence)

    keys = [f"DATA-{n}" for n in range(6)]
    with otlp_receiver() as collector, played("good", NOTHING) as model:
        own = model_of(model)
        settings = TraceSettings(endpoint=collector.url)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, keys))
    by_trace: dict[str, list[Received]] = {}
    for span in collector.spans:
        by_trace.setdefault(span.trace, []).append(span)
    assert len(by_trace) == len(keys)
    for spans in by_trace.values():
        assert len(spans) == 4 and len({s.facts["gen_ai.conversation.id"] for s in spans}) == 1


@pytest.mark.parametrize("trouble", ["away", "silent", "refusing"])
def test_a_collector_in_trouble_costs_two_seconds_at_most(evidence: Evidence, trouble: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    status = 503 if trouble == "refusing" else 200
    with otlp_receiver(status, 30 if trouble == "silent" else 0) as collector:
        settings = TraceSettings(endpoint=away if trouble == "away" else collector.url)
        with crew("good", NOTHING) as (agents, _):
            with trace_of(settings, asks()) as trace:
                interpreted(trace, agents, asks(), evidence)
                began = time.monotonic()
            assert time.monotonic() - began < 2.5


def test_what_ends_a_request_early_is_told(evidence: Evidence) -> None:
    with otlp_receiver() as collector:
        settings = TraceSettings(endpoint=collector.url)
        with pytest.raises(KeyError), trace_of(settings, asks()) as trace:
            trace.listener.step_started("recall")
            raise KeyError("x")
        with trace_of(settings, asks()) as trace:
            trace.ended(Failed(reason="the budget is spent"))
    first, step, second = collector.spans
    assert first.failed and first.facts["error.type"] == step.facts["error.type"] == "KeyError"
    assert second.failed and second.facts["firstmile.outcome"] == "failed"


def test_crewai_itself_still_tells_nobody() -> None:
    from crewai.telemetry import Telemetry
    from opentelemetry import trace as global_trace

    telemetry: Any = Telemetry()
    assert telemetry._is_telemetry_disabled() and not telemetry.ready
    assert os.environ.get("OTEL_SDK_DISABLED") is None
    assert type(global_trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
