"""Long-term memory in use: opened for a project, kept up with it, and taught by what reviewers did.

Memory advises only. Whatever fails here is said and stops no request.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crew.agents.embedding import crewai_embedding
from crew.artifacts import (
    Delivered,
    GlossaryTerm,
    Lesson,
    MemoryKind,
    Outcome,
    Precedent,
    Recollection,
    Request,
    TestHabit,
)
from crew.catalog.dbt_project import DbtProject
from crew.delivery.merged_files import merged_files
from crew.ports import Checkout, CodeHost, Recall
from crew.records.database import address_of, open_database
from crew.settings import Settings
from memory.learned import Learned, Remembered
from memory.lessons.feedback import chained, distill, judge, undone
from memory.long_term import LongTermMemory, MemoryPlace, open_memory
from memory.project_index import (
    column_entries,
    convention_entries,
    habit_entries,
    model_entries,
    term_entries,
)
from memory.providers import make_embedding

_LOG = logging.getLogger(__name__)
_MAX_VERDICTS = 20
TOKEN = "FIRSTMILE_CHROMA_TOKEN"


@dataclass(frozen=True)
class NoMemory:
    """Recall where nothing can be opened: agreed words only, and the reason."""

    known: tuple[GlossaryTerm, ...]
    reason: str

    def recollect(self, request: Request) -> Recollection:
        return Recollection(missing=self.reason)

    def recall(
        self, text: str, kinds: Sequence[MemoryKind] = (), limit: int = 5
    ) -> Sequence[Precedent]:
        return ()

    def terms(self) -> Sequence[GlossaryTerm]:
        return self.known

    def remember(self, request: Request, outcome: Outcome) -> None:
        return None


def open_recall(
    settings: Settings, state: Path, place: str, terms: Sequence[GlossaryTerm], dialect: str
) -> Recall:
    """The memory of the project at a place, its path or address."""
    try:
        engine = _engine(settings, state)
        where = MemoryPlace(
            state / "memory",
            settings.memory.url,
            os.environ.get(TOKEN, ""),
            settings.memory.embedding,
            partial(_embedding, state / "crewai"),
        )
        memory = open_memory(where, place, terms, engine, dialect)
        if engine is None:
            memory.faults["what was learned"] = "without what was learned (its database is away)"
        return memory
    except Exception as error:  # memory advises only: no fault of its store may stop a request
        _LOG.warning("memory cannot be opened", exc_info=True)
        return NoMemory(tuple(terms), f"without memory ({type(error).__name__}: {error})"[:300])


def _embedding(home: Path, by: Mapping[str, Any]) -> Any:
    """The embedding function of a setting: CrewAI's, Chroma's or the local one."""
    return crewai_embedding(by, home) if "crewai" in by else make_embedding(by)


def _engine(settings: Settings, state: Path) -> sa.Engine | None:
    """The database of what was learned, if it can be opened."""
    try:
        return open_database(address_of(settings.database_url, state))
    except Exception:  # memory advises only
        _LOG.warning("what was learned cannot be opened", exc_info=True)
        return None


def index_project(
    memory: Recall,
    project: DbtProject,
    terms: Iterable[GlossaryTerm],
    conventions: Iterable[tuple[str, str]],
    habits: Iterable[TestHabit],
) -> tuple[int, int]:
    """Bring memory up to date with the project; how many entries were written, and removed."""
    if not isinstance(memory, LongTermMemory):
        return 0, 0
    relations = [r for r in project.relations.values() if r.kind == "model"]
    return memory.index(
        [
            *model_entries(relations),
            *column_entries(project.relations.values()),
            *term_entries(terms),
            *convention_entries(conventions),
            *habit_entries(habits),
        ]
    )


def make_ready(
    memory: Recall, host: CodeHost | None, checkout: Checkout, wait_seconds: float
) -> None:
    """Before a request: take in what became of earlier ones, and give new vectors some time."""
    if isinstance(memory, LongTermMemory):
        if host is not None:
            learn(memory, host, checkout)
        memory.wait(wait_seconds)


def close(memory: Recall) -> None:
    if isinstance(memory, LongTermMemory):
        memory.close()


def learn(memory: LongTermMemory, host: CodeHost, checkout: Checkout) -> tuple[Lesson, ...]:
    """Look what became of delivered requests, some at a time, and learn from those that were merged
    or closed. A merge that the checkout does not hold yet is looked at again the next time."""
    learned = memory.learned
    if learned is None or checkout.repository is None:
        return ()
    taught: list[Lesson] = []
    try:
        waiting = [r for r in learned.requests("delivered") if r.change and r.location]
    except Exception:  # memory advises only
        _LOG.warning("delivered requests could not be read", exc_info=True)
        return ()
    first = memory.verdicts_from % max(1, len(waiting))
    turn = (waiting[first:] + waiting[:first])[:_MAX_VERDICTS]
    memory.verdicts_from = first + len(turn)
    for remembered in turn:
        try:
            taught += _learn_from(remembered, learned, host, checkout)
        except Exception:  # the next request tries again
            _LOG.warning("what became of %s is not known", remembered.request, exc_info=True)
    return tuple(taught)


def _learn_from(
    remembered: Remembered, learned: Learned, host: CodeHost, checkout: Checkout
) -> tuple[Lesson, ...]:
    change = remembered.change
    assert change is not None and checkout.repository is not None
    verdict = host.verdict(change)
    if verdict.state == "open":
        return ()
    merged = verdict.state == "merged"
    files: dict[str, tuple[str, str] | None] = {}
    if merged:
        became = merged_files(checkout.repository, checkout.prefix, change, verdict.commit)
        if not became:
            return ()
        files = {p: (f.path, f.text) if f else None for p, f in became.items()}
    spec = remembered.spec
    delivered = Delivered(pull_request=None, change_set=change, text="", spec=spec)
    lessons = distill(delivered, remembered.request, files, verdict, remembered.dialect)
    followed = [x for x in learned.lessons() if x.id in remembered.followed]
    back = undone(followed, delivered, files, remembered.dialect)
    counted = {m.relation for metric in spec.metrics for m in metric.measures}
    about = {"scope": tuple(sorted(counted)), "learned_at": time.time()}
    new = [chained(x, followed).model_copy(update=about) for x in lessons]
    learned.save_lessons([*judge(followed, lessons, merged, back), *new])
    learned.decide(remembered, "merged" if merged else "closed")
    return tuple(new)
