"""The entries of one project, and the search by their words: SQLite with its full-text index.

A local copy of what can be had again: from the project, and from what was learned. It also knows
which entries have their vectors, so that only what changed is embedded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from crew.artifacts import MemoryKind
from memory.entries import KINDS, SCHEMA, Entry, search_words

MAX_POSTINGS = 20_000
"""Rows that a search may score: the commonest words of a query are left out above it."""

_COLUMNS = "kind, id, name, text, provenance, layer"
_TABLES = """
create table if not exists about (name text primary key, value text not null);
create table if not exists entries (
    number integer primary key, kind text not null, id text not null unique, name text not null,
    text text not null, provenance text not null, layer text not null, digest text not null,
    embedded text not null default '');
create index if not exists entries_by_kind on entries (kind desc, embedded, digest);
create table if not exists gone (id text primary key, kind text not null);
"""


class Words:
    """Entries by kind in the file `path`; made anew if it is of another schema or broken. Safe for
    several threads and processes. Methods raise sqlite3.Error where the file cannot be used."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and path.stat().st_size == 0:
                raise  # the disk is full, or the folder cannot be written
            self._remove()
            self._prepare()

    # --- writing -----------------------------------------------------------------------------

    def sync(self, kinds: Sequence[MemoryKind], entries: Iterable[Entry]) -> tuple[int, int]:
        """Make these kinds hold exactly `entries`; how many were written, and removed."""
        wanted = {e.id: e for e in entries}
        with self._writing() as db:
            marks = ",".join("?" * len(kinds))
            known = dict(
                db.execute(f"select id, digest from entries where kind in ({marks})", kinds)
            )
            changed = [e for e in wanted.values() if known.get(e.id) != e.digest()]
            gone = [id_ for id_ in known if id_ not in wanted]
            _delete(db, gone)
            _put(db, changed)
        return len(changed), len(gone)

    def put(self, entries: Iterable[Entry]) -> None:
        """Add or replace single entries."""
        with self._writing() as db:
            _put(db, list(entries))

    def remove(self, ids: Sequence[str]) -> None:
        with self._writing() as db:
            _delete(db, ids)

    # --- reading -----------------------------------------------------------------------------

    def search(
        self, kind: MemoryKind, text: str, limit: int, layers: Sequence[str] = ()
    ) -> list[tuple[str, float]]:
        """Ids with their BM25 scores (above zero), best first."""
        words = list(dict.fromkeys(search_words(text)))[:64]
        with closing(self._connect()) as db:
            wanted = self._rare_enough(db, kind, words)
            if not wanted:
                return []
            marks = ",".join("?" * len(layers))
            only = f"and e.layer in ({marks})" if layers else ""
            rows = db.execute(
                f"select e.id, -f.rank from words_{kind} as f join entries as e on e.number = f.rowid"
                f" where words_{kind} match ? {only} order by f.rank limit ?",
                (" OR ".join(f'"{w}"' for w in wanted), *layers, limit),
            )
            return [(str(id_), float(score)) for id_, score in rows]

    def share(self, kind: MemoryKind, text: str, ids: Sequence[str]) -> dict[str, float]:
        """How much of what `text` says each entry's words cover, rare words weighing more: 0..1."""
        words = set(search_words(text))
        with closing(self._connect()) as db:
            total = db.execute("select count(*) from entries where kind = ?", (kind,)).fetchone()[0]
            weights = {w: 1.0 / (1 + _frequency(db, kind, w) / (1 + total / 50)) for w in words}
            found = {}
            for id_ in ids:
                row = db.execute("select name, text from entries where id = ?", (id_,)).fetchone()
                own = set(search_words(f"{row[0]} {row[1]}")) if row else set()
                found[id_] = sum(weights[w] for w in words & own) / (sum(weights.values()) or 1.0)
        return found

    def entries(self, ids: Sequence[str]) -> dict[str, Entry]:
        """The entries of these ids that are there."""
        marks = ",".join("?" * len(ids))
        return {e.id: e for e in self._read(f"where id in ({marks})", *ids)}

    def all(self, kind: MemoryKind | None = None) -> list[Entry]:
        return self._read("where kind = ? order by id", kind) if kind else self._read("order by id")

    def counts(self) -> dict[str, int]:
        """How many entries there are of each kind."""
        with closing(self._connect()) as db:
            return dict(db.execute("select kind, count(*) from entries group by kind"))

    # --- which entries have vectors ----------------------------------------------------------

    def without_vectors(self, version: str, limit: int) -> list[Entry]:
        """Entries whose vectors of that version are missing or of older words, models before
        columns. The numbers come from the index alone: it is asked again for each batch."""
        missing = "select number from entries where embedded <> ? || digest order by kind desc"
        return self._read(f"where number in ({missing} limit ?)", version, limit)

    def waiting(self, version: str) -> int:
        with closing(self._connect()) as db:
            sql = "select count(*) from entries where embedded <> ? || digest"
            return int(db.execute(sql, (version,)).fetchone()[0])

    def embedded(self, entries: Sequence[Entry], version: str) -> None:
        """Note that these entries, with these words, have vectors."""
        with self._writing() as db:
            db.executemany(
                "update entries set embedded = ? where id = ? and digest = ?",
                [(version + e.digest(), e.id, e.digest()) for e in entries],
            )

    def with_vectors(self, version: str) -> int:
        """How many entries are noted to have vectors of a version."""
        with closing(self._connect()) as db:
            sql = "select count(*) from entries where embedded = ? || digest"
            return int(db.execute(sql, (version,)).fetchone()[0])

    def keep_vectors(self, ids: Iterable[str]) -> None:
        """Only these entries have vectors: those of all others are missing."""
        with self._writing() as db:
            db.execute("create temp table there (id text primary key)")
            db.executemany("insert or ignore into there values (?)", ((i,) for i in ids))
            db.execute("update entries set embedded = '' where id not in (select id from there)")

    def gone(self, limit: int) -> list[tuple[str, str]]:
        """(kind, id) of entries whose vectors are still there and should not be."""
        with closing(self._connect()) as db:
            return list(db.execute("select kind, id from gone limit ?", (limit,)))

    def removed(self, ids: Sequence[str]) -> None:
        with self._writing() as db:
            db.executemany("delete from gone where id = ?", [(i,) for i in ids])

    def about(self, name: str) -> str:
        with closing(self._connect()) as db:
            row = db.execute("select value from about where name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def note(self, name: str, value: str) -> None:
        with self._writing() as db:
            db.execute("insert or replace into about values (?, ?)", (name, value))

    # --- the file ----------------------------------------------------------------------------

    def _prepare(self) -> None:
        with closing(self._connect()) as db:
            tables = {n for (n,) in db.execute("select name from sqlite_master")}
            schema = (
                "about" in tables
                and db.execute("select value from about where name = 'schema'").fetchone()
            )
            if schema and schema[0] != SCHEMA:
                raise sqlite3.DatabaseError("another schema")
            if schema:
                return
            db.execute("pragma journal_mode = wal")
            db.executescript(_TABLES)
            for kind in KINDS:
                db.execute(
                    f"create virtual table if not exists words_{kind} using fts5"
                    "(text, tokenize = 'unicode61 remove_diacritics 2')"
                )
                db.execute(
                    f"create virtual table if not exists terms_{kind}"
                    f" using fts5vocab(words_{kind}, 'row')"
                )
            db.execute("insert or replace into about values ('schema', ?)", (SCHEMA,))

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        db.execute("pragma synchronous = normal")
        return db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as db:
            db.execute("begin immediate")
            try:
                yield db
                db.execute("commit")
            except BaseException:
                if db.in_transaction:
                    db.execute("rollback")
                raise

    def _read(self, rest: str, *values: object) -> list[Entry]:
        with closing(self._connect()) as db:
            return [
                Entry(*row) for row in db.execute(f"select {_COLUMNS} from entries {rest}", values)
            ]

    def _rare_enough(
        self, db: sqlite3.Connection, kind: MemoryKind, words: Sequence[str]
    ) -> list[str]:
        """Those words that are known, the rarest first, until too many rows would be scored."""
        by_frequency = sorted((f, w) for w in words if (f := _frequency(db, kind, w)))
        found: list[str] = []
        postings = 0
        for frequency, word in by_frequency:
            if found and postings + frequency > MAX_POSTINGS:
                break
            found.append(word)
            postings += frequency
        return found

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _frequency(db: sqlite3.Connection, kind: str, word: str) -> int:
    row = db.execute(f"select doc from terms_{kind} where term = ?", (word,)).fetchone()
    return int(row[0]) if row else 0


def _put(db: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    for e in entries:
        words = " ".join(search_words(f"{e.name} {e.text}"))
        row = db.execute("select number, kind from entries where id = ?", (e.id,)).fetchone()
        if row:
            number, kind = row
            db.execute(f"delete from words_{kind} where rowid = ?", (number,))
            db.execute(
                "update entries set kind = ?, name = ?, text = ?, provenance = ?, layer = ?, digest = ?"
                " where number = ?",
                (e.kind, e.name, e.text, e.provenance, e.layer, e.digest(), number),
            )
        else:
            number = db.execute(
                "insert into entries (kind, id, name, text, provenance, layer, digest)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (e.kind, e.id, e.name, e.text, e.provenance, e.layer, e.digest()),
            ).lastrowid
        db.execute(f"insert into words_{e.kind} (rowid, text) values (?, ?)", (number, words))
        db.execute("delete from gone where id = ?", (e.id,))


def _delete(db: sqlite3.Connection, ids: Sequence[str]) -> None:
    for id_ in ids:
        row = db.execute("select number, kind from entries where id = ?", (id_,)).fetchone()
        if row:
            db.execute(f"delete from words_{row[1]} where rowid = ?", (row[0],))
            db.execute("delete from entries where number = ?", (row[0],))
            db.execute("insert or replace into gone values (?, ?)", (id_, row[1]))
