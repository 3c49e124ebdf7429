"""Whole requests as collectors see them: one of our own that decodes what it gets, and Phoenix."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crew.artifacts import Outcome, Request
from crew.assemble import Workplace
from crew.language_models import LanguageModel
from crew.records.trace import TraceSettings
from tests.end_to_end.conftest import TICKETS, Shop
from tests.fakes import FakeListener
from tests.servers.openai_server import openai_server
from tests.servers.otlp_receiver import otlp_receiver
from tests.servers.played_model import PlayedModel
from triggers.ticket_file import read_ticket_file

PHOENIX = "arize-phoenix==20.26.1"
BIN = Path(sys.executable).parent
ASKS = "Number of active members per month"
NOTHING = '{"answers": []}'
pytestmark = pytest.mark.xdist_group("program")


@contextmanager
def played() -> Iterator[PlayedModel]:
    with openai_server("good", NOTHING, strict=False) as model:
        yield model


def worked(
    place: Workplace, request: Request, traces: TraceSettings, model: PlayedModel | None = None
) -> Outcome:
    models = (LanguageModel(name="openai/gpt-4o-mini", url=model.url),) if model else ()
    settings = place.settings.model_copy(update={"model": models, "traces": traces, "to": "none"})
    return replace(place, settings=settings, host=None).work(request, FakeListener())[0]


def test_every_step_of_a_request_is_a_span_of_its_trace(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with otlp_receiver() as collector, played() as model:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
        traces = TraceSettings(endpoint=collector.url)
        churn = read_ticket_file(str(TICKETS / "jira_weekly_churn.json"), io.BytesIO())
        ready = worked(workplace, churn, traces)
        open_question = Request(source="cli", key="k", title=ASKS, body="")
        asked = worked(workplace, open_question, traces, model)
    assert ready.outcome == "delivered"
    assert asked.outcome == "needs_answers" and len(model.usages) == 1
    roots = [s for s in collector.spans if not s.parent]
    first, second = ([s for s in collector.spans if s.trace == root.trace] for root in roots)
    assert not [s for s in first if s.facts.get("gen_ai.operation.name") == "chat"]
    steps = [s.name for s in first if s.name.startswith("step ")]
    assert steps[:3] == ["step recall", "step interpret", "step synthesize"]
    assert first[0].facts["firstmile.outcome"] == "delivered" and not any(s.failed for s in first)
    assert [s.name for s in second if s.name.startswith("chat")] == ["chat gpt-4o-mini"]
    assert second[0].facts["firstmile.outcome"] == "needs_answers"
    assert second[0].facts["firstmile.prompt_tokens"] == model.usages[0].prompt


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Phoenix in a virtual environment of its own."""
    folder = tmp_path_factory.mktemp("phoenix")
    venv = folder / "venv"
    install = [BIN / "uv", "pip", "install", "-q", "--python", venv / "bin/python", PHOENIX]
    for command in ([BIN / "uv", "venv", "-q", "--python", sys.executable, venv], install):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"Phoenix cannot be installed: {done.stderr[-200:]}")
    web, grpc = free_port(), free_port()
    told = {"PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": web, "PHOENIX_GRPC_PORT": grpc,
            "PHOENIX_WORKING_DIR": folder, "PHOENIX_TELEMETRY_ENABLED": "false", "HOME": folder}  # fmt: skip
    environment = {"PATH": os.environ["PATH"], **{k: str(v) for k, v in told.items()}}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [venv / "bin/phoenix", "serve"], env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{web}"
    try:
        wait_for(f"{url}/healthz", process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"{url} does not answer")


def spans_of(phoenix: str, wanted: int) -> list[dict[str, Any]]:
    """What Phoenix has taken in, once there is enough of it; it stores in the background."""
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline and len(found) < wanted:
        url = f"{phoenix}/v1/projects/default/spans?limit=100"
        found = json.load(urllib.request.urlopen(url, timeout=10))["data"]
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_phoenix_takes_the_trace_of_the_program(phoenix: str, shop: Shop, tmp_path: Path) -> None:
    with played() as model:
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "SHOP_WAREHOUSE": str(shop.warehouse),
            "OPENAI_API_KEY": "sk-none",
            "OPENAI_BASE_URL": model.url,
            "FIRSTMILE_TRACES__ENDPOINT": phoenix,
        }
        command = [BIN / "firstmile", "ask", ASKS, "--project", shop.repository, "--to", "none"]
        command += ["--model", "openai/gpt-4o-mini", "--state", tmp_path / "state"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3, done.stdout + done.stderr
    spans = spans_of(phoenix, 5)
    by_id = {s["context"]["span_id"]: s for s in spans}
    assert len({s["context"]["trace_id"] for s in spans}) == 1
    [call] = [s for s in spans if s["name"] == "chat gpt-4o-mini"]
    agent = by_id[call["parent_id"]]
    step = by_id[agent["parent_id"]]
    root = by_id[step["parent_id"]]
    assert (agent["span_kind"], call["span_kind"]) == ("AGENT", "LLM")
    assert (step["name"], root["name"]) == ("step interpret", "invoke_workflow firstmile")
    assert root["parent_id"] is None and root["status_code"] != "ERROR"
    [used] = model.usages
    facts = call["attributes"]
    assert facts["llm.token_count.prompt"] == facts["gen_ai.usage.input_tokens"] == used.prompt
    assert facts["llm.token_count.completion"] == used.completion
    assert facts["llm.model_name"] == "gpt-4o-mini" and facts["session.id"].startswith("cli:")
