"""What was learned from requests: a table beside the orchestrator's, in SQLite or Postgres.

Each row belongs to the request it came from, so that forgetting a request removes all of it. The
indexes for the search are made from these rows and can be lost.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crew.artifacts import (
    ChangeSet,
    Known,
    Lesson,
    PastAnswer,
    RequirementSpec,
    Value,
)

_META = sa.MetaData()
_ROWS = sa.Table(
    "learned",
    _META,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("origin", sa.String, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("state", sa.String, nullable=False, server_default=""),
    sa.Column("changed_at", sa.Float, nullable=False),
)
MAX_ROWS = 2_000

RowKind = Literal["request", "answer", "lesson"]
RequestState = Literal["delivered", "merged", "closed"]


class Remembered(Value):
    """A request that was delivered: what it asked for, what was proposed, and what became of it.

    `change` is kept until its pull request is merged or closed; its report is bare of data.
    """

    request: str
    title: str
    requester: str = ""
    spec: RequirementSpec
    branch: str
    location: str = ""
    dialect: str = ""
    change: ChangeSet | None = None
    followed: tuple[str, ...] = ()
    state: RequestState = "delivered"

    def known(self) -> Known:
        model = self.spec.model or self.spec.target
        return Known(request=self.request, model=model, signature=self.spec.signature,
                     location=self.location)  # fmt: skip


class Row(Value):
    """A row as it is exported."""

    kind: RowKind
    id: str
    origin: str
    state: str
    data: str


class Learned:
    """What was learned for one project. Methods raise sqlalchemy.exc.SQLAlchemyError."""

    def __init__(self, engine: sa.Engine, project: str) -> None:
        _META.create_all(engine)
        self._engine, self._project = engine, project

    def save_request(self, remembered: Remembered, answers: Sequence[PastAnswer] = ()) -> None:
        """Keep a request with the answers given on it; the same request again is replaced."""
        key = remembered.request
        with self._engine.begin() as db:
            db.execute(_ROWS.delete().where(*self._is(kind="answer", origin=key)))
            self._put(db, "request", key, key, remembered, remembered.state)
            for answer in answers:
                self._put(db, "answer", f"{key} {answer.question}", key, answer, remembered.state)

    def decide(self, remembered: Remembered, state: RequestState) -> None:
        """Its pull request was merged or closed: what was proposed is not needed any more."""
        key = remembered.request
        decided = remembered.model_copy(update={"state": state, "change": None})
        merged = {"merged": state == "merged"}
        with self._engine.begin() as db:
            self._put(db, "request", key, key, decided, state)
            answers = db.execute(
                sa.select(_ROWS.c.id, _ROWS.c.data).where(*self._is(kind="answer", origin=key))
            ).all()
            for id_, data in answers:
                answer = PastAnswer.model_validate_json(str(data)).model_copy(update=merged)
                self._put(db, "answer", str(id_), key, answer, state)

    def save_lessons(self, lessons: Iterable[Lesson]) -> None:
        with self._engine.begin() as db:
            for lesson in lessons:
                self._put(db, "lesson", lesson.id, lesson.request, lesson, lesson.state)

    def requests(self, state: RequestState | None = None) -> list[Remembered]:
        """The latest first."""
        return [Remembered.model_validate_json(d) for d in self._data("request", state)]

    def request(self, key: str) -> Remembered | None:
        with self._engine.connect() as db:
            sql = sa.select(_ROWS.c.data).where(*self._is(kind="request", id=key))
            found = db.execute(sql).scalar()
        return Remembered.model_validate_json(found) if found else None

    def answers(self) -> list[PastAnswer]:
        """Those on requests whose pull requests were not closed; the latest first."""
        rows = [*self._data("answer", "merged"), *self._data("answer", "delivered")]
        return [PastAnswer.model_validate_json(d) for d in rows]

    def lessons(self, state: str | None = None) -> list[Lesson]:
        return [Lesson.model_validate_json(d) for d in self._data("lesson", state)]

    def forget(self, origin: str) -> int:
        """Remove all that came from a request, or one lesson by its id; how many rows."""
        with self._engine.begin() as db:
            mine = _ROWS.c.project == self._project
            either = sa.or_(_ROWS.c.origin == origin, _ROWS.c.id == origin)
            return int(db.execute(_ROWS.delete().where(mine, either)).rowcount)

    def rows(self) -> list[Row]:
        """All of it, for an export."""
        names = ("kind", "id", "origin", "state", "data")
        with self._engine.connect() as db:
            columns = [_ROWS.c[n] for n in names]
            sql = sa.select(*columns).where(*self._is()).order_by(_ROWS.c.kind, _ROWS.c.id)
            return [Row(**row._mapping) for row in db.execute(sql)]

    def put_rows(self, rows: Iterable[Row]) -> int:
        """Rows of an export; those that are there are replaced. Raises ValueError for others."""
        types: dict[str, type[Value]] = {
            "request": Remembered, "answer": PastAnswer, "lesson": Lesson,
        }  # fmt: skip
        known = [(r, types[r.kind].model_validate_json(r.data)) for r in rows]
        with self._engine.begin() as db:
            for row, value in known:
                self._put(db, row.kind, row.id, row.origin, value, row.state)
        return len(known)

    def stamp(self) -> str:
        """Changes whenever a row does."""
        with self._engine.connect() as db:
            sql = sa.select(sa.func.count(), sa.func.max(_ROWS.c.changed_at)).where(*self._is())
            count, latest = db.execute(sql).one()
        return f"{count}:{latest}"

    def _data(self, kind: RowKind, state: str | None) -> list[str]:
        wanted = {"kind": kind} | ({"state": state} if state else {})
        with self._engine.connect() as db:
            sql = sa.select(_ROWS.c.data).where(*self._is(**wanted))
            sql = sql.order_by(_ROWS.c.changed_at.desc(), _ROWS.c.id).limit(MAX_ROWS)
            return list(db.execute(sql).scalars())

    def _is(self, **wanted: str) -> list[sa.ColumnElement[bool]]:
        return [_ROWS.c.project == self._project, *(_ROWS.c[n] == v for n, v in wanted.items())]

    def _put(
        self, db: sa.Connection, kind: RowKind, id_: str, origin: str, value: Value, state: str
    ) -> None:
        insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
        new = {"origin": origin, "data": value.model_dump_json(), "state": state,
               "changed_at": time.time()}  # fmt: skip
        row = {"project": self._project, "kind": kind, "id": id_, **new}
        db.execute(
            insert(_ROWS)
            .values(**row)
            .on_conflict_do_update(index_elements=["project", "kind", "id"], set_=new)
        )
