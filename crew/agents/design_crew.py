"""The crew: five agents, one small sequential crew for each task, drafts in, proposals out.

Each answer is a pydantic value and passes a guardrail whose message is the correction; what it
says is believed by nobody until verification has run it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from crewai import Agent, BaseLLM, Crew, Process, Task
from crewai.tools import BaseTool
from crewai.utilities.task_output_storage_handler import TaskOutputStorageHandler
from pydantic import BaseModel, ConfigDict, ValidationError

from crew.agents.advice import Advice, advice_problem, sources, take
from crew.agents.guardrails import docs_problem, draft_problem, spec_problem, tests_problem
from crew.agents.llm import DraftingLLM
from crew.agents.prompt_text import (
    evidence_text,
    fenced,
    finding_text,
    questions_text,
    request_text,
    sources_text,
)
from crew.agents.tools import LookUpRelation, ProfileColumn, RecallPrecedents, TryDraft
from crew.artifacts import (
    Cost,
    DocSet,
    Evidence,
    Finding,
    ModelDraft,
    PastAnswer,
    Request,
    RequirementSpec,
    TestSuite,
)
from crew.drafting.engine import DraftingEngine
from crew.errors import InvalidSettings, NoValidAnswer
from crew.ports import Recall, Warehouse

ROLES = ("planner", "interpreter", "synthesizer", "tester", "documenter")
MAX_CORRECTIONS = 2

_KEY = re.compile(r"api[_ ]?key|unauthorized|authentication|\b401\b", re.I)

V = TypeVar("V", bound=BaseModel)
Guard = Callable[[Any], str]


class _NoStorage(TaskOutputStorageHandler):
    """Keeps no task outputs: the run store does, and CrewAI's would be shared by all runs."""

    def __init__(self) -> None:
        pass

    def update(self, task_index: int, log: dict[str, Any]) -> None:
        return None

    def reset(self) -> None:
        return None


class Decision(BaseModel):
    """One of the choices, and why."""

    model_config = ConfigDict(extra="forbid")
    choice: str
    reason: str


