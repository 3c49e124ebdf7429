"""Killed at any step boundary and started again, a run ends as if nothing had happened."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from crew.artifacts import Cost, Delivered
from crew.assemble import Workplace, open_workplace
from crew.delivery.local_git_host import LocalGitHost
from crew.settings import load_settings
from tests.end_to_end.conftest import ROOT, TICKETS, Shop
from triggers.ticket_file import read_ticket_file

pytestmark = pytest.mark.xdist_group("kill")

TICKET = TICKETS / "jira_weekly_churn.json"
STEPS = [
    "recall",
    "interpret",
    "synthesize",
    "reuse",
    "test",
    "document",
    "write files",
    "validate",
]
POINTS = [f"{edge} {step}" for step in STEPS for edge in ("started", "finished")]
POINTS += ["started deliver", "branch written", "finished deliver"]
QUICK = {"branch written"}


@dataclass
class Watch:
    """The steps as they were told, with what they took."""

    seconds: dict[str, float] = field(default_factory=dict)

    def step_started(self, name: str) -> None: ...

    def delivering(self, branch: str) -> None:
        return None

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        self.seconds[name] = seconds


def git(folder: Path, *arguments: str) -> str:
    call = ["git", "-C", str(folder), *arguments]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()


def timeless(text: str) -> str:
    return re.sub(r"\b\d+(\.\d+)? (s|seconds)\b", "N s", text)


def die_at(point: str, project: Path, state: Path, warehouse: Path) -> None:
    """Start the program; it must be killed at `point`, and its dbt worker must end with it."""
    driver = str(Path(__file__).with_name("die_at.py"))
    environment = {**os.environ, "SHOP_WAREHOUSE": str(warehouse), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, driver, str(project), str(state), str(TICKET), point]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    end = time.monotonic() + 15
    while workers(state) and time.monotonic() < end:
        time.sleep(0.05)
    assert workers(state) == []


def workers(state: Path) -> list[int]:
    """Processes of the dbt worker that belong to this state folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any("dbt_worker_process" in w for w in words) and str(state) in " ".join(words):
            found.append(process.pid)
    return found


def steps_on_disk(state: Path) -> dict[str, tuple[int, bytes]]:
    """Stored steps in order: name → when they were written, and what."""
    files = sorted((state / "runs").glob("*/steps/*.json"))
    return {
        json.loads(f.read_bytes())["name"]: (f.stat().st_mtime_ns, f.read_bytes()) for f in files
    }


@pytest.fixture(scope="module")
def repository(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kill") / "repository"
    subprocess.run(["git", "clone", "-q", str(shop.repository), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def place(
    shop: Shop, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workplace]:
    """An open workplace on the repository; it resumes what another process began."""
    before = os.environ.get("SHOP_WAREHOUSE")
    os.environ["SHOP_WAREHOUSE"] = str(shop.warehouse)
    state = tmp_path_factory.mktemp("state")
    with open_workplace(load_settings(project=str(repository), state=state)) as opened:
        yield opened
    if before is None:
        del os.environ["SHOP_WAREHOUSE"]
    else:
        os.environ["SHOP_WAREHOUSE"] = before


@dataclass(frozen=True)
class Delivery:
    """What an undisturbed run gives."""

    branch: str
    tree: str
    message: str
    text: str


@pytest.fixture(scope="module")
def undisturbed(place: Workplace, repository: Path) -> Delivery:
    return delivered(place, repository, Watch())


def delivered(place: Workplace, repository: Path, watch: Watch) -> Delivery:
    """Work the ticket, look at what was delivered, and take the branch away again."""
    outcome, result = place.work(read_ticket_file(str(TICKET), io.BytesIO()), watch)
    assert isinstance(outcome, Delivered), result
    heads = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    assert sorted(heads) == sorted(["main", result["branch"]])
    assert git(repository, "rev-list", "--count", f"main..{result['branch']}") == "1"
    tip = git(repository, "rev-parse", result["branch"])
    assert result["commit"] == tip
    assert text_of(result) == outcome.text
    found = Delivery(
        branch=result["branch"],
        tree=git(repository, "rev-parse", f"{tip}^{{tree}}"),
        message=git(repository, "log", "-1", "--format=%an %ae %B", tip),
        text=timeless(outcome.text),
    )
    git(repository, "branch", "-q", "-D", result["branch"])
    return found


def text_of(result: dict[str, Any]) -> str:
    return Path(result["pull_request"]).read_text("utf-8")


@pytest.mark.parametrize(
    "point", [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in POINTS]
)
def test_a_run_killed_anywhere_ends_as_if_undisturbed(
    point: str,
    place: Workplace,
    undisturbed: Delivery,
    repository: Path,
    shop: Shop,
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    shutil.copytree(place.state / "cache", state / "cache")
    die_at(point, repository, state, shop.warehouse)
    before = steps_on_disk(state)
    assert list(before) == done_at(point)

    assert place.checkout.repository is not None
    host = LocalGitHost(place.checkout.repository, place.checkout.prefix, state)
    watch = Watch()
    again = delivered(replace(place, state=state, host=host), repository, watch)

    assert again == undisturbed
    after = steps_on_disk(state)
    assert list(after) == STEPS
    assert {name: after[name] for name in before} == before, "a finished step was run again"
    assert list(watch.seconds) == [*STEPS, "deliver"]
    assert sum(watch.seconds[name] for name in before) < 0.5
    assert [p.name for p in (state / "runs").iterdir()] == [
        p.name for p in (place.state / "runs").iterdir()
    ]


def done_at(point: str) -> list[str]:
    """The steps whose results are stored at a point."""
    edge, _, step = point.partition(" ")
    if step not in STEPS:
        return STEPS
    return STEPS[: STEPS.index(step) + (edge == "finished")]


@pytest.mark.slow
def test_the_program_goes_on_with_a_killed_run_on_a_bare_repository(
    shop: Shop, tmp_path: Path
) -> None:
    """The way of `make demo`: the project is an address, each start has a clone of its own."""
    bare, state = tmp_path / "shop.git", tmp_path / "state"
    subprocess.run(["git", "clone", "-q", "--bare", str(shop.repository), str(bare)], check=True)
    for ref in git(bare, "for-each-ref", "--format=%(refname)", "refs/heads/firstmile").split():
        git(bare, "update-ref", "-d", ref)
    die_at("started validate", bare, state, shop.warehouse)
    before = steps_on_disk(state)
    assert list(before) == STEPS[:-1]

    program = str(Path(sys.executable).parent / "firstmile")
    done = subprocess.run(
        [program, "replay", str(TICKET), "--project", str(bare), "--state", str(state), "--json"],
        env={**os.environ, "SHOP_WAREHOUSE": str(shop.warehouse)}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert git(bare, "rev-list", "--count", f"main..{result['branch']}") == "1"
    assert list((state / "work").iterdir()) == [], "what the killed process left was not swept"
    assert [p.name for p in (state / "runs").iterdir()] == [result["run"]]
    after = steps_on_disk(state)
    assert {name: after[name] for name in before} == before, "a finished step was run again"
