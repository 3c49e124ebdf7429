"""What a language model answers to each task: what it would have otherwise in the draft, and no more.

An empty answer leaves the draft as it is. The types are small, so that they cost few tokens, and have
neither open mappings nor unions, so that every provider takes their schema.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from crew.artifacts import (
    ColumnDoc,
    DocSet,
    GenericTest,
    ModelDoc,
    ModelDraft,
    Option,
    Question,
    Request,
    RequirementSpec,
    TestSuite,
)
from crew.drafting.vocabulary import words

MAX_DOUBTS = 3
_MARKUP = re.compile(r"https?:|www\.|\]\(|<[a-z!/]|@\w|\{[{%#]", re.I)
"""What plain sentences do not have: links, tags, mentions, Jinja."""
_NEW = re.compile(
    r"\b(?:random|rand|uuid|gen_random_uuid|newid|now|getdate|sysdate|current_(?:date|time|timestamp)|limit|top)\b",
    re.I,
)
"""Words of SQL whose rows differ from run to run, or are cut."""
MAX_TESTS = 5
_REVIEW = "review:"
_RIGHT = "it is right as it was read"


def _as_providers_take_it(schema: dict[str, Any]) -> None:
    """Those that keep strictly to a schema want every field required, no defaults, no lengths."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)
        field.pop("maxLength", None)
        field.pop("title", None)
    schema.pop("title", None)
    schema["required"] = list(schema.get("properties", {}))


class AgentAnswer(BaseModel):
    """A value that a language model gives."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_as_providers_take_it)


class Doubt(AgentAnswer):
    """Words of the request that a specification does not meet."""

    quote: str = Field(max_length=300, description="words of the request, verbatim")
    concern: str = Field(max_length=300, description="what the specification does instead")


class Review(AgentAnswer):
    doubts: tuple[Doubt, ...] = ()


class ModelSql(AgentAnswer):
    """The whole SQL of a model of the draft."""

    model: str
    sql: str


class Mended(AgentAnswer):
    models: tuple[ModelSql, ...] = ()


class FurtherTest(AgentAnswer):
    model: str
    column: str
    test: Literal["unique", "not_null", "accepted_values"]
    values: tuple[str, ...] = ()
    reason: str = Field(max_length=300)


class FurtherTests(AgentAnswer):
    tests: tuple[FurtherTest, ...] = ()


class Text(AgentAnswer):
    """What to say of a model, or of a column of it."""

    model: str
    column: str = Field("", description="empty for the model itself")
    text: str = Field(max_length=600)


class Described(AgentAnswer):
    texts: tuple[Text, ...] = ()


class Decision(AgentAnswer):
    """One of the choices, and why."""

    choice: str
    reason: str


# --- what they make of a draft -----------------------------------------------------------------


def review_problem(review: Review, request: Request) -> str:
    """What is wrong with a review, or nothing."""
    said = _plain(" ".join([request.title, request.body, *(c.body for c in request.comments)]))
    if len(review.doubts) > MAX_DOUBTS:
        return f"Raise at most {MAX_DOUBTS} doubts."
    for doubt in review.doubts:
        if not _plain(doubt.quote) or _plain(doubt.quote) not in said:
            return f"{doubt.quote!r} does not stand in the request; copy its words."
        if _MARKUP.search(doubt.concern):
            return "Write plain sentences, without links or markup."
    return ""


def doubted(spec: RequirementSpec, review: Review, request: Request, model: str) -> RequirementSpec:
    """The specification with a question for each doubt that people have not put aside."""
    right = {c.question for c in request.choices or () if c.meaning == _RIGHT}
    questions = [
        _doubt(doubt.quote, f"Is “{doubt.quote}” met? {doubt.concern} ({model} read it so.)")
        for doubt in review.doubts
    ]
    return spec.model_copy(update={"questions": tuple(q for q in questions if q.id not in right)})


def denied(spec: RequirementSpec, request: Request) -> RequirementSpec:
    """The specification with a question for each doubt that people shared, while the words that it is
    about still stand in the ticket: an answer beside them might go unread."""
    words_now = "_".join(words(f"{request.title} {request.body}"))
    questions = [
        _doubt(
            choice.question.removeprefix(_REVIEW).replace("_", " "),
            "This is not met as I read it, you said. Please change these words of the ticket.",
        )
        for choice in request.choices or ()
        if choice.question.startswith(_REVIEW) and choice.meaning != _RIGHT
        if choice.question.removeprefix(_REVIEW) in words_now
    ]
    return spec.model_copy(update={"questions": tuple(questions)})


def _doubt(quote: str, text: str) -> Question:
    return Question(
        id=_REVIEW + "_".join(words(quote))[:80],
        text=text,
        options=(
            Option(label="A", meaning=_RIGHT),
            Option(label="B", meaning="it is not; I shall change these words of the ticket"),
        ),
    )


def mended(draft: ModelDraft, answer: Mended) -> ModelDraft:
    """The draft with the SQL of the answer in place of its own."""
    sql = {m.model: m.sql for m in answer.models}
    models = (
        m.model_copy(update={"sql": sql[m.name].strip() + "\n"}) if m.name in sql else m
        for m in draft.models
    )
    return draft.model_copy(update={"models": tuple(models)})


def mending_problem(answer: Mended, draft: ModelDraft) -> str:
    """What is wrong with an answer, or nothing: it names other models, or brings in what makes rows
    differ from run to run, which no check of today's data would see."""
    drafted = {m.name: m.sql for m in draft.models}
    for model in answer.models:
        if model.model not in drafted:
            return f"There is no model {model.model!r}; there are {', '.join(drafted)}."
        had = {w.lower() for w in _NEW.findall(drafted[model.model])}
        new = sorted({w.lower() for w in _NEW.findall(model.sql)} - had)
        if new:
            return (
                f"{model.model}: leave out {', '.join(new)}; its rows must not depend on the run."
            )
    return ""


