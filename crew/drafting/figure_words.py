"""Takes out of a sentence what is said about figures: comparisons, shares, growth, top rows, ranges.

What stands for one noun phrase (`over 100 EUR`, `share of orders that were refunded`) becomes a
mark, a plain word such as `cmp0`, so that it travels with the phrase it belongs to and is resolved
where that phrase is linked to the data. What is about the whole result goes to the wish.
"""

# ruff: noqa: E501
from __future__ import annotations

import re

from crew.drafting.figures import (
    MARK,
    Comparison,
    DerivedWish,
    Duration,
    FigureWishes,
    Order,
    PerUnit,
    Quoted,
    Quotient,
    Share,
    add_derived,
)
from crew.drafting.name_words import take_names
from crew.drafting.number_words import COUNTS, NUMBER, NUMBERS, UNIT, noun_of, value_of
from crew.drafting.range_words import take_ranges
from crew.drafting.related_words import take_related
from crew.drafting.result_words import take_derived, take_top
from crew.drafting.vocabulary import grain_words, singular, stems, word_set

_LONGEST = 700  # characters


def take_figures(text: str, quote: str, wishes: FigureWishes) -> str:
    """The sentence without what it says about figures, marks in the place of noun phrases."""
    if len(text) > _LONGEST:
        return text  # no sentence
    text = _PLAIN_EVENT.sub(r"\g<what>", text)
    text = _FIGURE_TOLD.sub(r"\g<told>", _NEWLY.sub("new ", text))
    text = _WAYS_BEFORE.sub(_each_way, _WAYS_AFTER.sub(_each_way, text))
    text = _TWO_WAYS.sub(r"\g<one> of \g<what>, \g<other> of \g<what>", text)
    if not _QUOTIENT.search(text):
        text = _DISTINCT_WITH.sub(r"\g<who>~\g<what>", text)
    text = take_related(text, wishes, lambda part: _take_inner(part, quote, wishes))
    for take in (take_names, _take_parts, _take_order, take_ranges, take_top, take_derived, _take_durations,
                 _take_quotients, _take_parts_of, _take_shares, _take_per_unit, _take_comparisons, _take_quoted):  # fmt: skip
        text = take(text, quote, wishes)
    return text


# `distinct members with at least one trip` are the different ones that the trips have.
_DISTINCT_WITH = re.compile(
    r"\b(?:distinct|different|unique)\s+(?P<who>\w+s)\s+(?:with|having|that\s+have|that\s+had|who\s+had|who\s+have)\s+"
    r"(?:at\s+least\s+(?:one|1)|an?|any)\s+(?P<what>(?!col\d|cmp\d|lit\d)\w+)\b",
    re.I,
)


def _take_inner(text: str, quote: str, wishes: FigureWishes) -> str:
    """The words of one condition with marks for names, orders of dates, numbers and values."""
    for take in (take_names, _take_order, _take_comparisons, _take_quoted):
        text = take(text, quote, wishes)
    return text


_MOMENT = r"(?:(?:\w+\s){0,2}?(?:date|time|deadline|day|timestamp)(?:\s+col\d+)?|(?:\w+\s){0,2}?col\d+|booking|order(?:ing)?|purchase|signup|sign-up|registration|creation|shipping|dispatch|delivery)"
_ORDERS = [
    (re.compile(rf"\b(?P<a>\w+)\s+(?:(?:at|on)\s+or\s+before|no\s+later\s+than|not\s+after|(?:(?<=ed\s)|(?<=id\s)|(?<=nt\s)|(?<=ne\s))by)\s+(?:the\s+|its\s+|their\s+)?(?P<b>{_MOMENT})\b", re.I), "<="),
    (re.compile(rf"\b(?P<a>\w+)\s+(?:(?:at|on)\s+or\s+after)\s+(?:the\s+|its\s+|their\s+)?(?P<b>{_MOMENT})\b", re.I), ">="),
    (re.compile(rf"\b(?P<a>\w+)\s+(?:before|earlier\s+than)\s+(?:the\s+|its\s+|their\s+)?(?P<b>{_MOMENT})\b", re.I), "<"),
    (re.compile(rf"\b(?P<a>\w+)\s+(?:after|later\s+than|past)\s+(?:the\s+|its\s+|their\s+)?(?P<b>{_MOMENT})\b", re.I), ">"),
    (re.compile(rf"\b(?P<a>\w+)\s+within\s+(?P<n>\d+)\s*(?P<u>hours?|days?|weeks?|months?|minutes?)\s+(?:after|of|from)\s+(?:the\s+|its\s+|their\s+)?(?P<b>{_MOMENT})\b", re.I), "<="),
]  # fmt: skip


