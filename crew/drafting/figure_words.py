"""Takes out of a sentence what is said about figures: comparisons, shares, growth, top rows, ranges.

What stands for one noun phrase (`over 100 EUR`, `share of orders that were refunded`) becomes a
mark, a plain word such as `cmp0`, so that it travels with the phrase it belongs to and is resolved
where that phrase is linked to the data. What is about the whole result goes to the wish.
"""

# ruff: noqa: E501
from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile

from crew.artifacts import DerivedKind
from crew.drafting.lexicon import Lexicon
from crew.drafting.related_words import Having, Those, take_related
from crew.drafting.vocabulary import grain_words, singular, vocabulary, word_set

_LONGEST = 700  # characters
_MARK = re.compile(r"\b(?:cmp|lit|dur|ratio|unit|quot|ord|col|range|rel|some)\d+\b")
_NUMBER = r"(?:€|\$|£|eur\s|usd\s)?\s?-?\d+(?:[.,]\d+)*(?:\s?(?:k|m)\b)?"
_UNIT = r"(?:\s?(?P<unit>%|percent|€|\$|£|eur|euros?|usd|dollars?|gbp|pounds?|chf)(?!\w))?"
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
            "eleven", "twelve")  # fmt: skip
_WORDS = {word: str(n) for n, word in enumerate(_NUMBERS)}
_COUNT = r"(?P<count>\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_PERIOD = r"(?P<unit>day|week|month|quarter|year|period)s?"


@dataclass(frozen=True)
class Comparison:
    """`low` inclusive or not, `high` likewise; a number without its own unit."""

    low: float | None
    high: float | None
    includes_low: bool
    includes_high: bool
    unit: str
    quote: str


@dataclass(frozen=True)
class Quoted:
    """A value that stands in quotes, and whether it is the one that is left out."""

    values: tuple[str, ...]
    negated: bool
    quote: str


@dataclass(frozen=True)
class Duration:
    """The time from one event to another, in words of the ticket."""

    begin: str
    end: str
    unit: str
    quote: str


@dataclass(frozen=True)
class Share:
    """The part of `whole` that meets `part`; with no part, `whole` says it (`refund rate`)."""

    whole: str
    part: str
    quote: str


@dataclass(frozen=True)
class PerUnit:
    """How much of `what` there is for each `unit`."""

    what: str
    unit: str
    quote: str


@dataclass(frozen=True)
class Quotient:
    """One figure divided by another, in words of the ticket."""

    above: str
    below: str
    quote: str
    operator: str = "/"


@dataclass(frozen=True)
class Order:
    """One moment of a row against another: `first` `operator` `second`, plus `within` if given."""

    first: str
    operator: str
    second: str
    within: str
    quote: str


@dataclass(frozen=True)
class Named:
    """A column by its very name."""

    name: str
    quote: str


@dataclass(frozen=True)
class Ranges:
    """Ranges to put numbers into: bounds [a, b), the first and last perhaps open; or `step` wide."""

    what: str
    bounds: tuple[tuple[float | None, float | None], ...]
    step: float | None
    quote: str
    labels: tuple[str, ...] = ()
    includes_high: bool = False


Figure = (
    Comparison
    | Quoted
    | Duration
    | Share
    | PerUnit
    | Quotient
    | Order
    | Named
    | Ranges
    | Having
    | Those
)


@dataclass(frozen=True)
class DerivedWish:
    """A derived column; `unit` is the period it speaks of, empty for the one of the result."""

    kind: DerivedKind
    periods: int
    unit: str
    quote: str


@dataclass(frozen=True)
class TopWish:
    """The `count` highest (or lowest) `what`; `by` is the figure that decides, perhaps empty."""

    count: int
    what: str
    by: str
    lowest: bool
    within: str
    quote: str


