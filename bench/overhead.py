"""What a replay costs beside dbt itself: time and memory, cold and warm, against baselines.

    python bench/overhead.py [--repeat 3] [--write] [--profile FILE]

Cold is the real program in a fresh process with an empty state folder; its baselines, run beside
it, are a fresh `import crewai` and a fresh `dbt build` of the delivered model on the same
warehouse, without a parse cache. Warm are further requests in one open workplace.
"""

from __future__ import annotations

import argparse
import cProfile
import datetime
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results" / "overhead.md"
TICKETS = ROOT / "examples" / "tickets"
CHURN = "jira_weekly_churn.json"
OTHERS = (
    "notion_monthly_net_revenue.json", "slack_average_order_value.txt", "jira_add_column.json",
    "jira_stage_support_tickets.json", "markdown_request.md", "request.txt",
)  # fmt: skip
BIN = Path(sys.executable).parent


# --- measuring a process ---------------------------------------------------------------------


@dataclass(frozen=True)
class Spent:
    """A process and its children: seconds on the clock and of CPU, peak megabytes of memory."""

    wall: float
    cpu: float
    peak_mb: float
    worker_mb: float


def measure(command: list[str], folder: Path, environment: Mapping[str, str]) -> Spent:
    """Run a command to its end; what it prints is shown only if it fails."""
    before = os.times()
    began = time.monotonic()
    with (folder / "out.txt").open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
        peak, worker = watch_memory(process)
    wall = time.monotonic() - began
    after = os.times()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'out.txt').read_text()}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Spent(wall, cpu, peak, worker)


