"""What goes wrong with memory stops no request, is said, and is whole again afterwards."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromadb.api.types import Embeddable, EmbeddingFunction, Embeddings

from memory.long_term import LongTermMemory
from tests.memory.conftest import ENTRIES, Open, asked, delivered, model
from tests.servers.chroma import running_chroma

ROOT = Path(__file__).parents[2]


def works(memory: LongTermMemory) -> None:
    """All is there: vectors, words and what was learned."""
    assert memory.faults == {}
    found = memory.recall("packages on their way", ("model",))
    assert [p.name for p in found][:1] == ["fct_shipments"]
    assert memory.vectors is not None and memory.learned is not None
    assert memory.vectors.count() == sum(memory.words.counts().values())
    assert [r.request for r in memory.learned.requests()] == ["jira:A-1"]
    assert memory.recall("revenue", ("request",)) != ()


@pytest.fixture
def used(opened: Open, tmp_path: Path) -> Path:
    """A state folder in which memory has been used and closed."""
    memory = opened()
    memory.remember(asked("A-1", "Revenue"), delivered("Revenue"))
    assert memory.wait(30)
    works(memory)
    memory.close()
    return tmp_path


def delete_all(memory: Path) -> None:
    shutil.rmtree(memory)


def delete_vectors(memory: Path) -> None:
    shutil.rmtree(memory / "chroma")


def delete_words(memory: Path) -> None:
    for file in memory.glob("words-*"):
        file.unlink()


def delete_some_vectors(memory: Path) -> None:
    for folder in (f for f in (memory / "chroma").iterdir() if f.is_dir()):
        shutil.rmtree(folder)
    with sqlite3.connect(memory / "chroma" / "chroma.sqlite3") as db:
        db.execute("delete from collections where rowid % 2 = 0")


def cut_chroma(memory: Path) -> None:
    file = memory / "chroma" / "chroma.sqlite3"
    os.truncate(file, file.stat().st_size // 2)


def cut_words(memory: Path) -> None:
    (file,) = memory.glob("words-*.sqlite")
    os.truncate(file, file.stat().st_size // 2 + 100)


def fill_with_nonsense(memory: Path) -> None:
    for file in (*memory.glob("words-*.sqlite"), memory / "chroma" / "chroma.sqlite3"):
        file.write_bytes(b"not a database " * 1000)


def another_version(memory: Path) -> None:
    (file,) = memory.glob("words-*.sqlite")
    with sqlite3.connect(file) as db:
        db.execute("update about set value = '0' where name = 'schema'")
    with sqlite3.connect(memory / "chroma" / "chroma.sqlite3") as db:
        db.execute("drop table collections")


HARMS = [delete_all, delete_vectors, delete_words, delete_some_vectors, cut_chroma, cut_words,
         fill_with_nonsense, another_version]  # fmt: skip
QUICK = (delete_all, cut_chroma, another_version)


@pytest.mark.parametrize(
    "harm",
    [h if h in QUICK else pytest.param(h, marks=pytest.mark.slow) for h in HARMS],
    ids=lambda f: f.__name__,
)
def test_a_harmed_store_is_made_anew_and_nothing_learned_is_lost(
    harm: Any, used: Path, opened: Open
) -> None:
    harm(used / "memory")
    done = subprocess.run(  # Chroma keeps what it opened as long as its process lives
        [sys.executable, "-c", OPEN_ANEW, str(used)],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["faults"], told["found"][:1]) == ({}, ["fct_shipments"])
    assert (told["requests"], told["missing"]) == (["jira:A-1"], "")
    assert told["vectors"] == told["entries"] == len(ENTRIES) + 1


OPEN_ANEW = """
import json, resource, sys
from pathlib import Path
from crew.records.database import open_database
from memory.long_term import MemoryPlace, open_memory
from tests.memory.conftest import ENTRIES, PROJECT, asked, delivered
folder = Path(sys.argv[1])
engine = open_database(f"sqlite:///{folder / 'firstmile.sqlite'}")
memory = open_memory(MemoryPlace(folder / "memory"), PROJECT, (), engine)
if len(sys.argv) > 2:  # from now on no file grows: as if the disk were full
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
memory.index(ENTRIES)
memory.wait(60)
memory.remember(asked("A-1", "Revenue"), delivered("Revenue"))
memory.wait(60)
found = [p.name for p in memory.recall("packages on their way", ("model",))]
recalled = memory.recollect(asked("A-2", "Revenue"))
told = {"faults": memory.faults, "found": found, "missing": recalled.missing}
if len(sys.argv) < 3:
    told["requests"] = [r.request for r in memory.learned.requests()]
    told["vectors"], told["entries"] = memory.vectors.count(), sum(memory.words.counts().values())
