"""Compiles the metrics that an existing mart lacks onto the rows that it has.

Each measure is aggregated to the mart's own rows as in a new model, and joined to them by their
keys: rows and columns that are there stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from crew.artifacts import DraftModel, Evidence, RelationCard, RequirementSpec
from crew.drafting.change_compiler import step_name
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.model_text import CannotEdit, ModelText
from crew.drafting.row_sets import row_sets
from crew.drafting.sql_compiler import AggregateCompiler, Group, named
from crew.drafting.sql_layout import Cte, import_cte


def compile_extension(
    spec: RequirementSpec, evidence: Evidence, planner: JoinPlanner, target: RelationCard
) -> DraftModel:
    """The model with the metrics of a specification that `extends` it.

    Raises CannotEdit, NoJoin, AmbiguousJoin or UnknownColumn.
    """
    sql = evidence.sql.get(target.key)
    if not sql:
        raise CannotEdit(f"the SQL of {target.key} is not at hand")
    text = ModelText(sql, evidence)
    return _Extension(spec, evidence, planner, text.aliases, target=target, text=text).added()


@dataclass
class _Extension(AggregateCompiler):
    target: RelationCard = field(kw_only=True)
    text: ModelText = field(kw_only=True)

    def added(self) -> DraftModel:
        self.sets = row_sets(self.spec, self.evidence, self.planner, self.aliases)
        used = self._relations()
        new = [key for key in used if key not in self.text.imported]
        self.ctes = [import_cte(self.aliases.of(key), key) for key in new]
        for rows in self.sets:
            self._add_rows(rows)
        groups = self._groups()
        if any(g.measures[0].is_stock for g in groups):
            self._add_own_periods()
        for group in groups:
            is_stock = group.measures[0].is_stock
            query = self._stock_select(group) if is_stock else self._flow_select(group)
            self.ctes.append(Cte(group.name, query))
        columns = self._joined(groups)
        return DraftModel(
            name=self.target.key,
            path=self.target.path,
            sql=self.text.with_steps(self.ctes),
            action="update",
            layer=self.target.layer,
            materialization=self.target.materialization,
            relations=tuple(used),
            joins=tuple(dict.fromkeys(e for rows in self.sets for e in rows.joins)),
            columns=(*(c.name for c in self.target.columns), *columns),
        )

    def _add_own_periods(self) -> None:
        """The periods that the mart has rows for: stocks are counted at each of them."""
        assert self.spec.time is not None
        name = self.spec.time.column
        period = exp.column(self.spec.extends[name])
        self.periods = self.aliases.fresh(f"{self.spec.time.grain}s")
        query = exp.select(named(period, name)).distinct().from_(self.text.base)
        self.ctes.append(Cte(self.periods, query))

    def _joined(self, groups: list[Group]) -> list[str]:
        """The last step; returns the names of the columns that it adds."""
        filled = {m.name: self._filled(m, g.name) for g in groups for m in g.measures}
        values = [v for v in self._values(filled) if self.target.column(v[0]) is None]
        base = self.text.base
        every = exp.Column(this=exp.Star(), table=exp.to_identifier(base))
        query = exp.select(every, *(named(tree, name) for name, tree in values)).from_(base)
        for group in groups:
            query = query.join(group.name, on=self._own_keys(group.name), join_type="left")
        names = [name for name, _ in values]
        self.ctes.append(Cte(self.aliases.fresh(step_name(names)), query))
        return names

    def _own_keys(self, group: str) -> exp.Expr:
        """The mart's keys are ours; a dimension may be empty, a period is not."""
        conditions: list[exp.Expr] = []
        for ours, theirs in self.spec.extends.items():
            a, b = exp.column(theirs, table=self.text.base), exp.column(ours, table=group)
            is_period = self.spec.time is not None and ours == self.spec.time.column
            conditions.append(a.eq(b) if is_period else exp.NullSafeEQ(this=a, expression=b))
        return exp.and_(*conditions)
