"""Takes out of a sentence what is about the whole result: running totals, growth, rank, top rows."""

from __future__ import annotations

import re
from functools import cache

from crew.drafting.figures import DerivedWish, FigureWishes, TopWish, add_derived
from crew.drafting.number_words import COUNT, COUNTS
from crew.drafting.vocabulary import grain_words, stems, vocabulary

_PERIOD = r"(?P<unit>day|week|month|quarter|year|period)s?"


@cache
def _patterns(kind: str) -> list[re.Pattern[str]]:
    return [re.compile(p, re.I) for p in vocabulary()["derived"][kind]]


def _count(text: str | None) -> int:
    return int(COUNTS.get((text or "1").lower(), text or "1"))


def _unit(matched: re.Match[str]) -> str:
    groups = matched.groupdict()
    said = (groups.get("unit") or groups.get("unit2") or "").lower()
    short = {
        "ytd": "year",
        "mom": "month",
        "wow": "week",
        "yoy": "year",
        "qoq": "quarter",
        "dod": "day",
    }
    said = short.get(said, said)
    return "" if said == "period" else grain_words().get(said, said)


def take_derived(text: str, quote: str, wishes: FigureWishes) -> str:
    for kind in ("moving_average", "moving_sum", "running_total", "growth", "change", "previous",
                 "share", "rank"):  # fmt: skip
        for pattern in _patterns(kind):
            matched = pattern.search(text)
            if not matched:
                continue
            groups = matched.groupdict()
            count, unit = _count(groups.get("count")), _unit(matched)
            count = _count(groups["before"]) + 1 if groups.get("before") else count
            if kind.startswith("moving") and count == 1:
                continue
            within = next(
                (w for n, w in groups.items() if n.startswith("within") and w), ""
            ).strip()
            add_derived(wishes, DerivedWish(kind, count, unit, quote, within))
            if kind in {"growth", "change"}:
                text = _without_growth_of(text[: matched.start()]) + text[matched.start() :]
                matched = pattern.search(text) or matched
            if kind in {"growth", "change", "previous"} and unit:
                wishes.grain = wishes.grain or (matched.groupdict().get("grain") or unit).lower()
            kept = matched.groupdict().get("keep") or ""
            if kind == "running_total" and re.match(r"\W*(?:and|with|plus)\b", matched.group()):
                kept += ", "  # `revenue and the ytd revenue`
            if within and within.lower() not in grain_words():
                kept += f" by {within} "
            text = f"{text[: matched.start()]} {kept} {text[matched.end() :]}"
    return re.sub(r"\s{2,}", " ", text)


_GROWTH_OF = re.compile(
    r"\b(?:growth|change|development)(?:\s+rate)?\s+(?:of|in)\s+(?:the\s+|our\s+)?", re.I
)


def _without_growth_of(text: str) -> str:
    """The words before a growth, without the figure that it is of where that was named before:
    `sum of fees, and growth of the fees`."""
    if not (matched := _GROWTH_OF.search(text)):
        return text
    before, what = text[: matched.start()], text[matched.end() :]
    is_known = set(stems(what)) <= set(stems(before))
    return before + ("" if is_known else what)


_WHAT = r"(?P<what>(?:(?!\b(?:by|per|with|in|for|based|ranked|over|from|that|who|which|where|of)\b)[^,;:|()])+?)"
_LOW = r"bottom|worst|lowest"
_TOP = re.compile(
    rf"\b(?:the\s+|our\s+)?(?P<way>top|best|highest|largest|biggest|{_LOW})[\s-]+{COUNT}(?:\s+(?:best|selling|most|highest))?\s+{_WHAT}"
    r"(?:\s+(?:per|in\s+each|for\s+each|within\s+each|of\s+each|by\s+each|in\s+every)\s+(?P<within>\w+(?:\s+\w+)?))?"
    r"(?:\s+(?:by|based\s+on|in\s+terms\s+of|ranked\s+by|according\s+to|measured\s+by)\s+(?P<by>[^,;:|()]+?)"
    r"|\s+with\s+the\s+(?P<most>most|highest|largest|biggest|lowest|fewest|least)\s+(?P<by2>[^,;:|()]+?))?"
    r"(?:\s+(?:per|in\s+each|for\s+each|within\s+each)\s+(?P<within2>\w+(?:\s+\w+)?))?"
    r"(?=\s*(?:[,;:|().!?]|$|\s(?:over|in|for|from|since|during|excluding|without|only|and|last|this|where|within|per|between)\b))",
    re.I,
)
_FOR_EVERY = re.compile(
    rf"\b(?:(?:for|in|per)\s+(?:every|each)|per|each|every)\s+(?P<within>(?!col\d)\w+(?:\s(?!col\d|the\b)\w+)?)"
    rf"(?P<dated>\s+\(?\s*col\d+\s*\)?)?\s*,?\s+(?=the\s+{COUNT}\s)",
    re.I,
)
_RANKED = re.compile(
    r"\brank\s+(?:of\s+|all\s+|our\s+|the\s+)*(?P<what>\w+(?:\s\w+)?)\s+by\s+(?:the\s+)?", re.I
)
_FROM_EACH = re.compile(
    r"\b(?:what|which|how\s+much)\s*(?:part|share|percentage|percent|proportion|fraction|portion)?\s+(?:of\s+)(?:the\s+|our\s+)*(?:total\s+|overall\s+)?(?P<what>[\w\s]{2,40}?)\s+"
    r"(?P<grain>(?:of|in)\s+each\s+\w+\s+)?(?:comes?|came|is|are|was|were)\s+(?:\w+\s+)?(?:from|by|due\s+to|in)\s+(?:each|every)\s+(?P<who>\w+(?:\s+of\s+(?:the\s+)?\w+)?)",
    re.I,
)
_SHARE_OF_EACH = re.compile(
    r"\b(?:share|percentage|percent|proportion|part|fraction)\s+of\s+(?:each|every|that|this)\s+(?P<who>\w+(?:\s(?!in\b|of\b)\w+)?)\s+(?:in|of|from|on|among)\s+(?:all\s+|the\s+|our\s+)*(?:total\s+|overall\s+)?"
    r"(?P<what>(?:number\s+of\s+)?(?:(?!\b(?:per|by|for|in|of)\b)\w+\s?){1,3})(?:\s*(?:of|in)\s+(?:the|that|this|each|an?)\s+(?:same\s+)?(?P<grain>day|week|month|quarter|year|period))?",
    re.I,
)
_WITH_MOST = re.compile(
    rf"\b(?:the\s+)?{COUNT}\s+{_WHAT}\s+with\s+the\s+(?P<most>most|highest|largest|biggest|lowest|fewest|least)\s+"
    r"(?P<by2>[^,;:|()]+?)(?:\s+(?:per|in\s+each|for\s+each|within\s+each|in\s+every)\s+(?P<within>\w+(?:\s(?!in\b|since\b|over\b|during\b|from\b|for\b|and\b)\w+)?))?(?=\s*(?:[,;:|().!?]|$|\s(?:over|in|for|from|since|during|excluding|without|only|and|last|per)\b))",
    re.I,
)


