"""Chooses the language model of each agent: a chain of CrewAI's providers, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from crewai import LLM, BaseLLM
from pydantic import BaseModel, PrivateAttr

from crew.agents.called_llm import CalledLLM, Link, announce
from crew.agents.ledger import Ledger
from crew.artifacts import Cost
from crew.errors import InvalidSettings
from crew.language_models import LanguageModel

DRAFTING = "drafting"


class DraftingLLM(BaseLLM):
    """Answers each task with what `propose` was given: that the draft stands. Costs nothing."""

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
        announce(self, self._answer, messages, Cost(), from_task, from_agent)
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


def drafting_llm() -> DraftingLLM:
    return DraftingLLM(model=DRAFTING, provider=DRAFTING)


def provider_llm(model: LanguageModel) -> BaseLLM:
    """CrewAI's client for a model. Its own retries are off: the chain has them.

    Raises InvalidSettings for a provider or package that is not there, and for a missing key.
    """
    provider = model.name.partition("/")[0]
    options: dict[str, Any] = {"temperature": model.temperature, "seed": model.seed}
    if model.url:
        options["base_url"] = model.url
        if provider == "openai":
            options["custom_openai"] = True  # any model's name, chat completions alone
    if model.key_env:
        options["api_key"] = os.environ.get(model.key_env)
    if provider in {"gemini", "google"}:
        options["max_output_tokens"] = model.answer_tokens
    elif provider == "openai" and not model.url:  # newer models of its own refuse max_tokens
        options["max_completion_tokens"] = model.answer_tokens
    else:
        options["max_tokens"] = model.answer_tokens
    if provider not in {"gemini", "google", "bedrock", "aws"}:
        options |= {"timeout": model.timeout_seconds, "max_retries": 0}
    try:
        if model.key_env and not options["api_key"]:
            raise ValueError(f"{model.key_env} is not set")
        llm = LLM(model=model.name, **{k: v for k, v in options.items() if v is not None})
        if hasattr(llm, "_get_sync_client"):
            llm._get_sync_client()  # which reads the key, and would only miss it at the first call
        return llm
    except Exception as error:  # every provider raises its own kind for a missing key or package
        raise InvalidSettings(
            f"The language model {model.name!r} cannot be used: {str(error).splitlines()[0]}",
            "Name it as provider/model, install the provider's extra (for instance"
            " `crewai[anthropic]`) and set its key in the environment, or use --llm none.",
        ) from error


def choose_llms(
    models: Mapping[str, Sequence[LanguageModel]], ledger: Ledger
) -> dict[str, BaseLLM]:
    """The LLM of each agent over its chain of models. Raises InvalidSettings as `provider_llm`."""
    chains = {agent: [Link(m, provider_llm) for m in chain] for agent, chain in models.items()}
    if not ledger.recording.strict:
        for link in (link for chain in chains.values() for link in chain):
            _ = link.llm  # what is wrong with the settings is told before any work
    return {agent: CalledLLM.over(chain, ledger) for agent, chain in chains.items() if chain}