def _take_order(text: str, quote: str, wishes: FigureWishes) -> str:
    for pattern, operator in reversed(_ORDERS):
        if (matched := pattern.search(text)) and matched["a"].lower() not in _NOT_EVENTS:
            groups = matched.groupdict()
            within = f"{groups['n']} {groups['u'].rstrip('s')}" if groups.get("n") else ""
            order = Order(
                matched["a"], operator, matched["b"].strip(), within, matched.group().strip()
            )
            text = f"{text[: matched.start()]} {wishes.mark('ord', order)} {text[matched.end() :]}"
    return text


_NOT_EVENTS = {
    "and",
    "or",
    "orders",
    "month",
    "week",
    "day",
    "year",
    "quarter",
    "per",
    "the",
    "split",
    "grouped",
    "broken",
    "it",
    "them",
    "average",
    "sorted",
    "date",
    "dated",
    "ones",
    "count",
    "number",
}


_PART_WORDS = {
    "weekday": r"(?:week\s?days?|days?\s+of\s+(?:the\s+)?week|dow)",
    "hourofday": r"(?:hours?\s+of\s+(?:the\s+)?day|time\s+of\s+(?:the\s+)?day)",
    "monthofyear": r"(?:months?\s+of\s+(?:the\s+)?year|calendar\s+months?)",
}


def _take_parts(text: str, quote: str, wishes: FigureWishes) -> str:
    for word, pattern in _PART_WORDS.items():
        text = re.sub(
            rf"\b(by|per|and|each|every|,)\s+{pattern}\b", rf"\1 {word}", text, flags=re.I
        )
    if "weekday" in text:  # beside it an hour is one of the day, not of the calendar
        text = re.sub(r"\b(by|per|and|each|every|,)\s+hours?\b", r"\1 hourofday", text, flags=re.I)
    return text


_TIME_UNITS = r"(?P<unit>minutes?|hours?|days?|weeks?|months?)"
_EVENT_WORDS = r"(?:(?!\b(?:from|between|until|till|and|to|per|by|for|in|that|which|who|whose|where|with|without)\b)[\w]+\s?){1,5}?"
_THE_DAY_OF = r"(?:(?:day|date|time|moment)\s+of\s+(?:the\s+|an?\s+)?)?"
_DURATIONS = [
    re.compile(
        rf"\b(?:the\s+)?(?:(?:number\s+of\s+)?(?:calendar\s+)?{_TIME_UNITS}|time|duration|delay|lag)\s+(?:it\s+takes\s+|taken\s+|elapsed\s+|passed\s+|needed\s+)?"
        rf"(?:from|between)\s+(?:the\s+)?{_THE_DAY_OF}(?P<begin>{_EVENT_WORDS})\s+(?:to|and|until|till)\s+(?:the\s+)?{_THE_DAY_OF}(?P<end>{_EVENT_WORDS})"
        r"(?:\s+\(?in\s+(?P<unit2>minutes|hours|days|weeks)\)?)?(?=\s*(?:[,;:|().!?]|$|\b(?:per|by|for|in|over|of|split|each|that|which|who|whose|where|with|without)\b))",
        re.I,
    ),
]


def _take_durations(text: str, quote: str, wishes: FigureWishes) -> str:
    for pattern in _DURATIONS:
        if matched := pattern.search(text):
            unit = (matched["unit"] or matched["unit2"] or "days").rstrip("s")
            begin, end = matched["begin"].strip(), matched["end"].strip()
            duration = Duration(begin, end, unit, matched.group().strip())
            if re.search(r"\d", MARK.sub("", f"{duration.begin} {duration.end}")):
                continue
            mark = wishes.mark("dur", duration)
            text = f"{text[: matched.start()]} {mark} {text[matched.end() :]}"
    return text


