"""The desk: what is known of each ticket, and what is still to be told, in one database.

A ticket's state, the run that counts for it, the queue's entry and the words to be written on the
ticket change in one transaction. So a crash leaves all of it or nothing; whoever comes next goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from pydantic import Field

from crew.artifacts import Choice, Comment, Cost, Finding, Question, Request, Value
from crew.records.database import database_clock, writing
from triggers.door import Message, Phase

_METADATA = sa.MetaData()
_TEXT: type[sa.String] = sa.String
_TIME: type[sa.Float[float]] = sa.Float
_TICKETS = sa.Table(
    "firstmile_tickets",
    _METADATA,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("source", _TEXT, nullable=False),
    sa.Column("address", _TEXT, nullable=False),
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("since", _TIME, nullable=False),
    sa.Column("run", _TEXT, nullable=False),
    sa.Column("branch", _TEXT, nullable=False),
    sa.Column("version", _TEXT, nullable=False),
    sa.Column("read_at", _TIME, nullable=False),
    sa.Column("holder", _TEXT, nullable=False, server_default=""),
    sa.Column("held_until", _TIME, nullable=False, server_default="0"),
    sa.Column("data", _TEXT, nullable=False),
    sa.Index("firstmile_tickets_address", "source", "address"),
    sa.Index("firstmile_tickets_state", "state", "since"),
    sa.Index("firstmile_tickets_branch", "branch"),
)
_RUNS = sa.Table(
    "firstmile_runs",
    _METADATA,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("ticket", _TEXT, nullable=False),
    sa.Column("person", _TEXT, nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("outcome", _TEXT, nullable=False, server_default=""),
    sa.Index("firstmile_runs_person", "person", "created_at"),
    sa.Index("firstmile_runs_ticket", "ticket", "created_at"),
)
_USAGE = sa.Table(
    "firstmile_usage",
    _METADATA,
    sa.Column("run", _TEXT, primary_key=True),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("unpriced", sa.BigInteger, nullable=False),
    sa.Column("prompt", sa.BigInteger, nullable=False),
    sa.Column("cached", sa.BigInteger, nullable=False),
    sa.Column("completion", sa.BigInteger, nullable=False),
    sa.Column("usd", sa.Double, nullable=False),
)
_COSTS = {
    "llm_calls": "calls", "unpriced_calls": "unpriced", "prompt_tokens": "prompt",
    "cached_tokens": "cached", "completion_tokens": "completion", "usd": "usd",
}  # fmt: skip
"""Fields of Cost by their columns."""
_NOTICES = sa.Table(
    "firstmile_notices",
    _METADATA,
    sa.Column("ticket", _TEXT, primary_key=True),
    sa.Column("kind", _TEXT, primary_key=True),
    sa.Column("door", _TEXT, nullable=False),
    sa.Column("address", _TEXT, nullable=False),
    sa.Column("payload", _TEXT, nullable=False),
    sa.Column("wanted", _TEXT, nullable=False),
    sa.Column("sent", _TEXT, nullable=False),
    sa.Column("remote", _TEXT, nullable=False),
    sa.Column("due", _TIME, nullable=False),
    sa.Column("held_until", _TIME, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("refusals", sa.Integer, nullable=False),
    sa.Column("error", _TEXT, nullable=False),
    sa.Index("firstmile_notices_due", "door", "due"),
)
_CURSORS = sa.Table(
    "firstmile_cursors",
    _METADATA,
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("at", _TIME, nullable=False),
)
_ASIDE = sa.Table(
    "firstmile_aside",
    _METADATA,
    sa.Column("door", _TEXT, primary_key=True),
    sa.Column("address", _TEXT, primary_key=True),
    sa.Column("due", _TIME, nullable=False),
)
_SEEN = sa.Table(
    "firstmile_seen",
    _METADATA,
    sa.Column("id", _TEXT, primary_key=True),
    sa.Column("at", _TIME, nullable=False),
)


_MAY_BE_ANSWERED = ("waiting", "laid_aside", "delivered", "answered", "refused", "failed")


class Remarked(Value):
    """What a reviewer asked for on the pull request."""

    id: str
    comment: Comment


class Record(Value):
    """All that is known of a ticket. `run` is the one that counts: an older one stops at its next
    step. `request` is the ticket as last read; `remarks` is what was said of its pull request;
    `asked` are the questions shown last, `choices` the options taken of any;
    `unwanted`: when last read it had lost its label, so that getting it back begins anew."""

    id: str
    source: str
    address: str
    request: Request
    state: Phase = "queued"
    since: float = 0.0
    reason: str = ""
    run: str = ""
    revision: str = ""
    person: str = ""
    priority: int = 3
    project: str = ""
    remarks: tuple[Remarked, ...] = ()
    open_remarks: tuple[tuple[str, str], ...] = ()
    finding: Finding | None = None
    delivered: Request | None = None
    branch: str = ""
    pull_request: str = ""
    number: int = 0
    commit: str = ""
    question_kind: str = ""
    asked: tuple[Question, ...] = ()
    choices: tuple[Choice, ...] = ()
    reopen: bool = False
    stale: bool = False
    reminded: bool = False
    retries: int = 0
    unwanted: bool = False
    ci_repairs: int = 0
    result: dict[str, Any] = Field(default_factory=dict)

    @property
    def wanted(self) -> Request:
        """What is asked for now: the ticket and, after it, what reviewers asked for."""
        if not self.remarks:
            return self.request.model_copy(update={"choices": self.choices})
        asked = Comment(author="Firstmile", body="", ours=True)
        comments = (*self.request.comments, asked, *(r.comment for r in self.remarks))
        return self.request.model_copy(update={"comments": comments, "choices": self.choices})

    @property
    def at_work(self) -> bool:
        return self.state in ("queued", "working")


@dataclass(frozen=True)
class Notice:
    """Something to be told at a door. `payload` is a message, a phase to show, a pull request to
    close or a remark to answer, by its key `type`."""

    ticket: str
    kind: str
    door: str
    address: str
    payload: dict[str, Any]
    wanted: str
    remote: str
    tries: int
    refusals: int


@dataclass(frozen=True)
class AtWork:
    """A ticket that is queued or worked on, without its content."""

    id: str
    run: str
    state: Phase
    since: float


class Enqueue(Protocol):
    """Puts a run into the queue within a transaction of the same database."""

    def __call__(
        self, connection: sa.Connection, run: str, ticket: str, priority: int, delay: float
    ) -> None: ...


def ticket_id(source: str, key: str) -> str:
    return f"{source}:{key}"


class Desk:
    """The desk in a database; `enqueue` is the queue's."""

    def __init__(
        self, engine: sa.Engine, enqueue: Enqueue, now: Callable[[], float] | None = None
    ) -> None:
        self.engine, self.enqueue = engine, enqueue
        self.now = now or database_clock(engine)

    @staticmethod
    def prepare(engine: sa.Engine) -> None:
        """Make the tables; several processes may do so at once."""
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7213460)"))
            _METADATA.create_all(connection)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One transaction."""
        with writing(self.engine) as connection:
            yield Change(connection, self.enqueue, self.now())

    # --- reading -----------------------------------------------------------------------------

    def ticket(self, id_: str) -> Record | None:
        return self._one(_TICKETS.c.id == id_)

    def ticket_at(self, source: str, address: str) -> Record | None:
        return self._one(_TICKETS.c.source == source, _TICKETS.c.address == address)

    def ticket_on(self, branch: str) -> Record | None:
        return self._one(_TICKETS.c.branch == branch) if branch else None

    def tickets(
        self, *states: Phase, before: float | None = None, limit: int = 500
    ) -> list[Record]:
        """Tickets in these states (in any, if none is named), the longest unchanged first."""
        query = sa.select(_TICKETS.c.data).order_by(_TICKETS.c.since).limit(limit)
        if states:
            query = query.where(_TICKETS.c.state.in_(states))
        if before is not None:
            query = query.where(_TICKETS.c.since < before)
        with self.engine.connect() as connection:
            found: list[str] = list(connection.scalars(query))
        return [Record.model_validate_json(data) for data in found]

    def at_work(self, before: float) -> list[AtWork]:
        """Tickets queued or worked on that have not changed since then."""
        c = _TICKETS.c
        query = sa.select(c.id, c.run, c.state, c.since).where(
            c.state.in_(("queued", "working")), c.since < before
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return [AtWork(row[0], row[1], row[2], row[3]) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many tickets are in each state."""
        query = sa.select(_TICKETS.c.state, sa.func.count()).group_by(_TICKETS.c.state)
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def outcomes(self) -> dict[str, int]:
        """How many runs ended how; those that have not stand under the empty name."""
        query = sa.select(_RUNS.c.outcome, sa.func.count()).group_by(_RUNS.c.outcome)
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def usage(self) -> dict[str, Cost]:
        """What language models were used for the runs that ended, by ticket."""
        sums = [sa.func.sum(_USAGE.c[name]) for name in _COSTS.values()]
        query = (
            sa.select(_RUNS.c.ticket, *sums)
            .join(_USAGE, _USAGE.c.run == _RUNS.c.id)
            .group_by(_RUNS.c.ticket)
        )
        with self.engine.connect() as connection:
            rows: Sequence[Any] = connection.execute(query).all()
        # sums come as decimals from some databases
        return {
            ticket: Cost(
                **{
                    n: float(v) if n == "usd" else int(v)
                    for n, v in zip(_COSTS, values, strict=True)
                }
            )
            for ticket, *values in rows
        }

    def untold(self) -> tuple[int, float]:
        """How many notices wait, and since when the oldest was due (0: none)."""
        query = sa.select(sa.func.count(), sa.func.min(_NOTICES.c.due)).where(
            _NOTICES.c.sent != _NOTICES.c.wanted
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).one()
        return row[0], row[1] or 0.0

    def given_up(self) -> int:
        """How many notices nobody could be told."""
        query = sa.select(sa.func.count()).where(
            _NOTICES.c.sent == _NOTICES.c.wanted, _NOTICES.c.error != ""
        )
        with self.engine.connect() as connection:
            return connection.execute(query).scalar() or 0

    def known_version(self, source: str, addresses: Sequence[str]) -> dict[str, str]:
        """The version last read of each address that is known."""
        query = sa.select(_TICKETS.c.address, _TICKETS.c.version).where(
            _TICKETS.c.source == source, _TICKETS.c.address.in_(addresses)
        )
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def waiting(self, source: str, limit: int) -> list[str]:
        """Addresses of tickets that wait for an answer, the longest unread first."""
        query = (
            sa.select(_TICKETS.c.address)
            .where(_TICKETS.c.source == source, _TICKETS.c.state.in_(_MAY_BE_ANSWERED))
            .order_by(_TICKETS.c.state != "waiting", _TICKETS.c.read_at)
            .limit(limit)
        )
        with self.engine.connect() as connection:
            return list(connection.scalars(query))

    def tickets_of(self, source: str, person: str, limit: int) -> list[Record]:
        """Tickets of a person that were worked at least once, the last changed first."""
        asked = sa.select(_RUNS.c.ticket).where(_RUNS.c.person == person)
        query = (
            sa.select(_TICKETS.c.data)
            .where(_TICKETS.c.source == source, _TICKETS.c.id.in_(asked))
            .order_by(_TICKETS.c.since.desc())
            .limit(limit)
        )
        with self.engine.connect() as connection:
            found: list[str] = list(connection.scalars(query))
        return [Record.model_validate_json(data) for data in found]

    def remote_of(self, ticket: str, kind: str) -> str | None:
        """What names a comment at its door; None while it is still to be told for the first time,
        empty if nobody could be told."""
        query = sa.select(_NOTICES.c.remote, _NOTICES.c.sent)
        mine = query.where(_NOTICES.c.ticket == ticket, _NOTICES.c.kind == kind)
        with self.engine.connect() as connection:
            row = connection.execute(mine).first()
        return str(row[0]) if row and (row[0] or row[1]) else None

    def text_of(self, ticket: str, kind: str) -> str:
        """The words of a comment as they shall stand there; empty if there is none."""
        query = sa.select(_NOTICES.c.payload)
        mine = query.where(_NOTICES.c.ticket == ticket, _NOTICES.c.kind == kind)
        with self.engine.connect() as connection:
            payload: str | None = connection.execute(mine).scalar()
        return str(json.loads(payload).get("text", "")) if payload else ""

    def ticket_told(self, door: str, kind: str, remote: str) -> Record | None:
        """The ticket whose comment of this kind has this name at its door."""
        told = sa.select(_NOTICES.c.ticket).where(
            _NOTICES.c.door == door, _NOTICES.c.kind == kind, _NOTICES.c.remote == remote
        )
        return self._one(_TICKETS.c.id.in_(told))

    def has_seen(self, event: str) -> bool:
        """Whether `first_time` was asked about this event before."""
        with self.engine.connect() as connection:
            query = sa.select(_SEEN.c.id).where(_SEEN.c.id == event)
            return connection.execute(query).first() is not None

    def delivered(self, since: float, unread_since: float, limit: int) -> list[Record]:
        """Delivered tickets that changed since then and were not read lately, the longest unread
        first."""
        query = (
            sa.select(_TICKETS.c.data)
            .where(_TICKETS.c.state == "delivered", _TICKETS.c.since > since)
            .where(_TICKETS.c.read_at < unread_since)
            .order_by(_TICKETS.c.read_at)
            .limit(limit)
        )
        with self.engine.connect() as connection:
            found: list[str] = list(connection.scalars(query))
        return [Record.model_validate_json(data) for data in found]

    def cursor(self, name: str) -> float | None:
        query = sa.select(_CURSORS.c.at).where(_CURSORS.c.name == name)
        with self.engine.connect() as connection:
            return connection.execute(query).scalar()

    def _one(self, *conditions: sa.ColumnElement[bool]) -> Record | None:
        query = sa.select(_TICKETS.c.data).where(*conditions).order_by(_TICKETS.c.since.desc())
        with self.engine.connect() as connection:
            data: str | None = connection.execute(query.limit(1)).scalar()
        return Record.model_validate_json(data) if data else None

    # --- small writes that stand alone -------------------------------------------------------

    def move_cursor(self, name: str, at: float) -> None:
        with writing(self.engine) as connection:
            _upsert(connection, _CURSORS, {"name": name}, {"at": at})

    def note_waiting_read(self, source: str, addresses: Sequence[str]) -> None:
        """Remember that somebody looked for answers at these tickets, so that others come next."""
        mine = sa.and_(_TICKETS.c.source == source, _TICKETS.c.address.in_(addresses))
        with writing(self.engine) as connection:
            connection.execute(_TICKETS.update().where(mine).values(read_at=self.now()))

    def put_aside(self, door: str, address: str, seconds: float) -> None:
        """Read this ticket again after so many seconds, whatever else goes on."""
        with writing(self.engine) as connection:
            _upsert(
                connection,
                _ASIDE,
                {"door": door, "address": address},
                {"due": self.now() + seconds},
            )

    def take_aside(self, door: str, limit: int) -> list[str]:
        """Tickets that were put aside and are due."""
        query = sa.select(_ASIDE.c.address).where(_ASIDE.c.door == door, _ASIDE.c.due <= self.now())
        with self.engine.connect() as connection:
            return list(connection.scalars(query.order_by(_ASIDE.c.due).limit(limit)))

    def not_aside(self, door: str, address: str) -> None:
        mine = sa.and_(_ASIDE.c.door == door, _ASIDE.c.address == address)
        with writing(self.engine) as connection:
            connection.execute(_ASIDE.delete().where(mine))

    def first_time(self, event: str) -> bool:
        """Whether this event was never seen before; it is from now on."""
        with writing(self.engine) as connection:
            return _insert_once(connection, _SEEN, {"id": event, "at": self.now()})

    def forget_events(self, before: float) -> None:
        """Forget old events, but nothing of pull requests: they may stay open for long."""
        kept = sa.or_(*(_SEEN.c.id.like(f"{kind}:%") for kind in ("remark", "ci", "conflict")))
        with writing(self.engine) as connection:
            connection.execute(_SEEN.delete().where(_SEEN.c.at < before, ~kept))

    def hold(self, id_: str, holder: str, seconds: float) -> bool:
        """Take or renew the right to work on a ticket; false while somebody else has it."""
        now = self.now()
        free = sa.or_(_TICKETS.c.holder.in_(("", holder)), _TICKETS.c.held_until < now)
        with writing(self.engine) as connection:
            taken = connection.execute(
                _TICKETS.update()
                .where(_TICKETS.c.id == id_, free)
                .values(holder=holder, held_until=now + seconds)
            )
        return taken.rowcount == 1

    def let_go(self, id_: str, holder: str) -> None:
        with writing(self.engine) as connection:
            connection.execute(
                _TICKETS.update()
                .where(_TICKETS.c.id == id_, _TICKETS.c.holder == holder)
                .values(holder="", held_until=0)
            )

    # --- notices -----------------------------------------------------------------------------

    def claim_notice(self, door: str, seconds: float) -> Notice | None:
        """The notice at this door that is due the longest, ours alone for so many seconds."""
        now, n = self.now(), _NOTICES
        due = (
            sa.select(n)
            .where(n.c.door == door, n.c.sent != n.c.wanted, n.c.due <= now, n.c.held_until < now)
            .order_by(n.c.due)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with writing(self.engine) as connection:
            row = connection.execute(due).first()
            if row is None:
                return None
            mine = sa.and_(n.c.ticket == row.ticket, n.c.kind == row.kind)
            # From here on nobody knows what stands at the door until it was told again.
            held = {"held_until": now + seconds, "sent": ""}
            connection.execute(n.update().where(mine).values(held))
        payload = json.loads(row.payload)
        return Notice(
            row.ticket, row.kind, row.door, row.address, payload, row.wanted, row.remote,
            row.tries, row.refusals,
        )  # fmt: skip

    def told(self, notice: Notice, remote: str) -> None:
        """The notice was delivered; if it changed meanwhile it stays due."""
        self._update(
            notice, sent=notice.wanted, remote=remote, tries=0, refusals=0, held_until=0.0, error=""
        )

    def not_told(self, notice: Notice, error: str, again_in: float, refused: bool = False) -> None:
        """Try again after so many seconds; `refused` counts towards giving up."""
        due, refusals = self.now() + again_in, notice.refusals + refused
        self._update(
            notice, tries=notice.tries + 1, refusals=refusals, held_until=0.0, due=due, error=error
        )

    def give_up(self, notice: Notice, error: str) -> None:
        """Nobody can be told: the ticket is gone, or it was refused for good."""
        self._update(notice, sent=notice.wanted, held_until=0.0, error=error)

    def _update(self, notice: Notice, **values: Any) -> None:
        mine = sa.and_(_NOTICES.c.ticket == notice.ticket, _NOTICES.c.kind == notice.kind)
        with writing(self.engine) as connection:
            connection.execute(_NOTICES.update().where(mine).values(values))


@dataclass(frozen=True)
class Change:
    """One transaction over a ticket, its queue entry and its notices."""

    connection: sa.Connection
    _enqueue: Enqueue
    now: float

    def ticket(self, id_: str) -> Record | None:
        """The ticket, locked until the end of the transaction."""
        query = sa.select(_TICKETS.c.data).where(_TICKETS.c.id == id_).with_for_update()
        data = self.connection.execute(query).scalar()
        return Record.model_validate_json(data) if data else None

    def add(self, record: Record) -> bool:
        """Add a new ticket; false if another process did so before."""
        values = {"id": record.id, "version": "", "read_at": self.now, **_row(record)}
        return _insert_once(self.connection, _TICKETS, values)

    def note_read(self, id_: str, version: str) -> None:
        """Remember which version of a ticket was read last."""
        values = {"version": version, "read_at": self.now}
        self.connection.execute(_TICKETS.update().where(_TICKETS.c.id == id_).values(values))

    def note_looked_at(self, record: Record) -> None:
        """Remember when its pull request was read last."""
        mine = _TICKETS.c.id == record.id
        self.connection.execute(_TICKETS.update().where(mine).values(read_at=self.now))

    def save(self, record: Record, **changes: Any) -> Record:
        """Store a ticket with some fields changed."""
        if changes.get("state", record.state) != record.state:
            changes |= {"since": self.now, "reminded": False}
        record = record.model_copy(update=changes)
        self.connection.execute(
            _TICKETS.update().where(_TICKETS.c.id == record.id).values(_row(record))
        )
        return record

    def enqueue(self, record: Record, delay: float = 0.0, **changes: Any) -> Record:
        """Queue a new run for what is wanted now; from here on it is the one that counts."""
        revision = record.wanted.revision
        run = self._new_run(f"{record.id}:{revision}", record)
        self._enqueue(self.connection, run, record.id, record.priority, delay)
        return self.save(record, state="queued", run=run, revision=revision, **changes)

    def _new_run(self, wished: str, record: Record) -> str:
        """A run's name is used once: a revision that comes back gets a number."""
        run, number = wished, 1
        values = {"ticket": record.id, "person": record.person, "created_at": self.now}
        while not _insert_once(self.connection, _RUNS, {"id": run, **values}):
            number += 1
            run = f"{wished}:{number}"
        return run

    def ahead_of(self, record: Record) -> int:
        """How many other tickets are queued."""
        query = sa.select(sa.func.count()).where(
            _TICKETS.c.state == "queued", _TICKETS.c.id != record.id
        )
        return self.connection.execute(query).scalar() or 0

    def end_run(self, run: str, outcome: str, cost: Cost | None = None) -> None:
        self.connection.execute(_RUNS.update().where(_RUNS.c.id == run).values(outcome=outcome))
        if cost and cost.llm_calls:
            row = {column: getattr(cost, name) for name, column in _COSTS.items()}
            _insert_once(self.connection, _USAGE, {"run": run, **row})

    def runs_since(self, column: str, value: str, since: float) -> list[float]:
        """When runs of a person or a ticket were queued since then, oldest first."""
        query = (
            sa.select(_RUNS.c.created_at)
            .where(_RUNS.c[column] == value, _RUNS.c.created_at >= since)
            .order_by(_RUNS.c.created_at)
        )
        return list(self.connection.scalars(query))

    def tell(self, record: Record, message: Message) -> None:
        """Have a comment written or edited on the ticket."""
        questions = [json.loads(q.model_dump_json()) for q in message.questions]
        payload = {"type": "message", "text": message.text, "questions": questions}
        self.notify(record, message.kind, record.source, record.address, payload)

    def show(self, record: Record) -> None:
        """Have the ticket show its state."""
        title = record.request.title
        payload = {
            "type": "show",
            "phase": record.state,
            "url": record.pull_request,
            "title": title,
        }
        self.notify(record, "phase", record.source, record.address, payload)

    def notify(
        self, record: Record, kind: str, door: str, address: str, payload: dict[str, Any]
    ) -> None:
        """Have something done at a door; the same kind again replaces what is not done yet."""
        text = json.dumps(payload, sort_keys=True, ensure_ascii=False)
        values = {"door": door, "address": address, "payload": text, "due": self.now}
        values |= {"tries": 0, "refusals": 0}
        values["wanted"] = hashlib.sha256(text.encode()).hexdigest()[:16]
        new = {"sent": "", "remote": "", "held_until": 0.0, "error": ""}
        key = {"ticket": record.id, "kind": kind}
        _upsert(self.connection, _NOTICES, key, values, new)

    def withdraw(self, record: Record, kind: str) -> None:
        """What was not told yet is not told any more."""
        mine = sa.and_(_NOTICES.c.ticket == record.id, _NOTICES.c.kind == kind)
        self.connection.execute(_NOTICES.update().where(mine).values(sent=_NOTICES.c.wanted))

    def first_time(self, event: str) -> bool:
        return _insert_once(self.connection, _SEEN, {"id": event, "at": self.now})


def _row(record: Record) -> dict[str, Any]:
    columns = ("source", "address", "state", "since", "run", "branch")
    return {**{c: getattr(record, c) for c in columns}, "data": record.model_dump_json()}


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def _insert_once(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Whether the row was not there before. Some drivers count no rows, so it is asked back."""
    statement = _insert(connection, table).values(values).on_conflict_do_nothing()
    key = next(iter(table.primary_key.columns))
    return connection.execute(statement.returning(key)).first() is not None


def _upsert(
    connection: sa.Connection,
    table: sa.Table,
    key: dict[str, Any],
    values: dict[str, Any],
    new: dict[str, Any] | None = None,
) -> None:
    """Insert, or update `values` alone where the key is there."""
    statement = _insert(connection, table).values({**key, **values, **(new or {})})
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
