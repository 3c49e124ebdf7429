from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from projects import STANDARD, Opened, private_copy, standard_project, stranger_project, write

from crew.errors import InvalidInput, InvalidProject, WarehouseBusy, WorkerLost
from crew.verification.dbt_worker import DbtWorker
from crew.verification.worker_values import decode, encode


def test_an_opened_project_tells_its_names_and_what_the_warehouse_has(standard: Opened) -> None:
    info = standard.info
    assert (info.name, info.adapter, info.dialect) == ("shop", "duckdb", "duckdb")
    assert (info.database, info.schema, info.target) == ("warehouse", "main", "dev")
    assert ("raw", "orders") in info.relations and ("main", "customers") in info.relations
    assert info.vars == ("first_year",)


def test_parents_are_read_from_the_real_warehouse(standard: Opened) -> None:
    found = standard.worker.compile(["customers"])
    assert not found.errors
    sql = found.compiled["model.shop.customers"]
    assert '"warehouse"."main"."stg_orders"' in sql and "firstmile_scratch" not in sql


def test_a_build_lands_in_scratch_and_the_next_parse_forgets_it(standard: Opened) -> None:
    file = standard.copy / "models/marts/region_sizes.sql"
    file.write_text("select region, count(*) as n from {{ ref('customers') }} group by region")
    try:
        assert standard.worker.parse().ok
        results = standard.worker.build(["customers", "region_sizes"])
        assert all(r.ok for r in results)
        names = standard.worker.relation_names()
        assert names["model.shop.customers"] == '"firstmile_scratch"."main"."customers"'
        rows = standard.worker.query("select n from firstmile_scratch.main.region_sizes")
        assert rows.rows == ((10,), (10,))
    finally:
        file.unlink()
    standard.worker.parse()
    names = standard.worker.relation_names()
    assert names["model.shop.customers"] == '"warehouse"."main"."customers"'
    assert "model.shop.region_sizes" not in names


def test_a_name_means_the_model_and_not_a_folder_of_that_name(standard: Opened) -> None:
    folder = standard.copy / "models/marts/customers"
    write(folder, {"one.sql": "select 1 as a", "two.sql": "select 1 as a"})
    try:
        standard.worker.parse()
        built = standard.worker.build(["customers"])
        assert [r.unique_id for r in built if r.resource_type == "model"] == [
            "model.shop.customers"
        ]
        compiled = standard.worker.compile(["customers"]).compiled
        assert not any("one" in unique_id for unique_id in compiled)
    finally:
        shutil.rmtree(folder)
        standard.worker.parse()


def test_a_failing_test_is_reported_with_its_sql(standard: Opened) -> None:
    file = standard.copy / "tests/no_north.sql"
    file.parent.mkdir(exist_ok=True)
    file.write_text("select * from {{ ref('customers') }} where region = 'north'")
    try:
        standard.worker.parse()
        failed = [r for r in standard.worker.build(["customers"]) if not r.ok]
        assert [(r.status, r.failures) for r in failed] == [("fail", 10)]
        assert len(standard.worker.query(failed[0].compiled_sql, limit=5).rows) == 5
    finally:
        file.unlink()
        standard.worker.parse()


def test_an_incremental_model_is_built_whole_first_and_by_increment_then(standard: Opened) -> None:
    file = standard.copy / "models/marts/big.sql"
    file.write_text(
        "{{ config(materialized='incremental', unique_key='customer_id') }}\n"
        "select customer_id, '{{ is_incremental() }}' as again from {{ ref('customers') }}"
    )
    try:
        for _ in range(2):
            standard.worker.parse()
            for expected in ("False", "True"):
                assert all(r.ok for r in standard.worker.build(["big"]))
                rows = standard.worker.query(
                    "select distinct again from firstmile_scratch.main.big"
                )
                assert rows.rows == ((expected,),)
    finally:
        file.unlink()
        standard.worker.parse()


def test_a_broken_file_is_a_parse_error_and_mending_it_helps(standard: Opened) -> None:
    file = standard.copy / "models/marts/broken.yml"
    file.write_text("models:\n  - name: [unclosed\n")
    assert "broken.yml" in standard.worker.parse().errors[0]
    file.write_text("models:\n  - name: regions_typo\n    description: x\n")
    assert standard.worker.parse().ok
    file.unlink()
    assert standard.worker.parse().ok


def test_json_schema_deprecations_are_seen_on_duckdb_until_they_are_mended(
    standard: Opened,
) -> None:
    file = standard.copy / "models/marts/extra.yml"
    file.write_text("models:\n  - name: regions2\n    meta: {owner: a}\n    zzz: 1\n")
    sql = standard.copy / "models/marts/regions2.sql"
    sql.write_text("select 1 as a")
    try:
        for _ in range(2):  # the second, partial parse reads nothing again
            lines = [d for d in standard.worker.parse().deprecations if "extra.yml" in d]
            assert any("`meta`" in line for line in lines)
            assert any("`zzz`" in line for line in lines)
        file.write_text("models:\n  - name: regions2\n    config: {meta: {owner: a}}\n")
        assert not [d for d in standard.worker.parse().deprecations if "extra.yml" in d]
    finally:
        file.unlink()
        sql.unlink()
        standard.worker.parse()


