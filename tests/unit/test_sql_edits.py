"""Text edits by the place of a name in parsed SQL: Jinja and everything else stays."""

from __future__ import annotations

import pytest

from crew.drafting.edits.column_lineage import follow, renamed
from crew.drafting.edits.sql_edits import Splice, SqlSource, spliced
from crew.drafting.edits.yaml_edits import remove_column, remove_entries, rename_columns
from crew.drafting.model_text import CannotEdit

KNOWN = {"stg_fees": ["fee_id", "fee", "shop_id"], "stg_shops": ["shop_id"]}


def after(text: str) -> str:
    source = SqlSource(text, "duckdb")
    return spliced(text, renamed(follow(source, "fee", {"stg_fees"}, KNOWN).named, "price"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("select fee from {{ ref('stg_fees') }}", "select price from {{ ref('stg_fees') }}"),
        (
            "select f.fee as fee, 'fee' as what -- fee\nfrom {{ ref('stg_fees') }} f",
            "select f.price as price, 'fee' as what -- fee\nfrom {{ ref('stg_fees') }} f",
        ),
        (
            "with x as (select * from {{ ref('stg_fees') }})\n"
            "select sum(fee) as fee from x having sum(fee) > 1 order by fee",
            "with x as (select * from {{ ref('stg_fees') }})\n"
            "select sum(price) as fee from x having sum(price) > 1 order by fee",
        ),
        (
            "select {{ cents('fee') }} as c from {{ ref('stg_fees') }}",
            "select {{ cents('price') }} as c from {{ ref('stg_fees') }}",
        ),
        (
            "select f.shop_id from {{ ref('stg_fees') }} f join {{ ref('stg_shops') }} s\n"
            "on f.shop_id = s.shop_id {% if x %} where fee > 1 {% else %} where fee < 1 {% endif %}",
            "select f.shop_id from {{ ref('stg_fees') }} f join {{ ref('stg_shops') }} s\n"
            "on f.shop_id = s.shop_id {% if x %} where price > 1 {% else %} where price < 1 {% endif %}",
        ),
        (
            "select 1 as fee from {{ ref('stg_shops') }}",
            "select 1 as fee from {{ ref('stg_shops') }}",
        ),
        (
            "select shop_id from {{ ref('stg_shops') }} s\n"
            "where exists (select 1 from {{ ref('stg_fees') }} f where f.fee > s.shop_id)",
            "select shop_id from {{ ref('stg_shops') }} s\n"
            "where exists (select 1 from {{ ref('stg_fees') }} f where f.price > s.shop_id)",
        ),
    ],
)
def test_a_column_is_followed_by_what_it_is_not_by_its_letters(text: str, wanted: str) -> None:
    assert after(text) == wanted


def test_items_are_found_by_their_place() -> None:
    text = "select a, sum(b) filter (where c is distinct from d) as e,\n  f from t"
    lists = SqlSource(text, "duckdb").select_lists
    assert [text[slice(*i)] for i in lists[0].items] == [
        "a", "sum(b) filter (where c is distinct from d) as e", "f",
    ]  # fmt: skip


def test_changes_that_overlap_are_refused() -> None:
    with pytest.raises(CannotEdit):
        spliced("abcdef", [Splice(0, 3, "x"), Splice(2, 4, "y")])


YAML = """models:
  - name: fct   # facts
    description: 'Holds `fee`, no coffee.'
    data_tests:
      - dbt_utils.unique_combination_of_columns: {combination_of_columns: [fee, shop_id]}
    columns:
      - name: fee
        data_tests:
          - accepted_values: {values: [fee, tip]}
      - {name: shop_id, description: Shop.}
  - name: other
    columns: [{name: fee}]
semantic_models:
  - name: fees
    model: ref('fct')
    measures:
      - {name: fee, agg: sum}
      - name: doubled
        expr: fee * 2
"""


def test_yaml_follows_a_rename_and_keeps_its_comments() -> None:
    text = rename_columns(YAML, "x.yml", "fee", "price", {"fct"})
    assert "Holds `price`, no coffee." in text and "fct   # facts" in text
    assert "[price, shop_id]" in text and "values: [fee, tip]" in text
    assert "columns: [{name: fee}]" in text
    assert "{name: fee, expr: price, agg: sum}" in text and "expr: price * 2" in text


def test_yaml_forgets_a_column_and_a_model() -> None:
    told: list[str] = []
    text = remove_column(YAML, "x.yml", "fee", {"fct"}, told.append)
    assert "combination" not in text and told and "{name: shop_id" in text
    assert "columns: [{name: fee}]" in text
    assert "other" not in remove_entries(YAML, "x.yml", "other")
