"""Two small dbt projects as tests need them: a standard layout and a stranger's."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crew.verification.dbt_worker import DbtWorker
from crew.verification.worker_values import ProjectInfo


@dataclass(frozen=True)
class Opened:
    """A project that a worker has open: `copy` is the private copy."""

    worker: DbtWorker
    info: ProjectInfo
    copy: Path
    origin: Path


def private_copy(origin: Path, folder: Path) -> Path:
    """What a checkout gives: the files, without the warehouse."""
    ignored = shutil.ignore_patterns("*.duckdb", "dbt_packages", "target")
    shutil.copytree(origin, folder, ignore=ignored)
    return folder


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the files below `folder`."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip())
    return folder


STANDARD = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        profile: shop
        model-paths: [models]
        vars:
          first_year: 2023
        models:
          shop:
            staging: {+materialized: view}
            marts: {+materialized: table}
    """,
    "profiles.yml": """
        shop:
          target: dev
          outputs:
            dev: {type: duckdb, path: warehouse.duckdb, schema: main, threads: 2}
    """,
    "models/staging/_sources.yml": """
        version: 2
        sources:
          - name: raw
            schema: raw
            tables: [{name: orders}, {name: customers}]
    """,
    "models/staging/_staging__models.yml": """
        version: 2
        models:
          - name: stg_orders
            description: One row per order.
            columns:
              - name: order_id
                description: Key of the order.
                data_tests: [unique, not_null]
          - name: stg_customers
            description: One row per customer.
            columns:
              - name: customer_id
                description: Key of the customer.
                data_tests: [unique, not_null]
    """,
    "models/staging/stg_orders.sql": """
        select id as order_id, customer as customer_id, status, amount_cents / 100.0 as amount,
            cast(ordered_at as timestamp) as ordered_at
        from {{ source('raw', 'orders') }}
    """,
    "models/staging/stg_customers.sql": """
        select id as customer_id, name, email, region from {{ source('raw', 'customers') }}
    """,
    "models/marts/customers.sql": """
        with orders as (select * from {{ ref('stg_orders') }}),
        totals as (
            select customer_id, count(*) as order_count, sum(amount) as total_amount
            from orders group by customer_id
        )
        select c.customer_id, c.region, coalesce(t.order_count, 0) as order_count,
            coalesce(t.total_amount, 0) as total_amount
        from {{ ref('stg_customers') }} as c
        left join totals as t on c.customer_id = t.customer_id
    """,
    "models/marts/regions.sql": """
        select region, sum(total_amount) as revenue from {{ ref('customers') }} group by region
    """,
    "models/marts/_marts__models.yml": """
        version: 2
        models:
          - name: customers
            description: One row per customer with totals.
            columns:
              - name: customer_id
                description: Key of the customer.
                data_tests: [unique, not_null]
              - name: region
                description: Sales region of the customer.
              - name: order_count
                description: Orders the customer ever placed.
              - name: total_amount
                description: Sum of the amounts of all orders.
          - name: regions
            description: One row per sales region with revenue.
            columns:
              - name: region
                description: Sales region.
                data_tests: [unique, not_null]
              - name: revenue
                description: Sum of amounts.
    """,
}


def standard_warehouse(file: Path) -> None:
    """The raw tables and, as after `dbt run`, the models."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.customers as select i as id, 'Name ' || i as name, "
            "'p' || i || '@example.com' as email, "
            "case when i % 2 = 0 then 'north' else 'south' end as region from range(1, 21) t(i)"
        )
        connection.execute(
            "create table raw.orders as select i as id, 1 + i % 15 as customer, "
            "case when i % 5 = 0 then 'returned' else 'paid' end as status, "
            "i * 100 as amount_cents, timestamp '2024-01-01' + to_days(i::int) as ordered_at "
            "from range(1, 101) t(i)"
        )
        connection.execute(
            "create view main.stg_orders as select id as order_id, customer as customer_id, "
            "status, amount_cents / 100.0 as amount, ordered_at from raw.orders"
        )
        connection.execute(
            "create view main.stg_customers as select id as customer_id, name, email, region "
            "from raw.customers"
        )
        connection.execute(
            "create table main.customers as select c.customer_id, c.region, "
            "count(o.order_id) as order_count, coalesce(sum(o.amount), 0) as total_amount "
            "from stg_customers c left join stg_orders o using (customer_id) group by all"
        )
        connection.execute(
            "create table main.regions as select region, sum(total_amount) as revenue "
            "from customers group by 1"
        )


def standard_project(folder: Path) -> Path:
    """A project with staging and marts, all built in its warehouse, profile beside it."""
    write(folder, STANDARD)
    standard_warehouse(folder / "warehouse.duckdb")
    return folder


STRANGER = {
    "project/dbt_project.yml": """
        name: acme
        profile: acme_profile
        model-paths: [transform]
        seed-paths: [landing]
        macro-paths: [logic]
        test-paths: [assertions]
        seeds: {acme: {+schema: landing}}
        models: {acme: {core: {+schema: core}, +materialized: table}}
    """,
    "project/logic/names.sql": """
        {% macro generate_schema_name(custom_schema_name, node) -%}
            {{ (custom_schema_name or target.schema) | trim }}
        {%- endmacro %}
    """,
    "project/landing/Trips.csv": "trip_no,rider,km\n1,10,2.5\n2,10,7\n3,11,4\n",
    "project/landing/riders.csv": "rider,city\n10,Oslo\n11,Bergen\n",
    "project/transform/inputs.yml": """
        sources:
          - name: landing
            tables: [{name: Trips}, {name: riders}]
    """,
    "project/transform/core/trip_facts.sql": """
        select t.trip_no, t.rider, t.km, r.city
        from {{ source('landing', 'Trips') }} as t
        join {{ source('landing', 'riders') }} as r on t.rider = r.rider
    """,
    "project/transform/core/long_trips.sql": """
        {{ config(materialized='ephemeral') }}
        select * from {{ ref('trip_facts') }} where km > 3
    """,
    "project/transform/core/city_km.sql": """
        select city, sum(km) as km from {{ ref('long_trips') }} group by city
    """,
    "secrets/profiles.yml": """
        acme_profile:
          target: "{{ env_var('ACME_TARGET', 'work') }}"
          outputs:
            work:
              type: duckdb
              path: "{{ env_var('ACME_DB') }}"
              schema: analytics
              threads: 1
    """,
}


def stranger_project(folder: Path) -> tuple[Path, Path]:
    """(project, profiles folder): seeds as sources, custom schemas, nothing ever built."""
    write(folder, STRANGER)
    return folder / "project", folder / "secrets"
