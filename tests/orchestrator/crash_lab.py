"""Kills a worker at every point where it could die, lets another go on, and looks at what is there.

`crash_lab.py DATABASE FOLDER STRIDE OFFSET`, DATABASE a template's address for Postgres, or `sqlite`. A point
lies before and after each step, each transaction of the desk, each write to the door and each write
to git. The lab counts them in a run that lives, then dies once at each OFFSET + n * STRIDE. It prints
one JSON object: points, deaths, and what was wrong, by point.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import triggers.desk
import triggers.durable_queue
from crew.artifacts import NeedsAnswers, Option, Outcome, Question, Request, Rework
from crew.delivery import local_branch
from crew.ports import Durable, Listener
from crew.records.database import address_of, open_database
from crew.result import result_of
from crew.settings import Settings
from tests import fakes
from tests.orchestrator.stub_crew import StubPlace, StubProjects, git, make_repository
from triggers.desk import Desk
from triggers.door import Head, Message, Phase, Ticket
from triggers.durable_queue import Entries, QueueWorker, make_tables, wait_until
from triggers.orchestrator import Orchestrator
from triggers.poller import Poller
from triggers.postman import Postman
from triggers.worker import Worker

ASKED = Question(id="q", text="Which?", options=(Option(label="A", meaning="this"),), default="A")
EDITED = "Orders per month"


@dataclass
class Death:
    """Counts points; at the chosen one the process is killed."""

    at: int = 0
    count: int = 0
    names: list[str] = field(default_factory=list)

    def point(self, name: str) -> None:
        self.count += 1
        self.names.append(name)
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


DEATH = Death()


@dataclass(frozen=True)
class FileDoor:
    """A door whose vendor is a folder: what was written survives the process."""

    folder: Path
    name: str = "paper"

    def changed(self, seconds: float, waiting: Sequence[str]) -> Iterator[Head]:
        for file in sorted(self.folder.glob("*.ticket")):
            yield Head(file.stem, str(file.stat().st_mtime_ns))

    def read(self, address: str) -> Ticket | None:
        file = self.folder / f"{address}.ticket"
        request = Request(source="paper", key=address, title=file.read_text(), body="")
        return Ticket(request=request, address=address, version=str(file.stat().st_mtime_ns))

    def write(self, address: str, message: Message, known: str = "") -> str:
        DEATH.point(f"before comment {message.kind}")
        comments = sorted(self.folder.glob(f"{address}.comment.*"))
        same = [c for c in comments if json.loads(c.read_text())["kind"] == message.kind]
        file = same[0] if same else self.folder / f"{address}.comment.{len(comments)}"
        temporary = self.folder / f"{address}.new"
        temporary.write_text(json.dumps({"kind": message.kind, "text": message.text}))
        temporary.replace(file)
        DEATH.point(f"after comment {message.kind}")
        return file.name

    def show(self, address: str, phase: Phase, pull_request: str = "", title: str = "") -> None:
        DEATH.point("before show")
        (self.folder / f"{address}.phase").write_text(phase)
        DEATH.point("after show")

    def check(self) -> tuple[str, ...]:
        return ()

    def kinds(self, address: str) -> list[str]:
        comments = [json.loads(c.read_text()) for c in self.folder.glob(f"{address}.comment.*")]
        return sorted(c["kind"].partition("-")[0] for c in comments)

    def status(self, address: str) -> str:
        comments = [json.loads(c.read_text()) for c in self.folder.glob(f"{address}.comment.*")]
        return next((c["text"] for c in comments if c["kind"] == "status"), "")


@dataclass
class DyingPlace(StubPlace):
    """Asks about tickets whose title ends in a question mark; logs each step that really runs."""

    log: Path = Path()

    def work(
        self, request: Request, listener: Listener, rework: Rework, durable: Durable, run_id: str
    ) -> tuple[Outcome, dict[str, Any]]:
        if not request.title.endswith("?"):
            return super().work(request, listener, rework, durable, run_id)
        durable("interpret", lambda: "asked")
        spec = fakes.SPEC.model_copy(update={"questions": (ASKED,)})
        outcome = NeedsAnswers(questions=(ASKED,), spec=spec)
        return outcome, result_of("stub", request, outcome, fakes.FREE, 0.1)


def instrument() -> None:
    """Points around transactions of the desk, durable steps and git's writes."""
    writing = triggers.desk.writing

    @contextmanager
    def watched(engine: sa.Engine) -> Iterator[sa.Connection]:
        with writing(engine) as connection:
            yield connection
            DEATH.point("before commit")
        DEATH.point("after commit")

    triggers.desk.writing = watched
    durable = triggers.durable_queue._durable

    def step(name: str, function: Any) -> str:
        def run() -> str:
            DEATH.point(f"before step {name}")
            result: str = function()
            DEATH.point(f"after step {name}, not kept")
            return result

        kept = durable(name, run)
        DEATH.point(f"after step {name}, kept")
        return kept

    triggers.durable_queue._durable = step
    run_git = local_branch.git

    def git_call(repository: Path, *words: str, **more: Any) -> str:
        writes = words[0] in ("hash-object", "commit-tree", "update-ref")
        if writes:
            DEATH.point(f"before git {words[0]}")
        said = run_git(repository, *words, **more)
        if writes:
            DEATH.point(f"after git {words[0]}")
        return said

    local_branch.git = git_call  # type: ignore[attr-defined]


