"""Joins everything: the one place that knows all adapters.

Opening takes seconds, most of it imports: the dbt worker warms up in its own process while CrewAI
is imported here.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter

from crew.artifacts import (
    ChangeSet,
    Cost,
    DocSet,
    Evidence,
    FileChange,
    GlossaryTerm,
    ModelCall,
    ModelDraft,
    Outcome,
    Request,
    RequirementSpec,
    Reuse,
    Rework,
    TestSuite,
    ValidationReport,
)
from crew.budget import Budget
from crew.catalog.checkout import open_project
from crew.catalog.conventions import conventions_in_words, mine_conventions
from crew.catalog.dbt_project import DbtProject
from crew.catalog.evidence import ProjectEvidence
from crew.catalog.test_habits import mine_habits
from crew.catalog.warehouse_profile import WarehouseProfile
from crew.catalog.wordings import mine_wordings
from crew.delivery.project_files import project_files
from crew.delivery.pull_request_template import fit, read_template
from crew.delivery.pull_request_text import (
    branch_name,
    commit_message,
    pull_request_summary,
    pull_request_text,
    pull_request_title,
)
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.engine import DraftingEngine
from crew.drafting.likeness import similar_columns
from crew.drafting.reuse import find_existing
from crew.errors import FirstmileError
from crew.language_models import Prices, price_table
from crew.planner import Planner
from crew.ports import Agents, Checkout, CodeHost, Durable, Listener, Recall, RunStep, Watch
from crew.records.recording import (
    RecordedRecall,
    Recording,
    RecordingHead,
    Replayed,
    resume_recording,
)
from crew.records.run_store import Run, RunStore, run_name
from crew.records.trace import traced
from crew.registry import code_host
from crew.result import result_of
from crew.settings import Settings, project_place
from crew.verification.checks import ProjectVerifier
from crew.verification.dbt_worker import DbtWorker
from crew.verification.fabrication_guard import fabrication_guard
from crew.verification.increment_proof import increments
from crew.verification.reconciliation import reconciliation
from crew.verification.row_ledger import row_ledger
from crew.verification.worker_values import ProjectInfo
from crew.workspace import first_missing, make_workspace, take_back
from memory.glossary import (
    docs_terms,
    find_glossary,
    read_glossary,
    semantic_terms,
    with_words,
)
from memory.redaction import redacted
from memory.scratchpad import Scratchpad

if TYPE_CHECKING:
    from crew.agents.ledger import Ledger

CONFIG = Path(__file__).parent / "config"
T = TypeVar("T")
_NEW = Rework()

# The settings on which the outcome of a request depends: others do not make another run of it.
_CONDITIONS = {
    "target", "to", "llm", "model", "stronger", "agents", "prices", "budget", "glossary", "calendar", "allow_env",
    "github",
}  # fmt: skip


@dataclass(frozen=True)
class Workplace:
    """An open project with everything warm; works one request after another."""

    settings: Settings
    checkout: Checkout
    worker: DbtWorker
    info: ProjectInfo
    project: DbtProject
    evidence: ProjectEvidence
    recall: Recall
    verifier: Verification
    host: CodeHost | None
    state: Path
    seconds: dict[str, float]
    indexed: tuple[int, int]
    view: ProjectView

    def work(
        self,
        request: Request,
        listener: Listener,
        rework: Rework = _NEW,
        durable: Durable | None = None,
        run_id: str = "",
        replayed: Replayed | None = None,
    ) -> tuple[Outcome, dict[str, Any]]:
        """Work one request. Returns the outcome and the JSON object of the run.

        Steps are kept in the run store; `durable` keeps their results elsewhere too. A `run_id`
        makes it a run of its own: nothing of an earlier one is taken over. A `replayed` recording
        stands in for language models and memory.
        """
        settings, store = self.settings, RunStore(self.state)
        conditions = (
            version(),
            settings.model_dump_json(include=_CONDITIONS),
            rework.model_dump_json(),
            run_id,
            *(t.model_dump_json() for t in self.recall.terms()),
            self.checkout.base_commit,
            project_place(settings),
        )
        name = run_name(request, *conditions)
        began = time.monotonic()
        from crew import learning

        learning.make_ready(self.recall, self.host, self.checkout, settings.memory.wait_seconds)
        with (
            store.open(name, request, anew=replayed is not None) as run,
            traced(settings.traces, name, request, listener, _watch, redacted) as trace,
        ):
            recording = self._recording(run, replayed)
            head = self._head(request, rework)
            recall = RecordedRecall(self.recall, recording, head, replayed)
            ledger = self._ledger(run, recording)
            agents, pad = self._agents(ledger), Scratchpad(run.keep_scratchpad)
            planner = Planner(
                evidence=self.evidence,
                recall=recall,
                agents=agents,
                reuse=WarehouseReuse(self.worker),
                verifier=self.verifier,
                writer=Writer(self.checkout, rework),
                host=self.host,
                listener=_Traced(trace.listener, run.trace, ledger),
                run_step=_kept_by(durable, run.step) if durable else run.step,
                scratchpad=pad,
            )
            outcome = planner.work(request, Budget(settings.budget), rework.finding)
            trace.ended(outcome)
            self.verifier.restore()
            result = result_of(name, request, outcome, agents.cost(), time.monotonic() - began)
            result["calls"] = [e["call"] for e in run.events("call")]
            run.finish(outcome, result)
            return outcome, result

    def _recording(self, run: Run, replayed: Replayed | None) -> Recording:
        """What is replayed, or goes on where an earlier attempt at the run was killed."""
        known = replayed or resume_recording(run.recording)
        calls = list(known.calls) if known else []
        return Recording(run.recording, calls, replayed is not None, redacted)

    def _head(self, request: Request, rework: Rework) -> RecordingHead:
        settings = self.settings
        chains = {**settings.models, "stronger": settings.stronger}
        return RecordingHead(
            request=request,
            commit=self.checkout.base_commit,
            routing=settings.llm,
            models={a: ", ".join(m.name for m in chain) for a, chain in chains.items() if chain},
            rework=rework,
        )

    def _ledger(self, run: Run, recording: Recording) -> Ledger:
        """Who counts the calls of language models in a run."""
        from crew.agents.ledger import Ledger

        settings = self.settings
        table = price_table(config_folder())

        def price(name: str) -> Prices | None:
            return settings.prices.get(name) or table.get(name)

        def tell(call: ModelCall) -> None:
            run.trace({"call": call.model_dump(mode="json")})

        return Ledger(settings.budget, recording, price, tell)

    def _agents(self, ledger: Ledger) -> Agents:
        from crew.agents.design_crew import DesignCrew
        from crew.agents.llm import choose_llms
        from crew.agents.task_runner import TaskRunner

        settings = self.settings
        chains = {**settings.models, "stronger": settings.stronger if settings.models else ()}
        llms = choose_llms(chains, ledger)
        stronger = llms.pop("stronger", None)
        engine = DraftingEngine(self.worker, self.view, similar_columns(self.recall))
        runner = TaskRunner(config_folder(), llms, ledger, settings.llm, stronger)
        return DesignCrew(engine, runner)


@contextmanager
def open_workplace(settings: Settings, commit: str = "") -> Iterator[Workplace]:
    """Open the project of the settings at its last commit, or the one given; everything temporary
    is gone afterwards.

    Raises the errors of `crew.errors` for whatever cannot be used.
    """
    state = settings.state.expanduser().resolve()
    made = first_missing(state)
    workspace = make_workspace(state)
    worker = DbtWorker(workspace / "home", settings.dbt_timeout_seconds, settings.allow_env)
    closing: Recall | None = None
    try:
        worker.start()
        with ThreadPoolExecutor(1) as pool:
            checkout = open_project(settings.project, settings.subfolder, workspace, commit)
            host = code_host(settings, checkout, state)
            opening = pool.submit(_open, worker, settings, checkout, workspace, state)
            seconds = _warm_up(state)
            info, project, names = opening.result()
        place = _workplace(settings, checkout, worker, info, project, names, host, state, seconds)
        closing = place.recall
        yield place
    except FirstmileError:
        worker.close()
        if not (state / "runs").exists():
            leave = (workspace, state / "crewai", state / "cache", state / ".gitignore")
            take_back(leave, made)
        raise
    finally:
        if closing is not None:
            _close(closing)
        worker.close()
        shutil.rmtree(workspace, ignore_errors=True)


def _close(recall: Recall) -> None:
    from crew import learning

    learning.close(recall)


def _open(
    worker: DbtWorker, settings: Settings, checkout: Checkout, workspace: Path, state: Path
) -> tuple[ProjectInfo, DbtProject, dict[str, str]]:
    key = hashlib.sha256(project_place(settings).encode()).hexdigest()[:12]
    cache = state / "cache" / key
    cache.mkdir(parents=True, exist_ok=True)
    profiles = settings.profiles_dir.expanduser().resolve() if settings.profiles_dir else None
    info = worker.open(
        checkout.folder, profiles, settings.target, checkout.origin, workspace / "scratch", cache
    )
    worker.ensure_built()
    parsed = worker.parse()
    return info, DbtProject.load(parsed.manifest), worker.relation_names()


def _warm_up(state: Path) -> dict[str, float]:
    """The slow imports of this process; seconds by name."""
    from crew.agents.crewai_environment import import_crewai

    began = time.monotonic()
    import_crewai(state / "crewai")
    import crew.agents.design_crew

    agents = time.monotonic()
    import crew.learning  # noqa: F401

    return {"import agents": agents - began, "import memory": time.monotonic() - agents}


def _workplace(
    settings: Settings,
    checkout: Checkout,
    worker: DbtWorker,
    info: ProjectInfo,
    project: DbtProject,
    names: dict[str, str],
    host: CodeHost | None,
    state: Path,
    seconds: dict[str, float],
) -> Workplace:
    conventions = mine_conventions(project, checkout.folder)
    tests_folder = info.test_paths[0] if info.test_paths else "tests"
    limit = settings.staging_incremental_rows
    conventions = conventions.model_copy(
        update={"tests_folder": tests_folder, "staging_incremental_rows": limit}
    )
    profile = WarehouseProfile(worker, names, info.dialect)
    habits, wordings = mine_habits(project), mine_wordings(project)
    terms, faults = read_terms(settings, checkout, project)
    evidence = ProjectEvidence(
        project, profile, conventions, info.dialect, habits, wordings, settings.calendar, faults
    )
    from crew import learning

    recall = learning.open_recall(settings, state, project_place(settings), terms, info.dialect)
    sentences = conventions_in_words(conventions)
    indexed = learning.index_project(recall, project, terms, sentences, evidence.habits)
    combination = conventions.unique_combination
    macros = [combination[0]] if combination else []
    extra = (reconciliation, increments, row_ledger, fabrication_guard)
    verifier = Verification(
        ProjectVerifier(worker, checkout.folder, info, extra, macros), checkout.folder
    )
    return Workplace(
        settings,
        checkout,
        worker,
        info,
        project,
        evidence,
        recall,
        verifier,
        host,
        state,
        seconds,
        indexed,
        project_view(checkout, info, project, profile, names),
    )


def project_view(
    checkout: Checkout,
    info: ProjectInfo,
    project: DbtProject,
    profile: WarehouseProfile,
    names: dict[str, str],
) -> ProjectView:
    """The project as edits of what exists need it."""

    def columns_of(unique_id: str) -> Sequence[tuple[str, str]]:
        relation = project.by_id.get(unique_id)
        return profile.columns_of(relation) if relation else ()

    writable = (*info.model_paths, *info.test_paths)
    return ProjectView(
        checkout.folder, project.name, info.dialect, project.manifest, columns_of, names, writable
    )


def read_terms(
    settings: Settings, checkout: Checkout, project: DbtProject
) -> tuple[tuple[GlossaryTerm, ...], tuple[str, ...]]:
    """Agreed words: the settings' glossary or the project's own, then its semantic layer; and words
    that are only explained, in its docs blocks and in catalogs, where no agreed one is called so.
    Beside them what people have to know of catalogs that cannot be read."""
    glossary = settings.glossary or find_glossary(checkout.folder)
    terms = read_glossary(glossary) if glossary else ()
    agreed = terms + semantic_terms(project.semantic_models, project.metrics)
    explained = docs_terms(project.docs_blocks)
    faults: tuple[str, ...] = ()
    if settings.glossaries:
        from crew.agents.mcp_glossary import read_glossaries

        folder = settings.state.expanduser().resolve() / "cache" / "glossaries"
        read, faults = read_glossaries(settings.glossaries, folder)
        explained += read
    return with_words(agreed, explained), faults


@dataclass(frozen=True)
class Verification:
    """The port `Verifier`: files by the delivery room, checks by the verification room."""

    checks: ProjectVerifier
    folder: Path

    def files(
        self, draft: ModelDraft, tests: TestSuite, docs: DocSet, evidence: Evidence
    ) -> tuple[FileChange, ...]:
        self.checks.restore()
        return project_files(self.folder, draft, tests, docs, evidence)

    def verify(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        tests: TestSuite,
        evidence: Evidence,
        files: tuple[FileChange, ...],
    ) -> ValidationReport:
        return self.checks.verify(spec, draft, tests, evidence, files)

    def restore(self) -> None:
        self.checks.restore()


@dataclass(frozen=True)
class WarehouseReuse:
    """The port `ReuseJudge`, by comparing every number in the warehouse."""

    worker: DbtWorker

    def judge(self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> Reuse:
        if spec.kind != "new_model" or not draft.models:
            return Reuse()
        found = find_existing(spec, draft.models[-1], evidence, self.worker)
        if found is None:
            return Reuse()
        return Reuse(
            model=found.model,
            explanation=found.explanation,
            exact=found.exact,
            extend=found.extend,
        )


@dataclass(frozen=True)
class Writer:
    """The port `PullRequestWriter`."""

    checkout: Checkout
    rework: Rework = _NEW

    def seal(
        self,
        request: Request,
        spec: RequirementSpec,
        files: tuple[FileChange, ...],
        report: ValidationReport,
    ) -> ChangeSet:
        return ChangeSet(
            files=files,
            message=commit_message(request, spec, self.rework.changed),
            branch=self.rework.branch or branch_name(request, spec),
            reopen=self.rework.reopen,
            base=self.checkout.base,
            base_commit=self.checkout.base_commit,
            title=pull_request_title(request, spec),
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
        text = pull_request_text(request, spec, draft, report, tests, evidence, cost)
        if self.checkout.repository is None:
            return text
        template = read_template(self.checkout.repository, self.checkout.base_commit)
        return fit(template, text, pull_request_summary(request, spec))


def _kept_by(durable: Durable, run_step: RunStep) -> RunStep:
    """Steps whose results `durable` keeps as JSON, beside the run store."""

    def step(name: str, type_: type[T], function: Callable[[], T]) -> T:
        adapter: TypeAdapter[T] = TypeAdapter(type_)
        stored = durable(name, lambda: adapter.dump_json(run_step(name, type_, function)).decode())
        return adapter.validate_json(stored)

    return step


@dataclass(frozen=True)
class _Traced:
    """A listener that also writes each finished step into the run's trace, and tells the ledger
    which one calls are made in."""

    listener: Listener
    trace: Any
    ledger: Ledger

    def step_started(self, name: str) -> None:
        self.ledger.step = name
        self.listener.step_started(name)

    def delivering(self, branch: str) -> None:
        self.listener.delivering(branch)

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        self.trace(
            {"step": name, "found": found, "seconds": round(seconds, 3), "cost": cost.model_dump()}
        )
        self.listener.step_finished(name, found, seconds, cost)


def _watch() -> Watch:
    from crew.agents.crew_events import watch

    return watch


def config_folder() -> Path:
    """The folder of agents.yaml and tasks.yaml: in the wheel, or at the top of the checkout."""
    return CONFIG if CONFIG.is_dir() else Path(__file__).parents[1] / "config"


def version() -> str:
    return metadata.version("firstmile")
