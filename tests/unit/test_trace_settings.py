"""Traces that are switched off cost nothing; settings that cannot work are told."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crew.artifacts import Request
from crew.errors import InvalidSettings
from crew.records.trace import TraceSettings, traced
from crew.settings import load_settings
from tests.fakes import FakeListener
from tests.servers.otlp_receiver import otlp_receiver

REQUEST = Request(source="cli", key="k", title="Orders per month", body="")


def test_without_an_endpoint_nothing_of_opentelemetry_is_loaded() -> None:
    code = """
import sys
import crew.assemble
from crew.records.trace import TraceSettings, traced
with traced(TraceSettings(), "run", None, "listener", None, str) as trace:
    assert trace.listener == "listener"
assert "opentelemetry" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://x", "http://me:secret@x"])
def test_an_address_that_cannot_be_is_told(endpoint: str) -> None:
    with pytest.raises(InvalidSettings, match=r"traces\.endpoint"):
        load_settings(traces={"endpoint": endpoint})


def test_the_doctor_tries_the_collector() -> None:
    from crew.records.spans import check

    with otlp_receiver() as collector:
        assert check(TraceSettings(endpoint=f"{collector.url}/v1/traces")).endswith("takes traces")
        with pytest.raises(InvalidSettings, match="answers 404"):
            check(TraceSettings(endpoint=f"{collector.url}/elsewhere"))
    with pytest.raises(InvalidSettings, match="does not answer"):
        check(TraceSettings(endpoint=collector.url))


def test_headers_come_from_the_environment_and_have_to_be_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLLECTOR", raising=False)
    settings = TraceSettings(endpoint="http://127.0.0.1:1", headers_env="COLLECTOR")
    with (
        pytest.raises(InvalidSettings, match="COLLECTOR"),
        traced(settings, "run", REQUEST, FakeListener(), lambda: pytest.fail(), redacted=str),
    ):
        pytest.fail("not begun")
