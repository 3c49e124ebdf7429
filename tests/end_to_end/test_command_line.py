"""The program itself, as a shell sees it: exit codes, one JSON object, clear refusals, no traces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crew.artifacts import Cost, Failed
from crew.result import result_of
from tests.end_to_end.conftest import TICKETS, Shop
from tests.fakes import REQUEST

pytestmark = pytest.mark.xdist_group("program")

FIRSTMILE = Path(sys.executable).parent / "firstmile"
NONE: Mapping[str, str] = {}
KEYS = set(result_of("", REQUEST, Failed(reason=""), Cost(), 0.0))


@dataclass(frozen=True)
class Done:
    """How the program ended; `left` is what it added to, or removed from, its surroundings."""

    code: int
    out: str
    err: str
    left: set[str]

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        value = json.loads(self.out)
        assert isinstance(value, dict), self.out[:200]
        return value


def listing(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def command(folder: Path, home: str | None, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a start: nothing of ours but what is given."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIRSTMILE_", "CREWAI_"))}
    kept.pop("SHOP_WAREHOUSE", None)
    return {**kept, "HOME": home or str(folder / "home"), "COLUMNS": "200", **settings}


def firstmile(
    folder: Path,
    *arguments: str,
    settings: Mapping[str, str] = NONE,
    stdin: bytes = b"",
    home: str | None = None,
) -> Done:
    """Start the program with `folder/here` as working directory and `folder/home` as home."""
    for name in ("here", "home"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    before = listing(folder)
    done = subprocess.run(
        [FIRSTMILE, *arguments], cwd=folder / "here", input=stdin, capture_output=True,
        env=command(folder, home, settings), timeout=300,
    )  # fmt: skip
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err, err
    return Done(done.returncode, out, err, listing(folder) ^ before)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    call = ["git", *who, "-C", str(folder), *arguments]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def work_tree(shop: Shop, tmp_path: Path) -> Path:
    """A repository somebody works in: a change, a staged file, a file git does not know."""
    folder = tmp_path / "repository"
    subprocess.run(["git", "clone", "-q", str(shop.repository), str(folder)], check=True)
    git(folder, "checkout", "-q", "-b", "feature")
    (folder / "README.md").write_text("half done\n")
    (folder / "models/new.sql").write_text("select 1 as one\n")
    git(folder, "add", "models/new.sql")
    (folder / "notes.txt").write_text("mine\n")
    return folder


def as_it_was(repository: Path) -> tuple[str, ...]:
    """Everything a person would notice: status, index, current branch, stash, work tree."""
    files = {p: (repository / p).read_bytes() for p in ("README.md", "models/new.sql", "notes.txt")}
    return (
        git(repository, "status", "--porcelain", "--branch", "--ignored"),
        git(repository, "ls-files", "--stage"),
        git(repository, "stash", "list"),
        git(repository, "config", "--list", "--local"),
        git(repository, "reflog"),
        repr(files),
    )


# --- runs that end in an outcome -------------------------------------------------------------


def test_two_processes_on_one_ticket_give_one_branch_one_commit_and_touch_nothing_else(
    shop: Shop, work_tree: Path, tmp_path: Path
) -> None:
    before = as_it_was(work_tree)
    state = tmp_path / "state"
    arguments = (
        "replay", str(TICKETS / "jira_weekly_churn.json"), "--project", str(work_tree),
        "--state", str(state), "--json",
    )  # fmt: skip
    warehouse = {"SHOP_WAREHOUSE": str(shop.warehouse)}
    homes = [None, "/proc"]  # an empty one, and one that nobody can write
    with ThreadPoolExecutor() as pool:
        starts = [
            pool.submit(firstmile, tmp_path, *arguments, home=h, settings=warehouse) for h in homes
        ]
        ended = [start.result() for start in starts]
    assert sorted({done.code for done in ended}) in ([0], [0, 1]), ended
    delivered = [done.json for done in ended if done.code == 0]
    refused = [done.json for done in ended if done.code == 1]
    assert all("another process" in r["reason"] and r["cure"] for r in refused)
    result = delivered[0]
    assert set(result) == KEYS and result["outcome"] == "delivered"
    assert len({(r["branch"], r["commit"]) for r in delivered}) == 1
    refs = git(work_tree, "for-each-ref", "--format=%(refname)", "refs/heads/firstmile")
    assert refs.split() == [f"refs/heads/{result['branch']}"]
    assert git(work_tree, "rev-list", "--count", f"feature..{result['branch']}") == "1\n"
    assert git(work_tree, "rev-parse", result["branch"]).strip() == result["commit"]
    assert result["base"] == "feature"
    changed = git(work_tree, "diff", "--name-only", f"feature...{result['branch']}").split()
    assert sorted(changed) == sorted(f["path"] for f in result["files"])
    assert as_it_was(work_tree) == before
    assert {p.name for p in (state / "pull_requests").iterdir()} == {
        f"{result['branch'].replace('/', '__')}{end}" for end in (".md", ".json")
    }
    assert listing(tmp_path / "home") == set() and listing(tmp_path / "here") == set()
    assert list((state / "work").iterdir()) == []
    history_of_runs(tmp_path, state, result)


def history_of_runs(folder: Path, state: Path, result: Mapping[str, Any]) -> None:
    """`runs` and `show` tell afterwards what happened."""
    found = firstmile(folder, "show", result["run"][:10], "--state", str(state), "--json")
    shown = found.json
    assert (found.code, shown["branch"]) == (0, result["branch"])
    assert KEYS | {"steps", "scratchpad"} == set(shown)
    assert {"fact", "decision"} <= {j["kind"] for j in shown["scratchpad"]}
    assert [step["step"] for step in shown["steps"]][-1] == "deliver"
    for_people = firstmile(folder, "show", result["run"], "--state", str(state))
    assert for_people.code == 0 and result["branch"] in for_people.out
    listed = firstmile(folder, "runs", "--state", str(state))
    assert listed.code == 0 and result["run"] in listed.out
    told = firstmile(folder, "runs", "--state", str(state), "--json")
    assert told.code == 0 and result["run"] in told.out


EXISTING = ["replay", str(TICKETS / "jira_existing_mart.json"), "--dry-run"]
ANSWERED = ["ask", "active customers per month", "--answer", "A", "--to", "none"]
ONE_STEP = {"FIRSTMILE_BUDGET__STEPS": "1"}


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "outcome"),
    [
        pytest.param(["replay", "-"], NONE, 3, "needs_answers", id="question on standard input"),
        pytest.param(ANSWERED, NONE, 0, "delivered", id="answered, delivered nowhere"),
        pytest.param(EXISTING, NONE, 4, "already_exists", id="dry run", marks=pytest.mark.slow),
        pytest.param(
            ["ask", "orders per week"], ONE_STEP, 1, "failed", id="budget", marks=pytest.mark.slow
        ),
    ],
)
def test_each_outcome_has_its_exit_code_and_the_same_keys(
    shop: Shop,
    tmp_path: Path,
    arguments: list[str],
    settings: Mapping[str, str],
    code: int,
    outcome: str,
) -> None:
    refs = git(shop.repository, "for-each-ref")
    state = tmp_path / "state"
    stdin = (TICKETS / "jira_active_customers.json").read_bytes()
    missing = str(tmp_path / "no" / "home")
    done = firstmile(
        tmp_path, *arguments, "--project", str(shop.repository), "--state", str(state), "--json",
        stdin=stdin, home=missing,
        settings={"SHOP_WAREHOUSE": str(shop.warehouse), **settings},
    )  # fmt: skip
    assert done.code == code, done.out + done.err
    result = done.json
    assert set(result) == KEYS
    assert result["outcome"] == outcome
    assert result["commit"] is None and result["pull_request"] is None
    assert {Path(p).parts[0] for p in done.left} == {"state"}
    assert git(shop.repository, "for-each-ref") == refs
    if outcome == "delivered":
        assert result["branch"] and result["files"] and result["checks"]
        assert all(c["status"] != "failed" for c in result["checks"])
    if outcome == "needs_answers":
        assert result["questions"] and result["request"]["key"] == "DATA-152"


def test_settings_are_written_examined_and_the_project_is_indexed_once(
    shop: Shop, tmp_path: Path
) -> None:
    given = ("--project", str(shop.repository), "--json")
    settings = {"SHOP_WAREHOUSE": str(shop.warehouse)}
    done = firstmile(tmp_path, "init", *given, settings=settings)
    assert done.code == 0, done.out + done.err
    checks = {check["name"]: check["status"] for check in done.json["checks"]}
    assert set(checks.values()) == {"passed"} and {"git", "project", "warehouse"} <= set(checks)
    file = tmp_path / "here" / "firstmile.yml"
    assert done.json["wrote"] == str(file)
    assert str(shop.repository) in file.read_text()
    again = firstmile(tmp_path, "init", *given, settings=settings)
    assert again.code == 1 and "already" in again.json["reason"] and again.json["cure"]
    indexed = firstmile(tmp_path, "index", "--json", settings=settings)
    assert (indexed.code, indexed.json["entries"]["model"]) == (0, 14)
    assert indexed.json["faults"] == {}
    assert indexed.json["written"] == 0, "doctor has indexed the very same models before"


# --- what cannot be used ---------------------------------------------------------------------

PROJECT = """
name: tiny
profile: tiny
"""
PROFILE = """
tiny:
  target: dev
  outputs:
    dev: {type: duckdb, path: %s}
