"""Nothing in a model is made up: every output column comes from a column of a real relation.

`qualified_query` is what else needs the SQL of a model with every column's relation known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.optimizer.simplify import simplify

from crew.artifacts import Check, DraftModel, Table
from crew.catalog.warehouse_profile import quoted
from crew.verification.check_context import CheckContext, cell, skipped

_COLUMNS = ("column", "comes from", "through")
_COUNTING = (exp.Count, exp.CountIf, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)
_SERIES = (exp.GenerateSeries, exp.GenerateDateArray, exp.GenerateTimestampArray)
_SHOWN = 4
_Source: TypeAlias = Scope | exp.Expr


def fabrication_guard(context: CheckContext) -> Check:
    """Lineage of every output column; columns and rows that come from nowhere are findings."""
    models = [m for m in context.draft.models if context.compiled.get(m.name)]
    if not models:
        return skipped("fabrication guard", "no model was compiled")
    rows: list[tuple[str, ...]] = []
    findings: list[str] = []
    for model in models:
        try:
            found, lines = _examine(context, model, context.compiled[model.name])
            base = context.base_compiled.get(model.name) if model.action == "update" else None
            before = _examine(context, model, base)[0] if base else []
        except SqlglotError as error:
            found, lines, before = [f"{model.name} cannot be traced: {error}"], [], []
        findings += [f for f in found if f not in before]
        rows += lines
    return Check(
        name="fabrication guard",
        status="failed" if findings else "passed",
        finding="\n".join(findings) or f"{len(rows)} columns, all traced to their sources",
        table=Table(columns=_COLUMNS, rows=tuple(rows)),
        blame="model" if findings else "",
    )


def qualified_query(context: CheckContext, sql: str) -> exp.Expr:
    """The syntax tree with stars expanded and every column qualified by its relation's alias.

    Raises SqlglotError where the SQL cannot be understood.
    """
    dialect = context.info.dialect
    tree = parse_one(sql, read=dialect)
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    real: dict[str, exp.Table] = {}
    names: dict[str, str] = {}
    schema: dict[str, object] = {}
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier) or (
            not table.db and table.name.lower() in ctes
        ):
            continue
        bare = exp.Table(**{k: table.args.get(k) for k in ("this", "db", "catalog")}).copy()
        key = bare.sql(dialect=dialect)
        name = names.setdefault(key, f"relation_{len(names)}")
        if name not in real:
            real[name] = bare
            columns = context.columns(key)
            if dialect == "postgres":  # it folds bare names
                columns = tuple(quoted(c, dialect) for c in columns)
            schema[name] = dict.fromkeys(columns, "unknown")
        table.set("alias", table.args.get("alias") or exp.TableAlias(this=table.this.copy()))
        for part, value in (("this", exp.to_identifier(name)), ("db", None), ("catalog", None)):
            table.set(part, value)
    qualified = qualify(tree, schema=schema, dialect=dialect, validate_qualify_columns=False)
    for table in qualified.find_all(exp.Table):
        if bare_ := real.get(table.name.lower()):
            for part in ("this", "db", "catalog"):
                table.set(part, bare_.args.get(part))
    return qualified


def _examine(
    context: CheckContext, model: DraftModel, sql: str
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Findings, and a line for each output column."""
    tree = simplify(qualified_query(context, sql), dialect=context.info.dialect)
    root = build_scope(tree)
    if root is None:
        return [f"{model.name} is no SELECT that could be traced."], []
    tracer = _Tracer(context.info.dialect)
    findings = list(_written_rows(model, root, tracer))
    lines: list[tuple[str, ...]] = []
    for name in dict.fromkeys(tree.named_selects):
        origins = sorted(tracer.output(root, name))
        through = tracer.through(root, name)
        if not origins and context.spec.date_range and through.find(*_SERIES):
            origins = ["the dates that the request names"]
        text = " ".join(through.sql(dialect=context.info.dialect).replace('"', "").split())
        if not origins:
            findings.append(f"{model.name}.{name} comes from no relation, it is only {cell(text)}.")
        more = f" and {len(origins) - _SHOWN} more" if len(origins) > _SHOWN else ""
        lines.append((name, ", ".join(origins[:_SHOWN]) + more, cell(text)))
    return findings, lines


def _written_rows(model: DraftModel, root: Scope, tracer: _Tracer) -> Iterator[str]:
    """Relations, or branches of a union, that are written out as literals."""
    for values in root.expression.find_all(exp.Values):
        shown = cell(values.sql(dialect=tracer.dialect))
        yield f"{model.name} holds rows that are written out: {shown}."
    for scope in root.traverse():
        for branch in _branches(scope):
            if not _branches(branch) and not tracer.outputs(branch):
                shown = cell(branch.expression.sql(dialect=tracer.dialect))
                yield f"{model.name} unites with rows that are written out: {shown}."


