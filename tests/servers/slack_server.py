"""The two things of Slack that the npm package `emulate` lacks: response addresses, and Socket Mode
(https://docs.slack.dev/apis/events-api/using-socket-mode)."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve


@dataclass
class SlackServer:
    """`said` is what was sent to response addresses; `acks` what came back over the socket."""

    app_token: str = "xapp-token"
    said: list[dict[str, Any]] = field(default_factory=list)
    acks: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[ServerConnection] = field(default_factory=list)
    opened: int = 0

    def __enter__(self) -> SlackServer:
        handler = type("Handler", (_Handler,), {"slack": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._socket: Server = serve(self._talk, "127.0.0.1", 0)
        for run in (lambda: self._http.serve_forever(0.05), self._socket.serve_forever):
            threading.Thread(target=run, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._socket.shutdown()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def response_url(self) -> str:
        return f"{self.url}/commands/T1/1/x"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self._socket.socket.getsockname()[1]}/link"

    def send(self, envelope: str, kind: str, payload: dict[str, Any]) -> None:
        """An envelope over the newest connection."""
        self.wait(lambda: bool(self.sockets))
        body = {"envelope_id": envelope, "type": kind, "payload": payload,
                "accepts_response_payload": True}  # fmt: skip
        self.sockets[-1].send(json.dumps(body))

    def wait(self, there: Any, seconds: float = 10) -> None:
        """Until something is there."""
        until = time.monotonic() + seconds
        while not there():
            assert time.monotonic() < until, "it did not come"
            time.sleep(0.02)

    def _talk(self, connection: ServerConnection) -> None:
        self.sockets.append(connection)
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        try:
            for message in connection:
                self.acks.append(json.loads(message))
        except ConnectionClosed:
            pass


class _Handler(BaseHTTPRequestHandler):
    slack: SlackServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.endswith("/apps.connections.open"):
            self.slack.said.append(json.loads(body))
            self._answer({"ok": True})
        elif self.headers["Authorization"] != f"Bearer {self.slack.app_token}":
            self._answer({"ok": False, "error": "invalid_auth"})
        else:
            self.slack.opened += 1
            self._answer({"ok": True, "url": self.slack.socket_url})

    def _answer(self, content: dict[str, Any]) -> None:
        raw = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
