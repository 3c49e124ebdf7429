"""The crew with an LLM over real HTTP: right, malformed, wrapped in prose, or down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crew.agents.crewai_environment import import_crewai
from crew.artifacts import Evidence, Request, RequirementSpec
from crew.drafting.engine import DraftingEngine
from crew.errors import InvalidSettings, NoValidAnswer
from tests.servers.openai_server import openai_server

CONFIG = Path(__file__).parents[2] / "config"
pytestmark = pytest.mark.xdist_group("crewai")


@pytest.fixture(scope="module", autouse=True)
def crewai(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_crewai(tmp_path_factory.mktemp("crewai"))


@contextmanager
def crew(mode: str) -> Iterator[tuple[object, list[object]]]:
    from crew.agents.design_crew import ROLES, DesignCrew
    from crew.agents.llm import choose_llms

    with openai_server(mode) as server:
        os.environ["OPENAI_API_KEY"], os.environ["OPENAI_BASE_URL"] = "sk-none", server.url
        llms = choose_llms("openai/gpt-4o-mini", {}, list(ROLES), 10)
        prices = dict.fromkeys(ROLES, (1.0, 2.0))
        yield DesignCrew(CONFIG, llms, DraftingEngine(), prices=prices), server.requests


REQUEST = Request(source="x", key="k", title="orders per week", body="")
EVIDENCE = Evidence(project="p", dialect="duckdb")


def interpret(mode: str) -> tuple[RequirementSpec, float, int]:
    with crew(mode) as (agents, requests):
        spec = agents.interpret(REQUEST, EVIDENCE, None)  # type: ignore[attr-defined]
        return spec, agents.cost().usd, len(requests)  # type: ignore[attr-defined]


def test_a_good_model_takes_one_call_that_is_counted() -> None:
    spec, usd, calls = interpret("good")
    assert spec.questions and calls == 1
    assert usd == pytest.approx((100 * 1.0 + 10 * 2.0) / 1_000_000)


@pytest.mark.parametrize("mode", ["malformed_first", "prose"])
def test_an_answer_in_the_wrong_form_is_mended(mode: str) -> None:
    spec, _, _ = interpret(mode)
    assert spec.questions


@pytest.mark.parametrize("mode", ["malformed", "error"])
def test_a_model_that_never_answers_ends_in_a_clear_failure(mode: str) -> None:
    with pytest.raises(NoValidAnswer) as caught:
        interpret(mode)
    assert "interpreter" in caught.value.message and caught.value.cure


def test_a_missing_key_is_told_at_once() -> None:
    from crew.agents.design_crew import ROLES, DesignCrew
    from crew.agents.llm import choose_llms

    os.environ.pop("OPENAI_API_KEY", None)
    llms = choose_llms("openai/gpt-4o-mini", {}, list(ROLES), 10)
    with pytest.raises(InvalidSettings, match="OPENAI_API_KEY"):
        DesignCrew(CONFIG, llms, DraftingEngine()).interpret(REQUEST, EVIDENCE, None)
