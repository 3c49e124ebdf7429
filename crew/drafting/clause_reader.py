"""Cuts a sentence into clauses that each wish for one thing, and says them in plain words.

`leave out X, split by Y` are two wishes; `do not leave out X` wishes for the opposite of `leave
out X`. The phrase reader need know neither.
"""

from __future__ import annotations

import re
from functools import cache

from crew.drafting.vocabulary import phrase_pattern, word_set, words

KEEP = "keep"
_LONGEST = 4_000  # characters; what is longer is no sentence and is left as it is
_OUT = re.compile(
    r"\b(?P<verb>leave|leaving|filter|filtering|take|taking)\s+"
    r"(?P<what>(?!out\b)[^\s,;]+(?:\s+(?!out\b)[^\s,;]+){0,4}?)\s+out\b(?!\s+of\b)",
    re.I,
)
_THOSE = re.compile(
    r"\b(?:the\s+|all\s+)?(?:ones|those|rows)\s+(?:that|which|who)\s+(?:are|were|is|was|have\s+been|has\s+been|got|have|has)\s+",
    re.I,
)
_ENDS_OUT = re.compile(
    r"^(?!.*\b(?:leave|leaving|filter|filtering|take|taking|throw|find|carry|work|pull|left|are|is|be)\b)"
    r"(?P<what>\W*\w+(?:\s\w+){0,3})\s+out\W*$",
    re.I,
)
_NONE_OF = re.compile(
    r"^\W*(?:and\s+|but\s+|also\s+)?(?:no|minus)\s+(?=[a-z]+(?:(?:,\s*|\s+or\s+)[a-z]+)*(?:\s+[a-z]+)?"
    r"(?:\s*[.!]?$|,?\s+please\b))",
    re.I,
)
# `only performances that were played`
_ONLY_THAT = re.compile(
    r"\bonly\s+(?:the\s+|those\s+)?(?P<what>[a-z]+s)\s+(?:that|which|who)\s+(?:are|were|is|was|have\s+been|has\s+been|got)\s+"
    r"(?P<state>(?!not\b|in\b|on\b|at\b|over\b|under\b|above\b|below\b|less\b|more\b|still\b|from\b|to\b|the\b|an?\b)[a-z]+)(?=\s*(?:$|[.,;!]))",
    re.I,
)
_BASE = re.compile(
    r"\s+(?:are|is|form|should\s+be|count\s+as)\s+the\s+(?:base|basis|denominator|reference)\b",
    re.I,
)
_TO_SHOW = re.compile(
    r",?\s*\bso\s+that\s+(?:the\s+)?(?P<what>\w+(?:\s\w+)?)\s+(?:also\s+|still\s+)?"
    r"(?:show|appear|are\s+(?:shown|visible|listed|in\s+there))(?:\s+(?:up|as\s+well|too))?\W*$",
    re.I,
)
# `products without a category stay visible`
_STAYS = re.compile(
    r"^(?P<what>\W*\w+(?:\s\w+)?)\s+without\s+(?P<missing>(?:\w+\s+){1,3}?)(?:(?:may|can|should|must|shall|do)\s+)?"
    r"(?:stay|remain|appear|show|be\s+(?:shown|kept)|are\s+(?:shown|kept|listed)|form|become)\b(?!\s+(?:out|away)|.*\b(?:zero|0|null|empty)\b).*$",
    re.I,
)
_NOT_ONES = re.compile(
    r"\s*\(?\b(?:(?:that|which|who)\s+)?(?:are|were|is|was|aren['’]t|weren['’]t|isn['’]t|wasn['’]t|have|had|has)?\s*(?:(?<=n['’]t)|not\s+(?:been\s+)?|(?<=n['’]t\s))(?!(?:need|needed|speed|feed|counted|included|considered|shown|needed|wanted|interested|excluded|finished|supposed|allowed)\b)(?P<what>[a-z]+ed|test|void|internal|open|active|paid|lost)\b\)?",
    re.I,
)
_SOME_OF = re.compile(r"\b(?:of|among)\s+(?:them|these|those|which|whom)\b", re.I)
_NEGATIVE = (
    r"(?:(?:do|does|should|must|need|may|can|will|would)(?:\s+not|n['’]?t)|dont|never|cannot"
    r"|no\s+longer|(?:there\s+is\s+)?no\s+(?:need|reason)(?:\s+to)?|not\s+(?:necessary|needed)(?:\s+to)?"
    r"|stop|(?:rather\s+)?not(?:\s+to)?)"
)
_DENIES = re.compile(
    rf"\b(?:{_NEGATIVE}|no|without|instead\s+of|rather\s+than)"
    r"(?:\s+(?:any|a|the|it|this|be|do|have|need|want|split|breakdown|group|show))*\W*$",
    re.I,
)


