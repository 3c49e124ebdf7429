"""Adds columns to an existing model's SQL by text, so that every line that was there stays.

The last select becomes a CTE (if it is more than `select * from x`), and a further CTE looks the
new columns up over unique keys or joins figures aggregated to the model's own key first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from crew.artifacts import DraftModel, Evidence, JoinEdge, RelationCard, RequirementSpec
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.row_sets import Aliases, RowSet, dimension_sql, parse_sql
from crew.drafting.scope import key_of
from crew.drafting.sql_layout import Cte, cased, ref_sql, tree_sql

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.S)
_QUIET = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.S)
_STAR = re.compile(r"select\s+\*\s+from\s+(\w+)\s*;?\s*\Z", re.I)
_IMPORT = re.compile(
    r"(\w+)\s+as\s*\(\s*select\s+\*\s+from\s+\{\{\s*ref\(\s*['\"](\w+)['\"]\s*\)\s*\}\}\s*\)", re.I
)


class CannotEdit(Exception):
    """The model's SQL has a shape that this editor does not know."""


@dataclass(frozen=True)
class _Ending:
    """Where the model's last select begins and ends, and what it selects from if it is a star."""

    start: int
    end: int
    star_of: str | None
    has_with: bool


def compile_change(
    spec: RequirementSpec, evidence: Evidence, planner: JoinPlanner, target: RelationCard
) -> DraftModel:
    """The model with the new columns. Raises CannotEdit, NoJoin or AmbiguousJoin."""
    text = evidence.sql.get(target.key)
    if not text:
        raise CannotEdit(f"the SQL of {target.key} is not at hand")
    return _Change(spec, evidence, planner, target, text).compile()


