from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from projects import Opened, stranger_project

from crew.artifacts import (
    Check,
    ColumnCard,
    DraftModel,
    Evidence,
    FileChange,
    GenericTest,
    JoinEdge,
    ModelDraft,
    RelationCard,
    RequirementSpec,
    SingularTest,
    TestSuite,
    ValidationReport,
)
from crew.verification.check_context import CheckContext
from crew.verification.checks import ProjectVerifier
from crew.verification.dbt_worker import DbtWorker

SQL = """
with orders as (
    select * from {{ ref('stg_orders') }}
),

joined as (
    select c.region, date_trunc('month', o.ordered_at) as order_month, o.amount
    from orders as o
    inner join {{ ref('stg_customers') }} as c on o.customer_id = c.customer_id
),

final as (
    select region, order_month, sum(amount) as revenue from joined group by region, order_month
)

select * from final
"""

YML = """
version: 2
models:
  - name: monthly_revenue
    description: One row per region and month, with the revenue of its orders.
    columns:
      - name: region
        description: Sales region of the customer who ordered.
        data_tests:
          - not_null
          - accepted_values:
              arguments: {values: [north, south]}
      - name: order_month
        description: First day of the month of the order.
        data_tests: [not_null]
      - name: revenue
        description: Sum of the amounts of the orders.
    data_tests:
      - unique_region_month
"""
GENERIC = """
{% test unique_region_month(model) %}
select region, order_month from {{ model }} group by 1, 2 having count(*) > 1
{% endtest %}
"""
EDGE = JoinEdge(
    left="stg_orders", left_column="customer_id", right="stg_customers", right_column="customer_id"
)
PATH, YML_PATH = "models/marts/monthly_revenue.sql", "models/marts/_monthly.yml"


@dataclass
class Attempt:
    """A change that passes; tests spoil one thing each."""

    name: str = "monthly_revenue"
    sql: str = SQL
    yml: str = YML
    path: str = PATH
    action: Any = "create"
    joins: tuple[JoinEdge, ...] = (EDGE,)
    grain: tuple[str, ...] = ("region", "order_month")
    more: tuple[FileChange, ...] = ()
    tests: TestSuite = field(default_factory=TestSuite)
    evidence: Evidence = field(default_factory=lambda: Evidence(project="shop", dialect="duckdb"))
    layer: Any = "mart"

    def verify(self, verifier: ProjectVerifier) -> ValidationReport:
        kind: Any = "new_model" if self.action == "create" else "change_model"
        spec = RequirementSpec(
            kind=kind, model=self.name, question="Revenue?", row_grain=self.grain
        )
        model = DraftModel(
            name=self.name, path=self.path, sql=self.sql, action=self.action, joins=self.joins,
            layer=self.layer,
        )  # fmt: skip
        files = [FileChange(path=self.path, text=self.sql, action=self.action)]
        if self.yml:
            files.append(FileChange(path=YML_PATH, text=self.yml, action="create"))
        return verifier.verify(
            spec, ModelDraft(models=(model,)), self.tests, self.evidence, (*files, *self.more)
        )


@pytest.fixture
def verifier(standard: Opened) -> Any:
    generic = standard.copy / "tests/generic/unique_region_month.sql"
    generic.parent.mkdir(parents=True, exist_ok=True)
    generic.write_text(GENERIC)
    verifier = ProjectVerifier(
        standard.worker, standard.copy, standard.info, extra=[rows_reconcile]
    )
    yield verifier
    verifier.restore()
    generic.unlink()
    standard.worker.parse()


def rows_reconcile(context: CheckContext) -> Check:
    """Stands for what others add: sees the built model and the evidence."""
    model = context.main_model
    if model is None:
        return Check(name="rows", status="skipped", finding="no model is drafted")
    relation = context.relation_names[model.name]
    rows = context.worker.query(f"select count(*) from {relation} as r").rows
    return Check(name="rows", status="passed", finding=f"{rows[0][0]} rows")


