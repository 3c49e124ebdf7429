"""Reads figures per row of a model out of rows that belong to it: `number of its invoices`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import AddColumn
from crew.catalog.dbt_project import entity_of
from crew.drafting.edits.conditions import Condition
from crew.drafting.vocabulary import name_stems, stem, stem_set, stems, words

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_HOW = (
    ("count", r"numbers? of|count of|how (?:many|often)"),
    ("max", r"latest|last|newest|most recent|highest|maximum|largest"),
    ("min", r"earliest|first|oldest|lowest|minimum|smallest"),
    ("avg", r"average|mean"),
    ("sum", r"sum|total|how much"),
)
_EMPTY = re.compile(
    r"[,;(]?\s*\b(?P<what>0|zero|empty|null|nothing)\s+(?:if|where|when|for|otherwise)\b.*$", re.I
)
_FILLERS = {
    stem(w) for w in re.findall(r"\w+", 
        "a an the of its their that this these those each every per for over all any in to on with from"
        " and or was were is are been has have had be it they timestamp time date day column value"
        " when most amount events rows row entries entry records record belonging which s please"
    )
}  # fmt: skip


class AggregateReader:
    """Aggregates for the rows of one model."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view = reader, reader.view

    def read(self, name: str, told: str, model: str) -> AddColumn | None:
        """The column, where every word of what is told of it is explained."""
        zero = _EMPTY.search(told)
        text = told[: zero.start()] if zero else told
        text = re.split(r"[.;]\s", text.split("(")[0])[0]
        how = next((h for h, p in _HOW if re.search(rf"\b(?:{p})\b", text, re.I)), "")
        if not how:
            return None
        rest = text
        for _, form in _HOW:
            rest = re.sub(rf"\b(?:{form})\b", " ", rest, flags=re.I)
        key = self.reader.keys.unique_key(model)
        for relation in self._candidates(rest, model, key):
            found = self._over(relation, how, name, rest, model, key)
            if found is None:
                continue
            expression, where = found
            is_number = how in {"count", "sum"} and (zero is None or zero["what"] in {"0", "zero"})
            self.reader.assume(
                f"`{name}` is `{expression}` of the rows of `{relation}` with the same {', '.join(key)}"
                + (f", where {where.sql}." if where else ".")
            )
            return AddColumn(
                model=model, column=name, expression=expression, relation=relation,
                keys=tuple((k, k) for k in key), where=where.sql if where else "",
                empty="0" if is_number else "",
            )  # fmt: skip
        return None

    def _candidates(self, text: str, model: str, key: tuple[str, ...]) -> list[str]:
        """Models that the text names by their words and that have the key, most words first; of two
        alike the one that is made of the other."""
        said = set(stems(text))
        barred = {model, *self.view.below(model)}
        found = []
        for relation in self.view.models:
            have = {c.lower() for c in self.view.columns(relation)}
            entity = _entity(relation)
            if relation in barred or not key or not {k.lower() for k in key} <= have:
                continue
            if entity and entity <= said | {stem(w[:-1]) for w in words(text) if w.endswith("s")}:
                found.append((len(entity), self.view.order[relation], relation))
        return [relation for *_, relation in sorted(found, reverse=True)]

    def _over(
        self, relation: str, how: str, name: str, text: str, model: str, key: tuple[str, ...]
    ) -> tuple[str, Condition | None] | None:
        """(aggregate, which rows) over the rows of a relation; None if a word stays unexplained."""
        column = "*" if how == "count" else self._column(relation, how, name, text)
        if not column:
            return None
        known = _FILLERS | _entity(relation) | _entity(model) | stem_set("articles")
        known |= {s for k in key for s in name_stems(k)}
        known |= {s for s in name_stems(column) if how != "count"}
        left = [
            w for w in re.findall(r"[\w'’-]+", re.sub(r"['’]s\b", "", text))
            if not set(stems(w)) <= known
        ]  # fmt: skip
        if not left:
            return f"{how}({column})", None
        conditions = self.reader.conditions.read(" ".join(left), [relation])
        if len({c.sql for c in conditions}) != 1:
            return None
        return f"{how}({column})", conditions[0]

    def _column(self, relation: str, how: str, name: str, text: str) -> str:
        """What is added up or compared: called as the new column, or as the text says."""
        typed = self.view.typed_columns(relation)
        times = [c for c, t in typed.items() if t.startswith(("date", "timestamp"))]
        numbers = [
            c for c, t in typed.items() if _is_number(t) and not re.search(r"_(?:id|no|key)$", c)
        ]
        is_time = bool(re.search(r"\b(?:time|timestamp|date|day|when)\b", text, re.I)) or bool(
            re.search(r"_(?:at|on|date|dt|day|ts)$", name)
        )
        options = times if how in {"max", "min"} and is_time else numbers
        if exact := [c for c in options if c.lower() == name.lower()]:
            return exact[0]
        said = set(stems(text)) | set(name_stems(name))
        scored = sorted(((len(said & set(name_stems(c))), c) for c in options), reverse=True)
        if len(options) == 1 and is_time:
            return options[0]
        best = [c for n, c in scored if n and n == scored[0][0]]
        return best[0] if len(best) == 1 else ""


def _entity(relation: str) -> set[str]:
    """The stems of the words by which people call the rows of a model."""
    return {stem(w) for w in words(entity_of(relation))}


def _is_number(type_: str) -> bool:
    return type_.lower().startswith(
        (
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "hugeint",
            "decimal",
            "numeric",
            "double",
            "float",
            "real",
        )
    )
