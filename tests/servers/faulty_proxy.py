"""A thin HTTP proxy on loopback that adds what stand-ins of vendors never do: faults."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"
_HOP = ("transfer-encoding", "connection", "content-length", "keep-alive", "date", "server")


@dataclass
class Fault:
    """What goes wrong with the next `times` calls whose `GET /path?query` matches `call`.

    `status` answers with that instead (the call never arrives); `drop` closes the connection
    before or after it arrived; `half` cuts the true answer in the middle.
    """

    call: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "Server error"}'
    drop: Literal["", "before", "after"] = ""
    half: bool = False
    times: int = 1


Rewrite = Callable[[str, str, bytes], tuple[str, bytes]]
"""Method, path and body to the path and body that the target understands."""


@dataclass
class FaultyProxy:
    """`with FaultyProxy() as proxy:`; set `target` (host:port) before the first call."""

    target: str = ""
    rewrite: Rewrite = lambda method, path, body: (path, body)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def __enter__(self) -> FaultyProxy:
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._lock = threading.Lock()
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def count(self, pattern: str) -> int:
        """How many calls came that match."""
        return sum(bool(re.fullmatch(pattern, call)) for call in self.calls)

    def next_fault(self, call: str) -> Fault | None:
        with self._lock:
            self.calls.append(call)
            fault = next((f for f in self.faults if re.fullmatch(f.call, call)), None)
            if fault:
                fault.times -= 1
                self.faults = [f for f in self.faults if f.times > 0]
            return fault


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultyProxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.next_fault(f"{self.command} {self.path}")
        if fault and (fault.status or fault.drop == "before"):
            if fault.drop:
                self.close_connection = True
            else:
                self._answer(fault.status, fault.headers, fault.body)
            return
        status, headers, content = self._forward(body)
        if fault and fault.drop == "after":
            self.close_connection = True
            return
        self._answer(status, headers, content[: len(content) // 2] if fault else content)

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path, body = self.proxy.rewrite(self.command, self.path, body)
        connection = http.client.HTTPConnection(self.proxy.target, timeout=30)
        sent = {k: v for k, v in self.headers.items() if k.lower() not in (*_HOP, "host")}
        connection.request(self.command, path, body or None, sent)
        response = connection.getresponse()
        content = response.read()
        headers = {k: v for k, v in response.getheaders() if k.lower() not in _HOP}
        connection.close()
        return response.status, headers, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        names = {name.lower() for name in headers}
        if "content-type" not in names:
            self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
