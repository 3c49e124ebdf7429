"""What became of delivered files, in real repositories: merged, squashed, moved, dropped, gone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from crew.artifacts import ChangeSet, Check, FileChange, ValidationReport, files_digest
from crew.delivery.local_git_host import LocalGitHost
from crew.delivery.merged_files import MergedFile, merged_files

BRANCH = "firstmile/data-1"
SQL = "select\n    region,\n    count(*) as orders\nfrom {{ ref('stg_orders') }}\ngroup by region\n"
TEST = "select * from {{ ref('fct_orders') }}\nwhere orders < 0\n"
YAML = "models:\n  - name: old\n    description: Old.\n"
GROWN = (
    YAML + "  - name: fct_orders\n    description: Orders.\n    columns:\n      - name: region\n"
)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ("git", *who, "-C", str(folder), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(params=["", "dbt"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Company:
    """A repository with a delivered change, in which people go on working."""

    def __init__(self, work: Path, prefix: str) -> None:
        self.work, self.prefix = work, prefix
        self.write("models/_models.yml", YAML)
        git(work, "init", "-q", "-b", "main")
        self.commit("first")
        files = (
            FileChange(path="models/marts/fct_orders.sql", text=SQL, action="create"),
            FileChange(path="tests/assert_orders.sql", text=TEST, action="create"),
            FileChange(path="models/_models.yml", text=GROWN, action="update"),
        )
        checks = (Check(name="build", status="passed"),)
        self.change = ChangeSet(
            files=files, message="Add orders\n\nFirstmile-Request: DATA-1", branch=BRANCH,
            base="main", base_commit=git(work, "rev-parse", "main"), title="Orders",
            report=ValidationReport(files=files_digest(files), checks=checks),
        )  # fmt: skip
        self.host = LocalGitHost(work, prefix, work.parent / "state")
        self.host.ensure_pull_request(self.change, "why")

    def write(self, path: str, text: str) -> None:
        file = self.work / self.prefix / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, message: str) -> str:
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "-m", message)
        return git(self.work, "rev-parse", "HEAD")

    def move(self, old: str, new: str) -> None:
        (self.work / self.prefix / new).parent.mkdir(parents=True, exist_ok=True)
        (self.work / self.prefix / old).rename(self.work / self.prefix / new)

    def squash(self, message: str = "Orders (1)") -> str:
        git(self.work, "checkout", "-q", "main")
        git(self.work, "merge", "-q", "--squash", BRANCH)
        return self.commit(message)

    def became(self, commit: str) -> dict[str, MergedFile | None]:
        return merged_files(self.work, self.prefix, self.change, commit)


@pytest.fixture
def company(tmp_path: Path, prefix: str) -> Company:
    return Company(tmp_path / "work", prefix)


def test_a_merge_commit_gives_the_files_as_they_are(company: Company) -> None:
    company.write("models/other.sql", "select 1\n")
    company.commit("meanwhile")
    git(company.work, "merge", "-q", "--no-ff", "--no-edit", BRANCH)
    merge = git(company.work, "rev-parse", "HEAD")
    git(company.work, "branch", "-D", BRANCH)
    verdict = company.host.verdict(company.change)
    assert (verdict.state, verdict.commit) == ("merged", merge)
    assert company.became(verdict.commit) == {
        file.path: MergedFile(file.path, file.text) for file in company.change.files
    }


@pytest.mark.parametrize("deleted", [False, True], ids=["branch kept", "branch deleted"])
def test_what_reviewers_did_before_a_squash_is_seen(company: Company, deleted: bool) -> None:
    git(company.work, "checkout", "-q", BRANCH)
    edited = SQL.replace("group by", "where not is_test\ngroup by")
    company.move("models/marts/fct_orders.sql", "models/finance/fct_net_orders.sql")
    company.write("models/finance/fct_net_orders.sql", edited)
    (company.work / company.prefix / "tests/assert_orders.sql").unlink()
    company.commit("as I like it")
    merge = company.squash()
    if deleted:
        git(company.work, "branch", "-D", BRANCH)
    company.write("models/later.sql", SQL)
    company.commit("later")
    verdict = company.host.verdict(company.change)
    assert (verdict.state, verdict.commit) == ("merged", merge)
    assert company.became(verdict.commit) == {
        "models/marts/fct_orders.sql": MergedFile("models/finance/fct_net_orders.sql", edited),
        "tests/assert_orders.sql": None,
        "models/_models.yml": MergedFile("models/_models.yml", GROWN),
    }


def test_the_same_name_in_another_folder_is_the_model_whatever_is_in_it(company: Company) -> None:
    git(company.work, "checkout", "-q", BRANCH)
    company.move("models/marts/fct_orders.sql", "models/sales/fct_orders.sql")
    company.write("models/sales/fct_orders.sql", "select 1 as one\n")
    company.write("models/sales/copy.sql", SQL)
    company.commit("rewritten")
    found = company.became(company.squash())["models/marts/fct_orders.sql"]
    assert found == MergedFile("models/sales/fct_orders.sql", "select 1 as one\n")


def test_a_model_that_was_there_before_is_no_rename(company: Company) -> None:
    git(company.work, "checkout", "-q", BRANCH)
    (company.work / company.prefix / "models/marts/fct_orders.sql").unlink()
    company.write("tests/kept.sql", "select 0\n")
    company.commit("dropped")
    assert company.became(company.squash())["models/marts/fct_orders.sql"] is None


def test_edits_on_top_of_a_rebased_commit_belong_to_it(company: Company) -> None:
    git(company.work, "checkout", "-q", BRANCH)
    edited = SQL.replace("orders", "order_count", 1)
    company.write("models/marts/fct_orders.sql", edited)
    company.commit("better name")
    git(company.work, "checkout", "-q", "main")
    company.write("models/other.sql", "select 1\n")
    company.commit("meanwhile")
    git(company.work, "cherry-pick", f"main..{BRANCH}")
    merge = git(company.work, "rev-parse", "HEAD")
    git(company.work, "branch", "-D", BRANCH)
    (company.work / "README.md").write_text("on\n")
    company.commit("later")
    verdict = company.host.verdict(company.change)
    assert (verdict.state, verdict.commit) == ("merged", merge)


def test_somebody_elses_model_of_that_name_leaves_the_branch_open(company: Company) -> None:
    company.write("models/marts/fct_orders.sql", "select a, b, c\nfrom x\nwhere d\nlimit 5\n")
    company.commit("my own orders")
    assert company.host.verdict(company.change).state == "open"


def test_a_deleted_branch_that_nobody_merged_is_gone(company: Company) -> None:
    git(company.work, "branch", "-D", BRANCH)
    company.write("models/other.sql", "select 1\n")
    company.commit("later")
    assert company.host.verdict(company.change).state == "gone"


def test_a_change_of_existing_files_is_merged_when_most_of_it_is_there(company: Company) -> None:
    files = (company.change.files[2],)
    report = ValidationReport(
        files=files_digest(files), checks=(Check(name="build", status="passed"),)
    )
    about = company.change.model_dump(exclude={"files", "report", "branch"})
    change = ChangeSet(files=files, report=report, branch="firstmile/data-2", **about)
    company.host.ensure_pull_request(change, "why")
    assert company.host.verdict(change).state == "open"
    company.write("models/_models.yml", GROWN.replace("Orders.", "All orders."))
    merge = company.commit("docs")
    git(company.work, "branch", "-D", "firstmile/data-2")
    verdict = company.host.verdict(change)
    assert (verdict.state, verdict.commit) == ("merged", merge)


def test_a_commit_that_is_not_there_gives_nothing(company: Company) -> None:
    assert company.became("1" * 40) == {}
    assert company.became("") == {}
