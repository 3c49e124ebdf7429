"""Words about the calendar itself: when weeks begin, fiscal years, and periods of these.

They are taken out of the text: `per fiscal quarter` is read on as `per quarter`, `FY25` as a point
in time that `date_words` knows. Weekdays are known in the languages of tickets.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from babel.dates import get_day_names, get_month_names

from crew.drafting.vocabulary import grain_words

_LOCALES = ("en", "de", "fr", "es")
_WIDTHS: tuple[Literal["wide", "abbreviated"], ...] = ("wide", "abbreviated")
WEEKDAYS: dict[str, int] = {
    name.lower().rstrip("."): n
    for locale in _LOCALES
    for width in (_WIDTHS if locale == "en" else _WIDTHS[:1])
    for n, name in get_day_names(width, locale=locale).items()
}
MONTHS: dict[str, int] = {
    name.lower().rstrip("."): n
    for locale in reversed(_LOCALES)
    for width in _WIDTHS
    for n, name in get_month_names(width, locale=locale).items()
    if len(name) > 2
}
"""Names of months and their short forms, in any of the languages; English ones win."""


@dataclass(frozen=True)
class CalendarWish:
    """What a text says of the calendar. `fiscal` and `everyones` are the words that speak of fiscal
    and of calendar years; `week_starts` is 0 for Monday, `year_starts` 1 for January; `unclear` are
    words that name no calendar that is known here."""

    week_starts: int | None = None
    year_starts: int | None = None
    fiscal: str = ""
    everyones: str = ""
    unclear: tuple[str, ...] = ()

    def and_also(self, later: CalendarWish) -> CalendarWish:
        """Both; what was said later wins."""
        told = {k: v for k, v in vars(later).items() if v is not None and v not in ("", ())}
        if later.unclear:
            told["unclear"] = (*self.unclear, *later.unclear)
        return replace(self, **told)


def _one_of(names: dict[str, int]) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + r")(?=s?(?!\w))"


_DAY, _MONTH = _one_of(WEEKDAYS), _one_of(MONTHS)
_TO = r"\s*(?:to|through|until|till|au|al?|bis|[-–—])\s*"
_SHALL = r"(?:(?:that|which|must|should|have\s+to|has\s+to|always|que|qui|die|,)\s+)*"
_VERB = (
    r"starts?|starting|begins?|beginning|beginn\w*|start[ei]\w*|commen[cç]\w+|début\w+|empi\w+|comienz\w+"
    r"|runs?|running|go(?:es)?|going"
)
_ON = r"\s+(?:(?:on|with|from|at|in|the|a|every|am|im|mit|of)\s+)*"
_ENDS = rf"{_SHALL}(?:ends?|ending|closes?|closing|ende[nt]\w*|se\s+termine\w*|termina\w*){_ON}(?:end\s+of\s+)?"
_OURS = r"(?:\b(?:our|the|a|with|using|where|and|full|all)\s+)*"
_WEEK_RULES = (
    re.compile(
        rf"{_OURS}\b(?P<week>weeks?)\s*\(?\s*(?:=|is|are|,)?\s*{_SHALL}(?:{_VERB}|since|from|of){_ON}(?P<first>{_DAY})s?"
        rf"(?:{_TO}(?:the\s+)?(?P<last>{_DAY})s?)?\)?(?!\w)",
        re.I,
    ),
    re.compile(
        rf"{_OURS}\b(?P<week>weeks?)\s*(?:\(|=|:|is|are|,)?\s*(?P<first>{_DAY}){_TO}(?P<last>{_DAY})\)?",
        re.I,
    ),
    re.compile(
        rf"\b(?P<first>{_DAY})(?:{_TO}(?P<last>{_DAY})|[\s-]+(?:based|first|start(?:ing)?|start))?[\s-]+"
        r"(?P<week>weeks?)\b",
        re.I,
    ),
    re.compile(rf"{_OURS}\b(?P<week>weeks?)\s+{_ENDS}(?P<last>{_DAY})s?", re.I),
    re.compile(rf"\b(?P<first>{_DAY})\s+(?:is|as)\s+(?:the\s+)?first\s+day\s+of\s+(?:the\s+|a\s+)?week\b", re.I),
    re.compile(
        rf"(?:\bthe\s+)?\bfirst\s+day\s+of\s+(?:the\s+|a\s+)?week\s*(?:is|=|being|should\s+be|:)\s*(?:a\s+)?(?P<first>{_DAY})",
        re.I,
    ),
    re.compile(r"\biso[\s-]*(?P<iso>)(?P<week>weeks?)\b", re.I),
)  # fmt: skip
_FISCAL = r"(?:fiscal|financial|business|accounting)"
_YEAR_RULES = (
    re.compile(
        rf"{_OURS}\b(?:{_FISCAL}\s+year|fy|year)s?\s*\(?\s*(?:is|=|:)?\s*{_SHALL}(?:{_VERB}){_ON}"
        rf"(?:(?P<day>\d+)(?:st|nd|rd|th)?\.?\s+(?:of\s+)?)?(?P<first>{_MONTH})"
        rf"(?!,?\s+\d{{4}})(?:\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b)?"
        rf"(?:{_TO}(?:the\s+)?(?:end\s+of\s+)?(?:\d+\.?\s+)?(?P<last>{_MONTH})(?:\s+\d{{1,2}}\b)?)?\)?",
        re.I,
    ),
    re.compile(
        rf"{_OURS}\b(?:{_FISCAL}\s+year|fy)s?\s*(?:\(|is|=|:|,)?\s*(?:from\s+)?(?P<first>{_MONTH}){_TO}(?P<last>{_MONTH})\)?",
        re.I,
    ),
    re.compile(rf"\b(?P<first>{_MONTH}){_TO}(?P<last>{_MONTH})\s+{_FISCAL}\s+years?\b", re.I),
    re.compile(
        rf"{_OURS}\b(?:{_FISCAL}\s+year|fy)s?\s+{_ENDS}"
        rf"(?:(?P<lastday>\d+)(?:st|nd|rd|th)?\.?\s+(?:of\s+)?)?(?P<last>{_MONTH})(?:\s+\d{{1,2}}(?:st|nd|rd|th)?\b)?",
        re.I,
    ),
)
_NUMBER = r"(?P<n>(?:19|20)?\d{2})(?:\s*[/–-]\s*(?P<m>(?:20)?\d{2}))?(?![\d-])"
_PART = r"(?P<part>[qh][1-4])"
# Those that name a part of the year come first: what they give is read by none of the others.
_POINTS = (
    re.compile(rf"\b{_FISCAL}\s+{_PART}\s+(?:of\s+)?(?:fy\s*)?{_NUMBER}", re.I),
    re.compile(rf"\b{_PART}[\s-]*(?:of\s+)?(?:{_FISCAL}\s+(?:year\s+)?|fy[\s-]*){_NUMBER}", re.I),
    re.compile(rf"\b(?:{_FISCAL}\s+(?:year\s+)?|fy[\s-]*){_NUMBER}(?:[\s-]*{_PART}\b)?", re.I),
)
_TO_DATE = re.compile(rf"\b(?:{_FISCAL}\s+ytd|fytd|fy[\s-]+to[\s-]+date)\b", re.I)
_PERIODS = re.compile(
    rf"\b{_FISCAL}[\s-]+(?P<grain>years?|quarters?|months?)\b|\b(?P<fy>fys?)\b(?!\d)", re.I
)
_NO_PERIODS = re.compile(
    rf"\b{_FISCAL}[\s-]+(?:weeks?|periods?|half(?:[\s-]years?)?|halves|[qh][1-4])\b|\b4-4-5\b", re.I
)  # fmt: skip
_EVERYONES = re.compile(r"\bcalendar[\s-]+(?=(?:years?|quarters?)\b)", re.I)


def take_calendar(text: str, columns: Collection[str] = ()) -> tuple[CalendarWish, str]:
    """What a text says of the calendar, and the text without it; words that name one of the
    `columns` stay."""
    found, text = _take_weeks(CalendarWish(), text)
    found, text = _take_years(found, text)
    for pattern in _POINTS:
        if matched := pattern.search(text):
            found = replace(found, fiscal=found.fiscal or matched.group().strip())
            text = pattern.sub(_point, text)
    unclear = tuple(m.group() for m in _NO_PERIODS.finditer(text))
    if matched := _TO_DATE.search(text):
        found = replace(found, fiscal=found.fiscal or matched.group())
        text = _TO_DATE.sub("year to date", text)

    def plain(matched: re.Match[str]) -> str:
        nonlocal found
        if matched.group().lower().replace("-", " ") in columns:
            return matched.group()
        found = replace(found, fiscal=found.fiscal or matched.group())
        return matched["grain"] or "year"

    text = _PERIODS.sub(plain, text)
    if matched := _EVERYONES.search(text):
        found = replace(found, everyones=text[matched.start() :].split(",")[0][:40].strip())
        text = _EVERYONES.sub("", text)
    return replace(found, unclear=(*found.unclear, *unclear)), text


def _take_weeks(found: CalendarWish, text: str) -> tuple[CalendarWish, str]:
    for pattern in _WEEK_RULES:
        while matched := pattern.search(text):
            said = matched.groupdict()
            first = WEEKDAYS.get((said.get("first") or "").lower().rstrip("."))
            last = WEEKDAYS.get((said.get("last") or "").lower().rstrip("."))
            if "iso" in said:
                first = 0
            start = first if first is not None else (last + 1) % 7 if last is not None else None
            if first is not None and last is not None and (last + 1) % 7 != first:
                found = replace(found, unclear=(*found.unclear, matched.group().strip(" ()")))
            elif start is not None:
                if found.week_starts not in {None, start}:
                    found = replace(found, unclear=(*found.unclear, matched.group().strip(" ()")))
                found = replace(found, week_starts=start)
            text = _without(text, matched, said.get("week") or "")
    return found, text


def _take_years(found: CalendarWish, text: str) -> tuple[CalendarWish, str]:
    for pattern in _YEAR_RULES:
        while matched := pattern.search(text):
            said = matched.groupdict()
            first = MONTHS.get((said.get("first") or "").lower().rstrip("."))
            last = MONTHS.get((said.get("last") or "").lower().rstrip("."))
            start = first or (last or 0) % 12 + 1
            days = {said.get("day"), said.get("day2")} - {None, "1", "01"}
            whole = first is None or last is None or last % 12 + 1 == first
            if days or not whole or (said.get("lastday") or "31") not in {"28", "29", "30", "31"}:
                found = replace(found, unclear=(*found.unclear, matched.group().strip(" ()")))
            else:
                found = replace(found, year_starts=start, fiscal=matched.group().strip(" ()"))
            text = _without(text, matched, "year")
    return found, text


_SPLITS = re.compile(r"\b(?:per|by|each|every|for|over|in|last|\d+)\s+(?:the\s+|full\s+)?$", re.I)


def _without(text: str, matched: re.Match[str], period: str) -> str:
    """The text without the words; `per week starting on Sunday` stays `per week`."""
    before, after = text[: matched.start()], text[matched.end() :]
    kept = period if _SPLITS.search(before) and period.lower().rstrip("s") in grain_words() else ""
    return f"{before}{kept} {after}".replace("( )", "")


def _point(matched: re.Match[str]) -> str:
    """`FY2025`, `FY2025/26`, `FY2025-Q3`."""
    year = matched["n"] if len(matched["n"]) == 4 else f"20{matched['n']}"
    second = f"/{matched['m'][-2:]}" if matched["m"] else ""
    part = matched.groupdict().get("part") or ""
    return f"FY{year}{second}" + (f"-{part.upper()}" if part else "")
