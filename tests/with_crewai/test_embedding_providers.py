"""CrewAI's embedding providers serve memory, over real HTTP."""

from __future__ import annotations

import base64
import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from crew.agents.embedding import crewai_embedding
from memory.long_term import MemoryPlace, open_memory
from tests.memory.conftest import ENTRIES, PROJECT


class Embeddings(BaseHTTPRequestHandler):
    """Answers as OpenAI's endpoint does: counts of letters as vectors."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        rows = [[1.0 + t.lower().count(chr(97 + n)) for n in range(26)] for t in texts]
        packed = [base64.b64encode(struct.pack("26f", *row)).decode() for row in rows]
        plain = asked.get("encoding_format") != "base64"
        vectors = rows if plain else packed
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = json.dumps({"object": "list", "model": "m", "data": data, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_memory_embeds_by_a_provider_of_crewai(url: str, tmp_path: Path) -> None:
    by = {
        "crewai": "openai",
        "config": {"api_key": "none", "model_name": "m", "api_base": url},
    }
    place = MemoryPlace(
        tmp_path / "memory", embedding=by, make=lambda b: crewai_embedding(b, tmp_path / "home")
    )
    memory = open_memory(place, PROJECT)
    memory.index(ENTRIES)
    assert memory.wait(30) and memory.faults == {}
    assert memory.vectors is not None and memory.vectors.count() == len(ENTRIES)
    assert memory.recall("Parcels that left the warehouse", ("model",))[0].name == "fct_shipments"
    memory.close()


def test_a_provider_that_crewai_does_not_know_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no_such"):
        crewai_embedding({"crewai": "no_such"}, tmp_path)
