"""Runs one task of an agent: who is asked, for what reason, and until the answer has the right form.

Each task is a small sequential crew of one agent. Without a language model it is run all the same, by
one that answers that the draft stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from crewai import Agent, BaseLLM, Crew, Process, Task
from crewai.utilities.task_output_storage_handler import TaskOutputStorageHandler
from pydantic import ValidationError

from crew.agents.answers import AgentAnswer
from crew.agents.called_llm import CalledLLM
from crew.agents.failed_calls import CallFailed, NoAnswer
from crew.agents.ledger import Ledger
from crew.agents.llm import DraftingLLM, drafting_llm
from crew.agents.prompt_text import fenced, finding_text
from crew.artifacts import Finding
from crew.errors import BudgetExhausted, InvalidSettings, NoValidAnswer
from crew.language_models import Routing

MAX_CORRECTIONS = 2
_ADVICE = {"advise", "review", "decide"}
"""Tasks without which a request goes on, whatever was found."""

_KEY = re.compile(r"api[_ ]?key|unauthorized|authentication|\b401\b", re.I)

A = TypeVar("A", bound=AgentAnswer)


class _NoStorage(TaskOutputStorageHandler):
    """Keeps no task outputs: the run store does, and CrewAI's would be shared by all runs."""

    def __init__(self) -> None:
        pass

    def update(self, task_index: int, log: dict[str, Any]) -> None:
        return None

    def reset(self) -> None:
        return None