# `newly registered patients` are new patients.
_NEWLY = re.compile(
    r"\bnewly\s+(?:registered|created|added|signed[\s-]up|joined|opened|onboarded|acquired|hired|admitted|enrolled)\s+(?=\w)",
    re.I,
)
# `number of services (sum of qty)`: how the figure is computed.
_FIGURE_TOLD = re.compile(
    r"\b(?:(?:number|count|total|amount|sum|volume)\s+of\s+)(?:[\w-]+\s+){0,2}?[\w-]+\s*\(\s*(?:=\s*|i\.e\.\s*)?"
    r"(?P<told>(?:the\s+)?(?:sum|average|mean|median|maximum|minimum|distinct\s+count|number\s+of\s+(?:distinct|different))\s+(?:of\s+)?(?:the\s+)?[\w-]+)\s*\)",
    re.I,
)
# `average waiting time in minutes, that is from the appointment until the treatment begins`
_TIME_TOLD = re.compile(
    r"\b(?P<way>average|avg|mean|median|longest|shortest|total)\s+[\w-]+(?:\s+[\w-]+){0,2}?(?:\s+in\s+(?P<unit>minutes|hours|days|weeks)\b)?"
    r"(?P<mid>(?:\s+(?:by|per|for\s+each|of)\s[^.;,()–-]*?)?)\s*(?:[,(:]|\s[–-]\s)\s*(?:that\s+is|this\s+is|i\.e\.?,?|meaning|measured|counted|=)\s*:?\s*(?:the\s+)?"
    r"(?:(?P<unit2>minutes|hours|days|weeks|time)\s+(?:\([^)]*\)\s+)?)?(?=(?:from|between)\s)",
    re.I,
)


def with_times_told(text: str) -> str:
    """The text with durations themselves in the place of their names, where it tells what these mean."""
    return _TIME_TOLD.sub(_told_time, text)


def _told_time(matched: re.Match[str]) -> str:
    units = [u for u in (matched["unit"], matched["unit2"]) if u and u.lower() != "time"]
    if len({u.lower() for u in units}) != 1:
        return matched.group()
    mid = f" {matched['mid'].strip()} , " if matched["mid"].strip() else " "
    return f"{mid}{matched['way']} {units[0]} ".lstrip()


# `the day it was paid` is `paid`, `when they signed up` is `signed up`.
_PLAIN_EVENT = re.compile(
    r"\b(?:the\s+)?(?:day|date|time|moment)\s+(?:when\s+|on\s+which\s+|that\s+)?(?:it|they|the\s+\w+)\s+(?:was|were|is|are|got|has\s+been|have\s+been)\s+(?P<what>\w+)",
    re.I,
)
_WAY = (
    r"(?:average|avg|mean|median|sum|total|minimum|maximum|min|max|lowest|highest|smallest|largest|shortest|longest"
    r"|p\d{1,2}|\d{1,2}th\s+percentile)"
)
_JOINED = r"(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s*&\s*)"
# `fee: min, max and average` and `fee (min, max, average)`.
_WAYS_AFTER = re.compile(
    rf"(?P<what>(?:[\w-]+\s){{0,3}}[\w-]+)\s*[:(]\s*(?P<ways>{_WAY}(?:{_JOINED}{_WAY})+)\b\s*\)?",
    re.I,
)
_WAYS_BEFORE = re.compile(
    rf"\b(?P<ways>{_WAY}(?:{_JOINED}{_WAY}){{2,}})\s+(?:of\s+)?(?:the\s+)?(?P<what>(?:(?!\b(?:by|per|for|and|in|with)\b)[\w]+\s?){{1,5}})",
    re.I,
)


def _each_way(matched: re.Match[str]) -> str:
    ways = re.findall(_WAY, matched["ways"], re.I)
    return ", ".join(f"{way} of {matched['what'].strip()}" for way in ways) + " "


