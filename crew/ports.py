"""What the planner asks of the world, as protocols in our own nouns.

No vendor's type stands in a signature here. Adapters are chosen by name in `crew.registry` and
joined in `crew.assemble`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from crew.artifacts import (
    ChangeSet,
    Cost,
    DocSet,
    Evidence,
    FileChange,
    Finding,
    GlossaryTerm,
    JottingKind,
    MemoryKind,
    ModelDraft,
    Outcome,
    Precedent,
    PullRequest,
    Recollection,
    Request,
    RequirementSpec,
    Reuse,
    TestSuite,
    ValidationReport,
    Verdict,
)

T = TypeVar("T")
See = Callable[["Happening"], None]
Watch = Callable[[See, Callable[[str], str] | None], Callable[[], None]]
"""Shows what agents do from now on, until the function it gives is called; by then all is shown.
What is said goes through the second function; without one it is not shown."""
Durable = Callable[[str, Callable[[], str]], str]
"""Gives the stored text of a named step, or runs the function and stores its text."""


@dataclass(frozen=True)
class Rows:
    """A query's answer: names, and rows of plain Python values in the same order."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Warehouse(Protocol):
    """Read-only questions to the data, asked through dbt's own connection."""

    def query(self, sql: str, limit: int = 1000) -> Rows:
        """Run one SELECT. Raises InvalidInput with the database's own words if it fails."""
        ...


class Recall(Protocol):
    """Long-term memory as the planner sees it. It advises only: no method raises."""

    def recollect(self, request: Request) -> Recollection:
        """What bears on a request: like models and requests, earlier answers, lessons."""
        ...

    def recall(
        self, text: str, kinds: Sequence[MemoryKind] = (), limit: int = 5
    ) -> Sequence[Precedent]:
        """What is like `text`, best first; nothing relevant means nothing returned."""
        ...

    def terms(self) -> Sequence[GlossaryTerm]:
        """All agreed business words of the project."""
        ...

    def remember(self, request: Request, outcome: Outcome) -> None:
        """Keep the outcome of a request. The same request again replaces it."""
        ...


class EvidenceSource(Protocol):
    """The project and its data, as seen from one request."""

    def gather(self, request: Request, recall: Recall) -> Evidence:
        """The bounded slice of catalog, glossary, precedents and conventions that matters."""
        ...


class Agents(Protocol):
    """The crew. Each method is one task; `finding` is what the last attempt got wrong."""

    def interpret(
        self, request: Request, evidence: Evidence, finding: Finding | None
    ) -> RequirementSpec: ...

    def synthesize(
        self,
        spec: RequirementSpec,
        evidence: Evidence,
        previous: ModelDraft | None,
        finding: Finding | None,
    ) -> ModelDraft: ...

    def write_tests(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        evidence: Evidence,
        previous: TestSuite | None,
        finding: Finding | None,
    ) -> TestSuite: ...

    def document(
        self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence, finding: Finding | None
    ) -> DocSet: ...

    def decide(self, question: str, choices: Sequence[str], facts: str, draft: str) -> str:
        """One of `choices`: asked where rules leave more than one legal step."""
        ...

    def takes_back(self) -> bool:
        """Whether changes of drafts that nothing was wrong with go, as a finding may be about them: the
        drafts are made once more, by rule."""
        ...

    def can_try_otherwise(self, finding: Finding) -> bool:
        """Whether a further attempt may differ from those that led to the same finding."""
        ...

    def cost(self) -> Cost:
        """What the language models have cost so far in this run."""
        ...


class Verifier(Protocol):
    """Proof, by running things. Nothing an agent says is believed."""

    def files(
        self, draft: ModelDraft, tests: TestSuite, docs: DocSet, evidence: Evidence
    ) -> tuple[FileChange, ...]:
        """The files of the change, existing ones edited in place."""
        ...

    def verify(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        tests: TestSuite,
        evidence: Evidence,
        files: tuple[FileChange, ...],
    ) -> ValidationReport:
        """All checks in order; later ones are skipped once one failed that they depend on."""
        ...


class CodeHost(Protocol):
    """Where branches and pull requests live. Writing twice gives what writing once gives."""

    def find_pull_request(self, branch: str) -> PullRequest | None: ...

    def ensure_pull_request(self, change: ChangeSet, text: str) -> PullRequest:
        """One branch, one commit for each content, one pull request. Commits of others on the
        branch are kept; raises HostRefused where they changed what this change would write."""
        ...

    def close_pull_request(self, branch: str, reason: str) -> bool:
        """Close the open pull request of the branch and say why, once; whether it was closed. One
        that others have worked on stays open. The branch is kept."""
        ...

    def verdict(self, change: ChangeSet) -> Verdict:
        """What became of a delivered change: open, merged, closed, or gone."""
        ...


class Listener(Protocol):
    """Whoever watches a run while it goes on."""

    def step_started(self, name: str) -> None: ...

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None: ...

    def delivering(self, branch: str) -> None:
        """The branch is about to be written."""
        ...


@dataclass(frozen=True)
class Happening:
    """What an agent or a call of a language model does inside a step: it begins, or it ends.

    `key` is that of both ends, `agent` that of the agent it happens under. `order` settles what
    happened at the same time. `facts` have the names of OpenTelemetry's conventions for GenAI;
    `error` is a kind of error, as they want it.
    """

    kind: Literal["agent", "chat"]
    key: str
    agent: str
    at: datetime
    order: int
    ends: bool = False
    name: str = ""
    facts: Mapping[str, str | int | float | bool | list[str]] = field(default_factory=dict)
    error: str = ""


class Scratchpad(Protocol):
    """Short-term memory: what the planner knows, decided and tried for one request."""

    def jot(self, kind: JottingKind, step: str, text: str, reason: str = "") -> None: ...

    def settle(self, how: str) -> None:
        """Close all open findings: they are mended."""
        ...

    def save(self) -> None:
        """Keep what is written down; called after each step."""
        ...


class RunStep(Protocol):
    """Runs a step durably: a name that ran before gives its stored result instead."""

    def __call__(self, name: str, type_: type[T], function: Callable[[], T]) -> T: ...


@dataclass(frozen=True)
class Checkout:
    """A private copy of a dbt project at one commit.

    `folder` is the copy of the dbt project, `origin` the folder it came from; `repository` is the
    git repository that holds it (None: not under git) and `prefix` the project's folder in it.
    """

    folder: Path
    origin: Path
    name: str
    repository: Path | None
    prefix: str
    base: str
    base_commit: str
    changed: tuple[str, ...] = ()


class ReuseJudge(Protocol):
    """Whether an existing model answers a specification."""

    def judge(self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> Reuse:
        """The model that has the same grain and numbers, nearly or exactly; empty if none."""
        ...


class PullRequestWriter(Protocol):
    """Seals a verified change and words its pull request."""

    def seal(
        self,
        request: Request,
        spec: RequirementSpec,
        files: tuple[FileChange, ...],
        report: ValidationReport,
    ) -> ChangeSet: ...

    def text(
        self,
        request: Request,
        spec: RequirementSpec,
        draft: ModelDraft,
        report: ValidationReport,
        tests: TestSuite,
        evidence: Evidence,
        cost: Cost,
    ) -> str: ...
