"""Follows a column through a model's SQL: where it is named, and under which names it comes out.

A column *comes out* of a select where an item is the column itself, under its own name; what is
computed from it has a name of its own and is not followed further.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from crew.drafting.edits.sql_edits import THIS, Splice, SqlSource
from crew.drafting.model_text import CannotEdit


@dataclass
class Uses:
    """What one model does with a column of relations that it reads.

    `named` are all places (start, end) that name it; `computed` the output names of items that are
    made from it, `elsewhere` whether it decides rows (a join, filter, group or order); `passed`
    whether it is an output column itself.
    """

    named: set[tuple[int, int]] = field(default_factory=set)
    passed: bool = False
    computed: dict[str, None] = field(default_factory=dict)
    elsewhere: bool = False
    items: set[tuple[int, int]] = field(default_factory=set)
    """Places of select items, at any depth, that are nothing but the column."""

    @property
    def any(self) -> bool:
        return bool(self.named) or self.passed


class ColumnFlow:
    """One reading of a model's SQL: who gives `column`, and which places name it.

    `carriers` are keys of relations that have the column; `columns` the columns of relations, for
    names without a table in front.
    """

    def __init__(
        self,
        source: SqlSource,
        tree: exp.Expr,
        column: str,
        carriers: Collection[str],
        columns: Mapping[str, Collection[str]],
    ) -> None:
        self.source, self.tree, self.column = source, tree, column.lower()
        self.carriers, self.columns = set(carriers), columns
        self.scopes = [s for s in traverse_scope(tree)]
        self.gives: dict[int, bool] = {}
        """Scope → whether the column comes out of it."""
        self.forced: set[int] = set()
        """Scopes out of which it comes whatever they read."""
        self.uses = Uses()

    def read(self) -> Uses:
        for scope in self.scopes:
            self.gives[id(scope)] = id(scope) in self.forced or self._comes_out(scope)
        for scope in self.scopes:
            self._collect(scope)
        root = self.scopes[-1] if self.scopes else None
        self.uses.passed = bool(root and self.gives[id(root)])
        return self.uses

    # --- who has it --------------------------------------------------------------------------

    def has(self, source: object) -> bool:
        """Whether a source of a scope, a table or a select, has the column."""
        if isinstance(source, Scope):
            return self.gives.get(id(source), False)
        return isinstance(source, exp.Table) and self.key_of(source) in self.carriers

    def key_of(self, table: exp.Table) -> str:
        stand_in = self.source.stand_ins.get(table.name)
        return stand_in.relation if stand_in else table.name

    def owner(self, scope: Scope, column: exp.Column) -> object | None:
        """The source that a column of the followed name belongs to."""
        here: Scope | None = scope
        while here is not None:
            sources = {n: s for n, (_, s) in here.selected_sources.items()}
            if column.table:
                found = next(
                    (s for n, s in sources.items() if n.lower() == column.table.lower()), None
                )
                if found is not None:
                    return found
            else:
                owners = [s for s in sources.values() if self._may_have(s)]
                if owners:
                    having = [s for s in owners if self.has(s)]
                    return having[0] if having else owners[0]
            here = here.parent
        return None

    def _may_have(self, source: object) -> bool:
        """Whether a column of that name, renamed or not, can be of this source."""
        if self.has(source):
            return True
        if isinstance(source, Scope):
            return self.column in {n.lower() for n in self.outputs(source)}
        if isinstance(source, exp.Table):
            known = self.columns.get(self.key_of(source))
            return known is not None and self.column in {c.lower() for c in known}
        return False

    def outputs(self, scope: Scope) -> list[str]:
        """Names of the columns of a select, as far as they can be known."""
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            left = scope.set_operation_scopes[0] if scope.set_operation_scopes else None
            return self.outputs(left) if left else []
        names: list[str] = []
        for item in expression.selects if isinstance(expression, exp.Query) else []:
            if is_star(item):
                for name, (_, source) in scope.selected_sources.items():
                    if isinstance(item, exp.Column) and item.table.lower() != name.lower():
                        continue
                    names += self.columns_of(source)
            else:
                names.append(item.alias_or_name)
        return names

    def columns_of(self, source: object) -> list[str]:
        """Names of the columns of a source of a scope."""
        if isinstance(source, Scope):
            return self.outputs(source)
        return (
            list(self.columns.get(self.key_of(source), ())) if isinstance(source, exp.Table) else []
        )

    # --- what comes out ----------------------------------------------------------------------

    def _comes_out(self, scope: Scope) -> bool:
        expression = scope.expression
        if isinstance(expression, exp.SetOperation):
            return any(self.gives.get(id(s), False) for s in scope.set_operation_scopes[:1])
        return any(self.is_column(scope, item) for item in _items(expression))

    def is_column(self, scope: Scope, item: exp.Expr) -> bool:
        """Whether a select item gives the column under its own name."""
        if is_star(item):
            excluded = {
                i.name.lower() for e in item.find_all(exp.Star) for i in e.args.get("except_") or ()
            }
            if self.column in excluded:
                return False
            for name, (_, source) in scope.selected_sources.items():
                if isinstance(item, exp.Column) and item.table.lower() != name.lower():
                    continue
                if self.has(source):
                    return True
            return False
        bare = item.this if isinstance(item, exp.Alias) else item
        if not isinstance(bare, exp.Column):
            return False
        stand_in = self.source.stand_ins.get(bare.name)
        if stand_in and stand_in.star_of:
            left_out = {n.lower() for *_, n in self.source.literals(stand_in, [self.column])}
            return stand_in.star_of in self.carriers and self.column not in left_out
        if isinstance(item, exp.Alias) and item.alias.lower() != self.column:
            return False
        return bare.name.lower() == self.column and self.has(self.owner(scope, bare))

    def definitions(self, scope: Scope | None = None) -> Iterator[tuple[Scope, exp.Expr]]:
        """Where an output column gets its name: (select, item), inside the CTE that a star reads.
        The item is a star where it comes from a relation as it is."""
        scope = scope or self.scopes[-1]
        if isinstance(scope.expression, exp.SetOperation):
            for branch in scope.set_operation_scopes:
                yield from self.definitions(branch)
            return
        for item in _items(scope.expression):
            if not is_star(item) and item.alias_or_name.lower() == self.column:
                yield scope, item
                return
        for item in filter(is_star, _items(scope.expression)):
            for name, (_, source) in scope.selected_sources.items():
                if isinstance(item, exp.Column) and item.table.lower() != name.lower():
                    continue
                if isinstance(source, Scope) and self._may_have(source):
                    yield from self.definitions(source)
                    return
                if self._may_have(source):
                    yield scope, item
                    return

    # --- where it is named -------------------------------------------------------------------

    def _collect(self, scope: Scope) -> None:
        expression = scope.expression
        for column in scope.find_all(exp.Column):
            stand_in = self.source.stand_ins.get(column.name)
            if stand_in:
                places = self._in_jinja(scope, stand_in)
            elif column.name.lower() == self.column and self._is_it(scope, column):
                places = {span(column.this)}
            else:
                continue
            if not places:
                continue
            self.uses.named |= places
            item = _item_of(column, expression)
            if item is None:
                self.uses.elsewhere = True
            elif self.is_column(scope, item):
                self.uses.items |= places
            else:
                self.uses.computed.setdefault(item.alias_or_name)
        for item in _items(expression):
            if isinstance(item, exp.Alias) and self.is_column(scope, item):
                self.uses.named.add(span(item.args["alias"]))
        for join in expression.args.get("joins") or ():
            self._using(scope, join)

    def _is_it(self, scope: Scope, column: exp.Column) -> bool:
        """Whether a column of the name is the one that is followed, not an alias of the select."""
        late = column.find_ancestor(exp.Order, exp.Having, exp.Qualify, exp.Select)
        inside = column.find_ancestor(exp.AggFunc, exp.Window, exp.Select)
        if column.table or isinstance(late, exp.Select) or not isinstance(inside, exp.Select):
            return self.has(self.owner(scope, column))
        own = [i for i in _items(scope.expression) if i.alias_or_name.lower() == self.column]
        if own or self.gives[id(scope)]:
            return self.gives[id(scope)]
        return self.has(self.owner(scope, column))

    def _in_jinja(self, scope: Scope, stand_in: object) -> set[tuple[int, int]]:
        having = any(self.has(s) for _, s in scope.selected_sources.values())
        star = getattr(stand_in, "star_of", "") in self.carriers
        if not (having or star):
            return set()
        found = self.source.literals(stand_in, [self.column])  # type: ignore[arg-type]
        return {(start, end) for start, end, _ in found}

    def _using(self, scope: Scope, join: exp.Expr) -> None:
        for name in join.args.get("using") or ():
            identifier = name.this if isinstance(name, exp.Column) else name
            if identifier.name.lower() != self.column:
                continue
            sources = [s for _, s in scope.selected_sources.values()]
            having = [self.has(s) for s in sources if self._may_have(s)]
            if not any(having):
                continue
            self.uses.elsewhere = True
            if not all(having):
                raise CannotEdit(f"it joins using ({self.column}), which only one side renames")
            self.uses.named.add(span(identifier))


def is_star(item: exp.Expr) -> bool:
    """`*` or `t.*`."""
    return isinstance(item, exp.Star) or (
        isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
    )


def span(node: exp.Expr) -> tuple[int, int]:
    """Where an identifier (or a star) stands in the text, end exclusive, quotes left out."""
    meta = node.meta
    if "start" not in meta:
        raise CannotEdit(f"{node.sql()} has no place in the text")
    start, end = int(meta["start"]), int(meta["end"]) + 1
    return (
        (start + 1, end - 1) if isinstance(node, exp.Identifier) and node.quoted else (start, end)
    )


def follow(
    source: SqlSource,
    column: str,
    carriers: Collection[str],
    columns: Mapping[str, Collection[str]],
) -> Uses:
    """What a model does with a column of the relations `carriers`, over all readings of its SQL."""
    whole = Uses()
    with_this = set(carriers)
    for _ in range(2):
        whole = Uses()
        for tree in source.trees:
            uses = ColumnFlow(source, tree, column, with_this, columns).read()
            whole.named |= uses.named
            whole.items |= uses.items
            whole.passed |= uses.passed
            whole.computed |= uses.computed
            whole.elsewhere |= uses.elsewhere
        if not whole.passed or THIS in with_this:
            break
        with_this.add(THIS)
    if source.relations & with_this:
        for block in source.blocks():
            whole.named |= {
                (start, end) for start, end, _ in source.literals(block, [column])
                if whole.passed or block.text.startswith("{%")
            }  # fmt: skip
    return whole


def renamed(places: Collection[tuple[int, int]], to: str) -> list[Splice]:
    """The splices that write another name at places."""
    return [Splice(start, end, to) for start, end in places]


def _items(expression: exp.Expr) -> list[exp.Expr]:
    if isinstance(expression, exp.SetOperation) or not isinstance(expression, exp.Query):
        return []
    return list(expression.selects)


def _item_of(column: exp.Expr, select: exp.Expr) -> exp.Expr | None:
    """The select item that a column stands in; None where it stands elsewhere in the select."""
    node: exp.Expr | None = column
    while node is not None and node.parent is not select:
        node = node.parent
    return node if node is not None and node.arg_key == "expressions" else None
