"""The local embedding against another implementation, and what Chroma and threads ask of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import chromadb
import numpy as np
import pytest

from memory.embedding import DIMENSIONS, VERSION, LocalEmbedding

PERSON, DOG, DAY = "That is a happy person", "That is a happy dog", "Today is a sunny day"
# From the same weights as a graph of onnxruntime's own kernels, with the exact GELU.
FIRST = [-0.0339, 0.0919, 0.0487, -0.0349, -0.0648, -0.0267, 0.1343, -0.0069, 0.0644, -0.0058]
LIKENESS = [1.0, 0.69458, 0.25688]


@pytest.fixture(scope="module")
def embedding() -> LocalEmbedding:
    return LocalEmbedding()


def test_vectors_are_those_of_another_implementation(embedding: LocalEmbedding) -> None:
    rows = np.array(embedding([PERSON, DOG, DAY]))
    assert rows.shape == (3, DIMENSIONS) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert rows[0, : len(FIRST)] == pytest.approx(FIRST, abs=2e-4)
    assert rows @ rows[0] == pytest.approx(LIKENESS, abs=1e-3)


def test_a_text_has_the_same_vector_in_any_company(embedding: LocalEmbedding) -> None:
    texts = [PERSON, "", "Umsatz pro Woche", "a " * 5_000, DOG, PERSON]
    together = np.array(embedding(texts))
    alone = np.array([embedding([text])[0] for text in texts])
    assert (together * alone).sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_threads_that_begin_together_agree() -> None:
    fresh = LocalEmbedding()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fresh([PERSON])[0], range(8)))
    assert all(np.allclose(found[0], row, atol=1e-6) for row in found)


def test_chroma_finds_by_meaning_and_keeps_the_version(embedding: LocalEmbedding) -> None:
    collection = chromadb.EphemeralClient().create_collection(
        "embedding-test",
        embedding_function=embedding,
        configuration={"hnsw": {"space": "cosine"}},
    )
    collection.add(ids=["refunds", "stock"], documents=["Money given back", "Units on hand"])
    answer = collection.query(query_texts=["what did we reimburse"], n_results=1)
    assert answer["ids"] == [["refunds"]]
    assert embedding.get_config() == {"version": VERSION}
