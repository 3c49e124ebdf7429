"""The npm package `emulate` behind the faulty proxy: a stateful GitHub by somebody else.

`make install` puts it into `tests/node`. Where Node or the package is absent, tests are skipped.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.faulty_proxy import FaultyProxy, Rewrite

_START = Path(__file__).parents[1] / "node/node_modules/emulate/dist/index.js"


def node() -> str:
    """The node command; skips the test without it."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed; it runs the stand-in for GitHub and Slack.")
    if not _START.is_file():
        pytest.skip("tests/node is not installed; `make install` does it where npm is there.")
    return found


@contextmanager
def emulated(service: str, seed: dict[str, Any], folder: Path) -> Iterator[FaultyProxy]:
    """A service of `emulate` with its seed, reached through a proxy that can misbehave."""
    command = node()
    port = _free_port()
    file = folder / f"emulate-{service}.yaml"
    rewrite: Rewrite = _github if service == "github" else lambda method, path, body: (path, body)
    with FaultyProxy(f"127.0.0.1:{port}", rewrite) as proxy:
        file.write_text(yaml.safe_dump(seed))
        process = subprocess.Popen(
            (command, str(_START), "start", "--service", service, "--port", str(port),
             "--seed", str(file), "--base-url", proxy.url),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        try:
            _wait_for(port, process)
            yield proxy
        finally:
            process.terminate()
            process.wait(10)


def _github(method: str, path: str, body: bytes) -> tuple[str, bytes]:
    """What GitHub has and `emulate` lacks, where it has the same under another name."""
    if method == "PATCH":
        # It gives a reference an address of its own that it does not know.
        path = path.replace("/git/ref/", "/git/refs/")
    if path.endswith("/access_tokens"):
        # No wish for certain permissions means all of the installation's, not none.
        body = b"{}"
    if reply := re.fullmatch(r"(.+/pulls/\d+/comments)/(\d+)/replies", path):
        path = reply[1]
        body = json.dumps({**json.loads(body), "in_reply_to_id": int(reply[2])}).encode()
    return path, body


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("emulate did not start.")
