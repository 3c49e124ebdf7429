"""How values of a new column are to look: `rounded to 2 decimals`, `as integer`, `"none" where missing`.

These stand behind what a column is made of; without them that is read as ever, and they are put
around it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crew.artifacts import AddColumn
from crew.drafting.edits.phrases import named, phrases

_COUNTS = {"no": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4}
_N = r"\d|no|zero|one|two|three|four"
_VALUE = r"(?:['\"“‘][^'\"”’]{1,30}['\"”’]|-?\d+(?:\.\d+)?|true|false)"
_MISSING = (
    r"(?:(?:it|this|that|they|there)\s+)?(?:(?:is|are)\s+)?(?:missing|empty|null|unknown|none|nothing"
    r"|not (?:set|known|there)|no(?:ne)?(?:\s+\w+){0,2})"
)
_ENDS = (
    rf"(?:rounded|round(?: it)?)(?:\s+(?:to|on))?"
    rf"(?:\s+(?P<n>{_N})\s*(?:decimals?|digits?|(?:decimal )?places)?(?: places)?)?",
    rf"(?:with\s+|to\s+)?(?P<d>{_N})\s+(?:decimals?|digits?)(?:\s+places)?",
    rf"(?:with\s+(?:an?\s+)?)?default(?:s|ing)?(?:\s+(?:to|value|is|of))*\s+(?P<default>{_VALUE})",
    rf"(?:or\s+)?(?P<empty>{_VALUE})\s+(?:if|where|when|for)\s+{_MISSING}",
    r"(?:all\s+)?(?:in\s+)?(?P<case>upper|lower)[ -]?cased?",
)


@dataclass(frozen=True)
class Finish:
    """What is put around an expression; what is not told is empty."""

    digits: str = ""
    type: str = ""
    case: str = ""
    empty: str = ""

    def of(self, edit: AddColumn) -> AddColumn:
        """The column, looking so."""
        sql = edit.expression
        if self.case:
            sql = f"{self.case}({sql})"
        if self.digits:
            sql = f"round({sql}, {self.digits})"
        if self.type:
            sql = f"cast({sql} as {self.type})"
        if self.empty and not edit.relation:
            sql = f"coalesce({sql}, {self.empty})"
        more = {"empty": self.empty} if self.empty and edit.relation else {}
        return edit.model_copy(update={"expression": sql, **more})


def finished(told: str) -> tuple[str, Finish | None]:
    """(what is told without its end, how it is to look); None where nothing is said of that."""
    found: dict[str, str] = {}
    text = told.strip(" .,;")
    while True:
        ended = _end(text)
        if ended is None or not ended[0]:
            return (text, Finish(**found)) if found else (told, None)
        text, (kind, value) = ended
        found.setdefault(kind, value)


def is_finish(part: str) -> bool:
    """Whether a part of a sentence says nothing but how values are to look."""
    end = _end(f"x, {part.strip(' .,;')}")
    return end is not None and end[0] == "x"


def _end(text: str) -> tuple[str, tuple[str, str]] | None:
    lead = r"\s*(?:[,;(]\s*|\s)(?:and\s+|but\s+)?"
    for form in _ENDS:
        if match := re.search(rf"{lead}{form}\)?$", text, re.I):
            said = match.groupdict()
            rest = text[: match.start()].strip(" ,;")
            if value := said.get("default") or said.get("empty"):
                return rest, ("empty", _literal(value))
            if said.get("case"):
                return rest, ("case", said["case"].lower())
            n = (said.get("n") or said.get("d") or "0").lower()
            return rest, ("digits", str(_COUNTS.get(n, n)))
    types = "|".join(form for forms in phrases()["types"].values() for form in forms)
    written = rf"{lead}(?:cast\s+)?as\s+(?:an?\s+)?(?P<type>{types})(?P<size>\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\))?\)?$"
    if match := re.search(written, text, re.I):
        kind = named("types", match["type"])[-1][0]
        size = (match["size"] or "").strip() or ("(18, 2)" if kind == "decimal" else "")
        return text[: match.start()].strip(" ,;"), ("type", f"{kind}{size}")
    return None


def _literal(value: str) -> str:
    bare = value.strip("'\"“”‘’")
    is_text = value[0] in "'\"“‘"
    return "'" + bare.replace("'", "''") + "'" if is_text else bare.lower()
