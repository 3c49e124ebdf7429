"""Asks what the evidence leaves open, with options drawn from the data, and reads the answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from string import ascii_uppercase

from crew.artifacts import (
    Assumption,
    Choice,
    Followed,
    Grounding,
    Option,
    PastAnswer,
    Question,
)
from crew.drafting.metric_reading import split_aggregation
from crew.drafting.vocabulary import stem_set, stems

MAX_QUESTIONS = 3
MAX_OPTIONS = 5
_LETTER = re.compile(
    r"^\W*(?:(?:please|let's|we|i|i'd|would|will)\s+)*(?:(?:option|answer|choice|take|use|pick|choose|"
    r"go with|go for|prefer)\s+)*[\"'(]*([A-Ea-e1-5])[\"').:,]*"
    r"\s*(?:please|thanks|thank you)?\W*$",
    re.I,
)
_INSIDE = re.compile(r"\b(?:option|answer|choice)\s+[\"']?([A-E1-5])\b", re.I)
_THEN = re.compile(r"\s*(?:[,;:]|\band\b|\bbut\b|\s[-–—]\s)\s*")
_DEFAULT = re.compile(
    r"\b(?:default|your (?:suggestion|proposal)|as you (?:suggest|propose)(?:ed)?)\b", re.I
)
_TERM = re.compile(r"[“`]([^”`]+)[”`]")
_OF_WORDS = frozenset({"metric", "condition", "dimension", "filter", "column"})
_LASTING = _OF_WORDS | {"removed", "currency", "repeated", "join", "time"}
"""Questions about what words and relations mean, whose answers hold for other requests too."""


@dataclass
class Asking:
    """Collects open questions of one interpretation.

    `answers` are sentences of the ticket's comments. Those in `directed` were written after we
    had asked; any other one counts only if it speaks of the very term that is asked about.
    Where `choices` are given, somebody read the answers when they were made, against the options
    that were shown: then they alone take an option.
    Letters answer questions in the order both came, one each: the second is not for the first.
    What this ticket leaves open is taken from `past` answers to the same question, if these agree;
    `recalled` are those that were taken.
    """

    answers: Sequence[str]
    directed: Collection[str] = ()
    choices: Sequence[Choice] | None = None
    past: Sequence[PastAnswer] = ()
    open: list[Question] = field(default_factory=list)
    answered: dict[str, tuple[Option, str]] = field(default_factory=dict)
    recalled: dict[str, PastAnswer] = field(default_factory=dict)
    letters_used: int = 0

    def ask(
        self,
        id_: str,
        text: str,
        meanings: Sequence[tuple[str, str]],
        default: int | None = 0,
        raised_by: str = "",
    ) -> int | None:
        """Index of the option an answer chose; None, with the question kept open, if none did.

        `meanings` are (what it means, what it would give) per option; no `default` where none is
        likelier than the others. The sentence that raised the question does not answer it.
        """
        options = tuple(
            Option(label=ascii_uppercase[n], meaning=meaning, effect=effect)
            for n, (meaning, effect) in enumerate(meanings[:MAX_OPTIONS])
        )
        suggested = options[default].label if options and default is not None else ""
        question = Question(id=id_, text=text, options=options, default=suggested)
        if self.choices is not None and options:
            return self._chosen(question)
        answers = [a for a in self.answers if a != raised_by]
        directed = [a for a in answers if a in self.directed]
        chosen = choose(question, self._without_letters_but_one(directed), alone=not self.open)
        if chosen is not None and is_option(chosen[1]):
            self.letters_used += 1
        if chosen is None:
            term = {t for m in _TERM.findall(question.text) for t in stems(m)}
            chosen = by_words(question, [a for a in answers if term & set(stems(a))])
        if chosen is None:
            return self._remembered(question)
        index, quote = chosen
        self.answered[id_] = (options[index], quote)
        return index

    @property
    def letters_left(self) -> int:
        """How many bare letters answered nothing."""
        return sum(map(is_option, filter(self.directed.__contains__, self.answers))) - (
            self.letters_used
        )

    def _without_letters_but_one(self, directed: Sequence[str]) -> list[str]:
        """What was said to us, with that letter alone whose turn it is."""
        letters = [a for a in self.answers if a in self.directed and is_option(a)]
        turn = letters[self.letters_used : self.letters_used + 1]
        return [a for a in directed if not is_option(a)] + turn

    @property
    def settled(self) -> tuple[Choice, ...]:
        """The options that people took on this ticket."""
        return tuple(
            Choice(question=id_, meaning=option.meaning, said=said)
            for id_, (option, said) in self.answered.items()
            if id_ not in self.recalled
        )

    @property
    def followed(self) -> tuple[Followed, ...]:
        """The earlier answers that were taken, in words."""
        return tuple(
            Followed(
                id=f"{past.request} {past.question}",
                text=f"“{asked_term(id_)}” means {past.meaning}: so it was answered, “{past.said}”"
                + (f", by {past.said_by}." if past.said_by else "."),
                provenance=past.request,
            )
            for id_, past in self.recalled.items()
            if not past.by_model
        )

    @property
    def read_by_model(self) -> tuple[Assumption, ...]:
        """What a language model took options for, and by which words."""
        return tuple(
            Assumption(
                text=f"“{asked_term(id_)}” means {past.meaning}: so {past.said_by} reads “{past.said}”.",
                grounding=_by_model(past),
            )
            for id_, past in self.recalled.items()
            if past.by_model
        )

    def grounding(self) -> Grounding:
        """Where the answer taken last comes from."""
        id_, (_, said) = list(self.answered.items())[-1]
        past = self.recalled.get(id_)
        if past is None:
            return Grounding(source="answer", text=said)
        if past.by_model:
            return _by_model(past)
        return Grounding(source="precedent", text=f"{past.request}: {said}", confidence=0.8)

    def _remembered(self, question: Question) -> int | None:
        """The option that earlier answers to the same question took, if all of them mean the same;
        those on merged requests outrank others. Else the question stays open."""
        people = [p for p in self.past if not p.by_model]
        same = [p for p in people if is_same_question(p.question, question.id)]
        read = [p for p in self.past if p.by_model and p.question == question.id]
        counting = [p for p in same if p.merged] or same or read
        if len({p.meaning for p in counting}) == 1:
            past = counting[0]
            for index, option in enumerate(question.options):
                if option.meaning == past.meaning:
                    self.answered[question.id] = (option, past.said)
                    self.recalled[question.id] = past
                    return index
        elif counting:
            told = "; ".join(f"{p.request}: {p.meaning}" for p in counting[:3])
            text = f"{question.text} Earlier requests disagree ({told})."
            question = question.model_copy(update={"text": text})
        if all(q.id != question.id for q in self.open):
            self.open.append(question)
        return None

    def _chosen(self, question: Question) -> int | None:
        """As `ask`, by what was taken when the question was shown."""
        taken = [c for c in self.choices or () if c.question == question.id]
        for index, option in enumerate(question.options):
            if taken and option.meaning == taken[-1].meaning:
                self.answered[question.id] = (option, taken[-1].said)
                return index
        return self._remembered(question)


def _by_model(past: PastAnswer) -> Grounding:
    return Grounding(source="assumption", text=f"{past.said_by}: {past.said}", confidence=0.6)


def asked_term(id_: str) -> str:
    """What a question is about, by its id: `metric:churned_customers`."""
    return id_.partition(":")[2].replace("_", " ").replace(":", " and ")


def asked_stems(question: Question) -> set[str]:
    """Stems of the words that a question asks about: `active` in “active customers”."""
    terms = re.findall(r"“([^”]+)”", question.text) or [asked_term(question.id)]
    plain = stem_set("stops") | stem_set("articles")
    return {s for term in terms[:-1] or terms for s in stems(term)} - plain


def is_same_question(one: str, other: str) -> bool:
    """Whether two questions, by their ids, ask what the same words or the same relations mean."""
    kind, _, about = one.partition(":")
    other_kind, _, other_about = other.partition(":")
    if kind != other_kind or kind not in _LASTING:
        return False
    if kind not in _OF_WORDS:
        return about == other_about
    said, other_said = (
        set(stems(split_aggregation(text.replace("_", " "))[1])) for text in (about, other_about)
    )
    return said == other_said != set()


def is_option(sentence: str) -> bool:
    """Whether a sentence is the letter of an option and nothing else."""
    return bool(_LETTER.match(sentence))


def cut_option(sentence: str) -> list[str]:
    """`A, and split by city` as the option taken and what is said besides; else the sentence."""
    joint = _THEN.search(sentence)
    if not joint or not is_option(sentence[: joint.start()]):
        return [sentence]
    rest = sentence[joint.end() :]
    if not rest or re.match(r"\W*[A-E1-5]\b", rest, re.I):
        return [sentence]
    return [sentence[: joint.start()], rest]


def names_an_option(sentence: str) -> bool:
    """Whether a sentence takes an option by its letter, or the default."""
    return any(rule.search(sentence) for rule in (_LETTER, _INSIDE, _DEFAULT))


def choose(
    question: Question, answers: Sequence[str], alone: bool = True
) -> tuple[int, str] | None:
    """Which option the answers take, and the words that took it; None if unclear."""
    for sentence in reversed(answers):
        said = [n for n, o in enumerate(question.options) if _is_said(o.meaning, sentence)]
        if len(said) == 1:
            return said[0], sentence
        letter = _LETTER.match(sentence) or _INSIDE.search(sentence)
        if letter and alone:
            label = letter.group(1).upper()
            index = int(label) - 1 if label.isdigit() else ascii_uppercase.index(label)
            if index < len(question.options):
                return index, sentence
        if _DEFAULT.search(sentence) and question.default:
            return next(
                n for n, o in enumerate(question.options) if o.label == question.default
            ), sentence
    return by_words(question, answers)


def _is_said(meaning: str, sentence: str) -> bool:
    """Whether a sentence is the option's own words, or the one name that stands in them."""
    named = re.findall(r"`([^`]+)`", meaning)
    own = {_bare(meaning), *(map(_bare, named) if len(named) == 1 else ())}
    return _bare(sentence) in own


