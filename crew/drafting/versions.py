"""Relations with a row for each period in which something held: type-2 dimensions, dbt snapshots.

Known by the names of their columns (`valid_from`, `dbt_valid_to`, `is_current`) and by the data: the
key repeats, with one beginning once, and no period begins before the one before it has ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from crew.artifacts import ColumnCard, Evidence, RelationCard
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_boolean, is_temporal, quoted
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import KEY_STEMS, entity_stems
from crew.drafting.scope import qualified
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import alike, name_stems, stem, words
from crew.errors import InvalidInput
from crew.ports import Warehouse

_VALID = r"(?:dbt_)?(?:valid|effective|eff|validity|gueltig|gültig|valide|valido|version|row|scd|record|rec)_?"
_BEGINS = re.compile(
    rf"^{_VALID}(?:from|start|since|begin|von|ab|desde|du)(?:_?(?:date|at|on|ts|dt|utc))*$", re.I
)
_ENDS = re.compile(
    rf"^{_VALID}(?:to|end|until|thru|bis|hasta|au)(?:_?(?:date|at|on|ts|dt|utc))*$", re.I
)
_PLAIN_BEGINS = re.compile(r"^(?:start|begin|from)(?:_?(?:date|at|on|ts|dt))?$|^date_from$", re.I)
_PLAIN_ENDS = re.compile(r"^(?:end|to|until)(?:_?(?:date|at|on|ts|dt))?$|^date_to$", re.I)
_CURRENT = re.compile(
    r"^(?:is|dbt_is)_(?:current|latest|active_(?:row|record|version))$|^(?:current|latest)_(?:flag|row|record|ind\w*)$"
    r"|^current$", re.I
)  # fmt: skip
_LOGS = {
    stem(w)
    for w in (
        "history",
        "hist",
        "snapshot",
        "snap",
        "version",
        "scd",
        "scd2",
        "change",
        "log",
        "historie",
    )
}
_FAR = re.compile(r"^(?:9999|2999|2[1-9]\d\d)-")


@dataclass(frozen=True)
class Versions:
    """`key` has a row per period from `begins` (included) to `ends` (excluded); `now` is the SQL
    condition, qualified, of those that hold now. `is_of_key` where a row is a version of what the
    key names, not a thing of its own such as a contract."""

    relation: str
    key: str
    begins: str
    ends: str
    now: str
    is_of_key: bool
    current: int
    keys: int
    flag: str = ""
    far: str = ""
    """The day that stands for no end yet, where the end is never empty."""

    def is_told(self, condition: str) -> bool:
        """Whether a condition is about the period."""
        told = (self.begins, self.ends, self.flag)
        return any(n and re.search(rf"\b{re.escape(n)}\b", condition, re.I) for n in told)


def versions_in(evidence: Evidence, warehouse: Warehouse | None) -> list[Versions]:
    """The relations of an evidence that hold versions; none without a warehouse to prove it."""
    if warehouse is None:
        return []
    cards = (c for c in evidence.relations if c.row_count)
    return [v for c in cards if (v := versions_of(c, evidence.dialect, warehouse))]


def by_their_names(
    evidence: Evidence, versions: Sequence[Versions], counted: Mapping[str, str]
) -> Evidence:
    """The evidence where versions of something are called what they are versions of: those that are
    `counted` for it, and those of what no other relation has as its key."""
    cards = {c.key: c for c in evidence.relations}
    for version in versions:
        card = cards[version.relation]
        others = [
            c for c in evidence.relations
            if c.key != card.key and (k := c.column(version.key)) and k.is_unique
        ]  # fmt: skip
        if name := counted.get(card.key):
            cards[card.key] = card.model_copy(update={"called": name})
            for other in others:  # there to be joined, but not to be counted
                called = {"called": other.key.replace("_", "").replace(".", "")}
                cards[other.key] = other.model_copy(update=called)
        elif version.is_of_key and not others:
            kept = [w for w in words(entity_of(card.key)) if stem(w) not in _LOGS]
            cards[card.key] = card.model_copy(update={"called": "_".join(kept)})
    return evidence.model_copy(update={"relations": tuple(cards.values())})


def versions_of(card: RelationCard, dialect: str, warehouse: Warehouse) -> Versions | None:
    bounds = _bounds(card)
    if bounds is None:
        return None
    begins, ends = bounds
    flag = next((c for c in card.columns if _CURRENT.match(c.name) and is_boolean(c)), None)
    for key in _keys(card):
        try:
            if not _never_overlaps(card, key, begins, ends, dialect, warehouse):
                continue
            now = _now(card, ends, flag, dialect)
            tree = parse_sql(now, dialect)
            for column in tree.find_all(exp.Column):
                column.set("table", exp.to_identifier("t"))
                column.set("db", None)
            bare = tree.sql(dialect=dialect)
            counted = _counted(card, quoted(key.name, dialect), bare, warehouse)
        except InvalidInput:
            continue
        own = {s for s in entity_stems(card) if s not in _LOGS} or set(
            name_stems(entity_of(card.key))
        )
        named = {x for s in set(name_stems(key.name)) - KEY_STEMS for x in alike(s)}
        return Versions(
            card.key,
            key.name,
            begins.name,
            ends.name,
            now,
            own <= named,
            *counted,
            flag.name if flag else "",
            (ends.maximum or "")[:10] if _is_far(ends) else "",
        )
    return None


def _bounds(card: RelationCard) -> tuple[ColumnCard, ColumnCard] | None:
    times = [c for c in card.columns if is_temporal(c)]
    flagged = any(_CURRENT.match(c.name) for c in card.columns)
    named = bool({*name_stems(entity_of(card.key))} & _LOGS)
    for first, last in ((_BEGINS, _ENDS), *([(_PLAIN_BEGINS, _PLAIN_ENDS)] * (flagged or named))):
        begins = [c for c in times if first.match(c.name)]
        ends = [c for c in times if last.match(c.name)]
        if len(begins) > 1 or len(ends) > 1:  # a snapshot of what has a validity of its own
            begins = [c for c in begins if c.name.lower().startswith("dbt_")]
            ends = [c for c in ends if c.name.lower().startswith("dbt_")]
        if len(begins) == 1 and len(ends) == 1:
            return begins[0], ends[0]
    return None


def _keys(card: RelationCard) -> Iterator[ColumnCard]:
    """Columns that repeat and may name what has versions, that of the relation's own name first."""
    own = {x for s in entity_stems(card) for x in alike(s)}
    found = [
        c for c in card.columns
        if set(column_stems(c)) & KEY_STEMS and not is_temporal(c) and not is_boolean(c)
        and not c.is_unique and not c.nulls and (c.distinct or 0) < (card.row_count or 0)
    ]  # fmt: skip
    yield from sorted(found, key=lambda c: not (set(name_stems(c.name)) - KEY_STEMS) & own)