print(json.dumps(told))
memory.close()
"""


def test_a_full_disk_is_said_and_harms_nothing(used: Path, opened: Open) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ANEW, str(used), "full"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert {"words", "vectors", "keeping what was learned"} <= set(told["faults"])
    assert told["missing"] == "; ".join(told["faults"].values())
    memory = opened(used)
    works(memory)


def test_a_full_disk_at_the_first_use_is_said_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ANEW, str(tmp_path), "full"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])["missing"] != ""


# --- another embedding -----------------------------------------------------------------------


class Letters(EmbeddingFunction[Embeddable]):
    """Counts of letters: other dimensions than the local embedding has."""

    def __init__(self) -> None:
        pass

    def __call__(self, input: Embeddable) -> Embeddings:
        texts = [str(text).lower() for text in input]
        rows = [[1.0 + text.count(chr(97 + n)) for n in range(26)] for text in texts]
        return [np.array(row, dtype=np.float32) for row in rows]

    @staticmethod
    def name() -> str:
        return "letters"

    def get_config(self) -> dict[str, Any]:
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> Letters:
        return Letters()


def test_another_embedding_indexes_anew_while_the_older_vectors_answer(
    used: Path, opened: Open
) -> None:
    from memory.providers import make_embedding

    gate = Gated()

    def make(by: Any) -> Any:
        return gate if by else make_embedding(by)

    memory = opened(used, embedding={"provider": "letters"}, make=make, wait=0)
    assert memory.older is not None
    for _ in range(3):
        found = memory.recall("packages on their way", ("model",))
        assert [p.name for p in found][:1] == ["fct_shipments"], "the older vectors answer"
    gate.open.set()
    assert memory.wait(30)
    assert memory.faults == {} and memory.older is None and memory.vectors is not None
    assert memory.vectors.count() == len(ENTRIES) + 1
    assert memory.recall("parcels", ("model",)) != ()
    memory.close()
    back = opened(used)
    works(back)


class Gated(Letters):
    """Embeds entries only once it is opened; queries always."""

    def __init__(self) -> None:
        import threading

        self.open = threading.Event()

    def __call__(self, input: Embeddable) -> Embeddings:
        self.open.wait(30)
        return Letters.__call__(self, input)


def test_an_embedding_that_fails_leaves_the_words(opened: Open, tmp_path: Path) -> None:
    memory = opened(embedding={"provider": "no such"})
    assert "no embedding provider 'no such'" in memory.faults["vectors"]
    found = memory.recall("carrier and weight of parcels", ("model",))
    assert [p.name for p in found] == ["fct_shipments"]
    told = memory.recollect(asked("A-1", "carrier and weight of parcels"))
    assert told.missing.startswith("without vectors") and told.precedents != ()


# --- the server ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_chroma(tmp_path_factory.mktemp("chroma")) as url:
        yield url


def test_several_workers_share_a_chroma_server(chroma: str, opened: Open, tmp_path: Path) -> None:
    one = opened(chroma=chroma)
    assert one.faults == {}
    (tmp_path / "two").mkdir()
    two = opened(tmp_path / "two", chroma=chroma)
    assert two.faults == {} and not (tmp_path / "two" / "memory" / "chroma").exists()
    for memory in (one, two):
        found = memory.recall("packages on their way", ("model",))
        assert [p.name for p in found][:1] == ["fct_shipments"]
    moved = [model("fct_orders", "fct orders. Purchases."), *ENTRIES[2:]]
    two.index(moved)
    assert two.wait(30)
    assert two.vectors is not None and two.vectors.count() == len(moved)
    assert "fct_refunds" not in [p.name for p in two.recall("money back", ("model",))]


def test_a_server_that_is_away_or_goes_away_is_said_and_taken_up_again(
    opened: Open, tmp_path: Path
) -> None:
    away = opened(chroma="http://127.0.0.1:9")
    assert away.faults["vectors"].startswith("without vectors (ConnectError")
    assert away.recall("carrier and weight of parcels", ("model",)) != ()
    with running_chroma(tmp_path / "server") as url:
        memory = opened(tmp_path, chroma=url)
        assert memory.faults == {} and memory.wait(30)
    found = memory.recall("carrier and weight of parcels", ("model",))
    assert [p.name for p in found] == ["fct_shipments"]
    assert memory.faults["vectors"].startswith("without vectors")
    memory.remember(asked("A-1", "Revenue"), delivered("Revenue"))
    with running_chroma(tmp_path / "server") as url:
        again = opened(tmp_path, chroma=url)
        works(again)
