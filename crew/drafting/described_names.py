"""Finds models and columns in sentences that describe them, with the model that each column is of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crew.artifacts import Evidence

_PLACE = (
    r"\s*(?:,\s*)?(?:in|of|from|für|von|aus|im|on|for|de|du|dans|en|del)\s+"
    r"(?:the\s+|our\s+|der\s+|dem\s+|la\s+|le\s+)?"
    r"(?:model\s+|table\s+|mart\s+|modell\s+|tabelle\s+)?$"
)
_HEADS = re.compile(
    r"(?:^|[,;:.(]|\band|\bund|\bor|\bcolumns?|\bfields?|\bspalten?|\bof|\bfor|\bdescribe|\bdocument|\bund|\bthat"
    r"|\bspalte|\bdescription(?:s)?(?: of| for)?)\s*(?:(?:the|its|die|der)\s+)?(?:(?:columns?|fields?|spalten?)\s+)?$",
    re.I,
)
_OPENED = re.compile(
    r"\s*(?::|=|->|→|–|—|-\s|\(|\x01"
    r"|(?:is|are|means?|holds?|contains?|stands for|ist|in|of|as|the|an?|and|und|when|how)\b"
    r"|[,;]|$)",
    re.I,
)
_ITSELF = re.compile(
    r"\b(?:the\s+)?(?:model|table|mart|tabelle|modell)\s+(?:itself|selbst)\b", re.I
)


@dataclass(frozen=True)
class Named:
    """A model, or a column of one, as a sentence names it from `start` to `end`."""

    start: int
    end: int
    model: str
    column: str = ""
    also: tuple[str, ...] = ()
    """Further models of whose column the same is said: `x in a and in b`."""

    @property
    def said(self) -> str:
        return self.column or self.model


class DescribedNames:
    """The names of one project's models."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._known = {m.lower(): m for m in evidence.model_names}

    def models(self, text: str) -> list[str]:
        """Models that a text names, in its order; plain words only beside `model` or a dot."""
        found: list[tuple[int, str]] = []
        for name in self.evidence.model_names:
            written = re.search(r"[_\d]", name)
            escaped = re.escape(name)
            form = (
                rf"(?<![\w.]){escaped}(?!\w)"
                if written
                else rf"(?<=model ){escaped}(?!\w)|(?<=table ){escaped}(?!\w)|(?<![\w.]){escaped}(?=\.[a-z]\w|\s*:)"
            )
            if match := re.search(form, text, re.I):
                found.append((match.start(), name))
        return [name for _, name in sorted(found)]

    def columns(self, model: str) -> list[str]:
        card = self.evidence.relation(model)
        return [c.name for c in card.columns] if card else []

    def is_name(self, said: str) -> bool:
        """Whether something in quotes is but the name of a model or column."""
        if not re.fullmatch(r"[\w.]+", said):
            return False
        last = said.split(".")[-1].lower()
        return last in self._known or any(
            last == c.name.lower() for r in self.evidence.relations for c in r.columns
        )

    def find(self, sentence: str, models: list[str]) -> list[Named]:
        """Models and columns that a sentence names; a model that only says of what a column is, is
        part of the column's place."""
        here = [m for m in models if _at(sentence, m)]
        places = [Named(x.start(), x.end(), m) for m in here for x in _at(sentence, m)]
        places += [
            Named(x.start(), x.end(), (here or models)[0]) for x in _ITSELF.finditer(sentence)
        ]
        found: list[Named] = []
        for model in dict.fromkeys([*here, *models]):
            for column in self.columns(model):
                for x in re.finditer(
                    rf"(?<![\w.])(?:(?P<m>\w+)\.)?{re.escape(column)}(?![\w]|\.\w)", sentence, re.I
                ):
                    if any(f.start == x.start() and f.end == x.end() for f in found):
                        continue
                    if not self._is_column(column, sentence, x):
                        continue
                    found.append(self._placed(x, column, model, sentence, places, here or models))
        columns = [f for f in found if not any(_within(f, g) for g in found if g is not f)]
        inside = [p for p in places if not any(c.start <= p.start < c.end for c in columns)]
        return sorted([*columns, *inside], key=lambda f: f.start)

    def _is_column(self, column: str, sentence: str, match: re.Match[str]) -> bool:
        if match["m"]:
            return match["m"].lower() in self._known
        if re.search(r"[_\d]", column):
            return True
        before, behind = sentence[: match.start()], sentence[match.end() :]
        return bool(_HEADS.search(before) and _OPENED.match(behind))

    def _also(
        self, sentence: str, place: Named, column: str, places: list[Named]
    ) -> tuple[tuple[str, ...], int]:
        """(models named right behind a place that have the column too, where the last ends)."""
        found: list[str] = []
        end = place.end
        for other in sorted(places, key=lambda p: p.start):
            between = sentence[end : other.start] if other.start >= end else "-"
            joined = re.fullmatch(
                r"\s*(?:,|and|und|&)(?:\s*(?:and|und|also|auch|in|of|von))*\s*", between, re.I
            )
            if joined and column in self.columns(other.model):
                found.append(other.model)
                end = other.end
        return tuple(found), end

    def _placed(
        self, match: re.Match[str], column: str, model: str, sentence: str,
        places: list[Named], scope: list[str],
    ) -> Named:  # fmt: skip
        """The column in the model that stands beside it, else in the last one named before it, else
        in the first that has it."""
        if match["m"]:
            return Named(match.start(), match.end(), self._known[match["m"].lower()], column)
        for place in sorted(places, key=lambda p: p.start):
            between = sentence[match.end() : place.start] if place.start >= match.end() else ""
            if between and re.fullmatch(_PLACE, between) and column in self.columns(place.model):
                also, end = self._also(sentence, place, column, places)
                return Named(match.start(), end, place.model, column, also)
        before = [
            p.model for p in places if p.start < match.start() and column in self.columns(p.model)
        ]
        having = [m for m in scope if column in self.columns(m)]
        return Named(match.start(), match.end(), (before[-1:] or having or [model])[0], column)


def _at(sentence: str, model: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"(?<![\w.]){re.escape(model)}(?!\w|\.\w)", sentence, re.I))


def _within(one: Named, other: Named) -> bool:
    return (
        other.start <= one.start
        and one.end <= other.end
        and (other.start, other.end) != (one.start, one.end)
    )
