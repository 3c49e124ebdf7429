"""Takes out of a sentence names of columns and values of the data, with a mark in the place of each."""

# ruff: noqa: E501
from __future__ import annotations

import re
from itertools import takewhile

from crew.drafting.figures import FigureWishes, Named, Quoted, is_mark
from crew.drafting.vocabulary import grain_words, word_set

_NAME = re.compile(r"`?\b(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)\b`?")
_BRACKETED = re.compile(r"\(\s*(?P<inner>col\d+)\s*\)")
_CODE = re.compile(
    r"\(\s*(?:(?:status|state|code|kind|type|estado|statut)\s*=?\s*)?(?P<value>[A-Z][A-Z0-9_]{0,14})\s*\)"
)
_STATED = re.compile(
    r"\(\s*(?:with\s+)?(?:status|state|code|estado|statut)\s*[=:]?\s*(?:is\s+)?[\"'“]?(?P<value>[A-Za-z][\w-]*)[\"'”]?\s*\)",
    re.I,
)
_VALUED = re.compile(
    r"\b(?:status|state|code|estado|statut)\s*=?\s*(?P<value>[A-Z][A-Z0-9]{0,5})\b(?!\s*\w*=)"
)


def take_names(text: str, quote: str, wishes: FigureWishes) -> str:
    """Names of columns, and codes such as `(X)` or `status X`."""
    if (known := wishes.lexicon.pattern) and known.search(text):
        text = known.sub(lambda m: _spoken(m, wishes), text)
    text = _NAME.sub(lambda m: _named(m, wishes), text)
    text = ITS_VALUES.sub(r"\g<split>", _SUCH_AS.sub("", _ITSELF.sub("", text)))
    text = _BESIDE.sub(lambda m: _called(m, wishes), text)
    text = _CAPITAL_BESIDE.sub(lambda m: _column_beside(m, wishes), text)
    text = _BRACKETED.sub(r" \g<inner> ", text)
    for pattern in (_STATED, _CODE, _VALUED):
        text = pattern.sub(
            lambda m: f" {wishes.mark('lit', Quoted((m['value'],), False, m.group().strip()))} ",
            text,
        )
    text = _COLUMN_WORDS.sub(lambda m: _listed_values(m, wishes), text)
    text = _COLUMN_VALUE.sub(lambda m: _valued(m, wishes), text)
    return _BRACKETED_VALUE.sub(r" \g<inner> ", text)


def _named(matched: re.Match[str], wishes: FigureWishes) -> str:
    """A column by its name; `no_show` where that is but a value stays as it is."""
    name, held = matched["name"].lower(), wishes.lexicon.held
    if name not in held and any(name in values for values in held.values()):
        return matched.group()
    return f" {wishes.mark('col', Named(matched['name'], matched['name']))} "


# `ruecklast_kz = J`, `way LAST`, `status = active`: a column and a value of it.
_COLUMN_VALUE = re.compile(
    r"\b(?P<column>col\d+)\s*(?:(?P<way>!=|<>|==?|\bis\b)\s*)?(?P<code>[A-Z][A-Z0-9_]{0,14}|[a-z]\w+|\d+)\b(?!\s*(?:=|\())"
    r"|\b(?P<word>[A-Za-z]\w+)\s*(?P<sign>!=|<>|==?)\s*(?P<value>[A-Za-z]\w*)\b"
)


# `vertragsstatus aktiv or gekuendigt`: a column and some of its values, in a row.
_COLUMN_WORDS = re.compile(
    r"\b(?P<column>col\d+)\s+(?:(?:is|in|either)\s+)?(?P<listed>[\w-]+(?:\s*(?:,\s*or|,|/|\bor\b|\band\b)\s*[\w-]+)*)"
)


def _listed_values(matched: re.Match[str], wishes: FigureWishes) -> str:
    named = wishes.marks[matched["column"]]
    known = wishes.lexicon.held.get(named.name.lower(), {}) if isinstance(named, Named) else {}
    parts = re.split(r"(\s*(?:,\s*or|,|/|\bor\b|\band\b)\s*)", matched["listed"])
    values = list(takewhile(lambda v: v.lower() in known, parts[::2]))
    if not values:
        return matched.group()
    rest = "".join(parts[2 * len(values) - 1 :])
    said = Quoted(tuple(known[v.lower()] for v in values), False, ", ".join(values))
    return f"{matched['column']} {wishes.mark('lit', said)} {rest}"


