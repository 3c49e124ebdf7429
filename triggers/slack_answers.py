"""Answers that people give in Slack: by a button, in a form, or in the thread.

Each counts once. It is noted as seen after it was stored, so that a crash in between costs a second
run and never an answer.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from crew.artifacts import Choice, Question
from crew.delivery.safe_markdown import shown
from crew.errors import InvalidInput
from triggers.desk import Desk, Record
from triggers.door import Message
from triggers.messages import STATUS
from triggers.orchestrator import Orchestrator
from triggers.rich_text import clean
from triggers.slack_address import Place
from triggers.slack_blocks import shape_of
from triggers.slack_text import escaped

_OVER = {"merged", "closed", "cancelled"}
_OPEN = {"waiting", "laid_aside", "queued", "working"}
_LONGEST = 20_000


@dataclass(frozen=True)
class SlackAnswers:
    """Brings answers to the orchestrator, and the question's message up to date."""

    desk: Desk
    orchestrator: Orchestrator
    _one_by_one: threading.Lock = field(default_factory=threading.Lock)

    def question(self, ticket: str, question: str) -> Question:
        """An open question. Raises InvalidInput with words for who wanted to answer it."""
        return self._open(ticket, question)[1]

    def choose(self, ticket: str, question: str, label: str, shape: str, who: str) -> None:
        """Take an option of a question of this shape. Raises InvalidInput if it is not open any
        more, or was asked again with other options."""
        with self._one_by_one:
            record, asked = self._open(ticket, question)
            option = next((o for o in asked.options if o.label == label), None)
            if option is None or shape != shape_of(asked):
                raise InvalidInput(
                    "The question was asked again with other answers.", "Please choose there."
                )
            said = f"{option.label}: {option.meaning}"
            choice = Choice(question=asked.id, meaning=option.meaning, said=said)
            self._take(record, asked, said, who, choice)

    def say(self, ticket: str, question: str, words: str, who: str) -> None:
        """Answer a question in words. Raises InvalidInput if it is not open any more."""
        with self._one_by_one:
            record, asked = self._open(ticket, question)
            self._take(record, asked, _words(words), who, None)

    def reply(
        self, place: Place, words: str, who: str, event: str, addressed: bool, person: str
    ) -> str:
        """What was said in a thread: below one of ours an answer if it waits for one, or a change
        if we were `addressed` by a `person` who may ask. Gives what to say to that; nothing where nobody expects it."""
        with self._one_by_one:
            record = self.desk.ticket_told("slack", STATUS, str(place))
            if record is None:
                return "This thread is none of mine." if addressed else ""
            asks = record.state in ("queued", "working") and bool(record.asked)
            waits = record.state in ("waiting", "laid_aside") or asks
            if self.desk.has_seen(event) or not (waits or addressed):
                return ""
            if not waits and not self.orchestrator.may_ask(person):
                return "Only people whom the setting `allowed` names may ask for a change."
            if record.state in _OVER:
                return f"`{record.request.key}` is {record.state}; please send a new request."
            asked = _asked(record) if waits else ()
            after = self.orchestrator.answer(record.id, who, _words(words), event)
            if after and after.state == "refused":
                return f"Not taken up: {escaped(after.reason)}"
            for question in asked:
                self.desk.first_time(_event(record, question.id))
            if asked:
                self._tell(record, f"✔ Answered below by **{shown(who, 80)}**.", ())
            return "" if waits else f"I look at `{record.request.key}` again with this."

    def _open(self, ticket: str, question: str) -> tuple[Record, Question]:
        record = self.desk.ticket(ticket)
        if record is None:
            raise InvalidInput("This request is not known here any more.")
        if record.state in _OVER:
            raise InvalidInput(f"This request is {record.state}; nothing was changed.")
        asked = next((q for q in _asked(record) if q.id == question), None)
        if asked is None:
            raise InvalidInput("This question is not open any more; nothing was changed.")
        if self.desk.has_seen(_event(record, question)):
            raise InvalidInput(
                "This question was answered already; nothing was changed.",
                "To say more, mention me in the thread.",
            )
        return record, asked

    def _take(
        self, record: Record, asked: Question, said: str, who: str, choice: Choice | None
    ) -> None:
        questions = _asked(record)
        self.orchestrator.answer(record.id, who, said, _event(record, asked.id), choice)
        left = tuple(q for q in questions if not self.desk.has_seen(_event(record, q.id)))
        line = f"✔ {shown(asked.text, 1000)}\n\n> **{shown(who, 80)}**: {shown(said, 1000)}"
        self._tell(record, line, left)

    def _tell(self, record: Record, line: str, left: tuple[Question, ...]) -> None:
        """Have the message of the questions show what was answered, with buttons for the others."""
        before = self.desk.text_of(record.id, record.question_kind)
        earlier = f"{before}\n\n" if before.startswith("✔") else ""
        with self.desk.change() as change:
            change.tell(record, Message(record.question_kind, earlier + line, left))


def _asked(record: Record) -> tuple[Question, ...]:
    """The questions of the last run, as long as nothing came of it but these."""
    if record.state not in _OPEN or record.result.get("outcome") != "needs_answers":
        return ()
    return tuple(Question.model_validate(q) for q in record.result["questions"])


def _event(record: Record, question: str) -> str:
    return f"answer:{record.id}:{record.result.get('run')}:{question}"


def _words(words: str) -> str:
    """Raises InvalidInput for an answer that says nothing."""
    cleaned = clean(words, _LONGEST)
    if not cleaned:
        raise InvalidInput("The answer is empty.", "Say it in a few words.")
    return cleaned
