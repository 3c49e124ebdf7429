"""Reconciles a type-2 history: each row of the source lies in just one period, with its values.

The model numbers and compares rows in order; here each is looked up in the periods. With no two
periods alike that touch, each beginning at a row of the source, there is but one such history.
"""

from __future__ import annotations

from crew.artifacts import History
from crew.drafting.dialects import alike
from crew.verification.reconciliation_card import Card


def history(card: Card) -> None:
    """States of the source in the periods of the model, and the model's periods one by another."""
    made, source = card.spec.history, card.evidence.relation(card.spec.dimensions[0].relation)
    assert made is not None
    names = {d.column: d.name for d in card.spec.dimensions}
    wanted = [*names.values(), made.valid_from, made.valid_to, made.is_current]
    missing = [n for n in wanted if card.column(n) is None]
    if source is None or missing:
        card.failed.append(
            f"The model has no column {', '.join(missing)}, or its source is not known."
        )
        return
    states = _states(card, made, source.relation_name)
    own = {c: str(card.column(n)) for c, n in names.items()}
    begins, ends, current = (
        str(card.column(n)) for n in (made.valid_from, made.valid_to, made.is_current)
    )
    dialect = card.context.info.dialect
    same_key = " and ".join(f"{own[k]} = s.{card.context.quote(k)}" for k in made.key)
    within = f"{begins} <= s.at_ and ({ends} is null or s.at_ < {ends})"
    equal = " and ".join(alike(own[v], f"s.{card.context.quote(v)}", dialect) for v in made.values)
    periods = f"select count(*) from {card.relation} as r where {same_key} and {within}"
    total, gone, right, ghosts = card.ask(
        f"select count(*), sum(gone), sum(case when gone = 0 and hits = 1 and fitting = 1 then 1 else 0 end),"
        f" sum(case when gone = 1 and hits > 0 then 1 else 0 end) from (select s.gone, ({periods}) as hits,"
        f" ({periods} and {equal}) as fitting from ({states}) as s) as x"
    )[0]
    told = f"{total:,} states in the source, {gone or 0:,} of them removals"
    card.equal("states that a period shows", (total or 0) - (gone or 0), right or 0, told)
    card.equal("removals within a period", 0, ghosts or 0, "none is shown as lasting")
    starts = f"select 1 from ({states}) as s where {same_key} and s.at_ = {begins}"
    card.equal("periods that begin with no row of the source", 0, card.ask(
        f"select count(*) from {card.relation} as r where not exists ({starts})")[0][0], "")  # fmt: skip
    card.equal("periods that go on alike", 0, card.ask(_touching(card, made, names))[0][0],
               "neighbours that touch differ in a value")  # fmt: skip
    wrong = f"({current}) <> ({ends} is null)"
    rows, odd = card.ask(
        f"select count(*), sum(case when {wrong} then 1 else 0 end) from {card.relation} as r"
    )[0]
    card.equal("periods marked wrongly as current", 0, odd or 0, f"{rows:,} periods")
    ended = f"select 1 from ({states}) as s where {same_key} and s.at_ = {ends}"
    card.equal("periods that end with no row of the source", 0, card.ask(
        f"select count(*) from {card.relation} as r where {ends} is not null and not exists ({ended})"
    )[0][0], "")  # fmt: skip


def _states(card: Card, made: History, relation: str) -> str:
    """The state of each key and moment: the row that no other of that moment comes after."""
    quote = card.context.quote
    names = ", ".join(f"p.{quote(c)}" for c in (*made.key, *made.values))
    gone = f"case when {made.removed} then 1 else 0 end" if made.removed else "0"
    known = " and ".join(f"{quote(c)} is not null" for c in (*made.key, made.at))
    base = f"select *, {gone} as gone from {relation} as t where {known}"
    later = ""
    if made.then_by:
        same = " and ".join(f"o.{quote(c)} = p.{quote(c)}" for c in (*made.key, made.at))
        last = quote(made.then_by)
        later = (
            f" where not exists (select 1 from ({base}) as o where {same} and o.{last} > p.{last})"
        )
    return f"select distinct {names}, p.{quote(made.at)} as at_, p.gone from ({base}) as p{later}"


def _touching(card: Card, made: History, names: dict[str, str]) -> str:
    """Counts periods that another one of the key follows at once with the same values."""
    quote = card.context.quote
    found = {card.columns[n.lower()] for n in names.values()}
    assert found
    same = [f"a.{quote(card.columns[names[k].lower()])} = b.{quote(card.columns[names[k].lower()])}"
            for k in made.key]  # fmt: skip
    same += [
        alike(f"a.{c}", f"b.{c}", card.context.info.dialect)
        for c in (quote(card.columns[names[v].lower()]) for v in made.values)
    ]
    ends, begins = (quote(card.columns[n.lower()]) for n in (made.valid_to, made.valid_from))
    return (
        f"select count(*) from {card.relation} as a inner join {card.relation} as b"
        f" on {' and '.join(same)} and a.{ends} = b.{begins}"
    )
