"""Puts commands of other word orders into the one that the readers know, sentence by sentence.

German has its verb at the end (`die Spalte a soll ab sofort b heißen`), English a `call a b instead`.
Names, values and all else of a sentence stay as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from crew.drafting.edits.phrases import phrases

_NAME = r"[`\"'“„]?[A-Za-z_]\w*[`\"'”“]?"
_FROM_NOW = re.compile(
    r"\s*,?\s*\b(?:from now on(?:wards?)?|from \w+ on(?:wards)?|going forward|as of (?:now|today)|henceforth"
    r"|in (?:the )?future|instead|ab (?:sofort|jetzt|heute|nun)|künftig|zukünftig|in zukunft|von nun an|fortan|jetzt"
    r"|stattdessen|besser|bitte|désormais|dorénavant|à partir de maintenant|a partir de ahora|en adelante)(?!\w)",
    re.I,
)  # fmt: skip
_MUST = r"\b(?:soll(?:te|ten|en)?|muss|müssen|müsste|möge|darf|kann|könnte)\b"
_IS_CALLED = re.compile(r"\b(?:should|must|needs? to|has to) be (?:called|named)\b", re.I)
_WITH = re.compile(r"\bmit\b|(?:,\s*)?\bbei denen\b", re.I)
_THIS = re.compile(r"\b(?:das|dies|es|sie)\b", re.I)
_TYPE = "@type@"


def _plainly(match: re.Match[str]) -> str:
    return re.sub(
        r"\s+(?:eine?[nm]?|als|in|zu[mr]?)(?=\s*$)", "", _FROM_NOW.sub("", match["mid"]).rstrip()
    )


_NEW_COLUMN = (
    r"(?:(?:eine?n?|die|das|une|la|una|an?|the)\s+)?(?:(?:neue[sn]?|weitere[sn]?|nouvelle|nueva|new|further|additional)\s+)*"
    r"(?:spalte|feld|colonne|columna|columns?|field)\s+(?:(?:namens|nommée|llamada|called|named)\s+)?"
)
_INTO = r"(?:(?:der|dem|die|das|la|le|el|the)\s+)?(?:(?:tabelle|modell|modèle|modelo|tabla|table|model)\s+)?"
_FORMS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (
        r"\b(?P<noun>columna|campo|colonne|champ|spalte|feld)\s+(?:llamad[ao]|nombrad[ao]|con\s+el\s+nombre(?:\s+de)?"
        r"|appelée?|nommée?|intitulée?|namens|genannt|mit\s+dem\s+namen)\s+(?=[`\"'“]?[A-Za-z]\w*_\w)",
        r"\g<noun> ",
    ),
    (
        rf"(?:\b(?:in|zu|an|bei)\s+{_INTO}(?P<model>[A-Za-z]\w*_\w+)\s+(?:bitte\s+)?|(?P<um>{_NAME})\s+(?:bitte\s+)?um\s+)"
        rf"{_NEW_COLUMN}(?P<new>{_NAME})\s+(?:ergänzen|hinzufügen|anlegen|einfügen|aufnehmen|einbauen|erweitern)\b",
        lambda m: f"add column {m['new']} to {m['model'] or m['um']}",
    ),
    (
        rf"\b(?:ajoute[rz]?|añad(?:ir|e|id|an|a)|agreg(?:ar|ad|a|ue|uen)|add)\s+(?:à|a|en|dans|to|in)\s+{_INTO}"
        rf"(?P<model>[A-Za-z]\w*_\w+)\s+{_NEW_COLUMN}(?P<new>{_NAME})",
        r"add column \g<new> to \g<model>",
    ),
    (
        rf"{_MUST}(?P<mid>[^;:.]*?)\s+(?P<new>{_NAME})\s+(?:heißen|heissen|genannt werden|lauten)\b",
        lambda m: f"{_plainly(m).lstrip()} should be called {m['new']}",
    ),
    (
        rf"(?P<mid>\b{_NAME}\s+)heißt\s+(?:ab sofort|ab jetzt|künftig|zukünftig|in zukunft|bitte)\s+(?P<new>{_NAME})",
        lambda m: f"{m['mid']}should be called {m['new']}",
    ),
    (
        rf"\b(?:call|name)\s+(?:the\s+)?(?:column\s+|field\s+)?(?P<old>`?[A-Za-z]\w*_\w+`?)\s+"
        rf"(?P<new>{_NAME})(?=\s*(?:$|[,.;(]|instead|from now|going|please|because|in\b|as of))",
        r"rename \g<old> to \g<new>",
    ),
    (
        rf"\bcall (?P<old>it|this|that)\s+(?P<new>{_NAME})(?=\s*(?:$|[,.;(]|instead|from now|going|please|because))",
        r"rename \g<old> to \g<new>",
    ),
    (
        rf"\b(?:nennt?|nennen|benennt?e?|tauft?e?)\s+(?:bitte\s+)?(?:die\s+)?(?:spalte\s+)?"
        rf"(?P<old>(?!(?:sie|es|das|in)\b){_NAME})\s+(?:(?:künftig|ab sofort|bitte|in zukunft|jetzt|lieber|besser)\s+)*"
        rf"(?P<new>{_NAME})(?=\s*(?:$|[,.;(]|um\b))",
        r"rename \g<old> to \g<new>",
    ),
    (
        rf"\b(?:devrait|doit|devra)\s+(?:désormais\s+)?s['’]appeler\s+(?:désormais\s+)?(?P<new>{_NAME})"
        rf"|\b(?:debería|debe|deberá)\s+(?:ahora\s+)?llamarse\s+(?P<es>{_NAME})",
        lambda m: f"should be called {m['new'] or m['es']}",
    ),
    (
        rf"{_MUST}(?P<mid>[^;:.!?]*?)\b(?P<type>{_TYPE}(?:\s*\([^()]*\))?)(?P<rest>[^;:.!?]*?)\s+"
        r"(?:sein|werden|gespeichert werden|umgewandelt werden|gewandelt werden|gecastet werden)\b",
        lambda m: f"{_THIS.sub('this', _plainly(m).strip())} should be {m['type']}{m['rest']}",
    ),
    (
        r"\b(?:nur noch|nur|ausschließlich|lediglich)\s+(?P<what>[^;:.!?]+?)\s+(?:berücksichtigen|zählen|mitzählen"
        r"|enthalten|anzeigen|zeigen|aufnehmen|einbeziehen|ausgeben|behalten|betrachten|stehen"
        r"|(?:berücksichtigt|gezählt|angezeigt|gezeigt|aufgenommen|einbezogen|ausgegeben"
        r"|behalten|betrachtet) werden)(?=\W*$)",
        lambda m: f"only include {_WITH.sub('with', m['what'])}",
    ),
)  # fmt: skip


@cache
def _compiled() -> list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]:
    types = "|".join(form for forms in phrases()["types"].values() for form in forms)
    return [(re.compile(p.replace(_TYPE, f"(?:{types})"), re.I), to) for p, to in _FORMS]


def reworded(sentence: str) -> str:
    """The sentence in the order of words that the readers know."""
    for pattern, to in _compiled():
        sentence = pattern.sub(to, sentence)
    if called := _IS_CALLED.search(sentence):  # the name ends before `from now on`
        after = _FROM_NOW.sub("", sentence[called.end() :])
        sentence = sentence[: called.end()] + after
    return sentence
