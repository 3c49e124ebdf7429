"""What reads a changed model still works on its new version."""

from __future__ import annotations

from crew.artifacts import Check, Table
from crew.errors import InvalidInput
from crew.verification.check_context import CheckContext, skipped, verdict


def downstream_works(context: CheckContext) -> Check:
    """Direct children of changed models compile, and the database accepts their SQL."""
    changed = {m.name for m in context.changed_models}
    if not changed:
        return skipped("downstream", "no existing model changes")
    select = [f"{name}+1" for name in sorted(changed)]
    found = context.worker.compile(select)
    findings = list(found.errors)
    rows: list[tuple[str, str]] = []
    children = {u: sql for u, sql in found.compiled.items() if u.startswith("model.")}
    for unique_id, sql in sorted(children.items()):
        name = unique_id.split(".", 2)[-1]
        if name in {m.name for m in context.draft.models}:
            continue
        error = _refusal(context, sql)
        before = _refusal(context, context.base.compiled.get(unique_id, "")) if error else ""
        if error and not before:
            findings.append(f"{name}: {error}")
        rows.append((name, "breaks" if error and not before else "works"))
    table = Table(columns=("model", "state"), rows=tuple(rows)) if rows else None
    good = f"{len(rows)} models read it and still work" if rows else "no model reads it"
    return verdict("downstream", findings, "model", good).model_copy(update={"table": table})


def _refusal(context: CheckContext, sql: str) -> str:
    if not sql:
        return ""
    try:
        context.worker.query(f"select * from ({sql.rstrip().rstrip(';')}\n) as child where 1 = 0")
    except InvalidInput as error:
        return error.message
    return ""
