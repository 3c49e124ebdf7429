"""An existing mart with just the rows that are asked for gets the numbers that it lacks; others do
not. Judged and compiled over real tables in DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from crew.artifacts import (
    ColumnCard,
    DateRange,
    Dimension,
    DraftModel,
    Evidence,
    Filter,
    Grounding,
    JoinEdge,
    Measure,
    Metric,
    ModelDraft,
    RelationCard,
    RequirementSpec,
    TimeAxis,
)
from crew.drafting.doc_writer import write_docs
from crew.drafting.extension_compiler import compile_extension
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.model_namer import asks_for_its_own
from crew.drafting.reuse import Existing, find_existing
from crew.drafting.sql_compiler import AggregateCompiler
from crew.drafting.test_suggester import suggest_tests
from crew.errors import InvalidInput
from crew.ports import Rows

SAID = Grounding(source="ticket", text="said")
LOANS, BRANCHES = "stg_loans", "stg_branches"
# Loans without a branch, branches without a name; two members lend again and again.
TABLES = {
    LOANS: """select i as loan_id, case when i % 17 > 0 then 1 + i % 4 end as branch_id,
        i % 23 as member_id, i * 10 as fine, timestamp '2024-01-05' + to_days((i * 3)::int) as lent_at,
        case when i % 3 > 0 then least(timestamp '2024-01-15' + to_days((i * 3)::int),
        timestamp '2024-12-31') end as returned_at
        from range(1, 121) t(i)""",
    BRANCHES: "select i as branch_id, ['North', 'South', null, 'West'][i] as branch from range(1, 5) t(i)",
}  # fmt: skip
MART = """with loans as (
    select * from {{ ref('stg_loans') }}
),

-- the name of a branch
branches as (
    select * from {{ ref('stg_branches') }}
),

final as (
    select cast(date_trunc('month', l.lent_at) as date) as loan_month, b.branch as branch_name,
        count(*) as loan_count
    from loans as l left join branches as b on l.branch_id = b.branch_id
    group by 1, 2
)

select * from final
"""
BARE = """select cast(date_trunc('month', l.lent_at) as date) as loan_month,
    b.branch as branch_name, -- as people call it
    count(*) as loan_count
from {{ ref('stg_loans') }} as l left join {{ ref('stg_branches') }} as b
    on l.branch_id = b.branch_id
