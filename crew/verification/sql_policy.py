"""What generated SQL may be: one SELECT over known relations that touches nothing else.

Judged by the syntax tree, never by text. It runs on rendered (masked) SQL before dbt sees it and
again on what dbt compiled. The sealed database is the second line, not this one's excuse.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.verification.sql_functions import (
    ALLOWED_FUNCTIONS,
    ALLOWED_TABLE_CLASSES,
    ALLOWED_TABLE_FUNCTIONS,
    DENIED_TYPED,
)

MAX_LENGTH = 200_000
Parts = tuple[str, ...]

_DENIED: tuple[tuple[Any, str], ...] = (
    (exp.DDL, "defines or changes objects"),
    (exp.DML, "changes data"),
    (exp.Command, "is a command"),
    (exp.Copy, "copies data"),
    (exp.Attach, "attaches a database"),
    (exp.Detach, "detaches a database"),
    (exp.Pragma, "is a pragma"),
    (exp.Set, "changes settings"),
    (exp.Use, "changes the database in use"),
    (exp.Into, "writes into a table"),
    (exp.Lock, "locks rows"),
    (exp.Describe, "describes objects"),
    (exp.Show, "shows objects"),
    (exp.Summarize, "summarises objects"),
    (exp.Drop, "drops objects"),
    (exp.Install, "installs an extension"),
    (exp.LoadData, "loads a file"),
    (exp.Transaction, "is a transaction"),
    (exp.Commit, "is a transaction"),
    (exp.Rollback, "is a transaction"),
    (exp.Kill, "ends a session"),
    (exp.Grant, "grants rights"),
    (exp.Placeholder, "has a placeholder"),
    (exp.Parameter, "reads a variable"),
    (exp.SessionParameter, "reads a session variable"),
)


def check_sql(sql: str, dialect: str, relations: set[str]) -> list[str]:
    """Findings in words; none means allowed.

    `dialect` is sqlglot's name. `relations` are the relations that may be read, as SQL names,
    quoted or not (`stg_orders`, `"shop"."raw"."orders"`); each must be named with as many parts.
    """
    if len(sql) > MAX_LENGTH:
        return [f"The SQL is longer than {MAX_LENGTH} characters."]
    if "/*!" in sql:
        return ["Executable comments (/*! ... */) are not allowed."]
    logging.getLogger("sqlglot").addHandler(logging.NullHandler())
    try:
        statements = [s for s in sqlglot.parse(sql, read=dialect) if s is not None]
        statements = [s for s in statements if not isinstance(s, exp.Semicolon)]
        allowed = {_parts_of(name, dialect) for name in relations}
        if len(statements) != 1:
            return [f"Exactly one SELECT is allowed, this has {len(statements)} statements."]
        return list(dict.fromkeys(_findings(statements[0], allowed)))
    except SqlglotError as error:
        return [f"The SQL cannot be read: {' '.join(str(error).split())[:300]}"]
    except RecursionError:
        return ["The SQL is nested too deeply to be checked."]


def relations_read(sql: str, dialect: str) -> set[Parts]:
    """The relations (lower-case parts) that a SELECT reads, its CTEs left out."""
    tree = sqlglot.parse_one(sql, read=dialect)
    tables = (t for t in tree.find_all(exp.Table) if not isinstance(t.this, exp.Func))
    return {_parts(t) for t in tables if not _is_cte(t)}


def _findings(statement: exp.Expr, allowed: set[Parts]) -> Iterator[str]:
    top = statement
    while isinstance(top, exp.Subquery | exp.Paren):
        top = top.this
    if not isinstance(top, exp.Select | exp.SetOperation):
        yield f"Only a SELECT is allowed, this is {statement.key.upper()}."
    for node in statement.walk():
        reason = next((words for class_, words in _DENIED if isinstance(node, class_)), None)
        if reason is not None:
            yield f"Not allowed: {_short(node)} {reason}."
        elif isinstance(node, exp.Table):
            yield from _table_findings(node, allowed)
        elif isinstance(node, exp.TableFromRows | exp.Lateral):
            yield from _rows_findings(node)
        elif isinstance(node, exp.Func):
            yield from _function_findings(node)
        elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
            yield f"Not allowed: {_short(node)} calls a function by its schema."


def _table_findings(table: exp.Table, allowed: set[Parts]) -> Iterator[str]:
    if isinstance(table.this, exp.Func):
        if table.args.get("db"):
            yield f"Not allowed: {_short(table)} calls a function by its schema."
        yield from _rows_findings(table)
    elif not isinstance(table.this, exp.Identifier):
        yield f"Not allowed: {_short(table)} is not the name of a relation."
    elif not _is_cte(table) and _parts(table) not in allowed:
        yield (
            f"{_short(table)} is not a relation this model may read; "
            "refer to models by ref() and to sources by source()."
        )


def _rows_findings(node: exp.Expr) -> Iterator[str]:
    """For `FROM f(...)`, `TABLE(f(...))` and `LATERAL f(...)`."""
    called = node.this
    if isinstance(called, exp.Table):
        called = called.this
    if isinstance(called, exp.Subquery | exp.Select | exp.SetOperation | exp.Identifier):
        return
    name = called.name if isinstance(called, exp.Anonymous) else type(called).__name__
    known = ALLOWED_TABLE_FUNCTIONS if isinstance(called, exp.Anonymous) else ALLOWED_TABLE_CLASSES
    if (name.lower() if isinstance(called, exp.Anonymous) else name) not in known:
        yield f"Not allowed: the table function {_short(called)}."


def _function_findings(node: exp.Func) -> Iterator[str]:
    if isinstance(node.parent, exp.Table | exp.TableFromRows | exp.Lateral):
        return  # judged as a table function
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        if str(node.this).lower() not in ALLOWED_FUNCTIONS:
            yield f"The function {node.name or node.this} is not on the list of allowed functions."
    elif type(node).__name__ in DENIED_TYPED:
        yield f"Not allowed: {_short(node)} reads files, the session or the server."


def _is_cte(table: exp.Table) -> bool:
    """Whether a bare name means a CTE that is visible here, not a relation."""
    parts = _parts(table)
    if len(parts) != 1:
        return False
    below: exp.Expr = table
    node = table.parent
    came_from: exp.CTE | None = None
    while node is not None:
        if isinstance(below, exp.CTE) and isinstance(node, exp.With):
            came_from = below
        with_ = below if isinstance(below, exp.With) else node.args.get("with_")
        if isinstance(with_, exp.With) and _visible(parts[0], with_, below, came_from):
            return True
        below, node = node, node.parent
    return False


def _visible(name: str, with_: exp.With, below: exp.Expr, came_from: exp.CTE | None) -> bool:
    names = [cte.alias.lower() for cte in with_.expressions]
    if below is not with_ or with_.args.get("recursive"):
        return name in names
    position = next(i for i, cte in enumerate(with_.expressions) if cte is came_from)
    return name in names[:position]


def _parts(table: exp.Table) -> Parts:
    return tuple(part.name.lower() for part in table.parts)


def _parts_of(name: str, dialect: str) -> Parts:
    return _parts(exp.to_table(name, dialect=dialect))


def _short(node: exp.Expr) -> str:
    text = " ".join(node.sql().split())
    return repr(text if len(text) <= 80 else text[:77] + "...")
