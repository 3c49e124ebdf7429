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
_DENIES = re.compile(
    r"\b(?:not|no|nor|never|none|nobody|nothing|neither|without|except|unless|but|only|nicht|kein\w*|ohne|au(?:ß|ss)er"
    r"|pas|sans|sauf|sin|salvo)\b|n['’]t\b",
    re.I,
)
"""Words that may turn what a quote says into its opposite, or limit it."""


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
    """A sentence that may settle a question; `owner` is the relation or column it describes."""

    text: str
    owner: str = ""


def sources(request: Request, evidence: Evidence) -> list[Source]:
    """What people wrote on the ticket, in the glossary and of relations and columns."""
    said = [request.title, request.body, *(c.body for c in request.comments if not c.ours)]
    texts = [(text, "") for text in said]
    texts += [(f"{t.name}: {t.definition}", "") for t in evidence.glossary if t.definition]
    for card in evidence.relations:
        texts += [(card.description, card.key)]
        texts += [(c.told, f"{card.key}.{c.name}") for c in card.columns]
    return [Source(s, owner) for text, owner in texts for s in _SENTENCES.split(text) if s.strip()]


def advice_problem(advice: Advice, questions: Sequence[Question], known: Sequence[Source]) -> str:
    """What is wrong with an answer, or nothing."""
    by_id = {q.id: q for q in questions}
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
    """Whether a quote speaks of what was asked about and of this option alone, in a sentence that
    denies and limits nothing."""
    said = set(stems(quote))
    plain = stem_set("stops") | stem_set("articles")
    asked = asked_stems(question)
    others = [o for o in question.options if o.label != option.label]
    own = set(stems(option.meaning)) - {s for o in others for s in stems(o.meaning)} - asked - plain
    for source in _standing_in(quote, known):
        if _DENIES.search(source.text):
            continue
        names = source.owner and f"`{source.owner}`" in option.meaning
        names = names and all(f"`{source.owner}`" not in o.meaning for o in others)
        if asked and asked <= said and (names or own & said):
            return True
    return False


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
