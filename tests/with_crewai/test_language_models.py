"""The crew with an LLM over real HTTP: asked only where rules leave something open, believed only
where words tell it; malformed, wrapped in prose, or down."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from crew.agents.crewai_environment import import_crewai
from crew.agents.ledger import Ledger, estimated_tokens
from crew.artifacts import Choice, Evidence, Finding, ModelCall, Request
from crew.budget import BudgetSettings
from crew.drafting.engine import DraftingEngine
from crew.errors import BudgetExhausted, InvalidSettings, NotRecorded, NoValidAnswer
from crew.language_models import LanguageModel, Prices
from crew.records.recording import (
    RecordedCall,
    Recording,
    RecordingHead,
    read_recording,
    resume_recording,
)
from tests.played_crew import PAUSES, crew, crew_of, model_of, played
from tests.servers.played_model import IN_TROUBLE, Heard, Mode
from tests.small_warehouse import SmallWarehouse

if TYPE_CHECKING:
    from crew.agents.design_crew import DesignCrew

pytestmark = pytest.mark.xdist_group("crewai")


@pytest.fixture(scope="module", autouse=True)
def crewai(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_crewai(tmp_path_factory.mktemp("crewai"))


@pytest.fixture(autouse=True)
def no_pauses() -> None:
    PAUSES.clear()


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
TASKS = ["review", "synthesize", "write_tests", "document"]
FINDING = Finding(check="totals", text="12 of 24 orders are lost", blame="model")
MENDED = (
    "select date_trunc('month', ordered_on) as order_month, count(*) as number_of_orders\n"
    "from {{ ref('orders') }}\ngroup by 1"
)
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
        prompt = str(request.get("system", "")) + "".join(m["content"] for m in request["messages"])
        stable, known, ticket = "Rules have read", TOLD, f"Title: {ASKS.title}"
        assert prompt.index(stable) < prompt.index(known) < prompt.index(ticket)
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


@pytest.mark.parametrize("mode", IN_TROUBLE)
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_model_in_trouble_leaves_the_question_to_people(
    evidence: Evidence, mode: Mode, provider: str
) -> None:
    """Within its calls and tokens, whatever it does; only a wrong key is the operator's matter."""
    with crew(mode, NOTHING, provider, seconds=2.0) as (agents, model):
        if mode == "unauthorized":
            with pytest.raises(InvalidSettings, match="refused"):
                agents.interpret(ASKS, evidence, None)
            return
        began = time.monotonic()
        asked = agents.interpret(ASKS, evidence, None).questions
        assert asked and len(model.requests) <= 9 and time.monotonic() - began < 20
        cost = agents.cost()
        billed = sum(u.completion for u in model.usages)
        assert cost.completion_tokens >= min(billed, 1000), "an answer that failed is counted too"


@pytest.mark.parametrize(
    "mode", ["malformed", "truncated", "refusing_in_text", "strange_tool", "rate_limited", "error",
             "overloaded", "hung_up", "broken_off"]
)  # fmt: skip
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_trouble_that_passes_is_overcome(evidence: Evidence, mode: Mode, provider: str) -> None:
    label = label_of_orders(evidence)
    with crew(mode, said(option=label, quote=TOLD), provider, times=1) as (agents, model):
        assert not agents.interpret(ASKS, evidence, None).questions
        assert 2 <= len(model.requests) <= 3
    assert ([1.0] if mode == "rate_limited" else PAUSES) == PAUSES


def test_a_correction_goes_back_with_the_last_attempt_alone(evidence: Evidence) -> None:
    with crew("malformed", NOTHING, times=2) as (agents, model):
        agents.interpret(ASKS, evidence, None)
    first, second, third = (r["messages"] for r in model.requests)
    assert "refused" not in str(first)
    assert str(third).count("Your last answer was refused: The answer does not fit") == 1
    assert first[0] == second[0] == third[0], "what is stable stays first, for the provider's cache"


