"""Web endpoints: health, readiness, metrics, and the events of Jira, Notion, GitHub and Slack.

An event only says what to read again. So it is answered at once, and one that is lost here is found
by the next poll.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool

from crew.errors import FirstmileError, HostUnavailable, InvalidSettings, PolicyViolation
from triggers.web.metrics import registry_of

if TYPE_CHECKING:
    from triggers.serve import Service

MAX_BYTES = 5_000_000
_LATE = 5.0
_LOG = logging.getLogger(__name__)


class Nudges:
    """What is to be read again, by a thread of its own; each thing once while it waits."""

    def __init__(self) -> None:
        self._queue: queue.Queue[str] = queue.Queue(10_000)
        self._waiting: dict[str, Callable[[], object]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="nudges", daemon=True).start()

    def add(self, name: str, read: Callable[[], object]) -> None:
        with self._lock:
            if name in self._waiting or self._queue.full():
                return
            self._waiting[name] = read
            self._queue.put_nowait(name)

    def _run(self) -> None:
        while True:
            name = self._queue.get()
            with self._lock:
                read = self._waiting.pop(name)
            try:
                read()
            except FirstmileError as error:
                _LOG.warning("%s: %s The next poll reads it.", name, error.message)
            except Exception:
                _LOG.exception("%s could not be read; the next poll tries again", name)


def make_app(service: Service) -> FastAPI:
    """The web application of a service."""
    app = FastAPI(title="Firstmile", docs_url=None, redoc_url=None, openapi_url=None)
    nudges, doors, poller = Nudges(), service.doors, service.poller

    @app.get("/healthz")
    def health() -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    @app.get("/readyz")
    def ready() -> JSONResponse:
        problems = service_problems(service)
        body = {"ready": not problems, "problems": problems}
        return JSONResponse(body, status_code=503 if problems else 200)

    registry = registry_of(service)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    if jira := doors.by_name.get("jira"):
        from triggers.jira_webhook import addresses_of

        @app.post("/jira/events")
        async def jira_event(request: Request) -> Response:
            body, secret = await _body(request), _secret("JIRA")
            for address in addresses_of(request.headers, body, secret):
                nudges.add(f"jira {address}", partial(poller.read, jira, address))
            return Response(status_code=202)

    if notion := doors.by_name.get("notion"):
        from triggers import notion_webhook

        @app.post("/notion/events")
        async def notion_event(request: Request) -> Response:
            body = await _body(request)
            if not os.environ.get(notion_webhook.SECRET):
                state = service.settings.state.expanduser()
                if file := notion_webhook.keep_verification_token(body, state):
                    _LOG.warning("Notion sent the token of a new subscription: it is in %s", file)
                    return Response(status_code=202)
            for address in notion_webhook.addresses_of(request.headers, body, _secret("NOTION")):
                nudges.add(f"notion {address}", partial(poller.read, notion, address))
            return Response(status_code=202)

    if doors.pulls:
        from triggers.github_webhook import numbers_of

        @app.post("/github/events")
        async def github_event(request: Request) -> Response:
            body, secret = await _body(request), _secret("GITHUB")
            numbers, branches = numbers_of(request.headers, body, secret)
            known = [service.desk.ticket_on(branch) for branch in branches]
            numbers += tuple(k.number for k in known if k and k.number)
            repository = _repository(body)
            if pulls := doors.pulls.get(repository):
                for number in numbers:
                    read = partial(poller.read_pulls, pulls, [number])
                    nudges.add(f"{repository} {number}", read)
            return Response(status_code=202)

    if slack := doors.slack:

        @app.post("/slack/events")
        async def slack_event(request: Request) -> Response:
            body = await _body(request)
            answer: Response = await run_in_threadpool(slack.respond, request.headers, body)
            return answer

    @app.exception_handler(FirstmileError)
    async def complain(_: Request, error: FirstmileError) -> JSONResponse:
        status = {PolicyViolation: 401, HostUnavailable: 503}.get(type(error), 400)
        return JSONResponse({"error": error.message}, status_code=status)

    return app


def service_problems(service: Service) -> list[str]:
    """Why the service is not ready; empty when it is."""
    problems = ["It is stopping."] if service.stopping.is_set() else []
    try:
        service.desk.counts()
    except Exception as error:
        problems.append(f"The database does not answer ({type(error).__name__}).")
    late = max(_LATE * service.settings.queue.poll_seconds, 120.0)
    for name, at in service.beats.items():
        if not at:
            problems.append(f"{name} has not succeeded yet.")
        elif time.time() - at > late:
            problems.append(f"{name} has not succeeded for {time.time() - at:.0f} s.")
    return problems


async def _body(request: Request) -> bytes:
    """The raw body. Raises PolicyViolation for one that is too large."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BYTES:
            raise PolicyViolation("The event is too large.")
    return content


def _repository(body: bytes) -> str:
    """The repository that an event of GitHub, its signature checked, is about."""
    return str((json.loads(body).get("repository") or {}).get("full_name", ""))


def _secret(vendor: str) -> str:
    """The webhook's secret. Raises PolicyViolation without one: nobody unknown is let in."""
    secret = os.environ.get(f"FIRSTMILE_{vendor}_WEBHOOK_SECRET", "")
    if not secret:
        raise PolicyViolation(f"FIRSTMILE_{vendor}_WEBHOOK_SECRET is not set.")
    return secret


def start_web(service: Service) -> uvicorn.Server:
    """Serve in a thread. Raises InvalidSettings where the port is taken."""
    settings = service.settings.serve
    config = uvicorn.Config(
        make_app(service),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=10,
    )
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        raise InvalidSettings(
            f"Nothing can be served at {settings.host}:{settings.port}: {error.strerror}.",
            "Choose another `serve.port` or `serve.host` in firstmile.yml.",
        ) from None
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([bound],), name="web", daemon=True).start()
    return server