def split_clauses(sentence: str) -> list[str]:
    """The clauses of a sentence, cut before each command that a comma or an `and` announces."""
    if len(sentence) > _LONGEST:
        return [sentence]
    sentence, asides = _without_asides(sentence)
    first, *further = re.split(r"\s*,?\s+(?:and|or)\s+(?=how\s+many\b)", sentence, flags=re.I)
    sentence, asides = first, [*further, *asides]
    parts = [p.strip(" ,;") for p in (*_boundary().split(sentence), *asides)]
    return [p for p in parts if p]


_ASIDE = re.compile(r"\s*\(([^()]{3,120})\)")


def _without_asides(sentence: str) -> tuple[str, list[str]]:
    """A sentence and what stands in brackets, where that leaves rows out or says which ones count."""
    asides: list[str] = []

    def keep(matched: re.Match[str]) -> str:
        inner = matched.group(1)
        limits = ("exclusions", "exclusion_tails", "inclusion_tails")
        if any(phrase_pattern(name).search(inner) for name in limits) or _SAYS_ROWS.match(inner):
            asides.append(re.sub(r"^no\s+", "without ", inner.strip(), flags=re.I))
            return ""
        parts = [p.strip() for p in inner.split(",")]
        if limiting := [p for p in parts if re.match(r"(?:no|without|excluding)\s+\w", p, re.I)]:
            asides.extend(re.sub(r"^no\s+", "without ", p, flags=re.I) for p in limiting)
            return f" ({', '.join(p for p in parts if p not in limiting)})"
        return matched.group()

    return _ASIDE.sub(keep, sentence), asides


_SAYS_ROWS = re.compile(r"\s*(?:no|only|just|where|without|not)\s+\w", re.I)


# `number of orders by country, no test accounts`
_NO_SUCH = (
    r"\s*[,;]\s*(?:and\s+|but\s+)?(?=no\s+(?!gaps?\b|need\b|matter\b|rush\b|hurry\b|worries\b|problem\b|limits?\b"
    r"|filters?\b|restrictions?\b|split\b|breakdown\b|more\b|less\b|longer\b|later\b|other\b|further\b|thanks\b)"
    r"[a-z-]+(?:\s+[a-z-]+)?\s*(?:$|[.,;!]))"
    r"|\s*,\s*(?:and\s+|but\s+)?(?=(?:[a-z-]+\s+){1,3}out(?:\s+please)?\s*[.!]?$)"
)


@cache
def _boundary() -> re.Pattern[str]:
    joint = r"(?:\s*[,;]\s*(?:(?:and|but|then|also|plus)\b\s*)*|\s+(?:and|but|then)\s+(?:then\s+)?)"
    openings = "|".join(phrase_pattern(name).pattern for name in ("commands", "limits"))
    return re.compile(f"{joint}(?={_head('before_commands')}(?:{openings}))|{_NO_SUCH}", re.I)


@cache
def _head(name: str) -> str:
    """What may stand before a command without changing it: any words of a list."""
    return r"(?:(?:" + "|".join(map(re.escape, sorted(word_set(name)))) + r")[\s,]+)*"


def is_command(clause: str) -> bool:
    """Whether a clause opens with a command: `leave out …`, `please split by …`, `don't count …`."""
    opening = f"{_head('politeness')}(?:{phrase_pattern('commands').pattern})"
    return bool(re.match(opening, in_plain_words(clause), re.I))


def in_plain_words(clause: str) -> str:
    """The clause with `exclude X` for each command to leave X out, `keep X` for its negation."""
    if len(clause) > _LONGEST:
        return clause
    clause = re.sub(
        r"\b(?:that|which|who)\s+(?:have|has|had)\s+no\s+(?=\w+_\w)", "without ", clause
    )
    clause = _WHOSE.sub(
        r"\g<place> with \g<what> ", _WITH_STATE.sub(r"with \g<any> \g<state> \g<what>", clause)
    )
    clause = _ONLY_THAT.sub(r"only \g<state> \g<what>", clause)
    clause = _DID_EACH.sub(r"number of \g<what> by \g<who> ", clause)
    clause = _ALL_BUT.sub(r"\g<all>, excluding ", clause)
    clause = _NEITHER.sub(r", \g<what> are excluded", clause)
    also = _ALSO.search(clause)
    if also and phrase_pattern("exclusion_tails").search(clause[: also.start()]):
        clause = f"{clause[: also.start()]}, {also['what']} are excluded"
    clause = _STAYS.sub(r"keep \g<what> lacking \g<missing>", clause)
    clause = _TO_SHOW.sub(r"; keep \g<what>", clause)
    clause = _ENDS_OUT.sub(r"\g<what> are excluded", _THOSE.sub(" ", clause))
    text = _NONE_OF.sub("exclude ", _BASE.sub("", clause))
    if not _SOME_OF.search(text):  # `how many of them were not paid` counts them
        text = _NOT_ONES.sub(r" | excluding \g<what> ones | ", text)
    text = _OUT.sub(r"\g<verb> out \g<what>", text)
    leave_out = (
        f"(?:{phrase_pattern('exclusions').pattern}|{phrase_pattern('exclusion_commands').pattern})"
    )
    count = phrase_pattern("counting_commands").pattern
    text = re.sub(rf"\b{_NEGATIVE}\s+(?:{leave_out})", KEEP, text, flags=re.I)
    head = f"^(?P<head>{_head('before_commands')})"
    text = re.sub(rf"{head}{_NEGATIVE}\s+(?:{count})(?=\s+\w)", r"\g<head>exclude", text, flags=re.I)  # fmt: skip
    negated = phrase_pattern("exclusion_commands").pattern
    return re.sub(rf"{head}(?:{negated})(?=\s+\w)", r"\g<head>exclude", text, flags=re.I)


