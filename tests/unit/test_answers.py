"""What a language model would have otherwise in a draft: refused where it is more than plain words."""

from __future__ import annotations

import pytest

from crew.agents.answers import (
    Described,
    Doubt,
    Review,
    Text,
    described,
    description_problem,
    review_problem,
)
from crew.artifacts import ColumnDoc, DocSet, Grounding, ModelDoc, Request

GROUND = Grounding(source="column", text="orders")
DOCS = DocSet(
    models=(
        ModelDoc(
            model="fct_orders",
            description="Orders per month.",
            columns=(ColumnDoc(name="orders", description="How many.", grounding=GROUND),),
        ),
    )
)
REQUEST = Request(source="x", key="k", title="Orders per month", body="")


@pytest.mark.parametrize(
    "text",
    [
        "Orders, see [here](http://evil.example).",
        "Orders. https://evil.example",
        "<img src=x> orders",
        "Orders, ask @channel",
        "{{ run_query('x') }}",
    ],
)
def test_texts_with_links_markup_or_mentions_are_refused(text: str) -> None:
    answer = Described(texts=(Text(model="fct_orders", column="orders", text=text),))
    assert "plain sentences" in description_problem(answer, DOCS)
    doubts = Review(doubts=(Doubt(quote="per month", concern=text),))
    assert "plain sentences" in review_problem(doubts, REQUEST)


def test_a_plain_text_replaces_the_draft_s_own_and_no_other() -> None:
    text = "Orders placed in the month, 12 < 13 of them paid."
    answer = Described(texts=(Text(model="fct_orders", column="orders", text=text),))
    assert description_problem(answer, DOCS) == ""
    docs = described(DOCS, answer, "openai/x")
    [model], [note] = docs.models, docs.notes
    assert "`fct_orders.orders`" in note and "openai/x" in note and "“How many.”" in note
    assert described(DOCS, Described(), "openai/x") == DOCS
    assert (model.description, model.columns[0].description) == ("Orders per month.", text)
    assert model.columns[0].grounding == GROUND


def test_what_is_not_there_is_not_described() -> None:
    answer = Described(texts=(Text(model="fct_orders", column="revenue", text="Money."),))
    assert "no fct_orders.revenue" in description_problem(answer, DOCS)
