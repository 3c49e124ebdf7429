"""Whether the proposed tests would notice a mistake: they are tried on wrong versions of the model.

Each version is a query: the unit test is run over its given rows in memory, then the other tests as
plain SQL over today's data. Versions that give the same rows as the model, today and over the given
rows, are no mistakes and left out.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from crew.artifacts import Check, DraftModel, GenericTest, Table, UnitTest
from crew.errors import InvalidInput, PolicyViolation
from crew.verification.check_context import CheckContext, skipped
from crew.verification.expected_rows import in_memory, plain
from crew.verification.wrong_versions import WrongVersion, wrong_versions

MOST_VERSIONS = 12
MOST_SECONDS = 3.0
MOST_ROWS = 5_000_000
ENOUGH = 0.8
_NAME = "wrong_version"
_INPUT = re.compile(r"ref\('([^']+)'\)|source\('([^']+)', *'([^']+)'\)")


def mutants(context: CheckContext) -> Check:
    """The share of wrong versions that are caught; warned below 80 %, never failed."""
    model = context.main_model
    if model is None or model.action != "create" or model.name not in context.relation_names:
        return skipped("mutants", "no model is new")
    if context.info.dialect != "duckdb":
        return skipped("mutants", "wrong versions are tried on DuckDB only")
    cards = [context.evidence.relation(key) for key in model.relations]
    if sum((c.row_count or 0) for c in cards if c) > MOST_ROWS:
        return skipped("mutants", f"the sources have more than {MOST_ROWS:,} rows")
    if any(r.resource_type in {"test", "unit_test"} and not r.ok for r in context.results):
        return skipped("mutants", "not run, as tests fail")
    try:
        return _Trial(context, model).run()
    except SqlglotError as error:
        return skipped("mutants", f"the model's SQL cannot be read: {str(error).splitlines()[0]}")


@dataclass
class _Trial:
    """All wrong versions of one model against all its tests."""

    context: CheckContext
    model: DraftModel

    def __post_init__(self) -> None:
        context = self.context
        self.built = context.relation_names[self.model.name]
        self.tree = sqlglot.parse_one(context.compiled[self.model.name], read="duckdb")
        self.tests = [*self._generic(), *self._singular()]
        units = [t for t in context.tests.unit if t.model == self.model.name]
        unit = _GivenRows(context, units[0]) if units else None
        self.unit = unit if unit and unit.is_usable else None
        self.columns = self._comparable()

    def run(self) -> Check:
        began = time.monotonic()
        caught: list[WrongVersion] = []
        survived: list[WrongVersion] = []
        by_unit = 0
        for version in wrong_versions(self.tree, "duckdb"):
            if len(caught) + len(survived) >= MOST_VERSIONS:
                break
            if time.monotonic() - began > MOST_SECONDS:
                break
            if self.unit and self.unit.notices(version.tree):
                caught.append(version)
                by_unit += 1
                continue
            try:
                differs, fails = self._on_data(version.tree)
            except (InvalidInput, PolicyViolation):
                continue  # a mistake that the database refuses needs no test
            if differs:
                (caught if fails else survived).append(version)
        return _verdict(caught, survived, by_unit)

    def _on_data(self, tree: exp.Expr) -> tuple[bool, bool]:
        """Whether a version's rows differ from the model's today, and whether a test fails."""
        ours = f"select {self.columns} from {_NAME}"
        model = f"select {self.columns} from {self.built}"
        parts = [
            f"(select count(*) from (({ours} except all {model})"
            f" union all ({model} except all {ours})) as d)",
            *(f"(select count(*) from ({sql}) as t{n})" for n, sql in enumerate(self.tests)),
        ]
        sql = f"with {_NAME} as ({tree.sql(dialect='duckdb')}) select {', '.join(parts)}"
        differing, *failures = self.context.worker.query(sql).rows[0]
        return bool(differing), any(failures)

    def _comparable(self) -> str:
        """The columns of the model; numbers with a rounding error are rounded."""
        names = [str(exp.to_identifier(c, quoted=True)) for c in self.context.columns(self.built)]
        types = ", ".join(f"any_value(typeof({n}))" for n in names)
        found = self.context.worker.query(f"select {types} from {self.built}").rows[0]
        return ", ".join(
            f"round({name}, 6)" if type_ in {"DOUBLE", "FLOAT"} else name
            for name, type_ in zip(names, found, strict=True)
        )

    def _generic(self) -> Iterator[str]:
        for test in self.context.tests.generic:
            if test.model == self.model.name and test.severity == "error" and not test.where:
                yield from _failing_rows(self.context, test)

    def _singular(self) -> Iterator[str]:
        """The SQL of singular tests, of the wrong version instead of the model."""
        names = {t.name for t in self.context.tests.singular}
        own = exp.to_table(self.built, dialect="duckdb").name
        for unique_id, sql in self.context.compiled.items():
            parts = unique_id.split(".")
            if parts[0] != "test" or len(parts) < 3 or parts[2] not in names:
                continue
            tree = sqlglot.parse_one(sql, read="duckdb")
            for table in list(tree.find_all(exp.Table)):
                if table.name == own:
                    table.replace(exp.to_table(_NAME, alias=table.alias_or_name))
            yield tree.sql(dialect="duckdb")


def _failing_rows(context: CheckContext, test: GenericTest) -> Iterator[str]:
    """SQL of the rows that a generic test fails on; none for tests that are not known here."""
    column = str(exp.to_identifier(test.column, quoted=True)) if test.column else ""
    arguments = test.arguments
    combination = context.evidence.conventions.unique_combination
    if test.test == "not_null":
        yield f"select 1 from {_NAME} where {column} is null"
    elif test.test == "unique":
        yield f"select 1 from {_NAME} where {column} is not null group by {column} having count(*) > 1"
    elif test.test == "accepted_values":
        values = ", ".join(_literal(v) for v in arguments.get("values", ()))
        yield f"select 1 from {_NAME} where {column} not in ({values})"
    elif test.test == "relationships" and (there := _relation(context, arguments.get("to"))):
        field = str(exp.to_identifier(str(arguments.get("field")), quoted=True))
        known = f"select {field} from {there} where {field} is not null"
        yield f"select 1 from {_NAME} where {column} is not null and {column} not in ({known})"
    elif combination and test.test == combination[0] and arguments.get(combination[1]):
        keys = ", ".join(
            str(exp.to_identifier(str(c), quoted=True)) for c in arguments[combination[1]]
        )
        yield f"select 1 from {_NAME} group by {keys} having count(*) > 1"
    elif {"min_value", "max_value"} >= set(arguments) and arguments:
        for name, sign in (("min_value", "<"), ("max_value", ">")):
            if arguments.get(name) is not None:
                yield f"select 1 from {_NAME} where {column} {sign} {_literal(arguments[name])}"
    elif there := _relation(context, arguments.get("compare_model")):
        yield (
            f"select 1 where (select count(*) from {_NAME}) <> (select count(*) from {there} as r)"
        )


def _relation(context: CheckContext, text: Any) -> str | None:
    key = _key(str(text))
    return context.relation(key) if key else None


def _key(text: str) -> str:
    """The relation that `ref('x')` or `source('s', 't')` names; empty for anything else."""
    found = _INPUT.search(text)
    return (found[1] or f"{found[2]}.{found[3]}") if found else ""


def _literal(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    return str(exp.Literal.string(str(value)).sql(dialect="duckdb"))


class _GivenRows:
    """A unit test, tried in memory; `is_usable` where the model passes it there too."""

    def __init__(self, context: CheckContext, test: UnitTest) -> None:
        import duckdb

        given = {_key(str(g["input"])): g["rows"] for g in test.given}
        options: dict[str, Any] = {"enable_external_access": False, "threads": 1}
        self._database = duckdb.connect(config=options)
        self._marked = in_memory(context.evidence, given, self._database)
        self._tables = {
            exp.to_table(relation, dialect="duckdb").sql(): key
            for key in given
            if (relation := context.relation(key))
        }
        self._columns = list(test.expect[0])
        self._expected = _counted(test.expect, self._columns)
        model = sqlglot.parse_one(context.compiled[test.model], read="duckdb")
        self.is_usable = self._rows(model) == self._expected

    def notices(self, tree: exp.Expr) -> bool:
        """Whether a version gives other rows than are expected. One that cannot run does not."""
        rows = self._rows(tree)
        return rows is not None and rows != self._expected

    def _rows(self, tree: exp.Expr) -> Counter[tuple[Any, ...]] | None:
        import duckdb

        try:
            found = self._database.execute(self._over(tree).sql(dialect="duckdb"))
            names = [d[0] for d in found.description]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
            return _counted(rows, self._columns)
        except (duckdb.Error, KeyError):
            return None

    def _over(self, tree: exp.Expr) -> exp.Expr:
        """The query with the given rows instead of the relations."""
        copy = tree.copy()
        for table in list(copy.find_all(exp.Table)):
            bare = table.copy()
            bare.set("alias", None)
            if key := self._tables.get(bare.sql()):
                card = self._marked.relation(key)
                if card is not None:
                    table.replace(exp.to_table(card.relation_name, alias=table.alias or None))
        return copy


def _counted(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(_comparable(row[c]) for c in columns) for row in rows)


def _comparable(value: Any) -> Any:
    value = plain(value)
    return round(value, 6) if isinstance(value, float) else value


def _verdict(caught: list[WrongVersion], survived: list[WrongVersion], by_unit: int) -> Check:
    total = len(caught) + len(survived)
    if not total:
        return skipped("mutants", "no wrong version gives other rows than the model")
    told = f", {by_unit} of them by the unit test" if by_unit else ""
    finding = (
        f"{len(caught)} of {total} wrong versions of this model are caught by the proposed tests"
        f"{told}"
    )
    rows = tuple((v.words, v.step) for v in survived)
    table = Table(columns=("wrong version that no test catches", "in step"), rows=rows)
    enough = len(caught) >= ENOUGH * total
    return Check(
        name="mutants",
        status="passed" if enough else "warned",
        finding=finding,
        table=table if rows else None,
    )
