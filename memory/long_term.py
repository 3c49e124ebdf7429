"""Long-term memory in Chroma: the project's models, agreed words and earlier requests.

One collection a kind, as filters are slow. Memory advises only: where it fails, a request goes on
without it and says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings

from crew.artifacts import Delivered, GlossaryTerm, Outcome, Precedent, Request
from memory.embedding import VERSION, LocalEmbedding

MODELS, REQUESTS = "models", "requests"
MIN_LIKENESS = 0.35


@dataclass(frozen=True)
class Entry:
    """What is remembered: a stable id, the text it is found by, and what is shown."""

    id: str
    name: str
    text: str
    provenance: str


class LongTermMemory:
    """The port `crew.ports.Recall`. `path` is a folder of our own; one process writes it."""

    def __init__(self, path: Path, project: str, terms: Sequence[GlossaryTerm] = ()) -> None:
        path.mkdir(parents=True, exist_ok=True)
        settings = Settings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(path=str(path), settings=settings)
        self._project, self._terms = project, tuple(terms)
        self._embedding = LocalEmbedding()

    def terms(self) -> Sequence[GlossaryTerm]:
        return self._terms

    def recall(self, text: str, limit: int = 5) -> Sequence[Precedent]:
        found: list[Precedent] = []
        for kind in (MODELS, REQUESTS):
            collection = self._collection(kind)
            if not collection.count() or not text.strip():
                continue
            answer = collection.query(
                query_texts=[text], n_results=limit, include=["documents", "metadatas", "distances"]
            )
            rows = zip(
                answer["documents"][0], answer["metadatas"][0], answer["distances"][0], strict=True
            )
            for document, metadata, distance in rows:
                likeness = round(1.0 - float(distance), 3)
                if likeness >= MIN_LIKENESS:
                    found.append(
                        Precedent(
                            kind=kind.removesuffix("s"),
                            name=str(metadata["name"]),
                            text=str(document)[:500],
                            likeness=likeness,
                            provenance=str(metadata["provenance"]),
                        )
                    )
        return sorted(found, key=lambda p: -p.likeness)[:limit]

    def remember(self, request: Request, outcome: Outcome) -> None:
        if not isinstance(outcome, Delivered) or outcome.spec is None:
            return
        text = f"{outcome.spec.question}. {'; '.join(m.label for m in outcome.spec.metrics)}"
        entry = Entry(
            id=f"{request.source}:{request.key}",
            name=outcome.spec.model,
            text=text,
            provenance=f"{request.key}, {outcome.change_set.branch}",
        )
        self._write(REQUESTS, [entry])

    def index(self, entries: Sequence[Entry]) -> tuple[int, int]:
        """Make the models' collection hold exactly `entries`; (written, removed). Incremental."""
        collection = self._collection(MODELS)
        known = collection.get(include=["metadatas"])
        hashes = {
            i: (m or {}).get("hash")
            for i, m in zip(known["ids"], known["metadatas"] or [], strict=True)
        }
        changed = [e for e in entries if hashes.get(e.id) != _hash(e)]
        gone = sorted(set(hashes) - {e.id for e in entries})
        for start in range(0, len(gone), 1000):
            collection.delete(ids=gone[start : start + 1000])
        self._write(MODELS, changed)
        return len(changed), len(gone)

    def _write(self, kind: str, entries: Sequence[Entry]) -> None:
        collection = self._collection(kind)
        for start in range(0, len(entries), 1000):
            part = entries[start : start + 1000]
            collection.upsert(
                ids=[e.id for e in part],
                documents=[e.text for e in part],
                metadatas=[
                    {"name": e.name, "provenance": e.provenance, "hash": _hash(e)} for e in part
                ],
            )

    def _collection(self, kind: str) -> Any:
        name = hashlib.sha256(f"{self._project}:{VERSION}".encode()).hexdigest()[:12]
        return self._client.get_or_create_collection(
            f"{kind}-{name}",
            embedding_function=self._embedding,
            configuration={"hnsw": {"space": "cosine"}},
        )


def _hash(entry: Entry) -> str:
    return hashlib.sha256(f"{entry.name}\0{entry.text}\0{entry.provenance}".encode()).hexdigest()[
        :16
    ]
