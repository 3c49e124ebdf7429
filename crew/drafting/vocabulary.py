"""Words: tokens, stems, synonyms and the phrase lists of `vocabulary.yml`."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cache
from importlib import resources
from typing import Any

import snowballstemmer
import yaml
from rapidfuzz.distance import Prefix

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@cache
def vocabulary() -> dict[str, Any]:
    """The phrase lists, read once."""
    text = resources.files("crew.drafting").joinpath("vocabulary.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def word_set(name: str) -> frozenset[str]:
    """A list of the vocabulary as a set."""
    return frozenset(str(w) for w in vocabulary()[name])


@cache
def phrase_pattern(name: str) -> re.Pattern[str]:
    """A pattern that finds any phrase of a list, longest first, as whole words."""
    phrases = sorted((str(p) for p in vocabulary()[name]), key=len, reverse=True)
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, phrases)) + r")(?!\w|-\w)", re.I)


def words(text: str) -> list[str]:
    """Lower-case words; `snake_case` and `camelCase` fall apart."""
    return [w.lower().replace("’", "'") for w in WORD.findall(_CAMEL.sub(" ", text))]


@cache
def stem(word: str) -> str:
    """The English snowball stem; `cancelled`, `canceled` and `cancellation` share one, and so does
    `storniert`: words of data models in other languages are those of the English word."""
    stemmed = str(_stemmer().stemWord(_foreign().get(word, word)))
    return stemmed[:-1] if stemmed.endswith("ll") else stemmed


@cache
def _stemmer() -> Any:
    return snowballstemmer.stemmer("english")


def is_foreign(word: str) -> bool:
    """Whether a word is one of another language that stands for an English one."""
    return word.lower() in _foreign()


@cache
def _foreign() -> dict[str, str]:
    text = resources.files("crew.drafting").joinpath("foreign_words.yml").read_text("utf-8")
    loaded: dict[str, list[str]] = yaml.safe_load(text)
    return {word: english for english, foreign in loaded.items() for word in foreign}


@cache
def common_nouns() -> frozenset[str]:
    """Stems of English words that data models are full of."""
    spoken = [*_foreign().values(), *(w for group in vocabulary()["synonyms"] for w in group)]
    return frozenset(stem(w) for w in spoken)


_JOINTS = ("", "s", "n", "en", "es", "er", "e")


@cache
def _apart(word: str) -> tuple[str, ...]:
    """The parts of a German compound of known words, `rechnungsdatum`; else the word itself."""
    known = _foreign()
    if len(word) < 8 or word in known or not word.isalpha():
        return (word,)
    tails = {"name", "status", "id", "code", "art"}
    for cut in range(len(word) - 3, 2, -1):
        forms = (word[cut:].removesuffix(ending) for ending in ("", "s", "es", "en", "n"))
        tail = next((form for form in forms if form in known or form in tails), None)
        if tail is None:
            continue
        for joint in _JOINTS:
            head = word[:cut].removesuffix(joint) if joint else word[:cut]
            for form in (head, head + "e", head + "en"):
                if form in known:
                    return (form, {"art": "type"}.get(tail, tail))
    return (word,)


def stems(text: str) -> list[str]:
    """Stems of the words of a text, in order."""
    return [stem(part) for w in words(text) for part in _apart(w)]


def name_stems(name: str) -> list[str]:
    """Stems of the words in the name of a column or relation, common abbreviations spelt out."""
    spelt = vocabulary()["abbreviations"]
    return [
        stem(part)
        for word in words(name)
        for w in str(spelt.get(word, word)).split()
        for part in _apart(w)
    ]


@cache
def literal_stems(name: str) -> frozenset[str]:
    """The stems of a name that stand in it in English, so that nothing had to be translated."""
    spelt = vocabulary()["abbreviations"]
    plain = [w for word in words(name) for w in str(spelt.get(word, word)).split()]
    return frozenset(stem(w) for w in plain if w not in _foreign() and _apart(w) == (w,))


@cache
def spelt_out(name: str) -> str:
    """The name of a column in lower case with common abbreviations spelt out: `ord_no`, `order_no`."""
    spelt = vocabulary()["abbreviations"]
    parts = [str(spelt.get(p, p)).replace(" ", "_") for p in name.lower().split("_") if p]
    return "_".join(parts) or name.lower()


@cache
def stem_set(name: str) -> frozenset[str]:
    """A list of the vocabulary as stems of single words."""
    return frozenset(s for phrase in vocabulary()[name] for s in stems(str(phrase)))


@cache
def _synonym_index() -> dict[str, frozenset[str]]:
    index: dict[str, frozenset[str]] = {}
    for group in vocabulary()["synonyms"]:
        members = frozenset(stem(w) for w in group)
        for member in members:
            index[member] = index.get(member, frozenset()) | members
    return index


def alike(stemmed: str) -> frozenset[str]:
    """Stems that mean about the same, the stem itself included."""
    return _synonym_index().get(stemmed, frozenset()) | {stemmed}


def names_event(said: str, own: Set[str]) -> bool:
    """Whether a stem is one of those, means about the same, or is the noun of one of them:
    `departure` of `departed_at`, `delivery` of `delivered_at`."""
    return bool(alike(said) & own) or any(
        (shared := int(Prefix.similarity(said, s))) >= 4
        and min(len(said), len(s)) <= shared + 1
        and max(len(said), len(s)) <= shared + 5
        for s in own
        if ":" not in s
    )


@cache
def grain_words() -> dict[str, str]:
    """Word -> grain, for instance `weekly` -> `week`."""
    return {w: grain for grain, forms in vocabulary()["grains"].items() for w in forms}


def snake(text: str) -> str:
    """An identifier out of words: lower case, underscores, never starting with a digit."""
    name = "_".join(words(text)).replace("'", "") or "value"
    name = re.sub(r"[^a-z0-9_]", "", name) or "value"
    return f"n_{name}" if name[0].isdigit() else name


def singular(word: str) -> str:
    """A plain English singular: orders -> order, categories -> category, boxes -> box."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def plural(word: str) -> str:
    """A plain English plural of a singular or plural noun."""
    word = singular(word)
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    return word + "s"
