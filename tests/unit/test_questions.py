"""Which option an answer takes."""

from __future__ import annotations

import pytest

from crew.artifacts import Option, Question
from crew.drafting.questions import choose

QUESTION = Question(
    id="q",
    text="What does “active” mean?",
    options=(
        Option(
            label="A", meaning="customers with at least one row in `stg_orders` (by `ordered_at`)"
        ),
        Option(label="B", meaning="customers with a session in `stg_web_sessions`"),
        Option(label="C", meaning="customers with a running row in `stg_subscriptions`"),
    ),
    default="A",
)


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        ("B", 1),
        ("option c please", 2),
        ("2", 1),
        ("(C)", 2),
        ("Take B.", 1),
        ("customers who placed an order in that month", 0),
        ("anyone with a subscription", 2),
        ("the default is fine", 0),
    ],
)
def test_answers(answer: str, index: int) -> None:
    chosen = choose(QUESTION, [answer])
    assert chosen is not None and chosen[0] == index


@pytest.mark.parametrize("answer", ["no idea", "thanks!", "orders and subscriptions and sessions"])
def test_what_answers_nothing(answer: str) -> None:
    assert choose(QUESTION, [answer]) is None