"""
TICKET = str(TICKETS / "markdown_request.md")


def project(folder: Path, profile: str = PROFILE % "w.duckdb") -> Path:
    """A small dbt project that is not under git."""
    (folder / "models").mkdir(parents=True)
    (folder / "models/one.sql").write_text("select 1 as one\n")
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "profiles.yml").write_text(profile)
    return folder


@dataclass(frozen=True)
class Refusal:
    """A start that must be refused, and words of the message."""

    arguments: list[str]
    stdin: bytes
    words: str


def refusals(folder: Path) -> Iterator[tuple[str, list[str], bytes, str]]:
    """What is wrong, the arguments, standard input, and words of the message."""
    tiny = str(project(folder / "tiny"))
    at_tiny = ["--project", tiny, "--to", "none"]
    (folder / "empty.md").write_text(" \n")
    (folder / "binary.md").write_bytes(b"PK\x03\x04\0\0")
    (folder / "latin.md").write_bytes("Umsatz für März".encode("latin-1"))
    (folder / "list.json").write_text('[{"a": 1}]')
    (folder / "broken.json").write_text('{"key": ')
    tickets = {
        "no such file": ("nothing.md", "no file"),
        "a folder as ticket": (tiny, "is a folder"),
        "an empty file": (str(folder / "empty.md"), "empty"),
        "a binary file": (str(folder / "binary.md"), "binary"),
        "another encoding": (str(folder / "latin.md"), "UTF-8"),
        "JSON that is no ticket": (str(folder / "list.json"), "no ticket"),
        "half a JSON": (str(folder / "broken.json"), "no valid JSON"),
        "empty standard input": ("-", "Standard input is empty"),
    }
    for what, (ticket, words) in tickets.items():
        yield what, ["replay", ticket, *at_tiny], b"", words
    yield "an empty question", ["ask", "  "], b"", "empty"
    yield "unknown --to", ["replay", TICKET, "--project", tiny, "--to", "gitlab"], b"", "'github'"
    yield "init with unknown --to", ["init", "--to", "gitlab"], b"", "'github'"
    yield "no such run", ["show", "nothing"], b"", "no run"
    yield from project_refusals(folder, tiny)


def project_refusals(folder: Path, tiny: str) -> Iterator[tuple[str, list[str], bytes, str]]:
    two = folder / "two"
    for name in ("a", "b"):
        project(two / name)
    missing = PROFILE % "\"{{ env_var('NOT_THERE') }}\""
    alone = project(folder / "alone")
    (alone / "profiles.yml").unlink()
    wrong = {
        "not a dbt project": (folder / "home", [], "No dbt_project.yml"),
        "no such folder": (folder / "nowhere", [], "no folder"),
        "two dbt projects": (two, [], "several dbt projects"),
        "no such subfolder": (two, ["--subfolder", "c"], "'c'"),
        "no profile": (alone, [], "profiles.yml"),
        "a broken profile": (project(folder / "p1", "tiny: ["), [], "cannot be read"),
        "no such target": (Path(tiny), ["--target", "prod"], "'prod'"),
        "adapter not installed": (project(folder / "p2", PROFILE.replace("duckdb", "oracle") % "x"), [], "oracle"),
        "missing variable": (project(folder / "p3", missing), [], "NOT_THERE"),
    }  # fmt: skip
    for what, (where, extra, words) in wrong.items():
        yield what, ["replay", TICKET, "--project", str(where), "--to", "none", *extra], b"", words
    local = ["replay", TICKET, "--project", tiny, "--to", "local"]
    yield "no git repository for --to local", local, b"", "git"
    yield "no settings for --to github", [*local[:-1], "github"], b"", "github"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Refusal]:
    """Everything that is refused, by what is wrong with it."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "home").mkdir()
    return {what: Refusal(a, stdin, words) for what, a, stdin, words in refusals(folder)}


