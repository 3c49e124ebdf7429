"""Links the words of a sentence to models and columns: exactly, by their words, or nearly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from crew.catalog.dbt_project import entity_of
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.vocabulary import snake, stem, stem_set, stems, words

_QUOTES = "`\"'“”‘’´"
_NEAR = 82
_PLACE = r"(?:in|of|from|on|to|into|model|table|mart|view|dans|de|en|aus|im|der|tabelle|modell)"
_SUBJECT = (
    r"(?:needs?|lacks?|misses|should|must|has to|have to|ought to|is (?:getting|too|slow)|are (?:getting|too)"
    r"|takes|take|braucht|sollte|soll|muss)"
)
_COMMAND = re.compile(
    r"^\W*(?:(?:please|pls|also|bitte|can you|could you)\W+)*(?:add|append|remove|drop|delete|exclude|leave out"
    r"|filter|rename|cast|convert|round|change|make|test|document|describe|split|dedupe|entferne|ergänze)\b",
    re.I,
)
_OF_MODELS = r"split|merge|make|turn|aggregate|roll up|de-?duplicate|dedupe|materiali[sz]e|describe|document|rename"
_NOUNS = r"(?:model|table|mart|view|tabelle|modell|modèle|modelo|tabla)"


@dataclass(frozen=True)
class Link:
    """A name and how it was found; `others` fit as well. `exact`: it is written as it is called."""

    name: str
    said: str
    exact: bool
    others: tuple[str, ...] = ()


class Names:
    """Names of one project."""

    def __init__(self, view: ProjectView) -> None:
        self.view = view

    def models(self, text: str) -> list[Link]:
        """Models that are named as such, in the order of the text."""
        found, lowered = [], text.lower()
        for name in self.view.models:
            if name.lower() not in lowered:
                continue
            if re.search(r"[_\d]", name):
                match = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text, re.I)
            else:
                match = self._plain(name, text)
            if match:
                link = Link(name, match.group(), True)
                found.append((_is_what_is_counted(match), match.start(), -len(name), link))
        return [link for *_, link in sorted(found, key=lambda f: f[:3])]

    def _plain(self, name: str, text: str) -> re.Match[str] | None:
        """Where a model whose name is a plain word is meant, not just the things it is about."""
        escaped = re.escape(name)
        commanded = _COMMAND.search(text) or self._names_columns(name, text.lower())
        beside = _PLACE if commanded else _NOUNS
        whole = (
            rf"(?<![\w.])(?:[`\"“']{escaped}[`\"”']|{beside}\s+(?:the\s+|our\s+)?{escaped}(?!\w)"
            rf"|{escaped}\s+{_NOUNS}|{escaped}(?=:))(?!\w)"
        )
        subject = rf"^\W*(?:the\s+)?{escaped}(?=\s*:|\s+[-–]\s|\s+{_SUBJECT}\b)"
        columns = "|".join(re.escape(c) for c in self.view.columns(name))
        object_ = rf"\b(?:{_OF_MODELS})\s+(?:the\s+|our\s+)?{escaped}(?![\w.])"
        dotted = rf"(?<![\w.]){escaped}(?=\.(?:{columns})(?!\w))" if columns else r"(?!)"
        return next(
            (m for p in (whole, subject, dotted, object_) if (m := re.search(p, text, re.I))), None
        )

    def _names_columns(self, model: str, lowered: str) -> bool:
        """Whether a text speaks of columns of a model: only then is `sum of payments` said of the
        model that is called so, and not of what its rows are."""
        if re.search(r"\b(?:columns?|fields?|spalten?|colonnes?|columnas?)\b", lowered):
            return True
        return any(
            "_" in c and re.search(rf"(?<!\w){re.escape(c.lower())}(?!\w)", lowered)
            for c in self.view.columns(model)
        )

    def likely_models(self, text: str) -> Link | None:
        """The model that is meant where none is named exactly: a misspelt name, or its words."""
        known = {w for n in self.view.nodes for w in [n]}
        tokens = [t for t in re.findall(r"(?<![\w.])[A-Za-z]\w*_\w+", text) if t not in known]
        scored: list[tuple[float, str, str]] = []
        for token in tokens:
            for name, score, _ in process.extract(
                token.lower(), list(self.view.models), scorer=fuzz.ratio, limit=3
            ):
                scored.append((score, name, token))
        scored.sort(reverse=True)
        if scored and scored[0][0] >= _NEAR:
            best = scored[0]
            near = tuple(n for s, n, t in scored[1:] if s > best[0] - 4 and t == best[2])
            return Link(best[1], best[2], False, near)
        said = set(stems(text))
        fitting = []
        for name, node in self.view.models.items():
            entity = {stem(w) for w in words(entity_of(name))}
            if entity and entity <= said:
                depth = self.view.order[name]
                fitting.append((len(entity), "stg" not in node.path, depth, name))
        fitting.sort(reverse=True)
        if not fitting:
            return None
        best_model = fitting[0]
        same = tuple(f[3] for f in fitting[1:] if f[:2] == best_model[:2])
        return Link(best_model[3], entity_of(best_model[3]).replace("_", " "), False, same)

    def nearest_models(self, text: str) -> list[str]:
        tokens = re.findall(r"(?<![\w.])[A-Za-z]\w*_\w+", text) or [text]
        found = process.extract(
            tokens[0].lower(), list(self.view.models), scorer=fuzz.WRatio, limit=4
        )
        return [name for name, *_ in found]

    def columns(self, text: str, model: str) -> list[Link]:
        """Columns of a model that the text names as such, in its order."""
        found = []
        for name in self.view.columns(model):
            match = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.I)
            if not match:
                continue
            is_name = re.search(r"[_\d]", name) or _stands_alone(text, match)
            if is_name or self._is_beside(name, model, text):
                found.append((match.start(), -len(name), Link(name, match.group(), True)))
        return [link for *_, link in sorted(found, key=lambda f: f[:2])]

    def _is_beside(self, column: str, model: str, text: str) -> bool:
        """Whether a plain word stands as a column: `price in orders`, and not `price and …`."""
        beside = rf"(?<!\w){re.escape(column)}\s+{_PLACE}\s+(?:the\s+|our\s+)?[{_QUOTES}]?{re.escape(model)}(?!\w)"
        return re.search(r"[_\d]", model) is not None and bool(re.search(beside, text, re.I))

    def column(self, phrase: str, model: str, loose: bool = True) -> Link | None:
        """The column that a phrase means; None if none is like it. A `loose` link may share only
        some of the words."""
        columns = list(self.view.columns(model))
        bare = phrase.strip(" .,:;" + _QUOTES)
        bare = re.sub(rf"^{re.escape(model)}\.(?=[A-Za-z])", "", bare, flags=re.I)
        if not bare or not columns:
            return None
        lowered = {c.lower(): c for c in columns}
        if bare.lower() in lowered:
            return Link(lowered[bare.lower()], bare, True)
        if snake(bare) in lowered:
            return Link(lowered[snake(bare)], bare, True)
        said = [s for s in stems(bare) if s not in stem_set("articles")]
        same = [c for c in columns if stems(c) == said]
        if len(same) == 1:
            return Link(same[0], bare, False)
        near = process.extract(
            snake(bare), columns, scorer=fuzz.ratio, processor=str.lower, limit=3
        )
        good = [(n, s) for n, s, _ in near if s >= _NEAR]
        if good:
            others = tuple(n for n, s in good[1:] if s > good[0][1] - 4)
            return Link(good[0][0], bare, False, others)
        if not loose:
            return None
        within = [c for c in columns if said and set(said) <= set(stems(c))]
        within = within or [c for c in columns if c and set(stems(c)) <= set(said)]
        if within:
            return Link(within[0], bare, False, tuple(within[1:4]))
        return None

    def nearest_columns(self, phrase: str, model: str) -> list[str]:
        columns = list(self.view.columns(model))
        return [n for n, *_ in process.extract(snake(phrase), columns, scorer=fuzz.WRatio, limit=4)]


def _is_what_is_counted(match: re.Match[str]) -> bool:
    """Whether a plain name stands as in `number of visits`: another model named is rather meant."""
    head = match.group().split()[0].lower()
    before = match.string[: match.start()] + head
    counted = re.search(r"\b(?:numbers?|count|sum|total|share|date) of$", before.strip(), re.I)
    return bool(counted) or head == "rename"


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """Whether a plain word is written as a name: in quotes, or beside `column`."""
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    dotted = re.search(r"[A-Za-z]\w*[`\"']?\.[`\"']?$", text[: match.start()])
    quoted = bool(before) and before[-1] in _QUOTES and bool(after) and after[0] in _QUOTES
    beside = re.search(
        r"\b(?:columns?|fields?|spalten?|colonnes?|columnas?)\s*[`\"“']?$", before, re.I
    )
    behind = re.match(r"[`\"”']?\s*(?:columns?|fields?)\b", after, re.I)
    return bool(dotted or quoted or beside or behind)


def without(text: str, names: Sequence[str]) -> str:
    """The text without names and the prepositions that bring them in."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(
            rf"(?:\b(?:in|of|from|on|dans|de|en|aus|im|von)\s+)?(?:the\s+|our\s+|la\s+|le\s+|der\s+)?"
            rf"(?:{_NOUNS}\s+)?[{_QUOTES}]?(?<![\w.]){re.escape(name)}(?!\w|\.[A-Za-z])[{_QUOTES}]?(?:\s+{_NOUNS}\b)?",
            " ", text, flags=re.I,
        )  # fmt: skip
    return re.sub(r"\s+", " ", text).strip()
