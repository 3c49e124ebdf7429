from __future__ import annotations

import pytest

from crew.verification.sql_policy import check_sql

KNOWN = {"orders", "customers", '"shop"."raw"."events"'}

ATTACKS = [
    ("duckdb", "drop table orders"),
    ("duckdb", "select 1 from orders; drop table orders"),
    ("duckdb", "select 1; select 2"),
    ("duckdb", ""),
    ("duckdb", "-- nothing"),
    ("duckdb", "insert into orders select * from orders"),
    ("duckdb", "update orders set a = 1"),
    ("duckdb", "delete from orders"),
    ("duckdb", "create table x as select * from orders"),
    ("duckdb", "create or replace view x as select 1"),
    ("duckdb", "alter table orders add column x int"),
    ("duckdb", "truncate table orders"),
    ("duckdb", "merge into orders using customers on true when matched then delete"),
    ("duckdb", "copy orders to 'out.csv'"),
    ("duckdb", "copy (select * from orders) to 's3://bucket/x'"),
    ("duckdb", "attach 'other.duckdb'"),
    ("duckdb", "detach shop"),
    ("duckdb", "pragma database_list"),
    ("duckdb", "set enable_external_access = true"),
    ("duckdb", "install httpfs"),
    ("duckdb", "load httpfs"),
    ("duckdb", "call pragma_version()"),
    ("duckdb", "use other"),
    ("duckdb", "begin"),
    ("duckdb", "export database 'x'"),
    ("duckdb", "import database 'x'"),
    ("duckdb", "describe orders"),
    ("duckdb", "summarize orders"),
    ("duckdb", "show tables"),
    ("duckdb", "explain select 1"),
    ("duckdb", "values (1)"),
    ("duckdb", "select * into x from orders"),
    ("duckdb", "select * from orders for update"),
    ("duckdb", "with x as (insert into orders values (1) returning *) select * from x"),
    ("duckdb", "with x as (delete from orders returning *) select * from x"),
    ("duckdb", "select * from 'file.csv'"),
    ("duckdb", 'select * from "file.parquet"'),
    ("duckdb", "select (select count(*) from '/etc/passwd')"),
    ("duckdb", "from read_csv('/etc/passwd')"),
    ("duckdb", "select * from read_csv_auto('x')"),
    ("duckdb", "select * from read_parquet('https://x/y')"),
    ("duckdb", "select * from parquet_scan('x')"),
    ("duckdb", "select * from read_json('x')"),
    ("duckdb", "select * from read_text('x')"),
    ("duckdb", "select * from read_blob('x')"),
    ("duckdb", "select * from glob('*')"),
    ("duckdb", "select * from sniff_csv('x')"),
    ("duckdb", "select * from query('select 1')"),
    ("duckdb", "select * from query_table('secret')"),
    ("duckdb", "select * from duckdb_secrets()"),
    ("duckdb", "select * from duckdb_settings()"),
    ("duckdb", "select * from pragma_table_info('orders')"),
    ("duckdb", "select * from sqlite_scan('a', 'b')"),
    ("duckdb", "select * from postgres_scan('a', 'b', 'c')"),
    ("duckdb", "select getenv('HOME')"),
    ("duckdb", "select current_setting('allowed_paths')"),
    ("duckdb", "select main.read_text('x')"),
    ("duckdb", "select * from orders, read_text('x')"),
    ("duckdb", "select * from orders join lateral (select * from read_text('x')) on true"),
    ("duckdb", "select * from orders where id in (select id from secrets)"),
    ("duckdb", "select * from secrets"),
    ("duckdb", "select * from shop.raw.orders"),
    ("duckdb", "select * from raw.events"),
    ("duckdb", "select * from information_schema.tables"),
    ("duckdb", "select * from sqlite_master"),
    ("duckdb", "with secrets as (select * from secrets) select * from secrets"),
    ("duckdb", "with a as (select * from b), b as (select 1 as x) select * from a"),
    ("duckdb", "select * from (with c as (select 1) select * from c) x, c"),
    ("duckdb", "select * from orders where id = $1"),
    ("duckdb", "select * from orders where id = ?"),
    ("duckdb", "select current_user"),
    ("duckdb", "select current_database()"),
    ("duckdb", "select nextval('s')"),
    ("duckdb", "select write_log('x')"),
    ("duckdb", "select /*! 1 */ 1"),
    ("duckdb", "select from where"),
    ("duckdb", "select '" + "x" * 300_000 + "'"),
    ("duckdb", "select " + "(" * 5000 + "1" + ")" * 5000),
    ("postgres", "select pg_read_file('/etc/passwd')"),
    ("postgres", "select pg_sleep(100)"),
    ("postgres", "select lo_import('/etc/passwd')"),
    ("postgres", "select * from dblink('host=x', 'select 1') as t(x int)"),
    ("postgres", "select set_config('a', 'b', false)"),
    ("postgres", "select query_to_xml('select 1', true, false, '')"),
    ("postgres", "select * from pg_ls_dir('/') as x"),
    ("postgres", "do $$ begin end $$"),
    ("postgres", "copy orders from program 'id'"),
    ("snowflake", "select * from @stage/file.csv"),
    ("snowflake", "select system$abort_session(1)"),
    ("snowflake", "select * from table(result_scan(last_query_id()))"),
    ("snowflake", "select * from table(information_schema.query_history())"),
    ("snowflake", "call procedure_of_theirs()"),
    ("snowflake", "execute immediate 'drop table x'"),
    ("snowflake", "select get_ddl('table', 'x')"),
    ("snowflake", "select $variable from orders"),
    ("bigquery", "select * from external_query('a', 'b')"),
    ("bigquery", "select session_user()"),
    ("bigquery", "select @@project_id"),
    ("bigquery", "select * from ml.predict(model `a.b`, table orders)"),
    ("bigquery", "export data options(uri='gs://x') as select 1"),
    ("bigquery", "select * from `other.project.orders`"),
]