REFUSALS = [
    "no such file", "a folder as ticket", "an empty file", "a binary file", "another encoding",
    "JSON that is no ticket", "half a JSON", "empty standard input", "an empty question",
    "unknown --to", "init with unknown --to", "no such run", "not a dbt project",
    "no such folder", "two dbt projects", "no such subfolder", "no profile",
    "a broken profile", "no such target", "adapter not installed", "missing variable",
    "no git repository for --to local", "no settings for --to github",
]  # fmt: skip
# These start dbt and CrewAI before they are refused, as two of the others do.
SLOW = {"no profile", "a broken profile", "adapter not installed"}


@pytest.mark.parametrize(
    "what", [pytest.param(w, marks=pytest.mark.slow if w in SLOW else ()) for w in REFUSALS]
)
def test_what_cannot_be_used_is_told_with_a_cure_and_leaves_nothing(
    what: str, cases: dict[str, Refusal], tmp_path: Path
) -> None:
    case = cases[what]
    done = firstmile(tmp_path, *case.arguments, "--json", stdin=case.stdin)
    assert done.code == 1, done.out + done.err
    said = done.json
    assert said["outcome"] == "failed"
    assert case.words in said["reason"], said
    assert said["cure"], said
    assert "should not" not in said["reason"], "nobody foresaw it"
    assert done.left == set()
    if case.arguments[0] in {"replay", "ask"}:
        assert set(said) >= KEYS