_TWO_WAYS = re.compile(
    rf"\b(?P<one>{_WAY})(?:\s*,\s*|\s+and\s+|\s*&\s*)(?:the\s+)?(?P<other>{_WAY})\s+(?:of\s+)?(?:the\s+)?(?P<what>(?:(?!\b(?:by|per|for|and|in|with)\b)[\w]+\s?){{1,5}})",
    re.I,
)
_QUOTIENT = re.compile(
    r"(?P<defines>(?:,?\s*\b(?:that\s+is|i\.e\.?|meaning|defined\s+as)\s*:?\s+)|\(\s*)?(?P<above>(?:(?!\b(?:is|by|per|as|and)\b)[\w\-]+\s){1,5}?)(?P<op>divided\s+by|minus|less\s+the|/)\s+(?:the\s+)?"
    r"(?P<below>(?:(?!\b(?:per|by|for|with|that|in|over)\b)[\w\-]+\s?){1,6}?)(?=\s*(?:[,;:|()!?.]|$|\b(?:per|by|for|each|every|with|that|in|over)\b))",
    re.I,
)


_NAMED = re.compile(r"\b(?P<name>[a-z]+)\s*$", re.I)
_AS_PART = re.compile(
    r"(?P<above>\bquot\d+|\b(?:(?!\b(?:and|with|by|per|is|are|as|the|our|show|me|of)\b)[\w-]+\s+){0,4}?(?!(?:and|with|is|are|shown|expressed)\b)[\w-]+)(?P<split>\s+(?:per|by|for\s+each)\s+(?!as\b)\w+(?:\s+(?!as\b)\w+)?)?,?\s+"
    r"(?:expressed\s+|shown\s+)?(?:as\s+(?:an?\s+)?|in\s+)(?:fraction|share|percentage|percent|proportion|ratio|%)\s+of\s+(?:the\s+|its\s+|their\s+)?"
    r"(?P<all>all\s+(?:the\s+|our\s+)?|total\s+|overall\s+)?(?P<below>(?:(?!\b(?:per|by|for|in|and|total|overall|grand|whole|all)\b)\w+\s?){1,4})(?P<more>and\s+\w+)?",
    re.I,
)


def _take_parts_of(text: str, quote: str, wishes: FigureWishes) -> str:
    """`margin as a fraction of the price`: one figure divided by another. Beside `by region`, `orders
    as a share of all orders` is each row's part of the total."""
    if not (matched := _AS_PART.search(text)) or matched["more"]:
        return text
    split = matched["split"] or ""
    above, below = noun_of(matched["above"]), matched["below"].strip()
    if matched["all"] and set(stems(above)) == set(stems(below)):
        add_derived(wishes, DerivedWish("share", 1, "", quote))
        return f"{text[: matched.start()]} {matched['above']}{split} {text[matched.end() :]}"
    whole = (
        below
        if (matched["all"] or "").lower().startswith("all")
        else f"{matched['all'] or ''}{below}"
    )
    figure = Quotient(above, whole, matched.group().strip())
    mark = wishes.mark("quot", figure)
    return f"{text[: matched.start()]} {mark}{split} {text[matched.end() :]}"


_SPLIT_PIECE = re.compile(
    r"\b(?:per|by|for\s+each|each|every)\s+(?:(?!\b(?:per|by|for|each|every)\b).)+", re.I
)


