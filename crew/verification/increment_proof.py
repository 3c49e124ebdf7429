"""Does an incremental staging model end where one full build does?

dbt builds it from nothing over the first part of the source's rows, then again over all. The parts
are cut by the order in which rows arrived, and, where rows were seen to come late
beside another column, by the order of that one: at the place where the second part reaches back the
farthest, so that a look-back that is too short is found.
"""

from __future__ import annotations

from crew.artifacts import Check, Increment, Staging
from crew.verification.check_context import CheckContext, passed, skipped, verdict

MOST_ROWS = 1_000_000
"""Of a larger source the rows of some keys are taken, whole keys each."""


def increments(context: CheckContext) -> Check:
    """The rows of two runs are those of one."""
    spec, name = context.spec, "increments"
    staging, model = spec.staging, context.main_model
    if staging is None or staging.increment is None or model is None:
        return skipped(name, "no model is loaded incrementally")
    source, built = context.unique_id(spec.target), context.unique_id(model.name)
    if context.info.dialect != "duckdb" or not source or not source.startswith("source."):
        return skipped(name, "rows of a source are split on DuckDB only")
    assert built is not None
    proof = _Proof(context, staging, staging.increment)
    findings, told = [], []
    for words, order in proof.orders():
        cut = proof.cut(order)
        if cut is None:
            told.append(f"all rows have the same {words}, so that nothing can be split by it")
            continue
        first = f"select * from ({proof.rows}) as s where {order} <= {cut} or {order} is null"
        (whole, twice), results = context.worker.build_in_two(built, source, proof.rows, first)
        bad = [f"{r.unique_id}: {r.message}" for r in results if not r.ok]
        if bad:
            return verdict(name, bad, "model")
        lost, extra = proof.differing(whole, twice), proof.differing(twice, whole)
        if lost or extra:
            findings.append(
                f"Split by {words}, two runs end otherwise than one full build: {lost:,} rows are missing"
                f" or old, {extra:,} should not be there."
            )
        told.append(f"split by {words}: the rows of a full build")
    return verdict(name, findings, "model") if findings else passed(name, "; ".join(told))


class _Proof:
    """SQL over the located source. `rows` are those that both builds read: where two rows of one key
    arrived at the same moment either may hold, so that such keys are left out."""

    def __init__(self, context: CheckContext, staging: Staging, increment: Increment) -> None:
        self._context = context
        by_name = {c.name: c for c in staging.columns}
        self._at = f"({by_name[increment.at].expression})"
        raw = by_name[increment.at].source
        self._orders = {f"`{raw}`": self._at}
        if increment.event:
            self._orders[f"`{increment.event}`"] = context.quote(increment.event)
        source = context.relation(context.spec.target)
        self._keys = keys = ", ".join(f"({by_name[k].expression})" for k in increment.key)
        latest = context.quote(staging.latest_by) if staging.latest_by else self._at
        self.rows = (
            f"select * from {source} as s where ({keys}) not in (select ({keys}) from {source} as t"
            f" group by {keys}, {latest} having count(*) > 1)"
        )
        count = int(context.worker.query(f"select count(*) from {source} as s").rows[0][0])
        if (parts := -(-count // MOST_ROWS)) > 1:
            self.rows += f" and hash({keys}) % {parts} = 0"

    def orders(self) -> tuple[tuple[str, str], ...]:
        """In words and as SQL: what rows are put in order by, before they are cut in two."""
        return tuple(self._orders.items())

    def cut(self, order: str) -> str | None:
        """A literal: the first part ends with it. None where there are no two parts.

        By arrival it lies where most keys have rows on both sides, else in the middle; by another
        column where the rows behind it arrived the longest before the newest ahead of it.
        """
        by_arrival = (
            "select coalesce((select arg_max(o, n) from crossing where n > 0), (select"
            " quantile_disc(o, 0.5) from cuts where oldest is not null))"
        )
        by_other = "select arg_max(o, epoch(newest) - epoch(oldest)) from cuts"
        chosen = by_arrival if order == self._at else by_other
        found = self._context.worker.query(
            f"with r as (select {order} as o, cast({self._at} as timestamp) as a, ({self._keys}) as k"
            f" from ({self.rows}) as s where {order} is not null and {self._at} is not null),"
            " places as (select o, max(a) as newest_of, min(a) as oldest_of from r group by o),"
            " cuts as (select o, max(newest_of) over (order by o) as newest, min(oldest_of) over"
            " (order by o rows between 1 following and unbounded following) as oldest from places),"
            " spans as (select min(o) as low, max(o) as high from r group by k having min(o) < max(o)),"
            " steps as (select low as o, 1 as n from spans union all select high, -1 from spans),"
            " crossing as (select o, sum(n) over (order by o) as n from steps)"
            f" select cast(({chosen}) as varchar)"
        ).rows[0][0]
        return None if found is None else f"'{found}'"

    def differing(self, one: str, other: str) -> int:
        """Rows of one relation that the other lacks."""
        sql = f"select count(*) from (select * from {one} except all select * from {other}) as d"
        return int(self._context.worker.query(sql).rows[0][0])
