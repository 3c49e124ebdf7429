"""The crew with played language models behind CrewAI's own clients, over real HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crew.agents.ledger import Ledger
from crew.drafting.engine import DraftingEngine
from crew.language_models import AGENTS, LanguageModel, Prices
from tests.servers.anthropic_server import anthropic_server
from tests.servers.openai_server import openai_server
from tests.servers.played_model import Heard, Mode, PlayedModel

if TYPE_CHECKING:
    from crew.agents.design_crew import DesignCrew

Says = str | Callable[[Heard], str]
PAUSES: list[float] = []
"""Seconds that a crew would have waited before it tried again."""
CONFIG = Path(__file__).parents[1] / "config"


@contextmanager
def crew(
    mode: Mode, says: Says = "", provider: str = "openai", routing: Any = "auto", **how: Any
) -> Iterator[tuple[DesignCrew, PlayedModel]]:
    """The crew with a played model for each agent."""
    patience = 1.0 if mode in {"slow", "dribbling"} else 10.0
    with played(mode, says, provider, **how) as model:
        own = model_of(model, provider, timeout_seconds=patience)
        yield crew_of([own], routing=routing), model


def played(
    mode: Mode, says: Says = "", provider: str = "openai", **how: Any
) -> AbstractContextManager[PlayedModel]:
    serve = {"openai": openai_server, "anthropic": anthropic_server}[provider]
    return serve(mode, says, **how)


def model_of(model: PlayedModel, provider: str = "openai", **more: Any) -> LanguageModel:
    os.environ[f"{provider.upper()}_API_KEY"] = "sk-none"
    name = {"openai": "openai/gpt-4o-mini", "anthropic": "anthropic/claude-haiku-4-5"}[provider]
    how = {"url": model.url, "answer_tokens": 1000, **more}
    return LanguageModel(name=name, **how)


def crew_of(
    chain: Sequence[LanguageModel],
    ledger: Ledger | None = None,
    routing: Any = "auto",
    stronger: Sequence[LanguageModel] = (),
) -> DesignCrew:
    from crew.agents.called_llm import CalledLLM
    from crew.agents.design_crew import DesignCrew
    from crew.agents.llm import choose_llms
    from crew.agents.task_runner import TaskRunner

    ledger = ledger or Ledger(price=lambda name: Prices(prompt=1, completion=2))
    llms = choose_llms({**dict.fromkeys(AGENTS, chain), "stronger": stronger}, ledger)
    for llm in llms.values():
        assert isinstance(llm, CalledLLM)
        llm._sleep = lambda seconds: PAUSES.append(seconds)
    above = llms.pop("stronger", None)
    return DesignCrew(DraftingEngine(), TaskRunner(CONFIG, llms, ledger, routing, above))