# `how many orders did each customer place`
_DID_EACH = re.compile(
    r"\bhow\s+many\s+(?P<what>\w+(?:\s\w+)?)\s+(?:did|does|do|has|have|had|were|was|are|is)\s+(?:each|every)\s+(?P<who>\w+)\b"
    r"(?:\s+(?:make|made|have|had|take|took|taken|place|placed|book|booked|get|got|receive[d]?|send|sent|buy|bought|open|opened|complete[d]?|submit|submitted)\b)?",
    re.I,
)
# `customers whose spend is above 300`
_WHOSE = re.compile(
    r"\bwhose\s+(?:the\s+)?(?P<what>\w+(?:\s\w+)??)(?P<place>\s+in\s+\w+_\w+|)\s+(?:is|was|are|were|has\s+been)\s+"
    r"(?=above|below|over|under|more|less|at\s+(?:least|most)|greater|higher|lower|between|[<>])",
    re.I,
)
# `accounts that have a subscription with status active`
_WITH_STATE = re.compile(
    r"\b(?:that|which|who)\s+(?:have|has|had)\s+(?P<any>an?|any|at\s+least\s+one)\s+(?P<what>\w+)\s+"
    r"(?:with|in)\s+(?:the\s+)?(?:status|state)\s+[\"'“]?(?P<state>\w+)[\"'”]?",
    re.I,
)


def tells_rows(sentence: str) -> bool:
    """Whether a statement says which rows count: `all paid invoices are the base`."""
    if len(sentence) > _LONGEST:
        return False
    return bool(_BASE.search(sentence) or _ENDS_OUT.search(sentence) or _TO_SHOW.search(sentence))


# `cancelled ones don't count, refunded ones neither`
# `all orders but the cancelled ones`
_ALL_BUT = re.compile(
    r"(?P<all>\b(?:all|every|any)\s+(?:\w+\s){0,2}?\w+),?\s+but\s+(?!also\b|not\b|only\b|please\b|with(?:out)?\b|leave\b|exclud)"
    r"(?=(?:the\s+|those\s+)?\w+(?:\s\w+)?\s*(?:$|[,.;(]|\b(?:by|per|for|in)\b))",
    re.I,
)
_ALSO = re.compile(r",\s*(?:and\s+)?(?P<what>[^,]{3,60}?)\s+(?:too|also|as\s+well)(?=\W*$)", re.I)
_NEITHER = re.compile(r",\s*(?:and\s+)?(?P<what>[^,]{3,60}?)\s+neither(?=\W*$)", re.I)


def kept_phrase(clause: str) -> re.Match[str] | None:
    """`keep X` in a clause in plain words; the match ends before X."""
    return re.match(
        rf"{_head('before_commands')}{KEEP}\s+(?!(?:in|it|this|that|as|an)\b)(?=\w)", clause, re.I
    )


def denies(before: str) -> bool:
    """Whether words end in a negation of what follows: `do not`, `no need to`, `instead of`."""
    return bool(_DENIES.search(before))


def denies_wish(before: str) -> bool:
    """Whether the words up to a wish, its verb included, deny it: `we no longer want`."""
    return bool(re.search(rf"\b{_NEGATIVE}\s+(?:\w+\s+)?\w+\s*$", before, re.I))


def without_deadlines(text: str, in_comment: bool = False) -> str:
    """A sentence without the day it is needed by; comments say it in more ways than bodies."""
    lists = ("deadlines", "deadlines_in_comments") if in_comment else ("deadlines",)
    for name in lists:
        text = _expressions(name).sub(" ", text)
    return text.strip(" ,")


@cache
def _expressions(name: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in sorted(word_set(name))), re.I)


def is_courtesy(text: str) -> bool:
    """Whether a sentence says nothing but thanks, praise, agreement or a deadline."""
    said = words(without_deadlines(text, in_comment=True))
    return all(w in word_set("courtesies") | word_set("before_commands") for w in said)