@dataclass
class FigureWishes:
    """Everything said about figures in one ticket. `marks` are words that stand in its phrases,
    `counted` the noun that was counted last: what `them` means, if it was `counted_twice`."""

    marks: dict[str, Figure] = field(default_factory=dict)
    derived: list[DerivedWish] = field(default_factory=list)
    top: TopWish | None = None
    grain: str = ""
    counted: str = ""
    counted_twice: bool = False
    moment: str = ""
    """At which moment of each period a state is counted: `period_start` or `period_end`."""
    lexicon: Lexicon = field(default_factory=Lexicon)

    def mark(self, kind: str, figure: Figure) -> str:
        """A word that stands for a figure from now on."""
        for known, other in self.marks.items():
            if other == figure:
                return known
        name = f"{kind}{len(self.marks)}"
        self.marks[name] = figure
        return name

    @property
    def quotes(self) -> set[str]:
        """The words that marks stand for."""
        return {self.readable(name) for name in self.marks}

    def readable(self, text: str) -> str:
        """The text with every mark replaced by the words it stands for."""
        for _ in range(3):  # a mark may stand in the words of another
            text = _MARK.sub(
                lambda m: self.marks[m.group()].quote if m.group() in self.marks else m.group(),
                text,
            )
        return text


def is_limit(figure: Figure) -> bool:
    """Whether a figure says which rows count or names a column, rather than what is measured."""
    return isinstance(figure, Comparison | Quoted | Order | Named)


def is_mark(word: str) -> bool:
    return bool(_MARK.fullmatch(word))


