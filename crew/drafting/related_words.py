"""Takes out of a sentence how often something happened to what is counted, and whom `them` means.

`accounts that had at least one paid invoice within 60 days after signup` becomes `accounts rel0`;
`how many of them were refunded` speaks of the rows counted before it. Whether there are such rows
is for the related reader to say.
"""

# ruff: noqa: E501
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crew.drafting.vocabulary import grain_words, word_set

if TYPE_CHECKING:
    from crew.drafting.figures import FigureWishes

Inner = Callable[[str], str]
"""Puts marks into the words of a condition."""

_NUMBERS = {w: n for n, w in enumerate(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
     "twelve"))}  # fmt: skip
_N = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"


@dataclass(frozen=True)
class Having:
    """Entities with `low` to `high` rows of `what`: a noun, or what they did.

    `span` is how long after `since` (a moment of the entity, its beginning if empty) the rows lie,
    by the date `dated`; `again` leaves out the row that is `since` itself. `otherwise` are the words
    for another reading; where that is as likely (`with an order`) it `is_vague`.
    """

    what: str
    low: int | None
    high: int | None
    span: str
    since: str
    dated: str
    again: bool
    is_vague: bool
    otherwise: str
    quote: str

    @property
    def words(self) -> str:
        """The condition as the end of a name: `with 3 or more orders`."""
        number = f"{self.low} to {self.high}"
        if self.high is None:
            number = f"{self.low} or more" if (self.low or 0) > 1 else ""
        elif self.low is None:
            number = f"at most {self.high}" if self.high else ""
        elif self.low == self.high:
            number = str(self.low)
        way = "without" if self.high == 0 else "with"
        if re.fullmatch(r"\w+ed|bought|paid|order|buy", self.what):
            way = "never" if self.high == 0 else "that"
        within = f" within {self.span}s" if self.span else ""
        return " ".join(f"{way} {number} {self.what}{' again' * self.again}{within}".split())


@dataclass(frozen=True)
class Those:
    """The rows of `whole` that meet `part`, counted."""

    whole: str
    part: str
    quote: str


_THEM = r"(?:of|among|out\s+of)\s+(?:them|these|those)(?!\s+\w+s\b)|thereof|of\s+(?:which|whom)"
_IS = r"(?:(?:that|which|who)\s+)?(?:(?:are|is|was|were|have|has|had|got|get|been|did|do|also|then)\s+)*"
_STOP = r"per|by|for\s+each|each|every|split|broken|grouped|and\s+(?:the|how)|as\s+well"
_REST = rf"(?P<part>[^,;:|()?!]+?)(?=\s*(?:[,;:|()?!]|$|\b(?:{_STOP})\b))"
_OF_THEM = [
    (re.compile(rf"\bhow\s+many\s+(?:{_THEM})\s+{_IS}{_REST}", re.I), False),
    (re.compile(rf"\b(?:{_THEM})\s*,?\s*(?:how\s+many|the\s+number(?:\s+of\s+those)?)\s+{_IS}{_REST}", re.I), False),
    (re.compile(rf"(?:,|\band)\s*(?:of\s+(?:which|whom)|thereof)\s+(?!how\b){_IS}{_REST}", re.I), False),
    (re.compile(rf"\b(?:the\s+)?(?:number|count)\s+(?:{_THEM})\s+{_IS}{_REST}", re.I), False),
    (re.compile(rf"\b(?:the\s+|what\s+|which\s+)?(?:share|percentage|percent|proportion|fraction|part|%)\s+(?:{_THEM})\s+{_IS}{_REST}", re.I), True),
    (re.compile(rf"\b(?:{_THEM})\s*,?\s*(?:the|what|which)\s+(?:share|percentage|percent|proportion|fraction|part)\s+{_IS}{_REST}", re.I), True),
]  # fmt: skip
_COUNTED = re.compile(
    r"\b(?:how\s+many|number\s+of|count\s+of|#\s*of)\s+(?:different\s+|all\s+|the\s+|our\s+)*"
    r"(?!of\b|them\b|these\b|those\b)(?P<what>(?:[\w-]+\s+){0,2}?[a-z]+s)\b",
    re.I,
)
_TWO_SPANS = re.compile(
    r"(?P<head>\bhow\s+many\b[^,;:|()?!]*?)\s+within\s+(?P<a>\d+)\s*(?P<ua>hours?|days?|weeks?|months?)?\s*"
    r"(?:,|and|or|&)\s*(?:within\s+)?(?P<b>\d+)\s*(?P<ub>hours?|days?|weeks?|months?)\s+(?P<after>(?:after|of|from)\s+[^,;:|()?!.]+)",
    re.I,
)

_WHOLE = r"(?P<whole>(?:(?!\b(?:of|per|by|with|that|who|which|the|and|how|many|number|count|all|our)\b)[\w-]+\s+){0,2}?[\w-]+)"
_HAVE = (r"(?:have|has|had|having|with|got|get|gets|getting|received?|placed?|made?|make|bought|opened?|filed?|"
         r"created?|submitted|booked|issued|sent|raised|did|contain(?:s|ed|ing)?|caused?|been|ever|already|wrote|written)")  # fmt: skip
