"""Puts the common forms of German, French and Spanish requests into English words.

A text is taken for another language only where several of its telltale words stand in it and more
of them than English ones; what the lists do not know stays as it was written, so that names of
columns and values are still found.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

import yaml

_ENGLISH = frozenset(
    ["the", "of", "and", "please", "per", "by", "we", "need", "with", "for", "number", "each", "want",
     "is", "are", "to", "that", "how", "many", "not", "without", "only", "month", "week"]
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_VALUE = re.compile(
    r"((?:(?<=[=<>])|(?<=[=<>] )|(?<=\bin \()|(?<=', ))'[^'\n]*'(?!\w)"
    r"|(?<!\w)(?:'[^'\s]{1,3}'|\"[^\"\s]{1,3}\"|`[^`\n]+`)(?!\w))"
)
"""Values and names in quotes: behind a sign, or too short for a word of their own."""
_MIN_TELLTALES = 2


@cache
def _languages() -> dict[str, Any]:
    text = resources.files("crew.drafting").joinpath("languages.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def language_of(text: str) -> str:
    """`german`, `french` or `spanish`; empty for English and for what is too short to tell."""
    said = [w.lower() for w in _WORD.findall(text)]
    english = sum(w in _ENGLISH for w in said)
    scored = {
        name: sum(w in language["telltale"] for w in said)
        for name, language in _languages().items()
    }
    best = max(scored, key=lambda name: scored[name])
    return best if scored[best] >= _MIN_TELLTALES and scored[best] > english else ""


def in_english(text: str, language: str) -> str:
    """The text with the known forms of a language in English; lines and punctuation stay."""
    if not language:
        return text
    parts = _VALUE.split(
        _with_genitives(text, language)
    )  # every second is a value, which stays as it is written
    return "".join(
        part if n % 2 else _pattern(language).sub(lambda m: _forms(language)[_group(m)], part)
        for n, part in enumerate(parts)
    )


_GENITIVE = re.compile(
    r"\b(?P<noun>[A-ZÄÖÜ]\w+)\s+(?P<article>der|des)(?=\s+(?:[a-zäöü]\w+e[nrs]\s+)?[A-ZÄÖÜ])"
)
"""`Miete der aktiven Verträge`: what follows the article is whose the noun before it is."""


def _with_genitives(text: str, language: str) -> str:
    """The text with `von` before the article of a German genitive, unless a form reads it anyway."""
    if language != "german":
        return text

    def said(matched: re.Match[str]) -> str:
        both = f"{matched['noun']} {matched['article']}"
        form = _pattern(language).match(both)
        is_read = form is not None and form.end() == len(both)
        return both if is_read else f"{matched['noun']} von {matched['article']}"

    return _GENITIVE.sub(said, text)


def _group(matched: re.Match[str]) -> int:
    return int(str(matched.lastgroup)[1:])


@cache
def _forms(language: str) -> list[str]:
    return [str(english) for english in _languages()[language]["forms"].values()]


@cache
def _pattern(language: str) -> re.Pattern[str]:
    """One pattern of all forms, so that what was put into English is not read again."""
    forms = _languages()[language]["forms"]
    order = sorted(range(len(forms)), key=lambda n: -len(list(forms)[n]))
    parts = []
    for n in order:
        form = list(forms)[n]
        spaced = form.replace(" ", r"\s+")
        end = "" if forms[form].endswith(" ") else r"(?![\w-])"
        parts.append(f"(?P<f{n}>(?:{spaced}){end})")
    return re.compile(r"(?<![\w-])(?:" + "|".join(parts) + ")", re.I)
