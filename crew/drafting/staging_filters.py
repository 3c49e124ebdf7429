"""Rows that a staging ticket leaves out: `leave out test rows`, `only rows since 2023`, `where
is_internal is false`. What does not read exactly, as one condition of the source's own columns, is left
to be asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from crew.artifacts import ColumnCard, Evidence, RelationCard
from crew.catalog.warehouse_profile import is_arrival, is_boolean, is_numeric, is_temporal, quoted
from crew.drafting.date_words import DateSpan, find_date_span
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.schema_linker import SchemaLinker, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.staging_words import unwrapped
from crew.drafting.vocabulary import alike, stem, stem_set

_CLAUSE = re.compile(
    r";\s|[.!?](?:\s|$)|\n|,\s+(?=(?:and\s+)?(?:only|without|no|leave|exclud|skip|drop|ignore|nur|ohne))",
    re.I,
)
_ROWS = r"(?:rows?|records?|entries|lines|ones|those|zeilen|einträge|datensätze)"
_KEEP = re.compile(
    rf"^(?:please\s+|bitte\s+)?(?:(?:we\s+(?:only\s+)?(?:need|want)\s+|keep\s+|take\s+|load\s+)?(?:only|just|nur)\s+(?P<a>.+)"
    rf"|(?:keep|take)\s+(?P<b>{_ROWS}\s+.+)|(?:where|filter(?:ed)?\s+(?:on|to|by))\s+(?P<c>.+))$", re.I
)  # fmt: skip
_DROP = re.compile(
    r"^(?:please\s+|bitte\s+|but\s+|and\s+)*(?:(?:leave|filter|take)\s+out|exclude|excluding|skip|drop|ignore|omit|remove|without|no"
    r"|ohne|lass\w*)\s+(?:the\s+|all\s+|any\s+|die\s+|alle\s+)?(?P<a>.+?)(?:\s+(?:out|away|weg|raus|aus))?$"
    r"|^(?:please\s+|bitte\s+)?(?:leave|filter|take)\s+(?:the\s+|all\s+)?(?P<b>.+?)\s+out$", re.I
)  # fmt: skip
_OPENS = re.compile(
    rf"^(?:(?:the|all|any|those|these|die|alle)\s+)*(?:{_ROWS}\s+)?(?:(?:where|with|whose|that|which|having|mit|wo|bei\s+denen|from|of)\s+)?",
    re.I,
)
_COMPARED = re.compile(
    r"^(?:the\s+)?[`\"']?(?P<column>\w+)[`\"']?\s*"
    r"(?P<op>is\s+not|isn['’]t|!=|<>|>=|<=|==?|>|<|is|ist|are|was)\s*(?P<value>.+?)$", re.I
)  # fmt: skip
_NULL = re.compile(r"^(?:null|empty|missing|blank|leer|not\s+set|unknown)$", re.I)
_FILLED = re.compile(r"^(?:not\s+(?:null|empty|missing|blank)|set|filled|known|gesetzt)$", re.I)
_LACKING = re.compile(
    r"^(?:without|lacking|missing|ohne|sans|sin)\s+(?:an?\s+|any\s+|the\s+|eine?n?\s+)?[`\"']?(?P<column>\w+(?:\s\w+)?)[`\"']?$",
    re.I,
)
_NEGATED = re.compile(
    r"\b(?:without|no|not|never|except|but|ohne|kein\w*|nicht|un(?:less|til))\b|n['’]t\b", re.I
)
_SPOKEN = (
    (r"(?:is\s+|are\s+)?(?:below|under|less\s+than|smaller\s+than)", "<"),
    (r"(?:is\s+|are\s+)?(?:above|over|more\s+than|greater\s+than|larger\s+than)", ">"),
    (r"(?:is\s+|are\s+)?at\s+least", ">="),
    (r"(?:is\s+|are\s+)?at\s+most", "<="),
)
_YES, _NO = (
    {"true", "yes", "t", "y", "1", "wahr", "ja"},
    {"false", "no", "f", "n", "0", "falsch", "nein"},
)


@dataclass(frozen=True)
class RowFilter:
    """`keep` is true for rows that stay (never unknown); `clause` is what says so."""

    keep: str
    clause: str

    def is_only_about(self, column: str) -> bool:
        names = {c.name for c in sqlglot.parse_one(self.keep, read="duckdb").find_all(exp.Column)}
        return names == {column}


@dataclass(frozen=True)
class WhichDate:
    """A clause of dates where more than one column may be meant."""

    clause: str
    span: DateSpan
    columns: tuple[str, ...]


class FilterReader:
    """Filters over the columns of one source; `names` are source columns and what they are called."""

    def __init__(self, source: RelationCard, evidence: Evidence, names: Mapping[str, str]) -> None:
        self.source, self.dialect, self.names = source, evidence.dialect, names
        alone = evidence.model_copy(update={"relations": (source,), "joins": (), "glossary": ()})
        self.linker = SchemaLinker(alone, JoinPlanner(alone))

    def read(self, text: str) -> Iterator[RowFilter | WhichDate]:
        for clause in _CLAUSE.split(unwrapped(text)):
            clause = clause.strip(" -*•")
            for pattern, keeps in ((_KEEP, True), (_DROP, False)):
                match = pattern.match(clause)
                if match is None:
                    continue
                said = next(g for g in match.groups() if g)
                found = self._condition(said, clause)
                if isinstance(found, WhichDate) and keeps:
                    yield found
                elif isinstance(found, str) and found:
                    yield RowFilter(found if keeps else f"not ({found})", clause)
                break

    def between(self, column: str, span: DateSpan) -> str:
        """The days of a span, as SQL over a column; unknown ones are not among them."""
        name = quoted(column, self.dialect)
        bounds = [f"{name} >= cast('{span.start}' as date)"] if span.start else []
        bounds += [f"{name} < cast('{span.end}' as date)"] if span.end else []
        return self._known(" and ".join(bounds))

    def _condition(self, said: str, clause: str) -> str | WhichDate:
        if match := _LACKING.match(_OPENS.sub("", said)):
            column = self._column(match["column"])
            return f"{quoted(column.name, self.dialect)} is null" if column else ""
        if _NEGATED.search(said) and not _COMPARED.match(_OPENS.sub("", said).strip(" .`")):
            return ""
        span, rest = find_date_span(said)
        if span is not None:
            return self._dated(span, rest, clause)
        plain = _OPENS.sub("", said).strip(" .`")
        for words_, sign in _SPOKEN:
            plain = re.sub(rf"(?<=\w)\s+{words_}\s+(?=-?\d)", f" {sign} ", plain, flags=re.I)
        if match := _COMPARED.match(plain):
            column = self._column(match["column"])
            if column is not None:
                return self._compared(column, match["op"].lower(), match["value"].strip(" .`'\"“”"))
            return ""
        own = {x for s in entity_stems(self.source) for x in alike(s)} | {
            stem(w) for w in ("row", "record", "entry", "line")
        }
        stems_ = [s for s in content_stems(said) if s not in stem_set("stops")]
        for wanted in ([s for s in stems_ if s not in own], stems_):
            links = self.linker.conditions(wanted, [self.source.key]) if wanted else []
            conditions = {k.condition for k in links}
            if len(conditions) == 1:
                return self._known(self._bare(conditions.pop()))
        return ""

    def _dated(self, span: DateSpan, rest: str, clause: str) -> str | WhichDate:
        own = {x for s in entity_stems(self.source) for x in alike(s)}
        own |= {
            stem(w) for w in ("row", "record", "entry", "line", "only", "from", "since", "data")
        }
        said = [s for s in content_stems(_OPENS.sub("", rest)) if s not in own | stem_set("stops")]
        dates = [c for c in self.source.columns if is_temporal(c)]
        if said:
            dates = [c for c in dates if set(said) <= set(column_stems(c))]
            return self.between(dates[0].name, span) if len(dates) == 1 else ""
        dates = [c for c in dates if not is_arrival(c.name)] or dates
        if len(dates) == 1:
            return self.between(dates[0].name, span)
        return WhichDate(clause, span, tuple(c.name for c in dates)) if dates else ""

    def _column(self, said: str) -> ColumnCard | None:
        names = {c.lower(): c for c in self.names} | {n.lower(): c for c, n in self.names.items()}
        names |= {c.name.lower(): c.name for c in self.source.columns}
        found = names.get(said.lower())
        if found:
            return self.source.column(found)
        fitting = [
            c for c in self.source.columns if set(content_stems(said)) == set(column_stems(c))
        ]
        return fitting[0] if len(fitting) == 1 and content_stems(said) else None

    def _compared(self, column: ColumnCard, operator: str, value: str) -> str:
        name = quoted(column.name, self.dialect)
        negative = operator in {"is not", "isn't", "isn’t", "!=", "<>"}
        if value.lower().startswith(("not ", "nicht ")) and not _FILLED.match(value):
            negative, value = not negative, value.split(" ", 1)[1]
        if _NULL.match(value) or _FILLED.match(value):
            empty = bool(_NULL.match(value)) != negative
            return f"{name} is null" if empty else f"{name} is not null"
        if operator in {"<", ">", "<=", ">="}:
            if is_numeric(column) and re.fullmatch(r"-?\d+(?:\.\d+)?", value):
                return self._known(f"{name} {operator} {value}")
            return ""
        if is_boolean(column):
            if value.lower() not in _YES | _NO:
                return ""
            wanted = (value.lower() in _YES) != negative
            return f"coalesce({name}, false)" if wanted else f"not coalesce({name}, false)"
        values = [v.strip(" '\"“”`") for v in re.split(r"\s*,\s*|\s+(?:or|oder|and|und)\s+", value)]
        literals = [self._literal(column, v) for v in values]
        if not literals or not all(literals):
            return ""
        known = self._known(f"{name} in ({', '.join(literals)})")
        return f"not ({known})" if negative else known

    def _literal(self, column: ColumnCard, value: str) -> str:
        """A value as the data write it; empty where no row has it."""
        if is_numeric(column):
            return value if re.fullmatch(r"-?\d+(?:\.\d+)?", value) else ""
        same = [v for v in column.values if v == value] or [
            v for v in column.values if v.strip().lower() == value.lower()
        ]
        return "'" + same[0].replace("'", "''") + "'" if len(same) == 1 else ""

    def _bare(self, condition: str) -> str:
        tree = sqlglot.parse_one(condition, read=self.dialect)
        for column in tree.find_all(exp.Column):
            column.replace(exp.column(column.name, quoted=True))
        return str(tree.sql(dialect=self.dialect))

    def _known(self, condition: str) -> str:
        """The condition as one that is false where it is unknown."""
        tree = sqlglot.parse_one(condition, read=self.dialect)
        if isinstance(tree, exp.Is | exp.Coalesce) or (
            isinstance(tree, exp.Not) and isinstance(tree.this, exp.Is | exp.Coalesce)
        ):
            return condition
        return f"coalesce({condition}, false)"


def together(conditions: Sequence[str]) -> str:
    return " and ".join(c for c in conditions if c)
