"""Tickets that go on after we spoke: answers, follow-ups and pleasantries, on the example's data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from crew.artifacts import Choice, Comment, Question, Request
from crew.assemble import Workplace
from tests.fakes import FakeListener
from triggers.replies import choices_in

OURS = Comment(author="Firstmile", body="", ours=True)
ACTIVE = "Track active customers per month"


@dataclass
class Talk:
    """A ticket, worked again after each reply, as the orchestrator does."""

    place: Workplace
    title: str
    comments: tuple[Comment, ...] = ()
    choices: dict[str, Choice] = field(default_factory=dict)
    asked: tuple[Question, ...] = ()
    result: dict[str, Any] = field(default_factory=dict)
    spec: Any = None

    def work(self) -> Talk:
        request = Request(
            source="test", key="TALK-1", title=self.title, body="", comments=self.comments,
            choices=tuple(self.choices.values()),
        )  # fmt: skip
        outcome, self.result = self.place.work(request, FakeListener())
        self.spec = outcome.spec
        if self.result["questions"]:
            self.asked = tuple(Question.model_validate(q) for q in self.result["questions"])
        return self

    def say(self, words: str, choice: Choice | None = None) -> Talk:
        waits = self.result["outcome"] == "needs_answers"
        for taken in [choice] if choice else choices_in(self.asked, words, waits):
            self.choices[taken.question] = taken
        self.comments += (OURS, Comment(author="mara", body=words))
        return self.work()

    def press(self, label: str) -> Talk:
        question = self.asked[0]
        option = next(o for o in question.options if o.label == label)
        said = f"{option.label}: {option.meaning}"
        return self.say(said, Choice(question=question.id, meaning=option.meaning, said=said))


def talk(place: Workplace, title: str) -> Talk:
    return Talk(place, title).work()


@pytest.fixture
def place(workplace: Workplace) -> Workplace:
    return replace(workplace, host=None)


def source_of(ticket: Talk) -> str:
    """The relation that is counted."""
    return str(ticket.spec.metrics[0].measures[0].relation)


@pytest.mark.parametrize("label", ["A", "B", "C"])
def test_each_button_of_a_question_gives_what_it_says(place: Workplace, label: str) -> None:
    ticket = talk(place, ACTIVE)
    assert ticket.asked, ticket.result
    option = next(o for o in ticket.asked[0].options if o.label == label)
    ticket.press(label)
    assert ticket.result["outcome"] == "delivered", ticket.result["reason"]
    assert f"`{source_of(ticket)}`" in option.meaning


def test_what_is_said_later_does_not_change_an_answer(place: Workplace) -> None:
    ticket = talk(place, ACTIVE).say("A")
    first = source_of(ticket)
    for words in ("Perfect, exactly what we wanted from the web sessions", "Thanks!"):
        assert source_of(ticket.say(words)) == first


def test_one_letter_answers_one_question(place: Workplace) -> None:
    ticket = talk(place, "Active customers per month in Narnia").say("A")
    assert ticket.result["outcome"] == "needs_answers"
    assert "Narnia" in ticket.asked[0].text


def test_a_changed_mind_is_heard(place: Workplace) -> None:
    ticket = talk(place, ACTIVE).say("A")
    before = source_of(ticket)
    assert source_of(ticket.say("B please, we changed our mind")) != before


def test_follow_ups_are_done_asked_or_noted(place: Workplace) -> None:
    ticket = talk(place, "Number of orders per week")
    ticket.say("please split by channel as well, and leave out cancelled orders")
    assert [d.name for d in ticket.spec.dimensions] == ["channel"]
    assert ["cancelled" in f.condition for f in ticket.spec.filters] == [True]
    ticket.say("do not leave out cancelled orders")
    assert ticket.spec.filters == ()
    ticket.say("The numbers for May look wrong, I expected about 1200")
    assert any("May look wrong" in note for note in ticket.result["notes"])
    ticket.say("Could you make it monthly?")
    assert "per week or per month" in ticket.asked[0].text
    assert ticket.say("B").spec.time.grain == "month"


def test_shares_and_ranks_without_periods_are_proven(place: Workplace) -> None:
    ticket = talk(place, "Number of orders per channel, with share of total and rank")
    assert ticket.result["outcome"] == "delivered", ticket.result
    assert [d.kind for d in ticket.spec.derived] == ["share", "rank"]
