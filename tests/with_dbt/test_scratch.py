from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import yaml
from projects import standard_project, write

from crew.verification.dbt_worker import DbtWorker
from crew.verification.profile_choice import ProfileChoice
from crew.verification.scratch import SCRATCH_DATABASE, DuckDBScratch, SchemaScratch, make_scratch


def choice(folder: Path, **values: object) -> ProfileChoice:
    file = folder / "profiles.yml"
    return ProfileChoice(file, "shop", "dev", values, values)


def duckdb_scratch(tmp_path: Path, **values: object) -> DuckDBScratch:
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    chosen = choice(tmp_path / "profiles", type="duckdb", **values)
    made = make_scratch(chosen, tmp_path / "scratch", project, project, tmp_path, tmp_path)
    assert isinstance(made, DuckDBScratch)
    return made


def output(tmp_path: Path) -> dict[str, object]:
    content = yaml.safe_load((tmp_path / "scratch/profiles/profiles.yml").read_text())
    found: dict[str, object] = content["shop"]["outputs"]["dev"]
    return found


def test_another_adapter_gets_a_schema_of_its_own(tmp_path: Path) -> None:
    values = {"type": "snowflake", "database": "PROD", "schema": "analytics"}
    made = make_scratch(
        choice(tmp_path, **values), tmp_path, tmp_path, tmp_path, tmp_path, tmp_path
    )
    assert isinstance(made, SchemaScratch) and made.profiles == tmp_path
    assert made.home("PROD", "marts") == ("PROD", "marts")
    database, schema = made.place("PROD", "marts")
    assert database == "PROD" and schema.startswith("analytics_firstmile_") and len(schema) == 28
    assert made.to_drop() == (database, schema)


def test_motherduck_is_treated_like_a_server(tmp_path: Path) -> None:
    chosen = choice(tmp_path, type="duckdb", path="md:shop", schema="main")
    made = make_scratch(chosen, tmp_path, tmp_path, tmp_path, tmp_path, tmp_path)
    assert isinstance(made, SchemaScratch)


def test_the_file_is_found_beside_the_project_the_profile_or_here(tmp_path: Path) -> None:
    for place in ("here", "profiles", "project"):
        folder = tmp_path if place == "here" else tmp_path / place
        folder.mkdir(exist_ok=True)
        duckdb.connect(str(folder / "shop.duckdb")).close()
        made = duckdb_scratch(tmp_path, path="shop.duckdb")
        assert made.warehouse == f"DuckDB file {folder / 'shop.duckdb'}" and made.exists
    assert made.home(SCRATCH_DATABASE, "raw") == ("shop", "raw")
    assert made.place("shop", "raw") == (SCRATCH_DATABASE, "raw")


def test_attached_databases_are_read_only_and_missing_ones_empty(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    duckdb.connect(str(tmp_path / "project/extra.duckdb")).close()
    attach = [{"path": "extra.duckdb"}, {"path": "gone.duckdb", "alias": "gone"}]
    made = duckdb_scratch(tmp_path, path=":memory:", attach=attach, settings={"threads": 1})
    assert output(tmp_path)["attach"] == [
        {"path": str(tmp_path / "project/extra.duckdb"), "read_only": True, "alias": "extra"},
        {"path": ":memory:", "alias": "gone"},
    ]
    assert made.sealable and not made.exists


def test_a_profile_with_extensions_is_not_sealed(tmp_path: Path) -> None:
    assert not duckdb_scratch(tmp_path, path=":memory:", extensions=["httpfs"]).sealable


def test_names_that_need_quotes_other_schemas_and_attached_databases_work(
    other_worker: DbtWorker, tmp_path: Path
) -> None:
    origin = standard_project(tmp_path / "my shop")
    (origin / "warehouse.duckdb").rename(origin / "my-shop v2.duckdb")
    with duckdb.connect(str(origin / "extra.duckdb")) as connection:
        connection.execute("create table rates as select 'NOK' as currency, 11.5 as rate")
    profile = """
        shop:
          target: dev
          outputs:
            dev:
              type: duckdb
              path: my-shop v2.duckdb
              schema: main
              attach: [{path: extra.duckdb}]
    """
    sources = """
        sources:
          - name: rates
            database: extra
            schema: main
            tables: [{name: rates}]
          - name: files
            tables:
              - name: days
                config: {meta: {external_location: "data/{name}.csv"}}
    """
    model = "select * from {{ source('rates', 'rates') }}, {{ source('files', 'days') }}"
    write(origin, {"profiles.yml": profile, "models/rates.yml": sources, "models/rated.sql": model})
    write(origin, {"data/days.csv": "day\n2024-01-01\n"})
    info = other_worker.open(origin, None, None, origin, tmp_path / "scratch")
    assert info.database == "my-shop v2"
    assert other_worker.query('select count(*) from "my-shop v2".main.regions').rows == ((2,),)
    results = other_worker.build(["rated", "regions"])
    assert all(r.ok for r in results), results


def test_a_database_whose_writer_was_killed_can_be_read(
    other_worker: DbtWorker, tmp_path: Path
) -> None:
    origin = standard_project(tmp_path / "o")
    code = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute('create table late as select 1 as a'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(origin / "warehouse.duckdb")], check=False)
    assert (origin / "warehouse.duckdb.wal").exists()
    other_worker.open(origin, None, None, origin, tmp_path / "scratch")
    assert other_worker.query("select a from warehouse.main.late").rows == ((1,),)
