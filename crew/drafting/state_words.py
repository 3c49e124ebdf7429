"""What a ticket says of states that change: the plan the account had at the time of the order, the
current tier of the customer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPLIT = r"(?P<by>\b(?:by|per|and|nach|je|pro|und|par|et|por|y)\s+|,\s*)"
_THE = r"(?:(?:the|its|their|our|der|des|dem|den|die|das|dessen|deren|le|la|les|du|de la|de|del|el|su)\s+)?"
_VALUE = r"(?P<value>(?!(?:by|per|and|the)\b)\w+(?:\s+(?!(?:by|per|and|of|that|which|the|had)\b)\w+){0,2}?)"
_OF = rf"(?:\s+(?:of|des|der|vom|von|du|de|del)\s+{_THE}(?P<owner>\w+))"
_WHEN = (
    rf"(?:(?:at|as\s+of|on)\s+(?:the\s+)?(?:time|moment|day|date)\s+of\s+{_THE}(?P<event>\w+(?:\s+(?:date|time))?)"
    rf"|when\s+(?:{_THE}(?P<noun>\w+)\s+(?:was\s+|were\s+)?|it\s+was\s+|they\s+were\s+)?(?P<verb>\w+ed|sold|bought|sent|left)"
    rf"|zu[mr]\s+(?:zeitpunkt|datum|zeit)\s+{_THE}(?P<event_de>\w+)|am\s+tag(?:e)?\s+{_THE}(?P<day_de>\w+)"
    rf"|au\s+moment\s+(?:de\s+)?{_THE}(?P<event_fr>\w+)|en\s+el\s+momento\s+{_THE}(?P<event_es>\w+)"
    r"|at\s+(?:that|the)\s+time(?!\s+of)|on\s+that\s+(?:day|date)|back\s+then|then(?=\s*(?:[.,;)]|$))|damals"
    r"|zu\s+dem\s+zeitpunkt)"
)
_VERBS = r"(?:had|was\s+(?:on|in)|were\s+(?:on|in)|belonged\s+to|held|lived\s+in|hatten?)"
_HAD = rf"(?:\s+(?:(?:that|which)\s+)?{_THE}(?P<whose>\w+)\s+{_VERBS})"
_VALID = r"(?:\s*,?\s*(?:(?:that|which)\s+(?:was|were)\s+|as\s+)?(?:valid|effective|in\s+force|current|gültig))?"
_THEN = re.compile(
    rf"{_SPLIT}{_THE}(?P<phrase>{_VALUE}(?:{_HAD}|{_OF})?{_VALID}\s*,?\s+{_WHEN})", re.I
)
_NOW = re.compile(
    rf"{_SPLIT}{_THE}(?P<phrase>(?:current|present|today['’]s|aktuelle[mnrs]?|heutige[mnrs]?|derzeitige[mnrs]?|actuel\w*)\s+"
    rf"{_VALUE}(?:{_OF})?)(?=\s*(?:[.,;:)\n]|$|\b(?:and|per|by|for|in|und|je|pro)\b))",
    re.I,
)
_AT = r"(?<!since )(?<!since the )\b(?:(?:at|by|on|as\s+of)\s+)?(?:the\s+)?"
_PERIOD = r"\s+of\s+(?:that|each|every|the)\s+(?:month|week|quarter|year|day)\b"
_MOMENT = re.compile(
    rf"{_AT}(?P<start>beginning|start|first\s+day){_PERIOD}|{_AT}(?:end|last\s+day|close){_PERIOD}"
    r"|\bat\s+(?:each\s+)?(?:month|week|quarter|year)[- ]end\b"
    r"|\b(?:am|zum)\s+(?:ende\s+(?:des|jedes|jeden)\s+(?:monats|jahres|quartals)|monatsende|jahresende|quartalsende)\b"
    r"|\bà\s+la\s+fin\s+(?:du|de\s+chaque)\s+(?:mois|trimestre)\b|\bal?\s+(?:final|fin)\s+de\s+(?:cada|ese)\s+mes\b",
    re.I,
)
_WITHOUT_OWNER = {"they", "it", "he", "she", "these", "those", "sie", "es"}


@dataclass(frozen=True)
class StateWish:
    """`phrase` names a value of an owner (as far as it says so) at the moment of an event; `event`
    is empty where it is that of the counted row, `is_now` where the current value is meant. `whole`
    is the phrase with the word that splits by it."""

    whole: str
    phrase: str
    value: str
    owner: str = ""
    event: str = ""
    is_now: bool = False


def state_wishes(text: str) -> Iterator[StateWish]:
    """The phrases of a text that name a state, in order."""
    for match in _THEN.finditer(text):
        owner = match["owner"] or match["whose"] or ""
        events = ("event", "verb", "event_de", "day_de", "event_fr", "event_es")
        yield StateWish(
            match.group(),
            match["phrase"],
            match["value"],
            "" if owner.lower() in _WITHOUT_OWNER else owner,
            " ".join(filter(None, [match["noun"], *(match[e] for e in events)])),
        )
    for match in _NOW.finditer(text):
        yield StateWish(
            match.group(), match["phrase"], match["value"], match["owner"] or "", is_now=True
        )


def moment_of_period(text: str) -> str:
    """`period_end` or `period_start`, where a text says at which moment of a period; else nothing."""
    match = _MOMENT.search(text)
    return "" if match is None else "period_start" if match["start"] else "period_end"


def without_moment(text: str) -> str:
    """The text without the words that say at which moment of a period."""
    return _MOMENT.sub(" ", text).strip(" ,.")
