"""The vectors of memory's entries in Chroma: embedded, or its server by a URL.

One collection for a project, a kind and a version: filters are slow, and vectors of two embeddings
never meet. An embedded store is opened by one process, the first: others go without.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chromadb
import httpx
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.api.types import EmbeddingFunction
from chromadb.config import Settings
from chromadb.errors import NotFoundError

from crew.artifacts import MemoryKind
from memory.entries import KINDS, Entry

TIMEOUT_SECONDS = 10.0
_PAGE = 10_000
_CONFIGURATION = {"hnsw": {"space": "cosine"}}
_OPEN: dict[Path, tuple[Any, int]] = {}
_OPENING = threading.Lock()


class StoreInUse(Exception):
    """Another process has the embedded store open."""


class Store:
    """A Chroma client; the embedded one is this process's alone. Raises StoreInUse."""

    def __init__(self, place: Path | str, token: str = "") -> None:
        """`place` is a folder of our own, or the URL of a Chroma server with its `token`, if any."""
        self._folder = place if isinstance(place, Path) else None
        if self._folder is not None:
            _own(self._folder)
        try:
            self.client = (
                _embedded(self._folder / "chroma") if self._folder else _served(str(place), token)
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process have an embedded store."""
        if self._folder is not None:
            _release(self._folder)
            self._folder = None


class Vectors:
    """Vectors of one project in one version, without the texts. Methods raise what Chroma raises, of any kind."""

    def __init__(
        self, store: Store, project: str, version: str, embedding: EmbeddingFunction[Any]
    ) -> None:
        self._client, self._embedding = store.client, embedding
        self._collections: dict[str, Any] = {}
        self._asked = lru_cache(maxsize=16)(lambda text: embedding.embed_query([text]))
        self._prefix, self._version = f"firstmile-{_short(project)}", version
        self._largest = min(self._client.get_max_batch_size(), 2_000)

    def write(self, entries: Sequence[Entry]) -> None:
        """Embed and store entries, any number; the same again changes nothing."""
        for kind in KINDS:
            own = [e for e in entries if e.kind == kind]
            for start in range(0, len(own), self._largest):
                part = own[start : start + self._largest]
                self._collection(kind).upsert(
                    ids=[e.id for e in part],
                    embeddings=self._embedding([e.text for e in part]),
                    metadatas=[{"layer": e.layer} for e in part],
                )

    def remove(self, gone: Sequence[tuple[str, str]]) -> None:
        """Take out (kind, id) pairs, known or not."""
        for kind in KINDS:
            ids = [id_ for k, id_ in gone if k == kind]
            for start in range(0, len(ids), self._largest):
                self._collection(kind).delete(ids=ids[start : start + self._largest])

    def search(
        self, kind: MemoryKind, text: str, limit: int, layers: Sequence[str] = ()
    ) -> list[tuple[str, float]]:
        """Ids with their likeness (the cosine), best first."""
        asked: dict[str, Any] = {
            "query_embeddings": self._asked(text),  # one request asks several kinds the same
            "n_results": limit,
            "where": {"layer": {"$in": list(layers)}} if layers else None,
            "include": ["distances"],
        }
        try:
            found = (self._collections.get(kind) or self._collection(kind)).query(**asked)
        except NotFoundError:  # somebody dropped it since
            found = self._collection(kind).query(**asked)
        distances = (found["distances"] or [[]])[0]
        return [(i, 1.0 - float(d)) for i, d in zip(found["ids"][0], distances, strict=True)]

    def count(self) -> int:
        """Vectors of this version, of all kinds."""
        return sum(self._collection(kind).count() for kind in KINDS)

    def ids(self) -> Iterator[str]:
        """Ids of all vectors of this version."""
        for kind in KINDS:
            collection = self._collection(kind)
            for offset in range(0, collection.count(), _PAGE):
                yield from collection.get(include=[], limit=_PAGE, offset=offset)["ids"]

    def drop_other_versions(self) -> None:
        """Remove the project's collections of other versions."""
        for collection in self._client.list_collections():
            own = collection.name.startswith(f"{self._prefix}-")
            if own and not collection.name.endswith(f"-{_short(self._version)}"):
                self._client.delete_collection(collection.name)

    def _collection(self, kind: str) -> Any:
        self._collections[kind] = self._client.get_or_create_collection(
            f"{self._prefix}-{kind}-{_short(self._version)}",
            embedding_function=None,
            configuration=_CONFIGURATION,
            metadata={"version": self._version},
        )
        return self._collections[kind]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _own(folder: Path) -> None:
    """Take the lock of an embedded store; within this process it may be opened several times."""
    with _OPENING:
        if folder in _OPEN:
            lock, users = _OPEN[folder]
            _OPEN[folder] = (lock, users + 1)
            return
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "owner.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StoreInUse(
                "another process has the store open; `memory.url` takes a server"
            ) from error
        _OPEN[folder] = (lock, 1)


def _release(folder: Path) -> None:
    with _OPENING:
        lock, users = _OPEN.pop(folder)
        if users > 1:
            _OPEN[folder] = (lock, users - 1)
        else:
            lock.close()


def _embedded(folder: Path) -> Any:
    """A store that cannot be read is made anew: everything in it can be had again."""
    settings = Settings(anonymized_telemetry=False)
    existed = folder.exists()
    try:
        client = chromadb.PersistentClient(path=str(folder), settings=settings)
        for collection in client.list_collections():
            collection.count()
        return client
    except (Exception, BaseException) as error:  # its Rust part panics past Exception
        if isinstance(error, KeyboardInterrupt | SystemExit) or not existed:
            raise
    shutil.rmtree(folder, ignore_errors=True)
    SharedSystemClient.clear_system_cache()
    return chromadb.PersistentClient(path=str(folder), settings=settings)


def _served(url: str, token: str) -> Any:
    parts = urlsplit(url)
    httpx.get(f"{url.rstrip('/')}/api/v2/heartbeat", timeout=TIMEOUT_SECONDS).raise_for_status()
    tls = parts.scheme == "https"
    client: Any = chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=parts.port or (443 if tls else 8000),
        ssl=tls,
        headers={"Authorization": f"Bearer {token}"} if token else None,
        settings=Settings(anonymized_telemetry=False),
    )
    session = getattr(client._server, "_session", None)
    if session is not None:
        session.timeout = TIMEOUT_SECONDS  # its own default waits for ever
    return client
