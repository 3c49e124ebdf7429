"""Tickets of the example with a language model over HTTP: whatever it does, the pull request is right
or there is none; and a recorded run comes out the same without it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crew.artifacts import Delivered, Evidence, Failed, ModelDraft, Outcome, RequirementSpec
from crew.assemble import Workplace
from crew.cli import app
from crew.drafting.engine import DraftingEngine
from crew.language_models import LanguageModel
from crew.records.recording import read_recording
from crew.records.run_store import RunStore
from tests.end_to_end.conftest import TICKETS, Shop
from tests.fakes import FakeListener
from tests.servers.anthropic_server import anthropic_server
from tests.servers.openai_server import openai_server
from tests.servers.played_model import IN_TROUBLE, Heard, Mode, PlayedModel
from triggers.ticket_file import read_ticket_file

CHURN = "jira_weekly_churn.json"


@contextmanager
def working_with(
    place: Workplace, model: PlayedModel, name: str = "openai/gpt-4o-mini", llm: str = "always"
) -> Iterator[Workplace]:
    """The workplace with a played model for every agent."""
    os.environ["OPENAI_API_KEY"] = os.environ["ANTHROPIC_API_KEY"] = "sk-none"
    own = LanguageModel(name=name, url=model.url, timeout_seconds=5, answer_tokens=2000)
    settings = place.settings.model_copy(update={"llm": llm, "model": (own,), "to": "none"})
    yield replace(place, settings=settings, host=None)


def work(place: Workplace, run: str, ticket: str = CHURN) -> tuple[Outcome, dict[str, Any]]:
    request = read_ticket_file(str(TICKETS / ticket), None)  # type: ignore[arg-type]
    return place.work(request, FakeListener(), run_id=run)


def change(outcome: Outcome) -> dict[str, str]:
    assert isinstance(outcome, Delivered), outcome
    return {f.path: f.text for f in outcome.change_set.files}


@pytest.fixture(scope="module")
def by_rule(workplace: Workplace) -> dict[str, str]:
    outcome, result = work(replace(workplace, host=None), "by rule")
    assert result["cost"]["llm_calls"] == 0
    return change(outcome)


@pytest.mark.parametrize(
    "serve", [openai_server, pytest.param(anthropic_server, marks=pytest.mark.slow)]
)
def test_a_good_model_is_called_once_a_task_and_each_call_is_told(
    workplace: Workplace, by_rule: dict[str, str], serve: Any
) -> None:
    name = "openai/gpt-4o-mini" if serve is openai_server else "anthropic/claude-haiku-4-5"
    with serve() as model, working_with(workplace, model, name) as place:
        outcome, result = work(place, f"good {name}")
    assert change(outcome) == by_rule and isinstance(outcome, Delivered)
    told = [(c["agent"], c["task"], c["step"]) for c in result["calls"]]
    assert told == [
        ("interpreter", "review", "interpret"),
        ("synthesizer", "synthesize", "synthesize"),
        ("tester", "write_tests", "test"),
        ("documenter", "document", "document"),
    ]
    cost = result["cost"]
    assert cost["llm_calls"] == len(model.requests) == 4
    assert cost["prompt_tokens"] == sum(u.prompt for u in model.usages)
    assert cost["completion_tokens"] == sum(u.completion for u in model.usages)
    assert cost["usd"] > 0 and cost["unpriced_calls"] == 0
    assert "4 calls of a language model" in outcome.text


def without_the_test_accounts(sql: str) -> str:
    """The SQL with a condition lost: it compiles, and its numbers are wrong."""
    return re.sub(r"\n\s*where\s+not customers\.is_test_account", "", sql)


LIES = {
    "SQL that loses a condition": "sql",
    "SQL that does not compile": "broken",
    "a test that the data contradicts": "test",
    "filler for descriptions": "docs",
    "a description that dbt would run": "jinja",
}


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lie, id=told, marks=[pytest.mark.slow] * (lie != "sql"))
        for told, lie in LIES.items()
    ],
)
def test_what_a_model_changes_unasked_never_makes_a_wrong_pull_request(
    workplace: Workplace, by_rule: dict[str, str], lie: str
) -> None:
    told = []

    def lies(heard: Heard) -> str:
        if lie in {"sql", "broken"} and '"sql"' in heard.text:
            [(name, sql)] = re.findall(r"<models>\n-- (\w+)\n(.*?)\n</models>", heard.text, re.S)
            wrong = without_the_test_accounts(sql) if lie == "sql" else f"{sql}\nlimit of none"
            told.append(wrong != sql)
            return json.dumps({"models": [{"model": name, "sql": wrong}]})
        if lie == "test" and "further tests" in heard.text:
            model = re.findall(r"<models>\n(\w+): ([^\n]*)", heard.text)[0]
            column = next(c for c in model[1].split(", ") if "region_name" in c)
            test = {"model": model[0], "column": column, "test": "unique", "values": [],
                    "reason": "It looks unique."}  # fmt: skip
            return json.dumps({"tests": [test]})
        if lie in {"docs", "jinja"} and '"texts"' in heard.text:
            model = re.findall(r"<texts>\n(\w+): ", heard.text)[0]
            said = "The region id." if lie == "docs" else "Of {{ env_var('HOME') }}, by customers."
            return json.dumps({"texts": [{"model": model, "column": "region_id", "text": said}]})
        return ""

    def says(heard: Heard) -> str:
        said = lies(heard)
        told.extend([True] * (bool(said) and lie in {"test", "docs", "jinja"}))
        return said

    with openai_server("good", says) as model, working_with(workplace, model) as place:
        outcome, _ = work(place, f"lie {lie}")
    assert told and all(told)
    assert change(outcome) == by_rule, "what it changed was taken back, or never taken"
    assert len(model.requests) <= 8


@pytest.mark.slow
@pytest.mark.parametrize("mode", [m for m in IN_TROUBLE if m != "unauthorized"])
def test_a_model_in_any_trouble_costs_no_right_pull_request(
    workplace: Workplace, by_rule: dict[str, str], mode: Mode
) -> None:
    """Asked for every task, it is no help with any: rules do without, within the budget."""
    with openai_server(mode, seconds=2.0) as model, working_with(workplace, model) as place:
        [own] = place.settings.model
        impatient = own.model_copy(update={"timeout_seconds": 1.0, "retries": 0})
        settings = place.settings.model_copy(update={"model": (impatient,)})
        outcome, result = work(replace(place, settings=settings), f"trouble {mode}")
    assert len(model.requests) <= 4 * 3 * 2
    cost, budget = result["cost"], place.settings.budget
    if mode == "endless":  # it ignored how long an answer may be: nothing is asked after it
        assert isinstance(outcome, Failed) and "tokens" in outcome.reason
        assert len(model.requests) == 1 and cost["completion_tokens"] > 1_000_000
        return
    assert change(outcome) == by_rule
    assert cost["prompt_tokens"] + cost["completion_tokens"] <= budget.tokens
    assert cost["usd"] <= budget.usd


@pytest.mark.slow
def test_an_answer_that_repeats_the_tickets_orders_changes_nothing(
    workplace: Workplace, by_rule: dict[str, str]
) -> None:
    with openai_server("parrot") as model, working_with(workplace, model) as place:
        outcome, _ = work(place, "parrot")
        assert change(outcome) == by_rule
        hostile, _ = work(place, "hostile", "jira_hostile.json")
        plain, _ = work(replace(workplace, host=None), "hostile by rule", "jira_hostile.json")
    assert change(hostile) == change(plain)


def test_a_recorded_run_comes_out_the_same_without_a_provider(
    workplace: Workplace, shop: Shop, state: Path, tmp_path: Path
) -> None:
    def says(heard: Heard) -> str:
        if '"texts"' not in heard.text:
            return ""
        model = re.findall(r"<texts>\n(\w+): ", heard.text)[0]
        text = {"model": model, "column": "region_name", "text": "Where the customer is served."}
        return json.dumps({"texts": [text]})

    with openai_server("good", says) as model, working_with(workplace, model) as place:
        first, result = work(place, "to be replayed")
    assert isinstance(first, Delivered)
    assert any("Where the customer is served." in text for text in change(first).values())
    assert "described in the words of openai/gpt-4o-mini" in first.text, "reviewers are told"
    store = RunStore(state)
    own = store.recording(result["run"])
    assert [c.task for c in read_recording(own).calls] == [
        "review", "synthesize", "write_tests", "document",
    ]  # fmt: skip
    del os.environ["OPENAI_API_KEY"]
    copy = tmp_path / "recording.yml"
    copy.write_text(own.read_text("utf-8"), "utf-8")
    for recording in (result["run"], str(copy)):
        ran = replayed(recording, shop, state)
        again = store.outcome(ran["run"])
        assert isinstance(again, Delivered)
        assert again.text == first.text
        assert again.change_set.model_dump(exclude={"report"}) == first.change_set.model_dump(
            exclude={"report"}
        )
        assert ran["cost"] == result["cost"]
    copy.write_text(copy.read_text("utf-8").replace("Say nothing that", "Say all that"), "utf-8")
    missed = replayed(str(copy), shop, state)
    assert missed["outcome"] == "failed" and "+" in missed["reason"]
    assert "-    - Say all that" in missed["reason"] or "-- Say all that" in missed["reason"]


def replayed(recording: str, shop: Shop, state: Path) -> dict[str, Any]:
    options = ["--recording", recording, "--project", str(shop.repository), "--state", str(state)]
    done = CliRunner().invoke(app, ["replay", *options, "--json"])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class SlippingEngine(DraftingEngine):
    """Rules that lose a column on the way, so that the database refuses the SQL."""

    def model(self, spec: RequirementSpec, evidence: Evidence) -> ModelDraft:
        draft = super().model(spec, evidence)
        wrong = (m.model_copy(update={"sql": slipped(m.sql)}) for m in draft.models)
        return draft.model_copy(update={"models": tuple(wrong)})


def slipped(sql: str) -> str:
    return sql.replace("regions.region_name,", "regions.region_nam as region_name,", 1)


def repaired(heard: Heard) -> str:
    """The one right correction to it, made from the finding alone."""
    found = re.findall(r"<models>\n-- (\w+)\n(.*?)\n</models>", heard.text, re.S)
    if not found or "<finding>" not in heard.text or '"sql"' not in heard.text:
        return ""
    [(name, sql)] = found
    assert re.search(r"region_nam\b", heard.text.partition("<finding>")[2])
    right = sql.replace("regions.region_nam as region_name,", "regions.region_name,")
    return json.dumps({"models": [{"model": name, "sql": right}]})


def test_sql_that_rules_got_wrong_is_mended_with_the_exact_finding(
    workplace: Workplace, by_rule: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew.assemble.DraftingEngine", SlippingEngine)
    with (
        openai_server("good", repaired) as model,
        working_with(workplace, model, llm="auto") as place,
    ):
        outcome, result = work(place, "mended")
    assert change(outcome) == by_rule
    [call] = [c for c in result["calls"] if c["model"]]
    assert call["task"] == "synthesize" and "“dbt build”" in call["why"]
    assert len(model.requests) == 1


@pytest.mark.slow
def test_a_finding_that_comes_back_goes_to_the_stronger_model_then_to_people(
    workplace: Workplace, by_rule: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crew.assemble.DraftingEngine", SlippingEngine)
    with (
        openai_server() as weak,
        anthropic_server("good", repaired) as strong,
        working_with(workplace, weak, llm="auto") as place,
    ):
        stronger = LanguageModel(name="anthropic/claude-haiku-4-5", url=strong.url)
        settings = place.settings.model_copy(update={"stronger": (stronger,)})
        outcome, _ = work(replace(place, settings=settings), "stronger")
        assert change(outcome) == by_rule
        assert (len(weak.requests), len(strong.requests)) == (1, 1)
        alone, result = work(place, "nobody mends it")
    assert alone.outcome in {"needs_answers", "failed"} and result["cost"]["llm_calls"] == 1
    told = json.dumps(result)
    assert "region_nam" in told, "people are told what was found"
