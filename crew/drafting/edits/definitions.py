"""Puts what is said of a new column into plain forms: `true if a <> b, otherwise false`.

Names and values stay as they are written; of other languages only the words for true, false, if,
otherwise and empty are known here.
"""

from __future__ import annotations

import re

_NAMED = r"[`\"']?(?P<{0}>[A-Za-z]\w*_\w+)[`\"']?"
_A, _B = _NAMED.format("a"), _NAMED.format("b")
_OTHER = r"(?:other|another|different|andere[nrs]?|autre|otr[oa]|distint[oa]|diferente|différente?)"
_SIGNS = (
    (
        rf"{_A}\s+(?:(?:is|ist|est|es|sea)\s+)?(?:(?:an?|eine?[nr]?|une?|una?|not the same)\s+)?{_OTHER}\s+(?:\w+\s+)?"
        rf"(?:(?:is|ist)\s+)?(?:than|from|to|as|als|que|de|von)\s+{_B}(?:\s+ist\b)?",
        r"\g<a> <> \g<b>",
    ),
    (
        rf"{_A}\s+(?:differs from|is not(?: equal)?(?: the same(?: \w+)?)?(?: as| to)?|isn['’]t|does not equal|≠"
        rf"|ungleich|nicht gleich)\s+{_B}(?:\s+ist\b)?",
        r"\g<a> <> \g<b>",
    ),
    (rf"{_A}\s+and\s+{_B}\s+(?:differ|are different|are not the same|are not equal)\b", r"\g<a> <> \g<b>"),
    (
        rf"{_A}\s+(?:is the same(?: \w+)? as|equals|is equal to|gleich)\s+{_B}(?:\s+ist\b)?",
        r"\g<a> = \g<b>",
    ),
)  # fmt: skip
_WORDS = (
    (r"\b(?:wahr|vraie?|verdader[oa])\b(?=\s*[,;]?\s*(?:wenn|falls|sofern|si|lorsque|quand|cuando)\b)", "true"),
    (r",?\s*\b(?:que (?:sea|es|valga)|qui (?:est|soit|vaut)|die|das)\s+(?=true\b)", ": "),
    (r"\b(?:falsch|faux|fausse|fals[oa])\b", "false"),
    (
        r"\b(?:(?:en|in) (?:todos )?(?:los|the|el) (?:demás|resto de) (?:los )?casos|en caso contrario|de lo contrario"
        r"|dans (?:tous )?les autres cas|sinon|sonst|ansonsten|andernfalls)\b",
        "otherwise",
    ),
    (r"(?<=true)\s*,?\s*\b(?:wenn|falls|sofern|si|lorsque|quand|cuando)\b", " if"),
    (
        r"\b(?:leer|vide|vací[oa])\b\s*,?\s*(?:wenn|falls|sofern|bei|für|si|lorsque|quand|pour|cuando|para)\b",
        "empty if",
    ),
    (
        r"\b(?:0|null)\s*,?\s*(?:s['’]il n['’]y (?:en )?a pas|si no (?:hay|tiene)(?: ningun[oa])?"
        r"|s['’]il n['’]y en a aucun|(?:wenn|falls)(?: es)? (?:keine?[nr]?|nichts)(?: gibt| da ist| vorhanden)?)",
        "0 if none",
    ),
    (r"\((?:keine?|sans|sin)\s+(?=\w+\))", "(no "),
)  # fmt: skip


def defined(sentence: str, language: str) -> str:
    """The sentence with what it says of truth, sameness and emptiness in plain forms."""
    for pattern, to in _SIGNS:
        sentence = re.sub(pattern, to, sentence, flags=re.I)
    for pattern, to in _WORDS if language else ():
        sentence = re.sub(pattern, to, sentence, flags=re.I)
    return sentence


_TRUE = re.compile(r"^\W*(?:true\s*,?\s*)?(?:if|when|where|whenever|whether|for)\s+", re.I)
_TOTAL = re.compile(
    r"\s*(?:[,;]|\band\b|\bund\b|\bet\b|\by\b)*\s*(?:(?:false|no)\s*,?\s*(?:otherwise|else|in (?:all|any) other cases?"
    r"|for all others?|if not)|(?:otherwise|or else|else)\s*,?\s*(?:it (?:is|should be)\s+)?(?:false|no))\b\W*$",
    re.I,
)


def truth_of(told: str) -> tuple[str, bool, bool]:
    """(condition, whether it is said to be one, whether all other rows are false) of `true if …,
    otherwise false`."""
    bare = _TOTAL.sub("", told)
    opened = _TRUE.match(bare)
    said = bool(opened and opened.group().strip().lower().startswith("true"))
    return bare[opened.end() :] if opened else bare, said, bare != told