def statuses(report: ValidationReport) -> dict[str, str]:
    return {c.name: c.status for c in report.checks}


def failure(report: ValidationReport) -> Check:
    assert report.first_failure is not None
    return report.first_failure


def test_a_good_new_model_passes_every_check(verifier: ProjectVerifier) -> None:
    report = Attempt().verify(verifier)
    assert report.passed, failure(report)
    assert [c.name for c in report.checks] == [
        "paths", "jinja policy", "sql policy", "dbt parse", "deprecations", "dbt compile",
        "compiled sql policy", "unit tests", "dbt build", "tests", "grain", "join fan-out",
        "example rows", "rows",
        "model diff", "downstream", "names", "docs", "key tests", "mutants", "sample rows",
    ]  # fmt: skip
    sample = report.check("sample rows")
    assert sample is not None and sample.table is not None and len(sample.table.rows) == 8
    assert report.check("rows") is not None and sum(c.seconds for c in report.checks) > 0


@pytest.mark.parametrize(
    ("spoiled", "name", "blame", "words"),
    [
        ({"path": "macros/x.sql"}, "paths", "model", "macros"),
        ({"sql": "{{ run_query('x') }} select 1 as a"}, "jinja policy", "model", "run_query"),
        ({"sql": "select * from 'orders.csv'"}, "sql policy", "model", "orders.csv"),
        ({"sql": "select * from {{ ref('no_such') }}"}, "dbt parse", "model", "no_such"),
        ({"yml": "models:\n  - name: [x\n"}, "jinja policy", "tests", "cannot be read"),
        ({"yml": YML.replace("description: Sum", "zzz: 1\n        description: Sum")},
         "deprecations", "tests", "zzz"),
        ({"sql": SQL.replace("o.amount", "o.amonut")}, "dbt build", "model", "amonut"),
        ({"yml": YML.replace("[north, south]", "[north]")}, "tests", "tests", "Got 1 result"),
        ({"yml": YML.replace("- unique_region_month", "- no_such_test")}, "dbt compile", "tests",
         "no_such_test"),
        ({"grain": ("region",)}, "grain", "model", "More than one row"),
        ({"grain": ("country",)}, "grain", "model", "country"),
        ({"yml": YML.replace("Sum of the amounts of the orders.", "The revenue.")}, "docs", "docs",
         "monthly_revenue.revenue"),
        ({"yml": YML.replace("    data_tests:\n      - unique_region_month\n", "")}, "key tests",
         "tests", "uniqueness"),
        ({"yml": ""}, "docs", "docs", "no description"),
        ({"sql": SQL.replace("as revenue", 'as "Revenue"')}, "names", "model", "Revenue"),
        ({"layer": "staging"}, "names", "model", "stg_"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_with_whose_fault_it_is(
    verifier: ProjectVerifier, spoiled: dict[str, Any], name: str, blame: str, words: str
) -> None:
    check = failure(Attempt(**spoiled).verify(verifier))
    assert (check.name, check.blame) == (name, blame), check
    assert words in check.finding


def test_a_join_that_multiplies_rows_fails_twice(verifier: ProjectVerifier) -> None:
    sql = SQL.replace("ref('stg_customers') }} as c on o.customer_id = c.customer_id",
                      "ref('stg_customers') }} as c on true")  # fmt: skip
    edge = JoinEdge(
        left="stg_customers", left_column="region", right="stg_customers", right_column="region"
    )
    report = Attempt(sql=sql, joins=(edge,)).verify(verifier)
    check = failure(report)
    assert check.name == "join fan-out" and "20 become 200" in check.finding


def test_a_source_may_be_a_side_of_a_join(verifier: ProjectVerifier) -> None:
    edge = JoinEdge(
        left="raw.orders", left_column="customer", right="raw.customers", right_column="id"
    )
    assert Attempt(joins=(edge,)).verify(verifier).passed


def test_failing_tests_show_their_rows_and_a_failing_unit_test_is_the_models_fault(
    verifier: ProjectVerifier,
) -> None:
    singular = SingularTest(
        name="no_small_months",
        path="tests/no_small_months.sql",
        sql="select * from {{ ref('monthly_revenue') }} where revenue < 100000",
    )
    file = FileChange(path=singular.path, text=singular.sql, action="create")
    suite = TestSuite(singular=(singular,))
    check = failure(Attempt(more=(file,), tests=suite).verify(verifier))
    assert (check.name, check.blame) == ("tests", "tests")
    assert check.table is not None and len(check.table.rows) == 5
    unit = """
unit_tests:
  - name: sums_amounts
    model: monthly_revenue
    given:
      - input: ref('stg_orders')
        rows: [{customer_id: 1, amount: 5, ordered_at: '2024-01-03'}]
      - input: ref('stg_customers')
        rows: [{customer_id: 1, region: north}]
    expect:
      rows: [{region: north, revenue: 7}]
"""
    more = (FileChange(path="models/marts/_unit.yml", text=unit, action="create"),)
    check = failure(Attempt(more=more).verify(verifier))
    assert (check.name, check.blame) == ("unit tests", "model")
    good = (
        FileChange(path="models/marts/_unit.yml", text=unit.replace("7", "5"), action="create"),
    )
    assert Attempt(more=good).verify(verifier).passed


def test_a_file_of_an_earlier_attempt_does_not_stay(
    verifier: ProjectVerifier, standard: Opened
) -> None:
    broken = (FileChange(path="models/new/x.sql", text="select * from nowhere", action="create"),)
    assert failure(Attempt(more=broken).verify(verifier)).name == "sql policy"
    wrong = (
        FileChange(path="models/new/x.yml", text="models: [{name: y, a: 1}]", action="create"),
    )
    Attempt(more=wrong).verify(verifier)
    assert (standard.copy / "models/new/x.yml").exists()
    assert Attempt().verify(verifier).passed
    assert not (standard.copy / "models/new").exists()
    verifier.restore()
    assert not (standard.copy / PATH).exists()


CUSTOMERS = "models/marts/customers.sql"


def change(standard: Opened, old: str, new: str, **more: Any) -> Attempt:
    text = (standard.copy / CUSTOMERS).read_text()
    assert old in text
    return Attempt(
        name="customers", path=CUSTOMERS, sql=text.replace(old, new), yml="", action="update",
        joins=(), grain=("customer_id",), **more,
    )  # fmt: skip


def test_a_column_added_to_an_existing_model_leaves_the_rest_alone(
    verifier: ProjectVerifier, standard: Opened
) -> None:
    yml = standard.copy / "models/marts/_marts__models.yml"
    entry = "      - name: name_length\n        description: Letters in the name of the customer.\n"
    text = yml.read_text().replace("  - name: regions", entry + "  - name: regions")
    more = (FileChange(path="models/marts/_marts__models.yml", text=text, action="update"),)
    attempt = change(standard, "c.region,", "c.region, length(c.name) as name_length,", more=more)
    report = attempt.verify(verifier)
    assert report.passed, failure(report)
    diff = report.check("model diff")
    assert diff is not None and "name_length" in diff.finding and "customer_id" in diff.finding
    downstream = report.check("downstream")
    assert downstream is not None and downstream.table is not None
    assert downstream.table.rows == (("regions", "works"),)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "coalesce(t.order_count, 0)",
            "coalesce(t.order_count, 1)",
            "5 rows change in order_count",
        ),
        ("left join totals", "inner join totals", "5 rows are lost"),
        ("select c.customer_id, c.region,", "select c.customer_id,", "region is removed"),
        ("c.region,", "upper(c.region) as region,", "20 rows change in region"),
        (
            "coalesce(t.total_amount, 0)",
            "coalesce(t.total_amount, 0)::decimal(9, 2)",
            "total_amount",
        ),
    ],
)
def test_a_change_of_what_is_kept_fails(
    verifier: ProjectVerifier, standard: Opened, old: str, new: str, words: str
) -> None:
    report = change(standard, old, new).verify(verifier)
    check = failure(report)
    assert check.name == "model diff" and words in check.finding, check
    if "removed" in words:
        downstream = report.check("downstream")
        assert downstream is not None and downstream.status == "failed"
        assert "regions" in downstream.finding


