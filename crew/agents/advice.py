"""What a language model says to open questions, and how far it is believed.

It may point to the words that settle a question: where these words of the ticket, the glossary or a
description really name the option, the answer is taken and said as an assumption. Anything else it
says is only a suggestion to the people who are asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from pydantic import Field

from crew.agents.answers import AgentAnswer
from crew.artifacts import Choice, Evidence, Option, PastAnswer, Question, Request, RequirementSpec
from crew.drafting.questions import MAX_OPTIONS, asked_stems
from crew.drafting.vocabulary import stem_set, stems

_MAX_WORDS = 200
_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_LEAVES_OPEN = re.compile(
    r"\?|n['’]t\b|\b(?:"
    r"not|no|nor|never|none|nobody|nothing|neither|without|except|unless|but|only|hardly|rarely|seldom"
    r"|if|whether|may|might|maybe|perhaps|probably|could|would|should|think|believe|suppos\w+|discuss\w*"
    r"|rather|instead|than|others?|previously|formerly|old|used to|until|stop\w*|ceas\w+|lack\w*|ignor\w+"
    r"|exclud\w+|wrong\w*|mistak\w+|false\w*|incorrect\w*|obsolete|deprecated|claim\w*"
    r"|nicht|nie|niemals|niemand|nichts|kein\w*|ohne|au(?:ß|ss)er|kaum|selten|nur|aber|sondern|statt|anstatt"
    r"|falls|wenn|ob|vielleicht|früher|bisher|falsch\w*"
    r"|pas|jamais|aucun\w*|rien|sans|sauf|si|peut-être|plutôt|mais|seulement"
    r"|sin|nunca|nada|ningun\w*|salvo|excepto|quizás?|pero|s[oó]lo)\b",
    re.I,
)
"""What asks, doubts, denies or limits: a sentence with it may say the opposite of what is quoted."""


class Answer(AgentAnswer):
    """To one question: the label of an option, or other words; and the words that settle it."""

    question: str = Field(description="id of the question")
    option: str = Field("", description="label of the option that holds, if one does")
    words: str = Field("", max_length=_MAX_WORDS, description="else what is meant, in plain words")
    quote: str = Field(
        description="words of ticket, glossary or descriptions that say so, verbatim"
    )


class Advice(AgentAnswer):
    """Answers to those open questions that can be answered."""

    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Source:
    """A sentence that may settle a question: of the ticket, of the glossary, or of a description;
    `owner` is the relation or column that this describes."""

    text: str
    owner: str = ""
    is_of_ticket: bool = False


def sources(request: Request, evidence: Evidence) -> list[Source]:
    """What people wrote on the ticket, in the glossary and of relations and columns."""
    said = [request.title, request.body, *(c.body for c in request.comments if not c.ours)]
    texts = [(text, "", True) for text in said]
    texts += [(f"{t.name}: {t.definition}", "", False) for t in evidence.glossary if t.definition]
    for card in evidence.relations:
        texts += [(card.description, card.key, False)]
        texts += [(c.told, f"{card.key}.{c.name}", False) for c in card.columns]
    return [
        Source(s, owner, is_of_ticket)
        for text, owner, is_of_ticket in texts for s in _SENTENCES.split(text) if s.strip()
    ]  # fmt: skip


def advice_problem(advice: Advice, questions: Sequence[Question], known: Sequence[Source]) -> str:
    """What is wrong with an answer, or nothing."""
    by_id = {q.id: q for q in questions}
    if len({a.question for a in advice.answers}) < len(advice.answers):
        return "Answer each question once."
    for answer in advice.answers:
        question = by_id.get(answer.question)
        if question is None:
            return f"There is no question {answer.question!r}; there are {', '.join(by_id)}."
        labels = [o.label for o in question.options]
        if answer.option and answer.option not in labels:
            return f"{answer.question} has no option {answer.option!r}; it has {', '.join(labels)}."
        if bool(answer.option) == bool(answer.words.strip()):
            return f"Answer {answer.question} by an option or in words, one of them."
        if not _standing_in(answer.quote, known):
            return (
                f"{answer.quote!r} does not stand in ticket, glossary or descriptions: quote them."
            )
    return ""


def take(
    spec: RequirementSpec,
    advice: Advice,
    model: str,
    known: Sequence[Source],
    read: Callable[[Request, Sequence[PastAnswer]], RequirementSpec],
    request: Request,
) -> RequirementSpec:
    """The specification that `read` gives of a request and the answers that are told by the words
    they quote; the others are shown with the questions that stay open."""
    told = [
        PastAnswer(
            question=q.id, meaning=o.meaning, said=a.quote, said_by=model, request="", by_model=True
        )
        for q in spec.questions for a in advice.answers if a.question == q.id
        for o in q.options if o.label == a.option and _is_told(q, o, a.quote, known)
    ]  # fmt: skip
    spec = read(request, told) if told else spec

    def is_read(answer: Answer) -> bool:
        choice = Choice(question=answer.question, meaning=answer.words.strip(), said=answer.words)
        tried = read(request.model_copy(update={"choices": (choice,)}), told)
        return all(q.id != answer.question for q in tried.questions)

    answers = {a.question: a for a in advice.answers if a.option or is_read(a)}
    questions = [_suggested(q, answers.get(q.id), model) for q in spec.questions]
    return spec.model_copy(update={"questions": tuple(questions)})


def _is_told(question: Question, option: Option, quote: str, known: Sequence[Source]) -> bool:
    """Whether a quote speaks of what was asked about and of this option, in a sentence that leaves
    nothing open; and no such sentence speaks of another option. The ticket's own words count more
    than those of the glossary and of descriptions."""
    asked = asked_stems(question)
    if not asked or not asked <= set(stems(quote)):
        return False
    about = [s for s in known if asked <= set(stems(s.text)) and not _LEAVES_OPEN.search(s.text)]
    others = [o for o in question.options if o.label != option.label]
    of_others = [s for s in about if any(_speaks_of(o, question, s.text, s.owner) for o in others)]
    return any(
        _speaks_of(option, question, quote, source.owner)
        and not any(s.is_of_ticket or not source.is_of_ticket for s in of_others)
        for source in _standing_in(quote, about)
    )


def _speaks_of(option: Option, question: Question, text: str, owner: str) -> bool:
    """Whether a text has words that only this option has, or describes what only this one names."""
    others = [o.meaning for o in question.options if o.label != option.label]
    named = f"`{owner}`"
    if owner and named in option.meaning and all(named not in other for other in others):
        return True
    plain = stem_set("stops") | stem_set("articles") | asked_stems(question)
    own = set(stems(option.meaning)) - {s for other in others for s in stems(other)} - plain
    return not own.isdisjoint(stems(text))


def _standing_in(quote: str, known: Sequence[Source]) -> list[Source]:
    wanted = _plain(quote)
    return [s for s in known if wanted and wanted in _plain(s.text)]


def _suggested(question: Question, answer: Answer | None, model: str) -> Question:
    """The question with what the model would answer, as its default or as one option more."""
    if answer is None:
        return question
    label = answer.option
    options = question.options
    if not label:
        if len(options) >= MAX_OPTIONS:
            return question
        label = ascii_uppercase[len(options)]
        options = (*options, Option(label=label, meaning=answer.words.strip()))
    text = f"{question.text} ({model} would take {label}, by “{answer.quote[:_MAX_WORDS]}”.)"
    return question.model_copy(update={"text": text, "options": options, "default": label})


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
