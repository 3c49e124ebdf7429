"""Reads the condition of rows out of a phrase: `status is cancelled`, `test accounts`, `before 2020`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import Evidence, RelationCard
from crew.drafting.edits.names import Names
from crew.drafting.schema_linker import SchemaLinker, content_stems, entity_stems
from crew.drafting.scope import needs_quotes
from crew.drafting.vocabulary import alike, name_stems, snake, stem, stem_set, stems

_OPERATORS = (
    (r"(?:is|are|was|were)\s+(?:null|empty|missing|unknown|blank|not set)", "null"),
    (r"(?:is|are|was|were)\s+(?:not\s+(?:null|empty|missing|blank)|set|filled|known)", "not null"),
    (r"(?:is|are|was|were|does|do)\s*(?:not|n['’]t)\s+(?:equal(?: to)?\s+)?"
     r"|(?:isn|aren|wasn)['’]t\s+|!=|<>|other than", "<>"),
    (r">=|(?:is |are )?(?:at least|no less than|from)", ">="),
    (r"<=|(?:is |are )?(?:at most|no more than|up to|until)", "<="),
    (r">|(?:is |are )?(?:above|over|greater than|more than|larger than|after|since|later than)", ">"),
    (r"<|(?:is |are )?(?:below|under|less than|smaller than|before|earlier than|older than)", "<"),
    (r"=|(?:is|are|was|were|equals?|equal to|in|of|one of)", "="),
)  # fmt: skip
_VALUE = r"(?P<value>['\"“‘`][^'\"”’`]+['\"”’`](?:\s*(?:,|or|and|nor)+\s*['\"“‘`][^'\"”’`]+['\"”’`])*|[\w.,:/ -]+)"
_SQL = re.compile(r"`([^`]*(?:[=<>]|\bis\b|\bin\b|\blike\b)[^`]*)`", re.I)
_INTRO = re.compile(
    r"^\W*(?:(?:all|any|the|those|these|rows?|records?|entries|lines|ones|where|with|whose|that|which|who|have|has|having|a|an|for|of)\s+)*",
    re.I,
)  # fmt: skip
_SPAN = re.compile(
    r"\b(?P<word>from|since|after|before|until|ab|vor|depuis|avant|desde)\s+"
    r"(?P<day>[\w ,.-]*?\d{4}(?:-\d\d-\d\d)?)(?:\s+(?:on|onwards?))?\s*$",
    re.I,
)
_DAYS = (
    "%Y-%m-%d",
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%B %d %Y",
    "%B %Y",
    "%b %Y",
    "%d.%m.%Y",
    "%Y",
)
_APART = re.compile(
    r"(?P<said>\w[\w ]*?)\s+(?P<how>more than|over|at least|less than|at most)\s+(?P<n>\d+)\s+"
    r"(?P<unit>minute|hour|day|week)s?\s+(?P<side>after|before)\s+(?:the\s+|its\s+)?[`\"']?(?P<other>\w+)",
    re.I,
)
_NUMBER = r"(?:tiny|small|big|huge)?int|decimal|numeric|double|float|real"
_MEASURED = re.compile(
    r"^\W*(?:(?:of|with|lasting|that (?:took|lasted|are|were))\s+)?"
    r"(?P<sign>longer than|more than|over|above|at least|less than|under|shorter than|at most|up to)\s+"
    r"(?P<n>\d+(?:\.\d+)?)\s+(?P<unit>[A-Za-z]+)(?P<rest>(?:\s+[A-Za-z]+){0,2})\W*$",
    re.I,
)
_EXACT = re.compile(
    r"^\W*(?:(?:it|they|the \w+|that|which)\s+)?(?:lasted|lasts?|took|takes?)\s+(?:exactly\s+|only\s+)?"
    r"(?P<n>\d+(?:\.\d+)?)\s+(?P<unit>[A-Za-z]+)(?P<rest>)\W*$",
    re.I,
)
_SIGNS = {"at least": ">=", "at most": "<=", "up to": "<=",
          "less than": "<", "under": "<", "shorter than": "<"}  # fmt: skip
_WITH_UNIT = re.compile(
    r"[€$£]?\s*(?P<n>-?\d*(?:[, ]\d{3})*\.?\d+)\s*(?:[A-Za-z]+|[€$£%])?(?:\s+(?:long|each|or so|in total))?\W*"
)
"""A number and its unit, and nothing else: `1000 EUR and not void` says more."""
_LACKING = re.compile(r"\b(?:without|missing|lacking|with no|ohne|sans|sin)\b", re.I)
_QUOTED = re.compile(r"['\"“‘`]([^'\"”’`]+)['\"”’`]")


@dataclass(frozen=True)
class Condition:
    """SQL that is true for the rows meant, over bare columns of `relation`; `reason` says how it was
    understood where that was not plain."""

    sql: str
    relation: str
    reason: str = ""


class ConditionReader:
    """Conditions over the columns of one project."""

    def __init__(self, evidence: Evidence, names: Names, linker: SchemaLinker) -> None:
        self.evidence, self.names, self.linker = evidence, names, linker

    def read(self, phrase: str, relations: Sequence[str]) -> list[Condition]:
        """What the phrase may mean on the rows of the first relation that explains it."""
        for relation in relations:
            found = (
                self._written(phrase, relation)
                or self._compared(phrase, relation)
                or self._valued(phrase, relation)
            )
            if found:
                return found
        for relation in relations:
            if found := self._linked(phrase, relation):
                return found
        return []

    def _written(self, phrase: str, relation: str) -> list[Condition]:
        """SQL in backticks, as it is."""
        columns = {c.lower() for c in self.names.view.columns(relation)}
        for text in (*_SQL.findall(phrase), phrase.strip(" .")):
            try:
                tree = sqlglot.parse_one(text, read=self.evidence.dialect)
            except SqlglotError:
                continue
            is_test = isinstance(tree, exp.Predicate | exp.Connector | exp.Not | exp.In | exp.Is)
            used = [c for c in tree.find_all(exp.Column)]
            if any(
                not isinstance(n.expression, exp.Null | exp.Boolean) for n in tree.find_all(exp.Is)
            ):
                continue  # `minutes is 0` is English
            if not is_test or not used or any(c.name.lower() not in columns for c in used):
                continue
            if tree.find(exp.Query, exp.Anonymous, exp.Command) is None:
                plain = tree.transform(
                    lambda n: exp.column(n.this) if isinstance(n, exp.Column) else n
                )
                return [Condition(plain.sql(dialect=self.evidence.dialect), relation)]
        return []

    def _compared(self, phrase: str, relation: str) -> list[Condition]:
        """`<column> <operator> <value>`."""
        text = _INTRO.sub("", phrase.strip(" ."))
        if apart := self._apart(text, relation) or self._measured(text, relation):
            return apart
        parts = re.split(r"\s+(?:and|or)\s+(?=\w+\s+(?:is|=|>|<|!=))", text)
        if len(parts) > 1:
            return []
        for operator, sign in _OPERATORS:
            match = re.search(rf"(?:^|(?<=\s))(?:{operator})(?:\s+|$)", text, re.I)
            if match is None:
                continue
            said, value = text[: match.start()], text[match.end() :].strip(" .")
            column = (
                self.names.column(_last_words(said), relation, loose=False)
                if said.strip()
                else None
            )
            if column is None and sign in {"<", ">", "<=", ">="} and _is_date(value):
                column_name = self._only_date(relation, said)
            elif column is None or column.others:
                continue
            else:
                column_name = column.name
            if not column_name:
                continue
            sql = self._sql(column_name, sign, value, relation)
            if sql:
                why = "" if column and column.exact else f"`{column_name}` is the column meant"
                return [Condition(sql, relation, why)]
        if dated := self._dated(text, relation):
            return dated
        lacking = re.match(
            r"(?P<of>[\w ]+?)\s+(?=(?:without|with no|missing|lacking)\s)(?:with\s+)?", text, re.I
        )
        card = self.evidence.relation(relation)
        if lacking and card and set(content_stems(lacking["of"])) <= _entity(card):
            text = text[lacking.end() :]  # `orders without a date` are the rows without it
        if match := re.match(
            r"(?:without|no|missing|lacking)\s+(?:an?\s+|any\s+)?(?P<c>[\w ]+)$", text, re.I
        ):
            column = self.names.column(match["c"], relation)
            if column and not column.others:
                return [Condition(f"{_name(column.name)} is null", relation)]
        return []

    def _valued(self, phrase: str, relation: str) -> list[Condition]:
        """`<column> <value>` or a value alone, as the data writes it: `status N`, `LST`."""
        said, _, value = phrase.strip(" .`'\"").rpartition(" ")
        card = self.evidence.relation(relation)
        value = value.strip("`'\"")
        having = [c for c in card.columns if value in c.values] if card and value else []
        if card and not having and re.fullmatch(r"\w+(?:-\w+)+", value):  # `no-show`: `no_show`
            spelt = {
                (c.name, v) for c in card.columns for v in c.values if snake(v) == snake(value)
            }
            having = [c for c in card.columns if any(c.name == name for name, _ in spelt)]
            value = min((v for _, v in spelt), default=value)
        if not having or len(said.split()) > 2:
            return []
        column = self.names.column(said, relation) if said else None
        named_ = [c for c in having if column and c.name == column.name]
        named_ = named_ or [c for c in having if said and set(stems(said)) <= set(stems(c.told))]
        chosen = named_ or (having if len(having) == 1 and (said == "" or len(value) <= 4) else [])
        if not chosen:
            return []
        sql = f"{_name(chosen[0].name)} = {_literal(value)}"
        return [Condition(sql, relation, f"“{phrase}”")]

    def _apart(self, text: str, relation: str) -> list[Condition]:
        """`arrived more than 2 hours after due_at`: two moments, and how far they are apart."""
        match = _APART.search(text)
        if match is None:
            return []
        typed = self.names.view.typed_columns(relation)
        times = [c for c, t in typed.items() if t.startswith(("date", "timestamp"))]
        other = self.names.column(match["other"], relation, loose=False)
        said = self.names.column(_last_words(match["said"]), relation, loose=False)
        if other is None or other.name not in times:
            return []
        heads = {w[:5].lower() for w in re.findall(r"[A-Za-z]{5,}", match["said"])}
        spoken = [c for c in times if c != other.name and c[:5].lower() in heads]
        one = said.name if said and said.name in times else spoken[0] if len(spoken) == 1 else ""
        past = [c for c in times if c != other.name and _alike_past(c, match["said"])]
        left = [c for c in times if c != other.name]
        one = one or next((p[0] for p in (past, left) if len(p) == 1), "")
        if not one:
            return []
        late = match["side"].lower() in {"after", "later than"}
        sign = (">" if late else "<") + ("=" if match["how"].lower() == "at least" else "")
        if match["how"].lower().startswith(("less", "at most")):
            return []
        gap = f"interval '{match['n']}' {match['unit'].lower()}"
        sql = f"{_name(one)} {sign} {_name(other.name)} {'+' if late else '-'} {gap}"
        return [Condition(sql, relation, f"“{match['said'].strip()}” is `{one}`")]

    def _measured(self, text: str, relation: str) -> list[Condition]:
        """`longer than 60 minutes`, where one number of the relation is in minutes by its name."""
        match = _MEASURED.match(text) or _EXACT.match(text)
        card = self.evidence.relation(relation)
        if match is None or card is None:
            return []
        said = {*stems(match["unit"]), *(stems(match["rest"] or ""))}
        typed = self.names.view.typed_columns(relation)
        numbers = [c for c, t in typed.items() if re.match(_NUMBER, t) and said <= set(stems(c))]
        if len(numbers) != 1:
            return []
        said_sign = match.groupdict().get("sign")
        sign = _SIGNS.get(said_sign.lower(), ">") if said_sign else "="
        return [Condition(f"{_name(numbers[0])} {sign} {match['n']}", relation, f"“{text}”")]

    def _dated(self, text: str, relation: str) -> list[Condition]:
        """`orders from 1 January 2026 on`: a day and a side of it."""
        match = _SPAN.search(text)
        day = _day(match["day"]) if match else ""
        if match is None or not day:
            return []
        typed = self.names.view.typed_columns(relation)
        dates = [c for c, t in typed.items() if t.startswith(("date", "timestamp"))]
        heads = {w[:3].lower() for w in re.findall(r"[A-Za-z]{3,}", text[: match.start()])}
        meant = [c for c in dates if c[:3].lower() in heads] if len(dates) > 1 else dates
        if len(meant) != 1:
            return []
        word = match["word"].lower()
        sign = (
            ">="
            if word in {"from", "since", "ab", "depuis", "desde"}
            else ">"
            if word == "after"
            else "<"
        )
        sql = f"{_name(meant[0])} {sign} '{day}'"
        return [Condition(sql, relation, f"by `{meant[0]}`")]

    def _only_date(self, relation: str, said: str) -> str:
        typed = self.names.view.typed_columns(relation)
        dates = [c for c, t in typed.items() if t.startswith(("date", "timestamp"))]
        return dates[0] if len(dates) == 1 else ""

    def _sql(self, column: str, sign: str, value: str, relation: str) -> str:
        name = _name(column)
        if sign in {"null", "not null"}:
            return f"{name} is {sign}"
        quoted = _QUOTED.findall(value)
        if quoted and re.sub(r"\b(?:or|and|nor)\b", "", _QUOTED.sub("", value)).strip(" ,."):
            return ""
        type_ = {k.lower(): v for k, v in self.names.view.typed_columns(relation).items()}.get(
            column.lower(), ""
        )
        if sign in {"<", ">", "<=", ">="}:
            bare = (quoted or [value])[0]
            if type_.startswith(("date", "timestamp")):
                if re.fullmatch(r"\d{4}", bare):
                    bare = f"{bare}-01-01"
                return f"{name} {sign} '{bare}'" if _is_date(bare) else ""
            number = _WITH_UNIT.fullmatch(bare.strip())
            return f"{name} {sign} {re.sub('[, ]', '', number['n'])}" if number else ""
        if type_.startswith(("date", "timestamp")) and sign in {"=", "<>"}:
            return _in_time(name, type_, sign, (quoted or [value])[0]) if len(quoted) < 2 else ""
        values = quoted or [v.strip(" .'\"") for v in re.split(r",|\bor\b|\band\b|\bnor\b", value)]
        literals = [s for v in values if v and (s := self._literal(v, column, type_, relation))]
        if not literals or len(literals) < len([v for v in values if v]):
            return ""
        if literals[0] in {"true", "false"}:
            positive = (literals[0] == "true") == (sign == "=")
            return name if positive else f"not {name}"
        if len(literals) == 1:
            return f"{name} {sign} {literals[0]}"
        listed = ", ".join(literals)
        return f"{name} {'in' if sign == '=' else 'not in'} ({listed})"

    def _literal(self, value: str, column: str, type_: str, relation: str) -> str:
        """A value as SQL, in the spelling of the data; empty if it is no value of the column."""
        if type_.startswith("bool"):
            return {"true": "true", "false": "false", "yes": "true", "no": "false"}.get(
                value.lower(), ""
            )
        if re.fullmatch(r"-?\d+(?:\.\d+)?", value) and not type_.startswith(
            ("varchar", "text", "char", "string")
        ):
            return value
        if re.match(_NUMBER, type_, re.I):
            return ""
        card = self.evidence.relation(relation)
        known = card.column(column) if card else None
        for candidate in known.values if known else ():
            if candidate.lower() == value.lower() or stems(candidate) == stems(value):
                value = candidate
        return "'" + value.replace("'", "''") + "'"

    def _linked(self, phrase: str, relation: str) -> list[Condition]:
        """By the values and flags of the data, of the relation itself alone."""
        said = [s for s in content_stems(phrase) if s not in stem_set("stops")]
        card = self.evidence.relation(relation)
        if not said or card is None or _LACKING.search(phrase):
            return []
        own = _entity(card)
        for wanted in (said, [s for s in said if s not in own]):
            if not wanted:
                continue
            links = [
                k for k in self.linker.conditions(wanted, [relation]) if k.relation == relation
            ]
            if links:
                best = [k for k in links if k.score >= links[0].score - 0.04]
                return [
                    Condition(_bare(k.condition, self.evidence.dialect), relation, f"“{phrase}”")
                    for k in dict.fromkeys(best)
                ]
        return self._flagged(set(said), card, own)

    def _flagged(self, said: set[str], card: RelationCard, own: set[str]) -> list[Condition]:
        """`test accounts`, where a flag `is_test_member` is described as `accounts of our own team`."""
        found = []
        for column in card.columns:
            name = set(name_stems(column.name)) - {"is", "has", "was"}
            told = set(content_stems(column.told))
            is_flag = column.data_type.lower().startswith("bool") and bool(name - own)
            if is_flag and name - own <= said <= name | own | told:
                found.append(column.name)
        if len(found) != 1:
            return []
        return [Condition(_name(found[0]), card.key, "as it is described")]


def negated(sql: str, dialect: str) -> str:
    """The exact opposite, true where the condition is unknown too."""
    tree = sqlglot.parse_one(sql, read=dialect)
    if isinstance(tree, exp.EQ) and isinstance(tree.this, exp.Column):
        return f"{tree.this.sql(dialect=dialect)} is distinct from {tree.expression.sql(dialect=dialect)}"
    if isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null):
        return f"{tree.this.sql(dialect=dialect)} is not null"
    if isinstance(tree, exp.Not) and isinstance(tree.this, exp.Is):
        return str(tree.this.sql(dialect=dialect)).lower()
    return f"not coalesce({sql}, false)"


def _alike_past(column: str, said: str) -> bool:
    """Whether the words say what the column dates: `arrived` for a `delivered_at`."""
    head = stem(re.split(r"[_\d]", column.lower())[0])
    return bool({x for s in stems(said) for x in alike(s)} & (alike(head) | {head}))


def _last_words(said: str) -> str:
    """What is compared, without what it is of: `rows where the town` is `town`."""
    said = re.split(r"\b(?:where|whose|with|having|that have|which have)\b", said)[-1]
    return re.sub(r"^\s*(?:the|a|an|their|its)\s+", "", said)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _bare(sql: str, dialect: str) -> str:
    tree = sqlglot.parse_one(sql, read=dialect)
    for column in tree.find_all(exp.Column):
        column.set("table", None)
        column.set("db", None)
    return str(tree.sql(dialect=dialect))


def _name(column: str) -> str:
    return f'"{column}"' if needs_quotes(column) else column


def _day(text: str) -> str:
    """A day as ISO writes it; a year or a month alone is its first day; empty where it is none."""
    for form in _DAYS:
        try:
            return datetime.strptime(text.strip(), form).date().isoformat()
        except ValueError:
            continue
    return ""


def _in_time(name: str, type_: str, sign: str, said: str) -> str:
    """`started_at in 2024`, `on 2024-05-01`; empty where it is no year or day."""
    year = re.fullmatch(r"\d{4}", said.strip())
    if year:
        span = f"{name} >= '{said.strip()}-01-01' and {name} < '{int(said) + 1}-01-01'"
        return span if sign == "=" else f"not ({span})"
    day = re.fullmatch(r"\d{4}-\d\d-\d\d", said.strip())
    column = f"cast({name} as date)" if type_.startswith("timestamp") else name
    return f"{column} {sign} '{said.strip()}'" if day else ""


def _is_date(value: str) -> bool:
    return bool(re.fullmatch(r"\d{4}(?:-\d\d(?:-\d\d)?)?", value.strip(" '\"")))


def _entity(card: RelationCard) -> set[str]:
    return {stem(s) for s in entity_stems(card)} | set(entity_stems(card))
