"""Reads columns that are wished for in prose: `the weekday of starts_at`, `number of paid invoices`.

A part of a wish is explained word for word or not at all; where one part of several is not, none is
read here, so that nothing that was asked for is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import AddColumn
from crew.drafting.edits.definitions import truth_of
from crew.drafting.edits.finishes import finished, is_finish
from crew.drafting.edits.phrases import named
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import singular, snake, stem_set, stems, words

if TYPE_CHECKING:
    from crew.drafting.edits.column_reader import ColumnReader

_WISH = re.compile(
    r"\b(?:add|adding|append|include|put|bring|show|have|has|contain|carry|get|needs?|lacks?|misses|missing"
    r"|(?:extend|enrich|complete)(?:ed|d)?\b.{0,60}?\b(?:with|by))\b\s*:?\s*(?P<what>.+)",
    re.I,
)
_COURTESY = re.compile(
    r"^\W*(?:(?:also|please|pls|there|us|to it)\b\W*)+"
    r"|\W*\b(?:please|pls|too|as well|there|thanks?|thank you)\W*$",
    re.I,
)
_NOUN = re.compile(
    r"^\W*(?:(?:a|an|the|its|our|another|new|further|additional|extra|boolean)\s+)*"
    r"(?:(?:columns?|fields?|attributes?|flags?|ratio|measure)\b\s*(?:(?:for|with|of|called|named|that holds)\b)?\s*)?",
    re.I,
)
_NAME = r"[`\"']?(?P<name>[A-Za-z]\w*)[`\"']?"
_WORDS = r"[`\"']?(?P<name>[A-Za-z]\w*(?: \w+){0,3}?)[`\"']?"
_BRACKETED = re.compile(
    r"(?P<told>[^()]+?)\s*\(\s*(?:(?:in|as)\s+)?(?:an?\s+|the\s+)?(?:(?:new\s+)?(?:column|field)\s+)?(?:(?:called|named)\s+)?"
    r"[`\"']?(?P<name>[A-Za-z]\w*_\w+)[`\"']?(?P<more>,[^()]+)?\)(?P<rest>[^()]*)",
    re.I,
)
_DEFINED = (
    r"[`\"']?(?P<name>[A-Za-z]\w*_\w+)[`\"']?\s*,\s*(?:(?:i\.e\.|that is|which is|being)\s+)?"
    r"(?P<told>(?:the\s+)?(?:total|sum|numbers?|how (?:many|much)|average|mean|first|last|latest|earliest|date|day|time"
    r"|name|difference|share)\b.+)",
    rf"{_WORDS}\s*(?:=|:=)\s*(?P<told>.+)",
    rf"{_WORDS}\s*\((?P<told>[^()]+(?:\([^()]*\)[^()]*)*)\)",
    rf"{_WORDS}\s*(?::|\s[-–])\s*(?P<told>.+)",
    rf"{_NAME}\s*,?\s+(?:as|computed as|calculated as|defined as|i\.e\.|which is|that is|being|if|when"
    rf"|true (?:if|when)|for)\s+(?P<told>.+)",
    rf"(?P<told>.+?)\s+(?:as|called|named)\s+(?:(?:a\s+)?(?:new\s+)?(?:column|field)\s+)?{_NAME}",
)
_PART = re.compile(
    r"^(?:the\s+)?(?P<part>week ?day|day of (?:the )?week|hour(?: of (?:the )?day)?|week|month|quarter|year)"
    r"\s+(?:of|from|in|based on|out of)\s+(?P<of>.+)$",
    re.I,
)
_PARTS = {
    "weekday": "isodow",
    "dayofweek": "isodow",
    "hour": "hour",
    "hourofday": "hour",
    "year": "year",
}
_TOLD = {"isodow": "1 for Monday to 7 for Sunday", "hour": "0 to 23", "year": "a number"}
_ROUNDED = re.compile(
    r"^(?P<what>.+?)\s+rounded(?:\s+(?:to|on)\s+(?P<to>.+))?$|^rounded\s+(?P<first>.+)$", re.I
)
_WHOLE = re.compile(r"\b(?:whole|full|integers?|euros?|dollars?|units?|no decimals?)\b", re.I)
_LIMIT = re.compile(
    r"^(?:(?:if|when|where|whether|true (?:if|when))\s+)?(?:it (?:is|was)\s+)?"
    r"(?P<sign>more than|over|above|longer than|greater than|at least|less than|under|below|fewer than|at most"
    r"|up to)\s+"
    r"(?P<n>\d+(?:\.\d+)?)\s+(?P<what>[\w ]+)$",
    re.I,
)
_SIGNS = {"at least": ">=", "at most": "<=", "up to": "<=",
          "less than": "<", "under": "<", "below": "<", "fewer than": "<"}  # fmt: skip
_AND = re.compile(r"\s*(?:,\s*(?:and|&|und)?|\band\b|&|;|\bund\b|\bsowie\b)\s*(?![^()]*\))", re.I)
_ENDS = re.compile(r"\s+(?:to|into|onto|in|on|for|from|of)\s*(?=$|[:,;.(])", re.I)
_BOTH = re.compile(
    r"\b(?P<one>first|earliest|oldest|highest|minimum|min)\s+(?:and|&)\s+(?:the\s+)?"
    r"(?P<other>last|latest|newest|lowest|maximum|max)\s+(?P<rest>[^,;]+?)(?=,|;|\s+(?:and|to|per)\b|$)",
    re.I,
)
_SPAN = re.compile(
    r"^(?:the\s+)?(?:number of\s+)?(?:day|hour|week|month|minute)s?\s+(?:between|from)\b", re.I
)
_THESE = re.compile(
    r"\b(?:these|the following|following|the|some|new) (?:new |more |further )?(?:columns?|fields?|attributes?)\b.*:",
    re.I,
)
_ROW = re.compile(
    r"^\s*(?:\|\s*`?(?P<column>[A-Za-z]\w*)`?\s*\|\s*(?P<text>[^|]*?)\s*\|.*"
    r"|[-*+•]\s+[`\"']?(?P<item>[A-Za-z]\w*)[`\"']?\s*(?:(?::|=|\s[-–])\s*(?P<told>.+)|\((?P<inside>.+)\))?)\s*$"
)
_AMOUNTS = re.compile(r"\b(?:of|between|from)\b", re.I)
_SKIPPED = {
    "date",
    "time",
    "timestamp",
    "number",
    "count",
    "of",
    "per",
    "a",
    "an",
    "the",
    "for",
    "each",
    "every",
}


class WishedColumns:
    """The columns that one `ColumnReader` reads from prose."""

    def __init__(self, columns: ColumnReader) -> None:
        self.columns, self.reader = columns, columns.reader
        self.view, self.names = columns.view, columns.names

    def read(self, sentence: str, model: str) -> bool:
        """Whether each part of what a sentence wishes for is a column that can be told; adds them."""
        what = self._what(sentence, model)
        named = [k.name for t in (sentence, self.reader.title) for k in self.names.models(t)]
        headed = rf"(?<![\w.]){re.escape(model)}[`\"']?(?:\s+(?:model|table|mart))?\s*:"
        spoken = {k.name for k in self.names.models(self.reader.text)}
        is_headed = re.search(headed, self.reader.request.body, re.I)
        if model not in named and spoken != {model} and not is_headed:
            return False
        if _THESE.search(sentence) and (listed := _listed(self.reader.request.body)):
            return self._read_listed(listed, model)
        if not what:
            return False
        what = _BOTH.sub(r"\g<one> \g<rest> and \g<other> \g<rest>", what)
        split: list[str] = []
        for part in [p for p in _AND.split(what) if p and content_stems(p)]:
            if split and is_finish(part):  # `…, rounded to 2 decimals`
                split[-1] = f"{split[-1]}, {part}"
            else:
                split.append(part)
        ways = [[what], split] if len(split) > 1 else [[what]]
        return any(self._read_parts(parts, model) for parts in ways)

    def _read_parts(self, parts: list[str], model: str) -> bool:
        reading, asking = self.reader.reading, self.reader.asking
        assumed, noted = list(reading.assumptions), list(reading.notes)
        asked = len(asking.open)
        found = [self._column(part, model) for part in parts]
        if len(asking.open) == asked and not all(found) and any(found):
            found = [e or self._looked_up(p, model) for e, p in zip(found, parts, strict=True)]
        if len(asking.open) == asked and any(found) and len(found) > 1:
            for part in [p for e, p in zip(found, parts, strict=True) if e is None]:
                self.reader.ask(
                    f"edit:column:{snake(part)[:40]}",
                    f"“{part}”: I cannot tell how it is computed for a row of `{model}`. Of which columns of"
                    " which model is it made?",
                    [],
                )
        if len(asking.open) == asked and not (found and all(found)):
            reading.assumptions[:], reading.notes[:] = assumed, noted
            return False
        for edit in found:
            if edit:
                self._add(edit)
        return True

    def _looked_up(self, part: str, model: str) -> AddColumn | None:
        """What one key of the model leads to."""
        links = self.reader.linker.lookups(content_stems(part), model)
        links = [k for k in links if k.hops == 1]
        meanings = self.reader.linker.distinct_meanings(links) if links else []
        edges = [
            e for e in self.reader.evidence.joins
            if meanings and (e.left, e.right) == (model, meanings[0].relation)
        ]  # fmt: skip
        if len(meanings) != 1 or len(edges) != 1:
            return None
        name = meanings[0].column.name
        self.reader.assume(f"“{part}” is `{meanings[0].name}` by `{edges[0].left_column}`.")
        return AddColumn(
            model=model, column=name, expression=name, relation=edges[0].right,
            keys=((edges[0].left_column, edges[0].right_column),),
        )  # fmt: skip

    def _read_listed(self, listed: list[tuple[str, str]], model: str) -> bool:
        """Each column of a table or list; asks about those that are not explained."""
        for name, told in listed:
            if name.lower() in {c.lower() for c in self.view.columns(model)}:
                self.reader.reading.present.append(f"`{name}` is a column of `{model}`")
            elif edit := self._defined(name, told, model):
                self.reader.add(edit)
            elif (told and self._decides(told)) or not self.columns.by_name(name, model):
                self.reader.ask(
                    f"edit:column:{name}",
                    f"`{name}` (“{told}”): I cannot tell how it is computed. Of which columns of which"
                    " model is it made?",
                    [],
                )
        return True

    def _decides(self, told: str) -> bool:
        return bool(self.columns.decides.search(told))

    def _what(self, sentence: str, model: str) -> str:
        """What is wished for, without the model that it is for."""
        name = rf"[`\"']?(?<![\w.]){re.escape(model)}(?!\w)[`\"']?"
        text = re.sub(
            rf"\b(?:to|into|onto|in|on|for)\s+(?:the\s+|our\s+)?(?:model\s+|table\s+|mart\s+)?{name}(?:\s+(?:model|table|mart)\b)?",
            " ",
            sentence,
            flags=re.I,
        )
        text = re.sub(rf"^\W*(?:model\s*:?\s*)?{name}\s*(?::|\s[-–])", " ", text, flags=re.I)
        match = _WISH.search(text)
        if match is None:
            return ""
        what = _COURTESY.sub(
            "", _COURTESY.sub("", _ENDS.sub(" ", match["what"].strip(" .?!")))
        ).strip(" .,:;")
        return re.sub(r"\s+(?=[:,;])", "", " ".join(what.split()))

    def _add(self, edit: AddColumn) -> None:
        have = {c.lower() for c in self.view.columns(edit.model)}
        if edit.column.lower() in have:
            self.reader.reading.present.append(f"`{edit.column}` is a column of `{edit.model}`")
        else:
            self.reader.add(edit)

    def _column(self, part: str, model: str) -> AddColumn | None:
        part = _COURTESY.sub("", _NOUN.sub("", part, count=1)).strip(" .,;`?!")
        match = _BRACKETED.fullmatch(part)
        if match and self.columns.is_new(match["name"], False):  # `number of visits (visit_count)`
            told = f"{match['told']}{match['rest']}{match['more'] or ''}"
            return self._defined(match["name"], told.strip(), model)
        for form in _DEFINED:
            match = re.fullmatch(form, part, re.I)
            if match is None or not self._may_be_named(match["name"], model):
                continue
            if found := self._defined(snake(match["name"]), match["told"].strip(), model):
                return found
        return self._defined("", part, model)

    def _may_be_named(self, name: str, model: str) -> bool:
        barred = stem_set("articles") | {"number", "count", "sum", "date", "total", "first", "last"}
        if _AMOUNTS.search(name) or named("types", name):
            return False
        return name.lower() not in barred and name not in self.view.nodes

    def _defined(self, name: str, told: str, model: str) -> AddColumn | None:
        """A column by its definition, also without how its values are to look."""
        if found := self._made(name, told, model):
            return found
        plain, finish = finished(told)
        edit = self._made(name, plain, model) if finish else None
        return finish.of(edit) if finish and edit else None

    def _made(self, name: str, told: str, model: str) -> AddColumn | None:
        """A column by its definition; one without a name is called by the words of it."""
        new = name or self._called(told)
        if not new:
            return None
        return (
            (self.columns.cases.read(name, told, model) if name else None)
            or self._part_of_a_date(name, told, model)
            or self._rounded(name, told, model)
            or (self.columns.formulas.read(new, told, model) if name or _SPAN.match(told) else None)
            or self._limit(name, told, model)
            or self._flag(name, told, model)
            or self.columns.aggregates.read(new, told, model)
            or self.columns.lookups.read(name, told, model)
        )

    def _called(self, told: str) -> str:
        counted = re.match(
            r"^(?:the\s+)?(?:total\s+)?(?:numbers? of|count of)\s+(?P<what>.+)", told, re.I
        )
        if _SPAN.match(told):
            return snake(re.sub(r"^(?:the\s+)?(?:number of\s+)?", "", told, flags=re.I))[:60]
        if counted:
            name = self._words(counted["what"])
            return f"{singular(name)}_count" if name else ""
        return self._words(told)

    def _words(self, told: str) -> str:
        bare = re.split(
            r"[(;,]|\b(?:per|for each|for every|without|excluding|only|if|where)\b", told
        )[0]
        said = [
            w for w in words(bare) if w not in _SKIPPED - {"date"} and w not in stem_set("articles")
        ]
        if "date" in said:  # `date of the first visit`
            said = [w for w in said if w != "date"] + ["date"]
        return snake(" ".join(said))[:60] if said else ""

    # --- forms -------------------------------------------------------------------------------

    def _own(self, phrase: str, model: str) -> str:
        """The column of the model that a phrase names, in its own words."""
        phrase = re.sub(r"^\W*(?:the|its|each)\s+", "", phrase.strip(" `'\".,"), flags=re.I)
        link = self.names.column(phrase, model, loose=False)
        same = link is not None and (link.exact or stems(link.name) == stems(phrase))
        return link.name if link and same and not link.others else ""

    def _part_of_a_date(self, name: str, told: str, model: str) -> AddColumn | None:
        match = _PART.match(told)
        column = self._own(match["of"], model) if match else ""
        type_ = self.view.typed_columns(model).get(column, "")
        if match is None or not type_.startswith(("date", "timestamp")):
            return None
        said = re.sub(r"\bthe\b|\s", "", match["part"].lower())
        if part := _PARTS.get(said, ""):
            sql = f"extract({part} from {column})"
            self.reader.assume(f"The {match['part'].lower()} of `{column}` is {_TOLD[part]}.")
        else:
            sql = f"cast(date_trunc('{said}', {column}) as date)"
            self.reader.assume(f"The {said} of `{column}` is its first day.")
        new = name or {"isodow": "weekday"}.get(part, said)
        return AddColumn(model=model, column=new, expression=sql)

    def _rounded(self, name: str, told: str, model: str) -> AddColumn | None:
        match = _ROUNDED.match(told)
        if match is None:
            return None
        what = match["what"] or match["first"]
        column = self._own(what, model)
        if not column and name:
            formula = self.columns.formulas.read(name, what, model)
            column = formula.expression if formula else ""
        to = match["to"] or ""
        digits = re.search(r"\d+", to)
        if not column or (to and not digits and not _WHOLE.search(to)):
            return None
        n = digits.group() if digits else "0"
        return AddColumn(
            model=model, column=name or f"{column}_rounded", expression=f"round({column}, {n})"
        )

    def _limit(self, name: str, told: str, model: str) -> AddColumn | None:
        """`more than 90 minutes inside`, where `minutes_inside` is a number of the model."""
        match = _LIMIT.match(told)
        column = self._own(match["what"], model) if match else ""
        if match is None or not name or not column:
            return None
        sign = _SIGNS.get(match["sign"].lower(), ">")
        self.reader.assume(f"`{name}` is true where `{column} {sign} {match['n']}`.")
        return AddColumn(model=model, column=name, expression=f"{column} {sign} {match['n']}")

    def _flag(self, name: str, told: str, model: str) -> AddColumn | None:
        """A condition on the model's own columns, under a name that says that it is one, or said to
        be true or false."""
        bare, is_truth, is_total = truth_of(told)
        if not name or not (
            is_truth or is_total or re.match(r"(?:is|has|was|had|needs)_", name, re.I)
        ):
            return None
        written = [
            c for text in re.findall(r"\(([^()]+)\)", bare) for c in self.reader.conditions.read(text, [model])
            if re.search(r"[=<>]| is ", c.sql)
        ]  # fmt: skip
        found = written or self.reader.conditions.read(bare, [model])
        if len({c.sql for c in found}) != 1 or "{{" in found[0].sql:
            return None
        sql = found[0].sql
        self.reader.assume(f"“{bare.strip(' .,')}”: `{name}` is true where `{sql}`.")
        if is_total:
            sql = f"coalesce({sql}, false)"
        return AddColumn(model=model, column=name, expression=sql)


def _listed(body: str) -> list[tuple[str, str]]:
    """(name, what is said of it) of each row of a table, without its head, or item of a list; none
    where an item is not written so."""
    found: list[tuple[str, str]] = []
    lines = [line for line in body.splitlines() if re.match(r"\s*[-*+•|]", line)]
    ruled = next((n for n, line in enumerate(lines) if re.fullmatch(r"[\s|:-]+", line)), -1)
    for line in lines[ruled + 1 :]:
        match = _ROW.match(line)
        if match is None:
            return []
        name = match["column"] or match["item"]
        found.append((name, (match["text"] or match["told"] or match["inside"] or "").strip(" .")))
    return found
