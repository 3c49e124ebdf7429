"""The three checks of evidence on honest models and on models spoiled in one place each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from projects import private_copy, write

from crew.artifacts import (
    Check,
    ColumnCard,
    Dimension,
    DraftModel,
    Evidence,
    Filter,
    Grounding,
    JoinEdge,
    LookBack,
    Measure,
    Metric,
    ModelDraft,
    RelationCard,
    RequirementSpec,
    StagedColumn,
    Staging,
    TestSuite,
    TimeAxis,
)
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.sql_compiler import AggregateCompiler
from crew.verification.check_context import CheckContext
from crew.verification.dbt_worker import DbtWorker
from crew.verification.fabrication_guard import fabrication_guard
from crew.verification.reconciliation import reconciliation
from crew.verification.row_ledger import row_ledger

SAID = Grounding(source="ticket", text="said")
PROJECT = {
    "dbt_project.yml": """
        name: shop
        profile: shop
        models: {shop: {+materialized: view}}
    """,
    "profiles.yml": """
        shop:
          target: dev
          outputs:
            dev: {type: duckdb, path: warehouse.duckdb, schema: main}
    """,
    "models/sources.yml": """
        sources: [{name: raw, schema: main, tables: [{name: tickets}, {name: orders},
          {name: customers}, {name: regions}, {name: tags}, {name: subscriptions}]}]
    """,
    **{
        f"models/stg_{name}.sql": f"select * from {{{{ source('raw', '{name}') }}}}"
        for name in ("orders", "customers", "regions", "tags", "subscriptions")
    },
    "models/facts.sql": "select order_id, customer_id, amount from {{ ref('stg_orders') }}",
    "models/monthly.sql": """
        select cast(date_trunc('month', ordered_at) as date) as month_start, r.region as area,
            sum(amount) as revenue
        from {{ ref('stg_orders') }} as o
        left join {{ ref('stg_customers') }} as c on o.customer_id = c.customer_id
        left join {{ ref('stg_regions') }} as r on c.region_id = r.region_id
        where status = 'paid' and ordered_at is not null
        group by 1, 2
    """,
}
TABLES = {
    # six orders of a customer that is gone, four without a date, two on a month's first moment
    "orders": """select i as order_id, case when i % 40 = 7 then 999 else 1 + i % 18 end as
        customer_id, case when i % 5 = 0 then 'returned' else 'paid' end as status, i * 1.25 as
        amount, case when i % 60 = 1 then null when i % 90 = 2 then timestamp '2024-03-01' else
        timestamp '2024-01-01 08:00' + to_days((i % 100)::int) end as ordered_at,
        timestamp '2024-01-01 09:00' + to_days((i % 130)::int) as shipped_at,
        case when i % 3 = 0 then 1 + i % 18 end as agent_id from range(1, 241) t(i)""",
    "customers": """select i as customer_id, nullif(i % 4, 0) as region_id, i % 6 = 0 as is_test
        from range(1, 21) t(i)""",
    "regions": "select i as region_id, ['north', 'south', 'west'][i] as region from range(1, 4) t(i)",
    "tags": "select 1 + i % 20 as customer_id, 'tag ' || i as tag from range(0, 40) t(i)",
    "subscriptions": """select i as subscription_id, 1 + i % 18 as customer_id,
        timestamp '2024-01-01' + to_days((i % 50)::int) as started_at, case when i % 2 = 0 then
        timestamp '2024-01-01' + to_days((i % 50 + 1 + i % 21)::int) end as cancelled_at
        from range(1, 121) t(i)""",
    "tickets": """select i % 30 as id, i * 100 as credit, i % 7 = 0 as removed,
        timestamp '2024-01-01' + to_days(i::int) as loaded_at from range(1, 51) t(i)""",
}  # fmt: skip
TYPES = {int: "integer", str: "varchar", bool: "boolean", float: "decimal"}
EDGES = tuple(
    JoinEdge(left=a, left_column=b, right=c, right_column=d)
    for a, b, c, d in (
        ("stg_orders", "customer_id", "stg_customers", "customer_id"),
        ("stg_subscriptions", "customer_id", "stg_customers", "customer_id"),
        ("stg_customers", "region_id", "stg_regions", "region_id"),
        ("stg_orders", "order_id", "facts", "order_id"),
        ("facts", "customer_id", "stg_customers", "customer_id"),
    )
)
Judge = Callable[..., dict[str, Check]]


@pytest.fixture(scope="module")
def shop(
    other_worker: DbtWorker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[DbtWorker, Any, dict[str, str], Path]]:
    folder = tmp_path_factory.mktemp("evidence")
    origin = write(folder / "origin", PROJECT)
    with duckdb.connect(str(origin / "warehouse.duckdb")) as connection:
        for name, sql in TABLES.items():
            connection.execute(f"create table {name} as {sql}")
    copy = private_copy(origin, folder / "copy")
    info = other_worker.open(copy, None, None, origin, folder / "scratch")
    other_worker.parse()
    other_worker.ensure_built(None)
    yield other_worker, info, other_worker.relation_names(), copy


@pytest.fixture
def judge(shop: tuple[DbtWorker, Any, dict[str, str], Path]) -> Judge:
    """All three checks on a model of that SQL; the built relation is its query."""
    worker, info, located, copy = shop
    keys = {u.split(".", 2)[2]: name for u, name in located.items()}
    evidence = evidence_of(worker, keys)

    def run(spec: RequirementSpec, sql: str, base: str = "") -> dict[str, Check]:
        def relation(found: re.Match[str]) -> str:
            return keys[found.group(1).replace("', '", ".")]

        compiled, before = (
            re.sub(r"\{\{ (?:ref|source)\('(.*?)'\) \}\}", relation, text) for text in (sql, base)
        )
        action: Any = "update" if base else "create"
        name = spec.model or spec.target
        draft = DraftModel(name=name, path=f"models/{name}.sql", sql=sql, action=action)
        built = f"({compiled.rstrip()}\n)"
        context = CheckContext(
            spec, ModelDraft(models=(draft,)), TestSuite(), evidence, (), worker, info, copy,
            compiled={name: compiled}, base_compiled={name: before} if base else {},
            relation_names={name: built}, located=located,
        )  # fmt: skip
        checks = [check(context) for check in (reconciliation, row_ledger, fabrication_guard)]
        return {check.name: check for check in checks}

    return run


def evidence_of(worker: DbtWorker, keys: dict[str, str]) -> Evidence:
    cards = []
    for key, name in keys.items():
        described = worker.query(f"describe select * from {name} as r").rows
        unique = {"stg_orders": "order_id", "facts": "order_id"}.get(key)
        columns = tuple(
            ColumnCard(name=c, data_type=t.lower(), is_unique=c == unique) for c, t, *_ in described
        )
        cards.append(RelationCard(key=key, unique_id=key, kind="model", layer="staging",
                                  relation_name=name, columns=columns))  # fmt: skip
    return Evidence(project="shop", dialect="duckdb", relations=tuple(cards), joins=EDGES)


def measure(name: str, aggregation: Any, expression: str, **more: Any) -> Measure:
    relation = more.pop("relation", "stg_orders")
    return Measure(
        name=name, relation=relation, aggregation=aggregation, expression=expression, **more
    )


def metric(name: str, formula: str, *measures: Measure) -> Metric:
    return Metric(name=name, label=name, formula=formula, measures=measures, grounding=SAID)


REGION = Dimension(name="region", relation="stg_regions", column="region", grounding=SAID)
MONTH = TimeAxis(grain="month", column="month", grounding=SAID)
AT = "stg_orders.ordered_at"
PAID = Filter(condition="stg_orders.status = 'paid'", label="paid orders", grounding=SAID)
REVENUE = measure("revenue", "sum", "stg_orders.amount", time=AT)
ORDERS = measure("orders", "count", "*", time=AT)
BUYERS = measure("buyers", "count_distinct", "stg_orders.customer_id", time=AT)
SALES = RequirementSpec(
    kind="new_model", model="sales", question="?", time=MONTH, dimensions=(REGION,),
    filters=(PAID,), row_grain=("month", "region"),
    metrics=(metric("revenue", "revenue", REVENUE), metric("buyers", "buyers", BUYERS),
             metric("average", "revenue / orders", REVENUE, ORDERS)),
)  # fmt: skip
SALES_SQL = """
with orders as (
    select * from {{ ref('stg_orders') }} where status = 'paid'
),
located as (
    select o.*, r.region
    from orders as o
    left join {{ ref('stg_customers') }} as c on o.customer_id = c.customer_id
    left join {{ ref('stg_regions') }} as r on c.region_id = r.region_id
)
select cast(date_trunc('month', ordered_at) as date) as month, region, sum(amount) as revenue,
    count(distinct customer_id) as buyers, count(*) as orders,
    sum(amount) / nullif(count(*), 0) as average
