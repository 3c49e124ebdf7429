"""The reconciliation card: figures of the model beside those of the sources, compared cell by cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlglot import exp

from crew.artifacts import (
    Check,
    Table,
)
from crew.drafting.dialects import alike
from crew.drafting.join_planner import JoinPlanner
from crew.verification.check_context import CheckContext, cell
from crew.verification.related_relations import with_related
from crew.verification.source_totals import (
    SourceTotals,
)

_COLUMNS = ("figure", "in the sources", "in the model", "difference", "explanation")
NUMBERS = ("int", "decimal", "numeric", "double", "float", "real", "hugeint", "bigint", "number")
WHOLE, RATIO = "0.005", "0.0005"
_SHOWN = 3


@dataclass(frozen=True)
class Figure:
    """`cells` is SQL of rows (period, d0, …, value); `value` aggregates the model's rows `r`."""

    name: str
    cells: str
    value: str
    adds_up: bool
    is_number: bool = True
    zero_is_none: bool = True
    tolerance: str = WHOLE

    @property
    def differs(self) -> str:
        if not self.is_number:
            return "((s is null) <> (m is null) or s <> m)"
        limit = f"greatest({self.tolerance}, 0.000000001 * abs(coalesce(s, 0)))"
        far = f"abs(coalesce(s, 0) - coalesce(m, 0)) > {limit}"
        return far if self.zero_is_none else f"((s is null) <> (m is null) or {far})"


@dataclass(frozen=True)
class Keys:
    """What the model's rows are split by: expressions over its rows `r`, by words for them."""

    period: tuple[str, str] | None = None
    dimensions: dict[str, str] = field(default_factory=dict)

    def names(self, with_dimensions: bool = True) -> list[str]:
        dims = [f"d{n}" for n in range(len(self.dimensions))] if with_dimensions else []
        return [*(["period"] if self.period else []), *dims]

    def words(self, with_dimensions: bool = True) -> str:
        dims = list(self.dimensions) if with_dimensions else []
        names = [*([self.period[0]] if self.period else []), *dims]
        return f"by {' and '.join(names)}" if names else "in all"


