"""Chooses the language model: any CrewAI provider, or `drafting`, which answers with the draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crewai import LLM, BaseLLM
from crewai.events.types.llm_events import LLMCallType
from crewai.llms.base_llm import llm_call_context
from pydantic import BaseModel, PrivateAttr

from crew.errors import InvalidSettings

DRAFTING = "drafting"


class DraftingLLM(BaseLLM):
    """Answers each task with the deterministic draft that `propose` was given; costs nothing."""

    _answer: str = PrivateAttr(default="{}")

    def propose(self, answer: str) -> None:
        """Set what the next calls answer, as JSON."""
        self._answer = answer

    def call(
        self,
        messages: Any,
        tools: list[dict[str, Any]] | None = None,
        callbacks: list[Any] | None = None,
        available_functions: dict[str, Any] | None = None,
        from_task: Any = None,
        from_agent: Any = None,
        response_model: type[BaseModel] | None = None,
    ) -> str:
        with llm_call_context():
            self._emit_call_started_event(
                messages, tools, callbacks, available_functions, from_task, from_agent
            )
            usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
            self._track_token_usage_internal(usage)
            self._emit_call_completed_event(
                self._answer, LLMCallType.LLM_CALL, from_task, from_agent, messages, usage
            )
            return self._answer

    async def acall(self, *args: Any, **kwargs: Any) -> str:
        return self.call(*args, **kwargs)

    def supports_function_calling(self) -> bool:
        return False

    def get_context_window_size(self) -> int:
        return 1_000_000

    def get_input_tokens_count(self, *args: Any, **kwargs: Any) -> int:
        """Nothing is sent anywhere, so nothing is counted."""
        return 0


def choose_llm(name: str, timeout_seconds: float) -> BaseLLM:
    """`drafting`, or `provider/model` as CrewAI names it. Raises InvalidSettings."""
    if name == DRAFTING:
        return DraftingLLM(model=DRAFTING, provider=DRAFTING)
    try:
        llm = LLM(model=name, temperature=0, timeout=timeout_seconds)
    except Exception as error:  # every provider raises its own kind for a missing key or package
        raise InvalidSettings(
            f"The language model {name!r} cannot be used: {str(error).splitlines()[0]}",
            "Give --llm provider/model, install the provider's extra (for instance"
            " `crewai[anthropic]`) and set its key in the environment, or use --llm drafting.",
        ) from error
    return llm


def choose_llms(
    default: str, per_agent: Mapping[str, str], agents: list[str], timeout_seconds: float
) -> dict[str, BaseLLM]:
    """An LLM per agent: its own where the settings name one, else the default."""
    return {a: choose_llm(per_agent.get(a, default), timeout_seconds) for a in agents}