HONEST = [
    ("duckdb", "select * from orders"),
    ("duckdb", "select * from orders;"),
    ("duckdb", "select 1; -- done"),
    ("duckdb", "from orders select id"),
    ("duckdb", "(select id from orders)"),
    ("duckdb", "select * from shop.raw.events"),
    ("duckdb", 'select * from "shop"."raw"."events" as e'),
    ("duckdb", "select * from ORDERS as o join customers as c on o.customer_id = c.id"),
    ("duckdb", "with a as (select * from orders) select * from a"),
    ("duckdb", "with a as (select 1 as x), b as (select * from a) select * from b, a"),
    ("duckdb", "with orders as (select * from orders) select count(*) from orders"),
    ("duckdb", "with recursive n as (select 1 as i union all select i + 1 from n where i < 9) "
               "select * from n"),
    ("duckdb", "with a as (with b as (select * from orders) select * from b) select * from a"),
    ("duckdb", "select id from orders union all select id from customers"),
    ("duckdb", "select id from orders except select id from customers order by 1 limit 5"),
    ("duckdb", "select date_trunc('week', at)::date as week, count(distinct id) from orders "
               "group by 1"),
    ("duckdb", "select sum(case when status = 'paid' then amount else 0 end) / "
               "nullif(count(*), 0) from orders"),
    ("duckdb", "select *, row_number() over (partition by id order by at desc) as r from orders "
               "qualify r = 1"),
    ("duckdb", "select * from range(10) as t(i)"),
    ("duckdb", "select * from generate_series(date '2024-01-01', date '2024-02-01', "
               "interval 1 day) as t(day)"),
    ("duckdb", "select unnest(generate_series(min(at), max(at), interval '1 month')) from orders"),
    ("duckdb", "select o.id, t.x from orders o, unnest(o.tags) as t(x)"),
    ("duckdb", "select x.n from orders o, lateral (select count(*) as n from customers c "
               "where c.id = o.id) x"),
    ("duckdb", "select arg_max(status, at), median(amount), quantile_cont(amount, 0.9), "
               "string_agg(status, ',') filter (where id > 1) from orders"),
    ("duckdb", "select strftime(at, '%Y'), epoch(at), dayname(at), last_day(at) from orders"),
    ("duckdb", "select payload->>'$.a', json_extract_string(payload, '$.b') from orders"),
    ("duckdb", "select list_transform(tags, x -> upper(x)) from orders"),
    ("duckdb", "select regexp_replace(trim(lower(name)), '[^a-z]', '', 'g'), md5(name) "
               "from customers"),
    ("duckdb", "select * exclude (email), columns('a.*') from customers"),
    ("duckdb", "select region, count(*) from customers group by all having count(*) > 1"),
    ("duckdb", "select exists (select 1 from orders o where o.customer_id = c.id) "
               "from customers c"),
    ("duckdb", "select * from orders where at >= current_date - interval '7 days'"),
    ("duckdb", "select try_cast(a as int), coalesce(b, 'drop table x; --') from orders"),
    ("duckdb", "select * from orders asof join customers using (id)"),
    ("duckdb", "select * from (values (1, 'a'), (2, 'b')) as v(id, name)"),
    ("postgres", "select date_trunc('month', at), percentile_cont(0.5) within group "
                 "(order by amount) from orders group by 1"),
    ("postgres", "select to_char(at, 'YYYY'), age(at), amount::numeric(10, 2) from orders"),
    ("snowflake", "select f.value::string from orders o, lateral flatten(input => o.items) f"),
    ("snowflake", "select iff(a > 1, 1, 0), zeroifnull(b), dateadd(day, 1, at), "
                  "listagg(status, ',') from orders group by 1, 2, 3"),
    ("bigquery", "select timestamp_trunc(at, month), countif(status = 'paid'), safe_divide(a, b) "
                 "from orders group by 1"),
    ("bigquery", "select * from orders, unnest(items) as item"),
    ("bigquery", "select * from unnest(generate_date_array('2024-01-01', '2024-02-01')) as day"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "sql"), ATTACKS)
def test_an_attack_is_found(dialect: str, sql: str) -> None:
    assert check_sql(sql, dialect, KNOWN)


@pytest.mark.parametrize(("dialect", "sql"), HONEST)
def test_honest_sql_passes(dialect: str, sql: str) -> None:
    assert check_sql(sql, dialect, KNOWN) == []


def test_a_finding_names_what_it_found() -> None:
    assert "secrets" in check_sql("select * from secrets", "duckdb", KNOWN)[0]
    assert "getenv" in check_sql("select getenv('HOME')", "duckdb", KNOWN)[0]
    assert "ref()" in check_sql("select * from raw_orders", "duckdb", KNOWN)[0]
