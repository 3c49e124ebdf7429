"""Unit tests that are proposed: what their rows pin, and that the compiled model agrees with them."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest
import sqlglot

from crew.artifacts import (
    ColumnCard,
    DateRange,
    Derived,
    DerivedKind,
    Dimension,
    Evidence,
    Filter,
    Grounding,
    JoinEdge,
    LookBack,
    Measure,
    Metric,
    RelationCard,
    RequirementSpec,
    TimeAxis,
    Top,
    UnitTest,
)
from crew.drafting.edge_rows import EdgeRows
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.sql_compiler import AggregateCompiler
from crew.drafting.unit_test_writer import write_unit_test
from crew.verification.expected_rows import expected_rows, in_memory
from crew.verification.wrong_versions import wrong_versions

SAID = Grounding(source="ticket", text="as said")


def card(key: str, *columns: tuple[str, str], unique: str = "") -> RelationCard:
    cards = tuple(ColumnCard(name=n, data_type=t, is_unique=n == unique) for n, t in columns)
    return RelationCard(key=key, unique_id=f"model.p.{key}", kind="model", layer="staging",
                        relation_name=key, columns=cards)  # fmt: skip


EVIDENCE = Evidence(
    project="p",
    dialect="duckdb",
    relations=(
        card("orders", ("order_id", "integer"), ("customer_id", "integer"), ("status", "varchar"),
             ("amount", "decimal(12,2)"), ("ordered_at", "timestamp"), ("closed_at", "timestamp"),
             unique="order_id"),
        card("customers", ("customer_id", "integer"), ("country", "varchar"), ("tags", "varchar[]"),
             unique="customer_id"),
    ),
    joins=(JoinEdge(left="orders", left_column="customer_id", right="customers",
                    right_column="customer_id", match_share=0.9),),
)  # fmt: skip


def measure(name: str, aggregation: Any, expression: str, *filters: str) -> Measure:
    return Measure(name=name, relation="orders", aggregation=aggregation, expression=expression,
                   time="orders.ordered_at", filters=filters)  # fmt: skip


REVENUE = measure("revenue", "sum", "orders.amount")
BUYERS = measure("buyers", "count_distinct", "orders.customer_id")
COUNTRY = Dimension(name="country", relation="customers", column="country", grounding=SAID)


def metric(*measures: Measure, formula: str = "", name: str = "") -> Metric:
    own = name or measures[0].name
    return Metric(name=own, label=own, formula=formula or own, measures=measures, grounding=SAID)


def spec(*metrics: Metric, **changes: Any) -> RequirementSpec:
    plain: dict[str, Any] = {
        "dimensions": (COUNTRY,),
        "filters": (Filter(condition="orders.status = 'paid'", label="paid", grounding=SAID),),
        "time": TimeAxis(grain="month", column="month", grounding=SAID),
    }
    return RequirementSpec(
        kind="new_model", model="m", question="", metrics=metrics, **plain | changes
    )


def derived(kind: DerivedKind, periods: int = 1) -> Derived:
    return Derived(name=kind, label=kind, kind=kind, of="revenue", periods=periods, grounding=SAID)


SPECS = {
    "sum per month and country": spec(metric(REVENUE)),
    "two measures and their quotient": spec(
        metric(REVENUE, BUYERS, formula="revenue / buyers", name="per_buyer")
    ),
    "percentile": spec(metric(measure("p90", "percentile", "orders.amount").model_copy(
        update={"fraction": 0.9}))),
    "last value": spec(metric(measure("newest", "last", "orders.amount").model_copy(
        update={"order_by": "orders.ordered_at"}))),
    "different filters on a grid": spec(
        metric(REVENUE), metric(measure("big", "count", "*", "orders.amount > 100")), fill_gaps=True
    ),
    "over rows": spec(
        metric(REVENUE), fill_gaps=True,
        derived=tuple(derived(k, 2) for k in ("running_total", "moving_average", "moving_sum",
                                              "previous", "change", "growth", "share", "rank")),
    ),
    "share of the first": spec(metric(REVENUE), derived=(derived("of_first"),), time=None),
    "top rows": spec(
        metric(REVENUE), top=Top(count=2, by="revenue", grounding=SAID), derived=(derived("rank"),)
    ),
    "look-back": spec(metric(REVENUE), look_back=LookBack(count=30, unit="day", grounding=SAID)),
    "span": spec(metric(REVENUE), time=TimeAxis(grain="week", column="week", grounding=SAID),
                 date_range=DateRange(start="2024-03-04", end="2024-03-18", grounding=SAID)),
    "stock": spec(metric(Measure(
        name="open", relation="orders", aggregation="count", expression="*", at="period_end",
        active_from="orders.ordered_at", active_to="orders.closed_at"))),
    "ranges": spec(metric(measure("orders", "count", "*")), dimensions=(Dimension(
        name="size", relation="orders", column="amount", grounding=SAID,
        expression="case when orders.amount < 50 then 'small' when orders.amount >= 50 then 'big' end",
    ),)),
    "rows per customer": spec(
        metric(REVENUE), metric(measure("n", "count", "*")), spine="customers", time=None,
        dimensions=(Dimension(name="customer_id", relation="customers", column="customer_id",
                              grounding=SAID),),
    ),
}  # fmt: skip


def model_rows(sql: str, given: Any) -> list[dict[str, Any]]:
    """What the model's SQL gives over the given rows."""
    with duckdb.connect() as database:
        marked = in_memory(EVIDENCE, given, database)
        names = {c.key: c.relation_name for c in marked.relations}
        found = database.execute(re.sub(r"\{\{ ref\('(\w+)'\) \}\}", lambda m: names[m[1]], sql))
        columns = [d[0] for d in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def comparable(rows: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    def told(value: Any) -> str:
        number = isinstance(value, bool) or value is None or isinstance(value, str)
        return str(value) if number or not hasattr(value, "__float__") else f"{float(value):.6f}"

    return sorted([sorted((k, told(v)) for k, v in row.items()) for row in rows])


@pytest.mark.parametrize("name", SPECS)
def test_the_compiled_model_gives_the_rows_expected_of_the_specification(name: str) -> None:
    wanted = SPECS[name]
    model = AggregateCompiler(wanted, EVIDENCE, JoinPlanner(EVIDENCE)).compile("m.sql")
    given = EdgeRows(wanted, EVIDENCE, model.relations).given()
    expected = [
        {c: row[c] for c in model.columns} for row in expected_rows(wanted, EVIDENCE, given)
    ]
    assert len(expected) > 1
    assert comparable(model_rows(model.sql, given)) == comparable(expected)


@pytest.mark.parametrize("name", SPECS)
def test_the_rows_tell_most_wrong_versions_from_the_model(name: str) -> None:
    wanted = SPECS[name]
    model = AggregateCompiler(wanted, EVIDENCE, JoinPlanner(EVIDENCE)).compile("m.sql")
    given = EdgeRows(wanted, EVIDENCE, model.relations).given()
    right = comparable(model_rows(model.sql, given))
    plain = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"ref_\1", model.sql)
    told = []
    for version in wrong_versions(sqlglot.parse_one(plain, read="duckdb"), "duckdb"):
        sql = re.sub(r"\bref_(\w+)\b", r"{{ ref('\1') }}", version.tree.sql(dialect="duckdb"))
        try:
            told.append(comparable(model_rows(sql, given)) != right)
        except duckdb.Error:
            continue
    assert len(told) > 3
    assert sum(told) >= 0.6 * len(told)


def test_the_rows_pin_the_edges() -> None:
    given = EdgeRows(SPECS["sum per month and country"], EVIDENCE, ("orders", "customers")).given()
    orders = given["orders"]
    assert {"2024-01-31 23:59:59", "2024-02-01 00:00:00"} <= {o["ordered_at"] for o in orders}
    assert any(o["amount"] is None for o in orders)
    assert any(o["status"] != "paid" for o in orders)
    known = {c["customer_id"] for c in given["customers"]}
    assert [o for o in orders if o["customer_id"] not in known]
    assert len(orders) <= 10


def test_a_test_that_cannot_be_made_says_why() -> None:
    tags = Dimension(name="tags", relation="customers", column="tags", grounding=SAID)
    wanted = spec(metric(REVENUE), dimensions=(tags,))
    model = AggregateCompiler(wanted, EVIDENCE, JoinPlanner(EVIDENCE)).compile("m.sql")
    told = write_unit_test(wanted, model, EVIDENCE)
    assert isinstance(told, str) and "customers.tags" in told


def test_the_test_names_its_inputs_as_the_model_does() -> None:
    wanted = SPECS["sum per month and country"]
    model = AggregateCompiler(wanted, EVIDENCE, JoinPlanner(EVIDENCE)).compile("m.sql")
    test = write_unit_test(wanted, model, EVIDENCE)
    assert isinstance(test, UnitTest)
    assert [g["input"] for g in test.given] == ["ref('orders')", "ref('customers')"]
    assert list(test.expect[0]) == list(model.columns)


def on_postgres(*types: tuple[str, str]) -> Evidence:
    orders = EVIDENCE.relations[0]
    columns = tuple(
        c.model_copy(update={"data_type": dict(types).get(c.name, c.data_type)})
        for c in orders.columns
    )
    orders = orders.model_copy(update={"columns": columns})
    relations = (orders, *EVIDENCE.relations[1:])
    return EVIDENCE.model_copy(update={"dialect": "postgres", "relations": relations})


@pytest.mark.parametrize(("type_", "sums"), [("numeric(12,2)", "10.00"), ("numeric", "10")])
def test_postgres_shows_decimals_by_their_scale(type_: str, sums: str) -> None:
    evidence, wanted = on_postgres(("amount", type_)), spec(metric(REVENUE))
    model = AggregateCompiler(wanted, evidence, JoinPlanner(evidence)).compile("m.sql")
    test = write_unit_test(wanted, model, evidence)
    assert isinstance(test, UnitTest)
    assert {type(row["revenue"]) for row in test.expect} <= {str, type(None)}
    assert any(str(row["revenue"])[-len(sums) :] == sums for row in test.expect), test.expect


def test_postgres_chooses_the_digits_of_an_average() -> None:
    evidence, wanted = on_postgres(), spec(metric(measure("mean", "average", "orders.amount")))
    model = AggregateCompiler(wanted, evidence, JoinPlanner(evidence)).compile("m.sql")
    assert "an average in postgres" in str(write_unit_test(wanted, model, evidence))


def test_the_name_of_a_test_fits_where_63_characters_do() -> None:
    wanted = SPECS["sum per month and country"]
    model = AggregateCompiler(wanted, EVIDENCE, JoinPlanner(EVIDENCE)).compile("m.sql")
    long = model.model_copy(update={"name": "fct_" + "orders_and_more_" * 4})
    test = write_unit_test(wanted, long, EVIDENCE)
    assert isinstance(test, UnitTest) and len(test.name) == 63
