"""Takes out of a sentence the ranges that numbers are to be put into: `0-17, 18-64, 65+`, `in steps of 10`."""

# ruff: noqa: E501
from __future__ import annotations

import re

from crew.drafting.figures import FigureWishes, Ranges
from crew.drafting.number_words import NUMBER, UNIT, noun_of, value_of

_RANGE_ITEM = (
    r"(?:(?:under|below|less\s+than|up\s+to|<=?)\s*[€$£]?\d+(?:[.,]\d+)*"
    r"|(?:over|above|more\s+than|from|>=?)\s*[€$£]?\d+(?:[.,]\d+)*(?:\s*(?:and\s+(?:more|above|over|up)|plus|onwards))?"
    r"|[€$£]?\d+(?:[.,]\d+)*\s*(?:-|–|to|bis|until)\s*[€$£]?\d+(?:[.,]\d+)*|[€$£]?\d+(?:[.,]\d+)*\s*\+)"
    r"(?:\s?(?:€|\$|£|eur|euros?|usd|days?|years?|hours?|min(?:ute)?s?|kg|km|items?))?"
)
_RANGES = re.compile(
    r"\b(?:by|per|and|into|in)\s+(?P<what>[\w ]{2,40}?)\s*(?:,?\s*(?:in(?:to)?\s+)?(?:the\s+)?(?:ranges?|buckets?|bands?|brackets?|groups?|bins?|classes)(?:\s+of)?)?"
    rf"\s*[:(\[]?\s*(?P<list>{_RANGE_ITEM}(?:\s*(?:,|;|/|and|&|or)\s*(?:and\s+)?{_RANGE_ITEM})+)\s*[)\]]?",
    re.I,
)
_STEPS = re.compile(
    r"\b(?:by|per|and)\s+(?P<what>[\w ]{2,40}?)\s*,?\s*\(?in\s+(?:buckets|steps|bands|ranges|bins|groups|brackets|intervals)\s+of\s+"
    rf"(?P<step>{NUMBER}){UNIT}\)?",
    re.I,
)


_LABELLED = re.compile(
    r"(?P<range>(?:(?:under|below|less\s+than|up\s+to|at\s+most|over|above|more\s+than|from|the\s+rest|everything\s+else)\s*(?:that)?\s*)?"
    r"(?:\d+(?:[.,]\d+)*)?(?:\s*(?:\w+\s+)?(?:-|–|to|up\s+to)\s*\d+(?:[.,]\d+)*)?)\s*(?:[a-z€$]+\s*)?(?:=|:|->|as|is|are)?\s*[\"“'](?P<label>[\w \-]+)[\"”']",
    re.I,
)
_LABELLED_OF = re.compile(
    r"\bby\s+(?:the\s+|their\s+)?(?P<what>\w+(?:\s\w+)?)(?:\s*[:,(]|\s+[-–|])", re.I
)


def _labelled(text: str, wishes: FigureWishes) -> str | None:
    """`by weight: up to 50 kg "parcel", above 50 up to 300 kg "pallet", above that "full"`."""
    what, items = _LABELLED_OF.search(text), list(_LABELLED.finditer(text))
    if what is None or len(items) < 2:
        return None
    highs: list[float | None] = []
    includes = False
    for item in items:
        numbers = [value_of(n) for n in re.findall(r"\d+(?:[.,]\d+)*", item["range"])]
        opens = re.match(r"\s*(?:over|above|more|from|the\s+rest|everything)", item["range"], re.I)
        includes = (
            includes or bool(re.search(r"\bto\b|at\s+most|-|–", item["range"], re.I)) or not opens
        )
        highs.append(None if opens and len(numbers) < 2 else numbers[-1] if numbers else None)
    if any(h is None for h in highs[:-1]) or highs != sorted(
        highs, key=lambda h: (h is None, h or 0)
    ):
        return None
    under = any(re.match(r"\s*(?:under|below|less)", i["range"], re.I) for i in items)
    lows = [None, *highs[:-1]]
    ranges = Ranges(
        noun_of(what["what"]), tuple(zip(lows, highs, strict=True)), None, what["what"],
        tuple(i["label"] for i in items), includes and not under,
    )  # fmt: skip
    mark = wishes.mark("range", ranges)
    rest = text[items[-1].end() :]
    rest = re.sub(
        r"\b(?:per|by|in\s+each)\s+(?:bucket|class|group|size|band|range)\b(?P<more>\s+and\b)?",
        lambda m: "by" if m["more"] else "",
        rest,
        flags=re.I,
    )
    return f"{text[: what.start()]} by {mark} | {rest}"


def take_ranges(text: str, quote: str, wishes: FigureWishes) -> str:
    if (labelled := _labelled(text, wishes)) is not None:
        return labelled
    if matched := _STEPS.search(text):
        ranges = Ranges(
            noun_of(matched["what"]), (), value_of(matched["step"]), matched.group().strip()
        )
        mark = wishes.mark("range", ranges)
        return f"{text[: matched.start()]} by {mark} {text[matched.end() :]}"
    if matched := _RANGES.search(text):
        items = re.findall(_RANGE_ITEM, matched["list"], re.I)
        bounds = _bounds(items)
        if bounds:
            ranges = Ranges(noun_of(matched["what"]), bounds, None, matched.group().strip())
            mark = wishes.mark("range", ranges)
            return f"{text[: matched.start()]} by {mark} {text[matched.end() :]}"
    return text


def _bounds(items: list[str]) -> tuple[tuple[float | None, float | None], ...]:
    """Half-open ranges; `0-17, 18-64` are closed whole numbers, which is the same as [0, 18)."""
    found: list[tuple[float | None, float | None]] = []
    for item in items:
        numbers = [value_of(n) for n in re.findall(r"\d+(?:[.,]\d+)*", item)]
        lowered = item.lower().strip()
        if len(numbers) == 2:
            found.append((numbers[0], numbers[1]))
        elif re.match(r"under|below|less|up|<", lowered):
            found.append((None, numbers[0]))
        else:
            found.append((numbers[0], None))
    found.sort(key=lambda b: (b[0] is not None, b[0] or 0.0))
    closed: list[tuple[float | None, float | None]] = []
    for n, (low, high) in enumerate(found):
        following = found[n + 1][0] if n + 1 < len(found) else None
        if high is not None and following is not None:
            if following not in {high, high + 1}:
                return ()
            high = following
        closed.append((low, high))
    return tuple(closed)
