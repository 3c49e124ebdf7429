"""A crew that works in no time: the real planner and a real git repository, everything else faked."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from crew.artifacts import FileChange, Outcome, Request, Rework
from crew.budget import Budget, BudgetSettings
from crew.delivery.local_git_host import LocalGitHost
from crew.planner import Planner
from crew.ports import CodeHost, Durable, Listener
from crew.result import result_of
from tests import fakes

T = TypeVar("T")


def make_repository(folder: Path) -> Path:
    """A git repository with one commit; gives its path."""
    folder.mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: shop\n")

    def git(*words: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@firm.example")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "--detach")
    return folder


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class StubPlace:
    """An open project whose steps take `pause` seconds each."""

    repository: Path | None = None
    pause: float = 0.0
    worked: list[str] = field(default_factory=list)
    wrap: Callable[[CodeHost], CodeHost] = lambda host: host

    def work(
        self, request: Request, listener: Listener, rework: Rework, durable: Durable, run_id: str
    ) -> tuple[Outcome, dict[str, Any]]:
        text = f"select '{request.title}'\n"
        file = FileChange(path="models/fct_orders.sql", text=text, action="create")
        host: CodeHost | None = None
        writer = fakes.FakeWriter()
        if self.repository:
            head = git(self.repository, "rev-parse", "main")
            branch = rework.branch or f"firstmile/{request.key.lower()}"
            writer = fakes.FakeWriter(branch=branch, base_commit=head)
            host = self.wrap(LocalGitHost(self.repository, "", self.repository.parent / "prs"))

        def step(name: str, type_: type[T], function: Callable[[], T]) -> T:
            adapter: TypeAdapter[T] = TypeAdapter(type_)

            def run() -> str:
                self.worked.append(f"{request.key} {name}")
                time.sleep(self.pause)
                return adapter.dump_json(function()).decode()

            return adapter.validate_json(durable(name, run))

        agents = fakes.FakeAgents()
        planner = Planner(
            evidence=fakes.FakeEvidence(),
            recall=fakes.FakeRecall(),
            agents=agents,
            reuse=fakes.FakeReuseJudge(),
            verifier=fakes.FakeVerifier(written=(file,)),
            writer=writer,
            host=host,
            listener=listener,
            run_step=step,
            scratchpad=fakes.FakeScratchpad(),
        )
        outcome = planner.work(request, Budget(BudgetSettings()), rework.finding)
        return outcome, result_of("stub", request, outcome, agents.cost(), 0.1)


@dataclass
class StubProjects:
    place: StubPlace

    def head(self, project: str) -> str:
        return "c0ffee"

    @contextmanager
    def at(self, project: str, commit: str) -> Iterator[StubPlace]:
        yield self.place
