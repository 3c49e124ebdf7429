"""How many rows go into and come out of every step of a model: joins, filters, grouping.

Each step's counts are variants of its own query under the CTEs before it, all asked in one
query. A join is judged by what it does to rows that are aggregated afterwards: it must neither
multiply them nor lose them silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import Check, Table
from crew.verification.check_context import CheckContext, cell, skipped
from crew.verification.fabrication_guard import qualified_query

_COLUMNS = ("step", "rows in", "rows out", "unmatched", "fan-out", "what happened")
_HARMLESS = (exp.Min, exp.Max, exp.AnyValue, exp.LogicalAnd, exp.LogicalOr, exp.ArrayAgg)
_RANGES = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
_SERIES = (exp.GenerateSeries, exp.GenerateDateArray, exp.Unnest, exp.Explode)
_MOST_LOST = 0.5


def row_ledger(context: CheckContext) -> Check:
    """Rows in and out of every step; joins that multiply or lose rows are findings."""
    names = [m.name for m in context.draft.models if m.name in context.compiled]
    sql = {name: context.compiled[name] for name in names}
    if not sql:
        return skipped("row ledger", "no model was compiled")
    failed: list[str] = []
    warned: list[str] = []
    rows: list[tuple[str, ...]] = []
    for name, text in sql.items():
        try:
            ledger = _Ledger(context, name, qualified_query(context, text))
        except SqlglotError as error:
            warned.append(f"The steps of {name} cannot be read: {error}")
            continue
        ledger.count()
        for findings, new in zip((failed, warned), ledger.findings(), strict=True):
            findings += new
        rows += [line for step in ledger.steps for line in _lines(step)]
    return Check(
        name="row ledger",
        status="failed" if failed else "warned" if warned else "passed",
        finding="\n".join([*failed, *warned]) or f"{len(rows)} steps, no row multiplied or lost",
        table=Table(columns=_COLUMNS, rows=tuple(rows)),
        blame="model" if failed else "",
    )


@dataclass
class _Join:
    """One join of a step. `unmatched` are left rows without a partner; `lost` of the `at_stake`
    rows are dropped though the step's own conditions on their side would keep them. If the key
    is unique on the left alone (no `left_repeats`), the rows of the right side are at stake."""

    node: exp.Join
    equal: list[tuple[exp.Expr, exp.Expr]]
    is_range: bool
    dialect: str
    before: int = 0
    after: int = 0
    unmatched: int = 0
    is_spine: bool = False
    left_repeats: bool = False
    lost: int = 0
    at_stake: int = 0

    @property
    def alias(self) -> str:
        return str(self.node.this.alias_or_name)

    @property
    def side(self) -> str:
        return str(self.node.side or self.node.kind or "INNER").upper()

    @property
    def is_judged(self) -> bool:
        """An equality join that is no deliberate range and no filter."""
        known = self.side in {"LEFT", "INNER"} and not self.is_spine
        return bool(self.equal) and not self.is_range and known

    @property
    def multiplies(self) -> bool:
        pairs = self.after - (self.unmatched if self.side == "LEFT" else 0)
        if not self.equal and not self.is_range:
            return not self.is_spine and 1 < self.before < self.after
        return self.is_judged and pairs > self.before - self.unmatched

    @property
    def words(self) -> str:
        keys = " and ".join(f"{self._text(a)} = {self._text(b)}" for a, b in self.equal)
        on = f" on {keys}" if keys else ""
        return f"{self.side.lower()} join {self.alias}{on}{' over a range' * self.is_range}"

    def _text(self, node: exp.Expr) -> str:
        return _short(node, self.dialect)


@dataclass
class _Step:
    """One SELECT: a CTE, a branch of a union, a derived table or the end."""

    name: str
    query: exp.Select
    joins: list[_Join]
    dialect: str
    is_end: bool = False
    started: int = 0
    joined: int = 0
    kept: int = 0
    out: int = 0

    @property
    def sources(self) -> list[exp.Expr]:
        start = self.query.args.get("from_")
        return [*([start.this] if start else []), *(j.node.this for j in self.joins)]

    @property
    def aggregates(self) -> list[exp.AggFunc]:
        return [a for s in self.query.selects for a in s.find_all(exp.AggFunc)]

    @property
    def reduction(self) -> str:
        """What makes fewer rows of those kept, in words; empty where nothing does."""
        plain = [a for a in self.aggregates if not isinstance(a.parent, exp.Window)]
        if group := self.query.args.get("group"):
            keys = ", ".join(_short(e, self.dialect) for e in group.expressions) or "all"
            return f"group by {keys}" + " having" * bool(self.query.args.get("having"))
        others = [k for k in ("distinct", "qualify", "limit") if self.query.args.get(k)]
        return "all in one row" if plain else ", ".join(others)


class _Ledger:
    """The steps of one model."""

    def __init__(self, context: CheckContext, model: str, tree: exp.Expr) -> None:
        self._context, self._model, self._dialect = context, model, context.info.dialect
        self._with = tree.args.get("with_")
        bodies = [(cte.alias, cte.this) for cte in self._with.expressions] if self._with else []
        self.steps = [s for name, body in [*bodies, ("result", tree)]
                      for s in _steps(name, body, self._dialect)]  # fmt: skip
        self.steps[-1].is_end = True
        self._spines = _spines(self.steps)

    def count(self) -> None:
        """Ask all counts at once, and what a multiplying join needs to be judged by."""
        numbers = iter(self._ask([query for step in self.steps for query in _queries(step)]))
        for step in self.steps:
            before = step.started = next(numbers)
            for n, join in enumerate(step.joins):
                join.before, join.after = before, next(numbers)
                join.unmatched = next(numbers) if join.equal else 0
                join.is_spine = self._touches_spine(step, n)
                before = join.after
            step.joined = before
            step.kept = next(numbers) if step.query.args.get("where") else before
            step.out = next(numbers) if step.reduction else step.kept
            for n, join in enumerate(step.joins):
                if join.is_judged and (join.multiplies or join.unmatched):
                    self._look_closer(step, n)

    def _look_closer(self, step: _Step, n: int) -> None:
        join = step.joins[n]
        repeats, right_lost, lost, at_stake = self._ask(list(_closer_queries(step, n)))
        join.left_repeats = repeats > 0
        join.lost, join.at_stake = lost, at_stake
        if join.multiplies and not join.left_repeats:
            join.lost, join.at_stake = right_lost, join.after + right_lost

    def findings(self) -> tuple[list[str], list[str]]:
        """What fails and what is to be known."""
        failed = multiplied(self._model, self.steps)
        warned = []
        filtered = _filtered(self.steps)
        for step, join in ((s, j) for s in self.steps for j in s.joins):
            other = join.node.this
            if join.side != "INNER" or not join.is_judged or other.name in filtered:
                continue
            said = f"{self._model}, {step.name}: {join.words} loses {join.lost:,} of "
            said += f"{join.at_stake:,} rows."
            if join.lost > _MOST_LOST * join.at_stake and not self._is_filtered_later(step):
                failed.append(said)
            elif join.lost and not self._is_stated(join):
                warned.append(said)
        return failed, warned

    def _is_filtered_later(self, step: _Step) -> bool:
        """Whether what reads the step has a condition, so that lost rows may be unwanted ones."""
        readers = [s for s in self.steps if any(x.name == step.name for x in s.sources)]
        wheres = [w for s in readers if (w := s.query.args.get("where"))]
        conditions = [c for where in wheres for c in _conjuncts(where.this)]
        return any(not (isinstance(c, exp.Not) and c.find(exp.Null)) for c in conditions)

    def _touches_spine(self, step: _Step, n: int) -> bool:
        """Whether a side of the join is a row of periods or numbers that was generated."""
        join = step.joins[n]
        tied = {t for left, _ in join.equal for t in _tables(left)}
        lefts = [s for s in step.sources[: n + 1] if not tied or s.alias_or_name in tied]
        return any(s.name in self._spines for s in [*lefts, join.node.this])

    def _is_stated(self, join: _Join) -> bool:
        """Whether an assumption or a note speaks of the relation or key that loses rows."""
        spec = self._context.spec
        texts = [*(a.text for a in spec.assumptions), *spec.notes]
        names = {join.alias, join.node.this.name}
        names |= {c.name for _, b in join.equal for c in b.find_all(exp.Column)}
        return any(n.lower() in t.lower() for n in names if n for t in texts)

    def _ask(self, queries: Sequence[exp.Expr]) -> list[int]:
        columns = [exp.alias_(exp.Subquery(this=q), f"c{n}") for n, q in enumerate(queries)]
        query = exp.select(*columns)
        if self._with:
            query.set("with_", self._with.copy())
        return list(self._context.worker.query(query.sql(dialect=self._dialect)).rows[0])


# --- reading steps ---------------------------------------------------------------------------


def _steps(name: str, body: exp.Expr, dialect: str) -> Iterator[_Step]:
    """The SELECTs of a query, inner ones first."""
    body = body.unnest()
    if isinstance(body, exp.SetOperation):
        for n, branch in enumerate(leaves(body)):
            yield from _steps(f"{name} ({n + 1})", branch, dialect)
    if not isinstance(body, exp.Select):
        return
    start = body.args.get("from_")
    seen = {start.this.alias_or_name} if start else set()
    joins = []
    for node in body.args.get("joins") or []:
        joins.append(_join(node, seen, body.args.get("where"), dialect))
        seen.add(node.this.alias_or_name)
    for source in [*([start.this] if start else []), *(j.node.this for j in joins)]:
        if isinstance(source, exp.Subquery):
            yield from _steps(f"{name}.{source.alias}", source.this, dialect)
    yield _Step(name, body, joins, dialect)


def leaves(query: exp.Expr) -> Iterator[exp.Expr]:
    """The SELECTs that a UNION unites."""
    for side in (query.this.unnest(), query.expression.unnest()):
        yield from leaves(side) if isinstance(side, exp.SetOperation) else [side]


def _join(node: exp.Join, seen: set[str], where: exp.Expr | None, dialect: str) -> _Join:
    """A join with the equalities that tie it to what was there before; those of an old-style
    join stand in WHERE."""
    alias, node = node.this.alias_or_name, node.copy()
    condition = node.args.get("on")
    if condition is None and node.side == "" and where is not None:
        own = [c for c in _conjuncts(where.this) if _tie(c, alias, seen)]
        if own:
            condition = exp.and_(*(c.copy() for c in own))
            node.set("on", condition)
            node.set("kind", None)
    parts = _conjuncts(condition) if condition is not None else []
    ranges = [r for part in parts for r in part.find_all(*_RANGES)]
    crossing = [r for r in ranges if _tables(r) - {alias} and alias in _tables(r)]
    ties = [t for c in parts if (t := _tie(c, alias, seen))]
    return _Join(node, ties, bool(crossing), dialect)


def _spines(steps: Sequence[_Step]) -> set[str]:
    """Steps that generate rows, and grids made of them."""
    found: set[str] = set()
    for step in steps:
        is_grid = not step.reduction and not any(j.equal or j.is_range for j in step.joins)
        reads = is_grid and any(source.name in found for source in step.sources)
        if reads or step.query.find(*_SERIES):
            found.add(step.name)
        union = step.name.rpartition(" (")[0]
        if any(source.name == union for source in step.sources):  # it reads itself
            found.add(union)
    return found


def _short(node: exp.Expr, dialect: str) -> str:
    return node.sql(dialect=dialect, normalize_functions="lower").replace('"', "")


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    return list(condition.unnest().flatten()) if isinstance(condition, exp.And) else [condition]


def _tables(node: exp.Expr) -> set[str]:
    return {c.table for c in node.find_all(exp.Column)}


def _tie(part: exp.Expr, alias: str, seen: set[str]) -> tuple[exp.Expr, exp.Expr] | None:
    """(left side, right side) of an equality between `alias` and what was there before."""
    if not isinstance(part, exp.EQ | exp.NullSafeEQ):
        return None
    for left, right in ((part.this, part.expression), (part.expression, part.this)):
        if _tables(right) == {alias} and _tables(left) and _tables(left) <= seen:
            return left, right
    return None


# --- queries ---------------------------------------------------------------------------------


def _rows(step: _Step, joins: int) -> exp.Select:
    """count(*) after the first `joins` joins of a step."""
    query = exp.select(exp.Count(this=exp.Star()))
    if start := step.query.args.get("from_"):
        query.set("from_", start.copy())
    query.set("joins", [j.node.copy() for j in step.joins[:joins]])
    return _scoped(step, query)


def _scoped(step: _Step, query: exp.Select) -> exp.Select:
    """The query with the CTEs that the step itself begins with."""
    if not step.is_end and (own := step.query.args.get("with_")):
        query.set("with_", own.copy())
    return query


def _queries(step: _Step) -> Iterator[exp.Expr]:
    """In the order that `count` reads their numbers in."""
    yield _rows(step, 0)
    for n, join in enumerate(step.joins):
        yield _rows(step, n + 1)
        if join.equal:
            other = exp.select(exp.Literal.number(1)).from_(join.node.this.copy())
            found = other.where(join.node.args["on"].copy())
            yield _rows(step, n).where(exp.Exists(this=found).not_())
    if where := step.query.args.get("where"):
        yield _rows(step, len(step.joins)).where(where.this.copy())
    if step.reduction:
        whole = step.query.copy()
        if step.is_end:
            whole.set("with_", None)
        yield exp.select(exp.Count(this=exp.Star())).from_(whole.subquery("whole"))


def _closer_queries(step: _Step, n: int) -> Iterator[exp.Expr]:
    """Keys that repeat on the left of a join; right rows without a partner; left rows without
    one that the conditions on the left side keep, and all that these keep."""
    join, one = step.joins[n], exp.Literal.number(1)
    lefts = [a for a, _ in join.equal]
    keys = _rows(step, n).where(exp.and_(*(a.copy().is_(exp.null()).not_() for a in lefts)))
    keys = keys.group_by(*(a.copy() for a in lefts)).having("count(*) > 1")
    yield exp.select(exp.Count(this=exp.Star())).from_(keys.subquery("repeated"))
    on = join.node.args["on"]
    found = _rows(step, n).where(on.copy()).select(one, append=False)
    lost = exp.select(exp.Count(this=exp.Star())).from_(join.node.this.copy())
    yield _scoped(step, lost.where(exp.Exists(this=found).not_()))
    known = {s.alias_or_name for s in step.sources[: n + 1]}
    where = step.query.args.get("where")
    own = [c for c in _conjuncts(where.this) if _tables(c) <= known] if where else []
    kept = _rows(step, n).where(*(c.copy() for c in own))
    partner = exp.select(one).from_(join.node.this.copy()).where(on.copy())
    yield kept.where(exp.Exists(this=partner).not_())
    yield kept


# --- judging ---------------------------------------------------------------------------------


def multiplied(model: str, steps: Sequence[_Step]) -> list[str]:
    """Aggregates over columns, or counts of rows, that a join multiplied before."""
    tainted: dict[str, dict[str, str]] = {}  # by step: column (or "*" for rows) -> why
    found: dict[str, None] = {}
    for step in steps:
        own = _taints(step, tainted)
        for aggregate in step.aggregates:
            columns = list(aggregate.find_all(exp.Column))
            why = [own.get((c.table, c.name)) or own.get((c.table, "*all")) for c in columns]
            why = why if columns else [own.get(("", "*"))]
            harmless = isinstance(aggregate, _HARMLESS) or aggregate.find(exp.Distinct)
            if not harmless and all(why):
                text = _short(aggregate, step.dialect)
                found[f"{model}, {step.name}: {text} counts rows more than once: {why[0]}."] = None
        name = step.name.split(" (")[0]
        if not step.reduction or step.reduction == "limit":
            outer = tainted.setdefault(name, {})
            for select in step.query.selects:
                for c in select.find_all(exp.Column):
                    if cause := own.get((c.table, c.name)) or own.get((c.table, "*all")):
                        outer[select.alias_or_name] = cause
            if ("", "*") in own:
                outer["*"] = own["", "*"]
    return list(found)


def _taints(step: _Step, tainted: dict[str, dict[str, str]]) -> dict[tuple[str, str], str]:
    """(alias, column) -> why its values stand in several rows; ("", "*") for the rows."""
    found: dict[tuple[str, str], str] = {}
    for source in step.sources:
        name = f"{step.name}.{source.alias}" if isinstance(source, exp.Subquery) else source.name
        for column, why in tainted.get(name, {}).items():
            found["" if column == "*" else source.alias_or_name, column] = why
    for n, join in enumerate(step.joins):
        if not join.multiplies:
            continue
        why = f"in {step.name}, {join.words} makes {join.before:,} rows {join.after:,}"
        both = join.left_repeats or not join.equal
        for source in step.sources[: n + 1 + both]:
            found[source.alias_or_name, "*all"] = why
        if both:
            found["", "*"] = why
    return found


def _filtered(steps: Sequence[_Step]) -> set[str]:
    """Steps that leave rows out on purpose, themselves or through what they read."""
    found: set[str] = set()
    for step in steps:
        reads = any(source.name in found for source in step.sources)
        if reads or step.kept < step.joined or step.query.args.get("having"):
            found.add(step.name.split(" (")[0])
    return found


def _lines(step: _Step) -> Iterator[tuple[str, ...]]:
    """What is shown of a step."""
    names = " and ".join(s.alias_or_name for s in step.sources[:1])
    if not (step.joins or step.reduction or step.query.args.get("where")):
        yield step.name, "", f"{step.out:,}", "", "", f"rows of {names}" if names else "one row"
    for join in step.joins:
        factor = f"{join.after / join.before:.2f}" if join.before else ""
        lost = f": {join.unmatched:,} rows found no {join.alias}" if join.equal else ""
        unmatched = f"{join.unmatched:,}" if join.equal else ""
        yield (step.name, f"{join.before:,}", f"{join.after:,}", unmatched, factor,
               f"{join.words}{lost}")  # fmt: skip
    if where := step.query.args.get("where"):
        text = cell(_short(where.this, step.dialect))
        words = f"where {text}: {step.joined - step.kept:,} rows filtered"
        yield step.name, f"{step.joined:,}", f"{step.kept:,}", "", "", words
    if step.reduction:
        yield step.name, f"{step.kept:,}", f"{step.out:,}", "", "", cell(step.reduction)
