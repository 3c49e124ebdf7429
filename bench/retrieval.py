"""How well a search finds what was meant, on the labelled set of `bench/memory_set`.

A `Search` gives ids, a `Ranking` ids with scores; both best first, of one project and kind. What is
compared with: vectors alone, words alone, both fused, and CrewAI's own memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.memory_set import KINDS, Project

Search = Callable[[str, str, int], Sequence[str]]
"""(kind, text, limit) -> ids"""
Ranking = Callable[[str, str, int], Sequence[tuple[str, float]]]
"""(kind, text, limit) -> (id, score); a higher score is better"""
Embed = Callable[[list[str]], Any]
"""Texts -> one normalized row each"""
DEPTH = 10


# --- figures ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """Shares of 0..1. `hit5`: a right entry among the first five; `mrr10`: mean of 1/place within
    ten; `false_alarms`: queries about nothing there that got an answer all the same."""

    queries: int
    hit5: float
    mrr10: float
    unanswerable: int
    false_alarms: float


@dataclass(frozen=True)
class _Asked:
    project: str
    kind: str
    answerable: bool
    place: int
    found: int


def evaluate(
    make: Callable[[Project], Search], projects: Iterable[Project]
) -> dict[tuple[str, str], Figures]:
    """Figures by (project, kind), where "all" stands for every project or kind."""
    asked = [a for project in projects for a in _ask(make(project), project)]
    names = ("all", *dict.fromkeys(a.project for a in asked))
    return {
        (name, kind): _figures(
            [a for a in asked if name in ("all", a.project) and kind in ("all", a.kind)]
        )
        for name in names
        for kind in ("all", *KINDS)
    }


def _ask(search: Search, project: Project) -> list[_Asked]:
    asked = []
    for query in project.queries:
        ids = list(search(query.kind, query.text, DEPTH))[:DEPTH]
        place = next((n for n, i in enumerate(ids, start=1) if i in query.relevant), 0)
        asked.append(_Asked(project.name, query.kind, bool(query.relevant), place, len(ids)))
    return asked


def _figures(asked: Sequence[_Asked]) -> Figures:
    answerable = [a for a in asked if a.answerable]
    others = [a for a in asked if not a.answerable]
    return Figures(
        queries=len(answerable),
        hit5=_share(1.0 if 0 < a.place <= 5 else 0.0 for a in answerable),
        mrr10=_share(1.0 / a.place if a.place else 0.0 for a in answerable),
        unanswerable=len(others),
        false_alarms=_share(1.0 if a.found else 0.0 for a in others),
    )


def _share(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


# --- what is compared ------------------------------------------------------------------------


def above(ranking: Ranking, threshold: float = float("-inf")) -> Search:
    """The ids of a ranking whose scores reach the threshold."""
    return lambda kind, text, limit: [i for i, s in ranking(kind, text, limit) if s >= threshold]


def by_vector(project: Project, embed: Embed) -> Ranking:
    """Cosine alone, exact."""
    ids = {kind: [e.id for e in project.of(kind)] for kind in KINDS}
    rows = {kind: np.asarray(embed([e.text for e in project.of(kind)])) for kind in KINDS}

    def rank(kind: str, text: str, limit: int) -> list[tuple[str, float]]:
        likeness = rows[kind] @ np.asarray(embed([text]))[0]
        best = np.argsort(-likeness, kind="stable")[:limit]
        return [(ids[kind][n], float(likeness[n])) for n in best]

    return rank


def by_words(project: Project, words: Callable[[str], list[str]]) -> Ranking:
    """BM25 alone, by SQLite's full-text index over the `words` of each text."""
    database = sqlite3.connect(":memory:")
    for kind in KINDS:
        database.execute(f"create virtual table {kind}s using fts5(id unindexed, text)")
        database.executemany(
            f"insert into {kind}s values (?, ?)",
            [(e.id, " ".join(words(e.text))) for e in project.of(kind)],
        )

    def rank(kind: str, text: str, limit: int) -> list[tuple[str, float]]:
        wanted = " OR ".join(f'"{w}"' for w in dict.fromkeys(words(text)))
        if not wanted:
            return []
        sql = f"select id, -rank from {kind}s where text match ? order by rank limit ?"
        return list(database.execute(sql, (wanted, limit)))

    return rank


def fused(
    rankings: Sequence[Ranking], weights: Sequence[float], k: int = 60, depth: int = 50
) -> Ranking:
    """Reciprocal rank fusion (Cormack et al., 2009): the sum of weight / (k + place)."""

    def rank(kind: str, text: str, limit: int) -> list[tuple[str, float]]:
        scores: dict[str, float] = {}
        for ranking, weight in zip(rankings, weights, strict=True):
            for place, (id_, _) in enumerate(ranking(kind, text, depth), start=1):
                scores[id_] = scores.get(id_, 0.0) + weight / (k + place)
        return sorted(scores.items(), key=lambda pair: -pair[1])[:limit]

    return rank


def by_crewai(project: Project, embed: Embed, folder: Path) -> Ranking:
    """CrewAI's own memory in `folder`, with the same embedding. All that it would ask an LLM for is
    given, and consolidation is off; an LLM call raises. Call `quiet_crewai` before its import."""
    from crewai import BaseLLM
    from crewai.memory import Memory

    class NoLLM(BaseLLM):
        def call(self, *_: Any, **__: Any) -> str:
            raise AssertionError("CrewAI's memory called its LLM")

    memory = Memory(
        llm=NoLLM(model="none"),
        storage=str(folder),
        embedder=lambda texts: list(embed(texts)),
        consolidation_threshold=1.0,
    )
    for entry in project.entries:
        memory.remember(
            entry.text,
            scope=f"/{entry.kind}",
            categories=[entry.kind],
            metadata={"id": entry.id},
            importance=0.5,
        )

    def rank(kind: str, text: str, limit: int) -> list[tuple[str, float]]:
        found = memory.recall(text, scope=f"/{kind}", limit=limit, depth="shallow")
        return [(str(m.record.metadata["id"]), float(m.score)) for m in found]

    return rank


def quiet_crewai(folder: Path) -> None:
    """Settings of the environment without which CrewAI waits for the network."""
    os.environ |= {
        "CREWAI_DISABLE_TELEMETRY": "true",
        "CREWAI_TRACING_ENABLED": "false",
        "CREWAI_TESTING": "true",
        "CREWAI_DISABLE_VERSION_CHECK": "true",
        "CREWAI_STORAGE_DIR": str(folder.resolve()),
        "HOME": str(folder.resolve()),
    }
