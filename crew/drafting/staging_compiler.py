"""Compiles a staging plan into SQL: source, latest delivery, then names and types."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from crew.artifacts import DraftModel, Evidence, RequirementSpec
from crew.catalog.warehouse_profile import quoted
from crew.drafting.sql_layout import FINAL, Cte, import_cte, write_model


def compile_staging(spec: RequirementSpec, evidence: Evidence, path: str) -> DraftModel:
    """The staging model of `spec.staging` over the source `spec.target`."""
    staging = spec.staging
    assert staging is not None
    dialect = evidence.dialect
    ctes = [import_cte("source", spec.target)]
    key = next(c for c in staging.columns if c.name == staging.key) if staging.key else None
    if staging.latest_by and key:
        order = "" if staging.takes_first else " desc"
        by = key.expression if key.path else quoted(key.source)
        rank = f"row_number() over (partition by {by} order by {quoted(staging.latest_by)}{order})"
        ranked = f"select *, {rank} as delivery_rank from source"
        ctes.append(
            Cte(
                "ranked",
                sqlglot.parse_one(ranked, read=dialect),
                "the same key is delivered again: the"
                f" {'first' if staging.takes_first else 'last'} delivery holds",
            )
        )
    query = exp.select(*(_column(c.expression, c.name, dialect) for c in staging.columns)).from_(
        ctes[-1].name
    )
    if staging.latest_by and key:
        query = query.where("delivery_rank = 1")
    if staging.keep:
        query = query.where(staging.keep, dialect=dialect)
    ctes.append(Cte(FINAL, query))
    return DraftModel(
        name=spec.model,
        path=path,
        sql=write_model(ctes, evidence.conventions, dialect),
        layer="staging",
        materialization=evidence.conventions.staging_materialization,
        relations=(spec.target,),
        columns=tuple(c.name for c in staging.columns),
        reads_source=True,
    )


def _column(expression: str, name: str, dialect: str) -> exp.Expr:
    tree = sqlglot.parse_one(expression, read=dialect)
    if isinstance(tree, exp.Column) and tree.name == name:
        return tree
    return exp.alias_(tree, name)
