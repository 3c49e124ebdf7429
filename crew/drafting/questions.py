"""Asks what the evidence leaves open, with options drawn from the data, and reads the answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase

from crew.artifacts import Choice, Option, Question
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


@dataclass
class Asking:
    """Collects open questions of one interpretation.

    `answers` are sentences of the ticket's comments. Those in `directed` were written after we
    had asked; any other one counts only if it speaks of the very term that is asked about.
    Where `choices` are given, somebody read the answers when they were made, against the options
    that were shown: then they alone take an option.
    """

    answers: Sequence[str]
    directed: Collection[str] = ()
    choices: Sequence[Choice] | None = None
    open: list[Question] = field(default_factory=list)
    answered: dict[str, tuple[Option, str]] = field(default_factory=dict)

    def ask(
        self,
        id_: str,
        text: str,
        meanings: Sequence[tuple[str, str]],
        default: int = 0,
        raised_by: str = "",
    ) -> int | None:
        """Index of the option an answer chose; None, with the question kept open, if none did.

        `meanings` are (what it means, what it would give) per option. The sentence that raised
        the question does not answer it.
        """
        options = tuple(
            Option(label=ascii_uppercase[n], meaning=meaning, effect=effect)
            for n, (meaning, effect) in enumerate(meanings[:MAX_OPTIONS])
        )
        question = Question(
            id=id_, text=text, options=options, default=options[default].label if options else ""
        )
        if self.choices is not None and options:
            return self._chosen(question)
        answers = [a for a in self.answers if a != raised_by]
        directed = [a for a in answers if a in self.directed]
        chosen = choose(question, directed, alone=not self.open)
        if chosen is None:
            term = {t for m in _TERM.findall(question.text) for t in stems(m)}
            chosen = by_words(question, [a for a in answers if term & set(stems(a))])
        if chosen is None:
            if all(q.id != id_ for q in self.open):
                self.open.append(question)
            return None
        index, quote = chosen
        self.answered[id_] = (options[index], quote)
        return index

    def _chosen(self, question: Question) -> int | None:
        """As `ask`, by what was taken when the question was shown."""
        taken = [c for c in self.choices or () if c.question == question.id]
        for index, option in enumerate(question.options):
            if taken and option.meaning == taken[-1].meaning:
                self.answered[question.id] = (option, taken[-1].said)
                return index
        if all(q.id != question.id for q in self.open):
            self.open.append(question)
        return None


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
        letter = _LETTER.match(sentence) or _INSIDE.search(sentence)
        if letter and alone:
            label = letter.group(1).upper()
            index = int(label) - 1 if label.isdigit() else ascii_uppercase.index(label)
            if index < len(question.options):
                return index, sentence
        if _DEFAULT.search(sentence) and question.options:
            return next(
                n for n, o in enumerate(question.options) if o.label == question.default
            ), sentence
    return by_words(question, answers)


def by_words(question: Question, answers: Sequence[str]) -> tuple[int, str] | None:
    """The option whose own words, those that no other option has, the answers use most."""
    words = [
        set(stems(o.meaning)) - stem_set("articles") - stem_set("splitters") - stem_set("stops")
        for o in question.options
    ]
    best: list[tuple[int, int, str]] = []
    for n, own in enumerate(words):
        others = (
            set().union(*(w for m, w in enumerate(words) if m != n)) if len(words) > 1 else set()
        )
        distinctive = own - others - set(stems(question.text))
        scored = [(len(distinctive & set(stems(a))), a) for a in answers]
        hits, quote = max(scored, default=(0, ""))
        if hits:
            best.append((hits, n, quote))
    best.sort(reverse=True)
    if best and (len(best) == 1 or best[0][0] > best[1][0]):
        return best[0][1], best[0][2]
    return None
