"""Parts a model into several, or makes one of two: new models that read what is there."""

from __future__ import annotations

from pathlib import PurePosixPath

from crew.artifacts import AddFilter, DraftModel, Merge, MoveRows, Split
from crew.drafting.edits.filters import add_filter
from crew.drafting.edits.project_view import Workbench
from crew.drafting.model_text import CannotEdit, ModelText
from crew.drafting.sql_layout import Cte


def split(bench: Workbench, edit: Split) -> None:
    """A model for each condition, or each group of columns."""
    for n, name in enumerate(edit.parts):
        if edit.conditions:
            sql = f"select * from {{{{ ref('{edit.model}') }}}}\nwhere {edit.conditions[n]}\n"
            columns = bench.columns(edit.model)
        else:
            columns = tuple(dict.fromkeys((*edit.key, *edit.columns[n])))
            listed = ",\n    ".join(columns)
            sql = f"select\n    {listed}\nfrom {{{{ ref('{edit.model}') }}}}\n"
        _create(bench, edit.model, name, sql, (edit.model,), columns)


def move_rows(bench: Workbench, edit: MoveRows) -> None:
    """A new model of the same making for the rows that meet the condition; the others stay."""
    text = ModelText(bench.sql(edit.model), bench.evidence)
    step = text.aliases.fresh("filtered")
    cte = Cte(step, f"select * from {text.base}\nwhere {edit.condition}")
    reads = tuple(sorted(bench.source(edit.model).relations))
    columns = bench.columns(edit.model)
    _create(bench, edit.model, edit.to, text.with_steps([cte]), reads, columns)
    add_filter(bench, AddFilter(model=edit.model, condition=edit.rest))


def merge(bench: Workbench, edit: Merge) -> None:
    """The rows of all below each other; with a key, columns of two beside each other."""
    first, second = edit.models[0], edit.models[1]
    columns = bench.columns(first)
    if not edit.key:
        listed = ",\n    ".join(columns)
        sql = "\n\nunion all\n\n".join(
            f"select\n    {listed}\nfrom {{{{ ref('{m}') }}}}" for m in edit.models
        )
        _create(bench, first, edit.to, sql + "\n", edit.models, columns)
        return
    if len(edit.models) != 2:
        raise CannotEdit("only two models are joined at a time")
    taken = {c.lower() for c in columns}
    more = [c for c in bench.columns(second) if c.lower() not in taken]
    keys = {k.lower() for k in edit.key}
    lines = [f"coalesce(a.{c}, b.{c}) as {c}" if c.lower() in keys else f"a.{c}" for c in columns]
    lines += [f"b.{c}" for c in more]
    on = " and ".join(f"a.{k} = b.{k}" for k in edit.key)
    listed = ",\n    ".join(lines)
    sql = (
        f"select\n    {listed}\nfrom {{{{ ref('{first}') }}}} as a\n"
        f"full outer join {{{{ ref('{second}') }}}} as b on {on}\n"
    )
    left = [c for c in bench.columns(second) if c.lower() in taken - keys]
    if left:
        bench.notes.append(
            f"Both have {', '.join(f'`{c}`' for c in left)}: those of `{first}` are taken."
        )
    _create(bench, first, edit.to, sql, edit.models, (*columns, *more))


def _create(
    bench: Workbench,
    beside: str,
    name: str,
    sql: str,
    reads: tuple[str, ...],
    columns: tuple[str, ...],
) -> None:
    if name in bench.view.nodes:
        raise CannotEdit(f"there is a {name} already")
    path = str(PurePosixPath(bench.path_of(beside)).with_name(f"{name}.sql"))
    bench.created.append(
        DraftModel(
            name=name,
            path=path,
            sql=sql,
            action="create",
            relations=reads,
            columns=columns,
            materialization=bench.materialization(beside),
        )
    )