from located
where ordered_at is not null
group by 1, 2
"""
WEEK = TimeAxis(grain="week", column="week", grounding=SAID)
CHURN = RequirementSpec(
    kind="new_model", model="churn", question="?", time=WEEK, dimensions=(REGION,), fill_gaps=True,
    row_grain=("week", "region"),
    metrics=(
        metric(
            "churn_rate", "cancelled / active",
            measure("cancelled", "count", "*", relation="stg_subscriptions",
                    time="stg_subscriptions.cancelled_at"),
            measure("active", "count", "*", relation="stg_subscriptions", at="period_start",
                    active_from="stg_subscriptions.started_at",
                    active_to="stg_subscriptions.cancelled_at"),
        ),
    ),
)  # fmt: skip


def statuses(found: dict[str, Check]) -> dict[str, str]:
    return {name.split()[0]: check.status for name, check in found.items()}


GOOD = {"reconciliation": "passed", "row": "passed", "fabrication": "passed"}


def test_an_honest_model_passes_and_the_card_says_what_was_left_out(judge: Judge) -> None:
    found = judge(SALES, SALES_SQL)
    assert statuses(found) == GOOD, found
    card = found["reconciliation"].table
    assert card is not None and [row[0] for row in card.rows[:3]] == ["revenue", "buyers", "orders"]
    words = card.rows[0][4]
    assert "240 rows of stg_orders; 4 without stg_orders.ordered_at" in words
    assert "by “paid orders”" in words and "counted" in words and "without region" in words
    ledger = found["row ledger"].table
    assert ledger is not None
    join = next(row for row in ledger.rows if "left join c on" in row[5])
    assert join[1] == join[2] == "192" and join[4] == "1.00"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("r.region\n", "coalesce(r.region, 'unknown') as region\n"),
        ("count(*) as orders", "count(order_id) as orders"),
        ("count(*) as orders,", ""),
        ("group by 1, 2", "group by all"),
        ("left join {{ ref('stg_regions') }} as r on c.region_id = r.region_id",
         "left join (select distinct region_id, region from {{ ref('stg_regions') }}) as r "
         "using (region_id)"),
        ("as average", "as average, max(cast(now() as date) - cast(ordered_at as date)) as age"),
        ("select o.*, r.region", "select distinct o.*, r.region"),
    ],
)  # fmt: skip
def test_other_honest_ways_pass_too(judge: Judge, old: str, new: str) -> None:
    assert old in SALES_SQL
    found = judge(SALES, SALES_SQL.replace(old, new))
    assert statuses(found) == GOOD, found


@pytest.mark.parametrize(
    ("old", "new", "name", "words"),
    [
        ("left join {{ ref('stg_customers') }}", "inner join {{ ref('stg_customers') }}",
         "reconciliation", "revenue: by month: 3 of 4 differ"),
        (" where status = 'paid'", "", "reconciliation", "2024-01-01:"),
        ("o.customer_id = c.customer_id", "o.agent_id = c.customer_id", "reconciliation",
         "revenue: by month and region"),
        ("sum(amount) as", "sum(amount) * 1.01 as", "reconciliation", "revenue"),
        ("sum(amount) /", "sum(amount) * 100 /", "reconciliation", "average is not revenue"),
        ("count(distinct customer_id)", "count(customer_id)", "reconciliation", "buyers"),
        ("'month', ordered_at", "'month', shipped_at", "reconciliation", "revenue"),
        ("where ordered_at is not null", "where ordered_at > timestamp '2024-01-05'",
         "reconciliation", "revenue"),
        ("left join {{ ref('stg_regions') }}", "left join {{ ref('stg_tags') }} as t on "
         "t.customer_id = o.customer_id left join {{ ref('stg_regions') }}", "row ledger",
         "sum(located.amount) counts rows more than once"),
        ("left join {{ ref('stg_customers') }} as c on o.customer_id = c.customer_id",
         "cross join {{ ref('stg_customers') }} as c", "row ledger", "more than once"),
        ("select o.*, r.region\n    from orders as o\n    left join {{ ref('stg_customers') }} as "
         "c on o.customer_id = c.customer_id", "select o.*, r.region\n    from orders as o, "
         "{{ ref('stg_tags') }} as t, {{ ref('stg_customers') }} as c", "row ledger",
         "more than once"),
        ("left join {{ ref('stg_customers') }} as c on o.customer_id",
         "inner join {{ ref('stg_customers') }} as c on o.agent_id", "row ledger", "loses"),
        ("r.region\n", "'north' as region\n", "fabrication guard", "sales.region comes from no"),
        ("sum(amount) as revenue", "cast(null as double) as revenue", "fabrication guard",
         "sales.revenue"),
        ("sum(amount) as revenue", "case when true then 5 else sum(amount) end as revenue",
         "fabrication guard", "sales.revenue"),
        ("sum(amount) as revenue", "100 * 3 + random() as revenue", "fabrication guard", "revenue"),
        ("sum(amount) as revenue", "sum(amount) * 0 + 7 as revenue", "fabrication guard",
         "revenue"),
        ("count(*) as orders", "max(5) as orders", "fabrication guard", "sales.orders"),
        ("{{ ref('stg_regions') }} as r", "(values (1, 'north'), (2, 'south')) as "
         "r(region_id, region)", "fabrication guard", "written out"),
        ("{{ ref('stg_regions') }} as r", "(select 1 as region_id, 'north' as region union all "
         "select 2, 'south') as r", "fabrication guard", "unites with rows"),
        ("{{ ref('stg_regions') }} as r", "(select region_id, region from "
         "{{ ref('stg_regions') }} union all select null, 'moon') as r", "fabrication guard",
         "unites with rows"),
    ],
)  # fmt: skip
def test_a_model_that_is_spoiled_is_caught(
    judge: Judge, old: str, new: str, name: str, words: str
) -> None:
    assert old in SALES_SQL
    found = judge(SALES, SALES_SQL.replace(old, new))
    check = found[name]
    assert (check.status, check.blame) == ("failed", "model"), found
    assert words in check.finding, check.finding


def drafted(judge: Judge, spec: RequirementSpec, shop: Any) -> str:
    worker, _, located, _ = shop
    evidence = evidence_of(worker, {u.split(".", 2)[2]: n for u, n in located.items()})
    return AggregateCompiler(spec, evidence, JoinPlanner(evidence)).compile("x.sql").sql


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "", ""),
        ("started_at <= weeks.week", "started_at < weeks.week", "active"),
        ("cancelled_at > weeks.week", "cancelled_at >= weeks.week", "active"),
        (
            "'week', cancelled_at)",
            "'week', started_at)",
            "cancelled",
        ),
        ("nullif(active, 0)", "nullif(active + 1, 0)", "churn_rate is not cancelled / active"),
        ("interval '1' week", "interval '2' week", "weeks between"),
        ("from combined", "from combined where week < date '2024-02-01'", "cancelled"),
    ],
)
def test_stocks_are_counted_at_the_moment_that_was_asked_for(
    judge: Judge, shop: Any, old: str, new: str, words: str
) -> None:
    sql = drafted(judge, CHURN, shop)
    assert old in sql
    found = judge(CHURN, sql.replace(old, new))
    if not old:
        assert statuses(found) == GOOD, found
        return
    check = found["reconciliation"]
    assert check.status == "failed" and words in check.finding, check


def test_a_metric_is_compared_though_the_model_shows_none_of_its_measures(
    judge: Judge, shop: Any
) -> None:
    sql = drafted(judge, CHURN, shop)
    bare = sql.replace("    cancelled,\n        active,\n", "")
    start, end = bare.rsplit("final as (", 1)
    bare = (
        start
        + "final as ("
        + end.replace("        cancelled,\n", "").replace("        active,\n", "")
    )
    assert judge(CHURN, bare)["reconciliation"].status == "passed"
    wrong = judge(CHURN, bare.replace("nullif(active, 0)", "nullif(active + 1, 0)"))
    assert "churn_rate" in wrong["reconciliation"].finding
    missing = judge(CHURN, bare.replace("as churn_rate", "as rate"))["reconciliation"]
    assert missing.status == "failed" and "no column for the metric" in missing.finding


def test_rows_whose_key_leads_nowhere_are_told(judge: Judge) -> None:
    real = Filter(condition="NOT stg_customers.is_test", label="real customers", grounding=SAID)
    spec = SALES.model_copy(update={"filters": (PAID, real)})
    honest = SALES_SQL.replace("where ordered_at", "where not is_test and ordered_at").replace(
        "o.*, r", "o.*, c.is_test, r"
    )
    found = judge(spec, honest)["reconciliation"]
    assert found.status == "warned" and "revenue: 6 whose key leads nowhere" in found.finding
    kept = judge(spec, honest.replace("not is_test and", "not coalesce(is_test, false) and"))
    assert kept["reconciliation"].status == "failed"


def test_a_look_back_counts_from_the_latest_day_of_the_data(judge: Judge, shop: Any) -> None:
    back = LookBack(count=30, unit="day", grounding=SAID)
    spec = SALES.model_copy(update={"time": None, "look_back": back, "row_grain": ("region",)})
    sql = drafted(judge, spec, shop)
    found = judge(spec, sql)
    assert statuses(found) == GOOD, found
    words = found["reconciliation"].table
    assert words is not None and "outside the dates asked for" in words.rows[0][4]
    assert "'30' day" in sql
    wider = judge(spec, sql.replace("'30' day", "'31' day"))["reconciliation"]
    assert wider.status == "failed"


STAGE = RequirementSpec(
    kind="stage_source", model="stg_tickets", target="raw.tickets", question="?",
    staging=Staging(
        columns=(
            StagedColumn(name="ticket_id", source="id", expression="id", grounding=SAID),
            StagedColumn(name="amount", source="credit", expression="credit / 100.0",
                         grounding=SAID),
        ),
        key="ticket_id", latest_by="loaded_at", keep="not removed",
    ),
)  # fmt: skip
STAGE_SQL = """
with ranked as (
    select *, row_number() over (partition by id order by loaded_at desc) as n
    from {{ source('raw', 'tickets') }}
)
select id as ticket_id, credit / 100.0 as amount from ranked where n = 1 and not removed
"""


def test_a_staging_model_has_each_last_delivery_once(judge: Judge) -> None:
    found = judge(STAGE, STAGE_SQL)
    assert statuses(found) == GOOD, found
    card = found["reconciliation"].table
    assert card is not None and "50 rows of raw.tickets; 20 repeated deliveries" in card.rows[0][4]
    for old, new, words in (
        ("n = 1 and", "n >= 1 and", "rows"),
        (" and not removed", "", "rows"),
        ("credit / 100.0", "credit / 10.0", "amount"),
        ("loaded_at desc", "loaded_at", "amount"),
    ):
        check = judge(STAGE, STAGE_SQL.replace(old, new))["reconciliation"]
        assert check.status == "failed" and words in check.finding, (old, check)


CHANGE = RequirementSpec(
    kind="change_model", model="facts", target="facts", question="?", dimensions=(REGION,),
    metrics=(metric("paid_amount", "paid_amount",
                    measure("paid_amount", "sum", "stg_orders.amount", filters=(PAID.condition,))),),
)  # fmt: skip
CHANGE_BASE = "select order_id, customer_id, amount from {{ ref('stg_orders') }}"
CHANGE_SQL = """
with base as (
    select order_id, customer_id, amount from {{ ref('stg_orders') }}
),
paid as (
    select order_id, sum(amount) as paid_amount from {{ ref('stg_orders') }}
    where status = 'paid' group by order_id
)
select base.*, r.region, coalesce(paid.paid_amount, 0) as paid_amount
from base
left join {{ ref('stg_customers') }} as c on base.customer_id = c.customer_id
left join {{ ref('stg_regions') }} as r on c.region_id = r.region_id
left join paid on base.order_id = paid.order_id
"""


def test_a_change_keeps_what_was_there_and_adds_what_the_sources_say(judge: Judge) -> None:
    found = judge(CHANGE, CHANGE_SQL, CHANGE_BASE)
    assert statuses(found) == GOOD, found
    for old, new, words in (
        ("}}\n),\npaid", "}} where order_id < 200\n),\npaid", "rows: 240 in the sources"),
        ("    where status = 'paid' ", "    ", "paid_amount"),
        ("on c.region_id", "on 1 + c.region_id", "region"),
        ("select order_id, customer_id, amount", "select order_id, customer_id, amount + 1 as "
         "amount", "amount"),
    ):  # fmt: skip
        check = judge(CHANGE, CHANGE_SQL.replace(old, new), CHANGE_BASE)["reconciliation"]
        assert check.status == "failed" and words in check.finding, (old, check)


def test_an_unstated_loss_of_an_inner_join_is_a_warning_and_a_stated_one_none(
    judge: Judge,
) -> None:
    sql = SALES_SQL.replace("left join {{ ref('stg_customers') }}",
                            "inner join {{ ref('stg_customers') }}")  # fmt: skip
    found = judge(SALES, sql)["row ledger"]
    assert found.status == "warned" and "loses" in found.finding
    noted = SALES.model_copy(update={"notes": ("Orders without a row in stg_customers go.",)})
    assert judge(noted, sql)["row ledger"].status == "passed"


def test_rows_that_a_condition_leaves_out_anyway_are_not_lost_by_a_join(judge: Judge) -> None:
    sql = """
    select cast(date_trunc('month', o.ordered_at) as date) as month, sum(o.amount) as total
    from {{ ref('stg_orders') }} as o
    inner join {{ ref('stg_customers') }} as c on o.agent_id = c.customer_id
    where o.agent_id is not null
    group by 1
    """
    spec = RequirementSpec(kind="new_model", model="handled", question="?")
    assert judge(spec, sql)["row ledger"].status == "passed"
    lost = judge(spec, sql.replace("where o.agent_id is not null", ""))["row ledger"]
    assert lost.status == "failed" and "loses 160 of 240 rows" in lost.finding


def test_a_one_to_many_join_is_fine_for_the_many(judge: Judge) -> None:
    sql = """
    with c as (select * from {{ ref('stg_customers') }}),
    joined as (
        select c.customer_id, c.region_id, o.amount, o.order_id
        from c left join {{ ref('stg_orders') }} as o on c.customer_id = o.customer_id
    )
    select customer_id, sum(amount) as total, count(order_id) as orders from joined group by 1
    """
    spec = RequirementSpec(kind="new_model", model="totals", question="?")
    assert judge(spec, sql)["row ledger"].status == "passed"
    wrong = judge(spec, sql.replace("sum(amount)", "sum(region_id)"))["row ledger"]
    assert wrong.status == "failed" and "sum(joined.region_id)" in wrong.finding


def test_tests_and_documentation_count_nothing(judge: Judge) -> None:
    spec = RequirementSpec(kind="tests", model="facts", question="?")
    assert judge(spec, CHANGE_BASE)["reconciliation"].status == "skipped"


EXTENSION = SALES.model_copy(
    update={
        "kind": "change_model",
        "model": "monthly",
        "target": "monthly",
        "extends": {"month": "month_start", "region": "area"},
        "row_grain": ("month_start", "area"),
        "metrics": SALES.metrics[1:2],
    }
)
EXTENSION_SQL = """
with base as (
    select * from {{ ref('monthly') }}
),
buyers_per_month as (
    select cast(date_trunc('month', ordered_at) as date) as month, r.region,
        count(distinct o.customer_id) as buyers
    from {{ ref('stg_orders') }} as o
    left join {{ ref('stg_customers') }} as c on o.customer_id = c.customer_id
    left join {{ ref('stg_regions') }} as r on c.region_id = r.region_id
    where status = 'paid' and ordered_at is not null
    group by 1, 2
)
select base.*, coalesce(b.buyers, 0) as buyers
from base
left join buyers_per_month as b
    on base.month_start = b.month and base.area is not distinct from b.region
"""


def test_figures_added_to_a_mart_are_compared_by_its_own_keys(judge: Judge) -> None:
    base = "select * from {{ ref('monthly') }}"
    found = judge(EXTENSION, EXTENSION_SQL, base)
    assert statuses(found) == GOOD, found
    for old, new, words in (
        ("is not distinct from", "=", "buyers: by month_start and area: 4 of"),
        ("distinct o.customer_id", "o.customer_id", "buyers: by month_start and area"),
        ("status = 'paid' and", "", "buyers: by month_start and area"),
        ("base.month_start = b.month", "base.month_start + interval 1 month = b.month", "buyers"),
        ("from base\n", "from (select * replace (revenue + 1 as revenue) from base) as base\n",
         "revenue"),
        ("from base\n", "from (select * from base where area = 'north') as base\n", "rows: "),
        ("as buyers\nfrom", "as purchasers\nfrom", "no column for the metric buyers"),
    ):  # fmt: skip
        assert old in EXTENSION_SQL
        check = judge(EXTENSION, EXTENSION_SQL.replace(old, new), base)["reconciliation"]
        assert check.status == "failed" and words in check.finding, (new, check)