def test_every_refusal_is_tried(cases: dict[str, Refusal]) -> None:
    assert set(cases) == set(REFUSALS)


def test_people_read_the_message_and_its_cure_on_standard_error(tmp_path: Path) -> None:
    done = firstmile(tmp_path, "replay", "nothing.md", "--state", "deep/er/state")
    assert (done.code, done.out, done.left) == (1, "", set())
    message, cure = done.err.strip().splitlines()
    assert "nothing.md" in message and cure.endswith(".")


def test_a_folder_made_on_the_way_to_the_state_is_removed_too(tmp_path: Path) -> None:
    done = firstmile(
        tmp_path, "replay", TICKET, "--project", "nowhere", "--state", "deep/er/state", "--json"
    )
    assert (done.code, done.left) == (1, set())


def test_every_command_prints_one_json_object(tmp_path: Path) -> None:
    done = firstmile(tmp_path, "runs", "--json")
    assert done.code == 0 and done.json is not None and done.left == set()


def test_a_project_without_git_can_be_tried_where_it_is(tmp_path: Path) -> None:
    project(tmp_path / "here")
    done = firstmile(tmp_path, "ask", "one per month", "--to", "none", "--json")
    assert done.json["outcome"] in {"needs_answers", "refused", "failed", "delivered"}
    assert "inside the project" not in done.json["reason"], done.json


def test_a_refusal_for_people_in_their_own_repository_leaves_no_mark_there(
    shop: Shop, tmp_path: Path
) -> None:
    repository = tmp_path / "here"
    subprocess.run(["git", "clone", "-q", str(shop.repository), str(repository)], check=True)
    refs = git(repository, "for-each-ref")
    settings = {"SHOP_WAREHOUSE": str(shop.warehouse)}
    ticket = str(TICKETS / "jira_hostile_only.json")
    done = firstmile(tmp_path, "replay", ticket, settings=settings)
    assert done.code == 5, done.err
    assert "Refused" in done.out
    assert git(repository, "for-each-ref") == refs
    assert "uncommitted" not in done.err, "our own state folder is no change of theirs"
    assert git(repository, "status", "--porcelain") == ""