class _Tracer:
    """Follows columns through the scopes of one query."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self._open: set[tuple[int, str]] = set()
        self._known: dict[tuple[int, str], frozenset[str]] = {}

    def output(self, scope: Scope, name: str) -> frozenset[str]:
        """`relation.column` of all that an output column of the scope is made of."""
        key = (id(scope), name)
        if key not in self._known:
            if key in self._open:  # a recursive CTE
                return frozenset()
            self._open.add(key)
            found = [self._origins(node, s) for node, s in _projections(scope, name)]
            self._known[key] = frozenset[str]().union(*found)
        return self._known[key]

    def outputs(self, scope: Scope) -> frozenset[str]:
        """The origins of all columns of a scope."""
        return frozenset[str]().union(*(self.output(scope, n) for n in _names(scope)))

    def through(self, scope: Scope, name: str) -> exp.Expr:
        """The expression that makes a column: the first that does more than hand it on."""
        found = list(_projections(scope, name))
        if not found:
            return exp.null()
        node, inner = found[0]
        source = _source(node, inner) if isinstance(node, exp.Column) else None
        if len(found) == 1 and isinstance(source, Scope) and source is not scope:
            return self.through(source, node.name)
        return node

    def _origins(self, node: exp.Expr, scope: Scope) -> frozenset[str]:
        if isinstance(node, exp.Column):
            return self._column(node, scope)
        if isinstance(node, exp.Query) and node is not scope.expression:
            inner = [s for s in scope.subquery_scopes if s.expression is node.unnest()]
            read = self._rows if isinstance(node.parent, exp.Exists) else self.outputs
            return frozenset[str]().union(*(read(s) for s in inner))
        if isinstance(node, exp.Mul) and any(_is_zero(x) for x in (node.this, node.expression)):
            return frozenset()
        parts = [self._origins(child, scope) for child in node.iter_expressions()]
        found = frozenset[str]().union(*parts)
        counts = isinstance(node, exp.Sum) and self._constant(node.this, scope) == "1"
        if not found and (isinstance(node, _COUNTING) or counts):
            return self._rows(scope)
        return found

    def _column(self, column: exp.Column, scope: Scope) -> frozenset[str]:
        source = _source(column, scope)
        if isinstance(source, Scope):
            if isinstance(source.expression, exp.Query):
                return self.output(source, column.name)
            return self._origins(source.expression, source)
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            return frozenset({f"{source.name}.{column.name}"})
        if isinstance(source, exp.Table):
            return self._origins(source.this, scope)
        return frozenset() if source is not None else frozenset({column.name})

    def _rows(self, scope: Scope) -> frozenset[str]:
        """The relations whose rows a scope counts."""
        found: set[str] = set()
        for _, source in scope.selected_sources.values():
            if isinstance(source, Scope):
                for part in _branches(source) or [source]:
                    found |= self._rows(part)
            elif isinstance(source.this, exp.Identifier):
                found.add(f"{source.name}.*")
        return frozenset(found)

    def _constant(self, node: exp.Expr, scope: Scope) -> str | None:
        """The literal that a column hands on, if it is one."""
        source = _source(node, scope) if isinstance(node, exp.Column) else None
        if isinstance(source, Scope) and isinstance(source.expression, exp.Query):
            node = self.through(source, node.name)
        return str(node.this) if isinstance(node, exp.Literal) else None


def _source(column: exp.Column, scope: Scope) -> _Source | None:
    """What a column's qualifier stands for, here or in an enclosing query."""
    inner: Scope | None = scope
    while inner is not None:
        if column.table in inner.sources:
            source: _Source = inner.sources[column.table]
            return source
        inner = inner.parent
    return None


def _projections(scope: Scope, name: str) -> Iterator[tuple[exp.Expr, Scope]]:
    """The expressions behind an output column: one, or one for each branch of a union."""
    names = _names(scope)
    for branch in _branches(scope):
        yield from _projections(branch, _names(branch)[names.index(name)])
    for node in scope.expression.selects if isinstance(scope.expression, exp.Select) else ():
        if node.alias_or_name == name:
            yield node.unalias(), scope


def _branches(scope: Scope) -> list[Scope]:
    """The queries that a UNION unites."""
    is_union = isinstance(scope.expression, exp.SetOperation)
    return list(scope.set_operation_scopes) if is_union else []


def _names(scope: Scope) -> list[str]:
    query = scope.expression
    return list(query.named_selects) if isinstance(query, exp.Query) else []


def _is_zero(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and float(node.this) == 0
