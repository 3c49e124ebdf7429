"""HTTP on loopback for a played language model, as the way to it may be: slow, cut off, or dead."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.played_model import Mode, PlayedModel


@dataclass(frozen=True)
class Reply:
    """A JSON body, or the events of a stream as (name, data)."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    events: tuple[tuple[str, Any], ...] = ()

    def data(self) -> bytes:
        if not self.events:
            return json.dumps(self.body).encode()
        lines = [f"event: {n}\ndata: " if n else "data: " for n, _ in self.events]
        data = [d if isinstance(d, str) else json.dumps(d) for _, d in self.events]
        return "".join(f"{a}{b}\n\n" for a, b in zip(lines, data, strict=True)).encode()


@dataclass(frozen=True)
class Wire:
    """A provider's wire format: `reply` answers at `root` and `path`, `beside` at all other places."""

    root: str
    path: str
    reply: Callable[[Mapping[str, str], dict[str, Any], PlayedModel, Mode], Reply]
    beside: Callable[[str, dict[str, Any]], Reply]


@contextmanager
def model_server(wire: Wire, model: PlayedModel) -> Iterator[PlayedModel]:
    """Serve the model until the block ends, at once however slow it is.

    Raises AssertionError if a good model was told to say what the schema it was sent forbids.
    """
    if model.mode == "dead":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            model.url = f"http://127.0.0.1:{free.getsockname()[1]}{wire.root}"
        yield model
        return

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path = self.path.split("?")[0].removeprefix(wire.root)
            if path != wire.path:
                self._send(wire.beside(path, payload), "good")
                return
            mode = model.begin(payload)
            if mode == "slow":
                model.closing.wait(model.seconds)
            if mode == "hung_up" or model.closing.is_set():
                self.close_connection = True
                return
            self._send(wire.reply(self.headers, payload, model, mode), mode)

        def _send(self, reply: Reply, mode: Mode) -> None:
            data = reply.data()
            self.send_response(reply.status)
            kind = "text/event-stream" if reply.events else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                if mode == "broken_off":
                    self.wfile.write(data[: len(data) // 2])
                    self.close_connection = True
                elif mode == "dribbling":
                    for byte in data:
                        if model.closing.wait(model.seconds):
                            return
                        self.wfile.write(bytes([byte]))
                else:
                    self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has gone

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model.url = f"http://127.0.0.1:{server.server_address[1]}{wire.root}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.closing.set()
        server.shutdown()
        server.server_close()
    assert not model.misfits, (
        f"a good model was told to say what the schema forbids: {model.misfits}"
    )