def _take_quotients(text: str, quote: str, wishes: FigureWishes) -> str:
    matched = _QUOTIENT.search(text)
    if not matched:
        return text
    operator = "-" if "minus" in matched["op"].lower() else "/"
    figure = Quotient(
        noun_of(matched["above"]),
        noun_of(matched["below"]),
        matched.group().strip(" ,()"),
        operator,
    )
    before, mark = text[: matched.start()], wishes.mark("quot", figure)
    if (matched["defines"] or "").strip() == "(" and (name := _NAMED.search(before)):
        rest = re.sub(
            rf"\b(?:the\s+)?{re.escape(name['name'])}\b", mark, text[matched.end() :], flags=re.I
        )
        text = text[: matched.end()] + rest
    if matched["defines"]:  # it says what the figure before it is; of that the splits stay
        noise = word_set("stops") | word_set("articles") | word_set("fillers") | {"sum", "distinct"}
        units = {singular(w) for w in figure.below.lower().split() if w not in noise}
        pieces = (m.group().strip(" ?,:") for m in _SPLIT_PIECE.finditer(before))
        splits = (re.split(r",\s*(?:we|i|you|please|show|give|the)\b", p)[0] for p in pieces)
        before = " ".join(s for s in splits if not units & {singular(w) for w in s.lower().split()})
    rest = text[matched.end() :]
    if matched["defines"] and matched["defines"].strip() == "(":
        rest = rest.lstrip().removeprefix(")")
    return f"{before} | {mark} {rest}"


_OF = r"(?:share|percentage|percent|proportion|fraction|ratio|rate|part|%)\s+of\s+(?:all\s+|the\s+|our\s+|total\s+)*"
_IS = r"(?:that|which|who)?\s*(?:(?:are|is|was|were|have|has|had|got|get|been|be|being|contain|contains|containing|having|with|include|includes|use|used|using|ended|end)\b\s*(?:(?:been|being|a|an|at\s+least\s+one|up)\b\s*)*)+"
_END = r"(?=\s*(?:[,;:|()!?]|$|\b(?:per|by|for|over|each|every|split|broken|in\s+(?:the|each|\d+)|during|last|and|vs)\b))"
_SHARES = [
    re.compile(
        rf"\bof\s+(?:all\s+|the\s+|our\s+)*(?P<whole>(?:[\w\-]+\s){{0,2}}?[\w\-]+)\s*,\s*(?:what|which|the)\s+(?:share|percentage|percent|proportion|fraction|part)\s+{_IS}(?P<part>[\w\-' ]+?){_END}",
        re.I,
    ),
    re.compile(
        rf"\b(?P<head>{_OF})(?P<whole>(?:(?!\b(?:that|which|who|per|by|over)\b)\w+\s){{1,3}}?){_IS}(?P<part>[\w\-' ]+?){_END}",
        re.I,
    ),
    re.compile(
        rf"\bwhat\s+(?P<head>{_OF})(?P<whole>(?:\w+\s){{1,3}}?)(?:are|is|was|were|have|has|had|get|got)\s+(?:been\s+)?(?P<part>[\w\-' ]+?){_END}",
        re.I,
    ),
    re.compile(
        rf"\bhow\s+many\s+(?:percent|%)\s+(?P<head>of\s+(?:all\s+|the\s+|our\s+)*)(?P<whole>(?:\w+\s){{1,3}}?)(?:are|is|was|were|have|has|had|get|got)\s+(?:been\s+)?(?P<part>[\w\-' ]+?){_END}",
        re.I,
    ),
    re.compile(rf"\b(?P<head>{_OF})(?P<whole>[\w\- ]+?){_END}", re.I),
    re.compile(rf"\b(?P<part>[\w\-]+)\s+(?:orders?\s+)?(?:rate|share|percentage|quota)\b(?:\s+of\s+(?:all\s+|the\s+|our\s+)*(?P<whole>[\w\- ]+?){_END})?", re.I),
]  # fmt: skip


def _take_shares(text: str, quote: str, wishes: FigureWishes) -> str:
    for pattern in _SHARES:
        matched = pattern.search(text)
        if not matched:
            continue
        groups = matched.groupdict()
        whole = noun_of(groups.get("whole") or "")
        part = noun_of(groups.get("part") or "")
        has_figure = any(
            not m.group().startswith(("ord", "lit", "cmp", "rel"))
            for m in MARK.finditer(f"{whole} {part}")
        )
        if not (whole or part) or has_figure or part.lower() in _NO_PARTS:
            continue
        mark = wishes.mark("ratio", Share(whole, part, matched.group().strip()))
        text = f"{text[: matched.start()]} {mark} {text[matched.end() :]}"
    return _NAMED_RATE.sub(" ", text)


