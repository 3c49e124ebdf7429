"""Words about time zones: `in Berlin time`, `the times are UTC`, `local day`, `US Eastern`.

They are taken out of the text. Zones are those of IANA, by their names, by their cities where
`time` stands beside, and by the abbreviations that people use for one zone alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from zoneinfo import available_timezones

_ABBREVIATIONS = {
    "UTC": "UTC", "GMT": "UTC", "Zulu time": "UTC",
    "CET": "Europe/Berlin", "CEST": "Europe/Berlin", "MEZ": "Europe/Berlin", "MESZ": "Europe/Berlin",
    "ET": "America/New_York", "EST": "America/New_York", "EDT": "America/New_York",
    "CDT": "America/Chicago", "MDT": "America/Denver", "PT": "America/Los_Angeles",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "JST": "Asia/Tokyo",
}  # fmt: skip
_SPOKEN = {
    "central european (?:summer )?": "Europe/Berlin", "german": "Europe/Berlin",
    "(?:us[ /-]?)?eastern": "America/New_York", "us[ /-]?central": "America/Chicago",
    "us[ /-]?mountain": "America/Denver", "(?:us[ /-]?)?pacific": "America/Los_Angeles",
    "(?:uk|british|london)": "Europe/London", "french": "Europe/Paris", "japanese": "Asia/Tokyo",
}  # fmt: skip


@dataclass(frozen=True)
class ZoneWish:
    """What a text says of zones: `zone` is the one whose days are meant, `stored` the one that the
    times of the data are in, `is_local` that days are those of a place, which may be named, `quote` the words."""

    zone: str = ""
    stored: str = ""
    is_local: bool = False
    place: str = ""
    unclear: tuple[str, ...] = ()
    quote: str = ""

    def and_also(self, later: ZoneWish) -> ZoneWish:
        """Both; two zones for one thing are unclear."""
        told = {k: v for k, v in vars(later).items() if v}
        mixed = {self.zone, later.zone} - {""} if self.zone != later.zone else set()
        unclear = (*self.unclear, *later.unclear, *([later.quote] if len(mixed) > 1 else []))
        return replace(self, **{**told, "unclear": unclear})


@cache
def _cities() -> dict[str, str]:
    places = (z for z in sorted(available_timezones()) if z.count("/") and not z.startswith("Etc/"))
    return {z.rsplit("/", 1)[1].replace("_", " ").lower(): z for z in places}


@cache
def _zone() -> str:
    """A pattern of what names a zone."""
    whole = "|".join(
        sorted(map(re.escape, available_timezones() - {"GB", "NZ", "PRC"}), key=len, reverse=True)
    )
    known = "|".join(z for z in whole.split("|") if "/" in z)
    short = "|".join(sorted(map(re.escape, _ABBREVIATIONS), key=len, reverse=True))
    cities = "|".join(sorted(map(re.escape, _cities()), key=len, reverse=True))
    spoken = "|".join(_SPOKEN)
    return (
        rf"(?:\b(?:{known})\b|(?-i:\b(?:{short})\b)(?![+-]\d)|\bus[ /-](?:eastern|central|mountain|pacific)\b"
        rf"|\b(?:{spoken}|{cities})(?=(?:['’]s)?\s+(?:local\s+)?(?:time|zeit)\b)"
        rf"|\b(?:{cities})er(?=\s+(?:orts)?zeit\b)"
        rf"|\b(?:(?:orts)?zeit\s+(?:of|in|von)|(?:heure|hora|hour)\s+(?:of|de|d['’])|local\s+time\s+(?:of|in|at))\s+(?:the\s+)?"
        rf"(?:{cities})\b)"
    )


_TIME = r"(?:(?:['’]s)?\s+(?:local\s+)?(?:orts)?(?:time\s*zone|time|zeit)\b)?"
_STORED = r"(?:stored|kept|recorded|saved|given|delivered|logged|written|held)"
_MOMENTS = r"(?:times?|timestamps?|moments?|datetimes?|dates?|data|columns?|they|zeiten|zeitstempel|\w+_\w+)"
_PERIODS = r"(?:days?|dates?|weeks?|months?|hours?|times?|periods?)"
_NO_END = r"(?!(?:and|or|by|per|for|in|with|where|of|only)\b)"
_PLACE = rf"(?:the|each|its|their)\s+(?P<place>(?:{_NO_END}\w+\s+)?{_NO_END}\w+)"
_MUST = r"(?:(?:have|has|need|needs)\s+to\s+be|(?:must|should|shall|to)\s+be|are|is)"


@cache
def _rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    zone = _zone()
    return (
        ("", re.compile(rf",?\s*(?:\band\s+)?\bnot\s+(?:in\s+)?{zone}{_TIME}", re.I)),
        ("both", re.compile(
            rf"(?:\bconvert(?:ed)?\s+)?\bfrom\s+(?P<stored>{zone}){_TIME}\s+(?:in)?to\s+"
            rf"(?P<zone>{zone}){_TIME}", re.I)),
        ("stored", re.compile(
            rf"(?:\b(?:all|our|the|these)\s+)*\b{_MOMENTS}\s+(?:(?:are|is|come|comes)\s+)(?:(?:all|{_STORED}|in|as|at)\s+)*"
            rf"\(?(?P<stored>{zone}){_TIME}\)?", re.I)),
        ("stored", re.compile(
            rf"(?:\bthe\s+)?\b(?:zeiten|zeitstempel|daten|datos|tiempos|données|heures|horas)\s+"
            rf"(?:(?:are|sind|son|están|sont|est|stehen|in|of|the)\s+)*(?P<stored>{zone}){_TIME}", re.I)),
        ("stored", re.compile(rf"\b{_STORED}\s+(?:in|as|at)\s+(?P<stored>{zone}){_TIME}", re.I)),
        ("zone", re.compile(
            rf"(?:\bthe\s+)?(?:calendar\s+|local\s+)?\b{_PERIODS}\s+{_MUST}\s+(?:(?:those|the|ones?|in|of|on|at|as|by|local|{_PERIODS})\s+)*"
            rf"(?:[^\W\d]+\s+)?\(?(?P<zone>{zone}){_TIME}(?:\s+ones?)?\)?", re.I)),
        ("zone", re.compile(
            rf"(?:\b(?:in|at|using|to|into|as|of)\s+)?(?:\b(?:the|time\s*zone|time)\s+)*"
            rf"\(?(?P<zone>{zone}){_TIME}\)?", re.I)),
        ("unclear", re.compile(
            r"\b(?:UTC|GMT)\s*[+-]\s*\d{1,2}(?::?\d\d)?|\b(?:IST|BST|CST|MST)\b(?:\s+time)?")),
        ("unclear", re.compile(r"(?<=\bin\s)[A-Z][a-z]+\s+time\b(?!\s+(?:to|until|since))")),
        ("local", re.compile(rf"\blocal\s+(?P<kept>{_PERIODS})\s+(?:of|at)\s+{_PLACE}", re.I)),
        ("local", re.compile(rf"(?:\b(?:in|at|by)\s+)?(?:the\s+)?\blocal\s+time\s+(?:of|at)\s+{_PLACE}", re.I)),
        ("local", re.compile(r"(?:\b(?:in|at|by|as|using)\s+)?(?:the\s+)?\blocal\s+time(?:\s*zones?)?\b", re.I)),
        ("local", re.compile(r"\blocal\s+(?=(?:calendar\s+)?(?:days?|dates?|hours?|weeks?|months?)\b)", re.I)),
        ("local", re.compile(r"\b(?:in\s+)?(?:ortszeit|heure\s+locale|hora\s+local|hour\s+locale?)\b", re.I)),
    )  # fmt: skip


# `accounts with time zone Europe/Berlin` are some of the accounts.
_IS_A_VALUE = re.compile(
    r"\b(?:with|whose|where|having|only|for)\b[^.,;]*\btime\s*zones?\b[^.,;]*$", re.I
)


def take_zones(text: str) -> tuple[ZoneWish, str]:
    """What a text says of time zones, and the text without it."""
    found = ZoneWish()
    for kind, pattern in _rules():
        while matched := pattern.search(text):
            groups = {k: v for k, v in matched.groupdict().items() if v}
            place, kept = groups.pop("place", ""), groups.pop("kept", "")
            said = {k: zone_named(v) for k, v in groups.items()}
            quote = matched.group().strip(" (),")
            told = ZoneWish(zone=said.get("zone", ""), stored=said.get("stored", ""), quote=quote)
            if kind == "unclear" or (kind == "zone" and _IS_A_VALUE.search(text[: matched.end()])):
                told = ZoneWish(unclear=(quote,), quote=quote)
            found = found.and_also(
                replace(told, is_local=kind == "local", place=place) if kind else found
            )
            text = f"{text[: matched.start()]} {kept} {text[matched.end() :]}"
    return found, text


def zone_named(words: str) -> str:
    """The zone that words name; empty if none."""
    bare = " ".join(words.split())
    if bare in _ABBREVIATIONS:
        return _ABBREVIATIONS[bare]
    known = {z.lower(): z for z in available_timezones()}
    if bare.lower() in known:
        return known[bare.lower()]
    for pattern, zone in _SPOKEN.items():
        if re.fullmatch(pattern.strip(), bare.lower().strip(), re.I):
            return zone
    last = re.sub(r"^.*\b(?:of|in|von|de|at|the)\s+|^.*d['’]", "", bare.lower())
    return _cities().get(last) or _cities().get(last.removesuffix("er")) or ""