def further_tests(suite: TestSuite, answer: FurtherTests) -> TestSuite:
    """The suite with the tests of the answer that it does not have."""
    known = {(t.model, t.column, t.test) for t in suite.generic}
    new = tuple(
        GenericTest(
            model=t.model,
            column=t.column,
            test=t.test,
            arguments={"values": list(t.values)} if t.values else {},
            reason=t.reason,
        )
        for t in answer.tests
        if (t.model, t.column, t.test) not in known
    )
    return suite.model_copy(update={"generic": (*suite.generic, *new)})


def further_tests_problem(answer: FurtherTests) -> str:
    if len(answer.tests) > MAX_TESTS:
        return f"Propose at most {MAX_TESTS} tests."
    for test in answer.tests:
        if not test.column:
            return "Each test names a column."
        if (test.test == "accepted_values") != bool(test.values):
            return f"{test.test} on {test.column}: accepted_values has values, others have none."
    return ""


def described(docs: DocSet, answer: Described, model: str) -> DocSet:
    """The docs with the texts of the answer in place of their own, and a note on each: no check proves
    words."""
    texts = {(t.model, t.column): " ".join(t.text.split()) for t in answer.texts}
    notes: list[str] = []

    def worded(name: str, column: str, before: str) -> str:
        text = texts.get((name, column), before)
        if text != before:
            place = f"{name}.{column}".strip(".")
            notes.append(
                f"`{place}` is described in the words of {model}; the rules had: “{before}”"
            )
        return text

    def of_column(name: str, doc: ColumnDoc) -> ColumnDoc:
        return doc.model_copy(update={"description": worded(name, doc.name, doc.description)})

    def of_model(doc: ModelDoc) -> ModelDoc:
        text = worded(doc.model, "", doc.description)
        columns = tuple(of_column(doc.model, c) for c in doc.columns)
        return doc.model_copy(update={"description": text, "columns": columns})

    models = tuple(map(of_model, docs.models))
    return docs.model_copy(update={"models": models, "notes": (*docs.notes, *notes)})


def description_problem(answer: Described, docs: DocSet) -> str:
    names = {(d.model, c.name) for d in docs.models for c in d.columns}
    names |= {(d.model, "") for d in docs.models}
    for text in answer.texts:
        if (text.model, text.column) not in names:
            return f"There is no {text.model}.{text.column} to describe."
        if _MARKUP.search(text.text):
            return f"{text.model}.{text.column}: write plain sentences, without links or markup."
    return ""


def _plain(text: str) -> str:
    return " ".join(words(text))
