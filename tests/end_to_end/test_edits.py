"""Edits of what exists, whole: a made-up ski rental whose models are renamed, filtered, parted…"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from crew.artifacts import Outcome
from crew.assemble import open_workplace
from crew.settings import load_settings
from tests.end_to_end.test_extending import Library, dbt

pytestmark = pytest.mark.xdist_group("rental")

PROJECT = {
    "dbt_project.yml": """name: rental
profile: rental
models: {rental: {staging: {+materialized: view}, marts: {+materialized: table}}}
""",
    "profiles.yml": """rental:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('RENTAL_WAREHOUSE') }}", schema: main, threads: 2}
""",
    "macros/money.sql": """{% macro to_eur(column) %}({{ column }} / 100.0){% endmacro %}
{% macro cents_as_euro(column) %}({{ column }} / 100.0){% endmacro %}
{% macro euro_rounded(column, digits) %}round({{ column }} / 100.0, {{ digits }}){% endmacro %}
""",
    "models/sources.yml": """version: 2
sources: [{name: raw, schema: raw, tables: [{name: rentals}, {name: shops}, {name: visits}]}]
""",
    "models/staging/stg_rentals.sql": """with source as (

    select * from {{ source('raw', 'rentals') }}

),

renamed as (

    select
        id as rental_id,
        shop_id,
        is_test,
        kind,  -- ski or board
        {{ to_eur('fee_cents') }} as fee,
        cast(rented_at as timestamp) as rented_at
    from source

)

select * from renamed
""",
    "models/staging/stg_shops.sql": """select shop_id, town, opened, updated_at
from {{ source('raw', 'shops') }}
""",
    "models/staging/stg_visits.sql": """select id as visit_id, shop_no as shop_id, guests
from {{ source('raw', 'visits') }}
""",
    "models/staging/staging.yml": """version: 2
models:
  - name: stg_rentals
    description: One row per rental; `fee` is in euro.
    columns:
      - name: rental_id
        description: Key of the rental.
        data_tests: [unique, not_null]
      - name: fee   # money
        description: What was paid.
        data_tests: [not_null]
      - {name: kind, description: Ski or board.}
""",
    "models/marts/fct_rentals.sql": """-- all rentals
select r.rental_id, r.shop_id, r.is_test, r.kind, r.fee, r.rented_at, s.town
from {{ ref('stg_rentals') }} as r
left join {{ ref('stg_shops') }} as s using (shop_id)
""",
    "models/marts/fct_daily_fees.sql": """select
    cast(date_trunc('day', rented_at) as date) as rental_day,
    town,
    count(*) as rentals,
    count(distinct shop_id) as shops,
    sum(fee) as total_fee
from {{ ref('fct_rentals') }}
{% if var('towns_only', false) %}where town is not null{% endif %}
group by 1, 2
having sum(fee) > 0
""",
    "models/marts/rpt_towns.sql": """select town, max(fee) as highest_fee, count(*) as rentals
from {{ ref('fct_rentals') }} group by town
""",
    "models/marts/spare_report.sql": "select kind, count(*) as n from {{ ref('stg_rentals') }} group by kind\n",
    "models/marts/fct_visits.sql": "select * from {{ ref('stg_visits') }}\n",
    "models/marts/marts.yml": """version: 2

models:
  - name: fct_rentals
    description: One row per rental with its `fee`.
    columns:
      - {name: rental_id, description: Key., data_tests: [unique, not_null]}
      - name: fee
        description: Copy of fee.
  - name: rpt_towns
    description: One row per town.
  - name: spare_report
    description: Nobody reads it.
  - name: fct_daily_fees
    description: One row per day and town.

unit_tests:
  - name: highest_fee_of_a_town
    model: rpt_towns
    given:
      - input: ref('fct_rentals')
        rows:
          - {rental_id: 1, fee: 2, town: a}
          - {rental_id: 2, fee: 3, town: a}
    expect:
      rows: [{town: a, highest_fee: 3, rentals: 2}]

exposures:
  - name: town_board
    type: dashboard
    owner: {name: Ann, email: ann@example.com}
    description: Shows `fee` by town.
    depends_on: [ref('fct_rentals'), ref('rpt_towns')]
""",
    "tests/no_negative_fee.sql": "select * from {{ ref('fct_rentals') }} where fee < 0\n",
}
TABLES = """create schema raw;
create table raw.rentals as select i as id, 1 + i % 4 as shop_id, i % 10 = 0 as is_test,
  ['ski', 'board'][1 + i % 2] as kind, (i * 37) % 900 + 100 as fee_cents,
  timestamp '2024-01-03' + to_hours((i * 7)::int) as rented_at from range(1, 301) t(i);
