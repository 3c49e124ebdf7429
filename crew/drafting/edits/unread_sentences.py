"""Which sentences of a ticket nothing was read of, beside others that were: to be asked, or noted.

A sentence that commands or limits something, or that says what a column is to be, may have wanted
what is not delivered, so it is asked about. What only tells (`finance insists`) is noted. Greetings
and thanks are neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from crew.drafting.edits.unread_clauses import commands, content_words, limits, unread_clauses
from crew.drafting.vocabulary import stem, stem_set, stems

_FENCE = re.compile(r"```.*?```|<!--.*?-->", re.S)
_SENTENCE = re.compile(
    r"(?<=[.!?;])(?<!\bi\.e\.)(?<!\be\.g\.)\s+|\n\s*\n|\n(?=\s*(?:[-*+•]|\d+[.)])\s)"
)
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
NOT_READ = "Not read:"
_POLITE = re.compile(
    r"^\W*(?:(?:hi|hello|hey|dear|thanks|thank you|thx|cheers|regards|best|kind|danke|gruß|grüße|hallo|merci|bonjour"
    r"|gracias|hola|viele|many|vielen|dank|all|team|everybody|folks|so much|a lot|in advance|im voraus|please|bitte)\b"
    r"\W*)+$",
    re.I,
)
_IS_TO_BE = re.compile(
    r"\b(?:should|must|shall|needs?|has to|have to|ought to|can go|may go|is to|are to|please|pls|counts? as"
    r"|stands? for|treat\w*|instead of|soll(?:en|te)?|muss|müssen|darf|dürfen|bitte|doit|doivent|debe\w*|tiene que)\b"
    r"|(?<!\w)(?:except|unless|otherwise|else|sonst|without|ohne)\b",
    re.I,
)
_NEEDS = re.compile(
    r"^\W*(?:the\s+)?[`\"']?(?P<what>\w+)[`\"']?\s+(?:(?:also|auch|still)\s+)?"
    r"(?:needs?|should|must|has to|braucht|soll|muss)\b",
    re.I,
)
_TELLS = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|do|did|ist|sind|war|hat|haben|wird|werden|est|sont|es|son|confuses?|shows?"
    r"|contains?|holds?|delivers?|gives?|looks?|thinks?|uses?|wants?|likes?|needs?|\w+ed)\b",
    re.I,
)


def sentences_of(body: str) -> list[str]:
    """The sentences and lines of a ticket's body, without code and quotations."""
    found = []
    for part in _SENTENCE.split(_FENCE.sub(" ", body)):
        text = " ".join(_BULLET.sub("", part).split()).strip(" .")
        if text and not part.lstrip().startswith(">"):
            found.append(text)
    return found


def unread_of(
    body: str, made: str, names: Collection[str], columns: Collection[str]
) -> tuple[list[str], list[str]]:
    """What of a body is in nothing that was made of it: to be asked about, to be noted."""
    asked: list[str] = []
    noted: list[str] = []
    told = set(stems(made))
    for sentence in sentences_of(body):
        if is_empty(sentence):
            continue
        clauses = list(unread_clauses(sentence, made, names, columns))
        if clauses:
            asked += clauses
        elif not covered(sentence, told, 1 if limits(sentence) else 2):
            (asked if may_want(sentence, columns, names) else noted).append(sentence)
    return asked, noted


def may_want(sentence: str, columns: Collection[str], models: Collection[str] = ()) -> bool:
    """Whether a sentence may want something of the models that a ticket changes; `columns` are
    theirs. One that names a column without saying anything of it (`fee in upper case`) does, and so
    does `orders_daily needs the city`."""
    if commands(sentence) or limits(sentence):
        return True
    needs = _NEEDS.match(sentence)
    if needs and needs["what"].lower() in {m.lower() for m in models}:
        return True
    return bool(named_of(columns, sentence)) and bool(
        _IS_TO_BE.search(sentence) or not _TELLS.search(sentence)
    )


def named_of(columns: Collection[str], sentence: str) -> list[str]:
    """The columns that a sentence names."""
    return [c for c in columns if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", sentence, re.I)]


def covered(sentence: str, made: Collection[str], at_least: float = 1.5) -> bool:
    """Whether of `at_least` words (two of three) one is among the stems of what was made."""
    content = [s for s in stems(sentence) if s not in stem_set("stops")]
    return at_least * len([s for s in content if s in made]) >= len(content)


def is_empty(sentence: str) -> bool:
    """Whether a sentence says nothing: greetings, thanks, a name, a heading."""
    content = [s for w in content_words(sentence) if (s := stem(w)) not in stem_set("stops")]
    if content and limits(sentence):
        return False
    return sentence.endswith(":") or len(content) < 2 or bool(_POLITE.match(sentence))
