"""What people take of the options they were shown, read when they say it.

An option is told by its letter only as long as it is shown under that letter. So a reply is read
against the questions as they were asked, and kept by what the option means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crew.artifacts import Choice, Option, Question
from crew.drafting.questions import by_words

_POLITE = r"(?:(?:please|ok|okay|yes|sure|hi|hello|let's|let us|we|i|i'd|would|will|say|think)\W+)*"
_VERB = r"(?:(?:option|answer|choice|number|take|use|pick|choose|go with|go for|prefer|it is)\W+)*(?:is\W+)?"
_LETTER = re.compile(
    rf"^\W*{_POLITE}{_VERB}[\"'(]*(?P<letter>[A-Ea-e]|[1-5])[\"')]*"
    r"(?P<end>\W*$|\s*[,;:.–—-]+\s*|\s+(?=(?:but|and|please|thanks|thank|it is|is|seems|i think)\b))",
    re.I,
)
_NUMBERED = re.compile(r"^\W*(?P<number>[1-9])\s*[.):=-]\s*(?P<rest>.+)$")
_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_PLACE = re.compile(r"\bthe (first|second|third|fourth|fifth|last) (?:one|option|answer)\b", re.I)
_DEFAULT = re.compile(
    r"\b(?:default|suggestion|suggested|proposal|whatever you (?:suggest|think|prefer)|you decide"
    r"|as you (?:suggest|propose)(?:ed)?)\b",
    re.I,
)
_PUTS_OFF = re.compile(
    r"\b(?:ask|asking|check|checking|talk|discuss|decide|clarify|later|tomorrow|meeting|forward to"
    r"|up to|instead of|not|don't|neither|none|never)\b|\?\s*$",
    re.I,
)


def choices_in(asked: Sequence[Question], said: str, waits: bool) -> tuple[Choice, ...]:
    """The options that a reply takes of the questions that were `asked` last. Words that only
    resemble an option count while one `waits` for the answer to a single question."""
    found: dict[str, Choice] = {}
    quoted = re.sub(r"^\s*>.*$", "", said, flags=re.M)
    for sentence in re.split(r"(?<=[.!?;])(?<!\d\.)\s+|\n+", quoted):
        if taken := _taken(asked, sentence.strip(), waits):
            found[taken.question] = taken
    return tuple(found.values())


def _taken(asked: Sequence[Question], sentence: str, waits: bool) -> Choice | None:
    for question in asked:
        for option in question.options:
            if _plain(option.meaning) in _plain(sentence):
                part = next(
                    (p for p in _parts(sentence) if _plain(option.meaning) in _plain(p)), None
                )
                return _choice(question, option, part or sentence)
    numbered = _NUMBERED.match(sentence)
    if numbered and len(asked) > 1 and int(numbered["number"]) <= len(asked):
        return _of_one(asked[int(numbered["number"]) - 1], numbered["rest"], sentence, waits)
    if len(asked) != 1:
        return None
    return _of_one(asked[0], sentence, sentence, waits)


def _of_one(question: Question, words: str, sentence: str, waits: bool) -> Choice | None:
    """What words take of one question."""
    options = question.options
    if letter := _LETTER.match(words):
        label = letter["letter"].upper()
        index = int(label) - 1 if label.isdigit() else ord(label) - ord("A")
        if index < len(options):
            said = sentence if not letter["end"].strip(" .,!") and _ends(words, letter) else label
            return _choice(question, options[index], said if said in sentence else sentence)
    if not waits or not options:
        return None
    if place := _PLACE.search(words):
        index = _PLACES[place[1].lower()]
        if index < len(options):
            return _choice(question, options[index], sentence)
    if _DEFAULT.search(words):
        default = next((o for o in options if o.label == question.default), None)
        return _choice(question, default, sentence) if default else None
    if _PUTS_OFF.search(words):
        return None
    takes = [(p, m) for p in (words, *_parts(words)) if (m := _means(question, p)) is not None]
    if len({m for _, m in takes}) != 1:
        return None
    part = next((p for p, _ in reversed(takes) if p != words), sentence)
    return _choice(question, options[takes[0][1]], part)


def _parts(sentence: str) -> list[str]:
    """What a sentence says one after the other: the option is one of it, and the rest is read too."""
    return [p for p in re.split(r"\s*[,;]\s*|\s+(?:and|but)\s+", sentence) if p.strip()]


def _means(question: Question, words: str) -> int | None:
    meant = by_words(question, [words])
    return meant[0] if meant else None


def _ends(words: str, letter: re.Match[str]) -> bool:
    return letter.end() >= len(words.rstrip())


def _choice(question: Question, option: Option, said: str) -> Choice:
    return Choice(question=question.id, meaning=option.meaning, said=said)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[`*]", "", text).lower().split())
