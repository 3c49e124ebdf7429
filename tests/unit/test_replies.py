"""Replies are read against the questions as they were shown."""

from __future__ import annotations

import pytest

from crew.artifacts import Option, Question
from triggers.replies import choices_in

ACTIVE = Question(
    id="metric:active",
    text="What does “active” mean?",
    options=(
        Option(label="A", meaning="customers with at least one row in `stg_shop__orders`"),
        Option(label="B", meaning="customers with at least one row in `stg_shop__web_sessions`"),
        Option(label="C", meaning="a running row in `stg_subs` (`started_at` to `cancelled_at`)"),
    ),
    default="A",
)
COUNTRY = Question(
    id="country",
    text="Which country?",
    options=(Option(label="A", meaning="billing_country"), Option(label="B", meaning="ip_country")),
)


def taken(said: str, *asked: Question, waits: bool = True) -> list[tuple[str, str]]:
    labels = {(q.id, o.meaning): o.label for q in asked for o in q.options}
    found = choices_in(asked, said, waits)
    assert all(c.said in said for c in found)
    return [(c.question, labels[c.question, c.meaning]) for c in found]


@pytest.mark.parametrize(
    "said",
    [
        "C", "c.", "(c)", "C!", "Option C please", "Please take C", "I'd go with C", "C, thanks a lot",
        "C - thanks", "Answer: C", "C, but only completed orders", "C it is", "The third one",
        "Let's take the last one", "3", "C: a running row in `stg_subs` (`started_at` to `cancelled_at`)",
        "a running row in stg_subs (started_at to cancelled_at)", "I'd go for C I think",
    ],
)  # fmt: skip
def test_many_ways_to_take_an_option(said: str) -> None:
    assert taken(said, ACTIVE) == [("metric:active", "C")]


@pytest.mark.parametrize(
    "said",
    [
        "I have to ask Tom.", "Let me talk to finance first.", "Looking forward to it", "Up to you",
        "What is the difference between A and B?", "A customer is active if she orders, or is she?",
        "Thanks!", "subscriptions are not relevant here", "neither, count logins", "> A\nI agree",
        "Is it on the web already?", "We need to decide this in the steering on Monday",
    ],
)  # fmt: skip
def test_what_takes_no_option(said: str) -> None:
    assert taken(said, ACTIVE) == []


@pytest.mark.parametrize("said", ["whatever you suggest", "The default is fine", "you decide"])
def test_the_default_is_the_one_that_was_shown(said: str) -> None:
    assert taken(said, ACTIVE) == [("metric:active", "A")]


def test_a_lone_letter_is_no_answer_to_two_questions() -> None:
    assert taken("A", ACTIVE, COUNTRY) == []
    assert taken("1. B\n2. A", ACTIVE, COUNTRY) == [("metric:active", "B"), ("country", "A")]
    assert taken("ip_country please", ACTIVE, COUNTRY) == [("country", "B")]


def test_words_that_only_resemble_an_option_count_while_it_waits() -> None:
    assert taken("those with web sessions", ACTIVE) == [("metric:active", "B")]
    assert taken("exactly what we saw in web sessions", ACTIVE, waits=False) == []
    assert taken("A please, we changed our mind", ACTIVE, waits=False) == [("metric:active", "A")]


def test_what_is_said_beside_an_option_is_left_to_be_read() -> None:
    value = Question(
        id="metric:value",
        text="“value” fits more than one column. Which one is meant?",
        options=(
            Option(label="A", meaning="`base_shipments.price`"),
            Option(label="B", meaning="`base_shipments.declared_value`"),
        ),
    )
    for said, part in (
        ("the price, by date of booking, cancelled ones left out", "the price"),
        ("base_shipments.price, cancelled ones left out", "base_shipments.price"),
        ("the declared value", "the declared value"),
    ):
        assert [c.said for c in choices_in([value], said, True)] == [part]
