"""Reads formulas of a model's own columns: `price - cost`, `a divided by b`, `days from a to b`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import AddColumn

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_AFTER = r"(?:,?\s*(?:if|where|when|empty|null|zero|0)\b.*)?"
_SPELT = (
    (r"\b(?:is )?over(?=\s+[\d.])", ">"),
    (r"\b(?:is )?under(?=\s+[\d.])", "<"),
    (r"\bdivided by\b|\bover\b|\bgeteilt durch\b", "/"),
    (r"\bminus\b|\bless\b", "-"),
    (r"\bplus\b", "+"),
    (r"\btimes\b|\bmultiplied by\b", "*"),
    (r"\b(?:is )?(?:greater|more|larger|later) than\b|\babove\b|\bafter\b", ">"),
    (r"\b(?:is )?(?:less|smaller|earlier) than\b|\bbelow\b|\bbefore\b", "<"),
    (r"\bat least\b", ">="),
    (r"\bat most\b", "<="),
)
_LEAD = re.compile(
    r"^[^\w(]*(?:(?:too|as well|please|there|also|here|to it|i\.?e\.?|that is|namely|so|meaning|which is|is|as|equals?"
    r"|true (?:if|when|where)|whether|if|computed as|calculated as)\b\W*)*=?\s*",
    re.I,
)
_BETWEEN = re.compile(
    r"\b(?P<unit>day|hour|week|month|minute)s?\s+(?:between|from)\s+(?P<a>.+?)\s+(?:and|to|until|till)\s+"
    r"(?P<b>.+?)(?=[,;.(]|\s+(?:if|empty|null|where|when)\b|$)",
    re.I,
)
_APART = re.compile(
    r"(?P<a>[A-Za-z]\w*)\s*(?:-|\bminus\b)\s*(?P<b>[A-Za-z]\w*)\s*,?\s+in\s+(?:full\s+)?"
    r"(?P<unit>(?:day|hour|week|month|minute)s?)\b",
    re.I,
)
_SPELT_OUT = re.compile(
    r"(?<![\w.])(?!and\b|or\b|not\b)[A-Za-z]+\s*(?P<sum>\([^()]*\w\s*[-+*/]\s*[\w.]+\s*\))", re.I
)
_OPERATORS = (exp.Binary, exp.Paren, exp.Column, exp.Identifier, exp.Literal, exp.Neg)
_IS_FLAG = re.compile(r"(?:is|has|was|had)_", re.I)
_CUTTING = {"postgres", "redshift", "tsql", "trino", "presto", "athena", "sqlite"}
_FRACTIONS = ("double", "float", "real", "decimal", "numeric")
_NUMBER = r"(?:tiny|small|big|huge|u)?int|decimal|numeric|double|float|real"
_UNITS = {
    word: "|".join(words)
    for words in (
        ("km", "kms", "kilometre", "kilometres", "kilometer", "kilometers"),
        ("m", "metre", "metres", "meter", "meters"), ("mi", "mile", "miles"),
        ("h", "hr", "hrs", "hour", "hours"), ("min", "mins", "minute", "minutes"),
        ("s", "sec", "secs", "second", "seconds"), ("day", "days"), ("week", "weeks"),
        ("kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"), ("g", "gram", "grams"),
        ("t", "ton", "tons", "tonne", "tonnes"), ("l", "litre", "litres", "liter", "liters"),
    )
    for word in words
    if len(word) > 1
}  # fmt: skip
_AROUND = re.compile(
    r"a|an|the|to|in|into|on|of|for|its?|is|are|as|by|with|that|which|how|many|numbers?|count|difference|time|duration|e"
    r"|length|elapsed|span|full|whole|exact|so|also|please|there|new|column|field|called|named|computed|calculated|i"
    r"|and|put|add|model|table|mart|each|every|row|per|should|be|was|were|shows?",
    re.I,
)
_DAY = re.compile(r"^\W*(?:the\s+)?(?:day|date)\s+of\s+", re.I)


class Formulas:
    """Formulas over the columns of one model."""

    def __init__(self, reader: EditReader) -> None:
        self.reader = reader

    def read(self, name: str, definition: str, model: str) -> AddColumn | None:
        """The column as the definition computes it; None where it is no formula through and
        through."""
        definition = _APART.sub(r"\g<unit> from \g<b> to \g<a>", definition)
        sql = self._between(definition, model) or self._computed(name, definition, model)
        return AddColumn(model=model, column=name, expression=sql) if sql else None

    def _between(self, definition: str, model: str) -> str:
        match = _BETWEEN.search(definition)
        if match is None or self._says_more(definition, match, model):
            return ""
        found = [self._time(match[part], model) for part in ("a", "b")]
        ends = [t for t in found if t]
        if len(ends) < 2:
            return ""
        unit = match["unit"].lower()
        if unit == "day" or any(t == "date" for _, t in ends):
            ends = [(f"cast({c} as date)" if t != "date" else c, "date") for c, t in ends]
        start, end = (sqlglot.parse_one(c) for c, _ in ends)
        tree: exp.Expr = exp.DateDiff(this=end, expression=start, unit=exp.var(unit.upper()))
        if unit in {"hour", "minute"}:
            seconds = 3600.0 if unit == "hour" else 60.0
            tree = exp.Div(
                this=exp.DateDiff(this=end, expression=start, unit=exp.var("SECOND")),
                expression=exp.Literal.number(seconds),
            )
        return str(tree.sql(dialect=self.reader.view.dialect)).lower()

    def _says_more(self, definition: str, match: re.Match[str], model: str) -> bool:
        """Whether a sentence says more of a column than the span in it: `km divided by the hours …`."""
        before = re.split(r"[.;]\s", definition[: match.start()])[-1]
        behind = re.split(
            r"[.;](?:\s|$)|,?\s*\b(?:empty|null|blank|leer)\b", definition[match.end() :]
        )[0]
        words = re.findall(r"[A-Za-z]\w*|\d+|[*/+]", f"{before} {behind}")
        return any(not _AROUND.fullmatch(w) and w.lower() != model.lower() for w in words)

    def _time(self, phrase: str, model: str) -> tuple[str, str] | None:
        """The date or timestamp that a phrase names, and its type."""
        phrase = _DAY.sub("", phrase).strip(" ,.:`")
        typed = self.reader.view.typed_columns(model)
        link = self.reader.names.column(re.sub(r"^(?:the|its)\s+", "", phrase, flags=re.I), model)
        if (
            link is None
            or link.others
            or not typed.get(link.name, "").startswith(("date", "timestamp"))
        ):
            return None
        if not link.exact:
            self.reader.assume(f"“{link.said}” is `{link.name}`.")
        return link.name, "date" if typed[link.name] == "date" else "timestamp"

    def _computed(self, name: str, definition: str, model: str) -> str:
        """Own columns and numbers with an operator between them, and no other word."""
        text = re.sub(rf"^.*?\b{re.escape(name)}\s*=", "=", definition)
        text = re.sub(r"\((?=[^()]*[a-z]{3,}[^()]*\brather\b)[^()]*\)", " ", text)
        text = re.split(
            rf"\s+(?:to|in|into|on)\s+(?:the\s+)?[`\"']?{re.escape(model)}[`\"']?\s*$",
            text.strip(" ."),
        )[0]
        text = _LEAD.sub("", text).strip(" .;:")
        for spelt, sign in _SPELT:
            text = re.sub(spelt, f" {sign} ", text, flags=re.I)
        text = (
            re.sub(r"\s+", " ", text).strip(" ()") if text.count("(") != text.count(")") else text
        )
        text = re.sub(r"\((?:0?\.\d+ \S+ \S+ \d+)\)", "", text).strip()
        if not re.search(r"[-+*/<>]", text):
            return ""
        text = _SPELT_OUT.sub(r"\g<sum>", text)  # `hours (minutes / 60)`
        text = self._by_name(text, model)
        try:
            tree = sqlglot.parse_one(text, read=self.reader.view.dialect)
        except SqlglotError:
            return ""
        columns = {c.lower() for c in self.reader.view.columns(model)}
        used = list(tree.find_all(exp.Column))
        if not isinstance(tree, exp.Binary) or not used:
            return ""
        if _IS_FLAG.match(name) and not isinstance(tree, exp.Predicate | exp.Connector):
            return ""
        if any(not isinstance(n, _OPERATORS) for n in tree.walk()):
            return ""
        if any(c.table or c.name.lower() not in columns for c in used):
            return ""
        self._by_day(tree, model)
        for division in list(tree.find_all(exp.Div)):
            by = division.expression
            if self._cuts(division, model):
                one = exp.Literal.number("1.0")
                division.set("this", exp.Mul(this=one, expression=division.this.copy()))
            if not isinstance(by, exp.Literal):
                division.set(
                    "expression", exp.Nullif(this=by.copy(), expression=exp.Literal.number(0))
                )
        sql = str(tree.sql(dialect="duckdb")).replace(" AND ", " and ")
        return re.sub(r"NULLIF|CAST|AS DATE", lambda m: m.group().lower(), sql)

    def _by_day(self, tree: exp.Expr, model: str) -> None:
        """A moment is compared with a date by its day."""
        typed = {c.lower(): t for c, t in self.reader.view.typed_columns(model).items()}
        for comparison in list(tree.find_all(exp.GT, exp.LT, exp.GTE, exp.LTE, exp.EQ)):
            sides = [comparison.this, comparison.expression]
            types = [
                typed.get(x.name.lower(), "") if isinstance(x, exp.Column) else "" for x in sides
            ]
            for side, own, other in zip(sides, types, types[::-1], strict=True):
                if own.startswith("timestamp") and other == "date":
                    self.reader.assume(f"`{side.name}` is compared by its day.")
                    side.replace(exp.cast(side.copy(), "date"))

    def _cuts(self, division: exp.Div, model: str) -> bool:
        """Whether the warehouse would cut a quotient of whole numbers to a whole one."""
        if self.reader.view.dialect not in _CUTTING:
            return False
        types = {c.lower(): t for c, t in self.reader.view.typed_columns(model).items()}
        parts = [types.get(c.name.lower(), "") for c in division.find_all(exp.Column)]
        decimals = any("." in n.name for n in division.find_all(exp.Literal))
        return not decimals and not any(t.startswith(_FRACTIONS) for t in parts)

    def _by_name(self, text: str, model: str) -> str:
        """The text with each operand that is the words of a column as that column."""
        parts = re.split(r"(\s*(?:>=|<=|[-+*/<>()])\s*)", text)
        found = []
        for part in parts:
            said = part.strip()
            plain = not re.search(r"[A-Za-z]", said)
            link = None if plain else self.reader.names.column(said, model, loose=False)
            measured = "" if plain or link else self._in_unit(said, model)
            found.append(f" {link.name} " if link and not link.others else measured or part)
        return " ".join("".join(found).split())

    def _in_unit(self, said: str, model: str) -> str:
        """The one number that is in a unit by its name: `distance_km` for `kilometres`."""
        unit = _UNITS.get(re.sub(r"^(?:the|its)\s+|s$", "", said.lower().strip()), "")
        typed = self.reader.view.typed_columns(model)
        numbers = [
            c for c, t in typed.items()
            if unit and re.match(_NUMBER, t, re.I) and set(c.lower().split("_")) & set(unit.split("|"))
        ]  # fmt: skip
        if len(numbers) != 1:
            return ""
        self.reader.assume(f"“{said}” are `{numbers[0]}`.")
        return f" {numbers[0]} "
