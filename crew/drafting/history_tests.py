"""Tests and descriptions of a type-2 history: its periods are there, unique and never overlap."""

from __future__ import annotations

from crew.artifacts import (
    ColumnDoc,
    DraftModel,
    Evidence,
    GenericTest,
    Grounding,
    ModelDoc,
    RequirementSpec,
    SingularTest,
)
from crew.drafting.figure_tests import bare
from crew.drafting.sql_layout import ref_sql


def history_tests(
    spec: RequirementSpec, model: DraftModel, evidence: Evidence
) -> tuple[list[GenericTest], list[SingularTest]]:
    """Keys and beginnings are there; no period of a key begins before another one has ended."""
    history = spec.history
    assert history is not None
    names = {d.column: d.name for d in spec.dimensions}
    keys = [names[k] for k in history.key]
    generic = [
        GenericTest(model=model.name, column=c, test="not_null", reason="part of the row's grain")
        for c in (*keys, history.valid_from)
    ]
    begins, ends = bare(history.valid_from), bare(history.valid_to)
    same = " and ".join(f"later.{bare(k)} = period.{bare(k)}" for k in keys)
    name = f"assert_{model.name}_never_overlaps"
    sql = (
        f"-- No period of a key begins before the one before it has ended; each is longer than nothing.\n"
        f"select {', '.join(f'period.{bare(k)}' for k in keys)}, period.{begins}, period.{ends}\n"
        f"from {ref_sql(model.name)} as period\n"
        f"left join {ref_sql(model.name)} as later\n"
        f"    on {same} and later.{begins} > period.{begins}\n"
        f"    and (period.{ends} is null or later.{begins} < period.{ends})\n"
        f"where later.{begins} is not null or period.{ends} <= period.{begins}\n"
        f"    or period.{bare(history.is_current)} <> (period.{ends} is null)\n"
    )
    path = f"{evidence.conventions.tests_folder}/{name}.sql"
    reason = "at any moment a key has one state at most"
    return generic, [SingularTest(name=name, path=path, sql=sql, reason=reason)]


def history_doc(spec: RequirementSpec, model: DraftModel, told: list[ColumnDoc]) -> ModelDoc:
    """Descriptions of a history; `told` are those of its keys and values."""
    history = spec.history
    assert history is not None
    ground = Grounding(source="column", text=f"{history.relation}.{history.at}")
    values = " and ".join(f"`{n}`" for n in model.columns[len(history.key) : -3])
    keys = " and ".join(f"`{n}`" for n in model.columns[: len(history.key)])
    removed = " What was removed has no period, and ends the one before." if history.removed else ""
    columns = (
        (history.valid_from, f"Since when the row holds: `{history.at}` of the first row with these"
         f" values in `{history.relation}`."),
        (history.valid_to, "Until when the row holds, that moment excluded; empty for what holds now."),
        (history.is_current, f"Whether the row holds now: `{history.valid_to}` is empty."),
    )  # fmt: skip
    return ModelDoc(
        model=model.name,
        description=f"History of {values}, one row per {keys} and period in which nothing of that changed, from"
        f" `{history.relation}`.{removed}",
        columns=(*told, *(ColumnDoc(name=n, description=t, grounding=ground) for n, t in columns)),
    )  # fmt: skip