def test_queries_give_plain_values(standard: Opened) -> None:
    rows = standard.worker.query(
        "select 1.50::decimal(9,2), date '2024-02-29', timestamp '2024-01-01 10:00', "
        "null, [1, 2], {'a': 'b'}, 'nan'::double, true"
    )
    values = rows.rows[0]
    assert values[:4] == (Decimal("1.50"), dt.date(2024, 2, 29), dt.datetime(2024, 1, 1, 10), None)
    assert values[4:6] == ([1, 2], {"a": "b"}) and values[6] != values[6] and values[7] is True


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; select 2",
        "drop table warehouse.main.customers",
        "insert into warehouse.main.customers select * from warehouse.main.customers",
        "copy (select 1) to '/tmp/firstmile_leak.csv'",
        "select * from read_text('/etc/passwd')",
        "attach '/tmp/other.duckdb'",
        "select nothing_here",
    ],
)
def test_queries_cannot_change_or_leave(standard: Opened, sql: str) -> None:
    with pytest.raises(InvalidInput):
        standard.worker.query(sql)


def test_the_limit_bounds_the_rows(standard: Opened) -> None:
    assert len(standard.worker.query("from range(50)", limit=7).rows) == 7


def test_a_strangers_project_that_was_never_built_is_built_in_scratch(
    other_worker: DbtWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, profiles = stranger_project(tmp_path)
    monkeypatch.setenv("ACME_DB", "nowhere/acme.duckdb")
    info = other_worker.open(project, profiles, None, project, tmp_path / "scratch")
    assert (info.database, info.schema, info.relations) == ("acme", "analytics", frozenset())
    assert other_worker.ensure_built(["model.acme.city_km"]) == ()
    name = other_worker.relation_names()["model.acme.city_km"]
    assert name == '"firstmile_scratch"."core"."city_km"'
    assert sorted(other_worker.query(f"select * from {name}").rows) == [
        ("Bergen", 4.0),
        ("Oslo", 7.0),
    ]
    sources = other_worker.relation_names()["source.acme.landing.Trips"]
    assert other_worker.query(f"select count(*) from {sources}").rows == ((3,),)
    secret = tmp_path / "scratch/profiles/profiles.yml"
    assert secret.stat().st_mode & 0o777 == 0o600 and "ACME_DB" not in secret.read_text()


def test_what_cannot_be_built_is_told(other_worker: DbtWorker, tmp_path: Path) -> None:
    origin = standard_project(tmp_path / "o")
    with duckdb.connect(str(origin / "warehouse.duckdb")) as connection:
        connection.execute("drop table main.regions; drop table main.customers")
    (origin / "models/marts/customers.sql").write_text("select nope from {{ ref('stg_orders') }}")
    other_worker.open(origin, None, None, origin, tmp_path / "scratch")
    failed = other_worker.ensure_built(None)
    assert {r.unique_id for r in failed} == {"model.shop.customers", "model.shop.regions"}
    assert "nope" in next(r.message for r in failed if r.status == "error")


def test_a_second_open_uses_the_cached_parse(other_worker: DbtWorker, tmp_path: Path) -> None:
    origin = standard_project(tmp_path / "o")
    yml = origin / "models/marts/_marts__models.yml"
    yml.write_text(yml.read_text().replace("- name: regions", "- meta: {a: 1}\n    name: regions"))
    for round_ in ("a", "b"):
        copy = private_copy(origin, tmp_path / round_)
        other_worker.open(copy, None, None, origin, tmp_path / "scratch" / round_, tmp_path / "c")
        assert [d for d in other_worker.parse().deprecations if "`meta`" in d]
        assert not other_worker.compile(["regions"]).errors
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == [
        "deprecations.json",
        "partial_parse.msgpack",
    ]


BAD = {
    "no profile name": ({"dbt_project.yml": "name: shop\n"}, "names no profile"),
    "unknown profile": ({"profiles.yml": "other:\n  outputs: {}\n"}, "it has: other"),
    "unknown target": (
        {"profiles.yml": "shop:\n  target: prod\n  outputs: {dev: {type: duckdb}}\n"},
        "no target 'prod'; it has: dev",
    ),
    "broken yaml": ({"profiles.yml": "shop: [\n"}, "cannot be read"),
    "missing variable": (
        {
            "profiles.yml": "shop:\n  target: dev\n  outputs:\n"
            "    dev: {type: duckdb, path: \"{{ env_var('NO_SUCH_DB') }}\"}\n"
        },
        "NO_SUCH_DB",
    ),
    "no adapter": (
        {"profiles.yml": "shop:\n  target: dev\n  outputs: {dev: {type: snowflake}}\n"},
        "pip install dbt-snowflake",
    ),
    "no packages": (
        {"packages.yml": "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n"},
        "dbt deps",
    ),
    "broken base": ({"models/marts/x.sql": "select * from {{ ref('no_such') }}"}, "no_such"),
    "no warehouse": (
        {
            "profiles.yml": "shop:\n  target: dev\n  outputs:\n"
            "    dev: {type: duckdb, path: elsewhere.duckdb}\n"
        },
        "elsewhere.duckdb does not exist",
    ),
    "not a database": (
        {
            "profiles.yml": "shop:\n  target: dev\n  outputs:\n"
            "    dev: {type: duckdb, path: dbt_project.yml}\n"
        },
        "cannot be opened",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_project_is_refused_with_the_cure(
    other_worker: DbtWorker, tmp_path: Path, name: str
) -> None:
    files, words = BAD[name]
    origin = standard_project(tmp_path / "o")
    write(origin, files)
    with pytest.raises(InvalidProject) as raised:
        other_worker.open(origin, None, None, origin, tmp_path / "scratch")
    assert words in str(raised.value) and raised.value.cure
    assert "Traceback" not in str(raised.value)


def test_no_project_and_no_profile_are_refused(
    other_worker: DbtWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidProject, match=r"dbt_project\.yml"):
        other_worker.open(tmp_path, None, None, tmp_path, tmp_path / "scratch")
    write(tmp_path, {"dbt_project.yml": STANDARD["dbt_project.yml"]})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    with pytest.raises(InvalidProject, match=r"looked at .*\.dbt/profiles\.yml"):
        other_worker.open(tmp_path, None, None, tmp_path, tmp_path / "scratch")


def test_a_locked_warehouse_is_busy(other_worker: DbtWorker, tmp_path: Path) -> None:
    origin = standard_project(tmp_path / "o")
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(origin / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(WarehouseBusy) as raised:
            other_worker.open(origin, None, None, origin, tmp_path / "scratch")
        assert "warehouse.duckdb" in raised.value.message
    finally:
        holder.communicate(b"")


def test_hooks_do_not_run_and_hard_coded_databases_are_not_written(
    other_worker: DbtWorker, tmp_path: Path
) -> None:
    origin = standard_project(tmp_path / "o")
    hook = "on-run-start: [create table warehouse.main.log (a int)]\n"
    file = origin / "dbt_project.yml"
    file.write_text(file.read_text() + hook)
    (origin / "models/marts/fixed.sql").write_text(
        "{{ config(database='warehouse', post_hook='drop table warehouse.main.regions') }}\n"
        "select 1 as a"
    )
    other_worker.open(origin, None, None, origin, tmp_path / "scratch")
    results = other_worker.build(["fixed"])
    assert [r.status for r in results] == ["success"]
    assert results[0].relation_name == '"firstmile_scratch"."main"."fixed"'


def test_a_call_that_takes_too_long_kills_the_worker(tmp_path: Path) -> None:
    origin = standard_project(tmp_path / "o")
    worker = DbtWorker(tmp_path / "home", timeout_seconds=60)
    worker.open(origin, None, None, origin, tmp_path / "scratch")
    worker._timeout_seconds = 0.5
    process = worker._process
    assert process is not None
    with pytest.raises(WorkerLost, match=r"over 0\.5 s"):
        worker.query("select count(*) from range(1000000000) a, range(1000000) b")
    assert process.poll() is not None
    with pytest.raises(WorkerLost, match="does not run"):
        worker.query("select 1")
    worker._timeout_seconds = 60
    worker.open(origin, None, None, origin, tmp_path / "scratch")  # starts a new one
    assert worker.query("select 1").rows == ((1,),)
    worker.close()
    assert not (tmp_path / "scratch").exists()
    worker.close()


def test_the_worker_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; "
        "from crew.verification.dbt_worker import DbtWorker; "
        "w = DbtWorker(Path(sys.argv[1])); w.start(); print(w._process.pid, flush=True); "
        "os._exit(1)"
    )
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": root},
    )
    pid = int(run.stdout)
    end = time.monotonic() + 20
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_values_survive_the_wire() -> None:
    values = [dt.timedelta(days=1, microseconds=5), b"x\x00", dt.time(1, 2), {1: Decimal("2.0")}]
    assert decode(encode(values)) == values


def test_only_named_harmless_variables_reach_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = standard_project(tmp_path / "o")
    for name in ("GITHUB_TOKEN", "OPENAI_API_KEY", "FIRSTMILE_X", "PLAIN", "UNNAMED"):
        monkeypatch.setenv(name, "secret-" + name)
    model = "select 1 as a"
    for name in ("GITHUB_TOKEN", "OPENAI_API_KEY", "FIRSTMILE_X", "PLAIN", "UNNAMED"):
        model += f', \'{{{{ env_var("{name}", "none") }}}}\' as {name}'
    (origin / "models/marts/leak.sql").write_text(
        model.replace('env_var("UNNAMED"', 'env_var("UN" ~ "NAMED"')
    )
    worker = DbtWorker(tmp_path / "home", timeout_seconds=60)
    worker.open(origin, None, None, origin, tmp_path / "scratch")
    sql = worker.compile(["leak"]).compiled["model.shop.leak"]
    worker.close()
    assert "secret-PLAIN" in sql and sql.count("secret-") == 1
    shutil.rmtree(origin)