# `On-time rate: of the deliveries, the share …`: the name of what is told after it.
_NAMED_RATE = re.compile(r"^\W*ratio\d+\s*:(?=.*\bratio\d)")

_NO_PARTS = {"growth", "exchange", "tax", "interest", "flat", "hourly", "daily", "the", "a", "our",
             "discount", "vat", "unit", "and", "overall", "at", "any", "average", "market", "this"}  # fmt: skip
_PER_UNIT = re.compile(
    r"\b(?:average|avg\.?|mean)\s+(?P<head>number\s+of\s+|count\s+of\s+|amount\s+of\s+|no\.?\s+of\s+|#\s+of\s+)?(?P<what>(?:(?!\bper\b)[\w\-]+\s){1,4}?)per\s+"
    r"(?P<unit>(?:(?!\b(?:and|by|per)\b)[\w\-]+\s+(?=\w+\s+(?:per|by)\b))?[\w\-]+)\b",
    re.I,
)


def _take_per_unit(text: str, quote: str, wishes: FigureWishes) -> str:
    matched = _PER_UNIT.search(text)
    if not matched or matched["unit"].lower() in grain_words():
        return text
    if matched["unit"].lower() in _PART_WORDS or re.match(r"\s*ord\d", matched["unit"]):
        return text
    if not matched["head"]:
        further = re.match(r"\s+[\w-]+", text[matched.end() :])  # `per vehicle class`
        units = [matched["unit"], matched["unit"] + (further.group() if further else "")]
        if any(map(wishes.lexicon.is_split, units)):
            return text
    if re.match(r"\s*col\d", text[matched.end() :]):
        return text  # a column to split by
    what = f"number of {matched['what'].strip()}" if matched["head"] else matched["what"].strip()
    figure = PerUnit(what, matched["unit"], matched.group().strip())
    return f"{text[: matched.start()]} {wishes.mark('unit', figure)} {text[matched.end() :]}"


_BELOW = r"shorter\s+than|less\s+than|lower\s+than|fewer\s+than|smaller\s+than|under|below|<"
_ABOVE = r"longer\s+than|more\s+than|greater\s+than|higher\s+than|larger\s+than|bigger\s+than|exceeding|over|above|>"
_LEAST = r"at\s+least|min\.|minimum\s+of|no\s+less\s+than|not\s+less\s+than|>=|≥"
_MOST = r"at\s+most|max\.|maximum\s+of|up\s+to|no\s+more\s+than|not\s+more\s+than|<=|≤"
_UNIT_WORDS = r"days?|weeks?|months?|quarters?|years?|hours?|hrs|minutes?|mins?|seconds?|kg|km|kilometers|kilometres"
_MEASURE = UNIT.replace("(?P<unit>", rf"(?P<unit>{_UNIT_WORDS}|")
_COMPARED = re.compile(
    rf"(?:\bwith\s+|\bof\s+)?(?:(?<!\w)(?P<way>{_LEAST}|{_MOST}|{_BELOW}|{_ABOVE}|exactly|equal\s+to|=)\s*"
    rf"(?P<number>{NUMBER}){_MEASURE}|\bbetween\s+(?P<low>{NUMBER})\s*(?:and|-|–|to)\s*(?P<high>{NUMBER})"
    r"(?:\s?(?P<unit2>%|percent|€|\$|£|eur|euros?|usd|dollars?))?"
    rf"|(?<![\w.])(?P<floor>{NUMBER})(?:\s+(?P<unit3>{_UNIT_WORDS}))?\s+(?:or|and)\s+(?:more|above|over|higher))(?![\w]|[-/]\d)",
    re.I,
)
_NOT_A_NUMBER = re.compile(r"\s*(?:days?|weeks?|months?|quarters?|years?)\b", re.I)


_SPELT = re.compile(
    rf"(?P<way>{_BELOW}|{_ABOVE}|{_LEAST}|{_MOST}|longer\s+than|shorter\s+than)\s+(?P<number>{'|'.join(NUMBERS)})(?=\s+(?:{_UNIT_WORDS}|tons?|litres?)\b)",
    re.I,
)


