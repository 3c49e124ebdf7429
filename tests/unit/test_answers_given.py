"""Answers on the command line count against the questions as they were shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from crew.artifacts import Comment, NeedsAnswers, Option, Outcome, Question, Request
from crew.drafting.questions import Asking, is_same_question
from crew.records.run_store import RunStore, run_name
from triggers.answers_given import choices_of

REQUEST = Request(source="cli", key="ask-1", title="Active customers by country", body="")


def question(id_: str, *meanings: str) -> Question:
    options = [Option(label="ABC"[n], meaning=m) for n, m in enumerate(meanings)]
    return Question(id=id_, text=f"What is {id_}?", options=tuple(options), default="A")


ACTIVE = question("metric:active", "with an order", "with a session", "with a subscription")
COUNTRY = question("dimension:country", "of the order", "of the customer")


def asked(store: RunStore, answers: tuple[str, ...], *questions: Question) -> None:
    said = tuple(Comment(author="requester", body=a) for a in answers)
    ours = (Comment(author="Firstmile", body="", ours=True),) if said else ()
    request = REQUEST.model_copy(update={"comments": (*ours, *said)})
    outcome: Outcome = NeedsAnswers(questions=questions)
    with store.open(run_name(request), request) as run:
        run.finish(outcome, {})


def meanings(store: RunStore, *answers: str) -> list[str] | None:
    found = choices_of(store, REQUEST, answers)
    return None if found is None else [c.meaning for c in found]


def test_each_round_of_answers_is_read_against_what_that_round_showed(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert meanings(store, "B") is None, "nobody asked yet"
    asked(store, (), ACTIVE)
    assert meanings(store, "B") == ["with a session"]
    asked(store, ("B",), COUNTRY)
    assert meanings(store, "B", "B") == ["with a session", "of the customer"]
    assert meanings(store, "B", "A") == ["with a session", "of the order"]


def test_several_questions_take_their_letters_in_order_or_by_number(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    asked(store, (), ACTIVE, COUNTRY)
    assert meanings(store, "C", "A") == ["with a subscription", "of the order"]
    assert meanings(store, "1. B", "2. B") == ["with a session", "of the customer"]
    assert meanings(store, "whatever") == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("metric:active_customers", "metric:how_many_active_customers", True),
        ("metric:active_customers", "metric:customers_active", True),
        ("metric:active_customers", "metric:active_plans", False),
        ("metric:active_customers", "condition:active_customers", False),
        ("join:a:b", "join:a:b", True),
        ("join:a:b", "join:b:a", False),
        ("grain:week", "grain:week", False),
    ],
)
def test_what_is_the_same_question(one: str, other: str, same: bool) -> None:
    assert is_same_question(one, other) is same


def test_one_letter_answers_one_question() -> None:
    asking = Asking(["B"], {"B"})
    options = [("with an order", ""), ("with a session", "")]
    assert asking.ask("metric:active", "What is “active”?", options) == 1
    assert asking.ask("dimension:country", "Which “country”?", options) is None
    assert [q.id for q in asking.open] == ["dimension:country"]
    asking = Asking(["A", "B"], {"A", "B"})
    assert asking.ask("metric:active", "What is “active”?", options) == 0
    assert asking.ask("dimension:country", "Which “country”?", options) == 1
