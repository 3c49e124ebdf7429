"""Reads a ticket as people write them into a `Wish`: which words ask for what.

Greeting, background and signature fall away; title, wishes, acceptance list and answers stay.
Nothing here knows the project: phrases are linked to columns later, by `schema_linker`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from crew.artifacts import Request
from crew.drafting.date_words import DateSpan, find_date_span
from crew.drafting.vocabulary import grain_words, phrase_pattern, vocabulary, word_set, words

Place = Literal["title", "wish", "acceptance", "answer", "aside"]


@dataclass(frozen=True)
class Phrase:
    """Words that ask for one thing, where they stand and the sentence they come from."""

    text: str
    place: Place
    quote: str


@dataclass(frozen=True)
class LookBackWish:
    """The last `count` `unit`s."""

    count: int
    unit: str
    quote: str


@dataclass
class Wish:
    """What a ticket asks for, in its own words."""

    metrics: list[Phrase] = field(default_factory=list)
    dimensions: list[Phrase] = field(default_factory=list)
    grain: tuple[str, str] | None = None
    look_back: LookBackWish | None = None
    date_span: DateSpan | None = None
    exclusions: list[Phrase] = field(default_factory=list)
    inclusions: list[Phrase] = field(default_factory=list)
    fill_gaps: bool = False
    acceptance: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    clauses: list[Phrase] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.clauses


def read_ticket(request: Request) -> Wish:
    """The wish of a request; texts that ask for forbidden things are set aside in `ignored`."""
    wish = Wish()
    for clause in _clauses(request, wish):
        wish.clauses.append(clause)
        _read_clause(clause, wish)
    return wish


def read_text(text: str, place: Place) -> Wish:
    """The wish in one sentence, as read in that place."""
    wish = Wish()
    _read_clause(Phrase(text, place, text), wish)
    return wish


# --- from a request to clauses ---------------------------------------------------------------

_FENCE = re.compile(r"```.*?```|<!--.*?-->", re.S)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)]|\[[ xX]?\])\s+(?:\[[ xX]?\]\s*)?")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\s+[–—]\s+")
_TITLE_PREFIX = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*|(?:data )?(?:request|question|kpi|task|story|ticket|feature)\s*[:\-–]\s*)+",
    re.I,
)
_MENTION = re.compile(r"@\S+")


def _clauses(request: Request, wish: Wish) -> list[Phrase]:
    found: list[Phrase] = []
    title = _plain(_TITLE_PREFIX.sub("", request.title))
    for sentence in _sentences(title):
        _keep(Phrase(sentence, "title", sentence), wish, found)
    for phrase in _body_clauses(request.body, wish):
        _keep(phrase, wish, found)
    for comment in request.comments:
        if comment.ours:
            continue
        for sentence in _sentences(_plain(comment.body)):
            if forbidden := _forbidden(sentence):
                wish.ignored.append(f"a comment asks to {forbidden}: “{_short(sentence)}”")
            elif not sentence.endswith("?"):
                wish.answers.append(sentence)
    return found


def _keep(phrase: Phrase, wish: Wish, found: list[Phrase]) -> None:
    if forbidden := _forbidden(phrase.text):
        wish.ignored.append(f"the text asks to {forbidden}: “{_short(phrase.text)}”")
    else:
        found.append(phrase)


def _forbidden(text: str) -> str | None:
    for rule in vocabulary()["forbidden"]:
        if re.search(rule["pattern"], text, re.I):
            return str(rule["what"])
    return None


def _short(text: str) -> str:
    return text if len(text) <= 140 else text[:137] + "…"


def _plain(text: str) -> str:
    text = _LINK.sub(r"\1", _FENCE.sub(" ", text))
    text = _MENTION.sub(" ", text)
    return re.sub(r"[*_]{2,}|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)", "", text)


def _sentences(text: str) -> list[str]:
    return [s.strip(" \t.") for s in _SENTENCE_END.split(text.replace("\n", " ")) if s.strip(" .")]


def _body_clauses(body: str, wish: Wish) -> list[Phrase]:
    """Wish sentences and acceptance lines of a Markdown body, in order."""
    found: list[Phrase] = []
    section: Place | Literal["background"] | None = None
    listing = listed = False
    for line in _paragraph_lines(_plain(body)):
        heading = _heading(line)
        if heading is not None:
            section, listing = heading, False
            continue
        bullet = bool(_BULLET.match(line))
        text = _BULLET.sub("", line).strip()
        if _is_farewell(text):
            break
        if section == "acceptance" and listed and not bullet:
            section = None  # the list is over
        listed = bullet
        if section == "acceptance":
            wish.acceptance.extend(_sentences(text))
            found.extend(Phrase(s, "acceptance", s) for s in _sentences(text))
            continue
        for sentence in _sentences(text):
            if section == "background" and not _forbidden(sentence):
                continue
            asks = _asks(sentence)
            if (bullet and listing) or asks or _forbidden(sentence):
                found.append(Phrase(sentence, "wish", sentence))
            elif _tail_match(sentence) or _ASIDE.search(sentence) or _GAPS.search(sentence):
                found.append(Phrase(sentence, "aside", sentence))
        if not bullet:
            listing = text.endswith(":") and bool(
                _asks(text) or phrase_pattern("wishes").search(text)
            )
    return found


_ASIDE = re.compile(r"\b(?:without|excluding|except|not counting|only)\b", re.I)


def _asks(sentence: str) -> bool:
    """Whether a sentence wishes for something, rather than tells something."""
    opening = sentence.split(maxsplit=1)[0].strip(",:").lower() if sentence.split() else ""
    return (
        bool(phrase_pattern("strong_wishes").search(sentence))
        or opening in word_set("wishes")
        or sentence.endswith("?")
    )


def _paragraph_lines(text: str) -> list[str]:
    """Lines with soft wraps joined: a line that starts in lower case goes on with the last."""
    lines: list[str] = []
    blank = True
    for line in text.splitlines():
        if not line.strip():
            blank = True
            continue
        if line.lstrip().startswith(">"):
            continue
        continues = not blank and not _BULLET.match(line) and not line.lstrip().startswith("#")
        if continues and lines and (line.strip()[0].islower() or not _ends(lines[-1])):
            lines[-1] = f"{lines[-1].rstrip()} {line.strip()}"
        else:
            lines.append(line.strip())
        blank = False
    return lines


def _ends(line: str) -> bool:
    return len(line) < 40 or line.rstrip()[-1:] in ".!?:;,"


def _heading(line: str) -> Place | Literal["background"] | None:
    title = line.lstrip("# ").rstrip(": ").strip("*_ ").lower()
    if len(title) > 40:
        return None
    marked = line.startswith("#") or line.rstrip().endswith(":")
    if any(title.startswith(h) for h in vocabulary()["acceptance_headings"]) and marked:
        return "acceptance"
    if any(title.startswith(h) for h in vocabulary()["background_headings"]) and marked:
        return "background"
    return "wish" if line.startswith("#") else None


def _is_farewell(text: str) -> bool:
    bare = text.lower().strip(" ,.!-–—")
    if text.strip() in {"--", "—", "–"}:
        return True
    matched = phrase_pattern("signatures").match(bare)
    return bool(matched) and len(bare) - matched.end() < 30 if matched else False


# --- from a clause to phrases ----------------------------------------------------------------

_UNITS = r"(?P<unit>days?|weeks?|months?|quarters?|years?)"
_LOOK_BACK = re.compile(
    r"(?:\b(?:over|in|for|during|within|of|from)\s+)?(?:the\s+)?"
    r"\b(?:last|past|previous|trailing|rolling|recent)\s+(?:(?P<n>\d+|[a-z]+)[\s-]+)?"
    + _UNITS
    + r"\b",
    re.I,
)
_OVER_BACK = re.compile(r"\b(?:over|within|in)\s+(?P<n>\d+)[\s-]+" + _UNITS + r"\b", re.I)
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
    r"\b(?:no|without|fill(?:ing)?(?: the)?) gaps\b|\bgap[- ]free\b|\bzero[- ]fill\w*|\bcontinuous\b"
    r"|\b(?:shows?|shown|with|as|appears?|there|have|listed|counts?)\b[^.,;]{0,25}[`'\"]?\b(?:zero|0)\b"
    r"|\b(?:also|including|even)\b.{0,30}\b(?:without any|with no|without)\b",
    re.I,
)
_ROW_PER = re.compile(
    r"\b(?:one|1|a|single)\s+(?:row|line|record)\s+(?:for\s+each|for\s+every|per|for)\b", re.I
)
_BREAK = " | "


_HAVING = re.compile(
    r"\b(?P<who>\w+s)\s+(?:(?:who|that|which)\s+)?(?:(?:have|has|had)\s+)?"
    r"(?:placed|made|bought|booked|submitted|opened|filed|created|raised|with|having|had)\s+"
    r"(?:at least (?:one|1)|one or more|an?|any|some)?\s*(?P<what>\w+(?: \w+s)?)\b",
    re.I,
)


def _read_clause(clause: Phrase, wish: Wish) -> None:
    text = clause.text
    if clause.place in {"title", "wish"} and re.search(
        r"\bhow many\b|\bnumber of\b|\bcount of\b", text, re.I
    ):
        text = _HAVING.sub(r"\g<who>~\g<what>", text)
    if _GAPS.search(text):
        wish.fill_gaps = True
        if clause.place != "title":
            # Such a sentence says what an empty period looks like, not what is counted.
            return
        text = _GAPS.sub(_BREAK, text)
    text = _take_look_back(text, clause, wish)
    text = _take_dates(text, wish)
    text = _take_filters(text, clause, wish)
    row_per = bool(_ROW_PER.search(text))
    text = _ROW_PER.sub(" per ", text)
    if clause.place in {"acceptance", "aside"} and not row_per:
        return
    text = _take_dimensions(text, clause, wish)
    text = _take_grain(text, clause, wish)
    if clause.place not in {"acceptance", "aside"}:
        wish.metrics.extend(_metric_phrases(text, clause))


def _take_look_back(text: str, clause: Phrase, wish: Wish) -> str:
    for pattern in (_LOOK_BACK, _OVER_BACK):
        if matched := pattern.search(text):
            raw = (matched.group("n") or "1").lower()
            count = int(raw) if raw.isdigit() else _NUMBERS.get(raw)
            if count is None:
                continue
            unit = matched.group("unit").lower().rstrip("s")
            if wish.look_back is None:
                wish.look_back = LookBackWish(count, unit, clause.quote)
            return text[: matched.start()] + _BREAK + text[matched.end() :]
    return text


def _take_dates(text: str, wish: Wish) -> str:
    span, rest = find_date_span(text)
    if span is not None:
        wish.date_span = wish.date_span or span
        return rest.replace("|", _BREAK)
    return text


def _take_filters(text: str, clause: Phrase, wish: Wish) -> str:
    tail = _tail_match(text)
    if tail is not None:
        before = re.split(r"[,|:]| and | but | with | where ", text[: tail.start()])[-1]
        if subject := _trim(before):
            wish.exclusions.append(replace(clause, text=subject))
        head = text[: tail.start() - len(before)]
        return _take_filters(head + _BREAK + text[tail.end() :], clause, wish)
    pieces = []
    position = 0
    for matched in phrase_pattern("exclusions").finditer(text):
        if matched.start() < position:
            continue
        phrase, end = _phrase_after(text, matched.end())
        if phrase:
            wish.exclusions.extend(replace(clause, text=p) for p in _listed(phrase))
        pieces.append(text[position : matched.start()] + _BREAK)
        position = max(end, matched.end())
    text = "".join(pieces) + text[position:]
    return _take_only(text, clause, wish)


def _tail_match(text: str) -> re.Match[str] | None:
    return phrase_pattern("exclusion_tails").search(text)


_ONLY = re.compile(
    r"\b(?:only(?:\s+(?:count|include|for|consider|use))?|just|limited to|restricted to)\b", re.I
)


def _take_only(text: str, clause: Phrase, wish: Wish) -> str:
    matched = _ONLY.search(text)
    if not matched:
        return text
    before = re.split(r"[,|:(]", text[: matched.start()])[-1]
    after, end = _phrase_after(text, matched.end())
    if after and not re.match(r"^\s*(?:$|[).,;])", text[matched.end() :]):
        wish.inclusions.append(replace(clause, text=after))
        return text[: matched.start()] + _BREAK + text[end:]
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
        if token.startswith(("|", "(")) and end > start:
            break
        if bare in word_set("stops") and end > start:
            break
        end = start + matched.end()
        if token[-1] in ".;:!?)":
            break
    return _trim(text[start:end]), end


def _listed(phrase: str) -> list[str]:
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


def _take_dimensions(text: str, clause: Phrase, wish: Wish) -> str:
    splitter = phrase_pattern("splitters")
    text = _SPLIT_WORDS.sub("by", text)
    while matched := splitter.search(text):
        end = matched.end()
        pieces = []
        while True:
            phrase, end = _phrase_after(text, end)
            pieces.append(phrase)
            follows = re.match(r"\s*(?:and|,)\s+(?:" + splitter.pattern + r")", text[end:], re.I)
            if not follows:
                break
            end += follows.end()
        for piece in (p for phrase in pieces for p in _listed(phrase)):
            grain = _only_grain(piece)
            if grain and wish.grain is None:
                wish.grain = (grain, clause.quote)
            elif not grain:
                wish.dimensions.append(replace(clause, text=piece))
        text = text[: matched.start()] + _BREAK + text[end:]
    return text


def _only_grain(piece: str) -> str | None:
    left = [w for w in words(piece) if w not in word_set("articles") | {"calendar", "iso", "full"}]
    if len(left) > 1 and left[1] not in {"starting", "beginning"}:
        return None
    return grain_words().get(left[0]) if left else None


def _take_grain(text: str, clause: Phrase, wish: Wish) -> str:
    kept = []
    for token in text.split(" "):
        grain = grain_words().get(token.strip(",.;:()?!").lower())
        if grain is None:
            kept.append(token)
        elif wish.grain is None:
            wish.grain = (grain, clause.quote)
    return " ".join(kept)


def _metric_phrases(text: str, clause: Phrase) -> list[Phrase]:
    """Noun phrases of what is left, each a candidate for a metric."""
    found = []
    announced = False
    for segment, end in re.findall(r"([^|;:()?!]*)([|;:()?!]|$)", text):
        asked = clause.place == "wish" or re.search(r"\bhow many\b", segment, re.I)
        wished = _wished(segment, announced) if asked else segment
        announced = end == ":" and bool(phrase_pattern("wishes").search(segment))
        if how_much := _HOW_MUCH.search(segment):
            found.append(replace(clause, text=f"sum of {how_much.group('what')} amount"))
            continue
        for n, part in enumerate(_listed_metrics(wished)):
            opening = part.split()[0].lower() if part.split() else ""
            prose = opening in word_set("stops") or len(part.split()) > 6
            if n and clause.place == "wish" and prose:
                break
            if cleaned := _head(part):
                found.append(replace(clause, text=cleaned))
    return found


_HOW_MUCH = re.compile(
    r"\bhow much\s+(?:money\s+)?(?:(?:do|did|does|have|has|was|is|were|are)\s+)?"
    r"(?:(?:we|they|customers?|clients?|people|users?|each \w+|every \w+)\s+)?"
    r"(?:(?:have|has|was|is|were|are|been)\s+)*(?P<what>\w+)",
    re.I,
)


def _wished(segment: str, announced: bool) -> str:
    """What a segment of a sentence wishes for: what follows its last wishing word."""
    how_many = re.search(r"\bhow many\b", segment, re.I)
    if how_many:
        rest, _ = _phrase_after(segment, how_many.end())
        return f"how many {rest}"
    marks = list(phrase_pattern("wishes").finditer(segment))
    if marks:
        return segment[marks[-1].end() :]
    if announced or re.search(r"\bnumber of\b", segment, re.I):
        return segment
    return ""


def _listed_metrics(segment: str) -> list[str]:
    return re.split(r",|&|\bas well as\b|\band\b|\bplus\b|\balong with\b", segment)


def _head(part: str) -> str:
    """The phrase without the words that open a wish, and cut at the first stop word after it."""
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
    return _trim(" ".join(kept))
