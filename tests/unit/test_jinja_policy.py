from __future__ import annotations

import pytest

from crew.verification.jinja_policy import check_jinja
from crew.verification.sql_policy import check_sql

ATTACKS = [
    "{{ run_query('drop table x') }}",
    "{% set r = run_query('select 1') %}select 1",
    "{% call statement('x') %}drop table x{% endcall %}",
    "{{ statement('x') }}",
    "{{ env_var('SECRET') }}",
    "{{ load_file_contents('x') }}",
    "{{ adapter.drop_relation(this) }}",
    "{{ adapter }}",
    "{{ modules.datetime.datetime.now() }}",
    "{{ modules.re.match('a', 'b') }}",
    "{{ target.password }}",
    "{{ target }}",
    "{{ graph.nodes }}",
    "{{ log('x', info=true) }}",
    "{{ print('x') }}",
    "{{ doc('x') }}",
    "{{ exceptions.raise_compiler_error('x') }}",
    "{{ fromjson('{}') }}",
    "{{ invocation_id }}",
    "{{ dbt_utils.get_column_values(ref('a'), 'b') }}",
    "{{ dbt_utils.pivot('a', ['b']) }}",
    "{{ dbt_utils.get_single_value('select 1') }}",
    "{{ dbt.run_query('x') }}",
    "{{ dbt.drop_relation(this) }}",
    "{{ their_macro('x') }}",
    "{{ ref(name) }}",
    "{{ ref('a' ~ 'b') }}",
    "{{ ref(var('x')) }}",
    "{{ ref(*['a']) }}",
    "{{ source('a') }}",
    "{{ source(**{'a': 1}) }}",
    "{{ ref.__class__ }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ this.__init__ }}",
    "{{ []['__class__'] }}",
    "{{ this['__class__'] }}",
    "{{ config.get('x') }}",
    "{{ config(post_hook='drop table x') }}",
    "{{ config(pre_hook=['x']) }}",
    "{{ config(sql_header='set x = 1') }}",
    "{{ config(grants={'select': ['all']}) }}",
    "{{ config(database='other') }}",
    "{{ config(materialized='their_own') }}",
    "{{ config(materialized=var('x')) }}",
    "{{ config({'materialized': 'table'}) }}",
    "{{ config(location='/etc/x') }}",
    "{{ var('unknown') }}",
    "{{ var(x) }}",
    "{{ var('start', run_query('x')) }}",
    "{% macro x() %}drop{% endmacro %}",
    "{% import 'x' as y %}",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% do run_query('x') %}",
    "{% do [].append(1) %}",
    "{% raw %}{{ run_query('x') }}{% endraw %}",
    "{% set a = 'x' ~ 'x' %}{{ a }}",
    "{% for i in range(100000000) %}x{% endfor %}",
    "{{ 'x' * 1000000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ 'x' | center(999999999) }}",
    "{{ 'a' | attr('__class__') }}",
    "{{ 'x'.format(1) }}",
    "{{ namespace(a=1) }}",
    "{{ caller() }}",
    "{{ self }}",
    "{{ ref }}",
    "{% if execute %}select 1{% endif %}",
    "{{ unclosed",
    "{% for a in [1,2] %}{% for b in [1] %}{% for c in [1] %}{% for d in [1] %}x{% endfor %}"
    "{% endfor %}{% endfor %}{% endfor %}",
]

HONEST = [
    "select * from {{ ref('orders') }}",
    "{{ config(materialized='table', tags=['daily'], meta={'owner': 'x'}) }} select 1",
    "select * from {{ ref('pkg', 'orders') }} join {{ ref('dim', v=2) }} using (id)",
    "select * from {{ source('raw', 'orders') }} where year > {{ var('first_year') }}",
    "select '{{ var('first_year', 2020) }}' as y",
    "select {{ dbt_utils.generate_surrogate_key(['a', 'b']) }} as id from {{ ref('orders') }}",
    "select {{ dbt_utils.star(from=ref('orders'), except=['x']) }} from {{ ref('orders') }}",
    "select {{ dbt.date_trunc('week', 'at') }} as week from {{ ref('orders') }}",
    "select {{ dbt.safe_cast('a', api_type) if false else 'a' }} from {{ ref('orders') }}".replace(
        "dbt.safe_cast('a', api_type) if false else 'a'", "dbt.dateadd('day', 1, 'a')"
    ),
    "{% set statuses = ['paid', 'open'] %}select {% for s in statuses %}sum(case when status = "
    "'{{ s }}' then 1 end) as {{ s }}{% if not loop.last %},{% endif %}{% endfor %} "
    "from {{ ref('orders') }}",
    "{{ config(materialized='incremental', unique_key='id') }} select * from {{ ref('orders') }} "
    "{% if is_incremental() %} where at > (select max(at) from {{ this }}) {% endif %}",
    "{# a comment #} select {{ 'A' | lower }} from {{ ref('orders') }}",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_is_found(text: str) -> None:
    verdict = check_jinja(text, variables=["start", "first_year"])
    assert verdict.findings and not verdict.masked


@pytest.mark.parametrize("text", HONEST)
def test_honest_jinja_passes_and_gives_sql(text: str) -> None:
    verdict = check_jinja(text, variables=["first_year"])
    assert verdict.findings == ()
    for sql in verdict.masked:
        assert check_sql(sql, "duckdb", set(verdict.relations)) == []


def test_refs_and_sources_are_returned() -> None:
    verdict = check_jinja("select * from {{ ref('a') }}, {{ source('b', 'c d') }}")
    assert verdict.refs == {"a"} and verdict.sources == {("b", "c d")}
    assert verdict.masked == ("select * from ref__a, source__b__c_d",)


def test_both_sides_of_is_incremental_are_seen() -> None:
    verdict = check_jinja("select 1 {% if is_incremental() %}from 'x.csv'{% endif %}")
    assert len(verdict.masked) == 2
    assert not check_sql(verdict.masked[0], "duckdb", set())
    assert check_sql(verdict.masked[1], "duckdb", set())


def test_of_a_changed_file_only_what_is_new_is_judged() -> None:
    base = "{{ config(post_hook='x') }} select {{ their_macro('a') }} from {{ ref('o') }}"
    assert check_jinja(base, base).findings == ()
    changed = base.replace("from", ", 1 as b from").replace("config(", "config(tags=['a'], ")
    assert check_jinja(changed, base).findings == ()
    assert check_jinja(changed + "{{ run_query('x') }}", base).findings
    assert check_jinja(base.replace("'x'", "'y'"), base).findings


def test_macros_that_are_named_may_be_called() -> None:
    text = "select {{ cents_to_units('a') }} as a from {{ ref('o') }}"
    assert check_jinja(text).findings
    assert check_jinja(text, macros=["cents_to_units"]).masked == ("select null as a from ref__o",)
