"""Fixed spans of dates as people write them: `in 2025`, `since March 2025`, `from … to …`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from crew.drafting.calendar_words import MONTHS
from crew.drafting.date_points import POINT, period, plain_dates

_MONTH = r"(?:" + "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True)) + r")(?!\w)\.?"
_FISCAL_POINT = r"fy\d{4}(?:/\d\d)?(?:-[qh]\d)?"
_POINT = rf"(?:{_FISCAL_POINT}|{POINT})"
_BETWEEN = re.compile(
    rf"\b(?:from|between|since)\s+(?P<a>{_POINT})\s+(?:to|and|until|till|through|-|–)\s+(?P<b>{_POINT})\b",
    re.I,
)
_SINCE = re.compile(
    rf"\b(?:since|from|starting(?: in| from| on)?|as of)\s+(?P<a>{_POINT})\b(?:\s+(?:on|onwards?))?",
    re.I,
)
_UNTIL = re.compile(
    rf"\b(?:until|till|up to|before)\s+(?:(?:the\s+)?end\s+of\s+)?(?P<b>{_POINT})\b", re.I
)
_NOT = re.compile(
    r"\b(?:except|excluding|without|not|but not|other than|minus)(?:\s+(?:for|in|of|during))?\s*$",
    re.I,
)
# `but not the ones`, `, no bookings`, `ignore everything`, before a date: its days are left out.
_THOSE = r"(?:(?:the|any|all|those|these|our)\s+)*(?:ones?|those|that|anything|everything|rows?|records?|data)"
_DENIED = re.compile(
    rf"(?:\b(?:not|without|except(?:\s+for)?|excluding|exclude|ignor(?:e|ing)|leav(?:e|ing)\s+out|skip(?:ping)?|omit(?:ting)?)"
    rf"\s+{_THOSE}|\bnothing|(?:^|[,;:|(.]\s*|\b(?:and|but|please)\s+)(?:not?|exclud(?:e|ing)|ignor(?:e|ing)|skip(?:ping)?|omit(?:ting)?"
    rf"|leav(?:e|ing)\s+out|except(?:\s+for)?)\s+(?:(?:the|any|all|our)\s+)*\w{{3,}}s)\s*$",
    re.I,
)
_UNCLEAR = re.compile(
    r"\b(?:in\s+|for\s+|of\s+|during\s+|since\s+)?(?:"
    r"(?:this|(?:the )?current|next|(?:the )?(?:first|second|third|fourth))"
    r"\s+(?:day|week|month|quarter|year|half)\b"
    r"|(?:year|month|quarter|week)[\s-]to[\s-]date\b|\bytd\b|\bmtd\b|\bqtd\b"
    r"|(?:yesterday|today|tomorrow|last (?:mon|tues|wednes|thurs|fri|satur|sun)day|weekends?)\b"
    r"|day of (?:the )?(?:month|year)\b"
    r"|fiscal|fy\d+"
    rf"|(?:vs\.?|versus|compared (?:to|with))\s+{_POINT}"
    rf"|(?<=in )(?:{_MONTH})(?!\s*\d)\b"
    r")",
    re.I,
)
_WITHIN = re.compile(
    rf"\b(?:in|for|during|of|within)\s+(?:the year\s+)?(?P<a>{_POINT})\b(?:\s+only\b)?", re.I
)
_ONLY = re.compile(
    rf"\bonly\s+(?:in\s+|for\s+)?(?P<a>{_POINT})\b|\b(?P<a2>{_POINT})\s+only\b", re.I
)
# `2025: number of orders`, `orders per month (Q1 2025)`, and what is all of a sentence.
_ALONE = re.compile(rf"^\W*(?P<a>{_POINT})(?=\W*$|\s*:\s+[^\W\d])|\(\s*(?P<a2>{_POINT})\s*\)", re.I)
_FISCAL = re.compile(rf"\b(?P<a>{_FISCAL_POINT})\b", re.I)
_LEFT = re.compile(
    rf"\b(?:in|since|from|until|till|before|after|during|between|up\s+to)\s+{_POINT}"
    r"|(?<!\bby\s)\b\d{4}-(?:\d\d|[QHW]\d)[\dQHW-]*",
    re.I,
)
_ALL_TIME = re.compile(
    r"\b(?:since|from)\s+(?:the\s+)?(?:very\s+)?(?:beginning|start)(?:\s+of\s+time)?\b(?!\s+of\b)|\beverything\s+since\s+we\s+\w+"
    r"|,?\s*\bfrom\s+the\s+first\s+to\s+the\s+last\s+(?:day|week|month|quarter|year)(?:\s+(?:in\s+the\s+data|with\s+any\s+\w+))?"
    r"|\b(?:all|whole|full|entire)[\s-]+(?:time|history)\b|\bnot\s+(?:just|only)\s+(?:for\s+)?(?:this|the\s+current|last)\s+(?:day|week|month|quarter|year)\b",
    re.I,
)


@dataclass(frozen=True)
class DateSpan:
    """`start` inclusive, `end` exclusive; either may be open. `quote` is how it was written.

    `fiscal` dates are those of a year that begins in January, still to be moved to where it does:
    the year it is `named` after, or the one in which it `begins`.
    """

    start: date | None
    end: date | None
    quote: str
    fiscal: Literal["", "named", "begins"] = ""


def find_date_span(text: str) -> tuple[DateSpan | None, str]:
    """The first span in a text, and the text with a bar in its place."""
    for pattern, opens, closes in (
        (_ONLY, True, True),
        (_BETWEEN, True, True),
        (_SINCE, True, False),
        (_UNTIL, False, True),
        (_WITHIN, True, True),
        (_FISCAL, True, True),
        (_ALONE, True, True),
    ):
        matched = pattern.search(text)
        if not matched:
            continue
        denied = _NOT.search(text[: matched.start()]) or _DENIED.search(text[: matched.start()])
        one_sided = pattern in (_SINCE, _UNTIL) and not matched.group().lower().startswith("from")
        if denied and not one_sided:
            continue
        groups = {k: v for k, v in matched.groupdict().items() if v}
        groups.setdefault("a", groups.pop("a2", ""))
        first = _period(groups["a"]) if groups.get("a") else None
        last = _period(groups["b"]) if groups.get("b") else first
        if (opens and first is None) or (closes and last is None):
            continue
        kinds = {_fiscal(groups[side]) for side in ("a", "b") if groups.get(side)}
        if len(kinds) > 1:
            continue
        before = pattern is _UNTIL and matched.group().lower().startswith("before")
        end = (last[0] if before else last[1]) if closes and last else None
        start = first[0] if opens and first else None
        begins = matched.start()
        if denied:  # `nothing before 2025` are the days from then on
            start, end, begins = end, start, denied.start()
        quote = text[begins : matched.end()].strip(" ,;:|(.")
        return DateSpan(start, end, quote, kinds.pop()), text[:begins] + "|" + text[matched.end() :]
    return None, text


def period_said(text: str) -> str:
    """What says a span of dates in a sentence that says nothing else: `Period: since March 2025`;
    empty for other sentences and for `we need it until May`, which is about the work."""
    said = _PERIOD_HEAD.sub("", plain_dates(text))
    lead = _PERIOD_WORDS.match(said)
    said = said[lead.end() :] if lead else said
    span, rest = find_date_span(said)
    is_other = span is None or _AS_OF.search(text) or _NEEDED_BY.search(text)
    return "" if is_other or not _PERIOD_WORDS.fullmatch(rest) else said


_NEEDED_BY = re.compile(r"\b(?:need|want)\b.*\b(?:until|till|before|by)\b", re.I)
_AS_OF = re.compile(r"\bas\s+(?:of|at)\b", re.I)
_PERIOD_HEAD = re.compile(
    r"^\W*(?:(?:reporting|time|date)\s+)?(?:scope|periods?|range|time\s?frame|time\s?span|window|dates?)\s*:\s*",
    re.I,
)
_PERIOD_WORDS = re.compile(
    r"(?:\W|\b(?:please|just|only|all|the|this|these|that|it|we|i|data|figures?|numbers?|report|period"
    r"|time|range|is|are|should|must|be|about|for|need|want|covers?|cover|concerns?|restrict(?:ed)?"
    r"|limit(?:ed)?|to)\b)*",
    re.I,
)


def both_spans(one: DateSpan, other: DateSpan) -> DateSpan | None:
    """The days that lie in both spans; None if there are none, or if one is fiscal alone."""
    starts = [s for s in (one.start, other.start) if s]
    ends = [e for e in (one.end, other.end) if e]
    start, end = max(starts, default=None), min(ends, default=None)
    if one.fiscal != other.fiscal or (start and end and start >= end):
        return None
    quote = one.quote if one.quote == other.quote else f"{one.quote} {other.quote}"
    return DateSpan(start, end, quote, one.fiscal)


def without_all_time(text: str) -> str:
    """The text without the words that ask for everything there is: no limit of dates."""
    return _ALL_TIME.sub("|", text)


def unclear_dates(text: str) -> list[str]:
    """Words about time that name no span by themselves, or one that is to be left out."""
    found = [m.group().strip() for m in _UNCLEAR.finditer(text)]
    for pattern in (_BETWEEN, _SINCE, _UNTIL, _WITHIN):
        matched = pattern.search(text)
        before = text[: matched.start()] if matched else ""
        denied = _NOT.search(before) or _DENIED.search(before)
        if matched and denied:
            found.append(denied.group().strip() + " " + matched.group().strip())
    found = [q for q in found if q in text]
    rest = text
    for quote in found:
        rest = rest.replace(quote, " | ")
    return found + [m.group() for m in _LEFT.finditer(rest)]


def _period(point: str) -> tuple[date, date] | None:
    """First day and the day after the last of what a point names, or None if it is no date."""
    if fiscal := re.fullmatch(r"fy(\d{4})(?:/(\d\d))?(-[qh]\d)?", point.lower()):
        year, second, part = fiscal.groups()
        if second and int(second) != (int(year) + 1) % 100:
            return None
        return period(f"{year}{part or ''}")
    return period(point)


def _fiscal(point: str) -> Literal["", "named", "begins"]:
    if not point.lower().startswith("fy"):
        return ""
    return "begins" if "/" in point else "named"
