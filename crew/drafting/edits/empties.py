"""Reads for which rows an added column is to be empty, and makes sure that it is.

`Leave it empty for cars left on the street` holds where the column is made of one that is
documented to be empty there; `empty if the trip lasted 0 minutes` is a condition. What neither
explains is asked about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from crew.artifacts import AddColumn
from crew.drafting.edits.columns import is_aggregate
from crew.drafting.edits.conditions import negated
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import snake, stem_set

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_EMPTY = r"(?:empty|null|blank)"
_WHEN = r"(?:for|if|when|whenever|where|while|as long as|in case(?: of)?)"
_CLAUSE = re.compile(
    rf"^\W*(?:please\s+|and\s+|but\s+)*(?:(?:leave|keep|let|make|set)\s+(?:(?:it|this|that|the (?:column|field"
    rf"|value))\s+)?(?:(?:to|be|as)\s+)?{_EMPTY}|(?:(?:it|this|that|the (?:column|field|value))\s+)?(?:(?:should|must"
    rf"|has to|is to|can|may|is|stays?|remains?)\s+)?(?:(?:be|stay|remain)\s+)?{_EMPTY})\s*,?\s+"
    rf"{_WHEN}\s+(?P<when>.+)$",
    re.I,
)
_OR = re.compile(rf"\s*,?\s+or\s+(?:also\s+)?(?:{_WHEN}\s+)?(?!\w+ (?:is|are)\b.*\bnull)", re.I)
_TOLD = re.compile(
    rf"\b{_EMPTY}\s+(?:for|if|when|where|while|until|as long as|unless)\s+(?P<when>[^.;]+)", re.I
)
_NOTHING = re.compile(
    r"^(?:(?:there (?:is|are|was|were)|it (?:has|is)|they (?:have|are))\s+)?(?:no|none|nothing|not any|unknown"
    r"|missing)(?:\s+\w+){0,2}$|^it (?:does not|doesn['’]t) exist$",
    re.I,
)


class Empties:
    """The empty values of the columns that one `EditReader` adds."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view = reader, reader.view

    def read(self, clause: str, edit: AddColumn) -> AddColumn | None:
        """The column, empty where a clause says so; None where it says nothing of the kind. What is
        not clear is asked about."""
        match = _CLAUSE.match(clause.strip(" ."))
        if match is None or edit.like:
            return None
        for part in _OR.split(match["when"]):
            edit = self._emptied(edit, part.strip(" .,"))
        return edit

    def _emptied(self, edit: AddColumn, part: str) -> AddColumn:
        inputs = self._inputs(edit)
        if told := self._documented(part, edit.model, inputs):
            self.reader.assume(
                f"“{part}”: `{edit.column}` is empty where `{told}` is, which says so."
            )
            return edit
        inside = re.findall(r"\(([^()]+)\)", part)
        found = {
            c.sql
            for text in (*inside, part.split("(")[0])
            for c in self.reader.conditions.read(text, [edit.model])[:2]
        }
        found = {c for c in found if "{{" not in c}
        if inside and len(found) > 1:
            found = {c.sql for t in inside for c in self.reader.conditions.read(t, [edit.model])}
        if len(found) == 1:
            return self._where(edit, part, found.pop(), inputs)
        if not found and _NOTHING.match(part) and edit.relation and not edit.empty:
            return edit
        options = [f"rows where `{c}` is empty" for c in inputs]
        index = self.reader.ask(
            f"edit:empty:{edit.column}:{snake(part)[:30]}",
            f"“{part}”: for which rows is `{edit.column}` to be empty? I found no column or description that"
            " says so.",
            [*((o, "") for o in options), ("no others than it is by itself", "")],
        )
        if index is not None and index < len(inputs):
            self.reader.assume(f"“{part}” are the rows where `{inputs[index]}` is empty.")
        return edit

    def _where(self, edit: AddColumn, part: str, sql: str, inputs: list[str]) -> AddColumn:
        dialect = self.view.dialect
        tree = sqlglot.parse_one(sql, read=dialect)
        names = {c.name.lower() for c in tree.find_all(exp.Column)}
        made_of = {i.lower() for i in inputs}
        if isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null) and names <= made_of:
            self.reader.assume(f"“{part}”: `{edit.column}` is empty where `{sql}`.")
            return edit
        if edit.relation:
            self.reader.ask(
                f"edit:empty:{edit.column}",
                f"`{edit.column}` comes from `{edit.relation}`; that it is to be empty where `{sql}` I cannot"
                " carry out. How should it be done?",
                [("leave that out", "")],
            )
            return edit
        self.reader.assume(f"“{part}”: `{edit.column}` is empty where `{sql}`.")
        divided = [
            _multiplied(n.this).sql()
            for n in sqlglot.parse_one(edit.expression, read=dialect).find_all(exp.Nullif)
        ]
        if isinstance(tree, exp.EQ) and tree.expression.sql() == "0" and tree.this.sql() in divided:
            return edit
        bare = _untotalled(edit.expression, names, self._nullable(edit.model))
        if bare:
            return edit.model_copy(update={"expression": bare})
        value = f"case when {negated(sql, dialect)} then {edit.expression} end"
        return edit.model_copy(update={"expression": value})

    def _inputs(self, edit: AddColumn) -> list[str]:
        """The model's own columns that leave the new one empty where they are."""
        own = [k for k, _ in edit.keys]
        if not edit.relation:
            tree = sqlglot.parse_one(edit.expression, read=self.view.dialect)
            bare = tree.find(exp.Coalesce, exp.Case, exp.If) is None
            own = list(dict.fromkeys(c.name for c in tree.find_all(exp.Column))) if bare else []
        elif edit.empty or is_aggregate(edit.expression, self.view.dialect):
            own = []
        nullable = self._nullable(edit.model)
        return [c for c in own if c.lower() in nullable]

    def _nullable(self, model: str) -> set[str]:
        """The model's columns that may be empty, in lower case."""
        card = self.reader.evidence.relation(model)
        full = {c.name.lower() for c in card.columns if c.nulls == 0} if card else set()
        return {c.lower() for c in self.view.columns(model)} - full

    def _documented(self, part: str, model: str, inputs: list[str]) -> str:
        """The column of those that is documented to be empty for what a phrase says."""
        card = self.reader.evidence.relation(model)
        for name in inputs:
            column = card.column(name) if card else None
            if column and is_documented_empty(part, column.told):
                return name
        return ""