def take_figures(text: str, quote: str, wishes: FigureWishes) -> str:
    """The sentence without what it says about figures, marks in the place of noun phrases."""
    if len(text) > _LONGEST:
        return text  # no sentence
    text = _PLAIN_EVENT.sub(r"\g<what>", text)
    text = _WAYS_BEFORE.sub(_each_way, _WAYS_AFTER.sub(_each_way, text))
    text = _TWO_WAYS.sub(r"\g<one> of \g<what>, \g<other> of \g<what>", text)
    if not _QUOTIENT.search(text):
        text = _DISTINCT_WITH.sub(r"\g<who>~\g<what>", text)
    text = take_related(text, wishes, lambda part: _take_inner(part, quote, wishes))
    for take in (_take_names, _take_parts, _take_order, _take_ranges, _take_top, _take_derived, _take_durations,
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
    for take in (_take_names, _take_order, _take_comparisons, _take_quoted):
        text = take(text, quote, wishes)
    return text


# --- whole result ------------------------------------------------------------------------------


@cache
def _patterns(kind: str) -> list[re.Pattern[str]]:
    return [re.compile(p, re.I) for p in vocabulary()["derived"][kind]]


def _count(text: str | None) -> int:
    return int(_WORDS.get((text or "1").lower(), text or "1"))


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


def _take_derived(text: str, quote: str, wishes: FigureWishes) -> str:
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
            add_derived(wishes, DerivedWish(kind, count, unit, quote))
            if kind in {"growth", "change"}:
                text = _GROWTH_OF.sub("", text[: matched.start()]) + text[matched.start() :]
                matched = pattern.search(text) or matched
            if kind in {"growth", "change", "previous"} and unit:
                wishes.grain = wishes.grain or unit
            kept = matched.groupdict().get("keep") or ""
            if kind == "running_total" and re.match(r"\W*(?:and|with|plus)\b", matched.group()):
                kept += ", "  # `revenue and the ytd revenue`
            text = f"{text[: matched.start()]} {kept} {text[matched.end() :]}"
    return re.sub(r"\s{2,}", " ", text)


_GROWTH_OF = re.compile(
    r"\b(?:growth|change|development)(?:\s+rate)?\s+(?:of|in)\s+(?:the\s+|our\s+)?", re.I
)


def add_derived(wishes: FigureWishes, wish: DerivedWish) -> None:
    """Wish for a derived column, once for each sentence."""
    if all(w.kind != wish.kind or w.quote != wish.quote for w in wishes.derived):
        wishes.derived.append(wish)


_WHAT = r"(?P<what>(?:(?!\b(?:by|per|with|in|for|based|ranked|over|from|that|who|which|where|of)\b)[^,;:|()])+?)"
_LOW = r"bottom|worst|lowest"
_TOP = re.compile(
    rf"\b(?:the\s+|our\s+)?(?P<way>top|best|highest|largest|biggest|{_LOW})[\s-]+{_COUNT}(?:\s+(?:best|selling|most|highest))?\s+{_WHAT}"
    r"(?:\s+(?:per|in\s+each|for\s+each|within\s+each|of\s+each|by\s+each|in\s+every)\s+(?P<within>\w+(?:\s+\w+)?))?"
    r"(?:\s+(?:by|based\s+on|in\s+terms\s+of|ranked\s+by|according\s+to|measured\s+by)\s+(?P<by>[^,;:|()]+?)"
    r"|\s+with\s+the\s+(?P<most>most|highest|largest|biggest|lowest|fewest|least)\s+(?P<by2>[^,;:|()]+?))?"
    r"(?:\s+(?:per|in\s+each|for\s+each|within\s+each)\s+(?P<within2>\w+(?:\s+\w+)?))?"
    r"(?=\s*(?:[,;:|().!?]|$|\s(?:over|in|for|from|since|during|excluding|without|only|and|last|this|where|within|per|between)\b))",
    re.I,
)
_FOR_EVERY = re.compile(
    rf"\b(?:(?:for|in|per)\s+(?:every|each)|per|each|every)\s+(?P<within>(?!col\d)\w+(?:\s(?!col\d|the\b)\w+)?)"
    rf"(?P<dated>\s+\(?\s*col\d+\s*\)?)?\s*,?\s+(?=the\s+{_COUNT}\s)",
    re.I,
)
_RANKED = re.compile(
    r"\brank\s+(?:all\s+|our\s+|the\s+)*(?P<what>\w+(?:\s\w+)?)\s+by\s+(?:the\s+)?", re.I
)
_FROM_EACH = re.compile(
    r"\b(?:what|which|how\s+much)\s*(?:part|share|percentage|percent|proportion|fraction|portion)?\s+(?:of\s+)(?:the\s+|our\s+)*(?:total\s+|overall\s+)?(?P<what>[\w\s]{2,40}?)\s+"
    r"(?P<grain>(?:of|in)\s+each\s+\w+\s+)?(?:comes?|came|is|are|was|were)\s+(?:\w+\s+)?(?:from|by|due\s+to|in)\s+(?:each|every)\s+(?P<who>\w+)",
    re.I,
)
_SHARE_OF_EACH = re.compile(
    r"\b(?:share|percentage|percent|proportion|part|fraction)\s+of\s+(?:each|every|that|this)\s+(?P<who>\w+(?:\s(?!in\b|of\b)\w+)?)\s+(?:in|of|from|on|among)\s+(?:all\s+|the\s+|our\s+)*(?:total\s+|overall\s+)?"
    r"(?P<what>(?:number\s+of\s+)?(?:(?!\b(?:per|by|for|in|of)\b)\w+\s?){1,3})(?:\s*(?:of|in)\s+(?:the|that|this|each)\s+(?:same\s+)?(?:day|week|month|quarter|year|period))?",
    re.I,
)
_WITH_MOST = re.compile(
    rf"\b(?:the\s+)?{_COUNT}\s+{_WHAT}\s+with\s+the\s+(?P<most>most|highest|largest|biggest|lowest|fewest|least)\s+"
    r"(?P<by2>[^,;:|()]+?)(?:\s+(?:per|in\s+each|for\s+each|within\s+each|in\s+every)\s+(?P<within>\w+(?:\s(?!in\b|since\b|over\b|during\b|from\b|for\b|and\b)\w+)?))?(?=\s*(?:[,;:|().!?]|$|\s(?:over|in|for|from|since|during|excluding|without|only|and|last|per)\b))",
    re.I,
)


_IN_BRACKETS = re.compile(r"\s*\([^()]*\)")


def _take_top(text: str, quote: str, wishes: FigureWishes) -> str:
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
        text = f"{text[: matched.start()]} {matched['what']} by {matched['who']} {text[matched.end() :]}"
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


# --- marks ---------------------------------------------------------------------------------------

_NAME = re.compile(r"`?\b(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)\b`?")
_BRACKETED = re.compile(r"\(\s*(?P<inner>col\d+)\s*\)")
_CODE = re.compile(
    r"\(\s*(?:(?:status|state|code|kind|type|estado|statut)\s*=?\s*)?(?P<value>[A-Z][A-Z0-9_]{0,14})\s*\)"
)
_STATED = re.compile(
    r"\(\s*(?:with\s+)?(?:status|state|code|estado|statut)\s*[=:]?\s*(?:is\s+)?[\"'“]?(?P<value>[A-Za-z][\w-]*)[\"'”]?\s*\)",
    re.I,
)
_VALUED = re.compile(
    r"\b(?:status|state|code|estado|statut)\s*=?\s*(?P<value>[A-Z][A-Z0-9]{0,5})\b(?!\s*\w*=)"
)


def _take_names(text: str, quote: str, wishes: FigureWishes) -> str:
    """Names of columns, and codes such as `(X)` or `status X`."""
    if (known := wishes.lexicon.pattern) and known.search(text):
        text = known.sub(lambda m: _spoken(m, wishes), text)
    text = _NAME.sub(lambda m: _named(m, wishes), text)
    text = _ITS_VALUES.sub(r"\g<split>", _SUCH_AS.sub("", _ITSELF.sub("", text)))
    text = _BESIDE.sub(lambda m: _called(m, wishes), text)
    text = _BRACKETED.sub(r" \g<inner> ", text)
    for pattern in (_STATED, _CODE, _VALUED):
        text = pattern.sub(
            lambda m: f" {wishes.mark('lit', Quoted((m['value'],), False, m.group().strip()))} ",
            text,
        )
    text = _COLUMN_WORDS.sub(lambda m: _listed_values(m, wishes), text)
    text = _COLUMN_VALUE.sub(lambda m: _valued(m, wishes), text)
    return _BRACKETED_VALUE.sub(r" \g<inner> ", text)


def _named(matched: re.Match[str], wishes: FigureWishes) -> str:
    """A column by its name; `no_show` where that is but a value stays as it is."""
    name, held = matched["name"].lower(), wishes.lexicon.held
    if name not in held and any(name in values for values in held.values()):
        return matched.group()
    return f" {wishes.mark('col', Named(matched['name'], matched['name']))} "


# `ruecklast_kz = J`, `way LAST`, `status = active`: a column and a value of it.
_COLUMN_VALUE = re.compile(
    r"\b(?P<column>col\d+)\s*(?:(?P<way>!=|<>|==?|\bis\b)\s*)?(?P<code>[A-Z][A-Z0-9_]{0,14}|[a-z]\w+|\d+)\b(?!\s*(?:=|\())"
    r"|\b(?P<word>[A-Za-z]\w+)\s*(?P<sign>!=|<>|==?)\s*(?P<value>[A-Za-z]\w*)\b"
)


# `vertragsstatus aktiv or gekuendigt`: a column and some of its values, in a row.
_COLUMN_WORDS = re.compile(
    r"\b(?P<column>col\d+)\s+(?:(?:is|in|either)\s+)?(?P<listed>[\w-]+(?:\s*(?:,\s*or|,|/|\bor\b|\band\b)\s*[\w-]+)*)"
)


def _listed_values(matched: re.Match[str], wishes: FigureWishes) -> str:
    named = wishes.marks[matched["column"]]
    known = wishes.lexicon.held.get(named.name.lower(), {}) if isinstance(named, Named) else {}
    parts = re.split(r"(\s*(?:,\s*or|,|/|\bor\b|\band\b)\s*)", matched["listed"])
    values = list(takewhile(lambda v: v.lower() in known, parts[::2]))
    if not values:
        return matched.group()
    rest = "".join(parts[2 * len(values) - 1 :])
    said = Quoted(tuple(known[v.lower()] for v in values), False, ", ".join(values))
    return f"{matched['column']} {wishes.mark('lit', said)} {rest}"


def _valued(matched: re.Match[str], wishes: FigureWishes) -> str:
    way, value = matched["way"] or matched["sign"], matched["code"] or matched["value"]
    if is_mark(value) or (not way and not value.isupper()) or value.lower() in _NO_VALUES:
        return matched.group()
    said = Quoted((value,), way in {"!=", "<>"}, f"{way or ''} {value}".strip())
    return f"{matched['column'] or matched['word']} {wishes.mark('lit', said)} "


_BRACKETED_VALUE = re.compile(r"\(\s*(?P<inner>\w+\s+lit\d+)\s*\)")
_NO_VALUES = frozenset(
    ["not", "null", "empty", "set", "filled", "missing", "known", "the", "a", "an", "higher", "lower", "more",
     "less", "at", "above", "below", "over", "under", "between", "and", "or", "per", "by", "for", "in", "only",
     "true", "false", "to", "of", "from"]
)  # fmt: skip


# `pieces (qty)`: the column that is meant stands beside the word.
_BESIDE = re.compile(r"(?<=[a-z]\s)\(\s*(?P<name>[a-z][a-z0-9]{1,30})\s*\)")


# `by decade (1950, 1960, …)`: how values look.
_SUCH_AS = re.compile(r"\s*\(\s*[\w-]+(?:\s*,\s*[\w-]+)*\s*,?\s*(?:…|\.{3}|etc\.?)\s*\)", re.I)
# `by plan (Basic, Plus, Pro)`: the values that it has.
_ITS_VALUES = re.compile(
    r"(?P<split>\b(?:[Bb]y|[Pp]er|[Ee]ach)\s+(?:\w+\s){0,2}?\w+)\s*\(\s*[A-Z]\w*(?:\s*(?:,|and|or|&|/)\s*[A-Z]\w*)+\s*\)"
)
# `each category (the category itself, not the main one)`: which of two like things is meant.
_ITSELF = re.compile(r"\s*\(\s*the\s+\w+\s+itself\b[^()]*\)", re.I)


def _spoken(matched: re.Match[str], wishes: FigureWishes) -> str:
    said = re.sub(r"[\s-]+", " ", matched["name"].lower())
    if (value := wishes.lexicon.values.get(said)) and said not in wishes.lexicon.names:
        return f" {wishes.mark('lit', Quoted((value,), False, matched.group()))} "
    name = wishes.lexicon.names[said]
    return f" {wishes.mark('col', Named(name, matched.group()))} "


def _called(matched: re.Match[str], wishes: FigureWishes) -> str:
    name = matched["name"]
    is_unit = (
        is_mark(name)
        or name in grain_words()
        or name in word_set("currencies") | word_set("stops") | _UNITS
    )
    if is_unit or name.endswith("ed"):
        return matched.group()
    return f" {wishes.mark('col', Named(name, name))} "


_UNITS = frozenset(
    ["kg", "km", "g", "t", "m", "hours", "minutes", "seconds", "hrs", "h", "min", "utc", "percent", "gross", "net",
     "online", "new", "void", "paid", "all", "optional", "mandatory", "distinct", "unique", "json", "yes", "no", "booking",
     "departure", "arrival", "delivery", "order", "signup", "creation"]
)  # fmt: skip
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
    return text


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
    rf"(?P<step>{_NUMBER}){_UNIT}\)?",
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
        numbers = [_value(n) for n in re.findall(r"\d+(?:[.,]\d+)*", item["range"])]
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
        _noun(what["what"]), tuple(zip(lows, highs, strict=True)), None, what["what"],
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


def _take_ranges(text: str, quote: str, wishes: FigureWishes) -> str:
    if (labelled := _labelled(text, wishes)) is not None:
        return labelled
    if matched := _STEPS.search(text):
        ranges = Ranges(
            _noun(matched["what"]), (), _value(matched["step"]), matched.group().strip()
        )
        mark = wishes.mark("range", ranges)
        return f"{text[: matched.start()]} by {mark} {text[matched.end() :]}"
    if matched := _RANGES.search(text):
        items = re.findall(_RANGE_ITEM, matched["list"], re.I)
        bounds = _bounds(items)
        if bounds:
            ranges = Ranges(_noun(matched["what"]), bounds, None, matched.group().strip())
            mark = wishes.mark("range", ranges)
            return f"{text[: matched.start()]} by {mark} {text[matched.end() :]}"
    return text


def _bounds(items: list[str]) -> tuple[tuple[float | None, float | None], ...]:
    """Half-open ranges; `0-17, 18-64` are closed whole numbers, which is the same as [0, 18)."""
    found: list[tuple[float | None, float | None]] = []
    for item in items:
        numbers = [_value(n) for n in re.findall(r"\d+(?:[.,]\d+)*", item)]
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


_TIME_UNITS = r"(?P<unit>minutes?|hours?|days?|weeks?|months?)"
_EVENT_WORDS = r"(?:(?!\b(?:from|between|until|till|and|to|per|by|for|in)\b)[\w]+\s?){1,5}?"
_THE_DAY_OF = r"(?:(?:day|date|time|moment)\s+of\s+(?:the\s+|an?\s+)?)?"
_DURATIONS = [
    re.compile(
        rf"\b(?:the\s+)?(?:(?:number\s+of\s+)?(?:calendar\s+)?{_TIME_UNITS}|time|duration|delay|lag)\s+(?:it\s+takes\s+|taken\s+|elapsed\s+|passed\s+|needed\s+)?"
        rf"(?:from|between)\s+(?:the\s+)?{_THE_DAY_OF}(?P<begin>{_EVENT_WORDS})\s+(?:to|and|until|till)\s+(?:the\s+)?{_THE_DAY_OF}(?P<end>{_EVENT_WORDS})"
        r"(?:\s+\(?in\s+(?P<unit2>minutes|hours|days|weeks)\)?)?(?=\s*(?:[,;:|().!?]|$|\b(?:per|by|for|in|over|of|split|each)\b))",
        re.I,
    ),
]


def _take_durations(text: str, quote: str, wishes: FigureWishes) -> str:
    for pattern in _DURATIONS:
        if matched := pattern.search(text):
            unit = (matched["unit"] or matched["unit2"] or "days").rstrip("s")
            begin, end = matched["begin"].strip(), matched["end"].strip()
            duration = Duration(begin, end, unit, matched.group().strip())
            if re.search(r"\d", _MARK.sub("", f"{duration.begin} {duration.end}")):
                continue
            mark = wishes.mark("dur", duration)
            text = f"{text[: matched.start()]} {mark} {text[matched.end() :]}"
    return text


# `the day it was paid` is `paid`, `when they signed up` is `signed up`.
_PLAIN_EVENT = re.compile(
    r"\b(?:the\s+)?(?:day|date|time|moment)\s+(?:when\s+|on\s+which\s+|that\s+)?(?:it|they|the\s+\w+)\s+(?:was|were|is|are|got|has\s+been|have\s+been)\s+(?P<what>\w+)",
    re.I,
)
_WAY = (
    r"(?:average|avg|mean|median|sum|total|minimum|maximum|min|max|p\d{1,2}|\d{1,2}th\s+percentile)"
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
    r"(?P<above>\bquot\d+|\b\w+)\s+(?:expressed\s+|shown\s+)?(?:as\s+(?:an?\s+)?|in\s+)(?:fraction|share|percentage|percent|proportion|ratio|%)\s+of\s+(?:the\s+|its\s+|their\s+)?"
    r"(?P<below>(?:(?!\b(?:per|by|for|in|and|total|overall|grand|whole|all)\b)\w+\s?){1,3})",
    re.I,
)


def _take_parts_of(text: str, quote: str, wishes: FigureWishes) -> str:
    """`margin as a fraction of the price`: one figure divided by another."""
    if not (matched := _AS_PART.search(text)):
        return text
    figure = Quotient(matched["above"], matched["below"].strip(), matched.group().strip())
    mark = wishes.mark("quot", figure)
    return f"{text[: matched.start()]} {mark} {text[matched.end() :]}"


_SPLIT_PIECE = re.compile(
    r"\b(?:per|by|for\s+each|each|every)\s+(?:(?!\b(?:per|by|for|each|every)\b).)+", re.I
)


def _take_quotients(text: str, quote: str, wishes: FigureWishes) -> str:
    matched = _QUOTIENT.search(text)
    if not matched:
        return text
    operator = "-" if "minus" in matched["op"].lower() else "/"
    figure = Quotient(
        _noun(matched["above"]), _noun(matched["below"]), matched.group().strip(" ,()"), operator
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
        whole = _noun(groups.get("whole") or "")
        part = _noun(groups.get("part") or "")
        has_figure = any(
            not m.group().startswith(("ord", "lit", "cmp", "rel"))
            for m in _MARK.finditer(f"{whole} {part}")
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
    if not matched["head"] and wishes.lexicon.is_split(matched["unit"]):
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
_MEASURE = _UNIT.replace("(?P<unit>", rf"(?P<unit>{_UNIT_WORDS}|")
_COMPARED = re.compile(
    rf"(?:\bwith\s+|\bof\s+)?(?:(?<!\w)(?P<way>{_LEAST}|{_MOST}|{_BELOW}|{_ABOVE}|exactly|equal\s+to|=)\s*"
    rf"(?P<number>{_NUMBER}){_MEASURE}|\bbetween\s+(?P<low>{_NUMBER})\s*(?:and|-|–|to)\s*(?P<high>{_NUMBER})"
    r"(?:\s?(?P<unit2>%|percent|€|\$|£|eur|euros?|usd|dollars?))?"
    rf"|(?<![\w.])(?P<floor>{_NUMBER})(?:\s+(?P<unit3>{_UNIT_WORDS}))?\s+(?:or|and)\s+(?:more|above|over|higher))(?![\w]|[-/]\d)",
    re.I,
)
_NOT_A_NUMBER = re.compile(r"\s*(?:days?|weeks?|months?|quarters?|years?)\b", re.I)


_SPELT = re.compile(
    rf"(?P<way>{_BELOW}|{_ABOVE}|{_LEAST}|{_MOST}|longer\s+than|shorter\s+than)\s+(?P<number>{'|'.join(_NUMBERS)})(?=\s+(?:{_UNIT_WORDS}|tons?|litres?)\b)",
    re.I,
)


def _take_comparisons(text: str, quote: str, wishes: FigureWishes) -> str:
    text = _SPELT.sub(lambda m: f"{m['way']} {_WORDS[m['number'].lower()]}", text)

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
            low, high, above, below = _value(matched["low"]), _value(matched["high"]), True, True
            if 1900 <= low <= 2100 and 1900 <= high <= 2100:
                return matched.group()
        elif matched["floor"]:
            low, above = _value(matched["floor"]), True
        else:
            number = _value(matched["number"])
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


def _value(text: str) -> float:
    """A number as people write it: 1,000 · 1.000,50 · 1.5 · 2k."""
    text = re.sub(r"[^\d.,km-]", "", text.lower())
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:], 1)
    text = text.rstrip("km").rstrip(".,")
    if "," in text and "." in text:
        decimal = max(text.rfind(","), text.rfind("."))
        whole, rest = re.sub(r"[.,]", "", text[:decimal]), text[decimal + 1 :]
        return float(f"{whole}.{rest}") * factor
    if matched := re.fullmatch(r"(-?\d{1,3})((?:[.,]\d{3})+)", text):
        return float(matched[1] + re.sub(r"[.,]", "", matched[2])) * factor
    return float(text.replace(",", ".")) * factor


def _noun(text: str) -> str:
    """A noun phrase without the words that only open it."""
    tokens = text.strip(" ,.;:").split()
    while tokens and tokens[0].lower() in word_set("articles") | {"been", "being", "a", "the"}:
        tokens = tokens[1:]
    return " ".join(tokens)