def _bare(text: str) -> str:
    return text.replace("`", "").strip(" .,!").lower()


def by_words(question: Question, answers: Sequence[str]) -> tuple[int, str] | None:
    """The option whose own words, those that no other option has, the answers use most. An answer
    with words that neither the option nor the question has says something else."""
    words = [
        set(stems(o.meaning)) - stem_set("articles") - stem_set("splitters") - stem_set("stops")
        for o in question.options
    ]
    shown = " ".join(o.meaning for o in question.options).lower()
    answers = [a for a in answers if not _names_another(a, shown)]
    best: list[tuple[int, int, str]] = []
    for n, own in enumerate(words):
        others = (
            set().union(*(w for m, w in enumerate(words) if m != n)) if len(words) > 1 else set()
        )
        distinctive = own - others - set(stems(question.text))
        known = own | set(stems(question.text)) | _plain_stems()
        said = [(set(stems(_without_limits(a))), a) for a in answers]
        scored = [(len(distinctive & words_), a) for words_, a in said if words_ <= known]
        hits, quote = max(scored, default=(0, ""))
        if hits:
            best.append((hits, n, quote))
    best.sort(reverse=True)
    if best and (len(best) == 1 or best[0][0] > best[1][0]):
        return best[0][1], best[0][2]
    return None


_LIMIT = re.compile(
    r"\b(?:only|no|never|without|exclud\w+|except|leave|left|don['’]t|do\s+not)\b", re.I
)


def _without_limits(answer: str) -> str:
    """An answer without the limits that follow a comma, which are read by themselves."""
    first, *rest = re.split(r"\s*[,;]\s+", answer)
    return first if rest and all(map(_LIMIT.search, rest)) else answer


@cache
def _plain_stems() -> frozenset[str]:
    """Words that say nothing about what is chosen."""
    lists = ("articles", "splitters", "stops", "courtesies", "before_commands", "openers", "fillers",
             "wishes", "strong_wishes", "wrapping_nouns", "greetings", "politeness", "choosing")  # fmt: skip
    turning = {
        "not",
        "without",
        "except",
        "excluding",
        "ignoring",
        "than",
        "over",
        "before",
        "after",
    }
    return frozenset(s for name in lists for s in stem_set(name)) - turning


def _names_another(answer: str, shown: str) -> bool:
    """Whether an answer names columns, and none that an option has: it takes none of them."""
    named = re.findall(r"\b[a-z]\w*_\w+\b", answer.lower())
    return bool(named) and not any(re.search(rf"\b{re.escape(n)}\b", shown) for n in named)