_QUANTITY = (
    rf"(?:(?P<least>at\s+least|min\.?|minimum|no\s+less\s+than|>=|≥)\s*(?P<n1>{_N})"
    rf"|(?P<n2>{_N})\s+or\s+more|(?P<more>more\s+than|over|>)\s*(?P<n3>{_N})"
    rf"|(?P<most>at\s+most|max\.?|maximum|up\s+to|no\s+more\s+than|<=|≤)\s*(?P<n4>{_N})"
    rf"|(?P<fewer>fewer\s+than|less\s+than|<)\s*(?P<n5>{_N})"
    rf"|(?:exactly|only|just)\s+(?P<n6>{_N})|(?P<none>no|zero|not\s+a\s+single|not\s+any)|(?P<any>any|some|an?))"
)
_NOT_NOUN = (
    r"(?!\b(?:per|by|for|within|in|with|dated|over|each|every|and|or|during|since|that|who|which"
    r"|were|are|is|was|has|have|of|from|at|on|after|before|split|last|this|than|to|not)\b)"
)
_NOUN = rf"(?P<what>{_NOT_NOUN}[\w'-]+(?:\s+{_NOT_NOUN}[\w'-]+){{0,3}}?)"
_SPAN = (
    r"(?:\s+(?:with|dated)\s+(?:an?\s+|the\s+|their\s+)?(?P<dated>(?:[\w-]+\s+){0,2}(?:date|day|time)))?"
    r"(?:\s+(?:within|in)\s+(?:(?:the|their|its)\s+)?(?:first\s+)?(?P<n>\d+)\s*(?P<unit>hours?|days?|weeks?|months?|years?)"
    r"(?:\s+(?:after|of|from|since|following)\s+(?:the\s+|their\s+|its\s+|his\s+|her\s+)?(?:day\s+of\s+(?:the\s+|their\s+)?)?"
    r"(?P<since>(?!\b(?:per|by|for|and|in)\b)[\w-]+(?:\s+(?!\b(?:per|by|for|and|in)\b)[\w-]+){0,2}?))?)?"
)
_END = r"(?=\s*(?:[,;:|().!?]|$|\b(?:per|by|for|in|with|over|each|every|and|or|during|since|that|who|which|of|from|at|on|after|before|split|last|this|to|are|is|were|was|not|have|has)\b))"
_WITH = re.compile(
    rf"\b{_WHOLE}\s+(?:(?:that|who|which)\s+)?(?:{_HAVE}\s+)+(?:an?\s+total\s+of\s+)?{_QUANTITY}\s+{_NOUN}{_SPAN}{_END}",
    re.I,
)
_WITHOUT = re.compile(
    rf"\b{_WHOLE}\s+(?:(?:that|who|which)\s+)?(?:(?:are|is|were|was|have|has|had)\s+)*(?P<none>without|never(?:\s+{_HAVE})?)\s+"
    rf"(?:any\s+|an?\s+|a\s+single\s+)*{_NOUN}{_SPAN}{_END}",
    re.I,
)
_TIMES = (rf"(?:(?P<again>again|a\s+second\s+time)|(?P<once>only\s+once|just\s+once|exactly\s+once)|(?P<twice>at\s+least\s+twice|more\s+than\s+once)"
          rf"|at\s+least\s+(?P<n1>{_N})\s+times|more\s+than\s+(?P<n3>{_N})\s+times)")  # fmt: skip
_DID = re.compile(
    rf"\b{_WHOLE}\s+(?:(?:that|who|which)\s+)?(?:(?:have|has|had)\s+)?(?P<what>\w+ed|bought|paid|order|buy)\s+"
    rf"{_TIMES}{_SPAN}{_END}",
    re.I,
)
_PATTERNS = (_WITH, _WITHOUT, _DID)
_COUNTS = re.compile(r"\b(?:how\s+many|number\s+of|count\s+of)\s+(?:(?:the|all|our)\s+)*$", re.I)
_SHARE_OF = re.compile(
    r"\b(?:share|percentage|percent|proportion|fraction|part|%)\s+of\s+(?:(?:the|all|our)\s+)*$",
    re.I,
)
_NEGATED = re.compile(r"(?:\b(?:not|never|no|cannot)|n['’]t?)(?:\s+\w+)?\s*$", re.I)
_NOT_WHOLE = {"never", "ever", "have", "had", "has", "did", "how", "many", "them", "number", "count", "share", "one", "those", "these", "and", "or", "but",
              "row", "only", "not", "also", "all", "of", "it", "is", "are", "we", "ones"}  # fmt: skip


def take_related(text: str, wishes: FigureWishes, inner: Inner) -> str:
    """The sentence with marks in the place of what it says about related rows."""
    text = _TWO_SPANS.sub(_both_spans, text)
    text = _take_havings(_resolved(text, wishes, inner), wishes, inner)
    for matched in _COUNTED.finditer(text):
        wishes.counted = matched["what"].strip()
    return text