class TaskRunner:
    """`llms` holds an LLM per agent that has one, `stronger` the one that is asked where a finding comes
    back; `config` is the folder with agents.yaml and tasks.yaml."""

    def __init__(
        self,
        config: Path,
        llms: dict[str, BaseLLM],
        ledger: Ledger | None = None,
        routing: Routing = "auto",
        stronger: BaseLLM | None = None,
    ) -> None:
        self._agents, self._tasks = _prose(config)
        self._llms = {role: llms.get(role) or drafting_llm() for role in self._agents}
        self.ledger = ledger or Ledger()
        self._routing, self._stronger = routing, stronger
        self._unasked: set[str] = set()
        self._is_taken_back = False

    @property
    def has_stronger(self) -> bool:
        return self._stronger is not None

    def has_model(self, role: str) -> bool:
        return not isinstance(self._llms[role], DraftingLLM)

    def answered_by(self, role: str) -> str:
        """The model that answered last."""
        llm = self._llms[role]
        return llm.answered_by if isinstance(llm, CalledLLM) else str(llm.model)

    def takes_back(self) -> bool:
        """Whether what a language model changed, where nothing was wrong, is to go before anything is
        mended: the finding may be about that. From then on rules draft alone."""
        if not self._unasked:
            return False
        for name in sorted(self._unasked):
            self.ledger.skip(self._tasks[name]["agent"], name, "taken back, as a check failed")
        self._unasked.clear()
        self._is_taken_back = True
        return True

    def run(
        self,
        name: str,
        texts: dict[str, str],
        nothing: A,
        guard: Callable[[A], str],
        finding: Finding | None,
        why: str = "",
    ) -> A:
        """What an agent answers to a task: `nothing` leaves the draft as it is. Without a language
        model, and where the routing asks none, that is the answer; so it is where a model gives none
        and nothing is wrong with the draft."""
        role = self._tasks[name]["agent"]
        problem = guard(nothing)
        why = why or (f"the check “{finding.check}” found something" if finding else "")
        why = why or (f"the draft is not right: {problem}" if problem else "")
        llm = self._asked(role, name, why, finding)
        if isinstance(llm, DraftingLLM) and problem:
            raise NoValidAnswer(f"The draft of the {role} is not right: {problem}")
        try:
            answer = self._answer(name, texts, nothing, guard, finding, llm)
            if not why and answer != nothing and name not in _ADVICE:
                self._unasked.add(name)
            return answer
        except (NoValidAnswer, BudgetExhausted) as error:
            if problem or (finding and name not in _ADVICE):
                raise
            self.ledger.skip(role, name, f"goes on without: {error.message}")
            return nothing

    def _answer(
        self,
        name: str,
        texts: dict[str, str],
        nothing: A,
        guard: Callable[[A], str],
        finding: Finding | None,
        llm: BaseLLM,
    ) -> A:
        """One call when it goes well; a wrong form is asked for again with the exact correction."""
        role, told = self._tasks[name]["agent"], ""
        for _ in range(1 + MAX_CORRECTIONS):
            correction = f"\nYour last answer was refused: {fenced(told[:1000])}\n" if told else ""
            said = {**texts, "finding": finding_text(finding) + correction}
            task = self._task(name, said, nothing, guard, llm)
            try:
                crew = Crew(
                    agents=[task.agent] if task.agent else [],
                    tasks=[task],
                    process=Process.sequential,
                    verbose=False,
                )
                crew._task_output_handler = _NoStorage()  # else five SQLite commits a task
                output: Any = crew.kickoff()
                return type(nothing).model_validate_json(_object(output.raw))
            except Exception as error:
                if self.ledger.stop:
                    raise self.ledger.stop from error
                told = _told(error)
                if isinstance(error, NoAnswer):
                    if _KEY.search(told):
                        raise InvalidSettings(
                            f"The {role}'s language model refused: {told[:300]}",
                            "Export the provider's key in the environment, or use --llm none.",
                        ) from error
                    break
        raise NoValidAnswer(
            f"The {role} gave no usable answer to {name!r}: {told[:1000]}",
            "Try another language model for this agent (settings `agents`), or --llm none.",
        )

    def _asked(self, role: str, name: str, why: str, finding: Finding | None) -> BaseLLM:
        """Who is asked, and the reason told: the draft itself where no language model is."""
        llm = self._llms[role]
        if finding and finding.times > 1 and self._stronger is not None:
            llm, why = self._stronger, f"{why}, for the second time"
        if isinstance(llm, DraftingLLM):
            self.ledger.skip(role, name, "no language model is configured")
            return llm
        if why or (self._routing == "always" and not self._is_taken_back):
            self.ledger.begin(role, name, why or "every task is asked for")
            return llm
        self.ledger.skip(role, name, "the draft is right by form, and nothing was found in it")
        return drafting_llm()

    def _task(
        self,
        name: str,
        texts: dict[str, str],
        nothing: A,
        guard: Callable[[A], str],
        llm: BaseLLM,
    ) -> Task:
        config = self._tasks[name]
        prose = self._agents[config["agent"]]
        form = type(nothing)
        schema = json.dumps(form.model_json_schema(), separators=(",", ":"))
        agent = Agent(
            role=prose["role"],
            goal=prose["goal"],
            backstory=f"{prose['backstory']}\n{config['rules']}\nJSON schema of the answer: {schema}",
            llm=llm,
            allow_delegation=False,
            max_retry_limit=0,
            respect_context_window=False,  # else it counts tokens over the network before each call
            verbose=False,
        )
        if isinstance(llm, DraftingLLM):
            llm.propose(nothing.model_dump_json())

        def judge(output: Any) -> tuple[bool, Any]:
            try:
                problem = guard(form.model_validate_json(_object(output.raw)))
            except ValidationError as error:
                problem = f"it does not fit the schema: {error.errors()[:3]}"
            return (False, problem) if problem else (True, output.raw)

        judge.__annotations__.clear()  # CrewAI refuses annotations that are strings
        return Task(
            name=name,
            description=_filled(config["description"], texts),
            expected_output=config["expected_output"],
            agent=agent,
            response_model=form,
            guardrail=judge,
            guardrail_max_retries=0,
        )


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


def _told(error: Exception) -> str:
    """What was wrong with an answer; CrewAI's own words around a guardrail's taken off."""
    text = error.told if isinstance(error, CallFailed) else str(error)
    return text.rpartition("Last error: ")[2].strip() or type(error).__name__
