"""Reads tickets that say what models and columns are to be described as, of one model or several.

Each text belongs to the name that it stands behind: in brackets or quotes, after a colon, an arrow
or a dash, or as what the name is said to be. What is said besides is asked about or noted, so that
no given text is replaced by one of our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crew.artifacts import Evidence, RelationCard, Request, RequirementSpec, WantedDoc
from crew.drafting.change_reader import made_of
from crew.drafting.described_names import DescribedNames, Named
from crew.drafting.edits.unread_clauses import commands, content_words
from crew.drafting.edits.unread_sentences import NOT_READ, is_empty
from crew.drafting.questions import Asking
from crew.drafting.ticket_reader import read_ticket
from crew.drafting.vocabulary import snake, stem, stem_set

ABOUT_DOCS = re.compile(
    r"\b(?:describ\w+|descriptions?|document(?:s|ed|ing|ation)?|docs?|doku(?:mentation)?|dokumentier\w*|beschreib\w*"
    r"|décri\w+|documente[rz]?|descrip(?:ción|ciones)|describ[aei]\w*|documentar)\b",
    re.I,
)
WANTS_DOCS = re.compile(
    r"(?!\w+ed\b)(?<!\w)(?:(?:please|pls|bitte)\s+)?" + ABOUT_DOCS.pattern.removeprefix(r"\b"), re.I
)
"""Not what is said to be described already, or to be delivered with its description."""
_TESTS = re.compile(
    r"\b(?:tests|tested|test (?:that|for|if|it)|to be unique|not[ _]null|never null)\b", re.I
)
_ADDS = re.compile(
    r"\b(?:add to|extend|append|complete|amend|mention|note|write in|say in|ergänz\w*|erweiter\w*|document that)\b",
    re.I,
)
_TAKES_AWAY = re.compile(
    r"\b(?:remove|delete|drop|clear|entfern\w*|lösch\w*)\b[^.;]{0,30}\b(?:descriptions?|docs?|beschreibung\w*)\b",
    re.I,
)
_ALL = re.compile(
    r"\b(?:all|every|each|alle|jede|remaining|other|übrigen)\b(?:\s+\w+){0,2}?\s+(?:columns?|fields?|spalten?)\b",
    re.I,
)
_LACK = re.compile(r"\b(?:no|without|lacks?|keine|missing|undescribed|undocumented)\b", re.I)
_LIKE = re.compile(
    r"\b(?:same|copy|copied|as in|like in|taken? over|identical|wie in|gleiche?n?|übernehmen)\b",
    re.I,
)
_ABOUT_COPY = re.compile(r"\b(?:descri\w+|docs?|beschreibung\w*)\b", re.I)
_OPENS = re.compile(
    r"\s*(?:,\s*(?:it|this|they)(?=\s+(?:is|are|means)\b))?"
    r"\s*(?:(?:dokumentieren|beschreiben|documented|described|please|bitte)\s*(?=[:=–—-]))?"
    r"(?:(?P<sign>:|=|->|=>|→|–|—|-\s)\s*"
    r"|(?P<verb>(?:(?:should|must|shall|is to|are to|soll|sollte)\s+(?:be|say|read|lauten|sein|mean)(?:\s+that\b)?"
    r"|is|are|means?|stands? for|holds?|contains?|shows?|gives?|ist|sind|bedeutet|enthält|zeigt)(?![\w-]))\s*:?\s*"
    r"|(?:description\s+)?(?P<word>as|with|by|to|that|als|mit|durch|dass)\s*:?\s+)",
    re.I,
)
_ELLIPSIS = re.compile(
    r"\s*(?=(?:the|an?|how|when|what|which|number|date|der|die|das|ein)\s)", re.I
)
_TEXT = re.compile(r"\s*\x01(?P<n>\d+)\x02")
_IT = re.compile(
    r"^\W*(?:it|this|that|they|sie|es)(?:['’]s|\s+(?:is|are|means|holds|contains|ist|should (?:say|read|be)(?: that)?"
    r"|must say(?: that)?|soll (?:sagen|lauten)))\s*:?\s+",
    re.I,
)
_TAIL = re.compile(r"(?:\s*(?:[,;]|\band\b|\bund\b))+\s*$", re.I)
_HEAD = re.compile(
    r"^(?:it is|it['’]s|they are|that it is|that|in|is|are|wrong\s*[:,]\s*(?:it is|it should be)?)\s+(?=\S)",
    re.I,
)
_WRONG = re.compile(
    r"^(?:wrong|outdated|incorrect|not right|misleading|falsch|veraltet)\b\W*(?:it(?: is|['’]s)\s+)?",
    re.I,
)
_PLAIN = re.compile(
    r"please|pls|bitte|describ\w*|descriptions?|document\w*|docs?|columns?|fields?|models?|tables?|marts?|add|write|give|set"
    r"|put|update|change|replace|extend|copy|new|following|these|texts?|have|has|should|must|be|also|themselves|itself|its"
    r"|spalten?|beschreib\w*|dokumentier\w*|doku\w*|modell\w*|tabellen?|soll\w*|lauten|say|read|fix|wrong|needs?|lacks?"
    r"|no|not|isn|t|fill|same|yet|there|following|für|von|mit|und|die|der|das|in|it|them|missing|own|each|all|every|we|want"
    r"|would|like|can|could|you|hi|hello|thanks?|beautify|mention|note|that|append|refine|better|proper|real",
    re.I,
)
_QUOTED = re.compile(r"[\"“„”«]([^\"“”„«»]+)[\"“”»]|(?<![\w)])['‘]([^'‘’\n]{8,}?)['’](?!\w)")
_THE_MODEL = re.compile(
    r"\b(?:the|das|le|el) (?:model|table|mart|modell|modèle|modelo)\b(?! \w*_)", re.I
)
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
_SENTENCE = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)\s+(?=[A-ZÄÖÜ\x01]|please\b|bitte\b|\w*_\w+|\w+\s*(?::|=|->|→|–)\s)"
)
_ITEM = re.compile(r"^\s*(?:(?:[-*+•]|\d+[.)])\s+|[\w.]+\s*(?::|=|->|→|–|-\s))")


@dataclass
class _Found:
    """What was read: a text for each name (empty: ours), which is put behind the present one where
    it `adds`; names whose description is to be `like` that of another model."""

    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    adds: set[tuple[str, str]] = field(default_factory=set)
    left: list[str] = field(default_factory=list)


def documentation_request(
    request: Request, evidence: Evidence
) -> tuple[RequirementSpec | None, bool]:
    """(specification of a ticket that gives texts for descriptions or wants them in several models,
    None for any other; whether it wants nothing else)."""
    if not ABOUT_DOCS.search(f"{request.title}\n{request.body}"):
        return None, False
    reader = DocsReader(request, evidence)
    return reader.read(), not reader.others


class DocsReader:
    """One reading of one request."""

    def __init__(self, request: Request, evidence: Evidence) -> None:
        self.request, self.evidence = request, evidence
        self.names = DescribedNames(evidence)
        self.wish = read_ticket(request)
        self.asking = Asking(
            self.wish.answers, self.wish.directed, request.choices, evidence.remembered.answers
        )
        self.kept: list[str] = []
        """Quoted texts, which stand in the sentences as `\\x01n\\x02`."""
        self.found = _Found()
        self._noted: list[str] = []
        self._ours: set[tuple[str, str]] = set()
        self.others: list[str] = []
        """What is commanded besides."""

    def read(self) -> RequirementSpec | None:
        title, body = (self._held(t) for t in (self.request.title, self.request.body))
        self.models = self.names.models(f"{title}\n{body}")
        if not self.models:
            return None
        if not WANTS_DOCS.search(f"{title}\n{body}"):
            return None
        leads = WANTS_DOCS.match(title.strip()) or re.search(r"\bdescriptions? of\b", title, re.I)
        sentences = [*([title] if leads else ()), *_sentences(body)]
        about: list[Named] = []
        for sentence in sentences:
            about = self._sentence(sentence, about) or about
        if not self._is_ours(f"{title}\n{body}"):
            return None
        self._ask_left()
        docs = [WantedDoc(model=m, column=c, text=self._whole((m, c))) for m, c in self.found.texts]
        target = docs[0].model if docs else self.models[0]
        told = {m for d in docs if (m := d.model)}
        return RequirementSpec(
            kind="documentation",
            model=target,
            target=target,
            question=self.request.title.strip(),
            acceptance=tuple(self.wish.acceptance),
            wanted_docs=tuple(docs),
            notes=tuple(dict.fromkeys(self._noted + self._replaced(told))),
            questions=tuple(self.asking.open[:3]),
            settled=self.asking.settled,
            followed=self.asking.followed,
        )

    def _is_ours(self, text: str) -> bool:
        """Whether texts are given, and nothing but descriptions is wanted."""
        given = [k for k, t in self.found.texts.items() if t and k not in self._ours]
        several = len({m for m, _ in self.found.texts}) > 1
        if _TAKES_AWAY.search(text):
            self.asking.ask(
                "docs:remove",
                "Descriptions are written here, not taken away. What is to stand there instead?",
                [],
            )
            return True
        self.others = [s for s in self.found.left if _wants_more(s)]
        if any(
            re.search(r"\b(?:tests?|tested|unique|not[ _]null)\b", s, re.I) for s in self.others
        ):
            return False
        unplaced = any("\x01" in s for s in self.found.left)
        return bool(given or several or unplaced or self.asking.open)

    # --- sentences -----------------------------------------------------------------------------

    def _held(self, text: str) -> str:
        """The text with what stands in quotes held back, names without theirs."""

        def hold(match: re.Match[str]) -> str:
            said = (match[1] or match[2]).strip()
            if self.names.is_name(said):
                return said
            self.kept.append(said)
            return f"\x01{len(self.kept) - 1}\x02"

        return _QUOTED.sub(hold, text.replace("`", ""))

    def _sentence(self, sentence: str, before: list[Named]) -> list[Named]:
        """Reads one sentence; gives the names that it is about and has no text for."""
        bare = _BULLET.sub("", sentence)
        is_wish = bool(WANTS_DOCS.search(bare))
        writes = re.match(r"\W*(?:please\s+|bitte\s+)?(?:fill|put|write|use|set)\b", bare, re.I)
        if not is_wish and ((commands(bare) and not writes) or _TESTS.search(bare)):
            self.found.left.append(bare)
            return []
        named = self.names.find(bare, self.models)
        if not named and not (is_wish and _THE_MODEL.search(bare)):
            return self._of_it(bare, before)
        is_copy = (
            _LIKE.search(bare) and _ABOUT_COPY.search(bare) and not re.search("[:(>→\x01]", bare)
        )
        if is_copy and len(self.names.models(bare)) > 1:
            self._copy(bare, [n for n in named if n.column])
            return []
        rest = bare
        spans: list[tuple[int, int]] = []
        untold: list[Named] = []
        adds = bool((named and _ADDS.search(bare[: named[0].start])) or _ADDS.match(bare))
        was_told = False
        for n, name in enumerate(named):
            if name.start < (spans[-1][1] if spans else 0):
                continue
            at = self._text_at(bare, named, n, was_told)
            if at is None:
                untold.append(name)
                continue
            text, end = at
            was_told = True
            for each in (*self._group(bare, untold, name), name):
                self._tell(each, text, adds, bare)
                untold = [u for u in untold if u != each]
            spans.append((name.start, end))
        for start, end in reversed(spans):
            rest = rest[:start] + " " + rest[end:]
        self._untold(bare, rest, untold, bool(spans))
        columns = [u for u in untold if u.column]
        return columns if len(columns) == 1 else untold if len(untold) == 1 else []

    def _of_it(self, sentence: str, before: list[Named]) -> list[Named]:
        """`It is the number of …`, after a sentence about one name."""
        opened = _IT.match(sentence)
        if opened and len(before) == 1:
            self._tell(before[0], sentence[opened.end() :], False, sentence)
        else:
            self.found.left.append(sentence)
        return []

    def _text_at(
        self, sentence: str, named: list[Named], n: int, was_told: bool
    ) -> tuple[str, int] | None:
        """(text, where it ends) of what stands behind a name."""
        name = named[n]
        behind = sentence[name.end :]
        if quoted := _TEXT.match(behind):
            return self.kept[int(quoted["n"])], name.end + quoted.end()
        if inside := _bracketed(behind):
            text, length = inside
            return text, name.end + length
        opened = _OPENS.match(behind)
        if opened is None and was_told and name.column:
            opened = _ELLIPSIS.match(behind)
        if opened is None or not behind[opened.end() :].strip():
            return None
        start = name.end + opened.end()
        if quoted := re.match(r"[^\x01]{0,14}?\x01(\d+)\x02", sentence[start:]):
            return self.kept[int(quoted[1])], start + quoted.end()
        end = self._end(sentence, named, n, start)
        text = sentence[start:end]
        if not name.column and any(x.start < start + 3 for x in named[n + 1 :] if x.start >= start):
            return None  # a heading: `orders: amount – …`
        word = (opened.groupdict().get("word") or "").lower()
        if word in {"that", "dass"} and not _ADDS.search(sentence[: name.start]):
            return None  # `columns of orders that have none`
        if word in {"to", "with", "by", "mit"}:
            return (
                None
                if not _ADDS.search(sentence) and "description" not in sentence
                else (text, end)
            )
        return (text, end) if len(text.strip(" .,;")) > 2 else None

    def _end(self, sentence: str, named: list[Named], n: int, start: int) -> int:
        """Where a text ends: at the next name that has one of its own, or with the sentence."""
        for k, other in enumerate(named[n + 1 :], start=n + 1):
            if other.start <= start:
                continue
            apart = re.search(
                r"(?:[,;.]|\band|\bund)\s*(?:(?:and|und|the|for|die)\s+)*$", sentence[: other.start]
            )
            behind = sentence[other.end :]
            opens = (
                _OPENS.match(behind)
                or _TEXT.match(behind)
                or _bracketed(behind)
                or _ELLIPSIS.match(behind)
            )
            if apart and opens and k:
                return apart.start()
        for joint in re.finditer(
            r"(?:[,;]\s*|\s+)(?:and|und|then|dann)\s+", sentence[start:], re.I
        ):
            if commands(sentence[start + joint.end() :]):  # `…, and test that it is unique`
                return start + joint.start()
        return len(sentence)

    def _group(self, sentence: str, untold: list[Named], name: Named) -> list[Named]:
        """Names before one with a text that are but joined to it: `revenue in a and in b is …`."""
        found: list[Named] = []
        end = name.start
        for other in reversed(untold):
            between = sentence[other.end : end]
            same = other.column == name.column
            joined = re.fullmatch(r"\s*(?:,|and|und|&|in|of|the|\s)*\s*", between)
            both = re.match(r"\s*(?:\((?:both|all)\b|are\b|both\b|sind\b)", sentence[name.end :])
            if not joined or not (same or both):
                break
            found.append(other)
            end = other.start
        return found

    # --- what is told --------------------------------------------------------------------------

    def _tell(self, name: Named, text: str, adds: bool, sentence: str) -> None:
        text = _TAIL.sub("", re.sub(r"\x01(\d+)\x02", lambda m: self.kept[int(m[1])], text)).strip(
            " ,;"
        )
        text = _WRONG.sub("", text)
        if source := self._like(name, text):
            text = source
        text = _HEAD.sub("", text).strip(" ,;")
        if not text:
            return
        for model in (name.model, *name.also):
            key = (model, name.column)
            self.found.texts[key] = _as_sentence(text)
            if adds:
                self.found.adds.add(key)

    def _like(self, name: Named, text: str) -> str:
        """What the column is described as in the model that a text points at, or else nothing."""
        models = [m for m in self.names.models(text) if m != name.model]
        words = [w for w in content_words(text) if not _PLAIN.fullmatch(w) and w not in models]
        is_pointer = _LIKE.search(text) or re.match(r"(?:as|like|wie)\b", text)
        if not models or not is_pointer or words:
            return ""
        card = self.evidence.relation(models[0])
        column = card.column(name.column) if card else None
        told = (
            (column.told if column else "") if name.column else (card.description if card else "")
        )
        if not told:
            self.asking.ask(
                f"docs:like:{snake(name.said)}",
                f"“{text.strip()}”: `{models[0]}` has no description of `{name.said}` to be copied. What is to be"
                " written?",
                [],
            )
        return told

    def _untold(self, sentence: str, rest: str, untold: list[Named], told: bool) -> None:
        """Names without a text: ours, where descriptions are wanted of them; places else."""
        if not ABOUT_DOCS.search(sentence) and not told and untold:
            self.found.left.append(rest)
            return
        columns = [u for u in untold if u.column]
        models = list(dict.fromkeys(u.model for u in untold if not u.column)) or self.models[:1]
        if _ALL.search(sentence):
            for model in models or self.models[:1]:
                self._all_of(model)
        elif not columns and not told and _THE_MODEL.search(sentence) and models:
            for card in [c for m in models if (c := self.evidence.relation(m))]:
                if not card.description:
                    self.found.texts.setdefault((card.key, ""), made_of(card, self.evidence))
                    self._ours.add((card.key, ""))
        elif not columns and len(models) > 1:
            for model in models:
                self._all_of(model)
        elif not (_LACK.search(sentence) and not columns):
            for each in columns:
                for model in (each.model, *each.also):
                    self.found.texts.setdefault((model, each.column), "")
        self.found.left.append(_without(rest, [u.said for u in untold] + self.models))

    def _copy(self, sentence: str, columns: list[Named]) -> None:
        """`Copy the description of x from a to b`, `x in b as in a`."""
        source = re.search(
            r"\b(?:from|as in|like in|in|wie in|of|aus)\s+(?:the\s+)?(?:model\s+)?(?P<m>\w+)\W*$"
            if not re.search(r"\bfrom\b", sentence, re.I)
            else r"\b(?:from|of)\s+(?:the\s+)?(?:model\s+)?(?P<m>\w+)(?=\s+to\b|\W*$)",
            sentence, re.I,
        )  # fmt: skip
        card = self.evidence.relation(source["m"]) if source else None
        targets = [m for m in self.names.models(sentence) if card is None or m != card.key]
        for name in {c.column for c in columns}:
            told = (c.told if (c := card.column(name)) else "") if card else ""
            if not told:
                at = card.key if card else sentence
                self.asking.ask(
                    f"docs:like:{name}",
                    f"“{sentence.strip()}”: `{at}` has no description of `{name}` to be copied. What is to be"
                    " written?",
                    [],
                )
            for model in targets:
                if told and name in self.names.columns(model):
                    self.found.texts[model, name] = _as_sentence(told)

    def _all_of(self, model: str) -> None:
        card = self.evidence.relation(model)
        for column in card.columns if card else ():
            if not column.description:
                self.found.texts.setdefault((model, column.name), "")

    def _whole(self, key: tuple[str, str]) -> str:
        """The text, behind the present one where it adds to it."""
        text, now = self.found.texts[key], self._now(key)
        return f"{now.rstrip(' .')}. {text}" if key in self.found.adds and now and text else text

    def _now(self, key: tuple[str, str]) -> str:
        card: RelationCard | None = self.evidence.relation(key[0])
        if card is None or not key[1]:
            return card.description if card else ""
        column = card.column(key[1])
        return column.description if column else ""

    def _replaced(self, told: set[str]) -> list[str]:
        """What descriptions were before that are written anew."""
        found = []
        for key, text in self.found.texts.items():
            now = self._now(key)
            if text and now and key not in self.found.adds and now.rstrip(".") != text.rstrip("."):
                found.append(f"`{'.'.join(k for k in key if k)}` was described as “{now[:120]}”.")
        return found

    # --- what is left --------------------------------------------------------------------------

    def _ask_left(self) -> None:
        """Asks about what nothing was made of and may want something; notes what only tells."""
        for text in dict.fromkeys(self.found.left):
            words = _content(text)
            if text not in self.others and (len(words) < 2 or is_empty(text)):
                continue
            said = " ".join(
                re.sub(r"\x01(\d+)\x02", lambda m: f"“{self.kept[int(m[1])]}”", text).split()
            )
            if "\x01" in text or text in self.others or commands(text) or ABOUT_DOCS.search(text):
                self.asking.ask(
                    f"docs:left:{snake(said)[:40]}",
                    f"“{said}”: I cannot read what of this is a description, and of which model or column.",
                    [("it changes nothing: leave it out", "")],
                )
            else:
                self._noted.append(f"{NOT_READ} “{said}”.")


def _content(text: str) -> list[str]:
    """The words of a text beyond names, politeness and the wish for descriptions."""
    words = [w for w in content_words(text) if not _PLAIN.fullmatch(w)]
    return [w for w in words if stem(w) not in stem_set("stops") | stem_set("articles")]


def _wants_more(text: str) -> bool:
    """Whether what is left of a sentence commands more than descriptions."""
    bare = ABOUT_DOCS.sub(" ", text)
    if re.search(r"\b(?:tests?|tested|unique|not[ _]null)\b", bare, re.I):
        return True
    return bool(
        re.search(
            r"\b(?:rename|drop|delete|exclude|filter|cast|round|materiali[sz]e|split|merge|hash|mask|tag)\b"
            r"|\b(?:add|create|need|want|bring)\s+(?:(?:an?|the|new|another|further)\s+)*"
            r"(?:columns?|models?|fields?|tests?|tag|figure)\b",
            bare,
            re.I,
        )
    )


def _bracketed(behind: str) -> tuple[str, int] | None:
    """(text, length) of brackets that open behind a name."""
    opened = re.match(r"\s*\(", behind)
    if not opened:
        return None
    depth = 0
    for n in range(opened.end() - 1, len(behind)):
        depth += {"(": 1, ")": -1}.get(behind[n], 0)
        if depth == 0:
            return behind[opened.end() : n], n + 1
    return None


def _sentences(body: str) -> list[str]:
    """Sentences and lines; rows of tables as `name: text`, their heads left out."""
    found = []
    for line in re.sub(r"```.*?```", " ", body, flags=re.S).splitlines(keepends=True):
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if "|" in line else []
        if len(cells) > 1:
            if not re.fullmatch(r"[\s|:-]+", line) and not re.match(
                r"(?:columns?|name|field|spalte)$", cells[0], re.I
            ):
                found.append(": ".join(cells[:2]))
            continue
        found.append(line)
    items: list[str] = []
    is_row = True
    for line in found:  # a sentence may go over several lines, an item of a list or table does not
        if is_row or _ITEM.match(line) or not line.strip():
            items.append("")
        items[-1] += " " + line.rstrip("\n")
        is_row = not line.endswith("\n") or not line.strip()
    parts: list[str] = []
    for item in items:
        parts += [item] if _ITEM.match(item.strip()) else _SENTENCE.split(item)
    return [p.strip() for p in parts if p.strip(" .")]


def _without(text: str, names: list[str]) -> str:
    for name in names:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", text, flags=re.I)
    return " ".join(text.split())


def _as_sentence(text: str) -> str:
    text = text.strip(" .;,\n")
    return f"{text[:1].upper()}{text[1:]}."
