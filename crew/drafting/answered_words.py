"""Reads answers in people's own words: the ticket is read again with these in the place of what was
asked about.

`heavy is more than 500 kg` makes `heavy shipments` “shipments with more than 500 kg”. Several
places and joints are tried; one is kept only where it leaves nothing open of what was asked and
nothing unread, so that an answer that is not understood stays a question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crew.artifacts import (
    Assumption,
    Choice,
    Comment,
    Followed,
    GlossaryTerm,
    Grounding,
    GroundingSource,
    PastAnswer,
    Question,
    Request,
    RequirementSpec,
)
from crew.drafting.clause_reader import is_courtesy
from crew.drafting.languages import in_english, language_of
from crew.drafting.lessons import called
from crew.drafting.metric_reading import split_aggregation
from crew.drafting.questions import MAX_QUESTIONS, is_same_question, names_an_option
from crew.drafting.ticket_reader import as_read
from crew.drafting.vocabulary import plural, snake, stem_set, stems, word_set

Read = Callable[[Request], RequirementSpec]

_ASKED = re.compile(r"“([^”]+)”")
_DEFINES = re.compile(
    r"""^\W*(?:(?:by|with|as|an?|the|for(?:\s+us)?,?)\s+)*["“'`]?(?P<term>[\w-]+(?:\s+[\w-]+){0,3}?)["”'`]?\s*
    (?:,?\s*(?:we|i)\s+(?:mean|understand|count|call)|\s+(?:means?|is|are|stands?\s+for|counts?\s+as|refers?\s+to
      |(?:should|shall|would|must)\s+(?:be|mean)|(?:is|are)\s+(?:defined\s+as|meant\s+to\s+be|understood\s+as))\b
      |\s*[:=]|\s+[–—-]\s)\s*(?P<words>\S.*)$""",
    re.I | re.X,
)
_OPENS = re.compile(
    r"^\W*(?:(?:(?:we|i)\s+(?:mean|meant|want|need|would\s+like)|(?:it|that|this|they|those)(?:\s+(?:is|are|was|would\s+be)|['’]s)"
    r"|take|use|please|count|just|simply|always|means?|everybody|everyone|anyone|anything|everything|the\s+ones|those)\s+)+",
    re.I,
)
_ENDS = re.compile(
    r"\W*\b(?:(?:i|we)\s+(?:guess|think|believe|suppose)|please|thanks?|thank\s+you|i['’]d\s+say)\W*$",
    re.I,
)
# `we call a shipment heavy if it weighs more than 500 kg`
_CALLS = re.compile(
    r"^\W*(?:we|i|they)\s+(?:call|consider|count|regard)\s+(?:an?\s+|the\s+)?\w+\s+(?:as\s+|to\s+be\s+)?[\"“'`]?(?P<term>\w+)[\"”'`]?\s+"
    r"(?:when|if|as\s+soon\s+as|once)\s+(?:it|they|he|she)\s+(?P<words>.+)$",
    re.I,
)
_JOINED = re.compile(
    r"^(?:with|without|that|which|who|whose|where|of|from|in|for|over|above|below|under|since|having)\b",
    re.I,
)
_COMPARES = re.compile(
    r"^(?:(?:more|less|fewer|greater|higher|lower|longer|shorter)\s+than|at\s+(?:least|most)|over|above|below|under|[<>]=?|between|an?|no)\b|^\d",
    re.I,
)
_A_NOUN = re.compile(r"^(?:the|its|their|our|we|i|you|they|it|when|if|how|what)\b", re.I)
_PUTS_OFF = re.compile(
    r"\b(?:ask|asking|check(?:ing)?|talk|discuss|clarify|not\s+sure|no\s+idea|don['’]?t\s+know|later|tomorrow|meeting)\b",
    re.I,
)
_LIMITS = re.compile(
    r"^\W*(?:and\s+|but\s+|also\s+|please\s+)*(?:no|not|none|without|only|just|exclud\w+|includ\w+|leave|leaving|drop|keep|ignore|don['’]?t)\b",
    re.I,
)
_KINDS_OF_ROWS = frozenset({"time", "join", "currency", "repeated", "removed", "picked"})
_OF_WORDS = frozenset(
    {"metric", "dimension", "column", "filter", "include", "leftover", "edit", "item", "prose"}
)
"""Kinds of questions about what words mean."""


@dataclass(frozen=True)
class Rewording:
    """A request in other words: which question that settles, what the words mean, the sentence that
    told it, what was done, in words, and where that comes from, if not from an answer on it."""

    request: Request
    question: Question
    meaning: str
    said: str
    done: str
    source: GroundingSource = "answer"
    past: PastAnswer | None = None

    @property
    def told(self) -> str:
        how = "so the glossary defines it" if self.source == "glossary" else "so it was answered"
        return f"{self.done}: {how}, “{self.said}”."


def read_with_answers(
    read: Read,
    request: Request,
    past: Sequence[PastAnswer] = (),
    glossary: Sequence[GlossaryTerm] = (),
) -> RequirementSpec:
    """The specification that `read` gives of a request; while it asks, of the request in the words
    of the answers on it, of those to the same question on earlier requests, of the glossary."""
    spec, now, taken = read(request), request, list[Rewording]()
    while spec.questions and len(taken) < MAX_QUESTIONS:
        for rewording in rewordings(now, spec.questions, past, glossary):
            tried = read(rewording.request)
            if _settles(rewording, spec, tried):
                spec, now = tried, rewording.request
                taken.append(rewording)
                break
        else:
            break
    return _told(spec, request, taken) if taken else spec


def rewordings(
    request: Request,
    questions: Sequence[Question],
    past: Sequence[PastAnswer] = (),
    glossary: Sequence[GlossaryTerm] = (),
) -> Iterator[Rewording]:
    """The request in the words of each answer, the most likely ones first."""
    language = language_of(f"{request.title}\n{request.body}")
    english = request.model_copy(
        update={k: in_english(getattr(request, k), language) for k in ("title", "body")}
    )
    for sentence, rest in _said_to_us(request):
        without = english.model_copy(update={"comments": rest})
        said = in_english(sentence, language or language_of(sentence))
        for question in questions:
            for words, further in _wordings(said, question):
                follows = Comment(author="", body=further) if further else None
                asked = without
                if follows:
                    asked = without.model_copy(update={"comments": (*rest, follows)})
                for text, done in _reworded(asked, question, words):
                    yield Rewording(text, question, words, sentence, done)
    for choice in request.choices or ():
        for question in [q for q in questions if q.id == choice.question]:
            for text, done in _reworded(english, question, choice.meaning):
                yield Rewording(text, question, choice.meaning, choice.said, done)
    for question in questions:
        same = [p for p in past if not p.by_model and is_same_question(p.question, question.id)]
        for answer in same:
            for text, done in _reworded(english, question, answer.meaning):
                yield Rewording(
                    text, question, answer.meaning, answer.said, done, "precedent", answer
                )
    for question in questions:
        about = {s for t in _ASKED.findall(question.text) for s in stems(t)}
        for term in (t for t in glossary if t.definition and not t.formula):
            if set(stems(term.name)) <= about:
                words = term.definition.strip(" .")
                for text, done in _reworded(english, question, words):
                    yield Rewording(text, question, words, term.definition, done, "glossary")


def _said_to_us(request: Request) -> Iterator[tuple[str, tuple[Comment, ...]]]:
    """The sentences said after we spoke, the last ones first, with the comments without them."""
    spoke = next((n for n, c in enumerate(request.comments) if c.ours), len(request.comments))
    for n in range(len(request.comments) - 1, spoke, -1):
        comment = request.comments[n]
        if comment.ours:
            continue
        for sentence in re.split(r"(?<=[.!?;])\s+|\n+", comment.body):
            bare = sentence.strip(" .;!")
            if not bare or bare.endswith("?") or is_courtesy(bare) or names_an_option(bare):
                continue
            if _PUTS_OFF.search(bare) or _LIMITS.match(bare):
                continue
            left = comment.model_copy(update={"body": comment.body.replace(sentence, " ").strip()})
            kept = (left,) if left.body else ()
            yield bare, (*request.comments[:n], *kept, *request.comments[n + 1 :])


def _wordings(sentence: str, question: Question) -> Iterator[tuple[str, str]]:
    """What a sentence says in the place of what was asked about, and what it says besides."""
    sentence = _ENDS.sub("", sentence)
    defined = _CALLS.match(sentence) or _DEFINES.match(sentence)
    about = {s for t in _ASKED.findall(question.text) for s in stems(t)}
    if defined and not all(
        any(s.startswith(a) or a.startswith(s) for a in about)
        for s in set(stems(defined["term"])) - stem_set("articles")
    ):
        defined = None
    words = defined["words"] if defined else sentence
    words = _OPENS.sub("", words).strip(" .")
    cuts = list(re.finditer(r"\s*[,;]\s+(?:and\s+|but\s+)?|\s+(?:and|but)\s+|\s+\(", words))[:3]
    parts = [(words[: c.start()], words[c.end() :].rstrip(") ")) for c in cuts]
    apart = [p for p, c in zip(parts, cuts, strict=True) if c.group().strip()[:1] in {",", ";"}]
    yield from apart
    yield words, ""
    yield from (p for p in parts if p not in apart)


def _reworded(request: Request, question: Question, words: str) -> Iterator[tuple[Request, str]]:
    """The request with the words of an answer where those stood that were asked about."""
    if len(words) < 3 or len(words) > 300:
        return
    terms = [t.strip() for t in _ASKED.findall(question.text)]
    kind = question.id.partition(":")[0]
    seen = set()
    swaps = _swaps(terms, words) if kind in _OF_WORDS else ()
    for old, new in swaps:
        if (old, new) not in seen:
            seen.add((old, new))
            texts = {k: _swap(getattr(request, k), old, new) for k in ("title", "body")}
            for term in terms[:-1]:  # `VIPs` where `VIP customers` are these
                if texts["body"] != request.body and old.lower().startswith(term.lower()):
                    texts = {k: _swap(t, plural(term), new) for k, t in texts.items()}
            if texts != {"title": request.title, "body": request.body}:
                yield request.model_copy(update=texts), f"“{old}” is read as “{new}”"
    sentence = f"Dated by {words}." if kind == "time" else f"{words[:1].upper()}{words[1:]}."
    if kind in {"wish", "edit", "change", "time", "dates"}:
        body = f"{request.body}\n\n{sentence}".strip()
        yield request.model_copy(update={"body": body}), f"“{sentence}” is read with the ticket"


def _swaps(terms: Sequence[str], words: str) -> Iterator[tuple[str, str]]:
    """What may stand for what: the asked words or the phrase around them, for those of an answer."""
    if not terms:
        return
    phrase, single = terms[-1], list(terms[:-1])
    bare = re.sub(r"^(?:an?|the|any|all|every|each)\s+", "", words, flags=re.I)
    aggregation, counted = split_aggregation(phrase)
    opening = phrase[: -len(counted)] if aggregation and phrase.endswith(counted) else ""
    if " divided by " in words:
        above, below = words.split(" divided by ", 1)
        for new in (words, f"number of {above} divided by the number of {below}"):
            yield phrase, new
        return
    if split_aggregation(words)[0]:
        if _covers([*(single or [phrase]), words], phrase):
            for old in (phrase, counted):
                yield old, words
        return
    for term in single or [counted]:
        noun = _noun_after(term, counted)
        if noun and not _names(bare, noun):
            for joint in _joints(words):
                yield f"{term} {noun}", f"{noun} {joint}{words}"
        elif noun:
            yield f"{term} {noun}", _in_plural(bare)
        else:
            yield term, bare
    if _covers([*(single or [phrase]), words], phrase):
        for new in dict.fromkeys((_in_plural(bare), bare)):
            yield phrase, f"{opening}{new}"
            yield counted, new


def _covers(texts: Sequence[str], phrase: str) -> bool:
    """Whether each word of a phrase was asked about or stands in the answer, so that none is lost."""
    known = {s for text in texts for s in stems(text)} | stem_set("stops") | stem_set("articles")
    return set(stems(split_aggregation(phrase)[1])) <= known


def _noun_after(term: str, phrase: str) -> str:
    """The word of a phrase that an adjective stands before."""
    found = re.search(rf"(?<!\w){re.escape(term)}\s+([\w-]+)", phrase, re.I)
    return found.group(1) if found and found.group(1).lower() not in word_set("stops") else ""


def _names(words: str, noun: str) -> bool:
    return bool(set(stems(noun)) & set(stems(" ".join(words.split()[:3]))))


def _joints(words: str) -> tuple[str, ...]:
    if _A_NOUN.match(words):
        return ()
    if _COMPARES.match(words):
        return ("with ", "of ")
    if _JOINED.match(words):
        return ("",)
    return ("that are ", "with ", "that ", "where ", "")


def _in_plural(words: str) -> str:
    first, _, rest = words.partition(" ")
    return (
        f"{plural(first)} {rest}".strip()
        if re.match(r"(?:with|that|which|who|whose|where|of)\b", rest)
        else words
    )


def _swap(text: str, old: str, new: str) -> str:
    pattern = r"\s+".join(re.escape(w) for w in old.split())
    return re.sub(rf"(?<!\w){pattern}(?!\w)", lambda _: new, text, flags=re.I)


def _settles(rewording: Rewording, before: RequirementSpec, after: RequirementSpec) -> bool:
    """Whether a reading no longer asks the question and takes every word of the answer."""
    if after.kind in {"refuse", "nothing"} or set(after.notes) - set(before.notes):
        return False
    known = {q.id for q in before.questions}
    left = {q.id for q in after.questions}
    raised = {i for i in left - known if i.partition(":")[0] not in _KINDS_OF_ROWS}
    return rewording.question.id not in left and not raised


def _told(spec: RequirementSpec, request: Request, taken: Sequence[Rewording]) -> RequirementSpec:
    """The specification, with what was read in other words said, and put down to who said it."""
    texts = [request.title, request.body, as_read(request), *(c.body for c in request.comments)]
    stood = _plain(" ".join(texts))
    last = taken[-1]

    def put_down(value: Any) -> Any:
        if isinstance(value, list):
            return [put_down(v) for v in value]
        if not isinstance(value, dict):
            return value
        if set(value) == set(Grounding.model_fields) and value["source"] in {"ticket", "answer"}:
            told = next((t for t in taken if _plain(t.meaning) in _plain(value["text"])), last)
            if _plain(value["text"]) not in stood:
                return {**value, "source": told.source, "text": told.said}
        return {k: put_down(v) for k, v in value.items()}

    told = _named(RequirementSpec.model_validate(put_down(spec.model_dump(mode="json"))), taken)
    made = (
        Assumption(text=t.told, grounding=Grounding(source=t.source, text=t.said)) for t in taken
    )
    settled = (
        Choice(question=t.question.id, meaning=t.meaning, said=t.said)
        for t in taken
        if t.source == "answer"
    )
    followed = (
        Followed(id=f"{t.past.request} {t.past.question}", text=t.told, provenance=t.past.request)
        for t in taken
        if t.past
    )
    return told.model_copy(
        update={
            "question": request.title.strip() or spec.question,
            "assumptions": (*made, *told.assumptions),
            "settled": (*told.settled, *settled),
            "followed": (*told.followed, *followed),
        }
    )


def _named(spec: RequirementSpec, taken: Sequence[Rewording]) -> RequirementSpec:
    """The only figure by the name that the ticket gave it: `heavy_shipments`."""
    asked = [t.question for t in taken if t.question.id.startswith("metric:")]
    if len(asked) != 1 or len(spec.metrics) != 1 or spec.derived or spec.top:
        return spec
    phrase = split_aggregation(_ASKED.findall(asked[0].text)[-1])[1]
    name = snake(phrase)
    if not name or name in {*spec.row_grain, *(d.name for d in spec.dimensions)}:
        return spec
    return spec.model_copy(update={"metrics": (called(spec.metrics[0], name),)})


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`*]", "", text).lower().split())
