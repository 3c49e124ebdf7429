"""What a ticket says of a history: whose, of which values, and what its columns are called.

`history of the tariff of each contract with valid_from and valid_to`, `one row per customer and
status with from/to dates`, `SCD2 of plan and country per account out of account_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crew.drafting.vocabulary import words

_TYPE_2 = (
    r"(?:slowly[- ]changing[- ]dimensions?|scds?)(?:[- ]*\(?(?:type[- ]*)?(?:2|ii|two)\b\)?)?"
    r"|scd2|type[- ]?(?:2|ii|two)[- ](?:histor\w+|dimensions?|tables?)|type[- ]?(?:2|ii)\b"
    r"|\b(?:dimensi[oó]n|dimension)s? (?:de |à |a )?(?:type|tipo)[- ]?2"
)
_HISTORY = (
    r"(?:(?:full|complete|change|whole|vollständige\w*)[- ])?(?:histor(?:y|ies)|historien?|historisierung"
    r"|historiques?|historial(?:es)?|historia)"
)
_SPAN = re.compile(
    r"\b(?P<a>(?:\w*_|valid)?(?:from|since|von|ab|desde|start|début)(?:_\w+)?)[`\"']?"
    r"\s*(?:and|und|et|y|,|/|&|\+|-|–|to)\s*(?:an?\s+)?[`\"']?"
    r"(?P<b>(?:\w*_|valid)?(?:to|until|till|bis|hasta|end|ende|fin)(?:_\w+)?)"
    r"(?:[ -]+(?:dates?|days?|times?|timestamps?|datum|daten|columns?|spalten?))?\b"
    r"|\b(?:valid|effective|gültig) from\s*(?:and|/|,)\s*(?:valid |effective )?(?:to|until)\b"
    r"|\b(?:validity|valid|effective)[- ](?:periods?|ranges?|dates?)\b|\bgültigkeits\w+",
    re.I,
)
_CURRENT = re.compile(
    r"\b(?:an?\s+|the\s+)?(?P<name>is_current|current_flag|is_active_row)\b(?:\s+(?:flag|column))?"
    r"|\b(?:an?\s+)?(?:current|aktuell)[- ](?:flag|marker|kennzeichen)"
    r"|\bflag (?:for )?the current (?:row|one|version)s?",
    re.I,
)
_TRIGGER = re.compile(rf"\b(?:{_TYPE_2}|{_HISTORY})(?![\w])", re.I)
_BESIDE = re.compile(rf",?\s*(?:\bas\s+an?\s+)?\(?\b(?:{_TYPE_2})\)?", re.I)
_ROW_PER = re.compile(
    r"\b(?:(?:one|a|1)\s+(?:row|line|record)\s+(?:per|for\s+(?:each|every)|by)|eine\s+zeile\s+(?:je|pro|für\s+jeden?)"
    r"|une\s+ligne\s+par|una\s+fila\s+por)\s+", re.I
)  # fmt: skip
_OUT_OF = re.compile(
    r"\b(?:out\s+of|based\s+on|using|(?:taken\s+|built\s+)?from|built\s+on|aus|[àa]\s+partir\s+de|depuis|basado\s+en)"
    r"\s+(?:the\s+|table\s+|source\s+|model\s+|der\s+tabelle\s+)*"
    r"[`\"']?(?P<name>[A-Za-z]\w*(?:\.\w+)?)[`\"']?(?:\s+(?:table|source|model|tabelle))?",
    re.I,
)
FIGURE = re.compile(
    r"\b(?:number|count|how many|sum|total|average|avg|mean|median|share|percentage|anzahl|summe|durchschnitt\w*"
    r"|nombre|somme|moyenne|número|suma|promedio|monthly|weekly|daily|per (?:month|week|day|quarter|year)"
    r"|(?:pro|je) (?:monat|woche|tag|jahr))\b",
    re.I,
)
_OPENS = re.compile(
    r"^\W*(?:(?:please|pls|bitte|we|i|you|can|could|would|like|need|wants?|to|have|see|get|build|create|make"
    r"|set up|add|give|show|us|me|a|an|the|new|dbt|table|model|mart|dimension|view|with|for|of"
    r"|wir|brauchen|benötigen|eine?n?|die|der|das|erstelle|baue|nous|il|faut"
    r"|un|une|le|la|el|necesitamos|crear|as|full|complete)\b\W*)+",
    re.I,
)
_PER = r"\b(?:per|for\s+(?:each|every|all)|by|je|pro|für\s+jede\w*|par|pour\s+chaque|por|para\s+cada)\s+"
_OF = r"\b(?:(?:of|for|des|der|dem|von|vom|du|del|de\s+la|de)\b\s*(?:l['’])?|d['’])"
_EACH = re.compile(
    r"^\W*(?:each|every|all|the|our|a|an|jede[rsnm]?|alle[r]?|chaque|cada|des|der|die|das|le|la|les|l['’]|el|los|las)\s+",
    re.I,
)
_NAMED = re.compile(r"\b\w+\s+\(`?(\w+_\w+)`?\)")
_AND = re.compile(r"\s*(?:,|;|/|\+|&|\band\b|\bund\b|\bet\b|\by\b)\s*", re.I)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_END = re.compile(
    r"\s*(?:\bwith\b|\bincluding\b|\bincl\b|\bso that\b|\bwhere\b|\bmit\b|\bavec\b|\bcon\b"
    r"|\bthat\b|\bwhich\b|\bas\b|\bals\b|[(:]|\s[-–—]\s|,\s*(?:with|one|and|so|mit)\b).*$",
    re.I | re.S,
)


@dataclass(frozen=True)
class HistoryWish:
    """A sentence that asks for a history. `ways` are its readings as (values, entity), of which
    the data tells the right one; `relation` is what it is to be made of, `rest` words beside.
    `is_sure` where it can mean nothing else."""

    quote: str
    ways: tuple[tuple[tuple[str, ...], str], ...]
    relation: str = ""
    rest: str = ""
    is_sure: bool = False


def names_of_period(text: str) -> tuple[str, str, str]:
    """What the ticket calls the columns of the period: (from, to, is current)."""
    span, current = _SPAN.search(text), _CURRENT.search(text)
    names = ("valid_from", "valid_to")
    if span and span["a"] and "_" in span["a"] and "_" in span["b"]:
        names = (span["a"].lower(), span["b"].lower())
    return (*names, (current["name"] or "is_current").lower() if current else "is_current")


def history_wishes(text: str) -> list[HistoryWish]:
    """The sentences of a text that ask for a history, each with its readings."""
    found = []
    periods = _SPAN.search(text) is not None
    for quote in _SENTENCE.split(text):
        sentence = _NAMED.sub(r"\1", quote)
        if FIGURE.search(sentence):
            continue
        per_row = _ROW_PER.search(sentence)
        if not (_TRIGGER.search(sentence) or (per_row and periods)):
            continue
        source = _OUT_OF.search(_SPAN.sub(" ", sentence))
        plain = _CURRENT.sub(" ", _SPAN.sub(" with ", sentence.rstrip(" .!?")))
        if re.search(_HISTORY, plain, re.I):
            plain = _BESIDE.sub(lambda m: " history" if "hist" in m.group().lower() else " ", plain)
        plain = _OUT_OF.sub(" ", plain) if source else plain
        ways = tuple(dict.fromkeys(_ways(plain)))
        if ways:
            rest = plain[m.start() :] if (m := _END.search(plain)) else ""
            sure = periods or re.search(_TYPE_2, sentence, re.I) is not None
            made_of = source["name"] if source else ""
            found.append(HistoryWish(quote.strip(), ways, made_of, rest, sure))
    return found


def _ways(sentence: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(values, entity) as the sentence may mean them."""
    if match := _ROW_PER.search(sentence):
        items = items_of(_END.sub("", sentence[match.end() :].rstrip(" .!?")))
        for cut in range(1, len(items)):
            yield tuple(items[cut:]), " and ".join(items[:cut])
    trigger = _TRIGGER.search(sentence)
    if trigger is None:
        return
    after, before = sentence[trigger.end() :], _OPENS.sub("", sentence[: trigger.start()])
    with_values = re.match(
        rf"\W*(?:table|model)?\s*(?:{_OF})?(?P<entity>[\w ]{{3,40}}?)\s*(?:\bwith\b|:|\bmit\b|\bcon\b|\bavec\b)"
        r"\s*(?P<values>[^.;]+)$",
        after, re.I,
    )  # fmt: skip
    plain = _END.sub("", after.rstrip(" .!?"))
    said = before.strip(" ,:-–")
    for match in re.finditer(_PER, plain, re.I):
        values = items_of(
            re.sub(rf"^\W*(?:table\s+|model\s+)?(?:{_OF})?", "", plain[: match.start()], flags=re.I)
        )
        yield tuple(values or items_of(said)), _bare(plain[match.end() :])
    opened = re.match(rf"\W*(?:table\s+|model\s+)?{_OF}", plain, re.I)
    if opened:
        body = plain[opened.end() :]
        for match in re.finditer(_OF, body, re.I):
            yield tuple(items_of(body[: match.start()])), _bare(body[match.end() :])
        if possessive := re.match(
            r"^(?:the\s+)?(?P<e>[\w ]+?)(?:['’]s|s['’])\s+(?P<v>.+)$", body.strip()
        ):
            yield tuple(items_of(possessive["v"])), _bare(possessive["e"])
        if said:
            yield tuple(items_of(said)), _bare(body)
        if with_values:
            yield tuple(items_of(with_values["values"])), _bare(with_values["entity"])
        yield (), _bare(body)
    elif with_values:
        yield tuple(items_of(with_values["values"])), _bare(with_values["entity"])
    parts = said.split()
    for cut in range(1, len(parts)):  # `contract tariff history`
        yield (" ".join(parts[cut:]),), _bare(" ".join(parts[:cut]))


def items_of(text: str) -> list[str]:
    found = [_bare(p) for p in _AND.split(text)]
    return [p for p in found if words(p)]


def _bare(text: str) -> str:
    """Words without articles, marks and what types are called."""
    text = text.strip(" `\"'.,:;!?-–")
    while (m := _EACH.match(text)) and m.end() < len(text):
        text = text[m.end() :]
    return re.sub(r"['’]s?$", "", text).strip(" `\"'")