def _valued(matched: re.Match[str], wishes: FigureWishes) -> str:
    way, value = matched["way"] or matched["sign"], matched["code"] or matched["value"]
    if is_mark(value) or (not way and not value.isupper()) or value.lower() in _NO_VALUES:
        return matched.group()
    said = Quoted((value,), way in {"!=", "<>"}, f"{way or ''} {value}".strip())
    return f"{matched['column'] or matched['word']} {wishes.mark('lit', said)} "


_BRACKETED_VALUE = re.compile(r"\(\s*(?P<inner>\w+\s+lit\d+)\s*\)")
_NO_VALUES = frozenset(
    ["not", "null", "empty", "set", "filled", "missing", "known", "the", "a", "an", "higher", "lower", "more",
     "less", "at", "above", "below", "over", "under", "between", "and", "or", "per", "by", "for", "in", "only",
     "true", "false", "to", "of", "from"]
)  # fmt: skip


# `pieces (qty)`: the column that is meant stands beside the word.
_BESIDE = re.compile(r"(?<=[a-z]\s)\(\s*(?P<name>[a-z][a-z0-9]{1,30})\s*\)")


# `state (Bundesland)`: likewise, of a column that there is.
_CAPITAL_BESIDE = re.compile(r"(?<=[a-z]\s)\(\s*(?P<name>[A-Z][A-Za-z0-9]{2,30})\s*\)")


def _column_beside(matched: re.Match[str], wishes: FigureWishes) -> str:
    if matched["name"].lower() not in wishes.lexicon.held:
        return matched.group()
    return f" {wishes.mark('col', Named(matched['name'], matched['name']))} "


# `by decade (1950, 1960, …)`: how values look.
_SUCH_AS = re.compile(r"\s*\(\s*[\w-]+(?:\s*,\s*[\w-]+)*\s*,?\s*(?:…|\.{3}|etc\.?)\s*\)", re.I)
# `by plan (Basic, Plus, Pro)`: the values that it has.
ITS_VALUES = re.compile(
    r"(?P<split>\b(?:[Bb]y|[Pp]er|[Ee]ach)\s+(?:\w+\s){0,2}?\w+)\s*\(\s*[A-Z]\w*(?:\s*(?:,|and|or|&|/)\s*[A-Z]\w*)+\s*\)"
)
# `each category (the category itself, not the main one)`: which of two like things is meant.
_ITSELF = re.compile(r"\s*\(\s*the\s+\w+\s+itself\b[^()]*\)", re.I)


def _spoken(matched: re.Match[str], wishes: FigureWishes) -> str:
    said = re.sub(r"[\s-]+", " ", matched["name"].lower())
    if (value := wishes.lexicon.values.get(said)) and said not in wishes.lexicon.names:
        return f" {wishes.mark('lit', Quoted((value,), False, matched.group()))} "
    name = wishes.lexicon.names[said]
    return f" {wishes.mark('col', Named(name, matched.group()))} "


def _called(matched: re.Match[str], wishes: FigureWishes) -> str:
    name = matched["name"]
    is_unit = (
        is_mark(name)
        or name in grain_words()
        or name in word_set("currencies") | word_set("stops") | _UNITS
    )
    if is_unit or name.endswith("ed"):
        return matched.group()
    held = wishes.lexicon.held
    if name not in held and (values := [v[name] for v in held.values() if name in v]):
        return (
            f" | with {wishes.mark('lit', Quoted((values[0],), False, name))} "  # `per month (app)`
        )
    return f" {wishes.mark('col', Named(name, name))} "


_UNITS = frozenset(
    ["kg", "km", "g", "t", "m", "hours", "minutes", "seconds", "hrs", "h", "min", "utc", "percent", "gross", "net",
     "online", "new", "void", "paid", "all", "optional", "mandatory", "distinct", "unique", "json", "yes", "no", "booking",
     "departure", "arrival", "delivery", "order", "signup", "creation"]
)  # fmt: skip
