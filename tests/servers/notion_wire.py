"""How the stand-in for Notion answers over HTTP, and how it fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong with `times` calls that match, after the first `spared`: an answer instead,
    no reply at all, or (`half`) half of the right one; before or after the call took effect."""

    call: str
    answer: Answer | None = None
    half: bool = False
    takes_effect: bool = False
    times: int = 1
    spared: int = 0


class Problem(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def problem(status: int, code: str, message: str) -> Problem:
    body = {"object": "error", "status": status, "code": code, "message": message}
    return Problem(Answer(status, body))


class Server(Protocol):
    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer | Fault: ...

    def date(self) -> str: ...


class Handler(BaseHTTPRequestHandler):
    notion: Server
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # headers and content in one packet: two cost 40 ms

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.notion.answer(self.command, self.path, self.headers, body)
        half = isinstance(answer, Fault)
        if isinstance(answer, Fault):
            if not answer.half or answer.answer is None:
                self.close_connection = True
                return
            answer = answer.answer
        content = answer.body.encode() if isinstance(answer.body, str) else _json(answer.body)
        self.send_response_only(answer.status)
        own = {"Content-Type": "application/json; charset=utf-8", "Date": self.notion.date()}
        for name, value in {**own, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if half else content)
        self.close_connection = self.close_connection or half

    do_GET = do_POST = do_PATCH = _serve


def _json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()
