"""Reads columns whose values go by ranges or values of another one, told as a table or a list:

    trips     | segment
    0         | never
    1 to 4    | occasional
    5 or more | frequent

Ranges must not overlap and, of whole numbers, leave no gap; what is not covered is asked about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from crew.artifacts import AddColumn
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import name_stems, snake

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_N = r"-?\d+(?:[.,]\d+)?"
_UNIT = (
    r"(?:\s*(?!(?:or|and|to|more|less|fewer|k|m|mio|mn|tsd|thousand|million|plus|above|below|over|under|up|bis|und|oder|mehr|weniger|ab|et|ou|à|moins|o|y|a"
    r"|más|menos|higher|on)\b)[A-Za-z€$£%]{1,10})?"
)
_RANGES = (
    (rf"(?:exactly\s+)?(?P<only>{_N}){_UNIT}", "only"),
    (rf"(?:from\s+|between\s+|von\s+|zwischen\s+|de\s+|entre\s+)?(?P<from>{_N}){_UNIT}\s*(?:to|bis|-|–|and|und|à|et|a|y|\.\.)\s*"
     rf"(?P<to>{_N}){_UNIT}", "both"),
    (rf"(?P<from>{_N}){_UNIT}\s*(?:or more|and more|and (?:above|over|up)|or above|\+|plus|or higher|und mehr"
     rf"|oder mehr|ab|et plus|ou plus|o más|y más){_UNIT}", ">="),
    (rf"(?:>=|≥|at least|from|ab|mindestens|à partir de|desde)\s*(?P<from>{_N}){_UNIT}"
     r"(?:\s+(?:on|up|onwards|upwards))?", ">="),
    (rf"(?:>|more than|over|above|mehr als|über|plus de|más de)\s*(?P<from>{_N}){_UNIT}", ">"),
    (rf"(?:<=|≤|up to|at most|bis(?: zu)?|höchstens|jusqu['’]à|hasta)\s*(?P<to>{_N}){_UNIT}", "<="),
    (rf"(?P<to>{_N}){_UNIT}\s*(?:or (?:less|fewer|below)|and (?:less|fewer|below)|oder weniger|ou moins"
     rf"|o menos){_UNIT}", "<="),
    (rf"(?:<|less than|fewer than|under|below|weniger als|unter|moins de|menos de)\s*(?P<to>{_N}){_UNIT}", "<"),
)  # fmt: skip
_EMPTY = re.compile(r"(?:empty|null|none|blank|missing|\(?no value\)?|leer|vide|vac[ií]o)", re.I)
_REST = re.compile(
    r"(?:(?:all |any |every)?(?:thing)?\s*(?:else|others?)|otherwise|the rest|rest|sonst|alle anderen|autres?|otros?)",
    re.I,
)
_ROW = re.compile(r"^\s*\|?\s*(?P<of>[^|]+?)\s*\|\s*(?P<is>[^|]+?)\s*\|?\s*$")
_ITEM = re.compile(
    r"^\s*[-*+•]?\s*(?P<of>[^|:=]+?)\s*(?:->|=>|→|:|=)\s*(?P<is>[^|]+?)\s*[.;,]?\s*$"
)
_TEXT = r"['\"“‘](?P<is>[^'\"”’]+)['\"”’]"
_IF = re.compile(
    rf"{_TEXT}\s*(?:,\s*)?(?:if|when|where|for|wenn|falls|bei|si|cuando|quand)\s+(?P<when>[^;]+?)"
    r"(?=\s*(?:,|;|\band\b|\bund\b)+\s*['\"“‘]\w[^'\"”’]*['\"”’]\s*,?\s*(?:if|when|where|for|wenn|falls|bei|si|cuando|quand)\b"
    r"|\s*[,;]?\s*(?:and\s+)?(?:['\"“‘][^'\"”’]+['\"”’]\s+)?(?:otherwise|else|in all other cases|sonst|sinon)\b"
    r"|\s*;|\s*\.?\s*$)",
    re.I,
)
_ELSE = re.compile(
    rf"[,;]?\s*(?:and\s+|und\s+)?(?:otherwise|else|sonst|sinon)\s*:?\s*{_TEXT}|[,;]?\s*(?:and\s+)?"
    r"['\"“‘](?P<last>[^'\"”’]+)['\"”’]\s+(?:otherwise|else|in all other cases)\b",
    re.I,
)
_WHOLE = r"(?:tiny|small|big|huge|u)?int"
_NUMBER = rf"{_WHOLE}|decimal|numeric|double|float|real"


@dataclass(frozen=True)
class _Case:
    """A row: the condition of its range over `{c}`, and from which to which number it goes."""

    condition: str
    value: str
    low: float = float("-inf")
    high: float = float("inf")
    open_low: bool = False
    open_high: bool = False


class CaseReader:
    """The columns by ranges of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view = reader, reader.view

    def table(self, model: str) -> AddColumn | None:
        """The column that a table of the ticket with two columns tells: what it goes by, and itself."""
        rows = self._rows(self.reader.request.body)
        if len(rows) < 3:
            return None
        (by, name), *cases = rows
        column = self._column(by, model)
        if not column or not re.fullmatch(r"[A-Za-z][\w ]*", name):
            return None
        return self.column(snake(name), column, cases, model)

    def read(self, name: str, told: str, model: str) -> AddColumn | None:
        """A column by what is told of it: `'never' if trips = 0, otherwise 'often'`, or by the items of
        the ticket's list: `- 1 to 4 trips: seldom`."""
        return self._told(name, told, model) or self._listed(name, model)

    def _told(self, name: str, told: str, model: str) -> AddColumn | None:
        cases = list(_IF.finditer(told))
        rest = _ELSE.search(told)
        left = _ELSE.sub(" ", _IF.sub(" ", told))
        if not cases or content_stems(left) or (len(cases) < 2 and not rest):
            return None
        lines = []
        for match in cases:
            condition = self._condition(match["when"].strip(" .,;"), model)
            if not condition:
                return None
            lines.append(f"when {condition} then {_text(match['is'])}")
        last = f" else {_text(rest['is'] or rest['last'])}" if rest else ""
        for column in self.view.columns(model) if last else ():
            used = any(re.search(rf"(?<!\w){re.escape(column)} [<>=b]", x) for x in lines)
            if used and self._has_nulls(model, column):
                self.reader.note(
                    f"Rows without `{column}` are among the others: `{name}` is{last[5:]} there."
                )
        self.reader.assume(
            f"“{told.strip(' .,:;')}”: `{name}` as the cases are written, in that order."
        )
        return AddColumn(model=model, column=name, expression=f"case {' '.join(lines)}{last} end")

    def _condition(self, said: str, model: str) -> str:
        """`trip_count is 1 to 4`, or another condition on the model's own columns."""
        match = re.match(
            r"(?:the\s+)?[`\"']?(?P<c>[A-Za-z]\w*)[`\"']?\s*(?:is|are|=|:|ist)?\s*(?P<of>.+)$", said
        )
        column = self._column(match["c"], model) if match else ""
        type_ = self.view.typed_columns(model).get(column, "")
        if match and re.match(_NUMBER, type_, re.I) and (case := _case(match["of"], "", type_)):
            return case.condition.format(c=column)
        found = {c.sql for c in self.reader.conditions.read(said, [model])}
        sql = found.pop() if len(found) == 1 else ""
        return "" if "{{" in sql or re.search(r"= '\d+ ", sql) else sql

    def _listed(self, name: str, model: str) -> AddColumn | None:
        lines = [x for x in self.reader.request.body.splitlines() if re.match(r"\s*[-*+•]\s", x)]
        items = [m for x in lines if (m := _ITEM.match(x))]
        if len(items) < 2 or len(items) != len(lines):
            return None
        units = {
            m.group(1).lower()
            for i in items
            if (m := re.search(r"\d\D*?([A-Za-z]{3,})\s*$", i["of"]))
        } - {"more", "less", "fewer", "above", "below", "over", "mehr", "weniger"}
        column = self._column(units.pop(), model) if len(units) == 1 else ""
        cases = [(i["of"].strip(), i["is"].strip()) for i in items]
        return self.column(name, column, cases, model) if column else None

    def _rows(self, body: str) -> list[tuple[str, str]]:
        """The rows of the first table with two columns, its head first."""
        found: list[tuple[str, str]] = []
        for line in body.splitlines():
            if re.fullmatch(r"[\s|:-]+", line) and "-" in line:
                continue
            match = _ROW.match(line) if "|" in line else None
            if match is None and found:
                break
            if match:
                found.append((match["of"].strip("`\"' "), match["is"].strip("`\"' ")))
        return found

    def _column(self, said: str, model: str) -> str:
        """The model's own column that a head means: as it is called, else the one number of it."""
        link = self.reader.names.column(said, model, loose=False)
        if link and not link.others:
            return link.name
        stems_, typed = set(content_stems(said)), self.view.typed_columns(model)
        numbers = [c for c, t in typed.items() if re.match(_NUMBER, t, re.I)]
        near = [c for c in numbers if stems_ and stems_ <= set(name_stems(c))]
        near = [c for c in near if not re.search(r"_(?:id|no|key|code)$", c)]
        if len(near) == 1:
            self.reader.assume(f"“{said}” is `{near[0]}`.")
        return near[0] if len(near) == 1 else ""

    def column(
        self, name: str, column: str, cases: list[tuple[str, str]], model: str
    ) -> AddColumn | None:
        """The column by the cases (range or value, what it shows); None where one is neither."""
        type_ = self.view.typed_columns(model).get(column, "")
        found: list[_Case] = []
        rest, empty = "", ""
        for said, value in cases:
            shown = _text(value.strip("\"'“”‘’"))
            if _REST.fullmatch(said.strip()):
                rest = shown
            elif _EMPTY.fullmatch(said.strip()):
                empty = shown
            elif case := _case(said, shown, type_):
                found.append(case)
            else:
                return None
        if not found:
            return None
        if gap := _gap(found, type_) if re.match(_NUMBER, type_, re.I) else "":
            said = "; ".join(f"{s}: {v}" for s, v in cases)
            self.reader.ask(f"edit:cases:{name}", f"“{said}”: {gap}. Which one is it there?", [])
            return None
        lines = [f"when {column} is null then {empty}"] if empty else []
        lines += [f"when {c.condition.format(c=column)} then {c.value}" for c in found]
        if rest:
            if not empty and self._has_nulls(model, column):
                lines = [f"when {column} is null then null", *lines]
            lines.append(f"else {rest}")
        expression = f"case {' '.join(lines)} end"
        if not rest and self._is_uncovered(name, column, expression, model):
            return None
        self.reader.assume(f"`{name}` goes by `{column}`; it is empty where that is.")
        return AddColumn(model=model, column=name, expression=expression)

    def _has_nulls(self, model: str, column: str) -> bool:
        at = self.reader.data.at(model)
        return bool(self.reader.data.one(f"select count(*) from {at} where {column} is null"))

    def _is_uncovered(self, name: str, column: str, expression: str, model: str) -> bool:
        """Whether rows of today are in none of the cases and nobody said that they are to be empty."""
        at, data = self.reader.data.at(model), self.reader.data
        left = f"from {at} where {column} is not null and ({expression}) is null"
        n = data.one(f"select count(*) {left}")
        if not n:
            return False
        rows = data.rows(f"select distinct {column} {left} order by 1 limit 4") or ()
        shown = ", ".join(str(r[0]) for r in rows)
        index = self.reader.ask(
            f"edit:cases:{name}",
            f"{n:,} rows of `{model}` have a `{column}` that is in none of the cases (such as {shown}). What is"
            f" `{name}` there?",
            [("empty", "")],
        )
        if index == 0:
            self.reader.assume(f"`{name}` is empty for `{column}` {shown}.")
        return index != 0