def _take_comparisons(text: str, quote: str, wishes: FigureWishes) -> str:
    text = _SPELT.sub(lambda m: f"{m['way']} {COUNTS[m['number'].lower()]}", text)

    def mark(matched: re.Match[str]) -> str:
        way = re.sub(r"\s+", " ", (matched["way"] or "").lower())
        spoken = (matched["unit"] or matched["unit3"] or "").lower()
        is_span = bool(_NOT_A_NUMBER.match(spoken)) and not matched.group().lower().startswith(
            "of "
        )
        if is_span and way in {"over", "at least", "up to", "at most", "last", ""}:
            return matched.group()  # `over 3 months` is a span of time
        low, high, above, below = None, None, False, False
        if matched["low"]:
            low, high, above, below = (
                value_of(matched["low"]),
                value_of(matched["high"]),
                True,
                True,
            )
            if 1900 <= low <= 2100 and 1900 <= high <= 2100:
                return matched.group()
        elif matched["floor"]:
            low, above = value_of(matched["floor"]), True
        else:
            number = value_of(matched["number"])
            if re.fullmatch(_LEAST, way):
                low, above = number, True
            elif re.fullmatch(_MOST, way):
                high, below = number, True
            elif re.fullmatch(_BELOW, way):
                high = number
            elif re.fullmatch(_ABOVE, way):
                low = number
            else:
                low, high, above, below = number, number, True, True
            if number == 1 and way == "at least":
                return matched.group()  # `at least one order`: whether there is any
        unit = (matched["unit"] or matched["unit2"] or matched["unit3"] or "").lower()
        said = Comparison(low, high, above, below, unit, matched.group().strip())
        return f" {wishes.mark('cmp', said)} "

    return _COMPARED.sub(mark, text)


# `where method is sepa`: a column and its value in plain words.
_WHERE = re.compile(
    r"\b(?:where|with|whose)\s+(?:the\s+)?(?P<what>\w+(?:\s\w+)?)\s+(?P<way>is\s+not|isn['’]t|!=|<>|is|=|equals)\s+"
    r"(?P<value>(?!(?:cmp|lit|ord|col|rel|dur)\d|not\b|null\b|empty\b|set\b|filled\b|missing\b|known\b|higher\b|lower\b|more\b|less\b|at\b|above\b|below\b|over\b|under\b|between\b|the\b|a\b|true\b|false\b|\d)[A-Za-z][\w-]*)(?=\s*(?:[,;:|()!?]|$|\b(?:and|per|by|for|in|only)\b))",
    re.I,
)
_QUOTED = re.compile(
    r"(?P<way>\bis\s+not|\bisn['’]t|\bis|\bare\s+not|\bare|\bequals?|!=|<>|=|\bnot\s+in|\bin|\bnot|\bcalled|\bnamed)?\s*\(?"
    r"(?P<values>['‘\"“](?P<first>[^'‘’\"“”]{1,60})['’\"”](?:\s*(?:,|or|and)\s*['‘\"“][^'‘’\"“”]{1,60}['’\"”])*)\)?",
    re.I,
)


def _take_quoted(text: str, quote: str, wishes: FigureWishes) -> str:
    if matched := _WHERE.search(text):
        negated = bool(re.search(r"not|n['’]t|!=|<>", matched["way"], re.I))
        said = Quoted((matched["value"],), negated, matched.group().strip())
        mark_ = wishes.mark("lit", said)
        text = f"{text[: matched.start()]} where {matched['what']} {mark_} {text[matched.end() :]}"

    def mark(matched: re.Match[str]) -> str:
        if not matched["way"] or re.fullmatch("called|named", matched["way"], re.I):
            return matched.group()
        values = tuple(re.findall(r"['‘\"“]([^'‘’\"“”]{1,60})['’\"”]", matched["values"]))
        negated = bool(re.search(r"not|n['’]t|!=|<>", matched["way"], re.I))
        return f" {wishes.mark('lit', Quoted(values, negated, matched.group().strip()))} "

    return _QUOTED.sub(mark, text)
