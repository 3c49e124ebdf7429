"""Lessons change drafts by rule: where they apply, where they give way, and that it is said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crew.artifacts import (
    ColumnCard,
    ColumnDoc,
    ColumnNamed,
    Correction,
    Dimension,
    DocSet,
    DraftModel,
    Evidence,
    Filter,
    GenericTest,
    Grounding,
    Lesson,
    Materialized,
    Measure,
    MeasureChanged,
    Metric,
    ModelDoc,
    ModelDraft,
    ModelNamed,
    ModelPlaced,
    Recollection,
    RelationCard,
    Request,
    RequirementSpec,
    RowsLeftOut,
    TestChanged,
    TestSuite,
    Worded,
)
from crew.drafting.lessons import (
    follow_in_docs,
    follow_in_draft,
    follow_in_spec,
    follow_in_tests,
)

SAID = Grounding(source="ticket", text="x")
ORDERS = RelationCard(
    key="stg_orders", unique_id="model.p.stg_orders", kind="model", layer="staging",
    relation_name="main.stg_orders",
    columns=(
        *(ColumnCard(name=n) for n in ("order_id", "amount", "net_amount", "is_test", "order_status")),
        ColumnCard(name="placed_on", data_type="date"),
    ),
)  # fmt: skip
NO_TESTS = RowsLeftOut(relation="stg_orders", condition="stg_orders.is_test = FALSE")


def evidence(*corrections: Correction, state: str = "active") -> Evidence:
    lessons = [
        Lesson.model_validate(
            {"id": f"lesson-{n}", "sentence": f"Lesson {n}.", "correction": c, "state": state,
             "request": "jira:A-1", "learned_from": "pull/1"}
        )
        for n, c in enumerate(corrections)
    ]  # fmt: skip
    memory = Recollection(lessons=tuple(lessons))
    return Evidence(project="p", dialect="duckdb", relations=(ORDERS,), remembered=memory)


def spec(
    label: str = "revenue",
    expression: str = "stg_orders.amount",
    dimensions: Sequence[Dimension] = (),
    filters: Sequence[Filter] = (),
) -> RequirementSpec:
    measure = Measure(name=label, relation="stg_orders", aggregation="sum", expression=expression)
    metric = Metric(name=label, label=label, formula=label, measures=(measure,), grounding=SAID)
    return RequirementSpec(
        kind="new_model", model="monthly_revenue", question=label, metrics=(metric,),
        dimensions=tuple(dimensions), filters=tuple(filters), row_grain=("month",),
    )  # fmt: skip


def request(title: str) -> Request:
    return Request(source="jira", key="A-2", title=title, body="")


def measure(found: RequirementSpec) -> Measure:
    return found.metrics[0].measures[0]


def test_rows_that_reviewers_left_out_are_left_out_and_it_is_said() -> None:
    found = follow_in_spec(spec(), request("Revenue per month"), evidence(NO_TESTS))
    assert measure(found).filters == ("stg_orders.is_test = FALSE",)
    assert [(f.id, f.provenance) for f in found.followed] == [("lesson-0", "pull/1")]
    again = follow_in_spec(found, request("Revenue per month"), evidence(NO_TESTS))
    assert measure(again) == measure(found)


STATUS = RowsLeftOut(relation="stg_orders", condition="stg_orders.order_status <> 'cancelled'")
BY_STATUS = Dimension(
    name="order_status", relation="stg_orders", column="order_status", grounding=SAID
)
OWN = Filter(condition="stg_orders.order_status = 'open'", label="open", grounding=SAID)


@pytest.mark.parametrize(
    ("title", "lesson", "given"),
    [
        ("Revenue including test orders", NO_TESTS, spec()),
        ("Share of cancelled orders", STATUS, spec()),
        ("Revenue by order status", STATUS, spec(dimensions=[BY_STATUS])),
        ("Revenue of open orders", STATUS, spec(filters=[OWN])),
        ("Revenue of orders in every status", STATUS, spec()),
    ],
)
def test_a_lesson_gives_way_to_what_the_request_speaks_of(
    title: str, lesson: RowsLeftOut, given: RequirementSpec
) -> None:
    found = follow_in_spec(given, request(title), evidence(lesson))
    assert measure(found) == measure(given) and found.followed == ()
    assert [n.startswith("Not followed, as the request itself") for n in found.notes] == [True]


def test_a_lesson_on_orders_does_not_take_the_word_order_for_its_column() -> None:
    found = follow_in_spec(spec(), request("Revenue of orders per month"), evidence(STATUS))
    assert measure(found).filters == (STATUS.condition,)


@pytest.mark.parametrize("state", ["proposed", "retired"])
def test_only_active_lessons_are_followed(state: str) -> None:
    given = spec()
    assert follow_in_spec(given, request("Revenue"), evidence(NO_TESTS, state=state)) == given


def test_a_lesson_on_columns_that_are_gone_is_passed_over() -> None:
    gone = RowsLeftOut(relation="stg_orders", condition="stg_orders.is_fraud = FALSE")
    given = spec()
    assert follow_in_spec(given, request("Revenue"), evidence(gone)) == given


NET = MeasureChanged(
    label="revenue", relation="stg_orders", was="stg_orders.amount", aggregation="sum",
    expression="stg_orders.net_amount",
)  # fmt: skip


def test_a_metric_is_computed_as_reviewers_had_it_where_it_is_the_same() -> None:
    found = follow_in_spec(spec("monthly revenue"), request("Monthly revenue"), evidence(NET))
    assert measure(found).expression == "stg_orders.net_amount"
    assert found.metrics[0].grounding.source == "precedent"
    for other in (spec("shipping cost"), spec(expression="stg_orders.order_id")):
        assert measure(follow_in_spec(other, request("x"), evidence(NET))) == measure(other)


def test_a_correction_says_that_it_outranks_an_earlier_definition() -> None:
    given = spec()
    earlier = given.metrics[0].model_copy(
        update={"grounding": Grounding(source="precedent", text="jira:A-1: B")}
    )
    found = follow_in_spec(
        given.model_copy(update={"metrics": (earlier,)}), request("Revenue"), evidence(NET)
    )
    assert "It outranks an earlier definition." in found.followed[0].text


def test_another_aggregation_of_the_same_column_is_not_the_same_metric() -> None:
    for label in ("average revenue", "maximum revenue", "insured revenue"):
        found = follow_in_spec(spec(label), request(label), evidence(NET))
        assert measure(found) == measure(spec(label)) and found.followed == ()


def test_agreed_definitions_outrank_reviewers() -> None:
    given = spec()
    agreed = given.metrics[0].model_copy(
        update={"grounding": Grounding(source="glossary", text="revenue (glossary.yml)")}
    )
    given = given.model_copy(update={"metrics": (agreed,)})
    found = follow_in_spec(given, request("Revenue"), evidence(NET, NO_TESTS))
    assert found.metrics == given.metrics and found.followed == ()
    assert [n.startswith("Not followed, as the glossary defines") for n in found.notes] == [
        True
    ] * 2


def test_a_cut_of_dates_is_no_lesson_for_other_requests() -> None:
    cut = RowsLeftOut(
        relation="stg_orders", condition="stg_orders.placed_on >= CAST('2025-01-01' AS DATE)"
    )
    assert follow_in_spec(spec(), request("Revenue"), evidence(cut)) == spec()


def test_names_and_words_hold_for_the_relations_they_were_taught_on() -> None:
    known = evidence(
        ColumnNamed(was="revenue", name="visit_revenue"),
        ModelNamed(layer="mart", suffix="_since_2025"),
        Worded(column="region", description="For the report of Maria."),
    )
    memory = known.remembered
    scoped = [x.model_copy(update={"scope": ("stg_visits",)}) for x in memory.lessons]
    known = known.model_copy(
        update={"remembered": memory.model_copy(update={"lessons": tuple(scoped)})}
    )
    assert follow_in_spec(spec(), request("Revenue"), known) == spec()
    docs = DocSet(
        models=(
            ModelDoc(
                model="x", description="-",
                columns=(ColumnDoc(name="region", description="Region.", grounding=SAID),),
            ),
        )
    )  # fmt: skip
    assert follow_in_docs(docs, spec(), known) == docs


def test_columns_and_models_are_called_as_reviewers_called_them() -> None:
    lessons = (
        ColumnNamed(was="revenue", name="net_revenue"),
        ModelNamed(layer="mart", prefix="fct_"),
    )
    found = follow_in_spec(spec(), request("Revenue"), evidence(*lessons))
    assert (found.model, found.metrics[0].name) == ("fct_monthly_revenue", "net_revenue")
    assert (found.metrics[0].formula, measure(found).name) == ("net_revenue", "net_revenue")
    taken = evidence(*lessons).model_copy(update={"model_names": ("fct_monthly_revenue",)})
    assert follow_in_spec(spec(), request("Revenue"), taken).model == "monthly_revenue"


def test_new_models_lie_and_are_materialized_as_reviewers_had_them() -> None:
    model = DraftModel(
        name="x", path="models/marts/x.sql", sql="select 1", relations=("stg_orders",)
    )
    known = evidence(
        ModelPlaced(relation="stg_orders", folder="models/marts/finance"),
        Materialized(folder="models/marts/finance", materialization="view"),
        Materialized(folder="models/marts/other", materialization="incremental"),
    )
    found = follow_in_draft(ModelDraft(models=(model,)), spec(), known)
    assert (found.models[0].path, found.models[0].materialization) == (
        "models/marts/finance/x.sql", "view",
    )  # fmt: skip
    assert [f.id for f in found.followed] == ["lesson-0", "lesson-1"]
    kept = model.model_copy(update={"action": "update"})
    assert follow_in_draft(ModelDraft(models=(kept,)), spec(), known).models == (kept,)


def test_tests_are_dropped_or_softened_but_never_those_that_prove_the_grain() -> None:
    suite = TestSuite(
        generic=(
            GenericTest(model="x", column="region", test="accepted_values"),
            GenericTest(model="x", column="region", test="not_null"),
            GenericTest(model="x", column="month", test="unique"),
        )
    )
    found = follow_in_tests(
        suite,
        spec(),
        evidence(
            TestChanged(column="region", test="accepted_values", change="removed"),
            TestChanged(column="region", test="not_null", change="warn"),
            TestChanged(column="month", test="unique", change="removed"),
        ),
    )
    assert [(t.test, t.severity) for t in found.generic] == [
        ("not_null", "warn"),
        ("unique", "error"),
    ]
    assert len(found.dropped) == 1 and len(found.followed) == 2


def test_columns_are_described_in_the_reviewers_words_unless_a_glossary_says_it() -> None:
    known = evidence(Worded(column="region", description="Sales region of the account."))
    agreed = Grounding(source="glossary", text="region")
    columns = (ColumnDoc(name="region", description="Region.", grounding=SAID),)
    docs = DocSet(models=(ModelDoc(model="x", description="-", columns=columns),))
    found = follow_in_docs(docs, spec(), known)
    assert found.models[0].columns[0].description == "Sales region of the account."
    assert found.models[0].columns[0].grounding.source == "precedent"
    own = DocSet(
        models=(
            ModelDoc(model="x", description="-", columns=(columns[0].model_copy(update={"grounding": agreed}),)),
        )
    )  # fmt: skip
    assert follow_in_docs(own, spec(), known) == own