class _Change:
    def __init__(
        self,
        spec: RequirementSpec,
        evidence: Evidence,
        planner: JoinPlanner,
        target: RelationCard,
        text: str,
    ) -> None:
        self.spec, self.evidence, self.planner, self.target, self.text = (
            spec,
            evidence,
            planner,
            target,
            text,
        )
        self.ending = find_ending(text)
        masked = _mask(text)
        taken = {m.lower() for m in re.findall(r"(\w+)\s+as\s*\(", masked, re.I)}
        self.aliases = Aliases(taken=set(taken))
        for name, model in _IMPORT.findall(text):
            self.aliases.names.setdefault(model, name)
        self.imported = dict(self.aliases.names)

    def compile(self) -> DraftModel:
        base = self.ending.star_of or self.aliases.fresh("base")
        self.aliases.names[self.target.key] = base
        ctes: list[Cte] = []
        joins = self.planner.plan(self.target.key, {d.relation for d in self.spec.dimensions})
        figures = self._figures()
        used = dict.fromkeys(
            [e.right for e in joins]
            + [
                k
                for rows, _ in figures
                for k in (rows.relation, *(e.right for e in rows.joins))
                if k != self.target.key
            ]
        )
        for key in used:
            if key not in self.imported:
                ctes.append(Cte(self.aliases.of(key), f"select * from {ref_sql(key)}"))
        ctes += [cte for _, cte in figures]
        last = self.aliases.fresh(self._step_name())
        ctes.append(Cte(last, self._select(base, joins, figures)))
        return DraftModel(
            name=self.target.key,
            path=self.target.path,
            sql=self._splice(base, ctes, last),
            action="update",
            layer=self.target.layer,
            materialization=self.target.materialization,
            relations=(*used,),
            joins=tuple(joins),
            columns=(*(c.name for c in self.target.columns), *self._new_names()),
        )

    def _new_names(self) -> list[str]:
        return [*(d.name for d in self.spec.dimensions), *(m.name for m in self.spec.metrics)]

    def _step_name(self) -> str:
        name = "with_" + "_and_".join(self._new_names())
        return name if len(name) <= 40 else "with_added_columns"

    # --- figures per row of the target ---------------------------------------------------------

    def _figures(self) -> list[tuple[RowSet, Cte]]:
        """One aggregate per metric, grouped by the column that points at the target."""
        found = []
        for metric in self.spec.metrics:
            if len(metric.measures) != 1 or metric.formula != metric.measures[0].name:
                raise CannotEdit(
                    f"{metric.label!r} is a formula; only single figures can be added to a model"
                )
            measure = metric.measures[0]
            filters = tuple(
                dict.fromkeys((*measure.filters, *(f.condition for f in self.spec.filters)))
            )
            rows = RowSet(measure.relation, filters, [measure], [], self.evidence, self.aliases)
            needed = {
                key_of(c)
                for f in filters
                for c in parse_sql(f, self.evidence.dialect).find_all(exp.Column)
            }
            path = self.planner.path(measure.relation, self.target.key)
            rows.joins = self.planner.plan(
                measure.relation, (needed | {path[-1].left}) - {""}, measure.keys
            )
            owner, column = path[-1].left, path[-1].left_column
            key = exp.column(column, table=self.aliases.of(owner))
            value = self._aggregate(rows, measure.expression, measure.aggregation)
            query = rows.select()
            query.set("expressions", [key, exp.alias_(value, metric.name)])
            query = query.group_by(key.copy())
            rows.columns[(owner, column)] = column
            found.append((rows, Cte(self.aliases.fresh(f"{metric.name}_per_row"), query)))
        return found

    def _aggregate(self, rows: RowSet, expression: str, aggregation: str) -> exp.Expr:
        if expression == "*":
            return exp.Count(this=exp.Star())
        value = rows.aliased(expression)
        name = {"average": "avg", "count_distinct": "count"}.get(aggregation, aggregation)
        inner: exp.Expr = (
            exp.Distinct(expressions=[value]) if aggregation == "count_distinct" else value
        )
        return exp.func(name, inner)

    # --- the last step -------------------------------------------------------------------------

    def _select(
        self, base: str, joins: list[JoinEdge], figures: list[tuple[RowSet, Cte]]
    ) -> exp.Select:
        columns: list[exp.Expr] = [exp.Column(this=exp.Star(), table=exp.to_identifier(base))]
        for dimension in self.spec.dimensions:
            column = parse_sql(dimension_sql(dimension), self.evidence.dialect)
            source = exp.column(column.name, table=self.aliases.of(dimension.relation))
            columns.append(
                source if dimension.name == column.name else exp.alias_(source, dimension.name)
            )
        query_joins = [
            (
                self.aliases.of(e.right),
                exp.column(e.left_column, table=self.aliases.of(e.left)),
                exp.column(e.right_column, table=self.aliases.of(e.right)),
            )
            for e in joins
        ]
        for metric, (_, cte) in zip(self.spec.metrics, figures, strict=True):
            value: exp.Expr = exp.column(metric.name, table=cte.name)
            if metric.measures[0].aggregation in {"count", "count_distinct", "sum"}:
                value = exp.Coalesce(this=value, expressions=[exp.Literal.number(0)])
            columns.append(exp.alias_(value, metric.name))
            edge = self.planner.path(metric.measures[0].relation, self.target.key)[-1]
            query_joins.append(
                (
                    cte.name,
                    exp.column(edge.right_column, table=base),
                    exp.column(edge.left_column, table=cte.name),
                )
            )
        query = exp.select(*columns).from_(base)
        for table, left, right in query_joins:
            query = query.join(table, on=left.eq(right), join_type="left")
        return query

    def _splice(self, base: str, ctes: list[Cte], last: str) -> str:
        conventions, dialect = self.evidence.conventions, self.evidence.dialect
        indent = " " * conventions.indent
        blank = "\n" if re.search(r"as\s*\(\s*?\n\s*?\n", self.text, re.I) else ""
        newline = "\r\n" if "\r\n" in self.text else "\n"
        blocks = []
        for cte in ctes:
            body = (
                cased(cte.body, conventions)
                if isinstance(cte.body, str)
                else tree_sql(cte.body, conventions, dialect)
            )
            lines = "\n".join(f"{indent}{line}" if line else "" for line in body.splitlines())
            blocks.append(f"{cte.name} {cased('as', conventions)} (\n{blank}{lines}\n{blank})")
        added = ",\n\n".join(blocks)
        final = f"{cased('select', conventions)} * {cased('from', conventions)} {last}"
        head, tail = self.text[: self.ending.start], self.text[self.ending.end :]
        if self.ending.star_of:
            text = f"{head.rstrip()},\n\n{added}\n\n{final}"
        else:
            old = self.text[self.ending.start : self.ending.end].splitlines()
            inner = "\n".join(f"{indent}{line}".rstrip() for line in old)
            opening = (
                f"{head.rstrip()},\n\n"
                if self.ending.has_with
                else f"{head}{cased('with', conventions)}\n\n"
            )
            text = (
                f"{opening}{base} {cased('as', conventions)} (\n{inner}\n),\n\n{added}\n\n{final}"
            )
        ending = tail if tail.strip(" \r\n") == "" else ""
        return re.sub(r"\r?\n", newline, text) + (ending or newline)


def _mask(text: str) -> str:
    """The text with Jinja, comments and strings blanked out, length and lines kept."""
    for pattern in (_JINJA, _QUIET):
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    return text


def find_ending(text: str) -> _Ending:
    """The last select at the outermost level. Raises CannotEdit where there is none."""
    masked = _mask(text)
    depth, starts = 0, []
    for matched in re.finditer(r"[()]|\bselect\b|\bwith\b", masked, re.I):
        token = matched.group().lower()
        if token == "(":
            depth += 1
        elif token == ")":
            depth -= 1
        elif depth == 0:
            starts.append((token, matched.start()))
    selects = [at for token, at in starts if token == "select"]
    if not selects:
        raise CannotEdit("the model has no select at its outermost level")
    start = selects[0]
    end = len(text.rstrip(" \t\r\n;"))
    after = text[end:]
    if "{%" in text[start:end] or "{%" in after:
        raise CannotEdit("the model's last select is built by Jinja blocks")
    star = _STAR.match(text[start:])
    return _Ending(start, end, star.group(1) if star else None, any(t == "with" for t, _ in starts))
