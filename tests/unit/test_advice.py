"""What a language model says to open questions: told by words that stand somewhere, or suggested."""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Sequence

import pytest

from crew.agents.advice import Advice, Answer, advice_problem, sources, take
from crew.artifacts import Choice, PastAnswer, Question, Request, RequirementSpec
from crew.drafting.engine import DraftingEngine
from tests.small_warehouse import SmallWarehouse

TITLE = "Number of active customers per month"
MODEL = "openai/some-model"


@pytest.fixture(scope="module")
def shop() -> SmallWarehouse:
    return SmallWarehouse(
        {
            "customers": "select i as customer_id, 'Customer ' || i as label from range(1, 5) t(i)",
            "orders": "select i as order_id, 1 + i % 3 as customer_id, date '2025-01-03' + (i * 9)::int as ordered_on from range(12) t(i)",
            "logins": "select i as login_id, 1 + i % 4 as customer_id, date '2025-01-02' + (i * 4)::int as logged_on from range(24) t(i)",
        },
        joins=[("orders", "customer_id", "customers", "customer_id"),
               ("logins", "customer_id", "customers", "customer_id")],
        keys={"customers": "customer_id", "orders": "order_id", "logins": "login_id"},
        descriptions={"orders": "One row per order. Customers count as active with an order in the month."},
    )  # fmt: skip


def request(body: str = "", choices: tuple[Choice, ...] | None = None) -> Request:
    return Request(source="test", key="T-1", title=TITLE, body=body, choices=choices)


def asked(shop: SmallWarehouse, body: str = "") -> RequirementSpec:
    spec = DraftingEngine(shop).spec(request(body), shop.evidence)
    assert [q.id for q in spec.questions] == ["metric:number_of_active_customers"]
    return spec


def label(question: Question, word: str) -> str:
    return next(o.label for o in question.options if word in o.meaning)


def advised(shop: SmallWarehouse, body: str, *answers: Answer) -> RequirementSpec:
    def read(asked: Request, told: Sequence[PastAnswer]) -> RequirementSpec:
        return DraftingEngine(shop).spec(asked, shop.evidence, told)

    known = sources(request(body), shop.evidence)
    spec, advice = asked(shop, body), Advice(answers=answers)
    assert advice_problem(advice, spec.questions, known) == ""
    return take(spec, advice, MODEL, known, read, request(body))


def test_what_a_description_tells_is_taken_and_said(shop: SmallWarehouse) -> None:
    option = label(asked(shop).questions[0], "`orders`")
    quote = "Customers count as active with an order in the month"
    answer = Answer(question="metric:number_of_active_customers", option=option, quote=quote)
    spec = advised(shop, "", answer)
    assert not spec.questions
    assert spec.metrics[0].measures[0].relation == "orders"
    assert spec.metrics[0].grounding.source == "assumption"
    assert any(quote in a.text and MODEL in a.text for a in spec.assumptions)
    assert spec.settled == () and spec.followed == ()  # no person said so, memory does not learn it


@pytest.mark.parametrize(
    ("word", "quote"),
    [
        ("`logins`", "Customers count as active with an order in the month"),  # of the other one
        ("`logins`", "One row per order"),  # nothing of what was asked
        ("`orders`", "active customers"),  # the words that raised the question
        ("`logins`", "active customers per month"),
    ],
)
def test_what_its_words_do_not_tell_is_only_suggested(
    shop: SmallWarehouse, word: str, quote: str
) -> None:
    option = label(asked(shop).questions[0], word)
    answer = Answer(question="metric:number_of_active_customers", option=option, quote=quote)
    (question,) = advised(shop, "", answer).questions
    assert question.default == option and MODEL in question.text and quote in question.text


def test_the_ticket_itself_may_tell(shop: SmallWarehouse) -> None:
    body = "For us somebody is active who had logins lately."
    option = label(asked(shop, body).questions[0], "`logins`")
    answer = Answer(
        question="metric:number_of_active_customers", option=option, quote="active who had logins"
    )
    spec = advised(shop, body, answer)
    assert not spec.questions and spec.metrics[0].measures[0].relation == "logins"


@pytest.mark.parametrize(
    "body",
    [
        "Logins alone do not make somebody active. Nobody is active without logins.",
        "We never said that active customers are those who had logins.",
        "Somebody is active who had logins, unless they are blocked.",
        "Is somebody active who had logins?",
        "If finance agrees, somebody is active who had logins.",
        "Rather than active customers with logins, those with orders matter.",
        "An active customer has hardly any logins.",
        "Active customers may have had logins.",
        "Previously an active customer was one with logins.",
        "Ein active customer hatte niemals logins.",
    ],
)
def test_a_sentence_that_denies_asks_or_limits_settles_nothing(
    shop: SmallWarehouse, body: str
) -> None:
    option = label(asked(shop, body).questions[0], "`logins`")
    for quote in (body.split(".")[0], body.rstrip(".").split(". ")[-1], "logins"):
        answer = Answer(question="metric:number_of_active_customers", option=option, quote=quote)
        assert advised(shop, body, answer).questions


def test_sentences_that_speak_of_two_options_settle_nothing(shop: SmallWarehouse) -> None:
    one, other = "Active customers are those with orders", "Active are those who had logins"
    for body in (f"{one}. {other}.", f"{one}, as finance has it: active are those who had logins."):
        option = label(asked(shop, body).questions[0], "`orders`")
        answer = Answer(question="metric:number_of_active_customers", option=option, quote=one)
        assert advised(shop, body, answer).questions


def test_other_words_are_one_option_more_that_people_can_take(shop: SmallWarehouse) -> None:
    words = "customers with orders"
    answer = Answer(
        question="metric:number_of_active_customers", words=words, quote="active customers"
    )
    (question,) = advised(shop, "", answer).questions
    option = question.options[-1]
    assert (option.meaning, question.default) == (words, option.label)
    taken = Choice(question=question.id, meaning=words, said=option.label)
    spec = DraftingEngine(shop).spec(request("", (taken,)), shop.evidence)
    assert words in " ".join(a.text for a in spec.assumptions)
    assert all(q.id != question.id for q in spec.questions)


def test_words_that_rules_cannot_read_are_not_offered(shop: SmallWarehouse) -> None:
    answer = Answer(
        question="metric:number_of_active_customers",
        words="the happy few",
        quote="active customers",
    )
    assert advised(shop, "", answer).questions == asked(shop).questions


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(question="metric:x", option="A", quote="orders"), "no question 'metric:x'"),
        (Answer(question="metric:number_of_active_customers", option="Z", quote="orders"), "no option 'Z'"),
        (Answer(question="metric:number_of_active_customers", quote="orders"), "one of them"),
        (Answer(question="metric:number_of_active_customers", option="A", words="x y", quote="orders"), "one of them"),
        (Answer(question="metric:number_of_active_customers", option="A", quote="as everybody knows"), "does not stand"),
        (Answer(question="metric:number_of_active_customers", option="A", quote=" "), "does not stand"),
    ],
)  # fmt: skip
def test_answers_out_of_nowhere_are_sent_back(
    shop: SmallWarehouse, answer: Answer, problem: str
) -> None:
    known = sources(request(), shop.evidence)
    twice = Advice(answers=(answer, answer))
    assert "once" in advice_problem(twice, asked(shop).questions, known)
    said = advice_problem(Advice(answers=(answer,)), asked(shop).questions, known)
    assert problem in said
