"""One fake for each port of `crew.ports`: small, scripted, remembering what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from crew.artifacts import (
    ChangeSet,
    Check,
    ColumnDoc,
    Cost,
    DocSet,
    DraftModel,
    Evidence,
    FileChange,
    Finding,
    GenericTest,
    GlossaryTerm,
    Grounding,
    Jotting,
    JottingKind,
    MemoryKind,
    ModelDoc,
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
    files_digest,
)
from crew.ports import Recall, Rows

T = TypeVar("T")

NO_ROWS = Rows((), ())
FREE = Cost()
NO_REUSE = Reuse()
EVIDENCE = Evidence(project="shop", dialect="duckdb")
RULE = Grounding(source="rule", text="fake")
SPEC = RequirementSpec(kind="new_model", model="fct_orders_weekly", question="Orders per week?")
DRAFT = ModelDraft(
    models=(DraftModel(name="fct_orders_weekly", path="models/fct_orders_weekly.sql", sql="1"),)
)
SUITE = TestSuite(generic=(GenericTest(model="fct_orders_weekly", column="week", test="unique"),))
COLUMN = ColumnDoc(name="week", description="First day of the week.", grounding=RULE)
DOCS = DocSet(models=(ModelDoc(model="fct_orders_weekly", description="-", columns=(COLUMN,)),))
FILES = (FileChange(path="models/fct_orders_weekly.sql", text="select 1\n", action="create"),)
PASSED = Check(name="dbt build", status="passed")
REQUEST = Request(source="file", key="DATA-1", title="Orders per week", body="Please.")


def script(values: Sequence[T], turn: int) -> T:
    """The value of that turn; the last one again once they are used up."""
    return values[min(turn, len(values) - 1)]


@dataclass
class FakeWarehouse:
    """Answers every query with the same rows."""

    answer: Rows = NO_ROWS
    asked: list[str] = field(default_factory=list)

    def query(self, sql: str, limit: int = 1000) -> Rows:
        self.asked.append(sql)
        return Rows(self.answer.columns, self.answer.rows[:limit])


@dataclass
class FakeRecall:
    known: Sequence[Precedent] = ()
    agreed: Sequence[GlossaryTerm] = ()
    remembered: list[tuple[str, Outcome]] = field(default_factory=list)

    def recollect(self, request: Request) -> Recollection:
        return Recollection(precedents=tuple(self.known))

    def recall(
        self, text: str, kinds: Sequence[MemoryKind] = (), limit: int = 5
    ) -> Sequence[Precedent]:
        return self.known[:limit]

    def terms(self) -> Sequence[GlossaryTerm]:
        return self.agreed

    def remember(self, request: Request, outcome: Outcome) -> None:
        self.remembered.append((request.key, outcome))


@dataclass
class FakeScratchpad:
    jottings: list[Jotting] = field(default_factory=list)
    saved: int = 0

    def jot(self, kind: JottingKind, step: str, text: str, reason: str = "") -> None:
        self.jottings.append(Jotting(kind=kind, step=step, text=text, reason=reason))

    def settle(self, how: str) -> None:
        self.jottings = [
            j.model_copy(update={"settled": how}) if j.kind == "finding" else j
            for j in self.jottings
        ]

    def save(self) -> None:
        self.saved = len(self.jottings)


@dataclass
class FakeEvidence:
    evidence: Evidence = EVIDENCE

    def gather(self, request: Request, recall: Recall) -> Evidence:
        return self.evidence


@dataclass
class FakeAgents:
    """Each task answers its script, turn by turn; `asked` holds (task, finding) in order."""

    specs: Sequence[RequirementSpec] = (SPEC,)
    drafts: Sequence[ModelDraft] = (DRAFT,)
    suites: Sequence[TestSuite] = (SUITE,)
    docs: Sequence[DocSet] = (DOCS,)
    choice: str = ""
    unasked: list[str] = field(default_factory=list)
    cost_per_task: Cost = FREE
    asked: list[tuple[str, Finding | None]] = field(default_factory=list)
    previous: list[ModelDraft | TestSuite | None] = field(default_factory=list)

    def interpret(
        self, request: Request, evidence: Evidence, finding: Finding | None
    ) -> RequirementSpec:
        return script(self.specs, self._turn("interpret", finding))

    def synthesize(
        self,
        spec: RequirementSpec,
        evidence: Evidence,
        previous: ModelDraft | None,
        finding: Finding | None,
    ) -> ModelDraft:
        self.previous.append(previous)
        return script(self.drafts, self._turn("synthesize", finding))

    def write_tests(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        evidence: Evidence,
        previous: TestSuite | None,
        finding: Finding | None,
    ) -> TestSuite:
        self.previous.append(previous)
        return script(self.suites, self._turn("test", finding))

    def document(
        self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence, finding: Finding | None
    ) -> DocSet:
        return script(self.docs, self._turn("document", finding))

    def decide(self, question: str, choices: Sequence[str], facts: str, draft: str) -> str:
        self._turn("decide", None)
        return self.choice or draft

    def cost(self) -> Cost:
        one, times = self.cost_per_task, len(self.asked)
        return sum([one] * times, Cost())

    def takes_back(self) -> bool:
        return bool(self.unasked and self.unasked.pop())

    def can_try_otherwise(self, finding: Finding) -> bool:
        return finding.times == 1

    def _turn(self, task: str, finding: Finding | None) -> int:
        turn = sum(name == task for name, _ in self.asked)
        self.asked.append((task, finding))
        return turn


@dataclass
class FakeVerifier:
    """`verdicts` are the checks of each validation in turn."""

    verdicts: Sequence[Sequence[Check]] = ((PASSED,),)
    written: tuple[FileChange, ...] = FILES
    runs: int = 0

    def files(
        self, draft: ModelDraft, tests: TestSuite, docs: DocSet, evidence: Evidence
    ) -> tuple[FileChange, ...]:
        return self.written

    def verify(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        tests: TestSuite,
        evidence: Evidence,
        files: tuple[FileChange, ...],
    ) -> ValidationReport:
        checks = tuple(script(self.verdicts, self.runs))
        self.runs += 1
        return ValidationReport(files=files_digest(files), checks=checks)


@dataclass
class FakeHost:
    """Branches in memory; the same change again is the same pull request."""

    made: dict[str, PullRequest] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def find_pull_request(self, branch: str) -> PullRequest | None:
        found = self.made.get(branch)
        return found and found.model_copy(update={"created": False})

    def ensure_pull_request(self, change: ChangeSet, text: str) -> PullRequest:
        known = self.find_pull_request(change.branch)
        made = PullRequest(
            branch=change.branch,
            base=change.base,
            commit=change.report.files[:40],
            location=f"fake://{change.branch}",
            created=known is None,
        )
        self.made[change.branch] = made
        self.texts.append(text)
        return made

    def verdict(self, change: ChangeSet) -> Verdict:
        return Verdict(state="open" if change.branch in self.made else "gone")


@dataclass
class FakeListener:
    """The steps as they were told; each must end before the next begins."""

    steps: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    def step_started(self, name: str) -> None:
        assert len(self.steps) == len(self.found), "a step began inside another"
        self.steps.append(name)

    def delivering(self, branch: str) -> None:
        assert branch

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        assert name == self.steps[-1]
        self.found.append(found)
        self.costs.append(cost)


@dataclass
class FakeRunStep:
    """Runs a step unless its result is `stored` already."""

    stored: dict[str, object] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def __call__(self, name: str, type_: type[T], function: Callable[[], T]) -> T:
        known = self.stored.get(name)
        if isinstance(known, type_):
            return known
        self.ran.append(name)
        result = function()
        self.stored[name] = result
        return result


@dataclass
class FakeReuseJudge:
    verdict: Reuse = NO_REUSE

    def judge(self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> Reuse:
        return self.verdict


@dataclass
class FakeWriter:
    branch: str = "firstmile/data-1"
    base_commit: str = "0" * 40

    def seal(
        self,
        request: Request,
        spec: RequirementSpec,
        files: tuple[FileChange, ...],
        report: ValidationReport,
    ) -> ChangeSet:
        return ChangeSet(
            files=files,
            message=f"Add {spec.model}\n\nFirstmile-Request: {request.key}\n",
            branch=self.branch,
            base="main",
            base_commit=self.base_commit,
            title=request.title,
            report=report,
        )

    def text(
        self,
        request: Request,
        spec: RequirementSpec,
        draft: ModelDraft,
        report: ValidationReport,
        tests: TestSuite,
        evidence: Evidence,
        cost: Cost,
    ) -> str:
        notes = "".join(f"- {note}\n" for note in spec.notes)
        return f"# {request.title}\n{notes}"


@dataclass(frozen=True)
class FakeDocumentedModel:
    key: str
    unique_id: str
    description: str = ""
    path: str = ""
    columns: tuple[str, ...] = ()