def test_the_next_of_the_chain_is_asked_where_one_does_not_answer(evidence: Evidence) -> None:
    label = label_of_orders(evidence)
    told: list[ModelCall] = []
    with (
        played("dead") as dead,
        played("out_of_quota") as poor,
        played("good", said(option=label, quote=TOLD), "anthropic") as good,
    ):
        chain = [model_of(dead, retries=1), model_of(poor, retries=0), model_of(good, "anthropic")]
        agents = crew_of(chain, Ledger(tell=told.append))
        spec = agents.interpret(ASKS, evidence, None)
    assert not spec.questions
    assert any("anthropic/claude-haiku-4-5" in a.text for a in spec.assumptions)
    models = [c.model for c in told if c.model]
    assert models == ["openai/gpt-4o-mini"] * 3 + ["anthropic/claude-haiku-4-5"]
    assert [c.ended == "answered" for c in told if c.model] == [False] * 3 + [True]
    assert agents.cost().unpriced_calls == agents.cost().llm_calls > 0


def test_a_call_that_could_pass_the_budget_is_not_made(evidence: Evidence) -> None:
    for limits in (BudgetSettings(tokens=1500), BudgetSettings(usd=0.002)):
        with played("good", NOTHING) as model:
            ledger = Ledger(limits, price=lambda name: Prices(prompt=1, completion=2))
            agents = crew_of([model_of(model)], ledger)
            assert agents.interpret(ASKS, evidence, None).questions and not model.requests


def test_a_prompt_is_estimated_from_above_in_any_script() -> None:
    assert estimated_tokens("three words here") == 6
    for text in ("活跃客户", "😀😀", "ä"):
        assert estimated_tokens(text) >= len(text.encode("utf-8"))


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_ticket_in_another_script_does_not_pass_the_budget(
    evidence: Evidence, provider: str
) -> None:
    request = ASKS.model_copy(update={"body": "活跃 😀 " * 1500})
    with played("good", NOTHING, provider) as model:
        agents = crew_of([model_of(model, provider)], Ledger(BudgetSettings(tokens=7000)))
        assert agents.interpret(request, evidence, None).questions and not model.requests


def test_no_pause_outlasts_the_request(evidence: Evidence) -> None:
    with played("rate_limited", NOTHING, retry_after=50) as model:
        agents = crew_of([model_of(model)], Ledger(BudgetSettings(seconds=30)))
        assert agents.interpret(ASKS, evidence, None).questions
        assert len(model.requests) == 1 and not PAUSES


def test_a_budget_that_is_used_up_ends_a_repair(evidence: Evidence, tmp_path: Path) -> None:
    file = tmp_path / "recording.yml"
    with played("good") as model:
        ledger = Ledger(BudgetSettings(tokens=900), Recording(file))
        agents = crew_of([model_of(model)], ledger)
        spec = agents.interpret(CLEAR, evidence, None)
        draft = agents.synthesize(spec, evidence, None, None)
        with pytest.raises(BudgetExhausted, match="900 tokens"):
            agents.synthesize(spec, evidence, draft, FINDING)
        assert not model.requests
    [call] = [RecordedCall.model_validate(d) for d in yaml.safe_load_all(file.read_text())]
    again = Ledger(recording=Recording(known=[call], strict=True))
    with pytest.raises(BudgetExhausted, match="900 tokens"):
        crew_of([model_of(model)], again).synthesize(spec, evidence, draft, FINDING)


def test_an_answer_in_a_trickle_ends_in_time(evidence: Evidence) -> None:
    with crew("dribbling", NOTHING, seconds=0.05) as (agents, _):
        began = time.monotonic()
        assert agents.interpret(ASKS, evidence, None).questions
        assert time.monotonic() - began < 10


def test_openai_takes_the_schemas_of_all_answers(evidence: Evidence) -> None:
    with crew("good", routing="always") as (agents, model):
        whole_way(agents, evidence)
        agents.interpret(ASKS, evidence, None)
        agents.decide("What is wrong?", ["model", "tests"], "it failed", "model")
        assert len(model.requests) == len(model.usages) == 6
        assert all(r["response_format"]["json_schema"]["strict"] for r in model.requests)


def test_always_asks_for_every_task_once_and_none_for_no_task(evidence: Evidence) -> None:
    told: list[ModelCall] = []
    with played("good") as model:
        whole_way(crew_of([model_of(model)], Ledger(tell=told.append), "always"), evidence)
        assert [c.task for c in told if c.model] == TASKS and len(model.requests) == 4
        agents = crew_of([], Ledger(tell=told.append))
        whole_way(agents, evidence)
        assert len(model.requests) == 4 and agents.cost().llm_calls == 0
    assert [c.task for c in told if not c.model] == TASKS
    assert {c.why for c in told if not c.model} == {"no language model is configured"}


