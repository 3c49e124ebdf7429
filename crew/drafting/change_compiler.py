"""Adds columns to an existing model's SQL by text, so that every line that was there stays.

The last select becomes a CTE (if it is more than `select * from x`), and a further CTE looks the
new columns up over unique keys or joins figures aggregated to the model's own key first.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from crew.artifacts import (
    DraftModel,
    Evidence,
    JoinEdge,
    Measure,
    RelationCard,
    RequirementSpec,
)
from crew.drafting.aggregates import aggregate
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.model_text import CannotEdit, ModelText
from crew.drafting.row_sets import RowSet, dimension_sql, parse_sql
from crew.drafting.scope import key_of
from crew.drafting.sql_layout import Cte, import_cte


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
        self.spec, self.evidence, self.planner, self.target = spec, evidence, planner, target
        self.text = ModelText(text, evidence)
        self.aliases = self.text.aliases

    def compile(self) -> DraftModel:
        base = self.text.base
        self.aliases.names[self.target.key] = base
        ctes: list[Cte] = []
        dimensions = self.spec.dimensions
        keys = tuple(dict.fromkeys(d.key for d in dimensions if d.key))
        joins = self.planner.plan(self.target.key, {d.relation for d in dimensions}, keys)
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
            if key not in self.text.imported:
                ctes.append(import_cte(self.aliases.of(key), key))
        ctes += [cte for _, cte in figures]
        last = self.aliases.fresh(step_name(self._new_names()))
        ctes.append(Cte(last, self._select(base, joins, figures)))
        return DraftModel(
            name=self.target.key,
            path=self.target.path,
            sql=self.text.with_steps(ctes),
            action="update",
            layer=self.target.layer,
            materialization=self.target.materialization,
            relations=(*used,),
            joins=tuple(joins),
            columns=(*(c.name for c in self.target.columns), *self._new_names()),
        )

    def _new_names(self) -> list[str]:
        return [*(d.name for d in self.spec.dimensions), *(m.name for m in self.spec.metrics)]

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
            value = self._aggregate(rows, measure)
            query = rows.select()
            query.set("expressions", [key, exp.alias_(value, metric.name)])
            query = query.group_by(key.copy())
            rows.columns[(owner, column)] = column
            found.append((rows, Cte(self.aliases.fresh(f"{metric.name}_per_row"), query)))
        return found

    def _aggregate(self, rows: RowSet, measure: Measure) -> exp.Expr:
        if measure.expression == "*":
            return exp.Count(this=exp.Star())
        order = rows.aliased(measure.order_by) if measure.order_by else None
        return aggregate(measure, rows.aliased(measure.expression), order)

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


def step_name(columns: Sequence[str]) -> str:
    """What the step that adds columns is called."""
    name = "with_" + "_and_".join(columns)
    return name if len(name) <= 40 else "with_added_columns"
