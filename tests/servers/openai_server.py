"""An OpenAI-compatible chat server on loopback that plays a model: good, wrong at first, or bad."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_DRAFT = re.compile(r"<draft>\s*(.*?)\s*</draft>", re.S)
_CHOICE = re.compile(r"Rules would take: (\S+)")


@dataclass
class Played:
    """`mode`: good (answers with the draft, or with what it `says`), malformed_first, malformed, prose,
    error."""

    mode: str = "good"
    says: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, payload: dict[str, Any]) -> str:
        text = "\n".join(str(m.get("content")) for m in payload["messages"])
        self.requests.append(payload)
        if self.mode == "malformed" or (self.mode == "malformed_first" and len(self.requests) == 1):
            return '{"kind": "new_model", "question": '
        if self.says:
            return self.says
        if found := _DRAFT.findall(text):
            return f"Here it is:\n```json\n{found[-1]}\n```" if self.mode == "prose" else found[-1]
        choice = _CHOICE.search(text)
        return json.dumps({"choice": choice.group(1) if choice else "", "reason": "as by rule"})


@contextmanager
def openai_server(mode: str = "good", says: str = "") -> Iterator[Played]:
    """Serve on a free port of loopback until the block ends."""
    played = Played(mode, says)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if played.mode == "error":
                played.requests.append(payload)
                self._send(500, {"error": {"message": "the model is down"}})
                return
            message = {"role": "assistant", "content": played.answer(payload)}
            usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._send(
                200,
                {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": payload["model"],
                    "choices": [choice],
                    "usage": usage,
                },
            )

        def _send(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    played.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield played
    finally:
        server.shutdown()
        server.server_close()
