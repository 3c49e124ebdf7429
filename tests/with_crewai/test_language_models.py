"""The crew with an LLM over real HTTP: asked only where rules leave something open, believed only
where words tell it; malformed, wrapped in prose, or down."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crew.agents.crewai_environment import import_crewai
from crew.artifacts import Evidence, Request
from crew.drafting.engine import DraftingEngine
from crew.errors import InvalidSettings
from tests.servers.anthropic_server import anthropic_server
from tests.servers.openai_server import openai_server
from tests.servers.played_model import Mode, PlayedModel
from tests.small_warehouse import SmallWarehouse

if TYPE_CHECKING:
    from crew.agents.design_crew import DesignCrew

CONFIG = Path(__file__).parents[2] / "config"
pytestmark = pytest.mark.xdist_group("crewai")


@pytest.fixture(scope="module", autouse=True)
def crewai(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_crewai(tmp_path_factory.mktemp("crewai"))


@contextmanager
def crew(
    mode: Mode, says: str = "", provider: str = "openai", **how: Any
) -> Iterator[tuple[DesignCrew, PlayedModel]]:
    """The crew with a played model; at OpenAI's, one that takes schemas as they come."""
    from crew.agents.design_crew import ROLES, DesignCrew
    from crew.agents.llm import choose_llms

    if provider == "openai":
        server, name = openai_server(mode, says, **{"strict": False, **how}), "openai/gpt-4o-mini"
    else:
        server, name = anthropic_server(mode, says, **how), "anthropic/claude-haiku-4-5"
    with server as model:
        os.environ[f"{provider.upper()}_API_KEY"] = "sk-none"
        os.environ[f"{provider.upper()}_BASE_URL"] = model.url
        llms = choose_llms(name, {}, list(ROLES), 10)
        prices = dict.fromkeys(ROLES, (1.0, 2.0))
        yield DesignCrew(CONFIG, llms, DraftingEngine(), prices=prices), model


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return SmallWarehouse(
        {
            "customers": "select i as customer_id, 'Customer ' || i as label from range(1, 5) t(i)",
            "orders": "select i as order_id, 1 + i % 3 as customer_id, date '2025-01-03' + (i * 9)::int"
            " as ordered_on from range(12) t(i)",
            "logins": "select i as login_id, 1 + i % 4 as customer_id, date '2025-01-02' + (i * 4)::int"
            " as logged_on from range(24) t(i)",
        },
        joins=[("orders", "customer_id", "customers", "customer_id"),
               ("logins", "customer_id", "customers", "customer_id")],
        keys={"customers": "customer_id", "orders": "order_id", "logins": "login_id"},
        descriptions={"orders": "Customers count as active with an order in the month."},
    ).evidence  # fmt: skip


CLEAR = Request(source="x", key="k", title="Number of orders per month", body="")
ASKS = Request(source="x", key="k", title="Number of active customers per month", body="")
QUESTION = "metric:number_of_active_customers"
NOTHING = '{"answers": []}'
TOLD = "Customers count as active with an order in the month"


def said(**answer: str) -> str:
    whole = {"question": QUESTION, "option": "", "words": "", "quote": "", **answer}
    return json.dumps({"answers": [whole]})


def test_what_rules_settle_costs_no_call(evidence: Evidence) -> None:
    with crew("good") as (agents, model):
        spec = agents.interpret(CLEAR, evidence, None)
        draft = agents.synthesize(spec, evidence, None, None)
        agents.write_tests(spec, draft, evidence, None, None)
        agents.document(spec, draft, evidence, None)
        assert spec.metrics and draft.models and not model.requests
        assert agents.cost().llm_calls == 0


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_an_open_question_takes_one_small_call_that_is_counted(
    evidence: Evidence, provider: str
) -> None:
    drafted = DraftingEngine().spec(ASKS, evidence).questions[0]
    label = next(o.label for o in drafted.options if "`orders`" in o.meaning)
    with crew("good", said(option=label, quote=TOLD), provider) as (agents, model):
        spec = agents.interpret(ASKS, evidence, None)
        [request], [used] = model.requests, model.usages
        assert not spec.questions
        assert spec.metrics[0].measures[0].relation == "orders"
        assert any(request["model"] in a.text and TOLD in a.text for a in spec.assumptions)
        cost = agents.cost()
        assert (cost.prompt_tokens, cost.completion_tokens) == (used.prompt, used.completion)
        assert cost.usd == pytest.approx((used.prompt * 1.0 + used.completion * 2.0) / 1_000_000)
        prompt = "".join(str(m["content"]) for m in request["messages"])
        assert prompt.index("Rules:") < prompt.index(TOLD) < prompt.index(f"Title: {ASKS.title}")
        assert len(prompt) < 6_000


@pytest.mark.parametrize(
    "says",
    [
        NOTHING,
        said(option="B", quote="active customers"),
        said(option="A", quote="as everybody knows"),
        said(option="Q", quote=TOLD),
        said(words="drop table customers", quote=TOLD),
        '{"answers": [{"question": "other", "option": "A", "quote": "active"}]}',
        "I'd rather not.",
        '{"kind": "new_model", "question": "x", "metrics": []}',
        "[" * 10_000,
    ],
)
def test_whatever_a_model_says_people_are_asked_unless_it_is_told(
    evidence: Evidence, says: str
) -> None:
    asked = DraftingEngine().spec(ASKS, evidence).questions
    with crew("wrong", says) as (agents, _):
        questions = agents.interpret(ASKS, evidence, None).questions
    assert [q.id for q in questions] == [q.id for q in asked]
    assert all(set(old.options) <= set(q.options) for q, old in zip(questions, asked, strict=True))


@pytest.mark.parametrize("mode", ["prose", "malformed", "truncated", "refusing", "error"])
@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_model_in_trouble_leaves_the_question_to_people(
    evidence: Evidence, mode: Mode, times: int | None, provider: str
) -> None:
    with crew(mode, NOTHING, provider, times=times) as (agents, model):
        assert agents.interpret(ASKS, evidence, None).questions
        assert 1 <= len(model.requests) <= 12


@pytest.mark.xfail(reason="its schemas have defaults, which OpenAI refuses", strict=True)
def test_openai_takes_the_schema_of_the_answer(evidence: Evidence) -> None:
    with crew("good", NOTHING, strict=True) as (agents, model):
        agents.interpret(ASKS, evidence, None)
        assert len(model.usages) == 1


def test_a_missing_key_is_told_at_once(evidence: Evidence) -> None:
    from crew.agents.design_crew import ROLES, DesignCrew
    from crew.agents.llm import choose_llms

    os.environ.pop("OPENAI_API_KEY", None)
    llms = choose_llms("openai/gpt-4o-mini", {}, list(ROLES), 10)
    with pytest.raises(InvalidSettings, match="OPENAI_API_KEY"):
        DesignCrew(CONFIG, llms, DraftingEngine()).interpret(ASKS, evidence, None)