def watch_memory(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Peak megabytes of all its processes together, and of its dbt worker, until it ends."""
    peak = worker = 0.0
    while process.poll() is None:
        whole, of_worker = memory_of(process.pid)
        peak, worker = max(peak, whole), max(worker, of_worker)
        time.sleep(0.02)
    return peak, worker


def memory_of(pid: int) -> tuple[float, float]:
    """Resident megabytes of a process and its dbt worker together, and of the worker alone.

    Other children (git) are gone in milliseconds and share their pages with their parent.
    """
    try:
        top = psutil.Process(pid)
        whole, worker = top.memory_info().rss / 1e6, 0.0
        for process in top.children():
            if any("dbt_worker_process" in word for word in process.cmdline()):
                worker += process.memory_info().rss / 1e6
    except psutil.Error:
        return 0.0, 0.0
    return whole + worker, worker


# --- one replay after another in an open workplace (a process of its own) --------------------


@dataclass
class Steps:
    """Listener that splits each step into dbt and the rest."""

    spent: Callable[[], float]
    began: float = 0.0
    rest: dict[str, float] = field(default_factory=dict)

    def step_started(self, name: str) -> None:
        self.began = self.spent()

    def delivering(self, branch: str) -> None:
        return None

    def step_finished(self, name: str, found: str, seconds: float, cost: object) -> None:
        self.rest[name] = seconds - (self.spent() - self.began)


def split(project: str, state: str, repeat: int, profile: str) -> None:
    """Child process: one cold opening, then warm requests; prints one JSON object."""
    began = time.monotonic()
    from crew.assemble import open_workplace
    from crew.settings import load_settings
    from triggers.ticket_file import read_ticket_file

    imported = time.monotonic()
    warm: list[dict[str, Any]] = []
    with open_workplace(load_settings(project=project, state=Path(state))) as place:
        opened = time.monotonic()
        opening = dict(place.worker.seconds)

        def spent() -> float:
            return sum(place.worker.seconds.values())

        for ticket in (CHURN, *OTHERS, *[CHURN] * repeat):
            steps, before, calls = Steps(spent), spent(), dict(place.worker.seconds)
            request = read_ticket_file(str(TICKETS / ticket), io.BytesIO())
            start, cpu = time.monotonic(), time.process_time()
            with profiled(profile if warm else ""):
                outcome, _ = place.work(request, steps)
            wall, dbt = time.monotonic() - start, spent() - before
            by_call = {c: s - calls.get(c, 0.0) for c, s in place.worker.seconds.items()}
            warm.append(
                {
                    "ticket": ticket, "outcome": outcome.outcome, "wall": wall, "dbt": dbt,
                    "cpu": time.process_time() - cpu, "steps": steps.rest, "calls": by_call,
                }
            )  # fmt: skip
    found = {
        "import light": imported - began, "opening": opened - imported, **place.seconds,
        "calls": opening, "warm": warm, "closing": time.monotonic() - began,
    }  # fmt: skip
    print(json.dumps(found))


@contextmanager
def profiled(file: str) -> Iterator[None]:
    """cProfile's numbers of this part into a file; of the last one, if there are several."""
    if not file:
        yield
        return
    profiler = cProfile.Profile()
    with profiler:
        yield
    profiler.dump_stats(file)


# --- the whole -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """A demo in a temporary folder and how often to measure."""

    folder: Path
    repeat: int

    @property
    def environment(self) -> dict[str, str]:
        from crew.agents.crewai_environment import SWITCHES

        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        ours = {"SHOP_WAREHOUSE": str(self.folder / "shop.duckdb"), "HOME": str(home)}
        ours |= {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PYTHONPATH": str(ROOT)}
        return {**os.environ, **SWITCHES, **ours}

    @property
    def repository(self) -> str:
        return str(self.folder / "shop.git")

    def cold(self, kept_state: bool) -> list[Spent]:
        """The real program; with `kept_state` on the state folder of the run before."""
        state = self.folder / "cold"
        found = []
        for _ in range(self.repeat):
            if not kept_state:
                shutil.rmtree(state, ignore_errors=True)
            command = [str(BIN / "firstmile"), "replay", str(TICKETS / CHURN)]
            command += ["--project", self.repository, "--state", str(state), "--json"]
            found.append(measure(command, self.folder, self.environment))
        return found

    def import_crewai(self) -> list[Spent]:
        command = [sys.executable, "-c", "import crewai"]
        return [measure(command, self.folder, self.environment) for _ in range(self.repeat)]

    def dbt_build(self, parse_cache: bool) -> list[Spent]:
        """dbt alone on the delivered branch, into a copy of the warehouse."""
        clone, warehouse = self.folder / "clone", self.folder / "copy.duckdb"
        branch = json.loads(next((self.folder / "cold/pull_requests").glob("*.json")).read_text())
        shutil.rmtree(clone, ignore_errors=True)
        clone_it = ["git", "clone", "-q", "-b", branch["branch"], self.repository, str(clone)]
        subprocess.run(clone_it, check=True)
        shutil.copy(self.folder / "shop.duckdb", warehouse)
        model = next(
            Path(f).stem for f in branch["files"] if f.startswith("models/") and f.endswith(".sql")
        )
        environment = {**self.environment, "SHOP_WAREHOUSE": str(warehouse)}
        command = [str(BIN / "dbt"), "build", "--select", model, "--profiles-dir", "."]
        found = []
        for number in range(self.repeat + parse_cache):
            if not parse_cache:
                shutil.rmtree(clone / "target", ignore_errors=True)
            one = measure(command, clone, environment)
            found += [one] if number or not parse_cache else []
        return found

    def split(self, profile: str) -> tuple[dict[str, Any], float, float]:
        """The split of a child process, and its peak memory: all, and the worker alone."""
        state = self.folder / "split"
        shutil.rmtree(state, ignore_errors=True)
        command = [sys.executable, str(Path(__file__)), "--child", self.repository, str(state)]
        command += ["--repeat", str(max(5, self.repeat)), "--profile", profile]
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)
        peaks: list[tuple[float, float]] = []
        watcher = threading.Thread(target=lambda: peaks.append(watch_memory(process)))
        watcher.start()
        assert process.stdout is not None
        printed = process.stdout.read()
        watcher.join()
        if process.returncode:
            sys.exit("the split failed")
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return found, *peaks[0]


def median(values: list[float]) -> float:
    return statistics.median(values)


def row(*cells: object) -> str:
    return "| " + " | ".join(f"{c:.2f}" if isinstance(c, float) else str(c) for c in cells) + " |"


def spent_row(name: str, runs: list[Spent]) -> str:
    walls = [r.wall for r in runs]
    span = f"{min(walls):.2f}–{max(walls):.2f}"
    peak = f"{max(r.peak_mb for r in runs):.0f}"
    return row(name, median(walls), span, median([r.cpu for r in runs]), peak, len(runs))


def report(bench: Bench, command: str, profile: str) -> str:
    cold, kept = bench.cold(kept_state=False), bench.cold(kept_state=True)
    crewai = bench.import_crewai()
    dbt, cached = bench.dbt_build(parse_cache=False), bench.dbt_build(parse_cache=True)
    found, peak, worker = bench.split(profile)
    walls = [median([r.wall for r in runs]) for runs in (cold, kept, crewai, dbt, cached)]
    first, *warm = found["warm"]
    same, others = (
        [w for w in warm if w["ticket"] == CHURN],
        [w for w in warm if w["ticket"] != CHURN],
    )
    rest = [w["wall"] - w["dbt"] for w in warm]
    everything = max(peak, *(r.peak_mb for r in cold + kept))
    lines = [
        "# Overhead of a replay\n",
        f"{machine()}. {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC. `{command}`\n",
        f"Ticket {CHURN} on the example. Seconds are medians; memory is the peak of all processes.\n",
        row("fresh process", "wall s", "range", "CPU s", "peak MB", "runs"), row(*["---"] * 6),
        spent_row("replay, empty state", cold), spent_row("replay, kept state", kept),
        spent_row("`import crewai`", crewai), spent_row("`dbt build`, no parse cache", dbt),
        spent_row("`dbt build`, parse cache", cached),
        "", row("wanted", "found", ""), row(*["---"] * 3),
        verdict("cold ≤ 1.3 × (import crewai + dbt build)", walls[0] / (walls[2] + walls[3]), 1.3, "×"),
        verdict("the same, kept state and parse cache", walls[1] / (walls[2] + walls[4]), 1.3, "×"),
        verdict("warm, all that is not dbt, median < 0.5 s", median(rest), 0.5, "s"),
        verdict("the slowest of them", max(rest), 0.5, "s"),
        verdict("memory < 1500 MB", everything, 1500, "MB"),
        "", row("opening a workplace, empty state", "s"), row("---", "---"),
        row("import of what is light", found["import light"]), row("opening, whole", found["opening"]),
        *[row(f"in it: {k}", found[k]) for k in ("import agents", "import memory")],
        *[row(f"in it, beside the imports: dbt worker, {k}", v) for k, v in found["calls"].items()],
        row("first request", first["wall"]),
        "", row("warm", "requests", "wall s", "dbt s", "not dbt s", "CPU s of this process"),
        row(*["---"] * 6), warm_row("other tickets", others), warm_row("the same ticket again", same),
        "", row("warm: where it goes (medians)", "s"), row("---", "---"),
        *[row(f"dbt worker: {k}", v) for k, v in medians(warm, "calls")],
        *[row(f"not dbt: {k}", v) for k, v in medians(warm, "steps")],
        f"\nWarm requests together: peak {peak:.0f} MB, of which the dbt worker {worker:.0f} MB.",
        f"Outcomes: {', '.join(sorted({w['outcome'] for w in found['warm']}))}.\n",
    ]  # fmt: skip
    return "\n".join(lines)


def verdict(wanted: str, value: float, limit: float, unit: str) -> str:
    return row(wanted, f"{value:.2f} {unit}", "yes" if value <= limit else "**no**")


def warm_row(name: str, runs: list[dict[str, Any]]) -> str:
    dbt = [r["dbt"] for r in runs]
    rest = [r["wall"] - r["dbt"] for r in runs]
    wall, cpu = [r["wall"] for r in runs], [r["cpu"] for r in runs]
    return row(name, len(runs), median(wall), median(dbt), median(rest), median(cpu))


def medians(runs: list[dict[str, Any]], kind: str) -> list[tuple[str, float]]:
    names = {name for run in runs for name in run[kind]}
    found = [(n, median([r[kind].get(n, 0.0) for r in runs])) for n in names]
    return sorted(found, key=lambda pair: -pair[1])


def machine() -> str:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    load = os.getloadavg()[0]
    cores = os.cpu_count()
    return (
        f"{cores} cores ({cpu}), load {load:.1f} at the start, Python {platform.python_version()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--profile", default="", help="cProfile's numbers of a warm request")
    parser.add_argument("--child", nargs=2, metavar=("PROJECT", "STATE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        project, state = given.child
        split(project, state, given.repeat, given.profile)
        return
    with tempfile.TemporaryDirectory(prefix="firstmile-bench-") as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, str(ROOT / "examples/demo.py"), str(folder)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        command = f"python bench/overhead.py --repeat {given.repeat}"
        text = report(Bench(folder, given.repeat), command, given.profile)
    print(text)
    if given.write:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
