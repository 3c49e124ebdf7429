"""Spans of a request, its steps and what agents do in them, sent over OTLP.

Names are those of OpenTelemetry's conventions for GenAI,
https://github.com/open-telemetry/semantic-conventions-genai; what these do not know begins with
`firstmile.`.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from types import TracebackType
from typing import Self

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.re import parse_env_headers

from crew.artifacts import Cost, Outcome, Request
from crew.errors import InvalidSettings
from crew.ports import Happening, Listener, Watch
from crew.records.trace import TraceSettings

WAIT_SECONDS = 2.0
"""How long the end of a request waits for the collector."""

_LOG = logging.getLogger(__name__)
_PATH = "/v1/traces"
_ATTEMPT = re.compile(r" \(attempt (\d+)\)$")
_OPERATIONS = {"agent": "invoke_agent", "chat": "chat"}
_KINDS = {"chat": SpanKind.CLIENT}


@contextmanager
def exporting(settings: TraceSettings) -> Iterator[Tracer]:
    """A tracer whose spans are sent in the background; at the end waits for them, but not long."""
    address, headers = _address(settings), _headers(settings.headers_env)
    exporter = _Patient(OTLPSpanExporter(address, headers=headers), address)
    resource = Resource.create(
        {
            SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "firstmile"),
            SERVICE_VERSION: metadata.version("firstmile"),
        }
    )
    # Not the process's global provider: what other libraries trace is none of our business.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider.get_tracer("firstmile")
    finally:
        # In a thread of its own, because OpenTelemetry's own limit is half a minute.
        closing = threading.Thread(target=provider.shutdown, daemon=True)
        closing.start()
        closing.join(WAIT_SECONDS)


def check(settings: TraceSettings) -> str:
    """Sends no spans, to see whether they would be taken. Raises InvalidSettings if not."""
    address, headers = _address(settings), _headers(settings.headers_env)
    try:
        answer = requests.post(
            address,
            data=ExportTraceServiceRequest().SerializeToString(),
            headers={**headers, "Content-Type": "application/x-protobuf"},
            timeout=WAIT_SECONDS,
        )
        problem = "" if answer.ok else f"answers {answer.status_code}"
    except requests.RequestException as error:
        problem = f"does not answer: {type(error).__name__}"
    if problem:
        raise InvalidSettings(
            f"{address} {problem}.", "Mend `traces`: docs/traces.md names the addresses."
        )
    return f"{address} takes traces"


def _address(settings: TraceSettings) -> str:
    return settings.endpoint.rstrip("/").removesuffix(_PATH) + _PATH


def _headers(variable: str) -> Mapping[str, str]:
    if not variable:
        return {}
    if not (value := os.environ.get(variable, "")):
        raise InvalidSettings(
            f"traces: the variable {variable!r} of `headers_env` is not set.",
            f"Export {variable}, for instance as 'Authorization=Bearer%20…'.",
        )
    return parse_env_headers(value, liberal=True)


class _Patient(SpanExporter):
    """Says once that the collector does not take spans, in our own words."""

    def __init__(self, exporter: OTLPSpanExporter, address: str) -> None:
        self._exporter, self._address, self._told = exporter, address, False
        logging.getLogger(OTLPSpanExporter.__module__).setLevel(logging.CRITICAL)

    def export(self, spans: tuple[ReadableSpan, ...]) -> SpanExportResult:  # type: ignore[override]
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS and not self._told:
            self._told = True
            _LOG.warning("%s does not take traces; the request goes on without", self._address)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class RequestSpans:
    """The port `Listener` that makes spans of what it is told, and tells it on.

    Spans inside a step are made when it ends, in the order in which things happened: handlers of
    CrewAI's events run in any.
    """

    def __init__(
        self,
        tracer: Tracer,
        run: str,
        request: Request,
        listener: Listener,
        watch: Watch,
        redacted: Callable[[str], str],
        content: bool,
    ) -> None:
        self._tracer, self._listener, self._redacted = tracer, listener, redacted
        self._watch, self._saying = watch, redacted if content else None
        self._shared = {"gen_ai.conversation.id": f"{request.source}:{request.key}"}
        facts = {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.workflow.name": "firstmile",
            "firstmile.run": run,
            "firstmile.request.source": request.source,
        }
        if content:
            facts["firstmile.request.title"] = redacted(request.title)
        self._root = tracer.start_span("invoke_workflow firstmile", attributes=self._shared | facts)
        self._step: Span | None = None
        self._seen: list[Happening] = []
        self._unwatch: Callable[[], None] = lambda: None
        self._spent = Cost()

    @property
    def listener(self) -> Listener:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_step(kind.__name__ if kind else "unfinished")
        if kind:
            _fail(self._root, kind.__name__)
        self._root.set_attributes(_costs(self._spent))
        self._root.end()

    def ended(self, outcome: Outcome) -> None:
        self._root.set_attribute("firstmile.outcome", outcome.outcome)
        if outcome.outcome == "failed":
            _fail(self._root, "failed")

    # --- the port Listener -------------------------------------------------------------------

    def step_started(self, name: str) -> None:
        self._end_step("unfinished")
        attempt = _ATTEMPT.search(name)
        self._step = self._tracer.start_span(
            f"step {_ATTEMPT.sub('', name)}",
            set_span_in_context(self._root),
            attributes={**self._shared, "firstmile.attempt": int(attempt[1]) if attempt else 1},
        )
        self._unwatch = self._watch(self._seen.append, self._saying)
        self._listener.step_started(name)

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        if self._step is not None:
            self._step.set_attributes(_costs(cost) | {"firstmile.found": self._redacted(found)})
        self._spent = Cost(
            llm_calls=self._spent.llm_calls + cost.llm_calls,
            prompt_tokens=self._spent.prompt_tokens + cost.prompt_tokens,
            completion_tokens=self._spent.completion_tokens + cost.completion_tokens,
            usd=self._spent.usd + cost.usd,
        )
        self._end_step("")
        self._listener.step_finished(name, found, seconds, cost)

    def delivering(self, branch: str) -> None:
        self._root.add_event("delivering")
        self._listener.delivering(branch)

    # --- what happens inside a step ----------------------------------------------------------

    def _end_step(self, error: str) -> None:
        if self._step is None:
            return
        self._unwatch()
        seen = sorted(self._seen, key=lambda h: (h.at, h.order))
        self._seen.clear()
        opened: dict[str, Span] = {}
        for happening in seen:
            if happening.ends:
                self._end(opened.pop(happening.key, None), happening)
            else:
                if before := opened.pop(happening.key, None):
                    before.end(_nanoseconds(happening))
                opened[happening.key] = self._begin(happening, opened)
        for left in opened.values():
            _fail(left, error or "unfinished")
            left.end()
        if error:
            _fail(self._step, error)
        self._step.end()
        self._step = None

    def _begin(self, happening: Happening, opened: Mapping[str, Span]) -> Span:
        operation = _OPERATIONS[happening.kind]
        parent = opened.get(happening.agent) or self._step or self._root
        return self._tracer.start_span(
            f"{operation} {happening.name}".strip(),
            set_span_in_context(parent),
            _KINDS.get(happening.kind, SpanKind.INTERNAL),
            {**self._shared, "gen_ai.operation.name": operation, **happening.facts},
            start_time=_nanoseconds(happening),
        )

    def _end(self, span: Span | None, happening: Happening) -> None:
        if span is None:
            return  # CrewAI tells some failures twice
        span.set_attributes(happening.facts)
        if happening.error:
            _fail(span, happening.error)
        span.end(_nanoseconds(happening))


def _costs(cost: Cost) -> dict[str, int | float]:
    return {
        "firstmile.llm_calls": cost.llm_calls,
        "firstmile.prompt_tokens": cost.prompt_tokens,
        "firstmile.completion_tokens": cost.completion_tokens,
        "firstmile.usd": cost.usd,
    }


def _fail(span: Span, error: str) -> None:
    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)


def _nanoseconds(happening: Happening) -> int:
    return int(happening.at.timestamp() * 1_000_000_000)