class DesignCrew:
    """Agents of the port `crew.ports.Agents`, on CrewAI.

    `llms` holds one LLM per role, `prices` USD per million (prompt, completion) tokens per role;
    `config` is the folder with agents.yaml and tasks.yaml.
    """

    def __init__(
        self,
        config: Path,
        llms: dict[str, BaseLLM],
        engine: DraftingEngine,
        warehouse: Warehouse | None = None,
        recall: Recall | None = None,
        prices: dict[str, tuple[float, float]] | None = None,
    ) -> None:
        self._agents, self._tasks = _prose(config)
        self._llms, self._engine = llms, engine
        self._warehouse, self._recall = warehouse, recall
        self._prices = prices or {}

    def cost(self) -> Cost:
        """All calls so far, failed ones included, as each LLM counted them."""
        total = Cost()
        for role, llm in self._llms.items():
            if self._drafts(role):
                continue
            usage = llm.get_token_usage_summary()
            prompt, completion = self._prices.get(role, (0.0, 0.0))
            usd = (usage.prompt_tokens * prompt + usage.completion_tokens * completion) / 1_000_000
            total = Cost(
                llm_calls=total.llm_calls + usage.successful_requests,
                prompt_tokens=total.prompt_tokens + usage.prompt_tokens,
                completion_tokens=total.completion_tokens + usage.completion_tokens,
                usd=total.usd + usd,
            )
        return total

    # --- the five tasks ----------------------------------------------------------------------

    def interpret(
        self, request: Request, evidence: Evidence, finding: Finding | None
    ) -> RequirementSpec:
        """By rule; a language model is asked about what the rules leave open, and no more."""
        spec = self._engine.spec(request, evidence)
        if spec.questions and not self._drafts("interpreter"):
            spec = self._advised(spec, request, evidence)
        if spec.kind == "edit":
            return spec

        def guard(value: RequirementSpec) -> str:
            return spec_problem(value, request, evidence)

        texts = {"request": request_text(request), "evidence": evidence_text(evidence)}
        return self._run("interpret", texts, spec, RequirementSpec, guard, finding, evidence)

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

        try:
            advice = self._run("advise", texts, Advice(), Advice, guard, None, None, ask=True)
        except NoValidAnswer:
            return spec  # people are asked, as without a model
        model = str(self._llms["interpreter"].model)

        def read(asked: Request, told: Sequence[PastAnswer]) -> RequirementSpec:
            return self._engine.spec(asked, evidence, told)

        return take(spec, advice, model, known, read, request)

    def synthesize(
        self,
        spec: RequirementSpec,
        evidence: Evidence,
        previous: ModelDraft | None,
        finding: Finding | None,
    ) -> ModelDraft:
        if spec.kind == "edit":
            return self._engine.model(spec, evidence)
        draft = (
            previous
            if previous and finding and not self._drafts("synthesizer")
            else self._engine.model(spec, evidence)
        )
        texts = {"specification": _json(spec), "evidence": evidence_text(evidence)}

        def guard(proposal: ModelDraft) -> str:
            return draft_problem(proposal, spec, evidence)

        return self._run("synthesize", texts, draft, ModelDraft, guard, finding, evidence)

    def write_tests(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        evidence: Evidence,
        previous: TestSuite | None,
        finding: Finding | None,
    ) -> TestSuite:
        suite = self._engine.tests(spec, draft, evidence, previous, finding)
        texts = {"specification": _json(spec), "model": _json(draft)}

        def guard(proposal: TestSuite) -> str:
            return tests_problem(proposal, draft, evidence)

        return self._run("write_tests", texts, suite, TestSuite, guard, finding, None)

    def document(
        self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence, finding: Finding | None
    ) -> DocSet:
        docs = self._engine.docs(spec, draft, evidence)
        texts = {"specification": _json(spec), "model": _json(draft)}

        def guard(proposal: DocSet) -> str:
            return docs_problem(proposal, draft)

        return self._run("document", texts, docs, DocSet, guard, finding, None)

    def decide(self, question: str, choices: Sequence[str], facts: str, draft: str) -> str:
        texts = {
            "question": fenced(question),
            "choices": ", ".join(choices),
            "facts": fenced(facts),
        }

        def guard(decision: Decision) -> str:
            return "" if decision.choice in choices else f"Choose one of {', '.join(choices)}."

        proposal = Decision(choice=draft, reason="by rule")
        return self._run("decide", texts, proposal, Decision, guard, None, None, ask=True).choice

    # --- one task ----------------------------------------------------------------------------

    def _drafts(self, role: str) -> bool:
        return isinstance(self._llms[role], DraftingLLM)

    def _run(
        self,
        name: str,
        texts: dict[str, str],
        draft: V,
        type_: type[V],
        guard: Guard,
        finding: Finding | None,
        evidence: Evidence | None,
        ask: bool = False,
    ) -> V:
        """One task; a wrong form is asked for again with the exact correction. A draft that is right
        by form, and in which no check found anything, is not shown to a language model."""
        role = self._tasks[name]["agent"]
        llm = self._llms[role]
        if not (ask or finding or self._drafts(role) or guard(draft)):
            return draft
        texts = {**texts, "finding": finding_text(finding), "draft": _json(draft)}
        if isinstance(llm, DraftingLLM):
            llm.propose(draft.model_dump_json())
        correction = ""
        for _ in range(1 + MAX_CORRECTIONS):
            task = self._task(
                name, {**texts, "finding": texts["finding"] + correction}, type_, guard, evidence
            )
            try:
                crew = Crew(
                    agents=[task.agent] if task.agent else [],
                    tasks=[task],
                    process=Process.sequential,
                    verbose=False,
                )
                crew._task_output_handler = _NoStorage()  # else five SQLite commits a task
                output: Any = crew.kickoff()
                if isinstance(output.pydantic, type_):
                    return output.pydantic
                return type_.model_validate_json(_object(output.raw))
            except ValidationError as error:
                correction = f"\nYour last answer did not fit the schema: {error.errors()[:3]}\n"
            except Exception as error:  # CrewAI raises a bare Exception once its guardrail gave up
                if _KEY.search(str(error)):
                    raise InvalidSettings(
                        f"The {role}'s LLM {llm.model!r} refused: {str(error).splitlines()[0][:300]}",
                        "Export the provider's key in the environment, or use --llm drafting.",
                    ) from error
                correction = f"\nYour last answer was refused: {str(error)[:1000]}\n"
        raise NoValidAnswer(
            f"The {role} gave no usable answer to {name!r}: {correction.strip()}",
            "Try another LLM for this agent (settings `agents`), or --llm drafting.",
        )

    def _task(
        self,
        name: str,
        texts: dict[str, str],
        type_: type[V],
        guard: Guard,
        evidence: Evidence | None,
    ) -> Task:
        config = self._tasks[name]
        role = config["agent"]
        prose = self._agents[role]
        agent = Agent(
            role=prose["role"],
            goal=prose["goal"],
            backstory=prose["backstory"],
            llm=self._llms[role],
            tools=self._tools(role, evidence),
            allow_delegation=False,
            max_retry_limit=0,
            verbose=False,
        )

        def judge(output: Any) -> tuple[bool, Any]:
            value = output.pydantic
            if not isinstance(value, type_):
                try:
                    value = type_.model_validate_json(_object(output.raw))
                except ValidationError as error:
                    return False, f"The answer does not fit the schema: {error.errors()[:3]}"
            problem = guard(value)
            return (False, problem) if problem else (True, output.raw)

        judge.__annotations__.clear()  # CrewAI refuses annotations that are strings
        expected = config["expected_output"]
        if not self._drafts(role):
            expected += f"\nJSON schema: {json.dumps(type_.model_json_schema())}"
        return Task(
            name=name,
            description=_filled(config["description"], texts),
            expected_output=expected,
            agent=agent,
            output_pydantic=type_,
            guardrail=judge,
            guardrail_max_retries=MAX_CORRECTIONS,
        )

    def _tools(self, role: str, evidence: Evidence | None) -> list[BaseTool]:
        """Read-only tools; an LLM that only proposes the draft has no use for them."""
        if evidence is None or self._drafts(role):
            return []
        tools: list[BaseTool] = [LookUpRelation.over(evidence), ProfileColumn.over(evidence)]
        if role == "synthesizer":
            tools.append(TryDraft.over(evidence, self._warehouse))
        if self._recall is not None:
            tools.append(RecallPrecedents.over(self._recall))
        return tools


@cache
def _prose(config: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """agents.yaml and tasks.yaml, read once."""
    agents = yaml.safe_load((config / "agents.yaml").read_text("utf-8"))
    tasks = yaml.safe_load((config / "tasks.yaml").read_text("utf-8"))
    return agents, tasks


def _filled(template: str, texts: dict[str, str]) -> str:
    """Placeholders replaced in one pass, so that braces inside a text stay what they are."""
    return re.sub(r"\{(\w+)\}", lambda m: texts.get(m.group(1), m.group()), template)


def _object(text: str) -> str:
    """The outermost JSON object of an answer that may be wrapped in prose or a code fence."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _json(value: BaseModel) -> str:
    return fenced(value.model_dump_json(exclude_defaults=True))