def is_documented_empty(part: str, description: str) -> bool:
    """Whether a description says of a column that it is empty for what a phrase says."""
    said = set(content_stems(part)) - stem_set("stops")
    told = _TOLD.search(description)
    known = set(content_stems(told["when"])) if told else set()
    return bool(said) and 2 * len(said & known) >= len(said) and len(said - known) < 2


def _multiplied(tree: exp.Expr) -> exp.Expr:
    """What a product with a number or a quotient by one is made of: it is 0 where that is."""
    while isinstance(tree, exp.Paren) or (
        isinstance(tree, exp.Div | exp.Mul) and isinstance(tree.expression, exp.Literal)
    ):
        tree = tree.this
    return tree


def _untotalled(expression: str, empty: set[str], nullable: set[str]) -> str:
    """Of `coalesce(condition, false)` the condition, where it is empty for just what is to be."""
    tree = sqlglot.parse_one(expression, read="duckdb")
    if not isinstance(tree, exp.Coalesce) or not re.fullmatch(r"coalesce\(.*, false\)", expression):
        return ""
    used = {c.name.lower() for c in tree.find_all(exp.Column)}
    compared = isinstance(tree.this, exp.EQ | exp.NEQ | exp.GT | exp.LT | exp.GTE | exp.LTE)
    return (
        expression[len("coalesce(") : -len(", false)")]
        if compared and used & nullable == empty
        else ""
    )
