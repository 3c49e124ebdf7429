"""Reads figures per row of a model out of rows that belong to it: `number of its invoices`."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crew.artifacts import AddColumn
from crew.catalog.dbt_project import entity_of
from crew.drafting.edits.conditions import Condition, negated
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
_LIMITED = re.compile(
    r"[(,]?\s*\b(?:(?:without|excluding|except(?: for)?|not counting|leaving out|other than"
    r"|(?:that|which|who)\s+(?:is|are|was|were|has been|have been)\s+(?:not|no|never))\s+(?P<out>[^()]+)"
    r"|(?:only|counting only|but only|if|where|that are|that were|which are|which were|with)\s+(?P<only>[^()]+))\)?",
    re.I,
)
_LESS = re.compile(
    r"^(?:(?:the )?(?:sum|total)(?: amount)?(?: of)?\s+)?"
    r"(?:(?:everything|all|whatever|what|the amounts?|amounts?)(?: that)?\s+)*"
    r"(?:(?:was|were|is|are|has been|have been|got)\s+)?(?P<a>[a-z]\w*)(?:\s+(?:amounts?|payments?))?"
    r"(?:\s+(?:for|of|on|in)\s+(?P<of>[\w ]+?))?\s*,?\s+(?:less|minus|net of|after deducting)\s+"
    r"(?:(?:the\s+)?(?:sum|total)\s+(?:of\s+)?)?"
    r"(?:(?:everything|all|whatever|what|the amounts?|amounts?|the)(?: that)?\s+)*"
    r"(?:(?:was|were|is|are|has been|have been|got)\s+)?(?P<b>[a-z]\w*)(?:\s+(?:amounts?|payments?))?"
    r"(?:\s+(?:for|of|on|in)\s+(?P<and>[\w ]+?))?$",
    re.I,
)
_NEGATED = re.compile(r"\b(?:not|no|never|neither|nor)\b(?!-)|n['’]t\b", re.I)
_FILLERS = {
    stem(w) for w in re.findall(r"\w+", 
        "a an the of its their that this these those each every per for over all any in to on with from"
        " and or was were is are been has have had be it they timestamp time date day column value"
        " made placed got them when most amount events rows row entries entry records record belonging which s please"
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
        text, limit = _limited(re.split(r"[.;]\s", text)[0])
        key = self.reader.keys.unique_key(model)
        if not limit.rows and (balance := self._balance(name, text, model, key)):
            return balance
        hows = [h for h, p in _HOW if re.search(rf"\b(?:{p})\b", text, re.I)]
        if not hows or (len(hows) > 1 and hows != ["count", "sum"]):  # `total number of`
            return None
        how = hows[0]
        rest = text
        for _, form in _HOW:
            rest = re.sub(rf"\b(?:{form})\b", " ", rest, flags=re.I)
        for relation, theirs in self._candidates(f"{rest} {limit.rows}", model, key):
            found = self._over(relation, how, name, (text, rest), model, theirs)
            if found is None:
                continue
            expression, where = found
            expression = self._as_date(expression, text, name, relation)
            if limit.rows:
                bare = " ".join(
                    w for w in limit.rows.split() if not set(stems(w)) <= _entity(relation)
                )
                meant = self.reader.conditions.read(limit.rows, [relation])
                meant = meant or self.reader.conditions.read(bare, [relation])
                if where or len({c.sql for c in meant}) != 1 or "{{" in meant[0].sql:
                    continue
                sql = negated(meant[0].sql, self.view.dialect) if limit.out else meant[0].sql
                where = Condition(sql, relation)
            is_number = how in {"count", "sum"} and (zero is None or zero["what"] in {"0", "zero"})
            self.reader.assume(
                f"`{name}` is `{expression}` of the rows of `{relation}` with the same {', '.join(theirs)}"
                + (f", where {where.sql}." if where else ".")
            )
            return AddColumn(
                model=model, column=name, expression=expression, relation=relation,
                keys=tuple(zip(key, theirs, strict=True)), where=where.sql if where else "",
                empty="0" if is_number else "",
            )  # fmt: skip
        return None

    def _candidates(
        self, text: str, model: str, key: tuple[str, ...]
    ) -> list[tuple[str, tuple[str, ...]]]:
        """Models that the text names by their words, most words first, of two alike the one that the
        model reads or that is made of the other; with their columns that hold the key."""
        said = set(stems(text))
        said |= {stem(w[:-1]) for w in words(text) if w.endswith("s")}
        barred = {model, *self.view.below(model)}
        found = []
        for relation in self.view.models:
            entity = _entity(relation)
            theirs = self._keys(relation, model, key, said)
            if relation in barred or not key or not theirs:
                continue
            if entity and entity <= said:
                is_read = relation in self.view.nodes[model].parents
                order = self.view.order[relation]
                found.append((len(entity), is_read, order, relation, theirs))
        return [(relation, theirs) for *_, relation, theirs in sorted(found, reverse=True)]

    def _keys(
        self, relation: str, model: str, key: tuple[str, ...], said: Set[str]
    ) -> tuple[str, ...]:
        """The columns of a relation that hold the key of a model: those that the words mean by what
        they are called besides, else called so, or the only ones that are known to point there."""
        have = {c.lower(): c for c in self.view.columns(relation)}
        pointing = [
            e
            for e in self.reader.evidence.joins
            if (e.left, e.right) == (relation, model) and (e.right_column,) == key
        ]
        roles = {e.left_column: set(name_stems(e.left_column)) - _FILLERS for e in pointing}
        own = {s for k in key for s in name_stems(k)}
        spoken = [c for c, r in roles.items() if (r - own) & said]
        if len(spoken) == 1:
            return (spoken[0],)
        if all(k.lower() in have for k in key) and _entity(relation) != _entity(model):
            return tuple(have[k.lower()] for k in key)
        return (pointing[0].left_column,) if len(pointing) == 1 and not spoken else ()

    def _balance(self, name: str, text: str, model: str, key: tuple[str, ...]) -> AddColumn | None:
        """`Everything captured less what was refunded`: one amount of rows of two states."""
        match = _LESS.match(text.strip(" .,:;"))
        if match is None or not key:
            return None
        about = set(stems(f"{match['of'] or ''} {match['and'] or ''}")) - _FILLERS - _entity(model)
        found = []
        for relation in self._others(model):
            theirs = self._keys(relation, model, key, set(stems(text)))
            card = self.reader.evidence.relation(relation)
            for column in card.columns if card and theirs else ():
                states = [_stated(match[w], column.values) for w in ("a", "b")]
                if all(states) and states[0] != states[1] and about <= _entity(relation):
                    found.append((self.view.order[relation], relation, column.name, states, theirs))
        if not found:
            return None
        _, relation, by, (plus, minus), theirs = min(found)
        amount = self._amount(relation, name)
        signs = self._signs(relation, amount, f"{by} = '{minus}'") if amount else None
        if signs is None:
            return None
        value = (
            amount if signs < 0 else f"case when {by} = '{minus}' then -{amount} else {amount} end"
        )
        where = f"{by} in ('{plus}', '{minus}')"
        told = "are negative in the data and added" if signs < 0 else "are taken off"
        self.reader.assume(
            f"`{name}` is the sum of `{relation}.{amount}` with the same {', '.join(theirs)} where {where}; those"
            f" that are {minus} {told}."
        )
        return AddColumn(
            model=model, column=name, expression=f"sum({value})", relation=relation,
            keys=tuple(zip(key, theirs, strict=True)), where=where, empty="0",
        )  # fmt: skip

    def _others(self, model: str) -> list[str]:
        barred = {model, *self.view.below(model)}
        return [m for m in self.view.models if m not in barred]

    def _amount(self, relation: str, name: str) -> str:
        """The one amount of a relation, or the one that is called like the new column."""
        numbers = [
            c for c, t in self.view.typed_columns(relation).items()
            if _is_number(t) and not re.search(r"(?:^|_)(?:id|no|key|number)$", c)
        ]  # fmt: skip
        like = [c for c in numbers if set(name_stems(c)) <= set(name_stems(name))]
        return numbers[0] if len(numbers) == 1 else like[0] if len(like) == 1 else ""

    def _signs(self, relation: str, amount: str, where: str) -> int | None:
        """-1 where amounts of these rows are negative in the data, 1 where none is; None where both
        occur or none is there."""
        data = self.reader.data
        rows = data.rows(
            f"select min({amount}), max({amount}) from {data.at(relation)} where {where}"
        )
        if not rows or rows[0][0] is None or (rows[0][0] < 0 < rows[0][1]):
            return None
        return -1 if rows[0][0] < 0 else 1

    def _over(
        self,
        relation: str,
        how: str,
        name: str,
        said: tuple[str, str],
        model: str,
        key: tuple[str, ...],
    ) -> tuple[str, Condition | None] | None:
        """(aggregate, which rows) over the rows of a relation; `said` is the text and what is left
        of it without the words for the aggregate. None if a word stays unexplained."""
        whole, text = said
        if _NEGATED.search(text):
            return None  # `no`, `not` would be lost among the words that say nothing
        column = "*" if how == "count" else self._column(relation, how, name, whole)
        if not column:
            return None
        known = _FILLERS | _entity(relation) | _entity(model) | stem_set("articles")
        known |= {s for k in key for s in name_stems(k)}
        if _entity(relation) == _entity(model):
            known.add(stem("other"))
        known |= {s for s in name_stems(column) if how != "count"}
        if how != "count":
            known |= self._always(relation)
        left = [
            w for w in re.findall(r"[\w'’-]+", re.sub(r"['’]s\b", "", text))
            if not set(stems(w)) <= known
        ]  # fmt: skip
        if not left:
            return f"{how}({column})", None
        conditions = self.reader.conditions.read(" ".join(left), [relation])
        if len({c.sql for c in conditions}) != 1:
            return None
        if how != "count" and re.fullmatch(r"NOT \w+ IS NULL", conditions[0].sql):
            return None  # `the genre of the first ticket`: a value of that row, no figure
        return f"{how}({column})", conditions[0]

    def _column(self, relation: str, how: str, name: str, text: str) -> str:
        """What is added up or compared: called as the new column, or as the text says."""
        typed = self.view.typed_columns(relation)
        times = [c for c, t in typed.items() if t.startswith(("date", "timestamp"))]
        numbers = [
            c for c, t in typed.items() if _is_number(t) and not re.search(r"_(?:id|no|key)$", c)
        ]
        is_time = bool(
            re.search(
                r"\b(?:time|timestamp|date|day|when|first|last|latest|newest|oldest|earliest)\b",
                text,
                re.I,
            )
            or re.search(r"_(?:at|on|date|dt|day|ts)$", name)
        )
        options = times if how in {"max", "min"} and is_time else numbers
        if exact := [c for c in options if c.lower() == name.lower()]:
            return exact[0]
        said = set(stems(text)) | set(name_stems(name))
        scored = sorted(((len(said & set(name_stems(c))), c) for c in options), reverse=True)
        if len(options) == 1 and is_time:
            return options[0]
        best = [c for n, c in scored if n and n == scored[0][0]]
        if is_time and len(best) != 1:
            return self._dating(relation)
        return best[0] if len(best) == 1 else ""

    def _as_date(self, expression: str, text: str, name: str, relation: str) -> str:
        """Of a moment the day, where a date is asked for."""
        match = re.fullmatch(r"(max|min)\((\w+)\)", expression)
        type_ = self.view.typed_columns(relation).get(match[2], "") if match else ""
        is_day = re.search(r"\b(?:date|day)\b", text, re.I) and not re.search(
            r"_(?:at|ts|dt)$", name
        )
        if match is None or not type_.startswith("timestamp") or not is_day:
            return expression
        return f"{match[1]}(cast({match[2]} as date))"

    def _dating(self, relation: str) -> str:
        """The column that dates the rows of a relation, if it is clear which one does."""
        card = self.reader.evidence.relation(relation)
        times = self.reader.linker.times(card) if card else []
        if not times or (len(times) > 1 and times[0][1] < times[1][1] + 0.3):
            return ""
        return times[0][0].name

    def _always(self, relation: str) -> set[str]:
        """Words for what happened to all rows of a relation: `paid` where each has a `paid_on`."""
        card = self.reader.evidence.relation(relation)
        typed = self.view.typed_columns(relation)
        filled = [
            c.name for c in (card.columns if card else ())
            if c.nulls == 0 and typed.get(c.name, "").startswith(("date", "timestamp"))
        ]  # fmt: skip
        return {s for c in filled for s in name_stems(c)}


@dataclass(frozen=True)
class _Limit:
    """Words for the rows that count, or with `out` for those that do not."""

    rows: str = ""
    out: bool = False


def _limited(text: str) -> tuple[str, _Limit]:
    """The text without what limits its rows, and that. Other remarks in brackets go."""
    match = _LIMITED.search(text)
    if match is None:
        return text.split("(")[0], _Limit()
    rows = match["out"] or match["only"]
    rows = re.sub(
        r"^(?:(?:the|those|all|any|ones?)\s+)+|\s+(?:only|ones)$", "", rows.strip(" ().,")
    )
    left = text[: match.start()] + (
        " " + text[match.end() :] if match.group().startswith("(") else ""
    )
    return left.split("(")[0], _Limit(rows, bool(match["out"]))


def _entity(relation: str) -> set[str]:
    """The stems of the words by which people call the rows of a model."""
    return {stem(w) for w in words(entity_of(relation))}


def _stated(said: str, values: Sequence[str]) -> str:
    """The value that a word means: as it is spelt, or by its stem."""
    same = [v for v in values if v.lower() == said.lower()]
    alike = same or [v for v in values if stems(v) == [stem(said.lower())]]
    return alike[0] if len(alike) == 1 else ""


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
