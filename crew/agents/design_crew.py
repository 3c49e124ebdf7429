"""The crew: five agents with one task each, drafts in, proposals out.

Rules draft first. A language model is asked where the routing says so, for what it would have otherwise
in the draft; its answer is a pydantic value and passes a guardrail whose message is the correction.
What results is believed by nobody until verification has run it.
"""

from __future__ import annotations

from collections.abc import Sequence

from crew.agents.advice import Advice, advice_problem, sources, take
from crew.agents.answers import (
    Decision,
    Described,
    FurtherTests,
    Mended,
    Review,
    denied,
    described,
    description_problem,
    doubted,
    further_tests,
    further_tests_problem,
    mended,
    mending_problem,
    review_problem,
)
from crew.agents.guardrails import docs_problem, draft_problem, spec_problem, tests_problem
from crew.agents.prompt_text import (
    columns_text,
    docs_text,
    fenced,
    models_text,
    questions_text,
    relations_text,
    request_text,
    sources_text,
    specification_text,
    tests_text,
)
from crew.agents.task_runner import TaskRunner
from crew.artifacts import (
    Cost,
    Dimension,
    DocSet,
    Evidence,
    Filter,
    Finding,
    Metric,
    ModelDraft,
    PastAnswer,
    Request,
    RequirementSpec,
    TestSuite,
)
from crew.drafting.engine import DraftingEngine
from crew.errors import NoValidAnswer

_SURE = 0.9
"""A specification whose every element is grounded as firmly is not read a second time."""


class DesignCrew:
    """Agents of the port `crew.ports.Agents`, on CrewAI: what each task is about."""

    def __init__(self, engine: DraftingEngine, runner: TaskRunner) -> None:
        self._engine, self._runner = engine, runner

    def cost(self) -> Cost:
        """All calls so far, failed ones included."""
        return self._runner.ledger.cost

    def can_try_otherwise(self, finding: Finding) -> bool:
        """Whether a further attempt at what was found again may differ from the last: tests are left out
        by rule, whatever the model of the dbt project is by then; the rest a stronger one mends."""
        more = finding.blame == "tests" or self._runner.has_stronger
        return finding.times <= 1 + more

    def takes_back(self) -> bool:
        """Whether a language model changed what nothing was wrong with; from then on it does not."""
        return self._runner.takes_back()

    # --- the five tasks ----------------------------------------------------------------------

    def interpret(
        self, request: Request, evidence: Evidence, finding: Finding | None
    ) -> RequirementSpec:
        """By rule; a language model is asked about what the rules leave open, and reads once more
        what they are not sure of. It specifies nothing."""
        spec = self._engine.spec(request, evidence)
        if spec.questions:
            spec = self._advised(spec, request, evidence)
        elif spec.kind not in {"refuse", "nothing"}:
            spec = self._reviewed(spec, request, finding)
        problem = "" if spec.kind == "edit" else spec_problem(spec, request, evidence)
        if problem:
            raise NoValidAnswer(f"The request could not be specified: {problem}")
        return spec

    def _advised(
        self, spec: RequirementSpec, request: Request, evidence: Evidence
    ) -> RequirementSpec:
        """The specification with what a language model finds to settle its questions."""
        known = sources(request, evidence)
        texts = {
            "sources": sources_text(spec.questions, evidence),
            "questions": questions_text(spec.questions),
            "request": request_text(request),
        }

        def guard(advice: Advice) -> str:
            return advice_problem(advice, spec.questions, known)

        why = f"rules left {len(spec.questions)} questions open"
        advice = self._runner.run("advise", texts, Advice(), guard, None, why)
        if not advice.answers:
            return spec  # people are asked, as without a model

        def read(asked: Request, told: Sequence[PastAnswer]) -> RequirementSpec:
            return self._engine.spec(asked, evidence, told)

        return take(spec, advice, self._runner.answered_by("interpreter"), known, read, request)

    def _reviewed(
        self, spec: RequirementSpec, request: Request, finding: Finding | None
    ) -> RequirementSpec:
        """The specification with a question for each doubt that a second reader has."""
        if (shared := denied(spec, request)).questions:
            return shared
        texts = {"specification": specification_text(spec), "request": request_text(request)}
        why = f"the check “{finding.check}” found something" if finding else ""
        why = why or ("rules are not sure of all they read" if _is_unsure(spec) else "")

        def guard(review: Review) -> str:
            return review_problem(review, request)

        review = self._runner.run("review", texts, Review(), guard, finding, why)
        return doubted(spec, review, request, self._runner.answered_by("interpreter"))

    def synthesize(
        self,
        spec: RequirementSpec,
        evidence: Evidence,
        previous: ModelDraft | None,
        finding: Finding | None,
    ) -> ModelDraft:
        if spec.kind == "edit":
            return self._engine.model(spec, evidence)
        mends = (
            previous is not None and finding is not None and self._runner.has_model("synthesizer")
        )
        draft = previous if previous and mends else self._engine.model(spec, evidence)
        texts = {
            "dialect": evidence.dialect,
            "relations": relations_text(draft, evidence),
            "specification": specification_text(spec),
            "models": models_text(draft),
        }

        def guard(answer: Mended) -> str:
            problem = mending_problem(answer, draft)
            return problem or draft_problem(mended(draft, answer), spec, evidence)

        return mended(draft, self._runner.run("synthesize", texts, Mended(), guard, finding))

    def write_tests(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        evidence: Evidence,
        previous: TestSuite | None,
        finding: Finding | None,
    ) -> TestSuite:
        suite = self._engine.tests(spec, draft, evidence, previous, finding)
        texts = {
            "specification": specification_text(spec),
            "models": columns_text(draft),
            "tests": tests_text(suite),
        }

        def guard(answer: FurtherTests) -> str:
            problem = further_tests_problem(answer)
            return problem or tests_problem(further_tests(suite, answer), draft, evidence)

        return further_tests(
            suite, self._runner.run("write_tests", texts, FurtherTests(), guard, None)
        )

    def document(
        self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence, finding: Finding | None
    ) -> DocSet:
        docs = self._engine.docs(spec, draft, evidence)
        texts = {"specification": specification_text(spec), "texts": docs_text(docs)}

        def guard(answer: Described) -> str:
            problem = description_problem(answer, docs)
            return problem or docs_problem(described(docs, answer, ""), draft)

        answer = self._runner.run("document", texts, Described(), guard, finding)
        return described(docs, answer, self._runner.answered_by("documenter"))

    def decide(self, question: str, choices: Sequence[str], facts: str, draft: str) -> str:
        """The planner's choice where more than one step is legal; by rule without a model."""
        texts = {
            "question": fenced(question),
            "choices": ", ".join(choices),
            "facts": fenced(facts),
            "draft": draft,
        }

        def guard(decision: Decision) -> str:
            return "" if decision.choice in choices else f"Choose one of {', '.join(choices)}."

        proposal = Decision(choice=draft, reason="by rule")
        why = "more than one step is legal"
        return self._runner.run("decide", texts, proposal, guard, None, why).choice


def _is_unsure(spec: RequirementSpec) -> bool:
    """Whether something in a specification was read with less than full confidence."""
    elements: list[Metric | Dimension | Filter] = [*spec.metrics, *spec.dimensions, *spec.filters]
    return any(e.grounding.confidence < _SURE for e in elements)
