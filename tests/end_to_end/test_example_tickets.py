"""Each example ticket, end to end: real dbt, DuckDB, CrewAI, Chroma and git.

What is delivered is built by a fresh dbt from the delivered branch, and its rows must equal those
of independently written SQL over the generator's truth.
"""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crew.artifacts import Cost, Outcome
from crew.assemble import Workplace
from tests.end_to_end.conftest import ROOT, TICKETS, Shop
from triggers.ticket_file import read_ticket_file

pytestmark = pytest.mark.xdist_group("example")

DELIVERED = {
    "jira_weekly_churn.json": 0,
    "notion_monthly_net_revenue.json": 0,
    "slack_average_order_value.txt": 0,
    "jira_add_column.json": 0,
    "jira_stage_support_tickets.json": 0,
    "jira_active_customers_answered.json": 0,
    "jira_hostile.json": 0,
    "markdown_request.md": 0,
    "request.txt": 0,
    "invoices_per_plan.txt": 0,
}


class Silent:
    def step_started(self, name: str) -> None: ...
    def delivering(self, branch: str) -> None:
        return None

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None: ...


def work(place: Workplace, ticket: str) -> tuple[Outcome, dict[str, Any]]:
    return place.work(read_ticket_file(str(TICKETS / ticket), io.BytesIO()), Silent())


@pytest.fixture(scope="module")
def results(workplace: Workplace) -> dict[str, dict[str, Any]]:
    return {t: work(workplace, t)[1] for t in DELIVERED}


@pytest.fixture(scope="module")
def built(
    shop: Shop, results: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the warehouse in which a fresh dbt built all delivered models."""
    folder = tmp_path_factory.mktemp("built")
    clone, warehouse = folder / "clone", folder / "shop.duckdb"
    warehouse.write_bytes(shop.warehouse.read_bytes())
    subprocess.run(["git", "clone", "--quiet", str(shop.repository), str(clone)], check=True)
    models = []
    for result in results.values():
        for file in result["files"]:
            if file["path"].endswith(".sql") and file["path"].startswith("models/"):
                text = subprocess.run(
                    ["git", "show", f"origin/{result['branch']}:{file['path']}"],
                    cwd=clone, check=True, capture_output=True,
                ).stdout  # fmt: skip
                (clone / file["path"]).parent.mkdir(parents=True, exist_ok=True)
                (clone / file["path"]).write_bytes(text)
                models.append(Path(file["path"]).stem)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), "run", "--select", *models, "--profiles-dir", "."],
        cwd=clone, capture_output=True, text=True,
        env={**os.environ, "SHOP_WAREHOUSE": str(warehouse), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return warehouse


def rows_of(database: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        cursor = connection.execute(sql)
        return [d[0] for d in cursor.description or ()], cursor.fetchall()


def plain(value: Any) -> Any:
    if isinstance(value, Decimal | float):
        return None if math.isnan(float(value)) else round(float(value), 6)
    return str(value) if value is not None and not isinstance(value, int | str | bool) else value


@pytest.mark.parametrize("ticket", DELIVERED)
def test_delivered_rows_equal_the_truth(
    ticket: str, results: dict[str, dict[str, Any]], built: Path, shop: Shop
) -> None:
    result = results[ticket]
    assert result["outcome"] == "delivered", result
    model = result["models"][0]
    name = Path(ticket).stem
    expected_sql = (ROOT / "examples" / "expected" / f"{name}.sql").read_text("utf-8")
    names, expected = rows_of(shop.truth, expected_sql)
    schema_sql = f"select table_schema from information_schema.tables where table_name = '{model}'"
    schema = rows_of(built, schema_sql)[1][0][0]
    have, _ = rows_of(built, f"select * from {schema}.{model} limit 0")
    common = [n for n in names if n in have]
    assert len(common) >= len(result_keys(names)), (names, have)
    _, rows = rows_of(built, f"select {', '.join(common)} from {schema}.{model}")
    picked = [tuple(plain(row[names.index(c)]) for c in common) for row in expected]
    found = [tuple(plain(v) for v in row) for row in rows]
    assert sorted(found, key=repr) == sorted(picked, key=repr)


def result_keys(names: list[str]) -> list[str]:
    """At least keys and the figure itself must be there."""
    return names[:2]


def test_ambiguous_ticket_is_asked_about_with_numbers(workplace: Workplace) -> None:
    _, result = work(workplace, "jira_active_customers.json")
    assert result["outcome"] == "needs_answers"
    [question] = result["questions"]
    assert "Active" in question["text"]
    assert len(question["options"]) >= 3
    assert all(any(c.isdigit() for c in o["effect"]) for o in question["options"])
    assert result["branch"] is None


def test_existing_mart_answers_in_other_words(workplace: Workplace) -> None:
    _, result = work(workplace, "jira_existing_mart.json")
    assert result["outcome"] == "already_exists"
    assert result["models"] == ["fct_monthly_recurring_revenue"]


def test_nothing_is_opened_where_nothing_needs_to_change(workplace: Workplace, shop: Shop) -> None:
    before = branches(shop)
    _, result = work(workplace, "jira_nothing_to_change.json")
    assert result["outcome"] == "already_exists"
    assert branches(shop) == before


def test_hostile_ticket_is_refused_and_its_wishes_are_not_followed(
    workplace: Workplace, results: dict[str, dict[str, Any]], shop: Shop
) -> None:
    before = branches(shop)
    _, refused = work(workplace, "jira_hostile_only.json")
    assert refused["outcome"] == "refused"
    assert branches(shop) == before
    delivered = results["jira_hostile.json"]
    notes = " ".join(delivered["notes"])
    assert "passwd" in notes and "drop" in notes
    text = Path(delivered["pull_request"]).read_text("utf-8")
    assert "Not followed" in text
    for file in delivered["files"]:
        content = subprocess.run(
            ["git", f"--git-dir={shop.repository}", "show", f"{delivered['branch']}:{file['path']}"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert "passwd" not in content and "hook" not in content and "env_var" not in content
        assert file["path"].startswith(("models/", "tests/"))


def test_the_pull_request_shows_the_unit_test_and_what_the_tests_catch(
    results: dict[str, dict[str, Any]], shop: Shop
) -> None:
    delivered = results["jira_weekly_churn.json"]
    text = Path(delivered["pull_request"]).read_text("utf-8")
    assert "| unit tests | 1 passed |" in text
    assert "wrong versions of this model are caught by the proposed tests" in text
    [schema] = [f["path"] for f in delivered["files"] if f["path"].endswith(".yml")]
    content = subprocess.run(
        ["git", f"--git-dir={shop.repository}", "show", f"{delivered['branch']}:{schema}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "unit_tests:" in content and "expect:" in content


def test_replay_twice_gives_one_branch_and_one_commit(
    workplace: Workplace, results: dict[str, dict[str, Any]], shop: Shop
) -> None:
    first = results["jira_weekly_churn.json"]
    _, again = work(workplace, "jira_weekly_churn.json")
    assert (again["branch"], again["commit"]) == (first["branch"], first["commit"])
    count = subprocess.run(
        ["git", f"--git-dir={shop.repository}", "rev-list", "--count", f"main..{first['branch']}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert count.strip() == "1"


def branches(shop: Shop) -> str:
    return subprocess.run(
        ["git", f"--git-dir={shop.repository}", "for-each-ref"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