def _both_spans(matched: re.Match[str]) -> str:
    first = matched["ua"] or matched["ub"]
    parts = (f"within {matched['a']} {first}", f"within {matched['b']} {matched['ub']}")
    return ", ".join(f"{matched['head']} {part} {matched['after']}" for part in parts)


def _resolved(text: str, wishes: FigureWishes, inner: Inner) -> str:
    """`them` by the name of what was counted before."""
    for pattern, is_share in _OF_THEM:
        while matched := pattern.search(text):
            before = [m["what"] for m in _COUNTED.finditer(text[: matched.start()])]
            whole = (before[-1] if before else wishes.counted).strip()
            named_here = bool(before) or "which" not in matched.group()
            if not whole or not named_here:
                break
            wishes.counted_twice = True
            part = _condition(whole, matched["part"].strip(), wishes, inner)
            if is_share:
                name = f"share of {whole} that are {part}"
            else:
                name = wishes.mark("some", Those(whole, part, matched.group().strip()))
            joint = "," if matched.group().startswith(",") else ""
            text = f"{text[: matched.start()]}{joint} {name} {text[matched.end() :]}"
    return text


def _condition(whole: str, part: str, wishes: FigureWishes, inner: Inner) -> str:
    """What is said of some of the rows, with marks."""
    last = whole.split()[-1]
    for joint in ("that had", "that"):
        for pattern in (_WITHOUT, _WITH, _DID):
            said = f"{last} {joint} {part}"
            matched = pattern.match(said)
            if matched and matched["whole"] == last and (figure := _having(matched, inner, True)):
                rest = said[matched.end() :]
                return f"{wishes.mark('rel', figure)} {inner(rest)}".strip()
    return inner(part)


def _take_havings(text: str, wishes: FigureWishes, inner: Inner) -> str:
    for pattern in _PATTERNS:
        start = 0
        while matched := pattern.search(text, start):
            start = matched.start() + len(matched["whole"])
            head = text[: matched.start()]
            counts, share = _COUNTS.search(head), _SHARE_OF.search(head)
            figure = _having(matched, inner, bool(share))
            opens = matched["whole"].split()[-1].lower()
            if figure is None or opens in _NOT_WHOLE | grain_words().keys():
                continue
            if _NEGATED.search(f"{head}{matched['whole']}"):
                continue
            if figure.high == 0 and not (counts or share) and "without" in matched.group().lower():
                continue  # `revenue by country without any test orders` leaves rows out
            mark = wishes.mark("rel", figure)
            rest = text[matched.end() :]
            if counts:
                wishes.counted = matched["whole"].strip()
                shown = text[counts.start() : matched.end()].strip()
                name = wishes.mark("some", Those(wishes.counted, mark, shown))
                text = f"{text[: counts.start()]} {name} {rest}"
            else:
                text = f"{head}{matched['whole']}{' that have' if share else ''} {mark} {rest}"
    return text


def _having(matched: re.Match[str], inner: Inner, is_narrow: bool) -> Having | None:
    """The condition; where no number is said (`with an order`) only if it `is_narrow`ed anyway."""
    groups = {k: (v or "").strip() for k, v in matched.groupdict().items()}
    what = re.sub(r"^(?:an?|the|any|single)\s+", "", groups["what"], flags=re.I)
    first = what.split()[0].lower() if what.split() else ""
    unit = what.split()[0].lower() in word_set("currencies") if what else True
    if unit or first in word_set("stops") | word_set("articles") | grain_words().keys():
        return None
    span = f"{groups['n']} {groups['unit'].rstrip('s')}" if groups.get("n") else ""
    is_vague = bool(groups.get("any")) and not span
    if is_vague and not is_narrow:
        return None
    if "_" in first or re.search(r"\b(?:ones|rows)$", what):
        return None  # `orders without unit_id`, `without the test ones`: no rows of something else
    low, high = _bounds(groups)
    said = matched.string[matched.end("whole") : matched.end()].strip()
    otherwise = what if high == 0 else inner(said)
    again = bool(groups.get("again"))
    return Having(what, low, high, span, groups.get("since", ""), groups.get("dated", ""), again,
                  is_vague, otherwise, said)  # fmt: skip


def _bounds(groups: dict[str, str]) -> tuple[int | None, int | None]:
    """How many rows there are at least and at most."""
    number = {k: _NUMBERS.get(v.lower(), int(v) if v.isdigit() else None)
              for k, v in groups.items() if re.fullmatch(r"n\d", k) and v}  # fmt: skip
    if groups.get("none"):
        return None, 0
    if groups.get("again"):
        return 1, None
    if groups.get("once"):
        return 1, 1
    if groups.get("twice"):
        return 2, None
    for name, low, high in (
        ("n1", 0, None), ("n2", 0, None), ("n3", 1, None), ("n4", None, 0), ("n5", None, -1),
    ):  # fmt: skip
        if (n := number.get(name)) is not None:
            return (n + low, None) if low is not None else (None, n + (high or 0))
    n6 = number.get("n6")
    return (1, None) if n6 is None else (n6, n6)
