"""An existing mart with just the rows that are asked for is extended: a made-up library, whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crew.artifacts import Outcome, Request
from crew.assemble import Workplace, open_workplace
from crew.settings import load_settings
from tests.fakes import FakeListener

pytestmark = pytest.mark.xdist_group("library")

MONTHLY = """select
    cast(date_trunc('month', lent_at) as date) as loan_month,
    branch,
    count(*) as loan_count
from {{ ref('stg_loans') }}
group by 1, 2
"""
DAILY = """{{ config(materialized='incremental') }}
select cast(date_trunc('day', lent_at) as date) as loan_day, count(*) as loan_count
from {{ ref('stg_loans') }}
{% if is_incremental() %} where lent_at > (select max(loan_day) from {{ this }}) {% endif %}
group by 1
"""
YEARLY = """with loans as (
    select * from {{ ref('stg_loans') }}
)

select cast(date_trunc('year', lent_at) as date) as loan_year, medium, count(*) as loan_count
from loans
where medium != 'map'
group by 1, 2
"""
QUARTERLY = """select cast(date_trunc('quarter', lent_at) as date) as loan_quarter, medium,
    count(*) as loan_count
from {{ ref('stg_loans') }}
group by 1, 2
"""
PROJECT = {
    "dbt_project.yml": """name: library
profile: library
models: {library: {staging: {+materialized: view}, marts: {+materialized: table}}}
""",
    "profiles.yml": """library:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('LIBRARY_WAREHOUSE') }}", schema: main, threads: 2}
""",
    "models/sources.yml": """version: 2
sources: [{name: raw, schema: raw, tables: [{name: loans}]}]
""",
    "models/staging/stg_loans.sql": """select id as loan_id, branch, medium, fine, pages, lent_at
from {{ source('raw', 'loans') }}
""",
    "models/staging/staging.yml": """version: 2
models:
  - name: stg_loans
    description: One row per loan.
    columns:
      - {name: loan_id, description: Key of the loan., data_tests: [unique, not_null]}
""",
    "models/marts/fct_monthly_loans.sql": MONTHLY,
    "models/marts/fct_daily_loans.sql": DAILY,
    "models/marts/fct_yearly_loans.sql": YEARLY,
    "models/marts/fct_quarterly_loans.sql": QUARTERLY,
    "models/marts/busy_branches.sql": """select * from {{ ref('fct_monthly_loans') }}
where loan_count > 5
""",
    "models/marts/marts.yml": """version: 2
models:
  - name: fct_monthly_loans
    description: One row per month and branch.
    columns:
      - {name: loan_month, description: First day of the month., data_tests: [not_null]}
      - {name: branch, description: Branch that lent.}
      - {name: loan_count, description: Number of loans.}
  - name: fct_quarterly_loans
    description: One row per quarter and medium.
    config: {contract: {enforced: true}}
    columns:
      - {name: loan_quarter, data_type: date, description: First day of the quarter.}
      - {name: medium, data_type: varchar, description: What was lent.}
      - {name: loan_count, data_type: bigint, description: Number of loans.}
""",
}
LOANS = """create table raw.loans as select i as id, ['north', 'south', null][1 + i % 3] as branch,
    ['book', 'film', 'map', 'book'][1 + i % 4] as medium, i % 7 as fine, i * 3 as pages,
    timestamp '2023-11-02' + to_days((i % 200)::int) as lent_at from range(1, 601) t(i)"""


@dataclass(frozen=True)
class Library:
    place: Workplace
    repository: Path
    warehouse: Path

    def ask(self, key: str, title: str) -> tuple[Outcome, dict[str, Any]]:
        request = Request(source="test", key=key, title=title, body="Please.")
        return self.place.work(request, FakeListener())

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.repository, check=True, capture_output=True, text=True
        )
        return done.stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("library")
    repository, warehouse = folder / "project", folder / "library.duckdb"
    for path, text in PROJECT.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw")
        connection.execute(LOANS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIBRARY_WAREHOUSE", str(warehouse))
        dbt("run", repository)
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


def dbt(command: str, project: Path, *more: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), command, "--profiles-dir", ".", *more],
        cwd=project, capture_output=True, text=True,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    for made in ("target", "logs"):
        subprocess.run(["rm", "-rf", made], cwd=project, check=True)


def test_what_is_added_equals_the_sources_and_what_was_there_stays(
    library: Library, tmp_path: Path
) -> None:
    outcome, result = library.ask("LIB-1", "Number of loans and total fine per month and branch")
    assert result["outcome"] == "delivered", result
    assert result["models"] == ["fct_monthly_loans"] and outcome.spec is not None
    assert outcome.spec.extends == {"month": "loan_month", "branch": "branch"}
    checks = {c["name"]: c["status"] for c in result["checks"]}
    proofs = ("grain", "reconciliation", "row ledger", "fabrication guard", "model diff",
              "downstream", "docs", "tests")  # fmt: skip
    assert {checks[name] for name in proofs} == {"passed"}, result["checks"]

    branch = result["branch"]
    changed = library.git("diff", f"main..{branch}", "--", "models/marts/marts.yml")
    added = [x for x in changed.splitlines() if x.startswith("+") and "name:" in x]
    assert len(added) == 1 and "fine" in added[0] and "\n-      - " not in changed
    text = Path(result["pull_request"]).read_text("utf-8")
    assert "So it is extended" in text.replace("\\", "")
    assert library.git("log", "-1", "--format=%s", branch).startswith("Extend fct_monthly_loans")
    pad = next(library.place.state.glob(f"runs/{result['run']}/scratchpad.json")).read_text("utf-8")
    assert "extend fct_monthly_loans" in pad

    clone, warehouse = tmp_path / "clone", tmp_path / "copy.duckdb"
    subprocess.run(
        ["git", "clone", "-q", "-b", branch, str(library.repository), str(clone)], check=True
    )
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw")
        connection.execute(LOANS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIBRARY_WAREHOUSE", str(warehouse))
        dbt("build", clone)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        (name,) = [m.name for m in outcome.spec.metrics]
        wanted = (
            "select date_trunc('month', lent_at)::date, branch, count(*), sum(fine)"
            " from raw.loans group by 1, 2"
        )
        have = f"select loan_month, branch, loan_count, {name} from fct_monthly_loans"
        for one, other in ((wanted, have), (have, wanted)):
            assert not connection.execute(f"({one}) except all ({other})").fetchall()


@pytest.mark.parametrize(
    ("key", "title", "why"),
    [
        ("LIB-2", "Number of loans and total fine per week and branch", "another grain"),
        ("LIB-3", "Number of loans and total fine per year and medium", "fewer rows"),
        ("LIB-4", "Number of loans and total fine per day", "incremental"),
        ("LIB-5", "New model: number of loans and total fine per month and branch", "its own"),
    ],
)
def test_another_mart_gets_no_column(library: Library, key: str, title: str, why: str) -> None:
    outcome, result = library.ask(key, title)
    assert result["outcome"] == "delivered", (why, result)
    assert outcome.spec is not None and outcome.spec.kind == "new_model", why
    known = {Path(p).stem for p in PROJECT}
    assert not known & set(result["models"])


def test_an_extension_that_the_project_refuses_gives_way_to_a_model_of_its_own(
    library: Library,
) -> None:
    outcome, result = library.ask("LIB-6", "Number of loans and total fine per quarter and medium")
    assert result["outcome"] == "delivered", result
    assert outcome.spec is not None and outcome.spec.kind == "new_model"
    assert "fct_quarterly_loans" not in result["models"]
    assert result["notes"][-1].startswith("Not extended: the check “dbt ")
