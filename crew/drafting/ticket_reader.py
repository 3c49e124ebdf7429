"""Reads a ticket as people write them into a `Wish`: which words ask for what.

Greeting, background and signature fall away; title, wishes, acceptance list and answers stay.
Nothing here knows the project: phrases are linked to columns later, by `schema_linker`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from crew.artifacts import Request
from crew.drafting.calendar_words import take_calendar
from crew.drafting.clause_reader import (
    is_command,
    is_courtesy,
    split_clauses,
    tells_rows,
    without_deadlines,
)
from crew.drafting.date_points import in_title, plain_dates
from crew.drafting.date_words import period_said
from crew.drafting.figure_words import take_figures
from crew.drafting.figures import Comparison, FigureWishes, Quoted
from crew.drafting.languages import in_english, language_of
from crew.drafting.lexicon import Lexicon
from crew.drafting.metric_reading import split_aggregation
from crew.drafting.phrase_reader import is_figure, read_clause, says_gaps, tail_match
from crew.drafting.questions import cut_option
from crew.drafting.related_words import Having
from crew.drafting.source_words import take_sources
from crew.drafting.vocabulary import grain_words, phrase_pattern, vocabulary, word_set, words
from crew.drafting.wish import Phrase, Place, Wish
from crew.drafting.zone_words import take_zones


def read_ticket(
    request: Request, follow_ups: Sequence[str] = (), lexicon: Lexicon | None = None
) -> Wish:
    """The wish of a request; texts that ask for forbidden things are set aside in `ignored`.

    `follow_ups` are sentences of comments that are to be read like the ticket's own; `lexicon` is
    what the data tells about words that could be read in two ways.
    """
    wish = Wish(figures=FigureWishes(lexicon=lexicon or Lexicon()))
    if language := language_of(f"{request.title}\n{request.body}"):
        wish.language = language
        texts = {"title": request.title, "body": request.body}
        own = wish.figures.lexicon.in_own_words
        request = request.model_copy(
            update={k: own(in_english(t, language)) for k, t in texts.items()}
        )
    request = _without_sources(_with_definitions(request), wish)
    request = _without_calendar(request, wish)
    wish.said_later = frozenset(follow_ups)
    clauses = [*_clauses(request, wish), *(Phrase(s, "wish", s) for s in follow_ups)]
    wish.answers = [a for a in wish.answers if a not in follow_ups]
    for clause in clauses:
        wish.clauses.append(clause)
        read_clause(clause, wish)
    return wish


def as_read(request: Request, lexicon: Lexicon | None = None) -> str:
    """The sentences of a ticket as they are read: shorthand spelt out, other languages in English."""
    return " ".join(clause.quote for clause in read_ticket(request, lexicon=lexicon).clauses)


def read_text(
    text: str,
    place: Place,
    figures: FigureWishes | None = None,
    grain: tuple[str, str] | None = None,
) -> Wish:
    """The wish in one sentence, as read in that place; marks are added to `figures`, `grain` is
    what the ticket says by itself."""
    calendar, text = take_calendar(take_zones(text)[1])
    wish = Wish(figures=figures or FigureWishes(), calendar=calendar, grain=grain)
    read_clause(Phrase(text, place, text), wish)
    return wish


def _without_sources(request: Request, wish: Wish) -> Request:
    """The request without the models that it says its figures come from, which the wish tells."""
    texts: dict[str, str] = {}
    for name in ("title", "body"):
        found, texts[name] = take_sources(getattr(request, name), wish.figures.lexicon.relations)
        wish.sources += found
    return request.model_copy(update=texts)


def _without_calendar(request: Request, wish: Wish) -> Request:
    """The request without what it says of the calendar, which the wish tells then."""
    texts: dict[str, str] = {}
    for name in ("title", "body"):
        said, texts[name] = take_calendar(getattr(request, name), wish.figures.lexicon.names)
        wish.calendar = wish.calendar.and_also(said)
        zones, texts[name] = take_zones(texts[name])
        wish.zones = wish.zones.and_also(zones)
        texts[name] = plain_dates(texts[name], True if wish.language else None)
    texts["title"] = in_title(texts["title"])
    return request.model_copy(update=texts)


_DEFINES = re.compile(
    r"(?:^|(?<=[.!?\n]))\s*`?(?P<column>[A-Za-z]\w*_\w+)`?(?:\s+in\s+`?\w+`?)?\s+is\s+what\s+we\s+(?:mean|understand)\s+(?:by|under)\s+"
    r"(?P<term>[\w ]+?)\s*(?=[.!?\n]|$)",
    re.I,
)


def _with_definitions(request: Request) -> Request:
    """`lead_hours is what we mean by lead time`: the column is put beside the term it stands for."""
    texts = {"title": request.title, "body": request.body}
    for matched in list(_DEFINES.finditer(request.body)):
        texts["body"] = texts["body"].replace(matched.group(), "")
        pattern = re.compile(rf"\b{re.escape(matched['term'])}\b(?!\s*\()", re.I)
        told = f"{matched['term']} ({matched['column']})"
        texts = {k: pattern.sub(told, text) for k, text in texts.items()}
    return request.model_copy(update=texts) if texts["body"] != request.body else request


_SPLITS = re.compile(
    r"\b(?:per|for\s+each|for\s+every|(?:split|broken\s+down|grouped|group)\s+by|by\s+(?=\w+\s+and\s+\w+))\b",
    re.I,
)
_OPENS_SPLIT = re.compile(
    r"\W*(?:by|per|for\s+each|split\s+by|broken\s+down\s+by|grouped\s+by)\s+\w", re.I
)
_FENCE = re.compile(r"```.*?```|<!--.*?-->", re.S)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)]|\[[ xX]?\])\s+(?:\[[ xX]?\]\s*)?")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\s+[–—]\s+")
_TITLE_PREFIX = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*|(?:data )?(?:request|question|kpi|task|story|ticket|feature)\s*[:\-–]\s*)+",
    re.I,
)
_POLITE_WISH = re.compile(r"\W*(?:and |but )?(?:could|can|would|may) (?:you|we|i)\b", re.I)
_MENTION = re.compile(r"@\S+")


def _clauses(request: Request, wish: Wish) -> list[Phrase]:
    found: list[Phrase] = []
    if prefix := _TITLE_PREFIX.match(request.title):
        wish.tags += re.findall(r"\[([^\]]*)\]", prefix.group())
    title = _plain(_TITLE_PREFIX.sub("", request.title))
    for sentence in _sentences(title):
        _keep(Phrase(sentence, "title", sentence), wish, found)
    for phrase in _body_clauses(request.body, wish):
        _keep(phrase, wish, found)
    asked = False
    for comment in request.comments:
        if comment.ours:
            asked = True
            continue
        if any(comment.body == choice.said for choice in request.choices or ()):
            continue  # all of it was read when it was said
        for sentence in _sentences(_plain(comment.body)):
            if forbidden := _forbidden(sentence):
                wish.ignored.append(f"a comment asks to {forbidden}: “{_short(sentence)}”")
            elif sentence.endswith("?") and not _POLITE_WISH.match(sentence):
                wish.asked_us += [sentence] if asked else []
            else:
                clauses = _said(sentence.rstrip("? "))
                wish.answers += clauses
                if asked:
                    wish.directed.update(clauses)
    return found


def _said(sentence: str) -> list[str]:
    """The clauses of a sentence of a comment, without the day that the work is needed by."""
    parts = [c for part in cut_option(sentence) for c in split_clauses(part)]
    return [c for part in parts if (c := without_deadlines(part, in_comment=True))]


def asks_for_a_change(sentence: str) -> bool:
    """Whether a sentence that was said after we spoke wishes for something."""
    return _asks(sentence) or bool(phrase_pattern("follow_ups").search(sentence))


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


# `"like the old one, but recent", says Tom`: what others said is told, not asked for.
_SAYS = r"(?:says|said|asks|asked|wrote|writes)"
_REPORTED = re.compile(rf">?\s*[\"“][^\"”]{{3,200}}[\"”],?\s*{_SAYS}\s+\w+\b", re.I)


_GREETING = re.compile(
    r"^[ \t]*(?:dear|hi|hello|hey|hallo|moin|liebe[rsn]?|sehr\s+geehrte[rn]?"
    r"|guten\s+(?:tag|morgen)|good\s+(?:morning|afternoon)"
    r"|bonjour|salut|hola|buenos\s+d[ií]as|buenas\s+tardes)\b(?:\s+(?!per\b|by\b|of\b|for\b|how\b|number\b|please\b|we\b|i\b|can\b)[\w'-]+){0,3}\s*[,!](?=\s)",
    re.I | re.M,
)
# `counted by hand` says how, not by what.
_BY_WAY = re.compile(
    r"\bby\s+(?:hand|heart|far|chance|accident|mistake|now|then|myself|ourselves|itself|the\s+way|means\s+of)\b",
    re.I,
)


# `… so that I can paste it into the board pack`: what it is for.
_PURPOSE = re.compile(
    r",?\s*\bso\s+(?:that\s+)?(?:i|we|you|they|people|everyone|everybody|the\s+\w+|our\s+\w+|\w+s)\s+"
    r"(?:can|could|may|might|will|would|know|see|understand|get|need\s+not|don['’]?t\s+(?:have|need)\s+to|do\s+not\s+(?:have|need)\s+to)\b"
    r"(?![^.!?;\n|]*\b(?:left|exclud\w+|includ\w+|count\w*|filter\w*|ignor\w+|number|how\s+(?:many|much|long|often)|sum|average|total|share|rate|per|by|each|only)\b)"
    r"[^.!?;\n|]*",
    re.I,
)


# `in a nice chart for Paul`, `in descending order`, `to see how we do`: how it looks, what it is for.
_LOOKS = re.compile(
    r"\s+in\s+(?:an?|one)\s+(?:\w+\s+)?(?:chart|table|list|graph|dashboard|view|report|sheet|overview|plot)\b(?:\s+for\s+[A-Z]\w+)?"
    r"|\s+(?:sorted\s+)?in\s+(?:descending|ascending|alphabetical|chronological)\s+order\b"
    r"|,?\s+(?:in\s+order\s+)?to\s+(?:see|know|understand)\s+how\s+(?:we|it|they|things|that)\s+(?:do|does|are\s+doing|is\s+doing|go|goes|look|looks|perform|performs|develop|develops)\b[^.!?;\n|]*",
    re.I,
)


def _plain(text: str) -> str:
    text = _LOOKS.sub(" ", _PURPOSE.sub(" ", text))
    text = _BY_WAY.sub(" ", _GREETING.sub(" ", _REPORTED.sub(" ", text)))
    text = _LINK.sub(r"\1", _FENCE.sub(" ", text))
    text = _MENTION.sub(" ", text)
    for short, full in vocabulary()["shorthand"].items():
        text = re.sub(rf"(?<![\w/]){short}(?![\w/])", full, text, flags=re.I)
    return re.sub(r"\*{2,}|(?<!\w)[*_]+(?=[\w`])|(?<=[\w`.!?])[*_]+(?!\w)", "", text)


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for sentence in _SENTENCE_END.split(text.replace("\n", " ")):
        if found and re.fullmatch(r"\([^()]*\)[.!?]?", sentence.strip()):
            found[-1] += f" {sentence.strip()}"  # what stands in brackets is said of what is before
        elif sentence.strip(" ."):
            found.append(sentence)
    return [s.strip(" \t.") for s in found]


def _body_clauses(body: str, wish: Wish) -> list[Phrase]:
    """Wish sentences and acceptance lines of a Markdown body, in order."""
    found: list[Phrase] = []
    wish.prose += [m.group().strip(" >") for m in _REPORTED.finditer(body)]
    section: Place | Literal["background", "needed"] | None = None
    listing = listed = False
    lines = _paragraph_lines(_plain(body))
    for n, line in enumerate(lines):
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
        for sentence in _sentences(_COLUMNS_HEAD.sub("I need a table with these columns: ", text)):
            if section == "background" and not _forbidden(sentence):
                continue
            asks = _asks(sentence)
            if asks and is_courtesy(sentence):
                continue
            lists = bullet and (listing or is_figure(sentence))
            if lists or asks or section == "needed" or _forbidden(sentence):
                is_item = lists
                text_ = without_deadlines(sentence)
                found.append(Phrase(text_, "wish", sentence, item=is_item))
            elif (
                tail_match(sentence)
                or _ASIDE.search(sentence)
                or says_gaps(sentence)
                or tells_rows(sentence)
            ):
                found.append(Phrase(sentence, "aside", sentence))
            elif period := period_said(without_deadlines(sentence)):
                found.append(Phrase(period, "aside", sentence))
            elif not is_courtesy(sentence):
                wish.prose.append(sentence)
        if not bullet:
            opens = text.endswith((":", ",")) or any(map(_BULLET.match, lines[n + 1 : n + 2]))
            listing = opens and bool(_asks(text) or phrase_pattern("wishes").search(text))
    return found


_ASIDE = re.compile(
    r"\b(?:without|excluding|except|not counting|only)\b|^\W*no\s+\w+(?:\s\w+)?\W*$", re.I
)


def _asks(sentence: str) -> bool:
    """Whether a sentence wishes for something, rather than tells something."""
    said = _FURTHER.sub("", sentence).split(maxsplit=1)
    opening = said[0].strip(",:").lower() if said else ""
    return (
        bool(phrase_pattern("strong_wishes").search(sentence))
        or opening in word_set("wishes")
        or any(is_command(clause) for clause in split_clauses(sentence))
        or sentence.endswith("?")
        or bool(_HEADED.match(sentence))
        or _names_figures(sentence)
    )


# `Also show the number of orders`
_FURTHER = re.compile(r"^\W*(?:(?:and|also|then|additionally|plus|besides|finally)\b[\s,]*)+", re.I)
# `Members by plan: number of members who …`
_HEADED = re.compile(
    r"[^:.!?]{3,60}:\s*(?:the\s+)?(?:(?:number|count|sum|average|median|share|total)\s+of\b|how\s+many\b)",
    re.I,
)
# `Store name, amount, rank`: what the columns of the result are to be.
_LISTED_COLUMNS = re.compile(r"\s*\w+(?:\s\w+){0,2}(?:,\s*\w+(?:\s\w+){0,2}){2,}[^,]*$", re.I)
# `Columns: country, month, shipments`: the same with a head, which says that all are wanted.
_COLUMNS_HEAD = re.compile(
    r"(?:^|(?<=[.!?]\s))\W*(?:(?:the|output|result)\s+)*(?:columns?|fields?|spalten|colonnes|columnas)\s*:\s*(?=\w)",
    re.I,
)


def _names_figures(sentence: str) -> bool:
    """Whether a sentence is a figure rather than a statement: `Number of orders per month`."""
    if split_aggregation(sentence)[0] is not None:
        return True
    found = FigureWishes()
    take_figures(sentence, sentence, found)
    if found.top or any(
        not isinstance(f, Comparison | Quoted | Having) for f in found.marks.values()
    ):
        return True
    if _LISTED_COLUMNS.match(sentence) and found.derived:
        return False
    if found.derived and not set(words(sentence)) & word_set("finite_verbs"):
        return True
    if _OPENS_SPLIT.match(sentence):
        return True
    splits = _SPLITS.search(sentence)
    before = set(words(sentence[: splits.start()] if splits else sentence))
    is_fragment = not before & word_set("finite_verbs") and len(before) <= 12
    by = re.search(r"\w\s+by\s+(?!us\b|me\b)[a-z]", without_deadlines(sentence), re.I)
    said_all = set(words(sentence))
    if by and not said_all & word_set("finite_verbs") and len(said_all) <= 14:
        return True  # `attended bookings by weekday`
    return is_fragment and bool(splits or before & grain_words().keys())


def _paragraph_lines(text: str) -> list[str]:
    """Lines with soft wraps joined: a line that starts in lower case goes on with the last."""
    lines: list[str] = []
    blank = True
    for line in _without_tables(text).splitlines():
        if not line.strip():
            blank = True
            continue
        if line.lstrip().startswith(">"):
            continue
        continues = not blank and not _BULLET.match(line) and not line.lstrip().startswith("#")
        indented = line[:1].isspace() or not (lines and _BULLET.match(lines[-1]))
        if continues and indented and lines and (line.strip()[0].islower() or not _ends(lines[-1])):
            lines[-1] = f"{lines[-1].rstrip()} {line.strip()}"
        else:
            lines.append(line.strip())
        blank = False
    return _with_listed_splits(lines)


_SPLIT_HEAD = re.compile(
    r"^(?P<before>.*?)\W*\b(?:dimensions?|splits?|breakdowns?|(?:(?:split(?:\s+up)?|broken\s+down|break\s+\w*\s?down"
    r"|grouped|group|sliced|segmented)\s+(?:it\s+|this\s+|them\s+)?)?(?:by|per|for\s+each)(?:\s+the\s+following)?)\s*:\s*$",
    re.I,
)


def _with_listed_splits(lines: list[str]) -> list[str]:
    """The lines with a list under `Split by:` as one sentence."""
    found: list[str] = []
    for line in lines:
        head = _SPLIT_HEAD.match(found[-1]) if found else None
        if _BULLET.match(line) and head:
            item = _BULLET.sub("", line).strip(" .;,")
            found[-1] = f"{head['before']} split by {item}".strip()
            opened = True
        elif _BULLET.match(line) and found and opened:
            found[-1] += f", {_BULLET.sub('', line).strip(' .;,')}"
        else:
            found.append(line)
            opened = False
    return found


_ROW = re.compile(r"^\s*\|(?P<cells>.+)\|\s*$")
_RULE = re.compile(r"^\s*\|[\s|:-]+\|\s*$")


def _without_tables(text: str) -> str:
    """The text with each table that tells columns as a list of what they mean; tables of examples,
    which hold numbers, are left out."""
    lines = text.splitlines()
    kept: list[str] = []
    for n, line in enumerate(lines):
        row = _ROW.match(line)
        if row is None:
            kept.append(line)
            continue
        is_head = n + 1 < len(lines) and bool(_RULE.match(lines[n + 1]))
        cells = [c.strip(" `*") for c in row["cells"].split("|")]
        if is_head or _RULE.match(line) or any(re.fullmatch(r"-?[\d.,%€$]+", c) for c in cells):
            continue
        if (
            kept
            and kept[-1]
            and not kept[-1].lstrip().startswith("*")
            and not kept[-1].endswith(":")
        ):
            kept[-1] = kept[-1].rstrip(" ,.") + ":"
        kept.append(f"* {next((c for c in cells[1:] if c), cells[0])}")
    return "\n".join(kept)


def _ends(line: str) -> bool:
    return len(line) < 40 or line.rstrip()[-1:] in ".!?:;,"


def _heading(line: str) -> Place | Literal["background", "needed"] | None:
    title = line.lstrip("# ").rstrip(": ").strip("*_ ").lower()
    if len(title) > 40:
        return None
    marked = line.startswith("#") or line.rstrip().endswith(":")
    kinds: dict[str, Place | Literal["background", "needed"]] = {
        "acceptance_headings": "acceptance",
        "background_headings": "background",
        "wish_headings": "needed",
    }
    for name, kind in kinds.items():
        heads = vocabulary()[name]
        if title in heads or (marked and any(title.startswith(h) for h in heads)):
            return kind
    return "wish" if line.startswith("#") else None


def _is_farewell(text: str) -> bool:
    bare = text.lower().strip(" ,.!-–—")
    if text.strip() in {"--", "—", "–"}:
        return True
    matched = phrase_pattern("signatures").match(bare)
    return bool(matched) and len(bare) - matched.end() < 30 if matched else False