def test_a_second_reader_asks_people_and_changes_nothing(evidence: Evidence) -> None:
    doubt = {"quote": "per month", "concern": "It counts per week."}

    def says(heard: Heard) -> str:
        return json.dumps({"doubts": [doubt]}) if "doubts" in heard.text else ""

    with crew("good", says, routing="always") as (agents, model):
        spec = agents.interpret(CLEAR, evidence, None)
        drafted = DraftingEngine().spec(CLEAR, evidence)
        [question] = spec.questions
        assert "“per month”" in question.text and "It counts per week." in question.text
        assert spec.model_copy(update={"questions": ()}) == drafted
        right, wrong = (Choice(question=question.id, meaning=o.meaning, said=o.label)
                        for o in question.options)  # fmt: skip
        assert not agents.interpret(
            CLEAR.model_copy(update={"choices": (right,)}), evidence, None
        ).questions
        seen = len(model.requests)
        shared = CLEAR.model_copy(update={"choices": (wrong,)})
        [again] = agents.interpret(shared, evidence, None).questions
        assert again.id == question.id and len(model.requests) == seen
        changed = shared.model_copy(update={"title": "Number of orders each month"})
        assert question.id not in {
            q.id for q in agents.interpret(changed, evidence, None).questions
        }


def test_a_finding_goes_to_the_model_and_then_to_the_stronger_one(evidence: Evidence) -> None:
    def says(heard: Heard) -> str:
        return json.dumps({"models": [{"model": "monthly_orders", "sql": MENDED}]})

    with played("good", says) as weak, played("good", says, "anthropic") as strong:
        chain = [model_of(weak)]
        agents = crew_of(chain, stronger=[model_of(strong, "anthropic")])
        spec = agents.interpret(CLEAR, evidence, None)
        draft = agents.synthesize(spec, evidence, None, None)
        [name] = [m.name for m in draft.models]
        assert name == "monthly_orders"
        mended = agents.synthesize(spec, evidence, draft, FINDING)
        assert mended.models[0].sql == MENDED + "\n"
        assert mended.models[0].columns == draft.models[0].columns
        prompt = weak.requests[0]["messages"][1]["content"]
        assert FINDING.text in prompt and draft.models[0].sql.strip() in prompt
        assert agents.can_try_otherwise(FINDING.model_copy(update={"times": 2}))
        again = FINDING.model_copy(update={"times": 2})
        agents.synthesize(spec, evidence, mended, again)
        assert (len(weak.requests), len(strong.requests)) == (1, 1)
        assert not agents.can_try_otherwise(FINDING.model_copy(update={"times": 3}))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1 as x", "reads no ref"),
        ("select * from {{ ref('secrets') }}", "secrets"),
        ("select count(*) as n from {{ ref('orders') }} where random() < 2", "leave out random"),
        ("select * from {{ ref('orders') }} limit 100000", "leave out limit"),
        ("{{ run_query('drop table x') }} select * from {{ ref('orders') }}", "run_query"),
    ],
)
def test_sql_that_the_policies_forbid_is_never_taken(
    evidence: Evidence, sql: str, words: str
) -> None:
    says = json.dumps({"models": [{"model": "monthly_orders", "sql": sql}]})
    with crew("good", says) as (agents, model):
        spec = DraftingEngine().spec(CLEAR, evidence)
        draft = DraftingEngine().model(spec, evidence)
        with pytest.raises(NoValidAnswer, match=words):
            agents.synthesize(spec, evidence, draft, FINDING)
        assert len(model.requests) == 3


def test_what_is_recorded_is_replayed_without_a_provider(
    evidence: Evidence, tmp_path: Path
) -> None:
    label = label_of_orders(evidence)
    file = tmp_path / "recording.yml"
    with played("malformed", said(option=label, quote=TOLD), times=1) as model:
        agents = crew_of([model_of(model)], Ledger(recording=Recording(file)))
        first = agents.interpret(ASKS, evidence, None)
        cost = agents.cost()
    file.write_text("format: firstmile-recording-1\nrequest: {source: x, key: k, title: t, body: ''}\n"
                    + file.read_text())  # fmt: skip
    replayed = read_recording(file)
    assert [bool(c.wrong) for c in replayed.calls] == [True, False]
    again = Ledger(recording=Recording(known=list(replayed.calls), strict=True))
    agents = crew_of([model_of(model)], again)  # nobody listens there any more
    assert agents.interpret(ASKS, evidence, None) == first
    assert agents.cost() == cost
    with pytest.raises(NotRecorded, match="no such call is left"):
        agents.interpret(ASKS, evidence, None)


