"""Reads one sentence: look-back, dates, filters, dimensions, grain, and what is measured."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace

from crew.drafting.clause_reader import (
    denies,
    denies_wish,
    in_plain_words,
    is_courtesy,
    kept_phrase,
    split_clauses,
)
from crew.drafting.date_points import plain_dates, unclear_points
from crew.drafting.date_words import both_spans, find_date_span, unclear_dates, without_all_time
from crew.drafting.figure_words import take_figures, with_times_told
from crew.drafting.figures import is_mark
from crew.drafting.metric_reading import split_aggregation
from crew.drafting.vocabulary import grain_words, phrase_pattern, stems, word_set, words
from crew.drafting.wish import LookBackWish, Phrase, Wish

_UNITS = r"(?P<unit>days?|weeks?|months?|quarters?|years?)"
_LOOK_BACK = re.compile(
    r"(?:\b(?:over|in|for|during|within|of|from)\s+)?(?:the\s+)?"
    r"\b(?:last|past|previous|trailing|rolling|recent)\s+(?:(?P<n>\d+|[a-z]+)[\s-]+)?"
    + _UNITS
    + r"\b",
    re.I,
)
_OVER_BACK = re.compile(
    r"\b(?:over|within|in)\s+(?P<n>\d+)[\s-]+"
    + _UNITS
    + r"\b(?!\s+(?:after|of|from|before|since|later))",
    re.I,
)
# `last month` is the one of the calendar; `over the past month` are thirty days or so.
_LAST_ONE = re.compile(r"(?:(?:in|for|of|from)\s+)?(?:the\s+)?(?:last|previous)\s+[a-z]+$", re.I)
_CURRENT = re.compile(
    r"\b(?:in\s+|for\s+|of\s+|during\s+)?(?:(?:this|the\s+current|current)\s+"
    r"(?P<unit>week|month|quarter|year)(?:\s+(?:so\s+far|to\s+date))?|since\s+(?:the\s+)?(?:beginning|start)\s+of\s+(?:the|this)\s+(?P<unit3>week|month|quarter|year)|(?P<unit2>week|month|quarter|year)[\s-]to[\s-]date|(?P<short>[wmqy]td))\b",
    re.I,
)
_TO_DATE = {"wtd": "week", "mtd": "month", "qtd": "quarter", "ytd": "year"}
_NUMBERS = {
    w: n
    for n, w in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        start=1,
    )
} | {"thirty": 30, "sixty": 60, "ninety": 90}
_GAPS = re.compile(
    r"\b(?:no|without|fill(?:ing)?(?: the)?) gaps\b|\bgap[- ]free\b|\bzero[- ]fill\w*"
    r"|\bcontinuous\s+(?:series|axis|dates?|days|time(?:line)?)\b"
    r"|\b(?:shows?|shown|with|as|appears?|there|have|listed|counts?)\b[^.,;]{0,25}[`'\"]?\b(?:zero|0)\b"
    r"|\b(?:also|including|even)\b.{0,30}\b(?:without any|with no|without)\b",
    re.I,
)
_PERIODS_FIRST = re.compile(r"\W*(?:the\s+)?(?:days|weeks|months|quarters|years|periods)\b", re.I)
_ROW_PER = re.compile(
    r"\b(?:one|1|a|single)\s+(?:row|line|record)\s+(?:for\s+each|for\s+every|per|for)\b", re.I
)
_BREAK = " | "
_DASH = re.compile(r"(?<!\d)\s+[-–—]\s+(?!\d)")


_HAVING = re.compile(
    r"\b(?P<who>\w+s)\s+(?:(?:who|that|which)\s+)?(?:(?:have|has|had)\s+)?"
    r"(?:placed|made|bought|booked|submitted|opened|filed|created|raised|with|having|had)\s+"
    r"(?:at least (?:one|1)|one or more|an?|any|some)?\s*(?P<what>\w+(?: \w+s)?)\b",
    re.I,
)


def _having(matched: re.Match[str]) -> str:
    """`customers with orders` as one phrase; a comparison or a plain noun narrows, it does not."""
    follows = matched.string[matched.end() :].split()[:1]
    has_mark = any(map(is_mark, [*matched["what"].split(), *follows]))
    first = matched["what"].split()[0].lower()
    no_noun = first in word_set("stops") | word_set("articles") | grain_words().keys()
    return matched.group() if has_mark or no_noun else f"{matched['who']}~{matched['what']}"


def read_clause(clause: Phrase, wish: Wish) -> None:
    """Add what one sentence asks for to the wish, by the place it stands in; an aside that says
    nothing that is understood stays prose."""
    before = deepcopy(wish) if clause.place == "aside" else None
    for part in split_clauses(with_times_told(clause.text)):
        _read_part(replace(clause, text=in_plain_words(part)), wish)
    if wish == before:
        wish.prose.append(clause.quote)


def _read_part(clause: Phrase, wish: Wish) -> None:
    text = _EACH.sub(r"\g<what> by \g<who>", _WRAPPED.sub("", plain_dates(clause.text)))
    text = _take_moment(_DASH.sub(_BREAK, text), wish)
    text = _take_scope(text, clause, wish)
    if gaps := _GAPS.search(text):
        if denies(text[: gaps.start()]):
            wish.denied.append(clause)
            return
        wish.fill_gaps = True
        names_figure = split_aggregation(text)[0] is not None or (
            clause.item and not _PERIODS_FIRST.match(text)
        )
        if clause.place != "title" and not names_figure:
            # Such a sentence says what an empty period looks like, not what is counted.
            return
        text = _GAPS.sub(_BREAK, text)
    text = without_all_time(text).replace("|", _BREAK)
    text = take_figures(text, clause.quote, wish.figures)
    unclear, text = unclear_points(text)
    wish.unclear_dates += unclear
    text = _take_dating(text, clause, wish)
    text = _take_current(_take_look_back(text, clause, wish), clause, wish)
    text = _take_dates(text, wish)
    text = _take_filters(text, clause, wish)
    if clause.place in {"title", "wish"} and re.search(
        r"\bhow many\b|\bnumber of\b|\bcount of\b", text, re.I
    ):
        text = _HAVING.sub(_having, text)
    row_per = _ROW_PER.search(text)
    if row_per:
        what, _ = _phrase_after(text, row_per.end())
        if what and not _only_grain(what) and wish.row_per is None:
            wish.row_per = replace(clause, text=what)
    text = _ROW_PER.sub(" per ", text)
    if clause.place == "acceptance" and is_figure(text):
        clause = replace(clause, place="wish", item=True)
    if clause.place in {"acceptance", "aside"} and not row_per:
        wish.leftovers.extend(_limits_left(text, clause))
        return
    text = _take_dimensions(text, clause, wish)
    text = _take_attributes(text, clause, wish)
    text = _take_grain(text, clause, wish)
    if clause.place not in {"acceptance", "aside"}:
        wish.metrics.extend(_metric_phrases(text, clause, wish))


def is_figure(text: str) -> bool:
    """Whether a line of a list of criteria asks for a figure rather than what has to hold."""
    return bool(_FIGURE.search(text)) and not set(words(text)) & _CHECKS


_CHECKS = {"is", "are", "was", "were", "must", "should", "has", "have", "will", "can", "match", "matches", "equal",
           "equals", "sums", "add", "adds", "agree", "agrees", "same"}  # fmt: skip
_FIGURE = re.compile(r"\b(?:number|count|average|median|share|total)\s+of\b|\bhow\s+many\b", re.I)


def _limits_left(text: str, clause: Phrase) -> list[Phrase]:
    """What a remark says of rows beside what was taken from it: `only leases | with status open`."""
    parts = [p.strip(" .;:") for p in re.split(rf"[,;]|{re.escape(_BREAK.strip())}", text)]
    opens = re.compile(r"(?:with|where|whose|having|from|in)\s+\w", re.I)
    return [
        replace(clause, text=part)
        for part in parts
        if any(map(is_mark, part.split()))
        or (
            clause.place == "aside"
            and opens.match(part)
            and not set(words(part)) & grain_words().keys()
        )
    ]


_DATING = re.compile(
    r"(?:\bdated\s+)?\b(?P<how>by|per|for\s+each|each|every|and)\s+(?:the\s+)?(?P<grain>\w+)\s+(?:of\s+(?:the\s+|their\s+|its\s+)?|in\s+which\s+(?:they|it)\s+(?:was|were|is|are)\s+)"
    r"(?P<date>(?:(?!\b(?:and|by|per|for|of|only|which|that|year|day|week|month|\d+)\b)\w+\s?){1,3}?)(?=\s*(?:[,;:|().!?]|$|\b(?:and|by|per|for|of|only|with|in|from|at|where|who|which|that)\b))",
    re.I,
)
_DATED = re.compile(
    r"\b(?:dated\s+by|according\s+to|based\s+on|using|going\s+by)\s+(?:the\s+|their\s+)?(?P<date>(?:\w+\s){0,2}?(?:date|day|time|timestamp))\b",
    re.I,
)


# `for 2025 (booking_date)`
_YEAR_OF = re.compile(r"\b(?:19|20)\d\d(?P<by>\s*\(?\s*(?P<date>col\d+)\s*\)?)")
_BY_DATE = re.compile(
    r"\(\s*(?:by\s+|on\s+|dated\s+by\s+)?(?:the\s+)?(?P<date>(?:\w+\s){0,1}"
    r"(?:date|booking|departure|arrival|delivery|order|signup|creation|col\d+))\s*(?:\)|,\s*all\s+(?:states?|status(?:es)?|kinds?)\s*\))"
    r"|\(\s*(?:week|month|day|quarter|year|date)?\s*of\s+(?:the\s+|their\s+|its\s+)?(?P<date3>\w+(?:\s\w+)?)\s*\)"
    r"|\bby\s+(?:the\s+)?(?:date|day|time)\s+of\s+(?:the\s+|their\s+|its\s+)?(?P<date4>\w+)"
    r"|\bby\s+(?:the\s+)?(?P<date2>(?:\w+\s){0,2}(?:date|timestamp))\b",
    re.I,
)


def _take_dating(text: str, clause: Phrase, wish: Wish) -> str:
    """`by month of the invoice date`: the grain, and which date puts a row into a period."""
    for dating in _DATING.finditer(text):
        if dating["grain"].lower() in grain_words():
            wish.dated_by = wish.dated_by or replace(clause, text=dating["date"].strip())
            return (
                f"{text[: dating.start()]} {dating['how']} {dating['grain']} {text[dating.end() :]}"
            )
    if matched := _YEAR_OF.search(text):
        wish.dated_by = wish.dated_by or replace(clause, text=matched["date"])
        return f"{text[: matched.start('by')]} {text[matched.end('by') :]}"
    if wish.grain is None and not (set(words(text)) & grain_words().keys()):
        return text
    if matched := _BY_NAMED.search(text):
        wish.dated_by = wish.dated_by or replace(clause, text=matched["date"])
        return f"{text[: matched.end('grain')]} {text[matched.end() :]}"
    if matched := _DATED.search(text) or _BY_DATE.search(text):
        groups = matched.groupdict()
        said = next(
            (groups[n] for n in ("date", "date2", "date3", "date4") if groups.get(n)), ""
        ).strip()
        wish.dated_by = wish.dated_by or replace(clause, text=said)
        return text[: matched.start()] + " " + text[matched.end() :]
    return text


_MOMENTS = re.compile(
    r"\b(?:as\s+of|at|on|by)\s+(?:the\s+)?(?:(?P<end>end|close|last\s+day)|(?P<start>start|beginning|first\s+day))\s+of\s+"
    r"(?:each|every|the|a)\s+(?P<grain>day|week|month|quarter|year)\b|\bat\s+(?P<short>month|quarter|year|week)[\s-]end\b",
    re.I,
)


def _take_moment(text: str, wish: Wish) -> str:
    """`at the end of each month`: when a state is looked at, and the grain."""
    matched = _MOMENTS.search(text)
    if not matched:
        return text
    wish.figures.moment = "period_start" if matched["start"] else "period_end"
    grain = (matched["grain"] or matched["short"]).lower()
    return f"{text[: matched.start()]} per {grain} {text[matched.end() :]}"


_BY_NAMED = re.compile(
    r"\b(?:by|per|each|every|and)\s+(?P<grain>day|week|month|quarter|year)\s+(?:of\s+|by\s+)?(?P<date>col\d+)\b",
    re.I,
)
_NOUNS = "|".join(sorted(word_set("wrapping_nouns"), key=len, reverse=True))
_WRAPPED = re.compile(
    rf"(?:\b(?:a|an|the|one|new|simple|small)\s+)*\b(?:{_NOUNS})\s+(?:with|showing|containing|listing|(?:that|which)\s+(?:shows?|has|lists?|contains?))\s+",
    re.I,
)
_EACH = re.compile(
    r"\b(?:each|every)\s+(?P<who>\w+(?:\s\w+)?)['’]s\s+(?P<what>\w+(?:\s(?!and\b|in\b|by\b|per\b)\w+)?)",
    re.I,
)
_SCOPE = re.compile(
    r"^\W*(?:for|of|among|out\s+of|considering)\s+(?!each\b|every\b|any\b)(?:all\s+|the\s+|our\s+)*(?P<what>(?:[\w-]+\s){0,3}?[\w-]+)\s*(?P<told>\([^()]{1,60}\)\s*)?(?:[,:]\s*(?=\S)(?!(?:what|which|the|how)\s+(?:share|percent|percentage|proportion|fraction|part|many)\b)|$)",
    re.I,
)


# `In Dublin, number of trips`
_PLACE = re.compile(
    r"^\W*(?:[Ii]n|[Ff]rom|[Aa]t)\s+(?P<what>[A-Z][\w-]+(?:\s[A-Z][\w-]+)?)\s*[,:]\s+(?=\w)"
)


def _take_scope(text: str, clause: Phrase, wish: Wish) -> str:
    """`For paid invoices, …`: the rows that all that follows is about."""
    place = _PLACE.match(text)
    if place and find_date_span(place.group())[0] is None and not _only_grain(place["what"]):
        wish.inclusions.append(replace(clause, text=place["what"]))
        return text[place.end() :]
    matched = _SCOPE.match(text)
    if not matched or len(matched["what"].split()) < 2 or _only_grain(matched["what"]):
        return text
    what = f"{matched['what']} {(matched['told'] or '').strip(' ()')}".strip()
    wish.scopes.append(replace(clause, text=take_figures(what, clause.quote, wish.figures)))
    return text[matched.end() :]


def _take_look_back(text: str, clause: Phrase, wish: Wish) -> str:
    for pattern in (_LOOK_BACK, _OVER_BACK):
        if matched := pattern.search(text):
            raw = (matched.group("n") or "1").lower()
            count = int(raw) if raw.isdigit() else _NUMBERS.get(raw)
            if count is None:
                continue
            unit = matched.group("unit").lower().rstrip("s")
            calendar = "previous" if raw == "1" and _LAST_ONE.match(matched.group()) else ""
            if wish.look_back is None:
                wish.look_back = LookBackWish(count, unit, clause.quote, calendar)
            return text[: matched.start()] + _BREAK + text[matched.end() :]
    return text


def _take_current(text: str, clause: Phrase, wish: Wish) -> str:
    matched = _CURRENT.search(text)
    if not matched or _NOT_DATED.search(text[: matched.start()]):
        return text
    unit = (
        matched["unit"]
        or matched["unit2"]
        or matched["unit3"]
        or _TO_DATE[matched["short"].lower()]
    )
    current = LookBackWish(1, unit.lower(), clause.quote, "current")
    if wish.look_back and replace(wish.look_back, quote=clause.quote) != current:
        return text  # `this year` said twice is one wish
    wish.look_back = current
    return text[: matched.start()] + _BREAK + text[matched.end() :]


_NOT_DATED = re.compile(r"\b(?:except|not|without|excluding|vs\.?|versus|than|to)\s*$", re.I)


def _before(text: str, rest: str) -> str:
    """What two texts begin with alike."""
    pairs = enumerate(zip(text, rest, strict=False))
    return text[: next((n for n, (a, b) in pairs if a != b), len(rest))]


# `number of invoices of accounts created in 2024`: the date is one of the accounts.
_OF_OTHERS = re.compile(
    r"\b(?:number|count|sum|total|average|share|amount|many)\s+(?:of\s+)?(?:the\s+|all\s+)?(?:\w+\s+){0,2}?"
    r"(?P<first>\w+)\b.*?\b(?:of|for|from|by|among)\s+(?:the\s+|all\s+|our\s+|those\s+)*"
    r"(?P<what>(?P<noun>\w+)\s+(?:(?:who|that|which)\s+)?(?:(?:were|was|are|have|had|has|been|first)\s+)*"
    r"(?:\w+ed|born|began|begun|bought|came|became|sold|sent|left|made|won|lost|paid)"
    r"(?:\s+(?:up|on|out|in|us))?\s*)$",
    re.I,
)


def _take_dates(text: str, wish: Wish) -> str:
    span, rest = find_date_span(text)
    while span is not None:
        if others := _OF_OTHERS.search(_before(text, rest)):
            said = others["noun"].lower().removesuffix("s")
            if said != others["first"].lower().removesuffix("s"):
                wish.unclear_dates.append(f"{others['what'].strip()} {span.quote}")
                text = rest.replace("|", _BREAK)
                span, rest = find_date_span(text)
                continue
        together = both_spans(wish.date_span, span) if wish.date_span else span
        if together is None:
            wish.unclear_dates.append(span.quote)
        wish.date_span = together or wish.date_span
        text = rest.replace("|", _BREAK)
        span, rest = find_date_span(text)  # `in 2025 and its share of the total of 2025`
    for quote in unclear_dates(text):
        wish.unclear_dates.append(quote)
        text = text.replace(quote, _BREAK)
    return text


def _take_filters(text: str, clause: Phrase, wish: Wish) -> str:
    if kept := kept_phrase(text):
        phrase, end = _phrase_after(text, kept.end())
        wish.kept.extend(replace(clause, text=p) for p in listed(phrase))
        return _take_filters(_BREAK + text[end:], clause, wish)
    if tail := phrase_pattern("inclusion_tails").search(text):
        before = re.split(r"[,|:]| and | but ", text[: tail.start()])[-1]
        if subject := _trim(before):
            wish.kept.append(replace(clause, text=subject))
        head = text[: tail.start() - len(before)]
        return _take_filters(head + _BREAK + text[tail.end() :], clause, wish)
    tail = tail_match(text)
    if tail is not None:
        before = re.split(r"[,|:]| and | but ", text[: tail.start()])[-1]
        if any(map(is_mark, before.split())):
            subject = _trim(re.sub(r"\([^()]*\)", "", before))  # `orders with status X (cancelled)`
        else:
            before = re.split(r"\(| with | where ", before)[-1]
            subject = _trim(before)
        if subject:
            wish.exclusions.append(replace(clause, text=subject))
        head = text[: tail.start() - len(before)]
        return _take_filters(head + _BREAK + text[tail.end() :], clause, wish)
    pieces = []
    position = 0
    for matched in phrase_pattern("exclusions").finditer(text):
        if matched.start() < position:
            continue
        phrase, end = _rows_after(text, matched.end())
        if phrase:
            wish.exclusions.extend(replace(clause, text=p) for p in listed(phrase))
        pieces.append(text[position : matched.start()] + _BREAK)
        position = max(end, matched.end())
    text = "".join(pieces) + text[position:]
    return _take_only(text, clause, wish)


def tail_match(text: str) -> re.Match[str] | None:
    return phrase_pattern("exclusion_tails").search(text)


_ONLY = re.compile(
    r"\b(?:only(?:\s+(?:count|include|for|consider|use))?|just|(?:limit|restrict)(?:ed)?"
    r"(?:\s+(?:this|it|them|that|the \w+))?\s+to)\b",
    re.I,
)


# `only those with a voucher`, `only the ones that are open`: what is said of the rows.
_THOSE = re.compile(
    r"\s*(?:the\s+)?(?:those|these|ones?|rows|records|that|which|such)\b(?:\s+(?:ones?|rows))?"
    r"(?:\s+(?:that|which|who))?(?:\s+(?:are|is|were|was|got))?\s+(?=\w)",
    re.I,
)
# `only payments with status = open`: the rows, and what is said of them.
_STATED = re.compile(r"\s*(?:with|where|whose|having)\s+[^|,;]*", re.I)


def _take_only(text: str, clause: Phrase, wish: Wish) -> str:
    matched = _ONLY.search(text)
    if not matched:
        return text
    before = re.split(r"[,|:(]", text[: matched.start()])[-1]
    if _THOSE.match(text, matched.end()) and not denies(text[: matched.start()]):
        told, end = _rows_after(text, matched.end())
        kind = wish.leftovers if _NARROWS.match(told) else wish.inclusions
        kind.append(replace(clause, text=told))
        return _take_only(text[: matched.start()] + _BREAK + text[end:], clause, wish)
    after, end = _phrase_after(text, matched.end())
    if denies(text[: matched.start()]):
        wish.denied.append(clause)
        return text[: matched.start()] + _BREAK + text[end:]
    if after and not re.match(r"^\s*(?:$|[).,;])", text[matched.end() :]):
        wish.inclusions.append(replace(clause, text=after))
        stated = _STATED.match(text, end)
        if stated and any(map(is_mark, stated.group().split())):
            wish.leftovers.append(replace(clause, text=stated.group().strip()))
            end = stated.end()
        return _take_only(text[: matched.start()] + _BREAK + text[end:], clause, wish)
    if re.match(r"\s*\|", text[matched.end() :]) and is_courtesy(before):
        return text[: matched.start()] + text[matched.end() :]  # `only in 2024`, the date is read
    if subject := _trim(before):
        wish.inclusions.append(replace(clause, text=subject))
        keep = text[: matched.start() - len(before)]
        # What is restricted may be the metric itself ("completed orders only"): it stays there.
        return (
            keep
            + (before if "," not in text[: matched.start()] else _BREAK)
            + text[matched.end() :]
        )
    return text


def _phrase_after(text: str, start: int) -> tuple[str, int]:
    """The noun phrase that begins at `start`, up to a stop word or a break, and where it ends."""
    end = start
    for matched in re.finditer(r"\S+", text[start:]):
        token = matched.group().lower()
        bare = token.strip('().,;:!?"“”')
        if (token.startswith(("|", "(", "[")) or token in {"-", "–", "—"}) and end > start:
            break
        if (bare in word_set("stops") or bare == "plus") and end > start:
            break
        end = start + matched.end()
        if token[-1] in ".;:!?)":
            end -= len(token) - len(token.rstrip(":)"))  # a colon announces what follows it
            break
    return _trim(text[start:end]), end


_NARROWS = re.compile(r"\s*(?:from|in|with|who|that|which|where|whose|at|over)\b(?=\s+\w)", re.I)


def _rows_after(text: str, start: int) -> tuple[str, int]:
    """The noun phrase that begins at `start` with what narrows it: `visits with a high fee`; of
    `those from Graz` what is said of them."""
    those = _THOSE.match(text, start)
    phrase, end = _phrase_after(text, those.end() if those else start)
    while phrase and (narrows := _NARROWS.match(text, end)):
        more, end = _phrase_after(text, narrows.end())
        phrase = f"{phrase} {narrows.group().strip()} {more}"
    return phrase, end


def listed(phrase: str) -> list[str]:
    """The parts of a list in words: `a, b and c`."""
    parts = re.split(r",|&|/|\bas well as\b|\band then\b|\bthen\b|\band\b|\bor\b|\+", phrase)
    return [p for p in (_trim(x) for x in parts) if p]


def _trim(text: str) -> str:
    """Without articles, punctuation and quotes at the ends."""
    text = text.strip(" \t,.;:!?()[]\"'“”`|")
    tokens = text.split()
    while tokens and tokens[0].lower() in word_set("articles"):
        tokens = tokens[1:]
    while tokens and tokens[-1].lower() in word_set("articles") | {"and", "or", "of"}:
        tokens = tokens[:-1]
    return " ".join(tokens)


_SPLIT_WORDS = re.compile(
    r"\b(?:broken down|break down|breakdown|split up|splitted|split|grouped|group|sliced|segmented"
    r"|separated|differentiated)\s+by\b",
    re.I,
)


# `for each plan and each month`
_FURTHER = re.compile(
    rf"\s*(?:(?:and|,|,\s*and)\s+)?(?:{phrase_pattern('splitters').pattern}|\b(?:each|every)\b)",
    re.I,
)


def _take_dimensions(text: str, clause: Phrase, wish: Wish) -> str:
    splitter = phrase_pattern("splitters")
    text = _SPLIT_WORDS.sub("by", text)
    while matched := splitter.search(text):
        end = matched.end()
        pieces = []
        while True:
            phrase, end = _split_after(text, end)
            pieces.append(phrase)
            follows = _FURTHER.match(text, end)
            if not follows:
                break
            end = follows.end()
        if denies(text[: matched.start()]):
            wish.denied.append(clause)
            pieces = []
        for piece in (p for phrase in pieces for p in listed(phrase)):
            grain = _only_grain(piece)
            if grain:
                _set_grain(grain, clause, wish)
            else:
                wish.dimensions.append(replace(clause, text=piece))
        text = text[: matched.start()] + _BREAK + text[end:]
    return text


# `top 10 customers by revenue, with city`
_ITEM = r"[a-z]\w*(?:\s(?!and\b)\w+){0,3}"
_SHOWN_WITH = re.compile(
    r"[,|]\s*(?:together\s+|along\s+)?with\s+(?:the\s+|their\s+|its\s+)?"
    rf"(?P<what>{_ITEM}(?:(?:,\s*|\s+and\s+){_ITEM})*)\s*(?=$|[.;|])",
    re.I,
)


def _take_attributes(text: str, clause: Phrase, wish: Wish) -> str:
    """What a ranking shows of each place besides its figure, such as its city: columns, no rows."""
    top, shown = wish.figures.top, _SHOWN_WITH.search(text)
    if not shown or top is None or top.quote != clause.quote:
        return text
    parts = listed(shown["what"])
    if any(map(is_mark, shown["what"].split())):
        return text
    ranked = set(stems(top.by))  # `…, with name and amount`: the amount is what is ranked
    figures = [p for p in parts if split_aggregation(p)[0] is not None]
    columns = [p for p in parts if p not in figures and not set(stems(p)) <= ranked]
    wish.dimensions += [replace(clause, text=p) for p in columns]
    rest = "".join(f"{_BREAK}with {p}" for p in figures)
    return text[: shown.start()] + rest + _BREAK + text[shown.end() :]


_FIGURE_AFTER = re.compile(
    r"(?<=\w)\s+(?:the\s+)?(?=(?:number|count|sum|share|percentage)\s+of\b|how\s+many\b|the\s+(?:average|total|median)\b)",
    re.I,
)


_TOGETHER = re.compile(r",?\s+(?:together|along)$", re.I)


def _split_after(text: str, start: int) -> tuple[str, int]:
    """What follows `by`, up to the first figure: `per reason, the number of delays`."""
    phrase, end = _phrase_after(text, start)
    if joint := _TOGETHER.search(phrase):
        return _trim(phrase[: joint.start()]), end - len(joint.group())
    if figure := _FIGURE_AFTER.search(text, start, end):  # `per band the number of tickets`
        return _trim(text[start : figure.start()]), figure.start()
    for comma in re.finditer(r",\s*", text[start:end]):
        after = text[start + comma.end() : end]
        first = _trim(re.split(r",|\band\b", re.sub(r"^and\s+", "", after))[0])
        if split_aggregation(first)[0] is not None:
            return _trim(text[start : start + comma.start()]), start + comma.start()
    return phrase, end


def _only_grain(piece: str) -> str | None:
    left = [w for w in words(piece) if w not in word_set("articles") | {"calendar", "iso", "full"}]
    if len(left) > 1 and left[1] not in {"starting", "beginning"}:
        return None
    return grain_words().get(left[0]) if left else None


def _take_grain(text: str, clause: Phrase, wish: Wish) -> str:
    kept: list[str] = []
    for token in text.split(" "):
        bare = token.strip(",.;:()?!").lower()
        if kept and kept[-1].lower() == "in" and bare.endswith("s") and bare in grain_words():
            kept.pop()  # `in hours` is a unit
            continue
        if kept and bare.endswith("s") and re.fullmatch(r"\d+|x|n|few|several", kept[-1].lower()):
            kept.append(token)  # `within 3 days` is a span
            continue
        grain = grain_words().get(token.strip(",.;:()?!").lower())
        if kept and bare.endswith("s") and _IS_NUMBERED.search(" ".join(kept[-2:])):
            grain = None  # `average hours` are a number
        if clause.place == "title" and bare.endswith("s") and kept and grain:
            grain = None  # `Rush hours`
        if kept and bare in _ONE_PERIOD and kept[-1].lower() in _OF_THEM:
            grain = None  # `a good start into the new year`
        if grain is None:
            kept.append(token)
        elif denies(" ".join(kept)):
            wish.denied.append(clause)
        else:
            _set_grain(grain, clause, wish)
    return " ".join(kept)


_ONE_PERIOD = {"day", "week", "month", "quarter", "year", "hour"}
_OF_THEM = {
    "the",
    "a",
    "an",
    "new",
    "whole",
    "full",
    "good",
    "busy",
    "coming",
    "same",
    "that",
    "first",
    "one",
}
_IS_NUMBERED = re.compile(
    r"\b(?:average|avg|mean|median|total|sum of|number of|how many|minimum|maximum|in)$", re.I
)


def _set_grain(grain: str, clause: Phrase, wish: Wish) -> None:
    """The first grain said counts; another one in the same sentence has to be settled."""
    titles = {c.quote for c in wish.clauses if c.place == "title"}
    is_closer = clause.place != "title" and clause.quote not in wish.said_later
    if wish.grain is None or (wish.grain[1] in titles and is_closer):
        wish.grain = (grain, clause.quote)
    elif wish.grain[0] != grain and wish.grain[1] == clause.quote:
        wish.other_grains.append((grain, clause.quote))


_RESTRICTS = ("for", "in", "of", "from", "with", "where", "under", "over", "above", "below", "not",
              "among", "whose", "who", "that", "which", "having", "at", "between", "within", "to",
              "more", "less", "when", "if", "vs", "versus", "via", "through", "on", "except")  # fmt: skip


def _metric_phrases(text: str, clause: Phrase, wish: Wish) -> list[Phrase]:
    """Noun phrases of what is left, each a candidate for a metric; the rest is left over."""
    found: list[Phrase] = []
    announced = wishing = clause.item
    is_figure = bool(
        phrase_pattern("splitters").search(clause.quote)
        or set(words(clause.quote)) & grain_words().keys()
        or any(w.quote == clause.quote for w in wish.figures.derived)
        or (wish.figures.top is not None and wish.figures.top.quote == clause.quote)
    )
    segments = re.findall(r"([^|;:()?!]*)([|;:()?!]|$)", text)
    told = [split_aggregation(s.strip())[0] is not None for s, _ in segments]
    for n, (segment, end) in enumerate(segments):
        if end == ":" and not told[n] and any(told[n + 1 :]) and _HEADS.match(segment):
            wish.passed_over.append(replace(clause, text=segment.strip()))
            wish.leftovers.append(replace(clause, text=_HEADS.sub("", segment).strip()))
            continue  # `distribution of terms: number of contracts per term`
        asked = clause.place == "wish" or re.search(r"\bhow many\b", segment, re.I)
        wished = _wished(segment, announced, is_figure) if asked else segment
        if asked and wished and denies_wish(segment.removesuffix(wished)):
            wish.denied.append(clause)
            continue
        if asked and _WHETHER.match(wished):
            wish.passed_over.append(replace(clause, text=segment.strip()))
            wish.prose.append(segment.strip())
            continue  # `would like to know whether members come back`
        if asked and (rest := _after_how_many(segment)):
            wish.leftovers.append(replace(clause, text=rest, item=True))
        added = bool(_ADDED.search(segment))
        if before := segment.removesuffix(wished).strip():
            wish.passed_over.append(replace(clause, text=before))
            limit = before.strip(" ,.")
            if not wished and _ADDED_ROWS.match(limit):
                wish.kept.append(replace(clause, text=_ADDED_ROWS.sub("", limit), added=True))
            elif not wished and clause.place == "wish" and limit.split(" ")[0].lower() in _LIMITING:
                wish.leftovers.append(replace(clause, text=limit, item=True))
        wishing = wishing or bool(phrase_pattern("wishes").search(segment))
        announced = clause.item or (end == ":" and wishing)
        if asked and re.search(r"\bhow\s+(?:long|fast|quickly|often|far|old)\b", segment, re.I):
            found.append(replace(clause, text=segment.strip(), item=True))
            continue
        if how_much := _HOW_MUCH.search(segment):
            earned = re.fullmatch(r"make|earn|get|take|receive|collect", how_much["what"], re.I)
            what = "" if earned else how_much["what"]
            found.append(replace(clause, text=f"sum of {what} amount"))
            if rest := segment[how_much.end() :].strip():
                wish.leftovers.append(replace(clause, text=rest, item=True))
            continue
        for n, part in enumerate(_listed_metrics(wished)):
            opening = part.split()[0].lower().strip(",.") if part.split() else ""
            if found and (figure := _figure_with(part)):
                part, opening = figure, ""
            if found and opening in _RESTRICTS:
                wish.leftovers.append(replace(clause, text=part.strip()))
                continue
            names_one = split_aggregation(part)[0] is not None or any(map(is_mark, part.split()))
            prose = (opening in word_set("stops") or len(part.split()) > 6) and not names_one
            if n and clause.place == "wish" and prose:
                wish.passed_over.append(replace(clause, text=part))
                break
            done = _DONE_WITH.match(part)
            is_verb = done and done["verb"] not in _NO_VERBS | word_set("stops")
            if done and is_verb and split_aggregation(part)[0] is None:
                wish.passed_over.append(replace(clause, text=done.group().strip()))
                part = part[done.end() :]
            cleaned, rest = _head(part)
            if cleaned:
                found.append(replace(clause, text=cleaned, added=added))
            if cleaned and (figure := _figure_with(rest)):
                found.append(replace(clause, text=_head(figure)[0]))
            elif rest and (found or clause.place == "title"):
                added_rest = bool(_ADDED.match(rest))
                wish.leftovers.append(replace(clause, text=rest, added=added_rest))
    return found


def _figure_with(part: str) -> str:
    """`with the number of orders` behind a figure is another one; empty for what narrows rows."""
    opens = re.match(r"\W*(?:together\s+|along\s+)?with\s+", part, re.I)
    rest = part[opens.end() :] if opens else ""
    if not rest or any(map(is_mark, rest.split())):
        return ""
    theirs = re.match(r"(?:their|its)\s+(?=\w)", rest, re.I)
    if theirs:
        return rest[theirs.end() :]
    return rest if split_aggregation(rest)[0] is not None else ""


_WHETHER = re.compile(r"\W*(?:whether|if|why)\b", re.I)
_HEADS = re.compile(
    r"\W*(?:the\s+|an?\s+)?(?:distribution|overview|breakdown|analysis|summary|development|comparison|structure|statistics|evolution)\b",
    re.I,
)
_LIMITING = {"where", "whose", "with", "having", "under", "over", "above", "below", "among",
             "in", "for", "from", "at", "of", "to", "within", "outside", "between"}  # fmt: skip
_ADDED = re.compile(r"\b(?:include[sd]?|including|add|also|too|as well|additionally)\b", re.I)
_ADDED_ROWS = re.compile(r"(?:also\s+)?(?:including|include)\s+(?:the\s+|all\s+)?(?=\w)", re.I)
_HOW_MUCH = re.compile(
    r"\bhow much\s+(?:money\s+)?(?:(?:do|did|does|have|has|was|is|were|are)\s+)?"
    r"(?:(?:we|they|customers?|clients?|people|users?|each \w+|every \w+)\s+)?"
    r"(?:(?:have|has|was|is|were|are|been)\s+)*(?P<what>\w+)",
    re.I,
)


def _after_how_many(segment: str) -> str:
    """What a question says of the things it counts: `how many accounts have never paid`."""
    how_many = re.search(r"\bhow many\b", segment, re.I)
    if how_many is None:
        return ""
    _, end = _phrase_after(segment, how_many.end())
    rest = segment[end:].strip(" |")
    said = [w for w in words(rest) if w not in word_set("stops") | word_set("articles") | _NOISE]
    return rest if said else ""


_NOISE = frozenset(
    ["there", "exist", "existing", "place", "placed", "made", "had", "seen", "currently", "now", "total",
     "altogether", "overall", "come", "came", "in", "up", "happen", "happened", "occurred", "used", "us",
     "send", "get", "receive", "process", "create", "record", "handle", "issue", "write", "see", "serve"]
)  # fmt: skip


def _wished(segment: str, announced: bool, is_figure: bool) -> str:
    """What a segment of a sentence wishes for: what follows its last wishing word."""
    how_many = re.search(r"\bhow many\b", segment, re.I)
    if how_many:
        rest, _ = _phrase_after(segment, how_many.end())
        return f"how many {rest}"
    marks = list(phrase_pattern("wishes").finditer(segment))
    if marks:
        return segment[marks[-1].end() :]
    if framed := _FRAMED.match(segment):
        return segment[framed.end() :]
    if announced or re.search(r"\bnumber of\b", segment, re.I):
        return segment
    if split_aggregation(segment)[0] is not None or any(map(is_mark, segment.split())):
        return segment
    said = words(segment)
    opens = said[0] if said else ""
    if not is_figure or opens in word_set("stops") | word_set("wishes") | {
        "no",
        "not",
        "never",
        "use",
    }:
        return ""
    if not set(said) & word_set("finite_verbs"):
        return segment  # no statement: `revenue per month, with its share of the total`
    return ""


# `the board asks for the number of visits`: who asks, before the figure.
_FRAMED = re.compile(
    r"\W*(?:(?!\b(?:and|or|with|without|where|whose|not|no|only|than|is|are|was|means|per|by|in|of|from)\b)[A-Za-z]+\s+){1,5}"
    r"(?:for|about|on)\s+(?:the\s+|an?\s+|our\s+)?(?=(?:total\s+)?(?:number|count|share|percentage|sum)\s+of\b|(?:average|median|total)\s)",
    re.I,
)
# `follow the no-show rate`: no noun phrase of a figure has an article inside, but behind a preposition.
_DONE_WITH = re.compile(
    r"\W*(?:to\s+)?(?P<verb>[a-z]+)\s+(?:up\s+|on\s+|at\s+|into\s+)?the\s+(?=\w)"
)
_NO_VERBS = frozenset(
    ["double", "half", "twice", "triple", "times", "minus", "plus", "less", "all", "both", "incl", "excl", "include",
     "exclude", "including", "of", "and", "or", "also", "bar", "save", "besides", "over", "under", "between", "among",
     "about", "against", "what", "which", "how", "no"]
)  # fmt: skip


def _listed_metrics(segment: str) -> list[str]:
    return _BESIDES.split(segment)


_BESIDES = re.compile(
    r",|&|\bas well as\b|\b(?:together|along) with\b|\bplus\b|\band\b"
    r"|\b(?:next to|beside|alongside)\s+(?:the\s+)?\w+,?\s+(?=the\s)"
    r"|\b(?:next to|beside|alongside)(?:\s+(?:it|that|them))?\b",
    re.I,
)


def _head(part: str) -> tuple[str, str]:
    """The phrase without the words that open a wish, and what follows its first stop word."""
    tokens = [t for t in part.replace("`", " ").split() if t.strip(",.;")]
    while tokens and tokens[0].lower().strip(",.") in word_set("openers") | word_set("articles"):
        tokens = tokens[1:]
    if (
        len(tokens) > 2
        and tokens[1].lower() == "of"
        and tokens[0].lower() in word_set("wrapping_nouns")
    ) and tokens[0].lower() not in {"numbers"}:
        tokens = tokens[2:]
    kept: list[str] = []
    for token in tokens:
        if token.lower().strip(",.") in word_set("stops") and kept:
            break
        kept.append(token)
    return _trim(" ".join(kept)), " ".join(tokens[len(kept) :])


def says_gaps(text: str) -> bool:
    """Whether a sentence says that empty periods should show."""
    return bool(_GAPS.search(text))