group by 1, 2
"""
CONFIG = "{{ config(materialized='table') }}\n\n"
MONTH = TimeAxis(grain="month", column="month", grounding=SAID)
BRANCH = Dimension(name="branch", relation=BRANCHES, column="branch", grounding=SAID)


def measure(name: str, how: str, column: str = "loan_id", **more: Any) -> Measure:
    given = {"time": f"{LOANS}.lent_at", **more}
    return Measure.model_validate(
        {"name": name, "relation": LOANS, "aggregation": how, "expression": f"{LOANS}.{column}"}
        | given
    )


def metric(name: str, *measures: Measure, formula: str = "") -> Metric:
    return Metric(name=name, label=name, formula=formula or name, measures=measures, grounding=SAID)


COUNT = metric("loans", measure("loans", "count"))
FINE = metric("fine", measure("fine", "sum", "fine"))
AVERAGE = metric("average_fine", measure("average_fine", "average", "fine"))
PER_MEMBER = metric(
    "fine_per_member",
    measure("fine", "sum", "fine"),
    measure("members", "count_distinct", "member_id"),
    formula="fine / members",
)
OPEN = metric(
    "open_loans",
    measure("open_loans", "count", time=None, at="period_start",
            active_from=f"{LOANS}.lent_at", active_to=f"{LOANS}.returned_at"),
)  # fmt: skip


def wanting(*metrics: Metric, **more: Any) -> RequirementSpec:
    given = {"time": MONTH, "dimensions": (BRANCH,), "row_grain": ("month", "branch")} | more
    return RequirementSpec.model_validate(
        {"kind": "new_model", "model": "m", "question": "q", "metrics": metrics} | given
    )


@dataclass(frozen=True)
class Library:
    """A warehouse with the marts that a test gives it, and the evidence of it."""

    connection: duckdb.DuckDBPyConnection

    def query(self, sql: str, limit: int = 1000) -> Rows:
        try:
            cursor = self.connection.execute(sql)
        except duckdb.Error as error:
            raise InvalidInput(str(error)) from error
        return Rows(tuple(d[0] for d in cursor.description or ()), tuple(cursor.fetchmany(limit)))

    def evidence(self, sql: str = MART, built: str = "", **mart: Any) -> Evidence:
        """With a mart of that SQL, which has the rows of `built`."""
        self.connection.execute(f"create or replace table mart as {bare(built or sql)}")
        card = self.card("mart", "mart").model_copy(
            update={"parents": (f"model.library.{LOANS}",)} | mart
        )
        cards = (self.card(LOANS, "staging"), self.card(BRANCHES, "staging"), card)
        edge = JoinEdge(left=LOANS, left_column="branch_id", right=BRANCHES, right_column="branch_id",
                        match_share=1.0)  # fmt: skip
        return Evidence(
            project="library", dialect="duckdb", relations=cards, joins=(edge,), sql={"mart": sql}
        )

    def card(self, key: str, layer: str) -> RelationCard:
        columns = []
        for name, kind, *_ in self.connection.execute(f"describe {key}").fetchall():
            counts = f"count(distinct {name}), count(*) - count({name}), count(*)"
            distinct, nulls, rows = self.query(f"select {counts} from {key}").rows[0]
            values = self.query(f"select distinct {name} from {key} where {name} is not null").rows
            known = tuple(str(v) for (v,) in values) if kind == "VARCHAR" else ()
            unique = bool(distinct == rows)
            columns.append(ColumnCard(name=name, data_type=kind.lower(), distinct=distinct,
                                      nulls=nulls, values=known, is_unique=unique))  # fmt: skip
        return RelationCard.model_validate(
            {"key": key, "unique_id": f"model.library.{key}", "kind": "model", "layer": layer,
             "relation_name": key, "path": f"models/{key}.sql", "columns": columns,
             "row_count": rows, "materialization": "table"}
        )  # fmt: skip

    def judge(self, spec: RequirementSpec, evidence: Evidence) -> Existing | None:
        draft = AggregateCompiler(spec, evidence, JoinPlanner(evidence)).compile("x.sql")
        return find_existing(spec, draft, evidence, self)

    def extended(self, spec: RequirementSpec, evidence: Evidence) -> tuple[DraftModel, Rows]:
        """The mart with what the request adds, and its rows."""
        found = self.judge(spec, evidence)
        assert found is not None and found.extend is not None, found
        target = evidence.relation("mart")
        assert target is not None
        model = compile_extension(found.extend, evidence, JoinPlanner(evidence), target)
        rows = self.query(f"select * from ({bare(model.sql)}) order by all")
        assert set(rows.columns) == set(model.columns)
        return model, rows


def bare(sql: str) -> str:
    """As dbt compiles it."""
    sql = sql.replace(CONFIG, "")
    for key in TABLES:
        sql = sql.replace(f"{{{{ ref('{key}') }}}}", key)
    return sql


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    with duckdb.connect() as connection:
        for name, sql in TABLES.items():
            connection.execute(f"create table {name} as {sql}")
        yield Library(connection)


JOINED = f"from {LOANS} as l left join {BRANCHES} as b using (branch_id)"
TRUTH = f"select date_trunc('month', lent_at)::date, branch, count(*), {{}} {JOINED} group by 1, 2 order by all"


@pytest.mark.parametrize("sql", [MART, BARE, CONFIG + BARE])
@pytest.mark.parametrize(
    ("added", "truth"),
    [
        ((FINE,), "sum(fine)"),
        ((AVERAGE,), "avg(fine)"),
        ((PER_MEMBER,), "sum(fine), count(distinct member_id), sum(fine) / count(distinct member_id)"),
    ],
)  # fmt: skip
def test_the_added_numbers_are_right_and_every_line_stays(
    sql: str, added: tuple[Metric, ...], truth: str, library: Library
) -> None:
    model, rows = library.extended(wanting(COUNT, *added), library.evidence(sql))
    expected = library.query(TRUTH.format(truth)).rows
    assert rounded(rows.rows) == rounded(expected)
    assert None in {branch for _, branch, *_ in rows.rows}
    lines = {line.strip() for line in model.sql.splitlines()}
    wanted = {line.strip() for line in sql.splitlines()} - {"select * from final"}
    assert wanted <= lines | {"}"}, wanted - lines
    assert model.action == "update" and model.path == "models/mart.sql"
    assert model.sql.count("ref('stg_loans')") == (1 if sql == MART else 2)


@pytest.mark.parametrize("alone", [FINE, OPEN])
def test_without_a_number_that_agrees_nothing_shows_that_the_rows_mean_the_same(
    alone: Metric, library: Library
) -> None:
    found = library.judge(wanting(alone), library.evidence())
    assert found is None or (found.extend is None and not found.exact)


def rounded(rows: Any) -> list[tuple[Any, ...]]:
    return [tuple(round(float(v), 6) if isinstance(v, float) else v for v in r) for r in rows]


def test_the_specification_says_what_is_added_and_to_what(library: Library) -> None:
    evidence = library.evidence()
    found = library.judge(wanting(COUNT, FINE), evidence)
    assert found is not None and not found.exact and found.extend is not None
    spec = found.extend
    assert (spec.kind, spec.target, spec.model) == ("change_model", "mart", "mart")
    assert spec.metrics == (FINE,) and found.missing == ("fine",)
    assert spec.extends == {"month": "loan_month", "branch": "branch_name"}
    assert spec.row_grain == ("loan_month", "branch_name")
    assert "loans is `loan_count`" in spec.notes[-1] and "not fine" in spec.notes[-1]
    assert not spec.assumptions
    filtered = evidence.model_copy(
        update={"sql": {"mart": MART.replace("group", "where 1 = 1 group")}}
    )
    again = library.judge(wanting(COUNT, FINE), filtered)
    assert again and again.extend and "conditions of its own" in again.extend.assumptions[0].text


def test_docs_and_tests_are_about_the_added_columns(library: Library) -> None:
    evidence = library.evidence(description="One row per month and branch.")
    target = evidence.relation("mart")
    found = library.judge(wanting(COUNT, PER_MEMBER), evidence)
    assert found and found.extend and target
    model = compile_extension(found.extend, evidence, JoinPlanner(evidence), target)
    draft = ModelDraft(models=(model,))
    (doc,) = write_docs(found.extend, draft, evidence).models
    assert (doc.model, doc.description) == ("mart", "")
    assert [c.name for c in doc.columns] == ["fine", "members", "fine_per_member"]
    suite = suggest_tests(found.extend, draft, evidence)
    assert not suite.generic
    (test,) = suite.singular
    assert test.path == "tests/assert_mart_fine_per_member_matches_its_sources.sql"
    assert "'fine' as figure" in test.sql and "loan_count" not in test.sql


FILTER = Filter(condition=f"{LOANS}.fine > 600", label="dear", grounding=SAID)
TAKEN = MART.replace("count(*) as loan_count", "count(*) as loan_count, 7 as fine")


@pytest.mark.parametrize(
    ("spec", "mart"),
    [
        (wanting(COUNT, FINE, time=MONTH.model_copy(update={"grain": "week"})), {}),
        (wanting(COUNT, FINE, time=None), {}),
        (wanting(COUNT, FINE, dimensions=()), {}),
        (wanting(COUNT, FINE, standalone=True), {}),
        (wanting(COUNT, FINE, date_range=DateRange(start="2020-01-01", grounding=SAID)), {}),
        (wanting(FINE, filters=(FILTER,)), {}),
        (wanting(COUNT, FINE, filters=(FILTER,)), {}),
        (wanting(COUNT, FINE), {"materialization": "incremental"}),
        (wanting(COUNT, FINE), {"kind": "snapshot"}),
        (wanting(COUNT, FINE), {"layer": "intermediate"}),
        (wanting(COUNT, FINE), {"unique_id": "model.other_package.mart"}),
        (wanting(COUNT, FINE), {"path": "models/mart.py"}),
        (wanting(FINE), {"parents": ()}),
        (wanting(COUNT, FINE), {"sql": TAKEN}),
        (wanting(COUNT, FINE), {"sql": f"{MART}{{% if true %}}limit 5{{% endif %}}", "built": MART}),
        (wanting(COUNT, FINE), {"built": f"{MART} where loan_month > date '2024-01-31'"}),
        (wanting(COUNT, FINE), {"built": f"{MART} union all select date '2025-06-01', 'West', 1"}),
        (wanting(COUNT, FINE), {"built": f"{MART} union all select * from final limit 51"}),
    ],
)  # fmt: skip
def test_another_model_is_not_extended(
    spec: RequirementSpec, mart: dict[str, Any], library: Library
) -> None:
    found = library.judge(spec, library.evidence(**mart))
    assert found is None or (found.extend is None and not found.exact)


@pytest.mark.parametrize(
    "text",
    ["We need a new model with loans per month", "in a separate table, please",
     "a dbt model of its own", "call it fct_loans_and_fines", "one model named `x_y`"],
)  # fmt: skip
def test_a_model_of_its_own_can_be_asked_for(text: str) -> None:
    assert asks_for_its_own([text])
    assert not asks_for_its_own(["New loans per month", "loans of new members, by month", "table"])
