"""What the orchestrator does in a second, and what it costs its vendors.

    python bench/orchestrator.py [--requests 10000] [--only PART] [--write]

Poll cycles run against the tests' own Jira and Notion servers over HTTP, with all but a few tickets
known and waiting. The queue is real (DBOS on SQLite, and on a real Postgres), the work stubbed to
zero: each request is still taken up, told, queued, dispatched, begun, finished and told again.
The last part kills workers while doors fail, and counts what was lost or doubled: it must be none.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import platform
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from crew.artifacts import Failed, Outcome, Request, Rework  # noqa: E402
from crew.errors import HostUnavailable  # noqa: E402
from crew.ports import Durable, Listener  # noqa: E402
from crew.records.database import address_of, open_database  # noqa: E402
from crew.result import empty_result  # noqa: E402
from crew.settings import QueueSettings, Settings  # noqa: E402
from tests.orchestrator.paper import PaperDoor  # noqa: E402
from tests.servers.jira_server import JiraServer  # noqa: E402
from tests.servers.notion_server import NotionServer  # noqa: E402
from tests.servers.postgres import new_database, running_postgres  # noqa: E402
from triggers.desk import Desk  # noqa: E402
from triggers.door import Door, Ticket  # noqa: E402
from triggers.durable_queue import Entries, QueueWorker, make_tables, wait_until  # noqa: E402
from triggers.jira_door import JiraDoor  # noqa: E402
from triggers.jira_settings import JiraSettings  # noqa: E402
from triggers.notion_door import NotionDoor  # noqa: E402
from triggers.notion_settings import NotionSettings  # noqa: E402
from triggers.orchestrator import Orchestrator  # noqa: E402
from triggers.poller import Poller  # noqa: E402
from triggers.postman import Postman  # noqa: E402
from triggers.worker import Worker  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "orchestrator.md"
SPAWN = multiprocessing.get_context("spawn")


# --- work of no time -----------------------------------------------------------------------------


@dataclass
class NoWork:
    """A project whose crew is done at once."""

    def head(self, project: str) -> str:
        return "c0ffee"

    @contextmanager
    def at(self, project: str, commit: str) -> Iterator[NoWork]:
        yield self

    def work(
        self, request: Request, listener: Listener, rework: Rework, durable: Durable, run_id: str
    ) -> tuple[Outcome, dict[str, Any]]:
        listener.step_started("stub")
        durable("stub", lambda: request.key)
        done = {"outcome": "delivered", "branch": f"firstmile/{request.key}", "commit": "c"}
        return Failed(reason=""), empty_result() | done


@dataclass(frozen=True)
class Office:
    desk: Desk
    entries: Entries
    orchestrator: Orchestrator

    @classmethod
    def at(cls, url: str) -> Office:
        engine = open_database(address_of(url, Path.cwd()))
        make_tables(engine)
        Desk.prepare(engine)
        entries = Entries(engine)
        desk = Desk(engine, entries)
        settings = Settings(to="none", queue=QueueSettings(per_worker=8))
        return cls(desk, entries, Orchestrator(desk, settings))

    def worker(self, name: str) -> QueueWorker:
        worker = Worker(self.desk, self.orchestrator, NoWork(), name, hold_seconds=3.0)
        queue = self.orchestrator.settings.queue
        return QueueWorker(self.desk.engine, queue, name, worker, polling_seconds=0.05)

    def open_tickets(self) -> int:
        counts = self.desk.counts()
        return counts.get("queued", 0) + counts.get("working", 0)


def work_for_ever(url: str, name: str) -> None:
    """A worker process. It beats, so that others see when it is dead."""
    office = Office.at(url)
    office.worker(name).start()
    while True:
        office.desk.move_cursor(f"worker:{name}", time.time())
        time.sleep(0.5)


@contextmanager
def workers(url: str, count: int) -> Iterator[None]:
    """Worker processes, up and idle."""
    started = [SPAWN.Process(target=work_for_ever, args=(url, f"w{n}")) for n in range(count)]
    for process in started:
        process.start()
    desk = Office.at(url).desk
    wait_until(lambda: all(desk.cursor(f"worker:w{n}") for n in range(count)), 60)
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.join()


def ticket(number: int) -> Ticket:
    key = f"T-{number}"
    request = Request(source="paper", key=key, title=f"Orders of {key}", body="per week")
    return Ticket(request=request, address=key, version="1", priority=1 + number % 5)


# --- parts ---------------------------------------------------------------------------------------


def throughput(url: str, count: int, requests: int) -> tuple[float, float]:
    """Requests a second: queued (one after another), and queued until finished."""
    office = Office.at(url)
    with workers(url, count):
        began = time.monotonic()
        for number in range(requests):
            office.orchestrator.receive(ticket(number))
        queued = time.monotonic() - began
        assert wait_until(lambda: office.open_tickets() == 0, 600)
        whole = time.monotonic() - began
    assert office.desk.counts() == {"delivered": requests}, office.desk.counts()
    return requests / queued, requests / whole


def memory(folder: Path, requests: int) -> list[tuple[int, float]]:
    """Resident MB of one worker process, after so many requests."""
    url = f"sqlite:///{folder / 'memory.sqlite'}"
    office = Office.at(url)
    found = []
    with workers(url, 1):
        (worker,) = [
            p for p in psutil.Process().children() if "spawn_main" in " ".join(p.cmdline())
        ]
        for start in range(0, requests, requests // 10):
            for number in range(start, start + requests // 10):
                office.orchestrator.receive(ticket(number))
            assert wait_until(lambda: office.open_tickets() == 0, 600)
            found.append((start + requests // 10, worker.memory_info().rss / 1e6))
    return found


@dataclass
class Measured:
    name: str
    seconds: float
    calls: int


def polls(door: Door, office: Office, calls: list[Any], change: Any, known: int) -> list[Measured]:
    """A first cycle that finds nothing new, then cycles after changes."""
    poller = Poller(office.desk, office.orchestrator)
    found = []
    for changed in (0, 1, 10, 100):
        for number in range(changed):
            change(number)
        before, began = len(calls), time.monotonic()
        read = poller.poll(door)
        seconds = time.monotonic() - began
        assert read == changed, (read, changed)
        found.append(Measured(f"{known:,} wait, {changed} changed", seconds, len(calls) - before))
    return found


def jira_polls(folder: Path, count: int) -> list[Measured]:
    office = Office.at(f"sqlite:///{folder / 'jira.sqlite'}")
    with JiraServer("cloud") as jira:
        values = {"url": jira.url, "kind": "cloud", "user": jira.user}
        door = JiraDoor(JiraSettings.load(values, {"FIRSTMILE_JIRA_TOKEN": jira.token}))
        old = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)).strftime(
            "%Y-%m-%dT%H:%M:%S.000+0000"
        )
        for number in range(count):
            issue = jira.add(f"DATA-{number + 1}", f"Orders of {number}")
            issue["fields"]["updated"] = old
            address = issue["key"]
            request = Request(source="jira", key=address, title=issue["fields"]["summary"], body="")
            office.orchestrator.receive(Ticket(request=request, address=address, version=old))
        office.desk.move_cursor("jira", time.time() - 30)

        def change(number: int) -> None:
            jira.issues[f"DATA-{number + 1}"]["fields"]["summary"] += " again"
            jira.touch(f"DATA-{number + 1}")

        return polls(door, office, jira.calls, change, count)


def notion_polls(folder: Path, count: int) -> list[Measured]:
    """The same with Notion, whose 3 requests a second are lifted here."""
    office = Office.at(f"sqlite:///{folder / 'notion.sqlite'}")
    with NotionServer() as notion:
        values = {"url": notion.url, "data_source": notion.source, "requests_per_second": 10_000}
        door = NotionDoor(NotionSettings.load(values, {"FIRSTMILE_NOTION_TOKEN": notion.token}))
        addresses = []
        for number in range(count):
            address = notion.add(f"Orders of {number}")
            notion.touch(address, datetime.timedelta(days=2))
            addresses.append(address)
            key = f"N-{number}"
            request = Request(source="notion", key=key, title=f"Orders of {number}", body="")
            office.orchestrator.receive(Ticket(request=request, address=address, version="old"))
        office.desk.move_cursor("notion", time.time() - 30)

        def change(number: int) -> None:
            notion.touch(addresses[number])

        return polls(door, office, notion.calls, change, count)


def label_to_queued(folder: Path, count: int, poll_seconds: float) -> list[float]:
    """Seconds from a label on a Jira ticket until it is queued, by polling alone."""
    office = Office.at(f"sqlite:///{folder / 'label.sqlite'}")
    waits = []
    with JiraServer("cloud") as jira:
        values = {"url": jira.url, "kind": "cloud", "user": jira.user}
        door = JiraDoor(JiraSettings.load(values, {"FIRSTMILE_JIRA_TOKEN": jira.token}))
        poller, ended = Poller(office.desk, office.orchestrator), threading.Event()

        def poll() -> None:
            while not ended.is_set():
                poller.poll(door)
                ended.wait(poll_seconds)

        threading.Thread(target=poll, daemon=True).start()
        for number in range(count):
            time.sleep(random.random() * poll_seconds)
            key = f"DATA-{number + 1}"
            jira.add(key, f"Orders of {number}")
            labelled = time.monotonic()
            assert wait_until(lambda k=key: office.desk.ticket(f"jira:{k}") is not None, 60, 0.005)
            waits.append(time.monotonic() - labelled)
        ended.set()
    return waits


def with_faults(url: str, requests: int) -> dict[str, Any]:
    """All requests through a door that fails, with workers that are killed: what is wrong after."""
    random.seed(7)
    office, door = Office.at(url), PaperDoor()
    failures: Counter[str] = Counter()

    def fault(name: str) -> None:
        if name.startswith(("write", "after write", "show")) and random.random() < 0.02:
            failures["after the write" if name.startswith("after") else "before the write"] += 1
            raise HostUnavailable("the connection dropped", retry_after=0.01)

    door.fault = fault
    for number in range(requests):
        door.put(f"T-{number}", title=f"Orders of T-{number}")
    poller, postman = (
        Poller(office.desk, office.orchestrator),
        Postman(office.desk, {"paper": door}),
    )
    ended = threading.Event()

    def post() -> None:
        while not ended.is_set():
            try:
                if not postman.deliver("paper"):
                    time.sleep(0.002)
            except HostUnavailable:
                time.sleep(0.01)

    threading.Thread(target=post, daemon=True).start()
    processes = {n: SPAWN.Process(target=work_for_ever, args=(url, n)) for n in ("w0", "w1")}
    for process in processes.values():
        process.start()
    began, kills = time.monotonic(), 0
    polling = threading.Thread(target=poller.poll, args=(door,), daemon=True)
    polling.start()

    def is_dead(name: str) -> bool:
        return time.time() - (office.desk.cursor(f"worker:{name}") or 0) > 3

    while polling.is_alive() or office.open_tickets() or office.desk.untold()[0]:
        time.sleep(2.5)
        name = random.choice(["w0", "w1"])
        if polling.is_alive() or office.open_tickets() > requests // 50:
            os.kill(processes[name].pid or 0, signal.SIGKILL)
            processes[name].join()
            kills += 1
            # Half of the time it comes back, half of the time another one takes over first.
            if random.random() < 0.5:
                time.sleep(4)
                office.entries.take_over(is_dead)
            processes[name] = SPAWN.Process(target=work_for_ever, args=(url, name))
            processes[name].start()
        office.entries.take_over(is_dead)
        office.orchestrator.sweep(office.entries.alive)
        if time.monotonic() - began > 1800:
            break
    ended.set()
    for process in processes.values():
        process.kill()
        process.join()
    comments = Counter(len(sheet.comments) for sheet in door.sheets.values())
    untrue = sum("Ready" not in t for s in door.sheets.values() for _, t in s.comments.values())
    with office.desk.engine.connect() as connection:
        runs = connection.execute(
            sa.text("select count(*), count(distinct ticket) from firstmile_runs")
        ).one()
    return {
        "requests": requests,
        "workers killed": kills,
        "failures before a write": failures["before the write"],
        "failures after a write": failures["after the write"],
        "lost (not delivered)": requests - office.desk.counts().get("delivered", 0),
        "tickets without exactly one comment": requests - comments.get(1, 0),
        "comments that do not say the outcome": untrue,
        "tickets with more than one run": runs[0] - runs[1],
        "seconds": round(time.monotonic() - began),
    }


# --- report --------------------------------------------------------------------------------------


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(": ")[2].partition(" with")[0] if names else platform.processor()


def report(arguments: argparse.Namespace, folder: Path, postgres: str) -> str:
    load, now = os.getloadavg()[0], datetime.datetime.now(datetime.UTC)
    head = (
        f"# The orchestrator\n\n{os.cpu_count()} cores ({processor()}), load {load:.1f} at the start, "
        f"Python {platform.python_version()}. {now:%Y-%m-%d %H:%M} UTC. "
        f"`python bench/orchestrator.py --requests {arguments.requests}`\n"
    )
    parts = [head]
    for name in arguments.only or PARTS:
        parts.append(PARTS[name](arguments.requests, folder, postgres))
        print(parts[-1], flush=True)
    return "\n".join(parts)


def queue_part(requests: int, folder: Path, postgres: str) -> str:
    rows, best = [], 0.0
    for name in ("SQLite", "Postgres"):
        for count in (1, 2, 4):
            file = folder / f"throughput-{count}.sqlite"
            url = f"sqlite:///{file}" if name == "SQLite" else new_database(postgres)
            queued, whole = throughput(url, count, max(400, requests // 10))
            best = max(best, whole) if name == "Postgres" else best
            rows.append((name, count, f"{queued:.0f}", f"{whole:.0f}"))
    head = ("database", "workers", "queued alone", "queued, dispatched and finished")
    fits = "yes" if best > 50 else "**no**"
    return (
        "## Queue, work stubbed to zero\n\n"
        "Requests a second; each is two durable steps, two comments and two states in the desk, none "
        "of which is left out. Workers are processes with 8 requests at once each.\n\n"
        f"{table(head, rows)}\n\n"
        f"Wanted: over 50 a second on Postgres. Found: {best:.0f} ({fits}).\n"
    )


def poll_part(requests: int, folder: Path, postgres: str) -> str:
    cycles = [("Jira", m) for m in jira_polls(folder, requests // 2)]
    cycles += [("Notion", m) for m in notion_polls(folder, requests // 2)]
    rows = [(door, m.name, f"{m.seconds:.2f}", m.calls) for door, m in cycles]
    return f"## A poll cycle\n\n{table(('door', 'tickets', 'seconds', 'calls'), rows)}\n"


def label_part(requests: int, folder: Path, postgres: str) -> str:
    waits = sorted(label_to_queued(folder, 30, 1.0))
    late = waits[int(0.95 * len(waits))]
    return (
        "## From label to queued\n\n"
        f"Polling every second, 30 tickets: median {statistics.median(waits):.2f} s, 95 % within "
        f"{late:.2f} s, slowest {waits[-1]:.2f} s. The default is a poll every 10 seconds, to which "
        "a webhook adds what comes in between at once.\n"
    )


def memory_part(requests: int, folder: Path, postgres: str) -> str:
    used = memory(folder, requests)
    rows: list[tuple[Any, ...]] = [(f"{n:,}", f"{mb:.0f}") for n, mb in used]
    grown = used[-1][1] - used[0][1]
    return (
        f"## Memory of a worker\n\n{table(('requests', 'resident MB'), rows)}\n\n"
        f"From 10 % to the end: {grown:+.0f} MB.\n"
    )


def fault_part(requests: int, folder: Path, postgres: str) -> str:
    parts = ["## Nothing lost, nothing doubled\n"]
    for name, url in (
        ("Postgres, two workers", new_database(postgres)),
        ("SQLite, two workers", f"sqlite:///{folder / 'faults.sqlite'}"),
    ):
        found = with_faults(url, requests)
        parts.append(f"{name}:\n\n{table(('', 'count'), list(found.items()))}\n")
    return "\n".join(parts)


PARTS = {
    "queue": queue_part, "polls": poll_part, "label": label_part, "memory": memory_part,
    "faults": fault_part,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="a part alone")
    parser.add_argument("--write", action="store_true", help="keep the report in bench/results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="firstmile-bench-") as name:
        folder = Path(name)
        with running_postgres(folder / "pg") as postgres:
            text = report(arguments, folder, postgres)
    if arguments.write:
        RESULTS.write_text(text.rstrip() + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
