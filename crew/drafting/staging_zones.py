"""Time zones of staged moments: which one a column is written in, and which one is wished for.

`times are UTC, please convert to Berlin time`; `opened_at in UTC`; `in Berliner Zeit`. What is known
of a column is its type, its name (`created_at_utc`), its description or the table's.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from crew.artifacts import ColumnCard, RelationCard
from crew.drafting.vocabulary import words

MOMENT = "moment"
"""The zone of a column whose type holds a moment, wherever it was written."""
_SHORT = {"utc": "UTC", "gmt": "UTC", "zulu": "UTC", "cet": "CET", "cest": "CET", "mez": "CET",
          "mesz": "CET", "us eastern": "America/New_York", "eastern": "America/New_York",
          "us central": "America/Chicago", "us pacific": "America/Los_Angeles",
          "pacific": "America/Los_Angeles"}  # fmt: skip
_IN_NAMES = {"utc": "UTC", "gmt": "UTC", "cet": "CET"}
_PLACE = r"(?P<{0}>[A-ZÄÖÜ][\wäöüéè]+(?: [A-Z]\w+)?)"
_MENTION = re.compile(
    r"\b(?P<iana>[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\b"
    r"|\b(?P<short>UTC|GMT|Zulu|CES?T|MES?Z|(?:US )?(?:Eastern|Pacific)(?= time)|US Central(?= time))\b"
    r"|\b(?i:local time|time(?: ?zone)?|ortszeit|zeitzone|heure|hora)(?: (?i:of|in|von|de|zone of))? "
    + _PLACE.format("after")
    + r"|" + _PLACE.format("before") + r" (?i:local )?(?i:time|zeit|ortszeit)\b"
)  # fmt: skip
_WRITTEN = re.compile(
    r"\b(?:are|is|comes?|keep|leave|stay|bleib\w*|arrives?|stored|delivered|written|kept|logged|recorded|sind|ist|stehen|kommen|"
    r"liegen|están|son|sont)(?: \w+){0,2}?(?: in| as| en)?(?: the)?\s*$|\b(?:from|von|aus)(?: the)?\s+$",
    re.I,
)
_WISHED = re.compile(
    r"\b(?:should|must|needs?|wants?|to be|soll\w*|müssen|have to)\b[^.;\n]*$", re.I
)
_CONVERTED = re.compile(r"^\s+(?:times?|timestamps?|zeiten)?\s*(?:in)?to\b", re.I)
_OURS = re.compile(
    r"\b(?:convert\w*|in|into|to|as|auf)(?: the| our)? local time\b(?! (?:of|in) [A-Z])", re.I
)
_CLAUSE = re.compile(r"[,;]\s|[.:](?:\s|$)|\n|\bbut\b|\baber\b")
_ZONED = re.compile(r"with time zone|timestamp_?(?:tz|ltz)|timestamptz")


@dataclass(frozen=True)
class ZoneWishes:
    """Zones that a ticket names: `written` is what all times are in, `wished` those they are to be
    in, by source column ("" for all); `unclear` words are meant as a zone and are none."""

    written: str = ""
    wished: Mapping[str, str] = field(default_factory=dict)
    unclear: str = ""

    def of(self, column: str) -> str:
        return self.wished.get(column, self.wished.get("", ""))


def zone_wishes(text: str, names: Mapping[str, str]) -> ZoneWishes:
    """What the text says of zones; `names` are source columns and what they are called."""
    written, unclear = "", ""
    wished: dict[str, str] = {}
    for clause in _CLAUSE.split(text):
        if ours := _OURS.search(clause):
            unclear = ours.group()
        for match in _MENTION.finditer(clause):
            zone = _zone(match)
            before, after = clause[: match.start()], clause[match.end() :]
            if not zone:
                place = match["before"] or match["after"]
                asked = re.search(r"\b(?:convert\w*|in|to|into|nach)\s+(?:the )?$", before, re.I)
                unclear = unclear or (place if asked and match["before"] else "")
            elif _CONVERTED.search(after) or (
                _WRITTEN.search(before) and not _WISHED.search(before)
            ):
                written = zone
            else:
                about = [c for c, own in names.items() if _speaks_of(clause, c, own)]
                wished |= dict.fromkeys(about or [""], zone)
    return ZoneWishes(written, wished, unclear)


def zone_clauses(text: str) -> list[str]:
    """The clauses that name a zone."""
    found = [c.strip() for c in _CLAUSE.split(text) if _OURS.search(c) or _names_a_zone(c)]
    return [c for c in found if c]


def _names_a_zone(clause: str) -> bool:
    return any(_zone(m) for m in _MENTION.finditer(clause))


def _zone(match: re.Match[str]) -> str:
    if match["iana"]:
        return match["iana"] if match["iana"] in zoneinfo.available_timezones() else ""
    if match["short"]:
        return _SHORT[match["short"].lower()]
    place = (match["before"] or match["after"]).replace(" ", "_")
    return next((_cities()[p] for p in _forms(place) if p in _cities()), "")


def _forms(place: str) -> list[str]:
    """`Berlin`; `Berliner` in German."""
    return [place, place.split("_")[-1], place.removesuffix("er"), place.removesuffix("er") + "e"]


@cache
def _cities() -> dict[str, str]:
    """Zones by the place they are named after."""
    found = [z for z in sorted(zoneinfo.available_timezones()) if z.count("/") == 1]
    known = {z.split("/")[1]: z for z in found if not z.startswith(("Etc/", "US/", "Brazil/"))}
    return {place: zone for place, zone in known.items() if place[0].isalpha()}


def _speaks_of(clause: str, column: str, own: str) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", clause, re.I) for n in (column, own))


def zone_of(column: ColumnCard, source: RelationCard, dialect: str) -> str:
    """The zone that a column is written in, MOMENT for types that know it, else nothing."""
    type_ = column.data_type
    if _ZONED.search(type_) or (dialect in {"bigquery"} and type_.startswith("timestamp")):
        return MOMENT
    last = words(column.name)[-1:]
    if last and last[0] in _IN_NAMES:
        return _IN_NAMES[last[0]]
    for told in (column.told, source.description):
        zones = {_zone(m) for m in _MENTION.finditer(told)} - {""}
        if len(zones) == 1:
            return zones.pop()
    return ""


def without_zone(name: str) -> str:
    """A column's name without the zone in it: `created_at_utc` → `created_at`."""
    return re.sub(r"_(?:utc|gmt|cet|local)(?=_|$)", "", name) or name


def in_zone(expression: str, written: str, wished: str, dialect: str) -> str:
    """SQL for a moment as the clock of the zone `wished` shows it, without a zone."""
    e, known = expression, written != MOMENT
    if dialect == "snowflake":
        moved = f"convert_timezone('{written}', '{wished}', {e})"
        return moved if known else f"cast(convert_timezone('{wished}', {e}) as timestamp_ntz)"
    if dialect in {"databricks", "spark"}:
        return f"convert_timezone('{written}', '{wished}', {e})" if known else (
            f"convert_timezone('{wished}', {e})"
        )  # fmt: skip
    if dialect == "bigquery":
        moment = f"timestamp({e}, '{written}')" if known else e
        return f"datetime({moment}, '{wished}')"
    if dialect == "redshift" and known:
        return f"convert_timezone('{written}', '{wished}', {e})"
    return f"{e} at time zone '{written}' at time zone '{wished}'" if known else (
        f"{e} at time zone '{wished}'"
    )  # fmt: skip
