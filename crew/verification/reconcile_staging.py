"""Reconciles a staging model: deliveries, removed rows, totals after conversion."""

from __future__ import annotations

from sqlglot import exp, parse_one

from crew.artifacts import (
    RelationCard,
    StagedColumn,
    Staging,
)
from crew.drafting.dialects import alike
from crew.verification.reconciliation_card import NUMBERS, Card


def staged(card: Card) -> None:
    """Source rows, less repeated deliveries, less removed rows, are the staged rows."""
    staging, source = card.spec.staging, card.evidence.relation(card.spec.target)
    if staging is None or source is None:
        card.warned.append("The source is not known, so that nothing could be compared.")
        return
    missing = [c.name for c in staging.columns if card.column(c.name) is None]
    if missing:
        card.failed.append(f"The model has no column {', '.join(missing)}.")
    columns = [c for c in staging.columns if c.name not in missing]
    numbers = [_is_amount(c, staging.key, source, card.context.info.dialect) for c in columns]
    how = ["sum" if n else "count" for n in numbers]
    kept = f"case when {staging.keep or '1 = 1'} then 1 end"
    theirs = [f"{h}(case when {kept} = 1 then {c.expression} end)"
              for h, c in zip(how, columns, strict=True)]  # fmt: skip
    latest = _latest(card, staging, source)
    rows = card.ask(f"select count(*) from {source.relation_name} as s")[0][0]
    last, staged, *sums = card.ask(
        f"select {', '.join(['count(*)', f'count({kept})', *theirs])} from ({latest}) as l"
    )[0]
    own = [f"{h}({card.column(c.name)})" for h, c in zip(how, columns, strict=True)]
    sql = f"select {', '.join(['count(*)', *own])} from {card.relation} as r"
    built, *totals = card.ask(sql)[0]
    words = f"{rows:,} rows of {source.key}; {rows - last:,} repeated deliveries; "
    card.equal(
        "rows", staged, built, f"{words}{last - staged:,} removed or left out; {staged:,} staged"
    )
    for column, h, theirs_, ours in zip(columns, how, sums, totals, strict=True):
        card.equal(column.name, theirs_, ours, "sum" if h == "sum" else "rows with a value")


def _latest(card: Card, staging: Staging, source: RelationCard) -> str:
    """The last delivery of each key; what is delivered twice in the same way counts once."""
    key = next((c for c in staging.columns if c.name == staging.key), None)
    if not (staging.latest_by and key):
        return f"select * from {source.relation_name} as s"
    k = f"({key.expression})" if key.path else f"s.{card.context.quote(key.source)}"
    last, dialect = card.context.quote(staging.latest_by), card.context.info.dialect
    end = "min" if staging.takes_first else "max"
    newest = f"select {k} as k, {end}({last}) as l from {source.relation_name} as s group by 1"
    return (
        f"select distinct s.* from {source.relation_name} as s inner join ({newest}) as n "
        f"on {alike(k, 'n.k', dialect)} and {alike(f's.{last}', 'n.l', dialect)}"
    )


def _is_amount(column: StagedColumn, key: str, source: RelationCard, dialect: str) -> bool:
    """Whether a sum of the column means something to a reader."""
    found = column.behind(source)
    if found is None or not found.data_type.lower().startswith(NUMBERS) or column.name == key:
        return False
    tree = parse_one(column.expression, read=dialect)
    if isinstance(tree, exp.Case):
        return False
    kept = not isinstance(tree, exp.Cast) or tree.to.this in exp.DataType.NUMERIC_TYPES
    return kept and not column.name.lower().endswith("_id")
