"""Which keys of a column of JSON become columns of a staging model: all there are, or those named.

`unnest payload: reason, minutes`, `reason and minutes out of the payload`, `payload as it is`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crew.artifacts import ColumnCard
from crew.drafting.vocabulary import snake, stems, words

MAX_KEYS = 30
_VERBS = (
    r"\b(?:un-?nest|flatten|unpack|expand|extract|parse|explode|unwrap|split|break|pull"
    r"|entpack|auspack|aufl[öo]s|zerleg|extrai|d[ée]compos|desanid|aplana)\w*"
)  # fmt: skip
_VERB = re.compile(_VERBS, re.I)
_LISTS = (
    re.compile(_VERBS + r"[^:.\n]{0,60}:\s*(?P<list>[^\n.;]+(?:\n\s*[-*•]\s*[^\n]+)*)", re.I),
    re.compile(_VERBS + r"[^(.\n]{0,60}\((?P<list>[^)\n]+)\)", re.I),
    re.compile(
        r"(?P<list>[\w ,+&`/-]{2,80}?)\s+(?:out of|from|of|in|aus|de|del|du|des)\s+"
        r"(?:(?:the|our|its|dem|der|den|la|le|el)\s+)?(?P<column>\w+)", re.I
    ),
)  # fmt: skip
_BETWEEN = re.compile(r"\s*(?:,|\+|&|\n|\band\b|\bas well as\b|\bund\b|\bet\b|\by\b)\s*", re.I)
_AROUND = re.compile(
    r"^[\s*•-]*(?:(?:the|its|keys?|fields?|columns?|attributes?|den|die|das|der|le|la|les|el|los|only|just|nur)\s+)*"
    r"|\s+(?:as|als|to|into|keys?|fields?|columns?|attributes?)\b.*$|[\s`'\".]+$|^[`'\"]+",
    re.I,
)
_ALL = {"all", "every", "each", "everything", "alles", "alle", "tout", "todo"}
_EXAMPLES = re.compile(r"\b(?:e\.? ?g\b|for example|such as|like|including|incl|z\.? ?b\b)", re.I)
_AS_IT_IS = r"(?:as (?:it is|is|they are|raw|json)|unchanged|untouched|raw|wie (?:es|er|sie) ist|unverändert)"
_LEAVE = (
    r"\b(?:keep|leave)\b[^.,\n]{{0,20}}\b{0}\b(?:[^.,\n]{{0,30}}\b" + _AS_IT_IS + r"|\s*(?:$|[.,\n]))"
    r"|\b{0}\b\s+(?:stays?|bleibt|remains?|is kept)?\s*" + _AS_IT_IS + r"|\b(?:do not|don't|not|nicht|never)\s+(?:be )?"
    r"(?:" + _VERBS[2:] + r")\b[^.,\n]{{0,20}}\b{0}\b"
)  # fmt: skip
_DROP = r"\b(?:without|drop|omit|leave out|ohne|sans|sin)\b[^.,\n]{{0,25}}\b{0}\b"


@dataclass(frozen=True)
class Unnested:
    """Cards of the keys that become columns, with names of their own; the columns that are not
    kept beside them; names for which no row has a key; and what is to be said."""

    cards: tuple[ColumnCard, ...] = ()
    dropped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def unnested(columns: Sequence[ColumnCard], text: str) -> Unnested:
    """Keys of the columns that hold JSON, as the text wants them."""
    opened = [c for c in columns if c.fields and not _says(_LEAVE, c, text)]
    fields = [f for c in opened for f in c.fields]
    named, missing = _named(text, opened, columns) if opened else ([], [])
    notes: list[str] = []
    cards: list[ColumnCard] = []
    for column in opened:
        own = [f for f in column.fields if f in named] or (
            [] if any(f in named for f in fields) else list(column.fields)
        )
        chosen = own[:MAX_KEYS]
        cards += [_titled(f, columns, fields) for f in chosen]
        notes += _notes(column, chosen, own)
    dropped = tuple(c.name for c in opened if _says(_DROP, c, text))
    return Unnested(tuple(cards), dropped, tuple(missing), tuple(notes))


def _says(pattern: str, column: ColumnCard, text: str) -> bool:
    return re.search(pattern.format(re.escape(column.name)), text, re.I) is not None


def _named(
    text: str, opened: Sequence[ColumnCard], columns: Sequence[ColumnCard]
) -> tuple[list[ColumnCard], list[str]]:
    """The keys that are named where something is to be unnested, and names of none."""
    text = re.sub(r"['’]s\b", "", text)
    found: list[ColumnCard] = []
    missing: list[str] = []
    own = {w for c in opened for w in (*words(c.name), c.name.lower())} | {"json", "object"}
    for pattern in _LISTS:
        for match in pattern.finditer(text):
            into = match.groupdict().get("column")
            if _EXAMPLES.search(match[0]) or (into and into.lower() not in own):
                continue
            parts = [_AROUND.sub("", _AROUND.sub("", p)) for p in _BETWEEN.split(match["list"])]
            for n, part in enumerate(parts):
                part = _VERB.split(part)[-1].strip()
                said = words(part)
                if not said or set(said) <= own | {"column", "field", "key"} or set(said) & _ALL:
                    continue
                keys = _keys(part, opened)
                if into and not keys:  # the list begins somewhere in the sentence
                    keys = _keys(part.split()[-1], opened)
                found += keys
                known = keys or any(snake(part) == snake(c.name) for c in columns)
                if not known and (len(said) <= 2 or "_" in part) and (n or not into):
                    missing.append(part)
    if found:
        everything = set(words(text))  # a key too many does no harm, one that is lost does
        fields = [f for c in opened for f in c.fields]
        found += [f for f in fields if set(words(" ".join(f.path[1:]))) <= everything]
    return list({f.path: f for f in found}.values()), list(dict.fromkeys(missing))


def _keys(said: str, opened: Sequence[ColumnCard]) -> list[ColumnCard]:
    return [f for c in opened for f in c.fields if _is_key(said, f)]


def _is_key(said: str, field: ColumnCard) -> bool:
    below = field.path[1:]
    names = {snake(below[-1]), snake("_".join(below))}
    return snake(said) in names or any(stems(said) == stems(n) for n in names if stems(n))


def _titled(
    field: ColumnCard, columns: Sequence[ColumnCard], fields: Sequence[ColumnCard]
) -> ColumnCard:
    """The field, called by its keys alone where nothing else is called so."""
    name = snake("_".join(field.path[1:]))
    others = [snake(c.name) for c in columns]
    others += [snake("_".join(f.path[1:])) for f in fields if f.path != field.path]
    if name in others:
        name = snake("_".join(field.path))
    return field.model_copy(update={"name": name})


def _notes(
    column: ColumnCard, chosen: Sequence[ColumnCard], own: Sequence[ColumnCard]
) -> list[str]:
    found = []
    left = [f"`{'.'.join(f.path[1:])}`" for f in own[MAX_KEYS:]]
    if left:
        found.append(
            f"`{column.name}` has {len(own)} keys; the {MAX_KEYS} that most rows have became"
            f" columns, not {', '.join(left[:5])}{' …' if len(left) > 5 else ''}."
        )
    return found
