"""Puts dates as people write them into one form: `3. März 2025` is `2025-03-03`, `KW 12 2025`
`2025-W12`, `Jan-Mar 2025` `from 2025-01 to 2025-03`. What could be two dates, or
none, stays as it is written, and is told. What stands in quotes is a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

from crew.drafting.calendar_words import MONTHS

_MONTH = r"(?:" + "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True)) + r")(?!\w)\.?"
_YEAR = r"(?:(?:19|20)\d{2})(?![\d-])"
_OF = r"(?:\s*,\s*|\s+(?:of\s+|de\s+|del\s+|in\s+)?)"
_DAY = r"(?:\d{1,2})(?:st|nd|rd|th|er|\.)?"
POINT = r"(?:\d{4}-\d{2}-\d{2}|\d{4}-\d{2}(?!\d)|\d{4}-[QHW]\d{1,2}|(?:19|20)\d{2}(?![\d-]))"
"""A point in time in the one form that this module writes."""
_ORDINALS = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
}
_ORDINAL = r"(?:first|second|third|fourth|1st|2nd|3rd|4th|[1-4]\.?)"
_TO = r"\s*(?:-|–|to|through|until|till|bis|au?|al?)\s*"
_FEAST = (
    r"(?:easter|christmas|xmas|new\s+year(?:['’]s)?(?:\s+(?:eve|day))?|thanksgiving|black\s+friday|ramadan|diwali"
    r"|ostern|weihnachten|pfingsten|silvester|pâques|noël|navidad|semana\s+santa)"
)
_SEASON = r"(?:summer|winter|spring|autumn|sommer|frühjahr|frühling|herbst|été|hiver|automne|verano|invierno|otoño)"
_BEFORE = r"(?:\b(?:in|on|at|over|since|before|after|until|till|during|around|from|for|up\s+to)\s+)"
_WHEN = rf"(?:{_MONTH}(?:{_OF}{_YEAR})?|{POINT})"
_UNCLEAR = [
    re.compile(said, re.I)
    for said in (
        rf"{_BEFORE}?\b(?:the\s+)?(?:mid|middle\s+of|early|late)[\s-]+(?:in\s+)?{_WHEN}",
        rf"\b(?:around|about|circa|ca\.?)\s+(?:{_MONTH}{_OF}{_YEAR}|\d{{4}}-\d\d(?:-\d\d)?)",
        rf"{_BEFORE}(?:the\s+)?(?:last\s+|this\s+|next\s+)?{_FEAST}\b(?:\s+(?:holidays?|break|season|\d{{4}}))*",
        rf"{_BEFORE}?\b(?:(?:last|this|next)\s+{_SEASON}\b|{_SEASON}\s+(?:of\s+)?{_YEAR})",
        rf"{_BEFORE}?(?:the\s+)?\b(?:first|second|third|fourth|last|final|\d+(?:st|nd|rd|th))\s+(?:\w+\s+)?"
        rf"(?:days?|weeks?|weekends?|months?|half)\s+(?:of|in)\s+(?:the\s+)?{_WHEN}",
        rf"{_BEFORE}?\b(?:KW|CW|calendar\s+week)\s*\d{{1,2}}\b",
        rf"\bsince\s+(?:the\s+)?end\s+of\s+{_WHEN}",
        rf"{_BEFORE}\b[QH][1-4]\b(?!\s*\d)",
        r"(?<!\bby\s)(?:\b(?:since|until|till|before|after|from|between|in|on)\s+)?"
        r"(?<![\w.])\d{1,2}([./-])\d{1,2}\1(?:20)?\d{2}(?!\w|[./-]\d)",
        rf"\b(?:since|until|till|before|after|from|during)\s+(?-i:(?=[A-ZÀ-Ü])){_MONTH}(?!\s*\d)",
    )
]
Reader = Callable[[re.Match[str]], str | None]


def unclear_points(text: str) -> tuple[list[str], str]:
    """What names a time in a text but no dates that are known here, and the text without it."""
    found: list[str] = []
    text, names = _without_names(text)
    for pattern in _UNCLEAR:
        found += [m.group().strip() for m in pattern.finditer(text)]
        text = pattern.sub(" | ", text)
    for day in re.findall(r"\b\d{4}-\d{1,2}-\d{1,2}\b", text):
        if period(day) is None:
            found.append(day)
            text = text.replace(day, " | ")
    return found, _with_names(text, names)


def plain_dates(text: str, day_first: bool | None = None) -> str:
    """The text with its dates in one form. `day_first` says whether 03/04/2025 is in April; None
    where nothing but the other dates of the text may tell."""
    day_first = _told_order(text) if day_first is None else day_first
    text, names = _without_names(text)
    for pattern, reader in _rules(day_first):
        text = pattern.sub(lambda m, read=reader: read(m) or m.group(), text)  # type: ignore[misc]
    return _with_names(text, names)


_NAME = re.compile(r"`[^`\n]+`|\"[^\"\n]+\"|“[^”\n]+”|(?<!\w)'[^'\n]{2,60}'(?!\w)")


def _without_names(text: str) -> tuple[str, list[str]]:
    names = _NAME.findall(text)
    return _NAME.sub("\0", text), names


def _with_names(text: str, names: list[str]) -> str:
    for name in names:
        text = text.replace("\0", name, 1)
    return text


@cache
def _rules(day_first: bool | None) -> tuple[tuple[re.Pattern[str], Reader], ...]:
    rules: list[tuple[re.Pattern[str], Reader]] = []

    def put(pattern: str, reader: Reader) -> None:
        rules.append((re.compile(pattern, re.I), reader))

    put(r"\b(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d)", lambda m: _iso(m[1], m[2], m[3]))
    put(
        r"(?<![\d.])(\d{1,2})([./-])(\d{1,2})\2((?:20)?\d{2})(?![\d.]\d)",
        lambda m: _numeric(m, day_first),
    )
    put(rf"\b({_DAY}){_TO}({_DAY})\s+(?:of\s+|de\s+)?({_MONTH}){_OF}({_YEAR})", _days)
    put(
        rf"\b({_DAY})\s*(?:of\s+|de\s+)?({_MONTH}){_TO}({_DAY})\s*(?:of\s+|de\s+)?({_MONTH}){_OF}({_YEAR})",
        _two_days,
    )
    put(rf"\b({_DAY})\s*(?:of\s+|de\s+)?({_MONTH}){_OF}({_YEAR})", lambda m: _iso(m[3], m[2], m[1]))
    put(rf"\b({_MONTH})\s+({_DAY}),?\s+({_YEAR})", lambda m: _iso(m[3], m[1], m[2]))
    put(
        rf"(?:\b(?:from|between|in)\s+)?\b({_MONTH})(?:{_TO}|\s*(and|&)\s*)({_MONTH}){_OF}({_YEAR})",
        _months,
    )
    put(rf"\b({_MONTH}){_OF}({_YEAR})", lambda m: f"{m[2]}-{_month(m[1]):02d}")
    put(rf"\b({_MONTH})\s+['’](\d\d)\b", lambda m: f"20{m[2]}-{_month(m[1]):02d}")
    put(rf"(?<![\w/.])(0?[1-9]|1[0-2])/({_YEAR})", lambda m: f"{m[2]}-{int(m[1]):02d}")
    put(r"\b(in|since|from|until|till|before|after)\s+['’](\d\d)\b", lambda m: f"{m[1]} 20{m[2]}")
    put(rf"\b({_ORDINAL})\s+(quarter|half)(?:[\s-]year)?{_OF}({_YEAR})", _part)
    put(
        rf"(?:\b(?:from|between|in)\s+)?\b([qh])([1-4])(?:{_TO}|\s*(and|&)\s*)\1([1-4]){_OF}({_YEAR})",
        _parts,
    )
    put(rf"\b([qh][1-4])[\s/-]*(?:of\s+)?({_YEAR})", lambda m: f"{m[2]}-{m[1].upper()}")
    put(rf"\b({_YEAR[:-9]})[\s/-]*([qh][1-4])\b", lambda m: f"{m[1]}-{m[2].upper()}")
    put(
        rf"\b(?:KW|CW|calendar\s+week|week)\s*(?:no\.?\s*|number\s*|#)?(\d{{1,2}})\s*[,/]?\s*(?:of\s+|in\s+)?({_YEAR})",
        _week,
    )
    put(r"\b(\d{4})-?W(\d{2})\b", lambda m: _week(m, swapped=True))
    put(rf"\b(in|for|during|of)\s+({POINT})\s+(?:and|&|\+)\s+(?:in\s+)?({POINT})", _adjacent)
    put(rf"\b(since|from|before)\s+(?:the\s+)?(?:very\s+)?(?:start|beginning)\s+of\s+(?:the\s+year\s+)?({POINT})",
        lambda m: f"{m[1]} {m[2]}")  # fmt: skip
    put(rf"\bafter\s+(?:the\s+)?(?:end\s+of\s+)?({POINT})", _after)
    put(rf"\b(?:on\s+or\s+after|not\s+before)\s+({POINT})", lambda m: f"since {m[1]}")
    put(rf"\b(?:on|throughout)\s+(?:the\s+)?({POINT})", lambda m: f"in {m[1]}")
    put(
        rf"\b(since|from|until|till|before|between|in|to|and)\s+(?:the\s+|dem\s+|year\s+)+(?={POINT})",
        lambda m: f"{m[1]} ",
    )
    put(rf"(?<=,)\s+({POINT})(?=\s*(?:[,;)]|\.?\s*$|\.\s))", lambda m: f" in {m[1]}")
    return tuple(rules)


_ENDS = re.compile(rf"(?P<before>\w+)\s+(?P<point>{POINT})\s*$")
_COMPARES = {
    "in", "of", "since", "from", "to", "until", "till", "before", "after", "and", "over", "under", "above",
    "below", "than", "least", "most", "top", "vs", "versus", "by", "for", "during", "or", "exceeding", "first",
}  # fmt: skip


def in_title(title: str) -> str:
    """A title that ends with a point in time: `Invoices 2025` are those in 2025."""
    ends = _ENDS.search(title)
    if (
        ends is None
        or unclear_points(title)[0]
        or ends["before"].lower() in _COMPARES
        or ends["before"].isdigit()
    ):
        return title
    return f"{title[: ends.start('point')]}in {ends['point']}"


def _told_order(text: str) -> bool | None:
    """Whether the other dates of the text have the day first."""
    pairs = re.findall(r"(?<![\d.])(\d{1,2})[/-](\d{1,2})[/-](?:20)?\d{2}(?!\d)", text)
    told = {int(a) > 12 for a, b in pairs if (int(a) > 12) != (int(b) > 12)}
    return told.pop() if len(told) == 1 else None


def _month(word: str) -> int:
    bare = word.lower().rstrip(".")
    return int(bare) if bare.isdigit() else MONTHS[bare]


def _iso(year: str, month: str, day: str) -> str | None:
    number = re.match(r"\d+", day)
    try:
        return date(int(year), _month(month), int(number[0] if number else 0)).isoformat()
    except ValueError:
        return None


def _numeric(matched: re.Match[str], day_first: bool | None) -> str | None:
    first, mark, second, year = matched.groups()
    year = year if len(year) == 4 else f"20{year}"
    if mark == "." or first == second or int(first) > 12:
        return _iso(year, second, first)
    if int(second) > 12:
        return _iso(year, first, second)
    if day_first is None:
        return None
    return _iso(year, second, first) if day_first else _iso(year, first, second)


def _days(matched: re.Match[str]) -> str | None:
    first, last, month, year = matched.groups()
    return _span(_iso(year, month, first), _iso(year, month, last))


def _two_days(matched: re.Match[str]) -> str | None:
    day, month, last, other, year = matched.groups()
    return _span(_iso(year, month, day), _iso(year, other, last))


def _months(matched: re.Match[str]) -> str | None:
    first, also, last, year = matched.groups()
    start, end = _month(first), _month(last)
    between = matched.group().lower().startswith("between")
    if start >= end or (also and end != start + 1 and not between):
        return None
    return f"from {year}-{start:02d} to {year}-{end:02d}"


def _part(matched: re.Match[str]) -> str | None:
    said, kind, year = matched.groups()
    number = _ORDINALS.get(said.lower()) or int(said.rstrip("."))
    if kind.lower() == "half" and number > 2:
        return None
    return f"{year}-{kind[0].upper()}{number}"


def _parts(matched: re.Match[str]) -> str | None:
    kind, first, also, last, year = matched.groups()
    if first >= last or (also and int(last) != int(first) + 1):
        return None
    return f"from {year}-{kind.upper()}{first} to {year}-{kind.upper()}{last}"


def _week(matched: re.Match[str], swapped: bool = False) -> str | None:
    year, week = (matched[1], matched[2]) if swapped else (matched[2], matched[1])
    try:
        date.fromisocalendar(int(year), int(week), 1)
    except ValueError:
        return None
    return f"{year}-W{int(week):02d}"


def _adjacent(matched: re.Match[str]) -> str | None:
    """`in 2024 and 2025` is one span where nothing lies between."""
    first, second = period(matched[2]), period(matched[3])
    if first is None or second is None or first[1] != second[0]:
        return None
    return f"from {matched[2]} to {matched[3]}"


def _after(matched: re.Match[str]) -> str | None:
    found = period(matched[1])
    return None if found is None else f"since {found[1].isoformat()}"


def _span(start: str | None, end: str | None) -> str | None:
    return f"from {start} to {end}" if start and end and start < end else None


def period(point: str) -> tuple[date, date] | None:
    """First day and the day after the last of a point in the one form; None if it is no date."""
    year, _, rest = point.upper().partition("-")
    try:
        if not rest:
            return _of_months(int(year), 1, 12)
        if rest[0] in "QH":
            length = {"Q": 3, "H": 6}[rest[0]]
            return _of_months(int(year), length * (int(rest[1:]) - 1) + 1, length)
        if rest[0] == "W":
            monday = date.fromisocalendar(int(year), int(rest[1:]), 1)
            return monday, monday + timedelta(days=7)
        if "-" in rest:
            day = date.fromisoformat(point)
            return day, day + timedelta(days=1)
        return _of_months(int(year), int(rest), 1)
    except ValueError:
        return None


def _of_months(year: int, month: int, count: int) -> tuple[date, date]:
    last = month + count - 1
    return date(year, month, 1), date(year + last // 12, last % 12 + 1, 1)
