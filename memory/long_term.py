"""Long-term memory of one project: what it has, what was agreed, what earlier requests taught.

Three parts, of which only the last cannot be made anew: the words (`memory.words`), the vectors in
Chroma (`memory.vectors`) and what was learned (`memory.learned`). Memory advises only: where a
part fails the rest goes on without it, and says so in `missing`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from chromadb.api.types import EmbeddingFunction

from crew.artifacts import (
    Delivered,
    GlossaryTerm,
    Lesson,
    MemoryKind,
    Outcome,
    PastAnswer,
    Precedent,
    Recollection,
    Request,
)
from memory.entries import KINDS, SCHEMA, Entry, search_words
from memory.learned import Learned, Remembered
from memory.project_index import learned_entries
from memory.providers import make_embedding, version_of
from memory.redaction import redacted, redacted_value
from memory.vectors import Store, Vectors
from memory.words import Words

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

LEARNED_KINDS: tuple[MemoryKind, ...] = ("request", "lesson")
CANDIDATES = 50
RANK_CONSTANT, WEIGHT_OF_VECTORS, WEIGHT_OF_WORDS = 5, 1.0, 0.1
"""Reciprocal rank fusion, as it served best on the labelled set (`bench/results/memory.md`)."""
MIN_BEST, MIN_LIKENESS = 0.30, 0.22
"""The cosine that the best entry must reach for anything to be relevant, and each one must."""
MIN_SHARE, MIN_WHOLE = 0.5, 0.75
"""The share of a query's words that an entry must hold where there are no vectors, and where these
find nothing relevant."""
BATCH = 128
RETRY_SECONDS = 60.0
MAX_ANSWERS, MAX_LESSONS, MAX_OPEN = 100, 100, 200


@dataclass(frozen=True)
class MemoryPlace:
    """Where memory keeps things, and by what it embeds.

    `chroma` is the URL of a server (with its `token`, if any), or empty for a store in `folder`.
    `embedding` is what `make` builds the embedding function of: empty for the local one.
    """

    folder: Path
    chroma: str = ""
    token: str = ""
    embedding: Mapping[str, Any] = field(default_factory=dict)
    make: Callable[[Mapping[str, Any]], EmbeddingFunction[Any]] = make_embedding


def open_memory(
    place: MemoryPlace,
    project: str,
    terms: Sequence[GlossaryTerm] = (),
    engine: sa.Engine | None = None,
    dialect: str = "",
) -> LongTermMemory:
    """The memory of a project, named by its path or address. Without an `engine` nothing is
    learned. Whatever cannot be opened is missing, and said; indexes for which there is no place are
    made in a temporary folder."""
    name = hashlib.sha256(project.encode()).hexdigest()[:12]
    version = f"{SCHEMA} {version_of(place.embedding)}"
    folder, fault = place.folder, ""
    try:
        words = Words(folder / f"words-{name}.sqlite")
    except (sqlite3.Error, OSError) as error:
        fault = f"without its folder ({type(error).__name__}: {str(error)[:200]})"
        folder = Path(tempfile.mkdtemp(prefix="firstmile-memory-"))
        words = Words(folder / f"words-{name}.sqlite")
    memory = LongTermMemory(words, None, tuple(terms), version, dialect=dialect)
    if fault:
        memory.faults["its folder"] = fault
        memory._temporary = folder
        place = replace(place, folder=folder)
    if engine is not None:
        memory.learned = memory._safely("what was learned", lambda: Learned(engine, project), None)
    memory._open_vectors = partial(memory._with_vectors, place, project)
    memory._try_vectors()
    return memory


@dataclass
class LongTermMemory:
    """The port `crew.ports.Recall`. Make it with `open_memory`, and `close` it."""

    words: Words
    learned: Learned | None
    known_terms: tuple[GlossaryTerm, ...]
    version: str
    vectors: Vectors | None = None
    older: Vectors | None = None
    store: Store | None = None
    dialect: str = ""
    faults: dict[str, str] = field(default_factory=dict)
    _filling: threading.Thread | None = None
    _starting: threading.Lock = field(default_factory=threading.Lock)
    _wanted: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _open_vectors: Callable[[], None] = field(default=lambda: None)
    _tried_at: float = 0.0
    _learned_stamp: str = ""
    verdicts_from: int = 0
    _temporary: Path | None = None
    _ready: str = ""

    def _try_vectors(self) -> None:
        """Open the vectors; what cannot be opened is tried again later."""
        self._tried_at = time.monotonic()
        self._safely("vectors", self._open_vectors, None)

    def _with_vectors(self, place: MemoryPlace, project: str) -> None:
        """The vectors of now, and until these are complete those of an older embedding."""
        if self.store is None:
            self.store = Store(place.chroma or place.folder, place.token)
        vectors = Vectors(self.store, project, self.version, place.make(place.embedding))
        if vectors.count() < self.words.with_vectors(self.version):
            self.words.keep_vectors(vectors.ids())
        self.vectors = vectors
        ready = json.loads(self.words.about("ready") or "{}")
        if ready.get("version", self.version) != self.version:
            try:
                by_then = place.make(ready["by"])
                self.older = Vectors(self.store, project, ready["version"], by_then)
            except Exception:  # it is gone: the words answer until the new vectors are made
                _LOG.info("the older embedding cannot be used", exc_info=True)
        self._ready = json.dumps({"version": self.version, "by": dict(place.embedding)})

    # --- what it knows -----------------------------------------------------------------------

    def index(self, entries: Iterable[Entry]) -> tuple[int, int]:
        """Make the project's own entries be exactly these; (written, removed). The search by words
        knows them at once, their vectors are made in the background."""
        own = tuple(k for k in KINDS if k not in LEARNED_KINDS)
        found = self._safely("words", lambda: self.words.sync(own, entries), (0, 0))
        self._index_learned()
        self.fill()
        return found

    def refresh(self) -> None:
        """Take in what other processes have learned meanwhile."""
        if self.vectors is None and time.monotonic() - self._tried_at > RETRY_SECONDS:
            self._try_vectors()
            self.fill()
        self._index_learned()

    def forget(self, origin: str) -> int:
        """Remove all that came from a request, or a lesson by its id; how many rows were learned
        of it. Raises sqlalchemy.exc.SQLAlchemyError."""
        removed = self.learned.forget(origin) if self.learned else 0
        self._index_learned()
        self.fill()
        self.wait(60)
        return removed

    def _index_learned(self) -> None:
        """Take in what any process has learned since."""
        learned = self.learned
        if learned is None:
            return
        stamp = self._safely("what was learned", learned.stamp, self._learned_stamp)
        if stamp == self._learned_stamp:
            return

        def sync() -> bool:
            entries = learned_entries(learned.requests(), learned.lessons())
            self.words.sync(LEARNED_KINDS, entries)
            return True

        if self._safely("what was learned", sync, False):
            self._learned_stamp = stamp

    # --- recalling ---------------------------------------------------------------------------

    def terms(self) -> Sequence[GlossaryTerm]:
        return self.known_terms

    def recall(
        self,
        text: str,
        kinds: Sequence[MemoryKind] = (),
        limit: int = 5,
        layers: Sequence[str] = (),
    ) -> Sequence[Precedent]:
        """What is like `text` of these kinds (all, if none is named), best first over all kinds."""
        text = " ".join(text.split())[:2_000]
        if not text or limit < 1:
            return ()
        found: list[tuple[float, Precedent]] = []
        for kind in kinds or KINDS:
            search = partial(self._search, kind, text, layers)
            ranked: list[tuple[float, Precedent]] = self._safely("words", search, [])
            found += ranked[:limit]
        found.sort(key=lambda pair: (-pair[0], pair[1].id))
        return tuple(precedent for _, precedent in found[:limit])

    def _search(
        self, kind: MemoryKind, text: str, layers: Sequence[str]
    ) -> list[tuple[float, Precedent]]:
        """(fused score, precedent) of one kind, best first: reciprocal rank fusion of vectors and
        words, what the text names before all. Nothing, if nothing of the kind is relevant."""
        by_words = [i for i, _ in self.words.search(kind, text, CANDIDATES, layers)]
        likeness = dict(self._near(kind, text, layers))
        scores: dict[str, float] = {}
        for ranked, weight in ((likeness, WEIGHT_OF_VECTORS), (by_words, WEIGHT_OF_WORDS)):
            for rank, id_ in enumerate(ranked, start=1):
                scores[id_] = scores.get(id_, 0.0) + weight / (RANK_CONSTANT + rank)
        entries = self.words.entries(list(scores))
        said = text.lower()
        named = {i for i, e in entries.items() if e.name.lower() in said and _names(text, e.name)}
        relevant = max(likeness.values(), default=0.0) >= MIN_BEST
        if likeness and not relevant:  # rare words said just so are relevant all the same
            shares = self.words.share(kind, text, by_words[:10])
            likely = {i for i, share in shares.items() if share >= MIN_WHOLE}
        elif likeness:
            likely = {i for i, cosine in likeness.items() if cosine >= MIN_LIKENESS}
        else:
            likeness = self.words.share(kind, text, by_words)
            likely = {i for i, share in likeness.items() if share >= MIN_SHARE}
        found = []
        for id_ in (named | likely) & set(entries):
            entry = entries[id_]
            sure = 1.0 if id_ in named else likeness.get(id_, 0.0)
            precedent = Precedent(
                kind=kind,
                id=id_,
                name=entry.name,
                text=entry.text[:500],
                likeness=round(min(1.0, max(0.0, sure)), 3),
                provenance=entry.provenance,
            )
            found.append((scores[id_] + (id_ in named), precedent))
        return sorted(found, key=lambda pair: (-pair[0], pair[1].id))

    def _near(self, kind: MemoryKind, text: str, layers: Sequence[str]) -> list[tuple[str, float]]:
        vectors = self.older or self.vectors
        if vectors is None:
            return []
        return self._safely("vectors", lambda: vectors.search(kind, text, CANDIDATES, layers), [])

    def recollect(self, request: Request) -> Recollection:
        self.refresh()
        text = f"{request.title}\n{request.body}"[:2_000]
        found: list[Precedent] = []
        for kinds, limit in ((("model",), 6), (("request",), 3), (("metric", "term"), 3)):
            found += self.recall(text, kinds, limit)  # type: ignore[arg-type]
        me = name_of(request)
        return Recollection(
            precedents=tuple(p for p in found if p.id != f"request:{me}"),
            answers=self._answers(request),
            lessons=self._lessons(),
            open_requests=tuple(
                r.known() for r in self._requests("delivered")[:MAX_OPEN] if r.request != me
            ),
            missing="; ".join(self.faults.values()),
        )

    def _answers(self, request: Request) -> tuple[PastAnswer, ...]:
        """Answers to questions whose words stand in this request, or that are about relations."""
        learned = self.learned
        if learned is None:
            return ()
        said = set(search_words(f"{request.title} {request.body}"))
        known: list[PastAnswer] = self._safely("what was learned", learned.answers, [])
        found = [
            a
            for a in known
            if a.request != name_of(request)
            and (is_about_relations(a.question) or set(search_words(asked_term(a.question))) & said)
        ]
        return tuple(found[:MAX_ANSWERS])

    def _lessons(self) -> tuple[Lesson, ...]:
        learned = self.learned
        if learned is None:
            return ()
        found: list[Lesson] = self._safely(
            "what was learned", lambda: learned.lessons("active"), []
        )
        holding: list[Lesson] = []
        for lesson in sorted(found, key=lambda x: -x.learned_at):
            if not any(_replaces(newer, lesson) for newer in holding):
                holding.append(lesson)
        return tuple(sorted(holding, key=lambda x: (-x.trust, x.id))[:MAX_LESSONS])

    def _requests(self, state: Any) -> list[Remembered]:
        learned = self.learned
        if learned is None:
            return []
        return self._safely("what was learned", lambda: learned.requests(state), [])

    # --- remembering -------------------------------------------------------------------------

    def remember(self, request: Request, outcome: Outcome) -> None:
        learned = self.learned
        if learned is None or not isinstance(outcome, Delivered) or outcome.spec is None:
            return
        pull = outcome.pull_request
        if pull is None:
            return  # nobody will review it
        change = outcome.change_set
        checks = [c.model_copy(update={"finding": "", "table": None}) for c in change.report.checks]
        report = change.report.model_copy(update={"checks": tuple(checks)})
        texts = {name: redacted(getattr(change, name)) for name in ("title", "message")}
        bare = {"report": report, **texts}
        holds_secret = any(redacted(f.text) != f.text for f in change.files)
        spec = redacted_value(outcome.spec)
        remembered = Remembered(
            request=name_of(request),
            title=redacted(request.title)[:300],
            requester=redacted(request.requester)[:100],
            spec=spec,
            branch=change.branch,
            location=pull.location,
            dialect=self.dialect,
            change=None if holds_secret else change.model_copy(update=bare),
            followed=tuple(f.id for f in spec.followed),
        )
        answers = [
            PastAnswer(
                question=c.question,
                meaning=c.meaning,
                said=c.said,
                said_by=redacted(_who_said(request, c.said)),
                request=remembered.request,
            )
            for c in spec.settled
        ]
        keep = partial(learned.save_request, remembered, answers)
        self._safely("keeping what was learned", keep, None)
        self._index_learned()
        self.fill()

    # --- vectors in the background -----------------------------------------------------------

    def fill(self) -> None:
        """Have the vectors that are missing be made, and those that are left over be removed."""
        if self.vectors is None:
            return
        with self._starting:
            self._wanted = True
            if self._filling is None and not self._stop.is_set():
                self._filling = threading.Thread(target=self._fill, name="memory", daemon=True)
                self._filling.start()

    def wait(self, seconds: float) -> bool:
        """Give the vectors time to be made; whether none is missing."""
        if (filling := self._filling) is not None:
            filling.join(seconds)
        return self._safely("words", lambda: self.words.waiting(self.version), 1) == 0

    def close(self) -> None:
        """Stop the work in the background; what is missing is made the next time."""
        self._stop.set()
        if (filling := self._filling) is not None:
            filling.join(60)
        if self.store is not None:
            self.store.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _fill(self) -> None:
        while True:
            with self._starting:
                if not self._wanted or self._stop.is_set():
                    self._filling = None
                    return
                self._wanted = False
            try:
                self._make_vectors()
            except Exception as error:
                self._failed("vectors", error)

    def _make_vectors(self) -> None:
        vectors = self.vectors
        assert vectors is not None
        while not self._stop.is_set():
            gone = self.words.gone(BATCH)
            vectors.remove(gone)
            self.words.removed([id_ for _, id_ in gone])
            missing = self.words.without_vectors(self.version, BATCH)
            vectors.write(missing)
            self.words.embedded(missing, self.version)
            if not gone and not missing:
                break
        else:
            return
        if self.words.about("ready") != self._ready:
            self.words.note("ready", self._ready)
            self.older = None
            vectors.drop_other_versions()

    # --- faults ------------------------------------------------------------------------------

    def _safely(self, part: str, function: Callable[[], T], otherwise: T) -> T:
        """The function's result; a fault of the part is noted, once it is seen, and goes on."""
        try:
            result = function()
        except Exception as error:  # memory advises only: no fault of it may stop a request
            self._failed(part, error)
            return otherwise
        self.faults.pop(part, None)
        return result

    def _failed(self, part: str, error: Exception) -> None:
        reason = str(error).strip().splitlines()
        told = redacted(reason[0])[:200] if reason else "no reason"
        words = f"{part} ({type(error).__name__}: {told})"
        if part not in self.faults:
            _LOG.warning("memory goes on without %s", words)
        self.faults[part] = f"without {words}"


def name_of(request: Request) -> str:
    """A request as memory names it: the same ticket is the same request."""
    return f"{request.source}:{request.key}"


def asked_term(question: str) -> str:
    """What a question is about: `metric:churned_customers` gives `churned customers`."""
    return question.partition(":")[2].replace("_", " ").replace(":", " ")


def is_about_relations(question: str) -> bool:
    """Whether it is about relations of the project rather than words of the ticket."""
    return question.partition(":")[0] in {"removed", "currency", "repeated", "join", "time"}


def _replaces(newer: Lesson, older: Lesson) -> bool:
    """Whether two lessons are on one subject. Names, words and tests of columns are a subject of
    their own for other relations."""
    if newer.subject != older.subject:
        return False
    of_columns = newer.correction.kind in {"column_name", "wording", "test"}
    apart = newer.scope and older.scope and not set(newer.scope) & set(older.scope)
    return not (of_columns and apart)


def _names(text: str, name: str) -> bool:
    """Whether a text calls an entry by its name, which is more than a plain word."""
    return bool(re.search(r"[_.]", name)) and bool(
        re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text, re.I)
    )


def _who_said(request: Request, said: str) -> str:
    return next((c.author for c in reversed(request.comments) if said in c.body), "")
