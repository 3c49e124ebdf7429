"""Compiles a staging plan into SQL: source, latest delivery, then names and types."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from crew.artifacts import DraftModel, Evidence, Increment, RequirementSpec, Staging
from crew.catalog.warehouse_profile import quoted
from crew.drafting.edits.incremental import incremental_by, since_newest
from crew.drafting.sql_layout import FINAL, Cte, import_cte, tree_sql, write_model


def compile_staging(spec: RequirementSpec, evidence: Evidence, path: str) -> DraftModel:
    """The staging model of `spec.staging` over the source `spec.target`."""
    staging = spec.staging
    assert staging is not None
    dialect = evidence.dialect
    ctes = [import_cte("source", spec.target)]
    key = next(c for c in staging.columns if c.name == staging.key) if staging.key else None
    if staging.increment:
        raw = next(c.source for c in staging.columns if c.name == staging.increment.at)
        source = evidence.relation(spec.target)
        card = source.column(raw) if source else None
        has_empty = bool(card and card.nulls)
        ctes.append(_new_rows(staging, staging.increment, has_empty, evidence))
    if staging.latest_by and key:
        order = "" if staging.takes_first else " desc"
        by = key.expression if key.path else quoted(key.source, dialect)
        latest = quoted(staging.latest_by, dialect)
        rank = f"row_number() over (partition by {by} order by {latest}{order})"
        ranked = f"select *, {rank} as delivery_rank from {ctes[-1].name}"
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
    sql = write_model(ctes, evidence.conventions, dialect)
    usual = evidence.conventions.staging_materialization
    return DraftModel(
        name=spec.model,
        path=path,
        sql=incremental_by(sql, staging.increment.key) if staging.increment else sql,
        layer="staging",
        materialization="incremental" if staging.increment else usual,
        relations=(spec.target,),
        columns=tuple(c.name for c in staging.columns),
        reads_source=True,
    )


def _new_rows(staging: Staging, increment: Increment, has_empty: bool, evidence: Evidence) -> Cte:
    """What arrived since the newest row of the model, less the days that rows come late; all where
    it has none yet. `has_empty` says that some rows do not tell when they arrived."""
    dialect, by_name = evidence.dialect, {c.name: c for c in staging.columns}

    def written(column: str) -> str:
        tree = sqlglot.parse_one(by_name[column].expression, read=dialect)
        return tree_sql(tree, evidence.conventions, dialect)

    at = written(increment.at)
    since = since_newest(increment.at, increment.days, dialect)
    nothing_yet = f"not exists (select 1 from {{{{ this }}}} where {increment.at} is not null)"
    new = "\n    or ".join([f"{at} >= {since}", nothing_yet, *[f"{at} is null"] * has_empty])
    if increment.whole_keys:
        key = written(increment.key[0])
        new = f"{key} in (\n    select {key} from source\n    where {new}\n)"
    return Cte(
        "new_rows",
        f"select * from source\n{{% if is_incremental() %}}\nwhere {new}\n{{% endif %}}",
        f"rows may come up to {increment.days} day{'s' * (increment.days != 1)} late",
    )


def _column(expression: str, name: str, dialect: str) -> exp.Expr:
    tree = sqlglot.parse_one(expression, read=dialect)
    if isinstance(tree, exp.Column) and tree.name == name:
        return tree
    return exp.alias_(tree, name)