def _text(value: str) -> str:
    return "'" + value.strip().replace("'", "''") + "'"


def _case(said: str, shown: str, type_: str) -> _Case | None:
    said = said.strip().strip("`\"'")
    if not re.match(_NUMBER, type_, re.I):
        return _Case("{c} = '" + said.replace("'", "''") + "'", shown)
    for pattern, kind in _RANGES:
        match = re.fullmatch(pattern, said, re.I)
        if match is None:
            continue
        n = {k: v.replace(",", ".") for k, v in match.groupdict().items()}
        if kind == "only":
            return _Case("{c} = " + n["only"], shown, float(n["only"]), float(n["only"]))
        if kind == "both":
            sql = "{c} between " + n["from"] + " and " + n["to"]
            return _Case(sql, shown, float(n["from"]), float(n["to"]))
        if kind.startswith(">"):
            return _Case(
                f"{{c}} {kind} {n['from']}", shown, low=float(n["from"]), open_low=kind == ">"
            )
        return _Case(f"{{c}} {kind} {n['to']}", shown, high=float(n["to"]), open_high=kind == "<")
    return None


def _gap(cases: list[_Case], type_: str) -> str:
    """What the ranges leave open or say twice; empty where each number is in one of them."""
    is_whole = bool(re.match(_WHOLE, type_, re.I))
    ordered = sorted(cases, key=lambda c: (c.low, c.high))
    for one, other in pairwise(ordered):
        if other.low < one.high or (
            other.low == one.high and not (one.open_high or other.open_low)
        ):
            return f"{other.low:g} is in two of these"
        first = other.low + (1 if is_whole and other.open_low else 0)
        last = one.high - (1 if is_whole and one.open_high else 0)
        both_open = other.low == one.high and one.open_high and other.open_low
        if both_open or first - last > (1 if is_whole else 0):
            return f"what lies between {last:g} and {first:g} is in none of these"
    return ""