def life(url: str, folder: Path, worker_name: str, die_at: int, takes_over: bool) -> None:
    """One life of a process, from its start until all is done, or until it dies."""
    DEATH.at = die_at
    instrument()
    engine = open_database(address_of(url, folder))
    entries = Entries(engine)
    desk = Desk(engine, entries)
    settings = Settings(to="none")
    orchestrator = Orchestrator(desk, settings)
    door = FileDoor(folder / "door")
    poller, postman = Poller(desk, orchestrator), Postman(desk, {"paper": door}, hold_seconds=0.5)
    place = DyingPlace(folder / "repository")
    worker = Worker(desk, orchestrator, StubProjects(place), worker_name, hold_seconds=0.5)
    queue = QueueWorker(engine, settings.queue, worker_name, worker, polling_seconds=0.02)
    poller.poll(door)
    queue.start()
    if takes_over:
        entries.take_over(lambda name: name != worker_name)

    def settled() -> bool:
        open_tickets = {"queued", "working"} & set(desk.counts())
        return not open_tickets and not entries.unfinished()

    def finish() -> None:
        while desk.untold()[0]:
            if not postman.deliver("paper"):
                time.sleep(0.02)
        if not wait_until(settled, 30, 0.02):
            sys.exit("not settled")
        while desk.untold()[0]:
            if not postman.deliver("paper"):
                time.sleep(0.02)

    finish()
    edited = folder / "door" / "T-1.ticket"
    if edited.read_text() != EDITED:
        edited.write_text(EDITED)
    poller.poll(door)
    finish()
    (folder / "points").write_text("\n".join(DEATH.names))
    os._exit(0)


def fork(*arguments: Any) -> int:
    """The exit status of a life in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            life(*arguments)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        os._exit(1)
    return os.waitpid(child, 0)[1]


def wrong(folder: Path, url: str) -> list[str]:
    """What is not as it must be once all is done."""
    door, problems = FileDoor(folder / "door"), []
    repository = folder / "repository"
    branches = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/firstmile")
    if branches != "firstmile/t-1":
        problems.append(f"branches: {branches!r}")
    else:
        commits = git(repository, "rev-list", "main..firstmile/t-1").split()
        if len(commits) not in (1, 2):
            problems.append(f"{len(commits)} commits")
        text = git(repository, "show", "firstmile/t-1:models/fct_orders.sql")
        if text != f"select '{EDITED}'":
            problems.append(f"the branch holds {text!r}")
    if len(list((folder / "prs" / "pull_requests").glob("*.md"))) != 1:
        problems.append("not one pull request")
    for address, kinds in (("T-1", ["status"]), ("T-2", ["question", "status"])):
        if door.kinds(address) != kinds:
            problems.append(f"comments of {address}: {door.kinds(address)}")
    for address, word in (("T-1", "Ready for review"), ("T-2", "Waiting")):
        if word not in door.status(address) and "No change was needed" not in door.status(address):
            problems.append(f"{address} says {door.status(address)!r}")
    engine = open_database(address_of(url, folder))
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("select id, state from firstmile_tickets order by id")
        ).all()
        table = "dbos.workflow_status" if engine.dialect.name == "postgresql" else "workflow_status"
        states = Counter(connection.scalars(sa.text(f"select status from {table}")).all())
    engine.dispose()
    if [tuple(r) for r in rows] != [("paper:T-1", "delivered"), ("paper:T-2", "waiting")]:
        problems.append(f"desk: {rows}")
    if set(states) != {"SUCCESS"}:
        problems.append(f"queue: {dict(states)}")
    return problems


def prepare(database: str, folder: Path, number: int) -> str:
    """A fresh world: database, repository, two tickets. Gives the database's address."""
    (folder / "door").mkdir(parents=True)
    (folder / "door" / "T-1.ticket").write_text("Orders per week")
    (folder / "door" / "T-2.ticket").write_text("Which orders?")
    make_repository(folder / "repository")
    if database == "sqlite":
        url = f"sqlite:///{folder / 'desk.sqlite'}"
        made = open_database(address_of(url, folder))
        make_tables(made)
        Desk.prepare(made)
        made.dispose()
        return url
    name = f"lab_{os.getpid()}_{number}"
    admin = sa.create_engine(
        address_of(database, folder).replace("/template_lab?", "/postgres?"),
        isolation_level="AUTOCOMMIT",
    )
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template_lab"))
    admin.dispose()
    return database.replace("/template_lab?", f"/{name}?")


def main() -> None:
    database, top, stride, offset = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:5])
    folder = top / "0"
    url = prepare(database, folder, 0)
    status = fork(url, folder, "a", 0, False)
    found: dict[str, list[str]] = {}
    if status or wrong(folder, url):
        found["a life without death"] = [f"status {status}", *wrong(folder, url)]
    points = (folder / "points").read_text().splitlines() if status == 0 else []
    deaths = 0
    for number in range(1 + offset, len(points) + 1, stride):
        folder = top / str(number)
        url = prepare(database, folder, number)
        died = fork(url, folder, "a", number, False)
        deaths += died == signal.SIGKILL
        # Odd points are resumed by the same worker's next start, even ones by another worker.
        again = "a" if number % 2 else "b"
        status = fork(url, folder, again, 0, again == "b")
        # Notices that overtake each other are told in one: a life may have fewer points than the first.
        if died not in (0, signal.SIGKILL) or status or wrong(folder, url):
            problems = [f"died {died}, then {status}", *wrong(folder, url)]
            found[f"{number} {points[number - 1]}"] = problems
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    print(json.dumps({"points": len(points), "deaths": deaths, "wrong": found}))


if __name__ == "__main__":
    main()
