"""What reviewers' edits of our own compiler's SQL and YAML teach, and what they must not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from crew.artifacts import (
    ChangeSet,
    Check,
    ColumnCard,
    ColumnNamed,
    Correction,
    Delivered,
    Dimension,
    Evidence,
    FileChange,
    Filter,
    Grounding,
    JoinEdge,
    Lesson,
    Materialized,
    Measure,
    MeasureChanged,
    Metric,
    ModelNamed,
    ModelPlaced,
    RelationCard,
    Remarked,
    RequirementSpec,
    ReviewRemark,
    RowsLeftOut,
    TestChanged,
    TimeAxis,
    ValidationReport,
    Verdict,
    Worded,
    files_digest,
)
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.sql_compiler import AggregateCompiler
from memory.lessons.feedback import distill, judge, undone

RULE = Grounding(source="rule", text="test")
MODEL = "models/marts/fct_monthly_revenue.sql"
PAGE = "models/marts/_marts__models.yml"
COMMIT = "c" * 40
YAML = """\
models:
  - name: dim_other
    columns:
      - name: revenue
        description: Something else.
  - name: fct_monthly_revenue
    description: Revenue, one row per month and region.
    columns:
      - name: month
        description: First day of the month.
        data_tests: [not_null]
      - name: region
        description: Where the customer lives
        data_tests:
          - not_null
          - accepted_values:
              arguments: {values: [north, south]}
      - name: revenue
        description: Sum of `amount` in `stg_orders`.