class Card:
    """The reconciliation card as it fills."""

    def __init__(self, context: CheckContext, relation: str) -> None:
        self.context, self.relation, self.spec = context, relation, context.spec
        cards = [
            c.model_copy(update={"relation_name": context.relation(c.key) or c.relation_name})
            for c in context.evidence.relations
        ]
        located = context.evidence.model_copy(update={"relations": tuple(cards)})
        self.evidence = with_related(located, context.spec.related)
        self.planner = JoinPlanner(self.evidence)
        self.totals = SourceTotals(self.evidence, self.planner)
        self.columns = {c.lower(): c for c in context.columns(relation)}
        self.rows: list[tuple[str, ...]] = []
        self.failed: list[str] = []
        self.warned: list[str] = []

    def column(self, name: str) -> str | None:
        """The model's column of that name over its rows `r`."""
        found = self.columns.get(name.lower())
        return f"r.{self.context.quote(found)}" if found else None

    def ask(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        return self.context.worker.query(sql).rows

    def add(self, name: str, source: Any, model: Any, words: str) -> None:
        """One line of the card, by itself no finding."""
        is_number = _is_number(source) and (model is None or _is_number(model))
        gap = float(model or 0) - float(source) if is_number else None
        gap = int(gap) if gap is not None and gap == int(gap) else gap
        self.rows.append((name, *(shown(v) for v in (source, model, gap)), words))

    def equal(self, name: str, source: Any, model: Any, words: str) -> None:
        """One line whose two numbers must be the same."""
        self.add(name, source, model, words)
        gap = abs(float(source or 0) - float(model or 0))
        if gap > max(float(WHOLE), 1e-9 * abs(float(source or 0))):
            self.failed.append(f"{name}: {shown(source)} in the sources, {shown(model)} in "
                               f"the model ({words}).")  # fmt: skip

    def check(self) -> Check:
        table = Table(columns=_COLUMNS, rows=tuple(self.rows))
        good = f"{len(self.rows)} figures agree with the sources"
        return Check(
            name="reconciliation",
            status="failed" if self.failed else "warned" if self.warned else "passed",
            finding="\n".join([*self.failed, *self.warned]) or good,
            table=table,
            blame="model" if self.failed else "",
        )

    def compare(self, figure: Figure, keys: Keys, ledger: str = "") -> None:
        """The figure in the sources beside that in the model, cell by cell."""
        start, text = self._cells(figure, keys), "cast(null as integer)"
        levels = [True] if not (figure.adds_up and keys.dimensions) else [False, True]
        numbers = ["(select count(*) from cells)"]
        numbers += [f"(select sum({c}) from cells)" if figure.is_number else text for c in "sm"]
        for level in levels:
            rows = f"from ({_level(figure, keys.names(level))}) as t"
            numbers += [f"(select count(*) {rows})"]
            numbers += [f"(select count(*) {rows} where {figure.differs})"]
        _, source, model, *counts = self.ask(f"{start} select {', '.join(numbers)}")[0]
        words, lost = [], False
        for n, level in enumerate(levels):
            total, differing = counts[2 * n : 2 * n + 2]
            words.append(f"{keys.words(level)}: {differing:,} of {total:,} differ")
            if differing and not lost:
                lost = True
                self.failed.append(self._difference(figure, keys, level, start, words[-1]))
        self.add(figure.name, source, model, "; ".join([ledger, *words] if ledger else words))

    def _cells(self, figure: Figure, keys: Keys) -> str:
        names = keys.names()
        kind = exp.DataType.build("text").sql(dialect=self.context.info.dialect)
        own = [f"cast({d} as {kind}) as {d}" if d != "period" else d for d in names]
        theirs = [f"{keys.period[1]} as period"] if keys.period else []
        for n, column in enumerate(keys.dimensions.values()):
            known = f"select d{n} from source_cells"
            value = f"cast({column} as {kind})"
            theirs.append(f"case when {value} in ({known}) then {value} end as d{n}")
        ending, kept = grouped(names), ""
        if self.spec.top and names:  # the rows that were cut off are proven by the order
            same = [
                alike(o, f"c.{n}", self.context.info.dialect)
                for o, n in zip(self._own(keys), names, strict=True)
            ]
            kept = f" where exists (select 1 from {self.relation} as r where {' and '.join(same)})"
        pair = [", ".join([*names, f"{s} as s", f"{m} as m"])
                for s, m in (("value", "null"), ("null", "value"))]  # fmt: skip
        return (
            f"with source_cells as (select {', '.join([*own, 'value'])} from ({figure.cells}) "
            f"as c{kept}), model_cells as (select {', '.join([*theirs, f'{figure.value} as value'])} "
            f"from {self.relation} as r{ending}), cells as (select "
            f"{', '.join([*names, 'max(s) as s', 'max(m) as m'])} from (select {pair[0]} from "
            f"source_cells union all select {pair[1]} from model_cells) as u{ending})"
        )

    def _own(self, keys: Keys) -> list[str]:
        """The model's expressions of the period and the dimensions."""
        return [*([keys.period[1]] if keys.period else []), *keys.dimensions.values()]

    def _difference(self, figure: Figure, keys: Keys, level: bool, start: str, words: str) -> str:
        names = keys.names(level)
        order = f" order by {', '.join(str(n + 1) for n in range(len(names)))}" if names else ""
        found = self.context.worker.query(
            f"{start} select * from ({_level(figure, names)}) as t where {figure.differs}{order}",
            limit=_SHOWN,
        )
        hidden = [self.context.is_personal(n) for n in ["", *keys.dimensions]]
        hidden = hidden if keys.period else hidden[1:]
        told = []
        for *key, s, m in found.rows:
            place = ", ".join("•••" if h else cell(v) for v, h in zip(key, hidden, strict=False))
            numbers = f"{shown(s or 0)} in the sources, {shown(m or 0)} in the model"
            told.append(f"{place or 'in all'}: {numbers}")
        return f"{figure.name}: {words}. First: {'; '.join(told)}."


def _level(figure: Figure, names: list[str]) -> str:
    how = "sum" if figure.adds_up else "max"
    columns = ", ".join([*names, f"{how}(s) as s", f"{how}(m) as m"])
    return f"select {columns} from cells{grouped(names)}"


def grouped(names: list[str]) -> str:
    return f" group by {', '.join(str(n + 1) for n in range(len(names)))}" if names else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def shown(value: Any) -> str:
    if not _is_number(value):
        return "" if value is None else cell(value)
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,.2f}"