_IN_BRACKETS = re.compile(r"\s*\([^()]*\)")


def take_top(text: str, quote: str, wishes: FigureWishes) -> str:
    if re.fullmatch(r"\W*top[\s-]+\d+\W*", text, re.I):
        return ""  # a headline: of what, and by which number, is said elsewhere or not at all
    bare, parts = _IN_BRACKETS.sub("", text), ""
    if bare != text and (_TOP.search(bare) or _WITH_MOST.search(bare)):
        listed = [
            p.strip() for p in re.split(r",|\band\b", _IN_BRACKETS.findall(text)[0].strip(" ()"))
        ]
        if len(listed) > 1 and all(len(p.split()) > 1 for p in listed):
            parts = " and by ".join(listed)  # `routes (origin depot, destination depot)`
        text = bare if parts else f"{bare} {' '.join(_IN_BRACKETS.findall(text))}"
    outer = ""
    if matched := _FOR_EVERY.search(text):
        outer = (
            f"{matched['within']} of {matched['dated'].strip(' ()')}"
            if matched["dated"]
            else matched["within"]
        )
        text = text[: matched.start()] + text[matched.end() :]
    if matched := _RANKED.search(text):
        add_derived(wishes, DerivedWish("rank", 1, "", quote))
        rest = text[matched.end() :]
        figure = re.match(
            r"[^,;:|()]+?(?=\s*(?:[,;:|()]|$|\s(?:in|for|over|during|since)\b))", rest
        )
        if figure:
            text = f"{text[: matched.start()]} {figure.group()} by {matched['what']} {rest[figure.end() :]}"
    if matched := _SHARE_OF_EACH.search(text):
        add_derived(wishes, DerivedWish("share", 1, "", quote))
        grain = (matched["grain"] or "period").lower()
        per = "" if grain == "period" else f" per {grain}"
        text = f"{text[: matched.start()]} {matched['what']} by {matched['who']}{per} {text[matched.end() :]}"
    aside = " ".join(_IN_BRACKETS.findall(text))
    if _FROM_EACH.search(bare := _IN_BRACKETS.sub("", text)):
        text = f"{bare} {aside}"
    if matched := _FROM_EACH.search(text):
        add_derived(wishes, DerivedWish("share", 1, "", quote))
        grain = re.sub(r"^\s*(?:of|in)\s+each", "per", matched["grain"] or "")
        text = f"{text[: matched.start()]} {matched['what']} by {matched['who']} {grain} {text[matched.end() :]}"
    for pattern in (_TOP, _WITH_MOST):
        matched = pattern.search(text)
        if not matched:
            continue
        groups = matched.groupdict()
        by = (groups.get("by") or groups.get("by2") or "").strip()
        most = (groups.get("most") or "").lower()
        if most in {"most", "fewest", "least"} and not re.match(r"number|count|total", by, re.I):
            by = f"number of {by}"
        way = (groups.get("way") or most).lower()
        lowest = bool(re.fullmatch(f"{_LOW}|fewest", way)) or most in {"lowest", "fewest", "least"}
        within = (groups.get("within") or groups.get("within2") or outer or "").strip()
        what = groups["what"].strip()
        wishes.top = TopWish(_count(groups["count"]), what, by, lowest, within, quote)
        rest = f"{by or ''} by {parts or what}" + (f" and {within}" if within else "")
        text = f"{text[: matched.start()]} {rest} {text[matched.end() :]}"
        return re.sub(r"\s{2,}", " ", text)
    return f"{text} by {outer}" if outer else text