create table raw.shops as select i as shop_id, ['Lech', 'Zürs', 'Lech', null][i] as town,
  case when i = 3 then 'soon' else '2020-12-0' || i end as opened,
  timestamp '2024-01-01' + to_days(i::int) as updated_at from range(1, 5) t(i);
create table raw.visits as select i as id, 1 + i % 4 as shop_no, i % 9 as guests from range(1, 50) t(i);
"""


@pytest.fixture(scope="module")
def rental(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("rental")
    repository, warehouse = folder / "project", folder / "rental.duckdb"
    for path, text in PROJECT.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(TABLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RENTAL_WAREHOUSE", str(warehouse))
        dbt("run", repository)
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("alter table raw.visits rename column guests to guest_count")
        author = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        for arguments in (
            ["init", "-q", "-b", "main"],
            ["add", "."],
            [*author, "commit", "-qm", "x"],
        ):
            subprocess.run(["git", *arguments], cwd=repository, check=True)
        settings = load_settings(project=str(repository), state=folder / "state")
        with open_workplace(settings) as place:
            yield Library(place, repository, warehouse)


def delivered(rental: Library, key: str, title: str) -> tuple[Outcome, dict[str, Any], str]:
    """Outcome, result and the change as a diff without context."""
    outcome, result = rental.ask(key, title)
    assert result["outcome"] == "delivered", (
        result["reason"],
        result["questions"],
        result["checks"],
    )
    return outcome, result, rental.git("diff", "-U0", "-M", f"main..{result['branch']}")


def lines(diff: str, sign: str) -> list[str]:
    return [x[1:].strip() for x in diff.splitlines() if x.startswith(sign) and x[:3] != sign * 3]


def test_a_column_is_renamed_wherever_it_is_passed_on(rental: Library) -> None:
    _, result, diff = delivered(rental, "SKI-1", "Rename fee to rental_fee in stg_rentals")
    assert sorted(lines(diff, "+")) == sorted([
        "{{ to_eur('fee_cents') }} as rental_fee,",
        "description: One row per rental; `rental_fee` is in euro.",
        "- name: rental_fee   # money",
        "select r.rental_id, r.shop_id, r.is_test, r.kind, r.rental_fee, r.rented_at, s.town",
        "sum(rental_fee) as total_fee",
        "having sum(rental_fee) > 0",
        "select town, max(rental_fee) as highest_fee, count(*) as rentals",
        "description: One row per rental with its `rental_fee`.",
        "- name: rental_fee",
        "- {rental_id: 1, rental_fee: 2, town: a}",
        "- {rental_id: 2, rental_fee: 3, town: a}",
        "description: Shows `rental_fee` by town.",
        "select * from {{ ref('fct_rentals') }} where rental_fee < 0",
    ])  # fmt: skip
    proof = next(c for c in result["checks"] if c["name"] == "edit")
    assert proof["status"] == "passed" and "5 models" in proof["finding"]


def test_a_model_is_renamed_with_all_that_reads_it(rental: Library) -> None:
    _, result, diff = delivered(rental, "SKI-2", "Please rename the model fct_rentals to fct_hires")
    assert {f["action"] for f in result["files"]} == {"create", "delete", "update"}
    assert "rename to models/marts/fct_hires.sql" in diff
    assert "fct_rentals" not in rental.git("grep", "-h", "fct_", result["branch"], "--", "models")


def proof(result: dict[str, Any]) -> str:
    """What the proof of an edit found."""
    return str(next(c["finding"] for c in result["checks"] if c["name"] == "edit"))


def test_rows_are_filtered_by_flags_values_and_days(rental: Library) -> None:
    _, result, diff = delivered(rental, "SKI-3", "Exclude test rentals from fct_rentals")
    assert "where not coalesce(is_test, false)" in lines(diff, "+")
    assert "30 of today's 300 rows of `fct_rentals` go by the filter." in result["notes"]
    assert "rpt_towns" in proof(result) and "differ" in proof(result)
    _, _, diff = delivered(
        rental, "SKI-4", "fct_rentals should only contain rentals from 5 February 2024 on"
    )
    assert "where rented_at >= '2024-02-05'" in lines(diff, "+")
    _, _, diff = delivered(rental, "SKI-5", "Only keep rentals with kind 'ski' in fct_daily_fees")
    assert "(select * from {{ ref('fct_rentals') }} where kind = 'ski') as fct_rentals" in diff


def test_what_others_use_is_dropped_only_when_somebody_says_so(rental: Library) -> None:
    _, _, diff = delivered(rental, "SKI-6", "Drop the column kind from fct_rentals")
    assert "select r.rental_id, r.shop_id, r.is_test, r.fee, r.rented_at, s.town" in diff
    _, result = rental.ask("SKI-7", "Drop fee from stg_rentals")
    assert result["outcome"] == "needs_answers"
    assert "`rpt_towns` uses it for `highest_fee`" in result["questions"][0]["text"]
    _, result, diff = delivered(rental, "SKI-8", "Remove the model spare_report")
    assert {f["action"] for f in result["files"]} == {"delete", "update"}
    assert rental.ask("SKI-9", "Drop table fct_rentals")[1]["outcome"] == "refused"


def test_a_type_that_loses_values_is_asked_about(rental: Library) -> None:
    _, result = rental.ask("SKI-10", "opened in stg_shops should be a date")
    assert result["outcome"] == "needs_answers" and "'soon'" in result["questions"][0]["text"]
    _, result, diff = delivered(rental, "SKI-11", "is_test in fct_rentals should be text")
    assert "cast(r.is_test as varchar) as is_test" in diff and "3 models" in proof(result)


def test_keys_periods_and_what_is_new(rental: Library) -> None:
    _, result, diff = delivered(rental, "SKI-12", "Deduplicate stg_shops by town")
    assert "partition by town order by updated_at desc nulls last" in diff
    assert "each key stays once" in proof(result)
    _, result, diff = delivered(rental, "SKI-13", "Make fct_daily_fees weekly")
    assert "cast(date_trunc('week', rented_at) as date) as rental_week," in lines(diff, "+")
    assert "totals of rentals, total_fee stay" in proof(result)
    _, result, diff = delivered(rental, "SKI-14", "Make fct_rentals incremental")
    assert "a second, incremental run leaves the rows of a full one" in proof(result)


def test_macros_parts_and_sources(rental: Library) -> None:
    _, _, diff = delivered(
        rental, "SKI-15", "The macro to_eur is deprecated, replace it with cents_as_euro"
    )
    assert lines(diff, "+") == ["{{ cents_as_euro('fee_cents') }} as fee,"]
    _, result = rental.ask("SKI-16", "Replace the macro to_eur by euro_rounded")
    assert "different arguments" in result["questions"][0]["text"]
    _, result, _ = delivered(
        rental, "SKI-17", "Split fct_rentals by kind into fct_ski_rentals and fct_board_rentals"
    )
    assert proof(result).startswith("The parts together are the 300 rows of fct_rentals.")
    _, result, diff = delivered(rental, "SKI-18", "stg_visits fails: guests was renamed upstream")
    assert lines(diff, "+") == ["select id as visit_id, shop_no as shop_id, guest_count as guests"]


def test_a_test_that_does_not_hold_only_warns(rental: Library) -> None:
    _, result, diff = delivered(
        rental, "SKI-19", "Add tests to fct_rentals: town and kind not null, kind only ski, board"
    )
    assert "severity: warn" in diff and "values: [ski, board]" in diff.replace("'", "")
    assert any("does not hold for 75 rows today" in note for note in result["notes"])


def test_columns_are_added_from_inputs_and_formulas(rental: Library) -> None:
    """Values are compared with those looked up and computed one by one."""
    words = "Add updated_at to fct_rentals. Please add double_fee = fee * 2 to fct_rentals."
    _, result, diff = delivered(rental, "SKI-40", words)
    assert "s.updated_at" in diff and "fee * 2 as double_fee" in diff
    assert "fct_rentals.double_fee" in proof(result)
    added = "".join(lines(diff, "+"))
    assert "`updated_at` of `stg_shops`" in added and "Computed as `fee * 2`." in added
    asked = rental.ask("SKI-41", "Add fee_total to fct_rentals: the sum of all fees but refunds")[1]
    assert asked["outcome"] == "needs_answers"


def test_names_that_are_not_there_are_asked_about(rental: Library) -> None:
    _, result = rental.ask("SKI-20", "Rename foo to bar in fct_rentals")
    assert "`fct_rentals` has no column “foo”" in result["questions"][0]["text"]
    outcome, _, _ = delivered(rental, "SKI-21", "Die Spalte kind in fct_rentals in art umbenennen")
    assert outcome.spec is not None and outcome.spec.edits[0].kind == "rename_column"