def test_a_changed_prompt_is_told_precisely(evidence: Evidence, tmp_path: Path) -> None:
    file = tmp_path / "recording.yml"
    with played("good", NOTHING) as model:
        recorded = Recording(file)
        crew_of([model_of(model)], Ledger(recording=recorded)).interpret(ASKS, evidence, None)
    known = [RecordedCall.model_validate(d) for d in yaml.safe_load_all(file.read_text())]
    now = Recording(tmp_path / "now.yml", known=known, strict=True)
    other = ASKS.model_copy(update={"body": "As soon as you can."})
    with pytest.raises(NotRecorded) as told:
        crew_of([model_of(model)], Ledger(recording=now)).interpret(other, evidence, None)
    assert "+As soon as you can." in told.value.message and "'advise'" in told.value.message
    [open_call] = [RecordedCall.model_validate(d)
                   for d in yaml.safe_load_all((tmp_path / "now.yml").read_text())]  # fmt: skip
    assert not open_call.is_answered and "As soon as you can." in open_call.prompt[1].content


def test_a_killed_run_pays_for_no_call_twice(evidence: Evidence, tmp_path: Path) -> None:
    file = tmp_path / "recording.yml"
    with played("good", NOTHING) as model:
        crew_of([model_of(model)], Ledger(recording=Recording(file))).interpret(
            ASKS, evidence, None
        )
        known = [RecordedCall.model_validate(d) for d in yaml.safe_load_all(file.read_text())]
        head = RecordingHead(request=ASKS)
        whole = tmp_path / "whole.yml"
        Recording(whole).begin(head)
        whole.write_text(whole.read_text() + file.read_text() + "---\nagent: interp", "utf-8")
        torn = resume_recording(whole)
        assert torn and list(torn.calls) == known and torn.head == head
        assert resume_recording(whole) == torn
        resumed = Ledger(recording=Recording(file, known))
        assert resumed.cost.llm_calls == 1
        agents = crew_of([model_of(model)], resumed)
        agents.interpret(ASKS, evidence, None)
        assert len(model.requests) == agents.cost().llm_calls == 1


def test_secrets_are_not_recorded(evidence: Evidence, tmp_path: Path) -> None:
    from memory.redaction import redacted

    file = tmp_path / "recording.yml"
    secret = ASKS.model_copy(update={"body": "Ask ann@example.com, password: hunter2-hunter2."})
    with played("good", NOTHING) as model:
        recording = Recording(file, redact=redacted)
        crew_of([model_of(model)], Ledger(recording=recording)).interpret(secret, evidence, None)
    assert "hunter2" not in file.read_text() and "ann@example.com" not in file.read_text()


def test_a_model_that_takes_no_temperature_is_called_without(evidence: Evidence) -> None:
    refused = "Unsupported value: 'temperature' does not support 0 with this model."
    with played("good", NOTHING) as model:
        model.refuses = ("temperature", refused)
        crew_of([model_of(model)]).interpret(ASKS, evidence, None)
    first, second = model.requests
    assert "temperature" in first and "temperature" not in second


def test_a_missing_key_is_told_at_once() -> None:
    from crew.agents.llm import provider_llm

    os.environ.pop("OPENAI_API_KEY", None)
    for model in (LanguageModel(name="openai/gpt-4o-mini"),
                  LanguageModel(name="openai/x", url="http://127.0.0.1:9", key_env="NO_SUCH_KEY")):  # fmt: skip
        with pytest.raises(InvalidSettings, match="KEY"):
            crew_of([model])
    with pytest.raises(InvalidSettings, match="cannot be used"):
        provider_llm(LanguageModel(name="nobody/knows"))


def label_of_orders(evidence: Evidence) -> str:
    drafted = DraftingEngine().spec(ASKS, evidence).questions[0]
    return next(o.label for o in drafted.options if "`orders`" in o.meaning)


def whole_way(agents: DesignCrew, evidence: Evidence) -> None:
    spec = agents.interpret(CLEAR, evidence, None)
    draft = agents.synthesize(spec, evidence, None, None)
    agents.write_tests(spec, draft, evidence, None, None)
    agents.document(spec, draft, evidence, None)