def test_a_test_that_fails_on_todays_model_too_is_only_a_warning(
    verifier: ProjectVerifier, standard: Opened
) -> None:
    file = standard.copy / "tests/never_right.sql"
    file.write_text("select * from {{ ref('customers') }} where region = 'north'")
    try:
        attempt = change(standard, "c.region,", "c.region, 1 as one,")
        check = attempt.verify(verifier).check("tests")
        assert check is not None and check.status == "warned" and "never_right" in check.finding
    finally:
        file.unlink()


def test_personal_columns_are_masked_in_samples(verifier: ProjectVerifier) -> None:
    sql = "select customer_id, email, name as buyer from {{ ref('stg_customers') }}"
    card = RelationCard(
        key="x", unique_id="x", kind="model", layer="staging", relation_name="x",
        columns=(ColumnCard(name="buyer", is_personal=True),),
    )  # fmt: skip
    evidence = Evidence(project="shop", dialect="duckdb", relations=(card,))
    report = Attempt(sql=sql, yml="", grain=("customer_id",), evidence=evidence).verify(verifier)
    check = report.check("sample rows")
    assert check is not None and check.table is not None
    assert check.table.rows[0] == ("1", "•••", "•••")


def test_a_strangers_project_is_verified_though_nothing_was_built(
    other_worker: DbtWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_DB", "nowhere/acme.duckdb")
    project, profiles = stranger_project(tmp_path)
    info = other_worker.open(project, profiles, None, project, tmp_path / "scratch")
    verifier = ProjectVerifier(other_worker, project, info)
    sql = "select rider, sum(km) as km from {{ ref('trip_facts') }} group by rider"
    yml = (
        "models:\n  - name: rider_km\n    description: One row per rider.\n    columns:\n"
        "      - {name: rider, description: Number of the rider., data_tests: [unique, "
        "{relationships: {arguments: {to: \"source('landing', 'riders')\", field: rider}}}]}\n"
        "      - {name: km, description: Kilometres ridden.}\n"
    )
    path = "transform/core/rider_km.sql"
    model = DraftModel(name="rider_km", path=path, sql=sql, layer="mart")
    files = (
        FileChange(path=path, text=sql, action="create"),
        FileChange(path="transform/core/rider_km.yml", text=yml, action="create"),
    )
    spec = RequirementSpec(kind="new_model", model="rider_km", question="?", row_grain=("rider",))
    evidence = Evidence(project="acme", dialect="duckdb")
    report = verifier.verify(spec, ModelDraft(models=(model,)), TestSuite(), evidence, files)
    assert report.passed, report.first_failure


def test_tests_alone_are_run_on_the_model_as_it_is(
    verifier: ProjectVerifier, standard: Opened
) -> None:
    path = "models/marts/_marts__models.yml"
    suite = TestSuite(generic=(GenericTest(model="regions", column="revenue", test="not_null"),))
    spec = RequirementSpec(kind="tests", model="regions", question="?")
    evidence = Evidence(project="shop", dialect="duckdb")
    text = (standard.copy / path).read_text().rstrip() + "\n        data_tests: [not_null]\n"
    files = (FileChange(path=path, text=text, action="update"),)
    report = verifier.verify(spec, ModelDraft(models=()), suite, evidence, files)
    assert report.passed, report.first_failure
    check = report.check("tests")
    assert check is not None and check.finding == "3 of 3 tests passed"


def test_a_second_entry_for_a_model_is_dbts_own_error(verifier: ProjectVerifier) -> None:
    yml = "models:\n  - {name: monthly_revenue, description: Another entry for it.}\n"
    more = (FileChange(path="models/marts/_more.yml", text=yml, action="create"),)
    check = failure(Attempt(more=more).verify(verifier))
    assert (check.name, check.blame) == ("dbt parse", "tests")