def _never_overlaps(
    card: RelationCard, key: ColumnCard, begins: ColumnCard, ends: ColumnCard, dialect: str,
    warehouse: Warehouse,
) -> bool:  # fmt: skip
    k, b, e = (quoted(c.name, dialect) for c in (key, begins, ends))
    name = card.relation_name
    following = f"lead({b}) over (partition by {k} order by {b})"
    sql = (
        f"select count(*) from (select {b} as b, {e} as e, {following} as n from {name}) as x"
        " where b is null or (n is not null and (e is null or e > n or n = b))"
    )
    return bool(warehouse.query(sql, limit=1).rows[0][0] == 0)


def _now(card: RelationCard, ends: ColumnCard, flag: ColumnCard | None, dialect: str) -> str:
    """The condition of what holds now: the end is empty or far ahead, else the flag says so."""
    column = qualified(card.key, ends.name).sql(dialect=dialect)
    if ends.nulls:
        return f"{column} IS NULL"
    if _is_far(ends):
        return f"{column} >= CAST('{(ends.maximum or '')[:10]}' AS DATE)"
    if flag:
        return str(qualified(card.key, flag.name).sql(dialect=dialect))
    return f"{column} > CURRENT_DATE"


def _counted(card: RelationCard, key: str, now: str, warehouse: Warehouse) -> tuple[int, int]:
    """How many versions hold now, and how many keys there are."""
    sql = (
        f"select (select count(*) from {card.relation_name} as t where {now}),"
        f" (select count(distinct {key}) from {card.relation_name})"
    )
    current, keys = warehouse.query(sql, limit=1).rows[0]
    return int(current), int(keys)


def _is_far(ends: ColumnCard) -> bool:
    return not ends.nulls and bool(_FAR.match(ends.maximum or ""))
