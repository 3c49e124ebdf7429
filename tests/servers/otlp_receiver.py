"""A collector on loopback for OTLP over HTTP, which decodes the protobuf that it is sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_KINDS = {Span.SPAN_KIND_INTERNAL: "internal", Span.SPAN_KIND_CLIENT: "client"}


@dataclass(frozen=True)
class Received:
    """A span; `parent` is the name of its parent, empty for the root."""

    name: str
    parent: str
    trace: str
    kind: str
    began: int
    ended: int
    failed: bool
    facts: dict[str, Any]


@dataclass
class Collector:
    """What came in. `status` is what it answers; `seconds` is how long that takes."""

    url: str
    status: int = 200
    seconds: float = 0.0
    headers: list[dict[str, str]] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    _spans: list[Span] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        for resource in request.resource_spans:
            self.resources.append(_facts(resource.resource.attributes))
            self._spans += [s for scope in resource.scope_spans for s in scope.spans]

    @property
    def spans(self) -> list[Received]:
        """All spans, in the order in which they began."""
        names = {s.span_id: s.name for s in self._spans}
        return [
            Received(
                s.name,
                names.get(s.parent_span_id, "missing" if s.parent_span_id else ""),
                s.trace_id.hex(),
                _KINDS[s.kind],
                s.start_time_unix_nano,
                s.end_time_unix_nano,
                s.status.code == s.status.STATUS_CODE_ERROR,
                _facts(s.attributes),
            )
            for s in sorted(self._spans, key=lambda s: s.start_time_unix_nano)
        ]


@contextmanager
def otlp_receiver(status: int = 200, seconds: float = 0.0) -> Iterator[Collector]:
    """Receive on a free port of loopback until the block ends."""
    collector = Collector("", status, seconds)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.closing.wait(collector.seconds)
            found = self.path == "/v1/traces"
            if found and collector.status == 200:
                collector.headers.append({k.lower(): v for k, v in self.headers.items()})
                collector.take(body)
            data = ExportTraceServiceResponse().SerializeToString()
            self.send_response(collector.status if found else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield collector
    finally:
        collector.closing.set()
        server.shutdown()
        server.server_close()


def _facts(attributes: Any) -> dict[str, Any]:
    return {a.key: _value(a.value) for a in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(v) for v in value.array_value.values]
    return getattr(value, kind) if kind else None