"""


def card(key: str, *columns: str) -> RelationCard:
    return RelationCard(
        key=key, unique_id=f"model.shop.{key}", kind="model", layer="staging", relation_name=key,
        columns=tuple(ColumnCard(name=name) for name in columns),
    )  # fmt: skip


def measure(name: str, aggregation: str, column: str) -> Measure:
    return Measure.model_validate({
        "name": name, "relation": "stg_orders", "aggregation": aggregation,
        "expression": f"stg_orders.{column}", "time": "stg_orders.ordered_at",
    })  # fmt: skip


def metric(formula: str, *measures: Measure, label: str = "revenue") -> Metric:
    return Metric(name="revenue", label=label, formula=formula, measures=measures, grounding=RULE)


SIMPLE = metric("revenue", measure("revenue", "sum", "amount"))
RATIO = metric(
    "taken / orders", measure("taken", "sum", "amount"), measure("orders", "count", "order_id")
)


def specification(of: Metric = SIMPLE, fill_gaps: bool = False) -> RequirementSpec:
    return RequirementSpec(
        kind="new_model", model="fct_monthly_revenue", question="Revenue per month and region?",
        metrics=(of,), fill_gaps=fill_gaps,
        dimensions=(
            Dimension(name="region", relation="stg_customers", column="region", grounding=RULE),
        ),
        filters=(Filter(condition="stg_orders.status = 'paid'", label="paid", grounding=RULE),),
        time=TimeAxis(grain="month", column="month", grounding=RULE),
    )  # fmt: skip


def compiled(spec: RequirementSpec) -> str:
    """SQL as our own compiler writes it."""
    orders = card("stg_orders", "order_id", "customer_id", "ordered_at", "amount", "status")
    edge = JoinEdge(
        left="stg_orders", left_column="customer_id", right="stg_customers",
        right_column="customer_id", match_share=1.0,
    )  # fmt: skip
    evidence = Evidence(
        project="shop", dialect="duckdb", joins=(edge,),
        relations=(orders, card("stg_customers", "customer_id", "region")),
    )  # fmt: skip
    return AggregateCompiler(spec, evidence, JoinPlanner(evidence)).compile(MODEL).sql


SPEC = specification()
SQL = compiled(SPEC)
GRID = compiled(specification(RATIO, fill_gaps=True))


def delivered(
    files: Mapping[str, str],
    spec: RequirementSpec | None = SPEC,
    action: Literal["create", "update"] = "create",
) -> Delivered:
    changes = tuple(FileChange(path=p, text=t, action=action) for p, t in files.items())
    checks = (Check(name="build", status="passed"),)
    report = ValidationReport(files=files_digest(changes), checks=checks)
    change = ChangeSet(
        files=changes, message="Add", branch="firstmile/a", base="main", base_commit="b" * 40,
        title="A", report=report,
    )  # fmt: skip
    return Delivered(pull_request=None, change_set=change, text="", spec=spec)


def taught(
    sql: str = SQL,
    page: str = YAML,
    *,
    was: str = SQL,
    at: str = MODEL,
    spec: RequirementSpec | None = SPEC,
    remarks: tuple[ReviewRemark, ...] = (),
    dialect: str = "duckdb",
) -> tuple[Lesson, ...]:
    """Lessons when `was` was merged as `sql` at another place, and the schema file as `page`."""
    verdict = Verdict(state="merged", commit=COMMIT, remarks=remarks)
    became = {MODEL: (at, sql), PAGE: (PAGE, page)}
    return distill(delivered({MODEL: was, PAGE: YAML}, spec), "DATA-1", became, verdict, dialect)


def corrections(*arguments: Any, **named: Any) -> list[Correction]:
    return [lesson.correction for lesson in taught(*arguments, **named)]


def edited(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, (old, text)
        text = text.replace(old, new)
    return text


PAID = "orders.status = 'paid'"


# --- Rows --------------------------------------------------------------------------------------


def test_a_condition_that_was_added_is_a_lesson() -> None:
    [lesson] = taught(edited(SQL, (PAID, f"{PAID} and orders.is_test = false")))
    assert lesson.sentence == "Rows of `stg_orders` are counted only where `is_test = false`."
    assert lesson.correction == RowsLeftOut(
        relation="stg_orders", condition="stg_orders.is_test = false"
    )
    assert re.fullmatch(r"lesson-[0-9a-f]{10}", lesson.id)
    assert (lesson.request, lesson.learned_from, lesson.state) == ("DATA-1", COMMIT, "active")


@pytest.mark.parametrize(
    "change",
    [
        ("select * from {{ ref('stg_orders') }}",
         "select * from {{ ref('stg_orders') }} where not is_test"),
        ("ordered_at is not null", "ordered_at is not null and not is_test"),
        (PAID, f"({PAID}) and (orders.is_test = false)"),
    ],
    ids=["in the import", "behind the joins", "beside"],
)  # fmt: skip
def test_it_matters_not_where_the_condition_stands(change: tuple[str, str]) -> None:
    sql = edited(
        SQL, ("orders.ordered_at\n", "orders.ordered_at,\n        orders.is_test\n"), change
    )
    assert [type(c) for c in corrections(sql)] == [RowsLeftOut]


@pytest.mark.parametrize("same", ["'paid' = orders.status", "not orders.status <> 'paid'"])
def test_a_further_condition_is_seen_beside_one_that_is_written_otherwise(same: str) -> None:
    [found] = corrections(edited(SQL, (PAID, f"{same} and orders.status <> 'gift'")))
    assert found == RowsLeftOut(relation="stg_orders", condition="stg_orders.status <> 'gift'")


def test_the_bounds_of_a_series_count_nothing() -> None:
    sql = edited(
        GRID,
        ("orders.ordered_at,", "orders.ordered_at, orders.is_test,"),
        ("ordered_at is not null", "ordered_at is not null and not is_test"),
    )
    found = corrections(sql, was=GRID, spec=specification(RATIO, fill_gaps=True))
    assert [type(c) for c in found] == [RowsLeftOut]


def test_a_condition_on_another_relation_is_about_that_one() -> None:
    [found] = corrections(edited(SQL, (PAID, f"{PAID} and not customers.is_internal")))
    assert found == RowsLeftOut(relation="stg_customers", condition="not stg_customers.is_internal")


def test_a_condition_before_an_outer_join_leaves_no_rows_out() -> None:
    imported = "select * from {{ ref('stg_customers') }}"
    assert corrections(edited(SQL, (imported, f"{imported} where not is_internal"))) == []
    inner = edited(SQL, (imported, f"{imported} where not is_internal"), ("left join", "join"))
    assert [type(c) for c in corrections(inner)] == [RowsLeftOut]


@pytest.mark.parametrize(
    "condition",
    [
        "orders.status in ('paid', 'shipped')",
        "coalesce(orders.status, 'paid') = 'paid'",
        "1 = 1",
        "true",
    ],
)
def test_a_condition_that_was_widened_or_taken_away_is_none(condition: str) -> None:
    assert corrections(edited(SQL, (PAID, condition))) == []


@pytest.mark.parametrize(
    "condition",
    [
        "orders.order_id in (select order_id from orders)",
        "orders.amount > (select avg(amount) from orders)",
        "exists (select 1 from customers)",
        "orders.amount > customers.limit_amount",
        "orders.buyer <> 'jane.doe@example.com'",
        "orders.reference <> '+49 170 1234567'",
        "orders.account_number <> 4915112345678",
        "orders.tag <> 'ghp_abcdefghij0123456789'",
        "orders.customer_name <> 'Jane Doe'",
        "orders.amount > random()",
        "orders.ordered_at < current_date",
        "orders.note <> '" + "x" * 300 + "'",
    ],
)
def test_what_is_not_plain_or_not_to_be_kept_is_no_condition(condition: str) -> None:
    assert corrections(edited(SQL, (PAID, f"{PAID} and {condition}"))) == []


def test_a_condition_that_holds_for_some_of_the_numbers_only_is_none() -> None:
    spec = specification(RATIO, fill_gaps=True)
    everywhere = edited(GRID, (PAID, f"{PAID} and not orders.is_test"))
    assert [type(c) for c in corrections(everywhere, was=GRID, spec=spec)] == [RowsLeftOut]
    rows = "{{ ref('stg_orders') }}"
    ours = (
        f"with a as (select sum(amount) as refunded from {rows}), "
        f"b as (select sum(amount) as sold from {rows}) "
        "select a.refunded, b.sold from a cross join b"
    )
    one = ours.replace("}})", "}} where is_test = false)", 1)
    assert corrections(one, was=ours) == []
    both = ours.replace("}})", "}} where is_test = false)")
    assert [type(c) for c in corrections(both, was=ours)] == [RowsLeftOut]


def test_a_relation_that_is_read_twice_is_left_alone() -> None:
    ours = (
        "select count(*) as n from {{ ref('stg_orders') }} as a"
        " join {{ ref('stg_orders') }} as b on a.customer_id = b.customer_id"
    )
    assert corrections(f"{ours} where a.is_test = false", was=ours) == []
    one = "(select * from {{ ref('stg_orders') }} where not is_test) as a"
    assert corrections(ours.replace("{{ ref('stg_orders') }} as a", one), was=ours) == []


def test_rows_of_a_source_are_named_by_its_key() -> None:
    ours = "select id as ticket_id from {{ source('shop', 'tickets') }}"
    spec = RequirementSpec(kind="stage_source", model="fct_monthly_revenue", question="?")
    [found] = corrections(f"{ours} where not coalesce(_deleted, false)", was=ours, spec=spec)
    assert found == RowsLeftOut(
        relation="shop.tickets", condition="not coalesce(shop.tickets._deleted, false)"
    )


# --- Numbers and names -------------------------------------------------------------------------


def test_another_column_under_the_sum_is_a_lesson() -> None:
    sql = edited(SQL, ("orders.amount", "orders.net_amount"), ("sum(amount)", "sum(net_amount)"))
    [lesson] = taught(sql)
    assert lesson.sentence == (
        "“Revenue” is the sum of `stg_orders.net_amount`, not the sum of `stg_orders.amount`."
    )
    assert lesson.correction == MeasureChanged(
        label="revenue", relation="stg_orders", was="stg_orders.amount",
        aggregation="sum", expression="stg_orders.net_amount",
    )  # fmt: skip


def test_a_measure_within_a_formula_goes_by_its_own_name() -> None:
    sql = edited(GRID, ("count(order_id)", "count(distinct order_id)"))
    [found] = corrections(sql, was=GRID, spec=specification(RATIO, fill_gaps=True))
    assert isinstance(found, MeasureChanged)
    assert (found.label, found.aggregation, found.was, found.expression) == (
        "orders", "count_distinct", "stg_orders.order_id", "stg_orders.order_id"
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        ("sum(amount)", "coalesce(sum(amount), 0)"),
        ("sum(amount)", "round(sum(cast(amount as decimal(18, 2))), 2)"),
        ("sum(amount)", "sum(coalesce(amount, 0))"),
        ("sum(amount)", "sum(case when amount > 0 then amount end)"),
        ("sum(amount)", "sum(amount) filter (where amount > 0)"),
        ("sum(amount)", "sum(sum(amount)) over ()"),
        ("sum(amount)", "{{ total('amount') }}"),
    ],
)
def test_what_is_the_same_number_or_not_understood_is_none(change: tuple[str, str]) -> None:
    assert corrections(edited(SQL, change)) == []


def test_factors_may_change_places() -> None:
    ours = "select sum(price * quantity) as revenue from {{ ref('stg_items') }}"
    assert corrections(ours.replace("price * quantity", "(quantity * price)"), was=ours) == []
    [found] = corrections(ours.replace("price * quantity", "price * quantity / 100"), was=ours)
    assert isinstance(found, MeasureChanged)


def test_a_renamed_column_is_a_lesson() -> None:
    [lesson] = taught(edited(SQL, ("as revenue", "as net_revenue")))
    assert lesson.sentence == "What we called `revenue` is called `net_revenue`."
    assert lesson.correction == ColumnNamed(was="revenue", name="net_revenue")


def test_a_renamed_period_is_a_lesson_even_on_a_grid() -> None:
    sql = re.sub(r"\bmonth\b(?!')", "month_start", GRID).replace("1' month_start", "1' month")
    found = corrections(sql, was=GRID, spec=specification(RATIO, fill_gaps=True))
    assert found == [ColumnNamed(was="month", name="month_start")]


def test_a_column_that_is_another_one_is_no_renaming() -> None:
    assert corrections(edited(SQL, ("sum(amount) as revenue", "max(amount) as highest"))) == []


# --- No lesson at all --------------------------------------------------------------------------

EQUIVALENT = [
    (PAID, "'paid' = orders.status"),
    (PAID, "orders.status in ('paid')"),
    (PAID, "not orders.status <> 'paid'"),
    (PAID, f"({PAID}) -- only what came in"),
    (PAID, f"{PAID} and {PAID}"),
    ("orders.customer_id = customers.customer_id", "customers.customer_id = orders.customer_id"),
    ("orders_in_scope", "counted"),
    ("orders.", "o."),
    ("select * from final", "select month, region, revenue from final"),
    ("ref('stg_orders')", 'ref("stg_orders")'),
    ("{{ ref('stg_orders') }}", "{{ref('shop', 'stg_orders')}}"),
]


@pytest.mark.parametrize(("old", "new"), EQUIVALENT)
def test_what_is_merely_written_otherwise_teaches_nothing(old: str, new: str) -> None:
    sql = SQL.replace(old, new)
    assert sql != SQL
    if new == "o.":
        sql = edited(sql, ("from orders\n", "from orders as o\n"))
    assert corrections(sql) == []


def test_counting_ones_is_counting_rows() -> None:
    ours = "select region, count(*) as n from {{ ref('stg_orders') }} group by region"
    assert corrections(ours.replace("count(*)", "count(1)"), was=ours) == []
    assert corrections(ours.replace("count(*)", "count(order_id)"), was=ours) == []


@settings(max_examples=40, deadline=None)
@given(
    sql=st.sampled_from([SQL, GRID]),
    pretty=st.booleans(),
    leading_comma=st.booleans(),
    upper=st.booleans(),
    comments=st.booleans(),
    swap=st.sampled_from([0, *range(len(EQUIVALENT[:6]))]),
)
def test_formatting_teaches_nothing(
    sql: str, pretty: bool, leading_comma: bool, upper: bool, comments: bool, swap: int
) -> None:
    old, new = EQUIVALENT[swap]
    plain = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"stand_in_\1", sql.replace(old, new))
    written = sqlglot.parse_one(plain, dialect="duckdb").sql(
        dialect="duckdb", pretty=pretty, leading_comma=leading_comma, comments=comments,
        normalize_functions="upper" if upper else "lower", identify=upper,
    )  # fmt: skip
    merged = re.sub(r'"?stand_in_(\w+?)"?(?=[\s)])', r"{{ ref('\1') }}", written)
    assert corrections(merged, was=sql) == []


@settings(max_examples=60, deadline=None)
@given(sql=st.text(max_size=300), page=st.text(max_size=300))
def test_nothing_that_people_write_does_harm(sql: str, page: str) -> None:
    assert corrections(sql, page) == []


@settings(max_examples=60, deadline=None)
@given(start=st.integers(0, len(SQL)), length=st.integers(0, 80), other=st.text(max_size=20))
def test_damaged_sql_does_no_harm(start: int, length: int, other: str) -> None:
    for lesson in taught(SQL[:start] + other + SQL[start + length :], dialect="snowflake"):
        assert len(lesson.sentence) <= 240


def test_an_unknown_dialect_teaches_nothing() -> None:
    sql = edited(SQL, (PAID, f"{PAID} and orders.is_test = false"))
    assert corrections(sql, dialect="klingon") == []


# --- Files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("finance_fct_monthly_revenue", ModelNamed(layer="mart", prefix="finance_")),
        ("fct_monthly_revenue_v2", ModelNamed(layer="mart", suffix="_v2")),
        ("revenue_by_month", None),
        ("xfct_monthly_revenue", None),
    ],
)
def test_a_longer_name_of_the_model_is_a_lesson(name: str, found: ModelNamed | None) -> None:
    assert corrections(at=f"models/marts/{name}.sql") == ([found] if found else [])


def test_another_folder_is_a_lesson() -> None:
    [lesson] = taught(at="models/finance/fct_monthly_revenue.sql")
    assert lesson.correction == ModelPlaced(relation="stg_orders", folder="models/finance")
    assert "`models/finance`" in lesson.sentence


@pytest.mark.parametrize("place", ["sql", "yaml"])
def test_another_materialization_is_a_lesson(place: str) -> None:
    sql, page = SQL, YAML
    if place == "sql":
        sql = "{{ config(materialized='view', tags=['x']) }}\n" + SQL
    else:
        described = "description: Revenue, one row per month and region."
        page = edited(YAML, (described, f"{described}\n    config: {{materialized: view}}"))
    assert corrections(sql, page) == [Materialized(folder="models/marts", materialization="view")]


def test_tests_taken_away_or_softened_are_lessons() -> None:
    page = edited(
        YAML,
        ("          - not_null\n", ""),
        ("arguments: {values: [north, south]}",
         "arguments: {values: [north, south]}\n              config: {severity: warn}"),
    )  # fmt: skip
    assert corrections(page=page) == [
        TestChanged(column="region", test="not_null", change="removed"),
        TestChanged(column="region", test="accepted_values", change="warn"),
    ]


@pytest.mark.parametrize(
    "instead",
    [
        "data_tests: [dbt_utils.not_null_proportion]",
        "tests: [not_null]",
        "constraints: [{type: not_null}]",
    ],
)
def test_a_test_that_another_stands_in_for_is_not_taken_away(instead: str) -> None:
    assert corrections(page=edited(YAML, ("data_tests: [not_null]", instead))) == []


def test_other_words_for_a_column_are_a_lesson() -> None:
    words = "Region of the customer's first address, as sales counts it."
    [lesson] = taught(page=edited(YAML, ("Where the customer lives", words)))
    assert lesson.correction == Worded(column="region", description=words)
    assert lesson.sentence == f"`region` is described as “{words}”."
    [long] = taught(page=edited(YAML, ("Where the customer lives", "word " * 300)))
    assert isinstance(long.correction, Worded)
    assert len(long.correction.description) <= 500 and len(long.sentence) <= 240


@pytest.mark.parametrize(
    "words",
    ["Where the customer lives.", "'{{ doc(\"region\") }}'", "Ask jane@example.com", "''"],
)
def test_words_that_say_the_same_or_may_not_be_kept_are_none(words: str) -> None:
    assert corrections(page=edited(YAML, ("Where the customer lives", words))) == []


def test_entries_of_other_models_are_not_read() -> None:
    assert corrections(page=edited(YAML, ("Something else.", "Quite different."))) == []


def test_an_entry_that_moved_away_tells_nothing_of_its_tests() -> None:
    assert corrections(page=YAML.partition("  - name: fct")[0]) == []


def test_files_that_are_not_of_the_change_are_not_read() -> None:
    verdict = Verdict(state="merged", commit=COMMIT)
    other = edited(SQL, (PAID, f"{PAID} and not orders.is_test"))
    became = {"models/other.sql": ("models/other.sql", other), MODEL: None}
    assert distill(delivered({MODEL: SQL}), "DATA-1", became, verdict, "duckdb") == ()


# --- Remarks, identity, trust ------------------------------------------------------------------


def test_remarks_wait_for_a_person() -> None:
    said = (
        ReviewRemark(author="eve", text="Use my model instead."),
        ReviewRemark(author="mara", text="LGTM, thanks!", may_write=True),
        ReviewRemark(author="mara", text="👍", may_write=True),
        ReviewRemark(author="mara", text="Mail me: mara@example.com", may_write=True),
        ReviewRemark(author="mara", text="Other file.", path="dbt/models/x.sql", may_write=True),
        ReviewRemark(
            author="mara", text="Gift cards\nare no revenue.", path=f"dbt/{MODEL}", may_write=True
        ),
        *(ReviewRemark(author="eve", text=f"More {n} " + "x " * 400) for n in range(20)),
    )
    found = taught(remarks=said)
    assert len(found) == 10
    assert found[0].correction == Remarked(text="Gift cards are no revenue.", path=MODEL)
    assert found[0].sentence == "A reviewer said: “Gift cards are no revenue.”"
    assert {lesson.state for lesson in found} == {"proposed"}
    texts = [c.text for lesson in found if isinstance(c := lesson.correction, Remarked)]
    assert texts[1] == "Use my model instead." and max(map(len, texts)) <= 500


@pytest.mark.parametrize(
    ("state", "count"), [("open", 0), ("gone", 0), ("closed", 1), ("merged", 2)]
)
def test_only_what_was_merged_teaches_by_its_files(state: str, count: int) -> None:
    remarks = (ReviewRemark(author="mara", text="We have that already."),)
    verdict = Verdict.model_validate({"state": state, "commit": COMMIT, "remarks": remarks})
    sql = edited(SQL, ("as revenue", "as net_revenue"))
    found = distill(delivered({MODEL: SQL}), "D-1", {MODEL: (MODEL, sql)}, verdict, "duckdb")
    assert len(found) == count


def test_the_same_lesson_has_the_same_id() -> None:
    sql = edited(SQL, (PAID, f"{PAID} and orders.is_test = false"))
    assert taught(sql) == taught(sql)
    assert taught(sql)[0].id != taught(sql.replace("is_test", "is_gift"))[0].id


def lesson_about(name: str, trust: float = 0.6) -> Lesson:
    return Lesson(
        id=f"lesson-{name}", sentence="-", correction=ColumnNamed(was="revenue", name=name),
        request="D-1", learned_from="x", trust=trust,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trust", "merged", "now", "after", "state"),
    [
        (0.6, True, "", 0.75, "active"),
        (0.95, True, "", 1.0, "active"),
        (0.6, True, "net_revenue", 0.75, "active"),
        (0.7, True, "turnover", 0.35, "active"),
        (0.6, True, "turnover", 0.25, "retired"),
        (0.6, False, "", 0.5, "active"),
        (0.35, False, "", 0.25, "retired"),
    ],
)
def test_trust_grows_and_falls(
    trust: float, merged: bool, now: str, after: float, state: str
) -> None:
    new = [lesson_about(now)] if now else []
    [found] = judge([lesson_about("net_revenue", trust)], new, merged)
    assert (found.trust, found.state) == (after, state)


def test_a_lesson_that_was_taken_back_loses_trust() -> None:
    ours = edited(SQL, (PAID, f"{PAID} and not orders.is_test"))
    rows = RowsLeftOut(relation="stg_orders", condition="not stg_orders.is_test")
    gone = TestChanged(column="revenue", test="not_null", change="removed")
    followed = [
        lesson_about("x").model_copy(update={"id": id_, "correction": correction})
        for id_, correction in (("rows", rows), ("test", gone))
    ]
    page = edited(
        YAML,
        (
            "description: Sum of `amount`",
            "data_tests: [not_null]\n        description: Sum of `amount`",
        ),
    )
    kept = {MODEL: (MODEL, ours), PAGE: (PAGE, YAML)}
    back = {MODEL: (MODEL, SQL), PAGE: (PAGE, page)}
    change = delivered({MODEL: ours, PAGE: YAML})
    assert undone(followed, change, kept, "duckdb") == frozenset()
    assert undone(followed, change, back, "duckdb") == {"rows", "test"}
    judged = judge(followed, [], True, undone=("rows",))
    assert [lesson.trust for lesson in judged] == [0.25, 0.75]


def test_changing_what_a_lesson_led_to_contradicts_it() -> None:
    net = MeasureChanged(
        label="revenue", relation="stg_orders", was="stg_orders.amount", aggregation="sum",
        expression="stg_orders.net_amount",
    )  # fmt: skip
    gross = net.model_copy(update={"was": net.expression, "expression": net.was})
    followed = lesson_about("x").model_copy(update={"correction": net})
    new = followed.model_copy(update={"correction": gross})
    assert judge([followed], [new], True)[0].state == "retired"
    renamed = lesson_about("x").model_copy(
        update={"correction": ColumnNamed(was="net_revenue", name="revenue")}
    )
    assert judge([lesson_about("net_revenue")], [renamed], True)[0].state == "retired"


def test_names_that_double_at_every_step_are_given_up() -> None:
    steps = ["a0 as (select amount as x from {{ ref('stg_orders') }})"]
    steps += [f"a{n} as (select x + x as x from a{n - 1})" for n in range(1, 60)]
    bomb = f"with {', '.join(steps)} select sum(x) as revenue from a59"
    assert corrections(bomb) == []
    assert corrections("select " + "(" * 5000 + "1" + ")" * 5000 + " as revenue") == []
    assert corrections("select 1 as revenue where " + " and ".join(["a = 1"] * 5000)) == []
